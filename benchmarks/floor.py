"""How often "no close match" is right: `python -m benchmarks.floor`.

The requests stand in `data/judged/floor.tsv`. Printed are the shares of off-topic requests that
were answered as if they were on topic, and of on-topic ones that were turned away, each with its
95 % interval, and the requests that were read wrongly. The engine may be tuned on the half for
calibration only, so only the mistakes of that half are named unless `--all` asks for the rest.
"""

from __future__ import annotations

import argparse
import csv
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from math import sqrt
from pathlib import Path

from benchmarks.halves import is_in_first_half
from recommender.config import load_settings
from recommender.index import Index, load_current
from recommender.models import DonorProfile, Language
from recommender.pipeline import recommend
from recommender.query import understand

HEADER = "| requests | off-topic, shown as matches | on-topic, turned away |\n|---|---|---|"


@dataclass(frozen=True, kw_only=True)
class Request:
    """What somebody typed, and whether it is about our field; `kind` is the sort of request."""

    is_on_topic: bool
    language: Language
    kind: str
    text: str

    @property
    def profile(self) -> DonorProfile:
        """The request without a place."""
        return DonorProfile(text=self.text, language=self.language)


@dataclass(frozen=True, kw_only=True)
class Rate:
    """How many of `n` were read wrongly."""

    wrong: int
    n: int

    @property
    def share(self) -> float:
        """The share that was read wrongly, in [0, 1]."""
        return self.wrong / self.n if self.n else 0.0

    def interval(self) -> tuple[float, float]:
        """The 95 % interval of the share (Wilson, JASA 22, 1927)."""
        if not self.n:
            return 0.0, 1.0
        z2 = 1.96**2
        middle = (self.wrong + z2 / 2) / (self.n + z2)
        reach = sqrt(self.n * self.share * (1 - self.share) * z2 + z2**2 / 4) / (self.n + z2)
        return middle - reach, middle + reach


def read_requests(path: Path) -> tuple[Request, ...]:
    """Read `on|off`, language, kind and text from each line."""
    with path.open(encoding="utf-8", newline="") as lines:
        return tuple(
            Request(is_on_topic=side == "on", language=Language(language), kind=kind, text=text)
            for side, language, kind, text in csv.reader(
                lines, delimiter="\t", quoting=csv.QUOTE_NONE
            )
        )


def is_for_calibration(request: Request) -> bool:
    """Which half may be looked at while the floor is tuned."""
    return is_in_first_half(request.text)


def find_mistakes(requests: Iterable[Request], index: Index) -> list[Request]:
    """The requests that were turned away but on topic, or answered but off it."""
    return [
        request
        for request in requests
        if recommend(request.profile, index, n=1).no_close_match == request.is_on_topic
    ]


def rate(requests: Sequence[Request], mistakes: Sequence[Request], *, on_topic: bool) -> Rate:
    """How many of the on-topic or off-topic requests are among the mistakes."""
    asked = [request for request in requests if request.is_on_topic == on_topic]
    return Rate(wrong=sum(request in mistakes for request in asked), n=len(asked))


def format_row(name: str, requests: Sequence[Request], mistakes: Sequence[Request]) -> str:
    """One row of the table."""
    cells = []
    for on_topic in (False, True):
        found = rate(requests, mistakes, on_topic=on_topic)
        low, high = found.interval()
        known = f"{found.share:.1%} ({low:.1%} to {high:.1%}; {found.wrong} of {found.n})"
        cells.append(known if found.n else "none asked")
    return f"| {name} | {' | '.join(cells)} |"


def format_mistake(request: Request, index: Index) -> str:
    """A request with what spoke for it and against it."""
    standing = understand(request.profile, index).standing
    weighed = f"{standing.belonging:.2f} belonging, {standing.foreign:.2f} foreign"
    return f"* {'on' if request.is_on_topic else 'off'}: {request.text[:90]} ({weighed})"


def main() -> None:
    """Print the two rates and the mistakes."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--all", action="store_true", help="name the mistakes of both halves")
    chosen, settings = parser.parse_args(), load_settings()
    index = load_current(settings.index)
    requests = read_requests(settings.data / "judged" / "floor.tsv")
    mistakes = find_mistakes(requests, index)
    halves = [[r for r in requests if is_for_calibration(r) is half] for half in (True, False)]
    print(f"{len(requests)} requests\n\n{HEADER}")
    print(format_row("calibration half", halves[0], mistakes))
    print(format_row("test half", halves[1], mistakes))
    for name, language in (("English", Language.EN), ("Spanish", Language.ES)):
        print(format_row(name, [r for r in requests if r.language is language], mistakes))
    for kind in sorted({request.kind for request in requests}):
        print(format_row(kind, [r for r in requests if r.kind == kind], mistakes))
    print(format_row("all", requests, mistakes), end="\n\n")
    for request in mistakes:
        if chosen.all or is_for_calibration(request):
            print(format_mistake(request, index))


if __name__ == "__main__":
    main()
