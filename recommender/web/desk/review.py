"""The desk's review: what waits for a second pair of eyes."""

from __future__ import annotations

from flask import Blueprint, Response, make_response, redirect, render_template, request, url_for
from werkzeug.wrappers import Response as AnyResponse

from recommender.errors import EditConflict, InvalidAction
from recommender.models import QueueItem, QueueKind, Revision, RevisionState
from recommender.store.accounts import Role
from recommender.store.history import diff, get_revision
from recommender.store.library_history import list_pending
from recommender.store.listings import get_listing
from recommender.store.revisions import (
    approve_revision,
    find_overtaken,
    reject_revision,
    request_changes,
)
from recommender.store.worklist import count_queue, list_queue
from recommender.web import get_db
from recommender.web.auth import current_session, require
from recommender.web.desk import entries
from recommender.web.desk.asked import read_note
from recommender.web.desk.diff import LABELS, describe_changes
from recommender.web.desk.discretion import find_traces
from recommender.web.desk.refusals import refuse_errors

bp = Blueprint("staff_review", __name__, url_prefix="/staff")
refuse_errors(bp)

SECTIONS = {
    QueueKind.REVISION: "Edits of listings that are shown",
    QueueKind.REVIEW: "Drafts to be published",
    QueueKind.RETURNED: "Edits that were given back to their authors",
}
MAX_LISTED = 200
"""Of each kind: many of one must not hide the others."""


@bp.get("/review")
@require(Role.EDITOR)
def queue() -> str:
    """What waits for review, oldest first."""
    return render_template(
        "staff/review.html",
        sections=[
            (kind, title, list_queue(get_db(), [kind], limit=MAX_LISTED))
            for kind, title in SECTIONS.items()
        ],
        counts=count_queue(get_db()),
        library=list_pending(get_db()),
        title_of=entries.title_of,
        verb_of=entries.verb_of,
        names=entries.NAMES,
        item_url=_item_url,
        me=current_session().account.id,
    )


def _item_url(item: QueueItem) -> str:
    if item.kind is QueueKind.REVIEW:
        return url_for("staff_listing.show", slug=item.slug, _anchor="state")
    return url_for("staff_review.revision", slug=item.slug, number=item.number)


@bp.get("/review/<slug>/<int:number>")
@require(Role.EDITOR)
def revision(slug: str, number: int) -> Response:
    """One revision: what it changes, and what may be said to it."""
    return _revision_page(slug, number)


def _revision_page(slug: str, number: int, *, status: int = 200) -> Response:
    listing, entry = get_listing(get_db(), slug), get_revision(get_db(), slug, number)
    changes = diff(entry.before, entry.after) if entry.before and entry.after else ()
    waits = entry.state is RevisionState.PENDING
    page = render_template(
        "staff/revision.html",
        listing=listing,
        entry=entry,
        changes=describe_changes(changes),
        overtaken=[LABELS[field] for field in find_overtaken(get_db(), entry)] if waits else [],
        traces=find_traces(entry.after) if entry.after else (),
        labels=LABELS,
        may_decide=_may_decide(entry),
        is_own=entry.staff_id == current_session().account.id,
    )
    return make_response(page, status)


def _may_decide(entry: Revision) -> bool:
    me = current_session().account
    is_pending = entry.state is RevisionState.PENDING
    return is_pending and me.role.covers(Role.REVIEWER) and entry.staff_id != me.id


@bp.post("/review/<slug>/<int:number>")
@require(Role.REVIEWER)
def decide(slug: str, number: int) -> AnyResponse:
    """Approve a revision, turn it down, or give it back to its author."""
    decision = request.form.get("decision", "")
    reason = read_note("reason")
    me = current_session().account.id
    if decision == "approve":
        try:
            approve_revision(get_db(), slug, number, by=me, note=reason)
        except EditConflict:
            return _revision_page(slug, number, status=409)
        done = "approved"
    elif decision == "reject":
        reject_revision(get_db(), slug, number, by=me, reason=reason)
        done = "rejected"
    elif decision == "return":
        request_changes(get_db(), slug, number, by=me, reason=reason)
        done = "returned"
    else:
        raise InvalidAction("Please choose what becomes of the revision.")
    return redirect(url_for("staff_listing.show", slug=slug, done=done), 303)
