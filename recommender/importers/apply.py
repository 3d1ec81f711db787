"""Carrying a plan out: new listings as imported drafts, changes as revisions, all or nothing."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass, replace
from typing import Any

from recommender.errors import ImportRefused, NotFound
from recommender.geo import Gazetteer
from recommender.importers.curation import History, is_edited
from recommender.models import (
    Listing,
    Location,
    Nonprofit,
    RevisionKind,
    RevisionState,
    Visibility,
)
from recommender.store import Database, transaction
from recommender.store.drafts import Draft, create_drafts
from recommender.store.history import list_revisions
from recommender.store.imports import Import, ImportState, get_import, move_import
from recommender.store.listings import get_listing
from recommender.store.plans import Outcome, StoredRow, Written, list_ready, note_written
from recommender.store.revisions import Staff, get_staff, save_listing


@dataclass(frozen=True, kw_only=True)
class _Step:
    """A row that is written: the listing before and after, and what stands in its history."""

    position: int
    before: Nonprofit | None
    record: Nonprofit
    note: str


def apply_import(db: Database, import_: Import, gazetteer: Gazetteer) -> None:
    """Write the rows that were chosen, all of them or none, in the name of who chose them.

    A listing that is shown changes only when the proposed revision is approved. Where another
    worker has done it already, nothing is left to do.

    Raises:
        ImportRefused: a listing is not any more what the plan was made against.
        NotAllowed, InvalidAction, StorageError: a row cannot be written; none was.
    """
    # Looked up before the store is locked for everybody.
    ready = list_ready(db, import_.id, import_.chosen)
    steps = [step for row in ready for step in _steps(import_, row, gazetteer)]
    with transaction(db):
        if get_import(db, import_.id).state is not ImportState.APPLYING:
            return
        staff = get_staff(db, import_.actor_id or 0)
        note_written(db, import_.id, [*_create(db, steps, staff), *_save(db, steps, staff)])
        move_import(db, import_.id, ImportState.APPLIED)


def _steps(import_: Import, row: StoredRow, gazetteer: Gazetteer) -> Iterator[_Step]:
    planned = row.planned
    if planned.nonprofit is None:
        return
    record = locate(planned.nonprofit, gazetteer)
    yield _Step(
        position=row.position,
        before=planned.before,
        record=record if planned.before else replace(record, notes=planned.material),
        note=f"Import {import_.id} ({import_.arrival.file_name}), {planned.where}",
    )


def _create(db: Database, steps: Sequence[_Step], staff: Staff) -> Iterator[Written]:
    new = [step for step in steps if step.before is None]
    drafts = [Draft(record=step.record, note=step.note) for step in new]
    for step, number in zip(new, create_drafts(db, drafts, staff), strict=True):
        yield _written(step, Outcome.CREATED, number)


def _save(db: Database, steps: Iterable[_Step], staff: Staff) -> Iterator[Written]:
    for step in steps:
        if step.before is None:
            continue
        listing = _read_unchanged(db, step.before, staff)
        saved = save_listing(
            db,
            step.record,
            by=staff.id,
            expected_revision=listing.revision,
            note=step.note,
            kind=RevisionKind.IMPORT,
        )
        is_pending = saved.state is RevisionState.PENDING
        yield _written(step, Outcome.PROPOSED if is_pending else Outcome.CHANGED, saved.number)


def _written(step: _Step, outcome: Outcome, number: int) -> Written:
    return Written(position=step.position, slug=step.record.slug, outcome=outcome, number=number)


def _read_unchanged(db: Database, before: Nonprofit, staff: Staff) -> Listing:
    """A listing that an import changes, if it is still what the plan was made against."""
    slug = before.slug
    try:
        listing = get_listing(db, slug)
    except NotFound:
        raise ImportRefused(f"There is no {slug} any more. Please compare again.") from None
    if is_edited(before, listing.nonprofit) or listing.nonprofit.status is not before.status:
        raise ImportRefused(f"{slug} has changed since it was compared. Please compare again.")
    if History(list_revisions(db, slug)).find_own_edit(staff.id):
        raise ImportRefused(f"An edit of {slug} by yourself waits. Please compare again.")
    return listing


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
