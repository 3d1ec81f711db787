"""Resources and topic guides at the desk: what the two forms share, and the preview of each."""

from __future__ import annotations

import re
from collections.abc import Callable, Mapping, Sequence
from contextlib import suppress
from dataclasses import dataclass, replace
from typing import Any

from flask import redirect, render_template, request, url_for
from markupsafe import Markup
from werkzeug.datastructures import MultiDict
from werkzeug.wrappers import Response

from recommender.errors import IndexNotReady, UnknownPlace
from recommender.importers.rows import slugify
from recommender.models import DonorProfile, Guide, Language, Recommendation, Resource
from recommender.store.library import Entry, LibraryKind
from recommender.store.library_revisions import TOPIC_KINDS, Proposal, take_down
from recommender.web import get_db, get_gazetteer
from recommender.web.auth import current_session
from recommender.web.desk.asked import read_note
from recommender.web.desk.entries import Draft, is_preview, read_draft, save
from recommender.web.i18n import speaking
from recommender.web.learn import Near, find, host_of, own_place, resource_profile
from recommender.web.timing import timed
from recommender.web.vocabulary import get_vocabulary

Row = dict[str, str]

MAX_LENGTH = 6_000
MAX_SLUG = 80
RESERVED = frozenset({"new"})
SLUG_ADVICE = "Lower-case letters, digits and single hyphens, at most 80 characters."
TOPIC_ADVICE = "Please choose at least one topic."
LINK_ADVICE = (
    "Please give an address that begins with https://, in small letters up to the first slash."
)

_CONTROLS = re.compile(r"[\x00-\x1f\x7f-\x9f]")
_TOPIC_TITLES = {"services": "Services", "populations": "People", "topics": "Themes"}


@dataclass(frozen=True, kw_only=True)
class Typed:
    """What stands in the form of a resource or a guide; `facts` are a guide's."""

    texts: Mapping[str, str]
    topics: Sequence[str] = ()
    facts: Sequence[Row] = ()


@dataclass(frozen=True, kw_only=True)
class Matched:
    """The nonprofits that a page would show for one language's words."""

    language: Language
    near: Near
    found: Recommendation


@dataclass(frozen=True, kw_only=True)
class Preview:
    """What the public page would show.

    `boxes` are parts of the page in each language, `hints` what an editor may have missed.
    """

    boxes: tuple[tuple[Language, Markup], ...]
    matched: tuple[Matched, ...]
    hosts: tuple[str, ...]
    hints: tuple[str, ...] = ()


def preview_resource(piece: Resource) -> Preview:
    """The Take box in both languages, and the nonprofits."""
    near, hints = Near(), []
    try:
        near = Near(place=own_place(piece, get_gazetteer()))
    except UnknownPlace:
        hints.append("The first city is not known, so groups there cannot come first.")
    except IndexNotReady:
        pass
    has_words = bool(piece.text.strip() or piece.topics)
    profile = resource_profile(piece, near.place)
    return Preview(
        boxes=_boxes("staff/_take.html", piece=piece),
        matched=_match([(Language.EN, near, profile)]) if has_words else (),
        hosts=_hosts([piece.url]),
        hints=tuple(hints),
    )


def preview_guide(guide: Guide) -> Preview:
    """The ways to help in both languages, and the nonprofits for the interest in each."""
    asked = [(language, guide.query(language)) for language in Language]
    profiles = [
        (language, Near(), DonorProfile(text=text, language=language))
        for language, text in asked
        if text.strip()
    ]
    undated = [
        number
        for number, fact in enumerate(guide.key_facts, start=1)
        if not re.search(r"\b(19|20)\d\d\b", fact.text_en)
    ]
    return Preview(
        boxes=_boxes("staff/_guide.html", guide=guide),
        matched=_match(profiles),
        hosts=_hosts([fact.source_url for fact in guide.key_facts]),
        hints=tuple(f"Fact {n} names no year. Please say of when it is." for n in undated),
    )


def _hosts(addresses: Sequence[str]) -> tuple[str, ...]:
    """The hosts of links, once each; what is half typed has none."""
    found = []
    for address in addresses:
        with suppress(ValueError):
            found.append(host_of(address))
    return tuple(dict.fromkeys(host for host in found if host))


@timed("match")
def _match(asked: Sequence[tuple[Language, Near, DonorProfile]]) -> tuple[Matched, ...]:
    try:
        return tuple(
            Matched(language=language, near=near, found=find(profile))
            for language, near, profile in asked
        )
    except IndexNotReady:
        return ()


def _boxes(template: str, **values: object) -> tuple[tuple[Language, Markup], ...]:
    found = []
    for language in Language:
        with speaking(language):
            # A template escapes what it is given.
            box = Markup(render_template(template, **values))  # noqa: S704
            found.append((language, box))
    return tuple(found)


# --- The forms ---------------------------------------------------------------------------


@dataclass(frozen=True, kw_only=True)
class Form:
    """What is done with the form of a resource, or of a guide, that was sent."""

    read: Callable[[MultiDict[str, str], Draft], Typed]
    make_record: Callable[[Typed, str], dict[str, Any]]
    find_errors: Callable[[Typed, Mapping[str, Any]], dict[str, str]]
    make: Callable[[dict[str, Any]], Entry]
    page: Callable[[Draft, Typed], Response]


def answer(form: Form, draft: Draft) -> Response:
    """Look at what was typed, say what has to be mended, or put it up for review."""
    draft = read_draft(draft)
    typed = form.read(request.form, draft)
    if is_preview():
        return form.page(draft, typed)
    record = form.make_record(typed, draft.key)
    errors = form.find_errors(typed, record)
    if errors:
        return form.page(replace(draft, errors=tuple(errors.items())), typed)
    saved = save(draft, form.make(record))
    return form.page(saved, typed) if isinstance(saved, Draft) else saved


def line(text: str) -> str:
    """One line without control characters or doubled spaces."""
    return " ".join(_CONTROLS.sub(" ", text).split())


def lines(text: str) -> list[str]:
    """The lines of a text that are not blank."""
    return [line(one) for one in text.split("\n") if line(one)]


def order_topics(chosen: Sequence[str], before: Sequence[str]) -> list[str]:
    """Topics in the order they have already, new ones last.

    Checkboxes come in the order of the page, and the first topics of a guide count most.
    """
    kept = [topic for topic in before if topic in chosen]
    return list(dict.fromkeys((*kept, *chosen)))


def list_topics() -> list[tuple[str, list[tuple[str, str]]]]:
    """The topics that there are, as (kind, [(slug, label)])."""
    vocabulary = get_vocabulary()
    return [
        (_TOPIC_TITLES[kind], [(tag.slug, tag.label_en) for tag in vocabulary.of_kind(kind)])
        for kind in TOPIC_KINDS
    ]


def find_length_errors(typed: Typed) -> dict[str, str]:
    """The texts that are too long to be read as a page."""
    advice = f"Please keep to {MAX_LENGTH:,} characters."
    return {name: advice for name, text in typed.texts.items() if len(text) > MAX_LENGTH}


def make_slug(typed: str, title: str) -> str:
    """The address that was typed, else one that is made from the title."""
    return typed or slugify(title)[:MAX_SLUG].strip("-")


def find_shared_errors(record: Mapping[str, Any]) -> dict[str, str]:
    """What the schema does not know: whether the address can be used, and the topics exist."""
    errors = {}
    if len(record["slug"]) > MAX_SLUG:
        errors["slug"] = SLUG_ADVICE
    if record["slug"] in RESERVED:
        errors["slug"] = "This address is kept for the desk itself. Please choose another."
    known = {tag.slug for kind in TOPIC_KINDS for tag in get_vocabulary().of_kind(kind)}
    gone = [topic for topic in record["topics"] if topic not in known]
    if gone:
        errors["topics"] = f"There is no topic {gone[0]!r}. Please choose again."
    return errors


def take_off(kind: LibraryKind, slug: str) -> Response:
    """Take a resource or a guide off the site at once, and lead to the change."""
    proposal = Proposal(
        kind=kind,
        key=slug,
        after=None,
        expected=request.form.get("expected", ""),
        note=read_note("reason"),
    )
    number = take_down(get_db(), proposal, by=current_session().account.id)
    return redirect(url_for("staff_library.show", number=number, done="taken-down"), 303)
