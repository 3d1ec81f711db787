"""Work that a response does not wait for, on one thread of the worker that took the request.

What is to be done must be known from the store: a worker that is killed forgets its queue,
and whoever looks next finds what is left to do.
"""

from __future__ import annotations

import logging
import os
import threading
from collections import OrderedDict
from collections.abc import Callable
from typing import cast

from flask import Flask, current_app

Job = Callable[[], None]


class Background:
    """Jobs under keys, done one after another in the order in which they were asked for.

    A job that waits already is not queued again; one that runs is, because it may have read
    before the change that asks for it anew.
    """

    def __init__(self) -> None:
        self._waiting: OrderedDict[str, Job] = OrderedDict()
        self._changed = threading.Condition()
        self._runs_in = 0
        self._is_busy = False

    def soon(self, key: str, job: Job) -> None:
        """Do a job on the thread; what it raises is logged, and ends that job alone."""
        with self._changed:
            self._waiting.setdefault(key, job)
            if self._runs_in != os.getpid():
                # Threads do not cross a fork.
                self._runs_in = os.getpid()
                threading.Thread(target=self._run, name="background", daemon=True).start()
            self._changed.notify_all()

    def wait(self, timeout_s: float) -> bool:
        """Whether everything is done within a time."""
        with self._changed:
            return self._changed.wait_for(
                lambda: not self._waiting and not self._is_busy, timeout_s
            )

    def _run(self) -> None:
        while True:
            with self._changed:
                self._changed.wait_for(lambda: bool(self._waiting))
                _, job = self._waiting.popitem(last=False)
                self._is_busy = True
            try:
                job()
            except Exception:
                logging.getLogger(__name__).exception("A background job failed.")
            with self._changed:
                self._is_busy = False
                self._changed.notify_all()


def init_app(app: Flask) -> None:
    """Give the application its queue; the thread starts with the first job."""
    app.extensions["background"] = Background()


def get_background() -> Background:
    """The queue of this application."""
    return cast(Background, current_app.extensions["background"])
