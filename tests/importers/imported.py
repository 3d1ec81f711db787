"""Records that are planned and written as the pages and the command do it."""

from __future__ import annotations

from collections.abc import Collection
from typing import Any

from recommender.errors import RecommenderError
from recommender.importers.apply import apply_import
from recommender.importers.plan import plan_import
from recommender.importers.rows import Incoming, Origin, make_incoming
from recommender.importers.undo import undo_import
from recommender.store import Database
from recommender.store.imports import (
    Arrival,
    Import,
    ImportState,
    create_import,
    get_import,
    give_up,
    move_import,
)
from recommender.store.plans import (
    APPLICABLE,
    ImportPlan,
    Outcome,
    RowQuery,
    StoredRow,
    Undone,
    Verdict,
    list_rows,
    put_rows,
)
from tests.data_folder import FakeGazetteer

ORIGIN = Origin(source="Test register", as_of="2024-06")
GAZETTEER: Any = FakeGazetteer()


def make_record(material: str = "", origin: Origin = ORIGIN, **values: Any) -> Incoming:
    return make_incoming("line 2", {"name": "Test New"} | values, origin, material)


def keep_plan(db: Database, plan: ImportPlan, by: int) -> Import:
    """A plan as an import that waits for a decision."""
    arrival = Arrival(file_name="test.csv", format="csv")
    import_ = create_import(db, arrival, by=by, state=ImportState.PLANNING)
    put_rows(db, import_.id, plan.rows)
    return move_import(db, import_.id, ImportState.PLANNED)


def carry_out(
    db: Database, import_: Import, verdicts: Collection[Verdict] = APPLICABLE, by: int | None = None
) -> Import:
    chosen = move_import(db, import_.id, ImportState.APPLYING, by=by, chosen=list(verdicts))
    try:
        apply_import(db, chosen, GAZETTEER)
    except RecommenderError as error:
        give_up(db, chosen, str(error))
        raise
    return get_import(db, import_.id)


def import_records(db: Database, by: int, *records: Incoming) -> Import:
    return carry_out(db, keep_plan(db, plan_import(db, records, by=by), by))


def undo(db: Database, import_: Import, by: int) -> dict[str, Undone | None]:
    """Undo an import; what became of each row, by slug."""
    undo_import(db, move_import(db, import_.id, ImportState.UNDOING, by=by))
    return {row.planned.slug: row.undone for row in rows_of(db, import_)}


def rows_of(db: Database, import_: Import) -> tuple[StoredRow, ...]:
    return list_rows(db, import_.id, RowQuery()).rows


def outcomes(db: Database, import_: Import) -> dict[str, Outcome]:
    return {row.planned.slug: row.outcome for row in rows_of(db, import_) if row.outcome}
