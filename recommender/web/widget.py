"""The frame that partners show on their own pages: a small form, or matches with reasons.

What a reader types is posted and sealed into an address, as on the site itself, and the text
of an article is posted by the frame's script; neither is kept. A frame without a topic holds
no listing and nothing of a reader, so that any cache may carry it for minutes. One with a
topic holds listings: browsers ask us each time, and only a cache that we put in front may
answer for `s-maxage` seconds, which is how long it can show what was withdrawn.
"""

from __future__ import annotations

import hashlib
from dataclasses import dataclass, replace
from functools import partial
from typing import cast

from flask import (
    Blueprint,
    Flask,
    Response,
    abort,
    current_app,
    make_response,
    redirect,
    render_template,
    request,
    url_for,
)
from werkzeug.exceptions import HTTPException
from werkzeug.wrappers import Response as AnyResponse

from recommender.errors import InvalidProfile, RecommenderError, UnknownPlace
from recommender.geo import find_places
from recommender.models import (
    CountKind,
    DonorProfile,
    Language,
    Partner,
    Place,
    PlaceKind,
    Recommendation,
    TagKind,
    WidgetDefaults,
)
from recommender.pipeline import recommend
from recommender.store.inbox import check_rate
from recommender.store.partners import find_partner
from recommender.web import get_db, get_excluded, get_gazetteer, get_index
from recommender.web.addresses import origin
from recommender.web.answers import (
    Answers,
    Problem,
    check_answers,
    open_answers,
    read_answers,
    seal_answers,
    unknown_place,
)
from recommender.web.forms import parse_place
from recommender.web.frames import CHIPS, Frame, read_frame
from recommender.web.headers import frame_policy, let_frame
from recommender.web.i18n import SPANISH_PREFIX, current_language, ngettext, url
from recommender.web.i18n import gettext as _
from recommender.web.listings import place_name
from recommender.web.problems import describe, status_of
from recommender.web.recent import Recent
from recommender.web.repeats import kept
from recommender.web.seal import InvalidSeal
from recommender.web.submissions import visitor_code
from recommender.web.tally import Tally
from recommender.web.vocabulary import get_vocabulary

MAX_ARTICLE = 20_000
MAX_QUESTIONS, WINDOW_S = 60, 600
"""How often a network may have something new matched, and within how many seconds."""
MAX_KEPT, KEPT_S = 256, 600.0
SHELL_CACHE = "public, max-age=300, stale-while-revalidate=300"
TOPIC_CACHE = "public, max-age=0, s-maxage=30"
PREVIEW = "preview"
"""The key of a widget that only pages of this site can frame; nothing of it is counted."""

EMPTY = Answers()

bp = Blueprint("widget", __name__, url_prefix="/embed")


@dataclass(frozen=True, kw_only=True)
class Shown:
    """Matches as a frame shows them.

    `about` is what they were matched to: "topic", "article" or "asked"; `more` is the address
    of all of them, empty where the topic's own form leads there.
    """

    found: Recommendation
    place: Place | None
    about: str
    more: str = ""

    @property
    def place_name(self) -> str:
        """The place as it is called in the current language."""
        return place_name(self.place)

    @property
    def whole_state(self) -> bool:
        """Whether the place is a state, to which no distance can be given."""
        return self.place is not None and self.place.kind is PlaceKind.STATE

    @property
    def is_empty(self) -> bool:
        """Whether nothing fits; slots are not filled with what does not."""
        return self.found.no_close_match or not self.found.matches


@dataclass(frozen=True, kw_only=True)
class Asked:
    """The form of a frame as it was filled in, and what in it needs another look."""

    answers: Answers = EMPTY
    problems: tuple[Problem, ...] = ()


def init_app(app: Flask) -> None:
    """Give the application its tally and its memory of articles."""
    app.extensions["tally"] = Tally(app.config["WAYMARK"].database)
    app.extensions["articles"] = Recent[Shown](most=MAX_KEPT, for_s=KEPT_S)


# --- Views -------------------------------------------------------------------------------


@bp.get("/<key>")
@kept
def shell(key: str) -> Response:
    """What the frame shows before its reader does anything: the topic's matches, or a form."""
    frame = _admit(key)
    asked = Asked(answers=Answers(place=frame.place.label if frame.place else ""))
    if frame.topic is None:
        return _cacheable(_page(frame, None, asked, CountKind.VIEW), SHELL_CACHE)
    shown = _of_topic(frame, frame.place)
    return _cacheable(_page(frame, shown, asked, CountKind.VIEW), TOPIC_CACHE)


@bp.post("/<key>")
def ask(key: str) -> AnyResponse:
    """Seal what was asked into an address of the frame, and go there."""
    frame = _admit(key)
    _limit()
    answers = _read_form()
    if frame.topic is None:
        profile, problems = check_answers(answers)
    else:
        place, problems = read_place(answers.place)
        profile = replace(frame.topic.profile, place=place or frame.place)
    if problems:
        shown = _of_topic(frame, frame.place) if frame.topic else None
        return _page(frame, shown, Asked(answers=answers, problems=tuple(problems)))
    sealed = seal_answers(profile)
    return redirect(url("widget.results", key=key, sealed=sealed, **frame.options), 303)


@bp.get("/<key>/<sealed>")
@kept
def results(key: str, sealed: str) -> Response:
    """The matches for what was asked, by an address that only we can read."""
    frame = _admit(key)
    profile = open_answers(sealed).record.profile
    asked = Asked(answers=Answers(place=profile.place.label if profile.place else ""))
    if frame.topic is not None:
        shown = _of_topic(frame, profile.place)
    else:
        more = url("donor.results", sealed=sealed)
        found = _find(profile, frame)
        shown = Shown(found=found, place=profile.place, about="asked", more=more)
    return _page(frame, shown, asked, CountKind.OPEN)


@bp.post("/<key>/article")
def article(key: str) -> Response:
    """Matches for the text of the page around the frame, which is forgotten at once.

    They are near the place that the reader typed, else that of which the text speaks, else
    the partner's own.
    """
    frame = _admit(key)
    answers = _read_form()
    place, problems = read_place(answers.place)
    asked = Asked(answers=replace(answers, text=""), problems=tuple(problems))
    text = answers.text[:MAX_ARTICLE]
    shown = _of_article(frame, text, place) if text.strip() else None
    return _page(frame, shown, asked)


@bp.post("/<key>/count")
def count(key: str) -> Response:
    """Add one to this week's count of a kind; who sent it is not looked at."""
    frame = _admit(key)
    kinds = [kind for kind in CountKind if kind.value == request.form.get("kind")]
    for kind in kinds:
        cast(Tally, current_app.extensions["tally"]).add(frame.partner.id, kind)
    return Response(status=204 if kinds else 422, content_type="text/plain")


@bp.after_request
def _let_script_read(response: Response) -> Response:
    """The frame has no origin, so that its own script is another site's to the browser."""
    if (request.endpoint or "").endswith(".article"):
        response.headers["Access-Control-Allow-Origin"] = "*"
    return response


# --- Who may frame it --------------------------------------------------------------------


def _admit(key: str) -> Frame:
    """The widget asked for, if its partner is there; from now on the partner may frame us."""
    partner = _preview() if key == PREVIEW else find_partner(get_db(), key)
    if partner is None or partner.is_paused:
        abort(make_response(render_template("widget/closed.html"), 404))
    let_frame(partner.origins)
    return read_frame(partner, request.args)


def _preview() -> Partner:
    return Partner(
        id=0,
        key=PREVIEW,
        name="Waymark",
        origins=(origin(),),
        defaults=WidgetDefaults(),
        is_paused=False,
        created_at="",
    )


def _limit() -> None:
    """Count a question against its sender's network.

    Raises:
        RateLimited: there were too many.
    """
    check_rate(get_db(), visitor_code("widget"), limit=MAX_QUESTIONS, window_s=WINDOW_S)


# --- Matches -----------------------------------------------------------------------------


def _find(profile: DonorProfile, frame: Frame) -> Recommendation:
    found = recommend(profile, get_index(), n=frame.look.size.n_matches, exclude=get_excluded())
    # Of words such as "I want to help" nothing is a reason for one group before another.
    found = replace(found, matches=tuple(match for match in found.matches if match.reasons))
    if profile.place is None or profile.place.kind is not PlaceKind.STATE:
        return found
    # A state has no middle to measure from.
    return replace(found, matches=tuple(replace(m, distance_km=None) for m in found.matches))


def _of_topic(frame: Frame, place: Place | None) -> Shown:
    assert frame.topic is not None
    profile = replace(frame.topic.profile, place=place)
    return Shown(found=_find(profile, frame), place=place, about="topic")


def _of_article(frame: Frame, text: str, place: Place | None) -> Shown:
    """Kept for a while where nothing in it is a reader's own: neither text nor place is stored."""
    language = _language_of_article()
    if place is not None:
        _limit()
        return _match_article(frame, text, DonorProfile(language=language, place=place))
    kept = cast(Recent[Shown], current_app.extensions["articles"])
    key = (
        hashlib.sha256(text.encode()).digest(),
        (language, current_language(), frame.look.size, frame.place),
        (get_index().generation, get_excluded()),
    )
    shown = kept.get(key)
    if shown is None:
        _limit()
        named = find_places(text, get_gazetteer())
        profile = DonorProfile(language=language, place=named[0] if named else frame.place)
        shown = _match_article(frame, text, profile)
        kept.put(key, shown)
    return shown


def _match_article(frame: Frame, text: str, profile: DonorProfile) -> Shown:
    profile = replace(profile, text=text)
    found = _find(profile, frame)
    more = url("donor.results", sealed=seal_answers(profile)) if not found.no_close_match else ""
    return Shown(found=found, place=profile.place, about="article", more=more)


def _language_of_article() -> Language:
    given = request.form.get("language", "")[:2].lower()
    return next((known for known in Language if known.value == given), current_language())


def _read_form() -> Answers:
    """What was filled in, of the few fields that a frame has."""
    given = read_answers(request.form)
    return Answers(text=given.text, services=given.services, place=given.place)


def read_place(typed: str) -> tuple[Place | None, list[Problem]]:
    """The place that was typed, and what is wrong with it."""
    try:
        return parse_place(typed, get_gazetteer()), []
    except UnknownPlace as error:
        return None, [unknown_place(error, typed)]
    except InvalidProfile as error:
        return None, [Problem(field="place", sentence=str(error))]


# --- Answers -----------------------------------------------------------------------------


def _page(
    frame: Frame, shown: Shown | None, asked: Asked, counted: CountKind | None = None
) -> Response:
    """The frame's page; `counted` is what its script counts when it is shown."""
    key, options = frame.partner.key, frame.options
    page = render_template(
        "widget/frame.html",
        frame=frame,
        shown=shown,
        answers=asked.answers,
        problems={problem.field: problem for problem in reversed(asked.problems)},
        errors=[(problem.field, problem.sentence) for problem in asked.problems],
        chips=_chips(),
        start=url("widget.shell", key=key, **options),
        reader=url("widget.article", key=key, **options) if frame.by_article else "",
        counter=url("widget.count", key=key),
        counted=counted,
        twin=partial(_twin, frame),
    )
    return make_response(page, 422 if asked.problems else 200)


def _twin(frame: Frame, language: Language) -> str:
    """This page in another language; what only a form leads to begins anew there."""
    endpoint, values = "widget.shell", {"key": frame.partner.key, **frame.options}
    if request.method == "GET":
        endpoint = (request.endpoint or "").removeprefix(SPANISH_PREFIX)
        values |= request.view_args or {}
    prefix = SPANISH_PREFIX if language is Language.ES else ""
    return url_for(prefix + endpoint, **values)  # type: ignore[arg-type]


def _chips() -> list[tuple[str, str]]:
    """The kinds of help that the form offers, as (slug, label)."""
    tags = {tag.slug: tag for tag in get_vocabulary().of_kind(TagKind.SERVICE)}
    language = current_language()
    return [(slug, tags[slug].label(language)) for slug in CHIPS if slug in tags]


def _cacheable(response: Response, control: str) -> Response:
    """An answer without anything of its reader; its ETag covers who may frame it as well."""
    response.headers["Cache-Control"] = control
    content = response.get_data() + frame_policy().encode()
    response.set_etag(hashlib.sha256(content).hexdigest()[:32])
    return make_response(response.make_conditional(request))


@bp.errorhandler(InvalidSeal)
def _too_late(_error: InvalidSeal) -> Response:
    sentence = _("These results can no longer be opened. Please ask once more.")
    frame = _admit((request.view_args or {})["key"])
    response = _page(frame, None, Asked(problems=(Problem(field="", sentence=sentence),)))
    response.status_code = 404
    return response


@bp.errorhandler(RecommenderError)
def _refused(error: RecommenderError) -> Response:
    return _problem(status_of(error), getattr(error, "retry_after_s", 0))


@bp.errorhandler(HTTPException)
def _failed(error: HTTPException) -> Response:
    if error.response is not None:
        return make_response(error.get_response())
    return _problem(error.code or 500)


def _problem(status: int, retry_after_s: int = 0) -> Response:
    """A small page that says what to do, for a frame that is on a page already."""
    minutes = -(-retry_after_s // 60)
    wait = ngettext(
        "You can try again in %(num)s minute.", "You can try again in %(num)s minutes.", minutes
    )
    page = render_template(
        "widget/problem.html", problem=describe(status), wait=wait if minutes else ""
    )
    response = make_response(page, status)
    if retry_after_s:
        response.headers["Retry-After"] = str(retry_after_s)
    return response
