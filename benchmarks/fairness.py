"""Who gets shown, and what it costs to show smaller groups first: `python -m benchmarks.fairness`.

The crowd of `recommender.exposure` asks with the small-group switch at each setting, and the
places among its first ten are set against what a listing is: the length of its profile, its
yearly revenue, and what its description rests on. The judged donors of `data/judged` ask with
the same settings: what their nDCG@10 loses is what the switch costs.

A listing's length is its number of distinct terms, and a tag brings its terms along. So length
is also set against the places with the number of tags held fixed, and against the rank among
those listings alone that carry all that a donor ticked.
"""

from __future__ import annotations

import argparse
from collections.abc import Iterable, Sequence
from contextlib import closing
from dataclasses import replace
from itertools import pairwise

import numpy as np
import numpy.typing as npt

from benchmarks.judged import Donor, Engine, Judged, is_for_tuning, measure, read_judged
from recommender import store
from recommender.config import load_settings
from recommender.exposure import (
    CROWD,
    SIZES,
    ExposureReport,
    Group,
    measure_exposure,
    rank_correlation,
    simulate_donors,
)
from recommender.geo import Gazetteer
from recommender.golden import read_question
from recommender.index import Index, load_current
from recommender.models import DonorProfile, TagKind
from recommender.pipeline import order_matches, recommend
from recommender.publish import open_gazetteer
from recommender.store.library import list_tags

Numbers = npt.NDArray[np.number]

DEPTH = 10
FEWEST_CARRIERS = 8
SWITCH = {"off": 0.0, "smaller first": 1.0, "much smaller first": 2.0}
"""The settings of the form, and what each multiplies the weight by."""
LENGTHS = ("shortest quarter", "second quarter", "third quarter", "longest quarter")
BANDS = (
    f"under ${SIZES[0]:,}",
    *(f"${low:,} to ${high:,}" for low, high in pairwise(SIZES)),
    f"from ${SIZES[-1]:,}",
)
HEADER = (
    "| switch | nDCG@10, tune | test | all | cost | places of groups under $1 million "
    "| revenue, Spearman | length, Spearman | Gini |\n|---|---|---|---|---|---|---|---|---|"
)


def weigh_small(profile: DonorProfile, small: float) -> DonorProfile:
    """The same wish with the small-group switch at a setting."""
    return replace(profile, weights=replace(profile.weights, small=small))


def engine_with(small: float, index: Index, gazetteer: Gazetteer) -> Engine:
    """Our engine, asked as the form asks it, with the switch at a setting."""

    def rank(donor: Donor) -> list[str]:
        profile = read_question({"kind": "match", **donor}, gazetteer)
        assert isinstance(profile, DonorProfile)
        found = recommend(weigh_small(profile, small), index, n=DEPTH)
        return [match.nonprofit.slug for match in found.matches]

    return rank


def relevance(judged: Judged, engine: Engine) -> tuple[float, float, float]:
    """The mean nDCG@10 of the half for tuning, of the other, and of all donors."""
    halves = [[d for d in judged.donors if is_for_tuning(d) is half] for half in (True, False)]
    tune, test, whole = (measure(judged, part, engine)[0] for part in (*halves, judged.donors))
    return tune, test, whole


def share_of_small(report: ExposureReport) -> float:
    """The share of the places that go to groups known to have under $1 million a year."""
    small = sum(group.n_shown for group in report.sizes if group.key in ("0", "1"))
    return small / max(1, report.n_shown)


def format_switch(
    name: str, found: tuple[float, float, float], base: float, report: ExposureReport
) -> str:
    """One setting of the switch: its relevance, and who gets shown."""
    relevances = " | ".join(f"{value:.3f}" for value in found)
    cost = f"{1 - found[2] / base:.1%}"
    return (
        f"| {name} | {relevances} | {cost} | {share_of_small(report):.1%} "
        f"| {report.size_correlation:+.2f} | {report.length_correlation:+.2f} "
        f"| {report.gini:.2f} |"
    )


def format_groups(title: str, groups: Iterable[Group], report: ExposureReport) -> str:
    """Each kind's share of the listings and of the places."""
    lines = [f"| {title} | listings | places | places for each listing |", "|---|---|---|---|"]
    lines += [
        f"| {group.key} | {group.n_listings / report.n_listings:.1%} "
        f"| {group.n_shown / max(1, report.n_shown):.1%} "
        f"| {group.n_shown / group.n_listings:.2f} |"
        for group in groups
    ]
    return "\n".join(lines)


def named(groups: Sequence[Group], names: Sequence[str], unknown: str = "") -> list[Group]:
    """The groups under their names."""
    return [replace(group, key=names[int(group.key)] if group.key else unknown) for group in groups]


def explain_length(index: Index, donors: Sequence[DonorProfile]) -> str:
    """Rank correlations that tell a long profile from one with many tags."""
    places = count_places(index, donors)
    lengths = index.lengths.astype(np.float64)
    cards = [index.nonprofit(row) for row in range(len(index))]
    tags = np.array([sum(len(card.tags(kind)) for kind in TagKind) for card in cards])
    words = np.array([len(card.summary_en.split()) for card in cards])
    within = [ranks_by_length(index, donor) for donor in donors if carried(donor)]
    figures = {
        "places and length": rank_correlation(places, lengths),
        "places and number of tags": rank_correlation(places, tags),
        "places and words of the description": rank_correlation(places, words),
        "length and number of tags": rank_correlation(lengths, tags),
        "places and length, number of tags held": partial_correlation(places, lengths, tags),
        "rank and length among those that carry all that was ticked, mean": float(
            np.mean([value for value in within if value is not None])
        ),
    }
    return "\n".join(f"* {name}: {value:+.2f}" for name, value in figures.items())


def count_places(index: Index, donors: Iterable[DonorProfile]) -> Numbers:
    """How often each listing is among the first ten: (n_docs,)."""
    places = np.zeros(len(index))
    for donor in donors:
        for match in recommend(donor, index, n=DEPTH).matches:
            places[index.row_of[match.nonprofit.slug]] += 1
    return places


def partial_correlation(left: Numbers, right: Numbers, held: Numbers) -> float:
    """Spearman's rho of two with a third held fixed, in [-1, 1] (Kendall, Biometrika 32, 1942)."""
    both, one, other = (
        rank_correlation(*pair) for pair in ((left, right), (left, held), (right, held))
    )
    return float((both - one * other) / np.sqrt((1 - one**2) * (1 - other**2)))


def carried(donor: DonorProfile) -> list[str]:
    """The tags that a donor ticked."""
    return [f"{kind}:{slug}" for kind in TagKind for slug in getattr(donor, kind.value)]


def ranks_by_length(index: Index, donor: DonorProfile) -> float | None:
    """How rank falls with length among the carriers of a wish, the place aside; None if few."""
    rows = order_matches(replace(donor, place=None), index, n=DEPTH).rows
    for tag in carried(donor):
        rows = rows[np.isin(rows, index.rows_with(tag))]
    if len(rows) < FEWEST_CARRIERS:
        return None
    return rank_correlation(-np.arange(len(rows)), index.lengths[rows])


def main() -> None:
    """Print what each setting of the switch costs and brings, and who gets shown without it."""
    argparse.ArgumentParser(description=__doc__).parse_args()
    settings = load_settings()
    index, judged = load_current(settings.index), read_judged(settings.data / "judged")
    gazetteer = open_gazetteer(settings)
    with closing(store.connect(settings.database)) as db:
        donors = simulate_donors(index, list_tags(db))
    print(f"{CROWD.size:,} made-up donors, {len(judged.donors)} judged ones\n\n{HEADER}")
    reports, base = [], 0.0
    for name, small in SWITCH.items():
        found = relevance(judged, engine_with(small, index, gazetteer))
        base = base or found[2]
        asked = [weigh_small(donor, small) for donor in donors]
        reports.append(measure_exposure(index, asked))
        print(format_switch(name, found, base, reports[-1]), flush=True)
    usual = reports[0]
    print("\n" + format_groups("length of profile", named(usual.lengths, LENGTHS), usual))
    print("\n" + format_groups("revenue", named(usual.sizes, BANDS, "unknown"), usual))
    print("\n" + format_groups("basis", usual.bases, usual))
    print("\nLength, Spearman\n\n" + explain_length(index, donors))


if __name__ == "__main__":
    main()
