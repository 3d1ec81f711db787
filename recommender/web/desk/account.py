"""Signing in, and one's own account."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

from flask import Blueprint, Response, make_response, redirect, render_template, request, url_for
from werkzeug.wrappers import Response as AnyResponse

from recommender.errors import NotFound, RateLimited
from recommender.store.accounts import (
    IDLE_S,
    Account,
    InvalidAccount,
    Role,
    clear_totp,
    count_recovery_codes,
    end_session,
    end_sessions,
    get_account,
    list_sessions,
    open_link,
    set_password,
    set_recovery_codes,
    set_totp,
    use_link,
    use_totp_step,
)
from recommender.web import auth, credentials, get_db, get_settings, kept
from recommender.web.auth import current_session, public, refuse, require

bp = Blueprint("staff", __name__, url_prefix="/staff")


@dataclass(frozen=True, kw_only=True)
class Trouble:
    """Why a form could not be taken; the field is "" where it is not one field's fault."""

    advice: str
    title: str = "This did not work"
    field: str = ""
    status: int = 422
    retry_after_s: int = 0


@bp.errorhandler(InvalidAccount)
def _changed_meanwhile(_error: InvalidAccount) -> Response:
    """Somebody disabled the account, or changed its password, during this very request."""
    return auth.refusal("Your account has changed", "Please sign in again.", status=409)


# --- Coming and going --------------------------------------------------------------------


@bp.route("/login", methods=["GET", "POST"])
@public
def login() -> AnyResponse:
    """Sign in."""
    if not auth.is_safe_connection():
        advice = "Please use the address that begins with https://."
        refuse("Nobody can sign in over an open connection", advice)
    if request.method == "GET":
        return _page("login")
    try:
        account = _sign_in()
    except RateLimited as error:
        return _page("login", _too_many(error.retry_after_s), kept=kept.read_carried())
    if account is None:
        # One sentence for all, so that nobody learns which addresses have an account.
        advice = "The address, the password or the code is not right."
        trouble = Trouble(title="You are not signed in", advice=advice)
        return _page("login", trouble, kept=kept.read_carried())
    typed = kept.read_carried()
    if typed is not None:
        return _resume(account, typed)
    response = redirect(auth.local_path(request.form.get("next", "")), 303)
    auth.start_session(account, response)
    return response


def _resume(account: Account, typed: kept.Kept) -> Response:
    """Sign in, and show what was typed when the session had ended."""
    response = make_response()
    auth.start_session(account, response)
    response.set_data(kept.show_again(typed, "You are signed in again", 200).data)
    return response


@bp.post("/logout")
@require(Role.EDITOR)
def logout() -> AnyResponse:
    """Sign out."""
    end_session(get_db(), current_session())
    response = redirect(url_for("staff.login"), 303)
    auth.forget_session(response)
    return response


@bp.route("/welcome/<token>", methods=["GET", "POST"])
@public
def welcome(token: str) -> AnyResponse:
    """Set a password by a link that works once, and go on to sign in with it."""
    try:
        account = open_link(get_db(), token)
    except NotFound:
        advice = "It was used, replaced or is older than two days. An administrator can make one."
        refuse("This link works no longer", advice, status=410)
    if request.method == "GET":
        return _page("welcome", account=account)
    trouble = _new_password_trouble(account)
    if trouble is not None:
        return _page("welcome", trouble, account=account)
    account = use_link(get_db(), token, credentials.hash_password(request.form["new_password"]))
    response = redirect(url_for("staff.login"), 303)
    auth.remember_device(account, response)
    return response


# --- One's own account -------------------------------------------------------------------


@bp.get("/account")
@require(Role.EDITOR)
def account() -> AnyResponse:
    """One's password, one-time codes and sessions."""
    return _account_page()


@bp.post("/account/password")
@require(Role.EDITOR)
def change_password() -> AnyResponse:
    """Change the password, which signs out everywhere else."""
    me = current_session().account
    trouble = _confirm("password") or _new_password_trouble(me)
    if trouble is not None:
        return _account_page(trouble)
    set_password(get_db(), me, credentials.hash_password(request.form["new_password"]))
    response = redirect(url_for("staff.account", done="password"), 303)
    auth.start_session(get_account(get_db(), me.email), response)
    return response


@bp.post("/account/sessions")
@require(Role.EDITOR)
def end_other_sessions() -> AnyResponse:
    """Sign out everywhere but here."""
    end_sessions(get_db(), current_session().account, but=current_session())
    return redirect(url_for("staff.account", done="sessions"), 303)


@bp.route("/account/codes", methods=["GET", "POST"])
@require(Role.EDITOR)
def one_time_codes() -> AnyResponse:
    """Begin to be asked for one-time codes, once a code shows that the app has the secret."""
    if current_session().account.totp_secret:
        return redirect(url_for("staff.account"), 303)
    if request.method == "GET":
        return _codes_page(credentials.make_totp_secret())
    secret = request.form.get("secret", "")
    if not credentials.is_totp_secret(secret):
        return _codes_page(credentials.make_totp_secret(), Trouble(advice="Please begin again."))
    trouble = _confirm("codes_password")
    step = credentials.match_totp(secret, request.form.get("code", ""))
    if trouble is None and step is not None:
        return _begin_codes(secret, step)
    wrong = Trouble(field="code", advice="This is not the code of this moment.")
    return _codes_page(secret, trouble or wrong)


@bp.post("/account/codes/end")
@require(Role.EDITOR)
def end_one_time_codes() -> AnyResponse:
    """Be asked for one-time codes no longer."""
    if not current_session().account.totp_secret:
        return redirect(url_for("staff.account"), 303)
    trouble = _confirm("codes_password")
    if trouble is not None:
        return _account_page(trouble)
    clear_totp(get_db(), current_session().account)
    return redirect(url_for("staff.account", done="codes"), 303)


@bp.post("/account/recovery-codes")
@require(Role.EDITOR)
def new_recovery_codes() -> AnyResponse:
    """Replace the recovery codes, and show the new ones once."""
    me = current_session().account
    if not me.totp_secret:
        return redirect(url_for("staff.one_time_codes"), 303)
    trouble = _confirm("recovery_password")
    if trouble is not None:
        return _account_page(trouble)
    codes = credentials.make_recovery_codes()
    set_recovery_codes(get_db(), me, codes)
    return _recovery_page(codes)


# --- Parts -------------------------------------------------------------------------------


def _page(name: str, trouble: Trouble | None = None, **values: Any) -> Response:
    page = render_template(f"staff/{name}.html", trouble=trouble, **values)
    response = make_response(page, trouble.status if trouble else 200)
    if trouble and trouble.retry_after_s:
        response.headers["Retry-After"] = str(trouble.retry_after_s)
    return response


def _account_page(trouble: Trouble | None = None) -> Response:
    me = current_session().account
    return _page(
        "account",
        trouble,
        here=current_session(),
        sessions=list_sessions(get_db(), me),
        idle_minutes=IDLE_S // 60,
        n_recovery_codes=count_recovery_codes(get_db(), me),
    )


def _codes_page(secret: str, trouble: Trouble | None = None) -> Response:
    return _page(
        "codes",
        trouble,
        secret=secret,
        shown_secret=credentials.spread(secret),
        uri=credentials.totp_uri(secret, current_session().account.email),
    )


def _recovery_page(codes: tuple[str, ...]) -> Response:
    return _page("recovery", codes=[credentials.spread(code) for code in codes])


def _begin_codes(secret: str, step: int) -> Response:
    me, codes = current_session().account, credentials.make_recovery_codes()
    sealed = credentials.seal_totp_secret(secret, get_settings().secret_key)
    set_totp(get_db(), me, sealed, codes)
    use_totp_step(get_db(), me, step)
    return _recovery_page(codes)


def _sign_in() -> Account | None:
    given = request.form
    return auth.sign_in(given.get("email", ""), given.get("password", ""), given.get("code", ""))


def _too_many(seconds: int) -> Trouble:
    return Trouble(
        title="Too many tries",
        advice=f"Please try again in {-(-seconds // 60)} minutes.",
        status=429,
        retry_after_s=seconds,
    )


def _confirm(field: str) -> Trouble | None:
    """Ask again for the password, before something that a stolen session must not do."""
    me = current_session().account
    try:
        auth.count_try(me.email, me)
    except RateLimited as error:
        return _too_many(error.retry_after_s)
    if credentials.verify_password(me.password_hash, request.form.get(field, "")):
        return None
    return Trouble(field=field, advice="This is not your present password.")


def _new_password_trouble(account: Account) -> Trouble | None:
    weakness = credentials.find_weakness(request.form.get("new_password", ""), account.email)
    return Trouble(field="new_password", advice=weakness) if weakness else None
