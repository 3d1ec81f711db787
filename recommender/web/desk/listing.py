"""One listing at the desk: all that is known of it, its history, and moving it on."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime

from flask import Blueprint, redirect, render_template, request, url_for
from werkzeug.wrappers import Response as AnyResponse

from recommender.errors import InvalidAction
from recommender.models import Listing, Revision, RevisionKind, RevisionState, Saved, Status
from recommender.store.accounts import Role
from recommender.store.history import diff, list_revisions
from recommender.store.inbox import list_about
from recommender.store.listings import SHOWN, get_listing
from recommender.store.revisions import EDITABLE, diff_revisions, revert_to
from recommender.store.workflow import (
    NEED_REASON,
    assign,
    change_status,
    list_transitions,
    verify_listing,
)
from recommender.store.worklist import read_names
from recommender.web import get_db
from recommender.web.auth import current_session, require
from recommender.web.desk.asked import read_note, read_number, read_past_day
from recommender.web.desk.diff import LABELS, describe_changes, describe_listing
from recommender.web.desk.discretion import find_traces
from recommender.web.desk.form import unplaced
from recommender.web.desk.labels import STATUS_LABELS
from recommender.web.desk.people import list_choices
from recommender.web.desk.refusals import refuse_errors

bp = Blueprint("staff_listing", __name__, url_prefix="/staff/listings")
refuse_errors(bp)

DONE = {
    "created": "The draft is made. Donors do not see it.",
    "saved": "Your changes are saved.",
    "pending": "Your changes wait for review. What is shown stays as it is until then.",
    "unchanged": "Nothing was different, so nothing was saved.",
    "status": "The state is changed. What donors find follows with the next publication.",
    "withdrawn": "It is gone from every page and answer, from this moment on.",
    "verified": "The check is noted.",
    "assigned": "That is noted.",
    "approved": "The revision is approved. Donors see it after the next publication.",
    "rejected": "The revision is rejected. What is shown stays.",
    "returned": "The revision is back with its author.",
    "merged": "It is merged. Its address leads to the other listing, from this moment on.",
    "erased": "It is erased. What is left is what it takes never to list it again.",
}


@bp.app_template_global("pairs")
def pairs(values: Iterable[int]) -> list[tuple[str, str]]:
    """Numbers as the choices of a select field."""
    return [(str(value), str(value)) for value in values]


@dataclass(frozen=True, kw_only=True)
class Named:
    """A listing in a list of many; `note` says why it is in no answer, where it was taken down."""

    slug: str
    name: str
    note: str = ""


@bp.app_template_global("named")
def name_listings(slugs: Sequence[str]) -> list[Named]:
    """Listings by their names; one that is not there any more keeps its slug."""
    known = read_names(get_db(), slugs)
    return [_named(slug, *known.get(slug, (slug, None))) for slug in slugs]


def _named(slug: str, name: str, status: Status | None) -> Named:
    note = "" if status is None or status in SHOWN else f"{STATUS_LABELS[status]}: in no answer"
    return Named(slug=slug, name=name, note=note)


@bp.get("/<slug>")
@require(Role.EDITOR)
def show(slug: str) -> str:
    """All that is known of a listing, its history, and what may be done with it."""
    found = get_listing(get_db(), slug)
    record = found.nonprofit
    history = list_revisions(get_db(), slug)
    next_states = list_transitions(record.status, current_session().account.role)
    return render_template(
        "staff/listing.html",
        listing=found,
        record=record,
        facts=describe_listing(record),
        history=[(entry, _changed_fields(entry)) for entry in history],
        pending=[(one, one.after and find_traces(one.after)) for one in history if _is_open(one)],
        versions=_versions(found, history),
        moves=[status for status in next_states if status not in NEED_REASON],
        ends=[status for status in next_states if status in NEED_REASON],
        is_editable=record.status in EDITABLE,
        is_shown=record.status in SHOWN,
        statuses=STATUS_LABELS,
        unplaced=unplaced(record),
        traces=find_traces(record),
        people_choices=list_choices(),
        today=datetime.now(UTC).date().isoformat(),
        done=DONE.get(request.args.get("done", "")),
        labels=LABELS,
        messages=list_about(get_db(), slug),
        may_merge=_may(Role.REVIEWER) and record.status in EDITABLE,
        may_erase=_may(Role.ADMIN) and not _is_erased(history),
    )


def _may(role: Role) -> bool:
    return current_session().account.role.covers(role)


def _is_erased(history: Sequence[Revision]) -> bool:
    """Whether nothing came after an erasure."""
    return bool(history) and history[0].kind is RevisionKind.ERASE


def _is_open(entry: Revision) -> bool:
    return entry.state in (RevisionState.PENDING, RevisionState.RETURNED)


def _changed_fields(entry: Revision) -> list[str]:
    if entry.before is None:
        return ["all of it: it was new"] if entry.after else []
    if entry.after is None:
        return []
    return [LABELS[change.field] for change in diff(entry.before, entry.after)]


def _versions(found: Listing, history: list[Revision]) -> list[int]:
    """The numbers at which something is known of a listing, newest first."""
    numbers = {found.revision} | {entry.number for entry in history if entry.after}
    numbers |= {entry.base for entry in history if entry.is_live and entry.before}
    return sorted(numbers, reverse=True)


@bp.get("/<slug>/compare")
@require(Role.EDITOR)
def compare(slug: str) -> str:
    """Two versions of a listing, field by field."""
    found = get_listing(get_db(), slug)
    before = read_number(request.args.get("before", ""), default=found.revision)
    after = read_number(request.args.get("after", ""), default=found.revision)
    changes = diff_revisions(get_db(), slug, before, after)
    return render_template(
        "staff/compare.html",
        listing=found,
        before=before,
        after=after,
        changes=describe_changes(changes),
        versions=_versions(found, list_revisions(get_db(), slug)),
        is_editable=found.nonprofit.status in EDITABLE,
    )


@bp.post("/<slug>/revert")
@require(Role.EDITOR)
def revert(slug: str) -> AnyResponse:
    """Save an earlier version again, as a new revision."""
    if request.form.get("confirm") != "yes":
        raise InvalidAction("Please tick the box that says you mean it.")
    saved = revert_to(
        get_db(),
        slug,
        read_number(request.form.get("number", "")),
        by=current_session().account.id,
        expected_revision=read_number(request.form.get("expected_revision", "")),
    )
    return back_to(slug, outcome_of(saved))


@bp.post("/<slug>/status")
@require(Role.EDITOR)
def status(slug: str) -> AnyResponse:
    """Move a listing to another state."""
    wanted = request.form.get("to", "")
    if wanted not in set(Status):
        raise InvalidAction("Please choose a state.")
    change_status(
        get_db(),
        slug,
        Status(wanted),
        by=current_session().account.id,
        expected_revision=read_number(request.form.get("expected_revision", "")),
        reason=read_note("reason"),
    )
    return back_to(slug, "withdrawn" if Status(wanted) in NEED_REASON else "status")


@bp.post("/<slug>/verify")
@require(Role.EDITOR)
def verify(slug: str) -> AnyResponse:
    """Note that the facts were checked with the group."""
    verify_listing(
        get_db(),
        slug,
        by=current_session().account.id,
        expected_revision=read_number(request.form.get("expected_revision", "")),
        on=read_past_day(request.form.get("on", "")),
        note=read_note("note"),
    )
    return back_to(slug, "verified")


@bp.post("/<slug>/assign")
@require(Role.EDITOR)
def give(slug: str) -> AnyResponse:
    """Give a listing to somebody, or to nobody."""
    wanted = read_number(request.form.get("to", ""))
    assign(get_db(), slug, wanted or None, by=current_session().account.id)
    return back_to(slug, "assigned")


def back_to(slug: str, done: str) -> AnyResponse:
    """Go to the page of a listing, which says what was done: a key of `DONE`."""
    return redirect(url_for("staff_listing.show", slug=slug, done=done), 303)


def outcome_of(saved: Saved) -> str:
    """What came of a save: a key of `DONE`."""
    if not saved.changes:
        return "unchanged"
    return "pending" if saved.state is RevisionState.PENDING else "saved"
