from __future__ import annotations

import json
from collections.abc import Callable
from dataclasses import asdict
from pathlib import Path
from xml.etree import ElementTree

import pytest

from benchmarks import peers, scale
from benchmarks.plot import Panel, draw
from recommender.index import Index, write_generation
from recommender.models import DonorProfile, Place
from tests.test_benchmarks import COLLECTION

BUILD = scale.Build(
    size=1_000,
    code="",
    processor_s=2.0,
    wall_s=3.0,
    write_s=0.5,
    neighbours_s=1.0,
    rss_before=50_000_000,
    peak_rss=90_000_000,
    on_disk=4_000_000,
)


def test_each_round_asks_the_same_words_near_other_places(
    make_place: Callable[[str], Place],
) -> None:
    profiles = [
        DonorProfile(text="legal help", place=make_place("Boston, MA")),
        DonorProfile(text="english classes"),
        DonorProfile(place=make_place("Boston, MA")),
    ]
    first, second = scale.make_asks(profiles, rounds=2)
    assert [ask.text for ask in first] == [ask.text for ask in second]
    assert [ask.text for ask in first] == ["legal help", "english classes"]
    assert [ask.profile.place for ask in first] != [ask.profile.place for ask in second]


def test_every_third_question_is_narrowed_to_its_state_or_to_kinds_of_reach(
    make_place: Callable[[str], Place],
) -> None:
    boston = DonorProfile(text="legal help", place=make_place("Boston, MA"))
    near = [ask.profile for ask in scale.make_asks([boston] * 3, rounds=1)[0]]
    anywhere = scale.make_asks([DonorProfile(text="legal help")] * 3, rounds=1)[0]
    assert [profile.filters.states for profile in near] == [("MA",), (), ()]
    assert [bool(ask.profile.filters.reach) for ask in anywhere] == [True, False, False]


def test_engines_are_asked_in_turn_and_slow_ones_in_the_first_round_only() -> None:
    asked: list[tuple[str, int]] = []
    engines = {name: lambda one, name=name: asked.append((name, one)) for name in ("fast", "slow")}
    answers = scale.compare(engines, [[1, 2], [3]], once=["slow"])
    assert asked[-5:] == [("fast", 1), ("slow", 1), ("fast", 2), ("slow", 2), ("fast", 3)]
    assert [len(answers[name].milliseconds) for name in engines] == [3, 2]


def test_answers_a_second_are_one_over_the_mean() -> None:
    answers = scale.Answers(milliseconds=[1.0, 1.0, 4.0])
    assert answers.per_second == pytest.approx(500)
    assert answers.p50 == 1.0


def test_times_are_told_against_ours() -> None:
    ours, other = scale.Answers(milliseconds=[2.0]), scale.Answers(milliseconds=[1.0])
    rows = list(scale.format_answers({"ours": ours, "other": other}))[2:]
    assert [row.split("|")[-2].strip() for row in rows] == ["1.00", "0.50"]


def test_costs_are_told_for_each_listing() -> None:
    row = list(scale.format_builds([BUILD]))[2]
    assert row == "| 1,000 | 2.0 | 1.0 | 0.5 | 2.00 | 50 | 90 | 4.0 | 4,000 |"


def test_a_kept_build_is_made_again_when_the_code_is_another(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    commands: list[list[str]] = []
    monkeypatch.setattr(scale.subprocess, "run", lambda command, **_: commands.append(command))
    files = scale.Files(bmf=Path("bmf"), missions=Path("missions"))
    kept = tmp_path / "1000.json"
    kept.write_text(json.dumps(asdict(BUILD) | {"code": scale.digest_code()}))
    assert scale.build_all(files, tmp_path, [1_000])[0].size == 1_000
    assert commands == []
    kept.write_text(json.dumps(asdict(BUILD)))
    scale.build_all(files, tmp_path, [1_000], keep=True)
    assert commands == []
    scale.build_all(files, tmp_path, [1_000])
    assert commands[0][-2:] == ["--build", "1000"]


def test_all_engines_are_given_the_same_listings(index: Index) -> None:
    engines = scale.make_engines(index)
    assert {*engines} >= {scale.OURS, "tantivy", "SQLite FTS5", "scikit-learn, defaults"}
    ask = scale.Ask(profile=DonorProfile(text="asylum lawyers"))
    for name, answer in engines.items():
        assert answer(ask), name


@pytest.mark.parametrize("name", peers.PEERS)
def test_each_peer_gives_no_more_than_it_is_asked_for(name: str) -> None:
    assert len(peers.PEERS[name](COLLECTION, depth=1)("lawyers classes meals")) == 1


def test_growth_is_asked_of_generations_on_disk(index: Index, tmp_path: Path) -> None:
    generations = tmp_path / "12"
    scale.publish_generation(generations, write_generation(index, generations))
    asks = [[scale.Ask(profile=DonorProfile(text="asylum"))]]
    answers = scale.measure_growth(tmp_path, [12], asks)
    assert len(answers[12].milliseconds) == 1


def test_a_plot_has_a_point_for_each_size_and_says_them_in_words() -> None:
    panel = Panel(title="Cost <each>", points={1_000: 0.5, 10_000: 3.0, 300_000: 42.0})
    root = ElementTree.fromstring(draw([panel, panel], x_label="listings"))
    space = "{http://www.w3.org/2000/svg}"
    dots = list(root.iter(f"{space}circle"))
    assert len(dots) == 6
    heights = [float(dot.attrib["cy"]) for dot in dots[:3]]
    assert heights == sorted(heights, reverse=True)
    title = root.findtext(f"{space}title")
    assert title is not None
    assert title.startswith("Cost <each>: 0.5 at 1,000, 3.0 at 10,000, 42 at 300,000")
