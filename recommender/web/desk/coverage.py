"""Where listings and services are, as maps and tables; each figure leads to what it counts."""

from __future__ import annotations

from dataclasses import dataclass

from flask import url_for

from recommender.geo import STATES
from recommender.store.overview import Coverage
from recommender.web.desk.charts import (
    FEW_LEVELS,
    LEVELS,
    Stack,
    TileMap,
    draw_stacks,
    draw_tiles,
    list_tiles,
)
from recommender.web.desk.narrowing import list_services

PUBLIC = ("published", "due")
"""The states of what donors can find, as the staff's list is narrowed by them."""

N_SHOWN = 8
"""How many states a short list shows."""


@dataclass(frozen=True, kw_only=True)
class StateRow:
    """A state in the table of coverage; `lacking` are services that nobody offers there."""

    code: str
    name: str
    n_listings: int
    n_visiting: int
    n_thin: int
    lacking: tuple[str, ...]


def list_url(**narrowed: str) -> str:
    """The staff's list of what donors can find, narrowed."""
    return url_for("staff_listings.index", status=PUBLIC, **narrowed)  # type: ignore[arg-type]


def draw_coverage(found: Coverage, service: str = "") -> TileMap:
    """The map of all listings, or of those with one service."""
    if not service:
        hrefs = {code: list_url(state=code) for code in list_tiles()}
        return draw_tiles(found.offices, hrefs, LEVELS)
    values = {code: found.services.get((code, service), 0) for code in list_tiles()}
    hrefs = {code: list_url(state=code, service=service) for code in list_tiles()}
    return draw_tiles(values, hrefs, FEW_LEVELS)


def list_states(found: Coverage) -> list[StateRow]:
    """Every state on the map, by name."""
    services = list_services()
    return [
        StateRow(
            code=code,
            name=STATES[code].en,
            n_listings=found.offices.get(code, 0),
            n_visiting=found.visiting.get(code, 0),
            n_thin=found.thin.get(code, 0),
            lacking=tuple(
                label for slug, label in services.items() if not found.services.get((code, slug))
            ),
        )
        for code in sorted(list_tiles(), key=lambda code: STATES[code].en)
    ]


def find_gaps(found: Coverage) -> list[tuple[str, str, int]]:
    """Services as (slug, label, in how many states nobody offers them), most lacking first."""
    gaps = [
        (slug, label, sum(not found.services.get((code, slug)) for code in list_tiles()))
        for slug, label in list_services().items()
    ]
    return sorted((gap for gap in gaps if gap[2]), key=lambda gap: -gap[2])


def draw_thin(found: Coverage) -> tuple[Stack, ...]:
    """The states with most thin listings, each bar with the others beside them."""
    most = sorted(found.thin, key=lambda code: (-found.thin[code], code))[:N_SHOWN]
    return draw_stacks(
        [
            (
                STATES[code].en,
                list_url(state=code, thin="1"),
                [found.thin[code], found.offices[code] - found.thin[code]],
            )
            for code in most
            if code in STATES
        ],
        ("thin", "full"),
    )
