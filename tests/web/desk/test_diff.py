"""Fields of listings as staff read them."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import fields

import pytest
from flask import Flask

from recommender.models import (
    Basis,
    FieldChange,
    Location,
    Nonprofit,
    Reach,
    ServiceArea,
    Status,
    Visibility,
)
from recommender.web.desk.diff import LABELS, describe_changes, describe_listing, to_lines


@pytest.mark.parametrize(
    ("field", "value", "line"),
    [
        ("basis", Basis.KNOWN, "General public knowledge"),
        ("basis", "mission", "Its own mission statement"),
        ("reach", Reach.STATE, "A whole state"),
        ("status", Status.DO_NOT_LIST, "Do not list"),
        ("ein", "012345678", "01-2345678"),
        ("revenue_usd", 1234567, "1,234,567"),
        ("in_irs_extract", False, "no"),
        ("service_areas", (ServiceArea(state="ME"),), "all of Maine"),
        ("service_areas", (ServiceArea(state="ME", city="Bath", latitude=43.9),), "Bath, ME"),
        ("service_areas", (ServiceArea(state="ME", city="Bth"),), "Bth, ME (no coordinates)"),
    ],
)
def test_values_are_said_in_words(field: str, value: object, line: str) -> None:
    assert to_lines(field, value) == (line,)


def test_every_choice_has_words() -> None:
    for field, choices in (("basis", Basis), ("reach", Reach), ("status", Status)):
        for value in choices:
            assert to_lines(field, value) != (value.value,)


def test_offices_say_what_is_shown_of_them() -> None:
    spots = (
        Location(city="Bath", state="ME", zip="04530", latitude=43.9),
        Location(city="Bath", state="ME", visibility=Visibility.CITY, primary=False, latitude=43.9),
        Location(city="Bath", state="ME", visibility=Visibility.HIDDEN, primary=False),
        Location(city="", state="ME", visibility=Visibility.HIDDEN, primary=False),
    )
    assert to_lines("locations", spots) == (
        "Bath, ME 04530 (shown in full, main office)",
        "Bath, ME (city only)",
        "Bath, ME (hidden everywhere)",
        "ME (hidden everywhere)",
    )


def test_changes_mark_what_differs() -> None:
    text, reach = describe_changes(
        (
            FieldChange(field="serves", before="Bath and Brunswick", after="Bath and Wiscasset"),
            FieldChange(field="reach", before=Reach.LOCAL, after=Reach.NATIONAL),
        )
    )
    assert [(p.text, p.is_changed) for p in text.after[0]] == [
        ("Bath and", False),
        ("Wiscasset", True),
    ]
    words = " ".join(part.text for line in reach.after for part in line)
    assert words == "The whole country"


def test_every_field_has_a_label(app: Flask, make_nonprofit: Callable[..., Nonprofit]) -> None:
    assert LABELS.keys() == {field.name for field in fields(Nonprofit)} - {"updated_on"}
    with app.test_request_context("/staff"):
        facts = describe_listing(make_nonprofit("Test", "Portland, ME"))
    assert len(facts) == len(LABELS)
