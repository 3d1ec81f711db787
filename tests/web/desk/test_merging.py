"""Two people edit one listing at once: nothing of either is lost, and little is asked."""

from __future__ import annotations

import re
from html.parser import HTMLParser
from pathlib import Path
from typing import Any

import pytest
from werkzeug.test import TestResponse

from recommender.config import Settings
from recommender.models import Nonprofit
from recommender.store.history import compare_changes, list_revisions
from recommender.store.listings import get_listing
from recommender.web.auth import CSRF_FIELD
from tests.web.desk import DeskClient
from tests.web.desk.shelves import Desk, make_app

LAWYERS = "test-border-lawyers"
LEGAL = "legal-services"
DRAFT = "test-quillwork-fund"
EDIT = f"/staff/listings/{DRAFT}/edit"
NEW = {
    "name": "Test Quillwork Fund",
    "summary_en": "Test Quillwork Fund teaches quillwork to asylum seekers in Maine.",
    "summary_es": "Test Quillwork Fund enseña artesanía a solicitantes de asilo.",
    "basis": "mission",
    "reach": "local",
    "services": [LEGAL, "housing"],
    "place_city": ["Portland"],
    "place_state": ["ME"],
    "place_zip": ["04101"],
    "place_visibility": ["public"],
    "primary": "1",
    "area_city": ["Portland"],
    "area_state": ["ME"],
    "source_facts": ["mission"],
    "source_source": ["Test register"],
    "source_as_of": ["2026-01"],
}


class Form(HTMLParser):
    """What a browser would send of the form of a listing, wherever its fields stand."""

    def __init__(self, source: str) -> None:
        super().__init__()
        self.values: dict[str, list[str]] = {}
        self._select = self._area = ""
        self.feed(source)

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        given = {name: value or "" for name, value in attrs}
        if tag == "select":
            self._select = given.get("name", "")
        elif tag == "option" and "selected" in given:
            self._add(self._select, given["value"])
        elif tag == "textarea":
            self._area = given.get("name", "")
            self._add(self._area, "")
        elif tag == "input" and (
            given.get("type") not in ("radio", "checkbox") or "checked" in given
        ):
            self._add(given.get("name", ""), given.get("value", ""))

    def handle_endtag(self, tag: str) -> None:
        self._area = "" if tag == "textarea" else self._area

    def handle_data(self, data: str) -> None:
        if self._area:
            # A browser leaves the first line break out.
            self.values[self._area][-1] += data.removeprefix("\n")

    def _add(self, name: str, value: str) -> None:
        if name and name != CSRF_FIELD:
            self.values.setdefault(name, []).append(value)


def form_in(response: TestResponse) -> dict[str, Any]:
    return Form(response.text).values


@pytest.fixture
def desk(tmp_path: Path, small_site: Settings) -> Desk:
    """A desk with a draft, which everybody changes at once."""
    desk = Desk(make_app(small_site, tmp_path))
    assert desk.editor.submit("/staff/listings/new", **NEW).status_code == 303
    return desk


def opened(client: DeskClient, path: str = EDIT) -> dict[str, Any]:
    return form_in(client.get(path))


def live(desk: Desk, slug: str = DRAFT) -> Nonprofit:
    listing = desk.read(get_listing, slug)
    assert isinstance(listing.nonprofit, Nonprofit)
    return listing.nonprofit


def both_save(desk: Desk, theirs: dict[str, Any], mine: dict[str, Any]) -> TestResponse:
    """What somebody finds whose save comes second."""
    form = opened(desk.editor)
    assert desk.second.submit(EDIT, **(form | theirs)).status_code == 303
    return desk.editor.submit(EDIT, **(form | mine))


def becomes(response: TestResponse) -> dict[str, str]:
    """What the page says of each field."""
    rows = re.findall(
        r'<th scope="row">(.*?)</th>.*?"What it becomes">(.*?)</td>', response.text, re.S
    )
    return {label: " ".join(re.sub("<[^>]+>", " ", said).split()) for label, said in rows}


def save(desk: Desk, response: TestResponse, **changes: Any) -> TestResponse:
    return desk.editor.submit(EDIT, **(form_in(response) | changes))


def test_what_only_one_of_them_changed_needs_no_choice(desk: Desk) -> None:
    theirs = {"place_visibility": ["hidden"], "services": ["housing"], "other_names": "TQF"}
    met = both_save(desk, theirs, {"serves": "The county", "summary_en": "It teaches quillwork."})
    assert met.status_code == 409
    assert becomes(met) == {
        "Offices": "As it stands now: you left it alone",
        "Services": "As it stands now: you left it alone",
        "Other names": "As it stands now: you left it alone",
        "Serves, in words": "Yours: only you changed it",
        "Description in English": "Yours: only you changed it",
    }
    assert live(desk).serves == ""
    assert save(desk, met).status_code == 303
    found = live(desk)
    assert (found.serves, found.summary_en) == ("The county", "It teaches quillwork.")
    assert (found.other_names, found.services) == (("TQF",), ("housing",))
    assert [spot.visibility for spot in found.locations] == ["hidden"]


@pytest.mark.parametrize(("choice", "serves"), [("mine", "Mine"), ("theirs", "Theirs")])
def test_what_both_changed_is_asked_for(desk: Desk, choice: str, serves: str) -> None:
    theirs = {"serves": "Theirs", "website": "https://theirs.example.org"}
    met = both_save(desk, theirs, {"serves": "Mine", "ntee": "P84"})
    assert (
        becomes(met)["Serves, in words"]
        == "Serves, in words Yours, as in the form As it stands now"
    )
    asked = save(desk, met)
    assert asked.status_code == 422
    assert "Serves, in words: please choose what it becomes." in asked.text
    assert 'href="#keep-serves"' in asked.text
    assert live(desk).ntee == ""
    assert becomes(asked)["NTEE code"] == "Yours: only you changed it"
    assert save(desk, asked, keep_serves=choice).status_code == 303
    found = live(desk)
    assert (found.serves, found.ntee) == (serves, "P84")
    assert found.website == "https://theirs.example.org"


def test_all_of_mine_can_be_taken_on_purpose(desk: Desk) -> None:
    theirs = {"serves": "Theirs", "website": "https://theirs.example.org"}
    met = both_save(desk, theirs, {"serves": "Mine"})
    assert "Save all of mine over revision 2" in met.text
    assert save(desk, met, over="1").status_code == 303
    assert (live(desk).serves, live(desk).website) == ("Mine", "")


def test_what_is_changed_by_hand_afterwards_is_mine(desk: Desk) -> None:
    met = both_save(desk, {"website": "https://theirs.example.org"}, {"serves": "Mine"})
    changed = {"website": "https://third.example.org", "name": ""}
    wrong = save(desk, met, **changed)
    assert wrong.status_code == 422
    assert becomes(wrong)["Website"] == "Yours: only you changed it"
    assert save(desk, wrong, name="Test Quillwork Fund", over="1").status_code == 303
    assert live(desk).website == "https://third.example.org"


def test_a_third_save_in_between_is_met_as_well(desk: Desk) -> None:
    met = both_save(desk, {"serves": "Theirs"}, {"serves": "Mine", "ntee": "P84"})
    assert (
        desk.second.submit(EDIT, **(opened(desk.second) | {"parent": LAWYERS})).status_code == 303
    )
    # What was chosen is not asked again; what nobody has decided is not saved by accident.
    assert save(desk, met).status_code == 422
    again = save(desk, met, keep_serves="theirs")
    assert again.status_code == 409
    assert becomes(again) == {
        "Part of": "As it stands now: you left it alone",
        "NTEE code": "Yours: only you changed it",
    }
    assert save(desk, again).status_code == 303
    found = live(desk)
    assert (found.serves, found.ntee, found.parent) == ("Theirs", "P84", LAWYERS)


def test_the_same_change_of_both_is_no_conflict(desk: Desk) -> None:
    same = both_save(desk, {"serves": "Same"}, {"serves": "Same"})
    assert same.headers["Location"].endswith("done=unchanged")
    met = both_save(desk, {"serves": "Again"}, {"serves": "Again", "ntee": "P84"})
    assert becomes(met) == {"NTEE code": "Yours: only you changed it"}
    assert save(desk, met).status_code == 303


def test_an_edit_of_a_shown_listing_that_was_overtaken_keeps_both(desk: Desk) -> None:
    address = f"/staff/listings/{LAWYERS}/edit"
    form = opened(desk.editor, address)
    desk.second.submit(address, **(form | {"serves": "Theirs"}))
    (theirs,) = [r.number for r in desk.read(list_revisions, LAWYERS) if r.state == "pending"]
    desk.editor.submit(address, **(form | {"ntee": "P84"}))
    desk.reviewer.submit(f"/staff/review/{LAWYERS}/{theirs}", decision="approve")
    met = desk.editor.submit(address, **opened(desk.editor, address))
    assert met.status_code == 409
    assert becomes(met) == {
        "Serves, in words": "As it stands now: you left it alone",
        "NTEE code": "Yours: only you changed it",
    }
    assert desk.editor.submit(address, **form_in(met)).status_code == 303
    last = desk.read(list_revisions, LAWYERS)[0]
    assert (last.after.serves, last.after.ntee) == ("Theirs", "P84")


def test_an_edit_whose_beginning_is_not_known_asks_for_every_field(desk: Desk) -> None:
    form = opened(desk.editor) | {"serves": "Mine", "expected_revision": "77"}
    met = desk.editor.submit(EDIT, **form)
    assert met.status_code == 409
    assert "It is not known any more" in met.text
    assert save(desk, met).status_code == 422
    assert save(desk, met, keep_serves="mine").status_code == 303
    assert live(desk).serves == "Mine"


def test_the_preview_has_what_was_chosen(desk: Desk) -> None:
    theirs = {"summary_en": "Theirs teaches quillwork."}
    met = both_save(desk, theirs, {"summary_en": "Mine teaches quillwork."})
    form = form_in(met) | {"keep_summary_en": "theirs"}
    assert "Theirs teaches" in desk.editor.submit("/staff/listings/preview", **form).text
    page = desk.editor.submit(EDIT, **form, preview="1")
    assert page.status_code == 200
    assert page.text.count("Theirs teaches quillwork.") > met.text.count(
        "Theirs teaches quillwork."
    )
    assert form_in(page)["keep_summary_en"] == ["theirs"]


@pytest.mark.parametrize("odd", ["", "x", "-1", "9" * 30, "\0", "slug", "status"])
def test_odd_forms_are_answered(desk: Desk, odd: str) -> None:
    met = both_save(desk, {"serves": "Theirs"}, {"serves": "Mine"})
    for name in ("met_both", "met_theirs", "began_at", "expected_revision", "keep_serves", "over"):
        assert save(desk, met, **{name: odd}).status_code in (303, 409, 422), name
    assert live(desk).serves in ("Theirs", "Mine")


def test_tags_in_another_order_are_no_change(make_nonprofit: Any) -> None:
    base, theirs, yours = (
        make_nonprofit("Test Group", services=services)
        for services in (
            ("housing", "legal-services"),
            ("legal-services",),
            ("legal-services", "housing"),
        )
    )
    overlap = compare_changes(base, theirs, yours)
    assert (overlap.theirs, overlap.yours, overlap.both) == (("services",), (), ())
    assert compare_changes(None, theirs, yours).both == ("services",)
