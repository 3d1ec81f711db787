"""The desk's home: what waits, how fresh and how complete the directory is, and who gets shown."""

from __future__ import annotations

import fcntl
import shutil
import time
from collections import Counter
from collections.abc import Iterator, Sequence
from contextlib import closing, contextmanager
from dataclasses import asdict, dataclass
from datetime import UTC, date, datetime
from functools import partial
from typing import Any

from flask import Blueprint, redirect, render_template, request, url_for
from werkzeug.wrappers import Response

from recommender import store
from recommender.config import Settings
from recommender.exposure import (
    CROWD,
    SIZES,
    ExposureReport,
    Group,
    measure_exposure,
    read_report,
    simulate_donors,
)
from recommender.geo import STATES
from recommender.index import is_publishing, load_generation
from recommender.models import QueueKind, SubmissionKind
from recommender.publish import find_serving
from recommender.store.accounts import Role
from recommender.store.ageing import AgeingPolicy, age_listings, months_before, plan_ageing
from recommender.store.exposures import (
    Exposure,
    find_exposure,
    find_last_exposure,
    put_exposure,
)
from recommender.store.library import list_tags
from recommender.store.listings import list_excluded
from recommender.store.overview import (
    LIBRARY,
    Coverage,
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
from recommender.web.background import get_background
from recommender.web.desk.asked import read_number
from recommender.web.desk.charts import (
    FEW_LEVELS,
    LEVELS,
    Histogram,
    Pair,
    Stack,
    draw_histogram,
    draw_pairs,
    draw_stacks,
    draw_tiles,
    list_tiles,
    shade,
)
from recommender.web.desk.refusals import refuse_errors
from recommender.web.vocabulary import get_vocabulary

bp = Blueprint("staff_dashboard", __name__, url_prefix="/staff")
refuse_errors(bp)

PUBLIC = ("published", "due")
"""The states of what donors can find, as the staff's list is narrowed by them."""

QUEUE: dict[str, str] = {
    SubmissionKind.REMOVAL: "Removal requests",
    SubmissionKind.CLAIM: "Claims",
    SubmissionKind.FIX: "Corrections",
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
N_SHOWN = 8
"""How many states a short list shows."""
PROGRESS_STEP = 50
PAUSE_S = 0.001
SIZE_LABELS = {
    "0": f"Under ${SIZES[0]:,}",
    "1": "To $1 million",
    "2": "To $10 million",
    "3": "Over $10 million",
    "": "Revenue not known",
}
LENGTH_LABELS = {
    "0": "Shortest quarter",
    "1": "Second quarter",
    "2": "Third quarter",
    "3": "Longest quarter",
}


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


@dataclass(frozen=True, kw_only=True)
class StateRow:
    """A state in the table of coverage; `lacking` are services that nobody offers there."""

    code: str
    name: str
    n_listings: int
    n_visiting: int
    n_thin: int
    lacking: tuple[str, ...]


@dataclass(frozen=True, kw_only=True)
class Exposed:
    """A report in pictures. `is_current` says that it is of the generation that serves."""

    report: ExposureReport
    is_current: bool
    sizes: tuple[Pair, ...]
    lengths: tuple[Pair, ...]
    states: tuple[Pair, ...]


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
        tiles=draw_tiles(coverage.offices, {c: _list_url(state=c) for c in list_tiles()}),
        gaps=_find_gaps(coverage)[:N_SHOWN],
        n_states=len(list_tiles()),
        thin=thin,
        n_public=n_public,
        thin_states=_draw_thin(coverage),
        exposed=_draw_exposure(),
        measuring=_measure_if_needed(),
        n_donors=CROWD.size,
        last=find_last_publication(get_db()),
        serving=find_serving(get_settings()),
        is_underway=is_publishing(get_settings().index),
        free_bytes=shutil.disk_usage(get_settings().instance).free,
        list_url=_list_url,
    )


def _list_url(**narrowed: str) -> str:
    """The staff's list of what donors can find, narrowed."""
    return url_for("staff_listings.index", status=PUBLIC, **narrowed)  # type: ignore[arg-type]


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
    services = _services()
    service = request.args.get("service", "")
    if service not in services:
        service = ""
    return render_template(
        "staff/coverage.html",
        service=service,
        services=services,
        tiles=_draw_coverage(found, service),
        rows=_state_rows(found),
        gaps=_find_gaps(found),
        n_states=len(list_tiles()),
        counts=found.services,
        shade=partial(shade, levels=FEW_LEVELS),
        list_url=_list_url,
    )


def _draw_coverage(found: Coverage, service: str) -> Any:
    if not service:
        hrefs = {code: _list_url(state=code) for code in list_tiles()}
        return draw_tiles(found.offices, hrefs, LEVELS)
    values = {code: found.services.get((code, service), 0) for code in list_tiles()}
    hrefs = {code: _list_url(state=code, service=service) for code in list_tiles()}
    return draw_tiles(values, hrefs, FEW_LEVELS)


def _services() -> dict[str, str]:
    tags = get_vocabulary().of_kind("services")
    return {tag.slug: tag.label_en for tag in sorted(tags, key=lambda tag: tag.label_en)}


def _state_rows(found: Coverage) -> list[StateRow]:
    services = _services()
    return [
        StateRow(
            code=code,
            name=STATES[code].en,
            n_listings=found.offices.get(code, 0),
            n_visiting=found.visiting.get(code, 0),
            n_thin=found.thin.get(code, 0),
            lacking=tuple(
                label for slug, label in services.items() if not found.services.get((code, slug))
            ),
        )
        for code in sorted(list_tiles(), key=lambda code: STATES[code].en)
    ]


def _find_gaps(found: Coverage) -> list[tuple[str, str, int]]:
    """Services as (slug, label, in how many states nobody offers them), most lacking first."""
    gaps = [
        (slug, label, sum(not found.services.get((code, slug)) for code in list_tiles()))
        for slug, label in _services().items()
    ]
    return sorted((gap for gap in gaps if gap[2]), key=lambda gap: -gap[2])


def _draw_thin(found: Coverage) -> tuple[Stack, ...]:
    """The states with most thin listings, each bar with the others beside them."""
    most = sorted(found.thin, key=lambda code: (-found.thin[code], code))[:N_SHOWN]
    return draw_stacks(
        [
            (
                STATES[code].en,
                _list_url(state=code, thin="1"),
                [found.thin[code], found.offices[code] - found.thin[code]],
            )
            for code in most
            if code in STATES
        ],
        ("thin", "full"),
    )


# --- Exposure ----------------------------------------------------------------------------


@bp.get("/exposure")
@require(Role.EDITOR)
def exposure() -> dict[str, Any]:
    """How far the report is, for the script of the page that waits for it."""
    progress = _measure_if_needed()
    done = progress.n_done if progress else CROWD.size
    return {
        "working": progress is not None,
        "words": f"{done:,} of {CROWD.size:,} made-up donors have asked.",
        "done": done,
        "total": CROWD.size,
    }


def _draw_exposure() -> Exposed | None:
    """The newest report there is."""
    found = find_last_exposure(get_db())
    if found is None or found.report is None:
        return None
    report = read_report(found.report)
    return Exposed(
        report=report,
        is_current=found.generation == find_serving(get_settings()),
        sizes=_pair(report, report.sizes, SIZE_LABELS),
        lengths=_pair(report, report.lengths, LENGTH_LABELS),
        states=_pair(
            report,
            sorted(report.states, key=lambda group: -group.n_listings),
            {code: names.en for code, names in STATES.items()} | {"": "No office shown"},
        ),
    )


def _pair(
    report: ExposureReport, groups: Sequence[Group], labels: dict[str, str]
) -> tuple[Pair, ...]:
    order = {key: at for at, key in enumerate(labels)}
    known = [group for group in groups if group.key in labels]
    if len(known) <= len(SIZE_LABELS):
        known.sort(key=lambda group: order[group.key])
    return draw_pairs(
        (
            labels[group.key],
            group.n_listings / max(1, report.n_listings),
            group.n_shown / max(1, report.n_shown),
        )
        for group in known
    )


def _measure_if_needed() -> Exposure | None:
    """How far the report on what serves is; None where it is done, or nothing serves."""
    settings = get_settings()
    generation = find_serving(settings)
    if not generation:
        return None
    found = find_exposure(get_db(), generation)
    if found and found.report is not None:
        return None
    get_background().soon("exposure", partial(_measure, settings, generation))
    return found or Exposure(generation=generation, n_done=0, n_profiles=CROWD.size)


def _measure(settings: Settings, generation: str) -> None:
    """Put the crowd to the engine, unless another worker does."""
    with closing(store.connect(settings.database)) as db, _alone(settings) as is_alone:
        known = find_exposure(db, generation)
        if not is_alone or (known and known.report is not None):
            return
        index = load_generation(settings.index, generation)

        def tell(n_done: int) -> None:
            # Requests of this worker come in between.
            time.sleep(PAUSE_S)
            if n_done % PROGRESS_STEP == 0:
                put_exposure(
                    db, Exposure(generation=generation, n_done=n_done, n_profiles=CROWD.size)
                )

        tell(0)
        donors = simulate_donors(index, list_tags(db))
        report = measure_exposure(index, donors, exclude=list_excluded(db), progress=tell)
        put_exposure(
            db,
            Exposure(
                generation=generation,
                n_done=len(donors),
                n_profiles=len(donors),
                report=asdict(report),
            ),
        )


@contextmanager
def _alone(settings: Settings) -> Iterator[bool]:
    """Whether no other process has the report in hand; the lock ends with the process."""
    with (settings.instance / ".exposure.lock").open("w") as lock:
        try:
            fcntl.flock(lock, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError:
            yield False
        else:
            yield True
