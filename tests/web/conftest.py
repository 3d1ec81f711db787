from __future__ import annotations

from pathlib import Path

import pytest
from flask import Flask

from app import create_app
from recommender.config import ROOT, Settings
from tests.web.client import PageClient


@pytest.fixture(scope="session")
def app(tmp_path_factory: pytest.TempPathFactory) -> Flask:
    """The application with an instance folder of its own."""
    instance: Path = tmp_path_factory.mktemp("instance")
    app = create_app(Settings(instance=instance, data=ROOT / "data", secret_key="test-key " * 8))
    app.test_client_class = PageClient
    return app


@pytest.fixture
def client(app: Flask) -> PageClient:
    """A visitor who reads every page with care."""
    client = app.test_client()
    assert isinstance(client, PageClient)
    return client
