"""Imports at the desk: a file is brought, its columns are mapped, compared, written and undone.

What takes time is done by `importers.runs` on the background thread. Every look at a page sees
from the store how far it is, and lets this worker go on where another one was stopped.
"""

from __future__ import annotations

import os
import re
import shutil
from dataclasses import replace
from functools import partial
from itertools import chain
from typing import Any, cast

from flask import (
    Blueprint,
    Response,
    current_app,
    make_response,
    redirect,
    render_template,
    request,
    stream_with_context,
    url_for,
)
from werkzeug.datastructures import FileStorage
from werkzeug.wrappers import Response as AnyResponse

from recommender.errors import InvalidAction
from recommender.importers.csv_file import FIELDS, ColumnMapping, list_rivals
from recommender.importers.formats import FORMATS
from recommender.importers.irs_bmf import KINDS
from recommender.importers.plan import MAX_RECORDS
from recommender.importers.runs import Workshop, sweep, work_on
from recommender.importers.streams import MEGABYTE
from recommender.importers.undo import check_may_undo
from recommender.publish import open_gazetteer
from recommender.store.accounts import Role
from recommender.store.history import now
from recommender.store.imports import (
    WORKING,
    Arrival,
    Column,
    Import,
    ImportState,
    count_kept_bytes,
    create_import,
    get_import,
    list_imports,
    move_import,
    remember_mapping,
)
from recommender.store.plans import (
    APPLICABLE,
    Outcome,
    RowQuery,
    StoredRow,
    Verdict,
    iterate_rows,
    leave_out,
    list_ready,
    list_rows,
    tally_rows,
)
from recommender.web import get_db, get_settings
from recommender.web.auth import current_session, require
from recommender.web.background import Background
from recommender.web.desk.account import Trouble
from recommender.web.desk.asked import read_number, turn_to
from recommender.web.desk.diff import describe_changes, describe_listing
from recommender.web.desk.import_words import (
    FIELD_LABELS,
    FORMAT_LABELS,
    KIND_LABELS,
    OUTCOMES,
    SETS,
    STATES,
    UNDONE,
    VERDICTS,
    describe_row,
    in_numbers,
    say_progress,
    say_reason,
    write_report,
)
from recommender.web.desk.refusals import refuse_errors

bp = Blueprint("staff_imports", __name__, url_prefix="/staff/imports")
refuse_errors(bp)
bp.add_app_template_global(in_numbers)

MAX_UPLOAD_BYTES = 64 * MEGABYTE
MAX_KEPT_BYTES = 512 * MEGABYTE
PAGE_SIZE = 50
MAX_TYPED = 200
WAIT_S = 0.8
"""Most files are read in less time, and then no page need say that they are being read."""

_MONTH = re.compile(r"[0-9]{4}-(0[1-9]|1[0-2])")
_HAVE_MONTH = tuple(name for name in FORMATS if name != "irs-990-xml")
_HAVE_SOURCE = ("csv", "hsds")


@bp.get("")
@require(Role.EDITOR)
def index() -> str:
    """All imports, newest first."""
    sweep(get_db(), _workshop())
    return render_template(
        "staff/imports.html",
        lines=list_imports(get_db()),
        states=STATES,
        kinds=KIND_LABELS,
    )


# --- A file comes in ---------------------------------------------------------------------


@bp.route("/new", methods=["GET", "POST"])
@require(Role.EDITOR, max_bytes=MAX_UPLOAD_BYTES)
def new() -> AnyResponse:
    """Take a file, and begin to read it."""
    if request.method == "GET":
        return _new_page()
    sweep(get_db(), _workshop())
    file = request.files.get("file")
    trouble = _find_trouble(file)
    if file is None or trouble is not None:
        return _new_page(trouble)
    return _begin(_receive(file).id)


def _new_page(trouble: Trouble | None = None) -> Response:
    page = render_template(
        "staff/import_new.html",
        trouble=trouble,
        typed=request.form,
        formats=FORMAT_LABELS,
        max_megabytes=MAX_UPLOAD_BYTES // MEGABYTE,
        max_records=MAX_RECORDS,
        this_month=now()[:7],
    )
    return make_response(page, trouble.status if trouble else 200)


def _find_trouble(file: FileStorage | None) -> Trouble | None:
    """What is missing in the form, the first thing of it."""
    form, format_ = request.form, request.form.get("format", "")
    if file is None or not file.filename:
        return Trouble(field="file", advice="Please choose a file.")
    if format_ not in FORMATS:
        return Trouble(field="format", advice="Please say what kind of file it is.")
    as_of = form.get("as_of", "")
    if format_ in _HAVE_MONTH and not (_MONTH.fullmatch(as_of) and as_of <= now()[:7]):
        advice = "Please give the month of the facts, for example 2024-01. It has passed or is now."
        return Trouble(field="as_of", advice=advice)
    if format_ in _HAVE_SOURCE and not form.get("source", "").strip():
        return Trouble(field="source", advice="Please say who states these facts.")
    if count_kept_bytes(get_db()) + (request.content_length or 0) > MAX_KEPT_BYTES:
        advice = "Too many files wait for a decision. Please import or discard some of them first."
        return Trouble(field="file", advice=advice)
    return None


def _receive(file: FileStorage) -> Import:
    me, form = current_session().account.id, request.form
    arrival = Arrival(
        file_name=clean_name(file.filename or ""),
        format=form["format"],
        source=" ".join(form["source"].split())[:200] if form["format"] in _HAVE_SOURCE else "",
        as_of=form["as_of"] if form["format"] in _HAVE_MONTH else "",
    )
    import_ = create_import(get_db(), arrival, by=me)
    try:
        n_bytes = _save(file, import_)
    except OSError:
        _workshop().drop_file(import_.id)
        problem = "The file could not be kept: the server may have no room left."
        return move_import(get_db(), import_.id, ImportState.FAILED, problem=problem)
    is_table = arrival.format == "csv"
    next_state = ImportState.OPENING if is_table else ImportState.PLANNING
    return move_import(get_db(), import_.id, next_state, n_bytes=n_bytes)


def _save(file: FileStorage, import_: Import) -> int:
    """Keep a file for its import, to be read by nobody else; returns its size."""
    path = _workshop().file_of(import_)
    path.parent.mkdir(mode=0o700, parents=True)
    with os.fdopen(os.open(path, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600), "wb") as kept:
        shutil.copyfileobj(file.stream, kept, MEGABYTE)
    return path.stat().st_size


def clean_name(name: str) -> str:
    """The name of a file that came in, without folders and signs that mean something to a path."""
    plain = re.sub(r"[^\w.() -]+", "-", re.split(r"[\\/]", name)[-1])
    # Its end says what kind of file it is.
    return plain.encode()[-120:].decode(errors="ignore").strip(" .-") or "file"


# --- One import --------------------------------------------------------------------------


@bp.get("/<int(max=999999999):number>")
@require(Role.EDITOR)
def show(number: int) -> str:
    """An import as it stands: on its way, waiting for an answer, or done."""
    import_ = _look(number)
    if import_.state in (*WORKING, ImportState.RECEIVING):
        return render_template(
            "staff/import_progress.html",
            import_=import_,
            words=say_progress(import_),
            states=STATES,
            **_described(import_),
        )
    if import_.state is ImportState.MAPPING:
        return _mapping_page(import_, import_.columns)
    return _plan_page(import_)


@bp.get("/<int(max=999999999):number>/progress")
@require(Role.EDITOR)
def progress(number: int) -> dict[str, Any]:
    """How far an import is, for the script of the page that waits for it."""
    import_ = _look(number)
    return {
        "working": import_.state in WORKING,
        "words": say_progress(import_),
        "done": import_.done,
        "total": import_.total,
    }


def _look(number: int) -> Import:
    """An import; this worker goes on with it if no other one does."""
    import_ = get_import(get_db(), number)
    if import_.is_silent:
        _soon(number)
    return import_


def _soon(number: int) -> None:
    _get_queue().soon(f"import {number}", partial(work_on, _workshop(), number))


def _get_queue() -> Background:
    """The queue of imports alone: a large file must not keep a publication waiting."""
    return cast(Background, current_app.extensions.setdefault("imports", Background()))


def _begin(number: int) -> AnyResponse:
    """Let the next step begin, and go to the page of the import."""
    _soon(number)
    _get_queue().wait(WAIT_S)
    return _back_to(number)


def _back_to(number: int, **query: Any) -> AnyResponse:
    return redirect(url_for("staff_imports.show", number=number, **query), 303)


def _workshop() -> Workshop:
    settings = get_settings()
    return Workshop(
        database=settings.database,
        folder=settings.instance / "imports",
        open_gazetteer=partial(open_gazetteer, settings),
    )


def _described(import_: Import) -> dict[str, Any]:
    counts = import_.counts
    kinds = [(label, counts[kind]) for kind, label in KINDS.items() if kind in counts]
    return {"n_read": counts.get("read"), "kinds": kinds, "formats": FORMAT_LABELS}


# --- Columns -----------------------------------------------------------------------------


def _mapping_page(
    import_: Import, columns: tuple[Column, ...], trouble: Trouble | None = None
) -> str:
    mapping = ColumnMapping(columns={c.field: c.name for c in columns if c.field})
    return render_template(
        "staff/import_mapping.html",
        import_=import_,
        columns=columns,
        rivals=list_rivals([column.name for column in columns], mapping),
        holders=mapping.columns,
        labels=FIELD_LABELS,
        trouble=trouble,
        field_choices=[("", "Leave it out"), *((name, FIELD_LABELS[name]) for name in FIELDS)],
    )


@bp.post("/<int(max=999999999):number>/columns")
@require(Role.EDITOR)
def set_columns(number: int) -> AnyResponse:
    """Take the answer which column holds what, remember it, and compare."""
    import_ = get_import(get_db(), number)
    if import_.state is not ImportState.MAPPING:
        raise InvalidAction("The columns of this file are mapped already.")
    columns = tuple(
        replace(column, field=_known_field(request.form.get(f"column_{i}", "")))
        for i, column in enumerate(import_.columns, start=1)
    )
    trouble = _find_column_trouble(columns)
    if trouble is not None:
        return make_response(_mapping_page(import_, columns, trouble), trouble.status)
    me, header = current_session().account.id, [column.name for column in columns]
    mapping = {column.field: column.name for column in columns if column.field}
    to = ImportState.PLANNING
    move_import(get_db(), number, to, by=me, mapping=mapping, columns=columns)
    remember_mapping(get_db(), header, mapping, by=me)
    return _begin(number)


def _known_field(name: str) -> str:
    return name if name in FIELDS else ""


def _find_column_trouble(columns: tuple[Column, ...]) -> Trouble | None:
    first: dict[str, int] = {}
    for i, column in enumerate(columns, start=1):
        if column.field and first.setdefault(column.field, i) != i:
            label = FIELD_LABELS[column.field]
            advice = f"{label}: two columns cannot hold it. Please leave one of them out."
            return Trouble(field=f"column_{i}", advice=advice)
    if "name" not in first:
        return Trouble(field="column_1", advice="Please say which column holds the name.")
    return None


@bp.post("/<int(max=999999999):number>/map")
@require(Role.EDITOR)
def map_again(number: int) -> AnyResponse:
    """Go back to the columns."""
    if not get_import(get_db(), number).columns:
        raise InvalidAction("This file has no columns to be mapped.")
    move_import(get_db(), number, ImportState.MAPPING, by=current_session().account.id)
    return _back_to(number)


# --- The plan, and what becomes of it ----------------------------------------------------


def _plan_page(import_: Import) -> str:
    query = _read_query()
    found = list_rows(get_db(), import_.id, query)
    tally = tally_rows(get_db(), import_.id)
    is_open = import_.state in (ImportState.PLANNED, ImportState.APPLIED)
    return render_template(
        "staff/import_plan.html",
        import_=import_,
        query=query,
        found=found,
        rows=[(row, _details(row)) for row in found.rows],
        tally=tally,
        n_rows=sum(tally.verdicts.values()),
        n_pages=-(-found.total // query.page_size),
        page_url=turn_to,
        sets=[
            (verdict, label, tally.ready[verdict] - tally.left_out[verdict])
            for verdict, label in SETS.items()
            if is_open and tally.ready.get(verdict)
        ],
        is_waiting=import_.state is ImportState.PLANNED,
        may_undo=import_.state is ImportState.APPLIED and bool(tally.outcomes),
        states=STATES,
        verdicts=VERDICTS,
        outcomes=OUTCOMES,
        undone=UNDONE,
        **_described(import_),
    )


def _read_query() -> RowQuery:
    args = request.args
    verdict, outcome = args.get("verdict", ""), args.get("outcome", "")
    return RowQuery(
        verdict=Verdict(verdict) if verdict in set(Verdict) else None,
        outcome=Outcome(outcome) if outcome in set(Outcome) else None,
        text=args.get("q", "").strip()[:MAX_TYPED],
        page=read_number(args.get("page", ""), default=1, most=10_000),
        page_size=PAGE_SIZE,
    )


def _details(row: StoredRow) -> dict[str, Any]:
    """What is said of a row: its changes, or what a new listing would hold."""
    planned = row.planned
    said: dict[str, Any] = {"about": describe_row(row), "reason": say_reason(planned.reason)}
    if planned.changes:
        said["changes"] = describe_changes(planned.changes)
    elif planned.nonprofit:
        facts = [fact for fact in describe_listing(planned.nonprofit) if fact.lines]
        said["facts"] = [fact for fact in facts if fact.field not in ("slug", "status")]
    return said


@bp.post("/<int(max=999999999):number>/rows")
@require(Role.EDITOR)
def choose(number: int) -> AnyResponse:
    """Keep which rows of a page are left out."""
    _keep_choice(number)
    query = {name: request.form.get(name, "") for name in ("verdict", "outcome", "q", "page")}
    return _back_to(number, **{name: value for name, value in query.items() if value})


def _keep_choice(number: int) -> None:
    shown = {read_number(value, default=-1) for value in request.form.getlist("shown")}
    taken = {read_number(value, default=-1) for value in request.form.getlist("taken")}
    choices = {position - 1: position not in taken for position in shown}
    leave_out(get_db(), number, choices, by=current_session().account.id)


@bp.post("/<int(max=999999999):number>/apply")
@require(Role.EDITOR)
def apply(number: int) -> AnyResponse:
    """Write the chosen sets, all of their rows or none."""
    _keep_choice(number)
    chosen = [verdict for verdict in APPLICABLE if verdict in request.form.getlist("set")]
    if not chosen or not list_ready(get_db(), number, chosen):
        raise InvalidAction("Please choose rows that are to be imported.")
    me = current_session().account.id
    move_import(get_db(), number, ImportState.APPLYING, by=me, chosen=chosen)
    return _begin(number)


@bp.post("/<int(max=999999999):number>/compare")
@require(Role.EDITOR)
def compare(number: int) -> AnyResponse:
    """Read the file again, and compare it with the listings as they are by now."""
    move_import(get_db(), number, ImportState.PLANNING, by=current_session().account.id)
    return _begin(number)


@bp.post("/<int(max=999999999):number>/discard")
@require(Role.EDITOR)
def discard(number: int) -> AnyResponse:
    """Forget a file on which nothing was decided."""
    move_import(get_db(), number, ImportState.DISCARDED, by=current_session().account.id)
    _workshop().drop_file(number)
    return _back_to(number)


@bp.post("/<int(max=999999999):number>/undo")
@require(Role.EDITOR)
def undo(number: int) -> AnyResponse:
    """Take back all that an import wrote, except what was worked on since."""
    if request.form.get("confirm") != "yes":
        raise InvalidAction("Please tick the box that says you mean it.")
    me = current_session().account.id
    check_may_undo(get_db(), get_import(get_db(), number), me)
    move_import(get_db(), number, ImportState.UNDOING, by=me)
    return _begin(number)


# --- The report --------------------------------------------------------------------------


@bp.get("/<int(max=999999999):number>/report.csv")
@require(Role.EDITOR)
def report(number: int) -> Response:
    """All rows of an import as a spreadsheet, safe to open."""
    import_ = get_import(get_db(), number)
    rows = iterate_rows(get_db(), number, _read_query())
    lines = (line.encode("utf-8") for line in chain(["\ufeff"], write_report(rows)))
    response = Response(stream_with_context(lines), content_type="text/csv; charset=utf-8")
    name = f"import-{import_.id}.csv"
    response.headers["Content-Disposition"] = f"attachment; filename={name}"
    return response
