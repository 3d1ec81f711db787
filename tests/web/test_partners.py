from __future__ import annotations

import pytest
from flask import Flask

from tests.web.client import PageClient


@pytest.fixture
def client(directory_app: Flask) -> PageClient:
    client = directory_app.test_client()
    assert isinstance(client, PageClient)
    return client


@pytest.mark.parametrize("path", ["", "/docs", "/builder", "/preview"])
@pytest.mark.parametrize("language", ["", "/es"])
def test_a_page(client, path, language):
    r = client.get(f"{language}/partners{path}")
    assert r.status_code == 200
