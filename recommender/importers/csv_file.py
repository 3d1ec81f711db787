"""Spreadsheets: CSV in any encoding and with any delimiter that they write, in and out."""

from __future__ import annotations

import csv
import io
import re
from collections import Counter
from collections.abc import Callable, Iterable, Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path
from textwrap import shorten
from typing import Any

from recommender.errors import ImportRefused
from recommender.importers.fields import (
    MAX_TEXT_LENGTH,
    parse_ein,
    parse_line,
    parse_ntee,
    parse_state,
    parse_usd,
    parse_website,
    parse_year,
    parse_zip,
)
from recommender.importers.rows import Incoming, Origin, RowError, make_incoming, slugify
from recommender.importers.streams import Limits, read_bytes
from recommender.models import Basis, Location, Nonprofit, Reach, Visibility
from recommender.text import fold

LIMITS = Limits()

MAX_SAMPLE = 60
_DELIMITERS = ",;\t|"
_BOMS = {b"\xef\xbb\xbf": "utf-8-sig", b"\xff\xfe": "utf-16", b"\xfe\xff": "utf-16"}
_FORMULA = ("=", "+", "-", "@", "\t", "\r")
_NUMBER = re.compile(r"-?[0-9]+(\.[0-9]+)?(e[-+]?[0-9]+)?")

Cells = Mapping[str, str]


@dataclass(frozen=True, kw_only=True)
class Table:
    """A file as text: the header, and each record with the line it starts on."""

    header: tuple[str, ...]
    records: tuple[tuple[int, tuple[str, ...]], ...]
    errors: tuple[RowError, ...]


def read_table(path: Path, limits: Limits = LIMITS) -> Table:
    """The cells of a file, whatever its encoding, delimiter and line ends.

    A record with more or fewer cells than the header is an error, unless the cells that the
    header lacks are empty; empty lines are passed over.

    Raises:
        ImportRefused: it cannot be read, is not text, or is larger than allowed.
    """
    return parse_table(decode(read_bytes(path, limits), path.name), path.name, limits)


def decode(content: bytes, name: str) -> str:
    """Text by its byte order mark, else as UTF-16 or UTF-8 if it can be that, else Windows-1252.

    Raises:
        ImportRefused: the bytes are not text.
    """
    encoding = next((code for bom, code in _BOMS.items() if content.startswith(bom)), "")
    try:
        text = content.decode(encoding or _guess_encoding(content))
    except UnicodeDecodeError as error:
        raise ImportRefused(f"{name} is not text in any encoding that we know.") from error
    if "\0" in text:
        raise ImportRefused(f"{name} is not text: it holds null characters.")
    return text


def _guess_encoding(content: bytes) -> str:
    # Text in Latin letters has a null at every other byte of UTF-16, and nowhere else.
    head = content[:2_000]
    if head[1::2].count(0) > len(head) // 4:
        return "utf-16-le"
    if head[::2].count(0) > len(head) // 4:
        return "utf-16-be"
    try:
        content.decode("utf-8")
    except UnicodeDecodeError:
        return "cp1252"
    return "utf-8"


def parse_table(text: str, name: str, limits: Limits = LIMITS) -> Table:
    """The cells of a text, the first record being the header.

    Raises:
        ImportRefused: there is no header, or there are too many rows or columns.
    """
    rows = _records(text, _guess_delimiter(text), name, limits)
    header = next((cells for _, cells in rows if not isinstance(cells, str)), ())
    header = _distinct(cell.strip() for cell in header)
    if not header or len(header) > limits.max_columns:
        raise ImportRefused(f"{name}: the first line must name 1 to {limits.max_columns} columns.")
    records, errors = [], []
    for line, cells in rows:
        fault = cells if isinstance(cells, str) else _misfit(cells, header)
        if isinstance(cells, str) or fault:
            errors.append(RowError(where=f"line {line}", reason=fault))
        else:
            records.append((line, cells[: len(header)]))
    return Table(header=header, records=tuple(records), errors=tuple(errors))


def _distinct(names: Iterable[str]) -> tuple[str, ...]:
    """The names of columns, none of them empty, none of them twice; empty ones at the end go."""
    found: dict[str, None] = {}
    given = list(names)
    while given and not given[-1]:
        given.pop()
    for i, name in enumerate(given, start=1):
        name = name or f"column {i}"
        found[name if name not in found else f"{name} ({i})"] = None
    return tuple(found)


def _records(
    text: str, delimiter: str, name: str, limits: Limits
) -> Iterator[tuple[int, tuple[str, ...] | str]]:
    """Each record that is not empty, or what is wrong with it, and the line it starts on."""
    reader = csv.reader(io.StringIO(text, newline=""), delimiter=delimiter)
    count = 0
    while True:
        line = reader.line_num + 1
        try:
            cells = next(reader, None)
        except csv.Error as error:
            yield line, str(error)
            continue
        if cells is None:
            return
        if any(cell.strip() for cell in cells):
            count += 1
            if count > limits.max_rows + 1:  # the header
                raise ImportRefused(f"{name} has more than {limits.max_rows:,} rows.")
            yield line, tuple(cells)


def _misfit(cells: tuple[str, ...], header: tuple[str, ...]) -> str:
    if len(cells) < len(header) or any(cells[len(header) :]):
        return f"has {len(cells)} cells where the header has {len(header)}"
    return ""


def _guess_delimiter(text: str) -> str:
    """The character that cuts the first lines into the most cells, the same number in each."""
    sample = text[:20_000]

    def cuts(delimiter: str) -> tuple[int, int]:
        try:
            rows = list(csv.reader(io.StringIO(sample, newline=""), delimiter=delimiter))[:20]
        except csv.Error:
            return (0, 0)
        widths = Counter(len(row) for row in rows if row)
        first = len(next((row for row in rows if row), ()))
        return (widths[first] if first > 1 else 0, first)

    return max(_DELIMITERS, key=cuts)


# Each field of a listing that a column can hold, and what such columns are called.
_SYNONYMS = {
    "slug": "slug",
    "name": "name|organization|organization name|organisation|legal name|nonprofit|agency|nombre|"
    "nombre de la organizacion|organizacion|entidad|razon social",
    "other_names": "other names|other name|alternate name|dba|also known as|aka|acronym|sort name|"
    "otros nombres|otro nombre|siglas|nombre comercial",
    "parent": "parent|parent slug|organizacion matriz",
    "ein": "ein|tax id|taxid|tax identification number|fein|employer identification number|"
    "identificacion fiscal|numero de identificacion fiscal",
    "website": "website|web site|site|url|web|homepage|home page|web address|sitio|sitio web|"
    "pagina web|pagina|direccion web",
    "city": "city|town|municipality|ciudad|municipio|localidad",
    "state": "state|province|state province|st|estado",
    "zip": "zip|zip code|zipcode|postal code|postcode|codigo postal|cp|c p",
    "visibility": "visibility|location visibility|visibilidad",
    "ntee": "ntee|ntee code|ntee cd|codigo ntee",
    "ruling_year": "ruling year|ruling|ruling date|year of exemption|ano de exencion",
    "revenue_usd": "revenue usd|revenue|total revenue|annual revenue|revenue amt|ingresos|"
    "ingresos totales|ingresos anuales",
    "reach": "reach|scope|alcance|ambito",
    "serves": "serves|area served|service area|zona|zona atendida|area de servicio",
    "services": "services|service|programs|servicios|programas",
    "populations": "populations|population|people served|poblaciones|poblacion",
    "communities": "communities|community|comunidades|comunidad",
    "languages": "languages|language|idiomas|idioma|lenguas",
    "summary_en": "summary en|summary|description|description en|resumen en ingles",
    "summary_es": "summary es|description es|descripcion|resumen|resumen en espanol",
    "basis": "basis|base",
}
FIELDS = tuple(_SYNONYMS)
"""The fields a column can be mapped to."""

_BY_HEADER = {
    header: field for field, headers in _SYNONYMS.items() for header in headers.split("|")
}


def list_samples(table: Table, number: int = 3) -> list[tuple[str, ...]]:
    """The first different values of each column, cut short, for whoever has to recognize it."""
    found: list[dict[str, None]] = [{} for _ in table.header]
    for _, cells in table.records[:200]:
        for samples, cell in zip(found, cells, strict=True):
            if cell.strip() and len(samples) < number:
                samples[shorten(cell, MAX_SAMPLE, placeholder=" …")] = None
    return [tuple(samples) for samples in found]


@dataclass(frozen=True, kw_only=True)
class ColumnMapping:
    """Which column holds which field: header by field. Columns not named are not read."""

    columns: Mapping[str, str]


def guess_mapping(header: Iterable[str]) -> ColumnMapping:
    """The mapping that the headers suggest, in English or Spanish; the first of two wins."""
    columns: dict[str, str] = {}
    for name in header:
        words = " ".join(re.findall(r"[a-z0-9]+", fold(name)))
        field = _BY_HEADER.get(words)
        if field:
            columns.setdefault(field, name)
    return ColumnMapping(columns=columns)


def read_incoming(
    path: Path, origin: Origin, mapping: ColumnMapping | None = None, limits: Limits = LIMITS
) -> Iterator[Incoming | RowError]:
    """The rows of a spreadsheet as listings.

    Args:
        path: The file.
        origin: Where it comes from.
        mapping: Which column holds which field; guessed from the header where None.
        limits: What the file may be.

    Raises:
        ImportRefused: the file cannot be taken, or no column holds the name.
    """
    table = read_table(path, limits)
    columns = _positions(table.header, mapping or guess_mapping(table.header), path.name)
    yield from table.errors
    for line, cells in table.records:
        row = {field: restored(cells[i]) for field, i in columns.items()}
        yield to_incoming(f"line {line}", row, origin)


def _positions(header: tuple[str, ...], mapping: ColumnMapping, name: str) -> dict[str, int]:
    for field, column in mapping.columns.items():
        if field not in FIELDS:
            raise ImportRefused(f"{name}: {field!r} is no field of a listing.")
        if column not in header:
            raise ImportRefused(f"{name} has no column {column!r}.")
    if "name" not in mapping.columns:
        raise ImportRefused(f"{name}: no column holds the name of the organization.")
    return {field: header.index(column) for field, column in mapping.columns.items()}


def to_incoming(where: str, row: Cells, origin: Origin) -> Incoming | RowError:
    """One row by field as a listing, or what is wrong with it, naming the field."""
    try:
        values = parse_fields(row)
        place = {key: values.pop(key, "") for key in ("city", "state", "zip", "visibility")}
        values["locations"] = _locations(place)
    except ValueError as error:
        return RowError(where=where, reason=str(error))
    return make_incoming(where, values, origin)


def parse_fields(row: Cells) -> dict[str, Any]:
    """The values of cells by field.

    Raises:
        ValueError: a cell does not fit its field; the message names both.
    """
    values: dict[str, Any] = {}
    for field, text in row.items():
        try:
            values[field] = _PARSERS[field](text)
        except ValueError as error:
            raise ValueError(f"{field}: {error}") from error
    if "name" in row and not values["name"]:
        raise ValueError("name: is empty")
    return values


def _locations(place: Mapping[str, Any]) -> tuple[Location, ...]:
    if bool(place["city"]) != bool(place["state"]):
        raise ValueError("city and state: one stands without the other")
    if not place["city"]:
        return ()
    shown = place["visibility"] or Visibility.CITY
    return (Location(city=place["city"], state=place["state"], zip=place["zip"], visibility=shown),)


def _text(text: str) -> str:
    return parse_line(text, MAX_TEXT_LENGTH)


def _names(text: str) -> tuple[str, ...]:
    return tuple(dict.fromkeys(filter(None, map(parse_line, re.split(r"[;|\n]", text)))))


def _tags(text: str) -> tuple[str, ...]:
    return tuple(dict.fromkeys(slugify(tag) for tag in re.split(r"[;|,\n]", text) if tag.strip()))


def _choice(kind: Callable[[str], Any]) -> Callable[[str], Any]:
    def parse(text: str) -> Any:
        return kind(text.strip().casefold()) if text.strip() else ""

    return parse


_PARSERS: dict[str, Callable[[str], Any]] = {
    "slug": lambda text: slugify(text) if text.strip() else "",
    "name": parse_line,
    "other_names": _names,
    "parent": lambda text: slugify(text) if text.strip() else "",
    "ein": parse_ein,
    "website": parse_website,
    "city": parse_line,
    "state": parse_state,
    "zip": parse_zip,
    "visibility": _choice(Visibility),
    "ntee": parse_ntee,
    "ruling_year": parse_year,
    "revenue_usd": parse_usd,
    "reach": _choice(Reach),
    "serves": parse_line,
    "services": _tags,
    "populations": _tags,
    "communities": _tags,
    "languages": _tags,
    "summary_en": _text,
    "summary_es": _text,
    "basis": _choice(Basis),
}


def export_csv(listings: Iterable[Nonprofit]) -> Iterator[str]:
    """The lines of a CSV file with what may be shown of the listings, safe in a spreadsheet."""
    yield write_line(FIELDS)
    for listing in listings:
        yield write_line(_cell(listing, field) for field in FIELDS)


def _cell(listing: Nonprofit, field: str) -> str:
    if field in ("city", "state", "zip", "visibility"):
        return _office_cell(listing.office, field)
    value = getattr(listing, field)
    if isinstance(value, tuple):
        return "; ".join(value)
    return "" if value is None else str(value)


def _office_cell(office: Location | None, field: str) -> str:
    if office is None or (field == "zip" and office.visibility is not Visibility.PUBLIC):
        return ""
    return str(getattr(office, field))


def write_line(cells: Iterable[str]) -> str:
    """One line of CSV, no cell of which a spreadsheet takes for a formula."""
    line = io.StringIO()
    csv.writer(line, lineterminator="\r\n").writerow([_neutral(cell) for cell in cells])
    return line.getvalue()


def _neutral(cell: str) -> str:
    """A cell with an apostrophe before what would be run; plain numbers are what they are.

    Source: OWASP, "CSV Injection".
    """
    if cell.startswith(_FORMULA) and not _NUMBER.fullmatch(cell):
        return f"'{cell}"
    return cell


def restored(cell: str) -> str:
    """A cell without the apostrophe that `_neutral` put before it."""
    return cell[1:] if cell.startswith("'") and cell[1:].startswith(_FORMULA) else cell
