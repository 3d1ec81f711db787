"""The schema, one numbered step after another. A step that was released never changes.

`table.transform()` loses CHECK constraints and triggers: write `ALTER TABLE`, or rebuild the
table in SQL, and leave the triggers to `create_triggers`, which runs after every migration.
"""

from __future__ import annotations

from sqlite_utils import Database, Migrations

from recommender.store.migrations import catalog, desk, history, inbox, partners, staff
from recommender.store.migrations.triggers import create_triggers

__all__ = ["MIGRATIONS", "create_triggers"]

MIGRATIONS = Migrations("waymark")


@MIGRATIONS(name="0001_catalog")
def _catalog(db: Database) -> None:
    _execute(db, catalog.SCRIPTS)


@MIGRATIONS(name="0002_staff")
def _staff(db: Database) -> None:
    _execute(db, staff.SCRIPTS)


@MIGRATIONS(name="0003_revisions")
def _revisions(db: Database) -> None:
    _execute(db, history.SCRIPTS)


@MIGRATIONS(name="0004_desk")
def _desk(db: Database) -> None:
    _execute(db, desk.SCRIPTS)


@MIGRATIONS(name="0005_partners")
def _partners(db: Database) -> None:
    _execute(db, partners.SCRIPTS)


@MIGRATIONS(name="0006_inbox")
def _inbox(db: Database) -> None:
    _execute(db, inbox.SCRIPTS)


def _execute(db: Database, scripts: tuple[str, ...]) -> None:
    for script in scripts:
        db.executescript(script)
