"""What the tests of the desk's library share."""

from __future__ import annotations

from pathlib import Path

import pytest

from recommender.config import Settings
from recommender.index import Index
from recommender.models import Nonprofit, Tag, TermMapping
from tests.web.desk.shelves import Desk, World, make_app, make_instance


@pytest.fixture(scope="session")
def small_site(
    tmp_path_factory: pytest.TempPathFactory,
    index: Index,
    catalogue: tuple[Nonprofit, ...],
    taxonomy: tuple[Tag, ...],
    term_map: tuple[TermMapping, ...],
) -> Settings:
    """The small published directory with its library, to be copied."""
    world = World(index=index, catalogue=catalogue, taxonomy=taxonomy, term_map=term_map)
    return make_instance(tmp_path_factory.mktemp("small"), world)


@pytest.fixture
def desk(tmp_path: Path, small_site: Settings) -> Desk:
    """A desk of its own."""
    return Desk(make_app(small_site, tmp_path))


@pytest.fixture(scope="module")
def still_desk(tmp_path_factory: pytest.TempPathFactory, small_site: Settings) -> Desk:
    """A desk for tests that change nothing."""
    return Desk(make_app(small_site, tmp_path_factory.mktemp("still")))
