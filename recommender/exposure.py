"""Who gets shown: made-up donors put to the real engine, and what each listing gets of it.

A ranking can be right query by query and still send everybody to the same few groups. So a
fixed crowd of donors asks `recommend`, and the places among their first ten are counted by
size, state, length and basis of the profile, against each kind's share of the listings.

The crowd is drawn anew from every index, always with the same seed: a donor wishes for a
service, for people, or for both, each drawn by how many listings carry the tag, and lives where
a listing drawn at random has its office, so that donors are where listings are. Wish and place
are drawn apart, or each donor would have been made for one listing. Half use the form's chips
and half words; half ask in English and half in Spanish. See `CROWD`.
"""

from __future__ import annotations

import random
from collections import Counter
from collections.abc import Callable, Iterable, Mapping, Sequence, Set
from dataclasses import dataclass
from itertools import accumulate

import numpy as np
import numpy.typing as npt

from recommender.index import Index
from recommender.models import DonorProfile, Language, Place, PlaceKind, Tag, TagKind
from recommender.pipeline import recommend

DEPTH = 10
SEED = 7


@dataclass(frozen=True, kw_only=True)
class Crowd:
    """How the donors are made: their number, and the shares of each kind among them."""

    size: int = 1_000
    service_only: float = 0.2
    people_only: float = 0.2
    placed: float = 0.8
    chips: float = 0.5
    spanish: float = 0.5


CROWD = Crowd()

SIZES = (100_000, 1_000_000, 10_000_000)
"""Yearly revenue in dollars at which one band ends and the next begins."""


@dataclass(frozen=True, kw_only=True)
class Group:
    """Listings of one kind: how many there are, and how many places among the first ten."""

    key: str
    n_listings: int
    n_shown: int


@dataclass(frozen=True, kw_only=True)
class ExposureReport:
    """What a crowd of donors got to see.

    Attributes:
        n_profiles: Donors who asked.
        n_listings: Listings that could be shown.
        n_seen: Listings that were shown to anybody.
        n_shown: Places that were filled, at most `DEPTH` for each donor.
        gini: Of the listings' places, in [0, 1]; 0 where all have as many.
        top_tenth: The share of all places that the most shown tenth has.
        size_correlation: Spearman's rank correlation of places with revenue, where that is
            known, in [-1, 1].
        length_correlation: The same with the number of distinct terms of a profile.
        sizes: By revenue: "0" to "3" for the bands between `SIZES`, "" where it is unknown.
        states: By the state of the office; "" where none is shown.
        lengths: By the length of the profile: "0" for the shortest quarter to "3".
        bases: By what the description rests on, a value of `Basis`; none in reports from
            before it was counted.
    """

    n_profiles: int
    n_listings: int
    n_seen: int
    n_shown: int
    gini: float
    top_tenth: float
    size_correlation: float
    length_correlation: float
    sizes: tuple[Group, ...]
    states: tuple[Group, ...]
    lengths: tuple[Group, ...]
    bases: tuple[Group, ...] = ()


def simulate_donors(index: Index, tags: Sequence[Tag], crowd: Crowd = CROWD) -> list[DonorProfile]:
    """The crowd of an index; `tags` give the words in which half of them ask."""
    chance = random.Random(SEED)  # noqa: S311 (nothing is secret here)
    wishes = _Wishes(index, tags)
    return [_simulate_donor(index, wishes, crowd, chance) for _ in range(crowd.size)]


def measure_exposure(
    index: Index,
    donors: Sequence[DonorProfile],
    *,
    exclude: Set[str] = frozenset(),
    progress: Callable[[int], None] = lambda _: None,
) -> ExposureReport:
    """Ask for every donor, and count who is shown; `progress` hears how many have asked."""
    shown = np.zeros(len(index), dtype=np.int64)
    for number, donor in enumerate(donors, start=1):
        answer = recommend(donor, index, n=DEPTH, exclude=exclude)
        for match in answer.matches:
            shown[index.row_of[match.nonprofit.slug]] += 1
        progress(number)
    listed = np.array([slug not in exclude for slug in index.slugs], dtype=np.bool_)
    return _report(index, np.flatnonzero(listed), shown, len(donors))


def gini(counts: npt.NDArray[np.integer]) -> float:
    """Gini coefficient in [0, 1): 0 where all have as many, near 1 where one has all.

    Source: the form for ordered values, as in Damgaard & Weiner, Ecology 81(4), 2000.
    """
    n, total = len(counts), int(counts.sum())
    if not total:
        return 0.0
    ranks = np.arange(1, n + 1)
    return float((2 * ranks - n - 1) @ np.sort(counts) / (n * total))


def rank_correlation(left: npt.NDArray[np.number], right: npt.NDArray[np.number]) -> float:
    """Spearman's rho in [-1, 1], ties at their mean rank; 0 where one side is all the same."""
    first, second = _mean_ranks(left), _mean_ranks(right)
    if not len(first) or not first.std() or not second.std():
        return 0.0
    return float(np.corrcoef(first, second)[0, 1])


def _mean_ranks(values: npt.NDArray[np.number]) -> npt.NDArray[np.float64]:
    _, inverse, counts = np.unique(values, return_inverse=True, return_counts=True)
    means: npt.NDArray[np.float64] = np.cumsum(counts) - (counts - 1) / 2
    return means[inverse]


class _Wishes:
    """The tags that donors may wish for, drawn by how many listings carry them."""

    def __init__(self, index: Index, tags: Sequence[Tag]) -> None:
        self._tags = {f"{tag.kind}:{tag.slug}": tag for tag in tags}
        self._drawn = {
            kind: self._weigh(index, kind) for kind in (TagKind.SERVICE, TagKind.POPULATION)
        }

    def draw(self, kind: TagKind, chance: random.Random) -> Tag | None:
        names, sums = self._drawn[kind]
        return self._tags[chance.choices(names, cum_weights=sums)[0]] if names else None

    def _weigh(self, index: Index, kind: TagKind) -> tuple[list[str], list[int]]:
        names = [name for name in index.tag_names if name in self._tags]
        names = [name for name in names if name.startswith(f"{kind}:")]
        return names, list(accumulate(len(index.rows_with(name)) for name in names))


def _simulate_donor(
    index: Index, wishes: _Wishes, crowd: Crowd, chance: random.Random
) -> DonorProfile:
    language = Language.ES if chance.random() < crowd.spanish else Language.EN
    place = _place_of(index, chance.randrange(len(index)))
    place = place if chance.random() < crowd.placed else None
    service, people = wishes.draw(TagKind.SERVICE, chance), wishes.draw(TagKind.POPULATION, chance)
    kind = chance.random()
    if kind < crowd.service_only:
        people = None
    elif kind < crowd.service_only + crowd.people_only:
        service = None
    if chance.random() < crowd.chips:
        return DonorProfile(
            services=(service.slug,) if service else (),
            populations=(people.slug,) if people else (),
            place=place,
            language=language,
        )
    text = " ".join(tag.label(language) for tag in (service, people) if tag)
    return DonorProfile(text=text, place=place, language=language)


def _place_of(index: Index, row: int) -> Place | None:
    """Where a listing has its office, as a donor would name it."""
    office = index.nonprofit(row).office
    if office is None or office.latitude is None or office.longitude is None:
        return None
    return Place(
        label=f"{office.city}, {office.state}",
        kind=PlaceKind.CITY,
        state=office.state,
        latitude=office.latitude,
        longitude=office.longitude,
    )


def _report(
    index: Index,
    rows: npt.NDArray[np.intp],
    shown: npt.NDArray[np.int64],
    n_profiles: int,
) -> ExposureReport:
    counts, revenue, lengths = shown[rows], index.revenue_usd[rows], index.lengths[rows]
    known = ~np.isnan(revenue)
    most = np.sort(counts)[::-1][: -(-len(counts) // 10)]
    total = int(counts.sum())
    edges = np.quantile(lengths, (0.25, 0.5, 0.75)) if len(lengths) else np.zeros(3)
    return ExposureReport(
        n_profiles=n_profiles,
        n_listings=len(rows),
        n_seen=int((counts > 0).sum()),
        n_shown=total,
        gini=gini(counts),
        top_tenth=int(most.sum()) / total if total else 0.0,
        size_correlation=rank_correlation(counts[known], revenue[known]),
        length_correlation=rank_correlation(counts, lengths),
        sizes=_group(counts, _size_keys(revenue)),
        states=_group(counts, _state_keys(index, rows)),
        lengths=_group(counts, [str(n) for n in np.searchsorted(edges, lengths).tolist()]),
        bases=_group(counts, (str(index.nonprofit(row).basis) for row in rows.tolist())),
    )


def _size_keys(revenue: npt.NDArray[np.float32]) -> list[str]:
    bands = np.searchsorted(SIZES, revenue, side="right").tolist()
    return [
        "" if is_unknown else str(band)
        for band, is_unknown in zip(bands, np.isnan(revenue).tolist(), strict=True)
    ]


def _state_keys(index: Index, rows: npt.NDArray[np.intp]) -> list[str]:
    offices = [index.nonprofit(row).office for row in rows.tolist()]
    return [office.state if office else "" for office in offices]


def _group(counts: npt.NDArray[np.int64], keys: Iterable[str]) -> tuple[Group, ...]:
    """The groups by key."""
    listings: Counter[str] = Counter()
    places: Counter[str] = Counter()
    for key, count in zip(keys, counts.tolist(), strict=True):
        listings[key] += 1
        places[key] += count
    return tuple(
        Group(key=key, n_listings=listings[key], n_shown=places[key]) for key in sorted(listings)
    )


def read_report(document: Mapping[str, object]) -> ExposureReport:
    """A report from its fields, as `dataclasses.asdict` gives them."""
    groups = {
        name: tuple(Group(**group) for group in document.get(name, ()))  # type: ignore[attr-defined]
        for name in ("sizes", "states", "lengths", "bases")
    }
    return ExposureReport(**{**document, **groups})  # type: ignore[arg-type]
