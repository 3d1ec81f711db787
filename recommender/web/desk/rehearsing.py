"""A change of the term map, tried at the desk on what serves before anybody saves it."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, cast

from flask import current_app

from recommender.errors import IndexNotReady, InvalidRecord
from recommender.golden import read_golden
from recommender.models import TermMapping
from recommender.publish import GOLDEN_FILE
from recommender.rehearsal import (
    Rehearsal,
    Scene,
    Stage,
    find_implied,
    measure_usage,
    rehearse,
    set_scene,
)
from recommender.store.catalog import get_catalog_revision
from recommender.store.library import list_tags, list_term_mappings
from recommender.web import (
    get_db,
    get_excluded,
    get_gazetteer,
    get_index,
    get_settings,
    read_catalog,
)
from recommender.web.desk.entries import tag_name
from recommender.web.timing import timed

MANY = 3
"""From so many listings on, another use of a phrase is worth a warning."""


@timed("match")
def try_change(before: TermMapping | None, after: TermMapping | None) -> Rehearsal | None:
    """What would change if one mapping took the place of another; None without an index."""
    try:
        stage = _get_stage()
    except (IndexNotReady, InvalidRecord):
        return None
    now = _get_scene(stage)
    others = [mapping for mapping in now.term_map if before is None or mapping != before]
    changed = [*others, after] if after else others
    return rehearse(stage, now, set_scene(stage, read_catalog(list_tags), changed))


def _get_stage() -> Stage:
    return Stage(
        index=get_index(),
        gazetteer=get_gazetteer(),
        queries=read_golden(get_settings().data / GOLDEN_FILE),
        exclude=get_excluded(),
    )


def _get_scene(stage: Stage) -> Scene:
    """The term map as it is now on the stage, kept until it or the index changes.

    To ask every golden query takes a while, and whoever writes a mapping looks many times.
    """
    state = (stage.index.generation, get_catalog_revision(get_db()))
    kept = cast("tuple[object, Scene] | None", current_app.extensions.get("term_scene"))
    if kept is None or kept[0] != state:
        term_map = read_catalog(list_term_mappings)
        kept = (state, set_scene(stage, read_catalog(list_tags), term_map))
        current_app.extensions["term_scene"] = kept
    return kept[1]


def find_hints(mapping: TermMapping) -> list[str]:
    """What speaks against a mapping that is in order as such."""
    return [*_usage_hints(mapping), *_implied_hints(mapping)]


def _usage_hints(mapping: TermMapping) -> list[str]:
    try:
        usage = measure_usage(mapping, get_index())
    except IndexNotReady:
        return []
    if not mapping.tags or usage.n_other < MANY or 2 * usage.n_other < usage.n_listings:
        return []
    names = f", {usage.n_names} of them in a name" if usage.n_names else ""
    return [
        f"{usage.n_listings} listings say “{mapping.phrase}”, and {usage.n_other} of these carry"
        f" none of its tags{names}. Donors who type it may mean something else: a longer phrase"
        " or less sureness is safer."
    ]


def _implied_hints(mapping: TermMapping) -> list[str]:
    implied = [
        name.partition(":")[2] for name in find_implied(mapping.phrase, read_catalog(list_tags))
    ]
    if not implied or set(implied) <= set(mapping.tags):
        return []
    meant = ", ".join(tag_name(slug) for slug in dict.fromkeys(implied))
    return [
        f"The taxonomy takes “{mapping.phrase}” for {meant}. This mapping takes the place of that."
    ]


def say_query(query: Mapping[str, Any]) -> str:
    """What a golden query asks, cut to a line."""
    text = str(query.get("text", ""))
    short = text if len(text) <= 90 else f"{text[:88].rstrip()} …"
    kinds = ("services", "populations", "communities")
    tags = (tag_name(tag) for kind in kinds for tag in query.get(kind, ()))
    return ", ".join(part for part in (short, *tags, query.get("place", "")) if part)
