"""Relevance and speed on judged collections: `python -m benchmarks.relevance DIR [DIR …]`."""

from __future__ import annotations

import argparse
from collections.abc import Iterable, Iterator
from pathlib import Path

from benchmarks.peers import PEERS
from recommender.evaluation import Collection, Figures, evaluate, own_engine, read_collection

ENGINES = {"waymark": own_engine, **PEERS}
HEADER = "| engine | nDCG@10 | recall@100 | MRR@10 | ms/query |\n|---|---|---|---|---|"


def measure(collection: Collection, engines: Iterable[str]) -> Iterator[Figures]:
    """Run each engine over the judged queries, one after the other."""
    for name in engines:
        yield evaluate(collection, name, ENGINES[name](collection))


def format_row(figures: Figures) -> str:
    """One row of the table."""
    return (
        f"| {figures.engine} | {figures.ndcg_at_10:.4f} | {figures.recall_at_100:.3f} | "
        f"{figures.mrr_at_10:.3f} | {figures.ms_per_query:.2f} |"
    )


def format_title(collection: Collection) -> str:
    """The name and size of a collection."""
    judged = sum(key in collection.grades for key, _ in collection.queries)
    return f"\n{collection.name}: {len(collection.documents):,} documents, {judged:,} queries\n"


def main() -> None:
    """Print a table for each collection."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("folders", nargs="+", type=Path, help="collections in BEIR's format")
    parser.add_argument("--engines", nargs="+", choices=ENGINES, default=[*ENGINES])
    chosen = parser.parse_args()
    for folder in chosen.folders:
        collection = read_collection(folder)
        print(format_title(collection))
        print(HEADER)
        for figures in measure(collection, chosen.engines):
            print(format_row(figures), flush=True)


if __name__ == "__main__":
    main()
