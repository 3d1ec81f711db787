"""Golden queries: questions whose right answers are known, asked before every publish."""

from __future__ import annotations

import json
from collections.abc import Callable, Iterable, Mapping, Sequence, Set
from dataclasses import dataclass
from functools import cached_property
from pathlib import Path
from typing import Any

from recommender.errors import InvalidRecord
from recommender.geo import Gazetteer
from recommender.index import Index
from recommender.index.model import state_bit
from recommender.models import DonorProfile, Language, Nonprofit, SearchQuery, TagKind
from recommender.pipeline import Order, order_found, order_matches

DEPTH = 10
_TAGGED = (TagKind.SERVICE, TagKind.POPULATION, TagKind.COMMUNITY)


@dataclass(frozen=True, kw_only=True)
class Answer:
    """What one golden query brought: at most `DEPTH` rows of an index, in order."""

    index: Index
    rows: tuple[int, ...]
    no_close_match: bool

    @property
    def slugs(self) -> list[str]:
        """The slugs in order."""
        return [self.index.slugs[row] for row in self.rows]

    @cached_property
    def nonprofits(self) -> tuple[Nonprofit, ...]:
        """The listings in order; to check an answer none has to be read."""
        return tuple(self.index.nonprofit(row) for row in self.rows)


@dataclass(frozen=True, kw_only=True)
class Failure:
    """A golden query whose answer is not what it should be, and in what way."""

    query_id: str
    expected: str
    found: str


def read_golden(path: Path) -> list[dict[str, Any]]:
    """The golden queries of a file.

    Raises:
        InvalidRecord: the file is missing, or a query or an expectation is of no known kind.
    """
    try:
        queries = json.loads(path.read_text(encoding="utf-8"))
    except (OSError, ValueError) as error:
        raise InvalidRecord(f"{path} cannot be read: {error}") from error
    if not isinstance(queries, list) or not all(_is_query(query) for query in queries):
        raise InvalidRecord(f"{path} must be a list of queries with an id and expectations.")
    return queries


def _is_query(query: Any) -> bool:
    return (
        isinstance(query, dict)
        and {"id", "kind", "language", "expect"} <= query.keys()
        and isinstance(query["expect"], dict)
        and query["expect"].keys() <= _CHECKS.keys()
    )


def without_listings(
    queries: Iterable[Mapping[str, Any]], slugs: Set[str]
) -> list[Mapping[str, Any]]:
    """The queries expecting none of these listings.

    What staff have taken down on purpose is no fault of a build, and must not hold up every
    later one; a listing that is missing for any other reason still is.
    """
    return [{**query} | {"expect": _expect_without(query["expect"], slugs)} for query in queries]


def _expect_without(expect: Mapping[str, Any], slugs: Set[str]) -> dict[str, Any]:
    wanted = expect.get("in_top")
    if wanted is None or slugs.isdisjoint(wanted["slugs"]):
        return dict(expect)
    left = [slug for slug in wanted["slugs"] if slug not in slugs]
    at_least = min(wanted["at_least"], len(left))
    changed = {"in_top": {**wanted, "slugs": left, "at_least": at_least}} if left else {}
    return {name: value for name, value in expect.items() if name != "in_top"} | changed


def check_golden(
    queries: Sequence[Mapping[str, Any]], index: Index, gazetteer: Gazetteer
) -> list[Failure]:
    """Ask every query; what is not as expected, in the order of the file."""
    return find_failures(queries, ask_all(queries, index, gazetteer))


def ask_all(
    queries: Sequence[Mapping[str, Any]], index: Index, gazetteer: Gazetteer
) -> dict[str, Answer]:
    """The answers to golden queries, by the id of the query."""
    return {query["id"]: ask(query, index, gazetteer) for query in queries}


def find_failures(
    queries: Sequence[Mapping[str, Any]], answers: Mapping[str, Answer]
) -> list[Failure]:
    """Where the answers are not as expected, in the order of the queries."""
    return [
        Failure(query_id=query["id"], expected=_CHECKS[name].describe(expected), found=found)
        for query in queries
        for name, expected in query["expect"].items()
        if (found := _CHECKS[name].find_fault(expected, answers[query["id"]], answers))
    ]


def ask(query: Mapping[str, Any], index: Index, gazetteer: Gazetteer) -> Answer:
    """Put one golden query to the engine as a donor or a visitor of the directory would."""
    order = find_order(read_question(query, gazetteer), index)
    rows = tuple(order.rows[:DEPTH].tolist())
    return Answer(index=index, rows=rows, no_close_match=order.no_close_match)


def find_order(
    asked: DonorProfile | SearchQuery, index: Index, exclude: Set[str] = frozenset()
) -> Order:
    """The order of the answer to what a golden query asks; reasons would take a quarter more."""
    if isinstance(asked, SearchQuery):
        return order_found(asked, index, exclude=exclude)
    return order_matches(asked, index, n=DEPTH, exclude=exclude)


def read_question(query: Mapping[str, Any], gazetteer: Gazetteer) -> DonorProfile | SearchQuery:
    """What a golden query asks: of the matching, or of the directory."""
    place = gazetteer.resolve(query["place"]) if query.get("place") else None
    language = Language(query["language"])
    if query["kind"] == "search":
        return SearchQuery(text=query["text"], place=place, language=language, page_size=DEPTH)
    return DonorProfile(
        text=query.get("text", ""),
        services=tuple(query.get("services", ())),
        populations=tuple(query.get("populations", ())),
        communities=tuple(query.get("communities", ())),
        place=place,
        language=language,
    )


Answers = Mapping[str, Answer]


@dataclass(frozen=True, kw_only=True)
class _Check:
    """One kind of expectation: what it says, and what is found instead, "" where it holds."""

    describe: Callable[[Any], str]
    find_fault: Callable[[Any, Answer, Answers], str]


def _in_top(expected: Mapping[str, Any], answer: Answer, _: Answers) -> str:
    hits = [slug in expected["slugs"] for slug in answer.slugs]
    return _too_few(expected, hits, answer)


def _states_in_top(expected: Mapping[str, Any], answer: Answer, _: Answers) -> str:
    wanted = sum({state_bit(state) for state in expected["states"]})
    offices = answer.index.places.office_bits[[*answer.rows]].tolist()
    return _too_few(expected, [bool(bits & wanted) for bits in offices], answer)


def _tags_in_top(expected: Mapping[str, Any], answer: Answer, _: Answers) -> str:
    names = (f"{kind}:{tag}" for kind in _TAGGED for tag in expected["tags"])
    tagged = {row for name in names for row in answer.index.rows_with(name).tolist()}
    return _too_few(expected, [row in tagged for row in answer.rows], answer)


def _too_few(expected: Mapping[str, Any], hits: Sequence[bool], answer: Answer) -> str:
    n = expected["n"]
    if sum(hits[:n]) >= expected["at_least"]:
        return ""
    return f"{sum(hits[:n])}; the first are {', '.join(answer.slugs[:n]) or 'none at all'}"


def _same_as(expected: Mapping[str, Any], answer: Answer, answers: Answers) -> str:
    other = answers[expected["id"]].slugs[: expected["n"]]
    shared = set(other) & set(answer.slugs[: expected["n"]])
    return "" if len(shared) >= expected["at_least"] else f"{len(shared)}"


def _no_close_match(expected: bool, answer: Answer, _: Answers) -> str:
    return "" if answer.no_close_match == expected else _say_close(answer.no_close_match)


def _say_close(no_close_match: bool) -> str:
    return "no close match" if no_close_match else "a close match"


def _say_count(expected: Mapping[str, Any], of_what: str) -> str:
    return f"at least {expected['at_least']} of the first {expected['n']} {of_what}"


_CHECKS: dict[str, _Check] = {
    "in_top": _Check(
        describe=lambda e: _say_count(e, f"from {', '.join(e['slugs'])}"), find_fault=_in_top
    ),
    "states_in_top": _Check(
        describe=lambda e: _say_count(e, f"with an office in {' or '.join(e['states'])}"),
        find_fault=_states_in_top,
    ),
    "tags_in_top": _Check(
        describe=lambda e: _say_count(e, f"tagged {' or '.join(e['tags'])}"),
        find_fault=_tags_in_top,
    ),
    "same_as": _Check(
        describe=lambda e: _say_count(e, f"the same as for {e['id']}"), find_fault=_same_as
    ),
    "no_close_match": _Check(describe=_say_close, find_fault=_no_close_match),
}
