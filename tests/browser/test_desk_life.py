"""The whole life of a listing, from a file to its end, in a browser and on two workers."""

from __future__ import annotations

import json
import re
import time
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest
from playwright.sync_api import Browser, BrowserContext, Page, expect

from recommender.config import Settings
from recommender.store.accounts import Role
from tests.browser.desk import PASSWORD, PEOPLE, open_office, sign_in
from tests.serving import Site

SLUG, NAME = "test-lantern-house", "Test Lantern House"
CSV = f"""name;city;state;zip;website;description
{NAME};Boise;ID;83702;https://lantern.example.org;\
Pairs refugee families in Boise with neighbors who teach bicycle repair and lend tools.
"""
SUMMARY_ES = "Reúne a familias refugiadas de Boise con vecinos que enseñan a reparar bicicletas."
ADDED = "It also keeps a night shelter for lighthouse keepers."
PUBLISHED_S = 20.0
READ_MS = 20_000
ASKS = 24
"""Enough requests, each on a connection of its own, for both workers to have answered."""


@pytest.fixture(scope="module")
def office(directory: Settings, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Site]:
    """A desk of its own, because this changes what donors find."""
    with open_office(directory, tmp_path_factory.mktemp("life")) as site:
        yield site


@pytest.fixture
def window(office: Site, browser: Browser) -> Iterator[Callable[..., Page]]:
    """A browser of somebody: a member of staff who has signed in, or a donor."""
    contexts: list[BrowserContext] = []

    def open_(role: Role | None = None) -> Page:
        contexts.append(browser.new_context(base_url=office.url))
        page = contexts[-1].new_page()
        if role is not None:
            sign_in(page, role)
        return page

    yield open_
    for context in contexts:
        context.close()


def within(seconds: float, is_so: Callable[[], bool]) -> float:
    """How long it took until something was so; fails when it takes longer."""
    begun = time.monotonic()
    while not is_so():
        assert time.monotonic() - begun < seconds, f"not within {seconds} s"
        time.sleep(0.05)
    return time.monotonic() - begun


def is_found(office: Site, words: str) -> bool:
    """Whether donors who search for words find the listing."""
    answer = office.fetch(office.seal("/directory", q=words))
    return f"/nonprofits/{SLUG}" in answer.text


def similar_to(office: Site, slug: str) -> list[str]:
    """What the API names as most like a listing."""
    answer = json.loads(office.fetch(f"/api/v1/nonprofits/{slug}/similar?n=20").text)
    return re.findall(r"/nonprofits/([a-z0-9-]+)", json.dumps(answer))


def find_twin(office: Site) -> str:
    """A listing that names ours among those most like it."""
    candidates = dict.fromkeys(similar_to(office, SLUG))
    return next(slug for slug in candidates if SLUG in similar_to(office, slug))


def traces(office: Site, twin: str) -> list[str]:
    """Every public answer that still knows the listing."""
    listed = [
        ("search", office.seal("/directory", q=NAME)),
        ("match", office.seal("/match", text=NAME, place="Boise, ID")),
        ("similar", f"/api/v1/nonprofits/{twin}/similar?n=20"),
        ("API search", "/api/v1/nonprofits?q=lantern"),
        ("site map", "/sitemap.xml"),
    ]
    found = [name for name, path in listed if f"{SLUG}" in office.fetch(path).text]
    pages = [f"/nonprofits/{SLUG}", f"/es/nonprofits/{SLUG}", f"/api/v1/nonprofits/{SLUG}"]
    return found + [path for path in pages if office.fetch(path).status == 200]


def move(page: Page, to: str, reason: str = "") -> None:
    """Give the listing another state."""
    page.goto(f"/staff/listings/{SLUG}")
    form = page.locator(f"form:has([name=to][value={to}])")
    form.locator(f"[name=to][value={to}]").check()
    form.get_by_label("Reason").fill(reason)
    form.locator("button[type=submit]").click()
    expect(page.get_by_text("Done", exact=True)).to_be_visible()


def test_a_listing_from_a_file_to_its_end(
    office: Site, window: Callable[..., Page], tmp_path: Path
) -> None:
    editor, reviewer = window(Role.EDITOR), window(Role.REVIEWER)

    # A file comes in, is compared, and becomes an imported draft that donors do not see.
    file = tmp_path / "groups.csv"
    file.write_text(CSV, encoding="utf-8")
    editor.goto("/staff/imports/new")
    editor.locator("[name=file]").set_input_files(file)
    editor.locator("[name=source]").fill("A list of groups in Idaho")
    editor.locator("[name=as_of]").fill("2026-10")
    editor.locator("main form button[type=submit]").click()
    expect(editor.locator("h1")).to_have_text("What do the columns hold?", timeout=READ_MS)
    editor.locator("main form button[type=submit]").first.click()
    expect(editor.locator("form#chosen")).to_be_visible(timeout=READ_MS)
    editor.locator("form#chosen [name=set][value=create]").check()
    editor.locator("form#chosen button[type=submit]").click()
    expect(editor.get_by_text("Imported", exact=True).first).to_be_visible()
    editor.goto(f"/staff/listings/{SLUG}")
    expect(editor.locator("h1")).to_have_text(NAME)
    assert traces(office, SLUG) == []

    # The draft is completed and given to somebody else, who publishes it.
    move(editor, "draft")
    editor.goto(f"/staff/listings/{SLUG}/edit")
    editor.locator("[name=summary_es]").fill(SUMMARY_ES)
    for kind, tag in (("services", "welcome-integration"), ("populations", "refugees")):
        picker = editor.locator(f"fieldset#{kind}")
        picker.locator(f"input[value={tag}]").set_checked(True, force=True)
    editor.get_by_role("button", name="Save", exact=True).last.click()
    expect(editor.get_by_text("Your changes are saved.")).to_be_visible()
    move(editor, "in-review")
    expect(editor.locator("[name=to][value=published]")).to_have_count(0)
    reviewer.goto("/staff/review")
    reviewer.get_by_role("link", name=NAME).first.click()
    move(reviewer, "published")
    within(PUBLISHED_S, lambda: is_found(office, "bicycle repair boise"))

    # A donor finds it, and reads why.
    donor = window(None)
    donor.goto("/")
    donor.locator("form.ask [name=text]").fill("bicycle repair with refugee families")
    donor.locator("form.ask [name=place]").fill("Boise, ID")
    donor.locator("form.ask button[type=submit]").click()
    donor.get_by_role("link", name=NAME, exact=True).click()
    expect(donor.locator("h1")).to_contain_text(NAME)

    # An edit waits for review, while what is shown stays; then it is found by the new words.
    editor.goto(f"/staff/listings/{SLUG}/edit")
    summary = editor.locator("[name=summary_en]")
    summary.fill(f"{summary.input_value()} {ADDED}")
    editor.get_by_role("button", name="Save", exact=True).last.click()
    expect(editor.get_by_text("wait for review")).to_be_visible()
    assert ADDED not in office.fetch(f"/nonprofits/{SLUG}").text
    reviewer.goto("/staff/review")
    reviewer.get_by_role("link", name=NAME).first.click()
    reviewer.locator("[name=decision][value=approve]").check()
    reviewer.locator("form:has([name=decision]) button[type=submit]").click()
    expect(reviewer.locator("h1")).to_have_text(NAME)
    within(PUBLISHED_S, lambda: is_found(office, "night shelter for lighthouse keepers"))

    # It is withdrawn, and gone from the next answers of both workers.
    twin = find_twin(office)
    assert len(traces(office, twin)) == 8
    move(editor, "withdrawn", reason="They asked us to.")
    assert traces(office, twin) == []
    for _ in range(ASKS):
        assert office.fetch(f"/nonprofits/{SLUG}").status == 410
        assert not is_found(office, NAME)


FOCUSED = """() => {
  const e = document.activeElement;
  return [e.name || e.textContent.trim(), e.value || ''];
}"""


def tab_to(page: Page, name: str, value: str = "") -> None:
    """Tab until something of this name, and of this value, is in focus."""
    for _ in range(400):
        page.keyboard.press("Tab")
        found = page.evaluate(FOCUSED)
        if found[0] == name and value in ("", found[1]):
            return
    raise AssertionError(f"{name!r} cannot be reached")


def press_enter(page: Page) -> None:
    """Follow what is in focus to another page."""
    with page.expect_navigation():
        page.keyboard.press("Enter")


def test_from_signing_in_to_an_approval_by_keyboard(
    office: Site, window: Callable[..., Page]
) -> None:
    editor, reviewer = window(), window()
    for page, role in ((editor, Role.EDITOR), (reviewer, Role.REVIEWER)):
        page.goto("/staff/login")
        tab_to(page, "email")
        page.keyboard.type(PEOPLE[role][0])
        tab_to(page, "password")
        page.keyboard.type(PASSWORD)
        press_enter(page)

    editor.goto("/staff/listings/raices/edit")
    tab_to(editor, "summary_en")
    editor.keyboard.press("Control+End")
    editor.keyboard.type(" Its doors are green.")
    tab_to(editor, "Save")
    press_enter(editor)
    expect(editor.get_by_text("wait for review")).to_be_visible()

    tab_to(reviewer, "Review")
    press_enter(reviewer)
    tab_to(reviewer, "RAICES")
    press_enter(reviewer)
    expect(reviewer.get_by_text("Its doors are green.")).to_be_visible()
    tab_to(reviewer, "decision")
    reviewer.keyboard.press("Space")
    tab_to(reviewer, "Decide")
    press_enter(reviewer)
    expect(reviewer.locator("h1")).to_have_text("RAICES")
    within(PUBLISHED_S, lambda: "doors are green" in office.fetch("/nonprofits/raices").text)
