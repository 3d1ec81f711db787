import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from scipy import sparse

from recommender import retrieval
from recommender.index import Index
from recommender.models import DonorProfile
from recommender.query import Query, Unit, understand
from recommender.retrieval import (
    accumulate,
    best_rows,
    coverage,
    covers,
    retrieve,
    smooth,
    unit_coverage,
    widen,
)
from tests.profiles import PROFILES


def everything(index: Index) -> np.ndarray:
    return np.ones(len(index), dtype=np.bool_)


def query_vectors(n_terms: int) -> st.SearchStrategy[dict[int, float]]:
    return st.dictionaries(
        st.integers(min_value=0, max_value=n_terms - 1),
        st.floats(min_value=0, max_value=4, width=32),
        max_size=8,
    )


@given(st.data())
@settings(max_examples=60, deadline=None)
def test_accumulating_is_the_matrix_product(crowd_index: Index, data: st.DataObject) -> None:
    n_terms = len(crowd_index.vocabulary)
    weights = data.draw(query_vectors(n_terms))
    documents = crowd_index.documents
    matrix = sparse.csr_matrix(
        (documents.weights, documents.columns, documents.indptr), (len(crowd_index), n_terms)
    ).toarray()
    vector = np.zeros(n_terms)
    vector[list(weights)] = list(weights.values())
    assert accumulate(weights, crowd_index) == pytest.approx(matrix @ vector, rel=1e-4, abs=1e-5)


def test_adding_all_postings_at_once_is_adding_term_by_term(
    crowd_index: Index, monkeypatch: pytest.MonkeyPatch
) -> None:
    weights = {term: 0.1 + term / 7 for term in range(0, len(crowd_index.vocabulary), 3)}
    at_once = accumulate(weights, crowd_index)
    monkeypatch.setattr(retrieval, "N_GATHERED", 0)
    assert (accumulate(weights, crowd_index) == at_once).all()


def test_smoothing_splits_a_score_into_its_own_part_and_a_mean_of_neighbours(
    crowd_index: Index,
) -> None:
    raw = accumulate({crowd_index.vocabulary["asylum"]: 1.0}, crowd_index)
    rows = np.arange(len(crowd_index))
    own, lent = smooth(raw, rows, crowd_index)
    for row in rows:
        similarities = crowd_index.similarities[row]
        around = raw[crowd_index.neighbours[row]] @ similarities / similarities.sum()
        assert own[row] == pytest.approx((1 - retrieval.SMOOTHING) * raw[row], rel=1e-4)
        assert lent[row] == pytest.approx(retrieval.SMOOTHING * around, rel=1e-4)


def test_without_smoothing_nothing_is_lent(
    crowd_index: Index, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(retrieval, "SMOOTHING", 0.0)
    raw = np.ones(len(crowd_index), dtype=np.float32)
    own, lent = smooth(raw, np.arange(3), crowd_index)
    assert own.tolist() == [1, 1, 1]
    assert lent.tolist() == [0, 0, 0]


def test_widening_adds_what_the_best_listings_share(crowd_index: Index) -> None:
    asked = {crowd_index.vocabulary["asylum"]: 2.0}
    raw = accumulate(asked, crowd_index)
    wide, scores = widen(asked, crowd_index)
    assert asked.keys() < wide.keys()
    assert len(wide) <= len(asked) + retrieval.FEEDBACK_TERMS
    assert scores == pytest.approx(accumulate(wide, crowd_index), rel=1e-4, abs=1e-5)
    support = scores - raw / raw.max()
    assert support.max() == pytest.approx(retrieval.FEEDBACK_WEIGHT, rel=1e-4)
    own, lent = smooth(raw, np.arange(len(raw)), crowd_index)
    best = np.argsort(-(own + lent), kind="stable")[: retrieval.FEEDBACK_LISTINGS]
    carried = [set(crowd_index.documents.row(int(row))[0].tolist()) for row in best]
    for term in wide.keys() - asked.keys():
        assert sum(term in terms for terms in carried) >= retrieval.FEEDBACK_SHARED_BY


def test_widening_from_nothing_changes_nothing(crowd_index: Index) -> None:
    wide, scores = widen({}, crowd_index)
    assert wide == {}
    assert not scores.any()


@given(
    st.lists(st.floats(min_value=0, max_value=3, width=32), max_size=200),
    st.integers(min_value=1, max_value=20),
)
@settings(max_examples=100, deadline=None)
def test_the_best_rows_are_those_of_a_whole_sort(scores: list[float], n: int) -> None:
    array = np.array(scores, dtype=np.float32)
    found = best_rows(array, n)
    assert found.tolist() == sorted(set(found.tolist()))
    expected = sorted((score for score in array.tolist() if score > 0), reverse=True)[:n]
    assert sorted(array[found].tolist(), reverse=True) == expected


@given(PROFILES)
@settings(max_examples=80, deadline=None)
def test_coverage_is_what_the_terms_of_a_listing_say(
    crowd_index: Index, profile: DonorProfile
) -> None:
    query = understand(profile, crowd_index)
    for row, covered in enumerate(coverage(query, crowd_index)):
        listed = crowd_index.documents.mapping(row)
        shares = [
            unit.importance
            * max((w for term, w in unit.terms.items() if term in listed), default=0)
            / max(unit.terms.values(), default=1)
            for unit in query.units
        ]
        assert covered == pytest.approx(sum(shares) / max(query.importance, 1e-9), abs=1e-5)
        assert covered == pytest.approx(covers(row, query, crowd_index), abs=1e-5)
        assert 0 <= covered <= 1 + 1e-6


def test_coverage_is_full_where_everything_asked_is_there(index: Index) -> None:
    row = index.row_of["test-haitian-house"]
    both = understand(DonorProfile(communities=("haitian",)), index)
    assert coverage(both, index)[row] == 1
    query = understand(DonorProfile(text="asylum lawyer", communities=("haitian",)), index)
    assert coverage(query, index)[row] < 1


def test_a_word_of_a_concept_covers_less_than_the_concept(index: Index) -> None:
    (unit,) = understand(DonorProfile(text="asylum"), index).units
    share = unit_coverage(unit, index)
    assert share[index.row_of["test-harbor-shelter"]] == 1  # carries the tag
    assert 0 < share[index.row_of["test-ayuda-san-juan"]] <= 1
    assert share[index.row_of["test-houston-clinic"]] == 0


def test_unknown_words_take_away_from_coverage(index: Index) -> None:
    plain = understand(DonorProfile(text="lawyers"), index)
    odd = understand(DonorProfile(text="lawyers xylophones"), index)
    assert coverage(odd, index).max() < coverage(plain, index).max()


@given(PROFILES)
@settings(max_examples=60, deadline=None)
def test_topic_scores_are_shares_of_the_best(crowd_index: Index, profile: DonorProfile) -> None:
    topic = retrieve(understand(profile, crowd_index), crowd_index, everything(crowd_index))
    scores = topic.own + topic.lent
    assert (np.diff(topic.rows) > 0).all()
    assert ((scores > 0) & (scores <= 1 + 1e-6)).all()
    if len(scores):
        assert scores.max() == pytest.approx(1, abs=1e-6)
        assert scores.min() >= retrieval.RELEVANT_SHARE - 1e-6


def test_only_eligible_listings_are_candidates_and_the_scale_stays(crowd_index: Index) -> None:
    query = understand(DonorProfile(text="asylum"), crowd_index)
    whole = retrieve(query, crowd_index, everything(crowd_index))
    half = everything(crowd_index)
    half[whole.rows[::2]] = False
    rest = retrieve(query, crowd_index, half)
    assert rest.rows.tolist() == whole.rows[1::2].tolist()
    assert rest.own == pytest.approx(whole.own[1::2], rel=1e-5)


def test_rows_to_keep_are_kept_if_they_are_eligible(
    index: Index, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(retrieval, "RELEVANT_SHARE", 0.5)
    query = understand(DonorProfile(text="somali"), index)
    off_topic = index.row_of["test-houston-clinic"]
    some = everything(index)
    assert off_topic not in retrieve(query, index, some).rows
    assert off_topic in retrieve(query, index, some, kept=[off_topic]).rows
    some[off_topic] = False
    assert off_topic not in retrieve(query, index, some, kept=[off_topic]).rows


def test_the_best_of_those_eligible_are_found_behind_many_that_are_not(
    crowd_index: Index, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(retrieval, "N_BEST", 2)
    query = understand(DonorProfile(text="asylum"), crowd_index)
    whole = retrieve(query, crowd_index, everything(crowd_index))
    by_words = whole.rows[np.argsort(-whole.raw[whole.rows])]
    behind = by_words[whole.raw[by_words] > 0][-3:]
    monkeypatch.setattr(retrieval, "N_CANDIDATES", 2)
    only = ~everything(crowd_index)
    only[behind] = True
    found = retrieve(query, crowd_index, only).rows
    assert len(found) == 2
    assert set(found.tolist()) <= set(behind.tolist())


def test_the_one_right_answer_of_a_pinpoint_query_stays_far_ahead(crowd_index: Index) -> None:
    rare, common = crowd_index.vocabulary["007"], crowd_index.vocabulary["asylum"]
    terms = {rare: 1.0, common: 0.2}
    unit = Unit(label="007", kind="word", sources=("007",), terms=terms, importance=1.0)
    topic = retrieve(Query(units=(unit,)), crowd_index, everything(crowd_index))
    scores = topic.own + topic.lent
    best = np.argsort(-scores)
    assert [topic.rows[best[0]]] == crowd_index.postings.row(rare)[0].tolist()
    assert scores[best[0]] > 2 * scores[best[1]]


def test_unknown_words_alone_find_nothing(index: Index) -> None:
    topic = retrieve(understand(DonorProfile(text="qqqq zzzz"), index), index, everything(index))
    assert len(topic.rows) == 0
