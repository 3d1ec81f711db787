"""Other retrieval engines on the same texts, each as its own documentation sets it up.

An adapter takes a judged collection and returns a function from a query, as given, to
the ids of its best documents, `depth` at most. Title and text are one field for all but
tantivy, which is given both fields as it expects.
"""

from __future__ import annotations

import re
import sqlite3
from collections.abc import Callable, Sequence
from importlib import import_module
from typing import Any

import numpy as np

from recommender.evaluation import DEPTH, Collection, Retrieve


def bm25s(collection: Collection, *, depth: int = DEPTH, backend: str = "numpy") -> Retrieve:
    """BM25 (Lucene's variant; k1 1.2, b 0.75) with English stems and stop words.

    The backend "numba" compiles the scoring and needs that package.
    """
    engine, stemmer = _need("bm25s"), _need("Stemmer", "PyStemmer").Stemmer("english")
    if backend == "numba":
        _need("numba")
    settings = {"stopwords": "en", "stemmer": stemmer, "show_progress": False}
    retriever = engine.BM25(k1=1.2, b=0.75, method="lucene", backend=backend)
    retriever.index(engine.tokenize(collection.texts(), **settings), show_progress=False)
    keys, k = _keys(collection), min(depth, len(collection.documents))

    def retrieve(text: str) -> list[str]:
        query = engine.tokenize([text], **settings)
        if not query.ids[0]:
            return []
        rows, scores = retriever.retrieve(query, k=k, show_progress=False)
        return [keys[row] for row, score in zip(rows[0], scores[0], strict=True) if score > 0]

    return retrieve


def tantivy(collection: Collection, *, depth: int = DEPTH) -> Retrieve:
    """Tantivy's BM25 over title and body with its English stemmer, terms joined by OR."""
    engine = _need("tantivy")
    schema = engine.SchemaBuilder()
    schema.add_integer_field("row", stored=True)
    for field in ("title", "body"):
        schema.add_text_field(field, tokenizer_name="en_stem")
    index = engine.Index(schema.build())
    writer = index.writer(heap_size=50_000_000, num_threads=1)
    for row, (_, title, text) in enumerate(collection.documents):
        writer.add_document(engine.Document(row=row, title=title, body=text))
    writer.commit()
    writer.wait_merging_threads()
    index.reload()
    keys, searcher = _keys(collection), index.searcher()

    def retrieve(text: str) -> list[str]:
        query = index.parse_query(" ".join(_words(text)), ["title", "body"])
        found = searcher.search(query, limit=depth).hits
        return [keys[searcher.doc(address)["row"][0]] for _, address in found]

    return retrieve


def sklearn(collection: Collection, *, depth: int = DEPTH) -> Retrieve:
    """Scikit-learn as it comes: `TfidfVectorizer` and brute-force cosine neighbours."""
    return _sklearn(collection, depth)


def sklearn_tuned(collection: Collection, *, depth: int = DEPTH) -> Retrieve:
    """The same with sublinear frequencies, English stems and stop words."""
    stemmer = _need("Stemmer", "PyStemmer").Stemmer("english")
    feature_extraction = _need("sklearn.feature_extraction.text", "scikit-learn")
    analyse = feature_extraction.TfidfVectorizer(stop_words="english").build_analyzer()
    return _sklearn(
        collection, depth, analyzer=lambda text: stemmer.stemWords(analyse(text)), sublinear_tf=True
    )


def _sklearn(collection: Collection, depth: int, **settings: Any) -> Retrieve:
    vectorizer = _need("sklearn.feature_extraction.text", "scikit-learn").TfidfVectorizer(
        **settings
    )
    neighbours = _need("sklearn.neighbors", "scikit-learn").NearestNeighbors(
        n_neighbors=min(depth, len(collection.documents)), metric="cosine", algorithm="brute"
    )
    neighbours.fit(vectorizer.fit_transform(collection.texts()))
    keys = _keys(collection)

    def retrieve(text: str) -> list[str]:
        distances, rows = neighbours.kneighbors(vectorizer.transform([text]))
        return [keys[row] for row in rows[0][distances[0] < 1 - np.finfo(np.float32).eps]]

    return retrieve


def fts5(collection: Collection, *, depth: int = DEPTH) -> Retrieve:
    """SQLite's FTS5 with Porter stems, in memory: quoted words joined by OR, by `bm25`."""
    db = sqlite3.connect(":memory:", check_same_thread=False)
    db.execute("create virtual table t using fts5(body, tokenize='porter unicode61')")
    db.executemany("insert into t (rowid, body) values (?, ?)", list(enumerate(collection.texts())))
    db.execute("insert into t (t) values ('optimize')")
    keys = _keys(collection)
    sql = "select rowid from t where t match ? order by bm25(t) limit ?"

    def retrieve(text: str) -> list[str]:
        query = " OR ".join(f'"{word}"' for word in _words(text))
        return [keys[row] for (row,) in db.execute(sql, (query, depth))] if query else []

    return retrieve


PEERS: dict[str, Callable[..., Retrieve]] = {
    "bm25s": bm25s,
    "tantivy": tantivy,
    "sklearn": sklearn,
    "sklearn-tuned": sklearn_tuned,
    "fts5": fts5,
}


def _keys(collection: Collection) -> Sequence[str]:
    return [key for key, _, _ in collection.documents]


def _words(text: str) -> list[str]:
    """The words of a query, so that none of it is read as query syntax."""
    return re.findall(r"\w+", text.lower())


def _need(module: str, package: str = "") -> Any:
    try:
        return import_module(module)
    except ImportError as error:
        package = package or module
        raise ImportError(f"This peer needs {package}: pip install {package}") from error
