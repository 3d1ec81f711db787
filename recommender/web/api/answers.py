"""How answers go out: what any cache may keep and ask about again, and what nobody may keep.

A shared cache may keep every answer without reader's input, and has to ask here before each
use (`no-cache`): a listing that was withdrawn has to be gone at once, and asking is cheap,
because the ETag is of the content and mostly the same. A `max-age` would save those questions
and show a group that asked to be removed for as long.
"""

from __future__ import annotations

from typing import Any

from flask import Response, jsonify, make_response, request

MAX_WORDS_LENGTH = 500


def reading(content: Any, *, is_personal: bool = False) -> Response:
    """An answer to reading; `is_personal` when it was made for what a reader typed."""
    response = jsonify(content)
    return unstored(response) if is_personal else send_conditionally(response)


def send_conditionally(response: Response) -> Response:
    """An answer with an ETag, or 304 where the caller's copy is the same."""
    response.add_etag()
    return make_response(response.make_conditional(request))


def unstored(response: Response) -> Response:
    """An answer that nobody may keep."""
    response.headers["Cache-Control"] = "no-store"
    return response
