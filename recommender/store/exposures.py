"""Reports on who gets shown, one for each generation; see `recommender.exposure`."""

from __future__ import annotations

import json
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from sqlite_utils import Database

from recommender.store import snapshot, transaction

KEPT = 5


@dataclass(frozen=True, kw_only=True)
class Exposure:
    """How far the report on a generation is, of `n_profiles`; None as long as it is not done."""

    generation: str
    n_done: int
    n_profiles: int
    report: Mapping[str, Any] | None = None


def put_exposure(db: Database, exposure: Exposure) -> None:
    """Keep a report or how far it is; those on the oldest generations go."""
    report = json.dumps(exposure.report) if exposure.report is not None else None
    row = {**vars(exposure), "report": report}
    with transaction(db):
        db.table("exposures").upsert(row, pk="generation")
        db.execute(
            "DELETE FROM exposures WHERE generation NOT IN"
            " (SELECT generation FROM exposures ORDER BY generation DESC LIMIT ?)",
            [KEPT],
        )


def find_exposure(db: Database, generation: str) -> Exposure | None:
    """The report on a generation, or how far it is; None where nobody has begun it."""
    return _find(db, "WHERE generation = ?", [generation])


def find_last_exposure(db: Database) -> Exposure | None:
    """The newest report that is done."""
    return _find(db, "WHERE report IS NOT NULL ORDER BY generation DESC LIMIT 1", [])


def _find(db: Database, which: str, values: list[str]) -> Exposure | None:
    with snapshot(db):
        for row in db.query(f"SELECT * FROM exposures {which}", values):  # noqa: S608
            report = json.loads(row["report"]) if row["report"] else None
            return Exposure(**row | {"report": report})
    return None
