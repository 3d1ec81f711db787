"""Nothing that a visitor types is kept, told to others, or legible in an address."""

from __future__ import annotations

import json
import re
import shutil
from collections.abc import Callable, Iterator
from pathlib import Path
from urllib.parse import quote

import pytest
from playwright.sync_api import BrowserContext, Page

from tests.browser.kinds import GUIDE, ILAP, KINDS, RESOURCE
from tests.browser.watch import Watcher
from tests.serving import Launch, Site, serve

# Words that no listing has and no program writes by itself.
WORD, PLACE, SEARCH, STORED = "Quokkaberry", "Wombatville", "Numbatfern", "Bilbystone"
ZIP = "59937"
SECRETS = (WORD, PLACE, SEARCH)
JSON = {"Content-Type": "application/json"}


def traces(folder: Path, words: tuple[str, ...]) -> list[str]:
    """The words found in any file under a folder, however they are written."""
    spelled = {word: [word, word[::-1], quote(word)] for word in words}
    coded = {
        word: {form.lower().encode(code) for form in forms for code in ("utf-8", "utf-16-le")}
        for word, forms in spelled.items()
    }
    files = [(path, path.read_bytes().lower()) for path in folder.rglob("*") if path.is_file()]
    assert files
    return [
        f"{word} in {path.name}"
        for path, content in files
        for word, forms in coded.items()
        if any(form in content for form in forms)
    ]


def fill(page: Page, form: str, fields: dict[str, str]) -> None:
    for name, value in fields.items():
        page.locator(f"{form} :is(input, textarea)[name={name}]").fill(value)
    page.locator(f"{form} button[type=submit]").first.click()


def journey(page: Page, prefix: str) -> None:
    """A visitor types secrets into every form that is not a message to the editors."""
    home = prefix + "/"
    page.goto(home)
    fill(page, "form.ask", {"text": f"{WORD} legal help", "place": f"{PLACE}, ZZ"})
    fill(page, "form.ask", {"place": ZIP})
    page.locator("form.refine button[type=submit]").click()
    page.locator("a.language").click()
    page.locator(".you-asked a").first.click()
    page.goto(home)
    fill(page, "form.ask", {"text": f"{WORD} " * 2_000})
    page.goto(home)
    fill(page, "form.look-short", {"q": f"{SEARCH} group"})
    fill(page, "form.look", {"place": f"{PLACE}"})
    fill(page, "form.look", {"q": SEARCH, "place": ZIP})
    for path in (RESOURCE, GUIDE):
        page.goto(prefix + path)
        fill(page, "form.near-form", {"place": f"{PLACE}"})
        fill(page, "form.near-form", {"place": ZIP})
    page.locator("#nonprofits .card-name a").first.click()


@pytest.fixture
def watched(
    new_context: Callable[..., BrowserContext], site: Site
) -> Iterator[tuple[Page, Watcher]]:
    context = new_context()
    watcher = Watcher(context, site.url)
    yield context.new_page(), watcher
    assert watcher.problems() == []


@pytest.mark.parametrize("prefix", ["", "/es"])
def test_no_address_or_referrer_tells_what_was_typed(
    watched: tuple[Page, Watcher], prefix: str
) -> None:
    page, watcher = watched
    journey(page, prefix)
    assert len(watcher.requests) > 50
    for request in watcher.requests:
        headers = request.all_headers()
        assert not headers.get("referer"), request.url
        assert "cookie" not in headers, request.url
        told = re.sub(r"gAAAA[\w-]+", "", request.url) + " ".join(headers.values())
        assert not [word for word in (*SECRETS, ZIP) if word.lower() in told.lower()]


def test_a_secret_in_an_address_would_be_seen(watched: tuple[Page, Watcher]) -> None:
    page, watcher = watched
    page.goto(f"/directory?q={SEARCH}")
    assert any(SEARCH in request.url for request in watcher.requests)


def odd_requests(site: Site) -> None:
    """Secrets in requests that fail: in forms, JSON, paths, queries, headers and half-lines."""
    long = {"text": WORD * 100_000}
    assert site.submit("/match", {"text": WORD, "place": PLACE}).status == 422
    assert site.submit("/match", {"text": WORD, "scope": SEARCH}).status == 422
    assert site.submit("/match", long).status == 413
    assert site.fetch(f"/{WORD}/{PLACE}").status == 404
    assert site.fetch(f"/matches/gAAAA{WORD}").status == 404
    assert site.fetch(f"/directory?q={SEARCH}&service={WORD}&page={PLACE}").status == 200
    assert site.fetch(f"/learn?topic={WORD}").status == 404
    assert site.fetch("/match", headers={"User-Agent": SEARCH, "Referer": WORD}).status == 405
    for body in ({"text": WORD, "place": PLACE}, {WORD: SEARCH}, {"text": [WORD]}, long):
        answer = site.fetch("/api/v1/matches", "POST", json.dumps(body).encode(), JSON)
        assert answer.status in {413, 422}
    assert site.fetch("/api/v1/matches", "POST", f'{{"text": "{WORD}'.encode(), JSON).status == 400
    assert site.fetch(f"/api/v1/places?q={PLACE}").status == 200
    assert site.fetch(f"/api/v1/nonprofits?q={SEARCH}&{WORD}=1").status == 422
    assert b" 400 " in site.say(f"{WORD} /{PLACE} {SEARCH}\r\n\r\n".encode())[:20]
    assert site.say(f"GET /{WORD * 1_000} HTTP/1.1\r\n\r\n".encode())[9:12] == b"414"
    site.say(f"POST /match HTTP/1.1\r\nContent-Length: 9999\r\n\r\ntext={WORD}".encode())


@pytest.mark.usefixtures("patient")
def test_nothing_typed_is_on_disk_or_in_a_log(
    watched: tuple[Page, Watcher], site: Site, tmp_path: Path
) -> None:
    for prefix in ("", "/es"):
        journey(watched[0], prefix)
    odd_requests(site)
    # What is meant to be stored is found in the same files by the same search.
    message = {"message": f"The {STORED} is out of date."}
    assert site.submit(f"{ILAP}/suggest-fix", message).status == 303
    trap = {"message": WORD, "subject": SEARCH}
    assert site.submit(f"{ILAP}/suggest-fix", trap).status == 400

    kept = tmp_path / "kept"
    shutil.copytree(site.instance, kept / "instance")
    shutil.copy(site.log, kept)
    assert traces(kept, (STORED,)) != []
    assert traces(kept, SECRETS) == []


def log_of_errors(site: Site, folder: Path, *options: str) -> str:
    """What a server says about requests that fail inside of it."""
    folder.mkdir()
    with serve(Launch(instance=site.instance, log=folder / "log", options=options)) as broken:
        sealed = broken.seal("/match", text=f"{WORD} legal help", place="Portland, ME")
        assert broken.fetch(sealed).status == 500
        assert broken.fetch(f"/directory/{SEARCH}").status == 404
        body = json.dumps({"text": WORD}).encode()
        assert broken.fetch("/api/v1/matches", "POST", body, JSON).status == 500
    return (folder / "log").read_text(encoding="utf-8")


def test_an_error_of_ours_is_logged_without_what_was_typed(site: Site, tmp_path: Path) -> None:
    options = ("-c", "gunicorn.conf.py", "tests.faults.broken:create_app()")
    assert log_of_errors(site, tmp_path / "log", *options).count("ValueError") == 2
    assert traces(tmp_path, SECRETS) == []


def test_ordinary_logs_would_tell(site: Site, tmp_path: Path) -> None:
    # An empty module in the place of our own settings.
    settings = ("-c", "python:tests.faults", "--access-logfile", "-")
    options = (*settings, "tests.faults.broken:create_talkative_app()")
    log_of_errors(site, tmp_path / "log", *options)
    assert {trace.split()[0] for trace in traces(tmp_path, SECRETS)} == {WORD, SEARCH}


def test_no_page_keeps_anything_in_the_browser(
    watched: tuple[Page, Watcher],
) -> None:
    page, watcher = watched
    for kind in KINDS.values():
        if kind.path and not kind.sealed and not kind.sent_to:
            page.goto(kind.path)
    state = page.context.storage_state(indexed_db=True)
    assert state == {"cookies": [], "origins": []}
    assert page.evaluate("sessionStorage.length") == 0
    assert watcher.requests
