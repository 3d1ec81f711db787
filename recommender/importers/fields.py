"""One cell of a source as the value a listing holds, or `ValueError` with the reason."""

from __future__ import annotations

import re
import unicodedata
from urllib.parse import urlsplit

from recommender.geo import STATES
from recommender.text import fold

MAX_LINE_LENGTH = 300
MAX_TEXT_LENGTH = 4_000
# 15 digits: a spreadsheet keeps no more, and no charity has more dollars.
MAX_USD = 10**15

_CODES = {fold(names.en): code for code, names in STATES.items()}
_CODES |= {fold(names.es): code for code, names in STATES.items()}
_HOST = re.compile(r"[a-z0-9-]+(?:\.[a-z0-9-]+)*\.[a-z]{2,}")
_WITH_COMMA = re.compile(r"\(?-?([0-9]{1,3}(\.[0-9]{3})+(,[0-9]{1,2})?|[0-9]+,[0-9]{1,2})\)?")
_NO_SITE = frozenset({"n/a", "na", "n.a", "none", "no", "0", "null", "not applicable", "ninguno"})


def parse_line(text: str, limit: int = MAX_LINE_LENGTH) -> str:
    """Text without line breaks or double spaces, in Unicode's composed form."""
    line = " ".join(unicodedata.normalize("NFC", text).split())
    if len(line) > limit:
        raise ValueError(f"longer than {limit:,} characters")
    if any(unicodedata.category(char) in ("Cc", "Cs") for char in line):
        raise ValueError("holds characters that are not text")
    return line


def parse_ein(text: str) -> str:
    """Nine digits. Zeros that a spreadsheet took from the front are put back."""
    if len(text) == 9 and text.isascii() and text.isdigit():
        return text
    digits = re.sub(r"[\s-]", "", text)
    if not digits:
        return ""
    if not re.fullmatch(r"[0-9]{5,9}(\.0)?", digits):
        rounded = re.fullmatch(r"[0-9]([.,][0-9]+)?[eE]\+?[0-9]+", digits)
        why = "; a spreadsheet has rounded it: give that column the format Text" if rounded else ""
        raise ValueError(f"{text[:20]!r} is no EIN of nine digits{why}")
    return digits.removesuffix(".0").zfill(9)


def parse_zip(text: str) -> str:
    """Five digits of a ZIP or ZIP+4 code, with the zeros a spreadsheet took from the front."""
    compact = re.sub(r"\s", "", text).removesuffix(".0")
    if not compact.strip("0-"):
        return ""
    found = re.fullmatch(r"([0-9]{3,5})(-[0-9]{0,4})?|([0-9]{7,9})", compact)
    if not found:
        raise ValueError(f"ZIP code {text[:20]!r} is not one of the United States")
    return (found[1] or found[3].zfill(9)[:5]).zfill(5)


def parse_state(text: str) -> str:
    """The code of a state or territory, from the code or from its English or Spanish name."""
    name = fold(text).strip()
    if not name:
        return ""
    code = name.upper() if name.upper() in STATES else _CODES.get(name)
    if code is None:
        raise ValueError(f"{text[:30]!r} is not a state of the United States")
    return code


def parse_ntee(text: str) -> str:
    """An NTEE code of three or four characters; what is no such code says nothing: empty."""
    code = text.strip().upper()
    return code if re.fullmatch(r"[A-Z][0-9][0-9A-Z]{1,2}", code, re.ASCII) else ""


def parse_year(text: str) -> int | None:
    """The year of "2004", "200408" or "2004-08-01"; None for blank and for zeros."""
    compact = text.strip().removesuffix(".0")
    if not compact.strip("0"):
        return None
    found = re.fullmatch(r"([0-9]{4})(-?[0-9]{2}){0,2}", compact)
    if not found or not 1900 <= int(found[1]) <= 2100:
        raise ValueError(f"{text[:20]!r} is not a year from 1900 to 2100")
    return int(found[1])


def parse_usd(text: str) -> int | None:
    """Whole dollars of "1250000", "$1,250,000.00", "1.250.000,00" or "(500)"; None for blank."""
    compact = re.sub(r"[\s$]", "", text)
    # Spreadsheets in Spanish group by points, and set the cents off by a comma.
    if re.fullmatch(
        r"\(?-?[0-9]{1,3}(\.[0-9]{3})+(,[0-9]{1,2})?\)?|\(?-?[0-9]+,[0-9]{1,2}\)?", compact
    ):
        compact = compact.replace(".", "").replace(",", ".")
    compact = compact.replace(",", "")
    if not compact:
        return None
    if re.fullmatch(r"\([0-9.]+\)", compact):
        compact = "-" + compact[1:-1]
    found = re.fullmatch(r"(-?[0-9]{1,16})(\.[0-9]*)?", compact)
    if not found or abs(int(found[1])) > MAX_USD:
        raise ValueError(f"{text[:30]!r} is not an amount of dollars")
    return int(found[1])


def parse_website(text: str) -> str:
    """An https address; empty where the cell says that there is none."""
    address = text.strip()
    if not address or address.casefold().strip(" .") in _NO_SITE:
        return ""
    try:
        parts = urlsplit(address if "//" in address else f"https://{address}")
        host = parts.hostname or ""
    except ValueError:
        host = ""
    is_plain = host.isascii() and _HOST.fullmatch(host) and parts.scheme in ("http", "https")
    if not is_plain or parts.username or len(address) > MAX_LINE_LENGTH or _has_space(address):
        raise ValueError(f"{text[:60]!r} is not the address of a site")
    path = parts.path.rstrip("/") + (f"?{parts.query}" if parts.query else "")
    return f"https://{host}{path if path.startswith('/') or not path else f'/{path}'}"


def _has_space(text: str) -> bool:
    return any(char.isspace() or unicodedata.category(char) == "Cc" for char in text)
