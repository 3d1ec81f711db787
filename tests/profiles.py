"""Hypothesis strategies for what donors may ask of the test catalogues."""

from hypothesis import strategies as st

from recommender.models import (
    DonorProfile,
    Filters,
    Language,
    Place,
    PlaceKind,
    Reach,
    Scope,
    Weights,
)
from tests.conftest import CITIES

WORDS = (
    "asylum lawyers clinic abogados refugiados theatre housing english classes somali "
    "garden tutoring the para donate asylm zzzz test group tbl 移民 🙏 Texas school"
).split()
SERVICES = ("legal-services", "housing", "health-care", "no-such-service")
POPULATIONS = ("refugees", "children")
PLACES = tuple(
    Place(
        label=label, kind=PlaceKind.CITY, state=label[-2:], latitude=latitude, longitude=longitude
    )
    for label, (_, latitude, longitude) in CITIES.items()
) + tuple(
    Place(label=code, kind=PlaceKind.STATE, state=code, latitude=40.0, longitude=-90.0)
    for code in ("ME", "TX", "WY")
)


def _some(values: tuple[str, ...]) -> st.SearchStrategy[tuple[str, ...]]:
    return st.lists(st.sampled_from(values), max_size=2, unique=True).map(tuple)


TEXTS = st.lists(st.sampled_from(WORDS), max_size=6).map(" ".join) | st.text(max_size=20)
WEIGHTS = st.builds(
    Weights, **dict.fromkeys(("topic", "place", "small"), st.sampled_from([0.0, 0.5, 1.0, 3.0]))
)
FILTERS = st.builds(
    Filters,
    services=_some(SERVICES),
    populations=_some(POPULATIONS),
    states=_some(("ME", "TX", "MA")),
    reach=st.lists(st.sampled_from(Reach), max_size=2, unique=True).map(tuple),
    small_only=st.booleans(),
    described_only=st.booleans(),
)
PROFILES = st.builds(
    DonorProfile,
    text=TEXTS,
    services=_some(SERVICES),
    populations=_some(POPULATIONS),
    place=st.none() | st.sampled_from(PLACES),
    radius_km=st.floats(min_value=1, max_value=500),
    scope=st.sampled_from(Scope),
    language=st.sampled_from(Language),
    weights=WEIGHTS,
)
