"""What a published index holds, as the matching path reads it."""

from __future__ import annotations

import json
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from functools import cached_property, lru_cache
from typing import Any

import numpy as np
import numpy.typing as npt

from recommender.geo import STATES, state_names
from recommender.index.arrays import Floats, GramIndex, Ints, Postings
from recommender.index.points import Points
from recommender.models import (
    Basis,
    Language,
    Location,
    Nonprofit,
    Reach,
    ServiceArea,
    Source,
    Status,
    Visibility,
)
from recommender.text import inflections, is_stop_word, public_words, stem, words

N_CARDS_KEPT = 5_000
STATE_CODES = tuple(STATES)
REACHES = tuple(Reach)
_STATE_BITS = {code: 1 << number for number, code in enumerate(STATE_CODES)}
NOT_PUBLIC = frozenset({"notes", "in_irs_extract"})


@dataclass(frozen=True, kw_only=True)
class Meaning:
    """What a phrase stands for: taxonomy tags as `kind:slug`, and further words."""

    tags: tuple[str, ...]
    words: tuple[str, ...]
    weight: float


@dataclass
class PhraseTree:
    """What the words so far mean, if they are a phrase, and the longer ones by their next word."""

    meanings: tuple[Meaning, ...] = ()
    longer: dict[str, PhraseTree] = field(default_factory=dict)


@dataclass(frozen=True, kw_only=True)
class PlaceArrays:
    """Where listings are and where they work; degrees, NaN where unknown.

    `office_*` and `area_*` are aligned lists of points with the listing each belongs to;
    `state_bits` (n_docs,) has bit i set for each state served, `statewide_bits` for each
    served as a whole, `office_bits` for each with an office. `has_areas` (n_docs,) tells
    whether the places served are stated, so that the office alone proves nothing.
    """

    office_rows: Ints
    office_latitudes: Floats
    office_longitudes: Floats
    area_rows: Ints
    area_latitudes: Floats
    area_longitudes: Floats
    state_bits: npt.NDArray[np.uint64]
    statewide_bits: npt.NDArray[np.uint64]
    office_bits: npt.NDArray[np.uint64]
    has_areas: npt.NDArray[np.bool_]
    reach: npt.NDArray[np.uint8]


@dataclass(frozen=True)
class Cards:
    """The public fields of every listing, one JSON document each, read on demand."""

    offsets: Ints
    blob: npt.NDArray[np.uint8]

    def __len__(self) -> int:
        return len(self.offsets) - 1

    def read(self, row: int) -> Nonprofit:
        """Decode one listing."""
        start, end = int(self.offsets[row]), int(self.offsets[row + 1])
        return decode(json.loads(self.blob[start:end].tobytes()))

    @classmethod
    def build(cls, nonprofits: Iterable[Nonprofit]) -> Cards:
        """Encode the listings in their order."""
        return cls.of([write_card(item) for item in nonprofits])

    @classmethod
    def of(cls, documents: Sequence[bytes]) -> Cards:
        """The cards of listings as `write_card` gives them."""
        lengths = np.array([len(document) for document in documents], dtype=np.int64)
        blob = np.frombuffer(b"".join(documents), dtype=np.uint8)
        return cls(np.concatenate(([0], np.cumsum(lengths, dtype=np.int64))), blob)


@dataclass(frozen=True, kw_only=True)
class Index:
    """One generation. Every array is read-only and may be shared between workers.

    `row` is a position in this generation; the slug is the identity across generations.
    `neighbours` and `similarities` have shape (n_docs, k), most similar first, padded with
    similarity 0. `tag_postings` has a row for each `kind:slug` of `tag_names`.
    `counterparts` (n_terms,) is the English term for a Spanish one, -1 where none is known.
    `field_lengths` are the mean numbers of words that lengths are normalised by, and
    `tag_texts` all that each tag is called in English and in Spanish.
    """

    generation: str
    manifest: Mapping[str, Any]
    vocabulary: Mapping[str, int]
    surfaces_en: list[str]
    surfaces_es: list[str]
    counterparts: Ints
    idf: Floats
    field_lengths: Mapping[str, float]
    tag_texts: Mapping[str, tuple[str, str]]
    postings: Postings
    documents: Postings
    neighbours: Ints
    similarities: Floats
    places: PlaceArrays
    tag_names: list[str]
    tag_postings: Postings
    revenue_usd: Floats
    lengths: Ints
    described: npt.NDArray[np.bool_]
    slugs: list[str]
    families: Ints
    cards: Cards
    name_strings: list[str]
    name_rows: Ints
    name_grams: GramIndex
    lexicon: list[str]
    lexicon_grams: GramIndex
    phrases: Mapping[str, tuple[Meaning, ...]]

    def __len__(self) -> int:
        return len(self.slugs)

    @cached_property
    def row_of(self) -> dict[str, int]:
        """The row of each slug."""
        return {slug: row for row, slug in enumerate(self.slugs)}

    @cached_property
    def terms(self) -> list[str]:
        """The vocabulary in order: stems, and concepts as `kind:slug`."""
        return sorted(self.vocabulary, key=self.vocabulary.__getitem__)

    def terms_of(self, word: str) -> tuple[int, ...]:
        """The terms of a folded word by its stems, English and Spanish, that listings have."""
        terms = self._terms_of.get(word)
        if terms is None:
            stems = dict.fromkeys(stem(word, language) for language in Language)
            terms = tuple([self.vocabulary[each] for each in stems if each in self.vocabulary])
            # Of what donors type, only words that listings use are kept in memory.
            if word in self.known_words:
                self._terms_of[word] = terms
        return terms

    @cached_property
    def _terms_of(self) -> dict[str, tuple[int, ...]]:
        return {}

    def expand(self, further: tuple[str, ...]) -> tuple[int, ...]:
        """The terms of the further words of a meaning.

        Their language is not marked, so of two terms it is the one that more listings use.
        """
        if further not in self._expansions:
            known = [
                self.terms_of(word) for word in words(" ".join(further)) if not is_stop_word(word)
            ]
            self._expansions[further] = tuple([min(t, key=self.idf.item) for t in known if t])
        return self._expansions[further]

    @cached_property
    def _expansions(self) -> dict[tuple[str, ...], tuple[int, ...]]:
        return {}

    def surface(self, term: int, language: Language) -> str:
        """The word behind a term as a language writes it; "" where it does not."""
        return (self.surfaces_es if language is Language.ES else self.surfaces_en)[term]

    @cached_property
    def tag_of(self) -> dict[str, int]:
        """The position of each `kind:slug` in `tag_names`."""
        return {name: i for i, name in enumerate(self.tag_names)}

    @cached_property
    def known_words(self) -> frozenset[str]:
        """Every word that listings or the term map use, as written (folded)."""
        return frozenset(self.lexicon)

    @cached_property
    def similarity_totals(self) -> Floats:
        """The sum of each listing's similarities to its neighbours: (n_docs,)."""
        totals: Floats = self.similarities.sum(axis=1)
        return totals

    @cached_property
    def points(self) -> Points:
        """Where listings are (kind 0) and where they say that they work (kind 1)."""
        places = self.places
        return Points.build(
            (places.office_rows, places.office_latitudes, places.office_longitudes),
            (places.area_rows, places.area_latitudes, places.area_longitudes),
        )

    @cached_property
    def is_wide(self) -> npt.NDArray[np.bool_]:
        """Which listings work in the whole country or abroad: (n_docs,)."""
        wide = [REACHES.index(Reach.NATIONAL), REACHES.index(Reach.INTERNATIONAL)]
        return np.isin(self.places.reach, wide)

    @cached_property
    def weight_totals(self) -> Floats:
        """The sum of each listing's weights: (n_docs,)."""
        documents = self.documents
        running = np.concatenate(([0.0], np.cumsum(documents.weights, dtype=np.float64)))
        totals: Floats = np.diff(running[documents.indptr]).astype(np.float32)
        return totals

    @cached_property
    def phrase_tree(self) -> PhraseTree:
        """The known phrases by their words, one after the other, each in all its forms."""
        tree = PhraseTree()
        for phrase, meanings in self.phrases.items():
            branch = tree
            for key in phrase.split(" "):
                longer = PhraseTree()
                for form in _list_forms(key):
                    longer = branch.longer.setdefault(form, longer)
                branch = longer
            branch.meanings = meanings
        return tree

    @cached_property
    def name_ranks(self) -> Ints:
        """Where each listing stands by its folded name, namesakes at the same place: (n_docs,)."""
        first = np.searchsorted(self.name_rows, np.arange(len(self)))
        ranks: Ints = np.unique([self.name_strings[at] for at in first], return_inverse=True)[1]
        return ranks

    @cached_property
    def _read_card(self) -> Callable[[int], Nonprofit]:
        return lru_cache(maxsize=N_CARDS_KEPT)(self.cards.read)

    def rows_with(self, tag: str) -> Ints:
        """The sorted rows that carry `kind:slug`; empty for an unknown tag."""
        at = self.tag_of.get(tag)
        return self.tag_postings.row(at)[0] if at is not None else np.empty(0, dtype=np.int32)

    def written(self, row: int) -> tuple[int, ...]:
        """The terms of what a listing says itself, without what its tags are called."""
        return self._written(row)

    @cached_property
    def _written(self) -> Callable[[int], tuple[int, ...]]:
        return lru_cache(maxsize=N_CARDS_KEPT)(self._read_written)

    def _read_written(self, row: int) -> tuple[int, ...]:
        item = self.nonprofit(row)
        names = (item.name, *item.other_names, *place_names(item))
        texts = (*names, item.summary_en, item.summary_es)
        said = {word for text in texts for word in public_words(text)}
        return tuple({term for word in said for term in self.terms_of(word)})

    def nonprofit(self, row: int) -> Nonprofit:
        """The public fields of a listing."""
        return self._read_card(row)


_list_forms = lru_cache(maxsize=10_000)(inflections)
"""Of the words of known phrases, which the next generation has too."""


def place_names(nonprofit: Nonprofit) -> tuple[str, ...]:
    """The places of a listing in words, its states by their names."""
    shown = nonprofit.shown_locations
    states = {place.state for place in shown} | {area.state for area in nonprofit.service_areas}
    cities = [place.city for place in shown] + [area.city for area in nonprofit.service_areas]
    return (nonprofit.serves, *cities, *state_names(sorted(states)))


def state_bit(code: str) -> int:
    """The bit of a state in `PlaceArrays.state_bits`; 0 for an unknown code."""
    return _STATE_BITS.get(code, 0)


def encode(nonprofit: Nonprofit) -> dict[str, Any]:
    """The fields the public may see: no staff notes, no hidden or too exact location."""
    known = {k: v for k, v in vars(nonprofit).items() if v not in (None, "", ())}
    fields = {k: v for k, v in known.items() if k not in NOT_PUBLIC}
    fields["locations"] = [dict(vars(place)) for place in nonprofit.shown_locations]
    # `asdict` copies every value by itself, and was a third of a build.
    nested = {k: [dict(vars(part)) for part in known[k]] for k in _NESTED if k in known}
    return fields | nested


_NESTED = ("service_areas", "sources")
_write = json.JSONEncoder(ensure_ascii=False).encode


def write_card(nonprofit: Nonprofit) -> bytes:
    """The public fields of a listing as one JSON document."""
    return _write(encode(nonprofit)).encode()


def decode(fields: dict[str, Any]) -> Nonprofit:
    """A listing from its public fields."""
    known = dict(fields)
    for key in ("other_names", "services", "populations", "communities", "languages"):
        known[key] = tuple(known.get(key, ()))
    known["locations"] = tuple(
        Location(**{**place, "visibility": Visibility(place["visibility"])})
        for place in known.get("locations", ())
    )
    known["service_areas"] = tuple(ServiceArea(**a) for a in known.get("service_areas", ()))
    known["sources"] = tuple(Source(**source) for source in known.get("sources", ()))
    known["reach"] = Reach(known["reach"])
    known["basis"] = Basis(known["basis"])
    known["status"] = Status(known["status"])
    return Nonprofit(**{"name": "", "summary_en": "", "summary_es": "", **known})
