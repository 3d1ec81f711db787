"""Topic guides at the desk: both languages side by side, facts with sources, and their matches."""

from __future__ import annotations

import re
from dataclasses import replace
from typing import Any

import pytest

from recommender.config import ROOT
from recommender.importers.directory import find_faults, make_guide, read_guides, read_taxonomy
from recommender.models import Guide
from recommender.store.library import LibraryKind, find_entry
from recommender.store.library_history import version_of
from recommender.web.desk.guides import FACT, make_record, show
from tests.web.desk.shelves import GUIDE, Desk

DATA = ROOT / "data"
PATH = "/staff/guides/test-guide"
FACT_ROW = {f"fact_{name}": getattr(GUIDE.key_facts[0], name) for name in FACT}


def form_of(guide: Guide, **changes: Any) -> dict[str, Any]:
    typed = show(guide)
    facts = {f"fact_{name}": [row[name] for row in typed.facts] for name in FACT}
    form = {**typed.texts, **facts, "topics": list(typed.topics)}
    return form | {"expected": version_of(guide), "do": "save"} | changes


def find(desk: Desk, slug: str = "test-guide") -> Any:
    return desk.read(find_entry, LibraryKind.GUIDE, slug)


def errors_in(response: Any) -> list[str]:
    assert response.status_code == 422, response.status
    return re.findall(r'class="field-error" id="([\w-]+)-error"', response.text)


def test_the_editor_shows_the_matches_for_both_languages(still_desk: Desk) -> None:
    assert "Asilo" in still_desk.editor.get("/staff/guides").text
    page = still_desk.editor.get(PATH).text
    assert "by the English words" in page
    assert "by the Spanish words" in page
    assert "facts.example.org" in page
    assert "Cómo ayudar" in page or page.count("Pregunte.") == 2


def test_nonprofits_are_matched_while_it_is_written(still_desk: Desk) -> None:
    form = form_of(GUIDE, query_en="walk-in clinic", query_es="clínica", do="preview")
    page = still_desk.editor.submit(PATH, **form)
    assert page.status_code == 200
    firsts = re.findall(r'<ol class="matched">\s*<li><a[^>]*>([^<]*)</a>', page.text)
    assert firsts == ["Test Houston Clinic", "Test Houston Clinic"]
    assert still_desk.pending == []


@pytest.mark.parametrize(
    "changes",
    [
        dict.fromkeys(("query_en", "query_es", "title_en", "intro_es", "ways_to_help_en"), ""),
        {"fact_text_en": ["<b>", "two", "\0"], "fact_source_url": ["https://[", "x"]},
        {"fact_text_en": ["No year."], "topics": ["no-such"]},
    ],
)
def test_a_preview_takes_whatever_is_typed(still_desk: Desk, changes: dict[str, Any]) -> None:
    page = still_desk.editor.submit(PATH, **form_of(GUIDE, do="preview", **changes))
    assert page.status_code == 200
    assert 'id="preview"' in page.text


def test_a_fact_without_a_year_is_pointed_out(still_desk: Desk) -> None:
    form = form_of(GUIDE, fact_text_en=["There was a test."], do="preview")
    assert "Fact 1 names no year" in still_desk.editor.submit(PATH, **form).text
    assert "names no year" not in still_desk.editor.get(PATH).text


def test_there_is_room_for_another_fact(still_desk: Desk) -> None:
    form = form_of(GUIDE, **{name: [value] * 3 for name, value in FACT_ROW.items()}, do="add")
    page = still_desk.editor.submit(PATH, **form).text
    assert page.count('name="fact_text_en"') == 4


def test_a_guide_is_changed_through_review_and_taken_off_at_once(desk: Desk) -> None:
    facts = {name: [value, "", f"{value}2"] for name, value in FACT_ROW.items()}
    form = form_of(
        GUIDE, **facts, title_es="Pedir asilo", main_topic="legal-services", note="More facts."
    )
    assert desk.editor.submit(PATH, **form).status_code == 303
    assert "Pedir asilo" not in desk.donor.get("/es/topics/test-guide").text
    desk.decide()
    assert "Pedir asilo" in desk.donor.get("/es/topics/test-guide").text
    assert "Pedir asilo" in desk.donor.get("/es/learn").text
    live = find(desk)
    assert len(live.key_facts) == 2
    assert live.topics == ("legal-services", "asylum-support")
    assert "More facts." in desk.editor.get(PATH).text

    down = {"expected": version_of(live), "reason": "Out of date."}
    assert desk.editor.submit(f"{PATH}/take-down", **down).status_code == 303
    assert desk.donor.get("/topics/test-guide").status_code == 404
    assert desk.donor.get("/topics").status_code == 200
    assert desk.donor.get("/learn/test-piece").status_code == 200


def test_a_new_guide_gets_its_address_from_its_title(desk: Desk) -> None:
    new = replace(GUIDE, slug="", title_en="Words & Papers")
    assert desk.editor.submit("/staff/guides/new", **form_of(new)).status_code == 303
    assert desk.pending[0].key == "words-papers"
    assert 'value="Words &amp; Papers"' in desk.editor.get("/staff/guides/words-papers").text
    assert desk.second.get("/staff/guides/words-papers").status_code == 404
    desk.decide()
    assert desk.donor.get("/topics/words-papers").status_code == 200


@pytest.mark.parametrize(
    ("changes", "field"),
    [
        ({"title_en": "", "slug": "x"}, "title-en"),
        ({"title_es": " "}, "title-es"),
        ({"intro_es": ""}, "intro-es"),
        ({"query_en": ""}, "query-en"),
        ({"ways_to_help_en": "\n\n"}, "ways-to-help-en"),
        ({"ways_to_help_es": "Uno."}, "ways-to-help-es"),
        ({"topics": []}, "topics"),
        ({f"fact_{name}": [] for name in FACT}, "key-facts"),
        ({"fact_source_url": ["http://example.org"]}, "fact-source-url-1"),
        ({"fact_text_es": [""]}, "fact-text-es-1"),
        ({"fact_text_en": ["", "", "One more."]}, "fact-text-en-1"),
        ({name: [value] * 31 for name, value in FACT_ROW.items()}, "key-facts"),
    ],
)
def test_what_is_not_in_order_is_said_beside_its_field(
    still_desk: Desk, changes: dict[str, Any], field: str
) -> None:
    form = form_of(replace(GUIDE, slug="", title_en="Another"), **changes)
    assert field in errors_in(still_desk.editor.submit("/staff/guides/new", **form))
    assert still_desk.pending == []


def test_every_committed_guide_comes_back_from_its_form() -> None:
    for guide in read_guides(DATA, read_taxonomy(DATA)):
        record = make_record(show(guide), guide.slug)
        assert find_faults(DATA, record, "guide") == []
        assert make_guide(record) == guide
