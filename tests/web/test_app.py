from __future__ import annotations

import dataclasses
import gzip
import io
import logging
import re

import pytest
from flask import Flask, abort, request

from app import MAX_REQUEST_BYTES, create_app
from recommender import errors
from recommender.config import Settings
from recommender.web import get_settings
from recommender.web.logs import PrivateFormatter
from recommender.web.problems import PROBLEMS
from tests.web.client import Page, PageClient

CANARY = "zebra-canary-48213"


@pytest.fixture
def broken(app: Flask) -> Flask:
    """An application with routes that fail in every way."""
    broken = create_app(app.config["WAYMARK"])
    broken.test_client_class = PageClient
    raised = {
        "missing": errors.NotFound("gone"),
        "field": errors.UnknownPlace("what place?"),
        "often": errors.RateLimited("slow down", retry_after_s=42),
        "index": errors.IndexNotReady("no index"),
        "bug": ValueError(CANARY),
    }

    def fail(kind: str) -> None:
        if kind in raised:
            raise raised[kind]
        abort(int(kind))

    def read() -> dict[str, int]:
        return {"length": len(request.get_data())}

    for prefix in ("", "/es", "/api"):
        broken.add_url_rule(f"{prefix}/fail/<kind>", f"fail{prefix}", fail)
    broken.add_url_rule("/read", "read", read, methods=["POST"])
    return broken


@pytest.mark.parametrize(
    ("kind", "status"),
    [("missing", 404), ("field", 422), ("often", 429), ("index", 503), ("bug", 500), ("400", 400)],
)
@pytest.mark.parametrize("prefix", ["", "/es"])
def test_error_pages_say_where_to_go(broken: Flask, prefix: str, kind: str, status: int) -> None:
    response = broken.test_client().get(f"{prefix}/fail/{kind}")
    assert response.status_code == status
    page = Page(response.text)
    assert {f"{prefix}/", f"{prefix}/directory", f"{prefix}/learn"} <= set(page.links)
    if not prefix:
        assert page.headings == [str(PROBLEMS[status].title)]


@pytest.mark.parametrize(
    ("kind", "status", "code", "field"),
    [
        ("missing", 404, "not_found", None),
        ("field", 422, "unprocessable_entity", "place"),
        ("often", 429, "too_many_requests", None),
        ("bug", 500, "internal_server_error", None),
        ("418", 418, "i'm_a_teapot", None),
    ],
)
def test_the_api_has_one_error_shape(
    broken: Flask, kind: str, status: int, code: str, field: str | None
) -> None:
    response = broken.test_client().get(f"/api/fail/{kind}")
    assert response.status_code == status
    error = response.get_json()["error"]
    assert set(error) == {"code", "message", "field"}
    assert (error["code"], error["field"]) == (code, field)
    assert error["message"]


def test_too_many_tries_says_when_to_come_back(broken: Flask) -> None:
    assert broken.test_client().get("/fail/often").headers["Retry-After"] == "42"


def test_a_wrong_method_says_which_are_right(client: PageClient) -> None:
    response = client.post("/about")
    assert response.status_code == 405
    assert "GET" in response.headers["Allow"]


def test_a_flood_of_bytes_is_refused(broken: Flask) -> None:
    client = broken.test_client()
    assert client.post("/read", data=b"x" * MAX_REQUEST_BYTES).status_code == 200
    assert client.post("/read", data=b"x" * (MAX_REQUEST_BYTES + 1)).status_code == 413


@pytest.mark.parametrize(
    "path", ["/" + "9" * 30, "/%00", "/%ff", "/about/%2e%2e", "/es/", "/about?page=abc&x=%ff"]
)
def test_odd_addresses_are_no_server_error(client: PageClient, path: str) -> None:
    assert client.get(path).status_code < 500


def test_logs_hold_nothing_that_was_sent(broken: Flask) -> None:
    stream = io.StringIO()
    handler = logging.StreamHandler(stream)
    handler.setFormatter(PrivateFormatter())
    broken.logger.addHandler(handler)
    try:
        broken.test_client().get(f"/fail/bug?q={CANARY}", headers={"User-Agent": CANARY})
    finally:
        broken.logger.removeHandler(handler)
    assert CANARY not in stream.getvalue()
    assert "/fail/" not in stream.getvalue()
    assert "ValueError" in stream.getvalue()
    assert "in fail" in stream.getvalue()


def test_the_usual_formatter_would_have_told(broken: Flask) -> None:
    stream = io.StringIO()
    handler = logging.StreamHandler(stream)
    broken.logger.addHandler(handler)
    try:
        broken.test_client().get(f"/fail/bug?q={CANARY}")
    finally:
        broken.logger.removeHandler(handler)
    assert CANARY in stream.getvalue()


def test_the_development_server_logs_no_requests(app: Flask) -> None:
    stream = io.StringIO()
    logger, handler = logging.getLogger("werkzeug"), logging.StreamHandler(stream)
    logger.addHandler(handler)
    level = logger.level
    logger.setLevel(logging.INFO)
    try:
        logger.info(f'127.0.0.1 - - [24/Jan/2024 10:00:00] "GET /?q={CANARY} HTTP/1.1" 200 -')
        logger.info("Running on http://127.0.0.1:8000")
    finally:
        logger.setLevel(level)
        logger.removeHandler(handler)
    assert stream.getvalue() == "Running on http://127.0.0.1:8000\n"


def test_files_are_compressed_for_those_who_can_read_it(client: PageClient) -> None:
    address = client.application.extensions["assets"].url("css/site.css")
    plain = client.get(address)
    packed = client.get(address, headers={"Accept-Encoding": "gzip"})
    assert packed.headers["Content-Encoding"] == "gzip"
    assert packed.headers["Vary"] == "Accept-Encoding"
    assert gzip.decompress(packed.data) == plain.data
    assert packed.mimetype == "text/css"


def test_every_file_a_style_sheet_names_is_served(client: PageClient) -> None:
    css = client.get(client.application.extensions["assets"].url("css/site.css")).text
    named = re.findall(r'url\("([^"]+)"\)', css)
    assert len(named) >= 2
    assert {client.get(address).status_code for address in named} == {200}


def test_files_outside_the_folder_are_not_served(client: PageClient) -> None:
    for path in ("/static/../app.py", "/static/css/site.css", "/static/%2e%2e/app.py"):
        assert client.get(path).status_code == 404


def test_the_first_view_is_light(client: PageClient) -> None:
    """The page, its style sheet and its fonts: at most 60 kB on the wire."""
    html = client.get("/about").text
    addresses = re.findall(r'(?:href|src)="(/static/[^"]+)"', html)
    sizes = [len(client.get(a, headers={"Accept-Encoding": "gzip"}).data) for a in addresses]
    assert len(gzip.compress(html.encode())) + sum(sizes) <= 60_000


def test_settings_are_those_given(app: Flask) -> None:
    with app.app_context():
        assert get_settings() is app.config["WAYMARK"]


@pytest.mark.parametrize(
    ("body", "problem"),
    [
        ("<h1>a</h1><h1>b</h1>", "headings of the first level"),
        ("<h1>a</h1><p id=x></p><p id=x></p>", "id twice"),
        ("<h1>a</h1><p style='color:red'></p>", "inline style"),
        ("<h1>a</h1><script>1</script>", "inline script"),
        ("<h1>a</h1><input name=q>", "no label"),
        ("<h1>a</h1><div><p></div>", "closes"),
        ("<h1>a</h1><a href='#gone'>x</a>", "no target"),
        ("<h1>a</h1><p aria-describedby=gone></p>", "no id"),
        ("<h1>a</h1><img src=x>", "img without alt"),
    ],
)
def test_the_page_reader_finds_what_is_wrong(body: str, problem: str) -> None:
    head = "<!doctype html><html lang=en><head><title>A · Waymark</title></head><body>"
    found = Page(f"{head}{body}</body></html>").problems
    assert any(problem in text for text in found), found
    assert Page(f"{head}<h1>a</h1></body></html>").problems == []


def test_only_trusted_proxies_say_who_is_there(app: Flask) -> None:
    seen = []
    settings = get_settings_of(app)
    for proxies in (0, 1):
        proxied = create_app(dataclasses.replace(settings, proxies=proxies))
        proxied.add_url_rule("/who", "who", lambda: seen.append(request.remote_addr) or "")
        proxied.test_client().get("/who", headers={"X-Forwarded-For": "192.0.2.7, 192.0.2.8"})
    assert seen == ["127.0.0.1", "192.0.2.8"]


def get_settings_of(app: Flask) -> Settings:
    settings: Settings = app.config["WAYMARK"]
    return settings
