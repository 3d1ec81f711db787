"""Reasons are the arithmetic of the score, over every judged donor and golden query.

A listing's topic score is `own + lent`. The part that the reasons "words" split is

    words(d) = g · (1 − λ) / s · Σ_t w_t · x_dt

with g the group's share of the weights, λ the share that neighbours lend, s the best topic score
in the index, w the query vector after feedback and x_d the listing's weights. A unit u asked for
u_t of the a_t that all units together asked of term t, so without u, and with g, λ, s and the
feedback as they were computed, the vector is w'_t = w_t · (1 − u_t / a_t), and

    words(d) − words'(d) = g · (1 − λ) / s · Σ_t w_t · (u_t / a_t) · x_dt

which has to be the contribution that is shown for u. It is measured here by ranking again.
"""

from collections.abc import Iterator, Mapping
from dataclasses import dataclass, replace

import numpy as np
import pytest

from benchmarks.judged import read_judged
from recommender import pipeline
from recommender.config import ROOT, Settings
from recommender.geo import STATES
from recommender.golden import read_golden, read_question
from recommender.index import Index, load_current
from recommender.models import DonorProfile, Language, Match, Nonprofit, Reason, TagKind
from recommender.pipeline import recommend
from recommender.publish import GOLDEN_FILE, open_gazetteer
from recommender.query import Unit
from recommender.ranking import Ranking, Signals, rank
from recommender.retrieval import SMOOTHING, accumulate
from recommender.text import analyse, stem, words

N = 10
TAG_KINDS = {kind.value for kind in TagKind}


@dataclass(frozen=True, kw_only=True)
class Told:
    """An answer, and the numbers that ranked it."""

    index: Index
    matches: tuple[Match, ...]
    signals: Signals
    ranking: Ranking

    def position(self, match: Match) -> int:
        """Where a match stands among the candidates."""
        return int(
            np.searchsorted(self.signals.topic.rows, self.index.row_of[match.nonprofit.slug])
        )


@pytest.fixture(scope="module")
def answers(directory: Settings) -> tuple[Told, ...]:
    return tuple(_ask_all(directory))


def _ask_all(settings: Settings) -> Iterator[Told]:
    index, gazetteer = load_current(settings.index), open_gazetteer(settings)
    golden = [q for q in read_golden(settings.data / GOLDEN_FILE) if q["kind"] == "match"]
    donors = read_judged(ROOT / "data" / "judged").donors
    seen: list[tuple[Signals, Ranking]] = []

    def watch(signals: Signals, *, n: int) -> Ranking:
        ranking = rank(signals, n=n)
        seen.append((signals, ranking))
        return ranking

    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(pipeline, "rank", watch)
        for question in (*golden, *({"kind": "match", **donor} for donor in donors)):
            profile = read_question(question, gazetteer)
            assert isinstance(profile, DonorProfile)
            answer = recommend(profile, index, n=N)
            signals, ranking = seen[-1]
            yield Told(index=index, matches=answer.matches, signals=signals, ranking=ranking)


def test_contributions_add_up_to_every_score(answers: tuple[Told, ...]) -> None:
    n_checked = 0
    for told in answers:
        for match in told.matches:
            total = sum(reason.contribution for reason in match.reasons)
            assert total == pytest.approx(match.score, abs=1e-5)
            n_checked += 1
    assert n_checked > 1_000


def test_the_own_score_is_the_sum_over_terms(answers: tuple[Told, ...]) -> None:
    for told in answers:
        topic = told.signals.topic
        if not topic.weights or not len(topic.rows):
            continue
        raw = accumulate(topic.weights, told.index)[topic.rows]
        scales = (1 - SMOOTHING) * raw[raw > 0] / topic.own[raw > 0]
        assert scales == pytest.approx(np.full(len(scales), scales.mean()), rel=1e-3)


def test_without_the_first_thing_asked_the_score_loses_what_it_gave(
    answers: tuple[Told, ...],
) -> None:
    n_checked = 0
    for told in answers:
        for match in told.matches:
            reason, unit = _first_asked(told, match)
            if reason is None or unit is None:
                continue
            position = told.position(match)
            without = rank(_without(told.signals, unit), n=N)
            lost = told.ranking.parts["words"][position] - without.parts["words"][position]
            assert lost == pytest.approx(reason.contribution, abs=1e-5)
            if not told.signals.names[position]:
                # A name lifts what the rest leaves to 1, so there the total loses less.
                fell = told.ranking.scores[position] - without.scores[position]
                assert fell == pytest.approx(reason.contribution, abs=1e-5)
            n_checked += 1
    assert n_checked > 800


def _first_asked(told: Told, match: Match) -> tuple[Reason | None, Unit | None]:
    """The largest reason for something that was asked and that the listing has, and its unit."""
    units = {(unit.kind, unit.label): unit for unit in told.signals.query.units}
    for reason in match.reasons:
        if (reason.kind, reason.label) in units:
            return reason, units[reason.kind, reason.label]
    return None, None


def _without(signals: Signals, unit: Unit) -> Signals:
    """The same with a unit's part taken out of the query vector, all else as computed."""
    asked: dict[int, float] = {}
    for other in signals.query.units:
        for term, weight in other.terms.items():
            asked[term] = asked.get(term, 0.0) + weight
    topic = signals.topic
    weights = {
        term: weight * (1 - unit.terms[term] / asked[term]) if term in unit.terms else weight
        for term, weight in topic.weights.items()
    }
    before = accumulate(topic.weights, signals.index)[topic.rows]
    after = accumulate(weights, signals.index)[topic.rows]
    left = np.divide(after, before, out=np.ones_like(before), where=before > 0)
    return replace(signals, topic=replace(topic, own=topic.own * left))


def test_no_reason_names_what_the_listing_does_not_have(answers: tuple[Told, ...]) -> None:
    kinds = set()
    for told in answers:
        for match in told.matches:
            written = _stems_of(match.nonprofit, {})
            for reason in match.reasons:
                kinds.add(reason.kind)
                assert _is_had(reason, match, told, written), (match.nonprofit.slug, reason)
    assert {"services", "populations", "communities", "word", "mention", "related"} <= kinds
    assert {"place", "neighbours", "name"} <= kinds


def _is_had(reason: Reason, match: Match, told: Told, written: set[str]) -> bool:
    """Whether a listing has what a reason names, read from its public fields."""
    if reason.kind in TAG_KINDS:
        return reason.label in match.nonprofit.tags(TagKind(reason.kind))
    if reason.kind == "word":
        # In either language: "defienden" is had by who says "defend".
        units = [unit for unit in told.signals.query.units if unit.label == reason.label]
        return any(told.index.terms[term] in written for unit in units for term in unit.terms)
    if reason.kind in ("mention", "related"):
        if reason.kind == "related":
            # Nothing says that the listing says these: its tags may be called so.
            written = _stems_of(match.nonprofit, told.index.tag_texts)
        said = [word for part in reason.label.split(", ") for word in words(part)]
        return all({stem(word, language) for language in Language} & written for word in said)
    if reason.kind == "neighbours":
        row = told.index.row_of[match.nonprofit.slug]
        around = {told.index.nonprofit(int(other)).name for other in told.index.neighbours[row]}
        return set(reason.sources) <= around
    if reason.kind == "place":
        return match.nearness is not None
    return reason.kind in ("name", "small")


def _stems_of(nonprofit: Nonprofit, tag_texts: Mapping[str, tuple[str, str]]) -> set[str]:
    """Every stem of what a listing says, and of what its tags are called, if that is given."""
    spots = [*nonprofit.locations, *nonprofit.service_areas]
    tags = [
        text
        for kind in TagKind
        for slug in nonprofit.tags(kind)
        for text in tag_texts.get(f"{kind}:{slug}", ())
    ]
    states = [STATES[spot.state] for spot in spots if spot.state in STATES]
    places = [part for spot in spots for part in (spot.city, spot.state)]
    places += [name for state in states for name in (state.en, state.es)]
    names = (nonprofit.name, *nonprofit.other_names, *places)
    told = (nonprofit.summary_en, nonprofit.summary_es, nonprofit.serves)
    text = " ".join((*names, *told, *tags))
    return {term for language in Language for term in analyse(text, language)}
