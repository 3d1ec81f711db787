"""Error pages that say what to do next, and the one JSON error shape of the API."""

from __future__ import annotations

from dataclasses import dataclass
from http import HTTPStatus

from flask import Flask, Response, jsonify, make_response, render_template, request
from werkzeug.exceptions import HTTPException

from recommender import errors
from recommender.web import auth, kept
from recommender.web.i18n import lazy_gettext as _


@dataclass(frozen=True, kw_only=True)
class Problem:
    """What a person reads when a page cannot be shown."""

    title: str
    advice: str


PROBLEMS = {
    400: Problem(
        title=_("We could not read that"),
        advice=_(
            "Part of what was sent is missing or not in a form we can read. "
            "Going back and trying once more usually helps."
        ),
    ),
    404: Problem(
        title=_("There is no page at this address"),
        advice=_(
            "It may have moved, or the group it described may no longer be listed. "
            "Links to results stop working after a while, because nothing is stored."
        ),
    ),
    405: Problem(
        title=_("This address works in another way"),
        advice=_(
            "It takes what a form sends and cannot be opened on its own. "
            "Please start from the form."
        ),
    ),
    410: Problem(
        title=_("This listing has been taken down"),
        advice=_(
            "The group is no longer listed here. This can have many reasons, "
            "its own wish among them."
        ),
    ),
    413: Problem(
        title=_("That is more text than we can take"),
        advice=_("Please go back and paste a shorter part. A few paragraphs are plenty."),
    ),
    422: Problem(
        title=_("Something in the form needs another look"),
        advice=_("Please go back and check what was filled in."),
    ),
    429: Problem(
        title=_("Too many tries in a short time"),
        advice=_("Please wait a little and try again. Searching and reading stay open meanwhile."),
    ),
    500: Problem(
        title=_("Something went wrong on our side"),
        advice=_(
            "It is not your doing, and nothing you typed was kept. Please try again in a moment."
        ),
    ),
    503: Problem(
        title=_("We are not ready yet"),
        advice=_("The directory is being prepared. Please try again in a minute."),
    ),
}

# What the desk says in other words; it is in English, so these are no messages.
DESK_PROBLEMS = {
    404: Problem(
        title="There is nothing here",
        advice="The address may be mistyped, or what it named is gone.",
    ),
    405: Problem(
        title="This address works in another way",
        advice="It takes what a form sends. Please start from the page that has the form.",
    ),
    413: Problem(
        title="That is more than can be taken at once",
        advice="Nothing was saved. Go back in your browser to what you typed, and send less of"
        " it at a time.",
    ),
    500: Problem(
        title="Something went wrong on our side",
        advice="It may not have been saved. Please look before you send it once more.",
    ),
}

# How the domain's errors are told over HTTP; the most particular class comes first.
_STATUS = {
    errors.NotFound: 404,
    errors.InvalidProfile: 422,
    errors.EditConflict: 409,
    errors.RateLimited: 429,
    errors.IndexNotReady: 503,
}


def init_app(app: Flask) -> None:
    """Answer every HTTP and domain error in the form that its reader can use."""
    app.register_error_handler(HTTPException, _http_error)
    for kind in _STATUS:
        app.register_error_handler(kind, _domain_error)


def error_json(status: int, message: str, *, field: str = "") -> Response:
    """The API's one error shape: `{"error": {"code", "message", "field"}}`."""
    code = HTTPStatus(status).phrase.lower().replace(" ", "_")
    error = {"code": code, "message": message, "field": field or None}
    return make_response(jsonify({"error": error}), status)


def _http_error(error: HTTPException) -> Response:
    status = error.code or 500
    if error.response is not None or status < 400:
        return make_response(error.get_response())
    response = _answer(status)
    for name, value in error.get_headers():
        if name in {"Allow", "Retry-After"}:
            response.headers[name] = value
    return response


def status_of(error: errors.RecommenderError) -> int:
    """How an error of the domain is told over HTTP."""
    return next((code for kind, code in _STATUS.items() if isinstance(error, kind)), 500)


def describe(status: int) -> Problem:
    """What a person reads about a status."""
    return PROBLEMS.get(status) or PROBLEMS[400 if status < 500 else 500]


def _domain_error(error: errors.RecommenderError) -> Response:
    response = _answer(status_of(error), field=getattr(error, "field", ""))
    if isinstance(error, errors.RateLimited):
        response.headers["Retry-After"] = str(error.retry_after_s)
    return response


def _answer(status: int, *, field: str = "") -> Response:
    problem = describe(status)
    if request.path.startswith("/api/"):
        return error_json(status, str(problem.title), field=field)
    if auth.current_staff():
        return _desk_page(status, problem)
    page = render_template("errors/page.html", status=status, problem=problem)
    return make_response(page, status)


def _desk_page(status: int, problem: Problem) -> Response:
    """What somebody at the desk reads; what they typed comes back where we have failed."""
    problem = DESK_PROBLEMS.get(status, problem)
    typed = kept.read_typed(auth.CSRF_FIELD) if status >= 500 and request.method == "POST" else None
    if typed is not None:
        return kept.show_again(typed, problem.title, status)
    return auth.refusal(problem.title, problem.advice, status)
