"""What may be shown of an office: everywhere at once, on whatever the site has to show."""

from __future__ import annotations

import io
import re
import zipfile
from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest
from flask import Flask
from werkzeug.routing import Rule
from werkzeug.test import TestResponse

from recommender import store
from recommender.index import load_current
from recommender.models import (
    Language,
    Location,
    Nonprofit,
    Place,
    PlaceKind,
    ServiceArea,
    Submission,
    SubmissionKind,
    Tag,
    Visibility,
)
from recommender.store.accounts import Role
from recommender.store.catalog import list_nonprofits, load_nonprofits
from recommender.store.inbox import InboxItem, SubmissionStatus
from recommender.store.listings import get_listing
from recommender.web.auth import Open, access_of
from recommender.web.desk.nominations import draft_of
from recommender.web.headers import RouteKind, kind_of
from tests.conftest import CITIES
from tests.web.client import PageClient
from tests.web.desk import sign_in
from tests.web.desk.test_listings import NEW, QUILLS, done, form_of
from tests.web.small_site import copy_site, make_site

SHOWN, CITY, HIDDEN = "test-shown-house", "test-city-house", "test-hidden-house"
# What only a location shown in full may tell; the state of the hidden one has no other listing.
SHOWN_ZIP, CITY_ZIP = "04198", "04199"
SECRETS = (CITY_ZIP, "Quietwater", "Wyoming", "82099", "41.1234", "104.5678")
_, LATITUDE, LONGITUDE = CITIES["Portland, ME"]


def _house(make_nonprofit: Any, slug: str, spot: Location) -> Nonprofit:
    name = slug.replace("-", " ").title()
    # It helps people in Maine, wherever its office is.
    areas = (ServiceArea(state="ME", city="Portland", latitude=LATITUDE, longitude=LONGITUDE),)
    listing: Nonprofit = make_nonprofit(name, slug=slug, locations=(spot,), service_areas=areas)
    return listing


@pytest.fixture(scope="module")
def app(
    tmp_path_factory: pytest.TempPathFactory,
    catalogue: tuple[Nonprofit, ...],
    taxonomy: tuple[Tag, ...],
    make_nonprofit: Any,
) -> Flask:
    """A site with one house of each visibility."""
    portland = {"city": "Portland", "state": "ME", "latitude": LATITUDE, "longitude": LONGITUDE}
    spots = {
        SHOWN: Location(**portland, zip=SHOWN_ZIP),
        CITY: Location(**portland, zip=CITY_ZIP, visibility=Visibility.CITY),
        HIDDEN: Location(
            city="Quietwater",
            state="WY",
            zip="82099",
            latitude=41.1234,
            longitude=-104.5678,
            visibility=Visibility.HIDDEN,
        ),
    }
    houses = [_house(make_nonprofit, slug, spot) for slug, spot in spots.items()]
    records = sorted((*catalogue, *houses), key=lambda item: item.slug)
    site = make_site(tmp_path_factory.mktemp("site"), records, taxonomy)
    return copy_site(site, tmp_path_factory.mktemp("copy"))


@pytest.fixture(scope="module")
def donor(app: Flask) -> PageClient:
    client = app.test_client()
    assert isinstance(client, PageClient)
    return client


# --- Everything there is -----------------------------------------------------------------


def addresses(app: Flask, *, staff: bool) -> Iterator[str]:
    """Every address that can be made of a route that is read, and of what this site has."""
    for rule in app.url_map.iter_rules():
        is_desk = kind_of(rule.endpoint) is RouteKind.STAFF
        if "GET" not in (rule.methods or ()) or is_desk is not staff:
            continue
        if is_desk and access_of(app, rule.endpoint) is Open.TO_ALL:
            continue
        yield from filled(rule)


def filled(rule: Rule) -> Iterator[str]:
    if not rule.arguments:
        yield rule.rule
    elif rule.arguments == {"slug"}:
        for slug in (SHOWN, CITY, HIDDEN):
            yield rule.rule.replace("<slug>", slug)
    elif rule.arguments == {"kind", "slug"}:
        for slug in (SHOWN, CITY, HIDDEN):
            built = rule.build({"kind": "nonprofits", "slug": slug})
            yield built[1] if built else ""


QUERIES = ("q=house", "q=04199", "q=Quietwater", "state=ME", "state=WY", "states=WY", "sort=name")


def answers(donor: PageClient) -> Iterator[tuple[str, TestResponse]]:
    """All that a visitor can be answered."""
    for path in addresses(donor.application, staff=False):
        yield path, donor.get(path)
    for path in ("/directory", "/es/directory", "/api/v1/nonprofits"):
        for query in QUERIES:
            yield f"{path}?{query}", donor.get(f"{path}?{query}")
    both = "&".join(f"slugs={slug}" for slug in (SHOWN, CITY, HIDDEN))
    yield "compare", donor.get(f"/compare?{both}")
    for prefix in ("", "/es"):
        asked = {"text": "legal help for asylum seekers", "place": "Portland, ME"}
        yield (
            f"{prefix}/match",
            donor.post(f"{prefix}/match", data=asked, headers=_OWN, follow_redirects=True),
        )
        for words in ("house", "04199", "Quietwater"):
            searched = {"q": words, "place": "Portland, ME", "radius_km": "80"}
            yield (
                f"{prefix} search",
                donor.post(
                    f"{prefix}/directory", data=searched, headers=_OWN, follow_redirects=True
                ),
            )
    body = {"text": "legal help asylum house", "n": 50, "scope": "anywhere"}
    yield "API match", donor.post("/api/v1/matches", json=body)
    for slug in (SHOWN, CITY, HIDDEN):
        page = f"http://localhost/nonprofits/{slug}"
        yield f"oEmbed of {slug}", donor.get("/oembed", query_string={"url": page})


_OWN = {"Sec-Fetch-Site": "same-origin"}


def text_of(response: TestResponse) -> str:
    """What an answer says, unpacked where it is a package."""
    if response.mimetype == "application/zip":
        with zipfile.ZipFile(io.BytesIO(response.data)) as package:
            return "\n".join(package.read(name).decode() for name in package.namelist())
    return response.data.decode("utf-8", "replace")


def secrets_in(source: str, path: str) -> list[str]:
    """What must not be told; an answer may repeat the words of its own question."""
    # Every state can be asked about, on forms and in the contract of the API.
    told = [secret for secret in SECRETS if secret in source and secret not in path]
    if "Wyoming" in told and not re.search(r"Test (?:City|Hidden) House.{0,200}Wyoming", source):
        told.remove("Wyoming")
    return told


def test_no_answer_tells_what_is_not_shown(donor: PageClient) -> None:
    told: list[tuple[str, list[str]]] = []
    with_house: set[str] = set()
    for path, response in answers(donor):
        source = text_of(response)
        if response.status_code == 200 and "Test City House" in source:
            with_house.add(path)
        # What was searched for stands in the field of the search.
        asked = path if "search" not in path else "04199 Quietwater"
        if found := secrets_in(source, asked):
            told.append((path, found))
    assert told == []
    # The control: the listings themselves are there, in more than thirty answers.
    assert len(with_house) > 30, sorted(with_house)
    assert {f"/nonprofits/{CITY}", f"/es/nonprofits/{CITY}", "compare", "/match"} <= with_house


def test_what_is_shown_in_full_is_told(donor: PageClient) -> None:
    assert SHOWN_ZIP in donor.page(f"/nonprofits/{SHOWN}").source
    assert SHOWN_ZIP in donor.page(f"/es/nonprofits/{SHOWN}").source
    place = donor.get(f"/api/v1/nonprofits/{SHOWN}").json["locations"][0]
    assert (place["zip"], place["latitude"]) == (SHOWN_ZIP, LATITUDE)
    assert SHOWN_ZIP in text_of(donor.get("/api/v1/hsds/package"))


def test_a_city_alone_is_named_without_a_point(donor: PageClient) -> None:
    page = donor.page(f"/nonprofits/{CITY}").source
    assert "Portland, ME" in page
    assert "The city only, to protect the people it serves." in page
    (place,) = donor.get(f"/api/v1/nonprofits/{CITY}").json["locations"]
    assert (place["city"], place["zip"], place["latitude"]) == ("Portland", None, None)


def test_a_hidden_office_is_no_place_at_all(donor: PageClient) -> None:
    page = donor.page(f"/nonprofits/{HIDDEN}").source
    assert "map-small" not in page
    read = donor.get(f"/api/v1/nonprofits/{HIDDEN}").json
    assert (read["locations"], read["city"], read["state"]) == ([], None, None)
    found = donor.get("/api/v1/nonprofits?states=WY").json
    assert found["total"] == 0
    near = donor.post(
        "/api/v1/matches", json={"text": "legal help", "place": "Middletown WY, WY", "n": 50}
    ).json
    here = [match for match in near["matches"] if match["slug"] == HIDDEN]
    assert not [match for match in here if match["nearness"] not in ("elsewhere", None)]


def test_the_index_holds_nothing_of_it(app: Flask) -> None:
    root: Path = app.config["WAYMARK"].index
    generation = root / (root / "current").read_text().strip()
    for path in generation.iterdir():
        content = path.read_bytes()
        assert not [
            secret for secret in (CITY_ZIP, "uietwater", "82099") if secret.encode() in content
        ]
    index = load_current(root)
    assert index.row_of[HIDDEN] not in index.places.office_rows
    assert not len(index.rows_with("states:WY"))


def test_no_export_of_the_desk_tells_it(app: Flask) -> None:
    client = sign_in(app, Role.EDITOR)
    exports = [path for path in addresses(app, staff=True) if path.endswith((".csv", ".zip"))]
    assert len(exports) >= 2
    for path in exports:
        source = text_of(client.get(path))
        assert "Test City House" in source, path
        assert SHOWN_ZIP in source, path
        assert secrets_in(source, "") == [], path


# --- However an office comes to be -------------------------------------------------------


def only_office(app: Flask, slug: str) -> Location:
    db = store.connect(app.config["WAYMARK"].database)
    try:
        (spot,) = get_listing(db, slug).nonprofit.locations
        return spot
    finally:
        db.close()


@pytest.mark.parametrize("zip_code", ["04101", ""])
def test_an_office_that_becomes_a_city_only_goes_to_the_middle_of_its_city(
    tmp_path: Path, app: Flask, zip_code: str
) -> None:
    """A draft is made with a ZIP code of another town, so that its point is told apart."""
    copied = copy_site(app.config["WAYMARK"], tmp_path)
    client = sign_in(copied, Role.EDITOR)
    exact = {"place_city": ["Lewiston"], "place_zip": [zip_code or "04101"], "place_state": ["ME"]}
    made = NEW | exact | {"place_visibility": ["public"]}
    assert done(client.submit("/staff/listings/new", **made)) == "created"
    portland, lewiston = CITIES["Portland, ME"][1], CITIES["Lewiston, ME"][1]
    assert only_office(copied, QUILLS).latitude == pytest.approx(portland, abs=1e-3)
    form = form_of(copied, QUILLS, place_visibility=["city"], place_zip=[zip_code])
    assert done(client.submit(f"/staff/listings/{QUILLS}/edit", **form)) == "saved"
    assert only_office(copied, QUILLS).latitude == pytest.approx(lewiston, abs=1e-3)
    hidden = form_of(copied, QUILLS, place_visibility=["hidden"])
    assert done(client.submit(f"/staff/listings/{QUILLS}/edit", **hidden)) == "saved"
    assert only_office(copied, QUILLS).latitude is None


class Streets:
    """A gazetteer that knows where a ZIP code is, and where the middle of its city."""

    def resolve(self, _: str) -> Place:
        return Place(
            label="Portland, ME",
            kind=PlaceKind.ZIP,
            state="ME",
            latitude=43.7001,
            longitude=-70.3001,
            zip="04103",
        )

    def coordinates(self, **address: str) -> tuple[float, float]:
        exact = bool(address.get("zip"))
        return (43.7001, -70.3001) if exact else (LATITUDE, LONGITUDE)


def test_a_nominated_office_stands_in_the_middle_of_its_city(app: Flask) -> None:
    sent = Submission(
        kind=SubmissionKind.NOMINATION,
        language=Language.EN,
        message="Please list it.",
        name="Test Nominated House",
        place="04103",
    )
    item = InboxItem(
        id=1, submission=sent, created_at="2026-01-01T00:00:00Z", status=SubmissionStatus.NEW
    )
    db = store.connect(app.config["WAYMARK"].database)
    (spot,) = draft_of(db, item, Streets()).locations
    db.close()
    assert spot.visibility is Visibility.CITY
    assert (spot.latitude, spot.longitude) == (LATITUDE, LONGITUDE)


def test_a_place_that_is_hidden_is_gone_from_every_answer_before_the_next_publication(
    app: Flask, tmp_path: Path
) -> None:
    site = copy_site(app.config["WAYMARK"], tmp_path)
    path = "/api/v1/nonprofits?q=shown+house"
    assert SHOWN in site.test_client().get(path).text
    db = store.connect(site.config["WAYMARK"].database)
    listing = get_listing(db, SHOWN).nonprofit
    (spot,) = listing.locations
    for visibility, is_listed in ((Visibility.CITY, False), (Visibility.PUBLIC, True)):
        changed = replace(listing, locations=(replace(spot, visibility=visibility),))
        others = [item for item in list_nonprofits(db) if item.slug != SHOWN]
        load_nonprofits(db, [*others, changed])
        assert (SHOWN in site.test_client().get(path).text) == is_listed
    db.close()
