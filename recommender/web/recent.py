"""Answers kept in this worker's memory for a short time; they never reach a disk."""

from __future__ import annotations

import math
import threading
import time
from collections import OrderedDict
from collections.abc import Hashable
from typing import Generic, TypeVar

Value = TypeVar("Value")


class Recent(Generic[Value]):
    """The values of the last keys asked for; each is forgotten after a time, whatever happens."""

    def __init__(self, *, most: int, for_s: float) -> None:
        self._most = most
        self._for_s = for_s
        self._kept: OrderedDict[Hashable, tuple[float, Value]] = OrderedDict()
        self._oldest_until = math.inf
        self._lock = threading.Lock()

    def __len__(self) -> int:
        return len(self._kept)

    def get(self, key: Hashable) -> Value | None:
        """The value of a key if it is still kept."""
        with self._lock:
            self._forget_old()
            found = self._kept.get(key)
            if found is None:
                return None
            self._kept.move_to_end(key)
            return found[1]

    def put(self, key: Hashable, value: Value) -> None:
        """Keep a value; the one that nobody asked for longest makes room for it."""
        with self._lock:
            self._forget_old()
            until = time.monotonic() + self._for_s
            self._kept[key] = (until, value)
            self._kept.move_to_end(key)
            self._oldest_until = min(self._oldest_until, until)
            while len(self._kept) > self._most:
                self._kept.popitem(last=False)

    def _forget_old(self) -> None:
        now = time.monotonic()
        if now < self._oldest_until:
            return
        for key in [key for key, (until, _) in self._kept.items() if until <= now]:
            del self._kept[key]
        self._oldest_until = min((until for until, _ in self._kept.values()), default=math.inf)
