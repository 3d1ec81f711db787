"""The desk's editor: make a listing, or change one, without losing what was typed."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass, replace
from typing import Any

from flask import (
    Blueprint,
    Response,
    jsonify,
    make_response,
    redirect,
    render_template,
    request,
    url_for,
)
from werkzeug.wrappers import Response as AnyResponse

from recommender.errors import (
    EditConflict,
    InvalidAction,
    NotFound,
    RecommenderError,
    StorageError,
)
from recommender.importers.rows import slugify
from recommender.models import Listing, Nonprofit, Revision, Status, Tag, TagKind
from recommender.store.accounts import Role
from recommender.store.inbox import InboxItem
from recommender.store.listings import get_listing
from recommender.store.revisions import (
    EDITABLE,
    create_listing,
    find_open_revision,
    save_listing,
)
from recommender.text import fold
from recommender.web import get_db, get_gazetteer, get_settings
from recommender.web.auth import current_session, require
from recommender.web.desk.asked import read_note, read_number
from recommender.web.desk.diff import LABELS
from recommender.web.desk.form import (
    Typed,
    empty_form,
    find_errors,
    make_listing,
    make_record,
    read_form,
    show_listing,
    sketch_listing,
)
from recommender.web.desk.labels import BASES, KINDS, LANGUAGES, REACHES, VISIBILITIES, WHYS
from recommender.web.desk.listing import back_to, outcome_of
from recommender.web.desk.merging import Merging, begin_merging, read_merging
from recommender.web.desk.messages import close_message, find_message
from recommender.web.desk.preview import N_STANDINGS, Preview, make_preview
from recommender.web.desk.refusals import refuse_errors
from recommender.web.i18n import current_language
from recommender.web.listings import FACTS
from recommender.web.vocabulary import get_vocabulary

bp = Blueprint("staff_editor", __name__, url_prefix="/staff/listings")
refuse_errors(bp)

RESERVED = frozenset({"new", "preview"})
_KEEP = {"add", "preview"}
"""The buttons that show the form again, and save nothing."""


@bp.context_processor
def _words() -> dict[str, Any]:
    """What the templates of the preview say."""
    return {
        "languages_by_name": LANGUAGES,
        "whys": WHYS,
        "n_standings": N_STANDINGS,
        "field_labels": LABELS,
    }


@dataclass(frozen=True, kw_only=True)
class Editor:
    """The form with all that its page says about it; `listing` is None for a new one."""

    typed: Typed
    listing: Listing | None = None
    expected_revision: int = 0
    errors: dict[str, str]
    merging: Merging | None = None
    continued: Revision | None = None
    message: InboxItem | None = None
    note: str = ""
    preview: Preview | None = None


@bp.route("/new", methods=["GET", "POST"])
@require(Role.EDITOR, shows_again="add")
def new() -> AnyResponse:
    """Make a draft."""
    if request.method == "GET":
        return _editor_page(Editor(typed=empty_form(), errors={}))
    typed = read_form(request.form)
    slug = typed.texts["slug"].strip() or slugify(typed.texts["name"])
    named = replace(typed, texts={**typed.texts, "slug": slug})
    editor = Editor(typed=typed, errors={}, note=read_note("note"))
    if _KEEP & request.form.keys():
        return _editor_page(_with_preview(editor))
    record = make_record(named)
    errors = (
        _taken(slug) | find_errors(named, record, get_settings().data) | _unknown_parent(record)
    )
    if errors:
        return _editor_page(replace(editor, errors=errors))
    made = replace(make_listing(record, get_gazetteer()), status=Status.DRAFT)
    try:
        create_listing(get_db(), made, by=current_session().account.id, note=editor.note)
    except (InvalidAction, StorageError) as error:
        return _editor_page(replace(editor, errors=_told(error)))
    return back_to(slug, "created")


@bp.route("/<slug>/edit", methods=["GET", "POST"])
@require(Role.EDITOR, shows_again="add")
def edit(slug: str) -> AnyResponse:
    """Edit a listing: at once where it is a draft, for review where it is shown."""
    found = get_listing(get_db(), slug)
    if found.nonprofit.status not in EDITABLE:
        raise InvalidAction(
            f"A listing that is {found.nonprofit.status} cannot be edited; make it a draft first."
        )
    if request.method == "GET":
        return _editor_page(_open_editor(found))
    typed = read_form(request.form).in_order_of(found.nonprofit)
    typed = replace(typed, texts={**typed.texts, "slug": slug})
    merging = read_merging(request.form, slug, typed)
    if merging and "over" in request.form:
        typed = merging.taken_back(typed)
        merging = merging.all_mine()
    editor = Editor(
        typed=typed,
        listing=found,
        expected_revision=read_number(request.form.get("expected_revision", "")),
        errors={},
        merging=merging,
        message=find_message(slug),
        note=read_note("note"),
    )
    if _KEEP & request.form.keys():
        return _editor_page(_with_preview(editor))
    return _save(editor, found.nonprofit)


@bp.post("/preview")
@require(Role.EDITOR)
def preview() -> Response:
    """What the form of a listing makes, for the script that asks while somebody types."""
    live, typed = _find_live(request.form.get("editing", "")), read_form(request.form)
    merging = read_merging(request.form, live.slug, typed) if live else None
    made = _preview(merging.decided(typed) if merging else typed, live)
    return jsonify(html=render_template("staff/preview.html", preview=made))


def _with_preview(editor: Editor) -> Editor:
    if "preview" not in request.form:
        return editor
    live = editor.listing.nonprofit if editor.listing else None
    return replace(editor, preview=_preview(_decided(editor), live))


def _decided(editor: Editor) -> Typed:
    """What is typed, with what was chosen of another edit that it met."""
    return editor.merging.decided(editor.typed) if editor.merging else editor.typed


def _preview(typed: Typed, live: Nonprofit | None) -> Preview:
    # No listing has the address of the form itself.
    slug = live.slug if live else "new"
    named = replace(typed, texts={**typed.texts, "slug": slug})
    return make_preview(sketch_listing(named, get_gazetteer(), live))


def _find_live(slug: str) -> Nonprofit | None:
    try:
        return get_listing(get_db(), slug).nonprofit
    except NotFound:
        return None


def _open_editor(found: Listing) -> Editor:
    """The form as editing begins, or goes on where one's own revision is not yet reviewed."""
    slug = found.nonprofit.slug
    mine = find_open_revision(get_db(), slug, current_session().account.id)
    shown = mine.after if mine and mine.after else found.nonprofit
    return Editor(
        typed=show_listing(shown),
        listing=found,
        # What was based on an older version must meet what has changed since.
        expected_revision=mine.base if mine else found.revision,
        errors={},
        continued=mine,
        message=find_message(slug),
    )


def _save(editor: Editor, live: Nonprofit) -> AnyResponse:
    typed = _decided(editor)
    record = make_record(typed, in_irs_extract=live.in_irs_extract)
    errors = find_errors(typed, record, get_settings().data) | _unknown_parent(record)
    if errors := _undecided(editor.merging) | errors:
        return _editor_page(replace(editor, errors=errors))
    try:
        saved = save_listing(
            get_db(),
            make_listing(record, get_gazetteer(), live),
            by=current_session().account.id,
            expected_revision=editor.expected_revision,
            note=editor.note,
        )
    except EditConflict as error:
        if not error.changes:
            # Somebody else has saved the very same.
            return back_to(live.slug, "unchanged")
        return _editor_page(_merge(replace(editor, typed=typed), live.slug))
    except StorageError as error:
        return _editor_page(replace(editor, errors=_told(error)))
    if editor.message and close_message(editor.message, saved):
        answered = url_for("staff_inbox.show", number=editor.message.id, done="changed")
        return redirect(answered, 303)
    return back_to(live.slug, outcome_of(saved))


def _undecided(merging: Merging | None) -> dict[str, str]:
    names = merging.undecided if merging else ()
    return {f"keep_{name}": f"{LABELS[name]}: please choose what it becomes." for name in names}


def _merge(editor: Editor, slug: str) -> Editor:
    """The form goes on from what stands now, with all that only somebody else has changed."""
    found = get_listing(get_db(), slug)
    merging = begin_merging(found, editor.typed, editor.expected_revision)
    return replace(
        editor,
        typed=merging.merged(editor.typed),
        listing=found,
        expected_revision=found.revision,
        merging=merging,
    )


def _taken(slug: str) -> dict[str, str]:
    if slug in RESERVED:
        return {"slug": "This address is kept for the desk itself. Please choose another."}
    try:
        get_listing(get_db(), slug)
    except NotFound:
        return {}
    return {"slug": f"There is a listing {slug!r} already."}


def _unknown_parent(record: dict[str, Any]) -> dict[str, str]:
    parent = record["parent"]
    if not parent:
        return {}
    if parent == record["slug"]:
        return {"parent": "A group is not part of itself."}
    try:
        get_listing(get_db(), parent)
    except NotFound:
        return {"parent": f"There is no listing {parent!r}."}
    return {}


def _told(error: RecommenderError) -> dict[str, str]:
    """A refusal of the store as the sentence beside the field that it is about."""
    if isinstance(error, InvalidAction):
        return {"": str(error)}
    if "nonprofits.ein" in str(error):
        return {"ein": "Another listing has this EIN."}
    if "unknown tag" in str(error):
        return {"": "One of the tags does not exist any more. Please choose again."}
    return {"": "Something here cannot be stored. Please look at the figures and the codes."}


def _editor_page(editor: Editor) -> Response:
    vocabulary = get_vocabulary()
    is_met = editor.merging is not None and not (_KEEP & request.form.keys())
    code = 422 if editor.errors else 409 if is_met else 200
    page = render_template(
        "staff/edit.html",
        editor=editor,
        preview=editor.preview,
        typed=editor.typed.with_room(request.form.get("add", "")),
        errors=editor.errors,
        kinds={kind.value: label for kind, label in KINDS.items()},
        tags={kind.value: _choices(vocabulary.of_kind(kind.value)) for kind in TagKind},
        reaches=REACHES,
        bases=BASES,
        visibilities=VISIBILITIES,
        groups=FACTS,
    )
    return make_response(page, code)


@dataclass(frozen=True, kw_only=True)
class Choice:
    """A tag that can be ticked; `words` is all that it is called, for looking it up."""

    slug: str
    label: str
    description: str
    words: str


def _choices(tags: Iterable[Tag]) -> list[tuple[str, list[Choice]]]:
    """The tags of a kind as (group, choices)."""
    grouped: dict[str, list[Choice]] = {}
    for tag in tags:
        called = (tag.label_en, tag.label_es, *tag.synonyms_en, *tag.synonyms_es)
        choice = Choice(
            slug=tag.slug,
            label=tag.label_en,
            description=tag.description_en,
            words=fold(" ".join(called)),
        )
        grouped.setdefault(tag.group, []).append(choice)
    vocabulary, language = get_vocabulary(), current_language()
    return [
        (vocabulary.label("service_groups", group, language) if group else "", choices)
        for group, choices in grouped.items()
    ]
