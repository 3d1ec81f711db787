"""Publishing at the desk: by itself, on demand, refused, and back again."""

from __future__ import annotations

import json
import shutil
from collections.abc import Iterator
from dataclasses import replace
from typing import Any

import pytest
import zipcodes
from flask import Flask

from app import create_app
from recommender import store
from recommender.config import ROOT, Settings
from recommender.index import current_generation, generations, list_generations, publishing
from recommender.models import Nonprofit, Status, Tag
from recommender.publish import GOLDEN_FILE, PLACES_FILE, publish
from recommender.store.accounts import Role
from recommender.store.catalog import load_nonprofits, load_tags, set_status
from recommender.store.publications import (
    Publication,
    PublicationState,
    begin_publication,
    list_publications,
)
from recommender.web.background import Background
from tests.small_world import NO_ALIASES, zip_records
from tests.web.client import PageClient
from tests.web.desk import sign_in
from tests.web.desk.test_listings import NEW, QUILLS, done, move, pending, save

TIMEOUT_S = 30
LEGAL = "test-houston-clinic"
ANSWERED = {
    "id": "lawyers",
    "kind": "match",
    "text": "asylum lawyers at the border",
    "place": "Brownsville, TX",
    "language": "en",
    "expect": {"in_top": {"slugs": ["test-border-lawyers"], "n": 1, "at_least": 1}},
}
IMPOSSIBLE = ANSWERED | {
    "id": "impossible",
    "expect": {"in_top": {"slugs": ["no-such"], "n": 1, "at_least": 1}},
}


@pytest.fixture(scope="module")
def app(
    tmp_path_factory: pytest.TempPathFactory,
    catalogue: tuple[Nonprofit, ...],
    taxonomy: tuple[Tag, ...],
) -> Iterator[Flask]:
    """A small directory with one golden query, published once; these tests change it."""
    data, instance = (tmp_path_factory.mktemp(name) for name in ("data", "instance"))
    for path in (ROOT / "data").iterdir():
        if path.name not in (GOLDEN_FILE, PLACES_FILE):
            (data / path.name).symlink_to(path)
    (data / PLACES_FILE).write_text(json.dumps(NO_ALIASES))
    settings = Settings(instance=instance, data=data, secret_key="test-key " * 8)
    ask_for(settings, ANSWERED)
    db = store.connect(settings.database)
    store.migrate(db)
    load_tags(db, taxonomy)
    load_nonprofits(db, catalogue)
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(zipcodes, "list_all", zip_records)
        assert publish(db, settings).state is PublicationState.PUBLISHED
    db.close()
    made = create_app(settings)
    made.test_client_class = PageClient
    yield made
    assert settle(made)


def ask_for(settings: Settings, *queries: dict[str, Any]) -> None:
    """Let these be the golden queries."""
    (settings.data / GOLDEN_FILE).write_text(json.dumps(queries))


def settle(app: Flask) -> bool:
    """Wait until nothing is left to be published."""
    publisher: Background = app.extensions["publisher"]
    return publisher.wait(TIMEOUT_S)


def history(app: Flask) -> tuple[Publication, ...]:
    db = store.connect(app.config["WAYMARK"].database)
    try:
        return list_publications(db, page_size=1_000).publications
    finally:
        db.close()


def serving(app: Flask) -> str:
    return current_generation(app.config["WAYMARK"].index)


def touch(app: Flask, name: str) -> None:
    """Change what is shown, as a command or another worker would."""
    db = store.connect(app.config["WAYMARK"].database)
    db.execute("UPDATE nonprofits SET name = ? WHERE slug = ?", [name, LEGAL])
    db.close()


def found(app: Flask) -> bool:
    """Whether a donor who searches for the new listing's words finds it."""
    answer = app.test_client().post("/api/v1/matches", json={"text": "quillwork"})
    assert answer.status_code == 200, answer.text
    return QUILLS in answer.text


# --- By itself ---------------------------------------------------------------------------


def test_the_whole_life_of_a_listing(app: Flask) -> None:
    editor, reviewer = sign_in(app, Role.EDITOR), sign_in(app, Role.REVIEWER)
    donor = app.test_client()
    public = f"/nonprofits/{QUILLS}"
    assert done(editor.submit("/staff/listings/new", **NEW)) == "created"
    assert done(move(editor, app, QUILLS, "in-review")) == "status"
    assert f"/staff/listings/{QUILLS}#state" in reviewer.page("/staff/review").links
    assert donor.get(public).status_code == 404
    assert not found(app)
    assert done(move(reviewer, app, QUILLS, "published")) == "status"
    assert settle(app)
    assert found(app)
    (entry, *_) = history(app)
    assert (entry.state, entry.changes.added) == (PublicationState.PUBLISHED, (QUILLS,))
    page = reviewer.page("/staff/publish")
    assert "Everything approved can be found." in page.source
    assert f"/staff/publish/{entry.id}" in page.links

    edited = f"{NEW['summary_en']} It meets on Casco Bay."
    assert done(save(editor, app, QUILLS, summary_en=edited)) == "pending"
    assert "Casco Bay" not in donor.get(public).text
    (number,) = pending(app, QUILLS)
    address = f"/staff/review/{QUILLS}/{number}"
    assert done(reviewer.submit(address, decision="approve")) == "approved"
    assert settle(app)
    assert history(app)[0].changes.changed[0].fields == ("summary_en",)
    page = reviewer.page(f"/staff/publish/{history(app)[0].id}")
    assert "Description in English" in page.source
    assert "itself, after a change" in page.source

    assert move(editor, app, QUILLS, "withdrawn").status_code == 409
    assert done(move(editor, app, QUILLS, "withdrawn", "They asked.")) == "withdrawn"
    assert donor.get(public).status_code in (404, 410)
    assert donor.get(f"/api/v1/nonprofits/{QUILLS}").status_code in (404, 410)
    assert not found(app)
    assert settle(app)
    assert history(app)[0].changes.left == (QUILLS,)


def test_what_a_killed_worker_left_is_published_by_the_next_request(app: Flask) -> None:
    before = len(history(app))
    touch(app, "Test Changed Elsewhere")
    app.test_client().get("/")
    assert settle(app)
    assert len(history(app)) == before
    sign_in(app, Role.EDITOR).page("/staff/review")
    assert settle(app)
    assert len(history(app)) == before + 1
    sign_in(app, Role.EDITOR).page("/staff/review")
    assert settle(app)
    assert len(history(app)) == before + 1


def test_two_workers_publish_a_change_once(app: Flask) -> None:
    other = create_app(app.config["WAYMARK"])
    other.test_client_class = PageClient
    before = len(history(app))
    touch(app, "Test For Two Workers")
    with publishing(app.config["WAYMARK"].index):
        one, two = sign_in(app, Role.EDITOR), sign_in(other, Role.EDITOR)
        assert "A publication is under way." in one.page("/staff/publish").source
        two.page("/staff/publish")
    assert settle(app)
    assert settle(other)
    assert len(history(app)) == before + 1
    assert "Everything approved can be found." in two.page("/staff/publish").source


def test_before_the_first_publication_nothing_is_published_by_itself(app: Flask) -> None:
    root = app.config["WAYMARK"].index
    away = root.with_name("away")
    root.rename(away)
    try:
        fresh = create_app(app.config["WAYMARK"])
        fresh.test_client_class = PageClient
        touch(app, "Test Before The First")
        page = sign_in(fresh, Role.REVIEWER).page("/staff/publish")
        assert "Nothing was published yet." in page.source
        assert settle(fresh)
        assert not root.exists()
    finally:
        shutil.rmtree(root, ignore_errors=True)
        away.rename(root)


# --- On demand ---------------------------------------------------------------------------


def test_a_reviewer_publishes_at_once(app: Flask) -> None:
    reviewer = sign_in(app, Role.REVIEWER)
    response = reviewer.submit("/staff/publish")
    (entry, *_) = history(app)
    assert (response.status_code, response.location) == (303, f"/staff/publish/{entry.id}")
    assert (entry.staff_id, entry.generation) == (reviewer.account.id, serving(app))
    page = reviewer.page(response.location)
    assert "listings; 1 golden queries answered as they should be." in page.source
    assert reviewer.account.name in page.source


def test_only_reviewers_publish_and_go_back(app: Flask) -> None:
    editor = sign_in(app, Role.EDITOR)
    before = serving(app)
    name = before
    assert editor.submit("/staff/publish").status_code == 403
    assert editor.get(f"/staff/publish/generations/{name}").status_code == 403
    assert editor.submit(f"/staff/publish/generations/{name}", reason="x").status_code == 403
    page = editor.page("/staff/publish")
    assert "Publish now" not in page.source
    assert not [link for link in page.links if "generations" in link]
    assert serving(app) == before


@pytest.mark.parametrize("odd", ["0", "x", "9" * 12, "-1", "%00", "..%2F..", "😀"])
def test_odd_addresses_are_answered(app: Flask, odd: str) -> None:
    reviewer = sign_in(app, Role.REVIEWER)
    assert reviewer.get(f"/staff/publish?page={odd}").status_code == 200
    assert reviewer.get(f"/staff/publish/{odd}").status_code == 404
    assert reviewer.get(f"/staff/publish/generations/{odd}").status_code == 404
    answer = reviewer.submit(f"/staff/publish/generations/{odd}", reason="odd")
    assert answer.status_code == 404


def test_the_history_has_pages(app: Flask) -> None:
    db = store.connect(app.config["WAYMARK"].database)
    entry = history(app)[0]
    for _ in range(31):
        begin_publication(db, replace(entry, id=0, state=PublicationState.FAILED, reason="Old."))
    db.close()
    reviewer = sign_in(app, Role.REVIEWER)
    assert "/staff/publish?page=2" in reviewer.page("/staff/publish").links
    assert "/staff/publish?page=1" in reviewer.page("/staff/publish?page=2").links
    assert "beyond the last one" in reviewer.page("/staff/publish?page=99").source
    reviewer.submit("/staff/publish")


@pytest.mark.parametrize(
    ("state", "said"),
    [
        (PublicationState.UNDERWAY, "Look again"),
        (PublicationState.FAILED, "The disk is full."),
        (PublicationState.INTERRUPTED, "ended before it was done"),
    ],
)
def test_every_result_has_a_page(app: Flask, state: PublicationState, said: str) -> None:
    db = store.connect(app.config["WAYMARK"].database)
    entry = replace(history(app)[0], state=state, reason="The disk is full.", catalog_revision=1)
    number = begin_publication(db, entry).id
    db.close()
    assert said in sign_in(app, Role.EDITOR).page(f"/staff/publish/{number}").source
    sign_in(app, Role.REVIEWER).submit("/staff/publish")


# --- Refused -----------------------------------------------------------------------------


def test_a_refused_publication_says_why_until_it_is_mended(app: Flask) -> None:
    editor, reviewer = sign_in(app, Role.EDITOR), sign_in(app, Role.REVIEWER)
    ask_for(app.config["WAYMARK"], ANSWERED, IMPOSSIBLE)
    before, n_before = serving(app), len(history(app))
    touch(app, "Test Refused")
    editor.page("/staff/account")
    assert settle(app)
    (entry, *_) = history(app)
    assert entry.state is PublicationState.REFUSED
    assert serving(app) == before

    for page in ("/staff", "/staff/review", "/staff/account", "/staff/publish"):
        shown = editor.page(page)
        assert "What was approved last cannot be found yet" in shown.source, page
        assert f"/staff/publish/{entry.id}" in shown.links, page
    page = editor.page(f"/staff/publish/{entry.id}")
    assert "What served before still serves." in page.source
    assert "at least 1 of the first 1 from no-such" in page.source
    assert "asylum lawyers at the border, Brownsville, TX" in page.source
    assert settle(app)
    assert len(history(app)) == n_before + 1

    ask_for(app.config["WAYMARK"], ANSWERED)
    assert reviewer.submit("/staff/publish").status_code == 303
    assert serving(app) > before
    assert "cannot be found yet" not in editor.page("/staff").source


# --- Back again --------------------------------------------------------------------------


def test_going_back_says_what_follows_and_can_be_taken_back(app: Flask) -> None:
    reviewer = sign_in(app, Role.REVIEWER)
    reviewer.submit("/staff/publish")
    good = serving(app)
    touch(app, "Test Spoiled")
    reviewer.page("/staff")
    assert settle(app)
    spoiled = serving(app)
    assert spoiled > good

    address = f"/staff/publish/generations/{good}"
    assert address in reviewer.page(f"/staff/publish/{history(app)[0].id}").links
    page = reviewer.page(address)
    assert "It is not undone by itself." in page.source
    assert f'href="/staff/listings/{LEGAL}">Test Spoiled</a>' in page.source
    assert reviewer.submit(address, reason=" ").status_code == 409
    response = reviewer.submit(address, reason="Names were spoiled.")
    assert response.status_code == 303
    assert serving(app) == good
    assert "An earlier state serves" in reviewer.page(response.location).source

    shown = reviewer.page("/staff/review").source
    assert "Names were spoiled." in shown
    assert settle(app)
    assert serving(app) == good
    assert "Test Spoiled" not in app.test_client().get("/directory?q=legal").text

    back = f"/staff/publish/generations/{spoiled}"
    assert back in reviewer.page("/staff/publish").links
    assert "Serve what is newer" in reviewer.page(back).source
    taken = reviewer.submit(back, reason="It was right after all.")
    assert taken.status_code == 303
    assert serving(app) == spoiled
    assert "The return was taken back" in reviewer.page(taken.location).source
    assert "Names were spoiled." not in reviewer.page("/staff/review").source
    assert "This one serves already." in reviewer.page(back).source
    assert reviewer.submit(back, reason="Again.").status_code == 409


def test_after_a_return_the_next_change_is_published(app: Flask) -> None:
    reviewer = sign_in(app, Role.REVIEWER)
    older = serving(app)
    reviewer.submit("/staff/publish")
    newer = serving(app)
    reviewer.submit(f"/staff/publish/generations/{older}", reason="Let us see.")
    assert settle(app)
    assert serving(app) == older
    touch(app, "Test Mended")
    reviewer.page("/staff")
    assert settle(app)
    assert serving(app) > newer


def test_a_place_that_is_hidden_now_does_not_come_back(app: Flask) -> None:
    reviewer = sign_in(app, Role.REVIEWER)
    reviewer.submit("/staff/publish")
    older = serving(app)
    db = store.connect(app.config["WAYMARK"].database)
    db.execute("UPDATE locations SET visibility = 'hidden' WHERE city = 'Miami'")
    db.close()
    reviewer.submit("/staff/publish")
    address = f"/staff/publish/generations/{older}"
    page = reviewer.page(address)
    assert "This one cannot serve again" in page.source
    assert 'name="reason"' not in page.source
    assert reviewer.submit(address, reason="I insist.").status_code == 409
    assert serving(app) > older


def test_what_was_taken_down_is_said_to_stay_out_when_an_older_state_returns(app: Flask) -> None:
    reviewer = sign_in(app, Role.REVIEWER)
    reviewer.submit("/staff/publish")
    older = serving(app)
    db = store.connect(app.config["WAYMARK"].database)
    set_status(db, LEGAL, Status.WITHDRAWN)
    db.close()
    reviewer.submit("/staff/publish")
    page = reviewer.page(f"/staff/publish/generations/{older}").source
    assert "New (1)" in page
    assert "Withdrawn: in no answer" in page


def test_a_damaged_generation_does_not_come_back(app: Flask) -> None:
    reviewer = sign_in(app, Role.REVIEWER)
    reviewer.submit("/staff/publish")
    older, root = serving(app), app.config["WAYMARK"].index
    reviewer.submit("/staff/publish")
    (root / older / "idf.npy").unlink()
    address = f"/staff/publish/generations/{older}"
    for response in (reviewer.get(address), reviewer.submit(address, reason="Let us see.")):
        assert response.status_code == 409
        assert "is damaged" in response.text or "cannot be read" in response.text
    assert serving(app) > older


def test_where_nothing_can_be_read_the_page_mends_it(app: Flask) -> None:
    root = app.config["WAYMARK"].index
    for name in list_generations(root):
        (root / name / "idf.npy").unlink(missing_ok=True)
    fresh = create_app(app.config["WAYMARK"])
    fresh.test_client_class = PageClient
    reviewer = sign_in(fresh, Role.REVIEWER)
    assert "Publish now" in reviewer.page("/staff/publish").source
    assert reviewer.submit("/staff/publish").status_code == 303
    assert "Everything approved can be found." in reviewer.page("/staff/publish").source


# --- After an update ---------------------------------------------------------------------


@pytest.fixture
def updated(
    app: Flask, monkeypatch: pytest.MonkeyPatch, request: pytest.FixtureRequest
) -> Iterator[Flask]:
    """A worker whose code analyses words in another way than the code that built the index."""
    monkeypatch.setattr(generations, "ANALYSIS_VERSION", request.node.name)
    fresh = create_app(app.config["WAYMARK"])
    fresh.test_client_class = PageClient
    yield fresh
    assert settle(fresh)


def test_an_index_of_another_version_is_built_anew_by_itself(updated: Flask) -> None:
    n_before, before = len(history(updated)), serving(updated)
    sign_in(updated, Role.EDITOR).page("/staff/account")
    assert settle(updated)
    assert (len(history(updated)), history(updated)[0].state) == (
        n_before + 1,
        PublicationState.PUBLISHED,
    )
    assert serving(updated) > before
    assert "Everything approved" in sign_in(updated, Role.EDITOR).page("/staff/publish").source


def test_where_it_cannot_be_built_anew_staff_are_told(updated: Flask) -> None:
    ask_for(updated.config["WAYMARK"], ANSWERED, IMPOSSIBLE)
    editor, n_before = sign_in(updated, Role.EDITOR), len(history(updated))
    editor.page("/staff/account")
    assert settle(updated)
    (entry, *_) = history(updated)
    assert entry.state is PublicationState.REFUSED
    shown = editor.page("/staff/account")
    assert f"/staff/publish/{entry.id}" in shown.links
    assert "Donors find nothing until it is mended." in shown.source
    assert "still serves" not in shown.source
    assert settle(updated)
    assert len(history(updated)) == n_before + 1
    ask_for(updated.config["WAYMARK"], ANSWERED)
    sign_in(updated, Role.REVIEWER).submit("/staff/publish")
    assert f"/staff/publish/{entry.id}" not in editor.page("/staff/account").links
