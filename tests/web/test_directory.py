from __future__ import annotations

import json
import re
from dataclasses import replace
from typing import Any

import pytest
from flask import Flask

from recommender.index import load_current
from recommender.models import Filters, Language, Location, SearchQuery, Sort, Visibility
from recommender.pipeline import search
from recommender.web import directory
from recommender.web.listings import format_ein, group_sources, nearest_office
from recommender.web.ntee import describe_ntee
from tests.web.client import Page, PageClient


@pytest.fixture
def visitor(directory_app: Flask) -> PageClient:
    """A visitor of the whole directory."""
    client = directory_app.test_client()
    assert isinstance(client, PageClient)
    return client


def look(client: PageClient, prefix: str = "", **typed: str) -> str:
    """Send the search form; the address of the answer."""
    response = client.post(f"{prefix}/directory", data=typed)
    assert response.status_code == 303
    location: str = response.headers["Location"]
    return location


def names(page: Page) -> list[str]:
    """The listings on a page, in order."""
    found = [re.fullmatch(r"(?:/es)?/nonprofits/([^/#]+)", link) for link in page.links]
    return [match[1] for match in found if match]


def total(page: Page) -> int:
    """How many listings the page says there are."""
    count = re.search(r'id="results">([\d,]+) (?:group|grupo)', page.source)
    assert count
    return int(count[1].replace(",", ""))


# --- Search ------------------------------------------------------------------------------


@pytest.mark.parametrize("prefix", ["", "/es"])
def test_all_listings_can_be_looked_through(visitor: PageClient, prefix: str) -> None:
    page = visitor.page(f"{prefix}/directory")
    assert total(page) == 1_279
    assert len(names(page)) == directory.PAGE_SIZE
    assert f"{prefix}/directory?page=2" in page.links


def test_what_is_typed_is_not_legible_in_the_address(visitor: PageClient) -> None:
    address = look(visitor, q="RAICES", place="San Antonio, TX")
    assert address.startswith("/directory/")
    assert "raices" not in address.casefold()
    assert "antonio" not in address.casefold()
    assert names(visitor.page(address))[0] == "raices"


def test_an_empty_search_leads_to_the_whole_directory(visitor: PageClient) -> None:
    assert look(visitor, q=" ", place="") == "/directory"


def test_a_state_is_not_what_groups_are_around(visitor: PageClient) -> None:
    state, town = (visitor.page(look(visitor, place=typed)) for typed in ("Maine", "04101"))
    assert "in or for Maine</h2>" in state.source
    assert "around or for Portland, ME 04101</h2>" in town.source


@pytest.mark.parametrize("typed", ["22-3260883", "223260883", "EIN: 22-3260883"])
def test_an_ein_leads_to_its_listing(visitor: PageClient, typed: str) -> None:
    assert look(visitor, q=typed) == "/nonprofits/immigrant-legal-advocacy-project"
    assert look(visitor, "/es", q=typed) == "/es/nonprofits/immigrant-legal-advocacy-project"
    assert look(visitor, q=typed.replace("22", "99")).startswith("/directory/")


def test_facets_narrow_and_their_counts_hold(visitor: PageClient) -> None:
    page = visitor.page("/directory?service=legal-services&state=ME")
    assert 'value="legal-services" checked' in page.source
    assert 'value="ME" checked' in page.source
    wider = visitor.page("/directory?state=ME")
    promised = re.search(
        r'value="legal-services">\s*<span>[^<]*</span>\s*<span class="count">'
        r'<span class="hidden">\(</span>(\d+)',
        wider.source,
    )
    assert promised
    assert total(page) == int(promised[1])
    assert {"/directory?state=ME", "/directory?service=legal-services"} <= set(page.links)


def test_facets_narrow_what_was_typed(visitor: PageClient) -> None:
    address = look(visitor, q="english classes")
    page = visitor.page(address)
    narrowed = visitor.page(f"{address}?state=ME")
    assert 0 < total(narrowed) < total(page)
    assert f'action="{address}"' in narrowed.source
    assert address in narrowed.links


@pytest.mark.parametrize(
    "query",
    [
        "service=no-such&state=ZZ&reach=x",
        "page=0",
        "page=-5",
        "page=abc",
        "sort=distance",
        "sort=%00",
        "x=%ED%A0%80",
        "service=%ED%A0%80&service=%00",
    ],
)
def test_what_an_address_names_that_does_not_exist_is_passed_over(
    visitor: PageClient, query: str
) -> None:
    assert names(visitor.page(f"/directory?{query}")) == names(visitor.page("/directory"))


@pytest.mark.parametrize("number", ["65", "9" * 30])
def test_a_page_beyond_the_last_is_the_last(visitor: PageClient, number: str) -> None:
    page = visitor.page(f"/directory?page={number}")
    assert len(names(page)) == 1_279 % directory.PAGE_SIZE
    assert "Page 64 of 64" in page.source


def test_paging_shows_every_listing_once(visitor: PageClient) -> None:
    first = visitor.page("/directory?state=ME")
    n_pages = -(-total(first) // directory.PAGE_SIZE)
    pages = [visitor.page(f"/directory?state=ME&page={n}") for n in range(1, n_pages + 1)]
    shown = [slug for page in pages for slug in names(page)]
    assert len(shown) == len(set(shown)) == total(first)


def test_without_words_the_order_is_by_name(visitor: PageClient) -> None:
    page = visitor.page("/directory")
    assert "Best match first" not in page.source
    titles = re.findall(r'class="card-name"><a [^>]*>([^<]+)<', page.source)
    assert titles[0].startswith("603")
    assert page.links.count("/directory?sort=name") == 0


def test_the_nearest_first_needs_a_place(visitor: PageClient) -> None:
    assert "Nearest first" not in visitor.page(look(visitor, q="asylum")).source
    page = visitor.page(look(visitor, q="asylum", place="Los Angeles, CA") + "?sort=distance")
    shown = re.findall(r'class="near">([\d,]+) mile', page.source)
    miles = [int(figure.replace(",", "")) for figure in shown]
    assert miles == sorted(miles)
    assert '"distance" selected' in page.source


def test_the_page_gives_the_engine_s_own_answer(visitor: PageClient) -> None:
    index = load_current(visitor.application.config["WAYMARK"].index)
    filters = Filters(states=("TX",))
    query = SearchQuery(text="refugee health", filters=filters, sort=Sort.NAME)
    found = search(query, index)
    page = visitor.page(look(visitor, q="refugee health") + "?state=TX&sort=name")
    assert names(page) == [match.nonprofit.slug for match in found.matches]
    assert total(page) == found.total


def test_an_unknown_place_offers_those_it_could_be(visitor: PageClient) -> None:
    typed = {"q": "asylum", "place": "Springfield"}
    response = visitor.post("/directory", data=typed)
    assert response.status_code == 422
    assert 'name="place_choice" value="Springfield, MA"' in response.text
    assert 'value="asylum"' in response.text
    assert "#place" in Page(response.text).links
    chosen = look(visitor, **typed, place_choice="Springfield, MA")
    assert "Springfield, MA" in visitor.page(chosen).source


@pytest.mark.parametrize("radius", ["0", "1e30", "nan", "x", "-1"])
def test_an_impossible_radius_is_refused(visitor: PageClient, radius: str) -> None:
    response = visitor.post("/directory", data={"place": "Boston, MA", "radius_km": radius})
    assert response.status_code == 422


def test_nothing_found_says_what_to_try(visitor: PageClient) -> None:
    page = visitor.page(look(visitor, q="robotics"))
    assert total(page) == 0
    assert "No group is listed for this" in page.source
    assert "No listing mentions" in page.source
    assert {"/", "/suggest"} <= set(page.links)


def test_a_mistyped_word_is_told(visitor: PageClient) -> None:
    assert "We read “<em>refugge</em>”" in visitor.page(look(visitor, q="refugge")).source


@pytest.mark.parametrize("token", ["abc", "%ED%A0%80", "%00", "A" * 4_000])
def test_an_address_that_does_not_open_offers_the_form(visitor: PageClient, token: str) -> None:
    for prefix in ("", "/es"):
        response = visitor.get(f"{prefix}/directory/{token}")
        assert response.status_code == 404
        assert f'action="{prefix}/directory"' in response.text


def test_a_donor_s_address_does_not_open_a_search(visitor: PageClient) -> None:
    sealed = visitor.post("/match", data={"text": "asylum"}).headers["Location"].split("/")[-1]
    assert visitor.get(f"/directory/{sealed}").status_code == 404


@pytest.mark.parametrize("words", ["\0", "\ud800", "💐" * 300, "a b " * 5_000, "%", "<b>"])
def test_odd_words_are_no_server_error(visitor: PageClient, words: str) -> None:
    sent: Any = words.encode("utf-8", "surrogatepass")
    response = visitor.post("/directory", data={"q": sent})
    assert response.status_code == 303
    visitor.page(response.headers["Location"])


# --- Profile -----------------------------------------------------------------------------


def test_a_profile_has_all_its_sections(visitor: PageClient) -> None:
    page = visitor.page("/nonprofits/immigrant-legal-advocacy-project")
    assert page.headings == ["Immigrant Legal Advocacy Project"]
    for words in (
        "Also known as ILAP",
        "Not reviewed by the organization",
        "Ways to help",
        "What they do",
        "Where they work",
        "22-3260883",
        "Crime and legal matters: legal services",
        "$1 to $5 million a year",
        "We do not list people",
        "Similar groups",
        "Where this comes from",
    ):
        assert words in page.source
    base = "/nonprofits/immigrant-legal-advocacy-project"
    assert {f"{base}/suggest-fix", f"{base}/claim", f"{base}/remove"} <= set(page.links)
    records = "https://projects.propublica.org/nonprofits/organizations/223260883"
    assert {records, "https://apps.irs.gov/app/eos/"} <= set(page.links)
    assert "/directory?state=ME" in page.links


def test_similar_groups_say_what_they_have_in_common(visitor: PageClient) -> None:
    source = visitor.page("/nonprofits/raices").source
    similar = source[source.index('id="similar"') :]
    assert similar.count("Both: ") == 6


def test_links_to_other_sites_show_their_host_and_tell_nothing(visitor: PageClient) -> None:
    source = visitor.page("/nonprofits/raices").source
    for link in re.findall(r'<a [^>]*href="https://[^>]*>', source):
        assert 'rel="noopener noreferrer"' in link
    assert ">apps.irs.gov<" in source


def test_profiles_of_all_kinds_are_in_order_in_both_languages(visitor: PageClient) -> None:
    index = load_current(visitor.application.config["WAYMARK"].index)
    for slug in index.slugs[::40]:
        for prefix in ("", "/es"):
            visitor.page(f"{prefix}/nonprofits/{slug}")


def test_structured_data_says_what_the_page_says(visitor: PageClient) -> None:
    source = visitor.page("/nonprofits/immigrant-legal-advocacy-project").source
    script = re.search(r'<script type="application/ld\+json">(.*?)</script>', source, re.DOTALL)
    assert script
    document = json.loads(script[1])
    assert document["@type"] == "NGO"
    assert document["taxID"] == "22-3260883"
    assert document["address"]["addressLocality"] == "Portland"
    assert document["areaServed"] == ["Maine"]


def test_a_name_cannot_close_the_structured_data(app: Flask, make_nonprofit: Any) -> None:
    with app.test_request_context("/"):
        listing = make_nonprofit("A</script><b>", "Portland, ME", slug="a")
        document = directory.describe(listing, Language.EN)
        written = app.jinja_env.from_string("{{ document|tojson }}").render(document=document)
    assert "</script>" not in written
    assert json.loads(written)["name"] == "A</script><b>"


def test_a_place_that_is_not_public_stays_so(visitor: PageClient) -> None:
    index = load_current(visitor.application.config["WAYMARK"].index)
    listings = [index.nonprofit(row) for row in range(len(index))]
    city_only = next(
        item for item in listings if item.office and item.office.visibility is Visibility.CITY
    )
    source = visitor.page(f"/nonprofits/{city_only.slug}").source
    assert "The city only, to protect the people it serves." in source


def test_a_hidden_office_is_nowhere(app: Flask, make_nonprofit: Any) -> None:
    hidden = Location(city="Boston", state="MA", zip="02108", visibility=Visibility.HIDDEN)
    listing = make_nonprofit("Test Shelter", locations=(hidden,), service_areas=())
    with app.test_request_context("/"):
        assert directory.describe(listing, Language.EN).get("address") is None
        assert directory.small_map(listing) is None
    assert nearest_office(listing, None) is None


@pytest.mark.parametrize("slug", ["nobody", "%00", "%ED%A0%80", "9" * 30, "..%2f..", "a" * 5_000])
def test_an_unknown_listing_is_not_found(visitor: PageClient, slug: str) -> None:
    for prefix in ("", "/es"):
        assert visitor.get(f"{prefix}/nonprofits/{slug}").status_code == 404


def test_an_ein_is_written_as_the_irs_does() -> None:
    assert format_ein("012345678") == "01-2345678"
    assert format_ein("") == ""


@pytest.mark.parametrize(
    ("code", "words"),
    [
        ("P84", "Human services: ethnic and immigrant centers"),
        ("P840", "Human services: ethnic and immigrant centers"),
        ("R01", "Civil rights and advocacy: alliances and advocacy"),
        ("A99", "Arts, culture and humanities"),
        ("", ""),
        ("?", ""),
    ],
)
def test_categories_in_words(app: Flask, code: str, words: str) -> None:
    with app.test_request_context("/"):
        assert describe_ntee(code) == words


def test_a_source_stands_once_with_all_that_rests_on_it(make_nonprofit: Any, app: Flask) -> None:
    listing = make_nonprofit()
    source = listing.sources[0]
    sources = (source, replace(source, facts="place"), replace(source, as_of="2020"))
    with app.test_request_context("/"):
        rows = group_sources(sources)
    assert [(row.facts, row.as_of) for row in rows] == [
        (("What it does", "Place"), "2024-01"),
        (("What it does",), "2020"),
    ]
