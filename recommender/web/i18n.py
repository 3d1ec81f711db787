"""English and Spanish: messages, addresses and the way figures are written.

The address alone decides the language (`/…` is English, `/es/…` Spanish), so that no
cookie, header or guess is needed and every page can be shared as it is read.
"""

from __future__ import annotations

import datetime
import gettext as stdlib_gettext
from collections.abc import Iterable, Iterator
from contextlib import contextmanager
from contextvars import ContextVar
from functools import cache, lru_cache
from typing import Any, cast
from urllib.parse import urlencode

import flask
from babel import Locale
from babel.dates import format_date
from flask import Blueprint, Flask, g, request
from markupsafe import Markup, escape
from werkzeug.local import LocalProxy

from recommender.config import ROOT
from recommender.models import Language

TRANSLATIONS = ROOT / "translations"
SPANISH_PREFIX = "es_"
NAMES = {Language.EN: "English", Language.ES: "Español"}
LOCALES = {Language.EN: Locale("en", "US"), Language.ES: Locale("es", "US")}
KM_PER_MILE = 1.609344

# Not in `g`: a page asks for it some 400 times, and the way there takes 2 µs.
_language: ContextVar[Language] = ContextVar("language", default=Language.EN)

# Years, months and days as readers in the United States write them, of any precision.
_DATE_PATTERNS = {
    Language.EN: ("y", "MMMM y", "MMMM d, y"),
    Language.ES: ("y", "MMMM 'de' y", "d 'de' MMMM 'de' y"),
}


def init_app(app: Flask) -> None:
    """Set the language of each request and give templates their words and filters."""
    app.before_request(_set_language)
    app.teardown_request(_forget_language)
    app.jinja_env.add_extension("jinja2.ext.i18n")
    app.jinja_env.policies["ext.i18n.trimmed"] = True
    # Not through the extension's own wrapper, which prepares a message anew wherever it stands.
    app.jinja_env.newstyle_gettext = True  # type: ignore[attr-defined]
    app.jinja_env.globals.update(
        _=_page_gettext,
        gettext=_page_gettext,
        ngettext=_page_ngettext,
        url=url,
        page=page,
        alternate_url=alternate_url,
        language_names=NAMES,
        languages=tuple(Language),
    )
    app.jinja_env.filters.update(
        number=number,
        date=date,
        distance=distance,
        money_band=money_band,
        join_words=join_words,
        emphasis=emphasis,
        marked=marked,
        in_sentence=in_sentence,
    )
    app.jinja_env.globals["current_language"] = current_language
    app.context_processor(lambda: {"language": current_language()})


def register_bilingual(app: Flask, blueprint: Blueprint) -> None:
    """Register a blueprint at its own addresses, and under `/es` for Spanish."""
    app.register_blueprint(blueprint)
    app.register_blueprint(
        blueprint,
        name=SPANISH_PREFIX + blueprint.name,
        url_prefix="/es" + (blueprint.url_prefix or ""),
    )


def current_language() -> Language:
    """The language of this request; English outside of one."""
    return _language.get()


def speak(language: Language) -> None:
    """Let the rest of this request be in a language."""
    _language.set(language)


@contextmanager
def speaking(language: Language) -> Iterator[None]:
    """Let words and addresses be in a language that need not be that of this request."""
    before = current_language()
    speak(language)
    try:
        yield
    finally:
        speak(before)


def _set_language() -> None:
    spanish = request.path == "/es" or request.path.startswith("/es/")
    speak(Language.ES if spanish else Language.EN)


def _forget_language(_error: BaseException | None) -> None:
    speak(Language.EN)


# --- Messages ---------------------------------------------------------------------------


@cache
def _catalogue(language: Language) -> stdlib_gettext.NullTranslations:
    if language is Language.EN:
        return stdlib_gettext.NullTranslations()
    return stdlib_gettext.translation("messages", TRANSLATIONS, languages=[language.value])


def _gettext(message: str) -> str:
    return _catalogue(current_language()).gettext(message)


def _ngettext(singular: str, plural: str, n: int) -> str:
    return _catalogue(current_language()).ngettext(singular, plural, n)


def gettext(message: str, **values: object) -> str:
    """A message in the current language, with `%(name)s` filled in; plain text."""
    return _gettext(message) % values if values else _gettext(message)


def ngettext(singular: str, plural: str, num: int, **values: object) -> str:
    """A message that counts, with `%(num)s` and other names filled in; plain text."""
    return _ngettext(singular, plural, num) % {"num": num, **values}


def _page_gettext(message: str, **values: object) -> Markup:
    """A message in a template: safe markup, into which values are escaped."""
    language = current_language()
    if values:
        return _fill(_catalogue(language).gettext(message), values)
    return _filled_markup(language, message)


def _page_ngettext(singular: str, plural: str, num: int, **values: object) -> Markup:
    return _fill(_ngettext(singular, plural, num), {"num": num, **values})


def _fill(message: str, values: dict[str, object]) -> Markup:
    """What `Markup(message) % values` gives, in a third of the time."""
    safe = {k: v if isinstance(v, (int, float)) else escape(v) for k, v in values.items()}
    return _trusted(message % safe)


def _trusted(message: str) -> Markup:
    return Markup(message)  # noqa: S704 - our own words, or others' that were escaped


@cache
def _filled_markup(language: Language, message: str) -> Markup:
    """A message without values; it is a format string all the same, with "%%" for "%"."""
    return _trusted(_catalogue(language).gettext(message) % {})


def lazy_gettext(message: str) -> str:
    """A message that is put into words where it is shown, for labels made at import."""
    return cast(str, LocalProxy(lambda: gettext(message)))


# Upper limits of a year's revenue in US dollars; below the first is the IRS's own line for
# the short "postcard" return.
_BANDS = (
    (50_000, lazy_gettext("under $50,000 a year")),
    (250_000, lazy_gettext("$50,000 to $250,000 a year")),
    (1_000_000, lazy_gettext("$250,000 to $1 million a year")),
    (5_000_000, lazy_gettext("$1 to $5 million a year")),
    (50_000_000, lazy_gettext("$5 to $50 million a year")),
)


# English writes these first words of our labels large everywhere; Spanish does not.
_KEEP_CAPITAL = {"English", "Dreamers"}


# --- Addresses --------------------------------------------------------------------------


def url(endpoint: str, **values: Any) -> str:
    """The address of an endpoint ("about.privacy") in the current language."""
    return _url_in(current_language(), endpoint, values)


def page(path: str) -> str:
    """A page of this site named by its English path ("/directory"), in the current language."""
    return "/es" + path if current_language() is Language.ES else path


def alternate_url(language: Language) -> str | None:
    """This page in another language, or None where the page has no such twin."""
    twins: dict[Language, str | None] = g.setdefault("twins", {})
    if language not in twins:
        twins[language] = _twin(language)
    return twins[language]


def _twin(language: Language) -> str | None:
    if request.endpoint is None or request.method != "GET":
        return None
    endpoint = request.endpoint.removeprefix(SPANISH_PREFIX)
    if SPANISH_PREFIX + endpoint not in flask.current_app.view_functions:
        return None
    address = _url_in(language, endpoint, request.view_args or {})
    # Not as values of `url_for`, which has names of its own: a query may hold any.
    query = urlencode(list(request.args.items(multi=True)))
    return f"{address}?{query}" if query else address


def _url_in(language: Language, endpoint: str, values: dict[str, Any]) -> str:
    twin = SPANISH_PREFIX + endpoint
    if language is Language.ES and twin in flask.current_app.view_functions:
        endpoint = twin
    return flask.url_for(endpoint, **values)


# --- Figures ----------------------------------------------------------------------------


def number(value: float, decimals: int = 0) -> str:
    """A number as the United States write it in both languages, e.g. "1,280" or "41.5"."""
    return f"{value:,.{decimals}f}"


def money_band(usd: int) -> str:
    """How large a year's revenue is, in words that need no accountant."""
    for limit, words in _BANDS:
        if usd < limit:
            return str(words)
    return gettext("over $50 million a year")


def date(iso: str) -> str:
    """An ISO date of any precision ("2024", "2024-01", "2024-01-24") in words."""
    return _date_in(current_language(), iso)


@lru_cache(maxsize=5_000)
def _date_in(language: Language, iso: str) -> str:
    parts = [int(part) for part in iso.split("-")]
    year, month, day = (*parts, 1, 1)[:3]
    pattern = _DATE_PATTERNS[language][len(parts) - 1]
    return format_date(datetime.date(year, month, day), pattern, locale=LOCALES[language])


def distance(km: float) -> str:
    """A distance as people in the United States read it, with kilometres beside it."""
    if km < KM_PER_MILE:
        return gettext("less than a mile")
    miles = round(km / KM_PER_MILE)
    figures = {"miles": number(miles), "km": number(round(km))}
    return ngettext("%(miles)s mile (%(km)s km)", "%(miles)s miles (%(km)s km)", miles, **figures)


def emphasis(words: str) -> Markup:
    """Words of the donor inside a sentence of ours."""
    return _trusted(f"<em>{escape(words)}</em>")


def in_sentence(label: str, *, proper: bool = False) -> str:
    """A label as it stands inside a sentence: "Legal help" → "legal help", "DACA" as it is.

    A proper label, such as the name of a language, keeps its capital in English.
    """
    first = label.partition(" ")[0]
    if current_language() is Language.EN and (proper or first in _KEEP_CAPITAL):
        return label
    return label if first[1:] != first[1:].lower() else label[:1].lower() + label[1:]


def community(label: str) -> str:
    """A community's label inside a sentence: "Haitian" → "the Haitian community"."""
    if label.endswith("immigrants") or label.startswith("Inmigrantes"):
        return in_sentence(label, proper=True)
    if label.startswith("From "):
        return gettext("people %(from_place)s", from_place=in_sentence(label))
    return gettext("the %(name)s community", name=in_sentence(label, proper=True))


def join_words(items: list[str | Markup]) -> Markup:
    """A list in running text: "a", "a and b", "a, b and c"; safe markup stays markup."""
    words = [escape(item) for item in items]
    if len(words) < 2:
        return words[0] if words else Markup()
    return _trusted(f"{', '.join(words[:-1])} {_and_before(words[-1])} {words[-1]}")


def marked(words: Iterable[str]) -> Markup:
    """Words of the donor as a list in a sentence of ours."""
    return join_words([emphasis(word) for word in words])


def _and_before(word: Markup) -> str:
    if current_language() is not Language.ES:
        return "and"
    # Spanish "y" becomes "e" before the sound of i ("padres e hijos"), but not before "hie".
    sound = word.striptags().casefold().removeprefix("h")
    starts_with_i = sound.startswith(("i", "í")) and not sound.startswith(("ie", "ia", "io"))
    return "e" if starts_with_i else "y"
