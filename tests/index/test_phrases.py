"""Another term map, put into a built index, is what a build with it gives."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest

from recommender.index import BuildInputs, Index, Meaning, build_index
from recommender.index.phrases import build_phrases, replace_terms
from recommender.models import DonorProfile, Nonprofit, Tag, TermMapping
from recommender.pipeline import recommend

TermMap = tuple[TermMapping, ...]
Taxonomy = tuple[Tag, ...]


def edits(term_map: TermMap) -> list[TermMap]:
    return [
        (),
        term_map,
        term_map[1:],
        (*term_map, TermMapping(phrase="papeles", language="es", tags=("legal-services",))),
        (replace(term_map[0], tags=("housing",), words=("xylophone",), weight=0.4), *term_map[1:]),
    ]


@pytest.mark.parametrize("number", range(5))
def test_a_term_map_put_in_is_as_one_built_in(
    index: Index,
    catalogue: tuple[Nonprofit, ...],
    taxonomy: Taxonomy,
    term_map: TermMap,
    number: int,
) -> None:
    other = edits(term_map)[number]
    swapped = replace_terms(index, taxonomy, other)
    built = build_index(BuildInputs(nonprofits=catalogue, tags=taxonomy, term_map=other))
    assert swapped.phrases == built.phrases
    assert swapped.lexicon == built.lexicon
    assert swapped.lexicon_grams.grams == built.lexicon_grams.grams
    for name in ("indptr", "strings", "sizes"):
        ours, theirs = getattr(swapped.lexicon_grams, name), getattr(built.lexicon_grams, name)
        assert np.array_equal(ours, theirs)
    assert swapped.vocabulary == built.vocabulary
    assert np.array_equal(swapped.idf, built.idf)
    for text in ("lawyer", "papeles", "asylum clinc", "abogdo"):
        profile = DonorProfile(text=text)
        ours, theirs = (recommend(profile, one, n=12) for one in (swapped, built))
        assert ours == theirs


def test_the_index_itself_stays_as_it_is(
    index: Index, taxonomy: Taxonomy, term_map: TermMap
) -> None:
    assert replace_terms(index, taxonomy, ()).phrases == build_phrases(taxonomy, ())
    assert index.phrases == build_phrases(taxonomy, term_map) != build_phrases(taxonomy, ())


def test_what_the_map_says_wins_over_what_a_tag_is_called(taxonomy: Taxonomy) -> None:
    label = taxonomy[3].label_en
    (meaning,) = build_phrases(taxonomy, ())[label.lower()]
    assert meaning == Meaning(tags=("services:housing",), words=(), weight=1.0)
    other = TermMapping(phrase=label.lower(), language="en", words=("beds",), weight=0.5)
    (meaning,) = build_phrases(taxonomy, (other,))[label.lower()]
    assert meaning == Meaning(tags=(), words=("beds",), weight=0.5)
