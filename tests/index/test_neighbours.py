import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from hypothesis.extra.numpy import arrays
from scipy import sparse

from recommender.index import neighbours
from recommender.index.arrays import Postings
from recommender.index.neighbours import N_NEIGHBOURS, Units, find_all, find_block, is_same

# Few values and few terms, so that many listings are equal or have nothing in common.
WEIGHTS = arrays(
    np.float32,
    st.tuples(st.integers(1, 60), st.integers(1, 6)),
    elements=st.sampled_from([0, 0, 0, 0.5, 1, 3]),
)


def brute_force(matrix: np.ndarray) -> np.ndarray:
    norms = np.linalg.norm(matrix.astype(np.float64), axis=1, keepdims=True)
    unit = matrix / np.where(norms > 0, norms, 1)
    cosines = unit @ unit.T
    np.fill_diagonal(cosines, 0)
    return cosines


def crowd(seed: int, n_docs: int) -> sparse.csr_matrix:
    """Term counts as texts have them: a few terms nearly everywhere, most of them rare."""
    chance = np.random.default_rng(seed)
    shares = 1 / (1.5 + np.arange(200))
    weights = chance.random((n_docs, 200), dtype=np.float32)
    return sparse.csr_matrix(np.where(chance.random((n_docs, 200)) < shares, weights, 0))


@settings(max_examples=150, deadline=None)
@given(matrix=WEIGHTS, tile=st.integers(1, 70))
def test_they_are_those_of_a_dense_product_and_ties_go_by_row(
    matrix: np.ndarray, tile: int
) -> None:
    cosines = brute_force(matrix)
    columns, values = find_all(Units.of(sparse.csr_matrix(matrix), tile=tile))
    for row in range(len(matrix)):
        found = columns[row][values[row] > 0].tolist()
        least = np.sort(cosines[row])[-min(N_NEIGHBOURS, len(matrix))]
        assert row not in found
        assert len(set(found)) == len(found) == min(N_NEIGHBOURS, (cosines[row] > 0).sum())
        assert values[row][: len(found)] == pytest.approx(cosines[row][found], abs=1e-6)
        assert [*found] == sorted(found, key=lambda at: (-values[row][columns[row] == at][0], at))
        assert all(cosines[row][at] >= least - 1e-6 for at in found)
        for at in found:
            twins = np.flatnonzero((matrix[:at] == matrix[at]).all(axis=1))
            assert {*twins.tolist()} - {row} <= {*found}


@pytest.mark.parametrize("n_docs", [1, 19, 20, 21, 22, 300])
def test_a_corpus_of_any_size_is_as_a_dense_product_has_it(n_docs: int) -> None:
    matrix = crowd(n_docs, n_docs)
    expected = -np.sort(-brute_force(matrix.toarray()), axis=1)[:, :N_NEIGHBOURS]
    _, values = find_all(Units.of(matrix, tile=64))
    assert values.shape == (n_docs, N_NEIGHBOURS)
    assert values[:, : expected.shape[1]] == pytest.approx(expected, abs=1e-6)


@pytest.mark.parametrize("tile", [7, 100, 8_192])
def test_neither_blocks_nor_tiles_change_a_bit(tile: int) -> None:
    matrix = crowd(1, 700)
    expected = find_all(Units.of(matrix))
    units = Units.of(matrix, tile=tile)
    blocks = [find_block(units, at, min(at + 90, 700)) for at in range(0, 700, 90)]
    for number, whole in enumerate(expected):
        assert np.concatenate([block[number] for block in blocks]).tobytes() == whole.tobytes()


def test_what_is_common_and_what_is_rare_changes_no_bit(monkeypatch: pytest.MonkeyPatch) -> None:
    matrix = crowd(2, 500)
    expected = find_all(Units.of(matrix))
    for share in (0, 0.2, 1):
        monkeypatch.setattr(neighbours, "COMMON_SHARE", share)
        found = find_all(Units.of(matrix))
        assert [array.tobytes() for array in found] == [array.tobytes() for array in expected]


def test_progress_is_told_to_the_end(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(neighbours, "BLOCK", 40)
    told: list[tuple[int, int]] = []
    find_all(Units.of(crowd(3, 100)), lambda done, total: told.append((done, total)))
    assert told == [(40, 100), (80, 100), (100, 100)]


@settings(max_examples=100, deadline=None)
@given(matrix=WEIGHTS, other=WEIGHTS)
def test_only_the_same_weights_have_the_same_neighbours(
    matrix: np.ndarray, other: np.ndarray
) -> None:
    before = sparse.csr_matrix(matrix)
    documents = Postings(before.indptr, before.indices, before.data)
    assert is_same(Units.of(before), documents)
    after = Units.of(sparse.csr_matrix(other))
    if is_same(after, documents):
        found, expected = find_all(after), find_all(Units.of(before))
        assert [array.tobytes() for array in found] == [array.tobytes() for array in expected]
    else:
        assert matrix.shape != other.shape or not np.array_equal(matrix, other)
