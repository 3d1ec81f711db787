from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest

from benchmarks import cluster
from recommender.index import BuildInputs, build_index
from recommender.models import Nonprofit, Tag


class Inline:
    """A cluster's client that does each task at once, in the order in which they come."""

    def __init__(self) -> None:
        self.n_tasks = 0

    def submit(self, task: Callable[..., Any], *arguments: Any) -> Any:
        self.n_tasks += 1
        return task(*arguments)

    def scatter(self, value: Any, *, broadcast: bool) -> Any:
        assert broadcast
        return value

    def gather(self, futures: list[Any]) -> list[Any]:
        return futures


@pytest.fixture
def inputs(crowd: tuple[Nonprofit, ...], taxonomy: tuple[Tag, ...]) -> BuildInputs:
    return BuildInputs(nonprofits=crowd, tags=taxonomy)


def test_a_build_by_blocks_equals_one_in_one_process_bit_by_bit(
    inputs: BuildInputs, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    size = len(inputs.nonprofits) // 3
    monkeypatch.setattr(cluster, "COUNT_BLOCK", size)
    monkeypatch.setattr(cluster, "FIND_BLOCK", size + 1)
    client = Inline()
    together = cluster.Cluster(client).build(inputs)
    assert client.n_tasks >= 6
    assert cluster.find_differences(build_index(inputs), together, tmp_path) == []


def test_what_differs_is_named(inputs: BuildInputs, tmp_path: Path) -> None:
    index = build_index(inputs)
    other = replace(index, similarities=index.similarities / 2, slugs=index.slugs[::-1])
    found = cluster.find_differences(index, other, tmp_path)
    assert found == ["similarities.npy", "slugs.json"]
