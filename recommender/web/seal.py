"""Addresses that hold what a visitor asked for, encrypted, so that nothing has to be stored.

A token is a Fernet token (AES-128-CBC and HMAC-SHA256, https://github.com/fernet/spec) over
compressed JSON. It carries its date, so that it expires without a record of it anywhere.
"""

from __future__ import annotations

import json
import zlib
from base64 import urlsafe_b64encode
from dataclasses import MISSING, Field, dataclass, fields, is_dataclass
from datetime import UTC, date, datetime, timedelta
from functools import cache
from types import UnionType
from typing import Any, Generic, TypeVar, get_args, get_origin, get_type_hints

from cryptography.fernet import Fernet, InvalidToken
from cryptography.hazmat.primitives.hashes import SHA256
from cryptography.hazmat.primitives.kdf.hkdf import HKDF

from recommender.errors import NotFound

LIFETIME = timedelta(days=30)
# gunicorn refuses request lines beyond 4,094 bytes; "GET /es/matches/… HTTP/1.1" is the rest.
MAX_TOKEN_LENGTH = 3_900

Record = TypeVar("Record")


class InvalidSeal(NotFound):
    """A token that is damaged, too old, or was never ours."""


class TooLong(ValueError):
    """What was to be sealed does not fit into an address."""


@dataclass(frozen=True, kw_only=True)
class Opened(Generic[Record]):
    """What a token held, and the day on which it stops opening."""

    record: Record
    expires_on: date


@dataclass(frozen=True)
class Seal(Generic[Record]):
    """Seals records of one class; a token of another class or key does not open."""

    secret_key: str
    kind: type[Record]

    def close(self, record: Record) -> str:
        """The token of a record.

        Raises:
            TooLong: it is longer than an address may be.
        """
        document = json.dumps(_pack(record), ensure_ascii=False, separators=(",", ":"))
        packed = zlib.compress(document.encode(), level=9)
        token = self._fernet.encrypt(packed).decode().rstrip("=")
        if len(token) > MAX_TOKEN_LENGTH:
            raise TooLong
        return token

    def open(self, token: str) -> Opened[Record]:
        """The record of a token.

        Raises:
            InvalidSeal: it cannot be opened, or holds what this version does not know.
        """
        try:
            padded = token.encode("ascii") + b"=" * (-len(token) % 4)
            packed = self._fernet.decrypt(padded, ttl=int(LIFETIME.total_seconds()))
            record = _unpack(self.kind, json.loads(zlib.decompress(packed)))
        except (InvalidToken, UnicodeEncodeError, KeyError, TypeError, ValueError) as error:
            raise InvalidSeal from error
        sealed_at = datetime.fromtimestamp(self._fernet.extract_timestamp(padded), tz=UTC)
        return Opened(record=record, expires_on=(sealed_at + LIFETIME).date())

    @property
    def _fernet(self) -> Fernet:
        return _make_fernet(self.secret_key, self.kind.__name__)


@cache
def _make_fernet(secret_key: str, purpose: str) -> Fernet:
    info = f"waymark seal 1: {purpose}".encode()
    key = HKDF(algorithm=SHA256(), length=32, salt=None, info=info).derive(secret_key.encode())
    return Fernet(urlsafe_b64encode(key))


def _pack(value: Any) -> Any:
    """Plain values; of a dataclass only the fields that differ from their defaults."""
    if is_dataclass(value):
        given = {field.name: (field, getattr(value, field.name)) for field in fields(value)}
        return {name: _pack(v) for name, (field, v) in given.items() if v != _default(field)}
    return [_pack(item) for item in value] if isinstance(value, tuple) else value


def _default(field: Field[Any]) -> Any:
    """A field's default; MISSING, which equals no value, where it has none."""
    return field.default if field.default_factory is MISSING else field.default_factory()


def _unpack(kind: Any, value: Any) -> Any:
    """A value of a kind that a sealed record's fields are declared as."""
    options = get_args(kind)
    if get_origin(kind) is tuple:
        return tuple(_unpack(options[0], item) for item in value)
    if get_origin(kind) is UnionType:
        return None if value is None else _unpack(options[0], value)
    if is_dataclass(kind):
        make: Any = kind
        kinds = _hints(make)
        return make(**{name: _unpack(kinds[name], item) for name, item in value.items()})
    return kind(value)


@cache
def _hints(kind: Any) -> dict[str, Any]:
    return get_type_hints(kind)
