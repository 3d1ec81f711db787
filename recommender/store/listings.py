"""Listings in the store: one row each in `nonprofits`, with its lists in child tables."""

from __future__ import annotations

import json
from collections import defaultdict
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, fields, replace
from itertools import count
from typing import Any

from sqlite_utils import Database

from recommender.errors import NotFound, StorageError
from recommender.models import Listing, Nonprofit, RevisionKind, Status, TagKind
from recommender.store import snapshot, transaction
from recommender.store.blocks import find_blocked
from recommender.store.history import (
    FILES,
    OPERATOR,
    SCHEDULE,
    Action,
    Entry,
    add_entry,
    diff,
    now,
)
from recommender.store.rows import CHILDREN, Row, compute_digest, to_nonprofit, to_row

PUBLIC = (Status.PUBLISHED, Status.DUE)
"""Listings that are matched and shown."""

SHOWN = (*PUBLIC, Status.STALE)
"""Listings that have a page."""

TAKEN_DOWN = (Status.WITHDRAWN, Status.DO_NOT_LIST, Status.ARCHIVED, Status.MERGED)
"""Listings that had a page and have none any more."""

EXCLUDED = (Status.STALE, *TAKEN_DOWN, Status.DRAFT, Status.IN_REVIEW)
"""Listings that must not be in any answer, even while an older index still holds them.

A draft may have been shown before it was taken down. Only what was imported or nominated has
never been in an index.
"""


MAX_KEPT = 5_000
"""Of more listings a `ListingReader` keeps none in memory."""


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


class ListingReader:
    """Reads the public listings again and again.

    A listing whose rows are as they were stays the same object: to compare rows takes half the
    time of making a listing of them, and what was worked out of it need not be worked out anew.
    Several threads may read at once.
    """

    def __init__(self) -> None:
        self._known: dict[int, tuple[_Rows, Nonprofit]] = {}

    def read(self, db: Database) -> list[Nonprofit]:
        """The public listings, by slug; what is no longer among them is forgotten."""
        with snapshot(db):
            columns, rows = _read_public(db)
        known = {id_: self._known.get(id_) for id_ in rows}
        found = {
            id_: kept if kept and kept[0] == rows[id_] else (rows[id_], _make(columns, rows[id_]))
            for id_, kept in known.items()
        }
        self._known = found if len(found) <= MAX_KEPT else {}
        return [listing for _, listing in found.values()]


def list_by_slug(db: Database, slugs: Sequence[str]) -> list[Nonprofit]:
    """The listings of these slugs, whatever their state, in this order; unknown ones are not."""
    with snapshot(db):
        rows = db.query(
            "SELECT listed.* FROM nonprofits AS listed"
            " JOIN json_each(?) AS wanted ON wanted.value = listed.slug ORDER BY wanted.key",
            [json.dumps(slugs)],
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


def get_listing(db: Database, slug: str) -> Listing:
    """One listing of any state, with what staff need in order to change it.

    Raises:
        NotFound: no listing has this slug.
    """
    with snapshot(db):
        rows = list(db.query(f"{_LISTINGS} WHERE listed.slug = ?", [slug]))
        if not rows:
            raise NotFound(f"No listing {slug!r}.")
        return _listings(db, rows)[0]


def find_status(db: Database, slug: str) -> Status | None:
    """The state of a listing, or None where no listing has this slug."""
    with snapshot(db):
        row = db.execute("SELECT status FROM nonprofits WHERE slug = ?", [slug]).fetchone()
    return Status(row[0]) if row else None


def find_by_ein(db: Database, ein: str) -> str | None:
    """The slug of the listing that has an EIN and a page, or None."""
    with snapshot(db):
        rows = db.execute(
            "SELECT slug, status FROM nonprofits WHERE ein = ? ORDER BY slug", [ein]
        ).fetchall()
    return next((slug for slug, status in rows if status in SHOWN), None)


def list_excluded(db: Database) -> frozenset[str]:
    """The slugs that must not be in any answer from now on, whatever the index holds."""
    return _list_slugs(db, EXCLUDED)


def list_barred(db: Database) -> frozenset[str]:
    """The slugs of the do-not-list."""
    return _list_slugs(db, [Status.DO_NOT_LIST])


def _list_slugs(db: Database, statuses: Iterable[Status]) -> frozenset[str]:
    with snapshot(db):
        rows = db.execute(
            "SELECT slug FROM nonprofits WHERE status IN (SELECT value FROM json_each(?))",
            [json.dumps([status.value for status in statuses])],
        )
        return frozenset(slug for (slug,) in rows)


def list_guarded(db: Database) -> list[Nonprofit]:
    """The public listings of which some place is not shown in full."""
    with snapshot(db):
        rows = db.query(
            "SELECT * FROM nonprofits WHERE status IN (SELECT value FROM json_each(?))"
            " AND EXISTS (SELECT 1 FROM locations"
            " WHERE nonprofit_id = nonprofits.id AND visibility <> 'public') ORDER BY slug",
            [json.dumps([status.value for status in PUBLIC])],
        )
        return _nonprofits(db, list(rows))


def set_status(db: Database, slug: str, status: Status) -> None:
    """Move a listing to any state, as whoever runs the server may; loads then leave it to staff.

    Raises:
        NotFound: no listing has this slug.
    """
    with transaction(db):
        listing = get_listing(db, slug)
        action = Action(kind=RevisionKind.STATUS, author=OPERATOR)
        change_listing(db, listing, replace(listing.nonprofit, status=status), action)


def change_listing(db: Database, listing: Listing, after: Nonprofit, action: Action) -> int:
    """Write a listing and the entry in its history; returns the new revision.

    Call it inside the transaction in which the listing was read.
    """
    entry = Entry(
        action=action,
        base=listing.revision,
        before=listing.nonprofit,
        after=after,
        is_live=True,
    )
    number = add_entry(db, listing.id, entry)
    row: Row = {"revision": number, "updated_at": now()}
    if action.author not in (FILES, SCHEDULE):
        row["is_edited"] = 1
    rewrite(db, listing, after, row)
    return number


def insert_listing(db: Database, record: Nonprofit, action: Action) -> int:
    """Add a listing of the staff's with the first entry of its history; returns its revision."""
    return insert_listings(db, [(record, action)])[0]


def insert_listings(db: Database, new: Sequence[tuple[Nonprofit, Action]]) -> list[int]:
    """Add many listings in far less time than one by one; returns their revisions.

    Call it inside a transaction.
    """
    (last,) = db.execute("SELECT coalesce(max(id), 0) FROM nonprofits").fetchone()
    numbers = [
        add_entry(db, id_, Entry(action=action, base=0, after=record, is_live=True))
        for id_, (record, action) in enumerate(new, start=last + 1)
    ]
    records = {id_: record for id_, (record, _) in enumerate(new, start=last + 1)}
    _insert(db, records, {"revision": 1, "is_edited": 1, "updated_at": now()})
    return numbers


def rewrite(db: Database, listing: Listing, after: Nonprofit, columns: Row) -> None:
    """Make the rows of a listing those of another version; only what differs is touched."""
    db.table("nonprofits").update(listing.id, to_row(after) | columns)
    for table, lay_out in CHILDREN.items():
        rows = lay_out(after)
        if rows != lay_out(listing.nonprofit):
            db.table(table).delete_where("nonprofit_id = ?", [listing.id])
            db.table(table).insert_all({"nonprofit_id": listing.id, **row} for row in rows)


def check_references(db: Database, records: Sequence[Nonprofit]) -> None:
    """Check that the tags and the parents that records name exist, or are among them.

    Raises:
        StorageError: one does not; the message says which.
    """
    tags = set(db.execute("SELECT kind, slug FROM tags").fetchall())
    slugs = {slug for (slug,) in db.execute("SELECT slug FROM nonprofits")}
    slugs |= {record.slug for record in records}
    for record in records:
        for kind in TagKind:
            for tag in record.tags(kind):
                if (kind.value, tag) not in tags:
                    raise StorageError(f"{record.slug}: unknown tag {tag!r} in {kind.value}.")
        if record.parent and record.parent not in slugs:
            raise StorageError(f"{record.slug}: unknown parent {record.parent!r}.")


def load_nonprofits(db: Database, records: Iterable[Nonprofit]) -> LoadReport:
    """Bring the listings in line with the committed records, all of them or none.

    A record is known by its slug, else by its EIN (then it has been renamed). What staff
    have made or touched stays as it is, and what must not be listed is not added under
    another name. What has left the records is archived, never deleted.

    Raises:
        StorageError: a record names an unknown tag or parent, or breaks the schema.
    """
    incoming = sorted(records, key=lambda record: record.slug)
    with transaction(db):
        steps = _plan(db, incoming)
        check_references(db, incoming)
        _update(db, [step for step in steps if step.outcome in ("updated", "archived")])
        _create(db, [step for step in steps if step.outcome == "created"])
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
    stored = list(db.query("SELECT id, slug, ein, status, is_edited, digest FROM nonprofits"))
    slugs = {record.slug for record in incoming}
    by_slug = {row["slug"]: row for row in stored}
    renamed = {row["ein"]: row for row in stored if row["ein"] and row["slug"] not in slugs}
    blocked = find_blocked(db, incoming)
    free_ids = count(max((row["id"] for row in stored), default=0) + 1)
    steps = []
    for record in incoming:
        row = by_slug.get(record.slug) or renamed.get(record.ein)
        is_barred = row is None and record.slug in blocked
        steps.append(
            _Step(
                outcome="kept" if is_barred else _outcome(row, record),
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
    if row["is_edited"]:
        return "unchanged" if same else "kept"
    # Archived without an edit: an earlier load did it, and the record is back.
    return "unchanged" if same and row["status"] != Status.ARCHIVED else "updated"


def _farewell(row: Row) -> str:
    if row["status"] not in SHOWN:
        return ""
    return "kept" if row["is_edited"] else "archived"


def _create(db: Database, steps: Sequence[_Step]) -> None:
    records = {step.id: step.record for step in steps if step.record}
    _insert(db, records, {"updated_at": now()})
    for id_, record in records.items():
        _set_digest(db, id_, record)


def _insert(db: Database, records: Mapping[int, Nonprofit], columns: Row) -> None:
    db.table("nonprofits").insert_all(
        to_row(record) | {"id": id_} | columns for id_, record in records.items()
    )
    for table, lay_out in CHILDREN.items():
        db.table(table).insert_all(
            {"nonprofit_id": id_, **row}
            for id_, record in records.items()
            for row in lay_out(record)
        )


def _update(db: Database, steps: Sequence[_Step]) -> None:
    ids = json.dumps([step.id for step in steps])
    chosen = f"{_LISTINGS} JOIN json_each(?) AS chosen ON chosen.value = listed.id"
    rows = list(db.query(chosen, [ids]))
    listings = {listing.id: listing for listing in _listings(db, rows)}
    # An EIN may move from one listing to another in the same load.
    db.execute("UPDATE nonprofits SET ein = '' WHERE id IN (SELECT value FROM json_each(?))", [ids])
    action = Action(kind=RevisionKind.LOAD, author=FILES)
    for step in steps:
        listing = listings[step.id]
        after = step.record or replace(listing.nonprofit, status=Status.ARCHIVED)
        if diff(listing.nonprofit, after):
            change_listing(db, listing, after, action)
        else:
            rewrite(db, listing, after, {})
        if step.record:
            _set_digest(db, step.id, step.record)


def _set_digest(db: Database, id_: int, record: Nonprofit) -> None:
    db.execute("UPDATE nonprofits SET digest = ? WHERE id = ?", [compute_digest(record), id_])


# `parent_slug` is the listing's own; the others say where and with whom it is now.
_LISTINGS = """
    SELECT listed.*, coalesce(target.slug, '') AS target, assignments.staff_id AS assignee_id
    FROM nonprofits AS listed
    LEFT JOIN nonprofits AS target
        ON target.id = listed.merged_into AND listed.status = 'merged'
    LEFT JOIN assignments ON assignments.nonprofit_id = listed.id"""


def _listings(db: Database, rows: Sequence[Row]) -> list[Listing]:
    return [
        Listing(
            id=row["id"],
            revision=row["revision"],
            nonprofit=nonprofit,
            merged_into=row["target"],
            assignee_id=row["assignee_id"],
        )
        for row, nonprofit in zip(rows, _nonprofits(db, rows), strict=True)
    ]


def _nonprofits(db: Database, rows: Sequence[Row]) -> list[Nonprofit]:
    ids = json.dumps([row["id"] for row in rows])
    children = {table: _children(db, table, ids) for table in CHILDREN}
    return [
        to_nonprofit(row, {table: found.get(row["id"], []) for table, found in children.items()})
        for row in rows
    ]


_Rows = tuple[list[tuple[Any, ...]], ...]
"""The rows of one listing: its own, then those of each child table."""

_Columns = tuple[list[str], ...]

_ROWS = """
    SELECT * FROM {table} WHERE {key} IN (
        SELECT id FROM nonprofits WHERE status IN (SELECT value FROM json_each(?)))
    ORDER BY {order}"""


def _read_public(db: Database) -> tuple[_Columns, dict[int, _Rows]]:
    """The columns of each table, and the rows of each public listing, by slug."""
    queries = [_ROWS.format(table="nonprofits", key="id", order="slug")]
    order = "nonprofit_id, position"
    queries += [_ROWS.format(table=table, key="nonprofit_id", order=order) for table in CHILDREN]
    tables = [_read_table(db, query) for query in queries]
    columns, found = zip(*tables, strict=True)
    return columns, {id_: tuple(rows.get(id_, []) for rows in found) for id_ in found[0]}


def _read_table(db: Database, query: str) -> tuple[list[str], dict[int, list[tuple[Any, ...]]]]:
    """The columns of a table, and its rows by their first column, which names the listing."""
    cursor = db.execute(query, [json.dumps([status.value for status in PUBLIC])])
    found = defaultdict(list)
    for row in cursor:
        found[row[0]].append(row)
    return [name for name, *_ in cursor.description], found


def _make(columns: _Columns, rows: _Rows) -> Nonprofit:
    (own,), *children = (
        [dict(zip(names, row, strict=True)) for row in listed]
        for names, listed in zip(columns, rows, strict=True)
    )
    return to_nonprofit(own, dict(zip(CHILDREN, children, strict=True)))


def _children(db: Database, table: str, ids: str) -> dict[int, list[Row]]:
    found = defaultdict(list)
    for row in db.table(table).rows_where(
        "nonprofit_id IN (SELECT value FROM json_each(?))",
        [ids],
        order_by="nonprofit_id, position",
    ):
        found[row["nonprofit_id"]].append(row)
    return found
