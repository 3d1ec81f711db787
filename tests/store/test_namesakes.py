from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import replace

import pytest
from sqlite_utils import Database

from recommender.models import Nonprofit, Status
from recommender.store.catalog import load_nonprofits, set_status
from recommender.store.namesakes import Sought, find_namesakes

LAWYERS, HOUSE = "test-border-lawyers", "test-haitian-house"


@pytest.fixture
def sites(loaded: Database, catalogue: Sequence[Nonprofit]) -> Database:
    """The catalogue, in which three listings have a site."""
    addresses = {
        LAWYERS: "https://www.lawyers.example/",
        HOUSE: "https://large.example/house",
        "test-somali-youth": "https://large.example/youth/tutors",
    }
    load_nonprofits(
        loaded, [replace(one, website=addresses.get(one.slug, "")) for one in catalogue]
    )
    return loaded


def found(db: Database, name: str = "", **known: object) -> dict[str, tuple[str, ...]]:
    sought = Sought(name=name, **known)  # type: ignore[arg-type]
    return {one.slug: one.why for one in find_namesakes(db, sought)}


NAMES = {
    "Test Border Lawyers": "name",
    "TEST BORDER LAWYERS, INC.": "name",
    "Abogados de Prueba": "name",
    "tbl": "name",
    "Border Lawyers": "like-name",
    "Test Boarder Lawyers": "like-name",
}
NOBODY = ("", "!!!", '"', "Quillwork Fund", "a OR b", "name : x", "\0")


def test_names_are_known_again(sites: Database) -> None:
    for name, why in NAMES.items():
        assert next(iter(found(sites, name).items())) == (LAWYERS, (why,)), name
    for name in NOBODY:
        assert found(sites, name) == {}, name


def test_listings_of_every_state_are_seen(sites: Database) -> None:
    for status in Status:
        set_status(sites, LAWYERS, status)
        (one,) = find_namesakes(sites, Sought(name="Test Border Lawyers"))
        assert (one.slug, one.status, one.ein) == (LAWYERS, status, "000000001")
        assert (one.city, one.state) == ("Brownsville", "TX")


SITES = {
    "lawyers.example": {LAWYERS},
    "http://LAWYERS.example/about?x=1": {LAWYERS},
    "https://large.example": {HOUSE, "test-somali-youth"},
    "https://large.example/house/give": {HOUSE},
    "https://large.example/other": set(),
    "awyers.example": set(),
    "https://[::1": set(),
    "": set(),
}


def test_sites_are_known_again(sites: Database) -> None:
    for website, slugs in SITES.items():
        assert set(found(sites, "Unheard of", website=website)) == slugs, website


def test_an_ein_is_known_again_and_comes_first(
    sites: Database, make_nonprofit: Callable[..., Nonprofit]
) -> None:
    sought = Sought(name="Test Haitian Houses", eins=("000000001", "999999999"))
    one, two = find_namesakes(sites, sought)
    assert (one.slug, one.why) == (LAWYERS, ("ein",))
    assert (two.slug, two.why) == (HOUSE, ("like-name",))
    assert one.similarity == 1 > two.similarity


def test_only_the_likeliest_are_told(sites: Database, crowd: tuple[Nonprofit, ...]) -> None:
    load_nonprofits(sites, crowd)
    assert len(find_namesakes(sites, Sought(name="Test Group 017"))) == 8
    assert find_namesakes(sites, Sought(name="Test Group 017"))[0].slug == "test-group-017"
