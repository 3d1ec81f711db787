"""The report on who gets shown, for the desk: made in the background when it is missing."""

from __future__ import annotations

import time
from contextlib import closing
from functools import partial

from recommender import store
from recommender.config import Settings
from recommender.exposure import CROWD as CROWD
from recommender.publish import find_serving
from recommender.report import make_report
from recommender.store.exposures import Exposure, find_exposure
from recommender.web import get_db, get_settings
from recommender.web.background import get_background

PAUSE_S = 0.001


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
