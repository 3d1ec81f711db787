"""The desk's list in a browser: results as one types, keys, many at once, and all of it without."""

from __future__ import annotations

from collections.abc import Callable, Iterator

import pytest
from playwright.sync_api import Browser, BrowserContext, Page, expect

from recommender.config import Settings
from recommender.store.accounts import Role
from tests.browser.desk import open_office, sit_down
from tests.browser.test_pages import violations
from tests.serving import Site

LIST = "/staff/listings"
Window = Callable[..., Page]


@pytest.fixture(scope="module")
def office(directory: Settings, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Site]:
    with open_office(directory, tmp_path_factory.mktemp("list")) as site:
        yield site


@pytest.fixture
def window(office: Site, browser: Browser) -> Iterator[Window]:
    """The browser of an editor; what goes wrong in its scripts fails the test."""
    contexts: list[BrowserContext] = []
    problems: list[str] = []

    def open_(**options: object) -> Page:
        contexts.append(browser.new_context(base_url=office.url, **options))
        page = contexts[-1].new_page()
        page.on("pageerror", lambda error: problems.append(str(error)))
        sit_down(page, office, Role.EDITOR)
        page.goto(LIST)
        return page

    yield open_
    for context in contexts:
        context.close()
    assert problems == []


def focused(page: Page) -> str:
    return str(page.evaluate("document.activeElement.id || document.activeElement.textContent"))


def test_results_come_as_one_types(office: Site, window: Window) -> None:
    page = window()
    asked: list[str] = []
    page.on("request", lambda request: asked.append(request.url.removeprefix(office.url)))
    expect(page.locator("#count")).to_contain_text("1,279 listings")
    page.keyboard.press("/")
    page.keyboard.type("asylum law", delay=20)
    expect(page.locator("#count")).not_to_contain_text("1,279")
    expect(page.locator(".narrowed")).to_contain_text("“asylum law”")
    assert focused(page) == "q"
    assert page.url.endswith(f"{LIST}?q=asylum+law")
    assert page.locator("#count").get_attribute("role") == "status"
    # One question for ten letters, and no page was loaded.
    assert [path for path in asked if path.startswith("/staff")] == [f"{LIST}?q=asylum+law"]

    found = page.locator("#count strong").inner_text()
    page.locator("summary", has_text="Office in").click()
    page.get_by_label("Texas").check()
    expect(page.locator(".narrowed")).to_contain_text("Office in Texas")
    assert int(page.locator("#count strong").inner_text()) < int(found)
    assert page.evaluate("document.activeElement.value") == "TX"
    published = page.locator(".facet-choice", has=page.locator("[value=published]"))
    expect(published).to_have_text(f"Published ({page.locator('#count strong').inner_text()})")
    page.reload()
    expect(page.locator("[name=q]")).to_have_value("asylum law")
    expect(page.get_by_label("Texas")).to_be_checked()


def test_an_answer_that_is_late_is_not_shown(window: Window) -> None:
    page = window()
    first: list[object] = []

    def hold(route: object) -> None:
        # The first answer never comes before the second.
        if not first:
            first.append(route)
        else:
            route.continue_()

    page.route("**/staff/listings?*", hold)
    search = page.locator("[name=q]")
    search.fill("refugee")
    page.wait_for_timeout(400)
    search.fill("raices")
    expect(page.locator(".narrowed")).to_contain_text("“raices”")
    expect(page.locator("#found")).not_to_have_attribute("aria-busy", "true")
    assert page.url.endswith("?q=raices")


def test_whoever_is_signed_out_meanwhile_is_led_to_sign_in(window: Window) -> None:
    page = window()
    page.context.clear_cookies()
    page.locator("[name=q]").fill("law")
    page.wait_for_url("**/staff/login?**")


def test_the_keys(window: Window) -> None:
    page = window()
    rows = page.locator("#found tbody tr")
    names = [rows.nth(i).locator("th a").inner_text() for i in range(3)]
    page.keyboard.press("j")
    page.keyboard.press("ArrowDown")
    assert focused(page) == names[1]
    page.keyboard.press("x")
    page.keyboard.press("j")
    page.keyboard.press("x")
    expect(page.locator(".desk-chosen")).to_have_text("2 chosen.")
    page.keyboard.press("k")
    assert focused(page) == names[1]
    page.keyboard.press("?")
    expect(page.locator("#keys dl")).to_be_visible()
    page.keyboard.press("/")
    page.keyboard.type("jxe?/")
    expect(page.locator("[name=q]")).to_have_value("jxe?/")
    page.locator("[name=q]").fill("")
    expect(page.locator("#count")).to_contain_text("1,279")
    page.locator("h1").click()
    page.keyboard.press("j")
    page.keyboard.press("e")
    page.wait_for_url("**/edit")
    page.go_back()
    page.keyboard.press("j")
    page.keyboard.press("Enter")
    expect(page.locator("h1")).to_have_text(names[0])


def test_keys_can_be_left_off(window: Window) -> None:
    page = window()
    page.keyboard.press("?")
    page.get_by_text("Use them on this computer").click()
    page.reload()
    page.keyboard.press("j")
    page.keyboard.press("/")
    assert page.evaluate("document.activeElement === document.body")


def test_many_at_once_and_back_by_keyboard_alone(window: Window) -> None:
    page = window()
    page.keyboard.press("/")
    page.keyboard.type("casa")
    expect(page.locator(".narrowed")).to_contain_text("casa")
    page.locator("#choose-page").focus()
    page.keyboard.press("Space")
    n = page.locator("#found tbody tr").count()
    expect(page.locator(".desk-chosen")).to_have_text(f"{n} chosen.")
    page.locator("#action").select_option("check")
    expect(page.locator("#to")).to_be_hidden()
    page.get_by_role("button", name="See what would happen").press("Enter")
    expect(page.locator("main")).to_contain_text(f"{n} listings would become due")
    page.get_by_role("button", name="Do it").press("Enter")
    expect(page.locator(".notice")).to_contain_text(f"{n} were made due")
    page.get_by_role("button", name="Undo").press("Enter")
    expect(page.locator(".notice")).to_contain_text(f"undone it for {n} of {n}")
    page.get_by_role("link", name="Back to the list").press("Enter")
    expect(page.locator("[name=q]")).to_have_value("casa")


def test_all_of_it_without_scripts(window: Window) -> None:
    page = window(java_script_enabled=False)
    expect(page.locator("#keys")).to_be_hidden()
    page.locator("[name=q]").fill("casa")
    page.get_by_role("button", name="Show").click()
    expect(page.locator(".narrowed")).to_contain_text("casa")
    page.locator("#found tbody input").first.check()
    page.get_by_role("button", name="See what would happen").click()
    expect(page.locator("h1")).to_contain_text("Give to somebody")
    page.go_back()
    page.get_by_text("Keep this view").click()
    page.get_by_role("textbox", name="Its name").fill("Houses")
    page.get_by_role("button", name="Keep", exact=True).click()
    expect(page.locator(".desk-views [aria-current]")).to_have_text("Houses")


@pytest.mark.parametrize(("width", "scheme"), [(320, "light"), (1280, "dark")])
def test_everybody_can_use_it(window: Window, width: int, scheme: str) -> None:
    page = window(viewport={"width": width, "height": 800}, color_scheme=scheme)
    for path in (LIST, f"{LIST}?alike=1&state=CA", f"{LIST}?q=zzyzx&thin=1", "/staff/batches"):
        page.goto(path)
        page.evaluate("for (const one of document.querySelectorAll('details')) one.open = true")
        if page.locator("#found tbody input").count():
            page.locator("#found tbody input").first.check()
        assert violations(page) == [], path
        assert page.evaluate("document.documentElement.scrollWidth") == width, path
