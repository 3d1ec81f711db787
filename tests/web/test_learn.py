from __future__ import annotations

import re
import shutil
from dataclasses import replace
from datetime import datetime
from pathlib import Path
from xml.etree import ElementTree

import pytest
from flask import Flask

from app import create_app
from recommender import store
from recommender.geo import Gazetteer
from recommender.models import Guide, Resource, Status
from recommender.store.catalog import list_guides, list_resources, set_status
from recommender.web.learn import (
    PAGE_SIZE,
    guides_about,
    is_about,
    newest_first,
    own_place,
    related,
)
from tests.web.client import PageClient

SEED = "/learn/sanctuary-cities-hold-their-ground"
GUIDE = "/topics/asylum-and-the-border"
ATOM = "{http://www.w3.org/2005/Atom}"


@pytest.fixture
def client(directory_app: Flask) -> PageClient:
    client = directory_app.test_client()
    assert isinstance(client, PageClient)
    return client


@pytest.fixture(scope="module")
def library(directory_app: Flask) -> tuple[list[Resource], list[Guide]]:
    db = store.connect(directory_app.config["WAYMARK"].database)
    found = (list_resources(db), list_guides(db))
    db.close()
    return found


def _piece(slug: str, **changes: object) -> Resource:
    fields = {
        "slug": slug,
        "title": slug,
        "url": "https://example.org/piece",
        "publisher": "Test Press",
        "kind": "article",
        "take_en": ("One.", "Two?", "Three."),
        "take_es": ("Uno.", "¿Dos?", "Tres."),
        "body_en": "Body.",
        "body_es": "Cuerpo.",
    }
    return Resource(**fields | changes)  # type: ignore[arg-type]


def _shown(page: str) -> list[str]:
    """The slugs of the listings of a page, in order."""
    return re.findall(r'card-name"><a href="(?:/es)?/nonprofits/([^"/]+)"', page)


# --- Lists -------------------------------------------------------------------------------


@pytest.mark.parametrize("path", ["/learn", "/learn?topic=refugees", "/topics", SEED, GUIDE])
def test_each_page_is_in_order_in_both_languages(client: PageClient, path: str) -> None:
    english, spanish = client.page(path), client.page("/es" + path)
    assert "/es" + path.partition("?")[0] in {link.partition("?")[0] for link in english.links}
    assert path in spanish.links


def test_every_resource_is_listed_once_and_the_newest_first(
    client: PageClient, library: tuple[list[Resource], list[Guide]]
) -> None:
    resources, _ = library
    found: list[str] = []
    for number in range(1, len(resources) // PAGE_SIZE + 2):
        main = client.get(f"/learn?page={number}").text
        found += re.findall(r'<h[23][^>]*><a href="/learn/([^"/?]+)"', main)
    assert found == [resource.slug for resource in newest_first(resources)]
    assert client.get(f"/learn?page={len(resources)}").status_code == 404


def test_undated_pieces_follow_the_dated_in_their_own_order() -> None:
    pieces = [
        _piece("undated"),
        _piece("year", published="2024"),
        _piece("later", published="2024-05"),
        _piece("undated-too"),
        _piece("newest", published="2025-01-02"),
    ]
    slugs = [piece.slug for piece in newest_first(pieces)]
    assert slugs == ["newest", "later", "year", "undated", "undated-too"]


def test_narrowing_keeps_only_what_was_chosen(
    client: PageClient, library: tuple[list[Resource], list[Guide]]
) -> None:
    expected = {r.slug for r in library[0] if "workers" in r.topics and r.kind == "story"}
    page = client.get("/learn?topic=workers&kind=story").text
    assert set(re.findall(r'<h3><a href="/learn/([^"/]+)"', page)) == expected
    assert expected
    assert '<option value="workers" selected>' in page


def test_nothing_of_both_says_so(
    client: PageClient, library: tuple[list[Resource], list[Guide]]
) -> None:
    both = {(topic, r.kind) for r in library[0] for topic in r.topics}
    topic = next(t for t in sorted({t for t, _ in both}) if (t, "data") not in both)
    assert "Nothing of this kind yet" in client.get(f"/learn?topic={topic}&kind=data").text


@pytest.mark.parametrize(
    "query", ["page=abc", "page=1.5", "page=", "topic=&kind=", "x=%ff", "page=1&page=2"]
)
def test_odd_queries_show_the_first_page(client: PageClient, query: str) -> None:
    assert client.get(f"/learn?{query}").status_code == 200


@pytest.mark.parametrize(
    "query",
    [
        "page=0",
        "page=-1",
        "page=" + "9" * 30,
        "topic=nope",
        "kind=%00",
        "topic=<b>",
        "kind=story%20",
    ],
)
def test_what_is_not_there_is_not_found(client: PageClient, query: str) -> None:
    assert client.get(f"/learn?{query}").status_code == 404


# --- A piece -----------------------------------------------------------------------------


def test_a_piece_gives_credit_and_leads_to_its_publisher(client: PageClient) -> None:
    html = client.get(SEED).text
    assert "Robyn Griggs Lawrence · Giving Compass" in html
    assert "The headline as it stands in the page’s address" in html
    link = re.search(r'<a class="button read-on"[^>]*>', html)
    assert link is not None
    assert 'href="https://widgets.givingcompass.org/article/' in link[0]
    assert 'rel="noopener noreferrer"' in link[0]
    assert '<p class="hint">widgets.givingcompass.org</p>' in html


def test_a_confirmed_headline_needs_no_remark(
    client: PageClient, library: tuple[list[Resource], list[Guide]]
) -> None:
    confirmed = next(resource for resource in library[0] if resource.title_confirmed)
    assert "The headline as it stands" not in client.get(f"/learn/{confirmed.slug}").text


def test_english_headlines_are_marked_as_english_on_spanish_pages(client: PageClient) -> None:
    html = client.get("/es" + SEED).text
    assert '<h1><span lang="en">Sanctuary Cities Push Back' in html
    assert "El original está en inglés." in html


def test_the_seed_piece_brings_groups_of_its_city_first(client: PageClient) -> None:
    html = client.get(SEED).text
    assert "near Los Angeles, CA" in html
    assert "coalition-for-humane-immigrant-rights" in _shown(html)[:3]
    reasons = re.findall(r'<p class="reason">(.*?)</p>', html, re.DOTALL)
    assert len(reasons) == 5
    assert all(reason.startswith("Because this page") for reason in reasons)
    assert "from Los Angeles, CA" in reasons[0]


def test_every_piece_and_guide_has_nonprofits_in_both_languages(
    client: PageClient, library: tuple[list[Resource], list[Guide]]
) -> None:
    resources, guides = library
    paths = [f"/learn/{r.slug}" for r in resources] + [f"/topics/{g.slug}" for g in guides]
    for path in paths:
        assert _shown(client.get(path).text), path
    for path in paths[::9]:
        assert _shown(client.get("/es" + path).text), path


def test_the_place_of_every_piece_is_known(
    directory_app: Flask, library: tuple[list[Resource], list[Guide]]
) -> None:
    gazetteer = Gazetteer.load(directory_app.config["WAYMARK"].gazetteer)
    places = {resource.slug: own_place(resource, gazetteer) for resource in library[0]}
    assert places["sanctuary-cities-hold-their-ground"].label == "Los Angeles, CA"  # type: ignore[union-attr]
    assert sum(place is None for place in places.values()) < len(places) / 2


@pytest.mark.parametrize(
    ("places", "label"),
    [
        (("Los Angeles, CA", "CA", "US"), "Los Angeles, CA"),
        (("MS", "El Paso, TX"), "El Paso, TX"),
        (("US", "FL"), "Florida"),
        (("NY",), "New York State"),
        (("US",), None),
        (("US", "CA", "TX"), None),
        ((), None),
    ],
)
def test_a_piece_plays_in_its_first_city_or_only_state(
    directory_app: Flask, places: tuple[str, ...], label: str | None
) -> None:
    gazetteer = Gazetteer.load(directory_app.config["WAYMARK"].gazetteer)
    place = own_place(_piece("piece", places=places), gazetteer)
    assert (place.label if place else None) == label


def test_a_state_is_no_point_to_measure_from(client: PageClient) -> None:
    html = client.get("/learn/sheriffs-and-the-287g-program").text
    assert "in Florida" in html
    assert "miles" not in html


# --- Near the reader ---------------------------------------------------------------------


@pytest.mark.parametrize("path", [SEED, GUIDE, "/es" + SEED, "/es" + GUIDE])
@pytest.mark.parametrize(
    ("typed", "state"), [("Portland, ME", "ME"), ("77002", "TX"), ("Minnesota", "MN")]
)
def test_a_place_moves_the_nonprofits_and_is_legible_nowhere(
    client: PageClient, path: str, typed: str, state: str
) -> None:
    response = client.post(f"{path}/near", data={"place": typed})
    assert response.status_code == 303
    address = response.headers["Location"]
    assert re.fullmatch(re.escape(path) + r"/[\w-]{100,}", address)
    answer = client.get(address)
    assert answer.headers["Cache-Control"] == "no-store"
    assert answer.headers["Referrer-Policy"] == "no-referrer"
    assert '<meta name="robots" content="noindex">' in answer.text
    assert f", {state}</li>" in answer.text
    assert _shown(answer.text) != _shown(client.get(path).text)


def test_no_place_leads_back_to_the_page(client: PageClient) -> None:
    response = client.post(f"{SEED}/near", data={"place": "  "})
    assert (response.status_code, response.headers["Location"]) == (303, SEED)


def test_an_unclear_place_offers_others_and_one_press_takes_one(client: PageClient) -> None:
    response = client.post(f"{GUIDE}/near", data={"place": "Portland"})
    assert response.status_code == 422
    assert response.headers["Cache-Control"] == "no-store"
    assert 'value="Portland"' in response.text
    assert 'name="place" value="Portland, ME"' in response.text
    chosen = client.post(f"{GUIDE}/near", data={"place": ["Portland", "Portland, ME"]})
    assert "near Portland, ME" in client.get(chosen.headers["Location"]).text


@pytest.mark.parametrize(
    "typed", ["Nowhereville", "x" * 5000, "\0", "<script>alert(1)</script>", "٣", "9" * 30, "%00"]
)
def test_a_place_that_is_none_is_no_server_error(client: PageClient, typed: str) -> None:
    response = client.post(f"{SEED}/near", data={"place": typed})
    assert response.status_code == 422
    assert "<script>alert" not in response.text


@pytest.mark.parametrize("token", ["near", "x", "gAAAAA" + "x" * 200, "%00", "é", "a" * 3000])
def test_a_token_that_opens_nothing_shows_the_piece_and_asks_again(
    client: PageClient, token: str
) -> None:
    response = client.get(f"{SEED}/{token}")
    assert response.status_code == 410
    assert "This link to a place has expired" in response.text
    assert _shown(response.text)


@pytest.mark.parametrize("path", ["/learn/nope", "/learn/nope/x", "/topics/nope", "/topics/%00"])
def test_unknown_pieces_are_not_found(client: PageClient, path: str) -> None:
    assert client.get(path).status_code == 404


def test_a_withdrawn_listing_is_gone_at_once(directory_app: Flask, tmp_path: Path) -> None:
    settings = directory_app.config["WAYMARK"]
    shutil.copytree(settings.instance, tmp_path / "copy")
    app = create_app(replace(settings, instance=tmp_path / "copy"))
    before = _shown(app.test_client().get(SEED).text)
    db = store.connect(app.config["WAYMARK"].database)
    set_status(db, before[0], Status.WITHDRAWN)
    db.close()
    after = _shown(app.test_client().get(SEED).text)
    assert before[0] not in after
    assert before[1] in after


# --- Guides ------------------------------------------------------------------------------


def test_each_fact_of_a_guide_names_its_source(
    client: PageClient, library: tuple[list[Resource], list[Guide]]
) -> None:
    guide = next(guide for guide in library[1] if GUIDE.endswith(guide.slug))
    html = client.get(GUIDE).text
    for fact in guide.key_facts:
        assert f'href="{fact.source_url}" rel="noopener noreferrer"' in html


def test_related_pieces_share_most_and_strangers_are_left_out() -> None:
    pieces = [
        _piece("one", topics=("a",)),
        _piece("stranger", topics=("z",)),
        _piece("both", topics=("a", "b")),
        _piece("one-too", topics=("b",)),
    ]
    assert [piece.slug for piece in related(("a", "b"), pieces)] == ["both", "one", "one-too"]


def test_guides_are_told_apart_by_what_they_begin_with(
    library: tuple[list[Resource], list[Guide]],
) -> None:
    guides = library[1]
    assert guides_about(("asylum-support", "families"), guides)[0].slug == "asylum-and-the-border"
    assert guides_about(("no-such-topic",), guides) == []
    wide = _piece("wide", topics=("families",))
    assert not any(is_about(wide, guide) for guide in guides)


# --- Feed --------------------------------------------------------------------------------


@pytest.mark.parametrize("prefix", ["", "/es"])
def test_the_feed_is_valid_atom(client: PageClient, prefix: str) -> None:
    response = client.get(f"{prefix}/learn/feed.xml")
    assert response.content_type == "application/atom+xml; charset=utf-8"
    feed = ElementTree.fromstring(response.data)
    assert feed.tag == f"{ATOM}feed"
    entries = feed.findall(f"{ATOM}entry")
    assert len(entries) > 20
    for element in (feed, *entries):
        for name in ("id", "title", "updated"):
            assert len(element.findall(f"{ATOM}{name}")) == 1
        datetime.fromisoformat(element.findtext(f"{ATOM}updated", ""))
        assert element.find(f"{ATOM}author/{ATOM}name") is not None
        links = element.findall(f"{ATOM}link")
        assert all(link.get("href", "").startswith(("http://", "https://")) for link in links)
    ids = [element.findtext(f"{ATOM}id") for element in (feed, *entries)]
    assert len(set(ids)) == len(ids)
    dates = [entry.findtext(f"{ATOM}updated", "") for entry in entries]
    assert dates == sorted(dates, reverse=True)
    page = entries[0].find(f"{ATOM}link[@rel='alternate']")
    assert page is not None
    assert client.get(page.get("href", "")).status_code == 200


def test_the_two_feeds_speak_two_languages_under_lasting_names(client: PageClient) -> None:
    english = ElementTree.fromstring(client.get("/learn/feed.xml").data)
    spanish = ElementTree.fromstring(client.get("/es/learn/feed.xml").data)
    summary = f"{ATOM}entry/{ATOM}summary"
    assert english.findtext(summary) != spanish.findtext(summary)
    assert english.findtext(f"{ATOM}id") != spanish.findtext(f"{ATOM}id")
    elsewhere = client.get("/learn/feed.xml", base_url="https://other.example")
    other = ElementTree.fromstring(elsewhere.data)
    assert other.findtext(f"{ATOM}id") == english.findtext(f"{ATOM}id")


def test_pages_name_their_feed(client: PageClient) -> None:
    link = '<link rel="alternate" type="application/atom+xml"'
    assert link in client.get("/learn").text
    assert 'href="/es/learn/feed.xml"' in client.get("/es/learn").text
