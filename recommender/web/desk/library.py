"""The desk's library: its three shelves, what waits for review there, and its history."""

from __future__ import annotations

import json
from dataclasses import dataclass

from flask import Blueprint, Response, make_response, redirect, render_template, request, url_for
from werkzeug.wrappers import Response as AnyResponse

from recommender.errors import InvalidAction
from recommender.importers.directory import find_faults
from recommender.models import Guide, Resource, RevisionState, TermMapping
from recommender.store.accounts import Role
from recommender.store.library import (
    Entry,
    LibraryKind,
    find_entry,
    kind_of,
    list_guides,
    list_resources,
    list_term_mappings,
    to_document,
)
from recommender.store.library_history import (
    LibraryRevision,
    diff_entries,
    get_library_revision,
    list_decided,
    list_pending,
    version_of,
)
from recommender.store.library_revisions import approve, reject, revert, take_back
from recommender.web import get_db, get_settings, read_catalog
from recommender.web.auth import current_session, require
from recommender.web.desk import entries
from recommender.web.desk.asked import read_note
from recommender.web.desk.pieces import Preview, preview_guide, preview_resource
from recommender.web.desk.refusals import refuse_errors
from recommender.web.desk.rehearsing import say_query
from recommender.web.desk.terms import Trial, try_out

bp = Blueprint("staff_library", __name__, url_prefix="/staff/library")
refuse_errors(bp)

N_RECENT = 30
SCHEMAS = {
    LibraryKind.TERM: "term_map",
    LibraryKind.RESOURCE: "resource",
    LibraryKind.GUIDE: "guide",
}
DONE = {
    "proposed": "It waits for review by somebody else. Until then nothing changes.",
    "taken-down": "It is off the site, on every page and in the feed.",
    "approved": "It is approved.",
    "rejected": "It is turned down. What stands stays.",
    "taken-back": "It is taken back.",
    "unchanged": "Nothing differs from what stands already.",
}


@dataclass(frozen=True, kw_only=True)
class Effect:
    """What a change means for donors: of a phrase, or of a page."""

    trial: Trial | None = None
    preview: Preview | None = None

    @property
    def n_broken(self) -> int:
        """How many golden expectations it would break."""
        rehearsal = self.trial.rehearsal if self.trial else None
        return len(rehearsal.broken) if rehearsal else 0


@bp.get("")
@require(Role.EDITOR)
def index() -> str:
    """What there is, what waits, and what was decided last."""
    return render_template(
        "staff/library.html",
        shelves=(
            ("staff_terms", "Term map", len(read_catalog(list_term_mappings)), "phrases"),
            ("staff_resources", "Resources", len(read_catalog(list_resources)), "pieces"),
            ("staff_guides", "Topic guides", len(read_catalog(list_guides)), "guides"),
        ),
        pending=list_pending(get_db()),
        decided=list_decided(get_db(), n=N_RECENT),
        names=entries.NAMES,
        title_of=entries.title_of,
        verb_of=entries.verb_of,
        me=current_session().account.id,
    )


@bp.get("/<int:number>")
@require(Role.EDITOR)
def show(number: int) -> Response:
    """One change: what it changes, what that would do, and what may be said to it."""
    return _change_page(get_library_revision(get_db(), number))


@bp.post("/<int:number>")
@require(Role.REVIEWER)
def decide(number: int) -> AnyResponse:
    """Approve a change, or turn it down.

    A change of the term map that breaks a golden query cannot be approved: the next publication
    would be refused for it, and with it all that others have approved meanwhile.
    """
    decision, reason, me = request.form.get("decision", ""), read_note("reason"), _me()
    if decision == "approve":
        change = get_library_revision(get_db(), number)
        _check_valid(change.after)
        if _effect_of(change).n_broken:
            return _change_page(change, status=409)
        approve(get_db(), number, by=me, note=reason)
        return _to(number, "approved")
    if decision == "reject":
        reject(get_db(), number, by=me, reason=reason)
        return _to(number, "rejected")
    raise InvalidAction("Please choose what becomes of the change.")


@bp.post("/<int:number>/take-back")
@require(Role.EDITOR)
def withdraw(number: int) -> AnyResponse:
    """Take back one's own change."""
    take_back(get_db(), number, by=_me())
    return _to(number, "taken-back")


@bp.post("/<int:number>/undo")
@require(Role.EDITOR)
def undo(number: int) -> AnyResponse:
    """Propose that an entry becomes again what it was before a change."""
    expected = request.form.get("expected", "")
    proposed = revert(get_db(), number, by=_me(), expected=expected)
    return _to(proposed or number, "proposed" if proposed else "unchanged")


def _check_valid(entry: Entry | None) -> None:
    """Whether an entry is as the data files must be, as everything on a public page is."""
    if entry is None:
        return
    record = json.loads(to_document(entry))
    if isinstance(entry, Resource):
        record["note"] = ""
    schema = SCHEMAS[kind_of(entry)]
    faults = find_faults(get_settings().data, record, schema)
    if faults:
        raise InvalidAction(f"It is not in order: {faults[0].message}")


def _effect_of(change: LibraryRevision) -> Effect:
    before, after = change.before, change.after
    if change.kind is LibraryKind.TERM:
        if change.state is not RevisionState.PENDING:
            return Effect()
        old = before if isinstance(before, TermMapping) else None
        new = after if isinstance(after, TermMapping) else None
        return Effect(trial=try_out(old, new))
    shown = after or before
    if isinstance(shown, Resource):
        return Effect(preview=preview_resource(shown))
    return Effect(preview=preview_guide(shown) if isinstance(shown, Guide) else None)


def _change_page(change: LibraryRevision, status: int = 200) -> Response:
    is_pending = change.state is RevisionState.PENDING
    is_applied = change.state is RevisionState.APPLIED
    current = find_entry(get_db(), change.kind, change.new_key if is_applied else change.key)
    account = current_session().account
    is_own = change.staff_id == account.id
    page = render_template(
        "staff/change.html",
        change=change,
        changes=entries.describe(diff_entries(change.before, change.after)),
        effect=_effect_of(change),
        current=current,
        version=version_of(current),
        is_overtaken=is_pending and current != change.before,
        is_own=is_own,
        may_decide=is_pending and account.role.covers(Role.REVIEWER) and not is_own,
        may_undo=is_applied and current != change.before,
        title=entries.title_of(change.after or change.before),
        name=entries.NAMES[change.kind],
        verb=entries.verb_of(change),
        edit_url=entries.edit_url,
        say_query=say_query,
        done=DONE.get(request.args.get("done", "")),
    )
    return make_response(page, status)


def _to(number: int, done: str) -> AnyResponse:
    return redirect(url_for("staff_library.show", number=number, done=done), 303)


def _me() -> int:
    return current_session().account.id
