from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
from sqlite_utils import Database

from recommender.errors import InvalidRecord
from recommender.geo import build_gazetteer
from recommender.importers.directory import Directory, compute_digest, read_directory
from recommender.models import Location, Nonprofit, ServiceArea, Visibility
from recommender.store.catalog import list_nonprofits, list_resources, load_catalog
from tests.data_folder import COMMITTED, COORDINATES, FakeGazetteer, edit, make_location, write_data

Change = Callable[[Any], None]


@pytest.fixture
def data(tmp_path: Path) -> Path:
    return write_data(tmp_path / "data")


def _read(data: Path) -> Directory:
    return read_directory(data, FakeGazetteer())


def _first(directory: Directory) -> Nonprofit:
    return directory.contents.nonprofits[0]


def _set(**changes: Any) -> Change:
    return lambda records: records[0].update(changes)


def test_a_record_becomes_a_listing(data: Path) -> None:
    directory = _read(data)
    first = _first(directory)
    assert directory.unplaced == ()
    assert [n.slug for n in directory.contents.nonprofits] == [
        "test-legal-help",
        "test-other",
        "test-child",
    ]
    assert first.locations == (
        Location(city="Testville", state="ME", zip="01234", latitude=44.01, longitude=-70.02),
    )
    assert first.service_areas == (
        ServiceArea(state="ME", city="Near Testville", latitude=44.1, longitude=-70.1),
        ServiceArea(state="NH"),
    )
    assert first.other_names == ("TLH",)
    assert first.languages == ("spanish",)


def test_all_kinds_of_content_are_read(data: Path) -> None:
    contents = _read(data).contents
    kinds = ["service_groups", "services", "populations", "communities"]
    assert list(dict.fromkeys(tag.kind for tag in contents.tags)) == [
        *kinds,
        "reach",
        "topics",
        "languages",
    ]
    assert [term.phrase for term in contents.term_map] == ["papers"]
    assert [resource.slug for resource in contents.resources] == ["test-piece"]
    assert contents.guides[0].key_facts[0].source_url.startswith("https://")


def test_a_city_only_location_lies_at_its_city_and_a_hidden_one_nowhere(data: Path) -> None:
    edit(data, "nonprofits/me", _set(locations=[make_location(visibility="city")]))
    location = _first(_read(data)).locations[0]
    assert (location.latitude, location.longitude) == COORDINATES["Testville"]
    edit(data, "nonprofits/me", _set(locations=[make_location(visibility="hidden")]))
    location = _first(_read(data)).locations[0]
    assert location.visibility is Visibility.HIDDEN
    assert location.latitude is None


def test_places_that_are_not_found_are_reported(data: Path) -> None:
    edit(data, "nonprofits/me", _set(locations=[make_location(city="Nowhere", zip="99999")]))
    directory = _read(data)
    assert directory.unplaced == ("test-legal-help: Nowhere, ME",)
    assert _first(directory).locations[0].latitude is None


WRONG = [
    ("nonprofits/me", _set(ein="12345678"), r"me.json, test-legal-help: ein: .*12345678"),
    ("nonprofits/me", _set(website="http://a.org"), "me.json, test-legal-help: website"),
    ("nonprofits/me", _set(website="javascript:alert(1)"), "test-legal-help: website"),
    ("nonprofits/me", _set(reach="galactic"), "reach: 'galactic' is not one of"),
    ("nonprofits/me", _set(surprise=1), "test-legal-help: .*'surprise' was unexpected"),
    ("nonprofits/me", _set(locations=[make_location(zip=1234)]), "locations/0/zip: 1234"),
    ("nonprofits/me", _set(summary_en="\ud800"), "me.json: .*surrogates"),
    ("nonprofits/me", _set(services=["juggling"]), "test-legal-help: services names 'juggling'"),
    ("nonprofits/me", _set(languages=["Spanish"]), "test-legal-help: languages"),
    ("nonprofits/me", _set(communities=["refugees"]), "communities names 'refugees'"),
    ("nonprofits/me", _set(parent="nobody"), "test-legal-help: parent names 'nobody'"),
    ("nonprofits/me", _set(parent="test-legal-help"), "parent names 'test-legal-help'"),
    ("nonprofits/me", _set(slug="test-child"), "test-child stands twice"),
    ("nonprofits/me", _set(ein="012345678"), "012345678 stands twice"),
    ("nonprofits/me", lambda records: records.insert(0, "text"), "me.json, text: .*not of type"),
    ("nonprofits/me", lambda records: records[1].pop("name"), "test-other: 'name' is a required"),
    ("term_map", _set(tags=["juggling"]), "term_map.json, papers: tags names 'juggling'"),
    ("term_map", _set(weight=7), "term_map.json, papers: weight: 7"),
    ("term_map", lambda records: records.append(records[0]), r"papers \(en\) stands twice"),
    ("resources", _set(topics=["juggling"]), "resources.json, test-piece: topics"),
    ("resources", _set(url="ftp://example.org"), "resources.json, test-piece: url"),
    ("resources", lambda records: records.append(records[0]), "test-piece stands twice"),
    ("guides", _set(topics=["juggling"]), "guides.json, test-guide: topics"),
    ("guides", _set(key_facts="none"), "guides.json, test-guide: key_facts"),
    ("taxonomy", lambda t: t["services"][0].update(group="x"), "legal-services: group names 'x'"),
    ("taxonomy", lambda t: t.pop("services"), "taxonomy.json: 'services' is a required"),
    ("taxonomy", lambda t: t["services"].append(t["services"][0]), "stands twice"),
]


@pytest.mark.parametrize(("name", "change", "message"), WRONG)
def test_what_is_wrong_is_said(data: Path, name: str, change: Change, message: str) -> None:
    edit(data, name, change)
    with pytest.raises(InvalidRecord, match=message):
        _read(data)


def test_broken_json_is_said(data: Path) -> None:
    (data / "nonprofits" / "me.json").write_text("[{]", encoding="utf-8")
    with pytest.raises(InvalidRecord, match=r"me\.json: Expecting"):
        _read(data)


@pytest.mark.parametrize("name", ["taxonomy", "term_map", "resources", "guides", "places"])
def test_a_missing_file_is_said(data: Path, name: str) -> None:
    (data / f"{name}.json").unlink()
    with pytest.raises(InvalidRecord, match=rf"{name}\.json: No such file"):
        _read(data)


def test_the_digest_follows_every_file(data: Path) -> None:
    digests = [compute_digest(data)]
    assert compute_digest(data) == digests[0]
    for path in sorted(data.rglob("*.json")):
        path.write_bytes(path.read_bytes() + b"\n")
        digests.append(compute_digest(data))
    (data / "nonprofits" / "zz.json").write_text("[]", encoding="utf-8")
    digests.append(compute_digest(data))
    (data / "nonprofits" / "zz.json").rename(data / "nonprofits" / "yy.json")
    digests.append(compute_digest(data))
    assert len(set(digests)) == len(digests)


def test_the_committed_directory_loads_whole(db: Database) -> None:
    directory = read_directory(COMMITTED, build_gazetteer(COMMITTED / "places.json"))
    load_catalog(db, directory.contents)
    assert len(list_nonprofits(db)) == len(directory.contents.nonprofits) > 1000
    assert len(list_resources(db)) == len(directory.contents.resources)
    assert directory.unplaced == ()
