"""ZIP code data and our own list of names -> the arrays of the gazetteer."""

from __future__ import annotations

import json
import re
from collections import defaultdict
from collections.abc import Callable, Iterable
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

import numpy as np

from recommender.geo.distance import Array
from recommender.geo.gazetteer import NAME_BYTES, Gazetteer
from recommender.geo.names import normalise
from recommender.geo.states import STATES

# "New York" alone means the city, so the label of the state has to say more.
_STATE_LABELS = {"NY": "New York State"}


def build_gazetteer(aliases_path: Path) -> Gazetteer:
    """Read the ZIP code data and the alias file.

    Raises:
        KeyError: The alias file names a city that is not in the ZIP code data.
    """
    import zipcodes  # here, because only a build needs its 40 MB

    aliases = json.loads(aliases_path.read_text(encoding="utf-8"))
    return _Builder(zipcodes.list_all()).gazetteer(aliases)  # type: ignore[no-untyped-call]


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
