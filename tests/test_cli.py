from __future__ import annotations

import json
import re
import shutil
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path

import pytest
from click.testing import Result
from flask import Flask

from recommender import cli, exposure, publish, report
from recommender.config import Settings
from recommender.errors import UnknownPlace
from recommender.models import (
    ColorScheme,
    CountKind,
    Language,
    Look,
    Status,
    WidgetDefaults,
    WidgetFont,
    WidgetSize,
)
from recommender.store import connect
from recommender.store.catalog import get_catalog_revision, set_status
from recommender.store.partners import add_counts, list_events, list_partners
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
    monkeypatch.setattr(publish, "open_gazetteer", lambda _: FakeGazetteer())
    for module in (exposure, report):
        monkeypatch.setattr(module, "CROWD", exposure.Crowd(size=40))
    app = Flask("test")
    app.config["WAYMARK"] = settings
    cli.init_app(app)
    return app


def _run(app: Flask, *words: str) -> Result:
    return _flask(app, "catalog", *words)


def _flask(app: Flask, *words: str) -> Result:
    return app.test_cli_runner().invoke(args=words)


@pytest.fixture
def prepared(app: Flask, settings: Settings) -> Flask:
    """An application whose small catalogue is loaded and published."""
    (settings.data / "golden_queries.json").write_text(json.dumps([GOLDEN]))
    assert _flask(app, "prepare").exit_code == 0
    return app


GOLDEN = {
    "id": "legal",
    "kind": "match",
    "text": "legal services",
    "language": "en",
    "expect": {"in_top": {"slugs": ["test-legal-help"], "n": 3, "at_least": 1}},
}


LATER = (
    "Not published yet: donors see it once somebody opens a page of the desk, or after"
    " `flask index build`. With --publish, this command does it."
)


def test_a_first_load_says_what_it_did(app: Flask) -> None:
    result = _run(app, "load")
    assert result.exit_code == 0
    done, later = result.output.splitlines()
    assert done == "Listings: 3 created, 0 updated, 0 unchanged, 0 kept, 0 archived."
    assert later == LATER


def test_a_second_load_does_nothing_and_reads_no_place(
    app: Flask, monkeypatch: pytest.MonkeyPatch
) -> None:
    _run(app, "load")
    monkeypatch.setattr(publish, "open_gazetteer", lambda _: pytest.fail("read for nothing"))
    result = _run(app, "load")
    assert result.output.splitlines() == ["The catalogue is up to date.", LATER]


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
        LATER,
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


def test_ageing_says_first_what_it_would_do(app: Flask, settings: Settings) -> None:
    _run(app, "load")
    dry = _run(app, "age", "--dry-run").output.splitlines()
    assert dry[:2] == [
        "3 listings were not checked for 12 months; 0 are due already.",
        "0 have been due for 12 months.",
    ]
    assert dry[2:4] == ["Would be due (3):", "  test-child"]
    assert "Status: published 3" in _run(app, "info").output
    assert _run(app, "age", "--max-due", "2").output.splitlines()[2] == "Now due (2):"
    assert "Status: due 2, published 1" in _run(app, "info").output
    again = _run(app, "age", "--max-due", "2").output.splitlines()
    assert again[-2:] == ["There is nothing to do.", LATER]


def test_what_a_command_changes_is_published_when_it_is_asked_to(
    prepared: Flask, settings: Settings
) -> None:
    assert _run(prepared, "load", "--publish").output == "The catalogue is up to date.\n"
    edit(settings.data, "nonprofits/nh", lambda records: records[0].update(notes="Changed."))
    said = _run(prepared, "load", "--publish").output.splitlines()
    assert said[-1].startswith("Published ")
    aged = _run(prepared, "age", "--max-due", "1").output.splitlines()
    assert aged[-1] == LATER
    assert _run(prepared, "age", "--max-due", "2", "--dry-run").output.count(LATER) == 0
    aged = _run(prepared, "age", "--max-due", "2", "--publish").output.splitlines()
    assert aged[-1].startswith("Published ")
    assert _run(prepared, "age", "--max-due", "2", "--publish").output.endswith("to do.\n")
    assert len(_generations(prepared)) == 3


def test_a_refusal_ends_the_command_and_says_first_what_was_done(
    prepared: Flask, settings: Settings
) -> None:
    wanted = {"in_top": {"slugs": ["nobody"], "n": 3, "at_least": 1}}
    (settings.data / "golden_queries.json").write_text(json.dumps([GOLDEN | {"expect": wanted}]))
    edit(settings.data, "nonprofits/nh", lambda records: records[0].update(notes="Changed."))
    refused = _run(prepared, "load", "--publish")
    assert refused.exit_code == 1
    assert refused.output.startswith("Listings: 0 created, 1 updated, 2 unchanged")
    assert "Error: 1 golden expectations are not met." in refused.output


def test_a_command_does_not_take_back_a_return(prepared: Flask, settings: Settings) -> None:
    edit(settings.data, "nonprofits/nh", lambda records: records[0].update(notes="Changed."))
    _run(prepared, "load", "--publish")
    first, _ = _generations(prepared)
    assert _flask(prepared, "index", "rollback", "--reason", "Wrong order.").exit_code == 0
    kept = _run(prepared, "load", "--publish").output.splitlines()
    assert kept[-1] == f"operator went back to {first}, which still serves: Wrong order."
    assert len(_generations(prepared)) == 2


def test_the_commands_load_nothing_heavy_until_they_run() -> None:
    heavy = "{'numpy', 'sqlite_utils', 'jsonschema'}"
    code = f"import sys, recommender.cli; print({heavy} & {{*sys.modules}})"
    run = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert run.stdout.strip() == "set()"


# --- index ------------------------------------------------------------------------------


def test_prepare_loads_and_publishes_once(app: Flask, settings: Settings) -> None:
    (settings.data / "golden_queries.json").write_text(json.dumps([GOLDEN]))
    first, second = _flask(app, "prepare").output, _flask(app, "prepare").output
    assert "Listings: 3 created" in first
    assert "3 listings, 1 golden queries answered as they should be" in first
    assert "The catalogue is up to date." in second
    assert "The index is up to date." in second
    assert "Measured who gets shown to 40 made-up donors." in first
    assert "Measured" not in second
    assert "has been measured" in _flask(app, "index", "exposure").output


@pytest.fixture
def runs(monkeypatch: pytest.MonkeyPatch) -> list[str]:
    """The commands that a start of the server has run; the first fails as the second does not."""
    ran: list[str] = []

    def run(command: list[str], **_: object) -> subprocess.CompletedProcess[str]:
        ran.append(command[-1])
        return subprocess.CompletedProcess(command, len(ran) == 1)

    monkeypatch.setattr(cli.subprocess, "run", run)
    monkeypatch.setattr(publish, "has_gazetteer", lambda _: True)
    return ran


def _change_a_file(settings: Settings) -> None:
    edit(settings.data, "nonprofits/me", lambda records: records[0].update(summary_en="Other."))


def _withdraw_one(settings: Settings) -> None:
    set_status(connect(settings.database), "test-legal-help", Status.WITHDRAWN)


def _lose_the_report(settings: Settings) -> None:
    connect(settings.database).execute("DELETE FROM exposures")


def _lose_the_index(settings: Settings) -> None:
    shutil.rmtree(settings.index)


def _lose_the_data(settings: Settings) -> None:
    shutil.rmtree(settings.data)


@pytest.mark.parametrize(
    "change",
    [_change_a_file, _withdraw_one, _lose_the_report, _lose_the_index, _lose_the_data],
)
def test_a_server_prepares_only_what_changed(
    prepared: Flask, settings: Settings, runs: list[str], change: Callable[[Settings], None]
) -> None:
    cli.prepare_if_needed(prepared)
    assert runs == []
    change(settings)
    with pytest.raises(SystemExit, match="1"):
        cli.prepare_if_needed(prepared)
    cli.prepare_if_needed(prepared)
    assert runs == ["prepare", "prepare"]


def test_place_tables_of_other_aliases_are_to_be_prepared(
    prepared: Flask, runs: list[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(publish, "has_gazetteer", lambda _: False)
    with pytest.raises(SystemExit, match="1"):
        cli.prepare_if_needed(prepared)


def test_prepare_publishes_again_when_a_listing_changed(
    prepared: Flask, settings: Settings
) -> None:
    edit(settings.data, "nonprofits/me", lambda records: records[0].update(summary_en="Other."))
    output = _flask(prepared, "prepare").output
    assert "1 updated" in output
    assert "Published" in output


def test_a_wrong_golden_answer_refuses_to_publish(prepared: Flask, settings: Settings) -> None:
    before = _flask(prepared, "index", "info").output
    wrong = GOLDEN | {"expect": {"no_close_match": True}}
    (settings.data / "golden_queries.json").write_text(json.dumps([wrong]))
    result = _flask(prepared, "index", "build")
    assert result.exit_code == 1
    assert "legal: expected no close match; found a close match" in result.output
    assert "Traceback" not in result.output
    assert _flask(prepared, "index", "info").output == before


def test_a_long_build_that_nobody_watches_says_how_far_it_is(
    prepared: Flask, monkeypatch: pytest.MonkeyPatch
) -> None:
    assert "Indexing" not in _flask(prepared, "index", "build").output
    monkeypatch.setattr("recommender.cli.LINE_EVERY_S", 0)
    output = _flask(prepared, "index", "build").output
    for stage in ("words", "neighbours", "lists", "questions", "files"):
        assert f"Indexing: {stage}, " in output


def test_prepare_goes_on_with_what_serves_when_it_is_refused(
    prepared: Flask, settings: Settings
) -> None:
    (first,) = _generations(prepared)
    wrong = GOLDEN | {"expect": {"no_close_match": True}}
    (settings.data / "golden_queries.json").write_text(json.dumps([wrong]))
    edit(settings.data, "nonprofits/me", lambda records: records[0].update(summary_en="Other."))
    result = _flask(prepared, "prepare")
    assert result.exit_code == 0
    assert f"Not published; {first} still serves." in result.output
    assert "legal: expected" in result.output
    (settings.index / first / "idf.npy").unlink()
    assert _flask(prepared, "prepare").exit_code == 1


def test_prepare_leaves_a_return_alone_until_something_changes(
    prepared: Flask, settings: Settings
) -> None:
    (first,) = _generations(prepared)
    assert _flask(prepared, "index", "rollback").exit_code == 1
    edit(settings.data, "nonprofits/me", lambda records: records[0].update(summary_en="Other."))
    assert _flask(prepared, "prepare").exit_code == 0
    second = _generations(prepared)[1]
    assert _flask(prepared, "index", "rollback", "--reason", "Odd names.").exit_code == 0
    output = _flask(prepared, "prepare").output
    assert f"operator went back to {first}, which still serves: Odd names." in output
    assert f"Now serving {second}." in _flask(prepared, "index", "rollback", second).output
    assert "The index is up to date." in _flask(prepared, "prepare").output
    assert _flask(prepared, "index", "rollback", "nowhere").exit_code == 1
    assert _flask(prepared, "index", "rollback").exit_code == 0
    edit(settings.data, "nonprofits/me", lambda records: records[0].update(summary_en="More."))
    assert "Published" in _flask(prepared, "prepare").output


def test_info_verify_and_rollback(prepared: Flask, settings: Settings) -> None:
    (first,) = _generations(prepared)
    assert _flask(prepared, "index", "rollback").exit_code == 1
    assert _flask(prepared, "index", "build").exit_code == 0
    assert len(_generations(prepared)) == 2
    assert "files are intact" in _flask(prepared, "index", "verify").output
    second = _generations(prepared)[1]
    output = _flask(prepared, "index", "rollback", "--reason", "Odd names.").output
    assert output.splitlines() == [
        f"Now serving {first}.",
        f"To take it back: flask index rollback {second}",
    ]
    damaged = settings.index / first / "idf.npy"
    damaged.write_bytes(damaged.read_bytes()[:-1])
    result = _flask(prepared, "index", "verify")
    assert (result.exit_code, "idf.npy" in result.output) == (1, True)


def _generations(app: Flask) -> list[str]:
    lines = _flask(app, "index", "info").output.splitlines()
    return [line[2:] for line in lines if line[:2] in ("* ", "  ")]


def test_info_before_the_first_build_says_what_to_do(app: Flask) -> None:
    result = _flask(app, "index", "info")
    assert (result.exit_code, "make index" in result.output) == (1, True)


# --- match and evaluate -----------------------------------------------------------------


def test_match_prints_listings_and_why(prepared: Flask) -> None:
    output = _flask(prepared, "match", "legal services", "--why", "-n", "2").output
    assert output.startswith("  1. Test ")
    assert "words: legal-services" in output
    assert "  3. " not in output


def test_match_says_that_nothing_fits(prepared: Flask) -> None:
    assert "No close match" in _flask(prepared, "match", "robotics for dogs").output


def test_match_names_what_the_listing_lacks(prepared: Flask) -> None:
    output = _flask(prepared, "match", "legal services telescopes", "--why").output
    assert "not in the listing: telescopes" in output


def test_match_refuses_an_unknown_place(prepared: Flask, monkeypatch: pytest.MonkeyPatch) -> None:
    class Lost:
        def resolve(self, text: str) -> None:
            raise UnknownPlace(f"Nothing is called {text}.")

    monkeypatch.setattr(publish, "open_gazetteer", lambda _: Lost())
    result = _flask(prepared, "match", "legal", "--near", "Nowhere")
    assert (result.exit_code, "Nothing is called Nowhere." in result.output) == (1, True)


@pytest.fixture
def collection(tmp_path: Path) -> Path:
    folder = tmp_path / "tiny"
    (folder / "qrels").mkdir(parents=True)
    texts = ("legal help", "english classes", "food pantry", "soccer for children")
    documents = [{"_id": str(i), "title": "", "text": text} for i, text in enumerate(texts)]
    (folder / "corpus.jsonl").write_text("\n".join(map(json.dumps, documents)))
    (folder / "queries.jsonl").write_text(json.dumps({"_id": "q", "text": "english"}))
    (folder / "qrels/test.tsv").write_text("query-id\tcorpus-id\tscore\nq\t1\t1\n")
    return folder


def test_evaluate_prints_figures_side_by_side(app: Flask, collection: Path) -> None:
    words = ("evaluate", "--collection", str(collection), "--against", "fts5")
    lines = _flask(app, *words).output.splitlines()
    assert lines[0] == "tiny: 4 documents, 1 judged queries"
    assert [line.split()[:4] for line in lines[2:]] == [
        ["waymark", "1.0000", "1.0000", "1.0000"],
        ["fts5", "1.0000", "1.0000", "1.0000"],
    ]
    figures = json.loads(_flask(app, *words, "--json").output)
    assert [row["ndcg_at_10"] for row in figures["engines"]] == [1.0, 1.0]


def test_evaluate_says_what_is_wrong(app: Flask, collection: Path, tmp_path: Path) -> None:
    missing = _flask(app, "evaluate", "--collection", str(tmp_path / "none"))
    unknown = _flask(app, "evaluate", "--collection", str(collection), "--against", "oracle")
    assert (missing.exit_code, "corpus.jsonl is missing" in missing.output) == (1, True)
    assert (unknown.exit_code, "Unknown peer 'oracle'" in unknown.output) == (1, True)


def test_evaluate_names_the_package_that_a_peer_lacks(
    app: Flask, collection: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setitem(sys.modules, "tantivy", None)
    lacking = _flask(app, "evaluate", "--collection", str(collection), "--against", "tantivy")
    assert lacking.exit_code == 1
    assert lacking.output == "Error: This peer needs tantivy: pip install tantivy\n"


# --- partner ----------------------------------------------------------------------------

GAZETTE = ("partner", "add", "Test Gazette", "--origin", "https://gazette.example/")


def _key(app: Flask) -> str:
    found = re.search(r": ([0-9a-f]{16}), ", _flask(app, "partner", "list").output)
    assert found
    return found[1]


def test_a_partner_is_added_with_the_line_for_its_pages(prepared: Flask) -> None:
    words = (*GAZETTE, "--origin", "https://www.gazette.example", "--topic", "legal-services")
    look = ("--language", "es", "--size", "small", "--theme", "dark", "--font", "serif")
    result = _flask(prepared, *words, *look, "--accent", "#88AA00", "--radius", "6")
    assert result.exit_code == 0, result.output
    first, _, code = result.output.splitlines()
    assert first == (
        "Test Gazette may show the widget on https://gazette.example, https://www.gazette.example."
    )
    assert code == (
        '<script async referrerpolicy="no-referrer" src="http://127.0.0.1:8000/widget/v1.js"'
        f' data-partner="{_key(prepared)}"></script>'
    )
    db = connect(prepared.config["WAYMARK"].database)
    (partner,) = list_partners(db)
    assert partner.defaults == WidgetDefaults(
        topic="legal-services",
        language=Language.ES,
        look=Look(
            size=WidgetSize.SMALL,
            scheme=ColorScheme.DARK,
            font=WidgetFont.SERIF,
            accent="#88aa00",
            radius_px=6,
        ),
    )
    assert [event.staff_name for event in list_events(db, partner.id)] == ["operator"]
    db.close()


def test_partners_are_listed_with_this_weeks_counts(app: Flask, settings: Settings) -> None:
    assert _flask(app, "partner", "list").output == ""
    _flask(app, *GAZETTE)
    db = connect(settings.database)
    (partner,) = list_partners(db)
    add_counts(db, {(partner.id, CountKind.VIEW): 1234, (partner.id, CountKind.OPEN): 9})
    db.close()
    assert _flask(app, "partner", "list").output == (
        f"Test Gazette: {partner.key}, https://gazette.example,"
        " 1,234 views, under 10 opens, under 10 clicks\n"
    )


@pytest.mark.parametrize(
    ("words", "sentence"),
    [
        (("partner", "add", "Test Courier"), "--origin https://"),
        ((*GAZETTE[:4], "http://gazette.example"), "must begin with https://"),
        ((*GAZETTE[:4], "https://*.gazette.example"), "scheme, host and port alone"),
        ((*GAZETTE[:4], "https://github.io"), "shared by many sites"),
        ((*GAZETTE, "--topic", "juggling"), "no topic 'juggling'"),
        ((*GAZETTE, "--accent", "red"), "six digits"),
        ((*GAZETTE, "--radius", "25"), "from 0 to 24"),
        ((*GAZETTE, "--size", "huge"), "'huge' is not one of"),
        (("partner", "pause", "Test Courier"), "no partner 'Test Courier'"),
        (("partner", "rotate", "Test Courier"), "no partner 'Test Courier'"),
    ],
)
def test_what_cannot_be_used_of_a_partner_is_said(
    app: Flask, words: tuple[str, ...], sentence: str
) -> None:
    result = _flask(app, *words)
    assert result.exit_code != 0
    assert sentence in result.output
    assert "Traceback" not in result.output
    assert _flask(app, "partner", "list").output == ""


def test_there_is_one_partner_of_a_name(app: Flask) -> None:
    assert _flask(app, *GAZETTE).exit_code == 0
    again = _flask(app, *GAZETTE)
    assert (again.exit_code, "of this name already" in again.output) == (1, True)


def test_a_partners_place_must_be_known(app: Flask, monkeypatch: pytest.MonkeyPatch) -> None:
    class Lost:
        def resolve(self, text: str) -> None:
            raise UnknownPlace(f"Nothing is called {text}.")

    monkeypatch.setattr(publish, "open_gazetteer", lambda _: Lost())
    result = _flask(app, *GAZETTE, "--place", "Nowhere")
    assert (result.exit_code, "Nothing is called Nowhere." in result.output) == (1, True)


def test_a_partner_is_paused_and_resumed_by_name_or_key(app: Flask) -> None:
    _flask(app, *GAZETTE)
    done = _flask(app, "partner", "pause", "Test Gazette")
    assert done.output == "The widgets of Test Gazette are paused.\n"
    assert "Test Gazette (paused): " in _flask(app, "partner", "list").output
    done = _flask(app, "partner", "resume", _key(app))
    assert done.output == "The widgets of Test Gazette show.\n"
    assert "(paused)" not in _flask(app, "partner", "list").output


def test_a_key_is_rotated_only_by_whoever_is_sure(app: Flask) -> None:
    _flask(app, *GAZETTE)
    old = _key(app)
    runner = app.test_cli_runner()
    asked = runner.invoke(args=["partner", "rotate", "Test Gazette"], input="n\n")
    assert asked.exit_code == 1
    assert "Every widget of Test Gazette with the old key stops." in asked.output
    assert _key(app) == old
    done = _flask(app, "partner", "rotate", "Test Gazette", "--yes")
    assert done.exit_code == 0
    assert f"The key {old} is unknown from now on." in done.output
    assert f'data-partner="{_key(app)}"' in done.output
    assert _key(app) != old


# --- documentation ----------------------------------------------------------------------


def test_every_command_and_setting_is_documented(app: Flask) -> None:
    readme = (Path(__file__).parents[1] / "README.md").read_text()
    for name, command in app.cli.commands.items():
        for sub in getattr(command, "commands", {"": None}):
            assert name in readme, name
            assert sub in readme, f"{name} {sub}"
    sources = (Path(__file__).parents[1] / "recommender/config.py").read_text()
    for setting in set(re.findall(r"WAYMARK_[A-Z_]+", sources)):
        assert f"`{setting}`" in readme, setting
