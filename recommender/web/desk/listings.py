"""The desk's list of listings: search as typed, narrowed and sorted."""

from __future__ import annotations

from typing import Any

from flask import Blueprint, render_template, request, url_for

from recommender.geo import STATES
from recommender.models import (
    Basis,
    ListingQuery,
    ListingSort,
    Status,
)
from recommender.store.accounts import Role
from recommender.store.worklist import search_listings
from recommender.web import get_db
from recommender.web.auth import require
from recommender.web.desk.asked import read_number
from recommender.web.desk.labels import BASES, SORTS, STATUS_LABELS
from recommender.web.desk.people import list_choices, list_people
from recommender.web.desk.refusals import refuse_errors
from recommender.web.vocabulary import get_vocabulary

bp = Blueprint("staff_listings", __name__, url_prefix="/staff/listings")
refuse_errors(bp)

MAX_TYPED = 200
MAX_PAGE = 10_000


@bp.get("")
@require(Role.EDITOR)
def index() -> str:
    """The listings of all states, searched as typed."""
    query = _read_query()
    found = search_listings(get_db(), query)
    return render_template(
        "staff/listings.html",
        query=query,
        found=found,
        first=(query.page - 1) * query.page_size + 1,
        n_pages=-(-found.total // query.page_size),
        page_url=_page_url,
        statuses=STATUS_LABELS,
        states={code: names.en for code, names in STATES.items()},
        services={tag.slug: tag.label_en for tag in get_vocabulary().of_kind("services")},
        bases=BASES,
        sorts=SORTS,
        people_choices=list_choices(),
    )


def _read_query() -> ListingQuery:
    """What the address asks for; what it misspells is not asked for."""
    text = request.args.get("q", "").strip()[:MAX_TYPED]
    usual = ListingSort.RELEVANCE if text else ListingSort.NAME
    services = {tag.slug for tag in get_vocabulary().of_kind("services")}
    sort = request.args.get("sort", usual.value)
    return ListingQuery(
        text=text,
        statuses=tuple(Status(value) for value in _given("status", set(Status))),
        states=_given("state", set(STATES)),
        services=_given("service", services),
        bases=tuple(Basis(value) for value in _given("basis", set(Basis))),
        assignee_id=next(
            (int(id_) for id_ in _given("assignee", {str(a.id) for a in list_people()})), None
        ),
        thin=True if request.args.get("thin") == "1" else None,
        sort=ListingSort(sort) if sort in set(ListingSort) else usual,
        page=read_number(request.args.get("page", ""), default=1, most=MAX_PAGE),
    )


def _given(name: str, known: set[Any]) -> tuple[str, ...]:
    return tuple(dict.fromkeys(v for v in request.args.getlist(name) if v in known))


def _page_url(number: int) -> str:
    kept = request.args.to_dict(False) | {"page": [str(number)]}
    return url_for("staff_listings.index", **kept)  # type: ignore[arg-type]
