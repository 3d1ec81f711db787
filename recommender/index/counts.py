"""How often each listing says each term: the part of a build that reads all texts.

Blocks of listings may be counted anywhere, and put together give what one count would give.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np

from recommender.index import fields
from recommender.index.arrays import Ints
from recommender.index.fields import TagTexts
from recommender.index.kept import MAX_LISTINGS
from recommender.index.progress import Progress
from recommender.models import Nonprofit

if TYPE_CHECKING:
    from scipy import sparse

STEP = 1_000
"""How often progress is told, in listings."""


@dataclass(frozen=True)
class Counts:
    """How often each listing, of a catalogue or a block of it, says each term.

    `terms` are sorted; `by_field` has a matrix (n_docs, n_terms) for each of `FIELDS`, with
    columns in order within a row.
    """

    terms: list[str]
    by_field: tuple[sparse.csr_matrix, ...]


Count = Callable[[Sequence[Nonprofit], TagTexts, Progress], Counts]
"""`count_block`, or what gives the same."""


def count_block(
    nonprofits: Sequence[Nonprofit], spoken: TagTexts, progress: Progress = lambda *_: None
) -> Counts:
    """Count the terms of every field; blocks counted apart go together by `join_blocks`."""
    from sklearn.feature_extraction.text import CountVectorizer

    # One pass over all fields, a listing's terms at a time: they are never all in memory.
    vectorizer = CountVectorizer(analyzer=list, dtype=np.float32)
    counts = vectorizer.fit_transform(_read_terms(nonprofits, spoken, progress))
    counts.sort_indices()
    n = len(nonprofits)
    by_field = (counts[at * n : (at + 1) * n] for at in range(len(fields.FIELDS)))
    return Counts(sorted(vectorizer.vocabulary_), tuple(by_field))


_NOTHING: tuple[Sequence[Nonprofit], TagTexts, Counts] = ((), {}, Counts([], ()))


class Recount:
    """`count_block`, but for listings that are the same objects as the last time.

    What the last ones said is kept for the next time, of at most `MAX_LISTINGS`. Several
    threads may count at once; the counts of one of them are kept.
    """

    def __init__(self) -> None:
        self._last = _NOTHING

    def __call__(
        self, nonprofits: Sequence[Nonprofit], spoken: TagTexts, progress: Progress
    ) -> Counts:
        """What `count_block` gives."""
        listed, tags, counts = self._last
        known = {id(item): row for row, item in enumerate(listed)} if tags == spoken else {}
        old = [known[id(item)] for item in nonprofits if id(item) in known]
        new = [item for item in nonprofits if id(item) not in known]
        if old:
            blocks = [_take(counts, old), *([count_block(new, spoken)] if new else [])]
            order = np.argsort([id(item) not in known for item in nonprofits], kind="stable")
            counts = _sorted_back(join_blocks(blocks), order)
            progress("words", len(nonprofits), len(nonprofits))
        else:
            counts = count_block(nonprofits, spoken, progress)
        is_small = len(nonprofits) <= MAX_LISTINGS
        self._last = (nonprofits, spoken, counts) if is_small else _NOTHING
        return counts


def _take(counts: Counts, rows: Sequence[int]) -> Counts:
    """The counts of some listings, without the terms that only others have."""
    chosen = [matrix[rows] for matrix in counts.by_field]
    said = sum(np.bincount(matrix.indices, minlength=len(counts.terms)) for matrix in chosen)
    used = np.flatnonzero(said)
    terms = [counts.terms[term] for term in used.tolist()]
    return Counts(terms, tuple(matrix[:, used] for matrix in chosen))


def _sorted_back(counts: Counts, order: Ints) -> Counts:
    """The counts with row `i` where `order[i]` says."""
    back = np.argsort(order)
    return Counts(counts.terms, tuple(matrix[back] for matrix in counts.by_field))


def join_blocks(blocks: Sequence[Counts]) -> Counts:
    """What `count_block` gives for the listings of all blocks together, in their order."""
    from scipy import sparse

    terms = sorted({term for block in blocks for term in block.terms})
    column = {term: number for number, term in enumerate(terms)}
    moves = [np.array([column[term] for term in block.terms]) for block in blocks]
    by_field = (
        sparse.vstack(
            [_moved(counts, to, len(terms)) for counts, to in zip(parts, moves, strict=True)]
        )
        for parts in zip(*(block.by_field for block in blocks), strict=True)
    )
    return Counts(terms, tuple(by_field))


def _moved(counts: sparse.csr_matrix, to: Ints, n_terms: int) -> sparse.csr_matrix:
    """The same counts in other columns, which are in the same order."""
    from scipy import sparse

    parts = counts.data, to[counts.indices], counts.indptr
    return sparse.csr_matrix(parts, shape=(counts.shape[0], n_terms))


def _read_terms(
    nonprofits: Sequence[Nonprofit], spoken: TagTexts, progress: Progress
) -> Iterator[Sequence[str]]:
    """The terms of every listing's first field, then those of the second, and so on."""
    every = ((field, item) for field in fields.FIELDS for item in nonprofits)
    for done, (field, item) in enumerate(every, start=1):
        yield field.terms(item, spoken)
        if done % STEP == 0:
            progress("words", done // len(fields.FIELDS), len(nonprofits))
    progress("words", len(nonprofits), len(nonprofits))
