"""How long an answer took, told in `Server-Timing` to whoever is signed in, and to nobody else.

Browsers show it beside the request (https://www.w3.org/TR/server-timing/). The public never
gets it: how long a match took says something about what was asked.
"""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from time import perf_counter

from flask import Flask, Response, before_render_template, g, template_rendered

from recommender.web.auth import current_staff


def init_app(app: Flask) -> None:
    """Measure every request from its start; comes before all that takes time."""
    app.before_request(_start)
    app.after_request(_tell)
    before_render_template.connect(_begin_page, app)
    template_rendered.connect(_end_page, app)


@contextmanager
def timed(stage: str) -> Iterator[None]:
    """Add what a block takes to a stage of this request, such as "match"."""
    started = perf_counter()
    try:
        yield
    finally:
        _add(stage, perf_counter() - started)


def _start() -> None:
    g.stages, g.pages_begun = {}, []
    g.started = perf_counter()


def _add(stage: str, seconds: float) -> None:
    stages: dict[str, float] = g.setdefault("stages", {})
    stages[stage] = stages.get(stage, 0.0) + seconds


def _begin_page(_app: Flask, **_: object) -> None:
    g.setdefault("pages_begun", []).append(perf_counter())


def _end_page(_app: Flask, **_: object) -> None:
    """Count a page that was rendered; not one within another, whose time is counted there."""
    started = g.pages_begun.pop()
    if not g.pages_begun:
        _add("render", perf_counter() - started)


def _tell(response: Response) -> Response:
    if current_staff() is not None and "started" in g:
        _add("total", perf_counter() - g.started)
        stages = [f"{stage};dur={1000 * seconds:.1f}" for stage, seconds in g.stages.items()]
        response.headers["Server-Timing"] = ", ".join(stages)
    return response
