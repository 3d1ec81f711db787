from __future__ import annotations

from dataclasses import replace
from typing import Any

import pytest

from recommender.errors import ImportRefused, InvalidAction, NotAllowed
from recommender.importers.apply import Applied, Importer, apply_plan
from recommender.importers.hsds import export_package, read_incoming
from recommender.importers.plan import Verdict, plan_import
from recommender.importers.rows import Incoming, Origin, make_incoming, make_office
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
from recommender.store.catalog import list_nonprofits, list_tags, load_nonprofits, set_status
from recommender.store.history import list_revisions
from recommender.store.listings import get_listing
from recommender.store.revisions import approve_revision
from tests.data_folder import COORDINATES, FakeGazetteer
from tests.store.team import Team, add_team

ORIGIN = Origin(source="Test register", as_of="2024-06")
SLUG = "test-border-lawyers"


@pytest.fixture
def team(loaded: Database) -> Team:
    return add_team(loaded)


@pytest.fixture
def importer(team: Team) -> Importer:
    gazetteer: Any = FakeGazetteer()
    return Importer(staff_id=team.editor, note="Import of test.csv", gazetteer=gazetteer)


def _record(material: str = "", **values: Any) -> Incoming:
    return make_incoming("line 2", {"name": "Test New"} | values, ORIGIN, material)


def _import(db: Database, importer: Importer, *records: Incoming) -> Applied:
    return apply_plan(db, plan_import(db, records), importer)


def test_a_new_listing_is_a_draft_with_its_source_and_history(
    loaded: Database, importer: Importer
) -> None:
    office = make_office("Testville", "ME", "01234")
    done = _import(loaded, importer, _record("As filed.", ein="000000009", locations=office))
    listing = get_listing(loaded, "test-new").nonprofit
    assert done == Applied(created=("test-new",))
    assert (listing.status, listing.notes) == (Status.IMPORTED, "As filed.")
    assert listing.sources[0] == Source(facts="identity", source="Test register", as_of="2024-06")
    # As a city only: the centre of the city, not the ZIP code.
    place = listing.locations[0]
    assert (place.latitude, place.longitude) == COORDINATES["Testville"]
    (entry,) = list_revisions(loaded, "test-new")
    assert (entry.kind, entry.note) == (RevisionKind.IMPORT, "Import of test.csv, line 2")


def test_what_is_shown_changes_only_after_review(
    loaded: Database, importer: Importer, team: Team
) -> None:
    before = get_listing(loaded, SLUG).nonprofit
    done = _import(loaded, importer, _record(ein=before.ein, revenue_usd=700))
    assert done.proposed == (SLUG,)
    assert get_listing(loaded, SLUG).nonprofit == before
    (revision,) = list_revisions(loaded, SLUG)
    assert revision.state is RevisionState.PENDING
    approve_revision(loaded, SLUG, revision.number, by=team.reviewer)
    assert get_listing(loaded, SLUG).nonprofit.revenue_usd == 700


def test_what_somebody_wrote_in_a_draft_stays(loaded: Database, importer: Importer) -> None:
    set_status(loaded, SLUG, Status.DRAFT)
    before = get_listing(loaded, SLUG).nonprofit
    done = _import(
        loaded,
        importer,
        _record(ein=before.ein, name="Quite Another Name", website="https://example.org"),
    )
    after = get_listing(loaded, SLUG).nonprofit
    assert done.changed == (SLUG,)
    assert (after.name, after.website) == (before.name, "https://example.org")


def test_an_import_is_the_same_twice(loaded: Database, importer: Importer) -> None:
    records = [_record(ein="000000009", revenue_usd=5, locations=make_office("Testville", "ME"))]
    _import(loaded, importer, *records)
    before = list_nonprofits(loaded, Status)
    assert _import(loaded, importer, *records) == Applied()
    assert list_nonprofits(loaded, Status) == before


def test_what_waits_for_review_is_not_put_up_again(loaded: Database, importer: Importer) -> None:
    record = _record(ein="000000001", revenue_usd=700)
    _import(loaded, importer, record)
    assert _import(loaded, importer, record) == Applied(waiting=(SLUG,))
    assert len(list_revisions(loaded, SLUG)) == 1
    assert _import(loaded, importer, _record(ein="000000001", revenue_usd=701)).proposed == (SLUG,)


def test_all_or_nothing(loaded: Database, importer: Importer) -> None:
    before = list_nonprofits(loaded, Status)
    plan = plan_import(loaded, [_record(), _record(name="Test Other")])
    # The second row cannot be stored.
    rows = (plan.rows[0], replace(plan.rows[1], nonprofit=plan.rows[0].nonprofit))
    with pytest.raises(InvalidAction):
        apply_plan(loaded, replace(plan, rows=rows), importer)
    assert list_nonprofits(loaded, Status) == before


def test_a_plan_that_was_overtaken_is_refused(
    loaded: Database, importer: Importer, catalogue: tuple[Nonprofit, ...]
) -> None:
    plan = plan_import(loaded, [_record(), _record(ein="000000001", revenue_usd=700)])
    load_nonprofits(
        loaded, [replace(n, serves="Elsewhere") if n.slug == SLUG else n for n in catalogue]
    )
    with pytest.raises(ImportRefused, match="plan again"):
        apply_plan(loaded, plan, importer)
    assert "test-new" not in {n.slug for n in list_nonprofits(loaded, Status)}


def test_only_the_chosen_verdicts_are_written(loaded: Database, importer: Importer) -> None:
    plan = plan_import(
        loaded, [_record(), _record(name="Test Border Lawyers", ein="000000001", revenue_usd=700)]
    )
    done = apply_plan(loaded, plan, importer, verdicts=(Verdict.UPDATE,))
    assert done == Applied(proposed=(SLUG,))


def test_only_staff_import(loaded: Database, importer: Importer) -> None:
    with pytest.raises(NotAllowed):
        _import(loaded, replace(importer, staff_id=999), _record())


def test_an_import_places_public_offices_by_zip_and_hidden_ones_nowhere(
    loaded: Database, importer: Importer
) -> None:
    spot = Location(city="Testville", state="ME", zip="01234")
    hidden = replace(spot, visibility=Visibility.HIDDEN, primary=False)
    _import(loaded, importer, _record(locations=(spot, hidden)))
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
