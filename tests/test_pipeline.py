import subprocess
import sys
from collections.abc import Callable
from dataclasses import replace

import pytest
from hypothesis import given, settings

from recommender import retrieval
from recommender.config import ROOT
from recommender.errors import NotFound
from recommender.index import BuildInputs, Index, build_index
from recommender.models import (
    Basis,
    DonorProfile,
    Filters,
    Language,
    Nonprofit,
    Place,
    Reach,
    Recommendation,
    Scope,
    SearchPage,
    SearchQuery,
    Sort,
    Weights,
)
from recommender.pipeline import (
    FACET_KINDS,
    SMALL_REVENUE_USD,
    match_text,
    order_found,
    order_matches,
    recommend,
    search,
    similar,
)
from tests.profiles import FILTERS, PLACES, PROFILES, TEXTS

PlaceOf = Callable[[str], Place]
ALL = 1_000


def slugs(answer: Recommendation | SearchPage) -> list[str]:
    return [match.nonprofit.slug for match in answer.matches]


def ask(text: str, index: Index, **profile: object) -> list[str]:
    return slugs(recommend(DonorProfile(text=text, **profile), index))


def passes(item: Nonprofit, filters: Filters) -> bool:
    """Whether a listing of the crowd meets every filter, read from its fields."""
    states = {area.state for area in item.service_areas}
    states = states or {place.state for place in item.locations}
    having = {
        "services": set(item.services),
        "populations": set(item.populations),
        "communities": set(item.communities),
        "languages": set(item.languages),
        "states": states,
        "reach": {item.reach},
    }
    small = item.revenue_usd is not None and item.revenue_usd < SMALL_REVENUE_USD
    return (
        all(not getattr(filters, k) or set(getattr(filters, k)) & v for k, v in having.items())
        and (small or not filters.small_only)
        and (item.basis is not Basis.NAME or not filters.described_only)
    )


@pytest.mark.parametrize(
    ("english", "spanish"),
    [
        ("lawyers for asylum seekers", "abogados para solicitantes de asilo"),
        ("help for refugees", "ayuda para refugiados"),
        ("english classes", "clases de idioma"),
        ("health clinic for refugees", "clínica de salud para refugiados"),
        ("Haitian housing", "vivienda haitiana"),
    ],
)
def test_english_and_spanish_find_the_same_groups(index: Index, english: str, spanish: str) -> None:
    asked, preguntado = ask(english, index), ask(spanish, index, language=Language.ES)
    best = asked[:5], preguntado[:5]
    assert best[0]
    assert len(set(best[0]) & set(best[1])) >= 0.8 * max(len(found) for found in best)
    assert asked[0] in preguntado[:2]


@pytest.mark.parametrize("text", ["CLÍNICA", "clinica", "clínicas", "clinics", "Clinic", "clinc"])
def test_accents_case_plural_and_typos_find_the_same(index: Index, text: str) -> None:
    assert ask(text, index)[0] == "test-houston-clinic"


def test_fillers_do_not_change_the_answer(index: Index) -> None:
    assert ask("I want to donate to help refugees please", index) == ask("refugees", index)


@pytest.mark.parametrize("text", ["", "   ", "of the"])
def test_saying_nothing_lists_everything(index: Index, text: str) -> None:
    answer = recommend(DonorProfile(text=text), index, n=ALL)
    assert len(answer.matches) == len(index)


@pytest.mark.parametrize("text", ["asylum\0lawyers", "asylum 🙏 lawyers", "asylum \ud800 lawyers"])
def test_odd_characters_are_passed_over(index: Index, text: str) -> None:
    assert ask(text, index) == ask("asylum lawyers", index)


def test_a_very_long_text_is_answered(crowd_index: Index) -> None:
    text = " ".join(f"unheard{n} garden" for n in range(25_000))
    assert recommend(DonorProfile(text=text), crowd_index).matches


def test_the_number_asked_for_is_given(crowd_index: Index) -> None:
    for n in (0, 1, 7):
        assert len(recommend(DonorProfile(text="asylum"), crowd_index, n=n).matches) == n


@given(PROFILES, FILTERS)
@settings(max_examples=80, deadline=None)
def test_filters_are_hard(
    crowd_index: Index, crowd: tuple[Nonprofit, ...], profile: DonorProfile, filters: Filters
) -> None:
    by_slug = {item.slug: item for item in crowd}
    answer = recommend(replace(profile, filters=filters), crowd_index, n=ALL)
    assert all(passes(by_slug[slug], filters) for slug in slugs(answer))


@given(FILTERS)
@settings(max_examples=40, deadline=None)
def test_filters_alone_list_all_that_meet_them(
    crowd_index: Index, crowd: tuple[Nonprofit, ...], filters: Filters
) -> None:
    answer = recommend(DonorProfile(filters=filters), crowd_index, n=ALL)
    assert set(slugs(answer)) == {item.slug for item in crowd if passes(item, filters)}


def test_a_donors_place_leaves_out_other_states_unless_anywhere_will_do(
    index: Index, make_place: PlaceOf
) -> None:
    profile = DonorProfile(text="asylum lawyers", place=make_place("Portland, ME"))
    near = slugs(recommend(profile, index))
    assert near[0] == "test-maine-asylum-project"
    assert "test-border-lawyers" not in near
    anywhere = replace(profile, scope=Scope.ANYWHERE)
    assert "test-border-lawyers" in slugs(recommend(anywhere, index))


def test_place_weight_decides_between_fit_and_nearness(index: Index, make_place: PlaceOf) -> None:
    profile = DonorProfile(
        text="clinic for refugee families", place=make_place("Portland, ME"), scope=Scope.ANYWHERE
    )
    fit = replace(profile, weights=Weights(place=0.0))
    near = replace(profile, weights=Weights(place=3.0, topic=0.5))
    assert slugs(recommend(fit, index))[0] == "test-houston-clinic"
    assert slugs(recommend(near, index))[0] == "test-lewiston-english-classes"


@pytest.mark.parametrize(
    "text", ["motorcycle racing", "quantum xylophones", "移民", "asdfgh qwerty"]
)
def test_off_topic_is_no_close_match(index: Index, text: str) -> None:
    assert recommend(DonorProfile(text=text), index).no_close_match


@pytest.mark.parametrize(
    "text", ["asylum lawyers", "clases de idioma", "somali children", "TBL", "Test Houston Clinic"]
)
def test_on_topic_is_a_close_match(index: Index, text: str) -> None:
    assert not recommend(DonorProfile(text=text), index).no_close_match


def test_an_article_is_far_when_it_is_about_something_else(index: Index) -> None:
    near = "Refugees and asylum seekers wait for lawyers at the clinic in the city. " * 6
    far = "The striker scored twice before half time and the keeper saved a late penalty. " * 6
    assert not match_text(near, index).no_close_match
    assert match_text(far, index).no_close_match


def test_an_article_is_matched_near_a_place(index: Index, make_place: PlaceOf) -> None:
    text = "Lawyers help people who ask for asylum. " * 10
    answer = match_text(text, index, place=make_place("Portland, ME"), n=2)
    assert slugs(answer)[0] == "test-maine-asylum-project"
    assert len(answer.matches) == 2
    without = match_text(text, index, exclude={"test-maine-asylum-project"})
    assert "test-maine-asylum-project" not in slugs(without)


def test_what_was_understood_is_told(index: Index) -> None:
    answer = recommend(DonorProfile(text="abogdos xylophones"), index)
    assert [reason.label for reason in answer.understood] == ["legal-services"]
    assert [(fix.typed, fix.used) for fix in answer.corrections] == [("abogdos", "abogados")]
    assert answer.unknown_words == ("xylophones",)


def test_recommending_twice_gives_the_same(crowd_index: Index) -> None:
    profile = DonorProfile(text="garden school", place=PLACES[0])
    assert recommend(profile, crowd_index) == recommend(profile, crowd_index)


@given(PROFILES)
@settings(max_examples=30, deadline=None)
def test_excluded_listings_are_nowhere(crowd_index: Index, profile: DonorProfile) -> None:
    shown = slugs(recommend(profile, crowd_index, n=20))
    gone = frozenset(shown[::2])
    names = {crowd_index.nonprofit(crowd_index.row_of[slug]).name for slug in gone}
    answer = recommend(profile, crowd_index, n=ALL, exclude=gone)
    page = search(SearchQuery(text=profile.text, page_size=ALL), crowd_index, exclude=gone)
    assert not gone & {*slugs(answer), *slugs(page)}
    for match in (*answer.matches, *page.matches):
        assert not any(names & set(reason.sources) for reason in match.reasons)
    for slug in shown[1:2]:
        alike = similar(slug, crowd_index, exclude=gone)
        assert not gone & {match.nonprofit.slug for match in alike}


def test_excluding_what_is_unknown_changes_nothing(index: Index) -> None:
    profile = DonorProfile(text="asylum")
    assert recommend(profile, index, exclude={"no-such"}) == recommend(profile, index)


def test_similar_listings_are_the_neighbours_by_cosine(crowd_index: Index) -> None:
    row = 5
    found = similar(crowd_index.slugs[row], crowd_index, n=4)
    neighbours = crowd_index.neighbours[row][:4].tolist()
    assert [match.nonprofit.slug for match in found] == [crowd_index.slugs[r] for r in neighbours]
    assert [match.rank for match in found] == [1, 2, 3, 4]
    for match, cosine in zip(found, crowd_index.similarities[row], strict=False):
        assert match.score == pytest.approx(cosine)
        assert sum(r.contribution for r in match.reasons) == pytest.approx(match.score, abs=1e-5)
        assert all(reason.label for reason in match.reasons)


def test_a_withdrawn_neighbour_makes_room_for_the_next(crowd_index: Index) -> None:
    slug = crowd_index.slugs[5]
    first, *rest = [m.nonprofit.slug for m in similar(slug, crowd_index, n=4)]
    without = [m.nonprofit.slug for m in similar(slug, crowd_index, n=3, exclude={first})]
    assert without == rest


def test_nothing_is_similar_to_what_is_not_listed(index: Index) -> None:
    with pytest.raises(NotFound):
        similar("no-such", index)


def test_searching_for_nothing_lists_all(crowd_index: Index) -> None:
    page = search(SearchQuery(page_size=50), crowd_index)
    assert page.total == len(crowd_index)
    assert len(page.matches) == 50


@given(TEXTS, FILTERS)
@settings(max_examples=40, deadline=None)
def test_pages_divide_the_results(crowd_index: Index, text: str, filters: Filters) -> None:
    query = SearchQuery(text=text, filters=filters, page_size=23)
    whole = search(replace(query, page_size=ALL), crowd_index)
    pages = [
        search(replace(query, page=page), crowd_index) for page in range(1, whole.total // 23 + 2)
    ]
    assert [slug for page in pages for slug in slugs(page)] == slugs(whole)
    assert len(set(slugs(whole))) == whole.total
    assert [m.rank for page in pages for m in page.matches] == list(range(1, whole.total + 1))
    assert search(replace(query, page=len(pages) + 1), crowd_index).matches == ()


@given(TEXTS, FILTERS)
@settings(max_examples=40, deadline=None)
def test_facets_count_what_choosing_them_leaves(
    crowd_index: Index, crowd: tuple[Nonprofit, ...], text: str, filters: Filters
) -> None:
    page = search(SearchQuery(text=text, filters=filters), crowd_index)
    by_slug = {item.slug: item for item in crowd}
    found = slugs(search(SearchQuery(text=text, page_size=ALL), crowd_index))
    assert page.total == sum(passes(by_slug[slug], filters) for slug in found)
    assert tuple(page.facets) == FACET_KINDS
    for kind, facets in page.facets.items():
        counts = [facet.count for facet in facets]
        assert counts == sorted(counts, reverse=True)
        for facet in facets:
            value = Reach(facet.slug) if kind == "reach" else facet.slug
            chosen = replace(filters, **{kind: (value,)})
            assert facet.count == sum(passes(by_slug[slug], chosen) for slug in found) > 0


def test_choosing_a_facet_gives_as_many_as_it_promised(
    crowd_index: Index, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(retrieval, "RELEVANT_SHARE", 0.9)  # for answers, not for the directory
    query = SearchQuery(text="garden school asylum")
    page = search(query, crowd_index)
    for facet in page.facets["services"]:
        narrowed = replace(query, filters=Filters(services=(facet.slug,)))
        assert search(narrowed, crowd_index).total == facet.count


def test_the_directory_sorts_by_name(index: Index) -> None:
    page = search(SearchQuery(text="asylum", sort=Sort.NAME, page_size=ALL), index)
    names = [match.nonprofit.name for match in page.matches]
    assert names == sorted(names)
    assert set(slugs(page)) == set(slugs(search(SearchQuery(text="asylum", page_size=ALL), index)))


def test_the_directory_sorts_by_distance_with_the_unknown_last(
    crowd_index: Index, make_place: PlaceOf
) -> None:
    query = SearchQuery(
        place=make_place("Portland, ME"), sort=Sort.DISTANCE, page_size=ALL, radius_km=500
    )
    distances = [match.distance_km for match in search(query, crowd_index).matches]
    known = [distance for distance in distances if distance is not None]
    assert known == sorted(known)
    assert distances[: len(known)] == known
    assert len(known) < len(distances)


def test_sorting_by_distance_without_a_place_is_by_relevance(crowd_index: Index) -> None:
    query = SearchQuery(text="garden", page_size=ALL)
    by_distance = replace(query, sort=Sort.DISTANCE)
    assert slugs(search(by_distance, crowd_index)) == slugs(search(query, crowd_index))


def test_the_directory_near_a_place_leaves_out_what_is_far(
    index: Index, make_place: PlaceOf
) -> None:
    page = search(SearchQuery(place=make_place("Portland, ME")), index)
    assert set(slugs(page)) == {"test-maine-asylum-project", "test-lewiston-english-classes"}


@pytest.mark.parametrize("text", ["Test Houston Clinic", "test houston clinc", "TBL"])
def test_the_directory_finds_names(index: Index, text: str) -> None:
    expected = "test-border-lawyers" if text == "TBL" else "test-houston-clinic"
    assert slugs(search(SearchQuery(text=text), index))[0] == expected


def test_the_directory_tells_what_it_read(index: Index) -> None:
    page = search(SearchQuery(text="abogdos"), index)
    assert [(fix.typed, fix.used) for fix in page.corrections] == [("abogdos", "abogados")]
    none = search(SearchQuery(text="xylophones"), index)
    assert (none.total, none.matches, none.unknown_words) == (0, (), ("xylophones",))


def test_a_result_further_on_is_as_the_first_page_would_show_it(crowd_index: Index) -> None:
    query = SearchQuery(text="garden", page_size=5)
    second = search(replace(query, page=2), crowd_index).matches
    assert second == search(replace(query, page_size=10), crowd_index).matches[5:]


def test_one_listing_is_enough_to_answer(make_nonprofit: Callable[..., Nonprofit]) -> None:
    index = build_index(BuildInputs(nonprofits=[make_nonprofit("Alpha")]))
    assert ask("asylum", index) == ["alpha"]
    assert similar("alpha", index) == ()


def test_serving_needs_no_library_of_the_build() -> None:
    heavy = "{'scipy', 'sklearn'}"
    code = f"import sys, recommender.pipeline; print({heavy} & set(sys.modules))"
    run = subprocess.run(
        [sys.executable, "-c", code], cwd=ROOT, capture_output=True, text=True, check=True
    )
    assert run.stdout.strip() == "set()"


@pytest.mark.parametrize(
    ("text", "far"),
    [
        ("🙏🏽🙏🏽", True),
        ("\ud800", True),
        ("\u202e\u200d", True),
        ("\0", True),
        ("I want to help", False),
        ("  ", False),
    ],
)
def test_what_cannot_be_read_is_no_close_match(index: Index, text: str, far: bool) -> None:
    answer = recommend(DonorProfile(text=text), index)
    assert answer.no_close_match is far
    assert (not answer.matches) is far


@pytest.mark.parametrize("text", ["asylum lawyers", "clases de inglés", "refugees", "zzz", ""])
def test_a_bare_order_is_that_of_the_answers(crowd_index: Index, index: Index, text: str) -> None:
    for asked in (index, crowd_index):
        gone = frozenset(asked.slugs[:2])
        order = order_matches(DonorProfile(text=text), asked, n=5, exclude=gone)
        answer = recommend(DonorProfile(text=text), asked, n=5, exclude=gone)
        first = [asked.slugs[row] for row in order.rows[:5]]
        assert first == [match.nonprofit.slug for match in answer.matches]
        assert len(order.rows) == len(order.coverage) == len(order.is_local)
        assert order.no_close_match is answer.no_close_match
        listed = order_found(SearchQuery(text=text), asked, exclude=gone)
        page = search(SearchQuery(text=text), asked, exclude=gone)
        assert len(listed.rows) == page.total
        assert listed.no_close_match is (not page.total)
        first = [asked.slugs[row] for row in listed.rows[:20]]
        assert first == [match.nonprofit.slug for match in page.matches]


def test_an_order_tells_what_is_local_and_what_has_what_was_asked(
    index: Index, make_place: PlaceOf
) -> None:
    profile = DonorProfile(text="asylum lawyers", place=make_place("Portland, ME"))
    order = order_matches(profile, index)
    local = [index.slugs[row] for row in order.rows[order.is_local]]
    assert "test-maine-asylum-project" in local
    assert "test-national-policy-network" not in local
    assert order.coverage.max() <= 1
    assert order.coverage[0] > 0.5
