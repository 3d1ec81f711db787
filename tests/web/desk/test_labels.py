"""How the desk says moments: everywhere in the same way, and with the time zone."""

from __future__ import annotations

import re

import pytest

from recommender.store.batches import BatchAction, BatchRequest, Chosen, apply_batch
from recommender.web.desk.labels import moment
from tests.web.desk.shelves import Desk

LAWYERS = "test-border-lawyers"
ENTRY = re.compile(r"<time datetime=\"[0-9T:-]{19}Z\">[0-9-]{10}, \d\d:\d\d UTC</time>")


@pytest.mark.parametrize("at", [1769245507, "2026-01-24T09:05:07Z", "2026-01-24T03:05:07-06:00"])
def test_a_moment_is_said_in_utc(at: int | str) -> None:
    assert moment(at) == '<time datetime="2026-01-24T09:05:07Z">2026-01-24, 09:05 UTC</time>'


def test_no_page_tells_a_time_without_its_zone(desk: Desk) -> None:
    wanted = BatchRequest(
        action=BatchAction.CHECK, chosen=(Chosen(slug=LAWYERS, revision=1),), note=""
    )
    desk.read(lambda db: apply_batch(db, wanted, by=desk.reviewer.account.id))
    desk.donor.post("/suggest", data={"name": "Test Group", "message": "It helps."})
    for path in (
        f"/staff/listings/{LAWYERS}",
        f"/staff/review/{LAWYERS}/2",
        *("/staff/batches", "/staff/batches/1", "/staff/inbox/1", "/staff/account"),
    ):
        source = desk.reviewer.page(path).source
        assert ENTRY.search(source), path
        assert not re.search(r"\d\d:\d\d", ENTRY.sub("", source)), path
