"""How work tells how far it is; `done` is 0 when a stage begins and `total` when it ends."""

from __future__ import annotations

from collections.abc import Callable

Progress = Callable[[str, int, int], None]
"""Told of a build: the stage, what of it is done, and how much there is in all."""

Steps = Callable[[int, int], None]
"""Told of one stage: what is done, and how much there is in all."""
