"""What the views of one request share; the only place that knows HTTP."""

from __future__ import annotations

from typing import cast

from flask import Flask, current_app, g

from recommender import store
from recommender.config import Settings


def init_app(app: Flask) -> None:
    """Close what a request opened when the request ends."""
    app.teardown_appcontext(_close_db)


def get_settings() -> Settings:
    """The settings this application was made with."""
    return cast(Settings, current_app.config["WAYMARK"])


def get_db() -> store.Database:
    """This request's one connection, opened when it is first asked for."""
    if "db" not in g:
        g.db = store.connect(get_settings().database)
    return cast(store.Database, g.db)


def _close_db(_error: BaseException | None) -> None:
    db: store.Database | None = g.pop("db", None)
    if db is not None:
        db.close()
