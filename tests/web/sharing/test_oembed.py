from __future__ import annotations

import re
from typing import Any
from urllib.parse import parse_qs, urlsplit
from xml.etree import ElementTree

import pytest

from recommender import store
from recommender.models import Status
from recommender.store.catalog import set_status
from tests.web.client import PageClient

PAGES = [
    "/nonprofits/raices",
    "/learn/sanctuary-cities-hold-their-ground",
    "/topics/asylum-and-the-border",
    "/directory?service=legal-services",
    "/directory?population=refugees&state=ME",
    "/directory?state=ME&community=haitian",
]


def _ask(client: PageClient, page: str, **more: Any) -> dict[str, Any]:
    response = client.get("/oembed", query_string={"url": f"http://localhost{page}", **more})
    assert response.status_code == 200, response.text
    answer: dict[str, Any] = response.get_json()
    return answer


def _status(client: PageClient, **query: str) -> int:
    return client.get("/oembed", query_string=query).status_code


@pytest.mark.parametrize("prefix", ["", "/es"])
@pytest.mark.parametrize("page", PAGES)
def test_a_page_names_what_shows_it_elsewhere(client: PageClient, page: str, prefix: str) -> None:
    text = client.get(prefix + page).text
    links = re.findall(r'<link rel="alternate" type="([^"]+oembed)" href="([^"]+)"', text)
    assert [kind for kind, _ in links] == ["application/json+oembed", "text/xml+oembed"]
    address = links[0][1].replace("&amp;", "&")
    assert parse_qs(urlsplit(address).query)["format"] == ["json"]
    answer = client.get(address.removeprefix("http://localhost")).get_json()
    assert (answer["type"], answer["version"]) == ("rich", "1.0")
    card = re.search(r'src="http://localhost([^"]+)"', answer["html"])
    assert card
    assert card[1].startswith(f"{prefix}/embed/card/")
    shown = client.get(card[1])
    assert shown.status_code == 200
    assert f"http://localhost{prefix}{page.partition('?')[0]}" in shown.text


@pytest.mark.parametrize(
    "page", ["/", "/about", "/directory", "/directory?service=legal-services&page=2", "/learn"]
)
def test_other_pages_name_nothing(client: PageClient, page: str) -> None:
    assert "oembed" not in client.get(page).text
    assert _status(client, url=f"http://localhost{page}") == 404


def test_the_frame_is_sandboxed_and_has_the_sizes_of_the_answer(client: PageClient) -> None:
    answer = _ask(client, "/nonprofits/raices")
    frame = ElementTree.fromstring(answer["html"])
    assert frame.tag == "iframe"
    assert (frame.get("width"), frame.get("height")) == (
        str(answer["width"]),
        str(answer["height"]),
    )
    assert frame.get("sandbox") == "allow-popups allow-popups-to-escape-sandbox"
    assert frame.get("title") == "RAICES"


@pytest.mark.parametrize(
    ("most", "size"),
    [
        ({}, (560, 300)),
        ({"maxwidth": 2_000, "maxheight": 2_000}, (560, 300)),
        ({"maxwidth": 400}, (400, 380)),
        ({"maxwidth": 240, "maxheight": 200}, (240, 200)),
        ({"maxheight": 9 * 10**30}, (560, 300)),
    ],
)
def test_the_room_of_the_other_site_is_kept_to(
    client: PageClient, most: dict[str, int], size: tuple[int, int]
) -> None:
    answer = _ask(client, "/nonprofits/raices", **most)
    assert (answer["width"], answer["height"]) == size


@pytest.mark.parametrize("most", [{"maxwidth": 219}, {"maxheight": 149}, {"maxwidth": 1}])
def test_where_there_is_no_room_there_is_a_link(client: PageClient, most: dict[str, int]) -> None:
    answer = _ask(client, "/nonprofits/raices", **most)
    assert answer["type"] == "link"
    assert not {"html", "width", "height", "thumbnail_url"} & set(answer)
    assert answer["title"] == "RAICES"


def test_a_thumbnail_is_named_only_where_it_fits(client: PageClient) -> None:
    assert "thumbnail_url" not in _ask(client, "/nonprofits/raices", maxwidth=1199)
    whole = _ask(client, "/nonprofits/raices", maxwidth=1200, maxheight=630)
    assert (whole["thumbnail_width"], whole["thumbnail_height"]) == (1200, 630)
    picture = client.get(whole["thumbnail_url"].removeprefix("http://localhost"))
    assert picture.content_type == "image/png"


def test_both_formats_say_the_same(client: PageClient) -> None:
    page = "/es/learn/sanctuary-cities-hold-their-ground"
    query = {"url": f"http://localhost{page}", "format": "xml"}
    response = client.get("/oembed", query_string=query)
    assert response.mimetype == "text/xml"
    root = ElementTree.fromstring(response.data)
    assert root.tag == "oembed"
    said = {child.tag: child.text for child in root}
    assert said == {name: str(value) for name, value in _ask(client, page).items()}
    assert said["author_name"]


@pytest.mark.parametrize(
    ("query", "status"),
    [
        ({"url": "http://localhost/nonprofits/raices", "format": "yaml"}, 501),
        ({}, 400),
        ({"url": ""}, 400),
        ({"url": "http://localhost/nonprofits/raices", "maxwidth": "wide"}, 400),
        ({"url": "http://localhost/nonprofits/raices", "maxwidth": "0"}, 400),
        ({"url": "http://localhost/nonprofits/raices", "maxheight": "-5"}, 400),
        ({"url": "http://localhost/nonprofits/raices", "maxheight": "²"}, 400),
        ({"url": "http://localhost/nonprofits/no-such-group"}, 404),
        ({"url": "http://localhost/directory?service=unknown"}, 404),
        ({"url": "https://elsewhere.example/nonprofits/raices"}, 404),
        ({"url": "ftp://localhost/nonprofits/raices"}, 404),
        ({"url": "http://localhost.evil.example/nonprofits/raices"}, 404),
        ({"url": "http://localhost@evil.example/nonprofits/raices"}, 404),
        ({"url": "//localhost/nonprofits/raices"}, 404),
        ({"url": "javascript:alert(1)"}, 404),
        ({"url": "http://[::1/nonprofits/raices"}, 404),
        ({"url": "http://localhost/nonprofits/raices\0"}, 404),
        ({"url": "http://localhost/match"}, 404),
        ({"url": "http://localhost/staff"}, 401),
        ({"url": "http://localhost/staff/login"}, 401),
        ({"url": "http://localhost/matches/gAAAA"}, 401),
        ({"url": "http://localhost/es/directory/gAAAA"}, 401),
        ({"url": "http://localhost/topics/asylum-and-the-border/gAAAA"}, 401),
    ],
)
def test_what_cannot_be_shown_has_the_status_of_the_specification(
    client: PageClient, query: dict[str, str], status: int
) -> None:
    response = client.get("/oembed", query_string=query)
    assert response.status_code == status
    assert set(response.get_json()) == {"error"}
    assert response.headers["Cache-Control"] == "no-store"


def test_an_address_may_be_https_and_have_a_fragment(client: PageClient) -> None:
    for url in (
        "https://localhost/nonprofits/raices",
        "http://localhost/nonprofits/raices#similar",
    ):
        assert _status(client, url=url) == 200


def test_what_the_provider_does_not_expect_is_passed_over(client: PageClient) -> None:
    assert _status(client, url="http://localhost/nonprofits/raices", for_="me", callback="x") == 200


def test_any_cache_may_carry_an_answer_and_any_page_read_it(client: PageClient) -> None:
    query = {"url": "http://localhost/nonprofits/raices"}
    first = client.get("/oembed", query_string=query)
    assert first.headers["Cache-Control"] == "no-cache"
    assert first.headers["Access-Control-Allow-Origin"] == "*"
    tag = {"If-None-Match": first.headers["ETag"]}
    assert client.get("/oembed", query_string=query, headers=tag).status_code == 304


def test_a_withdrawn_listing_is_shown_nowhere(small: tuple[PageClient, store.Database]) -> None:
    client, db = small
    slug = "test-maine-asylum-project"
    page = f"/nonprofits/{slug}"
    assert _ask(client, page)["title"] == "Test Maine Asylum Project"
    set_status(db, slug, Status.WITHDRAWN)
    assert _status(client, url=f"http://localhost{page}") == 404
    assert "og:title" not in client.get(page).text


def test_a_title_is_never_markup(small: tuple[PageClient, store.Database]) -> None:
    client, _ = small
    answer = _ask(client, "/nonprofits/test-legal-help-los-angeles")
    frame = ElementTree.fromstring(answer["html"])
    assert frame.get("title") == answer["title"] == 'Test <script>alert("x")</script> & "Friends"'
    assert "<script" not in answer["html"]
