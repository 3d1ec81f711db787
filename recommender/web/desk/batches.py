"""One thing done to many listings: what would happen, what has happened, and the way back."""

from __future__ import annotations

from flask import Blueprint, redirect, render_template, request, url_for
from werkzeug.wrappers import Response as AnyResponse

from recommender.errors import InvalidAction
from recommender.store.accounts import Role
from recommender.store.batches import (
    MAX_BATCH,
    Batch,
    BatchAction,
    BatchRequest,
    Chosen,
    Outcome,
    apply_batch,
    get_batch,
    list_batches,
    plan_batch,
    undo_batch,
)
from recommender.store.worklist import list_slugs, read_revisions
from recommender.web import get_db
from recommender.web.auth import current_session, require
from recommender.web.desk.asked import read_note, read_number
from recommender.web.desk.labels import ACTIONS, STATUS_LABELS
from recommender.web.desk.listings import address_of, find_query, read_address
from recommender.web.desk.narrowing import Narrowing
from recommender.web.desk.refusals import refuse_errors

bp = Blueprint("staff_batches", __name__, url_prefix="/staff/batches")
refuse_errors(bp)

BECOMES = {
    BatchAction.CHECK: "Due",
    BatchAction.REVIEW: "In review",
    BatchAction.PUBLISH: "Published",
    BatchAction.ARCHIVE: "Archived",
}
"""What a listing is after an action that moves it on."""


@bp.get("")
@require(Role.EDITOR)
def index() -> str:
    """The last batches."""
    return render_template("staff/batches.html", batches=list_batches(get_db()), actions=ACTIONS)


@bp.post("/plan")
@require(Role.EDITOR)
def plan() -> str:
    """What would happen to what is chosen; nothing does yet."""
    narrowing = read_address(request.form.get("query", ""))
    slugs = _read_slugs(narrowing)
    revisions = read_revisions(get_db(), slugs)
    chosen = tuple(Chosen(slug=slug, revision=revisions[slug]) for slug in slugs)
    wanted = _read_request(chosen)
    return render_template(
        "staff/batch_plan.html",
        batch=plan_batch(get_db(), wanted, by=current_session().account.id),
        chosen=" ".join(f"{one.slug}:{one.revision}" for one in chosen),
        query=narrowing.address,
        back=address_of(narrowing.address),
        **_words(),
    )


@bp.post("")
@require(Role.EDITOR)
def apply() -> AnyResponse:
    """Do it."""
    wanted = _read_request(_read_chosen(request.form.get("chosen", "")))
    number = apply_batch(get_db(), wanted, by=current_session().account.id)
    return _show(number)


@bp.get("/<int:number>")
@require(Role.EDITOR)
def show(number: int) -> str:
    """What a batch has done, and to what not."""
    batch = get_batch(get_db(), read_number(str(number)))
    query = read_address(request.args.get("query", "")).address
    return render_template(
        "staff/batch.html",
        batch=batch,
        may_undo=_may_undo(batch),
        query=query,
        back=address_of(query),
        **_words(),
    )


@bp.post("/<int:number>/undo")
@require(Role.EDITOR)
def undo(number: int) -> AnyResponse:
    """Bring back what was, where nothing was changed since."""
    undo_batch(get_db(), read_number(str(number)), by=current_session().account.id)
    return _show(number)


def _show(number: int) -> AnyResponse:
    """Go to the page of a batch, which leads back to the list as it was."""
    query = read_address(request.form.get("query", "")).address or None
    return redirect(url_for(".show", number=number, query=query), 303)


def _words() -> dict[str, object]:
    return {"actions": ACTIONS, "statuses": STATUS_LABELS, "becomes": BECOMES, "outcomes": Outcome}


def _may_undo(batch: Batch) -> bool:
    me = current_session().account
    is_mine = batch.staff_id == me.id or me.role.covers(Role.REVIEWER)
    return is_mine and not batch.undone_at and batch.counts[Outcome.DONE] > 0


def _read_slugs(narrowing: Narrowing) -> list[str]:
    """What is chosen: row by row, or all that the list was narrowed to."""
    if request.form.get("all") == "1":
        query, _ = find_query(narrowing)
        return list_slugs(get_db(), query, MAX_BATCH)
    slugs = list(dict.fromkeys(request.form.getlist("slug")))
    if not slugs:
        raise InvalidAction("Please choose at least one listing.")
    return slugs


def _read_request(chosen: tuple[Chosen, ...]) -> BatchRequest:
    action = request.form.get("action", "")
    if action not in set(BatchAction):
        raise InvalidAction("Please choose what to do with them.")
    is_given = action == BatchAction.ASSIGN
    return BatchRequest(
        action=BatchAction(action),
        chosen=chosen,
        assignee_id=read_number(request.form.get("to", "")) or None if is_given else None,
        note=read_note("note"),
    )


def _read_chosen(text: str) -> tuple[Chosen, ...]:
    pairs = (one.rpartition(":") for one in text.split())
    return tuple(Chosen(slug=slug, revision=read_number(number)) for slug, _, number in pairs)
