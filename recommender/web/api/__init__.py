"""The API: matching and reading for other programs. No key, no cookie, nothing stored."""

from __future__ import annotations

import json
from dataclasses import replace

from flask import Blueprint, Response, jsonify, request

from recommender.errors import InvalidProfile, NotFound, RateLimited, UnknownPlace
from recommender.geo import Gazetteer, find_places
from recommender.models import (
    DonorProfile,
    Language,
    Place,
    Recommendation,
    Scope,
    SearchQuery,
    Sort,
)
from recommender.pipeline import recommend, search, similar
from recommender.query import LONG_TEXT_WORDS
from recommender.store.library import get_guide, get_resource, list_guides, list_resources
from recommender.store.listings import get_nonprofit
from recommender.text import words
from recommender.web import get_db, get_excluded, get_gazetteer, get_index, read_catalog
from recommender.web.addresses import origin
from recommender.web.api import contract, hsds, limits
from recommender.web.api.answers import MAX_WORDS_LENGTH, reading, send_conditionally, unstored
from recommender.web.api.contract import Json, read_body, read_query
from recommender.web.api.cursors import make_cursor, open_cursor
from recommender.web.api.representations import (
    Representer,
    represent_place,
    represent_taxonomy,
)
from recommender.web.forms import parse_filters, parse_place, parse_profile, readable
from recommender.web.problems import error_json
from recommender.web.repeats import kept
from recommender.web.standing import lead_on
from recommender.web.vocabulary import get_vocabulary

bp = Blueprint("api", __name__, url_prefix="/api/v1")
bp.register_blueprint(hsds.bp)
bp.record_once(lambda state: limits.init_app(state.app))
bp.before_request(limits.check_limit)

DEFAULT_MATCHES = 10
MAX_MATCHES = 100
"""Further down nothing fits closely any more, and reasons for all of it cost 40 ms."""
DEFAULT_SIMILAR = 6
DEFAULT_TOPIC_MATCHES = 5
DEFAULT_PAGE_SIZE = 20
MAX_SUGGESTIONS = 5
PREFLIGHT_SECONDS = 86_400
READABLE_HEADERS = ("ETag", "RateLimit", "RateLimit-Policy", "Retry-After")


# --- Matching ---------------------------------------------------------------------------


@bp.post("/matches")
def match() -> Response:
    """Nonprofits for a profile, with reasons; nothing of it is kept."""
    body = read_body("MatchRequest")
    profile = parse_profile(body, get_gazetteer(), get_vocabulary())
    if not _says_something(profile):
        raise InvalidProfile("Please give a text, a place, a tag or a filter.", field="text")
    offset, n = open_cursor(body), int(body.get("n", DEFAULT_MATCHES))
    read = _place_in(profile.text) if _is_to_be_read(profile, body) else None
    profile = profile if read is None else replace(profile, place=read)
    answer = _matches(profile, offset, n)
    document = _representer(profile.language).recommendation(answer, profile.place)
    end = offset + len(answer.matches)
    is_more = len(answer.matches) == n and end < MAX_MATCHES and not answer.no_close_match
    document["place_from_text"] = read is not None
    document["next_cursor"] = make_cursor(body, end) if is_more else None
    return unstored(jsonify(document))


def _matches(profile: DonorProfile, offset: int, n: int) -> Recommendation:
    """The matches of one page; all pages but the first are cut from one and the same order."""
    index, most = get_index(), MAX_MATCHES if offset else n
    answer = recommend(profile, index, n=most, exclude=get_excluded())
    return replace(answer, matches=answer.matches[offset : offset + n])


def _is_to_be_read(profile: DonorProfile, body: Json) -> bool:
    """Whether the place is to be taken from the text: it is an article, and none was given."""
    is_open = profile.place is None and profile.scope is not Scope.ANYWHERE
    is_article = len(words(profile.text)) > LONG_TEXT_WORDS
    return is_open and is_article and bool(body.get("read_place", True))


def _place_in(text: str) -> Place | None:
    return next(iter(find_places(text, get_gazetteer())), None)


@bp.get("/nonprofits")
def search_nonprofits() -> Response:
    """One page of the directory."""
    query, index = read_query(), get_index()
    asked = _search_query(query)
    page = search(asked, index, exclude=get_excluded())
    found = _representer(asked.language).directory(page)
    document = {**found, "page": asked.page, "per_page": asked.page_size}
    return reading(document, is_personal="q" in query or "place" in query)


@bp.get("/nonprofits/<slug>")
def read_nonprofit(slug: str) -> Response:
    """Everything public about one listing."""
    read_query()
    try:
        found = get_nonprofit(get_db(), slug)
    except NotFound:
        lead_on(slug)
    if found.parent in get_excluded():
        found = replace(found, parent="")
    return reading(_representer().nonprofit(found))


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
    return reading({"matches": matches, "generation": index.generation})


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
    return reading({"resources": resources, "total": len(found), "page": page, "per_page": size})


@bp.get("/resources/<slug>")
def read_resource(slug: str) -> Response:
    """One article, report or guide."""
    read_query()
    return reading(_representer().resource(get_resource(get_db(), slug)))


@bp.get("/topics")
def read_topics() -> Response:
    """All topic guides."""
    read_query()
    guides = [_representer().guide(guide) for guide in read_catalog(list_guides)]
    return reading({"topics": guides, "total": len(guides)})


@bp.get("/topics/<slug>")
def read_topic(slug: str) -> Response:
    """One topic guide."""
    read_query()
    return reading(_representer().guide(get_guide(get_db(), slug)))


@bp.get("/topics/<slug>/matches")
@kept
def read_topic_matches(slug: str) -> Response:
    """The nonprofits of a topic guide: no reader's input, so that any cache may carry them.

    So does ours; as with any other, what it answers is not counted against a limit.
    """
    query = read_query()
    language, guide = _language(query), get_guide(get_db(), slug)
    profile = DonorProfile(text=guide.query(language), language=language)
    n = query.get("n", DEFAULT_TOPIC_MATCHES)
    answer = recommend(profile, get_index(), n=n, exclude=get_excluded())
    matches = [_representer(language).match(match) for match in answer.matches]
    return reading({"matches": matches, "generation": answer.generation})


@bp.get("/places")
def find_place() -> Response:
    """What was typed, as a place, and what else may have been meant."""
    typed = readable(read_query()["q"], field="q", at_most=MAX_WORDS_LENGTH)
    gazetteer = get_gazetteer()
    return reading(
        {
            "place": represent_place(_resolved(typed, gazetteer)),
            "suggestions": gazetteer.suggest(typed, MAX_SUGGESTIONS),
        },
        is_personal=True,
    )


@bp.get("/taxonomy")
def read_taxonomy() -> Response:
    """Every tag in both languages."""
    read_query()
    return reading(represent_taxonomy(get_vocabulary()))


@bp.get("/openapi.json")
def read_contract() -> Response:
    """The description that requests are checked against, with this site's address."""
    read_query()
    address = json.dumps(origin())[1:-1]
    text = contract.TEXT.replace(contract.HOST, address)
    return send_conditionally(Response(text, content_type="application/json"))


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


@bp.errorhandler(RateLimited)
def _too_many(error: RateLimited) -> Response:
    seconds = error.retry_after_s
    message = f"Your network has sent as many requests as it may. Try again in {seconds} s."
    response = error_json(429, message)
    response.headers["Retry-After"] = str(seconds)
    return response


@bp.after_request
def _allow_other_sites(response: Response) -> Response:
    """Let pages of any site read what the headers tell and send what the operations take."""
    limits.tell_limit(response)
    response.headers["Access-Control-Expose-Headers"] = ", ".join(READABLE_HEADERS)
    if request.method == "OPTIONS":
        response.status_code = 204
        del response.headers["Content-Type"]
        response.headers["Access-Control-Allow-Methods"] = response.headers["Allow"]
        response.headers["Access-Control-Allow-Headers"] = "Content-Type, If-None-Match"
        response.headers["Access-Control-Max-Age"] = str(PREFLIGHT_SECONDS)
    return response


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
