"""Golden queries: questions whose right answers are known, asked before every publish."""

from __future__ import annotations

import json
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from recommender.errors import InvalidRecord
from recommender.geo import Gazetteer
from recommender.index import Index
from recommender.models import DonorProfile, Language, Nonprofit, SearchQuery
from recommender.pipeline import recommend, search

DEPTH = 10


@dataclass(frozen=True, kw_only=True)
class Answer:
    """What one golden query brought."""

    nonprofits: tuple[Nonprofit, ...]
    no_close_match: bool

    @property
    def slugs(self) -> list[str]:
        """The slugs in order."""
        return [nonprofit.slug for nonprofit in self.nonprofits]


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
        Failure(query_id=query["id"], expected=f"{name} {expected}", found=found)
        for query in queries
        for name, expected in query["expect"].items()
        if (found := _CHECKS[name](expected, answers[query["id"]], answers))
    ]


def ask(query: Mapping[str, Any], index: Index, gazetteer: Gazetteer) -> Answer:
    """Put one golden query to the engine as a donor or a visitor of the directory would."""
    asked = read_question(query, gazetteer)
    if isinstance(asked, SearchQuery):
        page = search(asked, index)
        found = tuple(match.nonprofit for match in page.matches)
        return Answer(nonprofits=found, no_close_match=not page.total)
    answer = recommend(asked, index, n=DEPTH)
    return Answer(
        nonprofits=tuple(match.nonprofit for match in answer.matches),
        no_close_match=answer.no_close_match,
    )


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


def _in_top(expected: Mapping[str, Any], answer: Answer, _: Answers) -> str:
    hits = set(expected["slugs"]) & set(answer.slugs[: expected["n"]])
    return "" if len(hits) >= expected["at_least"] else f"{answer.slugs}"


def _states_in_top(expected: Mapping[str, Any], answer: Answer, _: Answers) -> str:
    states = [{place.state for place in item.locations} for item in answer.nonprofits]
    return _count_hits(expected, expected["states"], states, answer)


def _tags_in_top(expected: Mapping[str, Any], answer: Answer, _: Answers) -> str:
    tags = [{*n.services, *n.populations, *n.communities} for n in answer.nonprofits]
    return _count_hits(expected, expected["tags"], tags, answer)


def _count_hits(
    expected: Mapping[str, Any], wanted: Sequence[str], found: list[set[str]], answer: Answer
) -> str:
    hits = [bool(set(wanted) & values) for values in found[: expected["n"]]]
    return "" if sum(hits) >= expected["at_least"] else f"{sum(hits)}: {answer.slugs}"


def _same_as(expected: Mapping[str, Any], answer: Answer, answers: Answers) -> str:
    other = answers[expected["id"]].slugs[: expected["n"]]
    shared = set(other) & set(answer.slugs[: expected["n"]])
    return "" if len(shared) >= expected["at_least"] else f"{len(shared)} shared"


def _no_close_match(expected: bool, answer: Answer, _: Answers) -> str:
    return "" if answer.no_close_match == expected else f"{answer.no_close_match}"


_CHECKS: dict[str, Callable[[Any, Answer, Answers], str]] = {
    "in_top": _in_top,
    "states_in_top": _states_in_top,
    "tags_in_top": _tags_in_top,
    "same_as": _same_as,
    "no_close_match": _no_close_match,
}
