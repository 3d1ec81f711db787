"""What a first visit of each kind of page loads, and whether anything on it moves.

`python -m benchmarks.pages`, after `flask prepare`. Bytes are those that go over the wire where
a proxy compresses pages (gzip, level 6): the page, what it names to be loaded with it, and the
fonts; of two languages the larger. Layout shift is what Chromium reports for a window that has
nothing in its cache (https://web.dev/articles/cls), with fonts that come 0.4 s late.
"""

from __future__ import annotations

import argparse
import gzip
import re
import shutil
from collections.abc import Iterator
from dataclasses import dataclass
from http.client import HTTPConnection
from time import sleep
from urllib.parse import urlencode

from playwright.sync_api import Browser, Route, sync_playwright

from benchmarks.http import FORM_TYPE, SITE, WIDGET, Call, serve
from recommender.config import load_settings
from recommender.index import load_current

FLAGS = ("--no-sandbox", "--disable-gpu")
WIDTHS_PX = (320, 1280)
FONT_DELAY_S = 0.4
SETTLED_MS = 1200
LIMIT_BYTES = 60 * 1024
ASKED = {"text": "legal help for asylum seekers", "place": "Houston, TX"}
# What a browser loads with a page: style sheets, preloaded fonts, the icon, scripts.
_LOADED = re.compile(r'<(?:link rel="(?:stylesheet|preload|icon)" href|script src)="(/[^"]+)"')
_PACKED = (".css", ".js", ".svg")
_OBSERVE = """
window.moved = 0;
new PerformanceObserver((list) => {
  for (const entry of list.getEntries()) window.moved += entry.hadRecentInput ? 0 : entry.value;
}).observe({ type: "layout-shift", buffered: true });
"""


@dataclass(frozen=True, kw_only=True)
class Size:
    """Bytes over the wire."""

    page: int
    parts: int
    fonts: int

    @property
    def total(self) -> int:
        """All of it."""
        return self.page + self.parts + self.fonts


class Visitor:
    """Fetches pages and what belongs to them from a port of this machine."""

    def __init__(self, port: int) -> None:
        self._connection = HTTPConnection("127.0.0.1", port)
        self._sizes: dict[str, int] = {}

    def seal(self, path: str, form: dict[str, str]) -> str:
        """Where a form leads to."""
        call = Call(method="POST", path=path, body=urlencode(form), content_type=FORM_TYPE)
        return call.send(self._connection)[1]

    def read(self, path: str) -> bytes:
        """What is at an address, uncompressed."""
        self._connection.request("GET", path)
        content = self._connection.getresponse().read()
        # The server would do so, while the browser is busy with the page.
        self._connection.close()
        return content

    def weigh(self, path: str) -> Size:
        """What a first visit of a page loads."""
        page = self.read(path)
        named = dict.fromkeys(_LOADED.findall(page.decode()))
        fonts = [name for name in named if name.endswith(".woff2")]
        parts = [name for name in named if name not in fonts]
        return Size(
            page=_packed(page),
            parts=sum(map(self._size, parts)),
            fonts=sum(map(self._size, fonts)),
        )

    def _size(self, path: str) -> int:
        if path not in self._sizes:
            content = self.read(path)
            is_text = path.partition("?")[0].endswith(_PACKED)
            self._sizes[path] = _packed(content) if is_text else len(content)
        return self._sizes[path]


def _packed(content: bytes) -> int:
    return len(gzip.compress(content, compresslevel=6))


def list_pages(visitor: Visitor) -> Iterator[tuple[str, str]]:
    """(name, English address) of a page of each kind."""
    settings = load_settings()
    sealed = visitor.seal("/match", ASKED)
    far = visitor.seal("/match", {"text": "robotics for dogs", "place": "Denver, CO"})
    slugs = load_current(settings.index).slugs
    topic = _first(r'href="(/topics/[\w-]+)"', visitor.read("/topics"))
    piece = _first(r'href="(/learn/[\w-]+)"', visitor.read("/learn"))
    yield from (
        ("home", "/"),
        ("results", sealed),
        ("30 results, by “More results”", f"{sealed}?n=30"),
    )
    yield from (("no close match", far), ("the form again", f"{sealed}/change"))
    yield "comparison", "/compare?slugs=" + ",".join(slugs[:4])
    yield from (("directory", "/directory"), ("profile", f"/nonprofits/{slugs[0]}"))
    yield from (("library", "/learn"), ("resource", piece), ("topics", "/topics"), ("topic", topic))
    yield from (("how matching works", "/about/how-matching-works"), ("privacy", "/about/privacy"))
    yield from (("partners", "/partners"), ("partners, guide", "/partners/docs"))
    yield from (("API guide", "/api/v1/docs"), ("suggest", "/suggest"), ("no page", "/nowhere"))
    yield from (("widget, form", WIDGET), ("widget, topic", f"{WIDGET}?topic=legal-services"))


def measure_shift(browser: Browser, address: str, width_px: int) -> float:
    """The layout shift of a page until it has settled, from an empty cache."""
    context = browser.new_context(viewport={"width": width_px, "height": 800})
    context.add_init_script(_OBSERVE)
    context.route("**/*.woff2", _come_late)
    page = context.new_page()
    page.goto(address, wait_until="load")
    page.wait_for_timeout(SETTLED_MS)
    shift = float(page.evaluate("window.moved"))
    context.close()
    return shift


def _come_late(route: Route) -> None:
    sleep(FONT_DELAY_S)
    route.continue_()


def _first(pattern: str, page: bytes) -> str:
    found = re.search(pattern, page.decode())
    assert found, pattern
    return found[1]


def main() -> None:
    """Print the table."""
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.parse_args()
    chromium = shutil.which("chromium")
    widths = " | ".join(f"shift, {width} px" for width in WIDTHS_PX)
    print(f"| page | page, kB | styles, scripts | fonts | together | {widths} |")
    print("|---|---|---|---|---|---|---|", flush=True)
    with serve(SITE) as site, sync_playwright() as playwright:
        browser = playwright.chromium.launch(executable_path=chromium, args=[*FLAGS])
        visitor = Visitor(site.port)
        for name, path in list_pages(visitor):
            size = max((visitor.weigh(p) for p in (path, f"/es{path}")), key=lambda s: s.total)
            address = f"http://127.0.0.1:{site.port}{path}"
            shifts = [measure_shift(browser, address, width) for width in WIDTHS_PX]
            kilobytes = [size.page, size.parts, size.fonts, size.total]
            figures = [f"{n / 1024:.1f}" for n in kilobytes] + [f"{s:.3f}" for s in shifts]
            over = " (too much)" if size.total > LIMIT_BYTES else ""
            print(f"| {name}{over} | {' | '.join(figures)} |", flush=True)
        browser.close()


if __name__ == "__main__":
    main()
