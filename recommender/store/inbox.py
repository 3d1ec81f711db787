"""What visitors send to staff, and how often they may; `handling` is what staff do with it."""

from __future__ import annotations

import json
import time
from collections import defaultdict
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from enum import StrEnum
from typing import Any, cast

from sqlite_utils import Database

from recommender.errors import NotFound, RateLimited
from recommender.models import Language, Submission, SubmissionKind
from recommender.store import snapshot, transaction
from recommender.store.rows import Row

CONTACT_DAYS = 30
"""So long after a submission was handled, how to reach its sender is kept."""

URGENCY = (
    SubmissionKind.REMOVAL,
    SubmissionKind.CLAIM,
    SubmissionKind.FIX,
    SubmissionKind.PARTNER,
    SubmissionKind.NOMINATION,
)
"""The kinds of submissions, most pressing first."""

MAX_NUMBER = 2**63 - 1


class SubmissionStatus(StrEnum):
    """Whether staff have handled a submission."""

    NEW = "new"
    DONE = "done"
    DECLINED = "declined"


class Outcome(StrEnum):
    """What staff did with a submission. What was only taken down still waits for a decision."""

    LISTED = "listed"
    KNOWN = "known"
    CHANGED = "changed"
    CONFIRMED = "confirmed"
    TAKEN_DOWN = "taken-down"
    BARRED = "barred"
    CLOSED = "closed"
    DECLINED = "declined"
    REOPENED = "reopened"


@dataclass(frozen=True, kw_only=True)
class Handling:
    """An action of staff. `reason` is a code; `revision` a number in the listing's history."""

    outcome: Outcome
    staff_name: str
    created_at: str
    reason: str = ""
    note: str = ""
    revision: int | None = None
    staff_id: int | None = None


@dataclass(frozen=True, kw_only=True)
class InboxItem:
    """A submission as staff find it; times are ISO 8601 in UTC, empty where nothing happened.

    `listed_as` is the name of the listing it is about or has become; `actions` are what staff
    did, oldest first.
    """

    id: int
    created_at: str
    status: SubmissionStatus
    submission: Submission
    listed_as: str = ""
    handled_at: str = ""
    contact_erased_at: str = ""
    actions: tuple[Handling, ...] = ()

    @property
    def outcome(self) -> Handling | None:
        """What was done last, or None where nothing was or it was put back."""
        last = self.actions[-1] if self.actions else None
        return None if last is None or last.outcome is Outcome.REOPENED else last


@dataclass(frozen=True, kw_only=True)
class InboxQuery:
    """What staff want to see of the inbox; `page` counts from 1."""

    status: SubmissionStatus = SubmissionStatus.NEW
    kinds: tuple[SubmissionKind, ...] = ()
    page: int = 1
    page_size: int = 50


@dataclass(frozen=True, kw_only=True)
class InboxPage:
    """One page of the inbox, and how many there are in all."""

    items: tuple[InboxItem, ...]
    total: int


# --- Writing to staff --------------------------------------------------------------------


def create_submission(db: Database, submission: Submission) -> int:
    """Keep a submission for staff, and return its number.

    Raises:
        NotFound: it speaks of a listing that does not exist.
        StorageError: it cannot be stored, for example because a part is too long.
    """
    row: dict[str, Any] = {
        "kind": submission.kind.value,
        "language": submission.language.value,
        **{name: getattr(submission, name) for name in _TEXTS},
    }
    with transaction(db):
        row["nonprofit_id"] = _nonprofit_id(db, submission.slug)
        stored = db.table("submissions").insert(row, pk="id")
        return cast(int, stored.last_pk)


def check_rate(db: Database, key: str, *, limit: int, window_s: int) -> None:
    """Count one try under a key, for all processes together.

    The window opens with the first try. The key is opaque here; the caller sees to it that
    nobody can be known from it, and that it names the rule as well as the visitor.

    Raises:
        RateLimited: there were `limit` tries within `window_s` seconds already.
    """
    at = int(time.time())
    with transaction(db):
        db.execute("DELETE FROM rate_windows WHERE ends_at <= ?", [at])
        found = db.execute(
            "SELECT count, ends_at FROM rate_windows WHERE key = ?", [key]
        ).fetchone()
        tries, ends_at = found or (0, at + window_s)
        if tries >= limit:
            raise RateLimited("Too many tries.", retry_after_s=ends_at - at)
        db.execute(
            "INSERT OR REPLACE INTO rate_windows (key, ends_at, count) VALUES (?, ?, ?)",
            [key, ends_at, tries + 1],
        )


# --- Reading -----------------------------------------------------------------------------


def search_inbox(db: Database, query: InboxQuery) -> InboxPage:
    """What waits, most pressing kind first and the oldest in it; what was handled, newest first."""
    order = _WAITING if query.status is SubmissionStatus.NEW else "handled_at DESC, submissions.id"
    values = {
        "status": query.status.value,
        "kinds": json.dumps(query.kinds),
        "urgency": json.dumps(URGENCY),
        "limit": query.page_size,
        "offset": (query.page - 1) * query.page_size,
    }
    with snapshot(db):
        chosen = f"{_ITEMS}{_CHOSEN}"
        rows = list(db.query(f"{chosen} ORDER BY {order} LIMIT :limit OFFSET :offset", values))
        (total,) = db.execute(_COUNT.format(chosen=_CHOSEN), values).fetchone()
        return InboxPage(items=_items(db, rows), total=total)


def count_inbox(db: Database) -> dict[SubmissionKind, int]:
    """How many submissions wait, by kind, most pressing first."""
    with snapshot(db):
        rows = db.execute("SELECT kind, count(*) FROM submissions WHERE status = 'new' GROUP BY 1")
        return dict.fromkeys(URGENCY, 0) | {SubmissionKind(kind): n for kind, n in rows}


def get_submission(db: Database, number: int) -> InboxItem:
    """One submission.

    Raises:
        NotFound: there is none with this number.
    """
    with snapshot(db):
        known = list(db.query(f"{_ITEMS} WHERE submissions.id = ?", [min(number, MAX_NUMBER)]))
        if not known:
            raise NotFound(f"There is no message {number}.")
        return _items(db, known)[0]


def list_about(db: Database, slug: str) -> tuple[InboxItem, ...]:
    """The submissions about a listing that wait, oldest first."""
    with snapshot(db):
        waiting = "WHERE nonprofits.slug = ? AND submissions.status = 'new' ORDER BY submissions.id"
        return _items(db, list(db.query(f"{_ITEMS} {waiting}", [slug])))


# --- Forgetting --------------------------------------------------------------------------


def erase_contacts(db: Database, at: datetime | None = None) -> int:
    """Erase how to reach the senders of what was handled `CONTACT_DAYS` ago; how many it were.

    Doing it often costs nothing: where nothing is due, nothing is written.
    """
    limit = (at or datetime.now(UTC)) - timedelta(days=CONTACT_DAYS)
    values = [limit.strftime("%Y-%m-%dT%H:%M:%SZ")]
    with snapshot(db):
        if not db.execute(_IS_ERASABLE, values).fetchone():
            return 0
    with transaction(db):
        return db.execute(_ERASE, values).rowcount


_TEXTS = ("message", "name", "website", "place", "source_url", "contact")
_IS_ERASABLE = """
    SELECT 1 FROM submissions
    WHERE contact <> '' AND status <> 'new' AND handled_at <= ?"""
_ERASE = """
    UPDATE submissions SET contact = '', contact_erased_at = strftime('%Y-%m-%dT%H:%M:%SZ')
    WHERE contact <> '' AND status <> 'new' AND handled_at <= ?"""
_ITEMS = """
    SELECT submissions.*, coalesce(nonprofits.slug, '') AS slug,
        coalesce(nonprofits.name, '') AS listed_as
    FROM submissions LEFT JOIN nonprofits ON nonprofits.id = submissions.nonprofit_id"""
_CHOSEN = """
    WHERE submissions.status = :status
        AND (:kinds = '[]' OR kind IN (SELECT value FROM json_each(:kinds)))"""
_COUNT = "SELECT count(*) FROM submissions{chosen}"
_WAITING = "(SELECT key FROM json_each(:urgency) WHERE value = kind), submissions.id"


def _nonprofit_id(db: Database, slug: str) -> int | None:
    if not slug:
        return None
    row = db.execute("SELECT id FROM nonprofits WHERE slug = ?", [slug]).fetchone()
    if row is None:
        raise NotFound(f"No listing {slug!r}.")
    return int(row[0])


def _items(db: Database, rows: Sequence[Row]) -> tuple[InboxItem, ...]:
    actions = _actions(db, [row["id"] for row in rows])
    return tuple(_to_item(row, actions.get(row["id"], [])) for row in rows)


def _actions(db: Database, numbers: Sequence[int]) -> dict[int, list[Handling]]:
    found = defaultdict(list)
    for row in db.table("submission_actions").rows_where(
        "submission_id IN (SELECT value FROM json_each(?))", [json.dumps(numbers)], order_by="id"
    ):
        values: dict[str, Any] = {name: row[name] for name in _OF_AN_ACTION}
        found[row["submission_id"]].append(Handling(**values, outcome=Outcome(row["outcome"])))
    return found


_OF_AN_ACTION = ("staff_name", "created_at", "reason", "note", "revision", "staff_id")


def _to_item(row: Row, actions: Sequence[Handling]) -> InboxItem:
    return InboxItem(
        id=row["id"],
        created_at=row["created_at"],
        status=SubmissionStatus(row["status"]),
        listed_as=row["listed_as"],
        handled_at=row["handled_at"],
        contact_erased_at=row["contact_erased_at"],
        actions=tuple(actions),
        submission=Submission(
            kind=SubmissionKind(row["kind"]),
            language=Language(row["language"]),
            slug=row["slug"],
            **{name: row[name] for name in _TEXTS},
        ),
    )
