"""The headers as they arrive from the real server, written down once more from the promises."""

from __future__ import annotations

import json
import re

import pytest

from tests.serving import Site

PAGE_POLICY = (
    "default-src 'none'; script-src 'self'; style-src 'self'; img-src 'self' data:; "
    "font-src 'self'; connect-src 'self'; form-action 'self'; base-uri 'none'; "
    "frame-ancestors 'none'"
)
PAGE = {
    "content-security-policy": PAGE_POLICY,
    "referrer-policy": "no-referrer",
    "x-frame-options": "DENY",
    "cross-origin-opener-policy": "same-origin",
    "cross-origin-resource-policy": "same-origin",
}
API = {
    "content-security-policy": "default-src 'none'; frame-ancestors 'none'",
    "access-control-allow-origin": "*",
    "referrer-policy": "no-referrer",
}
STATIC = {
    "content-security-policy": "default-src 'none'",
    "cross-origin-resource-policy": "cross-origin",
    "cache-control": "public, max-age=31536000, immutable",
}
FRAME = {"referrer-policy": "no-referrer", "cross-origin-resource-policy": "cross-origin"}
NEVER = ("set-cookie", "access-control-allow-credentials", "strict-transport-security")

ROUTES = [
    ("GET", "/", 200, PAGE),
    ("GET", "/es/directory", 200, PAGE),
    ("GET", "/nonprofits/raices", 200, PAGE),
    ("GET", "/nonprofits/test-withdrawn-circle", 410, PAGE),
    ("GET", "/compare", 200, PAGE),
    ("GET", "/learn", 200, PAGE),
    ("GET", "/topics/asylum-and-the-border", 200, PAGE),
    ("GET", "/about/privacy", 200, PAGE),
    ("GET", "/suggest", 200, PAGE),
    ("GET", "/api/v1/docs", 200, PAGE),
    ("GET", "/sitemap.xml", 200, PAGE),
    ("GET", "/healthz", 200, PAGE),
    ("GET", "/nowhere", 404, PAGE),
    ("GET", "/matches/gAAAA", 404, PAGE),
    ("GET", "/match", 405, PAGE),
    ("POST", "/match", 422, PAGE),
    ("POST", "/about", 405, PAGE),
    ("POST", "/directory", 303, PAGE),
    ("HEAD", "/directory", 200, PAGE),
    ("GET", "/static/missing.css", 404, PAGE),
    ("GET", "/widget/v9.js", 404, PAGE),
    ("GET", "/embed/nobody", 404, FRAME),
    ("POST", "/es/embed/nobody", 404, FRAME),
    ("GET", "/api/v1/nonprofits", 200, API),
    ("GET", "/api/v1/openapi.json", 200, API),
    ("GET", "/api/v1/nonprofits/nobody", 404, API),
    ("GET", "/api/v1/nowhere", 404, API),
    ("GET", "/api/v1/matches", 405, API),
    ("POST", "/api/v1/matches", 415, API),
    ("OPTIONS", "/api/v1/matches", 204, API),
]


@pytest.mark.parametrize(("method", "path", "status", "expected"), ROUTES)
def test_each_answer_has_the_headers_of_its_kind(
    site: Site, method: str, path: str, status: int, expected: dict[str, str]
) -> None:
    answer = site.fetch(path, method, headers={"Cookie": "old=1", "Origin": "https://a.example"})
    assert answer.status == status
    assert {name: answer.headers.get(name) for name in expected} == expected
    assert answer.headers["x-content-type-options"] == "nosniff"
    assert "geolocation=()" in answer.headers["permissions-policy"]
    assert not [name for name in NEVER if name in answer.headers]
    assert "cookie" not in answer.headers.get("vary", "").lower()
    if expected is not API:
        assert "access-control-allow-origin" not in answer.headers
    if status >= 400:
        assert answer.headers["cache-control"] == "no-store"


def test_files_are_kept_for_ever_and_open_to_all(site: Site) -> None:
    files = re.findall(r'(?:href|src)="(/static/[^"]+)"', site.fetch("/").text)
    assert len(files) >= 4
    for file in files:
        answer = site.fetch(file)
        assert answer.status == 200
        assert {name: answer.headers.get(name) for name in STATIC} == STATIC
        assert answer.headers["x-content-type-options"] == "nosniff"
        assert "set-cookie" not in answer.headers


def test_what_a_donor_asked_is_not_kept_by_a_browser(site: Site) -> None:
    for sealed in (
        site.seal("/match", text="legal help", place="04101"),
        site.seal("/directory", q="raices"),
        site.seal("/topics/asylum-and-the-border/near", place="04101"),
    ):
        answer = site.fetch(sealed)
        assert answer.status == 200
        assert answer.headers["cache-control"] == "no-store"
    body = json.dumps({"text": "legal help"}).encode()
    answer = site.fetch("/api/v1/matches", "POST", body, {"Content-Type": "application/json"})
    assert answer.headers["cache-control"] == "no-store"


def test_a_copy_that_is_still_right_is_not_sent_again(site: Site) -> None:
    first = site.fetch("/api/v1/nonprofits/raices")
    again = site.fetch(
        "/api/v1/nonprofits/raices", headers={"If-None-Match": first.headers["etag"]}
    )
    assert (again.status, again.body) == (304, b"")
    assert again.headers["access-control-allow-origin"] == "*"


def test_the_server_does_not_name_its_version(site: Site) -> None:
    assert not re.search(r"\d", site.fetch("/").headers.get("server", ""))
