"""The commands: `flask catalog …`. Anything heavy is imported when a command runs."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from typing import TYPE_CHECKING, Any, cast

import click
from flask import Flask, current_app
from flask.cli import AppGroup

from recommender.errors import RecommenderError

if TYPE_CHECKING:
    from recommender.config import Settings
    from recommender.store import Database
    from recommender.store.catalog import LoadReport


class Commands(AppGroup):
    """A group of commands that ends with a plain message where the package raised an error."""

    def invoke(self, ctx: click.Context) -> Any:
        """Run the command that was asked for."""
        try:
            return super().invoke(ctx)
        except RecommenderError as error:
            raise click.ClickException(str(error)) from error


def init_app(app: Flask) -> None:
    """Give the application its commands."""
    app.cli.add_command(catalog)


def get_settings() -> Settings:
    """The settings of the application that the command runs in."""
    return cast("Settings", current_app.config["WAYMARK"])


@contextmanager
def open_store() -> Iterator[Database]:
    """The store at its newest version, closed afterwards."""
    from recommender import store

    db = store.connect(get_settings().database)
    try:
        store.migrate(db)
        yield db
    finally:
        db.close()


catalog = Commands("catalog", help="The listings, resources, guides and words of the site.")


@catalog.command("load")
@click.option("--quiet", is_flag=True, help="Say nothing unless something is wrong.")
def load(quiet: bool) -> None:
    """Bring the database in line with the data files."""
    from recommender.geo import Gazetteer
    from recommender.importers import directory
    from recommender.store.catalog import get_data_digest, load_catalog

    data = get_settings().data
    say = _silent if quiet else click.echo
    with open_store() as db:
        if get_data_digest(db) == directory.compute_digest(data):
            say("The catalogue is up to date.")
            return
        read = directory.read_directory(data, Gazetteer.build(data / "places.json"))
        report = load_catalog(db, read.contents)
    for line in [*_described(report), *_named("Without coordinates", read.unplaced)]:
        say(line)


@catalog.command("info")
def info() -> None:
    """Count the listings by status, state and basis."""
    from recommender.store.catalog import count_nonprofits, get_catalog_revision

    with open_store() as db:
        counts = count_nonprofits(db)
        click.echo(f"Catalogue revision {get_catalog_revision(db)}")
    for title, numbers in (
        ("Status", counts.status),
        ("Basis", counts.basis),
        ("State of the office", counts.state),
    ):
        spread = ", ".join(f"{name} {number:,}" for name, number in numbers.items())
        click.echo(f"{title}: {spread or 'none'}")


def _silent(line: str) -> None:
    """Say nothing."""


def _described(report: LoadReport) -> list[str]:
    counts = (
        f"{len(report.created):,} created, {len(report.updated):,} updated, "
        f"{len(report.unchanged):,} unchanged, {len(report.kept):,} kept, "
        f"{len(report.archived):,} archived"
    )
    return [
        f"Listings: {counts}.",
        *_named("Kept as staff left them", report.kept),
        *_named("Archived, no longer in the files", report.archived),
    ]


def _named(title: str, names: tuple[str, ...]) -> list[str]:
    return [f"{title} ({len(names):,}):", *(f"  {name}" for name in names)] if names else []
