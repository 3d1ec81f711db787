"""Reasons from the very numbers that ranked: their contributions add up to the score."""

from __future__ import annotations

from collections.abc import Iterator, Sequence, Set
from dataclasses import dataclass
from functools import cached_property
from itertools import chain, islice

import numpy as np
import numpy.typing as npt

from recommender.models import Match, Nearness, Reason
from recommender.nearness import LEVELS, distances_km
from recommender.query import Unit
from recommender.ranking import Ranking, Signals

MAX_LENDERS = 3
MAX_RELATED = 4

Table = npt.NDArray[np.floating]


@dataclass(frozen=True, kw_only=True)
class Explainer:
    """Turns a ranking's parts into reasons, for all listings of a page at once.

    `positions` are those of the page among the candidates. The slugs in `exclude` are named
    nowhere, though their words still lend support.
    """

    signals: Signals
    ranking: Ranking
    positions: npt.NDArray[np.integer]
    exclude: Set[str] = frozenset()

    def matches(self, *, first_rank: int = 1) -> tuple[Match, ...]:
        """The listings of the page, with every share of their scores."""
        columns = (
            self._rows.tolist(),
            self.ranking.scores[self.positions].tolist(),
            self.reasons(),
            self.missing(),
            self._levels(),
            self._distances(),
        )
        return tuple(
            Match(
                nonprofit=self.signals.index.nonprofit(row),
                score=score,
                rank=rank,
                reasons=reasons,
                missing=missing,
                nearness=level,
                distance_km=distance,
            )
            for rank, (row, score, reasons, missing, level, distance) in enumerate(
                zip(*columns, strict=True), start=first_rank
            )
        )

    def reasons(self) -> list[tuple[Reason, ...]]:
        """Every share of each listing's score, the largest first."""
        finders = {"words": self._words, "neighbours": self._lenders}
        columns = [finders.get(key, self._other)(key) for key in self.ranking.parts]
        found = zip(*columns, strict=True) if columns else ((),) * len(self.positions)
        return [
            tuple(sorted(chain(*parts), key=lambda reason: -reason.contribution)) for parts in found
        ]

    def missing(self) -> list[tuple[Reason, ...]]:
        """What was asked for and each listing does not have: a tag, or a word anywhere."""
        told = [_reason(unit, unit.kind, unit.label, 0.0) for unit in self._units]
        return [
            tuple(reason for reason, has in zip(told, row, strict=True) if not has)
            for row in self._has.tolist()
        ]

    @property
    def _units(self) -> Sequence[Unit]:
        return self.signals.query.units

    @cached_property
    def _rows(self) -> npt.NDArray[np.integer]:
        rows: npt.NDArray[np.integer] = self.signals.topic.rows[self.positions]
        return rows

    @cached_property
    def _terms(self) -> dict[int, int]:
        """The terms of the query, sorted, and the column of each."""
        return {term: column for column, term in enumerate(sorted(self.signals.topic.weights))}

    @cached_property
    def _listed(self) -> Table:
        """What each listing of the page has of each term: (n_rows, n_terms)."""
        documents = self.signals.index.documents
        return documents.table(self._rows, np.array([*self._terms], dtype=np.int32))

    @cached_property
    def _asked(self) -> Table:
        """What each unit asks of a term, as a share of what all ask: (n_terms, n_units)."""
        asked = np.zeros((len(self._terms), len(self._units)))
        for number, unit in enumerate(self._units):
            for term, weight in unit.terms.items():
                asked[self._terms[term], number] = weight
        shares: Table = asked / np.maximum(asked.sum(axis=1, keepdims=True), 1e-12)
        return shares

    @cached_property
    def _has(self) -> npt.NDArray[np.bool_]:
        """Whether a listing carries each unit: its concept, or any form of its word."""
        decisive = self._asked > 0
        for number, unit in enumerate(self._units):
            if unit.kind != "word":
                decisive[:, number] = False
                if unit.concept in self._terms:
                    decisive[self._terms[unit.concept], number] = True
        return np.asarray((self._listed > 0) @ decisive)

    def _words(self, key: str) -> Iterator[list[Reason]]:
        """The own part, split by what was asked; the rest came by feedback."""
        weights = self.signals.topic.weights
        shares = self._listed * np.array([weights[term] for term in self._terms])
        totals = shares.sum(axis=1)
        totals[totals == 0] = 1.0
        shares *= (self.ranking.parts[key][self.positions] / totals)[:, np.newaxis]
        by_unit = (shares @ self._asked).tolist()
        related = self._related(shares * ~self._asked.any(axis=1))
        for at, (contributions, others) in enumerate(zip(by_unit, related, strict=True)):
            reasons = [
                self._unit_reason(number, contribution, at, shares)
                for number, contribution in enumerate(contributions)
                if contribution > 0
            ]
            yield reasons + others

    def _unit_reason(self, number: int, contribution: float, at: int, shares: Table) -> Reason:
        """A unit's share; a term that several units use is split by what each asked of it.

        Where the listing lacks the concept and only uses words of it, those are named. Words
        that stand in the names of its tags alone are related, for it does not say them.
        """
        unit = self._units[number]
        if self._has[at, number] and unit.kind != "word":
            return _reason(unit, unit.kind, unit.label, contribution)
        given = shares[at] * self._asked[:, number]
        terms = [term for term in unit.terms if self._listed[at, self._terms[term]]]
        terms.sort(key=lambda term: -given[self._terms[term]])
        written = self.signals.index.written(int(self._rows[at]))
        said = [term for term in terms if term in written]
        if said and unit.kind == "word":
            return _reason(unit, unit.kind, unit.label, contribution)
        surfaces = [self._surfaces[self._terms[term]] for term in said or terms]
        kind = "mention" if said else "related"
        return _reason(unit, kind, ", ".join(filter(None, surfaces)), contribution)

    def _related(self, shares: Table) -> Iterator[list[Reason]]:
        """What came by feedback, named by the words that gave most."""
        order = np.argsort(-shares, axis=1, kind="stable").tolist()
        counts, totals = (shares > 0).sum(axis=1).tolist(), shares.sum(axis=1).tolist()
        for columns, n, total in zip(order, counts, totals, strict=True):
            surfaces = filter(None, map(self._surfaces.__getitem__, columns[:n]))
            named = tuple(islice(surfaces, MAX_RELATED))
            reason = Reason(
                feature="words",
                kind="related",
                label=", ".join(named),
                contribution=total,
                sources=named,
            )
            yield [reason] if n else []

    @cached_property
    def _surfaces(self) -> list[str]:
        """Each term as a word of the donor's language; "" where it does not use it."""
        index, language = self.signals.index, self.signals.profile.language
        return [index.surface(term, language) for term in self._terms]

    def _lenders(self, key: str) -> Iterator[list[Reason]]:
        """What similar listings lent, by the names of those that lent most."""
        index = self.signals.index
        neighbours = index.neighbours[self._rows]
        support = self.signals.topic.raw[neighbours] * index.similarities[self._rows]
        order = np.argsort(-support, axis=1, kind="stable")[:, : MAX_LENDERS + len(self.exclude)]
        lenders = neighbours[np.arange(len(order))[:, np.newaxis], order].tolist()
        counts = (support > 0).sum(axis=1).tolist()
        lent = self.ranking.parts[key][self.positions].tolist()
        for rows, n, contribution in zip(lenders, counts, lent, strict=True):
            yield [self._lending(rows[:n], contribution)] if contribution > 0 else []

    def _lending(self, lenders: Sequence[int], contribution: float) -> Reason:
        index = self.signals.index
        shown = [row for row in lenders if index.slugs[row] not in self.exclude][:MAX_LENDERS]
        names = tuple([index.nonprofit(row).name for row in shown])
        return Reason(
            feature="neighbours",
            kind="neighbours",
            label=", ".join(names),
            contribution=contribution,
            sources=names,
        )

    def _other(self, key: str) -> Iterator[list[Reason]]:
        label = self._label(key)
        for contribution in self.ranking.parts[key][self.positions].tolist():
            reason = Reason(feature=key, kind=key, label=label, contribution=contribution)
            yield [reason] if contribution > 0 else []

    def _label(self, key: str) -> str:
        place = self.signals.profile.place
        if key == "place" and place is not None:
            return place.label
        return self.signals.profile.text if key == "name" else ""

    def _levels(self) -> list[Nearness | None]:
        nearness = self.signals.nearness
        if nearness is None:
            return [None] * len(self.positions)
        return [LEVELS[code] for code in nearness.level[self.positions].tolist()]

    def _distances(self) -> list[float | None]:
        place = self.signals.profile.place
        if place is None:
            return [None] * len(self.positions)
        distances = distances_km(place, self._rows, self.signals.index).tolist()
        return [None if distance != distance else distance for distance in distances]


def _reason(unit: Unit, kind: str, label: str, contribution: float) -> Reason:
    return Reason(
        feature="words", kind=kind, label=label, contribution=contribution, sources=unit.sources
    )
