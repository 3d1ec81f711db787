"""The message that an edit answers: shown beside the form, and closed by the save."""

from __future__ import annotations

from contextlib import suppress

from flask import request

from recommender.errors import InvalidAction, NotFound
from recommender.models import Saved, SubmissionKind
from recommender.store.handling import Act, close
from recommender.store.inbox import InboxItem, Outcome, SubmissionStatus, get_submission
from recommender.web import get_db
from recommender.web.auth import current_session
from recommender.web.desk.asked import read_number

FIELD = "about"


def find_message(slug: str) -> InboxItem | None:
    """The message that the address or the form names, where it is about this listing."""
    number = read_number(request.values.get(FIELD, ""))
    with suppress(NotFound):
        item = get_submission(get_db(), number)
        return item if item.submission.slug == slug else None
    return None


def close_message(item: InboxItem, saved: Saved) -> bool:
    """Say that an edit was the answer to a correction; whether it was one that waited."""
    waits = item.status is SubmissionStatus.NEW and item.submission.kind is SubmissionKind.FIX
    if not waits or not saved.changes:
        return False
    act = Act(outcome=Outcome.CHANGED, revision=saved.number)
    # The edit is saved, whoever may have closed the message in the same moment.
    with suppress(InvalidAction):
        close(get_db(), item.id, act, by=current_session().account.id)
    return True
