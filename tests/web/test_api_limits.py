from __future__ import annotations

import json
import re
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path

import pytest
from flask import Flask

from app import create_app
from recommender.config import Settings
from recommender.web.api.limits import WINDOW_S
from tests.serving import Launch, serve
from tests.web.client import PageClient

API = "/api/v1"
ASKED = {"text": "legal help", "n": 1}
Limited = Callable[..., PageClient]


@pytest.fixture
def limited(directory_app: Flask) -> Limited:
    """A visitor of the directory with limits of its own."""

    def _limited(*, matches: int = 0, reads: int = 0) -> PageClient:
        limits = {"matches_per_minute": matches, "reads_per_minute": reads}
        app = create_app(replace(directory_app.config["WAYMARK"], **limits))
        app.test_client_class = PageClient
        client = app.test_client()
        assert isinstance(client, PageClient)
        return client

    return _limited


def test_matches_tell_the_rule_and_what_is_left(limited: Limited) -> None:
    client = limited(matches=3)
    left = []
    for _ in range(3):
        response = client.post(f"{API}/matches", json=ASKED)
        assert response.status_code == 200
        assert response.headers["RateLimit-Policy"] == f'"matches";q=3;w={WINDOW_S}'
        left.append(re.fullmatch(r'"matches";r=(\d+);t=(\d+)', response.headers["RateLimit"]))
    assert [int(found[1]) for found in left if found] == [2, 1, 0]
    assert all(0 < int(found[2]) <= WINDOW_S for found in left if found)


def test_who_asks_too_often_is_told_when_to_come_back(limited: Limited) -> None:
    client = limited(matches=2)
    answers = [client.post(f"{API}/matches", json=ASKED) for _ in range(3)]
    assert [answer.status_code for answer in answers] == [200, 200, 429]
    refused = answers[-1]
    error, seconds = refused.get_json()["error"], refused.headers["Retry-After"]
    assert error["code"] == "too_many_requests"
    assert f"Try again in {seconds} s." in error["message"]
    assert 0 < int(seconds) <= WINDOW_S
    assert refused.headers["RateLimit"] == f'"matches";r=0;t={seconds}'
    assert refused.headers["Cache-Control"] == "no-store"
    assert refused.headers["Access-Control-Allow-Origin"] == "*"
    exposed = refused.headers["Access-Control-Expose-Headers"].split(", ")
    assert {"RateLimit", "RateLimit-Policy", "Retry-After"} <= set(exposed)


def test_another_network_and_other_operations_are_not_held_back(limited: Limited) -> None:
    client = limited(matches=1, reads=5)
    post = [
        client.post(f"{API}/matches", json=ASKED, environ_base={"REMOTE_ADDR": address})
        for address in ("192.0.2.1", "192.0.2.1", "192.0.2.2", "2001:db8::1", "2001:db8::2")
    ]
    # An IPv6 household has all addresses of its network.
    assert [answer.status_code for answer in post] == [200, 429, 200, 200, 429]
    read = client.get(f"{API}/taxonomy", environ_base={"REMOTE_ADDR": "192.0.2.1"})
    assert read.status_code == 200


def test_reads_name_the_rule_and_no_count_that_a_cache_would_spread(limited: Limited) -> None:
    client = limited(reads=3)
    answers = [client.get(f"{API}/taxonomy") for _ in range(2)]
    told = [{k: v for k, v in answer.headers if k != "Date"} for answer in answers]
    assert told[0] == told[1]
    assert told[0]["RateLimit-Policy"] == f'"reads";q=3;w={WINDOW_S}'
    assert "RateLimit" not in told[0]
    tag = {"If-None-Match": answers[0].headers["ETag"]}
    assert client.get(f"{API}/taxonomy", headers=tag).status_code == 304
    assert client.get(f"{API}/taxonomy").status_code == 429


def test_all_workers_of_a_server_count_together(
    directory: Settings, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("WAYMARK_MATCHES_PER_MINUTE", "20")
    monkeypatch.setenv("WEB_CONCURRENCY", "2")
    asked = json.dumps(ASKED).encode(), {"Content-Type": "application/json"}
    with serve(Launch(instance=directory.instance, log=tmp_path / "log")) as site:
        sent = [site.fetch(f"{API}/matches", "POST", *asked).status for _ in range(30)]
    assert sent == [200] * 20 + [429] * 10


def test_a_browsers_question_before_it_sends_is_free(limited: Limited) -> None:
    client = limited(matches=1)
    assert {client.options(f"{API}/matches").status_code for _ in range(5)} == {204}
    assert client.post(f"{API}/matches", json=ASKED).status_code == 200


def test_without_limits_there_are_no_headers(limited: Limited) -> None:
    response = limited().post(f"{API}/matches", json=ASKED)
    assert not {"RateLimit", "RateLimit-Policy"} & set(response.headers.keys())
