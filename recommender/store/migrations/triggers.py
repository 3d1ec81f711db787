"""The triggers, made anew after every migration: a step that rebuilds a table drops its own."""

from __future__ import annotations

from sqlite_utils import Database

from recommender.store.migrations.history import FILL_SEARCH

# What the index is built from: a change to any of it must be seen as a new revision.
_OF_A_LISTING = ("nonprofit_names", "locations", "service_areas", "nonprofit_tags", "sources")
_SHARED = ("tags", "tag_synonyms", "term_map", "resources", "guides")


_TRIGGER = """
DROP TRIGGER IF EXISTS {name};
CREATE TRIGGER {name} AFTER {event} ON {table} WHEN {condition} BEGIN
    UPDATE meta SET value = CAST(value AS INTEGER) + 1 WHERE key = 'catalog_revision';
END;
"""
_IS_SHOWN = "{row}.status IN ('published', 'due', 'stale')"
_IS_OF_SHOWN = """EXISTS (
    SELECT 1 FROM nonprofits
    WHERE id = {row}.nonprofit_id AND status IN ('published', 'due', 'stale'))"""


_SEARCH_TRIGGER = """
DROP TRIGGER IF EXISTS {name};
CREATE TRIGGER {name} AFTER {event} ON {table} {condition} BEGIN
    DELETE FROM listing_search WHERE rowid = {row}.{key};
    {fill} WHERE id = {row}.{key};
END;
"""
_SEARCHED_COLUMNS = ("name", "ein", "summary_en", "summary_es")
_SEARCHED_TABLES = {
    "nonprofits": "id",
    "nonprofit_names": "nonprofit_id",
    "locations": "nonprofit_id",
}


def create_triggers(db: Database) -> None:
    """(Re-)create all triggers."""
    _create_revision_triggers(db)
    _create_search_triggers(db)


def _create_search_triggers(db: Database) -> None:
    """The triggers that keep the staff's full-text search in step with the listings."""
    differs = " OR ".join(f"OLD.{name} IS NOT NEW.{name}" for name in _SEARCHED_COLUMNS)
    for table, key in _SEARCHED_TABLES.items():
        for event, row in (("INSERT", "NEW"), ("UPDATE", "NEW"), ("DELETE", "OLD")):
            is_conditional = table == "nonprofits" and event == "UPDATE"
            db.executescript(
                _SEARCH_TRIGGER.format(
                    name=f"{table}_search_{event.lower()}",
                    event=event,
                    table=table,
                    key=key,
                    row=row,
                    fill=FILL_SEARCH,
                    condition=f"WHEN {differs}" if is_conditional else "",
                )
            )


def _create_revision_triggers(db: Database) -> None:
    """The triggers by which every change to shown content raises the catalogue's revision."""
    conditions = {"nonprofits": _IS_SHOWN}
    conditions |= dict.fromkeys(_OF_A_LISTING, _IS_OF_SHOWN) | dict.fromkeys(_SHARED, "TRUE")
    versions = {"INSERT": ("NEW",), "UPDATE": ("OLD", "NEW"), "DELETE": ("OLD",)}
    for table, condition in conditions.items():
        for event, rows in versions.items():
            db.executescript(
                _TRIGGER.format(
                    name=f"{table}_revision_{event.lower()}",
                    event=event,
                    table=table,
                    condition=" OR ".join(condition.format(row=row) for row in rows),
                )
            )
