"""Answers kept in this worker's memory for a short time; they never reach a disk."""

from __future__ import annotations

import math
import threading
import time
from collections import OrderedDict
from collections.abc import Callable, Hashable
from typing import Generic, TypeVar

Value = TypeVar("Value")

_SWEEP_EVERY = 0.1
"""Of the time for which values are kept."""


class Recent(Generic[Value]):
    """The values of the last keys asked for.

    `most` is how many there are at once or, where `size` measures a value, the sum of their
    sizes. After a time a value is never given again; it goes when this is next used.
    """

    def __init__(
        self, *, most: int, for_s: float, size: Callable[[Value], int] = lambda _: 1
    ) -> None:
        self._most = most
        self._for_s = for_s
        self._size = size
        self._held = 0
        self._kept: OrderedDict[Hashable, tuple[float, Value]] = OrderedDict()
        self._sweep_at = math.inf
        self._lock = threading.Lock()

    def __len__(self) -> int:
        return len(self._kept)

    def get(self, key: Hashable) -> Value | None:
        """The value of a key if it is still kept."""
        with self._lock:
            now = self._forget_old()
            found = self._kept.get(key)
            if found is None:
                return None
            if found[0] <= now:
                self._drop(key)
                return None
            self._kept.move_to_end(key)
            return found[1]

    def put(self, key: Hashable, value: Value) -> None:
        """Keep a value; the one that nobody asked for longest makes room for it."""
        with self._lock:
            until = self._forget_old() + self._for_s
            self._drop(key)
            size = self._size(value)
            if size > self._most:
                return
            while self._held + size > self._most:
                self._drop(next(iter(self._kept)))
            self._kept[key] = (until, value)
            self._held += size
            self._sweep_at = min(self._sweep_at, until)

    def _drop(self, key: Hashable) -> None:
        found = self._kept.pop(key, None)
        if found is not None:
            self._held -= self._size(found[1])

    def _forget_old(self) -> float:
        """Sweep out what is too old, and say what time it is.

        A sweep looks at everything, so the next one is a while after it.
        """
        now = time.monotonic()
        if now >= self._sweep_at:
            for key in [key for key, (until, _) in self._kept.items() if until <= now]:
                self._drop(key)
            oldest = min((until for until, _ in self._kept.values()), default=math.inf)
            self._sweep_at = max(oldest, now + self._for_s * _SWEEP_EVERY)
        return now
