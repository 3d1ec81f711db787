"""A map of the results, computed here and drawn by a template as inline SVG.

State outlines are those of us-atlas (ISC licence, see `data/map/LICENSE`), already projected
by d3's `geoAlbersUsa` at the scale used here; see `project`. Lengths and positions are in
the user units of that 975 × 610 sheet, one of which is about 4.9 km (14 km in Alaska).
"""

from __future__ import annotations

import json
import math
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from functools import cache
from itertools import combinations
from pathlib import Path

from recommender.geo import EARTH_RADIUS_KM
from recommender.models import Place, PlaceKind

OUTLINES = Path(__file__).parents[2] / "data" / "map" / "states.json"
SHEET_WIDTH, SHEET_HEIGHT = 975.0, 610.0
SCALE = 1300.0
MIN_FRAME_WIDTH = 72.0
PADDING = 0.1
# How far beyond the donor's radius a result may lie and still widen the frame.
FRAME_KM = 250.0
# Of the width of the frame, which is about 370 px wide on the results page: 13 px figures.
MARKER_RADIUS = 0.027
FONT_SIZE = 0.034
STATE_FONT_SIZE = 0.03

Point = tuple[float, float]
Box = tuple[float, float, float, float]


@dataclass(frozen=True, kw_only=True)
class MapPoint:
    """A result to be shown; degrees are None where its place is unknown or not public."""

    rank: int
    name: str
    latitude: float | None
    longitude: float | None


@dataclass(frozen=True, kw_only=True)
class StateShape:
    """The outline of a state as SVG path data, and where its code may be written, if anywhere."""

    code: str
    path: str
    label: Point | None = None


@dataclass(frozen=True, kw_only=True)
class Marker:
    """A rounded box around the ranks of the results at one spot; x and y are its centre."""

    label: str
    points: tuple[MapPoint, ...]
    x: float
    y: float
    width: float
    height: float

    @property
    def left(self) -> float:
        """The x of the left edge."""
        return self.x - self.width / 2

    @property
    def top(self) -> float:
        """The y of the upper edge."""
        return self.y - self.height / 2

    @property
    def box(self) -> Box:
        """Left, top, right and bottom."""
        return self.left, self.top, self.left + self.width, self.top + self.height


@dataclass(frozen=True, kw_only=True)
class Circle:
    """The donor's place and the radius around it."""

    x: float
    y: float
    radius: float


@dataclass(frozen=True, kw_only=True)
class MapView:
    """All that the template needs to draw; `left`, `top`, `width`, `height` are the viewBox.

    Attributes:
        font_size: For the labels of markers; other lengths, such as a dot, may be parts of it.
        state_font_size: For the codes of states.
        origin: The donor's ZIP code or city; None for a state or a territory.
        beyond: Results that lie outside the frame.
        unplaced: Results without public coordinates, or in a territory that is not drawn.
    """

    left: float
    top: float
    width: float
    height: float
    font_size: float
    state_font_size: float
    states: tuple[StateShape, ...]
    markers: tuple[Marker, ...]
    origin: Circle | None
    beyond: tuple[MapPoint, ...]
    unplaced: tuple[MapPoint, ...]

    @property
    def viewbox(self) -> str:
        """The value of the `viewBox` attribute."""
        return f"{self.left:.1f} {self.top:.1f} {self.width:.1f} {self.height:.1f}"


@dataclass(frozen=True, kw_only=True)
class _Zone:
    """A conic equal-area projection and the part of the sheet that it fills.

    Angles are degrees. `shift` moves the centre from the middle of the sheet, and `box` is
    the extent around that middle; both are in units of `SCALE`, as in d3's source.
    """

    meridian: float
    centre: Point
    parallels: Point
    scale: float
    shift: Point
    box: Box

    @property
    def units_per_km(self) -> float:
        return SCALE * self.scale / EARTH_RADIUS_KM

    def project(self, latitude: float, longitude: float) -> Point | None:
        turned = (longitude + self.meridian + 180) % 360 - 180
        x, y = self._cone(turned, latitude)
        centre_x, centre_y = self._cone(*self.centre)
        across = self.shift[0] + self.scale * (x - centre_x)
        down = self.shift[1] - self.scale * (y - centre_y)
        left, top, right, bottom = self.box
        if not (left <= across <= right and top <= down <= bottom):
            return None
        return SHEET_WIDTH / 2 + SCALE * across, SHEET_HEIGHT / 2 + SCALE * down

    def _cone(self, longitude: float, latitude: float) -> Point:
        """Albers' projection on the unit sphere, y upwards."""
        first, second = (math.sin(math.radians(parallel)) for parallel in self.parallels)
        n = (first + second) / 2
        c = 1 + first * (2 * n - first)
        rho = math.sqrt(c - 2 * n * math.sin(math.radians(latitude))) / n
        theta = n * math.radians(longitude)
        return rho * math.sin(theta), math.sqrt(c) / n - rho * math.cos(theta)


_MAINLAND = _Zone(
    meridian=96,
    centre=(-0.6, 38.7),
    parallels=(29.5, 45.5),
    scale=1.0,
    shift=(0.0, 0.0),
    box=(-0.455, -0.238, 0.455, 0.238),
)
_ALASKA = _Zone(
    meridian=154,
    centre=(-2.0, 58.5),
    parallels=(55.0, 65.0),
    scale=0.35,
    shift=(-0.307, 0.201),
    box=(-0.425, 0.120, -0.214, 0.234),
)
_HAWAII = _Zone(
    meridian=157,
    centre=(-3.0, 19.9),
    parallels=(8.0, 18.0),
    scale=1.0,
    shift=(-0.205, 0.212),
    box=(-0.214, 0.166, -0.115, 0.234),
)
_ZONES = (_MAINLAND, _ALASKA, _HAWAII)
_INSETS = {"AK": _ALASKA, "HI": _HAWAII}


def project(latitude: float, longitude: float) -> Point | None:
    """Where a place lies on the sheet, or None outside the 50 states and DC.

    The same projection as d3's `geoAlbersUsa().scale(1300).translate([487.5, 305])`.
    """
    placed = _place(latitude, longitude)
    return placed[1] if placed else None


def draw_map(
    points: Sequence[MapPoint], *, origin: Place | None = None, radius_km: float = 80.0
) -> MapView:
    """Lay out results on a map: around the donor's place if there is one, or the country.

    Where a place is given but no result lies near it, the whole country is shown.
    """
    spots, unplaced = _spots(points)
    zone, frame = None, (0.0, 0.0, SHEET_WIDTH, SHEET_HEIGHT)
    home = _home(origin, radius_km) if origin else None
    if home:
        near = _near(spots, home)
        if near or not spots:
            zone, frame = home.zone, _frame([home.box, *((x, y, x, y) for x, y in near)])
    shown = [spot for spot in spots if _in_view(spot, zone, frame)]
    markers = _markers(shown, frame[2] - frame[0])
    return MapView(
        left=frame[0],
        top=frame[1],
        width=frame[2] - frame[0],
        height=frame[3] - frame[1],
        font_size=FONT_SIZE * (frame[2] - frame[0]),
        state_font_size=STATE_FONT_SIZE * (frame[2] - frame[0]),
        states=_shapes(zone, frame, markers),
        markers=markers,
        origin=home.circle if home else None,
        beyond=tuple(spot.point for spot in spots if spot not in shown),
        unplaced=unplaced,
    )


@dataclass(frozen=True, kw_only=True)
class _Spot:
    point: MapPoint
    zone: _Zone
    x: float
    y: float


@dataclass(frozen=True, kw_only=True)
class _Home:
    """The least that a map around a place shows: the donor's radius, or the whole state."""

    zone: _Zone
    box: Box
    circle: Circle | None = None


@dataclass(frozen=True, kw_only=True)
class _Outline:
    """A state as the file has it; `rooms` are points inside, those furthest from a border first."""

    path: str
    box: Box
    rooms: tuple[Point, ...]


@cache
def _outlines() -> dict[str, _Outline]:
    states = json.loads(OUTLINES.read_text(encoding="utf-8"))["states"]
    return {
        code: _Outline(
            path=state["path"],
            box=tuple(state["box"]),
            rooms=tuple((x, y) for x, y in state["rooms"]),
        )
        for code, state in states.items()
    }


def _place(latitude: float, longitude: float) -> tuple[_Zone, Point] | None:
    for zone in _ZONES:
        point = zone.project(latitude, longitude)
        if point:
            return zone, point
    return None


def _spots(points: Iterable[MapPoint]) -> tuple[list[_Spot], tuple[MapPoint, ...]]:
    """The points that are on the sheet, and those that are not."""
    spots, unplaced = [], []
    for point in points:
        known = point.latitude is not None and point.longitude is not None
        placed = _place(point.latitude or 0.0, point.longitude or 0.0) if known else None
        if placed:
            zone, (x, y) = placed
            spots.append(_Spot(point=point, zone=zone, x=x, y=y))
        else:
            unplaced.append(point)
    return spots, tuple(unplaced)


def _home(origin: Place, radius_km: float) -> _Home | None:
    placed = _place(origin.latitude, origin.longitude)
    if placed is None:
        return None
    zone, (x, y) = placed
    if origin.kind is PlaceKind.STATE:
        return _Home(zone=zone, box=_outlines()[origin.state].box)
    radius = radius_km * zone.units_per_km
    box = (x - radius, y - radius, x + radius, y + radius)
    return _Home(zone=zone, box=box, circle=Circle(x=x, y=y, radius=radius))


def _near(spots: Iterable[_Spot], home: _Home) -> list[Point]:
    """The spots within or not far from the donor's radius or state."""
    margin = FRAME_KM * home.zone.units_per_km
    left, top, right, bottom = home.box
    wide = (left - margin, top - margin, right + margin, bottom + margin)
    return [(spot.x, spot.y) for spot in spots if _in_view(spot, home.zone, wide)]


def _in_view(spot: _Spot, zone: _Zone | None, box: Box) -> bool:
    left, top, right, bottom = box
    same_zone = zone is None or spot.zone is zone
    return same_zone and left <= spot.x <= right and top <= spot.y <= bottom


def _frame(boxes: Sequence[Box]) -> Box:
    """A padded box of the sheet's proportions around all boxes, at least a small state wide."""
    lefts, tops, rights, bottoms = zip(*boxes, strict=True)
    left, top, right, bottom = min(lefts), min(tops), max(rights), max(bottoms)
    shape = SHEET_WIDTH / SHEET_HEIGHT
    room = 1 + 2 * PADDING
    width = max(MIN_FRAME_WIDTH, (right - left) * room, (bottom - top) * room * shape)
    x, y = (left + right) / 2, (top + bottom) / 2
    height = width / shape
    return x - width / 2, y - height / 2, x + width / 2, y + height / 2


def _shapes(zone: _Zone | None, frame: Box, markers: Sequence[Marker]) -> tuple[StateShape, ...]:
    """The states in the frame; the insets only alone or on a map of the whole country."""
    return tuple(
        StateShape(code=code, path=outline.path, label=_label_point(outline, frame, markers))
        for code, outline in _outlines().items()
        if (zone is None or zone is _INSETS.get(code, _MAINLAND)) and _meet(outline.box, frame)
    )


def _label_point(outline: _Outline, frame: Box, markers: Sequence[Marker]) -> Point | None:
    """The roomiest point of a state that is in the frame and clear of the markers."""
    size = STATE_FONT_SIZE * (frame[2] - frame[0])
    left, top, right, bottom = outline.box
    if min(right - left, bottom - top) < 2 * size:
        return None
    inner = (frame[0] + size, frame[1] + size, frame[2] - size, frame[3] - size)
    taken = [marker.box for marker in markers]
    for x, y in outline.rooms:
        text = (x - 0.8 * size, y - 0.6 * size, x + 0.8 * size, y + 0.6 * size)
        if _meet((x, y, x, y), inner) and not any(_meet(text, box) for box in taken):
            return x, y
    return None


def _meet(one: Box, other: Box) -> bool:
    return one[0] <= other[2] and other[0] <= one[2] and one[1] <= other[3] and other[1] <= one[3]


def _markers(spots: Iterable[_Spot], frame_width: float) -> tuple[Marker, ...]:
    """One marker a spot, merged until none covers another."""
    markers = [_marker((spot.point,), (spot.x, spot.y), frame_width) for spot in spots]
    while pair := next(
        (pair for pair in combinations(markers, 2) if _meet(pair[0].box, pair[1].box)), None
    ):
        markers = [marker for marker in markers if marker not in pair]
        markers.append(_merged(*pair, frame_width))
    return tuple(sorted(markers, key=lambda marker: marker.points[0].rank))


def _merged(one: Marker, other: Marker, frame_width: float) -> Marker:
    points = sorted(one.points + other.points, key=lambda point: point.rank)
    share = len(one.points) / len(points)
    middle = (
        share * one.x + (1 - share) * other.x,
        share * one.y + (1 - share) * other.y,
    )
    return _marker(tuple(points), middle, frame_width)


def _marker(points: tuple[MapPoint, ...], at: Point, frame_width: float) -> Marker:
    label = _rank_label([point.rank for point in points])
    height = 2 * MARKER_RADIUS * frame_width
    # A digit is a little over half as wide as its font size.
    text_width = 0.6 * FONT_SIZE * frame_width * len(label)
    return Marker(
        label=label,
        points=points,
        x=at[0],
        y=at[1],
        width=max(height, text_width + 0.6 * height),
        height=height,
    )


def _rank_label(ranks: Sequence[int]) -> str:
    """Ascending ranks as "1, 4, 7", runs as "2–5"; with more parts than three, how many more."""
    runs: list[list[int]] = []
    for rank in ranks:
        if runs and rank == runs[-1][-1] + 1:
            runs[-1].append(rank)
        else:
            runs.append([rank])
    parts = [part for run in runs for part in _parts(run)]
    if len(parts) <= 3:
        return ", ".join(text for text, _ in parts)
    return f"{parts[0][0]}, {parts[1][0]} +{sum(count for _, count in parts[2:])}"


def _parts(run: Sequence[int]) -> list[tuple[str, int]]:
    """The texts for a run of ranks, each with how many ranks it stands for."""
    if len(run) > 2:
        return [(f"{run[0]}–{run[-1]}", len(run))]
    return [(str(rank), 1) for rank in run]
