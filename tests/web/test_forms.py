from __future__ import annotations

from typing import Any

import pytest

from recommender.errors import InvalidProfile, UnknownPlace
from recommender.geo import Gazetteer
from recommender.models import DonorProfile, Reach, Scope, Tag
from recommender.publish import open_gazetteer
from recommender.web.forms import parse_profile
from recommender.web.vocabulary import Vocabulary


@pytest.fixture(scope="module")
def gazetteer(directory_app: Any) -> Gazetteer:
    return open_gazetteer(directory_app.config["WAYMARK"])


@pytest.fixture
def vocabulary(taxonomy: tuple[Tag, ...]) -> Vocabulary:
    return Vocabulary(taxonomy)


def test_nothing_given_is_the_default(gazetteer: Gazetteer, vocabulary: Vocabulary) -> None:
    assert parse_profile({}, gazetteer, vocabulary) == DonorProfile()
    empty = {"text": None, "place": " ", "services": None, "weights": None, "filters": None}
    assert parse_profile(empty, gazetteer, vocabulary) == DonorProfile(text="")


def test_everything_given_is_read(gazetteer: Gazetteer, vocabulary: Vocabulary) -> None:
    values = {
        "text": "asilo",
        "place": "Portland, ME",
        "radius_km": 16,
        "scope": "state",
        "language": "es",
        "services": ["legal-services", "legal-services"],
        "giving": ["time", "money", "time"],
        "weights": {"place": 2, "small": 1},
        "filters": {"reach": ["local"], "states": ["ME"], "small_only": True},
    }
    profile = parse_profile(values, gazetteer, vocabulary)
    assert profile.place is not None
    assert (profile.place.label, profile.place.state) == ("Portland, ME", "ME")
    assert (profile.radius_km, profile.scope) == (16.0, Scope.STATE)
    assert profile.services == ("legal-services",)
    assert profile.giving == ("time", "money")
    assert (profile.weights.topic, profile.weights.place, profile.weights.small) == (1, 2, 1)
    assert profile.filters.reach == (Reach.LOCAL,)
    assert profile.filters.small_only


@pytest.mark.parametrize(
    ("values", "field"),
    [
        ({"text": "a\0b"}, "text"),
        ({"text": "\ud800"}, "text"),
        ({"text": "x" * 60_001}, "text"),
        ({"radius_km": 0}, "radius_km"),
        ({"radius_km": 501}, "radius_km"),
        ({"radius_km": float("nan")}, "radius_km"),
        ({"radius_km": float("inf")}, "radius_km"),
        ({"scope": "moon"}, "scope"),
        ({"language": "fr"}, "language"),
        ({"services": ["nope"]}, "services"),
        ({"communities": ["legal-services"]}, "communities"),
        ({"giving": ["gold"]}, "giving"),
        ({"weights": {"topic": -1}}, "weights.topic"),
        ({"weights": {"place": 3.1}}, "weights.place"),
        ({"filters": {"states": ["me"]}}, "filters.states"),
        ({"filters": {"reach": ["far"]}}, "filters.reach"),
        ({"filters": {"languages": ["klingon"]}}, "filters.languages"),
    ],
)
def test_what_cannot_be_read_is_named(
    gazetteer: Gazetteer, vocabulary: Vocabulary, values: dict[str, Any], field: str
) -> None:
    with pytest.raises(InvalidProfile) as raised:
        parse_profile(values, gazetteer, vocabulary)
    assert raised.value.field == field
    assert str(raised.value)


def test_a_place_with_several_readings_brings_suggestions(
    gazetteer: Gazetteer, vocabulary: Vocabulary
) -> None:
    with pytest.raises(UnknownPlace) as raised:
        parse_profile({"place": "Springfield"}, gazetteer, vocabulary)
    assert "Springfield, MA" in raised.value.suggestions
