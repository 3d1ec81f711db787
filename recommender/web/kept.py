"""What was typed into a form of the desk, kept on the page until it can be sent again.

Where a session has ended, the answer to a form is the page to sign in with all that was typed
in hidden fields. Whoever has signed in sees it again, and sends it with one more click; nothing
is done without that click, and nothing is stored here meanwhile.
"""

from __future__ import annotations

import re
from dataclasses import dataclass

from flask import Response, current_app, make_response, render_template, request
from werkzeug.exceptions import HTTPException

from recommender.web.headers import RouteKind, is_below_desk, kind_of

MAX_KEPT_BYTES = 1024 * 1024
PREFIX = "typed-"
AGAIN_FIELD = "again"
TECHNICAL = frozenset({"csrf", "expected_revision", "editing", "about", "primary"})
"""Fields that nobody has typed."""

_SECRET = re.compile("password|secret|token|^code$")
_OWN_BLUEPRINT = "staff"
"""The account's forms hold passwords and codes, and no work that could be lost."""


@dataclass(frozen=True, kw_only=True)
class Kept:
    """The fields of a form and the address it was sent to; none where they are too much.

    `shows_again` is the name of a button with which that address shows its form as it was
    typed and does nothing else, or "".
    """

    path: str
    fields: tuple[tuple[str, str], ...] = ()
    shows_again: str = ""

    @property
    def typed(self) -> list[tuple[str, str]]:
        """The fields that a person reads, with their names as words."""
        return [
            (name.replace("_", " "), value)
            for name, value in self.fields
            if value.strip() and name not in TECHNICAL
        ]


def read_typed(csrf_field: str) -> Kept | None:
    """What this request has typed for a page of the desk; None where there is nothing to lose."""
    path = request.full_path.rstrip("?")
    is_form = request.mimetype == "application/x-www-form-urlencoded"
    if not is_form or not _takes_forms(path):
        return None
    if (request.content_length or 0) > MAX_KEPT_BYTES:
        return Kept(path=path)
    pairs = request.form.items(multi=True)
    fields = tuple((name, value) for name, value in pairs if name != csrf_field)
    return _kept(path, fields)


def read_carried() -> Kept | None:
    """What the page to sign in has carried along."""
    path = request.form.get(AGAIN_FIELD, "")
    fields = tuple(
        (name.removeprefix(PREFIX), value)
        for name, value in request.form.items(multi=True)
        if name.startswith(PREFIX)
    )
    return _kept(path, fields) if _takes_forms(path) else None


def show_again(kept: Kept, title: str, status: int) -> Response:
    """The page that offers what was typed to whoever is signed in now."""
    page = render_template("staff/again.html", kept=kept, title=title)
    return make_response(page, status)


def _kept(path: str, fields: tuple[tuple[str, str], ...]) -> Kept | None:
    harmless = tuple((name, value) for name, value in fields if not _SECRET.search(name))
    kept = Kept(path=path, fields=harmless, shows_again=_shows_again(path))
    return kept if kept.typed else None


def _takes_forms(path: str) -> bool:
    """Whether an address is one of the desk's that take a form which may be sent again."""
    endpoint = _endpoint_of(path)
    is_staff = kind_of(endpoint) is RouteKind.STAFF and _blueprint_of(endpoint) != _OWN_BLUEPRINT
    # The router takes "//staff/terms/new" for a path; to a browser it names the host "staff".
    return is_staff and is_below_desk(path)


def _shows_again(path: str) -> str:
    view = current_app.view_functions.get(_endpoint_of(path))
    return str(getattr(view, "shows_again", ""))


def _endpoint_of(path: str) -> str:
    """The endpoint that a form sent to an address would come to, or ""."""
    try:
        found = current_app.url_map.bind("").match(path.partition("?")[0], method="POST")
    except HTTPException:
        return ""
    return str(found[0])


def _blueprint_of(endpoint: str) -> str:
    return endpoint.partition(".")[0]
