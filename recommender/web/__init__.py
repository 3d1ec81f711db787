"""What the views of one request share; the only place that knows HTTP."""

from __future__ import annotations

import threading
from pathlib import Path
from typing import cast

from flask import Flask, current_app, g

from recommender import store
from recommender.config import Settings
from recommender.errors import IndexNotReady
from recommender.geo import Gazetteer
from recommender.index import Index, load_current
from recommender.index.generations import POINTER
from recommender.store.catalog import get_catalog_revision
from recommender.store.listings import list_excluded


class Serving:
    """What one worker serves from: the current generation, loaded anew when it changes.

    Nothing is opened before the first request, so it never crosses a fork.
    """

    def __init__(self) -> None:
        self._lock = threading.Lock()
        self._stamp: tuple[int, int] = (0, 0)
        self._index: Index | None = None
        self._gazetteer: Gazetteer | None = None
        self._excluded: tuple[int, frozenset[str]] = (-1, frozenset())

    def index(self, root: Path) -> Index:
        """The current generation; one `stat` a request notices a new one.

        Raises:
            IndexNotReady: nothing was published yet.
        """
        stamp = _stamp(root / POINTER)
        with self._lock:
            if self._index is None or stamp != self._stamp:
                self._index, self._stamp = load_current(root), stamp
            return self._index

    def gazetteer(self, directory: Path) -> Gazetteer:
        """The place tables.

        Raises:
            IndexNotReady: they were not built yet.
        """
        with self._lock:
            if self._gazetteer is None:
                if not directory.is_dir():
                    raise IndexNotReady("No place tables are built: run `make index`.")
                self._gazetteer = Gazetteer.load(directory)
            return self._gazetteer

    def excluded(self, db: store.Database) -> frozenset[str]:
        """The slugs that may not be shown, read again whenever the catalogue changed."""
        revision = get_catalog_revision(db)
        if self._excluded[0] != revision:
            self._excluded = (revision, list_excluded(db))
        return self._excluded[1]


def _stamp(pointer: Path) -> tuple[int, int]:
    try:
        status = pointer.stat()
    except FileNotFoundError:
        return (0, 0)
    return (status.st_mtime_ns, status.st_ino)


def init_app(app: Flask) -> None:
    """Close what a request opened when the request ends."""
    app.extensions["serving"] = Serving()
    app.teardown_appcontext(_close_db)


def get_settings() -> Settings:
    """The settings this application was made with."""
    return cast(Settings, current_app.config["WAYMARK"])


def get_db() -> store.Database:
    """This request's one connection, opened when it is first asked for."""
    if "db" not in g:
        g.db = store.connect(get_settings().database)
    return cast(store.Database, g.db)


def get_index() -> Index:
    """The index generation of this request: the same one from its first use to its end."""
    if "index" not in g:
        g.index = _serving().index(get_settings().index)
    return cast(Index, g.index)


def get_gazetteer() -> Gazetteer:
    """The place tables."""
    return _serving().gazetteer(get_settings().gazetteer)


def get_excluded() -> frozenset[str]:
    """The slugs that must be in no answer of this request, whatever the index holds."""
    if "excluded" not in g:
        g.excluded = _serving().excluded(get_db())
    return cast("frozenset[str]", g.excluded)


def _serving() -> Serving:
    return cast(Serving, current_app.extensions["serving"])


def _close_db(_error: BaseException | None) -> None:
    db: store.Database | None = g.pop("db", None)
    if db is not None:
        db.close()
