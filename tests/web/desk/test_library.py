"""The desk's library: what waits, who decides, what is undone, and that only valid things pass."""

from __future__ import annotations

import json
import re
from dataclasses import replace
from typing import Any

import pytest
from sqlite_utils import Database

from recommender import store
from recommender.models import TermMapping
from recommender.store.library import LibraryKind, find_entry, to_document
from recommender.store.library_history import version_of
from tests.web.desk.shelves import GUIDE, PIECE, Desk
from tests.web.desk.test_resources import form_of, save


def waiting_number(desk: Desk, title: str = "Waiting") -> int:
    save(desk.editor, title=title)
    return desk.pending[-1].number


def write(desk: Desk, number: int, document: str) -> None:
    """What a file from elsewhere, or another version of the program, might have left."""
    db: Database = store.connect(desk.app.config["WAYMARK"].database)
    db.execute("UPDATE library_revisions SET after = ? WHERE id = ?", [document, number])
    db.close()


def test_the_overview_leads_to_every_shelf_and_says_what_waits(desk: Desk) -> None:
    page = desk.editor.get("/staff/library").text
    assert "8 phrases" in page
    assert "Nothing waits here" in page
    waiting_number(desk)
    page = desk.editor.get("/staff/library").text
    assert "Waits for review (1)" in page
    assert "yours" in page
    assert "editor</td>" in desk.reviewer.get("/staff/library").text
    desk.decide()
    page = desk.editor.get("/staff/library").text
    assert "Waits for review (0)" in page
    assert "Waiting" in page


def test_editors_do_not_decide_and_nobody_decides_on_their_own(desk: Desk) -> None:
    number = waiting_number(desk)
    path = f"/staff/library/{number}"
    assert "Your decision" not in desk.second.get(path).text
    assert desk.second.submit(path, decision="approve").status_code == 403
    assert "Your decision" in desk.reviewer.get(path).text
    save(desk.reviewer, title="My own")
    own = desk.pending[-1].number
    assert "somebody else reviews it" in desk.reviewer.get(f"/staff/library/{own}").text
    assert desk.reviewer.submit(f"/staff/library/{own}", decision="approve").status_code == 403
    assert desk.donor.get("/learn/test-piece").text.count("My own") == 0


def test_a_decision_needs_to_be_one(desk: Desk) -> None:
    path = f"/staff/library/{waiting_number(desk)}"
    assert desk.reviewer.submit(path).status_code == 409
    assert desk.reviewer.submit(path, decision="reject", reason=" ").status_code == 409
    assert desk.reviewer.submit(path, decision="reject", reason="No.").status_code == 303
    assert desk.reviewer.submit(path, decision="approve").status_code == 409


def test_an_author_takes_a_change_back(desk: Desk) -> None:
    path = f"/staff/library/{waiting_number(desk)}"
    assert "Take it back" in desk.editor.get(path).text
    assert desk.second.submit(f"{path}/take-back").status_code == 403
    response = desk.editor.submit(f"{path}/take-back")
    assert "It is taken back" in desk.editor.get(response.headers["Location"]).text
    assert desk.pending == []


def test_a_change_that_was_overtaken_says_so(desk: Desk) -> None:
    number = waiting_number(desk)
    save(desk.second, title="Sooner")
    desk.decide()
    page = desk.reviewer.get(f"/staff/library/{number}").text
    assert "What stands has changed since" in page
    assert 'value="approve"' not in page
    refused = desk.reviewer.submit(f"/staff/library/{number}", decision="approve")
    assert refused.status_code == 409
    # Its author is shown both versions.
    mine = replace(PIECE, title="Waiting")
    opened = desk.editor.get("/staff/resources/test-piece").text
    assert 'value="Waiting"' in opened
    assert f'value="{version_of(PIECE)}"' in opened
    late = desk.editor.submit(
        "/staff/resources/test-piece", **form_of(mine, expected=version_of(PIECE))
    )
    assert late.status_code == 409
    assert "Sooner" in late.text


@pytest.mark.parametrize(
    "change",
    [
        {"url": "https://EVIL.example/"},
        {"kind": "essay"},
        {"take_es": ["one"]},
        {"published": "soon"},
        {"body_es": ""},
    ],
)
def test_only_what_is_valid_gets_onto_a_public_page(desk: Desk, change: dict[str, Any]) -> None:
    number = waiting_number(desk)
    write(desk, number, json.dumps(json.loads(to_document(PIECE)) | change))
    refused = desk.reviewer.submit(f"/staff/library/{number}", decision="approve")
    assert refused.status_code == 409
    assert "not in order" in refused.text
    assert desk.read(find_entry, LibraryKind.RESOURCE, "test-piece") == PIECE


@pytest.mark.parametrize(
    ("after", "kind"),
    [
        (replace(GUIDE, key_facts=()), "guide"),
        (TermMapping(phrase="UPPER", language="en", tags=("housing",)), "term"),
    ],
)
def test_guides_and_phrases_are_checked_as_well(desk: Desk, after: Any, kind: str) -> None:
    number = waiting_number(desk)
    db = store.connect(desk.app.config["WAYMARK"].database)
    db.execute(
        "UPDATE library_revisions SET kind = ?, before = NULL, after = ?, key = 'x', new_key = 'x'"
        " WHERE id = ?",
        [kind, to_document(after), number],
    )
    db.close()
    refused = desk.reviewer.submit(f"/staff/library/{number}", decision="approve")
    assert refused.status_code == 409
    assert "not in order" in refused.text


def test_an_undo_of_what_has_changed_again_is_a_conflict(desk: Desk) -> None:
    number = waiting_number(desk)
    desk.decide()
    page = desk.editor.get(f"/staff/library/{number}").text
    assert "Undo this change" in page
    path = f"/staff/library/{number}/undo"
    assert desk.editor.submit(path, expected=version_of(PIECE)).status_code == 409
    assert desk.editor.submit(path).status_code == 409
    now = version_of(replace(PIECE, title="Waiting"))
    assert desk.editor.submit(path, expected=now).status_code == 303
    desk.decide()
    assert "Undo this change" not in desk.editor.get(f"/staff/library/{number}").text
    done = desk.editor.submit(path, expected=version_of(PIECE))
    assert done.headers["Location"].endswith("done=unchanged")


@pytest.mark.parametrize(("number", "status"), [("999", 404), ("9" * 30, 422)])
def test_a_change_that_is_not_there_is_not_found(
    still_desk: Desk, number: str, status: int
) -> None:
    path = f"/staff/library/{number}"
    answers = (
        still_desk.editor.get(path),
        still_desk.reviewer.submit(path, decision="approve"),
        still_desk.editor.submit(f"{path}/undo"),
        still_desk.editor.submit(f"{path}/take-back"),
    )
    assert [answer.status_code for answer in answers] == [status] * 4


def test_a_list_is_compared_by_its_items_and_a_text_by_its_words(desk: Desk) -> None:
    topics = ["asylum-seekers", "housing"]
    save(desk.editor, topics=topics, body_en=PIECE.body_en.replace("lawyers", "courts"))
    page = desk.editor.get(f"/staff/library/{desk.pending[-1].number}").text
    marked = re.findall(r"<(?:ins|del)>([^<]*)</", page)
    assert marked == ["lawyers.", "courts.", "Legal services", "Housing"]
