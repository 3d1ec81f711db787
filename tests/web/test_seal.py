from __future__ import annotations

from dataclasses import replace
from datetime import UTC, date, datetime, timedelta

import pytest
from hypothesis import given
from hypothesis import strategies as st

from recommender.errors import NotFound
from recommender.models import (
    DonorProfile,
    Filters,
    Place,
    PlaceKind,
    Reach,
    Scope,
    SearchQuery,
    Weights,
)
from recommender.web import seal as seal_module
from recommender.web.seal import LIFETIME, MAX_TOKEN_LENGTH, InvalidSeal, Seal, TooLong

KEY = "a key of at least thirty-two characters"
SEAL = Seal(KEY, DonorProfile)
PORTLAND = Place(
    label="Portland, ME", kind=PlaceKind.CITY, state="ME", latitude=43.6591, longitude=-70.2568
)
PROFILE = DonorProfile(
    text="ayuda legal para niños",
    services=("legal-services", "housing"),
    place=PORTLAND,
    radius_km=40.0,
    scope=Scope.STATE,
    giving=("time",),
    weights=Weights(place=2.0, small=1.0),
    filters=Filters(reach=(Reach.LOCAL, Reach.STATE), small_only=True),
)


@pytest.fixture
def later(monkeypatch: pytest.MonkeyPatch):
    """Moves the clock of the seals."""

    def move(by: timedelta) -> None:
        now = datetime.now(tz=UTC).timestamp() + by.total_seconds()
        monkeypatch.setattr("cryptography.fernet.time.time", lambda: now)

    return move


@pytest.mark.parametrize("profile", [PROFILE, DonorProfile(), replace(PROFILE, place=None)])
def test_what_was_sealed_comes_back(profile: DonorProfile) -> None:
    assert SEAL.open(SEAL.close(profile)).record == profile


@given(text=st.text(max_size=200).filter(lambda text: text.isprintable()), km=st.floats(1, 500))
def test_any_text_and_radius_come_back(text: str, km: float) -> None:
    profile = DonorProfile(text=text, radius_km=km)
    assert SEAL.open(SEAL.close(profile)).record == profile


def test_defaults_take_no_room() -> None:
    assert seal_module._pack(DonorProfile()) == {}
    assert seal_module._pack(PROFILE)["weights"] == {"place": 2.0, "small": 1.0}


def test_a_token_tells_nothing_and_differs_each_time() -> None:
    token = SEAL.close(PROFILE)
    assert "legal" not in token
    assert "Portland" not in token
    assert token != SEAL.close(PROFILE)
    assert set(token) <= set("ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789-_")


def test_it_opens_for_thirty_days_and_no_longer(later) -> None:
    token = SEAL.close(PROFILE)
    assert SEAL.open(token).expires_on == date.today() + LIFETIME
    later(LIFETIME - timedelta(minutes=1))
    assert SEAL.open(token).record == PROFILE
    later(LIFETIME + timedelta(minutes=1))
    with pytest.raises(InvalidSeal):
        SEAL.open(token)


@pytest.mark.parametrize("at", [0, 5, 20, 60, -1])
def test_a_changed_token_does_not_open(at: int) -> None:
    token = SEAL.close(PROFILE)
    other = "B" if token[at] != "B" else "C"
    changed = token[:at] + other + (token[at + 1 :] if at != -1 else "")
    with pytest.raises(InvalidSeal):
        SEAL.open(changed)


@pytest.mark.parametrize("token", ["", "a", "é", "A" * 5_000, "gAAAAA", "\ud800"])
def test_what_is_no_token_does_not_open(token: str) -> None:
    with pytest.raises(NotFound):
        SEAL.open(token)


def test_another_key_or_another_purpose_does_not_open() -> None:
    token = SEAL.close(DonorProfile(text="asylum"))
    for stranger in (Seal(KEY + "!", DonorProfile), Seal(KEY, SearchQuery)):
        with pytest.raises(InvalidSeal):
            stranger.open(token)


def test_a_token_of_another_version_does_not_open() -> None:
    packed = seal_module.zlib.compress(b'{"no_such_field": 1}')
    token = SEAL._fernet.encrypt(packed).decode().rstrip("=")
    with pytest.raises(InvalidSeal):
        SEAL.open(token)


def test_what_does_not_fit_into_an_address_is_refused() -> None:
    text = " ".join(f"{n * 7919 % 100_003:x}" for n in range(2_000))
    with pytest.raises(TooLong):
        SEAL.close(DonorProfile(text=text))
    assert len(SEAL.close(DonorProfile(text="asylum " * 2_000))) < MAX_TOKEN_LENGTH
