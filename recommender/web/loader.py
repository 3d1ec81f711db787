"""The script that a partner's page loads, and the colors that its frame is drawn in.

Every version has an address of its own, at which it stays as it was released, so that a page
can name its digest; `v1.js` is the newest of the first major version.
"""

from __future__ import annotations

import base64
import hashlib
import re

from flask import Blueprint, Response, abort, make_response, request

from recommender.web.addresses import origin
from recommender.web.assets import get_assets, send
from recommender.web.colors import make_accent

MAJOR = 1
_FILE = re.compile(r"widget/(\d+)\.(\d+)\.(\d+)\.js")
_MOVING = "public, max-age=600, stale-while-revalidate=86400"
_A_DAY = "public, max-age=86400"
_LOOK = """:root {{
  --accent: {accent.fill};
  --on-accent: {accent.on_fill};
  --link-light: {accent.ink_on_light};
  --link-dark: {accent.ink_on_dark};
  --radius: {radius}px;
}}
"""
_RADIUS = ":root {{ --radius: {radius}px; }}\n"

bp = Blueprint("loader", __name__, url_prefix="/widget")


@bp.get(f"/v{MAJOR}.js")
def newest() -> Response:
    """The newest version, kept by browsers for minutes only."""
    response = _script(list_versions()[-1])
    response.headers["Cache-Control"] = _MOVING
    response.add_etag()
    return make_response(response.make_conditional(request))


@bp.get("/<version>.js")
def exact(version: str) -> Response:
    """One version, which never changes."""
    return _script(version) if version in list_versions() else abort(404)


@bp.get("/look/<colors>.css")
def look(colors: str) -> Response:
    """What a partner chose: "884400-6" is an accent and a radius, "-6" a radius alone."""
    match = re.fullmatch(r"([0-9a-f]{6})?-([0-9]{1,2})", colors) or abort(404)
    style = _LOOK if match[1] else _RADIUS
    accent = make_accent("#" + match[1]) if match[1] else None
    text = style.format(accent=accent, radius=int(match[2]))
    response = Response(text, content_type="text/css; charset=utf-8")
    # Not for ever: how the shades are reckoned may change.
    response.headers["Cache-Control"] = _A_DAY
    return response


def list_versions() -> list[str]:
    """The released versions of the loader, the oldest first."""
    found = (_FILE.fullmatch(name) for name in get_assets().names)
    numbers = sorted(tuple(map(int, match.groups())) for match in found if match)
    return [".".join(map(str, number)) for number in numbers]


def integrity(version: str) -> str:
    """The digest of a version as the `integrity` attribute wants it.

    Raises:
        KeyError: there is no such version.
    """
    assets = get_assets()
    content = assets.files[assets.names[f"widget/{version}.js"]].content
    return "sha384-" + base64.b64encode(hashlib.sha384(content).digest()).decode()


def host_policy() -> str:
    """All that a page's own content security policy must allow for the widget."""
    return f"script-src {origin()}; frame-src {origin()}"


def _script(version: str) -> Response:
    assets = get_assets()
    return send(assets.files[assets.names[f"widget/{version}.js"]])
