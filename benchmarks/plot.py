"""Small line charts as SVG, readable on light and on dark pages. Both axes are logarithmic."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from math import ceil, floor, log10
from xml.sax.saxutils import escape

WIDTH, HEIGHT = 380, 260
LEFT, RIGHT, TOP, BOTTOM = 52, 18, 34, 40

_STYLE = """<style>
text { font: 12px system-ui, sans-serif; fill: #24292f }
.title { font-weight: 600; font-size: 13px }
.grid { stroke: #8c959f; stroke-opacity: .35 }
.line { fill: none; stroke: #0b63c5; stroke-width: 2 }
.dot { fill: #0b63c5 }
@media (prefers-color-scheme: dark) {
  text { fill: #e6edf3 }
  .line { stroke: #7ab7ff }
  .dot { fill: #7ab7ff }
}
</style>"""


@dataclass(frozen=True, kw_only=True)
class Panel:
    """One chart: a value above 0 for each of several sizes."""

    title: str
    points: Mapping[int, float]


@dataclass(frozen=True, kw_only=True)
class _Axis:
    """Powers of ten from `low` to `high`, laid out from `start` to `end`."""

    low: int
    high: int
    start: float
    end: float

    def at(self, value: float) -> float:
        share = (log10(value) - self.low) / (self.high - self.low)
        return self.start + share * (self.end - self.start)

    @property
    def ticks(self) -> list[float]:
        return [10.0**power for power in range(self.low, self.high + 1)]


def draw(panels: Sequence[Panel], *, x_label: str) -> str:
    """The charts side by side."""
    width = WIDTH * len(panels)
    parts = [part for at, panel in enumerate(panels) for part in _panel(panel, at, x_label)]
    summary = escape("; ".join(_say(panel) for panel in panels))
    head = (
        f'<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 {width} {HEIGHT}" '
        f'width="{width}" height="{HEIGHT}" role="img">'
    )
    return "\n".join([head, f"<title>{summary}</title>", _STYLE, *parts, "</svg>"]) + "\n"


def _say(panel: Panel) -> str:
    points = ", ".join(f"{_short(value)} at {size:,}" for size, value in panel.points.items())
    return f"{panel.title}: {points}"


def _panel(panel: Panel, position: int, x_label: str) -> Iterator[str]:
    left = position * WIDTH + LEFT
    right, bottom = left + WIDTH - LEFT - RIGHT, HEIGHT - BOTTOM
    x = _axis(panel.points.keys(), left, right)
    y = _axis(panel.points.values(), bottom, TOP)
    yield f'<text class="title" x="{left}" y="18">{escape(panel.title)}</text>'
    for tick in x.ticks:
        yield f'<path class="grid" d="M{x.at(tick):.1f} {TOP}V{bottom}"/>'
        yield _text(x.at(tick), bottom + 16, _short(tick), "middle")
    for tick in y.ticks:
        yield f'<path class="grid" d="M{left} {y.at(tick):.1f}H{right}"/>'
        yield _text(left - 6, y.at(tick) + 4, _short(tick), "end")
    yield _text((left + right) / 2, HEIGHT - 6, x_label, "middle")
    spots = [(x.at(size), y.at(value)) for size, value in panel.points.items()]
    yield f'<path class="line" d="M{"L".join(f"{a:.1f} {b:.1f}" for a, b in spots)}"/>'
    for (a, b), value in zip(spots, panel.points.values(), strict=True):
        yield f'<circle class="dot" cx="{a:.1f}" cy="{b:.1f}" r="3"/>'
        yield _text(a, b - 8, _short(value), "start" if a == left else "middle")


def _axis(values: Iterable[float], start: float, end: float) -> _Axis:
    powers = [log10(value) for value in values]
    low, high = floor(min(powers)), ceil(max(powers))
    return _Axis(low=low, high=max(high, low + 1), start=start, end=end)


def _text(x: float, y: float, text: str, anchor: str) -> str:
    return f'<text x="{x:.1f}" y="{y:.1f}" text-anchor="{anchor}">{escape(text)}</text>'


def _short(value: float) -> str:
    """A number in few signs: 0.04, 3.2, 65, 300 k, 1 M."""
    for size, name in ((1e6, " M"), (1e3, " k")):
        if value >= size:
            return f"{value / size:g}{name}"
    return f"{value:.2g}" if value < 1 else f"{value:.0f}" if value >= 10 else f"{value:.1f}"
