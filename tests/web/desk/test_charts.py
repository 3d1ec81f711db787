"""The desk's pictures, by their figures."""

import pytest

from recommender.geo import STATES
from recommender.web.desk.charts import (
    draw_histogram,
    draw_stacks,
    draw_tiles,
    draw_weeks,
    list_tiles,
    shade,
)

HREFS = dict.fromkeys(STATES, "/")


def test_every_state_the_district_and_puerto_rico_have_one_tile() -> None:
    codes = [tile.code for tile in draw_tiles({}, HREFS).tiles]
    assert len(codes) == len(set(codes)) == 52
    assert set(codes) == set(list_tiles()) <= set(STATES)
    assert {"AK", "DC", "HI", "ME", "PR", "TX"} <= set(codes)


def test_tiles_do_not_overlap_and_lie_on_the_map() -> None:
    view = draw_tiles({}, HREFS)
    assert len({(tile.x, tile.y) for tile in view.tiles}) == 52
    for tile in view.tiles:
        assert 0 <= tile.x <= view.width - view.size
        assert 0 <= tile.y <= view.height - view.size


def test_neighbours_lie_where_they_should() -> None:
    at = {tile.code: (tile.x, tile.y) for tile in draw_tiles({}, HREFS).tiles}
    for west, east in (("CA", "NV"), ("OR", "ID"), ("TX", "FL"), ("OH", "NJ"), ("MA", "NH")):
        assert at[west][0] < at[east][0], (west, east)
    for north, south in (("ME", "CT"), ("MN", "TX"), ("WA", "CA"), ("PA", "NC"), ("MI", "TN")):
        assert at[north][1] < at[south][1], (north, south)


@pytest.mark.parametrize(
    ("value", "level"),
    [(0, 0), (1, 1), (4, 1), (5, 2), (14, 2), (15, 3), (39, 3), (40, 4), (999, 4)],
)
def test_more_listings_are_darker(value: int, level: int) -> None:
    assert shade(value) == level
    tiles = {tile.code: tile for tile in draw_tiles({"ME": value}, HREFS).tiles}
    assert (tiles["ME"].value, tiles["ME"].level) == (value, level)
    assert tiles["TX"].level == 0


def test_the_legend_names_every_value_once() -> None:
    assert draw_tiles({}, HREFS).legend() == [
        (0, "none"),
        (1, "1–4"),
        (2, "5–14"),
        (3, "15–39"),
        (4, "40 or more"),
    ]
    few = draw_tiles({}, HREFS, (1, 2, 4, 8)).legend()
    assert [words for _, words in few] == ["none", "1", "2–3", "4–7", "8 or more"]


def test_columns_are_as_high_as_their_values() -> None:
    view = draw_histogram([("a", 10, False), ("b", 5, True), ("c", 0, False)])
    heights = [column.height for column in view.columns]
    assert heights[0] == 2 * heights[1] > heights[2] == 0
    assert [column.is_old for column in view.columns] == [False, True, False]
    for column in view.columns:
        assert column.y + column.height == view.floor
        assert column.x + column.width <= view.width
    assert draw_histogram([]).columns == ()
    assert draw_histogram([("a", 0, False)]).columns[0].height == 0


def test_bars_share_one_scale_and_their_parts_add_up() -> None:
    long, short, none = draw_stacks(
        [("long", "/l", (3, 0, 1)), ("short", "/s", (0, 2, 0)), ("none", "/n", (0, 0, 0))],
        ("new", "week", "old"),
    )
    assert (long.total, short.total, none.total) == (4, 2, 0)
    assert [(s.kind, s.start, s.length) for s in long.segments] == [("new", 0, 75), ("old", 75, 25)]
    assert [(s.kind, s.start, s.length) for s in short.segments] == [("week", 0, 50)]
    assert none.segments == ()


def test_a_count_that_is_not_shown_has_no_column() -> None:
    drawn = draw_weeks([("Nov 9", 1000), ("Nov 16", None), ("Nov 23", 250)])
    assert [column.text for column in drawn.columns] == ["1,000", "<10", "250"]
    heights = [column.height for column in drawn.columns]
    assert heights[1] == 0
    assert heights[0] == 4 * heights[2] > 0
    assert [column.height for column in draw_weeks([("Nov 9", None)]).columns] == [0]
    assert draw_weeks([]).columns == ()
