"""How long `make serve` takes to its first answer when nothing is to be prepared.

`python -m benchmarks.start`, after `flask prepare`. The server is started as the Makefile does,
and asked for the home page until it answers. Processor time is that of the server and of all its
workers up to then: it depends least on what else the machine does.
"""

from __future__ import annotations

import argparse
from dataclasses import dataclass
from http.client import HTTPConnection
from statistics import median
from time import perf_counter

from benchmarks.http import read_processor_s, serve

PREPARING = "app:create_server(prepares=True)"
N_STARTS = 5


@dataclass(frozen=True, kw_only=True)
class Start:
    """Seconds from the command to the answer, and seconds of the processors in them."""

    wall_s: float
    processor_s: float


def measure_start(application: str = PREPARING) -> Start:
    """Start a server, ask it once and stop it.

    Raises:
        RuntimeError: its answer is no page.
    """
    started = perf_counter()
    with serve(application) as server:
        connection = HTTPConnection("127.0.0.1", server.port)
        connection.request("GET", "/")
        status = connection.getresponse().status
        wall_s = perf_counter() - started
        if status != 200:
            raise RuntimeError(f"The home page was answered with {status}.")
        spent = read_processor_s(server.pid) + server.processor_s()
        return Start(wall_s=wall_s, processor_s=spent)


def main() -> None:
    """Print the times."""
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("--times", type=int, default=N_STARTS)
    starts = [measure_start() for _ in range(parser.parse_args().times)]
    walls = [start.wall_s for start in starts]
    spent = [start.processor_s for start in starts]
    print("| first answer after, s | best | worst | processor s, median | best |")
    print("|---|---|---|---|---|")
    print(
        f"| {median(walls):.2f} | {min(walls):.2f} | {max(walls):.2f} "
        f"| {median(spent):.2f} | {min(spent):.2f} |"
    )


if __name__ == "__main__":
    main()
