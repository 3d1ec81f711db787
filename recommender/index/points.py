"""Points of listings on the map, sorted so that those around a place are found at once."""

from __future__ import annotations

from dataclasses import dataclass
from math import asin, cos, degrees, pi, radians, sin, sqrt

import numpy as np

from recommender.geo import EARTH_RADIUS_KM, haversine_km
from recommender.index.arrays import Floats, Ints, find_runs
from recommender.models import Place

MARGIN_DEGREES = 1e-3
"""More than the coordinates lose by being stored with 32 bits."""


@dataclass(frozen=True)
class Points:
    """Points in the order of their latitudes, each with its row and kind: all (n_points,)."""

    rows: Ints
    latitudes: Floats
    longitudes: Floats
    kinds: Ints

    @classmethod
    def build(cls, *kinds: tuple[Ints, Floats, Floats]) -> Points:
        """Sort the points of some kinds, each given as rows, latitudes and longitudes."""
        rows, latitudes, longitudes = (np.concatenate(parts) for parts in zip(*kinds, strict=True))
        numbers = np.repeat(np.arange(len(kinds), dtype=np.uint8), [len(each[0]) for each in kinds])
        order = np.argsort(latitudes, kind="stable")
        return cls(rows[order], latitudes[order], longitudes[order], numbers[order])

    def within(self, place: Place, radius_km: float) -> dict[int, Near]:
        """The rows that have a point within the radius, by kind; kinds without any are left out."""
        angle = radius_km / EARTH_RADIUS_KM
        height = degrees(angle) + MARGIN_DEGREES
        edges = np.array([place.latitude - height, place.latitude + height], dtype=np.float32)
        ends = self.latitudes.searchsorted(edges)  # another type would copy all latitudes
        band = slice(*ends.tolist())
        width = _widest(place.latitude, height, angle)
        apart = np.abs(self.longitudes[band] - np.float32(place.longitude))
        close = np.flatnonzero((apart <= width) | (apart >= 360 - width)) + band.start
        at = (self.latitudes[close], self.longitudes[close])
        km = haversine_km(place.latitude, place.longitude, *at).astype(np.float32)
        inside = km <= radius_km
        close, km = close[inside], km[inside]
        kinds = self.kinds[close]
        each = ((kind, kinds == kind) for kind in set(kinds.tolist()))
        return {kind: Near.of(self.rows[close[these]], km[these]) for kind, these in each}


def _widest(latitude: float, height: float, angle: float) -> float:
    """How many degrees of longitude a point can be away that is within the angle."""
    farthest = min(abs(latitude) + height, 90.0)
    narrowest = cos(radians(latitude)) * cos(radians(farthest))
    sine = sin(min(angle, pi) / 2) / max(sqrt(max(narrowest, 0.0)), 1e-9)
    return degrees(2 * asin(min(sine, 1.0))) + MARGIN_DEGREES


@dataclass(frozen=True)
class Near:
    """The rows near a place, sorted, each once, with the distance of their nearest point."""

    rows: Ints
    km: Floats

    @classmethod
    def of(cls, rows: Ints, km: Floats) -> Near:
        """Keep the nearest point of each row."""
        order = np.argsort(rows, kind="stable")
        rows = rows[order]
        starts, _ = find_runs(rows)
        return cls(rows[starts], np.minimum.reduceat(km[order], starts))

    def distances(self, rows: Ints) -> Floats:
        """The distance of each of some sorted rows, infinite where it is not near: (n,)."""
        if not len(self.rows):
            return np.full(len(rows), np.inf, dtype=np.float32)
        at = self.rows.searchsorted(rows)
        is_near = self.rows.take(at, mode="clip") == rows
        return np.where(is_near, self.km.take(at, mode="clip"), np.float32(np.inf))


NOTHING_NEAR = Near(np.empty(0, dtype=np.int32), np.empty(0, dtype=np.float32))
