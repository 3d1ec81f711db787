"""Every example of the API's documentation, run as a reader would run it."""

from __future__ import annotations

import json
import shlex
import shutil
import subprocess
import threading
from collections.abc import Iterator
from http.client import HTTPConnection
from itertools import pairwise
from pathlib import Path
from typing import Any
from urllib.parse import urlsplit

import pytest
from flask import Flask
from jsonschema import Draft202012Validator
from werkzeug.serving import make_server

from recommender.config import ROOT
from recommender.web.api.contract import DOCUMENT, HOST, list_operations
from tests.web.client import PageClient

SAMPLES = [
    (f"{operation['operationId']} {at}", sample["lang"], sample["source"])
    for _, _, operation in list_operations()
    for at, sample in enumerate(operation["x-codeSamples"])
]
COMMANDS = {name: source for name, lang, source in SAMPLES if lang == "curl"}
SLUGS = {
    record["slug"]
    for file in sorted((ROOT / "data/nonprofits").glob("*.json"))
    for record in json.loads(file.read_text(encoding="utf-8"))
}
Json = dict[str, Any]


@pytest.fixture(scope="module")
def address(directory_app: Flask) -> Iterator[str]:
    """The directory, answering over the wire."""
    server = make_server("127.0.0.1", 0, directory_app, threaded=True)
    thread = threading.Thread(target=server.serve_forever)
    thread.start()
    yield f"http://127.0.0.1:{server.port}"
    server.shutdown()
    thread.join()
    server.server_close()


def run_curl(command: str, folder: Path) -> bytes:
    """What a command prints or writes; without curl it is sent as curl would send it."""
    words = shlex.split(command.replace("\\\n", " "))
    assert words[:2] == ["curl", "-s"]
    options = dict(pairwise(words[2:]))
    if shutil.which("curl"):
        ran = subprocess.run(words, cwd=folder, capture_output=True, check=True, timeout=30)
        return (folder / options["-o"]).read_bytes() if "-o" in options else ran.stdout
    url = urlsplit(next(word for word in words if word.startswith("http")))
    wire = HTTPConnection(url.netloc, timeout=30)
    header = dict([options["-H"].split(": ")]) if "-H" in options else {}
    path = f"{url.path}?{url.query}"
    wire.request("POST" if "-d" in options else "GET", path, options.get("-d"), header)
    content = wire.getresponse().read()
    wire.close()
    return content


@pytest.mark.parametrize("name", COMMANDS)
def test_a_command_answers(address: str, tmp_path: Path, name: str) -> None:
    content = run_curl(COMMANDS[name].replace(HOST, address), tmp_path)
    if name.startswith("read_hsds_package"):
        assert content.startswith(b"PK")
        return
    answer = json.loads(content)
    assert "error" not in answer
    assert any(answer.values())
    listed = [v for k, v in answer.items() if k in {"matches", "nonprofits", "contents"}]
    assert all(listed), "an example that finds nothing"


def test_the_python_example_finds_every_page(
    address: str, capsys: pytest.CaptureFixture[str]
) -> None:
    (source,) = (source for _, lang, source in SAMPLES if lang == "python")
    exec(source.replace(HOST, address), {"__name__": "__main__"})
    lines = capsys.readouterr().out.splitlines()
    assert len(lines) > 10
    assert len(set(lines)) == len(lines)
    assert any(line.startswith("Immigrant Legal Advocacy Project | Portland | ") for line in lines)


def test_the_python_example_waits_when_it_is_told_to(monkeypatch: pytest.MonkeyPatch) -> None:
    (source,) = (source for _, lang, source in SAMPLES if lang == "python")
    scope: Json = {"__name__": "example"}
    exec(source, scope)
    tries, waited = [], []

    def refuse_once(_request: object) -> Any:
        tries.append(1)
        if len(tries) == 1:
            raise scope["HTTPError"]("", 429, "", {"Retry-After": "7"}, None)
        return _Answer()

    monkeypatch.setitem(scope, "urlopen", refuse_once)
    monkeypatch.setattr("time.sleep", waited.append)
    assert scope["ask"]({"text": "x"}) == {"matches": [], "next_cursor": None}
    assert (len(tries), waited) == (2, [7])


class _Answer:
    def __enter__(self) -> _Answer:
        return self

    def __exit__(self, *_: object) -> None:
        return None

    def read(self) -> bytes:
        return b'{"matches": [], "next_cursor": null}'


# --- The answers that the document shows ------------------------------------------------


def _shown() -> Iterator[tuple[str, Json, Json]]:
    """(path, schema, example) of every answer that is shown."""
    for path, _, operation in list_operations():
        content = operation["responses"]["200"].get("content", {}).get("application/json", {})
        if "example" in content:
            yield path, content["schema"], content["example"]


def _listings(part: Any) -> Iterator[str]:
    """The slugs of all listings in an answer."""
    if isinstance(part, dict):
        if {"slug", "name"} <= set(part):
            yield part["slug"]
        part = list(part.values())
    for item in part if isinstance(part, list) else ():
        yield from _listings(item)


def test_every_reading_shows_an_answer() -> None:
    shown = {path for path, _, _ in _shown()}
    without = {path for path, _, _ in list_operations()} - shown
    assert without == {"/api/v1/hsds/package", "/api/v1/hsds/profile", "/api/v1/openapi.json"}


def test_the_answers_shown_are_of_their_schemas() -> None:
    for path, schema, example in _shown():
        validator = Draft202012Validator({**schema, "components": DOCUMENT["components"]})
        assert [error.message for error in validator.iter_errors(example)] == [], path


def test_the_answers_shown_are_of_real_listings(directory_app: Flask) -> None:
    client = directory_app.test_client()
    assert isinstance(client, PageClient)
    for path, _, example in _shown():
        if "nonprofits" in path or path.endswith("matches"):
            slugs = set(_listings(example))
            assert slugs, path
            assert slugs <= SLUGS, path
    for id_ in (e["id"] for p, _, e in _shown() if p.endswith("{id}")):
        kinds = ("organizations", "services", "taxonomies", "taxonomy_terms")
        found = [client.get(f"/api/v1/hsds/{kind}/{id_}").status_code for kind in kinds]
        assert 200 in found
