"""The desk's partners: which sites show our widget, how, and how often it was seen there."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass, replace
from datetime import UTC, date, datetime, timedelta
from enum import StrEnum
from typing import Any

from flask import Blueprint, Response, make_response, redirect, render_template, request, url_for
from werkzeug.wrappers import Response as AnyResponse

from recommender.errors import (
    EditConflict,
    InvalidAction,
    InvalidPartner,
    InvalidProfile,
    UnknownPlace,
)
from recommender.models import (
    ColorScheme,
    CountKind,
    Language,
    Look,
    Partner,
    PartnerDraft,
    WidgetDefaults,
    WidgetFont,
    WidgetSize,
)
from recommender.store.accounts import Role
from recommender.store.origins import parse_origin
from recommender.store.partners import (
    MAX_RADIUS_PX,
    MIN_SHOWN,
    EventKind,
    PartnerEvent,
    Shown,
    check_defaults,
    create_partner,
    find_version,
    get_partner,
    has_topic,
    list_counts,
    list_counts_of_week,
    list_events,
    list_partners,
    rotate_key,
    set_paused,
    update_partner,
    week_of,
)
from recommender.web import get_db, get_gazetteer
from recommender.web.answers import unknown_place
from recommender.web.auth import current_session, require
from recommender.web.desk.asked import read_number
from recommender.web.desk.charts import Histogram, draw_weeks
from recommender.web.desk.labels import KINDS, LANGUAGES
from recommender.web.desk.refusals import refuse_errors
from recommender.web.forms import parse_place
from recommender.web.frames import find_topic, list_topics
from recommender.web.headers import SANDBOX, SHOWCASE
from recommender.web.i18n import SPANISH_PREFIX
from recommender.web.loader import host_policy, list_versions
from recommender.web.snippets import frame_code, make_widget, pinned_code, script_code
from recommender.web.widget import PREVIEW

bp = Blueprint("staff_partners", __name__, url_prefix="/staff/partners")
refuse_errors(bp)

MAX_TYPED = 6_000
WEEKS_DRAWN = 8
WEEKS_TOLD = 26
COUNTS = {CountKind.VIEW: "Views", CountKind.OPEN: "Opens", CountKind.CLICK: "Click-outs"}
EVENTS = {
    EventKind.ADD: "Added",
    EventKind.CHANGE: "Changed",
    EventKind.PAUSE: "Paused",
    EventKind.RESUME: "Resumed",
    EventKind.ROTATE: "Given a new key",
}
FIELDS = {
    "name": "Name",
    "key": "Key",
    "origins": "Sites",
    "topic": "Topic",
    "place": "Place",
    "language": "Language",
    "size": "Size",
    "scheme": "Theme",
    "font": "Typeface",
    "accent": "Accent",
    "radius_px": "Rounding",
}
SIZES = {size: f"{size.value.capitalize()}: {size.n_matches} groups" for size in WidgetSize}
SCHEMES = {
    ColorScheme.AUTO: "As the reader prefers",
    ColorScheme.LIGHT: "Light",
    ColorScheme.DARK: "Dark",
}
FONTS = {
    WidgetFont.SYSTEM: "The system's own",
    WidgetFont.SANS: "Sans serif",
    WidgetFont.SERIF: "Serif",
}
DONE = {
    "added": "The partner is added. Below is the code for its pages.",
    "changed": "Your changes are saved, and hold from now on.",
    "paused": "The widgets are paused. On the partner's pages the plain link shows instead.",
    "resumed": "The widgets show again.",
    "rotated": "There is a new key, and the old one is unknown from now on. Please send the partner"
    " the new code below.",
}


@dataclass(frozen=True, kw_only=True)
class Form:
    """The form as it is shown; `version` is the last event that it takes into account.

    `meanwhile` is what others have done since it was opened.
    """

    typed: Mapping[str, str]
    errors: Mapping[str, str]
    version: int = 0
    meanwhile: tuple[PartnerEvent, ...] = ()

    @property
    def status(self) -> int:
        """Of the answer that shows it."""
        if self.meanwhile:
            return 409
        return 422 if self.errors else 200


@dataclass(frozen=True, kw_only=True)
class Week:
    """The counts of a week, by its Monday."""

    monday: date
    counts: Shown


# --- Pages -------------------------------------------------------------------------------


@bp.get("")
@require(Role.EDITOR)
def index() -> str:
    """All partners, with this week's counts."""
    week = week_of(datetime.now(UTC).date())
    return render_template(
        "staff/partners.html",
        partners=list_partners(get_db()),
        counts=list_counts_of_week(get_db(), week),
        kinds=COUNTS,
        may_change=_may_change(),
        say_count=say_count,
    )


@bp.get("/<int:number>")
@require(Role.EDITOR)
def show(number: int) -> Response:
    """A partner: its code, its counts and its history."""
    partner = get_partner(get_db(), number)
    defaults = partner.defaults
    weeks = list_weeks(list_counts(get_db(), number), datetime.now(UTC).date())
    page = render_template(
        "staff/partner.html",
        partner=partner,
        topic=find_topic(defaults.topic),
        codes=_list_codes(partner),
        preview=_preview_address(defaults),
        sandbox=SANDBOX,
        weeks=weeks,
        pictures=draw_counts(weeks),
        history=list_events(get_db(), number),
        done=DONE.get(request.args.get("done", "")),
        may_change=_may_change(),
        say_count=say_count,
        **_words(),
    )
    return make_response(page, SHOWCASE)


@bp.route("/new", methods=["GET", "POST"])
@require(Role.ADMIN)
def new() -> AnyResponse:
    """Add a partner."""
    if request.method == "GET":
        # A message of theirs may have said both already.
        site = request.args.get("origins", "")[:MAX_TYPED]
        usual = Partner(
            id=0,
            key="",
            name=request.args.get("name", "")[:MAX_TYPED],
            origins=(site,) if site else (),
            defaults=WidgetDefaults(),
            is_paused=False,
            created_at="",
        )
        return _form_page(Form(typed=show_form(usual), errors={}))
    form, draft = _read_form()
    if draft is not None:
        try:
            partner = create_partner(get_db(), draft, by=_me())
        except InvalidPartner as error:
            form = replace(form, errors={error.field: str(error)})
        else:
            return _go_to(partner.id, "added")
    return _form_page(form)


@bp.route("/<int:number>/edit", methods=["GET", "POST"])
@require(Role.ADMIN)
def edit(number: int) -> AnyResponse:
    """Change what was decided about a partner."""
    partner = get_partner(get_db(), number)
    version = find_version(get_db(), number)
    if request.method == "GET":
        return _form_page(Form(typed=show_form(partner), errors={}, version=version), partner)
    form, draft = _read_form()
    if draft is not None:
        try:
            # No number is less than every event's.
            update_partner(get_db(), number, draft, by=_me(), expected=form.version or -1)
        except InvalidPartner as error:
            form = replace(form, errors={error.field: str(error)})
        except EditConflict:
            events = list_events(get_db(), number)
            unseen = tuple(event for event in events if event.id > form.version)
            form = replace(form, version=events[0].id, meanwhile=unseen)
        else:
            return _go_to(number, "changed")
    return _form_page(form, partner)


# --- Actions -----------------------------------------------------------------------------


@bp.post("/<int:number>/pause")
@require(Role.ADMIN)
def pause(number: int) -> AnyResponse:
    """Let the plain link stand for a partner's widgets."""
    set_paused(get_db(), number, True, by=_me())
    return _go_to(number, "paused")


@bp.post("/<int:number>/resume")
@require(Role.ADMIN)
def resume(number: int) -> AnyResponse:
    """Show a partner's widgets again."""
    set_paused(get_db(), number, False, by=_me())
    return _go_to(number, "resumed")


@bp.post("/<int:number>/key")
@require(Role.ADMIN)
def rotate(number: int) -> AnyResponse:
    """Give a partner a new key."""
    if request.form.get("confirm") != "yes":
        raise InvalidAction("Please confirm that every page with the old code may lose its widget.")
    rotate_key(get_db(), number, by=_me())
    return _go_to(number, "rotated")


def _go_to(number: int, done: str) -> AnyResponse:
    return redirect(url_for(".show", number=number, done=done), 303)


def _me() -> int:
    return current_session().account.id


def _may_change() -> bool:
    return current_session().account.role.covers(Role.ADMIN)


# --- What stands on a partner's page -----------------------------------------------------


def say_count(count: int | None) -> str:
    """A count, or that it is too small to be shown."""
    return f"under {MIN_SHOWN}" if count is None else f"{count:,}"


def list_weeks(counts: Mapping[str, Shown], today: date) -> list[Week]:
    """The weeks from the first with counts until this one, newest first, half a year at most.

    A week without any is as one with few.
    """
    monday = today - timedelta(days=today.weekday())
    weeks = []
    for back in range(WEEKS_TOLD):
        day = monday - timedelta(weeks=back)
        if not counts or week_of(day) < min(counts):
            break
        of_week = counts.get(week_of(day), dict.fromkeys(CountKind))
        weeks.append(Week(monday=day, counts=of_week))
    return weeks


def draw_counts(weeks: list[Week]) -> dict[CountKind, Histogram]:
    """A picture of the newest weeks for each kind of count, each in its own scale."""
    drawn = weeks[:WEEKS_DRAWN][::-1]
    return {
        kind: draw_weeks(
            [(f"{week.monday:%b} {week.monday.day}", week.counts[kind]) for week in drawn]
        )
        for kind in CountKind
    }


def _list_codes(partner: Partner) -> list[tuple[str, str, str, str]]:
    """What a partner copies, as (id, label, hint, code)."""
    defaults = partner.defaults
    given = {"topic": defaults.topic, "place": defaults.place}
    named = make_widget(partner.key, defaults.language, given)
    # They decide where the plain link leads; the frame itself knows what is usual.
    widget = replace(named, options={})
    return [
        (
            "code-script",
            "Script with its link",
            "It goes where the widget is to stand. The link shows until then, and where no"
            " script runs.",
            script_code(widget),
        ),
        (
            "code-exact",
            "The script in one exact version",
            "Instead of the first line. The browser checks its digest (SRI). It never changes,"
            " and gets no improvements.",
            pinned_code(list_versions()[-1], partner.key),
        ),
        (
            "code-frame",
            "Frame alone",
            "For sites that allow no scripts of others. Its height is fixed.",
            frame_code(widget),
        ),
        (
            "code-policy",
            "Content security policy",
            "What the site's own policy must allow besides what it has.",
            host_policy(),
        ),
    ]


def _preview_address(defaults: WidgetDefaults) -> str:
    """The frame as the partner has it, under a key of ours, so that nothing is counted."""
    prefix = SPANISH_PREFIX if defaults.language is Language.ES else ""
    look = defaults.look
    given = {
        "topic": defaults.topic,
        "place": defaults.place,
        "size": look.size.value,
        "theme": look.scheme.value,
        "font": look.font.value,
        "accent": look.accent,
        "radius": str(look.radius_px),
    }
    values: dict[str, Any] = {name: value for name, value in given.items() if value}
    return url_for(f"{prefix}widget.shell", key=PREVIEW, **values)


# --- The form ----------------------------------------------------------------------------


def show_form(partner: Partner) -> dict[str, str]:
    """A partner as the form shows it."""
    defaults, look = partner.defaults, partner.defaults.look
    return {
        "name": partner.name,
        "origins": "\n".join(partner.origins),
        "topic": defaults.topic,
        "place": defaults.place,
        "language": defaults.language.value,
        "size": look.size.value,
        "scheme": look.scheme.value,
        "font": look.font.value,
        "accent": look.accent,
        "radius_px": str(look.radius_px),
    }


def _read_form() -> tuple[Form, PartnerDraft | None]:
    """The form as it was sent, and what it asks for if all of it can be read."""
    typed = {
        name: request.form.get(name, "").replace("\r\n", "\n").replace("\0", "")[:MAX_TYPED]
        for name in READERS
    }
    values: dict[str, Any] = {}
    errors: dict[str, str] = {}
    for name, read in READERS.items():
        try:
            values[name] = read(typed[name])
        except InvalidPartner as error:
            errors[name] = str(error)
    version = read_number(request.form.get("expected", ""))
    form = Form(typed=typed, errors=errors, version=version)
    return form, None if errors else make_draft(values)


def make_draft(values: Mapping[str, Any]) -> PartnerDraft:
    """What staff have decided, from what was read of each field."""
    look = {name: values[name] for name in ("size", "scheme", "font", "accent", "radius_px")}
    defaults = {name: values[name] for name in ("topic", "place", "language")}
    return PartnerDraft(
        name=values["name"],
        origins=values["origins"],
        defaults=WidgetDefaults(**defaults, look=Look(**look)),
    )


def read_origins(text: str) -> tuple[str, ...]:
    """The sites that were typed, one in a line.

    Raises:
        InvalidPartner: there is none, or some cannot be used; the message says which and why.
    """
    origins, wrong = [], []
    for number, line in enumerate(text.split("\n"), start=1):
        try:
            if line.strip():
                origins.append(parse_origin(line))
        except InvalidPartner as error:
            wrong.append(f"Line {number}: {error}")
    if wrong:
        raise InvalidPartner(" ".join(wrong))
    if not origins:
        raise InvalidPartner("Please name at least one site.")
    return tuple(origins)


def _read_name(text: str) -> str:
    if not text.strip():
        raise InvalidPartner("Please give the name.")
    return text.strip()


def _read_topic(text: str) -> str:
    if text and not has_topic(get_db(), text):
        raise InvalidPartner("There is no such topic. Please choose again.")
    return text


def _read_place(text: str) -> str:
    try:
        parse_place(text, get_gazetteer())
    except UnknownPlace as error:
        named = f" ({'; '.join(error.suggestions)})" if error.suggestions else ""
        raise InvalidPartner(unknown_place(error, text).sentence + named) from error
    except InvalidProfile as error:
        raise InvalidPartner(str(error)) from error
    return check_defaults(WidgetDefaults(place=text.strip())).place


def _read_accent(text: str) -> str:
    digits = text.strip().lower().removeprefix("#")
    accent = f"#{digits}" if digits else ""
    return check_defaults(WidgetDefaults(look=Look(accent=accent))).look.accent


def _read_radius(text: str) -> int:
    plain = text.strip() or "0"
    radius = int(plain) if plain.isascii() and plain.isdigit() and len(plain) < 4 else -1
    return check_defaults(WidgetDefaults(look=Look(radius_px=radius))).look.radius_px


def _one_of(kind: type[StrEnum]) -> Callable[[str], StrEnum]:
    def read(text: str) -> StrEnum:
        if text not in set(kind):
            raise InvalidPartner("Please choose one of these.")
        return kind(text)

    return read


READERS: dict[str, Callable[[str], Any]] = {
    "name": _read_name,
    "origins": read_origins,
    "topic": _read_topic,
    "place": _read_place,
    "language": _one_of(Language),
    "size": _one_of(WidgetSize),
    "scheme": _one_of(ColorScheme),
    "font": _one_of(WidgetFont),
    "accent": _read_accent,
    "radius_px": _read_radius,
}
"""How each field of the form is read; they raise `InvalidPartner`."""


def _form_page(form: Form, partner: Partner | None = None) -> Response:
    page = render_template(
        "staff/partner_form.html",
        form=form,
        partner=partner,
        topics=_topic_groups(),
        max_radius=MAX_RADIUS_PX,
        **_words(),
    )
    return make_response(page, form.status)


def _topic_groups() -> list[tuple[str, list[tuple[str, str]]]]:
    names = {"guides": "Topic guides"} | {kind.value: words for kind, words in KINDS.items()}
    return [(names[kind], choices) for kind, choices in list_topics()]


def _words() -> dict[str, Any]:
    return {
        "kinds": COUNTS,
        "events": EVENTS,
        "fields": FIELDS,
        "languages": LANGUAGES,
        "sizes": SIZES,
        "schemes": SCHEMES,
        "fonts": FONTS,
    }
