from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace
from functools import partial

import pytest
from sqlite_utils import Database

from recommender.errors import EditConflict, InvalidAction, NotAllowed, NotFound, StorageError
from recommender.models import (
    Language,
    Nonprofit,
    RevisionState,
    Status,
    Submission,
    SubmissionKind,
)
from recommender.store.accounts import get_account, set_disabled
from recommender.store.catalog import set_status
from recommender.store.handling import (
    MAX_NOTES,
    Act,
    accept_nomination,
    bar,
    close,
    confirm_claim,
    link_nomination,
    reopen,
    take_down,
)
from recommender.store.history import get_revision, list_revisions
from recommender.store.inbox import Outcome, SubmissionStatus, create_submission, get_submission
from recommender.store.listings import get_listing, list_excluded
from recommender.store.revisions import approve_revision, find_open_revision, save_listing
from tests.store.team import Team

LAWYERS, HOUSE = "test-border-lawyers", "test-haitian-house"


def send(db: Database, kind: SubmissionKind, slug: str = LAWYERS) -> int:
    submission = Submission(kind=kind, language=Language.EN, message="Please look.", slug=slug)
    return create_submission(db, submission)


def nominate(db: Database) -> int:
    return send(db, SubmissionKind.NOMINATION, "")


def summary(db: Database, number: int) -> tuple[str, str, int | None, str]:
    item = get_submission(db, number)
    last = item.actions[-1]
    return item.status, last.outcome, last.revision, last.staff_name


# --- Any message -------------------------------------------------------------------------


def test_what_was_done_says_who_and_when_and_is_done_once(loaded: Database, team: Team) -> None:
    number = send(loaded, SubmissionKind.FIX)
    close(loaded, number, Act(outcome=Outcome.CHANGED, revision=3, note="x"), by=team.editor)
    assert summary(loaded, number) == ("done", "changed", 3, "Editor")
    item = get_submission(loaded, number)
    assert item.handled_at == item.actions[0].created_at
    with pytest.raises(InvalidAction, match="Editor"):
        close(loaded, number, Act(outcome=Outcome.DECLINED), by=team.reviewer)
    assert len(get_submission(loaded, number).actions) == 1


def test_a_message_is_put_back_and_what_was_done_is_still_told(
    loaded: Database, team: Team
) -> None:
    number = send(loaded, SubmissionKind.FIX)
    with pytest.raises(InvalidAction, match="already"):
        reopen(loaded, number, by=team.editor)
    close(loaded, number, Act(outcome=Outcome.DECLINED, reason="unverified"), by=team.editor)
    assert get_submission(loaded, number).status is SubmissionStatus.DECLINED
    reopen(loaded, number, by=team.reviewer, note="Look again.")
    item = get_submission(loaded, number)
    assert (item.status, item.handled_at, item.outcome) == (SubmissionStatus.NEW, "", None)
    told = [(action.outcome, action.reason, action.staff_name) for action in item.actions]
    assert told == [("declined", "unverified", "Editor"), ("reopened", "", "Reviewer")]
    close(loaded, number, Act(outcome=Outcome.CLOSED), by=team.editor)
    assert summary(loaded, number)[1] == "closed"


def test_nobody_acts_without_an_account(loaded: Database, team: Team) -> None:
    number = send(loaded, SubmissionKind.REMOVAL)
    set_disabled(loaded, get_account(loaded, "editor@example.org"), True)
    for by in (team.editor, 99):
        for act in (
            partial(close, act=Act(outcome=Outcome.CLOSED)),
            take_down,
            bar,
            reopen,
        ):
            with pytest.raises(NotAllowed):
                act(loaded, number, by=by)  # type: ignore[operator]
    assert get_submission(loaded, number).actions == ()


def test_an_action_fits_its_kind(loaded: Database, team: Team) -> None:
    fix, by = send(loaded, SubmissionKind.FIX), team.admin
    record = get_listing(loaded, LAWYERS).nonprofit
    for act in (
        lambda: accept_nomination(loaded, fix, replace(record, slug="new", ein=""), by=by),
        lambda: link_nomination(loaded, fix, LAWYERS, by=by),
        lambda: confirm_claim(loaded, fix, by=by, how="By telephone."),
        lambda: take_down(loaded, fix, by=by),
        lambda: bar(loaded, fix, by=by),
    ):
        with pytest.raises(InvalidAction, match="is no"):
            act()
    with pytest.raises(NotFound):
        close(loaded, 99, Act(outcome=Outcome.CLOSED), by=by)
    assert get_listing(loaded, LAWYERS).revision == 1


# --- Suggestions -------------------------------------------------------------------------


def test_a_suggestion_becomes_a_nominated_listing(
    loaded: Database, team: Team, make_nonprofit: Callable[..., Nonprofit]
) -> None:
    number = nominate(loaded)
    record = make_nonprofit("Test New Circle", "Boston, MA")
    saved = accept_nomination(loaded, number, record, by=team.editor)
    assert summary(loaded, number) == ("done", "listed", saved.number, "Editor")
    item = get_submission(loaded, number)
    assert (item.submission.slug, item.listed_as) == ("test-new-circle", "Test New Circle")
    made = get_listing(loaded, "test-new-circle")
    assert made.nonprofit == replace(
        record, status=Status.NOMINATED, updated_on=made.nonprofit.updated_on
    )
    assert f"message {number}" in get_revision(loaded, "test-new-circle", saved.number).note


def test_a_suggestion_that_cannot_be_listed_still_waits(
    loaded: Database, team: Team, make_nonprofit: Callable[..., Nonprofit]
) -> None:
    number = nominate(loaded)
    set_status(loaded, HOUSE, Status.DO_NOT_LIST)
    barred = make_nonprofit("Haitian House Again", other_names=("TEST HAITIAN HOUSE, Inc.",))
    with pytest.raises(InvalidAction, match="asked not to be listed"):
        accept_nomination(loaded, number, barred, by=team.admin)
    taken = make_nonprofit("Test Border Lawyers", ein="")
    with pytest.raises(InvalidAction, match="already"):
        accept_nomination(loaded, number, taken, by=team.admin)
    with pytest.raises(StorageError):
        accept_nomination(loaded, number, make_nonprofit("X", services=("nope",)), by=team.admin)
    assert get_submission(loaded, number).actions == ()
    assert get_submission(loaded, number).status is SubmissionStatus.NEW


def test_a_suggestion_may_be_listed_already(loaded: Database, team: Team) -> None:
    number = nominate(loaded)
    with pytest.raises(NotFound):
        link_nomination(loaded, number, "nobody", by=team.editor)
    link_nomination(loaded, number, HOUSE, by=team.editor)
    assert summary(loaded, number) == ("done", "known", None, "Editor")
    assert get_submission(loaded, number).submission.slug == HOUSE


# --- Claims ------------------------------------------------------------------------------


def test_a_claim_is_noted_on_the_listing_for_review(loaded: Database, team: Team) -> None:
    number = send(loaded, SubmissionKind.CLAIM)
    with pytest.raises(InvalidAction, match="how"):
        confirm_claim(loaded, number, by=team.editor, how=" ")
    saved = confirm_claim(loaded, number, by=team.editor, how="Asked at the desk.")
    assert saved.state is RevisionState.PENDING
    assert summary(loaded, number) == ("done", "confirmed", saved.number, "Editor")
    assert get_listing(loaded, LAWYERS).nonprofit.notes == ""
    approve_revision(loaded, LAWYERS, saved.number, by=team.reviewer)
    notes = get_listing(loaded, LAWYERS).nonprofit.notes
    assert notes.endswith(f"claim confirmed by Editor (message {number}). Asked at the desk.")


def test_a_claim_joins_ones_own_edit_and_does_not_push_it_aside(
    loaded: Database, team: Team
) -> None:
    listing = get_listing(loaded, LAWYERS)
    edited = replace(listing.nonprofit, summary_en="They defend people at the border.")
    save_listing(loaded, edited, by=team.editor, expected_revision=listing.revision)
    confirm_claim(loaded, send(loaded, SubmissionKind.CLAIM), by=team.editor, how="Called.")
    mine = find_open_revision(loaded, LAWYERS, team.editor)
    assert mine is not None
    assert mine.after is not None
    assert mine.after.summary_en == "They defend people at the border."
    assert "Called." in mine.after.notes


def test_a_claim_does_not_overwrite_what_others_have_changed(loaded: Database, team: Team) -> None:
    listing = get_listing(loaded, LAWYERS)
    for by, word in ((team.editor, "one"), (team.second, "two")):
        record = replace(listing.nonprofit, summary_en=f"They defend people, {word}.")
        saved = save_listing(loaded, record, by=by, expected_revision=listing.revision)
    approve_revision(loaded, LAWYERS, saved.number, by=team.reviewer)
    number = send(loaded, SubmissionKind.CLAIM)
    with pytest.raises(EditConflict):
        confirm_claim(loaded, number, by=team.editor, how="Called.")
    assert get_submission(loaded, number).status is SubmissionStatus.NEW


def test_notes_that_are_full_are_not_cut(loaded: Database, team: Team) -> None:
    set_status(loaded, LAWYERS, Status.DRAFT)
    listing = get_listing(loaded, LAWYERS)
    full = replace(listing.nonprofit, notes="x" * (MAX_NOTES - 20))
    save_listing(loaded, full, by=team.editor, expected_revision=listing.revision)
    with pytest.raises(InvalidAction, match="full"):
        confirm_claim(loaded, send(loaded, SubmissionKind.CLAIM), by=team.editor, how="Called.")


# --- Removals ----------------------------------------------------------------------------


def test_a_listing_is_taken_down_at_once_and_then_for_good(loaded: Database, team: Team) -> None:
    number = send(loaded, SubmissionKind.REMOVAL)
    # Somebody is editing it, which must not hold up a removal.
    listing = get_listing(loaded, LAWYERS)
    save_listing(loaded, replace(listing.nonprofit, notes="x"), by=team.second, expected_revision=1)
    take_down(loaded, number, by=team.editor)
    assert get_listing(loaded, LAWYERS).nonprofit.status is Status.WITHDRAWN
    assert LAWYERS in list_excluded(loaded)
    status, outcome, revision, who = summary(loaded, number)
    assert (status, outcome, who) == ("new", "taken-down", "Editor")
    assert revision == get_listing(loaded, LAWYERS).revision
    with pytest.raises(InvalidAction, match="not shown"):
        take_down(loaded, number, by=team.editor)
    with pytest.raises(NotAllowed):
        bar(loaded, number, by=team.editor)
    bar(loaded, number, by=team.reviewer, note="They wrote.")
    assert get_listing(loaded, LAWYERS).nonprofit.status is Status.DO_NOT_LIST
    status, outcome, revision, who = summary(loaded, number)
    assert (status, outcome, who) == ("done", "barred", "Reviewer")
    assert next(entry.number for entry in list_revisions(loaded, LAWYERS)) == revision


def test_a_reviewer_may_bar_at_once(loaded: Database, team: Team) -> None:
    number = send(loaded, SubmissionKind.REMOVAL)
    bar(loaded, number, by=team.reviewer)
    assert get_listing(loaded, LAWYERS).nonprofit.status is Status.DO_NOT_LIST
    second = send(loaded, SubmissionKind.REMOVAL)
    bar(loaded, second, by=team.reviewer)
    assert summary(loaded, second)[1] == "barred"
    assert summary(loaded, second)[2] == summary(loaded, number)[2]


def test_to_put_a_message_back_does_not_put_a_listing_back(loaded: Database, team: Team) -> None:
    number = send(loaded, SubmissionKind.REMOVAL)
    bar(loaded, number, by=team.reviewer)
    reopen(loaded, number, by=team.editor)
    assert get_listing(loaded, LAWYERS).nonprofit.status is Status.DO_NOT_LIST
