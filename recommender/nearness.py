"""How each listing relates to the donor's place: where it serves wins over where it sits."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

from recommender.geo import haversine_km
from recommender.index import Index
from recommender.index.arrays import Floats
from recommender.index.model import REACHES, state_bit
from recommender.index.points import NOTHING_NEAR, Near
from recommender.models import DonorProfile, Nearness, Place, PlaceKind, Reach, Scope

LEVELS = tuple(Nearness)
PLACE_SCORES = {
    Nearness.OFFICE_NEAR: 1.0,
    Nearness.SERVES_HERE: 0.9,
    Nearness.STATE: 0.6,
    Nearness.NATIONAL: 0.25,
    Nearness.IN_STATE: 0.1,
    Nearness.ELSEWHERE: 0.0,
}
"""The place score of each level, in [0, 1]."""
DISTANCE_DISCOUNT = 0.3
"""How much of a near score is lost at the edge of the donor's radius."""
WIDE_REACH_NEAR = 0.7
"""A national group whose office happens to be near is not a local group."""
INTERNATIONAL_DISCOUNT = 0.8

_INTERNATIONAL = REACHES.index(Reach.INTERNATIONAL)

Mask = npt.NDArray[np.bool_]
Rows = npt.NDArray[np.integer]


@dataclass(frozen=True, kw_only=True)
class Vicinity:
    """A donor's place on the map of an index: `offices` and `areas` lie within the radius.

    For a whole state both are empty, because its borders decide and no distance does.
    """

    profile: DonorProfile
    place: Place
    index: Index
    offices: Near
    areas: Near

    @property
    def in_state(self) -> Rows:
        """The rows that serve the state, sorted."""
        return self.index.rows_with(f"states:{self.place.state}")

    def has_bit(self, bits: npt.NDArray[np.uint64], rows: Rows) -> Mask:
        """Which rows have the state in one of the bit fields of `PlaceArrays`."""
        return np.asarray(bits.take(rows) & np.uint64(state_bit(self.place.state)) != 0)


@dataclass(frozen=True, kw_only=True)
class NearnessArrays:
    """One value for each of the rows that were asked for, each array of shape (n_rows,).

    `level` indexes `LEVELS`; `score` is in [0, 1].
    """

    level: npt.NDArray[np.uint8]
    score: npt.NDArray[np.float32]


def survey(profile: DonorProfile, index: Index) -> Vicinity | None:
    """Find what is around the donor's place; None when no place was given."""
    place = profile.place
    if place is None:
        return None
    near = {}
    if place.kind is not PlaceKind.STATE:
        near = index.points.within(place, profile.radius_km)
    offices, areas = near.get(0, NOTHING_NEAR), near.get(1, NOTHING_NEAR)
    return Vicinity(profile=profile, place=place, index=index, offices=offices, areas=areas)


def measure_nearness(vicinity: Vicinity | None, rows: Rows) -> NearnessArrays | None:
    """Relate some sorted rows to the donor's place; None when no place was given."""
    return None if vicinity is None else _measure(vicinity, rows)


def _measure(vicinity: Vicinity, rows: Rows) -> NearnessArrays:
    places = vicinity.index.places
    reach = places.reach.take(rows)
    level, km = _levels(vicinity, rows)
    scores = np.array([*_score_table(vicinity.profile).values()], dtype=np.float32).take(level)
    near = level <= _code(Nearness.SERVES_HERE)
    if vicinity.place.kind is not PlaceKind.STATE:
        share = np.clip(km / np.float32(vicinity.profile.radius_km), 0, 1)
        scores = np.where(near, scores - np.float32(DISTANCE_DISCOUNT) * share, scores)
    wide = vicinity.index.is_wide.take(rows)
    scores[wide & (level == _code(Nearness.OFFICE_NEAR))] = WIDE_REACH_NEAR
    scores[reach == _INTERNATIONAL] *= np.float32(INTERNATIONAL_DISCOUNT)
    return NearnessArrays(level=level, score=scores)


def _levels(vicinity: Vicinity, rows: Rows) -> tuple[npt.NDArray[np.uint8], Floats]:
    """The level of each row, and the distance of its nearest point within the radius."""
    places = vicinity.index.places
    in_state = vicinity.has_bit(places.state_bits, rows)
    wide = vicinity.index.is_wide.take(rows)
    has_areas = places.has_areas.take(rows)
    office_km, area_km = vicinity.offices.distances(rows), vicinity.areas.distances(rows)
    if vicinity.place.kind is PlaceKind.STATE:
        office_near = vicinity.has_bit(places.office_bits, rows)
        served_near = in_state & has_areas
    else:
        office_near, served_near = office_km < np.inf, area_km < np.inf
    level = np.full(len(rows), _code(Nearness.ELSEWHERE), dtype=np.uint8)
    level[in_state] = _code(Nearness.IN_STATE)
    level[wide] = _code(Nearness.NATIONAL)
    level[vicinity.has_bit(places.statewide_bits, rows)] = _code(Nearness.STATE)
    level[served_near & ~wide] = _code(Nearness.SERVES_HERE)
    level[office_near & (in_state | ~has_areas)] = _code(Nearness.OFFICE_NEAR)
    return level, np.minimum(office_km, area_km)


def is_in_scope(vicinity: Vicinity | None, scope: Scope, index: Index) -> Mask:
    """Which listings a scope admits: (n_docs,).

    A group elsewhere in the donor's state is admitted even when asked for what is near: its
    place score is low, so it only shows where little nearby fits.
    """
    if vicinity is None or scope is Scope.ANYWHERE:
        return np.ones(len(index), dtype=np.bool_)
    admitted = index.is_wide.copy()
    offices = vicinity.offices.rows
    for rows in (vicinity.in_state, vicinity.areas.rows):
        admitted[rows] = True
    admitted[offices[~index.places.has_areas[offices]]] = True
    return admitted


def is_local(vicinity: Vicinity | None, index: Index) -> Mask:
    """Which listings are near the place or serve it from elsewhere: (n_docs,)."""
    if vicinity is None:
        return np.ones(len(index), dtype=np.bool_)
    local = np.zeros(len(index), dtype=np.bool_)
    for rows in (vicinity.in_state, vicinity.offices.rows, vicinity.areas.rows):
        local[rows] = True
    around = np.flatnonzero(local)
    local[around] = serves_locally(_measure(vicinity, around))
    return local


def serves_locally(nearness: NearnessArrays) -> Mask:
    """Which of the rows that were measured are near the place or serve it: (n_rows,)."""
    return np.asarray(nearness.level <= _code(Nearness.STATE))


def distances_km(place: Place, rows: Rows, index: Index) -> Floats:
    """The distance from a place to the nearest office of each row that may be shown.

    Of shape (n_rows,), NaN where no such office is known.
    """
    places = index.places
    rows = rows.astype(places.office_rows.dtype)  # a search among others would copy them
    begin, end = (places.office_rows.searchsorted(rows, side) for side in ("left", "right"))
    counts = end - begin
    ends = np.cumsum(counts)
    at = np.repeat(end - ends, counts) + np.arange(len(rows) and ends[-1])
    km = haversine_km(
        place.latitude, place.longitude, places.office_latitudes[at], places.office_longitudes[at]
    )
    nearest = np.full(len(rows), np.nan, dtype=np.float32)
    has = np.flatnonzero(counts)
    if len(has):
        nearest[has] = np.minimum.reduceat(km, (ends - counts)[has])
    return nearest


def _code(level: Nearness) -> int:
    return LEVELS.index(level)


def _score_table(profile: DonorProfile) -> dict[Nearness, float]:
    if profile.scope is Scope.STATE:
        return PLACE_SCORES | {Nearness.IN_STATE: PLACE_SCORES[Nearness.STATE]}
    return PLACE_SCORES
