"""Pages that are sent again as they were, and never a moment after something has changed."""

from __future__ import annotations

import re
import shutil
from collections.abc import Callable, Iterator
from contextlib import closing
from dataclasses import dataclass, replace
from datetime import UTC, datetime, timedelta

import pytest
from flask import Flask, Response, request
from flask.testing import FlaskClient
from werkzeug.test import TestResponse

from app import create_app
from recommender import store, web
from recommender.config import Settings
from recommender.index import current_generation, publish_generation
from recommender.models import Partner, PartnerDraft, Status
from recommender.store import Database
from recommender.store.catalog import set_status
from recommender.store.partners import create_partner, rotate_key, set_paused, update_partner
from recommender.web import answers, repeats, seal
from recommender.web.recent import Recent
from tests.web.client import PageClient

NEWS, BLOG = "https://news.example.org", "https://blog.example.org"
DRAFT = PartnerDraft(name="Test Gazette", origins=(NEWS,))
TOPIC = "?topic=legal-services&place=Houston,+TX"


@dataclass
class World:
    """Two workers over one directory of their own, with one partner."""

    workers: tuple[Flask, Flask]
    db: Database
    partner: Partner

    @property
    def client(self) -> PageClient:
        return _client(self.workers[0])

    @property
    def frame(self) -> str:
        return f"/embed/{self.partner.key}{TOPIC}"

    def seal(self, prefix: str = "", **answers: str) -> str:
        sent = self.client.post(f"{prefix}/match", data={"text": "legal help"} | answers)
        assert sent.status_code == 303, sent.status
        return sent.headers["Location"]


def _client(app: Flask) -> PageClient:
    client = app.test_client()
    assert isinstance(client, PageClient)
    return client


def _worker(settings: Settings) -> Flask:
    app = create_app(settings)
    app.test_client_class = PageClient
    return app


@pytest.fixture(scope="module")
def settings(directory: Settings, tmp_path_factory: pytest.TempPathFactory) -> Settings:
    instance = tmp_path_factory.mktemp("repeats") / "instance"
    shutil.copytree(directory.instance, instance)
    return replace(directory, instance=instance)


@pytest.fixture
def world(settings: Settings) -> Iterator[World]:
    with closing(store.connect(settings.database)) as db:
        db.execute("DELETE FROM partners")
        partner = create_partner(db, DRAFT, by=None)
        yield World(workers=(_worker(settings), _worker(settings)), db=db, partner=partner)


@pytest.fixture
def made(world: World) -> list[str]:
    """The paths for which the first worker has made an answer, and not sent one again."""
    paths: list[str] = []
    world.workers[0].before_request(lambda: paths.append(request.full_path.rstrip("?")))
    return paths


@pytest.fixture
def set_clock(monkeypatch: pytest.MonkeyPatch) -> Callable[[datetime], None]:
    """Lets the days of the site, and the clock of its seals, stand at a time."""

    def stand(at: datetime) -> None:
        clock = type("Clock", (datetime,), {"now": staticmethod(lambda _zone: at)})
        monkeypatch.setattr(web, "datetime", clock)
        monkeypatch.setattr(answers, "datetime", clock)
        monkeypatch.setattr("cryptography.fernet.time.time", at.timestamp)

    return stand


def ask_again(client: PageClient, path: str) -> TestResponse:
    """Ask twice; the second answer, which must be the first one once more."""
    first, second = client.get(path), client.get(path)
    assert first.status_code == second.status_code == 200
    assert second.data == first.data
    shown = [(name, value) for name, value in first.headers if name != "Date"]
    assert list(second.headers) == shown
    return second


def slugs(response: TestResponse) -> list[str]:
    return re.findall(r'class="card-name"><a href="(?:/es)?/nonprofits/([\w-]+)', response.text)


def frame_slugs(response: TestResponse) -> list[str]:
    return list(dict.fromkeys(re.findall(r'href="/nonprofits/([\w-]+)"', response.text)))


# --- What is sent again ------------------------------------------------------------------


def test_results_are_made_once_for_an_address(world: World, made: list[str]) -> None:
    path = world.seal(place="Houston, TX")
    made.clear()
    assert slugs(ask_again(world.client, path))
    assert made == [path]


def test_a_frame_is_made_once_for_an_address(world: World, made: list[str]) -> None:
    for path in (world.frame, f"/embed/{world.partner.key}"):
        made.clear()
        ask_again(world.client, path)
        assert made == [path]


def test_a_copy_of_a_frame_is_confirmed_without_making_it(world: World, made: list[str]) -> None:
    first = world.client.get(world.frame)
    made.clear()
    again = world.client.get(world.frame, headers={"If-None-Match": first.headers["ETag"]})
    assert (again.status_code, again.data) == (304, b"")
    assert again.headers["Content-Security-Policy"] == first.headers["Content-Security-Policy"]
    other = world.client.get(world.frame, headers={"If-None-Match": '"another"'})
    assert (other.status_code, other.data, made) == (200, first.data, [])


def test_what_was_asked_in_a_frame_is_made_once(world: World, made: list[str]) -> None:
    sent = world.client.post(f"/embed/{world.partner.key}", data={"text": "legal help"})
    made.clear()
    ask_again(world.client, sent.headers["Location"])
    assert len(made) == 1


def test_what_other_programs_read_of_a_topic_is_made_once(world: World, made: list[str]) -> None:
    topic = world.client.get("/api/v1/topics").get_json()["topics"][0]["slug"]
    for asked in ("", "?n=3", "?n=3&language=es"):
        made.clear()
        path = f"/api/v1/topics/{topic}/matches{asked}"
        ask_again(world.client, path)
        assert made == [path]


def test_another_address_is_another_page(world: World, made: list[str]) -> None:
    path = world.seal(place="Houston, TX")
    made.clear()
    pages = [path, f"/es{path}", f"{path}?n=20", world.seal(place="Boston, MA")]
    texts = {world.client.get(page).text for page in (*pages, *pages)}
    assert len(texts) == 4
    assert len([page for page in made if page.partition("?")[0] != "/match"]) == 4


def test_the_same_answers_sealed_twice_are_made_twice(world: World, made: list[str]) -> None:
    """Nobody can find out by the time it takes whether somebody else asked the same."""
    for path in (world.seal(), world.seal()):
        made.clear()
        world.client.get(path)
        assert made == [path]


def test_a_page_belongs_to_the_host_it_was_asked_of(world: World) -> None:
    """A frame's policy names our own host."""
    ours = world.client.get(world.frame)
    theirs = world.client.get(world.frame, headers={"Host": "other.example.org"})
    assert "http://other.example.org" in theirs.headers["Content-Security-Policy"]
    assert "http://other.example.org" not in ours.headers["Content-Security-Policy"]


def test_only_reading_is_answered_again(world: World, made: list[str]) -> None:
    path = world.seal()
    world.client.get(path)
    made.clear()
    assert FlaskClient(world.workers[0]).head(path).data == b""
    assert world.client.post(path, data={"scope": "anywhere"}).status_code == 303
    assert made == [path, path]


def test_an_address_that_does_not_open_is_not_kept(world: World, made: list[str]) -> None:
    for _ in range(2):
        assert world.client.get("/matches/gAAAA").status_code == 404
    assert len(made) == 2


def test_api_answers_and_profiles_are_made_anew(world: World, made: list[str]) -> None:
    slug = slugs(world.client.get(world.seal()))[0]
    made.clear()
    for _ in range(2):
        world.client.get(f"/nonprofits/{slug}")
        world.client.post("/api/v1/matches", json={"text": "legal help"})
    assert len(made) == 4


def test_only_so_many_pages_are_kept(
    world: World, made: list[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    kept = Recent[repeats.Page](most=2, for_s=60.0)
    monkeypatch.setattr(world.workers[0].extensions["repeats"], "_pages", kept)
    paths = [world.seal(place=place) for place in ("Houston, TX", "Boston, MA", "Miami, FL")]
    for path in paths:
        world.client.get(path)
    made.clear()
    world.client.get(paths[0])
    assert (made, len(kept)) == ([paths[0]], 2)


def test_pages_that_are_kept_have_room_for_so_many_bytes(
    settings: Settings, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(repeats, "MAX_KEPT_BYTES", 2_500)
    kept = repeats.Repeats(_worker(settings))
    with _worker(settings).test_request_context("/"):
        for name in "abcd":
            request.environ["PATH_INFO"] = f"/{name}"
            kept.keep((), Response(name * 1_000))
    found = {name: kept._pages.get(kept._key(_environ(f"/{name}"))) for name in "abcd"}
    assert [name for name, page in found.items() if page] == ["c", "d"]


# --- What has changed --------------------------------------------------------------------


def test_a_withdrawn_listing_is_in_no_worker_s_next_answer(world: World) -> None:
    path = world.seal(place="Houston, TX")
    clients = [_client(worker) for worker in world.workers]
    shown = slugs(ask_again(clients[0], path))
    framed = frame_slugs(ask_again(clients[0], world.frame))
    assert slugs(ask_again(clients[1], path)) == shown
    assert frame_slugs(ask_again(clients[1], world.frame)) == framed
    gone = {shown[0], framed[0]}
    for slug in gone:
        set_status(world.db, slug, Status.WITHDRAWN)
    for client in clients:
        assert not gone & set(slugs(client.get(path)))
        assert not gone & set(frame_slugs(client.get(world.frame)))
    for slug in gone:
        set_status(world.db, slug, Status.PUBLISHED)
    for client in clients:
        assert slugs(client.get(path)) == shown


def test_a_change_while_a_page_is_made_is_not_overlooked(
    world: World, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The page may show what was there before; it is not sent a second time."""
    path = world.seal(place="Houston, TX")
    first = slugs(world.client.get(path))[0]
    other = world.seal(place="Houston, TX")
    undo: list[Callable[[], None]] = []
    keep = repeats.Repeats.keep

    def withdraw_and_keep(*args: object) -> None:
        undo.append(_withdraw_slug(world, first))
        keep(*args)  # type: ignore[arg-type]

    with monkeypatch.context() as patch:
        patch.setattr(repeats.Repeats, "keep", withdraw_and_keep)
        assert first in slugs(world.client.get(other))
    assert first not in slugs(world.client.get(other))
    undo[0]()


def _withdraw_slug(world: World, slug: str) -> Callable[[], None]:
    set_status(world.db, slug, Status.WITHDRAWN)
    return lambda: set_status(world.db, slug, Status.PUBLISHED)


def test_a_paused_partner_shows_nothing_from_the_next_answer_on(world: World) -> None:
    ask_again(world.client, world.frame)
    set_paused(world.db, world.partner.id, True, by=None)
    assert world.client.get(world.frame).status_code == 404
    set_paused(world.db, world.partner.id, False, by=None)
    assert world.client.get(world.frame).status_code == 200


def test_who_may_frame_a_page_holds_from_the_next_answer_on(world: World) -> None:
    ask_again(world.client, world.frame)
    update_partner(world.db, world.partner.id, replace(DRAFT, origins=(BLOG,)), by=None)
    policy = world.client.get(world.frame).headers["Content-Security-Policy"]
    assert policy.endswith(f"frame-ancestors {BLOG}")
    rotate_key(world.db, world.partner.id, by=None)
    assert world.client.get(world.frame).status_code == 404


def test_a_generation_that_becomes_current_makes_all_pages_anew(
    world: World, made: list[str]
) -> None:
    path = world.seal()
    ask_again(world.client, path)
    root = world.workers[0].config["WAYMARK"].index
    made.clear()
    publish_generation(root, current_generation(root))
    ask_again(world.client, path)
    assert made == [path]


def test_other_writes_to_the_store_leave_pages_alone(world: World, made: list[str]) -> None:
    path = world.seal()
    world.client.get(path)
    made.clear()
    world.db.execute("DELETE FROM rate_windows")
    world.client.get(path)
    assert made == []


def test_a_page_does_not_outlive_its_address(
    world: World, made: list[str], set_clock: Callable[[datetime], None]
) -> None:
    """Its last day is the first on which it is made anew each time."""
    sealed_at = datetime(2026, 3, 1, 12, tzinfo=UTC)
    set_clock(sealed_at)
    path = world.seal()
    for left, times in ((timedelta(days=1), 1), (timedelta(0), 2)):
        set_clock(sealed_at + seal.LIFETIME - left)
        made.clear()
        for _ in range(2):
            assert world.client.get(path).status_code == 200
        assert made == [path] * times


def test_a_store_that_cannot_be_read_is_told_and_not_hidden(
    world: World, monkeypatch: pytest.MonkeyPatch
) -> None:
    path = world.seal()
    ask_again(world.client, path)

    def fail(_: object) -> None:
        raise store.StorageError("disk I/O error")

    monkeypatch.setattr(store.Watch, "version", fail)
    world.workers[0].config["PROPAGATE_EXCEPTIONS"] = False
    assert world.client.get(path).status_code == 500


def test_pages_are_kept_in_memory_only(world: World) -> None:
    instance = world.workers[0].config["WAYMARK"].instance
    path = world.seal()
    before = {file: file.stat().st_mtime_ns for file in instance.rglob("*") if file.is_file()}
    ask_again(world.client, path)
    after = {file: file.stat().st_mtime_ns for file in instance.rglob("*") if file.is_file()}
    database = {file for file in after if file.name.startswith("waymark.db")}
    assert {file for file in after if before.get(file) != after[file]} <= database
    kept = world.workers[0].extensions["repeats"]
    assert path.encode() not in b"".join(file.read_bytes() for file in database if file.is_file())
    assert kept.find({**_environ(path), "QUERY_STRING": ""}) is not None


def _environ(path: str) -> dict[str, str]:
    return {
        "REQUEST_METHOD": "GET",
        "PATH_INFO": path,
        "HTTP_HOST": "localhost",
        "wsgi.url_scheme": "http",
    }
