"""The desk's list of listings: searched as typed, narrowed, put in order, kept and exported."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass, replace
from datetime import UTC, datetime
from itertools import chain
from typing import Any
from urllib.parse import parse_qsl

from flask import (
    Blueprint,
    Response,
    redirect,
    render_template,
    request,
    stream_with_context,
    url_for,
)
from werkzeug.datastructures import MultiDict
from werkzeug.wrappers import Response as AnyResponse

from recommender.geo import STATES
from recommender.importers import csv_file, hsds
from recommender.models import ListingQuery, ListingSort, Nonprofit
from recommender.store.accounts import Role
from recommender.store.batches import MAX_BATCH, list_actions
from recommender.store.library import list_tags
from recommender.store.listings import SHOWN, list_by_slug
from recommender.store.revisions import EDITABLE
from recommender.store.views import SavedView, delete_view, list_views, rename_view, save_view
from recommender.store.worklist import count_values, list_slugs, search_listings
from recommender.web import get_db
from recommender.web.auth import current_session, require
from recommender.web.desk.alike import Alike, list_alike
from recommender.web.desk.labels import ACTIONS, BASES, SORTS, STATUS_LABELS, WHYS
from recommender.web.desk.narrowing import (
    ME,
    NOBODY,
    Narrowing,
    list_chips,
    list_services,
    read_narrowing,
)
from recommender.web.desk.people import list_choices
from recommender.web.desk.refusals import refuse_errors

bp = Blueprint("staff_listings", __name__, url_prefix="/staff")
refuse_errors(bp)

MAX_ADDRESS = 4_000
MAX_EXPORTED = 20_000
MAX_PACKAGED = 3_000
EXPORTED_AT_ONCE = 200

BUILT_IN_VIEWS = (
    SavedView(name="All", query=""),
    SavedView(
        name="Waiting for me",
        query="status=imported&status=nominated&status=draft&status=in-review&status=due"
        "&status=stale&assignee=me",
    ),
    SavedView(name="Drafts", query="status=imported&status=nominated&status=draft"),
    SavedView(name="Thin and published", query="status=published&status=due&thin=1"),
    SavedView(name="Never checked", query="status=published&status=due&status=stale&never=1"),
    SavedView(name="Look-alikes", query="alike=1"),
)
"""Views that everybody has; "me" is whoever looks."""

COLUMNS = {
    "Name": ListingSort.NAME,
    "Place": ListingSort.PLACE,
    "State": None,
    "Checked, or source of": ListingSort.CHECKED,
    "Edited": ListingSort.EDITED,
    "Given to": None,
}
"""The columns of the list, and the order that each can put it in."""


_SORTS = {sort: label for sort, label in SORTS.items() if sort is not ListingSort.RELEVANCE}


@dataclass(frozen=True, kw_only=True)
class Facet:
    """A condition with several values, any of which will do, and how many listings have each."""

    title: str
    name: str
    choices: list[dict[str, Any]]

    @property
    def n_chosen(self) -> int:
        """How many of the values are chosen."""
        return sum(choice["checked"] for choice in self.choices)


@bp.get("/listings")
@require(Role.EDITOR)
def index() -> str:
    """The listings of all states, searched as typed."""
    narrowing = read_narrowing(request.args)
    query, alike = find_query(narrowing)
    found = search_listings(get_db(), query)
    own = list_views(get_db(), current_session().account.id)
    return render_template(
        "staff/listings.html",
        narrowing=narrowing,
        query=query,
        found=found,
        alike=alike,
        whys=WHYS,
        first=(query.page - 1) * query.page_size + 1,
        n_pages=-(-found.total // query.page_size),
        page_url=lambda number: address_of(narrowing.address, page=number),
        address=address_of,
        facets=_facets(query),
        chips=list_chips(narrowing),
        columns=COLUMNS,
        sorts=[("", "Best fit, else by name"), *_SORTS.items()],
        sort=dict(narrowing.pairs).get("sort", ""),
        statuses=STATUS_LABELS,
        people_choices=list_choices(),
        assignees=[("", "Anybody or nobody"), (ME, "Me"), (NOBODY, "Nobody"), *list_choices()],
        assignee=dict(narrowing.pairs).get("assignee", ""),
        actions={a: ACTIONS[a] for a in list_actions(current_session().account.role)},
        views=[*BUILT_IN_VIEWS, *own],
        has_own_views=bool(own),
        max_batch=MAX_BATCH,
        max_exported=MAX_EXPORTED,
        max_packaged=MAX_PACKAGED,
        editable=EDITABLE,
    )


def find_query(narrowing: Narrowing) -> tuple[ListingQuery, Alike]:
    """The query for the store, and what looks like what, where that is asked for."""
    if not narrowing.is_alike:
        return narrowing.query, {}
    alike = list_alike()
    return replace(narrowing.query, among=tuple(sorted(alike))), alike


def read_address(query: str) -> Narrowing:
    """What the query part of an address of the list asks for, as a form or a view keeps it."""
    return read_narrowing(MultiDict(parse_qsl(query[:MAX_ADDRESS])))


def address_of(query: str, **more: Any) -> str:
    """The address of the list for the query part of one."""
    address = url_for("staff_listings.index", **more)
    return address + ("&" if more else "?") + query if query else address


def _facets(query: ListingQuery) -> list[Facet]:
    counts = count_values(get_db(), query)
    states = sorted(((code, names.en) for code, names in STATES.items()), key=lambda s: s[1])
    kinds: list[tuple[str, str, str, Mapping[Any, str]]] = [
        ("State of the work", "status", "statuses", STATUS_LABELS),
        ("Office in", "state", "states", dict(states)),
        ("Service", "service", "services", list_services()),
        ("Description rests on", "basis", "bases", BASES),
    ]
    return [
        Facet(title=title, name=name, choices=_choices(labels, counts[field], query, field))
        for title, name, field, labels in kinds
    ]


def _choices(
    labels: Mapping[Any, str], counts: Mapping[str, int], query: ListingQuery, field: str
) -> list[dict[str, Any]]:
    return [
        {
            "value": value,
            "label": label,
            "count": counts.get(value, 0),
            "checked": value in getattr(query, field),
        }
        for value, label in labels.items()
    ]


# --- Views -------------------------------------------------------------------------------


@bp.get("/views")
@require(Role.EDITOR)
def views() -> str:
    """The views that somebody has kept, to be renamed or deleted."""
    own = list_views(get_db(), current_session().account.id)
    return render_template(
        "staff/listings_views.html",
        views=[(view, list_chips(read_address(view.query))) for view in own],
        address=address_of,
        done=request.args.get("done", ""),
    )


@bp.post("/views")
@require(Role.EDITOR)
def keep_view() -> AnyResponse:
    """Keep what the list shows under a name."""
    narrowing = read_address(request.form.get("query", ""))
    view = SavedView(name=_read_name("name"), query=narrowing.address)
    save_view(get_db(), current_session().account.id, view)
    return redirect(address_of(narrowing.address), 303)


@bp.post("/views/change")
@require(Role.EDITOR)
def change_view() -> AnyResponse:
    """Rename a view, or delete it."""
    me, name = current_session().account.id, request.form.get("name", "")
    if request.form.get("delete") == "1":
        delete_view(get_db(), me, name)
        return redirect(url_for(".views", done="deleted"), 303)
    rename_view(get_db(), me, name, _read_name("to"))
    return redirect(url_for(".views", done="renamed"), 303)


def _read_name(field: str) -> str:
    """A name on one line; how long it may be is for the store to say."""
    return " ".join(request.form.get(field, "").replace("\0", " ").split())


# --- Export ------------------------------------------------------------------------------


@bp.get("/listings.csv")
@require(Role.EDITOR)
def export_csv() -> Response:
    """All pages of the list as a spreadsheet, without what is not to be shown of places."""
    lines = csv_file.export_csv(_read_in_parts(_list_chosen(MAX_EXPORTED)))
    # Spreadsheets read a file without the mark in the code page of the machine.
    content = stream_with_context(line.encode("utf-8") for line in chain(["\ufeff"], lines))
    return _download(content, "text/csv; charset=utf-8", "csv")


@bp.get("/listings.zip")
@require(Role.EDITOR)
def export_hsds() -> Response:
    """Of all pages of the list what anybody may see, as an HSDS package."""
    listings = _read_in_parts(_list_chosen(MAX_PACKAGED))
    shown = (listing for listing in listings if listing.status in SHOWN)
    package = hsds.export_package(shown, list_tags(get_db()))
    return _download([package], "application/zip", "hsds.zip")


def _list_chosen(most: int) -> list[str]:
    query, _ = find_query(read_narrowing(request.args))
    return list_slugs(get_db(), query, most)


def _read_in_parts(slugs: list[str]) -> Iterator[Nonprofit]:
    """The listings, a few at a time, so that no read goes on for as long as a slow client."""
    for start in range(0, len(slugs), EXPORTED_AT_ONCE):
        yield from list_by_slug(get_db(), slugs[start : start + EXPORTED_AT_ONCE])


def _download(content: Iterable[bytes], mimetype: str, ending: str) -> Response:
    today = datetime.now(UTC).date().isoformat()
    response = Response(content, content_type=mimetype)
    response.headers.set(
        "Content-Disposition", "attachment", filename=f"waymark-listings-{today}.{ending}"
    )
    return response
