"""The desk's term map: how donors say things, with what a change would move before it is made."""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from typing import Any

from flask import Blueprint, Response, make_response, render_template, request
from werkzeug.datastructures import MultiDict
from werkzeug.wrappers import Response as AnyResponse

from recommender.errors import NotFound
from recommender.importers.directory import find_faults, make_mapping
from recommender.models import TermMapping
from recommender.rehearsal import Rehearsal
from recommender.store.accounts import Role
from recommender.store.library import LibraryKind, key_of, list_term_mappings
from recommender.store.library_history import list_pending, version_of
from recommender.store.library_revisions import TERM_KINDS, find_same_phrase
from recommender.text import fold, is_stop_word, words
from recommender.web import get_db, get_settings, read_catalog
from recommender.web.auth import require
from recommender.web.desk.asked import read_number, turn_to
from recommender.web.desk.entries import Draft, is_preview, open_draft, read_draft, save, tag_name
from recommender.web.desk.labels import KINDS
from recommender.web.desk.refusals import refuse_errors
from recommender.web.desk.rehearsing import find_hints, say_query, try_change
from recommender.web.vocabulary import get_vocabulary

bp = Blueprint("staff_terms", __name__, url_prefix="/staff/terms")
refuse_errors(bp)

PAGE_SIZE = 50
MAX_PAGE = 10_000
MAX_TYPED = 200
N_TAGS = 4
LANGUAGES = {"en": "English", "es": "Spanish", "any": "Both"}
ADVICE = {
    "phrase": "Please give one to four words, at most 60 characters.",
    "language": "Please choose the language.",
    "tag_1": "Please choose what it means, or give further words to search for.",
    "words": "Please keep to six further words or phrases, each once and at most 80 characters.",
    "weight": "Please give a number above 0, and 1 at most.",
}


@dataclass(frozen=True, kw_only=True)
class Typed:
    """What stands in the form."""

    phrase: str = ""
    language: str = "en"
    tags: Sequence[str] = ("",) * N_TAGS
    words: str = ""
    weight: str = "1"


@dataclass(frozen=True, kw_only=True)
class Trial:
    """What a change would do; `rehearsal` is None where nothing is published yet."""

    rehearsal: Rehearsal | None
    hints: Sequence[str] = ()


@bp.get("")
@require(Role.EDITOR)
def index() -> str:
    """The phrases, searched as typed."""
    everything = read_catalog(list_term_mappings)
    typed = request.args.get("q", "").strip()[:MAX_TYPED]
    tag, language = request.args.get("tag", ""), request.args.get("language", "")
    found = [m for m in everything if _fits(m, typed, tag, language)]
    n_pages = max(1, -(-len(found) // PAGE_SIZE))
    page = min(read_number(request.args.get("page", ""), default=1, most=MAX_PAGE), n_pages)
    waiting = {change.key for change in list_pending(get_db()) if change.kind is LibraryKind.TERM}
    used = dict.fromkeys(slug for mapping in everything for slug in mapping.tags)
    return render_template(
        "staff/terms.html",
        mappings=found[(page - 1) * PAGE_SIZE : page * PAGE_SIZE],
        total=len(found),
        page=page,
        n_pages=n_pages,
        page_url=turn_to,
        typed=typed,
        tag=tag,
        spoken=language,
        languages=LANGUAGES,
        tag_choices=sorted(((slug, tag_name(slug)) for slug in used), key=lambda pair: pair[1]),
        waiting=waiting,
        key_of=key_of,
        tag_name=tag_name,
    )


def _fits(mapping: TermMapping, typed: str, tag: str, language: str) -> bool:
    said = fold(" ".join((mapping.phrase, *mapping.words)))
    is_said = all(word in said for word in fold(typed).split())
    return is_said and tag in ("", *mapping.tags) and language in ("", mapping.language)


@bp.route("/new", methods=["GET", "POST"])
@require(Role.EDITOR)
def new() -> AnyResponse:
    """Propose a new phrase."""
    draft = Draft(kind=LibraryKind.TERM)
    if request.method == "GET":
        phrase = " ".join(request.args.get("phrase", "").split())[:60].lower()
        return _page(draft, Typed(phrase=phrase))
    return _answer(read_draft(draft))


@bp.route("/entry", methods=["GET", "POST"])
@require(Role.EDITOR)
def edit() -> AnyResponse:
    """Propose a change of a phrase, which the address names as "language:phrase"."""
    draft = open_draft(LibraryKind.TERM, request.args.get("key", ""))
    if request.method == "POST":
        return _answer(read_draft(draft))
    return _page(draft, show(_mapping(draft.shown)))


@bp.post("/delete")
@require(Role.EDITOR)
def delete() -> AnyResponse:
    """Propose that a phrase goes, or see what that would change."""
    draft = read_draft(open_draft(LibraryKind.TERM, request.form.get("key", "")))
    live = _mapping(draft.live)
    if is_preview():
        return _page(draft, show(live), trial=Trial(rehearsal=try_change(live, None)))
    saved = save(draft, None)
    return _page(saved, show(live)) if isinstance(saved, Draft) else saved


def _answer(draft: Draft) -> AnyResponse:
    typed = read_form(request.form)
    record = make_record(typed)
    errors = find_errors(record, draft.key)
    if errors:
        return _page(replace(draft, errors=tuple(errors.items())), typed)
    mapping = make_mapping(record)
    if is_preview():
        live = draft.live if isinstance(draft.live, TermMapping) else None
        return _page(draft, typed, trial=try_out(live, mapping))
    saved = save(draft, mapping)
    return _page(saved, typed) if isinstance(saved, Draft) else saved


def try_out(before: TermMapping | None, after: TermMapping | None) -> Trial:
    """What a change would do, and what speaks against it."""
    return Trial(
        rehearsal=try_change(before, after), hints=tuple(find_hints(after)) if after else ()
    )


# --- The form ----------------------------------------------------------------------------


def show(mapping: TermMapping) -> Typed:
    """A mapping as the form shows it."""
    return Typed(
        phrase=mapping.phrase,
        language=mapping.language,
        tags=(*mapping.tags, *[""] * N_TAGS)[:N_TAGS],
        words="\n".join(mapping.words),
        weight=f"{mapping.weight:g}",
    )


def read_form(form: MultiDict[str, str]) -> Typed:
    """What was sent, as it was typed."""
    return Typed(
        phrase=form.get("phrase", ""),
        language=form.get("language", ""),
        tags=tuple(form.get(f"tag_{n}", "") for n in range(1, N_TAGS + 1)),
        words=form.get("words", "").replace("\r\n", "\n"),
        weight=form.get("weight", ""),
    )


def make_record(typed: Typed) -> dict[str, Any]:
    """What was typed as a record of the data files; it may have faults."""
    weight = typed.weight.strip().replace(",", ".")
    return {
        "phrase": _line(typed.phrase).lower(),
        "language": typed.language,
        "tags": [tag for tag in dict.fromkeys(typed.tags) if tag],
        "words": [_line(line) for line in typed.words.split("\n") if _line(line)],
        "weight": float(weight) if re.fullmatch(r"\d{1,2}(\.\d{1,4})?|\.\d{1,4}", weight) else None,
    }


def find_errors(record: Mapping[str, Any], key: str = "") -> dict[str, str]:
    """What has to be mended, as sentences by the name of the field that they are about.

    Args:
        record: What was typed, from `make_record`.
        key: Of the mapping that is edited, which may keep its own phrase.
    """
    errors: dict[str, str] = {}
    for fault in find_faults(get_settings().data, dict(record), "term_map"):
        field = str(fault.path[0]) if fault.path else "tag_1"
        field = "tag_1" if field == "tags" else field
        errors.setdefault(field, ADVICE[field])
    known = {tag.slug for kind in TERM_KINDS for tag in get_vocabulary().of_kind(kind)}
    if set(record["tags"]) - known:
        errors["tag_1"] = "One of the tags does not exist. Please choose again."
    return errors or _phrase_errors(make_mapping(dict(record)), key)


def _phrase_errors(mapping: TermMapping, key: str) -> dict[str, str]:
    said = words(mapping.phrase)
    if not said:
        return {"phrase": "There is no word in it."}
    if len(said) == 1 and is_stop_word(said[0]):
        return {"phrase": f"“{mapping.phrase}” is a word that is never looked up by itself."}
    same = find_same_phrase(read_catalog(list_term_mappings), mapping, but=key)
    if same is not None:
        return {
            "phrase": f"“{same.phrase}” ({LANGUAGES[same.language]}) is there already, and is the"
            " same phrase: accents, capitals and plural endings do not count."
        }
    return {}


def _line(text: str) -> str:
    return " ".join(re.sub(r"[\x00-\x1f\x7f-\x9f]", " ", text).split())


def _mapping(entry: object) -> TermMapping:
    if not isinstance(entry, TermMapping):
        raise NotFound("There is no such phrase.")
    return entry


def _page(draft: Draft, typed: Typed, *, trial: Trial | None = None) -> Response:
    vocabulary = get_vocabulary()
    page = render_template(
        "staff/term.html",
        draft=draft,
        typed=typed,
        errors=dict(draft.errors),
        trial=trial,
        languages=LANGUAGES,
        tags=[
            (KINDS[kind], [(tag.slug, tag.label_en) for tag in vocabulary.of_kind(kind)])
            for kind in TERM_KINDS
        ],
        version=version_of(draft.live),
        say_query=say_query,
        done=request.args.get("done", ""),
    )
    return make_response(page, draft.status)
