from __future__ import annotations

import threading
from pathlib import Path

import pytest
from sqlite_utils import Database

from recommender.errors import NotFound
from recommender.store import accounts, connect
from recommender.store.accounts import (
    ABSOLUTE_S,
    IDLE_S,
    LINK_S,
    SEEN_EVERY_S,
    Account,
    InvalidAccount,
    Role,
    count_recovery_codes,
    create_account,
    create_link,
    create_session,
    end_session,
    end_sessions,
    find_account,
    find_session,
    get_account,
    list_accounts,
    list_sessions,
    open_link,
    reset_account,
    set_disabled,
    set_password,
    set_role,
    set_totp,
    use_link,
    use_recovery_code,
    use_totp_step,
)

START = 1_800_000_000


class Clock:
    """The store's time, which stands still until it is set."""

    def __init__(self) -> None:
        self.now = START

    def __call__(self) -> int:
        return self.now


@pytest.fixture
def clock(monkeypatch: pytest.MonkeyPatch) -> Clock:
    clock = Clock()
    monkeypatch.setattr(accounts, "_now", clock)
    return clock


@pytest.fixture
def ana(db: Database) -> Account:
    account = create_account(db, " Ana@Example.org ", Role.EDITOR)
    set_password(db, account, "a hash")
    return get_account(db, "ana@example.org")


def test_an_account_is_found_by_its_address_however_it_is_written(
    db: Database, ana: Account
) -> None:
    assert find_account(db, "ANA@example.ORG ") == ana
    assert (ana.email, ana.name, ana.role) == ("ana@example.org", "ana", Role.EDITOR)
    assert list_accounts(db) == [ana]


@pytest.mark.parametrize("email", ["ANA@example.org", "ana", "@example.org", "a b@c.org", ""])
def test_an_account_needs_an_address_of_its_own(db: Database, ana: Account, email: str) -> None:
    with pytest.raises(InvalidAccount):
        create_account(db, email, Role.ADMIN)
    assert list_accounts(db) == [ana]


def test_nobody_is_no_account(db: Database) -> None:
    with pytest.raises(NotFound):
        get_account(db, "nobody@example.org")


def test_each_role_covers_itself_and_those_before_it() -> None:
    covered = {(role, other) for role in Role for other in Role if role.covers(other)}
    assert covered == {
        (Role.EDITOR, Role.EDITOR),
        *((Role.REVIEWER, other) for other in (Role.EDITOR, Role.REVIEWER)),
        *((Role.ADMIN, other) for other in Role),
    }


# --- Links -------------------------------------------------------------------------------


def test_a_link_sets_the_password_once(db: Database, ana: Account) -> None:
    token = create_link(db, ana)
    assert open_link(db, token) == ana
    assert use_link(db, token, "new hash").password_hash == "new hash"
    with pytest.raises(NotFound):
        use_link(db, token, "another hash")
    assert get_account(db, ana.email).password_hash == "new hash"


def test_a_link_is_good_for_two_days(db: Database, ana: Account, clock: Clock) -> None:
    token = create_link(db, ana)
    clock.now += LINK_S - 1
    open_link(db, token)
    clock.now += 1
    with pytest.raises(NotFound):
        open_link(db, token)


def test_a_new_link_replaces_the_last(db: Database, ana: Account) -> None:
    first, second = create_link(db, ana), create_link(db, ana)
    open_link(db, second)
    with pytest.raises(NotFound):
        open_link(db, first)


def test_a_link_is_used_once_even_by_two_at_a_time(
    db: Database, ana: Account, tmp_path: Path
) -> None:
    token, start = create_link(db, ana), threading.Barrier(4)
    won: list[str] = []

    def use(name: str) -> None:
        own = connect(tmp_path / "waymark.db")
        start.wait()
        try:
            use_link(own, token, name)
            won.append(name)
        except NotFound:
            pass
        finally:
            own.close()

    threads = [threading.Thread(target=use, args=(f"hash {i}",)) for i in range(4)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert won == [get_account(db, ana.email).password_hash]


def test_a_reset_takes_password_and_sessions_but_keeps_one_time_codes(
    db: Database, ana: Account
) -> None:
    session = create_session(db, ana)
    set_totp(db, ana, "sealed", ["code"])
    token = reset_account(db, ana)
    after = open_link(db, token)
    assert (after.password_hash, after.totp_secret) == ("", "sealed")
    assert find_session(db, session) is None
    reset_account(db, ana, keep_codes=False)
    assert get_account(db, ana.email).totp_secret == ""
    assert count_recovery_codes(db, ana) == 0


# --- Sessions ----------------------------------------------------------------------------


def test_a_session_knows_whose_it_is(db: Database, ana: Account, clock: Clock) -> None:
    token = create_session(db, ana)
    session = find_session(db, token)
    assert session is not None
    assert (session.account, session.created_at, session.seen_at) == (ana, START, START)
    assert len(session.csrf) >= 32
    assert find_session(db, "another token") is None


def test_sessions_end_when_they_are_not_used(db: Database, ana: Account, clock: Clock) -> None:
    token = create_session(db, ana)
    for _ in range(3):
        clock.now += IDLE_S - 1
        assert find_session(db, token)
    clock.now += IDLE_S
    assert find_session(db, token) is None


def test_sessions_end_after_half_a_day_even_in_use(
    db: Database, ana: Account, clock: Clock
) -> None:
    token = create_session(db, ana)
    while clock.now + IDLE_S // 2 < START + ABSOLUTE_S:
        clock.now += IDLE_S // 2
        assert find_session(db, token)
    clock.now = START + ABSOLUTE_S
    assert find_session(db, token) is None


def test_use_is_written_down_once_a_minute(db: Database, ana: Account, clock: Clock) -> None:
    token = create_session(db, ana)
    seen = []
    for seconds in (1, SEEN_EVERY_S - 1, SEEN_EVERY_S, SEEN_EVERY_S + 1):
        clock.now = START + seconds
        find_session(db, token)
        seen.append(list_sessions(db, ana)[0].seen_at - START)
    assert seen == [0, 0, SEEN_EVERY_S, SEEN_EVERY_S]


@pytest.mark.parametrize("change", ["disable", "role", "password", "reset", "end", "end all"])
def test_sessions_end_with_what_they_rest_on(db: Database, ana: Account, change: str) -> None:
    bob = create_account(db, "bob@example.org", Role.EDITOR)
    token, other = create_session(db, ana), create_session(db, bob)
    session = find_session(db, token)
    assert session is not None
    if change == "disable":
        set_disabled(db, ana, True)
        set_disabled(db, ana, False)
    elif change == "role":
        set_role(db, ana, Role.ADMIN)
    elif change == "password":
        set_password(db, ana, "new hash")
    elif change == "reset":
        reset_account(db, ana)
    elif change == "end":
        end_session(db, session)
    else:
        end_sessions(db, ana)
    assert find_session(db, token) is None
    assert find_session(db, other) is not None


def test_all_sessions_but_one_can_be_ended(db: Database, ana: Account) -> None:
    tokens = [create_session(db, ana) for _ in range(3)]
    kept = find_session(db, tokens[1])
    end_sessions(db, ana, but=kept)
    assert list_sessions(db, ana) == [kept]


def test_no_session_begins_for_an_account_that_has_changed(db: Database, ana: Account) -> None:
    set_password(db, ana, "new hash")
    with pytest.raises(InvalidAccount):
        create_session(db, ana)
    now = get_account(db, ana.email)
    set_disabled(db, now, True)
    with pytest.raises(InvalidAccount):
        create_session(db, now)
    with pytest.raises(InvalidAccount):
        create_link(db, now)
    assert list_sessions(db, ana) == []


def test_old_sessions_are_swept_away(db: Database, ana: Account, clock: Clock) -> None:
    create_session(db, ana)
    clock.now += IDLE_S
    create_session(db, ana)
    assert db.table("sessions").count == 1


def test_no_token_and_no_code_is_stored(db: Database, ana: Account, tmp_path: Path) -> None:
    secrets = [create_link(db, ana), create_session(db, ana), "RECOVERYCODE2345"]
    set_totp(db, ana, "sealed", secrets[2:])
    stored = "\n".join(db.conn.iterdump())
    assert [secret for secret in secrets if secret in stored] == []
    assert all(accounts.hash_token(secret) in stored for secret in secrets)


# --- One-time codes ----------------------------------------------------------------------


def test_a_step_and_those_before_it_are_used_once(db: Database, ana: Account) -> None:
    set_totp(db, ana, "sealed", ())
    assert [use_totp_step(db, ana, step) for step in (5, 5, 4, 6)] == [True, False, False, True]


def test_a_recovery_code_is_used_once(db: Database, ana: Account) -> None:
    set_totp(db, ana, "sealed", ["AAAA", "BBBB"])
    used = [use_recovery_code(db, ana, code) for code in ("AAAA", "AAAA", "CCCC")]
    assert used == [True, False, False]
    assert count_recovery_codes(db, ana) == 1
