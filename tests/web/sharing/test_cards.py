from __future__ import annotations

import pytest

from recommender import store
from recommender.models import Status
from recommender.store.catalog import set_status
from recommender.web.headers import HEADERS, RouteKind
from tests.web.client import Page, PageClient

RAICES = "/embed/card/nonprofit/raices"
CARDS = [
    RAICES,
    "/embed/card/resource/sanctuary-cities-hold-their-ground",
    "/embed/card/topic/asylum-and-the-border",
    "/embed/card/services/legal-services",
    "/embed/card/populations/refugees.me",
    "/embed/card/communities/haitian",
]


@pytest.mark.parametrize("prefix", ["", "/es"])
@pytest.mark.parametrize("path", CARDS)
def test_a_card_has_links_and_nothing_that_asks_or_runs(
    client: PageClient, path: str, prefix: str
) -> None:
    response = client.get(prefix + path)
    assert response.status_code == 200
    for part in ("<script", "<form", "<input", "<img", "<iframe"):
        assert part not in response.text
    links = Page(response.text).links
    assert links
    assert all(link.startswith(f"http://localhost{prefix}/") for link in links)
    assert response.text.count("<a ") == response.text.count('target="_blank" rel="noopener"')


def test_a_card_may_be_framed_by_any_site_and_does_nothing_else(client: PageClient) -> None:
    response = client.get(RAICES)
    assert "X-Frame-Options" not in response.headers
    assert {name: response.headers.get(name) for name in HEADERS[RouteKind.CARD]} == HEADERS[
        RouteKind.CARD
    ]
    policy = dict(
        rule.partition(" ")[::2] for rule in response.headers["Content-Security-Policy"].split("; ")
    )
    assert policy == {
        "default-src": "'none'",
        "style-src": "http://localhost",
        "font-src": "http://localhost",
        "base-uri": "'none'",
        "form-action": "'none'",
        "sandbox": "allow-popups allow-popups-to-escape-sandbox",
        "frame-ancestors": "*",
    }


@pytest.mark.parametrize("path", CARDS)
def test_a_card_is_the_same_for_every_reader(client: PageClient, path: str) -> None:
    plain = client.get(path)
    other = {"Cookie": "a=b", "Accept-Language": "es", "Referer": "https://partner.example/"}
    assert client.get(path + "?place=04101", headers=other).data == plain.data
    assert "Vary" not in plain.headers
    assert client.get(path, headers={"If-None-Match": plain.headers["ETag"]}).status_code == 304


def test_a_guide_leads_to_nonprofits(client: PageClient) -> None:
    links = client.page("/es/embed/card/topic/asylum-and-the-border").links
    assert sum("/es/nonprofits/" in link for link in links) == 3


def test_a_tag_is_counted_in_its_state(client: PageClient) -> None:
    text = client.get("/embed/card/services/legal-services.me").text
    assert "Legal help in Maine" in text
    total = client.get("/api/v1/nonprofits?services=legal-services&states=ME").get_json()["total"]
    assert f"{total} nonprofits in the directory" in text


def test_a_withdrawn_listing_says_so_in_the_frame(
    small: tuple[PageClient, store.Database],
) -> None:
    client, db = small
    slug = "test-maine-asylum-project"
    assert client.get(f"/embed/card/nonprofit/{slug}").status_code == 200
    set_status(db, slug, Status.WITHDRAWN)
    gone = client.get(f"/es/embed/card/nonprofit/{slug}")
    assert gone.status_code == 410
    assert "Test Maine" not in gone.text
    assert "frame-ancestors *" in gone.headers["Content-Security-Policy"]
    assert gone.headers["Cache-Control"] == "no-store"
    for path in ("/embed/card/services/asylum-support", "/embed/card/resource/test-piece"):
        assert slug not in client.get(path).text


def test_a_name_is_never_markup(small: tuple[PageClient, store.Database]) -> None:
    client, _ = small
    slug = "test-legal-help-los-angeles"
    for path in (f"/embed/card/nonprofit/{slug}", f"/nonprofits/{slug}"):
        text = client.get(path).text
        assert "<script>alert" not in text
        assert "Test &lt;script&gt;" in text


@pytest.mark.parametrize(
    "path",
    [
        "/embed/card/nonprofit/no-such-group",
        "/embed/card/nonprofit/raices.tx",
        "/embed/card/home/home",
        "/embed/card/languages/spanish",
        "/embed/card/services/no-such-tag",
        "/embed/card/services/legal-services.zz",
        "/embed/card/topic/%00",
    ],
)
def test_there_are_no_other_cards(client: PageClient, path: str) -> None:
    response = client.get(path)
    assert response.status_code == 404
    assert "frame-ancestors *" in response.headers["Content-Security-Policy"]


def test_pages_of_the_site_are_still_framed_by_nobody(client: PageClient) -> None:
    for path in ("/", "/nonprofits/raices", "/topics/asylum-and-the-border", "/nowhere", "/oembed"):
        response = client.get(path)
        assert "frame-ancestors 'none'" in response.headers["Content-Security-Policy"]
