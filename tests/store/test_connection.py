import os
import sqlite3
import stat
import threading
from concurrent.futures import ThreadPoolExecutor
from multiprocessing import get_context
from pathlib import Path

import pytest
from sqlite_utils import Database

from recommender.errors import StorageError
from recommender.store import Connections, Watch, connect, migrate, snapshot, transaction
from recommender.store.catalog import get_data_digest
from recommender.store.inbox import check_rate

TRIES = 40


def _pragma(db: Database, name: str) -> object:
    return db.execute(f"PRAGMA {name}").fetchone()[0]


def test_every_connection_is_durable_and_strict(db: Database) -> None:
    assert _pragma(db, "journal_mode") == "wal"
    assert _pragma(db, "synchronous") == 2
    assert _pragma(db, "foreign_keys") == 1
    assert _pragma(db, "secure_delete") == 1
    assert _pragma(db, "busy_timeout") == 5000


def test_the_file_is_readable_by_its_owner_only(tmp_path: Path) -> None:
    path = tmp_path / "new" / "waymark.db"
    connect(path).close()
    assert stat.S_IMODE(path.stat().st_mode) == 0o600


def test_a_file_that_is_no_database_is_refused(tmp_path: Path) -> None:
    path = tmp_path / "waymark.db"
    path.write_bytes(b"not a database, " * 100)
    with pytest.raises(StorageError, match="not a database"):
        connect(path)


def test_a_folder_that_cannot_be_made_is_refused(tmp_path: Path) -> None:
    (tmp_path / "file").touch()
    with pytest.raises(StorageError):
        connect(tmp_path / "file" / "waymark.db")


def _insert_and_fail(db: Database, key: str) -> None:
    with transaction(db):
        db.execute("INSERT INTO meta VALUES (?, '1')", [key])
        raise ZeroDivisionError


def test_a_failed_transaction_leaves_nothing(db: Database) -> None:
    with pytest.raises(ZeroDivisionError):
        _insert_and_fail(db, "a")
    assert not db.conn.in_transaction
    assert db.execute("SELECT count(*) FROM meta WHERE key = 'a'").fetchone() == (0,)


def test_a_failed_inner_transaction_leaves_the_outer_one(db: Database) -> None:
    with transaction(db):
        db.execute("INSERT INTO meta VALUES ('outer', '1')")
        with pytest.raises(ZeroDivisionError):
            _insert_and_fail(db, "inner")
    keys = {key for (key,) in db.execute("SELECT key FROM meta")}
    assert "outer" in keys
    assert "inner" not in keys


@pytest.mark.parametrize("value", ["\ud800", 2**70])
def test_what_cannot_be_stored_is_a_storage_error(db: Database, value: object) -> None:
    with pytest.raises(StorageError), transaction(db):
        db.execute("INSERT INTO meta VALUES ('a', ?)", [value])


def test_the_lock_is_taken_before_the_first_read(db: Database, tmp_path: Path) -> None:
    other = connect(tmp_path / "waymark.db")
    other.execute("PRAGMA busy_timeout = 0")
    with transaction(db), pytest.raises(StorageError, match="locked"), transaction(other):
        pytest.fail("two writers at once")
    other.close()


def test_a_deferred_transaction_would_fail_where_ours_waits(db: Database, tmp_path: Path) -> None:
    """The control: this is why `transaction` exists."""
    other = connect(tmp_path / "waymark.db")
    other.begin()
    other.execute("SELECT count(*) FROM meta").fetchone()
    check_rate(db, "someone else", limit=1, window_s=60)
    with pytest.raises(sqlite3.OperationalError, match="locked"):
        other.execute("INSERT INTO meta VALUES ('a', '1')")
    other.rollback()
    other.close()


def test_a_snapshot_does_not_see_later_writes(db: Database, tmp_path: Path) -> None:
    other = connect(tmp_path / "waymark.db")
    with snapshot(other):
        before = other.execute("SELECT count(*) FROM meta").fetchone()
        with transaction(db):
            db.execute("INSERT INTO meta VALUES ('a', '1')")
        assert other.execute("SELECT count(*) FROM meta").fetchone() == before
    assert other.execute("SELECT count(*) FROM meta").fetchone() != before
    other.close()


def test_a_snapshot_sees_what_its_own_transaction_wrote(db: Database) -> None:
    with transaction(db):
        db.execute("UPDATE meta SET value = 'mine' WHERE key = 'data_digest'")
        assert get_data_digest(db) == "mine"
    assert get_data_digest(db) == "mine"


def test_workers_may_all_start_on_an_empty_folder(tmp_path: Path) -> None:
    def start(_: int) -> None:
        db = connect(tmp_path / "waymark.db")
        migrate(db)
        db.close()

    with ThreadPoolExecutor(4) as pool:
        list(pool.map(start, range(4)))


def _read_and_write_often(path: Path) -> None:
    db = connect(path)
    for _ in range(TRIES):
        with transaction(db):
            (value,) = db.execute("SELECT value FROM meta WHERE key = 'data_digest'").fetchone()
            db.execute(
                "UPDATE meta SET value = ? WHERE key = 'data_digest'", [str(int(value or 0) + 1)]
            )
    db.close()


def test_threads_lose_no_write(db: Database, tmp_path: Path) -> None:
    path = tmp_path / "waymark.db"
    with ThreadPoolExecutor(4) as pool:
        list(pool.map(_read_and_write_often, [path] * 4))
    assert get_data_digest(db) == str(4 * TRIES)


def test_processes_lose_no_write(db: Database, tmp_path: Path) -> None:
    path = tmp_path / "waymark.db"
    with get_context("spawn").Pool(2) as pool:
        pool.map(_read_and_write_often, [path, path])
    assert get_data_digest(db) == str(2 * TRIES)


def test_a_connection_stays_in_its_thread(db: Database) -> None:
    errors = []

    def read() -> None:
        try:
            with snapshot(db):
                db.execute("SELECT 1")
        except StorageError as error:
            errors.append(str(error))

    thread = threading.Thread(target=read)
    thread.start()
    thread.join()
    assert "thread" in errors[0]


def _value(db: Database) -> str:
    return str(db.execute("SELECT value FROM meta WHERE key = 'data_digest'").fetchone()[0])


@pytest.fixture
def connections(db: Database, tmp_path: Path) -> Connections:
    """Kept connections to the same file as `db`."""
    return Connections(tmp_path / "waymark.db")


def test_a_connection_is_lent_again_and_sees_what_others_wrote(
    db: Database, connections: Connections
) -> None:
    with connections.lend() as first:
        assert _value(first) == ""
    with transaction(db):
        db.execute("UPDATE meta SET value = 'new' WHERE key = 'data_digest'")
    with connections.lend() as second:
        assert second is first
        assert _value(second) == "new"


def test_two_at_once_have_a_connection_each(connections: Connections) -> None:
    with connections.lend() as one, connections.lend() as other:
        assert one is not other


def test_threads_share_kept_connections(connections: Connections) -> None:
    def use(_: int) -> int:
        with connections.lend() as db:
            check_rate(db, "visitor", limit=10_000, window_s=600)
            return id(db)

    with ThreadPoolExecutor(4) as pool:
        used = list(pool.map(use, range(80)))
    assert len(set(used)) <= 4
    with connections.lend() as db:
        assert db.execute("SELECT count FROM rate_windows").fetchone() == (80,)


def test_a_connection_that_failed_is_not_lent_again(connections: Connections) -> None:
    with pytest.raises(ZeroDivisionError), connections.lend() as failed:
        raise ZeroDivisionError
    with pytest.raises(sqlite3.ProgrammingError, match="closed"):
        failed.execute("SELECT 1")
    with connections.lend() as db:
        assert db is not failed


def test_a_connection_left_in_a_transaction_is_not_lent_again(connections: Connections) -> None:
    with connections.lend() as left:
        left.begin()
    with connections.lend() as db:
        assert db is not left


def _lent_in_child(connections: Connections, parents: int) -> bool:
    with connections.lend() as db:
        return id(db) != parents and _value(db) == ""


def test_no_connection_is_carried_over_a_fork(connections: Connections) -> None:
    with connections.lend() as db:
        parents = id(db)
    child = os.fork()
    if child == 0:
        try:
            os._exit(0 if _lent_in_child(connections, parents) else 1)
        finally:
            os._exit(2)
    assert os.waitstatus_to_exitcode(os.waitpid(child, 0)[1]) == 0
    with connections.lend() as db:
        assert id(db) == parents


def test_kept_connections_close_with_their_owner(db: Database, tmp_path: Path) -> None:
    connections = Connections(tmp_path / "waymark.db")
    with connections.lend() as kept:
        pass
    del connections
    with pytest.raises(sqlite3.ProgrammingError, match="closed"):
        kept.execute("SELECT 1")


def test_a_watch_notices_each_commit_of_others(db: Database, tmp_path: Path) -> None:
    watch = Watch(tmp_path / "waymark.db")
    seen = watch.version()
    get_data_digest(db)
    assert watch.version() == seen
    with transaction(db):
        db.execute("UPDATE meta SET value = 'new' WHERE key = 'data_digest'")
        assert watch.version() == seen
    assert watch.version() != seen
