"""Who is told how long an answer took."""

from __future__ import annotations

import re

import pytest

from recommender.store.accounts import Role
from tests.web.desk import sign_in
from tests.web.desk.shelves import Desk
from tests.web.desk.test_preview import ADDRESS, CLINIC, form_of

STAGE = re.compile(r"(match|render|total);dur=(\d+\.\d)")


def stages(header: str) -> dict[str, float]:
    """The milliseconds of each stage, in the order in which they ended."""
    parts = [STAGE.fullmatch(part) for part in header.split(", ")]
    assert all(parts), header
    return {part[1]: float(part[2]) for part in parts if part}


def test_staff_are_told_what_a_page_took(still_desk: Desk) -> None:
    told = stages(still_desk.editor.get("/staff/").headers["Server-Timing"])
    assert list(told) == ["render", "total"]
    assert told["render"] <= told["total"]


def test_a_preview_tells_its_match_apart_from_its_page(still_desk: Desk) -> None:
    form = form_of(still_desk.app, CLINIC) | {"editing": CLINIC}
    shown = still_desk.editor.submit(ADDRESS, **form)
    assert shown.status_code == 200
    told = stages(shown.headers["Server-Timing"])
    assert {*told} == {"match", "render", "total"}
    assert told["match"] + told["render"] <= told["total"] + 0.2


def test_staff_are_told_what_an_error_took(still_desk: Desk) -> None:
    answer = still_desk.editor.get("/staff/nothing-of-this-name")
    assert answer.status_code == 404
    assert "total" in stages(answer.headers["Server-Timing"])


@pytest.mark.parametrize(
    "path",
    [
        *("/", "/es/", "/directory", f"/nonprofits/{CLINIC}", "/api/v1/taxonomy", "/healthz"),
        *("/staff/", "/staff/login", "/staff/nothing-of-this-name", "/nothing-of-this-name"),
    ],
)
def test_the_public_is_told_nothing(still_desk: Desk, path: str) -> None:
    assert "Server-Timing" not in still_desk.donor.get(path).headers


def test_a_public_answer_tells_nothing_even_to_staff(still_desk: Desk) -> None:
    """It may be kept and sent to others, and no public page looks who is there."""
    editor = sign_in(still_desk.app, Role.EDITOR)
    sent = editor.post("/match", data={"text": "legal help"})
    assert "Server-Timing" not in sent.headers
    for path in (sent.headers["Location"], "/directory", "/embed/preview"):
        assert "Server-Timing" not in editor.get(path).headers
