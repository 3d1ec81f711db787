"""The API: matching and reading for other programs. No key, no cookie, nothing stored."""

from __future__ import annotations

import json
from typing import Any, TypeVar

from flask import Blueprint, Response, jsonify, make_response, request

from recommender.errors import InvalidProfile, NotFound, UnknownPlace
from recommender.geo import Gazetteer
from recommender.models import DonorProfile, Language, Place, SearchQuery, Sort
from recommender.pipeline import recommend, search, similar
from recommender.store.catalog import get_nonprofit, get_resource, list_resources
from recommender.web import get_db, get_excluded, get_gazetteer, get_index, read_catalog
from recommender.web.addresses import origin
from recommender.web.api import contract
from recommender.web.api.contract import Json, read_body, read_query
from recommender.web.api.representations import (
    Representer,
    represent_place,
    represent_taxonomy,
)
from recommender.web.forms import parse_filters, parse_place, parse_profile, readable
from recommender.web.problems import error_json
from recommender.web.standing import lead_on
from recommender.web.vocabulary import get_vocabulary

bp = Blueprint("api", __name__, url_prefix="/api/v1")

DEFAULT_MATCHES = 10
DEFAULT_SIMILAR = 6
DEFAULT_PAGE_SIZE = 20
MAX_SUGGESTIONS = 5
MAX_WORDS_LENGTH = 500
PREFLIGHT_SECONDS = 86_400

Item = TypeVar("Item")


# --- Matching ---------------------------------------------------------------------------


@bp.post("/matches")
def match() -> Response:
    """Nonprofits for a profile, with reasons; nothing of it is kept."""
    body, index = read_body("MatchRequest"), get_index()
    profile = parse_profile(body, get_gazetteer(), get_vocabulary())
    if not _says_something(profile):
        raise InvalidProfile("Please give a text, a place, a tag or a filter.", field="text")
    n = int(body.get("n", DEFAULT_MATCHES))
    answer = recommend(profile, index, n=n, exclude=get_excluded())
    response = jsonify(_representer(profile.language).recommendation(answer, profile.place))
    response.headers["Cache-Control"] = "no-store"
    return response


@bp.get("/nonprofits")
def search_nonprofits() -> Response:
    """One page of the directory."""
    query, index = read_query(), get_index()
    asked = _search_query(query)
    page = search(asked, index, exclude=get_excluded())
    found = _representer(asked.language).directory(page)
    return _read({**found, "page": asked.page, "per_page": asked.page_size})


@bp.get("/nonprofits/<slug>")
def read_nonprofit(slug: str) -> Response:
    """Everything public about one listing."""
    read_query()
    try:
        found = get_nonprofit(get_db(), slug)
    except NotFound:
        lead_on(slug)
    return _read(_representer().nonprofit(found))


@bp.get("/nonprofits/<slug>/similar")
def read_similar(slug: str) -> Response:
    """The listings most like one listing."""
    query = read_query()
    if slug in get_excluded():
        lead_on(slug)
    index, n = get_index(), query.get("n", DEFAULT_SIMILAR)
    found = similar(slug, index, n=n, exclude=get_excluded())
    representer = _representer(_language(query))
    matches = [representer.similar(match) for match in found]
    return _read({"matches": matches, "generation": index.generation})


# --- Reading ----------------------------------------------------------------------------


@bp.get("/resources")
def read_resources() -> Response:
    """One page of articles, reports and guides by others."""
    query = read_query()
    topics = set(query.get("topics", ()))
    found = [r for r in read_catalog(list_resources) if not topics or topics & set(r.topics)]
    page, size = _paging(query)
    shown = found[(page - 1) * size : page * size]
    resources = [_representer().resource(resource) for resource in shown]
    return _read({"resources": resources, "total": len(found), "page": page, "per_page": size})


@bp.get("/resources/<slug>")
def read_resource(slug: str) -> Response:
    """One article, report or guide."""
    read_query()
    return _read(_representer().resource(get_resource(get_db(), slug)))


@bp.get("/places")
def find_place() -> Response:
    """What was typed, as a place, and what else may have been meant."""
    typed = readable(read_query()["q"], field="q", at_most=MAX_WORDS_LENGTH)
    gazetteer = get_gazetteer()
    return _read(
        {
            "place": represent_place(_resolved(typed, gazetteer)),
            "suggestions": gazetteer.suggest(typed, MAX_SUGGESTIONS),
        }
    )


@bp.get("/taxonomy")
def read_taxonomy() -> Response:
    """Every tag in both languages."""
    read_query()
    return _read(represent_taxonomy(get_vocabulary()))


@bp.get("/openapi.json")
def read_contract() -> Response:
    """The description that requests are checked against, with this site's address."""
    read_query()
    return _read(json.loads(contract.TEXT.replace(contract.HOST, origin())))


# --- Answers ----------------------------------------------------------------------------


@bp.errorhandler(InvalidProfile)
def _invalid(error: InvalidProfile) -> Response:
    message = str(error)
    if isinstance(error, UnknownPlace) and error.suggestions:
        message += f" Perhaps: {'; '.join(error.suggestions)}."
    return error_json(422, message, field=error.field)


@bp.errorhandler(NotFound)
def _missing(_: NotFound) -> Response:
    return error_json(404, "There is nothing of this name here, or no longer.")


@bp.after_request
def _allow_other_sites(response: Response) -> Response:
    """Let pages of any site read the ETag and send what the operations take."""
    response.headers["Access-Control-Expose-Headers"] = "ETag"
    if request.method == "OPTIONS":
        response.status_code = 204
        del response.headers["Content-Type"]
        response.headers["Access-Control-Allow-Methods"] = response.headers["Allow"]
        response.headers["Access-Control-Allow-Headers"] = "Content-Type, If-None-Match"
        response.headers["Access-Control-Max-Age"] = str(PREFLIGHT_SECONDS)
    return response


def _read(content: Any) -> Response:
    """An answer with an ETag, or 304 where the caller's copy is the same."""
    response = jsonify(content)
    response.add_etag()
    return make_response(response.make_conditional(request))


def _representer(language: Language = Language.EN) -> Representer:
    return Representer(vocabulary=get_vocabulary(), language=language)


def _says_something(profile: DonorProfile) -> bool:
    empty = DonorProfile(
        language=profile.language,
        radius_km=profile.radius_km,
        scope=profile.scope,
        weights=profile.weights,
    )
    return profile != empty and (profile.text == "" or bool(profile.text.strip()))


def _search_query(query: Json) -> SearchQuery:
    text = readable(query.get("q", ""), field="q", at_most=MAX_WORDS_LENGTH)
    place = parse_place(query.get("place", ""), get_gazetteer())
    page, size = _paging(query)
    return SearchQuery(
        text=text,
        place=place,
        radius_km=query.get("radius_km", SearchQuery.radius_km),
        filters=parse_filters(query, get_vocabulary()),
        sort=_sort(query, place=place, is_open=not text.strip() and place is None),
        page=page,
        page_size=size,
        language=_language(query),
    )


def _sort(query: Json, *, place: Place | None, is_open: bool) -> Sort:
    sort = Sort(query.get("sort", Sort.RELEVANCE))
    if sort is Sort.DISTANCE and place is None:
        raise InvalidProfile("Sorting by distance needs a place.", field="sort")
    return Sort.NAME if is_open else sort


def _paging(query: Json) -> tuple[int, int]:
    return query.get("page", 1), query.get("per_page", DEFAULT_PAGE_SIZE)


def _language(query: Json) -> Language:
    return Language(query.get("language", Language.EN))


def _resolved(typed: str, gazetteer: Gazetteer) -> Place | None:
    try:
        return gazetteer.resolve(typed)
    except UnknownPlace:
        return None
