"""What each choice of the engine brings: `python -m benchmarks.ablation [DIR …]`.

Each variant changes constants for the run and puts them back. It is measured on the judged
donors of `data/judged`, for which the engine runs whole, and on collections, which have words only.
"""

from __future__ import annotations

import argparse
from collections.abc import Iterator, Mapping, Sequence
from contextlib import ExitStack, closing, contextmanager
from dataclasses import dataclass, replace
from pathlib import Path
from types import ModuleType

from benchmarks.judged import Judged, is_for_tuning, measure, our_engine, read_judged
from recommender import query, ranking, retrieval, store
from recommender.config import load_settings
from recommender.evaluation import Collection, evaluate, own_engine, read_collection
from recommender.geo import Gazetteer
from recommender.index import BuildInputs, build_index, fields
from recommender.publish import open_gazetteer, read_inputs

Change = tuple[ModuleType, str, object]
OFF = float("inf")


def _with_fields(**changes: float) -> tuple[Change, ...]:
    """The parts of a listing, some of them with another weight."""
    kept = tuple(replace(f, weight=changes.get(f.name, f.weight)) for f in fields.FIELDS)
    return ((fields, "FIELDS", kept),)


def _with_length_norm(b: float) -> tuple[Change, ...]:
    kept = tuple(replace(f, length_norm=b if f.length_norm else 0.0) for f in fields.FIELDS)
    return ((fields, "FIELDS", kept),)


VARIANTS: Mapping[str, tuple[Change, ...]] = {
    "as published": (),
    "no smoothing over neighbours": ((retrieval, "SMOOTHING", 0.0),),
    "smoothing 0.3": ((retrieval, "SMOOTHING", 0.3),),
    "smoothing 0.5": ((retrieval, "SMOOTHING", 0.5),),
    "no feedback": ((retrieval, "FEEDBACK_WEIGHT", 0.0),),
    "twice the feedback": ((retrieval, "FEEDBACK_WEIGHT", 0.8),),
    "feedback of all best listings alike": ((retrieval, "FEEDBACK_SHARPNESS", 0),),
    "feedback of 5 listings": ((retrieval, "FEEDBACK_LISTINGS", 5),),
    "neither": ((retrieval, "SMOOTHING", 0.0), (retrieval, "FEEDBACK_WEIGHT", 0.0)),
    "lengths not normalised (b 0)": _with_length_norm(0.0),
    "lengths normalised more (b 0.75)": _with_length_norm(0.75),
    "k1 0.9": ((fields, "SATURATION", 0.9),),
    "k1 1.5": ((fields, "SATURATION", 1.5),),
    "names weigh as descriptions do": _with_fields(name=1.0),
    "names weigh double": _with_fields(name=2.0),
    "no tags in listings": _with_fields(concepts=0.0, synonyms=0.0),
    "tags without their words": _with_fields(synonyms=0.0),
    "concepts weigh as words do": ((query, "CONCEPT_WEIGHT", 1.0), (query, "CHIP_WEIGHT", 1.0)),
    "no further words of a concept": ((query, "EXPANSION_WEIGHT", 0.0),),
    "broad interests weigh in full": ((ranking, "BROAD_SPECIFICITY", 1.0),),
    "near copies stay in place": ((ranking, "LOOK_ALIKE", OFF),),
    "names count no extra": ((ranking, "NAME_LIKELY", OFF),),
}


@dataclass(frozen=True, kw_only=True)
class Bench:
    """What every variant is measured on."""

    inputs: BuildInputs
    judged: Judged
    gazetteer: Gazetteer
    collections: Sequence[Collection] = ()


@contextmanager
def changed(changes: tuple[Change, ...]) -> Iterator[None]:
    """Set constants of modules for a while."""
    with ExitStack() as stack:
        for module, name, value in changes:
            stack.callback(setattr, module, name, getattr(module, name))
            setattr(module, name, value)
        yield


def open_bench(folders: Sequence[Path]) -> Bench:
    """Read the catalogue, the judged donors and the collections."""
    settings = load_settings()
    with closing(store.connect(settings.database)) as db:
        return Bench(
            inputs=read_inputs(db),
            judged=read_judged(settings.data / "judged"),
            gazetteer=open_gazetteer(settings),
            collections=tuple(read_collection(folder) for folder in folders),
        )


def measure_variant(name: str, bench: Bench) -> list[str]:
    """The figures of one variant, as they stand in the table."""
    with changed(VARIANTS[name]):
        engine = our_engine(build_index(bench.inputs), bench.gazetteer)
        donors = bench.judged.donors
        halves = [
            [donor for donor in donors if is_for_tuning(donor) is tuning]
            for tuning in (True, False)
        ]
        figures = [f"{measure(bench.judged, half, engine)[0]:.3f}" for half in halves]
        for collection in bench.collections:
            found = evaluate(collection, name, own_engine(collection))
            figures.append(f"{found.ndcg_at_10:.3f} ({found.recall_at_100:.3f})")
    return figures


def main() -> None:
    """Print the table: nDCG@10, and for collections recall@100 in brackets."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("folders", nargs="*", type=Path, help="collections in BEIR's format")
    bench = open_bench(parser.parse_args().folders)
    names = ["judged, tune", "judged, test", *(each.name for each in bench.collections)]
    print(f"| variant | {' | '.join(names)} |\n|---|{'---|' * len(names)}")
    for name in VARIANTS:
        print(f"| {name} | {' | '.join(measure_variant(name, bench))} |", flush=True)


if __name__ == "__main__":
    main()
