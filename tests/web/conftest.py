from __future__ import annotations

from pathlib import Path

import pytest
from flask import Flask

from app import create_app
from recommender import store
from recommender.config import ROOT, Settings
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
def directory_app(directory: Settings) -> Flask:
    """The application over the committed directory; tests must not change its listings."""
    app = create_app(directory)
    app.test_client_class = PageClient
    return app
