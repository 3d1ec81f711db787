"""Every number that changes the order, in one table of features.

Each feature is a function that returns a score in [0, 1] for every candidate; what it
saw stays in the `Signals` for the explanation. A match's score is the weighted mean of
the features that apply, lifted towards 1 where what was typed is the listing's name; so it
lies in [0, 1] and its parts add up to it.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

from recommender.index import Index
from recommender.models import DonorProfile
from recommender.nearness import NearnessArrays
from recommender.query import Query
from recommender.retrieval import TopicScores
from recommender.text import edit_distance, phrase_key, words

Scores = npt.NDArray[np.float32]

SPECIFIC_IMPORTANCE = 4.0
BROAD_SPECIFICITY = 0.4
LIFT = "lift"
"""The group whose features, last in the table, lift a score towards 1 by their weight."""
MAX_NAME_WORDS = 8
NAME_FLOOR = 0.6
NAME_CERTAIN = 0.9
NAME_CANDIDATES = 30
NAME_LIKELY = 0.4
NAME_SHARE = 0.35
"""A name inside a longer text must be this share of it: "safe" is also just a word."""
SMALL_USD = 100_000
LARGE_USD = 10_000_000
LOOK_ALIKE = 0.8
"""Cosine from which two listings are near copies; the lower one steps back."""
STEP_BACK = 10


def N_(message: str) -> str:  # noqa: N802 (gettext's own name)
    """Mark a message for translation where it is shown."""
    return message


@dataclass(frozen=True, kw_only=True)
class Signals:
    """What the features read: all arrays are aligned with `topic.rows`."""

    profile: DonorProfile
    query: Query
    index: Index
    topic: TopicScores
    nearness: NearnessArrays | None
    names: Scores


@dataclass(frozen=True, kw_only=True)
class Feature:
    """One side of a match. `group` names the features that share one weight.

    `emphasis` multiplies the weight by what the donor set, and by how much there is to go by.
    """

    key: str
    group: str
    weight: float
    emphasis: Callable[[Signals], float]
    score: Callable[[Signals], Scores]
    applies: Callable[[Signals], bool]
    title: str
    description: str


def specificity(query: Query) -> float:
    """How much a query says, in [BROAD_SPECIFICITY, 1]: "refugees" alone says little here.

    Hundreds of listings are about refugees; which of them says it most means less than which
    of them is near.
    """
    share = min(1.0, query.importance / SPECIFIC_IMPORTANCE)
    return BROAD_SPECIFICITY + (1 - BROAD_SPECIFICITY) * share


def words_score(signals: Signals) -> Scores:
    """The listing's own words and tags against what was asked."""
    return signals.topic.own


def neighbours_score(signals: Signals) -> Scores:
    """What the most similar listings score, lent the more the thinner this one is."""
    return signals.topic.lent


def place_score(signals: Signals) -> Scores:
    """Whether it serves the donor's place, and how far its office is."""
    nearness = signals.nearness
    if nearness is None:
        return np.zeros(len(signals.topic.rows), dtype=np.float32)
    return nearness.score


def name_score(signals: Signals) -> Scores:
    """How closely what was typed resembles one of its names; 1 from a letter off."""
    return np.where(signals.names >= NAME_CERTAIN, np.float32(1), signals.names)


def small_score(signals: Signals) -> Scores:
    """Smaller yearly revenue scores higher; an unknown one counts as the middle."""
    revenue = np.maximum(signals.index.revenue_usd[signals.topic.rows], 1.0)
    span = np.log10(LARGE_USD / SMALL_USD)
    small = 1 - np.clip(np.log10(revenue / SMALL_USD) / span, 0, 1)
    scores: Scores = np.nan_to_num(small, nan=0.5).astype(np.float32)
    return scores


FEATURES = (
    Feature(
        key="words",
        group="topic",
        weight=0.55,
        emphasis=lambda signals: signals.profile.weights.topic * specificity(signals.query),
        score=words_score,
        applies=lambda signals: bool(signals.topic.weights),
        title=N_("Words"),
        description=N_(
            "We compare your words and choices with each listing's name, description and tags, "
            "in English and Spanish. Rare words count more than common ones, and repeating a "
            "word helps a listing less and less. A broad interest, such as refugees alone, weighs "
            "less against the place than a specific one."
        ),
    ),
    Feature(
        key="neighbours",
        group="topic",
        weight=0.55,
        emphasis=lambda signals: signals.profile.weights.topic * specificity(signals.query),
        score=neighbours_score,
        applies=lambda signals: bool(signals.topic.weights),
        title=N_("Similar groups"),
        description=N_(
            "A listing with a short description borrows part of its topic score from the "
            "listings most similar to it, so that a thin profile is not passed over."
        ),
    ),
    Feature(
        key="place",
        group="place",
        weight=0.45,
        emphasis=lambda signals: signals.profile.weights.place,
        score=place_score,
        applies=lambda signals: signals.nearness is not None,
        title=N_("Place"),
        description=N_(
            "An office near you counts most, then serving your area from elsewhere, then "
            "serving your whole state, then national work. Where a group serves wins over "
            "where it is registered, and a national group is never shown as local."
        ),
    ),
    Feature(
        key="small",
        group="small",
        weight=0.25,
        emphasis=lambda signals: signals.profile.weights.small,
        score=small_score,
        applies=lambda signals: signals.profile.weights.small > 0,
        title=N_("Small groups"),
        description=N_(
            "Off unless you ask for it. Groups with smaller yearly revenue then rise; a group "
            "whose revenue we do not know counts as being in the middle."
        ),
    ),
    Feature(
        key="name",
        group=LIFT,
        weight=1.0,
        emphasis=lambda _: 1.0,
        score=name_score,
        applies=lambda signals: bool(signals.names.any()),
        title=N_("Name"),
        description=N_(
            "If what you typed is the name of a listed group, or one letter off, that group comes "
            "first. If it only resembles the name, the group rises."
        ),
    ),
)


@dataclass(frozen=True, kw_only=True)
class Ranking:
    """Candidates in their final order.

    `order` (n,) are positions in `signals.topic.rows`; `scores` (n_candidates,) are the
    totals; `parts` maps a feature's key to what it adds to each: (n_candidates,).
    """

    order: npt.NDArray[np.integer]
    scores: Scores
    parts: dict[str, Scores]


def rank(signals: Signals, *, n: int) -> Ranking:
    """Weigh the features and order the candidates; ties go to the slug.

    A listing whose name was typed, give or take a letter, comes before all others.
    """
    active = [feature for feature in FEATURES if feature.applies(signals)]
    weights = {f.group: f.weight * f.emphasis(signals) for f in active if f.group != LIFT}
    total = sum(weights.values()) or 1.0
    parts: dict[str, Scores] = {}
    scores = np.zeros(len(signals.topic.rows), dtype=np.float32)
    for feature in active:
        lifts = feature.group == LIFT
        share = feature.weight * (1 - scores) if lifts else weights[feature.group] / total
        parts[feature.key] = np.asarray(share * feature.score(signals), dtype=np.float32)
        scores = scores + parts[feature.key]
    is_named = signals.names >= NAME_CERTAIN
    # Rounded, so that the last bits of a sum do not decide between equals; rows are in order.
    order = np.argsort(-np.round(scores, 6) - 2 * is_named, kind="stable")
    return Ranking(order=diversify(order, signals, n=n), scores=scores, parts=parts)


def diversify(
    order: npt.NDArray[np.integer], signals: Signals, *, n: int
) -> npt.NDArray[np.integer]:
    """Let a near copy, or a further member of one family, step back ten places.

    Greedy over the first `n + STEP_BACK` candidates; scores are left as they are.
    """
    head, index = order[: n + STEP_BACK], signals.index
    rows = signals.topic.rows[head]
    close = _look_alikes(rows, index)
    kept: dict[int, int] = {}
    stepped: list[int] = []
    families: set[int] = set()
    listed = zip(rows.tolist(), head.tolist(), index.families[rows].tolist(), strict=True)
    for row, position, family in listed:
        if family in families or not kept.keys().isdisjoint(close.get(row, ())):
            stepped.append(position)
        else:
            kept[row] = position
            families.add(family)
    return np.concatenate(([*kept.values()], stepped, order[len(head) :])).astype(np.intp)


def _look_alikes(rows: npt.NDArray[np.integer], index: Index) -> dict[int, list[int]]:
    """The near copies of those of some rows that have any."""
    found: dict[int, list[int]] = {}
    at, which = np.nonzero(index.similarities[rows] >= LOOK_ALIKE)
    copies = index.neighbours[rows[at], which]
    for row, copy in zip(rows[at].tolist(), copies.tolist(), strict=True):
        found.setdefault(row, []).append(copy)
    return found


def match_names(text: str, index: Index) -> dict[int, float]:
    """How closely a short text resembles listings' names: row -> similarity in (0, 1].

    What the term map knows ("refugees") is a topic; only the whole name makes it a name.
    """
    typed = words(text)
    if not typed or len(typed) > MAX_NAME_WORDS:
        return {}
    joined = " ".join(typed)
    is_topic = phrase_key(typed) in index.phrases
    numbers, shared, n_grams = index.name_grams.overlaps(joined)
    sizes = index.name_grams.sizes[numbers]
    dice = 2 * shared / (sizes + n_grams)
    likely = np.maximum(dice, 0.9 * shared / np.maximum(sizes, 1))
    worth = np.flatnonzero(likely >= NAME_LIKELY)
    best = worth[np.argsort(-likely[worth], kind="stable")[:NAME_CANDIDATES]]
    found: dict[int, float] = {}
    for number, overlap in zip(numbers[best].tolist(), dice[best].tolist(), strict=True):
        row = int(index.name_rows[number])
        loose = 0.0 if is_topic else 0.8 * (overlap - NAME_FLOOR) / (1 - NAME_FLOOR)
        likeness = max(loose, _likeness(joined, index.name_strings[number], is_topic))
        if likeness > 0:
            found[row] = max(found.get(row, 0.0), likeness)
    return found


def _likeness(typed: str, name: str, is_topic: bool) -> float:
    """Similarity by whole words, or by edits where a letter or two went wrong."""
    if name == typed or is_topic:
        return float(name == typed)
    if f" {name} " in f" {typed} ":
        return NAME_CERTAIN * (len(name) / len(typed) >= NAME_SHARE)
    limit = 1 if len(typed) < 8 else 2
    distance = edit_distance(typed, name, limit)
    return 1 - distance / 10 if distance <= limit and len(typed) >= 5 else 0.0
