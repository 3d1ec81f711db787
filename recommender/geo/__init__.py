"""Places: what a donor types, and what an address or a text says, as coordinates in the US.

The gazetteer is built once from ZIP code data and `data/places.json`, and kept as plain
arrays, so that a web worker maps it into memory instead of building it again.
"""

from recommender.geo.build import build_gazetteer as build_gazetteer
from recommender.geo.distance import EARTH_RADIUS_KM as EARTH_RADIUS_KM
from recommender.geo.distance import haversine_km as haversine_km
from recommender.geo.gazetteer import MAX_TEXT_LENGTH as MAX_TEXT_LENGTH
from recommender.geo.gazetteer import Gazetteer as Gazetteer
from recommender.geo.mentions import find_places as find_places
from recommender.geo.names import normalise as normalise
from recommender.geo.states import STATES as STATES
from recommender.geo.states import state_names as state_names
