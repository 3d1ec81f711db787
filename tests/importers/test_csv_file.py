from __future__ import annotations

import csv
import io
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from recommender.errors import ImportRefused
from recommender.importers import csv_file
from recommender.importers.csv_file import (
    FIELDS,
    ColumnMapping,
    export_csv,
    guess_mapping,
    list_rivals,
    read_incoming,
    read_table,
    restored,
    write_line,
)
from recommender.importers.rows import Incoming, Origin, RowError
from recommender.models import Basis, Location, Nonprofit, Reach, Visibility

ORIGIN = Origin(source="Test sheet", as_of="2024-05")
TEXT = (
    "Nombre de la organización,EIN,Ciudad,Estado,ZIP\n"
    'Test Niños,12345678,Portland,Maine,4101\n"Test, ""Two""\nLines",,Boston,MA,02108-1234\n'
)
EXPECTED = [("Test Niños", "012345678", "04101"), ('Test, "Two" Lines', "", "02108")]

Write = Callable[[bytes | str], Path]


@pytest.fixture
def write(tmp_path: Path) -> Write:
    def write_file(content: bytes | str) -> Path:
        path = tmp_path / "sheet.csv"
        path.write_bytes(content if isinstance(content, bytes) else content.encode())
        return path

    return write_file


def _read(path: Path, mapping: ColumnMapping | None = None) -> list[Nonprofit]:
    records = list(read_incoming(path, ORIGIN, mapping))
    assert not [record for record in records if isinstance(record, RowError)]
    return [record.nonprofit for record in records if isinstance(record, Incoming)]


def _facts(path: Path) -> list[tuple[str, str, str]]:
    return [(n.name, n.ein, n.locations[0].zip) for n in _read(path)]


def _reason(path: Path) -> RowError:
    (error,) = [row for row in read_incoming(path, ORIGIN) if isinstance(row, RowError)]
    return error


@pytest.mark.parametrize(
    "encoding", ["utf-8", "utf-8-sig", "utf-16", "utf-16-le", "utf-16-be", "cp1252"]
)
@pytest.mark.parametrize("line_end", ["\n", "\r\n", "\r"])
@pytest.mark.parametrize("delimiter", [",", ";", "\t", "|"])
def test_every_way_that_spreadsheets_write(
    write: Write, encoding: str, line_end: str, delimiter: str
) -> None:
    text = io.StringIO()
    rows = csv.reader(io.StringIO(TEXT))
    csv.writer(text, delimiter=delimiter, lineterminator=line_end).writerows(rows)
    assert _facts(write(text.getvalue().encode(encoding))) == EXPECTED


def test_a_hundred_columns_and_empty_lines_do_no_harm(write: Write) -> None:
    header = [f"extra {i}" for i in range(99)] + ["Name"]
    row = ["x"] * 99 + ["Test Wide"]
    path = write("\n\n" + ",".join(header) + ",,\n,,,\n" + ",".join(row) + ",,\n\n")
    assert [n.name for n in _read(path)] == ["Test Wide"]


def test_headers_are_guessed_in_both_languages() -> None:
    header = ["Organization Name", "Tax-ID", "Página web", "Código postal", "Idiomas", "Fax"]
    assert guess_mapping(header).columns == {
        "name": "Organization Name",
        "ein": "Tax-ID",
        "website": "Página web",
        "zip": "Código postal",
        "languages": "Idiomas",
    }


@pytest.mark.parametrize(
    ("header", "fields"),
    [
        ("Org name,EIN number,Web site,Postal,Phone", "name ein website zip -"),
        ("Organization,Tax ID,URL,Zip code,Mission", "name ein website zip summary_en"),
        ("Agency,Federal Tax ID Number,Homepage,ZIP/Postal Code", "name ein website zip"),
        ("Charity,EIN No.,Web address,Postcode,About Us", "name ein website zip summary_en"),
        ("Nombre,Número de EIN,Sitio web,Código postal,Teléfono", "name ein website zip -"),
        ("Organización,Ciudad,Estado,Misión,Correo", "name city state summary_es -"),
        ("organizationName,taxId,websiteUrl,zipCode,email", "name ein website zip -"),
        ("Organization’s Name,Main Office City,ST,Nonprofit’s EIN,County", "name city state ein -"),
        ("Nombre de la organización,Ciudad de la oficina,C.P.", "name city zip"),
        ("Razón social,Municipio,Página Web,Quiénes somos", "name city website summary_es"),
        # What only sounds like one of them.
        ("Name of contact,Number of languages,State of mind,Group,Estado civil", "- - - - -"),
    ],
)
def test_what_spreadsheets_call_their_columns(header: str, fields: str) -> None:
    names = header.split(",")
    guessed = {name: field for field, name in guess_mapping(names).columns.items()}
    assert [guessed.get(name, "-") for name in names] == fields.split()


def test_every_field_is_known_by_the_name_that_an_export_gives_it() -> None:
    assert guess_mapping(FIELDS).columns == {field: field for field in FIELDS}


def test_two_columns_never_go_to_one_field_in_silence(write: Write) -> None:
    header = ["Name", "Organization", "About", "Physical City", "Mailing City", "Description", "ST"]
    mapping = guess_mapping(header)
    assert mapping.columns == {
        "name": "Organization",
        "city": "Physical City",
        "summary_en": "Description",
        "state": "ST",
    }
    rivals = {"Name": "name", "About": "summary_en", "Mailing City": "city"}
    assert list_rivals(header, mapping) == rivals
    path = write("Name,URL,Website\nTest One,a.example.org,b.example.org\n")
    left, read = read_incoming(path, Origin(source="Test", as_of="2024-01"))
    assert isinstance(left, RowError)
    assert (left.where, left.reason) == (
        "column 'URL'",
        "website: was read from the column 'Website' instead",
    )
    assert isinstance(read, Incoming)
    assert read.nonprofit.website == "https://b.example.org"


def test_a_mapping_says_which_column_is_which(write: Write) -> None:
    path = write("A,B,Name\nTest One,9,Nothing\n")
    assert [n.name for n in _read(path, ColumnMapping(columns={"name": "A"}))] == ["Test One"]
    for columns in ({"name": "Z"}, {"name": "A", "status": "B"}, {"ein": "B"}):
        with pytest.raises(ImportRefused):
            _read(path, ColumnMapping(columns=columns))


def test_all_fields_are_read(write: Write) -> None:
    header = "name;other names;website;ruling year;revenue;reach;services;visibility;city;state"
    row = "Test;TT|Prueba;Example.org/;2001-05;$1,250.50;Estado".replace("Estado", "state")
    (listing,) = _read(write(f"{header}\n{row};Legal Services, housing;public;Portland;ME\n"))
    assert listing.other_names == ("TT", "Prueba")
    assert listing.website == "https://example.org"
    assert (listing.ruling_year, listing.revenue_usd) == (2001, 1250)
    assert listing.reach is Reach.STATE
    assert listing.services == ("legal-services", "housing")
    assert listing.locations[0].visibility is Visibility.PUBLIC


@pytest.mark.parametrize(
    ("header", "cell", "reason"),
    [
        ("ein", "1.2E+08", "ein: '1.2E+08' is no EIN of nine digits; a spreadsheet"),
        ("zip", "K1A 0B1", "zip: ZIP"),
        ("state", "Ontario", "state:"),
        ("state", "Maine", "city and state:"),
        ("ruling year", "99", "ruling_year:"),
        ("revenue", "much", "revenue_usd:"),
        ("revenue", "9" * 16, "revenue_usd:"),
        ("website", "javascript:alert(1)", "website:"),
        ("website", "https://user@example.org", "website:"),
        ("website", "https://exa mple.org", "website:"),
        ("reach", "galactic", "reach:"),
        ("summary", "x" * 4_001, "summary_en: longer"),
        ("serves", "a\x07b", "serves: holds"),
    ],
)
def test_a_bad_row_is_named_and_the_good_ones_go_on(
    write: Write, header: str, cell: str, reason: str
) -> None:
    path = write(f'name\t{header}\nTest One\t\n"Test\nTwo"\t"{cell}"\nTest Three\t\n')
    error = _reason(path)
    assert error.where == "line 3"
    assert error.reason.startswith(reason)
    assert len(list(read_incoming(path, ORIGIN))) == 3


@pytest.mark.parametrize(
    ("name", "shown"),
    [("Test One", "Test One"), ("=1+1", "=1+1"), ("a\x07b", "a b"), ("", ""), ("x " * 99, None)],
)
def test_a_bad_row_is_named_where_it_has_a_name(write: Write, name: str, shown: str | None) -> None:
    (error,) = read_incoming(write(f"Name,ZIP\n{name},K1A\n"), ORIGIN)
    assert isinstance(error, RowError)
    assert error.name == shown if shown is not None else len(error.name) <= 60


def test_a_row_of_another_width_is_an_error(write: Write) -> None:
    path = write("name,city\nTest One,Portland,ME\nTest Two\n")
    wheres = [row.where for row in read_incoming(path, ORIGIN) if isinstance(row, RowError)]
    assert wheres == ["line 2", "line 3"]


def test_what_is_no_table_is_refused(write: Write) -> None:
    for content in (b"", b"\n\n", b"PK\x03\x04\0\0", bytes(range(256)) * 9, b"fax\n1\n", b"\xff"):
        with pytest.raises(ImportRefused):
            list(read_incoming(write(content), ORIGIN))


def test_more_than_allowed_is_refused(write: Write) -> None:
    path = write("name,city\n" + "Test,Boston\n" * 20)
    for limits in (
        replace(csv_file.LIMITS, max_bytes=100),
        replace(csv_file.LIMITS, max_rows=19),
        replace(csv_file.LIMITS, max_columns=1),
    ):
        with pytest.raises(ImportRefused):
            read_table(path, limits)
    assert len(read_table(path, replace(csv_file.LIMITS, max_rows=20)).records) == 20


def test_a_cell_that_never_ends_is_an_error(write: Write) -> None:
    path = write('name\n"' + "x" * 200_000 + "\nTest\n")
    records = list(read_incoming(path, ORIGIN))
    assert isinstance(records[0], RowError)


@pytest.mark.parametrize("start", ["=", "+", "-", "@", "\t", "\r"])
def test_no_exported_cell_is_a_formula(
    start: str, make_nonprofit: Callable[..., Nonprofit]
) -> None:
    evil = f"{start}HYPERLINK(1)"
    (_, line) = export_csv([make_nonprofit(serves=evil)])
    (row,) = csv.reader(io.StringIO(line, newline=""))
    assert f"'{evil}" in row
    assert evil not in row


@given(st.lists(st.text(max_size=20), min_size=1, max_size=5))
def test_neutral_cells_come_back(cells: list[str]) -> None:
    text = [cell.replace("\0", "") for cell in cells]
    (row,) = csv.reader(io.StringIO(write_line(text), newline=""))
    assert [restored(cell) for cell in row] == [restored(cell) for cell in text]
    assert not any(cell.startswith(("=", "@", "\t", "\r", "+")) for cell in row)


def test_plain_numbers_stay_numbers() -> None:
    assert write_line(["-71.05", "-5", "-5+1"]) == "-71.05,-5,'-5+1\r\n"


def test_an_export_comes_back_without_what_must_not_be_shown(
    write: Write, make_nonprofit: Callable[..., Nonprofit]
) -> None:
    shown = make_nonprofit("Test One", "Portland, ME", basis=Basis.KNOWN, ein="012345678")
    city = replace(shown.locations[0], visibility=Visibility.CITY)
    hidden = replace(shown.locations[0], visibility=Visibility.HIDDEN)
    shown = replace(shown, slug="another-slug")
    listings = [shown] + [
        make_nonprofit(f"Test {place.visibility}", locations=(place,)) for place in (city, hidden)
    ]
    back = _read(write("".join(export_csv(listings))))
    assert [n.slug for n in back] == [n.slug for n in listings]
    assert back[0].ein == "012345678"
    assert back[0].locations == (Location(city="Portland", state="ME", zip="04101"),)
    assert [place.zip for place in back[1].locations] == [""]
    assert back[2].locations == ()
    assert [n.services for n in back] == [n.services for n in listings]
    assert [n.summary_es for n in back] == [n.summary_es for n in listings]
