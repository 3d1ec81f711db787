"""Which web origins a partner may name: exact ones, each of a site of its own."""

from __future__ import annotations

from functools import cache
from urllib.parse import urlsplit

import idna
from publicsuffixlist import PublicSuffixList

from recommender.errors import InvalidPartner

LOCAL_HOSTS = {"localhost", "127.0.0.1"}
_DEFAULT_PORTS = {"https": 443, "http": 80}


def parse_origin(text: str) -> str:
    """An origin as a browser names it, e.g. "https://www.bücher.example/" in ASCII.

    A wildcard, a path or a name that many sites share ("co.uk", "github.io") would let pages
    frame the widget that the partner does not own.

    Raises:
        InvalidPartner: it is not the origin of one site, or is open to eavesdroppers.
    """
    given = text.strip()
    try:
        parts = urlsplit(given)
        port = parts.port
    except ValueError as error:
        raise InvalidPartner(f"{given!r} is not a web address.") from error
    if parts.scheme not in _DEFAULT_PORTS:
        raise InvalidPartner(f"{given!r} must begin with https://.")
    if "@" in parts.netloc or parts.path not in {"", "/"} or any(mark in given for mark in "?#*\\"):
        raise InvalidPartner(
            f"{given!r} must be scheme, host and port alone, such as https://news.example.org."
        )
    host = _host(parts.hostname or "", given)
    if parts.scheme != "https" and host not in LOCAL_HOSTS:
        raise InvalidPartner(f"{given!r} must begin with https://.")
    suffix = "" if port in {None, _DEFAULT_PORTS[parts.scheme]} else f":{port}"
    return f"{parts.scheme}://{host}{suffix}"


def _host(host: str, given: str) -> str:
    if host in LOCAL_HOSTS:
        return host
    try:
        name = idna.encode(host, uts46=True, std3_rules=True).decode()
    except idna.IDNAError as error:
        raise InvalidPartner(f"{given!r} does not name a host.") from error
    if name.endswith(".") or name.rpartition(".")[2].isdigit():
        raise InvalidPartner(f"{given!r} must name its host, without an address of numbers.")
    if _suffixes().privatesuffix(name) is None:
        raise InvalidPartner(f"{given!r} is shared by many sites: name the one that is yours.")
    return name


@cache
def _suffixes() -> PublicSuffixList:
    return PublicSuffixList()
