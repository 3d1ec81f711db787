"""How templates are rendered: what is the same for every reader is rendered once.

A results page repeats what stands on each card whoever asks. Such a part depends on a record
as one generation or one state of the catalogue has it, and on the language. What to leave out
is decided before anything is rendered, so that no page shows what is kept of a listing that
was withdrawn.
"""

from __future__ import annotations

from collections.abc import Callable, MutableMapping
from typing import Any, TypeVar, cast

from flask import Flask, current_app
from flask.templating import Environment as FlaskEnvironment
from markupsafe import Markup

from recommender.web.i18n import current_language
from recommender.web.recent import Recent

MAX_KEPT, KEPT_S = 16_384, 3600.0
"""Five parts of 1,600 listings in two languages; at 0.6 kB each, some 10 MB a worker."""
FIRST = ("components/", "donor/", "layouts/", "learn/_parts", "widget/")
"""Where the templates are that a first visit needs: home, results and the widget's frame."""

Kept = Recent[tuple[object, Any]]
Made = TypeVar("Made")


class Environment(FlaskEnvironment):
    """Templates whose globals are one dictionary.

    Jinja chains two, so that a global may still be added when a template is loaded. Ours are
    all there before, and each import compares them all: seven times a page, 20 µs each.
    """

    def make_globals(self, d: MutableMapping[str, Any] | None) -> MutableMapping[str, Any]:
        """The globals of a template, with its own before the common ones."""
        return {**self.globals, **(d or {})}


def init_app(app: Flask) -> None:
    """Give templates `{% call part(…) %}`, around what is to be rendered once."""
    kept: Kept = Recent(most=MAX_KEPT, for_s=KEPT_S)
    app.extensions["parts"] = kept
    app.jinja_env.globals["part"] = part


def compile_templates(app: Flask) -> None:
    """Compile what nearly every visitor sees, for all workers at once.

    A worker compiles the other pages when they are first asked for, which takes some 20 ms
    each; all of them here would let every start wait for 0.3 s longer.
    """
    for name in app.jinja_env.list_templates(filter_func=lambda name: name.startswith(FIRST)):
        app.jinja_env.get_template(name)


def part(record: object, *names: str, caller: Callable[[], Markup]) -> Markup:
    """What the block renders for a record, which with `names` is all that it may depend on.

    The names tell parts and records apart. A part belongs to the very object: an edited copy
    of a listing, as on the desk, is another one. None is the record of what never changes.
    """
    return once(record, (current_language(), *names), caller)


def once(record: object, names: tuple[str, ...], make: Callable[[], Made]) -> Made:
    """What is made of a record, if need be: see `part`. It must not be changed."""
    kept = cast(Kept, current_app.extensions["parts"])
    found = kept.get(names)
    if found is None or found[0] is not record:
        found = (record, make())
        kept.put(names, found)
    return cast(Made, found[1])
