"""The Atom feed (RFC 4287) of the learning resources."""

from __future__ import annotations

import uuid
from collections.abc import Sequence
from xml.etree import ElementTree

from recommender.models import Language, Resource
from recommender.web.addresses import absolute_url
from recommender.web.i18n import gettext as _

ATOM = "http://www.w3.org/2005/Atom"
LANG = "{http://www.w3.org/XML/1998/namespace}lang"
MAX_ENTRIES = 40

ElementTree.register_namespace("", ATOM)


def render_feed(resources: Sequence[Resource], language: Language) -> bytes:
    """The feed of the dated resources, in the order given.

    An entry's date is the one its publisher gave, so what has none cannot be in a feed.
    """
    dated = [resource for resource in resources if resource.published][:MAX_ENTRIES]
    feed = ElementTree.Element(_name("feed"), {LANG: language.value})
    _add(feed, "id", _id(f"{language.value}/learn"))
    _add(feed, "title", _("Waymark: what others have published"))
    _add(feed, "updated", max((_instant(r.published) for r in dated), default=_instant("2020")))
    _add(_add(feed, "author"), "name", "Waymark")
    _link(feed, "self", absolute_url(language, "learn.feed"), "application/atom+xml")
    _link(feed, "alternate", absolute_url(language, "learn.index"), "text/html")
    for resource in dated:
        _add_entry(feed, resource, language)
    document: bytes = ElementTree.tostring(feed, encoding="utf-8", xml_declaration=True)
    return document


def _add_entry(feed: ElementTree.Element, resource: Resource, language: Language) -> None:
    entry = _add(feed, "entry")
    _add(entry, "id", _id(f"{language.value}/learn/{resource.slug}"))
    # The headline is the publisher's and stays in English.
    _add(entry, "title", resource.title).set(LANG, Language.EN.value)
    _add(entry, "updated", _instant(resource.published))
    author = _add(entry, "author")
    _add(author, "name", resource.author or resource.publisher)
    page = absolute_url(language, "learn.resource", slug=resource.slug)
    _link(entry, "alternate", page, "text/html")
    _link(entry, "via", resource.url, "text/html")
    _add(entry, "summary", resource.take(language)[0])
    for topic in resource.topics:
        _add(entry, "category").set("term", topic)


def _add(parent: ElementTree.Element, tag: str, text: str = "") -> ElementTree.Element:
    element = ElementTree.SubElement(parent, _name(tag))
    element.text = text or None
    return element


def _link(parent: ElementTree.Element, rel: str, href: str, mimetype: str) -> None:
    _add(parent, "link").attrib.update({"rel": rel, "href": href, "type": mimetype})


def _name(tag: str) -> str:
    return f"{{{ATOM}}}{tag}"


def _id(path: str) -> str:
    """The same for ever, whatever host or scheme the feed is read from."""
    return uuid.uuid5(uuid.NAMESPACE_URL, f"waymark/{path}").urn


def _instant(date: str) -> str:
    """An ISO date of any precision as the instant at which it begins."""
    return f"{date}{'-01-01'[len(date) - 4 :] if len(date) < 10 else ''}T00:00:00Z"
