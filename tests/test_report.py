"""The report on who gets shown is made once for a generation."""

import fcntl
from collections.abc import Iterator
from contextlib import closing
from dataclasses import asdict

import pytest
from sqlite_utils import Database

from recommender import report, store
from recommender.config import Settings
from recommender.exposure import Crowd, measure_exposure, read_report, simulate_donors
from recommender.index import current_generation, load_current
from recommender.models import Nonprofit, Tag
from recommender.report import PROGRESS_STEP, is_reported, make_report
from recommender.store.exposures import find_exposure, find_last_exposure
from recommender.store.library import list_tags
from tests.web.small_site import make_site

FEW = Crowd(size=PROGRESS_STEP + 10)


@pytest.fixture
def settings(
    tmp_path_factory: pytest.TempPathFactory,
    catalogue: tuple[Nonprofit, ...],
    taxonomy: tuple[Tag, ...],
    monkeypatch: pytest.MonkeyPatch,
) -> Settings:
    monkeypatch.setattr(report, "CROWD", FEW)
    return make_site(tmp_path_factory.mktemp("reported"), catalogue, taxonomy)


@pytest.fixture
def db(settings: Settings) -> Iterator[Database]:
    with closing(store.connect(settings.database)) as db:
        yield db


def test_a_report_is_what_the_crowd_was_shown(settings: Settings, db: Database) -> None:
    generation, heard = current_generation(settings.index), list[int]()
    assert not is_reported(db, generation)
    assert make_report(db, settings, generation, heard.append)
    assert heard == list(range(FEW.size + 1))
    found = find_exposure(db, generation)
    assert found is not None
    assert (found.n_done, found.n_profiles) == (FEW.size, FEW.size)
    index = load_current(settings.index)
    expected = measure_exposure(index, simulate_donors(index, list_tags(db), FEW))
    assert found.report is not None
    assert read_report(found.report) == expected
    assert asdict(expected)["bases"]


def test_a_report_is_made_once(settings: Settings, db: Database) -> None:
    generation = current_generation(settings.index)
    assert make_report(db, settings, generation)
    assert not make_report(db, settings, generation)
    assert is_reported(db, generation)


def test_two_do_not_make_the_same_report(settings: Settings, db: Database) -> None:
    with (settings.instance / ".exposure.lock").open("w") as other:
        fcntl.flock(other, fcntl.LOCK_EX)
        assert not make_report(db, settings, current_generation(settings.index))
    assert find_last_exposure(db) is None
    assert make_report(db, settings, current_generation(settings.index))


def test_whoever_looks_sees_how_far_it_is(settings: Settings, db: Database) -> None:
    generation, seen = current_generation(settings.index), []

    def look(n_done: int) -> None:
        if n_done == PROGRESS_STEP + 1:
            found = find_exposure(db, generation)
            assert found is not None
            seen.append((found.n_done, found.report))

    assert make_report(db, settings, generation, look)
    assert seen == [(PROGRESS_STEP, None)]
