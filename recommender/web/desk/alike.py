"""Which listings look like one another, kept by each worker for as long as it is true."""

from __future__ import annotations

import threading
from collections import defaultdict

from flask import Flask, current_app

from recommender.errors import IndexNotReady
from recommender.index import Index
from recommender.lookalikes import Finder, LookAlike, list_lookalikes
from recommender.models import Nonprofit, Status
from recommender.store.listings import list_nonprofits
from recommender.store.revisions import DRAFTS
from recommender.web import get_db, get_excluded, get_index

Alike = dict[str, tuple[LookAlike, ...]]


class _Kept:
    """What was found in one generation, and of each record that is not in it."""

    def __init__(self, index: Index) -> None:
        self.generation = index.generation
        self.listed = list_lookalikes(index)
        self._finder = Finder(index)
        self._others: dict[Nonprofit, tuple[LookAlike, ...]] = {}

    def find(self, record: Nonprofit) -> tuple[LookAlike, ...]:
        """What in the index looks like a record."""
        if record not in self._others:
            self._others[record] = self._finder.find(record)
        return self._others[record]

    def forget_but(self, records: list[Nonprofit]) -> None:
        """Keep no record that has changed since."""
        self._others = {record: self._others[record] for record in records}


class _Memory:
    def __init__(self) -> None:
        self.lock = threading.Lock()
        self.kept: _Kept | None = None


def init_app(app: Flask) -> None:
    """Let a worker of the application remember what it found."""
    app.extensions["alike"] = _Memory()


def list_alike() -> Alike:
    """What looks like what, by slug: among the published listings, and of drafts with these."""
    try:
        index = get_index()
    except IndexNotReady:
        return {}
    drafts = list_nonprofits(get_db(), (*DRAFTS, Status.STALE))
    memory: _Memory = current_app.extensions["alike"]
    with memory.lock:
        if memory.kept is None or memory.kept.generation != index.generation:
            memory.kept = _Kept(index)
        found = {draft: memory.kept.find(draft) for draft in drafts}
        memory.kept.forget_but(drafts)
        return _merge(memory.kept.listed, found)


def _merge(listed: Alike, found: dict[Nonprofit, tuple[LookAlike, ...]]) -> Alike:
    """Both ways: a listing looks like a draft that looks like it."""
    gone = get_excluded() - {draft.slug for draft in found}
    merged: defaultdict[str, list[LookAlike]] = defaultdict(list)
    for slug, alike in listed.items():
        merged[slug] += alike
    for draft, alike in found.items():
        merged[draft.slug] = list(alike)
        for one in alike:
            back = LookAlike(nonprofit=draft, why=one.why, similarity=one.similarity)
            merged[one.nonprofit.slug].append(back)
    kept = {
        slug: tuple(one for one in alike if one.nonprofit.slug not in gone)
        for slug, alike in merged.items()
        if slug not in gone
    }
    return {slug: alike for slug, alike in kept.items() if alike}
