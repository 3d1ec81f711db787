"""How listings age: published → due for a check → stale, oldest first and never many at once.

What is due stays in every answer; what is stale has a page with a notice, and is in none.
"""

from __future__ import annotations

from calendar import monthrange
from dataclasses import dataclass, replace
from datetime import date

from sqlite_utils import Database

from recommender.models import RevisionKind, Status
from recommender.store import snapshot, transaction
from recommender.store.history import SCHEDULE, Action
from recommender.store.listings import change_listing, get_listing
from recommender.store.rows import Row


@dataclass(frozen=True, kw_only=True)
class AgeingPolicy:
    """When a listing is old, and how many are moved.

    Attributes:
        due_after: Months after the last check.
        stale_after: Months for which nobody has looked at what is due.
        max_due: How many may be due at a time, so that there is an end to the work.
        max_stale: How many become stale in a day, so that none are lost unseen.
    """

    due_after: int = 12
    stale_after: int = 12
    max_due: int = 50
    max_stale: int = 10


@dataclass(frozen=True, kw_only=True)
class Ageing:
    """The slugs that are moved, longest unchecked first, and how many are as old without that.

    `n_due` are due already.
    """

    due: tuple[str, ...]
    stale: tuple[str, ...]
    n_old: int
    n_long_due: int
    n_due: int


def plan_ageing(db: Database, today: date, policy: AgeingPolicy = AgeingPolicy()) -> Ageing:
    """What `age_listings` would do on a day.

    The last check is the day of verification or the newest source, whichever is later; a
    source of 2024 is as old as the last day of 2024.
    """
    values: Row = {
        "due_before": months_before(today, policy.due_after),
        "stale_before": months_before(today, policy.stale_after),
    }
    with snapshot(db):
        old, long_due = _slugs(db, _OLD, values), _slugs(db, _LONG_DUE, values)
        n_due = _count(db, "SELECT count(*) FROM nonprofits WHERE status = 'due'", {})
        n_staled = _count(db, _STALED, {"today": today.isoformat(), "schedule": SCHEDULE.name})
    stale = long_due[: max(0, policy.max_stale - n_staled)]
    due = old[: max(0, policy.max_due - (n_due - len(stale)))]
    return Ageing(
        due=tuple(due),
        stale=tuple(stale),
        n_old=len(old),
        n_long_due=len(long_due),
        n_due=n_due,
    )


def age_listings(
    db: Database, today: date, policy: AgeingPolicy = AgeingPolicy(), *, note: str = ""
) -> Ageing:
    """Let listings age; doing it again on the same day changes nothing."""
    with transaction(db):
        plan = plan_ageing(db, today, policy)
        at = f"{today.isoformat()}T00:00:00Z"
        action = Action(kind=RevisionKind.STATUS, author=SCHEDULE, at=at, note=note)
        moves = [(slug, Status.DUE) for slug in plan.due]
        moves += [(slug, Status.STALE) for slug in plan.stale]
        for slug, to in moves:
            listing = get_listing(db, slug)
            change_listing(db, listing, replace(listing.nonprofit, status=to), action)
    return plan


_OLD = """
    SELECT slug FROM (
        SELECT slug, status, max(verified_on, coalesce(
            (SELECT max(as_of) FROM sources WHERE nonprofit_id = id), '')) AS checked_on
        FROM nonprofits)
    WHERE status = 'published'
        AND (checked_on = '' OR checked_on < substr(:due_before, 1, length(checked_on)))
    ORDER BY checked_on, slug"""

_LONG_DUE = """
    SELECT slug FROM (
        SELECT slug, substr(coalesce(
            (SELECT max(created_at) FROM revisions
            WHERE nonprofit_id = nonprofits.id AND is_live
                AND json_extract(after, '$.status') = 'due'
                AND coalesce(json_extract(before, '$.status'), '') <> 'due'),
            updated_at), 1, 10) AS due_since
        FROM nonprofits WHERE status = 'due')
    WHERE due_since <= :stale_before
    ORDER BY due_since, slug"""

_STALED = """
    SELECT count(*) FROM revisions
    WHERE kind = 'status' AND is_live AND staff_id IS NULL AND staff_name = :schedule
        AND substr(created_at, 1, 10) = :today AND json_extract(after, '$.status') = 'stale'"""


def _slugs(db: Database, sql: str, values: Row) -> list[str]:
    return [slug for (slug,) in db.execute(sql, values)]


def _count(db: Database, sql: str, values: Row) -> int:
    return int(db.execute(sql, values).fetchone()[0])


def months_before(day: date, months: int) -> str:
    """The day as many months before another, as an ISO date; the last of a shorter month."""
    year, month = divmod(day.year * 12 + day.month - 1 - months, 12)
    last = monthrange(year, month + 1)[1]
    return date(year, month + 1, min(day.day, last)).isoformat()
