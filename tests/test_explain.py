from collections.abc import Callable
from dataclasses import replace

import numpy as np
import pytest
from hypothesis import given, settings

from recommender import retrieval
from recommender.explain import Explainer
from recommender.index import BuildInputs, Index, build_index
from recommender.models import DonorProfile, Language, Nonprofit, Place, Tag, TermMapping
from recommender.pipeline import recommend
from recommender.query import Query, Unit, understand
from recommender.ranking import FEATURES, Signals, rank
from recommender.retrieval import accumulate, retrieve
from recommender.text import analyse
from tests.profiles import PROFILES

Make = Callable[..., Nonprofit]
TAG_FIELDS = ("services", "populations", "communities", "languages")


def texts_of(nonprofit: Nonprofit) -> str:
    places = [place.city for place in (*nonprofit.locations, *nonprofit.service_areas)]
    names = (nonprofit.name, *nonprofit.other_names)
    return " ".join((*names, nonprofit.summary_en, nonprofit.summary_es, *places))


@given(PROFILES)
@settings(max_examples=150, deadline=None)
def test_reasons_add_up_to_the_score(index: Index, profile: DonorProfile) -> None:
    answer = recommend(profile, index, n=20)
    for match in answer.matches:
        assert 0 <= match.score <= 1 + 1e-6
        total = sum(reason.contribution for reason in match.reasons)
        assert total == pytest.approx(match.score, abs=1e-5)
    assert [match.rank for match in answer.matches] == list(range(1, len(answer.matches) + 1))


@given(PROFILES)
@settings(max_examples=60, deadline=None)
def test_reasons_add_up_in_a_crowd(crowd_index: Index, profile: DonorProfile) -> None:
    known = {feature.key for feature in FEATURES}
    for match in recommend(profile, crowd_index).matches:
        contributions = [reason.contribution for reason in match.reasons]
        assert sum(contributions) == pytest.approx(match.score, abs=1e-5)
        assert contributions == sorted(contributions, reverse=True)
        assert min(contributions, default=1) > 0
        assert {reason.feature for reason in match.reasons} <= known


@given(PROFILES)
@settings(max_examples=80, deadline=None)
def test_what_is_missing_is_really_missing(index: Index, profile: DonorProfile) -> None:
    for match in recommend(profile, index, n=20).matches:
        given_for = {reason.label for reason in match.reasons if reason.kind in TAG_FIELDS}
        for reason in match.missing:
            assert reason.contribution == 0
            if reason.kind in TAG_FIELDS:
                assert reason.label not in getattr(match.nonprofit, reason.kind)
                assert reason.label not in given_for
            else:
                for language in Language:
                    terms = analyse(texts_of(match.nonprofit), language)
                    assert not set(analyse(reason.label, language)) & set(terms) - {"test"}


def test_what_a_listing_is_for_and_what_it_only_mentions(index: Index) -> None:
    answer = recommend(DonorProfile(text="asylum", services=("housing",)), index, n=20)
    by_slug = {match.nonprofit.slug: match for match in answer.matches}
    kinds = {
        slug: {(reason.kind, reason.label) for reason in match.reasons}
        for slug, match in by_slug.items()
    }
    assert ("services", "housing") in kinds["test-harbor-shelter"]
    assert ("populations", "asylum-seekers") in kinds["test-harbor-shelter"]
    missing = {(reason.kind, reason.label) for reason in by_slug["test-border-lawyers"].missing}
    assert missing == {("services", "housing")}


def explain(profile: DonorProfile, query: Query, index: Index) -> tuple[Explainer, Signals]:
    topic = retrieve(query, index, np.ones(len(index), dtype=np.bool_))
    signals = Signals(
        profile=profile,
        query=query,
        index=index,
        topic=topic,
        nearness=None,
        names=np.zeros(len(topic.rows), dtype=np.float32),
    )
    positions = np.arange(len(topic.rows))
    explainer = Explainer(signals=signals, ranking=rank(signals, n=10), positions=positions)
    return explainer, signals


def test_without_a_unit_the_score_loses_what_the_unit_gave(
    crowd_index: Index, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(retrieval, "FEEDBACK_TERMS", 0)
    profile = DonorProfile(text="asylum court hearings for refugees", services=("housing",))
    query = understand(profile, crowd_index)
    explainer, signals = explain(profile, query, crowd_index)
    topic, raw = signals.topic, accumulate(query.term_weights(), crowd_index)
    checked, found = 0, explainer.reasons()
    for position, row in enumerate(topic.rows.tolist()):
        units = {(unit.kind, unit.label): unit for unit in query.units}
        reasons = [reason for reason in found[position] if (reason.kind, reason.label) in units]
        if not reasons:
            continue
        unit = units[reasons[0].kind, reasons[0].label]
        rest = Query(units=tuple(other for other in query.units if other is not unit))
        left = accumulate(rest.term_weights(), crowd_index)[row] / raw[row]
        own = float(explainer.ranking.parts["words"][position])
        assert own * (1 - left) == pytest.approx(reasons[0].contribution, abs=1e-5)
        checked += 1
    assert checked > 50


def test_words_that_came_by_feedback_are_named_as_related(crowd_index: Index) -> None:
    answer = recommend(DonorProfile(text="court hearings"), crowd_index)
    related = [r for match in answer.matches for r in match.reasons if r.kind == "related"]
    assert related
    asked = set(analyse("court hearings", Language.EN))
    for reason in related:
        assert not asked & set(analyse(reason.label, Language.EN))
        assert reason.label == ", ".join(reason.sources)


@pytest.mark.parametrize(
    ("language", "text", "word"),
    [(Language.EN, "lawyer", "lawyers"), (Language.ES, "abogado", "abogados")],
)
def test_a_mention_names_the_word_in_the_donors_language(
    make_nonprofit: Make,
    taxonomy: tuple[Tag, ...],
    term_map: tuple[TermMapping, ...],
    language: Language,
    text: str,
    word: str,
) -> None:
    told = {"summary_en": "We know lawyers.", "summary_es": "Conocemos abogados."}
    pool = (
        make_nonprofit("Alpha"),
        make_nonprofit("Beta", services=("housing",), **told),
        make_nonprofit("Gamma", services=("housing",), summary_en="Beds.", summary_es="Camas."),
    )
    index = build_index(BuildInputs(nonprofits=pool, tags=taxonomy, term_map=term_map))
    answer = recommend(DonorProfile(text=text, language=language), index)
    (found,) = [match for match in answer.matches if match.nonprofit.slug == "beta"]
    mentions = [reason.label for reason in found.reasons if reason.kind == "mention"]
    assert mentions == [word]
    assert [reason.label for reason in found.missing] == ["legal-services"]


def test_a_word_that_only_the_tags_are_called_by_is_related_and_never_said(
    make_nonprofit: Make, taxonomy: tuple[Tag, ...]
) -> None:
    pool = (
        make_nonprofit("Alpha", services=("legal-services",), summary_en="We help."),
        make_nonprofit("Beta", services=("housing",), summary_en="Attorneys help."),
    )
    named = next(tag for tag in taxonomy if tag.slug == "legal-services")
    tags = (replace(named, synonyms_en=("attorneys at work",)), *taxonomy)
    index = build_index(BuildInputs(nonprofits=pool, tags=tags))
    index = replace(index, phrases={})
    answer = recommend(DonorProfile(text="attorneys"), index)
    kinds = {
        match.nonprofit.slug: {reason.kind for reason in match.reasons if reason.label}
        for match in answer.matches
    }
    assert "related" in kinds["alpha"]
    assert "word" not in kinds["alpha"]
    assert "word" in kinds["beta"]


def test_lending_neighbours_are_named(index: Index) -> None:
    answer = recommend(DonorProfile(text="legal help"), index)
    lent = [r for match in answer.matches for r in match.reasons if r.feature == "neighbours"]
    assert lent
    names = {index.nonprofit(row).name for row in range(len(index))}
    for reason in lent:
        assert set(reason.sources) <= names
        assert 1 <= len(reason.sources) <= 3


def test_a_withdrawn_listing_is_not_named_as_a_neighbour(index: Index) -> None:
    profile = DonorProfile(text="legal help")
    before = recommend(profile, index, n=20)
    gone = {"test-border-lawyers", "test-maine-asylum-project"}
    names = {index.nonprofit(index.row_of[slug]).name for slug in gone}
    assert any(names & set(r.sources) for match in before.matches for r in match.reasons)
    after = recommend(profile, index, n=20, exclude=gone)
    assert not any(names & set(r.sources) for match in after.matches for r in match.reasons)
    for match in after.matches:
        assert sum(r.contribution for r in match.reasons) == pytest.approx(match.score, abs=1e-5)


def test_place_and_name_are_labelled_by_what_was_said(
    index: Index, make_place: Callable[[str], Place]
) -> None:
    profile = DonorProfile(text="TBL", place=make_place("Brownsville, TX"))
    (best, *_) = recommend(profile, index).matches
    labels = {reason.feature: reason.label for reason in best.reasons}
    assert labels["place"] == "Brownsville, TX"
    assert labels["name"] == "TBL"
    assert best.distance_km == pytest.approx(0, abs=0.1)


def test_the_distance_is_none_where_no_office_may_be_shown(
    index: Index, make_place: Callable[[str], Place]
) -> None:
    profile = DonorProfile(text="shelter", place=make_place("Boston, MA"))
    (best, *_) = recommend(profile, index).matches
    assert best.nonprofit.slug == "test-harbor-shelter"
    assert best.distance_km is None
    assert best.nearness is not None
    assert recommend(DonorProfile(text="shelter"), index).matches[0].nearness is None


def test_a_term_of_two_units_is_shared_between_them(make_nonprofit: Make) -> None:
    index = build_index(
        BuildInputs(
            nonprofits=[
                make_nonprofit("Alpha", summary_en="zebra", summary_es=""),
                make_nonprofit("Beta", summary_en="lion", summary_es=""),
            ]
        )
    )
    term = index.vocabulary["zebra"]
    units = tuple(
        Unit(label=label, kind="word", sources=(label,), terms={term: weight}, importance=1.0)
        for label, weight in (("a", 1.0), ("b", 3.0))
    )
    explainer, _ = explain(DonorProfile(), Query(units=units), index)
    reasons = {reason.label: reason.contribution for reason in explainer.reasons()[0]}
    assert reasons["b"] == pytest.approx(3 * reasons["a"])
