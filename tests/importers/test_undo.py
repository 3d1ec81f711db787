from __future__ import annotations

from dataclasses import replace
from typing import Any

import pytest

from recommender.errors import NotAllowed
from recommender.importers.rows import make_office
from recommender.importers.undo import undo_import
from recommender.models import ListingQuery, Location, RevisionKind, RevisionState, Status
from recommender.store import Database
from recommender.store.catalog import list_nonprofits, set_status
from recommender.store.history import list_revisions
from recommender.store.imports import Import, ImportState, get_import, move_import
from recommender.store.listings import get_listing
from recommender.store.plans import Undone
from recommender.store.revisions import approve_revision, reject_revision, save_listing
from recommender.store.workflow import assign, erase_listing
from recommender.store.worklist import search_listings
from tests.importers.imported import import_records, make_record, rows_of, undo
from tests.store.team import Team, add_team

SLUG = "test-border-lawyers"
EIN = "000000001"
NEW = "test-new"


@pytest.fixture
def team(loaded: Database) -> Team:
    return add_team(loaded)


def edit(db: Database, slug: str, by: int, **values: Any) -> None:
    listing = get_listing(db, slug)
    edited = replace(listing.nonprofit, **values)
    save_listing(db, edited, by=by, expected_revision=listing.revision)


def remark(db: Database, import_: Import) -> str:
    return rows_of(db, import_)[0].remark


def test_new_drafts_that_nobody_touched_go_without_a_trace(loaded: Database, team: Team) -> None:
    before = list_nonprofits(loaded, Status)
    records = [make_record(locations=make_office("Testville", "ME")), make_record(name="Test Two")]
    records += [make_record(name="Test Child", parent=NEW)]
    done = import_records(loaded, team.editor, *records)
    assert len(list_nonprofits(loaded, Status)) == len(before) + 3
    result = undo(loaded, done, team.editor)
    assert set(result.values()) == {Undone.REMOVED}
    assert list_nonprofits(loaded, Status) == before
    assert search_listings(loaded, ListingQuery(text="Testville")).total == 0
    assert get_import(loaded, done.id).state is ImportState.UNDONE
    # They may come again.
    assert len(rows_of(loaded, import_records(loaded, team.editor, *records))) == 3


def _touch_by_edit(db: Database, team: Team) -> None:
    edit(db, NEW, team.second, serves="Maine")


def _touch_by_state(db: Database, team: Team) -> None:
    set_status(db, NEW, Status.DRAFT)


def _touch_and_take_back(db: Database, team: Team) -> None:
    set_status(db, NEW, Status.DRAFT)
    set_status(db, NEW, Status.IMPORTED)


def _give(db: Database, team: Team) -> None:
    assign(db, NEW, team.second, by=team.editor)


def _make_parent(db: Database, team: Team) -> None:
    set_status(db, SLUG, Status.DRAFT)
    edit(db, SLUG, team.second, parent=NEW)


@pytest.mark.parametrize(
    ("touch", "reason"),
    [
        (_touch_by_edit, "edited since"),
        (_touch_by_state, "draft by now"),
        (_touch_and_take_back, "worked on since"),
        (_give, "somebody sees to it"),
        (_make_parent, "part of it"),
    ],
)
def test_a_draft_that_somebody_works_on_is_left(
    loaded: Database, team: Team, touch: Any, reason: str
) -> None:
    done = import_records(loaded, team.editor, make_record())
    touch(loaded, team)
    assert undo(loaded, done, team.editor) == {NEW: Undone.LEFT}
    assert reason in remark(loaded, done)
    assert get_listing(loaded, NEW)


def test_a_draft_that_was_changed_goes_back_by_a_new_revision(loaded: Database, team: Team) -> None:
    set_status(loaded, SLUG, Status.DRAFT)
    before = get_listing(loaded, SLUG).nonprofit
    done = import_records(loaded, team.editor, make_record(ein=EIN, revenue_usd=700))
    assert undo(loaded, done, team.reviewer) == {SLUG: Undone.REVERTED}
    after = get_listing(loaded, SLUG)
    assert replace(after.nonprofit, updated_on=before.updated_on) == before
    entry = list_revisions(loaded, SLUG)[0]
    assert (entry.kind, entry.staff_id, entry.about) == (
        RevisionKind.REVERT,
        team.reviewer,
        entry.number - 1,
    )
    assert entry.note == f"Undoing of import {done.id}"


def test_a_draft_that_was_edited_after_the_import_is_left(loaded: Database, team: Team) -> None:
    set_status(loaded, SLUG, Status.DRAFT)
    done = import_records(loaded, team.editor, make_record(ein=EIN, revenue_usd=700))
    edit(loaded, SLUG, team.second, serves="Elsewhere")
    assert undo(loaded, done, team.editor) == {SLUG: Undone.LEFT}
    assert get_listing(loaded, SLUG).nonprofit.revenue_usd == 700


def test_a_change_of_state_alone_is_no_edit(loaded: Database, team: Team) -> None:
    set_status(loaded, SLUG, Status.DRAFT)
    done = import_records(loaded, team.editor, make_record(ein=EIN, revenue_usd=700))
    set_status(loaded, SLUG, Status.PUBLISHED)
    assert undo(loaded, done, team.editor) == {SLUG: Undone.PROPOSED}


def test_a_proposal_that_waits_is_withdrawn(loaded: Database, team: Team) -> None:
    done = import_records(loaded, team.editor, make_record(ein=EIN, revenue_usd=700))
    assert undo(loaded, done, team.editor) == {SLUG: Undone.WITHDRAWN}
    assert list_revisions(loaded, SLUG)[0].state is RevisionState.SUPERSEDED


def test_a_proposal_that_was_approved_goes_back_under_review(loaded: Database, team: Team) -> None:
    done = import_records(loaded, team.editor, make_record(ein=EIN, revenue_usd=700))
    approve_revision(loaded, SLUG, 2, by=team.reviewer)
    assert undo(loaded, done, team.editor) == {SLUG: Undone.PROPOSED}
    assert get_listing(loaded, SLUG).nonprofit.revenue_usd == 700
    approve_revision(loaded, SLUG, list_revisions(loaded, SLUG)[0].number, by=team.reviewer)
    assert get_listing(loaded, SLUG).nonprofit.revenue_usd != 700


def test_what_was_rejected_needs_no_undoing(loaded: Database, team: Team) -> None:
    done = import_records(loaded, team.editor, make_record(ein=EIN, revenue_usd=700))
    reject_revision(loaded, SLUG, 2, by=team.reviewer, reason="No.")
    assert undo(loaded, done, team.editor) == {SLUG: Undone.LEFT}
    assert "rejected already" in remark(loaded, done)


def test_undoing_does_not_displace_an_edit_of_ones_own(loaded: Database, team: Team) -> None:
    done = import_records(loaded, team.editor, make_record(ein=EIN, revenue_usd=700))
    approve_revision(loaded, SLUG, 2, by=team.reviewer)
    edit(loaded, SLUG, team.second, serves="By hand")
    assert undo(loaded, done, team.second) == {SLUG: Undone.LEFT}
    assert "by yourself" in remark(loaded, done)


def test_what_was_closed_meanwhile_is_left(loaded: Database, team: Team) -> None:
    set_status(loaded, SLUG, Status.DRAFT)
    done = import_records(loaded, team.editor, make_record(ein=EIN, revenue_usd=700))
    set_status(loaded, SLUG, Status.ARCHIVED)
    assert undo(loaded, done, team.editor) == {SLUG: Undone.LEFT}
    assert "archived by now" in remark(loaded, done)


def test_erasing_a_listing_erases_its_rows(loaded: Database, team: Team) -> None:
    secret = Location(city="Nowhere-else-named", state="ME")
    done = import_records(loaded, team.editor, make_record("As filed.", locations=(secret,)))
    listing = get_listing(loaded, NEW)
    erase_listing(loaded, NEW, by=team.admin, expected_revision=listing.revision, reason="Asked.")
    assert rows_of(loaded, done) == ()
    assert undo(loaded, done, team.editor) == {}


def test_only_whoever_brought_it_or_a_reviewer_may(loaded: Database, team: Team) -> None:
    done = import_records(loaded, team.reviewer, make_record())
    undoing = move_import(loaded, done.id, ImportState.UNDOING, by=team.editor)
    with pytest.raises(NotAllowed, match="or a reviewer"):
        undo_import(loaded, undoing)
    assert get_listing(loaded, NEW)
