from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from dataclasses import fields, replace

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from recommender.index import Index, model
from recommender.index.model import NOT_PUBLIC, Cards, decode, encode
from recommender.models import (
    Basis,
    Location,
    Nonprofit,
    Reach,
    ServiceArea,
    Source,
    Status,
    Visibility,
)
from recommender.text import fold, inflections

Make = Callable[..., Nonprofit]

TEXT = st.text(st.characters(exclude_categories=["Cs"]), max_size=8)
TEXTS = st.lists(TEXT, max_size=2).map(tuple)
DEGREES = st.none() | st.floats(min_value=-90, max_value=90)
LOCATIONS = st.builds(
    Location,
    city=TEXT,
    state=TEXT,
    zip=TEXT,
    visibility=st.just(Visibility.PUBLIC),
    primary=st.booleans(),
    latitude=DEGREES,
    longitude=DEGREES,
)
NONPROFITS = st.builds(
    Nonprofit,
    slug=TEXT.filter(bool),
    name=TEXT.filter(bool),
    reach=st.sampled_from(Reach),
    basis=st.sampled_from(Basis),
    status=st.sampled_from(Status),
    summary_en=TEXT,
    summary_es=TEXT,
    other_names=TEXTS,
    services=TEXTS,
    languages=TEXTS,
    revenue_usd=st.none() | st.integers(min_value=0, max_value=10**12),
    ruling_year=st.none() | st.integers(min_value=1900, max_value=2100),
    locations=st.lists(LOCATIONS, max_size=2).map(tuple),
    service_areas=st.lists(
        st.builds(ServiceArea, state=TEXT, city=TEXT, latitude=DEGREES, longitude=DEGREES),
        max_size=2,
    ).map(tuple),
    sources=st.lists(st.builds(Source, facts=TEXT, source=TEXT, as_of=TEXT), max_size=2).map(tuple),
)


@given(st.lists(NONPROFITS, max_size=3))
@settings(max_examples=80)
def test_cards_give_back_what_is_public(nonprofits: list[Nonprofit]) -> None:
    cards = Cards.build(nonprofits)
    assert len(cards) == len(nonprofits)
    assert [cards.read(row) for row in range(len(cards))] == nonprofits


def test_staff_fields_are_not_in_a_card(make_nonprofit: Make) -> None:
    listing = make_nonprofit("Alpha", notes="Called on Monday.", in_irs_extract=True)
    assert not NOT_PUBLIC & encode(listing).keys()
    assert decode(encode(listing)) == replace(listing, notes="", in_irs_extract=False)
    assert {field.name for field in fields(Nonprofit)} >= NOT_PUBLIC


def test_a_hidden_location_is_not_in_a_card(index: Index) -> None:
    row = index.row_of["test-harbor-shelter"]
    assert index.nonprofit(row).locations == ()
    start, end = index.cards.offsets[row : row + 2]
    assert b"02108" not in index.cards.blob[start:end].tobytes()


def test_a_city_only_location_has_no_zip(make_nonprofit: Make) -> None:
    place = Location(city="Boston", state="MA", zip="02108", visibility=Visibility.CITY)
    (shown,) = Cards.build([make_nonprofit("Alpha", locations=(place,))]).read(0).locations
    assert shown == replace(place, zip="")


def test_every_listing_of_the_index_reads_as_it_was_put_in(
    index: Index, catalogue: tuple[Nonprofit, ...]
) -> None:
    for listing in catalogue:
        shown = index.nonprofit(index.row_of[listing.slug])
        assert shown == decode(encode(listing))
        assert shown.name == listing.name


def test_many_threads_may_read_cards_at_once(index: Index, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(model, "N_CARDS_KEPT", 2)
    crowded = replace(index)
    rows = [row % len(index) for row in range(600)]
    with ThreadPoolExecutor(8) as pool:
        slugs = [listing.slug for listing in pool.map(crowded.nonprofit, rows)]
    assert slugs == [index.slugs[row] for row in rows]


def test_a_listing_is_decoded_once(index: Index) -> None:
    assert index.nonprofit(3) is index.nonprofit(3)


def test_names_are_sorted_by_their_first_name(index: Index) -> None:
    order = np.argsort(index.name_ranks)
    names = [fold(index.nonprofit(int(row)).name) for row in order]
    assert names == sorted(names)


def test_namesakes_have_the_same_place(index: Index) -> None:
    alike = replace(index, name_strings=["test"] * len(index.name_strings))
    assert set(alike.name_ranks.tolist()) == {0}


def test_phrases_and_tags_can_be_looked_up(index: Index) -> None:
    for phrase, meanings in index.phrases.items():
        tree = index.phrase_tree
        for key in phrase.split(" "):
            branches = [tree.longer[form] for form in inflections(key)]
            assert all(branch is branches[0] for branch in branches)
            tree = branches[0]
        assert tree.meanings == meanings
    assert index.tag_names[index.tag_of["communities:somali"]] == "communities:somali"


def test_a_further_word_is_the_term_that_more_listings_use(index: Index) -> None:
    (term,) = index.expand(("abogados",))
    assert term in index.terms_of("abogados")
    assert index.idf[term] == min(index.idf[found] for found in index.terms_of("abogados"))
    assert index.expand(("the", "xylophones")) == ()
