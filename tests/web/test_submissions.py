from __future__ import annotations

import re
import shutil
import time
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from flask import Flask
from werkzeug.test import TestResponse

from app import create_app
from recommender import store
from recommender.config import ROOT, Settings
from recommender.errors import StorageError
from recommender.models import Language, Status, Submission, SubmissionKind
from recommender.store.catalog import set_status
from recommender.store.inbox import (
    CONTACT_DAYS,
    InboxQuery,
    create_submission,
    get_submission,
    search_inbox,
)
from recommender.web import submissions
from recommender.web.submissions import MAX_MESSAGE, MAX_PER_WINDOW, TRAP, tidy
from tests.web.client import Page, PageClient

LISTING = "/nonprofits/test-maine-asylum-project"
CANARY = "canary-93127"
GOOD = {
    "/suggest": {"name": "Test Café", "message": "It cooks for newcomers."},
    f"{LISTING}/suggest-fix": {"message": "The telephone number has changed."},
    f"{LISTING}/claim": {"message": "I am the director.", "contact": "director@example.org"},
    f"{LISTING}/remove": {},
    "/partners/write": {
        "name": "The Daily Cairn",
        "website": "https://news.example.org",
        "message": "It stays empty on our front page.",
        "contact": "web@news.example.org",
    },
}
KINDS = dict(zip(GOOD, SubmissionKind, strict=True))


@pytest.fixture
def app(tmp_path: Path, loaded_store: Path) -> Flask:
    settings = Settings(instance=tmp_path, data=ROOT / "data", secret_key="test-key " * 8)
    shutil.copy(loaded_store, settings.database)
    app = create_app(settings)
    app.test_client_class = PageClient
    return app


@pytest.fixture
def db(app: Flask) -> Iterator[store.Database]:
    db = store.connect(app.config["WAYMARK"].database)
    yield db
    db.close()


def _send(client: PageClient, path: str, data: dict[str, Any], **headers: str) -> TestResponse:
    named = {name.replace("_", "-"): value for name, value in headers.items()}
    return client.post(path, data=data, headers=named)


@pytest.mark.parametrize("prefix", ["", "/es"])
@pytest.mark.parametrize("path", GOOD)
def test_each_form_is_in_order(client: PageClient, prefix: str, path: str) -> None:
    page = client.page(prefix + path)
    assert any("/about/privacy" in link for link in page.links)
    assert client.get(prefix + path).headers["Cache-Control"] == "no-store"


@pytest.mark.parametrize("prefix", ["", "/es"])
@pytest.mark.parametrize("path", GOOD)
def test_a_message_reaches_the_editors_and_is_thanked_for(
    client: PageClient, db: store.Database, prefix: str, path: str
) -> None:
    response = _send(client, prefix + path, GOOD[path], Sec_Fetch_Site="same-origin")
    assert response.status_code == 303
    assert response.headers["Location"] == f"{prefix}/thanks/{KINDS[path].value}"
    assert client.get(response.headers["Location"]).status_code == 200
    (item,) = search_inbox(db, InboxQuery()).items
    expected = Submission(
        kind=KINDS[path],
        language=Language.ES if prefix else Language.EN,
        slug="" if path in ("/suggest", "/partners/write") else LISTING.rpartition("/")[2],
        **{"message": ""} | GOOD[path],
    )
    assert item.submission == expected


def test_nothing_about_the_sender_is_kept(app: Flask, client: PageClient) -> None:
    headers = {"User-Agent": CANARY, "Referer": f"https://{CANARY}.example", "Cookie": CANARY}
    sent = client.post(
        f"/suggest?{CANARY}",
        data=GOOD["/suggest"] | {"extra": CANARY},
        headers=headers,
        environ_base={"REMOTE_ADDR": "203.0.113.77"},
    )
    assert sent.status_code == 303
    files = [path for path in app.config["WAYMARK"].instance.rglob("*") if path.is_file()]
    kept = b"".join(path.read_bytes() for path in files)
    assert CANARY.encode() not in kept
    assert b"203.0.113.77" not in kept
    # What was typed is there, so the search would have seen the rest.
    assert GOOD["/suggest"]["message"].encode() in kept


@pytest.mark.parametrize(
    ("path", "missing"),
    [
        ("/suggest", "name"),
        ("/suggest", "message"),
        (f"{LISTING}/suggest-fix", "message"),
        (f"{LISTING}/claim", "message"),
        (f"{LISTING}/claim", "contact"),
        *(("/partners/write", name) for name in ("name", "website", "message", "contact")),
    ],
)
@pytest.mark.parametrize("empty", ["", " \n\t ", "\0\x07"])
def test_what_is_missing_is_named_and_what_was_typed_stays(
    client: PageClient, db: store.Database, path: str, missing: str, empty: str
) -> None:
    typed = GOOD[path] | {"contact": "me & <you>"} | {missing: empty}
    response = _send(client, path, typed)
    assert response.status_code == 422
    assert f"#{missing}" in Page(response.text).links
    assert re.search(rf'id="{missing}"[^>]*aria-invalid="true"', response.text)
    if missing != "contact":
        assert 'value="me &amp; &lt;you&gt;"' in response.text
    assert search_inbox(db, InboxQuery()).items == ()


@pytest.mark.parametrize(
    ("field", "value"),
    [
        ("message", "x" * (MAX_MESSAGE + 1)),
        ("name", "x" * 201),
        ("contact", "x" * 201),
        ("website", "https://example.org/" + "x" * 500),
        ("website", "not a site"),
        ("website", "javascript:alert(1)"),
        ("website", "ftp://example.org"),
        ("website", "https://localhost"),
        ("website", "https://[::1"),
        ("website", "example"),
        ("source_url", "https://"),
    ],
)
def test_too_long_or_no_address_is_refused(
    client: PageClient, db: store.Database, field: str, value: str
) -> None:
    response = _send(client, "/suggest", GOOD["/suggest"] | {field: value})
    assert response.status_code == 422
    assert value.replace("&", "&amp;") in response.text
    assert search_inbox(db, InboxQuery()).items == ()


@pytest.mark.parametrize(
    "website",
    ["example.org", "https://example.org/a?b=c", "http://exämple.org", "www.example.org."],
)
def test_addresses_as_people_type_them(
    client: PageClient, db: store.Database, website: str
) -> None:
    assert _send(client, "/suggest", GOOD["/suggest"] | {"website": website}).status_code == 303
    assert search_inbox(db, InboxQuery()).items[0].submission.website == website


def test_a_full_message_with_line_breaks_fits(client: PageClient, db: store.Database) -> None:
    message = "\r\n".join(["y" * 39] * 100)
    assert _send(client, "/suggest", GOOD["/suggest"] | {"message": message}).status_code == 303
    assert search_inbox(db, InboxQuery()).items[0].submission.message == message.replace(
        "\r\n", "\n"
    )


@pytest.mark.parametrize(
    ("typed", "kept"), [(" a\r\nb\rc ", "a\nb\nc"), ("\0a\x1b", "a"), (None, ""), ("\ud800x", "x")]
)
def test_tidying(typed: str | None, kept: str) -> None:
    assert tidy(typed) == kept


def test_a_partner_is_told_what_is_kept_and_sent_to_the_right_form(client: PageClient) -> None:
    for prefix in ("", "/es"):
        links = client.page(f"{prefix}/partners/write").links
        assert {f"{prefix}/suggest", f"{prefix}/partners/docs"} <= set(links)
    assert "erased 30 days after" in client.get("/partners/write").text


# --- Defence -----------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("headers", "status"),
    [
        ({}, 303),
        ({"Origin": "null"}, 303),
        ({"Origin": "http://localhost"}, 303),
        ({"Sec_Fetch_Site": "same-origin", "Origin": "null"}, 303),
        ({"Origin": "https://other.example"}, 403),
        ({"Sec_Fetch_Site": "cross-site"}, 403),
        ({"Sec_Fetch_Site": "same-site"}, 403),
        ({"Sec_Fetch_Site": "none"}, 403),
        ({"Sec_Fetch_Site": "cross-site", "Origin": "http://localhost"}, 403),
    ],
)
def test_only_our_own_form_is_heard(
    client: PageClient, db: store.Database, headers: dict[str, str], status: int
) -> None:
    response = _send(client, "/suggest", GOOD["/suggest"], **headers)
    assert response.status_code == status
    assert len(search_inbox(db, InboxQuery()).items) == (status == 303)
    if status == 403:
        assert "This came from another site" in response.text
        assert "It cooks for newcomers." in response.text


def test_a_program_that_fills_in_everything_is_not_heard(
    client: PageClient, db: store.Database
) -> None:
    response = _send(client, "/suggest", GOOD["/suggest"] | {TRAP: "Buy"})
    assert response.status_code == 400
    assert "It cooks for newcomers." in response.text
    assert search_inbox(db, InboxQuery()).items == ()
    # The person whose browser filled it in can send at once: the field is empty again.
    assert "Buy" not in response.text


def test_too_many_messages_are_held_back_and_kept_on_the_page(
    app: Flask, client: PageClient, db: store.Database
) -> None:
    here, there = ({"REMOTE_ADDR": address} for address in ("203.0.113.7", "203.0.113.8"))
    data = GOOD["/suggest"]
    for _ in range(MAX_PER_WINDOW):
        assert client.post("/suggest", data=data, environ_base=here).status_code == 303
    refused = client.post("/suggest", data=data, environ_base=here)
    assert refused.status_code == 429
    assert 0 < int(refused.headers["Retry-After"]) <= 3600
    assert re.search(r"in \d+ minutes", refused.text)
    assert "It cooks for newcomers." in refused.text
    assert client.post(f"{LISTING}/remove", environ_base=here).status_code == 429
    assert client.post("/suggest", data=data, environ_base=there).status_code == 303
    assert len(search_inbox(db, InboxQuery()).items) == MAX_PER_WINDOW + 1


def test_a_household_of_many_addresses_counts_as_one(app: Flask) -> None:
    codes = {}
    for address in ("2001:db8::1", "2001:db8::2", "2001:db8:0:1::1", "192.0.2.1", "192.0.2.2", ""):
        with app.test_request_context(environ_base={"REMOTE_ADDR": address}):
            codes[address] = submissions.visitor_code()
    assert codes["2001:db8::1"] == codes["2001:db8::2"]
    assert len(set(codes.values())) == 5
    assert all(re.fullmatch(r"[0-9a-f]{64}", code) for code in codes.values())


def test_a_full_disk_loses_nothing_that_was_typed(
    client: PageClient, monkeypatch: pytest.MonkeyPatch
) -> None:
    def fail(*_: object) -> int:
        raise StorageError("disk full")

    monkeypatch.setattr(submissions, "create_submission", fail)
    response = _send(client, "/suggest", GOOD["/suggest"])
    assert response.status_code == 503
    assert "It cooks for newcomers." in response.text


# --- Forgetting --------------------------------------------------------------------------


@pytest.mark.parametrize("path", ["/about", "/healthz", "/nowhere"])
def test_contacts_are_erased_while_the_site_is_visited(
    app: Flask, db: store.Database, monkeypatch: pytest.MonkeyPatch, path: str
) -> None:
    fix = Submission(
        kind=SubmissionKind.FIX, language=Language.EN, message="x", contact="a@example.org"
    )
    create_submission(db, fix)
    long_ago = f"strftime('%Y-%m-%dT%H:%M:%SZ', 'now', '-{CONTACT_DAYS} days', '-1 minute')"
    db.execute(f"UPDATE submissions SET status = 'done', handled_at = {long_ago}")
    clock = [time.monotonic()]
    monkeypatch.setattr(submissions.time, "monotonic", lambda: clock[0])
    worker = create_app(app.config["WAYMARK"])
    for passed, contact in ((0, "a@example.org"), (submissions.ERASE_FIRST_S, "")):
        clock[0] += passed
        worker.test_client().get(path)
        assert worker.extensions["background"].wait(10)
        assert get_submission(db, 1).submission.contact == contact
    # It is not asked for again before its time.
    db.execute("UPDATE submissions SET contact = 'b@example.org'")
    for passed, contact in ((0, "b@example.org"), (submissions.ERASE_EVERY_S, "")):
        clock[0] += passed
        worker.test_client().get(path)
        assert worker.extensions["background"].wait(10)
        assert get_submission(db, 1).submission.contact == contact


def test_the_pages_say_when_contacts_are_erased(client: PageClient) -> None:
    for path in ("/about/privacy", "/suggest", "/thanks/fix"):
        assert f"{CONTACT_DAYS} days after" in client.page(path).source
        assert f"{CONTACT_DAYS} días después" in client.page(f"/es{path}").source


# --- Odd requests ------------------------------------------------------------------------


@pytest.mark.parametrize("slug", ["nope", "%00", "é", "a" * 3000])
@pytest.mark.parametrize("what", ["suggest-fix", "claim", "remove"])
def test_a_listing_that_is_not_there_has_no_form(client: PageClient, slug: str, what: str) -> None:
    assert client.get(f"/nonprofits/{slug}/{what}").status_code == 404
    assert client.post(f"/nonprofits/{slug}/{what}").status_code == 404


@pytest.mark.parametrize(
    ("status", "code"), [(Status.STALE, 200), (Status.WITHDRAWN, 410), (Status.DO_NOT_LIST, 410)]
)
def test_only_listings_with_a_page_have_forms(
    client: PageClient, db: store.Database, status: Status, code: int
) -> None:
    set_status(db, LISTING.rpartition("/")[2], status)
    assert client.get(f"{LISTING}/remove").status_code == code


@pytest.mark.parametrize(
    ("data", "content_type"),
    [
        (b"name=%ff%fe&message=%ed%a0%80", "application/x-www-form-urlencoded"),
        (b'{"name": ["a"]}', "application/json"),
        (b"--x\r\nbroken", "multipart/form-data; boundary=x"),
        (b"name=a&" * 2000, "application/x-www-form-urlencoded"),
        (b"", "text/plain"),
    ],
)
def test_odd_bodies_are_no_server_error(client: PageClient, data: bytes, content_type: str) -> None:
    assert client.post("/suggest", data=data, content_type=content_type).status_code < 500


@pytest.mark.parametrize("path", ["/thanks", "/thanks/nope", "/thanks/%00"])
def test_thanks_are_for_what_there_is(client: PageClient, path: str) -> None:
    assert client.get(path).status_code == 404
