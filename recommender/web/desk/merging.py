"""Two edits of one listing brought together: only what both changed has to be decided.

The form of a save that met another one goes on from the newer version. What only the other
edit changed is taken into the form, and what both changed is asked for.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from contextlib import suppress
from dataclasses import dataclass, replace
from typing import Any

from werkzeug.datastructures import MultiDict

from recommender.errors import NotFound
from recommender.models import Listing, Nonprofit
from recommender.store.history import Overlap, compare_changes
from recommender.store.revisions import get_version
from recommender.web import get_db, get_gazetteer
from recommender.web.desk.asked import read_number
from recommender.web.desk.diff import LABELS, to_lines
from recommender.web.desk.form import (
    Typed,
    make_listing,
    make_record,
    show_listing,
    sketch_listing,
)

MINE, THEIRS = "mine", "theirs"
NOT_TYPED = ("status", "verified_on", "updated_on", "in_irs_extract")
"""What a listing has beside what its form holds."""


@dataclass(frozen=True, kw_only=True)
class Row:
    """A field in the three versions; `who` changed it is theirs, yours or both."""

    field: str
    label: str
    base: tuple[str, ...]
    theirs: tuple[str, ...]
    yours: tuple[str, ...]
    who: str


@dataclass(frozen=True, kw_only=True)
class Merging:
    """A save that met another one.

    `began_at` is the revision at which the edit began (0 where nothing is known of it), `seen`
    the one that it met; `base` and `theirs` are the listing at these. `choices` say of fields
    in `overlap.both` whether they become MINE or THEIRS.
    """

    began_at: int
    seen: int
    base: Nonprofit | None
    theirs: Nonprofit
    yours: Nonprofit
    overlap: Overlap
    choices: Mapping[str, str]

    @property
    def rows(self) -> tuple[Row, ...]:
        """What differs, the fields first about which somebody has to decide."""
        who = {"both": self.overlap.both, "theirs": self.overlap.theirs}
        who["yours"] = self.overlap.yours
        return tuple(self._row(name, side) for side, names in who.items() for name in names)

    @property
    def undecided(self) -> tuple[str, ...]:
        """The fields of which it was not said what they become."""
        return tuple(name for name in self.overlap.both if name not in self.choices)

    def merged(self, typed: Typed) -> Typed:
        """A form with what only the other edit changed."""
        return typed.taking(show_listing(self.theirs), self.overlap.theirs)

    def decided(self, typed: Typed) -> Typed:
        """A merged form with what was chosen of the other edit."""
        chosen = [name for name, choice in self.choices.items() if choice == THEIRS]
        return typed.taking(show_listing(self.theirs), chosen)

    def taken_back(self, typed: Typed) -> Typed:
        """A merged form without what only the other edit changed."""
        before = show_listing(self.base) if self.base else typed
        return typed.taking(before, self.overlap.theirs)

    def all_mine(self) -> Merging:
        """The same where every field becomes as its editor had it."""
        overlap = self.overlap
        own = replace(overlap, theirs=(), yours=(*overlap.theirs, *overlap.yours))
        return replace(self, overlap=own, choices=dict.fromkeys(overlap.both, MINE))

    def _row(self, name: str, who: str) -> Row:
        return Row(
            field=name,
            label=LABELS[name],
            base=to_lines(name, getattr(self.base, name, None)),
            theirs=to_lines(name, getattr(self.theirs, name)),
            yours=to_lines(name, getattr(self.yours, name)),
            who=who,
        )


def begin_merging(listing: Listing, typed: Typed, began_at: int) -> Merging:
    """What a form without faults, begun at a revision, has met in the listing as it stands."""
    base = _find_version(listing.nonprofit.slug, began_at)
    # An office that was left alone keeps the coordinates that it had when the edit began.
    made = make_listing(make_record(typed), get_gazetteer(), base)
    yours = _with(made, listing.nonprofit, NOT_TYPED)
    return Merging(
        began_at=began_at if base else 0,
        seen=listing.revision,
        base=base,
        theirs=listing.nonprofit,
        yours=yours,
        overlap=compare_changes(base, listing.nonprofit, yours),
        choices={},
    )


def read_merging(form: MultiDict[str, str], slug: str, typed: Typed) -> Merging | None:
    """The same as the form has it that goes on from there; None where it meets nothing.

    A field that was changed by hand since is the editor's own.
    """
    asked = {name: set(form.getlist(f"met_{name}")) for name in ("theirs", "both")}
    began_at, seen = (read_number(form.get(name, "")) for name in ("began_at", "expected_revision"))
    base, theirs = _find_version(slug, began_at), _find_version(slug, seen)
    if theirs is None or not any(asked.values()):
        return None
    sketch = sketch_listing(typed, get_gazetteer(), theirs)
    yours = _with(sketch, theirs, NOT_TYPED)
    differing = compare_changes(base, theirs, yours)
    own = (*differing.both, *differing.yours, *differing.theirs)
    kept = tuple(name for name in LABELS if name in asked["theirs"] and name not in own)
    both = tuple(name for name in own if name in asked["both"])
    choices = {name: form.get(f"keep_{name}", "") for name in both}
    return Merging(
        began_at=began_at,
        seen=seen,
        base=base,
        theirs=theirs,
        yours=_with(yours, base or yours, kept),
        overlap=Overlap(
            both=both, theirs=kept, yours=tuple(name for name in own if name not in both)
        ),
        choices={name: choice for name, choice in choices.items() if choice in (MINE, THEIRS)},
    )


def _find_version(slug: str, number: int) -> Nonprofit | None:
    with suppress(NotFound):
        return get_version(get_db(), slug, number)
    return None


def _with(record: Nonprofit, other: Nonprofit, fields: Iterable[str]) -> Nonprofit:
    values: dict[str, Any] = {name: getattr(other, name) for name in fields}
    return replace(record, **values)
