"""What is mended and what is left alone: `python -m benchmarks.corrections`.

`data/judged/typed.tsv` has words as they are typed, and what was meant: everyday words of each
language, which mean themselves, and typing errors. The rule may be tuned on one half only.
"""

from __future__ import annotations

import argparse
import csv
from collections.abc import Iterable
from dataclasses import dataclass
from pathlib import Path

from benchmarks.halves import is_in_first_half
from recommender.config import load_settings
from recommender.index import Index, load_current
from recommender.models import DonorProfile, Language
from recommender.query import understand
from recommender.text import fold, stem

HEADER = (
    "| words | real, changed to another | mistyped, mended | read as another | left as typed |\n"
    "|---|---|---|---|---|"
)


@dataclass(frozen=True, kw_only=True)
class Typed:
    """A word as it was typed, and the one that was meant."""

    language: Language
    word: str
    meant: str

    @property
    def is_mistyped(self) -> bool:
        """Whether another word was meant."""
        return self.word != self.meant

    @property
    def is_for_tuning(self) -> bool:
        """Which half may be looked at while the rule is tuned."""
        return is_in_first_half(self.word)


@dataclass(frozen=True, kw_only=True)
class Read:
    """A typed word and the one it was read as."""

    typed: Typed
    used: str

    @property
    def is_mended(self) -> bool:
        """Whether it was read as what was meant, in any form of that word."""
        language = self.typed.language
        return stem(fold(self.used), language) == stem(fold(self.typed.meant), language)

    @property
    def is_changed(self) -> bool:
        """Whether it was read as another word than was typed."""
        return self.used != self.typed.word


def read_typed(path: Path) -> list[Typed]:
    """Read language, word and what was meant from each line."""
    with path.open(encoding="utf-8", newline="") as lines:
        rows = csv.reader(lines, delimiter="\t", quoting=csv.QUOTE_NONE)
        return [
            Typed(language=Language(code), word=word, meant=meant) for code, word, meant in rows
        ]


def ask(typed: Typed, index: Index) -> Read:
    """Read one word as it is read alone on the page of its language."""
    query = understand(DonorProfile(text=typed.word, language=typed.language), index)
    return Read(typed=typed, used=query.corrections[0].used if query.corrections else typed.word)


def format_row(name: str, found: Iterable[Read]) -> str:
    """One row of the table."""
    found = list(found)
    real = [read for read in found if not read.typed.is_mistyped]
    mistyped = [read for read in found if read.typed.is_mistyped]
    cells = (
        (sum(read.is_changed for read in real), len(real)),
        (sum(read.is_mended for read in mistyped), len(mistyped)),
        (sum(read.is_changed and not read.is_mended for read in mistyped), len(mistyped)),
        (sum(not read.is_changed and not read.is_mended for read in mistyped), len(mistyped)),
    )
    shares = (f"{k / n:.1%} ({k} of {n})" if n else "none asked" for k, n in cells)
    return f"| {name} | {' | '.join(shares)} |"


def main() -> None:
    """Print the table, and the mistakes of the half for tuning."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.parse_args()
    settings = load_settings()
    index = load_current(settings.index)
    found = [ask(typed, index) for typed in read_typed(settings.data / "judged" / "typed.tsv")]
    print(HEADER)
    print(format_row("tune", (read for read in found if read.typed.is_for_tuning)))
    print(format_row("test", (read for read in found if not read.typed.is_for_tuning)))
    for name, language in (("English", Language.EN), ("Spanish", Language.ES)):
        print(format_row(name, (read for read in found if read.typed.language is language)))
    print(format_row("all", found), end="\n\n")
    for read in found:
        if read.typed.is_for_tuning and read.is_changed and not read.is_mended:
            print(f"* {read.typed.word} → {read.used}, not {read.typed.meant}")


if __name__ == "__main__":
    main()
