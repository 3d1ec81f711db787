"""The code with which a page shows a widget, ready to be copied."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

from markupsafe import Markup

from recommender.geo import STATES
from recommender.models import Language, Look, Place, WidgetSize
from recommender.web.addresses import absolute_url, origin
from recommender.web.frames import OPTIONS, Topic
from recommender.web.headers import SANDBOX
from recommender.web.i18n import gettext as _
from recommender.web.i18n import speaking, url
from recommender.web.loader import integrity
from recommender.web.sharing.subjects import TOPIC, Subject

NO_KEY = "YOUR-KEY"
"""What stands where a partner's key belongs."""
_SCRIPT = Markup('<script async referrerpolicy="no-referrer" src="{}"{}></script>')
_PINNED = Markup(' integrity="{}" crossorigin="anonymous" data-partner="{}"')
# What a frame takes at 360 px, where nothing can make it fit; by the size of a topic's widget.
_ASKED_PX = 640
_TOPIC_PX = {WidgetSize.SMALL: 900, WidgetSize.MEDIUM: 1150, WidgetSize.LARGE: 1650}


@dataclass(frozen=True, kw_only=True)
class Widget:
    """A widget for a page, by the options that are said there."""

    key: str
    language: Language
    options: Mapping[str, str]
    topic: Topic | None = None
    place: Place | None = None

    @property
    def attributes(self) -> dict[str, str]:
        """What the loader's attributes say."""
        return {"partner": self.key, "lang": self.language.value, **self.options}

    @property
    def frame_options(self) -> dict[str, str]:
        """What a frame without a script can do; it reads no article."""
        return {name: value for name, value in self.options.items() if name != "context"}

    @property
    def height_px(self) -> int:
        """Enough for most frames in a narrow column."""
        size = WidgetSize(self.options.get("size", Look().size))
        return _TOPIC_PX[size] if self.topic else _ASKED_PX


def make_widget(key: str, language: Language, options: Mapping[str, str]) -> Widget:
    """A widget of these options; what means nothing is left out."""
    with speaking(language):
        meanings = {name: OPTIONS[name].read(value) for name, value in options.items()}
    return Widget(
        key=key,
        language=language,
        options={name: options[name] for name, what in meanings.items() if what is not None},
        topic=meanings.get("topic"),
        place=meanings.get("place"),
    )


def script_code(widget: Widget) -> Markup:
    """The one line, and the plain link that stands there without it."""
    pairs = widget.attributes.items()
    attributes = Markup("").join(Markup(' data-{}="{}"').format(*pair) for pair in pairs)
    return _SCRIPT.format(_loader_url(), attributes) + "\n" + link_code(widget)


def element_code(widget: Widget) -> Markup:
    """The same with an element of its own, for pages that are built by scripts."""
    pairs = widget.attributes.items()
    attributes = Markup(" ").join(Markup('{}="{}"').format(*pair) for pair in pairs)
    element = Markup("<waymark-matches {}>\n  {}\n</waymark-matches>").format(
        attributes, link_code(widget)
    )
    return element + "\n" + _SCRIPT.format(_loader_url(), "")


def frame_code(widget: Widget) -> Markup:
    """The frame itself, for sites that let no script in."""
    with speaking(widget.language):
        title = _("Nonprofits, by Waymark")
    address = absolute_url(widget.language, "widget.shell", key=widget.key, **widget.frame_options)
    return Markup(
        '<iframe src="{}" title="{}" width="100%" height="{}" frameborder="0" loading="lazy" '
        'referrerpolicy="no-referrer" sandbox="{}"></iframe>'
    ).format(address, title, widget.height_px, SANDBOX)


def link_code(widget: Widget) -> Markup:
    """The plain link to what the widget would show."""
    with speaking(widget.language):
        if widget.topic:
            words = _("%(topic)s: nonprofits on Waymark", topic=widget.topic.label)
        else:
            words = _("Find nonprofits for immigrants and refugees on Waymark")
    home = absolute_url(widget.language, "donor.home")
    return Markup('<a href="{}">{}</a>').format(card_address(widget) or home, words)


def card_address(widget: Widget) -> str:
    """The page on the topic, which oEmbed makes a card of; empty where there is no topic."""
    if widget.topic is None:
        return ""
    if not widget.topic.fields:
        return Subject(kind=TOPIC, slug=widget.topic.slug).url(widget.language)
    state = widget.place.state if widget.place and widget.place.state in STATES else ""
    kind, slug = widget.topic.fields[0]
    return Subject(kind=str(kind), slug=slug, state=state).url(widget.language)


def _loader_url() -> str:
    return origin() + url("loader.newest")


def pinned_code(version: str, key: str = NO_KEY) -> Markup:
    """The script of one exact version, which a browser checks before it runs it."""
    address = origin() + url("loader.exact", version=version)
    return _SCRIPT.format(address, _PINNED.format(integrity(version), key))
