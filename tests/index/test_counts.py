from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace
from typing import Any

import numpy as np
import pytest

from recommender.index import counts
from recommender.index.counts import Counts, Recount, count_block, join_blocks
from recommender.index.fields import FIELDS, tag_texts
from recommender.models import Nonprofit, Tag


@pytest.mark.parametrize("size", [1, 5, 12])
def test_blocks_put_together_are_one_count(
    catalogue: tuple[Nonprofit, ...], taxonomy: tuple[Tag, ...], size: int
) -> None:
    spoken = tag_texts(taxonomy)
    starts = range(0, len(catalogue), size)
    joined = join_blocks([count_block(catalogue[at : at + size], spoken) for at in starts])
    whole = count_block(catalogue, spoken)
    assert joined.terms == whole.terms == sorted(whole.terms)
    for ours, theirs in zip(joined.by_field, whole.by_field, strict=True):
        assert ours.shape == theirs.shape
        for part in ("indptr", "indices", "data"):
            np.testing.assert_array_equal(getattr(ours, part), getattr(theirs, part))


def are_same(one: Counts, other: Counts) -> bool:
    """Whether two counts are the same to the last bit."""
    return one.terms == other.terms and all(
        getattr(ours, part).tobytes() == getattr(theirs, part).tobytes()
        for ours, theirs in zip(one.by_field, other.by_field, strict=True)
        for part in ("indptr", "indices", "data")
    )


def list_editions(catalogue: Sequence[Nonprofit]) -> list[list[Nonprofit]]:
    """A catalogue as it changes: an edit, an equal copy, listings that leave and come."""
    edited = replace(catalogue[3], summary_en="Xylophones for zebras.")
    return [
        [*catalogue[:-2]],
        [*catalogue[:3], edited, *catalogue[4:-2]],
        [*catalogue[:3], replace(edited), *catalogue[4:-2]],
        [*catalogue[:2], *catalogue[4:]],
        [*reversed(catalogue)],
        [*catalogue[-1:]],
        [*catalogue],
    ]


@pytest.mark.parametrize("most", [1_000, 3])
def test_a_recount_is_a_count_to_the_last_bit(
    catalogue: tuple[Nonprofit, ...],
    taxonomy: tuple[Tag, ...],
    monkeypatch: pytest.MonkeyPatch,
    most: int,
) -> None:
    monkeypatch.setattr(counts, "MAX_LISTINGS", most)
    recount = Recount()
    for spoken in (tag_texts(taxonomy), tag_texts(taxonomy[1:])):
        for listed in list_editions(catalogue):
            told: list[tuple[str, int, int]] = []
            counted = recount(listed, spoken, lambda *step, told=told: told.append(step))
            assert are_same(counted, count_block(listed, spoken))
            assert told[-1] == ("words", len(listed), len(listed))


def test_only_what_is_another_object_is_counted_again(
    catalogue: tuple[Nonprofit, ...],
    taxonomy: tuple[Tag, ...],
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    counted: list[int] = []

    def count(nonprofits: Sequence[Nonprofit], *rest: Any) -> Counts:
        counted.append(len(nonprofits))
        return count_block(nonprofits, *rest)

    monkeypatch.setattr(counts, "count_block", count)
    recount = Recount()
    for listed in list_editions(catalogue)[:4]:
        recount(listed, tag_texts(taxonomy), lambda *_: None)
    assert counted == [10, 1, 1, 2]


def test_terms_are_counted_by_field_with_columns_in_order(
    catalogue: tuple[Nonprofit, ...], taxonomy: tuple[Tag, ...]
) -> None:
    counts = count_block(catalogue, tag_texts(taxonomy))
    assert len(counts.by_field) == len(FIELDS)
    for field, matrix in zip(FIELDS, counts.by_field, strict=True):
        assert matrix.has_sorted_indices
        for row, item in enumerate(catalogue):
            said = field.terms(item, tag_texts(taxonomy))
            span = slice(*matrix.indptr[row : row + 2])
            columns, numbers = matrix.indices[span].tolist(), matrix.data[span].tolist()
            found = {counts.terms[i]: n for i, n in zip(columns, numbers, strict=True)}
            assert found == {term: said.count(term) for term in said}
