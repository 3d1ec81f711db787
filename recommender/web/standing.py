"""What stands at the address of a listing that is in no answer: another, a notice, nothing."""

from __future__ import annotations

from typing import NoReturn
from urllib.parse import urlencode

from flask import abort, redirect, request, url_for

from recommender.errors import NotFound
from recommender.store.listings import TAKEN_DOWN, find_status
from recommender.store.workflow import get_redirect
from recommender.web import get_db


def lead_on(slug: str) -> NoReturn:
    """End a request for a merged listing by leading to the one that stands for it now.

    Raises:
        NotFound: nothing that is shown stands for it.
    """
    target = get_redirect(get_db(), slug)
    address = url_for(request.endpoint or "", **{**(request.view_args or {}), "slug": target})
    # Not as values of `url_for`, which has names of its own: a query may hold any.
    query = urlencode(list(request.args.items(multi=True)))
    # 308 brings along what a form has sent; after a 301 a browser would drop it.
    code = 301 if request.method in {"GET", "HEAD"} else 308
    abort(redirect(f"{address}?{query}" if query else address, code))


def leave(slug: str) -> NoReturn:
    """End a request for the page of a listing that has none, or none any more.

    Raises:
        NotFound: there was never a page here.
    """
    try:
        lead_on(slug)
    except NotFound:
        if find_status(get_db(), slug) in TAKEN_DOWN:
            abort(410)
        raise
