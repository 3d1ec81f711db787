"""How a listing is put into words: its reach, where it stands, its codes and its sources."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from urllib.parse import urlsplit

from recommender.geo import STATES, haversine_km
from recommender.models import (
    Location,
    Match,
    Nearness,
    Nonprofit,
    Place,
    PlaceKind,
    Reach,
    Source,
)
from recommender.ranking import N_
from recommender.web.i18n import current_language
from recommender.web.i18n import lazy_gettext as _
from recommender.web.maps import MapPoint
from recommender.web.reasons import tag_label

WIDE = (Reach.NATIONAL, Reach.INTERNATIONAL)
NEARNESS = {
    Nearness.OFFICE_NEAR: _("Office near you"),
    Nearness.SERVES_HERE: _("Serves your area, office elsewhere"),
    Nearness.STATE: _("Works across your state"),
    Nearness.NATIONAL: _("Works across the country"),
    Nearness.IN_STATE: _("Elsewhere in your state"),
    Nearness.ELSEWHERE: _("Works elsewhere"),
}
FACTS = {
    "identity": _("Name and status"),
    "place": _("Place"),
    "mission": _("What it does"),
    "tags": _("Services, people and languages"),
    "contact": _("Website"),
    "finance": _("Revenue"),
}

# The names of our sources, as the data files give them.
SOURCES = {
    name: _(name)
    for name in (
        N_("Charity profile pages"),
        N_("Charity profile pages, 2023-24"),
        N_("Charity profile pages of 2023-24, not opened for this listing"),
        N_("General public knowledge, not checked with the organization"),
        N_("General public knowledge, not checked with the organization; its site was not opened"),
        N_("IRS Exempt Organizations Business Master File extract"),
        N_("Name and category only"),
        N_("Organization's public mission statement on charity profile pages, 2023-24, restated"),
        N_("Public charity profile list"),
        N_("Public list of charity profiles; the site was not opened"),
        N_("Read by the editors from the name"),
        N_("Read by the editors from the summary"),
        N_("Read by the editors from the summary; some from general public knowledge"),
        N_("Suggested by a visitor, not checked"),
    )
}


def reach_label(match: Match) -> str:
    """How a match relates to the donor's place, or how far it reaches where none was given."""
    reach = tag_label("reach", match.nonprofit.reach)
    if match.nearness is None:
        return reach
    if match.nearness is Nearness.OFFICE_NEAR and match.nonprofit.reach in WIDE:
        return f"{NEARNESS[match.nearness]} · {reach}"
    if match.nonprofit.reach is Reach.INTERNATIONAL and match.nearness is Nearness.NATIONAL:
        return reach
    return str(NEARNESS[match.nearness])


def map_points(matches: Iterable[Match], place: Place | None) -> list[MapPoint]:
    """Where the matches go on the map: each at its public office nearest to the place."""
    return [
        MapPoint(
            rank=match.rank,
            name=match.nonprofit.name,
            latitude=office.latitude if office else None,
            longitude=office.longitude if office else None,
        )
        for match in matches
        for office in [nearest_office(match.nonprofit, place)]
    ]


def nearest_office(nonprofit: Nonprofit, place: Place | None) -> Location | None:
    """The office that may be shown and is nearest to a place; the primary one without it."""
    placed = [spot for spot in shown_locations(nonprofit) if spot.latitude is not None]
    if place is None or not placed:
        return nonprofit.office
    if len(placed) == 1:
        return placed[0]
    kilometres = haversine_km(
        place.latitude,
        place.longitude,
        [spot.latitude for spot in placed],  # type: ignore[arg-type]
        [spot.longitude for spot in placed],  # type: ignore[arg-type]
    )
    return placed[int(kilometres.argmin())]


def shown_locations(nonprofit: Nonprofit) -> list[Location]:
    """The locations that may be shown, the primary one first."""
    return sorted(nonprofit.shown_locations, key=lambda spot: not spot.primary)


def place_name(place: Place | None) -> str:
    """What a place is called in the current language."""
    if place is None:
        return ""
    if place.kind is PlaceKind.STATE:
        return STATES[place.state].name(current_language())
    return place.label


def host(address: str) -> str:
    """The host of a site, as people say it."""
    return (urlsplit(address).hostname or "").removeprefix("www.")


def format_ein(ein: str) -> str:
    """An EIN as the IRS prints it: 12-3456789."""
    return f"{ein[:2]}-{ein[2:]}" if len(ein) == 9 else ein


@dataclass(frozen=True, kw_only=True)
class SourceRow:
    """A source and the groups of facts that rest on it."""

    facts: tuple[str, ...]
    source: str
    as_of: str


def group_sources(sources: Sequence[Source]) -> list[SourceRow]:
    """The sources, each once, with all that rests on it."""
    grouped: dict[tuple[str, str], list[str]] = {}
    for source in sources:
        facts = str(FACTS.get(source.facts, source.facts))
        name = str(SOURCES.get(source.source, source.source))
        grouped.setdefault((name, source.as_of), []).append(facts)
    return [
        SourceRow(facts=tuple(groups), source=name, as_of=as_of)
        for (name, as_of), groups in grouped.items()
    ]
