from __future__ import annotations

import json
from collections.abc import Callable
from typing import Any

import pytest
from flask import Flask

from recommender.config import ROOT
from recommender.web.api import MAX_MATCHES, cursors
from tests.web.client import PageClient

MATCHES = "/api/v1/matches"
ASKED = {"text": "legal help for asylum seekers", "place": "Texas", "scope": "anywhere"}
Ask = Callable[..., dict[str, Any]]


@pytest.fixture
def client(directory_app: Flask) -> PageClient:
    client = directory_app.test_client()
    assert isinstance(client, PageClient)
    return client


@pytest.fixture
def ask(client: PageClient) -> Ask:
    """The answer to a question that must be answered."""

    def _ask(question: dict[str, Any] = ASKED, **more: Any) -> dict[str, Any]:
        response = client.post(MATCHES, json={**question, **more})
        assert response.status_code == 200, response.text
        answer: dict[str, Any] = response.get_json()
        return answer

    return _ask


def _slugs(answer: dict[str, Any]) -> list[str]:
    return [match["slug"] for match in answer["matches"]]


def _all_pages(ask: Ask, question: dict[str, Any], n: int) -> list[str]:
    answer = ask(question, n=n)
    found = _slugs(answer)
    while answer["next_cursor"]:
        answer = ask(question, n=n, cursor=answer["next_cursor"])
        found += _slugs(answer)
    return found


GOLDEN = json.loads((ROOT / "data/golden_queries.json").read_text(encoding="utf-8"))


@pytest.mark.parametrize("n", [3, 7])
def test_pages_hold_each_match_once_and_in_order(ask: Ask, n: int) -> None:
    found = _all_pages(ask, ASKED, n)
    assert found[:50] == _slugs(ask(n=50))
    assert len(found) == len(set(found)) == MAX_MATCHES


def test_pages_of_what_people_ask_join_without_a_gap(ask: Ask) -> None:
    for golden in GOLDEN[::8]:
        question = {"text": golden["text"], "place": golden.get("place", "")}
        whole = ask(question, n=30)
        if not whole["no_close_match"]:
            assert _all_pages(ask, question, 10)[:30] == _slugs(whole), golden["text"]


def test_a_page_may_be_of_another_size(ask: Ask) -> None:
    first = ask(n=4)
    second = ask(n=6, cursor=first["next_cursor"])
    assert _slugs(first) + _slugs(second) == _slugs(ask(n=10))


def test_the_last_page_has_no_cursor(ask: Ask) -> None:
    few = {"text": "legal help", "filters": {"states": ["VT"]}}
    assert ask(few, n=50)["next_cursor"] is None


def test_the_nearest_of_what_nobody_does_are_one_page(ask: Ask) -> None:
    far = ask({"text": "immigrant robotics for dogs", "place": "Denver, CO"}, n=1)
    assert (far["no_close_match"], far["next_cursor"]) == (True, None)


def test_a_cursor_says_nothing_of_the_question(ask: Ask) -> None:
    cursor = ask(n=2)["next_cursor"]
    assert len(cursor) < 400
    assert not any(word in cursor.lower() for word in ("asylum", "texas", "legal"))
    assert ask(n=2)["next_cursor"] != cursor


@pytest.mark.parametrize(
    "change",
    [{"text": "food"}, {"place": "Maine"}, {"language": "es"}, {"weights": {"place": 2}}],
)
def test_a_cursor_is_for_one_question(ask: Ask, client: PageClient, change: dict[str, Any]) -> None:
    cursor = ask(n=2)["next_cursor"]
    response = client.post(MATCHES, json={**ASKED, **change, "cursor": cursor})
    assert response.status_code == 422
    assert response.get_json()["error"]["field"] == "cursor"


@pytest.mark.parametrize("cursor", ["x", "gAAAA", "é", "a" * 900])
def test_what_is_no_cursor_is_refused(client: PageClient, cursor: str) -> None:
    response = client.post(MATCHES, json={**ASKED, "cursor": cursor})
    assert response.status_code == 422
    assert "start again" in response.get_json()["error"]["message"]


def test_a_damaged_cursor_is_refused(ask: Ask, client: PageClient) -> None:
    cursor = ask(n=2)["next_cursor"]
    damaged = cursor[:40] + ("A" if cursor[40] != "A" else "B") + cursor[41:]
    assert client.post(MATCHES, json={**ASKED, "cursor": damaged}).status_code == 422


def test_a_cursor_ends_with_the_state_it_was_made_in(
    ask: Ask, client: PageClient, monkeypatch: pytest.MonkeyPatch
) -> None:
    cursor = ask(n=2)["next_cursor"]
    # As after a takedown: with one listing fewer a page would leave out a match.
    monkeypatch.setattr(cursors, "get_excluded", lambda: frozenset({"raices"}))
    response = client.post(MATCHES, json={**ASKED, "cursor": cursor})
    assert response.status_code == 410
    error = response.get_json()["error"]
    assert (error["code"], error["field"]) == ("gone", "cursor")
    assert "start again" in error["message"]


# --- The place of an article ------------------------------------------------------------


ARTICLE = (
    "Los Angeles keeps its promise to immigrants. In Los Angeles, the city council voted to "
    "keep local police out of federal immigration enforcement, and the county of Los Angeles "
    "will pay lawyers for families who face deportation. Advocates in Los Angeles said that "
    "sanctuary policies let people call for help without fear of being handed over."
)


def test_an_article_is_matched_near_the_place_it_is_about(ask: Ask) -> None:
    answer = ask({"text": ARTICLE}, n=5)
    assert (answer["place"]["label"], answer["place_from_text"]) == ("Los Angeles, CA", True)
    near = [match["nearness"] for match in answer["matches"]]
    assert near.count("office-near") >= 3


def test_pages_of_an_article_keep_its_place(ask: Ask) -> None:
    first = ask({"text": ARTICLE}, n=3)
    second = ask({"text": ARTICLE}, n=3, cursor=first["next_cursor"])
    assert second["place"]["label"] == "Los Angeles, CA"
    assert not set(_slugs(first)) & set(_slugs(second))


@pytest.mark.parametrize(
    "question",
    [
        {"text": ARTICLE, "place": "Portland, ME"},
        {"text": ARTICLE, "read_place": False},
        {"text": ARTICLE, "scope": "anywhere"},
        {"text": "legal help in Los Angeles"},
        {"text": "Immigrants need lawyers, and lawyers need time. " * 10},
    ],
)
def test_a_place_is_read_only_where_it_is_wanted(ask: Ask, question: dict[str, Any]) -> None:
    answer = ask(question, n=1)
    assert answer["place_from_text"] is False
    assert (answer["place"] or {}).get("label", "") == question.get("place", "")
