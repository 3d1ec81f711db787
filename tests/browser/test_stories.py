"""What a donor sees who asks for what this site was made for."""

from __future__ import annotations

import json
from typing import Any

import pytest
from playwright.sync_api import Page, expect

from tests.browser.kinds import LONG, read_articles
from tests.browser.test_flows import ask, cards, names
from tests.serving import Site

ILAP = "Immigrant Legal Advocacy Project"
LOS_ANGELES = {
    "Coalition for Humane Immigrant Rights",
    "CLEAN Carwash Worker Center",
    "Immigrant Defenders Law Center",
    "CARECEN Los Angeles",
    "California Immigrant Policy Center",
    "National Day Laborer Organizing Network",
    "Esperanza Immigrant Rights Project",
    "IDEPSCA",
    "ÓRALE",
}
# What the article is about, as our own words for it.
ITS_THEMES = ("rapid response", "deportation defense", "advocacy and policy")


# The article that this site began with.
SEED = read_articles("sanctuary-cities-hold-their-ground")


def test_an_article_on_sanctuary_cities_leads_to_groups_in_los_angeles(plain: Page) -> None:
    ask(plain, SEED, "Los Angeles, CA")
    found = names(plain)
    assert len(set(found[:8]) & LOS_ANGELES) >= 6
    assert len(set(found[:3]) & LOS_ANGELES) == 3
    for at in range(5):
        card = cards(plain).nth(at)
        expect(card.locator(".card-where")).to_contain_text(", CA")
        assert any(theme in card.locator(".why > p").inner_text() for theme in ITS_THEMES)


def test_legal_help_for_asylum_seekers_in_portland_begins_with_ilap(plain: Page) -> None:
    ask(plain, "legal help for asylum seekers", "Portland, ME")
    english = names(plain)
    assert ILAP in english[:3]
    reason = cards(plain).nth(english.index(ILAP)).locator(".why > p")
    expect(reason).to_contain_text("legal help for people seeking asylum")
    expect(reason).to_contain_text("away")

    ask(plain, "ayuda legal para solicitantes de asilo", "Portland, ME", "/es")
    spanish = names(plain)
    assert ILAP in spanish[:3]
    assert len(set(english) & set(spanish)) >= 8


def test_english_classes_near_lewiston_begin_with_maine(plain: Page) -> None:
    ask(plain, "english classes for refugees", "Lewiston, ME")
    places = [where.split("\n")[0] for where in plain.locator(".card-where").all_inner_texts()]
    assert all(place.endswith(", ME") for place in places[:5])
    assert "Lewiston, ME" in places[:5]
    expect(cards(plain).first.locator(".near")).to_contain_text("away")


def test_robots_for_dogs_are_told_to_be_nowhere(plain: Page) -> None:
    ask(plain, "robotics for dogs", "Denver, CO")
    expect(plain.locator("h1")).to_have_text("No close match")
    expect(plain.get_by_role("link", name="Tell us about a group that does this")).to_be_visible()
    # The nearest are offered, and called so.
    expect(plain.get_by_role("heading", name="The nearest groups")).to_be_visible()
    assert any("CO" in where for where in plain.locator(".card-where").all_inner_texts())


@pytest.mark.parametrize("typed", ["RAICES", "raices texas", "Raises", "raíces"])
def test_raices_is_found_as_people_type_it(plain: Page, typed: str) -> None:
    plain.goto("/directory")
    plain.locator("form.look [name=q]").fill(typed)
    plain.locator("form.look button").click()
    assert "RAICES" in names(plain)[0]


PROFILES: list[dict[str, Any]] = [
    {"text": "legal help for asylum seekers", "place": "Portland, ME"},
    {"text": "clases de inglés", "language": "es", "place": "60608"},
    {"text": SEED, "place": "Los Angeles, CA"},
    {"text": LONG, "place": "Atlanta, GA"},
    {"services": ["mental-health"], "populations": ["refugees"], "scope": "anywhere"},
    {"text": "farmworkers", "place": "Texas", "scope": "state", "languages": ["spanish"]},
    {"text": "somali youth tutoring", "place": "Minneapolis, MN", "radius_km": 40},
]


@pytest.mark.parametrize("profile", PROFILES)
def test_a_page_and_the_api_give_one_order(
    plain: Page, site: Site, profile: dict[str, Any]
) -> None:
    body = json.dumps(profile).encode()
    kind = {"Content-Type": "application/json"}
    answer = site.fetch("/api/v1/matches", "POST", body, kind)
    assert answer.status == 200
    prefix = "/es" if profile.get("language") == "es" else ""
    plain.goto(site.seal(f"{prefix}/match", **profile))
    assert names(plain) == [match["name"] for match in json.loads(answer.body)["matches"]]
