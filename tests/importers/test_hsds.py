from __future__ import annotations

import io
import json
import zipfile
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from jsonschema import Draft202012Validator

from recommender.errors import ImportRefused
from recommender.importers import hsds
from recommender.importers.hsds import (
    SCHEMA,
    export_json,
    export_package,
    from_organization,
    read_incoming,
    to_organization,
    to_shown,
)
from recommender.importers.rows import Incoming, Origin, RowError
from recommender.models import (
    Basis,
    Location,
    Nonprofit,
    Reach,
    ServiceArea,
    Source,
    Status,
    Tag,
    Visibility,
)

ORIGIN = Origin(source="Test directory", as_of="2024-05")
FOREIGN: dict[str, Any] = {
    "id": "1",
    "name": "Test Shelter",
    "alternate_name": "TS",
    "description": "In their own words.",
    "email": "somebody@example.org",
    "website": "http://example.org",
    "phones": [{"id": "p", "number": "555"}],
    "organization_identifiers": [{"id": "i", "identifier_type": "EIN", "identifier": "00-0000001"}],
    "locations": [
        {
            "id": "l",
            "location_type": "physical",
            "latitude": 43.6,
            "longitude": -70.2,
            "addresses": [
                {
                    "id": "a",
                    "address_1": "1 Test St",
                    "city": "Portland",
                    "state_province": "Maine",
                    "postal_code": "04101-0001",
                    "country": "US",
                    "address_type": "physical",
                }
            ],
        }
    ],
    "services": [
        {
            "id": "s",
            "name": "Beds",
            "status": "active",
            "service_areas": [{"id": "x", "name": "Portland, ME"}, {"id": "y", "name": "nearby"}],
        }
    ],
}

_LINE = (
    st.text(st.characters(codec="utf-8", exclude_categories=["C", "Z"]), min_size=1, max_size=20)
    .map(lambda text: " ".join(hsds.parse_line(text).split()))
    .filter(bool)
)
_CITIES = st.sampled_from(["Portland", "San José", "Washington, Old"])
_STATES = st.sampled_from(["ME", "CA", "PR"])
_SLUGS = st.from_regex(r"[a-z]{1,6}(-[a-z]{1,6})?", fullmatch=True)
_TAGS = st.lists(_SLUGS, max_size=3, unique=True).map(tuple)


@st.composite
def _locations(draw: st.DrawFn) -> tuple[Location, ...]:
    degrees = st.one_of(st.just((None, None)), st.tuples(st.floats(-90, 90), st.floats(-180, 180)))
    made = []
    for _ in range(draw(st.integers(0, 3))):
        latitude, longitude = draw(degrees)
        made.append(
            Location(
                city=draw(_CITIES),
                state=draw(_STATES),
                zip=draw(st.sampled_from(["", "04101", "00901"])),
                visibility=draw(st.sampled_from(Visibility)),
                primary=draw(st.booleans()),
                latitude=latitude,
                longitude=longitude,
            )
        )
    return tuple(made)


_AREAS = st.lists(
    st.builds(ServiceArea, state=_STATES, city=st.one_of(st.just(""), _CITIES)),
    max_size=3,
    unique=True,
).map(tuple)

LISTINGS = st.builds(
    Nonprofit,
    slug=_SLUGS,
    name=_LINE,
    reach=st.sampled_from(Reach),
    basis=st.sampled_from(Basis),
    summary_en=_LINE,
    summary_es=_LINE,
    other_names=st.lists(_LINE, max_size=3, unique=True).map(tuple),
    parent=st.one_of(st.just(""), _SLUGS),
    ein=st.sampled_from(["", "012345678"]),
    website=st.sampled_from(["", "https://example.org", "https://example.org/a?b=c"]),
    ntee=st.sampled_from(["", "P84", "P84Z"]),
    ruling_year=st.one_of(st.none(), st.integers(1900, 2100)),
    revenue_usd=st.one_of(st.none(), st.integers(-(10**12), 10**12)),
    serves=st.one_of(st.just(""), _LINE),
    services=_TAGS,
    populations=_TAGS,
    communities=_TAGS,
    languages=_TAGS,
    locations=_locations(),
    service_areas=_AREAS,
    sources=st.lists(
        st.builds(Source, facts=_SLUGS, source=_LINE, as_of=st.just("2024-01")),
        min_size=1,
        max_size=3,
    ).map(tuple),
    status=st.just(Status.IMPORTED),
    notes=st.sampled_from(["", "secret"]),
)


def _validate(organization: dict[str, Any]) -> None:
    Draft202012Validator(json.loads(SCHEMA.read_text())).validate(organization)


def _back(path: Path) -> list[Nonprofit]:
    records = list(read_incoming(path, ORIGIN))
    assert not [record for record in records if isinstance(record, RowError)], records
    return [record.nonprofit for record in records if isinstance(record, Incoming)]


@given(LISTINGS)
def test_what_may_be_shown_comes_back_from_json(listing: Nonprofit) -> None:
    organization = to_organization(listing, {})
    _validate(organization)
    read = from_organization("1", json.loads(json.dumps(organization)), ORIGIN)
    assert isinstance(read, Incoming), read
    assert read.nonprofit == to_shown(listing)
    assert "secret" not in json.dumps(organization)


@settings(suppress_health_check=[HealthCheck.function_scoped_fixture], max_examples=40)
@given(st.lists(LISTINGS, max_size=4, unique_by=lambda listing: listing.slug))
def test_what_may_be_shown_comes_back_from_a_package(
    tmp_path: Path, listings: list[Nonprofit]
) -> None:
    path = tmp_path / "package.zip"
    path.write_bytes(export_package(listings, []))
    if listings:
        assert _back(path) == [to_shown(listing) for listing in listings]


def test_hidden_places_leave_no_trace(make_nonprofit: Callable[..., Nonprofit]) -> None:
    open_ = make_nonprofit(place="Portland, ME")
    (spot,) = open_.locations
    hidden = replace(open_, locations=(replace(spot, visibility=Visibility.HIDDEN),))
    city = replace(open_, locations=(replace(spot, visibility=Visibility.CITY),))
    assert "04101" in export_json([open_], [])
    assert "04101" not in export_json([city], [])
    assert str(spot.latitude) not in export_json([city], [])
    assert "addresses" not in export_json([hidden], [])


def test_tags_carry_their_labels(
    make_nonprofit: Callable[..., Nonprofit], taxonomy: tuple[Tag, ...]
) -> None:
    (organization,) = json.loads(export_json([make_nonprofit()], taxonomy))
    (term,) = [
        attribute["taxonomy_term"]
        for attribute in organization["services"][0]["attributes"]
        if attribute["link_type"] == "services"
    ]
    assert (term["code"], term["name"]) == ("legal-services", "Legal services")
    assert term["taxonomy"] == "waymark-services"


def test_ids_are_the_same_in_every_export(make_nonprofit: Callable[..., Nonprofit]) -> None:
    listings = [make_nonprofit()]
    assert export_package(listings, []) == export_package(listings, [])


def test_a_term_of_many_stands_once(make_nonprofit: Callable[..., Nonprofit]) -> None:
    package = export_package([make_nonprofit("Test A"), make_nonprofit("Test B")], [])
    with zipfile.ZipFile(io.BytesIO(package)) as archive:
        terms = archive.read("taxonomy_terms.csv").decode().splitlines()
        assert len(archive.read("organizations.csv").decode().splitlines()) == 3
    assert len(terms) == len(set(terms))
    assert sum("legal-services" in line for line in terms) == 1


def test_the_tables_describe_themselves(
    tmp_path: Path, make_nonprofit: Callable[..., Nonprofit]
) -> None:
    path = tmp_path / "package.zip"
    path.write_bytes(export_package([make_nonprofit(summary_en="=1+1", place="Boston, MA")], []))
    with zipfile.ZipFile(path) as archive:
        package = json.loads(archive.read("datapackage.json"))
        for resource in package["resources"]:
            header = archive.read(resource["path"]).decode().splitlines()[0]
            assert header.split(",") == [f["name"] for f in resource["schema"]["fields"]]
        assert "'=1+1" in archive.read("organizations.csv").decode()


@pytest.mark.parametrize("wrap", [lambda o: o, lambda o: [o], lambda o: {"contents": [o]}])
def test_another_publishers_words_are_material_not_a_summary(
    tmp_path: Path, wrap: Callable[[Any], Any]
) -> None:
    path = tmp_path / "a.json"
    path.write_text(json.dumps(wrap(FOREIGN)))
    (record,) = read_incoming(path, ORIGIN)
    assert isinstance(record, Incoming)
    listing = record.nonprofit
    assert record.material == "In their own words."
    assert listing.summary_en == ""
    assert (listing.ein, listing.website) == ("000000001", "https://example.org")
    assert listing.other_names == ("TS",)
    assert listing.locations == (
        Location(city="Portland", state="ME", zip="04101", visibility=Visibility.CITY),
    )
    assert listing.service_areas == (ServiceArea(city="Portland", state="ME"),)
    assert listing.sources[0].source == "Test directory"


@pytest.mark.parametrize(
    "change",
    [
        {"name": ""},
        {"name": None},
        {"id": 5},
        {"services": {}},
        {"services": [{}]},
        {"locations": [{"id": "l", "location_type": "physical", "latitude": 91, "longitude": 0}]},
        {"locations": [{"id": "l", "location_type": "physical", "latitude": 9}]},
        {"website": "ftp://example.org"},
        {"name": "\ud800"},
        {"attributes": [{}] * 501},
    ],
)
def test_a_record_that_breaks_the_profile_is_an_error(change: dict[str, Any]) -> None:
    assert isinstance(from_organization("1", FOREIGN | change, ORIGIN), RowError)


@pytest.mark.parametrize("record", [None, 5, [], "x", {}])
def test_what_is_no_record_is_an_error(record: Any) -> None:
    assert isinstance(from_organization("1", record, ORIGIN), RowError)


@pytest.mark.parametrize(
    "content",
    [b"", b"{", b"5", b"[" * 100_000, b'[{"a": NaN}]', b"\xff\xfe\x00", b'{"contents":5}'],
)
def test_what_is_no_document_is_refused(tmp_path: Path, content: bytes) -> None:
    path = tmp_path / "a.json"
    path.write_bytes(content)
    with pytest.raises(ImportRefused):
        list(read_incoming(path, ORIGIN))


def test_a_bottomless_document_is_refused_in_plain_words(tmp_path: Path) -> None:
    path = tmp_path / "a.json"
    path.write_bytes(b"[" * 100_000)
    with pytest.raises(ImportRefused, match=r"^a\.json is nested too deeply\.$"):
        list(read_incoming(path, ORIGIN))


@pytest.mark.parametrize(
    "members",
    [
        {"readme.txt": "x"},
        {"organizations.csv": "id,name\n1\n"},
        {"organizations.csv": ""},
    ],
)
def test_a_package_that_is_none_is_refused(tmp_path: Path, members: dict[str, str]) -> None:
    path = tmp_path / "a.zip"
    with zipfile.ZipFile(path, "w") as archive:
        for name, text in members.items():
            archive.writestr(name, text)
    with pytest.raises(ImportRefused):
        list(read_incoming(path, ORIGIN))
