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
"""The share of a listing's topic score that its neighbours lend."""
FEEDBACK_LISTINGS = 10
FEEDBACK_TERMS = 20
FEEDBACK_WEIGHT = 0.4
FEEDBACK_SHARPNESS = 4
"""The power of a listing's score by which it speaks in the feedback: where one listing stands
above the rest, it speaks nearly alone, and a pinpoint query keeps its one right answer."""
FEEDBACK_SHARED_BY = 2
"""A word of one listing alone says nothing about what the best listings share."""
N_BEST = 500
"""From so many of the best listings by their own words feedback and the scale are taken; from
400 on every answer was the same as from all."""
N_CANDIDATES = 1_000
"""Of more eligible listings only so many are weighed any further."""
BLOCK = 16
N_GATHERED = 1_000_000
"""Up to so many listings × terms all postings are added at once; more are copied too slowly."""
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
    so topic scores lie in [0, 1]. `weights` is the query vector after feedback, and `raw`
    (n_docs,) every listing's sum for it.
    """

    rows: Rows
    own: Scores
    lent: Scores
    weights: Mapping[int, float]
    raw: Scores


def retrieve(
    query: Query,
    index: Index,
    eligible: Mask,
    kept: Iterable[int] = (),
) -> TopicScores:
    """Score the listings for a query and keep the best that are eligible.

    The rows in `kept` are kept whatever their words say, if they are eligible.

    The interest is widened by the terms that its best listings share (see `widen`), and scores
    are smoothed over the neighbour graph (Diaz, "Regularizing ad hoc retrieval scores", CIKM
    2005). What either brings stands in docs/benchmarks.md.
    """
    weights, raw = widen(query.term_weights(), index)
    is_kept = np.zeros(len(index), dtype=np.bool_)
    is_kept[[*kept]] = True
    rows = _candidates(raw, eligible, is_kept, best_rows(raw, N_BEST))
    own, lent = smooth(raw, rows, index)
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
    if np.count_nonzero(eligible) <= N_CANDIDATES:
        chosen = eligible.copy()
    else:
        chosen = is_kept & eligible
        chosen[best_rows(raw * eligible, N_CANDIDATES)] = True
    chosen[best] = True
    return np.flatnonzero(chosen)


def accumulate(weights: Mapping[int, float], index: Index) -> Scores:
    """The sum over terms of query weight × listing weight, for every listing: (n_docs,)."""
    scores = np.zeros(len(index), dtype=np.float32)
    terms = np.fromiter(weights.keys(), np.int64, len(weights))
    asked = np.fromiter(weights.values(), np.float32, len(weights))
    postings = index.postings
    if len(index) * len(terms) <= N_GATHERED:
        rows, given, counts = postings.gather(terms)
        np.add.at(scores, rows, np.repeat(asked, counts) * given)
        return scores
    for term, weight in zip(terms.tolist(), asked, strict=True):
        rows, given = postings.row(term)
        # A third of the time of `scores[rows] +=`, which reads, adds and writes one by one.
        np.add.at(scores, rows, weight * given)
    return scores


def smooth(raw: Scores, rows: Rows, index: Index) -> tuple[Scores, Scores]:
    """Split each row's score into its own part and what its neighbours lend.

    The second is the mean of the neighbours' scores, weighted by similarity.
    Returns (own, lent), each of shape (len(rows),).
    """
    # `take` is twice as fast as an index in brackets.
    similarities = index.similarities.take(rows, axis=0)
    lent = np.einsum("ij,ij->i", raw.take(index.neighbours.take(rows, axis=0)), similarities)
    around = lent / np.maximum(index.similarity_totals.take(rows), np.float32(1e-9))
    share = np.float32(SMOOTHING)
    return (1 - share) * raw.take(rows), share * around


def widen(asked: Mapping[int, float], index: Index) -> tuple[dict[int, float], Scores]:
    """Mix a query with the terms to which its best listings together give most weight.

    Both sides are scaled by the best score that either gives, so that a listing that stands
    far above the rest stays there. Returns the query vector and every listing's sum for it:
    (n_docs,).

    Source: relevance models (Lavrenko & Croft, SIGIR 2001) mixed with the query (RM3,
    Abdul-Jaleel et al., TREC 2004), here by scores instead of by probabilities.
    """
    raw = accumulate(asked, index)
    model = _feedback_model(raw, index)
    if not model:
        return dict(asked), raw
    support = accumulate(model, index)
    of_asked, of_model = 1 / float(raw.max()), FEEDBACK_WEIGHT / float(support.max())
    mixed = {term: of_asked * weight for term, weight in asked.items()}
    for term, weight in model.items():
        mixed[term] = mixed.get(term, 0.0) + of_model * weight
    return mixed, np.float32(of_asked) * raw + np.float32(of_model) * support


def _feedback_model(raw: Scores, index: Index) -> dict[int, float]:
    """The terms to which several of the best listings give most weight, heaviest first."""
    rows, scores = _best_smoothed(raw, index)
    if not len(rows):
        return {}
    voices = (scores / scores[0]) ** FEEDBACK_SHARPNESS / index.weight_totals[rows]
    terms, given, counts = index.documents.gather(rows)
    given *= np.repeat(voices.astype(np.float32), counts)
    # `np.unique` does the same in three times the time: these are sorted runs.
    order = np.argsort(terms, kind="stable")
    terms = terms[order]
    starts, ends = find_runs(terms)
    model = np.add.reduceat(given[order], starts, dtype=np.float64)
    common = np.flatnonzero(ends - starts >= FEEDBACK_SHARED_BY)
    top = common[np.argsort(-model[common], kind="stable")[:FEEDBACK_TERMS]]
    return dict(zip(terms[starts[top]].tolist(), model[top].tolist(), strict=True))


def _best_smoothed(raw: Scores, index: Index) -> tuple[Rows, Scores]:
    """The listings that feedback is taken from, and their scores, best first."""
    rows = best_rows(raw, N_BEST)
    own, lent = smooth(raw, rows, index)
    scores = own + lent
    first = np.argsort(-scores, kind="stable")[:FEEDBACK_LISTINGS]
    return rows[first], scores[first]


def coverage(query: Query, index: Index) -> Scores:
    """The share of a query's importance that each listing has at all, in [0, 1]: (n_docs,).

    A listing has a unit as far as its best term goes: the concept itself counts in full, a
    word of its phrase as much as that word weighs beside it.
    """
    covered = np.zeros(len(index), dtype=np.float32)
    for unit in query.units:
        covered += np.float32(unit.importance) * unit_coverage(unit, index)
    return covered / np.float32(max(query.importance, 1e-9))


def covers(row: int, query: Query, index: Index) -> float:
    """The same of a single listing, without a look at all the others."""
    held = {*index.documents.row(row)[0].tolist()}
    covered = 0.0
    for unit in query.units:
        best = max([weight for term, weight in unit.terms.items() if term in held], default=0.0)
        covered += unit.importance * best / max(unit.terms.values(), default=1.0)
    return covered / max(query.importance, 1e-9)


def unit_coverage(unit: Unit, index: Index) -> Scores:
    """How far each listing has one unit, in [0, 1]: (n_docs,)."""
    has = np.zeros(len(index), dtype=np.float32)
    most = max(unit.terms.values(), default=1.0)
    for term, weight in sorted(unit.terms.items(), key=lambda item: item[1]):
        rows, _ = index.postings.row(term)
        has[rows] = weight / most
    return has
