from __future__ import annotations

import threading
from collections.abc import Callable
from pathlib import Path

import pytest
from sqlite_utils import Database

from recommender.errors import InvalidAction, NotAllowed, NotFound
from recommender.models import Nonprofit, Status
from recommender.store import connect
from recommender.store.accounts import Role, get_account, set_disabled, set_role
from recommender.store.batches import (
    MAX_BATCH,
    Batch,
    BatchAction,
    BatchRequest,
    Chosen,
    Outcome,
    apply_batch,
    get_batch,
    list_actions,
    list_batches,
    plan_batch,
    undo_batch,
)
from recommender.store.catalog import get_catalog_revision, set_status
from recommender.store.history import list_revisions
from recommender.store.listings import get_listing
from recommender.store.revisions import create_listing
from recommender.store.workflow import assign, change_status
from tests.store.team import Team
from tests.store.test_revisions import LAWYERS, edit

Make = Callable[..., Nonprofit]
CLINIC, HOUSE = "test-houston-clinic", "test-haitian-house"


def ask(db: Database, action: BatchAction, *slugs: str, **rest: object) -> BatchRequest:
    chosen = tuple(Chosen(slug=slug, revision=get_listing(db, slug).revision) for slug in slugs)
    return BatchRequest(action=action, chosen=chosen, **rest)


def outcomes(batch: Batch) -> dict[str, str]:
    return {item.slug: item.outcome.value for item in batch.items}


def status(db: Database, slug: str) -> Status:
    return get_listing(db, slug).nonprofit.status


def everything(db: Database) -> list[object]:
    tables = ("nonprofits", "revisions", "assignments", "batches", "batch_items", "meta")
    return [list(db.query(f"SELECT * FROM {table}")) for table in tables]


def make_draft(db: Database, make: Make, name: str, by: int) -> str:
    record = make(name, status=Status.DRAFT)
    create_listing(db, record, by=by)
    return record.slug


def test_a_batch_does_what_may_be_done_and_says_why_not(loaded: Database, team: Team) -> None:
    set_status(loaded, CLINIC, Status.STALE)
    request = ask(loaded, BatchAction.CHECK, LAWYERS, CLINIC, HOUSE, note="Spring round.")
    edit(loaded, HOUSE, team.admin, notes="waits")
    change_status(
        loaded, HOUSE, Status.WITHDRAWN, by=team.editor, expected_revision=1, reason="They asked."
    )
    batch = get_batch(loaded, apply_batch(loaded, request, by=team.editor))
    assert outcomes(batch) == {LAWYERS: "done", CLINIC: "skipped", HOUSE: "skipped"}
    assert [item.reason for item in batch.items] == [
        "",
        "It is stale, and only what is published becomes due.",
        "It was changed after you chose it.",
    ]
    assert (status(loaded, LAWYERS), status(loaded, CLINIC)) == (Status.DUE, Status.STALE)
    assert status(loaded, HOUSE) is Status.WITHDRAWN
    entry = list_revisions(loaded, LAWYERS)[0]
    assert (entry.staff_id, entry.note) == (team.editor, f"Batch {batch.id}. Spring round.")
    assert (batch.staff_name, batch.counts[Outcome.DONE]) == ("Editor", 1)


def test_a_plan_foretells_the_batch_and_writes_nothing(loaded: Database, team: Team) -> None:
    set_status(loaded, CLINIC, Status.DRAFT)
    before = everything(loaded)
    request = ask(loaded, BatchAction.REVIEW, CLINIC, LAWYERS)
    plan = plan_batch(loaded, request, by=team.editor)
    assert everything(loaded) == before
    assert outcomes(plan) == {CLINIC: "done", LAWYERS: "skipped"}
    done = get_batch(loaded, apply_batch(loaded, request, by=team.editor))
    assert [(i.slug, i.reason) for i in done.items] == [(i.slug, i.reason) for i in plan.items]


@pytest.mark.parametrize(
    ("action", "start", "by", "reached"),
    [
        (BatchAction.CHECK, Status.PUBLISHED, "editor", Status.DUE),
        (BatchAction.CHECK, Status.STALE, "admin", None),
        (BatchAction.REVIEW, Status.DRAFT, "editor", Status.IN_REVIEW),
        (BatchAction.REVIEW, Status.IMPORTED, "editor", None),
        (BatchAction.PUBLISH, Status.IN_REVIEW, "reviewer", Status.PUBLISHED),
        # A reviewer may publish each of these, but looks at it first.
        (BatchAction.PUBLISH, Status.DUE, "reviewer", None),
        (BatchAction.PUBLISH, Status.WITHDRAWN, "reviewer", None),
        (BatchAction.PUBLISH, Status.ARCHIVED, "reviewer", None),
        (BatchAction.PUBLISH, Status.PUBLISHED, "reviewer", None),
        (BatchAction.ARCHIVE, Status.DRAFT, "editor", Status.ARCHIVED),
        (BatchAction.ARCHIVE, Status.PUBLISHED, "editor", None),
        (BatchAction.ARCHIVE, Status.PUBLISHED, "reviewer", Status.ARCHIVED),
        (BatchAction.ARCHIVE, Status.DO_NOT_LIST, "admin", None),
        (BatchAction.ARCHIVE, Status.ARCHIVED, "admin", None),
    ],
)
def test_what_an_action_starts_from_and_who_may_take_it(
    loaded: Database, team: Team, action: BatchAction, start: Status, by: str, reached: Status
) -> None:
    set_status(loaded, LAWYERS, start)
    staff = getattr(team, by)
    batch = get_batch(loaded, apply_batch(loaded, ask(loaded, action, LAWYERS), by=staff))
    assert status(loaded, LAWYERS) is (reached or start)
    assert outcomes(batch) == {LAWYERS: "done" if reached else "skipped"}
    assert bool(batch.items[0].reason) is (reached is None)
    undone = undo_batch(loaded, batch.id, by=staff)
    assert status(loaded, LAWYERS) is start
    assert outcomes(undone) == {LAWYERS: "undone" if reached else "skipped"}


def test_nobody_publishes_their_own_among_others(
    loaded: Database, team: Team, make_nonprofit: Make
) -> None:
    own = make_draft(loaded, make_nonprofit, "Test Own", team.reviewer)
    other = make_draft(loaded, make_nonprofit, "Test Other", team.editor)
    apply_batch(loaded, ask(loaded, BatchAction.REVIEW, own, other), by=team.editor)
    request = ask(loaded, BatchAction.PUBLISH, own, other)
    with pytest.raises(NotAllowed, match="reviewer"):
        apply_batch(loaded, request, by=team.editor)
    batch = get_batch(loaded, apply_batch(loaded, request, by=team.reviewer))
    assert outcomes(batch) == {own: "skipped", other: "done"}
    assert batch.items[0].reason == "Nobody publishes their own work."


def test_an_undone_publication_does_not_count_as_a_review(
    loaded: Database, team: Team, make_nonprofit: Make
) -> None:
    own = make_draft(loaded, make_nonprofit, "Test Own", team.reviewer)
    apply_batch(loaded, ask(loaded, BatchAction.REVIEW, own), by=team.editor)
    number = apply_batch(loaded, ask(loaded, BatchAction.PUBLISH, own), by=team.second)
    undo_batch(loaded, number, by=team.second)
    again = ask(loaded, BatchAction.PUBLISH, own)
    assert outcomes(plan_batch(loaded, again, by=team.reviewer)) == {own: "skipped"}
    assert outcomes(plan_batch(loaded, again, by=team.second)) == {own: "done"}


def test_giving_listings_to_somebody(loaded: Database, team: Team) -> None:
    assign(loaded, CLINIC, team.reviewer, by=team.editor)
    assign(loaded, HOUSE, team.editor, by=team.editor)
    catalog = get_catalog_revision(loaded)
    request = ask(loaded, BatchAction.ASSIGN, LAWYERS, CLINIC, HOUSE, assignee_id=team.editor)
    batch = get_batch(loaded, apply_batch(loaded, request, by=team.reviewer))
    assert outcomes(batch) == {LAWYERS: "done", CLINIC: "done", HOUSE: "skipped"}
    assert batch.assignee_name == "Editor"
    assert {get_listing(loaded, slug).assignee_id for slug in (LAWYERS, CLINIC)} == {team.editor}
    assert get_listing(loaded, LAWYERS).revision == 1
    assert get_catalog_revision(loaded) == catalog

    assign(loaded, CLINIC, team.admin, by=team.editor)
    undone = undo_batch(loaded, batch.id, by=team.reviewer)
    assert outcomes(undone) == {LAWYERS: "undone", CLINIC: "kept", HOUSE: "skipped"}
    assert undone.items[1].reason == "It was given to somebody else since."
    assert get_listing(loaded, LAWYERS).assignee_id is None
    assert get_listing(loaded, CLINIC).assignee_id == team.admin


def test_listings_are_given_to_nobody_and_back(loaded: Database, team: Team) -> None:
    assign(loaded, CLINIC, team.reviewer, by=team.editor)
    assign(loaded, HOUSE, team.second, by=team.editor)
    number = apply_batch(loaded, ask(loaded, BatchAction.ASSIGN, CLINIC, HOUSE), by=team.editor)
    assert get_listing(loaded, CLINIC).assignee_id is None
    set_disabled(loaded, get_account(loaded, "second@example.org"), True)
    undone = undo_batch(loaded, number, by=team.editor)
    assert outcomes(undone) == {CLINIC: "undone", HOUSE: "kept"}
    assert get_listing(loaded, CLINIC).assignee_id == team.reviewer
    assert get_listing(loaded, HOUSE).assignee_id is None


def test_nothing_is_given_to_who_is_gone(loaded: Database, team: Team) -> None:
    set_disabled(loaded, get_account(loaded, "second@example.org"), True)
    before = everything(loaded)
    for gone in (team.second, 999):
        request = ask(loaded, BatchAction.ASSIGN, LAWYERS, assignee_id=gone)
        with pytest.raises(NotAllowed):
            apply_batch(loaded, request, by=team.editor)
    assert everything(loaded) == before


def test_whoever_is_no_reviewer_any_more_puts_nothing_up_again(
    loaded: Database, team: Team, make_nonprofit: Make
) -> None:
    drafted = make_draft(loaded, make_nonprofit, "Test Own", team.second)
    request = ask(loaded, BatchAction.ARCHIVE, LAWYERS, drafted)
    number = apply_batch(loaded, request, by=team.reviewer)
    set_role(loaded, get_account(loaded, "reviewer@example.org"), Role.EDITOR)
    undone = undo_batch(loaded, number, by=team.reviewer)
    assert outcomes(undone) == {LAWYERS: "kept", drafted: "undone"}
    assert status(loaded, LAWYERS) is Status.ARCHIVED


def test_what_was_changed_since_is_not_undone(loaded: Database, team: Team) -> None:
    request = ask(loaded, BatchAction.CHECK, LAWYERS, CLINIC, HOUSE)
    number = apply_batch(loaded, request, by=team.editor)
    set_status(loaded, CLINIC, Status.DO_NOT_LIST)
    edit(loaded, HOUSE, team.editor, notes="A proposal changes nothing yet.")
    undone = undo_batch(loaded, number, by=team.editor)
    assert outcomes(undone) == {LAWYERS: "undone", CLINIC: "kept", HOUSE: "undone"}
    assert undone.items[1].reason == "It was changed since, and is do-not-list."
    assert status(loaded, CLINIC) is Status.DO_NOT_LIST
    assert status(loaded, LAWYERS) is status(loaded, HOUSE) is Status.PUBLISHED
    assert list_revisions(loaded, LAWYERS)[0].note == f"Batch {number} was undone."
    assert (undone.undone_by, undone.undone_at >= undone.created_at) == ("Editor", True)
    with pytest.raises(InvalidAction, match="already"):
        undo_batch(loaded, number, by=team.editor)


def test_a_reviewer_undoes_for_others_and_an_editor_does_not(loaded: Database, team: Team) -> None:
    number = apply_batch(loaded, ask(loaded, BatchAction.CHECK, LAWYERS), by=team.reviewer)
    with pytest.raises(NotAllowed, match="reviewer"):
        undo_batch(loaded, number, by=team.editor)
    assert status(loaded, LAWYERS) is Status.DUE
    assert undo_batch(loaded, number, by=team.second).undone_by == "Second"


def test_a_batch_has_bounds(loaded: Database, team: Team) -> None:
    too_many = (Chosen(slug=LAWYERS, revision=1),) * (MAX_BATCH + 1)
    for chosen in ((), too_many):
        request = BatchRequest(action=BatchAction.CHECK, chosen=chosen)
        with pytest.raises(InvalidAction, match=str(MAX_BATCH)):
            apply_batch(loaded, request, by=team.editor)


def test_a_batch_is_done_whole_or_not_at_all(loaded: Database, team: Team) -> None:
    before = everything(loaded)
    chosen = (Chosen(slug=LAWYERS, revision=1), Chosen(slug="no-such", revision=1))
    request = BatchRequest(action=BatchAction.CHECK, chosen=chosen)
    with pytest.raises(NotFound):
        apply_batch(loaded, request, by=team.editor)
    assert everything(loaded) == before
    for read in (get_batch, lambda db, number: undo_batch(db, number, by=team.admin)):
        with pytest.raises(NotFound):
            read(loaded, 7)


def test_a_listing_that_is_chosen_twice_is_changed_once(loaded: Database, team: Team) -> None:
    request = ask(loaded, BatchAction.CHECK, LAWYERS, LAWYERS)
    batch = get_batch(loaded, apply_batch(loaded, request, by=team.editor))
    assert [item.outcome for item in batch.items] == [Outcome.DONE, Outcome.SKIPPED]


def test_the_last_batches_are_listed(loaded: Database, team: Team) -> None:
    for slug in (LAWYERS, CLINIC, LAWYERS):
        apply_batch(loaded, ask(loaded, BatchAction.CHECK, slug), by=team.editor)
    batches = list_batches(loaded, limit=2)
    assert [batch.id for batch in batches] == [3, 2]
    assert [batch.counts[Outcome.SKIPPED] for batch in batches] == [1, 0]
    assert [batch.counts[Outcome.DONE] for batch in batches] == [0, 1]


def test_only_reviewers_publish_in_batches() -> None:
    assert BatchAction.PUBLISH not in list_actions(Role.EDITOR)
    assert set(list_actions(Role.REVIEWER)) == set(BatchAction)


def test_of_two_who_undo_at_once_one_does(loaded: Database, team: Team, tmp_path: Path) -> None:
    number = apply_batch(loaded, ask(loaded, BatchAction.CHECK, LAWYERS, HOUSE), by=team.editor)
    barrier, results = threading.Barrier(4), []

    def undo() -> None:
        db = connect(tmp_path / "waymark.db")
        barrier.wait()
        try:
            results.append(outcomes(undo_batch(db, number, by=team.editor)))
        except InvalidAction:
            results.append({})
        db.close()

    threads = [threading.Thread(target=undo) for _ in range(4)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert sorted(map(len, results)) == [0, 0, 0, 2]
    assert [entry.kind for entry in list_revisions(loaded, LAWYERS)] == ["status", "status"]
