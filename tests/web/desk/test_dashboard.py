"""The desk's home: every figure on it leads to what it counts."""

from __future__ import annotations

import fcntl
import re
from collections.abc import Iterator
from dataclasses import replace
from datetime import UTC, datetime
from pathlib import Path
from urllib.parse import unquote

import pytest
from flask import Flask

from app import create_app
from recommender import report, store
from recommender.config import ROOT, Settings
from recommender.exposure import Crowd
from recommender.index import BuildInputs, Index, build_index, publish_generation, write_generation
from recommender.models import Nonprofit, Source, Tag
from recommender.store.accounts import Role
from recommender.store.ageing import AgeingPolicy
from recommender.store.catalog import get_catalog_revision, load_nonprofits, load_tags
from recommender.store.exposures import find_last_exposure
from recommender.store.listings import get_listing
from recommender.store.revisions import save_listing
from recommender.store.workflow import assign
from recommender.web.background import Background
from recommender.web.desk import crowd, publishing
from tests.web.client import Page, PageClient
from tests.web.desk import DeskClient, sign_in

TIMEOUT_S = 30
LAWYERS = "test-border-lawyers"
TODAY = datetime.now(UTC).date()


@pytest.fixture(scope="module")
def records(catalogue: tuple[Nonprofit, ...]) -> tuple[Nonprofit, ...]:
    """The catalogue, checked this month but for two old ones and one that never was."""
    ages = {LAWYERS: "2001", "test-houston-clinic": "2002-03", "test-haitian-house": ""}
    made = []
    for record in catalogue:
        as_of = ages.get(record.slug, TODAY.isoformat()[:7])
        sources = (Source(facts="mission", source="Test register", as_of=as_of),)
        made.append(replace(record, sources=sources if as_of else ()))
    return tuple(made)


@pytest.fixture(scope="module")
def app(
    tmp_path_factory: pytest.TempPathFactory,
    records: tuple[Nonprofit, ...],
    taxonomy: tuple[Tag, ...],
    index: Index,
) -> Iterator[Flask]:
    instance: Path = tmp_path_factory.mktemp("dashboard")
    settings = Settings(instance=instance, data=ROOT / "data", secret_key="test-key " * 8)
    db = store.connect(settings.database)
    store.migrate(db)
    load_tags(db, taxonomy)
    load_nonprofits(db, records)
    revision = get_catalog_revision(db)
    built = build_index(BuildInputs(nonprofits=records, tags=taxonomy, catalog_revision=revision))
    publish_generation(settings.index, write_generation(built, settings.index))
    db.close()
    app = create_app(settings)
    app.test_client_class = PageClient
    with pytest.MonkeyPatch.context() as patch:
        few = Crowd(size=60)
        # Publishing has tests of its own.
        patch.setattr(publishing, "publish_if_due", lambda *_: None)
        patch.setattr(crowd, "CROWD", few)
        patch.setattr(report, "CROWD", few)
        yield app
        assert settle(app)


def settle(app: Flask) -> bool:
    background: Background = app.extensions["background"]
    publisher: Background = app.extensions["publisher"]
    return background.wait(TIMEOUT_S) and publisher.wait(TIMEOUT_S)


@pytest.fixture(scope="module")
def reviewer(app: Flask) -> DeskClient:
    return sign_in(app, Role.REVIEWER)


def words(page: Page) -> str:
    return " ".join(re.sub("<[^>]+>", " ", page.source).split())


# --- Home --------------------------------------------------------------------------------


def test_every_link_of_the_pictures_leads_to_as_many_listings(
    app: Flask, reviewer: DeskClient
) -> None:
    page = reviewer.page("/staff")
    tiles = re.findall(r'href="([^"]+)" aria-label="([^:"]+): (\d+)"', page.source)
    assert len(tiles) == 52
    filled = [(address, int(number)) for address, _, number in tiles if int(number)]
    assert len(filled) == 9
    for address, number in filled:
        found = reviewer.page(unquote(address.replace("&amp;", "&"))).source
        assert f"<strong>{number}</strong>" in found, address


def test_what_waits_is_counted_by_age_and_for_me(app: Flask, reviewer: DeskClient) -> None:
    editor = sign_in(app, Role.EDITOR)
    db = store.connect(app.config["WAYMARK"].database)
    seen = get_listing(db, LAWYERS)
    edited = replace(seen.nonprofit, serves="Everywhere")
    save_listing(db, edited, by=editor.account.id, expected_revision=seen.revision)
    db.execute("UPDATE revisions SET created_at = '2020-01-01T00:00:00Z' WHERE state = 'pending'")
    assign(db, LAWYERS, editor.account.id, by=editor.account.id)
    db.close()
    source = words(editor.page("/staff"))
    assert "Edits of what is shown 1" in source
    assert "Edits of what is shown 0 0 0 1" in source
    assert "1 given to you" in source
    assert "to review, not your own" not in source
    assert "1 to review, not your own" in words(reviewer.page("/staff"))
    assert "0 given to you" in words(reviewer.page("/staff"))


def test_freshness_is_by_months_since_the_last_check(reviewer: DeskClient) -> None:
    page = reviewer.page("/staff")
    assert "0–3 9 4–6 0 7–12 0 13–18 0 19–24 0 25–36 0 to 60 0 older 2" in words(page)
    assert "2 of 12" in page.source
    assert "1 were never checked" in words(page)


def test_thin_listings_and_gaps_are_told(reviewer: DeskClient) -> None:
    page = reviewer.page("/staff")
    thin = re.search(r"(\d+) of 12 public listings \((\d+)%\) say little", words(page))
    assert thin is not None
    assert round(100 * int(thin[1]) / 12) == int(thin[2]) > 0
    found = reviewer.page("/staff/listings?status=published&status=due&thin=1").source
    assert f"<strong>{thin[1]}</strong>" in found
    assert re.search(r"Youth education 51 of 52", words(page))


def test_before_the_first_publication_there_is_a_home(tmp_path: Path) -> None:
    settings = Settings(instance=tmp_path, data=ROOT / "data", secret_key="test-key " * 8)
    db = store.connect(settings.database)
    store.migrate(db)
    db.close()
    app = create_app(settings)
    app.test_client_class = PageClient
    source = sign_in(app, Role.EDITOR).page("/staff").source
    assert "There is nothing to measure before the first publication." in source
    assert "none yet" in source


# --- Exposure ----------------------------------------------------------------------------


def test_the_report_is_made_once_for_each_generation(app: Flask, reviewer: DeskClient) -> None:
    reviewer.page("/staff")
    assert settle(app)
    db = store.connect(app.config["WAYMARK"].database)
    first = find_last_exposure(db)
    assert first is not None
    assert (first.n_done, first.n_profiles) == (60, 60)
    page = words(reviewer.page("/staff"))
    assert "60 made-up donors asked the engine" in page
    assert "By yearly revenue" in page
    assert "Under $100,000 8.3%" in page
    assert reviewer.get("/staff/exposure").json == {
        "working": False,
        "words": "60 of 60 made-up donors have asked.",
        "done": 60,
        "total": 60,
    }
    assert settle(app)
    assert find_last_exposure(db) == first
    db.close()


def test_while_it_is_made_the_page_says_how_far_it_is(app: Flask, reviewer: DeskClient) -> None:
    settle(app)
    db = store.connect(app.config["WAYMARK"].database)
    db.execute("UPDATE exposures SET report = NULL, n_done = 50")
    other = (app.config["WAYMARK"].instance / ".exposure.lock").open("w")
    fcntl.flock(other, fcntl.LOCK_EX)
    try:
        page = reviewer.page("/staff")
        assert 'value="50"' in page.source
        assert 'data-progress="/staff/exposure"' in page.source
        assert reviewer.get("/staff/exposure").json["working"] is True
        assert settle(app)
        assert find_last_exposure(db) is None
    finally:
        other.close()
    reviewer.get("/staff/exposure")
    assert settle(app)
    assert find_last_exposure(db) is not None
    db.close()


# --- Coverage ----------------------------------------------------------------------------


def test_coverage_by_service(reviewer: DeskClient) -> None:
    page = reviewer.page("/staff/coverage")
    assert "/staff/listings?status=published&status=due&state=ME&service=legal-services" in [
        unquote(link) for link in page.links
    ]
    legal = reviewer.page("/staff/coverage?service=legal-services")
    assert "Coverage: Legal services" in legal.title
    assert 'aria-label="Maine: 1"' in legal.source
    assert "Alaska" in words(legal)
    assert re.search(r"Where nobody offers it .*Florida, ", words(legal))


@pytest.mark.parametrize("odd", ["x", "%00", "9" * 300, "'", "legal-services%20"])
def test_odd_services_are_all(reviewer: DeskClient, odd: str) -> None:
    assert reviewer.page(f"/staff/coverage?service={odd}").title.startswith("Coverage ·")


# --- Ageing ------------------------------------------------------------------------------


def test_ageing_says_first_what_it_would_do(app: Flask, reviewer: DeskClient) -> None:
    editor = sign_in(app, Role.EDITOR)
    page = reviewer.page("/staff/ageing")
    assert "3 listings" in page.source
    assert f"/staff/listings/{LAWYERS}" in page.links
    assert "Test Border Lawyers" in page.source
    assert "Put 3 up for a check" in page.source
    assert "<form" not in editor.page("/staff/ageing").source.split("<main")[1]
    assert editor.submit("/staff/ageing").status_code == 403
    assert reviewer.submit("/staff/ageing").location == "/staff/ageing?done=yes&due=3"
    done = reviewer.page("/staff/ageing?done=yes&due=3")
    assert "3 listings are due now, 0 became stale." in words(done)
    assert "everything was checked" in done.source
    assert f"3 of at most {AgeingPolicy().max_due}" in done.source
    assert reviewer.submit("/staff/ageing").location == "/staff/ageing?done=yes"
    assert "Listings due for a check 3" in words(reviewer.page("/staff"))


@pytest.mark.parametrize("odd", ["x", "", "-1", "9" * 400])
def test_odd_results_are_shown_as_numbers(reviewer: DeskClient, odd: str) -> None:
    assert reviewer.get(f"/staff/ageing?done={odd}&due={odd}&stale={odd}").status_code == 200
