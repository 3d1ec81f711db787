from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace

import pytest

from recommender.index import kept
from recommender.index.kept import Kept
from recommender.models import Nonprofit

Make = Callable[..., Nonprofit]


@pytest.fixture
def asked() -> list[str]:
    """The names of the listings that something was worked out of."""
    return []


@pytest.fixture
def shout(asked: list[str]) -> Kept[str]:
    def find(item: Nonprofit) -> str:
        asked.append(item.name)
        return item.name.upper()

    return Kept(find)


def test_only_what_has_changed_is_worked_out_anew(
    shout: Kept[str], asked: list[str], make_nonprofit: Make
) -> None:
    one, two, three = map(make_nonprofit, ("One", "Two", "Three"))
    assert shout([one, two]) == ["ONE", "TWO"]
    assert shout([three, replace(two), replace(one, name="Other")]) == ["THREE", "TWO", "OTHER"]
    assert asked == ["One", "Two", "Three", "Other"]


def test_what_has_left_is_forgotten(
    shout: Kept[str], asked: list[str], make_nonprofit: Make
) -> None:
    one, two = make_nonprofit("One"), make_nonprofit("Two")
    for listed in ([one, two], [two], [two, one, one]):
        assert shout(listed) == [item.name.upper() for item in listed]
    assert asked == ["One", "Two", "One", "One"]


def test_of_a_large_catalogue_nothing_is_kept(
    shout: Kept[str], asked: list[str], make_nonprofit: Make, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(kept, "MAX_LISTINGS", 1)
    listed = [make_nonprofit("One"), make_nonprofit("Two")]
    assert shout(listed) == shout(listed) == ["ONE", "TWO"]
    assert asked == ["One", "Two"] * 2
