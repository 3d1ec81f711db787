"""What visitors send to staff, and how often they may."""

from __future__ import annotations

import time
from dataclasses import dataclass
from typing import Any, cast

from sqlite_utils import Database

from recommender.errors import NotFound, RateLimited
from recommender.models import Language, Submission, SubmissionKind
from recommender.store import snapshot, transaction


@dataclass(frozen=True, kw_only=True)
class InboxItem:
    """A submission as staff find it; `created_at` is ISO 8601 in UTC."""

    id: int
    created_at: str
    status: str
    submission: Submission


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


def list_submissions(db: Database, status: str = "new") -> list[InboxItem]:
    """The submissions in one state, oldest first."""
    with snapshot(db):
        rows = db.query(
            "SELECT submissions.*, coalesce(nonprofits.slug, '') AS slug FROM submissions"
            " LEFT JOIN nonprofits ON nonprofits.id = submissions.nonprofit_id"
            " WHERE submissions.status = ? ORDER BY submissions.id",
            [status],
        )
        return [
            InboxItem(
                id=row["id"],
                created_at=row["created_at"],
                status=row["status"],
                submission=Submission(
                    kind=SubmissionKind(row["kind"]),
                    language=Language(row["language"]),
                    slug=row["slug"],
                    **{name: row[name] for name in _TEXTS},
                ),
            )
            for row in rows
        ]


def check_rate(db: Database, key: str, *, limit: int, window_s: int) -> None:
    """Count one try under a key, for all processes together.

    The window opens with the first try. The key is opaque here; the caller sees to it that
    nobody can be known from it, and that it names the rule as well as the visitor.

    Raises:
        RateLimited: there were `limit` tries within `window_s` seconds already.
    """
    now = int(time.time())
    with transaction(db):
        db.execute("DELETE FROM rate_windows WHERE ends_at <= ?", [now])
        found = db.execute(
            "SELECT count, ends_at FROM rate_windows WHERE key = ?", [key]
        ).fetchone()
        tries, ends_at = found or (0, now + window_s)
        if tries >= limit:
            raise RateLimited("Too many tries.", retry_after_s=ends_at - now)
        db.execute(
            "INSERT OR REPLACE INTO rate_windows (key, ends_at, count) VALUES (?, ?, ?)",
            [key, ends_at, tries + 1],
        )


_TEXTS = ("message", "name", "website", "place", "source_url", "contact")


def _nonprofit_id(db: Database, slug: str) -> int | None:
    if not slug:
        return None
    row = db.execute("SELECT id FROM nonprofits WHERE slug = ?", [slug]).fetchone()
    if row is None:
        raise NotFound(f"No listing {slug!r}.")
    return int(row[0])
