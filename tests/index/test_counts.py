from __future__ import annotations

import numpy as np
import pytest

from recommender.index.counts import count_block, join_blocks
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
