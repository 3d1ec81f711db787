"""Cards that any site may frame: public facts and links, the same for every reader.

Our pages can be framed by nobody, because a frame over a form can be made to catch what is
typed. A card has no form, no script and nothing of a reader, so that there is nothing to
catch; its sandbox lets it open links and do nothing else.
"""

from __future__ import annotations

from flask import Blueprint, Response, make_response, render_template, request
from werkzeug.exceptions import HTTPException

from recommender.errors import NotFound
from recommender.web.addresses import absolute_url
from recommender.web.i18n import current_language
from recommender.web.problems import PROBLEMS
from recommender.web.sharing.subjects import NONPROFIT, describe, find_groups, name_subject
from recommender.web.standing import leave

bp = Blueprint("cards", __name__, url_prefix="/embed/card")


@bp.get("/<kind>/<slug>")
def card(kind: str, slug: str) -> Response:
    """A page of this site as a card."""
    subject = name_subject(kind, slug)
    try:
        shared = describe(subject)
    except NotFound:
        if subject.kind == NONPROFIT:
            leave(subject.slug)
        raise
    groups = [
        (group, absolute_url(current_language(), "directory.profile", slug=group.slug))
        for group in find_groups(subject)
    ]
    response = make_response(render_template("sharing/card.html", shared=shared, groups=groups))
    response.add_etag()
    return make_response(response.make_conditional(request))


@bp.errorhandler(NotFound)
def _missing(_error: NotFound) -> Response:
    return _refusal(404)


@bp.errorhandler(HTTPException)
def _refused(error: HTTPException) -> Response:
    if error.response is not None:
        return make_response(error.get_response())
    return _refusal(error.code or 500)


def _refusal(status: int) -> Response:
    """A card that says why there is none: a page of the site would not show in a frame."""
    page = render_template("sharing/no-card.html", problem=PROBLEMS.get(status, PROBLEMS[404]))
    return make_response(page, status)
