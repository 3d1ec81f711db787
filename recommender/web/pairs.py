"""Pairs of bars: two shares of the same group, laid out here and drawn by a template as SVG.

Each holds the figures that its table shows, so that picture and words cannot differ.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass

from recommender.exposure import ExposureReport, Group


@dataclass(frozen=True, kw_only=True)
class Segment:
    """A part of a bar, in percent of the longest bar of its chart; `kind` names its style."""

    kind: str
    start: float
    length: float


@dataclass(frozen=True, kw_only=True)
class Pair:
    """Two shares of the same group, one above the other; both are in [0, 1]."""

    label: str
    first: float
    second: float
    segments: tuple[Segment, Segment]


def draw_pairs(rows: Iterable[tuple[str, float, float]]) -> tuple[Pair, ...]:
    """Pairs of (label, first share, second share), in one scale."""
    rows = list(rows)
    longest = max((max(first, second) for _, first, second in rows), default=0.0) or 1.0
    return tuple(
        Pair(
            label=label,
            first=first,
            second=second,
            segments=(
                Segment(kind="first", start=0, length=100 * first / longest),
                Segment(kind="second", start=0, length=100 * second / longest),
            ),
        )
        for label, first, second in rows
    )


def draw_groups(
    report: ExposureReport,
    groups: Iterable[Group],
    labels: Mapping[str, str],
    *,
    most_first: bool = False,
) -> tuple[Pair, ...]:
    """Each group's share of the listings and of the places, in the order of the labels.

    With `most_first` the groups with most listings come first. What has no label is left out.
    """
    order = {key: at for at, key in enumerate(labels)}
    known = sorted((g for g in groups if g.key in order), key=lambda group: order[group.key])
    if most_first:
        known.sort(key=lambda group: -group.n_listings)
    return draw_pairs(
        (
            labels[group.key],
            group.n_listings / max(1, report.n_listings),
            group.n_shown / max(1, report.n_shown),
        )
        for group in known
    )
