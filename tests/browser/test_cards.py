"""Cards, social pictures and the API on the pages of other sites, in a real browser."""

from __future__ import annotations

import json
from collections.abc import Callable, Iterator
from urllib.parse import quote

import pytest
from playwright.sync_api import BrowserContext, Frame, Page, Route, expect

from recommender.web.api.contract import HOST, list_operations
from tests.browser.hosts import Hosts, serve_hosts
from tests.browser.test_pages import faults
from tests.serving import Site

REFUSED = "chrome-error://chromewebdata/"
"""What the browser shows where a frame may not be."""
PAGES = [
    "/nonprofits/raices",
    "/es/nonprofits/refugee-resettlement-and-immigration-services",
    "/learn/post-release-services-for-unaccompanied-children",
    "/es/learn/sanctuary-cities-hold-their-ground",
    "/topics/young-people",
    "/es/topics/immigrant-led-organizing",
    "/directory?service=legal-services&state=TX",
    "/es/directory?population=asylum-seekers",
]
ARTICLE = (
    "<article><h1>Los Angeles keeps its promise</h1><p>In Los Angeles, the city council voted to "
    "keep local police out of federal immigration enforcement, and the county of Los Angeles "
    "will pay lawyers for immigrant families who face deportation. Advocates in Los Angeles "
    "said that sanctuary policies let people call for help without fear.</p></article>"
)
Show = Callable[..., Page]


@pytest.fixture(scope="module")
def hosts(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Hosts]:
    with serve_hosts(tmp_path_factory.mktemp("hosts")) as hosts:
        yield hosts


@pytest.fixture
def show(new_context: Callable[..., BrowserContext], hosts: Hosts) -> Iterator[Show]:
    """Opens a page of another site; at the end nothing may be left in the browser."""
    contexts: list[BrowserContext] = []

    def _show(body: str, **options: str) -> Page:
        contexts.append(new_context(**options))
        page = contexts[-1].new_page()
        head = '<meta charset="utf-8"><title>A page</title>'
        document = f'<!doctype html><html lang="en">{head}<main>{body}</main></html>'
        path = hosts.add("/host", document)
        page.goto(f"http://localhost:{hosts.plain}{path}")
        return page

    yield _show
    for context in contexts:
        assert context.storage_state() == {"cookies": [], "origins": []}


def _embed(site: Site, page: str, **most: int) -> str:
    """What the oEmbed provider says to put into a page."""
    query = "".join(f"&{name}={value}" for name, value in most.items())
    answer = site.fetch(f"/oembed?url={quote(site.url + page, safe='')}{query}")
    assert answer.status == 200, answer.text
    return str(json.loads(answer.text)["html"])


def _frame(page: Page) -> Frame:
    """The one frame of a page."""
    (frame,) = page.frames[1:]
    expect(frame.locator("h1")).to_be_visible()
    return frame


@pytest.mark.parametrize("path", PAGES)
def test_a_card_shows_on_another_site_and_all_of_it(site: Site, show: Show, path: str) -> None:
    sizes = [_embed(site, path, **most) for most in ({}, {"maxwidth": 400}, {"maxwidth": 240})]
    page = show("".join(sizes).replace('loading="lazy"', ""))
    assert len(page.frames) == 1 + len(sizes)
    for frame in page.frames[1:]:
        expect(frame.locator("h1 a")).to_be_visible()
        language = frame.locator("html").get_attribute("lang")
        assert language == ("es" if path.startswith("/es/") else "en")
        across, down = frame.evaluate(
            "(e => [e.scrollWidth - e.clientWidth, e.scrollHeight - e.clientHeight])"
            "(document.documentElement)"
        )
        assert (across, down) <= (0, 0), frame.evaluate("innerWidth")


def _let_scripts_run(route: Route) -> None:
    """A card whose page runs the scripts of a test; its own policy lets it run none."""
    answer = route.fetch()
    headers = {k: v for k, v in answer.headers.items() if k != "content-security-policy"}
    route.fulfill(response=answer, headers=headers)


@pytest.mark.parametrize("scheme", ["light", "dark"])
def test_a_card_is_for_everyone(site: Site, show: Show, scheme: str) -> None:
    page = show("", color_scheme=scheme)
    page.route("**/embed/card/**", _let_scripts_run)
    page.set_viewport_size({"width": 320, "height": 640})
    for path in (
        "/embed/card/nonprofit/raices",
        "/es/embed/card/topic/young-people",
        "/embed/card/nonprofit/test-withdrawn-circle",
    ):
        page.goto(site.url + path)
        # A long description ends with an ellipsis, and the link leads to the rest.
        assert [fault for fault in faults(page) if "cut off: P.text" not in fault] == []


def test_a_link_of_a_card_opens_the_page_in_a_window_of_its_own(site: Site, show: Show) -> None:
    page = show(_embed(site, "/nonprofits/raices"))
    with page.expect_popup() as opened:
        _frame(page).locator("h1 a").click()
    expect(opened.value.locator("h1")).to_have_text("RAICES")
    assert opened.value.evaluate("window.opener") is None
    # It is no longer in the sandbox: its own form can be sent.
    assert opened.value.evaluate("location.origin") == site.url


def test_a_withdrawn_listing_says_so_in_the_frame(site: Site, show: Show) -> None:
    address = f"{site.url}/embed/card/nonprofit/test-withdrawn-circle"
    page = show(f'<iframe src="{address}" title="A card"></iframe>')
    assert page.frames[1].url == address
    expect(_frame(page).locator("h1")).to_have_text("This listing has been taken down")


def test_nothing_else_can_be_framed(site: Site, show: Show) -> None:
    paths = [
        *("/", "/es/", "/nonprofits/raices", "/topics/young-people", "/directory", "/nowhere"),
        *("/staff/login", "/nonprofits/test-withdrawn-circle", "/oembed", "/embed/card/x"),
    ]
    frames = [f'<iframe src="{site.url}{path}" title="A page"></iframe>' for path in paths]
    page = show("".join(frames))
    for _ in range(100):
        if all(frame.url for frame in page.frames[1:]):
            break
        page.wait_for_timeout(100)
    assert [frame.url for frame in page.frames[1:]] == [REFUSED] * len(paths)


def test_a_card_can_do_nothing_to_the_page_around_it(site: Site, show: Show) -> None:
    page = show(_embed(site, "/nonprofits/raices"))
    frame = _frame(page)
    tries = frame.evaluate(
        """() => {
          const tried = {origin: self.origin};
          for (const [name, act] of Object.entries({
            cookie: () => document.cookie, storage: () => localStorage.length,
            parent: () => parent.document.title,
          })) { try { act(); tried[name] = 'allowed'; } catch { tried[name] = 'refused'; } }
          return tried;
        }"""
    )
    assert tries == {
        "origin": "null",
        "cookie": "refused",
        "storage": "refused",
        "parent": "refused",
    }


def test_a_picture_shows_on_another_site(site: Site, show: Show) -> None:
    page = show("")
    page.goto(f"{site.url}/nonprofits/raices")
    address = page.locator('meta[property="og:image"]').get_attribute("content")
    other = show(f'<img id="picture" alt="RAICES" src="{address}">')
    measure = "e => e.decode().then(() => [e.naturalWidth, e.naturalHeight])"
    assert other.locator("#picture").evaluate(measure) == [1200, 630]


def test_the_fetch_example_works_on_another_site(site: Site, show: Show) -> None:
    (source,) = (
        sample["source"]
        for _, _, operation in list_operations()
        for sample in operation["x-codeSamples"]
        if sample["lang"] == "javascript"
    )
    example = source.replace(HOST, site.url)
    page = show(f'{ARTICLE}<script type="module">{example}</script>')
    items = page.locator("article + ul li")
    expect(items).to_have_count(3)
    link = items.first.locator("a").get_attribute("href")
    assert (link or "").startswith(f"{site.url}/nonprofits/")
    assert "Los Angeles" in "".join(items.all_inner_texts())
