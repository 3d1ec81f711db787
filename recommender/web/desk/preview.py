"""What an editor sees while writing: the card, what would find it, and what is missing.

Nothing here writes anything. A record is shown as far as it is filled in.
"""

from __future__ import annotations

import threading
from collections.abc import Callable, Iterable
from dataclasses import dataclass, replace

from flask import current_app, render_template
from markupsafe import Markup

from recommender.errors import IndexDamaged, IndexNotReady
from recommender.findability import Hint, HintKind, Purpose, Standing, Term, Yardstick
from recommender.golden import read_golden
from recommender.index.model import decode, encode
from recommender.lookalikes import Finder, LookAlike
from recommender.models import Language, Location, Match, Nonprofit, Visibility
from recommender.publish import GOLDEN_FILE
from recommender.web import get_excluded, get_gazetteer, get_index, get_settings
from recommender.web.desk.discretion import Trace, find_traces
from recommender.web.desk.labels import KINDS, LANGUAGES
from recommender.web.i18n import speaking
from recommender.web.listings import reach_label
from recommender.web.reasons import tag_label
from recommender.web.timing import timed

MAX_RANK = 100
"""Further down nobody looks, and one place more or less says nothing."""
N_STANDINGS = 8
"""How many golden queries are shown at once."""

PURPOSES = {
    Purpose.EXPECTED: "should bring it",
    Purpose.FITS: "it fits, and serves the place",
    Purpose.FOUND: "brings it",
}


@dataclass(frozen=True, kw_only=True)
class Bar:
    """A term with its weight; `share` is of the heaviest, in [0, 1]."""

    label: str
    note: str
    weight: float
    share: float


@dataclass(frozen=True, kw_only=True)
class Row:
    """A golden query and where the listing stands in its answer; `change` is up, down or same."""

    text: str
    place: str
    purpose: str
    before: str
    after: str
    change: str


@dataclass(frozen=True, kw_only=True)
class Advice:
    """What would help, and the id of the field where it is done."""

    sentence: str
    field: str


@dataclass(frozen=True, kw_only=True)
class Measured:
    """What one generation says of a record."""

    tags: tuple[Bar, ...]
    words: tuple[Bar, ...]
    rows: tuple[Row, ...]
    advice: tuple[Advice, ...]
    alike: tuple[LookAlike, ...]


@dataclass(frozen=True, kw_only=True)
class Preview:
    """A record as donors would meet it; `measured` is None where no index serves.

    `cards` are by language; `offices` are pairs of an office as typed and what is seen of it;
    `traces` may give away where one is that is not shown in full.
    """

    name: str
    cards: tuple[tuple[Language, Markup], ...]
    offices: tuple[tuple[str, str], ...]
    traces: tuple[Trace, ...]
    measured: Measured | None


def make_preview(record: Nonprofit) -> Preview:
    """All that is said of a record beside its form."""
    public = decode(encode(record))
    try:
        measured = _measure(record)
    except (IndexNotReady, IndexDamaged):
        measured = None
    return Preview(
        name=record.name,
        cards=tuple((language, _draw_card(public, language)) for language in Language),
        offices=tuple((_typed(spot), see_office(spot)) for spot in record.locations),
        traces=find_traces(record),
        measured=measured,
    )


# --- As donors see it --------------------------------------------------------------------


def see_office(spot: Location) -> str:
    """What donors see of an office, in words."""
    if spot.visibility is Visibility.HIDDEN:
        return "nothing, on no page, map, answer or export"
    if spot.visibility is Visibility.CITY:
        return f"“{spot.city}, {spot.state}”; distances are from the middle of the city"
    card, page = f"“{spot.city}, {spot.state}”", f"“{_typed(spot)}”"
    return f"{card} on its card, {page} on its page" if spot.zip else card


def _typed(spot: Location) -> str:
    return f"{spot.city}, {spot.state} {spot.zip}".rstrip()


def _draw_card(public: Nonprofit, language: Language) -> Markup:
    # A heading that is empty would be lost on whoever listens to the page.
    named = replace(public, name=public.name or "No name yet")
    match = Match(nonprofit=named, score=0.0, rank=1)
    with speaking(language):
        card = render_template(
            "staff/preview_card.html",
            match=match,
            reach_label=reach_label(match),
            href=f"#card-{language}",
        )
    return Markup(card)  # noqa: S704 - our own template, which escapes what was typed


# --- As the index sees it ----------------------------------------------------------------


@dataclass(frozen=True, kw_only=True)
class _Bench:
    """What records are measured with, made once for each generation."""

    yardstick: Yardstick
    finder: Finder


class _Memory:
    """The bench of this worker, for as long as it is true."""

    def __init__(self) -> None:
        self.lock = threading.Lock()
        self.bench: _Bench | None = None


def _get_bench() -> _Bench:
    index, exclude = get_index(), get_excluded()
    memory: _Memory = current_app.extensions.setdefault("preview", _Memory())
    with memory.lock:
        kept = memory.bench
        if kept and kept.yardstick.index is index and kept.yardstick.exclude == exclude:
            return kept
        queries = read_golden(get_settings().data / GOLDEN_FILE)
        yardstick = Yardstick(index, queries, get_gazetteer(), exclude)
        memory.bench = _Bench(yardstick=yardstick, finder=Finder(index))
        return memory.bench


@timed("match")
def _measure(record: Nonprofit) -> Measured:
    bench = _get_bench()
    found = bench.yardstick.measure(record)
    heaviest = max((term.weight for term in (*found.tags, *found.words)), default=1.0)
    return Measured(
        tags=tuple(_bar(term, heaviest) for term in found.tags),
        words=tuple(_bar(term, heaviest) for term in found.words),
        rows=tuple(_row(standing) for standing in found.standings),
        advice=tuple(_advise(hint) for hint in found.hints),
        alike=bench.finder.find(record),
    )


def _bar(term: Term, heaviest: float) -> Bar:
    kind, _, slug = term.concept.partition(":")
    named = ", ".join(LANGUAGES[language] for language in term.languages)
    return Bar(
        label=tag_label(kind, slug) if slug else term.word,
        note=_kind(kind) if slug else named,
        weight=term.weight,
        share=term.weight / heaviest,
    )


def _row(standing: Standing) -> Row:
    before, after = standing.before, standing.after
    moved = (before or MAX_RANK * 100) - (after or MAX_RANK * 100)
    return Row(
        text=standing.query.get("text") or ", ".join(_chips(standing)),
        place=standing.query.get("place", ""),
        purpose=PURPOSES[standing.purpose],
        before=_rank(before),
        after=_rank(after),
        change="up" if moved > 0 else "down" if moved < 0 else "same",
    )


def _chips(standing: Standing) -> Iterable[str]:
    """What a query without words has chosen."""
    for kind in KINDS:
        for slug in standing.query.get(kind.value, ()):
            yield tag_label(kind.value, slug)


def _rank(rank: int | None) -> str:
    if rank is None:
        return "not found"
    return str(rank) if rank <= MAX_RANK else f"beyond {MAX_RANK}"


# --- What would help ---------------------------------------------------------------------


def _advise(hint: Hint) -> Advice:
    field = hint.field.replace("_", "-")
    return Advice(sentence=_SENTENCES[hint.kind](hint), field=field)


def _short(hint: Hint) -> str:
    return (
        f"Say more in {_language(hint)}: what it does, for whom and where. Most descriptions"
        " have at least twice as many words."
    )


def _unticked(hint: Hint) -> str:
    labels = _labels(hint, " or ")
    return (
        f"It says “{hint.words[0]}”, but {labels} is not ticked. Tick it if that is"
        " work of its own."
    )


def _one_language(hint: Hint) -> str:
    other = "English" if hint.field.endswith("es") else "Spanish"
    return (
        f"The {other} description speaks of {_labels(hint, ', ')}; the {_language(hint)} one does"
        " not. Say it there too, unless other words say it."
    )


def _no_coordinates(hint: Hint) -> str:
    return (
        f"Check how {', '.join(hint.words)} is spelled: our place tables do not have it, so no"
        " search by distance finds it."
    )


def _language(hint: Hint) -> str:
    return LANGUAGES[Language(hint.field[-2:])]


def _labels(hint: Hint, between: str) -> str:
    split = [concept.partition(":") for concept in hint.concepts]
    return between.join(f"“{tag_label(kind, slug)}”" for kind, _, slug in split)


def _kind(kind: str) -> str:
    return next(label for known, label in KINDS.items() if known == kind)


_SENTENCES: dict[HintKind, Callable[[Hint], str]] = {
    HintKind.NO_SERVICES: lambda _: (
        "Tick at least one service: most donors ask for a kind of help."
    ),
    HintKind.NO_PEOPLE: lambda _: (
        "Tick whom the work is for: donors ask for refugees, families or a community."
    ),
    HintKind.NO_DESCRIPTION: lambda hint: f"Write the description in {_language(hint)}.",
    HintKind.SHORT_DESCRIPTION: _short,
    HintKind.UNTICKED: _unticked,
    HintKind.ONE_LANGUAGE: _one_language,
    HintKind.NAME_ONLY: lambda _: (
        "Look for its mission statement: it rests on its name alone, and donors can leave such"
        " groups out."
    ),
    HintKind.NO_PLACE: lambda _: (
        "Give an office or a service area: without either, no search near a place brings it."
    ),
    HintKind.NO_COORDINATES: _no_coordinates,
    HintKind.NO_AREA: lambda _: (
        "Add the cities or states that it serves: they count before the place of its office."
    ),
    HintKind.NO_SOURCE: lambda _: "Add a source: without one the listing cannot be saved.",
}
