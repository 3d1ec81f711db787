"""What is on topic: by word, by phrase, and over the whole judged set."""

import csv
import subprocess
import sys
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from benchmarks.floor import (
    Rate,
    Request,
    find_mistakes,
    format_mistake,
    format_row,
    is_for_calibration,
    rate,
    read_requests,
)
from recommender.config import ROOT, Settings
from recommender.floor import FIELD, NOTHING_SAID, Standing, weigh_phrase, weigh_word
from recommender.index import Index, Meaning, load_current
from recommender.models import DonorProfile, Language
from recommender.pipeline import recommend
from recommender.query import understand
from tests.profiles import TEXTS

MOST_SHOWN_OFF_TOPIC, MOST_TURNED_AWAY = 0.05, 0.02
"""What issue 5 allows."""


@pytest.fixture(scope="module")
def directory_index(directory: Settings) -> Index:
    return load_current(directory.index)


@pytest.fixture(scope="module")
def requests() -> tuple[Request, ...]:
    return read_requests(ROOT / "data" / "judged" / "floor.tsv")


def is_far(text: str, index: Index, language: Language = Language.EN) -> bool:
    return recommend(DonorProfile(text=text, language=language), index).no_close_match


@pytest.mark.parametrize(
    "text",
    [
        "rent a car",
        "dog food",
        "sanctuary for horses",
        "asylum the horror game",
        "border collies",
        "visa credit card rewards",
        "naturalized plants",
        "ivory trafficking",
        "greek yogurt",
        "women's shoes",
        "best mattress",
        "la migración de las mariposas",
        "comida para gatos",
        "asdf",
        "SELECT * FROM users WHERE id = 1;",
    ],
)
def test_words_of_the_field_in_another_sense_are_no_close_match(
    directory_index: Index, text: str
) -> None:
    assert is_far(text, directory_index)


@pytest.mark.parametrize(
    "text",
    [
        "refugees",
        "women",
        "housing",
        "refugee kiddos",
        "Haitians in Springfield",
        "water in the desert for migrants",
        "refugee resetlement",
        "HIAS",
        "me agarró la migra",
        "restaurant workers without papers",
        "How can I help refugees in my town?",
    ],
)
def test_what_the_groups_do_is_a_close_match(directory_index: Index, text: str) -> None:
    assert not is_far(text, directory_index)


def test_the_floor_is_right_as_often_as_it_has_to_be(
    directory_index: Index, requests: tuple[Request, ...]
) -> None:
    mistakes = find_mistakes(requests, directory_index)
    assert rate(requests, mistakes, on_topic=False).share <= MOST_SHOWN_OFF_TOPIC
    assert rate(requests, mistakes, on_topic=True).share <= MOST_TURNED_AWAY


@given(text=TEXTS)
def test_what_is_ticked_is_never_off_topic(index: Index, text: str) -> None:
    answer = recommend(DonorProfile(text=text, populations=("refugees",)), index)
    assert not answer.no_close_match


@given(text=TEXTS, more=st.sampled_from(["", "zebra", "zebra xylophone quartz"]))
def test_naming_the_field_never_makes_a_request_less_on_topic(
    index: Index, text: str, more: str
) -> None:
    named = understand(DonorProfile(text=f"refugees {text} {more}"), index)
    assert not named.standing.is_off_topic


def test_the_concepts_of_the_field_are_in_the_taxonomy(directory_index: Index) -> None:
    assert set(directory_index.tag_names) >= FIELD


def test_a_concept_of_the_field_counts_in_full_and_another_half() -> None:
    refugees = Meaning(tags=("populations:refugees",), words=(), weight=0.8)
    women = Meaning(tags=("populations:women",), words=(), weight=0.8)
    assert weigh_phrase([refugees], 2) == Standing(belonging=1.6, n_words=2)
    assert weigh_phrase([women], 2) == Standing(belonging=0.8, n_words=2)
    assert weigh_phrase([women, refugees], 1).belonging == 0.8


def test_a_phrase_without_a_tag_is_foreign() -> None:
    animal_shelter = Meaning(tags=(), words=("shelter",), weight=0.1)
    assert weigh_phrase([animal_shelter], 2) == Standing(foreign=1.8, n_words=2)


def test_a_word_is_the_less_foreign_the_more_listings_use_it(crowd_index: Index) -> None:
    terms = sorted(range(len(crowd_index.terms)), key=lambda term: -crowd_index.idf[term])
    weighed = [weigh_word([term], crowd_index) for term in terms]
    foreign = [standing.foreign for standing in weighed]
    assert foreign == sorted(foreign, reverse=True)
    assert (foreign[-1], weighed[-1].belonging) == (0, 0.1)
    assert weigh_word([], crowd_index) == Standing(foreign=1, n_words=1)


def test_how_much_must_belong() -> None:
    assert not NOTHING_SAID.is_off_topic
    assert Standing(belonging=0.74, foreign=1, n_words=2).is_off_topic
    assert not Standing(belonging=0.75, foreign=1, n_words=2).is_off_topic
    assert not Standing(belonging=1, foreign=30, n_words=31).is_off_topic
    assert not Standing(foreign=0.9, n_words=1).is_off_topic
    assert Standing(foreign=1, n_words=1).is_off_topic


def test_a_guess_at_a_mistyped_word_is_believed_only_as_a_concept(directory_index: Index) -> None:
    guessed = understand(DonorProfile(text="best fords"), directory_index)
    assert guessed.corrections
    assert guessed.standing == Standing(foreign=1, n_words=1)
    meant = understand(DonorProfile(text="refugee resetlement"), directory_index)
    assert meant.corrections
    assert meant.standing.foreign == 0


def test_the_requests_are_many_and_of_both_kinds(requests: tuple[Request, ...]) -> None:
    texts = [request.text.casefold() for request in requests]
    assert len(texts) == len(set(texts))
    for on_topic in (True, False):
        of_kind = [request for request in requests if request.is_on_topic is on_topic]
        assert len(of_kind) >= 300
        assert {request.language for request in of_kind} == set(Language)
        assert 0.4 < sum(map(is_for_calibration, of_kind)) / len(of_kind) < 0.6
    with (ROOT / "data" / "judged" / "floor.tsv").open(encoding="utf-8", newline="") as lines:
        sides = {row[0] for row in csv.reader(lines, delimiter="\t", quoting=csv.QUOTE_NONE)}
    assert sides == {"on", "off"}


def test_rates_by_hand(index: Index, tmp_path: Path) -> None:
    path = tmp_path / "floor.tsv"
    path.write_text("on\ten\tword\tasylum\noff\ten\tcause\tzebras\noff\ten\tcause\tasylum zoo\n")
    asked = read_requests(path)
    assert find_mistakes(asked, index) == [asked[2]]
    wrong = rate(asked, [asked[2]], on_topic=False)
    assert wrong == Rate(wrong=1, n=2)
    assert wrong.share == 0.5
    assert wrong.interval() == pytest.approx((0.0945, 0.9055), abs=1e-3)
    assert Rate(wrong=0, n=0).interval() == (0, 1)
    assert "50.0% (9.5% to 90.5%; 1 of 2)" in format_row("all", asked, [asked[2]])
    assert "off: asylum zoo (" in format_mistake(asked[2], index)


def test_the_script_says_what_it_does() -> None:
    command = [sys.executable, "-m", "benchmarks.floor", "--help"]
    shown = subprocess.run(command, cwd=ROOT, capture_output=True, text=True, check=True)
    assert "python -m benchmarks.floor" in shown.stdout
