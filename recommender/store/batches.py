"""One action on many listings at once, kept so that it can be undone.

A batch is one transaction, in which each listing goes through the same checks as by itself;
those that do not pass are left out, with the reason. Undoing one takes back what nothing has
touched since.
"""

from __future__ import annotations

import json
from collections import Counter
from collections.abc import Mapping
from contextlib import suppress
from dataclasses import dataclass, replace
from enum import StrEnum
from typing import Any

from sqlite_utils import Database

from recommender.errors import EditConflict, InvalidAction, NotAllowed, NotFound
from recommender.models import Listing, RevisionKind, Status
from recommender.store import snapshot, transaction
from recommender.store.accounts import Role
from recommender.store.history import Action, now
from recommender.store.listings import SHOWN, change_listing, get_listing
from recommender.store.revisions import Staff, check_revision, get_staff
from recommender.store.rows import Row
from recommender.store.workflow import assign, change_status

MAX_BATCH = 300
"""What is done in one go; with more, others would wait too long for their turn to write."""


class BatchAction(StrEnum):
    """What is done to each listing of a batch."""

    ASSIGN = "assign"
    CHECK = "check"
    REVIEW = "review"
    PUBLISH = "publish"
    ARCHIVE = "archive"


class Outcome(StrEnum):
    """What became of a listing in a batch; `kept` is what could not be undone."""

    DONE = "done"
    SKIPPED = "skipped"
    UNDONE = "undone"
    KEPT = "kept"


# The state an action starts from, where it may not start from any, and the state it leads to.
_FROM = {
    BatchAction.CHECK: Status.PUBLISHED,
    BatchAction.REVIEW: Status.DRAFT,
    BatchAction.PUBLISH: Status.IN_REVIEW,
}
_TO = {
    BatchAction.CHECK: Status.DUE,
    BatchAction.REVIEW: Status.IN_REVIEW,
    BatchAction.PUBLISH: Status.PUBLISHED,
    BatchAction.ARCHIVE: Status.ARCHIVED,
}


@dataclass(frozen=True, kw_only=True)
class Chosen:
    """A listing and the revision at which it was seen when it was chosen."""

    slug: str
    revision: int


@dataclass(frozen=True, kw_only=True)
class BatchRequest:
    """What is to be done to which listings; `assignee_id` is None to give them to nobody."""

    action: BatchAction
    chosen: tuple[Chosen, ...]
    assignee_id: int | None = None
    note: str = ""


@dataclass(frozen=True, kw_only=True)
class BatchItem:
    """A listing in a batch. `status` and `assignee_id` are those it had before.

    `revision` is that of the listing after the batch: while it stands, nothing has changed.
    """

    position: int
    slug: str
    name: str
    outcome: Outcome
    reason: str
    status: Status
    revision: int
    assignee_id: int | None = None


@dataclass(frozen=True, kw_only=True)
class Batch:
    """What was done, by whom and when (ISO 8601 in UTC), and who has undone it, if anybody.

    `items` are empty in a list of batches; `counts` are there always.
    """

    id: int
    action: BatchAction
    staff_name: str
    created_at: str
    counts: Mapping[Outcome, int]
    items: tuple[BatchItem, ...] = ()
    staff_id: int | None = None
    assignee_id: int | None = None
    assignee_name: str = ""
    note: str = ""
    undone_by: str = ""
    undone_at: str = ""

    def with_outcome(self, outcome: Outcome) -> tuple[BatchItem, ...]:
        """The listings that had one outcome."""
        return tuple(item for item in self.items if item.outcome is outcome)


def list_actions(role: Role) -> tuple[BatchAction, ...]:
    """The actions that a role may take on many listings."""
    return tuple(action for action in BatchAction if role.covers(_least_role(action)))


def plan_batch(db: Database, request: BatchRequest, *, by: int) -> Batch:
    """What applying a request would do: it is done, read and taken back.

    Raises:
        InvalidAction, NotAllowed, NotFound: see `apply_batch`.
    """
    with suppress(_TakeBack), transaction(db):
        planned = get_batch(db, apply_batch(db, request, by=by))
        raise _TakeBack
    return planned


def apply_batch(db: Database, request: BatchRequest, *, by: int) -> int:
    """Do what is asked to all listings that it may be done to; returns the batch's number.

    Raises:
        InvalidAction: no listing is chosen, or too many are.
        NotAllowed: the role does not suffice, or nothing can be given to the assignee.
        NotFound: there is no such listing.
    """
    if not 0 < len(request.chosen) <= MAX_BATCH:
        raise InvalidAction(f"Please choose 1 to {MAX_BATCH} listings.")
    with transaction(db):
        staff = get_staff(db, by, _least_role(request.action))
        number = _insert(db, request, staff)
        run = _Run(db=db, request=request, staff=staff, number=number)
        for position, chosen in enumerate(request.chosen):
            run.do(position, chosen)
    return number


def undo_batch(db: Database, number: int, *, by: int) -> Batch:
    """Bring back what each listing of a batch was before, where nothing was changed since.

    Raises:
        NotFound: there is no such batch.
        InvalidAction: it was undone already.
        NotAllowed: neither a reviewer nor who did the batch asks for it.
    """
    with transaction(db):
        batch = get_batch(db, number)
        staff = get_staff(db, by, _least_role(batch.action))
        if batch.undone_at:
            raise InvalidAction(f"It was undone already, by {batch.undone_by}.")
        if batch.staff_id != staff.id and not staff.role.covers(Role.REVIEWER):
            raise NotAllowed("Only a reviewer undoes what somebody else has done.")
        for item in batch.with_outcome(Outcome.DONE):
            reason = _undo(db, batch, item, staff)
            outcome = Outcome.KEPT if reason else Outcome.UNDONE
            db.execute(
                "UPDATE batch_items SET outcome = ?, reason = ?"
                " WHERE batch_id = ? AND position = ?",
                [outcome.value, reason, number, item.position],
            )
        db.execute(
            "UPDATE batches SET undone_by = ?, undone_at = ? WHERE id = ?",
            [staff.name, now(), number],
        )
        return get_batch(db, number)


def get_batch(db: Database, number: int) -> Batch:
    """A batch with all its listings, in the order in which they were chosen.

    Raises:
        NotFound: there is none of this number.
    """
    with snapshot(db):
        rows = list(db.query("SELECT * FROM batches WHERE id = ?", [number]))
        if not rows:
            raise NotFound(f"There is no batch {number}.")
        items = tuple(_to_item(row) for row in db.query(_ITEMS, [number]))
    return replace(_to_batch(rows[0], Counter(item.outcome for item in items)), items=items)


def list_batches(db: Database, limit: int = 50) -> list[Batch]:
    """The last batches, newest first, without their listings."""
    with snapshot(db):
        rows = list(db.query("SELECT * FROM batches ORDER BY id DESC LIMIT ?", [limit]))
        counts: dict[int, Counter[Outcome]] = {row["id"]: Counter() for row in rows}
        ids = json.dumps([row["id"] for row in rows])
        for number, outcome, n in db.execute(_COUNTS, [ids]):
            counts[number][Outcome(outcome)] = n
    return [_to_batch(row, counts[row["id"]]) for row in rows]


class _TakeBack(Exception):
    """Leaves a transaction without keeping what was written in it."""


def _least_role(action: BatchAction) -> Role:
    return Role.REVIEWER if action is BatchAction.PUBLISH else Role.EDITOR


@dataclass(frozen=True, kw_only=True)
class _Run:
    """A batch while it is done, listing by listing, inside its transaction."""

    db: Database
    request: BatchRequest
    staff: Staff
    number: int

    def do(self, position: int, chosen: Chosen) -> None:
        """Do it to one listing, if that may be, and write down what became of it."""
        listing = get_listing(self.db, chosen.slug)
        outcome, reason, revision = Outcome.DONE, "", listing.revision
        try:
            revision = self._change(listing, chosen)
        except (InvalidAction, NotAllowed) as error:
            outcome, reason = Outcome.SKIPPED, str(error)
        except EditConflict:
            outcome, reason = Outcome.SKIPPED, "It was changed after you chose it."
        row = {
            "batch_id": self.number,
            "position": position,
            "nonprofit_id": listing.id,
            "outcome": outcome.value,
            "reason": reason,
            "status": listing.nonprofit.status.value,
            "revision": revision,
            "assignee_id": listing.assignee_id,
        }
        self.db.table("batch_items").insert(row)

    def _change(self, listing: Listing, chosen: Chosen) -> int:
        """Make the change; returns the listing's revision."""
        if self.request.action is BatchAction.ASSIGN:
            if listing.assignee_id == self.request.assignee_id:
                raise InvalidAction("It is so already.")
            assign(self.db, listing.nonprofit.slug, self.request.assignee_id, by=self.staff.id)
            return listing.revision
        check_revision(self.db, listing, chosen.revision)
        _check_start(listing.nonprofit.status, self.request.action)
        saved = change_status(
            self.db,
            listing.nonprofit.slug,
            _TO[self.request.action],
            by=self.staff.id,
            expected_revision=listing.revision,
            reason=f"Batch {self.number}. {self.request.note}".strip(),
        )
        return saved.revision


def _check_start(status: Status, action: BatchAction) -> None:
    start = _FROM.get(action, status)
    if status is _TO[action]:
        raise InvalidAction(f"It is {status} already.")
    if status is not start:
        raise InvalidAction(f"It is {status}, and only what is {start} becomes {_TO[action]}.")


def _insert(db: Database, request: BatchRequest, staff: Staff) -> int:
    assignee = get_staff(db, request.assignee_id).name if request.assignee_id is not None else ""
    row = {
        "action": request.action.value,
        "assignee_id": request.assignee_id,
        "assignee_name": assignee,
        "note": request.note,
        "staff_id": staff.id,
        "staff_name": staff.name,
        "created_at": now(),
    }
    db.table("batches").insert(row)
    (number,) = db.execute("SELECT last_insert_rowid()").fetchone()
    return int(number)


def _undo(db: Database, batch: Batch, item: BatchItem, staff: Staff) -> str:
    """Bring back what one listing was; returns why not, or ""."""
    listing = get_listing(db, item.slug)
    if batch.action is BatchAction.ASSIGN:
        if listing.assignee_id != batch.assignee_id:
            return "It was given to somebody else since."
        try:
            assign(db, item.slug, item.assignee_id, by=staff.id)
        except NotAllowed:
            return "Who had it before is no longer on the staff."
        return ""
    if listing.revision != item.revision:
        return f"It was changed since, and is {listing.nonprofit.status}."
    is_put_up = item.status in SHOWN and listing.nonprofit.status not in SHOWN
    if is_put_up and not staff.role.covers(Role.REVIEWER):
        return "Only a reviewer puts up again what was shown."
    before = replace(listing.nonprofit, status=item.status)
    note = f"Batch {batch.id} was undone."
    change_listing(db, listing, before, Action(kind=RevisionKind.STATUS, author=staff, note=note))
    return ""


_ITEMS = """
    SELECT items.*, slug, name FROM batch_items AS items
    JOIN nonprofits ON nonprofits.id = items.nonprofit_id
    WHERE batch_id = ? ORDER BY position"""

_COUNTS = """
    SELECT batch_id, outcome, count(*) FROM batch_items
    WHERE batch_id IN (SELECT value FROM json_each(?)) GROUP BY 1, 2"""


def _to_batch(row: Row, counts: Mapping[Outcome, int]) -> Batch:
    values: dict[str, Any] = dict(row)
    whole = dict.fromkeys(Outcome, 0) | dict(counts)
    return Batch(**values | {"action": BatchAction(row["action"])}, counts=whole)


def _to_item(row: Row) -> BatchItem:
    plain = ("slug", "name", "position", "reason", "revision", "assignee_id")
    values: dict[str, Any] = {name: row[name] for name in plain}
    return BatchItem(**values, outcome=Outcome(row["outcome"]), status=Status(row["status"]))
