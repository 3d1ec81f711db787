"""The words of the desk for states, kinds, choices and moments."""

from __future__ import annotations

from datetime import UTC, datetime

from markupsafe import Markup

from recommender.models import Basis, Language, ListingSort, Reach, Status, TagKind, Visibility
from recommender.store.batches import BatchAction

STATUS_LABELS = {status: status.value.replace("-", " ").capitalize() for status in Status}
BASES = {
    Basis.MISSION: "Its own mission statement",
    Basis.KNOWN: "General public knowledge",
    Basis.NAME: "Its name alone",
}
REACHES = {
    Reach.LOCAL: "One city or metro area",
    Reach.STATE: "A whole state",
    Reach.REGIONAL: "Several states",
    Reach.NATIONAL: "The whole country",
    Reach.INTERNATIONAL: "Other countries too",
}
VISIBILITIES = {
    Visibility.PUBLIC: "Shown in full",
    Visibility.CITY: "City only",
    Visibility.HIDDEN: "Hidden everywhere",
}
SORTS = {
    ListingSort.RELEVANCE: "Best fit",
    ListingSort.NAME: "Name",
    ListingSort.PLACE: "Place",
    ListingSort.EDITED: "Last edited",
    ListingSort.CHECKED: "Longest unchecked",
}
LANGUAGES = {Language.EN: "English", Language.ES: "Spanish"}
KINDS = {
    TagKind.SERVICE: "Services",
    TagKind.POPULATION: "People",
    TagKind.COMMUNITY: "Communities",
    TagKind.LANGUAGE: "Languages",
}
ACTIONS = {
    BatchAction.ASSIGN: "Give to somebody",
    BatchAction.CHECK: "Ask for a check",
    BatchAction.REVIEW: "Send to review",
    BatchAction.PUBLISH: "Publish",
    BatchAction.ARCHIVE: "Archive",
}
WHYS = {
    "ein": "the same EIN",
    "website": "the same site",
    "name": "a similar name",
    "description": "a similar description",
}


def moment(at: int | str) -> Markup:
    """A moment, in seconds or ISO 8601, as every page of the desk says it, in UTC."""
    known = datetime.fromisoformat(at) if isinstance(at, str) else datetime.fromtimestamp(at, UTC)
    utc = known.astimezone(UTC)
    tag = Markup('<time datetime="{}">{}</time>')
    return tag.format(f"{utc:%Y-%m-%dT%H:%M:%SZ}", f"{utc:%Y-%m-%d, %H:%M} UTC")
