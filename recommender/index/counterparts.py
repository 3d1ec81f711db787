"""Which English word says what a Spanish one does, learnt from the listings themselves.

Every listing describes itself in both languages, so the two descriptions are a parallel text.
"""

from __future__ import annotations

import numpy as np

from recommender.index.arrays import Floats, Ints, Postings

ROUNDS = 5
SURE = 0.3
"""Of 4 to 12 rounds and 0.2 to 0.5 these made Spanish answers most like English ones."""
MAX_LISTINGS = 5_000
"""So many describe enough; of more, so many are read at even steps."""


def find_counterparts(english: Postings, spanish: Postings, n_terms: int) -> Ints:
    """The English term for each term of Spanish descriptions, -1 for none: (n_terms,).

    `english` and `spanish` hold the terms of each listing's descriptions, listing by listing.
    The most probable translation of each term is taken, where it is probable enough, after
    some rounds of expectation maximisation (IBM Model 1: Brown et al., "The Mathematics of
    Statistical Machine Translation", Computational Linguistics 19(2), 1993).
    """
    group, ours, theirs = _pair(english, spanish)
    pairs, at = np.unique(theirs * n_terms + ours, return_inverse=True)
    of, said = pairs // n_terms, pairs % n_terms
    probability: Floats = np.ones(len(pairs))
    for _ in range(ROUNDS):
        probability = _improve(probability, at, group, of)
    sure = np.flatnonzero(probability >= SURE)
    best = sure[np.argsort(probability[sure], kind="stable")]
    found = np.full(n_terms, -1, dtype=np.int32)
    found[of[best]] = said[best]
    found[found == np.arange(n_terms)] = -1
    return found


def _improve(probability: Floats, at: Ints, group: Ints, of: Ints) -> Floats:
    """One round: share each English word out among the Spanish ones of its listing, and count."""
    given = probability[at]
    shares = given / np.bincount(group, weights=given)[group]
    counts = np.bincount(at, weights=shares)
    improved: Floats = counts / np.bincount(of, weights=counts)[of]
    return improved


def _pair(english: Postings, spanish: Postings) -> tuple[Ints, Ints, Ints]:
    """Every English term of a listing with every Spanish one: group, ours, theirs.

    A group is one English term of one listing.
    """
    ours_of, theirs_of = np.diff(english.indptr), np.diff(spanish.indptr)
    both = np.flatnonzero((ours_of > 0) & (theirs_of > 0))
    both = both[:: len(both) // MAX_LISTINGS + 1]
    ours = english.columns[_ranges(english.indptr[both], ours_of[both])]
    sizes = np.repeat(theirs_of[both], ours_of[both])
    starts = np.repeat(spanish.indptr[both], ours_of[both])
    theirs = spanish.columns[_ranges(starts, sizes)].astype(np.int64)
    return np.repeat(np.arange(len(ours)), sizes), np.repeat(ours, sizes), theirs


def _ranges(starts: Ints, sizes: Ints) -> Ints:
    """So many numbers from each start on, one range after the other."""
    before = np.cumsum(sizes) - sizes
    numbers: Ints = np.repeat(starts - before, sizes) + np.arange(sizes.sum())
    return numbers
