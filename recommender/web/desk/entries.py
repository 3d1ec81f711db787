"""Terms, resources and guides at the desk: what their editors and their history share."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass, replace

from flask import redirect, request, url_for
from werkzeug.wrappers import Response

from recommender.errors import EditConflict, InvalidAction, NotFound, StorageError
from recommender.models import FieldChange, KeyFact, TagKind, TermMapping
from recommender.store.library import Entry, LibraryKind, find_entry, key_of
from recommender.store.library_history import (
    NOTHING,
    LibraryRevision,
    find_own_pending,
    list_library_history,
    version_of,
)
from recommender.store.library_revisions import TERM_KINDS, TOPIC_KINDS, Proposal, propose
from recommender.web import get_db
from recommender.web.auth import current_session
from recommender.web.desk.asked import read_note, read_number
from recommender.web.desk.diff import Change, compare_lines
from recommender.web.i18n import current_language
from recommender.web.vocabulary import get_vocabulary

LABELS = {
    "slug": "Address",
    "phrase": "Phrase",
    "language": "Language",
    "tags": "Means",
    "words": "Further words",
    "weight": "Sureness",
    "title": "Headline",
    "url": "Where it stands",
    "publisher": "Publisher",
    "kind": "Kind",
    "take_en": "Our take in English",
    "take_es": "Our take in Spanish",
    "body_en": "What it says, in English",
    "body_es": "What it says, in Spanish",
    "author": "Author",
    "published": "Published",
    "topics": "Topics",
    "places": "Places",
    "title_confirmed": "Headline as the publisher has it",
    "title_en": "Title in English",
    "title_es": "Title in Spanish",
    "intro_en": "Introduction in English",
    "intro_es": "Introduction in Spanish",
    "key_facts": "Facts",
    "ways_to_help_en": "Ways to help, in English",
    "ways_to_help_es": "Ways to help, in Spanish",
    "query_en": "Interest in English",
    "query_es": "Interest in Spanish",
}
LISTS = frozenset({"tags", "words", "topics", "places"})
NAMES = {
    LibraryKind.TERM: "phrase",
    LibraryKind.RESOURCE: "resource",
    LibraryKind.GUIDE: "topic guide",
}


@dataclass(frozen=True, kw_only=True)
class Conflict:
    """A field that differs between what stands now and what was typed, and what it was."""

    label: str
    base: tuple[str, ...]
    theirs: tuple[str, ...]
    yours: tuple[str, ...]


@dataclass(frozen=True, kw_only=True)
class Draft:
    """An entry on its editor's page.

    `key` is empty for a new one, `live` is what stands now and `shown` what the form begins
    with; `expected` is the version of what its author saw.
    """

    kind: LibraryKind
    key: str = ""
    live: Entry | None = None
    shown: Entry | None = None
    expected: str = NOTHING
    continued: LibraryRevision | None = None
    history: tuple[LibraryRevision, ...] = ()
    note: str = ""
    errors: tuple[tuple[str, str], ...] = ()
    conflicts: tuple[Conflict, ...] = ()

    @property
    def status(self) -> int:
        """The HTTP status of the page."""
        return 422 if self.errors else 409 if self.conflicts else 200


def open_draft(kind: LibraryKind, key: str) -> Draft:
    """An entry as its editor begins, or goes on from a change of one's own.

    Raises:
        NotFound: nothing is known of it.
    """
    live = find_entry(get_db(), kind, key)
    mine = find_own_pending(get_db(), kind, key, current_session().account.id)
    history = list_library_history(get_db(), kind, key)
    basis = mine or _find_origin(history)
    if live is None and basis is None:
        raise NotFound(f"There is no {NAMES[kind]} {key!r}.")
    return Draft(
        kind=kind,
        key=key,
        live=live,
        shown=(basis.after if basis else None) or live or (basis.before if basis else None),
        # What was based on an older version must meet what has changed since.
        expected=version_of(basis.before if basis else live),
        continued=mine,
        history=tuple(history),
    )


def _find_origin(history: Iterable[LibraryRevision]) -> LibraryRevision | None:
    """The change from which the address says that editing goes on."""
    number = read_number(request.args.get("from", ""))
    return next((revision for revision in history if revision.number == number), None)


def read_draft(draft: Draft) -> Draft:
    """The same with what the form says about it."""
    seen = request.form.get("over") or request.form.get("expected", "")
    # Of a new entry nothing was seen.
    expected = seen[:64] if draft.key else NOTHING
    return replace(draft, expected=expected, note=read_note("note"))


def is_preview() -> bool:
    """Whether the form asks to be looked at, and not to be saved."""
    return request.form.get("do") != "save" and "over" not in request.form


def save(draft: Draft, after: Entry | None) -> Response | Draft:
    """Put a change up for review and lead to it, or give the draft back with what is wrong."""
    proposal = Proposal(
        kind=draft.kind, key=draft.key, after=after, expected=draft.expected, note=draft.note
    )
    try:
        number = propose(get_db(), proposal, by=current_session().account.id)
    except EditConflict as error:
        if error.changes:
            return replace(draft, conflicts=_list_conflicts(error))
        number = None
    except InvalidAction as error:
        return replace(draft, errors=(("", str(error)),))
    except StorageError:
        return replace(draft, errors=(("", "A tag is gone, or a value cannot be stored."),))
    if number is None:
        key = draft.key or (key_of(after) if after else "")
        return redirect(edit_url(draft.kind, key, done="unchanged"), 303)
    return redirect(url_for("staff_library.show", number=number, done="proposed"), 303)


def _list_conflicts(error: EditConflict) -> tuple[Conflict, ...]:
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


def edit_url(kind: LibraryKind, key: str, **values: object) -> str:
    """The address of an entry's editor."""
    if kind is LibraryKind.TERM:
        return url_for("staff_terms.edit", key=key, **values)  # type: ignore[arg-type]
    endpoint = "staff_resources.edit" if kind is LibraryKind.RESOURCE else "staff_guides.edit"
    return url_for(endpoint, slug=key, **values)  # type: ignore[arg-type]


def title_of(entry: Entry | None) -> str:
    """What an entry is called in lists and headings."""
    if isinstance(entry, TermMapping):
        return f"“{entry.phrase}”"
    return getattr(entry, "title", "") or getattr(entry, "title_en", "") or "nothing"


def verb_of(revision: LibraryRevision) -> str:
    """What a change does."""
    if revision.before is None:
        return "Add"
    return "Take away" if revision.after is None else "Change"


# --- In words ----------------------------------------------------------------------------


def describe(changes: Iterable[FieldChange]) -> list[Change]:
    """Changed fields with what differs in them marked."""
    described = []
    for change in changes:
        before, after = to_lines(change.field, change.before), to_lines(change.field, change.after)
        marked = compare_lines(before, after, is_list=change.field in LISTS)
        described.append(
            Change(
                field=change.field, label=LABELS[change.field], before=marked[0], after=marked[1]
            )
        )
    return described


def to_lines(field: str, value: object) -> tuple[str, ...]:
    """The value of a field as lines of text; none where there is no value."""
    if value in ("", None, ()):
        return ()
    if isinstance(value, bool):
        return ("yes" if value else "no",)
    if isinstance(value, tuple):
        return tuple(line for one in value for line in _item(field, one))
    return (f"{value:g}" if isinstance(value, float) else str(value),)


def _item(field: str, one: object) -> tuple[str, ...]:
    if isinstance(one, KeyFact):
        return (one.text_en, one.text_es, one.source_title, one.source_url)
    if field in ("tags", "topics"):
        return (tag_name(str(one)),)
    return (str(one),)


def tag_name(slug: str) -> str:
    """What a tag is called, whichever kind of those that an entry may name it is of."""
    vocabulary, kinds = get_vocabulary(), (*TERM_KINDS, *TOPIC_KINDS)
    kind = next((kind for kind in kinds if (str(kind), slug) in vocabulary), TagKind.SERVICE)
    return vocabulary.label(str(kind), slug, current_language())
