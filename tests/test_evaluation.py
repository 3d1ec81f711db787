import json
from collections.abc import Callable
from math import log2
from pathlib import Path

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from recommender.errors import InvalidRecord
from recommender.evaluation import (
    Collection,
    evaluate,
    ndcg,
    own_engine,
    read_collection,
    recall,
    reciprocal_rank,
)

Metric = Callable[..., float]

GRADES = {"a": 3, "b": 2, "c": 1}
DOCUMENTS = ["a", "b", "c", "d", "e"]


def test_ndcg_by_hand() -> None:
    """DCG = sum of grade / log2(rank + 1); divided by that of the best order."""
    gained = 2 / log2(2) + 0 + 3 / log2(4)
    ideal = 3 / log2(2) + 2 / log2(3) + 1 / log2(4)
    assert ndcg(["b", "x", "a"], GRADES, k=10) == pytest.approx(gained / ideal)
    assert ndcg(["b", "x", "a"], GRADES, k=10) == pytest.approx(0.7350, abs=1e-4)


def test_ndcg_looks_at_the_first_k_only() -> None:
    assert ndcg(["x", "a"], GRADES, k=1) == 0
    assert ndcg(["a", "x"], GRADES, k=1) == 1
    assert ndcg(["a", "b"], GRADES, k=2) == 1


def test_recall_by_hand() -> None:
    assert recall(["a", "x", "b"], GRADES, k=3) == pytest.approx(2 / 3)
    assert recall(["a", "x", "b"], GRADES, k=2) == pytest.approx(1 / 3)
    assert recall(["z"], {"a": 0}, k=5) == 0


def test_reciprocal_rank_by_hand() -> None:
    assert reciprocal_rank(["x", "y", "c", "a"], GRADES, k=10) == pytest.approx(1 / 3)
    assert reciprocal_rank(["x", "y", "c"], GRADES, k=2) == 0
    assert reciprocal_rank(["a"], {"a": 0}, k=2) == 0


@pytest.mark.parametrize("metric", [ndcg, recall, reciprocal_rank])
def test_nothing_found_or_nothing_relevant_is_nought(metric: Metric) -> None:
    assert metric([], GRADES, k=10) == 0
    assert metric(["a"], {}, k=10) == 0


@given(
    st.permutations(DOCUMENTS),
    st.dictionaries(st.sampled_from(DOCUMENTS), st.integers(1, 4), min_size=1),
    st.integers(1, 6),
)
@settings(max_examples=100)
def test_metrics_are_shares_and_the_best_order_is_whole(
    ranking: list[str], grades: dict[str, int], k: int
) -> None:
    for metric in (ndcg, recall, reciprocal_rank):
        assert 0 <= metric(ranking, grades, k=k) <= 1 + 1e-12
    best = sorted(DOCUMENTS, key=lambda key: -grades.get(key, 0))
    assert ndcg(best, grades, k=k) == pytest.approx(1)
    assert reciprocal_rank(best, grades, k=k) == 1
    assert recall(ranking, grades, k=len(DOCUMENTS)) == 1


def write_collection(folder: Path) -> Path:
    corpus = [
        {"_id": "d1", "title": "Asylum law", "text": "Lawyers at asylum hearings."},
        {"_id": "d2", "title": None, "text": "A clinic\u2028for children\x85."},
        {"_id": 3, "text": "Gardens and kitchens."},
    ]
    queries = [{"_id": "q1", "text": "asylum lawyers"}, {"_id": "q2", "text": "unjudged"}]
    (folder / "qrels").mkdir(parents=True)
    for name, records in (("corpus", corpus), ("queries", queries)):
        lines = [json.dumps(record, ensure_ascii=False) for record in records]
        (folder / f"{name}.jsonl").write_text("\n".join([*lines, ""]), encoding="utf-8")
    (folder / "qrels" / "test.tsv").write_text(
        'query-id\tcorpus-id\tscore\nq1\td1\t2\nq1\td2\t0\nq1\t"3\t1\n'
    )
    return folder


def test_a_folder_in_beir_format_is_read(tmp_path: Path) -> None:
    found = read_collection(write_collection(tmp_path / "small"))
    assert found == Collection(
        name="small",
        documents=(
            ("d1", "Asylum law", "Lawyers at asylum hearings."),
            ("d2", "", "A clinic\u2028for children\x85."),
            ("3", "", "Gardens and kitchens."),
        ),
        queries=(("q1", "asylum lawyers"), ("q2", "unjudged")),
        grades={"q1": {"d1": 2, '"3': 1}},
    )
    assert found.texts()[0] == "Asylum law Lawyers at asylum hearings."


@pytest.mark.parametrize(
    ("file", "line", "told"),
    [
        ("corpus.jsonl", "{", r"corpus\.jsonl:4: not JSON"),
        ("corpus.jsonl", '{"_id": "d9"}', r"corpus\.jsonl:4: needs _id and text"),
        ("queries.jsonl", "[]", r"queries\.jsonl:3: needs _id and text"),
        ("qrels/test.tsv", "q1\td1", r"test\.tsv:5: needs two ids and a grade"),
        ("qrels/test.tsv", "q1\td1\tmany", r"test\.tsv:5: needs two ids and a grade"),
    ],
)
def test_a_line_that_cannot_be_read_is_named(
    tmp_path: Path, file: str, line: str, told: str
) -> None:
    folder = write_collection(tmp_path / "small")
    with (folder / file).open("a") as stream:
        stream.write(f"{line}\n")
    with pytest.raises(InvalidRecord, match=told):
        read_collection(folder)


@pytest.mark.parametrize("file", ["corpus.jsonl", "queries.jsonl", "qrels/test.tsv"])
def test_a_missing_file_is_named(tmp_path: Path, file: str) -> None:
    folder = write_collection(tmp_path / "small")
    (folder / file).unlink()
    with pytest.raises(InvalidRecord, match=f"{Path(file).name} is missing"):
        read_collection(folder)


def test_figures_are_means_over_the_judged_queries(tmp_path: Path) -> None:
    collection = read_collection(write_collection(tmp_path / "small"))
    asked: list[str] = []

    def retrieve(text: str) -> list[str]:
        asked.append(text)
        return ["d2", "d1"]

    figures = evaluate(collection, "fixed", retrieve)
    assert asked == ["asylum lawyers"]
    assert (figures.engine, figures.n_queries) == ("fixed", 1)
    ideal = 2 + 1 / log2(3)
    assert figures.ndcg_at_10 == pytest.approx(2 / log2(3) / ideal)
    assert figures.recall_at_100 == 0.5
    assert figures.mrr_at_10 == 0.5
    assert figures.ms_per_query > 0


def test_our_engine_ranks_the_documents(tmp_path: Path) -> None:
    collection = read_collection(write_collection(tmp_path / "small"))
    retrieve = own_engine(collection)
    assert retrieve("asylum lawyers")[0] == "d1"
    assert retrieve("kitchens") == ["3"]
    assert evaluate(collection, "ours", retrieve).mrr_at_10 == 1
