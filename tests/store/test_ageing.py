"""Listings age oldest first, never many at once, and never twice."""

from dataclasses import replace
from datetime import date, timedelta

from sqlite_utils import Database

from recommender.models import Nonprofit, Source, Status
from recommender.store.ageing import AgeingPolicy, age_listings, plan_ageing
from recommender.store.catalog import get_catalog_revision, load_nonprofits
from recommender.store.history import list_revisions
from recommender.store.listings import get_listing, list_nonprofits, set_status
from recommender.store.revisions import approve_revision, save_listing
from tests.store.team import Team

TODAY = date(2026, 2, 28)
LAWYERS, HOUSE, SHELTER = "test-border-lawyers", "test-haitian-house", "test-harbor-shelter"
NO_NEW_ONES = AgeingPolicy(due_after=999)


def _sourced(db: Database, catalogue: tuple[Nonprofit, ...], **as_of: str) -> None:
    """Load the catalogue with its newest source of some day, by the last word of the slug."""
    listings = []
    for listing in catalogue:
        day = as_of.get(listing.slug.rpartition("-")[2], "2026-02-01")
        sources = tuple(
            Source(facts="mission", source="Test register", as_of=when) for when in ("2001", day)
        )
        listings.append(replace(listing, sources=sources if day else ()))
    load_nonprofits(db, listings)


def _statuses(db: Database, status: Status) -> list[str]:
    return [listing.slug for listing in list_nonprofits(db, (status,))]


def test_listings_age_by_their_newest_source_oldest_first(
    loaded: Database, catalogue: tuple[Nonprofit, ...]
) -> None:
    ages = {"lawyers": "2025-02-27", "clinic": "2025-02-28", "project": "2025", "shelter": "2024"}
    ages |= {"house": "2025-01", "youth": "2025-02", "circle": ""}
    _sourced(loaded, catalogue, **ages)
    revision = get_catalog_revision(loaded)
    plan = plan_ageing(loaded, TODAY)
    assert plan.due == ("test-unknown-circle", SHELTER, HOUSE, LAWYERS)
    assert (plan.stale, plan.n_old, plan.n_long_due, plan.n_due) == ((), 4, 0, 0)
    assert get_catalog_revision(loaded) == revision
    assert age_listings(loaded, TODAY) == plan
    assert _statuses(loaded, Status.DUE) == sorted(plan.due)


def test_doing_it_twice_changes_nothing(loaded: Database, catalogue: tuple[Nonprofit, ...]) -> None:
    _sourced(loaded, catalogue, lawyers="2020", house="2021", shelter="2022")
    assert age_listings(loaded, TODAY, AgeingPolicy(max_due=2)).due == (LAWYERS, HOUSE)
    revision = get_catalog_revision(loaded)
    for day in (TODAY, TODAY + timedelta(days=1)):
        again = age_listings(loaded, day, AgeingPolicy(max_due=2))
        assert (again.due, again.stale, again.n_old, again.n_due) == ((), (), 1, 2)
    assert get_catalog_revision(loaded) == revision


def test_the_queue_is_filled_up_as_work_is_done(
    loaded: Database, catalogue: tuple[Nonprofit, ...]
) -> None:
    _sourced(loaded, catalogue, lawyers="2020", house="2021", shelter="2022", circle="2023")
    age_listings(loaded, TODAY, AgeingPolicy(max_due=2))
    set_status(loaded, LAWYERS, Status.ARCHIVED)
    assert age_listings(loaded, TODAY, AgeingPolicy(max_due=2)).due == (SHELTER,)
    assert age_listings(loaded, TODAY, AgeingPolicy(max_due=1)).due == ()


def test_what_is_due_stays_in_every_answer(
    loaded: Database, catalogue: tuple[Nonprofit, ...]
) -> None:
    _sourced(loaded, catalogue, lawyers="2020")
    age_listings(loaded, TODAY)
    assert get_listing(loaded, LAWYERS).nonprofit.status is Status.DUE
    assert LAWYERS in {listing.slug for listing in list_nonprofits(loaded)}


def test_what_is_due_for_long_is_stale(
    loaded: Database, catalogue: tuple[Nonprofit, ...], team: Team
) -> None:
    _sourced(loaded, catalogue, lawyers="2020", house="2020")
    age_listings(loaded, TODAY)
    seen = get_listing(loaded, LAWYERS)
    edited = replace(seen.nonprofit, notes="x")
    saved = save_listing(loaded, edited, by=team.editor, expected_revision=seen.revision)
    approve_revision(loaded, LAWYERS, saved.number, by=team.reviewer)
    assert age_listings(loaded, date(2027, 2, 27), NO_NEW_ONES).stale == ()
    aged = age_listings(loaded, date(2027, 2, 28), NO_NEW_ONES, note="Started by Ana.")
    assert aged.stale == (LAWYERS, HOUSE)
    assert LAWYERS not in {listing.slug for listing in list_nonprofits(loaded)}
    entry = list_revisions(loaded, LAWYERS)[0]
    assert (entry.staff_id, entry.staff_name, entry.created_at[:10], entry.note) == (
        None,
        "schedule",
        "2027-02-28",
        "Started by Ana.",
    )


def test_few_become_stale_in_a_day_and_make_room_for_others(
    loaded: Database, catalogue: tuple[Nonprofit, ...]
) -> None:
    _sourced(loaded, catalogue, lawyers="2020", house="2021", shelter="2022", circle="2023")
    policy = AgeingPolicy(max_due=3, max_stale=1)
    age_listings(loaded, TODAY, policy)
    later = date(2027, 2, 28)
    aged = age_listings(loaded, later, replace(policy, due_after=36))
    assert (aged.stale, aged.n_long_due) == ((LAWYERS,), 3)
    assert aged.due == ("test-unknown-circle",)
    again = age_listings(loaded, later, replace(policy, due_after=36))
    assert (again.due, again.stale, again.n_long_due) == ((), (), 2)
    next_day = age_listings(loaded, later + timedelta(days=1), replace(policy, due_after=36))
    assert next_day.stale == (HOUSE,)


def test_what_staff_make_stale_leaves_the_days_allowance(
    loaded: Database, catalogue: tuple[Nonprofit, ...]
) -> None:
    _sourced(loaded, catalogue, lawyers="2020", house="2021")
    policy = AgeingPolicy(max_stale=1)
    age_listings(loaded, TODAY, policy)
    set_status(loaded, LAWYERS, Status.STALE)
    assert age_listings(loaded, date(2027, 3, 1), policy).stale == (HOUSE,)


def test_ageing_is_no_edit(loaded: Database, catalogue: tuple[Nonprofit, ...]) -> None:
    _sourced(loaded, catalogue, lawyers="2020")
    age_listings(loaded, TODAY)
    changed = [replace(n, notes="newer") if n.slug == LAWYERS else n for n in catalogue]
    assert LAWYERS in load_nonprofits(loaded, changed).updated


def test_the_last_day_of_february_has_an_anniversary(
    loaded: Database, catalogue: tuple[Nonprofit, ...]
) -> None:
    _sourced(loaded, catalogue, lawyers="2023-02-27", house="2023-02-28")
    assert plan_ageing(loaded, date(2024, 2, 27)).due == ()
    assert plan_ageing(loaded, date(2024, 2, 29)).due == (LAWYERS,)
