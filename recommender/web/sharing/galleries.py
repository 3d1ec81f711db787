"""The pictures of shared pages, each at an address that names what it shows and how it looks."""

from __future__ import annotations

from flask import Blueprint, Response, redirect
from werkzeug.wrappers import Response as AnyResponse

from recommender.errors import NotFound
from recommender.web.addresses import absolute_url
from recommender.web.recent import Recent
from recommender.web.sharing.pictures import draw_picture
from recommender.web.sharing.subjects import (
    HOME,
    NONPROFIT,
    Shared,
    Subject,
    describe,
    name_subject,
)
from recommender.web.standing import leave

N_KEPT, KEPT_S = 64, 3600
# A picture never changes under its address. It is not kept for ever, because a group that was
# taken down should not look out of a cache for a year.
CACHE_CONTROL = "public, max-age=86400, immutable"

bp = Blueprint("pictures", __name__, url_prefix="/pictures")

_drawn: Recent[bytes] = Recent(most=N_KEPT, for_s=KEPT_S)


@bp.get("/<kind>/<name>-<string(length=12):digest>.png")
def picture(kind: str, name: str, digest: str) -> AnyResponse:
    """A picture; the address of an earlier one leads to that of today."""
    subject = Subject(kind=HOME) if kind == HOME else name_subject(kind, name)
    try:
        shared = describe(subject)
    except NotFound:
        if subject.kind == NONPROFIT:
            leave(subject.slug)
        raise
    if digest != shared.words.digest:
        away = redirect(picture_url(shared), 302)
        away.headers["Cache-Control"] = "no-cache"
        return away
    content = _drawn.get(shared.words)
    if content is None:
        content = draw_picture(shared.words)
        _drawn.put(shared.words, content)
    response = Response(content, content_type="image/png")
    response.headers["Cache-Control"] = CACHE_CONTROL
    return response


def picture_url(shared: Shared) -> str:
    """The whole address of a page's picture."""
    subject = shared.subject
    return absolute_url(
        shared.language,
        "pictures.picture",
        kind=subject.kind,
        name=subject.name or HOME,
        digest=shared.words.digest,
    )
