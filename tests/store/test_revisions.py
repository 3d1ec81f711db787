from __future__ import annotations

import json
from collections.abc import Callable
from dataclasses import fields, replace
from datetime import date
from pathlib import Path

import pytest
from sqlite_utils import Database

from recommender.errors import EditConflict, InvalidAction, NotAllowed, NotFound, StorageError
from recommender.models import (
    Basis,
    Location,
    Nonprofit,
    Reach,
    RevisionKind,
    RevisionState,
    ServiceArea,
    Source,
    Status,
    Visibility,
)
from recommender.store import connect
from recommender.store.accounts import Role, get_account, set_disabled
from recommender.store.catalog import (
    get_catalog_revision,
    get_nonprofit,
    load_nonprofits,
    set_status,
)
from recommender.store.history import diff, get_revision, list_revisions
from recommender.store.listings import get_listing
from recommender.store.revisions import (
    approve_revision,
    create_listing,
    diff_revisions,
    find_open_revision,
    get_version,
    reject_revision,
    request_changes,
    revert_to,
    save_listing,
)
from recommender.store.rows import from_document, to_document
from recommender.store.workflow import change_status
from tests.store.team import Team

Make = Callable[..., Nonprofit]
LAWYERS = "test-border-lawyers"
EVERYTHING = Nonprofit(
    slug="test-everything",
    name="Test “Everything” ñ\n",
    reach=Reach.REGIONAL,
    basis=Basis.KNOWN,
    summary_en="All of it.",
    summary_es="Todo.",
    other_names=("TE",),
    parent=LAWYERS,
    ein="012345678",
    website="https://example.org",
    ntee="P84",
    ruling_year=1999,
    revenue_usd=0,
    serves="Everyone",
    services=("housing",),
    populations=("refugees", "children"),
    communities=("somali",),
    languages=("spanish",),
    locations=(
        Location(city="Boston", state="MA", zip="02108", visibility=Visibility.HIDDEN),
        Location(city="X", state="ME", primary=False, latitude=44.5, longitude=-70.0),
    ),
    service_areas=(ServiceArea(state="ME", city="X", latitude=44.5, longitude=-70.0),),
    sources=(Source(facts="mission", source="Test register", as_of="2024"),),
    status=Status.DRAFT,
    verified_on="2026-01-31",
    in_irs_extract=True,
    notes="n",
)


def draft(db: Database, team: Team, record: Nonprofit) -> int:
    """Make a draft of a record, and return its revision."""
    return create_listing(db, replace(record, status=Status.DRAFT), by=team.editor).revision


def edit(db: Database, slug: str, by: int, **changes: object) -> int:
    """Save changes to a listing as it stands, and return the number of the entry."""
    listing = get_listing(db, slug)
    record = replace(listing.nonprofit, **changes)
    return save_listing(db, record, by=by, expected_revision=listing.revision).number


def _live(db: Database, slug: str = LAWYERS) -> Nonprofit:
    return replace(get_listing(db, slug).nonprofit, updated_on="")


def test_a_document_holds_every_field() -> None:
    plain = {f.name for f in fields(Nonprofit) if getattr(EVERYTHING, f.name) == f.default}
    assert plain == {"updated_on"}
    assert from_document(to_document(EVERYTHING)) == EVERYTHING


def test_a_document_from_before_a_field_has_its_default() -> None:
    content = json.loads(to_document(EVERYTHING))
    del content["notes"]
    assert from_document(json.dumps(content)) == replace(EVERYTHING, notes="")


def test_what_files_brought_has_no_history(loaded: Database) -> None:
    assert list_revisions(loaded, LAWYERS) == []
    assert get_listing(loaded, LAWYERS).revision == 1
    assert get_version(loaded, LAWYERS, 1).name == "Test Border Lawyers"


def test_a_new_listing_begins_its_history(loaded: Database, team: Team) -> None:
    saved = create_listing(loaded, EVERYTHING, by=team.editor, note="Nominated by phone.")
    assert (saved.revision, saved.number, saved.state) == (1, 1, RevisionState.APPLIED)
    assert _live(loaded, EVERYTHING.slug) == EVERYTHING
    (entry,) = list_revisions(loaded, EVERYTHING.slug)
    assert (entry.kind, entry.base, entry.before) == (RevisionKind.CREATE, 0, None)
    assert entry.after == EVERYTHING
    assert (entry.staff_id, entry.staff_name) == (team.editor, "Editor")
    assert entry.note == "Nominated by phone."
    assert entry.created_at.endswith("Z")


def test_a_new_listing_is_not_shown_and_its_slug_is_free(
    loaded: Database, team: Team, make_nonprofit: Make
) -> None:
    with pytest.raises(InvalidAction, match="cannot be published"):
        create_listing(loaded, make_nonprofit("Test New"), by=team.admin)
    taken = replace(make_nonprofit("Test Border Lawyers"), status=Status.DRAFT)
    with pytest.raises(InvalidAction, match="already"):
        create_listing(loaded, taken, by=team.admin)
    with pytest.raises(StorageError, match="unknown tag 'juggling'"):
        draft(loaded, team, make_nonprofit("Test New", services=("juggling",)))
    with pytest.raises(NotFound):
        get_listing(loaded, "test-new")


def test_an_edit_of_a_draft_is_written_at_once(
    loaded: Database, team: Team, make_nonprofit: Make
) -> None:
    revision = draft(loaded, team, make_nonprofit("Test New"))
    catalog = get_catalog_revision(loaded)
    changed = replace(_live(loaded, "test-new"), name="Test Newer", services=("housing",))
    saved = save_listing(loaded, changed, by=team.editor, expected_revision=revision)
    assert (saved.revision, saved.number, saved.state) == (2, 2, RevisionState.APPLIED)
    assert [(c.field, c.before, c.after) for c in saved.changes] == [
        ("name", "Test New", "Test Newer"),
        ("services", ("legal-services",), ("housing",)),
    ]
    assert _live(loaded, "test-new") == changed
    assert get_catalog_revision(loaded) == catalog


def test_an_edit_of_what_is_shown_waits_for_someone_else(loaded: Database, team: Team) -> None:
    before, catalog = _live(loaded), get_catalog_revision(loaded)
    number = edit(loaded, LAWYERS, team.reviewer, summary_en="New words.")
    assert _live(loaded) == before
    assert get_catalog_revision(loaded) == catalog
    assert get_listing(loaded, LAWYERS).revision == 1
    pending = get_revision(loaded, LAWYERS, number)
    assert (pending.state, pending.base, pending.is_live) == (RevisionState.PENDING, 1, False)
    with pytest.raises(NotAllowed, match="own work"):
        approve_revision(loaded, LAWYERS, number, by=team.reviewer)
    with pytest.raises(NotAllowed, match="reviewer"):
        approve_revision(loaded, LAWYERS, number, by=team.editor)
    approved = approve_revision(loaded, LAWYERS, number, by=team.second, note="Good.")
    assert _live(loaded) == replace(before, summary_en="New words.")
    assert get_catalog_revision(loaded) > catalog
    entry = get_revision(loaded, LAWYERS, approved.number)
    assert (entry.kind, entry.about, entry.is_live) == (RevisionKind.APPROVE, number, True)
    assert get_revision(loaded, LAWYERS, number).state is RevisionState.APPLIED
    with pytest.raises(InvalidAction, match="applied"):
        approve_revision(loaded, LAWYERS, number, by=team.second)


def test_a_rejected_revision_leaves_what_is_shown(loaded: Database, team: Team) -> None:
    before = _live(loaded)
    number = edit(loaded, LAWYERS, team.editor, name="Test Other")
    with pytest.raises(InvalidAction, match="why"):
        reject_revision(loaded, LAWYERS, number, by=team.reviewer, reason=" ")
    with pytest.raises(NotAllowed):
        reject_revision(loaded, LAWYERS, number, by=team.editor, reason="Mine.")
    reject_revision(loaded, LAWYERS, number, by=team.reviewer, reason="Not their name.")
    assert _live(loaded) == before
    rejection, revision = list_revisions(loaded, LAWYERS)
    assert revision.state is RevisionState.REJECTED
    assert (rejection.about, rejection.note) == (number, "Not their name.")
    assert (rejection.before, rejection.after, rejection.is_live) == (None, None, False)
    with pytest.raises(NotFound):
        get_version(loaded, LAWYERS, rejection.number)


def test_a_returned_revision_is_replaced_by_its_authors_next(loaded: Database, team: Team) -> None:
    number = edit(loaded, LAWYERS, team.editor, name="Test Other")
    request_changes(loaded, LAWYERS, number, by=team.reviewer, reason="Say more.")
    own = find_open_revision(loaded, LAWYERS, team.editor)
    assert own
    assert (own.number, own.state) == (number, RevisionState.RETURNED)
    with pytest.raises(InvalidAction, match="returned"):
        approve_revision(loaded, LAWYERS, number, by=team.reviewer)
    new = edit(loaded, LAWYERS, team.editor, name="Test Other", notes="From their site.")
    assert get_revision(loaded, LAWYERS, number).state is RevisionState.SUPERSEDED
    approve_revision(loaded, LAWYERS, new, by=team.reviewer)
    assert find_open_revision(loaded, LAWYERS, team.editor) is None
    assert _live(loaded).notes == "From their site."


def test_saving_what_is_shown_takes_a_proposal_back(loaded: Database, team: Team) -> None:
    number = edit(loaded, LAWYERS, team.editor, name="Test Other")
    assert edit(loaded, LAWYERS, team.editor) == 1
    assert get_revision(loaded, LAWYERS, number).state is RevisionState.SUPERSEDED
    assert len(list_revisions(loaded, LAWYERS)) == 1


def test_proposals_of_two_do_not_touch_each_other(loaded: Database, team: Team) -> None:
    first = edit(loaded, LAWYERS, team.editor, name="Test One")
    second = edit(loaded, LAWYERS, team.second, notes="Two.")
    approve_revision(loaded, LAWYERS, first, by=team.reviewer)
    with pytest.raises(EditConflict) as conflict:
        approve_revision(loaded, LAWYERS, second, by=team.reviewer)
    assert conflict.value.theirs.name == "Test One"
    assert conflict.value.yours.notes == "Two."
    assert conflict.value.base.name == "Test Border Lawyers"
    assert get_revision(loaded, LAWYERS, second).state is RevisionState.PENDING
    assert _live(loaded).notes == ""


def test_a_conflict_carries_both_versions(
    loaded: Database, team: Team, make_nonprofit: Make
) -> None:
    seen = draft(loaded, team, make_nonprofit("Test New"))
    base = _live(loaded, "test-new")
    theirs = replace(base, name="Test Theirs", ein="111111111")
    yours = replace(base, name="Test Yours", website="https://example.org")
    save_listing(loaded, theirs, by=team.reviewer, expected_revision=seen)
    with pytest.raises(EditConflict, match="test-new has changed") as caught:
        save_listing(loaded, yours, by=team.editor, expected_revision=seen)
    conflict = caught.value
    assert replace(conflict.base, updated_on="") == base
    assert replace(conflict.theirs, updated_on="") == theirs
    assert replace(conflict.yours, updated_on="") == yours
    assert {c.field: (c.before, c.after) for c in conflict.changes} == {
        "name": ("Test Theirs", "Test Yours"),
        "ein": ("111111111", ""),
        "website": ("", "https://example.org"),
    }
    assert _live(loaded, "test-new") == theirs


def test_an_unknown_revision_is_a_conflict_too(loaded: Database, team: Team) -> None:
    for expected in (0, 7, -1):
        with pytest.raises(EditConflict) as caught:
            save_listing(loaded, _live(loaded), by=team.editor, expected_revision=expected)
        assert caught.value.base is None


def test_a_move_to_another_state_is_no_conflict_of_texts(loaded: Database, team: Team) -> None:
    changed = replace(_live(loaded), name="Test Other")
    listing = get_listing(loaded, LAWYERS)
    moved = change_status(loaded, LAWYERS, Status.DUE, by=team.editor, expected_revision=1)
    saved = save_listing(loaded, changed, by=team.editor, expected_revision=listing.revision)
    assert saved.state is RevisionState.PENDING
    approve_revision(loaded, LAWYERS, saved.number, by=team.reviewer)
    assert _live(loaded) == replace(changed, status=Status.DUE)
    with pytest.raises(EditConflict):
        change_status(loaded, LAWYERS, Status.STALE, by=team.admin, expected_revision=moved.number)


def test_a_load_between_reading_and_saving_is_a_conflict(
    loaded: Database, catalogue: tuple[Nonprofit, ...], team: Team
) -> None:
    lawyers = _live(loaded)
    number = edit(loaded, LAWYERS, team.editor, notes="Proposed.")
    changed = [replace(n, name="Test Renamed") if n.slug == LAWYERS else n for n in catalogue]
    assert load_nonprofits(loaded, changed).updated == (LAWYERS,)
    with pytest.raises(EditConflict):
        save_listing(loaded, lawyers, by=team.editor, expected_revision=1)
    with pytest.raises(EditConflict):
        approve_revision(loaded, LAWYERS, number, by=team.reviewer)
    load = list_revisions(loaded, LAWYERS)[0]
    assert (load.kind, load.staff_id, load.is_live) == (RevisionKind.LOAD, None, True)
    assert [change.field for change in diff_revisions(loaded, LAWYERS, 1, load.number)] == ["name"]


def test_a_load_never_overwrites_what_staff_made_or_changed(
    loaded: Database, catalogue: tuple[Nonprofit, ...], team: Team, make_nonprofit: Make
) -> None:
    record = make_nonprofit("Test New", summary_en="Ours.")
    draft(loaded, team, record)
    approve_revision(
        loaded, LAWYERS, edit(loaded, LAWYERS, team.editor, notes="x"), by=team.reviewer
    )
    theirs = [replace(n, notes="theirs") for n in (*catalogue, record)]
    assert load_nonprofits(loaded, theirs).kept == (LAWYERS, "test-new")
    assert _live(loaded).notes == "x"
    assert _live(loaded, "test-new").notes == ""


def test_saving_leaves_state_and_verification_alone(loaded: Database, team: Team) -> None:
    record = replace(_live(loaded), status=Status.WITHDRAWN, verified_on="2030-01-01", notes="x")
    saved = save_listing(loaded, record, by=team.editor, expected_revision=1)
    assert [change.field for change in saved.changes] == ["notes"]
    approve_revision(loaded, LAWYERS, saved.number, by=team.reviewer)
    assert (_live(loaded).status, _live(loaded).verified_on) == (Status.PUBLISHED, "")


@pytest.mark.parametrize(
    "changes",
    [
        {"ein": "1"},
        {"website": "javascript:alert(1)"},
        {"services": ("juggling",)},
        {"parent": "nobody"},
        {"name": "\ud800"},
        {"locations": (Location(city="X", state="maine"),)},
    ],
)
def test_a_proposal_must_fit_the_schema_before_it_waits(
    loaded: Database, team: Team, changes: dict[str, object]
) -> None:
    before, catalog = _live(loaded), get_catalog_revision(loaded)
    with pytest.raises(StorageError):
        edit(loaded, LAWYERS, team.editor, **changes)
    assert list_revisions(loaded, LAWYERS) == []
    assert _live(loaded) == before
    assert get_catalog_revision(loaded) == catalog


@pytest.mark.parametrize("status", [Status.WITHDRAWN, Status.ARCHIVED, Status.DO_NOT_LIST])
def test_what_was_taken_down_is_not_edited(loaded: Database, team: Team, status: Status) -> None:
    number = edit(loaded, LAWYERS, team.editor, notes="x")
    set_status(loaded, LAWYERS, status)
    with pytest.raises(InvalidAction, match=status):
        edit(loaded, LAWYERS, team.editor, notes="y")
    with pytest.raises(InvalidAction, match=status):
        approve_revision(loaded, LAWYERS, number, by=team.reviewer)


def test_reverting_is_a_new_revision(loaded: Database, team: Team) -> None:
    original = _live(loaded)
    for name in ("Test One", "Test Two"):
        approve_revision(
            loaded, LAWYERS, edit(loaded, LAWYERS, team.editor, name=name), by=team.reviewer
        )
    now = get_listing(loaded, LAWYERS).revision
    saved = revert_to(loaded, LAWYERS, 1, by=team.editor, expected_revision=now)
    assert saved.state is RevisionState.PENDING
    assert get_revision(loaded, LAWYERS, saved.number).kind is RevisionKind.REVERT
    approve_revision(loaded, LAWYERS, saved.number, by=team.reviewer)
    assert _live(loaded) == original
    assert get_version(loaded, LAWYERS, now).name == "Test Two"
    with pytest.raises(NotFound):
        revert_to(loaded, LAWYERS, 99, by=team.editor, expected_revision=now)
    with pytest.raises(EditConflict):
        revert_to(loaded, LAWYERS, 1, by=team.editor, expected_revision=now)


def test_only_staff_who_are_there_may_act(loaded: Database, team: Team) -> None:
    set_disabled(loaded, get_account(loaded, "editor@example.org"), True)
    for by in (team.editor, 99):
        with pytest.raises(NotAllowed):
            edit(loaded, LAWYERS, by, notes="x")
    assert Role.ADMIN.covers(Role.EDITOR)


def test_history_outlives_the_account(loaded: Database, team: Team) -> None:
    edit(loaded, LAWYERS, team.editor, notes="x")
    loaded.execute("DELETE FROM staff WHERE id = ?", [team.editor])
    (entry,) = list_revisions(loaded, LAWYERS)
    assert (entry.staff_id, entry.staff_name) == (None, "Editor")


def test_an_acknowledged_save_is_seen_by_others_at_once(
    loaded: Database, team: Team, tmp_path: Path
) -> None:
    other = connect(tmp_path / "waymark.db")
    number = edit(loaded, LAWYERS, team.editor, notes="x")
    assert get_revision(other, LAWYERS, number).state is RevisionState.PENDING
    approve_revision(other, LAWYERS, number, by=team.reviewer)
    assert get_nonprofit(loaded, LAWYERS).notes == "x"
    other.close()


def test_differences_are_named_in_the_order_of_the_model() -> None:
    changed = replace(EVERYTHING, notes="", name="Other", updated_on=str(date(2026, 1, 1)))
    assert [change.field for change in diff(EVERYTHING, changed)] == ["name", "notes"]
    assert diff(EVERYTHING, EVERYTHING) == ()
