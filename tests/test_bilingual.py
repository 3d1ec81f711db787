from collections import Counter
from statistics import mean

import pytest

from benchmarks.bilingual import Compared, Pair, compare, format_pair, format_row, read_pairs
from recommender.config import ROOT, Settings
from recommender.index import Index, load_current
from recommender.models import Language
from recommender.publish import open_gazetteer

PAIRS = read_pairs(ROOT / "data" / "judged" / "pairs.tsv")


@pytest.fixture(scope="module")
def compared(directory: Settings) -> list[Compared]:
    index, gazetteer = load_current(directory.index), open_gazetteer(directory)
    return [compare(pair, index, gazetteer) for pair in PAIRS]


def test_pairs_have_names_of_their_own_and_two_texts() -> None:
    assert max(Counter(pair.id for pair in PAIRS).values()) == 1
    assert all(pair.english and pair.spanish for pair in PAIRS)
    assert len({(pair.english, pair.spanish) for pair in PAIRS}) == len(PAIRS) >= 120


def test_both_halves_are_large_enough() -> None:
    tuned = sum(pair.is_for_tuning for pair in PAIRS)
    assert min(tuned, len(PAIRS) - tuned) >= 60


def test_every_place_is_one(directory: Settings) -> None:
    gazetteer = open_gazetteer(directory)
    assert all(gazetteer.resolve(pair.place) for pair in PAIRS if pair.place)


def test_spanish_is_answered_as_english_is(compared: list[Compared]) -> None:
    """What a change may not lose; the figures are in docs/benchmarks.md."""
    for is_for_tuning in (True, False):
        half = [one.overlap for one in compared if one.pair.is_for_tuning is is_for_tuning]
        assert 0.8 <= mean(half) < 1


def test_overlap_is_the_share_of_the_longer_answer(compared: list[Compared]) -> None:
    for one in compared:
        english, spanish = ({*one.slugs(language)} for language in Language)
        longest = max(len(english), len(spanish), 1)
        assert one.overlap == pytest.approx(len(english & spanish) / longest)
    same = next(one for one in compared if one.overlap == 1)
    assert f"| all | {len(compared)} |" in format_row("all", compared)
    assert same.pair.spanish in format_pair(same)


def test_what_is_unknown_is_told(directory: Settings, index: Index) -> None:
    pair = Pair(id="x", english="xylophones", spanish="xilófonos", place="")
    told = format_pair(compare(pair, index, open_gazetteer(directory)))
    assert "?xylophones" in told
    assert "?xilófonos" in told
