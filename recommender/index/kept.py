"""What was worked out of listings, kept for the next build in the same process."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Generic, TypeVar

from recommender.models import Nonprofit

MAX_LISTINGS = 5_000
"""Of a larger catalogue nothing is kept: with its rows and counts a listing takes 13 kB."""

Found = TypeVar("Found")


class Kept(Generic[Found]):
    """A function of one listing, worked out anew only for those that are not as they were.

    What is not asked for again is forgotten, so nothing outlives its listing here. Several
    threads may ask at once; the answers of one of them are kept.
    """

    def __init__(self, find: Callable[[Nonprofit], Found]) -> None:
        self._find = find
        self._known: dict[Nonprofit, Found] = {}

    def __call__(self, nonprofits: Sequence[Nonprofit]) -> list[Found]:
        """What the function finds of each listing, in their order."""
        known = self._known
        found = [known[item] if item in known else self._find(item) for item in nonprofits]
        is_small = len(nonprofits) <= MAX_LISTINGS
        self._known = dict(zip(nonprofits, found, strict=True)) if is_small else {}
        return found
