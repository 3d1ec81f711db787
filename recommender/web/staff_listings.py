"""The desk's listings: find one, read all that is known of it, edit it, and move it on."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass, replace
from datetime import UTC, date, datetime
from typing import Any

from flask import Blueprint, Response, make_response, redirect, render_template, request, url_for
from werkzeug.wrappers import Response as AnyResponse

from recommender.errors import (
    EditConflict,
    InvalidAction,
    NotAllowed,
    NotFound,
    RecommenderError,
    StorageError,
)
from recommender.geo import STATES
from recommender.importers.rows import slugify
from recommender.models import (
    Basis,
    FieldChange,
    Listing,
    ListingQuery,
    ListingSort,
    Nonprofit,
    Reach,
    Revision,
    RevisionState,
    Saved,
    Status,
    Tag,
    TagKind,
    Visibility,
)
from recommender.store.accounts import Account, Role, list_accounts
from recommender.store.history import diff, list_revisions
from recommender.store.listings import SHOWN, get_listing
from recommender.store.revisions import (
    EDITABLE,
    create_listing,
    diff_revisions,
    find_open_revision,
    revert_to,
    save_listing,
)
from recommender.store.workflow import (
    NEED_REASON,
    assign,
    change_status,
    list_transitions,
    verify_listing,
)
from recommender.store.worklist import search_listings
from recommender.web import auth, get_db, get_gazetteer, get_settings
from recommender.web.auth import current_session, require
from recommender.web.i18n import current_language
from recommender.web.listings import FACTS
from recommender.web.staff_diff import LABELS, describe_changes, describe_listing, to_lines
from recommender.web.staff_form import (
    Typed,
    empty_form,
    find_errors,
    make_listing,
    make_record,
    read_form,
    show_listing,
    unplaced,
)
from recommender.web.vocabulary import get_vocabulary

bp = Blueprint("staff_listings", __name__, url_prefix="/staff/listings")

MAX_TYPED = 200
MAX_PAGE = 10_000
RESERVED = frozenset({"new"})
STATUS_LABELS = {status: status.value.replace("-", " ").capitalize() for status in Status}
BASES = {
    Basis.MISSION: "Its own mission statement",
    Basis.KNOWN: "General public knowledge",
    Basis.NAME: "Its name alone",
}
VISIBILITIES = {
    Visibility.PUBLIC: "Shown in full",
    Visibility.CITY: "City only",
    Visibility.HIDDEN: "Hidden everywhere",
}
SORTS = {
    ListingSort.RELEVANCE: "Best fit",
    ListingSort.NAME: "Name",
    ListingSort.EDITED: "Last edited",
    ListingSort.CHECKED: "Longest unchecked",
}
KINDS = {
    TagKind.SERVICE: "Services",
    TagKind.POPULATION: "People",
    TagKind.COMMUNITY: "Communities",
    TagKind.LANGUAGE: "Languages",
}
DONE = {
    "created": "The draft is made. Donors do not see it.",
    "saved": "Your changes are saved.",
    "pending": "Your changes wait for review. What is shown stays as it is until then.",
    "unchanged": "Nothing was different, so nothing was saved.",
    "status": "The state is changed. What donors find follows with the next publication.",
    "withdrawn": "It is gone from every page and answer, from this moment on.",
    "verified": "The check is noted.",
    "assigned": "That is noted.",
    "approved": "The revision is approved. Donors see it after the next publication.",
    "rejected": "The revision is rejected. What is shown stays.",
    "returned": "The revision is back with its author.",
}


@bp.app_template_global("pairs")
def pairs(values: Iterable[int]) -> list[tuple[str, str]]:
    """Numbers as the choices of a select field."""
    return [(str(value), str(value)) for value in values]


# --- What goes wrong ---------------------------------------------------------------------


def answer_error(error: RecommenderError) -> Response:
    """Say on a page of the desk why an action was not taken."""
    if isinstance(error, NotFound):
        return auth.refusal("There is nothing here", str(error), 404)
    if isinstance(error, NotAllowed):
        return auth.refusal("This is not yours to do", str(error), 403)
    if isinstance(error, EditConflict):
        advice = f"{error} Please open it again and look at it before you go on."
        return auth.refusal("It has changed meanwhile", advice, 409)
    if isinstance(error, InvalidAction):
        return auth.refusal("This does not fit", str(error), 409)
    return auth.refusal("This cannot be stored", "Something in it is not in order.", 422)


ANSWERED = (NotFound, NotAllowed, EditConflict, InvalidAction, StorageError)
for _kind in ANSWERED:
    bp.register_error_handler(_kind, answer_error)


# --- Finding -----------------------------------------------------------------------------


@bp.get("")
@require(Role.EDITOR)
def index() -> str:
    """The listings of all states, searched as typed."""
    query = _read_query()
    found = search_listings(get_db(), query)
    return render_template(
        "staff/listings.html",
        query=query,
        found=found,
        first=(query.page - 1) * query.page_size + 1,
        n_pages=-(-found.total // query.page_size),
        page_url=_page_url,
        statuses=STATUS_LABELS,
        states={code: names.en for code, names in STATES.items()},
        services={tag.slug: tag.label_en for tag in get_vocabulary().of_kind("services")},
        bases=BASES,
        sorts=SORTS,
        people_choices=_people_choices(),
    )


def _read_query() -> ListingQuery:
    """What the address asks for; what it misspells is not asked for."""
    text = request.args.get("q", "").strip()[:MAX_TYPED]
    usual = ListingSort.RELEVANCE if text else ListingSort.NAME
    services = {tag.slug for tag in get_vocabulary().of_kind("services")}
    sort = request.args.get("sort", usual.value)
    return ListingQuery(
        text=text,
        statuses=tuple(Status(value) for value in _given("status", set(Status))),
        states=_given("state", set(STATES)),
        services=_given("service", services),
        bases=tuple(Basis(value) for value in _given("basis", set(Basis))),
        assignee_id=next(
            (int(id_) for id_ in _given("assignee", {str(a.id) for a in _people()})), None
        ),
        thin=True if request.args.get("thin") == "1" else None,
        sort=ListingSort(sort) if sort in set(ListingSort) else usual,
        page=_number(request.args.get("page", ""), default=1, most=MAX_PAGE),
    )


def _given(name: str, known: set[Any]) -> tuple[str, ...]:
    return tuple(dict.fromkeys(v for v in request.args.getlist(name) if v in known))


def _number(text: str, *, default: int = 0, most: int = 10**9) -> int:
    plain = text.isascii() and text.isdigit() and len(text) < 12
    return min(max(int(text), 1), most) if plain else default


def _page_url(number: int) -> str:
    kept = request.args.to_dict(False) | {"page": [str(number)]}
    return url_for("staff_listings.index", **kept)  # type: ignore[arg-type]


def _people() -> list[Account]:
    return [account for account in list_accounts(get_db()) if not account.is_disabled]


def _people_choices() -> list[tuple[str, str]]:
    return [(str(account.id), account.name) for account in _people()]


# --- One listing -------------------------------------------------------------------------


@bp.get("/<slug>")
@require(Role.EDITOR)
def listing(slug: str) -> str:
    """All that is known of a listing, its history, and what may be done with it."""
    found = get_listing(get_db(), slug)
    record = found.nonprofit
    history = list_revisions(get_db(), slug)
    return render_template(
        "staff/listing.html",
        listing=found,
        record=record,
        facts=describe_listing(record),
        history=[(entry, _changed_fields(entry)) for entry in history],
        pending=[entry for entry in history if entry.state in _OPEN],
        versions=_versions(found, history),
        transitions=list_transitions(record.status, current_session().account.role),
        need_reason=NEED_REASON,
        is_editable=record.status in EDITABLE,
        is_shown=record.status in SHOWN,
        statuses=STATUS_LABELS,
        unplaced=unplaced(record),
        people_choices=_people_choices(),
        today=datetime.now(UTC).date().isoformat(),
        done=DONE.get(request.args.get("done", "")),
        labels=LABELS,
    )


_OPEN = (RevisionState.PENDING, RevisionState.RETURNED)


def _changed_fields(entry: Revision) -> list[str]:
    if entry.before is None or entry.after is None:
        return []
    return [LABELS[change.field] for change in diff(entry.before, entry.after)]


def _versions(found: Listing, history: list[Revision]) -> list[int]:
    """The numbers at which something is known of a listing, newest first."""
    numbers = {found.revision} | {entry.number for entry in history if entry.after}
    numbers |= {entry.base for entry in history if entry.is_live and entry.before}
    return sorted(numbers, reverse=True)


@bp.get("/<slug>/compare")
@require(Role.EDITOR)
def compare(slug: str) -> str:
    """Two versions of a listing, field by field."""
    found = get_listing(get_db(), slug)
    before = _number(request.args.get("before", ""), default=found.revision)
    after = _number(request.args.get("after", ""), default=found.revision)
    changes = diff_revisions(get_db(), slug, before, after)
    return render_template(
        "staff/compare.html",
        listing=found,
        before=before,
        after=after,
        changes=describe_changes(changes),
        versions=_versions(found, list_revisions(get_db(), slug)),
        is_editable=found.nonprofit.status in EDITABLE,
    )


@bp.post("/<slug>/revert")
@require(Role.EDITOR)
def revert(slug: str) -> AnyResponse:
    """Save an earlier version again, as a new revision."""
    if request.form.get("confirm") != "yes":
        raise InvalidAction("Please tick the box that says you mean it.")
    saved = revert_to(
        get_db(),
        slug,
        _number(request.form.get("number", "")),
        by=current_session().account.id,
        expected_revision=_number(request.form.get("expected_revision", "")),
    )
    return _back(slug, _outcome(saved))


@bp.post("/<slug>/status")
@require(Role.EDITOR)
def status(slug: str) -> AnyResponse:
    """Move a listing to another state."""
    wanted = request.form.get("to", "")
    if wanted not in set(Status):
        raise InvalidAction("Please choose a state.")
    change_status(
        get_db(),
        slug,
        Status(wanted),
        by=current_session().account.id,
        expected_revision=_number(request.form.get("expected_revision", "")),
        reason=_note("reason"),
    )
    return _back(slug, "withdrawn" if Status(wanted) in NEED_REASON else "status")


@bp.post("/<slug>/verify")
@require(Role.EDITOR)
def verify(slug: str) -> AnyResponse:
    """Note that the facts were checked with the group."""
    verify_listing(
        get_db(),
        slug,
        by=current_session().account.id,
        expected_revision=_number(request.form.get("expected_revision", "")),
        on=_past_day(request.form.get("on", "")),
        note=_note("note"),
    )
    return _back(slug, "verified")


@bp.post("/<slug>/assign")
@require(Role.EDITOR)
def give(slug: str) -> AnyResponse:
    """Give a listing to somebody, or to nobody."""
    wanted = _number(request.form.get("to", ""))
    assign(get_db(), slug, wanted or None)
    return _back(slug, "assigned")


def _past_day(text: str) -> date:
    try:
        day = date.fromisoformat(text)
    except ValueError:
        raise InvalidAction("Please give the day of the check, for example 2026-03-31.") from None
    if day > datetime.now(UTC).date():
        raise InvalidAction("A check cannot be in the future.")
    return day


def _note(name: str) -> str:
    return request.form.get(name, "").replace("\0", " ").strip()[:2_000]


def _back(slug: str, done: str) -> AnyResponse:
    return redirect(url_for("staff_listings.listing", slug=slug, done=done), 303)


def _outcome(saved: Saved) -> str:
    if not saved.changes:
        return "unchanged"
    return "pending" if saved.state is RevisionState.PENDING else "saved"


# --- Editing -----------------------------------------------------------------------------


@dataclass(frozen=True, kw_only=True)
class Conflict:
    """A field that differs between what stands now and what was typed, and what it was."""

    label: str
    base: tuple[str, ...]
    theirs: tuple[str, ...]
    yours: tuple[str, ...]


@dataclass(frozen=True, kw_only=True)
class Editor:
    """The form with all that its page says about it; `listing` is None for a new one."""

    typed: Typed
    listing: Listing | None = None
    expected_revision: int = 0
    errors: dict[str, str]
    conflicts: tuple[Conflict, ...] = ()
    continued: Revision | None = None
    note: str = ""


@bp.route("/new", methods=["GET", "POST"])
@require(Role.EDITOR)
def new() -> AnyResponse:
    """Make a draft."""
    if request.method == "GET":
        return _editor_page(Editor(typed=empty_form(), errors={}))
    typed = read_form(request.form)
    slug = typed.texts["slug"].strip() or slugify(typed.texts["name"])
    named = replace(typed, texts={**typed.texts, "slug": slug})
    editor = Editor(typed=typed, errors={}, note=_note("note"))
    if "add" in request.form:
        return _editor_page(editor)
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
    return _back(slug, "created")


@bp.route("/<slug>/edit", methods=["GET", "POST"])
@require(Role.EDITOR)
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
    seen = request.form.get("over") or request.form.get("expected_revision", "")
    editor = Editor(
        typed=typed,
        listing=found,
        expected_revision=_number(seen),
        errors={},
        note=_note("note"),
    )
    return _editor_page(editor) if "add" in request.form else _save(editor, found.nonprofit)


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
    )


def _save(editor: Editor, live: Nonprofit) -> AnyResponse:
    record = make_record(editor.typed, in_irs_extract=live.in_irs_extract)
    errors = find_errors(editor.typed, record, get_settings().data) | _unknown_parent(record)
    if errors:
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
            return _back(live.slug, "unchanged")
        return _editor_page(replace(editor, conflicts=_conflicts(error)))
    except StorageError as error:
        return _editor_page(replace(editor, errors=_told(error)))
    return _back(live.slug, _outcome(saved))


def _conflicts(error: EditConflict) -> tuple[Conflict, ...]:
    changes: tuple[FieldChange, ...] = error.changes
    return tuple(
        Conflict(
            label=LABELS[change.field],
            base=to_lines(change.field, getattr(error.base, change.field, None)),
            theirs=to_lines(change.field, change.before),
            yours=to_lines(change.field, change.after),
        )
        for change in changes
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
    code = 422 if editor.errors else 409 if editor.conflicts else 200
    page = render_template(
        "staff/edit.html",
        editor=editor,
        typed=editor.typed.with_room(request.form.get("add", "")),
        errors=editor.errors,
        kinds={kind.value: label for kind, label in KINDS.items()},
        tags={kind.value: _choices(vocabulary.of_kind(kind.value)) for kind in TagKind},
        reaches={reach.value: reach.value.capitalize() for reach in Reach},
        bases=BASES,
        visibilities=VISIBILITIES,
        groups=FACTS,
    )
    return make_response(page, code)


def _choices(tags: Iterable[Tag]) -> list[tuple[str, list[tuple[str, str]]]]:
    """The tags of a kind as (group, [(slug, label)])."""
    grouped: dict[str, list[tuple[str, str]]] = {}
    for tag in tags:
        grouped.setdefault(tag.group, []).append((tag.slug, tag.label_en))
    vocabulary = get_vocabulary()
    language = current_language()
    return [
        (vocabulary.label("service_groups", group, language) if group else "", choices)
        for group, choices in grouped.items()
    ]
