from __future__ import annotations

import multiprocessing
from multiprocessing.synchronize import Barrier

import pytest

from recommender.web import counters
from recommender.web.counters import N_PROBES, Counters


@pytest.fixture
def clock(monkeypatch: pytest.MonkeyPatch) -> list[float]:
    """What time it is; a test may change it."""
    now = [1_000_000.0]
    monkeypatch.setattr(counters.time, "time", lambda: now[0])
    return now


def test_a_window_opens_with_the_first_request_and_ends(clock: list[float]) -> None:
    counted = Counters()
    first = counted.add("a", window_s=60)
    clock[0] += 20.5
    second = counted.add("a", window_s=60)
    assert [(c.n, c.resets_in_s) for c in (first, second)] == [(1, 60), (2, 40)]
    clock[0] += 39.5
    assert counted.add("a", window_s=60).n == 1


def test_keys_are_counted_apart() -> None:
    counted = Counters()
    keys = [f"network {n}" for n in range(2_000)]
    assert {counted.add(key, window_s=60).n for key in keys} == {1}
    assert {counted.add(key, window_s=60).n for key in keys} == {2}


def test_where_there_is_no_room_the_least_busy_gives_way() -> None:
    crowded = Counters(n_slots=N_PROBES)
    for _ in range(50):
        crowded.add("busy", window_s=60)
    for n in range(100):
        crowded.add(f"passer-by {n}", window_s=60)
    assert crowded.add("busy", window_s=60).n == 51


def _add_many(counted: Counters, start: Barrier, n: int) -> None:
    start.wait()
    for _ in range(n):
        counted.add("one network", window_s=600)


def test_forked_processes_count_together() -> None:
    # What two count in the same moment may be one; the rush here is a thousand times a limit's.
    fork, counted, n = multiprocessing.get_context("fork"), Counters(), 5_000
    start = fork.Barrier(2)
    workers = [fork.Process(target=_add_many, args=(counted, start, n)) for _ in range(2)]
    for worker in workers:
        worker.start()
    for worker in workers:
        worker.join()
    assert n + 1 < counted.add("one network", window_s=600).n <= 2 * n + 1
