"""What staff prove who they are with: passwords, one-time codes and recovery codes."""

from __future__ import annotations

import base64
import hashlib
import hmac
import re
import secrets
import struct
import time
import unicodedata
from collections.abc import Iterator
from urllib.parse import quote, urlencode

from argon2 import PasswordHasher
from argon2.exceptions import InvalidHashError, VerificationError
from cryptography.fernet import Fernet, InvalidToken

MIN_PASSWORD = 12
MAX_PASSWORD = 200
N_RECOVERY_CODES = 10
STEP_S = 30
# A clock may be half a minute off.
STEPS_AROUND = (-1, 0, 1)

# OWASP's Password Storage Cheat Sheet: argon2id with 19 MiB, two passes and one lane.
_HASHER = PasswordHasher(time_cost=2, memory_cost=19_456, parallelism=1)
# Of a password that was thrown away: checked where there is no account, to take as long.
_NOBODY = (
    "$argon2id$v=19$m=19456,t=2,p=1$eCBfw+zz2u6SjYaNlvg9ZA$"
    "GAg73WycvCD+H8dbwJAYv3ylqqM2HwRo3fizILW0w5Y"
)


def hash_password(password: str) -> str:
    """The argon2id hash of a password, with its salt and parameters."""
    return _HASHER.hash(_normalised(password))


def verify_password(password_hash: str, password: str) -> bool:
    """Whether a password is right; an empty hash takes the same work and is never right."""
    if len(password) > MAX_PASSWORD:
        return False
    try:
        right = _HASHER.verify(password_hash or _NOBODY, _normalised(password))
    except (VerificationError, InvalidHashError):
        return False
    return right and bool(password_hash)


def find_weakness(password: str, email: str) -> str:
    """Why a password will not do, or "". Length counts; signs and capitals do not."""
    if len(password) < MIN_PASSWORD:
        return f"Please take at least {MIN_PASSWORD} characters. A few words make a good password."
    if len(password) > MAX_PASSWORD:
        return f"Please keep to {MAX_PASSWORD} characters."
    own = email.partition("@")[0]
    if (len(own) > 3 and own in password.lower()) or len(set(password)) < 5:
        return "This one would be guessed soon. A few words that do not belong together are better."
    return ""


def _normalised(password: str) -> str:
    # Keyboards differ in how they write "é".
    return unicodedata.normalize("NFKC", password)


# --- One-time codes (RFC 6238: HMAC-SHA-1, 30 seconds, six digits) -----------------------


def make_totp_secret() -> str:
    """A new secret of 160 bits in base 32, as authenticator apps take it."""
    return base64.b32encode(secrets.token_bytes(20)).decode()


def is_totp_secret(secret: str) -> bool:
    """Whether a text has the form of our secrets."""
    return re.fullmatch(r"[A-Z2-7]{32}", secret) is not None


def compute_totp(secret: str, step: int) -> str:
    """The code of a time step (seconds since 1970 by 30)."""
    digest = hmac.digest(base64.b32decode(secret), struct.pack(">Q", step), "sha1")
    offset = digest[-1] & 15
    number = struct.unpack(">I", digest[offset : offset + 4])[0] & 0x7FFF_FFFF
    return f"{number % 1_000_000:06}"


def match_totp(secret: str, code: str) -> int | None:
    """The time step around now that a code belongs to, or None."""
    now = int(time.time()) // STEP_S
    digits = "".join(code.split()).encode()
    for step in (now + shift for shift in STEPS_AROUND):
        if hmac.compare_digest(compute_totp(secret, step).encode(), digits):
            return step
    return None


def totp_uri(secret: str, email: str) -> str:
    """The address by which authenticator apps take a secret over."""
    values = urlencode({"secret": secret, "issuer": "Waymark"})
    return f"otpauth://totp/{quote(f'Waymark:{email}')}?{values}"


def seal_totp_secret(secret: str, secret_key: str) -> str:
    """A secret as it is stored, of no use without the site's key."""
    return _fernet(secret_key).encrypt(secret.encode()).decode()


def open_totp_secret(sealed: str, secret_key: str) -> str:
    """A stored secret, or "" where the site's key is another one by now."""
    try:
        return _fernet(secret_key).decrypt(sealed).decode()
    except InvalidToken:
        return ""


def _fernet(secret_key: str) -> Fernet:
    key = hmac.digest(secret_key.encode(), b"waymark one-time codes 1", hashlib.sha256)
    return Fernet(base64.urlsafe_b64encode(key))


# --- Recovery codes ----------------------------------------------------------------------


def make_recovery_codes() -> tuple[str, ...]:
    """New codes of 80 bits, as they are stored."""
    return tuple(_recovery_codes())


def _recovery_codes() -> Iterator[str]:
    for _ in range(N_RECOVERY_CODES):
        yield base64.b32encode(secrets.token_bytes(10)).decode()


def spread(code: str) -> str:
    """A code or secret as a person reads it, in groups of four."""
    return " ".join(re.findall(".{1,4}", code))


def tidy_code(code: str) -> str:
    """A recovery code as it is stored, of what a person typed."""
    return "".join(code.split()).replace("-", "").upper()
