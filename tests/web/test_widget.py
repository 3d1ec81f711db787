from __future__ import annotations

import re
import shutil
from collections.abc import Callable, Iterator
from dataclasses import dataclass, replace
from pathlib import Path

import pytest
from flask import Flask
from werkzeug.test import TestResponse

from app import MAX_REQUEST_BYTES, create_app
from recommender.config import Settings
from recommender.models import (
    ColorScheme,
    CountKind,
    Language,
    Look,
    Partner,
    PartnerDraft,
    Status,
    WidgetDefaults,
    WidgetFont,
    WidgetSize,
)
from recommender.store import Database, connect
from recommender.store.catalog import set_status
from recommender.store.partners import create_partner, list_counts, rotate_key, set_paused
from recommender.store.partners import update_partner as update
from recommender.web import get_index, widget
from recommender.web.frames import list_topics
from recommender.web.headers import EVERYWHERE
from tests.browser.kinds import read_articles
from tests.web.client import Page, PageClient

SEED = read_articles("sanctuary-cities-hold-their-ground")
RECIPE = (
    "Warm the olive oil in a heavy pot and soften the onions with a pinch of salt until they "
    "are golden. Add the garlic, then the crushed tomatoes and a sprig of basil, and let the "
    "sauce simmer on a low flame for two hours. Serve over fresh pasta with grated cheese. "
) * 3
NEWS, BLOG = "https://news.example.org", "https://blog.example.org:8443"
DRAFT = PartnerDraft(name="Test Gazette", origins=(NEWS, BLOG))
TOPIC = "topic=legal-services&place=Houston,+TX"


@dataclass
class World:
    """The site over a directory of its own, with one partner."""

    app: Flask
    db: Database
    client: PageClient
    partner: Partner

    def path(self, rest: str = "", language: str = "") -> str:
        return f"{language}/embed/{self.partner.key}{rest}"

    def get(self, rest: str = "", language: str = "") -> TestResponse:
        response = self.client.get(self.path(rest, language))
        assert response.status_code == 200, response.status
        return response

    def read(self, text: str, rest: str = "", **form: str) -> TestResponse:
        """What the frame's script does with the text of an article."""
        path = self.path(f"/article?context=1{rest}")
        return self.client.post(path, data={"text": text, **form})


@pytest.fixture(scope="module")
def settings(directory: Settings, tmp_path_factory: pytest.TempPathFactory) -> Settings:
    instance = tmp_path_factory.mktemp("partners") / "instance"
    shutil.copytree(directory.instance, instance)
    return replace(directory, instance=instance)


@pytest.fixture(scope="module")
def app(settings: Settings) -> Flask:
    app = create_app(settings)
    app.test_client_class = PageClient
    return app


@pytest.fixture
def world(app: Flask, settings: Settings) -> Iterator[World]:
    db = connect(settings.database)
    db.execute("DELETE FROM partners")
    db.execute("DELETE FROM rate_windows")
    widget.init_app(app)
    client = app.test_client()
    assert isinstance(client, PageClient)
    yield World(app=app, db=db, client=client, partner=create_partner(db, DRAFT, by=None))
    db.close()


def slugs(response: TestResponse) -> list[str]:
    """The listings that a page links to, in its order."""
    found = re.findall(r'href="(?:/es)?/nonprofits/([\w-]+)"', response.text)
    return list(dict.fromkeys(found))


def heading(response: TestResponse) -> str:
    return Page(response.text).headings[0].strip()


def framed_by(response: TestResponse) -> list[str]:
    policy = response.headers["Content-Security-Policy"]
    return policy.partition("frame-ancestors ")[2].split()


# --- Who may frame it --------------------------------------------------------------------


def test_a_frame_names_its_host_and_exactly_its_partners_sites(world: World) -> None:
    response = world.get()
    own = "http://localhost"
    assert response.headers["Content-Security-Policy"] == (
        f"default-src 'none'; script-src {own}; style-src {own}; img-src {own} data:; "
        f"font-src {own}; connect-src {own}; form-action {own}; base-uri 'none'; "
        "sandbox allow-scripts allow-forms allow-popups allow-popups-to-escape-sandbox; "
        f"frame-ancestors {BLOG} {NEWS}"
    )
    expected = {
        **EVERYWHERE,
        "Referrer-Policy": "no-referrer",
        "Cross-Origin-Resource-Policy": "cross-origin",
    }
    assert {name: response.headers.get(name) for name in expected} == expected
    for name in ("X-Frame-Options", "Set-Cookie", "Vary", "Access-Control-Allow-Origin"):
        assert name not in response.headers


def test_a_changed_site_is_in_the_next_answer_whatever_a_browser_holds(world: World) -> None:
    etag = world.get().headers["ETag"]
    update(world.db, world.partner.id, replace(DRAFT, origins=(NEWS,)), by=None)
    again = world.client.get(world.path(), headers={"If-None-Match": etag})
    assert again.status_code == 200
    assert framed_by(again) == [NEWS]


def test_a_key_that_is_unknown_paused_or_rotated_is_framed_by_nobody(world: World) -> None:
    sealed = world.client.post(world.path(), data={"text": "legal help"}).headers["Location"]
    known = [world.path(), sealed, world.path(f"?{TOPIC}")]
    assert all(framed_by(world.client.get(path)) == [BLOG, NEWS] for path in known)
    set_paused(world.db, world.partner.id, True, by=None)
    for path in (*known, "/embed/nobody", "/es/embed/nobody", "/embed/%00", "/embed/x%27--"):
        response = world.client.get(path)
        assert response.status_code == 404
        assert framed_by(response) == ["'none'"]
        assert response.headers["Cache-Control"] == "no-store"
        # Without a script it never says that it is ready, and the page's link stays.
        assert "<script" not in response.text
    for rest in ("", "/article", "/count"):
        assert world.client.post(world.path(rest), data={"text": "x"}).status_code == 404
    set_paused(world.db, world.partner.id, False, by=None)
    world.get()
    rotate_key(world.db, world.partner.id, by=None)
    assert world.client.get(world.path()).status_code == 404


def test_errors_stay_in_the_frame_that_they_are_in(world: World) -> None:
    huge = {"text": "x" * (MAX_REQUEST_BYTES + 1)}
    for response, status in (
        (world.client.get(world.path("/gAAAA")), 404),
        (world.client.post(world.path(), data={}), 422),
        (world.client.post(world.path(), data=huge), 413),
        (world.client.post(world.path("/article"), data=huge), 413),
    ):
        assert response.status_code == status
        assert framed_by(response) == [BLOG, NEWS]
        assert response.headers["Cache-Control"] == "no-store"
        assert "Waymark" in response.text


def test_an_error_of_ours_is_a_small_page_too(
    world: World, monkeypatch: pytest.MonkeyPatch
) -> None:
    def fail(*_args: object, **_kwargs: object) -> None:
        raise ValueError("secret")

    monkeypatch.setattr(widget, "recommend", fail)
    world.app.config["PROPAGATE_EXCEPTIONS"] = False
    response = world.client.get(world.path(f"?{TOPIC}"))
    world.app.config["PROPAGATE_EXCEPTIONS"] = None
    assert response.status_code == 500
    assert framed_by(response) == [BLOG, NEWS]
    assert "secret" not in response.text


def test_no_other_page_can_be_framed(world: World) -> None:
    for path in ("/", "/learn", "/directory", "/about", "/staff/login", "/nowhere", "/embed"):
        assert framed_by(world.client.get(path)) == ["'none'"]


def test_the_preview_can_be_framed_by_this_site_alone(world: World) -> None:
    response = world.client.get("/embed/preview", base_url="https://waymark.example")
    assert framed_by(response) == ["https://waymark.example"]


@pytest.mark.parametrize("host", ["a; script-src *", "a b", "x,y", "'self'", ""])
def test_an_odd_host_opens_nothing(world: World, host: str) -> None:
    response = world.client.get(world.path(), headers={"Host": host})
    policy = response.headers["Content-Security-Policy"]
    assert "script-src 'none'; style-src 'none';" in policy
    assert framed_by(response) == [BLOG, NEWS]


# --- What it shows -----------------------------------------------------------------------


def test_a_shell_holds_no_listing_and_nothing_of_its_reader(world: World) -> None:
    first = world.client.get(world.path())
    other = {"User-Agent": "x", "Accept-Language": "es", "Cookie": "a=1", "Referer": "https://a.b"}
    second = world.client.get(world.path(), headers=other)
    assert first.data == second.data
    assert first.headers["Cache-Control"].startswith("public, max-age=300")
    assert slugs(first) == []
    etag = {"If-None-Match": first.headers["ETag"]}
    again = world.client.get(world.path(), headers=etag)
    assert (again.status_code, again.data) == (304, b"")
    assert framed_by(again) == [BLOG, NEWS]


def test_a_topic_shows_what_the_site_shows(world: World) -> None:
    response = world.get(f"?{TOPIC}&size=large")
    form = {"services": "legal-services", "place": "Houston, TX"}
    assert (heading(response), len(slugs(response))) == (
        "Legal help: nonprofits around Houston, TX",
        5,
    )
    assert slugs(response) == on_the_site(world, form)[:5]
    assert 'name="services" value="legal-services"' in response.text
    assert "its work includes <em>legal help</em>" in response.text


def test_a_guide_shows_what_its_page_shows(world: World) -> None:
    response = world.get("?topic=asylum-and-the-border&size=large")
    page = world.client.get("/topics/asylum-and-the-border")
    nonprofits = page.text.partition('id="nonprofits"')[2]
    assert slugs(response) == re.findall(
        r'class="card-name"><a href="/nonprofits/([\w-]+)', nonprofits
    )
    assert 'action="/topics/asylum-and-the-border/near" target="_blank"' in response.text


def test_a_withdrawn_listing_is_gone_from_the_next_answer(world: World) -> None:
    shown = world.get(f"?{TOPIC}")
    assert "max-age=0" in shown.headers["Cache-Control"]
    first = slugs(shown)[0]
    article = slugs(world.read(SEED))[0]
    for slug in (first, article):
        set_status(world.db, slug, Status.WITHDRAWN)
    etag = {"If-None-Match": shown.headers["ETag"]}
    again = world.client.get(world.path(f"?{TOPIC}"), headers=etag)
    assert again.status_code == 200
    assert first not in slugs(again)
    assert article not in slugs(world.read(SEED))
    for slug in (first, article):
        set_status(world.db, slug, Status.PUBLISHED)


def on_the_site(world: World, form: dict[str, object]) -> list[str]:
    sent = world.client.post("/match", data=form)
    page = world.client.get(sent.headers["Location"])
    return re.findall(r'class="card-name"><a href="/nonprofits/([\w-]+)', page.text)


def test_what_is_asked_in_the_frame_is_answered_as_on_the_site(world: World) -> None:
    form = {"text": "legal help for asylum seekers", "place": "04101"}
    sent = world.client.post(world.path("?size=large&theme=dark"), data=form)
    assert sent.status_code == 303
    address = sent.headers["Location"]
    assert re.fullmatch(rf"/embed/{world.partner.key}/gAAAA[\w-]+\?size=large&theme=dark", address)
    response = world.client.get(address)
    assert slugs(response) == on_the_site(world, form)[:5]
    assert response.headers["Cache-Control"] == "no-store"
    everything = re.search(r'href="(/matches/gAAAA[\w-]+)" target="_blank"', response.text)
    assert everything
    page = world.client.get(everything[1])
    assert slugs(page)[:5] == slugs(response)
    theirs = re.findall(r'<div class="why">\s*<p>(.*?)</p>', page.text)
    ours = re.findall(r'<p class="reason">(.*?)</p>', response.text)
    assert ours == theirs[:5]
    assert "legal help" in ours[0]


def test_a_typed_place_is_sealed_for_a_topic_too(world: World) -> None:
    sent = world.client.post(world.path(f"?{TOPIC}"), data={"place": "04101"})
    response = world.client.get(sent.headers["Location"])
    assert "04101" not in sent.headers["Location"]
    assert heading(response) == "Legal help: nonprofits around Portland, ME 04101"
    first = on_the_site(world, {"services": "legal-services", "place": "04101"})[0]
    assert slugs(response)[0] == first


def test_a_topic_shows_nobody_who_does_something_else(world: World) -> None:
    """Around Portland, Maine, others are nearer than the next legal help."""
    response = world.get("?topic=legal-services&place=04101&size=large")
    with world.app.test_request_context():
        index = get_index()
        found = [index.nonprofit(index.row_of[slug]) for slug in slugs(response)]
    assert len(found) == 5
    assert all("legal-services" in listing.services for listing in found)


def test_what_needs_another_look_says_so_beside_the_matches(world: World) -> None:
    response = world.client.post(world.path(f"?{TOPIC}"), data={"place": "Nowhereville, ZZ"})
    assert response.status_code == 422
    assert len(slugs(response)) == 3
    assert 'aria-invalid="true"' in response.text
    empty = world.client.post(world.path(), data={"place": "Springfield"})
    assert empty.status_code == 422
    assert 'name="place_choice"' in empty.text


@pytest.mark.parametrize("text", ["vintage car repair", "I want to help"])
def test_where_nothing_fits_nothing_is_shown(world: World, text: str) -> None:
    sent = world.client.post(world.path(), data={"text": text})
    response = world.client.get(sent.headers["Location"])
    assert heading(response) == "No close match"
    assert slugs(response) == []
    assert 'name="text"' in response.text


def test_the_address_and_the_partner_decide_how_it_looks(world: World) -> None:
    look = Look(
        size=WidgetSize.SMALL,
        scheme=ColorScheme.DARK,
        font=WidgetFont.SERIF,
        accent="#884400",
        radius_px=6,
    )
    defaults = WidgetDefaults(topic="legal-services", place="Houston, TX", look=look)
    update(world.db, world.partner.id, replace(DRAFT, defaults=defaults), by=None)
    response = world.get()
    assert heading(response) == "Legal help: nonprofits around Houston, TX"
    assert len(slugs(response)) == 2
    assert 'data-theme="dark" data-font="serif"' in response.text
    assert "/widget/look/884400-6.css" in response.text
    other = world.get(
        "?topic=housing-shelter&place=ME&size=medium&theme=light&font=sans&accent=%23ABCDEF&radius=0"
    )
    assert heading(other) == "Housing and shelter: nonprofits in Maine"
    assert len(slugs(other)) == 3
    assert 'data-theme="light" data-font="sans"' in other.text
    assert "/widget/look/abcdef-0.css" in other.text
    assert slugs(world.get("?topic=")) == []
    odd = world.get("?size=huge&theme=pink&font=x&accent=red&radius=-1")
    assert odd.text.replace(
        "?size=huge&amp;theme=pink&amp;font=x&amp;accent=red&amp;radius=-1", ""
    ) == (response.text)


def test_every_topic_can_be_shown_in_both_languages(world: World) -> None:
    with world.app.test_request_context():
        kinds = dict(list_topics())
    assert list(kinds) == ["guides", "services", "populations", "communities"]
    for choices in kinds.values():
        slug, label = choices[0]
        assert label in heading(world.get(f"?topic={slug}"))
        assert label not in heading(world.get(f"?topic={slug}", "/es"))


def test_the_language_switch_leads_to_the_same_in_the_other_language(world: World) -> None:
    sealed = world.client.post(world.path("?radius=4"), data={"text": "legal help", "place": "ME"})
    for response in (world.get(f"?{TOPIC}"), world.client.get(sealed.headers["Location"])):
        link = re.search(r'href="([^"]+)" lang="es"', response.text)
        assert link
        twin = world.client.get(link[1].replace("&amp;", "&"))
        assert slugs(twin) == slugs(response)
        assert f'href="{response.request.full_path}"'.replace("&", "&amp;") in twin.text
    wrong = world.client.post(world.path("?radius=4"), data={})
    assert f'href="/es/embed/{world.partner.key}?radius=4"' in wrong.text


# --- Articles ----------------------------------------------------------------------------


def test_the_seed_article_shows_los_angeles_with_its_own_themes(world: World) -> None:
    response = world.read(SEED, "&size=large", language="en-US")
    assert heading(response) == "Nonprofits at work on this near Los Angeles, CA"
    assert len(slugs(response)) == 5
    assert response.text.count("Los Angeles, CA · ") >= 3
    reasons = re.findall(r"Because this article is about (.*?), and", response.text)
    assert len(reasons) == 5
    themes = {theme for reason in reasons for theme in re.findall("<em>(.*?)</em>", reason)}
    assert themes & {"advocacy and policy", "deportation defense", "rapid response"}
    assert themes <= understood(world, SEED)


def understood(world: World, text: str) -> set[str]:
    """The themes that the site reads out of a text."""
    sent = world.client.post("/match", data={"text": text})
    page = world.client.get(sent.headers["Location"]).text
    listed = page.partition("Themes we found in your text")[2].partition("</details>")[0]
    labels = re.findall(r"<li>(?:“(.*?)”|(.*?) <span)", listed)
    return {(word or label[:1].lower() + label[1:]) for word, label in labels}


def test_an_article_is_matched_as_the_site_matches_it(world: World) -> None:
    text = read_articles("sanctuary-cities-hold-their-ground")
    response = world.read(text, "&size=large", place="Los Angeles, CA")
    assert slugs(response) == on_the_site(world, {"text": text, "place": "Los Angeles, CA"})[:5]
    assert slugs(world.read(text, "&size=large")) == slugs(response)


def test_a_recipe_shows_the_honest_empty_state(world: World) -> None:
    response = world.read(RECIPE)
    assert response.status_code == 200
    assert heading(response) == "No group here is close to this article"
    assert slugs(response) == []
    assert 'name="text"' in response.text


def test_the_readers_place_counts_before_the_articles_and_the_partners_last(world: World) -> None:
    plain = "Legal help for asylum seekers who face deportation is hard to find. " * 5
    assert heading(world.read(SEED, "&place=Houston,+TX")).endswith("near Los Angeles, CA")
    assert heading(world.read(SEED, place="04101")).endswith("near Portland, ME 04101")
    assert heading(world.read(plain, "&place=Houston,+TX")).endswith("near Houston, TX")
    assert heading(world.read(plain, "&place=TX")) == "Nonprofits at work on this in Texas"
    assert heading(world.read(plain)) == "Nonprofits at work on this"
    wrong = world.read(SEED, place="Nowhereville, ZZ")
    assert wrong.status_code == 422
    assert heading(wrong).endswith("near Los Angeles, CA")


def test_an_article_may_be_read_by_the_frames_script_alone_of_all_answers(world: World) -> None:
    assert world.read(SEED).headers["Access-Control-Allow-Origin"] == "*"
    for response in (world.get(), world.client.post(world.path(), data={"text": "legal help"})):
        assert "Access-Control-Allow-Origin" not in response.headers
    assert "Access-Control-Allow-Credentials" not in world.read(SEED).headers


def test_an_article_answer_is_not_kept_by_a_browser(world: World) -> None:
    assert world.read(SEED).headers["Cache-Control"] == "no-store"


@pytest.fixture
def matched(world: World, monkeypatch: pytest.MonkeyPatch) -> list[str]:
    """The texts that were really matched."""
    texts: list[str] = []
    recommend: Callable[..., object] = widget.recommend

    def watched(profile, index, **options):
        texts.append(profile.text)
        return recommend(profile, index, **options)

    monkeypatch.setattr(widget, "recommend", watched)
    return texts


def test_the_same_article_is_matched_once(world: World, matched: list[str]) -> None:
    first, again = world.read(SEED), world.read(SEED)
    assert len(matched) == 1
    assert slugs(first) == slugs(again)
    # Every other answer is matched anew: of another size, language or text.
    world.read(SEED, "&size=large")
    world.read(SEED, language="es")
    world.read(SEED + "!")
    assert len(matched) == 4


def test_an_answer_near_a_typed_place_is_never_kept(world: World, matched: list[str]) -> None:
    for _ in range(3):
        world.read(SEED, place="04101")
    assert len(matched) == 3
    assert len(world.app.extensions["articles"]) == 0


def test_no_more_than_some_articles_are_kept_for_some_minutes(world: World) -> None:
    kept = world.app.extensions["articles"]
    kept._most = 2
    for number in range(4):
        world.read(f"{SEED} {number}")
    assert len(kept) == 2
    assert widget.KEPT_S <= 600


def test_a_long_text_is_cut_and_nothing_breaks(world: World, matched: list[str]) -> None:
    world.read("legal help " * 5_000)
    assert len(matched[0]) == widget.MAX_ARTICLE


def test_an_empty_text_asks_instead(world: World) -> None:
    for text in ("", "  \n "):
        response = world.read(text)
        assert response.status_code == 200
        assert 'name="services"' in response.text


def test_nothing_of_an_article_or_a_question_is_on_the_disk(world: World) -> None:
    text = f"{SEED} Quokkaberry"
    world.read(text)
    world.read(text, place="Wombatville, ZZ")
    world.client.post(world.path(), data={"text": "Quokkaberry legal help", "place": "59937"})
    world.client.post(world.path("/count"), data={"kind": "view", "text": "Quokkaberry"})
    world.app.extensions["tally"].write()
    update(world.db, world.partner.id, replace(DRAFT, name="Bilbystone"), by=None)
    assert on_disk(world, "Bilbystone")
    assert not [word for word in ("Quokkaberry", "Wombatville", "59937") if on_disk(world, word)]


def on_disk(world: World, word: str) -> bool:
    instance: Path = world.app.config["WAYMARK"].instance
    own = (path for path in instance.glob("waymark.db*"))
    return any(word.encode() in path.read_bytes() for path in own)


# --- Limits ------------------------------------------------------------------------------


def test_too_many_questions_are_told_when_to_come_back(
    world: World, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(widget, "MAX_QUESTIONS", 3)
    world.read(SEED)
    for _ in range(2):
        assert world.client.post(world.path(), data={"text": "legal help"}).status_code == 303
    for limited in (
        world.client.post(world.path(), data={"text": "legal help"}),
        world.read(SEED, place="04101"),
        world.read(f"{SEED} more"),
    ):
        assert limited.status_code == 429
        assert 0 < int(limited.headers["Retry-After"]) <= widget.WINDOW_S
        assert "You can try again in 10 minutes." in limited.text
        assert framed_by(limited) == [BLOG, NEWS]
    # What is kept, and what holds nothing new, is still there for all.
    assert world.read(SEED).status_code == 200
    world.get(f"?{TOPIC}")
    elsewhere = {"REMOTE_ADDR": "192.0.2.7"}
    sent = world.client.post(world.path(), data={"text": "x"}, environ_overrides=elsewhere)
    assert sent.status_code == 303


ODD = ["", "\x00", "\ud800", "a" * 5_000, "'; DROP TABLE partners", "%s%n", "null", "-1", "1e999"]


@pytest.mark.parametrize("odd", ODD, ids=range(len(ODD)))
def test_odd_input_is_never_an_error_of_ours(world: World, odd: str) -> None:
    given = odd.encode("utf-8", "surrogatepass")
    names = ("topic", "place", "size", "theme", "font", "accent", "radius", "context")
    for name in (*names, "_scheme", "_external", "key", "sealed", "endpoint"):
        for rest in ("", "/x", "/article"):
            response = world.client.get(world.path(rest), query_string={name: given})
            assert response.status_code < 500
    fields = ("text", "place", "place_choice", "services", "language", "kind", "kept", "radius_km")
    for rest in ("", "/article", "/count"):
        form = dict.fromkeys(fields, given)
        assert world.client.post(world.path(rest), data=form).status_code < 500
        body = world.client.post(world.path(rest), data=given, content_type="application/json")
        assert body.status_code < 500


# --- Counts ------------------------------------------------------------------------------


def test_views_opens_and_clicks_are_counted_and_nothing_else(world: World) -> None:
    for kind, n in (("view", 12), ("open", 10), ("click", 9)):
        for _ in range(n):
            sent = world.client.post(world.path("/count"), data={"kind": kind, "who": "me"})
            assert (sent.status_code, sent.data) == (204, b"")
    for kind in ("", "VIEW", "x"):
        assert world.client.post(world.path("/count"), data={"kind": kind}).status_code == 422
    world.client.post("/embed/preview/count", data={"kind": "view"})
    world.app.extensions["tally"].write()
    (counts,) = list_counts(world.db, world.partner.id).values()
    assert counts == {CountKind.VIEW: 12, CountKind.OPEN: 10, CountKind.CLICK: None}
    rows = list(world.db.query("SELECT kind, count FROM partner_counts ORDER BY count"))
    assert [tuple(row.values()) for row in rows] == [("click", 9), ("open", 10), ("view", 12)]


def test_the_page_says_what_its_script_counts(world: World) -> None:
    assert 'data-counted="view"' in world.get().text
    assert 'data-counted="view"' in world.get(f"?{TOPIC}").text
    sent = world.client.post(world.path(), data={"text": "legal help"})
    assert 'data-counted="open"' in world.client.get(sent.headers["Location"]).text
    assert "data-counted" not in world.read(SEED).text
    assert "data-counted" not in world.client.post(world.path(), data={}).text


def test_the_language_of_an_article_may_be_another_than_the_frames(
    world: World, matched: list[str]
) -> None:
    spanish = world.client.post(world.path("/article?context=1", "/es"), data={"text": SEED})
    english = world.client.post(
        world.path("/article?context=1", "/es"), data={"text": SEED, "language": Language.EN.value}
    )
    assert len(matched) == 2
    assert heading(english) == "Organizaciones que trabajan en esto cerca de Los Angeles, CA"
    assert "este artículo trata de" in english.text
    assert spanish.status_code == 200
