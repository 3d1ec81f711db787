"""Fetching the IRS's files: resumed where it broke off, checked before it counts as there."""

from __future__ import annotations

import hashlib
import json
import os
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import asdict, dataclass
from http.client import HTTPConnection, HTTPException, HTTPResponse, HTTPSConnection
from pathlib import Path
from urllib.parse import urlsplit

from recommender.errors import DownloadFailed
from recommender.geo import STATES
from recommender.importers.streams import MEGABYTE

BMF_FILES = {
    code: f"https://www.irs.gov/pub/irs-soi/eo_{code.lower()}.csv"
    for code in STATES
    if code not in ("AS", "GU", "MP", "VI")
} | {"international": "https://www.irs.gov/pub/irs-soi/eo_xx.csv"}
"""The EO BMF extract of each state. Source: IRS, "Exempt Organizations Business Master File
Extract"; the IRS publishes no checksums, so the one computed is kept to tell vintages apart."""

TIMEOUT_S = 30
TRIES = 4
CHUNK = 2**16


@dataclass(frozen=True, kw_only=True)
class Wanted:
    """What to fetch. `sha256` is hexadecimal, empty where it is not known beforehand."""

    address: str
    sha256: str = ""
    max_bytes: int = 1024 * MEGABYTE


@dataclass(frozen=True, kw_only=True)
class Downloaded:
    """A whole file. `last_modified` is what the server said, or empty."""

    path: Path
    sha256: str
    n_bytes: int
    last_modified: str


@dataclass(frozen=True, kw_only=True)
class _Version:
    """Which state of the file the bytes so far are of."""

    address: str
    etag: str = ""
    last_modified: str = ""
    length: int | None = None

    @property
    def validator(self) -> str:
        """What `If-Range` may compare: a weak ETag is not enough for joining bytes."""
        return self.last_modified if self.etag.startswith("W/") else self.etag or self.last_modified


class _BrokenOff(Exception):
    """The connection ended early; what has arrived is kept."""


def download(wanted: Wanted, target: Path) -> Downloaded:
    """Fetch a file to `target`, which is replaced only by a whole and right one.

    What has arrived is kept beside it as `.part` and continued on the next try or call, if the
    file on the server is still the same.

    Raises:
        DownloadFailed: the server refuses, the file is too large or does not match its
            checksum, or the connection broke off `TRIES` times.
    """
    part = target.with_name(target.name + ".part")
    for _ in range(TRIES):
        try:
            version = _fetch(wanted, part)
            return _finish(wanted, version, part, target)
        except (_BrokenOff, HTTPException, OSError) as error:
            reason = error
    raise DownloadFailed(
        f"{wanted.address} broke off {TRIES} times ({type(reason).__name__}). "
        "Try again: what has arrived is kept."
    ) from reason


def _fetch(wanted: Wanted, part: Path) -> _Version:
    """Bring the partial file to its end; what it is then a copy of."""
    known = _read_version(part, wanted.address)
    have = part.stat().st_size if known else 0
    if known and have == known.length:
        return known
    headers = {"Accept-Encoding": "identity", "User-Agent": "Waymark"}
    if known and have:
        headers |= {"Range": f"bytes={have}-", "If-Range": known.validator}
    with _get(wanted.address, headers) as response:
        if response.status in (206, 416):
            if known and _continues(response, have, known):
                return _receive(response, wanted, part, known)
            _forget(part)
            raise _BrokenOff("What has arrived is of another file than the server has now.")
        if response.status != 200:
            raise DownloadFailed(f"{wanted.address} answered {response.status}.")
        version = _version(response, wanted.address)
        part.write_bytes(b"")
        _beside(part).write_text(json.dumps(asdict(version)), encoding="utf-8")
        return _receive(response, wanted, part, version)


@contextmanager
def _get(address: str, headers: dict[str, str]) -> Iterator[HTTPResponse]:
    parts = urlsplit(address)
    kinds = {"https": HTTPSConnection, "http": HTTPConnection}
    connection = kinds[parts.scheme](parts.netloc, timeout=TIMEOUT_S)
    try:
        connection.request("GET", parts.path or "/", headers=headers)
        with connection.getresponse() as response:
            yield response
    finally:
        connection.close()


def _receive(response: HTTPResponse, wanted: Wanted, part: Path, version: _Version) -> _Version:
    too_large = DownloadFailed(f"{wanted.address} has more than {wanted.max_bytes:,} bytes.")
    if (version.length or 0) > wanted.max_bytes:
        raise too_large
    with part.open("ab") as file:
        while chunk := response.read1(CHUNK):
            if file.tell() + len(chunk) > wanted.max_bytes:
                _forget(part)
                raise too_large
            file.write(chunk)
        file.flush()
        os.fsync(file.fileno())
        size = file.tell()
    if version.length is not None and size < version.length:
        raise _BrokenOff(f"{size:,} of {version.length:,} bytes have arrived.")
    if version.length is not None and size > version.length:
        _forget(part)
        raise _BrokenOff("More bytes have arrived than were announced.")
    return version


def _finish(wanted: Wanted, version: _Version, part: Path, target: Path) -> Downloaded:
    with part.open("rb") as file:
        found = hashlib.file_digest(file, "sha256").hexdigest()
    if wanted.sha256 and found != wanted.sha256.lower():
        _forget(part)
        raise DownloadFailed(f"{wanted.address} does not match its checksum; it was not kept.")
    n_bytes = part.stat().st_size
    part.replace(target)
    _beside(part).unlink(missing_ok=True)
    target.with_name(target.name + ".sha256").write_text(
        f"{found}  {target.name}\n", encoding="utf-8"
    )
    return Downloaded(
        path=target, sha256=found, n_bytes=n_bytes, last_modified=version.last_modified
    )


def _version(response: HTTPResponse, address: str) -> _Version:
    length = response.headers.get("Content-Length", "")
    return _Version(
        address=address,
        etag=response.headers.get("ETag", ""),
        last_modified=response.headers.get("Last-Modified", ""),
        length=int(length) if length.isdecimal() else None,
    )


def _continues(response: HTTPResponse, have: int, known: _Version) -> bool:
    """Whether an answer is the rest of the same file, even from a server without If-Range."""
    headers = response.headers
    is_rest = headers.get("Content-Range", "").startswith(f"bytes {have}-")
    return response.status == 206 and is_rest and headers.get("ETag", known.etag) == known.etag


def _read_version(part: Path, address: str) -> _Version | None:
    """What the partial file is a copy of; None where it cannot be continued."""
    try:
        version = _Version(**json.loads(_beside(part).read_text(encoding="utf-8")))
    except (OSError, ValueError, TypeError):
        return None
    return version if part.exists() and version.address == address and version.validator else None


def _beside(part: Path) -> Path:
    return part.with_name(part.name + ".json")


def _forget(part: Path) -> None:
    part.unlink(missing_ok=True)
    _beside(part).unlink(missing_ok=True)
