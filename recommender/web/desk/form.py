"""The form of a listing: what is typed, checked as the data files are, and what it makes."""

from __future__ import annotations

import re
from collections.abc import Collection, Iterable, Mapping, Sequence
from dataclasses import dataclass, replace
from functools import partial
from itertools import zip_longest
from pathlib import Path
from typing import Any

from werkzeug.datastructures import MultiDict

from recommender.geo import STATES, Gazetteer
from recommender.importers.directory import Fault, find_faults, place_listing
from recommender.models import Basis, Location, Nonprofit, Reach, ServiceArea, TagKind, Visibility

Row = dict[str, str]

MAX_LENGTH = 5_000
MAX_ROWS = 80
TEXTS = (
    *("slug", "name", "parent", "ein", "website", "ntee", "ruling_year", "revenue_usd"),
    *("reach", "basis", "serves", "summary_en", "summary_es", "other_names", "notes"),
)
NUMBERS = ("ruling_year", "revenue_usd")
PLACE = ("city", "state", "zip", "visibility")
AREA = ("city", "state")
SOURCE = ("facts", "source", "as_of")
N_ROWS = {"place": 3, "area": 2, "source": 3}
"""How many rows the form shows at least."""

_SECTIONS = {"locations": "place", "service_areas": "area", "sources": "source"}
_CONTROLS = re.compile(r"[\x00-\x08\x0b-\x1f\x7f-\x9f]")

ADVICE = {
    "slug": "Lower-case letters, digits and single hyphens, at most 60 characters.",
    "name": "Please give the name.",
    "parent": "Please give the short name of a listing, as in its address.",
    "ein": "An EIN has nine digits.",
    "website": "Please give an address that begins with https://, all in small letters up to"
    " the first slash.",
    "ntee": "An NTEE code is a letter and two or three characters, for example P84.",
    "ruling_year": "Please give a year from 1900 to 2100.",
    "revenue_usd": "Please give whole dollars, or nothing.",
    "reach": "Please choose how far the work extends.",
    "basis": "Please choose what the description rests on.",
    "summary_en": "Please describe in English what the group does.",
    "summary_es": "Please describe in Spanish what the group does.",
    "other_names": "Please give each name once, one in a line.",
    "place": "Please give at least one office, and make one of them the main one.",
    "area": "Work across a state or region needs at least one service area, each given once.",
    "source": "Please give at least one source.",
    "place_city": "Please give the city.",
    "place_zip": "A ZIP code has five digits.",
    "place_state": "Please give the two letters of a state.",
    "place_visibility": "Please choose what is shown.",
    "area_state": "Please give the two letters of a state.",
    "source_facts": "Please choose the facts that come from there.",
    "source_source": "Please say where the facts come from.",
    "source_as_of": "Please give a year or a month, for example 2026 or 2026-03.",
}


@dataclass(frozen=True, kw_only=True)
class Typed:
    """What stands in the form; a row of `places` that is the main one has "primary"."""

    texts: Mapping[str, str]
    tags: Mapping[str, Sequence[str]]
    places: Sequence[Row] = ()
    areas: Sequence[Row] = ()
    sources: Sequence[Row] = ()

    def with_room(self, more: str = "") -> Typed:
        """The same with empty rows to fill in, and one more in one section."""
        return replace(
            self,
            places=_padded(self.places, PLACE, "place", more),
            areas=_padded(self.areas, AREA, "area", more),
            sources=_padded(self.sources, SOURCE, "source", more),
        )

    def taking(self, other: Typed, fields: Collection[str]) -> Typed:
        """The same with some fields of the listing as they stand in another form."""
        parts = [f"{section}s" for field, section in _SECTIONS.items() if field in fields]
        return replace(
            self,
            texts={**self.texts, **{name: other.texts[name] for name in TEXTS if name in fields}},
            tags={kind: (other if kind in fields else self).tags.get(kind, ()) for kind in TagKind},
            **{part: getattr(other, part) for part in parts},
        )

    def in_order_of(self, record: Nonprofit) -> Typed:
        """The same with the tags that a listing has already in the order that they have there.

        Checkboxes come in the order of the page, and to reorder tags is not to change them.
        """
        return replace(
            self,
            tags={
                kind: sorted(chosen, key=partial(_position, getattr(record, kind)))
                for kind, chosen in self.tags.items()
            },
        )


def empty_form() -> Typed:
    """The form of a new listing."""
    texts = dict.fromkeys(TEXTS, "") | {"reach": "local", "basis": "mission"}
    return Typed(texts=texts, tags={})


def read_form(form: MultiDict[str, str]) -> Typed:
    """What was sent, as it was typed."""
    primary = form.get("primary", "1")
    places = _rows(form, "place", PLACE)
    for number, place in enumerate(places, start=1):
        place["primary"] = "yes" if primary == str(number) else ""
    return Typed(
        texts={name: form.get(name, "").replace("\r\n", "\n") for name in TEXTS},
        tags={kind.value: tuple(dict.fromkeys(form.getlist(kind.value))) for kind in TagKind},
        places=places,
        areas=_rows(form, "area", AREA),
        sources=_rows(form, "source", SOURCE),
    )


def show_listing(record: Nonprofit) -> Typed:
    """A listing as the form shows it."""
    texts = {name: getattr(record, name) for name in TEXTS}
    plain = {name: "" if value is None else str(value) for name, value in texts.items()}
    return Typed(
        texts=plain | {"other_names": "\n".join(record.other_names)},
        tags={kind.value: record.tags(kind) for kind in TagKind},
        places=[
            {name: str(getattr(place, name)) for name in PLACE}
            | {"primary": "yes" if place.primary else ""}
            for place in record.locations
        ],
        areas=[{name: getattr(area, name) for name in AREA} for area in record.service_areas],
        sources=[{name: getattr(one, name) for name in SOURCE} for one in record.sources],
    )


def make_record(typed: Typed, *, in_irs_extract: bool = False) -> dict[str, Any]:
    """What was typed as a record of the data files; it may have faults."""
    texts = {name: _line(value) for name, value in typed.texts.items()}
    numbers: dict[str, Any] = {name: _number(texts[name]) for name in NUMBERS}
    return {
        **texts,
        **numbers,
        **{kind.value: list(typed.tags.get(kind.value, ())) for kind in TagKind},
        "ein": re.sub(r"(?<=^\d\d)-", "", texts["ein"]),
        "ntee": texts["ntee"].upper(),
        "other_names": [
            _line(name) for name in typed.texts["other_names"].split("\n") if _line(name)
        ],
        "notes": _CONTROLS.sub(" ", typed.texts["notes"]).strip(),
        "locations": [
            _clean(row, PLACE) | {"primary": bool(row.get("primary"))}
            for _, row in _filled(typed.places, ("city", "state", "zip"))
        ],
        "service_areas": [_area(row) for _, row in _filled(typed.areas, AREA)],
        "sources": [_clean(row, SOURCE) for _, row in _filled(typed.sources, SOURCE)],
        "in_irs_extract": in_irs_extract,
    }


def find_errors(typed: Typed, record: Mapping[str, Any], data: Path) -> dict[str, str]:
    """What has to be mended, as sentences by the name of the field that they are about.

    A field of a row is named with the number of the row, e.g. "place_zip_2".
    """
    errors: dict[str, str] = {}
    for fault in find_faults(data, dict(record)):
        name = _field_of(fault, typed)
        plain = re.sub(r"_\d+$", "", name)
        errors.setdefault(name, ADVICE.get(plain, fault.message))
    return _sizes(typed) | errors | _unknown_states(typed)


def make_listing(
    record: Mapping[str, Any], gazetteer: Gazetteer, base: Nonprofit | None = None
) -> Nonprofit:
    """The listing of a record without faults.

    Places that stand in `base` already keep the coordinates they have there.
    """
    made = place_listing(dict(record), gazetteer)
    if base is None:
        return made
    known = {_place_key(place): place for place in base.locations}
    areas = {(area.state, area.city): area for area in base.service_areas}
    return replace(
        made,
        locations=tuple(_keep_degrees(p, known.get(_place_key(p))) for p in made.locations),
        service_areas=tuple(areas.get((a.state, a.city), a) for a in made.service_areas),
    )


def sketch_listing(typed: Typed, gazetteer: Gazetteer, base: Nonprofit | None = None) -> Nonprofit:
    """The listing that a form makes as far as it is filled in; what has a fault is left out.

    An office that says no longer what may be shown of it is hidden.
    """
    record = make_record(_shortened(typed))
    record |= {
        "reach": record["reach"] if record["reach"] in set(Reach) else Reach.LOCAL,
        "basis": record["basis"] if record["basis"] in set(Basis) else Basis.MISSION,
        "website": record["website"] if record["website"].startswith("https://") else "",
        "locations": [_seen(place) for place in record["locations"] if _is_spot(place)],
        "service_areas": [area for area in record["service_areas"] if area["state"] in STATES],
        "sources": [
            one | {"as_of": one["as_of"] if _is_date(one["as_of"]) else ""}
            for one in record["sources"]
        ],
        **{name: _figure(record[name]) for name in NUMBERS},
    }
    made = make_listing(record, gazetteer, base)
    return made if base is None else replace(made, verified_on=base.verified_on)


def _shortened(typed: Typed) -> Typed:
    return replace(
        typed,
        texts={name: text[:MAX_LENGTH] for name, text in typed.texts.items()},
        places=typed.places[:MAX_ROWS],
        areas=typed.areas[:MAX_ROWS],
        sources=typed.sources[:MAX_ROWS],
    )


def _is_spot(place: Row) -> bool:
    return bool(place["city"]) and place["state"] in STATES


def _seen(place: Row) -> Row:
    known = place["visibility"] in set(Visibility)
    return place if known else place | {"visibility": Visibility.HIDDEN}


def _is_date(text: str) -> bool:
    """Whether a text is a year or a month."""
    return bool(re.fullmatch(r"[12]\d{3}(-(0[1-9]|1[0-2]))?", text, re.ASCII))


def _figure(value: object) -> int | None:
    return value if isinstance(value, int) and value >= 0 else None


def unplaced(record: Nonprofit) -> list[str]:
    """The places without coordinates, which no search by distance finds."""
    offices = [p for p in record.locations if p.visibility is not Visibility.HIDDEN]
    areas = [area for area in record.service_areas if area.city]
    spots: list[Location | ServiceArea] = [*offices, *areas]
    return list(
        dict.fromkeys(f"{spot.city}, {spot.state}" for spot in spots if spot.latitude is None)
    )


def _position(tags: Sequence[str], tag: str) -> int:
    return tags.index(tag) if tag in tags else len(tags)


def _rows(form: MultiDict[str, str], section: str, names: Sequence[str]) -> list[Row]:
    columns = [form.getlist(f"{section}_{name}") for name in names]
    rows = zip_longest(*columns, fillvalue="")
    return [dict(zip(names, row, strict=True)) for row in rows]


def _padded(rows: Sequence[Row], names: Sequence[str], section: str, more: str) -> list[Row]:
    n_more = max(N_ROWS[section] - len(rows), int(more == section), 0)
    blank = dict.fromkeys(names, "") | ({"visibility": "city"} if section == "place" else {})
    return [*rows, *(dict(blank) for _ in range(n_more))]


def _line(text: str) -> str:
    return " ".join(_CONTROLS.sub(" ", text).split())


def _number(text: str) -> int | str | None:
    """A whole number with or without its commas; what is none stays as it is, to be refused."""
    plain = text.replace(",", "").removeprefix("$")
    return int(plain) if re.fullmatch(r"-?[0-9]{1,15}", plain) else text or None


def _filled(rows: Iterable[Row], names: Sequence[str]) -> list[tuple[int, Row]]:
    """The rows that are not blank, with their numbers."""
    return [
        (number, row)
        for number, row in enumerate(rows, start=1)
        if any(_line(row[name]) for name in names)
    ]


def _clean(row: Row, names: Sequence[str]) -> dict[str, Any]:
    clean = {name: _line(row[name]) for name in names}
    return clean | ({"state": clean["state"].upper()} if "state" in clean else {})


def _area(row: Row) -> dict[str, Any]:
    area = _clean(row, AREA)
    return area if area["city"] else {"state": area["state"]}


def _field_of(fault: Fault, typed: Typed) -> str:
    """The field of the form that a fault of the record is about."""
    name, *inside = fault.path or ("",)
    section = _SECTIONS.get(str(name))
    if section is None:
        return str(name)
    if not inside:
        return section
    rows = {"place": (typed.places, ("city", "state", "zip")), "area": (typed.areas, AREA)}
    number, _ = _filled(*rows.get(section, (typed.sources, SOURCE)))[int(inside[0])]
    return f"{section}_{inside[1]}_{number}" if len(inside) > 1 else section


def _sizes(typed: Typed) -> dict[str, str]:
    errors = {
        name: f"Please keep to {MAX_LENGTH:,} characters."
        for name, text in typed.texts.items()
        if len(text) > MAX_LENGTH
    }
    sections = {"place": typed.places, "area": typed.areas, "source": typed.sources}
    many = dict.fromkeys(sections, f"Please keep to {MAX_ROWS} rows.")
    return errors | {name: many[name] for name, rows in sections.items() if len(rows) > MAX_ROWS}


def _unknown_states(typed: Typed) -> dict[str, str]:
    rows = [("place", row) for row in _filled(typed.places, ("city", "state", "zip"))]
    rows += [("area", row) for row in _filled(typed.areas, AREA)]
    return {
        f"{section}_state_{number}": ADVICE["place_state"]
        for section, (number, row) in rows
        if _line(row["state"]).upper() not in STATES
    }


def _place_key(place: Location) -> tuple[str, str, str, Visibility]:
    return place.city, place.state, place.zip, place.visibility


def _keep_degrees(place: Location, known: Location | None) -> Location:
    if known is None:
        return place
    return replace(place, latitude=known.latitude, longitude=known.longitude)
