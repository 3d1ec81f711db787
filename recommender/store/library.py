"""The taxonomy, the term map, the resources and the guides in the store."""

from __future__ import annotations

import json
from collections import defaultdict
from collections.abc import Iterable, Sequence, Set
from dataclasses import asdict, fields
from enum import StrEnum
from functools import lru_cache
from typing import Any

from sqlite_utils import Database

from recommender.errors import NotFound, StorageError
from recommender.models import Guide, KeyFact, Resource, Tag, TermMapping
from recommender.store import snapshot, transaction

Row = dict[str, Any]
Entry = TermMapping | Resource | Guide
Model = Tag | Entry


class LibraryKind(StrEnum):
    """What staff edit beside the listings."""

    TERM = "term"
    RESOURCE = "resource"
    GUIDE = "guide"


def list_tags(db: Database, kind: str = "") -> list[Tag]:
    """The taxonomy in its editors' order, of one kind or of all."""
    with snapshot(db):
        rows = db.table("tags").rows_where("? IN ('', kind)", [kind], order_by="kind, position")
        synonyms = _synonyms(db)
        return [_tag(row, synonyms) for row in rows]


def load_tags(db: Database, tags: Iterable[Tag]) -> None:
    """Make the taxonomy that of the files; a tag that listings still carry stays."""
    incoming = list(tags)
    with transaction(db):
        put_tags(db, incoming)
        drop_other_tags(db, incoming)


def put_tags(db: Database, tags: Sequence[Tag]) -> None:
    """Add and change tags; drop none."""
    plain = [{k: v for k, v in row.items() if k not in _SYNONYMS.values()} for row in _rows(tags)]
    with transaction(db):
        _put(db, "tags", ("kind", "slug"), plain)
        synonyms = [row for tag in tags for row in _synonym_rows(tag)]
        _replace(db, "tag_synonyms", ("kind", "tag", "language", "position"), synonyms)


def drop_other_tags(db: Database, tags: Sequence[Tag]) -> None:
    """Drop the tags that are not among these and that no listing carries."""
    with transaction(db):
        db.table("tags").delete_where(
            "json_array(kind, slug) NOT IN (SELECT value FROM json_each(?))"
            " AND NOT EXISTS (SELECT 1 FROM nonprofit_tags AS used"
            " WHERE used.kind = tags.kind AND used.tag = tags.slug)",
            [json.dumps([[tag.kind, tag.slug] for tag in tags])],
        )


def list_term_mappings(db: Database) -> list[TermMapping]:
    """The term map in the order of its file."""
    with snapshot(db):
        query = "SELECT phrase, language, tags, words, weight FROM term_map ORDER BY position"
        return [_term_mapping(*row) for row in db.execute(query)]


@lru_cache(maxsize=10_000)
def _term_mapping(phrase: str, language: str, tags: str, words: str, weight: float) -> TermMapping:
    """Kept for the next read, which is after an edit of one of two thousand."""
    return TermMapping(
        phrase=phrase,
        language=language,
        tags=tuple(json.loads(tags)),
        words=tuple(json.loads(words)),
        weight=weight,
    )


def load_term_map(db: Database, mappings: Iterable[TermMapping]) -> tuple[str, ...]:
    """Make the term map that of the files; see `_load`."""
    return _load(db, LibraryKind.TERM, list(mappings))


def list_resources(db: Database) -> list[Resource]:
    """The resources in the order of their file."""
    return [_resource(row) for row in _read(db, "resources", Resource)]


def get_resource(db: Database, slug: str) -> Resource:
    """One resource.

    Raises:
        NotFound: no resource has this slug.
    """
    return _resource(_read_one(db, "resources", Resource, slug))


def load_resources(db: Database, resources: Iterable[Resource]) -> tuple[str, ...]:
    """Make the resources those of the files; see `_load`."""
    return _load(db, LibraryKind.RESOURCE, list(resources))


def list_guides(db: Database) -> list[Guide]:
    """The topic guides in the order of their file."""
    return [_guide(row) for row in _read(db, "guides", Guide)]


def get_guide(db: Database, slug: str) -> Guide:
    """One topic guide.

    Raises:
        NotFound: no guide has this slug.
    """
    return _guide(_read_one(db, "guides", Guide, slug))


def load_guides(db: Database, guides: Iterable[Guide]) -> tuple[str, ...]:
    """Make the topic guides those of the files; see `_load`."""
    return _load(db, LibraryKind.GUIDE, list(guides))


# --- One entry, whatever its kind --------------------------------------------------------


def kind_of(entry: Entry) -> LibraryKind:
    """What an entry of the library is."""
    return next(kind for kind, (_, _, model) in _TABLES.items() if isinstance(entry, model))


def key_of(entry: Entry) -> str:
    """By what an entry is known: its slug, or "language:phrase"."""
    if isinstance(entry, TermMapping):
        return f"{entry.language}:{entry.phrase}"
    return entry.slug


def find_entry(db: Database, kind: LibraryKind, key: str) -> Entry | None:
    """The entry of a kind and key, as donors have it now."""
    table, columns, _ = _TABLES[kind]
    where = " AND ".join(f"{column} = ?" for column in columns)
    with snapshot(db):
        for row in db.table(table).rows_where(where, _columns_of(kind, key)):
            return _entry(kind, row)
    return None


def put_entry(db: Database, kind: LibraryKind, before: Entry | None, after: Entry | None) -> None:
    """Put one version of an entry in the place of another; None is no entry.

    Call it inside a transaction.
    """
    table, columns, _ = _TABLES[kind]
    is_same = before is not None and after is not None and key_of(before) == key_of(after)
    if before is not None and not is_same:
        db.table(table).delete(tuple(_columns_of(kind, key_of(before))))
    if after is None:
        return
    row = _rows([after])[0]
    if is_same:
        del row["position"]
        db.table(table).update(tuple(_columns_of(kind, key_of(after))), row)
    else:
        db.table(table).upsert(row | {"position": _next_position(db, table)}, pk=columns)


def to_document(entry: Entry) -> str:
    """An entry as JSON."""
    return json.dumps(asdict(entry), ensure_ascii=False)


def from_document(kind: LibraryKind, document: str) -> Entry:
    """The entry of a document."""
    content = json.loads(document)
    return _made(kind, {k: tuple(v) if isinstance(v, list) else v for k, v in content.items()})


_TABLES: dict[LibraryKind, tuple[str, tuple[str, ...], type[Entry]]] = {
    LibraryKind.TERM: ("term_map", ("phrase", "language"), TermMapping),
    LibraryKind.RESOURCE: ("resources", ("slug",), Resource),
    LibraryKind.GUIDE: ("guides", ("slug",), Guide),
}

_FIRST_OF_STAFF = 1_000_000
"""What staff add stands behind all that a file brings: of two phrases the last one counts."""


def _columns_of(kind: LibraryKind, key: str) -> list[str]:
    if kind is not LibraryKind.TERM:
        return [key]
    language, _, phrase = key.partition(":")
    return [phrase, language]


def _next_position(db: Database, table: str) -> int:
    (last,) = db.execute(f"SELECT coalesce(max(position), 0) FROM {table}").fetchone()  # noqa: S608
    return max(int(last) + 1, _FIRST_OF_STAFF)


def _entry(kind: LibraryKind, row: Row) -> Entry:
    return _made(kind, _unpack(row, _list_fields(_TABLES[kind][2])))


def _made(kind: LibraryKind, values: Row) -> Entry:
    if kind is LibraryKind.TERM:
        return TermMapping(**values)
    return _resource(values) if kind is LibraryKind.RESOURCE else _guide(values)


def _load(db: Database, kind: LibraryKind, entries: Sequence[Entry]) -> tuple[str, ...]:
    """Make the entries of a kind those of the files, but leave alone what staff have edited.

    Returns:
        The keys of what staff have edited and the files have otherwise.
    """
    table, columns, _ = _TABLES[kind]
    with transaction(db):
        edited = _list_edited(db, kind)
        rows = [
            row
            for row, entry in zip(_rows(entries), entries, strict=True)
            if key_of(entry) not in edited
        ]
        files = {key_of(entry): entry for entry in entries}
        kept = [key for key in sorted(edited) if files.get(key) != find_entry(db, kind, key)]
        spared = {tuple(_columns_of(kind, key)) for key in edited}
        _replace(db, table, columns, rows, spared)
    return tuple(kept)


def _list_edited(db: Database, kind: LibraryKind) -> set[str]:
    """The keys that staff have edited, under their earlier names too."""
    rows = db.execute(
        "SELECT key, new_key FROM library_revisions WHERE kind = ? AND state = 'applied'",
        [kind.value],
    )
    return {key for pair in rows for key in pair}


_SYNONYMS = {"en": "synonyms_en", "es": "synonyms_es"}


def _synonym_rows(tag: Tag) -> list[Row]:
    return [
        {"kind": tag.kind, "tag": tag.slug, "language": language, "position": i, "phrase": phrase}
        for language, field in _SYNONYMS.items()
        for i, phrase in enumerate(getattr(tag, field))
    ]


def _synonyms(db: Database) -> dict[tuple[str, str, str], list[str]]:
    found = defaultdict(list)
    for row in db.table("tag_synonyms").rows_where(order_by="position"):
        found[row["kind"], row["tag"], row["language"]].append(row["phrase"])
    return found


def _tag(row: Row, synonyms: dict[tuple[str, str, str], list[str]]) -> Tag:
    del row["position"]
    spoken = {
        field: tuple(synonyms.get((row["kind"], row["slug"], language), ()))
        for language, field in _SYNONYMS.items()
    }
    return Tag(**row | spoken)


def _resource(row: Row) -> Resource:
    return Resource(**row | {"title_confirmed": bool(row["title_confirmed"])})


def _guide(row: Row) -> Guide:
    return Guide(**row | {"key_facts": tuple(KeyFact(**fact) for fact in row["key_facts"])})


def _rows(models: Iterable[Model]) -> list[Row]:
    """Rows of plain models: lists as JSON text, and the place in the file as `position`."""
    return [
        {field.name: _cell(getattr(model, field.name)) for field in fields(model)} | {"position": i}
        for i, model in enumerate(models)
    ]


def _cell(value: object) -> object:
    if isinstance(value, tuple):
        return json.dumps(value, default=asdict, ensure_ascii=False)
    return value


def _read(db: Database, table: str, model: type[Model]) -> list[Row]:
    with snapshot(db):
        rows = db.table(table).rows_where(order_by="position")
        lists = _list_fields(model)
        return [_unpack(row, lists) for row in rows]


def _read_one(db: Database, table: str, model: type[Model], slug: str) -> Row:
    with snapshot(db):
        for row in db.table(table).rows_where("slug = ?", [slug]):
            return _unpack(row, _list_fields(model))
    raise NotFound(f"Nothing called {slug!r} in {table}.")


def _list_fields(model: type[Model]) -> set[str]:
    return {field.name for field in fields(model) if str(field.type).startswith("tuple")}


def _unpack(row: Row, lists: Set[str]) -> Row:
    return {
        name: tuple(json.loads(value)) if name in lists else value
        for name, value in row.items()
        if name != "position"
    }


def _replace(
    db: Database,
    table: str,
    key: tuple[str, ...],
    rows: Sequence[Row],
    spared: Set[tuple[str, ...]] = frozenset(),
) -> None:
    """Make a table hold exactly these rows and the spared ones, and touch only what differs."""
    kept = {tuple(row[name] for name in key) for row in rows} | spared
    stored = [tuple(row[name] for name in key) for row in db.table(table).rows]
    for gone in (values for values in stored if values not in kept):
        db.table(table).delete(gone)
    _put(db, table, key, rows)


def _put(db: Database, table: str, key: tuple[str, ...], rows: Sequence[Row]) -> None:
    """Add or change rows, and touch only those that differ."""
    if len({tuple(row[name] for name in key) for row in rows}) < len(rows):
        raise StorageError(f"Two rows for {table} have the same {' and '.join(key)}.")
    stored = {tuple(row[name] for name in key): row for row in db.table(table).rows}
    changed = [row for row in rows if stored.get(tuple(row[name] for name in key)) != row]
    db.table(table).upsert_all(changed, pk=key)
