from collections.abc import Callable

import numpy as np
import pytest
from scipy import sparse
from sklearn.neighbors import NearestNeighbors

from recommender.errors import PublishRefused
from recommender.index import BuildInputs, Index, Postings, build_index
from recommender.index.fields import FIELDS
from recommender.index.model import STATE_CODES, state_bit
from recommender.index.neighbours import N_NEIGHBOURS
from recommender.models import (
    Language,
    Location,
    Nonprofit,
    Reach,
    ServiceArea,
    Tag,
    TermMapping,
    Visibility,
)
from recommender.text import phrase_key, stem, words

Make = Callable[..., Nonprofit]


def dense(postings: Postings, n_columns: int) -> np.ndarray:
    shape = (len(postings.indptr) - 1, n_columns)
    return sparse.csr_matrix((postings.weights, postings.columns, postings.indptr), shape).toarray()


def small(*nonprofits: Nonprofit, **inputs: object) -> Index:
    return build_index(BuildInputs(nonprofits=nonprofits, **inputs))


def row(index: Index, slug: str) -> int:
    return index.row_of[slug]


def terms_of(index: Index, at: int) -> set[str]:
    terms = list(index.vocabulary)
    numbers = {index.vocabulary[term]: term for term in terms}
    return {numbers[number] for number in index.documents.mapping(at)}


def test_postings_are_the_documents_turned(crowd_index: Index) -> None:
    by_term = dense(crowd_index.postings, len(crowd_index))
    by_listing = dense(crowd_index.documents, len(crowd_index.vocabulary))
    assert np.array_equal(by_term.T, by_listing)
    assert (crowd_index.documents.weights > 0).all()
    assert crowd_index.lengths.tolist() == (by_listing > 0).sum(axis=1).tolist()


def test_neighbours_are_exactly_those_of_scikit_learn(crowd_index: Index) -> None:
    matrix = dense(crowd_index.documents, len(crowd_index.vocabulary))
    brute = NearestNeighbors(n_neighbors=len(matrix), metric="cosine", algorithm="brute")
    distances, columns = brute.fit(matrix).kneighbors(matrix)
    for at in range(len(crowd_index)):
        cosine = dict(zip(columns[at].tolist(), (1 - distances[at]).tolist(), strict=True))
        del cosine[at]
        expected = sorted(cosine.values(), reverse=True)[:N_NEIGHBOURS]
        found, similarities = crowd_index.neighbours[at], crowd_index.similarities[at]
        assert similarities == pytest.approx(expected, abs=1e-5)
        assert [cosine[int(other)] for other in found] == pytest.approx(expected, abs=1e-5)
        assert len(set(found.tolist())) == N_NEIGHBOURS


def test_nothing_is_its_own_neighbour_and_padding_has_no_similarity(index: Index) -> None:
    assert index.neighbours.shape == index.similarities.shape == (len(index), N_NEIGHBOURS)
    for at in range(len(index)):
        real = index.similarities[at] > 0
        assert at not in index.neighbours[at][real]
        assert real.sum() <= len(index) - 1
        assert (np.diff(index.similarities[at]) <= 0).all()


def test_the_weight_of_a_term_is_bm25(make_nonprofit: Make) -> None:
    bare = {"summary_es": "", "services": (), "populations": ()}
    index = small(
        make_nonprofit("Alpha", summary_en="zebra zebra zebra", **bare),
        make_nonprofit("Beta", summary_en="zebra lion tiger", **bare),
        make_nonprofit("Gamma", summary_en="otter lion tiger", **bare),
    )
    zebra = index.vocabulary[stem("zebra", Language.EN)]
    idf = np.log(1 + (3 - 2 + 0.5) / (2 + 0.5))
    assert index.idf[zebra] == pytest.approx(idf, rel=1e-5)
    weights = index.postings.mapping(zebra)
    assert weights[0] == pytest.approx(idf * 3 * 2.2 / (1.2 + 3), rel=1e-5)
    assert weights[1] == pytest.approx(idf * 1 * 2.2 / (1.2 + 1), rel=1e-5)


def test_a_long_description_counts_less_for_each_word(make_nonprofit: Make) -> None:
    bare = {"summary_es": "", "services": (), "populations": ()}
    index = small(
        make_nonprofit("Alpha", summary_en="zebra", **bare),
        make_nonprofit("Beta", summary_en="zebra lion tiger otter badger ferret", **bare),
    )
    weights = index.postings.mapping(index.vocabulary["zebra"])
    assert weights[0] > weights[1]


def test_every_field_is_named_once_and_counts() -> None:
    assert len({field.name for field in FIELDS}) == len(FIELDS)
    assert all(field.weight > 0 and 0 <= field.length_norm <= 1 for field in FIELDS)


def test_a_listing_is_found_by_its_tags_names_summaries_and_places(index: Index) -> None:
    terms = terms_of(index, row(index, "test-border-lawyers"))
    assert "services:asylum-support" in terms
    assert "tbl" in terms
    assert stem("abogados", Language.ES) in terms
    assert stem("gratuita", Language.ES) in terms
    assert stem("brownsville", Language.EN) in terms
    assert stem("texas", Language.EN) in terms
    assert stem("attorneys", Language.EN) in terms  # a synonym of its legal-services tag


def test_a_hidden_place_is_no_word_of_the_listing(make_nonprofit: Make) -> None:
    hidden = Location(city="Springfield", state="IL", visibility=Visibility.HIDDEN)
    index = small(make_nonprofit("Alpha", locations=(hidden,)), make_nonprofit("Beta"))
    assert not {"springfield", "illinoi"} & set(index.vocabulary)
    assert len(index.places.office_rows) == 0
    assert index.places.office_bits.tolist() == [0, 0]


def test_surfaces_are_words_that_people_wrote(index: Index) -> None:
    families = index.vocabulary[stem("families", Language.EN)]
    assert index.surface(families, Language.EN) == "families"
    english = index.vocabulary[stem("ingles", Language.ES)]
    assert index.surface(english, Language.ES) == "inglés"
    assert index.surface(english, Language.EN) == ""


def test_the_lexicon_has_the_commonest_words_first(index: Index) -> None:
    assert "asylum" in index.known_words
    assert "abogado" in index.known_words
    assert "the" not in index.known_words
    assert index.lexicon.index("test") < index.lexicon.index("congress")


def test_tag_rows_are_the_listings_that_carry_the_tag(
    crowd_index: Index, crowd: tuple[Nonprofit, ...]
) -> None:
    for name in crowd_index.tag_names:
        kind, _, slug = name.partition(":")
        if kind in {"services", "populations", "communities"}:
            expected = [n for n, item in enumerate(crowd) if slug in getattr(item, kind)]
            assert crowd_index.rows_with(name).tolist() == expected
    assert crowd_index.rows_with("services:nothing").tolist() == []


def test_states_served_are_those_stated_and_else_those_of_the_offices(make_nonprofit: Make) -> None:
    area = ServiceArea(state="NH")
    index = small(
        make_nonprofit("Alpha", "Boston, MA", service_areas=(area,)),
        make_nonprofit("Beta", "Boston, MA", service_areas=()),
        make_nonprofit("Gamma", "Boston, MA", service_areas=(), reach=Reach.STATE),
    )
    massachusetts, new_hampshire = state_bit("MA"), state_bit("NH")
    assert index.places.state_bits.tolist() == [new_hampshire, massachusetts, massachusetts]
    assert index.places.statewide_bits.tolist() == [new_hampshire, 0, massachusetts]
    assert index.places.office_bits.tolist() == [massachusetts] * 3
    assert index.places.has_areas.tolist() == [True, False, False]


def test_every_state_has_a_bit_of_its_own() -> None:
    assert len({state_bit(code) for code in STATE_CODES}) == len(STATE_CODES) <= 64
    assert state_bit("ZZ") == 0


def test_parent_and_projects_are_one_family(make_nonprofit: Make) -> None:
    index = small(
        make_nonprofit("Alpha"),
        make_nonprofit("Beta", parent="alpha"),
        make_nonprofit("Gamma", parent="alpha"),
        make_nonprofit("Delta"),
    )
    alpha, beta, gamma, delta = index.families.tolist()
    assert alpha == beta == gamma != delta


def test_the_term_map_wins_over_labels(taxonomy: tuple[Tag, ...], make_nonprofit: Make) -> None:
    entry = TermMapping(phrase="Housing", language="en", tags=("refugees", "gone"), weight=0.5)
    index = small(make_nonprofit("Alpha"), tags=taxonomy, term_map=(entry,))
    (meaning,) = index.phrases[phrase_key(words("housing"))]
    assert meaning.tags == ("populations:refugees",)
    assert meaning.weight == 0.5
    (other,) = index.phrases[phrase_key(words("vivienda"))]
    assert other.tags == ("services:housing",)


def test_a_slug_that_is_a_people_and_a_language_means_the_people(make_nonprofit: Make) -> None:
    tags = [
        Tag(slug="somali", kind=kind, label_en="Somali", label_es="Somalí")
        for kind in ("communities", "languages")
    ]
    entry = TermMapping(phrase="from somalia", language="en", tags=("somali",))
    index = small(make_nonprofit("Alpha"), tags=tags, term_map=(entry,))
    (meaning,) = index.phrases[phrase_key(words("from somalia"))]
    assert meaning.tags == ("communities:somali",)


def test_progress_is_told_to_the_end(make_nonprofit: Make) -> None:
    told: list[tuple[str, int, int]] = []
    inputs = BuildInputs(nonprofits=[make_nonprofit("Alpha"), make_nonprofit("Beta")])
    build_index(inputs, progress=lambda *step: told.append(step))
    assert told[0] == ("words", 0, 2)
    assert ("neighbours", 2, 2) in told
    assert told[-1] == ("lists", 7, 7)


def test_the_same_catalogue_gives_the_same_arrays(
    crowd: tuple[Nonprofit, ...], taxonomy: tuple[Tag, ...], crowd_index: Index
) -> None:
    again = build_index(BuildInputs(nonprofits=crowd, tags=taxonomy))
    assert again.vocabulary == crowd_index.vocabulary
    assert np.array_equal(again.neighbours, crowd_index.neighbours)
    assert np.array_equal(again.documents.weights, crowd_index.documents.weights)
    assert again.lexicon == crowd_index.lexicon
    assert again.surfaces_en == crowd_index.surfaces_en


def test_one_listing_makes_an_index(make_nonprofit: Make) -> None:
    index = small(make_nonprofit("Alpha", summary_en="", summary_es=""))
    assert len(index) == 1
    assert not index.similarities.any()


def test_a_listing_without_any_word_is_kept(make_nonprofit: Make) -> None:
    bare = {"summary_en": "", "summary_es": "", "services": (), "populations": ()}
    index = small(make_nonprofit("Alpha"), make_nonprofit("", **bare))
    assert index.lengths.tolist()[1] == 0
    assert not index.similarities.any()


def test_an_empty_catalogue_is_refused() -> None:
    with pytest.raises(PublishRefused, match="empty"):
        small()
