"""A small published directory, made once and copied for every test that changes it."""

from __future__ import annotations

import json
import os
import shutil
from collections.abc import Iterable
from contextlib import closing
from dataclasses import replace
from functools import cache
from pathlib import Path

import pytest
import zipcodes
from flask import Flask

from app import create_app
from recommender import store
from recommender.config import ROOT, Settings
from recommender.geo import build_gazetteer
from recommender.index import build_index, publish_generation, write_generation
from recommender.models import Nonprofit, Tag
from recommender.publish import read_inputs
from recommender.store.catalog import load_nonprofits, load_tags
from recommender.web import Serving
from tests.small_world import NO_ALIASES, zip_records
from tests.web.client import PageClient


class Idle:
    """A queue that does nothing, so that no test publishes behind its own back."""

    def soon(self, *_: object) -> None:
        """Forget a job."""


def make_bare_site(folder: Path, records: Iterable[Nonprofit], tags: Iterable[Tag]) -> Settings:
    """An instance that holds the records and has published nothing."""
    settings = Settings(instance=folder, data=ROOT / "data", secret_key="test-key " * 8)
    with closing(store.connect(settings.database)) as db:
        store.migrate(db)
        load_tags(db, tuple(tags))
        load_nonprofits(db, records)
    return settings


def make_site(folder: Path, records: Iterable[Nonprofit], tags: Iterable[Tag]) -> Settings:
    """An instance that serves the records."""
    settings = make_bare_site(folder, records, tags)
    build_places(settings)
    publish(settings)
    return settings


def build_places(settings: Settings) -> None:
    """Give an instance the place tables of the small world."""
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(zipcodes, "list_all", zip_records)
        aliases = settings.instance / "places.json"
        aliases.write_text(json.dumps(NO_ALIASES), encoding="utf-8")
        settings.gazetteer.mkdir()
        build_gazetteer(aliases).save(settings.gazetteer)


@cache
def _make_app(template: Settings) -> Flask:
    app = create_app(template)
    app.extensions["background"] = Idle()
    app.test_client_class = PageClient
    return app


def copy_site(template: Settings, folder: Path) -> Flask:
    """An application on a copy of an instance: the same for all tests, so only one at a time."""
    settings = replace(template, instance=folder / "instance")
    settings.instance.mkdir()
    shutil.copy(template.database, settings.database)
    # No file of an index is written twice, so that a copy may share them.
    for part in (settings.index, settings.gazetteer):
        shutil.copytree(template.instance / part.name, part, copy_function=os.link)
    app = _make_app(template)
    app.config["WAYMARK"] = settings
    app.extensions["serving"] = Serving(settings.database)
    return app


def publish(settings: Settings) -> None:
    """Let what is in the store serve."""
    with closing(store.connect(settings.database)) as db:
        generation = write_generation(build_index(read_inputs(db)), settings.index)
    publish_generation(settings.index, generation)
