"""The words that nobody has mistyped."""

import pytest

from recommender import everyday
from recommender.everyday import is_everyday
from recommender.text import words


@pytest.mark.parametrize("word", ["mattress", "butter", "bride", "carro", "coches", "vacaciones"])
def test_everyday_words_of_both_languages_are_known(word: str) -> None:
    assert is_everyday(word)


@pytest.mark.parametrize("word", ["asylm", "refujiados", "carr", "arro", "carro coche", "", "移民"])
def test_what_is_no_word_or_only_a_part_of_one_is_not(word: str) -> None:
    assert not is_everyday(word)


def test_the_words_are_as_a_donors_are_read() -> None:
    lines = [line.split() for line in everyday._FILE.read_text(encoding="ascii").splitlines()]
    listed = [word for line in lines for word in line]
    assert listed == sorted(set(listed))
    assert words(" ".join(listed)) == listed
    assert min(map(len, listed)) == 5
    assert all({word[:2] for word in line} == {line[0][:2]} for line in lines)
