"""The places in the United States that an article speaks of."""

from __future__ import annotations

import re
from collections import defaultdict
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from functools import cache, partial

from recommender.geo.gazetteer import Gazetteer
from recommender.geo.names import PREFIXES, normalise
from recommender.geo.states import STATES
from recommender.models import Place, PlaceKind

MAX_NAME_WORDS = 4
MIN_LOCAL_SHARE = 0.4
"""A text is about a state when this share of all mentions falls to it and its towns."""
WORDS_PER_WEIGHT = 200
MIN_WEIGHT, MAX_MIN_WEIGHT = 1.0, 4.0
"""What a place must gather to count: one bare mention in a short text, several in a long one."""
CITY_SHARE = 0.4
"""A town comes before its own state when it has this share of the state's mentions."""
LARGE_CITY_ZIPS = 6
"""A bare name that is no nickname means a town only where the town is about this large."""

_WITH_STATE, _AFTER_PREPOSITION, _BARE, _PART = 3.0, 2.0, 1.0, 0.5
_POSSESSIVE = re.compile(r"['’](?<=\w.)s\b")
_TOKEN = re.compile(  # "L.A.", a word, or a mark
    r"[^\W\d_](?:\.(?:[^\W\d_]\.)+|[^\W\d_]*(?:['’-][^\W\d_]+)*)|[^\s\w]"
)
_PREPOSITIONS = frozenset(
    "in near around across outside inside throughout within from at "
    "en cerca desde hacia por a para de".split()
)
_ENDS = frozenset('.!?:“”"')
_PARTICLES = frozenset({"of", "de", "del", "du", "the", "la", "las", "los"})
_NEWSPAPERS = frozenset(
    "times post tribune chronicle globe herald journal inquirer guardian".split()
)
# Words that may follow a place with a capital and leave it a place.
_OFFICES = frozenset("mayor police county city public metro area gov governor sen rep".split())
_STATE_NAMES = {
    normalise(name): code
    for code, names in STATES.items()
    for name in (names.en, names.es)
    # The man or the city, and the city: only with "state" they are states.
    if name not in ("Washington", "New York", "Nueva York")
} | {
    "washington state": "WA",
    "new york state": "NY",
    "nueva york state": "NY",
}


_STATE_BEGINNINGS = frozenset(name.partition(" ")[0] for name in _STATE_NAMES)


@dataclass(frozen=True, kw_only=True)
class _Mention:
    """A name of one place or of several, and how much it says that the text is about it."""

    rows: tuple[int, ...]
    weight: float
    at: int


def find_places(text: str, gazetteer: Gazetteer, *, n: int = 3) -> tuple[Place, ...]:
    """The places that a text speaks of, most spoken-of first.

    A name that several towns have is the one in a state that the text names; without any it
    counts only where one is much larger. A text that names places all over the country, or
    none, speaks of none in particular.

    Args:
        text: English or Spanish prose with its capitals.
        gazetteer: The place tables.
        n: At most so many places.
    """
    tokens = _tokenise(text)
    least = min(max(len(tokens) / WORDS_PER_WEIGHT, MIN_WEIGHT), MAX_MIN_WEIGHT)
    weights: defaultdict[int, float] = defaultdict(float)
    first: dict[int, int] = {}
    for row, weight, at in _Reader(gazetteer, tokens).read():
        weights[row] += weight
        first.setdefault(row, at)
    by_state: defaultdict[str, float] = defaultdict(float)
    for row, weight in weights.items():
        by_state[gazetteer.state_of(row)] += weight
    total = sum(weights.values())
    places = [
        row
        for row, weight in weights.items()
        if weight >= least and by_state[gazetteer.state_of(row)] >= MIN_LOCAL_SHARE * total
    ]
    places.sort(key=lambda row: (-_rank(row, weights, gazetteer), first[row]))
    return tuple(gazetteer.place(row) for row in places[:n])


def _tokenise(text: str) -> list[str]:
    """The words and marks of a text, without the endings of possessives."""
    tokens: list[str] = []
    for chunk in _POSSESSIVE.sub("", text).split():
        if chunk.isalpha():  # as most are, and nothing else is as quick
            tokens.append(chunk)
        else:
            tokens += _TOKEN.findall(chunk)
    return tokens


def _rank(row: int, weights: dict[int, float], gazetteer: Gazetteer) -> float:
    """The weight of a place; a state yields to a town of its own that the text is about."""
    if gazetteer.place(row).kind is not PlaceKind.STATE:
        return weights[row] / CITY_SHARE
    return weights[row]


class _Reader:
    """Reads the mentions of one text: first the sure ones, then bare names by their states."""

    def __init__(self, gazetteer: Gazetteer, tokens: Sequence[str]) -> None:
        self._gazetteer = gazetteer
        self._tokens = tokens
        # A text says the same names again and again.
        self._known_name = cache(self._find)
        self._state_of = cache(gazetteer.state_of)
        self._rows_named = cache(partial(gazetteer.rows_named, min_zips=LARGE_CITY_ZIPS))

    def read(self) -> Iterator[tuple[int, float, int]]:
        """Each mention as (row of the place, weight, position)."""
        mentions = list(self._mentions())
        states: defaultdict[str, float] = defaultdict(float)
        for mention in mentions:
            if len(mention.rows) == 1:
                states[self._state_of(mention.rows[0])] += mention.weight
        for mention in mentions:
            row = self._decide(mention, states)
            if row is not None:
                yield row, mention.weight, mention.at

    def _decide(self, mention: _Mention, states: dict[str, float]) -> int | None:
        if len(mention.rows) == 1:
            return mention.rows[0]
        named = {row: states.get(self._state_of(row), 0.0) for row in mention.rows}
        best = max(named, key=lambda row: named[row])
        return best if named[best] > 0 else None

    def _mentions(self) -> Iterator[_Mention]:
        beginnings, after = self._beginnings(), 0
        for at in [at for at, token in enumerate(self._tokens) if token in beginnings]:
            found = self._mention(at) if at >= after else None
            if found is not None:
                mention, after = found
                yield mention

    def _beginnings(self) -> set[str]:
        """The words of the text, each with a capital, that a name may begin with."""
        capital = [token for token in {*self._tokens} if token[0].isupper()]
        first = {token: normalise(token).partition(" ")[0] for token in capital}
        # What is joined with the next word, or is nothing by itself, begins with that.
        known = {"", *_STATE_BEGINNINGS, *PREFIXES}
        known |= self._gazetteer.find_beginnings([*{*first.values()} - known])
        return {token for token, word in first.items() if word in known}

    def _mention(self, at: int) -> tuple[_Mention, int] | None:
        """The longest name that begins here, and where the text goes on."""
        for name, after in self._names(at):
            stated = self._with_state(name, after)
            if stated is not None:
                rows, after = stated
                weight = _BARE if name == "washington" else _WITH_STATE
                return _Mention(rows=rows, weight=weight, at=at), after
            rows = self._bare(name, at, after)
            if rows:
                return _Mention(rows=rows, weight=self._weight(at, after), at=at), after
        return None

    def _names(self, at: int) -> Iterator[tuple[str, int]]:
        """The known names that begin here, longest first, each with where it ends."""
        for after in reversed([*self._ends(at)]):
            name = self._known_name(" ".join(self._tokens[at:after]))
            if name:
                yield name, after

    def _ends(self, at: int) -> Iterator[int]:
        """Where a name that begins here may end: after a capital, only particles without one."""
        before = ""
        for after, word in enumerate(self._tokens[at : at + MAX_NAME_WORDS], start=at + 1):
            if word[0].isupper():
                if word[0].isalpha():
                    yield after
            elif word not in _PARTICLES or before.endswith("."):
                return
            before = word

    def _find(self, written: str) -> str:
        """The normalised name, or "" where no place is called so."""
        name = normalise(written)
        return name if name in _STATE_NAMES or self._gazetteer.has(name) else ""

    def _weight(self, at: int, after: int) -> float:
        if self._is_part_of_another_name(at, after):
            return _PART
        if self._at(at - 1).lower() in _PREPOSITIONS:
            return _AFTER_PREPOSITION
        # "Mobile clinics", "Reading lessons": any word has a capital there.
        is_plain_word = after - at == 1 and "." not in self._at(at)
        return _PART if is_plain_word and self._starts_sentence(at) else _BARE

    def _with_state(self, name: str, after: int) -> tuple[tuple[int, ...], int] | None:
        """A town followed by a comma and its state, e.g. "Yakima, Wash."."""
        if self._at(after) != ",":
            return None
        for size in (3, 2, 1):
            words = self._tokens[after + 1 : after + 1 + size]
            if not words or not words[0][0].isupper():
                continue
            rows = self._gazetteer.rows_in_state(name, normalise(" ".join(words)))
            if rows:
                return rows[:1], after + 1 + len(words)
        return None

    def _bare(self, name: str, at: int, after: int) -> tuple[int, ...]:
        if self._at(after) == "state" or self._tokens[max(at - 2, 0) : at] == ["estado", "de"]:
            name += " state"
        if name == "washington" or self._at(after).lower() in _NEWSPAPERS:
            return ()
        if name in _STATE_NAMES:
            row = self._gazetteer.state_row(_STATE_NAMES[name].lower())
            return () if row is None else (row,)
        if len(name) < 4 and not "".join(self._tokens[at:after]).replace(".", "").isupper():
            # "La" begins many a Spanish sentence; "LA" and "L.A." are Los Angeles.
            return ()
        rows = self._rows_named(name)
        # "Lawrence" in "Robyn Griggs Lawrence" is no town, whichever of them is meant.
        is_person = len(rows) > 1 and self._is_part_of_another_name(at, after)
        return () if is_person else rows

    def _is_part_of_another_name(self, at: int, after: int) -> bool:
        """Whether the words before or after belong to it: "Karen Bass", "Boston College"."""
        before, following = self._at(at - 1), self._at(after)
        if before[:1].isupper() and not self._starts_sentence(at - 1):
            return True
        return following[:1].isupper() and following.lower() not in _OFFICES

    def _starts_sentence(self, at: int) -> bool:
        return at <= 0 or self._tokens[at - 1] in _ENDS

    def _at(self, position: int) -> str:
        return self._tokens[position] if 0 <= position < len(self._tokens) else ""
