from __future__ import annotations

from collections.abc import Iterator
from dataclasses import replace

import pytest
from flask import Flask

from app import create_app
from recommender import store
from recommender.config import ROOT, Settings
from recommender.index import build_index, publish_generation, write_generation
from recommender.models import Nonprofit, Resource, Tag
from recommender.publish import read_inputs
from recommender.store.catalog import load_nonprofits, load_tags
from recommender.store.library import load_resources
from tests.web.client import PageClient

LONG_NAME = "Test Very Long Name " * 12


@pytest.fixture
def client(directory_app: Flask) -> PageClient:
    client = directory_app.test_client()
    assert isinstance(client, PageClient)
    return client


@pytest.fixture
def small(
    tmp_path_factory: pytest.TempPathFactory,
    directory_app: Flask,
    taxonomy: tuple[Tag, ...],
    catalogue: tuple[Nonprofit, ...],
) -> Iterator[tuple[PageClient, store.Database]]:
    """A site of made-up groups that a test may change, and its store."""
    instance = tmp_path_factory.mktemp("shared")
    settings = Settings(instance=instance, data=ROOT / "data", secret_key="test-key " * 8)
    settings.gazetteer.symlink_to(directory_app.config["WAYMARK"].gazetteer)
    db = store.connect(settings.database)
    store.migrate(db)
    load_tags(db, taxonomy)
    hostile = replace(catalogue[0], name='Test <script>alert("x")</script> & "Friends"')
    load_nonprofits(db, [hostile, *catalogue[1:]])
    publish_generation(
        settings.index, write_generation(build_index(read_inputs(db)), settings.index)
    )
    load_resources(db, [_piece()])
    app = create_app(settings)
    app.test_client_class = PageClient
    client = app.test_client()
    assert isinstance(client, PageClient)
    yield client, db
    db.close()


def _piece() -> Resource:
    return Resource(
        slug="test-piece",
        title="Test " + "headline of many words " * 20,
        url="https://news.example/piece",
        publisher="Test Publisher",
        kind="story",
        take_en=("A gist.", "A question?", "A step."),
        take_es=("Lo esencial.", "¿Una pregunta?", "Un paso."),
        body_en="It is about asylum.",
        body_es="Trata del asilo.",
    )
