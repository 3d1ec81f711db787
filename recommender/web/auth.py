"""Who may open which route, and who is there: the access rules, sessions and their cookies.

Every blueprint is either in `PUBLIC` or belongs to the staff's desk below `/staff`, where
every view says with `require` or `public` whom it is for; one that says nothing is closed.
Only requests below `/staff` look at a cookie. The session itself is in the store, so that it
ends when we say so.
"""

from __future__ import annotations

import hmac
import re
import secrets
from collections.abc import Callable
from contextlib import suppress
from enum import Enum
from typing import Any, NoReturn, TypeVar, cast
from urllib.parse import urlsplit

from flask import (
    Flask,
    Request,
    Response,
    abort,
    current_app,
    g,
    make_response,
    redirect,
    render_template,
    request,
    url_for,
)
from flask.sessions import SessionInterface, SessionMixin
from markupsafe import Markup
from werkzeug.exceptions import HTTPException
from werkzeug.wrappers import Response as AnyResponse

from recommender.store.accounts import (
    Account,
    Role,
    Session,
    create_session,
    end_session,
    find_account,
    find_session,
    forget_tries,
    use_recovery_code,
    use_totp_step,
)
from recommender.store.inbox import check_rate
from recommender.web import credentials, get_db, get_settings, kept
from recommender.web.headers import RouteKind, is_below_desk, kind_of
from recommender.web.i18n import SPANISH_PREFIX
from recommender.web.submissions import visitor_code

# The blueprints whose every route is for everybody, without a session.
PUBLIC = frozenset(
    {
        "about",
        "api",
        "api_docs",
        "assets",
        "cards",
        "directory",
        "donor",
        "learn",
        "loader",
        "oembed",
        "partners",
        "pictures",
        "site",
        "submissions",
        "widget",
    }
)

COOKIE = "waymark"
DEVICE_COOKIE = "waymark-device"
DEVICE_S = 180 * 24 * 3600
CSRF_FIELD = "csrf"
CSRF_HEADER = "X-CSRF-Token"
MAX_FORM_BYTES = 2 * kept.MAX_KEPT_BYTES
"""What a form of the desk may be: what was typed and kept comes back to the page to sign in."""

# How many tries to sign in there may be, and within how many seconds.
QUARTER_H = 15 * 60
DEVICE_TRIES = (10, QUARTER_H)
ACCOUNT_HERE_TRIES = (10, QUARTER_H)
NETWORK_TRIES = (40, QUARTER_H)
ACCOUNT_TRIES = (100, 3600)

View = TypeVar("View", bound=Callable[..., Any])


class Open(Enum):
    """The access rule of what anybody may open."""

    TO_ALL = "to all"


Access = Role | Open


class _NoSession(SessionInterface):
    """Flask's own session, of which nothing here makes use; to open it took 50 µs a request."""

    def open_session(self, app: Flask, request: Request) -> None:
        """Open none."""

    def save_session(self, app: Flask, session: SessionMixin, response: Response) -> None:
        """Save none."""


def init_app(app: Flask) -> None:
    """Guard the staff's desk, and tell templates who is there."""
    app.before_request(_guard)
    app.session_interface = _NoSession()
    app.jinja_env.globals.update(current_staff=current_staff, csrf_field=csrf_field)


# --- Access rules ------------------------------------------------------------------------


def require(
    role: Role, *, max_bytes: int | None = None, shows_again: str = ""
) -> Callable[[View], View]:
    """Declare that a view of the desk is for this role and those that cover it.

    Args:
        role: The least that its user must be.
        max_bytes: How large a request may be, where files come that are larger than the
            application takes otherwise. It is lifted for nobody who may not open the view.
        shows_again: The name of a button with which the view shows its form as it was typed
            and does nothing else.
    """

    def mark(view: View) -> View:
        view.max_bytes = max_bytes  # type: ignore[attr-defined]
        view.shows_again = shows_again  # type: ignore[attr-defined]
        return _declare(role)(view)

    return mark


def public(view: View) -> View:
    """Declare that a view of the desk is for everybody, such as the page to sign in."""
    return _declare(Open.TO_ALL)(view)


def _declare(access: Access) -> Callable[[View], View]:
    def mark(view: View) -> View:
        view.access = access  # type: ignore[attr-defined]
        return view

    return mark


def access_of(app: Flask, endpoint: str) -> Access | None:
    """The declared rule of an endpoint, or None where nobody has declared one."""
    if kind_of(endpoint) is RouteKind.STAFF:
        return cast("Access | None", getattr(app.view_functions[endpoint], "access", None))
    blueprint = endpoint.removeprefix(SPANISH_PREFIX).partition(".")[0]
    return Open.TO_ALL if blueprint in PUBLIC else None


def current_staff() -> Account | None:
    """Who is signed in; None on every public page."""
    return cast("Account | None", g.get("staff"))


def current_session() -> Session:
    """The session of this request; only for views that require a role."""
    return cast(Session, g.session)


def csrf_field() -> Markup:
    """The hidden field that every form of a signed-in person must carry."""
    field = Markup('<input type="hidden" name="{}" value="{}">')
    return field.format(CSRF_FIELD, current_session().csrf)


def refuse(title: str, advice: str, status: int = 403) -> NoReturn:
    """End the request with a page of the desk that says why."""
    abort(refusal(title, advice, status))


def refusal(title: str, advice: str, status: int) -> Response:
    """A page of the desk that says why something cannot be done."""
    page = render_template("staff/refused.html", title=title, advice=advice, back=_find_way_back())
    return make_response(page, status)


def _find_way_back() -> str:
    """The page of the desk on which the button was that led to a refusal, or nothing."""
    if request.method != "POST":
        return ""
    with suppress(ValueError, HTTPException):
        page = urlsplit(request.referrer or "")
        if page.netloc == request.host and page.path.startswith("/staff/"):
            current_app.url_map.bind("").match(page.path, "GET")
            return local_path(page._replace(scheme="", netloc="", fragment="").geturl())
    return ""


def _guard() -> AnyResponse | None:
    """Let a request for the desk pass only if its access rule allows it."""
    endpoint = request.endpoint or ""
    if kind_of(endpoint) is not RouteKind.STAFF:
        _recognise()
        return None
    request.max_content_length = request.max_form_memory_size = MAX_FORM_BYTES
    changes = request.method not in {"GET", "HEAD", "OPTIONS"}
    if changes and not _is_from_here():
        refuse("This came from another site", "Please open the page here and send it once more.")
    access = access_of(current_app, endpoint)
    if access is Open.TO_ALL:
        return None
    session = _read_session()
    if session is None:
        return _ask_to_sign_in()
    g.session, g.staff = session, session.account
    if not isinstance(access, Role) or not session.account.role.covers(access):
        refuse("This is not for your role", "If you need it, please ask an administrator.")
    _lift_limit(endpoint)
    if changes and not _has_csrf_token(session):
        _refuse_old_form()
    return None


def _recognise() -> None:
    """Know who is there where the desk has no such page, so that its error page is theirs."""
    if request.endpoint is None and is_below_desk(request.path):
        session = _read_session()
        if session is not None:
            g.session, g.staff = session, session.account


def _ask_to_sign_in() -> AnyResponse:
    """Lead a stranger to the page to sign in, with what they had typed."""
    typed = kept.read_typed(CSRF_FIELD) if request.method == "POST" else None
    if typed is not None:
        page = render_template("staff/login.html", kept=typed, trouble=None)
        return make_response(page, 401)
    here = request.full_path.rstrip("?") if request.method == "GET" else None
    return redirect(url_for("staff.login", next=here), 303)


def _refuse_old_form() -> NoReturn:
    """Let somebody send a form once more that an earlier session of theirs has opened."""
    title = "This form is out of date"
    typed = kept.read_typed(CSRF_FIELD)
    if typed is not None:
        abort(kept.show_again(typed, title, 403))
    refuse(title, "Your session has changed since it was opened. Please open it again.")


def _lift_limit(endpoint: str) -> None:
    """Let a view take the files that it asks for, before the form is read for its token."""
    max_bytes = getattr(current_app.view_functions[endpoint], "max_bytes", None)
    if max_bytes is not None:
        request.max_content_length = max_bytes


def _is_from_here() -> bool:
    """Whether the browser says that a form was on this site; silence is not enough here."""
    site, origin = request.headers.get("Sec-Fetch-Site"), request.headers.get("Origin")
    own = {request.host_url.rstrip("/"), get_settings().site_url}
    if site not in {None, "same-origin"} or (origin and origin not in own):
        return False
    return bool(site or origin)


def _has_csrf_token(session: Session) -> bool:
    token = request.headers.get(CSRF_HEADER) or request.form.get(CSRF_FIELD, "")
    return hmac.compare_digest(token.encode(), session.csrf.encode())


def local_path(address: str) -> str:
    """Where to go after signing in: a page of the desk, whatever the address says."""
    inside = re.fullmatch(r"/staff(/[^\\]*)?(\?[^\\]*)?", address)
    return address if inside and address.isprintable() else url_for("staff_dashboard.home")


# --- Cookies -----------------------------------------------------------------------------


def is_safe_connection() -> bool:
    """Whether a session can be kept from others: over TLS, or on this machine."""
    local = urlsplit(request.host_url).hostname in {"localhost", "127.0.0.1", "::1"}
    return local or _is_tls()


def _is_tls() -> bool:
    return request.is_secure or get_settings().site_url.startswith("https://")


def _cookie_name(name: str) -> str:
    return f"__Host-{name}" if _is_tls() else name


def _set_cookie(response: AnyResponse, name: str, value: str, max_age: int | None = None) -> None:
    response.set_cookie(
        _cookie_name(name),
        value,
        max_age=max_age,
        path="/",
        secure=_is_tls(),
        httponly=True,
        samesite="Strict",
    )


def _read_session() -> Session | None:
    token = request.cookies.get(_cookie_name(COOKIE), "")
    return find_session(get_db(), token) if token else None


def start_session(account: Account, response: AnyResponse) -> None:
    """Sign this browser in under a new token, which ends an earlier session, and remember it.

    From then on this request is that of the account.

    Raises:
        InvalidAccount: the account changed since it was read.
    """
    earlier = _read_session()
    if earlier is not None:
        end_session(get_db(), earlier)
    token = create_session(get_db(), account)
    _set_cookie(response, COOKIE, token)
    remember_device(account, response)
    g.session, g.staff = find_session(get_db(), token), account


def forget_session(response: AnyResponse) -> None:
    """Take the session's cookie back."""
    _set_cookie(response, COOKIE, "", max_age=0)


def remember_device(account: Account, response: AnyResponse) -> None:
    """Know this browser again as one in which the account's owner has been.

    The cookie signs nobody in. It only counts the tries of this browser by themselves, so
    that whoever guesses passwords elsewhere cannot keep the owner out. A new password ends it.
    """
    nonce = secrets.token_urlsafe(16)
    _set_cookie(response, DEVICE_COOKIE, f"{nonce}.{_device_mac(account, nonce)}", DEVICE_S)


def _known_device(account: Account | None) -> str:
    """The nonce of this browser if it is one of the account's, or ""."""
    nonce, _, mac = request.cookies.get(_cookie_name(DEVICE_COOKIE), "").partition(".")
    if account is None or not account.password_hash:
        return ""
    known = hmac.compare_digest(mac.encode(), _device_mac(account, nonce).encode())
    return nonce if known else ""


def _device_mac(account: Account, nonce: str) -> str:
    return _code(f"device {account.id} {account.password_hash} {nonce}")


def _code(text: str) -> str:
    return hmac.new(get_settings().secret_key.encode(), text.encode(), "sha256").hexdigest()


# --- Signing in --------------------------------------------------------------------------


def sign_in(email: str, password: str, code: str) -> Account | None:
    """The account whose owner proved to be there, or None, without saying what was wrong.

    Raises:
        RateLimited: there were too many tries; nothing was compared.
    """
    db = get_db()
    account = find_account(db, email)
    if account is not None and account.is_disabled:
        account = None
    own_window = count_try(email, account)
    known = credentials.verify_password(account.password_hash if account else "", password)
    if account is None or not known or not _is_second_step_right(account, code):
        return None
    forget_tries(db, own_window)
    return account


def count_try(email: str, account: Account | None) -> str:
    """Count a try to prove who one is; the key of the window that is the owner's own.

    A browser that is known has a window of its own. All others share those of their network
    and of the account, which holds a guesser with many networks to `ACCOUNT_TRIES`; an owner
    on a new browser who meets that limit uses a known one, or a link of `flask staff reset`.

    Raises:
        RateLimited: the window is full.
    """
    db, device = get_db(), _known_device(account)
    if device:
        key = _code(f"tries of device {device}")
        check_rate(db, key, limit=DEVICE_TRIES[0], window_s=DEVICE_TRIES[1])
        return key
    named = email.strip().lower()
    network, here = visitor_code("sign in"), visitor_code(f"sign in {named} from")
    windows = {
        network: NETWORK_TRIES,
        here: ACCOUNT_HERE_TRIES,
        _code(f"tries of account {named}"): ACCOUNT_TRIES,
    }
    for key, (limit, window_s) in windows.items():
        check_rate(db, key, limit=limit, window_s=window_s)
    return here


def _is_second_step_right(account: Account, code: str) -> bool:
    if not account.totp_secret:
        return True
    db, settings = get_db(), get_settings()
    secret = credentials.open_totp_secret(account.totp_secret, settings.secret_key)
    step = credentials.match_totp(secret, code) if secret else None
    if step is not None:
        return use_totp_step(db, account, step)
    return use_recovery_code(db, account, credentials.tidy_code(code))
