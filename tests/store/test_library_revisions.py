"""Terms, resources and guides change only through review, and nothing of it is lost."""

from __future__ import annotations

from dataclasses import replace

import pytest
from sqlite_utils import Database

from recommender.errors import EditConflict, InvalidAction, NotAllowed, NotFound, StorageError
from recommender.models import Guide, Resource, TermMapping
from recommender.store.catalog import (
    Contents,
    get_catalog_revision,
    list_guides,
    list_nonprofits,
    list_resources,
    list_tags,
    list_term_mappings,
    load_catalog,
)
from recommender.store.library import Entry, LibraryKind, find_entry, key_of, kind_of
from recommender.store.library_history import (
    LibraryRevision,
    diff_entries,
    find_own_pending,
    get_library_revision,
    list_library_history,
    list_pending,
    version_of,
)
from recommender.store.library_revisions import (
    Proposal,
    approve,
    propose,
    reject,
    revert,
    take_back,
    take_down,
)
from tests.store.team import Team
from tests.store.test_library import GUIDES, RESOURCES

LAWYER = TermMapping(phrase="lawyer", language="en", tags=("legal-services",), weight=0.8)
SHELTER = TermMapping(phrase="casa", language="es", tags=("housing",), words=("refugio",))
PIECE, OTHER = (replace(piece, topics=("housing", "refugees")) for piece in RESOURCES)
GUIDE = GUIDES[0]
NEW_PIECE = replace(PIECE, slug="new-piece", title="New")


@pytest.fixture
def library(loaded: Database, team: Team) -> Database:
    """A store with the test catalogue, staff, and a small library."""
    load(loaded)
    return loaded


def load(
    db: Database,
    terms: tuple[TermMapping, ...] = (LAWYER, SHELTER),
    pieces: tuple[Resource, ...] = (PIECE, OTHER),
    guides: tuple[Guide, ...] = (GUIDE,),
) -> tuple[str, ...]:
    contents = Contents(
        nonprofits=list_nonprofits(db),
        tags=list_tags(db),
        term_map=terms,
        resources=pieces,
        guides=guides,
    )
    return load_catalog(db, contents).kept


def edit(db: Database, by: int, before: Entry | None, after: Entry | None, note: str = "") -> int:
    """Propose that one version takes the place of another; the change's number."""
    kind = kind_of(before or after)
    proposal = Proposal(
        kind=kind,
        key=key_of(before) if before else "",
        after=after,
        expected=version_of(before),
        note=note,
    )
    number = propose(db, proposal, by=by)
    assert number is not None
    return number


def look(db: Database, entry: Entry) -> Entry | None:
    return find_entry(db, kind_of(entry), key_of(entry))


def history(db: Database, entry: Entry) -> list[LibraryRevision]:
    return list_library_history(db, kind_of(entry), key_of(entry))


CHANGES = [
    (LAWYER, replace(LAWYER, weight=0.5, words=("attorney",))),
    (LAWYER, replace(LAWYER, phrase="solicitor")),
    (LAWYER, replace(LAWYER, language="any")),
    (LAWYER, None),
    (None, TermMapping(phrase="papeles", language="es", tags=("legal-services",))),
    (PIECE, replace(PIECE, title="Another", take_es=("a", "b", "c"), title_confirmed=False)),
    (PIECE, None),
    (None, NEW_PIECE),
    (GUIDE, replace(GUIDE, key_facts=(*GUIDE.key_facts, *GUIDE.key_facts))),
    (None, replace(GUIDE, slug="another")),
]


@pytest.mark.parametrize(("before", "after"), CHANGES)
def test_a_change_takes_effect_when_somebody_else_approves(
    library: Database, team: Team, before: Entry | None, after: Entry | None
) -> None:
    revision = get_catalog_revision(library)
    number = edit(library, team.editor, before, after, note="why")
    assert get_catalog_revision(library) == revision
    (waiting,) = list_pending(library)
    assert (waiting.number, waiting.before, waiting.after) == (number, before, after)
    assert (waiting.staff_name, waiting.note, waiting.state) == ("Editor", "why", "pending")
    assert before is None or look(library, before) == before

    done = approve(library, number, by=team.reviewer, note="good")
    assert (done.state, done.reviewer_name, done.reason) == ("applied", "Reviewer", "good")
    assert done.decided_at
    assert get_catalog_revision(library) > revision
    assert list_pending(library) == []
    if after is not None:
        assert look(library, after) == after
    if before is not None and (after is None or key_of(after) != key_of(before)):
        assert look(library, before) is None
    assert history(library, after or before)[0] == done


@pytest.mark.parametrize(("before", "after"), CHANGES)
def test_every_change_can_be_undone_by_another_change(
    library: Database, team: Team, before: Entry | None, after: Entry | None
) -> None:
    was = (list_term_mappings(library), list_resources(library), list_guides(library))
    number = edit(library, team.editor, before, after)
    approve(library, number, by=team.reviewer)
    undo = revert(library, number, by=team.editor, expected=version_of(after))
    assert undo is not None
    assert get_library_revision(library, undo).state == "pending"
    approve(library, undo, by=team.reviewer)
    now = (list_term_mappings(library), list_resources(library), list_guides(library))
    assert [sorted(entries, key=key_of) for entries in now] == [
        sorted(entries, key=key_of) for entries in was
    ]


def test_nobody_approves_their_own_work_nor_without_the_role(library: Database, team: Team) -> None:
    number = edit(library, team.reviewer, LAWYER, replace(LAWYER, weight=0.1))
    with pytest.raises(NotAllowed, match="their own"):
        approve(library, number, by=team.reviewer)
    with pytest.raises(NotAllowed):
        approve(library, number, by=team.editor)
    with pytest.raises(NotAllowed):
        reject(library, number, by=team.editor, reason="no")
    with pytest.raises(NotAllowed):
        propose(library, Proposal(kind=LibraryKind.GUIDE, after=GUIDE), by=10_000)
    assert look(library, LAWYER) == LAWYER
    approve(library, number, by=team.second)


def test_a_decision_is_final(library: Database, team: Team) -> None:
    number = edit(library, team.editor, LAWYER, replace(LAWYER, weight=0.1))
    with pytest.raises(InvalidAction, match="Say why"):
        reject(library, number, by=team.reviewer, reason="  ")
    reject(library, number, by=team.reviewer, reason="too low")
    assert get_library_revision(library, number).reason == "too low"
    for act in (
        lambda: approve(library, number, by=team.reviewer),
        lambda: reject(library, number, by=team.reviewer, reason="again"),
        lambda: take_back(library, number, by=team.editor),
        lambda: revert(library, number, by=team.editor, expected=version_of(LAWYER)),
    ):
        with pytest.raises(InvalidAction):
            act()
    with pytest.raises(NotFound):
        approve(library, 999, by=team.reviewer)


def test_only_its_author_takes_a_change_back(library: Database, team: Team) -> None:
    number = edit(library, team.editor, PIECE, replace(PIECE, title="X"))
    with pytest.raises(NotAllowed):
        take_back(library, number, by=team.admin)
    take_back(library, number, by=team.editor)
    assert get_library_revision(library, number).state == "superseded"
    assert find_own_pending(library, LibraryKind.RESOURCE, PIECE.slug, team.editor) is None


def test_a_later_change_takes_the_place_of_ones_own_earlier_one(
    library: Database, team: Team
) -> None:
    first = edit(library, team.editor, PIECE, replace(PIECE, title="One"))
    other = edit(library, team.second, PIECE, replace(PIECE, title="Two"))
    again = edit(library, team.editor, PIECE, replace(PIECE, title="Three"))
    assert [revision.number for revision in list_pending(library)] == [other, again]
    assert get_library_revision(library, first).state == "superseded"
    # To save what stands already takes one's change back.
    proposal = Proposal(
        kind=LibraryKind.RESOURCE, key=PIECE.slug, after=PIECE, expected=version_of(PIECE)
    )
    assert propose(library, proposal, by=team.editor) is None
    assert [revision.number for revision in list_pending(library)] == [other]


def test_a_new_phrase_may_be_changed_again_before_it_is_approved(
    library: Database, team: Team
) -> None:
    first = TermMapping(phrase="papers", language="en", tags=("housing",))
    edit(library, team.editor, None, first)
    second = Proposal(kind=LibraryKind.TERM, key="en:papers", after=replace(first, phrase="paper"))
    # "paper" and "papers" are one phrase, but only one of them waits now.
    number = propose(library, second, by=team.editor)
    assert [revision.number for revision in list_pending(library)] == [number]
    assert approve(library, number, by=team.reviewer).key == "en:paper"


def test_what_was_not_seen_is_a_conflict_that_tells_all_versions(
    library: Database, team: Team
) -> None:
    theirs, yours = replace(PIECE, title="Theirs"), replace(PIECE, body_en="Yours.")
    approve(library, edit(library, team.editor, PIECE, theirs), by=team.reviewer)
    with pytest.raises(EditConflict) as caught:
        edit(library, team.second, PIECE, yours)
    error = caught.value
    assert (error.base, error.theirs, error.yours) == (PIECE, theirs, yours)
    assert [change.field for change in error.changes] == ["title", "body_en"]
    with pytest.raises(EditConflict):
        revert(library, 1, by=team.second, expected=version_of(PIECE))
    gone = Proposal(kind=LibraryKind.RESOURCE, key="never", after=yours, expected="0" * 16)
    with pytest.raises(EditConflict):
        propose(library, gone, by=team.editor)


def test_of_two_changes_of_one_version_only_the_first_is_approved(
    library: Database, team: Team
) -> None:
    first = edit(library, team.editor, LAWYER, replace(LAWYER, weight=0.1))
    second = edit(library, team.second, LAWYER, replace(LAWYER, weight=0.2))
    approve(library, first, by=team.reviewer)
    with pytest.raises(EditConflict):
        approve(library, second, by=team.reviewer)
    assert find_entry(library, LibraryKind.TERM, "en:lawyer").weight == 0.1
    assert get_library_revision(library, second).state == "pending"


@pytest.mark.parametrize(
    ("before", "after", "error"),
    [
        (None, LAWYER, InvalidAction),
        (None, replace(LAWYER, phrase="Láwyers", language="es"), InvalidAction),
        (SHELTER, replace(SHELTER, phrase="lawyers", language="any"), InvalidAction),
        (LAWYER, replace(LAWYER, tags=("no-such",)), StorageError),
        (LAWYER, replace(LAWYER, tags=("spanish",)), StorageError),
        (LAWYER, replace(LAWYER, weight=1.5), StorageError),
        (PIECE, replace(PIECE, topics=("somali",)), StorageError),
        (PIECE, replace(PIECE, url="javascript:alert(1)"), StorageError),
        (None, replace(PIECE, slug="No Slug"), StorageError),
        (None, PIECE, InvalidAction),
    ],
)
def test_what_cannot_stand_is_refused_at_once(
    library: Database, team: Team, before: Entry | None, after: Entry, error: type[Exception]
) -> None:
    revision = get_catalog_revision(library)
    with pytest.raises(error):
        edit(library, team.editor, before, after)
    assert list_pending(library) == []
    assert get_catalog_revision(library) == revision


def test_what_does_not_fit_any_more_is_refused_on_approval(library: Database, team: Team) -> None:
    papers = TermMapping(phrase="papers", language="en", tags=("housing",))
    one = edit(library, team.editor, None, papers)
    two = edit(library, team.second, None, replace(papers, phrase="paper", language="any"))
    approve(library, one, by=team.reviewer)
    with pytest.raises(InvalidAction, match="same phrase"):
        approve(library, two, by=team.reviewer)


@pytest.mark.parametrize("entry", [PIECE, GUIDE])
def test_taking_down_is_at_once_and_putting_back_is_not(
    library: Database, team: Team, entry: Entry
) -> None:
    proposal = Proposal(
        kind=kind_of(entry), key=key_of(entry), after=None, expected=version_of(entry)
    )
    with pytest.raises(InvalidAction, match="Say why"):
        take_down(library, proposal, by=team.editor)
    with pytest.raises(EditConflict):
        take_down(library, replace(proposal, expected="x", note="The site moved."), by=team.editor)
    revision = get_catalog_revision(library)
    number = take_down(library, replace(proposal, note="The site moved."), by=team.editor)
    assert look(library, entry) is None
    assert get_catalog_revision(library) > revision
    done = get_library_revision(library, number)
    assert (done.state, done.note, done.after) == ("applied", "The site moved.", None)
    with pytest.raises(NotFound):
        take_down(library, replace(proposal, note="Again."), by=team.editor)
    with pytest.raises(InvalidAction, match="Bring that back"):
        edit(library, team.editor, None, entry)

    back = revert(library, number, by=team.editor, expected=version_of(None))
    assert look(library, entry) is None
    # What waits to come back may still be mended by its author.
    edit(library, team.editor, None, entry)
    assert back is not None
    (waiting,) = list_pending(library)
    approve(library, waiting.number, by=team.reviewer)
    assert look(library, entry) == entry


def test_a_phrase_is_never_taken_down_at_once(library: Database, team: Team) -> None:
    proposal = Proposal(
        kind=LibraryKind.TERM,
        key=key_of(LAWYER),
        after=None,
        expected=version_of(LAWYER),
        note="Wrong.",
    )
    with pytest.raises(InvalidAction, match="after review"):
        take_down(library, proposal, by=team.admin)
    assert look(library, LAWYER) == LAWYER


def test_the_history_of_a_phrase_goes_back_to_its_earlier_names(
    library: Database, team: Team
) -> None:
    solicitor = replace(LAWYER, phrase="solicitor")
    approve(library, edit(library, team.editor, LAWYER, solicitor), by=team.reviewer)
    heavier = replace(solicitor, weight=1.0)
    approve(library, edit(library, team.editor, solicitor, heavier), by=team.reviewer)
    assert [revision.number for revision in history(library, heavier)] == [2, 1]
    assert [revision.number for revision in history(library, LAWYER)] == [1]


def test_loads_leave_alone_what_staff_have_edited(library: Database, team: Team) -> None:
    assert load(library) == ()
    solicitor = replace(LAWYER, phrase="solicitor")
    better = replace(PIECE, title="Better")
    for before, after in ((LAWYER, solicitor), (PIECE, better), (None, NEW_PIECE)):
        approve(library, edit(library, team.editor, before, after), by=team.reviewer)
    down = Proposal(
        kind=LibraryKind.GUIDE,
        key=GUIDE.slug,
        after=None,
        expected=version_of(GUIDE),
        note="Old.",
    )
    take_down(library, down, by=team.editor)
    waiting = edit(library, team.editor, SHELTER, replace(SHELTER, weight=0.3))

    revision = get_catalog_revision(library)
    assert load(library) == (
        "term en:lawyer",
        "term en:solicitor",
        "resource b",
        "resource new-piece",
        "guide asylum",
    )
    assert get_catalog_revision(library) == revision
    assert list_term_mappings(library) == [SHELTER, solicitor]
    assert list_resources(library) == [better, OTHER, NEW_PIECE]
    assert list_guides(library) == []

    # What staff have not changed follows the files, even where a change of it waits.
    moved = replace(SHELTER, weight=0.7)
    load(library, terms=(LAWYER, moved), pieces=())
    assert list_term_mappings(library) == [moved, solicitor]
    assert list_resources(library) == [better, NEW_PIECE]
    with pytest.raises(EditConflict):
        approve(library, waiting, by=team.reviewer)


def test_what_the_files_have_taken_over_is_not_reported(library: Database, team: Team) -> None:
    better = replace(PIECE, title="Better")
    approve(library, edit(library, team.editor, PIECE, better), by=team.reviewer)
    assert load(library, pieces=(better, OTHER)) == ()


def test_differences_name_the_fields() -> None:
    assert diff_entries(PIECE, PIECE) == ()
    (change,) = diff_entries(PIECE, replace(PIECE, title="X"))
    assert (change.field, change.before, change.after) == ("title", PIECE.title, "X")
    fields = ["phrase", "language", "tags", "words", "weight"]
    assert [change.field for change in diff_entries(None, LAWYER)] == fields
    assert {change.after for change in diff_entries(LAWYER, None)} == {None}


def test_the_history_stays_when_its_author_is_gone(library: Database, team: Team) -> None:
    number = edit(library, team.editor, LAWYER, replace(LAWYER, weight=0.1))
    approve(library, number, by=team.reviewer)
    library.execute("DELETE FROM staff")
    kept = get_library_revision(library, number)
    assert (kept.staff_id, kept.staff_name, kept.reviewer_name) == (None, "Editor", "Reviewer")
