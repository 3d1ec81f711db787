"""Requests per second of the served site, and of a bare Flask application beside it.

`python -m benchmarks.http`, after `flask prepare`. Both run under gunicorn with the
settings of `gunicorn.conf.py` and are asked over the loopback by a few clients, each of which sends
its next request when it has its answer.
"""

from __future__ import annotations

import argparse
import json
import os
import socket
import subprocess
import sys
from collections.abc import Iterator, Sequence
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager
from dataclasses import dataclass
from http.client import HTTPConnection
from itertools import cycle, islice
from time import perf_counter, sleep
from urllib.parse import urlencode

from flask import Flask

from benchmarks.workload import Times, read_workload, summarise
from recommender.config import load_settings
from recommender.index import load_current
from recommender.models import DonorProfile

SITE, BARE = "app:create_app()", "benchmarks.http:create_bare()"
WIDGET = "/embed/preview"
N_CLIENTS = 4
N_ADDRESSES = 40
START_SECONDS = 20.0
WARM_UP_SECONDS = 2.0
JSON_TYPE = "application/json"
FORM_TYPE = "application/x-www-form-urlencoded"


@dataclass(frozen=True, kw_only=True)
class Call:
    """A request."""

    method: str
    path: str
    body: str = ""
    content_type: str = ""

    def send(self, connection: HTTPConnection) -> tuple[int, str]:
        """Send it; the status and where the answer points to."""
        headers = {"Content-Type": self.content_type} if self.content_type else {}
        connection.request(self.method, self.path, self.body or None, headers)
        response = connection.getresponse()
        response.read()
        return response.status, response.headers.get("Location", "")


@dataclass(frozen=True, kw_only=True)
class Load:
    """What a server did under load."""

    per_second: float
    times: Times


def create_bare() -> Flask:
    """The least a Flask application can do."""
    app = Flask("bare")
    app.add_url_rule("/", view_func=lambda: "hello")
    return app


# What one network may ask of the API would end a run after two seconds.
UNLIMITED = {"WAYMARK_MATCHES_PER_MINUTE": "0", "WAYMARK_READS_PER_MINUTE": "0"}


@contextmanager
def serve(application: str) -> Iterator[int]:
    """Run gunicorn on a free port, which is given."""
    port = _free_port()
    server = subprocess.Popen(
        [sys.executable, "-m", "gunicorn", "-c", "gunicorn.conf.py", application],
        env={**os.environ, "PORT": str(port), **UNLIMITED},
        stdout=subprocess.DEVNULL,
    )
    try:
        _wait_for(port)
        yield port
    finally:
        server.terminate()
        server.wait(timeout=START_SECONDS)


def measure(port: int, calls: Sequence[Call], *, seconds: float) -> Load:
    """Send the calls over and over from `N_CLIENTS` connections for some seconds."""
    with ThreadPoolExecutor(N_CLIENTS) as pool:
        started = perf_counter()
        clients = [
            pool.submit(_run_client, port, [*calls[i:], *calls[:i]], started + seconds)
            for i in range(N_CLIENTS)
        ]
        taken = [milliseconds for client in clients for milliseconds in client.result()]
        elapsed = perf_counter() - started
    return Load(per_second=len(taken) / elapsed, times=summarise(taken))


def find_addresses(port: int, profiles: Sequence[DonorProfile]) -> list[Call]:
    """Fill in the form for each profile; the addresses of the results pages."""
    connection = HTTPConnection("127.0.0.1", port)
    forms = [
        Call(method="POST", path="/match", body=_form(profile), content_type=FORM_TYPE)
        for profile in profiles
    ]
    answers = [form.send(connection) for form in forms]
    return [Call(method="GET", path=location) for status, location in answers if status == 303]


def _run_client(port: int, calls: Sequence[Call], until: float) -> list[float]:
    connection, taken = HTTPConnection("127.0.0.1", port), []
    for call in cycle(calls):
        started = perf_counter()
        if started >= until:
            break
        status, _ = call.send(connection)
        if status != 200:
            raise RuntimeError(f"{call.method} {call.path} was answered with {status}.")
        taken.append(1000 * (perf_counter() - started))
    connection.close()
    return taken


def _form(profile: DonorProfile) -> str:
    return urlencode({"text": profile.text, "place": _place(profile)})


def _place(profile: DonorProfile) -> str:
    return profile.place.label if profile.place else ""


def _json_call(profile: DonorProfile) -> Call:
    asked = {"text": profile.text, "place": _place(profile)}
    body = json.dumps({name: value for name, value in asked.items() if value})
    return Call(method="POST", path="/api/v1/matches", body=body, content_type=JSON_TYPE)


def _article_call(article: str) -> Call:
    body = urlencode({"text": article})
    return Call(method="POST", path=f"{WIDGET}/article", body=body, content_type=FORM_TYPE)


def _free_port() -> int:
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return int(probe.getsockname()[1])


def _wait_for(port: int) -> None:
    deadline = perf_counter() + START_SECONDS
    while perf_counter() < deadline:
        with socket.socket() as probe:
            if probe.connect_ex(("127.0.0.1", port)) == 0:
                return
        sleep(0.1)
    raise RuntimeError("The server did not start.")


def _report(name: str, load: Load, bare: Load) -> None:
    ratio = load.per_second / bare.per_second
    times = load.times
    print(
        f"| {name} | {load.per_second:.0f} | {times.p50:.1f} | {times.p99:.1f} | {ratio:.2f} |",
        flush=True,
    )


def main() -> None:
    """Print the table."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--seconds", type=float, default=5.0, help="for each kind of request")
    seconds = parser.parse_args().seconds
    settings = load_settings()
    workload = read_workload(settings)
    profiles = [p for p in workload.profiles if p.text][:N_ADDRESSES]
    slugs = list(islice(load_current(settings.index).slugs, N_ADDRESSES))
    print("| page | requests/s | p50 ms | p99 ms | against bare |\n|---|---|---|---|---|")
    with serve(BARE) as bare_port, serve(SITE) as port:
        pages = {
            "results page": find_addresses(port, profiles),
            "JSON match": [_json_call(profile) for profile in profiles],
            "directory": [Call(method="GET", path="/directory")],
            "profile": [Call(method="GET", path=f"/nonprofits/{slug}") for slug in slugs],
            "widget, form": [Call(method="GET", path=WIDGET)],
            "widget, topic": [Call(method="GET", path=f"{WIDGET}?topic=legal-services")],
            "widget, an article that was asked before": [_article_call(workload.article)],
        }
        for name, calls in pages.items():
            measure(port, calls, seconds=WARM_UP_SECONDS)
            # Beside each page, so that both see the machine in the same state.
            bare = measure(bare_port, [Call(method="GET", path="/")], seconds=seconds)
            _report("bare Flask", bare, bare)
            _report(name, measure(port, calls, seconds=seconds), bare)


if __name__ == "__main__":
    main()
