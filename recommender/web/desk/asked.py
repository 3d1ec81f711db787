"""What a form or an address of the desk asks for, as values."""

from __future__ import annotations

from datetime import UTC, date, datetime
from urllib.parse import urlencode

from flask import request

from recommender.errors import InvalidAction

MAX_NOTE = 2_000


def read_number(text: str, *, default: int = 0, most: int = 10**9) -> int:
    """A whole number from 1 to `most`; the default where it is none."""
    plain = text.isascii() and text.isdigit() and len(text) < 12
    return min(max(int(text), 1), most) if plain else default


def read_note(name: str) -> str:
    """A field of the form that says why or how, cut to what the history keeps."""
    return request.form.get(name, "").replace("\0", " ").strip()[:MAX_NOTE]


def turn_to(page: int) -> str:
    """The address of another page of what this request shows."""
    # Not as values of `url_for`, which has names of its own: a query may hold any.
    return f"{request.path}?{urlencode({**request.args.to_dict(), 'page': page})}"


def read_past_day(text: str) -> date:
    """A day that is not in the future.

    Raises:
        InvalidAction: it is, or this is no day.
    """
    try:
        day = date.fromisoformat(text)
    except ValueError:
        raise InvalidAction("Please give the day of the check, for example 2026-03-31.") from None
    if day > datetime.now(UTC).date():
        raise InvalidAction("A check cannot be in the future.")
    return day
