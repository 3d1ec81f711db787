"""The desk's partners: added, changed, paused and given new keys, with their weekly counts."""

from __future__ import annotations

import re
from collections.abc import Iterator
from dataclasses import replace
from datetime import UTC, date, datetime, timedelta
from html import unescape
from pathlib import Path
from typing import Any

import pytest
from flask import Flask

from recommender import store
from recommender.config import Settings
from recommender.errors import InvalidPartner
from recommender.models import (
    ColorScheme,
    CountKind,
    Language,
    Look,
    Partner,
    PartnerDraft,
    WidgetDefaults,
    WidgetFont,
    WidgetSize,
)
from recommender.store.accounts import Role
from recommender.store.partners import (
    add_counts,
    create_partner,
    find_version,
    get_partner,
    list_events,
    list_partners,
    set_paused,
    update_partner,
)
from recommender.web.desk.partners import list_weeks, read_origins, show_form
from recommender.web.headers import SHOWCASE
from tests.web.desk import DeskClient, sign_in
from tests.web.desk.shelves import make_app

DRAFT = PartnerDraft(
    name="Test Gazette",
    origins=("https://gazette.example",),
    defaults=WidgetDefaults(
        topic="legal-services",
        place="Portland, ME",
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
TODAY = datetime.now(UTC).date()


@pytest.fixture(scope="module")
def app(tmp_path_factory: pytest.TempPathFactory, small_site: Settings) -> Flask:
    folder: Path = tmp_path_factory.mktemp("partners")
    return make_app(small_site, folder)


@pytest.fixture
def db(app: Flask) -> Iterator[store.Database]:
    db = store.connect(app.config["WAYMARK"].database)
    db.execute("DELETE FROM partners")
    yield db
    db.close()


@pytest.fixture
def partner(db: store.Database) -> Partner:
    return create_partner(db, DRAFT, by=None)


@pytest.fixture(scope="module")
def admin(app: Flask) -> DeskClient:
    return sign_in(app, Role.ADMIN)


@pytest.fixture(scope="module")
def editor(app: Flask) -> DeskClient:
    return sign_in(app, Role.EDITOR)


def form_of(partner: Partner, **changes: Any) -> dict[str, Any]:
    return {**show_form(partner), **changes}


def path(partner: Partner, rest: str = "") -> str:
    return f"/staff/partners/{partner.id}{rest}"


def codes_in(text: str) -> dict[str, str]:
    found = re.findall(r'<textarea[^>]*id="code-(\w+)"[^>]*>\n(.*?)</textarea>', text, re.DOTALL)
    return {name: unescape(code) for name, code in found}


# --- Looking -----------------------------------------------------------------------------


def test_nobody_is_a_partner_at_first(db: store.Database, editor: DeskClient) -> None:
    text = editor.get("/staff/partners").text
    assert "No partner yet" in text
    assert "/staff/partners/new" not in text


def test_the_list_has_every_partner_with_this_weeks_counts(
    db: store.Database, partner: Partner, editor: DeskClient
) -> None:
    other = create_partner(db, replace(DRAFT, name="Test Courier"), by=None)
    set_paused(db, other.id, True, by=None)
    add_counts(db, {(partner.id, CountKind.VIEW): 1234, (partner.id, CountKind.OPEN): 9})
    add_counts(db, {(other.id, CountKind.VIEW): 7_777}, TODAY - timedelta(days=7))
    text = editor.get("/staff/partners").text
    rows = re.findall(r"<tr>\s*<th scope=\"row\">.*?</tr>", text, re.DOTALL)
    assert len(rows) == 2
    assert "Test Courier" in rows[0]
    assert "Paused" in rows[0]
    assert rows[0].count("under 10") == 3
    assert re.findall(r'<td data-label="(?:Views|Opens|Click-outs)"[^>]*>(.*?)</td>', rows[1]) == [
        "1,234",
        "under 10",
        "under 10",
    ]
    assert "7,777" not in text


def test_an_editor_looks_and_changes_nothing(
    db: store.Database, partner: Partner, editor: DeskClient
) -> None:
    page = editor.get(path(partner))
    assert page.status_code == 200
    assert f"{path(partner)}/" not in page.text
    for rest in ("/edit", "/pause", "/resume", "/key"):
        assert editor.submit(path(partner, rest), **form_of(partner)).status_code == 403
    assert editor.submit("/staff/partners/new", **form_of(partner, name="X")).status_code == 403
    assert list_partners(db) == [partner]


def test_a_partner_that_is_not_there_is_not_found(db: store.Database, admin: DeskClient) -> None:
    for rest in ("", "/edit"):
        assert admin.get(f"/staff/partners/99{rest}").status_code == 404
    for rest in ("pause", "resume"):
        assert admin.submit(f"/staff/partners/99/{rest}").status_code == 404
    assert admin.submit("/staff/partners/99/key", confirm="yes").status_code == 404


# --- The code and the preview ------------------------------------------------------------


def test_the_code_is_the_partners_own(partner: Partner, editor: DeskClient) -> None:
    codes = codes_in(editor.get(path(partner)).text)
    script, exact, frame, policy = (codes[key] for key in ("script", "exact", "frame", "policy"))
    assert script.startswith(
        '<script async referrerpolicy="no-referrer" src="http://localhost/widget/v1.js"'
        f' data-partner="{partner.key}"'
        ' data-lang="es"></script>\n<a href="http://localhost/es/directory?'
    )
    # What is copied is HTML, with its own characters escaped.
    assert "service=legal-services&amp;state=ME" in script
    assert re.match(
        r'<script async [^>]*src="http://localhost/widget/1\.\d+\.\d+\.js" integrity="sha384-',
        exact,
    )
    assert f'data-partner="{partner.key}"' in exact
    assert f'src="http://localhost/es/embed/{partner.key}"' in frame
    assert policy == "script-src http://localhost; frame-src http://localhost"


def test_the_preview_is_the_real_frame_with_what_is_set(
    partner: Partner, editor: DeskClient
) -> None:
    page = editor.get(path(partner))
    assert page.headers["Content-Security-Policy"] == SHOWCASE["Content-Security-Policy"]
    (address,) = re.findall(r'<iframe src="([^"]*)"', page.text)
    assert address == (
        "/es/embed/preview?topic=legal-services&amp;place=Portland,+ME&amp;size=large"
        "&amp;theme=dark&amp;font=serif&amp;accent=%23884400&amp;radius=6"
    )
    frame = editor.get(address.replace("&amp;", "&"))
    assert frame.status_code == 200
    assert frame.headers["Content-Security-Policy"].endswith("frame-ancestors http://localhost")
    assert "/widget/look/884400-6.css" in frame.text


# --- Counts ------------------------------------------------------------------------------


def test_without_counts_there_is_no_picture(partner: Partner, editor: DeskClient) -> None:
    text = editor.get(path(partner)).text
    assert "Nothing was counted yet." in text
    assert "chart-columns" not in text


def test_counts_are_drawn_and_told_and_small_ones_are_not(
    db: store.Database, partner: Partner, editor: DeskClient
) -> None:
    three_weeks_ago = TODAY - timedelta(weeks=3)
    add_counts(db, {(partner.id, CountKind.VIEW): 4321, (partner.id, CountKind.OPEN): 7})
    add_counts(db, {(partner.id, CountKind.VIEW): 1357}, three_weeks_ago)
    text = editor.get(path(partner)).text
    pictures = re.findall(r"<svg class=\"chart chart-columns\".*?</svg>", text, re.DOTALL)
    assert len(pictures) == 3
    views, opens, clicks = pictures
    assert re.findall(r'class="chart-value"[^>]*>(.*?)<', views) == [
        "1,357",
        "&lt;10",
        "&lt;10",
        "4,321",
    ]
    heights = [float(height) for height in re.findall(r'height="([\d.]+)"/>', views)]
    assert heights[1:3] == [0, 0]
    assert heights[0] == pytest.approx(heights[3] * 1357 / 4321, abs=0.1)
    for picture in (opens, clicks):
        assert re.findall(r'class="chart-value"[^>]*>(.*?)<', picture) == ["&lt;10"] * 4
        assert set(re.findall(r'height="([\d.]+)"/>', picture)) == {"0.0"}
    (table,) = re.findall(r'<table class="chart-table.*?</table>', text, re.DOTALL)
    assert len(re.findall("<tr>", table)) == 5
    assert table.count("under 10") == 10
    assert "so far" in table


def test_weeks_run_from_the_first_counted_to_this_one() -> None:
    today = date(2027, 1, 6)
    assert list_weeks({}, today) == []
    some = dict.fromkeys(CountKind) | {CountKind.VIEW: 12}
    weeks = list_weeks({"2026-W52": some}, today)
    assert [week.monday for week in weeks] == [
        date(2027, 1, 4),
        date(2026, 12, 28),
        date(2026, 12, 21),
    ]
    assert weeks[-1].counts == some
    assert weeks[0].counts == dict.fromkeys(CountKind)
    assert len(list_weeks({"2020-W01": some}, today)) == 26


# --- Adding and changing -----------------------------------------------------------------


def test_a_partner_is_added_with_all_that_was_typed(db: store.Database, admin: DeskClient) -> None:
    assert admin.get("/staff/partners/new").status_code == 200
    form = {
        "name": " Test Gazette ",
        "origins": "https://gazette.example/\r\n\r\n HTTPS://www.Gazette.example:443 \r\n",
        "topic": "test-guide",
        "place": "Portland, ME",
        "language": "es",
        "size": "small",
        "scheme": "light",
        "font": "sans",
        "accent": "88AA00",
        "radius_px": "24",
    }
    answer = admin.submit("/staff/partners/new", **form)
    assert answer.status_code == 303
    (made,) = list_partners(db)
    assert answer.headers["Location"] == f"{path(made)}?done=added"
    assert made.name == "Test Gazette"
    assert made.origins == ("https://gazette.example", "https://www.gazette.example")
    assert show_form(made) == {
        **form,
        "name": "Test Gazette",
        "origins": "https://gazette.example\nhttps://www.gazette.example",
        "accent": "#88aa00",
    }
    page = admin.get(answer.headers["Location"]).text
    assert "The partner is added." in page
    assert [event.staff_name for event in list_events(db, made.id)] == ["admin"]


@pytest.mark.parametrize(
    ("change", "field", "sentence"),
    [
        ({"name": "  "}, "name", "Please give the name."),
        ({"name": "Test Taken"}, "name", "of this name already"),
        ({"name": "x" * 201}, "name", "at most 200"),
        ({"origins": "\n"}, "origins", "at least one site"),
        (
            {"origins": "https://a.example\nhttp://b.example\n\nhttps://c.example/path"},
            "origins",
            "Line 2: &#39;http://b.example&#39; must begin with https://. Line 4: ",
        ),
        ({"origins": "https://*.gazette.example"}, "origins", "Line 1: "),
        ({"origins": "https://github.io"}, "origins", "shared by many sites"),
        ({"origins": "\n".join(f"https://n{n}.a.example" for n in range(21))}, "origins", "20"),
        ({"topic": "juggling"}, "topic", "no such topic"),
        ({"topic": "spanish"}, "topic", "no such topic"),
        ({"place": "Nowhere at all"}, "place", "We do not know"),
        ({"place": "12345678"}, "place", "We do not know"),
        ({"language": "fr"}, "language", "choose one"),
        ({"size": ""}, "size", "choose one"),
        ({"scheme": "pink"}, "scheme", "choose one"),
        ({"font": "comic"}, "font", "choose one"),
        ({"accent": "red"}, "accent", "six digits"),
        ({"accent": "#88440"}, "accent", "six digits"),
        ({"radius_px": "25"}, "radius_px", "from 0 to 24"),
        ({"radius_px": "-1"}, "radius_px", "from 0 to 24"),
        ({"radius_px": "٣"}, "radius_px", "from 0 to 24"),
    ],
)
def test_what_cannot_be_used_is_said_where_it_stands_and_kept(
    db: store.Database, admin: DeskClient, change: dict[str, str], field: str, sentence: str
) -> None:
    taken = create_partner(db, replace(DRAFT, name="Test Taken"), by=None)
    form = form_of(taken, name="Test Other") | change
    for where in ("/staff/partners/new", path(create_partner(db, DRAFT, by=None), "/edit")):
        answer = admin.submit(where, **form, expected=find_version(db, taken.id + 1))
        assert answer.status_code == 422
        name = field.replace("_", "-")
        assert f'href="#{name}"' in answer.text
        said = re.findall(rf'id="{name}-error">(.*?)</p>', answer.text, re.DOTALL)
        assert len(said) == 1
        assert sentence in said[0]
        if field == "origins":
            assert form["origins"].split("\n")[-1] in answer.text
    assert {one.name for one in list_partners(db)} == {"Test Taken", "Test Gazette"}


def test_odd_bytes_are_no_trouble(db: store.Database, admin: DeskClient) -> None:
    odd = {name: "\0\ud800".encode("utf-8", "surrogatepass") for name in form_of_nothing()}
    assert admin.submit("/staff/partners/new", **odd).status_code == 422
    assert admin.submit("/staff/partners/new").status_code == 422
    assert list_partners(db) == []


def form_of_nothing() -> dict[str, str]:
    return dict.fromkeys(("name", "origins", "topic", "place", "accent", "radius_px"), "")


def test_every_wrong_line_is_named() -> None:
    with pytest.raises(InvalidPartner) as refused:
        read_origins("x\nhttps://good.example\n\nhttps://co.uk")
    assert re.findall(r"Line (\d+)", str(refused.value)) == ["1", "4"]


def test_a_change_is_saved_and_remembered(
    db: store.Database, partner: Partner, admin: DeskClient
) -> None:
    page = admin.get(path(partner, "/edit")).text
    assert 'value="legal-services" selected' in page
    (version,) = re.findall(r'name="expected" value="(\d+)"', page)
    form = form_of(partner, origins="https://courier.example", accent="", expected=version)
    answer = admin.submit(path(partner, "/edit"), **form)
    assert answer.headers["Location"] == f"{path(partner)}?done=changed"
    changed = get_partner(db, partner.id)
    assert changed.origins == ("https://courier.example",)
    assert changed.key == partner.key
    history = admin.get(path(partner)).text.partition('id="history"')[2]
    assert "Changed" in history
    assert "<del>https://gazette.example</del> → <ins>https://courier.example</ins>" in history
    assert "<del>#884400</del>" in history


def test_two_who_change_it_at_once_lose_nothing(
    db: store.Database, partner: Partner, admin: DeskClient
) -> None:
    version = find_version(db, partner.id)
    update_partner(db, partner.id, replace(DRAFT, name="Test First"), by=None)
    mine = form_of(partner, name="Test Second")
    for expected in (version, "", "none"):
        answer = admin.submit(path(partner, "/edit"), **mine, expected=expected)
        assert answer.status_code == 409
        assert "<ins>Test First</ins>" in answer.text
        assert 'value="Test Second"' in answer.text
        assert get_partner(db, partner.id).name == "Test First"
    (now,) = re.findall(r'name="expected" value="(\d+)"', answer.text)
    assert admin.submit(path(partner, "/edit"), **mine, expected=now).status_code == 303
    assert get_partner(db, partner.id).name == "Test Second"


# --- Pausing and keys --------------------------------------------------------------------


def test_a_paused_widget_is_closed_until_it_is_resumed(
    app: Flask, partner: Partner, admin: DeskClient
) -> None:
    reader = app.test_client()
    frame = f"/embed/{partner.key}"
    assert reader.get(frame).status_code == 200
    done = admin.submit(path(partner, "/pause")).headers["Location"]
    assert "The widgets are paused." in admin.get(done).text
    assert reader.get(frame).status_code == 404
    assert "Show again" in admin.get(path(partner)).text
    done = admin.submit(path(partner, "/resume")).headers["Location"]
    assert "The widgets show again." in admin.get(done).text
    assert reader.get(frame).status_code == 200


def test_a_new_key_is_confirmed_and_stops_the_old_one(
    app: Flask, db: store.Database, partner: Partner, admin: DeskClient
) -> None:
    page = admin.get(path(partner)).text
    assert "loses its widget at once" in page
    unsure = admin.submit(path(partner, "/key"))
    assert unsure.status_code == 409
    assert get_partner(db, partner.id).key == partner.key
    done = admin.submit(path(partner, "/key"), confirm="yes").headers["Location"]
    key = get_partner(db, partner.id).key
    assert key != partner.key
    text = admin.get(done).text
    assert "the old one is unknown from now on" in text
    assert all(key in code for name, code in codes_in(text).items() if name != "policy")
    assert f"<del>{partner.key}</del> → <ins>{key}</ins>" in text
    reader = app.test_client()
    assert reader.get(f"/embed/{partner.key}").status_code == 404
    assert reader.get(f"/embed/{key}").status_code == 200


def test_a_topic_that_is_gone_is_told(
    db: store.Database, partner: Partner, admin: DeskClient
) -> None:
    defaults = WidgetDefaults(topic="long-gone")
    update_partner(db, partner.id, replace(DRAFT, defaults=defaults), by=None)
    assert "long-gone, which is no longer there" in admin.get(path(partner)).text
