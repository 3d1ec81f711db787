"""The desk's two ways to end a listing for good: merge it into another, or erase it."""

from __future__ import annotations

from dataclasses import dataclass

from flask import Blueprint, render_template, request
from werkzeug.wrappers import Response as AnyResponse

from recommender.errors import InvalidAction
from recommender.models import Listing, ListingQuery, ListingRow, Nonprofit, Status
from recommender.store.accounts import Role
from recommender.store.listings import SHOWN, get_listing
from recommender.store.namesakes import Namesake, Sought, find_namesakes
from recommender.store.revisions import EDITABLE, find_open_revision
from recommender.store.workflow import erase_listing, merge_listing
from recommender.store.worklist import search_listings
from recommender.web import get_db
from recommender.web.auth import current_session, require
from recommender.web.desk.asked import read_note, read_number
from recommender.web.desk.diff import LABELS, to_lines
from recommender.web.desk.labels import STATUS_LABELS
from recommender.web.desk.listing import back_to
from recommender.web.desk.refusals import refuse_errors
from recommender.web.listings import format_ein

bp = Blueprint("staff_removal", __name__, url_prefix="/staff/listings")
refuse_errors(bp)

MAX_TYPED = 200
MAX_FOUND = 20
COMPARED = (
    *("name", "ein", "locations", "website", "other_names", "status", "summary_en", "summary_es"),
    *("services", "service_areas", "ruling_year", "revenue_usd", "verified_on", "notes"),
)
"""The fields by which two listings are told apart, the most telling first."""


@dataclass(frozen=True, kw_only=True)
class Row:
    """A field of two listings side by side."""

    label: str
    ours: tuple[str, ...]
    theirs: tuple[str, ...]

    @property
    def is_same(self) -> bool:
        """Whether both say the same."""
        return self.ours == self.theirs


# --- Merging -----------------------------------------------------------------------------


@bp.get("/<slug>/merge")
@require(Role.REVIEWER)
def choose(slug: str) -> str:
    """Choose the listing that stands for this one from now on, and look at both."""
    found = get_listing(get_db(), slug)
    _check_mergeable(found)
    into = request.args.get("into", "").strip()
    target = get_listing(get_db(), into) if into else None
    text = request.args.get("q", "").strip()[:MAX_TYPED]
    return render_template(
        "staff/merge.html",
        listing=found,
        record=found.nonprofit,
        target=target,
        rows=compare(found.nonprofit, target.nonprofit) if target else (),
        trouble_with=_find_trouble(found, target) if target else "",
        is_shown=target is not None and target.nonprofit.status in SHOWN,
        text=text,
        found=_search(text, slug),
        namesakes=_namesakes(found.nonprofit),
        statuses=STATUS_LABELS,
        format_ein=format_ein,
    )


@bp.post("/<slug>/merge")
@require(Role.REVIEWER)
def merge(slug: str) -> AnyResponse:
    """Let another listing stand for this one."""
    into, reason = request.form.get("into", ""), read_note("reason")
    if not reason:
        raise InvalidAction("Please say why they are the same.")
    target = get_listing(get_db(), into)
    if trouble := _find_trouble(get_listing(get_db(), slug), target):
        raise InvalidAction(trouble)
    merge_listing(
        get_db(),
        slug,
        into,
        by=current_session().account.id,
        expected_revision=read_number(request.form.get("expected_revision", "")),
        reason=reason,
    )
    return back_to(slug, "merged")


def compare(ours: Nonprofit, theirs: Nonprofit) -> tuple[Row, ...]:
    """Two listings field by field; fields that both leave empty are left out."""
    rows = (
        Row(
            label=LABELS[name],
            ours=to_lines(name, getattr(ours, name)),
            theirs=to_lines(name, getattr(theirs, name)),
        )
        for name in COMPARED
    )
    return tuple(row for row in rows if row.ours or row.theirs)


def _check_mergeable(found: Listing) -> None:
    status = found.nonprofit.status
    if status not in EDITABLE:
        raise InvalidAction(f"A listing that is {status} is not merged.")


def _find_trouble(found: Listing, target: Listing) -> str:
    """Why these two are not merged now, or ""."""
    status = target.nonprofit.status
    if found.id == target.id:
        return "A listing is not merged into itself."
    if status not in EDITABLE:
        return f"{target.nonprofit.name} is {STATUS_LABELS[status].lower()}: choose another."
    mine = find_open_revision(get_db(), target.nonprofit.slug, current_session().account.id)
    if mine and status in SHOWN:
        # The names would take the place of that revision in the queue.
        return (
            f"Your revision {mine.number} of {target.nonprofit.name} is not decided yet."
            " Please merge after that."
        )
    return ""


def _search(text: str, slug: str) -> tuple[ListingRow, ...]:
    if not text:
        return ()
    query = ListingQuery(text=text, statuses=EDITABLE, page_size=MAX_FOUND)
    return tuple(row for row in search_listings(get_db(), query).listings if row.slug != slug)


def _namesakes(record: Nonprofit) -> list[Namesake]:
    sought = Sought(
        name=record.name, website=record.website, eins=(record.ein,) if record.ein else ()
    )
    found = find_namesakes(get_db(), sought)
    return [one for one in found if one.slug != record.slug and one.status in EDITABLE]


# --- Erasing -----------------------------------------------------------------------------


@bp.route("/<slug>/erase", methods=["GET", "POST"])
@require(Role.ADMIN)
def erase(slug: str) -> AnyResponse | str:
    """Erase a listing and its history, after somebody has typed its address."""
    found = get_listing(get_db(), slug)
    if request.method == "GET":
        record = found.nonprofit
        return render_template(
            "staff/erase.html",
            listing=found,
            record=record,
            states=sorted({place.state for place in record.locations}),
            is_barred=record.status is Status.DO_NOT_LIST,
            format_ein=format_ein,
        )
    if request.form.get("typed", "").strip() != slug:
        raise InvalidAction(f"Please type {slug} to confirm; nothing was erased.")
    erase_listing(
        get_db(),
        slug,
        by=current_session().account.id,
        expected_revision=read_number(request.form.get("expected_revision", "")),
        reason=read_note("reason"),
    )
    return back_to(slug, "erased")
