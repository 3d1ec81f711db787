"""Every number that changes the order, in one table of features.

Each feature is a function that returns a score in [0, 1] for every candidate; what it
saw stays in the `Signals` for the explanation. A match's score is the weighted mean of
the features that apply, lifted towards 1 where what was typed is the listing's name; so it
lies in [0, 1] and its parts add up to it.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from functools import lru_cache

import numpy as np
import numpy.typing as npt

from recommender.geo import state_names
from recommender.index import Index
from recommender.models import DonorProfile
from recommender.nearness import NearnessArrays
from recommender.query import Query
from recommender.retrieval import TopicScores
from recommender.text import (
    edit_distance,
    is_filler,
    is_stop_word,
    name_key,
    phrase_key,
    singular,
    words,
)

Scores = npt.NDArray[np.float32]

SPECIFIC_IMPORTANCE = 4.0
BROAD_SPECIFICITY = 0.4
LIFT = "lift"
"""The group whose features, last in the table, lift a score towards 1 by their weight."""
MAX_NAME_WORDS = 16
MAX_NAME_LETTERS = 400
NAME_FLOOR = 0.6
NAME_CERTAIN = 0.9
NAME_BARE = 0.99
NAME_BY_EDITS = (0.99, 0.96, 0.8, 0.0)
NAME_BY_KEY_EDITS = (0.98, 0.95, 0.8, 0.0)
"""By how many letters are wrong, of all or of all but small words; two leave it uncertain."""
NAME_BY_INITIALS = 0.97
NAME_WITH_PLACE = 0.93
NAME_PART = 0.7
"""Words of a name, at least two, where not all are topics: it is meant where few have them."""
NAME_FEW = 3
NAME_CANDIDATES = 30
NAME_LIKELY = 0.4
SHORT_NAME = 6
SHORT_NAME_LIKELY = 0.2
"""Two letters swapped in the middle of five leave a fifth of the trigrams."""
NAME_SHARE = 0.35
"""A name inside a longer text must be this share of it: "safe" is also just a word."""
SMALL_WEIGHT = 0.035
"""So that even "much smaller first", twice this, costs less than 2 % nDCG@10 on the judged
donors (`python -m benchmarks.fairness`); at 0.25 it was 14 %."""
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
    """What the most similar listings score, lent to this one."""
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
            "Each listing borrows part of its topic score from the listings most similar to it, "
            "so that one with a short description is not passed over."
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
        weight=SMALL_WEIGHT,
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
            "If what you typed is the name of a listed group or its initials, give or take a "
            "letter, that group comes first. If it only resembles the name, the group rises."
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

    A listing whose name was typed, give or take a letter, comes before all others; the
    closer name comes first.
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
    named = np.where(signals.names >= NAME_CERTAIN, signals.names.astype(np.float64), 0)
    # Rounded, so that the last bits of a sum do not decide between equals; rows are in order.
    order = np.argsort(-np.round(scores, 6) - 1000 * np.round(named, 3), kind="stable")
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
    typed = words(text) if len(text) <= MAX_NAME_LETTERS else []
    if not typed or len(typed) > MAX_NAME_WORDS:
        return {}
    asked = _read_name(" ".join(typed))
    is_topic = phrase_key(typed) in index.phrases
    found = {} if is_topic else dict.fromkeys(_find_by_initials(asked, index), NAME_BY_INITIALS)
    at_least = NAME_LIKELY if len(asked.text) > SHORT_NAME else SHORT_NAME_LIKELY
    for number, dice in index.name_grams.near(asked.text, n=NAME_CANDIDATES, at_least=at_least):
        row, name = int(index.name_rows[number]), _read_listed(index.name_strings[number])
        if is_topic:
            likeness = float(name.text == asked.text)
        else:
            loose = 0.8 * (dice - NAME_FLOOR) / (1 - NAME_FLOOR)
            likeness = max(loose, _likeness(asked, name, row, index))
        if likeness > 0:
            found[row] = max(found.get(row, 0.0), likeness)
    return _name_the_few(found)


@dataclass(frozen=True, kw_only=True)
class _Name:
    """A folded name: whole, without form of law, and also without stop words."""

    text: str
    bare: str
    key: str


def _read_name(name: str) -> _Name:
    bare = name_key(name)
    key = " ".join(word for word in bare.split() if not is_stop_word(word))
    return _Name(text=name, bare=bare, key=key or bare)


_read_listed = lru_cache(maxsize=20_000)(_read_name)
"""Keeps names of listings; what a donor types is never kept."""


def _name_the_few(found: dict[int, float]) -> dict[int, float]:
    """Words of the names of but a few listings mean these, unless a closer name was found."""
    few = [row for row, likeness in found.items() if likeness == NAME_PART]
    if len(few) > NAME_FEW:
        return found
    return found | dict.fromkeys(few, NAME_CERTAIN)


def _find_by_initials(asked: _Name, index: Index) -> list[int]:
    """The few listings abbreviated so, where what was typed is no word that listings use."""
    rows = index.rows_with(f"initials:{asked.text}").tolist()
    return [] if len(rows) > NAME_CANDIDATES or asked.text in index.known_words else rows


def _likeness(asked: _Name, name: _Name, row: int, index: Index) -> float:
    """Similarity by whole words, or by edits where a letter or two went wrong."""
    if name.text == asked.text:
        return 1.0
    if name.bare == asked.bare:
        return NAME_BARE
    whole, key = _distance(asked.bare, name.bare), _distance(asked.key, name.key)
    if min(whole, key) <= 2 and (not key or _may_be_mistyped(asked, index)):
        return max(NAME_BY_EDITS[whole], NAME_BY_KEY_EDITS[key])
    if f" {name.key} " in f" {asked.key} ":
        return _inside(asked, name.key, row, index)
    return NAME_PART * _is_part(asked, name, index)


def _is_part(asked: _Name, name: _Name, index: Index) -> bool:
    """Whether several of the name's words were typed, and not mere topics."""
    part = {*asked.key.split()}
    if len(part) < 2 or not part <= {*name.key.split()}:
        return False
    return any(singular(word) not in index.phrases for word in part)


def _distance(typed: str, name: str) -> int:
    """How many letters are wrong: 3 is more than may be."""
    limit = 1 if len(typed) < 8 else 2
    distance = edit_distance(typed, name, limit)
    return distance if distance <= limit else 3


def _may_be_mistyped(asked: _Name, index: Index) -> bool:
    """Whether another name may be meant: "hope" is a word of its own, "wias" is none."""
    n_letters = len(asked.key)
    return n_letters > 4 or (n_letters == 4 and asked.key not in index.known_words)


def _inside(asked: _Name, key: str, row: int, index: Index) -> float:
    """The likeness of a name that was typed with more: with its city it is meant, or alone."""
    rest = {*asked.key.split()} - {*key.split()}
    more = {word for word in rest if not is_filler(word)}
    share = len(key) / len(asked.key)
    if not more or more <= _place_words(row, index):
        return NAME_WITH_PLACE * (not is_filler(key))
    is_clear = " " in key and share >= NAME_SHARE
    return (NAME_CERTAIN + (NAME_WITH_PLACE - NAME_CERTAIN) * share) * is_clear


def _place_words(row: int, index: Index) -> set[str]:
    offices = index.nonprofit(row).shown_locations
    names = state_names(place.state for place in offices)
    return {*words(" ".join((*names, *(f"{place.city} {place.state}" for place in offices))))}
