"""The list of listings: what its address asks for, its views, and what is exported of it."""

from __future__ import annotations

import csv
import io
import re
import zipfile
from collections.abc import Callable
from dataclasses import replace
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import pytest
from flask import Flask

from recommender import store
from recommender.config import Settings
from recommender.importers import csv_file, hsds
from recommender.importers.plan import plan_import
from recommender.importers.rows import Origin
from recommender.index import BuildInputs, build_index, publish_generation, write_generation
from recommender.models import Location, Nonprofit, Status, Tag, Visibility
from recommender.store.accounts import Role
from recommender.store.catalog import load_nonprofits, set_status
from recommender.store.listings import list_nonprofits
from recommender.store.plans import Verdict
from recommender.store.revisions import create_listing
from recommender.store.workflow import assign
from tests.web.desk import DeskClient, sign_in
from tests.web.desk.shelves import make_app

LIST = "/staff/listings"
LAWYERS, CLINIC, HOUSE = "test-border-lawyers", "test-houston-clinic", "test-haitian-house"
SHELTER = "test-harbor-shelter"
TODAY = datetime.now(UTC).date().isoformat()
ORIGIN = Origin(source="Our own export", as_of=TODAY[:7])


@pytest.fixture
def app(tmp_path: Path, bare_site: Settings) -> Flask:
    """The test catalogue, to be changed."""
    return make_app(bare_site, tmp_path)


@pytest.fixture
def editor(app: Flask) -> DeskClient:
    return sign_in(app, Role.EDITOR)


def change(app: Flask, *actions: Callable[..., Any]) -> None:
    """Do things to the store of an application."""
    db = store.connect(app.config["WAYMARK"].database)
    try:
        for action in actions:
            action(db)
    finally:
        db.close()


def shown(client: DeskClient, query: str = "") -> list[str]:
    """The slugs of the rows of a list, in its order."""
    source = client.page(f"{LIST}?{query}").source
    return re.findall(r'name="slug" value="([^"]+)"', source)


def chips(client: DeskClient, query: str) -> dict[str, str]:
    """What is narrowed in words, and where taking it away leads."""
    source = client.page(f"{LIST}?{query}").source
    (listed,) = re.findall(r'<ul class="narrowed".*?</ul>', source, re.DOTALL) or [""]
    found = re.findall(r'<a href="([^"]+)"><span class="hidden">Remove: </span>(.*?)<', listed)
    return {label: address.replace("&amp;", "&") for address, label in found}


# --- What the address asks for -----------------------------------------------------------


def test_the_address_narrows(app: Flask, editor: DeskClient) -> None:
    change(
        app,
        lambda db: set_status(db, CLINIC, Status.DRAFT),
        lambda db: set_status(db, HOUSE, Status.DUE),
        lambda db: assign(db, HOUSE, editor.account.id, by=editor.account.id),
        lambda db: db.execute(
            "UPDATE nonprofits SET verified_on = '2026-02-03' WHERE slug = ?", [HOUSE]
        ),
    )
    assert len(shown(editor)) == 12
    assert shown(editor, "q=border+law") == [LAWYERS]
    assert shown(editor, "status=draft&status=due") == [HOUSE, CLINIC]
    assert shown(editor, "state=TX&sort=place") == [LAWYERS, CLINIC]
    assert shown(editor, "service=health-care&state=TX") == [CLINIC]
    assert shown(editor, "basis=name") == ["test-unknown-circle"]
    assert shown(editor, "thin=1&basis=name&status=published") == ["test-unknown-circle"]
    assert shown(editor, "thin=1&service=legal-services") == []
    assert shown(editor, "assignee=me") == [HOUSE]
    assert shown(editor, f"assignee={editor.account.id}") == [HOUSE]
    assert HOUSE not in shown(editor, "assignee=nobody")
    assert HOUSE not in shown(editor, "never=1")
    assert HOUSE not in shown(editor, "before=2026-02-03")
    assert HOUSE in shown(editor, "before=2026-02-04")
    assert shown(editor, "pending=1") == []
    assert shown(sign_in(app, Role.REVIEWER), "assignee=me") == []


@pytest.mark.parametrize(
    "query",
    [
        "status=nonsense&state=ZZ&service=no-such&basis=x&sort=up&thin=2&page=abc&before=tomorrow",
        "assignee=999&assignee=x&before=2026-02-31&before=0000-00-00&never=&alike=0",
        "page=0&page=-1&q=%20&q=%00",
        "q=" + "%C3%A9" * 3000 + "&" + "status=x&" * 1000,
        "assignee=%D9%A3&page=%D9%A3&before=20260203",
    ],
)
def test_what_is_misspelt_is_not_asked_for(reader: DeskClient, query: str) -> None:
    response = reader.get(f"{LIST}?{query}")
    assert response.status_code == 200
    if "%C3" not in query:
        assert len(shown(reader, query)) == 12
        assert chips(reader, query) == {}


def test_what_is_narrowed_can_be_taken_away(reader: DeskClient) -> None:
    found = chips(reader, "q=law&state=TX&state=ME&never=1&sort=edited&assignee=me&page=3")
    assert list(found) == [
        "“law”",
        "Office in Texas",
        "Office in Maine",
        "Given to you",
        "Never checked with the group",
    ]
    rest = "q=law&state=ME&assignee=me&never=1&sort=edited"
    assert found["Office in Texas"] == f"{LIST}?{rest}"
    parts = ["before=2026-02-03", "alike=1", "basis=name", "status=in-review", "service=housing"]
    assert chips(reader, "&".join(parts)) == chips(reader, "&".join(reversed(parts)))
    assert len(chips(reader, "&".join(parts))) == len(parts)


def test_each_choice_says_what_it_would_find(reader: DeskClient) -> None:
    source = reader.page(f"{LIST}?q=test&state=TX").source
    for name, value, label, n in (
        ("state", "TX", "Texas", 2),
        ("state", "ME", "Maine", 2),
        ("service", "health-care", "Health care", 1),
        ("service", "housing", "Housing", 0),
        ("status", "published", "Published", 2),
    ):
        choice = re.search(rf'name="{name}" value="{value}".*?</label>', source, re.DOTALL)
        assert choice is not None, value
        assert f"<span>{label}</span>" in choice[0]
        assert f"</span>{n}<" in choice[0], (value, choice[0])


def test_columns_put_the_list_in_order(reader: DeskClient) -> None:
    page = reader.page(f"{LIST}?state=TX&state=ME&sort=place")
    assert f"{LIST}?state=TX&state=ME&sort=checked" in page.links
    assert page.source.count('aria-sort="ascending"') == 1
    assert 'aria-sort="descending"' in reader.page(f"{LIST}?sort=edited").source
    assert "aria-sort" not in reader.page(f"{LIST}?q=law").source


def test_an_empty_list_says_what_to_do(reader: DeskClient) -> None:
    source = reader.page(f"{LIST}?q=zzyzx&status=draft").source
    assert "Try fewer words" in source
    assert "Take away one of the conditions above" in source
    assert "listings.csv" not in source
    assert "Try fewer words" not in reader.page(f"{LIST}?status=merged").source


def test_pages_keep_what_is_asked_for(reader: DeskClient) -> None:
    beyond = reader.page(f"{LIST}?q=test&page=7")
    assert "This page is beyond the last one" in beyond.source
    assert f"{LIST}?page=1&q=test" in beyond.links


# --- Look-alikes -------------------------------------------------------------------------


def test_look_alikes_of_what_is_published_and_of_drafts(
    app: Flask,
    editor: DeskClient,
    make_nonprofit: Callable[..., Nonprofit],
    taxonomy: tuple[Tag, ...],
) -> None:
    assert shown(editor, "alike=1") == []
    twins = [
        make_nonprofit(name, "Houston, TX", summary_en=text, summary_es="", services=(service,))
        for name, text, service in (
            ("Test Lamp Circle", "Lends lamps.", "housing"),
            ("Test Lamps Circle", "Teaches chess.", "youth-education"),
            ("Zither Society", "Plays the zither.", "health-care"),
        )
    ]
    draft = replace(
        twins[2], slug="zither-society-2", name="The Zither Society, Inc.", status=Status.DRAFT
    )
    change(
        app,
        lambda db: load_nonprofits(db, twins),
        lambda db: create_listing(db, draft, by=editor.account.id),
    )
    index = build_index(BuildInputs(nonprofits=twins, tags=taxonomy))
    root = app.config["WAYMARK"].index
    publish_generation(root, write_generation(index, root))
    slugs = ["test-lamp-circle", "test-lamps-circle", draft.slug, twins[2].slug]
    assert shown(editor, "alike=1") == slugs
    source = editor.page(f"{LIST}?alike=1&q=society").source
    assert "Has a similar name and a similar description as" in source
    assert "Houston, TX, no EIN" in source
    assert shown(editor, "alike=1&q=chess") == ["test-lamps-circle"]
    change(app, lambda db: set_status(db, "test-lamp-circle", Status.WITHDRAWN))
    assert shown(editor, "alike=1") == [draft.slug, twins[2].slug]
    change(app, lambda db: set_status(db, draft.slug, Status.ARCHIVED))
    assert shown(editor, "alike=1") == []


# --- Views -------------------------------------------------------------------------------


def test_views_are_kept_renamed_and_deleted(app: Flask, editor: DeskClient) -> None:
    kept = editor.submit("/staff/views", name=" Thin \n ones ", query="page=4&thin=1&state=TX&x=1")
    assert (kept.status_code, kept.headers["Location"]) == (303, f"{LIST}?state=TX&thin=1")
    page = editor.page(f"{LIST}?thin=1&state=TX")
    assert re.search(r'<a href="[^"]+" aria-current="page">Thin ones</a>', page.source)
    assert "Office in Texas, Thin" in editor.page("/staff/views").source
    assert ">Thin ones</a>" not in sign_in(app, Role.REVIEWER).page(LIST).source

    form = {"name": "Thin ones", "to": "Texas"}
    assert editor.submit("/staff/views/change", **form).headers["Location"].endswith("=renamed")
    assert editor.submit("/staff/views/change", **form).status_code == 404
    assert editor.submit("/staff/views/change", name="Texas", to=" ").status_code == 409
    assert "Texas" in editor.page("/staff/views").source
    editor.submit("/staff/views/change", name="Texas", delete="1")
    assert "You have kept none yet" in editor.page("/staff/views").source


def test_every_view_that_all_have_works(reader: DeskClient) -> None:
    page = reader.page(LIST)
    (nav,) = re.findall(r'<nav class="desk-views".*?</nav>', page.source, re.DOTALL)
    addresses = [a.replace("&amp;", "&") for a in re.findall(r'href="([^"]+)"', nav)]
    assert len(addresses) == 6
    for address in addresses:
        # What is told in words leads back to the very view: nothing of it was misspelt.
        shown_at = reader.page(address)
        assert f'<a href="{address.replace("&", "&amp;")}" aria-current="page">' in shown_at.source


@pytest.mark.parametrize(
    "query", ["%00", "status=" + "x" * 9000, "a=1&" * 3000, "%FF%FE=1", "q=%ED%A0%80"]
)
def test_a_view_of_nonsense_is_a_view_of_all(reader: DeskClient, query: str) -> None:
    response = reader.submit("/staff/views", name="Odd", query=query)
    assert response.status_code == 303
    assert reader.get(response.headers["Location"]).status_code == 200


# --- Export ------------------------------------------------------------------------------


def download(client: DeskClient, path: str) -> bytes:
    response = client.get(path)
    assert response.status_code == 200
    name = f"waymark-listings-{TODAY}.{'csv' if '.csv' in path else 'hsds.zip'}"
    assert response.headers["Content-Disposition"] == f"attachment; filename={name}"
    assert response.headers["Cache-Control"] == "no-store"
    return response.data


def rows_of(content: bytes) -> list[dict[str, str]]:
    assert content.startswith(b"\xef\xbb\xbf")
    return list(csv.DictReader(io.StringIO(content.decode("utf-8-sig"), newline="")))


def test_a_spreadsheet_holds_every_page_of_what_is_shown(app: Flask, editor: DeskClient) -> None:
    change(app, lambda db: set_status(db, CLINIC, Status.DRAFT))
    rows = rows_of(download(editor, "/staff/listings.csv?sort=name"))
    assert [row["slug"] for row in rows] == shown(editor)
    narrowed = rows_of(download(editor, "/staff/listings.csv?state=TX&sort=place&page=9"))
    assert [(row["slug"], row["ein"], row["zip"]) for row in narrowed] == [
        (LAWYERS, "000000001", "78520"),
        (CLINIC, "", "77002"),
    ]
    assert rows_of(download(editor, "/staff/listings.csv?q=zzyzx")) == []


def test_nothing_in_a_spreadsheet_is_run(app: Flask, editor: DeskClient) -> None:
    evil = '=HYPERLINK("https://evil.example";"x")'
    change(app, lambda db: db.execute("UPDATE nonprofits SET name = ?, serves = '@SUM(1)'", [evil]))
    rows = rows_of(download(editor, "/staff/listings.csv"))
    assert {(row["name"], row["serves"]) for row in rows} == {("'" + evil, "'@SUM(1)")}


def test_no_export_holds_what_is_not_to_be_shown_of_a_place(
    app: Flask, editor: DeskClient, make_nonprofit: Callable[..., Nonprofit]
) -> None:
    place = {"zip": "73301", "latitude": 30.11112, "longitude": -97.22223}
    spots = [
        Location(city="Citytown", state="TX", visibility=Visibility.CITY, **place),
        Location(
            city="Hiddentown", state="TX", visibility=Visibility.HIDDEN, primary=False, **place
        ),
    ]
    first = make_nonprofit("Test Careful", locations=tuple(spots), notes="Do not print.")
    other = make_nonprofit("Test Secret", locations=(replace(spots[1], primary=True),))
    change(app, lambda db: load_nonprofits(db, [first, other]))
    sheet = download(editor, "/staff/listings.csv?q=test").decode()
    with zipfile.ZipFile(io.BytesIO(download(editor, "/staff/listings.zip?q=test"))) as archive:
        package = "".join(archive.read(name).decode() for name in archive.namelist())
    for export in (sheet, package):
        assert "Citytown" in export
        assert "Test Secret" in export
        for secret in ("Hiddentown", "73301", "30.111", "97.222", "Do not print"):
            assert secret not in export


def test_a_package_holds_what_anybody_may_see(app: Flask, editor: DeskClient) -> None:
    states = {LAWYERS: Status.WITHDRAWN, CLINIC: Status.DO_NOT_LIST, HOUSE: Status.STALE}
    states |= {SHELTER: Status.DRAFT}
    for slug, status in states.items():
        change(app, lambda db, slug=slug, status=status: set_status(db, slug, status))
    content = download(editor, "/staff/listings.zip")
    with zipfile.ZipFile(io.BytesIO(content)) as archive:
        table = archive.read("organizations.csv").decode()
    names = {row["name"] for row in csv.DictReader(io.StringIO(table, newline=""))}
    assert len(names) == 9
    assert "Test Haitian House" in names
    assert names.isdisjoint({"Test Border Lawyers", "Test Houston Clinic", "Test Harbor Shelter"})


def test_many_are_read_in_parts(
    app: Flask, editor: DeskClient, crowd: tuple[Nonprofit, ...], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("recommender.web.desk.listings.EXPORTED_AT_ONCE", 7)
    change(app, lambda db: load_nonprofits(db, crowd))
    rows = rows_of(download(editor, "/staff/listings.csv?q=group"))
    assert sorted(row["slug"] for row in rows) == sorted(one.slug for one in crowd)
    monkeypatch.setattr("recommender.web.desk.listings.MAX_EXPORTED", 10)
    assert len(rows_of(download(editor, "/staff/listings.csv?q=group"))) == 10


@pytest.mark.parametrize(("ending", "reader"), [("csv", csv_file), ("zip", hsds)])
def test_an_own_export_changes_nothing(
    app: Flask, editor: DeskClient, tmp_path: Path, ending: str, reader: Any
) -> None:
    change(
        app,
        lambda db: db.execute("UPDATE nonprofits SET slug = 'renamed' WHERE slug = ?", [HOUSE]),
        lambda db: db.execute("UPDATE nonprofits SET website = 'https://a.example/b/'"),
        lambda db: db.execute("UPDATE nonprofits SET ein = '012345678' WHERE slug = ?", [CLINIC]),
    )
    path = tmp_path / f"own.{ending}"
    path.write_bytes(download(editor, f"/staff/listings.{ending}"))
    db = store.connect(app.config["WAYMARK"].database)
    plan = plan_import(db, reader.read_incoming(path, ORIGIN))
    db.close()
    assert [(row.slug, row.verdict) for row in plan.rows if row.verdict != "unchanged"] == []
    assert plan.counts[Verdict.UNCHANGED] == 12


def test_the_whole_directory_comes_back_unchanged(directory: Settings, tmp_path: Path) -> None:
    path = tmp_path / "own.csv"
    db = store.connect(directory.database)
    listings = list_nonprofits(db, Status)
    path.write_text("\ufeff" + "".join(csv_file.export_csv(listings)), encoding="utf-8", newline="")
    counts = plan_import(db, csv_file.read_incoming(path, ORIGIN)).counts
    db.close()
    assert counts[Verdict.UNCHANGED] == len(listings) > 1_000
