"""The steps of an import: claimed by one worker, and gone on with where one was killed."""

from __future__ import annotations

import os
import random
import signal
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from recommender.errors import StorageError
from recommender.importers import runs
from recommender.importers.runs import Workshop, sweep, work_on
from recommender.models import Status
from recommender.store import Database, connect
from recommender.store.catalog import list_nonprofits
from recommender.store.imports import (
    MAX_TRIES,
    SILENCE_S,
    Arrival,
    Import,
    ImportState,
    beat_import,
    claim_import,
    create_import,
    get_import,
    move_import,
)
from recommender.store.plans import Verdict, tally_rows
from tests.importers.imported import GAZETTEER
from tests.store.team import Team, add_team

N_ROWS = 30
MAPPING = {"name": "name", "city": "city", "state": "state"}


@pytest.fixture
def team(loaded: Database) -> Team:
    return add_team(loaded)


@pytest.fixture
def workshop(loaded: Database, tmp_path: Path) -> Workshop:
    return Workshop(
        database=tmp_path / "waymark.db",
        folder=tmp_path / "imports",
        open_gazetteer=lambda: GAZETTEER,
    )


@pytest.fixture
def arrived(loaded: Database, team: Team, workshop: Workshop) -> Import:
    """A spreadsheet of many new groups that waits to be read."""
    import_ = create_import(loaded, Arrival(file_name="a.csv", format="csv"), by=team.editor)
    path = workshop.file_of(import_)
    path.parent.mkdir(parents=True)
    lines = [f"Test Group {n},Testville,ME" for n in range(N_ROWS)]
    path.write_text("name,city,state\n" + "\n".join(lines))
    return move_import(loaded, import_.id, ImportState.OPENING)


@pytest.fixture
def planned(loaded: Database, arrived: Import, workshop: Workshop) -> Import:
    work_on(workshop, arrived.id)
    move_import(loaded, arrived.id, ImportState.PLANNING, mapping=MAPPING)
    work_on(workshop, arrived.id)
    return get_import(loaded, arrived.id)


def state(db: Database) -> ImportState:
    return get_import(db, 1).state


def count_new(db: Database) -> int:
    return len(list_nonprofits(db, [Status.IMPORTED]))


def silence(db: Database) -> None:
    """Let the time pass after which a worker counts as gone."""
    db.execute("UPDATE imports SET beat_at = beat_at - ? WHERE beat_at > 0", [SILENCE_S + 1])


def test_the_steps_follow_each_other_to_the_end(
    loaded: Database, planned: Import, workshop: Workshop
) -> None:
    assert planned.state is ImportState.PLANNED
    assert [(column.name, column.samples[0]) for column in planned.columns] == [
        ("name", "Test Group 0"),
        ("city", "Testville"),
        ("state", "ME"),
    ]
    assert planned.counts == {"read": N_ROWS}
    assert tally_rows(loaded, 1).verdicts == {Verdict.CREATE: N_ROWS}
    assert workshop.file_of(planned).exists()
    move_import(loaded, 1, ImportState.APPLYING, chosen=[Verdict.CREATE])
    work_on(workshop, 1)
    assert (state(loaded), count_new(loaded)) == (ImportState.APPLIED, N_ROWS)
    assert not workshop.file_of(planned).parent.exists()
    move_import(loaded, 1, ImportState.UNDOING)
    work_on(workshop, 1)
    assert (state(loaded), count_new(loaded)) == (ImportState.UNDONE, 0)


def test_only_one_worker_is_at_it(loaded: Database, arrived: Import, workshop: Workshop) -> None:
    assert claim_import(loaded, arrived.id)
    assert claim_import(loaded, arrived.id) is None
    work_on(workshop, arrived.id)
    assert state(loaded) is ImportState.OPENING
    beat_import(loaded, arrived.id, "Reading the file", 1, 2)
    assert not get_import(loaded, arrived.id).is_silent
    silence(loaded)
    work_on(workshop, arrived.id)
    assert state(loaded) is ImportState.MAPPING


def test_nothing_is_done_where_nothing_is_to_be_done(
    loaded: Database, planned: Import, workshop: Workshop
) -> None:
    work_on(workshop, planned.id)
    assert get_import(loaded, planned.id) == planned


def test_a_file_that_is_gone_is_told(loaded: Database, arrived: Import, workshop: Workshop) -> None:
    workshop.drop_file(arrived.id)
    work_on(workshop, arrived.id)
    assert "bring it once more" in get_import(loaded, arrived.id).problem


def test_a_step_that_never_ends_is_given_up(
    loaded: Database, planned: Import, workshop: Workshop, monkeypatch: pytest.MonkeyPatch
) -> None:
    def crash(*_: Any) -> None:
        raise ZeroDivisionError

    monkeypatch.setattr(runs, "apply_import", crash)
    move_import(loaded, planned.id, ImportState.APPLYING, chosen=[Verdict.CREATE])
    for _ in range(MAX_TRIES):
        with pytest.raises(ZeroDivisionError):
            work_on(workshop, planned.id)
        silence(loaded)
    work_on(workshop, planned.id)
    given_up = get_import(loaded, planned.id)
    assert (given_up.state, "several times" in given_up.problem) == (ImportState.PLANNED, True)


def test_a_store_that_is_busy_is_tried_again(
    loaded: Database, planned: Import, workshop: Workshop, monkeypatch: pytest.MonkeyPatch
) -> None:
    def lock(*_: Any) -> None:
        raise StorageError("database is locked")

    move_import(loaded, planned.id, ImportState.APPLYING, chosen=[Verdict.CREATE])
    with monkeypatch.context() as patch:
        patch.setattr(runs, "apply_import", lock)
        work_on(workshop, planned.id)
    assert get_import(loaded, planned.id).is_silent
    work_on(workshop, planned.id)
    assert count_new(loaded) == N_ROWS


def test_what_nobody_decides_on_is_put_away(
    loaded: Database, planned: Import, workshop: Workshop
) -> None:
    sweep(loaded, workshop)
    assert workshop.file_of(planned).exists()
    loaded.execute("UPDATE imports SET changed_at = '2024-01-01T00:00:00Z'")
    sweep(loaded, workshop)
    assert not workshop.file_of(planned).parent.exists()
    assert state(loaded) is ImportState.DISCARDED
    assert tally_rows(loaded, planned.id).verdicts == {}


# --- Killed ------------------------------------------------------------------------------


def kill_during(work: Callable[[], None], after_s: float) -> None:
    """Let a process of its own begin some work, and kill it."""
    child = os.fork()
    if child == 0:
        try:
            work()
        finally:
            os._exit(0)
    time.sleep(after_s)
    os.kill(child, signal.SIGKILL)
    os.waitpid(child, 0)


def test_a_worker_that_is_killed_while_it_reads_leaves_it_to_the_next(
    loaded: Database, arrived: Import, workshop: Workshop
) -> None:
    work_on(workshop, arrived.id)
    move_import(loaded, arrived.id, ImportState.PLANNING, mapping=MAPPING)

    def read_for_ever() -> None:
        runs.plan_import = lambda *_, **__: time.sleep(60)  # type: ignore[assignment]
        work_on(workshop, arrived.id)

    kill_during(read_for_ever, 0.5)
    assert state(loaded) is ImportState.PLANNING
    assert get_import(loaded, arrived.id).tries == 1
    work_on(workshop, arrived.id)
    assert state(loaded) is ImportState.PLANNING, "the dead worker is not missed yet"
    silence(loaded)
    work_on(workshop, arrived.id)
    assert state(loaded) is ImportState.PLANNED
    assert tally_rows(loaded, arrived.id).verdicts == {Verdict.CREATE: N_ROWS}


def test_a_worker_that_is_killed_while_it_writes_has_written_all_or_nothing(
    loaded: Database, planned: Import, workshop: Workshop
) -> None:
    rng, seen = random.Random(20261123), set[int]()
    for _ in range(6):
        move_import(loaded, planned.id, ImportState.APPLYING, chosen=[Verdict.CREATE])
        kill_during(lambda: work_on(workshop, planned.id), rng.uniform(0.005, 0.1))
        fresh = connect(workshop.database)
        seen.add(count_new(fresh))
        silence(fresh)
        work_on(workshop, planned.id)
        assert (state(fresh), count_new(fresh)) == (ImportState.APPLIED, N_ROWS)
        move_import(fresh, planned.id, ImportState.UNDOING)
        work_on(workshop, planned.id)
        assert count_new(fresh) == 0
        # From the beginning, with the same plan.
        fresh.execute("UPDATE imports SET state = 'planned'")
        fresh.execute("UPDATE import_rows SET outcome = '', number = NULL, undone = ''")
        fresh.close()
    assert seen <= {0, N_ROWS}
    assert 0 in seen
