"""Editing listings: every save says what it saw, and what is shown changes only after review.

Each action is one immediate transaction: the check, the listing and its history together.
"""

from __future__ import annotations

from contextlib import suppress
from dataclasses import dataclass, replace

from sqlite_utils import Database

from recommender.errors import EditConflict, InvalidAction, NotAllowed, NotFound
from recommender.models import (
    FieldChange,
    Listing,
    Nonprofit,
    Revision,
    RevisionKind,
    RevisionState,
    Saved,
    Status,
)
from recommender.store import snapshot, transaction
from recommender.store.accounts import Role
from recommender.store.blocks import check_listable
from recommender.store.history import (
    Action,
    Author,
    Entry,
    add_entry,
    diff,
    find_replaced,
    get_revision,
    set_state,
)
from recommender.store.listings import (
    SHOWN,
    change_listing,
    check_references,
    get_listing,
    insert_listing,
    rewrite,
)

DRAFTS = (Status.IMPORTED, Status.NOMINATED, Status.DRAFT, Status.IN_REVIEW)
"""Listings that were not shown yet: a save changes them at once."""

EDITABLE = (*DRAFTS, *SHOWN)


@dataclass(frozen=True, kw_only=True)
class Staff(Author):
    """An author with a role, as the database has it at the time of the action."""

    id: int
    role: Role


def get_staff(db: Database, staff_id: int, role: Role = Role.EDITOR) -> Staff:
    """The member of staff who acts, who must have at least a role.

    Raises:
        NotAllowed: there is no such account, it is disabled, or its role does not suffice.
    """
    row = db.execute(
        "SELECT name, role FROM staff WHERE id = ? AND NOT is_disabled", [staff_id]
    ).fetchone()
    if row is None or not Role(row[1]).covers(role):
        raise NotAllowed(f"Only a member of staff who is {role} or above may do this.")
    return Staff(id=staff_id, name=row[0], role=Role(row[1]))


def create_listing(
    db: Database,
    record: Nonprofit,
    *,
    by: int,
    note: str = "",
    kind: RevisionKind = RevisionKind.CREATE,
) -> Saved:
    """Add a listing as imported, nominated or a draft.

    Raises:
        InvalidAction: it is in another state, its slug is taken, or it must not be listed.
        StorageError: it names an unknown tag or parent, or breaks the schema.
    """
    with transaction(db):
        author = get_staff(db, by)
        _check_new(db, record)
        check_references(db, [record])
        number = insert_listing(db, record, Action(kind=kind, author=author, note=note))
    return Saved(revision=number, number=number, state=RevisionState.APPLIED)


def save_listing(
    db: Database,
    record: Nonprofit,
    *,
    by: int,
    expected_revision: int,
    note: str = "",
    kind: RevisionKind = RevisionKind.EDIT,
) -> Saved:
    """Save an edit: at once to a draft, as a pending revision of what is shown.

    The state and the day of verification stay as they are. A new pending revision takes the
    place of the author's earlier one; to save what is shown already takes that one back.

    Raises:
        NotFound: no listing has this slug.
        EditConflict: the content has changed since `expected_revision`.
        InvalidAction: a listing in its state is not edited.
        StorageError: it names an unknown tag or parent, or breaks the schema.
    """
    with transaction(db):
        author = get_staff(db, by)
        listing = get_listing(db, record.slug)
        check_unchanged(db, listing, record, expected_revision)
        return put_version(db, listing, record, Action(kind=kind, author=author, note=note))


def revert_to(
    db: Database, slug: str, number: int, *, by: int, expected_revision: int, note: str = ""
) -> Saved:
    """Save again what a listing was at an earlier number, as a new revision.

    Raises:
        NotFound: nothing is known of the listing at that number.
        EditConflict, InvalidAction, StorageError: see `save_listing`.
    """
    with transaction(db):
        record = get_version(db, slug, number)
        return save_listing(
            db,
            record,
            by=by,
            expected_revision=expected_revision,
            note=note or f"Back to revision {number}.",
            kind=RevisionKind.REVERT,
        )


def approve_revision(db: Database, slug: str, number: int, *, by: int, note: str = "") -> Saved:
    """Make a pending revision what is shown.

    Raises:
        NotFound: there is no such revision.
        NotAllowed: it is the reviewer's own, or the role does not suffice.
        InvalidAction: it is not pending, or a listing in its state is not edited.
        EditConflict: the listing was edited since the revision was based on it.
    """
    with transaction(db):
        reviewer, revision = _open_review(db, slug, number, by)
        listing = get_listing(db, slug)
        _check_editable(listing)
        proposed = _content_of(revision.after, listing.nonprofit)
        seen = _content_of(revision.before, listing.nonprofit)
        if seen != listing.nonprofit:
            raise _conflict(listing.nonprofit, proposed, base=seen)
        set_state(db, listing.id, number, RevisionState.APPLIED)
        action = Action(kind=RevisionKind.APPROVE, author=reviewer, note=note, about=number)
        new = change_listing(db, listing, proposed, action)
    return Saved(
        revision=new,
        number=new,
        state=RevisionState.APPLIED,
        changes=diff(listing.nonprofit, proposed),
    )


def reject_revision(db: Database, slug: str, number: int, *, by: int, reason: str) -> None:
    """Turn a pending revision down; what is shown stays.

    Raises:
        NotFound, NotAllowed: see `approve_revision`.
        InvalidAction: it is not pending, or no reason is given.
    """
    _decide(db, slug, number, _Decision(by=by, reason=reason, kind=RevisionKind.REJECT))


def request_changes(db: Database, slug: str, number: int, *, by: int, reason: str) -> None:
    """Give a pending revision back to its author, whose next save takes its place.

    Raises:
        NotFound, NotAllowed: see `approve_revision`.
        InvalidAction: it is not pending, or no reason is given.
    """
    _decide(db, slug, number, _Decision(by=by, reason=reason, kind=RevisionKind.REQUEST_CHANGES))


def get_version(db: Database, slug: str, number: int) -> Nonprofit:
    """A listing as it was when a number was its revision, or as a pending one would have it.

    Raises:
        NotFound: there is no such listing, or nothing is known of it at that number.
    """
    with snapshot(db):
        listing = get_listing(db, slug)
        found = _find_version(db, listing, number) or get_revision(db, slug, number).after
    if found is None:
        raise NotFound(f"Nothing was changed in {slug} with revision {number}.")
    return found


def diff_revisions(db: Database, slug: str, before: int, after: int) -> tuple[FieldChange, ...]:
    """The fields in which a listing differs between two numbers of its history.

    Raises:
        NotFound: see `get_version`.
    """
    with snapshot(db):
        return diff(get_version(db, slug, before), get_version(db, slug, after))


def find_open_revision(db: Database, slug: str, staff_id: int) -> Revision | None:
    """The author's own revision that is pending or was returned, where editing goes on."""
    with snapshot(db):
        listing = get_listing(db, slug)
        number = _find_open(db, listing, staff_id)
        return get_revision(db, slug, number) if number else None


def find_overtaken(db: Database, revision: Revision) -> tuple[str, ...]:
    """The fields of a listing that have changed since a pending revision was based on it.

    Where there are any, it cannot be approved: its author has to see both versions first.
    """
    with snapshot(db):
        live = get_listing(db, revision.slug).nonprofit
    seen = _content_of(revision.before, live)
    return tuple(change.field for change in diff(seen, live))


def check_revision(db: Database, listing: Listing, expected: int) -> None:
    """Check that a listing is at the revision that was seen, its state included.

    Raises:
        EditConflict: it is not.
    """
    if expected != listing.revision:
        base = _find_version(db, listing, expected)
        raise _conflict(listing.nonprofit, base or listing.nonprofit, base=base)


def check_unchanged(db: Database, listing: Listing, yours: Nonprofit, expected: int) -> None:
    """Check that the content of a listing is what was seen, whatever its state is by now.

    Raises:
        EditConflict: it is not.
    """
    base = _find_version(db, listing, expected)
    if base is None or _content_of(base, listing.nonprofit) != listing.nonprofit:
        yours = _content_of(yours, listing.nonprofit)
        raise _conflict(listing.nonprofit, yours, base=base)


def put_version(db: Database, listing: Listing, record: Nonprofit, action: Action) -> Saved:
    """Write or propose a version of a listing, inside the transaction that checked it.

    Raises:
        InvalidAction, StorageError: see `save_listing`.
    """
    _check_editable(listing)
    after = _content_of(record, listing.nonprofit)
    changes = diff(listing.nonprofit, after)
    is_shown = listing.nonprofit.status in SHOWN
    if is_shown:
        _supersede(db, listing, action.author)
    if not changes:
        state = RevisionState.APPLIED
        return Saved(revision=listing.revision, number=listing.revision, state=state)
    check_references(db, [after])
    if is_shown:
        number = _propose(db, listing, after, action)
        state = RevisionState.PENDING
        return Saved(revision=listing.revision, number=number, state=state, changes=changes)
    number = change_listing(db, listing, after, action)
    return Saved(revision=number, number=number, state=RevisionState.APPLIED, changes=changes)


def _propose(db: Database, listing: Listing, after: Nonprofit, action: Action) -> int:
    _check_fits(db, listing, after)
    entry = Entry(
        action=action,
        base=listing.revision,
        before=listing.nonprofit,
        after=after,
        state=RevisionState.PENDING,
    )
    return add_entry(db, listing.id, entry)


class _Undone(Exception):
    """Leaves a savepoint without keeping what was written in it."""


def _check_fits(db: Database, listing: Listing, after: Nonprofit) -> None:
    """Let the schema itself judge a version that is not written yet."""
    with suppress(_Undone), transaction(db):
        rewrite(db, listing, after, {})
        raise _Undone


def _check_new(db: Database, record: Nonprofit) -> None:
    if record.status not in (Status.IMPORTED, Status.NOMINATED, Status.DRAFT):
        raise InvalidAction(f"A new listing cannot be {record.status}.")
    check_listable(db, [record])
    with suppress(NotFound):
        get_listing(db, record.slug)
        raise InvalidAction(f"There is a listing {record.slug!r} already.")


def _check_editable(listing: Listing) -> None:
    status = listing.nonprofit.status
    if status not in EDITABLE:
        raise InvalidAction(f"A listing that is {status} cannot be edited; make it a draft first.")


def _content_of(record: Nonprofit | None, live: Nonprofit) -> Nonprofit:
    """A version with all that a save leaves alone taken from the listing as it stands."""
    return replace(
        record or live,
        status=live.status,
        verified_on=live.verified_on,
        updated_on=live.updated_on,
    )


def _find_version(db: Database, listing: Listing, number: int) -> Nonprofit | None:
    if number == listing.revision:
        return listing.nonprofit
    return find_replaced(db, listing.id, number)


def _conflict(theirs: Nonprofit, yours: Nonprofit, *, base: Nonprofit | None) -> EditConflict:
    return EditConflict(
        f"{theirs.slug} has changed since it was read.",
        base=base,
        theirs=theirs,
        yours=yours,
        changes=diff(theirs, yours),
    )


def _find_open(db: Database, listing: Listing, staff_id: int | None) -> int:
    (number,) = db.execute(
        "SELECT coalesce(max(number), 0) FROM revisions WHERE nonprofit_id = ? AND staff_id = ?"
        " AND state IN ('pending', 'returned')",
        [listing.id, staff_id],
    ).fetchone()
    return int(number)


def _supersede(db: Database, listing: Listing, author: Author) -> None:
    number = _find_open(db, listing, author.id)
    if number:
        set_state(db, listing.id, number, RevisionState.SUPERSEDED)


@dataclass(frozen=True, kw_only=True)
class _Decision:
    by: int
    reason: str
    kind: RevisionKind


def _decide(db: Database, slug: str, number: int, decision: _Decision) -> None:
    """Write down a decision that leaves the listing as it is."""
    if not decision.reason.strip():
        raise InvalidAction("Say why.")
    with transaction(db):
        reviewer, _ = _open_review(db, slug, number, decision.by)
        listing = get_listing(db, slug)
        is_final = decision.kind is RevisionKind.REJECT
        state = RevisionState.REJECTED if is_final else RevisionState.RETURNED
        set_state(db, listing.id, number, state)
        action = Action(kind=decision.kind, author=reviewer, note=decision.reason, about=number)
        add_entry(db, listing.id, Entry(action=action, base=listing.revision))


def _open_review(db: Database, slug: str, number: int, by: int) -> tuple[Staff, Revision]:
    reviewer = get_staff(db, by, Role.REVIEWER)
    revision = get_revision(db, slug, number)
    if revision.staff_id == reviewer.id:
        raise NotAllowed("Nobody reviews their own work.")
    if revision.state is not RevisionState.PENDING:
        raise InvalidAction(f"Revision {number} is {revision.state}, not pending.")
    return reviewer, revision
