"""Builds and answers at growing sizes: `python -m benchmarks.scale BMF MISSIONS --work DIR`.

The listings are composed for measuring (see `benchmarks.corpus`). Generations are kept below DIR
with what their build cost, and are built again only when the code that builds them has changed,
or not at all with `--keep`. All engines are asked in turn, query by query, so that all see the
machine in the same state. The others search the texts for ten documents; ours also reads tags and
phrases, weighs place, applies filters to every third query, and gives the reasons of ten listings.
"""

from __future__ import annotations

import argparse
import gc
import json
import resource
import subprocess
import sys
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import asdict, dataclass, replace
from functools import partial
from hashlib import sha256
from importlib.util import find_spec
from pathlib import Path
from shutil import rmtree
from time import perf_counter, process_time
from typing import Any

import numpy as np

from benchmarks import peers
from benchmarks.corpus import Files, add_files, read_corpus
from benchmarks.matching import measure_cold_start, measure_memory
from benchmarks.plot import Panel, draw
from benchmarks.workload import as_collection, read_workload
from recommender.config import ROOT, load_settings
from recommender.evaluation import Retrieve
from recommender.index import (
    Index,
    build_index,
    load_current,
    publish_generation,
    write_generation,
)
from recommender.models import DonorProfile, Filters, Place, Reach
from recommender.pipeline import recommend

SIZES = (1_000, 20_000, 300_000)
GROWTH_SIZES = (1_000, 3_000, 10_000, 30_000, 100_000, 300_000)
N_RESULTS = 10
N_WORKERS = 3
OURS = "recommend, 10 with place, filters and reasons"
SLOW = ("SQLite FTS5", "scikit-learn, defaults")
"""Asked in the first round only, from a size on at which they need a second for a few queries."""
SLOW_FROM = 100_000
BUILD_CODE = ("index", "geo", "text.py", "models.py")

ENGINES: Mapping[str, Callable[..., Retrieve]] = {
    "bm25s, numba": partial(peers.bm25s, backend="numba"),
    "bm25s, numpy": peers.bm25s,
    "tantivy": peers.tantivy,
    "SQLite FTS5": peers.fts5,
    "scikit-learn, defaults": peers.sklearn,
}


@dataclass(frozen=True, kw_only=True)
class Build:
    """What the build of a generation cost: seconds, and bytes."""

    size: int
    code: str
    processor_s: float
    wall_s: float
    write_s: float
    neighbours_s: float
    rss_before: int
    peak_rss: int
    on_disk: int


@dataclass(frozen=True, kw_only=True)
class Ask:
    """One question: to us a profile, to others its words."""

    profile: DonorProfile

    @property
    def text(self) -> str:
        """The words."""
        return self.profile.text


@dataclass(frozen=True, kw_only=True)
class Answers:
    """Milliseconds of processor time of each answer of one engine."""

    milliseconds: Sequence[float]

    @property
    def p50(self) -> float:
        """The median."""
        return float(np.percentile(self.milliseconds, 50))

    @property
    def p99(self) -> float:
        """The 99th percentile."""
        return float(np.percentile(self.milliseconds, 99))

    @property
    def per_second(self) -> float:
        """Answers a second of one core."""
        return 1000 * len(self.milliseconds) / sum(self.milliseconds)


def digest_code() -> str:
    """What the code is that decides what a generation holds, and what it costs."""
    parts = [ROOT / "recommender" / part for part in BUILD_CODE]
    files = [file for part in parts for file in (sorted(part.glob("*.py")) or [part])]
    files.append(ROOT / "benchmarks" / "corpus.py")
    return sha256(b"".join(file.read_bytes() for file in files)).hexdigest()


def build_all(files: Files, work: Path, sizes: Sequence[int], *, keep: bool = False) -> list[Build]:
    """A generation of each size below `work`, each built by a process of its own.

    One that is there and was built by the code as it is now, or by any with `keep`, is taken.
    """
    for size in sizes:
        built = _read_build(work, size)
        if built is None or not (keep or built.code == digest_code()):
            print(f"Building an index of {size:,} listings …", file=sys.stderr, flush=True)
            arguments = [
                str(files.bmf),
                str(files.missions),
                "--work",
                str(work),
                "--build",
                str(size),
            ]
            command = [sys.executable, "-m", "benchmarks.scale", *arguments]
            subprocess.run(command, check=True, cwd=ROOT)
    builds = [_read_build(work, size) for size in sizes]
    return [build for build in builds if build]


def _read_build(work: Path, size: int) -> Build | None:
    try:
        return Build(**json.loads((work / f"{size}.json").read_text()))
    except (FileNotFoundError, TypeError):
        return None


def build_one(files: Files, work: Path, size: int) -> Build:
    """Compose, build, write and publish one size, and write down what it cost."""
    code = digest_code()
    inputs = read_corpus(files, size).inputs(size)
    rss_before, clock = _peak_rss(), _Stages()
    started, started_wall = process_time(), perf_counter()
    index = build_index(inputs, progress=clock)
    built, built_wall = process_time(), perf_counter()
    generation = write_generation(index, work / str(size))
    publish_generation(work / str(size), generation)
    for other in (work / str(size)).glob("[0-9]*"):
        if other.name != generation:
            rmtree(other)
    written = (work / str(size) / generation).iterdir()
    build = Build(
        size=size,
        code=code,
        processor_s=built - started,
        wall_s=built_wall - started_wall,
        write_s=process_time() - built,
        neighbours_s=clock.seconds.get("neighbours", 0.0),
        rss_before=rss_before,
        peak_rss=_peak_rss(),
        on_disk=sum(file.stat().st_size for file in written),
    )
    (work / f"{size}.json").write_text(json.dumps(asdict(build)))
    return build


class _Stages:
    """Processor seconds of each stage of a build, from its first report to its last."""

    def __init__(self) -> None:
        self.seconds: dict[str, float] = {}
        self._last = process_time()

    def __call__(self, stage: str, done: int, total: int) -> None:
        now = process_time()
        self.seconds[stage] = self.seconds.get(stage, 0.0) + now - self._last
        self._last = now
        print(f"\r{stage} {done:,} of {total:,}    ", end="", file=sys.stderr, flush=True)


def _peak_rss() -> int:
    return 1024 * resource.getrusage(resource.RUSAGE_SELF).ru_maxrss


def make_asks(profiles: Sequence[DonorProfile], rounds: int) -> list[list[Ask]]:
    """The questions of each round: the same words, but each time near another place.

    Every third is narrowed: to a state where a place is given, else to two kinds of reach.
    """
    spoken = [profile for profile in profiles if profile.text]
    places = list(dict.fromkeys(profile.place for profile in spoken))
    return [
        [
            Ask(
                profile=_elsewhere(profile, places[(at + turn) % len(places)], (at + turn) % 3 == 0)
            )
            for at, profile in enumerate(spoken)
        ]
        for turn in range(rounds)
    ]


def _elsewhere(profile: DonorProfile, place: Place | None, is_narrowed: bool) -> DonorProfile:
    moved = replace(profile, place=place)
    if not is_narrowed:
        return moved
    if place is None:
        return replace(moved, filters=Filters(reach=(Reach.LOCAL, Reach.STATE)))
    return replace(moved, filters=Filters(states=(place.state,)))


def make_engines(index: Index) -> dict[str, Callable[[Ask], object]]:
    """Ours first, then all others that are installed, over the texts of the same listings."""
    engines: dict[str, Callable[[Ask], object]] = {
        OURS: lambda ask: recommend(ask.profile, index, n=N_RESULTS)
    }
    collection = as_collection(index)
    for name, make in ENGINES.items():
        if name == "bm25s, numba" and find_spec("numba") is None:
            print(f"\n{name} is left out: pip install -r benchmarks/requirements.txt")
            continue
        retrieve = make(collection, depth=N_RESULTS)
        engines[name] = lambda ask, retrieve=retrieve: retrieve(ask.text)  # type: ignore[misc]
    return engines


def compare(
    engines: Mapping[str, Callable[[Any], object]],
    rounds: Sequence[Sequence[Any]],
    *,
    once: Sequence[str] = (),
) -> dict[str, Answers]:
    """Ask every engine every question in turn; those of `once` in the first round only."""
    _warm_up(engines, rounds[0], once)
    taken: dict[str, list[float]] = {name: [] for name in engines}
    for turn, asks in enumerate(rounds):
        asked = {name: ask for name, ask in engines.items() if not turn or name not in once}
        for one in asks:
            for name, answer in asked.items():
                started = process_time()
                answer(one)
                taken[name].append(1000 * (process_time() - started))
    return {name: Answers(milliseconds=times) for name, times in taken.items()}


def _warm_up(
    engines: Mapping[str, Callable[[Any], object]], asks: Sequence[Any], once: Sequence[str]
) -> None:
    for name, answer in engines.items():
        for one in asks[:2] if name in once else asks:
            answer(one)


def format_builds(builds: Sequence[Build]) -> Iterator[str]:
    """The table of builds."""
    yield (
        "| listings | build, processor s | of it neighbours | writing | ms per listing "
        "| listings in memory, MB | peak, MB | on disk, MB | bytes per listing |"
    )
    yield "|---|---|---|---|---|---|---|---|---|"
    for build in builds:
        each = 1000 * build.processor_s / build.size
        yield (
            f"| {build.size:,} | {build.processor_s:.1f} | {build.neighbours_s:.1f} "
            f"| {build.write_s:.1f} | {each:.2f} | {build.rss_before / 1e6:,.0f} "
            f"| {build.peak_rss / 1e6:,.0f} | {build.on_disk / 1e6:,.1f} "
            f"| {build.on_disk / build.size:,.0f} |"
        )


def format_answers(answers: Mapping[str, Answers]) -> Iterator[str]:
    """The table of one size; the last column is the mean time against ours."""
    ours = next(iter(answers.values()))
    yield "| engine | p50 ms | p99 ms | queries/s of a core | time against ours |"
    yield "|---|---|---|---|---|"
    for name, each in answers.items():
        ratio = ours.per_second / each.per_second
        yield f"| {name} | {each.p50:.2f} | {each.p99:.2f} | {each.per_second:.0f} | {ratio:.2f} |"


def measure_size(work: Path, size: int, rounds: int) -> dict[str, Answers]:
    """Ask all engines at one size."""
    index = load_current(work / str(size))
    asks = make_asks(read_workload(load_settings()).profiles, rounds)
    engines = make_engines(index)
    # The collector would walk what the other engines hold each time that ours makes garbage.
    gc.freeze()
    return compare(engines, asks, once=SLOW if size >= SLOW_FROM else ())


def measure_growth(
    work: Path, sizes: Sequence[int], asks: Sequence[Sequence[Ask]]
) -> dict[int, Answers]:
    """Ask only ours at each size."""
    return {
        size: compare({OURS: make_ours(load_current(work / str(size)))}, asks)[OURS]
        for size in sizes
    }


def make_ours(index: Index) -> Callable[[Ask], object]:
    """Our engine alone."""
    return lambda ask: recommend(ask.profile, index, n=N_RESULTS)


def format_growth(builds: Sequence[Build], answers: Mapping[int, Answers]) -> Iterator[str]:
    """The table behind the plot."""
    yield "| listings | build, ms each | match p50 ms | match p99 ms | µs per 1,000 listings |"
    yield "|---|---|---|---|---|"
    for build in builds:
        each, asked = 1000 * build.processor_s / build.size, answers[build.size]
        mean = 1e6 / asked.per_second / (build.size / 1000)
        yield f"| {build.size:,} | {each:.2f} | {asked.p50:.2f} | {asked.p99:.2f} | {mean:.0f} |"


def _print_lines(lines: Iterator[str]) -> None:
    print("\n" + "\n".join(lines), flush=True)


def _print_size(work: Path, size: int, rounds: int) -> None:
    print(f"\n### {size:,} listings, {rounds} rounds", flush=True)
    _print_lines(format_answers(measure_size(work, size, rounds)))
    generations = work / str(size)
    first = measure_cold_start(generations, times=3)
    print(f"\nCold worker, first answer after {first:.2f} s")
    for number, memory in enumerate(measure_memory(generations, n_workers=N_WORKERS), start=1):
        print(f"Worker {number}: " + ", ".join(f"{k} {v:.0f} MB" for k, v in memory.items()))


def _print_growth(chosen: argparse.Namespace, files: Files) -> None:
    builds = build_all(files, chosen.work, chosen.growth_sizes, keep=chosen.keep)
    asks = make_asks(read_workload(load_settings()).profiles, chosen.rounds)
    answers = measure_growth(chosen.work, chosen.growth_sizes, asks)
    _print_lines(format_growth(builds, answers))
    each = {build.size: 1000 * build.processor_s / build.size for build in builds}
    median = {size: asked.p50 for size, asked in answers.items()}
    panels = (
        Panel(title="Build: milliseconds per listing", points=each),
        Panel(title="One match: milliseconds, median", points=median),
    )
    chosen.growth.write_text(draw(panels, x_label="listings"), encoding="utf-8")


def main() -> None:
    """Print the tables."""
    parser = argparse.ArgumentParser(description=__doc__)
    add_files(parser)
    parser.add_argument("--work", type=Path, required=True, help="where generations are kept")
    parser.add_argument("--sizes", type=int, nargs="*", default=SIZES)
    parser.add_argument("--rounds", type=int, default=4, help="how often each query is asked")
    parser.add_argument("--keep", action="store_true", help="build only what is not there at all")
    parser.add_argument("--growth", type=Path, help="draw how costs grow into this SVG file")
    parser.add_argument("--growth-sizes", type=int, nargs="+", default=GROWTH_SIZES)
    parser.add_argument("--build", type=int, help=argparse.SUPPRESS)
    chosen = parser.parse_args()
    files = Files(bmf=chosen.bmf, missions=chosen.missions)
    chosen.work.mkdir(parents=True, exist_ok=True)
    if chosen.build:
        build_one(files, chosen.work, chosen.build)
        return
    builds = build_all(files, chosen.work, chosen.sizes, keep=chosen.keep)
    _print_lines(format_builds(builds))
    for size in chosen.sizes:
        _print_size(chosen.work, size, chosen.rounds)
    if chosen.growth:
        _print_growth(chosen, files)


if __name__ == "__main__":
    main()
