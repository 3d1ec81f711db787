from __future__ import annotations

import json
import re
import shutil
from collections.abc import Iterable
from datetime import UTC, datetime
from pathlib import Path
from typing import Any
from urllib.parse import unquote

import pytest
from flask import Flask

from app import create_app
from recommender import store
from recommender.config import ROOT, Settings
from recommender.index import build_index, load_current, publish_generation, write_generation
from recommender.models import DonorProfile, Language, Nonprofit, Status, Tag
from recommender.pipeline import recommend
from recommender.publish import read_inputs
from recommender.query import condense, understand
from recommender.store.catalog import load_nonprofits, load_tags, set_status
from recommender.web.seal import MAX_TOKEN_LENGTH
from tests.web.client import Page, PageClient

ASYLUM_IN_MAINE = {"text": "legal help for asylum seekers", "place": "Portland, ME"}
ROBOTS = {"text": "robotics for dogs", "place": "Denver, CO"}


@pytest.fixture
def visitor(directory_app: Flask) -> PageClient:
    """A visitor of the whole directory."""
    client = directory_app.test_client()
    assert isinstance(client, PageClient)
    return client


@pytest.fixture
def small_app(
    directory_app: Flask, tmp_path: Path, taxonomy: Iterable[Tag], catalogue: Iterable[Nonprofit]
) -> Flask:
    """An application over the twelve made-up listings, free to be changed."""
    settings = Settings(instance=tmp_path, data=ROOT / "data", secret_key="test-key " * 8)
    shutil.copytree(directory_app.config["WAYMARK"].gazetteer, settings.gazetteer)
    db = store.connect(settings.database)
    store.migrate(db)
    load_tags(db, taxonomy)
    load_nonprofits(db, catalogue)
    generation = write_generation(build_index(read_inputs(db)), settings.index)
    publish_generation(settings.index, generation)
    db.close()
    app = create_app(settings)
    app.test_client_class = PageClient
    return app


def ask(client: PageClient, answers: dict[str, Any], prefix: str = "") -> str:
    """Send the form; the address of the results."""
    response = client.post(f"{prefix}/match", data=answers)
    assert response.status_code == 303, response.text
    location = response.headers["Location"]
    assert location.startswith(f"{prefix}/matches/")
    return location


def names(page: Page) -> list[str]:
    """The listings that a page links to by name, in order."""
    slugs = [re.fullmatch(r"(?:/es)?/nonprofits/([^/#]+)", link) for link in page.links]
    return [match[1] for match in slugs if match]


# --- The form ----------------------------------------------------------------------------


@pytest.mark.parametrize("prefix", ["", "/es"])
def test_home_is_the_form_itself(visitor: PageClient, prefix: str) -> None:
    page = visitor.page(f"{prefix}/")
    assert f'action="{prefix}/match"' in page.source
    assert f'action="{prefix}/directory"' in page.source
    assert len([link for link in page.links if "/learn/" in link]) >= 3
    assert len([link for link in page.links if "/topics/" in link]) == 10


def test_the_promise_stands_beside_the_button(visitor: PageClient) -> None:
    source = visitor.page("/").source
    button = source.index("Show the groups that fit")
    assert "Nothing is stored" in source[button : button + 300]


def test_only_the_first_step_is_needed(visitor: PageClient) -> None:
    assert visitor.page(ask(visitor, {"text": "asylum"})).headings == ["Groups that fit"]
    assert visitor.page(ask(visitor, {"services": ["housing-shelter"]})).headings == [
        "Groups that fit"
    ]


def test_nothing_asked_is_an_error_that_leads_to_the_field(visitor: PageClient) -> None:
    response = visitor.post("/match", data={"text": "  ", "place": "Portland, ME"})
    assert response.status_code == 422
    page = Page(response.text)
    assert "#text" in page.links
    assert 'value="Portland, ME"' in page.source
    assert "All groups around a place are in the directory." in page.source
    nothing = visitor.post("/match", data={"text": "  "})
    assert "All groups around a place" not in nothing.text


def test_all_errors_are_told_at_once_and_what_was_typed_stays(visitor: PageClient) -> None:
    answers = {
        "text": "",
        "place": "Springfield",
        "radius_km": "9e30",
        "scope": "moon",
        "small": "1",
        "giving": ["time"],
    }
    response = visitor.post("/match", data=answers)
    assert response.status_code == 422
    page = Page(response.text)
    assert {"#text", "#place", "#radius-km", "#scope"} <= set(page.links)
    assert 'value="Springfield"' in page.source
    assert 'name="small" value="1" checked' in page.source
    assert 'value="time" checked' in page.source


def test_an_unknown_place_offers_those_it_could_be(visitor: PageClient) -> None:
    answers = {"text": "asylum", "place": "Portland"}
    response = visitor.post("/match", data=answers)
    assert response.status_code == 422
    offered = re.findall(r'name="place_choice" value="([^"]+)"', response.text)
    assert {"Portland, ME", "Portland, OR"} <= set(offered)
    chosen = ask(visitor, answers | {"place_choice": "Portland, ME"})
    assert "around Portland, ME" in visitor.page(chosen).headings[0]


@pytest.mark.parametrize("answers", [{"services": ["no-such-tag"]}, {"giving": ["gold"]}])
def test_choices_that_do_not_exist_are_refused(visitor: PageClient, answers: Any) -> None:
    assert visitor.post("/match", data={"text": "asylum"} | answers).status_code == 422


# --- The address -------------------------------------------------------------------------


def test_nothing_a_donor_gave_is_legible_in_the_address(visitor: PageClient) -> None:
    answers = {"text": "zebra asylum", "place": "04101", "communities": ["somali"]}
    address = unquote(ask(visitor, answers)).casefold()
    assert not any(word in address for word in ("zebra", "asylum", "04101", "somali"))


def test_the_title_does_not_name_the_place(visitor: PageClient) -> None:
    assert visitor.page(ask(visitor, ASYLUM_IN_MAINE)).title.strip() == "Your matches · Waymark"


def test_going_back_and_sharing_work(visitor: PageClient) -> None:
    address = ask(visitor, ASYLUM_IN_MAINE)
    assert names(visitor.page(address)) == names(visitor.page(address))
    assert names(visitor.page("/es" + address)) == names(visitor.page(address))


@pytest.mark.parametrize("token", ["abc", "A" * 4_000, "%ED%A0%80", "%00", "é", "gAAAAA"])
@pytest.mark.parametrize("prefix", ["", "/es"])
def test_an_address_that_does_not_open_offers_the_form(
    visitor: PageClient, prefix: str, token: str
) -> None:
    response = visitor.get(f"{prefix}/matches/{token}")
    assert response.status_code == 404
    assert f'action="{prefix}/match"' in response.text


def test_an_old_address_says_that_it_is_too_old(
    visitor: PageClient, monkeypatch: pytest.MonkeyPatch
) -> None:
    address = ask(visitor, ASYLUM_IN_MAINE)
    later = datetime.now(tz=UTC).timestamp() + 31 * 24 * 3600
    monkeypatch.setattr("cryptography.fernet.time.time", lambda: later)
    response = visitor.get(address)
    assert response.status_code == 404
    assert "older than 30 days" in response.text


def test_results_are_not_kept_by_browsers_or_search_engines(visitor: PageClient) -> None:
    response = visitor.get(ask(visitor, ASYLUM_IN_MAINE))
    assert response.headers["Cache-Control"] == "no-store"
    assert response.headers["Referrer-Policy"] == "no-referrer"
    assert '<meta name="robots" content="noindex">' in response.text


# --- Results -----------------------------------------------------------------------------


def test_the_page_gives_the_engine_s_own_answer(visitor: PageClient) -> None:
    app = visitor.application
    with app.app_context():
        index = load_current(app.config["WAYMARK"].index)
    found = recommend(DonorProfile(text=ASYLUM_IN_MAINE["text"]), index)
    shown = names(visitor.page(ask(visitor, {"text": ASYLUM_IN_MAINE["text"]})))
    assert shown == [match.nonprofit.slug for match in found.matches]


def test_pages_and_api_agree(visitor: PageClient) -> None:
    shown = names(visitor.page(ask(visitor, ASYLUM_IN_MAINE)))
    answer = visitor.post("/api/v1/matches", json=ASYLUM_IN_MAINE).get_json()
    assert shown == [match["slug"] for match in answer["matches"]]


def test_the_reason_is_a_sentence_and_the_figures_follow(visitor: PageClient) -> None:
    page = visitor.page(ask(visitor, ASYLUM_IN_MAINE))
    assert names(page)[0] == "immigrant-legal-advocacy-project"
    assert "Because you asked for" in page.source
    figures = [float(x) for x in re.findall(r"<td>([\d.]+)</td></tr>", page.source)]
    assert figures
    assert page.source.count("Why this match, in figures") == 10
    assert "Office near you" in page.source
    assert "Works across the country" in page.source


def test_shares_on_the_page_add_up_to_the_score(visitor: PageClient) -> None:
    source = visitor.page(ask(visitor, ASYLUM_IN_MAINE)).source
    for table in re.findall(r'<table class="shares">.*?</table>', source, re.DOTALL):
        *shares, total = [float(x) for x in re.findall(r"<td>([\d.]+)</td></tr>", table)]
        # Each figure is rounded to a tenth of a point.
        assert sum(shares) == pytest.approx(total, abs=0.05 * (len(shares) + 1))


def test_no_close_match_says_so_and_offers_what_is_near(visitor: PageClient) -> None:
    page = visitor.page(ask(visitor, ROBOTS))
    assert page.headings == ["No close match"]
    assert "No listing mentions" in page.source
    assert "The nearest groups, whatever they do" in page.source
    assert "Aurora, CO" in page.source
    assert "/directory" in page.links


def test_without_a_place_the_page_says_how_to_add_one(visitor: PageClient) -> None:
    page = visitor.page(ask(visitor, {"text": "asylum lawyers"}))
    assert "No place was given" in page.source


@pytest.mark.parametrize("text", ["I want to help", "donate money", "quiero donar"])
def test_words_that_fit_every_group_put_none_of_them_first(visitor: PageClient, text: str) -> None:
    page = visitor.page(ask(visitor, {"text": text}))
    assert page.headings == ["Please say a little more"]
    assert names(page) == []


def test_where_only_the_place_counted_the_page_says_so(visitor: PageClient) -> None:
    page = visitor.page(ask(visitor, {"text": "I want to help", "place": "Portland, ME"}))
    assert page.headings[0] == "Groups around Portland, ME"
    assert "fits every group here" in page.source
    assert len(names(page)) >= 10


def test_of_words_that_say_little_a_name_is_still_found(visitor: PageClient) -> None:
    page = visitor.page(ask(visitor, {"text": "ayuda"}))
    assert set(names(page)) == {"ayuda"}
    assert "Because what you typed is its name, or close to it." in page.source


def test_conditions_alone_still_list_who_meets_them(visitor: PageClient) -> None:
    address = ask(visitor, {"text": "I want to help"})
    refined = visitor.post(address, data={"only-services": "legal-services"})
    page = visitor.page(refined.headers["Location"])
    assert len(names(page)) >= 10
    assert 'class="why"' not in page.source


def test_conditions_that_nobody_meets_can_be_taken_back(visitor: PageClient) -> None:
    address = ask(visitor, {"text": "legal help", "place": "Boise, ID"})
    assert ">Fewer conditions<" not in visitor.page(address).source
    only = {"only-languages": "hmong", "only-communities": "haitian"}
    page = visitor.page(visitor.post(address, data=only).headers["Location"])
    assert page.headings[0] == "No close match"
    assert '<a href="#refine">Fewer conditions</a>' in page.source


def test_a_place_in_the_words_is_offered_as_the_place(visitor: PageClient) -> None:
    page = visitor.page(ask(visitor, {"text": "legal help for asylum seekers in Portland, Maine"}))
    (offered,) = re.findall(r'<a href="([^"]+)">Look around Portland, ME<', page.source)
    assert visitor.page(offered).headings[0] == "Groups that fit, around Portland, ME"
    assert "Look around" not in visitor.page(offered).source


def test_a_place_in_the_words_is_offered_where_nothing_is_close(visitor: PageClient) -> None:
    page = visitor.page(ask(visitor, {"text": "robotics for dogs in Denver"}))
    assert page.headings[0] == "No close match"
    assert ">Look around Denver, CO<" in page.source


def test_a_mistyped_word_is_told(visitor: PageClient) -> None:
    source = visitor.page(ask(visitor, {"text": "asylm lawyers"})).source
    assert "We read “<em>asylm</em>” as “<em>asylum</em>”." in source


def test_to_a_state_there_is_no_distance(visitor: PageClient) -> None:
    page = visitor.page(ask(visitor, {"text": "asylum", "place": "Maine"}))
    assert page.headings[0] == "Groups that fit, in Maine"
    source = page.source
    assert " away</li>" not in source
    assert "it has an office in your area" in source


@pytest.mark.parametrize(("asked", "shown"), [("20", 20), ("30", 30), ("9" * 30, 30), ("x", 10)])
def test_more_results_follow_in_the_same_order(visitor: PageClient, asked: str, shown: int) -> None:
    address = ask(visitor, {"text": "refugees"})
    first, longer = names(visitor.page(address)), names(visitor.page(f"{address}?n={asked}"))
    assert len(longer) == shown
    assert set(first) <= set(longer)


def test_giving_changes_the_advice_and_not_the_list(visitor: PageClient) -> None:
    plain = visitor.page(ask(visitor, ASYLUM_IN_MAINE))
    giving = visitor.page(ask(visitor, ASYLUM_IN_MAINE | {"giving": ["time", "goods"]}))
    assert names(plain) == names(giving)
    assert "Before you give" not in plain.source
    assert "Time: ask them" in giving.source
    assert "Money: ask them" not in giving.source


def test_what_was_typed_cannot_become_markup(visitor: PageClient) -> None:
    text = "<script>alert(1)</script> \"asylum\" 'x' {{ 7 * 7 }}"
    source = visitor.page(ask(visitor, {"text": text})).source
    assert "<script>alert" not in source
    assert "{{ 7 * 7 }}" in source


def test_a_withdrawn_listing_is_gone_at_once(small_app: Flask) -> None:
    client = small_app.test_client()
    assert isinstance(client, PageClient)
    address = ask(client, {"text": "asylum", "place": "Portland, ME"})
    assert "test-maine-asylum-project" in names(client.page(address))
    db = store.connect(small_app.config["WAYMARK"].database)
    set_status(db, "test-maine-asylum-project", Status.WITHDRAWN)
    db.close()
    assert "test-maine-asylum-project" not in names(client.page(address))
    compared = client.page("/compare?slugs=test-maine-asylum-project,test-houston-clinic")
    assert names(compared) == ["test-houston-clinic"]
    gone = client.get("/nonprofits/test-maine-asylum-project")
    assert gone.status_code == 410
    assert "has been taken down" in gone.text


# --- Refining ----------------------------------------------------------------------------


def test_refining_leads_to_a_new_address_with_another_list(visitor: PageClient) -> None:
    address = ask(visitor, ASYLUM_IN_MAINE)
    changes = {"weight-place": "2", "weight-topic": "0.5", "only-services": "english-classes"}
    response = visitor.post(address, data=changes)
    assert response.status_code == 303
    page = visitor.page(response.headers["Location"])
    assert response.headers["Location"] != address
    assert names(page) != names(visitor.page(address))
    assert 'value="english-classes" selected' in page.source
    assert "only: English classes" in page.source
    assert "around Portland, ME" in page.headings[0]


@pytest.mark.parametrize(
    "changes",
    [{"weight-place": "nan"}, {"radius_km": "1e30"}, {"scope": "x"}, {"only-services": "x"}],
)
def test_refining_refuses_what_it_does_not_offer(visitor: PageClient, changes: Any) -> None:
    assert visitor.post(ask(visitor, ASYLUM_IN_MAINE), data=changes).status_code == 422


def test_answers_can_be_changed(visitor: PageClient) -> None:
    answers = ASYLUM_IN_MAINE | {"small": "1", "communities": ["somali"], "giving": ["money"]}
    page = visitor.page(ask(visitor, answers) + "/change")
    assert "legal help for asylum seekers</textarea>" in page.source
    for value in ('value="Portland, ME"', 'value="somali" checked', 'value="money" checked'):
        assert value in page.source


# --- Long texts --------------------------------------------------------------------------


def _article(n_resources: int, language: str) -> str:
    resources = json.loads((ROOT / "data" / "resources.json").read_text(encoding="utf-8"))
    return " ".join(piece[f"body_{language}"] for piece in resources[:n_resources])


@pytest.mark.parametrize("language", ["en", "es"])
@pytest.mark.parametrize("n_resources", [8, 20, 60])
def test_a_condensed_text_gives_the_same_answer(
    visitor: PageClient, language: str, n_resources: int
) -> None:
    index = load_current(visitor.application.config["WAYMARK"].index)
    text = _article(n_resources, language)
    whole = DonorProfile(text=text, language=Language(language))
    themes = DonorProfile(
        text=condense(text, index, Language(language)), language=Language(language)
    )
    first, second = (understand(profile, index) for profile in (whole, themes))
    assert [u.label for u in first.units] == [u.label for u in second.units]
    assert second.concept_share == pytest.approx(first.concept_share, abs=0.01)
    answers = [recommend(profile, index) for profile in (whole, themes)]
    slugs = [[match.nonprofit.slug for match in answer.matches] for answer in answers]
    assert slugs[0] == slugs[1]
    assert answers[0].no_close_match == answers[1].no_close_match


def test_a_condensed_text_of_one_subject_off_ours_stays_far(visitor: PageClient) -> None:
    index = load_current(visitor.application.config["WAYMARK"].index)
    text = "The robot vacuum cleans quantum carpets while the toaster hums. " * 300
    themes = condense(text, index, Language.EN)
    assert len(themes) < len(text)
    assert recommend(DonorProfile(text=themes), index).no_close_match


def test_a_pasted_article_fits_into_an_address(visitor: PageClient) -> None:
    text = _article(60, "en")
    address = ask(visitor, {"text": text, "place": "Los Angeles, CA"})
    assert len(address) <= MAX_TOKEN_LENGTH + len("/matches/")
    page = visitor.page(address)
    assert "Themes we found in your text" in page.source
    assert "Because your text is about" in page.source
    assert "you asked for" not in page.source
    assert text[:60] not in page.source


def test_themes_can_be_kept_while_the_rest_is_changed(visitor: PageClient) -> None:
    address = ask(visitor, {"text": _article(60, "en"), "place": "Los Angeles, CA"})
    form = visitor.page(f"{address}/change").source
    kept = re.search(r'name="kept" value="([^"]+)"', form)
    assert kept
    answers = {"text": "", "kept": kept[1], "place": "Los Angeles, CA"}
    again = visitor.page(ask(visitor, answers))
    assert names(again) == names(visitor.page(address))
    assert visitor.post("/match", data=answers | {"kept": "broken"}).status_code == 404


# --- Comparing ---------------------------------------------------------------------------


def test_up_to_four_stand_side_by_side(visitor: PageClient) -> None:
    slugs = names(visitor.page(ask(visitor, {"text": "asylum"})))[:5]
    by_boxes = visitor.page("/compare?" + "&".join(f"slugs={slug}" for slug in slugs))
    assert names(by_boxes) == slugs[:4]
    assert "Only the first four" in by_boxes.source
    assert names(visitor.page("/compare?slugs=" + ",".join(slugs[:2]))) == slugs[:2]


@pytest.mark.parametrize("query", ["", "?slugs=", "?slugs=nobody", "?slugs=%00,%ED%A0%80", "?x=1"])
def test_nothing_to_compare_says_how(visitor: PageClient, query: str) -> None:
    for prefix in ("", "/es"):
        page = visitor.page(f"{prefix}/compare{query}")
        assert f"{prefix}/directory" in page.links


# --- Odd input ---------------------------------------------------------------------------

ODD = ["\0", "\ud800", "💐" * 500, "ﷺ" * 200, "a" * 59_000, "' OR 1=1 --", "%n" * 50, "?", "1e400"]


@pytest.mark.parametrize("text", ODD)
@pytest.mark.parametrize("field", ["text", "place", "radius_km", "scope", "services", "kept"])
def test_odd_answers_are_no_server_error(visitor: PageClient, field: str, text: str) -> None:
    sent = text.encode("utf-8", "surrogatepass")
    response = visitor.post("/match", data={"text": "asylum"} | {field: sent})
    assert response.status_code in {303, 404, 422}
    if response.status_code == 303:
        visitor.page(response.headers["Location"])


def test_fields_sent_twice_and_unknown_fields_are_no_server_error(visitor: PageClient) -> None:
    body = "text=asylum&text=x&place=Portland,+ME&place=%ED%A0%80&text[]=1&%00=%ff"
    response = visitor.post("/match", data=body, content_type="application/x-www-form-urlencoded")
    assert response.status_code == 303


def test_a_flood_of_words_is_refused_and_kept_in_the_form(visitor: PageClient) -> None:
    text = "asylum " * 50_000
    response = visitor.post("/match", data={"text": text})
    assert response.status_code == 422
    assert "This is too long" in response.text
