"""Listings at the desk: found, edited, reviewed, published and taken down through the pages."""

from __future__ import annotations

import json
import re
import shutil
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest
from flask import Flask
from werkzeug.datastructures import MultiDict

from recommender import store
from recommender.config import ROOT, Settings
from recommender.importers.directory import find_faults
from recommender.models import Nonprofit, Status
from recommender.store.accounts import Role
from recommender.store.catalog import load_nonprofits
from recommender.store.history import list_revisions
from recommender.store.listings import get_listing
from recommender.store.workflow import NEED_REASON
from recommender.web.desk.form import AREA, PLACE, SOURCE, make_record, read_form, show_listing
from tests.web.desk import DeskClient, sign_in
from tests.web.desk.shelves import make_app
from tests.web.small_site import build_places

LAWYERS = "test-border-lawyers"


@pytest.fixture(scope="module")
def site(tmp_path_factory: pytest.TempPathFactory, bare_site: Settings) -> Settings:
    """The test catalogue with the place tables, to be copied."""
    instance = tmp_path_factory.mktemp("places") / "instance"
    shutil.copytree(bare_site.instance, instance)
    settings = replace(bare_site, instance=instance)
    build_places(settings)
    return settings


@pytest.fixture
def app(tmp_path: Path, site: Settings) -> Flask:
    return make_app(site, tmp_path)


@pytest.fixture
def editor(app: Flask) -> DeskClient:
    return sign_in(app, Role.EDITOR)


@pytest.fixture
def reviewer(app: Flask) -> DeskClient:
    return sign_in(app, Role.REVIEWER)


def live(app: Flask, slug: str = LAWYERS) -> Any:
    """A listing as the store has it."""
    db = store.connect(app.config["WAYMARK"].database)
    try:
        return get_listing(db, slug)
    finally:
        db.close()


def form_of(app: Flask, slug: str = LAWYERS, **changes: Any) -> dict[str, Any]:
    """What a browser sends for a listing as it stands, with changes."""
    listing = live(app, slug)
    typed = show_listing(listing.nonprofit)
    form: dict[str, Any] = {**typed.texts, **{k: list(v) for k, v in typed.tags.items()}}
    sections = (("place", typed.places), ("area", typed.areas), ("source", typed.sources))
    for section, rows in sections:
        for row in rows:
            for name in row.keys() - {"primary"}:
                form.setdefault(f"{section}_{name}", []).append(row[name])
    form["expected_revision"] = str(listing.revision)
    return form | {"primary": "1"} | changes


def save(client: DeskClient, app: Flask, slug: str = LAWYERS, **changes: Any) -> Any:
    return client.submit(f"/staff/listings/{slug}/edit", **form_of(app, slug, **changes))


def done(response: Any) -> str:
    assert response.status_code == 303, re.findall(r"field-error.*|refused.*|<h1>.*", response.text)
    return str(response.headers["Location"]).rpartition("done=")[2]


def move(client: DeskClient, app: Flask, slug: str, to: str, reason: str = "") -> Any:
    expected = live(app, slug).revision
    form = {"to": to, "reason": reason, "expected_revision": expected}
    return client.submit(f"/staff/listings/{slug}/status", **form)


def pending(app: Flask, slug: str = LAWYERS) -> list[int]:
    db = store.connect(app.config["WAYMARK"].database)
    try:
        return [r.number for r in list_revisions(db, slug) if r.state == "pending"]
    finally:
        db.close()


NEW = {
    "name": "Test Quillwork Sanctuary Fund",
    "summary_en": "Test Quillwork Sanctuary Fund teaches quillwork to asylum seekers in Maine.",
    "summary_es": "Test Quillwork Sanctuary Fund enseña artesanía a solicitantes de asilo.",
    "basis": "mission",
    "reach": "local",
    "services": ["legal-services"],
    "place_city": ["Portland", "", ""],
    "place_state": ["me", "", ""],
    "place_zip": ["04101", "", ""],
    "place_visibility": ["public", "city", "city"],
    "primary": "1",
    "area_city": ["Portland"],
    "area_state": ["ME"],
    "source_facts": ["mission", ""],
    "source_source": ["Test register", ""],
    "source_as_of": ["2026-01", ""],
}
NEED_REASON_VALUES = {status.value for status in NEED_REASON}
QUILLS = "test-quillwork-sanctuary-fund"


# --- Finding -----------------------------------------------------------------------------


def names(client: DeskClient, query: str) -> list[str]:
    links = client.page(f"/staff/listings?{query}").links
    found = [re.fullmatch(r"/staff/listings/([a-z-]+)", link) for link in links]
    return [match[1] for match in found if match and match[1] != "new"]


def test_the_list_finds_and_narrows(editor: DeskClient, catalogue: tuple[Nonprofit, ...]) -> None:
    assert len(names(editor, "")) == len(catalogue)
    assert names(editor, "q=border+law") == [LAWYERS]
    assert names(editor, "q=00-0000001") == [LAWYERS]
    assert names(editor, "state=ME&service=language-education") == ["test-lewiston-english-classes"]
    assert names(editor, "basis=name") == ["test-unknown-circle"]
    assert names(editor, "status=draft") == []
    assert names(editor, "q=juggling") == []


def test_the_list_has_pages(editor: DeskClient, app: Flask, crowd: tuple[Nonprofit, ...]) -> None:
    db = store.connect(app.config["WAYMARK"].database)
    load_nonprofits(db, crowd)
    db.close()
    page = editor.page("/staff/listings?status=published&sort=name&page=2")
    assert "<strong>200</strong> listings, here 51 to 100" in page.source
    assert "/staff/listings?page=3&status=published" in page.links
    beyond = editor.page("/staff/listings?status=published&page=99")
    assert "beyond the last one" in beyond.source


def test_listings_are_given_to_people(editor: DeskClient) -> None:
    me = editor.account.id
    assert done(editor.submit(f"/staff/listings/{LAWYERS}/assign", to=me)) == "assigned"
    assert names(editor, f"assignee={me}") == [LAWYERS]
    editor.submit(f"/staff/listings/{LAWYERS}/assign", to="")
    assert names(editor, f"assignee={me}") == []


ODD = ["x", "-1", "9" * 30, "%00", "٣", "%F0%9F%98%80", '"', "'%20OR%201", "a" * 3000]


@pytest.mark.parametrize("odd", ODD)
def test_odd_addresses_are_answered(editor: DeskClient, odd: str) -> None:
    for name in ("q", "status", "state", "service", "basis", "assignee", "sort", "page", "thin"):
        assert editor.get(f"/staff/listings?{name}={odd}").status_code == 200
    for path in (
        f"/staff/listings/{odd}",
        f"/staff/listings/{odd}/edit",
        f"/staff/review/{LAWYERS}/{odd}",
        f"/staff/review/{odd}/1",
        f"/staff/listings/{LAWYERS}/compare?before={odd}&after=77",
    ):
        assert editor.get(path).status_code in (404, 405, 422), path


@pytest.mark.parametrize("odd", ["", "x", "-1", "9" * 30, "\0", "٣", "😀", "a" * 6_000])
def test_odd_forms_are_answered(app: Flask, reviewer: DeskClient, odd: str) -> None:
    before = live(app)
    for path, names_ in {
        "edit": [*form_of(app), "add", "over", "note"],
        "status": ["to", "reason", "expected_revision"],
        "verify": ["on", "note", "expected_revision"],
        "revert": ["number", "confirm", "expected_revision"],
    }.items():
        for name in names_:
            form = form_of(app, name="") | {name: odd}
            response = reviewer.submit(f"/staff/listings/{LAWYERS}/{path}", **form)
            assert response.status_code < 500, (path, name)
    every = {name: [odd, odd] for name in form_of(app)} | {"expected_revision": odd}
    assert reviewer.submit("/staff/listings/new", **every).status_code in (303, 422)
    assert reviewer.submit(f"/staff/review/{LAWYERS}/1", decision=odd).status_code in (404, 409)
    assert live(app) == before


# --- The form ----------------------------------------------------------------------------


def test_a_form_sent_as_it_came_changes_nothing(editor: DeskClient, app: Flask) -> None:
    before = live(app)
    assert done(save(editor, app)) == "unchanged"
    # The checkboxes of the page stand in another order than the tags of the listing.
    reordered = list(reversed(before.nonprofit.services))
    assert len(reordered) == 2
    assert done(save(editor, app, services=reordered)) == "unchanged"
    assert live(app) == before


SECTIONS = {"locations": "place", "service_areas": "area", "sources": "source"}
PARTS = {"place": PLACE, "area": AREA, "source": SOURCE}


def typed_in(record: dict[str, Any]) -> MultiDict[str, str]:
    """What a browser sends after somebody typed a record of the files in."""
    form: MultiDict[str, str] = MultiDict()
    for name, value in record.items():
        if name in SECTIONS:
            form.update(_typed_rows(SECTIONS[name], value))
        elif isinstance(value, list) and name != "other_names":
            form.setlist(name, value)
        else:
            lines = value if isinstance(value, list) else ["" if value is None else str(value)]
            form[name] = "\r\n".join(lines)
    return form


def _typed_rows(section: str, rows: list[dict[str, Any]]) -> MultiDict[str, str]:
    form = MultiDict(
        (f"{section}_{part}", row.get(part, "")) for row in rows for part in PARTS[section]
    )
    main = [str(number) for number, row in enumerate(rows, start=1) if row.get("primary")]
    form.update({"primary": main[0]} if main else {})
    return form


def test_the_form_of_every_committed_listing_makes_its_record() -> None:
    paths = sorted((ROOT / "data" / "nonprofits").glob("m*.json"))
    records = [record for path in paths for record in json.loads(path.read_text())]
    assert len(records) > 100
    for record in records:
        made = make_record(read_form(typed_in(record)), in_irs_extract=record["in_irs_extract"])
        assert made == record
        assert find_faults(ROOT / "data", made) == []


def test_faults_stand_beside_their_fields_and_nothing_typed_is_lost(
    editor: DeskClient, app: Flask
) -> None:
    response = save(
        editor,
        app,
        name="",
        website="ftp://Typed.example",
        ein="12",
        ruling_year="soon",
        parent="nobody",
        summary_en="Typed <b>words</b>.",
        place_city=["Boston", "", "Typedville"],
        place_state=["MA", "", "QQ"],
        place_zip=["021", "", ""],
        place_visibility=["city", "city", "hidden"],
        source_as_of=["May"],
    )
    assert response.status_code == 422
    wrong = ("name", "website", "ein", "ruling-year", "parent", "place-zip-1", "place-state-3")
    for id_ in (*wrong, "source-as-of-1"):
        assert f'href="#{id_}"' in response.text
        assert f'id="{id_}-error"' in response.text
    for typed in ("ftp://Typed.example", "Typedville", 'value="soon"', "Typed &lt;b&gt;words"):
        assert typed in response.text
    assert live(app).revision == 1


def test_a_row_is_added_without_saving(editor: DeskClient, app: Flask) -> None:
    response = save(editor, app, add="place", name="Typed and not saved")
    assert response.status_code == 200
    assert "Typed and not saved" in response.text
    assert 'id="place-city-3"' in response.text
    form = form_of(app, place_city=["Houston"] * 4, place_state=["TX"] * 4, add="place")
    more = editor.submit(f"/staff/listings/{LAWYERS}/edit", **form)
    assert 'id="place-city-5"' in more.text
    assert pending(app) == []


def test_places_get_coordinates_and_hidden_ones_do_not(editor: DeskClient, app: Flask) -> None:
    places = {
        "place_city": ["Portland", "Bangor", "Nowhereville"],
        "place_state": ["ME", "ME", "ME"],
        "place_zip": ["04101", "04401", ""],
        "place_visibility": ["public", "hidden", "city"],
        "primary": "2",
    }
    assert done(editor.submit("/staff/listings/new", **(NEW | places))) == "created"
    one, two, three = live(app, QUILLS).nonprofit.locations
    assert one.latitude == pytest.approx(43.66, abs=0.05)
    assert [spot.latitude for spot in (two, three)] == [None, None]
    assert [spot.primary for spot in (one, two, three)] == [False, True, False]
    assert "Nowhereville, ME" in editor.page(f"/staff/listings/{QUILLS}").source


def test_a_new_listing_needs_an_address_and_an_ein_of_its_own(
    editor: DeskClient, app: Flask
) -> None:
    for wrong in ({"slug": LAWYERS}, {"slug": "new"}, {"slug": "No Good"}):
        assert editor.submit("/staff/listings/new", **(NEW | wrong)).status_code == 422
    response = editor.submit("/staff/listings/new", **(NEW | {"ein": "00-0000001"}))
    assert response.status_code == 422
    assert "Another listing has this EIN." in response.text


# --- Conflicts ---------------------------------------------------------------------------


def test_a_state_is_not_changed_by_whoever_saw_another_revision(
    app: Flask, editor: DeskClient, reviewer: DeskClient
) -> None:
    stale = {"to": "withdrawn", "reason": "They asked.", "expected_revision": "1"}
    assert done(move(reviewer, app, LAWYERS, "due")) == "status"
    assert editor.submit(f"/staff/listings/{LAWYERS}/status", **stale).status_code == 409
    assert live(app).nonprofit.status is Status.DUE


# --- Review ------------------------------------------------------------------------------


def test_an_edit_of_what_is_shown_waits_and_can_be_given_back(
    app: Flask, editor: DeskClient, reviewer: DeskClient
) -> None:
    assert done(save(editor, app, serves="The whole valley", note="They told us.")) == "pending"
    assert live(app).nonprofit.serves == ""
    (number,) = pending(app)
    address = f"/staff/review/{LAWYERS}/{number}"
    assert address in reviewer.page("/staff/review").links
    page = reviewer.page(address)
    assert "<ins>The whole valley</ins>" in page.source
    assert "They told us." in page.source
    assert reviewer.submit(address, decision="return", reason=" ").status_code == 409
    assert done(reviewer.submit(address, decision="return", reason="Which valley?")) == "returned"
    again = editor.page(f"/staff/listings/{LAWYERS}/edit")
    assert 'value="The whole valley"' in again.source
    assert f"You go on with revision {number}" in again.source
    assert done(save(editor, app, serves="The Rio Grande Valley")) == "pending"
    (number,) = pending(app)
    address = f"/staff/review/{LAWYERS}/{number}"
    assert done(reviewer.submit(address, decision="approve")) == "approved"
    assert live(app).nonprofit.serves == "The Rio Grande Valley"


@pytest.mark.parametrize(
    ("referrer", "leads"),
    [
        ("http://localhost{page}", True),
        ("http://localhost{page}?done=saved", True),
        ("http://localhost/staff/batches/plan", False),
        ("http://elsewhere.example{page}", False),
        ("http://localhost/nonprofits/test", False),
        ("http://[", False),
        ("", False),
    ],
)
def test_a_refusal_leads_back_to_the_page_of_the_button(
    app: Flask, editor: DeskClient, referrer: str, leads: bool
) -> None:
    page = f"/staff/listings/{LAWYERS}"
    editor.environ_base["HTTP_REFERER"] = referrer.format(page=page)
    refused = move(editor, app, LAWYERS, "withdrawn")
    assert refused.status_code == 409
    assert "Say why it becomes withdrawn." in refused.text
    assert (f'href="{page}' in refused.text) is leads
    assert ("Go back to the page" in refused.text) is leads


def test_the_form_asks_for_a_reason_where_one_is_needed(
    app: Flask, editor: DeskClient, reviewer: DeskClient
) -> None:
    editor.submit("/staff/listings/new", **NEW)
    for slug in (LAWYERS, QUILLS):
        for client in (editor, reviewer):
            form = client.page(f"/staff/listings/{slug}").source
            for part in form.split("<form ")[1:]:
                states = re.findall(r'name="to" value="([a-z-]+)"', part)
                needed = re.search(r'name="reason"[^>]* required', part) is not None
                assert needed == bool(NEED_REASON_VALUES & set(states)), (slug, states)
                assert not needed or set(states) <= NEED_REASON_VALUES
                assert not (needed and "(optional)" in part)
    assert move(editor, app, LAWYERS, "withdrawn").status_code == 409


def test_the_history_says_that_a_listing_was_new(app: Flask, editor: DeskClient) -> None:
    editor.submit("/staff/listings/new", **NEW)
    assert "all of it: it was new" in editor.page(f"/staff/listings/{QUILLS}").source


def test_a_rejected_edit_is_gone_for_good(
    app: Flask, editor: DeskClient, reviewer: DeskClient
) -> None:
    save(editor, app, serves="Elsewhere")
    (number,) = pending(app)
    address = f"/staff/review/{LAWYERS}/{number}"
    assert done(reviewer.submit(address, decision="reject", reason="No source.")) == "rejected"
    assert pending(app) == []
    assert live(app).nonprofit.serves == ""
    assert reviewer.submit(address, decision="approve").status_code == 409


def test_nobody_reviews_or_publishes_their_own(app: Flask, reviewer: DeskClient) -> None:
    save(reviewer, app, serves="Mine")
    (number,) = pending(app)
    address = f"/staff/review/{LAWYERS}/{number}"
    assert "somebody else reviews it" in reviewer.page(address).source
    assert reviewer.submit(address, decision="approve").status_code == 403
    reviewer.submit("/staff/listings/new", **NEW)
    move(reviewer, app, QUILLS, "in-review")
    assert move(reviewer, app, QUILLS, "published").status_code == 403


def test_editors_neither_decide_nor_publish(app: Flask, editor: DeskClient) -> None:
    other = sign_in(app, Role.EDITOR, "second@example.org")
    save(other, app, serves="Theirs")
    (number,) = pending(app)
    address = f"/staff/review/{LAWYERS}/{number}"
    assert 'name="decision"' not in editor.page(address).source
    assert editor.submit(address, decision="approve").status_code == 403
    assert editor.submit("/staff/publish").status_code == 403
    assert "Publish now" not in editor.page("/staff/publish").source
    page = editor.page(f"/staff/listings/{LAWYERS}").source
    assert 'value="withdrawn"' in page
    assert 'value="archived"' not in page
    assert move(editor, app, LAWYERS, "archived").status_code == 403


def test_a_listing_goes_back_as_a_new_revision(app: Flask, editor: DeskClient) -> None:
    editor.submit("/staff/listings/new", **NEW)
    save(editor, app, QUILLS, serves="Changed", services=["housing"])
    page = editor.page(f"/staff/listings/{QUILLS}/compare?before=1&after=2")
    assert "<ins>Changed</ins>" in page.source
    assert "<del>Legal services</del>" in page.source
    address = f"/staff/listings/{QUILLS}/revert"
    form = {"number": "1", "expected_revision": "2"}
    assert editor.submit(address, **form).status_code == 409
    assert done(editor.submit(address, **form, confirm="yes")) == "saved"
    found = live(app, QUILLS)
    assert (found.revision, found.nonprofit.serves) == (3, "")
    assert found.nonprofit.services == ("legal-services",)
    assert "Back to revision 1." in editor.page(f"/staff/listings/{QUILLS}").source


def test_a_check_is_noted_with_its_day(app: Flask, editor: DeskClient) -> None:
    address, form = f"/staff/listings/{LAWYERS}/verify", {"expected_revision": "1"}
    assert editor.submit(address, **form, on="2999-01-01").status_code == 409
    assert done(editor.submit(address, **form, on="2026-01-31", note="By phone.")) == "verified"
    assert live(app).nonprofit.verified_on == "2026-01-31"
