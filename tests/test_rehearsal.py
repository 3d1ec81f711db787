"""What a change of the term map would change is what a build with it changes."""

from __future__ import annotations

import json
from collections.abc import Callable
from dataclasses import replace
from typing import Any

import pytest
import zipcodes

from recommender.geo import Gazetteer, build_gazetteer
from recommender.golden import check_golden
from recommender.index import BuildInputs, Index, build_index
from recommender.models import Nonprofit, Tag, TermMapping
from recommender.rehearsal import (
    Rehearsal,
    Stage,
    Usage,
    compare,
    find_implied,
    measure_usage,
    rehearse,
    set_scene,
)
from tests.small_world import NO_ALIASES, zip_records

TermMap = tuple[TermMapping, ...]
Taxonomy = tuple[Tag, ...]
Catalogue = tuple[Nonprofit, ...]

PAPERS = TermMapping(phrase="papeles", language="es", tags=("housing",))


@pytest.fixture(scope="module")
def gazetteer(tmp_path_factory: pytest.TempPathFactory) -> Gazetteer:
    aliases = tmp_path_factory.mktemp("places") / "places.json"
    aliases.write_text(json.dumps(NO_ALIASES))
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(zipcodes, "list_all", zip_records)
        return build_gazetteer(aliases)


def golden(key: str, text: str, **expect: Any) -> dict[str, Any]:
    return {"id": key, "kind": "match", "language": "en", "text": text, "expect": expect}


HOUSING_FIRST = {"in_top": {"slugs": ["test-harbor-shelter"], "n": 1, "at_least": 1}}
QUERIES = [
    golden("papers", "papeles", no_close_match=True),
    golden("classes", "english classes", no_close_match=False),
    golden("clinic", "clinic", in_top={"slugs": ["test-houston-clinic"], "n": 1, "at_least": 1}),
    golden("broken already", "clinic", **HOUSING_FIRST),
]


@pytest.fixture
def stage(index: Index, gazetteer: Gazetteer) -> Stage:
    return Stage(index=index, gazetteer=gazetteer, queries=QUERIES)


def tried(stage: Stage, tags: Taxonomy, before: TermMap, after: TermMap) -> Rehearsal:
    return rehearse(stage, set_scene(stage, tags, before), set_scene(stage, tags, after))


def test_a_new_phrase_moves_listings_and_may_break_a_query(
    stage: Stage, catalogue: Catalogue, taxonomy: Taxonomy, term_map: TermMap
) -> None:
    after = (*term_map, PAPERS)
    found = tried(stage, taxonomy, term_map, after)
    assert found.n_queries == 4
    assert [change.query["id"] for change in found.queries] == ["papers"]
    assert [f.query_id for f in found.broken] == ["papers"]
    (phrase,) = found.phrases
    assert phrase.phrase == "papeles"
    assert {move.nonprofit.slug for move in phrase.moves[:2]} == {
        "test-harbor-shelter",
        "test-haitian-house",
    }
    assert {move.kind for move in phrase.moves} == {"new"}
    built = build_index(BuildInputs(nonprofits=catalogue, tags=taxonomy, term_map=after))
    failing = [f.query_id for f in check_golden(QUERIES, built, stage.gazetteer)]
    # What fails with and without the change is not its fault.
    assert failing == ["papers", "broken already"]


def test_nothing_moves_where_nothing_changes(
    stage: Stage, taxonomy: Taxonomy, term_map: TermMap
) -> None:
    found = tried(stage, taxonomy, term_map, term_map)
    assert (found.phrases, found.queries, found.broken) == ((), (), ())


def test_a_renamed_phrase_is_asked_under_both_names(
    stage: Stage, taxonomy: Taxonomy, term_map: TermMap
) -> None:
    other = replace(term_map[6], phrase="walk-in doctor")
    after = (*term_map[:6], other, *term_map[7:])
    found = tried(stage, taxonomy, term_map, after)
    assert [change.phrase for change in found.phrases] == ["clinic", "walk-in doctor"]


def test_a_withdrawn_listing_is_in_no_answer(
    stage: Stage, taxonomy: Taxonomy, term_map: TermMap
) -> None:
    stage = replace(stage, exclude=frozenset({"test-harbor-shelter"}))
    found = tried(stage, taxonomy, term_map, (*term_map, PAPERS))
    assert "test-harbor-shelter" not in {m.nonprofit.slug for m in found.phrases[0].moves}


def test_moves_say_what_went_where(make_nonprofit: Callable[..., Nonprofit]) -> None:
    a, b, c, d, e = (make_nonprofit(name) for name in "abcde")
    moves = compare([a, b, c, d], [e, b, a, d])
    assert [(m.nonprofit.slug, m.before, m.after, m.kind) for m in moves] == [
        ("e", None, 1, "new"),
        ("b", 2, 2, "same"),
        ("a", 1, 3, "down"),
        ("d", 4, 4, "same"),
        ("c", 3, None, "gone"),
    ]
    assert compare([a, b], [b, a])[0].kind == "up"


def test_usage_counts_those_who_mean_something_else(index: Index) -> None:
    shelter = TermMapping(phrase="shelters", language="en", tags=("housing",))
    assert measure_usage(shelter, index) == Usage(n_listings=1, n_other=0, n_names=0)
    elsewhere = replace(shelter, tags=("health-care",))
    assert measure_usage(elsewhere, index) == Usage(n_listings=1, n_other=1, n_names=1)
    house = TermMapping(phrase="haitian house", language="en", tags=("somali",))
    assert measure_usage(house, index) == Usage(n_listings=1, n_other=1, n_names=1)
    assert measure_usage(replace(house, phrase="hou"), index).n_listings == 0


def test_what_the_taxonomy_already_says_is_known(taxonomy: Taxonomy) -> None:
    assert find_implied("Shelters", taxonomy) == ("services:housing",)
    assert find_implied("papeles", taxonomy) == ()
