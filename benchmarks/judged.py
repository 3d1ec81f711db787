"""Relevance to judged donors, against other engines: `python -m benchmarks.judged`.

The donors and the grades stand in `data/judged`. Each engine is given all that a listing says
and all that the donor said: other engines get names, descriptions, places and the labels of
tags as one text, and the words, the labels of what was ticked and the place as one query.
"""

from __future__ import annotations

import argparse
import csv
import json
from collections import defaultdict
from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from benchmarks.halves import is_in_first_half
from benchmarks.peers import PEERS
from recommender.config import load_settings
from recommender.evaluation import Collection, Grades, ndcg
from recommender.geo import STATES, Gazetteer
from recommender.golden import read_question
from recommender.index import Index, load_current
from recommender.models import DonorProfile, Nonprofit, TagKind
from recommender.pipeline import recommend
from recommender.publish import open_gazetteer

Donor = Mapping[str, Any]
Engine = Callable[[Donor], list[str]]
DEPTH = 10
GOOD = 2
"""From this grade on a donor could act on a listing."""
HEADER = (
    "| engine | tune | test | all | English | Spanish | good among the first 5 |\n"
    "|---|---|---|---|---|---|---|"
)


@dataclass(frozen=True, kw_only=True)
class Judged:
    """Donors as golden queries are written, and donor id -> slug -> grade from 0 to 3."""

    donors: tuple[Donor, ...]
    grades: Grades


def read_judged(folder: Path) -> Judged:
    """Read `profiles.json` and `grades.tsv`."""
    grades: defaultdict[str, dict[str, int]] = defaultdict(dict)
    with (folder / "grades.tsv").open(encoding="utf-8", newline="") as lines:
        for donor, slug, grade in csv.reader(lines, delimiter="\t"):
            grades[donor][slug] = int(grade)
    donors = json.loads((folder / "profiles.json").read_text(encoding="utf-8"))
    return Judged(donors=tuple(donors), grades=grades)


def is_for_tuning(donor: Donor) -> bool:
    """Which half of the donors may be looked at while the engine is tuned."""
    return is_in_first_half(donor["id"])


def our_engine(index: Index, gazetteer: Gazetteer) -> Engine:
    """Our engine, asked as the form asks it."""

    def rank(donor: Donor) -> list[str]:
        profile = read_question({"kind": "match", **donor}, gazetteer)
        assert isinstance(profile, DonorProfile)
        found = recommend(profile, index, n=DEPTH)
        return [match.nonprofit.slug for match in found.matches]

    return rank


def peer_engine(name: str, index: Index, labels: Labels) -> Engine:
    """Another engine over the same listings."""
    listings = [index.nonprofit(row) for row in range(len(index))]
    documents = tuple((item.slug, item.name, _text_of(item, labels)) for item in listings)
    collection = Collection(name="directory", documents=documents, queries=(), grades={})
    retrieve = PEERS[name](collection)
    return lambda donor: retrieve(_query_of(donor, labels))[:DEPTH]


Labels = Mapping[tuple[str, str], tuple[str, str]]
"""(kind, slug) of a tag -> its label in English and in Spanish."""


def read_labels(taxonomy: Path) -> Labels:
    """The labels of all tags."""
    return {
        (kind, tag["slug"]): (tag["label_en"], tag["label_es"])
        for kind, tags in json.loads(taxonomy.read_text(encoding="utf-8")).items()
        for tag in tags
    }


def _text_of(item: Nonprofit, labels: Labels) -> str:
    tags = [labels[kind, slug] for kind in TagKind for slug in item.tags(kind)]
    spots = [*item.locations, *item.service_areas]
    places = [f"{spot.city} {spot.state} {STATES[spot.state].en}" for spot in spots]
    words = [label for pair in tags for label in pair]
    summaries = (item.summary_en, item.summary_es, item.serves)
    return " ".join((*item.other_names, *summaries, *places, *words))


def _query_of(donor: Donor, labels: Labels) -> str:
    at = 1 if donor["language"] == "es" else 0
    ticked = [labels[kind, slug][at] for kind in TagKind for slug in donor.get(kind.value, ())]
    return " ".join(part for part in (donor["text"], *ticked, donor["place"]) if part)


def measure(judged: Judged, donors: Iterable[Donor], engine: Engine) -> tuple[float, float]:
    """The mean nDCG@10, and the mean share of good listings among the first 5."""
    chosen = [donor for donor in donors if any(judged.grades[donor["id"]].values())]
    ranked = [(engine(donor), judged.grades[donor["id"]]) for donor in chosen]
    n = len(chosen) or 1
    good = [sum(grades.get(slug, 0) >= GOOD for slug in found[:5]) / 5 for found, grades in ranked]
    return sum(ndcg(found, grades, k=DEPTH) for found, grades in ranked) / n, sum(good) / n


def format_row(name: str, judged: Judged, engine: Engine) -> str:
    """One row of the table."""
    parts = (
        [donor for donor in judged.donors if is_for_tuning(donor)],
        [donor for donor in judged.donors if not is_for_tuning(donor)],
        judged.donors,
        [donor for donor in judged.donors if donor["language"] == "en"],
        [donor for donor in judged.donors if donor["language"] == "es"],
    )
    figures = " | ".join(f"{measure(judged, part, engine)[0]:.3f}" for part in parts)
    return f"| {name} | {figures} | {measure(judged, judged.donors, engine)[1]:.0%} |"


def main() -> None:
    """Print nDCG@10 of every engine."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--engines", nargs="*", choices=PEERS, default=[*PEERS])
    chosen, settings = parser.parse_args(), load_settings()
    index, judged = load_current(settings.index), read_judged(settings.data / "judged")
    labels = read_labels(settings.data / "taxonomy.json")
    pairs = sum(len(grades) for grades in judged.grades.values())
    print(f"{len(judged.donors)} donors, {pairs:,} judged pairs\n\n{HEADER}")
    print(format_row("waymark", judged, our_engine(index, open_gazetteer(settings))), flush=True)
    for name in chosen.engines:
        print(format_row(name, judged, peer_engine(name, index, labels)), flush=True)


if __name__ == "__main__":
    main()
