from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace
from datetime import date
from pathlib import Path

import pytest
from sqlite_utils import Database

from recommender.errors import EditConflict, InvalidAction, NotAllowed, NotFound
from recommender.models import (
    Nonprofit,
    QueueKind,
    RevisionKind,
    RevisionState,
    Saved,
    Status,
)
from recommender.store import connect
from recommender.store.accounts import Role
from recommender.store.blocks import find_blocked
from recommender.store.catalog import (
    get_catalog_revision,
    list_excluded,
    list_nonprofits,
    load_nonprofits,
    set_status,
)
from recommender.store.history import list_revisions
from recommender.store.listings import TAKEN_DOWN, get_listing
from recommender.store.revisions import (
    approve_revision,
    create_listing,
    reject_revision,
    save_listing,
)
from recommender.store.workflow import (
    TRANSITIONS,
    assign,
    change_status,
    erase_listing,
    get_redirect,
    list_transitions,
    merge_listing,
    verify_listing,
)
from recommender.store.worklist import count_queue, list_queue
from tests.store.team import Team
from tests.store.test_revisions import LAWYERS, draft, edit

Make = Callable[..., Nonprofit]
HOUSE = "test-haitian-house"
TODAY = date(2026, 2, 28)
RARE = "Xylophone zebra quagga."


def _move(db: Database, slug: str, to: Status, by: int) -> Saved:
    seen = get_listing(db, slug).revision
    return change_status(db, slug, to, by=by, expected_revision=seen, reason="Test.")


def _status(db: Database, slug: str = LAWYERS) -> Status:
    return get_listing(db, slug).nonprofit.status


def test_every_state_can_be_reached_and_left() -> None:
    assert set(TRANSITIONS) == set(Status)
    reached = {to for after in TRANSITIONS.values() for to in after}
    assert set(Status) - reached == {Status.IMPORTED, Status.NOMINATED, Status.MERGED}
    assert all(status not in after for status, after in TRANSITIONS.items())


@pytest.mark.parametrize("status", Status)
def test_only_the_table_allows_a_move(loaded: Database, team: Team, status: Status) -> None:
    by_role = {Role.EDITOR: team.editor, Role.REVIEWER: team.reviewer, Role.ADMIN: team.admin}
    for role, by in by_role.items():
        allowed = set(list_transitions(status, role))
        for to in Status:
            set_status(loaded, LAWYERS, status)
            if to in allowed:
                assert _move(loaded, LAWYERS, to, by).changes[0].field == "status"
                assert _status(loaded) is to
            else:
                error = NotAllowed if to in TRANSITIONS[status] else InvalidAction
                with pytest.raises(error):
                    _move(loaded, LAWYERS, to, by)
                assert _status(loaded) is status


def test_the_life_of_a_listing(loaded: Database, team: Team, make_nonprofit: Make) -> None:
    record = replace(make_nonprofit("Test New"), status=Status.NOMINATED)
    create_listing(loaded, record, by=team.editor)
    catalog = get_catalog_revision(loaded)
    for to in (Status.DRAFT, Status.IN_REVIEW):
        _move(loaded, "test-new", to, team.editor)
    assert get_catalog_revision(loaded) == catalog
    _move(loaded, "test-new", Status.PUBLISHED, team.reviewer)
    assert "test-new" in {listing.slug for listing in list_nonprofits(loaded)}
    assert get_catalog_revision(loaded) > catalog
    kinds = [(entry.number, entry.kind) for entry in list_revisions(loaded, "test-new")]
    assert kinds == [(4, "status"), (3, "status"), (2, "status"), (1, "create")]


def test_nobody_publishes_what_they_wrote(
    loaded: Database, team: Team, make_nonprofit: Make
) -> None:
    create_listing(loaded, make_nonprofit("Test New", status=Status.DRAFT), by=team.reviewer)
    _move(loaded, "test-new", Status.IN_REVIEW, team.editor)
    # A comma by someone else does not make it theirs alone.
    edit(loaded, "test-new", team.admin, notes="A comma.")
    for author in (team.reviewer, team.admin):
        with pytest.raises(NotAllowed, match="own work"):
            _move(loaded, "test-new", Status.PUBLISHED, author)
    _move(loaded, "test-new", Status.PUBLISHED, team.second)
    _move(loaded, "test-new", Status.WITHDRAWN, team.reviewer)
    # What was reviewed once may be put back by anyone who reviews.
    _move(loaded, "test-new", Status.PUBLISHED, team.reviewer)


def test_a_move_says_what_it_saw(loaded: Database, team: Team) -> None:
    _move(loaded, LAWYERS, Status.DUE, team.editor)
    with pytest.raises(EditConflict) as conflict:
        change_status(loaded, LAWYERS, Status.STALE, by=team.reviewer, expected_revision=1)
    assert [change.field for change in conflict.value.changes] == ["status"]
    assert _status(loaded) is Status.DUE


def test_taking_down_needs_a_reason(loaded: Database, team: Team) -> None:
    with pytest.raises(InvalidAction, match="why"):
        change_status(loaded, LAWYERS, Status.WITHDRAWN, by=team.editor, expected_revision=1)


@pytest.mark.parametrize("to", sorted(set(TAKEN_DOWN) - {Status.MERGED}))
def test_a_takedown_is_seen_by_others_at_once(
    loaded: Database, team: Team, tmp_path: Path, to: Status
) -> None:
    other = connect(tmp_path / "waymark.db")
    catalog = get_catalog_revision(other)
    _move(loaded, LAWYERS, to, team.reviewer)
    assert list_excluded(other) == {LAWYERS}
    assert get_catalog_revision(other) > catalog
    other.close()


# --- Ageing ------------------------------------------------------------------------------


def test_verifying_is_not_editing(
    loaded: Database, catalogue: tuple[Nonprofit, ...], team: Team
) -> None:
    set_status(loaded, LAWYERS, Status.DUE)
    seen = get_listing(loaded, LAWYERS)
    verify_listing(loaded, LAWYERS, by=team.editor, expected_revision=seen.revision, on=TODAY)
    now = get_listing(loaded, LAWYERS).nonprofit
    assert (now.status, now.verified_on) == (Status.PUBLISHED, "2026-02-28")
    assert list_revisions(loaded, LAWYERS)[0].kind is RevisionKind.VERIFY
    with pytest.raises(EditConflict):
        verify_listing(loaded, LAWYERS, by=team.editor, expected_revision=1, on=TODAY)
    set_status(loaded, LAWYERS, Status.ARCHIVED)
    seen = get_listing(loaded, LAWYERS)
    with pytest.raises(InvalidAction):
        verify_listing(loaded, LAWYERS, by=team.editor, expected_revision=seen.revision, on=TODAY)


# --- Merging -----------------------------------------------------------------------------


def _merge(db: Database, slug: str, into: str, by: int) -> Saved:
    seen = get_listing(db, slug).revision
    return merge_listing(db, slug, into, by=by, expected_revision=seen, reason="The same.")


def test_a_merged_listing_redirects_and_its_names_are_proposed(
    loaded: Database, team: Team
) -> None:
    saved = _merge(loaded, LAWYERS, HOUSE, team.reviewer)
    assert get_listing(loaded, LAWYERS).merged_into == HOUSE
    assert get_redirect(loaded, LAWYERS) == HOUSE
    assert list_excluded(loaded) == {LAWYERS}
    assert saved.state is RevisionState.PENDING
    assert get_listing(loaded, HOUSE).nonprofit.other_names == ()
    with pytest.raises(NotAllowed):
        approve_revision(loaded, HOUSE, saved.number, by=team.reviewer)
    approve_revision(loaded, HOUSE, saved.number, by=team.second)
    names = get_listing(loaded, HOUSE).nonprofit.other_names
    assert names == ("Test Border Lawyers", "TBL", "Abogados de Prueba")


def test_redirects_follow_and_end(loaded: Database, team: Team) -> None:
    _merge(loaded, LAWYERS, HOUSE, team.reviewer)
    _merge(loaded, HOUSE, "test-somali-youth", team.reviewer)
    assert get_redirect(loaded, LAWYERS) == "test-somali-youth"
    with pytest.raises(InvalidAction):
        _merge(loaded, "test-somali-youth", LAWYERS, team.reviewer)
    _move(loaded, "test-somali-youth", Status.WITHDRAWN, team.reviewer)
    for slug in (LAWYERS, "test-somali-youth", "nobody"):
        with pytest.raises(NotFound):
            get_redirect(loaded, slug)
    _move(loaded, LAWYERS, Status.DRAFT, team.reviewer)
    assert get_listing(loaded, LAWYERS).merged_into == ""


def test_not_everything_can_be_merged(loaded: Database, team: Team) -> None:
    for slug, into, by, error in (
        (LAWYERS, LAWYERS, team.reviewer, InvalidAction),
        (LAWYERS, "nobody", team.reviewer, NotFound),
        (LAWYERS, HOUSE, team.editor, NotAllowed),
    ):
        with pytest.raises(error):
            _merge(loaded, slug, into, by)
    set_status(loaded, HOUSE, Status.WITHDRAWN)
    with pytest.raises(InvalidAction):
        _merge(loaded, LAWYERS, HOUSE, team.reviewer)
    assert _status(loaded) is Status.PUBLISHED


# --- The do-not-list ---------------------------------------------------------------------


def test_what_must_not_be_listed_is_known_by_slug_ein_or_name_and_state(
    loaded: Database, team: Team, make_nonprofit: Make
) -> None:
    _move(loaded, LAWYERS, Status.DO_NOT_LIST, team.reviewer)
    blocked = {
        "slug": replace(make_nonprofit("Test A"), slug=LAWYERS),
        "ein": make_nonprofit("Test B", ein="000000001"),
        "name": make_nonprofit("Abogados de Prueba Inc", "Houston, TX"),
    }
    free = (
        make_nonprofit("Abogados de Prueba", "Miami, FL"),
        make_nonprofit("Test Free", "Houston, TX"),
    )
    for matched_by, record in blocked.items():
        found = find_blocked(loaded, [record, *free])
        assert {slug: (b.slug, b.matched_by) for slug, b in found.items()} == {
            record.slug: (LAWYERS, matched_by)
        }
        with pytest.raises(InvalidAction, match="not to be listed"):
            create_listing(loaded, replace(record, status=Status.DRAFT), by=team.admin)
    # Without a place, a name is enough.
    assert find_blocked(loaded, [make_nonprofit("Test Border Lawyers LLC")])


def test_no_load_brings_back_what_must_not_be_listed(
    loaded: Database, catalogue: tuple[Nonprofit, ...], team: Team, make_nonprofit: Make
) -> None:
    _move(loaded, LAWYERS, Status.DO_NOT_LIST, team.reviewer)
    again = make_nonprofit("Test Border Lawyers Inc", "Houston, TX")
    report = load_nonprofits(loaded, [*catalogue, again])
    assert report.kept == (again.slug,)
    with pytest.raises(NotFound):
        get_listing(loaded, again.slug)


def test_erasing_leaves_what_it_takes_never_to_list_it_again(
    loaded: Database, catalogue: tuple[Nonprofit, ...], team: Team, tmp_path: Path
) -> None:
    approved = edit(loaded, LAWYERS, team.editor, summary_en=RARE)
    approve_revision(loaded, LAWYERS, approved, by=team.reviewer)
    rejected = edit(loaded, LAWYERS, team.editor, notes="Quixotic words.")
    reject_revision(loaded, LAWYERS, rejected, by=team.reviewer, reason="Zephyr reasons.")
    assign(loaded, LAWYERS, team.editor, by=team.editor)
    seen = get_listing(loaded, LAWYERS)
    for by, reason, error in (
        (team.reviewer, "Asked.", NotAllowed),
        (team.admin, "", InvalidAction),
    ):
        with pytest.raises(error):
            erase_listing(loaded, LAWYERS, by=by, expected_revision=seen.revision, reason=reason)
    erase_listing(
        loaded, LAWYERS, by=team.admin, expected_revision=seen.revision, reason="They asked."
    )
    stored = b"".join(file.read_bytes() for file in tmp_path.glob("waymark.db*"))
    for gone in (b"Abogados", b"Xylo", b"xylo", b"quagga", b"Quixotic", b"Zephyr", b"Brownsville"):
        assert gone not in stored
    assert b"Test Somali Youth" in stored
    assert b"They asked." in stored
    left = get_listing(loaded, LAWYERS).nonprofit
    assert (left.slug, left.name, left.ein) == (LAWYERS, "Test Border Lawyers", "000000001")
    assert (left.summary_en, left.other_names, left.sources) == ("", (), ())
    assert [(place.city, place.state) for place in left.locations] == [("", "TX")]
    (entry,) = list_revisions(loaded, LAWYERS)
    assert (entry.kind, entry.before, entry.number) == (RevisionKind.ERASE, None, 4)
    assert list_excluded(loaded) == {LAWYERS}
    load_nonprofits(loaded, catalogue)
    assert _status(loaded) is Status.DO_NOT_LIST


def test_deleting_alone_would_leave_words_in_the_search(loaded: Database, tmp_path: Path) -> None:
    """The control: this is why erasing rebuilds the full-text search."""
    loaded.execute("UPDATE nonprofits SET summary_en = ? WHERE slug = ?", [RARE, LAWYERS])
    loaded.execute("DELETE FROM nonprofits WHERE slug = ?", [LAWYERS])
    stored = b"".join(file.read_bytes() for file in tmp_path.glob("waymark.db*"))
    assert b"Xylophone" not in stored
    assert b"xylophone" in stored


# --- Work that waits ---------------------------------------------------------------------


def test_assigning_is_no_change(loaded: Database, team: Team) -> None:
    catalog = get_catalog_revision(loaded)
    assign(loaded, LAWYERS, team.editor, by=team.editor)
    assign(loaded, LAWYERS, team.reviewer, by=team.editor)
    listing = get_listing(loaded, LAWYERS)
    assert (listing.assignee_id, listing.revision) == (team.reviewer, 1)
    assert get_catalog_revision(loaded) == catalog
    with pytest.raises(NotAllowed):
        assign(loaded, LAWYERS, 99, by=team.editor)
    with pytest.raises(NotAllowed):
        assign(loaded, LAWYERS, team.editor, by=99)
    assert get_listing(loaded, LAWYERS).assignee_id == team.reviewer
    assign(loaded, LAWYERS, None, by=team.editor)
    assert get_listing(loaded, LAWYERS).assignee_id is None


def test_the_queue_holds_all_that_waits(loaded: Database, team: Team, make_nonprofit: Make) -> None:
    draft(loaded, team, make_nonprofit("Test New"))
    _move(loaded, "test-new", Status.IN_REVIEW, team.editor)
    _move(loaded, HOUSE, Status.DUE, team.reviewer)
    set_status(loaded, "test-somali-youth", Status.STALE)
    number = edit(loaded, LAWYERS, team.editor, notes="x")
    gone = "test-houston-clinic"
    edit(loaded, gone, team.editor, notes="x")
    set_status(loaded, gone, Status.WITHDRAWN)
    assign(loaded, HOUSE, team.second, by=team.editor)
    waiting = [(item.kind, item.slug, item.author_id) for item in list_queue(loaded)]
    assert waiting == [
        (QueueKind.REVISION, LAWYERS, team.editor),
        (QueueKind.REVIEW, "test-new", team.editor),
        (QueueKind.DUE, HOUSE, team.reviewer),
        (QueueKind.STALE, "test-somali-youth", None),
    ]
    assert list_queue(loaded)[0].number == number
    assert count_queue(loaded) == dict.fromkeys(QueueKind, 1) | {QueueKind.RETURNED: 0}
    assert [item.slug for item in list_queue(loaded, assignee_id=team.second)] == [HOUSE]
    assert [item.slug for item in list_queue(loaded, [QueueKind.STALE])] == ["test-somali-youth"]
    assert len(list_queue(loaded, limit=2)) == 2


def test_a_save_is_told_from_a_state(loaded: Database, team: Team) -> None:
    """Publishing asks for the very revision that was read, texts included."""
    seen = get_listing(loaded, LAWYERS)
    saved = save_listing(
        loaded, replace(seen.nonprofit, notes="x"), by=team.editor, expected_revision=1
    )
    approve_revision(loaded, LAWYERS, saved.number, by=team.reviewer)
    with pytest.raises(EditConflict) as conflict:
        change_status(loaded, LAWYERS, Status.DUE, by=team.editor, expected_revision=1)
    assert [change.field for change in conflict.value.changes] == ["notes"]
