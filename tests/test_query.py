from collections.abc import Callable
from dataclasses import replace

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from recommender.index import Index, Meaning
from recommender.models import Correction, DonorProfile, Language, Place
from recommender.query import (
    LONG_TEXT_WORDS,
    MAX_UNITS,
    Query,
    condense,
    correct,
    find_phrases,
    understand,
)
from recommender.text import is_stop_word, phrase_key
from tests.profiles import PROFILES


def read(text: str, index: Index, language: Language = Language.EN, **profile: object) -> Query:
    return understand(DonorProfile(text=text, language=language, **profile), index)


def labels(query: Query) -> list[str]:
    return [f"{unit.kind}:{unit.label}" for unit in query.units]


@pytest.mark.parametrize(
    "text",
    ["lawyer", "LAWYERS", "abogado", "abogados", "legal services", "Ayuda legal", "attorneys"],
)
def test_words_of_both_languages_mean_one_concept(index: Index, text: str) -> None:
    assert labels(read(text, index)) == ["services:legal-services"]


@pytest.mark.parametrize("text", ["clínica", "CLINICA", "clínicas", "cli\u0301nica", "clinic"])
def test_accents_case_and_plural_make_no_difference(index: Index, text: str) -> None:
    assert labels(read(text, index)) == ["services:health-care"]


def test_the_longest_phrase_wins(index: Index) -> None:
    assert labels(read("asylum lawyer", index)) == ["services:asylum-support"]
    apart = labels(read("asylum and a lawyer", index))
    assert set(apart) == {"populations:asylum-seekers", "services:legal-services"}


@given(st.data())
@settings(max_examples=100, deadline=None)
def test_phrases_are_the_longest_from_left_to_right(index: Index, data: st.DataObject) -> None:
    known = sorted({word for phrase in index.phrases for word in phrase.split(" ")})
    typed = data.draw(st.lists(st.sampled_from([*known, "the", "xylophone"]), max_size=12))
    found, at = [], 0
    while at < len(typed):
        stops = range(len(typed), at, -1)
        keys = {stop: phrase_key(typed[at:stop]) for stop in stops}
        stop = next((stop for stop in stops if index.phrases.get(keys[stop])), at)
        if stop > at + 1 or (stop > at and not is_stop_word(typed[at])):
            found.append((at, stop, index.phrases[keys[stop]]))
        at = max(stop, at + 1)
    assert [*find_phrases(typed, index)] == found


def test_no_word_that_only_a_donor_uses_is_kept_in_memory(index: Index) -> None:
    typed = "qqzzxx asylum wwvvkk lawyer"
    read(typed, index)
    read(f"{typed} " * LONG_TEXT_WORDS, index)
    kept = str(vars(index))
    assert "'asylum': " in kept
    assert "qqzzxx" not in kept
    assert "wwvvkk" not in kept


def test_a_unit_keeps_the_words_it_was_said_in(index: Index) -> None:
    (unit,) = read("abogados, lawyers", index).units
    assert set(unit.sources) == {"abogados", "lawyers"}


def test_a_donor_is_quoted_with_the_accents_that_were_typed(index: Index) -> None:
    query = read("Clínica de robótica", index, Language.ES)
    assert query.units[-1].sources == ("clínica",)
    assert query.unknown_words == ("robótica",)
    assert read("clinica de robotica", index, Language.ES).unknown_words == ("robotica",)


def test_chips_and_words_for_one_concept_are_one_unit(index: Index) -> None:
    query = read("lawyers", index, services=("legal-services",))
    assert labels(query) == ["services:legal-services"]
    assert query.units[0].importance > read("lawyers", index).units[0].importance


def test_a_chip_that_no_listing_carries_is_a_unit_without_terms(index: Index) -> None:
    (unit,) = read("", index, services=("no-such-service",)).units
    assert unit.concept is None
    assert not unit.terms


@pytest.mark.parametrize(
    "text", ["", "the of para los", "please donate money", "🙏", "\0", "\ud800"]
)
def test_nothing_said_is_nothing_asked(index: Index, text: str) -> None:
    assert read(text, index) == Query(units=())


@pytest.mark.parametrize(
    ("typed", "used"),
    [
        ("asylm", "asylum"),
        ("refuggees", "refugees"),
        ("houstno", "houston"),
        ("engilsh", "english"),
    ],
)
def test_typos_are_corrected_and_told(index: Index, typed: str, used: str) -> None:
    query = read(f"{typed} classes", index)
    assert query.corrections == (Correction(typed=typed, used=used),)
    assert query.unknown_words == ()


def test_what_resembles_nothing_is_told_as_unknown(index: Index) -> None:
    query = read("xylophones for 移民", index)
    assert query.unknown_words == ("xylophones", "移民")
    assert all(not unit.terms and unit.importance > 0 for unit in query.units)


def test_known_words_are_not_corrected(index: Index) -> None:
    for word in ("lawyers", "stay", "2024", "abc"):
        assert read(word, index).corrections == ()
    assert correct("lewiston", index, Language.EN) == "lewiston"
    assert correct("qqqqqqqq", index, Language.EN) == ""


@pytest.mark.parametrize("typed", ["horse", "marine", "carne", "avocados"])
def test_an_everyday_word_that_no_listing_uses_is_not_read_as_another(
    index: Index, typed: str
) -> None:
    assert correct(typed, index, Language.EN)
    query = read(typed, index)
    assert query.corrections == ()
    assert query.unknown_words == (typed,)


def test_of_two_near_words_the_one_of_the_language_is_meant(index: Index) -> None:
    meant = {language: correct("educasion", index, language) for language in Language}
    assert meant == {Language.EN: "education", Language.ES: "educacion"}


def test_a_mistyped_word_begins_with_the_same_sound(index: Index) -> None:
    assert correct("bivienda", index, Language.ES) == "vivienda"
    assert correct("tivienda", index, Language.ES) == ""


def test_an_everyday_word_is_the_slip_of_a_frequent_one_that_is_a_topic(index: Index) -> None:
    assert labels(read("layers", index)) == ["services:legal-services"]


def test_a_word_that_was_typed_is_no_guess_though_another_is_read_as_it(index: Index) -> None:
    assert read("natonal", index).standing.foreign == 1
    both = read("national natonal", index)
    assert both.corrections == (Correction(typed="natonal", used="national"),)
    assert both.standing == read("national national", index).standing


def test_words_that_repeat_the_place_are_left_out(
    index: Index, make_place: Callable[[str], Place]
) -> None:
    place = make_place("Houston, TX")
    assert labels(read("clinic Houston TX", index, place=place)) == labels(read("clinic", index))


def test_spanish_and_english_ask_for_the_same(index: Index) -> None:
    spanish = read("abogados para refugiados", index, Language.ES)
    english = read("lawyers for refugees", index)
    concepts = [{unit.concept for unit in query.units} for query in (spanish, english)]
    assert concepts[0] == concepts[1]


def test_an_expansion_weighs_less_than_what_was_said(index: Index) -> None:
    (unit,) = read("asylum", index).units
    lent = unit.terms[index.vocabulary["asil"]]
    assert 0 < lent < unit.terms[index.vocabulary["asylum"]] < unit.terms[unit.concept]


def test_a_sure_phrase_without_a_tag_is_read_by_its_further_words(index: Index) -> None:
    said = {"sin papel": (Meaning(tags=(), words=("records",), weight=1.0),)}
    sure = replace(index, phrases=said)
    assert [unit.sources for unit in read("sin papel", sure).units] == [("records",)]
    said = {"animal shelter": (Meaning(tags=(), words=("records",), weight=0.1),)}
    doubtful = read("animal shelter", replace(index, phrases=said))
    assert {source for unit in doubtful.units for source in unit.sources} == {"animal", "shelter"}


@given(PROFILES)
@settings(max_examples=80, deadline=None)
def test_units_are_weighed_and_ordered(index: Index, profile: DonorProfile) -> None:
    query = understand(profile, index)
    importances = [unit.importance for unit in query.units]
    assert importances == sorted(importances, reverse=True)
    assert all(weight > 0 for unit in query.units for weight in unit.terms.values())
    assert len({(unit.kind, unit.label) for unit in query.units}) == len(query.units)
    total = sum(query.term_weights().values())
    assert total == pytest.approx(sum(sum(unit.terms.values()) for unit in query.units))


def test_a_long_text_is_read_as_themes(index: Index) -> None:
    text = "Lawyers and doctors met families who asked for asylum in Houston. " * 20
    query = read(text, index)
    assert query.is_long
    assert any(unit.kind == "services" for unit in query.units)
    assert 0 < query.concept_share <= 1
    assert len(query.units) <= MAX_UNITS
    assert not read(" ".join(["lawyer"] * LONG_TEXT_WORDS), index).is_long


def test_fifty_thousand_words_are_read(index: Index) -> None:
    text = " ".join(f"word{n} lawyer" for n in range(25_000))
    query = read(text, index)
    assert labels(query)[0] == "services:legal-services"
    assert query.unknown_words == ()


@pytest.mark.parametrize("language", list(Language))
def test_a_condensed_text_means_what_the_whole_one_does(index: Index, language: Language) -> None:
    text = (
        "In Houston a clinic sees refugees. Lawyers and asylum lawyers come on Mondays, and "
        "children learn English. " * 5
    )
    whole = read(text, index, language)
    short = read(condense(text, index, language), index, language)
    assert {unit.concept for unit in short.units} == {unit.concept for unit in whole.units}
    assert short.is_long == whole.is_long
    assert short.concept_share == pytest.approx(whole.concept_share, abs=0.05)
