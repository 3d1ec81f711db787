"""A build spread over a Dask cluster: `python -m benchmarks.cluster BMF MISSIONS --work DIR`.

Two stages of a build take nearly all of its time, and both go by blocks of listings: counting
the terms of every field, and finding neighbours. Here each block is a task of a cluster of local
worker processes; the other stages are the same code as ever. The generation must equal that of
the build in one process file by file, bit by bit; if it does not, the command fails.
"""

from __future__ import annotations

import argparse
import sys
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from time import perf_counter
from typing import Any

import numpy as np

from benchmarks.corpus import Files, add_files, read_corpus
from recommender.index import BuildInputs, Index, build_index, read_manifest, write_generation
from recommender.index.arrays import Floats, Ints
from recommender.index.counts import Counts, count_block, join_blocks
from recommender.index.fields import TagTexts
from recommender.index.neighbours import Units, find_block
from recommender.models import Nonprofit

SIZE = 20_000
N_WORKERS = 2
COUNT_BLOCK = 2_000
FIND_BLOCK = 1_024
"""Listings in one task of each stage. A task takes seconds, of which Dask needs milliseconds."""


@dataclass(frozen=True)
class Cluster:
    """The two stages as tasks of a cluster; `client` is a `dask.distributed.Client`."""

    client: Any

    def build(self, inputs: BuildInputs) -> Index:
        """The index that `build_index` makes in one process."""
        return build_index(inputs, count=self.count, find=self.find)

    def count(self, nonprofits: Sequence[Nonprofit], spoken: TagTexts, *_: object) -> Counts:
        """`count_block` for all listings, by blocks."""
        blocks = [nonprofits[span] for span in _spans(len(nonprofits), COUNT_BLOCK)]
        counted = [self.client.submit(count_block, block, spoken) for block in blocks]
        return join_blocks(self.client.gather(counted))

    def find(self, units: Units, *_: object) -> tuple[Ints, Floats]:
        """`find_block` for all listings, by blocks; each worker is sent the matrix once."""
        shared = self.client.scatter(units, broadcast=True)
        spans = _spans(len(units), FIND_BLOCK)
        found = self.client.gather(
            [self.client.submit(find_block, shared, span.start, span.stop) for span in spans]
        )
        columns, cosines = zip(*found, strict=True)
        return np.concatenate(columns), np.concatenate(cosines)


def _spans(total: int, size: int) -> list[slice]:
    return [slice(at, min(at + size, total)) for at in range(0, total, size)]


def find_differences(left: Index, right: Index, work: Path) -> list[str]:
    """The files in which the generations of two indexes differ, once both are written."""
    one, other = (_checksums(index, work) for index in (left, right))
    return sorted(name for name in one.keys() | other.keys() if one.get(name) != other.get(name))


def _checksums(index: Index, work: Path) -> Mapping[str, str]:
    checksums: Mapping[str, str] = read_manifest(work, write_generation(index, work))["checksums"]
    return checksums


def _timed(build: Callable[[BuildInputs], Index], inputs: BuildInputs) -> tuple[Index, float]:
    started = perf_counter()
    return build(inputs), perf_counter() - started


def main() -> None:
    """Build both ways, compare, and say how long each took."""
    parser = argparse.ArgumentParser(description=__doc__)
    add_files(parser)
    parser.add_argument("--work", type=Path, required=True, help="where generations are written")
    parser.add_argument("--size", type=int, default=SIZE)
    parser.add_argument("--workers", type=int, default=N_WORKERS)
    chosen = parser.parse_args()
    from dask.distributed import Client, LocalCluster

    files = Files(bmf=chosen.bmf, missions=chosen.missions)
    inputs = read_corpus(files, chosen.size).inputs(chosen.size)
    alone, seconds_alone = _timed(build_index, inputs)
    workers = {"n_workers": chosen.workers, "threads_per_worker": 1, "dashboard_address": None}
    with LocalCluster(**workers) as cluster, Client(cluster) as client:
        together, seconds_together = _timed(Cluster(client).build, inputs)
    print("| build | wall s |\n|---|---|")
    print(f"| one process | {seconds_alone:.1f} |")
    print(f"| Dask, {chosen.workers} workers of 1 thread | {seconds_together:.1f} |")
    differing = find_differences(alone, together, chosen.work / "cluster")
    if differing:
        sys.exit(f"The two generations differ in {', '.join(differing)}.")
    print(f"\n{chosen.size:,} listings: every file of both generations is the same, bit by bit.")


if __name__ == "__main__":
    main()
