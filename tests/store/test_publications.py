from dataclasses import replace

import pytest
from sqlite_utils import Database

from recommender.errors import NotFound
from recommender.store.catalog import get_catalog_revision
from recommender.store.publications import (
    MAX_TRIES,
    ChangedListing,
    Changes,
    Publication,
    PublicationKind,
    PublicationState,
    WrongAnswer,
    begin_publication,
    find_hold,
    find_last_publication,
    get_publication,
    list_publications,
    settle_interrupted,
    update_publication,
)
from tests.store.team import Team

BUILD, RETURN = PublicationKind.BUILD, PublicationKind.RETURN
PUBLISHED, REFUSED = PublicationState.PUBLISHED, PublicationState.REFUSED
FAILED, INTERRUPTED = PublicationState.FAILED, PublicationState.INTERRUPTED


def add(
    db: Database, state: PublicationState, kind: PublicationKind = BUILD, revision: int = 0
) -> Publication:
    """A publication of the catalogue as it is, or of another revision."""
    return begin_publication(
        db,
        Publication(
            kind=kind,
            state=state,
            catalog_revision=revision or get_catalog_revision(db),
            staff_name="schedule",
        ),
    )


def test_a_publication_is_kept_whole(loaded: Database, team: Team) -> None:
    begun = begin_publication(
        loaded,
        Publication(kind=BUILD, catalog_revision=7, staff_id=team.reviewer, staff_name="Reviewer"),
    )
    assert begun.state is PublicationState.UNDERWAY
    assert get_publication(loaded, begun.id) == begun
    done = replace(
        begun,
        state=REFUSED,
        generation="b",
        previous="a",
        n_listings=12,
        n_queries=80,
        seconds=1.25,
        reason="¡No!",
        failures=(WrongAnswer(query_id="q", expected="one", found="none"),),
        changes=Changes(
            n_added=3,
            n_changed=1,
            added=("a", "b"),
            changed=(ChangedListing(slug="c", fields=("name", "serves")),),
            words=True,
        ),
    )
    update_publication(loaded, done)
    assert get_publication(loaded, done.id) == done == find_last_publication(loaded)
    loaded.execute("DELETE FROM staff WHERE id = ?", [team.reviewer])
    kept = get_publication(loaded, done.id)
    assert (kept.staff_id, kept.staff_name) == (None, "Reviewer")


def test_there_may_be_none(db: Database) -> None:
    assert find_last_publication(db) is None
    assert find_hold(db) is None
    assert list_publications(db).publications == ()
    with pytest.raises(NotFound):
        get_publication(db, 1)


def test_the_history_has_pages_newest_first(db: Database) -> None:
    ids = [add(db, PUBLISHED).id for _ in range(5)]
    page = list_publications(db, page=2, page_size=2)
    assert ([p.id for p in page.publications], page.total) == ([ids[2], ids[1]], 5)
    beyond = list_publications(db, page=9, page_size=2)
    assert (beyond.publications, beyond.total) == ((), 5)


@pytest.mark.parametrize(
    ("states", "holds"),
    [
        ([PUBLISHED], False),
        ([REFUSED], True),
        ([REFUSED, PUBLISHED], False),
        ([FAILED], False),
        ([FAILED] * MAX_TRIES, True),
        ([FAILED, INTERRUPTED, FAILED], True),
        ([INTERRUPTED] * MAX_TRIES, True),
        ([FAILED, FAILED, PUBLISHED, FAILED], False),
        ([REFUSED, FAILED], False),
    ],
)
def test_what_keeps_a_catalogue_from_being_published(
    db: Database, states: list[PublicationState], holds: bool
) -> None:
    for state in states:
        last = add(db, state)
    assert find_hold(db) == (last if holds else None)


def test_a_return_holds_until_the_catalogue_changes(loaded: Database) -> None:
    back = add(loaded, PUBLISHED, RETURN)
    assert find_hold(loaded) == back
    loaded.execute("UPDATE nonprofits SET name = 'Other' WHERE slug = 'test-haitian-house'")
    assert find_hold(loaded) is None


def test_tries_of_another_catalogue_do_not_count(loaded: Database) -> None:
    add(loaded, REFUSED, revision=1)
    add(loaded, FAILED, revision=1)
    assert find_hold(loaded) is None


def test_what_was_interrupted_is_settled_by_what_serves(db: Database) -> None:
    early, served, other = (add(db, PublicationState.UNDERWAY) for _ in range(3))
    done = add(db, PUBLISHED)
    update_publication(db, replace(served, generation="now"))
    update_publication(db, replace(other, generation="never"))
    settle_interrupted(db, "now")
    states = [get_publication(db, p.id).state for p in (early, served, other, done)]
    assert states == [INTERRUPTED, PUBLISHED, INTERRUPTED, PUBLISHED]


def test_nothing_serves_where_nothing_was_written(db: Database) -> None:
    early = add(db, PublicationState.UNDERWAY)
    settle_interrupted(db, "")
    assert get_publication(db, early.id).state is INTERRUPTED
