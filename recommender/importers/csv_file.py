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


# Each field of a listing that a column can hold, and what such columns are called, without
# accents and signs: of two columns for one field, the one whose name stands first here is read.
_SYNONYMS = {
    "slug": "slug",
    "name": "organization name|organisation name|org name|nonprofit name|agency name|charity name|"
    "group name|name of organization|organization|organisation|org|nonprofit|non profit|charity|"
    "nombre de la organizacion|nombre del grupo|nombre de la entidad|organizacion|entidad|name|"
    "nombre|agency|legal name|official name|business name|nombre legal|razon social",
    "other_names": "other names|other name|alternate name|alternate names|alias|aliases|"
    "doing business as|dba|dba name|also known as|aka|acronym|abbreviation|short name|"
    "former name|former names|sort name|otros nombres|otro nombre|alias o siglas|siglas|"
    "acronimo|nombre corto|nombre comercial|conocido como|conocida como",
    "parent": "parent|parent slug|part of|organizacion matriz",
    "ein": "ein|ein number|ein no|fein|federal ein|irs ein|employer identification number|"
    "employer id number|employer id|tax id|taxid|tax id number|tax id no|tax id ein|ein tax id|"
    "federal tax id|federal tax id number|tax identification number|tin|irs number|"
    "numero ein|numero de ein|numero de identificacion fiscal|identificacion fiscal|"
    "numero de identificacion del empleador|id fiscal|nif",
    "website": "website|web site|website url|website address|web address|url|site url|web url|"
    "web page|webpage|homepage|home page|web|site|link|sitio web|sitio|pagina web|"
    "pagina de internet|pagina|direccion web|direccion de internet|enlace",
    "city": "city|city name|town|city town|municipality|locality|ciudad|municipio|localidad|"
    "poblado",
    "state": "state|state code|state abbreviation|state province|state territory|province|st|"
    "us state|estado|estado o provincia|provincia|estado o territorio",
    "zip": "zip|zip code|zipcode|zip5|zip postal code|postal code|postalcode|postal|post code|"
    "postcode|codigo postal|codigo zip|zona postal|cp|c p",
    "visibility": "visibility|location visibility|address visibility|visibilidad",
    "ntee": "ntee|ntee code|ntee cd|ntee classification|ntee category|codigo ntee|"
    "clasificacion ntee",
    "ruling_year": "ruling year|ruling|ruling date|year of exemption|exempt since|"
    "tax exempt since|year of ruling|ano de exencion|exenta desde|exento desde",
    "revenue_usd": "revenue usd|revenue|total revenue|annual revenue|revenue amt|"
    "revenue amount|gross receipts|ingresos totales|ingresos anuales|ingresos",
    "reach": "reach|scope|geographic scope|alcance|ambito",
    "serves": "serves|area served|areas served|service area|service areas|geographic area|"
    "geographic area served|geography|counties served|zona atendida|zonas atendidas|zona|"
    "area de servicio|areas de servicio|area geografica|condados atendidos",
    "services": "services|service|services offered|services provided|programs|"
    "programs and services|program areas|servicios|servicios ofrecidos|servicios que ofrece|"
    "programas|programas y servicios",
    "populations": "populations|population|people served|population served|populations served|"
    "who they serve|clients|poblaciones|poblacion|poblacion atendida|personas atendidas|"
    "a quien atiende|a quienes atiende",
    "communities": "communities|community|communities served|community served|ethnicity|"
    "comunidades|comunidad|comunidades atendidas|comunidad atendida",
    "languages": "languages|language|languages spoken|language s|idiomas|idioma|"
    "idiomas que hablan|idiomas hablados|lenguas|lengua",
    "summary_en": "summary en|description en|english description|description in english|summary|"
    "description|short description|mission statement|mission|about|about us|purpose|overview|"
    "what they do|what we do|resumen en ingles|descripcion en ingles",
    "summary_es": "summary es|description es|spanish description|description in spanish|"
    "resumen en espanol|descripcion en espanol|resumen|descripcion|mision|acerca de|"
    "sobre nosotros|quienes somos|proposito|que hace|que hacen",
    "basis": "basis|base",
}
FIELDS = tuple(_SYNONYMS)
"""The fields a column can be mapped to."""

_BY_HEADER = {
    header: (field, place)
    for field, headers in _SYNONYMS.items()
    for place, header in enumerate(headers.split("|"))
}
# What may stand before or after the name of a field, and says whose or which one it is.
_WHOSE = frozenset(
    "the your our its org organization organisation nonprofit agency charity group primary main"
    " mailing physical office headquarters hq business official"
    " de del la el los las su principal oficina sede grupo organizacion entidad".split()
)


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
    """The mapping that the headers suggest, in English or Spanish.

    Of two columns for one field, the one with the more telling name is read, or else the first.
    """
    found: dict[str, tuple[int, str]] = {}
    for name in header:
        field, place = _recognize(name)
        if field and place < found.get(field, (place + 1, ""))[0]:
            found[field] = (place, name)
    return ColumnMapping(columns={field: name for field, (_, name) in found.items()})


def list_rivals(header: Iterable[str], mapping: ColumnMapping) -> dict[str, str]:
    """The columns left out although their names say a field that another one holds."""
    taken = set(mapping.columns.values())
    fields = {name: _recognize(name)[0] for name in header if name not in taken}
    return {name: field for name, field in fields.items() if field in mapping.columns}


def _recognize(name: str) -> tuple[str, int]:
    """The field that a header names, or "", and how telling the name is, 0 being best."""
    apart = re.sub(r"(?<=[a-z])(?=[A-Z])|['’]s\b", " ", name)
    words = re.findall(r"[a-z0-9]+", fold(apart))
    known = _BY_HEADER.get(" ".join(words)) or _BY_HEADER.get("".join(words))
    field, place = known or _BY_HEADER.get(" ".join(_without(words)), ("", 0))
    return field, place if known else place + len(_BY_HEADER)


def _without(words: list[str]) -> list[str]:
    """The words of a header without those at its ends that only say whose field it is."""
    first = next((i for i, word in enumerate(words) if word not in _WHOSE), len(words))
    last = next((i for i in range(len(words), first, -1) if words[i - 1] not in _WHOSE), first)
    return words[first:last]


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
    chosen = mapping or guess_mapping(table.header)
    columns = _positions(table.header, chosen, path.name)
    if mapping is None:
        # Nobody was asked, so that the report must say what was left out.
        for name, field in list_rivals(table.header, chosen).items():
            reason = f"{field}: was read from the column {chosen.columns[field]!r} instead"
            yield RowError(where=f"column {name!r}", reason=reason)
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
        return RowError(where=where, reason=str(error), name=_shown_name(row.get("name", "")))
    return make_incoming(where, values, origin)


def _shown_name(cell: str) -> str:
    """The name of a row that is not taken, whatever is wrong with it."""
    return shorten("".join(c if c.isprintable() else " " for c in cell), MAX_SAMPLE)


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
