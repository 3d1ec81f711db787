"""Listings in the store: one row each in `nonprofits`, with its lists in child tables."""

from __future__ import annotations

import json
from collections import defaultdict
from collections.abc import Iterable, Sequence
from dataclasses import dataclass, fields
from datetime import UTC, datetime
from itertools import count

from sqlite_utils import Database

from recommender.errors import NotFound, StorageError
from recommender.models import Nonprofit, Status, TagKind
from recommender.store import snapshot, transaction
from recommender.store.rows import CHILDREN, Row, compute_digest, to_nonprofit, to_row

PUBLIC = (Status.PUBLISHED, Status.DUE)
"""Listings that are matched and shown."""

SHOWN = (*PUBLIC, Status.STALE)
"""Listings that have a page."""

EXCLUDED = (Status.WITHDRAWN, Status.DO_NOT_LIST, Status.ARCHIVED, Status.MERGED)
"""Listings that must not be in any answer, even while an older index still holds them."""


@dataclass(frozen=True, kw_only=True)
class LoadReport:
    """What a load did, as slugs.

    `kept` differ from the files, but staff have edited them since and staff win;
    `archived` have left the files.
    """

    created: tuple[str, ...] = ()
    updated: tuple[str, ...] = ()
    unchanged: tuple[str, ...] = ()
    kept: tuple[str, ...] = ()
    archived: tuple[str, ...] = ()


def list_nonprofits(db: Database, statuses: Iterable[Status] = PUBLIC) -> list[Nonprofit]:
    """The listings in any of the given states, by slug."""
    with snapshot(db):
        rows = db.query(
            "SELECT * FROM nonprofits WHERE status IN (SELECT value FROM json_each(?))"
            " ORDER BY slug",
            [json.dumps([status.value for status in statuses])],
        )
        return _nonprofits(db, list(rows))


def get_nonprofit(db: Database, slug: str, statuses: Iterable[Status] = SHOWN) -> Nonprofit:
    """One listing.

    Raises:
        NotFound: no listing has this slug, or it is in none of the given states.
    """
    with snapshot(db):
        rows = list(db.query("SELECT * FROM nonprofits WHERE slug = ?", [slug]))
        if not rows or rows[0]["status"] not in {status.value for status in statuses}:
            raise NotFound(f"No listing {slug!r}.")
        return _nonprofits(db, rows)[0]


def list_excluded(db: Database) -> frozenset[str]:
    """The slugs that must not be in any answer from now on, whatever the index holds."""
    with snapshot(db):
        rows = db.execute(
            "SELECT slug FROM nonprofits WHERE status IN (SELECT value FROM json_each(?))",
            [json.dumps([status.value for status in EXCLUDED])],
        )
        return frozenset(slug for (slug,) in rows)


def set_status(db: Database, slug: str, status: Status) -> None:
    """Move a listing to another state. From then on loads leave it to staff.

    Raises:
        NotFound: no listing has this slug.
    """
    with transaction(db):
        changed = db.execute(
            "UPDATE nonprofits SET status = ?, revision = revision + 1, updated_at = ?"
            " WHERE slug = ?",
            [status.value, _now(), slug],
        )
        if not changed.rowcount:
            raise NotFound(f"No listing {slug!r}.")


def load_nonprofits(db: Database, records: Iterable[Nonprofit]) -> LoadReport:
    """Bring the listings in line with the committed records, all of them or none.

    A record is known by its slug, else by its EIN (then it has been renamed). What staff
    have touched (revision above 1, so every listing that was withdrawn or must not be
    listed) stays as it is. What has left the records is archived, never deleted.

    Raises:
        StorageError: a record names an unknown tag or parent, or breaks the schema.
    """
    incoming = sorted(records, key=lambda record: record.slug)
    with transaction(db):
        steps = _plan(db, incoming)
        _check_references(db, steps)
        _write(db, [step for step in steps if step.outcome in ("created", "updated")])
        _archive(db, [step for step in steps if step.outcome == "archived"])
    return LoadReport(
        **{
            field.name: tuple(step.slug for step in steps if step.outcome == field.name)
            for field in fields(LoadReport)
        }
    )


@dataclass(frozen=True, kw_only=True)
class _Step:
    """What happens to one listing; `outcome` is a field name of `LoadReport`, or empty."""

    outcome: str
    slug: str
    id: int
    record: Nonprofit | None = None


def _plan(db: Database, incoming: Sequence[Nonprofit]) -> list[_Step]:
    stored = list(db.query("SELECT id, slug, ein, status, revision, digest FROM nonprofits"))
    slugs = {record.slug for record in incoming}
    by_slug = {row["slug"]: row for row in stored}
    renamed = {row["ein"]: row for row in stored if row["ein"] and row["slug"] not in slugs}
    free_ids = count(max((row["id"] for row in stored), default=0) + 1)
    steps = []
    for record in incoming:
        row = by_slug.get(record.slug) or renamed.get(record.ein)
        steps.append(
            _Step(
                outcome=_outcome(row, record),
                slug=record.slug,
                id=row["id"] if row else next(free_ids),
                record=record,
            )
        )
    matched = {step.id for step in steps}
    gone = [row for row in stored if row["id"] not in matched and row["digest"]]
    steps += [_Step(outcome=_farewell(row), slug=row["slug"], id=row["id"]) for row in gone]
    return sorted(steps, key=lambda step: step.slug)


def _outcome(row: Row | None, record: Nonprofit) -> str:
    if row is None:
        return "created"
    same = row["digest"] == compute_digest(record)
    if row["revision"] > 1:
        return "unchanged" if same else "kept"
    # Archived without an edit: an earlier load did it, and the record is back.
    return "unchanged" if same and row["status"] != Status.ARCHIVED else "updated"


def _farewell(row: Row) -> str:
    if row["status"] not in SHOWN:
        return ""
    return "kept" if row["revision"] > 1 else "archived"


def _check_references(db: Database, steps: Sequence[_Step]) -> None:
    tags = set(db.execute("SELECT kind, slug FROM tags").fetchall())
    slugs = {slug for (slug,) in db.execute("SELECT slug FROM nonprofits")}
    slugs |= {step.slug for step in steps}
    for record in (step.record for step in steps if step.record):
        for kind in TagKind:
            for tag in record.tags(kind):
                if (kind.value, tag) not in tags:
                    raise StorageError(f"{record.slug}: unknown tag {tag!r} in {kind.value}.")
        if record.parent and record.parent not in slugs:
            raise StorageError(f"{record.slug}: unknown parent {record.parent!r}.")


def _write(db: Database, steps: Sequence[_Step]) -> None:
    ids = json.dumps([step.id for step in steps])
    # An EIN may move from one listing to another in the same load.
    db.execute("UPDATE nonprofits SET ein = '' WHERE id IN (SELECT value FROM json_each(?))", [ids])
    pairs = [(step.id, step.record) for step in steps if step.record]
    rows = [to_row(record) | {"id": id_, "updated_at": _now()} for id_, record in pairs]
    db.table("nonprofits").upsert_all(rows, pk="id")
    for table, lay_out in CHILDREN.items():
        db.table(table).delete_where("nonprofit_id IN (SELECT value FROM json_each(?))", [ids])
        db.table(table).insert_all(
            {"nonprofit_id": id_, **child} for id_, record in pairs for child in lay_out(record)
        )


def _archive(db: Database, steps: Sequence[_Step]) -> None:
    db.execute(
        "UPDATE nonprofits SET status = ?, updated_at = ?"
        " WHERE id IN (SELECT value FROM json_each(?))",
        [Status.ARCHIVED.value, _now(), json.dumps([step.id for step in steps])],
    )


def _nonprofits(db: Database, rows: Sequence[Row]) -> list[Nonprofit]:
    ids = json.dumps([row["id"] for row in rows])
    children = {table: _children(db, table, ids) for table in CHILDREN}
    return [
        to_nonprofit(row, {table: found.get(row["id"], []) for table, found in children.items()})
        for row in rows
    ]


def _children(db: Database, table: str, ids: str) -> dict[int, list[Row]]:
    found = defaultdict(list)
    for row in db.table(table).rows_where(
        "nonprofit_id IN (SELECT value FROM json_each(?))",
        [ids],
        order_by="nonprofit_id, position",
    ):
        found[row["nonprofit_id"]].append(row)
    return found


def _now() -> str:
    return datetime.now(UTC).strftime("%Y-%m-%dT%H:%M:%SZ")
