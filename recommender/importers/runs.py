"""The steps of an import that take time, each done by whichever worker claims it.

What is done and decided is in the store. A step that was cut off has written nothing, so that
whoever looks next can begin it anew.
"""

from __future__ import annotations

import shutil
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager, suppress
from dataclasses import dataclass
from pathlib import Path

from recommender import store
from recommender.errors import ImportRefused, RecommenderError, StorageError
from recommender.geo import Gazetteer
from recommender.importers import csv_file
from recommender.importers.apply import apply_import
from recommender.importers.formats import Upload, read_upload
from recommender.importers.plan import plan_import
from recommender.importers.rows import Origin, Records, Tell, Watch
from recommender.importers.undo import undo_import
from recommender.store import Database, transaction
from recommender.store.imports import (
    MAX_TRIES,
    WITH_FILE,
    Arrival,
    Column,
    Import,
    ImportState,
    beat_import,
    claim_import,
    create_import,
    expire_imports,
    find_mapping,
    get_import,
    give_up,
    move_import,
    note_counts,
    release_import,
)
from recommender.store.plans import APPLICABLE, ImportPlan, put_rows

BEAT_S = 1.0


@dataclass(frozen=True, kw_only=True)
class Workshop:
    """Where imports are worked on: the database, the folder of their files, the places."""

    database: Path
    folder: Path
    open_gazetteer: Callable[[], Gazetteer]

    def file_of(self, import_: Import) -> Path:
        """The file of an import, under the name that it came with."""
        return self.folder / str(import_.id) / import_.arrival.file_name

    def drop_file(self, import_id: int) -> None:
        """Delete the file of an import, which is not needed any more."""
        shutil.rmtree(self.folder / str(import_id), ignore_errors=True)


def sweep(db: Database, workshop: Workshop) -> None:
    """Put away imports that nobody decided on, and files that none needs any more."""
    for import_id in expire_imports(db):
        workshop.drop_file(import_id)


def work_on(workshop: Workshop, import_id: int) -> None:
    """Take the next step of an import, unless somebody else is at it."""
    with _connected(workshop) as db, _connected(workshop) as beats:
        import_ = claim_import(db, import_id)
        if import_ is None:
            return
        job = _Job(db=db, import_=import_, workshop=workshop, tell=_Pulse(beats, import_id))
        try:
            _STEPS[import_.state](job)
        except StorageError as error:
            _try_again(db, import_, error)
        except RecommenderError as error:
            give_up(db, import_, str(error))
        if get_import(db, import_id).state not in WITH_FILE:
            workshop.drop_file(import_id)


@dataclass(frozen=True, kw_only=True)
class Importer:
    """Who imports, and what is placed on the map by what."""

    staff_id: int
    gazetteer: Gazetteer


def import_at_once(db: Database, plan: ImportPlan, arrival: Arrival, importer: Importer) -> Import:
    """Keep a plan as an import and carry it out, all of it or nothing.

    Raises:
        ImportRefused, NotAllowed, InvalidAction, StorageError: see `apply_import`.
    """
    with transaction(db):
        import_ = create_import(db, arrival, by=importer.staff_id, state=ImportState.PLANNING)
        put_rows(db, import_.id, plan.rows)
        move_import(db, import_.id, ImportState.PLANNED)
        chosen = move_import(db, import_.id, ImportState.APPLYING, chosen=APPLICABLE)
        apply_import(db, chosen, importer.gazetteer)
        return get_import(db, import_.id)


@contextmanager
def _connected(workshop: Workshop) -> Iterator[Database]:
    db = store.connect(workshop.database)
    try:
        yield db
    finally:
        db.close()


class _Pulse:
    """Says from time to time how far the work is, on a connection of its own."""

    def __init__(self, db: Database, import_id: int) -> None:
        self._db = db
        self._import_id = import_id
        self._stage = ""
        self._next = 0.0

    def __call__(self, stage: str, done: int, total: int) -> None:
        if stage == self._stage and time.monotonic() < self._next:
            return
        self._stage, self._next = stage, time.monotonic() + BEAT_S
        # Somebody else may be writing for long; the work itself need not wait for that.
        with suppress(StorageError):
            beat_import(self._db, self._import_id, stage, done, total)


@dataclass(frozen=True, kw_only=True)
class _Job:
    """One step of an import, and what it takes to do it."""

    db: Database
    import_: Import
    workshop: Workshop
    tell: Tell

    @property
    def path(self) -> Path:
        path = self.workshop.file_of(self.import_)
        if not path.is_file():
            raise ImportRefused("The file is not kept any more. Please bring it once more.")
        if path.stat().st_size == 0:
            raise ImportRefused("The file is empty.")
        return path


def _open(job: _Job) -> None:
    """Read the columns of a spreadsheet, for somebody to say what they hold."""
    job.tell("Reading the columns", 0, 0)
    table = csv_file.read_table(job.path)
    known = find_mapping(job.db, table.header) or csv_file.guess_mapping(table.header).columns
    fields = {name: field for field, name in known.items()}
    columns = [
        Column(name=name, samples=samples, field=fields.get(name, ""))
        for name, samples in zip(table.header, csv_file.list_samples(table), strict=True)
    ]
    move_import(job.db, job.import_.id, ImportState.MAPPING, columns=columns)


def _plan(job: _Job) -> None:
    """Read the file, and compare each of its records with the listings."""
    watch = Watch(tell=job.tell)
    job.tell("Reading the file", 0, 0)
    records = _counted(job, read_upload(job.db, _upload(job), watch), watch)
    plan = plan_import(job.db, records, by=job.import_.actor_id, tell=job.tell)
    job.tell("Keeping what was found", 0, 0)
    with transaction(job.db):
        put_rows(job.db, job.import_.id, plan.rows)
        move_import(job.db, job.import_.id, ImportState.PLANNED)


def _upload(job: _Job) -> Upload:
    arrival, mapping = job.import_.arrival, job.import_.mapping
    return Upload(
        path=job.path,
        format=arrival.format,
        origin=Origin(source=arrival.source or arrival.file_name, as_of=arrival.as_of),
        mapping=csv_file.ColumnMapping(columns=mapping) if mapping else None,
    )


def _counted(job: _Job, records: Records, watch: Watch) -> Records:
    """The records; once all are read, the page tells how many there are of which kind."""
    yield from records
    note_counts(job.db, job.import_.id, watch.counts)


def _apply(job: _Job) -> None:
    job.tell("Writing all of it or nothing", 0, 0)
    apply_import(job.db, job.import_, job.workshop.open_gazetteer())


def _undo(job: _Job) -> None:
    job.tell("Taking it back", 0, 0)
    undo_import(job.db, job.import_)


_STEPS: dict[ImportState, Callable[[_Job], None]] = {
    ImportState.OPENING: _open,
    ImportState.PLANNING: _plan,
    ImportState.APPLYING: _apply,
    ImportState.UNDOING: _undo,
}


def _try_again(db: Database, import_: Import, error: StorageError) -> None:
    """The store may only have been busy: any worker may go on, but not for ever."""
    if import_.tries < MAX_TRIES:
        release_import(db, import_.id)
    else:
        give_up(db, import_, str(error))
