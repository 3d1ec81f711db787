from collections.abc import Callable
from dataclasses import replace

import pytest
from sqlite_utils import Database

from recommender.errors import NotFound, StorageError
from recommender.models import Guide, KeyFact, Nonprofit, Resource, Tag, TermMapping
from recommender.store.catalog import (
    Contents,
    get_catalog_revision,
    get_guide,
    get_resource,
    list_guides,
    list_nonprofits,
    list_resources,
    list_tags,
    list_term_mappings,
    load_catalog,
    load_guides,
    load_resources,
    load_tags,
    load_term_map,
)

Taxonomy = tuple[Tag, ...]

RESOURCES = [
    Resource(
        slug=slug,
        title=f'"Test" {slug}',
        url="https://example.org/a",
        publisher="Test Press",
        kind="article",
        take_en=("One.", "Two?", "Three."),
        take_es=("Uno.", "¿Dos?", "Tres."),
        body_en="A body.",
        body_es="Un cuerpo.",
        topics=("housing",),
        title_confirmed=slug == "b",
    )
    for slug in ("b", "a")
]
GUIDES = [
    Guide(
        slug="asylum",
        title_en="Asylum",
        title_es="Asilo",
        intro_en="An intro.",
        intro_es="Una introducción.",
        key_facts=(
            KeyFact(
                text_en="A fact.",
                text_es="Un dato.",
                source_title="Test source",
                source_url="https://example.org/s",
            ),
        ),
        ways_to_help_en=("Ask.",),
        ways_to_help_es=("Pregunte.",),
        topics=("asylum-support",),
        query_en="asylum",
        query_es="asilo",
    )
]
TERMS = [
    TermMapping(phrase="papers", language="en", tags=("legal-services",), weight=0.8),
    TermMapping(phrase="abogado", language="es", words=("ayuda legal", "defensa")),
    TermMapping(phrase="papers", language="any"),
]


def test_everything_comes_back_as_it_was_and_in_order(db: Database) -> None:
    load_resources(db, RESOURCES)
    load_guides(db, GUIDES)
    load_term_map(db, TERMS)
    assert list_resources(db) == RESOURCES
    assert get_resource(db, "a") == RESOURCES[1]
    assert list_guides(db) == GUIDES
    assert get_guide(db, "asylum") == GUIDES[0]
    assert list_term_mappings(db) == TERMS


def test_tags_keep_the_order_of_their_kind(db: Database, taxonomy: Taxonomy) -> None:
    tags = [*taxonomy, replace(taxonomy[0], slug="new", synonyms_es=("abogadas", "abogados"))]
    load_tags(db, tags)
    for kind in ("services", "populations", "communities", "languages"):
        assert list_tags(db, kind) == [tag for tag in tags if tag.kind == kind]
    assert len(list_tags(db)) == len(tags)


@pytest.mark.parametrize(
    ("load", "items"),
    [(load_resources, RESOURCES), (load_guides, GUIDES), (load_term_map, TERMS)],
)
def test_only_a_difference_raises_the_revision(
    db: Database, load: Callable[..., None], items: list
) -> None:
    load(db, items)
    revision = get_catalog_revision(db)
    load(db, items)
    assert get_catalog_revision(db) == revision
    load(db, items[1:])
    assert get_catalog_revision(db) > revision


def test_the_same_tags_do_not_raise_the_revision(db: Database, taxonomy: Taxonomy) -> None:
    load_tags(db, taxonomy)
    revision = get_catalog_revision(db)
    load_tags(db, taxonomy)
    assert get_catalog_revision(db) == revision
    load_tags(db, [replace(taxonomy[0], synonyms_en=("counsel",)), *taxonomy[1:]])
    assert get_catalog_revision(db) > revision
    assert list_tags(db, "services")[0].synonyms_en == ("counsel",)


def test_what_left_the_files_is_gone(db: Database) -> None:
    load_resources(db, RESOURCES)
    load_resources(db, RESOURCES[:1])
    with pytest.raises(NotFound):
        get_resource(db, "a")
    with pytest.raises(NotFound):
        get_guide(db, "nothing")


def test_a_tag_goes_when_no_listing_carries_it(
    loaded: Database, taxonomy: Taxonomy, catalogue: tuple[Nonprofit, ...]
) -> None:
    fewer = [tag for tag in taxonomy if tag.slug != "health-care"]
    load_tags(loaded, fewer)
    assert "health-care" in {tag.slug for tag in list_tags(loaded)}
    moved = [
        replace(listing, services=("housing",)) if "health-care" in listing.services else listing
        for listing in catalogue
    ]
    load_catalog(loaded, Contents(nonprofits=moved, tags=fewer))
    assert "health-care" not in {tag.slug for tag in list_tags(loaded)}
    assert len(list_nonprofits(loaded)) == len(catalogue)


def test_twins_are_refused(db: Database) -> None:
    with pytest.raises(StorageError, match="same phrase and language"):
        load_term_map(db, [TERMS[0], TERMS[0]])
    assert list_term_mappings(db) == []


@pytest.mark.parametrize("weight", [0.0, -1.0, 1.5, float("nan")])
def test_a_weight_outside_its_range_is_refused(db: Database, weight: float) -> None:
    with pytest.raises(StorageError):
        load_term_map(db, [replace(TERMS[0], weight=weight)])
