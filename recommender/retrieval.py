"""Query -> topic scores, all by numpy over the postings.

Nothing here knows about places, weights or people; it answers "what is it about?".
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

from recommender.index import Index
from recommender.index.arrays import find_runs
from recommender.query import Query, Unit

SMOOTHING = 0.4
MAX_SMOOTHING = 0.7
PINPOINT_CONCENTRATION = 2.0
FEEDBACK_LISTINGS = 10
FEEDBACK_TERMS = 20
FEEDBACK_WEIGHT = 0.5
FEEDBACK_SHARED_BY = 2
"""A word of one listing alone says nothing about what the best listings share."""
N_BEST = 500
"""From so many of the best listings by their own words feedback and the scale are taken; from
400 on every answer was the same as from all."""
N_CANDIDATES = 1_000
"""Of more eligible listings only so many are weighed any further."""
BLOCK = 16
SMALLEST = np.finfo(np.float32).smallest_subnormal
RELEVANT_SHARE = 0.1
"""A listing whose topic score is below this share of the best is left out of an answer."""

Scores = npt.NDArray[np.float32]
Rows = npt.NDArray[np.integer]
Mask = npt.NDArray[np.bool_]


@dataclass(frozen=True, kw_only=True)
class TopicScores:
    """How well each candidate fits the words, before place and taste.

    `rows` (n,) are candidates, sorted. A candidate's topic score is `own + lent`: `own` is its
    share of the sum over terms of query weight × listing weight, `lent` is what its neighbours'
    sums add. Both are divided by the best topic score in the index,
    so topic scores lie in [0, 1]. `weights` is the query vector after feedback;
    `coverage` (n,) is the share of the asked importance that the listing has at all.
    """

    rows: Rows
    own: Scores
    lent: Scores
    weights: Mapping[int, float]
    raw: Scores
    coverage: Scores


def retrieve(
    query: Query,
    index: Index,
    eligible: Mask,
    kept: Iterable[int] = (),
) -> TopicScores:
    """Score the listings for a query and keep the best that are eligible.

    The rows in `kept` are kept whatever their words say, if they are eligible.

    Scores are smoothed over the neighbour graph, the more the thinner a listing is
    (Diaz, "Regularizing ad hoc retrieval scores", CIKM 2005). A broad interest is also
    widened by the terms its best listings share (RM3: Lavrenko & Croft, SIGIR 2001;
    Abdul-Jaleel et al., TREC 2004); a pinpoint one, whose best listing stands far above
    the rest, is not, because that loses the one right answer (docs/benchmarks.md).
    """
    weights = query.term_weights()
    raw = accumulate(weights, index)
    best = best_rows(raw, N_BEST)
    pinpoint = _concentration(raw[best], len(index)) >= PINPOINT_CONCENTRATION
    strength = SMOOTHING / 2 if pinpoint else SMOOTHING
    if not pinpoint:
        own, lent = smooth(raw, best, index, strength)
        wide = widen(weights, best, own + lent, index)
        raw = _reweigh(raw, weights, wide, index)
        weights = wide
        best = best_rows(raw, N_BEST)
    is_kept = np.zeros(len(index), dtype=np.bool_)
    is_kept[[*kept]] = True
    rows = _candidates(raw, eligible, is_kept, best)
    own, lent = smooth(raw, rows, index, strength)
    scores = own + lent
    scale = float(scores.max(initial=0.0)) or 1.0
    keep = eligible[rows] & (is_kept[rows] | ((scores >= RELEVANT_SHARE * scale) & (scores > 0)))
    rows = rows[keep]
    return TopicScores(
        rows=rows,
        own=own[keep] / scale,
        lent=lent[keep] / scale,
        weights=weights,
        raw=raw,
        coverage=coverage(query, index, rows),
    )


def best_rows(scores: Scores, n: int) -> Rows:
    """The rows of the highest scores above 0, at most `n` of them, in their order."""
    width, floor = len(scores) // BLOCK, SMALLEST
    if width > n:
        # So many blocks reach this score, so at least as many rows do: what is below is out,
        # and a pass of maxima costs a tenth of a partition of all scores.
        tops = scores[: width * BLOCK].reshape(BLOCK, width).max(axis=0)
        floor = max(floor, np.partition(tops, -n)[-n])
    rows = np.flatnonzero(scores >= floor)
    if len(rows) > n:
        rows = np.sort(rows[np.argpartition(scores[rows], -n)[-n:]])
    return rows


def _candidates(raw: Scores, eligible: Mask, is_kept: Mask, best: Rows) -> Rows:
    """The eligible rows (of many, the best and those to be kept), and the best of all."""
    chosen, rows = eligible, np.flatnonzero(eligible)
    if len(rows) == len(raw) <= N_CANDIDATES:
        return rows
    if len(rows) > N_CANDIDATES:
        chosen = is_kept & eligible
        chosen[rows[best_rows(raw.take(rows), N_CANDIDATES)]] = True
    else:
        chosen = eligible.copy()
    chosen[best] = True
    return np.flatnonzero(chosen)


def accumulate(weights: Mapping[int, float], index: Index) -> Scores:
    """The sum over terms of query weight × listing weight, for every listing: (n_docs,)."""
    scores = np.zeros(len(index), dtype=np.float32)
    for term, weight in weights.items():
        rows, listing_weights = index.postings.row(term)
        # A third of the time of `scores[rows] +=`, which reads, adds and writes one by one.
        np.add.at(scores, rows, np.float32(weight) * listing_weights)
    return scores


def _reweigh(
    raw: Scores, weights: Mapping[int, float], wide: Mapping[int, float], index: Index
) -> Scores:
    """What `accumulate` gives for the widened query, from what it gave for the query itself.

    Terms whose weights were only scaled, as most of those asked for, are not read again.
    """
    scale = min((wide[term] / weight for term, weight in weights.items() if weight), default=0.0)
    rest = {term: weight - scale * weights.get(term, 0.0) for term, weight in wide.items()}
    rest = {term: weight for term, weight in rest.items() if weight > 1e-9 * wide[term]}
    scores: Scores = np.float32(scale) * raw + accumulate(rest, index)
    return scores


def smooth(raw: Scores, rows: Rows, index: Index, strength: float) -> tuple[Scores, Scores]:
    """Split each row's score into its own part and what its neighbours lend.

    Returns (own, lent), each of shape (len(rows),).
    """
    # `take` is twice as fast as an index in brackets.
    similarities = index.similarities.take(rows, axis=0)
    lent = np.einsum("ij,ij->i", raw.take(index.neighbours.take(rows, axis=0)), similarities)
    around = lent / np.maximum(index.similarity_totals.take(rows), np.float32(1e-9))
    lent_share = np.minimum(np.float32(strength) * thinness(rows, index), np.float32(MAX_SMOOTHING))
    return (1 - lent_share) * raw.take(rows), lent_share * around


def thinness(rows: Rows, index: Index) -> Scores:
    """How short each row's listing is: 1 at the mean length, towards 2 for the shortest."""
    lengths = index.lengths.take(rows).astype(np.float32)
    found: Scores = np.float32(2 * index.mean_length) / (np.float32(index.mean_length) + lengths)
    return found


def widen(
    weights: Mapping[int, float], rows: Rows, scores: Scores, index: Index
) -> dict[int, float]:
    """Mix the query with the terms that its best listings give most weight to (RM3)."""
    best = np.argsort(-scores, kind="stable")[:FEEDBACK_LISTINGS]
    if not len(best) or not weights:
        return dict(weights)
    model = _feedback_model(rows[best], scores[best] / scores[best].sum(), index)
    if not model:
        return dict(weights)
    total, mass = sum(weights.values()), sum(model.values())
    mixed = {term: (1 - FEEDBACK_WEIGHT) * weight / total for term, weight in weights.items()}
    for term, weight in model.items():
        mixed[term] = mixed.get(term, 0.0) + FEEDBACK_WEIGHT * weight / mass
    return mixed


def _feedback_model(rows: Rows, shares: Scores, index: Index) -> dict[int, float]:
    """The terms to which several of the rows together give most weight, heaviest first."""
    listed = [index.documents.row(row) for row in rows.tolist()]
    shares = np.asarray(shares / index.weight_totals[rows], dtype=np.float32)
    terms = np.concatenate([columns for columns, _ in listed])
    given = np.concatenate([weights for _, weights in listed])
    given *= np.repeat(shares, [len(columns) for columns, _ in listed])
    # `np.unique` does the same in three times the time: these are sorted runs.
    order = np.argsort(terms, kind="stable")
    terms = terms[order]
    starts, ends = find_runs(terms)
    model = np.add.reduceat(given[order], starts, dtype=np.float64)
    common = np.flatnonzero(ends - starts >= FEEDBACK_SHARED_BY)
    top = common[np.argsort(-model[common], kind="stable")[:FEEDBACK_TERMS]]
    return dict(zip(terms[starts[top]].tolist(), model[top].tolist(), strict=True))


def coverage(query: Query, index: Index, rows: Rows) -> Scores:
    """The share of the query's importance that each row has at all, in [0, 1].

    A listing has a unit as far as its best term goes: the concept itself counts in full, a
    word of its phrase as much as that word weighs beside it.
    """
    covered = np.zeros(len(rows), dtype=np.float32)
    rows = rows.astype(index.postings.columns.dtype)  # a search among others would copy them
    for unit in query.units:
        covered += np.float32(unit.importance) * unit_coverage(unit, index, rows)
    return covered / np.float32(max(query.importance, 1e-9))


def unit_coverage(unit: Unit, index: Index, rows: Rows) -> Scores:
    """How far each row has one unit, in [0, 1]."""
    has = np.zeros(len(rows), dtype=np.float32)
    most = max(unit.terms.values(), default=1.0)
    for term, weight in sorted(unit.terms.items(), key=lambda item: item[1]):
        has[index.postings.holds(term, rows)] = weight / most
    return has


def _concentration(scores: Scores, n_docs: int) -> float:
    """How far the best score stands above the nine after it; 1 is level."""
    if n_docs < 10 or not len(scores):
        return 1.0
    top = np.sort(scores)[::-1][:10]
    return float(top[0] / max(float(top[1:].sum()) / 9, 1e-9))
