from __future__ import annotations

from dataclasses import replace
from typing import Any

import pytest

from recommender.errors import ImportRefused, InvalidAction, NotAllowed, StorageError
from recommender.importers.apply import apply_import
from recommender.importers.hsds import export_package, read_incoming
from recommender.importers.plan import plan_import
from recommender.importers.rows import Incoming, make_office
from recommender.models import (
    Location,
    Nonprofit,
    RevisionKind,
    RevisionState,
    Source,
    Status,
    Visibility,
)
from recommender.store import Database
from recommender.store.accounts import get_account, set_disabled
from recommender.store.catalog import list_nonprofits, list_tags, load_nonprofits, set_status
from recommender.store.history import list_revisions
from recommender.store.imports import ImportState, get_import
from recommender.store.listings import get_listing
from recommender.store.plans import Outcome, Verdict, leave_out
from recommender.store.revisions import approve_revision, create_listing, save_listing
from tests.data_folder import COORDINATES
from tests.importers.imported import (
    GAZETTEER,
    ORIGIN,
    carry_out,
    import_records,
    keep_plan,
    make_record,
    outcomes,
)
from tests.store.team import Team, add_team

SLUG = "test-border-lawyers"
EIN = "000000001"


@pytest.fixture
def team(loaded: Database) -> Team:
    return add_team(loaded)


def _import(db: Database, team: Team, *records: Incoming) -> dict[str, Outcome]:
    return outcomes(db, import_records(db, team.editor, *records))


def test_a_new_listing_is_a_draft_with_its_source_and_history(loaded: Database, team: Team) -> None:
    office = make_office("Testville", "ME", "01234")
    done = _import(loaded, team, make_record("As filed.", ein="000000009", locations=office))
    listing = get_listing(loaded, "test-new").nonprofit
    assert done == {"test-new": Outcome.CREATED}
    assert (listing.status, listing.notes) == (Status.IMPORTED, "As filed.")
    assert listing.sources[0] == Source(facts="identity", source="Test register", as_of="2024-06")
    # As a city only: the centre of the city, not the ZIP code.
    place = listing.locations[0]
    assert (place.latitude, place.longitude) == COORDINATES["Testville"]
    (entry,) = list_revisions(loaded, "test-new")
    assert (entry.kind, entry.note) == (RevisionKind.IMPORT, "Import 1 (test.csv), line 2")


def test_what_is_shown_changes_only_after_review(loaded: Database, team: Team) -> None:
    before = get_listing(loaded, SLUG).nonprofit
    done = _import(loaded, team, make_record(ein=before.ein, revenue_usd=700))
    assert done == {SLUG: Outcome.PROPOSED}
    assert get_listing(loaded, SLUG).nonprofit == before
    (revision,) = list_revisions(loaded, SLUG)
    assert revision.state is RevisionState.PENDING
    approve_revision(loaded, SLUG, revision.number, by=team.reviewer)
    assert get_listing(loaded, SLUG).nonprofit.revenue_usd == 700


def test_what_somebody_wrote_in_a_draft_stays(loaded: Database, team: Team) -> None:
    set_status(loaded, SLUG, Status.DRAFT)
    before = get_listing(loaded, SLUG).nonprofit
    record = make_record(ein=EIN, name="Quite Another Name", website="https://example.org")
    assert _import(loaded, team, record) == {SLUG: Outcome.CHANGED}
    after = get_listing(loaded, SLUG).nonprofit
    assert (after.name, after.website) == (before.name, "https://example.org")


def test_what_somebody_wrote_into_an_imported_draft_stays(loaded: Database, team: Team) -> None:
    """The source of the whole group is the import's; only the history tells who wrote the name."""
    _import(loaded, team, make_record(ein="000000009", revenue_usd=5))
    listing = get_listing(loaded, "test-new")
    edited = replace(listing.nonprofit, name="Test Newer")
    save_listing(loaded, edited, by=team.editor, expected_revision=listing.revision)
    record = make_record(ein="000000009", name="Quite Another Name", revenue_usd=6)
    assert _import(loaded, team, record) == {"test-new": Outcome.CHANGED}
    after = get_listing(loaded, "test-new").nonprofit
    assert (after.name, after.revenue_usd) == ("Test Newer", 6)
    assert _import(loaded, team, record) == {}


def test_an_import_is_the_same_twice(loaded: Database, team: Team) -> None:
    office = make_office("Testville", "ME")
    record = make_record(ein="000000009", revenue_usd=5, locations=office)
    _import(loaded, team, record)
    before = list_nonprofits(loaded, Status)
    assert _import(loaded, team, record) == {}
    assert list_nonprofits(loaded, Status) == before


def test_what_waits_for_review_is_not_put_up_again(loaded: Database, team: Team) -> None:
    record = make_record(ein=EIN, revenue_usd=700, locations=make_office("Testville", "NH"))
    _import(loaded, team, record)
    assert _import(loaded, team, record) == {}
    assert len(list_revisions(loaded, SLUG)) == 1
    other = make_record(ein=EIN, revenue_usd=701)
    assert _import(loaded, team, other) == {SLUG: Outcome.PROPOSED}


def test_all_or_nothing(loaded: Database, team: Team) -> None:
    before = list_nonprofits(loaded, Status)
    changed = make_record(ein=EIN, revenue_usd=700)
    plan = plan_import(loaded, [make_record(), changed, make_record(name="Test Other")])
    # The last row cannot be stored.
    rows = (*plan.rows[:2], replace(plan.rows[2], nonprofit=plan.rows[0].nonprofit))
    import_ = keep_plan(loaded, replace(plan, rows=rows), team.editor)
    with pytest.raises(StorageError, match="UNIQUE"):
        carry_out(loaded, import_)
    assert list_nonprofits(loaded, Status) == before
    assert list_revisions(loaded, SLUG) == []
    after = get_import(loaded, import_.id)
    assert (after.state, outcomes(loaded, after)) == (ImportState.PLANNED, {})
    assert after.problem


def test_a_plan_that_was_overtaken_is_refused(
    loaded: Database, team: Team, catalogue: tuple[Nonprofit, ...]
) -> None:
    plan = plan_import(loaded, [make_record(), make_record(ein=EIN, revenue_usd=700)])
    import_ = keep_plan(loaded, plan, team.editor)
    load_nonprofits(
        loaded, [replace(n, serves="Elsewhere") if n.slug == SLUG else n for n in catalogue]
    )
    with pytest.raises(ImportRefused, match="has changed since it was compared"):
        carry_out(loaded, import_)
    assert "test-new" not in {n.slug for n in list_nonprofits(loaded, Status)}


def test_a_slug_or_an_ein_that_was_taken_meanwhile_is_refused(loaded: Database, team: Team) -> None:
    first, second = (
        keep_plan(loaded, plan_import(loaded, [make_record(**values)]), team.editor)
        for values in ({"ein": "000000009"}, {"ein": "000000009", "name": "Test Same"})
    )
    carry_out(loaded, first)
    with pytest.raises(InvalidAction, match="test-new by now"):
        carry_out(loaded, second)


def test_the_do_not_list_holds_when_it_came_after_the_plan(loaded: Database, team: Team) -> None:
    office = make_office("Portland", "ME")
    plan = plan_import(loaded, [make_record(locations=office)])
    import_ = keep_plan(loaded, plan, team.editor)
    listing = replace(make_record(locations=office).nonprofit, slug="test-new-2")
    create_listing(loaded, listing, by=team.editor)
    set_status(loaded, "test-new-2", Status.DO_NOT_LIST)
    with pytest.raises(InvalidAction, match="asked not to be listed"):
        carry_out(loaded, import_)


def test_an_edit_of_ones_own_that_waits_is_not_displaced(loaded: Database, team: Team) -> None:
    plan = plan_import(loaded, [make_record(ein=EIN, revenue_usd=700)], by=team.editor)
    import_ = keep_plan(loaded, plan, team.editor)
    listing = get_listing(loaded, SLUG)
    edited = replace(listing.nonprofit, serves="By hand")
    save_listing(loaded, edited, by=team.editor, expected_revision=listing.revision)
    with pytest.raises(ImportRefused, match="yourself"):
        carry_out(loaded, import_)
    row = plan_import(loaded, [make_record(ein=EIN, revenue_usd=700)], by=team.editor).rows[0]
    assert (row.verdict, "your own edit" in row.reason) == (Verdict.REJECTED, True)
    # For somebody else it is a second proposal beside the first.
    carry_out(loaded, import_, by=team.second)
    states = [entry.state for entry in list_revisions(loaded, SLUG)]
    assert states == [RevisionState.PENDING, RevisionState.PENDING]


def test_only_the_chosen_rows_are_written_and_the_others_may_follow(
    loaded: Database, team: Team
) -> None:
    records = [make_record(), make_record(ein=EIN, revenue_usd=700), make_record(name="Test Two")]
    import_ = keep_plan(loaded, plan_import(loaded, records), team.editor)
    leave_out(loaded, import_.id, {2: True}, by=team.editor)
    done = carry_out(loaded, import_, (Verdict.CREATE,))
    assert outcomes(loaded, done) == {"test-new": Outcome.CREATED}
    leave_out(loaded, import_.id, {0: True, 2: False}, by=team.editor)
    done = carry_out(loaded, done)
    assert outcomes(loaded, done) == {
        "test-new": Outcome.CREATED,
        SLUG: Outcome.PROPOSED,
        "test-two": Outcome.CREATED,
    }


def test_a_second_worker_writes_nothing_again(loaded: Database, team: Team) -> None:
    import_ = keep_plan(loaded, plan_import(loaded, [make_record()]), team.editor)
    done = carry_out(loaded, import_)
    apply_import(loaded, replace(done, chosen=(Verdict.CREATE,)), GAZETTEER)
    assert len(list_revisions(loaded, "test-new")) == 1


def test_only_staff_import(loaded: Database, team: Team) -> None:
    plan = plan_import(loaded, [make_record()])
    with pytest.raises(NotAllowed):
        keep_plan(loaded, plan, 999)
    import_ = keep_plan(loaded, plan, team.editor)
    set_disabled(loaded, get_account(loaded, "editor@example.org"), True)
    with pytest.raises(NotAllowed):
        carry_out(loaded, import_)


def test_an_import_places_public_offices_by_zip_and_hidden_ones_nowhere(
    loaded: Database, team: Team
) -> None:
    spot = Location(city="Testville", state="ME", zip="01234")
    hidden = replace(spot, visibility=Visibility.HIDDEN, primary=False)
    _import(loaded, team, make_record(locations=(spot, hidden)))
    places = get_listing(loaded, "test-new").nonprofit.locations
    assert [place.latitude for place in places] == [COORDINATES["01234"][0], None]


def test_our_own_export_brings_nothing_new(loaded: Database, tmp_path: Any) -> None:
    path = tmp_path / "ours.zip"
    path.write_bytes(export_package(list_nonprofits(loaded), list_tags(loaded)))
    plan = plan_import(loaded, read_incoming(path, ORIGIN))
    assert plan.counts[Verdict.UNCHANGED] == len(list_nonprofits(loaded)), [
        (row.slug, row.verdict, row.reason, row.changes)
        for row in plan.rows
        if row.verdict is not Verdict.UNCHANGED
    ]
