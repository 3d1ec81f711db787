"""The words of the desk for states, kinds and choices."""

from __future__ import annotations

from recommender.models import Basis, ListingSort, Status, TagKind, Visibility

STATUS_LABELS = {status: status.value.replace("-", " ").capitalize() for status in Status}
BASES = {
    Basis.MISSION: "Its own mission statement",
    Basis.KNOWN: "General public knowledge",
    Basis.NAME: "Its name alone",
}
BASES = {
    Basis.MISSION: "Its own mission statement",
    Basis.KNOWN: "General public knowledge",
    Basis.NAME: "Its name alone",
}
VISIBILITIES = {
    Visibility.PUBLIC: "Shown in full",
    Visibility.CITY: "City only",
    Visibility.HIDDEN: "Hidden everywhere",
}
SORTS = {
    ListingSort.RELEVANCE: "Best fit",
    ListingSort.NAME: "Name",
    ListingSort.EDITED: "Last edited",
    ListingSort.CHECKED: "Longest unchecked",
}
KINDS = {
    TagKind.SERVICE: "Services",
    TagKind.POPULATION: "People",
    TagKind.COMMUNITY: "Communities",
    TagKind.LANGUAGE: "Languages",
}
