"""Which half of what is judged may be looked at while something is tuned: the other is the test."""

from __future__ import annotations

from hashlib import sha256


def is_in_first_half(key: str) -> bool:
    """Whether what is called so belongs to the half for tuning, by the parity of a hash."""
    return int(sha256(key.encode()).hexdigest(), 16) % 2 == 0
