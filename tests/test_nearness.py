from collections.abc import Callable
from dataclasses import replace

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from recommender.geo import haversine_km
from recommender.index import BuildInputs, Index, build_index
from recommender.models import (
    DonorProfile,
    Location,
    Nearness,
    Nonprofit,
    Place,
    PlaceKind,
    Reach,
    Scope,
    ServiceArea,
    Visibility,
)
from recommender.nearness import (
    LEVELS,
    PLACE_SCORES,
    NearnessArrays,
    distances_km,
    is_in_scope,
    is_local,
    measure_nearness,
    serves_locally,
    survey,
)
from tests.profiles import PLACES, PROFILES

Make = Callable[..., Nonprofit]
PlaceOf = Callable[[str], Place]


def measure_all(profile: DonorProfile, index: Index) -> NearnessArrays:
    found = measure_nearness(survey(profile, index), np.arange(len(index)))
    assert found is not None
    return found


def relate(place: Place, *nonprofits: Nonprofit, **profile: object) -> list[tuple[Nearness, float]]:
    """The level and score of each listing for a donor there."""
    index = build_index(BuildInputs(nonprofits=nonprofits))
    found = measure_all(DonorProfile(place=place, **profile), index)
    levels = [LEVELS[code] for code in found.level]
    return list(zip(levels, found.score.tolist(), strict=True))


def test_without_a_place_there_is_no_nearness(index: Index) -> None:
    assert survey(DonorProfile(text="asylum"), index) is None
    assert measure_nearness(None, np.arange(3)) is None
    assert is_in_scope(None, Scope.NEAR, index).all()
    assert is_local(None, index).all()


def test_where_a_group_serves_wins_over_where_it_is_registered(
    make_nonprofit: Make, make_place: PlaceOf
) -> None:
    at = {"latitude": 29.7594, "longitude": -95.3594}
    area = ServiceArea(state="TX", city="Houston", **at)
    group = make_nonprofit("Alpha", "Boston, MA", service_areas=(area,))
    assert relate(make_place("Boston, MA"), group) == [(Nearness.ELSEWHERE, 0.0)]
    ((level, score),) = relate(make_place("Houston, TX"), group)
    assert level is Nearness.SERVES_HERE
    assert score == pytest.approx(PLACE_SCORES[Nearness.SERVES_HERE])


def test_an_office_nearby_counts_most_and_less_with_distance(
    make_nonprofit: Make, make_place: PlaceOf
) -> None:
    groups = [make_nonprofit("Alpha", "Portland, ME"), make_nonprofit("Beta", "Lewiston, ME")]
    (near, best), (also_near, less) = relate(make_place("Portland, ME"), *groups)
    assert near is also_near is Nearness.OFFICE_NEAR
    assert best == pytest.approx(1.0, abs=1e-5)
    assert 0.7 < less < 1.0


def test_each_step_farther_away_scores_less(make_nonprofit: Make, make_place: PlaceOf) -> None:
    found = relate(
        make_place("Portland, ME"),
        make_nonprofit("Office", "Portland, ME"),
        make_nonprofit("Statewide", reach=Reach.STATE, service_areas=(ServiceArea(state="ME"),)),
        make_nonprofit("National", reach=Reach.NATIONAL),
        make_nonprofit("Abroad", reach=Reach.INTERNATIONAL),
        make_nonprofit("Upstate", service_areas=(ServiceArea(state="ME", city="Bangor"),)),
        make_nonprofit("Texan", "Houston, TX"),
    )
    assert [level for level, _ in found] == [
        Nearness.OFFICE_NEAR,
        Nearness.STATE,
        Nearness.NATIONAL,
        Nearness.NATIONAL,
        Nearness.IN_STATE,
        Nearness.ELSEWHERE,
    ]
    scores = [score for _, score in found]
    assert scores == sorted(scores, reverse=True)
    assert len(set(scores)) == len(scores)


def test_levels_are_in_the_order_of_their_scores() -> None:
    assert list(PLACE_SCORES) == list(LEVELS)
    assert list(PLACE_SCORES.values()) == sorted(PLACE_SCORES.values(), reverse=True)


@pytest.mark.parametrize("reach", [Reach.NATIONAL, Reach.INTERNATIONAL])
def test_a_wide_group_next_door_is_no_local_group(
    make_nonprofit: Make, make_place: PlaceOf, reach: Reach
) -> None:
    wide = make_nonprofit("Alpha", "Boston, MA", reach=reach, service_areas=())
    local = make_nonprofit("Beta", "Boston, MA")
    (_, wide_score), (_, local_score) = relate(make_place("Boston, MA"), wide, local)
    assert PLACE_SCORES[Nearness.NATIONAL] < wide_score < local_score


def test_a_hidden_location_has_no_distance_and_is_no_office(
    make_nonprofit: Make, make_place: PlaceOf
) -> None:
    at = {"latitude": 42.3576, "longitude": -71.0684}
    hidden = Location(city="Boston", state="MA", visibility=Visibility.HIDDEN, **at)
    areas = ((ServiceArea(state="MA", city="Boston", **at),), ())
    groups = [make_nonprofit("Alpha", locations=(hidden,), service_areas=a) for a in areas]
    served, unstated = (relate(make_place("Boston, MA"), group)[0][0] for group in groups)
    assert served is Nearness.SERVES_HERE
    assert unstated is Nearness.ELSEWHERE
    assert relate(make_place("MA"), groups[1])[0][0] is Nearness.ELSEWHERE
    index = build_index(BuildInputs(nonprofits=groups))
    assert np.isnan(distances_km(make_place("Boston, MA"), np.arange(2), index)).all()


def test_a_whole_state_as_the_place(make_nonprofit: Make, make_place: PlaceOf) -> None:
    found = relate(
        make_place("ME"),
        make_nonprofit("Office", "Portland, ME"),
        make_nonprofit("Serves", service_areas=(ServiceArea(state="ME", city="Bangor"),)),
        make_nonprofit("Whole", service_areas=(ServiceArea(state="ME"),)),
        make_nonprofit("Texan", "Houston, TX"),
    )
    assert [level for level, _ in found] == [
        Nearness.OFFICE_NEAR,
        Nearness.SERVES_HERE,
        Nearness.SERVES_HERE,
        Nearness.ELSEWHERE,
    ]
    assert found[0][1] == 1.0


def test_scope_near_and_state_leave_out_other_states(index: Index, make_place: PlaceOf) -> None:
    near = DonorProfile(place=make_place("Portland, ME"))
    vicinity = survey(near, index)
    for scope in (Scope.NEAR, Scope.STATE):
        kept = {index.slugs[row] for row in np.flatnonzero(is_in_scope(vicinity, scope, index))}
        assert kept == {
            "test-maine-asylum-project",
            "test-lewiston-english-classes",
            "test-national-policy-network",
        }
    assert is_in_scope(vicinity, Scope.ANYWHERE, index).all()


def test_asking_for_the_state_lifts_groups_elsewhere_in_it(
    make_nonprofit: Make, make_place: PlaceOf
) -> None:
    upstate = make_nonprofit("Alpha", service_areas=(ServiceArea(state="ME", city="Bangor"),))
    place = make_place("Portland, ME")
    ((_, near),) = relate(place, upstate)
    ((level, wide),) = relate(place, upstate, scope=Scope.STATE)
    assert level is Nearness.IN_STATE
    assert near < wide == pytest.approx(PLACE_SCORES[Nearness.STATE])


def test_the_directory_shows_what_is_near_or_statewide(index: Index, make_place: PlaceOf) -> None:
    vicinity = survey(DonorProfile(place=make_place("Portland, ME")), index)
    kept = {index.slugs[row] for row in np.flatnonzero(is_local(vicinity, index))}
    assert kept == {"test-maine-asylum-project", "test-lewiston-english-classes"}


@given(PROFILES.filter(lambda profile: profile.place is not None))
@settings(max_examples=60, deadline=None)
def test_place_scores_lie_between_nothing_and_one(
    crowd_index: Index, profile: DonorProfile
) -> None:
    found = measure_all(profile, crowd_index)
    assert ((found.score >= 0) & (found.score <= 1)).all()
    assert (found.score[found.level == LEVELS.index(Nearness.ELSEWHERE)] == 0).all()


@given(PROFILES.filter(lambda profile: profile.place is not None), st.data())
@settings(max_examples=60, deadline=None)
def test_some_rows_are_measured_as_all_are(
    crowd_index: Index, profile: DonorProfile, data: st.DataObject
) -> None:
    whole, vicinity = measure_all(profile, crowd_index), survey(profile, crowd_index)
    chosen = data.draw(st.sets(st.integers(min_value=0, max_value=len(crowd_index) - 1)))
    rows = np.array(sorted(chosen), dtype=np.intp)
    found = measure_nearness(vicinity, rows)
    assert found is not None
    assert found.level.tolist() == whole.level[rows].tolist()
    assert found.score.tolist() == whole.score[rows].tolist()
    in_scope = is_in_scope(vicinity, Scope.NEAR, crowd_index)
    assert (in_scope == (whole.level < LEVELS.index(Nearness.ELSEWHERE))).all()
    assert (is_local(vicinity, crowd_index) == serves_locally(whole)).all()


@given(st.sampled_from(PLACES), st.floats(min_value=1, max_value=500))
@settings(max_examples=60, deadline=None)
def test_an_office_is_near_by_its_distance(
    crowd_index: Index, place: Place, radius_km: float
) -> None:
    rows = np.arange(len(crowd_index))
    distances = distances_km(place, rows, crowd_index)
    for row in rows.tolist():
        offices = [at for at in crowd_index.nonprofit(row).shown_locations if at.latitude]
        expected = [
            haversine_km(place.latitude, place.longitude, at.latitude, at.longitude)
            for at in offices
        ]
        assert np.isnan(distances[row]) == (not expected)
        assert not expected or distances[row] == pytest.approx(min(expected), rel=1e-4, abs=0.01)
    if place.kind is not PlaceKind.STATE:
        found = measure_all(DonorProfile(place=place, radius_km=radius_km), crowd_index)
        near = found.level == LEVELS.index(Nearness.OFFICE_NEAR)
        assert (distances[near] <= np.float32(radius_km)).all()


@given(
    st.sampled_from(PLACES),
    st.floats(min_value=1, max_value=500),
    st.floats(min_value=1, max_value=500),
)
@settings(max_examples=60, deadline=None)
def test_a_larger_radius_never_loses_an_office(
    crowd_index: Index, place: Place, one: float, other: float
) -> None:
    profile = DonorProfile(place=place, radius_km=min(one, other))
    larger = replace(profile, radius_km=max(one, other))
    small, large = measure_all(profile, crowd_index), measure_all(larger, crowd_index)
    assert (large.level <= small.level).all()
    assert (serves_locally(small) <= serves_locally(large)).all()
