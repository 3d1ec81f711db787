"""Points of listings on the map, sorted so that those around a place are found at once."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from recommender.geo import EARTH_RADIUS_KM, haversine_km
from recommender.index.arrays import Floats, Ints

MARGIN_DEGREES = 1e-3
"""More than the coordinates lose by being stored with 32 bits."""


@dataclass(frozen=True)
class Points:
    """Points in the order of their latitudes, each with the row it belongs to: all (n_points,)."""

    rows: Ints
    latitudes: Floats
    longitudes: Floats

    @classmethod
    def build(cls, rows: Ints, latitudes: Floats, longitudes: Floats) -> Points:
        """Sort the points."""
        order = np.argsort(latitudes, kind="stable")
        return cls(rows[order], latitudes[order], longitudes[order])

    def within(self, latitude: float, longitude: float, radius_km: float) -> Near:
        """The rows that have a point within the radius."""
        angle = radius_km / EARTH_RADIUS_KM
        height = np.degrees(angle) + MARGIN_DEGREES
        band = slice(*self.latitudes.searchsorted([latitude - height, latitude + height]))
        width = _widest(latitude, height, angle)
        apart = np.abs(self.longitudes[band] - np.float32(longitude))
        close = np.flatnonzero((apart <= width) | (apart >= 360 - width)) + band.start
        km = haversine_km(latitude, longitude, self.latitudes[close], self.longitudes[close])
        km = km.astype(np.float32)
        inside = km <= radius_km
        return Near.of(self.rows[close[inside]], km[inside])


def _widest(latitude: float, height: float, angle: float) -> float:
    """How many degrees of longitude a point can be away that is within the angle."""
    farthest = min(abs(latitude) + height, 90.0)
    narrowest = np.cos(np.radians(latitude)) * np.cos(np.radians(farthest))
    sine = np.sin(min(angle, np.pi) / 2) / max(np.sqrt(narrowest), 1e-9)
    return float(np.degrees(2 * np.arcsin(min(sine, 1.0)))) + MARGIN_DEGREES


@dataclass(frozen=True)
class Near:
    """The rows near a place, sorted, each once, with the distance of their nearest point."""

    rows: Ints
    km: Floats

    @classmethod
    def of(cls, rows: Ints, km: Floats) -> Near:
        """Keep the nearest point of each row."""
        if not len(rows):
            return cls(rows, km)
        order = np.argsort(rows, kind="stable")
        rows = rows[order]
        starts = np.concatenate(([0], np.flatnonzero(rows[1:] != rows[:-1]) + 1))
        return cls(rows[starts], np.minimum.reduceat(km[order], starts))

    def distances(self, rows: Ints) -> Floats:
        """The distance of each of some sorted rows, infinite where it is not near: (n,)."""
        if not len(self.rows):
            return np.full(len(rows), np.inf, dtype=np.float32)
        at = self.rows.searchsorted(rows)
        is_near = self.rows.take(at, mode="clip") == rows
        return np.where(is_near, self.km.take(at, mode="clip"), np.float32(np.inf))
