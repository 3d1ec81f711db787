import re
import unicodedata
from collections import Counter

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from recommender.models import Language
from recommender.text import (
    MAX_WORD_LENGTH,
    analyse,
    character_grams,
    detect_language,
    edit_distance,
    fold,
    inflections,
    initials,
    is_filler,
    is_stop_word,
    name_key,
    phrase_key,
    singular,
    stem,
    words,
)

LETTERS = st.text(alphabet="abc", max_size=6)


@pytest.mark.parametrize(
    ("text", "folded"),
    [
        ("Educación", "educacion"),
        ("NIÑEZ", "ninez"),
        ("Straße", "strasse"),
        ("ＡＢＣ①", "abc1"),
        ("ﬁnance", "finance"),
        ("e\u0301", "e"),
        ("", ""),
    ],
)
def test_folding_drops_case_accents_and_compatibility_forms(text: str, folded: str) -> None:
    assert fold(text) == folded


@pytest.mark.parametrize(
    ("text", "found"),
    [
        ("women's rights", ["womens", "rights"]),
        ("women’s rights", ["womens", "rights"]),
        ("the U.S. and the E.U.", ["the", "us", "and", "the", "eu"]),
        ("one.two", ["one", "two"]),
        ("after-school, 24/7", ["after", "school", "24", "7"]),
        ("¿Dónde está?", ["donde", "esta"]),
        ("a\0b", ["a", "b"]),
        ("🙏🏽 asylum 🙏🏽", ["asylum"]),
        ("lost \ud800 half", ["lost", "half"]),
        ("移民 lawyers", ["移民", "lawyers"]),
        ("الهجرة", ["الهجرة"]),
        ("", []),
        (" \t\n", []),
    ],
)
def test_words(text: str, found: list[str]) -> None:
    assert words(text) == found


@given(st.text(max_size=200))
@settings(max_examples=200)
def test_words_of_any_text_are_short_folded_and_stable(text: str) -> None:
    found = words(text)
    assert all(0 < len(word) <= MAX_WORD_LENGTH for word in found)
    assert words(" ".join(found)) == found


@given(st.text(max_size=100) | st.text(alphabet="aBé9²Łß.'’“_- \u0301", max_size=40))
@settings(max_examples=300)
def test_words_are_the_runs_of_letters_and_digits(text: str) -> None:
    joined = re.sub(r"(?<=\b\w)\.(?=\w\b)|['’]", "", fold(text))
    assert words(text) == [run[:MAX_WORD_LENGTH] for run in re.findall(r"[^\W_]+", joined)]


@given(st.text(max_size=100))
@settings(max_examples=300)
def test_folding_letter_by_letter_is_folding_the_whole(text: str) -> None:
    whole = unicodedata.normalize("NFKD", text).casefold()
    assert fold(text) == "".join(char for char in whole if not unicodedata.combining(char))


def test_a_text_of_many_letters_is_folded_as_one_of_few() -> None:
    letters = "".join(map(chr, range(0xA0, 0x250)))
    assert fold(letters) == "".join(map(fold, letters))


def test_an_endless_word_is_cut() -> None:
    assert words("a" * 100_000) == ["a" * MAX_WORD_LENGTH]


@pytest.mark.parametrize(
    ("left", "right", "language"),
    [
        ("lawyers", "lawyer", Language.EN),
        ("families", "family", Language.EN),
        ("teaching", "teaches", Language.EN),
        ("abogadas", "abogados", Language.ES),
        ("refugiada", "refugiados", Language.ES),
        ("deportes", "deportivo", Language.ES),
        ("naturalization", "naturalize", Language.EN),
    ],
)
def test_forms_of_a_word_share_a_stem(left: str, right: str, language: Language) -> None:
    assert stem(left, language) == stem(right, language)


@pytest.mark.parametrize(
    ("left", "right", "language"),
    [
        ("redadas", "redes", Language.ES),
        ("deportes", "deportacion", Language.ES),
        ("naturalization", "nature", Language.EN),
        ("comida", "comite", Language.ES),
    ],
)
def test_words_that_only_look_related_keep_apart(left: str, right: str, language: Language) -> None:
    assert stem(left, language) != stem(right, language)


@pytest.mark.parametrize(
    ("plural", "one"),
    [
        ("lawyers", "lawyer"),
        ("families", "family"),
        ("clinicas", "clinica"),
        ("abogados", "abogado"),
        ("doctores", "doctor"),
        ("classes", "class"),
        ("crisis", "crisis"),
    ],
)
def test_a_phrase_is_known_in_the_plural(plural: str, one: str) -> None:
    assert phrase_key(["legal", plural]) == phrase_key(["legal", one])


@given(st.text(alphabet="abesiuy", min_size=1, max_size=7))
def test_the_forms_of_a_word_are_all_that_have_its_singular(word: str) -> None:
    forms = inflections(singular(word))
    assert word in forms
    assert {singular(form) for form in forms} == {singular(word)}
    assert len(forms) == len({*forms})


def test_a_phrase_is_not_known_by_a_relative_of_its_words() -> None:
    assert singular("national") != singular("nation")
    assert singular("as") == "as"
    assert singular("bus") == "bus"


def test_analysis_leaves_out_the_stop_words_of_both_languages() -> None:
    assert analyse("the lawyers of para los", Language.EN) == [stem("lawyers", Language.EN)]
    assert is_stop_word("the")
    assert is_stop_word("para")
    assert not is_stop_word("asylum")


def test_fillers_speak_of_giving_and_not_of_what_for() -> None:
    assert is_filler("donate")
    assert is_filler("ayuda")
    assert is_filler("anything")
    assert is_filler("cualquier")
    assert not is_filler("refugees")
    assert stem("donate", Language.EN) in analyse("donate", Language.EN)


@pytest.mark.parametrize(
    ("text", "language"),
    [
        ("the rights of people", Language.EN),
        ("los derechos de las personas", Language.ES),
        ("asylum", Language.ES),
        ("", Language.ES),
        ("the los", Language.ES),
    ],
)
def test_the_language_is_read_from_its_stop_words(text: str, language: Language) -> None:
    assert detect_language(Counter(words(text)), Language.ES) is language


def test_character_grams_mark_where_a_word_begins_and_ends() -> None:
    assert character_grams("abc") == {" ab", "abc", "bc "}
    assert character_grams("") == set()


def _reference_distance(left: str, right: str) -> int:
    """Optimal string alignment straight from its recurrence."""
    if not left or not right:
        return len(left) + len(right)
    best = min(
        _reference_distance(left[:-1], right) + 1,
        _reference_distance(left, right[:-1]) + 1,
        _reference_distance(left[:-1], right[:-1]) + (left[-1] != right[-1]),
    )
    if left[-2:] == right[-2:][::-1] and len(left) > 1 and len(right) > 1:
        best = min(best, _reference_distance(left[:-2], right[:-2]) + 1)
    return best


@pytest.mark.parametrize(
    ("name", "letters"),
    [
        ("International Rescue Committee", "irc"),
        ("Church World Service of the Carolinas", "cwsc"),
        ("Órgano Índigo Ñandú", "oin"),
        ("Two Words", ""),
        ("casa de paz", ""),
    ],
)
def test_initials_are_those_of_capital_words(name: str, letters: str) -> None:
    assert initials(name) == letters


@given(st.text(alphabet="abc", max_size=4), st.text(alphabet="abc", max_size=4))
@settings(max_examples=60)
def test_the_edit_distance_is_the_recurrence(left: str, right: str) -> None:
    assert edit_distance(left, right, limit=9) == _reference_distance(left, right)


@given(LETTERS, LETTERS, st.integers(min_value=0, max_value=3))
@settings(max_examples=100)
def test_the_edit_distance_stops_at_its_limit(left: str, right: str, limit: int) -> None:
    whole = edit_distance(left, right, limit=20)
    assert edit_distance(left, right, limit) == min(whole, limit + 1)
    assert edit_distance(right, left, limit) == edit_distance(left, right, limit)


def test_a_swap_of_neighbours_is_one_edit() -> None:
    assert edit_distance("asylum", "asyulm") == 1


def test_a_book_is_analysed() -> None:
    text = "Families wait for asylum hearings in Boston. " * 7_000
    assert len(analyse(text, Language.EN)) > 30_000


@pytest.mark.parametrize(
    ("name", "key"),
    [
        ("The Test Border Lawyers, Inc.", "test border lawyers"),
        ("TEST BORDER LAWYERS", "test border lawyers"),
        ("Ábogados  de\tPrueba", "abogados de prueba"),
        ("The Co", "the co"),
    ],
)
def test_names_are_compared_without_their_dress(name: str, key: str) -> None:
    assert name_key(name) == key
