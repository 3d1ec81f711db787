from __future__ import annotations

import logging
import os
import threading

import pytest

from recommender.web.background import Background

TIMEOUT_S = 10


def test_jobs_are_done_in_order() -> None:
    background, done = Background(), list[str]()
    for name in "abc":
        background.soon(name, lambda name=name: done.append(name))
    assert background.wait(TIMEOUT_S)
    assert done == ["a", "b", "c"]


def test_a_job_that_waits_is_not_queued_again_but_one_that_runs_is() -> None:
    background, done = Background(), list[str]()
    begun, go_on = threading.Event(), threading.Event()

    def publish() -> None:
        begun.set()
        assert go_on.wait(TIMEOUT_S)
        done.append("publish")

    background.soon("publish", publish)
    assert begun.wait(TIMEOUT_S)
    for _ in range(5):
        background.soon("publish", publish)
    assert not background.wait(0.01)
    go_on.set()
    assert background.wait(TIMEOUT_S)
    assert done == ["publish", "publish"]


def test_a_job_that_fails_is_logged_and_the_next_is_done(caplog: pytest.LogCaptureFixture) -> None:
    background, done = Background(), list[str]()

    def fail() -> None:
        raise ValueError("broken")

    with caplog.at_level(logging.ERROR):
        background.soon("fail", fail)
        background.soon("next", lambda: done.append("next"))
        assert background.wait(TIMEOUT_S)
    assert done == ["next"]
    assert "A background job failed." in caplog.text


def test_a_fork_starts_a_thread_of_its_own() -> None:
    background = Background()
    background.soon("before", lambda: None)
    assert background.wait(TIMEOUT_S)
    read, write = os.pipe()
    child = os.fork()
    if child == 0:
        background.soon("after", lambda: os.write(write, b"done") and None)
        os._exit(0 if background.wait(TIMEOUT_S) else 1)
    os.close(write)
    assert os.waitpid(child, 0)[1] == 0
    assert os.read(read, 10) == b"done"
    os.close(read)
