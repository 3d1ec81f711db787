"""What is mended and what is left alone, counted, and over the committed words."""

import subprocess
import sys
from collections import Counter
from pathlib import Path

import pytest

from benchmarks.corrections import Read, Typed, ask, format_row, read_typed
from recommender.config import ROOT, Settings
from recommender.index import Index, load_current
from recommender.models import Language

TYPED = ROOT / "data" / "judged" / "typed.tsv"


@pytest.fixture(scope="module")
def found(directory: Settings) -> list[Read]:
    index = load_current(directory.index)
    return [ask(typed, index) for typed in read_typed(TYPED)]


def test_real_words_are_left_alone_and_mistyped_ones_mended(found: list[Read]) -> None:
    real = [read for read in found if not read.typed.is_mistyped]
    mistyped = [read for read in found if read.typed.is_mistyped]
    assert sum(read.is_changed for read in real) / len(real) <= 0.01
    assert sum(read.is_mended for read in mistyped) / len(mistyped) >= 0.9
    wrong = [read for read in mistyped if read.is_changed and not read.is_mended]
    assert len(wrong) / len(mistyped) <= 0.01


@pytest.mark.parametrize("word", ["carro", "coche", "butter", "bride", "estadio", "tortuga"])
def test_a_word_of_one_language_is_not_read_as_one_of_the_other(
    found: list[Read], word: str
) -> None:
    (read,) = [read for read in found if read.typed.word == word]
    assert not read.is_changed


def test_the_words_are_many_and_of_both_languages() -> None:
    typed = read_typed(TYPED)
    assert len({(one.language, one.word) for one in typed}) == len(typed)
    counts = Counter((one.language, one.is_mistyped) for one in typed)
    assert min(counts[language, False] for language in Language) >= 200
    assert sum(counts[language, True] for language in Language) >= 200
    assert 0.4 < sum(one.is_for_tuning for one in typed) / len(typed) < 0.6


def test_what_counts_by_hand(index: Index, tmp_path: Path) -> None:
    path = tmp_path / "typed.tsv"
    path.write_text("en\thorse\thorse\nen\tasylm\tasylum\nen\tqqqqq\tquiet\n")
    read = [ask(typed, index) for typed in read_typed(path)]
    assert [one.used for one in read] == ["horse", "asylum", "qqqqq"]
    assert [one.is_mended for one in read] == [True, True, False]
    row = format_row("all", read)
    assert row == "| all | 0.0% (0 of 1) | 50.0% (1 of 2) | 0.0% (0 of 2) | 50.0% (1 of 2) |"
    assert "none asked" in format_row("all", read[:1])


def test_another_form_of_the_word_meant_is_right() -> None:
    mistyped = Typed(language=Language.EN, word="lawer", meant="lawyer")
    assert Read(typed=mistyped, used="lawyers").is_mended
    assert not Read(typed=mistyped, used="layer").is_mended


def test_the_script_says_what_it_does() -> None:
    command = [sys.executable, "-m", "benchmarks.corrections", "--help"]
    shown = subprocess.run(command, cwd=ROOT, capture_output=True, text=True, check=True)
    assert "python -m benchmarks.corrections" in shown.stdout
