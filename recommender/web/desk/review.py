"""The desk's review: what waits for a second pair of eyes."""

from __future__ import annotations

from flask import Blueprint, redirect, render_template, request, url_for
from werkzeug.wrappers import Response as AnyResponse

from recommender.errors import InvalidAction
from recommender.models import QueueItem, QueueKind, Revision, RevisionState
from recommender.store.accounts import Role
from recommender.store.history import diff, get_revision
from recommender.store.listings import get_listing
from recommender.store.revisions import approve_revision, reject_revision, request_changes
from recommender.store.worklist import count_queue, list_queue
from recommender.web import get_db
from recommender.web.auth import current_session, require
from recommender.web.desk.asked import read_note
from recommender.web.desk.diff import describe_changes
from recommender.web.desk.refusals import refuse_errors

bp = Blueprint("staff_review", __name__, url_prefix="/staff")
refuse_errors(bp)

SECTIONS = {
    QueueKind.REVISION: "Edits of listings that are shown",
    QueueKind.REVIEW: "Drafts to be published",
    QueueKind.RETURNED: "Edits that were given back to their authors",
}
MAX_LISTED = 200


@bp.get("/review")
@require(Role.EDITOR)
def queue() -> str:
    """What waits for review, oldest first."""
    items = list_queue(get_db(), SECTIONS, limit=MAX_LISTED)
    return render_template(
        "staff/review.html",
        sections=[
            (title, [item for item in items if item.kind is kind])
            for kind, title in SECTIONS.items()
        ],
        counts=count_queue(get_db()),
        item_url=_item_url,
        me=current_session().account.id,
    )


def _item_url(item: QueueItem) -> str:
    if item.kind is QueueKind.REVIEW:
        return url_for("staff_listing.show", slug=item.slug, _anchor="state")
    return url_for("staff_review.revision", slug=item.slug, number=item.number)


@bp.get("/review/<slug>/<int:number>")
@require(Role.EDITOR)
def revision(slug: str, number: int) -> str:
    """One revision: what it changes, and what may be said to it."""
    listing, entry = get_listing(get_db(), slug), get_revision(get_db(), slug, number)
    changes = diff(entry.before, entry.after) if entry.before and entry.after else ()
    return render_template(
        "staff/revision.html",
        listing=listing,
        entry=entry,
        changes=describe_changes(changes),
        may_decide=_may_decide(entry),
        is_own=entry.staff_id == current_session().account.id,
    )


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
        approve_revision(get_db(), slug, number, by=me, note=reason)
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
