"""The desk over a small published directory with a library of its own, for its tests."""

from __future__ import annotations

import json
import shutil
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

import pytest
import zipcodes
from flask import Flask

from app import create_app
from recommender import store
from recommender.config import ROOT, Settings
from recommender.geo import build_gazetteer
from recommender.index import Index, publish_generation, write_generation
from recommender.models import Guide, KeyFact, Nonprofit, Resource, Tag, TermMapping
from recommender.store import Database
from recommender.store.accounts import Role
from recommender.store.catalog import (
    get_catalog_revision,
    load_guides,
    load_nonprofits,
    load_resources,
    load_tags,
    load_term_map,
)
from recommender.store.library_history import LibraryRevision, list_pending
from tests.small_world import NO_ALIASES, zip_records
from tests.web.client import PageClient
from tests.web.desk import DeskClient, sign_in

GOLDEN = [
    {
        "id": "clinic",
        "kind": "match",
        "language": "en",
        "text": "clinic",
        "expect": {"in_top": {"slugs": ["test-houston-clinic"], "n": 1, "at_least": 1}},
    },
    {
        "id": "papers",
        "kind": "match",
        "language": "es",
        "text": "papeles",
        "expect": {"no_close_match": True},
    },
]
TOPICS = (
    Tag(kind="topics", slug="sanctuary", label_en="Sanctuary", label_es="Santuario"),
    Tag(kind="topics", slug="giving", label_en="Giving well", label_es="Dar bien"),
)
PIECE = Resource(
    slug="test-piece",
    title="A test of asylum",
    url="https://news.example.org/asylum",
    publisher="Test Press",
    author="Test Author",
    published="2026-03-31",
    kind="article",
    topics=("legal-services", "asylum-seekers"),
    places=("Portland, ME",),
    take_en=("Test Author tells of asylum lawyers.", "Who helps near you?", "Ask them."),
    take_es=("Test Author habla de abogados de asilo.", "¿Quién ayuda cerca?", "Pregunte."),
    body_en="The piece speaks of asylum seekers and of lawyers.",
    body_es="El texto habla de solicitantes de asilo y de abogados.",
)
GUIDE = Guide(
    slug="test-guide",
    title_en="Asylum",
    title_es="Asilo",
    intro_en="An introduction.",
    intro_es="Una introducción.",
    key_facts=(
        KeyFact(
            text_en="In 2025 there was a test.",
            text_es="En 2025 hubo una prueba.",
            source_title="Test source",
            source_url="https://facts.example.org/a",
        ),
    ),
    ways_to_help_en=("Ask.", "Give."),
    ways_to_help_es=("Pregunte.", "Done."),
    topics=("asylum-support", "legal-services"),
    query_en="asylum lawyers",
    query_es="abogados de asilo",
)


class Idle:
    """A queue that does nothing, so that no test publishes behind its own back."""

    def soon(self, *_: object) -> None:
        """Forget a job."""


@dataclass(frozen=True, kw_only=True)
class World:
    """What the small directory is made of."""

    index: Index
    catalogue: tuple[Nonprofit, ...]
    taxonomy: tuple[Tag, ...]
    term_map: tuple[TermMapping, ...]


def make_instance(folder: Path, world: World) -> Settings:
    """An instance with the test catalogue published, and a library of a few entries."""
    settings = Settings(
        instance=folder / "instance", data=make_data(folder), secret_key="test-key " * 8
    )
    db = store.connect(settings.database)
    store.migrate(db)
    load_tags(db, (*world.taxonomy, *TOPICS))
    load_nonprofits(db, world.catalogue)
    load_term_map(db, world.term_map)
    load_resources(db, [PIECE, replace(PIECE, slug="other-piece", title="Another", places=())])
    load_guides(db, [GUIDE])
    manifest = {**world.index.manifest, "catalog_revision": get_catalog_revision(db)}
    db.close()
    generation = write_generation(replace(world.index, manifest=manifest), settings.index)
    publish_generation(settings.index, generation)
    settings.gazetteer.mkdir()
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(zipcodes, "list_all", zip_records)
        build_gazetteer(settings.data / "places.json").save(settings.gazetteer)
    return settings


def make_app(template: Settings, folder: Path) -> Flask:
    """An application on a copy of an instance."""
    shutil.copytree(template.instance, folder / "instance")
    app = create_app(replace(template, instance=folder / "instance"))
    app.extensions |= {"background": Idle(), "publisher": Idle()}
    app.test_client_class = PageClient
    return app


def make_data(folder: Path) -> Path:
    """A data folder with the committed schemas and golden queries for the small catalogue."""
    data = folder / "data"
    data.mkdir(parents=True)
    for path in (ROOT / "data").iterdir():
        (data / path.name).symlink_to(path)
    for name, content in (("golden_queries", GOLDEN), ("places", NO_ALIASES)):
        (data / f"{name}.json").unlink()
        (data / f"{name}.json").write_text(json.dumps(content), encoding="utf-8")
    return data


class Desk:
    """An application, its store, and somebody of each role."""

    def __init__(self, app: Flask) -> None:
        self.app = app
        self.editor = sign_in(app, Role.EDITOR)
        self.second = sign_in(app, Role.EDITOR, "second@example.org")
        self.reviewer = sign_in(app, Role.REVIEWER)
        self.donor = app.test_client()

    def read(self, read: Any, *args: Any) -> Any:
        """What a function of the store finds now."""
        db: Database = store.connect(self.app.config["WAYMARK"].database)
        try:
            return read(db, *args)
        finally:
            db.close()

    @property
    def pending(self) -> list[LibraryRevision]:
        """What waits for review."""
        return list(self.read(list_pending))

    def decide(self, decision: str = "approve", by: DeskClient | None = None) -> Any:
        """Decide on what waits last."""
        number = self.pending[-1].number
        path = f"/staff/library/{number}"
        return (by or self.reviewer).submit(path, decision=decision, reason="A reason.")
