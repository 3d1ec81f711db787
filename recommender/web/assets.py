"""The files of `static/`, served under names that change with their content.

A name with its content's hash can be kept for ever by browsers and is never stale. The
files are few and small, so they are read, hashed and compressed once, at the start.
"""

from __future__ import annotations

import gzip
import hashlib
import mimetypes
import re
from dataclasses import dataclass
from pathlib import Path

from flask import Blueprint, Flask, Response, abort, current_app, request

from recommender.config import ROOT

STATIC = ROOT / "static"
_COMPRESSED = {".css", ".js", ".svg", ".txt"}
_URL_IN_CSS = re.compile(rb'url\("\.\./([^"]+)"\)')

bp = Blueprint("assets", __name__)


@dataclass(frozen=True, kw_only=True)
class Asset:
    """A file as it goes out; `packed` is its gzip form where that is smaller."""

    name: str
    mimetype: str
    content: bytes
    packed: bytes | None


@dataclass(frozen=True, kw_only=True)
class Assets:
    """All files, by the name they have on disk and by the name they are served under."""

    names: dict[str, str]
    files: dict[str, Asset]

    def url(self, name: str) -> str:
        """The address of a file, e.g. "css/site.css" → "/static/css/site.1a2b3c4d.css".

        Raises:
            KeyError: there is no such file.
        """
        return f"/static/{self.names[name]}"


def init_app(app: Flask) -> None:
    """Read the files and give templates `asset(name)`."""
    assets = load_assets(STATIC)
    app.extensions["assets"] = assets
    app.jinja_env.globals["asset"] = assets.url
    app.register_blueprint(bp)


def load_assets(folder: Path) -> Assets:
    """Read, hash and compress every file below a folder."""
    names: dict[str, str] = {}
    files: dict[str, Asset] = {}
    # Style sheets come last: they name the fonts by their served names.
    paths = sorted(folder.rglob("*"), key=lambda path: (path.suffix == ".css", str(path)))
    for path in (path for path in paths if path.is_file()):
        name = path.relative_to(folder).as_posix()
        asset = _read(path, name, names)
        names[name] = asset.name
        files[asset.name] = asset
    return Assets(names=names, files=files)


def _read(path: Path, name: str, names: dict[str, str]) -> Asset:
    content = path.read_bytes()
    if path.suffix == ".css":
        content = _URL_IN_CSS.sub(lambda m: _served(m, names), content)
    digest = hashlib.sha256(content).hexdigest()[:8]
    packed = gzip.compress(content, mtime=0) if path.suffix in _COMPRESSED else None
    return Asset(
        name=f"{name.removesuffix(path.suffix)}.{digest}{path.suffix}",
        mimetype=mimetypes.guess_type(path.name)[0] or "application/octet-stream",
        content=content,
        packed=packed,
    )


def _served(match: re.Match[bytes], names: dict[str, str]) -> bytes:
    return f'url("/static/{names[match[1].decode()]}")'.encode()


@bp.get("/static/<path:name>")
def file(name: str) -> Response:
    """One file."""
    return send(get_assets().files.get(name) or abort(404))


def get_assets() -> Assets:
    """The files of this application."""
    assets: Assets = current_app.extensions["assets"]
    return assets


def send(asset: Asset) -> Response:
    """A file, compressed where the browser takes that."""
    packed = asset.packed if request.accept_encodings["gzip"] > 0 else None
    response = Response(packed or asset.content, mimetype=asset.mimetype)
    if asset.packed is not None:
        response.vary.add("Accept-Encoding")
    if packed is not None:
        response.content_encoding = "gzip"
    return response
