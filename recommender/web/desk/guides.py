"""The desk's editor of topic guides, in two languages side by side."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from itertools import zip_longest
from typing import Any

from flask import Blueprint, Response, make_response, render_template, request
from werkzeug.datastructures import MultiDict
from werkzeug.wrappers import Response as AnyResponse

from recommender.errors import NotFound
from recommender.importers.directory import Fault, find_faults, make_guide
from recommender.models import Guide
from recommender.store.accounts import Role
from recommender.store.library import LibraryKind, list_guides
from recommender.store.library_history import list_pending, version_of
from recommender.web import get_db, get_settings, read_catalog
from recommender.web.auth import require
from recommender.web.desk.entries import Draft, open_draft, tag_name
from recommender.web.desk.pieces import (
    LINK_ADVICE,
    SLUG_ADVICE,
    TOPIC_ADVICE,
    Form,
    Row,
    Typed,
    answer,
    find_length_errors,
    find_shared_errors,
    line,
    lines,
    list_topics,
    make_slug,
    order_topics,
    preview_guide,
    take_off,
)
from recommender.web.desk.refusals import refuse_errors

bp = Blueprint("staff_guides", __name__, url_prefix="/staff/guides")
refuse_errors(bp)

FACT = ("text_en", "text_es", "source_title", "source_url")
N_FACTS = 3
"""How many rows for facts the form shows at least."""
MAX_FACTS = 30
TEXTS = (
    *("slug", "title_en", "title_es", "intro_en", "intro_es", "query_en", "query_es"),
    *("ways_to_help_en", "ways_to_help_es"),
)
_WAYS = ("ways_to_help_en", "ways_to_help_es")
ADVICE = {
    "slug": SLUG_ADVICE,
    "title_en": "Please give the title in English.",
    "title_es": "Please give the title in Spanish.",
    "intro_en": "Please introduce the topic in English.",
    "intro_es": "Please introduce the topic in Spanish.",
    "ways_to_help_en": "Please give at least one way to help, one in a line.",
    "ways_to_help_es": "Please give at least one way to help in Spanish, one in a line.",
    "topics": TOPIC_ADVICE,
    "query_en": "Please say in English what the nonprofits of this guide do.",
    "query_es": "Please say in Spanish what the nonprofits of this guide do.",
    "key_facts": "Please give at least one fact with its source.",
    "fact_text_en": "Please state the fact in English.",
    "fact_text_es": "Please state the fact in Spanish.",
    "fact_source_title": "Please give the title of the source.",
    "fact_source_url": LINK_ADVICE,
}


@bp.get("")
@require(Role.EDITOR)
def index() -> str:
    """All topic guides."""
    pending = list_pending(get_db())
    return render_template(
        "staff/guides.html",
        guides=read_catalog(list_guides),
        waiting={change.key for change in pending if change.kind is LibraryKind.GUIDE},
        tag_name=tag_name,
    )


@bp.route("/new", methods=["GET", "POST"])
@require(Role.EDITOR)
def new() -> AnyResponse:
    """Propose a new guide."""
    draft = Draft(kind=LibraryKind.GUIDE)
    if request.method == "GET":
        return _page(draft, Typed(texts=dict.fromkeys(TEXTS, "")))
    return answer(FORM, draft)


@bp.route("/<slug>", methods=["GET", "POST"])
@require(Role.EDITOR)
def edit(slug: str) -> AnyResponse:
    """Propose a change of a guide."""
    draft = open_draft(LibraryKind.GUIDE, slug)
    if request.method == "POST":
        return answer(FORM, draft)
    return _page(draft, show(_guide(draft.shown)))


@bp.post("/<slug>/take-down")
@require(Role.EDITOR)
def remove(slug: str) -> AnyResponse:
    """Take a guide off the site at once."""
    return take_off(LibraryKind.GUIDE, slug)


# --- The form ----------------------------------------------------------------------------


def show(guide: Guide) -> Typed:
    """A guide as the form shows it."""
    ways = {name: "\n".join(getattr(guide, name)) for name in _WAYS}
    return Typed(
        texts={name: getattr(guide, name) for name in TEXTS} | ways,
        topics=guide.topics,
        facts=[{name: getattr(fact, name) for name in FACT} for fact in guide.key_facts],
    )


def read_form(form: MultiDict[str, str], draft: Draft) -> Typed:
    """What was sent, as it was typed."""
    texts = {name: form.get(name, "").replace("\r\n", "\n") for name in TEXTS}
    before = draft.shown.topics if isinstance(draft.shown, Guide) else ()
    columns = zip_longest(*(form.getlist(f"fact_{name}") for name in FACT), fillvalue="")
    topics = order_topics(form.getlist("topics"), before)
    return Typed(
        texts=texts,
        topics=_with_first(topics, form.get("main_topic", "")),
        facts=[dict(zip(FACT, row, strict=True)) for row in columns],
    )


def make_record(typed: Typed, key: str = "") -> dict[str, Any]:
    """What was typed as a record of the data files; it may have faults."""
    texts = {name: line(text) for name, text in typed.texts.items()}
    return {
        **texts,
        "slug": key or make_slug(texts["slug"], texts["title_en"]),
        **{name: lines(typed.texts[name]) for name in _WAYS},
        "topics": list(typed.topics),
        "key_facts": [fact for _, fact in _filled(typed.facts)],
    }


def find_errors(typed: Typed, record: Mapping[str, Any]) -> dict[str, str]:
    """What has to be mended, as sentences by the name of the field that they are about.

    A field of a fact is named with the number of its row, e.g. "fact_source_url_2".
    """
    errors: dict[str, str] = {}
    for fault in find_faults(get_settings().data, dict(record), "guide"):
        name, advice = _field_of(fault, typed)
        errors.setdefault(name, advice)
    if len(typed.facts) > MAX_FACTS:
        errors["key_facts"] = f"Please keep to {MAX_FACTS} facts."
    if not errors and len(record[_WAYS[0]]) != len(record[_WAYS[1]]):
        errors[_WAYS[1]] = "Please give as many ways to help in Spanish as in English."
    return find_length_errors(typed) | errors | find_shared_errors(record)


def _field_of(fault: Fault, typed: Typed) -> tuple[str, str]:
    name, *inside = (str(step) for step in fault.path or ("",))
    if name == "key_facts" and len(inside) == 2:
        number, _ = _filled(typed.facts)[int(inside[0])]
        return f"fact_{inside[1]}_{number}", ADVICE[f"fact_{inside[1]}"]
    return name, ADVICE.get(name, fault.message)


def _filled(facts: Sequence[Row]) -> list[tuple[int, Row]]:
    """The rows that are not blank, cleaned, with their numbers."""
    clean = [(n, {k: line(v) for k, v in row.items()}) for n, row in enumerate(facts, start=1)]
    return [(number, row) for number, row in clean if any(row.values())]


def _with_first(topics: list[str], first: str) -> list[str]:
    return [first, *(topic for topic in topics if topic != first)] if first in topics else topics


def _guide(entry: object) -> Guide:
    if not isinstance(entry, Guide):
        raise NotFound("There is no such guide.")
    return entry


def _page(draft: Draft, typed: Typed) -> Response:
    room = max(N_FACTS - len(typed.facts), int(request.form.get("do") == "add"), 0)
    page = render_template(
        "staff/guide.html",
        draft=draft,
        typed=typed,
        facts=[*typed.facts, *(dict.fromkeys(FACT, "") for _ in range(room))][: MAX_FACTS + 1],
        errors=dict(draft.errors),
        preview=preview_guide(make_guide(make_record(typed))),
        version=version_of(draft.live),
        topics=list_topics(),
        main_topics=[(topic, tag_name(topic)) for topic in typed.topics],
        done=request.args.get("done", ""),
    )
    return make_response(page, draft.status)


FORM = Form(
    read=read_form,
    make_record=make_record,
    find_errors=find_errors,
    make=make_guide,
    page=_page,
)
