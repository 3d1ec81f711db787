"""The taxonomy as the views use it: which tags there are, and what they are called."""

from __future__ import annotations

from collections.abc import Iterable
from functools import cached_property

from flask import g

from recommender.models import Language, Tag
from recommender.store import Database
from recommender.store.library import list_tags
from recommender.web import read_catalog


class Vocabulary:
    """All tags of one state of the catalogue."""

    def __init__(self, tags: Iterable[Tag]) -> None:
        self.tags = tuple(tags)

    @cached_property
    def _by_name(self) -> dict[tuple[str, str], Tag]:
        return {(tag.kind, tag.slug): tag for tag in self.tags}

    def __contains__(self, name: tuple[str, str]) -> bool:
        """Whether there is a tag of this (kind, slug)."""
        return name in self._by_name

    def of_kind(self, kind: str) -> tuple[Tag, ...]:
        """The tags of one kind, in the editors' order."""
        return tuple(tag for tag in self.tags if tag.kind == kind)

    def label(self, kind: str, slug: str, language: Language) -> str:
        """What a tag is called; a slug without a tag is its own label."""
        tag = self._by_name.get((kind, slug))
        return tag.label(language) if tag else slug


def get_vocabulary() -> Vocabulary:
    """The taxonomy as it is now, read again whenever the catalogue has changed."""
    if "vocabulary" not in g:
        g.vocabulary = read_catalog(_read_vocabulary)
    vocabulary: Vocabulary = g.vocabulary
    return vocabulary


def _read_vocabulary(db: Database) -> Vocabulary:
    return Vocabulary(list_tags(db))
