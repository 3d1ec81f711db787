"""Requests per second of the served site, and of a bare Flask application beside it.

`python -m benchmarks.http`, after `flask prepare`. Both run under gunicorn with the
settings of `gunicorn.conf.py` and are asked over the loopback by wrk
(https://github.com/wg/wrk; `apt install wrk`, `brew install wrk`), which keeps a few
connections busy. "First" asks each time for an address that nobody has asked for before;
"again" goes round a few that were asked for a moment ago, as by back, refresh, a shared link or
a widget on a busy page.

Both servers are asked in turn, and each figure is the median of the rounds. What the servers
took of the processors depends least on what else the machine does.
"""

from __future__ import annotations

import argparse
import json
import os
import shutil
import socket
import subprocess
import sys
import tempfile
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from http.client import HTTPConnection
from itertools import islice
from pathlib import Path
from statistics import median
from time import perf_counter, sleep
from urllib.parse import urlencode

from flask import Flask

from benchmarks.workload import Times, read_workload
from recommender.config import Settings, load_settings
from recommender.index import load_current
from recommender.models import DonorProfile

SITE, BARE = "app:create_server()", "benchmarks.http:create_bare()"
WIDGET = "/embed/preview"
TOPIC = "/api/v1/topics/asylum-and-the-border/matches?n=10"
N_CLIENTS = 4
N_ADDRESSES = 40
N_ROUNDS = 5
START_SECONDS = 20.0
WARM_UP_SECONDS = 5.0
JSON_TYPE = "application/json"
FORM_TYPE = "application/x-www-form-urlencoded"
# A run has to reach the application itself: {fresh} makes every address another one, by a
# word of the query that no page knows.
SCRIPT = """
local calls = {{ {calls} }}
local n = 0
request = function()
  n = n + 1
  local call = calls[n % #calls + 1]
  local path = call.path
  if {fresh} then path = path .. (path:find("?") and "&" or "?") .. "first={run}-" .. n end
  return wrk.format(call.method, path, call.headers, call.body)
end
done = function(summary, latency)
  io.write(string.format('{{"n": %d, "us": %d, "failed": %d, "p50": %d, "p99": %d}}\\n',
    summary.requests, summary.duration, summary.errors.status,
    latency:percentile(50), latency:percentile(99)))
end
"""


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
class Server:
    """A running gunicorn."""

    port: int
    pid: int

    def processor_s(self) -> float:
        """Processor time of its workers up to now; by Linux's `/proc`."""
        workers = Path(f"/proc/{self.pid}/task/{self.pid}/children").read_text().split()
        return sum(read_processor_s(int(worker)) for worker in workers)


@dataclass(frozen=True, kw_only=True)
class Load:
    """What a server did under load; `processor_ms` is what a request took of the processors."""

    per_second: float
    times: Times
    processor_ms: float


def read_processor_s(process: int) -> float:
    """Processor time of one process up to now."""
    # The name, in brackets, may hold anything; the times are the 12th and 13th behind it.
    fields = Path(f"/proc/{process}/stat").read_text().rpartition(")")[2].split()
    return (int(fields[11]) + int(fields[12])) / os.sysconf("SC_CLK_TCK")


def create_bare() -> Flask:
    """The least a Flask application can do."""
    app = Flask("bare")
    app.add_url_rule("/", view_func=lambda: "hello")
    return app


# What one network may ask of the API would end a run after two seconds.
UNLIMITED = {"WAYMARK_MATCHES_PER_MINUTE": "0", "WAYMARK_READS_PER_MINUTE": "0"}


_GUNICORN = (sys.executable, "-m", "gunicorn", "-c", "gunicorn.conf.py")


@contextmanager
def serve(application: str) -> Iterator[Server]:
    """Run gunicorn on a free port."""
    port = _free_port()
    server = subprocess.Popen(
        # A worker that starts anew is not what is measured.
        [*_GUNICORN, "--max-requests", "0", application],
        env={**os.environ, "PORT": str(port), **UNLIMITED},
        stdout=subprocess.DEVNULL,
    )
    try:
        _wait_for(port)
        yield Server(port=port, pid=server.pid)
    finally:
        server.terminate()
        server.wait(timeout=START_SECONDS)


def measure(server: Server, calls: Sequence[Call], *, seconds: float, fresh: bool = False) -> Load:
    """Send the calls over and over for some seconds; `fresh` makes each address a new one."""
    with tempfile.TemporaryDirectory() as folder:
        script = Path(folder, "calls.lua")
        script.write_text(write_script(calls, fresh=fresh), encoding="utf-8")
        wrk = ["wrk", "-t1", f"-c{N_CLIENTS}", f"-d{seconds:g}s", "-s", str(script)]
        address, before = f"http://127.0.0.1:{server.port}/", server.processor_s()
        ran = subprocess.run([*wrk, address], capture_output=True, text=True, check=True)
        processor_s = server.processor_s() - before
    counted = json.loads(ran.stdout.splitlines()[-1])
    if counted["failed"] or not counted["n"]:
        raise RuntimeError(f"{calls[0].path} was not answered as a page is: {ran.stdout}")
    times = Times(p50=counted["p50"] / 1000, p99=counted["p99"] / 1000)
    return Load(
        per_second=1e6 * counted["n"] / counted["us"],
        times=times,
        processor_ms=1000 * processor_s / counted["n"],
    )


def write_script(calls: Sequence[Call], *, fresh: bool) -> str:
    """The calls as wrk takes them: a program in Lua, whose strings are quoted like JSON's."""
    return SCRIPT.format(
        calls=",\n".join(_in_lua(call) for call in calls),
        fresh="true" if fresh else "false",
        run=f"{perf_counter():.6f}",
    )


def _in_lua(call: Call) -> str:
    headers = f'["Content-Type"] = {_quoted(call.content_type)}' if call.content_type else ""
    return (
        f"{{ method = {_quoted(call.method)}, path = {_quoted(call.path)}, "
        f"headers = {{ {headers} }}, body = {_quoted(call.body) if call.body else 'nil'} }}"
    )


def _quoted(text: str) -> str:
    """Text as a Lua string: printable ASCII as it is, other bytes by their numbers."""
    plain = {*range(0x20, 0x7F)} - {*b'"\\\\'}
    return '"' + "".join(chr(b) if b in plain else f"\\{b:03d}" for b in text.encode()) + '"'


def find_addresses(port: int, profiles: Sequence[DonorProfile]) -> list[Call]:
    """Fill in the form for each profile; the addresses of the results pages."""
    connection = HTTPConnection("127.0.0.1", port)
    forms = [
        Call(method="POST", path="/match", body=_form(profile), content_type=FORM_TYPE)
        for profile in profiles
    ]
    answers = [form.send(connection) for form in forms]
    return [Call(method="GET", path=location) for status, location in answers if status == 303]


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
        sleep(0.02)
    raise RuntimeError("The server did not start.")


KEPT = (True, False)
"""The runs of what the site keeps for when it is asked for once more."""


@dataclass(frozen=True, kw_only=True)
class Kind:
    """A kind of page: what is asked for, and in which runs each address is a new one."""

    name: str
    calls: Sequence[Call]
    fresh: tuple[bool, ...] = (True,)

    def describe(self, fresh: bool) -> str:
        """The name of a run."""
        return self.name + ("" if self.fresh == (True,) else ", first" if fresh else ", again")


def _list_kinds(port: int, settings: Settings) -> list[Kind]:
    workload = read_workload(settings)
    profiles = [p for p in workload.profiles if p.text][:N_ADDRESSES]
    slugs = list(islice(load_current(settings.index).slugs, N_ADDRESSES))
    topic = Call(method="GET", path=f"{WIDGET}?topic=legal-services")
    return [
        Kind(name="results page", calls=find_addresses(port, profiles), fresh=KEPT),
        Kind(name="JSON match", calls=[_json_call(profile) for profile in profiles]),
        # The API refuses the word that would make each address a new one.
        Kind(name="JSON, a topic", calls=[Call(method="GET", path=TOPIC)], fresh=(False,)),
        Kind(name="widget, topic", calls=[topic], fresh=KEPT),
        Kind(name="widget, form", calls=[Call(method="GET", path=WIDGET)], fresh=KEPT),
        Kind(name="widget, an article asked before", calls=[_article_call(workload.article)]),
        Kind(name="directory", calls=[Call(method="GET", path="/directory")]),
        Kind(name="profile", calls=[Call(method="GET", path=f"/nonprofits/{s}") for s in slugs]),
    ]


def _measure_kind(site: Server, bare: Server, kind: Kind, seconds: float) -> None:
    measure(site, kind.calls, seconds=WARM_UP_SECONDS)
    hello = [Call(method="GET", path="/")]
    for fresh in kind.fresh:
        # In turn, so that both see the machine in the same state.
        rounds = [
            (
                measure(bare, hello, seconds=seconds),
                measure(site, kind.calls, seconds=seconds, fresh=fresh),
            )
            for _ in range(N_ROUNDS)
        ]
        print(_row(kind.describe(fresh), rounds), flush=True)


def _row(name: str, rounds: Sequence[tuple[Load, Load]]) -> str:
    """A row of the table, from loads of the bare application and of the page."""

    def middle(read: Callable[[Load, Load], float]) -> float:
        return median(read(bare, load) for bare, load in rounds)

    figures = [
        f"{middle(lambda _, load: load.per_second):,.0f}",
        f"{middle(lambda bare, _: bare.per_second):,.0f}",
        f"{middle(lambda bare, load: load.per_second / bare.per_second):.2f}",
        f"{middle(lambda _, load: load.times.p50):.1f}",
        f"{middle(lambda _, load: load.times.p99):.1f}",
        f"{middle(lambda bare, _: bare.times.p99):.1f}",
        f"{middle(lambda _, load: load.processor_ms):.2f}",
        f"{middle(lambda bare, load: bare.processor_ms / load.processor_ms):.2f}",
    ]
    return f"| {name} | {' | '.join(figures)} |"


HEADER = """\
| page | requests/s | bare | ratio | p50 ms | p99 ms | bare p99 | processor ms | bare by page |
|---|---|---|---|---|---|---|---|---|"""


def main() -> None:
    """Print the table."""
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("--seconds", type=float, default=2.0, help="for each of the rounds")
    seconds = parser.parse_args().seconds
    if shutil.which("wrk") is None:
        sys.exit("This measurement needs wrk (Debian: apt install wrk; macOS: brew install wrk).")
    print(HEADER, flush=True)
    with serve(BARE) as bare, serve(SITE) as site:
        for kind in _list_kinds(site.port, load_settings()):
            _measure_kind(site, bare, kind, seconds)


if __name__ == "__main__":
    main()
