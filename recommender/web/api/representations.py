"""Domain objects as the JSON that the OpenAPI document describes."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import asdict, dataclass
from functools import cached_property
from typing import Any

from recommender.models import (
    Guide,
    Language,
    Location,
    Match,
    Nonprofit,
    Place,
    Reason,
    Recommendation,
    Resource,
    SearchPage,
    Tag,
    TagKind,
    Visibility,
)
from recommender.web.addresses import absolute_url, origin, path_to
from recommender.web.rendering import once
from recommender.web.vocabulary import Vocabulary

TAXONOMY_KINDS = (*(kind.value for kind in TagKind), "topics", "service_groups")
SCORE_DIGITS = 6

Json = dict[str, Any]


def represent_place(place: Place | None) -> Json | None:
    """A resolved place."""
    return None if place is None else {**asdict(place), "zip": place.zip or None}


def represent_tag(tag: Tag) -> Json:
    """One entry of a vocabulary."""
    return {
        "slug": tag.slug,
        "label_en": tag.label_en,
        "label_es": tag.label_es,
        "description_en": tag.description_en,
        "description_es": tag.description_es,
        "group": tag.group or None,
    }


def represent_taxonomy(vocabulary: Vocabulary) -> Json:
    """All vocabularies that listings and resources are tagged with."""
    return {kind: [represent_tag(t) for t in vocabulary.of_kind(kind)] for kind in TAXONOMY_KINDS}


@dataclass(frozen=True, kw_only=True)
class Representer:
    """Answers in the words of one language."""

    vocabulary: Vocabulary
    language: Language = Language.EN

    def recommendation(self, answer: Recommendation, place: Place | None) -> Json:
        """The answer to a profile."""
        return {
            "matches": [self.match(match) for match in answer.matches],
            "no_close_match": answer.no_close_match,
            "n_candidates": answer.n_candidates,
            "understood": [self._asked(reason) for reason in answer.understood],
            "corrections": [asdict(correction) for correction in answer.corrections],
            "unknown_words": list(answer.unknown_words),
            "place": represent_place(place),
            "generation": answer.generation,
        }

    def match(self, match: Match) -> Json:
        """A listing in an answer, with its reasons."""
        return {
            **self.found(match),
            **self._scored(match),
            "missing": [self._asked(reason) for reason in match.missing],
        }

    def similar(self, match: Match) -> Json:
        """A listing that is like another, with what they share."""
        return {**self.brief(match.nonprofit), **self._scored(match)}

    def directory(self, page: SearchPage) -> Json:
        """What one page of the directory holds."""
        return {
            "nonprofits": [self.found(match) for match in page.matches],
            "total": page.total,
            "facets": {
                name: [asdict(facet) for facet in facets] for name, facets in page.facets.items()
            },
            "corrections": [asdict(correction) for correction in page.corrections],
            "unknown_words": list(page.unknown_words),
            "generation": page.generation,
        }

    def found(self, match: Match) -> Json:
        """A listing and how it relates to the place that was asked about."""
        far = match.distance_km
        return {
            **self.brief(match.nonprofit),
            "nearness": match.nearness,
            "distance_km": None if far is None else round(far, 1),
        }

    def brief(self, nonprofit: Nonprofit) -> Json:
        """The fields by which a reader tells one listing from another."""
        names = ("brief", self.language, nonprofit.slug)
        # Kept without the host, which is whatever a caller says it is.
        return self._on_this_host(once(nonprofit, names, lambda: self._brief(nonprofit)))

    def nonprofit(self, nonprofit: Nonprofit) -> Json:
        """Everything that may be shown of a listing."""
        return {
            **self._on_this_host(self._identity(nonprofit)),
            "summary_en": nonprofit.summary_en,
            "summary_es": nonprofit.summary_es,
            "other_names": nonprofit.other_names,
            "parent": nonprofit.parent or None,
            "ntee": nonprofit.ntee or None,
            "ruling_year": nonprofit.ruling_year,
            "revenue_usd": nonprofit.revenue_usd,
            "serves": nonprofit.serves,
            **{kind.value: nonprofit.tags(kind) for kind in TagKind},
            "locations": _locations(nonprofit.locations),
            "service_areas": [
                {"city": area.city or None, "state": area.state} for area in nonprofit.service_areas
            ],
            "sources": [asdict(source) for source in nonprofit.sources],
            "status": nonprofit.status,
            "updated_on": nonprofit.updated_on or None,
            "verified_on": nonprofit.verified_on or None,
        }

    def resource(self, resource: Resource) -> Json:
        """A resource; `url` is our page about it, `source_url` the piece itself."""
        return {
            **asdict(resource),
            "author": resource.author or None,
            "published": resource.published or None,
            "url": absolute_url(self.language, "learn.resource", slug=resource.slug),
            "source_url": resource.url,
        }

    def guide(self, guide: Guide) -> Json:
        """A topic guide; `url` is its page."""
        url = absolute_url(self.language, "learn.topic", slug=guide.slug)
        return {**asdict(guide), "url": url}

    def _brief(self, nonprofit: Nonprofit) -> Json:
        return {
            **self._identity(nonprofit),
            "summary": nonprofit.summary(self.language),
        }

    def _identity(self, nonprofit: Nonprofit) -> Json:
        office = nonprofit.office
        return {
            "slug": nonprofit.slug,
            "name": nonprofit.name,
            "ein": nonprofit.ein or None,
            "city": office.city if office else None,
            "state": office.state if office else None,
            "reach": nonprofit.reach,
            "basis": nonprofit.basis,
            "url": path_to(self.language, "directory.profile", slug=nonprofit.slug),
            "website": nonprofit.website or None,
        }

    @cached_property
    def _origin(self) -> str:
        return origin()

    def _on_this_host(self, listing: Json) -> Json:
        return {**listing, "url": self._origin + listing["url"]}

    def _scored(self, match: Match) -> Json:
        return {
            "score": round(match.score, SCORE_DIGITS),
            "reasons": [
                {
                    "feature": reason.feature,
                    **self._asked(reason),
                    "contribution": round(reason.contribution, SCORE_DIGITS),
                }
                for reason in match.reasons
            ],
        }

    def _asked(self, reason: Reason) -> Json:
        is_tag = (reason.kind, reason.label) in self.vocabulary
        label = self.vocabulary.label(reason.kind, reason.label, self.language)
        return {
            "kind": reason.kind,
            "label": label,
            "tag": reason.label if is_tag else None,
            "sources": [source for source in reason.sources if source],
        }


def _locations(locations: Iterable[Location]) -> list[Json]:
    shown = [place for place in locations if place.visibility is not Visibility.HIDDEN]
    return [_location(place) for place in shown]


def _location(place: Location) -> Json:
    """An office; nothing that is closer than its city where only that may be shown."""
    exact = place.visibility is Visibility.PUBLIC
    return {
        "city": place.city,
        "state": place.state,
        "zip": (place.zip or None) if exact else None,
        "primary": place.primary,
        "latitude": place.latitude if exact else None,
        "longitude": place.longitude if exact else None,
    }
