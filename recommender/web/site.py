"""What machines ask of the site: search engines its pages, monitors its health."""

from __future__ import annotations

import shutil
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from http import HTTPStatus
from typing import Any
from xml.etree import ElementTree

from flask import Blueprint, Response, current_app, jsonify, make_response

from recommender.models import Language
from recommender.store.catalog import get_catalog_revision
from recommender.store.library import list_guides, list_resources
from recommender.web import get_db, get_excluded, get_index, get_settings, read_catalog
from recommender.web.addresses import origin
from recommender.web.i18n import SPANISH_PREFIX

SITEMAP = "http://www.sitemaps.org/schemas/sitemap/0.9"
XHTML = "http://www.w3.org/1999/xhtml"
MIN_FREE_BYTES = 100 * 1024 * 1024
# Pages without arguments that are no starting points for a reader.
UNLISTED = {"donor.compare", "learn.feed", "partners.preview"}
# What holds a sealed answer, and what only follows a form.
DISALLOWED = ("/match", "/directory/", "/compare", "/thanks/", "/learn/*/", "/topics/*/")

bp = Blueprint("site", __name__)

ElementTree.register_namespace("xhtml", XHTML)


@dataclass(frozen=True, kw_only=True)
class Entry:
    """A page by its English path; `changed` is an ISO date of any precision, or empty."""

    path: str
    changed: str = ""

    def url(self, language: Language) -> str:
        """Its whole address in one language."""
        return origin() + ("/es" if language is Language.ES else "") + self.path


@bp.get("/sitemap.xml")
def sitemap() -> Response:
    """Every public page in both languages, each with its twin."""
    urls = ElementTree.Element(f"{{{SITEMAP}}}urlset")
    for entry in (*_pages(), *_library(), *_listings()):
        _add_entry(urls, entry)
    ElementTree.register_namespace("", SITEMAP)
    xml = ElementTree.tostring(urls, encoding="utf-8", xml_declaration=True)
    return Response(xml, content_type="application/xml; charset=utf-8")


@bp.get("/robots.txt")
def robots() -> Response:
    """What search engines may read: everything but answers to one person."""
    lines = ["User-agent: *"]
    lines += [f"Disallow: {prefix}{path}" for path in DISALLOWED for prefix in ("", "/es")]
    lines += ["", f"Sitemap: {origin()}/sitemap.xml", ""]
    return Response("\n".join(lines), content_type="text/plain; charset=utf-8")


@bp.get("/healthz")
def healthz() -> Response:
    """Say that this process answers; touches nothing."""
    return _unstored(Response("ok\n", content_type="text/plain; charset=utf-8"))


@bp.get("/readyz")
def readyz() -> Response:
    """Say whether this process can serve: 200 or 503, with each check by its name.

    An index behind the catalogue still serves, and withdrawn listings are left out of it
    by a live check, so `behind` is a figure to watch and no failure.
    """
    checks = {name: _attempt(check) for name, check in _CHECKS.items()}
    ready = all(result["ok"] for result in checks.values())
    status = HTTPStatus.OK if ready else HTTPStatus.SERVICE_UNAVAILABLE
    return _unstored(make_response(jsonify({"ready": ready, "checks": checks}), status))


def _pages() -> Iterator[Entry]:
    """The pages with fixed addresses: every one that there is in both languages."""
    twins = {endpoint for endpoint in current_app.view_functions if _is_spanish(endpoint)}
    for rule in current_app.url_map.iter_rules():
        listed = SPANISH_PREFIX + rule.endpoint in twins and rule.endpoint not in UNLISTED
        if listed and not rule.arguments and "GET" in (rule.methods or ()):
            yield Entry(path=rule.rule)


def _is_spanish(endpoint: str) -> bool:
    return endpoint.startswith(SPANISH_PREFIX)


def _library() -> Iterator[Entry]:
    yield from (Entry(path=f"/topics/{guide.slug}") for guide in read_catalog(list_guides))
    for resource in read_catalog(list_resources):
        yield Entry(path=f"/learn/{resource.slug}", changed=resource.published)


def _listings() -> Iterator[Entry]:
    index, excluded = get_index(), get_excluded()
    for row, slug in enumerate(index.slugs):
        if slug not in excluded:
            yield Entry(path=f"/nonprofits/{slug}", changed=index.nonprofit(row).updated_on)


def _add_entry(urls: ElementTree.Element, entry: Entry) -> None:
    addresses = {language: entry.url(language) for language in Language}
    for address in addresses.values():
        url = ElementTree.SubElement(urls, f"{{{SITEMAP}}}url")
        ElementTree.SubElement(url, f"{{{SITEMAP}}}loc").text = address
        if entry.changed:
            ElementTree.SubElement(url, f"{{{SITEMAP}}}lastmod").text = entry.changed
        for language, twin in addresses.items():
            alternate = {"rel": "alternate", "hreflang": language.value, "href": twin}
            ElementTree.SubElement(url, f"{{{XHTML}}}link", alternate)


def _check_database() -> dict[str, Any]:
    return {"ok": True, "revision": get_catalog_revision(get_db())}


def _check_index() -> dict[str, Any]:
    index = get_index()
    behind = get_catalog_revision(get_db()) - int(index.manifest["catalog_revision"])
    return {
        "ok": len(index) > 0,
        "generation": index.generation,
        "listings": len(index),
        "behind": behind,
    }


def _check_disk() -> dict[str, Any]:
    free = shutil.disk_usage(get_settings().instance).free
    return {"ok": free >= MIN_FREE_BYTES, "free_bytes": free}


def _attempt(check: Callable[[], dict[str, Any]]) -> dict[str, Any]:
    try:
        return check()
    except Exception as error:
        # Whatever it is, this process cannot serve. Its kind says enough to a monitor; its
        # message may hold paths.
        return {"ok": False, "error": type(error).__name__}


def _unstored(response: Response) -> Response:
    response.headers["Cache-Control"] = "no-store"
    return response


_CHECKS = {"database": _check_database, "index": _check_index, "disk": _check_disk}
