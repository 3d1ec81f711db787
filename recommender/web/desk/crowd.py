"""The report on who gets shown: made in the background, once for each generation."""

from __future__ import annotations

import fcntl
import time
from collections.abc import Iterator, Sequence
from contextlib import closing, contextmanager
from dataclasses import asdict, dataclass
from functools import partial

from recommender import store
from recommender.config import Settings
from recommender.exposure import CROWD as CROWD
from recommender.exposure import (
    SIZES,
    ExposureReport,
    Group,
    measure_exposure,
    read_report,
    simulate_donors,
)
from recommender.geo import STATES
from recommender.index import load_generation
from recommender.publish import find_serving
from recommender.store.exposures import (
    Exposure,
    find_exposure,
    find_last_exposure,
    put_exposure,
)
from recommender.store.library import list_tags
from recommender.store.listings import list_excluded
from recommender.web import get_db, get_settings
from recommender.web.background import get_background
from recommender.web.desk.charts import Pair, draw_pairs

PROGRESS_STEP = 50
PAUSE_S = 0.001
SIZE_LABELS = {
    "0": f"Under ${SIZES[0]:,}",
    "1": "To $1 million",
    "2": "To $10 million",
    "3": "Over $10 million",
    "": "Revenue not known",
}
LENGTH_LABELS = {
    "0": "Shortest quarter",
    "1": "Second quarter",
    "2": "Third quarter",
    "3": "Longest quarter",
}


@dataclass(frozen=True, kw_only=True)
class Exposed:
    """A report in pictures. `is_current` says that it is of the generation that serves."""

    report: ExposureReport
    is_current: bool
    sizes: tuple[Pair, ...]
    lengths: tuple[Pair, ...]
    states: tuple[Pair, ...]


def draw_exposure() -> Exposed | None:
    """The newest report there is."""
    found = find_last_exposure(get_db())
    if found is None or found.report is None:
        return None
    report = read_report(found.report)
    return Exposed(
        report=report,
        is_current=found.generation == find_serving(get_settings()),
        sizes=_pair(report, report.sizes, SIZE_LABELS),
        lengths=_pair(report, report.lengths, LENGTH_LABELS),
        states=_pair(
            report,
            sorted(report.states, key=lambda group: -group.n_listings),
            {code: names.en for code, names in STATES.items()} | {"": "No office shown"},
        ),
    )


def _pair(
    report: ExposureReport, groups: Sequence[Group], labels: dict[str, str]
) -> tuple[Pair, ...]:
    order = {key: at for at, key in enumerate(labels)}
    known = [group for group in groups if group.key in labels]
    if len(known) <= len(SIZE_LABELS):
        known.sort(key=lambda group: order[group.key])
    return draw_pairs(
        (
            labels[group.key],
            group.n_listings / max(1, report.n_listings),
            group.n_shown / max(1, report.n_shown),
        )
        for group in known
    )


def measure_if_needed() -> Exposure | None:
    """How far the report on what serves is; None where it is done, or nothing serves."""
    settings = get_settings()
    generation = find_serving(settings)
    if not generation:
        return None
    found = find_exposure(get_db(), generation)
    if found and found.report is not None:
        return None
    get_background().soon("exposure", partial(_measure, settings, generation))
    return found or Exposure(generation=generation, n_done=0, n_profiles=CROWD.size)


def _measure(settings: Settings, generation: str) -> None:
    """Put the crowd to the engine, unless another worker does."""
    with closing(store.connect(settings.database)) as db, _alone(settings) as is_alone:
        known = find_exposure(db, generation)
        if not is_alone or (known and known.report is not None):
            return
        index = load_generation(settings.index, generation)

        def tell(n_done: int) -> None:
            # Requests of this worker come in between.
            time.sleep(PAUSE_S)
            if n_done % PROGRESS_STEP == 0:
                put_exposure(
                    db, Exposure(generation=generation, n_done=n_done, n_profiles=CROWD.size)
                )

        tell(0)
        donors = simulate_donors(index, list_tags(db))
        report = measure_exposure(index, donors, exclude=list_excluded(db), progress=tell)
        put_exposure(
            db,
            Exposure(
                generation=generation,
                n_done=len(donors),
                n_profiles=len(donors),
                report=asdict(report),
            ),
        )


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
