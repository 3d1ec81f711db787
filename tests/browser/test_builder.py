"""The builder as a partner uses it: by eye, by keyboard, without scripts, and on their own site."""

from __future__ import annotations

import re
import time
from collections.abc import Callable, Iterator
from urllib.parse import parse_qs, urlsplit

import pytest
from playwright.sync_api import BrowserContext, FrameLocator, Page, Route, expect

from recommender.models import Partner, PartnerDraft
from recommender.store import connect
from recommender.store.partners import create_partner
from tests.browser.conftest import Open
from tests.browser.hosts import Hosts, serve_hosts
from tests.browser.test_keyboard import tab_to
from tests.browser.test_pages import faults
from tests.serving import Site

WIDE = {"width": 1280, "height": 900}
READY = "The widget and the code are as you chose."


@pytest.fixture
def page(open_window: Open) -> Page:
    page = open_window(viewport=WIDE, permissions=["clipboard-read", "clipboard-write"])
    page.goto("/partners/builder")
    return page


def shown(page: Page) -> FrameLocator:
    """The document of the widget on the test page that the builder frames."""
    return page.frame_locator(".stage iframe").frame_locator("waymark-matches iframe")


def choose(page: Page, label: str) -> None:
    page.locator(".builder-form").get_by_label(label, exact=True).check()
    expect(page.locator("#builder-status")).to_have_text(READY)


def test_the_preview_is_the_widget_itself_and_follows_what_is_chosen(page: Page) -> None:
    expect(shown(page).locator("h1")).to_have_text("Legal help: nonprofits")
    page.locator("#topic").select_option("housing-shelter")
    page.locator("#place").fill("Houston, TX")
    page.locator("#place").press("Tab")
    choose(page, "Two")
    expect(shown(page).locator("h1")).to_contain_text("around Houston, TX")
    expect(shown(page).locator(".card")).to_have_count(2)
    choose(page, "Dark")
    expect(shown(page).locator("html")).to_have_attribute("data-theme", "dark")
    choose(page, "Español")
    expect(shown(page).locator("html")).to_have_attribute("lang", "es")
    expect(page.locator("html")).to_have_attribute("lang", "en")
    choose(page, "What fits the article around it")
    expect(page.locator("#topic")).to_be_hidden()
    expect(shown(page).locator("h1")).to_contain_text("Los Angeles, CA")
    expect(shown(page).locator(".reason").first).to_contain_text("este artículo trata de")
    # All of it can be kept and sent on, and nothing was put into the way of "back".
    asked = parse_qs(urlsplit(page.url).query)
    assert (asked["size"], asked["theme"], asked["language"]) == (["small"], ["dark"], ["es"])
    assert page.evaluate("history.length") <= 2


def test_what_is_copied_is_what_is_shown_and_what_a_fresh_page_gives(page: Page) -> None:
    choose(page, "Five")
    page.locator("#accent").fill("#884400")
    page.locator("#accent").press("Tab")
    for name in ("script", "iframe", "oembed"):
        code = page.locator(f"#code-{name}")
        if name != "oembed":
            expect(code).to_have_value(re.compile("884400"))
        page.locator(f"#copy-{name}").click()
        expect(page.locator(".code", has=code).locator(".copied")).to_have_text("Copied.")
        assert page.evaluate("navigator.clipboard.readText()") == code.input_value()
    before = page.locator("#code-script").input_value()
    page.reload()
    assert page.locator("#code-script").input_value() == before


def test_problems_come_and_go_beside_their_fields(page: Page) -> None:
    page.locator("#place").fill("Springfeld")
    page.locator("#accent").fill("red")
    page.locator("#accent").press("Tab")
    expect(page.locator("#place-error")).to_be_visible()
    expect(page.locator("#accent-error")).to_be_visible()
    expect(page.locator("#code-script")).not_to_have_value(re.compile("red|Springfeld"))
    assert faults(page) == []
    page.locator("#accent").fill("#aa3300")
    page.get_by_label("Springfield, IL").click()
    expect(page.locator("#part-problems")).to_be_empty()
    expect(page.locator(".field-error")).to_have_count(0)
    expect(page.locator("#place")).to_have_value("Springfield, IL")
    expect(page.locator("#place")).to_be_focused()
    expect(shown(page).locator("h1")).to_contain_text("around Springfield, IL")


def wait(route: Route) -> None:
    time.sleep(0.3)
    route.continue_()


def test_what_is_being_typed_is_not_taken_away(page: Page) -> None:
    page.route("**/partners/builder?*", wait)
    page.locator("#place").fill("Houston, TX")
    page.locator("#accent").focus()
    page.keyboard.type("#8844")
    expect(page.locator("#builder-status")).to_have_text(READY)
    page.keyboard.type("00")
    expect(page.locator("#accent")).to_have_value("#884400")
    expect(page.locator("#accent")).to_be_focused()


def test_a_server_that_cannot_be_reached_is_told(page: Page) -> None:
    before = page.locator("#code-script").input_value()
    page.route("**/partners/builder?*", lambda route: route.abort())
    page.get_by_label("Five", exact=True).check()
    expect(page.locator("#builder-status")).to_contain_text("We cannot be reached now.")
    assert page.locator("#code-script").input_value() == before


def test_the_builder_is_used_without_a_mouse(page: Page) -> None:
    tab_to(page, "about")
    page.keyboard.press("ArrowDown")
    expect(page.locator("[name=about][value=asked]")).to_be_checked()
    expect(shown(page).locator("form.ask")).to_be_visible()
    page.keyboard.press("ArrowUp")
    tab_to(page, "topic")
    page.keyboard.type("Housing")
    tab_to(page, "place")
    page.keyboard.type("Houston, TX")
    tab_to(page, "Show")
    expect(shown(page).locator("h1")).to_contain_text("around Houston, TX")
    with page.expect_navigation():
        page.keyboard.press("Enter")
    tab_to(page, "Copy Script and link")
    page.keyboard.press("Enter")
    expect(page.locator(".code").first.locator(".copied")).to_have_text("Copied.")
    expect(page.locator("#copy-script")).to_be_focused()
    copied = page.evaluate("navigator.clipboard.readText()")
    assert 'data-place="Houston, TX"' in copied


def test_it_works_without_scripts(plain: Page) -> None:
    plain.goto("/partners/builder")
    expect(plain.locator(".copy")).to_have_count(3)
    expect(plain.locator(".copy").first).to_be_hidden()
    plain.locator("#topic").select_option("housing-shelter")
    plain.locator("#place").fill("Houston, TX")
    plain.locator(".builder-form button").click()
    expect(plain.locator("#code-script")).to_have_value(re.compile('data-place="Houston, TX"'))
    expect(plain.locator("#code-script")).to_have_attribute("readonly", "")
    widget = plain.frame_locator(".stage iframe").frame_locator("iframe")
    expect(widget.locator("h1")).to_contain_text("around Houston, TX")


# --- On a site of a partner --------------------------------------------------------------


@pytest.fixture(scope="module")
def hosts(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Hosts]:
    with serve_hosts(tmp_path_factory.mktemp("hosts")) as hosts:
        yield hosts


@pytest.fixture(scope="module")
def partner(site: Site, hosts: Hosts) -> Partner:
    db = connect(site.instance / "waymark.db")
    draft = PartnerDraft(name="Builder's Gazette", origins=(f"http://localhost:{hosts.plain}",))
    partner = create_partner(db, draft, by=None)
    db.close()
    return partner


@pytest.mark.parametrize("name", ["script", "iframe"])
def test_the_code_works_where_it_is_put(
    page: Page,
    new_context: Callable[..., BrowserContext],
    hosts: Hosts,
    partner: Partner,
    name: str,
) -> None:
    page.locator("#key").fill(partner.key)
    page.locator("#key").press("Tab")
    expect(page.locator("#code-script")).to_have_value(re.compile(partner.key))
    code = page.locator(f"#code-{name}").input_value()
    head = '<!doctype html><html lang="en"><meta charset="utf-8"><title>A page</title>'
    path = hosts.add("/page", f"{head}<body>{code}</body></html>")
    theirs = new_context(viewport=WIDE).new_page()
    theirs.goto(f"http://localhost:{hosts.plain}{path}")
    frame = theirs.frame_locator("iframe")
    expect(frame.locator("h1")).to_have_text("Legal help: nonprofits")
    if name == "script":
        expect(theirs.locator("a")).to_be_hidden()
