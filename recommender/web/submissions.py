"""What visitors send to the editors: a group, a correction, a claim, a removal, a partner's word.

Nothing about the sender is kept but what was typed, and how to reach them not for long. The
pages set no cookie, so a message must come from our own form by the browser's word
(`Sec-Fetch-Site`), and floods are held back by a count under a one-way code that is gone
within the hour.
"""

from __future__ import annotations

import hashlib
import hmac
import ipaddress
import re
import time
import unicodedata
from contextlib import closing
from dataclasses import dataclass
from functools import partial
from pathlib import Path
from urllib.parse import urlsplit

from flask import Blueprint, Flask, Response, make_response, redirect, render_template, request
from werkzeug.wrappers import Response as AnyResponse
from wtforms import Field, StringField, TextAreaField
from wtforms.form import BaseForm
from wtforms.validators import DataRequired, Length, Optional, ValidationError

from recommender import store
from recommender.errors import NotFound, RateLimited, StorageError
from recommender.models import Nonprofit, Submission, SubmissionKind
from recommender.store.inbox import check_rate, create_submission, erase_contacts
from recommender.store.listings import get_nonprofit
from recommender.web import get_db, get_settings
from recommender.web.background import get_background
from recommender.web.i18n import current_language, lazy_gettext, number, url
from recommender.web.i18n import gettext as _
from recommender.web.standing import leave

MAX_MESSAGE = 4_000
MAX_LINE = 200
MAX_ADDRESS = 500
MAX_PER_WINDOW = 5
WINDOW_S = 3600
TRAP = "subject"

# Contacts whose time has come are looked for so often, in seconds, by every worker.
ERASE_FIRST_S = 60
ERASE_EVERY_S = 3600

bp = Blueprint("submissions", __name__)


class Eraser:
    """Has old contacts erased as long as requests come, whatever they ask for."""

    def __init__(self) -> None:
        self._due = time.monotonic() + ERASE_FIRST_S

    def __call__(self) -> None:
        """Ask for it on the thread, where it is time."""
        if time.monotonic() >= self._due:
            self._due = time.monotonic() + ERASE_EVERY_S
            get_background().soon("erase contacts", partial(_erase, get_settings().database))


def _erase(database: Path) -> None:
    with closing(store.connect(database)) as db:
        erase_contacts(db)


def init_app(app: Flask) -> None:
    """Let every request see to it that contacts are erased in time."""
    app.before_request(Eraser())


# --- Forms -------------------------------------------------------------------------------


def tidy(text: str | None) -> str:
    """Text without control characters or outer space, its line breaks as one character."""
    lines = (text or "").replace("\r\n", "\n").replace("\r", "\n")
    kept = (c for c in lines if c == "\n" or unicodedata.category(c) not in {"Cc", "Cs"})
    return "".join(kept).strip()


def web_address(_form: BaseForm, field: Field) -> None:
    """Let "example.org" and "https://example.org/about" pass, and nothing that is no address."""
    if re.search(r"\s", field.data) or not _host(field.data):
        raise ValidationError(_("This does not look like a web address, such as example.org."))


def _host(address: str) -> str:
    """The host that a browser would go to, or "" where there is none that could be public."""
    try:
        parts = urlsplit(address if "://" in address else f"https://{address}")
        host = parts.hostname or ""
    except ValueError:
        return ""
    good = parts.scheme in {"http", "https"} and re.fullmatch(r"[^.]+(\.[^.]+)+\.?", host)
    return host if good else ""


def _limit(most: int) -> Length:
    return Length(max=most, message=lazy_gettext("Please keep to %(max)d characters."))


def _line(*validators: object, most: int = MAX_LINE) -> Field:
    return StringField(filters=[tidy], validators=[*validators, _limit(most)])


def _text(*validators: object) -> Field:
    return TextAreaField(filters=[tidy], validators=[*validators, _limit(MAX_MESSAGE)])


def _address() -> Field:
    return _line(Optional(), web_address, most=MAX_ADDRESS)


def _needed(message: str) -> DataRequired:
    return DataRequired(message=message)


# The fields of each form, by the names that `Submission` has for them.
FIELDS = {
    SubmissionKind.NOMINATION: {
        "name": _line(_needed(lazy_gettext("Please give the name of the organization."))),
        "website": _address(),
        "place": _line(),
        "message": _text(
            _needed(lazy_gettext("Please say in a sentence or two what it does, and for whom."))
        ),
        "source_url": _address(),
        "contact": _line(),
    },
    SubmissionKind.FIX: {
        "message": _text(_needed(lazy_gettext("Please say what should change."))),
        "source_url": _address(),
        "contact": _line(),
    },
    SubmissionKind.CLAIM: {
        "message": _text(_needed(lazy_gettext("Please say what you do at the organization."))),
        "source_url": _address(),
        "contact": _line(
            _needed(lazy_gettext("To confirm the claim, we need to reach you at the organization."))
        ),
    },
    # A removal needs no reason and no name.
    SubmissionKind.REMOVAL: {"message": _text(), "contact": _line()},
    SubmissionKind.PARTNER: {
        "name": _line(_needed(lazy_gettext("Please give the name of your site."))),
        "website": _line(
            _needed(lazy_gettext("Please give the address of your site.")),
            web_address,
            most=MAX_ADDRESS,
        ),
        "message": _text(
            _needed(lazy_gettext("Please say what you would like to know, or what is wrong."))
        ),
        "contact": _line(_needed(lazy_gettext("To answer you, we need to know how to reach you."))),
    },
}


# --- Pages -------------------------------------------------------------------------------


@dataclass(frozen=True, kw_only=True)
class Trouble:
    """Why a message could not be taken, although its sender did nothing wrong in the form."""

    status: int
    title: str
    advice: str
    retry_after_s: int = 0


@bp.route("/suggest", methods=["GET", "POST"])
def suggest() -> AnyResponse:
    """Name an organization that should be listed."""
    return _converse(SubmissionKind.NOMINATION)


@bp.route("/nonprofits/<slug>/suggest-fix", methods=["GET", "POST"])
def fix(slug: str) -> AnyResponse:
    """Say what is wrong in a listing."""
    return _converse(SubmissionKind.FIX, _listing(slug))


@bp.route("/nonprofits/<slug>/claim", methods=["GET", "POST"])
def claim(slug: str) -> AnyResponse:
    """Say that a listing is of one's own organization."""
    return _converse(SubmissionKind.CLAIM, _listing(slug))


@bp.route("/nonprofits/<slug>/remove", methods=["GET", "POST"])
def removal(slug: str) -> AnyResponse:
    """Ask that a listing be taken down."""
    return _converse(SubmissionKind.REMOVAL, _listing(slug))


@bp.route("/partners/write", methods=["GET", "POST"])
def partner() -> AnyResponse:
    """Ask for the widget on one's own site, or say that something is wrong with it."""
    return _converse(SubmissionKind.PARTNER)


@bp.get("/thanks/<any(nomination, fix, claim, removal, partner):kind>")
def thanks(kind: str) -> str:
    """Say what happens next."""
    return render_template("submissions/thanks.html", kind=kind)


def _listing(slug: str) -> Nonprofit:
    try:
        return get_nonprofit(get_db(), slug)
    except NotFound:
        leave(slug)


def _converse(kind: SubmissionKind, listing: Nonprofit | None = None) -> AnyResponse:
    """Show the form, or take what was sent: stored and thanked, or shown again as typed."""
    form = BaseForm(FIELDS[kind])
    form.process(request.form)
    if request.method != "POST":
        return _page(kind, form, listing)
    if not form.validate():
        return _page(kind, form, listing, status=422)
    trouble = _distrust() or _store(kind, form, listing)
    if trouble is not None:
        return _page(kind, form, listing, trouble=trouble)
    return redirect(url("submissions.thanks", kind=kind.value), 303)


def _store(kind: SubmissionKind, form: BaseForm, listing: Nonprofit | None) -> Trouble | None:
    submission = Submission(
        kind=kind,
        language=current_language(),
        slug=listing.slug if listing else "",
        **form.data,
    )
    try:
        check_rate(get_db(), visitor_code(), limit=MAX_PER_WINDOW, window_s=WINDOW_S)
        create_submission(get_db(), submission)
    except RateLimited as error:
        return _too_many(error.retry_after_s)
    except StorageError:
        return Trouble(
            status=503,
            title=_("We could not save this"),
            advice=_("It is not your doing. What you typed is still here; please try again."),
        )
    return None


def _page(
    kind: SubmissionKind,
    form: BaseForm,
    listing: Nonprofit | None,
    *,
    status: int = 200,
    trouble: Trouble | None = None,
) -> Response:
    page = render_template(
        f"submissions/{kind.value}.html",
        form=form,
        errors={name: str(sentences[0]) for name, sentences in form.errors.items()},
        listing=listing,
        trouble=trouble,
        trap=TRAP,
        limits={"message": MAX_MESSAGE, "line": MAX_LINE, "address": MAX_ADDRESS},
    )
    response = make_response(page, trouble.status if trouble else status)
    if trouble and trouble.retry_after_s:
        response.headers["Retry-After"] = str(trouble.retry_after_s)
    return response


# --- Defence -----------------------------------------------------------------------------


def _distrust() -> Trouble | None:
    """Why this message may not be a person's own, or None."""
    if request.form.get(TRAP):
        return Trouble(
            status=400,
            title=_("This looked like a message from a program"),
            advice=_("A field that people do not see was filled in. Please send it once more."),
        )
    if not is_own_form():
        return Trouble(
            status=403,
            title=_("This came from another site"),
            advice=_("To be sure that it is you who wants to send it, please send it from here."),
        )
    return None


def is_own_form() -> bool:
    """Whether the browser says that the form was on this site, or is too old to say.

    `Sec-Fetch-Site` decides where there is one: under `no-referrer`, which all our pages
    have, Chromium sends `Origin: null` even with our own form.
    """
    site = request.headers.get("Sec-Fetch-Site")
    if site is not None:
        return site == "same-origin"
    origin = request.headers.get("Origin", "null")
    return origin == "null" or origin == request.host_url.rstrip("/")


def visitor_code(purpose: str = "submissions") -> str:
    """A one-way code of the sender's network, for counting; it cannot be led back to it."""
    key = get_settings().secret_key.encode()
    return hmac.new(key, f"{purpose} {_network()}".encode(), hashlib.sha256).hexdigest()


def _network() -> str:
    """The address, or of IPv6 the part that a household or office has to itself."""
    try:
        address = ipaddress.ip_address(request.remote_addr or "")
    except ValueError:
        return ""
    if address.version == 4:
        return str(address)
    return str(ipaddress.ip_network((address, 64), strict=False))


def _too_many(seconds: int) -> Trouble:
    minutes = -(-seconds // 60)
    return Trouble(
        status=429,
        title=_("Too many messages from your connection"),
        advice=_(
            "Please send this again in %(minutes)s minutes. What you typed is still here; "
            "copy it if you close the page.",
            minutes=number(minutes),
        ),
        retry_after_s=seconds,
    )
