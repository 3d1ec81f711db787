from dataclasses import replace

from sqlite_utils import Database

from recommender.models import (
    Language,
    ListingQuery,
    Nonprofit,
    QueueKind,
    ServiceArea,
    Status,
    Submission,
    SubmissionKind,
)
from recommender.store.catalog import load_nonprofits
from recommender.store.exposures import (
    KEPT,
    Exposure,
    find_exposure,
    find_last_exposure,
    put_exposure,
)
from recommender.store.inbox import create_submission
from recommender.store.listings import get_listing, set_status
from recommender.store.overview import count_checks, count_thin, list_waiting, measure_coverage
from recommender.store.revisions import save_listing
from recommender.store.workflow import assign
from recommender.store.worklist import search_listings
from tests.store.team import Team

LAWYERS, CLINIC, HOUSE = "test-border-lawyers", "test-houston-clinic", "test-haitian-house"
PUBLIC = (Status.PUBLISHED, Status.DUE)


def test_coverage_counts_what_the_list_finds(
    loaded: Database, crowd: tuple[Nonprofit, ...]
) -> None:
    load_nonprofits(loaded, crowd)
    set_status(loaded, crowd[1].slug, Status.DUE)
    set_status(loaded, crowd[2].slug, Status.STALE)
    set_status(loaded, crowd[3].slug, Status.DRAFT)
    found = measure_coverage(loaded)
    assert found.services

    def listed(**narrowed: object) -> int:
        query = replace(ListingQuery(statuses=PUBLIC), **narrowed)
        return search_listings(loaded, query).total

    assert found.offices == {state: listed(states=(state,)) for state in found.offices}
    for state, number in found.thin.items():
        assert number == listed(states=(state,), thin=True), state
    for (state, service), number in found.services.items():
        assert number == listed(states=(state,), services=(service,)), (state, service)
    assert count_thin(loaded) == (listed(thin=True), listed())


def test_a_state_is_served_from_elsewhere(
    loaded: Database, catalogue: tuple[Nonprofit, ...]
) -> None:
    areas = (ServiceArea(state="TX"), ServiceArea(state="LA"), ServiceArea(state="LA", city="Gary"))
    far = [replace(n, service_areas=areas) if n.slug == LAWYERS else n for n in catalogue]
    load_nonprofits(loaded, far)
    assert measure_coverage(loaded).visiting == {"LA": 1}


def test_nothing_is_covered_by_nothing(db: Database) -> None:
    found = measure_coverage(db)
    assert (found.offices, found.thin, found.visiting, found.services) == ({}, {}, {}, {})
    assert count_thin(db) == (0, 0)
    assert count_checks(db) == {}
    assert list_waiting(db) == []


def test_checks_are_counted_by_the_newest(
    loaded: Database, catalogue: tuple[Nonprofit, ...]
) -> None:
    listings = [replace(n, sources=()) if n.slug == CLINIC else n for n in catalogue]
    listings = [replace(n, verified_on="2026-05-01") if n.slug == HOUSE else n for n in listings]
    load_nonprofits(loaded, listings)
    set_status(loaded, LAWYERS, Status.WITHDRAWN)
    assert count_checks(loaded) == {"": 1, "2024-01": 9, "2026-05-01": 1}


def test_everything_that_waits_is_listed(loaded: Database, team: Team) -> None:
    seen = get_listing(loaded, LAWYERS)
    edited = replace(seen.nonprofit, serves="Everywhere")
    save_listing(loaded, edited, by=team.editor, expected_revision=seen.revision)
    assign(loaded, LAWYERS, team.second, by=team.editor)
    set_status(loaded, CLINIC, Status.DUE)
    message = Submission(kind=SubmissionKind.REMOVAL, language=Language.ES, message="Por favor.")
    create_submission(loaded, message)
    loaded.execute(
        "INSERT INTO library_revisions (kind, key, new_key, state, after, staff_id, staff_name,"
        " created_at) VALUES ('term', 'a', 'a', 'pending', '{}', ?, 'Editor', '2026-01-01')",
        [team.editor],
    )
    waiting = {item.kind: item for item in list_waiting(loaded)}
    assert waiting.keys() == {
        QueueKind.REVISION,
        QueueKind.DUE,
        SubmissionKind.REMOVAL,
        "library",
    }
    pending = waiting[QueueKind.REVISION]
    assert (pending.author_id, pending.assignee_id) == (team.editor, team.second)
    assert waiting["library"].author_id == team.editor
    assert all(item.since for item in waiting.values())


def test_reports_on_exposure_are_kept_for_the_newest_generations(db: Database) -> None:
    assert find_exposure(db, "a") is None
    assert find_last_exposure(db) is None
    begun = Exposure(generation="a", n_done=50, n_profiles=100)
    put_exposure(db, begun)
    assert find_exposure(db, "a") == begun
    assert find_last_exposure(db) is None
    done = replace(begun, n_done=100, report={"gini": 0.5})
    put_exposure(db, done)
    put_exposure(db, Exposure(generation="b", n_done=0, n_profiles=100))
    assert find_exposure(db, "a") == done == find_last_exposure(db)
    for number in range(KEPT):
        put_exposure(db, replace(done, generation=f"c{number}"))
    assert find_exposure(db, "a") is None
    assert find_last_exposure(db) == replace(done, generation=f"c{KEPT - 1}")
