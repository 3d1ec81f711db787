"""Versions of a listing side by side, in words that staff read."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, fields
from difflib import SequenceMatcher
from typing import Any

from recommender.geo import STATES
from recommender.models import (
    FieldChange,
    Location,
    Nonprofit,
    ServiceArea,
    Source,
    TagKind,
    Visibility,
)
from recommender.web.desk.labels import BASES, REACHES, STATUS_LABELS, VISIBILITIES
from recommender.web.listings import FACTS, format_ein
from recommender.web.reasons import tag_label

LABELS = {
    "slug": "Address",
    "name": "Name",
    "reach": "Reach",
    "basis": "Description rests on",
    "summary_en": "Description in English",
    "summary_es": "Description in Spanish",
    "other_names": "Other names",
    "parent": "Part of",
    "ein": "EIN",
    "website": "Website",
    "ntee": "NTEE code",
    "ruling_year": "Tax-exempt since",
    "revenue_usd": "Revenue in dollars",
    "serves": "Serves, in words",
    "services": "Services",
    "populations": "People",
    "communities": "Communities",
    "languages": "Languages",
    "locations": "Offices",
    "service_areas": "Service areas",
    "sources": "Sources",
    "status": "State",
    "verified_on": "Checked with the group on",
    "in_irs_extract": "In the IRS extract",
    "notes": "Notes for staff",
}
_WORDS: dict[str, Mapping[Any, str]] = {
    "basis": BASES,
    "reach": REACHES,
    "status": STATUS_LABELS,
}
# Beyond this many words a comparison word by word takes long and tells nothing.
MAX_WORDS = 1_500


@dataclass(frozen=True, kw_only=True)
class Part:
    """A stretch of a text, and whether the other version lacks it."""

    text: str
    is_changed: bool


Lines = tuple[tuple[Part, ...], ...]
"""Lines of text, each a sequence of parts."""


@dataclass(frozen=True, kw_only=True)
class Change:
    """A field in two versions."""

    field: str
    label: str
    before: Lines
    after: Lines


@dataclass(frozen=True, kw_only=True)
class Fact:
    """A field of a listing in words."""

    field: str
    label: str
    lines: tuple[str, ...]


def describe_changes(changes: Iterable[FieldChange]) -> list[Change]:
    """Changed fields with what differs in them marked."""
    return [_describe(change) for change in changes]


def describe_listing(record: Nonprofit) -> list[Fact]:
    """All that is known of a listing, in the order of the model, empty fields too."""
    return [
        Fact(
            field=field.name,
            label=LABELS[field.name],
            lines=to_lines(field.name, getattr(record, field.name)),
        )
        for field in fields(Nonprofit)
        if field.name in LABELS
    ]


def to_lines(field: str, value: object) -> tuple[str, ...]:
    """The value of a field as lines of text; none where there is no value."""
    if value in ("", None):
        return ()
    if isinstance(value, tuple):
        return tuple(_item(field, one) for one in value)
    if isinstance(value, bool):
        return ("yes" if value else "no",)
    if field == "ein":
        return (format_ein(str(value)),)
    if field == "revenue_usd":
        return (f"{value:,}",)
    if field in _WORDS:
        return (_WORDS[field].get(value, str(value)),)
    return tuple(str(value).splitlines())


def _item(field: str, one: object) -> str:
    if isinstance(one, Location):
        seen = VISIBILITIES[one.visibility].lower()
        shown = ", ".join((seen, *(["main office"] if one.primary else [])))
        # After an erasure only the state of an office is left.
        where = ", ".join(filter(None, (one.city, f"{one.state} {one.zip}".rstrip())))
        return f"{where} ({shown}{_no_degrees(one)})"
    if isinstance(one, ServiceArea):
        missing = _no_degrees(one).removeprefix(", ") if one.city else ""
        name = f"{one.city}, {one.state}" if one.city else tag_state(one.state)
        return f"{name} ({missing})" if missing else name
    if isinstance(one, Source):
        return f"{FACTS.get(one.facts, one.facts)}: {one.source}, {one.as_of}"
    return tag_label(field, str(one)) if field in list(TagKind) else str(one)


def tag_state(code: str) -> str:
    """A whole state, as a service area."""
    return f"all of {STATES[code].en if code in STATES else code}"


def _no_degrees(spot: Location | ServiceArea) -> str:
    is_hidden = isinstance(spot, Location) and spot.visibility is Visibility.HIDDEN
    return ", no coordinates" if spot.latitude is None and not is_hidden else ""


def compare_lines(
    before: Sequence[str], after: Sequence[str], *, is_list: bool = False
) -> tuple[Lines, Lines]:
    """Two texts with what differs marked.

    Word by word where both have as many lines and these are no list, in any order, of names.
    """
    if is_list or len(before) != len(after):
        return _kept(before, after), _kept(after, before)
    pairs = [_by_word(old, new) for old, new in zip(before, after, strict=True)]
    return tuple(old for ((old,), _) in pairs), tuple(new for (_, (new,)) in pairs)


def _describe(change: FieldChange) -> Change:
    before, after = to_lines(change.field, change.before), to_lines(change.field, change.after)
    is_text = len(before) == len(after) == 1 and not isinstance(change.before, tuple)
    marked = (
        _by_word(before[0], after[0]) if is_text else (_kept(before, after), _kept(after, before))
    )
    return Change(field=change.field, label=LABELS[change.field], before=marked[0], after=marked[1])


def _kept(lines: Sequence[str], others: Sequence[str]) -> Lines:
    return tuple((Part(text=line, is_changed=line not in others),) for line in lines)


def _by_word(before: str, after: str) -> tuple[Lines, Lines]:
    old, new = before.split(), after.split()
    if len(old) + len(new) > MAX_WORDS:
        return _kept([before], [after]), _kept([after], [before])
    left, right = [], []
    for kind, start, stop, begin, end in SequenceMatcher(None, old, new, False).get_opcodes():
        is_changed = kind != "equal"
        left.append(Part(text=" ".join(old[start:stop]), is_changed=is_changed))
        right.append(Part(text=" ".join(new[begin:end]), is_changed=is_changed))
    return (_full(left),), (_full(right),)


def _full(parts: Iterable[Part]) -> tuple[Part, ...]:
    return tuple(part for part in parts if part.text)
