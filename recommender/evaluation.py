"""Retrieval quality on judged collections, through the same `recommend` that donors get.

A collection is a folder in BEIR's format (Thakur et al., "BEIR", NeurIPS 2021):
`corpus.jsonl` (`_id`, `title`, `text`), `queries.jsonl` (`_id`, `text`) and
`qrels/test.tsv` (query-id, corpus-id, score).
"""

from __future__ import annotations

import csv
import json
import time
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from math import log2
from pathlib import Path
from typing import Any

from recommender.errors import InvalidRecord
from recommender.index import BuildInputs, build_index
from recommender.models import Basis, DonorProfile, Nonprofit, Reach
from recommender.pipeline import recommend

DEPTH = 100

Grades = Mapping[str, Mapping[str, int]]
Retrieve = Callable[[str], list[str]]


@dataclass(frozen=True, kw_only=True)
class Collection:
    """A judged collection; `grades` maps query id -> document id -> grade above 0."""

    name: str
    documents: tuple[tuple[str, str, str], ...]
    queries: tuple[tuple[str, str], ...]
    grades: Grades

    def texts(self) -> list[str]:
        """Title and text of every document, as the other engines are given them."""
        return [f"{title} {text}" for _, title, text in self.documents]


@dataclass(frozen=True, kw_only=True)
class Figures:
    """Means over the judged queries; `ms_per_query` is wall time in this process."""

    engine: str
    ndcg_at_10: float
    recall_at_100: float
    mrr_at_10: float
    ms_per_query: float
    n_queries: int


def read_collection(folder: Path) -> Collection:
    """Read a folder in BEIR's format.

    Raises:
        InvalidRecord: a file is missing or a line cannot be read; the message says which.
    """
    corpus = _read_lines(folder / "corpus.jsonl", ("_id", "text"))
    queries = _read_lines(folder / "queries.jsonl", ("_id", "text"))
    return Collection(
        name=folder.name,
        documents=tuple((str(d["_id"]), d.get("title") or "", str(d["text"])) for d in corpus),
        queries=tuple((str(query["_id"]), str(query["text"])) for query in queries),
        grades=_read_grades(folder / "qrels" / "test.tsv"),
    )


def evaluate(collection: Collection, engine: str, retrieve: Retrieve) -> Figures:
    """Run every judged query through `retrieve` (text -> ranked document ids)."""
    judged = [(key, text) for key, text in collection.queries if key in collection.grades]
    started = time.perf_counter()
    rankings = [retrieve(text) for _, text in judged]
    elapsed = time.perf_counter() - started
    pairs = [
        (ranking, collection.grades[key])
        for ranking, (key, _) in zip(rankings, judged, strict=True)
    ]
    n = len(judged) or 1
    return Figures(
        engine=engine,
        ndcg_at_10=sum(ndcg(ranking, grades, k=10) for ranking, grades in pairs) / n,
        recall_at_100=sum(recall(ranking, grades, k=100) for ranking, grades in pairs) / n,
        mrr_at_10=sum(reciprocal_rank(ranking, grades, k=10) for ranking, grades in pairs) / n,
        ms_per_query=1000 * elapsed / n,
        n_queries=len(judged),
    )


def own_engine(collection: Collection) -> Retrieve:
    """Our engine over a collection: titles are names, texts are English descriptions."""
    nonprofits = [
        Nonprofit(
            slug=key,
            name=title,
            reach=Reach.NATIONAL,
            basis=Basis.MISSION,
            summary_en=text,
            summary_es="",
        )
        for key, title, text in collection.documents
    ]
    index = build_index(BuildInputs(nonprofits=nonprofits))

    def retrieve(text: str) -> list[str]:
        found = recommend(DonorProfile(text=text), index, n=DEPTH)
        return [match.nonprofit.slug for match in found.matches]

    return retrieve


def ndcg(ranking: Sequence[str], grades: Mapping[str, int], *, k: int) -> float:
    """Normalised discounted cumulative gain in [0, 1]; 0 when nothing is relevant.

    Source: Järvelin & Kekäläinen, ACM TOIS 20(4), 2002, with linear gain, as trec_eval.
    """
    gains = [grades.get(key, 0) for key in ranking[:k]]
    best = sorted(grades.values(), reverse=True)[:k]
    ideal = _discounted(best)
    return _discounted(gains) / ideal if ideal else 0.0


def recall(ranking: Sequence[str], grades: Mapping[str, int], *, k: int) -> float:
    """The share of relevant documents among the first `k`; 0 when there are none."""
    relevant = {key for key, grade in grades.items() if grade > 0}
    return len(relevant & set(ranking[:k])) / len(relevant) if relevant else 0.0


def reciprocal_rank(ranking: Sequence[str], grades: Mapping[str, int], *, k: int) -> float:
    """1 / the rank of the first relevant document among the first `k`; 0 without one."""
    hits = (at for at, key in enumerate(ranking[:k], start=1) if grades.get(key, 0) > 0)
    return 1 / next(hits, float("inf"))


def _discounted(gains: Sequence[int]) -> float:
    return sum(gain / log2(at + 2) for at, gain in enumerate(gains))


def _read_lines(path: Path, required: tuple[str, ...]) -> list[dict[str, Any]]:
    if not path.is_file():
        raise InvalidRecord(f"{path} is missing.")
    records = []
    # Not `splitlines`, which also breaks at characters that JSON strings may hold.
    for number, line in enumerate(path.read_text(encoding="utf-8").split("\n"), start=1):
        if not line.strip():
            continue
        try:
            record = json.loads(line)
        except ValueError as error:
            raise InvalidRecord(f"{path}:{number}: not JSON ({error}).") from error
        if not isinstance(record, dict) or any(key not in record for key in required):
            raise InvalidRecord(f"{path}:{number}: needs {' and '.join(required)}.")
        records.append(record)
    return records


def _read_grades(path: Path) -> dict[str, dict[str, int]]:
    if not path.is_file():
        raise InvalidRecord(f"{path} is missing.")
    grades: dict[str, dict[str, int]] = {}
    with path.open(encoding="utf-8", newline="") as stream:
        rows = csv.reader(stream, delimiter="\t", quoting=csv.QUOTE_NONE)
        next(rows, None)
        for number, row in enumerate(rows, start=2):
            try:
                query_id, document_id, grade = row[0], row[1], int(row[2])
            except (IndexError, ValueError) as error:
                raise InvalidRecord(f"{path}:{number}: needs two ids and a grade.") from error
            if grade > 0:
                grades.setdefault(query_id, {})[document_id] = grade
    return grades
