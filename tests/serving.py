"""The site as it is really served: gunicorn with its own settings on a free port."""

from __future__ import annotations

import http.client
import os
import signal
import socket
import subprocess
import sys
import time
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from urllib.parse import urlencode, urlsplit

from recommender.config import ROOT

SECRET_KEY = "a key for tests only " * 3
START_S = 60


@dataclass(frozen=True, kw_only=True)
class Answer:
    """What came back over the wire."""

    status: int
    headers: Mapping[str, str]
    body: bytes

    @property
    def text(self) -> str:
        return self.body.decode()


@dataclass(frozen=True, kw_only=True)
class Site:
    """A running server: where it answers, what it keeps and what it says."""

    port: int
    instance: Path
    log: Path

    @property
    def url(self) -> str:
        return f"http://127.0.0.1:{self.port}"

    def fetch(
        self,
        path: str,
        method: str = "GET",
        body: bytes | None = None,
        headers: Mapping[str, str] | None = None,
    ) -> Answer:
        """One request, sent as it is: no redirect is followed, and no header added."""
        connection = http.client.HTTPConnection("127.0.0.1", self.port, timeout=30)
        try:
            connection.request(method, path, body, dict(headers or {}))
            response = connection.getresponse()
            names = {name.lower(): value for name, value in response.getheaders()}
            return Answer(status=response.status, headers=names, body=response.read())
        finally:
            connection.close()

    def submit(self, path: str, form: Mapping[str, object]) -> Answer:
        """A form, as a browser without scripts sends it."""
        body = urlencode(form, doseq=True).encode()
        kind = {"Content-Type": "application/x-www-form-urlencoded"}
        return self.fetch(path, "POST", body, kind)

    def seal(self, path: str, **form: object) -> str:
        """The address that a form leads to."""
        answer = self.submit(path, form)
        assert answer.status == 303, (path, answer.status)
        return urlsplit(answer.headers["location"]).path

    def say(self, request: bytes) -> bytes:
        """Bytes that need not be HTTP, and what is answered."""
        with socket.create_connection(("127.0.0.1", self.port), timeout=30) as wire:
            wire.sendall(request)
            wire.shutdown(socket.SHUT_WR)
            return b"".join(iter(lambda: wire.recv(65_536), b""))


@dataclass(frozen=True, kw_only=True)
class Launch:
    """How a server is started; by default as `make serve` does."""

    instance: Path
    log: Path
    options: tuple[str, ...] = ("-c", "gunicorn.conf.py")


@contextmanager
def serve(launch: Launch) -> Iterator[Site]:
    """A server for as long as the block runs."""
    port = _free_port()
    environment = {
        **os.environ,
        "PORT": str(port),
        "WAYMARK_INSTANCE": str(launch.instance),
        "WAYMARK_SECRET_KEY": SECRET_KEY,
    }
    command = [sys.executable, "-m", "gunicorn", *launch.options]
    site = Site(port=port, instance=launch.instance, log=launch.log)
    with launch.log.open("wb") as log:
        server = subprocess.Popen(command, cwd=ROOT, env=environment, stdout=log, stderr=log)
    try:
        _wait_for(site, server)
        yield site
    finally:
        # At once: to end in good order waits for browsers to let go of their connections.
        server.send_signal(signal.SIGQUIT)
        server.wait(timeout=START_S)


def _free_port() -> int:
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return int(probe.getsockname()[1])


def _wait_for(site: Site, server: subprocess.Popen[bytes]) -> None:
    for _ in range(START_S * 10):
        try:
            if site.fetch("/readyz").status == 200:
                return
        except OSError:
            assert server.poll() is None, site.log.read_text(encoding="utf-8")
        time.sleep(0.1)
    raise AssertionError(site.log.read_text(encoding="utf-8"))
