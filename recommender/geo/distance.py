"""Distances on the sphere."""

from __future__ import annotations

from typing import Any

import numpy as np

EARTH_RADIUS_KM = 6371.0088

Array = np.ndarray[Any, np.dtype[Any]]


def haversine_km(latitude: float, longitude: float, latitudes: Array, longitudes: Array) -> Array:
    """Great-circle distances from one point to many.

    Args:
        latitude: Degrees north.
        longitude: Degrees east.
        latitudes: Degrees north, any shape; NaN where unknown.
        longitudes: Degrees east, the same shape.

    Returns:
        Kilometres, float64, the same shape; NaN where a coordinate is NaN.
    """
    phi, lam = np.radians(latitude), np.radians(longitude)
    phis = np.radians(np.asarray(latitudes, dtype=np.float64))
    lams = np.radians(np.asarray(longitudes, dtype=np.float64))
    squared_half_chord = (
        np.sin((phis - phi) / 2) ** 2 + np.cos(phi) * np.cos(phis) * np.sin((lams - lam) / 2) ** 2
    )
    kilometres: Array = 2 * EARTH_RADIUS_KM * np.arcsin(np.sqrt(np.clip(squared_half_chord, 0, 1)))
    return kilometres
