"""A donor's whole way through the site with a browser that runs no scripts."""

from __future__ import annotations

import re
from urllib.parse import urlsplit

import pytest
from playwright.sync_api import Locator, Page, expect

from tests.browser.conftest import Open
from tests.browser.kinds import GUIDE, LONG, RESOURCE

SENTENCES = {
    "": {"fits": "Groups that fit", "thanks": "Thank you", "asylum": "legal help for asylum"},
    "/es": {"fits": "Grupos", "thanks": "Gracias", "asylum": "ayuda legal para pedir asilo"},
}
languages = pytest.mark.parametrize("prefix", SENTENCES)


def ask(page: Page, text: str, place: str = "", prefix: str = "") -> None:
    """Fill in the form on the home page and send it."""
    page.goto(prefix + "/")
    form = page.locator("form.ask")
    form.locator("[name=text]").fill(text)
    form.locator("[name=place]").fill(place)
    follow(page, form.locator("button[type=submit]"))


def follow(page: Page, link: Locator) -> None:
    """Click on what leads to another page, and wait until all of that is there."""
    with page.expect_navigation(wait_until="domcontentloaded"):
        link.click()


def cards(page: Page) -> Locator:
    """The ranked results."""
    return page.locator("ol.cards > li")


def names(page: Page) -> list[str]:
    """The groups on a page, in its order."""
    return page.locator(".card-name").all_inner_texts()


def path_of(page: Page) -> str:
    return urlsplit(page.url).path


@languages
def test_from_an_interest_to_a_group_and_back(plain: Page, prefix: str) -> None:
    words = SENTENCES[prefix]
    ask(plain, words["asylum"], "Portland, ME", prefix)
    expect(plain.locator("h1")).to_contain_text("Portland, ME")
    expect(cards(plain)).to_have_count(10)

    # Why: the figures stand one click below the sentence, and add up.
    first = cards(plain).first
    expect(first.locator(".why > p")).not_to_be_empty()
    expect(first.locator("table.shares")).to_be_hidden()
    first.locator("details.why-more summary").click()
    expect(first.locator("table.shares")).to_be_visible()
    points = [float(cell) for cell in first.locator("tbody td:last-child").all_inner_texts()]
    together = float(first.locator("tfoot td:last-child").inner_text())
    assert sum(points) == pytest.approx(together, abs=0.05 * len(points) + 0.05)

    # Refine: national groups weigh less once the place counts more.
    before = names(plain)
    refine = plain.locator("form.refine")
    refine.locator("[name=weight-place]").select_option("2")
    refine.locator("[name=described_only]").check()
    refine.locator("button[type=submit]").click()
    expect(plain.locator("form.refine [name=weight-place]")).to_have_value("2")
    expect(plain.locator("form.refine [name=described_only]")).to_be_checked()
    assert names(plain) != before

    # More, then two of them side by side.
    plain.locator(".after-list a").click()
    expect(cards(plain)).to_have_count(20)
    assert plain.url.endswith("#match-11")
    chosen = names(plain)[:2]
    for at in range(2):
        cards(plain).nth(at).locator("input[name=slugs]").check()
    plain.locator("form#compare button").click()
    assert plain.locator(".compared h2").all_inner_texts() == chosen

    # Its own page, and a correction to it.
    plain.locator(".compared h2 a").first.click()
    expect(plain.locator("h1")).to_have_text(chosen[0])
    assert path_of(plain).startswith(f"{prefix}/nonprofits/")


@pytest.mark.usefixtures("patient")
@languages
def test_each_message_to_the_editors_is_thanked_for(plain: Page, prefix: str) -> None:
    listing = f"{prefix}/nonprofits/immigrant-legal-advocacy-project"
    for link, kind, filled in (
        ("suggest-fix", "fix", {"message": "The telephone number has changed."}),
        ("claim", "claim", {"message": "I answer the mail.", "contact": "office@example.org"}),
        ("remove", "removal", {}),
    ):
        plain.goto(listing)
        plain.locator(f'a[href="{listing}/{link}"]').click()
        send(plain, filled)
        assert path_of(plain) == f"{prefix}/thanks/{kind}"
        expect(plain.locator("h1")).to_have_text(SENTENCES[prefix]["thanks"])


@pytest.mark.usefixtures("patient")
def test_a_suggestion_that_lacks_something_keeps_what_was_typed(plain: Page) -> None:
    plain.goto("/")
    plain.locator("footer").get_by_role("link", name="Suggest a nonprofit").click()
    send(plain, {"name": "A circle of neighbors", "website": "not an address"})
    summary = plain.get_by_role("alert")
    expect(summary.get_by_role("link")).to_have_count(2)
    expect(plain.locator("[name=name]")).to_have_value("A circle of neighbors")
    expect(plain.locator("[name=website]")).to_have_value("not an address")
    send(plain, {"website": "example.org", "message": "They drive people to court."})
    assert path_of(plain) == "/thanks/nomination"


def send(page: Page, filled: dict[str, str]) -> None:
    for name, value in filled.items():
        page.locator(f'main form [name="{name}"]').fill(value)
    page.locator("main form button[type=submit]").click()


@languages
def test_results_survive_back_refresh_and_sharing(
    plain: Page, open_window: Open, prefix: str
) -> None:
    ask(plain, SENTENCES[prefix]["asylum"], "04101", prefix)
    address, found = plain.url, names(plain)
    assert len(found) == 10
    plain.reload()
    assert (plain.url, names(plain)) == (address, found)
    plain.locator(".card-name a").first.click()
    plain.go_back()
    assert (plain.url, names(plain)) == (address, found)

    friend = open_window(java_script_enabled=False)
    friend.goto(address)
    assert names(friend) == found
    friend.locator(".you-asked a").first.click()
    expect(friend.locator("form.ask [name=text]")).to_have_value(SENTENCES[prefix]["asylum"])


def test_a_pasted_article_survives_a_change_of_place(plain: Page) -> None:
    ask(plain, LONG, "Houston, TX")
    found = names(plain)
    plain.locator(".you-asked a").first.click()
    expect(plain.locator("form.ask [name=text]")).to_have_value("")
    plain.locator("form.ask [name=place]").fill("Boston, MA")
    plain.locator("form.ask button[type=submit]").click()
    expect(plain.locator("h1")).to_contain_text("Boston, MA")
    assert names(plain) != found


def test_the_language_changes_and_the_page_stays(plain: Page) -> None:
    for path in ("/", "/directory?state=ME", RESOURCE, GUIDE, "/about/privacy", "/suggest"):
        plain.goto(path)
        plain.locator("a.language").click()
        assert plain.url.endswith(("/es" + path, "/es/"))
        expect(plain.locator("html")).to_have_attribute("lang", "es")
        plain.locator("a.language").click()
        assert plain.url.endswith(path)
        expect(plain.locator("html")).to_have_attribute("lang", "en")


def test_results_change_language_in_place(plain: Page) -> None:
    ask(plain, "legal help for asylum seekers", "Portland, ME")
    english, found = plain.url, names(plain)
    follow(plain, plain.locator("a.language"))
    assert path_of(plain) == "/es" + urlsplit(english).path
    assert names(plain) == found
    expect(plain.locator(".why > p").first).to_contain_text("Porque")
    plain.locator("a.language").click()
    assert plain.url == english


def test_an_unknown_place_is_asked_about(plain: Page) -> None:
    ask(plain, "english classes", "Portlnd, ME")
    expect(plain.get_by_role("alert")).to_contain_text("Portlnd, ME")
    expect(plain.locator("form.ask [name=text]")).to_have_value("english classes")
    plain.get_by_role("radio", name="Portland, ME").check()
    plain.locator("form.ask button[type=submit]").click()
    expect(plain.locator("h1")).to_contain_text("Portland, ME")


@languages
@pytest.mark.parametrize("page", [RESOURCE, GUIDE])
def test_from_an_article_to_groups_near_the_reader(plain: Page, page: str, prefix: str) -> None:
    plain.goto(f"{prefix}/learn")
    plain.goto(prefix + page)
    elsewhere = names(plain)
    plain.locator("form.near-form [name=place]").fill("Chicago, IL")
    plain.locator("form.near-form button[type=submit]").first.click()
    expect(plain.locator("#nonprofits-title")).to_contain_text("Chicago, IL")
    assert names(plain) != elsewhere
    expect(plain.locator("#nonprofits .card-where").first).to_contain_text(", IL")
    plain.locator("#nonprofits .card-name a").first.click()
    assert path_of(plain).startswith(f"{prefix}/nonprofits/")


def test_from_learning_to_an_article(plain: Page) -> None:
    plain.goto("/learn")
    plain.locator("form.narrowing [name=topic]").select_option("sanctuary-policy")
    plain.locator("form.narrowing button").click()
    plain.locator(f'a[href="{RESOURCE}"]').first.click()
    expect(plain.locator(".take li")).to_have_count(5)
    expect(plain.locator("a.read-on")).to_have_attribute("href", re.compile("^https://"))


def test_the_directory_reads_a_typing_error_and_is_narrowed_and_turned(plain: Page) -> None:
    plain.goto("/directory")
    plain.locator("form.look [name=q]").fill("refugge resettlement")
    plain.locator("form.look button").click()
    expect(plain.get_by_text("We read “refugge” as “refugee”.")).to_be_visible()
    everything = group_count(plain)

    plain.locator("details.facet > summary", has_text="State").click()
    texas = plain.locator("label.facet-choice", has=plain.locator('input[value="TX"]'))
    promised = int(texas.locator(".count").inner_text().strip("()"))
    texas.locator("input").check()
    plain.locator("form.facets button").click()
    assert group_count(plain) == promised < everything
    assert all(", TX" in where for where in plain.locator(".card-where").all_inner_texts())
    plain.locator(".narrowed a").first.click()
    assert group_count(plain) == everything

    first = names(plain)
    plain.get_by_role("link", name="Next").click()
    assert not set(first) & set(names(plain))
    plain.get_by_role("link", name="Previous").click()
    assert names(plain) == first
    expect(plain.locator("form.look [name=q]")).to_have_value("refugge resettlement")


def group_count(page: Page) -> int:
    return int(re.sub(r"\D", "", page.locator(".count-line").inner_text().split(" group")[0]))


def test_a_directory_search_near_a_place_is_sorted_by_distance(plain: Page) -> None:
    plain.goto("/directory")
    plain.locator("form.look [name=place]").fill("Houston, TX")
    plain.locator("form.look [name=radius_km]").select_option("40")
    plain.locator("form.look button").click()
    plain.locator("form.facets [name=sort]").select_option("distance")
    plain.locator("form.facets button").click()
    far = [float(t.split()[0]) for t in plain.locator(".near").all_inner_texts() if "km" in t]
    assert far
    assert far == sorted(far)
    assert far[0] <= 25
