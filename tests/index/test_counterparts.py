from collections.abc import Callable
from dataclasses import replace

import numpy as np
import pytest

from recommender.index import BuildInputs, Index, Meaning, Postings, build_index, counterparts
from recommender.index.counterparts import find_counterparts
from recommender.models import DonorProfile, Language, Nonprofit
from recommender.query import understand

Make = Callable[..., Nonprofit]
TEXTS = {
    "desert": ("water in the desert", "agua en el desierto"),
    "garden": ("a garden with water", "un jardín con agua"),
    "music": ("music in the garden", "música en el jardín"),
    "night": ("music in the desert", "música en el desierto"),
}


def postings(*rows: list[int]) -> Postings:
    columns = np.array([column for row in rows for column in row], dtype=np.int32)
    indptr = np.concatenate(([0], np.cumsum([len(row) for row in rows]))).astype(np.int64)
    return Postings(indptr, columns, np.ones(len(columns), dtype=np.float32))


@pytest.fixture
def parallel(make_nonprofit: Make) -> Index:
    pool = [
        make_nonprofit(slug, slug=slug, summary_en=english, summary_es=spanish, services=())
        for slug, (english, spanish) in sorted(TEXTS.items())
    ]
    return build_index(BuildInputs(nonprofits=pool))


@pytest.mark.parametrize(
    ("spanish", "english"),
    [("agu", "water"), ("desiert", "desert"), ("jardin", "garden"), ("music", "music")],
)
def test_descriptions_teach_what_words_mean(parallel: Index, spanish: str, english: str) -> None:
    found = int(parallel.counterparts[parallel.vocabulary[spanish]])
    assert (parallel.terms[found] if found >= 0 else spanish) == english


def test_words_that_go_together_are_told_apart() -> None:
    """Terms 0, 1, 2 in English are 3, 4, 5 in Spanish; 0 stands in every text."""
    english = postings([0, 1], [0, 2], [0, 1, 2])
    spanish = postings([3, 4], [3, 5], [3, 4, 5])
    assert find_counterparts(english, spanish, 6).tolist() == [-1, -1, -1, 0, 1, 2]


def test_what_is_described_in_one_language_teaches_nothing() -> None:
    assert find_counterparts(postings([0], []), postings([], [1]), 2).tolist() == [-1, -1]


def test_of_many_texts_some_are_read(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(counterparts, "MAX_LISTINGS", 2)
    english, spanish = postings([0], [0], [1], [0]), postings([2], [2], [2], [2])
    assert find_counterparts(english, spanish, 3).tolist() == [-1, -1, 0]


def test_a_spanish_word_asks_what_its_counterpart_does(parallel: Index) -> None:
    def read(text: str, language: Language) -> dict[int, float]:
        return understand(DonorProfile(text=text, language=language), parallel).term_weights()

    english, spanish = read("desert", Language.EN), read("desierto", Language.ES)
    desert, desierto = (parallel.vocabulary[term] for term in ("desert", "desiert"))
    assert english == {desert: 1.0}
    assert spanish == pytest.approx({desert: 0.5, desierto: 0.5})


def test_the_words_of_a_phrase_ask_what_their_counterparts_do(parallel: Index) -> None:
    concept = Meaning(tags=("services:border-aid",), words=(), weight=1.0)
    index = replace(parallel, phrases={"agua en el desierto": (concept,)})
    profile = DonorProfile(text="agua en el desierto", language=Language.ES)
    weights = understand(profile, index).term_weights()
    both = {parallel.vocabulary[term]: 0.25 for term in ("water", "agu", "desert", "desiert")}
    assert weights == pytest.approx(both)


@pytest.mark.parametrize("page", list(Language))
def test_words_without_stop_words_are_of_the_language_that_knows_them(
    parallel: Index, page: Language
) -> None:
    def read(text: str) -> dict[int, float]:
        return understand(DonorProfile(text=text, language=page), parallel).term_weights()

    assert read("desierto") == read("el desierto")
    assert read("desert water") == read("the desert water")
