"""IRS e-file returns: Forms 990, 990-EZ and 990-PF as XML, in the tag names of 2009 to 2026.

Only what a listing can use is read, and nobody's name. A return is read as a stream of events,
so a file costs no memory beyond its own bytes, and a document type declaration (the door to
entity expansion and to other files) is refused.
"""

from __future__ import annotations

import re
from collections.abc import Iterator
from dataclasses import dataclass, field
from pathlib import Path
from xml.etree import ElementTree

from recommender.errors import ImportRefused
from recommender.importers.fields import (
    MAX_TEXT_LENGTH,
    parse_ein,
    parse_line,
    parse_state,
    parse_usd,
    parse_website,
    parse_zip,
)
from recommender.importers.names import title_case
from recommender.importers.rows import Incoming, Origin, RowError, Watch, make_incoming, make_office
from recommender.importers.streams import MEGABYTE, Limits, count_members, read_bytes, zip_members

LIMITS = Limits(max_bytes=2048 * MEGABYTE, max_member_bytes=32 * MEGABYTE)

MAX_DEPTH = 64
MAX_PROGRAMS = 3
FORMS = ("IRS990", "IRS990EZ", "IRS990PF")

# Where each fact stands: the ends of paths, without namespaces, of all schema versions; an
# earlier one wins. Sources: IRS "Modernized e-File schemas", 2008v2.7 to 2024v5.2.
_HEADER = {
    "ein": ("Filer/EIN",),
    "name": (
        "Filer/BusinessName/BusinessNameLine1Txt",
        "Filer/BusinessName/BusinessNameLine1",
        "Filer/Name/BusinessNameLine1",
    ),
    "name_2": (
        "Filer/BusinessName/BusinessNameLine2Txt",
        "Filer/BusinessName/BusinessNameLine2",
        "Filer/Name/BusinessNameLine2",
    ),
    "city": ("Filer/USAddress/CityNm", "Filer/USAddress/City"),
    "state": ("Filer/USAddress/StateAbbreviationCd", "Filer/USAddress/State"),
    "zip": ("Filer/USAddress/ZIPCd", "Filer/USAddress/ZIPCode"),
    "period_end": ("ReturnHeader/TaxPeriodEndDt", "ReturnHeader/TaxPeriodEndDate"),
    "filed": ("ReturnHeader/ReturnTs", "ReturnHeader/Timestamp"),
}
_FORM = {
    "website": ("WebsiteAddressTxt", "WebSiteAddressTxt", "WebSite"),
    "mission": (
        "MissionDesc",
        "MissionDescription",
        "ActivityOrMissionDesc",
        "ActivityOrMissionDescription",
        "PrimaryExemptPurposeTxt",
        "PrimaryExemptPurpose",
    ),
    "revenue": (
        "CYTotalRevenueAmt",
        "TotalRevenueCurrentYear",
        "IRS990EZ/TotalRevenueAmt",
        "IRS990EZ/TotalRevenue",
        "TotalRevAndExpnssAmt",
        "TotalRevenueAndExpenses",
        "TotalRevenueGrp/TotalRevenueColumnAmt",
        "TotalRevenue/TotalRevenueColumn",
    ),
    "programs": (
        "IRS990/Desc",
        "IRS990/Description",
        "Form990PartIII/Description",
        "ProgSrvcAccomActy2Grp/Desc",
        "ProgSrvcAccomActy3Grp/Desc",
        "ProgSrvcAccomActyOtherGrp/Desc",
        "Activity2/Description",
        "Activity3/Description",
        "ActivityOther/Description",
        "ProgramSrvcAccomplishmentGrp/DescriptionProgramSrvcAccomTxt",
        "ProgramServiceAccomplishment/DescriptionProgramServiceAccom",
        "SummaryOfDirectChrtblActyGrp/Description1Txt",
        "SummaryOfDirectChrtblActyGrp/Description2Txt",
        "SummaryOfDirectChrtblActyGrp/Description3Txt",
        "SummaryOfDirectCharitableActy/Description1",
        "SummaryOfDirectCharitableActy/Description2",
        "SummaryOfDirectCharitableActy/Description3",
    ),
}
_FACTS = {
    path: (fact, rank)
    for table in (_HEADER, _FORM)
    for fact, paths in table.items()
    for rank, path in enumerate(paths)
}


class _Refused(Exception):
    """What a return must not hold."""


@dataclass(kw_only=True)
class _Gatherer:
    """A parser's target that keeps the text of the paths in `_FACTS`, and no tree."""

    found: dict[str, list[tuple[int, str]]] = field(default_factory=dict)
    form: str = ""
    _path: list[str] = field(default_factory=list)
    _texts: list[str] = field(default_factory=list)
    _fact: tuple[str, int] | None = None

    def doctype(self, name: str, pubid: str | None, system: str | None) -> None:  # noqa: ARG002
        raise _Refused("declares a document type, which no return does")

    def start(self, tag: str, attributes: dict[str, str]) -> None:  # noqa: ARG002
        name = tag.rpartition("}")[2]
        self._path.append(name)
        if len(self._path) > MAX_DEPTH:
            raise _Refused(f"nests deeper than {MAX_DEPTH} elements")
        if self._path[:1] != ["Return"]:
            raise _Refused("is no e-file return: it does not begin with Return")
        if name in FORMS and not self.form:
            self.form = name
        self._texts = []
        self._fact = self._looked_for()

    def _looked_for(self) -> tuple[str, int] | None:
        inside_form = len(self._path) > 3 and self._path[2] == self.form
        if not inside_form and self._path[1:2] != ["ReturnHeader"]:
            return None
        ends = ("/".join(self._path[-n:]) for n in (3, 2, 1))
        fact = next((_FACTS[end] for end in ends if end in _FACTS), None)
        return fact if fact and (fact[0] in _FORM) == inside_form else None

    def data(self, text: str) -> None:
        if self._fact and sum(map(len, self._texts)) < MAX_TEXT_LENGTH:
            self._texts.append(text[:MAX_TEXT_LENGTH])

    def end(self, tag: str) -> None:  # noqa: ARG002
        text = "".join(self._texts).strip()
        if self._fact and text:
            fact, rank = self._fact
            kept = self.found.setdefault(fact, [])
            if len(kept) < MAX_PROGRAMS * len(_FORM["programs"]):
                kept.append((rank, text))
        self._path.pop()
        self._fact, self._texts = None, []

    def close(self) -> None:
        """What the parser asks for at the end: nothing, the facts are here."""


def read_incoming(
    path: Path, limits: Limits = LIMITS, watch: Watch | None = None
) -> Iterator[Incoming | RowError]:
    """The returns of a file, a folder or a zip; of several for one EIN only the latest.

    Raises:
        ImportRefused: the folder or archive as a whole cannot be taken.
    """
    watch = watch or Watch()
    watch.total = count_members(path) if path.suffix.lower() == ".zip" else 0
    latest: dict[str, tuple[tuple[str, str], Incoming]] = {}
    for where, content in _documents(path, limits):
        watch.count()
        read = parse_return(where, content) if isinstance(content, bytes) else content
        if isinstance(read, RowError):
            yield read
            continue
        age, incoming = read
        ein = incoming.nonprofit.ein
        if ein in latest and latest[ein][0] >= age:
            yield _superseded(incoming, latest[ein][1])
            continue
        if ein in latest:
            yield _superseded(latest[ein][1], incoming)
        latest[ein] = (age, incoming)
    yield from (incoming for _, incoming in latest.values())


def _superseded(older: Incoming, newer: Incoming) -> RowError:
    return RowError(where=older.where, reason=f"is superseded by {newer.where}, of the same EIN")


def _documents(path: Path, limits: Limits) -> Iterator[tuple[str, bytes | RowError]]:
    if path.is_dir():
        yield from _folder(path, limits)
    elif path.suffix.lower() == ".zip":
        for member in zip_members(path, limits):
            if isinstance(member, RowError):
                yield member.where, member
            else:
                yield member
    else:
        yield path.name, read_bytes(path, _single(limits))


def _folder(path: Path, limits: Limits) -> Iterator[tuple[str, bytes | RowError]]:
    files = sorted(file for file in path.rglob("*.xml") if file.is_file())
    if len(files) > limits.max_members:
        raise ImportRefused(f"{path.name} holds more than {limits.max_members:,} files.")
    for file in files:
        where = file.relative_to(path).as_posix()
        try:
            yield where, read_bytes(file, _single(limits))
        except ImportRefused as error:
            yield where, RowError(where=where, reason=str(error))


def _single(limits: Limits) -> Limits:
    return Limits(max_bytes=limits.max_member_bytes)


def parse_return(where: str, content: bytes) -> tuple[tuple[str, str], Incoming] | RowError:
    """A return and its age (end of the tax period, time of filing), or what is wrong with it."""
    gatherer = _Gatherer()
    parser = ElementTree.XMLParser(target=gatherer)  # noqa: S314 - see the import
    try:
        parser.feed(content)
        parser.close()
        if not gatherer.form:
            raise _Refused(f"holds none of the forms {', '.join(FORMS)}")
        return _return(where, gatherer)
    except _Refused as error:
        return RowError(where=where, reason=str(error))
    except ElementTree.ParseError as error:
        return RowError(where=where, reason=f"is not well-formed XML: {error}")
    except (ValueError, LookupError) as error:
        return RowError(where=where, reason=str(error)[:200])


def _return(where: str, gatherer: _Gatherer) -> tuple[tuple[str, str], Incoming]:
    facts = {name: min(found)[1] for name, found in gatherer.found.items()}
    get = facts.get
    values = {
        "ein": parse_ein(get("ein", "")),
        "name": title_case(parse_line(f"{get('name', '')} {get('name_2', '')}")),
        "website": _website(get("website", "")),
        "revenue_usd": parse_usd(get("revenue", "")),
        "locations": _office(facts),
    }
    if not (values["ein"] and values["name"]):
        raise ValueError("names no EIN or no organization")
    period = get("period_end", "")
    form = gatherer.form.removeprefix("IRS990")
    if not re.fullmatch(r"[0-9]{4}-[0-9]{2}-[0-9]{2}", period):
        raise ValueError("names no end of its tax period")
    origin = Origin(source=f"IRS Form 990{'-' if form else ''}{form}", as_of=period[:7])
    incoming = make_incoming(where, values, origin, _material(facts, gatherer))
    return (period, get("filed", "")), incoming


def _website(text: str) -> str:
    """The site; people write all sorts of things into this line, and none is no error."""
    try:
        return parse_website(text.lower())
    except ValueError:
        return ""


def _office(facts: dict[str, str]) -> tuple[object, ...]:
    if "state" not in facts or facts["state"] in ("AA", "AE", "AP"):
        return ()
    city = title_case(parse_line(facts.get("city", "")))
    return make_office(city, parse_state(facts["state"]), parse_zip(facts.get("zip", "")))


def _material(facts: dict[str, str], gatherer: _Gatherer) -> str:
    """Mission and programs in the filer's words, each once."""
    programs = [text for _, text in sorted(gatherer.found.get("programs", ()))[:MAX_PROGRAMS]]
    texts = dict.fromkeys(" ".join(text.split()) for text in [facts.get("mission", ""), *programs])
    return "\n\n".join(text for text in texts if text)
