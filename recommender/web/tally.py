"""How often partners' widgets were shown and used, on its way into the weekly counts."""

from __future__ import annotations

import logging
import threading
from collections import Counter
from contextlib import closing
from pathlib import Path

from recommender.errors import StorageError
from recommender.models import CountKind
from recommender.store import connect
from recommender.store.partners import add_counts

DELAY_S = 2.0


class Tally:
    """Counts that wait in memory and are written together, at most once in `DELAY_S`.

    No reader waits for the disk, and no flood of views keeps the store from its editors. A
    killed worker loses the counts of its last seconds.
    """

    def __init__(self, database: Path) -> None:
        self._database = database
        self._waiting: Counter[tuple[int, CountKind]] = Counter()
        self._lock = threading.Lock()

    def add(self, partner_id: int, kind: CountKind) -> None:
        """Count one."""
        with self._lock:
            is_first = not self._waiting
            self._waiting[partner_id, kind] += 1
        if is_first:
            timer = threading.Timer(DELAY_S, self.write)
            timer.daemon = True
            timer.start()

    def write(self) -> None:
        """Bring what waits into the store."""
        with self._lock:
            tally, self._waiting = self._waiting, Counter()
        try:
            with closing(connect(self._database)) as db:
                add_counts(db, tally)
        except StorageError:
            logging.getLogger(__name__).exception("The counts of partners could not be written.")
