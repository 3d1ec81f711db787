"""Why an action was not taken, on a page of the desk."""

from __future__ import annotations

from flask import Blueprint, Response

from recommender.errors import (
    EditConflict,
    InvalidAction,
    NotAllowed,
    NotFound,
    RecommenderError,
    StorageError,
)
from recommender.web import auth


def refuse_errors(bp: Blueprint) -> None:
    """Let the views of a blueprint raise what the store raises."""
    for kind in (NotFound, NotAllowed, EditConflict, InvalidAction, StorageError):
        bp.register_error_handler(kind, _answer)


def _answer(error: RecommenderError) -> Response:
    if isinstance(error, NotFound):
        return auth.refusal("There is nothing here", str(error), 404)
    if isinstance(error, NotAllowed):
        return auth.refusal("This is not yours to do", str(error), 403)
    if isinstance(error, EditConflict):
        advice = f"{error} Please open it again and look at it before you go on."
        return auth.refusal("It has changed meanwhile", advice, 409)
    if isinstance(error, InvalidAction):
        return auth.refusal("This does not fit", str(error), 409)
    return auth.refusal("This cannot be stored", "Something in it is not in order.", 422)
