"""Places: what a donor types, and what an address says, as coordinates in the US.

The gazetteer is built once from ZIP code data and `data/places.json`, and kept as plain
arrays, so that a web worker maps it into memory instead of building it again.
"""

from __future__ import annotations

import difflib
import json
import re
import unicodedata
from collections import defaultdict
from collections.abc import Callable, Iterable, Iterator, Sequence
from dataclasses import dataclass, fields, replace
from functools import partial
from pathlib import Path
from typing import Any

import numpy as np

from recommender.errors import UnknownPlace
from recommender.models import Language, Place, PlaceKind

EARTH_RADIUS_KM = 6371.0088
MAX_TEXT_LENGTH = 120
# A bare city name means the largest city of that name only where that one has at least
# this many times the ZIP codes of the next: Boston and Chicago, but not Portland.
DOMINANCE = 9
# Zero-padded fixed-width text: the longest name in the ZIP code data has 30 bytes.
NAME_BYTES = 48
# Spelling similarity in [0, 1], by difflib.
NEARLY_SAME = 0.85
SIMILAR = 0.72

Array = np.ndarray[Any, np.dtype[Any]]


@dataclass(frozen=True, kw_only=True)
class StateNames:
    """The names of a state, district or territory."""

    en: str
    es: str

    def name(self, language: Language) -> str:
        """The name in one language."""
        return self.es if language is Language.ES else self.en


def _states(table: str) -> dict[str, StateNames]:
    rows = (line.split("|") for line in table.split("\n") if line)
    return {code: StateNames(en=en, es=es or en) for code, en, es in rows}


STATES = _states("""
AL|Alabama|
AK|Alaska|
AZ|Arizona|
AR|Arkansas|
CA|California|
CO|Colorado|
CT|Connecticut|
DE|Delaware|
DC|District of Columbia|Distrito de Columbia
FL|Florida|
GA|Georgia|
HI|Hawaii|Hawái
ID|Idaho|
IL|Illinois|
IN|Indiana|
IA|Iowa|
KS|Kansas|
KY|Kentucky|
LA|Louisiana|Luisiana
ME|Maine|
MD|Maryland|
MA|Massachusetts|
MI|Michigan|Míchigan
MN|Minnesota|
MS|Mississippi|Misisipi
MO|Missouri|Misuri
MT|Montana|
NE|Nebraska|
NV|Nevada|
NH|New Hampshire|Nuevo Hampshire
NJ|New Jersey|Nueva Jersey
NM|New Mexico|Nuevo México
NY|New York|Nueva York
NC|North Carolina|Carolina del Norte
ND|North Dakota|Dakota del Norte
OH|Ohio|
OK|Oklahoma|
OR|Oregon|Oregón
PA|Pennsylvania|Pensilvania
RI|Rhode Island|
SC|South Carolina|Carolina del Sur
SD|South Dakota|Dakota del Sur
TN|Tennessee|
TX|Texas|
UT|Utah|
VT|Vermont|
VA|Virginia|
WA|Washington|
WV|West Virginia|Virginia Occidental
WI|Wisconsin|
WY|Wyoming|
AS|American Samoa|Samoa Americana
GU|Guam|
MP|Northern Mariana Islands|Islas Marianas del Norte
PR|Puerto Rico|
VI|U.S. Virgin Islands|Islas Vírgenes de EE. UU.
""")
# "New York" alone means the city, so the label of the state has to say more.
_STATE_LABELS = {"NY": "New York State"}


def haversine_km(latitude: float, longitude: float, latitudes: Array, longitudes: Array) -> Array:
    """Great-circle distances from one point to many.

    Args:
        latitude: Degrees north.
        longitude: Degrees east.
        latitudes: Degrees north, any shape; NaN where unknown.
        longitudes: Degrees east, the same shape.

    Returns:
        Kilometres, float64, the same shape; NaN where a coordinate is NaN.
    """
    phi, lam = np.radians(latitude), np.radians(longitude)
    phis = np.radians(np.asarray(latitudes, dtype=np.float64))
    lams = np.radians(np.asarray(longitudes, dtype=np.float64))
    squared_half_chord = (
        np.sin((phis - phi) / 2) ** 2 + np.cos(phi) * np.cos(phis) * np.sin((lams - lam) / 2) ** 2
    )
    kilometres: Array = 2 * EARTH_RADIUS_KM * np.arcsin(np.sqrt(np.clip(squared_half_chord, 0, 1)))
    return kilometres


_INITIAL_DOT = re.compile(r"(?<=\b\w)\.")
_APOSTROPHES = re.compile(r"['`´‘’ʻʼ]")
_NOT_WORD = re.compile(r"[^a-z0-9]+")
_SHORTENED = {"saint": "st", "sainte": "ste", "fort": "ft", "mount": "mt"}
_JOINED = re.compile(r"\b(mc|[dlo]) (?=[a-z]{3})")


def normalise(text: str) -> str:
    """The form under which names are compared: lower-case ASCII words, "Saint" as "st".

    "L.A." becomes "la", "Cañon City" "canon city", "O'Fallon" and "O Fallon" "ofallon".
    """
    decomposed = unicodedata.normalize("NFKD", text.replace("´", "'"))
    letters = "".join(char for char in decomposed if not unicodedata.combining(char)).casefold()
    plain = _NOT_WORD.sub(" ", _APOSTROPHES.sub("", _INITIAL_DOT.sub("", letters))).strip()
    return _JOINED.sub(r"\1", " ".join(_SHORTENED.get(word, word) for word in plain.split()))


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
    def build(cls, aliases_path: Path) -> Gazetteer:
        """Read the ZIP code data and the alias file.

        Raises:
            KeyError: The alias file names a city that is not in the ZIP code data.
        """
        import zipcodes  # here, because only a build needs its 40 MB

        aliases = json.loads(aliases_path.read_text(encoding="utf-8"))
        return _Builder(zipcodes.list_all()).gazetteer(aliases)  # type: ignore[no-untyped-call]

    @classmethod
    def load(cls, directory: Path) -> Gazetteer:
        """Map a saved gazetteer into memory."""
        return cls(
            **{
                name: np.load(directory / f"{name}.npy", mmap_mode="r", allow_pickle=False)
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
            state=self._state(row),
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
                return self._place(row)
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
        keys = self._keys(words)
        preferred = [int(self.key_places[key]) for key in keys if self.key_preferred[key]]
        if preferred:
            return preferred[0]
        state = self._state_row(words)
        return next(
            (
                row
                for row in (state, self._in_state(words), self._dominant(words))
                if row is not None
            ),
            None,
        )

    def _state_row(self, words: str) -> int | None:
        rows = (int(self.key_places[key]) for key in self._keys(words))
        return next((row for row in rows if self.place_is_state[row]), None)

    def _in_state(self, words: str) -> int | None:
        for name, state_name in _suffix_splits(words.split()):
            state = self._state_row(state_name)
            if state is not None:
                rows = self._exact(name, self._state(state))
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
            state = self._state_row(state_name)
            if state is not None:
                return name, self._state(state)
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
        return int(np.searchsorted(self.keys, name.encode()[:NAME_BYTES]))

    def _rows(self, keys: Iterable[int], state: str) -> list[int]:
        """The places of keys, within a state if one is given, largest first."""
        rows = dict.fromkeys(int(self.key_places[key]) for key in keys)
        kept = [row for row in rows if not state or self._state(row) == state]
        return sorted(kept, key=lambda row: (-int(self.place_weights[row]), row))

    def _state(self, row: int) -> str:
        code: str = self.place_states[row].decode()
        return code

    def _label(self, row: int) -> str:
        name: str = self.place_names[row].decode()
        return name if self.place_is_state[row] else f"{name}, {self._state(row)}"

    def _place(self, row: int) -> Place:
        latitude, longitude = self.place_coordinates[row].tolist()
        return Place(
            label=self._label(row),
            kind=PlaceKind.STATE if self.place_is_state[row] else PlaceKind.CITY,
            state=self._state(row),
            latitude=latitude,
            longitude=longitude,
        )


def _array_names() -> list[str]:
    return [field.name for field in fields(Gazetteer)]


@dataclass(frozen=True, kw_only=True)
class _Row:
    """A place while the gazetteer is being built."""

    name: str
    state: str
    coordinates: tuple[float, float]
    weight: int
    is_state: bool = False


_ZipRecord = dict[str, Any]


class _Builder:
    """Gathers places and keys from ZIP code records, then lays them out as arrays."""

    def __init__(self, records: Iterable[_ZipRecord]) -> None:
        self._records = [record for record in records if _is_located(record)]
        self._rows: list[_Row] = []
        self._by_key: dict[tuple[str, str], int] = {}
        self._keys: dict[tuple[str, int], bool] = {}

    def gazetteer(self, aliases: dict[str, Any]) -> Gazetteer:
        self._add_states(aliases["states"])
        for field in ("city", "acceptable_cities", "unacceptable_cities"):
            self._add_cities(field)
        self._add_counties()
        for label, names in aliases["cities"].items():
            self._prefer(self._by_label(label), names)
        for region in aliases["regions"]:
            self._add_region(region)
        for label in aliases["spellings"]:
            self._respell(label)
        return self._arrays()

    def _add(self, row: _Row, names: Iterable[str]) -> None:
        self._rows.append(row)
        number = len(self._rows) - 1
        for name in names:
            key = normalise(name)
            if key:
                self._keys[key, number] = False
                if not row.is_state:
                    self._by_key[key, row.state] = number

    def _add_states(self, nicknames: dict[str, list[str]]) -> None:
        by_state = _grouped((record["state"], record) for record in self._records)
        for code, names in STATES.items():
            row = _Row(
                name=_STATE_LABELS.get(code, names.en),
                state=code,
                coordinates=_centre(by_state[code], np.mean),
                weight=_street_zips(by_state[code]),
                is_state=True,
            )
            long_forms = (f"{names.en} state", f"state of {names.en}", f"estado de {names.es}")
            self._add(row, (code, names.en, names.es, *long_forms, *nicknames.get(code, ())))

    def _add_cities(self, field: str) -> None:
        """Add the cities of one field of the records that no earlier field has named."""
        by_city = _grouped(
            ((name, record["state"]), record)
            for record in self._records
            for name in ([record[field]] if field == "city" else record[field])
        )
        for (name, state), records in by_city.items():
            if not name or (normalise(name), state) in self._by_key:
                continue
            informal = field == "unacceptable_cities" or (field != "city" and _is_short_form(name))
            row = _Row(
                name=_capitalised(name),
                state=state,
                coordinates=_centre(records, np.median),
                weight=0 if informal else max(1, _street_zips(records)),
            )
            self._add(row, (name,))

    def _add_counties(self) -> None:
        by_county = _grouped(
            ((record["county"], record["state"]), record)
            for record in self._records
            if record["county"] and not record["county"].lower().endswith(" city")
        )
        for (county, state), records in by_county.items():
            if (normalise(county), state) in self._by_key:
                continue
            row = _Row(
                name=_capitalised(county),
                state=state,
                coordinates=_centre(records, np.mean),
                weight=max(1, _street_zips(records)),
            )
            self._add(row, (county, f"condado de {county.removesuffix(' County')}"))

    def _add_region(self, region: dict[str, Any]) -> None:
        name, state = region["label"].rsplit(", ", 1)
        towns = [self._rows[self._by_label(label)] for label in region["around"]]
        centre = np.mean([town.coordinates for town in towns], axis=0)
        row = _Row(
            name=name,
            state=state,
            coordinates=(float(centre[0]), float(centre[1])),
            weight=max(town.weight for town in towns),
        )
        self._add(row, ())
        self._prefer(len(self._rows) - 1, (name, *region["names"]))

    def _prefer(self, number: int, names: Iterable[str]) -> None:
        self._keys.update(dict.fromkeys(((normalise(name), number) for name in names), True))

    def _respell(self, label: str) -> None:
        number = self._by_label(label)
        self._rows[number] = replace(self._rows[number], name=label.rsplit(", ", 1)[0])

    def _by_label(self, label: str) -> int:
        name, state = label.rsplit(", ", 1)
        return self._by_key[normalise(name), state]

    def _arrays(self) -> Gazetteer:
        keys = sorted(self._keys.items())
        records = sorted(self._records, key=lambda record: str(record["zip_code"]))
        return Gazetteer(
            zips=np.array([record["zip_code"] for record in records], dtype="S5"),
            zip_places=np.array(
                [self._by_key[normalise(r["city"]), r["state"]] for r in records], dtype=np.int32
            ),
            zip_coordinates=np.array([_point(record) for record in records], dtype=np.float32),
            keys=np.array([key.encode() for (key, _), _ in keys], dtype=f"S{NAME_BYTES}"),
            key_places=np.array([number for (_, number), _ in keys], dtype=np.int32),
            key_preferred=np.array([preferred for _, preferred in keys], dtype=np.bool_),
            place_names=np.array([r.name.encode() for r in self._rows], dtype=f"S{NAME_BYTES}"),
            place_states=np.array([row.state for row in self._rows], dtype="S2"),
            place_coordinates=np.array([r.coordinates for r in self._rows], dtype=np.float32),
            place_weights=np.array([row.weight for row in self._rows], dtype=np.int32),
            place_is_state=np.array([row.is_state for row in self._rows], dtype=np.bool_),
        )


def _grouped(pairs: Iterable[tuple[Any, _ZipRecord]]) -> dict[Any, list[_ZipRecord]]:
    groups = defaultdict(list)
    for key, record in pairs:
        groups[key].append(record)
    return groups


def _point(record: _ZipRecord) -> tuple[float, float]:
    return float(record["lat"]), float(record["long"])


def _is_located(record: _ZipRecord) -> bool:
    """Whether the ZIP code lies in a known state; military ones stand at 0, 0."""
    return record["state"] in STATES and _point(record) != (0.0, 0.0)


def _street_zips(records: Iterable[_ZipRecord]) -> int:
    return sum(record["zip_code_type"] == "STANDARD" for record in records)


def _is_short_form(name: str) -> bool:
    """Whether a word of the name has no vowel: "Harlem Spgs", "N Cambridge"."""
    return any(not set(word) & set("aeiouy") for word in name.lower().split())


def _centre(records: list[_ZipRecord], average: Callable[..., Array]) -> tuple[float, float]:
    """The average point of the ZIP codes with street delivery, or of all where none has."""
    street = [record for record in records if record["zip_code_type"] == "STANDARD"]
    latitude, longitude = average([_point(record) for record in street or records], axis=0)
    return float(latitude), float(longitude)


def _capitalised(name: str) -> str:
    """The name with the second capital that the data has lost: "Mcallen" is McAllen."""
    return re.sub(r"\bMc([a-z])", lambda match: "Mc" + match[1].upper(), name)
