"""One listing put into an index in memory, without a build and without scikit-learn.

So that staff see what a listing will do before it is saved. The listing itself is weighed
exactly as a build would: its terms, the idf of every term, its places, names and neighbours.
Four things stay as the index has them, which a build would move by about one part in the
number of listings: the mean lengths of fields; the likeness of other listings to each other,
so that nobody takes the place of a neighbour that is one no longer; the words that stand in
for mistyped ones; and the English words for Spanish ones.
"""

from __future__ import annotations

import re
from bisect import bisect_left
from dataclasses import dataclass, fields, replace
from typing import Any

import numpy as np

from recommender.index.arrays import Floats, GramIndex, Ints, Postings
from recommender.index.build import build_places, fold_names, list_filters, number_or_nan
from recommender.index.fields import (
    compute_idf,
    count_terms,
    saturate,
)
from recommender.index.model import Cards, Index, PlaceArrays, decode, encode, place_names
from recommender.models import Basis, Language, Nonprofit
from recommender.text import character_grams, fold, stem

_WRITTEN_WORD = re.compile(r"[^\W\d_]+")
_GONE = "\0"
"""Before a term that no listing has any more: nobody can ask for it."""


def project(record: Nonprofit, index: Index) -> dict[str, float]:
    """The weight of each term of a record, by the idf and the mean lengths of an index.

    For a listing of the index this is its own row of `documents`. A term that no listing has
    is weighed as one that a single listing has.
    """
    frequencies = _frequencies(record, index)
    unseen = float(compute_idf(np.array([1]), len(index))[0])
    known = [index.vocabulary.get(term) for term in frequencies]
    idf = np.array([unseen if term is None else index.idf[term] for term in known])
    weights = saturate(np.array([*frequencies.values()]), idf)
    return dict(zip(frequencies, weights.tolist(), strict=True))


def insert_listing(record: Nonprofit, index: Index) -> Index:
    """An index in which a record stands in the place of the listing of its slug, or beside all.

    Only the public fields of the record are used. Rows stay in the order of their slugs.
    """
    public = decode(encode(record))
    rows = _Rows.of(record.slug, index)
    words = _insert_words(public, index, rows)
    neighbours, similarities = _insert_neighbours(words, index, rows)
    tag_names, tag_postings = _insert_tags(public, index, rows)
    return replace(
        index,
        vocabulary=words.vocabulary,
        surfaces_en=index.surfaces_en + words.surfaces_en,
        surfaces_es=index.surfaces_es + words.surfaces_es,
        counterparts=_insert_counterparts(index.counterparts, len(words.idf)),
        idf=words.idf,
        postings=words.postings,
        documents=words.documents,
        neighbours=neighbours,
        similarities=similarities,
        places=_insert_places(public, index.places, rows),
        tag_names=tag_names,
        tag_postings=tag_postings,
        revenue_usd=rows.put(index.revenue_usd, number_or_nan(public.revenue_usd)),
        lengths=np.diff(words.documents.indptr).astype(np.int32),
        described=rows.put(index.described, public.basis is not Basis.NAME),
        slugs=[*index.slugs[: rows.at], public.slug, *index.slugs[rows.stop :]],
        families=rows.put(index.families, _family(public, index)),
        cards=_insert_card(public, index.cards, rows),
        **_insert_names(public, index, rows),
    )


@dataclass(frozen=True, kw_only=True)
class _Rows:
    """Where the record goes: the rows from `at` up to `stop` give way to one, none if it is new."""

    at: int
    stop: int

    @classmethod
    def of(cls, slug: str, index: Index) -> _Rows:
        row = index.row_of.get(slug)
        at = bisect_left(index.slugs, slug) if row is None else row
        return cls(at=at, stop=at if row is None else at + 1)

    @property
    def span(self) -> slice:
        return slice(self.at, self.stop)

    def put(self, array: Any, value: Any) -> Any:
        """An array of one value a row, with the record's."""
        new = np.array([value], dtype=array.dtype)
        return np.concatenate((array[: self.at], new, array[self.stop :]))

    def moved(self, numbers: Ints) -> Ints:
        """Row numbers as they are once the record has its place."""
        shift = 1 - (self.stop - self.at)
        moved: Ints = (numbers + shift * (numbers >= self.stop)).astype(numbers.dtype)
        return moved


@dataclass(frozen=True, kw_only=True)
class _Words:
    """The parts of the index that hold terms, and the surfaces of those that are new."""

    vocabulary: dict[str, int]
    idf: Floats
    documents: Postings
    postings: Postings
    surfaces_en: list[str]
    surfaces_es: list[str]


def _insert_counterparts(counterparts: Ints, n_terms: int) -> Ints:
    """Those that are known; a new word has none."""
    unknown = np.full(n_terms - len(counterparts), -1, dtype=counterparts.dtype)
    return np.concatenate((counterparts, unknown))


def _frequencies(record: Nonprofit, index: Index) -> dict[str, float]:
    return count_terms(record, index.tag_texts, index.field_lengths)


def _insert_words(record: Nonprofit, index: Index, rows: _Rows) -> _Words:
    frequencies = _frequencies(record, index)
    added = [term for term in frequencies if term not in index.vocabulary]
    n_known = len(index.idf)
    vocabulary = dict(index.vocabulary) | {t: n_known + i for i, t in enumerate(added)}
    terms = np.array([vocabulary[term] for term in frequencies], dtype=np.int32)
    order = np.argsort(terms)
    before = np.concatenate(
        [index.documents.row(row)[0] for row in range(rows.at, rows.stop)] or [terms[:0]]
    )
    df = np.concatenate((np.diff(index.postings.indptr), np.zeros(len(added), dtype=np.int64)))
    df[before] -= 1
    df[terms] += 1
    idf = compute_idf(df, len(index) + 1 - (rows.stop - rows.at))
    for term in before[df[before] == 0].tolist():
        vocabulary[_GONE + index.terms[term]] = vocabulary.pop(index.terms[term])
    # A weight is idf times what a listing makes of the term, so a new idf only scales it.
    scale = (idf[:n_known] / index.idf)[index.documents.columns]
    scaled = replace(index.documents, weights=index.documents.weights * scale)
    weights = saturate(np.array([*frequencies.values()]), idf[terms])
    documents = scaled.with_rows(rows.span, [(terms[order], weights[order])])
    written = {language: find_surfaces(record, language) for language in Language}
    return _Words(
        vocabulary=vocabulary,
        idf=idf,
        documents=documents,
        postings=documents.transposed(len(idf)),
        surfaces_en=[written[Language.EN].get(term, "") for term in added],
        surfaces_es=[written[Language.ES].get(term, "") for term in added],
    )


def find_surfaces(record: Nonprofit, language: Language) -> dict[str, str]:
    """The first word by which a record writes each of its stems in one language."""
    names = " ".join((record.name, *record.other_names))
    places = " ".join(place_names(record)) if language is Language.EN else ""
    written: dict[str, str] = {}
    for word in _WRITTEN_WORD.findall(f"{record.summary(language)} {names} {places}".lower()):
        written.setdefault(stem(fold(word), language), word)
    return written


def _insert_neighbours(words: _Words, index: Index, rows: _Rows) -> tuple[Ints, Floats]:
    """Neighbours with the record's own, and the record where it is near enough to others."""
    cosines, k = _cosines(words, rows.at), index.neighbours.shape[1]
    like = index.similarities
    if rows.stop > rows.at:
        like = np.where(index.neighbours == rows.at, np.float32(0), like)
    near = rows.put(rows.moved(index.neighbours), np.zeros(k))
    near = np.column_stack((near, np.full(len(near), rows.at, dtype=near.dtype)))
    like = np.column_stack((rows.put(like, np.zeros(k)), cosines.astype(like.dtype)))
    best = np.lexsort((near, -like))[:, :k]
    near = np.take_along_axis(near, best, axis=1)
    like = np.take_along_axis(like, best, axis=1)
    own = np.lexsort((np.arange(len(cosines)), -cosines))[:k]
    near[rows.at, : len(own)], like[rows.at, : len(own)] = own, cosines[own]
    return near, like


def _cosines(words: _Words, row: int) -> Floats:
    """The cosine of every row with one, which has none with itself: (n_docs,)."""
    documents = words.documents
    n_docs = len(documents.indptr) - 1
    owner = np.repeat(np.arange(n_docs), np.diff(documents.indptr))
    norms = np.sqrt(np.bincount(owner, weights=documents.weights**2, minlength=n_docs))
    dots = np.zeros(n_docs)
    for term, weight in documents.mapping(row).items():
        listings, weights = words.postings.row(term)
        dots[listings] += weight * weights
    dots[row] = 0
    cosines: Floats = dots / np.maximum(norms * norms[row], 1e-12)
    return cosines


def _insert_tags(record: Nonprofit, index: Index, rows: _Rows) -> tuple[list[str], Postings]:
    carried = list_filters(record)
    names = sorted({*index.tag_names, *carried})
    number = {name: i for i, name in enumerate(names)}
    renumbered = np.array([number[name] for name in index.tag_names], dtype=np.int32)
    by_listing = index.tag_postings.transposed(len(index))
    by_listing = replace(by_listing, columns=renumbered[by_listing.columns])
    own = np.array(sorted({number[name] for name in carried}), dtype=np.int32)
    inserted = by_listing.with_rows(rows.span, [(own, np.ones(len(own), dtype=np.float32))])
    return names, inserted.transposed(len(names))


def _insert_places(record: Nonprofit, places: PlaceArrays, rows: _Rows) -> PlaceArrays:
    own = build_places([record])
    merged: dict[str, Any] = {}
    for kind in ("office", "area"):
        numbers = getattr(places, f"{kind}_rows")
        begin, end = np.searchsorted(numbers, (rows.at, rows.stop))
        for name in (f"{kind}_rows", f"{kind}_latitudes", f"{kind}_longitudes"):
            old, new = getattr(places, name), getattr(own, name)
            before, after = old[:begin], old[end:]
            if name == f"{kind}_rows":
                after, new = rows.moved(after), new + np.int32(rows.at)
            merged[name] = np.concatenate((before, new, after))
    each = {field.name for field in fields(PlaceArrays)} - merged.keys()
    merged |= {name: rows.put(getattr(places, name), getattr(own, name)[0]) for name in each}
    return PlaceArrays(**merged)


def _insert_names(record: Nonprofit, index: Index, rows: _Rows) -> dict[str, Any]:
    names = fold_names(record)
    begin, end = (int(at) for at in np.searchsorted(index.name_rows, (rows.at, rows.stop)))
    own = np.full(len(names), rows.at, dtype=index.name_rows.dtype)
    after = rows.moved(index.name_rows[end:])
    return {
        "name_strings": [*index.name_strings[:begin], *names, *index.name_strings[end:]],
        "name_rows": np.concatenate((index.name_rows[:begin], own, after)),
        "name_grams": _insert_strings(index.name_grams, slice(begin, end), names),
    }


def _insert_strings(grams: GramIndex, span: slice, strings: list[str]) -> GramIndex:
    found = [character_grams(string) for string in strings]
    added = sorted(set().union(*found) - grams.grams.keys())
    known = grams.grams | {gram: len(grams.grams) + i for i, gram in enumerate(added)}
    held = Postings(grams.indptr, grams.strings, np.ones(len(grams.strings), dtype=np.float32))
    own = [np.array(sorted(known[gram] for gram in every), dtype=np.int32) for every in found]
    by_string = held.transposed(len(grams.sizes)).with_rows(
        span, [(numbers, np.ones(len(numbers), dtype=np.float32)) for numbers in own]
    )
    by_gram = by_string.transposed(len(known))
    sizes = np.diff(by_string.indptr).astype(grams.sizes.dtype)
    return GramIndex(known, by_gram.indptr, by_gram.columns, sizes)


def _insert_card(record: Nonprofit, cards: Cards, rows: _Rows) -> Cards:
    own = Cards.build([record])
    begin, end = int(cards.offsets[rows.at]), int(cards.offsets[rows.stop])
    after = cards.offsets[rows.stop + 1 :] - end + begin + len(own.blob)
    return Cards(
        np.concatenate((cards.offsets[: rows.at + 1], [begin + len(own.blob)], after)),
        np.concatenate((cards.blob[:begin], own.blob, cards.blob[end:])),
    )


def _family(record: Nonprofit, index: Index) -> int:
    """The number of the record's family: that of its parent, its own, or a new one."""
    row = index.row_of.get(record.parent or record.slug)
    if row is not None and not index.nonprofit(row).parent:
        return int(index.families[row])
    return int(index.families.max()) + 1
