"""What the tests of the desk share."""

from __future__ import annotations

from pathlib import Path

import pytest

from recommender.config import Settings
from recommender.index import Index
from recommender.models import Nonprofit, Tag, TermMapping
from recommender.store.accounts import Role
from tests.web.desk import DeskClient, sign_in
from tests.web.desk.shelves import Desk, World, make_app, make_instance
from tests.web.small_site import make_bare_site


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


@pytest.fixture(scope="session")
def bare_site(
    tmp_path_factory: pytest.TempPathFactory,
    catalogue: tuple[Nonprofit, ...],
    taxonomy: tuple[Tag, ...],
) -> Settings:
    """The test catalogue, never published, to be copied."""
    return make_bare_site(tmp_path_factory.mktemp("bare"), catalogue, taxonomy)


@pytest.fixture(scope="module")
def reader(tmp_path_factory: pytest.TempPathFactory, bare_site: Settings) -> DeskClient:
    """An editor who changes no listing, over the test catalogue as it is."""
    return sign_in(make_app(bare_site, tmp_path_factory.mktemp("reader")), Role.EDITOR)


@pytest.fixture
def desk(tmp_path: Path, small_site: Settings) -> Desk:
    """A desk of its own."""
    return Desk(make_app(small_site, tmp_path))


@pytest.fixture(scope="module")
def still_desk(tmp_path_factory: pytest.TempPathFactory, small_site: Settings) -> Desk:
    """A desk for tests that change nothing."""
    return Desk(make_app(small_site, tmp_path_factory.mktemp("still")))
