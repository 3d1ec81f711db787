import pytest
from sqlite_utils import Database

from tests.store.team import Team, add_team


@pytest.fixture
def team(loaded: Database) -> Team:
    """Staff of every role in the store that holds the test catalogue."""
    return add_team(loaded)
