"""A partner's accent color, made legible: contrasts as WCAG 2.2 reckons them.

https://www.w3.org/TR/WCAG22/#dfn-contrast-ratio
"""

from __future__ import annotations

from dataclasses import dataclass

MIN_CONTRAST = 4.5
BLACK, WHITE = (0, 0, 0), (255, 255, 255)
# The grounds of the frame, as widget.css has them.
PAPER_LIGHT, PAPER_DARK = (252, 249, 245), (19, 25, 28)
_STEPS = 20

Color = tuple[int, int, int]


@dataclass(frozen=True, kw_only=True)
class Accent:
    """An accent, what is written on it, and its shades for words on light and dark grounds."""

    fill: str
    on_fill: str
    ink_on_light: str
    ink_on_dark: str


def make_accent(hex_color: str) -> Accent:
    """Everything that an accent "#rrggbb" needs, so that it can be read wherever it stands."""
    fill = parse_color(hex_color)
    on_fill = max(BLACK, WHITE, key=lambda color: contrast(color, fill))
    return Accent(
        fill=hex_color,
        on_fill=_hex(on_fill),
        ink_on_light=_hex(_legible(fill, on=PAPER_LIGHT, towards=BLACK)),
        ink_on_dark=_hex(_legible(fill, on=PAPER_DARK, towards=WHITE)),
    )


def parse_color(hex_color: str) -> Color:
    """The red, green and blue of "#rrggbb", each in [0, 255]."""
    red, green, blue = bytes.fromhex(hex_color.removeprefix("#"))
    return red, green, blue


def contrast(one: Color, other: Color) -> float:
    """The contrast of two colors, in [1, 21]."""
    dark, light = sorted((_luminance(one), _luminance(other)))
    return (light + 0.05) / (dark + 0.05)


def _luminance(color: Color) -> float:
    shares = (value / 255 for value in color)
    linear = [s / 12.92 if s <= 0.04045 else ((s + 0.055) / 1.055) ** 2.4 for s in shares]
    return 0.2126 * linear[0] + 0.7152 * linear[1] + 0.0722 * linear[2]


def _legible(color: Color, *, on: Color, towards: Color) -> Color:
    """The color mixed with black or white no more than it takes."""
    for step in range(_STEPS + 1):
        mixed = _mix(color, towards, step / _STEPS)
        if contrast(mixed, on) >= MIN_CONTRAST:
            break
    return mixed


def _mix(color: Color, other: Color, share: float) -> Color:
    red, green, blue = (round(a + (b - a) * share) for a, b in zip(color, other, strict=True))
    return red, green, blue


def _hex(color: Color) -> str:
    return "#" + bytes(color).hex()
