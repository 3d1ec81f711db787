"""Where the next page of matches begins: sealed, and good for one question and one state only."""

from __future__ import annotations

import hashlib
import json
from collections.abc import Mapping
from dataclasses import dataclass
from http import HTTPStatus
from typing import Any

from flask import abort

from recommender.errors import InvalidProfile
from recommender.web import get_excluded, get_index, get_settings
from recommender.web.problems import error_json
from recommender.web.seal import InvalidSeal, Seal

# What may change from page to page without making it another question.
_APART = ("cursor", "n")
_DIGEST_BYTES = 12


@dataclass(frozen=True, kw_only=True)
class Cursor:
    """What a page continues: digests of the question and of the listings, and how far it got."""

    question: str
    state: str
    offset: int


def open_cursor(body: Mapping[str, Any]) -> int:
    """At which match the page begins; 0 without a cursor.

    Where a listing was published or taken down since, a page would repeat a match or leave
    one out: such a cursor is answered with 410.

    Raises:
        InvalidProfile: it is none of ours, too old, or belongs to another question.
    """
    token = body.get("cursor", "")
    if not token:
        return 0
    try:
        cursor = _seal().open(token).record
    except InvalidSeal:
        raise InvalidProfile(_UNREADABLE, field="cursor") from None
    if cursor.question != _question(body):
        raise InvalidProfile(_ANOTHER, field="cursor")
    if cursor.state != _state():
        abort(error_json(HTTPStatus.GONE, _OUTDATED, field="cursor"))
    return cursor.offset


def make_cursor(body: Mapping[str, Any], offset: int) -> str:
    """The cursor of the page that begins at a match."""
    return _seal().close(Cursor(question=_question(body), state=_state(), offset=offset))


_UNREADABLE = "This cursor cannot be read, or is too old. Please start again without one."
_ANOTHER = "This cursor belongs to another question. Please send the same body with it."
_OUTDATED = "The directory has changed since this cursor was made. Please start again without one."


def _question(body: Mapping[str, Any]) -> str:
    asked = {name: value for name, value in body.items() if name not in _APART}
    return _digest(json.dumps(asked, sort_keys=True))


def _state() -> str:
    return _digest(json.dumps([get_index().generation, *sorted(get_excluded())]))


def _digest(text: str) -> str:
    return hashlib.sha256(text.encode()).hexdigest()[: 2 * _DIGEST_BYTES]


def _seal() -> Seal[Cursor]:
    return Seal(get_settings().secret_key, Cursor)
