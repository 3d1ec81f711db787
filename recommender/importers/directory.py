"""The committed directory: the files of `data/`, checked, as models."""

from __future__ import annotations

import hashlib
import json
from collections import Counter
from collections.abc import Collection, Iterable, Iterator
from dataclasses import dataclass, fields
from pathlib import Path
from typing import Any

from jsonschema import Draft202012Validator

from recommender import geo
from recommender.errors import InvalidRecord
from recommender.geo import Gazetteer
from recommender.models import (
    Basis,
    Guide,
    KeyFact,
    Location,
    Nonprofit,
    Reach,
    Resource,
    ServiceArea,
    Source,
    Tag,
    TagKind,
    TermMapping,
    Visibility,
)
from recommender.store.catalog import Contents

Record = dict[str, Any]
Coordinates = tuple[float, float] | None


@dataclass(frozen=True, kw_only=True)
class Directory:
    """What was read. `unplaced` are "slug: City, ST" of places without coordinates."""

    contents: Contents
    unplaced: tuple[str, ...]


def read_directory(data: Path, gazetteer: Gazetteer) -> Directory:
    """Read and check all files of the data folder.

    Raises:
        InvalidRecord: a record breaks its schema, or names an unknown tag or parent, or
            stands twice; the message names the file, the record and the fault.
    """
    taxonomy = read_taxonomy(data)
    records = list(_listing_records(data))
    _check_listings(records, taxonomy)
    placer = _Placer(gazetteer)
    contents = Contents(
        nonprofits=[_nonprofit(record, placer) for _, record in records],
        tags=taxonomy,
        term_map=read_term_map(data, taxonomy),
        resources=read_resources(data, taxonomy),
        guides=read_guides(data, taxonomy),
        digest=compute_digest(data),
    )
    return Directory(contents=contents, unplaced=tuple(placer.unplaced))


@dataclass(frozen=True, kw_only=True)
class Fault:
    """Where a record breaks its schema, e.g. ("locations", 1, "zip"), and how."""

    path: tuple[str | int, ...]
    message: str


def find_faults(data: Path, record: Record, schema: str = "nonprofit") -> list[Fault]:
    """What is wrong with one record by a schema of the files; empty for a good one."""
    document = _document(data / "schema" / f"{schema}.schema.json")
    return [
        Fault(path=tuple(error.absolute_path)[1:], message=error.message[:300])
        for error in Draft202012Validator(document).iter_errors([record])
    ]


def place_listing(record: Record, gazetteer: Gazetteer) -> Nonprofit:
    """The listing of a record without faults, with coordinates where its places are known."""
    return _nonprofit(record, _Placer(gazetteer))


def compute_digest(data: Path) -> str:
    """SHA-256 of everything that decides what `read_directory` gives: files and code."""
    digest = hashlib.sha256()
    inputs = [data / f"{name}.json" for name in (*_LISTS, "taxonomy", "places")]
    inputs += [*sorted(data.glob("nonprofits/*.json")), *sorted(data.glob("schema/*.json"))]
    for path in inputs:
        digest.update(f"{path.relative_to(data).as_posix()}\0".encode())
        digest.update(hashlib.sha256(_bytes(path)).digest())
    for module in (Path(__file__), *sorted(Path(geo.__file__).parent.glob("*.py"))):
        digest.update(hashlib.sha256(module.read_bytes()).digest())
    return digest.hexdigest()


def read_taxonomy(data: Path) -> list[Tag]:
    """The tags of all kinds, in the order of the file."""
    path = data / "taxonomy.json"
    taxonomy = _document(path)
    _validate(path, taxonomy, data / "schema" / "taxonomy.schema.json")
    tags = [
        Tag(kind=kind, **_known(entry, Tag))
        for kind, entries in taxonomy.items()
        for entry in entries
    ]
    _check_unique(path, [f"{tag.kind}/{tag.slug}" for tag in tags])
    groups = _slugs(tags, "service_groups")
    for tag in tags:
        _check_named(f"{path.name}, {tag.slug}", "group", {tag.group} - {""}, groups)
    return tags


def read_term_map(data: Path, taxonomy: Iterable[Tag]) -> list[TermMapping]:
    """How donors say things, checked against the taxonomy."""
    path, records = _list(data, "term_map")
    _check_unique(path, [f"{record['phrase']} ({record['language']})" for record in records])
    known = _slugs(taxonomy)
    for record in records:
        _check_named(f"{path.name}, {record['phrase']}", "tags", record["tags"], known)
    return [make_mapping(record) for record in records]


def read_resources(data: Path, taxonomy: Iterable[Tag]) -> list[Resource]:
    """The articles, reports and guides of others."""
    path, records = _list(data, "resources")
    _check_unique(path, [record["slug"] for record in records])
    _check_topics(path, records, taxonomy)
    return [make_resource(record) for record in records]


def read_guides(data: Path, taxonomy: Iterable[Tag]) -> list[Guide]:
    """The topic guides of our own."""
    path, records = _list(data, "guides")
    _check_unique(path, [record["slug"] for record in records])
    _check_topics(path, records, taxonomy)
    return [make_guide(record) for record in records]


def make_mapping(record: Record) -> TermMapping:
    """The mapping of a record without faults."""
    return TermMapping(**_known(record, TermMapping) | {"weight": float(record["weight"])})


def make_resource(record: Record) -> Resource:
    """The resource of a record without faults."""
    return Resource(**_known(record, Resource))


def make_guide(record: Record) -> Guide:
    """The guide of a record without faults."""
    facts = tuple(KeyFact(**fact) for fact in record["key_facts"])
    return Guide(**_known(record, Guide) | {"key_facts": facts})


# Each list file by the name of its schema.
_LISTS = {"term_map": "term_map", "resources": "resource", "guides": "guide"}


class _Placer:
    """Looks up coordinates, and remembers what it did not find."""

    def __init__(self, gazetteer: Gazetteer) -> None:
        self._gazetteer = gazetteer
        self.unplaced: list[str] = []

    def location(self, slug: str, place: Record) -> Location:
        location = Location(**place | {"visibility": Visibility(place["visibility"])})
        if location.visibility is Visibility.HIDDEN:
            return location
        # A location shown as a city must not be told apart within it, not even by distance.
        zip_code = location.zip if location.visibility is Visibility.PUBLIC else ""
        found = self._find(slug, location.city, location.state, zip_code)
        return Location(**place | {"visibility": location.visibility} | _degrees(found))

    def service_area(self, slug: str, area: Record) -> ServiceArea:
        city = area.get("city", "")
        found = self._find(slug, city, area["state"]) if city else None
        return ServiceArea(**area | _degrees(found))

    def _find(self, slug: str, city: str, state: str, zip_code: str = "") -> Coordinates:
        found = self._gazetteer.coordinates(city=city, state=state, zip=zip_code)
        if found is None:
            self.unplaced.append(f"{slug}: {city}, {state}")
        return found


def _degrees(found: Coordinates) -> Record:
    return {"latitude": found[0], "longitude": found[1]} if found else {}


def _nonprofit(record: Record, placer: _Placer) -> Nonprofit:
    slug = record["slug"]
    return Nonprofit(
        **_known(record, Nonprofit)
        | {
            "reach": Reach(record["reach"]),
            "basis": Basis(record["basis"]),
            "locations": tuple(placer.location(slug, place) for place in record["locations"]),
            "service_areas": tuple(
                placer.service_area(slug, area) for area in record["service_areas"]
            ),
            "sources": tuple(Source(**source) for source in record["sources"]),
        }
    )


def _known(record: Record, model: type) -> Record:
    """The parts of a record that the model has, lists as tuples."""
    names = {field.name for field in fields(model)}
    return {
        name: tuple(value) if isinstance(value, list) else value
        for name, value in record.items()
        if name in names
    }


def _listing_records(data: Path) -> Iterator[tuple[str, Record]]:
    """Every listing with the name of its file and its slug, for messages."""
    for path in sorted(data.glob("nonprofits/*.json")):
        records = _document(path)
        _validate(path, records, data / "schema" / "nonprofit.schema.json")
        for record in records:
            yield f"nonprofits/{path.name}, {record['slug']}", record


def _check_listings(records: list[tuple[str, Record]], taxonomy: list[Tag]) -> None:
    _check_unique(Path("nonprofits"), [record["slug"] for _, record in records])
    _check_unique(Path("nonprofits"), [record["ein"] for _, record in records if record["ein"]])
    slugs = {record["slug"] for _, record in records}
    known = {kind.value: _slugs(taxonomy, kind.value) for kind in TagKind}
    for where, record in records:
        for kind, tags in known.items():
            _check_named(where, kind, record[kind], tags)
        _check_named(where, "parent", {record["parent"]} - {""}, slugs - {record["slug"]})


def _check_topics(path: Path, records: list[Record], taxonomy: Iterable[Tag]) -> None:
    known = _slugs(taxonomy)
    for record in records:
        _check_named(f"{path.name}, {record['slug']}", "topics", record["topics"], known)


def _check_named(where: str, field: str, named: Iterable[str], known: Collection[str]) -> None:
    for name in named:
        if name not in known:
            raise InvalidRecord(f"{where}: {field} names {name!r}, which does not exist.")


def _check_unique(path: Path, keys: list[str]) -> None:
    twice = [key for key, n in Counter(keys).items() if n > 1]
    if twice:
        raise InvalidRecord(f"{path.name}: {twice[0]} stands twice.")


def _slugs(tags: Iterable[Tag], kind: str = "") -> set[str]:
    return {tag.slug for tag in tags if kind in ("", tag.kind)}


def _list(data: Path, name: str) -> tuple[Path, list[Record]]:
    path = data / f"{name}.json"
    records = _document(path)
    _validate(path, records, data / "schema" / f"{_LISTS[name]}.schema.json")
    return path, records


def _document(path: Path) -> Any:
    try:
        document = json.loads(_bytes(path))
        # An escaped lone surrogate is valid JSON, but no text.
        json.dumps(document, ensure_ascii=False).encode()
    except ValueError as error:
        raise InvalidRecord(f"{path.name}: {error}") from error
    return document


def _bytes(path: Path) -> bytes:
    try:
        return path.read_bytes()
    except OSError as error:
        raise InvalidRecord(f"{path.name}: {error.strerror}") from error


def _validate(path: Path, document: Any, schema: Path) -> None:
    error = next(Draft202012Validator(_document(schema)).iter_errors(document), None)
    if error is None:
        return
    steps = list(error.absolute_path)
    where = path.name
    if isinstance(document, list) and steps:
        record = document[int(steps.pop(0))]
        name = record.get("slug") or record.get("phrase") if isinstance(record, dict) else record
        where = f"{where}, {name}"
    at = "/".join(str(step) for step in steps)
    raise InvalidRecord(f"{where}: {at + ': ' if at else ''}{error.message[:300]}")
