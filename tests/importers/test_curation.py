"""What staff have made of a listing decides what an import may still propose."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

import pytest

from recommender.importers.plan import plan_import
from recommender.importers.rows import Incoming, Origin, make_office
from recommender.models import Source, Status
from recommender.store import Database
from recommender.store.catalog import set_status
from recommender.store.history import list_revisions
from recommender.store.listings import get_listing
from recommender.store.plans import Outcome, PlannedRow, Verdict
from recommender.store.revisions import (
    approve_revision,
    reject_revision,
    request_changes,
    revert_to,
    save_listing,
)
from tests.importers.imported import import_records, make_record, outcomes, undo
from tests.store.team import Team, add_team

SLUG = "test-border-lawyers"
EIN = "000000001"


@pytest.fixture
def team(loaded: Database) -> Team:
    return add_team(loaded)


def record(**values: Any) -> Incoming:
    return make_record(**{"ein": EIN, "name": "Test Border Lawyers"} | values)


def plan(db: Database, by: int | None = None, **values: Any) -> PlannedRow:
    return plan_import(db, [record(**values)], by=by).rows[0]


def last(db: Database) -> int:
    return list_revisions(db, SLUG)[0].number


def edit(db: Database, by: int, **values: Any) -> None:
    listing = get_listing(db, SLUG)
    edited = replace(listing.nonprofit, **values)
    save_listing(db, edited, by=by, expected_revision=listing.revision)


def changed(row: PlannedRow) -> set[str]:
    return {change.field for change in row.changes}


# --- What was rejected -------------------------------------------------------------------


def test_what_a_reviewer_rejected_is_not_proposed_again(loaded: Database, team: Team) -> None:
    office = make_office("Testville", "NH")
    found = record(revenue_usd=700, locations=office)
    import_records(loaded, team.editor, found)
    reject_revision(loaded, SLUG, last(loaded), by=team.reviewer, reason="It has moved.")
    for by in (team.editor, team.second, None):
        row = plan(loaded, by, revenue_usd=700, locations=office)
        assert row.verdict is Verdict.UNCHANGED
        assert "by Reviewer" in row.reason
        assert "revenue_usd, locations" in row.reason
    done = import_records(loaded, team.second, found)
    assert outcomes(loaded, done) == {}


def test_what_else_the_next_file_says_is_proposed_alone(loaded: Database, team: Team) -> None:
    import_records(loaded, team.editor, record(revenue_usd=700, ruling_year=1999))
    reject_revision(loaded, SLUG, last(loaded), by=team.reviewer, reason="No.")
    row = plan(loaded, revenue_usd=800, ruling_year=1999)
    assert (row.verdict, changed(row)) == (Verdict.UPDATE, {"revenue_usd"})
    assert row.reason.startswith("rejected on ")
    assert row.reason.endswith(": ruling_year")
    assert row.nonprofit is not None
    assert row.nonprofit.ruling_year == get_listing(loaded, SLUG).nonprofit.ruling_year


def test_the_edit_of_a_person_that_was_rejected_bars_no_import(
    loaded: Database, team: Team
) -> None:
    edit(loaded, team.editor, revenue_usd=700)
    reject_revision(loaded, SLUG, last(loaded), by=team.reviewer, reason="No.")
    assert plan(loaded, revenue_usd=700).verdict is Verdict.UPDATE


# --- What waits --------------------------------------------------------------------------


def test_what_waits_or_was_given_back_is_not_proposed_again(loaded: Database, team: Team) -> None:
    found = record(revenue_usd=700, ruling_year=1999)
    import_records(loaded, team.editor, found)
    row = plan(loaded, team.second, revenue_usd=700)
    assert (row.verdict, "waits for review already: revision 2" in row.reason) == (
        Verdict.UNCHANGED,
        True,
    )
    request_changes(loaded, SLUG, last(loaded), by=team.reviewer, reason="Which year?")
    assert "was given back already" in plan(loaded, revenue_usd=700).reason
    assert plan(loaded, revenue_usd=701).verdict is Verdict.UPDATE


def test_an_older_state_does_not_displace_a_newer_one_that_waits(
    loaded: Database, team: Team
) -> None:
    import_records(loaded, team.editor, record(revenue_usd=700))
    older = Origin(source="Test register", as_of="2023-11")
    row = plan(loaded, origin=older, revenue_usd=600)
    assert row.verdict is Verdict.UNCHANGED
    assert row.reason == "a later state of the same source waits for review: revenue_usd"
    other = Origin(source="Another register", as_of="2023-11")
    assert plan(loaded, origin=other, revenue_usd=600).verdict is Verdict.UPDATE


def test_a_proposal_that_was_overtaken_by_an_edit_is_made_again(
    loaded: Database, team: Team
) -> None:
    import_records(loaded, team.editor, record(revenue_usd=700))
    edit(loaded, team.second, serves="Elsewhere")
    approve_revision(loaded, SLUG, last(loaded), by=team.reviewer)
    assert plan(loaded, revenue_usd=700).verdict is Verdict.UPDATE


# --- Who wrote what ----------------------------------------------------------------------


def _source_everything(db: Database, team: Team) -> None:
    """Let all facts of the listing, which is a draft from now on, come from the register."""
    import_records(db, team.editor, record(revenue_usd=1, website="https://a.org"))
    approve_revision(db, SLUG, last(db), by=team.reviewer)
    set_status(db, SLUG, Status.DRAFT)


def test_the_value_of_an_approved_import_is_not_a_persons(loaded: Database, team: Team) -> None:
    _source_everything(loaded, team)
    assert plan(loaded, revenue_usd=2).verdict is Verdict.UPDATE


def test_a_person_may_write_a_fact_without_naming_a_source(loaded: Database, team: Team) -> None:
    _source_everything(loaded, team)
    edit(loaded, team.editor, revenue_usd=5)
    row = plan(loaded, revenue_usd=2, website="https://b.org")
    assert (row.verdict, row.curated) == (Verdict.CONFLICT, ("revenue_usd",))
    assert row.nonprofit is not None
    assert (row.nonprofit.revenue_usd, row.nonprofit.website) == (5, "https://b.org")
    # In a draft that nothing else would change, nothing is to be written.
    assert plan(loaded, revenue_usd=2).nonprofit is None


def test_going_back_by_hand_is_writing(loaded: Database, team: Team) -> None:
    _source_everything(loaded, team)
    before = get_listing(loaded, SLUG).revision
    done = import_records(loaded, team.editor, record(revenue_usd=2))
    assert outcomes(loaded, done) == {SLUG: Outcome.CHANGED}
    now = get_listing(loaded, SLUG).revision
    revert_to(loaded, SLUG, before, by=team.editor, expected_revision=now)
    assert plan(loaded, revenue_usd=2).verdict is Verdict.CONFLICT


def test_undoing_an_import_is_not_writing(loaded: Database, team: Team) -> None:
    _source_everything(loaded, team)
    edit(loaded, team.editor, website="https://by-hand.org")
    done = import_records(loaded, team.editor, record(revenue_usd=2))
    undo(loaded, done, team.editor)
    assert get_listing(loaded, SLUG).nonprofit.revenue_usd == 1
    row = plan(loaded, revenue_usd=2, website="https://b.org")
    assert row.curated == ("website",)


def test_undoing_an_approved_import_gives_a_field_back_to_its_writer(
    loaded: Database, team: Team
) -> None:
    import_records(loaded, team.editor, record(revenue_usd=1))
    approve_revision(loaded, SLUG, last(loaded), by=team.reviewer)
    edit(loaded, team.editor, revenue_usd=5)
    approve_revision(loaded, SLUG, last(loaded), by=team.reviewer)
    done = import_records(loaded, team.editor, record(revenue_usd=2))
    approve_revision(loaded, SLUG, last(loaded), by=team.reviewer)
    assert plan(loaded, revenue_usd=3).verdict is Verdict.UPDATE
    undo(loaded, done, team.editor)
    approve_revision(loaded, SLUG, last(loaded), by=team.reviewer)
    assert get_listing(loaded, SLUG).nonprofit.revenue_usd == 5
    assert plan(loaded, revenue_usd=3).verdict is Verdict.CONFLICT


# --- Where facts come from ---------------------------------------------------------------


def test_a_group_of_facts_keeps_the_source_of_what_stays(loaded: Database, team: Team) -> None:
    listing = get_listing(loaded, SLUG)
    named = (Source(facts="identity", source="Its own site", as_of="2023-01"),)
    save_listing(
        loaded,
        replace(listing.nonprofit, sources=named, ruling_year=None),
        by=team.editor,
        expected_revision=listing.revision,
    )
    approve_revision(loaded, SLUG, last(loaded), by=team.reviewer)
    row = plan(loaded, ruling_year=1999)
    assert row.nonprofit is not None
    register = Source(facts="identity", source="Test register", as_of="2024-06")
    assert row.nonprofit.sources == (*named, register)
    # From then on nobody knows which of the two has said what.
    import_records(loaded, team.editor, record(ruling_year=1999))
    approve_revision(loaded, SLUG, last(loaded), by=team.reviewer)
    later = Origin(source="Test register", as_of="2024-07")
    newer = record(origin=later, name="Quite Another Name", ruling_year=1999)
    assert plan_import(loaded, [newer]).rows[0].curated == ("name",)
