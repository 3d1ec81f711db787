from __future__ import annotations

import itertools
from pathlib import Path

import pytest
from flask import Flask
from werkzeug.routing import Rule

from app import MAX_REQUEST_BYTES, create_app
from recommender import store
from recommender.config import ROOT, Settings
from recommender.models import Nonprofit, Tag
from recommender.store.accounts import Role
from recommender.store.catalog import load_nonprofits, load_tags
from recommender.web.auth import COOKIE, MAX_FORM_BYTES, PUBLIC, Open, access_of, require
from recommender.web.headers import EVERYWHERE, HEADERS, KINDS, RouteKind, kind_of
from recommender.web.i18n import SPANISH_PREFIX
from tests.web.client import PageClient
from tests.web.desk import OWN_FORM, sign_in

LISTING = "/nonprofits/immigrant-legal-advocacy-project"
PARTS = """--part
Content-Disposition: form-data; name="csrf"

{csrf}
--part
Content-Disposition: form-data; name="file"; filename="x"

{file}
--part--
"""
METHODS = {"GET", "POST", "PUT", "PATCH", "DELETE"}


@pytest.fixture(scope="module")
def app(
    tmp_path_factory: pytest.TempPathFactory,
    catalogue: tuple[Nonprofit, ...],
    taxonomy: tuple[Tag, ...],
) -> Flask:
    instance: Path = tmp_path_factory.mktemp("access")
    settings = Settings(instance=instance, data=ROOT / "data", secret_key="test-key " * 8)
    db = store.connect(settings.database)
    store.migrate(db)
    load_tags(db, taxonomy)
    load_nonprofits(db, catalogue)
    db.close()
    app = create_app(settings)
    app.test_client_class = PageClient
    return app


def _rules(app: Flask) -> list[Rule]:
    return list(app.url_map.iter_rules())


def _is_desk(rule: Rule) -> bool:
    return rule.rule == "/staff" or rule.rule.startswith("/staff/")


def _closed(app: Flask) -> list[tuple[Rule, Role]]:
    """Every route that needs a role, with the role."""
    found = [(rule, access_of(app, rule.endpoint)) for rule in _rules(app)]
    return [(rule, access) for rule, access in found if isinstance(access, Role)]


def _path(rule: Rule) -> str:
    """An address of a rule; what it names need not exist, because nobody gets so far."""
    values = dict.fromkeys(rule.arguments, "1")
    built = rule.build(values)
    assert built is not None
    return built[1]


def _requests(rule: Rule) -> list[tuple[str, str]]:
    return [(method, _path(rule)) for method in sorted(METHODS & (rule.methods or set()))]


# --- The table, in both directions -------------------------------------------------------


def test_every_route_has_a_declared_access_rule(app: Flask) -> None:
    assert [rule.rule for rule in _rules(app) if access_of(app, rule.endpoint) is None] == []


def test_a_route_without_a_rule_would_be_seen(app: Flask) -> None:
    broken = create_app(app.config["WAYMARK"])
    broken.add_url_rule("/staff/forgotten", "staff.forgotten", lambda: "secret")
    broken.add_url_rule("/forgotten", "forgotten", lambda: "")
    assert access_of(broken, "staff.forgotten") is None
    assert access_of(broken, "forgotten") is None


def test_every_public_blueprint_exists_and_is_no_desk(app: Flask) -> None:
    assert set(app.blueprints) >= PUBLIC
    assert {name for name in PUBLIC if KINDS[name] is RouteKind.STAFF} == set()


def test_the_desk_is_what_is_below_its_address(app: Flask) -> None:
    for rule in _rules(app):
        assert _is_desk(rule) == (kind_of(rule.endpoint) is RouteKind.STAFF), rule.rule


def test_only_signing_in_is_open_at_the_desk(app: Flask) -> None:
    opened = {
        rule.endpoint
        for rule in _rules(app)
        if _is_desk(rule) and access_of(app, rule.endpoint) is Open.TO_ALL
    }
    assert opened == {"staff.login", "staff.welcome"}


# --- What the rules do -------------------------------------------------------------------


def test_strangers_are_sent_to_sign_in(app: Flask) -> None:
    requests = list(itertools.chain.from_iterable(_requests(rule) for rule, _ in _closed(app)))
    assert len(requests) >= 8
    client = app.test_client()
    for method, path in requests:
        response = client.open(path, method=method, headers=OWN_FORM)
        where = f"/staff/login?next={path}" if method == "GET" else "/staff/login"
        assert (response.status_code, response.headers["Location"]) == (303, where), (method, path)


def test_a_made_up_session_is_a_stranger(app: Flask) -> None:
    client = app.test_client()
    client.set_cookie(COOKIE, "made up")
    assert client.get("/staff").status_code == 303


def test_whoever_has_too_small_a_role_is_refused(app: Flask) -> None:
    guarded = create_app(app.config["WAYMARK"])
    for role in Role:
        view = require(role)(lambda: "<!doctype html>")
        guarded.add_url_rule(f"/staff/for-{role}", f"staff.for_{role}", view, methods=["GET"])
    for rule, needed in _closed(guarded):
        for role in (role for role in Role if not role.covers(needed)):
            client = sign_in(guarded, role)
            for method, path in _requests(rule):
                response = client.open(path, method=method, headers=OWN_FORM)
                assert response.status_code == 403, (role, method, path)
                assert "not for your role" in response.text
    allowed = sign_in(guarded, Role.REVIEWER)
    statuses = [super(PageClient, allowed).open(f"/staff/for-{role}").status_code for role in Role]
    assert statuses == [200, 200, 403]


def test_a_view_that_names_no_role_is_closed_to_all(app: Flask) -> None:
    broken = create_app(app.config["WAYMARK"])
    broken.add_url_rule("/staff/forgotten", "staff.forgotten", lambda: "secret")
    assert sign_in(broken, Role.ADMIN).get("/staff/forgotten").status_code == 403
    assert broken.test_client().get("/staff/forgotten").status_code == 303


@pytest.mark.parametrize(
    "headers",
    [
        {},
        {"Sec-Fetch-Site": "cross-site"},
        {"Sec-Fetch-Site": "same-site"},
        {"Sec-Fetch-Site": "none"},
        {"Origin": "https://elsewhere.example"},
        {"Origin": "null"},
        {"Sec-Fetch-Site": "same-origin", "Origin": "https://elsewhere.example"},
    ],
)
def test_forms_of_other_sites_are_refused(app: Flask, headers: dict[str, str]) -> None:
    client = sign_in(app, Role.ADMIN)
    assert client.session is not None
    for rule, _ in _closed(app):
        for method, path in _requests(rule):
            if method != "GET":
                form = {"csrf": client.session.csrf}
                response = client.open(path, method=method, data=form, headers=headers)
                assert response.status_code == 403, (method, path)
    for path in ("/staff/login", "/staff/welcome/x"):
        assert client.post(path, headers=headers).status_code == 403
    assert client.session is not None


def test_an_own_form_may_be_known_by_its_origin(app: Flask) -> None:
    client = sign_in(app, Role.EDITOR)
    assert client.session is not None
    form, headers = {"csrf": client.session.csrf}, {"Origin": "http://localhost"}
    assert client.post("/staff/account/sessions", data=form, headers=headers).status_code == 303


@pytest.mark.parametrize("token", ["", "wrong", "é\0"])
def test_forms_without_the_sessions_token_are_refused(app: Flask, token: str) -> None:
    client = sign_in(app, Role.ADMIN)
    for rule, _ in _closed(app):
        for method, path in _requests(rule):
            if method != "GET":
                response = client.open(path, method=method, data={"csrf": token}, headers=OWN_FORM)
                assert response.status_code == 403, (method, path)
    assert client.session is not None


def test_the_token_of_another_session_is_refused(app: Flask) -> None:
    one, other = sign_in(app, Role.EDITOR), sign_in(app, Role.EDITOR)
    assert one.session is not None
    assert other.submit("/staff/logout", csrf=one.session.csrf).status_code == 403


def test_scripts_may_send_the_token_as_a_header(app: Flask) -> None:
    client = sign_in(app, Role.EDITOR)
    assert client.session is not None
    headers = {**OWN_FORM, "X-CSRF-Token": client.session.csrf}
    assert client.post("/staff/logout", headers=headers).status_code == 303


def test_files_may_be_large_only_where_and_for_whom_it_is_declared(app: Flask) -> None:
    taking = create_app(app.config["WAYMARK"])
    for name, limit in (("files", 2 * MAX_FORM_BYTES), ("words", None)):
        view = require(Role.REVIEWER, max_bytes=limit)(
            lambda: ("", 204, {"Content-Type": "text/plain"})
        )
        taking.add_url_rule(f"/staff/{name}", f"staff.{name}", view, methods=["POST"])

    def send(role: Role, name: str, n_bytes: int) -> int:
        client = sign_in(taking, role)
        assert client.session is not None
        body = PARTS.format(csrf=client.session.csrf, file="x" * n_bytes).replace("\n", "\r\n")
        kind = "multipart/form-data; boundary=part"
        path = f"/staff/{name}"
        return client.post(path, data=body, content_type=kind, headers=OWN_FORM).status_code

    assert send(Role.REVIEWER, "files", MAX_FORM_BYTES) == 204
    assert send(Role.REVIEWER, "files", 2 * MAX_FORM_BYTES) == 413
    assert send(Role.REVIEWER, "words", MAX_REQUEST_BYTES) == 204
    assert send(Role.REVIEWER, "words", MAX_FORM_BYTES) == 413
    assert send(Role.EDITOR, "files", MAX_FORM_BYTES) == 403


# --- Cookies and headers -----------------------------------------------------------------


def test_public_pages_know_nothing_of_a_session(directory_app: Flask) -> None:
    """Each answers a signed-in browser and a stranger alike, byte for byte, without a cookie."""
    desk, stranger = sign_in(directory_app, Role.ADMIN), directory_app.test_client()
    rules = [rule for rule in _rules(directory_app) if "GET" in (rule.methods or ())]
    plain = {rule.rule for rule in rules if not rule.arguments and not _is_desk(rule)}
    public = sorted(plain | {LISTING, f"/es{LISTING}", f"/api/v1{LISTING}", "/nowhere"})
    found = [path for path in public if stranger.get(path).status_code == 200]
    assert len(found) >= 20
    for path in public:
        theirs, ours = desk.get(path), stranger.get(path)
        for response in (theirs, ours):
            assert "Set-Cookie" not in response.headers, path
            assert "cookie" not in response.headers.get("Vary", "").lower(), path
        assert theirs.status_code == ours.status_code, path
        # The room that is left on the disk is another one each time.
        assert path == "/readyz" or theirs.data == ours.data, path


def test_every_answer_of_the_desk_has_its_headers(app: Flask) -> None:
    expected = {**EVERYWHERE, **HEADERS[RouteKind.STAFF]}
    assert expected["Cache-Control"] == "no-store"
    assert expected["Referrer-Policy"] == "same-origin"
    assert "frame-ancestors 'none'" in expected["Content-Security-Policy"]
    stranger, editor = app.test_client(), sign_in(app, Role.EDITOR)
    answers = [
        stranger.get("/staff"),
        stranger.get("/staff/login"),
        stranger.get("/staff/welcome/x"),
        stranger.post("/staff/login"),
        editor.get("/staff"),
        editor.get("/staff/account"),
    ]
    assert [answer.status_code for answer in answers] == [303, 200, 410, 403, 200, 200]
    for answer in answers:
        assert {name: answer.headers.get(name) for name in expected} == expected
        assert "cookie" not in answer.headers.get("Vary", "").lower()


def test_the_desk_has_no_spanish_twin(app: Flask) -> None:
    assert not [rule for rule in _rules(app) if rule.endpoint.startswith(f"{SPANISH_PREFIX}staff")]
