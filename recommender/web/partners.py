"""Pages for sites that would like to show our widget: what it is, its code, how it behaves.

The builder's address says what a partner has chosen for a site, and nothing about a reader,
so that it may be legible, kept and sent on.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from urllib.parse import urlencode

from flask import Blueprint, Response, make_response, render_template, request
from markupsafe import Markup

from recommender.models import Language, Look, Resource, WidgetSize
from recommender.store.library import list_resources
from recommender.store.partners import MAX_ORIGINS, MAX_RADIUS_PX, MIN_SHOWN
from recommender.web import get_settings, read_catalog
from recommender.web.addresses import origin
from recommender.web.answers import Problem, plain
from recommender.web.api.docs import code_spans, find_samples
from recommender.web.frames import CHIPS, OPTIONS, Option, list_topics
from recommender.web.headers import SHOWCASE, STAGE
from recommender.web.i18n import current_language, lazy_gettext, speaking, url
from recommender.web.i18n import gettext as _
from recommender.web.loader import host_policy, list_versions
from recommender.web.snippets import (
    NO_KEY,
    Widget,
    card_address,
    element_code,
    frame_code,
    make_widget,
    pinned_code,
    script_code,
)
from recommender.web.widget import (
    KEPT_S,
    MAX_ARTICLE,
    MAX_QUESTIONS,
    PREVIEW,
    WINDOW_S,
    read_place,
)

MAX_KEY = 40
RADII_PX = (0, 4, 8, 12, 16, MAX_RADIUS_PX)
SAMPLE = "sanctuary-cities-hold-their-ground"
"""The piece that the test page shows as its article, while it is in the library."""

ARTICLE, ONE_TOPIC, ASKED = "article", "topic", "asked"
RELEASES = {"1.0.0": lazy_gettext("The first version.")}
"""What each version of the loader brought, the newest first."""
MEANINGS = {
    "partner": lazy_gettext("Your key. It is no secret: it stands in your page for all to see."),
    "context": lazy_gettext(
        "Matches for the article around the widget. Write `auto` to let the loader find it, or "
        "a CSS selector that says where it is, such as `#story`."
    ),
    "topic": lazy_gettext(
        "Matches for one topic, by its name in the list below. Without `topic` and "
        "`context`, the reader is asked."
    ),
    "place": lazy_gettext(
        "Where to look, until the reader says where they are: a city and state, a state, or a "
        "ZIP code. With `context`, the place that the article speaks of goes before it."
    ),
    "lang": lazy_gettext(
        "English (`en`) or Spanish (`es`). Not given, it is the language of your page: the nearest "
        "`lang` attribute around the widget."
    ),
    "size": lazy_gettext("How many groups are shown at once: two, three or five."),
    "theme": lazy_gettext("Light or dark, or whichever the reader’s device is set to."),
    "font": lazy_gettext(
        "The system’s own typeface, which needs no download, or one of ours, with or without "
        "serifs."
    ),
    "accent": lazy_gettext(
        "A color for buttons and links, as # and six digits. Where words in it would be hard to "
        "read, a darker or lighter shade is used for them."
    ),
    "radius": lazy_gettext("How round corners are, in pixels."),
}
"""What each attribute of the widget is for."""

bp = Blueprint("partners", __name__, url_prefix="/partners")


@dataclass(frozen=True, kw_only=True)
class Wanted:
    """The builder's form as it was filled in."""

    about: str = ONE_TOPIC
    topic: str = CHIPS[0]
    place: str = ""
    language: str = Language.EN.value
    size: str = Look().size.value
    theme: str = Look().scheme.value
    font: str = Look().font.value
    accent: str = ""
    radius: str = f"{Look().radius_px}"
    key: str = ""


# --- Views -------------------------------------------------------------------------------


@bp.get("")
def index() -> Response:
    """What the widget is, and how to become a partner."""
    options = {"topic": CHIPS[0], "place": "Houston, TX", "size": WidgetSize.SMALL.value}
    example = make_widget(PREVIEW, current_language(), options)
    page = render_template("partners/index.html", example=frame_code(example))
    return make_response(page, SHOWCASE)


@bp.get("/builder")
def builder() -> Response:
    """A form, the widget that it describes, and the code for it."""
    wanted = _read(request.args)
    widget, problems = _check(wanted)
    page = render_template(
        "partners/builder.html",
        wanted=wanted,
        problems={problem.field: problem for problem in problems},
        errors=[(problem.field, problem.sentence) for problem in problems],
        topics=list_topics(),
        radii=[(str(px), f"{px} px") for px in RADII_PX],
        stage=_stage_url(widget),
        codes=_codes(widget),
        widget=widget,
        no_key=NO_KEY,
        provider=f"wp_oembed_add_provider( '{origin()}/*', '{origin()}/oembed' );",
    )
    return make_response(page, SHOWCASE)


@bp.get("/preview")
def preview() -> Response:
    """A page such as a partner's, with the widget on it; only the builder can frame it."""
    given = {name: plain(request.args[name]) for name in OPTIONS if name in request.args}
    widget = make_widget(PREVIEW, current_language(), given)
    page = render_template(
        "partners/preview.html",
        article=_sample_article(),
        widget=script_code(widget),
        frame=frame_code(widget),
    )
    return make_response(page, STAGE)


@bp.get("/docs")
def docs() -> str:
    """Everything that somebody needs to know who puts the widget on a site."""
    settings, versions = get_settings(), list_versions()
    return render_template(
        "partners/docs.html",
        attributes=_attributes(),
        topics=list_topics(),
        host=origin(),
        codes=_examples(),
        policy=host_policy(),
        pinned=pinned_code(versions[-1]),
        releases=RELEASES,
        limits={
            "article": MAX_ARTICLE,
            "questions": MAX_QUESTIONS,
            "minutes": WINDOW_S // 60,
            "kept_minutes": int(KEPT_S // 60),
            "shown": MIN_SHOWN,
            "origins": MAX_ORIGINS,
            "matches": settings.matches_per_minute,
            "reads": settings.reads_per_minute,
        },
        samples=find_samples("match"),
        oembed=_oembed_command(),
    )


# --- The form ----------------------------------------------------------------------------


def _read(given: Mapping[str, str]) -> Wanted:
    """The form, whatever the address says; what was never filled in is as it begins."""
    usual = replace(Wanted(), language=current_language().value)
    typed = {name: plain(given[name]).strip() for name in vars(usual) if name in given}
    place = plain(given.get("place_choice", "")) or typed.get("place", "")
    return replace(usual, **{**typed, "place": place})


def _check(wanted: Wanted) -> tuple[Widget, list[Problem]]:
    """The widget that was asked for, without what cannot be used, and what that is."""
    _place, problems = read_place(wanted.place)
    options = _options(wanted)
    key = wanted.key if _is_key(wanted.key) else NO_KEY
    widget = make_widget(key, _language(wanted.language), options)
    left_out = options.keys() - widget.options.keys() - {"place"}
    problems += [_complaint(name) for name in options if name in left_out]
    if wanted.key and key == NO_KEY:
        problems.append(Problem(field="key", sentence=_("A key has letters and digits only.")))
    return widget, problems


def _options(wanted: Wanted) -> dict[str, str]:
    """What the form says; what a widget is by itself need not be said."""
    usual = vars(Wanted())
    options = {name: value for name, value in vars(wanted).items() if name in OPTIONS}
    options = {name: value for name, value in options.items() if value != usual[name]}
    options.pop("topic", None)
    if wanted.about == ONE_TOPIC:
        return {"topic": wanted.topic, **options}
    return {"context": "auto", **options} if wanted.about == ARTICLE else options


def _complaint(name: str) -> Problem:
    sentences = {
        "topic": _("Please choose a topic from the list."),
        "accent": _("A color is written as # and six digits from 0 to 9 and a to f."),
        "radius": _("The corners are from 0 to %(n)s pixels round.", n=MAX_RADIUS_PX),
    }
    return Problem(field=name, sentence=sentences.get(name, _("Please choose one of these.")))


def _is_key(key: str) -> bool:
    return key.isascii() and key.isalnum() and len(key) <= MAX_KEY


def _language(code: str) -> Language:
    return next((known for known in Language if known.value == code), current_language())


def _codes(widget: Widget) -> dict[str, str]:
    """Everything that the builder gives out, by its name."""
    codes = {"script": str(script_code(widget)), "iframe": str(frame_code(widget))}
    card = card_address(widget)
    return {**codes, "oembed": card} if card else codes


def _stage_url(widget: Widget) -> str:
    with speaking(widget.language):
        address = url("partners.preview")
    return f"{address}?{urlencode(widget.options)}"


# --- The test page and the documentation -------------------------------------------------


def _sample_article() -> Resource | None:
    pieces: Sequence[Resource] = read_catalog(list_resources)
    return next((piece for piece in pieces if piece.slug == SAMPLE), next(iter(pieces), None))


def _attributes() -> list[tuple[Option, Markup]]:
    """Every attribute and what it is for: those of the frame, and the loader's own two."""
    own = {
        "partner": Option(name="partner", read=str, sample=NO_KEY),
        "lang": Option(name="lang", read=str, values=tuple(Language)),
    }
    table = {**OPTIONS, **own}
    return [(table[name], code_spans(meaning)) for name, meaning in MEANINGS.items()]


def _examples() -> dict[str, Markup]:
    """The ways to put the widget on a page, as the documentation shows them."""
    language = current_language()
    topic = {"topic": CHIPS[0], "place": "Houston, TX"}
    return {
        "script": script_code(make_widget(NO_KEY, language, topic)),
        "article": script_code(make_widget(NO_KEY, language, {"context": "auto"})),
        "element": element_code(make_widget(NO_KEY, language, topic)),
        "iframe": frame_code(make_widget(NO_KEY, language, topic)),
    }


def _oembed_command() -> str:
    card = card_address(make_widget(NO_KEY, current_language(), {"topic": CHIPS[0]}))
    return f"curl -s '{origin()}/oembed?{urlencode({'url': card})}'"
