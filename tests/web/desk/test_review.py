"""The desk's review: all that waits is there, and what cannot be approved says why."""

from __future__ import annotations

from dataclasses import replace

import pytest

from recommender.store.accounts import list_accounts
from recommender.store.listings import get_listing
from recommender.store.revisions import save_listing
from recommender.web.desk import review
from tests.web.desk.shelves import Desk
from tests.web.desk.test_library import waiting_number

LAWYERS = "test-border-lawyers"
CLINIC = "test-houston-clinic"
QUEUE = "/staff/review"


def propose(desk: Desk, email: str, slug: str = LAWYERS, **changes: str) -> int:
    """Let somebody edit what is shown; returns the number of the revision that waits."""
    (by,) = [one.id for one in desk.read(list_accounts) if one.email == email]
    found = desk.read(get_listing, slug)
    edited = replace(found.nonprofit, **changes)
    saved = desk.read(lambda db: save_listing(db, edited, by=by, expected_revision=found.revision))
    return int(saved.number)


def test_changes_of_the_library_wait_here_too(desk: Desk) -> None:
    assert "Words, articles and guides (0)" in desk.reviewer.get(QUEUE).text
    number = waiting_number(desk, title="A waiting headline")
    page = desk.reviewer.get(QUEUE).text
    assert "Words, articles and guides (1)" in page
    assert f'href="/staff/library/{number}">A waiting headline</a>' in page
    assert "yours</td>" in desk.editor.get(QUEUE).text


def test_many_of_one_kind_do_not_hide_the_others(
    desk: Desk, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(review, "MAX_LISTED", 1)
    for slug in (LAWYERS, CLINIC):
        propose(desk, "editor@example.org", slug, serves="The valley")
    number = propose(desk, "second@example.org", serves="The coast")
    returned = {"decision": "return", "reason": "Which coast?"}
    desk.reviewer.submit(f"{QUEUE}/{LAWYERS}/{number}", **returned)
    page = desk.reviewer.get(QUEUE).text
    assert "Edits of listings that are shown (2)" in page
    assert "These are the oldest." in page
    assert "given back to their authors (1)" in page
    assert f'href="{QUEUE}/{LAWYERS}/{number}"' in page


def test_a_revision_that_was_overtaken_says_so_before_and_after_an_approval(desk: Desk) -> None:
    first = propose(desk, "editor@example.org", serves="The valley")
    second = propose(desk, "second@example.org", notes="A note.")
    path = f"{QUEUE}/{LAWYERS}/{second}"
    before = desk.reviewer.get(path).text
    assert "has changed since" not in before
    assert 'value="approve"' in before
    desk.reviewer.submit(f"{QUEUE}/{LAWYERS}/{first}", decision="approve")

    page = desk.reviewer.get(path).text
    assert "Changed after this revision was written: Serves, in words." in page
    assert 'value="approve"' not in page
    refused = desk.reviewer.submit(path, decision="approve")
    assert refused.status_code == 409
    assert "Give it back to its author" in refused.text
    own = desk.second.get(path).text
    assert f'href="/staff/listings/{LAWYERS}/edit"' in own
    assert "Edit the listing again" in own
