"""Catalogue -> checked index generation -> the one that serves.

The only place that reads both the store and the index. A build that fails, or whose
golden queries are not answered as they should be, leaves what serves untouched.
"""

from __future__ import annotations

import hashlib
import os
import shutil
import time
from collections.abc import Sequence
from dataclasses import dataclass
from importlib.metadata import version
from pathlib import Path

from recommender.config import Settings
from recommender.errors import IndexDamaged, IndexNotReady, PublishRefused
from recommender.geo import Gazetteer, build_gazetteer
from recommender.golden import Failure, check_golden, read_golden
from recommender.index import (
    BuildInputs,
    build_index,
    current_generation,
    publish_generation,
    publishing,
    verify_generation,
    write_generation,
)
from recommender.index.build import Progress
from recommender.store import Database, snapshot
from recommender.store.catalog import get_catalog_revision
from recommender.store.library import list_tags, list_term_mappings
from recommender.store.listings import list_nonprofits

GOLDEN_FILE = "golden_queries.json"
PLACES_FILE = "places.json"
STAMP = "stamp"


@dataclass(frozen=True, kw_only=True)
class Publication:
    """A generation that now serves, and what it took."""

    generation: str
    n_docs: int
    n_golden: int
    seconds: float


def read_inputs(db: Database) -> BuildInputs:
    """Everything that goes into an index, from one state of the catalogue."""
    with snapshot(db):
        return BuildInputs(
            nonprofits=list_nonprofits(db),
            tags=list_tags(db),
            term_map=list_term_mappings(db),
            catalog_revision=get_catalog_revision(db),
        )


def publish(
    db: Database, settings: Settings, *, progress: Progress = lambda *_: None
) -> Publication:
    """Build from the catalogue, check, and make it the generation that serves.

    Raises:
        PublishRefused: a golden query is not answered as it should be; nothing changed.
    """
    started = time.perf_counter()
    with publishing(settings.index):
        index = build_index(read_inputs(db), progress=progress)
        queries = read_golden(settings.data / GOLDEN_FILE)
        failures = check_golden(queries, index, open_gazetteer(settings))
        if failures:
            raise PublishRefused(_described(failures))
        # Only now, so that every generation on disk is fit to go back to.
        generation = write_generation(index, settings.index)
        publish_generation(settings.index, generation)
    return Publication(
        generation=generation,
        n_docs=len(index),
        n_golden=len(queries),
        seconds=time.perf_counter() - started,
    )


def is_published(db: Database, settings: Settings) -> bool:
    """Whether what serves was built by this code from the catalogue as it is now."""
    try:
        manifest = verify_generation(settings.index, current_generation(settings.index))
    except (IndexNotReady, IndexDamaged):
        return False
    return bool(manifest["catalog_revision"] == get_catalog_revision(db))


def open_gazetteer(settings: Settings) -> Gazetteer:
    """The place tables, built anew when the ZIP package or our aliases have changed."""
    stamp = _gazetteer_stamp(settings.data / PLACES_FILE)
    file = settings.gazetteer / STAMP
    if not file.exists() or file.read_text() != stamp:
        _build_gazetteer(settings, stamp)
    return Gazetteer.load(settings.gazetteer)


def _gazetteer_stamp(aliases: Path) -> str:
    return f"{version('zipcodes')} {hashlib.sha256(aliases.read_bytes()).hexdigest()}"


def _build_gazetteer(settings: Settings, stamp: str) -> None:
    """Build aside, then swap directories, so that no reader sees half of it."""
    aside = settings.instance / f".gazetteer.{os.getpid()}"
    shutil.rmtree(aside, ignore_errors=True)
    aside.mkdir(parents=True)
    build_gazetteer(settings.data / PLACES_FILE).save(aside)
    (aside / STAMP).write_text(stamp)
    shutil.rmtree(settings.gazetteer, ignore_errors=True)
    aside.rename(settings.gazetteer)


def _described(failures: Sequence[Failure]) -> str:
    lines = [f"  {f.query_id}: expected {f.expected}; found {f.found}" for f in failures]
    return "\n".join((f"{len(failures)} golden expectations failed:", *lines))
