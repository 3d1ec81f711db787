"""The code that a partner copies into its pages, in either of its two forms."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from urllib.parse import urlencode

from markupsafe import Markup

from recommender.models import Language
from recommender.web.addresses import absolute_url, origin
from recommender.web.headers import SANDBOX
from recommender.web.loader import MAJOR, integrity, list_versions

LINKS = {
    Language.EN: "Find nonprofits for immigrants and refugees on Waymark",
    Language.ES: "Encuentre organizaciones para inmigrantes y refugiados en Waymark",
}
"""What stands on the page until the widget does, and where it cannot."""
TITLES = {Language.EN: "Nonprofits, by Waymark", Language.ES: "Organizaciones afines, de Waymark"}
HEIGHT_PX = 720
"""Of a plain frame, which cannot grow: what is longer scrolls within it."""

_SCRIPT = Markup('<script async src="{}/widget/{}.js"{} data-partner="{}"{}></script>\n{}')
_LINK = Markup('<a href="{}"{}>{}</a>')
_SEALED = Markup(' integrity="{}" crossorigin="anonymous"')
_FRAME = Markup(
    '<iframe src="{}" title="{}" width="100%" height="{}" loading="lazy"'
    ' referrerpolicy="no-referrer" sandbox="{}"></iframe>\n{}'
)


@dataclass(frozen=True, kw_only=True)
class Embed:
    """A widget to be put into a page; `options` are what the page says otherwise than usual."""

    key: str
    language: Language = Language.EN
    options: Mapping[str, str] = field(default_factory=dict)


def script_code(embed: Embed, *, is_exact: bool = False) -> str:
    """The loader beside a plain link; an exact version comes with its digest."""
    newest = list_versions()[-1]
    sealed = _SEALED.format(integrity(newest)) if is_exact else ""
    given = dict(embed.options)
    if embed.language is not Language.EN:
        given["lang"] = embed.language.value
    data = Markup("").join(Markup(' data-{}="{}"').format(*pair) for pair in given.items())
    version = newest if is_exact else f"v{MAJOR}"
    return str(_SCRIPT.format(origin(), version, sealed, embed.key, data, _plain_link(embed)))


def frame_code(embed: Embed) -> str:
    """The frame by itself, for pages that allow no script of others, beside the plain link."""
    address = absolute_url(embed.language, "widget.shell", key=embed.key)
    query = f"?{urlencode(embed.options)}" if embed.options else ""
    title = TITLES[embed.language]
    return str(_FRAME.format(address + query, title, HEIGHT_PX, SANDBOX, _plain_link(embed)))


def _plain_link(embed: Embed) -> Markup:
    lang = Markup(' lang="es"') if embed.language is Language.ES else ""
    return _LINK.format(absolute_url(embed.language, "donor.home"), lang, LINKS[embed.language])
