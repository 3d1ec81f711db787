import json
from collections.abc import Callable
from pathlib import Path

import pytest

from benchmarks.corpus import Corpus, Files, describe, make_corpus, split_sentences
from recommender.errors import ImportRefused
from recommender.index import BuildInputs
from recommender.models import Nonprofit, Tag, TermMapping
from tests.importers.bmf import make_row, write_bmf

N_ROWS = 40


@pytest.fixture(scope="module")
def missions(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("missions")
    texts = {"one": "WE TEACH ENGLISH. WE FEED REFUGEES.", "two": "Wild horses are saved here."}
    lines = [json.dumps({"_id": key, "text": text}) for key, text in texts.items()]
    (folder / "corpus.jsonl").write_text("\n".join(lines))
    (folder / "queries.jsonl").write_text('{"_id": "P84", "text": "Ethnic centers"}')
    (folder / "qrels").mkdir()
    (folder / "qrels" / "test.tsv").write_text("query-id\tcorpus-id\tscore\nP84\tone\t1\n")
    return folder


@pytest.fixture(scope="module")
def register(tmp_path_factory: pytest.TempPathFactory) -> Path:
    rows = [make_row(EIN=f"{number:09}", NAME=f"TEST CENTER {number}") for number in range(N_ROWS)]
    faulty = make_row(EIN="999999999", STATE="??")
    return write_bmf(tmp_path_factory.mktemp("bmf") / "bmf.csv.gz", *rows, faulty)


@pytest.fixture(scope="module")
def files(register: Path, missions: Path) -> Files:
    return Files(bmf=register, missions=missions)


@pytest.fixture(scope="module")
def own(
    catalogue: tuple[Nonprofit, ...],
    taxonomy: tuple[Tag, ...],
    term_map: tuple[TermMapping, ...],
) -> BuildInputs:
    return BuildInputs(nonprofits=catalogue, tags=taxonomy, term_map=term_map)


def _coordinates(**address: str) -> tuple[float, float] | None:
    portland = {"city": "Portland", "state": "ME", "zip": "04101"}
    return (43.66, -70.26) if address == portland else None


@pytest.fixture(scope="module")
def corpus(files: Files, own: BuildInputs) -> Corpus:
    return make_corpus(files, N_ROWS, own, _coordinates)


def test_the_same_files_give_the_same_listings_and_sizes_nest(
    corpus: Corpus, files: Files, own: BuildInputs
) -> None:
    larger = corpus.inputs(N_ROWS).nonprofits
    again = make_corpus(files, N_ROWS // 2, own, _coordinates).inputs(N_ROWS // 2).nonprofits
    assert list(again) == list(larger[: N_ROWS // 2])
    assert len({item.slug for item in larger}) == N_ROWS


def test_a_register_that_is_too_small_is_refused(corpus: Corpus) -> None:
    with pytest.raises(ImportRefused, match="has 40"):
        corpus.inputs(N_ROWS + 1)


def test_facts_are_those_of_the_register_and_places_are_found(corpus: Corpus) -> None:
    for item in corpus.inputs(N_ROWS).nonprofits:
        assert item.name.startswith("Test Center ")
        assert (item.ntee, item.revenue_usd) == ("P84", 120500)
        assert item.locations[0].city == "Portland"
        assert item.locations[0].latitude == 43.66


def test_texts_begin_with_a_sentence_of_the_code(corpus: Corpus) -> None:
    firsts = {item.summary_en.partition(".")[0] for item in corpus.inputs(N_ROWS).nonprofits}
    assert firsts == {"We teach english", "We feed refugees"}


def test_tags_are_what_the_words_say(corpus: Corpus) -> None:
    def tagged(item: Nonprofit) -> bool:
        return "refugees" in item.populations

    listings = corpus.inputs(N_ROWS).nonprofits
    said = [item for item in listings if "We feed refugees." in item.summary_en]
    silent = [item for item in listings if "refugee" not in item.summary_en.casefold()]
    assert said
    assert all(map(tagged, said))
    assert not any(map(tagged, silent))


def test_sentences_are_cut_and_capitals_are_lowered() -> None:
    assert split_sentences("TO HELP. TO FEED!") == ["To help.", "To feed!"]
    assert split_sentences("We help NYC; and others") == ["We help NYC;", "And others"]
    assert split_sentences(" ") == []


def test_listings_are_described_in_means(make_nonprofit: Callable[..., Nonprofit]) -> None:
    short = make_nonprofit(summary_en="Two words", summary_es="", services=())
    long = make_nonprofit(summary_en="Here are four words", summary_es="", services=("housing",))
    described = dict(describe([short, long]))
    assert described["words in English"] == 3
    assert described["services"] == 0.5
    assert described["different texts"] == 1
