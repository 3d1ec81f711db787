"""Names of places as they are compared."""

from __future__ import annotations

import re
import unicodedata

_INITIAL_DOT = re.compile(r"(?<=\b\w)\.")
_APOSTROPHES = re.compile(r"['`´‘’ʻʼ]")
_NOT_WORD = re.compile(r"[^a-z0-9]+")
_SHORTENED = {"saint": "st", "sainte": "ste", "fort": "ft", "mount": "mt"}
PREFIXES = ("mc", "d", "l", "o")
"""Words that are one with the next."""
_JOINED = re.compile(rf"\b({'|'.join(PREFIXES)}) (?=[a-z]{{3}})")


def normalise(text: str) -> str:
    """The form under which names are compared: lower-case ASCII words, "Saint" as "st".

    "L.A." becomes "la", "Cañon City" "canon city", "O'Fallon" and "O Fallon" "ofallon".
    """
    if text.isascii() and text.isalpha():  # one plain word, as most are
        return _SHORTENED.get(text.lower(), text.lower())
    words = [_SHORTENED.get(word, word) for word in _plain(text).split()]
    return _JOINED.sub(r"\1", " ".join(words))


def _plain(text: str) -> str:
    if not text.isascii():
        decomposed = unicodedata.normalize("NFKD", text.replace("´", "'"))
        text = "".join(char for char in decomposed if not unicodedata.combining(char))
    letters = text.casefold()
    return _NOT_WORD.sub(" ", _APOSTROPHES.sub("", _INITIAL_DOT.sub("", letters)))
