"""What another term map would change, worked out before anybody approves it.

Both term maps are put into the index that serves, each exactly as a build of the same
listings would put it there. What was approved of listings since then is left out.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence, Set
from dataclasses import dataclass
from typing import Any

from recommender.geo import Gazetteer
from recommender.golden import Answer, Failure, ask_all, find_failures
from recommender.index import Index
from recommender.index.phrases import build_phrases, replace_terms
from recommender.models import DonorProfile, Language, Nonprofit, Tag, TermMapping
from recommender.pipeline import recommend
from recommender.text import phrase_key, words

DEPTH = 20
"""How far down the answer to a phrase itself is followed."""


@dataclass(frozen=True, kw_only=True)
class Stage:
    """On what a change is tried: what serves, and the questions that guard it."""

    index: Index
    gazetteer: Gazetteer
    queries: Sequence[Mapping[str, Any]]
    exclude: Set[str] = frozenset()


@dataclass(frozen=True, kw_only=True)
class Scene:
    """A term map on the stage: the index with it, and what the golden queries bring."""

    term_map: Sequence[TermMapping]
    index: Index
    answers: Mapping[str, Answer]


@dataclass(frozen=True, kw_only=True)
class Move:
    """Where a listing stands in two answers, from 1 on; None where it is not among the first."""

    nonprofit: Nonprofit
    before: int | None
    after: int | None

    @property
    def kind(self) -> str:
        """`new`, `gone`, `up`, `down` or `same`."""
        if self.before is None:
            return "new"
        if self.after is None:
            return "gone"
        if self.before == self.after:
            return "same"
        return "up" if self.after < self.before else "down"


@dataclass(frozen=True, kw_only=True)
class PhraseChange:
    """What a donor who types just a phrase gets, before and after."""

    phrase: str
    moves: tuple[Move, ...]


@dataclass(frozen=True, kw_only=True)
class QueryChange:
    """A golden query whose first ten change, or that stops being answered as it should be."""

    query: Mapping[str, Any]
    moves: tuple[Move, ...]
    broken: tuple[Failure, ...] = ()


@dataclass(frozen=True, kw_only=True)
class Rehearsal:
    """All that a change of the term map would change; `n_queries` were asked."""

    phrases: tuple[PhraseChange, ...]
    queries: tuple[QueryChange, ...]
    n_queries: int

    @property
    def broken(self) -> tuple[Failure, ...]:
        """What would fail that does not fail without the change; a publication would refuse it."""
        return tuple(failure for change in self.queries for failure in change.broken)


@dataclass(frozen=True, kw_only=True)
class Usage:
    """How many listings say a phrase.

    `n_other` of them carry none of the tags it is given; `n_names` of those have it in a name.
    """

    n_listings: int
    n_other: int
    n_names: int


def set_scene(stage: Stage, tags: Sequence[Tag], term_map: Sequence[TermMapping]) -> Scene:
    """Put a term map into the index, and ask every golden query."""
    index = replace_terms(stage.index, tags, term_map)
    answers = ask_all(stage.queries, index, stage.gazetteer)
    return Scene(term_map=term_map, index=index, answers=answers)


def rehearse(stage: Stage, before: Scene, after: Scene) -> Rehearsal:
    """What changes from one term map to another: golden queries, and the changed phrases."""
    phrases = dict.fromkeys((m.phrase, _language(m)) for m in _different(before, after))
    return Rehearsal(
        phrases=tuple(
            PhraseChange(
                phrase=phrase,
                moves=compare(
                    _ask_phrase(phrase, language, before.index, stage),
                    _ask_phrase(phrase, language, after.index, stage),
                ),
            )
            for phrase, language in phrases
        ),
        queries=_compare_golden(stage, before, after),
        n_queries=len(stage.queries),
    )


def compare(before: Sequence[Nonprofit], after: Sequence[Nonprofit]) -> tuple[Move, ...]:
    """Two answers as moves: first all of the new answer in its order, then what is gone."""
    old = {item.slug: rank for rank, item in enumerate(before, start=1)}
    new = {item.slug: rank for rank, item in enumerate(after, start=1)}
    every = {item.slug: item for item in (*after, *before)}
    return tuple(
        Move(nonprofit=item, before=old.get(slug), after=new.get(slug))
        for slug, item in every.items()
    )


def measure_usage(mapping: TermMapping, index: Index) -> Usage:
    """How the listings themselves use a phrase, to see whether it is as sure as it looks."""
    key = phrase_key(words(mapping.phrase))
    using = [
        item
        for item in (index.nonprofit(row) for row in range(len(index)))
        if _says(key, (item.name, *item.other_names, item.summary_en, item.summary_es))
    ]
    others = [
        item
        for item in using
        if not {*item.services, *item.populations, *item.communities} & set(mapping.tags)
    ]
    n_names = sum(_says(key, (item.name, *item.other_names)) for item in others)
    return Usage(n_listings=len(using), n_other=len(others), n_names=n_names)


def find_implied(phrase: str, tags: Sequence[Tag]) -> tuple[str, ...]:
    """What the taxonomy alone takes a phrase for, as `kind:slug`; a mapping takes its place."""
    meanings = build_phrases(tags, ()).get(phrase_key(words(phrase)), ())
    return tuple(tag for meaning in meanings for tag in meaning.tags)


def _says(key: str, texts: Sequence[str]) -> bool:
    return any(f" {key} " in f" {phrase_key(words(text))} " for text in texts)


def _different(before: Scene, after: Scene) -> list[TermMapping]:
    """The mappings that are in one of the two alone, those of before first."""
    gone = set(before.term_map) - set(after.term_map)
    new = set(after.term_map) - set(before.term_map)
    return [m for m in before.term_map if m in gone] + [m for m in after.term_map if m in new]


def _language(mapping: TermMapping) -> Language:
    return Language.ES if mapping.language == Language.ES else Language.EN


def _ask_phrase(phrase: str, language: Language, index: Index, stage: Stage) -> list[Nonprofit]:
    profile = DonorProfile(text=phrase, language=language)
    answer = recommend(profile, index, n=DEPTH, exclude=stage.exclude)
    return [match.nonprofit for match in answer.matches]


def _compare_golden(stage: Stage, before: Scene, after: Scene) -> tuple[QueryChange, ...]:
    known = {_expectation(failure) for failure in find_failures(stage.queries, before.answers)}
    failures = find_failures(stage.queries, after.answers)
    broken = [failure for failure in failures if _expectation(failure) not in known]
    changes = (
        QueryChange(
            query=query,
            moves=_moves(before.answers[query["id"]], after.answers[query["id"]]),
            broken=tuple(failure for failure in broken if failure.query_id == query["id"]),
        )
        for query in stage.queries
    )
    return tuple(change for change in changes if change.moves or change.broken)


def _expectation(failure: Failure) -> tuple[str, str]:
    return failure.query_id, failure.expected


def _moves(old: Answer, new: Answer) -> tuple[Move, ...]:
    """Only what changes place."""
    if old.slugs == new.slugs:
        return ()
    moves = compare(old.nonprofits, new.nonprofits)
    return tuple(move for move in moves if move.kind != "same")
