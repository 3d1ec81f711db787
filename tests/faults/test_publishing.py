"""No torn index and no lost change: not when whoever publishes is killed, with readers at work.

`FAULT_ROUNDS=200` makes it as long as one likes.
"""

from __future__ import annotations

import json
import os
import random
import shutil
from collections.abc import Iterator
from contextlib import contextmanager
from functools import partial
from multiprocessing import get_context
from multiprocessing.queues import Queue
from multiprocessing.synchronize import Event
from pathlib import Path

import pytest
import zipcodes
from sqlite_utils import Database

from recommender.config import Settings
from recommender.errors import IndexDamaged
from recommender.index import (
    build_index,
    current_generation,
    list_generations,
    load_current,
    verify_generation,
    write_generation,
)
from recommender.models import DonorProfile
from recommender.pipeline import recommend
from recommender.publish import publish, publish_if_due, read_inputs
from recommender.store import connect, transaction
from recommender.store.publications import Publication, PublicationState, list_publications
from tests.faults.killing import Tell, kill_at_work
from tests.small_world import NO_ALIASES, zip_records

SLUG = "test-houston-clinic"
ROUNDS = int(os.environ.get("FAULT_ROUNDS", "20"))
LONGEST = 1.5
"""How long a process works at most before it is killed, in the time of a publication."""
COPYING_S = 0.02
"""About how long it takes to copy the files of a small generation."""
GOLDEN = {
    "id": "lawyers",
    "kind": "match",
    "text": "asylum lawyers",
    "place": "Brownsville, TX",
    "language": "en",
    "expect": {"in_top": {"slugs": ["test-border-lawyers"], "n": 1, "at_least": 1}},
}


@pytest.fixture
def settings(loaded: Database, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Settings:
    """A small directory, published; no connection is open when a process is forked."""
    monkeypatch.setattr(zipcodes, "list_all", zip_records)
    data = tmp_path / "data"
    data.mkdir()
    (data / "places.json").write_text(json.dumps(NO_ALIASES))
    (data / "golden_queries.json").write_text(json.dumps([GOLDEN]))
    settings = Settings(instance=tmp_path, data=data, secret_key="test-key " * 8)
    # The second is as quick as any after it, and says how long that is.
    for _ in range(2):
        assert publish(loaded, settings).state is PublicationState.PUBLISHED
    loaded.close()
    return settings


# --- Whoever publishes -------------------------------------------------------------------


def _save(db: Database, number: int) -> None:
    with transaction(db):
        db.execute("UPDATE nonprofits SET name = ? WHERE slug = ?", [f"Test {number}", SLUG])


def _save_and_publish(settings: Settings, first: int, acknowledge: Tell) -> None:
    db = connect(settings.database)
    for number in range(first, first + 1_000):
        _save(db, number)
        acknowledge(number)
        publish_if_due(db, settings)


def _rewrite_in_place(settings: Settings, first: int, acknowledge: Tell) -> None:
    """How it must not be done."""
    db = connect(settings.database)
    serving = settings.index / current_generation(settings.index)
    for number in range(first, first + 1_000):
        _save(db, number)
        aside = write_generation(build_index(read_inputs(db)), settings.instance / "aside")
        acknowledge(number)
        for file in sorted((settings.instance / "aside" / aside).iterdir()):
            shutil.copyfile(file, serving / file.name)


# --- Whoever reads -----------------------------------------------------------------------


def _read(settings: Settings, done: Event, told: Queue[int]) -> None:
    """Answer from whatever serves, and from what served before, until it is enough."""
    loads, older = 0, load_current(settings.index)
    profile = DonorProfile(text="asylum lawyers")
    while not done.is_set():
        index = load_current(settings.index)
        for served in (index, older):
            assert len(served) == len(served.cards) == len(served.families) == 12
            assert all(served.cards.read(row).slug == slug for slug, row in served.row_of.items())
            assert recommend(profile, served).matches
        if index.generation != older.generation:
            older = index
        loads += 1
    told.put(loads)


@contextmanager
def _readers(settings: Settings) -> Iterator[None]:
    """Two processes that read all the while; one that ends otherwise than well fails the test."""
    context = get_context("fork")
    done, told = context.Event(), context.Queue()
    processes = [
        context.Process(target=_read, args=(settings, done, told), daemon=True) for _ in range(2)
    ]
    for process in processes:
        process.start()
    yield
    assert [process.exitcode for process in processes] == [None, None]
    done.set()
    assert min(told.get(timeout=20) for _ in processes) > 0
    for process in processes:
        process.join(20)
    assert [process.exitcode for process in processes] == [0, 0]


# --- Tests -------------------------------------------------------------------------------


def _is_torn(settings: Settings) -> bool:
    try:
        verify_generation(settings.index, current_generation(settings.index))
    except IndexDamaged:
        return True
    return load_current(settings.index).generation != current_generation(settings.index)


def test_a_killed_publication_tears_nothing_and_loses_nothing(settings: Settings) -> None:
    chance, saved, torn, moved = random.Random(13), 0, 0, 0
    with _readers(settings):
        for _ in range(ROUNDS):
            before = current_generation(settings.index)
            saved = kill_at_work(
                partial(_save_and_publish, settings, saved + 1), _pause(settings, chance)
            )
            torn += _is_torn(settings)
            moved += current_generation(settings.index) != before
            _check_next(settings, saved)
    assert torn == 0
    # Kills must come before a publication is done, and after: else nothing was shown.
    assert moved > 0, "Nobody was killed late enough."
    states = [publication.state for publication in _history(settings)]
    assert PublicationState.UNDERWAY not in states
    assert states.count(PublicationState.INTERRUPTED) > ROUNDS // 4, "Hardly anybody was killed."
    # The last kills may have come before the oldest was dropped; they do not add up.
    assert len(list_generations(settings.index)) < ROUNDS // 2


def _check_next(settings: Settings, saved: int) -> None:
    """Whoever comes next finds every acknowledged change, and publishes it."""
    db = connect(settings.database)
    assert db.execute("PRAGMA integrity_check").fetchone() == ("ok",)
    (name,) = db.execute("SELECT name FROM nonprofits WHERE slug = ?", [SLUG]).fetchone()
    assert int(name.split()[1]) >= saved
    publish_if_due(db, settings)
    db.close()
    served = load_current(settings.index)
    assert served.nonprofit(served.row_of[SLUG]).name == name


def _history(settings: Settings) -> tuple[Publication, ...]:
    db = connect(settings.database)
    found = list_publications(db, page_size=100_000).publications
    db.close()
    return found


def _pause(settings: Settings, chance: random.Random) -> float:
    """Anything up to what a publication took last, and half as much again."""
    done = next(p for p in _history(settings) if p.state is PublicationState.PUBLISHED)
    return chance.uniform(0, LONGEST * done.seconds)


def test_an_index_that_is_rewritten_in_place_is_torn(settings: Settings) -> None:
    """The control: killed soon after it has begun to copy, it is torn on any machine."""
    chance, saved = random.Random(13), 0
    for _ in range(60):
        work = partial(_rewrite_in_place, settings, saved + 1)
        saved = kill_at_work(work, chance.uniform(0, COPYING_S))
        if _is_torn(settings):
            return
    pytest.fail("No kill hit a rewrite.")
