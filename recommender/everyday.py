"""Everyday words of English and Spanish: who types one of them has not mistyped another.

`everyday_words.txt` holds the 30,000 most frequent words of five letters or more of either
language, folded and sorted; each line has those that begin with the same two letters. They come
from the data of wordfreq 3.1.1 (Robyn Speer, "rspeer/wordfreq: v3.0", 2022,
doi:10.5281/zenodo.7199437; CC BY-SA 4.0, which holds for that file too).
"""

from __future__ import annotations

from pathlib import Path

_FILE = Path(__file__).with_name("everyday_words.txt")
# One text for each line: a set of 56,000 strings would take ten times the memory of each worker.
_LINES = {line[:2]: f" {line} " for line in _FILE.read_text(encoding="ascii").splitlines()}


def is_everyday(word: str) -> bool:
    """Whether a folded word of five letters or more is among the frequent ones."""
    return f" {word} " in _LINES.get(word[:2], "")
