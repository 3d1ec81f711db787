"""The history of listings: who did what, when, with the listing before and after."""

from __future__ import annotations

from dataclasses import dataclass, fields
from datetime import UTC, datetime
from typing import Any

from sqlite_utils import Database

from recommender.errors import NotFound
from recommender.models import (
    FieldChange,
    Nonprofit,
    Revision,
    RevisionKind,
    RevisionState,
    TagKind,
)
from recommender.store import snapshot
from recommender.store.rows import Row, from_document, to_document

_NOT_CONTENT = ("updated_on",)


@dataclass(frozen=True, kw_only=True)
class Author:
    """Who changes a listing: a member of staff, or (without `id`) a schedule or a file."""

    name: str
    id: int | None = None


FILES = Author(name="data files")
SCHEDULE = Author(name="schedule")
OPERATOR = Author(name="operator")
"""Whoever may run commands on the server."""


@dataclass(frozen=True, kw_only=True)
class Action:
    """What is done and by whom. `at` is ISO 8601 in UTC; now, where it is empty."""

    kind: RevisionKind
    author: Author
    note: str = ""
    about: int | None = None
    at: str = ""


@dataclass(frozen=True, kw_only=True)
class Entry:
    """An entry that is to be written; see `Revision`."""

    action: Action
    base: int
    before: Nonprofit | None = None
    after: Nonprofit | None = None
    state: RevisionState = RevisionState.APPLIED
    is_live: bool = False


def diff(before: Nonprofit, after: Nonprofit) -> tuple[FieldChange, ...]:
    """The fields in which two versions of a listing differ, in the order of the model."""
    pairs = (
        (field.name, getattr(before, field.name), getattr(after, field.name))
        for field in fields(Nonprofit)
        if field.name not in _NOT_CONTENT
    )
    return tuple(
        FieldChange(field=name, before=old, after=new) for name, old, new in pairs if old != new
    )


@dataclass(frozen=True, kw_only=True)
class Overlap:
    """The fields that differ between two versions made from one, by who changed them.

    `both` were changed in each to something else, `theirs` and `yours` in one alone. What
    both made the same is in none of them.
    """

    theirs: tuple[str, ...]
    yours: tuple[str, ...]
    both: tuple[str, ...]


def compare_changes(base: Nonprofit | None, theirs: Nonprofit, yours: Nonprofit) -> Overlap:
    """Say who changed which field since `base`; where that is not known, both changed it.

    It is the three-way comparison of diff3, field by field. Tags are compared as sets.
    """
    changed: dict[str, list[str]] = {"theirs": [], "yours": [], "both": []}
    for name in (change.field for change in diff(theirs, yours)):
        was, now_there, typed = (_comparable(name, one) for one in (base, theirs, yours))
        if now_there == typed:
            continue
        who = "yours" if now_there == was else "theirs" if typed == was else "both"
        changed[who if base else "both"].append(name)
    return Overlap(**{who: tuple(names) for who, names in changed.items()})


def _comparable(name: str, version: Nonprofit | None) -> object:
    value = getattr(version, name, None)
    return frozenset(value or ()) if name in list(TagKind) else value


def list_revisions(db: Database, slug: str) -> list[Revision]:
    """The history of a listing, newest first; one that only a file has written has none.

    Raises:
        NotFound: no listing has this slug.
    """
    with snapshot(db):
        id_ = _find_id(db, slug)
        rows = db.query(
            "SELECT * FROM revisions WHERE nonprofit_id = ? ORDER BY number DESC", [id_]
        )
        return [_to_revision(row, slug) for row in rows]


def get_revision(db: Database, slug: str, number: int) -> Revision:
    """One entry of the history of a listing.

    Raises:
        NotFound: there is no such listing or entry.
    """
    with snapshot(db):
        rows = db.query(
            "SELECT * FROM revisions WHERE nonprofit_id = ? AND number = ?",
            [_find_id(db, slug), number],
        )
        for row in rows:
            return _to_revision(row, slug)
    raise NotFound(f"{slug} has no revision {number}.")


def find_replaced(db: Database, nonprofit_id: int, number: int) -> Nonprofit | None:
    """What stood at a revision that another one has replaced since; None where none has.

    This is known even of the version that a file brought and that has no entry of its own.
    """
    found = db.execute(
        "SELECT before FROM revisions WHERE nonprofit_id = ? AND is_live AND base = ?"
        " AND before IS NOT NULL",
        [nonprofit_id, number],
    ).fetchone()
    return from_document(found[0]) if found else None


def add_entry(db: Database, nonprofit_id: int, entry: Entry) -> int:
    """Write the next entry of a listing's history, and return its number.

    Call it inside a transaction, before the listing takes the number.
    """
    number = _next_number(db, nonprofit_id)
    action = entry.action
    db.table("revisions").insert(
        {
            "nonprofit_id": nonprofit_id,
            "number": number,
            "kind": action.kind.value,
            "state": entry.state.value,
            "base": entry.base,
            "is_live": entry.is_live,
            "about": action.about,
            "before": to_document(entry.before) if entry.before else None,
            "after": to_document(entry.after) if entry.after else None,
            "note": action.note,
            "staff_id": action.author.id,
            "staff_name": action.author.name,
            "created_at": action.at or now(),
        }
    )
    return number


def set_state(db: Database, nonprofit_id: int, number: int, state: RevisionState) -> None:
    """Say what became of a revision."""
    db.execute(
        "UPDATE revisions SET state = ? WHERE nonprofit_id = ? AND number = ?",
        [state.value, nonprofit_id, number],
    )


def now() -> str:
    """The time as it is stored: ISO 8601 in UTC, to the second."""
    return datetime.now(UTC).strftime("%Y-%m-%dT%H:%M:%SZ")


def _next_number(db: Database, nonprofit_id: int) -> int:
    found = db.execute(
        "SELECT max(number) FROM (SELECT number FROM revisions WHERE nonprofit_id = :id"
        " UNION ALL SELECT revision FROM nonprofits WHERE id = :id)",
        {"id": nonprofit_id},
    ).fetchone()
    return int(found[0] or 0) + 1


def _find_id(db: Database, slug: str) -> int:
    found = db.execute("SELECT id FROM nonprofits WHERE slug = ?", [slug]).fetchone()
    if found is None:
        raise NotFound(f"No listing {slug!r}.")
    return int(found[0])


def _to_revision(row: Row, slug: str) -> Revision:
    values: dict[str, Any] = {name: row[name] for name in _PLAIN}
    return Revision(
        **values,
        slug=slug,
        kind=RevisionKind(row["kind"]),
        state=RevisionState(row["state"]),
        is_live=bool(row["is_live"]),
        before=from_document(row["before"]) if row["before"] else None,
        after=from_document(row["after"]) if row["after"] else None,
    )


_PLAIN = ("number", "base", "created_at", "staff_name", "staff_id", "note", "about")
