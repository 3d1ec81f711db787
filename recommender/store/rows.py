"""How a listing is laid out: a row of `nonprofits`, and rows of its child tables."""

from __future__ import annotations

import hashlib
import json
from collections.abc import Callable
from dataclasses import asdict
from typing import Any

from recommender.models import (
    Basis,
    Location,
    Nonprofit,
    Reach,
    ServiceArea,
    Source,
    Status,
    TagKind,
    Visibility,
)

Row = dict[str, Any]

_PLAIN = (
    "slug",
    "ein",
    "name",
    "website",
    "ntee",
    "ruling_year",
    "revenue_usd",
    "serves",
    "summary_en",
    "summary_es",
    "in_irs_extract",
    "notes",
    "verified_on",
)


def to_row(record: Nonprofit) -> Row:
    """The row of `nonprofits`, without what the store itself counts, dates and remembers."""
    values = {name: getattr(record, name) for name in _PLAIN}
    return {
        **values,
        "reach": record.reach.value,
        "basis": record.basis.value,
        "status": record.status.value,
        "parent_slug": record.parent or None,
    }


def compute_digest(record: Nonprofit) -> str:
    """SHA-256 of a record as the files have it."""
    content = asdict(record) | {"updated_on": ""}
    return hashlib.sha256(json.dumps(content, sort_keys=True).encode()).hexdigest()


def to_document(record: Nonprofit) -> str:
    """A listing as JSON, without the day of its last edit, which every write moves."""
    content = {name: value for name, value in vars(record).items() if name != "updated_on"}
    return json.dumps(content, ensure_ascii=False, default=vars)


def from_document(document: str) -> Nonprofit:
    """The listing of a document; fields that were unknown when it was written have defaults."""
    content = json.loads(document)
    lists = {name: tuple(value) for name, value in content.items() if isinstance(value, list)}
    return Nonprofit(
        **content
        | lists
        | {
            "reach": Reach(content["reach"]),
            "basis": Basis(content["basis"]),
            "status": Status(content["status"]),
            "locations": tuple(
                Location(**place | {"visibility": Visibility(place["visibility"])})
                for place in content["locations"]
            ),
            "service_areas": tuple(ServiceArea(**area) for area in content["service_areas"]),
            "sources": tuple(Source(**source) for source in content["sources"]),
        }
    )


def to_nonprofit(row: Row, children: dict[str, list[Row]]) -> Nonprofit:
    """The listing of a row and of its child rows in order, by table."""
    plain = {name: row[name] for name in _PLAIN}
    tags: dict[str, tuple[str, ...]] = dict.fromkeys(TagKind, ())
    for tag in children["nonprofit_tags"]:
        tags[tag["kind"]] += (tag["tag"],)
    return Nonprofit(
        **plain | tags | {"in_irs_extract": bool(row["in_irs_extract"])},
        reach=Reach(row["reach"]),
        basis=Basis(row["basis"]),
        status=Status(row["status"]),
        parent=row["parent_slug"] or "",
        updated_on=row["updated_at"][:10],
        other_names=tuple(name["name"] for name in children["nonprofit_names"]),
        locations=tuple(_location(place) for place in children["locations"]),
        service_areas=tuple(_service_area(area) for area in children["service_areas"]),
        sources=tuple(_source(source) for source in children["sources"]),
    )


def _names(record: Nonprofit) -> list[Row]:
    return [{"position": i, "name": name} for i, name in enumerate(record.other_names)]


def _locations(record: Nonprofit) -> list[Row]:
    return [
        {
            "position": i,
            "city": place.city,
            "state": place.state,
            "zip": place.zip,
            "visibility": place.visibility.value,
            "is_primary": place.primary,
            "latitude": place.latitude,
            "longitude": place.longitude,
        }
        for i, place in enumerate(record.locations)
    ]


def _service_areas(record: Nonprofit) -> list[Row]:
    return [{"position": i, **vars(area)} for i, area in enumerate(record.service_areas)]


def _tags(record: Nonprofit) -> list[Row]:
    return [
        {"kind": kind.value, "tag": tag, "position": i}
        for kind in TagKind
        for i, tag in enumerate(record.tags(kind))
    ]


def _sources(record: Nonprofit) -> list[Row]:
    return [{"position": i, **vars(source)} for i, source in enumerate(record.sources)]


CHILDREN: dict[str, Callable[[Nonprofit], list[Row]]] = {
    "nonprofit_names": _names,
    "locations": _locations,
    "service_areas": _service_areas,
    "nonprofit_tags": _tags,
    "sources": _sources,
}
"""Each child table, and the rows a listing has in it (all but `nonprofit_id`)."""


def _location(row: Row) -> Location:
    return Location(
        city=row["city"],
        state=row["state"],
        zip=row["zip"],
        visibility=Visibility(row["visibility"]),
        primary=bool(row["is_primary"]),
        latitude=row["latitude"],
        longitude=row["longitude"],
    )


def _service_area(row: Row) -> ServiceArea:
    return ServiceArea(
        state=row["state"],
        city=row["city"],
        latitude=row["latitude"],
        longitude=row["longitude"],
    )


def _source(row: Row) -> Source:
    return Source(facts=row["facts"], source=row["source"], as_of=row["as_of"])
