import pytest

from recommender.web import recent
from recommender.web.recent import Recent


@pytest.fixture
def clock(monkeypatch: pytest.MonkeyPatch) -> list[float]:
    now = [100.0]
    monkeypatch.setattr(recent.time, "monotonic", lambda: now[0])
    return now


def test_a_value_is_kept_for_its_time_and_no_longer(clock: list[float]) -> None:
    kept: Recent[str] = Recent(most=3, for_s=10)
    kept.put("a", "first")
    clock[0] += 9.9
    assert kept.get("a") == "first"
    clock[0] += 0.1
    assert kept.get("a") is None
    assert len(kept) == 0


def test_asking_does_not_prolong_the_time(clock: list[float]) -> None:
    kept: Recent[str] = Recent(most=3, for_s=10)
    kept.put("a", "first")
    for _ in range(9):
        clock[0] += 1
        assert kept.get("a") == "first"
    clock[0] += 1
    assert kept.get("a") is None


def test_what_nobody_asked_for_longest_makes_room(clock: list[float]) -> None:
    kept: Recent[int] = Recent(most=2, for_s=10)
    kept.put("a", 1)
    kept.put("b", 2)
    assert kept.get("a") == 1
    kept.put("c", 3)
    assert [kept.get(key) for key in "abc"] == [1, None, 3]
    assert len(kept) == 2


def test_room_is_measured_by_size() -> None:
    kept: Recent[str] = Recent(most=5, for_s=10, size=len)
    kept.put("a", "12")
    kept.put("b", "12")
    kept.put("c", "1")
    assert len(kept) == 3
    kept.put("a", "1234")
    assert [kept.get(key) for key in "abc"] == ["1234", None, "1"]
    kept.put("d", "123456")
    assert [kept.get(key) for key in "acd"] == ["1234", "1", None]


def test_what_is_too_old_leaves_its_room(clock: list[float]) -> None:
    kept: Recent[str] = Recent(most=4, for_s=10, size=len)
    for _ in range(3):
        kept.put("a", "123")
        clock[0] += 5
        kept.put("b", "1")
        clock[0] += 20
        assert kept.get("a") is None
    assert len(kept) == 0
    kept.put("a", "1234")
    assert kept.get("a") == "1234"


def test_what_nobody_asks_for_again_is_forgotten_too(clock: list[float]) -> None:
    kept: Recent[int] = Recent(most=9, for_s=10)
    for key in "abc":
        kept.put(key, 1)
        clock[0] += 1
    clock[0] += 8.5
    assert kept.get("d") is None
    assert len(kept) == 1
    clock[0] += 1
    assert kept.get("d") is None
    assert len(kept) == 0
