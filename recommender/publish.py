"""Catalogue -> checked index generation -> the one that serves.

The only place that reads both the store and the index. A build that fails, or whose
golden queries are not answered as they should be, leaves what serves untouched. Whatever
comes of it is written down.
"""

from __future__ import annotations

import hashlib
import json
import logging
import os
import shutil
import time
from collections.abc import Mapping
from contextlib import suppress
from dataclasses import replace
from functools import partial
from importlib.metadata import version
from pathlib import Path
from typing import Any

from recommender.config import Settings
from recommender.errors import (
    IndexDamaged,
    IndexNotReady,
    InvalidAction,
    PublishRefused,
    RecommenderError,
)
from recommender.geo import Gazetteer, build_gazetteer
from recommender.golden import check_golden, read_golden, without_listings
from recommender.index import (
    BuildInputs,
    build_index,
    current_generation,
    drop_holding,
    list_generations,
    publish_generation,
    publishing,
    read_cards,
    read_manifest,
    read_neighbours,
    return_to,
    verify_generation,
    write_generation,
)
from recommender.index.arrays import Floats, Ints
from recommender.index.counts import Recount
from recommender.index.kept import MAX_LISTINGS
from recommender.index.model import decode
from recommender.index.neighbours import Units, find_all, is_same
from recommender.index.progress import Progress, Steps
from recommender.models import Nonprofit, Visibility
from recommender.store import Database, snapshot
from recommender.store.catalog import get_catalog_revision
from recommender.store.history import OPERATOR, SCHEDULE, Author
from recommender.store.library import list_tags, list_term_mappings
from recommender.store.listings import (
    ListingReader,
    list_barred,
    list_excluded,
    list_nonprofits,
)
from recommender.store.publications import (
    ChangedListing,
    Changes,
    Publication,
    PublicationKind,
    PublicationState,
    WrongAnswer,
    begin_publication,
    find_hold,
    settle_interrupted,
    update_publication,
)

GOLDEN_FILE = "golden_queries.json"
PLACES_FILE = "places.json"
STAMP = "stamp"
MAX_LISTED = 100
"""How many listings of each kind of change a publication names."""

_NOT_SHOWN = ("updated_on",)


_READER, _COUNT = ListingReader(), Recount()


def read_inputs(db: Database) -> BuildInputs:
    """Everything that goes into an index, from one state of the catalogue."""
    with snapshot(db):
        return BuildInputs(
            nonprofits=_READER.read(db),
            tags=list_tags(db),
            term_map=list_term_mappings(db),
            catalog_revision=get_catalog_revision(db),
        )


def publish(
    db: Database,
    settings: Settings,
    *,
    by: Author = OPERATOR,
    progress: Progress = lambda *_: None,
) -> Publication:
    """Build from the catalogue, check, and make it the generation that serves.

    Nothing changes unless the publication that is returned is published.

    Raises:
        StorageError: what came of it could not be written down.
    """
    with publishing(settings.index):
        settle_interrupted(db, find_serving(settings))
        return _build(db, settings, by, progress)


def publish_if_due(db: Database, settings: Settings) -> Publication | None:
    """Publish what has changed since, unless that was tried already or somebody went back.

    Raises:
        StorageError: see `publish`.
    """
    with publishing(settings.index):
        settle_interrupted(db, find_serving(settings))
        if is_published(db, settings) or find_hold(db):
            return None
        return _build(db, settings, SCHEDULE, lambda *_: None)


def warm_up(db: Database, settings: Settings) -> None:
    """Build once for nothing, so that the first publication here takes no longer than others.

    That imports what only a build needs, and works out what is kept from one build to the next.
    Nothing is kept of a large catalogue, so it is not built.
    """
    serving = find_serving(settings)
    find = partial(find_or_keep, settings.index, serving)
    with suppress(IndexDamaged, PublishRefused):
        if read_manifest(settings.index, serving)["n_docs"] <= MAX_LISTINGS:
            build_index(read_inputs(db), count=_COUNT, find=find)


def is_published(db: Database, settings: Settings) -> bool:
    """Whether what serves was built by this code from the catalogue as it is now."""
    try:
        serving = current_generation(settings.index)
        manifest = read_manifest(settings.index, serving)
        if manifest.get("catalog_revision") != get_catalog_revision(db):
            return False  # whole or not: nothing of it needs to be read
        verify_generation(settings.index, serving)
    except (IndexNotReady, IndexDamaged):
        return False
    return True


def find_serving(settings: Settings) -> str:
    """The generation that serves; "" before the first publication."""
    try:
        return current_generation(settings.index)
    except IndexNotReady:
        return ""


def serve_again(
    db: Database, settings: Settings, generation: str, *, by: Author = OPERATOR, reason: str = ""
) -> Publication:
    """Make a generation that is kept the one that serves.

    The catalogue stays as it is, and is not published by itself before it changes.

    Raises:
        InvalidAction: it is not kept, serves already, or would show what must not be shown.
        IndexDamaged: it is not whole.
    """
    with publishing(settings.index):
        serving = find_serving(settings)
        settle_interrupted(db, serving)
        if generation not in list_generations(settings.index) or generation == serving:
            raise InvalidAction("This generation serves already, or is no longer kept.")
        if exposed := list_exposed(db, settings, generation):
            raise InvalidAction(f"It would show again what is hidden now: {', '.join(exposed)}.")
        manifest = verify_generation(settings.index, generation)
        begun = begin_publication(
            db,
            Publication(
                kind=PublicationKind.RETURN,
                generation=generation,
                previous=serving,
                n_listings=manifest["n_docs"],
                catalog_revision=get_catalog_revision(db),
                changes=compare_generations(settings.index, serving, generation),
                reason=reason,
                staff_id=by.id,
                staff_name=by.name,
            ),
        )
        return_to(settings.index, generation)
        done = replace(begun, state=PublicationState.PUBLISHED)
        update_publication(db, done)
    return done


def list_exposed(db: Database, settings: Settings, generation: str) -> tuple[str, ...]:
    """The listings of which a generation shows a place that is hidden since.

    What is no longer public needs no look: it is left out of every answer, whatever the
    index holds.
    """
    cards = read_cards(settings.index, generation)
    return tuple(
        item.slug
        for item in list_nonprofits(db)
        if item.slug in cards and shows_hidden(decode(json.loads(cards[item.slug])), item)
    )


def shows_hidden(shown: Nonprofit, now: Nonprofit) -> bool:
    """Whether a listing as an index shows it has a place, or a ZIP code, that is hidden since."""
    allowed = {(place.city, place.state): place.visibility for place in now.locations}
    found = ((allowed.get((place.city, place.state)), place.zip) for place in shown.locations)
    return any(
        visibility is Visibility.HIDDEN or (visibility is Visibility.CITY and zip_code)
        for visibility, zip_code in found
    )


def compare_generations(root: Path, before: str, after: str) -> Changes:
    """What changes for donors from one generation to another; before the first there is "".

    Raises:
        IndexDamaged: the second cannot be read; the first then counts as empty.
    """
    new, new_words = read_cards(root, after), _words_of(read_manifest(root, after))
    old, old_words = new, new_words
    try:
        old, old_words = read_cards(root, before), _words_of(read_manifest(root, before))
    except IndexDamaged:
        old = {}
    changed = [
        ChangedListing(slug=slug, fields=fields)
        for slug in sorted(old.keys() & new.keys())
        if old[slug] != new[slug] and (fields := _differing(old[slug], new[slug]))
    ]
    added, left = sorted(new.keys() - old.keys()), sorted(old.keys() - new.keys())
    return Changes(
        n_added=len(added),
        n_left=len(left),
        n_changed=len(changed),
        added=tuple(added[:MAX_LISTED]),
        left=tuple(left[:MAX_LISTED]),
        changed=tuple(changed[:MAX_LISTED]),
        words=old_words != new_words,
    )


def _words_of(manifest: Mapping[str, Any]) -> str:
    return str(manifest["checksums"]["phrases.json"])


def _differing(before: bytes, after: bytes) -> tuple[str, ...]:
    old, new = json.loads(before), json.loads(after)
    names = dict.fromkeys((*new, *old))
    return tuple(
        name for name in names if name not in _NOT_SHOWN and old.get(name) != new.get(name)
    )


def _build(db: Database, settings: Settings, by: Author, progress: Progress) -> Publication:
    """Publish under the lock, and write down what comes of it."""
    started = time.perf_counter()
    begun = begin_publication(
        db,
        Publication(
            kind=PublicationKind.BUILD,
            catalog_revision=get_catalog_revision(db),
            previous=find_serving(settings),
            staff_id=by.id,
            staff_name=by.name,
        ),
    )
    try:
        done = _try(db, settings, begun, progress)
    except PublishRefused as error:
        done = replace(begun, state=PublicationState.REFUSED, reason=str(error))
    except Exception as error:
        logging.getLogger(__name__).exception("A publication failed.")
        done = replace(begun, state=PublicationState.FAILED, reason=_reason(error))
    done = replace(done, seconds=round(time.perf_counter() - started, 3))
    update_publication(db, done)
    return done


def _try(db: Database, settings: Settings, begun: Publication, progress: Progress) -> Publication:
    inputs = read_inputs(db)
    find = partial(find_or_keep, settings.index, begun.previous)
    index = build_index(inputs, progress=progress, count=_COUNT, find=find)
    queries = without_listings(read_golden(settings.data / GOLDEN_FILE), list_excluded(db))
    progress("questions", 0, len(queries))
    failures = check_golden(queries, index, open_gazetteer(settings))
    progress("questions", len(queries), len(queries))
    built = replace(
        begun,
        catalog_revision=inputs.catalog_revision,
        n_listings=len(index),
        n_queries=len(queries),
        failures=tuple(WrongAnswer(**vars(failure)) for failure in failures),
    )
    if failures:
        reason = f"{len(failures)} golden expectations are not met."
        return replace(built, state=PublicationState.REFUSED, reason=reason)
    # Only now, so that every generation on disk is fit to go back to.
    progress("files", 0, 1)
    generation = write_generation(index, settings.index)
    progress("files", 1, 1)
    changes = compare_generations(settings.index, begun.previous, generation)
    built = replace(built, generation=generation, changes=changes)
    # Before it serves, so that a kill in between leaves word of it.
    update_publication(db, built)
    publish_generation(settings.index, generation)
    # What asked never to be listed must not lie about in what is kept to go back to.
    drop_holding(settings.index, list_barred(db))
    return replace(built, state=PublicationState.PUBLISHED)


def find_or_keep(root: Path, serving: str, units: Units, progress: Steps) -> tuple[Ints, Floats]:
    """`find_all`, but for the neighbours that serve where every listing has the same words.

    A new website, figure or source, or another term map, changes no weight. A changed word
    moves those of all listings that have it, and the length of its field those of all.
    """
    with suppress(IndexDamaged):
        documents, neighbours, similarities = read_neighbours(root, serving)
        if is_same(units, documents):
            progress(len(units), len(units))
            return neighbours, similarities
    return find_all(units, progress)


def _reason(error: Exception) -> str:
    """Why it failed, for staff; an error that is not ours may quote anything."""
    if isinstance(error, RecommenderError):
        return str(error)
    said = error.strerror if isinstance(error, OSError) else ""
    return said or f"An unexpected error ({type(error).__name__}); the server's log has more."


def open_gazetteer(settings: Settings) -> Gazetteer:
    """The place tables, built anew when the ZIP package or our aliases have changed."""
    if not has_gazetteer(settings):
        _build_gazetteer(settings, _gazetteer_stamp(settings.data / PLACES_FILE))
    return Gazetteer.load(settings.gazetteer)


def has_gazetteer(settings: Settings) -> bool:
    """Whether the place tables are those of the ZIP package and our aliases as they are now."""
    file = settings.gazetteer / STAMP
    return file.exists() and file.read_text() == _gazetteer_stamp(settings.data / PLACES_FILE)


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
