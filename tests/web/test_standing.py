"""Listings that are in no answer any more: what stands at their addresses."""

from __future__ import annotations

import re
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest
from flask import Flask
from werkzeug.test import TestResponse

from app import create_app
from recommender import store
from recommender.config import Settings
from recommender.models import Location, Nonprofit, Status, Tag, Visibility
from recommender.store.accounts import Role, create_account
from recommender.store.catalog import set_status
from recommender.store.inbox import InboxQuery, search_inbox
from recommender.store.listings import get_listing
from recommender.store.workflow import merge_listing
from tests.web.client import PageClient
from tests.web.small_site import copy_site, make_site, publish

HOUSE, LAWYERS, MAINE = "test-haitian-house", "test-border-lawyers", "test-maine-asylum-project"
PLACES = ("", "/suggest-fix", "/claim", "/remove")
QUIET = "test-quiet-house"


@pytest.fixture(scope="module")
def site(
    tmp_path_factory: pytest.TempPathFactory,
    catalogue: tuple[Nonprofit, ...],
    taxonomy: tuple[Tag, ...],
    make_nonprofit: Callable[..., Nonprofit],
) -> Settings:
    """The test catalogue and a listing with an office of which little may be shown."""
    city, hidden = Visibility.CITY, Visibility.HIDDEN
    lewiston = Location(city="Lewiston", state="ME", zip="04240", visibility=city)
    bangor = Location(city="Bangor", state="ME", zip="04401", visibility=hidden, primary=False)
    quiet = make_nonprofit(
        QUIET.replace("-", " ").title(),
        notes="Only staff know this.",
        locations=(lewiston, bangor),
    )
    return make_site(tmp_path_factory.mktemp("site"), (*catalogue, quiet), taxonomy)


@pytest.fixture
def app(tmp_path: Path, site: Settings) -> Flask:
    return copy_site(site, tmp_path)


@pytest.fixture
def db(app: Flask) -> Iterator[store.Database]:
    db = store.connect(app.config["WAYMARK"].database)
    yield db
    db.close()


def merge(db: store.Database, slug: str, into: str) -> None:
    role = Role.REVIEWER
    by = create_account(db, f"{slug}@example.org", role).id
    seen = get_listing(db, slug).revision
    merge_listing(db, slug, into, by=by, expected_revision=seen, reason="The same.")


def answers(client: PageClient, slug: str) -> list[bool]:
    """Whether a listing is in each kind of answer: matches, directory, similar, site map."""
    body = {"text": "free legal help asylum classes refugees", "n": 50, "scope": "anywhere"}
    return [
        slug in text
        for text in (
            client.post("/api/v1/matches", json=body).text,
            client.get("/api/v1/nonprofits?per_page=100").text,
            client.get("/directory").text,
            client.get("/api/v1/nonprofits/test-ayuda-san-juan/similar?n=20").text,
            client.get("/sitemap.xml").text,
        )
    ]


# --- Stale -------------------------------------------------------------------------------


@pytest.mark.parametrize("is_rebuilt", [False, True])
def test_a_stale_listing_keeps_a_page_with_a_notice_and_is_in_no_answer(
    app: Flask, client: PageClient, db: store.Database, is_rebuilt: bool
) -> None:
    assert answers(client, MAINE) == [True] * 5
    set_status(db, MAINE, Status.STALE)
    if is_rebuilt:
        publish(app.config["WAYMARK"])
    assert answers(client, MAINE) == [False] * 5
    page = client.get(f"/nonprofits/{MAINE}")
    assert page.status_code == 200
    assert "Not checked for a long time" in page.text
    assert 'content="noindex"' in page.text
    assert "application/ld+json" not in page.text
    assert 'id="similar"' not in page.text
    spanish = client.get(f"/es/nonprofits/{MAINE}").text
    assert "Sin revisar desde hace mucho tiempo" in spanish
    for place in PLACES:
        assert client.get(f"/nonprofits/{MAINE}{place}").status_code == 200
    assert client.get(f"/api/v1/nonprofits/{MAINE}").get_json()["status"] == "stale"
    assert client.get(f"/api/v1/nonprofits/{MAINE}/similar").status_code == 404
    set_status(db, MAINE, Status.PUBLISHED)
    publish(app.config["WAYMARK"])
    assert answers(client, MAINE) == [True] * 5
    assert "Not checked for a long time" not in client.get(f"/nonprofits/{MAINE}").text


def test_a_stale_page_shows_no_more_than_a_published_one(
    client: PageClient, db: store.Database
) -> None:
    before = client.get(f"/nonprofits/{QUIET}").text
    set_status(db, QUIET, Status.STALE)
    after = client.get(f"/nonprofits/{QUIET}").text
    for text in (before, after):
        assert "Lewiston, ME" in text
        for secret in ("04240", "Bangor", "04401", "Only staff know this"):
            assert secret not in text, secret


def test_a_listing_that_is_due_is_as_before(
    app: Flask, client: PageClient, db: store.Database
) -> None:
    set_status(db, MAINE, Status.DUE)
    publish(app.config["WAYMARK"])
    assert answers(client, MAINE) == [True] * 5
    assert "Not checked for a long time" not in client.get(f"/nonprofits/{MAINE}").text


@pytest.mark.parametrize("after", [Status.DRAFT, Status.IN_REVIEW])
def test_work_on_what_was_taken_down_does_not_bring_it_back(
    app: Flask, client: PageClient, db: store.Database, after: Status
) -> None:
    """An older index still holds it; a worker that starts now has seen no withdrawal."""
    set_status(db, MAINE, Status.WITHDRAWN)
    set_status(db, MAINE, after)
    fresh = create_app(app.config["WAYMARK"])
    fresh.test_client_class = PageClient
    for visitor in (client, fresh.test_client()):
        assert answers(visitor, MAINE) == [False] * 5
        assert visitor.get(f"/nonprofits/{MAINE}").status_code == 404


@pytest.mark.parametrize("status", [Status.WITHDRAWN, Status.DO_NOT_LIST, Status.ARCHIVED])
def test_what_was_taken_down_says_so(
    app: Flask, client: PageClient, db: store.Database, status: Status
) -> None:
    set_status(db, MAINE, status)
    for _ in range(2):
        for place in PLACES:
            for prefix in ("", "/es"):
                assert client.get(f"{prefix}/nonprofits/{MAINE}{place}").status_code == 410
        assert client.get(f"/api/v1/nonprofits/{MAINE}").status_code == 404
        publish(app.config["WAYMARK"])


# --- Merged ------------------------------------------------------------------------------


def leads(response: TestResponse) -> tuple[int, str]:
    return response.status_code, response.headers.get("Location", "")


@pytest.mark.parametrize("is_rebuilt", [False, True])
def test_the_addresses_of_a_merged_listing_lead_to_the_other(
    app: Flask, client: PageClient, db: store.Database, is_rebuilt: bool
) -> None:
    merge(db, LAWYERS, HOUSE)
    if is_rebuilt:
        publish(app.config["WAYMARK"])
    assert answers(client, LAWYERS) == [False] * 5
    for base in ("/nonprofits/{}", "/es/nonprofits/{}"):
        for place in PLACES:
            sent = client.get(base.format(LAWYERS) + place)
            assert leads(sent) == (301, base.format(HOUSE) + place)
            # A merge can be undone, so nobody keeps the redirect.
            assert sent.headers["Cache-Control"] == "no-store"
            assert client.get(sent.headers["Location"]).status_code == 200
    for place in ("", "/similar?n=3"):
        path = f"/api/v1/nonprofits/{LAWYERS}{place}"
        assert leads(client.get(path)) == (301, f"/api/v1/nonprofits/{HOUSE}{place}")
        assert client.get(path).headers["Access-Control-Allow-Origin"] == "*"
    assert client.get(f"/api/v1/nonprofits/{LAWYERS}", follow_redirects=True).status_code == 200


@pytest.mark.parametrize(
    "query", ["a=1&a=2", "endpoint=x", "_anchor=x", "_scheme=javascript", "_external=1", "slug=x"]
)
def test_a_query_comes_along_and_leads_nowhere_else(
    client: PageClient, db: store.Database, query: str
) -> None:
    merge(db, LAWYERS, HOUSE)
    sent = client.get(f"/nonprofits/{LAWYERS}?{query}")
    assert leads(sent) == (301, f"/nonprofits/{HOUSE}?{query}")


def test_a_message_about_a_listing_that_was_merged_meanwhile_arrives(
    client: PageClient, db: store.Database
) -> None:
    merge(db, LAWYERS, HOUSE)
    path, data = f"/nonprofits/{LAWYERS}/suggest-fix", {"message": "They have moved."}
    headers = {"Sec-Fetch-Site": "same-origin"}
    sent = client.post(path, data=data, headers=headers)
    assert leads(sent) == (308, f"/nonprofits/{HOUSE}/suggest-fix")
    assert client.post(path, data=data, headers=headers, follow_redirects=True).status_code == 200
    (item,) = search_inbox(db, InboxQuery()).items
    assert (item.submission.slug, item.submission.message) == (HOUSE, "They have moved.")


def test_merges_lead_on_to_the_last_and_end_where_nothing_is_shown(
    client: PageClient, db: store.Database
) -> None:
    merge(db, LAWYERS, HOUSE)
    merge(db, HOUSE, MAINE)
    assert leads(client.get(f"/nonprofits/{LAWYERS}")) == (301, f"/nonprofits/{MAINE}")
    set_status(db, MAINE, Status.STALE)
    assert leads(client.get(f"/nonprofits/{LAWYERS}")) == (301, f"/nonprofits/{MAINE}")
    set_status(db, MAINE, Status.WITHDRAWN)
    assert client.get(f"/nonprofits/{LAWYERS}").status_code == 410
    assert client.get(f"/api/v1/nonprofits/{LAWYERS}").status_code == 404


def test_the_profile_of_a_namesake_leads_nowhere(client: PageClient, db: store.Database) -> None:
    merge(db, LAWYERS, HOUSE)
    for slug in (LAWYERS.upper(), f"{LAWYERS}-2", f"{LAWYERS}%00"):
        assert client.get(f"/nonprofits/{slug}").status_code == 404
    assert not re.search(LAWYERS, client.get(f"/nonprofits/{HOUSE}").text)


def test_a_merge_that_is_undone_has_a_page_again(
    app: Flask, client: PageClient, db: store.Database
) -> None:
    merge(db, LAWYERS, HOUSE)
    set_status(db, LAWYERS, Status.PUBLISHED)
    publish(app.config["WAYMARK"])
    assert get_listing(db, LAWYERS).merged_into == ""
    assert client.get(f"/nonprofits/{LAWYERS}").status_code == 200
