"""The matching functions. Donor pages, directory, articles, API and evaluation call these."""

from __future__ import annotations

from bisect import bisect_left
from collections.abc import Iterable, Mapping, Set
from dataclasses import dataclass, replace
from math import inf

import numpy as np
import numpy.typing as npt

from recommender.errors import NotFound
from recommender.explain import Explainer
from recommender.index import Index
from recommender.models import (
    DonorProfile,
    Facet,
    Filters,
    Language,
    Match,
    Place,
    Reason,
    Recommendation,
    Scope,
    SearchPage,
    SearchQuery,
    Sort,
    TagKind,
    Weights,
)
from recommender.nearness import (
    distances_km,
    is_in_scope,
    is_local,
    measure_nearness,
    serves_locally,
    survey,
)
from recommender.query import Query, understand
from recommender.ranking import Ranking, Signals, match_names, rank
from recommender.retrieval import SMALLEST, TopicScores, coverage, covers, retrieve
from recommender.text import words

COVERAGE_FLOOR = 0.1
"""Below this share of what was asked even the best listing is no close match."""
LONG_TEXT_CONCEPTS = 0.08
LONG_TEXT_FLOOR = 0.15
"""An article is on topic when this share of its words names concepts we know."""
SEARCH_COVERAGE = 0.5
SMALL_REVENUE_USD = 1_000_000
NO_FILTERS = Filters()
FACET_KINDS = (*(kind.value for kind in TagKind), "states", "reach")

Mask = npt.NDArray[np.bool_]
Named = Mapping[int, float]
"""Row -> how closely its name resembles what was typed, in (0, 1]."""


@dataclass(frozen=True, kw_only=True)
class Order:
    """The rows of an answer in their order, all of them and without reasons.

    Aligned with `rows`: `coverage` is the share of what was asked that each listing has, in
    [0, 1], and `is_local` whether it is near the place that was given or serves it.
    `no_close_match` says that nothing fits closely, or that a search has found nothing.
    """

    rows: npt.NDArray[np.integer]
    coverage: npt.NDArray[np.float32]
    is_local: Mask
    no_close_match: bool


def recommend(
    profile: DonorProfile, index: Index, *, n: int = 10, exclude: Set[str] = frozenset()
) -> Recommendation:
    """The `n` listings that fit a donor's profile best, each with its reasons.

    `exclude` holds slugs that must not appear (withdrawn since the index was built).
    When nothing fits closely, `no_close_match` is set and the nearest there are follow.
    """
    signals = _read_profile(profile, index, exclude)
    query, ranking = signals.query, rank(signals, n=n)
    far = _is_far(signals, ranking)
    # Where nothing could be read, nothing is closest either.
    shown = ranking.order[: n if query.units or not far else 0]
    page = Explainer(signals=signals, ranking=ranking, positions=shown, exclude=exclude)
    return Recommendation(
        matches=page.matches(),
        generation=index.generation,
        no_close_match=far,
        n_candidates=len(signals.topic.rows),
        understood=tuple(
            Reason(
                feature="words",
                kind=unit.kind,
                label=unit.label,
                contribution=unit.importance,
                sources=unit.sources,
            )
            for unit in query.units
            if unit.terms
        ),
        corrections=query.corrections,
        unknown_words=query.unknown_words,
    )


def order_matches(
    profile: DonorProfile, index: Index, *, n: int = 10, exclude: Set[str] = frozenset()
) -> Order:
    """The order in which `recommend` gives its `n` matches, and what would follow them."""
    signals = _read_profile(profile, index, exclude)
    ranking = rank(signals, n=n)
    far = _is_far(signals, ranking)
    order = ranking.order[: None if signals.query.units or not far else 0]
    return replace(_ordered(order, signals), no_close_match=far)


def _read_profile(profile: DonorProfile, index: Index, exclude: Set[str]) -> Signals:
    query = understand(profile, index)
    vicinity = survey(profile, index)
    eligible = is_in_scope(vicinity, profile.scope, index) & _excluding(index, exclude)
    if profile.filters != NO_FILTERS:
        eligible &= _chosen(profile.filters, index)
    named = match_names(profile.text, index)
    topic = _topic(query, index, eligible, kept=named)
    return Signals(
        profile=profile,
        query=query,
        index=index,
        topic=topic,
        nearness=measure_nearness(vicinity, topic.rows),
        names=_names(named, topic),
    )


def match_text(
    text: str,
    index: Index,
    *,
    place: Place | None = None,
    language: Language = Language.EN,
    n: int = 5,
    exclude: Set[str] = frozenset(),
) -> Recommendation:
    """The listings that fit an article or any long text, near a place where one is given."""
    profile = DonorProfile(text=text, place=place, language=language, scope=Scope.NEAR)
    return recommend(profile, index, n=n, exclude=exclude)


def similar(
    slug: str, index: Index, *, n: int = 6, exclude: Set[str] = frozenset()
) -> tuple[Match, ...]:
    """The most similar listings by cosine, from the precomputed neighbours.

    `score` is the cosine; the reasons are the terms that the two share, whose shares add up
    to it. For a word, `sources` are its English and its Spanish form, "" where it has none.

    Raises:
        NotFound: no such listing in this generation.
    """
    if slug not in index.row_of:
        raise NotFound(slug)
    row = index.row_of[slug]
    pairs = zip(index.neighbours[row].tolist(), index.similarities[row].tolist(), strict=True)
    kept = [(r, s) for r, s in pairs if s > 0 and index.slugs[r] not in exclude][:n]
    return tuple(
        Match(
            nonprofit=index.nonprofit(other),
            score=cosine,
            rank=rank_at + 1,
            reasons=_shared(row, other, cosine, index),
        )
        for rank_at, (other, cosine) in enumerate(kept)
    )


def search(query: SearchQuery, index: Index, *, exclude: Set[str] = frozenset()) -> SearchPage:
    """One page of the directory: every listing that has what was typed, with facet counts.

    Each facet counts what choosing its value would leave, its own kind's choice aside.
    """
    signals, found = _read_search(query, index, exclude)
    ranking = rank(signals, n=0)
    order = _sorted(ranking.order, query.sort, signals)
    start = (query.page - 1) * query.page_size
    shown = order[start : start + query.page_size]
    page = Explainer(signals=signals, ranking=ranking, positions=shown, exclude=exclude)
    return SearchPage(
        matches=page.matches(first_rank=start + 1),
        total=len(order),
        facets=_facets(found, query.filters, index),
        generation=index.generation,
        corrections=signals.query.corrections,
        unknown_words=signals.query.unknown_words,
    )


def order_found(query: SearchQuery, index: Index, *, exclude: Set[str] = frozenset()) -> Order:
    """The order in which `search` gives its listings, over all its pages."""
    signals, _ = _read_search(query, index, exclude)
    return _ordered(_sorted(rank(signals, n=0).order, query.sort, signals), signals)


def _ordered(order: npt.NDArray[np.integer], signals: Signals) -> Order:
    nearness = signals.nearness
    local, rows = np.ones(len(order), dtype=np.bool_), signals.topic.rows[order]
    covered = np.ones(len(order), dtype=np.float32)
    if signals.query.units:
        covered = coverage(signals.query, signals.index)[rows]
    return Order(
        rows=rows,
        coverage=covered,
        is_local=local if nearness is None else serves_locally(nearness)[order],
        no_close_match=not len(order),
    )


def _read_search(query: SearchQuery, index: Index, exclude: Set[str]) -> tuple[Signals, Mask]:
    """What a search ranks, and which listings have what was typed, filters aside."""
    profile = DonorProfile(
        text=query.text,
        place=query.place,
        radius_km=query.radius_km,
        language=query.language,
        scope=Scope.NEAR,
        weights=Weights(place=0.5),
    )
    understood = understand(profile, index)
    vicinity = survey(profile, index)
    named = match_names(query.text, index)
    found = _found(understood, index, named) & _excluding(index, exclude)
    found &= is_local(vicinity, index)
    allowed = found & _chosen(query.filters, index)
    topic = _topic(understood, index, allowed, kept=np.flatnonzero(allowed))
    signals = Signals(
        profile=profile,
        query=understood,
        index=index,
        topic=topic,
        nearness=measure_nearness(vicinity, topic.rows),
        names=_names(named, topic),
    )
    return signals, found


def _found(query: Query, index: Index, named: Named) -> Mask:
    """The listings that have at least half of what was typed, or are named so."""
    if not query.units:
        return np.ones(len(index), dtype=np.bool_)
    found: Mask = coverage(query, index) >= SEARCH_COVERAGE
    found[list(named)] = True
    return found


def _sorted(
    order: npt.NDArray[np.integer], sort: Sort, signals: Signals
) -> npt.NDArray[np.integer]:
    rows = signals.topic.rows
    if sort is Sort.NAME:
        return order[np.argsort(signals.index.name_ranks[rows[order]], kind="stable")]
    place = signals.profile.place
    if sort is Sort.DISTANCE and place is not None:
        distances = distances_km(place, rows[order], signals.index)
        return order[np.argsort(distances, kind="stable")]
    return order


def _facets(found: Mask, filters: Filters, index: Index) -> dict[str, tuple[Facet, ...]]:
    """For each kind the tags among the results, most frequent first."""
    choices = {name: _with_any(tags, index) for name, tags in _choices(filters).items()}
    found = found & _of_kind(filters, index)
    facets: dict[str, tuple[Facet, ...]] = {}
    for kind in FACET_KINDS:
        others = [choice for name, choice in choices.items() if name != kind]
        facets[kind] = _count(kind, np.logical_and.reduce([found, *others]), index)
    return facets


def _count(kind: str, mask: Mask, index: Index) -> tuple[Facet, ...]:
    # The names are sorted, and ";" comes right after ":".
    first, last = (bisect_left(index.tag_names, f"{kind}{mark}") for mark in (":", ";"))
    counts = index.tag_postings.count(mask, first, last).tolist()
    named = zip(index.tag_names[first:last], counts, strict=True)
    kept = sorted((pair for pair in named if pair[1]), key=lambda pair: (-pair[1], pair[0]))
    return tuple(Facet(slug=name.partition(":")[2], count=count) for name, count in kept)


def _topic(query: Query, index: Index, eligible: Mask, kept: Iterable[int]) -> TopicScores:
    if query.units:
        return retrieve(query, index, eligible, kept)
    rows = np.flatnonzero(eligible)
    nothing = np.zeros(len(rows), dtype=np.float32)
    return TopicScores(
        rows=rows,
        own=nothing,
        lent=nothing,
        weights={},
        raw=np.zeros(len(index), dtype=np.float32),
    )


def _is_far(signals: Signals, ranking: Ranking) -> bool:
    """Whether even the best candidate has too little of what was asked."""
    query, rows, index = signals.query, signals.topic.rows, signals.index
    if not len(rows):
        return True
    if signals.names.max(initial=0.0) >= 0.8:
        return False
    if not query.units:
        # "I want to help" asks for anything; a row of emoji asks for nothing we can read.
        unread = not words(signals.profile.text)
        return query.is_long or (unread and bool(signals.profile.text.strip()))
    least = _least_coverage(signals)
    # The first one mostly has enough, and the others need not be looked at.
    if least == inf or covers(int(rows[ranking.order[0]]), query, index) >= least:
        return least == inf
    return not (coverage(query, index)[rows] >= least).any()


def _least_coverage(signals: Signals) -> float:
    """What of the query the best candidate must have, infinite where the query is off topic."""
    query = signals.query
    if _is_ticked(signals.profile):
        return float(SMALLEST)
    if query.is_long:
        return LONG_TEXT_FLOOR if query.concept_share >= LONG_TEXT_CONCEPTS else inf
    return inf if query.standing.is_off_topic else COVERAGE_FLOOR


def _is_ticked(profile: DonorProfile) -> bool:
    """Whether a topic was chosen, which cannot be off topic."""
    return any(getattr(profile, kind.value) for kind in TagKind)


def _names(named: Named, topic: TopicScores) -> npt.NDArray[np.float32]:
    names = np.zeros(len(topic.rows), dtype=np.float32)
    for row, similarity in named.items():
        at = int(np.searchsorted(topic.rows, row))
        if at < len(topic.rows) and topic.rows[at] == row:
            names[at] = similarity
    return names


def _shared(row: int, other: int, cosine: float, index: Index) -> tuple[Reason, ...]:
    """The terms two listings share, as shares of their cosine."""
    ours, theirs = index.documents.mapping(row), index.documents.mapping(other)
    products = {term: weight * theirs[term] for term, weight in ours.items() if term in theirs}
    total = sum(products.values())
    shared = sorted(products.items(), key=lambda pair: -pair[1])
    return tuple(_shared_reason(term, cosine * value / total, index) for term, value in shared)


def _shared_reason(term: int, contribution: float, index: Index) -> Reason:
    kind, _, name = index.terms[term].rpartition(":")
    forms = (index.surfaces_en[term], index.surfaces_es[term])
    return Reason(
        feature="words",
        kind=kind or "word",
        label=name if kind else forms[0] or forms[1] or name,
        contribution=contribution,
        sources=() if kind else forms,
    )


def _chosen(filters: Filters, index: Index) -> Mask:
    chosen = _of_kind(filters, index)
    for tags in _choices(filters).values():
        chosen &= _with_any(tags, index)
    return chosen


def _excluding(index: Index, exclude: Set[str]) -> Mask:
    allowed = np.ones(len(index), dtype=np.bool_)
    gone = [index.row_of[slug] for slug in exclude if slug in index.row_of]
    allowed[gone] = False
    return allowed


def _choices(filters: Filters) -> dict[str, list[str]]:
    """The tags of each field that was narrowed: any of a field's will do."""
    chosen = {
        kind.value: [f"{kind.value}:{slug}" for slug in getattr(filters, kind.value)]
        for kind in TagKind
    }
    chosen["states"] = [f"states:{code}" for code in filters.states]
    chosen["reach"] = [f"reach:{reach.value}" for reach in filters.reach]
    return {name: tags for name, tags in chosen.items() if tags}


def _with_any(tags: Iterable[str], index: Index) -> Mask:
    has = np.zeros(len(index), dtype=np.bool_)
    for tag in tags:
        has[index.rows_with(tag)] = True
    return has


def _of_kind(filters: Filters, index: Index) -> Mask:
    kept = np.ones(len(index), dtype=np.bool_)
    if filters.small_only:
        kept &= np.nan_to_num(index.revenue_usd, nan=np.inf) < SMALL_REVENUE_USD
    if filters.described_only:
        kept &= index.described
    return kept
