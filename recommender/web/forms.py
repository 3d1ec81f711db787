"""What a donor asked for, read from plain values; pages and API share these rules."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from enum import StrEnum
from math import isfinite
from typing import Any, TypeVar

from recommender.errors import InvalidProfile
from recommender.geo import STATES, Gazetteer
from recommender.models import (
    DonorProfile,
    Filters,
    Language,
    Place,
    Reach,
    Scope,
    TagKind,
    Weights,
)
from recommender.web.i18n import gettext as _
from recommender.web.vocabulary import Vocabulary

MAX_TEXT_LENGTH = 60_000
MAX_RADIUS_KM = 500.0
MAX_WEIGHT = 3.0
MAX_TAGS = 50
GIVING = ("money", "time", "goods")

Choice = TypeVar("Choice", bound=StrEnum)


def parse_profile(
    values: Mapping[str, Any], gazetteer: Gazetteer, vocabulary: Vocabulary
) -> DonorProfile:
    """Read a profile; what is missing or None has its default.

    Args:
        values: By the field names of `DonorProfile`: `text`, `place` as typed, lists of
            slugs, `radius_km`, `scope`, `language`, `giving`; `weights` and `filters` are mappings
            by their own field names.
        gazetteer: Resolves the place.
        vocabulary: Says which slugs there are.

    Raises:
        InvalidProfile: `field` names the culprit, e.g. "weights.place".
        UnknownPlace: the place does not resolve.
    """
    given = {name: value for name, value in values.items() if value is not None}
    default = DonorProfile()
    return DonorProfile(
        text=readable(given.get("text", ""), field="text", at_most=MAX_TEXT_LENGTH),
        place=parse_place(given.get("place", ""), gazetteer),
        radius_km=parse_radius(given.get("radius_km", default.radius_km)),
        scope=choose(Scope, given.get("scope", default.scope), field="scope"),
        language=choose(Language, given.get("language", default.language), field="language"),
        giving=_giving(given.get("giving", ())),
        weights=_weights(given.get("weights", {})),
        filters=parse_filters(given.get("filters", {}), vocabulary, prefix="filters."),
        **_tags(given, vocabulary),
    )


def parse_filters(
    values: Mapping[str, Any], vocabulary: Vocabulary, *, prefix: str = ""
) -> Filters:
    """Read hard conditions; `prefix` goes before the field names in errors.

    Raises:
        InvalidProfile: a tag, state or reach is unknown.
    """
    given = {name: value for name, value in values.items() if value is not None}
    reach = [choose(Reach, value, field=f"{prefix}reach") for value in given.get("reach", ())]
    return Filters(
        states=tuple(_state(code, field=f"{prefix}states") for code in given.get("states", ())),
        reach=tuple(dict.fromkeys(reach)),
        small_only=bool(given.get("small_only", False)),
        described_only=bool(given.get("described_only", False)),
        **_tags(given, vocabulary, prefix=prefix),
    )


def parse_place(typed: str, gazetteer: Gazetteer) -> Place | None:
    """The place that was typed, or None where nothing was.

    Raises:
        UnknownPlace: nothing, or more than one place, has that name.
    """
    place = readable(typed, field="place", at_most=MAX_TEXT_LENGTH)
    return gazetteer.resolve(place) if place.strip() else None


def parse_radius(value: float) -> float:
    """A radius in kilometres, in (0, 500].

    Raises:
        InvalidProfile: it is not.
    """
    if not isfinite(value) or not 0 < value <= MAX_RADIUS_KM:
        raise InvalidProfile(
            _("The distance must be more than 0 and at most %(km)s km.", km=int(MAX_RADIUS_KM)),
            field="radius_km",
        )
    return float(value)


def readable(text: str, *, field: str, at_most: int) -> str:
    """Text that can be stored, matched and sent back, within its length.

    Raises:
        InvalidProfile: it is too long, or holds a NUL or half of a character.
    """
    if len(text) > at_most:
        raise InvalidProfile(
            _("This is too long: please keep to %(n)s characters.", n=at_most), field=field
        )
    if "\0" in text or not _is_encodable(text):
        raise InvalidProfile(_("This holds characters that cannot be read."), field=field)
    return text


def _is_encodable(text: str) -> bool:
    try:
        text.encode()
    except UnicodeEncodeError:
        return False
    return True


def choose(kind: type[Choice], value: str, *, field: str) -> Choice:
    """One of a few named values.

    Raises:
        InvalidProfile: it is none of them.
    """
    try:
        return kind(value)
    except ValueError:
        message = _("This must be one of: %(names)s.", names=", ".join(kind))
        raise InvalidProfile(message, field=field) from None


def _tags(
    given: Mapping[str, Any], vocabulary: Vocabulary, *, prefix: str = ""
) -> dict[str, tuple[str, ...]]:
    return {
        kind.value: _known(kind, given.get(kind.value, ()), vocabulary, prefix + kind.value)
        for kind in TagKind
    }


def _known(
    kind: TagKind, slugs: Iterable[str], vocabulary: Vocabulary, field: str
) -> tuple[str, ...]:
    chosen = tuple(dict.fromkeys(slugs))
    if len(chosen) > MAX_TAGS:
        raise InvalidProfile(_("Please choose at most %(n)s.", n=MAX_TAGS), field=field)
    if not all((kind.value, slug) in vocabulary for slug in chosen):
        raise InvalidProfile(_("One of these choices does not exist."), field=field)
    return chosen


def _giving(chosen: Iterable[str]) -> tuple[str, ...]:
    ways = tuple(dict.fromkeys(chosen))
    if not set(ways) <= set(GIVING):
        message = _("This must be one of: %(names)s.", names=", ".join(GIVING))
        raise InvalidProfile(message, field="giving")
    return ways


def _state(code: str, *, field: str) -> str:
    if code not in STATES:
        message = _("A state is given by its two letters, for example ME.")
        raise InvalidProfile(message, field=field)
    return code


def _weights(given: Mapping[str, Any]) -> Weights:
    default = Weights()
    return Weights(
        **{
            name: _weight(given.get(name, getattr(default, name)), field=f"weights.{name}")
            for name in ("topic", "place", "small")
        }
    )


def _weight(value: float, *, field: str) -> float:
    if not isfinite(value) or not 0 <= value <= MAX_WEIGHT:
        message = _("A weight must be from 0 to %(most)s.", most=int(MAX_WEIGHT))
        raise InvalidProfile(message, field=field)
    return float(value)
