from __future__ import annotations

import re

import pytest

from recommender import store
from recommender.models import Status
from recommender.store.catalog import set_status
from tests.web.client import PageClient

NEEDED = {
    *("og:site_name", "og:type", "og:title", "og:description", "og:url", "og:locale"),
    *("og:locale:alternate", "og:image", "og:image:type", "og:image:width", "og:image:height"),
    *("og:image:alt", "twitter:card", "twitter:title", "twitter:description", "twitter:image"),
}
PAGES = {
    "/": "Say what you care about. Meet the groups that do it.",
    "/nonprofits/raices": "RAICES",
    "/topics/asylum-and-the-border": "Asylum and the border",
    "/directory?service=legal-services": "Legal help",
    "/directory?service=legal-services&state=TX": "Legal help in Texas",
    "/directory?community=haitian": "The Haitian community",
}
SPANISH = {
    "/es/": "Diga qué le importa. Conozca los grupos que trabajan en ello.",
    "/es/directory?service=legal-services&state=TX": "Ayuda legal en Texas",
}


def _told(client: PageClient, page: str) -> dict[str, str]:
    text = client.get(page).text
    pairs = re.findall(r'<meta (?:property|name)="((?:og|twitter):[^"]+)" content="([^"]*)">', text)
    assert len(dict(pairs)) == len(pairs), "something is said twice"
    return dict(pairs)


@pytest.mark.parametrize("page", [*PAGES, "/learn/sanctuary-cities-hold-their-ground"])
@pytest.mark.parametrize("prefix", ["", "/es"])
def test_a_page_says_what_others_show_of_it(client: PageClient, page: str, prefix: str) -> None:
    told = _told(client, prefix + page)
    assert set(told) == NEEDED
    assert all(told.values())
    assert told["og:url"] == f"http://localhost{prefix}{page}".replace("&", "&amp;")
    assert told["og:locale"] == ("es_US" if prefix else "en_US")
    assert told["og:description"][-1] in ".?!"
    picture = told["og:image"].removeprefix("http://localhost")
    assert client.get(picture).content_type == "image/png"


@pytest.mark.parametrize("page", PAGES)
def test_a_page_has_its_own_title(client: PageClient, page: str) -> None:
    assert _told(client, page)["og:title"] == PAGES[page]


def test_the_spanish_pages_say_it_in_spanish(client: PageClient) -> None:
    english = _told(client, "/directory?service=legal-services&state=TX")
    for page, title in SPANISH.items():
        told = _told(client, page)
        assert told["og:title"] == title
        assert told["og:description"] != english["og:description"]


@pytest.mark.parametrize(
    "page",
    [
        "/about",
        "/learn",
        "/directory",
        "/directory?service=legal-services&service=housing-shelter",
        "/directory?service=legal-services&sort=name",
        "/directory?language=spanish",
        "/directory?state=TX",
        "/directory?service=unknown",
        "/compare",
        "/nowhere",
    ],
)
def test_other_pages_say_nothing(client: PageClient, page: str) -> None:
    assert _told(client, page) == {}


def test_answers_to_one_reader_say_nothing(client: PageClient) -> None:
    sent = client.post("/match", data={"text": "legal help for asylum seekers"})
    assert _told(client, sent.headers["Location"]) == {}
    near = client.post("/topics/asylum-and-the-border/near", data={"place": "Portland, ME"})
    assert _told(client, near.headers["Location"]) == {}


def test_a_stale_listing_is_not_passed_on(small: tuple[PageClient, store.Database]) -> None:
    client, db = small
    page = "/nonprofits/test-haitian-house"
    assert _told(client, page)["og:title"] == "Test Haitian House"
    set_status(db, "test-haitian-house", Status.STALE)
    assert _told(client, page) == {}
