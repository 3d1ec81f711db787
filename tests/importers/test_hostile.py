"""Five hundred damaged and hostile files: clear reports, bounded memory, nothing half-read."""

from __future__ import annotations

import json
import random
import tracemalloc
import unicodedata
import zipfile
from collections.abc import Callable, Iterator
from dataclasses import dataclass, replace
from pathlib import Path

import pytest

from recommender.errors import ImportRefused
from recommender.importers import csv_file, hsds, irs_990, irs_bmf
from recommender.importers.rows import Incoming, Origin, RowError
from recommender.models import Nonprofit
from recommender.store import Database
from recommender.store.catalog import load_nonprofits
from tests.importers.bmf import make_row, write_bmf
from tests.importers.test_hsds import FOREIGN
from tests.importers.test_irs_990 import make_return

ORIGIN = Origin(source="Test", as_of="2024-01")
SEED = 20240109
MAX_PEAK = 24_000_000

Read = Callable[[Path], Iterator[Incoming | RowError]]
Damage = Callable[[random.Random, bytes], bytes]


@dataclass(frozen=True, kw_only=True)
class Format:
    """How files of a format are made and read, and how many mutations it gets."""

    name: str
    make: Callable[[Path], Path]
    read: Read
    count: int


def _make_bmf(folder: Path) -> Path:
    rows = (make_row(EIN=f"{n:09}") for n in range(1, 9))
    return write_bmf(folder / "a.csv", *rows)


def _make_packed_bmf(folder: Path) -> Path:
    return write_bmf(folder / "a.csv.gz", *(make_row(EIN=f"{n:09}") for n in range(1, 9)))


def _make_return(folder: Path) -> Path:
    (folder / "a.xml").write_bytes(make_return())
    return folder / "a.xml"


def _make_returns(folder: Path) -> Path:
    with zipfile.ZipFile(folder / "a.zip", "w", zipfile.ZIP_DEFLATED) as archive:
        for n in range(1, 5):
            archive.writestr(f"{n}.xml", make_return(ein=f"{n:09}"))
    return folder / "a.zip"


def _make_csv(folder: Path) -> Path:
    lines = ["name,ein,city,state,zip,website,revenue,summary"]
    lines += [
        f'"Test {n}",00000001{n},Boston,MA,02108,example.org,"$1,000",Líneas' for n in range(8)
    ]
    (folder / "a.csv").write_text("\r\n".join(lines))
    return folder / "a.csv"


def _make_hsds(folder: Path) -> Path:
    (folder / "a.json").write_text(json.dumps([FOREIGN] * 3, ensure_ascii=False))
    return folder / "a.json"


def _make_package(folder: Path) -> Path:
    listings = [
        incoming.nonprofit
        for incoming in csv_file.read_incoming(_make_csv(folder), ORIGIN)
        if isinstance(incoming, Incoming)
    ]
    (folder / "a.zip").write_bytes(hsds.export_package(listings, []))
    return folder / "a.zip"


FORMATS = (
    Format(
        name="irs-bmf",
        make=_make_bmf,
        read=lambda path: irs_bmf.read_incoming(path, "2024-01"),
        count=90,
    ),
    Format(
        name="irs-bmf.gz",
        make=_make_packed_bmf,
        read=lambda path: irs_bmf.read_incoming(path, "2024-01"),
        count=40,
    ),
    Format(name="irs-990-xml", make=_make_return, read=irs_990.read_incoming, count=90),
    Format(name="irs-990-zip", make=_make_returns, read=irs_990.read_incoming, count=60),
    Format(
        name="csv",
        make=_make_csv,
        read=lambda path: csv_file.read_incoming(path, ORIGIN),
        count=90,
    ),
    Format(
        name="hsds", make=_make_hsds, read=lambda path: hsds.read_incoming(path, ORIGIN), count=80
    ),
    Format(
        name="hsds-zip",
        make=_make_package,
        read=lambda path: hsds.read_incoming(path, ORIGIN),
        count=50,
    ),
)


def _flip(rng: random.Random, content: bytes) -> bytes:
    changed = bytearray(content)
    for _ in range(rng.randint(1, 20)):
        changed[rng.randrange(len(changed))] = rng.randrange(256)
    return bytes(changed)


def _cut(rng: random.Random, content: bytes) -> bytes:
    return content[: rng.randrange(len(content))]


def _drop(rng: random.Random, content: bytes) -> bytes:
    start = rng.randrange(len(content))
    return content[:start] + content[start + rng.randint(1, 200) :]


def _repeat(rng: random.Random, content: bytes) -> bytes:
    start = rng.randrange(len(content))
    return content[:start] + content[start : start + 50] * rng.randint(2, 2_000) + content[start:]


_POISON = (
    *(b"\0", b"\xff\xfe", b'"', b"\r", b"'", b"\\ud800", b"\xed\xa0\x80", b"]]>", b"&a;", b"{"),
    *(b"=cmd|' /C calc'!A0", b"9" * 400, b"-1", b"NaN", b"1e999", b"\x1b[31m", b"%00", b",,,,,"),
    *(b"<!DOCTYPE a [<!ENTITY b 'c'>]>", b"<script>", b"[" * 5_000, b"<a>" * 5_000),
    *("‮\u200b".encode(), "é".encode("cp1252"), b"A" * 300_000, b"\n" * 5_000),
)


def _poison(rng: random.Random, content: bytes) -> bytes:
    start = rng.randrange(len(content))
    return content[:start] + rng.choice(_POISON) + content[start:]


def _overwrite_digits(rng: random.Random, content: bytes) -> bytes:
    spots = [i for i, byte in enumerate(content) if chr(byte).isdigit()]
    start = rng.choice(spots) if spots else 0
    return content[:start] + rng.choice(_POISON) + content[start + 1 :]


def _other_encoding(rng: random.Random, content: bytes) -> bytes:
    encoding = rng.choice(["utf-16", "utf-32", "utf-7", "cp037", "utf-16-be"])
    return content.decode("latin-1").encode(encoding)


def _shuffle(rng: random.Random, content: bytes) -> bytes:
    lines = content.splitlines(keepends=True)
    rng.shuffle(lines)
    return b"".join(lines)


DAMAGES: tuple[Damage, ...] = (
    *(_flip, _cut, _drop, _repeat, _poison, _overwrite_digits, _other_encoding, _shuffle),
)


def _hostile_files(kind: Format, folder: Path) -> Iterator[Path]:
    rng = random.Random(f"{SEED} {kind.name}")
    path = kind.make(folder)
    content = path.read_bytes()
    for n in range(kind.count):
        damaged = DAMAGES[n % len(DAMAGES)](rng, content)
        path.write_bytes(_poison(rng, damaged) if n % 3 == 0 and damaged else damaged)
        yield path


def _is_clear(reason: str) -> bool:
    return 10 < len(reason) <= 400 and not any(
        unicodedata.category(char) in ("Cc", "Cs") for char in reason
    )


def test_there_are_five_hundred() -> None:
    assert sum(kind.count for kind in FORMATS) == 500


@pytest.mark.parametrize("kind", FORMATS, ids=lambda kind: kind.name)
def test_the_same_files_undamaged_are_read_whole(kind: Format, tmp_path: Path) -> None:
    records = _read(kind, kind.make(tmp_path))
    assert records
    assert [record for record in records if isinstance(record, RowError)] == []


@pytest.mark.parametrize("kind", FORMATS, ids=lambda kind: kind.name)
def test_hostile_files_are_refused_or_read_in_part_with_reasons(
    kind: Format, tmp_path: Path, db: Database
) -> None:
    listings: list[Nonprofit] = []
    n_errors = 0
    tracemalloc.start()
    for path in _hostile_files(kind, tmp_path):
        tracemalloc.reset_peak()
        records = _read(kind, path)
        assert tracemalloc.get_traced_memory()[1] < MAX_PEAK
        for record in records:
            if isinstance(record, RowError):
                assert record.where
                assert _is_clear(record.where + record.reason), record
                n_errors += 1
            else:
                listings.append(record.nonprofit)
    tracemalloc.stop()
    _check_storable(db, listings)
    assert n_errors > kind.count // 5
    # A checksum over all of a file leaves nothing to read in part.
    assert listings or kind.name in ("irs-bmf.gz", "hsds-zip")


def _read(kind: Format, path: Path) -> list[Incoming | RowError]:
    """All of a file, or one error where it is refused as a whole."""
    try:
        return list(kind.read(path))
    except ImportRefused as error:
        return [RowError(where=path.name, reason=str(error))]


def _check_storable(db: Database, listings: list[Nonprofit]) -> None:
    """The schema of the store is the judge of what came through."""
    bare = [
        replace(listing, slug=f"n-{n}", ein="", parent="", services=(), populations=())
        for n, listing in enumerate(listings)
    ]
    bare = [replace(listing, communities=(), languages=()) for listing in bare]
    assert all(not n.ein or (len(n.ein) == 9 and n.ein.isdecimal()) for n in listings)
    assert len(load_nonprofits(db, bare).created) == len(bare)
