"""The report on who gets shown, for the desk: made in the background when it is missing."""

from __future__ import annotations

import time
from contextlib import closing
from dataclasses import dataclass
from functools import partial

from recommender import store
from recommender.config import Settings
from recommender.exposure import CROWD as CROWD
from recommender.exposure import SIZES, ExposureReport, read_report
from recommender.geo import STATES
from recommender.publish import find_serving
from recommender.report import make_report
from recommender.store.exposures import Exposure, find_exposure, find_last_exposure
from recommender.web import get_db, get_settings
from recommender.web.background import get_background
from recommender.web.pairs import Pair, draw_groups

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
STATE_LABELS = {code: names.en for code, names in STATES.items()} | {"": "No office shown"}


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
        sizes=draw_groups(report, report.sizes, SIZE_LABELS),
        lengths=draw_groups(report, report.lengths, LENGTH_LABELS),
        states=draw_groups(report, report.states, STATE_LABELS, most_first=True),
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
    with closing(store.connect(settings.database)) as db:
        # Requests of this worker come in between.
        make_report(db, settings, generation, lambda _: time.sleep(PAUSE_S))
