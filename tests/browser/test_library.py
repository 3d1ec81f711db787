"""The library of the desk in a browser: previews that follow, and changes that are seen at once."""

from __future__ import annotations

import re
import time
from collections.abc import Callable, Iterator
from typing import Any

import pytest
from playwright.sync_api import Browser, BrowserContext, Page, expect

from recommender.config import Settings
from recommender.store.accounts import Role
from tests.browser.desk import open_office, sit_down
from tests.browser.test_pages import NARROW, WIDE, faults
from tests.serving import Site

SLUG = "sanctuary-cities-hold-their-ground"
PIECE = f"/staff/resources/{SLUG}"
PAGES = (
    "/staff/library",
    "/staff/terms?q=asylum",
    "/staff/terms/entry?key=es:abogado",
    "/staff/resources",
    PIECE,
    "/staff/guides",
    "/staff/guides/sanctuary-and-local-policy",
)
BUSY_MS = 20_000
"""Enough for the first answer of a worker on a busy machine."""

Window = Callable[..., Page]


@pytest.fixture(scope="module")
def office(directory: Settings, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Site]:
    with open_office(directory, tmp_path_factory.mktemp("library")) as site:
        yield site


@pytest.fixture
def window(office: Site, browser: Browser) -> Iterator[Window]:
    """A window of somebody with a role, as Playwright's context options say."""
    contexts: list[BrowserContext] = []

    def open_(role: Role = Role.EDITOR, **options: Any) -> Page:
        contexts.append(browser.new_context(base_url=office.url, **options))
        page = contexts[-1].new_page()
        sit_down(page, office, role)
        return page

    yield open_
    for context in contexts:
        context.close()


@pytest.mark.parametrize("size", [NARROW, WIDE])
def test_the_pages_are_in_order(window: Window, size: Any) -> None:
    page = window(viewport=size)
    for path in PAGES:
        page.goto(path)
        # On a telephone the cells name their columns themselves.
        assert [f for f in faults(page) if not f.startswith("cut off: THEAD")] == [], path


def test_the_nonprofits_follow_what_is_typed_and_nothing_is_saved(window: Window) -> None:
    page = window()
    page.goto(PIECE)
    first = page.locator("#preview-body .matched li").first
    expect(first).to_contain_text(", CA")
    page.locator("#places").fill("MN")
    expect(first).to_contain_text(", MN", timeout=BUSY_MS)
    page.locator("#take-es-2").fill("¿Y en su barrio?")
    expect(page.locator("#preview-body [lang=es]")).to_contain_text(
        "¿Y en su barrio?", timeout=BUSY_MS
    )
    page.goto("/staff/library")
    expect(page.locator("main")).to_contain_text("Waits for review (0)")


def test_without_scripts_a_button_shows_the_same(window: Window) -> None:
    page = window(java_script_enabled=False)
    page.goto(PIECE)
    page.locator("#places").fill("MN")
    page.get_by_role("button", name="Preview").first.click()
    expect(page.locator("#preview-body .matched li").first).to_contain_text(", MN")
    expect(page.locator("#places")).to_have_value("MN")


def test_a_phrase_is_tried_saved_and_turned_down(window: Window) -> None:
    page = window()
    page.goto("/staff/terms/entry?key=en:domestic violence")
    page.locator("#tag-1").select_option(label="Housing and shelter")
    page.get_by_role("button", name="See what it changes").first.click()
    expect(page.locator("#trial")).to_contain_text("It cannot be approved like this")
    page.get_by_role("button", name="Put up for review").click()
    page.wait_for_url(re.compile(r"/staff/library/\d+\?"))
    review = window(Role.REVIEWER)
    review.goto(page.url)
    expect(review.locator("input[value=approve]")).to_have_count(0)
    review.get_by_label("Turn it down").check()
    review.locator("#reason").fill("It means safety at home.")
    review.get_by_role("button", name="Decide").click()
    expect(review.locator("main")).to_contain_text("turned down")


def test_an_approved_headline_is_on_every_worker_at_once(office: Site, window: Window) -> None:
    page, review = window(), window(Role.REVIEWER)
    headline = f"Headline {time.time_ns()}"
    page.goto(PIECE)
    page.locator("#title").fill(headline)
    page.get_by_role("button", name="Put up for review").click()
    page.wait_for_url(re.compile(r"/staff/library/\d+\?"))
    assert headline not in office.fetch(f"/learn/{SLUG}").text
    review.goto(page.url)
    review.get_by_label("Approve").check()
    review.get_by_role("button", name="Decide").click()
    expect(review.locator("main")).to_contain_text("It is on the site")
    # Each on a connection of its own, so that both workers answer.
    paths = (f"/learn/{SLUG}", f"/es/learn/{SLUG}", "/learn?topic=sanctuary-policy")
    for path in paths * 4:
        assert headline in office.fetch(path).text, path
