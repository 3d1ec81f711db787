from collections.abc import Callable
from dataclasses import replace

import pytest

from recommender.errors import NotAllowed
from recommender.models import FieldChange, Nonprofit
from recommender.store import Database
from recommender.store.imports import Arrival, ImportState, create_import
from recommender.store.listings import get_listing
from recommender.store.plans import (
    Outcome,
    PlannedRow,
    RowQuery,
    Undone,
    Verdict,
    Written,
    iterate_rows,
    leave_out,
    list_done,
    list_ready,
    list_rows,
    note_undone,
    note_written,
    put_rows,
    tally_rows,
)
from tests.store.team import Team

SLUG = "test-border-lawyers"


@pytest.fixture
def plan(loaded: Database, team: Team, make_nonprofit: Callable[..., Nonprofit]) -> int:
    """An import of a new listing, a change, and something that cannot go in."""
    before = replace(get_listing(loaded, SLUG).nonprofit, updated_on="")
    after = replace(before, revenue_usd=7)
    both = (
        FieldChange(field="name", before=before.name, after="Test Niñez"),
        FieldChange(field="revenue_usd", before=before.revenue_usd, after=7),
    )
    rows = (
        PlannedRow(
            where="line 2",
            verdict=Verdict.CREATE,
            name="Test New",
            slug="test-new",
            ein="012345678",
            nonprofit=make_nonprofit("Test New"),
            material="As filed.",
        ),
        PlannedRow(
            where="line 3",
            verdict=Verdict.CONFLICT,
            name="Test Niñez",
            slug=SLUG,
            reason="written by an editor",
            nonprofit=after,
            before=before,
            changes=both,
            curated=("name",),
        ),
        PlannedRow(where="line 4", verdict=Verdict.REJECTED, reason="website: is none"),
    )
    arrival = Arrival(file_name="a.csv", format="csv")
    import_ = create_import(loaded, arrival, by=team.editor, state=ImportState.PLANNED)
    put_rows(loaded, import_.id, rows)
    kept = list_rows(loaded, import_.id, RowQuery()).rows
    assert tuple(row.planned for row in kept) == rows
    assert [row.listing for row in kept] == ["", SLUG, ""]
    return import_.id


@pytest.mark.parametrize(
    ("query", "expected"),
    [
        (RowQuery(), [0, 1, 2]),
        (RowQuery(verdict=Verdict.CONFLICT), [1]),
        (RowQuery(text="ninez"), [1]),
        (RowQuery(text="LINE 4 none"), [2]),
        (RowQuery(text="01-2345678"), [0]),
        (RowQuery(text="line nothing"), []),
        (RowQuery(text="\ud800 %_"), []),
        (RowQuery(page=2, page_size=2), [2]),
        (RowQuery(page=9), []),
        (RowQuery(outcome=Outcome.CREATED), []),
    ],
)
def test_rows_are_found(loaded: Database, plan: int, query: RowQuery, expected: list[int]) -> None:
    found = list_rows(loaded, plan, query)
    assert [row.position for row in found.rows] == expected
    assert len(list(iterate_rows(loaded, plan, query))) == found.total >= len(expected)


def test_what_was_left_out_stays_out_when_it_is_compared_again(
    loaded: Database, team: Team, plan: int
) -> None:
    rows = [row.planned for row in list_rows(loaded, plan, RowQuery()).rows]
    leave_out(loaded, plan, {0: True, 2: True, 99: True}, by=team.editor)
    assert [row.position for row in list_ready(loaded, plan, Verdict)] == [1]
    put_rows(loaded, plan, rows[::-1])
    assert [row.planned.where for row in list_ready(loaded, plan, Verdict)] == ["line 3"]
    tally = tally_rows(loaded, plan)
    assert tally.verdicts == {Verdict.CREATE: 1, Verdict.CONFLICT: 1, Verdict.REJECTED: 1}
    assert (tally.ready[Verdict.CREATE], tally.left_out[Verdict.CREATE]) == (1, 1)
    assert tally.ready.get(Verdict.REJECTED, 0) == 0


def test_what_was_written_is_neither_chosen_nor_written_again(
    loaded: Database, team: Team, plan: int
) -> None:
    done = Written(position=1, slug=SLUG, outcome=Outcome.PROPOSED, number=2)
    note_written(loaded, plan, [done])
    leave_out(loaded, plan, {1: True}, by=team.editor)
    (row,) = list_done(loaded, plan)
    assert (row.position, row.listing, row.number, row.is_left_out) == (1, SLUG, 2, False)
    assert not row.is_applicable
    assert [row.position for row in list_ready(loaded, plan, Verdict)] == [0]
    note_undone(loaded, plan, 1, Undone.LEFT, "because")
    assert list_done(loaded, plan) == []
    tally = tally_rows(loaded, plan)
    assert (tally.outcomes, tally.undone) == ({Outcome.PROPOSED: 1}, {Undone.LEFT: 1})


def test_while_it_is_written_the_choice_stands(loaded: Database, team: Team, plan: int) -> None:
    loaded.execute("UPDATE imports SET state = 'applying'")
    leave_out(loaded, plan, {0: True}, by=team.editor)
    with pytest.raises(NotAllowed):
        leave_out(loaded, plan, {0: True}, by=99)
    assert len(list_ready(loaded, plan, Verdict)) == 2
