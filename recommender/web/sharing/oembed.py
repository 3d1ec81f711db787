"""How a page of this site is shown on another: the oEmbed provider (https://oembed.com)."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, replace
from http import HTTPStatus
from typing import Any, NoReturn
from urllib.parse import parse_qs, urlencode, urlsplit
from xml.etree import ElementTree

from flask import Blueprint, Response, abort, current_app, make_response, request
from markupsafe import Markup
from werkzeug.datastructures import MultiDict
from werkzeug.exceptions import HTTPException
from werkzeug.routing import RequestRedirect

from recommender.errors import NotFound
from recommender.models import Language
from recommender.store.workflow import get_redirect
from recommender.web import get_db
from recommender.web.addresses import absolute_url, origin
from recommender.web.headers import RouteKind, kind_of
from recommender.web.i18n import SPANISH_PREFIX, speak
from recommender.web.problems import error_json
from recommender.web.sharing.galleries import picture_url
from recommender.web.sharing.pictures import HEIGHT, WIDTH
from recommender.web.sharing.subjects import (
    HOME,
    NONPROFIT,
    RESOURCE,
    TAG_KINDS,
    TOPIC,
    Shared,
    Subject,
    describe,
    find_subject,
)

FORMATS = ("json", "xml")
# What was made for one reader: others get a link and no more.
PRIVATE = frozenset(
    {
        *("donor.results", "donor.change", "directory.found"),
        *("learn.resource_near", "learn.topic_at"),
    }
)
CACHE_AGE_S = 3600
MAX_SIDE = 10_000
WIDTH_OF_CARD = 560
# What the longest card of a kind takes, measured in Chromium, also where our font comes too
# late: at least so wide, so high.
_TAGGED = {480: 370, 320: 480, 0: 640}
HEIGHTS = {
    NONPROFIT: {480: 300, 320: 380, 0: 430},
    TOPIC: {480: 380, 320: 520, 0: 720},
    RESOURCE: {480: 490, 320: 590, 0: 760},
    **dict.fromkeys(TAG_KINDS, _TAGGED),
}
MIN_WIDTH, MIN_HEIGHT = 220, 150
_NOTHING = "There is nothing to show for this address."
_FRAME = Markup(
    '<iframe src="{src}" width="{width}" height="{height}" title="{title}" frameborder="0" '
    'sandbox="allow-popups allow-popups-to-escape-sandbox" referrerpolicy="no-referrer" '
    'loading="lazy"></iframe>'
)

bp = Blueprint("oembed", __name__)


@dataclass(frozen=True, kw_only=True)
class Box:
    """The most that the other site has room for, in CSS pixels."""

    width: int = MAX_SIDE
    height: int = MAX_SIDE


@bp.get("/oembed")
def read_oembed() -> Response:
    """What to show for an address of this site."""
    wanted = request.args.get("format", FORMATS[0])
    if wanted not in FORMATS:
        _refuse(501, "There are two formats: json and xml.")
    box = Box(width=_side("maxwidth"), height=_side("maxheight"))
    shared = _shared(request.args.get("url", ""))
    answer = _answer(shared, box)
    response = _to_xml(answer) if wanted == "xml" else make_response(answer)
    response.add_etag()
    return make_response(response.make_conditional(request))


def discovery_links(shared: Shared) -> list[tuple[str, str]]:
    """(media type, address) by which other sites find what to show for a page."""
    if shared.subject.kind == HOME:
        return []
    pairs = [(kind, urlencode({"url": shared.url, "format": kind})) for kind in FORMATS]
    types = {"json": "application/json+oembed", "xml": "text/xml+oembed"}
    return [(types[kind], f"{origin()}/oembed?{query}") for kind, query in pairs]


def _side(name: str) -> int:
    given = request.args.get(name)
    if given is None:
        return MAX_SIDE
    if not (given.isascii() and given.isdigit() and int(given[:6]) > 0):
        _refuse(400, "This is a number of pixels.", name)
    return min(int(given[:6]), MAX_SIDE)


# --- Which page ---------------------------------------------------------------------------


def _shared(url: str) -> Shared:
    """The page of an address, in the language of the address."""
    if not url:
        _refuse(400, "Please give the address of a page.", "url")
    subject, language = _read_url(url)
    # What the page says is put into words in the language that is current.
    speak(language)
    try:
        return describe(_standing_for(subject))
    except NotFound:
        _refuse(404, _NOTHING, "url")


def _standing_for(subject: Subject) -> Subject:
    """The subject itself, or of a merged listing the one that stands for it now."""
    if subject.kind != NONPROFIT:
        return subject
    try:
        return replace(subject, slug=get_redirect(get_db(), subject.slug))
    except NotFound:
        return subject


def _read_url(url: str) -> tuple[Subject, Language]:
    try:
        parts = urlsplit(url)
        ours = parts.netloc == urlsplit(origin()).netloc and parts.scheme in {"http", "https"}
        endpoint, values = _match(parts.path) if ours else ("", {})
    except (ValueError, HTTPException, RequestRedirect):
        endpoint, values = "", {}
    plain = endpoint.removeprefix(SPANISH_PREFIX)
    if plain in PRIVATE or kind_of(endpoint) is RouteKind.STAFF:
        _refuse(401, "This page is for one reader. Please link to it.", "url")
    query = parse_qs(parts.query, keep_blank_values=True) if endpoint else {}
    subject = find_subject(endpoint, values, MultiDict(query))
    if subject is None or subject.kind == HOME:
        _refuse(404, _NOTHING, "url")
    return subject, Language.ES if endpoint != plain else Language.EN


def _match(path: str) -> tuple[str, Mapping[str, Any]]:
    found: tuple[str, Mapping[str, Any]] = current_app.url_map.bind("").match(path, "GET")
    return found


# --- What is shown ------------------------------------------------------------------------


def _answer(shared: Shared, box: Box) -> dict[str, str | int]:
    """The answer by the names of the specification; a link where there is no room for a card."""
    answer: dict[str, str | int] = {
        "type": "link",
        "version": "1.0",
        "title": shared.title,
        "provider_name": "Waymark",
        "provider_url": f"{origin()}/",
        "cache_age": CACHE_AGE_S,
    }
    if shared.author:
        answer["author_name"] = shared.author
    if box.width >= WIDTH and box.height >= HEIGHT:
        answer |= {
            "thumbnail_url": picture_url(shared),
            "thumbnail_width": WIDTH,
            "thumbnail_height": HEIGHT,
        }
    if box.width < MIN_WIDTH or box.height < MIN_HEIGHT:
        return answer
    width = min(box.width, WIDTH_OF_CARD)
    heights = HEIGHTS[shared.subject.kind]
    needed = next(height for least, height in heights.items() if width >= least)
    size = {"width": width, "height": min(box.height, needed)}
    html = _FRAME.format(src=card_url(shared), title=shared.title, **size)
    return {**answer, "type": "rich", "html": str(html), **size}


def card_url(shared: Shared) -> str:
    """The whole address of a page's card."""
    subject = shared.subject
    return absolute_url(shared.language, "cards.card", kind=subject.kind, slug=subject.name)


def _to_xml(answer: Mapping[str, str | int]) -> Response:
    root = ElementTree.Element("oembed")
    for name, value in answer.items():
        ElementTree.SubElement(root, name).text = str(value)
    xml = ElementTree.tostring(root, encoding="utf-8", xml_declaration=True)
    return Response(xml, content_type="text/xml; charset=utf-8")


def _refuse(status: int, message: str, field: str = "") -> NoReturn:
    abort(error_json(HTTPStatus(status), message, field=field))
