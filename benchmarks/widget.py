"""The widget on a page, in a browser that has seen nothing: `python -m benchmarks.widget`.

The page is the builder's test page with the real loader, after `flask prepare`. Time runs from
the request for the page until the first card of the frame can be seen.
"""

from __future__ import annotations

import argparse
import gzip
import shutil
from statistics import median
from time import perf_counter

from playwright.sync_api import Browser, sync_playwright

from benchmarks.http import SITE, serve
from recommender.config import ROOT

PAGE = "/partners/preview?topic=legal-services&place=Houston,+TX"
FLAGS = ("--no-sandbox", "--disable-gpu")
WAIT_MS = 20_000


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


def main() -> None:
    """Print the size of the loader and the time to the first card."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--times", type=int, default=9)
    times = parser.parse_args().times
    for loader in sorted((ROOT / "static/widget").glob("*.js")):
        content = loader.read_bytes()
        print(
            f"Loader {loader.name}: {len(content):,} bytes, {len(gzip.compress(content)):,} gzipped"
        )
    chromium = shutil.which("chromium")
    with serve(SITE) as site, sync_playwright() as playwright:
        browser = playwright.chromium.launch(executable_path=chromium, args=[*FLAGS])
        taken = [
            measure_first_card(browser, f"http://127.0.0.1:{site.port}{PAGE}") for _ in range(times)
        ]
        browser.close()
    print(f"First card after {median(taken):.2f} s (median of {times}; worst {max(taken):.2f} s)")


if __name__ == "__main__":
    main()
