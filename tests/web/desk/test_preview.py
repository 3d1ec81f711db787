"""The preview beside the form of a listing: what it says, and that it saves nothing."""

from __future__ import annotations

import html
import re
from collections.abc import Callable
from typing import Any

import pytest

from recommender import store
from recommender.errors import IndexDamaged, IndexNotReady, RecommenderError
from recommender.findability import Hint, HintKind, find_hints
from recommender.index import load_current
from recommender.models import Language, Location, Nonprofit, Visibility
from recommender.store.listings import get_listing, list_nonprofits
from recommender.web.desk import preview
from recommender.web.desk.preview import make_preview, see_office
from recommender.web.headers import HEADERS, RouteKind
from recommender.web.i18n import current_language
from tests.web.desk.shelves import Desk
from tests.web.desk.test_listings import LAWYERS, NEW, form_of

ADDRESS = "/staff/listings/preview"
CLINIC = "test-houston-clinic"


def ask(desk: Desk, **form: Any) -> str:
    """The preview of a form, as plain text with single spaces."""
    return " ".join(html.unescape(re.sub(r"<[^>]+>", " ", source(desk, **form))).split())


def source(desk: Desk, **form: Any) -> str:
    """The same as it is sent."""
    response = desk.editor.submit(ADDRESS, **form)
    assert response.status_code == 200, response.text
    assert response.json is not None
    return str(response.json["html"])


def everything(desk: Desk) -> tuple[Any, ...]:
    """All that the store has: every row of every table but those of sessions and limits."""
    db = store.connect(desk.app.config["WAYMARK"].database)
    try:
        names = set(db.table_names()) - {"sessions", "rate_windows"}
        return tuple(
            (name, tuple(map(str, db.table(name).rows)))
            for name in sorted(names)
            if "search" not in name
        )
    finally:
        db.close()


# --- The card ----------------------------------------------------------------------------


def test_the_card_is_that_of_donors_in_both_languages(still_desk: Desk) -> None:
    shown = source(still_desk, **form_of(still_desk.app, CLINIC), editing=CLINIC)
    page = still_desk.donor.get("/directory").text
    spanish = still_desk.donor.get("/es/directory").text
    for language, public in (("en", page), ("es", spanish)):
        ours = card(shown, f'href="#card-{language}"')
        theirs = card(public, f'/nonprofits/{CLINIC}">')
        for part in ("card-summary", "card-where", "card-foot"):
            assert inside(ours, part) == inside(theirs, part), part
        assert f'<div id="card-{language}" lang="{language}">' in shown


def card(source: str, mark: str) -> str:
    """The card in which a mark stands, or that comes after it."""
    at = source.index(mark)
    begin = source.rindex("<article", 0, at) if "<article" in source[:at] else at
    return source[begin : source.index("</article>", at)]


def inside(source: str, name: str) -> str:
    found = re.search(rf'class="{name}[^"]*">(.*?)</(?:p|ul)>', source, re.DOTALL)
    assert found, name
    return " ".join(found[1].split())


def test_the_desk_speaks_english_again_after_the_spanish_card(
    still_desk: Desk, make_nonprofit: Callable[..., Nonprofit]
) -> None:
    with still_desk.app.test_request_context("/staff"):
        still_desk.app.preprocess_request()
        cards = dict(make_preview(make_nonprofit("Test", "Portland, ME")).cards)
        assert current_language() is Language.EN
    assert "da ayuda legal gratuita" in cards[Language.ES]
    assert "gives free legal help" in cards[Language.EN]


@pytest.mark.parametrize(
    ("visibility", "seen", "unseen"),
    [
        ("public", ["Lewiston, ME", "“Lewiston, ME 04240” on its page"], []),
        ("city", ["Lewiston, ME", "the middle of the city"], ["04240”"]),
        ("hidden", ["nothing, on no page"], ["“Lewiston"]),
    ],
)
def test_offices_are_shown_as_donors_see_them(
    still_desk: Desk, visibility: str, seen: list[str], unseen: list[str]
) -> None:
    places = {
        "place_city": ["Lewiston"],
        "place_state": ["ME"],
        "place_zip": ["04240"],
        "place_visibility": [visibility],
    }
    shown = ask(still_desk, **(NEW | places | {"area_city": [], "area_state": []}))
    assert all(words in shown for words in seen)
    assert not [words for words in unseen if words in shown]
    cards = shown.partition("What they see of its offices")[0]
    assert ("Lewiston" in cards) == (visibility != "hidden")
    assert "04240" not in cards


def test_what_donors_see_is_said_of_each_visibility() -> None:
    spot = Location(city="Bath", state="ME", zip="04530")
    assert see_office(spot) == "“Bath, ME” on its card, “Bath, ME 04530” on its page"
    bare = Location(city="Bath", state="ME")
    assert see_office(bare) == "“Bath, ME”"
    hidden = Location(city="Bath", state="ME", visibility=Visibility.HIDDEN)
    assert "Bath" not in see_office(hidden)


def test_an_office_that_does_not_say_what_may_be_shown_is_hidden(still_desk: Desk) -> None:
    odd = {"place_visibility": ["everywhere"], "area_city": [], "area_state": []}
    assert "nothing, on no page" in ask(still_desk, **(NEW | odd))


def test_what_has_a_fault_is_left_out(still_desk: Desk) -> None:
    faults = {
        "revenue_usd": "plenty",
        "ruling_year": "-3",
        "website": "ftp://a.example",
        "reach": "galactic",
        "basis": "rumour",
        "place_city": ["", "Portland", "Bath"],
        "place_state": ["ME", "QQ", "ME"],
        "place_zip": ["", "", "04530"],
        "place_visibility": ["public"] * 3,
        "source_as_of": ["soon"],
    }
    shown = ask(still_desk, **(NEW | faults))
    assert "Bath, ME" in shown
    assert "QQ" not in shown
    assert "From its public mission statement" in shown
    assert "Revenue" not in shown


# --- What it is found by -----------------------------------------------------------------


def test_terms_are_bars_with_their_weights(still_desk: Desk) -> None:
    shown = source(still_desk, **form_of(still_desk.app, CLINIC), editing=CLINIC)
    bars = re.findall(
        r'bar-name">([^<]+) <small>([^<]+)</small>.*?share-part" width="([\d.]+)".*?'
        r'bar-figure">([\d.]+)<',
        shown,
        re.DOTALL,
    )
    named = {name: note for name, note, _, _ in bars}
    assert named["Health care"] == "Services"
    assert named["Refugees"] == "People"
    assert named["houston"] == "English, Spanish"
    assert named["clinic"] == "English, Spanish"
    weights = [float(weight) for _, _, _, weight in bars]
    shares = [float(share) for _, _, share, _ in bars]
    heaviest = max(weights)
    assert max(shares) == 100
    for share, weight in zip(shares, weights, strict=True):
        assert share == pytest.approx(100 * weight / heaviest, abs=2)


def test_it_says_where_the_listing_stands_and_would_stand(still_desk: Desk) -> None:
    as_it_is = ask(still_desk, **form_of(still_desk.app, CLINIC), editing=CLINIC)
    assert "“clinic” should bring it 1 1" in as_it_is
    nothing = {"name": "Nothing", "summary_en": "Nothing.", "summary_es": "Nada.", "services": []}
    emptied = form_of(still_desk.app, CLINIC, **nothing, populations=[])
    assert "“clinic” should bring it 1 not found down" in ask(still_desk, **emptied, editing=CLINIC)
    draft = {"summary_en": "A walk-in clinic.", "services": ["health-care"]}
    assert "“clinic” brings it not found 1 up" in ask(still_desk, **(NEW | draft))


def test_it_says_what_would_help(still_desk: Desk) -> None:
    bare = {"services": [], "summary_en": "Refugees.", "source_source": [""]}
    shown = source(still_desk, **(NEW | bare))
    assert '<a href="#services">Tick at least one service' in shown
    assert '<a href="#summary-en">Say more in English' in shown
    assert '<a href="#populations">It says “refugees”, but “Refugees” is not ticked.' in shown
    full = ask(still_desk, **form_of(still_desk.app, CLINIC), editing=CLINIC)
    assert "Nothing is missing." in full


def test_every_hint_has_a_sentence_and_a_field_of_the_form(still_desk: Desk) -> None:
    fields = still_desk.editor.page("/staff/listings/new").ids
    with still_desk.app.test_request_context("/staff"):
        still_desk.app.preprocess_request()
        for kind in HintKind:
            hint = Hint(kind=kind, field="summary_es", concepts=("services:housing",), words=("a",))
            assert preview._advise(hint).sentence.endswith(".")
    bare = Nonprofit(slug="a", name="", reach="local", basis="name", summary_en="", summary_es="")
    index = load_current(still_desk.app.config["WAYMARK"].index)
    for hint in find_hints(bare, index):
        assert hint.field.replace("_", "-") in fields


def test_look_alikes_are_named_with_their_ein_and_city(still_desk: Desk) -> None:
    twin = NEW | {"name": "Test Border Lawyer", "ein": "000000001"}
    shown = ask(still_desk, **twin)
    assert "Test Border Lawyers , Brownsville, TX, EIN 00-0000001: the same EIN" in shown
    own = ask(still_desk, **form_of(still_desk.app), editing=LAWYERS)
    assert "Is it listed already?" not in own


@pytest.mark.parametrize("error", [IndexNotReady, IndexDamaged])
def test_without_an_index_the_card_is_still_shown(
    still_desk: Desk, monkeypatch: pytest.MonkeyPatch, error: type[RecommenderError]
) -> None:
    def get_index() -> None:
        raise error("Nothing.")

    monkeypatch.setattr(preview, "get_index", get_index)
    shown = ask(still_desk, **NEW)
    assert NEW["name"] in shown
    assert "Nothing is published yet" in shown


# --- Nothing is saved --------------------------------------------------------------------


def test_a_preview_saves_nothing(still_desk: Desk) -> None:
    before = everything(still_desk)
    changed = form_of(still_desk.app, name="Previewed", serves="Nowhere")
    assert "Previewed" in ask(still_desk, **changed, editing=LAWYERS)
    assert "Previewed" in ask(still_desk, **(NEW | {"name": "Previewed"}))
    page = still_desk.editor.submit(f"/staff/listings/{LAWYERS}/edit", **changed, preview="1")
    assert page.status_code == 200
    assert everything(still_desk) == before


def test_without_a_script_a_button_shows_the_same_page_with_the_preview(still_desk: Desk) -> None:
    address = f"/staff/listings/{LAWYERS}/edit"
    opened = still_desk.editor.page(address).source
    assert f'name="preview" value="1" formaction="{address}#preview" formnovalidate' in opened
    assert "As donors see it" not in opened
    changed = form_of(still_desk.app, name="Previewed", place_zip=["021"], ein="12")
    page = still_desk.editor.submit(address, **changed, preview="1").text
    assert "As donors see it" in page
    assert 'value="Previewed"' in page
    assert " data-unsaved" in page
    assert "field-error" not in page
    made = still_desk.editor.submit("/staff/listings/new", **NEW, preview="1").text
    assert "As donors see it" in made
    assert NEW["name"] in made


def test_a_slug_that_is_typed_is_not_taken_for_that_listing(still_desk: Desk) -> None:
    # A new listing may be given the address of another by mistake: its ranks are not its own.
    shown = ask(still_desk, **(NEW | {"slug": CLINIC, "name": "Test Houston Clinic"}))
    assert "Is it listed already?" in shown
    assert "“clinic” should bring it" not in shown


@pytest.mark.parametrize("odd", ["", "-1", "\0", "٣", "😀", "a" * 6_000])
def test_odd_forms_are_previewed(still_desk: Desk, odd: str) -> None:
    for name in (*form_of(still_desk.app), "editing", "preview", "add"):
        form = form_of(still_desk.app) | {"editing": LAWYERS, name: odd}
        assert still_desk.editor.submit(ADDRESS, **form).status_code == 200, name
    every = {name: [odd, odd] for name in form_of(still_desk.app)}
    assert still_desk.editor.submit(ADDRESS, **every).status_code == 200
    assert still_desk.editor.submit(ADDRESS).status_code == 200
    many = {name: ["1"] * 300 for name in ("place_city", "area_state", "source_facts")}
    assert still_desk.editor.submit(ADDRESS, **many).status_code == 200


def test_a_preview_is_for_staff_and_is_not_kept(still_desk: Desk) -> None:
    response = still_desk.editor.submit(ADDRESS, **NEW)
    assert response.headers["Cache-Control"] == HEADERS[RouteKind.STAFF]["Cache-Control"]
    assert still_desk.donor.post(ADDRESS, data=NEW).status_code in (302, 303, 403)
    assert still_desk.editor.post(ADDRESS, data=NEW).status_code == 403
    assert still_desk.editor.get(ADDRESS).status_code in (404, 405)


def test_what_it_is_measured_by_is_made_anew_when_a_listing_is_withdrawn(
    still_desk: Desk, monkeypatch: pytest.MonkeyPatch
) -> None:
    with still_desk.app.test_request_context("/staff"):
        first = preview._get_bench()
        assert preview._get_bench() is first
        gone = first.yardstick.exclude | {CLINIC}
        monkeypatch.setattr(preview, "get_excluded", lambda: gone)
        assert preview._get_bench().yardstick.exclude == gone


def test_the_store_is_read_alone(still_desk: Desk) -> None:
    """A listing that is being previewed stays what it is for everybody else."""
    before = still_desk.read(list_nonprofits)
    ask(still_desk, **form_of(still_desk.app, name="Other"), editing=LAWYERS)
    assert still_desk.read(list_nonprofits) == before
    assert still_desk.read(get_listing, LAWYERS).revision == 1
