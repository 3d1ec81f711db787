"""What a request reads from the store, and when it reads again."""

from __future__ import annotations

import shutil
from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path

import pytest
from flask import Flask

from app import create_app
from recommender import store
from recommender.models import Status
from recommender.store.catalog import set_status
from recommender.web import get_db
from tests.web.client import PageClient

LISTING = "raices"


@pytest.fixture
def copied(directory_app: Flask, tmp_path: Path) -> Flask:
    """The directory over a store of its own, to be changed."""
    settings = directory_app.config["WAYMARK"]
    shutil.copytree(settings.instance, tmp_path / "copy")
    app = create_app(replace(settings, instance=tmp_path / "copy"))
    app.test_client_class = PageClient
    return app


@pytest.fixture
def editor(copied: Flask) -> Iterator[store.Database]:
    """Another process's connection to the same store."""
    db = store.connect(copied.config["WAYMARK"].database)
    yield db
    db.close()


@pytest.mark.parametrize("path", ["/", "/directory", f"/nonprofits/{LISTING}", "/es/learn"])
def test_a_page_asks_once_whether_the_catalogue_has_changed(copied: Flask, path: str) -> None:
    client = copied.test_client()
    asked: list[str] = []
    client.get(path)
    with copied.app_context():
        get_db().conn.set_trace_callback(asked.append)
    assert client.get(path).status_code == 200
    assert asked == ["SELECT value FROM meta WHERE key = 'catalog_revision'"]


def test_what_changes_in_the_store_is_shown_at_once(copied: Flask, editor: store.Database) -> None:
    client = copied.test_client()
    assert "Renamed by the editors" not in client.get("/").text
    editor.execute("UPDATE tags SET label_en = 'Renamed by the editors' WHERE slug = 'legal'")
    editor.execute("UPDATE guides SET title_en = 'A guide with another title' WHERE position = 0")
    page = client.get("/").text
    assert "Renamed by the editors" in page
    assert "A guide with another title" in page


def test_a_withdrawn_listing_is_gone_at_once(copied: Flask, editor: store.Database) -> None:
    client = copied.test_client()
    assert client.get(f"/nonprofits/{LISTING}").status_code == 200
    set_status(editor, LISTING, Status.WITHDRAWN)
    assert client.get(f"/nonprofits/{LISTING}").status_code == 410
