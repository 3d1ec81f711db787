from __future__ import annotations

import pytest

from benchmarks.judged import (
    HEADER,
    Donor,
    Judged,
    format_row,
    is_for_tuning,
    measure,
    our_engine,
    peer_engine,
    read_judged,
    read_labels,
)
from recommender.config import ROOT, Settings
from recommender.index import Index, load_current
from recommender.publish import open_gazetteer

DATA = ROOT / "data"


@pytest.fixture(scope="module")
def judged() -> Judged:
    return read_judged(DATA / "judged")


@pytest.fixture(scope="module")
def index(directory: Settings) -> Index:
    return load_current(directory.index)


def test_every_donor_is_judged_by_listings_that_there_are(judged: Judged, index: Index) -> None:
    names = [donor["id"] for donor in judged.donors]
    assert len(names) == len(set(names)) >= 60
    assert set(judged.grades) == set(names)
    assert {grade for grades in judged.grades.values() for grade in grades.values()} <= {0, 1, 2, 3}
    # A listing may be taken down later, and its grades with it.
    gone = {slug for grades in judged.grades.values() for slug in grades} - set(index.slugs)
    assert len(gone) <= 0.05 * len(index)


def test_both_halves_are_large_enough(judged: Judged) -> None:
    tuned = sum(is_for_tuning(donor) for donor in judged.donors)
    assert min(tuned, len(judged.donors) - tuned) >= 30


def test_donors_are_answered_better_than_by_bm25(
    judged: Judged, index: Index, directory: Settings
) -> None:
    """What a change may not lose; the figures are in docs/benchmarks.md."""
    ours, ours_good = measure(judged, judged.donors, our_engine(index, open_gazetteer(directory)))
    labels = read_labels(DATA / "taxonomy.json")
    peer, peer_good = measure(judged, judged.donors, peer_engine("bm25s", index, labels))
    assert 0 < peer < 1.05 * peer < ours < 1
    assert peer_good < ours_good


def test_a_row_has_a_figure_for_each_part_and_for_all(judged: Judged) -> None:
    def best_of_tuned(donor: Donor) -> list[str]:
        grades = judged.grades[donor["id"]]
        found = sorted(grades, key=grades.__getitem__, reverse=True)[:10]
        return found if is_for_tuning(donor) else []

    cells = [cell.strip() for cell in format_row("best", judged, best_of_tuned).split("|")[1:-1]]
    names = [cell.strip() for cell in HEADER.splitlines()[0].split("|")[1:-1]]
    row = dict(zip(names, cells, strict=True))
    assert (row["engine"], row["tune"], row["test"]) == ("best", "1.000", "0.000")
    chosen = [donor for donor in judged.donors if any(judged.grades[donor["id"]].values())]
    assert row["all"] == f"{sum(map(is_for_tuning, chosen)) / len(chosen):.3f}"


def test_an_engine_that_finds_nothing_measures_nothing(judged: Judged) -> None:
    assert measure(judged, judged.donors, lambda _: []) == (0.0, 0.0)


def test_the_best_order_measures_one(judged: Judged) -> None:
    def best(donor: object) -> list[str]:
        assert isinstance(donor, dict)
        grades = judged.grades[donor["id"]]
        return sorted(grades, key=grades.__getitem__, reverse=True)[:10]

    assert measure(judged, judged.donors, best)[0] == pytest.approx(1)
