from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from sqlite_utils import Database

from recommender.models import Basis, ListingQuery, ListingSort, Nonprofit, Status
from recommender.store.catalog import load_nonprofits, set_status
from recommender.store.listings import get_listing
from recommender.store.revisions import approve_revision
from recommender.store.workflow import assign
from recommender.store.worklist import count_values, list_slugs, search_listings
from tests.store.team import Team
from tests.store.test_revisions import LAWYERS, edit

Make = Callable[..., Nonprofit]
CLINIC, HOUSE = "test-houston-clinic", "test-haitian-house"


def _find(db: Database, text: str = "", **query: object) -> list[str]:
    page = search_listings(db, ListingQuery(text=text, **query))
    assert page.total == len(page.listings)
    return [row.slug for row in page.listings]


@pytest.mark.parametrize(
    ("typed", "found"),
    [
        ("border law", [LAWYERS]),
        ("LAWYERS bor", [LAWYERS]),
        ("tbl", [LAWYERS]),
        ("abogados", [LAWYERS]),
        ("00-0000001", [LAWYERS]),
        ("000000001", [LAWYERS]),
        ("0000", [LAWYERS]),
        ("brownsville", [LAWYERS]),
        ("walk-in clinic", [CLINIC]),
        ("recien llegados de haiti", [HOUSE]),
        ("recién llegados de Haití", [HOUSE]),
        ("clinic -", [CLINIC]),
        ("clinic brownsville", []),
        ("xylophone", []),
        ("!!!", []),
    ],
)
def test_search_as_typed(loaded: Database, typed: str, found: list[str]) -> None:
    assert _find(loaded, typed) == found


@pytest.mark.parametrize(
    ("typed", "found"),
    [
        ('"', []),
        ('"clinic', [CLINIC]),
        ("^clinic", [CLINIC]),
        ("houston + clinic", [CLINIC]),
        ("clinic OR house", []),
        ("NEAR(houston clinic)", []),
        ("name:clinic", []),
        ("clin*", [CLINIC]),
        ("cl*nic", []),
        ("clinic NOT", []),
    ],
)
def test_nothing_typed_is_syntax(loaded: Database, typed: str, found: list[str]) -> None:
    assert _find(loaded, typed) == found


@settings(
    max_examples=60, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture]
)
@given(st.text(max_size=40))
def test_anything_may_be_typed(loaded: Database, typed: str) -> None:
    search_listings(loaded, ListingQuery(text=typed))
    search_listings(loaded, ListingQuery(text="\ud800\0" + typed))


def test_a_name_counts_more_than_a_description(loaded: Database, make_nonprofit: Make) -> None:
    named = make_nonprofit("Test Zither", summary_en="Plays music for people who are new here.")
    told = make_nonprofit("Test Alto", summary_en="Plays the zither for people who are new here.")
    load_nonprofits(loaded, [named, told])
    assert _find(loaded, "zither") == ["test-zither", "test-alto"]
    assert _find(loaded, "zither", sort=ListingSort.NAME) == ["test-alto", "test-zither"]


def test_the_search_follows_every_change(loaded: Database, team: Team) -> None:
    number = edit(loaded, LAWYERS, team.editor, name="Quince", other_names=("Membrillo",))
    assert _find(loaded, "quince") == []
    approve_revision(loaded, LAWYERS, number, by=team.reviewer)
    assert _find(loaded, "quince") == _find(loaded, "membrillo") == [LAWYERS]
    assert _find(loaded, "tbl") == []
    loaded.execute("DELETE FROM nonprofits WHERE slug = ?", [LAWYERS])
    assert _find(loaded, "quince") == []


def test_filters_narrow(loaded: Database, team: Team, catalogue: tuple[Nonprofit, ...]) -> None:
    set_status(loaded, CLINIC, Status.WITHDRAWN)
    assign(loaded, HOUSE, team.editor, by=team.editor)
    everything = {listing.slug for listing in catalogue}
    assert set(_find(loaded)) == everything
    assert _find(loaded, statuses=(Status.WITHDRAWN, Status.DRAFT)) == [CLINIC]
    assert _find(loaded, states=("TX",)) == [LAWYERS, CLINIC]
    assert _find(loaded, states=("TX",), services=("health-care",)) == [CLINIC]
    assert _find(loaded, bases=(Basis.NAME,)) == ["test-unknown-circle"]
    assert _find(loaded, assignee_id=team.editor) == [HOUSE]
    assert _find(loaded, "haitian", assignee_id=team.reviewer) == []
    assert set(_find(loaded, thin=True)) | set(_find(loaded, thin=False)) == everything
    assert "test-unknown-circle" in _find(loaded, thin=True)
    assert LAWYERS in _find(loaded, thin=False)


def test_freshness_goes_by_the_last_check(loaded: Database, catalogue: tuple) -> None:
    loaded.execute("UPDATE nonprofits SET verified_on = '2026-02-03' WHERE slug = ?", [HOUSE])
    assert _find(loaded, checked_before="2024-01-31") == []
    assert HOUSE not in _find(loaded, checked_before="2024-02-01")
    assert len(_find(loaded, checked_before="2026-02-04")) == len(catalogue)
    newest = search_listings(loaded, ListingQuery(sort=ListingSort.CHECKED)).listings[-1]
    assert (newest.slug, newest.checked_on) == (HOUSE, "2026-02-03")


def test_what_nobody_has_seen_to(loaded: Database, team: Team, catalogue: tuple) -> None:
    loaded.execute("UPDATE nonprofits SET verified_on = '2026-02-03' WHERE slug = ?", [HOUSE])
    assign(loaded, CLINIC, team.editor, by=team.editor)
    edit(loaded, LAWYERS, team.editor, notes="x")
    everything = {listing.slug for listing in catalogue}
    assert set(_find(loaded, never_verified=True)) == everything - {HOUSE}
    assert set(_find(loaded, unassigned=True)) == everything - {CLINIC}
    assert _find(loaded, pending=True) == [LAWYERS]
    assert _find(loaded, "clinic", pending=True) == []


def test_only_among_some(loaded: Database) -> None:
    assert _find(loaded, among=(CLINIC, HOUSE, "no-such")) == [HOUSE, CLINIC]
    assert _find(loaded, "clinic", among=(CLINIC, HOUSE)) == [CLINIC]
    assert _find(loaded, among=()) == []


def test_places_come_by_state_and_city_and_those_without_last(loaded: Database) -> None:
    rows = search_listings(loaded, ListingQuery(sort=ListingSort.PLACE)).listings
    places = [(row.state, row.city) for row in rows]
    with_office = [place for place in places if place[0]]
    assert with_office == sorted(with_office)
    assert places == with_office + [("", "")] * (len(places) - len(with_office))
    assert len(with_office) < len(places)


def test_all_that_fits_is_listed_whatever_the_page(loaded: Database) -> None:
    query = ListingQuery(states=("ME", "TX"), sort=ListingSort.NAME, page=3, page_size=1)
    found = ["test-border-lawyers", CLINIC, "test-lewiston-english-classes"]
    assert list_slugs(loaded, query, 10) == [*found, "test-maine-asylum-project"]
    assert list_slugs(loaded, query, 2) == found[:2]


@pytest.mark.parametrize(
    "query",
    [
        ListingQuery(),
        ListingQuery(text="test", states=("TX", "ME"), services=("legal-services",)),
        ListingQuery(statuses=(Status.DRAFT,), bases=(Basis.NAME,)),
        ListingQuery(thin=True, services=("housing",)),
    ],
)
def test_a_count_is_what_choosing_the_value_finds(loaded: Database, query: ListingQuery) -> None:
    set_status(loaded, CLINIC, Status.DRAFT)
    values = {
        "statuses": list(Status),
        "bases": list(Basis),
        "states": ["TX", "ME", "MA", "FL", "WY"],
        "services": ["legal-services", "housing", "health-care"],
    }
    counts = count_values(loaded, query)
    for name, choices in values.items():
        for value in choices:
            one = replace(query, **{name: (value,)})
            assert counts[name].get(value, 0) == search_listings(loaded, one).total, (name, value)


def test_nothing_is_counted_where_nothing_can_be_found(loaded: Database) -> None:
    assert not any(count_values(loaded, ListingQuery(text="!!!")).values())


def test_a_row_says_what_the_list_shows(loaded: Database, team: Team) -> None:
    edit(loaded, LAWYERS, team.editor, notes="x")
    assign(loaded, LAWYERS, team.editor, by=team.editor)
    (row,) = search_listings(loaded, ListingQuery(text="tbl")).listings
    listing = get_listing(loaded, LAWYERS)
    assert (row.name, row.ein, row.city, row.state) == (
        listing.nonprofit.name,
        "000000001",
        "Brownsville",
        "TX",
    )
    assert (row.status, row.basis, row.revision) == (Status.PUBLISHED, Basis.MISSION, 1)
    assert (row.n_pending, row.assignee_id, row.assignee_name) == (1, team.editor, "Editor")
    assert (row.checked_on, row.is_thin) == ("2024-01", False)
    assert row.edited_at[:10] == listing.nonprofit.updated_on


def test_a_listing_is_there_once_however_many_offices(
    loaded: Database, catalogue: tuple[Nonprofit, ...]
) -> None:
    clinic = next(listing for listing in catalogue if listing.slug == CLINIC)
    (office,) = clinic.locations
    second = replace(office, city="Austin", primary=True)
    first = replace(office, primary=False)
    moved = replace(clinic, locations=(first, second, office))
    load_nonprofits(loaded, [moved if n is clinic else n for n in catalogue])
    (row,) = search_listings(loaded, ListingQuery(text="houston clinic")).listings
    assert row.city == "Austin"


def test_pages_cover_everything_once(loaded: Database, catalogue: tuple[Nonprofit, ...]) -> None:
    seen = []
    for page in (1, 2, 3):
        query = ListingQuery(sort=ListingSort.NAME, page=page, page_size=5)
        found = search_listings(loaded, query)
        assert found.total == len(catalogue)
        seen += [row.name for row in found.listings]
    assert seen == sorted(listing.name for listing in catalogue)
    beyond = search_listings(loaded, replace(query, page=9))
    assert (beyond.listings, beyond.total) == ((), len(catalogue))
