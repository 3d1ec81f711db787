"""Carrying a plan out: new listings as imported drafts, changes as revisions, all or nothing."""

from __future__ import annotations

from collections.abc import Collection
from dataclasses import dataclass, replace
from typing import Any

from recommender.errors import ImportRefused
from recommender.geo import Gazetteer
from recommender.importers.plan import ImportPlan, PlannedRow, Verdict
from recommender.models import Location, Nonprofit, RevisionKind, RevisionState, Visibility
from recommender.store import Database, transaction
from recommender.store.history import diff
from recommender.store.listings import get_listing
from recommender.store.revisions import create_listing, find_open_revision, save_listing

APPLICABLE = (Verdict.CREATE, Verdict.UPDATE, Verdict.CONFLICT)
"""Verdicts by which something is written."""


@dataclass(frozen=True, kw_only=True)
class Applied:
    """What was done, as slugs.

    New drafts, drafts changed, revisions put up for review, and those waiting there already.
    """

    created: tuple[str, ...] = ()
    changed: tuple[str, ...] = ()
    proposed: tuple[str, ...] = ()
    waiting: tuple[str, ...] = ()


@dataclass(frozen=True, kw_only=True)
class Importer:
    """Who imports, what stands in the history, and what is placed on the map by what."""

    staff_id: int
    note: str
    gazetteer: Gazetteer


def apply_plan(
    db: Database,
    plan: ImportPlan,
    importer: Importer,
    verdicts: Collection[Verdict] = APPLICABLE,
) -> Applied:
    """Write the rows with the given verdicts, all of them or none.

    A listing that is shown changes only when the proposed revision is approved.

    Raises:
        ImportRefused: a listing is not any more what the plan was made against.
        NotAllowed, InvalidAction, StorageError: a row cannot be written; none was.
    """
    done: dict[str, list[str]] = {"created": [], "changed": [], "proposed": [], "waiting": []}
    with transaction(db):
        for row in plan.rows:
            if row.verdict in verdicts and row.nonprofit and row.verdict in APPLICABLE:
                record = locate(row.nonprofit, importer.gazetteer)
                done[_write(db, row, record, importer)].append(row.slug)
    return Applied(**{name: tuple(slugs) for name, slugs in done.items()})


def _write(db: Database, row: PlannedRow, record: Nonprofit, importer: Importer) -> str:
    note, by = f"{importer.note}, {row.where}", importer.staff_id
    if row.before is None:
        record = replace(record, notes=row.material)
        create_listing(db, record, by=by, note=note, kind=RevisionKind.IMPORT)
        return "created"
    listing = get_listing(db, row.slug)
    if listing.nonprofit != row.before:
        raise ImportRefused(f"{row.slug} has changed since the plan was made: plan again.")
    if _is_waiting(db, record, by):
        return "waiting"
    saved = save_listing(
        db,
        record,
        by=by,
        expected_revision=listing.revision,
        note=note,
        kind=RevisionKind.IMPORT,
    )
    return "proposed" if saved.state is RevisionState.PENDING else "changed"


def _is_waiting(db: Database, record: Nonprofit, staff_id: int) -> bool:
    """Whether an earlier import of the same has put the very same revision up for review."""
    earlier = find_open_revision(db, record.slug, staff_id)
    if earlier is None or earlier.after is None or earlier.state is not RevisionState.PENDING:
        return False
    return not diff(earlier.after, record)


def locate(listing: Nonprofit, gazetteer: Gazetteer) -> Nonprofit:
    """A listing with coordinates where its places lack them and may have them."""
    return replace(
        listing,
        locations=tuple(_located(place, gazetteer) for place in listing.locations),
        service_areas=tuple(
            replace(area, **_degrees(gazetteer, city=area.city, state=area.state))
            if area.city and area.latitude is None
            else area
            for area in listing.service_areas
        ),
    )


def _located(place: Location, gazetteer: Gazetteer) -> Location:
    if place.latitude is not None or place.visibility is Visibility.HIDDEN:
        return place
    # A place shown as a city must not be told apart within it, not even by distance.
    zip_code = place.zip if place.visibility is Visibility.PUBLIC else ""
    return replace(place, **_degrees(gazetteer, city=place.city, state=place.state, zip=zip_code))


def _degrees(gazetteer: Gazetteer, **address: str) -> dict[str, Any]:
    found = gazetteer.coordinates(**{"zip": ""} | address)
    return {"latitude": found[0], "longitude": found[1]} if found else {}
