"""The members of staff to whom work can be given."""

from __future__ import annotations

from recommender.store.accounts import Account, list_accounts
from recommender.web import get_db


def list_people() -> list[Account]:
    """Everybody whose account is in use."""
    return [account for account in list_accounts(get_db()) if not account.is_disabled]


def list_choices() -> list[tuple[str, str]]:
    """The same as the choices of a select field."""
    return [(str(account.id), account.name) for account in list_people()]
