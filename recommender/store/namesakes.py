"""Listings of any state that may be the same organisation as one that is not listed yet."""

from __future__ import annotations

import json
from collections.abc import Iterable
from dataclasses import dataclass
from difflib import SequenceMatcher
from urllib.parse import urlsplit

from sqlite_utils import Database

from recommender.models import Status
from recommender.store import snapshot
from recommender.store.rows import Row
from recommender.text import name_key

CLOSE = 0.72
"""So alike, by difflib over the letters or Dice over the words, are names that are shown."""

MAX_COMPARED = 60


@dataclass(frozen=True, kw_only=True)
class Sought:
    """What is known of an organisation; any of it may be empty."""

    name: str
    website: str = ""
    eins: tuple[str, ...] = ()


@dataclass(frozen=True, kw_only=True)
class Namesake:
    """A listing, and by what it was found: "ein", "website", "name" or "like-name"."""

    slug: str
    name: str
    ein: str
    city: str
    state: str
    status: Status
    why: tuple[str, ...]
    similarity: float


def find_namesakes(db: Database, sought: Sought, *, n: int = 8) -> tuple[Namesake, ...]:
    """The listings of all states that may be what is sought, the likeliest first."""
    values = {
        "words": _any_word(sought.name),
        "eins": json.dumps(sought.eins),
        "host": _site(sought.website)[0],
        "limit": MAX_COMPARED,
    }
    with snapshot(db):
        rows = list(db.query(_CANDIDATES, values))
    found = [_compare(row, sought) for row in rows]
    alike = [one for one in found if one.why]
    return tuple(sorted(alike, key=lambda one: (-one.similarity, one.slug))[:n])


# Every word of the name is quoted for FTS5, and any of them will do.
_CANDIDATES = """
    SELECT slug, name, ein, website, status,
        (SELECT json_group_array(name) FROM nonprofit_names WHERE nonprofit_id = listed.id)
            AS names,
        coalesce(office.city, '') AS city, coalesce(office.state, '') AS state
    FROM nonprofits AS listed
    LEFT JOIN locations AS office ON office.nonprofit_id = listed.id AND office.position = (
        SELECT position FROM locations WHERE nonprofit_id = listed.id
        ORDER BY is_primary DESC, position LIMIT 1)
    WHERE listed.ein IN (SELECT value FROM json_each(:eins))
        OR (:host <> '' AND instr(listed.website, :host) > 0)
        OR listed.id IN (SELECT rowid FROM (
            SELECT rowid FROM listing_search WHERE listing_search MATCH :words
            ORDER BY bm25(listing_search, 10, 5, 0, 0, 0) LIMIT :limit))"""


def _any_word(name: str) -> str:
    words = dict.fromkeys(name_key(name).split())
    return " OR ".join(f'{{name names}} : "{word}"' for word in words) or '""'


def _compare(row: Row, sought: Sought) -> Namesake:
    likeness = max(_likeness(sought.name, name) for name in _names(row))
    whys = {
        "ein": bool(row["ein"]) and row["ein"] in sought.eins,
        "website": _is_same_site(row["website"], sought.website),
        "name": likeness == 1,
        "like-name": CLOSE <= likeness < 1,
    }
    why = tuple(name for name, holds in whys.items() if holds)
    plain = {key: row[key] for key in ("slug", "name", "ein", "city", "state")}
    is_sure = whys["ein"] or whys["website"]
    return Namesake(
        **plain, status=Status(row["status"]), why=why, similarity=max(likeness, float(is_sure))
    )


def _names(row: Row) -> Iterable[str]:
    return (row["name"], *json.loads(row["names"]))


def _likeness(one: str, other: str) -> float:
    """How alike two names are, in [0, 1]; 1 where only case, accents and form of law differ."""
    left, right = name_key(one), name_key(other)
    if not left or not right:
        return 0.0
    words, others = set(left.split()), set(right.split())
    dice = 2 * len(words & others) / (len(words) + len(others))
    letters = SequenceMatcher(None, left, right, False).ratio()
    return 1.0 if left == right else min(max(dice, letters), 0.99)


def _is_same_site(one: str, other: str) -> bool:
    """Whether two addresses share their host and, where both go deeper, the first step.

    So two groups with a page each on one large site are told apart.
    """
    (host, step), (other_host, other_step) = _site(one), _site(other)
    return bool(host) and host == other_host and (not step or not other_step or step == other_step)


def _site(address: str) -> tuple[str, str]:
    try:
        parts = urlsplit(address if "://" in address else f"https://{address}")
        host = (parts.hostname or "").removeprefix("www.").rstrip(".")
    except ValueError:
        return "", ""
    return host, parts.path.strip("/").partition("/")[0].casefold()
