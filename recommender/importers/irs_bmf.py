"""The IRS Exempt Organizations Business Master File: 28 columns of CSV, one line for each EIN.

Source: IRS, "Exempt Organizations Business Master File Extract (EO BMF)", with its data
dictionary. Between vintages the writing of numbers changes ("0000" and "0"), and spreadsheets
take the zeros from the front; both are undone here, so that only real changes remain.
"""

from __future__ import annotations

import csv
import io
import re
from collections import Counter
from collections.abc import Collection, Iterable, Iterator
from dataclasses import dataclass
from pathlib import Path

from recommender.errors import ImportRefused
from recommender.importers.fields import (
    parse_ein,
    parse_line,
    parse_ntee,
    parse_state,
    parse_usd,
    parse_year,
    parse_zip,
)
from recommender.importers.names import title_case
from recommender.importers.rows import Incoming, Origin, RowError, Watch, make_incoming, make_office
from recommender.importers.streams import (
    MEGABYTE,
    Limits,
    bounded_lines,
    count_lines,
    open_stream,
    refusals,
)
from recommender.text import fold

SOURCE = "IRS Exempt Organizations Business Master File"

# The national file has about 1.9 million rows of 170 bytes; no line comes near 4,000.
LIMITS = Limits(max_bytes=1024 * MEGABYTE, max_line=4_000, max_rows=3_000_000)

_COLUMNS = (
    "EIN NAME ICO STREET CITY STATE ZIP GROUP SUBSECTION AFFILIATION CLASSIFICATION RULING "
    "DEDUCTIBILITY FOUNDATION ACTIVITY ORGANIZATION STATUS TAX_PERIOD ASSET_CD INCOME_CD "
    "FILING_REQ_CD PF_FILING_REQ_CD ACCT_PD ASSET_AMT INCOME_AMT REVENUE_AMT NTEE_CD SORT_NAME"
).split()
# Digits with a fixed width, of which some vintages leave out the zeros in front.
_WIDTHS = {
    "GROUP": 4,
    "SUBSECTION": 2,
    "CLASSIFICATION": 4,
    "RULING": 6,
    "FOUNDATION": 2,
    "ACTIVITY": 9,
    "STATUS": 2,
    "FILING_REQ_CD": 2,
    "ACCT_PD": 2,
}
_PADDED = tuple((_COLUMNS.index(name), width) for name, width in _WIDTHS.items())


_INDEX = {name: i for i, name in enumerate(_COLUMNS)}


@dataclass(frozen=True, slots=True)
class BmfRow:
    """One line: its number, and the 28 columns as text in one writing."""

    line: int
    columns: tuple[str, ...]

    def __getitem__(self, name: str) -> str:
        """A column by its name."""
        return self.columns[_INDEX[name]]


IMMIGRATION_CODES = {
    "P84": "ethnic and immigrant centers",
    "Q71": "international migration and refugee issues",
    "R21": "immigrants' rights",
}
"""NTEE codes that are about migration. In the extract of January 2024, 42, 49 and 67 % of their
rows stand in our directory; of the next best, R22 and I80, 9 and 4 %."""

IMMIGRATION_WORDS = frozenset(
    # English.
    "immigrant immigrants immigration immigrationworks immigrate migrant migrants migration "
    "refugee refugees asylee asylees asylum resettle resettlement farmworker farmworkers "
    "undocumented deportation detained displaced newcomer somali somalis unaccompanied "
    # Spanish.
    "migrante migrantes inmigrante inmigrantes emigrante emigrantes migracion inmigracion "
    "refugiado refugiada refugiados refugiadas asilo indocumentado indocumentada "
    "indocumentados indocumentadas campesino campesina campesinos campesinas jornalero "
    "jornaleros jornalera jornaleras comunidades conexion ayuda".split()
)
IMMIGRATION_PHRASES = (
    *("farm workers", "day laborer", "new americans", "new mainers", "foreign born"),
    *("mutual assistance", "sin fronteras"),
)
"""Words of names that are about migration. Each that occurs in the extract of January 2024 has at
least a fifth of its rows in our directory, save those that can hardly mean anything else. Left out:
"dreamers" (11 %: baseball), "Hispanic" (6 %), "refuge" (2 %), "sanctuary" (animals) and
"newcomers" (0 of 35: social clubs). `benchmarks/bmf_filter.py` counts anew."""

_WORD = re.compile(r"[a-z0-9]+")


def is_about_immigration(row: BmfRow) -> bool:
    """Whether the category or the name of a row says that it is about migration."""
    return bool(_kind(row))


def _kind(row: BmfRow) -> str:
    """By what a row is about migration: "code", "words" or nothing."""
    if row["NTEE_CD"][:3] in IMMIGRATION_CODES:
        return "code"
    words = _WORD.findall(fold(f"{row['NAME']} {row['SORT_NAME']}"))
    text = " ".join(words)
    is_named = not IMMIGRATION_WORDS.isdisjoint(words)
    is_named = is_named or any(phrase in text for phrase in IMMIGRATION_PHRASES)
    return "words" if is_named else ""


def read_rows(path: Path, limits: Limits = LIMITS) -> Iterator[BmfRow | RowError]:
    """The rows of a file (.csv or .csv.gz) one by one, in little memory.

    Raises:
        ImportRefused: it is not such a file, is damaged, breaks off, or is too large.
    """
    with open_stream(path, limits) as stream, refusals(path.name):
        # A byte that is no UTF-8 stays visible as a surrogate until `_decoded`.
        text = io.TextIOWrapper(stream, "utf-8-sig", errors="surrogateescape", newline="")
        reader = csv.reader(bounded_lines(text, limits, path.name))
        _check_header(path.name, reader)
        yield from _rows(reader, limits, path.name)


def _check_header(name: str, reader: Iterator[list[str]]) -> None:
    try:
        header = [cell.strip().upper() for cell in next(reader, [])]
    except csv.Error:
        header = []
    if header != _COLUMNS:
        raise ImportRefused(
            f"{name} is no EO BMF file: its first line must name the 28 columns, EIN to SORT_NAME."
        )


def _rows(reader: Iterator[list[str]], limits: Limits, name: str) -> Iterator[BmfRow | RowError]:
    for number in range(limits.max_rows + 1):
        line = number + 2
        try:
            cells = next(reader, None)
        except csv.Error as error:
            yield RowError(where=f"line {line}", reason=str(error))
            continue
        if cells is None:
            return
        if number == limits.max_rows:
            raise ImportRefused(f"{name} has more than {limits.max_rows:,} rows.")
        if cells:
            yield _row(line, cells)


def _row(line: int, cells: list[str]) -> BmfRow | RowError:
    if len(cells) != len(_COLUMNS):
        reason = f"has {len(cells)} columns instead of {len(_COLUMNS)}"
        return RowError(where=f"line {line}", reason=reason)
    cells = [cell.strip() for cell in cells]
    try:
        cells[0] = parse_ein(cells[0])
    except ValueError as error:
        return RowError(where=f"line {line}", reason=str(error))
    if not (cells[0] and cells[1]):
        return RowError(where=f"line {line}", reason="has no EIN or no name")
    for i, width in _PADDED:
        if cells[i]:
            cells[i] = cells[i].zfill(width)
    return BmfRow(line, tuple(cells))


def read_incoming(
    path: Path, as_of: str, known: Collection[str] = (), watch: Watch | None = None
) -> Iterator[Incoming | RowError]:
    """The rows that are about migration, or whose EIN is known, as listings.

    Args:
        path: A .csv or .csv.gz file.
        as_of: Year and month of the extract.
        known: The EINs that the directory holds.
        watch: Counts the rows by why they are for the directory, see `KINDS`.

    Raises:
        ImportRefused: the file cannot be taken.
    """
    origin = Origin(source=SOURCE, as_of=as_of)
    watch = watch or Watch()
    watch.total = max(count_lines(path, LIMITS) - 1, 0)
    for row in read_rows(path):
        if isinstance(row, RowError):
            watch.count("unreadable")
            yield row
            continue
        kind = _kind(row) or ("known" if row["EIN"] in known else "")
        watch.count(kind)
        if kind:
            yield to_incoming(row, origin)


KINDS = {
    "code": "for the directory by their NTEE code",
    "words": "for the directory by the words of their name",
    "known": "neither, but listed already",
    "unreadable": "not readable",
}
"""Why a row of an extract is looked at further; each row counts once, the first that holds."""


def to_incoming(row: BmfRow, origin: Origin) -> Incoming | RowError:
    """A row as a listing, or what is wrong with it."""
    where = f"line {row.line}"
    try:
        city, state = _place(row)
        values = {
            "name": title_case(parse_line(_decoded(row["NAME"]))),
            "ein": row["EIN"],
            "ntee": parse_ntee(row["NTEE_CD"]),
            "ruling_year": parse_year(row["RULING"]),
            "revenue_usd": _revenue(row),
            "locations": make_office(city, state, parse_zip(row["ZIP"]) if state else ""),
            "in_irs_extract": True,
        }
    except ValueError as error:
        return RowError(where=where, reason=str(error))
    return make_incoming(where, values, origin)


def _revenue(row: BmfRow) -> int | None:
    """Dollars. A zero of an organization that files no Form 990 or 990-EZ says nothing."""
    amount = parse_usd(row["REVENUE_AMT"])
    return None if amount == 0 and row["FILING_REQ_CD"] != "01" else amount


def _place(row: BmfRow) -> tuple[str, str]:
    """City and state; both empty where the address lies abroad."""
    if not row["STATE"] or row["STATE"] in ("AA", "AE", "AP"):
        return "", ""
    return title_case(parse_line(_decoded(row["CITY"]))), parse_state(row["STATE"])


def _decoded(text: str) -> str:
    """Text whose stray bytes are read as Windows' Latin letters, which is what they mostly are."""
    if text.isascii():
        return text
    return text.encode("utf-8", "surrogateescape").decode("utf-8" if _is_utf8(text) else "cp1252")


def _is_utf8(text: str) -> bool:
    return not any("\udc80" <= char <= "\udcff" for char in text)


@dataclass(frozen=True, kw_only=True)
class Changes:
    """What one vintage has that the one before had not.

    `changed` names the columns that differ for each EIN in both; `errors` are rows of either
    file that could not be read, so that nothing is known of them.
    """

    added: tuple[str, ...]
    removed: tuple[str, ...]
    changed: dict[str, tuple[str, ...]]
    n_unchanged: int
    errors: tuple[RowError, ...] = ()

    @property
    def by_field(self) -> dict[str, int]:
        """How many EINs changed in each column, the most frequent first."""
        return dict(
            Counter(name for names in self.changed.values() for name in names).most_common()
        )


def compare_vintages(old: Path, new: Path, limits: Limits = LIMITS) -> Changes:
    """The exact difference between two vintages, by EIN; a repeated EIN counts once, its last row.

    Raises:
        ImportRefused: one of the files cannot be taken.
    """
    errors: list[RowError] = []
    before = {row["EIN"]: _packed(row) for row in _good(read_rows(old, limits), errors)}
    added, changed, seen = [], {}, set()
    interned: dict[tuple[str, ...], tuple[str, ...]] = {}
    for row in _good(read_rows(new, limits), errors):
        ein = row["EIN"]
        first = ein not in seen
        seen.add(ein)
        if ein not in before:
            added += [ein] if first else []
            continue
        differing = _differing(before[ein], row)
        changed[ein] = interned.setdefault(differing, differing)
    return Changes(
        added=tuple(sorted(added)),
        removed=tuple(sorted(before.keys() - seen)),
        changed={ein: names for ein, names in changed.items() if names},
        n_unchanged=sum(not names for names in changed.values()),
        errors=tuple(errors),
    )


def _good(rows: Iterable[BmfRow | RowError], errors: list[RowError]) -> Iterator[BmfRow]:
    for row in rows:
        if isinstance(row, RowError):
            errors.append(row)
        else:
            yield row


def _packed(row: BmfRow) -> bytes:
    """The columns in a fifth of the memory that a tuple takes: 300,000 of them are kept."""
    return "\x1f".join(row.columns[1:]).encode("utf-8", "surrogateescape")


def _differing(before: bytes, row: BmfRow) -> tuple[str, ...]:
    if before == _packed(row):
        return ()
    old = before.decode("utf-8", "surrogateescape").split("\x1f")
    pairs = zip(_COLUMNS[1:], old, row.columns[1:], strict=True)
    return tuple(name for name, was, is_now in pairs if was != is_now)
