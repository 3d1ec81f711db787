"""What was typed at the desk when the session ended, the form was old or we failed."""

from __future__ import annotations

import html
import re
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from flask import Flask, abort
from werkzeug.test import TestResponse

from app import create_app
from recommender import store
from recommender.config import Settings
from recommender.errors import StorageError
from recommender.models import Nonprofit, RevisionState, Tag
from recommender.store.accounts import Role, create_account, get_account, set_password
from recommender.store.history import list_revisions
from recommender.store.listings import get_listing
from recommender.web import kept
from recommender.web.auth import COOKIE, CSRF_FIELD, MAX_FORM_BYTES, require
from recommender.web.credentials import hash_password
from recommender.web.headers import KINDS, RouteKind
from tests.web.client import PageClient
from tests.web.desk import OWN_FORM, DeskClient, sign_in
from tests.web.desk.test_listings import form_of
from tests.web.small_site import copy_site, make_site

LAWYERS = "test-border-lawyers"
EDIT, STATUS = f"/staff/listings/{LAWYERS}/edit", f"/staff/listings/{LAWYERS}/status"
EMAIL, PASSWORD = "ana@example.org", "a cairn beside the path"
ODD = "Two lines,\r\n<b>\"quoted\"</b> & 'more' 🗻 ñ"


@pytest.fixture(scope="module")
def password_hash() -> str:
    return hash_password(PASSWORD)


@pytest.fixture(scope="module")
def site(
    tmp_path_factory: pytest.TempPathFactory,
    catalogue: tuple[Nonprofit, ...],
    taxonomy: tuple[Tag, ...],
) -> Settings:
    return make_site(tmp_path_factory.mktemp("site"), catalogue, taxonomy)


@pytest.fixture
def app(tmp_path: Path, site: Settings, password_hash: str) -> Flask:
    app = copy_site(site, tmp_path)
    db = store.connect(app.config["WAYMARK"].database)
    set_password(db, create_account(db, EMAIL, Role.EDITOR), password_hash)
    db.close()
    return app


@pytest.fixture
def db(app: Flask) -> Iterator[store.Database]:
    db = store.connect(app.config["WAYMARK"].database)
    yield db
    db.close()


@pytest.fixture
def stranger(app: Flask) -> PageClient:
    client = app.test_client()
    assert isinstance(client, PageClient)
    return client


def post(client: PageClient, path: str, form: dict[str, Any]) -> TestResponse:
    """Send a form; to a page that may set the session's cookie."""
    return super(PageClient, client).open(path, method="POST", data=form, headers=OWN_FORM)


def fields(page: TestResponse) -> dict[str, list[str]]:
    """The hidden fields of a page, as a browser would send them."""
    found: dict[str, list[str]] = {}
    source = page.text[page.text.index("<main") :]
    for name, value in re.findall(r'<input type="hidden" name="([^"]*)" value="([^"]*)">', source):
        text = html.unescape(value).replace("\r\n", "\n").replace("\n", "\r\n")
        found.setdefault(html.unescape(name), []).append(text)
    return found


def sign_in_with(client: PageClient, page: TestResponse, password: str = PASSWORD) -> TestResponse:
    """Fill in the form to sign in on a page, with all that it carries."""
    return post(client, "/staff/login", fields(page) | {"email": EMAIL, "password": password})


def typed_in(app: Flask, **changes: Any) -> dict[str, Any]:
    return form_of(app, LAWYERS, **changes) | {CSRF_FIELD: "of a session that is gone"}


# --- A session that has ended ------------------------------------------------------------


def test_what_was_typed_comes_back_after_signing_in(
    app: Flask, db: store.Database, stranger: PageClient
) -> None:
    form = typed_in(app, serves=ODD, services=["housing", "legal-services"], note="Why.")
    asked = post(stranger, EDIT, form)
    assert asked.status_code == 401
    assert "What you typed is not lost" in asked.text
    again = sign_in_with(stranger, asked)
    assert again.status_code == 200
    assert f'action="{EDIT}"' in again.text
    assert "Open the form with it" in again.text
    # Nothing has happened yet, and what is sent next is exactly what was typed.
    assert list_revisions(db, LAWYERS) == []
    sent = fields(again)
    token = sent.pop(CSRF_FIELD)
    lists = {name: value if isinstance(value, list) else [value] for name, value in form.items()}
    browser = {name: [v.replace("\r\n", "\n") for v in value] for name, value in lists.items()}
    expected = {name: [v.replace("\n", "\r\n") for v in value] for name, value in browser.items()}
    assert sent == {name: value for name, value in expected.items() if value and name != CSRF_FIELD}
    shown = stranger.post(EDIT, data={**sent, CSRF_FIELD: token, "add": ""}, headers=OWN_FORM)
    assert shown.status_code == 200
    assert re.search(r'name="serves"[^>]* value="Two lines,\s+&lt;b&gt;', shown.text)
    assert list_revisions(db, LAWYERS) == []
    saved = stranger.post(EDIT, data={**sent, CSRF_FIELD: token}, headers=OWN_FORM)
    assert saved.headers["Location"].endswith("done=pending")
    (entry,) = list_revisions(db, LAWYERS)
    assert entry.state is RevisionState.PENDING
    assert entry.after is not None
    assert entry.after.serves == " ".join(ODD.split())


def test_it_survives_a_wrong_password(app: Flask, stranger: PageClient) -> None:
    asked = post(stranger, EDIT, typed_in(app, serves="Canary valley"))
    wrong = sign_in_with(stranger, asked, "wrong")
    assert wrong.status_code == 422
    again = sign_in_with(stranger, wrong)
    assert fields(again)["serves"] == ["Canary valley"]


def test_other_forms_are_shown_before_they_are_sent(
    db: store.Database, stranger: PageClient
) -> None:
    form = {"to": "withdrawn", "reason": "They asked.", "expected_revision": "1"}
    asked = post(stranger, STATUS, {**form, CSRF_FIELD: "old"})
    again = sign_in_with(stranger, asked)
    assert "Send it now" in again.text
    assert "They asked." in again.text
    assert get_listing(db, LAWYERS).nonprofit.status == "published"
    sent = stranger.post(STATUS, data=fields(again), headers=OWN_FORM)
    assert sent.headers["Location"].endswith("done=withdrawn")
    assert get_listing(db, LAWYERS).nonprofit.status == "withdrawn"


@pytest.mark.parametrize("method", ["GET", "POST"])
def test_where_nothing_was_typed_one_is_led_on(stranger: PageClient, method: str) -> None:
    data = {CSRF_FIELD: "old", "expected_revision": "1"} if method == "POST" else None
    response = stranger.open(EDIT, method=method, data=data, headers=OWN_FORM)
    where = f"/staff/login?next={EDIT}" if method == "GET" else "/staff/login"
    assert (response.status_code, response.headers["Location"]) == (303, where)


def test_passwords_and_codes_are_not_carried(app: Flask, stranger: PageClient) -> None:
    secret = {"password": "canary-1", "new_password": "canary-2", "code": "canary-3"}
    for path in ("/staff/account/password", "/staff/account/codes", "/staff/logout"):
        assert post(stranger, path, secret).status_code == 303
    mixed = {**secret, "reason": "Kept.", "recovery_password": "canary-4"}
    asked = post(stranger, STATUS, mixed)
    again = sign_in_with(stranger, asked)
    for page in (asked, again):
        assert "Kept." in page.text
        assert "canary" not in page.text


ELSEWHERE = (
    *("", "/", "/suggest", "/staff/login", "/staff/account/password", "/staff/nowhere"),
    *("https://elsewhere.example/staff/listings/x/edit", "//elsewhere.example", "javascript:1"),
    *("/staff/listings", "\0", "/staff/listings/../../suggest"),
)


def test_a_form_is_sent_again_to_pages_of_the_desk_alone(stranger: PageClient) -> None:
    for again in ELSEWHERE:
        form = {"email": EMAIL, "password": PASSWORD, "again": again, "typed-reason": "x"}
        sent = post(stranger, "/staff/login", form)
        assert (sent.status_code, sent.headers["Location"]) == (303, "/staff"), again


def test_other_sites_cannot_put_words_into_a_form(app: Flask, stranger: PageClient) -> None:
    form = {"email": EMAIL, "password": PASSWORD, "again": STATUS, "typed-reason": "canary"}
    for path in ("/staff/login", STATUS):
        headers = {"Sec-Fetch-Site": "cross-site"}
        response = stranger.post(path, data=form, headers=headers)
        assert response.status_code == 403
        assert "canary" not in response.text
    assert COOKIE not in {cookie.key for cookie in stranger._cookies.values()}


def test_too_much_is_told_and_not_carried(app: Flask, stranger: PageClient) -> None:
    long = {"reason": "x" * kept.MAX_KEPT_BYTES}
    asked = post(stranger, STATUS, long)
    assert asked.status_code == 401
    assert "too long to be kept here" in asked.text
    assert len(asked.data) < 20_000
    most = {"reason": "x" * (kept.MAX_KEPT_BYTES - 1_000)}
    asked = post(stranger, STATUS, most)
    again = sign_in_with(stranger, asked)
    assert fields(again)["reason"] == [most["reason"]]
    beyond = {"reason": "x" * MAX_FORM_BYTES}
    assert post(app.test_client(), STATUS, beyond).status_code == 401  # type: ignore[arg-type]
    assert post(stranger, STATUS, beyond).status_code == 413


def test_nothing_of_it_is_stored(app: Flask, stranger: PageClient) -> None:
    asked = post(stranger, STATUS, {"reason": "canary-57123"})
    sign_in_with(stranger, asked)
    folder = app.config["WAYMARK"].instance
    stored = b"".join(path.read_bytes() for path in folder.rglob("*") if path.is_file())
    assert EMAIL.encode() in stored
    assert b"canary-57123" not in stored


# --- A form of an earlier session --------------------------------------------------------


def test_an_old_form_can_be_sent_once_more(app: Flask, db: store.Database) -> None:
    client = sign_in(app, Role.EDITOR, EMAIL)
    old = client.post(EDIT, data=typed_in(app, serves="The valley"), headers=OWN_FORM)
    assert old.status_code == 403
    assert "This form is out of date" in old.text
    assert list_revisions(db, LAWYERS) == []
    sent = client.post(EDIT, data=fields(old), headers=OWN_FORM)
    assert sent.headers["Location"].endswith("done=pending")
    bare = client.post(STATUS, data={CSRF_FIELD: "old"}, headers=OWN_FORM)
    assert (bare.status_code, "Please open it again" in bare.text) == (403, True)


# --- Errors at the desk ------------------------------------------------------------------


@pytest.fixture
def broken(app: Flask) -> Flask:
    """The desk with views that fail."""
    broken = create_app(app.config["WAYMARK"])
    broken.test_client_class = PageClient

    def fail(code: int) -> str:
        if code == 500:
            raise ValueError("canary-error")
        if code == 1:
            raise StorageError("canary-error")
        abort(code)

    view = require(Role.EDITOR)(fail)
    broken.add_url_rule("/staff/x/<int:code>", "staff_x.fail", view, methods=["GET", "POST"])
    return broken


@pytest.fixture
def client(broken: Flask, monkeypatch: pytest.MonkeyPatch) -> DeskClient:
    monkeypatch.setitem(KINDS, "staff_x", RouteKind.STAFF)
    return sign_in(broken, Role.EDITOR)


DESK_PAGE = 'class="desk"'


FAILURES = {
    "/staff/nowhere": 404,
    "/staff/listings/nobody": 404,
    "/staff/logout": 405,
    **{f"/staff/x/{code}": code for code in (400, 404, 413, 422, 429, 500, 503)},
    "/staff/x/1": 500,
}


def test_errors_at_the_desk_have_its_page(broken: Flask, client: DeskClient) -> None:
    stranger = broken.test_client()
    for path, code in FAILURES.items():
        ours = client.get(path)
        assert (ours.status_code, DESK_PAGE in ours.text) == (code, True), path
        assert "Sign out" in ours.text
        assert "canary" not in ours.text
        assert ours.headers["Referrer-Policy"] == "same-origin"
        assert ours.headers["Cache-Control"] == "no-store"
        theirs = stranger.get(path)
        assert theirs.status_code in (303, 404, 405)
        assert DESK_PAGE not in theirs.text


def test_public_errors_stay_as_they_are(client: DeskClient) -> None:
    for path in ("/nowhere", "/staffing", "/staff.html"):
        response = client.get(path)
        assert (response.status_code, DESK_PAGE in response.text) == (404, False)


def test_one_can_sign_out_from_an_error_page(client: DeskClient) -> None:
    client.get("/staff/nowhere")
    assert client.submit("/staff/logout").status_code == 303


def test_what_failed_on_our_side_can_be_sent_once_more(
    client: DeskClient, db: store.Database
) -> None:
    failed = client.submit("/staff/x/500", reason="A long reason.")
    assert failed.status_code == 500
    assert "A long reason." in failed.text
    assert 'action="/staff/x/500"' in failed.text
    assert get_account(db, EMAIL).email == EMAIL
    # What the form itself was refused for is not offered to be sent as it is.
    refused = client.submit("/staff/x/422", reason="A long reason.")
    assert "Send it now" not in refused.text


def test_beyond_the_limit_the_page_of_the_desk_says_so(client: DeskClient) -> None:
    response = client.submit("/staff/x/400", reason="x" * MAX_FORM_BYTES)
    assert response.status_code == 413
    assert DESK_PAGE in response.text
    assert "Go back in your browser to what you typed" in response.text
