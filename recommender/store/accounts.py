"""Who may work on the listings, and in which browsers they are signed in.

Tokens are 256 random bits and recovery codes 80, so that a plain SHA-256 of them is all that
is kept: nobody can sign in with a copy of the database.
"""

from __future__ import annotations

import hashlib
import re
import secrets
import time
from collections.abc import Iterable
from dataclasses import dataclass
from enum import StrEnum
from typing import Any

from sqlite_utils import Database

from recommender.errors import NotFound, RecommenderError
from recommender.store import snapshot, transaction

LINK_S = 48 * 3600
IDLE_S = 30 * 60
ABSOLUTE_S = 12 * 3600
# A session that is in use is not written at every click.
SEEN_EVERY_S = 60
MAX_EMAIL = 254
MAX_NAME = 200


class InvalidAccount(RecommenderError):
    """An account that cannot be made or used; the message says why."""


class Role(StrEnum):
    """What a member of staff may do; each role may do all that the ones before it may."""

    EDITOR = "editor"
    REVIEWER = "reviewer"
    ADMIN = "admin"

    def covers(self, other: Role) -> bool:
        """Whether this role may do what the other one may."""
        order = tuple(Role)
        return order.index(self) >= order.index(other)


@dataclass(frozen=True, kw_only=True)
class Account:
    """A member of staff; an empty `password_hash` or `totp_secret` means that there is none."""

    id: int
    email: str
    name: str
    role: Role
    password_hash: str
    totp_secret: str
    is_disabled: bool
    created_at: str


@dataclass(frozen=True, kw_only=True)
class Session:
    """A browser in which somebody is signed in; times are seconds since 1970."""

    token_hash: str
    account: Account
    csrf: str
    created_at: int
    seen_at: int


def hash_token(token: str) -> str:
    """What is stored of a token or a recovery code."""
    return hashlib.sha256(token.encode()).hexdigest()


def tidy_email(email: str) -> str:
    """An address as it is stored and compared."""
    return email.strip().lower()


# --- Accounts ----------------------------------------------------------------------------


def create_account(db: Database, email: str, role: Role, name: str = "") -> Account:
    """Make an account without a password; without a name it goes by the address's first part.

    Raises:
        InvalidAccount: it is no address or too long, or the address has an account already.
    """
    email = tidy_email(email)
    if not re.fullmatch(r"[^@\s]+@[^@\s]+", email) or len(email) > MAX_EMAIL:
        raise InvalidAccount("This is not an e-mail address.")
    name = name.strip() or email.partition("@")[0]
    if len(name) > MAX_NAME:
        raise InvalidAccount(f"A name has at most {MAX_NAME} characters.")
    with transaction(db):
        if find_account(db, email) is not None:
            raise InvalidAccount("There is an account with this address already.")
        row = {"email": email, "name": name, "role": role.value}
        db.table("staff").insert(row, pk="id")
        return get_account(db, email)


def find_account(db: Database, email: str) -> Account | None:
    """The account of an address, disabled or not, or None."""
    with snapshot(db):
        rows = list(db.query("SELECT * FROM staff WHERE email = ?", [tidy_email(email)]))
    return _to_account(rows[0]) if rows else None


def get_account(db: Database, email: str) -> Account:
    """The account of an address, disabled or not.

    Raises:
        NotFound: there is none.
    """
    account = find_account(db, email)
    if account is None:
        raise NotFound("There is no account with this address.")
    return account


def list_accounts(db: Database) -> list[Account]:
    """All accounts by address."""
    with snapshot(db):
        return [_to_account(row) for row in db.query("SELECT * FROM staff ORDER BY email")]


def set_disabled(db: Database, account: Account, is_disabled: bool) -> None:
    """Let nobody use an account, from this moment on, or let it be used again."""
    with transaction(db):
        _update(db, account, {"is_disabled": int(is_disabled)})
        if is_disabled:
            _revoke(db, account)


def set_role(db: Database, account: Account, role: Role) -> None:
    """Change what an account may do, and end its sessions."""
    with transaction(db):
        _update(db, account, {"role": role.value})
        end_sessions(db, account)


def set_password(db: Database, account: Account, password_hash: str) -> None:
    """Change a password; end the account's sessions and its links."""
    with transaction(db):
        _update(db, account, {"password_hash": password_hash})
        _revoke(db, account)


# --- Links to set a password -------------------------------------------------------------


def create_link(db: Database, account: Account) -> str:
    """A token with which the password can be set once within `LINK_S`; it replaces others.

    Raises:
        InvalidAccount: the account is disabled.
    """
    token = secrets.token_urlsafe(32)
    with transaction(db):
        if get_account(db, account.email).is_disabled:
            raise InvalidAccount("The account is disabled: enable it first.")
        db.execute("DELETE FROM staff_links WHERE staff_id = ?", [account.id])
        db.execute(
            "INSERT INTO staff_links (token_hash, staff_id, expires_at) VALUES (?, ?, ?)",
            [hash_token(token), account.id, _now() + LINK_S],
        )
    return token


def reset_account(db: Database, account: Account, *, keep_codes: bool = True) -> str:
    """Take away the password and all sessions, and return the token of a new link.

    Args:
        db: The store.
        account: Whose password is lost, or known to others.
        keep_codes: Whether one-time codes are asked for as before.

    Raises:
        InvalidAccount: the account is disabled.
    """
    with transaction(db):
        token = create_link(db, account)
        _update(db, account, {"password_hash": ""})
        end_sessions(db, account)
        if not keep_codes:
            clear_totp(db, account)
    return token


def open_link(db: Database, token: str) -> Account:
    """The account whose password a link may set.

    Raises:
        NotFound: the link was used, replaced or is too old, or its account is disabled.
    """
    with snapshot(db):
        rows = list(
            db.query(
                "SELECT staff.* FROM staff_links JOIN staff ON staff.id = staff_links.staff_id"
                " WHERE token_hash = ? AND expires_at > ? AND NOT is_disabled",
                [hash_token(token), _now()],
            )
        )
    if not rows:
        raise NotFound("No such link.")
    return _to_account(rows[0])


def use_link(db: Database, token: str, password_hash: str) -> Account:
    """Set the password of a link's account, which ends its sessions and uses the link up.

    Raises:
        NotFound: see `open_link`.
    """
    with transaction(db):
        account = open_link(db, token)
        set_password(db, account, password_hash)
        return get_account(db, account.email)


# --- Sessions ----------------------------------------------------------------------------


def create_session(db: Database, account: Account) -> str:
    """Start a session, and return the token that only its browser will know.

    Raises:
        InvalidAccount: the account was disabled, or its password changed, since it was read.
    """
    token, now = secrets.token_urlsafe(32), _now()
    with transaction(db):
        db.execute(
            "DELETE FROM sessions WHERE created_at <= ? OR seen_at <= ?",
            [now - ABSOLUTE_S, now - IDLE_S],
        )
        made = db.execute(
            "INSERT INTO sessions (token_hash, staff_id, csrf, created_at, seen_at)"
            " SELECT ?, id, ?, ?, ? FROM staff"
            " WHERE id = ? AND password_hash = ? AND NOT is_disabled",
            [
                hash_token(token),
                secrets.token_urlsafe(32),
                now,
                now,
                account.id,
                account.password_hash,
            ],
        )
        if made.rowcount != 1:
            raise InvalidAccount("The account changed in the meantime.")
    return token


def find_session(db: Database, token: str) -> Session | None:
    """The session of a token if it is still good, which it stays by being used."""
    token_hash, now = hash_token(token), _now()
    with snapshot(db):
        rows = _query_sessions(db, "token_hash = ?", token_hash)
    if not rows:
        return None
    session = rows[0]
    if now - session.seen_at >= SEEN_EVERY_S:
        with transaction(db):
            db.execute("UPDATE sessions SET seen_at = ? WHERE token_hash = ?", [now, token_hash])
    return session


def list_sessions(db: Database, account: Account) -> list[Session]:
    """The sessions that an account has, newest first."""
    with snapshot(db):
        return _query_sessions(db, "staff_id = ?", account.id)


def end_session(db: Database, session: Session) -> None:
    """Sign one browser out."""
    with transaction(db):
        db.execute("DELETE FROM sessions WHERE token_hash = ?", [session.token_hash])


def end_sessions(db: Database, account: Account, *, but: Session | None = None) -> None:
    """Sign all browsers of an account out, or all but one."""
    kept = but.token_hash if but else ""
    with transaction(db):
        db.execute(
            "DELETE FROM sessions WHERE staff_id = ? AND token_hash <> ?", [account.id, kept]
        )


def _query_sessions(db: Database, condition: str, value: str | int) -> list[Session]:
    now = _now()
    rows = db.query(
        "SELECT staff.*, token_hash, csrf, sessions.created_at AS began_at, seen_at"  # noqa: S608
        " FROM sessions JOIN staff ON staff.id = sessions.staff_id"
        " WHERE sessions.created_at > ? AND seen_at > ? AND NOT is_disabled"
        f" AND {condition} ORDER BY began_at DESC, token_hash",
        [now - ABSOLUTE_S, now - IDLE_S, value],
    )
    return [
        Session(
            token_hash=row["token_hash"],
            account=_to_account(row),
            csrf=row["csrf"],
            created_at=row["began_at"],
            seen_at=row["seen_at"],
        )
        for row in rows
    ]


# --- One-time codes ----------------------------------------------------------------------


def set_totp(db: Database, account: Account, secret: str, codes: Iterable[str]) -> None:
    """Ask for one-time codes from now on; the secret comes sealed, recovery codes plain."""
    with transaction(db):
        _update(db, account, {"totp_secret": secret, "totp_last_step": 0})
        set_recovery_codes(db, account, codes)


def clear_totp(db: Database, account: Account) -> None:
    """Ask for one-time codes no longer."""
    set_totp(db, account, "", ())


def use_totp_step(db: Database, account: Account, step: int) -> bool:
    """Take the code of a time step; False when that or a later one was used already."""
    with transaction(db):
        used = db.execute(
            "UPDATE staff SET totp_last_step = ? WHERE id = ? AND totp_last_step < ?",
            [step, account.id, step],
        )
    return bool(used.rowcount == 1)


def set_recovery_codes(db: Database, account: Account, codes: Iterable[str]) -> None:
    """Replace an account's recovery codes."""
    with transaction(db):
        db.execute("DELETE FROM recovery_codes WHERE staff_id = ?", [account.id])
        rows = [{"staff_id": account.id, "code_hash": hash_token(code)} for code in codes]
        db.table("recovery_codes").insert_all(rows)


def use_recovery_code(db: Database, account: Account, code: str) -> bool:
    """Take a recovery code; False when there is none such, or not any more."""
    with transaction(db):
        used = db.execute(
            "DELETE FROM recovery_codes WHERE staff_id = ? AND code_hash = ?",
            [account.id, hash_token(code)],
        )
    return bool(used.rowcount == 1)


def count_recovery_codes(db: Database, account: Account) -> int:
    """How many recovery codes an account has left."""
    with snapshot(db):
        found = db.execute(
            "SELECT count(*) FROM recovery_codes WHERE staff_id = ?", [account.id]
        ).fetchone()
    return int(found[0])


def forget_tries(db: Database, key: str) -> None:
    """Begin a window of `inbox.check_rate` anew."""
    with transaction(db):
        db.execute("DELETE FROM rate_windows WHERE key = ?", [key])


def _now() -> int:
    return int(time.time())


def _update(db: Database, account: Account, values: dict[str, Any]) -> None:
    db.table("staff").update(account.id, values)


def _revoke(db: Database, account: Account) -> None:
    db.execute("DELETE FROM staff_links WHERE staff_id = ?", [account.id])
    end_sessions(db, account)


def _to_account(row: dict[str, Any]) -> Account:
    return Account(
        id=row["id"],
        email=row["email"],
        name=row["name"],
        role=Role(row["role"]),
        password_hash=row["password_hash"],
        totp_secret=row["totp_secret"],
        is_disabled=bool(row["is_disabled"]),
        created_at=row["created_at"],
    )
