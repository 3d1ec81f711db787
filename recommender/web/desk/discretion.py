"""What still says where an office is that is not shown in full. It is a hint, and bars nothing."""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping
from dataclasses import dataclass

from recommender.models import Location, Nonprofit, Visibility
from recommender.text import fold

_STREET = re.compile(
    r"\b\d{1,5}(?:-\d+)?,?\s+(?:[NSEW]{1,2}\.?\s+)?(?:[A-Z0-9][\w.'’-]*\s+){1,4}"
    r"(?:Street|St|Avenue|Ave|Road|Rd|Boulevard|Blvd|Drive|Dr|Lane|Ln|Court|Ct|Place|Pl|Highway"
    r"|Hwy|Parkway|Pkwy|Terrace|Way|Square)\b"
    r"|\b(?:[Cc]alle|[Aa]venida|[Aa]vda\.|[Cc]arretera)\s+(?:[\w.'’-]+\s+){0,3}?[\w.'’-]+,?\s+\d{1,5}\b"
)
"""An address as it stands in a sentence, in English or Spanish."""
_IDS = {"service_areas": "area", "sources": "source"}


@dataclass(frozen=True, kw_only=True)
class Trace:
    """Words that may give an office away, the fields of the listing that say them, and why."""

    words: str
    fields: tuple[str, ...]
    why: str

    @property
    def places(self) -> tuple[tuple[str, str], ...]:
        """Each field with its id in the form."""
        return tuple((name, _IDS.get(name, name.replace("_", "-"))) for name in self.fields)


def find_traces(record: Nonprofit) -> tuple[Trace, ...]:
    """What donors would read of places that are not shown to them."""
    texts = _texts(record)
    shown = {(spot.city, spot.state) for spot in record.shown_locations}
    found: dict[str, Trace] = {}
    for spot in record.locations:
        for words, why in _secrets(spot, is_shown=(spot.city, spot.state) in shown):
            if fields := tuple(name for name, text in texts.items() if _says(text, words)):
                found.setdefault(words, Trace(words=words, fields=fields, why=why))
    return (*found.values(), *_streets(record, texts))


def _texts(record: Nonprofit) -> Mapping[str, str]:
    """What is shown of a listing, by field."""
    return {
        "name": record.name,
        "other_names": "\n".join(record.other_names),
        "summary_en": record.summary_en,
        "summary_es": record.summary_es,
        "serves": record.serves,
        "service_areas": "\n".join(area.city for area in record.service_areas),
        "sources": "\n".join(source.source for source in record.sources),
    }


def _secrets(spot: Location, *, is_shown: bool) -> Iterator[tuple[str, str]]:
    """What of an office is not shown, and the sentence that says so."""
    if spot.visibility is Visibility.PUBLIC:
        return
    if spot.visibility is Visibility.HIDDEN and spot.city and not is_shown:
        yield spot.city, f"The office in {spot.city}, {spot.state} is hidden."
    if spot.zip:
        what = "hidden" if spot.visibility is Visibility.HIDDEN else "shown as its city only"
        yield spot.zip, f"The office in {spot.city}, {spot.state} is {what}."


def _says(text: str, words: str) -> bool:
    return re.search(rf"(?<!\w){re.escape(fold(words))}(?!\w)", fold(text)) is not None


def _streets(record: Nonprofit, texts: Mapping[str, str]) -> Iterator[Trace]:
    if all(spot.visibility is Visibility.PUBLIC for spot in record.locations):
        return
    for name, text in texts.items():
        for match in _STREET.finditer(text):
            why = "It reads like an address, and not every office is shown in full."
            yield Trace(words=" ".join(match[0].split()), fields=(name,), why=why)
