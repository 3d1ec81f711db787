"""Reasons from the very numbers that ranked: their contributions add up to the score."""

from __future__ import annotations

from dataclasses import dataclass

from recommender.models import Match, Reason
from recommender.nearness import LEVELS
from recommender.ranking import Ranking, Signals
from recommender.retrieval import Query, Unit

MAX_LENDERS = 3
MAX_RELATED = 4


@dataclass(frozen=True, kw_only=True)
class Explainer:
    """Turns a ranking's parts into reasons, one listing at a time."""

    query: Query
    signals: Signals
    ranking: Ranking

    def match(self, position: int, rank: int) -> Match:
        """The listing at a position of the candidates, with every share of its score."""
        row = int(self.signals.topic.rows[position])
        nearness = self.signals.nearness
        level = LEVELS[nearness.level[row]] if nearness else None
        distance = float(nearness.distance_km[row]) if nearness else float("nan")
        return Match(
            nonprofit=self.signals.index.nonprofit(row),
            score=float(self.ranking.scores[position]),
            rank=rank,
            reasons=self.reasons(position),
            missing=self.missing(row),
            nearness=level,
            distance_km=None if distance != distance else distance,
        )

    def reasons(self, position: int) -> tuple[Reason, ...]:
        """Every share of the score, the largest first."""
        found = [*self._words(position), *self._lenders(position), *self._others(position)]
        found = [reason for reason in found if reason.contribution > 0]
        return tuple(sorted(found, key=lambda reason: -reason.contribution))

    def missing(self, row: int) -> tuple[Reason, ...]:
        """What was asked for and is nowhere in the listing."""
        return tuple(
            Reason(
                feature="words",
                kind=unit.kind,
                label=unit.label,
                contribution=0.0,
                sources=unit.sources,
            )
            for unit in self.query.units
            if not any(self._postings_weight(row, term) for term in unit.terms)
        )

    def _words(self, position: int) -> list[Reason]:
        """The own part, split by what was asked; the rest came by feedback."""
        if "words" not in self.ranking.parts:
            return []
        topic, share = self.signals.topic, self.ranking.parts["words"][0]
        row, factor = int(topic.rows[position]), share * float(topic.own_share[position])
        per_term = {
            term: factor * weight * self._postings_weight(row, term) / topic.scale
            for term, weight in topic.weights.items()
        }
        reasons = [self._unit_reason(unit, per_term) for unit in self.query.units]
        asked = {term for unit in self.query.units for term in unit.terms}
        related = {t: value for t, value in per_term.items() if t not in asked and value > 0}
        if related:
            reasons.append(self._related_reason(related))
        return reasons

    def _unit_reason(self, unit: Unit, per_term: dict[int, float]) -> Reason:
        """A unit's share; a term that several units use is split by what each asked of it."""
        total = 0.0
        for term, weight in unit.terms.items():
            asked = sum(other.terms.get(term, 0.0) for other in self.query.units)
            total += per_term[term] * weight / asked
        return Reason(
            feature="words",
            kind=unit.kind,
            label=unit.label,
            contribution=total,
            sources=unit.sources,
        )

    def _related_reason(self, related: dict[int, float]) -> Reason:
        surfaces = self.signals.index.surfaces
        terms = sorted(related, key=lambda term: -related[term])
        named = [surfaces[term] for term in terms if ":" not in surfaces[term]][:MAX_RELATED]
        return Reason(
            feature="words",
            kind="related",
            label=", ".join(named),
            contribution=sum(related.values()),
            sources=tuple(named),
        )

    def _lenders(self, position: int) -> list[Reason]:
        if "neighbours" not in self.ranking.parts:
            return []
        share, values = self.ranking.parts["neighbours"]
        row, index = int(self.signals.topic.rows[position]), self.signals.index
        support = self.signals.topic.raw[index.neighbours[row]] * index.similarities[row]
        best = [
            int(index.neighbours[row][i])
            for i in (-support).argsort()[:MAX_LENDERS]
            if support[i] > 0
        ]
        names = tuple(index.nonprofit(neighbour).name for neighbour in best)
        return [
            Reason(
                feature="neighbours",
                kind="neighbours",
                label=", ".join(names),
                contribution=share * float(values[position]),
                sources=names,
            )
        ]

    def _others(self, position: int) -> list[Reason]:
        rest = [key for key in self.ranking.parts if key not in ("words", "neighbours")]
        return [
            Reason(
                feature=key,
                kind=key,
                label=self._label(key),
                contribution=self.ranking.parts[key][0]
                * float(self.ranking.parts[key][1][position]),
            )
            for key in rest
        ]

    def _label(self, key: str) -> str:
        place = self.signals.profile.place
        if key == "place" and place is not None:
            return place.label
        return self.signals.profile.text if key == "name" else ""

    def _postings_weight(self, row: int, term: int) -> float:
        return self.signals.index.documents.weight(row, term)
