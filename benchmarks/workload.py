"""What is asked in the measurements: the golden queries, as donors and visitors ask them."""

from __future__ import annotations

import json
from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass
from itertools import cycle, islice
from time import thread_time
from typing import TypeVar

import numpy as np

from recommender.config import Settings
from recommender.evaluation import Collection
from recommender.golden import read_golden
from recommender.index import Index
from recommender.models import DonorProfile, Language, SearchQuery
from recommender.publish import GOLDEN_FILE, open_gazetteer

T = TypeVar("T")

ARTICLE_WORDS = 1_000
BOOK_WORDS = 10_000
LONG_WORDS = 60
"""Golden queries from this length on are pasted articles, not interests."""


@dataclass(frozen=True, kw_only=True)
class Workload:
    """Profiles with the places they name, directory searches, and one long article."""

    profiles: tuple[DonorProfile, ...]
    searches: tuple[SearchQuery, ...]
    article: str


@dataclass(frozen=True, kw_only=True)
class Times:
    """Milliseconds of processor time: what else runs on the machine then matters less."""

    p50: float
    p99: float


def read_workload(settings: Settings) -> Workload:
    """Read the golden queries; the article is made of the long ones, one after the other."""
    gazetteer = open_gazetteer(settings)
    profiles: list[DonorProfile] = []
    searches: list[SearchQuery] = []
    long_words: list[str] = []
    for query in read_golden(settings.data / GOLDEN_FILE):
        text, language = query.get("text", ""), Language(query["language"])
        place = gazetteer.resolve(query["place"]) if query.get("place") else None
        if query["kind"] == "search":
            searches.append(SearchQuery(text=text, place=place, language=language))
        elif len(text.split()) >= LONG_WORDS:
            long_words += text.split()
        else:
            profile = DonorProfile(
                text=text,
                place=place,
                language=language,
                services=tuple(query.get("services", ())),
                populations=tuple(query.get("populations", ())),
                communities=tuple(query.get("communities", ())),
            )
            profiles.append(profile)
    article = " ".join(islice(cycle(long_words), ARTICLE_WORDS))
    return Workload(profiles=tuple(profiles), searches=tuple(searches), article=article)


def read_books(settings: Settings) -> dict[str, DonorProfile]:
    """Texts of 10,000 words: one piece of the library over and over, and all in each language."""
    pieces = json.loads((settings.data / "resources.json").read_text(encoding="utf-8"))
    texts = {
        language: [
            " ".join((*piece[f"take_{language}"], piece[f"body_{language}"])) for piece in pieces
        ]
        for language in Language
    }
    return {
        "one piece again and again": _repeat(texts[Language.EN][:1], Language.EN),
        "the library in English": _repeat(texts[Language.EN], Language.EN),
        "the library in Spanish": _repeat(texts[Language.ES], Language.ES),
        "the same without capitals": _repeat([t.lower() for t in texts[Language.EN]], Language.EN),
    }


def _repeat(texts: Iterable[str], language: Language) -> DonorProfile:
    said = " ".join(texts).split()
    return DonorProfile(text=" ".join(islice(cycle(said), BOOK_WORDS)), language=language)


def as_collection(index: Index) -> Collection:
    """The published listings as other engines are given them: name and both descriptions."""
    listings = [index.nonprofit(row) for row in range(len(index))]
    documents = [(n.slug, n.name, f"{n.summary_en} {n.summary_es}") for n in listings]
    return Collection(name="starter directory", documents=tuple(documents), queries=(), grades={})


def time_calls(call: Callable[[T], object], asked: Sequence[T], *, rounds: int) -> Times:
    """Time every call on this thread, after one round that is not counted."""
    for one in asked:
        call(one)
    return summarise(_timed(call, one) for _ in range(rounds) for one in asked)


def summarise(milliseconds: Iterable[float]) -> Times:
    """The median and the 99th percentile."""
    p50, p99 = np.percentile([*milliseconds], (50, 99))
    return Times(p50=float(p50), p99=float(p99))


def _timed(call: Callable[[T], object], one: T) -> float:
    started = thread_time()
    call(one)
    return 1000 * (thread_time() - started)
