import math
import re
from xml.etree import ElementTree as ET

import pytest
from hypothesis import given
from hypothesis import strategies as st

from recommender.geo import STATES
from recommender.models import Place, PlaceKind
from recommender.web import maps
from recommender.web.maps import MapPoint, MapView, draw_map, project

PORTLAND = (43.6591, -70.2568)
LEWISTON = (44.1004, -70.2148)
LOS_ANGELES = (34.0522, -118.2437)
CHICAGO = (41.8781, -87.6298)
ANCHORAGE = (61.2181, -149.9003)
HONOLULU = (21.3069, -157.8583)
SAN_JUAN = (18.4655, -66.1057)


def place(at: tuple[float, float], state: str, kind: PlaceKind = PlaceKind.CITY) -> Place:
    return Place(label="Here", kind=kind, state=state, latitude=at[0], longitude=at[1])


def points(*places: tuple[float, float] | None) -> list[MapPoint]:
    return [
        MapPoint(
            rank=rank,
            name=f"Group {rank}",
            latitude=at[0] if at else None,
            longitude=at[1] if at else None,
        )
        for rank, at in enumerate(places, start=1)
    ]


def ranks(view: MapView) -> list[int]:
    """Every rank that the map accounts for, drawn or listed beside it."""
    drawn = [point for marker in view.markers for point in marker.points]
    return sorted(point.rank for point in [*drawn, *view.beyond, *view.unplaced])


@pytest.mark.parametrize(
    ("at", "expected"),
    [
        # From d3-geo 3: geoAlbersUsa().scale(1300).translate([487.5, 305]).
        (PORTLAND, (913.6330, 135.0084)),
        (LOS_ANGELES, (86.8121, 363.1189)),
        (CHICAGO, (638.2196, 226.1123)),
        ((25.7617, -80.1918), (822.7383, 572.5408)),
        ((47.6062, -122.3321), (97.6250, 46.3187)),
        ((25.9017, -97.4975), (467.1703, 596.2184)),
        ((24.5551, -81.78), (794.4059, 604.4525)),
        (ANCHORAGE, (112.2774, 544.2779)),
        ((58.3019, -134.4197), (176.9370, 556.0838)),
        ((52.9, 172.9), (-55.8924, 572.0966)),
        (HONOLULU, (266.9599, 549.1904)),
        ((19.7071, -155.0885), (326.1882, 585.1859)),
    ],
)
def test_projection_is_that_of_the_outlines(
    at: tuple[float, float], expected: tuple[float, float]
) -> None:
    assert project(*at) == pytest.approx(expected, abs=1e-3)


@pytest.mark.parametrize(
    "at", [SAN_JUAN, (13.4443, 144.7937), (-14.2756, -170.702), (0.0, 0.0), (48.85, 2.35)]
)
def test_territories_and_other_countries_are_not_on_the_sheet(at: tuple[float, float]) -> None:
    assert project(*at) is None


@given(latitude=st.floats(-90, 90), longitude=st.floats(-180, 180))
def test_any_point_on_earth_is_on_the_sheet_or_off_it(latitude: float, longitude: float) -> None:
    at = project(latitude, longitude)
    assert at is None or all(math.isfinite(value) for value in at)


def test_outlines_are_the_states_and_the_capital() -> None:
    outlines = maps._outlines()
    assert set(outlines) == set(STATES) - {"PR", "GU", "VI", "AS", "MP"}
    for outline in outlines.values():
        assert re.fullmatch(r"(M[\d.-]+ ?[\d.-]+l[\d. -]+Z)+", outline.path)
        left, top, right, bottom = outline.box
        assert all(left <= x <= right and top <= y <= bottom for x, y in outline.rooms)
        assert outline.rooms


def test_a_city_lies_within_the_box_of_its_state() -> None:
    for at, state in ((PORTLAND, "ME"), (CHICAGO, "IL"), (ANCHORAGE, "AK"), (HONOLULU, "HI")):
        x, y = project(*at) or (0.0, 0.0)
        left, top, right, bottom = maps._outlines()[state].box
        assert left < x < right
        assert top < y < bottom


def test_without_a_place_the_whole_country_is_drawn() -> None:
    view = draw_map(points(PORTLAND, LOS_ANGELES, ANCHORAGE))
    assert view.viewbox == "0.0 0.0 975.0 610.0"
    assert len(view.states) == 51
    assert [marker.label for marker in view.markers] == ["1", "2", "3"]
    assert view.origin is None


def test_around_a_place_only_its_region_is_drawn() -> None:
    view = draw_map(points(PORTLAND, LEWISTON, LOS_ANGELES), origin=place(PORTLAND, "ME"))
    assert view.width == maps.MIN_FRAME_WIDTH
    assert view.width / view.height == pytest.approx(975 / 610)
    assert {"ME", "NH"} <= {state.code for state in view.states} <= {"ME", "NH", "VT", "MA", "NY"}
    assert [marker.label for marker in view.markers] == ["1", "2"]
    assert [point.rank for point in view.beyond] == [3]


def test_the_circle_has_the_donors_radius() -> None:
    view = draw_map(points(PORTLAND), origin=place(PORTLAND, "ME"), radius_km=60)
    assert view.origin is not None
    sixty_km_north = project(PORTLAND[0] + 60 / 111.195, PORTLAND[1])
    assert sixty_km_north is not None
    reach = math.dist((view.origin.x, view.origin.y), sixty_km_north)
    assert view.origin.radius == pytest.approx(reach, rel=0.02)


def test_the_circle_fits_in_the_frame() -> None:
    view = draw_map([], origin=place(CHICAGO, "IL"), radius_km=500)
    circle = view.origin
    assert circle is not None
    assert view.left < circle.x - circle.radius
    assert view.top < circle.y - circle.radius
    assert circle.y + circle.radius < view.top + view.height


def test_a_state_is_shown_whole_and_has_no_circle() -> None:
    view = draw_map(points(CHICAGO), origin=place((40.0, -89.0), "IL", PlaceKind.STATE))
    left, top, right, bottom = maps._outlines()["IL"].box
    assert view.origin is None
    assert view.left < left < right < view.left + view.width
    assert view.top < top < bottom < view.top + view.height


def test_where_nothing_is_near_the_country_is_drawn() -> None:
    view = draw_map(points(LOS_ANGELES), origin=place(PORTLAND, "ME"))
    assert view.width == 975
    assert len(view.states) == 51
    assert view.origin is not None


def test_insets_stand_alone() -> None:
    view = draw_map(points(ANCHORAGE, HONOLULU), origin=place(ANCHORAGE, "AK"))
    assert [state.code for state in view.states] == ["AK"]
    assert [point.rank for point in view.beyond] == [2]


def test_results_at_one_spot_share_a_marker() -> None:
    view = draw_map(points(PORTLAND, LOS_ANGELES, CHICAGO, PORTLAND, CHICAGO, LEWISTON, PORTLAND))
    assert [marker.label for marker in view.markers] == ["1, 4 +2", "2", "3, 5"]


@pytest.mark.parametrize(
    ("given_ranks", "label"),
    [
        ([3], "3"),
        ([1, 2], "1, 2"),
        ([1, 4, 7], "1, 4, 7"),
        ([1, 2, 3, 9], "1–3, 9"),
        ([1, 3, 5, 7], "1, 3 +2"),
        ([1, 3, 5, 6, 7, 9], "1, 3 +4"),
    ],
)
def test_ranks_are_written_short(given_ranks: list[int], label: str) -> None:
    assert maps._rank_label(given_ranks) == label


def test_what_has_no_place_on_the_map_is_listed() -> None:
    view = draw_map(points(None, SAN_JUAN, CHICAGO), origin=place(SAN_JUAN, "PR"))
    assert [point.rank for point in view.unplaced] == [1, 2]
    assert [marker.label for marker in view.markers] == ["3"]
    assert view.origin is None


degrees = st.tuples(st.floats(24, 50), st.floats(-125, -66))


@given(found=st.lists(st.none() | degrees, max_size=25), home=st.none() | degrees)
def test_every_result_is_accounted_for_and_no_markers_overlap(
    found: list[tuple[float, float] | None], home: tuple[float, float] | None
) -> None:
    view = draw_map(points(*found), origin=place(home, "KS") if home else None)
    assert ranks(view) == list(range(1, len(found) + 1))
    boxes = [marker.box for marker in view.markers]
    assert not any(
        maps._meet(one, other) for at, one in enumerate(boxes) for other in boxes[at + 1 :]
    )


def test_codes_of_states_keep_clear_of_markers() -> None:
    view = draw_map(points(CHICAGO, PORTLAND, LOS_ANGELES, (39.7, -104.9), (32.8, -96.8)))
    labels = {state.code: state.label for state in view.states if state.label}
    assert {"CA", "TX", "CO", "MT"} <= set(labels)
    assert "DC" not in labels
    for x, y in labels.values():
        assert not any(maps._meet((x, y, x, y), marker.box) for marker in view.markers)


def test_the_outlines_make_well_formed_svg() -> None:
    shapes = "".join(f'<path d="{state.path}"/>' for state in draw_map([]).states)
    assert len(ET.fromstring(f"<svg>{shapes}</svg>")) == 51
