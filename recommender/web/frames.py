"""How a partner's page asks for a widget: what it is about, where, and how it looks."""

from __future__ import annotations

import re
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from enum import StrEnum
from typing import Any, TypeVar

from recommender.errors import InvalidProfile
from recommender.models import (
    ColorScheme,
    DonorProfile,
    Filters,
    Guide,
    Look,
    Partner,
    Place,
    Tag,
    WidgetFont,
    WidgetSize,
)
from recommender.store.library import list_guides
from recommender.store.partners import MAX_PLACE, MAX_RADIUS_PX, TOPIC_KINDS
from recommender.web import get_gazetteer, read_catalog
from recommender.web.answers import plain
from recommender.web.forms import parse_place
from recommender.web.i18n import current_language, url
from recommender.web.vocabulary import get_vocabulary

CHIPS = (
    "legal-services",
    "asylum-support",
    "refugee-resettlement",
    "housing-shelter",
    "english-classes",
    "policy-advocacy",
)
"""The kinds of help that the small form offers."""

Choice = TypeVar("Choice", bound=StrEnum)


@dataclass(frozen=True, kw_only=True)
class Option:
    """Something that a page may say about its widget.

    `read` gives what a value means, or None where it means nothing. `values` are all that
    there are, where those are few; the others are told from their `sample`.
    """

    name: str
    read: Callable[[str], Any]
    values: tuple[str, ...] = ()
    sample: str = ""


@dataclass(frozen=True, kw_only=True)
class Topic:
    """What a widget is about; `fields` ask a form of ours at `action` for all there is on it."""

    slug: str
    label: str
    profile: DonorProfile
    action: str
    fields: tuple[tuple[str, str], ...] = ()


@dataclass(frozen=True, kw_only=True)
class Frame:
    """A widget as one page asks for it; `options` are the words of its address."""

    partner: Partner
    options: Mapping[str, str]
    look: Look
    topic: Topic | None
    place: Place | None

    @property
    def by_article(self) -> bool:
        """Whether the text of the page around it is to come."""
        return "context" in self.options


def read_frame(partner: Partner, given: Mapping[str, str]) -> Frame:
    """The widget of an address. What cannot be used there counts as left out.

    A page is not broken by a word that we no longer know.
    """
    options = {name: plain(given[name])[:MAX_PLACE] for name in OPTIONS if name in given}
    defaults = partner.defaults
    by_article = "context" in options
    return Frame(
        partner=partner,
        options=options,
        look=_read_look(options, defaults.look),
        topic=None if by_article else OPTIONS["topic"].read(options.get("topic", defaults.topic)),
        place=OPTIONS["place"].read(options.get("place", defaults.place)),
    )


def find_topic(slug: str) -> Topic | None:
    """A guide, or a tag for kinds of help, people or communities, as a widget's topic."""
    for guide in read_catalog(list_guides):
        if guide.slug == slug:
            return _of_guide(guide)
    vocabulary = get_vocabulary()
    tags = (tag for kind in TOPIC_KINDS for tag in vocabulary.of_kind(kind))
    return next((_of_tag(tag) for tag in tags if tag.slug == slug), None)


def list_topics() -> list[tuple[str, list[tuple[str, str]]]]:
    """What a widget can be about, as (slug, label): the guides, then each kind of tag."""
    language, vocabulary = current_language(), get_vocabulary()
    guides = [(guide.slug, guide.title(language)) for guide in read_catalog(list_guides)]
    return [("guides", guides)] + [
        (kind.value, [(tag.slug, tag.label(language)) for tag in vocabulary.of_kind(kind)])
        for kind in TOPIC_KINDS
    ]


def _of_guide(guide: Guide) -> Topic:
    language = current_language()
    return Topic(
        slug=guide.slug,
        label=guide.title(language),
        profile=DonorProfile(text=guide.query(language), language=language),
        action=url("learn.topic_near", slug=guide.slug),
    )


def _of_tag(tag: Tag) -> Topic:
    language, asked = current_language(), {str(tag.kind): (tag.slug,)}
    return Topic(
        slug=tag.slug,
        label=tag.label(language),
        # Under a heading that names the topic, a group next door with other work is out of place.
        profile=DonorProfile(language=language, filters=Filters(**asked), **asked),  # type: ignore[arg-type]
        action=url("donor.match"),
        fields=((tag.kind, tag.slug),),
    )


def _read_look(given: Mapping[str, str], default: Look) -> Look:
    def value(name: str, otherwise: Any) -> Any:
        found = OPTIONS[name].read(given.get(name, ""))
        return otherwise if found is None else found

    return Look(
        size=value("size", default.size),
        scheme=value("theme", default.scheme),
        font=value("font", default.font),
        accent=value("accent", default.accent),
        radius_px=value("radius", default.radius_px),
    )


# --- What a page may say -----------------------------------------------------------------


def _find_place(typed: str) -> Place | None:
    try:
        return parse_place(typed, get_gazetteer())
    except InvalidProfile:
        return None


def _read_accent(given: str) -> str | None:
    accent = given.lower().removeprefix("#")
    return f"#{accent}" if re.fullmatch("[0-9a-f]{6}", accent) else None


def _read_radius(given: str) -> int | None:
    return min(int(given), MAX_RADIUS_PX) if re.fullmatch("[0-9]{1,3}", given) else None


def _one_of(name: str, kind: type[Choice]) -> Option:
    def read(given: str) -> Choice | None:
        return next((choice for choice in kind if choice.value == given), None)

    return Option(name=name, read=read, values=tuple(kind))


_TABLE = (
    Option(name="topic", read=find_topic, sample="legal-services"),
    Option(name="place", read=_find_place, sample="Houston, TX"),
    _one_of("size", WidgetSize),
    _one_of("theme", ColorScheme),
    _one_of("font", WidgetFont),
    Option(name="accent", read=_read_accent, sample="#884400"),
    Option(name="radius", read=_read_radius, sample=f"{MAX_RADIUS_PX}"),
    # The page's own loader makes something of it; to the frame it only says that a text comes.
    Option(name="context", read=str, sample="auto"),
)
OPTIONS = {option.name: option for option in _TABLE}
"""What an address of a frame may say; the loader has attributes of the same names."""
