from __future__ import annotations

import shutil
from collections.abc import Callable, Iterator
from typing import Any

import pytest
from playwright.sync_api import BrowserContext, Page

from recommender.config import ROOT
from tests.browser.watch import Watcher
from tests.serving import Site

FLAGS = (
    "--no-sandbox",
    "--disable-gpu",
    "--disable-quic",
    "--no-first-run",
    "--disable-background-networking",
    "--disable-component-update",
    "--disable-sync",
)


def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    for item in items:
        if item.path.is_relative_to(ROOT / "tests/browser"):
            item.add_marker(pytest.mark.browser)


@pytest.fixture(scope="session")
def browser_type_launch_args(browser_type_launch_args: dict[str, Any]) -> dict[str, Any]:
    """Debian's Chromium; without it the tests fail."""
    chromium = shutil.which("chromium")
    assert chromium, "Chromium is missing: `make browser` installs it."
    return {**browser_type_launch_args, "executable_path": chromium, "args": [*FLAGS]}


@pytest.fixture(scope="session")
def base_url(site: Site) -> str:
    """What addresses in tests are relative to."""
    return site.url


Open = Callable[..., Page]


@pytest.fixture
def open_window(new_context: Callable[..., BrowserContext], site: Site) -> Iterator[Open]:
    """A window of its own, as Playwright's context options say; it must end spotless."""
    watchers: list[Watcher] = []

    def open_(**options: Any) -> Page:
        context = new_context(**options)
        watchers.append(Watcher(context, site.url))
        return context.new_page()

    yield open_
    for watcher in watchers:
        assert watcher.problems() == []


@pytest.fixture
def plain(open_window: Open) -> Page:
    """A page of a browser that runs no scripts."""
    return open_window(java_script_enabled=False)
