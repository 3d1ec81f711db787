"""Imports at the desk: brought, mapped, compared, chosen, written and undone through the pages."""

from __future__ import annotations

import csv
import io
import re
import shutil
import zipfile
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from flask import Flask
from werkzeug.test import TestResponse

from app import create_app
from recommender import store
from recommender.config import ROOT, Settings
from recommender.importers import plan
from recommender.importers.hsds import export_package
from recommender.models import Nonprofit, Status, Tag
from recommender.store.accounts import Role
from recommender.store.catalog import list_nonprofits, list_tags, load_nonprofits, load_tags
from recommender.store.imports import ImportState, claim_import, get_import, move_import
from recommender.web.desk.imports import MAX_UPLOAD_BYTES, clean_name
from tests.data_folder import FakeGazetteer
from tests.importers.bmf import make_row, write_bmf
from tests.importers.test_irs_990 import make_return
from tests.web.client import PageClient
from tests.web.desk import OWN_FORM, DeskClient, sign_in

TIMEOUT_S = 20
SPANISH = (
    "Organización;Correo;Ciudad;Estado;Ingresos\r\n"
    "Test Niñez Unida;a@example.org;Bangor;Maine;1.200\r\n"
    "=Test Fórmula;b@example.org;Bangor;Maine;900\r\n"
    ";c@example.org;Bangor;Maine;900\r\n"
    "Test Border Lawyers;d@example.org;Brownsville;TX;700\r\n"
).encode("latin-1")


@pytest.fixture(scope="module")
def app(
    tmp_path_factory: pytest.TempPathFactory,
    catalogue: tuple[Nonprofit, ...],
    taxonomy: tuple[Tag, ...],
) -> Flask:
    instance = tmp_path_factory.mktemp("imports")
    settings = Settings(instance=instance, data=ROOT / "data", secret_key="test-key " * 8)
    db = store.connect(settings.database)
    store.migrate(db)
    load_tags(db, taxonomy)
    load_nonprofits(db, catalogue)
    db.close()
    app = create_app(settings)
    app.test_client_class = PageClient
    return app


@pytest.fixture(autouse=True)
def db(app: Flask, monkeypatch: pytest.MonkeyPatch) -> Iterator[store.Database]:
    """The store as it was at first: without imports, and without what they brought."""
    monkeypatch.setattr("recommender.web.desk.imports.open_gazetteer", lambda _: FakeGazetteer())
    assert "imports" not in app.extensions or app.extensions["imports"].wait(TIMEOUT_S)
    db = store.connect(app.config["WAYMARK"].database)
    for table in ("imports", "import_mappings", "revisions"):
        db.execute(f"DELETE FROM {table}")
    db.execute("DELETE FROM nonprofits WHERE status = 'imported'")
    db.execute("UPDATE sqlite_sequence SET seq = 0 WHERE name = 'imports'")
    shutil.rmtree(app.config["WAYMARK"].instance / "imports", ignore_errors=True)
    yield db
    db.close()


@pytest.fixture
def editor(app: Flask) -> DeskClient:
    return sign_in(app, Role.EDITOR)


def bring(client: DeskClient, content: bytes, name: str = "a.csv", **form: str) -> TestResponse:
    """Send the form with a file."""
    fields = {"format": "csv", "source": "Test register", "as_of": "2024-01"} | form
    session = client.session
    assert session
    data: dict[str, Any] = {"csrf": session.csrf, **fields, "file": (io.BytesIO(content), name)}
    return client.post("/staff/imports/new", data=data, headers=OWN_FORM)


def settle(client: DeskClient, number: int = 1) -> TestResponse:
    """The page of an import once nobody works on it any more."""
    assert client.application.extensions["imports"].wait(TIMEOUT_S)
    return client.get(f"/staff/imports/{number}")


def state(db: store.Database, number: int = 1) -> ImportState:
    return get_import(db, number).state


def names(db: store.Database) -> set[str]:
    return {listing.name for listing in list_nonprofits(db, [Status.IMPORTED])}


def report(client: DeskClient, query: str = "") -> list[dict[str, str]]:
    answer = client.get(f"/staff/imports/1/report.csv?{query}")
    assert (answer.status_code, answer.mimetype) == (200, "text/csv")
    return list(csv.DictReader(io.StringIO(answer.text.removeprefix("\ufeff"))))


def map_columns(client: DeskClient) -> None:
    """Take the columns as they were guessed or remembered."""
    page = settle(client).text
    chosen = re.findall(r'name="(column_\d+)".*?</select>', page, re.DOTALL)
    bodies = re.findall(r"<select.*?</select>", page, re.DOTALL)
    fields = [re.findall(r'value="([^"]*)" selected', body) for body in bodies]
    form = {name: picked[0] for name, picked in zip(chosen, fields, strict=True) if picked}
    answer = client.submit("/staff/imports/1/columns", **form)
    assert answer.status_code == 303


def plan_spreadsheet(client: DeskClient) -> TestResponse:
    bring(client, SPANISH)
    map_columns(client)
    return settle(client)


# --- From the file to the listings -------------------------------------------------------


def test_a_spreadsheet_is_mapped_compared_chosen_written_and_undone(
    editor: DeskClient, db: store.Database, app: Flask
) -> None:
    answer = bring(editor, SPANISH, "Mi organización.csv")
    assert answer.headers["Location"] == "/staff/imports/1"
    page = settle(editor).text
    assert "Test Niñez Unida" in page
    kept = app.config["WAYMARK"].instance / "imports/1/Mi organización.csv"
    assert (kept.stat().st_mode & 0o777, kept.parent.stat().st_mode & 0o777) == (0o600, 0o700)

    map_columns(editor)
    page = settle(editor).text
    assert "4 records in the file" in page
    rows = report(editor)
    assert [row["verdict"] for row in rows] == ["create", "create", "rejected", "update"]
    assert (rows[2]["where"], rows[2]["reason"]) == ("line 4", "Name: is empty")
    # What would run in a spreadsheet does not.
    assert rows[1]["name"] == "'=Test Fórmula"
    assert names(db) == set()

    left = editor.submit("/staff/imports/1/rows", shown=["1", "2"], taken=["1"])
    assert left.status_code == 303
    assert editor.submit("/staff/imports/1/apply", set="create").status_code == 303
    page = settle(editor).text
    assert names(db) == {"Test Niñez Unida"}
    assert "1 draft made" in page
    assert "/staff/listings/test-ninez-unida" in page
    assert not kept.parent.exists()

    assert editor.submit("/staff/imports/1/undo").status_code == 409
    editor.submit("/staff/imports/1/undo", confirm="yes")
    assert "1 draft removed again" in settle(editor).text
    assert names(db) == set()
    assert state(db) is ImportState.UNDONE
    assert "1: Mi organización.csv" in editor.get("/staff/imports").text


def test_the_rows_are_filtered_searched_and_paged(editor: DeskClient) -> None:
    lines = "".join(f"Test Group {n:03},Bangor,ME,{n + 10:09}\n" for n in range(120))
    bring(editor, f"name,city,state,ein\n{lines}x,Bangor,,\n".encode())
    map_columns(editor)
    assert "Page 1 of 3" in settle(editor).text
    path = "/staff/imports/1"
    assert "Test Group 119" in editor.get(f"{path}?page=3").text
    odd = editor.get(f"{path}?endpoint=x&_anchor=x&_scheme=x").text
    assert f'href="{path}?endpoint=x&amp;_anchor=x&amp;_scheme=x&amp;page=2"' in odd
    assert "Test Group 000" not in editor.get(f"{path}?verdict=rejected").text
    found = editor.get(f"{path}?q=gROUP+00-0000017").text
    assert "Test Group 007" in found
    assert "Test Group 008" not in found
    for query in ("page=99", "page=x", "verdict=none", "q=%00%ff", "q=%22%27", "outcome=created"):
        assert editor.get(f"{path}?{query}").status_code == 200
    assert len(report(editor, "verdict=rejected")) == 1


def test_a_file_of_too_many_records_is_told_what_to_do(
    editor: DeskClient, monkeypatch: pytest.MonkeyPatch
) -> None:
    assert "MB and 5,000 records" in editor.page("/staff/imports/new").source
    monkeypatch.setattr(plan, "MAX_RECORDS", 2)
    bring(editor, b"Name,City,State\nTest A,Bangor,ME\nTest B,Bangor,ME\nTest C,Bangor,ME\n")
    map_columns(editor)
    page = settle(editor).text
    assert "More than 2 records come out of this file" in page
    assert "a file for each state" in page


def test_a_column_that_another_one_stands_in_for_says_so(editor: DeskClient) -> None:
    bring(editor, b"Org name,URL,Website,Phone\nTest New,a.example.org,b.example.org,1\n")
    page = settle(editor).text
    assert page.count("It looks like") == 1
    assert 'id="column-2-rival">It looks like “Website” too, which “Website” holds.' in page
    assert 'aria-describedby="column-2-rival"' in page


def test_a_mapping_is_remembered_by_the_names_of_the_columns(editor: DeskClient) -> None:
    content = b"A,B,C\nTest New,Bangor,ME\n"
    bring(editor, content)
    page = settle(editor).text
    assert " selected>Name" not in page
    answer = editor.submit("/staff/imports/1/columns", column_2="city", column_3="state")
    assert (answer.status_code, "which column holds the name" in answer.text) == (422, True)
    twice = {"column_1": "name", "column_2": "name"}
    assert "two columns cannot hold it" in editor.submit("/staff/imports/1/columns", **twice).text
    good = {"column_1": "name", "column_2": "city", "column_3": "state"}
    editor.submit("/staff/imports/1/columns", **good)
    assert "Test New" in settle(editor).text
    bring(editor, content.replace(b"New", b"Newer"))
    page = settle(editor, 2).text
    for label in ("Name", "City", "State"):
        assert f"selected>{label}" in page
    assert editor.submit("/staff/imports/1/map").status_code == 303
    assert "What do the columns hold?" in editor.get("/staff/imports/1").text


def test_an_extract_of_the_irs_is_counted_first(
    editor: DeskClient, tmp_path: Path, db: store.Database
) -> None:
    rows = [
        make_row(EIN="000000021"),
        make_row(EIN="000000022", NTEE_CD="A20", NAME="TEST ASYLUM HELP"),
        make_row(EIN="000000023", NTEE_CD="A20", NAME="TEST CHOIR"),
        make_row(EIN="000000001", NTEE_CD="A20", NAME="TEST BORDER LAWYERS"),
        make_row(EIN="x"),
    ]
    path = write_bmf(tmp_path / "eo_me.csv.gz", *rows)
    bring(editor, path.read_bytes(), path.name, format="irs-bmf", source="")
    page = " ".join(re.sub("<[^>]+>", "", settle(editor).text).split())
    assert "5 records in the file: 1 for the directory by their NTEE code" in page
    assert "1 for the directory by the words of their name, 1 neither, but listed already" in page
    assert state(db) is ImportState.PLANNED
    assert {row["verdict"] for row in report(editor)} == {"create", "rejected", "conflict"}


def test_what_a_listing_would_become_is_shown_and_proposed(
    editor: DeskClient, db: store.Database
) -> None:
    bring(editor, make_return(ein="000000001"), "a.xml", format="irs-990-xml", as_of="", source="")
    assert "As the file has it" in settle(editor).text
    editor.submit("/staff/imports/1/apply", set=["update", "conflict"])
    page = settle(editor).text
    assert "1 revision put up for review" in page
    assert "/staff/review/test-border-lawyers/2" in page
    # The same once more: nothing is new.
    bring(editor, make_return(ein="000000001"), "a.xml", format="irs-990-xml", as_of="", source="")
    page = settle(editor, 2).text
    assert "Waits for review already" in page
    assert "What is to be imported" not in page


def test_our_own_package_changes_nothing(editor: DeskClient, db: store.Database) -> None:
    package = export_package(list_nonprofits(db), list_tags(db))
    bring(editor, package, "ours.zip", format="hsds")
    settle(editor)
    assert {row["verdict"] for row in report(editor)} == {"unchanged"}


# --- What can go wrong -------------------------------------------------------------------


@pytest.mark.parametrize(
    ("change", "advice"),
    [
        ({"format": "pdf"}, "what kind of file"),
        ({"as_of": ""}, "the month of the facts"),
        ({"as_of": "2024-13"}, "the month of the facts"),
        ({"as_of": "2999-01"}, "the month of the facts"),
        ({"source": " "}, "who states these facts"),
        ({"name": ""}, "choose a file"),
    ],
)
def test_what_is_missing_is_asked_for(
    editor: DeskClient, db: store.Database, change: dict[str, str], advice: str
) -> None:
    answer = bring(editor, b"name\nTest\n", **change)
    assert (answer.status_code, advice in answer.text) == (422, True)
    assert db.table("imports").count == 0


def _bomb() -> bytes:
    content = io.BytesIO()
    with zipfile.ZipFile(content, "w", zipfile.ZIP_DEFLATED) as archive:
        archive.writestr("organizations.csv", b"0" * 20_000_000)
    return content.getvalue()


HOSTILE = {
    "empty": (b"", "a.csv", "csv"),
    "empty archive": (b"", "a.zip", "hsds"),
    "binary": (bytes(range(256)) * 40, "a.csv", "csv"),
    "an archive called a spreadsheet": (_bomb(), "a.csv", "csv"),
    "a bomb": (_bomb(), "a.zip", "hsds"),
    "another format": (b"name\nTest\n", "a.csv", "irs-bmf"),
    "no name at all": (b"name\nTest\n", "///..", "irs-bmf"),
    "deep JSON": (b"[" * 100_000, "a.json", "hsds"),
    "half a package": (_bomb()[:2_000], "a.zip", "irs-990-xml"),
}


@pytest.mark.parametrize("case", HOSTILE)
def test_a_file_that_cannot_be_read_says_why_and_is_not_kept(
    editor: DeskClient, db: store.Database, app: Flask, case: str
) -> None:
    content, name, format_ = HOSTILE[case]
    bring(editor, content, name, format=format_)
    page = settle(editor).text
    assert state(db) is ImportState.FAILED, page
    problem = get_import(db, 1).problem
    assert 10 < len(problem) < 400
    assert "Could not be read" in page
    assert list((app.config["WAYMARK"].instance / "imports").iterdir()) == []
    assert names(db) == set()


def test_hostile_rows_are_reported_and_the_good_ones_can_go_in(
    editor: DeskClient, db: store.Database
) -> None:
    lines = ["<script>alert(1)</script>,Bangor,ME", "Test Good,Bangor,ME", "a\u202eb,,", "x,y,ZZ"]
    lines += ["A" * 20_000 + ",Bangor,ME", "=cmd|' /C calc'!A0,Bangor,ME", "only one cell"]
    bring(editor, ("name,city,state\n" + "\n".join(lines)).encode())
    map_columns(editor)
    page = settle(editor).text
    assert "<script>alert" not in page
    assert sum(row["verdict"] == "rejected" for row in report(editor)) == 3
    editor.submit("/staff/imports/1/apply", set="create")
    settle(editor)
    assert "Test Good" in names(db)


def test_a_file_that_is_too_large_is_refused(editor: DeskClient, db: store.Database) -> None:
    answer = editor.post(
        "/staff/imports/new", content_length=MAX_UPLOAD_BYTES + 1, headers=OWN_FORM
    )
    assert answer.status_code == 413
    assert db.table("imports").count == 0


def test_files_that_wait_have_a_limit_in_all(
    editor: DeskClient, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("recommender.web.desk.imports.MAX_KEPT_BYTES", 1_000)
    assert bring(editor, b"name\n" + b"Test\n" * 20).status_code == 303
    answer = bring(editor, b"name\n" + b"Test\n" * 80)
    assert (answer.status_code, "Too many files" in answer.text) == (422, True)


def test_a_full_disk_is_told(
    editor: DeskClient, db: store.Database, monkeypatch: pytest.MonkeyPatch
) -> None:
    def fail(*_: Any) -> None:
        raise OSError(28, "No space left on device")

    monkeypatch.setattr("recommender.web.desk.imports.shutil.copyfileobj", fail)
    assert "may have no room left" in editor.get(bring(editor, b"name\n").headers["Location"]).text
    assert state(db) is ImportState.FAILED


def test_a_plan_that_was_overtaken_is_compared_again(
    editor: DeskClient, db: store.Database, catalogue: tuple[Nonprofit, ...]
) -> None:
    plan_spreadsheet(editor)
    bring(editor, SPANISH, "b.csv")
    settle(editor, 2)
    columns = {"column_1": "name", "column_3": "city", "column_4": "state"}
    editor.submit("/staff/imports/2/columns", **columns)
    settle(editor, 2)
    editor.submit("/staff/imports/1/apply", set="create")
    settle(editor)
    editor.submit("/staff/imports/2/apply", set="create")
    page = settle(editor, 2).text
    assert "by now. Please compare again." in page
    assert state(db, 2) is ImportState.PLANNED
    editor.submit("/staff/imports/2/compare")
    assert "What is to be imported" not in settle(editor, 2).text


def test_what_does_not_fit_is_refused(editor: DeskClient, db: store.Database) -> None:
    plan_spreadsheet(editor)
    for action in ("columns", "undo"):
        form = {"confirm": "yes", "column_1": "name"}
        assert editor.submit(f"/staff/imports/1/{action}", **form).status_code == 409
    assert editor.submit("/staff/imports/1/apply").status_code == 409
    assert editor.submit("/staff/imports/1/apply", set="conflict").status_code == 409
    odd = {"shown": ["x", "-1", "9" * 30], "taken": ["\0"]}
    assert editor.submit("/staff/imports/1/rows", **odd).status_code == 303
    assert editor.submit("/staff/imports/1/discard").status_code == 303
    assert "Discarded" in editor.get("/staff/imports").text
    assert editor.submit("/staff/imports/1/apply", set="create").status_code == 409
    for path in ("/staff/imports/9", "/staff/imports/" + "9" * 30, "/staff/imports/x"):
        assert editor.get(path).status_code == 404


def test_only_whoever_brought_it_or_a_reviewer_undoes_it(app: Flask, editor: DeskClient) -> None:
    plan_spreadsheet(editor)
    editor.submit("/staff/imports/1/apply", set="create")
    settle(editor)
    other = sign_in(app, Role.EDITOR, "other@example.org")
    assert other.submit("/staff/imports/1/undo", confirm="yes").status_code == 403
    reviewer = sign_in(app, Role.REVIEWER)
    assert reviewer.submit("/staff/imports/1/undo", confirm="yes").status_code == 303
    assert "removed again" in settle(editor).text


# --- While it takes time -----------------------------------------------------------------


def test_the_page_shows_how_far_it_is_with_and_without_a_script(
    editor: DeskClient, db: store.Database
) -> None:
    plan_spreadsheet(editor)
    move_import(db, 1, ImportState.PLANNING)
    # Somebody else is at it.
    assert claim_import(db, 1)
    db.execute("UPDATE imports SET stage = 'Reading the file', done = 512, total = 2048")
    page = editor.get("/staff/imports/1").text
    assert '<progress aria-labelledby="progress-title" value="512" max="2048">' in page
    assert '<noscript><meta http-equiv="refresh"' in page
    answer = editor.get("/staff/imports/1/progress").json
    assert answer == {
        "working": True,
        "words": "Reading the file: 512 of 2,048",
        "done": 512,
        "total": 2048,
    }
    assert state(db) is ImportState.PLANNING


def test_a_look_at_the_page_goes_on_where_a_worker_was_stopped(
    editor: DeskClient, db: store.Database
) -> None:
    plan_spreadsheet(editor)
    move_import(db, 1, ImportState.PLANNING)
    assert claim_import(db, 1)
    db.execute("UPDATE imports SET beat_at = beat_at - 60")
    assert "Being read and compared" in editor.get("/staff/imports/1").text
    settle(editor)
    assert state(db) is ImportState.PLANNED


@pytest.mark.parametrize(
    ("name", "kept"),
    [
        ("../../etc/passwd", "passwd"),
        ("C:\\Users\\Ana\\lista.csv", "lista.csv"),
        (".htaccess", "htaccess"),
        ("a\0b\n.csv.gz", "a-b-.csv.gz"),
        ("", "file"),
        ("..", "file"),
        ("é" * 300 + ".zip", "é" * 58 + ".zip"),
    ],
)
def test_names_of_files_are_harmless(name: str, kept: str) -> None:
    assert clean_name(name) == kept
