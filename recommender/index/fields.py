"""What of a listing is indexed, and how much each part of it counts.

A build weighs every listing by this, and `insertion` a single one, so that the two agree.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass
from functools import lru_cache

import numpy as np

from recommender.index.arrays import Floats, Ints
from recommender.index.model import place_names
from recommender.index.phrases import CONCEPT_KINDS
from recommender.models import Language, Nonprofit, Tag
from recommender.text import analyse, public_words, stems

SATURATION = 1.2
"""k1 of BM25: 0.9, 1.2 and 1.5 were level (docs/benchmarks.md)."""

TagTexts = Mapping[str, tuple[str, str]]
"""All that each tag is called, in English and in Spanish, by `kind:slug`."""


@dataclass(frozen=True)
class Field:
    """A part of a listing: its weight, and how much its length counts (b of BM25F)."""

    name: str
    weight: float
    length_norm: float
    terms: Callable[[Nonprofit, TagTexts], list[str]]

    def scale(self, lengths: Floats, mean_length: float) -> Floats:
        """What one occurrence adds to a term's frequency, by the words its field has."""
        norm = 1 - self.length_norm + self.length_norm * lengths / mean_length
        scale: Floats = np.divide(self.weight, norm, out=np.zeros_like(norm), where=norm > 0)
        return scale


def tag_texts(tags: Iterable[Tag]) -> dict[str, tuple[str, str]]:
    """All that each tag is called, in English and in Spanish."""
    return {
        f"{tag.kind}:{tag.slug}": (
            " ".join((tag.label_en, *tag.synonyms_en)),
            " ".join((tag.label_es, *tag.synonyms_es)),
        )
        for tag in tags
    }


def concepts(nonprofit: Nonprofit) -> list[str]:
    """The tags of a listing as `kind:slug`, which are index terms of their own."""
    return [f"{kind}:{slug}" for kind in CONCEPT_KINDS for slug in nonprofit.tags(kind)]


def _name_terms(nonprofit: Nonprofit, _: TagTexts) -> list[str]:
    names = (nonprofit.name, *nonprofit.other_names)
    folded = [word for name in names for word in public_words(name)]
    english, spanish = stems(folded, Language.EN), stems(folded, Language.ES)
    return english + [term for term in spanish if term not in english]


def _english_terms(nonprofit: Nonprofit, _: TagTexts) -> list[str]:
    return stems(public_words(nonprofit.summary_en), Language.EN)


def _spanish_terms(nonprofit: Nonprofit, _: TagTexts) -> list[str]:
    return stems(public_words(nonprofit.summary_es), Language.ES)


def _place_terms(nonprofit: Nonprofit, _: TagTexts) -> list[str]:
    folded = (word for name in place_names(nonprofit) for word in public_words(name))
    return sorted(set(stems(folded, Language.EN)))


def _concept_terms(nonprofit: Nonprofit, _: TagTexts) -> list[str]:
    return concepts(nonprofit)


def _synonym_terms(nonprofit: Nonprofit, texts: TagTexts) -> list[str]:
    spoken = (texts.get(tag, ("", "")) for tag in concepts(nonprofit))
    return [term for english, spanish in spoken for term in _stems(english, spanish)]


@lru_cache(maxsize=5_000)
def _stems(english: str, spanish: str) -> tuple[str, ...]:
    return tuple(sorted({*analyse(english, Language.EN), *analyse(spanish, Language.ES)}))


FIELDS = (
    Field("name", 1.5, 0.4, _name_terms),
    Field("summary_en", 1.0, 0.6, _english_terms),
    Field("summary_es", 1.0, 0.6, _spanish_terms),
    Field("place", 0.5, 0.0, _place_terms),
    Field("synonyms", 0.3, 0.6, _synonym_terms),
    Field("concepts", 1.0, 0.0, _concept_terms),
)
"""Weights and length norms as measured on the collections of docs/benchmarks.md."""


def count_terms(
    nonprofit: Nonprofit, texts: TagTexts, mean_lengths: Mapping[str, float]
) -> dict[str, float]:
    """The weighted, length-normalised frequency of each term of one listing."""
    frequencies: dict[str, float] = {}
    for field in FIELDS:
        counts = Counter(field.terms(nonprofit, texts))
        length = np.array([counts.total()], dtype=np.float32)
        scale = float(field.scale(length, mean_lengths[field.name])[0])
        for term, count in counts.items():
            frequencies[term] = frequencies.get(term, 0.0) + scale * count
    return frequencies


def mean_length(lengths: Floats) -> float:
    """The mean number of words in a field, of the listings that have any there."""
    return float(lengths[lengths > 0].mean()) if lengths.any() else 1.0


def compute_idf(df: Ints, n_docs: int) -> Floats:
    """How telling each term is, by how many listings have it."""
    idf: Floats = np.log(1 + (n_docs - df + 0.5) / (df + 0.5)).astype(np.float32)
    return idf


def saturate(frequencies: Floats, idf: Floats) -> Floats:
    """The weight of a term in a listing: repeating it adds less and less.

    Source: Robertson & Zaragoza, "The Probabilistic Relevance Framework", 2009 (BM25F).
    """
    weights: Floats = idf * frequencies * (SATURATION + 1) / (SATURATION + frequencies)
    return weights
