"""Pages about this site: how listings are chosen, what is kept, how to use it."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

from flask import Blueprint, render_template

from recommender.exposure import CROWD, DEPTH, ExposureReport, read_report
from recommender.geo import STATES
from recommender.models import Basis
from recommender.nearness import PLACE_SCORES
from recommender.publish import find_serving
from recommender.ranking import FEATURES, N_
from recommender.store.exposures import find_last_exposure
from recommender.web import get_db, get_index, get_settings
from recommender.web.i18n import current_language
from recommender.web.i18n import gettext as _
from recommender.web.pairs import Pair, draw_groups

bp = Blueprint("about", __name__, url_prefix="/about")

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
NO_RELATION, WEAK_RELATION = 0.1, 0.3
"""Sizes of a correlation (Cohen, Statistical Power Analysis, 2nd ed. 1988)."""


@bp.get("")
def index() -> str:
    """What Waymark is, and where to read more."""
    return render_template("about/index.html")


@bp.get("/how-matching-works")
def how_matching_works() -> str:
    """The ranking rule, generated from the table that ranks."""
    weights = {f.group: f.weight for f in FEATURES if f.group in ("topic", "place")}
    return render_template(
        "about/how-matching-works.html",
        features=FEATURES,
        usual_shares={group: weight / sum(weights.values()) for group, weight in weights.items()},
        place_scores=PLACE_SCORES,
        manifest=get_index().manifest,
    )


@bp.get("/exposure")
def exposure() -> str:
    """Who gets shown, from the report that was last made; no request makes one."""
    return render_template(
        "about/exposure.html", crowd=CROWD, depth=DEPTH, exposed=_draw_exposure(), say=say_relation
    )


@dataclass(frozen=True, kw_only=True)
class Exposed:
    """A report in pictures; `made_on` is the ISO date of the index it was made from."""

    report: ExposureReport
    made_on: str
    generation: str
    is_current: bool
    sizes: tuple[Pair, ...]
    lengths: tuple[Pair, ...]
    bases: tuple[Pair, ...]
    states: tuple[Pair, ...]


def _draw_exposure() -> Exposed | None:
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


def say_relation(correlation: float) -> str:
    """A rank correlation in words, by the usual reading of its size."""
    if abs(correlation) < NO_RELATION:
        return _("hardly related")
    if abs(correlation) < WEAK_RELATION:
        return _("weakly related")
    return _("clearly related")


@bp.get("/vetting")
def vetting() -> str:
    """Who is listed, what is checked and how to correct it."""
    return render_template("about/vetting.html")


@bp.get("/privacy")
def privacy() -> str:
    """What is kept and what is not."""
    return render_template("about/privacy.html")


@bp.get("/accessibility")
def accessibility() -> str:
    """How the site is made to be usable, and what is known to fall short."""
    return render_template("about/accessibility.html")
