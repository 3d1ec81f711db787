"""The desk's pictures, laid out here and drawn by templates as inline SVG.

Each holds the figures that its table shows, so that picture and words cannot differ.
"""

from __future__ import annotations

from bisect import bisect_right
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, replace

from recommender.geo import STATES
from recommender.store.partners import MIN_SHOWN
from recommender.web.pairs import Segment

TILE = 27.0
GAP = 2.0
# Rows of a map in which every state is as large as another; Alaska and Maine are its corners.
TILES = (
    "AK .. .. .. .. .. .. .. .. .. ME",
    ".. .. .. .. .. WI .. .. .. VT NH",
    "WA ID MT ND MN IL MI .. NY MA ..",
    "OR NV WY SD IA IN OH PA NJ CT RI",
    "CA UT CO NE MO KY WV VA MD DE ..",
    ".. AZ NM KS AR TN NC SC DC .. ..",
    ".. .. .. OK LA MS AL GA .. .. ..",
    "HI .. .. TX .. .. .. .. FL .. PR",
)
LEVELS = (1, 5, 15, 40)
"""From how many listings a tile is a shade darker."""
FEW_LEVELS = (1, 2, 4, 8)
"""The same where only one service is counted."""


@dataclass(frozen=True, kw_only=True)
class Tile:
    """A state on the map; `level` is its shade, from 0 for none to 4."""

    code: str
    name: str
    value: int
    level: int
    x: float
    y: float
    href: str


@dataclass(frozen=True, kw_only=True)
class TileMap:
    """All tiles, and from which value each shade begins."""

    tiles: tuple[Tile, ...]
    levels: tuple[int, ...]
    size: float = TILE - GAP
    width: float = TILE * 11 - GAP
    height: float = TILE * 8 - GAP

    def legend(self) -> list[tuple[int, str]]:
        """Each shade with the values it stands for, e.g. (2, "5–14")."""
        ends = [end - 1 for end in self.levels[1:]]
        spans = [
            f"{start}" if start == end else f"{start}–{end}"
            for start, end in zip(self.levels, ends, strict=False)
        ]
        return list(enumerate(("none", *spans, f"{self.levels[-1]} or more")))


@dataclass(frozen=True, kw_only=True)
class Column:
    """A column of a histogram; lengths are in the user units of its drawing."""

    label: str
    value: int
    text: str
    is_old: bool
    x: float
    y: float
    width: float
    height: float


@dataclass(frozen=True, kw_only=True)
class Histogram:
    """Columns side by side on a ground line at `floor`."""

    columns: tuple[Column, ...]
    width: float = 320.0
    height: float = 150.0
    floor: float = 128.0


@dataclass(frozen=True, kw_only=True)
class Stack:
    """A bar of parts that add up, e.g. what waits by age; `parts` are the figures."""

    label: str
    href: str
    parts: tuple[int, ...]
    segments: tuple[Segment, ...]

    @property
    def total(self) -> int:
        """All parts together."""
        return sum(self.parts)


def draw_tiles(
    values: Mapping[str, int], hrefs: Mapping[str, str], levels: tuple[int, ...] = LEVELS
) -> TileMap:
    """A map of the states, shaded by a number for each; each tile leads to its address."""
    tiles = [
        Tile(
            code=code,
            name=STATES[code].en,
            value=values.get(code, 0),
            level=shade(values.get(code, 0), levels),
            x=TILE * column,
            y=TILE * row,
            href=hrefs[code],
        )
        for row, line in enumerate(TILES)
        for column, code in enumerate(line.split())
        if code != ".."
    ]
    return TileMap(tiles=tuple(tiles), levels=levels)


def list_tiles() -> list[str]:
    """The states on the map, by code."""
    return sorted(code for line in TILES for code in line.split() if code != "..")


def shade(value: int, levels: Sequence[int] = LEVELS) -> int:
    """The shade of a value, from 0 for none to 4."""
    return bisect_right(levels, value)


def draw_histogram(bins: Sequence[tuple[str, int, bool]]) -> Histogram:
    """Columns of (label, value, whether it is old)."""
    frame = Histogram(columns=())
    step = frame.width / max(1, len(bins))
    tallest = max((value for _, value, _ in bins), default=0) or 1
    room = frame.floor - 16.0
    columns = []
    for number, (label, value, is_old) in enumerate(bins):
        height = room * value / tallest
        columns.append(
            Column(
                label=label,
                value=value,
                text=f"{value:,}",
                is_old=is_old,
                x=step * number + 2,
                y=frame.floor - height,
                width=step - 4,
                height=height,
            )
        )
    return Histogram(columns=tuple(columns))


def draw_weeks(weeks: Sequence[tuple[str, int | None]]) -> Histogram:
    """Columns of (label, count); a count that is too small to be shown has no height."""
    drawn = draw_histogram([(label, count or 0, False) for label, count in weeks])
    columns = (
        column if count is not None else replace(column, text=f"<{MIN_SHOWN}")
        for column, (_, count) in zip(drawn.columns, weeks, strict=True)
    )
    return replace(drawn, columns=tuple(columns))


def draw_stacks(
    rows: Iterable[tuple[str, str, Sequence[int]]], kinds: Sequence[str]
) -> tuple[Stack, ...]:
    """Bars of (label, address, parts), in one scale; `kinds` name the styles of the parts."""
    rows = list(rows)
    longest = max((sum(parts) for _, _, parts in rows), default=0) or 1
    return tuple(
        Stack(
            label=label,
            href=href,
            parts=tuple(parts),
            segments=_segments([100 * part / longest for part in parts], kinds),
        )
        for label, href, parts in rows
    )


def _segments(lengths: Sequence[float], kinds: Sequence[str]) -> tuple[Segment, ...]:
    starts = [sum(lengths[:number]) for number in range(len(lengths))]
    return tuple(
        Segment(kind=kind, start=start, length=length)
        for kind, start, length in zip(kinds, starts, lengths, strict=True)
        if length
    )
