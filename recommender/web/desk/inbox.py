"""The desk's inbox: what visitors have sent, and what becomes of it."""

from __future__ import annotations

from contextlib import suppress
from dataclasses import dataclass
from datetime import UTC, datetime
from urllib.parse import urlsplit

from flask import Blueprint, Flask, redirect, render_template, request, url_for
from werkzeug.wrappers import Response as AnyResponse

from recommender.errors import InvalidAction, StorageError
from recommender.models import Block, Language, Listing, Nonprofit, Partner, SubmissionKind
from recommender.store.accounts import Role
from recommender.store.blocks import find_blocked
from recommender.store.handling import (
    Act,
    accept_nomination,
    bar,
    close,
    confirm_claim,
    link_nomination,
    reopen,
    take_down,
)
from recommender.store.inbox import (
    URGENCY,
    InboxItem,
    InboxQuery,
    Outcome,
    SubmissionStatus,
    count_inbox,
    erase_contacts,
    get_submission,
    search_inbox,
)
from recommender.store.listings import SHOWN, get_listing
from recommender.store.namesakes import Namesake, find_namesakes
from recommender.store.partners import list_partners
from recommender.store.revisions import EDITABLE
from recommender.web import get_db, get_gazetteer
from recommender.web.auth import current_session, require
from recommender.web.desk import letters, nominations
from recommender.web.desk.asked import read_note, read_number, turn_to
from recommender.web.desk.labels import STATUS_LABELS
from recommender.web.desk.messages import FIELD
from recommender.web.desk.refusals import refuse_errors
from recommender.web.listings import format_ein, host

bp = Blueprint("staff_inbox", __name__, url_prefix="/staff/inbox")
refuse_errors(bp)

MAX_PAGE = 10_000
MAX_BEGINNING = 140
KINDS = {
    SubmissionKind.REMOVAL: "Removal request",
    SubmissionKind.CLAIM: "Claim",
    SubmissionKind.FIX: "Correction",
    SubmissionKind.PARTNER: "Partner message",
    SubmissionKind.NOMINATION: "Suggestion",
}
STATES = {
    SubmissionStatus.NEW: "Waiting",
    SubmissionStatus.DONE: "Done",
    SubmissionStatus.DECLINED: "Declined",
}
OUTCOMES = {
    Outcome.LISTED: "Made a listing of it",
    Outcome.KNOWN: "Found it listed already",
    Outcome.CHANGED: "Changed the listing",
    Outcome.CONFIRMED: "Confirmed the claim",
    Outcome.TAKEN_DOWN: "Took the listing down",
    Outcome.BARRED: "Put it on the do-not-list",
    Outcome.CLOSED: "Closed it",
    Outcome.DECLINED: "Declined",
    Outcome.REOPENED: "Put it back into the inbox",
}
DONE = {
    "changed": "Your changes are saved, and the message is closed with them.",
    "known": "It is noted that the group is listed already.",
    "confirmed": "The claim is confirmed, and noted on the listing for staff.",
    "taken-down": "The listing is gone from every page and answer, from this moment on. Now please"
    " decide whether it may ever come back.",
    "barred": "The group is on the do-not-list. No import and no suggestion brings it back.",
    "closed": "The message is closed.",
    "declined": "The message is declined.",
    "reopened": "The message is back in the inbox. The listing stays as it is.",
}
WHYS = {
    "ein": "the same EIN",
    "website": "the same site",
    "name": "the same name",
    "like-name": "nearly the same name",
}
LANGUAGES = {Language.EN: "English", Language.ES: "Spanish"}


@dataclass(frozen=True, kw_only=True)
class Subject:
    """What a message is about: its listing, or the listings that a suggestion may be already.

    `partners` are those of whose sites one has the sender's host.
    """

    listing: Listing | None = None
    namesakes: tuple[Namesake, ...] = ()
    draft: Nonprofit | None = None
    partners: tuple[Partner, ...] = ()
    block: Block | None = None


def init_app(app: Flask) -> None:
    """Let every page of the desk say how much waits, and show what was sent."""
    app.jinja_env.globals.update(count_waiting=_count_waiting, link_of=link_of)


def _count_waiting() -> int:
    # It stands on error pages too, and those must not fail.
    with suppress(StorageError):
        return sum(count_inbox(get_db()).values())
    return 0


@bp.get("")
@require(Role.EDITOR)
def index() -> str:
    """What waits, most pressing first; or what was handled."""
    erase_contacts(get_db())
    query = _read_query()
    found = search_inbox(get_db(), query)
    return render_template(
        "staff/inbox.html",
        query=query,
        found=found,
        first=(query.page - 1) * query.page_size + 1,
        n_pages=-(-found.total // query.page_size),
        page_url=turn_to,
        counts=count_inbox(get_db()),
        kinds=KINDS,
        states=STATES,
        outcomes=OUTCOMES,
        languages=LANGUAGES,
        name_of=letters.name_of,
        beginning=_beginning,
        waited=waited,
    )


@bp.get("/<int:number>")
@require(Role.EDITOR)
def show(number: int) -> str:
    """One message, what it is about, and what may be done with it."""
    item = get_submission(get_db(), number)
    sent = item.submission
    subject = _find_subject(item)
    status = subject.listing.nonprofit.status if subject.listing else None
    return render_template(
        "staff/message.html",
        item=item,
        sent=sent,
        subject=subject,
        name=letters.name_of(item),
        is_open=item.status is SubmissionStatus.NEW,
        is_shown=status in SHOWN,
        is_editable=status in EDITABLE,
        may_bar=current_session().account.role.covers(Role.REVIEWER),
        site=origin_of(sent.website),
        may_add_partner=current_session().account.role.covers(Role.ADMIN),
        answer=letters.write_answer(item),
        questions=[letters.write_question(item, language) for language in _languages(item)],
        reasons=letters.REASONS[sent.kind],
        kinds=KINDS,
        states=STATES,
        outcomes=OUTCOMES,
        languages=LANGUAGES,
        whys=WHYS,
        statuses=STATUS_LABELS,
        waited=waited,
        format_ein=format_ein,
        done=DONE.get(request.args.get("done", "")),
        edit_url=edit_url,
    )


def _read_query() -> InboxQuery:
    kind, status = request.args.get("kind", ""), request.args.get("status", "")
    return InboxQuery(
        status=SubmissionStatus(status) if status in set(SubmissionStatus) else InboxQuery.status,
        kinds=(SubmissionKind(kind),) if kind in set(URGENCY) else (),
        page=read_number(request.args.get("page", ""), default=1, most=MAX_PAGE),
    )


def _languages(item: InboxItem) -> list[Language]:
    """The language of a message first."""
    return sorted(Language, key=lambda language: language is not item.submission.language)


def _find_subject(item: InboxItem) -> Subject:
    if item.submission.slug:
        return Subject(listing=get_listing(get_db(), item.submission.slug))
    if item.submission.kind is SubmissionKind.PARTNER:
        return Subject(partners=_find_partners(item.submission.website))
    if item.submission.kind is not SubmissionKind.NOMINATION:
        return Subject()
    draft = nominations.draft_of(get_db(), item, get_gazetteer())
    return Subject(
        namesakes=find_namesakes(get_db(), nominations.sought_in(item)),
        draft=draft,
        block=find_blocked(get_db(), [draft]).get(draft.slug),
    )


def _find_partners(website: str) -> tuple[Partner, ...]:
    sent = link_of(website)[1]
    known = list_partners(get_db()) if sent else []
    return tuple(one for one in known if sent in {host(site) for site in one.origins})


# --- Actions -----------------------------------------------------------------------------


@bp.post("/<int:number>/list")
@require(Role.EDITOR)
def accept(number: int) -> AnyResponse:
    """Make a listing of a suggestion, and go on to complete it."""
    item = get_submission(get_db(), number)
    draft = nominations.draft_of(get_db(), item, get_gazetteer())
    accept_nomination(get_db(), number, draft, by=_me())
    return redirect(edit_url(draft.slug, number), 303)


@bp.post("/<int:number>/known")
@require(Role.EDITOR)
def know(number: int) -> AnyResponse:
    """Say which listing a suggestion is already."""
    slug = request.form.get("slug", "").strip()
    if not slug:
        raise InvalidAction("Please choose the listing.")
    link_nomination(get_db(), number, slug, by=_me())
    return _back_to(number, "known")


@bp.post("/<int:number>/confirm")
@require(Role.EDITOR)
def confirm(number: int) -> AnyResponse:
    """Say that a claim was confirmed, and how."""
    confirm_claim(get_db(), number, by=_me(), how=read_note("how"))
    return _back_to(number, "confirmed")


@bp.post("/<int:number>/take-down")
@require(Role.EDITOR)
def withdraw(number: int) -> AnyResponse:
    """Take the listing down now."""
    take_down(get_db(), number, by=_me())
    return _back_to(number, "taken-down")


@bp.post("/<int:number>/bar")
@require(Role.REVIEWER)
def never_list(number: int) -> AnyResponse:
    """Take the listing down for good."""
    if request.form.get("confirm") != "yes":
        raise InvalidAction("Please tick the box that says you mean it.")
    bar(get_db(), number, by=_me(), note=read_note("note"))
    return _back_to(number, "barred")


@bp.post("/<int:number>/decline")
@require(Role.EDITOR)
def decline(number: int) -> AnyResponse:
    """Do not do what was asked for, and say why."""
    item, reason = get_submission(get_db(), number), request.form.get("reason", "")
    note = read_note("note")
    if reason not in letters.REASONS[item.submission.kind]:
        raise InvalidAction("Please choose why.")
    if reason == "other" and not note:
        raise InvalidAction("Please say in the note why.")
    close(get_db(), number, Act(outcome=Outcome.DECLINED, reason=reason, note=note), by=_me())
    return _back_to(number, "declined")


@bp.post("/<int:number>/close")
@require(Role.EDITOR)
def finish(number: int) -> AnyResponse:
    """Say that nothing more is to be done."""
    close(get_db(), number, Act(outcome=Outcome.CLOSED, note=read_note("note")), by=_me())
    return _back_to(number, "closed")


@bp.post("/<int:number>/reopen")
@require(Role.EDITOR)
def put_back(number: int) -> AnyResponse:
    """Put a message back into the inbox."""
    reopen(get_db(), number, by=_me(), note=read_note("note"))
    return _back_to(number, "reopened")


def edit_url(slug: str, number: int) -> str:
    """The editor of a listing with a message beside the form."""
    return f"{url_for('staff_editor.edit', slug=slug)}?{FIELD}={number}"


def _me() -> int:
    return current_session().account.id


def _back_to(number: int, done: str) -> AnyResponse:
    return redirect(url_for("staff_inbox.show", number=number, done=done), 303)


# --- Words -------------------------------------------------------------------------------


def waited(since: str, until: datetime | None = None) -> str:
    """How long ago a moment in ISO 8601 was, e.g. "3 days"."""
    span = (until or datetime.now(UTC)) - datetime.fromisoformat(since)
    for name, seconds in (("day", 86_400), ("hour", 3_600), ("minute", 60)):
        n = int(span.total_seconds() // seconds)
        if n > 0:
            return f"{n:,} {name}{'s' if n > 1 else ''}"
    return "less than a minute"


def link_of(typed: str) -> tuple[str, str]:
    """An https address that a visitor typed, and its host; empty where it is not one."""
    address = typed if "://" in typed else f"https://{typed}" if typed else ""
    try:
        named = host(address)
    except ValueError:
        return "", ""
    return (address, named) if address.startswith("https://") and "." in named else ("", "")


def origin_of(typed: str) -> str:
    """The https origin of an address that a visitor typed, or ""."""
    address, named = link_of(typed)
    return f"https://{urlsplit(address).netloc}" if named else ""


def _beginning(text: str) -> str:
    line = " ".join(text.split())
    return line if len(line) <= MAX_BEGINNING else line[:MAX_BEGINNING].rpartition(" ")[0] + " …"
