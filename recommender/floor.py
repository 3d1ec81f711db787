"""Whether what was typed is about this directory's field at all.

A request can share words with the field and mean something else: "rent a car", "Greek yogurt",
"asylum, the horror game". So what is typed is weighed word by word: what belongs to the field
against what is foreign to it. The numbers were chosen on one half of `data/judged/floor.tsv` and
checked on the other (`python -m benchmarks.floor`).
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from math import log1p

from recommender.index import Index, Meaning

FIELD = frozenset(
    {f"populations:{slug}" for slug in (
        "immigrants", "refugees", "asylum-seekers", "undocumented", "daca-dreamers",
        "unaccompanied-children", "detained-people", "farmworkers", "siv-holders",
    )}
    | {f"services:{slug}" for slug in (
        "asylum-support", "deportation-defense", "detention-support", "border-aid",
        "citizenship", "refugee-resettlement",
    )}
)  # fmt: skip
"""Concepts that mean migration wherever they are said. All others need company: "women",
"Chinese" and "housing" belong to shoes, menus and mortgages too."""
OTHER_CONCEPT = 0.5
KNOWN_WORD = 0.1
"""How much a word of another concept, or a word that listings use, belongs to the field; one of
`FIELD` counts 1. Concepts count by how sure their phrase is."""
FAMILIAR_SHARE = 0.03
"""A word that this share of the listings uses is not foreign at all; an unknown one is wholly."""
NEEDED_PER_FOREIGN = 0.75
NEEDED_AT_MOST = 1.0
"""What must belong for each foreign word; one sure word of the field is enough for any number."""


@dataclass(frozen=True, kw_only=True)
class Standing:
    """How many of the words typed belong to the field, and how many are foreign to it.

    A word may count in part on each side. `n_words` is the number of words that say something.
    """

    belonging: float = 0.0
    foreign: float = 0.0
    n_words: int = 0

    @property
    def is_off_topic(self) -> bool:
        """Whether too little belongs to the field for what is foreign to it.

        A single word is on topic if any listing uses it.
        """
        if self.n_words == 1:
            return self.foreign >= 1
        return self.belonging < min(NEEDED_AT_MOST, NEEDED_PER_FOREIGN * self.foreign)

    def __add__(self, other: Standing) -> Standing:
        """Both together."""
        return Standing(
            belonging=self.belonging + other.belonging,
            foreign=self.foreign + other.foreign,
            n_words=self.n_words + other.n_words,
        )

    def __mul__(self, times: int) -> Standing:
        """The same words said so many times."""
        return Standing(
            belonging=self.belonging * times,
            foreign=self.foreign * times,
            n_words=self.n_words * times,
        )


NOTHING_SAID = Standing()


def weigh_phrase(meanings: Sequence[Meaning], n_words: int) -> Standing:
    """A phrase of the term map. One without a tag says what is not meant: "animal shelter"."""
    tags = [tag for meaning in meanings for tag in meaning.tags]
    sureness = max(meaning.weight for meaning in meanings)
    if not tags:
        return Standing(foreign=n_words * (1 - sureness), n_words=n_words)
    strength = OTHER_CONCEPT if FIELD.isdisjoint(tags) else 1.0
    return Standing(belonging=n_words * sureness * strength, n_words=n_words)


def weigh_word(terms: Iterable[int], index: Index) -> Standing:
    """A word of its own, by how many listings use any of its terms.

    It becomes familiar with the logarithm of their number, as its idf falls.
    """
    n_listings = max((len(index.postings.row(term)[0]) for term in terms), default=0)
    known = min(1.0, log1p(n_listings) / log1p(FAMILIAR_SHARE * len(index)))
    return Standing(belonging=KNOWN_WORD * known, foreign=1 - known, n_words=1)
