"""From what a donor cares about to the nonprofits that fit: form, results, comparison."""

from __future__ import annotations

from dataclasses import dataclass, replace
from functools import partial

from flask import Blueprint, Response, make_response, redirect, render_template, request
from werkzeug.wrappers import Response as AnyResponse

from recommender.geo import find_places
from recommender.models import (
    DonorProfile,
    Filters,
    Match,
    Place,
    PlaceKind,
    Reason,
    Recommendation,
    Resource,
    Scope,
    TagKind,
    Weights,
)
from recommender.pipeline import recommend
from recommender.store.library import list_guides, list_resources
from recommender.web import get_excluded, get_gazetteer, get_index, read_catalog
from recommender.web.answers import (
    LESS,
    MORE,
    NORMAL,
    Answers,
    Problem,
    SealedAnswers,
    check_answers,
    open_answers,
    radius_choices,
    read_answers,
    refine,
    seal_answers,
    show_answers,
    without_words,
)
from recommender.web.i18n import current_language, url
from recommender.web.i18n import gettext as _
from recommender.web.listings import WIDE, map_points, place_name, reach_label
from recommender.web.maps import MapView, draw_map
from recommender.web.repeats import kept
from recommender.web.seal import InvalidSeal
from recommender.web.vocabulary import get_vocabulary

PAGE_SIZES = (10, 20, 30)
MAX_COMPARED = 4
N_NEWEST = 3
N_NEAREST = 5
MAX_ECHO = 240
"""A longer text is shown by the themes that were found in it."""

bp = Blueprint("donor", __name__)


@bp.get("/")
def home() -> Response:
    """The form, and ways in for those who would rather look around."""
    return _form_page(Answers(), [])


@bp.post("/match")
def match() -> AnyResponse:
    """Seal the answers into an address and go there."""
    answers = read_answers(request.form)
    profile, problems = check_answers(answers)
    if problems:
        return _form_page(answers, problems, status=422)
    kept = answers.kept and not answers.text.strip()
    sealed = seal_answers(profile, condensed=bool(kept))
    return redirect(url("donor.results", sealed=sealed), 303)


@bp.get("/matches/<sealed>")
@kept
def results(sealed: str) -> Response:
    """The nonprofits that fit best, with reasons."""
    opened = open_answers(sealed)
    wanted = request.args.get("n", default=PAGE_SIZES[0], type=int)
    n = next((size for size in PAGE_SIZES if size >= wanted), PAGE_SIZES[-1])
    found = Results(answers=opened.record, answer=find(opened.record.profile, n), n=n)
    page = render_template(
        "donor/results.html",
        results=found,
        nearby=_nearby(found),
        expires_on=opened.expires_on.isoformat(),
        sealed=sealed,
        refining=refine_choices,
        vocabulary=get_vocabulary(),
        radii=radius_choices(),
        scopes=scope_choices(),
        weight_choices=weight_choices,
        reach_label=reach_label,
    )
    return make_response(page)


def _nearby(found: Results) -> tuple[str, str] | None:
    """The place that the donor's words name, and where its matches are."""
    place = found.named_place
    if place is None:
        return None
    profile = replace(found.profile, place=place)
    sealed = seal_answers(profile, condensed=found.answers.condensed)
    return place_name(place), url("donor.results", sealed=sealed)


@bp.post("/matches/<sealed>")
def refined(sealed: str) -> AnyResponse:
    """Seal the same answers with other weights or conditions, and go there."""
    answers = open_answers(sealed).record
    profile = refine(answers.profile, request.form)
    address = seal_answers(profile, condensed=answers.condensed)
    return redirect(url("donor.results", sealed=address), 303)


@bp.get("/matches/<sealed>/change")
def change(sealed: str) -> Response:
    """The form as it was filled in."""
    return _form_page(show_answers(open_answers(sealed).record, sealed), [])


@bp.get("/compare")
def compare() -> Response:
    """Up to four listings side by side."""
    slugs = [slug for given in request.args.getlist("slugs") for slug in given.split(",")]
    index, excluded = get_index(), get_excluded()
    known = [s for s in dict.fromkeys(slugs) if s in index.row_of and s not in excluded]
    compared = [index.nonprofit(index.row_of[slug]) for slug in known[:MAX_COMPARED]]
    page = render_template(
        "donor/compare.html", compared=compared, too_many=len(known) > MAX_COMPARED
    )
    return make_response(page)


@bp.errorhandler(InvalidSeal)
def too_late(_error: InvalidSeal) -> Response:
    """An address that no longer opens: say so, and offer the form."""
    return _form_page(Answers(), [], status=404, expired=True)


def _form_page(
    answers: Answers, problems: list[Problem], *, status: int = 200, expired: bool = False
) -> Response:
    page = render_template(
        "donor/home.html",
        answers=answers,
        problems={problem.field: problem for problem in reversed(problems)},
        errors=[(problem.field, problem.sentence) for problem in problems],
        choices=form_choices(),
        radii=radius_choices(),
        scopes=scope_choices(),
        giving=giving_choices(),
        expired=expired,
        resources=newest_resources() if not problems else [],
        guides=read_catalog(list_guides) if not problems else [],
    )
    return make_response(page, status)


# --- Results -----------------------------------------------------------------------------


@dataclass(frozen=True, kw_only=True)
class Answer:
    """What was found; where nothing is close, `nearest` are simply the groups around."""

    found: Recommendation
    nearest: tuple[Match, ...] = ()
    national: tuple[Match, ...] = ()


def find(profile: DonorProfile, n: int) -> Answer:
    """The best matches, and where none is close the nearest groups and the national ones."""
    ask = partial(recommend, index=get_index(), exclude=get_excluded())
    found = ask(profile, n=n)
    if not found.no_close_match:
        return Answer(found=found)
    shown = {match.nonprofit.slug for match in found.matches}
    around = ask(without_words(profile), n=N_NEAREST).matches if profile.place else ()
    wide = replace(profile, scope=Scope.ANYWHERE, filters=Filters(reach=WIDE))
    national = ask(wide, n=N_NEAREST).matches
    return Answer(
        found=found,
        nearest=tuple(match for match in around if match.nonprofit.slug not in shown),
        national=tuple(match for match in national if match.nonprofit.slug not in shown),
    )


@dataclass(frozen=True, kw_only=True)
class Results:
    """A results page: what was asked, what was found, and how it is shown."""

    answers: SealedAnswers
    answer: Answer
    n: int

    @property
    def profile(self) -> DonorProfile:
        """What was asked."""
        return self.answers.profile

    @property
    def place(self) -> str:
        """The donor's place as it is called in the current language."""
        return place_name(self.profile.place)

    @property
    def whole_state(self) -> bool:
        """Whether the place is a state, to which no distance can be given."""
        return self.profile.place is not None and self.profile.place.kind is PlaceKind.STATE

    @property
    def matches(self) -> list[Match]:
        """The matches as they are shown."""
        return [self._shown(match) for match in self._fitting]

    @property
    def nearest(self) -> list[Match]:
        """The groups around, where nothing is close to what was asked."""
        return [self._shown(match) for match in self.answer.nearest]

    @property
    def national(self) -> list[Match]:
        """The national groups, where nothing is close to what was asked."""
        return [self._shown(match) for match in self.answer.national]

    @property
    def view(self) -> MapView:
        """The matches on a map."""
        points = map_points(self._fitting, self.profile.place)
        return draw_map(points, origin=self.profile.place, radius_km=self.profile.radius_km)

    @property
    def is_general(self) -> bool:
        """Whether what was asked, such as "I want to help", fits every listing alike."""
        found = self.answer.found
        named = any(reason.feature == "name" for m in found.matches for reason in m.reasons)
        return not (found.no_close_match or found.understood or named)

    @property
    def named_place(self) -> Place | None:
        """The place that the donor's words name, where the place was left out."""
        if self.profile.place or self.answers.condensed:
            return None
        return next(iter(find_places(self.profile.text, get_gazetteer(), n=1)), None)

    @property
    def is_long(self) -> bool:
        """Whether the text is too long to be repeated on the page."""
        return self.answers.condensed or len(self.profile.text) > MAX_ECHO

    @property
    def chosen(self) -> list[tuple[str, str]]:
        """The chips that were chosen, as (kind, slug)."""
        return [(k.value, slug) for k in TagKind for slug in getattr(self.profile, k.value)]

    @property
    def only(self) -> list[tuple[str, str]]:
        """The tags that every match must have, as (kind, slug)."""
        filters = self.profile.filters
        return [(k.value, slug) for k in TagKind for slug in getattr(filters, k.value)]

    @property
    def is_filtered(self) -> bool:
        """Whether there is something that every match must have."""
        return self.profile.filters != Filters()

    @property
    def is_refined(self) -> bool:
        """Whether the panel for refining has been used, scope and radius aside."""
        return self.is_filtered or self.profile.weights != Weights()

    @property
    def themes(self) -> list[Reason]:
        """What was read out of the donor's words, the weightiest first."""
        return [unit for unit in self.answer.found.understood if unit.sources]

    @property
    def more(self) -> int:
        """How many matches the next, longer page has; 0 where there is none."""
        if len(self._fitting) < self.n:
            return 0
        return next((size for size in PAGE_SIZES if size > self.n), 0)

    @property
    def _fitting(self) -> list[Match]:
        """The matches that have a reason, be it that they meet the donor's own conditions."""
        found = self.answer.found.matches
        return [match for match in found if match.reasons or self.is_filtered]

    def _shown(self, match: Match) -> Match:
        return replace(match, distance_km=None) if self.whole_state else match


# --- Choices -----------------------------------------------------------------------------

Choices = list[tuple[str, str]]


def form_choices() -> dict[str, list[tuple[str, Choices]]]:
    """What the form offers, by field; services stand in their groups."""
    vocabulary, language = get_vocabulary(), current_language()
    by_group: dict[str, Choices] = {}
    for tag in vocabulary.of_kind(TagKind.SERVICE):
        by_group.setdefault(tag.group, []).append((tag.slug, tag.label(language)))
    groups = [
        (vocabulary.label("service_groups", group, language) if group else "", choices)
        for group, choices in by_group.items()
    ]
    others = (TagKind.POPULATION, TagKind.COMMUNITY, TagKind.LANGUAGE)
    return {TagKind.SERVICE.value: groups} | {kind.value: [("", tags(kind))] for kind in others}


def refine_choices() -> dict[str, Choices]:
    """What the refine panel offers, by field."""
    anything = [("", _("Any"))]
    return {kind.value: anything + tags(kind) for kind in TagKind}


def tags(kind: TagKind) -> Choices:
    """The tags of a kind as choices, in the editors' order."""
    language = current_language()
    return [(tag.slug, tag.label(language)) for tag in get_vocabulary().of_kind(kind)]


def scope_choices() -> Choices:
    """How far from the place an answer may lie."""
    return [
        (Scope.NEAR.value, _("Near, and groups that reach there")),
        (Scope.STATE.value, _("Anywhere in the state")),
        (Scope.ANYWHERE.value, _("Anywhere")),
    ]


def weight_choices(name: str) -> Choices:
    """How much a side of the match may count."""
    if name == "small":
        return [
            ("0", _("No difference")),
            (f"{NORMAL:g}", _("Smaller first")),
            (f"{MORE:g}", _("Much smaller first")),
        ]
    return [(f"{LESS:g}", _("Less")), (f"{NORMAL:g}", _("As usual")), (f"{MORE:g}", _("More"))]


def giving_choices() -> Choices:
    """The ways to give."""
    return [("money", _("Money")), ("time", _("Time")), ("goods", _("Goods"))]


def newest_resources() -> list[Resource]:
    """The latest of what others have published."""
    dated = sorted(read_catalog(list_resources), key=lambda piece: piece.published, reverse=True)
    return dated[:N_NEWEST]
