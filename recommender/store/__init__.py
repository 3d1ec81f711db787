"""The store: all SQL, on one SQLite file."""

from __future__ import annotations

import sqlite3
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from sqlite_utils import Database as Database

from recommender.errors import StorageError
from recommender.store.migrations import MIGRATIONS, create_triggers

__all__ = ["Database", "connect", "migrate", "snapshot", "storage_errors", "transaction"]

BUSY_TIMEOUT_S = 5.0

# Pragmas belong to a connection, not to the file; only the WAL mode is remembered.
_PRAGMAS = (
    "PRAGMA journal_mode = WAL",
    # An acknowledged write must survive a power cut: fsync at every commit.
    "PRAGMA synchronous = FULL",
    "PRAGMA foreign_keys = ON",
    # Erasing a listing overwrites its bytes.
    "PRAGMA secure_delete = ON",
)


def connect(path: Path) -> Database:
    """Open the database file, making it (readable by its owner only) where there is none.

    A connection belongs to the thread and the process that opened it. Never carry one over
    a fork: open it after the worker has started.

    Raises:
        StorageError: the file cannot be opened, or is not a database.
    """
    _make_private(path)
    with storage_errors():
        # No implicit transactions: a write is either its own or inside `transaction`.
        connection = sqlite3.connect(path, timeout=BUSY_TIMEOUT_S, isolation_level=None)
        db = Database(connection, execute_plugins=False, strict=True)
        for pragma in _PRAGMAS:
            db.execute(pragma)
    return db


def migrate(db: Database) -> None:
    """Bring the schema to the newest version. Does nothing when it is there already.

    Raises:
        StorageError: a migration failed, or left rows that point nowhere; nothing changed.
    """
    with storage_errors():
        if not MIGRATIONS.pending(db):
            return
        # With foreign keys on, rebuilding a table would cascade into its children, and the
        # pragma is ignored inside a transaction.
        db.execute("PRAGMA foreign_keys = OFF")
        try:
            with transaction(db):
                MIGRATIONS.apply(db)
                create_triggers(db)
                if db.execute("PRAGMA foreign_key_check").fetchone():
                    raise StorageError("A migration left rows that point nowhere.")
        finally:
            db.execute("PRAGMA foreign_keys = ON")


@contextmanager
def transaction(db: Database) -> Iterator[None]:
    """Write all of a block or nothing of it; inside another one it is a savepoint.

    The lock is taken at the start. A deferred BEGIN, as `db.atomic()` issues, would fail
    with SQLITE_BUSY when a reader turns writer, whatever the timeout.

    Raises:
        StorageError: SQLite refused, or a value cannot be stored.
    """
    with storage_errors():
        if db.conn.in_transaction:
            with db.atomic():
                yield
            return
        db.execute("BEGIN IMMEDIATE")
        try:
            yield
            db.commit()
        except BaseException:
            db.rollback()
            raise


@contextmanager
def snapshot(db: Database) -> Iterator[None]:
    """Let several reads see one state of the database.

    Raises:
        StorageError: SQLite refused.
    """
    with storage_errors():
        if db.conn.in_transaction:
            yield
            return
        db.execute("BEGIN")
        try:
            yield
        finally:
            db.rollback()


@contextmanager
def storage_errors() -> Iterator[None]:
    """Turn what SQLite raises into `StorageError`."""
    try:
        yield
    except (sqlite3.Error, UnicodeEncodeError, OverflowError) as error:
        # The last two: a lone surrogate, and a number beyond 64 bits.
        raise StorageError(str(error)) from error


def _make_private(path: Path) -> None:
    try:
        path.parent.mkdir(parents=True, exist_ok=True)
        if not path.exists():
            path.touch(mode=0o600)
    except OSError as error:
        raise StorageError(str(error)) from error
