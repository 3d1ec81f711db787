"""What the views of one request share; the only place that knows HTTP."""

from __future__ import annotations

import threading
from collections.abc import Callable, Sequence
from contextlib import ExitStack
from datetime import UTC, datetime
from pathlib import Path
from typing import Any, TypeVar, cast

from flask import Flask, current_app, g

from recommender import store
from recommender.config import Settings
from recommender.errors import IndexNotReady
from recommender.geo import Gazetteer
from recommender.index import Index, load_current
from recommender.index.generations import POINTER
from recommender.models import Nonprofit
from recommender.publish import shows_hidden
from recommender.store.catalog import get_catalog_revision
from recommender.store.listings import list_excluded, list_guarded
from recommender.store.partners import list_partners

Found = TypeVar("Found")
State = tuple[Any, ...]


class Serving:
    """What one worker serves from: the current generation, loaded anew when it changes.

    Nothing is opened before the first request, so it never crosses a fork.
    """

    def __init__(self, database: Path) -> None:
        self.connections = store.Connections(database)
        self._lock = threading.Lock()
        self._stamp: tuple[int, int] = (0, 0)
        self._index: Index | None = None
        self._gazetteer: Gazetteer | None = None
        # For which index and which listings, and what was found.
        self._exposed: tuple[Any, Any, frozenset[str]] = (None, None, frozenset())
        self._kept: dict[Callable[..., Any], tuple[int, Any]] = {}
        self._watch = store.Watch(database)
        self._version: int | None = None
        self._stored: tuple[Any, ...] = ()

    def state(self, root: Path) -> State:
        """What every answer rests on, read from where it changes: equal states, equal answers.

        Raises:
            StorageError: the store cannot be read.
        """
        # Read before what it is the version of, so that a change between the two is seen later.
        version = self._watch.version()
        with self._lock:
            if version != self._version:
                with self.connections.lend() as db:
                    self._stored = (get_catalog_revision(db), list_partners(db))
                self._version = version
            today = datetime.now(UTC).date()
            return (self.connections, _stamp(root / POINTER), self._stored, today)

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

    def read(self, read: Callable[[store.Database], Found], revision: int) -> Found:
        """What `read` finds in the store at a revision of the catalogue; read once for each."""
        kept = self._kept.get(read)
        if kept is None or kept[0] != revision:
            kept = self._kept[read] = (revision, read(get_db()))
        return cast(Found, kept[1])

    def exposed(self, index: Index, guarded: Sequence[Nonprofit]) -> frozenset[str]:
        """The slugs of which an index shows a place that is hidden since."""
        if self._exposed[0] is not index or self._exposed[1] is not guarded:
            listed = (item for item in guarded if item.slug in index.row_of)
            found = frozenset(
                item.slug
                for item in listed
                if shows_hidden(index.nonprofit(index.row_of[item.slug]), item)
            )
            self._exposed = (index, guarded, found)
        return self._exposed[2]


def _stamp(pointer: Path) -> tuple[int, int]:
    try:
        status = pointer.stat()
    except FileNotFoundError:
        return (0, 0)
    return (status.st_mtime_ns, status.st_ino)


def init_app(app: Flask) -> None:
    """Give back what a request was lent when the request ends."""
    app.extensions["serving"] = Serving(app.config["WAYMARK"].database)
    app.teardown_appcontext(_give_back)


def get_settings() -> Settings:
    """The settings this application was made with."""
    return cast(Settings, current_app.config["WAYMARK"])


def get_db() -> store.Database:
    """This request's one connection, lent when it is first asked for."""
    if "db" not in g:
        g.lent = ExitStack()
        g.db = g.lent.enter_context(_serving().connections.lend())
    return cast(store.Database, g.db)


def read_catalog(read: Callable[[store.Database], Found]) -> Found:
    """What a function of the store finds, kept by this worker until the catalogue changes.

    A request asks once which revision there is, and what it gets must not be changed.
    """
    if "revision" not in g:
        g.revision = get_catalog_revision(get_db())
    return _serving().read(read, g.revision)


def get_index() -> Index:
    """The index generation of this request: the same one from its first use to its end."""
    if "index" not in g:
        g.index = _serving().index(get_settings().index)
    return cast(Index, g.index)


def get_state() -> State:
    """What the answer to a request rests on besides its address, as of now; see `Serving`."""
    return _serving().state(get_settings().index)


def get_gazetteer() -> Gazetteer:
    """The place tables."""
    return _serving().gazetteer(get_settings().gazetteer)


def get_excluded() -> frozenset[str]:
    """The slugs that must be in no answer of this request, whatever the index holds.

    Those that may not be shown, and those of which the index still shows a place that is
    hidden since: an address is dangerous from the moment it should be gone.
    """
    exposed = _serving().exposed(get_index(), read_catalog(list_guarded))
    return read_catalog(list_excluded) | exposed


def _serving() -> Serving:
    return cast(Serving, current_app.extensions["serving"])


def _give_back(error: BaseException | None) -> None:
    lent: ExitStack | None = g.pop("lent", None)
    if lent is not None:
        lent.__exit__(type(error) if error else None, error, None)
