import re
import subprocess
import sys
from pathlib import Path

import pytest

from benchmarks import __main__ as everything
from benchmarks import peers, publishing
from benchmarks.ablation import VARIANTS, changed
from benchmarks.http import KEPT, Call, Kind, create_bare, write_script
from benchmarks.workload import as_collection, summarise
from recommender.config import ROOT
from recommender.evaluation import Collection
from recommender.index import BuildInputs, build_index
from recommender.models import Basis, Nonprofit, Reach

COLLECTION = Collection(
    name="three",
    documents=(
        ("clinic", "Valley Legal Clinic", "Lawyers for asylum seekers and detained families."),
        ("pantry", "River Food Pantry", "Groceries and warm meals for newcomers."),
        ("school", "Night School", "English classes in the evening."),
    ),
    queries=(("q1", "asylum lawyer"),),
    grades={"q1": {"clinic": 1}},
)


@pytest.mark.parametrize("name", peers.PEERS)
def test_each_peer_ranks_the_fitting_document_first(name: str) -> None:
    retrieve = peers.PEERS[name](COLLECTION)
    found = retrieve("lawyers for asylum seekers")
    assert found[0] == "clinic"
    assert set(found) <= {"clinic", "pantry", "school"}
    assert len(found) == len(set(found))


@pytest.mark.parametrize("name", peers.PEERS)
def test_each_peer_takes_queries_as_given(name: str) -> None:
    retrieve = peers.PEERS[name](COLLECTION)
    assert retrieve("") == []
    assert retrieve('"groceries" AND (meals: OR -x*')[0] == "pantry"


def test_a_peer_that_is_not_installed_names_its_package(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(sys.modules, "Stemmer", None)
    with pytest.raises(ImportError, match="pip install PyStemmer"):
        peers.bm25s(COLLECTION)


SCRIPTS = (
    *("relevance", "bilingual", "known_items", "ablation", "matching", "http", "pages", "widget"),
    *("publishing", "start", "corpus", "scale", "cluster"),
)


@pytest.mark.parametrize("script", SCRIPTS)
def test_each_script_says_what_it_does(script: str) -> None:
    command = [sys.executable, "-m", f"benchmarks.{script}", "--help"]
    shown = subprocess.run(command, cwd=ROOT, capture_output=True, text=True, check=True)
    assert f"python -m benchmarks.{script}" in shown.stdout


def test_relevance_prints_a_row_for_each_engine(tmp_path: Path) -> None:
    (tmp_path / "qrels").mkdir()
    (tmp_path / "corpus.jsonl").write_text(
        "".join(
            f'{{"_id": "{key}", "title": "{title}", "text": "{text}"}}\n'
            for key, title, text in COLLECTION.documents
        )
    )
    (tmp_path / "queries.jsonl").write_text('{"_id": "q1", "text": "asylum lawyers"}\n')
    (tmp_path / "qrels" / "test.tsv").write_text("query-id\tcorpus-id\tscore\nq1\tclinic\t1\n")
    command = [sys.executable, "-m", "benchmarks.relevance", str(tmp_path), "--engines"]
    shown = subprocess.run(
        [*command, "waymark", "fts5"], cwd=ROOT, capture_output=True, text=True, check=True
    )
    rows = shown.stdout.splitlines()[-2:]
    assert [row.split("|")[1:3] for row in rows] == [
        [" waymark ", " 1.0000 "],
        [" fts5 ", " 1.0000 "],
    ]


@pytest.mark.parametrize("name", VARIANTS)
def test_each_variant_changes_what_exists_and_puts_it_back(name: str) -> None:
    before = [getattr(module, constant) for module, constant, _ in VARIANTS[name]]
    with changed(VARIANTS[name]):
        during = [getattr(module, constant) for module, constant, _ in VARIANTS[name]]
        assert during == [value for _, _, value in VARIANTS[name]]
    assert [getattr(module, constant) for module, constant, _ in VARIANTS[name]] == before
    assert before != during or not before


def test_other_engines_are_given_the_names_and_both_descriptions() -> None:
    nonprofit = Nonprofit(
        slug="clinic",
        name="Valley Legal Clinic",
        reach=Reach.NATIONAL,
        basis=Basis.MISSION,
        summary_en="Lawyers.",
        summary_es="Abogadas.",
    )
    collection = as_collection(build_index(BuildInputs(nonprofits=[nonprofit])))
    assert collection.texts() == ["Valley Legal Clinic Lawyers. Abogadas."]


def test_times_are_the_median_and_the_worst_of_a_hundred() -> None:
    times = summarise(float(n) for n in range(101))
    assert (times.p50, times.p99) == (50, 99)


def test_the_bare_application_answers() -> None:
    assert create_bare().test_client().get("/").text == "hello"


def test_parts_that_lack_their_files_are_named_and_not_run(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    ran: list[list[str]] = []
    monkeypatch.setattr(everything.subprocess, "run", lambda command, **_: ran.append(command[2:]))
    for part in everything.list_parts(everything.parse(["--bmf", "", "--work", "there"])):
        everything.run(part)
    names = [name for name, *_ in ran]
    assert "benchmarks.matching" in names
    assert not {"benchmarks.relevance", "benchmarks.scale"} & {*names}
    assert "## scale\n\nLeft out: needs files: BMF=FILE" in capsys.readouterr().out


def test_parts_that_lack_a_program_say_which(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(everything.shutil, "which", lambda name: None if name == "wrk" else name)
    lacks = {part.name: part.lacks for part in everything.list_parts(everything.parse([]))}
    assert lacks["http"].startswith("wrk: apt install wrk")
    assert lacks["pages"] == lacks["widget"] == lacks["matching"] == ""
    monkeypatch.setattr(everything.shutil, "which", lambda _: None)
    lacks = {part.name: part.lacks for part in everything.list_parts(everything.parse([]))}
    assert lacks["pages"] == lacks["widget"] == "Chromium: apt install chromium"


def test_parts_are_given_their_files() -> None:
    asked = ["--bmf", "b", "--missions", "m", "--work", "w", "one", "two"]
    parts = {part.name: part for part in everything.list_parts(everything.parse(asked))}
    assert parts["relevance"].arguments == ("one", "two")
    assert parts["scale"].arguments == ("b", "m", "--work", "w")
    assert parts["scale"].lacks == parts["relevance"].lacks == ""
    files = {file.stem for file in (ROOT / "benchmarks").glob("*.py")}
    assert {*parts} <= files


def test_a_run_of_wrk_sends_the_very_bytes() -> None:
    body = '{"text": "clínica \\\\ \\n"}'
    call = Call(method="POST", path="/api", body=body, content_type="application/json")
    script = write_script([call], fresh=False)
    sent = re.search(r'body = "([^"]*)"', script)
    assert sent
    bytes_sent = re.sub(rb"\\(\d{3})", lambda m: bytes([int(m[1])]), sent[1].encode())
    assert bytes_sent == body.encode()
    assert 'headers = { ["Content-Type"] = "application/json" }' in script


def test_runs_say_whether_it_was_asked_before() -> None:
    kept = Kind(name="page", calls=(), fresh=KEPT)
    assert [kept.describe(fresh) for fresh in kept.fresh] == ["page, first", "page, again"]
    made = Kind(name="page", calls=())
    assert [made.describe(fresh) for fresh in made.fresh] == ["page"]
    read = Kind(name="page", calls=(), fresh=(False,))
    assert [read.describe(fresh) for fresh in read.fresh] == ["page, again"]


def test_an_address_is_another_one_only_in_a_first_run() -> None:
    call = Call(method="GET", path="/matches/x")
    assert "if false then path" in write_script([call], fresh=False)
    assert "if true then path" in write_script([call], fresh=True)
    assert "body = nil" in write_script([call], fresh=True)


def test_time_up_to_the_beginning_of_a_stage_is_that_of_the_stage_before(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    times = iter([0.0, 1.0, 3.0, 6.0, 10.0, 15.0])
    monkeypatch.setattr(publishing, "process_time", lambda: next(times))
    watch = publishing.Stopwatch()
    watch("words", 0, 5)
    watch("words", 5, 5)
    watch("neighbours", 5, 5)
    watch("questions", 0, 5)
    watch.stop()
    expected = {"catalogue": 1, "words": 2, "neighbours": 3 + 4, "log and pointer": 5}
    assert {k: v / 1000 for k, v in watch.spent.items() if v} == expected
