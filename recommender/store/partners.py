"""The sites that show our widget, who let them, and how often it was seen there: never by whom.

Whoever changes a partner is named by the number of their account, which must be an
administrator's; None is whoever may run commands on the server.
"""

from __future__ import annotations

import json
import re
import secrets
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from datetime import UTC, date, datetime
from enum import StrEnum
from typing import Any, TypeVar

from sqlite_utils import Database

from recommender.errors import EditConflict, InvalidPartner, NotFound
from recommender.models import (
    ColorScheme,
    CountKind,
    FieldChange,
    Language,
    Look,
    Partner,
    PartnerDraft,
    TagKind,
    WidgetDefaults,
    WidgetFont,
    WidgetSize,
)
from recommender.store import snapshot, transaction
from recommender.store.accounts import Role
from recommender.store.history import OPERATOR, Author, now
from recommender.store.origins import parse_origin
from recommender.store.revisions import get_staff

MAX_NAME = 200
MAX_ORIGINS = 20
"""They all stand in one header."""
MAX_TOPIC = 80
MAX_PLACE = 120
MAX_RADIUS_PX = 24
MIN_SHOWN = 10
"""A smaller count could be about a few people, and is not shown."""

TOPIC_KINDS = (TagKind.SERVICE, TagKind.POPULATION, TagKind.COMMUNITY)
"""The kinds of tags that a widget can be about."""

# (partner's number, kind) → how often.
Tally = Mapping[tuple[int, CountKind], int]
Shown = dict[CountKind, int | None]
"""Every kind of count as it may be shown: None where it is too small."""
Key = TypeVar("Key")


class EventKind(StrEnum):
    """What was done to a partner."""

    ADD = "add"
    CHANGE = "change"
    PAUSE = "pause"
    RESUME = "resume"
    ROTATE = "rotate"


@dataclass(frozen=True, kw_only=True)
class PartnerEvent:
    """Something done to a partner; the values of `changes` are text."""

    id: int
    kind: EventKind
    changes: tuple[FieldChange, ...]
    staff_name: str
    created_at: str


# --- Partners ----------------------------------------------------------------------------


def create_partner(db: Database, draft: PartnerDraft, *, by: int | None) -> Partner:
    """Add a partner, under a new key.

    Raises:
        NotAllowed: this is not for the role of whoever does it.
        InvalidPartner: there is one of this name, or something in the draft cannot be used.
    """
    with transaction(db):
        author = _author(db, by)
        row = _checked(db, draft) | {"key": _new_key()}
        stored = db.table("partners").insert(row, pk="id")
        partner_id = int(stored.last_pk)  # type: ignore[arg-type]
        _set_origins(db, partner_id, draft.origins)
        _note(db, partner_id, EventKind.ADD, author)
        return get_partner(db, partner_id)


def update_partner(
    db: Database, partner_id: int, draft: PartnerDraft, *, by: int | None, expected: int = 0
) -> Partner:
    """Replace what was decided about a partner; its key and its counts stay.

    Args:
        db: The store.
        partner_id: Whose.
        draft: What is to hold from now on.
        by: Who does it.
        expected: The number of the last event that the draft takes into account, if it does.

    Raises:
        NotFound: there is no such partner.
        NotAllowed, InvalidPartner: see `create_partner`.
        EditConflict: somebody has changed it since; see `find_version`.
    """
    with transaction(db):
        author, before = _author(db, by), get_partner(db, partner_id)
        if expected and find_version(db, partner_id) != expected:
            raise EditConflict(
                "Somebody has changed it meanwhile.",
                base=None,
                theirs=before,
                yours=draft,
                changes=(),
            )
        db.table("partners").update(partner_id, _checked(db, draft, but=partner_id))
        _set_origins(db, partner_id, draft.origins)
        after = get_partner(db, partner_id)
        changes = _diff(before, after)
        if changes:
            _note(db, partner_id, EventKind.CHANGE, author, changes)
        return after


def set_paused(db: Database, partner_id: int, is_paused: bool, *, by: int | None) -> Partner:
    """Let a partner's widgets give way to the plain link from now on, or show them again.

    Raises:
        NotFound: there is no such partner.
        NotAllowed: this is not for the role of whoever does it.
    """
    with transaction(db):
        author, before = _author(db, by), get_partner(db, partner_id)
        if before.is_paused != is_paused:
            db.table("partners").update(partner_id, {"is_paused": int(is_paused)})
            _note(db, partner_id, EventKind.PAUSE if is_paused else EventKind.RESUME, author)
        return get_partner(db, partner_id)


def rotate_key(db: Database, partner_id: int, *, by: int | None) -> Partner:
    """Give a partner a new key; the old one is unknown at once.

    Raises:
        NotFound: there is no such partner.
        NotAllowed: this is not for the role of whoever does it.
    """
    with transaction(db):
        author, before = _author(db, by), get_partner(db, partner_id)
        db.table("partners").update(partner_id, {"key": _new_key()})
        after = get_partner(db, partner_id)
        _note(db, partner_id, EventKind.ROTATE, author, _diff(before, after))
        return after


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
        raise InvalidPartner("A color is written as # and six digits from 0 to f.", field="accent")
    if not 0 <= look.radius_px <= MAX_RADIUS_PX:
        raise InvalidPartner(f"The radius is from 0 to {MAX_RADIUS_PX} pixels.", field="radius_px")
    if not re.fullmatch(f"[a-z0-9-]{{0,{MAX_TOPIC}}}", defaults.topic):
        raise InvalidPartner("There is no such topic.", field="topic")
    if len(defaults.place) > MAX_PLACE or not defaults.place.isprintable():
        raise InvalidPartner("There is no such place.", field="place")
    return defaults


def has_topic(db: Database, slug: str) -> bool:
    """Whether a widget can be about this: a guide, or a tag of `TOPIC_KINDS`."""
    with snapshot(db):
        found = db.execute(
            "SELECT 1 FROM guides WHERE slug = :slug UNION"
            " SELECT 1 FROM tags WHERE slug = :slug"
            " AND kind IN (SELECT value FROM json_each(:kinds))",
            {"slug": slug, "kinds": json.dumps(TOPIC_KINDS)},
        ).fetchone()
    return found is not None


# --- History -----------------------------------------------------------------------------


def list_events(db: Database, partner_id: int) -> list[PartnerEvent]:
    """What was done to a partner, newest first."""
    with snapshot(db):
        rows = db.query(
            "SELECT * FROM partner_events WHERE partner_id = ? ORDER BY id DESC", [partner_id]
        )
        return [_to_event(row) for row in rows]


def find_version(db: Database, partner_id: int) -> int:
    """The number of the last event, which changes with every change; 0 where there is none."""
    with snapshot(db):
        (number,) = db.execute(
            "SELECT coalesce(max(id), 0) FROM partner_events WHERE partner_id = ?", [partner_id]
        ).fetchone()
    return int(number)


def _author(db: Database, by: int | None) -> Author:
    return OPERATOR if by is None else Author(name=get_staff(db, by, Role.ADMIN).name, id=by)


def _note(
    db: Database,
    partner_id: int,
    kind: EventKind,
    author: Author,
    changes: tuple[FieldChange, ...] = (),
) -> None:
    row = {
        "partner_id": partner_id,
        "kind": kind.value,
        "changes": json.dumps([[one.field, one.before, one.after] for one in changes]),
        "staff_id": author.id,
        "staff_name": author.name,
        "created_at": now(),
    }
    db.table("partner_events").insert(row, pk="id")


def _diff(before: Partner, after: Partner) -> tuple[FieldChange, ...]:
    old, new = _as_text(before), _as_text(after)
    return tuple(
        FieldChange(field=field, before=old[field], after=new[field])
        for field in old
        if old[field] != new[field]
    )


def _as_text(partner: Partner) -> dict[str, str]:
    values = {"name": partner.name, "key": partner.key, "origins": " ".join(partner.origins)}
    return values | {name: str(value) for name, value in _defaults_row(partner.defaults).items()}


def _to_event(row: dict[str, Any]) -> PartnerEvent:
    return PartnerEvent(
        id=row["id"],
        kind=EventKind(row["kind"]),
        changes=tuple(
            FieldChange(field=field, before=before, after=after)
            for field, before, after in json.loads(row["changes"])
        ),
        staff_name=row["staff_name"],
        created_at=row["created_at"],
    )


# --- Rows --------------------------------------------------------------------------------


def _new_key() -> str:
    return secrets.token_hex(8)


def _checked(db: Database, draft: PartnerDraft, *, but: int = 0) -> dict[str, Any]:
    name = draft.name.strip()
    if not name or len(name) > MAX_NAME or not name.isprintable():
        raise InvalidPartner(
            f"A partner has a name of at most {MAX_NAME} characters.", field="name"
        )
    if db.execute("SELECT 1 FROM partners WHERE name = ? AND id <> ?", [name, but]).fetchone():
        raise InvalidPartner("There is a partner of this name already.", field="name")
    return {"name": name} | _defaults_row(check_defaults(draft.defaults))


def _defaults_row(defaults: WidgetDefaults) -> dict[str, str | int]:
    look = defaults.look
    return {
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


def list_counts(db: Database, partner_id: int) -> dict[str, Shown]:
    """The counts of every week in which there were any, newest first; None where too small.

    Every kind is in every week, so that a missing count says no more than a small one.
    """
    with snapshot(db):
        rows = db.execute(
            "SELECT week, kind, count FROM partner_counts WHERE partner_id = ? ORDER BY week DESC",
            [partner_id],
        ).fetchall()
    return _group(rows)


def list_counts_of_week(db: Database, week: str) -> dict[int, Shown]:
    """The counts of a week by the partner's number, of those of whom there are any."""
    with snapshot(db):
        rows = db.execute(
            "SELECT partner_id, kind, count FROM partner_counts WHERE week = ?", [week]
        ).fetchall()
    return _group(rows)


def _group(rows: Iterable[tuple[Key, str, int]]) -> dict[Key, Shown]:
    counts: dict[Key, Shown] = {}
    for key, kind, count in rows:
        counts.setdefault(key, dict.fromkeys(CountKind))[CountKind(kind)] = suppress(count)
    return counts


def suppress(count: int) -> int | None:
    """A count as it may be shown: None where it is so small that it could be about somebody."""
    return count if count >= MIN_SHOWN else None


def week_of(day: date) -> str:
    """The ISO 8601 week of a day, e.g. "2026-W48"."""
    year, week, _ = day.isocalendar()
    return f"{year}-W{week:02d}"
