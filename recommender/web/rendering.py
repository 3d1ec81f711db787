"""How templates are rendered: what is the same for every reader is rendered once.

A results page repeats what stands on each card whoever asks. Such a part depends on a record
as one generation or one state of the catalogue has it, and on the language. What to leave out
is decided before anything is rendered, so that no page shows what is kept of a listing that
was withdrawn.
"""

from __future__ import annotations

from collections.abc import Callable, MutableMapping
from typing import Any, cast

from flask import Flask, current_app
from flask.templating import Environment as FlaskEnvironment
from markupsafe import Markup

from recommender.web.i18n import current_language
from recommender.web.recent import Recent

MAX_KEPT, KEPT_S = 16_384, 3600.0
"""Four parts of 2,000 listings in two languages, some 12 MB a worker."""

Kept = Recent[tuple[object, Markup]]


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


def part(record: object, *names: str, caller: Callable[[], Markup]) -> Markup:
    """What the block renders for a record, which with `names` is all that it may depend on.

    The names tell parts and records apart. A part belongs to the very object: an edited copy
    of a listing, as on the desk, is another one. None is the record of what never changes.
    """
    kept = cast(Kept, current_app.extensions["parts"])
    key = (current_language(), *names)
    found = kept.get(key)
    if found is not None and found[0] is record:
        return found[1]
    markup = caller()
    kept.put(key, (record, markup))
    return markup
