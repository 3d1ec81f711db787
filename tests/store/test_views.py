from __future__ import annotations

import pytest
from sqlite_utils import Database

from recommender.errors import InvalidAction, NotAllowed, NotFound
from recommender.store.accounts import get_account, set_disabled
from recommender.store.views import (
    MAX_VIEWS,
    SavedView,
    delete_view,
    list_views,
    rename_view,
    save_view,
)
from tests.store.team import Team

THIN = SavedView(name="Thin ones", query="thin=1")


def names(db: Database, staff_id: int) -> list[str]:
    return [view.name for view in list_views(db, staff_id)]


def test_views_belong_to_whoever_saved_them(loaded: Database, team: Team) -> None:
    save_view(loaded, team.editor, THIN)
    save_view(loaded, team.reviewer, SavedView(name="Mine", query="assignee=me"))
    save_view(loaded, team.editor, SavedView(name="alaska", query="state=AK"))
    assert list_views(loaded, team.editor) == [SavedView(name="alaska", query="state=AK"), THIN]
    assert names(loaded, team.reviewer) == ["Mine"]
    assert names(loaded, team.admin) == []


def test_the_same_name_is_replaced(loaded: Database, team: Team) -> None:
    save_view(loaded, team.editor, THIN)
    save_view(loaded, team.editor, SavedView(name=THIN.name, query="thin=1&state=TX"))
    (view,) = list_views(loaded, team.editor)
    assert view.query == "thin=1&state=TX"


def test_a_view_takes_another_name_and_goes(loaded: Database, team: Team) -> None:
    save_view(loaded, team.editor, THIN)
    save_view(loaded, team.editor, SavedView(name="Other", query=""))
    rename_view(loaded, team.editor, THIN.name, "Too thin")
    assert list_views(loaded, team.editor)[1] == SavedView(name="Too thin", query=THIN.query)
    rename_view(loaded, team.editor, "Other", "Other")
    with pytest.raises(InvalidAction, match="already"):
        rename_view(loaded, team.editor, "Other", "Too thin")
    with pytest.raises(NotFound):
        rename_view(loaded, team.reviewer, "Other", "Else")
    delete_view(loaded, team.reviewer, "Other")
    assert names(loaded, team.editor) == ["Other", "Too thin"]
    delete_view(loaded, team.editor, "Other")
    delete_view(loaded, team.editor, "Other")
    assert names(loaded, team.editor) == ["Too thin"]


@pytest.mark.parametrize("name", ["", "  ", "x" * 81])
def test_a_name_is_needed(loaded: Database, team: Team, name: str) -> None:
    with pytest.raises(InvalidAction, match="name"):
        save_view(loaded, team.editor, SavedView(name=name, query=""))
    save_view(loaded, team.editor, THIN)
    with pytest.raises(InvalidAction, match="name"):
        rename_view(loaded, team.editor, THIN.name, name)


def test_there_is_an_end_to_views(loaded: Database, team: Team) -> None:
    for number in range(MAX_VIEWS):
        save_view(loaded, team.editor, SavedView(name=f"View {number}", query=""))
    with pytest.raises(InvalidAction, match="delete one"):
        save_view(loaded, team.editor, THIN)
    assert len(names(loaded, team.editor)) == MAX_VIEWS
    save_view(loaded, team.editor, SavedView(name="View 1", query="thin=1"))
    save_view(loaded, team.reviewer, THIN)


def test_who_is_no_longer_on_the_staff_saves_nothing(loaded: Database, team: Team) -> None:
    set_disabled(loaded, get_account(loaded, "editor@example.org"), True)
    with pytest.raises(NotAllowed):
        save_view(loaded, team.editor, THIN)
