"""Taking an import back: its drafts go, its edits are reverted, its proposals are withdrawn.

What somebody has worked on since is left as it is, and reported with the reason.
"""

from __future__ import annotations

from dataclasses import dataclass

from recommender.errors import InvalidAction, NotAllowed, NotFound
from recommender.importers.curation import is_edited
from recommender.models import (
    Listing,
    Nonprofit,
    Revision,
    RevisionKind,
    RevisionState,
    Status,
)
from recommender.store import Database, transaction
from recommender.store.accounts import Role
from recommender.store.drafts import find_use, remove_draft
from recommender.store.history import Action, get_revision, set_state
from recommender.store.imports import Import, ImportState, get_import, move_import
from recommender.store.listings import get_listing
from recommender.store.plans import Outcome, StoredRow, Undone, list_done, note_undone
from recommender.store.revisions import Staff, find_open_revision, get_staff, put_version


@dataclass(frozen=True, kw_only=True)
class _Result:
    """What became of a row, and why it was left, if it was."""

    undone: Undone
    remark: str = ""


def check_may_undo(db: Database, import_: Import, staff_id: int) -> Staff:
    """Check that somebody may undo an import: an editor their own, a reviewer any.

    Raises:
        NotAllowed: they may not.
    """
    try:
        is_own = import_.staff_id == staff_id
        return get_staff(db, staff_id, Role.EDITOR if is_own else Role.REVIEWER)
    except NotAllowed:
        raise NotAllowed("Whoever brought the file, or a reviewer, may undo an import.") from None


def undo_import(db: Database, import_: Import) -> None:
    """Undo all that an import wrote, in the name of who asked for it.

    Raises:
        NotAllowed: that person may not.
        StorageError: it cannot be written; nothing was undone.
    """
    with transaction(db):
        import_ = get_import(db, import_.id)
        if import_.state is not ImportState.UNDOING:
            return
        staff = check_may_undo(db, import_, import_.actor_id or 0)
        # Backwards, so that a listing goes before the one that it is part of.
        for row in list_done(db, import_.id):
            result = _undo(db, import_, row, staff)
            note_undone(db, import_.id, row.position, result.undone, result.remark)
        move_import(db, import_.id, ImportState.UNDONE)


def _undo(db: Database, import_: Import, row: StoredRow, staff: Staff) -> _Result:
    try:
        listing = get_listing(db, row.listing)
        entry = get_revision(db, row.listing, row.number or 0)
    except NotFound:
        return _left("the listing is not there any more")
    if row.outcome is Outcome.CREATED:
        return _undo_draft(db, listing, entry)
    note = f"Undoing of import {import_.id}"
    action = Action(kind=RevisionKind.REVERT, author=staff, note=note, about=entry.number)
    if row.outcome is Outcome.CHANGED or entry.state is RevisionState.APPLIED:
        return _revert(db, listing, entry, action)
    if entry.state in (RevisionState.PENDING, RevisionState.RETURNED):
        set_state(db, listing.id, entry.number, RevisionState.SUPERSEDED)
        return _Result(undone=Undone.WITHDRAWN)
    return _left(f"the proposal was {entry.state} already")


def _undo_draft(db: Database, listing: Listing, entry: Revision) -> _Result:
    status = listing.nonprofit.status
    if status is not Status.IMPORTED:
        return _left(f"it is {status} by now")
    if is_edited(entry.after, listing.nonprofit):
        return _left("it has been edited since")
    if use := find_use(db, listing):
        return _left(use)
    remove_draft(db, listing)
    return _Result(undone=Undone.REMOVED)


def _revert(db: Database, listing: Listing, entry: Revision, action: Action) -> _Result:
    before: Nonprofit | None = entry.before
    if before is None or is_edited(entry.after, listing.nonprofit):
        return _left("it has been edited since")
    if find_open_revision(db, listing.nonprofit.slug, action.author.id or 0):
        return _left("an edit of it by yourself waits for a decision")
    try:
        saved = put_version(db, listing, before, action)
    except InvalidAction:
        return _left(f"it is {listing.nonprofit.status} by now")
    is_pending = saved.state is RevisionState.PENDING
    return _Result(undone=Undone.PROPOSED if is_pending else Undone.REVERTED)


def _left(remark: str) -> _Result:
    return _Result(undone=Undone.LEFT, remark=remark)
