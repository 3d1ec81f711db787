"""The term map at the desk: found, tried before it is saved, reviewed, and left to the store."""

from __future__ import annotations

import re
from dataclasses import replace
from typing import Any

import pytest

from recommender.importers.directory import find_faults
from recommender.models import TermMapping
from recommender.store.library import LibraryKind, find_entry, list_term_mappings
from recommender.store.library_history import version_of
from recommender.web.desk.terms import Typed, make_record, show
from tests.web.desk import DeskClient
from tests.web.desk.shelves import Desk

PAPERS: dict[str, Any] = {
    "phrase": "papeles legales",
    "language": "es",
    "tag_1": "legal-services",
    "words": "documentos",
    "weight": "0.8",
}


def form_of(mapping: TermMapping, **changes: Any) -> dict[str, Any]:
    typed = show(mapping)
    tags = {f"tag_{n}": tag for n, tag in enumerate(typed.tags, start=1)}
    plain = {"phrase": typed.phrase, "language": typed.language, "words": typed.words}
    form = {**plain, **tags, "weight": typed.weight, "expected": version_of(mapping)}
    return form | {"do": "save"} | changes


def find(desk: Desk, key: str) -> Any:
    return desk.read(find_entry, LibraryKind.TERM, key)


def save(client: DeskClient, mapping: TermMapping, **changes: Any) -> Any:
    key = f"{mapping.language}:{mapping.phrase}"
    return client.submit(f"/staff/terms/entry?key={key}", **form_of(mapping, **changes))


def errors_in(response: Any) -> list[str]:
    assert response.status_code == 422, response.status
    return re.findall(r'class="field-error" id="([\w-]+)-error"', response.text)


def test_phrases_are_found_without_accents_by_tag_and_by_language(still_desk: Desk) -> None:
    every = still_desk.editor.get("/staff/terms")
    assert "<strong>8</strong> phrases" in every.text
    found = still_desk.editor.get("/staff/terms?q=CLINICA").text
    assert "<strong>1</strong> phrase" in found
    assert ">clínica</a>" in found
    assert "Health care" in found
    assert "<strong>2</strong>" in still_desk.editor.get("/staff/terms?tag=asylum-seekers").text
    assert "<strong>1</strong>" in still_desk.editor.get("/staff/terms?q=abog&language=es").text
    nothing = still_desk.editor.get("/staff/terms?q=%3Cb%3E&tag=none&page=99999999999999")
    assert "No such phrase" in nothing.text


def test_a_phrase_is_tried_before_it_is_saved(still_desk: Desk) -> None:
    form = PAPERS | {"phrase": "Papeles en  regla", "do": "preview"}
    page = still_desk.editor.submit("/staff/terms/new", **form)
    assert page.status_code == 200
    assert "None of the 2 queries answers otherwise" in page.text
    assert "Whoever types “papeles en regla” and nothing else" in page.text
    assert "comes in" in page.text
    assert 'value="Papeles en  regla"' in page.text
    assert still_desk.pending == []


def test_a_change_that_breaks_a_golden_query_says_so_and_cannot_be_approved(desk: Desk) -> None:
    bare = PAPERS | {"phrase": "papeles"}
    tried = desk.editor.submit("/staff/terms/new", **bare, do="preview").text
    assert "It cannot be approved like this" in tried
    assert "Of 2 queries, 1 answers otherwise" in tried
    response = desk.editor.submit("/staff/terms/new", **bare, do="save")
    assert response.status_code == 303
    shown = desk.reviewer.get(response.headers["Location"]).text
    assert "It cannot be approved like this" in shown
    assert 'value="approve"' not in shown
    # Whoever sends it all the same is refused, because publishing would be.
    refused = desk.decide()
    assert refused.status_code == 409
    assert "It cannot be approved like this" in refused.text
    assert find(desk, "es:papeles") is None
    assert desk.decide("reject").status_code == 303


def test_a_phrase_takes_effect_when_a_reviewer_approves(desk: Desk) -> None:
    location = desk.editor.submit("/staff/terms/new", **PAPERS, do="save").headers["Location"]
    assert find(desk, "es:papeles legales") is None
    own = desk.editor.get(location).text
    assert "somebody else reviews it" in own
    assert "a change waits" not in own
    response = desk.decide()
    assert response.status_code == 303
    assert find(desk, "es:papeles legales") == TermMapping(
        phrase="papeles legales",
        language="es",
        tags=("legal-services",),
        words=("documentos",),
        weight=0.8,
    )
    done = desk.reviewer.get(response.headers["Location"]).text
    assert "from the next publication on" in done


def test_an_edit_keeps_its_history_and_can_be_undone(desk: Desk) -> None:
    lawyer = find(desk, "en:lawyer")
    assert save(desk.editor, lawyer, weight="0,5", note="Too sure.").status_code == 303
    assert "a change waits" in desk.editor.get("/staff/terms?q=lawyer").text
    desk.decide()
    assert find(desk, "en:lawyer").weight == 0.5
    history = desk.editor.get("/staff/terms/entry?key=en:lawyer").text
    assert "Too sure." in history
    (button,) = re.findall(
        r'action="(/staff/library/\d+/undo)".*?name="expected" value="(\w+)"', history
    )
    undone = desk.second.submit(button[0], expected=button[1])
    assert undone.status_code == 303
    assert find(desk, "en:lawyer").weight == 0.5
    desk.decide()
    assert find(desk, "en:lawyer") == lawyer


def test_a_phrase_is_renamed_and_taken_away_through_review(desk: Desk) -> None:
    lawyer = find(desk, "en:lawyer")
    desk.editor.submit("/staff/terms/entry?key=en:lawyer", **form_of(lawyer, phrase="counsel"))
    desk.decide()
    assert find(desk, "en:lawyer") is None
    counsel = find(desk, "en:counsel")
    assert counsel == replace(lawyer, phrase="counsel")
    form = {"key": "en:counsel", "expected": version_of(counsel)}
    tried = desk.editor.submit("/staff/terms/delete", **form, do="preview").text
    assert "Whoever types “counsel” and nothing else" in tried
    assert desk.editor.submit("/staff/terms/delete", **form, do="save").status_code == 303
    assert find(desk, "en:counsel") == counsel
    desk.decide()
    assert find(desk, "en:counsel") is None


def test_a_conflict_shows_both_and_keeps_what_was_typed(desk: Desk) -> None:
    lawyer = find(desk, "en:lawyer")
    save(desk.editor, lawyer, weight="0.5")
    desk.decide()
    late = save(desk.second, lawyer, words="attorney at law")
    assert late.status_code == 409
    assert "Somebody changed it while you were typing" in late.text
    assert "attorney at law</textarea>" in late.text
    assert re.search(r"Sureness</th><td[^>]*>.*?1.*?0\.5.*?1", late.text, re.DOTALL)
    over = re.findall(r'name="over" value="(\w+)"', late.text)[0]
    form = form_of(lawyer, words="attorney at law", over=over)
    del form["do"]
    assert desk.second.submit("/staff/terms/entry?key=en:lawyer", **form).status_code == 303
    desk.decide()
    assert find(desk, "en:lawyer") == replace(lawyer, words=("attorney at law",))


@pytest.mark.parametrize(
    ("changes", "field"),
    [
        ({"phrase": ""}, "phrase"),
        ({"phrase": "", "do": "preview"}, "phrase"),
        ({"phrase": "one two three four five"}, "phrase"),
        ({"phrase": "x" * 61}, "phrase"),
        ({"phrase": "!!!"}, "phrase"),
        ({"phrase": "the"}, "phrase"),
        ({"phrase": "Lawyers"}, "phrase"),
        ({"phrase": "clinica", "language": "any"}, "phrase"),
        ({"language": "fr"}, "language"),
        ({"tag_1": "", "words": ""}, "tag-1"),
        ({"tag_1": "no-such"}, "tag-1"),
        ({"tag_1": "spanish"}, "tag-1"),
        ({"words": "\n".join("abcdefg")}, "words"),
        ({"words": "x" * 81}, "words"),
        ({"words": "twice\ntwice"}, "words"),
        *(({"weight": w}, "weight") for w in ("", "0", "1.01", "-1", "nan", "1e-1", "2", "x" * 99)),
    ],
)
def test_what_is_not_in_order_is_said_beside_its_field(
    still_desk: Desk, changes: dict[str, str], field: str
) -> None:
    response = still_desk.editor.submit("/staff/terms/new", **PAPERS | {"do": "save"} | changes)
    assert errors_in(response) == [field]
    assert still_desk.pending == []


def test_a_mapping_may_keep_its_own_phrase_in_another_form(desk: Desk) -> None:
    lawyer = find(desk, "en:lawyer")
    assert save(desk.editor, lawyer, phrase="Lawyers").status_code == 303
    desk.decide()
    assert find(desk, "en:lawyers") == replace(lawyer, phrase="lawyers")


def test_a_bare_word_with_other_uses_is_warned_about(still_desk: Desk) -> None:
    form = PAPERS | {"phrase": "test", "tag_1": "housing", "do": "preview"}
    page = still_desk.editor.submit("/staff/terms/new", **form).text
    assert "12 listings say “test”, and 10 of these carry none of its tags, 10 of them in" in page
    implied = PAPERS | {"phrase": "shelter", "do": "preview"}
    page = still_desk.editor.submit("/staff/terms/new", **implied).text
    assert "The taxonomy takes “shelter” for Housing." in page


def test_what_changes_nothing_is_not_put_up(still_desk: Desk) -> None:
    lawyer = find(still_desk, "en:lawyer")
    response = save(still_desk.editor, lawyer)
    assert response.headers["Location"].endswith("done=unchanged")
    assert "Nothing to save" in still_desk.editor.get(response.headers["Location"]).text
    assert still_desk.pending == []


@pytest.mark.parametrize("key", ["", "en:", "en:nothing", "x", "en:lawyer' OR 1=1", "a:b:c"])
def test_a_phrase_that_is_not_there_is_not_found(still_desk: Desk, key: str) -> None:
    client = still_desk.editor
    assert client.get("/staff/terms/entry", query_string={"key": key}).status_code == 404
    assert client.submit("/staff/terms/delete", key=key, do="save").status_code == 404


def test_every_mapping_comes_back_from_its_form(still_desk: Desk) -> None:
    data = still_desk.app.config["WAYMARK"].data
    for mapping in still_desk.read(list_term_mappings):
        record = make_record(show(mapping))
        assert find_faults(data, record, "term_map") == []
        assert record["weight"] == mapping.weight
    assert make_record(Typed(weight=".5"))["weight"] == 0.5
