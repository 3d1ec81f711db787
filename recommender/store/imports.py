"""Imports: who brought which file, how far it has come, and how its columns are mapped.

Reading, planning, writing and undoing are done by whichever worker claims the import. It says
from time to time that it is still there; when it has been silent, another one goes on.
"""

from __future__ import annotations

import hashlib
import json
import time
from collections.abc import Collection, Iterable, Mapping
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from enum import StrEnum
from typing import Any

from sqlite_utils import Database

from recommender.errors import InvalidAction, NotFound
from recommender.store import snapshot, transaction
from recommender.store.history import now
from recommender.store.plans import Outcome, Verdict, clear_rows
from recommender.store.revisions import get_staff
from recommender.store.rows import Row

SILENCE_S = 20
"""How long whoever works on an import may be silent before another worker goes on."""

MAX_TRIES = 3
"""How often a step is begun before it is given up."""

KEPT_DAYS = 7
"""How long a file waits for a decision."""


class ImportState(StrEnum):
    """Where an import stands."""

    RECEIVING = "receiving"
    OPENING = "opening"
    MAPPING = "mapping"
    PLANNING = "planning"
    PLANNED = "planned"
    APPLYING = "applying"
    APPLIED = "applied"
    UNDOING = "undoing"
    UNDONE = "undone"
    FAILED = "failed"
    DISCARDED = "discarded"


S = ImportState
WORKING = (S.OPENING, S.PLANNING, S.APPLYING, S.UNDOING)
"""A worker does something, or is about to."""

WAITING = (S.RECEIVING, S.OPENING, S.MAPPING, S.PLANNING, S.PLANNED)
"""Nothing was written yet; it is put away when nobody decides in time."""

WITH_FILE = (*WAITING, S.APPLYING)
"""The file is kept, because it may have to be read again."""

FOLLOWS: dict[ImportState, tuple[ImportState, ...]] = {
    S.OPENING: (S.RECEIVING,),
    S.MAPPING: (S.OPENING, S.PLANNED),
    S.PLANNING: (S.RECEIVING, S.MAPPING, S.PLANNED),
    S.PLANNED: (S.PLANNING, S.APPLYING),
    S.APPLYING: (S.PLANNED, S.APPLIED),
    S.APPLIED: (S.APPLYING, S.UNDOING),
    S.UNDOING: (S.APPLIED,),
    S.UNDONE: (S.UNDOING,),
    S.FAILED: (S.RECEIVING, S.OPENING, S.PLANNING),
    S.DISCARDED: (S.RECEIVING, S.MAPPING, S.PLANNED),
}
"""For each state, those that it may follow."""


@dataclass(frozen=True, kw_only=True)
class Column:
    """A column of a spreadsheet: its name, a few of its values, and the field it is taken for."""

    name: str
    samples: tuple[str, ...] = ()
    field: str = ""


@dataclass(frozen=True, kw_only=True)
class Arrival:
    """A file as it is described by who brings it; see `importers.formats.Upload`."""

    file_name: str
    format: str
    source: str = ""
    as_of: str = ""
    n_bytes: int = 0


@dataclass(frozen=True, kw_only=True)
class Import:
    """An import. `staff_*` is who brought the file, `actor_*` in whose name the last step was.

    `stage`, `done` and `total` say how far a worker is (`total` is 0 where nobody can know),
    `tries` how often the step was begun, `counts` what the reader counted, and `problem` why the
    last step came to nothing. Times are ISO 8601 in UTC, except `beat_at`: seconds since 1970.
    """

    id: int
    staff_id: int | None
    staff_name: str
    created_at: str
    arrival: Arrival
    state: ImportState
    changed_at: str
    actor_id: int | None = None
    actor_name: str = ""
    problem: str = ""
    stage: str = ""
    done: int = 0
    total: int = 0
    beat_at: int = 0
    tries: int = 0
    columns: tuple[Column, ...] = ()
    mapping: Mapping[str, str] = field(default_factory=dict)
    counts: Mapping[str, int] = field(default_factory=dict)
    chosen: tuple[Verdict, ...] = ()

    @property
    def is_silent(self) -> bool:
        """Whether it waits for a worker: nobody has begun, or whoever did was stopped."""
        return self.state in WORKING and self.beat_at < time.time() - SILENCE_S


@dataclass(frozen=True, kw_only=True)
class ImportLine:
    """An import in the list of all, with how many rows have which verdict and outcome."""

    import_: Import
    verdicts: Mapping[Verdict, int]
    outcomes: Mapping[Outcome, int]


def create_import(
    db: Database, arrival: Arrival, *, by: int, state: ImportState = S.RECEIVING
) -> Import:
    """Write down that somebody brings a file.

    Raises:
        NotAllowed: there is no such account, or it is disabled.
        StorageError: a part of the description is too long.
    """
    with transaction(db):
        staff = get_staff(db, by)
        who = {"staff_id": by, "staff_name": staff.name, "actor_id": by, "actor_name": staff.name}
        row = {**vars(arrival), **who, "state": state.value, "created_at": now()}
        stored = db.table("imports").insert(row | {"changed_at": now()}, pk="id")
        return get_import(db, int(str(stored.last_pk)))


def get_import(db: Database, import_id: int) -> Import:
    """One import.

    Raises:
        NotFound: there is none with this number.
    """
    with snapshot(db):
        for row in db.query("SELECT * FROM imports WHERE id = ?", [import_id]):
            return _to_import(row)
    raise NotFound(f"There is no import {import_id}.")


def list_imports(db: Database, limit: int = 50) -> list[ImportLine]:
    """The imports, newest first."""
    with snapshot(db):
        rows = list(db.query("SELECT * FROM imports ORDER BY id DESC LIMIT ?", [limit]))
        counts = db.execute(_COUNTS, [json.dumps([row["id"] for row in rows])]).fetchall()
    return [
        ImportLine(
            import_=_to_import(row),
            verdicts=_added((Verdict(v), n) for id_, v, _, n in counts if id_ == row["id"]),
            outcomes=_added((Outcome(o), n) for id_, _, o, n in counts if id_ == row["id"] and o),
        )
        for row in rows
    ]


_COUNTS = """
    SELECT import_id, verdict, outcome, count(*) FROM import_rows
    WHERE import_id IN (SELECT value FROM json_each(?)) GROUP BY 1, 2, 3"""


def _added(pairs: Iterable[tuple[Any, int]]) -> dict[Any, int]:
    found: dict[Any, int] = {}
    for key, n in pairs:
        found[key] = found.get(key, 0) + n
    return found


def move_import(
    db: Database, import_id: int, to: ImportState, *, by: int | None = None, **columns: Any
) -> Import:
    """Let an import take its next step; whoever worked on it has ended.

    Args:
        db: The store.
        import_id: Which import.
        to: The state it takes.
        by: Who asked for it; the one who asked for the last step, where None.
        columns: What else is to be kept: `problem`, `columns`, `mapping`, `counts`, `chosen` and
            `n_bytes`.

    Raises:
        NotFound: there is no such import.
        InvalidAction: the state it is in is not followed by this one.
        NotAllowed: the account is gone or disabled.
    """
    with transaction(db):
        import_ = get_import(db, import_id)
        if import_.state not in FOLLOWS[to]:
            raise InvalidAction(f"This import is {import_.state}; it cannot become {to}.")
        values: Row = {"state": to.value, "changed_at": now(), "problem": "", **_IDLE}
        if by is not None:
            values |= {"actor_id": by, "actor_name": get_staff(db, by).name}
        values |= {name: _stored(value) for name, value in columns.items()}
        db.table("imports").update(import_id, values)
        if to is S.DISCARDED:
            clear_rows(db, import_id)
        return get_import(db, import_id)


_IDLE = {"beat_at": 0, "tries": 0, "stage": "", "done": 0, "total": 0}


def _stored(value: Any) -> Any:
    if isinstance(value, str | int):
        return value
    return json.dumps(value, default=vars, ensure_ascii=False)


def claim_import(db: Database, import_id: int) -> Import | None:
    """Begin to work on an import that waits for it; None where there is nothing to do.

    A step that was begun too often ends with a problem: what stops every worker is not tried
    for ever.
    """
    with transaction(db):
        import_ = get_import(db, import_id)
        if not import_.is_silent:
            return None
        if import_.tries >= MAX_TRIES:
            give_up(db, import_, "It was begun several times and never came to an end.")
            return None
        beat = {"beat_at": int(time.time()), "tries": import_.tries + 1}
        db.table("imports").update(import_id, beat)
        return get_import(db, import_id)


def release_import(db: Database, import_id: int) -> None:
    """Let any worker go on at once."""
    with transaction(db):
        db.execute("UPDATE imports SET beat_at = 0 WHERE id = ?", [import_id])


def beat_import(db: Database, import_id: int, stage: str, done: int, total: int) -> None:
    """Say that somebody is still at it, and how far."""
    with transaction(db):
        values = {"stage": stage, "done": done, "total": total, "beat_at": int(time.time())}
        db.table("imports").update(import_id, values)


def note_counts(db: Database, import_id: int, counts: Mapping[str, int]) -> None:
    """Keep what the reader counted, while the comparing goes on."""
    with transaction(db):
        db.table("imports").update(import_id, {"counts": json.dumps(dict(counts))})


def give_up(db: Database, import_: Import, problem: str) -> None:
    """End a step that came to nothing, and say why; what was decided before still stands."""
    has_written = import_.state is S.UNDOING or bool(
        db.execute(
            "SELECT 1 FROM import_rows WHERE import_id = ? AND outcome <> ''", [import_.id]
        ).fetchone()
    )
    if import_.state in (S.APPLYING, S.UNDOING):
        state = S.APPLIED if has_written else S.PLANNED
    else:
        state = S.FAILED
    move_import(db, import_.id, state, problem=problem[:2_000])


def expire_imports(db: Database, today: datetime | None = None) -> list[int]:
    """Discard what nobody decided on in time, and give the numbers of all that hold no file."""
    oldest = (today or datetime.now(UTC)) - timedelta(days=KEPT_DAYS)
    with transaction(db):
        for import_id in _list_ids(db, WAITING, before=oldest.strftime("%Y-%m-%dT%H:%M:%SZ")):
            import_ = get_import(db, import_id)
            to = S.DISCARDED if import_.state in FOLLOWS[S.DISCARDED] else S.FAILED
            problem = f"Nobody decided on it within {KEPT_DAYS} days, so it was put away."
            move_import(db, import_id, to, problem=problem)
        return _list_ids(db, set(ImportState) - set(WITH_FILE))


def count_kept_bytes(db: Database) -> int:
    """How much room the files take that wait for a decision."""
    with snapshot(db):
        (total,) = db.execute(
            "SELECT coalesce(sum(n_bytes), 0) FROM imports"
            " WHERE state IN (SELECT value FROM json_each(?))",
            [json.dumps(list(WAITING))],
        ).fetchone()
        return int(total)


def _list_ids(db: Database, states: Collection[ImportState], before: str = "9") -> list[int]:
    rows = db.execute(
        "SELECT id FROM imports WHERE state IN (SELECT value FROM json_each(?))"
        " AND changed_at < ? ORDER BY id",
        [json.dumps(list(states)), before],
    )
    return [id_ for (id_,) in rows.fetchall()]


# --- How columns are mapped --------------------------------------------------------------


def find_mapping(db: Database, header: Iterable[str]) -> dict[str, str] | None:
    """The columns by field, as staff mapped the last file with this very header."""
    with snapshot(db):
        found = db.execute(
            "SELECT mapping FROM import_mappings WHERE header = ?", [_digest(header)]
        ).fetchone()
    return dict(json.loads(found[0])) if found else None


def remember_mapping(
    db: Database, header: Iterable[str], mapping: Mapping[str, str], *, by: int
) -> None:
    """Keep a mapping for the next file with this header.

    Raises:
        NotAllowed: the account is gone or disabled.
    """
    with transaction(db):
        row = {
            "header": _digest(header),
            "mapping": json.dumps(dict(mapping), ensure_ascii=False),
            "staff_name": get_staff(db, by).name,
            "saved_at": now(),
        }
        db.table("import_mappings").upsert(row, pk="header")


def _digest(header: Iterable[str]) -> str:
    return hashlib.sha256(json.dumps(list(header)).encode()).hexdigest()


def _to_import(row: Row) -> Import:
    values: dict[str, Any] = {name: row[name] for name in _PLAIN}
    return Import(
        **values,
        arrival=Arrival(**{name: row[name] for name in Arrival.__dataclass_fields__}),
        state=ImportState(row["state"]),
        columns=tuple(
            Column(**column | {"samples": tuple(column["samples"])})
            for column in json.loads(row["columns"])
        ),
        mapping=json.loads(row["mapping"]),
        counts=json.loads(row["counts"]),
        chosen=tuple(Verdict(verdict) for verdict in json.loads(row["chosen"])),
    )


_PLAIN = (
    *("id", "staff_id", "staff_name", "created_at", "changed_at", "actor_id", "actor_name"),
    *("problem", "stage", "done", "total", "beat_at", "tries"),
)
