from __future__ import annotations

from pathlib import Path

import pytest
from flask import Flask

from app import create_app
from recommender import store
from recommender.config import ROOT, Settings
from recommender.importers.directory import read_directory
from recommender.index import build_index, publish_generation, write_generation
from recommender.publish import open_gazetteer, read_inputs
from recommender.store.catalog import load_catalog
from tests.web.client import PageClient


def _settings(instance: Path) -> Settings:
    return Settings(instance=instance, data=ROOT / "data", secret_key="test-key " * 8)


@pytest.fixture(scope="session")
def app(tmp_path_factory: pytest.TempPathFactory) -> Flask:
    """The application with an instance folder of its own and an empty store."""
    settings = _settings(tmp_path_factory.mktemp("instance"))
    db = store.connect(settings.database)
    store.migrate(db)
    db.close()
    app = create_app(settings)
    app.test_client_class = PageClient
    return app


@pytest.fixture
def client(app: Flask) -> PageClient:
    """A visitor who reads every page with care."""
    client = app.test_client()
    assert isinstance(client, PageClient)
    return client


@pytest.fixture(scope="session")
def directory_app(tmp_path_factory: pytest.TempPathFactory) -> Flask:
    """The application over the committed directory; tests must not change its listings."""
    settings = _settings(tmp_path_factory.mktemp("directory"))
    db = store.connect(settings.database)
    store.migrate(db)
    load_catalog(db, read_directory(settings.data, open_gazetteer(settings)).contents)
    generation = write_generation(build_index(read_inputs(db)), settings.index)
    publish_generation(settings.index, generation)
    db.close()
    app = create_app(settings)
    app.test_client_class = PageClient
    return app
