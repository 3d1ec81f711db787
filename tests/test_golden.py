import json
from pathlib import Path
from typing import Any

import pytest
import zipcodes

from recommender.config import ROOT
from recommender.errors import InvalidRecord, UnknownPlace
from recommender.geo import Gazetteer, build_gazetteer
from recommender.golden import DEPTH, Failure, ask, check_golden, read_golden, without_listings
from recommender.index import Index
from recommender.models import DonorProfile, SearchQuery
from recommender.pipeline import recommend, search
from tests.small_world import NO_ALIASES, zip_records


@pytest.fixture(scope="module")
def gazetteer(tmp_path_factory: pytest.TempPathFactory) -> Gazetteer:
    aliases = tmp_path_factory.mktemp("places") / "places.json"
    aliases.write_text(json.dumps(NO_ALIASES))
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(zipcodes, "list_all", zip_records)
        return build_gazetteer(aliases)


def golden(key: str = "query", text: str = "asylum lawyers", **changes: Any) -> dict[str, Any]:
    return {"id": key, "kind": "match", "language": "en", "text": text, "expect": {}} | changes


BORDER = "test-border-lawyers"


@pytest.mark.parametrize(
    "expect",
    [
        {"in_top": {"slugs": [BORDER, "no-such"], "n": 3, "at_least": 1}},
        {"states_in_top": {"states": ["TX"], "n": 3, "at_least": 1}},
        {"tags_in_top": {"tags": ["asylum-support"], "n": 3, "at_least": 2}},
        {"same_as": {"id": "other", "n": 3, "at_least": 2}},
        {"no_close_match": False},
    ],
)
def test_expectations_that_hold(index: Index, gazetteer: Gazetteer, expect: dict[str, Any]) -> None:
    queries = [golden(expect=expect), golden("other", "abogados de asilo", language="es")]
    assert check_golden(queries, index, gazetteer) == []


@pytest.mark.parametrize(
    ("expect", "expected", "found"),
    [
        (
            {"in_top": {"slugs": ["test-houston-clinic"], "n": 2, "at_least": 1}},
            "at least 1 of the first 2 from test-houston-clinic",
            "0; the first are test-border-lawyers, test-maine-asylum-project",
        ),
        (
            {"in_top": {"slugs": [BORDER, "no-such"], "n": 1, "at_least": 2}},
            "at least 2 of the first 1 from test-border-lawyers, no-such",
            "1; the first are test-border-lawyers",
        ),
        (
            {"states_in_top": {"states": ["HI", "AK"], "n": 1, "at_least": 1}},
            "at least 1 of the first 1 with an office in HI or AK",
            "0; the first are test-border-lawyers",
        ),
        (
            {"tags_in_top": {"tags": ["somali"], "n": 1, "at_least": 1}},
            "at least 1 of the first 1 tagged somali",
            "0; the first are test-border-lawyers",
        ),
        (
            {"same_as": {"id": "other", "n": 1, "at_least": 1}},
            "at least 1 of the first 1 the same as for other",
            "0",
        ),
        ({"no_close_match": True}, "no close match", "a close match"),
    ],
)
def test_expectations_that_do_not_hold_are_told_in_words(
    index: Index, gazetteer: Gazetteer, expect: dict[str, Any], expected: str, found: str
) -> None:
    queries = [golden(expect=expect), golden("other", "refugee clinic Houston")]
    (failure,) = check_golden(queries, index, gazetteer)
    assert failure == Failure(query_id="query", expected=expected, found=found)


def test_an_empty_answer_is_told(index: Index, gazetteer: Gazetteer) -> None:
    expect = {"in_top": {"slugs": [BORDER], "n": 3, "at_least": 1}}
    (failure,) = check_golden([golden(text="zzz", expect=expect)], index, gazetteer)
    assert failure.found == "0; the first are none at all"


def test_failures_come_in_the_order_of_the_file(index: Index, gazetteer: Gazetteer) -> None:
    queries = [
        golden(key, expect={"no_close_match": True, "same_as": {"id": key, "n": 1, "at_least": 2}})
        for key in ("b", "a")
    ]
    found = [(f.query_id, f.expected.split()[0]) for f in check_golden(queries, index, gazetteer)]
    assert found == [(k, e) for k in ("b", "a") for e in ("no", "at")]


def test_a_query_is_put_as_a_donor_would(index: Index, gazetteer: Gazetteer) -> None:
    near = ask(golden(place="Portland, ME"), index, gazetteer)
    assert near.slugs[0] == "test-maine-asylum-project"
    chips = golden(text="", services=["housing"], populations=["children"])
    assert ask(chips, index, gazetteer).slugs[0] == "test-harbor-shelter"
    haitian = golden(text="", communities=["haitian"])
    assert ask(haitian, index, gazetteer).slugs[0] == "test-haitian-house"


@pytest.mark.parametrize("text", ["asylum lawyers", "zzz", "refugee clinic Houston"])
def test_an_answer_is_the_one_that_donors_and_visitors_get(
    index: Index, gazetteer: Gazetteer, text: str
) -> None:
    answer = ask(golden(text=text), index, gazetteer)
    given = recommend(DonorProfile(text=text), index, n=DEPTH)
    assert answer.nonprofits == tuple(match.nonprofit for match in given.matches)
    assert answer.no_close_match is given.no_close_match
    answer = ask(golden(text=text, kind="search"), index, gazetteer)
    page = search(SearchQuery(text=text, page_size=DEPTH), index)
    assert answer.nonprofits == tuple(match.nonprofit for match in page.matches)
    assert answer.no_close_match is (not page.total)


def test_a_query_is_put_as_a_visitor_of_the_directory_would(
    index: Index, gazetteer: Gazetteer
) -> None:
    assert ask(golden(text="TBL", kind="search"), index, gazetteer).slugs[0] == BORDER
    assert ask(golden(text="xylophones", kind="search"), index, gazetteer).no_close_match
    with pytest.raises(UnknownPlace):
        ask(golden(place="Nowhere at all"), index, gazetteer)


@pytest.mark.parametrize(
    "content",
    [
        "",
        "{",
        "{}",
        "[1]",
        '[{"id": "a"}]',
        '[{"id": "a", "kind": "match", "language": "en", "expect": {"no_such_check": 1}}]',
        '[{"id": "a", "kind": "match", "language": "en", "expect": []}]',
    ],
)
def test_a_file_that_is_no_list_of_queries_is_refused(tmp_path: Path, content: str) -> None:
    file = tmp_path / "golden.json"
    file.write_text(content)
    with pytest.raises(InvalidRecord, match=r"golden\.json"):
        read_golden(file)


def test_a_missing_file_is_refused(tmp_path: Path) -> None:
    with pytest.raises(InvalidRecord, match="cannot be read"):
        read_golden(tmp_path / "none.json")


def test_the_committed_queries_can_be_read() -> None:
    queries = read_golden(ROOT / "data" / "golden_queries.json")
    keys = [query["id"] for query in queries]
    assert len(keys) == len(set(keys)) >= 70
    assert all(query["expect"] for query in queries)
    for query in queries:
        assert query["expect"].get("same_as", {"id": keys[0]})["id"] in keys


@pytest.mark.parametrize(
    ("gone", "expect"),
    [
        (set(), {"in_top": {"slugs": ["a", "b"], "n": 3, "at_least": 2}}),
        ({"b", "c"}, {"in_top": {"slugs": ["a"], "n": 3, "at_least": 1}}),
        ({"a", "b"}, {}),
    ],
)
def test_nothing_is_expected_of_what_was_taken_down(gone: set[str], expect: dict[str, Any]) -> None:
    asked = golden(expect={"in_top": {"slugs": ["a", "b"], "n": 3, "at_least": 2}})
    other = {"no_close_match": False}
    (query, unchanged) = without_listings([asked, golden(expect=other)], gone)
    assert query["expect"] == expect
    assert unchanged["expect"] == other
    assert asked["expect"]["in_top"]["at_least"] == 2
