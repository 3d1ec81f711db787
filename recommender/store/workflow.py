"""The life of a listing: which state may follow which, and who may say so."""

from __future__ import annotations

import json
from dataclasses import replace
from datetime import date

from sqlite_utils import Database

from recommender.errors import InvalidAction, NotAllowed, NotFound
from recommender.models import (
    Basis,
    Listing,
    Location,
    Nonprofit,
    Reach,
    RevisionKind,
    RevisionState,
    Saved,
    Status,
    Visibility,
)
from recommender.store import snapshot, transaction
from recommender.store.accounts import Role
from recommender.store.history import Action, Entry, add_entry, diff, now
from recommender.store.listings import SHOWN, change_listing, get_listing, rewrite
from recommender.store.revisions import EDITABLE, Staff, check_revision, get_staff, put_version
from recommender.store.rows import Row
from recommender.text import name_key

_E, _R, _A = Role.EDITOR, Role.REVIEWER, Role.ADMIN

TRANSITIONS: dict[Status, dict[Status, Role]] = {
    Status.IMPORTED: {Status.DRAFT: _E, Status.ARCHIVED: _E, Status.DO_NOT_LIST: _R},
    Status.NOMINATED: {Status.DRAFT: _E, Status.ARCHIVED: _E, Status.DO_NOT_LIST: _R},
    Status.DRAFT: {Status.IN_REVIEW: _E, Status.ARCHIVED: _E, Status.DO_NOT_LIST: _R},
    Status.IN_REVIEW: {
        Status.PUBLISHED: _R,
        Status.DRAFT: _E,
        Status.ARCHIVED: _R,
        Status.DO_NOT_LIST: _R,
    },
    # Taking down is quick, because it may be urgent; putting back up needs a reviewer.
    Status.PUBLISHED: {
        Status.DUE: _E,
        Status.WITHDRAWN: _E,
        Status.ARCHIVED: _R,
        Status.DO_NOT_LIST: _R,
    },
    Status.DUE: {
        Status.PUBLISHED: _R,
        Status.STALE: _R,
        Status.WITHDRAWN: _E,
        Status.ARCHIVED: _R,
        Status.DO_NOT_LIST: _R,
    },
    Status.STALE: {
        Status.PUBLISHED: _R,
        Status.DUE: _R,
        Status.WITHDRAWN: _E,
        Status.ARCHIVED: _R,
        Status.DO_NOT_LIST: _R,
    },
    Status.WITHDRAWN: {
        Status.PUBLISHED: _R,
        Status.DRAFT: _E,
        Status.ARCHIVED: _R,
        Status.DO_NOT_LIST: _R,
    },
    Status.ARCHIVED: {Status.PUBLISHED: _R, Status.DRAFT: _E, Status.DO_NOT_LIST: _R},
    Status.MERGED: {Status.DRAFT: _R},
    Status.DO_NOT_LIST: {Status.DRAFT: _A},
}
"""Which state may follow which, and the least role that may say so. A listing becomes merged
by `merge_listing` alone, which knows the listing it is merged into."""

NEED_REASON = (Status.WITHDRAWN, Status.DO_NOT_LIST)


def list_transitions(status: Status, role: Role) -> tuple[Status, ...]:
    """The states into which a role may move a listing."""
    return tuple(to for to, least in TRANSITIONS[status].items() if role.covers(least))


def change_status(
    db: Database, slug: str, to: Status, *, by: int, expected_revision: int, reason: str = ""
) -> Saved:
    """Move a listing to another state.

    Raises:
        NotFound: no listing has this slug.
        EditConflict: it was changed since `expected_revision`.
        InvalidAction: its state is not followed by this one, or a reason is missing.
        NotAllowed: the role does not suffice, or it would publish one's own work.
    """
    with transaction(db):
        staff = get_staff(db, by)
        listing = get_listing(db, slug)
        check_revision(db, listing, expected_revision)
        _check_transition(listing.nonprofit.status, to, staff)
        if to in NEED_REASON and not reason.strip():
            raise InvalidAction(f"Say why it becomes {to}.")
        if to is Status.PUBLISHED and staff.id in _list_authors(db, listing):
            raise NotAllowed("Nobody publishes their own work.")
        action = Action(kind=RevisionKind.STATUS, author=staff, note=reason)
        return _change(db, listing, replace(listing.nonprofit, status=to), action)


def verify_listing(
    db: Database, slug: str, *, by: int, expected_revision: int, on: date, note: str = ""
) -> Saved:
    """Say that the facts were checked with the organisation; what was due is published again.

    Raises:
        NotFound, EditConflict: see `change_status`.
        InvalidAction: a listing in its state is not kept up.
    """
    with transaction(db):
        staff = get_staff(db, by)
        listing = get_listing(db, slug)
        check_revision(db, listing, expected_revision)
        status = listing.nonprofit.status
        if status not in EDITABLE:
            raise InvalidAction(f"A listing that is {status} is not verified.")
        status = Status.PUBLISHED if status in SHOWN else status
        after = replace(listing.nonprofit, status=status, verified_on=on.isoformat())
        action = Action(kind=RevisionKind.VERIFY, author=staff, note=note)
        return _change(db, listing, after, action)


def merge_listing(
    db: Database, slug: str, into: str, *, by: int, expected_revision: int, reason: str
) -> Saved:
    """Let one listing stand for another: its address redirects, its names are found there.

    The names are a pending revision where the other listing is shown. Returns what came of
    them.

    Raises:
        NotFound: there is no such listing.
        EditConflict: the listing was changed since `expected_revision`.
        InvalidAction: one of them is not in a state to be merged, or they are the same.
        NotAllowed: the role does not suffice.
    """
    with transaction(db):
        staff = get_staff(db, by, Role.REVIEWER)
        listing, target = get_listing(db, slug), get_listing(db, into)
        check_revision(db, listing, expected_revision)
        if listing.id == target.id or listing.nonprofit.status not in EDITABLE:
            raise InvalidAction(f"{slug} cannot be merged into {into}.")
        action = Action(kind=RevisionKind.MERGE, author=staff, note=reason)
        saved = put_version(db, target, _with_names(target.nonprofit, listing.nonprofit), action)
        _change(db, listing, replace(listing.nonprofit, status=Status.MERGED), action)
        db.execute("UPDATE nonprofits SET merged_into = ? WHERE id = ?", [target.id, listing.id])
    return saved


def get_redirect(db: Database, slug: str) -> str:
    """The slug of the listing that stands for a merged one, through any number of merges.

    Raises:
        NotFound: nothing that is shown stands for this slug.
    """
    with snapshot(db):
        found = db.execute(_REDIRECT, [slug, json.dumps([status.value for status in SHOWN])])
        for (target,) in found:
            return str(target)
    raise NotFound(f"Nothing stands for {slug!r}.")


def erase_listing(db: Database, slug: str, *, by: int, expected_revision: int, reason: str) -> None:
    """Erase a listing and its history, and keep only what it takes never to list it again.

    That is its slug, EIN and name, and the states of its offices, without which a name would
    bar its namesakes elsewhere.

    Raises:
        NotFound, EditConflict: see `change_status`.
        InvalidAction: no reason is given.
        NotAllowed: the member of staff is no admin.
    """
    if not reason.strip():
        raise InvalidAction("Say why.")
    with transaction(db):
        staff = get_staff(db, by, Role.ADMIN)
        listing = get_listing(db, slug)
        check_revision(db, listing, expected_revision)
        db.execute("DELETE FROM assignments WHERE nonprofit_id = ?", [listing.id])
        db.execute("DELETE FROM revisions WHERE nonprofit_id = ?", [listing.id])
        db.execute("DELETE FROM import_rows WHERE nonprofit_id = ?", [listing.id])
        _bury(db, listing, Action(kind=RevisionKind.ERASE, author=staff, note=reason))
        # FTS5 leaves the words of what was deleted in its segments until they are merged.
        db.execute("INSERT INTO listing_search (listing_search) VALUES ('rebuild')")


def assign(db: Database, slug: str, staff_id: int | None, *, by: int) -> None:
    """Give a listing to a member of staff, or to nobody; its revision stays.

    Raises:
        NotFound: there is no such listing.
        NotAllowed: one of the two accounts is not there, or is disabled.
    """
    with transaction(db):
        get_staff(db, by)
        listing = get_listing(db, slug)
        db.execute("DELETE FROM assignments WHERE nonprofit_id = ?", [listing.id])
        if staff_id is not None:
            get_staff(db, staff_id)
            row = {"nonprofit_id": listing.id, "staff_id": staff_id}
            db.table("assignments").insert(row)


def _change(db: Database, listing: Listing, after: Nonprofit, action: Action) -> Saved:
    number = change_listing(db, listing, after, action)
    changes = diff(listing.nonprofit, after)
    return Saved(revision=number, number=number, state=RevisionState.APPLIED, changes=changes)


def _check_transition(status: Status, to: Status, staff: Staff) -> None:
    least = TRANSITIONS[status].get(to)
    if least is None:
        raise InvalidAction(f"A listing that is {status} cannot become {to}.")
    if not staff.role.covers(least):
        raise NotAllowed(f"Only {least} or above may make a listing that is {status} {to}.")


_AUTHORS = """
    SELECT DISTINCT staff_id FROM revisions
    WHERE nonprofit_id = :id AND is_live AND staff_id IS NOT NULL
        AND kind IN ('create', 'edit', 'revert', 'merge', 'import')
        AND number > coalesce(
            (SELECT max(number) FROM revisions AS shown
            WHERE nonprofit_id = :id AND is_live
                AND json_extract(after, '$.status') IN ('published', 'due', 'stale')
                -- Back in review comes only what was published in a batch that was undone.
                AND NOT EXISTS (SELECT 1 FROM revisions AS undone
                    WHERE undone.nonprofit_id = :id AND undone.is_live
                        AND undone.base = shown.number
                        AND json_extract(undone.after, '$.status') = 'in-review')), 0)"""


def _list_authors(db: Database, listing: Listing) -> frozenset[int]:
    """Who has written what stands there since it was last shown."""
    return frozenset(id_ for (id_,) in db.execute(_AUTHORS, {"id": listing.id}))


def _with_names(target: Nonprofit, merged: Nonprofit) -> Nonprofit:
    """The target with the names of the other, each of which stands once."""
    known = {name_key(name) for name in (target.name, *target.other_names)}
    names = {name_key(name): name for name in (merged.name, *merged.other_names)}
    added = (name for key, name in names.items() if key not in known)
    return replace(target, other_names=(*target.other_names, *added))


_REDIRECT = """
    WITH RECURSIVE chain (id, slug, status, target) AS (
        SELECT id, slug, status, merged_into FROM nonprofits WHERE slug = ? AND status = 'merged'
        UNION
        SELECT next.id, next.slug, next.status, next.merged_into
        FROM nonprofits AS next JOIN chain ON next.id = chain.target
        WHERE chain.status = 'merged')
    SELECT slug FROM chain WHERE status IN (SELECT value FROM json_each(?))"""


def _bury(db: Database, listing: Listing, action: Action) -> None:
    """Put the bare record in the place of a listing, with no word of what it was before."""
    states = dict.fromkeys(place.state for place in listing.nonprofit.locations)
    bare = Nonprofit(
        slug=listing.nonprofit.slug,
        name=listing.nonprofit.name,
        ein=listing.nonprofit.ein,
        reach=Reach.LOCAL,
        basis=Basis.NAME,
        summary_en="",
        summary_es="",
        locations=tuple(
            Location(city="", state=state, visibility=Visibility.HIDDEN) for state in states
        ),
        status=Status.DO_NOT_LIST,
    )
    entry = Entry(action=action, base=listing.revision, after=bare, is_live=True)
    columns: Row = {"digest": "", "merged_into": None, "is_edited": 1, "updated_at": now()}
    rewrite(db, listing, bare, columns | {"revision": add_entry(db, listing.id, entry)})
