"""Speed and memory of matching in one process, on the published directory.

`python -m benchmarks.matching`, after `flask prepare`. The other engines only search the
texts; ours also weighs places and preferences and gives the reasons of every listing.
"""

from __future__ import annotations

import argparse
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path
from statistics import median
from time import perf_counter

from benchmarks.peers import PEERS
from benchmarks.workload import (
    Times,
    Workload,
    as_collection,
    read_books,
    read_workload,
    time_calls,
)
from recommender.config import Settings, load_settings
from recommender.geo import find_places
from recommender.index import Index, load_current
from recommender.pipeline import match_text, recommend, search, similar
from recommender.publish import open_gazetteer
from recommender.text import words

N_SIMILAR = 100
WORKER = """
import sys
from pathlib import Path
from recommender.index import load_current
from recommender.models import DonorProfile
from recommender.pipeline import recommend
recommend(DonorProfile(text="legal help for asylum seekers"), load_current(Path(sys.argv[1])))
print("ready", flush=True)
sys.stdin.read()
"""


def measure_ours(index: Index, workload: Workload, *, rounds: int) -> dict[str, Times]:
    """Times of every matching function."""
    return {
        "recommend, 10 with place and reasons": time_calls(
            lambda profile: recommend(profile, index, n=10), workload.profiles, rounds=rounds
        ),
        "search, 20 with facets": time_calls(
            lambda query: search(query, index), workload.searches, rounds=rounds
        ),
        "similar, 6 with reasons": time_calls(
            lambda slug: similar(slug, index), index.slugs[:N_SIMILAR], rounds=rounds
        ),
        "match_text, an article of 1,000 words": time_calls(
            lambda text: match_text(text, index), [workload.article] * 10, rounds=rounds
        ),
    }


def measure_books(index: Index, settings: Settings, *, rounds: int) -> Iterator[tuple[str, ...]]:
    """Each text of 10,000 words: its different words, those with a capital, and two medians.

    The times are those of matching it and of finding its places, in milliseconds.
    """
    gazetteer = open_gazetteer(settings)
    for name, profile in read_books(settings).items():
        said = {*profile.text.split()}
        capital = sum(word[0].isupper() for word in said)
        match = time_calls(lambda p: recommend(p, index, n=5), [profile], rounds=rounds)
        places = time_calls(lambda p: find_places(p.text, gazetteer), [profile], rounds=rounds)
        yield (
            name,
            f"{len({*words(profile.text)}):,}",
            f"{capital:,}",
            f"{match.p50:.1f}",
            f"{places.p50:.1f}",
        )


def measure_peers(index: Index, workload: Workload, *, rounds: int) -> dict[str, Times]:
    """Times of the other engines for the same texts."""
    collection = as_collection(index)
    texts = [profile.text for profile in workload.profiles if profile.text]
    return {
        name: time_calls(make(collection), texts, rounds=rounds) for name, make in PEERS.items()
    }


def measure_cold_start(generations: Path, *, times: int = 5) -> float:
    """Median seconds from starting Python to the first answer."""
    return median(_cold_start(generations) for _ in range(times))


def _cold_start(generations: Path) -> float:
    started = perf_counter()
    with _start_worker(generations):
        return perf_counter() - started


def measure_memory(generations: Path, *, n_workers: int = 3) -> list[dict[str, float]]:
    """Megabytes of each of several workers at once: proportional, private and resident."""
    workers = [_start_worker(generations) for _ in range(n_workers)]
    try:
        return [_read_memory(worker.pid) for worker in workers]
    finally:
        for worker in workers:
            worker.communicate("")


def _start_worker(generations: Path) -> subprocess.Popen[str]:
    worker = subprocess.Popen(
        [sys.executable, "-c", WORKER, str(generations)],
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
        text=True,
    )
    assert worker.stdout is not None
    if worker.stdout.readline() != "ready\n":
        raise RuntimeError("A worker did not answer.")
    return worker


def _read_memory(pid: int) -> dict[str, float]:
    lines = Path(f"/proc/{pid}/smaps_rollup").read_text().splitlines()[1:]
    kilobytes = {name: int(rest.split()[0]) for name, rest in (line.split(":") for line in lines)}
    private = kilobytes["Private_Clean"] + kilobytes["Private_Dirty"]
    return {"PSS": kilobytes["Pss"] / 1e3, "private": private / 1e3, "RSS": kilobytes["Rss"] / 1e3}


def _print_times(times: dict[str, Times], reference: Times) -> None:
    for name, each in times.items():
        ratio = each.p50 / reference.p50
        print(f"| {name} | {each.p50:.2f} | {each.p99:.2f} | {ratio:.2f} |", flush=True)


def main() -> None:
    """Print the tables."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--rounds", type=int, default=5, help="how often each is asked")
    rounds = parser.parse_args().rounds
    settings = load_settings()
    index, workload = load_current(settings.index), read_workload(settings)
    print(f"\n{len(index):,} listings, {len(workload.profiles)} profiles, {rounds} rounds\n")
    print("| what | p50 ms | p99 ms | against recommend |\n|---|---|---|---|")
    ours = measure_ours(index, workload, rounds=rounds)
    reference = next(iter(ours.values()))
    _print_times(ours, reference)
    _print_times(measure_peers(index, workload, rounds=rounds), reference)
    print("\n| 10,000 words | different | with a capital | match ms | places ms |")
    print("|---|---|---|---|---|")
    for row in measure_books(index, settings, rounds=rounds):
        print(f"| {' | '.join(row)} |", flush=True)
    print(f"\nCold worker, first answer after {measure_cold_start(settings.index):.2f} s")
    for number, memory in enumerate(measure_memory(settings.index), start=1):
        print(f"Worker {number}: " + ", ".join(f"{k} {v:.0f} MB" for k, v in memory.items()))


if __name__ == "__main__":
    main()
