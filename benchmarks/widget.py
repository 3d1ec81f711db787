"""The widget on a page, in a browser that has seen nothing: `python -m benchmarks.widget`.

First the builder's test page with the real loader, after `flask prepare`: time runs from the
request for the page until the first card of the frame can be seen. Then an article on
another site while our server hangs: by how much its text is held up, against the same article
without a widget.
"""

from __future__ import annotations

import argparse
import gzip
import shutil
import threading
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from statistics import median
from time import perf_counter

from playwright.sync_api import Browser, sync_playwright

from benchmarks.http import SITE, serve
from recommender.config import ROOT

PAGE = "/partners/preview?topic=legal-services&place=Houston,+TX"
LOADER = "/widget/v1.js"
ARTICLE = """<!doctype html><html lang="en"><meta charset="utf-8"><title>News</title>
<article><h1>News</h1>{}<p>{}</p></article></html>"""
TEXT = "A family that fled the war has found a home, a school and work in a small town. " * 200
WIDGET = '<script async src="{}" data-partner="x" data-topic="legal-services"></script>'
FLAGS = ("--no-sandbox", "--disable-gpu")
WAIT_MS = 20_000
READY = """() => {
  const [page] = performance.getEntriesByType("navigation");
  return page.domContentLoadedEventEnd - page.fetchStart;
}"""


def measure_first_card(browser: Browser, address: str) -> float:
    """Seconds until the first card, from a cold cache."""
    context = browser.new_context()
    page = context.new_page()
    started = perf_counter()
    page.goto(address, wait_until="commit")
    card = page.frame_locator("waymark-matches iframe").locator("li.card").first
    card.wait_for(state="visible", timeout=WAIT_MS)
    seconds = perf_counter() - started
    context.close()
    return seconds


def measure_ready(browser: Browser, address: str) -> float:
    """Milliseconds until a page's `DOMContentLoaded`, from a cold cache."""
    context = browser.new_context()
    page = context.new_page()
    page.goto(address, wait_until="domcontentloaded")
    page.wait_for_function("performance.getEntriesByType('navigation')[0].domContentLoadedEventEnd")
    milliseconds = float(page.evaluate(READY))
    context.close()
    return milliseconds


@contextmanager
def answer(pages: Mapping[str, bytes]) -> Iterator[str]:
    """A server of these pages that lets every other request hang; its address."""
    ended = threading.Event()

    class Handler(BaseHTTPRequestHandler):
        def do_GET(self) -> None:
            if self.path not in pages:
                ended.wait()
                return
            self.send_response(200)
            kind = "text/javascript" if self.path.endswith(".js") else "text/html"
            self.send_header("Content-Type", kind)
            self.send_header("Content-Length", str(len(pages[self.path])))
            self.end_headers()
            self.wfile.write(pages[self.path])

        def log_message(self, *_: object) -> None:
            """Say nothing."""

    server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
    server.daemon_threads = True
    threading.Thread(target=server.serve_forever, daemon=True).start()
    try:
        yield f"http://127.0.0.1:{server.server_port}"
    finally:
        ended.set()
        server.shutdown()
        server.server_close()


def compare_hanging(browser: Browser, times: int) -> dict[str, list[float]]:
    """How long the article takes without a widget and with one whose server hangs, in turn."""
    loader = max((ROOT / "static/widget").glob("*.js")).read_bytes()
    with answer({}) as silent, answer({LOADER: loader}) as half_silent:
        articles = {
            "without a widget": "",
            "our server hangs": WIDGET.format(silent + LOADER),
            "it hangs after the loader": WIDGET.format(half_silent + LOADER),
        }
        paths = {name: f"/{number}" for number, name in enumerate(articles)}
        pages = {
            paths[name]: ARTICLE.format(widget, TEXT).encode() for name, widget in articles.items()
        }
        taken: dict[str, list[float]] = {name: [] for name in articles}
        with answer(pages) as host:
            for turn in range(times):
                # Each begins as often as the others: whoever comes first is often slower.
                names = [*paths][turn % 3 :] + [*paths][: turn % 3]
                for name in names:
                    taken[name].append(measure_ready(browser, host + paths[name]))
    return taken


def main() -> None:
    """Print the size of the loader, the time to the first card and the delay by a silent server."""
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("--times", type=int, default=9)
    times = parser.parse_args().times
    for loader in sorted((ROOT / "static/widget").glob("*.js")):
        content = loader.read_bytes()
        print(
            f"Loader {loader.name}: {len(content):,} bytes, {len(gzip.compress(content)):,} gzipped"
        )
    chromium = shutil.which("chromium")
    with sync_playwright() as playwright:
        browser = playwright.chromium.launch(executable_path=chromium, args=[*FLAGS])
        with serve(SITE) as site:
            address = f"http://127.0.0.1:{site.port}{PAGE}"
            first = [measure_first_card(browser, address) for _ in range(times)]
        print(
            f"First card after {median(first):.2f} s (median of {times}; worst {max(first):.2f} s)"
        )
        taken = compare_hanging(browser, 6 * times)
        browser.close()
    control = taken["without a widget"]
    print("\n| the article's DOMContentLoaded | ms, median | worst | later than without, median |")
    print("|---|---|---|---|")
    for name, milliseconds in taken.items():
        later = median(one - other for one, other in zip(milliseconds, control, strict=True))
        print(f"| {name} | {median(milliseconds):.0f} | {max(milliseconds):.0f} | {later:+.1f} |")


if __name__ == "__main__":
    main()
