"""How often partners' widgets were shown and used, on its way into the weekly counts."""

from __future__ import annotations

import threading
from collections import Counter
from contextlib import closing
from pathlib import Path

from recommender.models import CountKind
from recommender.store import connect
from recommender.store.partners import add_counts


class Tally:
    """Counts that wait in memory, so that no reader waits for a disk; a kill may lose a few."""

    def __init__(self, database: Path) -> None:
        self._database = database
        self._waiting: Counter[tuple[int, CountKind]] = Counter()
        self._lock = threading.Lock()

    def add(self, partner_id: int, kind: CountKind) -> None:
        """Count one."""
        with self._lock:
            self._waiting[partner_id, kind] += 1

    def write(self) -> None:
        """Bring what waits into the store."""
        with self._lock:
            tally, self._waiting = self._waiting, Counter()
        with closing(connect(self._database)) as db:
            add_counts(db, tally)
