"""The directory as the Human Services Data Specification 3.0 has it, for programs that speak it.

Paths, parameters and pages are those of the HSDS API reference; what is not known here is left
out rather than made up: no `service_at_locations`, because nobody said which service is where,
and no `modified_after`, because a listing's dates are those of its sources. Which fields hold
what stands in docs/hsds-profile.md. Source: Open Referral, HSDS 3.0, docs.openreferral.org.
"""

from __future__ import annotations

import json
import threading
from collections.abc import Iterable, Iterator
from dataclasses import dataclass, replace
from functools import lru_cache
from typing import Any

from flask import Blueprint, Response

from recommender.errors import NotFound
from recommender.importers.hsds import SCHEMA, export_package, make_id, to_organization
from recommender.models import Filters, Nonprofit, SearchQuery, Sort, Tag, TagKind
from recommender.pipeline import search
from recommender.web import get_excluded, get_index
from recommender.web.addresses import origin
from recommender.web.api.answers import MAX_WORDS_LENGTH, reading, send_conditionally
from recommender.web.api.contract import Json, read_query
from recommender.web.forms import readable
from recommender.web.recent import Recent
from recommender.web.vocabulary import get_vocabulary

VERSION = "3.0"
DEFAULT_PAGE_SIZE = 20
TAXONOMIES = {
    TagKind.SERVICE: "Kinds of help that an organization gives.",
    TagKind.POPULATION: "People whom an organization serves.",
    TagKind.COMMUNITY: "Communities that an organization serves.",
    TagKind.LANGUAGE: "Languages in which an organization works.",
}
PACKAGE_KEPT_S = 3600

bp = Blueprint("hsds", __name__, url_prefix="/hsds")

_packages: Recent[bytes] = Recent(most=1, for_s=PACKAGE_KEPT_S)
_packing = threading.Lock()


@dataclass(frozen=True, kw_only=True)
class Ids:
    """The slugs behind the ids of a generation, and the listings that state no service."""

    organizations: dict[str, str]
    services: dict[str, str]
    without_service: frozenset[str]


# --- What there is ----------------------------------------------------------------------


@bp.get("")
def read_hsds() -> Response:
    """Which version of HSDS this is, and where it is described."""
    read_query()
    return reading(
        {
            "version": VERSION,
            "profile": f"{origin()}/api/v1/hsds/profile",
            "openapi_url": f"{origin()}/api/v1/openapi.json",
        }
    )


@bp.get("/profile")
def read_hsds_profile() -> Response:
    """The JSON Schema of our profile."""
    read_query()
    schema = json.loads(SCHEMA.read_text(encoding="utf-8"))
    return reading({"$id": f"{origin()}/api/v1/hsds/profile", **schema})


@bp.get("/package")
def read_hsds_package() -> Response:
    """Every listing in the tabular form."""
    read_query()
    response = Response(_package(), content_type="application/zip")
    response.headers["Content-Disposition"] = 'attachment; filename="waymark-hsds.zip"'
    return send_conditionally(response)


def _package() -> bytes:
    """The package, made once for each state of the directory; it takes about two seconds."""
    key = (get_index().generation, get_excluded())
    with _packing:
        content = _packages.get(key)
        if content is None:
            content = export_package(_listings(), get_vocabulary().tags)
            _packages.put(key, content)
        return content


# --- Organizations and services ---------------------------------------------------------


@bp.get("/organizations")
def read_organizations() -> Response:
    """One page of organizations."""
    query = read_query()
    found, total = _search(query, get_excluded())
    is_full = query.get("full", False)
    organizations = [_organization(listing, query) for listing in found]
    contents = organizations if is_full else [_own_fields(item) for item in organizations]
    return _page(query, contents, total)


@bp.get("/organizations/<id>")
def read_organization(id: str) -> Response:  # noqa: A002 - the name that HSDS gives it
    """One organization with everything that belongs to it."""
    query = read_query()
    return reading(_organization(_listing(_ids().organizations, id), query))


@bp.get("/services")
def read_services() -> Response:
    """One page of services."""
    query, ids = read_query(), _ids()
    if "organization_id" in query:
        slug = ids.organizations.get(query["organization_id"], "")
        only = set(ids.organizations.values()) - {slug}
        found, total = _search(query, get_excluded() | ids.without_service | only)
    else:
        found, total = _search(query, get_excluded() | ids.without_service)
    services = [_service(listing) for listing in found]
    is_full = query.get("full", False)
    return _page(query, services if is_full else [_own_fields(s) for s in services], total)


@bp.get("/services/<id>")
def read_service(id: str) -> Response:  # noqa: A002 - the name that HSDS gives it
    """One service with the organization that gives it."""
    read_query()
    return reading(_service(_listing(_ids().services, id)))


def _search(query: Json, exclude: frozenset[str] | set[str]) -> tuple[list[Nonprofit], int]:
    """The listings of a page, and how many there are in all."""
    words = readable(query.get("search", ""), field="search", at_most=MAX_WORDS_LENGTH)
    filters = _filters(query)
    if filters is None:
        return [], 0
    index, (page, size) = get_index(), _paging(query)
    sort = Sort.RELEVANCE if words.strip() else Sort.NAME
    asked = SearchQuery(text=words, filters=filters, sort=sort, page=page, page_size=size)
    answer = search(asked, index, exclude=exclude)
    return [_shown(index.row_of[m.nonprofit.slug]) for m in answer.matches], answer.total


def _filters(query: Json) -> Filters | None:
    """What is asked of the tags; None where no listing can have it."""
    chosen: dict[str, Any] = {}
    if "taxonomy_id" in query:
        kind = next((k for k in TAXONOMIES if _taxonomy_id(k) == query["taxonomy_id"]), None)
        if kind is None:
            return None
        chosen[kind.value] = tuple(tag.slug for tag in get_vocabulary().of_kind(kind))
    if "taxonomy_term_id" in query:
        tag = next((t for t in _tags() if _term_id(t) == query["taxonomy_term_id"]), None)
        if tag is None or (chosen and tag.kind not in chosen):
            return None
        chosen[tag.kind] = (tag.slug,)
    return Filters(**chosen)


def _listing(slugs: dict[str, str], id_: str) -> Nonprofit:
    slug = slugs.get(id_, "")
    if not slug or slug in get_excluded():
        raise NotFound(id_)
    return _shown(get_index().row_of[slug])


def _shown(row: int) -> Nonprofit:
    """A listing that names no parent that was taken down."""
    listing = get_index().nonprofit(row)
    return replace(listing, parent="") if listing.parent in get_excluded() else listing


def _organization(listing: Nonprofit, query: Json) -> Json:
    """An organization; of its services only their own fields, unless all was asked for."""
    organization = to_organization(listing, _labels())
    if not query.get("full_service", False) and "services" in organization:
        own = [_own_fields(service) for service in organization["services"]]
        organization["services"] = own
    return organization


def _service(listing: Nonprofit) -> Json:
    organization = to_organization(listing, _labels())
    service: Json = organization["services"][0]
    owner = {"organization_id": organization["id"], "organization": _own_fields(organization)}
    return {**service, **owner}


def _own_fields(record: Json) -> Json:
    """A record as lists have it: without the lists of what belongs to it."""
    return {name: value for name, value in record.items() if not isinstance(value, list)}


def _ids() -> Ids:
    return _read_ids(get_index().generation)


@lru_cache(maxsize=2)
def _read_ids(_generation: str) -> Ids:
    """The ids of this request's generation."""
    index = get_index()
    organizations, services, without = {}, {}, set()
    for slug, listing in ((slug, index.nonprofit(row)) for row, slug in enumerate(index.slugs)):
        id_ = make_id("organization", slug)
        organizations[id_] = slug
        if _has_service(listing):
            services[make_id(id_, "service")] = slug
        else:
            without.add(slug)
    return Ids(organizations=organizations, services=services, without_service=frozenset(without))


def _has_service(listing: Nonprofit) -> bool:
    return bool(listing.service_areas or any(listing.tags(kind) for kind in TagKind))


def _listings() -> Iterator[Nonprofit]:
    for row, slug in enumerate(get_index().slugs):
        if slug not in get_excluded():
            yield _shown(row)


# --- Taxonomies -------------------------------------------------------------------------


@bp.get("/taxonomies")
def read_hsds_taxonomies() -> Response:
    """One page of the taxonomies."""
    query = read_query()
    return _slice(query, [_taxonomy(kind) for kind in TAXONOMIES])


@bp.get("/taxonomies/<id>")
def read_hsds_taxonomy(id: str) -> Response:  # noqa: A002 - the name that HSDS gives it
    """One taxonomy."""
    read_query()
    return reading(_one(id, (_taxonomy(kind) for kind in TAXONOMIES)))


@bp.get("/taxonomy_terms")
def read_taxonomy_terms() -> Response:
    """One page of terms, of one taxonomy or of all."""
    query = read_query()
    terms = [_term(tag) for tag in _tags()]
    wanted = query.get("taxonomy_id")
    return _slice(query, [t for t in terms if wanted in (None, t["taxonomy_detail"]["id"])])


@bp.get("/taxonomy_terms/<id>")
def read_taxonomy_term(id: str) -> Response:  # noqa: A002 - the name that HSDS gives it
    """One term."""
    read_query()
    return reading(_one(id, (_term(tag) for tag in _tags())))


def _taxonomy(kind: TagKind) -> Json:
    return {
        "id": _taxonomy_id(kind),
        "name": f"waymark-{kind.value}",
        "description": TAXONOMIES[kind],
        "uri": f"{origin()}/api/v1/taxonomy",
    }


def _term(tag: Tag) -> Json:
    return {
        "id": _term_id(tag),
        "code": tag.slug,
        "name": tag.label_en,
        "description": tag.description_en or tag.label_en,
        "taxonomy": f"waymark-{tag.kind}",
        "taxonomy_detail": _taxonomy(TagKind(tag.kind)),
    }


def _tags() -> list[Tag]:
    vocabulary = get_vocabulary()
    return [tag for kind in TAXONOMIES for tag in vocabulary.of_kind(kind)]


def _taxonomy_id(kind: TagKind) -> str:
    return make_id("taxonomy", kind.value)


def _term_id(tag: Tag) -> str:
    return make_id("term", f"{tag.kind}/{tag.slug}")


def _labels() -> dict[tuple[str, str], Tag]:
    return {(tag.kind, tag.slug): tag for tag in _tags()}


def _one(id_: str, records: Iterable[Json]) -> Json:
    for record in records:
        if record["id"] == id_:
            return record
    raise NotFound(id_)


# --- Pages ------------------------------------------------------------------------------


def _paging(query: Json) -> tuple[int, int]:
    return query.get("page", 1), query.get("per_page", DEFAULT_PAGE_SIZE)


def _slice(query: Json, records: list[Json]) -> Response:
    page, size = _paging(query)
    return _page(query, records[(page - 1) * size : page * size], len(records))


def _page(query: Json, contents: list[Any], total: int) -> Response:
    """A page as HSDS lays it out; what was searched for is the reader's, and not to be kept."""
    page, size = _paging(query)
    n_pages = -(-total // size)
    document = {
        "total_items": total,
        "total_pages": n_pages,
        "page_number": page,
        "size": len(contents),
        "first_page": page == 1,
        "last_page": page >= n_pages,
        "empty": not contents,
        "contents": contents,
    }
    return reading(document, is_personal="search" in query)
