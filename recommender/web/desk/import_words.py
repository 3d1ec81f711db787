"""The words of the desk for imports: states, verdicts and outcomes, reasons, and the report."""

from __future__ import annotations

import re
from collections.abc import Iterable, Iterator, Mapping
from typing import Any

from recommender.importers.csv_file import FIELDS, write_line
from recommender.store.imports import Import, ImportState
from recommender.store.plans import Outcome, StoredRow, Undone, Verdict
from recommender.web.desk.diff import LABELS, to_lines
from recommender.web.listings import format_ein

FORMAT_LABELS = {
    "csv": "Spreadsheet (CSV)",
    "hsds": "HSDS 3.0 (JSON, or a zipped package)",
    "irs-bmf": "IRS Business Master File (CSV, or .csv.gz)",
    "irs-990-xml": "IRS Form 990 returns (XML, or a zip of many)",
}
FIELD_LABELS = {
    **LABELS,
    **{field: LABELS.get(field, field.capitalize()) for field in FIELDS},
    "zip": "ZIP code",
    "visibility": "How much of the place is shown",
}
VERDICTS = {
    Verdict.CREATE: "New",
    Verdict.UPDATE: "Update",
    Verdict.CONFLICT: "Conflict",
    Verdict.UNCHANGED: "Unchanged",
    Verdict.DUPLICATE: "Duplicate",
    Verdict.REJECTED: "Rejected",
}
SETS = {
    Verdict.CREATE: "new, as imported drafts",
    Verdict.UPDATE: "updated where they were empty or had the fact from the same source",
    Verdict.CONFLICT: "in conflict with what an editor or another source wrote",
}
OUTCOMES = {
    Outcome.CREATED: "Draft made",
    Outcome.CHANGED: "Draft changed",
    Outcome.PROPOSED: "Put up for review",
}
UNDONE = {
    Undone.REMOVED: "Removed again",
    Undone.REVERTED: "Reverted",
    Undone.PROPOSED: "Going back put up for review",
    Undone.WITHDRAWN: "Proposal withdrawn",
    Undone.LEFT: "Left as it is",
}
# One of them, and several; by type, because members of two of them may be equal as texts.
_COUNTED: dict[type, dict[Any, tuple[str, str]]] = {
    Verdict: {
        Verdict.CREATE: ("new", "new"),
        Verdict.UPDATE: ("update", "updates"),
        Verdict.CONFLICT: ("conflict", "conflicts"),
        Verdict.UNCHANGED: ("unchanged", "unchanged"),
        Verdict.DUPLICATE: ("duplicate", "duplicates"),
        Verdict.REJECTED: ("rejected", "rejected"),
    },
    Outcome: {
        Outcome.CREATED: ("draft made", "drafts made"),
        Outcome.CHANGED: ("draft changed", "drafts changed"),
        Outcome.PROPOSED: ("revision put up for review", "revisions put up for review"),
    },
    Undone: {
        Undone.REMOVED: ("draft removed again", "drafts removed again"),
        Undone.REVERTED: ("change reverted", "changes reverted"),
        Undone.PROPOSED: ("way back put up for review", "ways back put up for review"),
        Undone.WITHDRAWN: ("proposal withdrawn", "proposals withdrawn"),
        Undone.LEFT: ("left as it is", "left as they are"),
    },
}
KIND_LABELS = {
    "csv": "Spreadsheet",
    "hsds": "HSDS",
    "irs-bmf": "IRS extract",
    "irs-990-xml": "Form 990",
}
STATES = {
    ImportState.RECEIVING: "Arriving",
    ImportState.OPENING: "Being read",
    ImportState.MAPPING: "Waits for its columns to be mapped",
    ImportState.PLANNING: "Being read and compared",
    ImportState.PLANNED: "Waits for a decision",
    ImportState.APPLYING: "Being written",
    ImportState.APPLIED: "Imported",
    ImportState.UNDOING: "Being undone",
    ImportState.UNDONE: "Undone",
    ImportState.FAILED: "Could not be read",
    ImportState.DISCARDED: "Discarded",
}


def in_numbers(counts: Mapping[Verdict | Outcome | Undone, int]) -> str:
    """Counts in words, e.g. "300 drafts made, 1 revision put up for review"."""
    words = _COUNTED[type(next(iter(counts)))] if counts else {}
    return ", ".join(
        f"{counts[kind]:,} {forms[counts[kind] > 1]}"
        for kind, forms in words.items()
        if counts.get(kind)
    )


# A field, or several, at the end of a part of a reason; or one at its beginning.
_FIELDS_NAMED = re.compile(r"(?<=: )[a-z_]+(?:, [a-z_]+)*(?=;|$)|^[a-z_]+(?=: )")


def say_reason(reason: str) -> str:
    """A reason in which fields have the names by which the desk knows them."""
    said = _FIELDS_NAMED.sub(
        lambda found: ", ".join(FIELD_LABELS.get(name, name) for name in found[0].split(", ")),
        reason,
    )
    return said[:1].upper() + said[1:]


def say_progress(import_: Import) -> str:
    """How far a worker is."""
    if not import_.stage:
        return "It will begin in a moment."
    if import_.total:
        return f"{import_.stage}: {import_.done:,} of {import_.total:,}"
    return f"{import_.stage}: {import_.done:,} so far" if import_.done else f"{import_.stage} …"


def describe_row(row: StoredRow) -> str:
    """By what a row is known beside its name: the EIN, and for a new listing the place."""
    planned = row.planned
    office = planned.nonprofit.office if planned.nonprofit and not planned.before else None
    parts = [format_ein(planned.ein) if planned.ein else ""]
    parts += [f"{office.city}, {office.state}"] if office else []
    return " · ".join(filter(None, parts))


def write_report(rows: Iterable[StoredRow]) -> Iterator[str]:
    """The lines of a spreadsheet of rows, safe to open."""
    yield write_line(_REPORT)
    for row in rows:
        yield write_line(_report_cells(row))


_REPORT = (
    *("where", "verdict", "name", "ein", "listing", "reason", "changes", "left out", "done"),
    *("undone", "remark"),
)


def _report_cells(row: StoredRow) -> Iterator[str]:
    planned = row.planned
    yield from (planned.where, planned.verdict, planned.name, planned.ein)
    yield from (
        row.listing or planned.slug,
        say_reason(planned.reason),
        "; ".join(_changes_in_words(row)),
    )
    yield "yes" if row.is_left_out else ""
    yield OUTCOMES[row.outcome] if row.outcome else ""
    yield UNDONE[row.undone] if row.undone else ""
    yield row.remark


def _changes_in_words(row: StoredRow) -> Iterator[str]:
    for change in row.planned.changes:
        before, after = (
            " | ".join(to_lines(change.field, value)) or "nothing"
            for value in (change.before, change.after)
        )
        yield f"{LABELS[change.field]}: {before} → {after}"
