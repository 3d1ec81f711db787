"""The desk's home: what waits, how fresh and how complete the directory is, and who gets shown."""

from __future__ import annotations

import shutil
from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import UTC, date, datetime
from functools import partial
from typing import Any

from flask import Blueprint, redirect, render_template, request, url_for
from werkzeug.wrappers import Response

from recommender.index import is_publishing
from recommender.models import QueueKind, SubmissionKind
from recommender.publish import find_serving
from recommender.store.accounts import Role
from recommender.store.ageing import AgeingPolicy, age_listings, months_before, plan_ageing
from recommender.store.overview import (
    LIBRARY,
    Waiting,
    count_checks,
    count_thin,
    list_waiting,
    measure_coverage,
)
from recommender.store.publications import find_last_publication
from recommender.store.revisions import get_staff
from recommender.web import get_db, get_settings
from recommender.web.auth import current_session, require
from recommender.web.desk import crowd
from recommender.web.desk.asked import read_number
from recommender.web.desk.charts import (
    FEW_LEVELS,
    Histogram,
    Stack,
    draw_histogram,
    draw_stacks,
    list_tiles,
    shade,
)
from recommender.web.desk.coverage import (
    N_SHOWN,
    draw_coverage,
    draw_thin,
    find_gaps,
    list_states,
    list_url,
)
from recommender.web.desk.narrowing import list_services
from recommender.web.desk.refusals import refuse_errors
from recommender.web.exposed import draw_exposure

bp = Blueprint("staff_dashboard", __name__, url_prefix="/staff")
refuse_errors(bp)

QUEUE: dict[str, str] = {
    SubmissionKind.REMOVAL: "Removal requests",
    SubmissionKind.CLAIM: "Claims",
    SubmissionKind.FIX: "Corrections",
    SubmissionKind.PARTNER: "Messages of partners",
    SubmissionKind.NOMINATION: "Suggestions",
    QueueKind.REVISION: "Edits of what is shown",
    QueueKind.REVIEW: "Drafts to be published",
    LIBRARY: "Words, articles and guides",
    QueueKind.RETURNED: "Edits that were given back",
    QueueKind.DUE: "Listings due for a check",
    QueueKind.STALE: "Stale listings",
}
AGES = ((2, "2 days"), (7, "a week"), (30, "a month"))
AGE_KINDS = ("new", "week", "month", "old")
MONTHS = (4, 7, 13, 19, 25, 37, 61)
MONTH_LABELS = ("0–3", "4–6", "7–12", "13–18", "19–24", "25–36", "to 60", "older")
OLD_MONTHS = 13


@dataclass(frozen=True, kw_only=True)
class Mine:
    """What waits for the one who is signed in."""

    n_given: int
    n_returned: int
    n_to_review: int


@dataclass(frozen=True, kw_only=True)
class Freshness:
    """How long ago public listings were checked; `old_before` is the day that divides them."""

    histogram: Histogram
    n_old: int
    n_total: int
    n_never: int
    old_before: str


# --- Home --------------------------------------------------------------------------------


@bp.get("")
@require(Role.EDITOR)
def home() -> str:
    """Where work begins."""
    waiting = list_waiting(get_db())
    coverage = measure_coverage(get_db())
    thin, n_public = count_thin(get_db())
    return render_template(
        "staff/home.html",
        mine=_find_mine(waiting),
        queue=_draw_queue(waiting),
        ages=(*(f"in {words}" for _, words in AGES), "older"),
        freshness=_draw_freshness(),
        tiles=draw_coverage(coverage),
        gaps=find_gaps(coverage)[:N_SHOWN],
        n_states=len(list_tiles()),
        thin=thin,
        n_public=n_public,
        thin_states=draw_thin(coverage),
        exposed=draw_exposure(),
        measuring=crowd.measure_if_needed(),
        n_donors=crowd.CROWD.size,
        last=find_last_publication(get_db()),
        serving=find_serving(get_settings()),
        is_underway=is_publishing(get_settings().index),
        free_bytes=shutil.disk_usage(get_settings().instance).free,
        list_url=list_url,
    )


def _find_mine(waiting: Sequence[Waiting]) -> Mine:
    me = current_session().account
    own = [item for item in waiting if item.author_id == me.id]
    reviewed = (QueueKind.REVISION, QueueKind.REVIEW, LIBRARY)
    others = [item for item in waiting if item.kind in reviewed and item.author_id != me.id]
    return Mine(
        n_given=sum(item.assignee_id == me.id for item in waiting),
        n_returned=sum(item.kind == QueueKind.RETURNED for item in own),
        n_to_review=len(others) if me.role.covers(Role.REVIEWER) else 0,
    )


def _draw_queue(waiting: Sequence[Waiting]) -> tuple[Stack, ...]:
    now = datetime.now(UTC)
    counts = Counter((item.kind, _age_class(item.since, now)) for item in waiting)
    return draw_stacks(
        [
            (label, _queue_url(kind), [counts[kind, age] for age in range(len(AGE_KINDS))])
            for kind, label in QUEUE.items()
        ],
        AGE_KINDS,
    )


def _age_class(since: str, now: datetime) -> int:
    days = (now - datetime.fromisoformat(since)).days
    return sum(days >= limit for limit, _ in AGES)


def _queue_url(kind: str) -> str:
    if kind in set(SubmissionKind):
        return url_for("staff_inbox.index", kind=kind)
    if kind in (QueueKind.DUE, QueueKind.STALE):
        return url_for("staff_listings.index", status=kind, sort="checked")
    return url_for("staff_library.index" if kind == LIBRARY else "staff_review.queue")


# --- Freshness ---------------------------------------------------------------------------


def _draw_freshness() -> Freshness:
    today = _today()
    checks = count_checks(get_db())
    ages: Counter[int] = Counter()
    for checked_on, number in checks.items():
        if checked_on:
            ages[_months_since(checked_on, today)] += number
    bins = [0] * len(MONTH_LABELS)
    for months, number in ages.items():
        bins[sum(months >= limit for limit in MONTHS)] += number
    is_old = [limit >= OLD_MONTHS for limit in (0, *MONTHS)]
    old = sum(number for months, number in ages.items() if months >= OLD_MONTHS)
    return Freshness(
        histogram=draw_histogram(list(zip(MONTH_LABELS, bins, is_old, strict=True))),
        n_old=old,
        n_total=sum(checks.values()),
        n_never=checks.get("", 0),
        old_before=months_before(today, AgeingPolicy().due_after),
    )


def _months_since(checked_on: str, today: date) -> int:
    """Whole months; a year or a month is as old as its end."""
    year, month = int(checked_on[:4]), int(checked_on[5:7] or 12)
    return max(0, (today.year - year) * 12 + today.month - month)


def _today() -> date:
    return datetime.now(UTC).date()


@bp.get("/ageing")
@require(Role.EDITOR)
def ageing() -> str:
    """What would be due for a check next, and what would be stale, before it is."""
    plan = plan_ageing(get_db(), _today())
    may_age = current_session().account.role.covers(Role.REVIEWER)
    return render_template(
        "staff/ageing.html",
        plan=plan,
        policy=AgeingPolicy(),
        may_age=may_age,
        is_done="done" in request.args,
        n_due=read_number(request.args.get("due", "")),
        n_stale=read_number(request.args.get("stale", "")),
    )


@bp.post("/ageing")
@require(Role.REVIEWER)
def age() -> Response:
    """Let listings age, as the daily command does."""
    staff = get_staff(get_db(), current_session().account.id, Role.REVIEWER)
    done = age_listings(get_db(), _today(), note=f"Started by {staff.name}.")
    counts = {"due": len(done.due) or None, "stale": len(done.stale) or None}
    return redirect(url_for("staff_dashboard.ageing", done="yes", **counts), 303)  # type: ignore[arg-type]


# --- Coverage ----------------------------------------------------------------------------


@bp.get("/coverage")
@require(Role.EDITOR)
def coverage() -> str:
    """Where listings and services are, and where they are not."""
    found = measure_coverage(get_db())
    services = list_services()
    service = request.args.get("service", "")
    if service not in services:
        service = ""
    return render_template(
        "staff/coverage.html",
        service=service,
        services=services,
        tiles=draw_coverage(found, service),
        rows=list_states(found),
        gaps=find_gaps(found),
        n_states=len(list_tiles()),
        counts=found.services,
        shade=partial(shade, levels=FEW_LEVELS),
        list_url=list_url,
    )


# --- Exposure ----------------------------------------------------------------------------


@bp.get("/exposure")
@require(Role.EDITOR)
def exposure() -> dict[str, Any]:
    """How far the report is, for the script of the page that waits for it."""
    progress, total = crowd.measure_if_needed(), crowd.CROWD.size
    done = progress.n_done if progress else total
    return {
        "working": progress is not None,
        "words": f"{done:,} of {total:,} made-up donors have asked.",
        "done": done,
        "total": total,
    }
