"""The report on who gets shown: made once for a generation, by one process at a time, and kept.

It takes a thousand matches, some seconds; so no request waits for it. `flask prepare` makes it
after publishing, and a visit of the editors' desk in the background.
"""

from __future__ import annotations

import fcntl
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import asdict

from sqlite_utils import Database

from recommender.config import Settings
from recommender.exposure import CROWD, measure_exposure, simulate_donors
from recommender.index import load_generation
from recommender.store.exposures import Exposure, find_exposure, put_exposure
from recommender.store.library import list_tags
from recommender.store.listings import list_excluded

PROGRESS_STEP = 50


def make_report(
    db: Database,
    settings: Settings,
    generation: str,
    progress: Callable[[int], None] = lambda _: None,
) -> bool:
    """Put the crowd to a generation, unless it was done or is in hand; whether it was now.

    `progress` hears after each of the `CROWD.size` donors how many have asked.
    """
    with _alone(settings) as is_alone:
        if not is_alone or is_reported(db, generation):
            return False
        index = load_generation(settings.index, generation)
        keep = _Keeper(db, generation, progress)
        keep.tell(0)
        donors = simulate_donors(index, list_tags(db), CROWD)
        report = measure_exposure(index, donors, exclude=list_excluded(db), progress=keep.tell)
        keep.put(len(donors), asdict(report))
        return True


def is_reported(db: Database, generation: str) -> bool:
    """Whether the report on a generation is there."""
    found = find_exposure(db, generation)
    return found is not None and found.report is not None


class _Keeper:
    """Writes down how far a report is, for whoever looks, and the report at the end."""

    def __init__(self, db: Database, generation: str, progress: Callable[[int], None]) -> None:
        self._db, self._generation, self._progress = db, generation, progress

    def tell(self, n_done: int) -> None:
        self._progress(n_done)
        if n_done % PROGRESS_STEP == 0:
            self.put(n_done)

    def put(self, n_done: int, report: dict[str, object] | None = None) -> None:
        kept = Exposure(
            generation=self._generation, n_done=n_done, n_profiles=CROWD.size, report=report
        )
        put_exposure(self._db, kept)


@contextmanager
def _alone(settings: Settings) -> Iterator[bool]:
    """Whether no other process has the report in hand; the lock ends with the process."""
    with (settings.instance / ".exposure.lock").open("w") as lock:
        try:
            fcntl.flock(lock, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError:
            yield False
        else:
            yield True
