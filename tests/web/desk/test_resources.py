"""Resources at the desk: written in two languages, previewed, reviewed, shown and taken down."""

from __future__ import annotations

import re
from dataclasses import replace
from typing import Any

import pytest

from recommender.config import ROOT
from recommender.importers.directory import (
    find_faults,
    make_resource,
    read_resources,
    read_taxonomy,
)
from recommender.models import Resource
from recommender.store.library import LibraryKind, find_entry
from recommender.store.library_history import version_of
from recommender.web.desk.resources import make_record, show
from tests.web.desk import DeskClient
from tests.web.desk.shelves import PIECE, Desk

DATA = ROOT / "data"
PATH = "/staff/resources/test-piece"


def form_of(piece: Resource, **changes: Any) -> dict[str, Any]:
    typed = show(piece)
    form: dict[str, Any] = {**typed.texts, "topics": list(typed.topics)}
    form |= {"expected": version_of(piece), "do": "save"}
    return {name: value for name, value in (form | changes).items() if value is not None}


def find(desk: Desk, slug: str = "test-piece") -> Any:
    return desk.read(find_entry, LibraryKind.RESOURCE, slug)


def save(client: DeskClient, piece: Resource = PIECE, **changes: Any) -> Any:
    return client.submit(f"/staff/resources/{piece.slug}", **form_of(piece, **changes))


def new_form(**changes: Any) -> dict[str, Any]:
    return form_of(replace(PIECE, slug="", title="A new piece"), **changes)


def errors_in(response: Any) -> list[str]:
    assert response.status_code == 422, response.status
    return re.findall(r'class="field-error" id="([\w-]+)-error"', response.text)


def test_resources_are_found_by_headline_and_publisher(still_desk: Desk) -> None:
    assert "<strong>2</strong> resources" in still_desk.editor.get("/staff/resources").text
    assert "<strong>1</strong> resource" in still_desk.editor.get("/staff/resources?q=ÁSYLUM").text
    assert "<strong>2</strong>" in still_desk.editor.get("/staff/resources?q=test press").text
    assert "No such resource" in still_desk.editor.get("/staff/resources?q=%00").text


def test_the_editor_shows_the_piece_as_donors_will_see_it(still_desk: Desk) -> None:
    page = still_desk.editor.get(PATH).text
    for text in (*PIECE.take_en, *PIECE.take_es):
        assert page.count(text) >= 2, text
    assert "Nuestra mirada" in page or 'lang="es"' in page
    assert "Test Maine Asylum Project" in page
    assert "Near Portland, ME" in page
    assert "news.example.org" in page


def test_nonprofits_are_matched_while_it_is_written(still_desk: Desk) -> None:
    client = still_desk.editor
    changes = {"title": "A clinic", "body_en": "A clinic for refugee families.", "places": "TX"}
    takes = {f"take_en_{n}": "A clinic." for n in (1, 2, 3)}
    page = save(client, topics=["health-care"], do="preview", **changes, **takes)
    assert page.status_code == 200
    first = re.findall(r'<ol class="matched">\s*<li><a[^>]*>([^<]*)</a>', page.text)
    assert first == ["Test Houston Clinic"]
    assert find(still_desk) == PIECE
    assert still_desk.pending == []


@pytest.mark.parametrize(
    "changes",
    [
        {
            "title": "",
            "body_en": "",
            "take_en_1": "",
            "take_en_2": "",
            "take_en_3": "",
            "topics": [],
        },
        {"places": "Nowhere, ME"},
        {"places": "x\n,\nZZ\nPortland, QQ"},
        {"url": "https://[", "kind": "no-such", "published": "never", "slug": "<b>"},
        {"body_en": "<script>alert(1)</script>", "take_es_1": '"><b>', "topics": ["no-such"]},
        {"body_en": "x" * 7_000, "take_en_1": "\0\x1b\ud7ff"},
        dict.fromkeys(("title", "url", "kind", "places", "topics", "take_en_1", "expected")),
    ],
)
def test_a_preview_takes_whatever_is_typed(still_desk: Desk, changes: dict[str, Any]) -> None:
    page = save(still_desk.editor, do="preview", **changes)
    assert page.status_code == 200
    assert "<script>alert" not in page.text
    assert 'id="preview"' in page.text


def test_a_new_piece_is_shown_when_it_is_approved_and_not_before(desk: Desk) -> None:
    response = desk.editor.submit("/staff/resources/new", **new_form())
    assert response.status_code == 303
    assert desk.donor.get("/learn/a-new-piece").status_code == 404
    assert "Take away" not in desk.reviewer.get(response.headers["Location"]).text
    assert "a change waits" not in desk.editor.get("/staff/resources").text
    desk.decide()
    for path in ("/learn/a-new-piece", "/es/learn/a-new-piece", "/learn", "/learn/feed.xml"):
        page = desk.donor.get(path)
        assert page.status_code == 200
        assert "A new piece" in page.text, path
    # It is something to read next at once, and counts in its topics.
    assert "A new piece" in desk.donor.get("/learn/test-piece").text
    assert "(3)" in desk.donor.get("/learn").text


def test_an_approved_edit_is_shown_at_once(desk: Desk) -> None:
    assert "A test of asylum" in desk.donor.get("/learn").text
    save(desk.editor, title="A better headline", take_es_2="¿Y usted?")
    assert "a change waits" in desk.editor.get("/staff/resources").text
    assert "A better headline" not in desk.donor.get("/learn/test-piece").text
    desk.decide()
    assert "A better headline" in desk.donor.get("/learn").text
    assert "¿Y usted?" in desk.donor.get("/es/learn/test-piece").text


def test_ones_own_change_is_gone_on_with(desk: Desk) -> None:
    save(desk.editor, title="First try")
    page = desk.editor.get(PATH).text
    assert "You go on with your change" in page
    assert 'value="First try"' in page
    assert "First try" not in desk.second.get(PATH).text
    first = desk.pending[0].number
    save(desk.editor, title="Second try")
    assert [change.after.title for change in desk.pending] == ["Second try"]
    assert "superseded" in desk.editor.get(f"/staff/library/{first}").text


def test_a_rejected_change_can_be_gone_on_from(desk: Desk) -> None:
    save(desk.editor, title="Too loud")
    number = desk.pending[0].number
    desk.decide("reject")
    page = desk.editor.get(f"/staff/library/{number}").text
    assert "A reason." in page
    assert f"/staff/resources/test-piece?from={number}" in page
    assert 'value="Too loud"' in desk.editor.get(f"{PATH}?from={number}").text
    assert 'value="Too loud"' not in desk.editor.get(f"{PATH}?from=999").text


def test_a_conflict_shows_both_and_keeps_what_was_typed(desk: Desk) -> None:
    save(desk.editor, title="Theirs")
    desk.decide()
    late = save(desk.second, body_es="Lo mío.")
    assert late.status_code == 409
    assert "Lo mío.</textarea>" in late.text
    assert "Theirs" in late.text
    over = re.findall(r'name="over" value="(\w+)"', late.text)[0]
    assert save(desk.second, body_es="Lo mío.", over=over, do=None).status_code == 303
    desk.decide()
    assert find(desk) == replace(PIECE, body_es="Lo mío.")


def test_a_piece_is_taken_off_at_once_and_comes_back_through_review(desk: Desk) -> None:
    form = {"expected": version_of(PIECE), "reason": "The publisher asked."}
    assert desk.editor.submit(f"{PATH}/take-down", expected=form["expected"]).status_code == 409
    assert desk.editor.submit(f"{PATH}/take-down", reason="x", expected="y").status_code == 409
    response = desk.editor.submit(f"{PATH}/take-down", **form)
    assert response.status_code == 303
    for path in ("/learn/test-piece", "/es/learn/test-piece"):
        assert desk.donor.get(path).status_code == 404
    assert "A test of asylum" not in desk.donor.get("/learn").text
    assert "A test of asylum" not in desk.donor.get("/learn/feed.xml").text
    assert desk.donor.get("/topics/test-guide").status_code == 200
    assert desk.editor.submit(f"{PATH}/take-down", **form).status_code == 404
    assert desk.editor.get(PATH).status_code == 404

    again = desk.editor.submit("/staff/resources/new", **new_form(slug="test-piece"))
    assert again.status_code == 422
    assert "Bring that back" in again.text
    page = desk.editor.get(response.headers["Location"])
    assert "It is off the site" in page.text
    path = response.headers["Location"].partition("?")[0]
    desk.editor.submit(f"{path}/undo", expected="nothing")
    assert desk.donor.get("/learn/test-piece").status_code == 404
    desk.decide()
    assert desk.donor.get("/learn/test-piece").status_code == 200
    assert find(desk) == PIECE


@pytest.mark.parametrize(
    ("changes", "field"),
    [
        ({"slug": "Not A Slug"}, "slug"),
        ({"slug": "new"}, "slug"),
        ({"slug": "x" * 81}, "slug"),
        ({"title": " \n "}, "title"),
        ({"url": "http://example.org"}, "url"),
        ({"url": "javascript:alert(1)"}, "url"),
        ({"url": "https://EXAMPLE.org"}, "url"),
        ({"url": "https://user@example.org"}, "url"),
        ({"url": "https://example.org/a b"}, "url"),
        ({"publisher": ""}, "publisher"),
        ({"published": "2026-13"}, "published"),
        ({"published": "2026-02-30"}, "published"),
        ({"published": "March"}, "published"),
        ({"kind": "essay"}, "kind"),
        ({"topics": []}, "topics"),
        ({"topics": ["legal-services", "somali"]}, "topics"),
        ({"places": "Maine"}, "places"),
        ({"places": "ZZ"}, "places"),
        ({"places": "Nowhere, ME"}, "places"),
        ({"places": "ME\nME"}, "places"),
        ({"take_en_2": ""}, "take-en-2"),
        ({"take_es_3": "\t"}, "take-es-3"),
        ({"body_es": ""}, "body-es"),
        ({"body_en": "x" * 6_001}, "body-en"),
    ],
)
def test_what_is_not_in_order_is_said_beside_its_field(
    still_desk: Desk, changes: dict[str, Any], field: str
) -> None:
    response = still_desk.editor.submit("/staff/resources/new", **new_form(**changes))
    assert errors_in(response) == [field]
    assert still_desk.pending == []


@pytest.mark.parametrize("published", ["", "2026", "2026-03", "2024-02-29"])
def test_a_date_may_be_of_any_precision(published: str) -> None:
    assert show(replace(PIECE, published=published)).texts["published"] == published


def test_every_committed_piece_comes_back_from_its_form() -> None:
    pieces = read_resources(DATA, read_taxonomy(DATA))
    assert len(pieces) > 50
    for piece in pieces:
        record = make_record(show(piece), piece.slug)
        assert find_faults(DATA, record, "resource") == []
        assert make_resource(record) == piece
