"""The watcher itself: a site that misbehaves must be noticed."""

from __future__ import annotations

from collections.abc import Callable

import pytest
from playwright.sync_api import BrowserContext, Route

from recommender.web.headers import HEADERS, RouteKind
from tests.browser.watch import Watcher
from tests.serving import Site

POLICY = {"Content-Security-Policy": HEADERS[RouteKind.DONOR]["Content-Security-Policy"]}
MISCHIEF = {
    "an inline script": ("<script>1</script>", POLICY),
    "an inline style": ("<p style='color:red'>x</p>", POLICY),
    "a script that fails": ("<script>nothing()</script>", {}),
    "a tracker": ("<img src='https://tracker.example/dot.png'>", {}),
    "a missing file": ("<img src='/static/missing.png'>", {}),
    "a cookie": ("", {"Set-Cookie": "seen=1"}),
    "local storage": ("<script>localStorage.setItem('seen', '1')</script>", {}),
    "a database": ("<script>indexedDB.open('seen', 1)</script>", {}),
}


@pytest.mark.parametrize("mischief", MISCHIEF)
def test_mischief_is_noticed(
    new_context: Callable[..., BrowserContext], site: Site, mischief: str
) -> None:
    body, headers = MISCHIEF[mischief]
    context = new_context()
    watcher = Watcher(context, site.url)

    def answer(route: Route) -> None:
        route.fulfill(status=200, content_type="text/html", headers=headers, body=body)

    page = context.new_page()
    page.route("https://tracker.example/**", lambda route: route.abort())
    page.route("**/mischief", answer)
    page.goto("/mischief")
    page.wait_for_load_state("networkidle")
    assert watcher.problems() != []


def test_a_page_of_ours_is_spotless(new_context: Callable[..., BrowserContext], site: Site) -> None:
    context = new_context()
    watcher = Watcher(context, site.url)
    context.new_page().goto("/about")
    assert watcher.requests
    assert watcher.problems() == []
