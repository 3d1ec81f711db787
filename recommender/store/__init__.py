"""The store: all SQL, on one SQLite file."""

from __future__ import annotations

import os
import sqlite3
import threading
import weakref
from collections import defaultdict
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from pathlib import Path

from sqlite_utils import Database as Database

from recommender.errors import StorageError
from recommender.store.migrations import MIGRATIONS, create_triggers

__all__ = [
    "Connections",
    "Database",
    "Watch",
    "connect",
    "migrate",
    "snapshot",
    "storage_errors",
    "transaction",
]

BUSY_TIMEOUT_S = 5.0

# Pragmas belong to a connection, not to the file; only the WAL mode is remembered.
_PRAGMAS = (
    "PRAGMA journal_mode = WAL",
    # An acknowledged write must survive a power cut: fsync at every commit.
    "PRAGMA synchronous = FULL",
    "PRAGMA foreign_keys = ON",
    # Erasing a listing overwrites its bytes, and not only when the server is stopped: every
    # commit is brought into the file, and the log keeps none but the last.
    "PRAGMA secure_delete = ON",
    "PRAGMA wal_autocheckpoint = 1",
    "PRAGMA journal_size_limit = 0",
)


def connect(path: Path, *, any_thread: bool = False) -> Database:
    """Open the database file, making it (readable by its owner only) where there is none.

    A connection belongs to the process that opened it, so never carry one over a fork, and
    to its thread; with `any_thread` to any one thread at a time.

    Raises:
        StorageError: the file cannot be opened, or is not a database.
    """
    _make_private(path)
    with storage_errors():
        connection = sqlite3.connect(
            path,
            timeout=BUSY_TIMEOUT_S,
            # No implicit transactions: a write is either its own or inside `transaction`.
            isolation_level=None,
            check_same_thread=not any_thread,
        )
        db = Database(connection, execute_plugins=False, strict=True)
        for pragma in _PRAGMAS:
            db.execute(pragma)
    return db


class Connections:
    """Connections to one file that stay open, each lent to one user at a time.

    To open one costs more than most of what is asked of it. Each is lent and closed only by
    the process that opened it.
    """

    def __init__(self, path: Path) -> None:
        self._path = path
        self._idle: defaultdict[int, list[Database]] = defaultdict(list)
        weakref.finalize(self, _close_own, self._idle)

    @contextmanager
    def lend(self) -> Iterator[Database]:
        """A connection for a block; one that failed, or left a transaction open, is not kept.

        Raises:
            StorageError: see `connect`.
        """
        idle = self._idle[os.getpid()]
        try:
            db = idle.pop()
        except IndexError:
            db = connect(self._path, any_thread=True)
        try:
            yield db
        except BaseException:
            db.close()
            raise
        if db.conn.in_transaction:
            db.close()
        else:
            idle.append(db)


class Watch:
    """Notices commits to one file, whoever makes them, in 2 µs.

    It is one connection a process that is never lent, because only what others commit counts.
    """

    def __init__(self, path: Path) -> None:
        self._path = path
        self._own: defaultdict[int, list[Database]] = defaultdict(list)
        self._lock = threading.Lock()
        weakref.finalize(self, _close_own, self._own)

    def version(self) -> int:
        """A number that is another one after every commit; it means nothing elsewhere.

        Raises:
            StorageError: see `connect`.
        """
        with self._lock, storage_errors():
            own = self._own[os.getpid()]
            if not own:
                own.append(connect(self._path, any_thread=True))
            return int(own[0].conn.execute("PRAGMA data_version").fetchone()[0])


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


def _close_own(idle: Mapping[int, list[Database]]) -> None:
    for db in idle.get(os.getpid(), ()):
        db.close()


def _make_private(path: Path) -> None:
    try:
        path.parent.mkdir(parents=True, exist_ok=True)
        if not path.exists():
            path.touch(mode=0o600)
    except OSError as error:
        raise StorageError(str(error)) from error
