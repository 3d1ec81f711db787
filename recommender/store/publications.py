"""Publications: who made which generation serve, when, with what came of it."""

from __future__ import annotations

import json
from dataclasses import asdict, dataclass, replace
from enum import StrEnum
from typing import Any

from sqlite_utils import Database

from recommender.errors import NotFound
from recommender.store import snapshot, transaction
from recommender.store.history import now
from recommender.store.rows import Row

MAX_TRIES = 3
"""How often the same catalogue is tried by itself where tries break off without a verdict."""


class PublicationKind(StrEnum):
    """A new build of the catalogue, or the return to a generation that is kept."""

    BUILD = "build"
    RETURN = "return"


class PublicationState(StrEnum):
    """What came of a publication.

    Refused is what was built and answered golden queries wrongly; failed is what broke;
    interrupted is what ended with its process.
    """

    UNDERWAY = "underway"
    PUBLISHED = "published"
    REFUSED = "refused"
    FAILED = "failed"
    INTERRUPTED = "interrupted"


@dataclass(frozen=True, kw_only=True)
class ChangedListing:
    """A listing that a new generation has otherwise than the one before, and in which fields."""

    slug: str
    fields: tuple[str, ...]


@dataclass(frozen=True, kw_only=True)
class Changes:
    """How a generation differs from the one that served before.

    The counts are whole; the lists hold the first listings by slug. `words` says that what
    donors' words are taken to mean has changed.
    """

    n_added: int = 0
    n_left: int = 0
    n_changed: int = 0
    added: tuple[str, ...] = ()
    left: tuple[str, ...] = ()
    changed: tuple[ChangedListing, ...] = ()
    words: bool = False


@dataclass(frozen=True, kw_only=True)
class WrongAnswer:
    """A golden query that was not answered as it should be."""

    query_id: str
    expected: str
    found: str


@dataclass(frozen=True, kw_only=True)
class Publication:
    """One publication. `started_at` is ISO 8601 in UTC; `previous` served before it.

    `catalog_revision` is the state of the catalogue that was built, or in which somebody
    went back to another generation. `staff_id` is None for the schedule, for commands, and
    for accounts that are gone.
    """

    kind: PublicationKind
    catalog_revision: int
    staff_name: str
    staff_id: int | None = None
    id: int = 0
    state: PublicationState = PublicationState.UNDERWAY
    generation: str = ""
    previous: str = ""
    n_listings: int = 0
    n_queries: int = 0
    seconds: float = 0.0
    reason: str = ""
    failures: tuple[WrongAnswer, ...] = ()
    changes: Changes = Changes()
    started_at: str = ""


@dataclass(frozen=True, kw_only=True)
class PublicationPage:
    """One page of the history, newest first, and how many there are in all."""

    publications: tuple[Publication, ...]
    total: int


def begin_publication(db: Database, publication: Publication) -> Publication:
    """Write down that a publication begins, with its number and time."""
    begun = replace(publication, started_at=now())
    with transaction(db):
        row = {name: value for name, value in _to_row(begun).items() if name != "id"}
        stored = db.table("publications").insert(row, pk="id")
    return replace(begun, id=int(stored.last_pk or 0))


def update_publication(db: Database, publication: Publication) -> None:
    """Write down what is known of a publication by now."""
    with transaction(db):
        db.table("publications").update(publication.id, _to_row(publication))


def settle_interrupted(db: Database, serving: str) -> None:
    """Say what became of publications whose process ended before it could.

    Call it under the lock of publishing, where none can be under way.

    Args:
        db: The store.
        serving: The generation that serves, which one of them may have been about to write down.
    """
    with transaction(db):
        db.execute(
            "UPDATE publications SET state = CASE WHEN generation <> '' AND generation = ?"
            " THEN 'published' ELSE 'interrupted' END WHERE state = 'underway'",
            [serving],
        )


def find_hold(db: Database) -> Publication | None:
    """The publication for which the catalogue as it is now is not published by itself.

    That is a refusal, a return to another generation, or one failure too many, unless
    something has changed or been published since.
    """
    with snapshot(db):
        rows = db.query(_TRIES, [MAX_TRIES])
        tries = [_to_publication(row) for row in rows]
    if not tries:
        return None
    last = tries[0]
    is_decided = last.kind is PublicationKind.RETURN or last.state is PublicationState.REFUSED
    broken = (PublicationState.FAILED, PublicationState.INTERRUPTED)
    gave_up = len(tries) == MAX_TRIES and all(found.state in broken for found in tries)
    return last if is_decided or gave_up else None


_TRIES = """
    SELECT * FROM publications
    WHERE state <> 'underway' AND catalog_revision = (
        SELECT CAST(value AS INTEGER) FROM meta WHERE key = 'catalog_revision')
    ORDER BY id DESC LIMIT ?"""


def get_publication(db: Database, id_: int) -> Publication:
    """One publication.

    Raises:
        NotFound: there is none of this number.
    """
    with snapshot(db):
        for row in db.query("SELECT * FROM publications WHERE id = ?", [id_]):
            return _to_publication(row)
    raise NotFound(f"There is no publication {id_}.")


def find_last_publication(db: Database) -> Publication | None:
    """The newest publication, whatever came of it."""
    page = list_publications(db, page_size=1)
    return page.publications[0] if page.publications else None


def list_publications(db: Database, *, page: int = 1, page_size: int = 30) -> PublicationPage:
    """The history of publications, one page of it."""
    with snapshot(db):
        (total,) = db.execute("SELECT count(*) FROM publications").fetchone()
        rows = db.query(
            "SELECT * FROM publications ORDER BY id DESC LIMIT ? OFFSET ?",
            [page_size, (page - 1) * page_size],
        )
        return PublicationPage(
            publications=tuple(_to_publication(row) for row in rows), total=int(total)
        )


def _to_row(publication: Publication) -> Row:
    values = asdict(publication)
    return values | {name: json.dumps(values[name]) for name in ("failures", "changes")}


def _to_publication(row: Row) -> Publication:
    changes: dict[str, Any] = json.loads(row["changes"])
    return Publication(
        **row
        | {
            "kind": PublicationKind(row["kind"]),
            "state": PublicationState(row["state"]),
            "failures": tuple(WrongAnswer(**failure) for failure in json.loads(row["failures"])),
            "changes": Changes(
                **changes
                | {name: tuple(changes.get(name, ())) for name in ("added", "left")}
                | {"changed": tuple(_to_changed(item) for item in changes.get("changed", ()))}
            ),
        }
    )


def _to_changed(item: dict[str, Any]) -> ChangedListing:
    return ChangedListing(slug=item["slug"], fields=tuple(item["fields"]))
