"""Members of staff of every role, for tests of what staff do."""

from typing import NamedTuple

from sqlite_utils import Database

from recommender.store.accounts import Role, create_account


class Team(NamedTuple):
    """The numbers of the accounts."""

    editor: int
    reviewer: int
    second: int
    admin: int


def add_team(db: Database) -> Team:
    """Make an account of every role, and a second reviewer."""
    roles = Team(Role.EDITOR, Role.REVIEWER, Role.REVIEWER, Role.ADMIN)
    return Team(
        *(
            create_account(db, f"{name}@example.org", role, name.title()).id
            for name, role in roles._asdict().items()
        )
    )
