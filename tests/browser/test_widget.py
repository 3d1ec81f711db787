"""The widget on pages of other sites, in a real browser."""

from __future__ import annotations

import json
import re
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from typing import Any
from urllib.parse import urlencode

import pytest
from playwright.sync_api import Browser, BrowserContext, BrowserType, Frame, Page, Route, expect

from app import create_app
from recommender.config import ROOT, Settings
from recommender.models import CountKind, Partner, PartnerDraft
from recommender.store import connect
from recommender.store.partners import create_partner
from recommender.web.loader import host_policy, integrity
from tests.browser.hosts import Hosts, hang, serve_hosts
from tests.browser.kinds import read_articles
from tests.browser.test_pages import faults
from tests.serving import Site

NEWS = "https://news.example"
WIDE = {"width": 1280, "height": 900}
WIDTHS = {"light": (240, 320, 1280), "dark": (320,)}
TOPIC = {"topic": "legal-services", "place": "Houston, TX"}
SEED = "sanctuary-cities-hold-their-ground"
RECIPE = "<h1>A slow tomato sauce</h1>" + (
    "<p>Warm the olive oil in a heavy pot and soften the onions with a pinch of salt until they "
    "are golden. Add the garlic, then the crushed tomatoes and a sprig of basil, and let the "
    "sauce simmer on a low flame for two hours. Serve over fresh pasta with grated cheese.</p>"
)
REFUSED = "chrome-error://chromewebdata/"
"""What the browser shows where a frame may not be."""


# --- A window on other sites --------------------------------------------------------------


@dataclass
class Window:
    """A window with its own store of cookies, which remembers what went on in it."""

    page: Page
    site: Site
    hosts: Hosts
    partner: Partner
    requests: list[str] = field(default_factory=list)
    problems: list[str] = field(default_factory=list)

    def __post_init__(self) -> None:
        context = self.page.context
        context.on("request", lambda request: self.requests.append(request.url))
        context.on("weberror", lambda error: self.problems.append(str(error.error)))
        context.on("console", self._see_message)

    def _see_message(self, message: Any) -> None:
        if message.type in {"error", "warning"}:
            self.problems.append(message.text)

    @property
    def link(self) -> str:
        return f'<a id="plain" href="{self.site.url}/">Find nonprofits on Waymark</a>'

    @property
    def loader(self) -> str:
        return f'<script async src="{self.site.url}/widget/v1.js"></script>'

    def element(self, inner: str | None = None, **options: str) -> str:
        """The widget as an element, with its plain link inside."""
        given = {"partner": self.partner.key, **options}
        attributes = " ".join(f'{name}="{value}"' for name, value in given.items())
        return f"<waymark-matches {attributes}>{inner or self.link}</waymark-matches>"

    def open(self, body: str, origin: str = NEWS, lang: str = "en", **headers: str) -> Page:
        """A page of another site."""
        head = '<meta charset="utf-8"><title>A page</title>'
        document = f'<!doctype html><html lang="{lang}">{head}<body>{body}</body></html>'
        path = self.hosts.add("/page", document, **headers)
        self.page.goto(origin + path)
        return self.page

    def show(self, origin: str = NEWS, **options: str) -> Page:
        """A page with one widget."""
        return self.open(self.element(**options) + self.loader, origin)

    def frame_path(self, **options: str) -> str:
        return f"/embed/{self.partner.key}?{urlencode(options)}"


@pytest.fixture(scope="module")
def hosts(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Hosts]:
    with serve_hosts(tmp_path_factory.mktemp("hosts")) as hosts:
        yield hosts


@pytest.fixture(scope="module")
def world(
    browser_type: BrowserType, browser_type_launch_args: dict[str, Any], hosts: Hosts
) -> Iterator[Browser]:
    """A browser that finds the other sites."""
    flags = [*browser_type_launch_args["args"], *hosts.flags]
    browser = browser_type.launch(**{**browser_type_launch_args, "args": flags})
    yield browser
    browser.close()


@pytest.fixture(scope="module")
def partner(site: Site, hosts: Hosts) -> Partner:
    db = connect(site.instance / "waymark.db")
    origins = (NEWS, f"http://localhost:{hosts.plain}")
    partner = create_partner(db, PartnerDraft(name="Test Gazette", origins=origins), by=None)
    db.close()
    return partner


@pytest.fixture
def new_window(
    world: Browser, site: Site, hosts: Hosts, partner: Partner
) -> Iterator[Callable[..., Window]]:
    contexts: list[BrowserContext] = []

    def open_(**options: Any) -> Window:
        context = world.new_context(**{"viewport": WIDE, **options})
        contexts.append(context)
        return Window(page=context.new_page(), site=site, hosts=hosts, partner=partner)

    yield open_
    for context in contexts:
        context.close()


@pytest.fixture
def window(new_window: Callable[..., Window]) -> Window:
    return new_window()


def inner(page: Page, number: int = 0) -> Frame:
    """The document in a widget's frame, once it is shown."""
    widget = page.locator("waymark-matches").nth(number)
    expect(widget.locator("div.ready")).to_have_count(1)
    handle = widget.locator("iframe").element_handle()
    frame = handle.content_frame() if handle else None
    assert frame
    return frame


def assert_refused(page: Page, depth: int = 1) -> None:
    """The browser did not show the innermost frame, and the plain link is there instead."""
    for _ in range(100):
        frames = [frame for frame in page.frames if _depth(frame) == depth]
        if frames and all(frame.url == REFUSED for frame in frames):
            break
        page.wait_for_timeout(50)
    else:
        raise AssertionError([frame.url for frame in page.frames])
    host = page.frames[depth - 1]
    expect(host.locator("#plain")).to_be_visible()
    expect(host.locator("waymark-matches iframe")).to_be_hidden()


def _depth(frame: Frame) -> int:
    return 0 if frame.parent_frame is None else 1 + _depth(frame.parent_frame)


# --- Who may frame it ---------------------------------------------------------------------


def test_a_listed_site_shows_it(window: Window) -> None:
    for origin in (NEWS, f"http://localhost:{window.hosts.plain}"):
        page = window.show(origin, **TOPIC)
        expect(inner(page).locator("h1")).to_have_text("Legal help: nonprofits around Houston, TX")
        expect(page.locator("#plain")).to_be_hidden()
    assert window.problems == []


@pytest.mark.parametrize(
    "origin",
    [
        "https://other.example",
        "https://sub.news.example",
        "https://news.example:8443",
        "http://news.example",
        "http://localhost:{other}",
        "http://127.0.0.1:{plain}",
    ],
)
def test_any_other_site_does_not(window: Window, origin: str) -> None:
    given = {"plain": window.hosts.plain, "other": window.hosts.other}
    assert_refused(window.show(origin.format(**given), **TOPIC))


def test_a_listed_site_inside_of_another_does_not(window: Window) -> None:
    widget = window.element(**TOPIC) + window.loader
    path = window.hosts.add("/inside", f"<!doctype html><title>In</title>{widget}")
    page = window.open(f'<iframe src="{NEWS}{path}" width="600" height="900"></iframe>')
    expect(page.frames[1].locator("waymark-matches div.ready")).to_have_count(1)
    page = window.open(
        f'<iframe src="{NEWS}{path}" width="600" height="900"></iframe>', "https://other.example"
    )
    assert_refused(page, depth=2)


def test_a_sandboxed_page_does_not(window: Window) -> None:
    body = window.element(**TOPIC) + window.loader
    page = window.open(body, Content_Security_Policy="sandbox allow-scripts allow-same-origin")
    expect(page.locator("waymark-matches div.ready")).to_have_count(1)
    assert_refused(window.open(body, Content_Security_Policy="sandbox allow-scripts"))


def test_a_key_that_is_unknown_leaves_the_link(window: Window) -> None:
    assert_refused(window.open(window.element(partner="0" * 16) + window.loader))


CLOSED = (
    *("/", "/es/", "/learn", "/directory", "/about/privacy", "/suggest", "/api/v1/docs"),
    *("/staff/login", "/staff", "/staff/welcome/x", "/nowhere", "/matches/gAAAA", "/match"),
    *("/partners", "/partners/builder", "/partners/preview", "/partners/docs"),
    *("/embed", "/embed/nobody", "/widget/v9.js", "/api/v1/nowhere", "/static/missing.css"),
)


def test_no_other_page_can_be_framed_by_anybody(window: Window) -> None:
    paths = [*CLOSED, window.frame_path()]
    page = window.open("".join(f'<iframe src="{window.site.url}{p}"></iframe>' for p in paths))
    for _ in range(100):
        if all(frame.url for frame in page.frames):
            break
        page.wait_for_timeout(50)
    framed = dict(zip(paths, (frame.url for frame in page.frames[1:]), strict=True))
    assert framed == dict.fromkeys(CLOSED, REFUSED) | {
        window.frame_path(): window.site.url + window.frame_path()
    }


# --- The page around it -------------------------------------------------------------------


@pytest.fixture(scope="module")
def policy(directory: Settings, site: Site) -> str:
    """The line that partners are told to add to their own policy."""
    app = create_app(directory)
    with app.test_request_context(base_url=site.url):
        return host_policy()


@pytest.mark.parametrize("more", ["", "; style-src 'unsafe-inline'"])
def test_the_policy_that_we_document_is_enough(window: Window, policy: str, more: str) -> None:
    body = window.element(**TOPIC) + window.loader
    page = window.open(body, Content_Security_Policy=f"default-src 'none'; {policy}{more}")
    expect(inner(page).locator(".card")).to_have_count(3)
    expect(page.locator("#plain")).to_be_hidden()
    assert window.problems == []


@pytest.mark.parametrize("directive", ["script-src", "frame-src"])
def test_less_than_that_policy_is_not_enough(window: Window, policy: str, directive: str) -> None:
    body = window.element(**TOPIC) + window.loader
    rest = "; ".join(part for part in policy.split("; ") if not part.startswith(directive))
    page = window.open(body, Content_Security_Policy=f"default-src 'none'; {rest}")
    page.wait_for_load_state("networkidle")
    expect(page.locator("#plain")).to_be_visible()
    assert any("Content Security Policy" in problem for problem in window.problems)


def test_a_page_may_name_the_digest_of_an_exact_version(
    window: Window, directory: Settings
) -> None:
    with create_app(directory).app_context():
        digest = integrity("1.0.0")
    script = (
        f'<script async src="{window.site.url}/widget/1.0.0.js" integrity="{{}}" '
        'crossorigin="anonymous"></script>'
    )
    inner(window.open(window.element(**TOPIC) + script.format(digest)))
    page = window.open(window.element(**TOPIC) + script.format("sha384-" + "A" * 64))
    page.wait_for_load_state("networkidle")
    expect(page.locator("waymark-matches iframe")).to_have_count(0)
    expect(page.locator("#plain")).to_be_visible()


STORE = """<script>
  document.cookie = 'own=1';
  localStorage.setItem('own', '1');
</script>"""
KEPT = """() => {
  const tries = {
    cookie: () => document.cookie = 'seen=1',
    local: () => localStorage.setItem('seen', '1'),
    session: () => sessionStorage.setItem('seen', '1'),
    database: () => indexedDB.open('seen', 1),
  };
  const worked = (attempt) => { try { attempt(); return true; } catch { return false; } };
  return Object.keys(tries).filter((name) => worked(tries[name]));
}"""


def test_it_keeps_nothing_and_asks_nobody_else(window: Window) -> None:
    page = window.show(**TOPIC)
    inner(page).locator("#place").fill("04101")
    inner(page).locator("button", has_text="Show").click()
    expect(inner(page).locator("h1")).to_contain_text("Portland, ME")
    assert page.context.storage_state(indexed_db=True) == {"cookies": [], "origins": []}
    ours = [url for url in window.requests if url.startswith(window.site.url + "/")]
    assert [url for url in window.requests if url not in ours] == [f"{NEWS}/page"]
    assert len(ours) >= 6
    # Not even on purpose: the frame has no origin to keep anything for.
    assert inner(page).evaluate(KEPT) == []
    # The control: the page around keeps two things of its own, and that is seen.
    page = window.open(STORE + window.element(**TOPIC) + window.loader)
    state = page.context.storage_state()
    assert [cookie["domain"] for cookie in state["cookies"]] == ["news.example"]
    assert [origin["origin"] for origin in state["origins"]] == [NEWS]


def test_no_address_or_referrer_tells_of_the_page_or_its_reader(window: Window) -> None:
    sent: list[dict[str, str]] = []
    window.page.context.on("request", lambda request: sent.append(request.all_headers()))
    page = window.show(context="auto")
    inner(page).locator("[name=text]").fill("Quokkaberry legal help for asylum seekers")
    inner(page).locator("#place").fill("59937")
    inner(page).locator("button").click()
    expect(inner(page).locator("h1")).to_contain_text("Whitefish")
    told = " ".join(window.requests) + str(sent)
    assert len(sent) >= 6
    assert not [headers["referer"] for headers in sent if headers.get("referer")]
    assert "Quokkaberry" not in told
    assert "59937" not in told
    assert window.partner.key in told


def test_the_page_is_as_quick_when_our_server_hangs(window: Window) -> None:
    with hang() as dead:
        script = '<script {} src="' + dead + '/widget/v1.js"></script><p>After</p>'
        window.page.set_default_navigation_timeout(2_000)
        body = window.element() + script
        path = window.hosts.add("/slow", "<!doctype html><title>A</title>" + body.format("async"))
        window.page.goto(NEWS + path, wait_until="domcontentloaded")
        expect(window.page.locator("#plain")).to_be_visible()
        expect(window.page.locator("p", has_text="After")).to_be_visible()
        assert window.requests[-1].startswith(dead)
        # The control: a script that is not `async` does hold the page up.
        window.hosts.add("/slow", "<!doctype html><title>A</title>" + body.format(""))
        with pytest.raises(Exception, match="Timeout"):
            window.page.goto(NEWS + path, wait_until="domcontentloaded")


def test_a_frame_that_never_comes_leaves_the_link(window: Window) -> None:
    window.page.clock.install(time=0)
    window.page.clock.pause_at(1_000)
    silent: list[Route] = []
    window.page.route("**/embed/**", lambda route: silent.append(route))
    page = window.show(**TOPIC)
    page.evaluate("addEventListener('waymark-failed', () => document.title = 'failed')")
    expect(page.locator("waymark-matches iframe")).to_have_attribute("src", re.compile("embed"))
    page.clock.run_for(7_000)
    assert silent
    assert page.title() == "A page"
    page.clock.run_for(2_000)
    expect(page).to_have_title("failed")
    expect(page.locator("#plain")).to_be_visible()
    expect(page.locator("waymark-matches iframe")).to_have_attribute("src", "about:blank")
    for route in silent:
        route.abort()


SHIFTS = """() => new Promise((done) => {
  new PerformanceObserver((list) => done(list.getEntries().map((entry) => entry.value)))
    .observe({ type: 'layout-shift', buffered: true });
  setTimeout(() => done([]), 300);
})"""


def shifts(window: Window, style: str, **options: str) -> float:
    """How much a page moved while its widget came late."""
    delay = "setTimeout(() => document.body.append(Object.assign("
    script = f"document.createElement('script'), {{src: '{window.site.url}/widget/v1.js'}})), 200)"
    page = window.open(
        f"<style>{style}</style><p>Before</p>{window.element(**options)}<p>After</p>"
        f"<script>{delay}{script}</script>"
    )
    inner(page)
    page.wait_for_timeout(400)
    found: list[float] = page.evaluate(SHIFTS)
    return sum(found)


def test_nothing_moves_where_room_was_set_aside(window: Window) -> None:
    room = "waymark-matches { display: block; min-height: 420px }"
    for options in (TOPIC, {}, {"context": "auto"}):
        assert shifts(window, room, **options) == 0
    # The control: without room the text below must move.
    assert shifts(window, "", **TOPIC) > 0.01


def test_the_frame_takes_the_height_that_it_needs(window: Window) -> None:
    page = window.open(
        f"<div style='height: 500px'></div>{window.element(**TOPIC, size='large')}{window.loader}"
    )
    frame = inner(page)
    expect(frame.locator(".card")).to_have_count(5)
    page.wait_for_timeout(200)
    needed, given = frame.evaluate("[document.documentElement.scrollHeight, innerHeight]")
    assert needed == given
    # One that is in sight waits until its end is out of sight, or the reader is in it.
    room = "<style>waymark-matches { display: block; min-height: 300px }</style>"
    page = window.open(room + window.element(**TOPIC) + "<p>After</p>" + window.loader)
    frame = inner(page)
    page.wait_for_timeout(200)
    assert frame.evaluate("innerHeight") == 300
    frame.locator("h1").click()
    page.wait_for_function("document.querySelector('waymark-matches').offsetHeight > 400")


# --- Messages -----------------------------------------------------------------------------

ODD = (ROOT / "tests/browser/odd_messages.js").read_text(encoding="utf-8")
STATE = """() => {
  const widget = document.querySelector('waymark-matches');
  const frame = widget.shadowRoot.querySelector('iframe');
  return [widget.outerHTML, widget.shadowRoot.innerHTML, widget.offsetHeight, frame.style.cssText];
}"""


def test_ten_thousand_messages_of_the_page_change_nothing(window: Window) -> None:
    page = window.show(**TOPIC)
    frame = inner(page)
    page.wait_for_timeout(200)
    before, shown = page.evaluate(STATE), frame.locator("html").inner_html()
    page.add_script_tag(content=ODD)
    sent = page.evaluate(
        """() => {
          const { shadowRoot } = document.querySelector('waymark-matches');
          const { contentWindow } = shadowRoot.querySelector('iframe');
          for (const message of oddMessages(5_000)) {
            contentWindow.postMessage(message, '*');
            window.postMessage(message, '*', [new MessageChannel().port1]);
          }
          return new Promise((done) => setTimeout(() => done(10_000), 500));
        }"""
    )
    assert sent == 10_000
    assert page.evaluate(STATE) == before
    assert frame.locator("html").inner_html() == shown
    assert window.problems == []


def test_ten_thousand_messages_of_a_stranger_change_nothing(window: Window) -> None:
    stranger = window.hosts.add(
        "/stranger",
        f"<script>{ODD}; for (const message of oddMessages(10_000)) "
        "parent.postMessage(message, '*', [new MessageChannel().port1]);"
        "document.title = 'sent'</script>",
    )
    page = window.show(**TOPIC)
    inner(page)
    page.wait_for_timeout(200)
    before = page.evaluate(STATE)
    page.evaluate(
        "src => document.body.append(Object.assign(document.createElement('iframe'), {src}))",
        "https://other.example" + stranger,
    )
    expect(page.frame_locator("body > iframe").locator("html")).to_have_count(1)
    page.wait_for_timeout(1_000)
    assert page.frames[-1].title() == "sent"
    assert page.evaluate(STATE) == before
    assert window.problems == []


def hostile(window: Window, act: str) -> Page:
    """A page whose frame runs another script in the place of ours."""

    def answer(route: Route) -> None:
        headers = {"Access-Control-Allow-Origin": "*"}
        route.fulfill(content_type="text/javascript", headers=headers, body=f"{ODD};{act}")

    window.page.route("**/static/js/widget-frame.*", answer)
    page = window.show(context="auto")
    inner(page)
    page.wait_for_timeout(1_000)
    return page


READY = "parent.postMessage({waymark: 'ready'}, '*', [channel.port2]);"
FROM_FRAME = "const channel = new MessageChannel();" + READY


def test_ten_thousand_messages_of_a_broken_frame_change_nothing(window: Window) -> None:
    page = hostile(
        window,
        f"{FROM_FRAME} const saved = oddMessages(10_000);"
        "for (const message of saved) { channel.port1.postMessage(message);"
        "parent.postMessage(message, '*'); }",
    )
    expect(page.locator("#plain")).to_be_hidden()
    height = page.locator("waymark-matches").bounding_box()
    assert height
    assert 400 < height["height"] < 1_500
    assert page.title() == "A page"
    assert page.evaluate("Object.keys(window).filter(name => /waymark/i.test(name))") == []
    assert window.problems == []


def test_a_message_of_the_right_kind_does_change_the_height(window: Window) -> None:
    page = hostile(
        window, f"{FROM_FRAME} channel.port1.postMessage({{waymark: 'height', height: 1_234}});"
    )
    page.evaluate("document.body.style.paddingTop = '1000px'; scrollBy(0, 1)")
    page.wait_for_function("document.querySelector('waymark-matches').offsetHeight === 1234")


def test_ten_thousand_messages_of_a_broken_loader_change_nothing(window: Window) -> None:
    page = window.open(
        f"<script>{ODD}; addEventListener('message', ({{ports}}) => {{ window.port = ports[0];"
        "port.onmessage = ({data}) => window.last = data; });</script>"
        f'<iframe src="{window.site.url}{window.frame_path(context="1")}"></iframe>'
    )
    page.wait_for_function("window.port")
    frame = page.frames[1]
    page.evaluate("oddMessages(10_000).forEach((message) => port.postMessage(message))")
    page.wait_for_timeout(500)
    expect(frame.locator(".reading")).to_be_visible()
    assert [url for url in window.requests if url.endswith("/article?context=1")] == []
    assert window.problems == []
    # The control: one of the right kind is answered.
    text = read_articles(SEED)
    page.evaluate("text => port.postMessage({waymark: 'article', text, language: 'en'})", text)
    expect(frame.locator("h1")).to_contain_text("Los Angeles")


# --- Articles -----------------------------------------------------------------------------


def article_page(window: Window, article: str, widget: str = "") -> Page:
    """A page of a newsroom, with much around the article that is none of it."""
    return window.open(
        "<header><nav>Recipes, weather, lawyers in Miami, FL</nav></header>"
        f"<main><article>{article}"
        "<aside>Advertisement: English classes in Boston, MA</aside>"
        "<p hidden>Haitian community in Miami, FL</p><form><label>Housing in Boise, ID"
        "<input></label></form></article>"
        f"{widget or window.element(context='auto', size='large')}</main>{window.loader}"
    )


def seed_article() -> str:
    pieces = json.loads((ROOT / "data/resources.json").read_text(encoding="utf-8"))
    piece = next(piece for piece in pieces if piece["slug"] == SEED)
    paragraphs = [piece["body_en"], *piece["take_en"]]
    return f"<h1>{piece['title']}</h1>" + "".join(f"<p>{text}</p>" for text in paragraphs)


def test_the_seed_article_shows_its_nonprofits_with_its_own_themes(window: Window) -> None:
    page = article_page(window, seed_article())
    frame = inner(page)
    expect(frame.locator("h1")).to_have_text("Nonprofits at work on this near Los Angeles, CA")
    expect(frame.locator(".card")).to_have_count(5)
    assert frame.locator(".where", has_text="Los Angeles, CA").count() >= 3
    reasons = frame.locator(".reason").all_inner_texts()
    assert len(reasons) == 5
    assert all(reason.startswith("Because this article is about ") for reason in reasons)
    told = " ".join(reasons)
    assert "advocacy and policy" in told
    # Nothing of what stands around the article is among the reasons.
    assert not re.search("English|housing|Haitian|Miami|Boston|Boise", told)
    with page.context.expect_page() as opened:
        frame.locator(".onward a").click()
    expect(opened.value.locator("h1")).to_contain_text("Los Angeles, CA")
    assert opened.value.evaluate("opener") is None


def test_a_recipe_shows_the_honest_empty_state(window: Window) -> None:
    frame = inner(article_page(window, RECIPE * 2))
    expect(frame.locator("h1")).to_have_text("No group here is close to this article")
    expect(frame.locator(".card")).to_have_count(0)
    expect(frame.locator("form.ask")).to_be_visible()


def test_the_readers_place_is_asked_for_and_used(window: Window) -> None:
    frame = inner(article_page(window, seed_article()))
    frame.locator("#place").fill("Nowhereville, ZZ")
    frame.locator("button", has_text="Show").click()
    expect(frame.locator(".field-error")).to_be_visible()
    expect(frame.locator(".card")).to_have_count(5)
    frame.locator("#place").fill("04101")
    frame.locator("#place").press("Enter")
    expect(frame.locator("h1")).to_have_text("Nonprofits at work on this near Portland, ME 04101")
    expect(frame.locator("h1")).to_be_focused()
    assert "04101" not in frame.url


def test_a_page_may_say_where_its_article_is(window: Window) -> None:
    widget = window.element(context="#story", size="large")
    story = f'<div id="story">{seed_article()}</div>'
    page = article_page(window, RECIPE, story + widget)
    expect(inner(page).locator("h1")).to_contain_text("Los Angeles")
    # Where it is not there the frame asks, at once or after a while.
    page.clock.install()
    for selector in ("][", "#nowhere"):
        page = article_page(window, seed_article(), window.element(context=selector))
        frame = inner(page)
        page.clock.run_for(100 if selector == "][" else 6_000)
        expect(frame.locator("form.ask")).to_be_visible()
    assert window.problems == []


# --- Pages of many kinds ------------------------------------------------------------------


def test_a_script_alone_is_enough_beside_a_link(window: Window) -> None:
    script = (
        f'<script async src="{window.site.url}/widget/v1.js" data-size="small"'
        f' data-partner="{window.partner.key}" data-topic="housing-shelter"></script>'
    )
    page = window.open(f"<p>Before</p>{script}{window.link}<p>After</p>")
    expect(inner(page).locator(".card")).to_have_count(2)
    expect(page.locator("waymark-matches > #plain")).to_be_hidden()
    expect(page.locator("p")).to_have_text(["Before", "After"])
    page = window.open(f"{window.link}{script}")
    inner(page)
    expect(page.locator("#plain")).to_be_hidden()


def test_several_widgets_stand_side_by_side(window: Window) -> None:
    second = window.element("", topic="refugee-resettlement", size="small")
    page = window.open(window.element(**TOPIC) + second + window.loader + window.loader)
    expect(inner(page, 0).locator(".card")).to_have_count(3)
    expect(inner(page, 1).locator(".card")).to_have_count(2)
    names = page.evaluate("Object.getOwnPropertyNames(window)")
    plain = window.open("<p>Nothing</p>").evaluate("Object.getOwnPropertyNames(window)")
    # The id of the link is a name of the page's own making.
    assert {name for name in set(names) - set(plain) if not name.isdigit()} <= {"plain"}


APP = """
<div id="app"></div><nav><a href="/two" id="two">Two</a></nav>
<script>
  const show = (path) => {
    const article = document.createElement('article');
    const widget = document.createElement('waymark-matches');
    widget.setAttribute('partner', PARTNER);
    widget.setAttribute('context', 'auto');
    document.querySelector('#app').replaceChildren(article, widget);
    // The words come later than the widget, as they do from an API.
    setTimeout(() => { article.innerHTML = TEXTS[path]; }, 300);
  };
  document.querySelector('#two').addEventListener('click', (event) => {
    event.preventDefault();
    history.pushState({}, '', '/two');
    show('two');
  });
  show('one');
</script>"""


def test_a_page_that_scripts_build_works_and_changes(window: Window) -> None:
    texts = {"one": seed_article(), "two": RECIPE * 2}
    given = f"<script>const PARTNER = '{window.partner.key}', TEXTS = {json.dumps(texts)}</script>"
    page = window.open(window.loader + given + APP)
    expect(inner(page).locator("h1")).to_contain_text("Los Angeles")
    page.locator("#two").click()
    expect(page.locator("waymark-matches div.ready")).to_have_count(1)
    expect(inner(page).locator("h1")).to_have_text("No group here is close to this article")
    page.evaluate(
        """() => { const widget = document.querySelector('waymark-matches');
        widget.removeAttribute('context'); widget.setAttribute('topic', 'health-care'); }"""
    )
    expect(page.locator("waymark-matches iframe")).to_have_attribute("src", re.compile("health"))
    expect(inner(page).locator("h1")).to_have_text("Health care: nonprofits")
    page.evaluate("document.querySelector('waymark-matches').remove()")
    assert window.problems == []


def test_the_language_is_that_of_the_page_around(window: Window) -> None:
    page = window.open(window.element(**TOPIC) + window.loader, lang="es-MX")
    frame = inner(page)
    expect(frame.locator("html")).to_have_attribute("lang", "es")
    title = page.locator("waymark-matches iframe").get_attribute("title")
    assert title == "Organizaciones afines, de Waymark"
    frame.get_by_role("link", name="English").click()
    expect(inner(page).locator("h1")).to_have_text("Legal help: nonprofits around Houston, TX")
    page = window.open(window.element(lang="en") + window.loader, lang="es")
    expect(inner(page).locator("html")).to_have_attribute("lang", "en")


def test_a_plain_frame_works_without_any_script(new_window: Callable[..., Window]) -> None:
    window = new_window(java_script_enabled=False)
    address = window.site.url + window.frame_path(size="small")
    page = window.open(
        f'<iframe src="{address}" title="Nonprofits" width="100%" height="800" loading="lazy" '
        'referrerpolicy="no-referrer" sandbox="allow-scripts allow-forms allow-popups '
        'allow-popups-to-escape-sandbox"></iframe>'
    )
    frame = page.frame_locator("iframe")
    frame.locator("[name=text]").fill("legal help for asylum seekers")
    frame.locator("#place").fill("04101")
    frame.locator("button").click()
    expect(frame.locator("h1")).to_have_text("Groups that fit, around Portland, ME 04101")
    expect(frame.locator(".card")).to_have_count(2)
    frame.get_by_role("link", name="Español").click()
    expect(frame.locator("h1")).to_contain_text("Grupos afines")
    expect(frame.locator(".card")).to_have_count(2)
    assert not [url for url in window.requests if "04101" in url or "asylum" in url]


def test_what_is_used_is_counted_by_kind_alone(window: Window) -> None:
    counted: list[str | None] = []
    window.page.on(
        "request", lambda r: counted.append(r.post_data) if r.url.endswith("/count") else None
    )
    page = window.show(**TOPIC)
    frame = inner(page)
    with page.context.expect_page():
        frame.locator("h2 a").first.click()
    with page.context.expect_page() as everything:
        frame.locator("form.onward button").click()
    expect(everything.value.locator("h1")).to_contain_text("Houston, TX")
    frame.locator("#place").fill("04101")
    with page.expect_request(lambda request: request.post_data == f"kind={CountKind.OPEN}"):
        frame.locator("button", has_text="Show").click()
    expect(inner(page).locator("h1")).to_contain_text("Portland, ME")
    expected = [CountKind.VIEW, CountKind.CLICK, CountKind.CLICK, CountKind.OPEN]
    assert counted == [f"kind={kind}" for kind in expected]


# --- For everyone -------------------------------------------------------------------------

ROUTES = {
    "a form": "",
    "a topic": "?topic=legal-services&place=Houston,+TX&accent=ffcc00&radius=12",
    "a topic in serif": "?topic=young-people&font=serif&accent=223344&size=large",
}


@pytest.mark.parametrize("scheme", ["light", "dark"])
@pytest.mark.parametrize("language", ["", "/es"])
def test_the_frame_is_for_everyone(
    new_window: Callable[..., Window], language: str, scheme: str
) -> None:
    window = new_window(color_scheme=scheme)
    page, found = window.page, []
    start = f"{window.site.url}{language}/embed/{window.partner.key}"
    sealed = window.site.submit(
        f"{language}/embed/{window.partner.key}", {"text": "legal help", "place": "04101"}
    ).headers["location"]
    for address in (*(start + rest for rest in ROUTES.values()), window.site.url + sealed):
        page.goto(address)
        for width in WIDTHS[scheme]:
            page.set_viewport_size({"width": width, "height": 900})
            found += [f"{address} at {width}: {fault}" for fault in faults(page)]
    assert found == []


def test_problems_in_the_frame_are_for_everyone(window: Window) -> None:
    page, start = window.page, window.site.url + window.frame_path()
    page.set_viewport_size({"width": 240, "height": 640})
    page.goto(start)
    page.locator("button").click()
    expect(page.locator("[role=alert]")).to_be_visible()
    assert faults(page) == []
    page.goto(f"{window.site.url}/embed/{window.partner.key}/gAAAA")
    assert faults(page) == []
    page.goto(f"{window.site.url}/embed/nobody")
    assert faults(page) == []


def test_the_keyboard_goes_through_the_page_and_the_frame(window: Window) -> None:
    page = window.open(
        f'<a href="#" id="first">First</a>{window.element(**TOPIC, size="small")}'
        f'<a href="#" id="last">Last</a>{window.loader}'
    )
    frame = inner(page)
    page.locator("#first").focus()
    names = []
    for _ in range(12):
        page.keyboard.press("Tab")
        if page.evaluate("document.activeElement.id") == "last":
            break
        names.append(frame.evaluate("document.activeElement.textContent.trim()"))
        style = "(e => getComputedStyle(e).outlineStyle)(document.activeElement)"
        assert frame.evaluate(style) != "none"
    else:
        raise AssertionError(names)
    assert names[2:] == ["See all on Waymark", "", "Show", "Waymark", "Español"]
    page.keyboard.press("Shift+Tab")
    assert frame.evaluate("document.activeElement.textContent") == "Español"
    for _ in range(3):
        page.keyboard.press("Shift+Tab")
    page.keyboard.type("04101")
    page.keyboard.press("Enter")
    expect(inner(page).locator("h1")).to_contain_text("Portland, ME")


def test_a_link_that_is_hidden_is_hidden_from_everyone(window: Window) -> None:
    page = window.show(**TOPIC)
    inner(page)
    page.wait_for_timeout(100)
    snapshot = page.locator("body").aria_snapshot()
    assert "Find nonprofits on Waymark" not in snapshot
    assert "iframe" in snapshot
