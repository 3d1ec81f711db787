"""Whatever staff do in whatever order, a history stays whole and nobody reviews their own."""

from __future__ import annotations

import shutil
import tempfile
from collections.abc import Callable, Iterator
from contextlib import closing, suppress
from dataclasses import replace
from datetime import date
from itertools import pairwise
from pathlib import Path
from typing import Any

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from sqlite_utils import Database

from recommender.errors import EditConflict, InvalidAction, NotAllowed, NotFound
from recommender.models import Nonprofit, Revision, RevisionKind, RevisionState, Status
from recommender.store import connect
from recommender.store.ageing import age_listings
from recommender.store.history import list_revisions
from recommender.store.listings import SHOWN, get_listing
from recommender.store.revisions import (
    approve_revision,
    create_listing,
    diff_revisions,
    get_version,
    reject_revision,
    request_changes,
    revert_to,
    save_listing,
)
from recommender.store.workflow import TRANSITIONS, change_status, verify_listing
from tests.store.team import Team

SLUG = "test-border-lawyers"
NEW = "test-new"
OPEN = {RevisionState.PENDING, RevisionState.RETURNED}
WRITES = {RevisionKind.CREATE, RevisionKind.EDIT, RevisionKind.REVERT}

_slugs = st.sampled_from([SLUG, NEW])
_staff = st.sampled_from([1, 2, 3, 4])
_behind = st.sampled_from([0, 0, 0, 0, 1])
_number = st.integers(1, 12)
_states = st.sampled_from([*Status, *[Status.IN_REVIEW, Status.PUBLISHED] * 5])
_changes = st.fixed_dictionaries(
    {},
    optional={
        "name": st.sampled_from(["Test A", "Test B"]),
        "notes": st.text(st.characters(codec="utf-8"), max_size=4),
        "services": st.sampled_from([(), ("housing",), ("housing", "legal-services")]),
        "other_names": st.sampled_from([(), ("TBL",)]),
        "revenue_usd": st.sampled_from([None, 0, 5]),
    },
)
_actions = st.one_of(
    st.tuples(st.just("save"), _slugs, _staff, _behind, _changes),
    st.tuples(st.just("save"), _slugs, _staff, _behind, _changes),
    st.tuples(st.just("review"), _slugs, _staff, st.sampled_from(["yes", "yes", "no", "back"])),
    st.tuples(st.just("revert"), _slugs, _staff, _behind, _number),
    st.tuples(st.just("move"), _slugs, _staff, _behind, _states),
    st.tuples(st.just("verify"), _slugs, _staff, _behind),
    st.tuples(st.just("age"), st.dates(date(2025, 1, 1), date(2030, 1, 1))),
)


class Desk:
    """Takes the actions, and checks what each one says that it did."""

    def __init__(self, db: Database) -> None:
        self.db = db

    def save(self, slug: str, by: int, behind: int, changes: dict[str, Any]) -> None:
        seen = get_listing(self.db, slug)
        revision = max(1, seen.revision - behind)
        # A save is of the content alone, whatever else the record says.
        record = replace(seen.nonprofit, status=Status.WITHDRAWN, **changes)
        saved = save_listing(self.db, record, by=by, expected_revision=revision)
        assert _content(get_version(self.db, slug, revision)) == _content(seen.nonprofit)
        assert _content(get_version(self.db, slug, saved.number)) == _content(record)

    def revert(self, slug: str, by: int, behind: int, number: int) -> None:
        seen = get_listing(self.db, slug)
        wanted = get_version(self.db, slug, number)
        revision = max(1, seen.revision - behind)
        saved = revert_to(self.db, slug, number, by=by, expected_revision=revision)
        fields = {c.field for c in diff_revisions(self.db, slug, number, saved.number)}
        assert fields <= {"status", "verified_on"}
        assert _content(get_version(self.db, slug, saved.number)) == _content(wanted)

    def review(self, slug: str, by: int, verdict: str) -> None:
        pending = [r for r in list_revisions(self.db, slug) if r.state is RevisionState.PENDING]
        for revision in pending[:1]:
            if verdict == "yes":
                approve_revision(self.db, slug, revision.number, by=by)
                live = get_listing(self.db, slug).nonprofit
                assert _content(live) == _content(revision.after)
            else:
                decide = {"no": reject_revision, "back": request_changes}[verdict]
                decide(self.db, slug, revision.number, by=by, reason="Because.")

    def move(self, slug: str, by: int, behind: int, to: Status) -> None:
        revision = get_listing(self.db, slug).revision - behind
        change_status(self.db, slug, to, by=by, expected_revision=revision, reason="Because.")
        assert not behind

    def verify(self, slug: str, by: int, behind: int) -> None:
        revision, day = get_listing(self.db, slug).revision - behind, date(2026, 1, 1)
        verify_listing(self.db, slug, by=by, expected_revision=revision, on=day)

    def age(self, today: date) -> None:
        age_listings(self.db, today)
        again = age_listings(self.db, today)
        assert (again.due, again.stale) == ((), ())


def _content(record: Nonprofit | None) -> Nonprofit:
    """What an edit may change."""
    assert record
    return replace(record, status=Status.DRAFT, verified_on="", updated_on="")


def _check(db: Database, slug: str) -> None:
    listing, history = get_listing(db, slug), list_revisions(db, slug)[::-1]
    first = 1 if slug == NEW else 2
    assert [entry.number for entry in history] == list(range(first, first + len(history)))
    live = [entry for entry in history if entry.is_live]
    if live:
        assert live[-1].number == listing.revision
        assert live[-1].after == replace(listing.nonprofit, updated_on="")
    for earlier, later in pairwise(live):
        assert (later.base, later.before) == (earlier.number, earlier.after)
    _check_reviews(history)
    _check_moves(live)


def _check_reviews(history: list[Revision]) -> None:
    entries = {entry.number: entry for entry in history}
    for entry in history:
        if entry.about:
            assert entry.staff_id != entries[entry.about].staff_id
        if entry.kind is RevisionKind.APPROVE:
            approved = entries[entry.about]
            assert approved.state is RevisionState.APPLIED
            assert _content(approved.before) == _content(entry.before)
    authors = [entry.staff_id for entry in history if entry.state in OPEN]
    assert len(authors) == len(set(authors))


def _check_moves(live: list[Revision]) -> None:
    authors: set[int | None] = set()
    for entry in live:
        before, after = entry.before, entry.after
        assert after
        if before and before.status in SHOWN and _content(before) != _content(after):
            assert entry.kind is RevisionKind.APPROVE
        if before and entry.kind is RevisionKind.STATUS:
            assert after.status in TRANSITIONS[before.status]
        if entry.kind in WRITES:
            assert not before or after.status is before.status
            authors.add(entry.staff_id)
        if after.status in SHOWN:
            assert entry.kind is not RevisionKind.STATUS or entry.staff_id not in authors
            authors = set()


@pytest.fixture
def template(
    loaded: Database, team: Team, make_nonprofit: Callable[..., Nonprofit], tmp_path: Path
) -> Iterator[Path]:
    """A store with a published listing and one that waits to be."""
    create_listing(loaded, make_nonprofit("Test New", status=Status.DRAFT), by=team.reviewer)
    change_status(loaded, NEW, Status.IN_REVIEW, by=team.editor, expected_revision=1)
    loaded.execute("DELETE FROM nonprofits WHERE slug NOT IN (?, ?)", [SLUG, NEW])
    loaded.execute("VACUUM INTO ?", [str(tmp_path / "template.db")])
    return tmp_path / "template.db"


@settings(
    max_examples=60, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture]
)
@given(actions=st.lists(_actions, min_size=8, max_size=24))
def test_a_history_stays_whole(template: Path, actions: list[tuple[Any, ...]]) -> None:
    with tempfile.TemporaryDirectory() as folder:
        path = Path(shutil.copy(template, folder))
        with closing(connect(path)) as db:
            # This is not about power cuts, and to wait for the disk takes most of the time.
            db.execute("PRAGMA synchronous = OFF")
            desk = Desk(db)
            for name, *arguments in actions:
                with suppress(EditConflict, InvalidAction, NotAllowed, NotFound):
                    getattr(desk, name)(*arguments)
                _check(db, SLUG)
                _check(db, NEW)
            assert db.execute("PRAGMA foreign_key_check").fetchone() is None
