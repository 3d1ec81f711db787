from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace

import pytest

from recommender.config import Settings
from recommender.index import BuildInputs, Index, build_index, load_current
from recommender.lookalikes import LookAlike, find_lookalikes, list_lookalikes
from recommender.models import Nonprofit, Tag, Visibility

Make = Callable[..., Nonprofit]
LAWYERS = "test-border-lawyers"


def why(found: tuple[LookAlike, ...]) -> dict[str, tuple[str, ...]]:
    return {one.nonprofit.slug: one.why for one in found}


@pytest.fixture(scope="module")
def two_sites(make_nonprofit: Make, taxonomy: tuple[Tag, ...]) -> Index:
    """Groups that have little in common but their hosts."""
    sites = {
        "Zither Society": "https://www.zither.example/about",
        "Oak Kitchen": "https://facebook.com/oakkitchen/",
        "Elm Theatre": "https://facebook.com/elmtheatre",
    }
    records = [
        make_nonprofit(
            name, "Portland, ME", website=site, summary_en=f"{name} meets.", summary_es=""
        )
        for name, site in sites.items()
    ]
    return build_index(BuildInputs(nonprofits=records, tags=taxonomy))


def test_a_listing_does_not_look_like_itself(index: Index) -> None:
    for row in range(len(index)):
        record = index.nonprofit(row)
        assert record.slug not in why(find_lookalikes(record, index))


@pytest.mark.parametrize(
    ("name", "place", "found"),
    [
        ("Border Test Lawyers, Inc.", "Brownsville, TX", True),
        ("TEST BORDER LAWYER", "Los Angeles, CA", True),
        ("Test Border Lawyers of the Valley", "Houston, TX", True),
        ("Abogados de prueba", "Miami, FL", True),
        ("tbl", "", True),
        ("Test Border Kitchen", "Miami, FL", False),
        ("Zither Society", "Brownsville, TX", False),
        ("", "", False),
    ],
)
def test_a_record_that_is_not_listed_yet_is_known_by_its_name(
    index: Index, make_nonprofit: Make, name: str, place: str, found: bool
) -> None:
    record = replace(
        make_nonprofit("New", place), name=name, summary_en="", summary_es="", services=()
    )
    assert (LAWYERS in why(find_lookalikes(record, index))) is found


def test_the_same_state_asks_for_less_likeness(index: Index, make_nonprofit: Make) -> None:
    there = make_nonprofit("Border Lawyers Test Fund", "Houston, TX", summary_en="", summary_es="")
    elsewhere = replace(there, locations=make_nonprofit("New", "Miami, FL").locations)
    (office,) = there.locations
    hidden = replace(there, locations=(replace(office, visibility=Visibility.HIDDEN),))
    assert why(find_lookalikes(there, index)) == {LAWYERS: ("name",)}
    assert find_lookalikes(elsewhere, index) == find_lookalikes(hidden, index) == ()


@pytest.mark.parametrize(
    ("name", "place", "found"),
    [
        ("Elm Theatree", "Portland, ME", True),
        ("Elm Theatree", "", True),
        ("Elm Theatree", "Houston, TX", False),
        ("Oak Theatre", "Portland, ME", False),
    ],
)
def test_a_mistyped_name_is_known_in_its_state(
    two_sites: Index, make_nonprofit: Make, name: str, place: str, found: bool
) -> None:
    new = replace(make_nonprofit("New", place), name=name, summary_en="", summary_es="")
    assert ("elm-theatre" in why(find_lookalikes(new, two_sites))) is found


def test_one_ein_is_one_organisation(index: Index, make_nonprofit: Make) -> None:
    new = make_nonprofit("Zither Society", ein="000000001", summary_en="", summary_es="")
    (found,) = find_lookalikes(new, index)
    assert (found.nonprofit.slug, found.why, found.similarity) == (LAWYERS, ("ein",), 1.0)


@pytest.mark.parametrize(
    ("site", "found"),
    [
        ("https://zither.example", ["zither-society"]),
        ("http://www.ZITHER.example/contact/us", ["zither-society"]),
        ("https://facebook.com/OakKitchen", ["oak-kitchen"]),
        ("https://www.facebook.com/oakkitchen/", ["oak-kitchen"]),
        ("https://facebook.com/other", []),
        ("https://[", []),
        ("", []),
    ],
)
def test_one_site_is_one_organisation(
    two_sites: Index, make_nonprofit: Make, site: str, found: list[str]
) -> None:
    new = make_nonprofit("Quillwork Circle", website=site, summary_en="", summary_es="")
    assert list(why(find_lookalikes(new, two_sites))) == found


def test_a_parent_and_its_projects_are_told_apart(index: Index, make_nonprofit: Make) -> None:
    record = make_nonprofit("Test Border Lawyers Fund", "Brownsville, TX", ein="000000001")
    assert LAWYERS in why(find_lookalikes(record, index))
    assert LAWYERS not in why(find_lookalikes(replace(record, parent=LAWYERS), index))


def test_words_that_are_nearly_the_same(index: Index, make_nonprofit: Make) -> None:
    clinic = index.nonprofit(index.row_of["test-houston-clinic"])
    copy = replace(clinic, slug="zither-society", name="Zither Society", other_names=())
    (found, *_) = find_lookalikes(copy, index)
    assert (found.nonprofit.slug, found.why) == (clinic.slug, ("description",))
    assert 0.6 <= found.similarity < 1
    other = replace(copy, summary_en="Plays the zither.", summary_es="Toca la cítara.")
    other = replace(other, services=(), populations=())
    assert find_lookalikes(other, index) == ()


def test_the_list_agrees_with_the_single_finds(directory: Settings) -> None:
    index = load_current(directory.index)
    found = list_lookalikes(index)
    for slug in index.slugs[::25]:
        record = index.nonprofit(index.row_of[slug])
        assert found.get(slug, ()) == find_lookalikes(record, index)
    pairs = {
        frozenset((slug, one.nonprofit.slug)) for slug, alike in found.items() for one in alike
    }
    assert frozenset(("love-ministries-international", "international-love-ministries")) in pairs
    # Enough to find them, few enough to be read.
    assert 40 <= len(pairs) <= 80


def test_the_most_alike_come_first(index: Index, make_nonprofit: Make) -> None:
    new = make_nonprofit("Test Border Lawyers", "Brownsville, TX", slug="new", ein="000000001")
    found = find_lookalikes(new, index, n=2)
    assert found[0].why[:2] == ("ein", "name")
    assert [one.similarity for one in found] == sorted((o.similarity for o in found), reverse=True)
    assert len(found) <= 2
