from __future__ import annotations

import gzip
import tracemalloc
from dataclasses import replace
from pathlib import Path

import pytest

from recommender.errors import ImportRefused
from recommender.importers import irs_bmf
from recommender.importers.irs_bmf import (
    BmfRow,
    compare_vintages,
    is_about_immigration,
    read_incoming,
    read_rows,
)
from recommender.importers.rows import Incoming, RowError
from recommender.models import Location, Nonprofit, Source, Status, Visibility
from tests.importers.bmf import COLUMNS, make_row, write_bmf


def _only(path: Path, **changes: str) -> Nonprofit:
    (incoming,) = read_incoming(write_bmf(path / "a.csv", make_row(**changes)), "2024-01")
    assert isinstance(incoming, Incoming)
    return incoming.nonprofit


def _errors(path: Path) -> list[RowError]:
    return [row for row in read_rows(path) if isinstance(row, RowError)]


def test_a_row_becomes_a_bare_draft(tmp_path: Path) -> None:
    listing = _only(tmp_path, NTEE_CD="P840")
    assert (listing.name, listing.ein) == ("Test Refugee Center Inc", "000000001")
    assert (listing.ntee, listing.ruling_year, listing.revenue_usd) == ("P840", 2004, 120_500)
    assert listing.locations == (
        Location(city="Portland", state="ME", zip="04101", visibility=Visibility.CITY),
    )
    assert listing.status is Status.IMPORTED
    assert listing.summary_en == listing.summary_es == listing.website == ""
    assert listing.sources[0] == Source(facts="identity", source=irs_bmf.SOURCE, as_of="2024-01")


@pytest.mark.parametrize(
    ("written", "ein"),
    [("10520599", "010520599"), ("010520599", "010520599"), ("01-0520599", "010520599")],
)
def test_zeros_that_a_spreadsheet_took_are_put_back(tmp_path: Path, written: str, ein: str) -> None:
    listing = _only(tmp_path, EIN=written, ZIP="4101-1", RULING="200408")
    assert (listing.ein, listing.locations[0].zip) == (ein, "04101")


@pytest.mark.parametrize("written", ["1.05E+08", "12", "0105205999", "O10520599", ""])
def test_an_ein_that_cannot_be_restored_is_an_error_with_its_line(
    tmp_path: Path, written: str
) -> None:
    path = write_bmf(tmp_path / "a.csv", make_row(EIN="000000002"), make_row(EIN=written))
    assert [error.where for error in _errors(path)] == ["line 3"]
    assert len(list(read_incoming(path, "2024-01"))) == 2


def test_blank_amounts_are_unknown_and_zeros_count_only_from_a_full_return(tmp_path: Path) -> None:
    assert _only(tmp_path, REVENUE_AMT="").revenue_usd is None
    assert _only(tmp_path, REVENUE_AMT="-5").revenue_usd == -5
    assert _only(tmp_path, REVENUE_AMT="0", FILING_REQ_CD="01").revenue_usd == 0
    assert _only(tmp_path, REVENUE_AMT="0", FILING_REQ_CD="2").revenue_usd is None


@pytest.mark.parametrize(
    ("changes", "given"),
    [
        ({"NTEE_CD": "A9"}, "ntee"),
        ({"RULING": "000000"}, "ruling_year"),
        ({"STATE": "AE"}, "locations"),
        ({"STATE": ""}, "locations"),
    ],
)
def test_what_says_nothing_is_not_given(
    tmp_path: Path, changes: dict[str, str], given: str
) -> None:
    path = write_bmf(tmp_path / "a.csv", make_row(**changes))
    (incoming,) = read_incoming(path, "2024-01", known={"000000001"})
    assert isinstance(incoming, Incoming)
    assert given not in incoming.given


@pytest.mark.parametrize(
    ("name", "code", "expected"),
    [
        ("ANYTHING", "P84Z", True),
        ("ANYTHING", "Q71", True),
        ("ANYTHING", "P80", False),
        ("TEST IMMIGRANT CENTER", "", True),
        ("CENTRO DE MIGRANTES", "", True),
        ("ORGANIZACIÓN DE INMIGRACIÓN", "", True),
        ("NEW AMERICANS OF TESTVILLE", "", True),
        ("NEW AMERICAN BALLET", "", False),
        ("BIRD SANCTUARY", "", False),
        ("WILDLIFE REFUGE FRIENDS", "", False),
        ("TESTVILLE NEWCOMERS CLUB", "", False),
    ],
)
def test_the_filter_takes_codes_and_words_of_both_languages(
    name: str, code: str, expected: bool
) -> None:
    cells = make_row(NAME=name, NTEE_CD=code)
    row = BmfRow(2, tuple(cells[column] for column in COLUMNS))
    assert is_about_immigration(row) is expected


def test_a_known_ein_is_taken_whatever_its_name(tmp_path: Path) -> None:
    other = make_row(EIN="000000002", NAME="TEST CHOIR", NTEE_CD="A6B")
    path = write_bmf(tmp_path / "a.csv.gz", make_row(), other)
    taken = [list(read_incoming(path, "2024-01", known=known)) for known in ((), {"000000002"})]
    assert [len(records) for records in taken] == [1, 2]


def test_stray_bytes_are_read_as_windows_letters(tmp_path: Path) -> None:
    path = write_bmf(tmp_path / "a.csv", make_row(NAME="CENTRO NIÑO"))
    path.write_bytes(path.read_bytes().replace("Ñ".encode(), b"\xd1"))
    (incoming,) = read_incoming(path, "2024-01")
    assert isinstance(incoming, Incoming)
    assert incoming.nonprofit.name == "Centro Niño"


@pytest.mark.parametrize("content", [b"", b"a,b\n1,2\n", b"\0\0\0", b'"EIN\n', b"PK\x03\x04"])
def test_another_format_is_refused(tmp_path: Path, content: bytes) -> None:
    path = tmp_path / "a.csv"
    path.write_bytes(content)
    with pytest.raises(ImportRefused):
        list(read_rows(path))


def test_an_archive_that_breaks_off_is_refused(tmp_path: Path) -> None:
    path = write_bmf(tmp_path / "a.csv.gz", *(make_row() for _ in range(500)))
    path.write_bytes(path.read_bytes()[:-20])
    with pytest.raises(ImportRefused, match="breaks off"):
        list(read_rows(path))


def test_an_archive_that_swells_is_refused_in_little_memory(tmp_path: Path) -> None:
    path = tmp_path / "a.csv.gz"
    path.write_bytes(gzip.compress(",".join(COLUMNS).encode() + b"\n" + bytes(80_000_000), 9))
    tracemalloc.start()
    with pytest.raises(ImportRefused):
        list(read_rows(path))
    peak = tracemalloc.get_traced_memory()[1]
    tracemalloc.stop()
    assert peak < 10_000_000


def test_more_bytes_or_rows_than_allowed_are_refused(tmp_path: Path) -> None:
    path = write_bmf(tmp_path / "a.csv.gz", *(make_row() for _ in range(50)))
    for limits in (replace(irs_bmf.LIMITS, max_bytes=3_000), replace(irs_bmf.LIMITS, max_rows=49)):
        with pytest.raises(ImportRefused):
            list(read_rows(path, limits))
    assert len(list(read_rows(path, replace(irs_bmf.LIMITS, max_rows=50)))) == 50


def test_vintages_differ_by_what_changed_not_by_how_it_is_written(tmp_path: Path) -> None:
    rows = {n: make_row(EIN=f"{n:09}") for n in range(1, 6)}
    plain = rows[2] | {"EIN": "2", "GROUP": "0", "SUBSECTION": "3"}
    old = write_bmf(tmp_path / "old.csv", rows[1], plain | {"EIN": "000000002"}, rows[3], rows[4])
    moved = rows[3] | {"CITY": "LEWISTON", "ZIP": "04240-0000"}
    new = write_bmf(tmp_path / "new.csv", rows[1], rows[2], moved, rows[5], rows[5])
    changes = compare_vintages(old, new)
    assert (changes.added, changes.removed) == (("000000005",), ("000000004",))
    assert changes.changed == {"000000003": ("CITY", "ZIP")}
    assert changes.by_field == {"CITY": 1, "ZIP": 1}
    assert (changes.n_unchanged, changes.errors) == (2, ())


def test_rows_that_cannot_be_compared_are_named(tmp_path: Path) -> None:
    old = write_bmf(tmp_path / "old.csv", make_row())
    new = write_bmf(tmp_path / "new.csv", make_row(EIN="x"))
    changes = compare_vintages(old, new)
    assert [error.where for error in changes.errors] == ["line 2"]
    assert changes.removed == ("000000001",)
