"""Whether Spanish is answered as English is: `python -m benchmarks.bilingual`.

`data/judged/pairs.tsv` has requests as donors type them, in English and in Spanish, written
before anyone looked at what the term map knows. For each pair this counts how many of the
first ten listings are the same. Only the half for tuning is shown pair by pair.
"""

from __future__ import annotations

import argparse
import csv
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from statistics import mean

from benchmarks.halves import is_in_first_half
from recommender.config import load_settings
from recommender.geo import Gazetteer
from recommender.index import Index, load_current
from recommender.models import DonorProfile, Language, Recommendation
from recommender.pipeline import recommend
from recommender.publish import open_gazetteer

DEPTH = 10
HEADER = (
    "| half | pairs | same of the first ten | pairs under half | same first |\n"
    "|---|---|---|---|---|"
)


@dataclass(frozen=True, kw_only=True)
class Pair:
    """One request in two languages; `place` is "" where none is given."""

    id: str
    english: str
    spanish: str
    place: str

    @property
    def is_for_tuning(self) -> bool:
        """Which half may be looked at while words are added."""
        return is_in_first_half(self.id)


@dataclass(frozen=True, kw_only=True)
class Compared:
    """A pair and its two answers."""

    pair: Pair
    answers: Mapping[Language, Recommendation]

    @property
    def overlap(self) -> float:
        """The share of the longer answer that both have, in [0, 1]; 0 where both are empty."""
        first, second = (self.slugs(language) for language in Language)
        longest = max(len(first), len(second))
        return len({*first} & {*second}) / longest if longest else 0.0

    @property
    def same_first(self) -> bool:
        """Whether both answers begin with the same listing."""
        first, second = (self.slugs(language)[:1] for language in Language)
        return first == second

    def slugs(self, language: Language) -> list[str]:
        """One answer's listings in order."""
        return [match.nonprofit.slug for match in self.answers[language].matches]


def read_pairs(path: Path) -> list[Pair]:
    """Read the pairs: id, English, Spanish and place in columns."""
    with path.open(encoding="utf-8", newline="") as lines:
        rows = csv.reader(lines, delimiter="\t", quoting=csv.QUOTE_NONE)
        return [Pair(id=key, english=en, spanish=es, place=at) for key, en, es, at in rows]


def compare(pair: Pair, index: Index, gazetteer: Gazetteer) -> Compared:
    """Ask both requests as the form does on the page of their language."""
    place = gazetteer.resolve(pair.place) if pair.place else None
    texts = {Language.EN: pair.english, Language.ES: pair.spanish}
    answers = {
        language: recommend(DonorProfile(text=text, place=place, language=language), index, n=DEPTH)
        for language, text in texts.items()
    }
    return Compared(pair=pair, answers=answers)


def format_row(name: str, compared: Sequence[Compared]) -> str:
    """One row of the table."""
    overlaps = [one.overlap for one in compared]
    first = mean(one.same_first for one in compared)
    low = sum(overlap < 0.5 for overlap in overlaps)
    return f"| {name} | {len(compared)} | {mean(overlaps):.3f} | {low} | {first:.0%} |"


def format_pair(one: Compared) -> str:
    """What each side was understood as."""
    lines = [f"{one.overlap:.1f} {one.pair.id} {one.pair.place}".rstrip()]
    for language, text in ((Language.EN, one.pair.english), (Language.ES, one.pair.spanish)):
        answer = one.answers[language]
        read = [f"{unit.kind}:{unit.label} {unit.contribution:.1f}" for unit in answer.understood]
        read += [f"?{word}" for word in answer.unknown_words]
        read += [f"{change.typed}→{change.used}" for change in answer.corrections]
        lines.append(f"    {text} = {', '.join(read)}")
    return "\n".join(lines)


def main() -> None:
    """Print the table, and the pairs that are answered least alike."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--worst", type=int, default=20, help="how many pairs to show")
    chosen, settings = parser.parse_args(), load_settings()
    index, gazetteer = load_current(settings.index), open_gazetteer(settings)
    pairs = read_pairs(settings.data / "judged" / "pairs.tsv")
    compared = [compare(pair, index, gazetteer) for pair in pairs]
    tune = [one for one in compared if one.pair.is_for_tuning]
    test = [one for one in compared if not one.pair.is_for_tuning]
    print(HEADER)
    print(format_row("tune", tune))
    print(format_row("test", test))
    print("\nLeast alike of the half for tuning:\n")
    for one in sorted(tune, key=lambda one: one.overlap)[: chosen.worst]:
        print(format_pair(one))


if __name__ == "__main__":
    main()
