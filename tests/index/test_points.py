import numpy as np
from hypothesis import example, given, settings
from hypothesis import strategies as st

from recommender.geo import haversine_km
from recommender.index.points import NOTHING_NEAR, Near, Points
from recommender.models import Place, PlaceKind

LATITUDES = st.floats(min_value=-90, max_value=90, width=32)
LONGITUDES = st.floats(min_value=-180, max_value=180, width=32)
Spot = tuple[float, float]
Kind = tuple[np.ndarray, np.ndarray, np.ndarray]


def kind_of(spots: list[tuple[int, float, float]]) -> Kind:
    return (
        np.array([row for row, _, _ in spots], dtype=np.int32),
        np.array([latitude for _, latitude, _ in spots], dtype=np.float32),
        np.array([longitude for _, _, longitude in spots], dtype=np.float32),
    )


def find(kind: Kind, at: Spot, radius_km: float) -> Near:
    """What is near of the second of two kinds of points, the first being everywhere."""
    other = kind_of([(0, at[0], at[1])])
    place = Place(label="", kind=PlaceKind.CITY, state="", latitude=at[0], longitude=at[1])
    return Points.build(other, kind).within(place, radius_km).get(1, NOTHING_NEAR)


@given(
    st.lists(st.tuples(st.integers(min_value=0, max_value=9), LATITUDES, LONGITUDES), max_size=30),
    st.tuples(LATITUDES, LONGITUDES),
    st.floats(min_value=0.1, max_value=20_100),
)
@example([(0, 13.4, 144.8), (1, 52.9, -179.9)], (52.0, 179.9), 300.0)  # over the date line
@example([(0, 89.9, 10.0), (0, 89.0, 0.0)], (89.9, -170.0), 25.0)  # over the pole
@settings(max_examples=200, deadline=None)
def test_what_is_near_is_what_all_distances_say(
    spots: list[tuple[int, float, float]], at: Spot, radius_km: float
) -> None:
    rows, latitudes, longitudes = kind_of(spots)
    near = find((rows, latitudes, longitudes), at, radius_km)
    nearest: dict[int, np.float32] = {}
    km = haversine_km(*at, latitudes, longitudes).astype(np.float32)
    for row, distance in zip(rows.tolist(), km, strict=True):
        nearest[row] = min(distance, nearest.get(row, distance))
    expected = {row: float(distance) for row, distance in nearest.items() if distance <= radius_km}
    assert dict(zip(near.rows.tolist(), near.km.tolist(), strict=True)) == expected
    assert near.rows.tolist() == sorted(expected)


def test_a_point_that_is_nowhere_is_near_nothing() -> None:
    spots = kind_of([(0, float("nan"), 0.0), (1, 0.0, float("nan")), (2, 0.0, 0.1)])
    assert find(spots, (0.0, 0.0), 50.0).rows.tolist() == [2]


def test_rows_that_are_not_near_are_infinitely_far() -> None:
    near = Near.of(np.array([4, 2, 4]), np.array([9.0, 3.0, 1.0], dtype=np.float32))
    assert near.distances(np.array([1, 2, 4, 7])).tolist() == [np.inf, 3.0, 1.0, np.inf]
    assert NOTHING_NEAR.distances(np.array([0, 1])).tolist() == [np.inf, np.inf]
