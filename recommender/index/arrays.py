"""The two array structures everything else is made of; both are plain numpy."""

from __future__ import annotations

from bisect import bisect_right
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from itertools import accumulate

import numpy as np
import numpy.typing as npt

from recommender.text import character_grams

MAX_READ = 100_000
"""Entries of lists of grams read for one text. Of 300,000 names, 98.3 % were found with a
letter wrong (98.8 % without a limit) in half the time."""
FEW_GRAMS = 8
CONTAINED, CONTAINING = 0.9, 0.6
"""What a string inside the text, and one that the text is inside of, count beside the same."""

Ints = npt.NDArray[np.integer]
Floats = npt.NDArray[np.floating]


@dataclass(frozen=True)
class Postings:
    """Weighted lists of columns in compressed rows, columns sorted within a row.

    Read by term it holds listings (an inverted file), read by listing it holds terms.
    `indptr` has shape (n_rows + 1,), `columns` and `weights` shape (n_entries,).
    """

    indptr: Ints
    columns: Ints
    weights: Floats

    def row(self, row: int) -> tuple[Ints, Floats]:
        """The columns and weights of one row."""
        span = slice(self.indptr.item(row), self.indptr.item(row + 1))
        return self.columns[span], self.weights[span]

    def gather(self, rows: Ints) -> tuple[Ints, Floats, Ints]:
        """The columns and weights of some rows, one after the other, and how many each has."""
        starts = self.indptr.take(rows)
        counts = self.indptr.take(rows + 1) - starts
        ends = counts.cumsum()
        at = np.repeat(starts - ends + counts, counts)
        at += np.arange(len(at))
        return self.columns.take(at), self.weights.take(at), counts

    def table(self, rows: Ints, columns: Ints) -> Floats:
        """The weights of some rows at some sorted columns, 0 where none: (n_rows, n_columns)."""
        found = np.zeros((len(rows), len(columns)), dtype=self.weights.dtype)
        if not found.size:
            return found
        own, weights, counts = self.gather(rows)
        owners = np.repeat(np.arange(len(rows)), counts)
        at = columns.searchsorted(own)
        hit = np.flatnonzero(columns.take(at, mode="clip") == own)
        found[owners[hit], at[hit]] = weights[hit]
        return found

    def count(self, mask: npt.NDArray[np.bool_], first: int, last: int) -> Ints:
        """How many columns of each row from `first` up to `last` the mask admits."""
        bounds = self.indptr[first : last + 1]
        admitted = mask[self.columns[bounds[0] : bounds[-1]]]
        running = np.concatenate(([0], np.cumsum(admitted)))
        counts: Ints = np.diff(running[bounds - bounds[0]])
        return counts

    def transposed(self, n_columns: int) -> Postings:
        """The same by column: of shape (n_columns, n_rows)."""
        order = np.argsort(self.columns, kind="stable")
        rows = np.repeat(np.arange(len(self.indptr) - 1, dtype=np.int32), np.diff(self.indptr))
        counts = np.bincount(self.columns, minlength=n_columns)
        indptr = np.concatenate(([0], np.cumsum(counts, dtype=np.int64)))
        return Postings(indptr, rows[order], self.weights[order])

    def with_rows(self, span: slice, rows: Sequence[tuple[Ints, Floats]]) -> Postings:
        """The same with the rows of a span replaced; those after it move up or down."""
        begin, end = self.indptr[span.start], self.indptr[span.stop]
        ends = begin + np.cumsum([len(columns) for columns, _ in rows], dtype=np.int64)
        after = self.indptr[span.stop + 1 :] - end + (ends[-1] if rows else begin)
        columns: Ints = np.concatenate(
            (self.columns[:begin], *(columns for columns, _ in rows), self.columns[end:])
        ).astype(self.columns.dtype)
        weights: Floats = np.concatenate(
            (self.weights[:begin], *(weights for _, weights in rows), self.weights[end:])
        ).astype(self.weights.dtype)
        indptr = np.concatenate((self.indptr[: span.start + 1], ends, after))
        return Postings(indptr, columns, weights)

    def mapping(self, row: int) -> dict[int, float]:
        """The weights of one row by column."""
        columns, weights = self.row(row)
        return dict(zip(columns.tolist(), weights.tolist(), strict=True))


@dataclass(frozen=True)
class GramIndex:
    """Strings findable by shared character trigrams, for typos and look-alike names.

    `sizes` holds the number of grams of each string, shape (n_strings,).
    """

    grams: dict[str, int]
    indptr: Ints
    strings: Ints
    sizes: Ints

    @classmethod
    def build(cls, strings: Sequence[str]) -> GramIndex:
        """Index the strings in their order."""
        padded = [f" {string} " for string in strings]
        letters = np.frombuffer(
            "".join(padded).encode("utf-32-le", "surrogatepass"), dtype=np.uint32
        )
        owners = np.repeat(np.arange(len(padded)), [len(string) for string in padded])
        # A letter has 21 bits, so three of them are one number, in the order of strings.
        first, second, third = (letters[at : len(letters) - 2 + at] for at in range(3))
        codes = (first.astype(np.uint64) << 42) | (second.astype(np.uint64) << 21) | third
        within = owners[:-2] == owners[2:]
        order = np.flatnonzero(within)[np.argsort(codes[within], kind="stable")]
        codes, owners = codes[order], owners[order]
        is_new = np.append(True, codes[1:] != codes[:-1])[: len(codes)]
        once = is_new | np.append(True, owners[1:] != owners[:-1])[: len(codes)]
        return cls(
            grams={_spell(code): number for number, code in enumerate(codes[is_new].tolist())},
            indptr=np.append(np.flatnonzero(is_new[once]), once.sum()),
            strings=owners[once].astype(np.int32),
            sizes=np.bincount(owners[once], minlength=len(padded)).astype(np.int32),
        )

    def overlaps(self, text: str) -> tuple[Ints, Ints, int]:
        """The strings that share grams with the text, how many each does, and how many it has."""
        wanted = character_grams(text)
        counts = np.bincount(np.concatenate([*self._lists(wanted), self.strings[:0]]))
        numbers = np.flatnonzero(counts)
        return numbers, counts[numbers], len(wanted)

    def similar(self, text: str, *, n: int, at_least: float) -> list[tuple[int, float]]:
        """The strings most like the text by Dice's coefficient, in [0, 1], best first."""
        numbers, shared, wanted = self.overlaps(text)
        dice = (2 * shared / (self.sizes[numbers] + wanted)).astype(np.float32)
        best = np.flatnonzero(dice >= at_least)
        order = best[np.argsort(-dice[best], kind="stable")][:n]
        return list(zip(numbers[order].tolist(), dice[order].tolist(), strict=True))

    def near(self, text: str, *, n: int, at_least: float) -> list[tuple[int, float]]:
        """The strings most like the text, inside it or around it, with Dice's coefficient.

        Of a large index only the lists of the text's rarest grams are read, up to `MAX_READ`
        entries, so that the time is bounded; the coefficient is then an estimate.
        """
        wanted = character_grams(text)
        known = self._lists(wanted)
        if not known:
            return []
        lengths = [*accumulate(map(len, known))]
        read = known[: max(1, bisect_right(lengths, MAX_READ))]
        counts = np.bincount(np.concatenate(read))
        # What shares one gram with a longer text is nowhere near, and most share no more.
        touched = np.flatnonzero(counts > (len(wanted) > FEW_GRAMS))
        counts, sizes = counts[touched], self.sizes[touched]
        shared = np.minimum(counts * (len(known) / len(read)), sizes)
        dice = 2 * shared / (sizes + len(wanted))
        inside = np.maximum(CONTAINED * shared / sizes, CONTAINING * shared / len(wanted))
        likely = np.maximum(dice, inside)
        kept = np.flatnonzero(likely >= at_least)
        best = kept[np.argsort(-likely[kept], kind="stable")[:n]]
        return list(zip(touched[best].tolist(), dice[best].tolist(), strict=True))

    def _lists(self, grams: Iterable[str]) -> list[Ints]:
        """The strings that have each gram, for those grams that any has, the rarest first."""
        known = [self.grams[gram] for gram in grams if gram in self.grams]
        starts, ends = self.indptr[known].tolist(), self.indptr[1:][known].tolist()
        lists = [self.strings[start:end] for start, end in zip(starts, ends, strict=True)]
        return sorted(lists, key=len)


def find_runs(numbers: Ints) -> tuple[Ints, Ints]:
    """Where each run of the same number begins and ends."""
    bounds = np.flatnonzero(numbers[1:] != numbers[:-1]) + 1
    return (
        np.concatenate(([0], bounds))[: len(numbers)],
        np.concatenate((bounds, [len(numbers)]))[: len(numbers)],
    )


def _spell(code: int) -> str:
    """The gram of a number."""
    return "".join(chr(code >> shift & 0x1FFFFF) for shift in (42, 21, 0))
