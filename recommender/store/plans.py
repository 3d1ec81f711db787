"""The rows of an import: what each record of its file would do, and in the end did."""

from __future__ import annotations

import json
import re
from collections import Counter
from collections.abc import Collection, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from enum import StrEnum
from functools import cached_property

from sqlite_utils import Database

from recommender.models import FieldChange, Nonprofit
from recommender.store import snapshot, transaction
from recommender.store.history import diff
from recommender.store.revisions import get_staff
from recommender.store.rows import Row, from_document, to_document
from recommender.text import fold

MAX_WORDS = 8
_EIN = re.compile(r"\b(\d{2})-(\d{7})\b")


class Verdict(StrEnum):
    """What would become of one record."""

    CREATE = "create"
    UPDATE = "update"
    UNCHANGED = "unchanged"
    CONFLICT = "conflict"
    DUPLICATE = "duplicate-of"
    REJECTED = "rejected"


APPLICABLE = (Verdict.CREATE, Verdict.UPDATE, Verdict.CONFLICT)
"""Verdicts by which something is written."""


class Outcome(StrEnum):
    """What was done with a record: a new draft, a draft changed, a revision put up for review."""

    CREATED = "created"
    CHANGED = "changed"
    PROPOSED = "proposed"


class Undone(StrEnum):
    """What undoing the import made of it; what somebody has worked on since is left."""

    REMOVED = "removed"
    REVERTED = "reverted"
    PROPOSED = "proposed"
    WITHDRAWN = "withdrawn"
    LEFT = "left"


@dataclass(frozen=True, kw_only=True)
class PlannedRow:
    """One record and its verdict.

    `nonprofit` is the listing as it would be afterwards: new (create), with fields filled that
    were empty or came from the same source (update), or with curated fields replaced too, which
    is for a reviewer to decide (conflict; in a draft they stay). It is None where nothing would
    be written. `before` is what is stored, `changes` what differs from it, `curated` those of
    them that somebody wrote.
    """

    where: str
    verdict: Verdict
    name: str = ""
    slug: str = ""
    ein: str = ""
    reason: str = ""
    nonprofit: Nonprofit | None = None
    before: Nonprofit | None = None
    changes: tuple[FieldChange, ...] = ()
    curated: tuple[str, ...] = ()
    material: str = ""


@dataclass(frozen=True, kw_only=True)
class ImportPlan:
    """The verdicts in the order of the file, made against one revision of the catalogue."""

    rows: tuple[PlannedRow, ...]
    catalog_revision: int

    @cached_property
    def counts(self) -> dict[Verdict, int]:
        """How many rows have each verdict."""
        found = Counter(row.verdict for row in self.rows)
        return {verdict: found[verdict] for verdict in Verdict}


@dataclass(frozen=True, kw_only=True)
class StoredRow:
    """A row of a stored plan, and what became of it.

    `listing` is the slug of the listing that it is about, where there is one by now; `number`
    that of the entry in its history. `remark` says why undoing left it.
    """

    position: int
    planned: PlannedRow
    is_left_out: bool
    listing: str = ""
    outcome: Outcome | None = None
    number: int | None = None
    undone: Undone | None = None
    remark: str = ""

    @property
    def is_applicable(self) -> bool:
        """Whether it could still be written."""
        return self.planned.nonprofit is not None and self.outcome is None


@dataclass(frozen=True, kw_only=True)
class RowQuery:
    """Which rows of a plan are looked for; words must all be in the row. `page` counts from 1."""

    verdict: Verdict | None = None
    outcome: Outcome | None = None
    text: str = ""
    page: int = 1
    page_size: int = 50


@dataclass(frozen=True, kw_only=True)
class RowPage:
    """One page of a plan, and how many rows there are in all."""

    rows: tuple[StoredRow, ...]
    total: int


@dataclass(frozen=True, kw_only=True)
class Tally:
    """How many rows of an import are of each kind; `ready` could still be written, by verdict.

    `left_out` of these were taken out one by one.
    """

    verdicts: Mapping[Verdict, int]
    ready: Mapping[Verdict, int]
    left_out: Mapping[Verdict, int]
    outcomes: Mapping[Outcome, int]
    undone: Mapping[Undone, int]


def put_rows(db: Database, import_id: int, rows: Sequence[PlannedRow]) -> None:
    """Keep the rows of a plan in place of those of an earlier one; what was left out stays so."""
    with transaction(db):
        left_out = {
            place
            for (place,) in db.execute(
                "SELECT place FROM import_rows WHERE import_id = ? AND is_left_out", [import_id]
            )
        }
        clear_rows(db, import_id)
        ids = dict(db.execute("SELECT slug, id FROM nonprofits").fetchall())
        db.table("import_rows").insert_all(
            {
                "import_id": import_id,
                "position": i,
                "nonprofit_id": ids.get(row.slug),
                "is_left_out": row.nonprofit is not None and row.where in left_out,
                **_to_row(row),
            }
            for i, row in enumerate(rows)
        )


def clear_rows(db: Database, import_id: int) -> None:
    """Forget the rows of a plan."""
    with transaction(db):
        db.execute("DELETE FROM import_rows WHERE import_id = ?", [import_id])


def list_rows(db: Database, import_id: int, query: RowQuery) -> RowPage:
    """The rows of an import that fit a query, one page of them, in the order of the file."""
    values = {
        "import_id": import_id,
        "verdict": query.verdict or "",
        "outcome": query.outcome or "",
        "words": json.dumps(_searchable(query.text).split()[:MAX_WORDS]),
        "limit": query.page_size,
        "offset": (query.page - 1) * query.page_size,
    }
    with snapshot(db):
        (total,) = db.execute(_COUNT.format(found=_FOUND), values).fetchone()
        rows = db.query(f"{_FOUND} ORDER BY position LIMIT :limit OFFSET :offset", values)
        return RowPage(rows=tuple(_from_row(row) for row in rows), total=total)


def iterate_rows(db: Database, import_id: int, query: RowQuery) -> Iterator[StoredRow]:
    """All rows of an import that fit a query, page by page, so that few are in memory."""
    page = replace(query, page=1, page_size=500)
    while rows := list_rows(db, import_id, page).rows:
        yield from rows
        page = replace(page, page=page.page + 1)


def list_ready(db: Database, import_id: int, verdicts: Collection[Verdict]) -> list[StoredRow]:
    """The rows with these verdicts that were not left out and not written yet."""
    with snapshot(db):
        rows = db.query(f"{_ROWS}{_IS_READY}", [import_id, json.dumps(list(verdicts))])
        return [_from_row(row) for row in rows]


def list_done(db: Database, import_id: int) -> list[StoredRow]:
    """The rows that were written and not undone, the last first."""
    with snapshot(db):
        return [_from_row(row) for row in db.query(_DONE, [import_id])]


def tally_rows(db: Database, import_id: int) -> Tally:
    """Count the rows of an import by verdict, and by what was done with them."""
    verdicts: Counter[Verdict] = Counter()
    ready: Counter[Verdict] = Counter()
    left_out: Counter[Verdict] = Counter()
    outcomes: Counter[Outcome] = Counter()
    undone: Counter[Undone] = Counter()
    with snapshot(db):
        found = db.execute(_TALLY, [import_id]).fetchall()
    for verdict, outcome, undoing, is_ready, is_left_out, n in found:
        verdicts[Verdict(verdict)] += n
        ready[Verdict(verdict)] += n * is_ready
        left_out[Verdict(verdict)] += n * is_ready * is_left_out
        outcomes += Counter({Outcome(outcome): n}) if outcome else Counter()
        undone += Counter({Undone(undoing): n}) if undoing else Counter()
    return Tally(
        verdicts=verdicts, ready=ready, left_out=left_out, outcomes=outcomes, undone=undone
    )


def leave_out(db: Database, import_id: int, choices: Mapping[int, bool], *, by: int) -> None:
    """Take rows out of what is to be written, or put them back; those written stay as they are.

    Raises:
        NotAllowed: the account is gone or disabled.
    """
    with transaction(db):
        get_staff(db, by)
        db.conn.executemany(
            "UPDATE import_rows SET is_left_out = ? WHERE import_id = ? AND position = ?"
            " AND after IS NOT NULL AND outcome = ''"
            # While it is written, what was chosen stands.
            " AND (SELECT state FROM imports WHERE id = import_id) IN ('planned', 'applied')",
            [(is_out, import_id, position) for position, is_out in choices.items()],
        )


@dataclass(frozen=True, kw_only=True)
class Written:
    """What was done with a row: the outcome, and the entry in the history of the listing."""

    position: int
    slug: str
    outcome: Outcome
    number: int


def note_written(db: Database, import_id: int, written: Iterable[Written]) -> None:
    """Remember what was done with rows. Call it inside the transaction in which it is done."""
    db.conn.executemany(
        "UPDATE import_rows SET outcome = ?, number = ?,"
        " nonprofit_id = (SELECT id FROM nonprofits WHERE nonprofits.slug = ?)"
        " WHERE import_id = ? AND position = ?",
        [(w.outcome.value, w.number, w.slug, import_id, w.position) for w in written],
    )


def note_undone(
    db: Database, import_id: int, position: int, undone: Undone, remark: str = ""
) -> None:
    """Remember what undoing made of a row. Call it inside the transaction in which it is done."""
    db.execute(
        "UPDATE import_rows SET undone = ?, remark = ? WHERE import_id = ? AND position = ?",
        [undone.value, remark, import_id, position],
    )


_ROWS = """
    SELECT import_rows.*, coalesce(
        (SELECT slug FROM nonprofits WHERE id = import_rows.nonprofit_id), '') AS listing
    FROM import_rows"""
_IS_READY = """
    WHERE import_id = ? AND after IS NOT NULL AND outcome = '' AND NOT is_left_out
        AND verdict IN (SELECT value FROM json_each(?))
    ORDER BY position"""
_DONE = f"{_ROWS} WHERE import_id = ? AND outcome <> '' AND undone = '' ORDER BY position DESC"

_FITS = """
    import_id = :import_id
        AND (:verdict = '' OR verdict = :verdict) AND (:outcome = '' OR outcome = :outcome)
        AND NOT EXISTS (SELECT 1 FROM json_each(:words) WHERE NOT instr(searched, value))"""
_FOUND = f"{_ROWS} WHERE {_FITS}"
_COUNT = "SELECT count(*) FROM ({found})"

_TALLY = """
    SELECT verdict, outcome, undone, after IS NOT NULL AND outcome = '' AS is_ready, is_left_out,
        count(*)
    FROM import_rows WHERE import_id = ? GROUP BY 1, 2, 3, 4, 5"""


def _searchable(text: str) -> str:
    """Text without case and accents, and with each EIN as it is stored."""
    return _EIN.sub(r"\1\2", fold(text.encode("utf-8", "ignore").decode()))


def _to_row(row: PlannedRow) -> Row:
    offered = None
    if row.before and row.changes:
        values: Row = {change.field: change.after for change in row.changes}
        offered = replace(row.before, **values)
    return {
        "place": row.where,
        "verdict": row.verdict.value,
        "name": row.name,
        "slug": row.slug,
        "ein": row.ein,
        "reason": row.reason,
        "before": to_document(row.before) if row.before and row.changes else None,
        "after": to_document(row.nonprofit) if row.nonprofit else None,
        "offered": to_document(offered) if offered else None,
        "curated": json.dumps(row.curated),
        "material": row.material,
        "searched": _searchable(f"{row.where} {row.name} {row.slug} {row.ein} {row.reason}"),
    }


def _from_row(row: Row) -> StoredRow:
    before = from_document(row["before"]) if row["before"] else None
    offered = from_document(row["offered"]) if row["offered"] else None
    return StoredRow(
        position=row["position"],
        planned=PlannedRow(
            where=row["place"],
            verdict=Verdict(row["verdict"]),
            name=row["name"],
            slug=row["slug"],
            ein=row["ein"],
            reason=row["reason"],
            nonprofit=from_document(row["after"]) if row["after"] else None,
            before=before,
            changes=diff(before, offered) if before and offered else (),
            curated=tuple(json.loads(row["curated"])),
            material=row["material"],
        ),
        is_left_out=bool(row["is_left_out"]),
        listing=row["listing"],
        outcome=Outcome(row["outcome"]) if row["outcome"] else None,
        number=row["number"],
        undone=Undone(row["undone"]) if row["undone"] else None,
        remark=row["remark"],
    )
