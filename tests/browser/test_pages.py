"""Every kind of page, in both languages, narrow and wide, dark and with large letters."""

from __future__ import annotations

from collections.abc import Iterator

import pytest
from axe_playwright_python.base import AXE_SCRIPT
from playwright.sync_api import Browser, Page

from tests.browser.conftest import Open
from tests.browser.kinds import KINDS, visit
from tests.browser.watch import Watcher
from tests.serving import Site

WIDE, NARROW = {"width": 1280, "height": 900}, {"width": 320, "height": 640}
LANGUAGES = {"en": "", "es": "/es"}
DARK = (
    "home",
    "results",
    "no close match",
    "unknown place",
    "directory search",
    "listing",
    "comparison of two",
    "resource",
    "suggest",
    "API",
    "no such page",
)
# Only what is wrong comes back: the rest of axe's answer is far larger than the page. Frames
# are visited by tests of their own: axe cannot speak to one that has no origin.
AXE = (
    "axe.run({resultTypes: ['violations'], preload: false, iframes: false, selectors: false})"
    ".then(found => found.violations)"
)
# Whether letters stand out is nine tenths of axe's work on a long page, and the same for all
# that look alike: three of each are looked at. Alike are those of one colour, size and class
# whose ancestors are alike; what shows no letters is none of them.
ALIKE = """() => {
  const kinds = new Map(), looked = new Map();
  const number = (kind) => kinds.get(kind) ?? kinds.set(kind, kinds.size).get(kind);
  const hasLetters = (e) => 'value' in e
    || [...e.childNodes].some((n) => n.nodeType === Node.TEXT_NODE && n.data.trim());
  const isShown = (e) => e.getClientRects().length && e.checkVisibility({visibilityProperty: true});
  const look = (e, above) => {
    const s = getComputedStyle(e);
    const kind = number([above, e.tagName, e.className, e.disabled, e.control?.disabled, s.color,
      s.backgroundColor, s.backgroundImage, s.opacity, s.fontSize, s.fontWeight, s.textShadow,
      s.position, s.clipPath].join());
    const n = looked.get(kind) ?? 0, counts = hasLetters(e) && isShown(e);
    e.toggleAttribute('data-look', counts && n < 3);
    if (counts) looked.set(kind, n + 1);
    for (const child of e.children) look(child, kind);
  };
  look(document.documentElement, '');
  axe.configure({rules: [{id: 'color-contrast', selector: '[data-look]'}]});
}"""
# What sticks out to the right, or is cut off although nothing hides it on purpose.
BROKEN_LAYOUT = """() => {
  const width = document.documentElement.clientWidth;
  const scrolls = (e) => e && (getComputedStyle(e).overflowX === 'auto'
    || scrolls(e.parentElement));
  const found = [];
  if (document.documentElement.scrollWidth > width) found.push(`page: ${width} wide`);
  for (const e of document.querySelectorAll('body *')) {
    const box = e.getBoundingClientRect();
    // A heading row that the cells repeat is clipped to nothing.
    const clipped = getComputedStyle(e).clipPath === 'inset(50%)';
    if (!box.width || clipped || e.closest('svg, .hidden, .trap, .skip')) continue;
    // Only of what is wrong: the text of every element is the page once for each level.
    const name = () => `${e.tagName}.${e.className} "${e.textContent.trim().slice(0, 40)}"`;
    const out = box.right > width + 1 || box.left < -1;
    if (out && !scrolls(e)) found.push(`out of the page: ${name()}`);
    const style = getComputedStyle(e);
    const cut = style.overflowX === 'hidden' || style.overflowY === 'hidden';
    if (cut && (e.scrollWidth > e.clientWidth + 1 || e.scrollHeight > e.clientHeight + 1))
      found.push(`cut off: ${name()}`);
  }
  return found;
}"""
ROOT_SIZE = "parseFloat(getComputedStyle(document.documentElement).fontSize)"


def violations(page: Page) -> list[str]:
    """What axe finds on a page."""
    if not page.evaluate("'axe' in window"):
        page.evaluate(AXE_SCRIPT)
    page.evaluate(ALIKE)
    found = page.evaluate(AXE)
    return [f"{rule['id']}: {node['html'][:200]}" for rule in found for node in rule["nodes"]]


def faults(page: Page) -> list[str]:
    """The same, and what does not fit into its window."""
    return violations(page) + list(page.evaluate(BROKEN_LAYOUT))


def faults_at_every_size(page: Page) -> list[str]:
    """The same on a desk, on a telephone, and with letters twice as large."""
    found = [f"wide: {fault}" for fault in faults(page)]
    page.set_viewport_size(NARROW)
    found += [f"narrow: {fault}" for fault in faults(page)]
    page.set_viewport_size(WIDE)
    set_letters(page, 2)
    found += [f"large: {fault}" for fault in page.evaluate(BROKEN_LAYOUT)]
    set_letters(page, 1)
    return found


def set_letters(page: Page, times: int) -> None:
    """Text at so many times its size, as a reader sets it in the browser (16 px by default)."""
    session = page.context.new_cdp_session(page)
    sizes = {"standard": 16 * times, "fixed": 13 * times}
    session.send("Page.setFontSizes", {"fontSizes": sizes})
    assert 16 * times <= page.evaluate(ROOT_SIZE) < 32 * times


@pytest.fixture(scope="module")
def wide_window(browser: Browser, site: Site) -> Iterator[tuple[Page, Watcher]]:
    """One window for all pages: to open another takes as long as to look into a page."""
    context = browser.new_context(base_url=site.url, viewport=WIDE)
    watcher = Watcher(context, site.url)
    yield context.new_page(), watcher
    context.close()


@pytest.fixture
def wide(wide_window: tuple[Page, Watcher]) -> Iterator[Page]:
    """The window, which must stay spotless."""
    page, watcher = wide_window
    yield page
    assert watcher.problems() == []


@pytest.mark.parametrize("language", LANGUAGES)
@pytest.mark.parametrize("name", KINDS)
def test_a_page_is_for_everyone(wide: Page, site: Site, name: str, language: str) -> None:
    visit(wide, site, name, LANGUAGES[language])
    assert wide.locator("html").get_attribute("lang") == language
    assert faults_at_every_size(wide) == []


@pytest.mark.usefixtures("patient")
@pytest.mark.parametrize("language", LANGUAGES)
def test_too_many_messages_are_told_to_everyone(
    open_window: Open, site: Site, language: str
) -> None:
    page, start = open_window(viewport=WIDE), LANGUAGES[language] + "/suggest"
    message = {"name": "A group", "message": "It helps."}
    assert [site.submit(start, message).status for _ in range(5)] == [303] * 5
    page.goto(start)
    for name, value in message.items():
        page.locator(f'[name="{name}"]').fill(value)
    with page.expect_navigation() as sent:
        page.locator("main button[type=submit]").click()
    assert sent.value.status == 429
    assert page.locator('[name="message"]').input_value() == message["message"]
    assert faults_at_every_size(page) == []


@pytest.mark.parametrize("name", DARK)
def test_a_page_is_for_everyone_in_the_dark(open_window: Open, site: Site, name: str) -> None:
    page = open_window(viewport=NARROW, color_scheme="dark")
    visit(page, site, name)
    background = page.evaluate("getComputedStyle(document.body).backgroundColor")
    assert background != "rgb(255, 255, 255)"
    assert faults(page) == []


@pytest.mark.parametrize(
    "body",
    [
        "<p>Words</p><img src='data:,'>",
        "<div style='width: 400px'>Too wide</div>",
        "<p style='overflow: hidden; height: 5px'>Cut off</p>",
        "<p style='color: #ccc; background: #fff'>Pale</p>",
        # Among many that look alike to a hasty eye.
        "<p>Dark</p>" * 9 + "<p style='color: #ccc'>Pale</p>",
        "<div><p>On white</p></div>" * 9 + "<div style='background: #222'><p>On black</p></div>",
        "<p hidden style='color: #ccc'>Pale</p>" * 9 + "<p style='color: #ccc'>Pale</p>",
        "<p style='color: #ccc'></p>" * 9 + "<p style='color: #ccc'>Pale</p>",
        "<input aria-label='A' style='color: #ccc; background: #fff' value='Pale'>",
    ],
)
def test_a_fault_would_be_found(open_window: Open, body: str) -> None:
    page = open_window(viewport=NARROW)
    page.set_content(
        f"<!doctype html><html lang='en'><title>A page</title><main><h1>A page</h1>{body}</main>"
    )
    assert faults(page) != []


def test_a_page_without_fault_has_none(open_window: Open) -> None:
    page = open_window(viewport=NARROW)
    page.set_content("<!doctype html><html lang='en'><title>A</title><main><h1>A</h1></main>")
    assert faults(page) == []
