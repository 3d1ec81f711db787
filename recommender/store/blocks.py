"""The do-not-list: what asked not to be listed stays known, so that nothing adds it again.

What is kept of it is a row of `nonprofits` in the state do-not-list. After an erasure that row
holds the slug, the EIN, the name and the state of the office, and nothing else.
"""

from __future__ import annotations

import json
from collections import defaultdict
from collections.abc import Iterable

from sqlite_utils import Database

from recommender.errors import InvalidAction
from recommender.models import Block, Nonprofit, Status
from recommender.store import snapshot
from recommender.text import name_key

_OF_STATUS = """
    SELECT slug, ein, name,
        (SELECT json_group_array(name) FROM nonprofit_names WHERE nonprofit_id = id),
        (SELECT json_group_array(state) FROM locations WHERE nonprofit_id = id)
    FROM nonprofits WHERE status = ? ORDER BY slug"""


def find_blocked(db: Database, records: Iterable[Nonprofit]) -> dict[str, Block]:
    """Which records may not be listed, by their slug, and why.

    A record is known by its slug, its EIN, or one of its names together with the state of an
    office; where either side has no office, by the name alone.
    """
    slugs, eins, names = _read_blocked(db)
    found = {}
    for record in records:
        if record.slug in slugs:
            found[record.slug] = Block(slug=record.slug, matched_by="slug")
        elif record.ein in eins:
            found[record.slug] = Block(slug=eins[record.ein], matched_by="ein")
        elif slug := _namesake(record, names):
            found[record.slug] = Block(slug=slug, matched_by="name")
    return found


def check_listable(db: Database, records: Iterable[Nonprofit]) -> None:
    """Make sure that new listings may be listed.

    Raises:
        InvalidAction: one of them asked not to be.
    """
    for slug, blocked in find_blocked(db, records).items():
        raise InvalidAction(f"{slug} asked not to be listed (known by its {blocked.known_by}).")


_Names = dict[str, list[tuple[str, frozenset[str]]]]


def _read_blocked(db: Database) -> tuple[set[str], dict[str, str], _Names]:
    """What is blocked: slugs; slugs by EIN; slugs and states by the key of each name."""
    with snapshot(db):
        rows = db.execute(_OF_STATUS, [Status.DO_NOT_LIST.value]).fetchall()
    names: _Names = defaultdict(list)
    for slug, _, name, others, states in rows:
        for key in {name_key(one) for one in (name, *json.loads(others))}:
            names[key].append((slug, frozenset(json.loads(states))))
    return {row[0] for row in rows}, {row[1]: row[0] for row in rows if row[1]}, names


def _namesake(record: Nonprofit, names: _Names) -> str:
    states = {place.state for place in record.locations}
    for name in (record.name, *record.other_names):
        for slug, theirs in names.get(name_key(name), ()):
            if not states or not theirs or states & theirs:
                return slug
    return ""
