from dataclasses import replace
from datetime import date

import pytest
from sqlite_utils import Database

from recommender.errors import EditConflict, InvalidPartner, NotAllowed, NotFound
from recommender.models import (
    ColorScheme,
    CountKind,
    FieldChange,
    Guide,
    Language,
    Look,
    PartnerDraft,
    Tag,
    TagKind,
    WidgetDefaults,
    WidgetFont,
    WidgetSize,
)
from recommender.store.accounts import get_account, set_disabled
from recommender.store.catalog import load_guides, load_tags
from recommender.store.partners import (
    MAX_ORIGINS,
    EventKind,
    add_counts,
    create_partner,
    find_partner,
    find_version,
    get_partner,
    has_topic,
    list_counts,
    list_counts_of_week,
    list_events,
    list_partners,
    rotate_key,
    set_paused,
    suppress,
    update_partner,
    week_of,
)
from tests.store.team import add_team

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
    partner = create_partner(db, DRAFT, by=None)
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
        create_partner(db, replace(DRAFT, name=name), by=None)
    assert [partner.name for partner in list_partners(db)] == sorted(names)
    assert len({partner.key for partner in list_partners(db)}) == len(names)


def test_what_was_decided_is_replaced_and_the_key_stays(db: Database) -> None:
    partner = create_partner(db, DRAFT, by=None)
    add_counts(db, {(partner.id, CountKind.VIEW): 12})
    draft = PartnerDraft(name="Test Courier", origins=("https://courier.example",))
    changed = update_partner(db, partner.id, draft, by=None)
    assert (changed.name, changed.origins) == (draft.name, draft.origins)
    assert changed.defaults == WidgetDefaults()
    assert changed.key == partner.key
    assert list_counts(db, partner.id)


def test_a_rotated_key_is_unknown_at_once(db: Database) -> None:
    partner = create_partner(db, DRAFT, by=None)
    changed = rotate_key(db, partner.id, by=None)
    assert find_partner(db, partner.key) is None
    assert find_partner(db, changed.key) == replace(partner, key=changed.key)


def test_a_partner_is_paused_and_shown_again(db: Database) -> None:
    partner = create_partner(db, DRAFT, by=None)
    assert set_paused(db, partner.id, True, by=None) == replace(partner, is_paused=True)
    assert set_paused(db, partner.id, False, by=None) == partner


def test_a_partner_that_is_not_there_cannot_be_changed(db: Database) -> None:
    for change in (
        lambda: get_partner(db, 7),
        lambda: update_partner(db, 7, DRAFT, by=None),
        lambda: set_paused(db, 7, True, by=None),
        lambda: rotate_key(db, 7, by=None),
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
    create_partner(db, replace(DRAFT, name="Test Taken"), by=None)
    partner = create_partner(db, DRAFT, by=None)
    draft = replace(DRAFT, **{"name": "Test Other"} | change)
    with pytest.raises(InvalidPartner):
        create_partner(db, draft, by=None)
    with pytest.raises(InvalidPartner):
        update_partner(db, partner.id, draft, by=None)
    assert get_partner(db, partner.id) == partner
    assert len(list_partners(db)) == 2


@pytest.mark.parametrize(
    ("change", "field"),
    [
        ({"name": ""}, "name"),
        ({"name": "Test Taken"}, "name"),
        ({"origins": ("http://gazette.example",)}, "origins"),
        ({"defaults": WidgetDefaults(topic="No")}, "topic"),
        ({"defaults": WidgetDefaults(place="a\nb")}, "place"),
        ({"defaults": WidgetDefaults(look=Look(accent="red"))}, "accent"),
        ({"defaults": WidgetDefaults(look=Look(radius_px=25))}, "radius_px"),
    ],
)
def test_a_refusal_names_what_it_is_about(
    db: Database, change: dict[str, object], field: str
) -> None:
    create_partner(db, replace(DRAFT, name="Test Taken"), by=None)
    with pytest.raises(InvalidPartner) as refused:
        create_partner(db, replace(DRAFT, **change), by=None)
    assert refused.value.field == field


def test_a_widget_is_about_a_guide_or_what_people_need_and_who_they_are(db: Database) -> None:
    load_tags(
        db,
        [
            Tag(kind=kind, slug=f"test-{kind}", label_en="A", label_es="A")
            for kind in (*TagKind, "topics")
        ],
    )
    load_guides(
        db,
        [
            Guide(
                slug="test-guide",
                title_en="A",
                title_es="A",
                intro_en="A",
                intro_es="A",
                key_facts=(),
                ways_to_help_en=(),
                ways_to_help_es=(),
                topics=("test-topics",),
                query_en="a",
                query_es="a",
            )
        ],
    )
    slugs = ["test-guide", *(f"test-{kind}" for kind in (*TagKind, "topics")), "", "' OR 1"]
    assert [slug for slug in slugs if has_topic(db, slug)] == [
        "test-guide",
        "test-services",
        "test-populations",
        "test-communities",
    ]


# --- Who may, and what is remembered -----------------------------------------------------


def test_only_an_administrator_changes_partners(db: Database) -> None:
    team = add_team(db)
    partner = create_partner(db, DRAFT, by=team.admin)
    gone = get_account(db, "admin@example.org")
    for by in (team.editor, team.reviewer, team.admin, 999):
        if by == team.admin:
            set_disabled(db, gone, True)
        for change in (
            lambda by: create_partner(db, replace(DRAFT, name="Test Other"), by=by),
            lambda by: update_partner(db, partner.id, replace(DRAFT, name="Test Other"), by=by),
            lambda by: set_paused(db, partner.id, True, by=by),
            lambda by: rotate_key(db, partner.id, by=by),
        ):
            with pytest.raises(NotAllowed):
                change(by)
    assert list_partners(db) == [partner]
    assert [event.kind for event in list_events(db, partner.id)] == [EventKind.ADD]


def test_every_change_is_remembered_with_who_and_what(db: Database) -> None:
    admin = add_team(db).admin
    partner = create_partner(db, DRAFT, by=admin)
    other = create_partner(db, replace(DRAFT, name="Test B"), by=None)
    draft = replace(DRAFT, name="Test Courier", origins=("https://courier.example",))
    look = replace(DRAFT.defaults.look, radius_px=0)
    draft = replace(draft, defaults=replace(DRAFT.defaults, look=look))
    update_partner(db, partner.id, draft, by=admin)
    set_paused(db, partner.id, True, by=admin)
    set_paused(db, partner.id, False, by=None)
    rotated = rotate_key(db, partner.id, by=admin)
    events = list_events(db, partner.id)
    assert [(event.kind, event.staff_name) for event in events] == [
        (EventKind.ROTATE, "Admin"),
        (EventKind.RESUME, "operator"),
        (EventKind.PAUSE, "Admin"),
        (EventKind.CHANGE, "Admin"),
        (EventKind.ADD, "Admin"),
    ]
    assert events[0].changes == (FieldChange(field="key", before=partner.key, after=rotated.key),)
    assert events[3].changes == (
        FieldChange(field="name", before="Test Gazette", after="Test Courier"),
        FieldChange(
            field="origins",
            before="https://gazette.example https://www.gazette.example",
            after="https://courier.example",
        ),
        FieldChange(field="radius_px", before="6", after="0"),
    )
    assert events[1].changes == events[4].changes == ()
    assert [event.staff_name for event in list_events(db, other.id)] == ["operator"]


def test_what_changes_nothing_is_no_event(db: Database) -> None:
    partner = create_partner(db, DRAFT, by=None)
    assert update_partner(db, partner.id, DRAFT, by=None) == partner
    assert set_paused(db, partner.id, False, by=None) == partner
    assert len(list_events(db, partner.id)) == 1


def test_nobody_overwrites_what_they_have_not_seen(db: Database) -> None:
    partner = create_partner(db, DRAFT, by=None)
    seen = find_version(db, partner.id)
    first = replace(DRAFT, name="Test First")
    update_partner(db, partner.id, first, by=None, expected=seen)
    with pytest.raises(EditConflict):
        update_partner(db, partner.id, replace(DRAFT, name="Test Second"), by=None, expected=seen)
    assert get_partner(db, partner.id).name == "Test First"
    assert find_version(db, partner.id) > seen
    assert find_version(db, 999) == 0


# --- Counts ------------------------------------------------------------------------------


def test_counts_are_of_weeks_and_small_ones_are_not_shown(db: Database) -> None:
    partner, other = (
        create_partner(db, DRAFT, by=None),
        create_partner(db, replace(DRAFT, name="Test B"), by=None),
    )
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
    assert list_counts_of_week(db, "2026-W53") == {
        partner.id: {CountKind.VIEW: 10, CountKind.OPEN: None, CountKind.CLICK: None},
        other.id: {CountKind.VIEW: 500, CountKind.OPEN: None, CountKind.CLICK: None},
    }
    assert list_counts_of_week(db, "2026-W01") == {}


def test_the_counts_hold_nothing_but_partner_week_kind_and_number(db: Database) -> None:
    columns = {column.name for column in db.table("partner_counts").columns}
    assert columns == {"partner_id", "week", "kind", "count"}


def test_a_count_is_shown_from_ten_on() -> None:
    assert [suppress(n) for n in (0, 1, 9, 10, 11)] == [None, None, None, 10, 11]


def test_a_week_is_that_of_iso_8601() -> None:
    assert week_of(date(2026, 11, 23)) == "2026-W48"
    assert week_of(date(2027, 1, 1)) == "2026-W53"
