import re
import sqlite3
from pathlib import Path

import pytest
from sqlite_utils import Database, Migrations

from recommender import store
from recommender.errors import StorageError
from recommender.models import (
    Basis,
    ColorScheme,
    CountKind,
    Language,
    ListingQuery,
    Nonprofit,
    Reach,
    RevisionKind,
    RevisionState,
    Status,
    SubmissionKind,
    TagKind,
    Visibility,
    WidgetFont,
    WidgetSize,
)
from recommender.store import connect, migrate
from recommender.store.accounts import Role
from recommender.store.catalog import get_catalog_revision, list_nonprofits, set_status
from recommender.store.inbox import InboxQuery, Outcome, SubmissionStatus, search_inbox
from recommender.store.migrations import MIGRATIONS
from recommender.store.partners import EventKind
from recommender.store.publications import PublicationKind, PublicationState
from recommender.store.worklist import search_listings

VERSIONS = sorted(Path(__file__).parent.glob("version_*.sql"))
WATCHED = {
    *("nonprofits", "nonprofit_names", "locations", "service_areas", "nonprofit_tags", "sources"),
    *("tags", "tag_synonyms", "term_map", "resources", "guides"),
}
FTS = "listing_search"
SEARCHED = {"nonprofits", "nonprofit_names", "locations"}


def _triggers(db: Database) -> set[str]:
    return {trigger.name for trigger in db.triggers}


def _assert_all_triggers(db: Database) -> None:
    watches = {f"{table}_revision" for table in WATCHED} | {f"{table}_search" for table in SEARCHED}
    events = ("insert", "update", "delete")
    assert _triggers(db) == {f"{watch}_{event}" for watch in watches for event in events}


def _later(monkeypatch: pytest.MonkeyPatch) -> Migrations:
    """The real migrations as the start of a longer list."""
    later = Migrations("waymark")
    for step in MIGRATIONS._migrations:
        later(name=step.name)(step.fn)
    monkeypatch.setattr(store, "MIGRATIONS", later)
    return later


def _open_dump(dump: Path, path: Path) -> Database:
    raw = sqlite3.connect(path)
    raw.executescript(dump.read_text(encoding="utf-8"))
    raw.close()
    return connect(path)


def test_migrating_twice_changes_nothing(loaded: Database) -> None:
    schema = loaded.schema
    revision = get_catalog_revision(loaded)
    migrate(loaded)
    assert loaded.schema == schema
    assert get_catalog_revision(loaded) == revision


def test_there_is_a_dump_of_every_version() -> None:
    assert len(VERSIONS) == len(MIGRATIONS._migrations)


@pytest.mark.parametrize("dump", VERSIONS, ids=lambda path: path.stem)
def test_every_version_migrates_with_its_rows(
    dump: Path, tmp_path: Path, db: Database, catalogue: tuple[Nonprofit, ...]
) -> None:
    old = _open_dump(dump, tmp_path / "old.db")
    migrate(old)
    _assert_all_triggers(old)
    assert set(old.table_names()) == set(db.table_names())
    assert search_listings(old, ListingQuery(text="abogados de pr")).total == 1
    assert {listing.slug for listing in list_nonprofits(old)} == {n.slug for n in catalogue}
    assert old.execute("PRAGMA integrity_check").fetchone() == ("ok",)
    old.close()


def test_messages_keep_their_kind_and_what_was_done_with_them(tmp_path: Path) -> None:
    old = _open_dump(Path(__file__).parent / "version_4.sql", tmp_path / "old.db")
    old.execute(
        "INSERT INTO submission_actions (submission_id, outcome, staff_name, created_at)"
        " VALUES (1, 'closed', 'Ana', '2026-11-23T12:00:00Z')"
    )
    migrate(old)
    (item,) = search_inbox(old, InboxQuery()).items
    assert (item.submission.kind, item.submission.message) == ("fix", "The ZIP is wrong.")
    assert [action.outcome for action in item.actions] == [Outcome.CLOSED]
    old.close()


def test_rebuilding_a_table_keeps_triggers_and_children(
    loaded: Database, monkeypatch: pytest.MonkeyPatch
) -> None:
    before = list_nonprofits(loaded)

    @_later(monkeypatch)()
    def rebuild(db: Database) -> None:
        db.table("nonprofits").transform(column_order=["id", "name"])

    migrate(loaded)
    _assert_all_triggers(loaded)
    assert list_nonprofits(loaded) == before
    revision = get_catalog_revision(loaded)
    set_status(loaded, before[0].slug, Status.WITHDRAWN)
    assert get_catalog_revision(loaded) > revision
    loaded.execute("UPDATE nonprofits SET name = 'Quince' WHERE slug = ?", [before[0].slug])
    assert search_listings(loaded, ListingQuery(text="quince")).total == 1


def test_a_migration_that_fails_changes_nothing(
    loaded: Database, monkeypatch: pytest.MonkeyPatch
) -> None:
    before = loaded.schema
    later = _later(monkeypatch)

    @later()
    def add(db: Database) -> None:
        db.execute("CREATE TABLE extra (id INTEGER) STRICT")

    @later()
    def fail(db: Database) -> None:
        db.execute("INSERT INTO nowhere VALUES (1)")

    with pytest.raises(StorageError, match="nowhere"):
        migrate(loaded)
    assert loaded.schema == before
    assert loaded.execute("PRAGMA foreign_keys").fetchone() == (1,)


def test_a_migration_that_orphans_rows_is_refused(
    loaded: Database, monkeypatch: pytest.MonkeyPatch
) -> None:
    @_later(monkeypatch)()
    def orphan(db: Database) -> None:
        db.execute("DELETE FROM tags")

    with pytest.raises(StorageError, match="point nowhere"):
        migrate(loaded)
    assert loaded.table("tags").count > 0


def test_every_table_of_ours_is_strict(db: Database) -> None:
    ours = [table for table in db.tables if not table.name.startswith(("_", "sqlite_", FTS))]
    assert [table.name for table in ours if not table.strict] == []


@pytest.mark.parametrize(
    ("table", "column", "values"),
    [
        ("nonprofits", "reach", Reach),
        ("nonprofits", "basis", Basis),
        ("nonprofits", "status", Status),
        ("locations", "visibility", Visibility),
        ("nonprofit_tags", "kind", TagKind),
        ("submissions", "kind", SubmissionKind),
        ("submissions", "status", SubmissionStatus),
        ("submission_actions", "outcome", Outcome),
        ("revisions", "kind", RevisionKind),
        ("revisions", "state", RevisionState),
        ("staff", "role", Role),
        ("partners", "language", Language),
        ("partners", "size", WidgetSize),
        ("partners", "scheme", ColorScheme),
        ("partners", "font", WidgetFont),
        ("partner_counts", "kind", CountKind),
        ("partner_events", "kind", EventKind),
        ("publications", "kind", PublicationKind),
        ("publications", "state", PublicationState),
    ],
)
def test_the_schema_allows_exactly_the_values_of_the_models(
    db: Database, table: str, column: str, values: type[Status]
) -> None:
    check = re.search(rf"\b{column} IN \(([^)]*)\)", db.table(table).schema)
    assert check
    assert set(re.findall(r"'([^']*)'", check[1])) == {value.value for value in values}
