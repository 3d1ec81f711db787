"""A test client that reads every page it fetches as a demanding visitor would.

Whatever a test is about, a page with two headings of the first level, an unlabelled field,
a repeated id, an inline style, a cookie, a dead link or a message left in English fails it.
"""

from __future__ import annotations

import re
from collections import Counter
from dataclasses import dataclass, field
from functools import cache
from html.parser import HTMLParser
from urllib.parse import urlsplit

from babel.messages.pofile import read_po
from flask import Flask
from flask.testing import FlaskClient
from werkzeug.exceptions import HTTPException, MethodNotAllowed
from werkzeug.routing import RequestRedirect
from werkzeug.test import TestResponse

from recommender.web.headers import HEADERS, SANDBOX, SHOWCASE, STAGE, RouteKind
from recommender.web.i18n import TRANSLATIONS

VOID = set("area base br col embed hr img input link meta source track wbr".split())
SVG_LEAVES = {"path", "rect", "circle", "line", "use", "ellipse", "polygon", "polyline"}
FIELDS = {"input", "select", "textarea"}
# Pages that the layout points to before they are built; a page that is there must leave here.
AWAITED = {"/about/how-matching-works"}
UNLABELLED_TYPES = {"hidden", "submit", "button"}


@dataclass
class Page(HTMLParser):
    """What one reading of a page's source finds; `problems` is empty for a good page."""

    source: str
    problems: list[str] = field(default_factory=list)
    lang: str = ""
    title: str = ""
    headings: list[str] = field(default_factory=list)
    links: list[str] = field(default_factory=list)
    ids: list[str] = field(default_factory=list)
    texts: list[str] = field(default_factory=list)
    _open: list[tuple[str, dict[str, str]]] = field(default_factory=list)
    _labels: set[str] = field(default_factory=set)
    _fields: list[dict[str, str]] = field(default_factory=list)
    _references: list[str] = field(default_factory=list)

    def __post_init__(self) -> None:
        super().__init__(convert_charrefs=True)
        self.feed(self.source)
        self.close()
        self._check_whole()

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        given = {name: value or "" for name, value in attrs}
        self._check_element(tag, attrs, given)
        if tag == "html":
            self.lang = given.get("lang", "")
        if tag == "h1":
            self.headings.append("")
        if tag in FIELDS and given.get("type") not in UNLABELLED_TYPES:
            inside = any(name == "label" for name, _ in self._open)
            self._fields.append({**given, "inside label": "yes" if inside else ""})
        if tag == "label" and given.get("for"):
            self._labels.add(given["for"])
        if tag == "a" and "href" in given:
            self.links.append(given["href"])
        if tag not in VOID:
            self._open.append((tag, given))

    def handle_startendtag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        if tag not in VOID | SVG_LEAVES:
            self.problems.append(f"<{tag}/> does not close itself in HTML")
        self.handle_starttag(tag, attrs)
        if tag not in VOID:
            self._open.pop()

    def handle_endtag(self, tag: str) -> None:
        if not self._open or self._open[-1][0] != tag:
            top = self._open[-1][0] if self._open else "nothing"
            self.problems.append(f"</{tag}> closes <{top}> at {self.getpos()}")
        else:
            self._open.pop()

    def handle_data(self, data: str) -> None:
        if not data.strip():
            return
        tags = [tag for tag, _ in self._open]
        if "script" in tags:
            return
        if tags[-1:] == ["title"] and "svg" not in tags:
            self.title += data
        if "h1" in tags:
            self.headings[-1] += data
        if not any(given.get("lang") for tag, given in self._open if tag != "html"):
            self.texts.append(" ".join(data.split()))

    def _check_element(
        self, tag: str, attrs: list[tuple[str, str | None]], given: dict[str, str]
    ) -> None:
        names = [name for name, _ in attrs]
        if len(names) != len(given):
            self.problems.append(f"<{tag}> has an attribute twice: {names}")
        if "style" in given or tag == "style" or any(name.startswith("on") for name in given):
            self.problems.append(f"<{tag}> has an inline style or handler")
        if tag == "script" and "src" not in given and given.get("type") != "application/ld+json":
            self.problems.append("inline script")
        if tag == "img" and "alt" not in given:
            self.problems.append("img without alt")
        if "id" in given:
            self.ids.append(given["id"])
        for name in ("aria-labelledby", "aria-describedby", "aria-controls"):
            self._references += given.get(name, "").split()

    def _check_whole(self) -> None:
        if not self.source.lstrip().lower().startswith("<!doctype html>"):
            self.problems.append("no doctype")
        if self._open:
            self.problems.append(f"never closed: {[tag for tag, _ in self._open]}")
        if len(self.headings) != 1 or not self.headings[0].strip():
            self.problems.append(f"headings of the first level: {self.headings}")
        if not re.fullmatch(r"\S.* · Waymark", self.title.strip(), re.DOTALL):
            self.problems.append(f"title: {self.title!r}")
        self.problems += [f"id twice: {id_}" for id_, n in Counter(self.ids).items() if n > 1]
        known = set(self.ids)
        self.problems += [f"no id {name}" for name in self._references if name not in known]
        fragments = [link[1:] for link in self.links if link.startswith("#") and len(link) > 1]
        self.problems += [f"no target #{name}" for name in fragments if name not in known]
        self.problems += [
            f"no label: {given.get('name')}" for given in self._fields if not self._labelled(given)
        ]

    def _labelled(self, given: dict[str, str]) -> bool:
        named = given.get("aria-label") or given.get("aria-labelledby") or given["inside label"]
        return bool(named) or given.get("id") in self._labels


class PageClient(FlaskClient):
    """Flask's test client, refusing every HTML answer that is not in order."""

    def open(self, *args: object, **kwargs: object) -> TestResponse:
        """Fetch and, where the answer is a page, read it."""
        response = super().open(*args, **kwargs)
        if response.mimetype == "text/html" and response.status_code not in range(300, 400):
            path = urlsplit(response.request.path).path
            problems = check_page(self.application, response, path)
            assert not problems, f"{path}: " + "; ".join(problems)
        return response

    def page(self, path: str) -> Page:
        """The reading of a page that must exist."""
        response = self.get(path)
        assert response.status_code == 200, (path, response.status)
        return Page(response.text)


def check_page(app: Flask, response: TestResponse, path: str) -> list[str]:
    """Everything that is wrong with a page and the headers it came with."""
    page = Page(response.text)
    problems = page.problems + _header_problems(response)
    language = "es" if path == "/es" or path.startswith("/es/") else "en"
    if page.lang != language:
        problems.append(f"lang={page.lang!r}")
    if language == "es":
        left = set(page.texts) & _english_only()
        problems += [f"left in English: {text!r}" for text in sorted(left)]
    return problems + [f"dead link: {link}" for link in page.links if not _resolves(app, link)]


def _header_problems(response: TestResponse) -> list[str]:
    problems = []
    if "Set-Cookie" in response.headers:
        problems.append("sets a cookie")
    if "Cookie" in response.headers.get("Vary", ""):
        problems.append("varies by cookie")
    expected = HEADERS[RouteKind.LEARN]["Content-Security-Policy"]
    policy = response.headers.get("Content-Security-Policy", "")
    if "<iframe " in response.text:
        expected = SHOWCASE["Content-Security-Policy"]
    if urlsplit(response.request.path).path.endswith("/partners/preview"):
        expected = STAGE["Content-Security-Policy"]
    if is_card(response):
        policy = policy.partition("; sandbox ")[2]
        expected = "allow-popups allow-popups-to-escape-sandbox; frame-ancestors *"
    elif is_frame(response):
        # Whom it lets frame it is the business of the tests of the widget.
        policy, expected = policy.partition("; sandbox ")[2], f"{SANDBOX}; frame-ancestors"
        policy = policy[: len(expected)]
    if policy != expected:
        problems.append("another content security policy than the pages'")
    return problems


def is_frame(response: TestResponse) -> bool:
    """Whether an answer is what a partner's page frames."""
    path = urlsplit(response.request.path).path
    return path.removeprefix("/es").startswith("/embed/")


def is_card(response: TestResponse) -> bool:
    """Whether an answer is what any page may frame."""
    path = urlsplit(response.request.path).path
    return path.removeprefix("/es").startswith("/embed/card/")


def _resolves(app: Flask, link: str) -> bool:
    """Whether an internal link leads to a route; other sites must be reached over https."""
    parts = urlsplit(link)
    if parts.netloc not in {"", "localhost"} or (parts.scheme and not parts.netloc):
        return parts.scheme in {"https", "mailto", "otpauth"}
    if not parts.path or (parts.path.removeprefix("/es") or "/") in AWAITED:
        return True
    try:
        app.url_map.bind("localhost").match(parts.path, method="GET")
    except (RequestRedirect, MethodNotAllowed):
        return True
    except HTTPException:
        return False
    return True


@cache
def _english_only() -> frozenset[str]:
    """English messages that look different in Spanish, and so must not be on a Spanish page."""
    with (TRANSLATIONS / "es/LC_MESSAGES/messages.po").open("rb") as file:
        catalogue = read_po(file, locale="es")
    spanish = {message.string for message in catalogue if isinstance(message.string, str)}
    return frozenset(
        message.id
        for message in catalogue
        # One short word can be a name, or a word of both languages.
        if isinstance(message.id, str) and " " in message.id and message.id not in spanish
    )
