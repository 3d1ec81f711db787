"""What gunicorn's own settings see to."""

from __future__ import annotations

import os
import runpy
import socket
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest

from benchmarks.start import PREPARING
from recommender.config import ROOT
from tests.serving import SECRET_KEY


def _start(instance: Path, *options: str, **environment: str) -> subprocess.CompletedProcess[str]:
    """Start the server as `make serve` does, where it has to end at once."""
    return subprocess.run(
        [sys.executable, "-m", "gunicorn", "-c", "gunicorn.conf.py", *options],
        cwd=ROOT,
        env={
            **os.environ,
            "WAYMARK_INSTANCE": str(instance),
            "WAYMARK_SECRET_KEY": SECRET_KEY,
            **environment,
        },
        capture_output=True,
        text=True,
        timeout=60,
        check=False,
    )


def test_a_port_in_use_is_named_with_a_way_out(tmp_path: Path) -> None:
    with socket.create_server(("127.0.0.1", 0)) as taken:
        port = taken.getsockname()[1]
        ended = _start(tmp_path, PORT=str(port))
    assert ended.returncode == 1
    assert f"Port {port} is in use. To take another one: PORT={port + 1} make serve" in ended.stderr


def test_a_site_that_cannot_be_prepared_is_not_served(tmp_path: Path) -> None:
    ended = _start(tmp_path, PREPARING, PORT="18433", WAYMARK_DATA=str(tmp_path / "empty"))
    assert ended.returncode == 1
    assert "Error: term_map.json: No such file or directory" in ended.stderr
    assert "Traceback" not in ended.stderr
    assert "Waymark is at" not in ended.stdout


def test_make_serve_prepares() -> None:
    assert f'-c gunicorn.conf.py "{PREPARING}"' in (ROOT / "Makefile").read_text()


def test_an_address_of_another_machine_is_refused_plainly(tmp_path: Path) -> None:
    ended = _start(tmp_path, HOST="192.0.2.1", PORT="18432")
    assert ended.returncode == 1
    assert "Waymark cannot listen at 192.0.2.1, port 18432: " in ended.stderr
    assert "Traceback" not in ended.stderr


@pytest.mark.parametrize("handed_over", ["GUNICORN_FD", "LISTEN_FDS"])
def test_a_socket_that_is_handed_over_is_not_probed(
    handed_over: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    settings: dict[str, Any] = runpy.run_path(str(ROOT / "gunicorn.conf.py"))
    monkeypatch.setenv(handed_over, "3")
    settings["on_starting"](object())
