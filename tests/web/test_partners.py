from __future__ import annotations

import html
import json
import re
from collections.abc import Iterator
from html.parser import HTMLParser
from pathlib import Path
from urllib.parse import parse_qs, urlencode, urlsplit

import pytest
from flask import Flask
from werkzeug.test import TestResponse

from recommender.config import ROOT
from recommender.models import (
    ColorScheme,
    Language,
    Partner,
    WidgetDefaults,
    WidgetFont,
    WidgetSize,
)
from recommender.web.api.contract import DOCUMENT, HOST
from recommender.web.frames import OPTIONS, Frame, list_topics, read_frame
from recommender.web.headers import HEADERS, SANDBOX, SHOWCASE, STAGE, RouteKind
from recommender.web.loader import host_policy, integrity, list_versions
from recommender.web.partners import MEANINGS, RELEASES
from recommender.web.snippets import (
    NO_KEY,
    card_address,
    element_code,
    frame_code,
    make_widget,
    pinned_code,
    script_code,
)
from recommender.web.widget import PREVIEW
from tests.web.client import PageClient
from tests.web.test_api_examples import address, run_curl

__all__ = ["address"]

LOADER = (ROOT / "static/widget" / f"{max(RELEASES)}.js").read_text(encoding="utf-8")
OWN = "http://localhost"
PAGES = ("", "/builder", "/preview", "/docs")


@pytest.fixture
def client(directory_app: Flask) -> PageClient:
    client = directory_app.test_client()
    assert isinstance(client, PageClient)
    return client


@pytest.fixture
def inside(directory_app: Flask) -> Iterator[None]:
    """A request, in which code can be made."""
    with directory_app.test_request_context(base_url=OWN):
        yield


class Elements(HTMLParser):
    """Every element of a piece of HTML, with its attributes."""

    def __init__(self, source: str) -> None:
        super().__init__()
        self.found: list[tuple[str, dict[str, str]]] = []
        self.feed(source)
        self.close()

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        self.found.append((tag, {name: value or "" for name, value in attrs}))

    def one(self, tag: str) -> dict[str, str]:
        (attributes,) = (attributes for name, attributes in self.found if name == tag)
        return attributes


def build(client: PageClient, language: str = "", **wanted: str) -> TestResponse:
    return client.get(f"{language}/partners/builder?{urlencode(wanted)}")


def code(response: TestResponse, name: str) -> str:
    """What stands in one of the builder's fields to be copied."""
    (text,) = re.findall(
        rf'<textarea[^>]* id="code-{name}"[^>]*>\n(.*?)</textarea>', response.text, re.S
    )
    return html.unescape(text)


def stage(response: TestResponse) -> tuple[str, dict[str, list[str]]]:
    """The path of the test page that the builder shows, and what it is asked for."""
    frames = [at["src"] for tag, at in Elements(response.text).found if tag == "iframe"]
    (src,) = (urlsplit(src) for src in frames)
    return src.path, parse_qs(src.query)


# --- The pages ---------------------------------------------------------------------------


@pytest.mark.parametrize("language", ["", "/es"])
@pytest.mark.parametrize("path", PAGES)
def test_a_page_is_there_in_both_languages(client: PageClient, path: str, language: str) -> None:
    assert client.get(f"{language}/partners{path}").status_code == 200


def test_only_pages_that_show_the_widget_may_frame_and_only_the_test_page_is_framed(
    client: PageClient,
) -> None:
    expected = {
        "": {**HEADERS[RouteKind.LEARN], **SHOWCASE},
        "/builder": {**HEADERS[RouteKind.LEARN], **SHOWCASE},
        "/preview": {**HEADERS[RouteKind.LEARN], **STAGE},
        "/docs": HEADERS[RouteKind.LEARN],
    }
    for path, headers in expected.items():
        response = client.get(f"/partners{path}")
        assert {name: response.headers.get(name) for name in headers} == headers, path
    assert STAGE["Content-Security-Policy"].endswith("frame-ancestors 'self'; frame-src 'self'")
    assert "frame-ancestors 'none'; frame-src 'self'" in SHOWCASE["Content-Security-Policy"]


def test_every_page_leads_to_them_and_search_engines_to_all_but_the_test_page(
    client: PageClient,
) -> None:
    assert "/partners" in client.page("/about").links
    assert "/es/partners" in client.page("/es/about").links
    listed = client.get("/sitemap.xml").text
    assert [f"<loc>{OWN}/partners{path}</loc>" in listed for path in PAGES] == [
        *(True, True, False, True)
    ]
    assert 'name="robots" content="noindex"' in client.get("/partners/preview").text


# --- The builder -------------------------------------------------------------------------


@pytest.mark.parametrize("prefix", ["", "/es"])
def test_every_page_leads_to_the_form_for_partners(client: PageClient, prefix: str) -> None:
    for path in ("", "/builder", "/docs"):
        assert f"{prefix}/partners/write" in client.page(f"{prefix}/partners{path}").links


def test_the_builder_begins_with_something_to_see(client: PageClient) -> None:
    response = build(client)
    assert stage(response) == ("/partners/preview", {"topic": ["legal-services"]})
    script = Elements(code(response, "script"))
    assert script.one("script")["data-partner"] == NO_KEY
    assert script.one("a")["href"] == f"{OWN}/directory?service=legal-services"


def test_what_is_chosen_is_in_the_code_and_in_the_preview_alike(client: PageClient) -> None:
    chosen = {
        "topic": "asylum-and-the-border",
        "place": "Houston, TX",
        "size": "large",
        "theme": "dark",
        "font": "serif",
        "accent": "#884400",
        "radius": "12",
    }
    response = build(client, about="topic", language="es", key="abcdef0123456789", **chosen)
    assert response.status_code == 200
    given = Elements(code(response, "script")).one("script")
    said = {name.removeprefix("data-"): v for name, v in given.items() if "data-" in name}
    assert said == {"partner": "abcdef0123456789", "lang": "es", **chosen}
    assert given["src"] == f"{OWN}/widget/v1.js"
    assert given["referrerpolicy"] == "no-referrer"
    link = Elements(code(response, "script")).one("a")["href"]
    assert link == code(response, "oembed") == f"{OWN}/es/topics/asylum-and-the-border"
    frame = Elements(code(response, "iframe")).one("iframe")
    src = urlsplit(frame["src"])
    assert src.path == "/es/embed/abcdef0123456789"
    assert {name: values[0] for name, values in parse_qs(src.query).items()} == chosen
    assert frame["sandbox"] == SANDBOX
    assert frame["title"] == "Organizaciones afines, de Waymark"
    path, shown = stage(response)
    assert (path, {name: values[0] for name, values in shown.items()}) == (
        "/es/partners/preview",
        chosen,
    )


def test_what_is_as_usual_is_left_out(client: PageClient) -> None:
    wanted = {"size": "medium", "theme": "auto", "font": "system", "accent": "", "radius": "0"}
    response = build(client, about="topic", topic="housing-shelter", place="", **wanted)
    assert set(Elements(code(response, "script")).one("script")) == {
        *("async", "referrerpolicy", "src", "data-partner", "data-lang", "data-topic")
    }


def test_an_article_needs_the_script_and_has_no_card(client: PageClient) -> None:
    response = build(client, about="article", topic="housing-shelter")
    given = Elements(code(response, "script")).one("script")
    assert given["data-context"] == "auto"
    assert "data-topic" not in given
    assert stage(response)[1] == {"context": ["auto"]}
    assert "context" not in code(response, "iframe")
    assert 'id="code-oembed"' not in response.text


def test_a_widget_that_asks_says_neither_topic_nor_context(client: PageClient) -> None:
    response = build(client, about="asked", topic="housing-shelter")
    assert stage(response)[1] == {}
    assert set(Elements(code(response, "script")).one("script")) == {
        *("async", "referrerpolicy", "src", "data-partner", "data-lang")
    }


@pytest.mark.parametrize("language", ["", "/es"])
@pytest.mark.parametrize(
    ("field", "value"),
    [
        *(("place", "Springfeld"), ("place", "x" * 70_000), ("accent", "red"), ("topic", "none")),
        *(("radius", "round"), ("size", "vast"), ("theme", "<b>"), ("font", "Comic"), ("key", "!")),
        ("key", '"><script src="//x">'),
    ],
)
def test_what_cannot_be_used_is_told_beside_its_field_and_is_not_in_the_code(
    client: PageClient, field: str, value: str, language: str
) -> None:
    wanted = {"about": "topic", "topic": "legal-services", field: value}
    response = build(client, language, **wanted)
    assert f'id="{field}-error"' in response.text or f'href="#{field}"' in response.text
    assert f'href="#{field}"' in response.text
    for name in ("script", "iframe"):
        assert value not in code(response, name)
        assert urlencode({field: value}) not in code(response, name)
    assert field not in stage(response)[1]


def test_a_place_that_could_be_several_is_chosen_from_them(client: PageClient) -> None:
    assert 'name="place_choice"' in build(client, place="Springfield").text
    response = build(client, place="Springfield", place_choice="Springfield, IL")
    assert Elements(code(response, "script")).one("script")["data-place"] == "Springfield, IL"


def test_odd_addresses_of_the_builder_are_pages(client: PageClient) -> None:
    for query in ("about=nothing", "language=fr", "topic=%00", "place=%ED%A0%80", "key=%C3%A9"):
        assert client.get(f"/partners/builder?{query}").status_code == 200
    for query in ("size=vast&radius=-1&accent=%22", "topic=%00&place=%00", "context=%3Cscript%3E"):
        assert client.get(f"/partners/preview?{query}").status_code == 200


def test_the_test_page_holds_the_very_code_with_a_key_that_only_this_site_can_frame(
    client: PageClient,
) -> None:
    page = client.get("/partners/preview?topic=legal-services&accent=%23884400").text
    loaders = [at for tag, at in Elements(page).found if tag == "script"]
    assert loaders == [
        {
            "async": "",
            "referrerpolicy": "no-referrer",
            "src": f"{OWN}/widget/v1.js",
            "data-partner": PREVIEW,
            "data-lang": "en",
            "data-topic": "legal-services",
            "data-accent": "#884400",
        }
    ]
    assert "<noscript><iframe " in page
    policy = client.get(f"/embed/{PREVIEW}").headers["Content-Security-Policy"]
    assert policy.endswith(f"frame-ancestors {OWN}")


# --- The code ----------------------------------------------------------------------------


@pytest.mark.usefixtures("inside")
def test_code_carries_what_partners_write_and_nothing_else() -> None:
    options = {"topic": "legal-services", "place": "Houston, TX", "size": "vast", "accent": '"'}
    widget = make_widget("k", Language.EN, options)
    assert dict(widget.options) == {"topic": "legal-services", "place": "Houston, TX"}
    for made in (script_code(widget), element_code(widget), frame_code(widget)):
        assert "vast" not in made
        assert "Houston" in made
    element = Elements(element_code(widget)).one("waymark-matches")
    assert element == {"partner": "k", "lang": "en", **widget.options}


@pytest.mark.usefixtures("inside")
def test_a_topic_in_a_state_has_the_states_card_and_a_place_elsewhere_the_topics() -> None:
    def card(topic: str, place: str) -> str:
        return card_address(make_widget("k", Language.EN, {"topic": topic, "place": place}))

    assert card("legal-services", "Houston, TX").endswith("?service=legal-services&state=TX")
    assert card("haitian", "Florida").endswith("?community=haitian&state=FL")
    assert card("legal-services", "").endswith("?service=legal-services")
    assert card("", "Texas") == ""


@pytest.mark.usefixtures("inside")
def test_a_pinned_version_names_its_digest() -> None:
    (version,) = list_versions()
    script = Elements(pinned_code(version)).one("script")
    assert script["src"] == f"{OWN}/widget/{version}.js"
    assert script["integrity"] == integrity(version)
    assert script["crossorigin"] == "anonymous"


def test_every_card_address_that_the_builder_gives_has_a_card(
    client: PageClient, directory_app: Flask
) -> None:
    with directory_app.test_request_context():
        slugs = [slug for _kind, choices in list_topics() for slug, _label in choices]
    for slug in slugs[::7]:
        card = code(build(client, about="topic", topic=slug, place="Texas"), "oembed")
        assert client.get("/oembed", query_string={"url": card}).status_code == 200, card


# --- The documentation -------------------------------------------------------------------


def test_the_attributes_are_those_that_the_loader_and_the_frame_know(client: PageClient) -> None:
    listed = re.search(r"OPTIONS = \[(.*?)\]", LOADER)
    observed = re.search(r"observedAttributes = \[(.*?), \.\.\.OPTIONS\]", LOADER)
    assert listed
    assert observed
    loader = {*json.loads(f"[{listed[1]}]"), *json.loads(f"[{observed[1]}]")}
    assert loader == set(MEANINGS) == {*OPTIONS, "partner", "lang"}
    for language in ("", "/es"):
        page = client.get(f"{language}/partners/docs").text
        told = page.partition("attributes")[2].partition('id="article"')[0]
        assert re.findall(r'"field-name">(\w+)<', told) == list(MEANINGS)
        for option in OPTIONS.values():
            assert ", ".join(option.values) or option.sample in html.unescape(told)


@pytest.mark.usefixtures("inside")
def test_every_value_that_is_documented_means_something() -> None:
    for option in OPTIONS.values():
        assert bool(option.values) != bool(option.sample), option.name
        for value in option.values or (option.sample,):
            assert option.read(value) is not None, option.name
            assert _frame(**{option.name: value}) != _frame(), (option.name, value)
        assert option.name == "context" or option.read("{}") is None
    assert OPTIONS["size"].values == tuple(WidgetSize)
    assert OPTIONS["theme"].values == tuple(ColorScheme)
    assert OPTIONS["font"].values == tuple(WidgetFont)


def _frame(**options: str) -> Frame:
    partner = Partner(
        id=1,
        key="k",
        name="N",
        origins=(),
        defaults=WidgetDefaults(),
        is_paused=False,
        created_at="",
    )
    return read_frame(partner, options)


def test_figures_and_names_are_those_of_the_loader(client: PageClient) -> None:
    page = client.get("/partners/docs").text
    assert "WAIT_MS = 8000;" in LOADER
    assert page.count("8 seconds") == 2
    assert "PATIENCE_MS = 3000;" in LOADER
    assert "after 3 seconds" in page
    assert "this.#hand(port, signal, 10)" in LOADER
    assert "tries - 1), 500)" in LOADER
    assert "no article 5 seconds after" in page
    assert "MAX_TEXT = 20000;" in LOADER
    assert "the first 20,000 characters" in page
    said = set(re.findall(r'say\("(.*?)"\)', LOADER))
    assert said == set(re.findall(r'"field-name">(waymark-\w+)<', page))
    assert len(said) == 2


def test_policy_versions_topics_and_limits_are_those_of_the_code(
    client: PageClient, directory_app: Flask
) -> None:
    page = html.unescape(client.get("/partners/docs").text)
    with directory_app.test_request_context(base_url=OWN):
        assert host_policy() in page
        assert list(RELEASES) == list_versions()[::-1]
        assert all(integrity(version) in page for version in list_versions()[-1:])
        slugs = [slug for _kind, choices in list_topics() for slug, _label in choices]
    assert [slug for slug in slugs if f"<code>{slug}</code>" not in page] == []
    assert "60 new questions in 10 minutes" in page
    assert "A number under 10 is shown to nobody" in page


def test_examples_on_the_page_are_shown_and_not_run(client: PageClient) -> None:
    page = client.get("/partners/docs").text
    tags = [tag for tag, _ in Elements(page).found]
    assert "iframe" not in tags
    assert "waymark-matches" not in tags
    assert "script" not in tags


def _snippets(client: PageClient, path: str) -> list[str]:
    found = re.findall(r'<pre class="snippet"><code>(.*?)</code>', client.get(path).text, re.S)
    return [html.unescape(snippet) for snippet in found]


@pytest.mark.parametrize("language", ["", "/es"])
def test_each_command_on_the_page_answers(
    client: PageClient, address: str, tmp_path: Path, language: str
) -> None:
    shown = [s for s in _snippets(client, f"{language}/partners/docs") if s.startswith("curl")]
    assert len(shown) >= 3
    for command in shown:
        # The address asked for is in the parameter too.
        quoted = command.replace(urlencode({"": OWN})[1:], urlencode({"": address})[1:])
        answer = json.loads(run_curl(quoted.replace(OWN, address), tmp_path))
        assert "error" not in answer, command
        assert answer.get("matches") or answer.get("html"), command


def test_the_other_examples_are_those_that_are_run_elsewhere(client: PageClient) -> None:
    samples = DOCUMENT["paths"]["/api/v1/matches"]["post"]["x-codeSamples"]
    shown = _snippets(client, "/partners/docs")
    for sample in samples:
        assert sample["source"].replace(HOST, OWN).strip() in [s.strip() for s in shown]
