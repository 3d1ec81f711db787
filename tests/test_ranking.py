from collections.abc import Callable
from dataclasses import replace

import numpy as np
import pytest

from recommender.index import BuildInputs, Index, build_index
from recommender.models import DonorProfile, Location, Nonprofit, Weights
from recommender.pipeline import recommend
from recommender.ranking import FEATURES, NAME_BY_INITIALS, match_names

Make = Callable[..., Nonprofit]


def slugs(profile: DonorProfile, index: Index, n: int = 10) -> list[str]:
    return [match.nonprofit.slug for match in recommend(profile, index, n=n).matches]


def test_every_feature_says_what_it_is_in_words_of_its_own() -> None:
    assert len({feature.key for feature in FEATURES}) == len(FEATURES)
    assert len({feature.title for feature in FEATURES}) == len(FEATURES)
    assert len({feature.description for feature in FEATURES}) == len(FEATURES)
    assert all(feature.title.strip() and feature.description.endswith(".") for feature in FEATURES)


def test_features_of_a_group_share_one_weight() -> None:
    weights = {(feature.group, feature.weight) for feature in FEATURES}
    assert len(weights) == len({group for group, _ in weights})
    assert all(weight > 0 for _, weight in weights)


def test_equal_scores_keep_the_order_of_the_slugs(make_nonprofit: Make) -> None:
    names = ["Echo", "Alpha", "Delta", "Bravo", "Charlie"]
    pool = [make_nonprofit(name, summary_en="", summary_es="") for name in sorted(names)]
    index = build_index(BuildInputs(nonprofits=pool))
    profile = DonorProfile(populations=("asylum-seekers",), weights=Weights(place=0))
    scores = [match.score for match in recommend(profile, index).matches]
    assert scores == pytest.approx([1.0] * 5)
    assert slugs(profile, index) == sorted(slugs(profile, index))


def test_the_small_group_weight_moves_small_groups_up(make_nonprofit: Make) -> None:
    sizes = {"Alpha": 50_000_000, "Bravo": 90_000, "Charlie": None, "Delta": 0}
    texts = {"Alpha": "garden", "Bravo": "kitchen", "Charlie": "library", "Delta": "music"}
    pool = [
        make_nonprofit(name, revenue_usd=size, summary_en=f"Asylum {texts[name]}.", summary_es="")
        for name, size in sizes.items()
    ]
    index = build_index(BuildInputs(nonprofits=pool))
    profile = DonorProfile(text="asylum", weights=Weights(small=3.0))
    order = slugs(profile, index)
    assert set(order[:2]) == {"bravo", "delta"}
    assert order[2:] == ["charlie", "alpha"]


def test_weights_of_zero_leave_a_side_out(
    index: Index, make_place: Callable[[str], object]
) -> None:
    profile = DonorProfile(
        text="asylum", place=make_place("Portland, ME"), weights=Weights(place=0, topic=0)
    )
    answer = recommend(profile, index)
    assert {match.score for match in answer.matches} == {0.0}
    only_topic = recommend(replace(profile, weights=Weights(place=0)), index)
    features = {reason.feature for match in only_topic.matches for reason in match.reasons}
    assert features <= {"words", "neighbours"}


def distinct(make: Make, *names: str, **changes: object) -> list[Nonprofit]:
    """Listings on one theme that share few words."""
    return [
        make(
            name,
            summary_en=f"Asylum {' '.join(name + letter for letter in 'qrstuvw')}.",
            summary_es="",
            services=(),
            **changes,
        )
        for name in names
    ]


def test_near_copies_step_back_and_are_not_lost(make_nonprofit: Make) -> None:
    text = (
        "Asylum hearings, papers, interviews, appeals, translations, shelter, visas and wages; "
        "also lessons, meals, rides, clothing, childcare, tutoring, banking and gardens, with "
        "volunteers, retired judges, students, nurses, bakers and carpenters from the valley."
    )
    copies = [
        make_nonprofit(f"Copy {n}", summary_en=text, summary_es="", services=()) for n in range(3)
    ]
    names = ("Alpha", "Bravo", "Delta", "Echo", "Foxtrot", "Golf", "Hotel", "India")
    others = distinct(make_nonprofit, *names)
    index = build_index(BuildInputs(nonprofits=[*copies, *others]))
    order = slugs(DonorProfile(text="asylum hearings"), index, n=20)
    assert len(order) == len(index)
    assert order[0] == "copy-0"
    assert order[-2:] == ["copy-1", "copy-2"]


def test_a_family_is_shown_once_and_its_other_members_later(make_nonprofit: Make) -> None:
    parent, *projects = distinct(make_nonprofit, "Alpha", "Bravo", "Charlie")
    family = [parent, *(replace(project, parent="alpha") for project in projects)]
    index = build_index(
        BuildInputs(nonprofits=[*family, *distinct(make_nonprofit, "Xray", "Yankee")])
    )
    order = slugs(DonorProfile(text="asylum"), index)
    members = [place for place, slug in enumerate(order) if slug in {"alpha", "bravo", "charlie"}]
    assert len(members) == 3
    assert members[1:] == [3, 4]


def test_stepping_back_leaves_scores_as_they_are(make_nonprofit: Make) -> None:
    parent, *projects = distinct(make_nonprofit, "Alpha", "Bravo", "Charlie", "Delta")
    alone = build_index(BuildInputs(nonprofits=[parent, *projects]))
    family = [parent, *(replace(project, parent="alpha") for project in projects)]
    together = build_index(BuildInputs(nonprofits=family))
    asked = DonorProfile(text="asylum alphaq")
    scores = [
        {m.nonprofit.slug: m.score for m in recommend(asked, index).matches}
        for index in (alone, together)
    ]
    assert scores[0] == pytest.approx(scores[1])


@pytest.mark.parametrize(
    "typed",
    [
        "Test Border Lawyers",
        "test border lawyers",
        "TBL",
        "Abogados de Prueba",
        "Test Bordr Lawyers",
        "Test Border Lawyesr",
    ],
)
def test_a_name_an_acronym_and_a_typo_find_the_group(index: Index, typed: str) -> None:
    assert slugs(DonorProfile(text=typed), index)[0] == "test-border-lawyers"


def test_the_whole_name_is_more_like_it_than_a_part(index: Index) -> None:
    row = index.row_of["test-border-lawyers"]
    whole = match_names("Test Border Lawyers", index)
    assert whole[row] == 1.0
    assert max(whole.values()) == whole[row]
    assert 0.8 < match_names("give to test border lawyers", index)[row] < 1.0


def test_likeness_lies_above_nothing_and_up_to_one(crowd_index: Index) -> None:
    for typed in ("Test Group 007", "test grup 7", "a", "Group", "t", "007"):
        assert all(0 < likeness <= 1 for likeness in match_names(typed, crowd_index).values())


@pytest.mark.parametrize("text", ["", "🙏", "asylum", "lawyer", "the " * 9])
def test_topics_and_long_texts_are_no_names(index: Index, text: str) -> None:
    assert match_names(text, index) == {}


def test_a_short_name_inside_a_sentence_is_no_name(make_nonprofit: Make) -> None:
    index = build_index(BuildInputs(nonprofits=[make_nonprofit("Safe"), make_nonprofit("Alpha")]))
    assert match_names("a safe place to sleep tonight", index) == {}
    assert match_names("Safe", index) == {index.row_of["safe"]: 1.0}


@pytest.fixture
def named(make_nonprofit: Make) -> Index:
    names = (
        "Casa",
        "Casa Latina",
        "Tu Casa Latina",
        "Hope",
        "Friends of Cache Valley Refugee Families",
        "Voices of Refugees",
        "Voice of Refugees",
    )
    return build_index(BuildInputs(nonprofits=sorted(map(make_nonprofit, names), key=by_slug)))


def by_slug(item: Nonprofit) -> str:
    return item.slug


@pytest.mark.parametrize(
    ("typed", "slug"),
    [
        ("Casa Latina", "casa-latina"),
        ("Tu Casa Latina", "tu-casa-latina"),
        ("tu casa latian", "tu-casa-latina"),
        ("The Casa Latina, Inc.", "casa-latina"),
        ("Voice of Refugees", "voice-of-refugees"),
        ("Voices of Refugees", "voices-of-refugees"),
        ("Voices Refugees", "voices-of-refugees"),
        ("Friends Cache Valley and Refugee Families", "friends-of-cache-valley-refugee-families"),
        ("cache families", "friends-of-cache-valley-refugee-families"),
        ("FCVRF", "friends-of-cache-valley-refugee-families"),
        ("hopr", "hope"),
    ],
)
def test_the_closest_name_comes_first(named: Index, typed: str, slug: str) -> None:
    assert slugs(DonorProfile(text=typed), named)[0] == slug


def test_a_name_is_meant_with_its_city_and_with_words_of_asking(make_nonprofit: Make) -> None:
    reno = Location(city="Reno", state="NV")
    index = build_index(BuildInputs(nonprofits=[make_nonprofit("Zeta", locations=(reno,))]))
    for typed in ("Zeta Reno", "zeta nevada", "help Zeta", "donar a Zeta", "Reno NV Zeta"):
        assert match_names(typed, index)[0] >= 0.9
    assert match_names("Zeta Chicago winter shelter", index) == {}


def test_a_word_of_many_names_names_none(make_nonprofit: Make) -> None:
    directions = ("Eastern", "Northern", "Southern", "Western")
    pool = [make_nonprofit(f"{direction} Harbor Kitchen") for direction in directions]
    index = build_index(BuildInputs(nonprofits=pool))
    assert max(match_names("harbor kitchen", index).values()) < 0.9
    few = build_index(BuildInputs(nonprofits=pool[:2]))
    assert min(match_names("harbor kitchen", few).values()) >= 0.9


def test_initials_that_are_a_word_are_that_word(make_nonprofit: Make) -> None:
    pool = [
        make_nonprofit("Camp"),
        make_nonprofit("Center for Asylum and Migration Papers", slug="papers"),
    ]
    index = build_index(BuildInputs(nonprofits=pool))
    assert match_names("CAMP", index) == {0: 1.0}


def test_the_initials_of_any_of_its_names_find_a_group(make_nonprofit: Make) -> None:
    group = make_nonprofit("Border Lawyers", other_names=("Refugee Women's Kitchen Alliance",))
    index = build_index(BuildInputs(nonprofits=[make_nonprofit("Another Group"), group]))
    assert match_names("RWKA", index) == {index.row_of[group.slug]: NAME_BY_INITIALS}


def test_revenue_scores_are_level_at_both_ends(make_nonprofit: Make) -> None:
    revenues = {"Alpha": 0, "Bravo": 99_000, "Charlie": 1_000_000, "Delta": 10**7, "Echo": 10**9}
    pool = [make_nonprofit(name, revenue_usd=usd) for name, usd in revenues.items()]
    index = build_index(BuildInputs(nonprofits=pool))
    answer = recommend(DonorProfile(weights=Weights(small=1.0)), index)
    score = {match.nonprofit.slug: match.score for match in answer.matches}
    assert score["alpha"] == score["bravo"] == 1.0
    assert score["charlie"] == pytest.approx(0.5, abs=1e-6)
    assert score["delta"] == score["echo"] == 0.0
    assert np.isfinite(list(score.values())).all()
