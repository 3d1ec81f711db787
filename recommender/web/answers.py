"""What a donor filled in: read from the form, shown in it again, sealed into an address."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import asdict, dataclass, replace
from datetime import UTC, datetime
from typing import Any

from werkzeug.datastructures import MultiDict

from recommender.errors import InvalidProfile, UnknownPlace
from recommender.models import DonorProfile, Filters, Scope, TagKind, Weights
from recommender.query import condense
from recommender.web import get_gazetteer, get_index, get_settings
from recommender.web.forms import parse_profile
from recommender.web.i18n import current_language, distance
from recommender.web.i18n import gettext as _
from recommender.web.repeats import do_not_keep
from recommender.web.seal import Opened, Seal, TooLong
from recommender.web.vocabulary import get_vocabulary

RADII_KM = (16, 40, 80, 161, 322)
"""10, 25, 50, 100 and 200 miles."""
LESS, NORMAL, MORE = 0.5, 1.0, 2.0


@dataclass(frozen=True, kw_only=True)
class SealedAnswers:
    """What a results address holds; `condensed` when a long text was reduced to its themes."""

    profile: DonorProfile
    condensed: bool = False


@dataclass(frozen=True, kw_only=True)
class Answers:
    """The form as it was filled in. `kept` is the token of earlier, condensed answers."""

    text: str = ""
    place: str = ""
    radius_km: str = f"{DonorProfile().radius_km:g}"
    scope: str = Scope.NEAR.value
    small: bool = False
    described_only: bool = False
    services: tuple[str, ...] = ()
    populations: tuple[str, ...] = ()
    communities: tuple[str, ...] = ()
    languages: tuple[str, ...] = ()
    giving: tuple[str, ...] = ()
    kept: str = ""

    @property
    def is_empty(self) -> bool:
        """Whether nothing says what the donor cares about."""
        chosen = any(getattr(self, kind.value) for kind in TagKind)
        return not (self.text.strip() or self.kept or chosen)

    @property
    def has_details(self) -> bool:
        """Whether something was chosen beyond what, whom and where."""
        return bool(self.small or self.described_only or self.languages or self.giving)


@dataclass(frozen=True, kw_only=True)
class Problem:
    """An answer that needs another look, and what could have been meant."""

    field: str
    sentence: str
    suggestions: tuple[str, ...] = ()


def read_answers(form: MultiDict[str, str]) -> Answers:
    """The answers in a form, whatever was sent."""
    lists = {name: tuple(map(plain, form.getlist(name))) for name in (*TagKind, "giving")}
    return Answers(
        text=plain(form.get("text", "")),
        place=plain(form.get("place_choice") or form.get("place", "")),
        radius_km=plain(form.get("radius_km") or Answers.radius_km),
        scope=plain(form.get("scope") or Answers.scope),
        small="small" in form,
        described_only="described_only" in form,
        kept=plain(form.get("kept", "")),
        **{str(name): values for name, values in lists.items()},
    )


def show_answers(sealed: SealedAnswers, token: str) -> Answers:
    """The form that would give these answers; a condensed text is kept by its token."""
    profile = sealed.profile
    return Answers(
        text="" if sealed.condensed else profile.text,
        kept=token if sealed.condensed else "",
        place=profile.place.label if profile.place else "",
        radius_km=f"{profile.radius_km:g}",
        scope=profile.scope.value,
        small=profile.weights.small > 0,
        described_only=profile.filters.described_only,
        giving=profile.giving,
        **{kind.value: getattr(profile, kind.value) for kind in TagKind},
    )


def check_answers(answers: Answers) -> tuple[DonorProfile, list[Problem]]:
    """The profile, and everything in the answers that needs another look."""
    values = asdict(answers) | {
        "language": current_language(),
        "radius_km": number(answers.radius_km),
        "weights": {"small": NORMAL if answers.small else 0.0},
        "filters": {"described_only": answers.described_only},
    }
    problems = []
    if answers.is_empty:
        sentence = _("Please write what you care about, or choose at least one kind of help.")
        if answers.place.strip():
            sentence += " " + _("All groups around a place are in the directory.")
        problems.append(Problem(field="text", sentence=sentence))
    profile, invalid = _parse(values)
    problems += [_problem(error, answers) for error in invalid]
    if answers.kept and not answers.text.strip():
        profile = replace(profile, text=open_answers(answers.kept).record.profile.text)
    return profile, problems


def _parse(values: dict[str, Any]) -> tuple[DonorProfile, list[InvalidProfile]]:
    """Read what can be read; a field that cannot counts as left out."""
    invalid: list[InvalidProfile] = []
    while True:
        try:
            return parse_profile(values, get_gazetteer(), get_vocabulary()), invalid
        except InvalidProfile as error:
            invalid.append(error)
            values = values | {error.field.partition(".")[0]: None}


def _problem(error: InvalidProfile, answers: Answers) -> Problem:
    if isinstance(error, UnknownPlace):
        return unknown_place(error, answers.place)
    return Problem(field=error.field, sentence=str(error))


def unknown_place(error: UnknownPlace, typed: str) -> Problem:
    """What to say about a place that could not be found."""
    if error.suggestions:
        sentence = _("“%(typed)s” could be several places, or none we know. Is it one of these?")
    else:
        sentence = _("We do not know “%(typed)s”. A ZIP code, or a city and state, works best.")
    return Problem(
        field="place", sentence=sentence % {"typed": typed[:80]}, suggestions=error.suggestions
    )


def refine(profile: DonorProfile, form: Mapping[str, str]) -> DonorProfile:
    """The profile with the weights, conditions and reach of the refine panel.

    Raises:
        InvalidProfile: the panel was sent with values that it does not offer.
    """
    values = {
        "radius_km": number(form.get("radius_km") or f"{profile.radius_km}"),
        "scope": form.get("scope") or profile.scope.value,
        "weights": {
            name: number(form.get(f"weight-{name}") or f"{getattr(profile.weights, name)}")
            for name in asdict(Weights())
        },
        "filters": {
            "small_only": "small_only" in form,
            "described_only": "described_only" in form,
            **{kind.value: [v for v in [form.get(f"only-{kind.value}")] if v] for kind in TagKind},
        },
    }
    parsed = parse_profile(values, get_gazetteer(), get_vocabulary())
    return replace(
        profile,
        radius_km=parsed.radius_km,
        scope=parsed.scope,
        weights=parsed.weights,
        filters=parsed.filters,
    )


def seal_answers(profile: DonorProfile, *, condensed: bool = False) -> str:
    """The token of a profile; a text too long for an address is reduced to its themes."""
    try:
        return _seal().close(SealedAnswers(profile=profile, condensed=condensed))
    except TooLong:
        themes = condense(profile.text, get_index(), profile.language)
        return _seal_shortened(replace(profile, text=themes))


def _seal_shortened(profile: DonorProfile) -> str:
    """Leave out the last words until the rest fits; only a text of very many themes needs it."""
    while True:
        try:
            return _seal().close(SealedAnswers(profile=profile, condensed=True))
        except TooLong:
            said = profile.text.split()
            profile = replace(profile, text=" ".join(said[: len(said) * 4 // 5]))


def open_answers(token: str) -> Opened[SealedAnswers]:
    """What a results address holds.

    Raises:
        InvalidSeal: it cannot be opened any more, or never could.
    """
    opened = _seal().open(token)
    if opened.expires_on <= datetime.now(UTC).date():
        # Kept for a few minutes more, the page would outlive its address.
        do_not_keep()
    return opened


def radius_choices() -> list[tuple[str, str]]:
    """The radii one can choose."""
    return [(f"{km}", distance(km)) for km in RADII_KM]


def without_words(profile: DonorProfile) -> DonorProfile:
    """The same place, and nothing that was asked for."""
    return DonorProfile(
        place=profile.place,
        radius_km=profile.radius_km,
        language=profile.language,
        filters=Filters(described_only=profile.filters.described_only),
    )


def plain(text: str) -> str:
    """Text without what no keyboard types: NUL, and halves of characters."""
    return text.replace("\0", " ").encode("utf-8", "replace").decode()


def number(text: str) -> float:
    """A typed number; NaN, which every check refuses, for anything else."""
    try:
        return float(text)
    except ValueError:
        return float("nan")


def _seal() -> Seal[SealedAnswers]:
    return Seal(get_settings().secret_key, SealedAnswers)
