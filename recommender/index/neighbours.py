"""The exact most similar listings of each listing, by the cosine of their term weights.

Two thirds of what a sparse product multiplies belong to the hundred commonest terms, at some
5 ns each, where a dense product does one in 0.02 ns. So the common terms are multiplied as a
dense matrix, the others as a sparse one, tile by tile. That is a first look, right to
`Units.tolerance`: every pair it may be wrong about is multiplied again, alone and in one fixed
order. What comes out therefore depends neither on blocks and tiles nor on threads, so that
blocks may be done anywhere, and equal listings are equally similar to the last bit.
"""

from __future__ import annotations

import os
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np
import numpy.typing as npt

from recommender.index.arrays import Floats, Ints, Postings
from recommender.index.progress import Steps

if TYPE_CHECKING:
    from scipy import sparse

N_NEIGHBOURS = 20
BLOCK = 512
"""Rows that are looked at together."""
TILE = 8_192
"""Columns that are looked at together: 16 MB of cosines."""
COMMON_SHARE = 0.04
"""A term that more listings have than this is cheaper in the dense product."""
GROUP = 64
"""Rows whose pairs are multiplied again together."""

_ROUNDING = 2.0**-24


@dataclass(frozen=True, kw_only=True)
class Units:
    """Rows of length 1, as the products want them.

    `rows` (n_docs, n_terms) are whole; `common` (n_docs, n_common) is dense, and `others`
    (n_docs, n_others) has the rest, which `tiles` hold transposed, `tile` columns in each.
    """

    rows: sparse.csr_matrix
    common: Floats
    others: sparse.csr_matrix
    tiles: tuple[sparse.csr_matrix, ...]
    tile: int
    tolerance: float

    @classmethod
    def of(cls, matrix: sparse.csr_matrix, *, tile: int = TILE) -> Units:
        """Prepare the term weights of all listings: (n_docs, n_terms), sorted in each row."""
        from sklearn.preprocessing import normalize

        rows = normalize(matrix)
        n_docs, df = rows.shape[0], np.bincount(rows.indices, minlength=rows.shape[1])
        is_common = df > COMMON_SHARE * n_docs
        others = rows[:, np.flatnonzero(~is_common & (df > 1))]
        longest = int(np.diff(rows.indptr).max(initial=0))
        return cls(
            rows=rows,
            common=rows[:, np.flatnonzero(is_common)].toarray(),
            others=others,
            tiles=tuple(others[at : at + tile].T.tocsr() for at in range(0, n_docs, tile)),
            tile=tile,
            # A sum of n products of a unit vector errs by n roundings at most, here in two
            # ways of adding up, and at either end of a comparison.
            tolerance=4 * (longest + 2) * _ROUNDING,
        )

    def __len__(self) -> int:
        return int(self.rows.shape[0])


Find = Callable[[Units, Steps], tuple[Ints, Floats]]
"""`find_all`, or what gives the same."""


@dataclass(frozen=True)
class _Pairs:
    """Rows of a block with columns near them; `values` are their cosines."""

    rows: Ints
    columns: Ints
    values: Floats

    def joined(self, other: _Pairs) -> _Pairs:
        both = zip(vars(self).values(), vars(other).values(), strict=True)
        return _Pairs(*(np.concatenate(pair) for pair in both))

    def where(self, chosen: Ints | npt.NDArray[np.bool_]) -> _Pairs:
        return _Pairs(self.rows[chosen], self.columns[chosen], self.values[chosen])

    def ranked(self) -> tuple[_Pairs, Ints]:
        """The pairs by row, best first and then by column, and the rank of each in its row."""
        pairs = self.where(np.lexsort((self.columns, -self.values, self.rows)))
        starts = np.searchsorted(pairs.rows, pairs.rows)
        return pairs, np.arange(len(starts)) - starts


def find_all(units: Units, progress: Steps = lambda *_: None) -> tuple[Ints, Floats]:
    """`find_block` for all listings, on as many threads as numpy may use."""
    from threadpoolctl import threadpool_limits

    blocks = [(at, min(at + BLOCK, len(units))) for at in range(0, len(units), BLOCK)]
    n_threads = int(os.environ.get("OPENBLAS_NUM_THREADS", os.cpu_count() or 1))
    found = []
    with threadpool_limits(1, user_api="blas"), ThreadPoolExecutor(n_threads) as pool:
        for block in pool.map(lambda span: find_block(units, *span), blocks):
            found.append(block)
            progress(min(len(found) * BLOCK, len(units)), len(units))
    return (
        np.concatenate([columns for columns, _ in found]),
        np.concatenate([cosines for _, cosines in found]),
    )


def is_same(units: Units, documents: Postings) -> bool:
    """Whether these are the units of just these documents, whose neighbours then are the same."""
    from scipy import sparse
    from sklearn.preprocessing import normalize

    if len(documents.indptr) != len(units) + 1:
        return False
    parts = documents.weights, documents.columns, documents.indptr
    n_terms = units.rows.shape[1]
    if documents.columns.max(initial=0) >= n_terms:
        return False
    rows = normalize(sparse.csr_matrix(parts, shape=(len(units), n_terms)))
    return all(
        np.array_equal(getattr(units.rows, part), getattr(rows, part))
        for part in ("indptr", "indices", "data")
    )


def find_block(units: Units, start: int, stop: int) -> tuple[Ints, Floats]:
    """The exact `N_NEIGHBOURS` most similar listings of those from `start` up to `stop`.

    Returns their rows and cosines, most similar first and then by row, both of shape
    (stop - start, N_NEIGHBOURS), padded with 0. No listing is among its own, nor is one
    without a term in common.
    """
    near = _look(units, start, stop)
    pairs, ranks = _multiply_again(units, start, near).ranked()
    kept = ranks < N_NEIGHBOURS
    at = pairs.rows[kept], ranks[kept]
    columns = np.zeros((stop - start, N_NEIGHBOURS), dtype=np.int32)
    cosines = np.zeros((stop - start, N_NEIGHBOURS), dtype=np.float32)
    columns[at], cosines[at] = pairs.columns[kept], pairs.values[kept]
    return columns, cosines


def _look(units: Units, start: int, stop: int) -> _Pairs:
    """Every pair that may be among the nearest of its row."""
    least = np.zeros(stop - start, dtype=np.float32)
    nothing = np.empty(0, dtype=np.int64)
    near = _Pairs(nothing, nothing, np.empty(0, dtype=np.float32))
    for at, cosines in _tiles(units, start, stop):
        if at == 0 and cosines.shape[1] > N_NEIGHBOURS:
            least = np.partition(cosines, -N_NEIGHBOURS, axis=1)[:, -N_NEIGHBOURS]
        floor = np.maximum(least - units.tolerance, 0)
        hits = np.flatnonzero(cosines > floor[:, None])
        rows, columns = np.divmod(hits, cosines.shape[1])
        near = near.joined(_Pairs(rows, columns + at, cosines.ravel()[hits]))
        near, ranks = near.ranked()
        last = ranks == N_NEIGHBOURS - 1
        least[near.rows[last]] = near.values[last]
        near = near.where(near.values > (least - units.tolerance)[near.rows])
    return near


def _tiles(units: Units, start: int, stop: int) -> Iterator[tuple[int, Floats]]:
    """Cosines of a block with all listings, by tile, and where the tile begins."""
    common, others = units.common[start:stop], units.others[start:stop]
    for number, tile in enumerate(units.tiles):
        at = number * units.tile
        cosines = common @ units.common[at : at + units.tile].T
        cosines += (others @ tile).toarray()
        own = np.arange(max(start, at), min(stop, at + cosines.shape[1]))
        cosines[own - start, own - at] = 0
        yield at, cosines


def _multiply_again(units: Units, start: int, near: _Pairs) -> _Pairs:
    """The same pairs with cosines that depend on nothing but the two listings."""
    cosines = np.empty_like(near.values)
    for first in range(0, int(near.rows.max(initial=-1)) + 1, GROUP):
        begin, end = np.searchsorted(near.rows, (first, first + GROUP))
        if begin < end:
            left = units.rows[start + first : start + first + GROUP].toarray()
            right = units.rows[near.columns[begin:end]]
            at = np.repeat((near.rows[begin:end] - first) * left.shape[1], np.diff(right.indptr))
            # Two thirds of the time of `left[rows, columns]`.
            products = left.ravel().take(at + right.indices) * right.data
            cosines[begin:end] = np.add.reduceat(products, right.indptr[:-1])
    return _Pairs(near.rows, near.columns, cosines)
