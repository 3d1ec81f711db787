"""What a visitor suggested, as a listing to begin with: only what was typed, and nothing more."""

from __future__ import annotations

import re
from itertools import chain, count

from recommender.errors import UnknownPlace
from recommender.geo import Gazetteer
from recommender.importers.fields import parse_website
from recommender.importers.rows import MAX_SLUG, slugify
from recommender.models import (
    Basis,
    Location,
    Nonprofit,
    Place,
    PlaceKind,
    Reach,
    ServiceArea,
    Source,
    Status,
    Visibility,
)
from recommender.store import Database
from recommender.store.inbox import InboxItem
from recommender.store.listings import find_status
from recommender.store.namesakes import Sought
from recommender.text import fold
from recommender.web.desk.editor import RESERVED

VISITOR = "Suggested by a visitor, not checked"
_EIN = re.compile(r"(?<!\d)\d{2}-?\d{7}(?!\d)")


def sought_in(item: InboxItem) -> Sought:
    """By what to look for a group that may be listed already; an EIN may stand in the text."""
    sent = item.submission
    text = f"{sent.message} {sent.name}"
    eins = tuple(dict.fromkeys(ein.replace("-", "") for ein in _EIN.findall(text)))
    return Sought(name=sent.name, website=sent.website, eins=eins)


def draft_of(db: Database, item: InboxItem, gazetteer: Gazetteer) -> Nonprofit:
    """The listing that editors begin with; what cannot be read is left out.

    It is described by its name alone until somebody has looked it up, and an address that was
    typed by a visitor is not shown beyond its city.
    """
    sent = item.submission
    place = _find_place(sent.place, gazetteer)
    return Nonprofit(
        slug=_free_slug(db, item),
        name=" ".join(sent.name.split()),
        reach=Reach.LOCAL,
        basis=Basis.NAME,
        summary_en="",
        summary_es="",
        website=_find_website(sent.website),
        locations=_locations(place, gazetteer),
        service_areas=_areas(place),
        sources=(
            Source(
                facts="identity",
                source=sent.source_url or VISITOR,
                as_of=item.created_at[:7],
            ),
        ),
        status=Status.NOMINATED,
    )


def _free_slug(db: Database, item: InboxItem) -> str:
    wanted = slugify(item.submission.name)
    numbered = (f"{wanted[: MAX_SLUG - 6].rstrip('-')}-{number}" for number in count(2))
    free = (
        slug
        for slug in chain([wanted], numbered)
        if slug not in RESERVED and find_status(db, slug) is None
    )
    return next(free)


def _find_website(typed: str) -> str:
    try:
        return parse_website(typed)
    except ValueError:
        return ""


def _find_place(typed: str, gazetteer: Gazetteer) -> Place | None:
    """A state, a ZIP code or a city as it was typed; a region that was only meant is no office."""
    try:
        place = gazetteer.resolve(typed)
    except UnknownPlace:
        return None
    is_city = place.kind is PlaceKind.CITY
    return None if is_city and fold(_city(place)) not in fold(typed) else place


def _locations(place: Place | None, gazetteer: Gazetteer) -> tuple[Location, ...]:
    if place is None or place.kind is PlaceKind.STATE:
        return ()
    # What is shown as a city must not be told apart within it, not even by distance.
    middle = gazetteer.coordinates(city=_city(place), state=place.state)
    latitude, longitude = middle or (None, None)
    return (
        Location(
            city=_city(place),
            state=place.state,
            zip=place.zip,
            visibility=Visibility.CITY,
            latitude=latitude,
            longitude=longitude,
        ),
    )


def _areas(place: Place | None) -> tuple[ServiceArea, ...]:
    is_state = place is not None and place.kind is PlaceKind.STATE
    return (ServiceArea(state=place.state),) if place and is_state else ()


def _city(place: Place) -> str:
    return place.label.partition(",")[0]
