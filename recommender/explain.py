"""Reasons from the very numbers that ranked: their contributions add up to the score."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Set
from dataclasses import dataclass
from functools import cached_property
from itertools import islice

from recommender.models import Match, Reason
from recommender.nearness import LEVELS
from recommender.query import Query, Unit
from recommender.ranking import Ranking, Signals

MAX_LENDERS = 3
MAX_RELATED = 4


@dataclass(frozen=True, kw_only=True)
class Explainer:
    """Turns a ranking's parts into reasons, one listing at a time.

    The slugs in `exclude` are named nowhere, though their words still lend support.
    """

    query: Query
    signals: Signals
    ranking: Ranking
    exclude: Set[str] = frozenset()

    @cached_property
    def _asked(self) -> dict[int, float]:
        """How much all units together ask of each term."""
        asked: dict[int, float] = {}
        for unit in self.query.units:
            for term, weight in unit.terms.items():
                asked[term] = asked.get(term, 0.0) + weight
        return asked

    def match(self, position: int, rank: int) -> Match:
        """The listing at a position of the candidates, with every share of its score."""
        row = int(self.signals.topic.rows[position])
        nearness = self.signals.nearness
        level = LEVELS[nearness.level[row]] if nearness else None
        distance = float(nearness.distance_km[row]) if nearness else float("nan")
        listed = self.signals.index.documents.mapping(row)
        return Match(
            nonprofit=self.signals.index.nonprofit(row),
            score=float(self.ranking.scores[position]),
            rank=rank,
            reasons=self.reasons(position, listed),
            missing=self.missing(listed),
            nearness=level,
            distance_km=None if distance != distance else distance,
        )

    def reasons(self, position: int, listed: Mapping[int, float]) -> tuple[Reason, ...]:
        """Every share of the score, the largest first; `listed` are the listing's weights."""
        words = self._words(position, listed)
        found = [*words, *self._lenders(position), *self._others(position)]
        found = [reason for reason in found if reason.contribution > 0]
        return tuple(sorted(found, key=lambda reason: -reason.contribution))

    def missing(self, listed: Mapping[int, float]) -> tuple[Reason, ...]:
        """What was asked for and the listing does not have: a tag, or a word anywhere."""
        return tuple(
            Reason(
                feature="words",
                kind=unit.kind,
                label=unit.label,
                contribution=0.0,
                sources=unit.sources,
            )
            for unit in self.query.units
            if not _has(listed, unit)
        )

    def _words(self, position: int, listed: Mapping[int, float]) -> list[Reason]:
        """The own part, split by what was asked; the rest came by feedback."""
        if "words" not in self.ranking.parts:
            return []
        products = {
            term: weight * listed[term]
            for term, weight in self.signals.topic.weights.items()
            if term in listed
        }
        part = float(self.ranking.parts["words"][position])
        factor = part / (sum(products.values()) or 1.0)
        per_term = {term: factor * product for term, product in products.items()}
        reasons = [
            self._unit_reason(unit, per_term, _has(listed, unit)) for unit in self.query.units
        ]
        related = {t: v for t, v in per_term.items() if t not in self._asked and v > 0}
        if related:
            reasons.append(self._related_reason(related))
        return reasons

    def _unit_reason(self, unit: Unit, per_term: Mapping[int, float], has: bool) -> Reason:
        """A unit's share; a term that several units use is split by what each asked of it.

        Where the listing lacks the concept and only uses words of it, those are named.
        """
        shares = {
            term: per_term[term] * weight / self._asked[term]
            for term, weight in unit.terms.items()
            if term in per_term
        }
        mentioned = ", ".join(self._surfaces(sorted(shares, key=lambda term: -shares[term])))
        return Reason(
            feature="words",
            kind=unit.kind if has else "mention",
            label=unit.label if has else mentioned,
            contribution=sum(shares.values()),
            sources=unit.sources,
        )

    def _related_reason(self, related: dict[int, float]) -> Reason:
        named = self._surfaces(sorted(related, key=lambda term: -related[term]))[:MAX_RELATED]
        return Reason(
            feature="words",
            kind="related",
            label=", ".join(named),
            contribution=sum(related.values()),
            sources=tuple(named),
        )

    def _surfaces(self, terms: Iterable[int]) -> list[str]:
        """Terms as words of the donor's language; those it does not use are left out."""
        index, language = self.signals.index, self.signals.profile.language
        return [word for term in terms if (word := index.surface(term, language))]

    def _lenders(self, position: int) -> list[Reason]:
        if "neighbours" not in self.ranking.parts:
            return []
        row, index = int(self.signals.topic.rows[position]), self.signals.index
        support = self.signals.topic.raw[index.neighbours[row]] * index.similarities[row]
        order = (-support).argsort(kind="stable")
        lenders = index.neighbours[row][order[support[order] > 0]].tolist()
        named = (lender for lender in lenders if index.slugs[lender] not in self.exclude)
        names = tuple(index.nonprofit(lender).name for lender in islice(named, MAX_LENDERS))
        return [
            Reason(
                feature="neighbours",
                kind="neighbours",
                label=", ".join(names),
                contribution=float(self.ranking.parts["neighbours"][position]),
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
                contribution=float(self.ranking.parts[key][position]),
            )
            for key in rest
        ]

    def _label(self, key: str) -> str:
        place = self.signals.profile.place
        if key == "place" and place is not None:
            return place.label
        return self.signals.profile.text if key == "name" else ""


def _has(listed: Mapping[int, float], unit: Unit) -> bool:
    """Whether a listing carries what a unit asks for: its concept, or any form of its word."""
    if unit.kind != "word":
        return unit.concept in listed
    return any(term in listed for term in unit.terms)
