"""Which place a donor means by what was typed.

The arrays are mapped into memory, so that no worker builds them again.
"""

from __future__ import annotations

import difflib
import re
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass, fields
from functools import partial
from itertools import compress
from pathlib import Path

import numpy as np

from recommender.errors import UnknownPlace
from recommender.geo.distance import Array
from recommender.geo.names import normalise
from recommender.models import Place, PlaceKind

MAX_TEXT_LENGTH = 120
# A bare city name means the largest city of that name only where that one has at least
# this many times the ZIP codes of the next: Boston and Chicago, but not Portland.
DOMINANCE = 9
# Zero-padded fixed-width text: the longest name in the ZIP code data has 30 bytes.
NAME_BYTES = 48
# Spelling similarity in [0, 1], by difflib.
NEARLY_SAME = 0.85
SIMILAR = 0.72

_ZIP_AT_END = re.compile(r"(?:^| )([0-9]{5})(?: ?[0-9]{4})?$")
_FILLER = re.compile(
    r"\b(?:greater|gran|metro|metropolitan|metropolitana|area|region|"
    r"(?:state|estado|city|ciudad|town|area) (?:of|de)|"
    r"us|usa|united states|eeuu|ee uu|estados unidos)\b"
)
_MAX_STATE_WORDS = 5


def _suffix_splits(words: Sequence[str]) -> Iterator[tuple[str, str]]:
    """(city, state) readings of the words, the longest state first."""
    for size in range(min(_MAX_STATE_WORDS, len(words) - 1), 0, -1):
        yield " ".join(words[:-size]), " ".join(words[-size:])


@dataclass(frozen=True, kw_only=True)
class Gazetteer:
    """Every ZIP code, city, county and state that can be typed, as sorted arrays.

    A *place* is one row of the `place_*` arrays; a *key* is a normalised name that leads
    to a place; several keys lead to one place, and one key may lead to several.

    Attributes:
        zips: ZIP codes, sorted, `S5`.
        zip_places: The city of each ZIP code, a row of `place_*`.
        zip_coordinates: (n, 2) latitude and longitude in degrees.
        keys: Normalised names, sorted, fixed-width ASCII.
        key_places: The place of each key.
        key_preferred: Whether the key alone, without a state, always means this place.
        place_names: Names for people, UTF-8.
        place_states: Two-letter codes, `S2`.
        place_coordinates: (n, 2) latitude and longitude in degrees.
        place_weights: Number of ZIP codes with street delivery; 0 for informal names.
        place_is_state: Whether the place is a whole state.
    """

    zips: Array
    zip_places: Array
    zip_coordinates: Array
    keys: Array
    key_places: Array
    key_preferred: Array
    place_names: Array
    place_states: Array
    place_coordinates: Array
    place_weights: Array
    place_is_state: Array

    @classmethod
    def load(cls, directory: Path) -> Gazetteer:
        """Map a saved gazetteer into memory."""
        return cls(
            **{
                # Plain views of the maps: `np.memmap` costs a call of Python at every access.
                name: np.load(directory / f"{name}.npy", mmap_mode="r", allow_pickle=False).view(
                    np.ndarray
                )
                for name in _array_names()
            }
        )

    def save(self, directory: Path) -> None:
        """Write the arrays into a directory that exists."""
        for name in _array_names():
            np.save(directory / f"{name}.npy", getattr(self, name), allow_pickle=False)

    def resolve(self, text: str) -> Place:
        """The place that a donor means.

        Raises:
            UnknownPlace: Nothing has that name, or several places do.
        """
        words = normalise(text) if len(text) <= MAX_TEXT_LENGTH else ""
        if not words:
            raise UnknownPlace("Please give a city and state, a state, or a ZIP code.")
        place = self._zip_at_end(words) or self._named(words) or self._some_parts(text)
        if place is None:
            raise UnknownPlace(self._why_unknown(words), suggestions=tuple(self.suggest(text)))
        return place

    def suggest(self, text: str, n: int = 5) -> list[str]:
        """Labels of places that the text may have meant, the likeliest first."""
        name, state = self._split(normalise(text[:MAX_TEXT_LENGTH]))
        if not name or n < 1:
            return []
        rows: dict[int, None] = {}
        for source in (
            self._exact,
            self._starting,
            partial(self._similar, cutoff=NEARLY_SAME),
            self._opening,
            partial(self._similar, cutoff=SIMILAR),
        ):
            rows.update(dict.fromkeys(source(name, state)))
            if len(rows) > 2:
                break
        city, comma, _ = text.partition(",")
        if comma and not rows:
            return self.suggest(city, n)
        return [self._label(row) for row in list(rows)[:n]]

    def coordinates(
        self,
        *,
        city: str = "",
        state: str = "",
        zip: str = "",  # noqa: A002 - the word people use
    ) -> tuple[float, float] | None:
        """Latitude and longitude of an address: by ZIP code, else by city and state."""
        found = self._zip_at_end(normalise(zip))
        if found is None and city and state:
            found = self._named(f"{normalise(city)} {normalise(state)}")
        if found is None or found.kind is PlaceKind.STATE:
            return None
        return found.latitude, found.longitude

    def rows_in_state(self, name: str, state_name: str) -> tuple[int, ...]:
        """The towns and counties of a normalised name in a state, largest first."""
        state = self.state_row(state_name)
        if state is None:
            return ()
        rows = self._exact(name, self.state_of(state))
        return tuple(row for row in rows if not self.place_is_state[row])

    def rows_named(self, name: str, *, min_zips: int) -> tuple[int, ...]:
        """The places that a bare normalised name may mean: one, or several of that name.

        A name that only small places have, with fewer ZIP codes than `min_zips`, means none.
        """
        keys = self._keys(name)
        if preferred := self._preferred(keys):
            return (preferred[0],)
        towns = [row for row in self._places(keys) if not self.place_is_state.item(row)]
        if max(map(self.place_weights.item, towns), default=0) < min_zips:
            return ()
        row = self._row(name)
        return tuple(self._by_size(towns)) if row is None else (row,)

    def has(self, name: str) -> bool:
        """Whether a normalised name leads to any place."""
        at = self._lower_bound(name)
        return at < len(self.keys) and self.keys.item(at) == name.encode()

    def find_beginnings(self, words: Sequence[str]) -> set[str]:
        """Those of some normalised words that are the first word of any name."""
        asked = np.array([word.encode() for word in words], dtype=self.keys.dtype)
        # The names that begin with a word come first of all that are not before it.
        nearest = self.keys.take(self.keys.searchsorted(asked), mode="clip").tolist()
        first = (key.partition(b" ")[0] for key in nearest)
        return {word for word, key in zip(words, first, strict=True) if word.encode() == key}

    def _preferred(self, keys: range) -> list[int]:
        """The places that some keys always mean."""
        are_preferred = self.key_preferred[keys.start : keys.stop].tolist()
        return [*compress(self._places(keys), are_preferred)]

    def _places(self, keys: range) -> list[int]:
        places: list[int] = self.key_places[keys.start : keys.stop].tolist()
        return places

    def _zip_at_end(self, words: str) -> Place | None:
        match = _ZIP_AT_END.search(words)
        return self._zip(match[1]) if match else None

    def _zip(self, code: str) -> Place | None:
        at = int(np.searchsorted(self.zips, code.encode()))
        if at == len(self.zips) or self.zips[at] != code.encode():
            return None
        row = int(self.zip_places[at])
        latitude, longitude = self.zip_coordinates[at].tolist()
        return Place(
            label=f"{self._label(row)} {code}",
            kind=PlaceKind.ZIP,
            state=self.state_of(row),
            latitude=latitude,
            longitude=longitude,
            zip=code,
        )

    def _named(self, words: str) -> Place | None:
        """The place of normalised words, read as they stand, then without "greater" and such."""
        without_zip = _ZIP_AT_END.sub("", words)
        readings = (without_zip, " ".join(_FILLER.sub(" ", without_zip).split()))
        for reading in dict.fromkeys(readings):
            row = self._row(reading)
            if row is not None:
                return self.place(row)
        return None

    def _some_parts(self, text: str) -> Place | None:
        """The place of "Koreatown, Los Angeles, CA": the first and last parts, or the last few."""
        parts = text.split(",")
        readings = [parts[:1] + parts[-1:]] + [parts[at:] for at in range(1, len(parts) - 1)]
        for reading in readings if len(parts) > 2 else ():
            place = self._named(normalise(" ".join(reading)))
            if place is not None and place.kind is not PlaceKind.STATE:
                return place
        return None

    def _row(self, words: str) -> int | None:
        if preferred := self._preferred(self._keys(words)):
            return preferred[0]
        state = self.state_row(words)
        return next(
            (
                row
                for row in (state, self._in_state(words), self._dominant(words))
                if row is not None
            ),
            None,
        )

    def state_row(self, words: str) -> int | None:
        """The row of a state by a normalised name, code or abbreviation."""
        places = self._places(self._keys(words))
        return next((row for row in places if self.place_is_state[row]), None)

    def _in_state(self, words: str) -> int | None:
        for name, state_name in _suffix_splits(words.split()):
            state = self.state_row(state_name)
            if state is not None:
                rows = self._exact(name, self.state_of(state))
                cities = [row for row in rows if not self.place_is_state[row]]
                if cities:
                    return cities[0]
        return None

    def _dominant(self, words: str) -> int | None:
        rows = self._exact(words, "")
        if len(rows) < 2:
            return rows[0] if rows else None
        first, second = (int(self.place_weights[row]) for row in rows[:2])
        return rows[0] if first > 0 and first >= DOMINANCE * second else None

    def _why_unknown(self, words: str) -> str:
        if len(self._exact(words, "")) > 1:
            return "More than one place has that name. Please add the state."
        return "We could not find that place. Please give a city and state, or a ZIP code."

    def _split(self, words: str) -> tuple[str, str]:
        """A name and the state code after it, or the words as they are and no state."""
        for name, state_name in _suffix_splits(words.split()):
            state = self.state_row(state_name)
            if state is not None:
                return name, self.state_of(state)
        return words, ""

    def _exact(self, name: str, state: str) -> list[int]:
        return self._rows(self._keys(name), state)

    def _starting(self, name: str, state: str) -> list[int]:
        if len(name) < 3:
            return []
        return self._rows(range(self._lower_bound(name), self._lower_bound(name + "~")), state)

    def _similar(self, name: str, state: str, *, cutoff: float) -> list[int]:
        """Places whose name is spelt much like this one, nearest in spelling first."""
        if state:
            candidates = np.flatnonzero(self.place_states[self.key_places] == state.encode())
        else:
            bounds = (self._lower_bound(name[0]), self._lower_bound(name[0] + "~"))
            candidates = np.arange(*bounds)
        candidates = candidates[self.place_weights[self.key_places[candidates]] > 0]
        lengths = np.char.str_len(self.keys[candidates])
        near = self.keys[candidates[np.abs(lengths - len(name)) <= 2]]
        spellings = [key.decode() for key in np.unique(near)]
        close = difflib.get_close_matches(name, spellings, n=5, cutoff=cutoff)
        return [row for spelling in close for row in self._meant(spelling, state)]

    def _opening(self, name: str, state: str) -> list[int]:
        """The two largest places named by the first words: "Paris" of "paris france"."""
        words = name.split()
        openings = (" ".join(words[:size]) for size in range(len(words) - 1, 0, -1))
        return next((rows for opening in openings if (rows := self._meant(opening, state))), [])

    def _meant(self, name: str, state: str) -> list[int]:
        """The place that a bare name means, or else the two largest of that name."""
        row = None if state else self._row(name)
        return self._exact(name, state)[:2] if row is None else [row]

    def _keys(self, name: str) -> range:
        return range(self._lower_bound(name), self._lower_bound(name + "\x01"))

    def _lower_bound(self, name: str) -> int:
        return self.keys.searchsorted(name.encode()[:NAME_BYTES]).item()

    def _rows(self, keys: range, state: str) -> list[int]:
        """The places of keys, within a state if one is given, largest first."""
        rows = dict.fromkeys(self._places(keys))
        return self._by_size(row for row in rows if not state or self.state_of(row) == state)

    def _by_size(self, rows: Iterable[int]) -> list[int]:
        return sorted({*rows}, key=lambda row: (-int(self.place_weights[row]), row))

    def state_of(self, row: int) -> str:
        """The two letters of the state that a place is, or is in."""
        code: str = self.place_states[row].decode()
        return code

    def _label(self, row: int) -> str:
        name: str = self.place_names[row].decode()
        return name if self.place_is_state[row] else f"{name}, {self.state_of(row)}"

    def place(self, row: int) -> Place:
        """A row as a place."""
        latitude, longitude = self.place_coordinates[row].tolist()
        return Place(
            label=self._label(row),
            kind=PlaceKind.STATE if self.place_is_state[row] else PlaceKind.CITY,
            state=self.state_of(row),
            latitude=latitude,
            longitude=longitude,
        )


def _array_names() -> list[str]:
    return [field.name for field in fields(Gazetteer)]
