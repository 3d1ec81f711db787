"""The report on who gets shown, in pictures: for the public page and for the desk.

The desk is in English, as every page without a prefix, so that both say the same words.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

from recommender.exposure import ExposureReport, read_report
from recommender.geo import STATES
from recommender.models import Basis
from recommender.publish import find_serving
from recommender.ranking import N_
from recommender.store.exposures import find_last_exposure
from recommender.web import get_db, get_settings
from recommender.web.i18n import current_language
from recommender.web.i18n import gettext as _
from recommender.web.pairs import Pair, draw_groups

SIZE_LABELS = {
    "0": N_("Under $100,000"),
    "1": N_("$100,000 to $1 million"),
    "2": N_("$1 million to $10 million"),
    "3": N_("Over $10 million"),
    "": N_("Revenue not known"),
}
LENGTH_LABELS = {
    "0": N_("Shortest quarter"),
    "1": N_("Second quarter"),
    "2": N_("Third quarter"),
    "3": N_("Longest quarter"),
}
BASIS_LABELS: Mapping[str, str] = {
    Basis.MISSION: N_("Its own mission statement"),
    Basis.KNOWN: N_("General public knowledge"),
    Basis.NAME: N_("Public records only"),
}


@dataclass(frozen=True, kw_only=True)
class Exposed:
    """A report in pictures; `made_on` is the ISO date of the index it was made from.

    `is_current` says that it is of the generation that serves.
    """

    report: ExposureReport
    made_on: str
    generation: str
    is_current: bool
    sizes: tuple[Pair, ...]
    lengths: tuple[Pair, ...]
    bases: tuple[Pair, ...]
    states: tuple[Pair, ...]


def draw_exposure() -> Exposed | None:
    """The newest report there is, in the words of this request."""
    found = find_last_exposure(get_db())
    if found is None or found.report is None:
        return None
    report, year = read_report(found.report), found.generation[:4]
    language = current_language()
    states = {code: names.name(language) for code, names in STATES.items()}
    return Exposed(
        report=report,
        made_on=f"{year}-{found.generation[4:6]}-{found.generation[6:8]}",
        generation=found.generation,
        is_current=found.generation == find_serving(get_settings()),
        sizes=draw_groups(report, report.sizes, _translated(SIZE_LABELS)),
        lengths=draw_groups(report, report.lengths, _translated(LENGTH_LABELS)),
        bases=draw_groups(report, report.bases, _translated(BASIS_LABELS)),
        states=draw_groups(
            report, report.states, states | {"": _("No office shown")}, most_first=True
        ),
    )


def _translated(labels: Mapping[str, str]) -> dict[str, str]:
    return {key: _(label) for key, label in labels.items()}
