import pytest
from hypothesis import given
from hypothesis import strategies as st

from recommender.config import ROOT
from recommender.web.colors import (
    MIN_CONTRAST,
    PAPER_DARK,
    PAPER_LIGHT,
    contrast,
    make_accent,
    parse_color,
)

COLORS = st.integers(0, 0xFFFFFF).map("#{:06x}".format)


@pytest.mark.parametrize(
    ("one", "other", "expected"),
    [
        ("#ffffff", "#000000", 21.0),
        ("#777777", "#777777", 1.0),
        # As reckoned by hand from the formula of WCAG 2.2.
        ("#767676", "#ffffff", 4.54),
        ("#0000ff", "#ffffff", 8.59),
    ],
)
def test_contrasts_are_those_of_wcag(one: str, other: str, expected: float) -> None:
    assert contrast(parse_color(one), parse_color(other)) == pytest.approx(expected, abs=0.005)


@given(COLORS)
def test_whatever_the_accent_everything_can_be_read(color: str) -> None:
    accent = make_accent(color)
    fill = parse_color(accent.fill)
    assert accent.fill == color
    assert contrast(parse_color(accent.on_fill), fill) >= MIN_CONTRAST
    assert contrast(parse_color(accent.ink_on_light), PAPER_LIGHT) >= MIN_CONTRAST
    assert contrast(parse_color(accent.ink_on_dark), PAPER_DARK) >= MIN_CONTRAST


@pytest.mark.parametrize("color", ["#884400", "#005664"])
def test_an_accent_that_can_be_read_stays_as_it_is(color: str) -> None:
    assert make_accent(color).ink_on_light == color


def test_the_grounds_are_those_of_the_style_sheet() -> None:
    css = (ROOT / "static/css/widget.css").read_text(encoding="utf-8")
    light, dark = ("#" + bytes(paper).hex() for paper in (PAPER_LIGHT, PAPER_DARK))
    assert f"--paper: light-dark({light}, {dark});" in css
