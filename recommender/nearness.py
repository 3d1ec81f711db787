"""How each listing relates to the donor's place: where it serves wins over where it sits."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

from recommender.geo import haversine_km
from recommender.index import Index
from recommender.index.model import REACHES, state_bit
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

_WIDE = np.array([reach in (Reach.NATIONAL, Reach.INTERNATIONAL) for reach in REACHES])
_INTERNATIONAL = REACHES.index(Reach.INTERNATIONAL)


@dataclass(frozen=True, kw_only=True)
class NearnessArrays:
    """One value per listing, each array of shape (n_docs,).

    `level` indexes `LEVELS`; `distance_km` is to the nearest office that may be shown, NaN
    where unknown; `score` is in [0, 1].
    """

    level: npt.NDArray[np.uint8]
    distance_km: npt.NDArray[np.float32]
    score: npt.NDArray[np.float32]


def measure_nearness(profile: DonorProfile, index: Index) -> NearnessArrays | None:
    """Relate every listing to the donor's place; None when no place was given."""
    if profile.place is None:
        return None
    place, places = profile.place, index.places
    bit = np.uint64(state_bit(place.state))
    in_state = (places.state_bits & bit) != 0
    wide = _WIDE[places.reach]
    offices = (places.office_rows, places.office_latitudes, places.office_longitudes)
    areas = (places.area_rows, places.area_latitudes, places.area_longitudes)
    office_km, area_km = (_nearest(place, points, len(index)) for points in (offices, areas))
    office_near = _near(profile, office_km, (places.office_bits & bit) != 0)
    served_near = _near(profile, area_km, in_state & places.has_areas)
    conditions = {
        Nearness.OFFICE_NEAR: office_near & (in_state | ~places.has_areas),
        Nearness.SERVES_HERE: served_near & ~wide,
        Nearness.STATE: (places.statewide_bits & bit) != 0,
        Nearness.NATIONAL: wide,
        Nearness.IN_STATE: in_state,
    }
    codes = [_code(level) for level in conditions]
    level = np.select([*conditions.values()], codes, _code(Nearness.ELSEWHERE)).astype(np.uint8)
    score = _scores(profile, level, np.fmin(office_km, area_km))
    score[wide & (level == _code(Nearness.OFFICE_NEAR))] = WIDE_REACH_NEAR
    score[places.reach == _INTERNATIONAL] *= np.float32(INTERNATIONAL_DISCOUNT)
    return NearnessArrays(level=level, distance_km=office_km, score=score)


def is_in_scope(
    nearness: NearnessArrays | None, scope: Scope, index: Index
) -> npt.NDArray[np.bool_]:
    """Which listings a scope admits: (n_docs,).

    A group elsewhere in the donor's state is admitted even when asked for what is near: its
    place score is low, so it only shows where little nearby fits.
    """
    if nearness is None or scope is Scope.ANYWHERE:
        return np.ones(len(index), dtype=np.bool_)
    return np.asarray(nearness.level < _code(Nearness.ELSEWHERE))


def is_local(nearness: NearnessArrays | None, index: Index) -> npt.NDArray[np.bool_]:
    """Which listings are near the place or serve it from elsewhere: (n_docs,)."""
    if nearness is None:
        return np.ones(len(index), dtype=np.bool_)
    return np.asarray(nearness.level <= _code(Nearness.STATE))


def _code(level: Nearness) -> int:
    return LEVELS.index(level)


def _nearest(
    place: Place,
    points: tuple[npt.NDArray[np.integer], npt.NDArray[np.floating], npt.NDArray[np.floating]],
    n_docs: int,
) -> npt.NDArray[np.float32]:
    """The distance from the place to each listing's nearest point, NaN without any."""
    rows, latitudes, longitudes = points
    nearest = np.full(n_docs, np.inf, dtype=np.float32)
    distances = haversine_km(place.latitude, place.longitude, latitudes, longitudes)
    np.minimum.at(nearest, rows, distances.astype(np.float32))
    nearest[np.isinf(nearest)] = np.nan
    return nearest


def _near(
    profile: DonorProfile,
    distance_km: npt.NDArray[np.float32],
    in_state: npt.NDArray[np.bool_],
) -> npt.NDArray[np.bool_]:
    """Within the radius; where the place is a whole state, inside that state."""
    if profile.place is not None and profile.place.kind is PlaceKind.STATE:
        return in_state
    with np.errstate(invalid="ignore"):
        return np.asarray(distance_km <= profile.radius_km)


def _scores(
    profile: DonorProfile,
    level: npt.NDArray[np.uint8],
    distance_km: npt.NDArray[np.float32],
) -> npt.NDArray[np.float32]:
    scores = dict(PLACE_SCORES)
    if profile.scope is Scope.STATE:
        scores[Nearness.IN_STATE] = scores[Nearness.STATE]
    base = np.array([scores[name] for name in LEVELS], dtype=np.float32)[level]
    if profile.place is not None and profile.place.kind is PlaceKind.STATE:
        return base
    share = np.clip(np.nan_to_num(distance_km / profile.radius_km, nan=1.0), 0, 1)
    near = level <= _code(Nearness.SERVES_HERE)
    return np.where(near, base - DISTANCE_DISCOUNT * share, base).astype(np.float32)
