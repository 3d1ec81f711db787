from __future__ import annotations

import base64
import gzip
import hashlib
import re

import pytest
from flask import Flask

from recommender.web.headers import HEADERS, RouteKind
from recommender.web.loader import host_policy, integrity, list_versions
from tests.web.client import PageClient

MAX_PACKED_BYTES = 3 * 1024
# A version that was released never changes: pages name its digest.
RELEASED = {
    "1.0.0": "sha384-TqgWAPalrHivuk+LOf8ws0iMO25gP27rJQUvR5eFR02tKCmhzYMfXYMISBZx0C4T",
}


def test_a_released_version_never_changes(app: Flask) -> None:
    with app.app_context():
        assert {version: integrity(version) for version in list_versions()} == RELEASED


def test_the_digest_is_that_of_the_bytes_that_are_sent(app: Flask, client: PageClient) -> None:
    for version in RELEASED:
        content = client.get(f"/widget/{version}.js").data
        digest = base64.b64encode(hashlib.sha384(content).digest()).decode()
        with app.app_context():
            assert integrity(version) == f"sha384-{digest}"


def test_the_moving_address_is_the_newest_version_for_minutes(client: PageClient) -> None:
    newest, moving = client.get(f"/widget/{max(RELEASED)}.js"), client.get("/widget/v1.js")
    assert moving.data == newest.data
    age = re.fullmatch(r"public, max-age=(\d+), .*", moving.headers["Cache-Control"])
    assert age
    assert int(age[1]) <= 3600
    assert newest.headers["Cache-Control"] == "public, max-age=31536000, immutable"
    etag = {"If-None-Match": moving.headers["ETag"]}
    assert client.get("/widget/v1.js", headers=etag).status_code == 304


def test_the_loader_may_be_used_by_any_page_and_does_nothing_by_itself(client: PageClient) -> None:
    for path in ("/widget/v1.js", "/widget/1.0.0.js", "/widget/look/884400-6.css"):
        response = client.get(path)
        expected = dict(HEADERS[RouteKind.STATIC])
        del expected["Cache-Control"]
        assert {name: response.headers.get(name) for name in expected} == expected
        assert "Set-Cookie" not in response.headers
        assert response.headers.get("Vary", "Accept-Encoding") == "Accept-Encoding"


def test_the_loader_is_small(client: PageClient) -> None:
    response = client.get("/widget/v1.js", headers={"Accept-Encoding": "gzip"})
    assert response.headers["Content-Encoding"] == "gzip"
    assert gzip.decompress(response.data) == client.get("/widget/v1.js").data
    assert len(response.data) <= MAX_PACKED_BYTES


@pytest.mark.parametrize("word", ["localStorage", "sessionStorage", "cookie", "indexedDB", "eval"])
def test_the_scripts_name_no_store(client: PageClient, word: str) -> None:
    # What is said about cookies and storage in the first line is a promise.
    loader = client.get("/widget/v1.js").text.partition("\n")[2]
    frame = client.get(client.application.extensions["assets"].url("js/widget-frame.js")).text
    assert word not in loader + frame


@pytest.mark.parametrize(
    "path",
    [
        *("/widget/v2.js", "/widget/1.0.js", "/widget/9.9.9.js", "/widget/../app.js"),
        *("/widget/look/red-1.css", "/widget/look/884400.css", "/widget/look/884400-.css"),
        *("/widget/look/884400-100.css", "/widget/look/88440G-1.css", "/widget/look/-٣.css"),
    ],
)
def test_what_is_not_there_is_a_page_with_the_strictest_headers(
    client: PageClient, path: str
) -> None:
    response = client.get(path)
    assert response.status_code == 404
    assert response.headers["X-Frame-Options"] == "DENY"
    assert response.headers["Cache-Control"] == "no-store"


def test_a_look_is_the_accent_and_the_radius(client: PageClient) -> None:
    css = client.get("/widget/look/884400-6.css").text
    assert "--accent: #884400;" in css
    assert "--on-accent: #ffffff;" in css
    assert "--radius: 6px;" in css
    assert client.get("/widget/look/-12.css").text == ":root { --radius: 12px; }\n"


def test_a_hosts_policy_names_this_site_and_nothing_else(app: Flask) -> None:
    with app.test_request_context(base_url="https://waymark.example"):
        own = "https://waymark.example"
        assert host_policy() == f"script-src {own}; frame-src {own}"
