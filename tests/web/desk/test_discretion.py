"""What still says where an office is that is not shown in full."""

from __future__ import annotations

from collections.abc import Callable

import pytest

from recommender.models import Location, Nonprofit, ServiceArea, Source, Visibility
from recommender.web.desk.discretion import find_traces
from tests.web.desk.shelves import Desk
from tests.web.desk.test_listings import form_of

HIDDEN, CITY, PUBLIC = Visibility.HIDDEN, Visibility.CITY, Visibility.PUBLIC
LAWYERS = "test-border-lawyers"
Make = Callable[..., Nonprofit]


def office(city: str = "Cañon City", visibility: Visibility = HIDDEN, **more: str) -> Location:
    return Location(city=city, state="CO", zip="81212", visibility=visibility, **more)


def traces(record: Nonprofit) -> dict[str, tuple[str, ...]]:
    return {one.words: one.fields for one in find_traces(record)}


def test_the_city_of_a_hidden_office_is_found_wherever_it_stands(make_nonprofit: Make) -> None:
    record = make_nonprofit(
        "Test Canon City House",
        locations=(office(),),
        other_names=("TCC", "Casa de Cañon City"),
        summary_en="A house in CAÑON CITY’s old town.",
        summary_es="Una casa cerca de Cañon City.",
        serves="Cañon City and around",
        service_areas=(ServiceArea(state="CO", city="Cañon City"),),
        sources=(Source(facts="mission", source="Its page, Cañon City", as_of="2026-01"),),
    )
    assert traces(record) == {
        "Cañon City": (
            *("name", "other_names", "summary_en", "summary_es", "serves", "service_areas"),
            "sources",
        )
    }


@pytest.mark.parametrize(
    ("summary", "locations", "found"),
    [
        ("In Denver.", (office("Denver"),), {"Denver"}),
        ("In Denverton.", (office("Denver"),), set()),
        ("In Denver.", (office("Denver", CITY),), set()),
        ("In Denver.", (office("Denver", PUBLIC),), set()),
        # Another office shows the city anyway.
        ("In Denver.", (office("Denver"), office("Denver", CITY)), set()),
        ("Write to 81212 for help.", (office(visibility=CITY),), {"81212"}),
        ("Write to 81212 for help.", (office(visibility=PUBLIC),), set()),
        ("Case 812129.", (office(visibility=CITY),), set()),
        ("Come to 12 Old Elm Street for help.", (office(visibility=CITY),), {"12 Old Elm Street"}),
        ("Come to 12 Old Elm Street.", (office(visibility=PUBLIC),), set()),
        ("Come to 500-B N. Main St, please.", (office(),), set()),
        ("Come to 500 N. Main St, please.", (office(),), {"500 N. Main St"}),
        ("Vaya a la calle del Sol, 14.", (office(),), {"calle del Sol, 14"}),
        ("It took 200 Haitian families to court in 2019.", (office(),), set()),
        ("A house.", (Location(city="", state="CO", visibility=HIDDEN),), set()),
    ],
)
def test_only_what_is_not_shown_is_found(
    make_nonprofit: Make, summary: str, locations: tuple[Location, ...], found: set[str]
) -> None:
    record = make_nonprofit("Test House", locations=locations, summary_en=summary)
    assert traces(record).keys() == found


def test_the_preview_the_save_and_the_review_say_so_and_nothing_is_barred(desk: Desk) -> None:
    hidden = {"place_visibility": ["hidden"], "serves": "Brownsville and the valley"}
    form = form_of(desk.app, LAWYERS) | hidden
    shown = desk.editor.submit("/staff/listings/preview", editing=LAWYERS, **form).json["html"]
    assert "It may still say where it is" in shown
    assert "The office in Brownsville, TX is hidden. “Brownsville” stands in" in shown
    assert '<a href="#serves">Serves, in words</a>' in shown
    saved = desk.editor.submit(f"/staff/listings/{LAWYERS}/edit", **form)
    assert saved.status_code == 303
    page = desk.editor.page(f"/staff/listings/{LAWYERS}")
    assert "it may still say where a hidden office is" in page.source
    (review,) = {link for link in page.links if link.startswith(f"/staff/review/{LAWYERS}/")}
    source = desk.reviewer.page(review).source
    assert f'<a href="/staff/listings/{LAWYERS}/edit#serves">Serves, in words</a>' in source
    assert "It may still say where it is" not in page.source
    desk.reviewer.submit(review, decision="approve")
    assert "It may still say where it is" in desk.editor.page(f"/staff/listings/{LAWYERS}").source
