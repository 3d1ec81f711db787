"""The drafts of an import: many made at once, and taken back where nobody has touched them."""

from __future__ import annotations

import json
from collections.abc import Sequence
from dataclasses import dataclass

from sqlite_utils import Database

from recommender.errors import InvalidAction
from recommender.models import Listing, Nonprofit, RevisionKind
from recommender.store import transaction
from recommender.store.blocks import check_listable
from recommender.store.history import Action, Author
from recommender.store.listings import check_references, insert_listings


@dataclass(frozen=True, kw_only=True)
class Draft:
    """A listing to be made, and what stands in its history."""

    record: Nonprofit
    note: str


def create_drafts(db: Database, drafts: Sequence[Draft], author: Author) -> list[int]:
    """Add listings that an import brings, all of them or none; the numbers of their entries.

    What would take most of the time for one is asked once for all.

    Raises:
        InvalidAction: a slug or an EIN is taken by now, or one of them must not be listed.
        StorageError: one names an unknown tag or parent, or breaks the schema.
    """
    records = [draft.record for draft in drafts]
    with transaction(db):
        _check_free(db, records)
        check_listable(db, records)
        check_references(db, records)
        return insert_listings(
            db,
            [
                (
                    draft.record,
                    Action(kind=RevisionKind.IMPORT, author=author, note=draft.note),
                )
                for draft in drafts
            ],
        )


def _check_free(db: Database, records: Sequence[Nonprofit]) -> None:
    slugs = json.dumps([record.slug for record in records])
    eins = json.dumps([record.ein for record in records if record.ein])
    taken = db.execute(
        "SELECT slug FROM nonprofits WHERE slug IN (SELECT value FROM json_each(?))"
        " OR ein IN (SELECT value FROM json_each(?))",
        [slugs, eins],
    ).fetchone()
    if taken:
        raise InvalidAction(f"There is a listing {taken[0]} by now. Please compare again.")


def find_use(db: Database, listing: Listing) -> str:
    """What a listing is needed for, in words; empty where nothing is lost without it."""
    for reason, sql in _USES.items():
        if db.execute(sql, {"id": listing.id, "slug": listing.nonprofit.slug}).fetchone():
            return reason
    return ""


_USES = {
    "it has been worked on since": """
        SELECT 1 FROM revisions WHERE nonprofit_id = :id GROUP BY nonprofit_id
        HAVING count(*) > 1""",
    "somebody sees to it": "SELECT 1 FROM assignments WHERE nonprofit_id = :id",
    "visitors have written about it": "SELECT 1 FROM submissions WHERE nonprofit_id = :id",
    "another listing is part of it": "SELECT 1 FROM nonprofits WHERE parent_slug = :slug",
    "another listing was merged into it": "SELECT 1 FROM nonprofits WHERE merged_into = :id",
}


def remove_draft(db: Database, listing: Listing) -> None:
    """Take a listing and its history out of the store. It must be a draft that nothing needs."""
    with transaction(db):
        db.execute("DELETE FROM nonprofits WHERE id = ?", [listing.id])
