from collections.abc import Callable

import pytest
from sqlite_utils import Database

from recommender.errors import NotFound, RateLimited, StorageError
from recommender.models import Language, Status, Submission, SubmissionKind
from recommender.store import inbox
from recommender.store.catalog import set_status
from recommender.store.inbox import check_rate, create_submission, list_submissions


def _submission(**parts: str) -> Submission:
    return Submission(
        kind=SubmissionKind.FIX, language=Language.ES, **{"message": "Cambió el sitio.", **parts}
    )


def test_submissions_wait_for_staff_in_order(loaded: Database) -> None:
    about = _submission(slug="test-border-lawyers", contact="a@example.org")
    new = _submission(name="Test New", website="https://example.org", place="Lima, OH")
    ids = [create_submission(loaded, about), create_submission(loaded, new)]
    items = list_submissions(loaded)
    assert [item.submission for item in items] == [about, new]
    assert [item.id for item in items] == ids
    assert {item.status for item in items} == {"new"}
    assert list_submissions(loaded, "done") == []


def test_a_withdrawn_listing_can_still_be_written_about(loaded: Database) -> None:
    set_status(loaded, "test-border-lawyers", Status.WITHDRAWN)
    create_submission(loaded, _submission(slug="test-border-lawyers"))
    assert len(list_submissions(loaded)) == 1


def test_a_message_outlives_its_listing(loaded: Database) -> None:
    create_submission(loaded, _submission(slug="test-border-lawyers"))
    loaded.execute("DELETE FROM nonprofits WHERE slug = 'test-border-lawyers'")
    assert list_submissions(loaded)[0].submission == _submission()


@pytest.mark.parametrize("slug", ["nobody", "'; DROP TABLE submissions; --"])
def test_an_unknown_listing_is_not_found(loaded: Database, slug: str) -> None:
    with pytest.raises(NotFound):
        create_submission(loaded, _submission(slug=slug))
    assert list_submissions(loaded) == []


@pytest.mark.parametrize("part", ["message", "name", "website", "place", "source_url", "contact"])
def test_what_is_too_long_or_no_text_is_refused(loaded: Database, part: str) -> None:
    for value in ("x" * 20_001, "\ud800"):
        with pytest.raises(StorageError):
            create_submission(loaded, _submission(**{part: value}))
    assert list_submissions(loaded) == []


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
