"""The security headers of every response, from one table by kind of route.

No public page sets a cookie or reads one; only the desk of the staff does (see `auth`).
"""

from __future__ import annotations

from collections.abc import Sequence
from enum import StrEnum

from flask import Flask, Response, current_app, g, request

from recommender.web.addresses import origin
from recommender.web.i18n import SPANISH_PREFIX


class RouteKind(StrEnum):
    """What a route is for, which decides its headers."""

    DONOR = "donor"
    LEARN = "learn"
    STAFF = "staff"
    API = "api"
    STATIC = "static"
    WIDGET = "widget"
    CARD = "card"


# Each blueprint's kind; a blueprint or route that is missing here fails a test.
KINDS = {
    "about": RouteKind.LEARN,
    "api": RouteKind.API,
    "api_docs": RouteKind.LEARN,
    "assets": RouteKind.STATIC,
    "cards": RouteKind.CARD,
    "directory": RouteKind.DONOR,
    "donor": RouteKind.DONOR,
    "learn": RouteKind.LEARN,
    "loader": RouteKind.STATIC,
    "oembed": RouteKind.API,
    "partners": RouteKind.LEARN,
    "pictures": RouteKind.STATIC,
    "site": RouteKind.LEARN,
    "staff": RouteKind.STAFF,
    "staff_batches": RouteKind.STAFF,
    "staff_dashboard": RouteKind.STAFF,
    "staff_editor": RouteKind.STAFF,
    "staff_inbox": RouteKind.STAFF,
    "staff_guides": RouteKind.STAFF,
    "staff_imports": RouteKind.STAFF,
    "staff_library": RouteKind.STAFF,
    "staff_listing": RouteKind.STAFF,
    "staff_listings": RouteKind.STAFF,
    "staff_partners": RouteKind.STAFF,
    "staff_publishing": RouteKind.STAFF,
    "staff_resources": RouteKind.STAFF,
    "staff_removal": RouteKind.STAFF,
    "staff_review": RouteKind.STAFF,
    "staff_terms": RouteKind.STAFF,
    "submissions": RouteKind.DONOR,
    "widget": RouteKind.WIDGET,
}

_PAGE = {
    "Content-Security-Policy": (
        "default-src 'none'; script-src 'self'; style-src 'self'; img-src 'self' data:; "
        "font-src 'self'; connect-src 'self'; form-action 'self'; base-uri 'none'; "
        "frame-ancestors 'none'"
    ),
    "Referrer-Policy": "no-referrer",
    "X-Frame-Options": "DENY",
    "Cross-Origin-Opener-Policy": "same-origin",
    "Cross-Origin-Resource-Policy": "same-origin",
}
HEADERS = {
    # A shared computer must not keep what a donor looked for.
    RouteKind.DONOR: {**_PAGE, "Cache-Control": "no-store"},
    # A withdrawn listing has to be gone at once, so a kept copy is checked before it is used.
    RouteKind.LEARN: {**_PAGE, "Cache-Control": "no-cache"},
    # Under no-referrer Chromium sends `Origin: null` with our own forms.
    RouteKind.STAFF: {**_PAGE, "Cache-Control": "no-store", "Referrer-Policy": "same-origin"},
    RouteKind.API: {
        "Content-Security-Policy": "default-src 'none'; frame-ancestors 'none'",
        "Referrer-Policy": "no-referrer",
        "Access-Control-Allow-Origin": "*",
        "Cross-Origin-Resource-Policy": "cross-origin",
        "Cache-Control": "no-cache",
    },
    RouteKind.STATIC: {
        "Content-Security-Policy": "default-src 'none'",
        # The frame of a partner has no origin of its own, and fonts are fetched for an origin.
        "Access-Control-Allow-Origin": "*",
        "Cross-Origin-Resource-Policy": "cross-origin",
        "Cache-Control": "public, max-age=31536000, immutable",
    },
    # Its policy names whoever may frame it: see `frame_policy`.
    RouteKind.WIDGET: {
        "Referrer-Policy": "no-referrer",
        "Cross-Origin-Resource-Policy": "cross-origin",
        "Cache-Control": "no-store",
    },
    # See `card_policy`: any site may frame it, because there is nothing of a reader in it.
    RouteKind.CARD: {
        "Referrer-Policy": "no-referrer",
        "Cross-Origin-Resource-Policy": "cross-origin",
        "Cache-Control": "no-cache",
    },
}
SHOWCASE = {"Content-Security-Policy": _PAGE["Content-Security-Policy"] + "; frame-src 'self'"}
"""What differs where a page shows partners our own widget, in a frame."""
STAGE = {
    "Content-Security-Policy": SHOWCASE["Content-Security-Policy"].replace(
        "frame-ancestors 'none'", "frame-ancestors 'self'"
    ),
    "X-Frame-Options": "SAMEORIGIN",
}
"""What differs at the test page that such a page frames; nothing is typed there."""
SANDBOX = "allow-scripts allow-forms allow-popups allow-popups-to-escape-sandbox"
"""What a frame may do: it has no origin, and therefore no cookies and no storage."""
EVERYWHERE = {
    "X-Content-Type-Options": "nosniff",
    "Permissions-Policy": (
        "camera=(), geolocation=(), microphone=(), payment=(), usb=(), browsing-topics=()"
    ),
}
HSTS = "max-age=31536000; includeSubDomains"


def init_app(app: Flask) -> None:
    """Put the headers on every response, errors included."""
    app.after_request(_add_headers)


def kind_of(endpoint: str) -> RouteKind | None:
    """The declared kind of an endpoint such as "about.privacy" or "es_about.privacy"."""
    return KINDS.get(endpoint.removeprefix(SPANISH_PREFIX).partition(".")[0])


def let_frame(origins: Sequence[str]) -> None:
    """Let pages of these origins, and of no other, frame the answer to this request."""
    g.framed_by = tuple(origins)


def frame_policy() -> str:
    """The policy of a partner's frame. It names our host, because "self" is nobody there."""
    own = _own_source()
    framed_by = " ".join(g.get("framed_by", ())) or "'none'"
    return (
        f"default-src 'none'; script-src {own}; style-src {own}; img-src {own} data:; "
        f"font-src {own}; connect-src {own}; form-action {own}; base-uri 'none'; "
        f"sandbox {SANDBOX}; frame-ancestors {framed_by}"
    )


def card_policy() -> str:
    """The policy of a card that any site may frame: it shows words and opens links."""
    own = _own_source()
    return (
        f"default-src 'none'; style-src {own}; font-src {own}; base-uri 'none'; "
        "form-action 'none'; sandbox allow-popups allow-popups-to-escape-sandbox; "
        "frame-ancestors *"
    )


def _own_source() -> str:
    """Our host as a policy names it."""
    own = origin()
    # Of an odd Host header nothing is left but "http:", which would allow every host.
    return own if "://" in own else "'none'"


def is_below_desk(path: str) -> bool:
    """Whether an address is the desk's, whether there is a page or not."""
    return path == "/staff" or path.startswith("/staff/")


def _add_headers(response: Response) -> Response:
    kind = _kind(response)
    headers = EVERYWHERE | HEADERS[kind]
    if kind is RouteKind.WIDGET:
        headers["Content-Security-Policy"] = frame_policy()
    if kind is RouteKind.CARD:
        headers["Content-Security-Policy"] = card_policy()
    if response.status_code >= 400:
        headers["Cache-Control"] = "no-store"
    if request.is_secure or current_app.config["WAYMARK"].site_url.startswith("https://"):
        headers["Strict-Transport-Security"] = HSTS
    # A view may be stricter about caching, or name another policy on purpose.
    named = {name.lower() for name, _ in response.headers}
    response.headers.extend([pair for pair in headers.items() if pair[0].lower() not in named])
    return response


def _kind(response: Response) -> RouteKind:
    kind = kind_of(request.endpoint or "")
    if kind is None and request.path.startswith("/api/"):
        return RouteKind.API
    if kind is None and is_below_desk(request.path):
        return RouteKind.STAFF
    # An address without a route, a file that is not there or a route that nobody declared
    # is answered with a page, and gets the strictest headers a page has.
    missing = kind is RouteKind.STATIC and response.status_code >= 400
    return RouteKind.DONOR if kind is None or missing else kind
