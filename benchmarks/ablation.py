"""What each choice of the engine brings: `python -m benchmarks.ablation DIR [DIR …]`.

Each variant changes constants for the run and puts them back; the collections are indexed
once for each.
"""

from __future__ import annotations

import argparse
from collections.abc import Iterator, Mapping
from contextlib import ExitStack, contextmanager
from pathlib import Path
from types import ModuleType

from benchmarks.relevance import HEADER, format_row, format_title
from recommender import ranking, retrieval
from recommender.evaluation import Collection, evaluate, own_engine, read_collection
from recommender.index import fields

Change = tuple[ModuleType, str, object]
OFF = float("inf")

VARIANTS: Mapping[str, tuple[Change, ...]] = {
    "as published": (),
    "no smoothing": ((retrieval, "SMOOTHING", 0.0),),
    "no feedback": ((retrieval, "FEEDBACK_WEIGHT", 0.0),),
    "neither": ((retrieval, "SMOOTHING", 0.0), (retrieval, "FEEDBACK_WEIGHT", 0.0)),
    "feedback of all best listings alike": ((retrieval, "FEEDBACK_SHARPNESS", 0),),
    "more feedback": ((retrieval, "FEEDBACK_WEIGHT", 0.8),),
    "length of fields not normalised": (
        (
            fields,
            "FIELDS",
            tuple(fields.Field(f.name, f.weight, 0.0, f.terms) for f in fields.FIELDS),
        ),
    ),
    "term frequency saturates at once (k1 0.9)": ((fields, "SATURATION", 0.9),),
    "term frequency saturates late (k1 1.5)": ((fields, "SATURATION", 1.5),),
    "names count no extra": ((ranking, "NAME_LIKELY", OFF),),
}


@contextmanager
def changed(changes: tuple[Change, ...]) -> Iterator[None]:
    """Set constants of modules for a while."""
    with ExitStack() as stack:
        for module, name, value in changes:
            stack.callback(setattr, module, name, getattr(module, name))
            setattr(module, name, value)
        yield


def report(collection: Collection) -> None:
    """Print how every variant does on one collection."""
    print(format_title(collection))
    print(HEADER.replace("engine", "variant"))
    for name, changes in VARIANTS.items():
        with changed(changes):
            print(format_row(evaluate(collection, name, own_engine(collection))), flush=True)


def main() -> None:
    """Print a table for each collection."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("folders", nargs="+", type=Path, help="collections in BEIR's format")
    for folder in parser.parse_args().folders:
        report(read_collection(folder))


if __name__ == "__main__":
    main()
