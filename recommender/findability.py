"""What donors would find a listing by, and what would make it easier to find.

A listing is measured as it stands or as it is being typed, against one index and the golden
queries. Nothing is written. Ranks are those of `recommend` and `search` with the listing put
into the index (see `index.insertion` for the little that this leaves out).
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence, Set
from dataclasses import dataclass
from enum import StrEnum
from functools import cached_property
from typing import Any

import numpy as np
import numpy.typing as npt

from recommender.geo import Gazetteer
from recommender.golden import find_order, read_question
from recommender.index import Index
from recommender.index.fields import concepts
from recommender.index.insertion import find_surfaces, insert_listing, project
from recommender.models import (
    Basis,
    Language,
    Location,
    Nonprofit,
    ServiceArea,
)
from recommender.pipeline import Order
from recommender.query import find_phrases
from recommender.text import analyse, fold, stem, words

N_TAGS = 8
N_WORDS = 12
FOUND_WITHIN = 50
"""A golden query that brings a listing among this many concerns it."""
FITS_COVERAGE = 0.5
"""A listing that has this share of what is asked and serves the place asked about fits."""
SURE = 0.8
"""From this weight of the term map a phrase is taken at its word."""
SHORT_SHARE = 0.5
"""A description with less than this share of the usual number of words is short."""
MAX_UNTICKED = 6
WORDING = 2
"""Fewer concepts than this that one language lacks are mostly only said in other words."""


@dataclass(frozen=True, kw_only=True)
class Term:
    """What a listing can be asked for by: a tag as `kind:slug`, or a word as donors write it.

    `languages` are those that write the word so; a tag has none. `weight` is what the term
    adds to the sum behind a score, for each unit of query weight.
    """

    weight: float
    concept: str = ""
    word: str = ""
    languages: tuple[Language, ...] = ()


class Purpose(StrEnum):
    """Why a golden query concerns a listing, strongest first."""

    EXPECTED = "expected"
    FITS = "fits"
    FOUND = "found"


@dataclass(frozen=True, kw_only=True)
class Standing:
    """Where a listing stands in the answer to a golden query, from 1 on.

    `before` is its rank in what serves, `after` with the listing as typed; None where it is
    not in the answer at all.
    """

    query: Mapping[str, Any]
    purpose: Purpose
    before: int | None
    after: int | None


class HintKind(StrEnum):
    """What may keep a listing from being found."""

    NO_SERVICES = "no-services"
    NO_PEOPLE = "no-people"
    NO_DESCRIPTION = "no-description"
    SHORT_DESCRIPTION = "short-description"
    UNTICKED = "unticked"
    ONE_LANGUAGE = "one-language"
    NAME_ONLY = "name-only"
    NO_PLACE = "no-place"
    NO_COORDINATES = "no-coordinates"
    NO_AREA = "no-area"
    NO_SOURCE = "no-source"


@dataclass(frozen=True, kw_only=True)
class Hint:
    """Something that is missing, in the field of a listing that it is about.

    `concepts` are tags as `kind:slug`, `words` what the listing says, or names of places.
    """

    kind: HintKind
    field: str
    concepts: tuple[str, ...] = ()
    words: tuple[str, ...] = ()


@dataclass(frozen=True, kw_only=True)
class Findability:
    """All of this of one record; tags and words each with the heaviest first."""

    tags: tuple[Term, ...]
    words: tuple[Term, ...]
    standings: tuple[Standing, ...]
    hints: tuple[Hint, ...]


class Yardstick:
    """The golden queries, put to one index once, by which any number of records is measured.

    Args:
        index: What serves.
        queries: The golden queries, as `golden.read_golden` gives them.
        gazetteer: The places that they name.
        exclude: Slugs that are in no answer now.
    """

    def __init__(
        self,
        index: Index,
        queries: Sequence[Mapping[str, Any]],
        gazetteer: Gazetteer,
        exclude: Set[str] = frozenset(),
    ) -> None:
        self.index = index
        self.exclude = exclude
        # Where nothing is to be found, nobody should stand.
        asking = [query for query in queries if not query["expect"].get("no_close_match")]
        self._questions = [(query, read_question(query, gazetteer)) for query in asking]

    def measure(self, record: Nonprofit) -> Findability:
        """What a record would be found by, where it stands, and what it lacks."""
        inserted = insert_listing(record, self.index)
        tags, words = list_terms(record, inserted)
        return Findability(
            tags=tags[:N_TAGS],
            words=words[:N_WORDS],
            standings=self._standings(record.slug, inserted),
            hints=tuple(find_hints(record, self.index)),
        )

    @cached_property
    def _before(self) -> list[npt.NDArray[np.int32]]:
        orders = [find_order(asked, self.index, self.exclude) for _, asked in self._questions]
        return [order.rows.astype(np.int32) for order in orders]

    def _standings(self, slug: str, inserted: Index) -> tuple[Standing, ...]:
        row, now = inserted.row_of[slug], self.index.row_of.get(slug, -1)
        exclude = self.exclude - {slug}
        found = []
        for (query, asked), before in zip(self._questions, self._before, strict=True):
            order = find_order(asked, inserted, exclude)
            old, new = _find_rank(before, now), _find_rank(order.rows, row)
            purpose = _find_purpose(query, slug, (old, new), order)
            if purpose is not None:
                found.append(Standing(query=query, purpose=purpose, before=old, after=new))
        found.sort(key=lambda s: (list(Purpose).index(s.purpose), _best(s.before, s.after)))
        return tuple(found)


def list_terms(record: Nonprofit, index: Index) -> tuple[tuple[Term, ...], tuple[Term, ...]]:
    """The tags and the words of a listing by their weight in it, heaviest first."""
    weights = project(record, index)
    tags = [Term(weight=w, concept=term) for term, w in weights.items() if ":" in term]
    written = _Surfaces(record, index)
    words: dict[str, Term] = {}
    for term in (term for term in weights if ":" not in term):
        for word, languages in written.forms(term).items():
            known = words.get(word, Term(weight=0.0, word=word))
            spoken = tuple(lang for lang in Language if lang in {*known.languages, *languages})
            heavier = max(known.weight, weights[term])
            words[word] = Term(weight=heavier, word=word, languages=spoken)
    return _by_weight(tags), _by_weight(words.values())


def _by_weight(terms: Iterable[Term]) -> tuple[Term, ...]:
    return tuple(sorted(terms, key=lambda term: (-term.weight, term.concept, term.word)))


def find_hints(record: Nonprofit, index: Index) -> list[Hint]:
    """What would make a listing easier to find, most helpful first."""
    return [
        *_tag_hints(record),
        *_description_hints(record, index),
        *_concept_hints(record, index),
        *_place_hints(record),
        *([] if record.sources else [Hint(kind=HintKind.NO_SOURCE, field="source")]),
    ]


# --- Ranks -------------------------------------------------------------------------------


def _find_rank(rows: npt.NDArray[np.integer], row: int) -> int | None:
    at = np.flatnonzero(rows == row)
    return int(at[0]) + 1 if len(at) else None


def _find_purpose(
    query: Mapping[str, Any], slug: str, ranks: tuple[int | None, int | None], order: Order
) -> Purpose | None:
    """Why a query concerns the listing of a slug, if it does; `order` is its answer then."""
    if slug in query["expect"].get("in_top", {}).get("slugs", ()):
        return Purpose.EXPECTED
    at = (ranks[1] or 0) - 1
    is_there = bool(query.get("place")) and at >= 0 and order.is_local[at]
    if is_there and order.coverage[at] >= FITS_COVERAGE:
        return Purpose.FITS
    return Purpose.FOUND if _best(*ranks) <= FOUND_WITHIN else None


def _best(before: int | None, after: int | None) -> float:
    return min(before or np.inf, after or np.inf)


# --- Terms -------------------------------------------------------------------------------


class _Surfaces:
    """Terms as they are written: by the listing, else by other listings, else by its tags."""

    def __init__(self, record: Nonprofit, index: Index) -> None:
        self._index = index
        self._own = {language: find_surfaces(record, language) for language in Language}
        self._tags = {language: _tag_words(record, index, language) for language in Language}

    def forms(self, term: str) -> dict[str, list[Language]]:
        """The words that stand for a term, each with the languages that write it so."""
        written = {lang: self._own[lang].get(term, "") for lang in Language}
        if not any(written.values()):
            written = {lang: self._of_others(term, lang) for lang in Language}
        forms: dict[str, list[Language]] = {}
        for language, word in written.items():
            if word:
                forms.setdefault(word, []).append(language)
        return forms or {term: []}

    def _of_others(self, term: str, language: Language) -> str:
        at = self._index.vocabulary.get(term)
        written = self._index.surface(at, language) if at is not None else ""
        return written or self._tags[language].get(term, "")


def _tag_words(record: Nonprofit, index: Index, language: Language) -> dict[str, str]:
    """The words of a listing's tags by their stems in one language."""
    at = list(Language).index(language)
    texts = (index.tag_texts.get(tag, ("", ""))[at] for tag in concepts(record))
    return {stem(fold(word), language): word for text in texts for word in text.split()}


# --- Hints -------------------------------------------------------------------------------


def _tag_hints(record: Nonprofit) -> Iterable[Hint]:
    if not record.services:
        yield Hint(kind=HintKind.NO_SERVICES, field="services")
    if not record.populations and not record.communities:
        yield Hint(kind=HintKind.NO_PEOPLE, field="populations")


def _description_hints(record: Nonprofit, index: Index) -> Iterable[Hint]:
    for language in Language:
        field = f"summary_{language}"
        length = len(analyse(record.summary(language), language))
        if not length:
            yield Hint(kind=HintKind.NO_DESCRIPTION, field=field)
        elif length < SHORT_SHARE * index.field_lengths[field]:
            yield Hint(kind=HintKind.SHORT_DESCRIPTION, field=field)
    if record.basis is Basis.NAME:
        yield Hint(kind=HintKind.NAME_ONLY, field="basis")


def _concept_hints(record: Nonprofit, index: Index) -> Iterable[Hint]:
    """Concepts that are spoken of without their tag, or in one language alone."""
    ticked = set(concepts(record))
    said = {lang: recognise(record.summary(lang), index) for lang in Language}
    everywhere = said[Language.ES] | said[Language.EN]
    for name in (record.name, *record.other_names):
        everywhere = recognise(name, index) | everywhere
    unticked = [(tags, word) for tags, word in everywhere.items() if not ticked & set(tags)]
    for tags, word in unticked[:MAX_UNTICKED]:
        field = tags[0].partition(":")[0]
        yield Hint(kind=HintKind.UNTICKED, field=field, concepts=tags, words=(word,))
    for language, other in ((Language.EN, Language.ES), (Language.ES, Language.EN)):
        there = {tag for tags in said[other] for tag in tags}
        lacking = [tags[0] for tags in said[language] if not there & set(tags)]
        if len(lacking) >= WORDING and record.summary(other):
            field, named = f"summary_{other}", tuple(dict.fromkeys(lacking))
            yield Hint(kind=HintKind.ONE_LANGUAGE, field=field, concepts=named)


def recognise(text: str, index: Index) -> dict[tuple[str, ...], str]:
    """What a text surely speaks of: the tags that a phrase may mean, and the phrase as it is."""
    found: dict[tuple[str, ...], str] = {}
    typed = words(text)
    for start, stop, meanings in find_phrases(typed, index):
        tags = tuple(tag for sense in meanings if sense.weight >= SURE for tag in sense.tags)
        if tags:
            found.setdefault(tags, " ".join(typed[start:stop]))
    return found


def _place_hints(record: Nonprofit) -> Iterable[Hint]:
    offices = record.shown_locations
    areas = [area for area in record.service_areas if area.city]
    spots: list[Location | ServiceArea] = [*offices, *areas]
    if not spots and not record.service_areas:
        yield Hint(kind=HintKind.NO_PLACE, field="place")
    elif not record.service_areas:
        yield Hint(kind=HintKind.NO_AREA, field="area")
    lost = dict.fromkeys(f"{spot.city}, {spot.state}" for spot in spots if spot.latitude is None)
    if lost:
        yield Hint(kind=HintKind.NO_COORDINATES, field="place", words=tuple(lost))
