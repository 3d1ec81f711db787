"""Opening files that others made: never more memory, bytes or members than were allowed."""

from __future__ import annotations

import gzip
import io
import zipfile
import zlib
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import IO, cast

from recommender.errors import ImportRefused
from recommender.importers.rows import RowError

MEGABYTE = 2**20


@dataclass(frozen=True, kw_only=True)
class Limits:
    """What one file may be. Bytes count after decompression; a ratio is out : in."""

    max_bytes: int = 50 * MEGABYTE
    max_members: int = 20_000
    max_member_bytes: int = 32 * MEGABYTE
    max_ratio: int = 200
    max_rows: int = 100_000
    max_columns: int = 500
    max_line: int = 1 * MEGABYTE


@contextmanager
def refusals(name: str) -> Iterator[None]:
    """Turn what reading a damaged file raises into `ImportRefused`."""
    try:
        yield
    except (gzip.BadGzipFile, zipfile.BadZipFile, zlib.error, EOFError) as error:
        raise ImportRefused(f"{name} is damaged, or breaks off: {error}") from error
    except UnicodeError as error:
        raise ImportRefused(f"{name} is not in the encoding that it says.") from error
    except OSError as error:
        raise ImportRefused(f"{name}: {error.strerror or error}") from error


def read_bytes(path: Path, limits: Limits) -> bytes:
    """A whole file, unpacked where it is .gz.

    Raises:
        ImportRefused: it cannot be read, is damaged, or is larger than allowed.
    """
    with refusals(path.name), open_stream(path, limits) as stream:
        return stream.read()


@contextmanager
def open_stream(path: Path, limits: Limits) -> Iterator[IO[bytes]]:
    """A file as a stream of bytes, unpacked where it is .gz, that ends at the limit.

    Raises:
        ImportRefused: on reading beyond `limits.max_bytes`.
    """
    is_packed = path.suffix.lower() == ".gz"
    with refusals(path.name):
        raw = cast("IO[bytes]", gzip.GzipFile(path) if is_packed else path.open("rb"))
    with raw, io.BufferedReader(_Metered(raw, limits.max_bytes, path.name), MEGABYTE) as stream:
        yield stream


class _Metered(io.RawIOBase):
    """Counts what is read, and refuses to go on beyond the limit."""

    def __init__(self, inner: IO[bytes], limit: int, name: str) -> None:
        self._inner = inner
        self._left = limit
        self._name = name

    def readable(self) -> bool:
        return True

    def readinto(self, buffer: memoryview) -> int:  # type: ignore[override]
        chunk = self._inner.read(len(buffer)) or b""
        self._left -= len(chunk)
        if self._left < 0:
            raise ImportRefused(f"{self._name} is larger than what may be imported.")
        buffer[: len(chunk)] = chunk
        return len(chunk)


def bounded_lines(text: io.TextIOBase, limits: Limits, name: str) -> Iterator[str]:
    """The lines of a text, none of them longer than allowed.

    Raises:
        ImportRefused: a line is too long to be one.
    """
    number = 0
    while line := text.readline(limits.max_line + 1):
        number += 1
        if len(line) > limits.max_line:
            raise ImportRefused(f"{name}: line {number:,} has more than {limits.max_line:,} bytes.")
        yield line


def count_lines(path: Path, limits: Limits) -> int:
    """How many line ends a file has.

    Raises:
        ImportRefused: it cannot be read, is damaged, or is larger than allowed.
    """
    with refusals(path.name), open_stream(path, limits) as stream:
        return sum(block.count(b"\n") for block in iter(lambda: stream.read(MEGABYTE), b""))


def count_members(path: Path) -> int:
    """How many files an archive holds.

    Raises:
        ImportRefused: it is damaged.
    """
    with refusals(path.name), zipfile.ZipFile(path) as archive:
        return sum(not info.is_dir() for info in archive.infolist())


def zip_members(path: Path, limits: Limits) -> Iterator[tuple[str, bytes] | RowError]:
    """Each file in an archive with its bytes, or why it was left alone.

    Nothing is unpacked to disk, so names of members can do no harm.

    Raises:
        ImportRefused: the archive is damaged, holds too many files, or unpacks to too much.
    """
    with refusals(path.name), zipfile.ZipFile(path) as archive:
        infos = [info for info in archive.infolist() if not info.is_dir()]
        if len(infos) > limits.max_members:
            raise ImportRefused(f"{path.name} holds more than {limits.max_members:,} files.")
        left = limits.max_bytes
        for info in infos:
            content = _member(archive, info, limits)
            if isinstance(content, RowError):
                yield content
                continue
            left -= len(content)
            if left < 0:
                raise ImportRefused(f"{path.name} unpacks to more than what may be imported.")
            yield info.filename, content


def _member(archive: zipfile.ZipFile, info: zipfile.ZipInfo, limits: Limits) -> bytes | RowError:
    packed = max(info.compress_size, 1)
    where = repr(info.filename[:200])[1:-1]
    if info.flag_bits & 0x1:
        return RowError(where=where, reason="is encrypted")
    if info.file_size > limits.max_member_bytes:
        return RowError(where=where, reason=f"is larger than {limits.max_member_bytes:,} bytes")
    # Small files compress well without ill will.
    if info.file_size > MEGABYTE and info.file_size > packed * limits.max_ratio:
        return RowError(where=where, reason=f"unpacks to over {limits.max_ratio} times its size")
    try:
        # The declared size may lie: never read more than it says.
        with archive.open(info) as member:
            return member.read(info.file_size)
    except NotImplementedError:
        return RowError(where=where, reason="is packed by a method that is not supported")
    except (zipfile.BadZipFile, zlib.error, EOFError, OSError, RuntimeError):
        return RowError(where=where, reason="is damaged")
