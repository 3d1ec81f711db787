from collections.abc import Callable
from random import Random

import pytest

from benchmarks.known_items import (
    Directory,
    Item,
    add_word,
    delete,
    engines,
    find_misses,
    format_table,
    insert,
    replace,
    swap,
)
from recommender.config import Settings
from recommender.index import BuildInputs, build_index, load_current
from recommender.models import Location, Nonprofit
from recommender.text import edit_distance

Make = Callable[..., Nonprofit]


@pytest.fixture
def twins(make_nonprofit: Make) -> list[Nonprofit]:
    portland = Location(city="Portland", state="ME")
    return [
        make_nonprofit("Alpha Refugee Kitchen", other_names=("ARKI",), locations=(portland,)),
        make_nonprofit("Alpha Refugee Kitchen", slug="alpha-twin", locations=()),
        make_nonprofit("Friends of Bravo Harbor School", locations=()),
    ]


@pytest.fixture
def items(twins: list[Nonprofit]) -> list[Item]:
    return list(Directory(twins).items(Random(1)))


def of(way: str, items: list[Item]) -> list[Item]:
    return [item for item in items if item.way == way]


def test_each_listing_is_asked_for_in_every_way(items: list[Item]) -> None:
    assert [item.text for item in of("name", items)][2] == "Friends of Bravo Harbor School"
    assert [item.text for item in of("stated acronym", items)] == ["ARKI"]
    assert [item.text for item in of("initials", items)] == ["FBHS"]
    assert [item.text for item in of("its two rarest words", items)][2] == "friends bravo"
    assert [item.text for item in of("a small word missing", items)] == [
        "Friends Bravo Harbor School"
    ]


def test_what_tells_namesakes_apart_is_asked_for_one(items: list[Item]) -> None:
    both = frozenset({"alpha-refugee-kitchen", "alpha-twin"})
    assert [item.right for item in of("name", items)][:2] == [both, both]
    assert [item.right for item in of("name and city", items)] == [{"alpha-refugee-kitchen"}]


@pytest.mark.parametrize("edit", [insert, delete, replace, swap])
def test_a_typo_is_one_edit(edit: Callable[[str, Random], str]) -> None:
    for seed in range(30):
        typed = edit("Casa de la Niñez", Random(seed))
        assert edit_distance("Casa de la Niñez", typed) == 1


def test_a_word_too_many_is_a_small_one() -> None:
    longer = add_word("Casa Alegre", Random(0)).split()
    assert len(longer) == 3
    assert {*longer} > {"Casa", "Alegre"}


def test_what_is_not_first_is_counted_and_told(items: list[Item], twins: list[Nonprofit]) -> None:
    asked = engines(build_index(BuildInputs(nonprofits=sorted(twins, key=lambda n: n.slug))))
    named = of("name", items)
    assert find_misses(named, asked) == []
    assert "| name | 3 | 100.0% | 100.0% |" in format_table(named, [])
    misses = find_misses(named, {"recommend": lambda _: "other", "search": asked["search"]})
    assert [(miss.engine, miss.first) for miss in misses] == [("recommend", "other")] * 3
    assert "| name | 3 | 0.0% | 100.0% |" in format_table(named, misses)


def test_every_tenth_listing_is_first_for_its_name(directory: Settings) -> None:
    index = load_current(directory.index)
    whole = Directory([index.nonprofit(row) for row in range(len(index))])
    asked = {item.slug for item in whole.listings[::10]}
    ways = {"name", "another name", "stated acronym", "typo: swap", "name and city"}
    items = [item for item in whole.items(Random(2)) if item.way in ways and item.right & asked]
    assert len(find_misses(items, engines(index))) <= 0.02 * len(items) * 2
