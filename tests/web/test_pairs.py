"""Pairs of bars, by their figures."""

from dataclasses import replace

from recommender.exposure import Group, measure_exposure
from recommender.index import Index
from recommender.web.pairs import draw_groups, draw_pairs


def test_pairs_share_one_scale() -> None:
    one, two = draw_pairs([("one", 0.5, 0.25), ("two", 0.0, 0.1)])
    assert [segment.length for segment in one.segments] == [100, 50]
    assert [segment.length for segment in two.segments] == [0, 20]
    assert draw_pairs([("none", 0.0, 0.0)])[0].segments[0].length == 0


def test_groups_are_drawn_in_the_order_of_their_labels(crowd_index: Index) -> None:
    report = replace(measure_exposure(crowd_index, []), n_listings=10, n_shown=4)
    groups = [
        Group(key="a", n_listings=2, n_shown=4),
        Group(key="b", n_listings=8, n_shown=0),
        Group(key="c", n_listings=0, n_shown=0),
    ]
    labels = {"b": "Bees", "a": "Ants"}
    drawn = draw_groups(report, reversed(groups), labels)
    assert [(pair.label, pair.first, pair.second) for pair in drawn] == [
        ("Bees", 0.8, 0.0),
        ("Ants", 0.2, 1.0),
    ]
    most_first = draw_groups(report, groups, {"a": "Ants", "b": "Bees"}, most_first=True)
    assert [pair.label for pair in most_first] == ["Bees", "Ants"]
