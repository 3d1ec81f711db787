"""Views of the staff's list that a member of staff has kept under a name."""

from __future__ import annotations

from dataclasses import dataclass

from sqlite_utils import Database

from recommender.errors import InvalidAction, NotFound
from recommender.store import snapshot, transaction
from recommender.store.revisions import get_staff

MAX_VIEWS = 50
MAX_NAME = 80


@dataclass(frozen=True, kw_only=True)
class SavedView:
    """A name and what it stands for: the query part of an address of the list."""

    name: str
    query: str


def list_views(db: Database, staff_id: int) -> list[SavedView]:
    """The views of a member of staff by name."""
    with snapshot(db):
        rows = db.execute(
            "SELECT name, query FROM saved_views WHERE staff_id = ? ORDER BY name COLLATE NOCASE",
            [staff_id],
        )
        return [SavedView(name=name, query=query) for name, query in rows]


def save_view(db: Database, staff_id: int, view: SavedView) -> None:
    """Keep a view; one of the same name is replaced.

    Raises:
        InvalidAction: the name is empty or too long, or there are too many views.
        NotAllowed: the account is not in use.
    """
    _check_name(view.name)
    with transaction(db):
        get_staff(db, staff_id)
        db.execute(
            "INSERT OR REPLACE INTO saved_views (staff_id, name, query) VALUES (?, ?, ?)",
            [staff_id, view.name, view.query],
        )
        if len(list_views(db, staff_id)) > MAX_VIEWS:
            raise InvalidAction(f"There are {MAX_VIEWS} views already. Please delete one first.")


def rename_view(db: Database, staff_id: int, name: str, to: str) -> None:
    """Give a view another name.

    Raises:
        InvalidAction: the new name is empty, too long, or that of another view.
        NotFound: there is no view of the old name.
        NotAllowed: the account is not in use.
    """
    _check_name(to)
    with transaction(db):
        get_staff(db, staff_id)
        names = {view.name for view in list_views(db, staff_id)}
        if name not in names:
            raise NotFound(f"You have no view {name!r}.")
        if to in names - {name}:
            raise InvalidAction(f"There is a view {to!r} already.")
        db.execute(
            "UPDATE saved_views SET name = ? WHERE staff_id = ? AND name = ?", [to, staff_id, name]
        )


def delete_view(db: Database, staff_id: int, name: str) -> None:
    """Forget a view; one that is gone already may be forgotten again.

    Raises:
        NotAllowed: the account is not in use.
    """
    with transaction(db):
        get_staff(db, staff_id)
        db.execute("DELETE FROM saved_views WHERE staff_id = ? AND name = ?", [staff_id, name])


def _check_name(name: str) -> None:
    if not name.strip() or len(name) > MAX_NAME:
        raise InvalidAction(f"Please give the view a name of at most {MAX_NAME} characters.")
