"""HSDS 3.0 (Human Services Data Specification), in and out, by the profile in docs/hsds-profile.md.

An organization has at most one service, which carries its tags, areas and languages; what HSDS
has no place for stands in attributes of the taxonomy `PROFILE`. Streets, phones and people are
neither read nor written. Source: Open Referral, HSDS 3.0, docs.openreferral.org.
"""

from __future__ import annotations

import json
import uuid
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import replace
from functools import cache
from pathlib import Path
from typing import Any

from jsonschema import Draft202012Validator

from recommender.config import ROOT
from recommender.errors import ImportRefused
from recommender.importers import csv_file, hsds_tables
from recommender.importers.fields import MAX_TEXT_LENGTH, parse_ein, parse_line, parse_state
from recommender.importers.rows import Incoming, Origin, RowError, make_incoming, slugify
from recommender.importers.streams import Limits, read_bytes
from recommender.models import Location, Nonprofit, ServiceArea, Source, Tag, TagKind, Visibility

SCHEMA = ROOT / "data" / "schema" / "hsds_profile.schema.json"
PROFILE = "waymark-profile"
LIMITS = Limits()

Record = dict[str, Any]
Labels = Mapping[tuple[str, str], Tag]

# Fields of a listing that stand in attributes of the organization, beside those HSDS names.
_SCALARS = (
    *("slug", "parent", "reach", "basis", "serves", "ntee", "ruling_year", "revenue_usd"),
    "summary_es",
)


def to_shown(listing: Nonprofit) -> Nonprofit:
    """A listing as the world may see it: no hidden place, no ZIP of a city-only one, no notes."""
    places = [spot for spot in listing.locations if spot.visibility is not Visibility.HIDDEN]
    return replace(
        listing,
        notes="",
        locations=tuple(
            spot
            if spot.visibility is Visibility.PUBLIC
            else replace(spot, zip="", latitude=None, longitude=None)
            for spot in places
        ),
    )


def to_organization(listing: Nonprofit, labels: Labels) -> Record:
    """What may be shown of a listing, as an HSDS organization."""
    shown = to_shown(listing)
    id_ = make_id("organization", shown.slug)
    organization = {
        "id": id_,
        "name": shown.name,
        "alternate_name": next(iter(shown.other_names), ""),
        "description": shown.summary_en,
        "website": shown.website,
        "parent_organization_id": make_id("organization", shown.parent) if shown.parent else "",
        "organization_identifiers": _identifiers(id_, shown),
        "locations": [_to_location(id_, i, spot) for i, spot in enumerate(shown.locations)],
        "services": _to_services(id_, shown, labels),
        "attributes": _to_attributes(id_, shown),
    }
    return {name: value for name, value in organization.items() if value or name == "description"}


def make_id(owner: str, name: str) -> str:
    """An id, the same for the same thing in every export. Source: RFC 9562, UUID version 5."""
    return str(uuid.uuid5(uuid.NAMESPACE_URL, f"waymark:{owner}:{name}"))


def export_json(listings: Iterable[Nonprofit], tags: Iterable[Tag]) -> str:
    """An HSDS JSON document: an array of organizations."""
    labels = {(tag.kind, tag.slug): tag for tag in tags}
    organizations = [to_organization(listing, labels) for listing in listings]
    return json.dumps(organizations, ensure_ascii=False, indent=1) + "\n"


def export_package(listings: Iterable[Nonprofit], tags: Iterable[Tag]) -> bytes:
    """An HSDS tabular package: a zip of datapackage.json and one CSV for each kind of record."""
    labels = {(tag.kind, tag.slug): tag for tag in tags}
    return hsds_tables.write_package(to_organization(listing, labels) for listing in listings)


def read_incoming(
    path: Path, origin: Origin, limits: Limits = LIMITS
) -> Iterator[Incoming | RowError]:
    """The organizations of an HSDS file as listings.

    Args:
        path: JSON (one organization, an array, or a page of the HSDS API) or a zipped package.
        origin: Where it comes from.
        limits: What the file may be.

    Raises:
        ImportRefused: the file as a whole cannot be taken.
    """
    if path.suffix.lower() == ".zip":
        organizations = hsds_tables.read_package(path, limits)
    else:
        organizations = _parse_json(path.name, read_bytes(path, limits))
    if len(organizations) > limits.max_rows:
        raise ImportRefused(f"{path.name} has more than {limits.max_rows:,} organizations.")
    for i, organization in enumerate(organizations, start=1):
        yield from_organization(f"organization {i}", organization, origin)


def _parse_json(name: str, content: bytes) -> list[Any]:
    try:
        document = json.loads(csv_file.decode(content, name), parse_constant=_no_number)
    except RecursionError as error:
        raise ImportRefused(f"{name} is nested too deeply.") from error
    except ValueError as error:
        raise ImportRefused(f"{name} is no JSON: {str(error)[:200]}") from error
    if isinstance(document, dict):
        document = document.get("contents", [document])
    if not isinstance(document, list):
        raise ImportRefused(f"{name} holds no list of organizations.")
    return document


def _no_number(name: str) -> None:
    raise ValueError(f"{name} is no number.")


def from_organization(where: str, organization: Any, origin: Origin) -> Incoming | RowError:
    """An HSDS organization as a listing, or what is wrong with it.

    What another publisher says of itself is not ours to print: without our profile's `basis`
    its description becomes material for the editor.
    """
    try:
        error = next(_validator().iter_errors(organization), None)
    except RecursionError:
        return RowError(where=where, reason="nests too deeply")
    if error is not None:
        at = "/".join(str(step) for step in error.absolute_path)
        return RowError(where=where, reason=f"{at + ': ' if at else ''}{error.message[:200]}")
    try:
        values = _values(organization)
        material = "" if "basis" in values else values.pop("summary_en", "")
        return make_incoming(where, values, origin, material)
    except ValueError as error_:
        return RowError(where=where, reason=str(error_))


@cache
def _validator() -> Draft202012Validator:
    return Draft202012Validator(json.loads(SCHEMA.read_text(encoding="utf-8")))


def _values(organization: Record) -> Record:
    """The fields of a listing that an organization states."""
    scalars, others, sources = _profile(organization)
    services = organization.get("services", [])
    row = {name: text for name, text in scalars.items() if name in csv_file.FIELDS}
    row |= {"name": organization["name"], "website": organization.get("website", "")}
    values = csv_file.parse_fields(row)
    names = [organization.get("alternate_name", ""), *others]
    return {
        **values,
        **_tags(services),
        **({"slug": slugify(scalars["slug"])} if "slug" in scalars else {}),
        "other_names": tuple(dict.fromkeys(parse_line(name) for name in names if name)),
        "summary_en": parse_line(organization.get("description", ""), MAX_TEXT_LENGTH),
        "ein": _ein(organization),
        "locations": tuple(
            spot for place in organization.get("locations", []) for spot in _location(place)
        ),
        "service_areas": tuple(
            dict.fromkeys(
                found
                for service in services
                for area in service.get("service_areas", [])
                for found in _area(area)
            )
        ),
        **({"sources": sources} if sources else {}),
    }


def _profile(organization: Record) -> tuple[dict[str, str], list[str], tuple[Source, ...]]:
    """What the attributes of our profile say: single values, further names, sources."""
    scalars: dict[str, str] = {}
    names, sources = [], []
    for attribute in organization.get("attributes", []):
        term, value = attribute.get("taxonomy_term", {}), attribute.get("value", "")
        if term.get("taxonomy") != PROFILE:
            continue
        if term["code"] in _SCALARS:
            scalars[term["code"]] = value
        elif term["code"] == "other_name":
            names.append(value)
        elif term["code"] == "source":
            sources.append(_source(value))
    return scalars, names, tuple(sources)


def _source(value: str) -> Source:
    parts = json.loads(value)
    if not (isinstance(parts, list) and len(parts) == 3 and all(isinstance(p, str) for p in parts)):
        raise ValueError("a source is not a list of facts, source and date")
    return Source(**dict(zip(("facts", "source", "as_of"), map(parse_line, parts), strict=True)))


def _tags(services: Iterable[Record]) -> dict[str, tuple[str, ...]]:
    found: dict[str, dict[str, None]] = {kind.value: {} for kind in TagKind}
    for service in services:
        for attribute in service.get("attributes", []):
            term = attribute.get("taxonomy_term", {})
            kind = str(term.get("taxonomy", "")).removeprefix("waymark-")
            if kind in found and term["taxonomy"] == f"waymark-{kind}":
                found[kind][slugify(term["code"])] = None
    return {kind: tuple(tags) for kind, tags in found.items()}


def _ein(organization: Record) -> str:
    for entry in organization.get("organization_identifiers", []):
        kind = f"{entry.get('identifier_scheme', '')} {entry['identifier_type']}".upper()
        if "EIN" in kind.replace("-", " ").split():
            return parse_ein(entry["identifier"])
    return ""


def _location(place: Record) -> Iterator[Location]:
    settings = {
        attribute["taxonomy_term"]["code"]: attribute.get("value", "")
        for attribute in place.get("attributes", [])
        if attribute.get("taxonomy_term", {}).get("taxonomy") == PROFILE
    }
    for address in place.get("addresses", [])[:1]:
        if address.get("country", "US") != "US":
            continue
        visibility = Visibility(settings.get("visibility", Visibility.CITY.value))
        located = visibility is Visibility.PUBLIC
        yield Location(
            city=parse_line(address["city"]),
            state=parse_state(address["state_province"]),
            zip=csv_file.parse_fields({"zip": address.get("postal_code", "")})["zip"],
            visibility=visibility,
            primary=settings.get("primary", "true") == "true",
            latitude=place.get("latitude") if located else None,
            longitude=place.get("longitude") if located else None,
        )


def _area(area: Record) -> Iterator[ServiceArea]:
    """An area that is named "City, ST" or as a state; any other says too little to match."""
    city, comma, state = parse_line(area.get("name", "")).rpartition(", ")
    try:
        yield ServiceArea(city=city if comma else "", state=parse_state(state))
    except ValueError:
        return


def _identifiers(id_: str, listing: Nonprofit) -> list[Record]:
    if not listing.ein:
        return []
    identifier = {"identifier_scheme": "US-EIN", "identifier_type": "EIN"}
    return [{"id": make_id(id_, "ein"), **identifier, "identifier": listing.ein}]


def _to_location(owner: str, position: int, spot: Location) -> Record:
    id_ = make_id(owner, f"location {position}")
    degrees = {"latitude": spot.latitude, "longitude": spot.longitude}
    address = {
        "id": make_id(id_, "address"),
        "address_1": "",
        "city": spot.city,
        "state_province": spot.state,
        "postal_code": spot.zip,
        "country": "US",
        "address_type": "physical",
    }
    settings = {"visibility": spot.visibility.value, "primary": str(spot.primary).lower()}
    return {
        "id": id_,
        "location_type": "physical",
        **({} if spot.latitude is None else degrees),
        "addresses": [address],
        "attributes": [_attribute(id_, "location", name, text) for name, text in settings.items()],
    }


def _to_services(owner: str, listing: Nonprofit, labels: Labels) -> list[Record]:
    id_ = make_id(owner, "service")
    tags = [(kind, tag) for kind in TagKind for tag in listing.tags(kind)]
    if not (tags or listing.service_areas):
        return []
    service = {
        "id": id_,
        "name": listing.name,
        "description": listing.summary_en,
        "status": "active",
        "service_areas": [
            {"id": make_id(id_, f"area {i}"), "name": f"{area.city}, {area.state}".lstrip(", ")}
            for i, area in enumerate(listing.service_areas)
        ],
        "languages": [
            {"id": make_id(id_, tag), "name": _label(labels, TagKind.LANGUAGE, tag)}
            for tag in listing.languages
        ],
        "attributes": [_tagged(id_, kind, tag, labels) for kind, tag in tags],
    }
    return [{name: value for name, value in service.items() if value}]


def _tagged(owner: str, kind: TagKind, tag: str, labels: Labels) -> Record:
    known = labels.get((kind.value, tag))
    term = {
        "id": make_id("term", f"{kind.value}/{tag}"),
        "code": tag,
        "name": _label(labels, kind, tag),
        "description": (known.description_en if known else "") or _label(labels, kind, tag),
        "taxonomy": f"waymark-{kind.value}",
    }
    return {
        "id": make_id(owner, f"{kind.value}/{tag}"),
        "link_id": owner,
        "link_entity": "service",
        "link_type": kind.value,
        "taxonomy_term": term,
    }


def _label(labels: Labels, kind: TagKind, tag: str) -> str:
    known = labels.get((kind.value, tag))
    return known.label_en if known else tag


def _to_attributes(owner: str, listing: Nonprofit) -> list[Record]:
    stated = [(name, getattr(listing, name)) for name in _SCALARS]
    stated += [("other_name", name) for name in listing.other_names[1:]]
    stated += [
        ("source", json.dumps([s.facts, s.source, s.as_of], ensure_ascii=False))
        for s in listing.sources
    ]
    return [
        _attribute(owner, "organization", name, str(value), f"{name} {i}")
        for i, (name, value) in enumerate(stated)
        if value not in ("", None)
    ]


def _attribute(owner: str, entity: str, code: str, value: str, key: str = "") -> Record:
    term = {
        "id": make_id("term", f"profile/{code}"),
        "code": code,
        "name": code.replace("_", " "),
        "description": f"See docs/hsds-profile.md, {code}",
        "taxonomy": PROFILE,
    }
    return {
        "id": make_id(owner, key or code),
        "link_id": owner,
        "link_entity": entity,
        "link_type": "profile",
        "value": value,
        "taxonomy_term": term,
    }
