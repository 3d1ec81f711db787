from __future__ import annotations

from pathlib import Path

import pytest
from click.testing import Result
from flask import Flask

from recommender import cli, publish
from recommender.config import Settings
from recommender.importers import download
from recommender.importers.download import Downloaded, Wanted
from recommender.models import Status
from recommender.store import connect
from recommender.store.accounts import Role, create_account
from recommender.store.catalog import list_nonprofits
from recommender.store.history import list_revisions
from tests.data_folder import FakeGazetteer, edit, write_data
from tests.importers.bmf import make_row, write_bmf
from tests.importers.test_irs_990 import make_return

EMAIL = "editor@example.org"


@pytest.fixture
def settings(tmp_path: Path) -> Settings:
    data = write_data(tmp_path / "data")
    edit(data, "nonprofits/me", lambda records: records[0].update(ein="000000001"))
    return Settings(
        instance=tmp_path / "instance",
        data=data,
        secret_key="only for tests, and long enough to be one",
    )


@pytest.fixture
def app(settings: Settings, monkeypatch: pytest.MonkeyPatch) -> Flask:
    monkeypatch.setattr(publish, "open_gazetteer", lambda _: FakeGazetteer())
    app = Flask("test")
    app.config["WAYMARK"] = settings
    cli.init_app(app)
    assert app.test_cli_runner().invoke(args=["catalog", "load"]).exit_code == 0
    db = connect(settings.database)
    create_account(db, EMAIL, Role.EDITOR)
    db.close()
    return app


@pytest.fixture
def extract(tmp_path: Path) -> Path:
    listed = make_row(NAME="TEST LEGAL HELP", CITY="TESTVILLE", ZIP="01234-0001")
    broken, new = make_row(EIN="x"), make_row(EIN="000000002", CITY="TESTVILLE")
    return write_bmf(tmp_path / "new.csv.gz", listed, broken, new)


def _import(app: Flask, *words: str | Path) -> Result:
    return app.test_cli_runner().invoke(args=["catalog", "import", *map(str, words)])


def _count(settings: Settings) -> int:
    db = connect(settings.database)
    try:
        return len(list_nonprofits(db, Status))
    finally:
        db.close()


def test_a_dry_run_says_what_would_be_done_and_writes_nothing(
    app: Flask, settings: Settings, extract: Path
) -> None:
    before = _count(settings)
    done = _import(app, extract, "--format", "irs-bmf", "--as-of", "2024-01", "--dry-run")
    assert done.exit_code == 0, done.output
    assert "1 create" in done.output
    assert "1 conflict" in done.output
    assert "line 3: rejected: 'x' is no EIN of nine digits" in done.output
    assert _count(settings) == before


def test_an_import_adds_drafts_and_proposes_changes(
    app: Flask, settings: Settings, extract: Path
) -> None:
    words = (extract, "--format", "irs-bmf", "--as-of", "2024-01", "--by", EMAIL)
    before = _count(settings)
    done = _import(app, *words)
    assert "2 for the directory by their NTEE code, 1 not readable" in done.output
    assert "1 drafts created, 0 changed, 1 revisions put up for review" in done.output
    assert "undone at /staff/imports/1" in done.output
    assert _count(settings) == before + 1
    again = _import(app, *words)
    assert "2 unchanged" in again.output
    assert "waits for review already: revision 2" in again.output
    assert "nothing was written" in again.output
    db = connect(settings.database)
    note = list_revisions(db, "test-refugee-center-inc")[0].note
    assert note == "Import 1 (new.csv.gz), line 4"
    db.close()


def test_the_vintage_before_shows_what_the_irs_changed(
    app: Flask, tmp_path: Path, extract: Path
) -> None:
    gone = make_row(EIN="000000003")
    old = write_bmf(tmp_path / "old.csv", make_row(NAME="TEST LEGAL HELP"), gone)
    words = ("--format", "irs-bmf", "--as-of", "2024-01", "--dry-run", "--since", old)
    done = _import(app, extract, *words)
    assert "Against old.csv: 1 added, 1 removed, 1 changed, 0 unchanged." in done.output
    assert "Changed columns: CITY 1, ZIP 1" in done.output


def test_every_format_is_read(app: Flask, tmp_path: Path) -> None:
    (tmp_path / "a.xml").write_bytes(make_return(ein="000000005"))
    done = _import(app, tmp_path / "a.xml", "--format", "irs-990-xml", "--dry-run")
    assert "1 create" in done.output, done.output
    (tmp_path / "a.csv").write_text("nombre;ciudad;estado\nTest Nueva;Boston;MA\n")
    (tmp_path / "a.json").write_text('[{"id": "1", "name": "Test Nueva", "description": ""}]')
    for name, format_ in (("a.csv", "csv"), ("a.json", "hsds")):
        words = (tmp_path / name, "--format", format_, "--as-of", "2024-05", "--dry-run")
        assert "1 create" in _import(app, *words).output


@pytest.mark.parametrize(
    ("words", "message"),
    [
        (("--as-of", "2024-01"), "--by whom"),
        (("--dry-run",), "--as-of"),
        (("--dry-run", "--as-of", "January"), "--as-of"),
        (("--dry-run", "--as-of", "2024-01", "--download", "AL"), "Name a FILE, or a state"),
        (("--as-of", "2024-01", "--by", "nobody@example.org"), "no account"),
    ],
)
def test_what_is_missing_is_asked_for(
    app: Flask, extract: Path, words: tuple[str, ...], message: str
) -> None:
    done = _import(app, extract, "--format", "irs-bmf", *words)
    assert done.exit_code != 0
    assert message in done.output


def test_a_file_that_cannot_be_taken_is_told_plainly(app: Flask, tmp_path: Path) -> None:
    for path in (tmp_path / "missing.csv", tmp_path):
        done = _import(app, path, "--format", "csv", "--as-of", "2024-01", "--dry-run")
        assert done.exit_code == 1
        assert done.output.startswith("Error: ")


def test_a_state_is_fetched_from_the_irs(
    app: Flask, extract: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    asked = []

    def fetch(wanted: Wanted, target: Path) -> Downloaded:
        asked.append((wanted.address, target.name))
        return Downloaded(path=extract, sha256="0" * 64, n_bytes=9, last_modified="")

    monkeypatch.setattr(download, "download", fetch)
    words = ("--format", "irs-bmf", "--as-of", "2024-01", "--dry-run", "--download")
    assert "1 create" in _import(app, *words, "ME").output
    assert asked == [("https://www.irs.gov/pub/irs-soi/eo_me.csv", "eo_me.csv")]
    assert "none of" in _import(app, *words, "Mars").output
