"""Catalogue -> index arrays. Staff side only: this is where scikit-learn is used.

It and SciPy are imported where they are needed, so that serving never waits for them.
"""

from __future__ import annotations

import re
from collections import Counter
from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass
from functools import lru_cache, partial
from itertools import chain
from sys import intern
from typing import TYPE_CHECKING, Any

import numpy as np

from recommender.errors import PublishRefused
from recommender.index import fields
from recommender.index.arrays import Floats, GramIndex, Ints, Postings
from recommender.index.counterparts import find_counterparts
from recommender.index.counts import Count, Counts, count_block
from recommender.index.fields import (
    compute_idf,
    concepts,
    mean_length,
    saturate,
    tag_texts,
)
from recommender.index.kept import Kept
from recommender.index.model import (
    REACHES,
    STATE_CODES,
    Cards,
    Index,
    PlaceArrays,
    state_bit,
    write_card,
)
from recommender.index.neighbours import Find, Units, find_all
from recommender.index.phrases import build_lexicon, build_phrases, list_words
from recommender.index.progress import Progress
from recommender.models import (
    Basis,
    Language,
    Nonprofit,
    Reach,
    Tag,
    TermMapping,
)
from recommender.text import fold, initials, public_words, stem

if TYPE_CHECKING:
    from scipy import sparse

_WRITTEN_WORD = re.compile(r"[^\W\d_]+")


@dataclass(frozen=True, kw_only=True)
class BuildInputs:
    """Everything an index is made of."""

    nonprofits: Sequence[Nonprofit]
    tags: Sequence[Tag] = ()
    term_map: Sequence[TermMapping] = ()
    catalog_revision: int = 0


def build_index(
    inputs: BuildInputs,
    *,
    progress: Progress = lambda *_: None,
    count: Count = count_block,
    find: Find = find_all,
) -> Index:
    """Build every array of a generation, in memory.

    `progress(stage, done, total)` is called as the work goes on. The weight of a term is
    BM25F's saturated, length-normalised frequency times its idf (see `fields`). Where several
    machines share the work, `count` does `count_block` and `find` does `find_block` by blocks.

    Raises:
        PublishRefused: there is no listing.
    """
    nonprofits = list(inputs.nonprofits)
    if not nonprofits:
        raise PublishRefused("The catalogue is empty: there is nothing to build an index of.")
    spoken = tag_texts(inputs.tags)
    progress("words", 0, len(nonprofits))
    weighed = _weigh(count(nonprofits, spoken, progress))
    vocabulary, matrix = weighed.vocabulary, weighed.matrix
    neighbours, similarities = find(Units.of(matrix), partial(progress, "neighbours"))
    lists: dict[str, Any] = {}
    makers = _list_makers(nonprofits, inputs, vocabulary)
    for done, make in enumerate(makers, start=1):
        lists |= make()
        progress("lists", done, len(makers))
    return Index(
        generation="",
        manifest={"catalog_revision": inputs.catalog_revision, "n_docs": len(nonprofits)},
        vocabulary=vocabulary,
        counterparts=weighed.counterparts,
        idf=weighed.idf,
        field_lengths=weighed.field_lengths,
        tag_texts=spoken,
        postings=_as_postings(matrix.T.tocsr()),
        documents=_as_postings(matrix),
        neighbours=neighbours,
        similarities=similarities,
        revenue_usd=np.array(
            [number_or_nan(item.revenue_usd) for item in nonprofits], dtype=np.float32
        ),
        lengths=np.diff(matrix.indptr).astype(np.int32),
        described=np.array([item.basis is not Basis.NAME for item in nonprofits], dtype=np.bool_),
        slugs=[item.slug for item in nonprofits],
        families=_families(nonprofits),
        phrases=build_phrases(inputs.tags, inputs.term_map),
        **lists,
    )


def _list_makers(
    nonprofits: list[Nonprofit], inputs: BuildInputs, vocabulary: dict[str, int]
) -> Sequence[Callable[[], dict[str, Any]]]:
    """What makes the parts of an index that are not weights, by their names."""
    return (
        lambda: {"surfaces_en": _surfaces(_english(nonprofits), vocabulary, Language.EN)},
        lambda: {"surfaces_es": _surfaces(_spanish(nonprofits), vocabulary, Language.ES)},
        lambda: _tag_lists(_filters(nonprofits)),
        lambda: _name_lists(_names(nonprofits)),
        lambda: _lexicon_lists(_words(nonprofits), inputs),
        lambda: {"places": _join_places(_places(nonprofits))},
        lambda: {"cards": Cards.of(_cards(nonprofits))},
    )


@dataclass(frozen=True, kw_only=True)
class _Weighed:
    """Every listing's terms; the matrix has shape (n_docs, n_terms)."""

    vocabulary: dict[str, int]
    counterparts: Ints
    matrix: sparse.csr_matrix
    idf: Floats
    field_lengths: dict[str, float]


def _weigh(counts: Counts) -> _Weighed:
    from scipy import sparse

    (n_docs, n_terms), means = counts.by_field[0].shape, {}
    frequency = sparse.csr_matrix((n_docs, n_terms), dtype=np.float32)
    said: dict[str, Postings] = {}
    for field, counted in zip(fields.FIELDS, counts.by_field, strict=True):
        said[field.name] = Postings(counted.indptr, counted.indices, counted.data)
        lengths = np.asarray(counted.sum(axis=1)).ravel()
        means[field.name] = mean_length(lengths)
        scale = np.repeat(field.scale(lengths, means[field.name]), np.diff(counted.indptr))
        scaled = (counted.data * scale, counted.indices, counted.indptr)
        frequency = frequency + sparse.csr_matrix(scaled, shape=counted.shape)
    idf = compute_idf(np.bincount(frequency.indices, minlength=n_terms), n_docs)
    frequency.data = saturate(frequency.data, idf[frequency.indices])
    return _Weighed(
        vocabulary={term: number for number, term in enumerate(counts.terms)},
        counterparts=find_counterparts(said["summary_en"], said["summary_es"], n_terms),
        matrix=frequency.astype(np.float32),
        idf=idf,
        field_lengths=means,
    )


def _as_postings(matrix: sparse.csr_matrix) -> Postings:
    matrix.sort_indices()
    return Postings(
        matrix.indptr.astype(np.int64),
        matrix.indices.astype(np.int32),
        matrix.data.astype(np.float32),
    )


def _surfaces(
    written: Sequence[Sequence[str]], vocabulary: dict[str, int], language: Language
) -> list[str]:
    """For each term the word in which summaries in a language most often write it, else ""."""
    spelled = Counter(chain.from_iterable(written))
    best = [("", 0)] * len(vocabulary)
    for word, number in spelled.items():
        term = vocabulary.get(_stem_written(word, language))
        if term is not None and number > best[term][1]:
            best[term] = word, number
    return [word for word, _ in best]


def _list_written(language: Language, item: Nonprofit) -> tuple[str, ...]:
    return tuple(map(intern, _WRITTEN_WORD.findall(item.summary(language).lower())))


@lru_cache(maxsize=50_000)
def _stem_written(word: str, language: Language) -> str:
    return stem(fold(word), language)


def _tag_lists(filters: Sequence[Sequence[str]]) -> dict[str, Any]:
    rows: dict[str, list[int]] = {}
    for row, carried in enumerate(filters):
        for name in carried:
            rows.setdefault(name, []).append(row)
    names = sorted(rows)
    indptr = np.concatenate(([0], np.cumsum([len(rows[n]) for n in names], dtype=np.int64)))
    columns = np.array([row for name in names for row in rows[name]], dtype=np.int32)
    postings = Postings(indptr, columns, np.ones(len(columns), dtype=np.float32))
    return {"tag_names": names, "tag_postings": postings}


def list_filters(item: Nonprofit) -> list[str]:
    """All that a listing can be narrowed by, as `kind:slug`, and what its names are short for."""
    states = (f"states:{state}" for state in sorted(_states(item)))
    letters = dict.fromkeys(filter(None, map(initials, (item.name, *item.other_names))))
    named = (f"initials:{each}" for each in letters)
    return [*concepts(item), f"reach:{item.reach.value}", *states, *named]


def _states(item: Nonprofit) -> set[str]:
    """The states served: those stated, else those of the offices."""
    stated = {area.state for area in item.service_areas}
    return (stated & set(STATE_CODES)) or _office_states(item)


def _office_states(item: Nonprofit) -> set[str]:
    return {place.state for place in item.shown_locations} & set(STATE_CODES)


def _statewide(item: Nonprofit) -> set[str]:
    whole = {area.state for area in item.service_areas if not area.city}
    if not item.service_areas and item.reach in (Reach.STATE, Reach.REGIONAL):
        whole = _office_states(item)
    return whole & set(STATE_CODES)


def build_places(nonprofits: Iterable[Nonprofit]) -> PlaceArrays:
    """Where listings are and where they work."""
    return _join_places([_Place.of(item) for item in nonprofits])


_Point = tuple[float | None, float | None]


@dataclass(frozen=True, kw_only=True)
class _Place:
    """Where one listing is and where it works; see `PlaceArrays`."""

    offices: tuple[_Point, ...]
    areas: tuple[_Point, ...]
    state_bits: int
    statewide_bits: int
    office_bits: int
    has_areas: bool
    reach: int

    @classmethod
    def of(cls, item: Nonprofit) -> _Place:
        offices = ((place.latitude, place.longitude) for place in item.shown_locations)
        areas = ((area.latitude, area.longitude) for area in item.service_areas if area.city)
        return cls(
            offices=tuple(point for point in offices if point[0] is not None),
            areas=tuple(point for point in areas if point[0] is not None),
            state_bits=_bits(_states(item)),
            statewide_bits=_bits(_statewide(item)),
            office_bits=_bits(_office_states(item)),
            has_areas=bool(item.service_areas),
            reach=REACHES.index(item.reach),
        )


def _join_places(places: Sequence[_Place]) -> PlaceArrays:
    office_rows, office_latitudes, office_longitudes = _points([p.offices for p in places])
    area_rows, area_latitudes, area_longitudes = _points([p.areas for p in places])
    return PlaceArrays(
        office_rows=office_rows,
        office_latitudes=office_latitudes,
        office_longitudes=office_longitudes,
        area_rows=area_rows,
        area_latitudes=area_latitudes,
        area_longitudes=area_longitudes,
        state_bits=np.array([p.state_bits for p in places], dtype=np.uint64),
        statewide_bits=np.array([p.statewide_bits for p in places], dtype=np.uint64),
        office_bits=np.array([p.office_bits for p in places], dtype=np.uint64),
        has_areas=np.array([p.has_areas for p in places], dtype=np.bool_),
        reach=np.array([p.reach for p in places], dtype=np.uint8),
    )


def _points(listed: Sequence[Sequence[_Point]]) -> tuple[Ints, Floats, Floats]:
    points = [point for points in listed for point in points]
    return (
        np.repeat(np.arange(len(listed), dtype=np.int32), [len(points) for points in listed]),
        np.array([number_or_nan(latitude) for latitude, _ in points], dtype=np.float32),
        np.array([number_or_nan(longitude) for _, longitude in points], dtype=np.float32),
    )


def _bits(states: set[str]) -> int:
    return sum(map(state_bit, states))


def number_or_nan(value: float | None) -> float:
    """A figure as the arrays hold it."""
    return float("nan") if value is None else float(value)


def _families(nonprofits: list[Nonprofit]) -> Ints:
    """A number per parent-and-projects family, so that one family does not fill an answer."""
    roots = [item.parent or item.slug for item in nonprofits]
    numbers = {root: number for number, root in enumerate(dict.fromkeys(roots))}
    return np.array([numbers[root] for root in roots], dtype=np.int32)


def fold_names(item: Nonprofit) -> list[str]:
    """All names of a listing as they are searched."""
    return [" ".join(public_words(name)) for name in (item.name, *item.other_names)]


def _name_lists(folded: Sequence[Sequence[str]]) -> dict[str, Any]:
    names = [name for own in folded for name in own]
    rows = np.repeat(np.arange(len(folded), dtype=np.int32), [len(own) for own in folded])
    return {"name_strings": names, "name_rows": rows, "name_grams": GramIndex.build(names)}


def _lexicon_lists(said: Sequence[Sequence[str]], inputs: BuildInputs) -> dict[str, Any]:
    lexicon = build_lexicon(said, inputs.tags, inputs.term_map)
    return {"lexicon": lexicon, "lexicon_grams": GramIndex.build(lexicon)}


# An edit changes one listing, and all that the lists take from the others stays as it is.
_english = Kept(partial(_list_written, Language.EN))
_spanish = Kept(partial(_list_written, Language.ES))
_filters = Kept(list_filters)
_names = Kept(fold_names)
_words = Kept(list_words)
_places = Kept(_Place.of)
_cards = Kept(write_card)
