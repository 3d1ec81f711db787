from __future__ import annotations

from collections.abc import Callable, Iterator
from dataclasses import replace
from typing import Any

import pytest

from recommender.errors import ImportRefused
from recommender.importers.plan import list_known_eins, plan_import
from recommender.importers.rows import Incoming, Origin, RowError, make_incoming, make_office
from recommender.models import FieldChange, Location, Nonprofit, Source, Status, Tag, Visibility
from recommender.store import Database
from recommender.store.catalog import (
    get_catalog_revision,
    list_nonprofits,
    load_nonprofits,
    load_tags,
)
from recommender.store.plans import ImportPlan, PlannedRow, Verdict

ORIGIN = Origin(source="Test register", as_of="2024-06")
Plan = Callable[..., PlannedRow]


def _record(where: str = "line 2", origin: Origin = ORIGIN, **values: Any) -> Incoming:
    return make_incoming(where, {"name": "Test Legal Help"} | values, origin)


@pytest.fixture
def stored(make_nonprofit: Callable[..., Nonprofit]) -> Nonprofit:
    """A listing whose finances come from the register, and whose other facts do not."""
    return make_nonprofit(
        place="Portland, ME",
        ein="000000001",
        ntee="P84",
        revenue_usd=500,
        sources=(
            Source(facts="finance", source="Test register", as_of="2024-01"),
            Source(facts="place", source="Its own site", as_of="2024-01"),
        ),
    )


@pytest.fixture
def plan(db: Database, taxonomy: tuple[Tag, ...], stored: Nonprofit) -> Plan:
    """Plan records against a store that holds `stored`, and give the last verdict."""
    load_tags(db, taxonomy)

    def plan_last(*records: Incoming | RowError, status: Status = Status.PUBLISHED) -> PlannedRow:
        load_nonprofits(db, [replace(stored, status=status)])
        return plan_import(db, records).rows[-1]

    return plan_last


def test_an_unknown_record_would_be_created(plan: Plan) -> None:
    row = plan(_record(name="Test New", ein="000000009"))
    assert (row.verdict, row.slug, row.where) == (Verdict.CREATE, "test-new", "line 2")
    assert row.nonprofit is not None
    assert row.nonprofit.status is Status.IMPORTED


def test_a_record_that_says_the_same_changes_nothing(plan: Plan) -> None:
    office = make_office("PORTLAND", "ME", "04101")
    row = plan(_record(name="TEST LEGAL HELP INC", ein="000000001", ntee="P84Z", locations=office))
    assert (row.verdict, row.changes) == (Verdict.UNCHANGED, ())


def test_an_empty_field_or_one_of_the_same_source_would_be_updated(
    plan: Plan, stored: Nonprofit
) -> None:
    row = plan(_record(ein="000000001", ruling_year=2004, revenue_usd=700))
    assert row.verdict is Verdict.UPDATE
    assert row.changes == (
        FieldChange(field="ruling_year", before=None, after=2004),
        FieldChange(field="revenue_usd", before=500, after=700),
    )
    assert row.nonprofit is not None
    assert row.nonprofit.sources == (
        stored.sources[1],
        Source(facts="identity", source="Test register", as_of="2024-06"),
        Source(facts="finance", source="Test register", as_of="2024-06"),
    )


def test_a_curated_field_is_a_conflict_and_named(plan: Plan) -> None:
    row = plan(_record(ein="000000001", ntee="Q71", revenue_usd=700))
    assert (row.verdict, row.curated) == (Verdict.CONFLICT, ("ntee",))
    assert "ntee" in row.reason


def test_an_older_state_of_the_same_source_changes_nothing(plan: Plan) -> None:
    older = Origin(source="Test register", as_of="2023-11")
    row = plan(_record(origin=older, ein="000000001", revenue_usd=700))
    assert row.verdict is Verdict.UNCHANGED


def test_an_import_never_shows_more_of_a_place(db: Database, plan: Plan, stored: Nonprofit) -> None:
    hidden = replace(stored.locations[0], visibility=Visibility.HIDDEN)
    load_nonprofits(db, [replace(stored, locations=(hidden,))])
    new = tuple(
        replace(spot, visibility=Visibility.PUBLIC) for spot in make_office("Bangor", "ME", "04401")
    )
    row = plan_import(db, [_record(ein="000000001", locations=new)]).rows[0]
    assert row.nonprofit is not None
    assert [(p.city, p.visibility) for p in row.nonprofit.locations] == [
        ("Bangor", Visibility.HIDDEN)
    ]


@pytest.mark.parametrize("visibility", [Visibility.CITY, Visibility.HIDDEN])
def test_a_place_that_is_not_shown_in_full_takes_no_point_from_a_source(
    db: Database, plan: Plan, stored: Nonprofit, visibility: Visibility
) -> None:
    quiet = replace(stored.locations[0], visibility=visibility, latitude=None, longitude=None)
    load_nonprofits(db, [replace(stored, locations=(quiet,))])
    exact = Location(city="Bangor", state="ME", zip="04401", latitude=44.8123, longitude=-68.7712)
    row = plan_import(db, [_record(ein="000000001", locations=(exact,))]).rows[0]
    assert row.nonprofit is not None
    assert [(p.city, p.visibility, p.latitude, p.longitude) for p in row.nonprofit.locations] == [
        ("Bangor", visibility, None, None)
    ]


def test_the_same_name_in_the_same_state_is_a_duplicate_until_staff_decide(plan: Plan) -> None:
    here, elsewhere = make_office("Bangor", "ME"), make_office("Boston", "MA")
    row = plan(_record(name="Test Legal Help, Inc.", ein="000000009", locations=here))
    assert (row.verdict, row.slug) == (Verdict.DUPLICATE, "test-legal-help")
    assert "000000001" in row.reason
    other = plan(_record(ein="000000009", locations=elsewhere))
    assert (other.verdict, other.slug) == (Verdict.CREATE, "test-legal-help-ma")


def test_a_record_without_ein_is_known_by_its_slug(plan: Plan) -> None:
    row = plan(_record(revenue_usd=700, locations=make_office("Portland", "ME", "04101")))
    assert (row.verdict, row.slug) == (Verdict.UPDATE, "test-legal-help")


def test_the_second_of_a_file_is_a_duplicate_of_the_first(plan: Plan) -> None:
    twice = [_record(f"line {n}", name=f"Test {n}", ein="000000009") for n in (2, 3)]
    row = plan(*twice)
    assert (row.verdict, row.where) == (Verdict.DUPLICATE, "line 3")
    assert "line 2" in row.reason


MAINE = make_office("Bangor", "ME")


@pytest.mark.parametrize(
    ("first", "second"),
    [
        ({"locations": MAINE}, {"locations": MAINE}),
        ({}, {}),
        # The second says something else, or only one of them has the EIN.
        ({"locations": MAINE}, {"locations": MAINE, "ntee": "P84"}),
        ({"locations": MAINE, "ein": "000000008"}, {"locations": MAINE}),
        ({"locations": MAINE}, {"locations": MAINE, "ein": "000000008"}),
        ({"locations": MAINE}, {"name": "TEST  ALPHA, Inc.", "locations": MAINE}),
    ],
)
def test_a_repeated_row_names_the_row_that_it_repeats(
    plan: Plan, first: dict[str, Any], second: dict[str, Any]
) -> None:
    row = plan(
        _record("line 2", **{"name": "Test Alpha"} | first),
        _record("line 3", name="Test Beta", locations=MAINE),
        _record("line 4", **{"name": "Test Alpha"} | second),
    )
    assert (row.verdict, row.reason) == (Verdict.DUPLICATE, "the same organization as line 2")
    assert row.nonprofit is None


def test_two_rows_about_one_listing_are_one_too_many(plan: Plan) -> None:
    row = plan(
        _record("line 2", ein="000000001", ruling_year=2004),
        _record("line 3", name="Test Legal Help", ntee="P20", locations=MAINE),
    )
    assert (row.verdict, row.reason) == (Verdict.DUPLICATE, "the same organization as line 2")


def test_chapters_of_one_name_are_no_repeats(plan: Plan) -> None:
    row = plan(
        _record("line 2", name="Test Alpha", ein="000000008", locations=MAINE),
        _record("line 3", name="Test Alpha", ein="000000009", locations=MAINE),
    )
    assert (row.verdict, row.slug) == (Verdict.CREATE, "test-alpha-me")


def test_slugs_of_one_file_do_not_collide(plan: Plan) -> None:
    offices = [make_office("Boston", "MA"), make_office("Miami", "FL"), make_office("Dover", "NH")]
    records = [
        _record(name="Test New", ein=f"00000001{n}", locations=office)
        for n, office in enumerate(offices)
    ]
    assert plan(*records).slug == "test-new-nh"


def test_the_do_not_list_holds(plan: Plan) -> None:
    for mark, values in (
        ("EIN", {"name": "Renamed", "ein": "000000001"}),
        ("name", {"name": "TEST LEGAL HELP INC", "locations": make_office("Bangor", "ME")}),
    ):
        row = plan(_record(**values), status=Status.DO_NOT_LIST)
        assert row.verdict is Verdict.REJECTED
        assert row.reason == f"stands on the do-not-list, known by its {mark}"


@pytest.mark.parametrize("status", [Status.WITHDRAWN, Status.ARCHIVED, Status.MERGED])
def test_a_closed_listing_is_left_alone(plan: Plan, status: Status) -> None:
    row = plan(_record(ein="000000001", revenue_usd=700), status=status)
    assert (row.verdict, row.slug) == (Verdict.REJECTED, "test-legal-help")


@pytest.mark.parametrize("label", ["language-education", "clases-de-idioma"])
def test_tags_may_go_by_their_labels(plan: Plan, label: str) -> None:
    row = plan(_record(name="Test New", services=(label, "language-education")))
    assert row.nonprofit is not None
    assert row.nonprofit.services == ("language-education",)


@pytest.mark.parametrize(
    ("values", "reason"),
    [({"services": ("juggling",)}, "no tag"), ({"parent": "nobody"}, "no listing")],
)
def test_what_names_something_unknown_is_rejected(
    plan: Plan, values: dict[str, Any], reason: str
) -> None:
    row = plan(_record(name="Test New", **values))
    assert row.verdict is Verdict.REJECTED
    assert reason in row.reason


def test_an_error_keeps_its_line_and_the_plan_counts(db: Database, plan: Plan) -> None:
    records = [RowError(where="line 7", reason="no good"), _record(name="Test New")]
    made: ImportPlan = plan_import(db, records)
    assert made.rows[0] == PlannedRow(where="line 7", verdict=Verdict.REJECTED, reason="no good")
    assert made.counts[Verdict.CREATE] == made.counts[Verdict.REJECTED] == 1
    assert sum(made.counts.values()) == 2


def test_a_plan_writes_nothing(db: Database, plan: Plan, stored: Nonprofit) -> None:
    plan(_record(name="Test New"), _record(ein="000000001", revenue_usd=9))
    before = get_catalog_revision(db)
    assert [listing.revenue_usd for listing in list_nonprofits(db, Status)] == [500]
    assert plan_import(db, []).catalog_revision == before


def test_a_file_that_breaks_off_gives_no_plan(db: Database) -> None:
    def broken() -> Iterator[Incoming]:
        yield _record()
        raise ImportRefused("It breaks off.")

    with pytest.raises(ImportRefused):
        plan_import(db, broken())


def test_known_eins_are_those_of_every_state(db: Database, plan: Plan) -> None:
    plan(RowError(where="", reason=""), status=Status.WITHDRAWN)
    assert list_known_eins(db) == {"000000001"}


@pytest.mark.parametrize(("site", "verdict"), [("a", Verdict.UNCHANGED), ("b", Verdict.CONFLICT)])
def test_a_site_is_the_same_with_a_slash(
    db: Database, stored: Nonprofit, site: str, verdict: Verdict, taxonomy: tuple[Tag, ...]
) -> None:
    load_tags(db, taxonomy)
    load_nonprofits(db, [replace(stored, website="https://example.org/a/")])
    record = _record(ein=stored.ein, website=f"https://example.org/{site}")
    (row,) = plan_import(db, [record]).rows
    assert row.verdict is verdict


def test_two_listings_of_one_acronym_are_not_repeats(
    db: Database, taxonomy: tuple[Tag, ...], make_nonprofit: Callable[..., Nonprofit]
) -> None:
    load_tags(db, taxonomy)
    pair = [
        make_nonprofit(name, "Portland, ME", other_names=("TLH",)) for name in ("Test A", "Test B")
    ]
    load_nonprofits(db, pair)
    rows = [
        _record(f"line {n}", slug=one.slug, name=one.name, other_names=("TLH",))
        for n, one in enumerate([*pair, pair[0]], start=2)
    ]
    verdicts = [row.verdict for row in plan_import(db, rows).rows]
    assert verdicts == [Verdict.UNCHANGED, Verdict.UNCHANGED, Verdict.DUPLICATE]
