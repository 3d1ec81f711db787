"""A process that works until it is killed, and tells what it has done up to then."""

from __future__ import annotations

import os
import signal
import time
from collections.abc import Callable

Tell = Callable[[int], object]


def kill_at_work(work: Callable[[Tell], None], pause_s: float) -> int:
    """Let a process work until it is killed; the last number that it told is kept.

    Args:
        work: Tells a number after each thing that it has done, and never ends.
        pause_s: How long it goes on after the first.
    """
    reading, writing = os.pipe()
    child = os.fork()
    if child == 0:
        try:
            work(lambda n: os.write(writing, f"{n}\n".encode()))
        finally:
            os._exit(1)
    os.close(writing)
    with os.fdopen(reading) as told:
        acknowledged = [told.readline()]
        time.sleep(pause_s)
        os.kill(child, signal.SIGKILL)
        assert os.waitstatus_to_exitcode(os.waitpid(child, 0)[1]) == -signal.SIGKILL
        acknowledged += told.readlines()
    return int(acknowledged[-1])
