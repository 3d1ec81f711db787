"""Composed listings by the hundred thousand: `python -m benchmarks.corpus BMF MISSIONS`.

Names, cities, states, ZIP codes, NTEE codes, years and revenues are those of an IRS Business
Master File. The texts are not: they are put together from the sentences of a judged collection
of real missions, by NTEE code where the collection has one, and for a part of the listings from
a description of our own directory in both languages. Tags are what the term map reads in the
words. **So no composed listing says anything true about the organisation whose name it bears.
They are made to measure with, and are never published, shown or committed.**

Everything is drawn from the EIN and a seed: the same files give the same listings, the listings
of a smaller size are among those of a larger one, and each is the same in both.
"""

from __future__ import annotations

import argparse
import re
from collections import Counter, defaultdict
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field, replace
from hashlib import sha256
from heapq import nsmallest
from itertools import islice
from pathlib import Path
from random import Random
from typing import Any

from recommender.config import load_settings
from recommender.errors import ImportRefused
from recommender.evaluation import Collection, read_collection
from recommender.importers.irs_bmf import BmfRow, is_about_immigration, read_rows, to_incoming
from recommender.importers.rows import Incoming, Origin
from recommender.index import BuildInputs, Index, build_index
from recommender.models import Basis, Location, Nonprofit, Reach, ServiceArea, TagKind, Visibility
from recommender.publish import open_gazetteer, read_inputs
from recommender.query import find_phrases
from recommender.store import connect
from recommender.text import words

SEED = 2026
SURE = 0.8
"""A phrase gives a tag where the term map is at least this sure of it."""
OWN_SHARE = 0.25
"""So many listings also say what one of our own directory says, in both languages."""
OTHER_SENTENCE_SHARE = 0.5
SPARE = 20
"""One more row is drawn for so many, in place of those that cannot be read."""
AREA_SHARE = 0.55
REACH_SHARES = {
    Reach.LOCAL: 0.63,
    Reach.STATE: 0.15,
    Reach.REGIONAL: 0.02,
    Reach.NATIONAL: 0.08,
    Reach.INTERNATIONAL: 0.12,
}
"""As in our own directory, and so is the share of listings that state where they serve."""

_SENTENCE_END = re.compile(r"(?<=[.;!?])\s+")
Coordinates = Callable[..., tuple[float, float] | None]

_ORIGIN = Origin(source="composed for measuring", as_of="")


@dataclass(frozen=True, kw_only=True)
class Sentences:
    """What texts are composed of.

    `missions` holds sentences by NTEE code, by its first letter, and all of them under "";
    `descriptions` are pairs in English and Spanish.
    """

    missions: Mapping[str, Sequence[str]]
    descriptions: Sequence[tuple[str, str]]

    def for_code(self, code: str) -> Sequence[str]:
        """The sentences of organisations of a code, or of its letter, or of any."""
        found = (self.missions.get(key) for key in (code[:3], code[:1]))
        return next((sentences for sentences in found if sentences), self.missions[""])


@dataclass(frozen=True)
class Tagger:
    """Reads the tags of a text with the phrases of an index; sentences are met again and again."""

    index: Index
    kept: dict[str, tuple[str, ...]] = field(default_factory=dict)

    def read_sentence(self, text: str) -> tuple[str, ...]:
        """The tags of a text that may have been read before, as `kind:slug`."""
        if text not in self.kept:
            self.kept[text] = self.read(text)
        return self.kept[text]

    def read(self, text: str) -> tuple[str, ...]:
        """The tags of a text as `kind:slug`."""
        phrases = find_phrases(words(text), self.index)
        meanings = (meaning for *_, found in phrases for meaning in found if meaning.weight >= SURE)
        return tuple(dict.fromkeys(tag for meaning in meanings for tag in meaning.tags))


def gather_sentences(collection: Collection, nonprofits: Iterable[Nonprofit]) -> Sentences:
    """The sentences of a collection, whose queries may be NTEE codes, and our descriptions."""
    said = {key: split_sentences(text) for key, _, text in collection.documents}
    missions: defaultdict[str, list[str]] = defaultdict(list)
    missions[""] = [sentence for sentences in said.values() for sentence in sentences]
    for code, documents in collection.grades.items():
        for key in sorted(documents):
            missions[code[:3]] += said[key]
            missions[code[:1]] += said[key]
    descriptions = [(item.summary_en, item.summary_es) for item in nonprofits]
    return Sentences(missions=missions, descriptions=descriptions)


def split_sentences(text: str) -> list[str]:
    """Sentences, with small letters where a form was filled in capitals."""
    written = text if text != text.upper() else text.lower()
    parts = (part.strip() for part in _SENTENCE_END.split(written))
    return [part[:1].upper() + part[1:] for part in parts if len(part) > 1]


def draw_rows(bmf: Path, n: int) -> list[BmfRow]:
    """`n` rows of a file and some to spare, in an order drawn by their EIN; an EIN counts once.

    Raises:
        ImportRefused: the file cannot be taken.
    """
    rows = (row for row in read_rows(bmf) if isinstance(row, BmfRow))
    drawn = nsmallest(n + n // SPARE + SPARE, rows, key=_lot)
    return list({row["EIN"]: row for row in drawn}.values())


def _lot(row: BmfRow) -> bytes:
    return sha256(f"{SEED} {row['EIN']}".encode()).digest()


@dataclass(frozen=True, kw_only=True)
class Composer:
    """Makes one listing of one row."""

    sentences: Sentences
    tagger: Tagger
    coordinates: Coordinates

    def compose(self, row: BmfRow) -> Nonprofit | None:
        """A listing: the facts of the row, and a text that is nobody's; None of a faulty row."""
        read = to_incoming(row, _ORIGIN)
        if not isinstance(read, Incoming):
            return None
        chance = Random(f"{SEED} {row['EIN']}")  # the same at each size
        texts, (own_en, own_es) = self._draw(row, read.nonprofit.ntee, chance)
        offices = tuple(self._placed(place) for place in read.nonprofit.locations)
        reach = chance.choices([*REACH_SHARES], [*REACH_SHARES.values()])[0]
        listing = replace(
            read.nonprofit,
            slug=f"{read.nonprofit.slug[:48].strip('-')}-{row['EIN']}",
            basis=Basis.MISSION,
            reach=reach,
            summary_en=" ".join(text for text in (*texts, own_en) if text),
            summary_es=own_es,
            locations=offices,
            service_areas=_areas(offices, reach, chance),
        )
        return replace(listing, **self._tags(listing.name, [*texts, own_en]))

    def _draw(self, row: BmfRow, code: str, chance: Random) -> tuple[list[str], tuple[str, str]]:
        drawn = [
            chance.choice(self.sentences.for_code(code)),
            chance.choice(self.sentences.for_code(code[:1])),
        ]
        if chance.random() < OTHER_SENTENCE_SHARE:
            drawn.append(chance.choice(self.sentences.missions[""]))
        is_own = chance.random() < OWN_SHARE or is_about_immigration(row)
        own = chance.choice(self.sentences.descriptions) if is_own else ("", "")
        return list(dict.fromkeys(drawn)), own

    def _placed(self, place: Location) -> Location:
        found = self.coordinates(city=place.city, state=place.state, zip=place.zip)
        latitude, longitude = found or (None, None)
        return replace(place, visibility=Visibility.PUBLIC, latitude=latitude, longitude=longitude)

    def _tags(self, name: str, texts: Sequence[str]) -> dict[str, Any]:
        said = [self.tagger.read(name), *(self.tagger.read_sentence(text) for text in texts)]
        pairs = [tag.split(":", 1) for tag in dict.fromkeys(tag for tags in said for tag in tags)]
        return {
            kind.value: tuple(slug for of, slug in pairs if of == kind.value) for kind in TagKind
        }


def _areas(offices: Sequence[Location], reach: Reach, chance: Random) -> tuple[ServiceArea, ...]:
    """Where a listing says that it serves: its city, or the whole of its state."""
    if not offices or reach in (Reach.NATIONAL, Reach.INTERNATIONAL):
        return ()
    if chance.random() >= AREA_SHARE:
        return ()
    office = offices[0]
    if reach is not Reach.LOCAL:
        return (ServiceArea(state=office.state),)
    return (
        ServiceArea(
            state=office.state,
            city=office.city,
            latitude=office.latitude,
            longitude=office.longitude,
        ),
    )


@dataclass(frozen=True, kw_only=True)
class Corpus:
    """The files that listings are composed of, read once for every size."""

    rows: Sequence[BmfRow]
    own: BuildInputs
    composer: Composer

    def inputs(self, n: int) -> BuildInputs:
        """The first `n` listings with our taxonomy and term map, as a build takes them.

        Raises:
            ImportRefused: the register has fewer usable rows.
        """
        composed = (self.composer.compose(row) for row in self.rows)
        listings = list(islice((listing for listing in composed if listing), n))
        if len(listings) < n:
            raise ImportRefused(f"{n:,} listings asked for: the register has {len(listings):,}.")
        return replace(self.own, nonprofits=listings)


@dataclass(frozen=True, kw_only=True)
class Files:
    """An IRS Business Master File, and a collection whose queries are named by NTEE codes."""

    bmf: Path
    missions: Path


def make_corpus(files: Files, n: int, own: BuildInputs, coordinates: Coordinates) -> Corpus:
    """Read the files of a corpus of up to `n` listings.

    `own` is our directory with its taxonomy and term map; `coordinates` finds an address, as
    `Gazetteer.coordinates` does.

    Raises:
        ImportRefused: the register cannot be taken.
        InvalidRecord: the collection cannot be read.
    """
    reader = build_index(replace(own, nonprofits=own.nonprofits[:1]))
    composer = Composer(
        sentences=gather_sentences(read_collection(files.missions), own.nonprofits),
        tagger=Tagger(reader),
        coordinates=coordinates,
    )
    return Corpus(rows=draw_rows(files.bmf, n), own=own, composer=composer)


def read_corpus(files: Files, n: int) -> Corpus:
    """The corpus of these files and of the prepared directory, of up to `n` listings."""
    settings = load_settings()
    own = read_inputs(connect(settings.database))
    return make_corpus(files, n, own, open_gazetteer(settings).coordinates)


def describe(nonprofits: Sequence[Nonprofit]) -> Iterator[tuple[str, float]]:
    """What listings are like, in means, to be held against a real directory."""
    n = len(nonprofits) or 1
    yield "words in English", sum(len(item.summary_en.split()) for item in nonprofits) / n
    yield "words in Spanish", sum(len(item.summary_es.split()) for item in nonprofits) / n
    tags = Counter(kind.value for item in nonprofits for kind in TagKind for _ in item.tags(kind))
    for kind in TagKind:
        yield kind.value, tags[kind.value] / n
    placed = sum(any(p.latitude is not None for p in item.locations) for item in nonprofits)
    yield "placed", placed / n
    yield "different texts", len({item.summary_en for item in nonprofits}) / n


def add_files(parser: argparse.ArgumentParser) -> None:
    """The options by which every measurement of size is told its files."""
    parser.add_argument("bmf", type=Path, help="an IRS Business Master File (.csv or .csv.gz)")
    parser.add_argument("missions", type=Path, help="a folder in BEIR's format")


def main() -> None:
    """Compose some listings and say what they are like, beside our own directory."""
    parser = argparse.ArgumentParser(description=__doc__)
    add_files(parser)
    parser.add_argument("--size", type=int, default=1_000)
    chosen = parser.parse_args()
    corpus = read_corpus(Files(bmf=chosen.bmf, missions=chosen.missions), chosen.size)
    composed = dict(describe(corpus.inputs(chosen.size).nonprofits))
    ours = dict(describe(corpus.own.nonprofits))
    print("| mean per listing | composed | our directory |\n|---|---|---|")
    for name, value in composed.items():
        print(f"| {name} | {value:.2f} | {ours[name]:.2f} |")


if __name__ == "__main__":
    main()
