from __future__ import annotations

from collections.abc import Callable
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest
from sqlite_utils import Database

from recommender.errors import NotFound, RateLimited, StorageError
from recommender.models import Language, Status, Submission, SubmissionKind
from recommender.store import inbox
from recommender.store.catalog import get_catalog_revision, set_status
from recommender.store.handling import Act, close, reopen, take_down
from recommender.store.inbox import (
    CONTACT_DAYS,
    InboxItem,
    InboxQuery,
    Outcome,
    SubmissionStatus,
    check_rate,
    count_inbox,
    create_submission,
    erase_contacts,
    get_submission,
    list_about,
    search_inbox,
)
from tests.store.team import Team

LAWYERS = "test-border-lawyers"


def _submission(kind: SubmissionKind = SubmissionKind.FIX, **parts: str) -> Submission:
    return Submission(kind=kind, language=Language.ES, **{"message": "Cambió el sitio.", **parts})


def _found(db: Database, **query: object) -> list[InboxItem]:
    return list(search_inbox(db, InboxQuery(**query)).items)  # type: ignore[arg-type]


def test_what_was_sent_is_kept_as_it_was(loaded: Database) -> None:
    about = _submission(slug=LAWYERS, contact="a@example.org")
    new = _submission(name="Test New", website="https://example.org", place="Lima, OH")
    ids = [create_submission(loaded, about), create_submission(loaded, new)]
    items = _found(loaded)
    assert [item.submission for item in items] == [about, new]
    assert [item.id for item in items] == ids
    assert [item.listed_as for item in items] == ["Test Border Lawyers", ""]
    assert {(item.status, item.handled_at, item.outcome) for item in items} == {("new", "", None)}
    assert get_submission(loaded, ids[0]) == items[0]
    for number in (0, -1, 99, 10**30):
        with pytest.raises(NotFound):
            get_submission(loaded, number)


def test_the_most_pressing_come_first_and_the_oldest_of_them(loaded: Database) -> None:
    kinds = [kind for kind in SubmissionKind for _ in range(2)]
    ids = {create_submission(loaded, _submission(kind)): kind for kind in kinds}
    order = ("removal", "claim", "fix", "partner", "nomination")
    urgent = [kind for kind in order for _ in range(2)]
    found = [item.id for item in _found(loaded)]
    assert [ids[number] for number in found] == urgent
    assert all(found[at] < found[at + 1] for at in range(0, len(urgent), 2))
    assert list(count_inbox(loaded).items()) == [
        (SubmissionKind(kind), 2) for kind in dict.fromkeys(urgent)
    ]
    fixes = search_inbox(loaded, InboxQuery(kinds=(SubmissionKind.FIX,), page_size=1, page=2))
    assert ([item.id for item in fixes.items], fixes.total) == ([4], 2)
    assert search_inbox(loaded, InboxQuery(page=9)).total == len(urgent)


def test_what_was_handled_has_left_and_the_latest_is_on_top(
    loaded: Database, team: Team, monkeypatch: pytest.MonkeyPatch
) -> None:
    ids = [create_submission(loaded, _submission(slug=LAWYERS)) for _ in range(3)]
    assert len(list_about(loaded, LAWYERS)) == 3
    for number, day in ((ids[1], 1), (ids[0], 2)):
        monkeypatch.setattr(
            "recommender.store.handling.now", lambda d=day: f"2026-01-0{d}T00:00:00Z"
        )
        close(loaded, number, Act(outcome=Outcome.CHANGED, revision=7), by=team.editor)
    assert [item.id for item in _found(loaded)] == [ids[2]]
    assert [item.id for item in _found(loaded, status=SubmissionStatus.DONE)] == [ids[0], ids[1]]
    assert _found(loaded, status=SubmissionStatus.DECLINED) == []
    assert [item.id for item in list_about(loaded, LAWYERS)] == [ids[2]]
    assert count_inbox(loaded)[SubmissionKind.FIX] == 1


def test_messages_are_no_part_of_the_catalogue(loaded: Database, team: Team) -> None:
    revision = get_catalog_revision(loaded)
    number = create_submission(loaded, _submission(slug=LAWYERS))
    close(loaded, number, Act(outcome=Outcome.CLOSED), by=team.editor)
    assert get_catalog_revision(loaded) == revision


def test_a_withdrawn_listing_can_still_be_written_about(loaded: Database) -> None:
    set_status(loaded, LAWYERS, Status.WITHDRAWN)
    create_submission(loaded, _submission(slug=LAWYERS))
    assert len(_found(loaded)) == 1


def test_a_message_outlives_its_listing(loaded: Database) -> None:
    create_submission(loaded, _submission(slug=LAWYERS))
    loaded.execute("DELETE FROM nonprofits WHERE slug = ?", [LAWYERS])
    assert _found(loaded)[0].submission == _submission()


@pytest.mark.parametrize("slug", ["nobody", "'; DROP TABLE submissions; --"])
def test_an_unknown_listing_is_not_found(loaded: Database, slug: str) -> None:
    with pytest.raises(NotFound):
        create_submission(loaded, _submission(slug=slug))
    assert _found(loaded) == []


@pytest.mark.parametrize("part", ["message", "name", "website", "place", "source_url", "contact"])
def test_what_is_too_long_or_no_text_is_refused(loaded: Database, part: str) -> None:
    for value in ("x" * 20_001, "\ud800"):
        with pytest.raises(StorageError):
            create_submission(loaded, _submission(**{part: value}))
    assert _found(loaded) == []


# --- Forgetting --------------------------------------------------------------------------


def _later(days: float) -> datetime:
    return datetime.now(UTC) + timedelta(days=days)


def test_how_to_reach_a_sender_is_erased_when_it_is_time(
    loaded: Database, team: Team, tmp_path: Path
) -> None:
    contact = "quagga-canary@example.org"
    done, waiting = (
        create_submission(loaded, _submission(slug=LAWYERS, contact=f"{n}{contact}"))
        for n in range(2)
    )
    close(loaded, done, Act(outcome=Outcome.DECLINED), by=team.editor)
    assert erase_contacts(loaded, _later(CONTACT_DAYS - 0.1)) == 0
    assert get_submission(loaded, done).submission.contact
    assert erase_contacts(loaded, _later(CONTACT_DAYS + 0.1)) == 1
    assert erase_contacts(loaded, _later(CONTACT_DAYS + 9)) == 0
    item = get_submission(loaded, done)
    assert (item.submission.contact, item.submission.message) == ("", "Cambió el sitio.")
    assert item.contact_erased_at
    stored = b"".join(file.read_bytes() for file in tmp_path.glob("waymark.db*"))
    assert f"0{contact}".encode() not in stored
    # What waits is kept, and so the search would have seen the other one.
    assert get_submission(loaded, waiting).submission.contact == f"1{contact}"
    assert f"1{contact}".encode() in stored


def test_what_was_put_back_is_kept_until_it_is_handled_again(loaded: Database, team: Team) -> None:
    number = create_submission(loaded, _submission(slug=LAWYERS, contact="a@example.org"))
    close(loaded, number, Act(outcome=Outcome.DECLINED), by=team.editor)
    reopen(loaded, number, by=team.editor)
    assert erase_contacts(loaded, _later(999)) == 0
    close(loaded, number, Act(outcome=Outcome.CLOSED), by=team.editor)
    assert erase_contacts(loaded, _later(CONTACT_DAYS + 1)) == 1


def test_a_removal_that_is_half_done_keeps_its_contact(loaded: Database, team: Team) -> None:
    removal = _submission(SubmissionKind.REMOVAL, slug=LAWYERS, contact="a@example.org")
    number = create_submission(loaded, removal)
    take_down(loaded, number, by=team.editor)
    assert erase_contacts(loaded, _later(999)) == 0


# --- How often ---------------------------------------------------------------------------


@pytest.fixture
def clock(monkeypatch: pytest.MonkeyPatch) -> Callable[[float], None]:
    def set_to(now: float) -> None:
        monkeypatch.setattr(inbox.time, "time", lambda: now)

    set_to(1000.0)
    return set_to


def test_a_rate_allows_its_limit_and_then_says_when(
    db: Database, clock: Callable[[float], None]
) -> None:
    for _ in range(3):
        check_rate(db, "key", limit=3, window_s=60)
    clock(1020.0)
    with pytest.raises(RateLimited) as limited:
        check_rate(db, "key", limit=3, window_s=60)
    assert limited.value.retry_after_s == 40
    check_rate(db, "another", limit=3, window_s=60)
    clock(1060.0)
    check_rate(db, "key", limit=3, window_s=60)


def test_refused_tries_do_not_prolong_the_wait(
    db: Database, clock: Callable[[float], None]
) -> None:
    check_rate(db, "key", limit=1, window_s=60)
    for now in range(1001, 1060):
        clock(now)
        with pytest.raises(RateLimited):
            check_rate(db, "key", limit=1, window_s=60)
    clock(1060.0)
    check_rate(db, "key", limit=1, window_s=60)


def test_windows_that_ended_leave_no_trace(db: Database, clock: Callable[[float], None]) -> None:
    for number in range(20):
        check_rate(db, f"key {number}", limit=1, window_s=60)
    clock(1061.0)
    check_rate(db, "last", limit=1, window_s=60)
    assert [row["key"] for row in db.table("rate_windows").rows] == ["last"]
