from dataclasses import replace
from datetime import date

import pytest
from sqlite_utils import Database

from recommender.errors import InvalidPartner, NotFound
from recommender.models import (
    ColorScheme,
    CountKind,
    Language,
    Look,
    PartnerDraft,
    WidgetDefaults,
    WidgetFont,
    WidgetSize,
)
from recommender.store.partners import (
    MAX_ORIGINS,
    add_counts,
    create_partner,
    find_partner,
    get_partner,
    list_counts,
    list_partners,
    rotate_key,
    set_paused,
    suppress,
    update_partner,
    week_of,
)

DRAFT = PartnerDraft(
    name="Test Gazette",
    origins=("https://www.gazette.example/", "https://gazette.example"),
    defaults=WidgetDefaults(
        topic="legal-services",
        place="Lewiston, ME",
        language=Language.ES,
        look=Look(
            size=WidgetSize.LARGE,
            scheme=ColorScheme.DARK,
            font=WidgetFont.SERIF,
            accent="#884400",
            radius_px=6,
        ),
    ),
)


def test_a_partner_is_read_as_it_was_decided(db: Database) -> None:
    partner = create_partner(db, DRAFT)
    assert partner.origins == ("https://gazette.example", "https://www.gazette.example")
    assert (partner.name, partner.defaults, partner.is_paused) == (
        DRAFT.name,
        DRAFT.defaults,
        False,
    )
    assert get_partner(db, partner.id) == find_partner(db, partner.key) == partner


def test_partners_are_listed_by_name(db: Database) -> None:
    names = ["Test B", "Test A", "Test C"]
    for name in names:
        create_partner(db, replace(DRAFT, name=name))
    assert [partner.name for partner in list_partners(db)] == sorted(names)
    assert len({partner.key for partner in list_partners(db)}) == len(names)


def test_what_was_decided_is_replaced_and_the_key_stays(db: Database) -> None:
    partner = create_partner(db, DRAFT)
    add_counts(db, {(partner.id, CountKind.VIEW): 12})
    draft = PartnerDraft(name="Test Courier", origins=("https://courier.example",))
    changed = update_partner(db, partner.id, draft)
    assert (changed.name, changed.origins) == (draft.name, draft.origins)
    assert changed.defaults == WidgetDefaults()
    assert changed.key == partner.key
    assert list_counts(db, partner.id)


def test_a_rotated_key_is_unknown_at_once(db: Database) -> None:
    partner = create_partner(db, DRAFT)
    changed = rotate_key(db, partner.id)
    assert find_partner(db, partner.key) is None
    assert find_partner(db, changed.key) == replace(partner, key=changed.key)


def test_a_partner_is_paused_and_shown_again(db: Database) -> None:
    partner = create_partner(db, DRAFT)
    assert set_paused(db, partner.id, True) == replace(partner, is_paused=True)
    assert set_paused(db, partner.id, False) == partner


def test_a_partner_that_is_not_there_cannot_be_changed(db: Database) -> None:
    for change in (
        lambda: get_partner(db, 7),
        lambda: update_partner(db, 7, DRAFT),
        lambda: set_paused(db, 7, True),
        lambda: rotate_key(db, 7),
    ):
        with pytest.raises(NotFound):
            change()
    assert find_partner(db, "nobody") is None


@pytest.mark.parametrize(
    "change",
    [
        {"name": " "},
        {"name": "x" * 201},
        {"name": "a\x00b"},
        {"name": "Test Taken"},
        {"origins": ()},
        {"origins": ("https://*.example.org",)},
        {"origins": tuple(f"https://{n}.example.org" for n in range(MAX_ORIGINS + 1))},
        {"defaults": WidgetDefaults(topic="no; such")},
        {"defaults": WidgetDefaults(place="x" * 121)},
        {"defaults": WidgetDefaults(place="a\nb")},
        {"defaults": WidgetDefaults(look=Look(accent="red"))},
        {"defaults": WidgetDefaults(look=Look(accent="#12345G"))},
        {"defaults": WidgetDefaults(look=Look(accent="#123456\n"))},
        {"defaults": WidgetDefaults(look=Look(radius_px=25))},
        {"defaults": WidgetDefaults(look=Look(radius_px=-1))},
    ],
)
def test_what_cannot_be_used_is_refused_and_nothing_changes(
    db: Database, change: dict[str, object]
) -> None:
    create_partner(db, replace(DRAFT, name="Test Taken"))
    partner = create_partner(db, DRAFT)
    draft = replace(DRAFT, **{"name": "Test Other"} | change)
    with pytest.raises(InvalidPartner):
        create_partner(db, draft)
    with pytest.raises(InvalidPartner):
        update_partner(db, partner.id, draft)
    assert get_partner(db, partner.id) == partner
    assert len(list_partners(db)) == 2


def test_counts_are_of_weeks_and_small_ones_are_not_shown(db: Database) -> None:
    partner, other = create_partner(db, DRAFT), create_partner(db, replace(DRAFT, name="Test B"))
    monday, sunday, next_monday = date(2026, 12, 28), date(2027, 1, 3), date(2027, 1, 4)
    add_counts(db, {(partner.id, CountKind.VIEW): 9, (other.id, CountKind.VIEW): 500}, monday)
    assert list_counts(db, partner.id) == {"2026-W53": dict.fromkeys(CountKind)}
    add_counts(db, {(partner.id, CountKind.VIEW): 1, (partner.id, CountKind.CLICK): 9}, sunday)
    add_counts(db, {(partner.id, CountKind.OPEN): 10}, next_monday)
    add_counts(db, {(partner.id + 100, CountKind.OPEN): 10}, next_monday)
    assert list_counts(db, partner.id) == {
        "2027-W01": {CountKind.VIEW: None, CountKind.OPEN: 10, CountKind.CLICK: None},
        "2026-W53": {CountKind.VIEW: 10, CountKind.OPEN: None, CountKind.CLICK: None},
    }
    assert list(list_counts(db, partner.id)) == ["2027-W01", "2026-W53"]


def test_the_counts_hold_nothing_but_partner_week_kind_and_number(db: Database) -> None:
    columns = {column.name for column in db.table("partner_counts").columns}
    assert columns == {"partner_id", "week", "kind", "count"}


def test_a_count_is_shown_from_ten_on() -> None:
    assert [suppress(n) for n in (0, 1, 9, 10, 11)] == [None, None, None, 10, 11]


def test_a_week_is_that_of_iso_8601() -> None:
    assert week_of(date(2026, 11, 23)) == "2026-W48"
    assert week_of(date(2027, 1, 1)) == "2026-W53"
