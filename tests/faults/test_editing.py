"""No edit is lost: not between two editors, and not when a process is killed.

`FAULT_ROUNDS=200` makes the second as long as one likes.
"""

from __future__ import annotations

import json
import os
import random
import sqlite3
from collections.abc import Callable
from dataclasses import dataclass, replace
from functools import partial
from multiprocessing import get_context
from multiprocessing.queues import Queue
from multiprocessing.synchronize import Barrier
from pathlib import Path

import pytest
from sqlite_utils import Database

from recommender.errors import EditConflict
from recommender.models import Listing, Nonprofit, Status
from recommender.store import connect, transaction
from recommender.store.history import list_revisions
from recommender.store.listings import get_listing
from recommender.store.revisions import create_listing, save_listing
from tests.faults.killing import Tell, kill_at_work
from tests.store.team import Team, add_team

SLUG = "test-legal-help"
SAVES = 1_000
ROUNDS = int(os.environ.get("FAULT_ROUNDS", "60"))
Save = Callable[[Database, Listing, int], bool]


@pytest.fixture
def path(loaded: Database, make_nonprofit: Callable[..., Nonprofit], tmp_path: Path) -> Path:
    """A store with one draft, whose notes count the saves of each editor."""
    team = add_team(loaded)
    draft = make_nonprofit(notes='{"editor": 0, "second": 0}', status=Status.DRAFT)
    create_listing(loaded, draft, by=team.editor)
    assert team == Team(editor=1, reviewer=2, second=3, admin=4)
    # No connection may be open when a process is forked.
    loaded.close()
    return tmp_path / "waymark.db"


def _counted(db: Database) -> dict[str, int]:
    return dict(json.loads(get_listing(db, SLUG).nonprofit.notes))


# --- Two editors -------------------------------------------------------------------------


@dataclass(frozen=True, kw_only=True)
class Editor:
    """A process that saves; `save` gets the text, the listing as it was read, and who it is."""

    name: str
    id: int
    path: Path
    save: Save

    def work(self, meet: Barrier, told: Queue[tuple[str, int]], saves: int) -> None:
        """Read, wait for the other editor to have read, save; tell how often it was done."""
        db = connect(self.path)
        # Nobody is killed here, and to wait for the disk takes most of the time.
        db.execute("PRAGMA synchronous = OFF")
        done = 0
        for _ in range(saves):
            seen = get_listing(db, SLUG)
            counts = json.loads(seen.nonprofit.notes)
            text = json.dumps(counts | {self.name: counts[self.name] + 1})
            meet.wait(20)
            done += self.save(
                db, replace(seen, nonprofit=replace(seen.nonprofit, notes=text)), self.id
            )
        db.close()
        told.put((self.name, done))


def _save_if_unchanged(db: Database, edited: Listing, by: int) -> bool:
    conflict = None
    try:
        save_listing(db, edited.nonprofit, by=by, expected_revision=edited.revision)
    except EditConflict as error:
        conflict = error
    # What was typed is not lost, and the other's text is there to compare.
    assert conflict is None or conflict.yours.notes == edited.nonprofit.notes
    assert conflict is None or conflict.theirs.notes != edited.nonprofit.notes
    return conflict is None


def _save_regardless(db: Database, edited: Listing, by: int) -> bool:
    with transaction(db):
        db.execute("UPDATE nonprofits SET notes = ? WHERE slug = ?", [edited.nonprofit.notes, SLUG])
    return True


def _two_editors(path: Path, saves: int, save: Save) -> dict[str, int]:
    """How many saves each was told were done."""
    context = get_context("fork")
    meet, told = context.Barrier(2), context.Queue()
    editors = [
        Editor(name=name, id=id_, path=path, save=save)
        for name, id_ in (("editor", 1), ("second", 3))
    ]
    processes = [context.Process(target=e.work, args=(meet, told, saves)) for e in editors]
    for process in processes:
        process.start()
    found = dict(told.get(timeout=120) for _ in processes)
    for process in processes:
        process.join()
    return found


def test_two_editors_lose_no_save(path: Path) -> None:
    told = _two_editors(path, SAVES, _save_if_unchanged)
    db = connect(path)
    assert _counted(db) == told
    n_refused = 2 * SAVES - sum(told.values())
    assert n_refused >= SAVES // 2, "The two hardly met."
    assert min(told.values()) > 0
    history = list_revisions(db, SLUG)
    assert [entry.number for entry in history] == list(range(len(history), 0, -1))
    assert len(history) == 1 + sum(told.values())
    db.close()


def test_two_editors_would_lose_saves_without_the_check(path: Path) -> None:
    """The control."""
    told = _two_editors(path, 40, _save_regardless)
    db = connect(path)
    assert sum(_counted(db).values()) < sum(told.values())
    db.close()


# --- A killed process --------------------------------------------------------------------


def _save_one_by_one(path: Path, acknowledge: Tell) -> None:
    db = connect(path)
    while True:
        acknowledge(_save_next(db))


def _acknowledge_too_early(path: Path, acknowledge: Tell) -> None:
    db = connect(path)
    while True:
        with transaction(db):
            for _ in range(10):
                acknowledge(_save_next(db))


def _save_next(db: Database) -> int:
    seen = get_listing(db, SLUG)
    n = json.loads(seen.nonprofit.notes)["editor"] + 1
    record = replace(seen.nonprofit, notes=json.dumps({"editor": n, "second": 0}))
    save_listing(db, record, by=1, expected_revision=seen.revision)
    return n


def _count_lost(path: Path, work: Callable[[Path, Tell], None], rounds: int) -> int:
    """How many acknowledged saves are gone after as many kills; the file must be whole."""
    chance, lost = random.Random(11), 0
    for _ in range(rounds):
        last = kill_at_work(partial(work, path), chance.uniform(0, 0.03))
        db = connect(path)
        assert db.execute("PRAGMA integrity_check").fetchone() == ("ok",)
        assert db.execute("PRAGMA foreign_key_check").fetchone() is None
        lost += max(0, last - _counted(db)["editor"])
        _check_history(db)
        db.close()
    return lost


def _check_history(db: Database) -> None:
    """No save is there by half: every entry, and the listing as the last one left it."""
    listing = get_listing(db, SLUG)
    numbers = [n for (n,) in db.execute("SELECT number FROM revisions ORDER BY number DESC")]
    assert numbers == list(range(listing.revision, 0, -1))
    (after,) = db.execute("SELECT after FROM revisions ORDER BY number DESC LIMIT 1").fetchone()
    assert json.loads(after)["notes"] == listing.nonprofit.notes


def test_no_acknowledged_save_is_lost_when_a_process_is_killed(path: Path) -> None:
    assert _count_lost(path, _save_one_by_one, ROUNDS) == 0


def test_a_save_that_is_acknowledged_too_early_is_lost(path: Path) -> None:
    """The control."""
    assert _count_lost(path, _acknowledge_too_early, 12) > 0


def test_damage_would_be_seen(path: Path) -> None:
    """The control: what a torn page does to the check."""
    kill_at_work(partial(_save_one_by_one, path), 0.01)
    db = connect(path)
    db.execute("PRAGMA wal_checkpoint(TRUNCATE)")
    (page,) = db.execute("SELECT rootpage FROM sqlite_master WHERE name = 'revisions'").fetchone()
    (size,) = db.execute("PRAGMA page_size").fetchone()
    db.close()
    with path.open("r+b") as file:
        file.seek((page - 1) * size)
        file.write(b"\xff" * (size // 2))
    raw = sqlite3.connect(path)
    with pytest.raises(sqlite3.DatabaseError):
        assert raw.execute("PRAGMA integrity_check").fetchone() == ("ok",), "damaged"
    raw.close()
