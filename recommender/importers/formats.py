"""The formats that `catalog import` takes, each with what reads it."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from dataclasses import dataclass
from pathlib import Path

from recommender.importers import csv_file, hsds, irs_990, irs_bmf
from recommender.importers.plan import list_known_eins
from recommender.importers.rows import Incoming, Origin, RowError
from recommender.store import Database


@dataclass(frozen=True, kw_only=True)
class Upload:
    """A file to import. The origin of a return is what the return says of itself."""

    path: Path
    format: str
    origin: Origin
    mapping: csv_file.ColumnMapping | None = None


def read_upload(db: Database, upload: Upload) -> Iterator[Incoming | RowError]:
    """The records of a file, of an IRS extract those that are for the directory.

    Raises:
        ImportRefused: the file as a whole cannot be taken.
    """
    return _READERS[upload.format](db, upload)


def _read_bmf(db: Database, upload: Upload) -> Iterator[Incoming | RowError]:
    return irs_bmf.read_incoming(upload.path, upload.origin.as_of, list_known_eins(db))


def _read_990(_: Database, upload: Upload) -> Iterator[Incoming | RowError]:
    return irs_990.read_incoming(upload.path)


def _read_csv(_: Database, upload: Upload) -> Iterator[Incoming | RowError]:
    return csv_file.read_incoming(upload.path, upload.origin, upload.mapping)


def _read_hsds(_: Database, upload: Upload) -> Iterator[Incoming | RowError]:
    return hsds.read_incoming(upload.path, upload.origin)


_READERS: dict[str, Callable[[Database, Upload], Iterator[Incoming | RowError]]] = {
    "irs-bmf": _read_bmf,
    "irs-990-xml": _read_990,
    "csv": _read_csv,
    "hsds": _read_hsds,
}
FORMATS = tuple(_READERS)
