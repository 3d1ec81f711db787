"""Listings that may be one organisation, or that a reader may take for one another.

Two listings look alike when they have one EIN or one site, when a name of one is much like a
name of the other, or when they are described in nearly the same words. A parent and its
projects do not: staff have told them apart already.
"""

from __future__ import annotations

import math
from collections import defaultdict
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from urllib.parse import urlsplit

import numpy as np

from recommender.index import Index
from recommender.index.arrays import Floats
from recommender.index.insertion import project
from recommender.index.model import state_bit
from recommender.models import Language, Nonprofit, TagKind, Visibility
from recommender.text import is_stop_word, name_key, stem

# Of the 52 pairs that these find in the committed directory, 46 are such that a reader might
# take one for the other; lower ones mostly add pairs that only share a subject.
LIKE_NAME = 0.85
LIKE_NAME_IN_STATE = 0.7
LIKE_SPELLING_IN_STATE = 0.84
"""Dice's coefficient of the letters of two names of which one may be the other, mistyped. Of
the directory's pairs in one state that only this would find, the closest has 0.83."""
LIKE_DESCRIPTION = 0.6

LEAST_OVERLAP = 2 * LIKE_NAME_IN_STATE - 1
"""Dice's coefficient without which two names cannot come to `LIKE_NAME_IN_STATE`."""

# On these the whole address tells one site from another.
_SHARED_HOSTS = frozenset("facebook.com instagram.com linkedin.com linktr.ee".split())
_SHARED_HOSTS |= frozenset("sites.google.com medium.com x.com twitter.com youtube.com".split())

Likeness = dict[int, float]


@dataclass(frozen=True, kw_only=True)
class LookAlike:
    """A listing that looks like another, and `why`: "ein", "website", "name", "description".

    `similarity` is the highest of what they have in common, in (0, 1]; the same EIN or site
    counts 1.
    """

    nonprofit: Nonprofit
    why: tuple[str, ...]
    similarity: float


def find_lookalikes(record: Nonprofit, index: Index, *, n: int = 5) -> tuple[LookAlike, ...]:
    """The listings of an index that look like a record, most alike first.

    The record may be new, or a listing of the index as it is being edited.
    """
    return Finder(index).find(record, n=n)


def list_lookalikes(index: Index, *, n: int = 5) -> dict[str, tuple[LookAlike, ...]]:
    """What looks like each listing of an index, by slug; the others are not in it."""
    finder = Finder(index)
    records = (index.nonprofit(row) for row in range(len(index)))
    found = {record.slug: finder.find(record, n=n) for record in records}
    return {slug: alike for slug, alike in found.items() if alike}


class Finder:
    """An index with what its listings are known by, read once for many records."""

    def __init__(self, index: Index) -> None:
        self._index = index
        self._eins: dict[str, list[int]] = defaultdict(list)
        self._sites: dict[str, list[int]] = defaultdict(list)
        for row in range(len(index)):
            card = index.nonprofit(row)
            self._eins[card.ein].append(row)
            self._sites[_site(card.website)].append(row)
        self._norms = _norms(index)
        self._idf: list[float] = index.idf.tolist()
        self._rarest = max(self._idf)
        self._names: dict[int, dict[str, float]] = {}

    def find(self, record: Nonprofit, *, n: int = 5) -> tuple[LookAlike, ...]:
        """What looks like a record, most alike first."""
        site = _site(record.website)
        common = {
            "ein": dict.fromkeys(self._eins.get(record.ein, ()) if record.ein else (), 1.0),
            "website": dict.fromkeys(self._sites.get(site, ()) if site else (), 1.0),
            "name": self._like_names(record),
            "description": self._like_descriptions(record),
        }
        rows = {row for likeness in common.values() for row in likeness}
        alike = (self._look_alike(row, common) for row in rows)
        others = [one for one in alike if not _are_family(record, one.nonprofit)]
        others.sort(key=lambda one: (-one.similarity, -len(one.why), one.nonprofit.slug))
        return tuple(others[:n])

    def _look_alike(self, row: int, common: dict[str, Likeness]) -> LookAlike:
        shared = {why: likeness[row] for why, likeness in common.items() if row in likeness}
        return LookAlike(
            nonprofit=self._index.nonprofit(row),
            why=tuple(shared),
            similarity=max(shared.values()),
        )

    def _like_descriptions(self, record: Nonprofit) -> Likeness:
        """Cosines of what is described; the neighbours' where it is in the index as it is."""
        if not (record.summary_en or record.summary_es):
            return {}
        row = self._index.row_of.get(record.slug)
        if row is not None and _texts(self._index.nonprofit(row)) == _texts(record):
            rows, cosines = self._index.neighbours[row], self._index.similarities[row]
        else:
            cosines = self._cosines(record)
            rows = np.arange(len(self._index))
        close = cosines >= LIKE_DESCRIPTION
        return dict(zip(rows[close].tolist(), cosines[close].tolist(), strict=True))

    def _cosines(self, record: Nonprofit) -> Floats:
        """The cosine of a record as it is now with every listing: (n_docs,)."""
        index, weights = self._index, project(record, self._index)
        products = np.zeros(len(index), dtype=np.float64)
        for term in weights.keys() & index.vocabulary.keys():
            rows, theirs = index.postings.row(index.vocabulary[term])
            products[rows] += weights[term] * theirs
        norm = math.sqrt(sum(weight * weight for weight in weights.values()))
        return products / (self._norms * norm) if norm else products

    def _like_names(self, record: Nonprofit) -> Likeness:
        """How alike the names are, where that is enough: more of it is asked for across states.

        A record that has no office yet may be in any state.
        """
        states, offices = _states(record), self._index.places.office_bits
        found: Likeness = {}
        for name in (record.name, *record.other_names):
            for row, dice, cosine in self._similar_names(name_key(name)):
                is_near, similarity = int(offices[row]) & states, (dice + cosine) / 2
                if dice >= LIKE_SPELLING_IN_STATE and (is_near or not record.locations):
                    # The words of what is mistyped have little in common with the right ones.
                    similarity = max(similarity, dice)
                if similarity >= (LIKE_NAME_IN_STATE if is_near else LIKE_NAME):
                    found[row] = max(similarity, found.get(row, 0.0))
        return found

    def _similar_names(self, name: str) -> Iterable[tuple[int, float, float]]:
        """Rows with two views of the name, of its letters and of its weighty words.

        Letters alone find what was cut off, but also every other "for Refugees";
        words alone find "Refugees Welcome" in any order and with anything that is common to many.
        """
        ours = self._weigh(name)
        grams, n = self._index.name_grams, len(self._index.name_strings)
        for number, dice in grams.similar(name, n=n, at_least=LEAST_OVERLAP):
            if number not in self._names:
                self._names[number] = self._weigh(name_key(self._index.name_strings[number]))
            yield int(self._index.name_rows[number]), dice, _dot(ours, self._names[number])

    def _weigh(self, name: str) -> dict[str, float]:
        """The words of a name by their idf, as a vector of length 1."""
        index = self._index
        stems = {stem(word, Language.EN) for word in name.split() if not is_stop_word(word)}
        known = {word: index.vocabulary.get(word) for word in stems or {name}}
        idf = {word: self._rarest if at is None else self._idf[at] for word, at in known.items()}
        length = math.hypot(*idf.values()) or 1.0
        return {word: weight / length for word, weight in idf.items()}


def _norms(index: Index) -> Floats:
    squares = np.concatenate(([0.0], np.cumsum(np.square(index.documents.weights, dtype=float))))
    lengths: Floats = np.sqrt(np.diff(squares[index.documents.indptr]))
    return np.maximum(lengths, np.finfo(float).tiny)


def _texts(record: Nonprofit) -> tuple[object, ...]:
    tags = tuple(record.tags(kind) for kind in TagKind)
    return (record.name, record.other_names, record.summary_en, record.summary_es, tags)


def _site(address: str) -> str:
    """What tells one site from another: its host, on a host of many the path too."""
    try:
        parts = urlsplit(address)
    except ValueError:
        return ""
    host = (parts.hostname or "").removeprefix("www.")
    return host + parts.path.rstrip("/").casefold() if host in _SHARED_HOSTS else host


def _are_family(one: Nonprofit, other: Nonprofit) -> bool:
    """Whether they are one listing, a parent and its project, or projects of one parent."""
    return bool({one.slug, one.parent} & {other.slug, other.parent} - {""})


def _states(record: Nonprofit) -> int:
    """The states of the offices that may be shown, as bits."""
    shown = (spot for spot in record.locations if spot.visibility is not Visibility.HIDDEN)
    return sum({state_bit(spot.state) for spot in shown})


def _dot(one: Mapping[str, float], other: Mapping[str, float]) -> float:
    return sum(weight * other[word] for word, weight in one.items() if word in other)
