from __future__ import annotations

import html
import io
import logging
import re
import shutil
import time
from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path

import pytest
from flask import Flask
from werkzeug.test import TestResponse

from app import create_app
from recommender import store
from recommender.config import ROOT, Settings
from recommender.store.accounts import (
    Account,
    Role,
    create_account,
    create_link,
    create_session,
    find_account,
    find_session,
    get_account,
    list_sessions,
    set_disabled,
    set_password,
    set_role,
)
from recommender.web import auth, credentials
from recommender.web.credentials import compute_totp, hash_password, verify_password
from recommender.web.logs import PrivateFormatter
from tests.web.client import PageClient
from tests.web.desk import OWN_FORM, DeskClient, sign_in

EMAIL, PASSWORD = "ana@example.org", "a cairn beside the path"
NEW = "another stone on the pile"
WRONG = "is not right"


@pytest.fixture(scope="module")
def password_hash() -> str:
    return hash_password(PASSWORD)


@pytest.fixture
def app(tmp_path: Path, empty_store: Path) -> Flask:
    settings = Settings(instance=tmp_path, data=ROOT / "data", secret_key="test-key " * 8)
    shutil.copy(empty_store, settings.database)
    app = create_app(settings)
    app.test_client_class = PageClient
    return app


@pytest.fixture
def db(app: Flask) -> Iterator[store.Database]:
    db = store.connect(app.config["WAYMARK"].database)
    yield db
    db.close()


@pytest.fixture
def ana(db: store.Database, password_hash: str) -> Account:
    set_password(db, create_account(db, EMAIL, Role.EDITOR), password_hash)
    return get_account(db, EMAIL)


def _login(client: PageClient, address: str = "10.0.0.1", **form: str) -> TestResponse:
    return client.post(
        "/staff/login",
        data={"email": EMAIL, "password": PASSWORD, **form},
        headers=OWN_FORM,
        environ_base={"REMOTE_ADDR": address},
    )


def _at_desk(app: Flask) -> DeskClient:
    return sign_in(app, Role.EDITOR, EMAIL)


class Clock:
    """The wall clock, which can be moved on."""

    def __init__(self) -> None:
        self.now = time.time()

    def __call__(self) -> float:
        return self.now

    @property
    def step(self) -> int:
        return int(self.now) // credentials.STEP_S


@pytest.fixture
def clock(monkeypatch: pytest.MonkeyPatch) -> Clock:
    clock = Clock()
    monkeypatch.setattr(time, "time", clock)
    return clock


# --- Signing in --------------------------------------------------------------------------


def test_signing_in_leads_to_where_one_wanted_to_be(client: PageClient, ana: Account) -> None:
    sent = client.get("/staff/account?done=x").headers["Location"]
    page = client.get(sent).text
    wanted = html.unescape(re.findall(r'name="next" value="([^"]*)"', page)[0])
    response = _login(client, email=" Ana@Example.ORG", next=wanted)
    assert (response.status_code, response.headers["Location"]) == (303, "/staff/account?done=x")
    assert EMAIL in client.get("/staff/account").text


@pytest.mark.parametrize(
    "address",
    [
        *("https://elsewhere.example", "//elsewhere.example/staff", "/\\elsewhere.example"),
        *("/staff/\\..\\..", "/staff\n/x", "/staffing", "/", "javascript:alert(1)", "//[", "staff"),
    ],
)
def test_signing_in_leads_to_no_other_place(client: PageClient, ana: Account, address: str) -> None:
    assert _login(client, next=address).headers["Location"] == "/staff"


def test_nobody_learns_what_was_wrong(
    app: Flask, db: store.Database, ana: Account, password_hash: str
) -> None:
    closed = create_account(db, "closed@example.org", Role.EDITOR)
    set_password(db, closed, password_hash)
    set_disabled(db, closed, True)
    create_account(db, "fresh@example.org", Role.EDITOR)
    tries = [
        {"password": "wrong"},
        {"email": "nobody@example.org"},
        {"email": closed.email},
        {"email": "fresh@example.org"},
        {"email": "fresh@example.org", "password": ""},
        {"password": "x" * 100_000},
        {"email": "\0" * 1_000, "password": "\0"},
    ]
    pages = set()
    for given in tries:
        response = _login(app.test_client(), **given)
        assert response.status_code == 422
        assert "Set-Cookie" not in response.headers
        pages.add(re.sub(r'name="email"[^>]*>', "", response.text))
    assert len(pages) == 1
    assert WRONG in pages.pop()


def test_an_unknown_address_takes_the_same_work(
    client: PageClient, ana: Account, monkeypatch: pytest.MonkeyPatch
) -> None:
    work: list[str] = []
    verify = credentials._HASHER.verify

    class Counting:
        def verify(self, stored: str, password: str) -> bool:
            work.append(stored.rpartition("$")[0].rpartition("$")[0])
            return verify(stored, password)

    monkeypatch.setattr(credentials, "_HASHER", Counting())
    _login(client, password="wrong")
    _login(client, email="nobody@example.org")
    assert work == ["$argon2id$v=19$m=19456,t=2,p=1"] * 2


def test_a_session_ends_with_what_it_rests_on(
    client: PageClient, db: store.Database, ana: Account
) -> None:
    changes = (
        lambda: set_role(db, ana, Role.ADMIN),
        lambda: set_password(db, ana, ana.password_hash),
        lambda: set_disabled(db, ana, True),
    )
    for change in changes:
        assert _login(client).status_code == 303
        assert client.get("/staff").status_code == 200
        change()
        assert client.get("/staff").status_code == 303


def test_signing_out_ends_the_session_and_not_only_the_cookie(app: Flask, ana: Account) -> None:
    client = _at_desk(app)
    response = client.submit("/staff/logout")
    assert (response.status_code, response.headers["Location"]) == (303, "/staff/login")
    assert "waymark=;" in response.headers["Set-Cookie"]
    client.set_cookie("waymark", client.token)
    assert client.get("/staff").status_code == 303


def test_signing_in_again_brings_a_new_token(
    client: PageClient, db: store.Database, ana: Account
) -> None:
    _login(client)
    first = client.get_cookie("waymark")
    _login(client)
    second = client.get_cookie("waymark")
    assert first is not None
    assert second is not None
    assert find_session(db, first.value) is None
    assert find_session(db, second.value) is not None


def test_a_token_that_was_planted_is_not_taken_over(client: PageClient, ana: Account) -> None:
    client.set_cookie("waymark", "planted")
    _login(client)
    cookie = client.get_cookie("waymark")
    assert cookie is not None
    assert cookie.value != "planted"


def test_an_account_that_changes_during_the_request_begins_no_session(
    client: PageClient, db: store.Database, ana: Account, monkeypatch: pytest.MonkeyPatch
) -> None:
    def slowly(stored: str, password: str) -> bool:
        set_disabled(db, ana, True)
        return verify_password(stored, password)

    monkeypatch.setattr(credentials, "verify_password", slowly)
    assert _login(client).status_code == 409
    assert db.table("sessions").count == 0


# --- Cookies -----------------------------------------------------------------------------


def _cookies(response: TestResponse) -> dict[str, set[str]]:
    made = {}
    for header in response.headers.getlist("Set-Cookie"):
        first, *rest = header.split("; ")
        made[first.partition("=")[0]] = {part for part in rest if "=" not in part} | {
            part for part in rest if part.startswith(("SameSite", "Path", "Domain"))
        }
    return made


def test_cookies_over_tls_are_bound_to_the_host(app: Flask, ana: Account) -> None:
    client = app.test_client()
    response = client.post(
        "/staff/login",
        data={"email": EMAIL, "password": PASSWORD},
        headers=OWN_FORM,
        base_url="https://waymark.example",
    )
    bound = {"Secure", "HttpOnly", "Path=/", "SameSite=Strict"}
    assert _cookies(response) == {"__Host-waymark": bound, "__Host-waymark-device": bound}
    assert client.get("/staff", base_url="https://waymark.example").status_code == 200


def test_cookies_of_a_developer_go_without_tls(client: PageClient, ana: Account) -> None:
    plain = {"HttpOnly", "Path=/", "SameSite=Strict"}
    assert _cookies(_login(client)) == {"waymark": plain, "waymark-device": plain}


def test_nobody_signs_in_over_an_open_connection(app: Flask, ana: Account) -> None:
    client = app.test_client()
    for method in ("GET", "POST"):
        response = client.open(
            "/staff/login",
            method=method,
            data={"email": EMAIL, "password": PASSWORD},
            headers=OWN_FORM,
            base_url="http://waymark.example",
        )
        assert response.status_code == 403
        assert "Set-Cookie" not in response.headers


def test_a_plain_cookie_signs_nobody_in_over_tls(app: Flask, ana: Account) -> None:
    client = app.test_client()
    client.set_cookie("waymark", _at_desk(app).token, domain="waymark.example")
    assert client.get("/staff", base_url="https://waymark.example").status_code == 303


def test_a_proxy_that_ends_tls_is_believed_by_the_public_address(app: Flask, ana: Account) -> None:
    settings = replace(app.config["WAYMARK"], site_url="https://waymark.example")
    client = create_app(settings).test_client()
    response = client.post(
        "/staff/login",
        data={"email": EMAIL, "password": PASSWORD},
        headers={"Origin": "https://waymark.example"},
        base_url="http://waymark.example",
    )
    assert set(_cookies(response)) == {"__Host-waymark", "__Host-waymark-device"}


# --- Guessing ----------------------------------------------------------------------------


def test_guesses_at_an_account_from_one_network_are_few(app: Flask, ana: Account) -> None:
    limit, window_s = auth.ACCOUNT_HERE_TRIES
    client = app.test_client()
    tries = [_login(client, password="wrong").status_code for _ in range(limit + 1)]
    assert tries == [422] * limit + [429]
    response = _login(client)
    assert response.status_code == 429
    assert 0 < int(response.headers["Retry-After"]) <= window_s
    assert _login(client, address="10.0.0.2").status_code == 303


def test_guesses_are_counted_for_all_workers_together(
    app: Flask, ana: Account, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(auth, "ACCOUNT_HERE_TRIES", (3, 900))
    workers = [create_app(app.config["WAYMARK"]).test_client() for _ in range(2)]
    tries = [_login(workers[i % 2], password="wrong").status_code for i in range(4)]
    assert tries == [422, 422, 422, 429]


def test_a_network_that_tries_many_accounts_is_held_back(
    app: Flask, ana: Account, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(auth, "NETWORK_TRIES", (3, 900))
    client = app.test_client()
    for i in range(3):
        assert _login(client, email=f"{i}@example.org").status_code == 422
    assert _login(client, address="10.0.0.1").status_code == 429
    assert _login(client, address="10.0.0.2").status_code == 303


def test_guesses_from_everywhere_do_not_lock_the_owner_out(
    app: Flask, db: store.Database, ana: Account, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Neither many networks nor the owner's own: a browser where they have been still opens."""
    monkeypatch.setattr(auth, "ACCOUNT_TRIES", (4, 3600))
    owner = app.test_client()
    assert _login(owner).status_code == 303
    stranger = app.test_client()
    tries = [_login(stranger, f"10.1.0.{i}", password="wrong").status_code for i in range(6)]
    assert tries[-1] == 429
    for _ in range(12):
        _login(stranger, password="wrong")
    assert _login(app.test_client(), "10.2.0.1").status_code == 429
    assert _login(owner).status_code == 303
    # And whoever has no such browser left asks for a link.
    fresh = app.test_client()
    token = create_link(db, ana)
    fresh.post(f"/staff/welcome/{token}", data={"new_password": NEW}, headers=OWN_FORM)
    assert _login(fresh, "10.2.0.1", password=NEW).status_code == 303


def test_a_known_browser_does_not_guess_without_end_either(app: Flask, ana: Account) -> None:
    client = app.test_client()
    _login(client)
    tries = [_login(client, password="wrong").status_code for _ in range(auth.DEVICE_TRIES[0] + 1)]
    assert (tries[0], tries[-1]) == (422, 429)


def test_a_known_browser_is_known_for_its_own_account_and_password_only(
    app: Flask, db: store.Database, ana: Account, password_hash: str
) -> None:
    bob = create_account(db, "bob@example.org", Role.EDITOR)
    set_password(db, bob, password_hash)
    client = app.test_client()
    _login(client)
    cookie = client.get_cookie("waymark-device")
    assert cookie is not None

    def known(account: Account) -> str:
        headers = {"Cookie": f"waymark-device={cookie.value}"}
        with app.test_request_context("/staff/login", headers=headers):
            return auth._known_device(account)

    assert known(ana)
    assert not known(get_account(db, bob.email))
    set_password(db, ana, hash_password(NEW))
    assert not known(get_account(db, EMAIL))


def test_the_right_password_clears_the_count(app: Flask, ana: Account) -> None:
    for _ in range(3):
        client = app.test_client()
        for _ in range(auth.ACCOUNT_HERE_TRIES[0] - 1):
            assert _login(client, password="wrong").status_code == 422
        assert _login(app.test_client()).status_code == 303


# --- Setting a password ------------------------------------------------------------------


def test_a_link_leads_to_a_password_and_then_to_signing_in(
    client: PageClient, db: store.Database
) -> None:
    token = create_link(db, create_account(db, EMAIL, Role.EDITOR))
    path = f"/staff/welcome/{token}"
    assert client.get(path).status_code == 200
    # To look at it, as mail programs do, does not use it up.
    assert EMAIL in client.get(path).text
    short = client.post(path, data={"new_password": "short"}, headers=OWN_FORM)
    assert (short.status_code, "at least 12" in short.text) == (422, True)
    done = client.post(path, data={"new_password": NEW}, headers=OWN_FORM)
    assert (done.status_code, done.headers["Location"]) == (303, "/staff/login")
    assert client.get("/staff").status_code == 303
    assert client.get(path).status_code == 410
    again = client.post(path, data={"new_password": "a third set of words"}, headers=OWN_FORM)
    assert again.status_code == 410
    assert _login(client, password=NEW).status_code == 303


@pytest.mark.parametrize(
    ("password", "good"),
    [
        ("a" * 12, False),
        ("elevenchars", False),
        ("my margarita tree", False),
        ("x" * 201, False),
        ("twelve chars", True),
        ("piñón en el sendero", True),
    ],
)
def test_length_makes_a_password(password: str, good: bool) -> None:
    assert (credentials.find_weakness(password, "margarita@example.org") == "") == good


def test_a_password_is_the_same_on_every_keyboard() -> None:
    assert verify_password(
        hash_password("pi\u00f1\u00f3n del sendero"), "pin\u0303o\u0301n del sendero"
    )


def test_a_password_is_changed_only_by_who_knows_it(
    app: Flask, db: store.Database, ana: Account
) -> None:
    client, other = _at_desk(app), _at_desk(app)
    refused = client.submit("/staff/account/password", password="wrong", new_password=NEW)
    weak = client.submit("/staff/account/password", password=PASSWORD, new_password="short")
    assert (refused.status_code, weak.status_code) == (422, 422)
    assert get_account(db, EMAIL) == ana
    done = client.submit("/staff/account/password", password=PASSWORD, new_password=NEW)
    assert done.headers["Location"] == "/staff/account?done=password"
    assert "is changed" in client.get("/staff/account?done=password").text
    assert client.session is None
    assert other.get("/staff").status_code == 303
    assert _login(app.test_client()).status_code == 422
    assert _login(app.test_client(), password=NEW).status_code == 303


def test_a_stolen_session_cannot_guess_the_password(app: Flask, ana: Account, clock: Clock) -> None:
    client = _at_desk(app)
    _turn_on(client, clock)
    paths = ("/staff/account/password", "/staff/account/codes/end", "/staff/account/recovery-codes")
    statuses = [client.submit(paths[i % 3]).status_code for i in range(12)]
    assert statuses[0] == 422
    assert statuses[-1] == 429
    assert client.submit(paths[0], password=PASSWORD, new_password=NEW).status_code == 429


# --- Sessions ----------------------------------------------------------------------------


def test_one_sees_and_ends_ones_other_sessions(
    app: Flask, db: store.Database, ana: Account
) -> None:
    client, other = _at_desk(app), _at_desk(app)
    bob = create_account(db, "bob@example.org", Role.EDITOR)
    theirs = create_session(db, bob)
    page = client.get("/staff/account").text
    assert (page.count("this one"), page.count("another one")) == (1, 1)
    assert client.submit("/staff/account/sessions").status_code == 303
    assert other.get("/staff").status_code == 303
    assert list_sessions(db, ana) == [client.session]
    assert find_session(db, theirs) is not None


# --- One-time codes ----------------------------------------------------------------------


def _turn_on(client: DeskClient, clock: Clock) -> tuple[str, list[str]]:
    """The secret, and the recovery codes as they are shown."""
    page = client.get("/staff/account/codes").text
    secret = re.findall(r'name="secret" value="([A-Z2-7]{32})"', page)[0]
    response = client.submit(
        "/staff/account/codes",
        secret=secret,
        code=compute_totp(secret, clock.step),
        codes_password=PASSWORD,
    )
    codes = re.findall(r'class="secret">([A-Z2-7 ]+)<', response.text)
    assert (response.status_code, len(codes)) == (200, credentials.N_RECOVERY_CODES)
    return secret, codes


# RFC 6238, appendix B, SHA-1; the last six of its eight digits.
@pytest.mark.parametrize(
    ("seconds", "code"),
    [
        (59, "287082"),
        (1111111109, "081804"),
        (1111111111, "050471"),
        (1234567890, "005924"),
        (2000000000, "279037"),
        (20000000000, "353130"),
    ],
)
def test_codes_are_those_of_the_standard(seconds: int, code: str) -> None:
    secret = "GEZDGNBVGY3TQOJQGEZDGNBVGY3TQOJQ"
    assert compute_totp(secret, seconds // 30) == code


def test_codes_of_half_a_minute_ago_still_count(clock: Clock) -> None:
    secret = credentials.make_totp_secret()
    codes = [compute_totp(secret, clock.step + shift) for shift in (-2, -1, 0, 1, 2)]
    assert len(set(codes)) == 5
    found = [credentials.match_totp(secret, f" {code[:3]} {code[3:]}") for code in codes]
    assert found == [None, clock.step - 1, clock.step, clock.step + 1, None]


def test_a_code_is_asked_for_and_taken_once(app: Flask, ana: Account, clock: Clock) -> None:
    secret, _ = _turn_on(_at_desk(app), clock)
    assert _login(app.test_client()).status_code == 422
    # The code that turned them on was seen already.
    code = compute_totp(secret, clock.step)
    assert _login(app.test_client(), code=code).status_code == 422
    clock.now += credentials.STEP_S
    code = compute_totp(secret, clock.step)
    assert _login(app.test_client(), password="wrong", code=code).status_code == 422
    assert _login(app.test_client(), code=code).status_code == 303
    assert _login(app.test_client(), code=code).status_code == 422


def test_a_recovery_code_stands_in_once(app: Flask, ana: Account, clock: Clock) -> None:
    client = _at_desk(app)
    _, codes = _turn_on(client, clock)
    typed = codes[3].lower().replace(" ", "-")
    assert _login(app.test_client(), code=typed).status_code == 303
    assert _login(app.test_client(), code=typed).status_code == 422
    assert "9 recovery codes left" in client.get("/staff/account").text


def test_new_recovery_codes_replace_the_old(app: Flask, ana: Account, clock: Clock) -> None:
    client = _at_desk(app)
    early = client.submit("/staff/account/recovery-codes", recovery_password=PASSWORD)
    assert early.headers["Location"] == "/staff/account/codes"
    _, old = _turn_on(client, clock)
    response = client.submit("/staff/account/recovery-codes", recovery_password=PASSWORD)
    new = re.findall(r'class="secret">([A-Z2-7 ]+)<', response.text)
    assert len(set(new) - set(old)) == credentials.N_RECOVERY_CODES
    assert _login(app.test_client(), code=old[0]).status_code == 422
    assert _login(app.test_client(), code=new[0]).status_code == 303


def test_codes_are_turned_on_only_by_who_has_them_and_the_password(
    app: Flask, db: store.Database, ana: Account, clock: Clock
) -> None:
    client, secret = _at_desk(app), credentials.make_totp_secret()
    right = {
        "secret": secret,
        "code": compute_totp(secret, clock.step),
        "codes_password": PASSWORD,
    }
    for wrong in ({"code": "12345"}, {"codes_password": "wrong"}, {"secret": "é"}, {"code": "é"}):
        assert client.submit("/staff/account/codes", **{**right, **wrong}).status_code == 422
    assert get_account(db, EMAIL).totp_secret == ""
    assert client.submit("/staff/account/codes", **right).status_code == 200
    sealed = get_account(db, EMAIL).totp_secret
    assert secret not in sealed
    assert client.submit("/staff/account/codes", **right).status_code == 303
    assert get_account(db, EMAIL).totp_secret == sealed


def test_codes_are_turned_off_with_the_password(
    app: Flask, db: store.Database, ana: Account, clock: Clock
) -> None:
    client = _at_desk(app)
    _turn_on(client, clock)
    client.submit("/staff/account/codes/end", codes_password="wrong")
    assert get_account(db, EMAIL).totp_secret
    client.submit("/staff/account/codes/end", codes_password=PASSWORD)
    assert not get_account(db, EMAIL).totp_secret
    assert _login(app.test_client()).status_code == 303


def test_a_new_site_key_leaves_the_recovery_codes(app: Flask, ana: Account, clock: Clock) -> None:
    secret, codes = _turn_on(_at_desk(app), clock)
    clock.now += credentials.STEP_S
    other = create_app(replace(app.config["WAYMARK"], secret_key="another key " * 5))
    code = compute_totp(secret, clock.step)
    assert _login(other.test_client(), code=code).status_code == 422
    assert _login(other.test_client(), code=codes[0]).status_code == 303


# --- Pages, logs and commands ------------------------------------------------------------


def test_nothing_that_staff_type_is_logged(
    app: Flask, ana: Account, db: store.Database, capfd: pytest.CaptureFixture[str]
) -> None:
    stream = io.StringIO()
    handler = logging.StreamHandler(stream)
    handler.setFormatter(PrivateFormatter())
    logging.getLogger().addHandler(handler)
    app.logger.addHandler(handler)
    level = logging.getLogger().level
    logging.getLogger().setLevel(logging.DEBUG)
    try:
        token = create_link(db, ana)
        client = app.test_client()
        _login(client)
        _login(client, password="wrong-canary", code="code-canary")
        client.get(f"/staff/welcome/{token}")
        app.logger.error("something to see")
    finally:
        logging.getLogger().setLevel(level)
        logging.getLogger().removeHandler(handler)
        app.logger.removeHandler(handler)
    said = stream.getvalue() + "".join(capfd.readouterr())
    assert "ERROR app: at test_auth" in said
    for secret in (EMAIL, PASSWORD, "wrong-canary", "code-canary", token):
        assert secret not in said


def test_the_desk_greets(app: Flask, ana: Account) -> None:
    page = _at_desk(app).page("/staff")
    assert page.headings == ["Welcome, ana"]
    assert {"/staff", "/staff/account", "/"} <= set(page.links)


def _flask(app: Flask, *words: str) -> str:
    result = app.test_cli_runner().invoke(args=["staff", *words])
    assert result.exit_code == 0, result.output
    return result.output


def test_an_account_is_made_by_command_and_opened_by_its_link(
    app: Flask, db: store.Database, client: PageClient
) -> None:
    output = _flask(app, "add", "Ana@Example.org", "--role", "admin", "--name", "Ana Ruiz")
    path = re.findall(r"^http://127\.0\.0\.1:\d+(/staff/welcome/\S+)$", output, re.MULTILINE)[0]
    client.post(path, data={"new_password": PASSWORD}, headers=OWN_FORM)
    assert _login(client).status_code == 303
    account = get_account(db, EMAIL)
    assert (account.name, account.role) == ("Ana Ruiz", Role.ADMIN)


def test_commands_change_accounts_and_end_sessions(
    app: Flask, db: store.Database, ana: Account
) -> None:
    client = _at_desk(app)
    _flask(app, "role", EMAIL, "reviewer")
    assert client.session is None
    assert _flask(app, "list") == f"{EMAIL:<32} reviewer\n"
    _flask(app, "disable", EMAIL)
    assert "disabled" in _flask(app, "list")
    assert _login(app.test_client()).status_code == 422
    _flask(app, "enable", EMAIL)
    assert _login(app.test_client()).status_code == 303
    assert "/staff/welcome/" in _flask(app, "reset", EMAIL, "--without-codes")
    assert _login(app.test_client()).status_code == 422
    assert "no password yet" in _flask(app, "list")


def test_links_begin_with_the_public_address(app: Flask) -> None:
    public = create_app(replace(app.config["WAYMARK"], site_url="https://waymark.example"))
    assert "\nhttps://waymark.example/staff/welcome/" in _flask(public, "add", EMAIL)


@pytest.mark.parametrize(
    "words",
    [("add", "no address"), ("reset", "nobody@example.org"), ("role", EMAIL, "owner")],
)
def test_commands_say_what_is_wrong(app: Flask, words: tuple[str, ...]) -> None:
    result = app.test_cli_runner().invoke(args=["staff", *words])
    assert result.exit_code != 0
    assert "Error" in result.output
    assert "Traceback" not in result.output


def test_a_disabled_account_gets_no_link(app: Flask, db: store.Database, ana: Account) -> None:
    _flask(app, "disable", EMAIL)
    result = app.test_cli_runner().invoke(args=["staff", "reset", EMAIL])
    assert (result.exit_code, "enable it first" in result.output) == (1, True)
    account = find_account(db, EMAIL)
    assert account is not None
    assert account.password_hash == ana.password_hash


def test_the_commands_know_every_role() -> None:
    from recommender.cli import ROLES

    assert list(ROLES.choices) == [role.value for role in Role]
