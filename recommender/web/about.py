"""Pages about this site: how listings are chosen, what is kept, how to use it."""

from __future__ import annotations

from flask import Blueprint, render_template

from recommender.exposure import CROWD, DEPTH
from recommender.nearness import PLACE_SCORES
from recommender.ranking import FEATURES
from recommender.web import get_index
from recommender.web.exposed import draw_exposure
from recommender.web.i18n import gettext as _

bp = Blueprint("about", __name__, url_prefix="/about")

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
        "about/exposure.html", crowd=CROWD, depth=DEPTH, exposed=draw_exposure(), say=say_relation
    )


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
