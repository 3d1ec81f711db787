"""What the small-group switch costs and brings, and what tells length from tags."""

import subprocess
import sys
from collections.abc import Callable
from contextlib import closing
from dataclasses import replace

import numpy as np
import pytest

from benchmarks import fairness
from benchmarks.fairness import (
    LENGTHS,
    SWITCH,
    count_places,
    engine_with,
    explain_length,
    format_groups,
    format_switch,
    named,
    partial_correlation,
    ranks_by_length,
    relevance,
    share_of_small,
    weigh_small,
)
from benchmarks.judged import read_judged
from recommender import store
from recommender.config import ROOT, Settings
from recommender.exposure import Crowd, Group, measure_exposure, simulate_donors
from recommender.index import BuildInputs, Index, build_index, load_current
from recommender.models import DonorProfile, Nonprofit, Tag
from recommender.pipeline import Order, recommend
from recommender.publish import open_gazetteer
from recommender.store.library import list_tags
from recommender.web.answers import MORE, NORMAL

MOST_LOST = 0.02
"""The share of nDCG@10 that issue 5 lets the switch cost."""
FEW = Crowd(size=60)


def test_the_settings_are_those_of_the_form() -> None:
    assert list(SWITCH.values()) == [0, NORMAL, MORE]


def test_the_switch_moves_small_groups_up_at_little_cost(directory: Settings) -> None:
    index, judged = load_current(directory.index), read_judged(ROOT / "data" / "judged")
    gazetteer = open_gazetteer(directory)
    with closing(store.connect(directory.database)) as db:
        donors = simulate_donors(index, list_tags(db), Crowd(size=200))
    found, shares = [], []
    for small in SWITCH.values():
        found.append(relevance(judged, engine_with(small, index, gazetteer))[2])
        asked = [weigh_small(donor, small) for donor in donors]
        shares.append(share_of_small(measure_exposure(index, asked)))
    assert min(found) >= (1 - MOST_LOST) * found[0]
    assert shares[0] < shares[1] < shares[2]


def test_the_switch_is_off_unless_it_is_asked_for() -> None:
    assert DonorProfile().weights.small == 0
    assert weigh_small(DonorProfile(text="asylum"), 2).weights.small == 2


def test_places_are_counted(crowd_index: Index, taxonomy: tuple[Tag, ...]) -> None:
    donors = simulate_donors(crowd_index, taxonomy, FEW)
    places = count_places(crowd_index, donors)
    assert places.sum() == sum(len(recommend(donor, crowd_index).matches) for donor in donors)
    report = measure_exposure(crowd_index, donors)
    assert sum(group.n_shown for group in report.bases) == places.sum()
    assert {group.key for group in report.bases} == {"mission", "name"}


def test_partial_correlation_by_hand() -> None:
    a, b, held = np.array([1, 2, 3, 4]), np.array([2, 1, 4, 3]), np.array([1, 3, 2, 4])
    # Spearman's rho: 0.6, 0.8 and 0.0.
    assert partial_correlation(a, b, held) == pytest.approx(0.6 / np.sqrt(0.36))
    assert partial_correlation(a, a, held) == pytest.approx(1)


def test_rank_by_length_is_measured_among_carriers(
    make_nonprofit: Callable[..., Nonprofit],
    taxonomy: tuple[Tag, ...],
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    told = "bread soup rice tea beans corn salt milk eggs fish".split()
    pool = [
        make_nonprofit(f"Group {n}", summary_en=" ".join(told[: n + 1]), services=("housing",))
        for n in range(10)
    ]
    index = build_index(BuildInputs(nonprofits=pool, tags=taxonomy))
    wish = DonorProfile(services=("housing",))
    assert "places and length: " in explain_length(index, [wish])
    for rows, rho in ((np.argsort(index.lengths), -1), (np.argsort(-index.lengths), 1)):
        ones = np.ones(10)
        order = Order(rows=rows, coverage=ones, is_local=ones > 0, no_close_match=False)
        monkeypatch.setattr(fairness, "order_matches", lambda *_, order=order, **__: order)
        assert ranks_by_length(index, wish) == pytest.approx(rho)
    assert ranks_by_length(index, replace(wish, populations=("farmworkers",))) is None


def test_tables_by_hand(crowd_index: Index, taxonomy: tuple[Tag, ...]) -> None:
    report = measure_exposure(crowd_index, simulate_donors(crowd_index, taxonomy, FEW))
    lengths = format_groups("length", named(report.lengths, LENGTHS), report)
    assert "| shortest quarter |" in lengths
    groups = [Group(key="", n_listings=50, n_shown=report.n_shown)]
    known = format_groups("revenue", named(groups, (), "unknown"), report)
    assert known.endswith(f"| unknown | 25.0% | 100.0% | {report.n_shown / 50:.2f} |")
    assert "| off | 0.500 | 0.400 | 0.450 | 10.0% |" in format_switch(
        "off", (0.5, 0.4, 0.45), 0.5, report
    )


def test_the_script_says_what_it_does() -> None:
    command = [sys.executable, "-m", "benchmarks.fairness", "--help"]
    shown = subprocess.run(command, cwd=ROOT, capture_output=True, text=True, check=True)
    assert "benchmarks.fairness" in shown.stdout
