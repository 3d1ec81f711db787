"""The desk's editor of resources: what others have published, with our words in two languages."""

from __future__ import annotations

from collections.abc import Mapping
from datetime import date
from typing import Any

from flask import Blueprint, Response, make_response, render_template, request
from werkzeug.datastructures import MultiDict
from werkzeug.wrappers import Response as AnyResponse

from recommender.errors import NotFound, UnknownPlace
from recommender.geo import STATES
from recommender.importers.directory import Fault, find_faults, make_resource
from recommender.models import Resource
from recommender.store.accounts import Role
from recommender.store.library import LibraryKind, list_resources
from recommender.store.library_history import list_pending, version_of
from recommender.text import fold
from recommender.web import get_db, get_gazetteer, get_settings, read_catalog
from recommender.web.auth import require
from recommender.web.desk.entries import Draft, open_draft
from recommender.web.desk.pieces import (
    LINK_ADVICE,
    SLUG_ADVICE,
    TOPIC_ADVICE,
    Form,
    Typed,
    answer,
    find_length_errors,
    find_shared_errors,
    line,
    lines,
    list_topics,
    make_slug,
    order_topics,
    preview_resource,
    take_off,
)
from recommender.web.desk.refusals import refuse_errors
from recommender.web.learn import KINDS, newest_first

bp = Blueprint("staff_resources", __name__, url_prefix="/staff/resources")
refuse_errors(bp)

MAX_TYPED = 200
TAKES = ("The gist", "A question", "A next step")
TEXTS = (
    *("slug", "title", "url", "publisher", "author", "published", "kind", "places"),
    *(f"take_{language}_{n}" for language in ("en", "es") for n in (1, 2, 3)),
    *("body_en", "body_es", "title_confirmed"),
)
ADVICE = {
    "slug": SLUG_ADVICE,
    "title": "Please give the headline.",
    "url": LINK_ADVICE,
    "publisher": "Please say who published it.",
    "published": "Please give a year, a month or a day, for example 2026-03-31, or nothing.",
    "kind": "Please choose the kind.",
    "topics": TOPIC_ADVICE,
    "places": "Please give US, the two letters of a state, or a city and its state, each once.",
    "take_en": "Please write this part of the take in English.",
    "take_es": "Please write this part of the take in Spanish.",
    "body_en": "Please say in English what it says.",
    "body_es": "Please say in Spanish what it says.",
}


@bp.get("")
@require(Role.EDITOR)
def index() -> str:
    """All resources, newest first."""
    typed = request.args.get("q", "").strip()[:MAX_TYPED]
    found = [
        piece
        for piece in newest_first(read_catalog(list_resources))
        if all(word in fold(f"{piece.title} {piece.publisher}") for word in fold(typed).split())
    ]
    pending = list_pending(get_db())
    return render_template(
        "staff/resources.html",
        resources=found,
        typed=typed,
        kinds=KINDS,
        waiting={change.key for change in pending if change.kind is LibraryKind.RESOURCE},
    )


@bp.route("/new", methods=["GET", "POST"])
@require(Role.EDITOR)
def new() -> AnyResponse:
    """Propose a new resource."""
    draft = Draft(kind=LibraryKind.RESOURCE)
    if request.method == "GET":
        empty = dict.fromkeys(TEXTS, "") | {"kind": "article", "title_confirmed": "yes"}
        return _page(draft, Typed(texts=empty))
    return answer(FORM, draft)


@bp.route("/<slug>", methods=["GET", "POST"])
@require(Role.EDITOR)
def edit(slug: str) -> AnyResponse:
    """Propose a change of a resource."""
    draft = open_draft(LibraryKind.RESOURCE, slug)
    if request.method == "POST":
        return answer(FORM, draft)
    return _page(draft, show(_resource(draft.shown)))


@bp.post("/<slug>/take-down")
@require(Role.EDITOR)
def remove(slug: str) -> AnyResponse:
    """Take a resource off the site at once."""
    return take_off(LibraryKind.RESOURCE, slug)


# --- The form ----------------------------------------------------------------------------


def show(piece: Resource) -> Typed:
    """A resource as the form shows it."""
    plain = {name: str(getattr(piece, name, "")) for name in TEXTS}
    takes = {
        f"take_{language}_{n}": text
        for language, take in (("en", piece.take_en), ("es", piece.take_es))
        for n, text in enumerate(take, start=1)
    }
    confirmed = "yes" if piece.title_confirmed else ""
    places = "\n".join(piece.places)
    return Typed(
        texts=plain | takes | {"places": places, "title_confirmed": confirmed},
        topics=piece.topics,
    )


def read_form(form: MultiDict[str, str], draft: Draft) -> Typed:
    """What was sent, as it was typed."""
    texts = {name: form.get(name, "").replace("\r\n", "\n") for name in TEXTS}
    before = draft.shown.topics if isinstance(draft.shown, Resource) else ()
    return Typed(texts=texts, topics=order_topics(form.getlist("topics"), before))


def make_record(typed: Typed, key: str = "") -> dict[str, Any]:
    """What was typed as a record of the data files; it may have faults."""
    texts = {name: line(text) for name, text in typed.texts.items()}
    plain = ("title", "url", "publisher", "author", "published", "kind", "body_en", "body_es")
    return {
        **{name: texts[name] for name in plain},
        "slug": key or make_slug(texts["slug"], texts["title"]),
        "take_en": [texts[f"take_en_{n}"] for n in (1, 2, 3)],
        "take_es": [texts[f"take_es_{n}"] for n in (1, 2, 3)],
        "topics": list(typed.topics),
        "places": lines(typed.texts["places"]),
        "title_confirmed": bool(texts["title_confirmed"]),
        "note": "",
    }


def find_errors(typed: Typed, record: Mapping[str, Any]) -> dict[str, str]:
    """What has to be mended, as sentences by the name of the field that they are about."""
    errors: dict[str, str] = {}
    for fault in find_faults(get_settings().data, dict(record), "resource"):
        name = str(fault.path[0]) if fault.path else ""
        errors.setdefault(_field_of(fault, name), ADVICE.get(name, fault.message))
    if "published" not in errors and not _is_day(record["published"]):
        errors["published"] = ADVICE["published"]
    if "places" not in errors:
        errors |= _place_errors(record["places"])
    return find_length_errors(typed) | errors | find_shared_errors(record)


def _field_of(fault: Fault, name: str) -> str:
    return f"{name}_{int(fault.path[1]) + 1}" if name in ("take_en", "take_es") else name


def _is_day(text: str) -> bool:
    """Whether a date of any precision is in the calendar."""
    try:
        date.fromisoformat(f"{text}-01-01"[:10] if len(text) == 4 else f"{text}-01"[:10])
    except ValueError:
        return not text
    return True


def _place_errors(places: list[str]) -> dict[str, str]:
    for place in places:
        state = place.rpartition(", ")[2]
        if place != "US" and state not in STATES:
            return {"places": f"There is no state {state!r}."}
        if "," not in place:
            continue
        try:
            get_gazetteer().resolve(place)
        except UnknownPlace:
            return {"places": f"No city is known as {place!r}."}
    return {}


def _resource(entry: object) -> Resource:
    if not isinstance(entry, Resource):
        raise NotFound("There is no such resource.")
    return entry


def _page(draft: Draft, typed: Typed) -> Response:
    page = render_template(
        "staff/resource.html",
        draft=draft,
        typed=typed,
        errors=dict(draft.errors),
        preview=preview_resource(make_resource(make_record(typed))),
        version=version_of(draft.live),
        kinds=KINDS,
        takes=TAKES,
        topics=list_topics(),
        done=request.args.get("done", ""),
    )
    return make_response(page, draft.status)


FORM = Form(
    read=read_form,
    make_record=make_record,
    find_errors=find_errors,
    make=make_resource,
    page=_page,
)
