"""The directory: looking for listings by name, place and kind, and the page of each."""

from __future__ import annotations

import re
from collections.abc import Callable
from dataclasses import dataclass, replace
from typing import Any
from urllib.parse import urlencode

from flask import Blueprint, Response, make_response, redirect, render_template, request
from werkzeug.wrappers import Response as AnyResponse

from recommender.errors import InvalidProfile, NotFound, UnknownPlace
from recommender.geo import STATES
from recommender.index.model import decode, encode
from recommender.models import (
    Filters,
    Language,
    Nonprofit,
    Place,
    PlaceKind,
    Reach,
    SearchPage,
    SearchQuery,
    Sort,
    Status,
    TagKind,
)
from recommender.pipeline import FACET_KINDS, search, similar
from recommender.store.listings import find_by_ein, get_nonprofit
from recommender.web import get_db, get_excluded, get_gazetteer, get_index, get_settings
from recommender.web.answers import (
    Problem,
    number,
    plain,
    radius_choices,
    unknown_place,
)
from recommender.web.forms import parse_place, parse_radius
from recommender.web.i18n import current_language, url
from recommender.web.i18n import gettext as _
from recommender.web.listings import (
    format_ein,
    group_sources,
    host,
    place_name,
    reach_label,
    shown_locations,
)
from recommender.web.maps import MapPoint, MapView, draw_map
from recommender.web.ntee import describe_ntee
from recommender.web.reasons import tag_label
from recommender.web.seal import InvalidSeal, Seal
from recommender.web.standing import leave
from recommender.web.vocabulary import get_vocabulary

PAGE_SIZE = 20
MAX_PAGE = 1_000
MAX_WORDS_LENGTH = 200
# The names that facets have in addresses: they hold no words of the visitor.
PARAMETERS = {
    "services": "service",
    "populations": "population",
    "communities": "community",
    "languages": "language",
    "states": "state",
    "reach": "reach",
}

_EIN = re.compile(r"(?:EIN:? *)?(\d{2})-?(\d{7})", re.IGNORECASE)

bp = Blueprint("directory", __name__)


@dataclass(frozen=True, kw_only=True)
class Wanted:
    """What was typed into the directory's own form; only this is sealed."""

    text: str = ""
    place: Place | None = None
    radius_km: float = SearchQuery().radius_km


@dataclass(frozen=True, kw_only=True)
class Typed:
    """The directory's form as it was filled in."""

    words: str = ""
    place: str = ""
    radius_km: str = f"{Wanted().radius_km:g}"


@bp.get("/directory")
def index() -> Response:
    """All listings, by what can be chosen without typing."""
    return _results_page(Wanted(), base=url("directory.index"))


@bp.post("/directory")
def ask() -> AnyResponse:
    """Seal what was typed into an address and go there."""
    form = request.form
    typed = Typed(
        words=plain(form.get("q", ""))[:MAX_WORDS_LENGTH].strip(),
        place=plain(form.get("place_choice") or form.get("place", "")),
        radius_km=plain(form.get("radius_km") or Typed.radius_km),
    )
    try:
        place = parse_place(typed.place, get_gazetteer())
        wanted = Wanted(
            text=typed.words, place=place, radius_km=parse_radius(number(typed.radius_km))
        )
    except InvalidProfile as error:
        return _refused(typed, error)
    slug = _with_ein(wanted.text)
    if slug:
        return redirect(url("directory.profile", slug=slug), 303)
    if wanted == Wanted(radius_km=wanted.radius_km):
        return redirect(url("directory.index"), 303)
    return redirect(url("directory.found", sealed=_seal().close(wanted)), 303)


@bp.get("/directory/<sealed>")
def found(sealed: str) -> Response:
    """The listings that have what was typed."""
    wanted = _seal().open(sealed).record
    return _results_page(wanted, base=url("directory.found", sealed=sealed))


@bp.errorhandler(InvalidSeal)
def too_late(_error: InvalidSeal) -> Response:
    """An address that no longer opens: say so, and offer the form."""
    page = render_template(
        "directory/form.html", typed=Typed(), problem=None, radii=radius_choices()
    )
    return make_response(page, 404)


@bp.get("/nonprofits/<slug>")
def profile(slug: str) -> Response:
    """Everything that is known and may be shown about one listing."""
    nonprofit = _stale(slug) if slug in get_excluded() else _listed(slug)
    is_stale = nonprofit.status is Status.STALE
    page = render_template(
        "directory/profile.html",
        nonprofit=nonprofit,
        is_stale=is_stale,
        similar=() if is_stale else similar(slug, get_index(), n=6, exclude=get_excluded()),
        sources=group_sources(nonprofit.sources),
        locations=shown_locations(nonprofit),
        areas=areas(nonprofit),
        view=small_map(nonprofit),
        parent=parent_of(nonprofit),
        document={} if is_stale else describe(nonprofit, current_language()),
        host=host(nonprofit.website),
        ein=format_ein(nonprofit.ein),
        ntee=describe_ntee(nonprofit.ntee),
        value_label=value_label,
        groups=service_groups(nonprofit),
        people=people_served(nonprofit),
    )
    return make_response(page)


def _listed(slug: str) -> Nonprofit:
    """A listing as it was published."""
    generation = get_index()
    if slug not in generation.row_of:
        leave(slug)
    return generation.nonprofit(generation.row_of[slug])


def _stale(slug: str) -> Nonprofit:
    """A listing that has a page and is in no index: what may be shown, from the store."""
    try:
        found = get_nonprofit(get_db(), slug, (Status.STALE,))
    except NotFound:
        leave(slug)
    return decode(encode(found))


# --- Search ------------------------------------------------------------------------------


@dataclass(frozen=True, kw_only=True)
class Choice:
    """A value of a facet."""

    value: str
    label: str
    count: int
    checked: bool


@dataclass(frozen=True, kw_only=True)
class View:
    """What a page of the directory is narrowed and sorted by, and the addresses around it."""

    base: str
    filters: Filters
    sort: Sort
    page: int
    usual_sort: Sort

    def address(self, **changes: Any) -> str:
        """This page with something changed; a change of filters goes back to page 1."""
        view = replace(self, **{"page": 1, **changes})
        pairs = [(PARAMETERS[kind], value) for kind, value in view.chosen]
        if view.sort is not view.usual_sort:
            pairs.append(("sort", view.sort.value))
        if view.page > 1:
            pairs.append(("page", str(view.page)))
        return view.base + ("?" + urlencode(pairs) if pairs else "")

    def without(self, kind: str, value: str) -> str:
        """This page without one of the values it is narrowed by."""
        left: dict[str, Any] = {kind: tuple(v for v in self.of(kind) if v != value)}
        return self.address(filters=replace(self.filters, **left))

    @property
    def chosen(self) -> list[tuple[str, str]]:
        """Every value it is narrowed by, as (kind, value)."""
        return [(kind, value) for kind in PARAMETERS for value in self.of(kind)]

    def of(self, kind: str) -> tuple[str, ...]:
        """The values of one facet that it is narrowed by."""
        return tuple(str(value) for value in getattr(self.filters, kind))


def _results_page(wanted: Wanted, *, base: str) -> Response:
    view = _asked_view(base, wanted)
    answer, view = _search(wanted, view)
    page = render_template(
        "directory/index.html",
        typed=Typed(
            words=wanted.text,
            place=wanted.place.label if wanted.place else "",
            radius_km=f"{wanted.radius_km:g}",
        ),
        wanted=wanted,
        radii=radius_choices(),
        view=view,
        answer=answer,
        n_pages=max(1, -(-answer.total // PAGE_SIZE)),
        facets=facet_choices(answer, view.filters),
        parameters=PARAMETERS,
        value_label=value_label,
        reach_label=reach_label,
        place=place_name(wanted.place),
        sorts=sort_choices(wanted),
        turn=lambda number: view.address(page=number),
    )
    return make_response(page)


def _with_ein(typed: str) -> str | None:
    """The listing whose EIN was typed: our pages ask donors to compare it."""
    ein = _EIN.fullmatch(typed)
    return find_by_ein(get_db(), "".join(ein.groups())) if ein else None


def sort_choices(wanted: Wanted) -> list[tuple[str, str]]:
    """The orders one can choose."""
    choices = [(Sort.NAME.value, _("By name"))]
    if wanted.text or wanted.place:
        choices.insert(0, (Sort.RELEVANCE.value, _("Best match first")))
    if wanted.place:
        choices.append((Sort.DISTANCE.value, _("Nearest first")))
    return choices


def _refused(typed: Typed, error: InvalidProfile) -> Response:
    if isinstance(error, UnknownPlace):
        problem = unknown_place(error, typed.place)
    else:
        problem = Problem(field=error.field, sentence=str(error))
    page = render_template(
        "directory/form.html", typed=typed, problem=problem, radii=radius_choices()
    )
    return make_response(page, 422)


def _asked_view(base: str, wanted: Wanted) -> View:
    """What the address asks for; what it names that does not exist is passed over."""
    offered = [value for value, _label in sort_choices(wanted)]
    sort = request.args.get("sort", "")
    page = request.args.get("page", default=1, type=int)
    return View(
        base=base,
        filters=_asked_filters(),
        sort=Sort(sort if sort in offered else offered[0]),
        usual_sort=Sort(offered[0]),
        page=min(max(page, 1), MAX_PAGE),
    )


def _asked_filters() -> Filters:
    vocabulary = get_vocabulary()
    known: dict[str, Callable[[str], bool]] = {
        kind.value: lambda slug, kind=kind: (kind.value, slug) in vocabulary  # type: ignore[misc]
        for kind in TagKind
    }
    known |= {"states": STATES.__contains__, "reach": {*Reach}.__contains__}
    asked = {kind: request.args.getlist(PARAMETERS[kind]) for kind in PARAMETERS}
    kept: dict[str, Any] = {
        kind: tuple(value for value in dict.fromkeys(values) if known[kind](value))
        for kind, values in asked.items()
    }
    reach = tuple(Reach(value) for value in kept.pop("reach"))
    return Filters(reach=reach, **kept)


def _search(wanted: Wanted, view: View) -> tuple[SearchPage, View]:
    """The answer; a page beyond the last one becomes the last one."""
    query = SearchQuery(
        text=wanted.text,
        place=wanted.place,
        radius_km=wanted.radius_km,
        filters=view.filters,
        sort=view.sort,
        page=view.page,
        page_size=PAGE_SIZE,
        language=current_language(),
    )
    answer = search(query, get_index(), exclude=get_excluded())
    last = max(1, -(-answer.total // PAGE_SIZE))
    if view.page <= last:
        return _without_distances(answer, wanted.place), view
    return _search(wanted, replace(view, page=last))


def _without_distances(answer: SearchPage, place: Place | None) -> SearchPage:
    """To a whole state there is no distance."""
    if place is None or place.kind is not PlaceKind.STATE:
        return answer
    return replace(answer, matches=tuple(replace(m, distance_km=None) for m in answer.matches))


def facet_choices(answer: SearchPage, filters: Filters) -> dict[str, list[Choice]]:
    """The facets with their counts; what is chosen stays even where it leaves nothing."""
    choices = {}
    for kind in FACET_KINDS:
        chosen = [str(value) for value in getattr(filters, kind)]
        counts = dict.fromkeys(chosen, 0) | {f.slug: f.count for f in answer.facets[kind]}
        ordered = sorted(counts, key=lambda slug: (slug not in chosen, -counts[slug], slug))
        choices[kind] = [
            Choice(
                value=slug,
                label=value_label(kind, slug),
                count=counts[slug],
                checked=slug in chosen,
            )
            for slug in ordered
        ]
    return choices


def value_label(kind: str, value: str) -> str:
    """What a value of a facet is called."""
    if kind == "states":
        return STATES[value].name(current_language()) if value in STATES else value
    return tag_label(kind, value)


def _seal() -> Seal[Wanted]:
    return Seal(get_settings().secret_key, Wanted)


# --- Profile -----------------------------------------------------------------------------


def service_groups(nonprofit: Nonprofit) -> list[tuple[str, list[str]]]:
    """The services by group, in the editors' order."""
    grouped: dict[str, list[str]] = {}
    for tag in get_vocabulary().of_kind(TagKind.SERVICE):
        if tag.slug in nonprofit.services:
            grouped.setdefault(tag.group, []).append(tag.label(current_language()))
    return [
        (tag_label("service_groups", group) if group else "", labels)
        for group, labels in grouped.items()
    ]


def people_served(nonprofit: Nonprofit) -> list[tuple[str, list[str]]]:
    """Whom it serves and in which languages, under their titles."""
    titles = {
        TagKind.POPULATION: _("People"),
        TagKind.COMMUNITY: _("Communities"),
        TagKind.LANGUAGE: _("Languages"),
    }
    return [
        (title, [tag_label(kind, slug) for slug in nonprofit.tags(kind)])
        for kind, title in titles.items()
        if nonprofit.tags(kind)
    ]


def areas(nonprofit: Nonprofit) -> list[str]:
    """The places served: whole states by name, cities with their state."""
    return [
        f"{area.city}, {area.state}" if area.city else value_label("states", area.state)
        for area in nonprofit.service_areas
    ]


def small_map(nonprofit: Nonprofit) -> MapView | None:
    """The public locations on a map of their surroundings, if any can be drawn."""
    placed = [spot for spot in shown_locations(nonprofit) if spot.latitude is not None]
    if not placed or placed[0].latitude is None or placed[0].longitude is None:
        return None
    points = [
        MapPoint(rank=at, name=spot.city, latitude=spot.latitude, longitude=spot.longitude)
        for at, spot in enumerate(placed, start=1)
    ]
    home = Place(
        label=placed[0].city,
        kind=PlaceKind.STATE,
        state=placed[0].state,
        latitude=placed[0].latitude,
        longitude=placed[0].longitude,
    )
    view = draw_map(points, origin=home)
    return view if view.markers else None


def parent_of(nonprofit: Nonprofit) -> Nonprofit | None:
    """The organization it is a project or chapter of, where that is listed."""
    generation = get_index()
    row = generation.row_of.get(nonprofit.parent)
    gone = row is None or nonprofit.parent in get_excluded()
    return None if gone or row is None else generation.nonprofit(row)


def describe(nonprofit: Nonprofit, language: Language) -> dict[str, Any]:
    """The listing as schema.org/NGO; nothing that the page does not say."""
    office = nonprofit.office
    address = (
        {
            "@type": "PostalAddress",
            "addressLocality": office.city,
            "addressRegion": office.state,
            "addressCountry": "US",
        }
        if office
        else None
    )
    given = {
        "@context": "https://schema.org",
        "@type": "NGO",
        "name": nonprofit.name,
        "alternateName": list(nonprofit.other_names),
        "description": nonprofit.summary(language),
        "url": nonprofit.website,
        "taxID": format_ein(nonprofit.ein),
        "address": address,
        "areaServed": areas(nonprofit),
        "knowsLanguage": [tag_label("languages", slug) for slug in nonprofit.languages],
    }
    return {name: value for name, value in given.items() if value}
