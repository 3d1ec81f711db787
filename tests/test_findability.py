from __future__ import annotations

import json
from collections.abc import Callable
from dataclasses import replace
from typing import Any

import pytest
import zipcodes

from recommender.findability import (
    Findability,
    Hint,
    HintKind,
    Purpose,
    Standing,
    Yardstick,
    find_hints,
    list_terms,
    recognise,
)
from recommender.geo import Gazetteer, build_gazetteer
from recommender.golden import ask
from recommender.index import Index
from recommender.index.insertion import insert_listing
from recommender.models import Basis, Language, Location, Nonprofit, ServiceArea, Visibility
from tests.small_world import NO_ALIASES, zip_records

Make = Callable[..., Nonprofit]
BORDER = "test-border-lawyers"


@pytest.fixture(scope="module")
def gazetteer(tmp_path_factory: pytest.TempPathFactory) -> Gazetteer:
    aliases = tmp_path_factory.mktemp("places") / "places.json"
    aliases.write_text(json.dumps(NO_ALIASES))
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(zipcodes, "list_all", zip_records)
        return build_gazetteer(aliases)


def golden(key: str, text: str, **changes: Any) -> dict[str, Any]:
    return {"id": key, "kind": "match", "language": "en", "text": text, "expect": {}} | changes


QUERIES = (
    golden(
        "lawyers",
        "asylum lawyers",
        place="Brownsville, TX",
        expect={"in_top": {"slugs": [BORDER], "n": 1, "at_least": 1}},
    ),
    golden("clinic", "a clinic for refugees", place="Houston, TX"),
    golden("clases", "clases de inglés", language="es"),
    golden("name", "TBL", kind="search"),
    golden("nonsense", "asylum asylum", expect={"no_close_match": True}),
)


@pytest.fixture(scope="module")
def yardstick(index: Index, gazetteer: Gazetteer) -> Yardstick:
    return Yardstick(index, QUERIES, gazetteer)


def listed(index: Index, slug: str) -> Nonprofit:
    return index.nonprofit(index.row_of[slug])


def standing(found: Findability, key: str) -> Standing | None:
    return next((one for one in found.standings if one.query["id"] == key), None)


def kinds(hints: list[Hint]) -> list[HintKind]:
    return [hint.kind for hint in hints]


# --- Ranks -------------------------------------------------------------------------------


def test_a_listing_as_it_is_stands_where_the_engine_puts_it(
    index: Index, yardstick: Yardstick, gazetteer: Gazetteer
) -> None:
    for slug in index.slugs:
        for one in yardstick.measure(listed(index, slug)).standings:
            assert one.before == one.after
            first = ask(one.query, index, gazetteer).slugs
            assert (slug in first) == (one.before <= len(first))
            assert slug not in first or first[one.before - 1] == slug


def test_a_listing_as_typed_stands_where_a_publication_would_put_it(
    index: Index, yardstick: Yardstick, gazetteer: Gazetteer
) -> None:
    typed = replace(
        listed(index, "test-unknown-circle"),
        summary_en="A walk-in clinic for refugees in Houston.",
        services=("health-care",),
        service_areas=(
            ServiceArea(state="TX", city="Houston", latitude=29.7594, longitude=-95.3594),
        ),
    )
    one = standing(yardstick.measure(typed), "clinic")
    assert one is not None
    answer = ask(one.query, insert_listing(typed, index), gazetteer)
    assert answer.slugs[one.after - 1] == typed.slug
    assert one.before is None or one.after < one.before
    assert one.purpose is Purpose.FITS


def test_a_draft_stands_nowhere_yet(yardstick: Yardstick, make_nonprofit: Make) -> None:
    services = ("asylum-support", "legal-services")
    draft = make_nonprofit("Test Second Lawyers", "Brownsville, TX", services=services)
    one = standing(yardstick.measure(draft), "lawyers")
    assert one is not None
    assert (one.before, one.purpose) == (None, Purpose.FITS)
    assert one.after <= 2


def test_a_golden_query_that_names_a_listing_concerns_it_whatever_it_says(
    index: Index, yardstick: Yardstick
) -> None:
    emptied = replace(
        listed(index, BORDER),
        **dict.fromkeys(("name", "summary_en", "summary_es"), "Nothing"),
        **dict.fromkeys(("services", "populations", "locations", "service_areas"), ()),
        other_names=(),
    )
    found = yardstick.measure(emptied)
    first = found.standings[0]
    assert (first.query["id"], first.purpose, first.before) == ("lawyers", Purpose.EXPECTED, 1)
    assert first.after is None
    assert standing(found, "name").after is None


def test_where_nothing_should_be_found_nobody_stands(index: Index, yardstick: Yardstick) -> None:
    for slug in index.slugs:
        assert standing(yardstick.measure(listed(index, slug)), "nonsense") is None


def test_what_is_in_no_answer_does_not_stand_in_the_way(
    index: Index, gazetteer: Gazetteer, make_nonprofit: Make
) -> None:
    draft = make_nonprofit("Test Second Lawyers", "Brownsville, TX")
    hidden = Yardstick(index, QUERIES, gazetteer, frozenset({BORDER, draft.slug}))
    assert standing(hidden.measure(draft), "lawyers").after == 1
    back = standing(hidden.measure(listed(index, BORDER)), "lawyers")
    assert (back.before, back.after) == (None, 1)


# --- Terms -------------------------------------------------------------------------------


def test_terms_are_tags_and_words_as_they_are_written(
    index: Index, yardstick: Yardstick, make_nonprofit: Make
) -> None:
    found = yardstick.measure(
        make_nonprofit(
            "Círculo Zebra",
            "Portland, ME",
            summary_en="Clinics and quillwork.",
            summary_es="Clínicas y artesanía.",
            services=("health-care",),
        )
    )
    assert {term.concept for term in found.tags} == {
        "services:health-care",
        "populations:asylum-seekers",
    }
    words = {term.word: term.languages for term in found.words}
    assert words["quillwork"] == (Language.EN,)
    assert words["clínicas"] == (Language.ES,)
    assert words["zebra"] == (Language.EN, Language.ES)
    weights = [term.weight for term in found.words]
    assert weights == sorted(weights, reverse=True)
    assert all(weight > 0 for weight in weights)


def test_the_weight_of_a_term_is_the_index_s_own(index: Index) -> None:
    for slug in index.slugs:
        tags, _ = list_terms(listed(index, slug), index)
        row = index.documents.mapping(index.row_of[slug])
        assert {term.concept: pytest.approx(term.weight) for term in tags} == {
            term: row[at] for term, at in index.vocabulary.items() if ":" in term and at in row
        }


def test_a_word_that_only_a_tag_brings_is_written_as_the_tag_does(
    index: Index, make_nonprofit: Make
) -> None:
    _, words = list_terms(make_nonprofit("Zebra", services=("language-education",)), index)
    assert "classes" in {term.word for term in words}


# --- Hints -------------------------------------------------------------------------------


def test_a_full_listing_needs_nothing(index: Index) -> None:
    assert find_hints(listed(index, "test-houston-clinic"), index) == []


def test_what_is_missing_is_named_with_its_field(index: Index) -> None:
    bare = Nonprofit(
        slug="bare", name="Bare", reach="local", basis=Basis.NAME, summary_en="", summary_es=" "
    )
    assert [(hint.kind, hint.field) for hint in find_hints(bare, index)] == [
        (HintKind.NO_SERVICES, "services"),
        (HintKind.NO_PEOPLE, "populations"),
        (HintKind.NO_DESCRIPTION, "summary_en"),
        (HintKind.NO_DESCRIPTION, "summary_es"),
        (HintKind.NAME_ONLY, "basis"),
        (HintKind.NO_PLACE, "place"),
        (HintKind.NO_SOURCE, "source"),
    ]


def test_a_short_description_is_one_of_less_than_half_the_usual_words(
    index: Index, make_nonprofit: Make
) -> None:
    short = make_nonprofit(place="Houston, TX", summary_en="Asylum help.")
    found = find_hints(short, index)
    assert (HintKind.SHORT_DESCRIPTION, "summary_en") in [(h.kind, h.field) for h in found]
    assert "summary_es" not in [h.field for h in found if h.kind is HintKind.SHORT_DESCRIPTION]


@pytest.mark.parametrize(
    ("changes", "word", "concept"),
    [
        ({"summary_en": "We stand beside refugees in court, day after day."}, "refugees", None),
        ({"summary_es": "Atención y compañía para refugiados en la corte."}, "refugiados", None),
        ({"other_names": ("Refugees Together",)}, "refugees", None),
        ({"summary_en": "An ESL school for all who come."}, "esl", "services:language-education"),
    ],
)
def test_what_is_spoken_of_without_its_tag(
    index: Index, make_nonprofit: Make, changes: dict[str, Any], word: str, concept: str | None
) -> None:
    record = make_nonprofit(place="Houston, TX", **changes)
    hints = [h for h in find_hints(record, index) if h.kind is HintKind.UNTICKED]
    named = concept or "populations:refugees"
    assert [(h.words, h.concepts) for h in hints] == [((word,), (named,))]
    assert hints[0].field == named.partition(":")[0]
    kind, _, slug = named.partition(":")
    ticked = replace(record, **{kind: (*getattr(record, kind), slug)})
    assert HintKind.UNTICKED not in kinds(find_hints(ticked, index))


def test_an_unsure_phrase_is_not_taken_at_its_word(index: Index) -> None:
    unsure = {key: tuple(replace(m, weight=0.7) for m in ms) for key, ms in index.phrases.items()}
    assert recognise("a clinic for refugees", index)
    assert recognise("a clinic for refugees", replace(index, phrases=unsure)) == {}


def test_languages_that_speak_of_other_things(index: Index, make_nonprofit: Make) -> None:
    record = make_nonprofit(
        place="Houston, TX",
        summary_en="Legal help, English classes and a clinic for people who seek asylum.",
        summary_es="Ayuda de muchas clases para quienes llegan a la ciudad cada día.",
    )
    hints = [h for h in find_hints(record, index) if h.kind is HintKind.ONE_LANGUAGE]
    assert [h.field for h in hints] == ["summary_es"]
    assert "services:health-care" in hints[0].concepts
    one = replace(record, summary_es="Ayuda legal, clases de idioma y clínica; sin más palabras.")
    assert HintKind.ONE_LANGUAGE not in kinds(find_hints(one, index))


def test_places_that_no_search_by_distance_finds(index: Index, make_nonprofit: Make) -> None:
    lost = Location(city="Nowhereville", state="ME")
    record = make_nonprofit(locations=(lost,), service_areas=(ServiceArea(state="ME"),))
    hint = next(h for h in find_hints(record, index) if h.kind is HintKind.NO_COORDINATES)
    assert hint.words == ("Nowhereville, ME",)
    hidden = replace(lost, visibility=Visibility.HIDDEN)
    quiet = replace(record, locations=(hidden,))
    assert HintKind.NO_COORDINATES not in kinds(find_hints(quiet, index))
    alone = replace(record, service_areas=(), locations=(replace(lost, latitude=44.0),))
    assert HintKind.NO_AREA in kinds(find_hints(alone, index))
