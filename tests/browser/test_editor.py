"""The form of a listing in a browser: the preview that follows, and leaving without saving."""

from __future__ import annotations

import re
import sqlite3
from collections.abc import Callable, Iterator
from contextlib import closing
from typing import Any

import pytest
from playwright.sync_api import Browser, BrowserContext, Dialog, Page, Route, expect

from recommender.config import Settings
from recommender.store.accounts import Role
from tests.browser.desk import open_office, sit_down
from tests.browser.test_pages import NARROW, WIDE, faults
from tests.serving import Site

EDIT = "/staff/listings/raices/edit"
PREVIEW = "**/staff/listings/preview"
CURRENT_MS = 20_000
"""Enough for the first preview of a worker on a busy machine."""


@pytest.fixture(scope="module")
def office(directory: Settings, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Site]:
    with open_office(directory, tmp_path_factory.mktemp("editor")) as site:
        yield site


@pytest.fixture
def window(office: Site, browser: Browser) -> Iterator[Callable[..., Page]]:
    """The window of an editor, as Playwright's context options say."""
    contexts: list[BrowserContext] = []

    def open_(**options: Any) -> Page:
        contexts.append(browser.new_context(base_url=office.url, **options))
        page = contexts[-1].new_page()
        sit_down(page, office, Role.EDITOR)
        return page

    yield open_
    for context in contexts:
        context.close()


def is_current(page: Page) -> None:
    expect(page.locator("#preview-state")).to_have_text("Up to date.", timeout=CURRENT_MS)


def saved(office: Site) -> tuple[int, int]:
    with closing(sqlite3.connect(office.instance / "waymark.db")) as db:
        row = db.execute("SELECT count(*), coalesce(max(rowid), 0) FROM revisions").fetchone()
    return (row[0], row[1])


def test_the_preview_follows_what_is_typed_and_saves_nothing(
    office: Site, window: Callable[..., Page]
) -> None:
    page, before = window(), saved(office)
    page.goto(EDIT)
    is_current(page)
    english, spanish = page.locator("#card-en"), page.locator("#card-es")
    expect(english.locator("h4")).to_have_text("RAICES")
    expect(spanish).to_have_attribute("lang", "es")
    page.locator("#summary-en").fill("It plays the xylophone for refugees.")
    expect(english).to_contain_text("It plays the xylophone", timeout=CURRENT_MS)
    expect(page.locator(".bars").last).to_contain_text("xylophone")
    page.locator("[name=place_visibility]").first.select_option("hidden")
    expect(english).not_to_contain_text("San Antonio", timeout=CURRENT_MS)
    expect(page.locator("#summary-en-count")).to_have_text("36 characters, 6 words")
    assert saved(office) == before


def test_an_answer_that_comes_late_does_not_undo_a_newer_one(window: Callable[..., Page]) -> None:
    page = window()
    page.goto(EDIT)
    is_current(page)
    held: list[Route] = []

    def hold_the_first(route: Route) -> None:
        if held:
            route.continue_()
        else:
            held.append(route)

    page.route(PREVIEW, hold_the_first)
    page.locator("#name").fill("First")
    page.wait_for_timeout(1_000)
    assert len(held) == 1
    page.locator("#name").fill("Second")
    expect(page.locator("#card-en h4")).to_have_text("Second", timeout=CURRENT_MS)
    assert held[0].request.failure  # It was given up.
    is_current(page)


def test_an_open_part_of_the_preview_stays_open(window: Callable[..., Page]) -> None:
    page = window()
    page.goto("/staff/listings/boat-people-sos/edit")
    is_current(page)
    more = page.locator("#preview-more")
    more.locator("summary").click()
    page.locator("#serves").fill("All of the county")
    page.locator("#notes").focus()
    with page.expect_response(PREVIEW):
        pass
    is_current(page)
    expect(more).to_have_attribute("open", "")


def test_whoever_is_signed_out_meanwhile_is_told(window: Callable[..., Page]) -> None:
    page = window()
    page.goto(EDIT)
    is_current(page)
    page.context.clear_cookies()
    page.locator("#name").fill("Other")
    state = page.locator("#preview-state")
    expect(state).to_contain_text("Are you still signed in?", timeout=CURRENT_MS)
    expect(page.locator("#card-en h4")).to_have_text("RAICES")


@pytest.mark.parametrize("is_changed", [False, True])
def test_leaving_asks_only_where_something_is_not_saved(
    window: Callable[..., Page], is_changed: bool
) -> None:
    page = window()
    asked: list[str] = []

    def stay(dialog: Dialog) -> None:
        asked.append(dialog.type)
        dialog.dismiss()

    page.on("dialog", stay)
    page.goto(EDIT)
    page.locator("#name").click()
    if is_changed:
        page.keyboard.type("X")
    page.get_by_role("link", name="Leave without saving").click(no_wait_after=True)
    page.wait_for_timeout(1_500)
    assert asked == (["beforeunload"] if is_changed else [])
    expect(page).to_have_url(re.compile("/edit$" if is_changed else "/raices$"))


def test_a_preview_of_the_page_itself_is_still_not_saved(window: Callable[..., Page]) -> None:
    page = window()
    asked: list[str] = []
    page.on("dialog", lambda dialog: (asked.append(dialog.type), dialog.accept()))
    page.goto(EDIT)
    page.locator("#name").fill("Other")
    page.get_by_role("button", name="Preview").click()
    expect(page).to_have_url(re.compile("#preview$"))
    assert asked == []
    expect(page.locator("#name")).to_have_value("Other")
    page.locator("#name").click()
    page.get_by_role("link", name="Leave without saving").click()
    page.wait_for_url("**/raices")
    assert asked == ["beforeunload"]


def test_tags_are_looked_up_by_any_of_their_words(window: Callable[..., Page]) -> None:
    page = window()
    page.goto("/staff/listings/new")
    services = page.locator("#services")
    field = services.get_by_label("Look services up")
    field.fill("Pro Bono")
    expect(services.locator(".chip:visible")).to_have_text(["Legal help"])
    field.fill("jurídica")
    expect(services.locator(".chip:visible")).to_have_text(["Legal help"])
    field.press("Enter")
    expect(page.locator(".notice-problem")).to_have_count(0)
    services.get_by_label("Legal help").check(force=True)
    field.fill("clinics")
    expect(services.locator(".chip:visible").first).to_contain_text("Legal help")
    field.fill("")
    assert services.locator(".chip:visible").count() > 20


def test_without_scripts_the_button_shows_the_preview(
    office: Site, window: Callable[..., Page]
) -> None:
    page, before = window(java_script_enabled=False), saved(office)
    page.goto(EDIT)
    page.locator("#name").fill("Other")
    page.get_by_role("button", name="Preview").click()
    expect(page.locator("#card-en h4")).to_have_text("Other")
    expect(page.locator("#name")).to_have_value("Other")
    expect(page.get_by_text("Look services up")).to_have_count(0)
    assert saved(office) == before


@pytest.mark.parametrize("size", [WIDE, NARROW], ids=["wide", "narrow"])
@pytest.mark.parametrize("scheme", ["light", "dark"])
def test_it_is_in_order_for_everybody(
    window: Callable[..., Page], size: dict[str, int], scheme: str
) -> None:
    # To look into a page as axe does, its own policy must allow more than it does.
    page = window(viewport=size, color_scheme=scheme, bypass_csp=True)
    page.goto(EDIT)
    is_current(page)
    for details in page.locator("details").all():
        details.evaluate("part => part.open = true")
    assert faults(page) == []
    if size is WIDE:
        english, spanish = (
            page.locator(f"#summary-{lang}").bounding_box() for lang in "en es".split()
        )
        assert english["y"] == spanish["y"]
        assert english["x"] + english["width"] < spanish["x"]


def test_the_form_is_filled_in_and_saved_by_keyboard(
    office: Site, window: Callable[..., Page]
) -> None:
    page, before = window(), saved(office)
    page.goto(EDIT)
    page.locator("#serves").focus()
    page.keyboard.type("Texas and beyond")
    page.keyboard.press("Enter")
    expect(page.get_by_text("Your changes wait for review.")).to_be_visible()
    assert saved(office)[0] == before[0] + 1
