"""The sites that show our widget, and how often it was seen there: never by whom."""

from __future__ import annotations

import json
import re
import secrets
from collections.abc import Mapping
from datetime import UTC, date, datetime
from typing import Any

from sqlite_utils import Database

from recommender.errors import InvalidPartner, NotFound
from recommender.models import (
    ColorScheme,
    CountKind,
    Language,
    Look,
    Partner,
    PartnerDraft,
    WidgetDefaults,
    WidgetFont,
    WidgetSize,
)
from recommender.store import snapshot, transaction
from recommender.store.origins import parse_origin

MAX_NAME = 200
MAX_ORIGINS = 20
"""They all stand in one header."""
MAX_TOPIC = 80
MAX_PLACE = 120
MAX_RADIUS_PX = 24
MIN_SHOWN = 10
"""A smaller count could be about a few people, and is not shown."""

# (partner's number, kind) → how often.
Tally = Mapping[tuple[int, CountKind], int]


# --- Partners ----------------------------------------------------------------------------


def create_partner(db: Database, draft: PartnerDraft) -> Partner:
    """Add a partner, under a new key.

    Raises:
        InvalidPartner: there is one of this name, or something in the draft cannot be used.
    """
    with transaction(db):
        row = _checked(db, draft) | {"key": _new_key()}
        stored = db.table("partners").insert(row, pk="id")
        partner_id = int(stored.last_pk)  # type: ignore[arg-type]
        _set_origins(db, partner_id, draft.origins)
        return get_partner(db, partner_id)


def update_partner(db: Database, partner_id: int, draft: PartnerDraft) -> Partner:
    """Replace what was decided about a partner; its key and its counts stay.

    Raises:
        NotFound: there is no such partner.
        InvalidPartner: see `create_partner`.
    """
    with transaction(db):
        get_partner(db, partner_id)
        db.table("partners").update(partner_id, _checked(db, draft, but=partner_id))
        _set_origins(db, partner_id, draft.origins)
        return get_partner(db, partner_id)


def set_paused(db: Database, partner_id: int, is_paused: bool) -> Partner:
    """Let a partner's widgets give way to the plain link from now on, or show them again.

    Raises:
        NotFound: there is no such partner.
    """
    return _change(db, partner_id, {"is_paused": int(is_paused)})


def rotate_key(db: Database, partner_id: int) -> Partner:
    """Give a partner a new key; the old one is unknown at once.

    Raises:
        NotFound: there is no such partner.
    """
    return _change(db, partner_id, {"key": _new_key()})


def get_partner(db: Database, partner_id: int) -> Partner:
    """A partner by its number.

    Raises:
        NotFound: there is none.
    """
    with snapshot(db):
        found = _query(db, "id = ?", partner_id)
    if not found:
        raise NotFound(f"There is no partner {partner_id}.")
    return found[0]


def find_partner(db: Database, key: str) -> Partner | None:
    """The partner of a key, paused or not, or None."""
    with snapshot(db):
        found = _query(db, "key = ?", key)
    return found[0] if found else None


def list_partners(db: Database) -> list[Partner]:
    """All partners by name."""
    with snapshot(db):
        return _query(db, "TRUE OR id = ?", 0)


def check_defaults(defaults: WidgetDefaults) -> WidgetDefaults:
    """The defaults if each can be used as it is; whether a topic exists is not asked here.

    Raises:
        InvalidPartner: one of them cannot.
    """
    look = defaults.look
    if look.accent and not re.fullmatch("#[0-9a-f]{6}", look.accent):
        raise InvalidPartner("A color is written as # and six digits from 0 to f.")
    if not 0 <= look.radius_px <= MAX_RADIUS_PX:
        raise InvalidPartner(f"The radius is from 0 to {MAX_RADIUS_PX} pixels.")
    if not re.fullmatch(f"[a-z0-9-]{{0,{MAX_TOPIC}}}", defaults.topic):
        raise InvalidPartner("There is no such topic.")
    if len(defaults.place) > MAX_PLACE or not defaults.place.isprintable():
        raise InvalidPartner("There is no such place.")
    return defaults


def _change(db: Database, partner_id: int, values: dict[str, Any]) -> Partner:
    with transaction(db):
        get_partner(db, partner_id)
        db.table("partners").update(partner_id, values)
        return get_partner(db, partner_id)


def _new_key() -> str:
    return secrets.token_hex(8)


def _checked(db: Database, draft: PartnerDraft, *, but: int = 0) -> dict[str, Any]:
    name = draft.name.strip()
    if not name or len(name) > MAX_NAME or not name.isprintable():
        raise InvalidPartner(f"A partner has a name of at most {MAX_NAME} characters.")
    if db.execute("SELECT 1 FROM partners WHERE name = ? AND id <> ?", [name, but]).fetchone():
        raise InvalidPartner("There is a partner of this name already.")
    defaults = check_defaults(draft.defaults)
    look = defaults.look
    return {
        "name": name,
        "topic": defaults.topic,
        "place": defaults.place.strip(),
        "language": defaults.language.value,
        "size": look.size.value,
        "scheme": look.scheme.value,
        "font": look.font.value,
        "accent": look.accent,
        "radius_px": look.radius_px,
    }


def _set_origins(db: Database, partner_id: int, given: tuple[str, ...]) -> None:
    origins = dict.fromkeys(parse_origin(text) for text in given)
    if not 1 <= len(origins) <= MAX_ORIGINS:
        raise InvalidPartner(f"A partner has from 1 to {MAX_ORIGINS} sites.")
    db.execute("DELETE FROM partner_origins WHERE partner_id = ?", [partner_id])
    rows = [{"partner_id": partner_id, "origin": origin} for origin in origins]
    db.table("partner_origins").insert_all(rows)


def _query(db: Database, condition: str, value: int | str) -> list[Partner]:
    rows = db.query(
        "SELECT *, (SELECT json_group_array(origin) FROM partner_origins"  # noqa: S608
        f" WHERE partner_id = id) AS origins FROM partners WHERE {condition} ORDER BY name, id",
        [value],
    )
    return [_to_partner(row) for row in rows]


def _to_partner(row: dict[str, Any]) -> Partner:
    look = Look(
        size=WidgetSize(row["size"]),
        scheme=ColorScheme(row["scheme"]),
        font=WidgetFont(row["font"]),
        accent=row["accent"],
        radius_px=row["radius_px"],
    )
    return Partner(
        id=row["id"],
        key=row["key"],
        name=row["name"],
        origins=tuple(sorted(json.loads(row["origins"]))),
        defaults=WidgetDefaults(
            topic=row["topic"],
            place=row["place"],
            language=Language(row["language"]),
            look=look,
        ),
        is_paused=bool(row["is_paused"]),
        created_at=row["created_at"],
    )


# --- Counts ------------------------------------------------------------------------------


def add_counts(db: Database, tally: Tally, on: date | None = None) -> None:
    """Add to the counts of a week: that of a day, by default of today in UTC.

    A partner that was removed in the meantime is passed over.
    """
    week = week_of(on or datetime.now(UTC).date())
    with transaction(db):
        for (partner_id, kind), n in tally.items():
            db.execute(
                "INSERT INTO partner_counts (partner_id, week, kind, count)"
                " SELECT id, ?, ?, ? FROM partners WHERE id = ?"
                " ON CONFLICT DO UPDATE SET count = count + excluded.count",
                [week, kind.value, n, partner_id],
            )


def list_counts(db: Database, partner_id: int) -> dict[str, dict[CountKind, int | None]]:
    """The counts of every week in which there were any, newest first; None where too small.

    Every kind is in every week, so that a missing count says no more than a small one.
    """
    with snapshot(db):
        rows = db.execute(
            "SELECT week, kind, count FROM partner_counts WHERE partner_id = ? ORDER BY week DESC",
            [partner_id],
        ).fetchall()
    counts: dict[str, dict[CountKind, int | None]] = {}
    for week, kind, count in rows:
        of_week = counts.setdefault(week, dict.fromkeys(CountKind))
        of_week[CountKind(kind)] = suppress(count)
    return counts


def suppress(count: int) -> int | None:
    """A count as it may be shown: None where it is so small that it could be about somebody."""
    return count if count >= MIN_SHOWN else None


def week_of(day: date) -> str:
    """The ISO 8601 week of a day, e.g. "2026-W48"."""
    year, week, _ = day.isocalendar()
    return f"{year}-W{week:02d}"
