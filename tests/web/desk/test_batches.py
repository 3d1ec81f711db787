"""One thing done to many listings, through the pages."""

from __future__ import annotations

import re
from pathlib import Path
from typing import Any

import pytest
from flask import Flask

from recommender import store
from recommender.config import Settings
from recommender.models import Status
from recommender.store.accounts import Role
from recommender.store.batches import get_batch
from recommender.store.catalog import set_status
from recommender.store.listings import get_listing
from tests.web.client import Page
from tests.web.desk import DeskClient, sign_in
from tests.web.desk.shelves import make_app

LAWYERS, CLINIC, HOUSE = "test-border-lawyers", "test-houston-clinic", "test-haitian-house"
PLAN, BATCHES = "/staff/batches/plan", "/staff/batches"


@pytest.fixture
def app(tmp_path: Path, bare_site: Settings) -> Flask:
    """The test catalogue, to be changed."""
    return make_app(bare_site, tmp_path)


@pytest.fixture
def editor(app: Flask) -> DeskClient:
    return sign_in(app, Role.EDITOR)


def read(app: Flask, look: Any) -> Any:
    db = store.connect(app.config["WAYMARK"].database)
    try:
        return look(db)
    finally:
        db.close()


def status(app: Flask, slug: str) -> Status:
    return read(app, lambda db: get_listing(db, slug).nonprofit.status)


def plan(client: DeskClient, **form: Any) -> Page:
    response = client.submit(PLAN, **form)
    assert response.status_code == 200, response.text
    return Page(response.text)


def confirm(client: DeskClient, planned: Page, **more: str) -> str:
    """Send the form of the page that says what would happen; where it leads."""
    fields = dict(re.findall(r'<input type="hidden" name="(\w+)" value="([^"]*)"', planned.source))
    form = {name: value.replace("&amp;", "&") for name, value in fields.items() if name != "csrf"}
    response = client.submit(BATCHES, **form | more)
    assert response.status_code == 303, response.text
    return str(response.headers["Location"])


def sections(page: Page) -> dict[str, list[str]]:
    """The listings under each title, as their addresses say."""
    parts = re.findall(r"<h2[^>]*>([^<(]+) \(\d+\)</h2>(.*?)</section>", page.source, re.DOTALL)
    return {title: re.findall(r"/staff/listings/([\w-]+)", rows) for title, rows in parts}


def test_a_batch_from_the_list_to_its_undoing(app: Flask, editor: DeskClient) -> None:
    read(app, lambda db: set_status(db, CLINIC, Status.DRAFT))
    chosen = {"slug": [LAWYERS, CLINIC, HOUSE], "action": "check", "query": "state=TX&q=test"}
    planned = plan(editor, **chosen)
    assert "Nothing has happened yet." in planned.source
    assert sections(planned) == {"Would be left out": [CLINIC], "Would be done": [LAWYERS, HOUSE]}
    assert "It is draft, and only what is published becomes due." in planned.source
    assert status(app, LAWYERS) is Status.PUBLISHED

    address = confirm(editor, planned, note="Spring round.")
    assert address == "/staff/batches/1?query=q%3Dtest%26state%3DTX"
    page = editor.page(address)
    assert sections(page) == {"Left out": [CLINIC], "Done": [LAWYERS, HOUSE]}
    assert "/staff/listings?q=test&state=TX" in page.links
    assert status(app, LAWYERS) is status(app, HOUSE) is Status.DUE
    assert "Batch 1. Spring round." in editor.page(f"/staff/listings/{HOUSE}").source
    assert re.search(r'data-label="Undone">no<', editor.page(BATCHES).source)

    read(app, lambda db: set_status(db, HOUSE, Status.STALE))
    undone = editor.submit("/staff/batches/1/undo", query="q=test")
    assert undone.headers["Location"] == "/staff/batches/1?query=q%3Dtest"
    page = editor.page("/staff/batches/1")
    assert sections(page) == {
        "Could not be undone": [HOUSE],
        "Left out": [CLINIC],
        "As before again": [LAWYERS],
    }
    assert "It was changed since, and is stale." in page.source
    assert "/undo" not in page.source
    assert status(app, LAWYERS) is Status.PUBLISHED
    assert editor.submit("/staff/batches/1/undo").status_code == 409
    assert re.search(r'data-label="Undone">1, by editor<', editor.page(BATCHES).source)


def test_all_that_fit_may_be_chosen(reader: DeskClient) -> None:
    planned = plan(reader, all="1", action="check", query="state=TX", slug=HOUSE)
    assert sections(planned) == {"Would be done": [LAWYERS, CLINIC]}
    assert len(sections(plan(reader, all="1", action="check"))["Would be done"]) == 12


def test_all_are_at_most_so_many(reader: DeskClient, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("recommender.web.desk.batches.MAX_BATCH", 5)
    assert len(sections(plan(reader, all="1", action="check"))["Would be done"]) == 5


def test_what_was_changed_since_it_was_looked_at_is_left_out(
    app: Flask, editor: DeskClient
) -> None:
    planned = plan(editor, slug=[LAWYERS, HOUSE], action="check")
    read(app, lambda db: set_status(db, LAWYERS, Status.WITHDRAWN))
    page = editor.page(confirm(editor, planned))
    assert sections(page) == {"Left out": [LAWYERS], "Done": [HOUSE]}
    assert "It was changed after you chose it." in page.source
    assert status(app, LAWYERS) is Status.WITHDRAWN


def test_listings_are_given_to_somebody(app: Flask, editor: DeskClient) -> None:
    planned = plan(editor, slug=[LAWYERS], action="assign", to=str(editor.account.id))
    assert "would be given to editor" in planned.source
    confirm(editor, planned)
    assert read(app, lambda db: get_listing(db, LAWYERS).assignee_id) == editor.account.id
    planned = plan(editor, slug=[LAWYERS, HOUSE], action="assign", to="")
    assert sections(planned) == {"Would be left out": [HOUSE], "Would be done": [LAWYERS]}
    assert editor.submit(PLAN, slug=LAWYERS, action="assign", to="999").status_code == 403


def test_publishing_is_offered_to_reviewers(app: Flask, editor: DeskClient) -> None:
    reviewer = sign_in(app, Role.REVIEWER)
    read(app, lambda db: set_status(db, LAWYERS, Status.IN_REVIEW))
    offered = '<option value="publish">'
    assert offered not in editor.page("/staff/listings").source
    assert offered in reviewer.page("/staff/listings").source
    form = {"slug": [LAWYERS], "action": "publish"}
    assert editor.submit(PLAN, **form).status_code == 403
    assert editor.submit(BATCHES, chosen=f"{LAWYERS}:1", action="publish").status_code == 403
    confirm(reviewer, plan(reviewer, **form))
    assert status(app, LAWYERS) is Status.PUBLISHED
    assert editor.submit("/staff/batches/1/undo").status_code == 403
    assert "/undo" not in editor.page("/staff/batches/1").source


def test_where_nothing_can_be_done_nothing_is_offered(reader: DeskClient) -> None:
    planned = plan(reader, slug=[LAWYERS], action="review")
    assert "Do it" not in planned.source
    assert "<strong>0</strong> listings would become in review" in planned.source


@pytest.mark.parametrize(
    ("form", "answer"),
    [
        ({}, 409),
        ({"slug": LAWYERS}, 409),
        ({"slug": LAWYERS, "action": "erase"}, 409),
        ({"action": "check"}, 409),
        ({"action": "check", "all": "1", "query": "q=zzyzx"}, 409),
        ({"action": "check", "slug": "no-such"}, 404),
        ({"action": "check", "slug": "\x00'\"é"}, 404),
        ({"action": "check", "slug": [LAWYERS, "no-such"]}, 404),
    ],
)
def test_odd_choices_are_refused(reader: DeskClient, form: dict[str, Any], answer: int) -> None:
    assert reader.submit(PLAN, **form).status_code == answer


@pytest.mark.parametrize(
    ("chosen", "answer"),
    [
        ("", 409),
        ("no-such:1", 404),
        (f"{LAWYERS}:1 no-such:1", 404),
        (f"{LAWYERS}:1 " * 400, 409),
        (":", 404),
    ],
)
def test_nothing_is_done_to_an_odd_choice(reader: DeskClient, chosen: str, answer: int) -> None:
    assert reader.submit(BATCHES, chosen=chosen, action="check").status_code == answer
    assert status(reader.application, LAWYERS) is Status.PUBLISHED
    assert "Nothing yet" in reader.page(BATCHES).source


@pytest.mark.parametrize("number", ["1", "0", "9" * 30])
def test_there_is_no_such_batch(reader: DeskClient, number: str) -> None:
    assert reader.get(f"{BATCHES}/{number}").status_code == 404
    assert reader.submit(f"{BATCHES}/{number}/undo").status_code == 404


def test_a_revision_that_is_none_was_never_seen(app: Flask, editor: DeskClient) -> None:
    response = editor.submit(BATCHES, chosen=f"{LAWYERS}:abc", action="check")
    assert response.status_code == 303
    (item,) = read(app, lambda db: get_batch(db, 1).items)
    assert item.outcome == "skipped"
