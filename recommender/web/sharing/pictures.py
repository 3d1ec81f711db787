"""The picture that goes with a shared link: 1200 × 630, drawn here, in the site's own faces.

Those who show such pictures take PNG and JPEG, not SVG. Pillow reads our WOFF2 files as they
are; an SVG renderer would have needed the text measured and broken into lines all the same.
"""

from __future__ import annotations

import hashlib
import io
import re
import unicodedata
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from functools import cache, lru_cache
from itertools import pairwise

from PIL import Image, ImageDraw, ImageFont

from recommender.config import ROOT

WIDTH, HEIGHT = 1200, 630
# What the style sheet's tokens are in sRGB.
PAPER, TINT, LINE = "#fcf9f5", "#f7eedd", "#dad5cd"
INK, INK_SOFT, ACCENT = "#28211c", "#5d554e", "#005664"

_EDITION = "1"
"""Part of every address: another drawing is another picture."""
_STATIC = ROOT / "static"
_TITLE_FACE, _TEXT_FACE = _STATIC / "fonts/newsreader.woff2", _STATIC / "fonts/atkinson.woff2"
_MARGIN = 80
_TITLE_SIZES = range(92, 39, -4)
_TITLE_TOP, _TITLE_BOTTOM = 214, 500
_TITLE_WIDTH = WIDTH - 2 * _MARGIN
_LEADING, _ASCENT = 1.12, 0.78
_REFERENCE_SIZE = 100
_SPACE = 0.22
_SLACK = 0.99
"""Of a line; letters are set on whole pixels, and no size is exactly the reference."""
_MAX_WORD = 24
"""Letters that fit in a line even where all are wide."""
_KICKER_SIZE, _LINE_SIZE, _MARK_SIZE = 30, 32, 40
_RULE_Y = 528
_COLORS = 48
_SMOOTH = 4
_CURVE_STEPS = 12

# The faces are cut to these; `_spell` brings the rest down to them.
_UNDRAWN = re.compile(r"[^ -~\xa1-\xff–—‘’“”…]")
_ALIKE = str.maketrans({"ʻ": "‘", "ʼ": "’", "′": "’", "‑": "-", "‐": "-", "\xa0": " ", "\xad": ""})

Font = ImageFont.FreeTypeFont
Point = tuple[float, float]


@dataclass(frozen=True, kw_only=True)
class Words:
    """What a picture says: what it is about, its kind above it and where or when below."""

    title: str
    kicker: str = ""
    line: str = ""

    @property
    def digest(self) -> str:
        """What the picture's address carries, so that it can be kept under it for ever."""
        said = "\n".join((_EDITION, self.title, self.kicker, self.line))
        return hashlib.sha256(said.encode()).hexdigest()[:12]


def draw_picture(words: Words) -> bytes:
    """The picture as a PNG."""
    picture = Image.new("RGB", (WIDTH, HEIGHT), PAPER)
    pen = ImageDraw.Draw(picture)
    _lay_cairn(picture, x=838, y=236, width=400, color=TINT)
    _lay_cairn(picture, x=_MARGIN, y=70, width=50, color=ACCENT)
    pen.text((_MARGIN + 68, 94), "Waymark", INK, _face(_TITLE_FACE, _MARK_SIZE), anchor="lm")
    kicker = _face(_TEXT_FACE, _KICKER_SIZE)
    pen.text(
        (_MARGIN, 184), _cut(words.kicker, kicker, _TITLE_WIDTH), INK_SOFT, kicker, anchor="ls"
    )
    _write_title(pen, words.title)
    pen.line((_MARGIN, _RULE_Y, WIDTH - _MARGIN, _RULE_Y), LINE, 2)
    line = _face(_TEXT_FACE, _LINE_SIZE)
    pen.text((_MARGIN, 578), _cut(words.line, line, _TITLE_WIDTH), INK, line, anchor="ls")
    content = io.BytesIO()
    # A few flat colors and the edges of letters: a palette is a third of the bytes.
    flat = picture.quantize(_COLORS, Image.Quantize.FASTOCTREE, dither=Image.Dither.NONE)
    flat.save(content, "PNG")
    return content.getvalue()


def _write_title(pen: ImageDraw.ImageDraw, title: str) -> None:
    size, lines = fit_title(title)
    for at, line in enumerate(lines):
        baseline = _TITLE_TOP + size * (at * _LEADING + _ASCENT)
        pen.text((_MARGIN, baseline), line, INK, _face(_TITLE_FACE, size), anchor="ls")


def fit_title(title: str) -> tuple[int, list[str]]:
    """The largest size in which a title fits, and its lines; what fits in none is cut off."""
    words = [_Word(piece) for word in _spell(title).split() for piece in _pieces(word)]
    for size in _TITLE_SIZES:
        room = _SLACK * _TITLE_WIDTH / size
        n_lines, most = len(_break(words, room)), _most_lines(size)
        if n_lines <= most:
            return size, _join(_balance(words, room, n_lines))
    lines = _join(_break(words, room))
    rest = " ".join(lines[most - 1 :])
    return size, [*lines[: most - 1], _cut(rest, _face(_TITLE_FACE, size), _TITLE_WIDTH)]


def _most_lines(size: int) -> int:
    """Large letters stand in two lines, so that a long title becomes smaller, not a block."""
    return min(int((_TITLE_BOTTOM - _TITLE_TOP) / (size * _LEADING)), 2 + (size < 68) + (size < 56))


# --- Lines ------------------------------------------------------------------------------


class _Word(str):
    """A word of a title that knows its width, in ems: letters grow with their size."""

    __slots__ = ("width",)

    def __init__(self, text: str) -> None:
        self.width = _face(_TITLE_FACE, _REFERENCE_SIZE).getlength(text) / _REFERENCE_SIZE


def _pieces(word: str) -> list[str]:
    """A word, in pieces where it is longer than any line."""
    return [word[at : at + _MAX_WORD] for at in range(0, len(word), _MAX_WORD)]


def _break(words: Sequence[_Word], room: float) -> list[list[_Word]]:
    """As many words a line as fit."""
    lines: list[list[_Word]] = [[]]
    taken = 0.0
    for word in words:
        if lines[-1] and taken + _SPACE + word.width > room:
            lines.append([])
            taken = 0.0
        taken += word.width + (_SPACE if lines[-1] else 0.0)
        lines[-1].append(word)
    return lines


def _balance(words: Sequence[_Word], room: float, n_lines: int) -> list[list[_Word]]:
    """The same number of lines, about equally long."""
    lines = _break(words, room)
    for share in range(98, 50, -2):
        narrower = _break(words, room * share / 100)
        if len(narrower) > n_lines:
            break
        lines = narrower
    return lines


def _join(lines: Iterable[list[_Word]]) -> list[str]:
    return [" ".join(line) for line in lines]


def _cut(text: str, font: Font, width: float) -> str:
    """A text in one line, ended with an ellipsis where it is too long."""
    text = _spell(text)
    if font.getlength(text) <= width:
        return text
    low, high = 0, len(text)
    while low < high:
        middle = (low + high + 1) // 2
        fits = font.getlength(text[:middle].rstrip() + "…") <= width
        low, high = (middle, high) if fits else (low, middle - 1)
    return text[:low].rstrip() + "…"


@lru_cache(maxsize=512)
def _spell(text: str) -> str:
    """Text in letters that the faces have, without the accents where that is what it takes."""
    text = " ".join(text.translate(_ALIKE).split())
    return _UNDRAWN.sub(lambda found: _plain(found[0]), text)


def _plain(character: str) -> str:
    return _UNDRAWN.sub("", unicodedata.normalize("NFKD", character))


# --- Faces and the cairn ----------------------------------------------------------------


@cache
def _face(path: object, size: int) -> Font:
    return ImageFont.truetype(str(path), size)


def _lay_cairn(picture: Image.Image, *, x: int, y: int, width: int, color: str) -> None:
    stencil = _cairn(width)
    picture.paste(color, (x, y), stencil)


@cache
def _cairn(width: int) -> Image.Image:
    """The three stones of the favicon as a mask, drawn larger and made smaller for its edges."""
    scale = width * _SMOOTH / 40
    stencil = Image.new("L", (width * _SMOOTH, width * _SMOOTH))
    pen = ImageDraw.Draw(stencil)
    source = (_STATIC / "img/favicon.svg").read_text(encoding="utf-8")
    for path in re.findall(r' d="([^"]+)"', source):
        pen.polygon([(x * scale, y * scale) for x, y in _outline(path)], 255)
    return stencil.resize((width, width), Image.Resampling.LANCZOS)


def _outline(path: str) -> list[Point]:
    """The points along a path of cubic curves: M, and C, c, S, s after it."""
    points: list[Point] = []
    handle = (0.0, 0.0)
    for command, given in re.findall(r"([MCcSs])([^A-Za-z]*)", path):
        numbers = [float(number) for number in re.findall(r"-?\d*\.?\d+", given)]
        pairs = list(zip(numbers[::2], numbers[1::2], strict=True))
        if command == "M":
            points.append(pairs[0])
            continue
        size = 3 if command in "Cc" else 2
        for start in range(0, len(pairs), size):
            here = points[-1]
            x, y = here if command.islower() else (0.0, 0.0)
            knots = [(x + dx, y + dy) for dx, dy in pairs[start : start + size]]
            if size == 2:
                # A smooth curve goes on as the one before it ended.
                knots.insert(0, (2 * here[0] - handle[0], 2 * here[1] - handle[1]))
            handle = knots[1]
            points += [_on_curve([here, *knots], step / _CURVE_STEPS) for step in _STEPS]
    return points


_STEPS = range(1, _CURVE_STEPS + 1)


def _on_curve(knots: list[Point], share: float) -> Point:
    """De Casteljau's construction."""
    while len(knots) > 1:
        knots = [
            (a[0] + (b[0] - a[0]) * share, a[1] + (b[1] - a[1]) * share) for a, b in pairwise(knots)
        ]
    return knots[0]
