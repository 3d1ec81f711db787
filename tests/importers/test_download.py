from __future__ import annotations

import hashlib
import threading
from collections.abc import Iterator
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path

import pytest

from recommender.errors import DownloadFailed
from recommender.importers.download import BMF_FILES, Wanted, download

CONTENT = bytes(range(256)) * 2_000


class _Server(ThreadingHTTPServer):
    """A file, and the ways in which it can be served badly."""

    content = CONTENT
    etag = '"one"'
    status = 0
    cut_after: int | None = None
    cuts = 0
    ignores_if_range = False
    ranges: list[str]

    @property
    def address(self) -> str:
        return f"http://127.0.0.1:{self.server_port}/file.csv"


class _Handler(BaseHTTPRequestHandler):
    server: _Server

    def do_GET(self) -> None:
        server = self.server
        asked = self.headers.get("Range", "")
        server.ranges.append(asked)
        if server.status:
            self.send_error(server.status)
            return
        same = server.ignores_if_range or self.headers.get("If-Range") == server.etag
        start = int(asked[6:-1]) if asked and same else 0
        if start >= len(server.content):
            self.send_error(416)
            return
        body = server.content[start:]
        self.send_response(206 if asked and same else 200)
        if asked and same:
            total = len(server.content)
            self.send_header("Content-Range", f"bytes {start}-{total - 1}/{total}")
        self.send_header("Content-Length", str(len(body)))
        self.send_header("ETag", server.etag)
        self.send_header("Last-Modified", "Tue, 09 Jan 2024 00:00:00 GMT")
        self.end_headers()
        if server.cut_after is not None and server.cuts > 0:
            server.cuts -= 1
            body = body[: server.cut_after]
        self.wfile.write(body)

    def log_message(self, *args: object) -> None:
        """Be quiet."""


@pytest.fixture
def server() -> Iterator[_Server]:
    running = _Server(("127.0.0.1", 0), _Handler)
    running.ranges = []
    thread = threading.Thread(target=running.serve_forever, kwargs={"poll_interval": 0.01})
    thread.start()
    yield running
    running.shutdown()
    running.server_close()
    thread.join()


def _break_off(server: _Server, target: Path, tries: int = 4) -> None:
    server.cut_after, server.cuts = 1_000, tries
    with pytest.raises(DownloadFailed, match="broke off"):
        download(Wanted(address=server.address), target)


def test_a_file_arrives_whole_with_its_checksum(server: _Server, tmp_path: Path) -> None:
    target = tmp_path / "file.csv"
    digest = hashlib.sha256(CONTENT).hexdigest()
    done = download(Wanted(address=server.address, sha256=digest), target)
    assert target.read_bytes() == CONTENT
    assert (done.sha256, done.n_bytes) == (digest, len(CONTENT))
    assert done.last_modified.startswith("Tue, 09 Jan 2024")
    assert (tmp_path / "file.csv.sha256").read_text() == f"{digest}  file.csv\n"
    assert sorted(file.name for file in tmp_path.iterdir()) == ["file.csv", "file.csv.sha256"]


def test_a_broken_connection_is_taken_up_where_it_ended(server: _Server, tmp_path: Path) -> None:
    target = tmp_path / "file.csv"
    server.cut_after, server.cuts = 1_000, 3
    download(Wanted(address=server.address), target)
    assert target.read_bytes() == CONTENT
    assert server.ranges == ["", "bytes=1000-", "bytes=2000-", "bytes=3000-"]


def test_what_has_arrived_is_kept_for_the_next_call(server: _Server, tmp_path: Path) -> None:
    target = tmp_path / "file.csv"
    target.write_bytes(b"older")
    _break_off(server, target)
    assert target.read_bytes() == b"older"
    download(Wanted(address=server.address), target)
    assert target.read_bytes() == CONTENT
    assert server.ranges[-1] == "bytes=4000-"


@pytest.mark.parametrize("ignores", [False, True])
def test_a_file_that_changed_is_fetched_anew(
    server: _Server, tmp_path: Path, ignores: bool
) -> None:
    target = tmp_path / "file.csv"
    _break_off(server, target)
    server.content, server.etag = b"new" * 5_000, '"two"'
    server.ignores_if_range = ignores
    download(Wanted(address=server.address), target)
    assert target.read_bytes() == b"new" * 5_000


def test_a_file_that_shrank_is_fetched_anew(server: _Server, tmp_path: Path) -> None:
    target = tmp_path / "file.csv"
    _break_off(server, target)
    server.content, server.ignores_if_range = b"new", True
    download(Wanted(address=server.address), target)
    assert target.read_bytes() == b"new"


def test_a_wrong_checksum_leaves_nothing_new(server: _Server, tmp_path: Path) -> None:
    target = tmp_path / "file.csv"
    target.write_bytes(b"older")
    with pytest.raises(DownloadFailed, match="checksum"):
        download(Wanted(address=server.address, sha256="0" * 64), target)
    assert [(file.name, file.read_bytes()) for file in tmp_path.iterdir()] == [
        ("file.csv", b"older")
    ]


@pytest.mark.parametrize("status", [302, 403, 404, 500])
def test_a_refusal_is_told(server: _Server, tmp_path: Path, status: int) -> None:
    server.status = status
    with pytest.raises(DownloadFailed, match=str(status)):
        download(Wanted(address=server.address), tmp_path / "file.csv")
    assert list(tmp_path.iterdir()) == []


def test_a_file_that_is_too_large_is_not_fetched(server: _Server, tmp_path: Path) -> None:
    with pytest.raises(DownloadFailed, match="more than"):
        download(Wanted(address=server.address, max_bytes=1_000), tmp_path / "file.csv")
    assert not (tmp_path / "file.csv").exists()


def test_no_server_is_told(tmp_path: Path) -> None:
    with pytest.raises(DownloadFailed):
        download(Wanted(address="http://127.0.0.1:9/file.csv"), tmp_path / "file.csv")


def test_the_addresses_are_the_irs_own() -> None:
    assert BMF_FILES["AL"] == "https://www.irs.gov/pub/irs-soi/eo_al.csv"
    assert all(url.startswith("https://www.irs.gov/pub/irs-soi/") for url in BMF_FILES.values())
    assert {"PR", "DC", "international"} < BMF_FILES.keys()
