"""The staff's desk in a browser: a site of its own with people who sign in."""

from __future__ import annotations

import shutil
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from playwright.sync_api import Page

from recommender.config import Settings
from recommender.store import connect
from recommender.store.accounts import (
    Account,
    Role,
    create_account,
    create_session,
    get_account,
    set_password,
)
from recommender.web.auth import COOKIE
from recommender.web.credentials import hash_password
from tests.serving import Launch, Site, serve

PASSWORD = "a cairn beside the path"
PEOPLE = {
    Role.EDITOR: ("edda@example.org", "Edda Editor"),
    Role.REVIEWER: ("rosa@example.org", "Rosa Reviewer"),
    Role.ADMIN: ("ada@example.org", "Ada Admin"),
}


@contextmanager
def open_office(directory: Settings, folder: Path) -> Iterator[Site]:
    """The committed directory and one person of each role, served by two workers."""
    instance = folder / "instance"
    shutil.copytree(directory.instance, instance)
    db = connect(instance / directory.database.name)
    secret = hash_password(PASSWORD)
    for role, (email, name) in PEOPLE.items():
        set_password(db, create_account(db, email, role, name), secret)
    db.close()
    with serve(Launch(instance=instance, log=folder / "log")) as site:
        yield site


def account_of(site: Site, role: Role) -> Account:
    """The person with a role."""
    db = connect(site.instance / "waymark.db")
    try:
        return get_account(db, PEOPLE[role][0])
    finally:
        db.close()


def sit_down(page: Page, site: Site, role: Role) -> None:
    """Let a window have a session, without the form."""
    db = connect(site.instance / "waymark.db")
    try:
        token = create_session(db, account_of(site, role))
    finally:
        db.close()
    page.context.add_cookies([{"name": COOKIE, "value": token, "url": site.url}])


def sign_in(page: Page, role: Role) -> None:
    """Sign in as somebody does."""
    page.goto("/staff/login")
    page.locator("[name=email]").fill(PEOPLE[role][0])
    page.locator("[name=password]").fill(PASSWORD)
    page.locator("main button[type=submit]").click()
    page.wait_for_url("**/staff")
