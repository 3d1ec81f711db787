"""ZIP code records of one town for each state and of the test cities, quick to build from."""

from typing import Any

from recommender.geo import STATES
from tests.conftest import CITIES

NO_ALIASES = {"states": {}, "cities": {}, "regions": [], "spellings": []}


def _record(city: str, state: str, zip_code: str, at: tuple[float, float]) -> dict[str, Any]:
    return {
        "zip_code": zip_code,
        "zip_code_type": "STANDARD",
        "city": city,
        "acceptable_cities": [],
        "unacceptable_cities": [],
        "state": state,
        "county": "",
        "lat": str(at[0]),
        "long": str(at[1]),
    }


def zip_records() -> list[dict[str, Any]]:
    """What `zipcodes.list_all` would give in that world."""
    towns = [
        _record(f"Middletown {code}", code, f"{number:05}", (30.0 + number / 10, -90.0))
        for number, code in enumerate(STATES, start=1)
    ]
    cities = [
        _record(*label.split(", "), zip_code, (latitude, longitude))
        for label, (zip_code, latitude, longitude) in CITIES.items()
    ]
    return towns + cities
