"""The formats that can be imported, each with what reads it."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator
from dataclasses import dataclass
from pathlib import Path

from recommender.importers import csv_file, hsds, irs_990, irs_bmf
from recommender.importers.plan import list_known_eins
from recommender.importers.rows import Incoming, Origin, RowError, Watch
from recommender.store import Database


@dataclass(frozen=True, kw_only=True)
class Upload:
    """A file to import. The origin of a return is what the return says of itself."""

    path: Path
    format: str
    origin: Origin
    mapping: csv_file.ColumnMapping | None = None


def read_upload(
    db: Database, upload: Upload, watch: Watch | None = None
) -> Iterator[Incoming | RowError]:
    """The records of a file, of an IRS extract those that are for the directory.

    Raises:
        ImportRefused: the file as a whole cannot be taken.
    """
    return _READERS[upload.format](db, upload, watch or Watch())


def _read_bmf(db: Database, upload: Upload, watch: Watch) -> Iterator[Incoming | RowError]:
    known = list_known_eins(db)
    return irs_bmf.read_incoming(upload.path, upload.origin.as_of, known, watch)


def _read_990(_: Database, upload: Upload, watch: Watch) -> Iterator[Incoming | RowError]:
    return irs_990.read_incoming(upload.path, watch=watch)


def _read_csv(_: Database, upload: Upload, watch: Watch) -> Iterator[Incoming | RowError]:
    return _counted(csv_file.read_incoming(upload.path, upload.origin, upload.mapping), watch)


def _read_hsds(_: Database, upload: Upload, watch: Watch) -> Iterator[Incoming | RowError]:
    return _counted(hsds.read_incoming(upload.path, upload.origin), watch)


def _counted(records: Iterable[Incoming | RowError], watch: Watch) -> Iterator[Incoming | RowError]:
    for record in records:
        watch.count()
        yield record


Reader = Callable[[Database, Upload, Watch], Iterator[Incoming | RowError]]
_READERS: dict[str, Reader] = {
    "irs-bmf": _read_bmf,
    "irs-990-xml": _read_990,
    "csv": _read_csv,
    "hsds": _read_hsds,
}
FORMATS = tuple(_READERS)
