"""The precomputed index: built from the catalogue, read-only once published."""

from recommender.index.arrays import GramIndex, Postings
from recommender.index.build import BuildInputs, build_index
from recommender.index.generations import (
    current_generation,
    drop_holding,
    find_previous,
    is_publishing,
    is_rejected,
    list_generations,
    load_current,
    load_generation,
    publish_generation,
    publishing,
    read_cards,
    read_manifest,
    read_neighbours,
    return_to,
    verify_generation,
    write_generation,
)
from recommender.index.model import Index, Meaning, PlaceArrays

__all__ = [
    "BuildInputs",
    "GramIndex",
    "Index",
    "Meaning",
    "PlaceArrays",
    "Postings",
    "build_index",
    "current_generation",
    "drop_holding",
    "find_previous",
    "is_publishing",
    "is_rejected",
    "list_generations",
    "load_current",
    "load_generation",
    "publish_generation",
    "publishing",
    "read_cards",
    "read_manifest",
    "read_neighbours",
    "return_to",
    "verify_generation",
    "write_generation",
]
