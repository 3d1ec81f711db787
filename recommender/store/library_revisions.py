"""Editing the library: terms, resources and guides, with a history and a second pair of eyes.

What donors see or are matched by changes only after a reviewer who is not its author has
approved it, as with listings; a change of the term map touches every answer. To take a resource
or a guide down is quick, because it may be urgent; to put it back up needs a reviewer.

Each action is one immediate transaction: the check, the entry and its history together.
"""

from __future__ import annotations

from collections.abc import Iterable
from contextlib import suppress
from dataclasses import dataclass

from sqlite_utils import Database

from recommender.errors import EditConflict, InvalidAction, NotAllowed, NotFound, StorageError
from recommender.models import RevisionState, TagKind, TermMapping
from recommender.store import transaction
from recommender.store.accounts import Role
from recommender.store.library import (
    Entry,
    LibraryKind,
    find_entry,
    key_of,
    kind_of,
    list_tags,
    list_term_mappings,
    put_entry,
)
from recommender.store.library_history import (
    NOTHING,
    Change,
    LibraryRevision,
    add_change,
    decide,
    diff_entries,
    find_own_pending,
    get_library_revision,
    list_library_history,
    version_of,
)
from recommender.store.revisions import Staff, get_staff
from recommender.text import phrase_key, words

TERM_KINDS = (TagKind.SERVICE, TagKind.POPULATION, TagKind.COMMUNITY)
"""The tags that a phrase can mean."""

TOPIC_KINDS = (TagKind.SERVICE.value, TagKind.POPULATION.value, "topics")
"""The tags that a resource or a guide can be about."""


@dataclass(frozen=True, kw_only=True)
class Proposal:
    """What an entry is to become; `key` is empty for a new one, `after` None for one that goes.

    `expected` is the version that its author saw.
    """

    kind: LibraryKind
    after: Entry | None
    key: str = ""
    expected: str = NOTHING
    note: str = ""


# --- Changing ----------------------------------------------------------------------------


def propose(db: Database, proposal: Proposal, *, by: int) -> int | None:
    """Put a change up for review; it takes the place of the author's earlier one.

    Returns:
        The number of the change, None where it would change nothing.

    Raises:
        EditConflict: the entry is not the version that the author saw.
        InvalidAction: the key is taken, or another phrase says the same.
        StorageError: it names an unknown tag, or breaks the schema.
    """
    with transaction(db):
        author = get_staff(db, by)
        before = _check_expected(db, proposal)
        if before is None and proposal.after is not None:
            _check_new_address(db, proposal.after, author)
        return _put_up(db, proposal, before, author)


def take_down(db: Database, proposal: Proposal, *, by: int) -> int:
    """Take a resource or a guide off the site at once; `proposal.after` is None.

    Raises:
        NotFound: there is no such entry.
        EditConflict: it is not the version that was seen.
        InvalidAction: no reason is given as the note, or it is a term, which is only proposed.
    """
    if proposal.kind is LibraryKind.TERM:
        raise InvalidAction("A phrase of the term map goes only after review.")
    if not proposal.note.strip():
        raise InvalidAction("Say why.")
    with transaction(db):
        author = get_staff(db, by)
        if find_entry(db, proposal.kind, proposal.key) is None:
            raise NotFound(f"There is no {proposal.kind} {proposal.key!r}.")
        before = _check_expected(db, proposal)
        put_entry(db, proposal.kind, before, None)
        change = Change(before=before, after=None, author=author, note=proposal.note, is_live=True)
        return add_change(db, change)


def revert(db: Database, number: int, *, by: int, expected: str) -> int | None:
    """Propose that an entry becomes again what it was before a change.

    Raises:
        NotFound: there is no such change.
        InvalidAction: it never took effect, or see `propose`.
        EditConflict, StorageError: see `propose`.
    """
    with transaction(db):
        author, revision = get_staff(db, by), get_library_revision(db, number)
        if revision.state is not RevisionState.APPLIED:
            raise InvalidAction(f"Change {number} never took effect.")
        proposal = Proposal(
            kind=revision.kind,
            key=revision.new_key,
            after=revision.before,
            expected=expected,
            note=f"Back to what it was before change {number}.",
        )
        return _put_up(db, proposal, _check_expected(db, proposal), author)


def take_back(db: Database, number: int, *, by: int) -> None:
    """Take back one's own change before anybody has decided on it.

    Raises:
        NotFound: there is no such change.
        NotAllowed: it is somebody else's.
        InvalidAction: it was decided.
    """
    with transaction(db):
        author, revision = get_staff(db, by), get_library_revision(db, number)
        if revision.staff_id != author.id:
            raise NotAllowed("Only its author takes a change back.")
        _check_pending(revision)
        decide(db, number, RevisionState.SUPERSEDED, author)


def approve(db: Database, number: int, *, by: int, note: str = "") -> LibraryRevision:
    """Let a change take effect.

    Raises:
        NotFound: there is no such change.
        NotAllowed: it is the reviewer's own, or the role does not suffice.
        InvalidAction: it was decided, or see `propose`.
        EditConflict: the entry has changed since the change was based on it.
        StorageError: it names a tag that is gone.
    """
    with transaction(db):
        reviewer, revision = _open_review(db, number, by)
        current = find_entry(db, revision.kind, revision.key)
        if current != revision.before:
            raise _conflict(current, revision.after, base=revision.before)
        if revision.after is not None:
            _check(db, revision.after, revision.before)
        put_entry(db, revision.kind, current, revision.after)
        decide(db, number, RevisionState.APPLIED, reviewer, note)
        return get_library_revision(db, number)


def reject(db: Database, number: int, *, by: int, reason: str) -> None:
    """Turn a change down; its author can go on from it.

    Raises:
        NotFound, NotAllowed: see `approve`.
        InvalidAction: it was decided, or no reason is given.
    """
    if not reason.strip():
        raise InvalidAction("Say why.")
    with transaction(db):
        reviewer, _ = _open_review(db, number, by)
        decide(db, number, RevisionState.REJECTED, reviewer, reason)


# --- Checks ------------------------------------------------------------------------------


def _check_expected(db: Database, proposal: Proposal) -> Entry | None:
    """The entry as it stands, if that is what the author saw."""
    current = find_entry(db, proposal.kind, proposal.key) if proposal.key else None
    if version_of(current) != proposal.expected:
        base = _find_version(db, proposal)
        raise _conflict(current, proposal.after, base=base)
    return current


def _find_version(db: Database, proposal: Proposal) -> Entry | None:
    """What the author saw, where the history still has it."""
    history = list_library_history(db, proposal.kind, proposal.key)
    versions = (entry for revision in history for entry in (revision.before, revision.after))
    return next((e for e in versions if e and version_of(e) == proposal.expected), None)


def _conflict(theirs: Entry | None, yours: Entry | None, *, base: Entry | None) -> EditConflict:
    return EditConflict(
        "It has changed since it was read.",
        base=base,
        theirs=theirs,
        yours=yours,
        changes=diff_entries(theirs, yours),
    )


def _check_new_address(db: Database, entry: Entry, author: Staff) -> None:
    """An address is never used again for something else; what was there can be brought back."""
    kind, key = kind_of(entry), key_of(entry)
    if kind is LibraryKind.TERM or find_own_pending(db, kind, key, author.id):
        return
    history = list_library_history(db, kind, key)
    if any(revision.state is RevisionState.APPLIED for revision in history):
        raise InvalidAction(
            "Something else stood at this address and was taken down. Bring that back from its"
            " history, or choose another address."
        )


def _check(db: Database, entry: Entry, before: Entry | None) -> None:
    """Whether an entry can take the place of another: free key, known tags, a phrase of its own.

    Raises:
        InvalidAction: the key or the phrase is taken.
        StorageError: a tag is unknown.
    """
    key = key_of(entry)
    is_moved = before is None or key_of(before) != key
    if is_moved and find_entry(db, kind_of(entry), key) is not None:
        raise InvalidAction(f"There is {key!r} already.")
    is_term = isinstance(entry, TermMapping)
    named = entry.tags if isinstance(entry, TermMapping) else entry.topics
    kinds = TERM_KINDS if is_term else TOPIC_KINDS
    known = {tag.slug for tag in list_tags(db) if tag.kind in kinds}
    for slug in named:
        if slug not in known:
            raise StorageError(f"{key}: unknown tag {slug!r}.")
    if isinstance(entry, TermMapping):
        _check_phrase(db, entry, before)


class _Undone(Exception):
    """Leaves a savepoint without keeping what was written in it."""


def _check_fits(db: Database, before: Entry | None, after: Entry) -> None:
    """Let the schema itself judge what is not written yet."""
    with suppress(_Undone), transaction(db):
        put_entry(db, kind_of(after), before, after)
        raise _Undone


def _check_phrase(db: Database, mapping: TermMapping, before: Entry | None) -> None:
    own_key = key_of(before) if before else ""
    same = find_same_phrase(list_term_mappings(db), mapping, but=own_key)
    if same is not None:
        raise InvalidAction(
            f"“{same.phrase}” ({same.language}) is the same phrase: accents, capitals and"
            " endings do not count. Change that one instead."
        )


def find_same_phrase(
    term_map: Iterable[TermMapping], mapping: TermMapping, *, but: str = ""
) -> TermMapping | None:
    """Another mapping that is looked up by the same words; that of the key `but` is left out."""
    key = phrase_key(words(mapping.phrase))
    others = (other for other in term_map if key_of(other) != but)
    return next((other for other in others if phrase_key(words(other.phrase)) == key), None)


def _check_pending(revision: LibraryRevision) -> None:
    if revision.state is not RevisionState.PENDING:
        raise InvalidAction(f"Change {revision.number} is {revision.state}, not pending.")


def _open_review(db: Database, number: int, by: int) -> tuple[Staff, LibraryRevision]:
    reviewer = get_staff(db, by, Role.REVIEWER)
    revision = get_library_revision(db, number)
    if revision.staff_id == reviewer.id:
        raise NotAllowed("Nobody reviews their own work.")
    _check_pending(revision)
    return reviewer, revision


def _put_up(db: Database, proposal: Proposal, before: Entry | None, author: Staff) -> int | None:
    after = proposal.after
    key = proposal.key or (key_of(after) if after else "")
    mine = find_own_pending(db, proposal.kind, key, author.id)
    if mine:
        decide(db, mine.number, RevisionState.SUPERSEDED, author)
    if after == before:
        return None
    if after is not None:
        _check(db, after, before)
        _check_fits(db, before, after)
    return add_change(db, Change(before=before, after=after, author=author, note=proposal.note))
