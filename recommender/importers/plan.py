"""What an import would do, record by record, before anything is written."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Container, Iterable, Iterator, Mapping, Sequence
from contextlib import suppress
from dataclasses import replace
from itertools import islice
from typing import Any

from recommender.errors import ImportRefused, NotFound
from recommender.importers.curation import History
from recommender.importers.rows import (
    FACTS,
    MAX_SLUG,
    Incoming,
    RowError,
    Tell,
    no_tell,
    slugify,
)
from recommender.models import (
    FieldChange,
    Location,
    Nonprofit,
    Revision,
    RevisionState,
    Status,
    TagKind,
    Visibility,
)
from recommender.store import Database, snapshot
from recommender.store.blocks import find_blocked
from recommender.store.catalog import SHOWN, get_catalog_revision, list_nonprofits, list_tags
from recommender.store.history import list_revisions
from recommender.store.plans import ImportPlan, PlannedRow, Verdict
from recommender.store.workflow import get_redirect
from recommender.text import name_key

CLOSED = (Status.WITHDRAWN, Status.ARCHIVED, Status.MERGED)
"""Listings that an import leaves alone until staff have opened them again."""

MAX_RECORDS = 5_000
"""As many records may come out of one file: they are written at once, and nobody else can save
meanwhile. That took 2.6 s of processor time for 5,000 and 9.1 s for 20,000; others wait for 5 s
before they are refused."""

MIN_NAME = 8
"""Letters that two names must share before one of them may go on."""


def list_known_eins(db: Database) -> frozenset[str]:
    """The EINs of all listings, whatever their state."""
    return frozenset(listing.ein for listing in list_nonprofits(db, Status)) - {""}


def plan_import(
    db: Database,
    records: Iterable[Incoming | RowError],
    *,
    by: int | None = None,
    tell: Tell = no_tell,
) -> ImportPlan:
    """Say of each record what its import would do. Nothing is written.

    A record is the listing with its EIN, else the one with its slug and no other EIN. Without
    either, one with the same name in the same state is taken for a duplicate, to be decided by
    staff. What a reviewer has rejected, or what waits for review already, is not proposed again.

    Args:
        db: The store.
        records: What a reader of `importers` gives.
        by: Who imports: a listing of which an edit of theirs waits for review is left alone.
        tell: Told from time to time how many of how many records were compared.

    Raises:
        ImportRefused: the file behind the records cannot be taken, or brings too many; there
            is no plan then.
    """
    incoming = list(islice(records, MAX_RECORDS + 1))
    if len(incoming) > MAX_RECORDS:
        raise ImportRefused(
            f"More than {MAX_RECORDS:,} records come out of this file, too many to be written at"
            " once. Please cut it into parts, for example a file for each state, and bring them one"
            " after another: what is listed already is recognized."
        )
    with snapshot(db):
        planner = _Planner(db, by)
        rows = []
        for i, record in enumerate(incoming):
            tell("Comparing with the listings", i, len(incoming))
            rows.append(planner.plan(record))
        return ImportPlan(rows=tuple(rows), catalog_revision=get_catalog_revision(db))


class _Planner:
    """The stored listings by what a record can be known by, and what the file brought so far."""

    def __init__(self, db: Database, staff_id: int | None) -> None:
        self._db = db
        self._staff_id = staff_id
        stored = list_nonprofits(db, Status)
        self._by_slug = {listing.slug: listing for listing in stored}
        self._by_ein = {listing.ein: listing for listing in stored if listing.ein}
        self._by_name: dict[tuple[str, str], Nonprofit] = {}
        for listing in stored:
            self._by_name |= dict.fromkeys(_name_keys(listing), listing)
        self._tags = defaultdict[str, dict[str, str]](dict)
        for tag in list_tags(db):
            labels = {slugify(tag.label_en): tag.slug, slugify(tag.label_es): tag.slug}
            self._tags[tag.kind] = labels | self._tags[tag.kind] | {tag.slug: tag.slug}
        self._fresh: set[str] = set()
        self._seen: dict[str, Incoming] = {}

    def plan(self, record: Incoming | RowError) -> PlannedRow:
        """The verdict on one record."""
        if isinstance(record, RowError):
            return PlannedRow(verdict=Verdict.REJECTED, **vars(record))
        new = self._in_our_tags(record.nonprofit)
        row = self._judged(replace(record, nonprofit=new))
        return replace(row, where=record.where, name=new.name, ein=new.ein)

    def _in_our_tags(self, new: Nonprofit) -> Nonprofit:
        """The record with the tags that it names by a label, in either language, as slugs."""
        named: dict[str, Any] = {}
        for kind in TagKind:
            ours = self._tags[kind.value]
            named[kind.value] = tuple(dict.fromkeys(ours.get(tag, tag) for tag in new.tags(kind)))
        return replace(new, **named)

    def _judged(self, record: Incoming) -> PlannedRow:
        new = record.nonprofit
        if reason := self._fault(record):
            return _verdict(Verdict.REJECTED, new, reason)
        stored = self._find(new)
        if earlier := self._repeated(record, stored):
            return _verdict(Verdict.DUPLICATE, new, f"the same organization as {earlier.where}")
        if stored is None:
            return self._unknown(record)
        if target := self._merged_into(stored):
            return _verdict(Verdict.DUPLICATE, target, "was merged into this listing")
        if stored.status in CLOSED:
            return _verdict(Verdict.REJECTED, stored, f"the listing is {stored.status}")
        return self._compared(stored, record)

    def _compared(self, stored: Nonprofit, record: Incoming) -> PlannedRow:
        changes = tuple(_changes(stored, record))
        if not changes:
            return _verdict(Verdict.UNCHANGED, stored, "")
        history = History(list_revisions(self._db, stored.slug))
        settled = _settled(changes, record, history)
        new = [change for change in changes if change.field not in settled]
        if not new:
            return _verdict(Verdict.UNCHANGED, stored, _said(settled))
        if waiting := history.find_waiting(stored, new):
            return _verdict(Verdict.UNCHANGED, stored, _still_open(waiting))
        if own := history.find_own_edit(self._staff_id):
            reason = f"your own edit of it (revision {own.number}) waits for a decision first"
            return _verdict(Verdict.REJECTED, stored, reason)
        curated = _curated(stored, record, new, history)
        row = _judged_changes(stored, record, new, curated)
        reasons = [row.reason, _said(settled)]
        return replace(row, reason="; ".join(filter(None, reasons)))

    def _merged_into(self, stored: Nonprofit) -> Nonprofit | None:
        if stored.status is Status.MERGED:
            with suppress(NotFound):
                return self._by_slug[get_redirect(self._db, stored.slug)]
        return None

    def _fault(self, record: Incoming) -> str:
        new = record.nonprofit
        if blocked := find_blocked(self._db, [new]).get(new.slug):
            return f"stands on the do-not-list, known by its {blocked.known_by}"
        for kind in TagKind:
            for tag in new.tags(kind):
                if tag not in self._tags[kind.value]:
                    return f"{kind.value}: there is no tag {tag!r}"
        if new.parent and not self._is_known(new.parent):
            return f"parent: there is no listing {new.parent!r}"
        return ""

    def _repeated(self, record: Incoming, stored: Nonprofit | None) -> Incoming | None:
        """The record of this file that was about the same listing, or the same new one."""
        new = record.nonprofit
        if stored:
            # Two listings may share an acronym.
            keys = [f"listing {stored.slug}"]
        else:
            keys = [f"name {key}" for key in _name_keys(new)] + [f"ein {new.ein}"] * bool(new.ein)
        earlier = [self._seen[key] for key in keys if key in self._seen]
        for key in keys:
            self._seen.setdefault(key, record)
        return next((one for one in earlier if _may_be_same(one.nonprofit, new)), None)

    def _find(self, new: Nonprofit) -> Nonprofit | None:
        if new.ein and new.ein in self._by_ein:
            return self._by_ein[new.ein]
        namesake = self._by_slug.get(new.slug)
        if namesake and _may_be_same(new, namesake) and _shares_state(new, namesake):
            return namesake
        return None

    def _unknown(self, record: Incoming) -> PlannedRow:
        new = record.nonprofit
        for key in _name_keys(new):
            if twin := self._by_name.get(key):
                reason = f"{twin.slug} has the same name in the same state"
                reason += f", and EIN {twin.ein}" if twin.ein else ", and no EIN"
                return _verdict(Verdict.DUPLICATE, twin, reason)
        fresh = replace(new, slug=self._free_slug(new))
        self._fresh.add(fresh.slug)
        return PlannedRow(
            where="",
            verdict=Verdict.CREATE,
            slug=fresh.slug,
            nonprofit=fresh,
            material=record.material,
        )

    def _free_slug(self, new: Nonprofit) -> str:
        return next(slug for slug in _slugs(new) if not self._is_known(slug))

    def _is_known(self, slug: str) -> bool:
        return slug in self._by_slug or slug in self._fresh


def _slugs(new: Nonprofit) -> Iterator[str]:
    """The slug of the name, with the state, with the EIN's end, then with numbers."""
    endings = [""]
    endings += [f"-{new.office.state.lower()}"] if new.office else []
    endings += [f"-{new.ein[-4:]}"] if new.ein else []
    for ending in endings:
        yield new.slug[: MAX_SLUG - len(ending)].rstrip("-") + ending
    number = 2
    while True:
        yield f"{new.slug[: MAX_SLUG - 8].rstrip('-')}-{number}"
        number += 1


def _verdict(verdict: Verdict, listing: Nonprofit, reason: str) -> PlannedRow:
    return PlannedRow(where="", verdict=verdict, slug=listing.slug, reason=reason)


def _name_keys(listing: Nonprofit) -> set[tuple[str, str]]:
    states = {place.state for place in listing.locations} or {""}
    names = {name_key(name) for name in (listing.name, *listing.other_names)}
    return {(name, state) for name in names for state in states}


def _may_be_same(one: Nonprofit, other: Nonprofit) -> bool:
    """Whether two records are not told apart by their EINs."""
    return not (one.ein and other.ein) or one.ein == other.ein


def _shares_state(one: Nonprofit, other: Nonprofit) -> bool:
    states = [{place.state for place in listing.locations} for listing in (one, other)]
    return not all(states) or bool(states[0] & states[1])


def _settled(changes: Iterable[FieldChange], record: Incoming, history: History) -> dict[str, str]:
    """The fields of changes that are not to be proposed, each with what stands against it."""
    found = {}
    for change in changes:
        group = FACTS[change.field]
        if decision := history.find_rejection(change):
            day = decision.created_at[:10]
            found[change.field] = f"rejected on {day} by {decision.staff_name}"
        elif any(_is_outdated(one, record, group) for one in history.list_offers(change)):
            found[change.field] = "a later state of the same source waits for review"
    return found


def _said(settled: Mapping[str, str]) -> str:
    said: dict[str, list[str]] = defaultdict(list)
    for field, reason in settled.items():
        said[reason].append(field)
    return "; ".join(f"{reason}: {', '.join(fields)}" for reason, fields in said.items())


def _still_open(revision: Revision) -> str:
    what = "waits for review" if revision.state is RevisionState.PENDING else "was given back"
    return f"{what} already: revision {revision.number} of {revision.created_at[:10]}"


def _curated(
    stored: Nonprofit, record: Incoming, changes: Iterable[FieldChange], history: History
) -> tuple[str, ...]:
    written = history.list_written()
    return tuple(
        change.field
        for change in changes
        if change.before not in ("", None, ())
        and (change.field in written or _has_other_source(stored, record, FACTS[change.field]))
    )


def _judged_changes(
    stored: Nonprofit, record: Incoming, changes: Sequence[FieldChange], curated: tuple[str, ...]
) -> PlannedRow:
    # A draft has no review before a save counts, so what somebody wrote in it stays.
    taken = changes if stored.status in SHOWN else [c for c in changes if c.field not in curated]
    reason = f"written by an editor or another source: {', '.join(curated)}" if curated else ""
    return PlannedRow(
        where="",
        verdict=Verdict.CONFLICT if curated else Verdict.UPDATE,
        slug=stored.slug,
        reason=reason if taken else f"{reason}; in a draft it stays",
        nonprofit=_after(stored, record, taken) if taken else None,
        before=stored,
        changes=tuple(changes),
        curated=curated,
        material=record.material,
    )


def _changes(stored: Nonprofit, record: Incoming) -> Iterator[FieldChange]:
    for name in FACTS:
        if name not in record.given or _is_outdated(stored, record, FACTS[name]):
            continue
        before, new = getattr(stored, name), getattr(record.nonprofit, name)
        after = _merged(name, before, new, stored)
        if after != before:
            yield FieldChange(field=name, before=before, after=after)


def _is_outdated(stored: Nonprofit, record: Incoming, group: str) -> bool:
    """Whether the listing has these facts from a later state of the same source."""
    ours = {s.source: s.as_of for s in stored.sources if s.facts == group}
    theirs = [s for s in record.nonprofit.sources if s.facts == group]
    return any(ours.get(s.source, "") > s.as_of for s in theirs)


def _merged(name: str, before: Any, new: Any, stored: Nonprofit) -> Any:
    """The value that a field would take; the old one where both say the same."""
    if name == "name":
        known = (_squashed(name) for name in (stored.name, *stored.other_names))
        return before if any(_is_short_for(key, _squashed(new)) for key in known) else new
    if name == "ntee":
        # The fourth character is the IRS's own; the first three are the code.
        return before if before[:3] == new[:3] else new
    if name == "service_areas":
        served = [{(area.state, name_key(area.city)) for area in areas} for areas in (before, new)]
        return before if served[0] == served[1] else new
    if name == "locations":
        return _merged_locations(before, new)
    if name == "website":
        return before if before.rstrip("/") == new.rstrip("/") else new
    return new


def _squashed(name: str) -> str:
    """A name's letters alone: registers cut names off, run words together and write "&"."""
    return "".join(word for word in name_key(name).split() if word not in ("and", "company"))


def _is_short_for(one: str, other: str) -> bool:
    """Whether one name only goes on where the other ends, with an acronym or a form of law."""
    shorter, longer = sorted((one, other), key=len)
    return one == other or (len(shorter) >= MIN_NAME and longer.startswith(shorter))


def _merged_locations(
    before: tuple[Location, ...], new: tuple[Location, ...]
) -> tuple[Location, ...]:
    """The stored places, the primary one moved where the source has another.

    How much of a place may be shown is decided by editors: an import never shows more.
    """
    if not before or len(new) > 1:
        return before or new
    moved = next((spot for spot in before if spot.primary), before[0])
    there = new[0]
    if _spot(moved) == _spot(there) or (not there.zip and _spot(moved)[:2] == _spot(there)[:2]):
        return before
    place = replace(there, visibility=moved.visibility, primary=moved.primary)
    if place.visibility is not Visibility.PUBLIC:
        # What the source knows of it is too exact; it gets the coordinates of its city.
        place = replace(place, latitude=None, longitude=None)
    return tuple(place if spot is moved else spot for spot in before)


def _spot(place: Location) -> tuple[str, str, str]:
    return name_key(place.city), place.state, place.zip


def _has_other_source(stored: Nonprofit, record: Incoming, group: str) -> bool:
    """Whether facts of a group may have come from elsewhere; which one did is not known."""
    ours = {source.source for source in stored.sources if source.facts == group}
    theirs = {source.source for source in record.nonprofit.sources if source.facts == group}
    return not ours or not ours <= theirs


def _after(stored: Nonprofit, record: Incoming, changes: Sequence[FieldChange]) -> Nonprofit:
    """The stored listing with the changes, and the sources of what changed."""
    values: dict[str, Any] = {change.field: change.after for change in changes}
    after = replace(stored, **values)
    groups = {FACTS[name] for name in values}
    theirs = {(s.facts, s.source): s for s in record.nonprofit.sources if s.facts in groups}
    replaced = {group for group in groups if not _keeps_facts(after, group, values)}
    kept = [
        source
        for source in stored.sources
        if source.facts not in replaced and (source.facts, source.source) not in theirs
    ]
    return replace(after, sources=(*kept, *theirs.values()))


def _keeps_facts(after: Nonprofit, group: str, changed: Container[str]) -> bool:
    """Whether a group of facts still holds one that its earlier source brought."""
    return any(
        getattr(after, name) not in ("", None, ()) and name not in changed
        for name, of in FACTS.items()
        if of == group and name not in _ALWAYS_THERE
    )


_ALWAYS_THERE = ("reach", "basis")
"""Fields that are never empty, and so say nothing of where they came from."""
