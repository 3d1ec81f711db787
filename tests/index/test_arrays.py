import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from scipy import sparse

from recommender.index import GramIndex, Postings, arrays
from recommender.text import character_grams

NAMES = ["test border lawyers", "test houston clinic", "test maine asylum project", "tbl"]


def postings_of(dense: np.ndarray) -> Postings:
    matrix = sparse.csr_matrix(dense)
    return Postings(matrix.indptr, matrix.indices, matrix.data)


@given(
    st.lists(
        st.lists(st.sampled_from([0.0, 0.5, 2.0]), min_size=3, max_size=3), min_size=1, max_size=6
    )
)
@settings(max_examples=50)
def test_postings_hold_what_the_matrix_holds(table: list[list[float]]) -> None:
    postings = postings_of(np.array(table))
    for row, values in enumerate(table):
        columns, weights = postings.row(row)
        assert columns.tolist() == [i for i, value in enumerate(values) if value]
        assert weights.tolist() == [value for value in values if value]
        assert postings.mapping(row) == {i: value for i, value in enumerate(values) if value}


@given(st.data())
@settings(max_examples=80)
def test_some_rows_at_some_columns_are_those_of_the_matrix(data: st.DataObject) -> None:
    n_columns = 8
    cells = st.sampled_from([0.0, 0.5, 2.0])
    table = np.array(
        data.draw(
            st.lists(
                st.lists(cells, min_size=n_columns, max_size=n_columns), min_size=1, max_size=6
            )
        )
    )
    postings = postings_of(table)
    rows = np.array(data.draw(st.lists(st.sampled_from(range(len(table))))), dtype=np.int32)
    columns = np.array(sorted(data.draw(st.sets(st.sampled_from(range(n_columns))))), np.int32)
    assert np.array_equal(postings.table(rows, columns), table[np.ix_(rows, columns)])
    found, weights, counts = postings.gather(rows)
    assert found.tolist() == np.nonzero(table[rows])[1].tolist()
    assert weights.tolist() == table[rows][table[rows] > 0].tolist()
    assert counts.tolist() == (table[rows] > 0).sum(axis=1).tolist()


def test_the_most_similar_string_comes_first() -> None:
    found = GramIndex.build(NAMES).similar("test border lawyer", n=3, at_least=0.1)
    assert found[0][0] == 0
    scores = [score for _, score in found]
    assert scores == sorted(scores, reverse=True)


def test_a_string_is_wholly_similar_to_itself() -> None:
    assert GramIndex.build(NAMES).similar("tbl", n=1, at_least=0.5) == [(3, 1.0)]


def test_similarity_has_a_floor_and_a_length() -> None:
    grams = GramIndex.build(NAMES)
    assert grams.similar("zzzz", n=5, at_least=0.1) == []
    assert len(grams.similar("test", n=2, at_least=0.01)) == 2


def test_equal_similarity_keeps_the_order_of_the_strings() -> None:
    found = GramIndex.build(["same", "same", "same"]).similar("same", n=3, at_least=0.5)
    assert [number for number, _ in found] == [0, 1, 2]


@given(
    st.lists(st.text(alphabet="ab c", max_size=6), max_size=6),
    st.text(alphabet="ab c", min_size=1, max_size=6),
)
@settings(max_examples=60)
def test_overlaps_are_those_of_the_gram_sets(strings: list[str], text: str) -> None:
    numbers, shared, size = GramIndex.build(strings).overlaps(text)
    wanted = character_grams(text)
    assert size == len(wanted)
    expected = {i: len(wanted & character_grams(string)) for i, string in enumerate(strings)}
    found = dict(zip(numbers.tolist(), shared.tolist(), strict=True))
    assert found == {i: count for i, count in expected.items() if count}


def test_near_strings_are_like_the_text_or_inside_or_around_it() -> None:
    grams = GramIndex.build(["casa", "casa de amigos", "garden"])
    assert grams.near("casa", n=3, at_least=0.5)[0] == (0, 1.0)
    assert {number for number, _ in grams.near("casa", n=3, at_least=0.5)} == {0, 1}
    assert [number for number, _ in grams.near("casa de verano", n=3, at_least=0.8)] == [0]
    assert grams.near("zzzz", n=3, at_least=0.1) == []


def test_of_many_strings_the_rarest_grams_tell_the_nearest(monkeypatch: pytest.MonkeyPatch) -> None:
    strings = [f"garden of hope {letter}" for letter in "abcdefgh"] + ["garden of zebras"]
    grams = GramIndex.build(strings)
    whole = grams.near("garden of zebra", n=9, at_least=0.1)
    assert {number for number, _ in whole} == set(range(9))
    monkeypatch.setattr(arrays, "MAX_READ", 12)
    assert [number for number, _ in grams.near("garden of zebra", n=9, at_least=0.1)] == [8]


@given(st.lists(st.text(max_size=8)))
def test_every_gram_of_every_string_is_listed_once(strings: list[str]) -> None:
    index = GramIndex.build(strings)
    assert list(index.grams) == sorted(index.grams)
    assert index.sizes.tolist() == [len(character_grams(string)) for string in strings]
    expected = {
        gram: [n for n, string in enumerate(strings) if gram in character_grams(string)]
        for gram in set().union(*map(character_grams, strings))
    }
    lists = np.split(index.strings, index.indptr[1:-1])
    assert {gram: lists[n].tolist() for gram, n in index.grams.items()} == expected
