"""Members of staff at their desk: a client that is signed in, and sends forms as browsers do."""

from __future__ import annotations

from typing import Any

from flask import Flask
from werkzeug.test import TestResponse

from recommender import store
from recommender.store.accounts import (
    Account,
    Role,
    Session,
    create_account,
    create_session,
    find_account,
    find_session,
)
from recommender.web.auth import COOKIE, CSRF_FIELD
from tests.web.client import PageClient

OWN_FORM = {"Sec-Fetch-Site": "same-origin"}


class DeskClient(PageClient):
    """A browser in which somebody is signed in; it reads every page as `PageClient` does."""

    account: Account
    token: str

    @property
    def session(self) -> Session | None:
        """This browser's session, if it is still good."""
        db = store.connect(self.application.config["WAYMARK"].database)
        try:
            return find_session(db, self.token)
        finally:
            db.close()

    def submit(self, path: str, **form: Any) -> TestResponse:
        """Send a form of the desk, with its token."""
        session = self.session
        token = session.csrf if session else ""
        return self.post(path, data={CSRF_FIELD: token, **form}, headers=OWN_FORM)


def sign_in(app: Flask, role: Role, email: str = "") -> DeskClient:
    """A browser with a session of a member of staff in this role, made when there is none.

    Args:
        app: The application; its store is written.
        role: What the account may do.
        email: Whose browser it is; by default "<role>@example.org".
    """
    db = store.connect(app.config["WAYMARK"].database)
    try:
        email = email or f"{role}@example.org"
        account = find_account(db, email) or create_account(db, email, role)
        token = create_session(db, account)
    finally:
        db.close()
    client = DeskClient(app, app.response_class)
    client.account, client.token = account, token
    client.set_cookie(COOKIE, token)
    return client
