import re
from enum import StrEnum

import pytest

from recommender.errors import InvalidAction, NotAllowed, NotFound, StorageError
from recommender.importers.formats import FORMATS
from recommender.store import Database
from recommender.store.imports import (
    FOLLOWS,
    SILENCE_S,
    WITH_FILE,
    WORKING,
    Arrival,
    Column,
    Import,
    ImportState,
    count_kept_bytes,
    create_import,
    expire_imports,
    find_mapping,
    get_import,
    list_imports,
    move_import,
    remember_mapping,
)
from recommender.store.plans import Outcome, PlannedRow, Undone, Verdict, put_rows
from tests.store.team import Team

ARRIVAL = Arrival(file_name="a.csv", format="csv", source="Test", as_of="2024-01", n_bytes=7)


def make(db: Database, team: Team, state: ImportState = ImportState.RECEIVING) -> Import:
    return create_import(db, ARRIVAL, by=team.editor, state=state)


@pytest.mark.parametrize(
    ("table", "column", "values"),
    [
        ("imports", "state", ImportState),
        ("imports", "format", FORMATS),
        ("import_rows", "verdict", Verdict),
        ("import_rows", "outcome", ("", *Outcome)),
        ("import_rows", "undone", ("", *Undone)),
    ],
)
def test_the_schema_allows_exactly_the_values_of_the_models(
    db: Database, table: str, column: str, values: type[StrEnum]
) -> None:
    check = re.search(rf"\b{column} IN \(([^)]*)\)", db.table(table).schema)
    assert check
    assert set(re.findall(r"'([^']*)'", check[1])) == set(values)


def test_an_import_is_kept_as_it_was_described(loaded: Database, team: Team) -> None:
    import_ = make(loaded, team)
    assert import_ == get_import(loaded, import_.id)
    assert (import_.arrival, import_.staff_name) == (ARRIVAL, "Editor")
    columns = [Column(name="A", samples=("1", "é"), field="name")]
    opened = move_import(loaded, import_.id, ImportState.OPENING)
    opened = move_import(loaded, opened.id, ImportState.MAPPING, columns=columns)
    assert opened.columns == tuple(columns)
    with pytest.raises(NotFound):
        get_import(loaded, 99)
    with pytest.raises(NotAllowed):
        create_import(loaded, ARRIVAL, by=99)
    with pytest.raises(StorageError):
        create_import(loaded, Arrival(file_name="a" * 201, format="csv"), by=team.editor)


def test_only_the_steps_that_follow_are_taken(loaded: Database, team: Team) -> None:
    for state in ImportState:
        for to in ImportState:
            import_ = make(loaded, team, state)
            if state in FOLLOWS.get(to, ()):
                moved = move_import(loaded, import_.id, to, by=team.reviewer)
                assert (moved.state, moved.actor_name) == (to, "Reviewer")
            elif to in FOLLOWS:
                with pytest.raises(InvalidAction):
                    move_import(loaded, import_.id, to)


def test_every_state_can_be_reached_and_none_is_a_trap_for_a_file() -> None:
    assert set(FOLLOWS) == set(ImportState) - {ImportState.RECEIVING}
    ends = (ImportState.DISCARDED, ImportState.FAILED, ImportState.APPLIED)
    for state in WITH_FILE:
        assert any(state in FOLLOWS[end] for end in ends)


def test_it_waits_for_a_worker_only_while_there_is_work(loaded: Database, team: Team) -> None:
    silent = {state for state in ImportState if make(loaded, team, state).is_silent}
    assert silent == set(WORKING)
    import_ = make(loaded, team, ImportState.PLANNING)
    loaded.execute("UPDATE imports SET beat_at = unixepoch()")
    assert not get_import(loaded, import_.id).is_silent
    loaded.execute("UPDATE imports SET beat_at = unixepoch() - ?", [SILENCE_S + 2])
    assert get_import(loaded, import_.id).is_silent


def test_the_list_counts_verdicts_and_outcomes(loaded: Database, team: Team) -> None:
    first, second = make(loaded, team), make(loaded, team)
    rows = [PlannedRow(where=str(n), verdict=Verdict.REJECTED) for n in range(3)]
    put_rows(loaded, first.id, [*rows, PlannedRow(where="x", verdict=Verdict.CREATE)])
    loaded.execute("UPDATE import_rows SET outcome = 'created' WHERE verdict = 'create'")
    newest, oldest = list_imports(loaded)
    assert (newest.import_.id, newest.verdicts, newest.outcomes) == (second.id, {}, {})
    assert oldest.verdicts == {Verdict.REJECTED: 3, Verdict.CREATE: 1}
    assert oldest.outcomes == {Outcome.CREATED: 1}
    assert len(list_imports(loaded, limit=1)) == 1


def test_old_files_are_put_away_and_decisions_stay(loaded: Database, team: Team) -> None:
    states = {make(loaded, team, state).id: state for state in ImportState}
    assert count_kept_bytes(loaded) == 5 * ARRIVAL.n_bytes
    assert set(expire_imports(loaded)) == {i for i, s in states.items() if s not in WITH_FILE}
    loaded.execute("UPDATE imports SET changed_at = '2024-01-01T00:00:00Z'")
    without_file = set(expire_imports(loaded))
    assert count_kept_bytes(loaded) == 0
    for id_, state in states.items():
        after = get_import(loaded, id_)
        is_put_away = state in WITH_FILE and state is not ImportState.APPLYING
        assert (after.state != state, bool(after.problem)) == (is_put_away, is_put_away)
        assert (id_ in without_file) == (state is not ImportState.APPLYING)


def test_a_mapping_is_known_by_the_header_alone(loaded: Database, team: Team) -> None:
    mapping = {"name": "Nombre", "city": "Ciudad"}
    assert find_mapping(loaded, ["Nombre", "Ciudad"]) is None
    remember_mapping(loaded, ["Nombre", "Ciudad"], mapping, by=team.editor)
    assert find_mapping(loaded, ["Nombre", "Ciudad"]) == mapping
    assert find_mapping(loaded, ["Ciudad", "Nombre"]) is None
    remember_mapping(loaded, ["Nombre", "Ciudad"], {"name": "Ciudad"}, by=team.second)
    assert find_mapping(loaded, ["Nombre", "Ciudad"]) == {"name": "Ciudad"}
