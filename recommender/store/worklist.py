"""What staff see before they open a listing: the list they search, and the work that waits."""

from __future__ import annotations

import json
import re
from collections.abc import Iterable, Sequence
from dataclasses import replace
from typing import Any

from sqlite_utils import Database

from recommender.errors import NotFound
from recommender.models import (
    Basis,
    ListingPage,
    ListingQuery,
    ListingRow,
    ListingSort,
    QueueItem,
    QueueKind,
    Status,
)
from recommender.store import snapshot
from recommender.store.rows import Row

THIN_CHARACTERS = 60
"""An English description shorter than this says little beyond a name."""

# One row for each listing that fits all but the conditions of which there are counts; of
# those, `in_*` says which it meets.
_LISTED = """
    SELECT listed.id, listed.slug, listed.name, listed.ein, listed.status, listed.basis,
        listed.revision, listed.updated_at AS edited_at,
        coalesce(office.city, '') AS city, coalesce(office.state, '') AS state,
        max(listed.verified_on, coalesce(
            (SELECT max(as_of) FROM sources WHERE nonprofit_id = listed.id), '')) AS checked_on,
        (listed.basis = 'name' OR length(listed.summary_en) < :thin_characters
            OR NOT EXISTS (SELECT 1 FROM nonprofit_tags
                WHERE nonprofit_id = listed.id AND kind = 'services')) AS is_thin,
        (SELECT count(*) FROM revisions
            WHERE nonprofit_id = listed.id AND revisions.state = 'pending') AS n_pending,
        staff.id AS assignee_id, coalesce(staff.name, '') AS assignee_name,
        coalesce(found.rank, 0) AS rank,
        (:statuses = '[]' OR listed.status IN (SELECT value FROM json_each(:statuses)))
            AS in_statuses,
        (:bases = '[]' OR listed.basis IN (SELECT value FROM json_each(:bases))) AS in_bases,
        (:states = '[]' OR EXISTS (SELECT 1 FROM locations
            WHERE nonprofit_id = listed.id AND state IN (SELECT value FROM json_each(:states))))
            AS in_states,
        (:services = '[]' OR EXISTS (SELECT 1 FROM nonprofit_tags
            WHERE nonprofit_id = listed.id AND kind = 'services'
                AND tag IN (SELECT value FROM json_each(:services)))) AS in_services
    FROM nonprofits AS listed
    LEFT JOIN locations AS office ON office.nonprofit_id = listed.id AND office.position = (
        SELECT position FROM locations WHERE nonprofit_id = listed.id
        ORDER BY is_primary DESC, position LIMIT 1)
    LEFT JOIN assignments ON assignments.nonprofit_id = listed.id
    LEFT JOIN staff ON staff.id = assignments.staff_id
    {searched}
    WHERE (:assignee_id IS NULL OR staff.id = :assignee_id)
        AND (NOT :unassigned OR staff.id IS NULL)
        AND (NOT :never_verified OR listed.verified_on = '')
        AND (:among IS NULL OR listed.slug IN (SELECT value FROM json_each(:among)))"""

# Weights of the columns name, names, ein, cities, summary.
_SEARCHED = """JOIN (
        SELECT rowid, bm25(listing_search, 10, 5, 10, 3, 1) AS rank
        FROM listing_search WHERE listing_search MATCH :words
    ) AS found ON found.rowid = listed.id"""
_NOT_SEARCHED = "LEFT JOIN (SELECT 0 AS rank) AS found"

_FOUND = """
    WITH listed AS ({listed}), found AS MATERIALIZED (
        SELECT * FROM listed
        WHERE (:thin IS NULL OR is_thin = :thin) AND (NOT :pending OR n_pending)
            AND (:checked_before = '' OR checked_on = ''
                OR checked_on < substr(:checked_before, 1, length(checked_on))))"""

_CHOSEN = """{found}
    SELECT *, count(*) OVER () AS total FROM found
    WHERE in_statuses AND in_bases AND in_states AND in_services"""

# The conditions of a kind do not narrow its own counts: any of its values will do.
_COUNTED = """{found}
    SELECT 'statuses' AS kind, status AS value, count(*) AS n FROM found
    WHERE in_bases AND in_states AND in_services GROUP BY 2
    UNION ALL
    SELECT 'bases', basis, count(*) FROM found
    WHERE in_statuses AND in_states AND in_services GROUP BY 2
    UNION ALL
    SELECT 'states', locations.state, count(DISTINCT found.id)
    FROM found JOIN locations ON locations.nonprofit_id = found.id
    WHERE in_statuses AND in_bases AND in_services GROUP BY 2
    UNION ALL
    SELECT 'services', tag, count(*)
    FROM found JOIN nonprofit_tags AS tags
        ON tags.nonprofit_id = found.id AND tags.kind = 'services'
    WHERE in_statuses AND in_bases AND in_states GROUP BY 2"""

_ORDERS = {
    ListingSort.RELEVANCE: "rank, name COLLATE NOCASE, slug",
    ListingSort.NAME: "name COLLATE NOCASE, slug",
    ListingSort.PLACE: "state = '', state, city COLLATE NOCASE, name COLLATE NOCASE, slug",
    ListingSort.EDITED: "edited_at DESC, slug",
    ListingSort.CHECKED: "checked_on, slug",
}

COUNTED = ("statuses", "bases", "states", "services")
"""The fields of a query for whose values there are counts."""


def search_listings(db: Database, query: ListingQuery) -> ListingPage:
    """The listings of all states that fit a query, one page of them."""
    found = _found(query)
    if not found:
        return ListingPage(listings=(), total=0)
    chosen, values = _CHOSEN.format(found=found), _values(query)
    with snapshot(db):
        rows = list(
            db.query(f"{chosen} ORDER BY {_ORDERS[query.sort]} LIMIT :limit OFFSET :offset", values)
        )
        if not rows and query.page > 1:
            # Beyond the last page: only the total is left to tell.
            first = next(iter(db.query(chosen, values)), {"total": 0})
            return ListingPage(listings=(), total=first["total"])
    total = rows[0]["total"] if rows else 0
    return ListingPage(listings=tuple(_to_row(row) for row in rows), total=total)


def list_slugs(db: Database, query: ListingQuery, limit: int) -> list[str]:
    """The slugs of everything that fits a query, whatever its page, in its order."""
    whole = replace(query, page=1, page_size=limit)
    return [row.slug for row in search_listings(db, whole).listings]


def read_revisions(db: Database, slugs: Sequence[str]) -> dict[str, int]:
    """The present revision of each listing, by slug.

    Raises:
        NotFound: one of the slugs is no listing's.
    """
    with snapshot(db):
        found = dict(
            db.execute(
                "SELECT slug, revision FROM nonprofits"
                " WHERE slug IN (SELECT value FROM json_each(?))",
                [json.dumps(slugs)],
            ).fetchall()
        )
    for slug in slugs:
        if slug not in found:
            raise NotFound(f"No listing {slug!r}.")
    return found


def read_names(db: Database, slugs: Iterable[str]) -> dict[str, tuple[str, Status]]:
    """What listings are called and the state of each, by slug; of those that are there."""
    with snapshot(db):
        rows = db.execute(
            "SELECT slug, name, status FROM nonprofits"
            " WHERE slug IN (SELECT value FROM json_each(?))",
            [json.dumps(list(slugs))],
        )
        return {slug: (name, Status(status)) for slug, name, status in rows}


def count_values(db: Database, query: ListingQuery) -> dict[str, dict[str, int]]:
    """For each field of `COUNTED`, how many listings fit with each value of it.

    What the query says of the field itself is left aside, so that the count says what
    choosing the value as well, or instead, would find.
    """
    counts: dict[str, dict[str, int]] = {name: {} for name in COUNTED}
    found = _found(query)
    if found:
        with snapshot(db):
            for row in db.query(_COUNTED.format(found=found), _values(query)):
                counts[row["kind"]][row["value"]] = row["n"]
    return counts


def _found(query: ListingQuery) -> str:
    """The start of every statement about a query; "" where nothing can be found."""
    words = parse_words(query.text)
    if query.text.strip() and not words:
        return ""
    listed = _LISTED.format(searched=_SEARCHED if words else _NOT_SEARCHED)
    return _FOUND.format(listed=listed)


def parse_words(text: str) -> str:
    """What was typed as an FTS5 query: every word must be there, the last may be unfinished.

    Each word is quoted, so nothing of it is read as syntax. An EIN may have its hyphen.
    """
    storable = text.encode("utf-8", "ignore").decode().replace("\0", " ")
    plain = re.sub(r"\b(\d{2})-(\d{7})\b", r"\1\2", storable)
    words = [word for word in plain.split() if any(char.isalnum() for char in word)]
    quoted = ['"' + word.replace('"', '""') + '"' for word in words]
    return " ".join(quoted) + "*" if quoted else ""


def list_queue(
    db: Database,
    kinds: Iterable[QueueKind] = tuple(QueueKind),
    *,
    assignee_id: int | None = None,
    limit: int = 100,
) -> list[QueueItem]:
    """The work that waits, by kind and then by age; all of it, or what one person is given."""
    values = {"kinds": json.dumps([kind.value for kind in kinds])}
    with snapshot(db):
        rows = db.query(
            f"{_QUEUE} AND (:assignee_id IS NULL OR assignee_id = :assignee_id)"
            " ORDER BY position, since, slug LIMIT :limit",
            values | {"assignee_id": assignee_id, "limit": limit},
        )
        return [_to_item(row) for row in rows]


def count_queue(db: Database) -> dict[QueueKind, int]:
    """How much work waits, of every kind."""
    values = {"kinds": json.dumps([kind.value for kind in QueueKind])}
    with snapshot(db):
        rows = db.execute(_COUNT.format(queue=_QUEUE), values)
        return dict.fromkeys(QueueKind, 0) | {QueueKind(kind): n for kind, n in rows}


# Revisions of listings that were taken down wait until the listing is back.
_QUEUE = """
    SELECT * FROM (
        SELECT CASE revisions.state WHEN 'pending' THEN 'revision' ELSE 'returned' END AS kind,
            CASE revisions.state WHEN 'pending' THEN 0 ELSE 2 END AS position,
            slug, name, number, revisions.created_at AS since, revisions.staff_id AS author_id,
            revisions.staff_name AS author_name, assignments.staff_id AS assignee_id
        FROM revisions JOIN nonprofits ON nonprofits.id = revisions.nonprofit_id
        LEFT JOIN assignments ON assignments.nonprofit_id = nonprofits.id
        WHERE revisions.state IN ('pending', 'returned')
            AND nonprofits.status IN (
                'imported', 'nominated', 'draft', 'in-review', 'published', 'due', 'stale')
        UNION ALL
        SELECT CASE status WHEN 'in-review' THEN 'review' ELSE status END,
            CASE status WHEN 'in-review' THEN 1 WHEN 'due' THEN 3 ELSE 4 END,
            slug, name, revision, updated_at, last.staff_id, coalesce(last.staff_name, ''),
            assignments.staff_id
        FROM nonprofits
        LEFT JOIN revisions AS last
            ON last.nonprofit_id = nonprofits.id AND last.number = nonprofits.revision
        LEFT JOIN assignments ON assignments.nonprofit_id = nonprofits.id
        WHERE status IN ('in-review', 'due', 'stale'))
    WHERE kind IN (SELECT value FROM json_each(:kinds))"""
_COUNT = "SELECT kind, count(*) FROM ({queue}) GROUP BY kind"


def _values(query: ListingQuery) -> Row:
    lists = {name: json.dumps(getattr(query, name)) for name in COUNTED}
    return lists | {
        "words": parse_words(query.text),
        "among": None if query.among is None else json.dumps(query.among),
        "assignee_id": query.assignee_id,
        "unassigned": query.unassigned,
        "never_verified": query.never_verified,
        "checked_before": query.checked_before,
        "thin": query.thin,
        "pending": query.pending,
        "thin_characters": THIN_CHARACTERS,
        "limit": query.page_size,
        "offset": (query.page - 1) * query.page_size,
    }


def _to_row(row: Row) -> ListingRow:
    values: dict[str, Any] = {name: row[name] for name in _PLAIN}
    return ListingRow(
        **values,
        status=Status(row["status"]),
        basis=Basis(row["basis"]),
        is_thin=bool(row["is_thin"]),
    )


_PLAIN = (
    *("slug", "name", "ein", "city", "state", "revision", "edited_at", "checked_on"),
    *("n_pending", "assignee_id", "assignee_name"),
)


def _to_item(row: Row) -> QueueItem:
    values: dict[str, Any] = {name: row[name] for name in row if name not in ("kind", "position")}
    return QueueItem(**values, kind=QueueKind(row["kind"]))
