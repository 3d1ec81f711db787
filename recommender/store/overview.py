"""The directory at a glance: counts for the desk's pictures, of listings that are public."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass

from sqlite_utils import Database

from recommender.models import SubmissionKind
from recommender.store import snapshot
from recommender.store.worklist import THIN_CHARACTERS, list_queue

LIBRARY = "library"
"""A change of the term map, of a resource or of a guide that waits for review."""


@dataclass(frozen=True, kw_only=True)
class Coverage:
    """Where listings are. A listing counts in every state in which it has an office.

    Attributes:
        offices: Listings with an office in a state.
        thin: Those of them that donors will hardly find.
        visiting: Listings that name a state they serve, and have no office in it.
        services: Listings with an office in a state, by (state, service).
    """

    offices: dict[str, int]
    thin: dict[str, int]
    visiting: dict[str, int]
    services: dict[tuple[str, str], int]


@dataclass(frozen=True, kw_only=True)
class Waiting:
    """One thing that waits: its kind, since when (ISO 8601), and whose it is to do or was.

    The kind is a `QueueKind`, a `SubmissionKind` or `LIBRARY`.
    """

    kind: str
    since: str
    author_id: int | None = None
    assignee_id: int | None = None


def measure_coverage(db: Database) -> Coverage:
    """How the public listings are spread over states and services."""
    with snapshot(db):
        services = db.execute(_SERVICES).fetchall()
        return Coverage(
            offices=_counts(db, _OFFICES.format(condition="1")),
            thin=_counts(db, _OFFICES.format(condition=_IS_THIN)),
            visiting=_counts(db, _VISITING),
            services={(state, tag): number for state, tag, number in services},
        )


def count_thin(db: Database) -> tuple[int, int]:
    """How many public listings donors will hardly find, and how many there are."""
    with snapshot(db):
        thin, total = db.execute(_THIN).fetchone()
    return int(thin or 0), int(total)


def count_checks(db: Database) -> dict[str, int]:
    """Public listings by the last check: a year, a month or a day; "" where there was none."""
    with snapshot(db):
        return _counts(db, _CHECKS)


def list_waiting(db: Database) -> list[Waiting]:
    """Everything that waits for staff: listings, revisions and messages."""
    with snapshot(db):
        listings = [
            Waiting(
                kind=item.kind,
                since=item.since,
                author_id=item.author_id,
                assignee_id=item.assignee_id,
            )
            for item in list_queue(db, limit=-1)
        ]
        return [*listings, *_messages(db), *_library(db)]


def _messages(db: Database) -> Iterable[Waiting]:
    for kind, since in db.execute("SELECT kind, created_at FROM submissions WHERE status = 'new'"):
        yield Waiting(kind=SubmissionKind(kind), since=since)


def _library(db: Database) -> Iterable[Waiting]:
    for since, author_id in db.execute(
        "SELECT created_at, staff_id FROM library_revisions WHERE state = 'pending'"
    ):
        yield Waiting(kind=LIBRARY, since=since, author_id=author_id)


def _counts(db: Database, sql: str) -> dict[str, int]:
    return dict(db.execute(sql).fetchall())


# The same as in the staff's list; a test holds them together.
_IS_THIN = f"""(listed.basis = 'name' OR length(listed.summary_en) < {THIN_CHARACTERS}
    OR NOT EXISTS (SELECT 1 FROM nonprofit_tags
        WHERE nonprofit_id = listed.id AND kind = 'services'))"""  # noqa: S608

_OFFICES = """
    SELECT state, count(DISTINCT listed.id)
    FROM nonprofits AS listed JOIN locations ON locations.nonprofit_id = listed.id
    WHERE listed.status IN ('published', 'due') AND {condition}
    GROUP BY state ORDER BY state"""

_THIN = f"""
    SELECT sum({_IS_THIN}), count(*) FROM nonprofits AS listed
    WHERE listed.status IN ('published', 'due')"""  # noqa: S608

_VISITING = """
    SELECT areas.state, count(DISTINCT listed.id)
    FROM nonprofits AS listed JOIN service_areas AS areas ON areas.nonprofit_id = listed.id
    WHERE listed.status IN ('published', 'due') AND NOT EXISTS (
        SELECT 1 FROM locations WHERE nonprofit_id = listed.id AND state = areas.state)
    GROUP BY 1 ORDER BY 1"""

_SERVICES = """
    SELECT state, tag, count(DISTINCT listed.id)
    FROM nonprofits AS listed
    JOIN locations ON locations.nonprofit_id = listed.id
    JOIN nonprofit_tags AS tags ON tags.nonprofit_id = listed.id AND tags.kind = 'services'
    WHERE listed.status IN ('published', 'due')
    GROUP BY state, tag"""

_CHECKS = """
    SELECT max(verified_on, coalesce(
        (SELECT max(as_of) FROM sources WHERE nonprofit_id = nonprofits.id), '')), count(*)
    FROM nonprofits WHERE status IN ('published', 'due') GROUP BY 1 ORDER BY 1"""
