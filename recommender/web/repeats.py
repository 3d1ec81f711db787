"""Pages kept whole for a few minutes, for when the same address is asked for once more.

Back, refresh, a shared link, a widget on a page that many read: such an answer is sent again
before anything else of the site runs. It is kept in this worker's memory only, never on a
disk, and used only while everything that it rests on is as it was: the generation, the
catalogue, the partners and the day. Whether a page is kept can be found out only by asking
for its address, so the only pages that are kept are those whose address is a secret (it
holds the sealed profile) or the same for every reader.
"""

from __future__ import annotations

import hashlib
import secrets
from collections.abc import Callable, Iterable
from dataclasses import dataclass
from functools import wraps
from typing import TYPE_CHECKING, ParamSpec, cast

from flask import Flask, Response, current_app, g, request
from werkzeug.wrappers import Response as AnyResponse

from recommender.config import Settings
from recommender.errors import StorageError
from recommender.web import Serving, State, get_state
from recommender.web.recent import Recent

if TYPE_CHECKING:
    from _typeshed.wsgi import StartResponse, WSGIApplication, WSGIEnvironment

MAX_KEPT_BYTES, KEPT_S = 12_000_000, 300.0
"""Some 200 results pages a worker, which are about 60 kB each, or more of the small frames."""
_ADDRESS = ("wsgi.url_scheme", "HTTP_HOST", "PATH_INFO", "QUERY_STRING")

Arguments = ParamSpec("Arguments")


@dataclass(frozen=True, kw_only=True)
class Page:
    """An answer as it went out, and what it rests on."""

    state: State
    status: str
    headers: list[tuple[str, str]]
    body: bytes


class Repeats:
    """The application with the pages that it has just answered in front of it."""

    def __init__(self, app: Flask) -> None:
        self._app = app
        self._inner: WSGIApplication = app.wsgi_app
        self._pages = Recent[Page](
            most=MAX_KEPT_BYTES, for_s=KEPT_S, size=lambda page: len(page.body)
        )
        self._secret = secrets.token_bytes(32)

    def __call__(self, environ: WSGIEnvironment, start: StartResponse) -> Iterable[bytes]:
        """Answer with the kept page if it still holds, else let the application answer."""
        page = self.find(environ)
        if page is None:
            return self._inner(environ, start)
        if "HTTP_IF_NONE_MATCH" in environ:
            response = AnyResponse(page.body, page.status, page.headers)
            return response.make_conditional(environ)(environ, start)
        start(page.status, page.headers)
        return [page.body]

    def find(self, environ: WSGIEnvironment) -> Page | None:
        """The kept answer to a request, if there is one and nothing has changed since."""
        page = None
        if environ["REQUEST_METHOD"] == "GET":
            page = self._pages.get(self._key(environ))
        return page if page is not None and page.state == self._state() else None

    def keep(self, state: State, response: Response) -> None:
        """Keep the answer to this request, which rests on a state."""
        # The server adds the date of each answer; that of a page to come is another one.
        headers = [(name, value) for name, value in response.headers if name != "Date"]
        page = Page(state=state, status=response.status, headers=headers, body=response.get_data())
        self._pages.put(self._key(request.environ), page)

    def _state(self) -> State | None:
        serving: Serving = self._app.extensions["serving"]
        settings: Settings = self._app.config["WAYMARK"]
        try:
            return serving.state(settings.index)
        except StorageError:
            # The application says what is wrong.
            return None

    def _key(self, environ: WSGIEnvironment) -> bytes:
        address = "\0".join(environ.get(name, "") for name in _ADDRESS)
        return hashlib.blake2b(address.encode(), key=self._secret, digest_size=16).digest()


def init_app(app: Flask) -> None:
    """Put the pages in front; comes before all that adds headers, because it sees them last."""
    repeats = Repeats(app)
    app.extensions["repeats"] = repeats
    app.wsgi_app = repeats  # type: ignore[assignment,method-assign]
    app.after_request(_keep)


def kept(view: Callable[Arguments, Response]) -> Callable[Arguments, Response]:
    """Keep the pages of a view, which must rest on nothing but their address and the state."""

    @wraps(view)
    def wrapper(*args: Arguments.args, **kwargs: Arguments.kwargs) -> Response:
        # Before anything is read: a change meanwhile makes the page one of the past.
        g.kept_in = get_state()
        return view(*args, **kwargs)

    return wrapper


def do_not_keep() -> None:
    """Let the answer to this request be made anew each time."""
    g.kept_in = None


def _keep(response: Response) -> Response:
    state: State | None = g.get("kept_in")
    if state is not None and request.method == "GET" and response.status_code == 200:
        cast(Repeats, current_app.extensions["repeats"]).keep(state, response)
    return response
