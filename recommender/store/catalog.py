"""The catalogue as a whole: what the files hold, what is stored, and which state it is in."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from sqlite_utils import Database

from recommender.models import Guide, Nonprofit, Resource, Tag, TermMapping
from recommender.store import snapshot, storage_errors, transaction
from recommender.store.library import (
    LibraryKind,
    drop_other_tags,
    get_guide,
    get_resource,
    list_guides,
    list_resources,
    list_tags,
    list_term_mappings,
    load_guides,
    load_resources,
    load_tags,
    load_term_map,
    put_tags,
)
from recommender.store.listings import (
    EXCLUDED,
    PUBLIC,
    SHOWN,
    LoadReport,
    get_nonprofit,
    list_excluded,
    list_nonprofits,
    load_nonprofits,
    set_status,
)

__all__ = [
    "EXCLUDED",
    "PUBLIC",
    "SHOWN",
    "CatalogReport",
    "Contents",
    "Counts",
    "LoadReport",
    "count_nonprofits",
    "get_catalog_revision",
    "get_data_digest",
    "get_guide",
    "get_nonprofit",
    "get_resource",
    "list_excluded",
    "list_guides",
    "list_nonprofits",
    "list_resources",
    "list_tags",
    "list_term_mappings",
    "load_catalog",
    "load_guides",
    "load_nonprofits",
    "load_resources",
    "load_tags",
    "load_term_map",
    "set_status",
]


@dataclass(frozen=True, kw_only=True)
class Contents:
    """Everything the data files hold; `digest` tells one state of the files from another."""

    nonprofits: Sequence[Nonprofit]
    tags: Sequence[Tag]
    term_map: Sequence[TermMapping] = ()
    resources: Sequence[Resource] = ()
    guides: Sequence[Guide] = ()
    digest: str = ""


@dataclass(frozen=True, kw_only=True)
class Counts:
    """How many listings there are of each status, office state and basis."""

    status: dict[str, int]
    state: dict[str, int]
    basis: dict[str, int]


@dataclass(frozen=True, kw_only=True)
class CatalogReport:
    """What a load did.

    `kept` are the terms, resources and guides that differ from the files, but that staff have
    edited since, as "kind key".
    """

    listings: LoadReport
    kept: tuple[str, ...] = ()


def load_catalog(db: Database, contents: Contents) -> CatalogReport:
    """Bring the whole catalogue in line with the files, all of it or nothing.

    What staff have edited stays as they left it.

    Raises:
        StorageError: a record does not fit; the message says which.
    """
    with transaction(db):
        put_tags(db, contents.tags)
        report = load_nonprofits(db, contents.nonprofits)
        drop_other_tags(db, contents.tags)
        kept = {
            LibraryKind.TERM: load_term_map(db, contents.term_map),
            LibraryKind.RESOURCE: load_resources(db, contents.resources),
            LibraryKind.GUIDE: load_guides(db, contents.guides),
        }
        db.execute("UPDATE meta SET value = ? WHERE key = 'data_digest'", [contents.digest])
    named = tuple(f"{kind} {key}" for kind, keys in kept.items() for key in keys)
    return CatalogReport(listings=report, kept=named)


def get_data_digest(db: Database) -> str:
    """The digest of the files that were loaded last; empty before the first load."""
    return _meta(db, "data_digest")


def get_catalog_revision(db: Database) -> int:
    """A number that has grown whenever shown content has changed since it was last read.

    It comes from the file, so it is the same for every connection and process, unlike
    `PRAGMA data_version`, which means nothing to another connection.
    """
    return int(_meta(db, "catalog_revision"))


def count_nonprofits(db: Database) -> Counts:
    """How the listings of all states are spread."""
    with snapshot(db):
        return Counts(
            status=_counts(db, "SELECT status, count(*) FROM nonprofits GROUP BY 1 ORDER BY 1"),
            state=_counts(
                db,
                "SELECT state, count(DISTINCT nonprofit_id) FROM locations"
                " WHERE is_primary GROUP BY 1 ORDER BY 1",
            ),
            basis=_counts(db, "SELECT basis, count(*) FROM nonprofits GROUP BY 1 ORDER BY 1"),
        )


def _counts(db: Database, sql: str) -> dict[str, int]:
    return dict(db.execute(sql).fetchall())


def _meta(db: Database, key: str) -> str:
    with storage_errors():
        row = db.execute("SELECT value FROM meta WHERE key = ?", [key]).fetchone()
        return str(row[0])
