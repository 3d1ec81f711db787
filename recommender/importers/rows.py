"""What every importer gives: a listing with the fields that its source states, or an error."""

from __future__ import annotations

import re
from collections import Counter
from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass, field, fields
from typing import Any

from recommender.models import Basis, Location, Nonprofit, Reach, Source, Status, Visibility
from recommender.text import fold

MAX_SLUG = 60


@dataclass(frozen=True, kw_only=True)
class RowError:
    """A record that cannot go in; `where` is its line, or its file in an archive.

    `name` is what it calls itself, where that could be read.
    """

    where: str
    reason: str
    name: str = ""


@dataclass(frozen=True, kw_only=True)
class Incoming:
    """A record that may go in.

    Only the fields in `given` come from the source; the others hold what a new listing starts
    with. `material` is what the source says in its own words, for an editor to restate.
    """

    where: str
    nonprofit: Nonprofit
    given: frozenset[str]
    material: str = ""


Records = Iterable[Incoming | RowError]


@dataclass(frozen=True, kw_only=True)
class Origin:
    """Where a file comes from, as it will stand in the `sources` of its listings."""

    source: str
    as_of: str


Tell = Callable[[str, int, int], None]
"""Told from time to time which stage some work is in, how much is done, and of how much."""


def no_tell(stage: str, done: int, total: int) -> None:
    """For whoever does not want to know."""


@dataclass(kw_only=True)
class Watch:
    """How far the reading of a file is: `total` records in it, and what they were, counted."""

    tell: Tell = no_tell
    total: int = 0
    counts: Counter[str] = field(default_factory=Counter)

    def count(self, kind: str = "") -> None:
        """One more record was read, and it was of a kind that is worth counting."""
        self.counts["read"] += 1
        if kind:
            self.counts[kind] += 1
        if self.counts["read"] % 256 == 0:
            self.tell("Reading the file", self.counts["read"], self.total)


FACTS = {
    "name": "identity",
    "other_names": "identity",
    "parent": "identity",
    "ein": "identity",
    "ntee": "identity",
    "ruling_year": "identity",
    "website": "contact",
    "revenue_usd": "finance",
    "locations": "place",
    "service_areas": "place",
    "serves": "place",
    "reach": "place",
    "summary_en": "mission",
    "summary_es": "mission",
    "basis": "mission",
    "services": "tags",
    "populations": "tags",
    "communities": "tags",
    "languages": "tags",
}
"""Each field that an import may bring, and the group of facts whose source it shares."""


def make_incoming(
    where: str, values: Mapping[str, Any], origin: Origin, material: str = ""
) -> Incoming:
    """A record from the fields that a source states; fields that it leaves empty are not given.

    A new listing starts as a bare draft: `imported`, with nothing said about it that the
    source does not say.
    """
    stated = {name: value for name, value in values.items() if value not in ("", None, ())}
    given = frozenset(stated) & FACTS.keys()
    facts = dict.fromkeys(FACTS[one.name] for one in fields(Nonprofit) if one.name in given)
    defaults: dict[str, Any] = {
        "slug": slugify(stated["name"]),
        "reach": Reach.LOCAL,
        "basis": Basis.NAME,
        "summary_en": "",
        "summary_es": "",
        "status": Status.IMPORTED,
        "sources": tuple(
            Source(facts=group, source=origin.source, as_of=origin.as_of) for group in facts
        ),
    }
    return Incoming(
        where=where, nonprofit=Nonprofit(**defaults | stated), given=given, material=material
    )


def make_office(city: str, state: str, zip_code: str = "") -> tuple[Location, ...]:
    """The office of a record that says nothing of how much of it may be shown.

    Registered addresses are often somebody's home, so such an office starts as city only.
    """
    if not (city and state):
        return ()
    return (Location(city=city, state=state, zip=zip_code, visibility=Visibility.CITY),)


def slugify(name: str) -> str:
    """A name as an address: ASCII letters, digits and single hyphens, at most 60 long."""
    words = re.findall(r"[a-z0-9]+", re.sub(r"['’.]", "", fold(name)))
    slug = "-".join(words)
    if len(slug) > MAX_SLUG:
        slug = slug[: MAX_SLUG + 1].rpartition("-")[0] or slug[:MAX_SLUG]
    return slug or "listing"
