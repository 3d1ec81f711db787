"""The history of the library: who changed which entry, when, and who decided on it."""

from __future__ import annotations

import hashlib
from dataclasses import dataclass, fields
from typing import cast

from sqlite_utils import Database

from recommender.errors import NotFound
from recommender.models import FieldChange, RevisionState
from recommender.store import snapshot
from recommender.store.history import Author, now
from recommender.store.library import (
    Entry,
    LibraryKind,
    Row,
    from_document,
    key_of,
    kind_of,
    to_document,
)

NOTHING = "nothing"
"""The version of an entry that is not there."""


@dataclass(frozen=True, kw_only=True)
class LibraryRevision:
    """A change of one entry; `before` is None where it is new, `after` where it goes.

    `key` and `new_key` are those of the entry before and after, which differ where a phrase
    is changed. `reviewer_name` and `reason` say who decided and why. Times are ISO 8601 in UTC.
    """

    number: int
    kind: LibraryKind
    key: str
    new_key: str
    before: Entry | None
    after: Entry | None
    state: RevisionState
    created_at: str
    staff_name: str
    staff_id: int | None = None
    note: str = ""
    reviewer_name: str = ""
    reason: str = ""
    decided_at: str = ""


@dataclass(frozen=True, kw_only=True)
class Change:
    """A change that is to be written; it takes effect at once, or waits for review."""

    before: Entry | None
    after: Entry | None
    author: Author
    note: str = ""
    is_live: bool = False


def version_of(entry: Entry | None) -> str:
    """A name for the content of an entry, to tell whether it has changed."""
    if entry is None:
        return NOTHING
    return hashlib.sha256(to_document(entry).encode()).hexdigest()[:16]


def diff_entries(before: Entry | None, after: Entry | None) -> tuple[FieldChange, ...]:
    """The fields in which two versions differ, in the order of the model."""
    model = after or before
    pairs = [
        (field.name, getattr(before, field.name, None), getattr(after, field.name, None))
        for field in (fields(model) if model else ())
    ]
    return tuple(
        FieldChange(field=name, before=old, after=new) for name, old, new in pairs if old != new
    )


def list_pending(db: Database) -> list[LibraryRevision]:
    """What waits for review, oldest first."""
    with snapshot(db):
        return [
            _revision(row)
            for row in db.query(
                "SELECT * FROM library_revisions WHERE state = 'pending' ORDER BY id"
            )
        ]


def list_decided(db: Database, *, n: int) -> list[LibraryRevision]:
    """What took effect or was turned down last, newest first."""
    with snapshot(db):
        rows = db.query(
            "SELECT * FROM library_revisions WHERE state IN ('applied', 'rejected')"
            " ORDER BY decided_at DESC, id DESC LIMIT ?",
            [n],
        )
        return [_revision(row) for row in rows]


def list_library_history(db: Database, kind: LibraryKind, key: str) -> list[LibraryRevision]:
    """The changes of an entry, newest first, from its earlier phrases too."""
    with snapshot(db):
        rows = db.query(
            "SELECT * FROM library_revisions WHERE kind = ? AND ? IN (key, new_key)"
            " ORDER BY id DESC",
            [kind.value, key],
        )
        return [_revision(row) for row in rows]


def get_library_revision(db: Database, number: int) -> LibraryRevision:
    """One change.

    Raises:
        NotFound: there is none of this number.
    """
    with snapshot(db):
        for row in db.query("SELECT * FROM library_revisions WHERE id = ?", [number]):
            return _revision(row)
    raise NotFound(f"There is no change {number} of the library.")


def find_own_pending(
    db: Database, kind: LibraryKind, key: str, staff_id: int
) -> LibraryRevision | None:
    """The author's own change of an entry that is not decided yet, where editing goes on."""
    with snapshot(db):
        rows = db.query(
            "SELECT * FROM library_revisions"
            " WHERE kind = ? AND key = ? AND staff_id = ? AND state = 'pending'",
            [kind.value, key, staff_id],
        )
        return next((_revision(row) for row in rows), None)


def add_change(db: Database, change: Change) -> int:
    """Write a change down and return its number. Call it inside a transaction."""
    old, new = change.before or change.after, change.after or change.before
    if old is None or new is None:
        raise ValueError("A change has a before or an after.")
    state = RevisionState.APPLIED if change.is_live else RevisionState.PENDING
    at = now()
    written = db.table("library_revisions").insert(
        {
            "kind": kind_of(new).value,
            "key": key_of(old),
            "new_key": key_of(new),
            "before": to_document(change.before) if change.before else None,
            "after": to_document(change.after) if change.after else None,
            "state": state.value,
            "note": change.note,
            "staff_id": change.author.id,
            "staff_name": change.author.name,
            "created_at": at,
            "decided_at": at if change.is_live else "",
        }
    )
    return cast(int, written.last_pk)


def decide(db: Database, number: int, state: RevisionState, by: Author, reason: str = "") -> None:
    """Write down what becomes of a change. Call it inside a transaction."""
    db.table("library_revisions").update(
        number,
        {
            "state": state.value,
            "reviewer_id": by.id,
            "reviewer_name": by.name,
            "reason": reason,
            "decided_at": now(),
        },
    )


def _revision(row: Row) -> LibraryRevision:
    kind = LibraryKind(row["kind"])
    return LibraryRevision(
        **{name: row[name] for name in _PLAIN},
        number=row["id"],
        kind=kind,
        state=RevisionState(row["state"]),
        before=from_document(kind, row["before"]) if row["before"] else None,
        after=from_document(kind, row["after"]) if row["after"] else None,
    )


_PLAIN = (
    *("key", "new_key", "note", "created_at", "staff_id", "staff_name"),
    *("reviewer_name", "reason", "decided_at"),
)
