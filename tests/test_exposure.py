"""Who gets shown to a crowd of made-up donors."""

import json
from collections import Counter
from dataclasses import asdict, replace

import numpy as np
import pytest

from recommender.exposure import (
    CROWD,
    Crowd,
    gini,
    measure_exposure,
    rank_correlation,
    read_report,
    simulate_donors,
)
from recommender.index import BuildInputs, Index, build_index
from recommender.models import DonorProfile, Language, Nonprofit, Tag
from recommender.pipeline import recommend

FEW = Crowd(size=60)


def test_the_crowd_is_the_same_every_time(crowd_index: Index, taxonomy: tuple[Tag, ...]) -> None:
    assert simulate_donors(crowd_index, taxonomy, FEW) == simulate_donors(
        crowd_index, taxonomy, FEW
    )


def test_the_crowd_is_as_it_is_described(crowd_index: Index, taxonomy: tuple[Tag, ...]) -> None:
    crowd = Crowd(size=2_000, spanish=0.25)
    donors = simulate_donors(crowd_index, taxonomy, crowd)

    def share(of: list[bool]) -> float:
        return sum(of) / len(of)

    chips = [donor for donor in donors if not donor.text]
    assert len(donors) == 2_000
    assert share([donor.language is Language.ES for donor in donors]) == pytest.approx(
        0.25, abs=0.03
    )
    assert len(chips) / len(donors) == pytest.approx(crowd.chips, abs=0.04)
    assert share([not donor.populations for donor in chips]) == pytest.approx(0.2, abs=0.04)
    assert share([not donor.services for donor in chips]) == pytest.approx(0.2, abs=0.04)
    assert all(donor.services or donor.populations for donor in chips)
    # One listing in seven of this crowd has no office.
    placed = share([donor.place is not None for donor in donors])
    assert placed == pytest.approx(crowd.placed * 6 / 7, abs=0.04)


def test_wishes_are_as_frequent_as_tags(crowd_index: Index, taxonomy: tuple[Tag, ...]) -> None:
    donors = simulate_donors(crowd_index, taxonomy, Crowd(size=4_000, chips=1))
    wished = Counter(donor.services[0] for donor in donors if donor.services)
    carried = {slug: len(crowd_index.rows_with(f"services:{slug}")) for slug in wished}
    for slug, number in wished.items():
        expected = carried[slug] / sum(carried.values())
        assert number / wished.total() == pytest.approx(expected, abs=0.03), slug


def test_the_words_are_those_of_the_donors_language(
    crowd_index: Index, taxonomy: tuple[Tag, ...]
) -> None:
    for donor in simulate_donors(crowd_index, taxonomy, Crowd(size=80, chips=0)):
        labels = {tag.label(donor.language) for tag in taxonomy}
        assert any(label in donor.text for label in labels), donor


def test_places_among_the_first_ten_are_counted(
    crowd_index: Index, taxonomy: tuple[Tag, ...]
) -> None:
    donors = simulate_donors(crowd_index, taxonomy, FEW)
    shown: Counter[str] = Counter()
    for donor in donors:
        shown.update(match.nonprofit.slug for match in recommend(donor, crowd_index, n=10).matches)
    heard: list[int] = []
    report = measure_exposure(crowd_index, donors, progress=heard.append)
    assert heard == list(range(1, 61))
    assert (report.n_profiles, report.n_listings) == (60, 200)
    assert (report.n_shown, report.n_seen) == (shown.total(), len(shown))
    for groups in (report.sizes, report.states, report.lengths):
        assert sum(group.n_listings for group in groups) == 200
        assert sum(group.n_shown for group in groups) == report.n_shown
    most = sorted(shown.values(), reverse=True)[:20]
    assert report.top_tenth == pytest.approx(sum(most) / shown.total())
    texas = next(group for group in report.states if group.key == "TX")
    offices = {item.slug: item.office for item in map(crowd_index.nonprofit, range(200))}
    here = {slug for slug, office in offices.items() if office and office.state == "TX"}
    assert (texas.n_listings, texas.n_shown) == (len(here), sum(shown[slug] for slug in here))


def test_what_is_excluded_is_neither_shown_nor_counted(
    crowd_index: Index, taxonomy: tuple[Tag, ...]
) -> None:
    gone = frozenset(crowd_index.slugs[:100])
    donors = simulate_donors(crowd_index, taxonomy, FEW)
    report = measure_exposure(crowd_index, donors, exclude=gone)
    assert report.n_listings == 100
    assert report.n_seen <= 100


def test_groups_by_size_and_length(catalogue: tuple[Nonprofit, ...]) -> None:
    money = (None, 0, 99_999, 100_000, 999_999, 1_000_000, 9_999_999, 10_000_000)
    listings = [replace(catalogue[i], revenue_usd=usd) for i, usd in enumerate(money)]
    index = build_index(BuildInputs(nonprofits=listings))
    report = measure_exposure(index, [DonorProfile(text="asylum")])
    sizes = {group.key: group.n_listings for group in report.sizes}
    assert sizes == {"": 1, "0": 2, "1": 2, "2": 2, "3": 1}
    assert {group.key for group in report.lengths} == {"0", "1", "2", "3"}


def test_nobody_asking_shows_nothing(crowd_index: Index) -> None:
    report = measure_exposure(crowd_index, [])
    assert (report.n_shown, report.n_seen, report.gini, report.top_tenth) == (0, 0, 0.0, 0.0)
    assert (report.size_correlation, report.length_correlation) == (0.0, 0.0)


def test_gini_by_hand() -> None:
    assert gini(np.array([3, 3, 3])) == 0
    assert gini(np.array([0, 0, 0])) == 0
    assert gini(np.array([0, 0, 0, 8])) == pytest.approx(0.75)
    # Pairs differ by 1, 2 and 1, both ways: 8 / (2 * 3 * 6).
    assert gini(np.array([3, 1, 2])) == pytest.approx(8 / 36)


def test_rank_correlation_by_hand() -> None:
    up, down = np.array([1, 5, 9]), np.array([3, 2, -7])
    assert rank_correlation(up, up**3) == pytest.approx(1)
    assert rank_correlation(up, down) == pytest.approx(-1)
    assert rank_correlation(up, np.array([4, 4, 4])) == 0
    # Ranks 1.5, 1.5, 3 against 1, 2, 3.
    assert rank_correlation(np.array([2, 2, 7]), up) == pytest.approx(np.sqrt(3) / 2)
    assert rank_correlation(np.array([]), np.array([])) == 0


def test_a_report_can_be_kept_as_json(crowd_index: Index, taxonomy: tuple[Tag, ...]) -> None:
    report = measure_exposure(crowd_index, simulate_donors(crowd_index, taxonomy, Crowd(size=5)))
    assert read_report(json.loads(json.dumps(asdict(report)))) == report


def test_a_directory_without_tags_can_be_asked(catalogue: tuple[Nonprofit, ...]) -> None:
    index = build_index(BuildInputs(nonprofits=catalogue[:3]))
    report = measure_exposure(index, simulate_donors(index, (), Crowd(size=4)))
    assert report.n_profiles == 4
    assert CROWD.size == 1_000
