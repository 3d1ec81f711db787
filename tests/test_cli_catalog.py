from __future__ import annotations

import subprocess
import sys
from pathlib import Path

import pytest
from click.testing import Result
from flask import Flask

from recommender import cli
from recommender.config import Settings
from recommender.geo import Gazetteer
from recommender.models import Status
from recommender.store import connect
from recommender.store.catalog import get_catalog_revision, set_status
from tests.data_folder import FakeGazetteer, edit, make_location, write_data


@pytest.fixture
def settings(tmp_path: Path) -> Settings:
    return Settings(
        instance=tmp_path / "instance",
        data=write_data(tmp_path / "data"),
        secret_key="only for tests, and long enough to be one",
    )


@pytest.fixture
def app(settings: Settings, monkeypatch: pytest.MonkeyPatch) -> Flask:
    monkeypatch.setattr(Gazetteer, "build", lambda _: FakeGazetteer())
    app = Flask("test")
    app.config["WAYMARK"] = settings
    cli.init_app(app)
    return app


def _run(app: Flask, *words: str) -> Result:
    return app.test_cli_runner().invoke(args=["catalog", *words])


def test_a_first_load_says_what_it_did(app: Flask) -> None:
    result = _run(app, "load")
    assert result.exit_code == 0
    assert result.output == ("Listings: 3 created, 0 updated, 0 unchanged, 0 kept, 0 archived.\n")


def test_a_second_load_does_nothing_and_reads_no_place(
    app: Flask, monkeypatch: pytest.MonkeyPatch
) -> None:
    _run(app, "load")
    monkeypatch.setattr(Gazetteer, "build", lambda _: pytest.fail("built for nothing"))
    result = _run(app, "load")
    assert (result.exit_code, result.output) == (0, "The catalogue is up to date.\n")


def test_a_load_names_what_it_kept_archived_and_could_not_place(
    app: Flask, settings: Settings
) -> None:
    _run(app, "load")
    db = connect(settings.database)
    set_status(db, "test-child", Status.WITHDRAWN)
    db.close()
    edit(settings.data, "nonprofits/nh", lambda records: records[0].update(notes="Changed."))
    lost = [make_location(city="Nowhere", zip="")]
    edit(settings.data, "nonprofits/me", lambda records: records[1].update(locations=lost))
    edit(settings.data, "nonprofits/me", lambda records: records.pop(0))
    assert _run(app, "load").output.splitlines() == [
        "Listings: 0 created, 1 updated, 0 unchanged, 1 kept, 1 archived.",
        "Kept as staff left them (1):",
        "  test-child",
        "Archived, no longer in the files (1):",
        "  test-legal-help",
        "Without coordinates (1):",
        "  test-other: Nowhere, ME",
    ]


def test_quiet_says_nothing_unless_something_is_wrong(app: Flask, settings: Settings) -> None:
    assert _run(app, "load", "--quiet").output == ""
    edit(settings.data, "nonprofits/me", lambda records: records[0].update(ein="1"))
    result = _run(app, "load", "--quiet")
    assert result.exit_code == 1
    assert "Error: me.json, test-legal-help: ein" in result.output
    assert "Traceback" not in result.output


def test_a_load_that_fails_changes_nothing(app: Flask, settings: Settings) -> None:
    _run(app, "load")
    db = connect(settings.database)
    revision = get_catalog_revision(db)
    edit(settings.data, "nonprofits/me", lambda records: records[0].update(name="Other"))
    edit(settings.data, "guides", lambda records: records[0].update(topics=["juggling"]))
    assert _run(app, "load").exit_code == 1
    assert get_catalog_revision(db) == revision
    db.close()


def test_info_counts(app: Flask) -> None:
    assert "Status: none" in _run(app, "info").output
    _run(app, "load")
    lines = _run(app, "info").output.splitlines()
    assert lines[0].startswith("Catalogue revision ")
    assert lines[1:] == ["Status: published 3", "Basis: known 3", "State of the office: ME 3"]


def test_the_commands_load_nothing_heavy_until_they_run() -> None:
    heavy = "{'numpy', 'sqlite_utils', 'jsonschema'}"
    code = f"import sys, recommender.cli; print({heavy} & {{*sys.modules}})"
    run = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert run.stdout.strip() == "set()"
