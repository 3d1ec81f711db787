"""What staff have made of a listing: which facts they wrote, turned down or have yet to decide."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import replace
from typing import Any

from recommender.models import (
    FieldChange,
    Location,
    Nonprofit,
    Revision,
    RevisionKind,
    RevisionState,
    ServiceArea,
)
from recommender.store.history import diff

OPEN = (RevisionState.PENDING, RevisionState.RETURNED)
_BY_SOURCES = (RevisionKind.IMPORT, RevisionKind.LOAD)
_NOT_CONTENT = ("status", "verified_on")

Fact = tuple[str, Any]


class History:
    """The history of one listing, asked about its facts."""

    def __init__(self, revisions: Iterable[Revision]) -> None:
        self._entries = sorted(revisions, key=lambda entry: entry.number)
        self._by_number = {entry.number: entry for entry in self._entries}
        self._rejected = self._read_rejected()

    def list_written(self) -> frozenset[str]:
        """The fields whose value a person wrote last.

        A person who approves what an import proposed writes nothing, and the undoing of an
        import gives its fields back to whoever wrote them before.
        """
        by_person: dict[str, bool] = {}
        before: dict[int, dict[str, bool]] = {}
        for entry in self._entries:
            if not entry.is_live:
                continue
            origin = self._origin(entry)
            before[origin.number] = dict(by_person)
            is_undoing = origin.kind is RevisionKind.REVERT and origin.about is not None
            earlier = before.get(origin.about or 0, {}) if is_undoing else {}
            for change in _changes(entry):
                is_person = not is_undoing and origin.kind not in _BY_SOURCES
                by_person[change.field] = earlier.get(change.field, is_person)
        return frozenset(field for field, is_person in by_person.items() if is_person)

    def find_rejection(self, change: FieldChange) -> Revision | None:
        """The decision by which a reviewer turned down that an import sets a field to a value."""
        return self._rejected.get(_fact(change))

    def find_waiting(self, live: Nonprofit, changes: Sequence[FieldChange]) -> Revision | None:
        """The import's revision, not decided yet, that proposes all of the changes already."""
        wanted = {_fact(change) for change in changes}
        for entry in reversed(self._entries):
            if entry.kind is RevisionKind.IMPORT and entry.state in OPEN:
                offered = {_fact(change) for change in _changes(entry)}
                if wanted <= offered and not is_edited(entry.before, live):
                    return entry
        return None

    def list_offers(self, change: FieldChange) -> list[Nonprofit]:
        """What imports that are not decided yet would make of the listing in the same field."""
        return [
            entry.after
            for entry in self._entries
            if entry.kind is RevisionKind.IMPORT and entry.state in OPEN and entry.after
            if any(offered.field == change.field for offered in _changes(entry))
        ]

    def find_own_edit(self, staff_id: int | None) -> Revision | None:
        """An edit by hand that waits for a decision; a new revision would take its place."""
        for entry in self._entries:
            is_own = staff_id is not None and entry.staff_id == staff_id
            if is_own and entry.state in OPEN and entry.kind is not RevisionKind.IMPORT:
                return entry
        return None

    def _origin(self, entry: Revision) -> Revision:
        """The entry in which a change was written, where another one only approved it."""
        if entry.kind is RevisionKind.APPROVE:
            return self._by_number.get(entry.about or 0, entry)
        return entry

    def _read_rejected(self) -> dict[Fact, Revision]:
        found: dict[Fact, Revision] = {}
        for decision in self._entries:
            entry = self._by_number.get(decision.about or 0)
            is_rejection = decision.kind is RevisionKind.REJECT and entry is not None
            if is_rejection and entry and entry.kind is RevisionKind.IMPORT:
                found |= {_fact(change): decision for change in _changes(entry)}
        return found


def is_edited(then: Nonprofit | None, now: Nonprofit) -> bool:
    """Whether the content of a listing has changed, whatever its state is."""
    return then is None or any(c.field not in _NOT_CONTENT for c in diff(then, now))


def _changes(entry: Revision) -> tuple[FieldChange, ...]:
    return diff(entry.before, entry.after) if entry.before and entry.after else ()


def _fact(change: FieldChange) -> Fact:
    """A field and the value it takes, without the degrees that places are given later."""
    value = change.after
    return change.field, tuple(map(_bare, value)) if isinstance(value, tuple) else value


def _bare(one: object) -> object:
    if isinstance(one, Location | ServiceArea):
        return replace(one, latitude=None, longitude=None)
    return one
