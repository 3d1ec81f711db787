"""What staff do with a submission: each is one transaction with what it changes in a listing."""

from __future__ import annotations

from dataclasses import dataclass, replace

from sqlite_utils import Database

from recommender.errors import InvalidAction
from recommender.models import Nonprofit, Saved, Status, SubmissionKind
from recommender.store import transaction
from recommender.store.accounts import Role
from recommender.store.history import now
from recommender.store.inbox import InboxItem, Outcome, SubmissionStatus, get_submission
from recommender.store.listings import SHOWN, get_listing
from recommender.store.revisions import (
    Staff,
    create_listing,
    find_open_revision,
    get_staff,
    save_listing,
)
from recommender.store.workflow import change_status

MAX_NOTES = 5_000
"""As many characters as the editor lets stand in the notes of a listing."""

_STATUS = {
    Outcome.TAKEN_DOWN: SubmissionStatus.NEW,
    Outcome.REOPENED: SubmissionStatus.NEW,
    Outcome.DECLINED: SubmissionStatus.DECLINED,
}


@dataclass(frozen=True, kw_only=True)
class Act:
    """What is written down of an action."""

    outcome: Outcome
    reason: str = ""
    note: str = ""
    revision: int | None = None


def close(db: Database, number: int, act: Act, *, by: int) -> None:
    """Write down what came of a submission.

    Raises:
        NotFound: there is no such submission.
        InvalidAction: it was handled already.
        NotAllowed: the account may not act.
    """
    with transaction(db):
        staff, item = _take_up(db, number, by)
        _write(db, item, act, staff)


def reopen(db: Database, number: int, *, by: int, note: str = "") -> None:
    """Put a submission back into the inbox; what was changed in a listing stays.

    Raises:
        NotFound, NotAllowed: see `close`.
        InvalidAction: it waits there already.
    """
    with transaction(db):
        staff, item = get_staff(db, by), get_submission(db, number)
        if item.status is SubmissionStatus.NEW:
            raise InvalidAction("This message is in the inbox already.")
        _write(db, item, Act(outcome=Outcome.REOPENED, note=note), staff)


def accept_nomination(db: Database, number: int, record: Nonprofit, *, by: int) -> Saved:
    """Make a listing of what was suggested, as a nominated one.

    Raises:
        NotFound, NotAllowed: see `close`.
        InvalidAction: it was handled already, its slug is taken, or it must not be listed.
        StorageError: the record cannot be stored.
    """
    with transaction(db):
        staff, item = _take_up(db, number, by, SubmissionKind.NOMINATION)
        record = replace(record, status=Status.NOMINATED)
        saved = create_listing(db, record, by=by, note=f"Suggested in message {number}.")
        _link(db, item, record.slug)
        _write(db, item, Act(outcome=Outcome.LISTED, revision=saved.number), staff)
    return saved


def link_nomination(db: Database, number: int, slug: str, *, by: int) -> None:
    """Say that what was suggested is listed already.

    Raises:
        NotFound: there is no such submission or listing.
        InvalidAction, NotAllowed: see `close`.
    """
    with transaction(db):
        staff, item = _take_up(db, number, by, SubmissionKind.NOMINATION)
        _link(db, item, slug)
        _write(db, item, Act(outcome=Outcome.KNOWN), staff)


def confirm_claim(db: Database, number: int, *, by: int, how: str) -> Saved:
    """Note on the listing, for staff alone, that its organisation has come forward.

    The note joins an edit of the author's own that is not decided yet.

    Raises:
        NotFound, NotAllowed: see `close`.
        InvalidAction: it was handled already, how is not said, or the notes are full.
        EditConflict: the author's own edit was overtaken by another.
    """
    if not how.strip():
        raise InvalidAction("Please say how the claim was confirmed.")
    with transaction(db):
        staff, item = _take_up(db, number, by, SubmissionKind.CLAIM)
        slug = item.submission.slug
        listing, mine = get_listing(db, slug), find_open_revision(db, slug, by)
        record = mine.after if mine and mine.after else listing.nonprofit
        line = f"{now()[:10]}: claim confirmed by {staff.name} (message {number}). {how.strip()}"
        notes = f"{record.notes}\n{line}".strip()
        if len(notes) > MAX_NOTES:
            raise InvalidAction("The notes of this listing are full. Please shorten them first.")
        saved = save_listing(
            db,
            replace(record, notes=notes),
            by=by,
            expected_revision=mine.base if mine else listing.revision,
            note=f"Claim confirmed, message {number}.",
        )
        _write(db, item, Act(outcome=Outcome.CONFIRMED, note=how, revision=saved.number), staff)
    return saved


def take_down(db: Database, number: int, *, by: int) -> None:
    """Withdraw the listing that a removal request is about, whatever was edited meanwhile.

    The request still waits: whether the listing may ever come back is to be decided.

    Raises:
        NotFound, NotAllowed: see `close`.
        InvalidAction: it was handled already, or the listing is not shown.
    """
    with transaction(db):
        staff, item = _take_up(db, number, by, SubmissionKind.REMOVAL)
        listing = get_listing(db, item.submission.slug)
        if listing.nonprofit.status not in SHOWN:
            raise InvalidAction("This listing is not shown.")
        saved = _move(db, item, Status.WITHDRAWN, by)
        _write(db, item, Act(outcome=Outcome.TAKEN_DOWN, revision=saved.number), staff)


def bar(db: Database, number: int, *, by: int, note: str = "") -> None:
    """Put the listing that a removal request is about on the do-not-list.

    Raises:
        NotFound: see `close`.
        NotAllowed: the role does not suffice.
        InvalidAction: it was handled already, or the listing is in a state that cannot be.
    """
    with transaction(db):
        staff, item = _take_up(db, number, by, SubmissionKind.REMOVAL)
        get_staff(db, by, Role.REVIEWER)
        listing = get_listing(db, item.submission.slug)
        if listing.nonprofit.status is Status.DO_NOT_LIST:
            revision = listing.revision
        else:
            revision = _move(db, item, Status.DO_NOT_LIST, by).number
        _write(db, item, Act(outcome=Outcome.BARRED, note=note, revision=revision), staff)


def _move(db: Database, item: InboxItem, to: Status, by: int) -> Saved:
    slug = item.submission.slug
    seen = get_listing(db, slug).revision
    reason = f"Asked for in message {item.id}."
    return change_status(db, slug, to, by=by, expected_revision=seen, reason=reason)


def _take_up(
    db: Database, number: int, by: int, kind: SubmissionKind | None = None
) -> tuple[Staff, InboxItem]:
    staff, item = get_staff(db, by), get_submission(db, number)
    if item.status is not SubmissionStatus.NEW:
        last = item.actions[-1].staff_name if item.actions else "somebody"
        raise InvalidAction(f"This message was handled already, by {last}.")
    if kind is not None and item.submission.kind is not kind:
        raise InvalidAction(f"This message is no {kind}.")
    return staff, item


def _link(db: Database, item: InboxItem, slug: str) -> None:
    listing = get_listing(db, slug)
    db.execute("UPDATE submissions SET nonprofit_id = ? WHERE id = ?", [listing.id, item.id])


def _write(db: Database, item: InboxItem, act: Act, staff: Staff) -> None:
    at = now()
    db.table("submission_actions").insert(
        {
            **vars(act),
            "outcome": act.outcome.value,
            "submission_id": item.id,
            "staff_id": staff.id,
            "staff_name": staff.name,
            "created_at": at,
        }
    )
    status = _STATUS.get(act.outcome, SubmissionStatus.DONE)
    db.execute(
        "UPDATE submissions SET status = ?, handled_at = ? WHERE id = ?",
        [status.value, "" if status is SubmissionStatus.NEW else at, item.id],
    )
