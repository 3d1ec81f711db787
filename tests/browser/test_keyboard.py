"""The same ways with nothing but a keyboard, and what the eye needs for it."""

from __future__ import annotations

from typing import Any

import pytest
from playwright.sync_api import Page, expect

from tests.browser.conftest import Open
from tests.browser.kinds import ILAP, RESOURCE
from tests.serving import Site

# The element in focus: what it is, whether it can be seen, and whether its outline can.
FOCUS = """() => {
  const e = document.activeElement, box = e.getBoundingClientRect();
  const drawn = (s) => s.outlineStyle !== 'none' && parseFloat(s.outlineWidth) >= 2;
  const shown = [e, e.nextElementSibling].filter(Boolean);
  return {
    tag: e.tagName.toLowerCase(),
    name: e.name || e.textContent.trim(),
    href: e.getAttribute('href') || '',
    outlined: shown.some(s => drawn(getComputedStyle(s))),
    onScreen: box.bottom > 0 && box.right > 0 && box.top < innerHeight && box.left < innerWidth,
    top: box.top + scrollY,
  };
}"""


@pytest.fixture
def page(open_window: Open) -> Page:
    return open_window(viewport={"width": 1280, "height": 900})


def tab(page: Page, key: str = "Tab") -> dict[str, Any]:
    page.keyboard.press(key)
    found: dict[str, Any] = page.evaluate(FOCUS)
    return found


def tab_to(page: Page, name: str, tag: str = "") -> dict[str, Any]:
    """Tab until something of this name is in focus."""
    for _ in range(150):
        focus = tab(page)
        if focus["name"] == name and tag in ("", focus["tag"]):
            return focus
    raise AssertionError(f"{name!r} cannot be reached")


@pytest.mark.parametrize("path", ["/", "/es/", "/directory", RESOURCE, ILAP, "/suggest"])
def test_every_step_can_be_seen(page: Page, path: str) -> None:
    page.goto(path)
    total = page.locator("a:visible, button:visible, input:visible, select:visible").count()
    seen = []
    for _ in range(min(total, 60)):
        focus = tab(page)
        if focus["tag"] == "body":
            break
        assert focus["outlined"], focus
        assert focus["onScreen"], focus
        seen.append(focus)
    assert len(seen) >= 10


def test_the_first_step_skips_to_the_text(page: Page) -> None:
    page.goto("/about/privacy")
    skip = tab(page)
    assert skip["href"] == "#main"
    expect(page.locator("a.skip")).to_be_in_viewport()
    page.keyboard.press("Enter")
    expect(page.locator("main")).to_be_focused()
    assert page.locator("main a").first.inner_text() == tab(page)["name"]


def test_focus_goes_down_the_form_in_its_order(page: Page) -> None:
    page.goto("/")
    page.locator("main").focus()
    order = [tab(page)["name"] for _ in range(8)]
    wanted = ["text", "Or choose kinds of help", "Say whom it should serve", "place", "radius_km"]
    assert order[:5] == wanted
    assert order[5] == "scope"


def test_an_interest_becomes_a_list_without_a_mouse(page: Page) -> None:
    page.goto("/")
    tab_to(page, "text")
    page.keyboard.type("legal help for asylum seekers")
    tab_to(page, "Or choose kinds of help")
    page.keyboard.press("Space")
    expect(page.locator("input[name=services]").first).to_be_visible()
    tab_to(page, "services")
    page.keyboard.press("Space")
    expect(page.locator("input[name=services]").first).to_be_checked()
    tab_to(page, "place")
    page.keyboard.type("Portland, ME")
    page.keyboard.press("Enter")
    expect(page.locator("h1")).to_contain_text("Portland, ME")

    why = page.locator("details.why-more").first
    tab_to(page, "Why this match, in figures")
    for key, is_open in (("Enter", True), ("Enter", False), ("Space", True)):
        page.keyboard.press(key)
        expect(why.locator("table")).to_be_visible(visible=is_open)

    tab_to(page, "slugs")
    page.keyboard.press("Space")
    expect(page.locator("input[name=slugs]").first).to_be_checked()
    first = page.locator(".card-name").first.inner_text()
    tab_to(page, "Compare those marked")
    page.keyboard.press("Enter")
    expect(page.locator(".compared h2")).to_have_text([first])


def test_a_problem_is_announced_and_leads_to_its_field(page: Page) -> None:
    page.goto("/")
    tab_to(page, "place")
    page.keyboard.type("Qqqqqq")
    page.keyboard.press("Enter")
    summary = page.get_by_role("alert")
    expect(summary).to_be_visible()
    expect(summary.get_by_role("link")).to_have_count(2)
    link = summary.get_by_role("link").last
    name = link.inner_text()
    tab_to(page, name)
    page.keyboard.press("Enter")
    expect(page.locator("[name=place]")).to_be_focused()
    described = page.locator("[name=place]").get_attribute("aria-describedby") or ""
    told = " ".join(page.locator(f"#{id_}").inner_text() for id_ in described.split())
    assert name in told


@pytest.mark.parametrize("name", ["text", "place"])
def test_each_link_of_the_summary_has_a_target(page: Page, site: Site, name: str) -> None:
    page.goto("/")
    page.locator("form.ask [name=place]").fill("Qqqqqq")
    page.locator("form.ask [name=place]").press("Enter")
    page.get_by_role("alert").locator(f'a[href="#{name}"]').press("Enter")
    expect(page.locator(f"[name={name}]")).to_be_focused()


def test_the_directory_is_searched_and_narrowed_without_a_mouse(page: Page) -> None:
    page.goto("/directory")
    tab_to(page, "q")
    page.keyboard.type("raices")
    page.keyboard.press("Enter")
    expect(page.locator(".card-name").first).to_contain_text("RAICES")
    tab_to(page, "State")
    page.keyboard.press("Enter")
    tab_to(page, "state")
    page.keyboard.press("Space")
    page.keyboard.press("Enter")
    expect(page.locator(".narrowed li").first).to_be_visible()
    first = page.locator(".card-name").first.inner_text()
    tab_to(page, first)
    page.keyboard.press("Enter")
    expect(page.locator("h1")).to_have_text(first)
