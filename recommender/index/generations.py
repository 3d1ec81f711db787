"""Generations on disk: written aside, checked, then made current by one rename.

A generation is a directory of `.npy` files (memory-mapped, shared by all workers), JSON
files and a `manifest.json` that is written last and holds the checksum of every other
file; its own ends the generation's name, which begins with the time, so that names sort
by age. The file `current` names the generation that serves. Nothing is ever pickled.
"""

from __future__ import annotations

import fcntl
import hashlib
import json
import os
import shutil
import time
from collections.abc import Iterator, Mapping, Set
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import numpy as np

from recommender.errors import IndexDamaged, IndexNotReady
from recommender.index.arrays import Floats, GramIndex, Ints, Postings
from recommender.index.model import Cards, Index, Meaning, PlaceArrays
from recommender.text import ANALYSIS_VERSION

FORMAT_VERSION = 4
KEPT_GENERATIONS = 5
ABANDONED_AFTER_S = 3600
SYNCED_AT_ONCE = 4
POINTER = "current"
MANIFEST = "manifest.json"
REJECTED = "rejected"
LOCK = ".lock"

_LISTS = ("surfaces_en", "surfaces_es", "slugs", "tag_names", "name_strings", "lexicon")
_ARRAYS = (
    "counterparts",
    "idf",
    "neighbours",
    "similarities",
    "revenue_usd",
    "lengths",
    "described",
    "families",
    "name_rows",
)
_POSTINGS = ("postings", "documents", "tag_postings")
_POSTINGS_PARTS = ("indptr", "columns", "weights")
_GRAMS = ("name_grams", "lexicon_grams")
_GRAMS_PARTS = ("indptr", "strings", "sizes")


def write_generation(index: Index, root: Path) -> str:
    """Write an index into a new directory below `root`, fsynced; it does not serve yet."""
    root.mkdir(parents=True, exist_ok=True)
    seconds, nanoseconds = divmod(time.time_ns(), 10**9)
    started = f"{time.strftime('%Y%m%dT%H%M%S', time.gmtime(seconds))}{nanoseconds:09d}"
    directory = root / f".{started}-{os.urandom(3).hex()}.partial"
    directory.mkdir()
    try:
        for name, array in _arrays(index).items():
            np.save(directory / f"{name}.npy", array, allow_pickle=False)
        for name, value in _documents(index).items():
            (directory / f"{name}.json").write_text(json.dumps(value, ensure_ascii=False))
        manifest = {
            **index.manifest,
            "format_version": FORMAT_VERSION,
            "analysis_version": ANALYSIS_VERSION,
            "built_at": time.strftime("%Y-%m-%dT%H:%M:%SZ", time.gmtime()),
            "checksums": {file.name: _checksum(file) for file in sorted(directory.iterdir())},
        }
        (directory / MANIFEST).write_text(json.dumps(manifest, indent=1))
        _sync(directory)
        generation = f"{started}-{_checksum(directory / MANIFEST)[:12]}"
        directory.rename(root / generation)
    except BaseException:
        shutil.rmtree(directory, ignore_errors=True)
        raise
    return generation


def publish_generation(root: Path, generation: str) -> None:
    """Make a generation the one that serves, atomically, and drop the oldest others."""
    pending = root / f".{POINTER}.{generation}"
    try:
        pending.write_text(generation)
        _sync_file(pending)
        pending.replace(root / POINTER)
    finally:
        pending.unlink(missing_ok=True)
    _sync_file(root)
    _prune(root, keep=generation)


def drop_holding(root: Path, slugs: Set[str]) -> list[str]:
    """Delete every generation that holds one of these listings, but for the one that serves.

    One that cannot be read is taken to hold them. Returns the names of those that are gone.
    """
    serving = current_generation(root)
    others = [name for name in list_generations(root) if slugs and name != serving]
    gone = [name for name in others if not slugs.isdisjoint(_read_slugs(root / name, slugs))]
    for name in gone:
        shutil.rmtree(root / name)
    return gone


def _read_slugs(directory: Path, default: Set[str]) -> Set[str]:
    try:
        return set(json.loads((directory / "slugs.json").read_text()))
    except (OSError, ValueError):
        return default


def current_generation(root: Path) -> str:
    """The name of the generation that serves.

    Raises:
        IndexNotReady: nothing was published yet.
    """
    try:
        return (root / POINTER).read_text(errors="replace").strip()
    except FileNotFoundError as error:
        raise IndexNotReady("No index is published: run `make index`.") from error


def list_generations(root: Path) -> list[str]:
    """Every complete generation, oldest first."""
    return sorted(path.parent.name for path in root.glob(f"[0-9]*/{MANIFEST}"))


def find_previous(root: Path) -> str:
    """The newest generation before the one that serves, of those nobody has gone back from.

    Raises:
        IndexNotReady: there is none.
    """
    current = current_generation(root)
    older = [name for name in list_generations(root) if name < current]
    kept = [name for name in older if not is_rejected(root, name)]
    if not kept:
        raise IndexNotReady("There is no older generation to go back to.")
    return kept[-1]


def is_rejected(root: Path, generation: str) -> bool:
    """Whether somebody has gone back from a generation, and not to it since."""
    return (root / generation / REJECTED).exists()


def return_to(root: Path, generation: str) -> None:
    """Serve a generation that is kept; from then on nobody goes back to those after it.

    Raises:
        IndexDamaged: it is not whole, or not of this version; nothing changed.
    """
    verify_generation(root, generation)
    for name in list_generations(root):
        if generation < name <= current_generation(root):
            (root / name / REJECTED).touch()
    (root / generation / REJECTED).unlink(missing_ok=True)
    publish_generation(root, generation)


@contextmanager
def publishing(root: Path) -> Iterator[None]:
    """Hold the one right to publish below `root`, so that the newest catalogue wins.

    Whoever waits here reads the catalogue only afterwards.
    """
    root.mkdir(parents=True, exist_ok=True)
    with (root / LOCK).open("w") as lock:
        fcntl.flock(lock, fcntl.LOCK_EX)
        yield


def is_publishing(root: Path) -> bool:
    """Whether any process is publishing at this moment."""
    if not (root / LOCK).exists():
        return False
    with (root / LOCK).open("w") as lock:
        try:
            # The lock is given back when the file is closed.
            fcntl.flock(lock, fcntl.LOCK_SH | fcntl.LOCK_NB)
        except BlockingIOError:
            return True
    return False


def verify_generation(root: Path, generation: str) -> Mapping[str, Any]:
    """Check every file against the manifest, which is returned.

    Raises:
        IndexDamaged: a file is missing or altered, or the versions do not fit this code.
    """
    directory = root / generation
    try:
        if not _checksum(directory / MANIFEST).startswith(generation.rpartition("-")[2]):
            raise ValueError("its manifest was altered")
        manifest: dict[str, Any] = json.loads((directory / MANIFEST).read_text())
        versions = (manifest["format_version"], manifest["analysis_version"])
        damaged = [
            name
            for name, checksum in manifest["checksums"].items()
            if _checksum(directory / name) != checksum
        ]
    except (OSError, ValueError, KeyError) as error:
        raise IndexDamaged(f"Generation {generation} cannot be read: {error}") from error
    if versions != (FORMAT_VERSION, ANALYSIS_VERSION):
        raise IndexDamaged(f"Generation {generation} is of version {versions}: run `make index`.")
    if damaged:
        raise IndexDamaged(f"Generation {generation} is damaged: {', '.join(damaged)}")
    return manifest


def read_manifest(root: Path, generation: str) -> Mapping[str, Any]:
    """What a generation says of itself, without a look at its files.

    Raises:
        IndexDamaged: it says nothing that can be read.
    """
    try:
        manifest: dict[str, Any] = json.loads((root / generation / MANIFEST).read_text())
    except (OSError, ValueError) as error:
        raise IndexDamaged(f"Generation {generation} cannot be read: {error}") from error
    return manifest


def read_cards(root: Path, generation: str) -> dict[str, bytes]:
    """The public fields of every listing of a generation as its files have them, by slug.

    Raises:
        IndexDamaged: they cannot be read.
    """
    directory = root / generation
    try:
        slugs = json.loads((directory / "slugs.json").read_text())
        offsets, blob = (
            np.load(directory / f"cards.{name}.npy", allow_pickle=False)
            for name in ("offsets", "blob")
        )
    except (OSError, ValueError) as error:
        raise IndexDamaged(f"Generation {generation} cannot be read: {error}") from error
    content = blob.tobytes()
    ends = offsets.tolist()
    return {slug: content[ends[row] : ends[row + 1]] for row, slug in enumerate(slugs)}


def read_neighbours(root: Path, generation: str) -> tuple[Postings, Ints, Floats]:
    """The documents of a generation, their neighbours, and how similar those are.

    Raises:
        IndexDamaged: they cannot be read, are altered, or not of this version.
    """
    names = (*(f"documents.{part}" for part in _POSTINGS_PARTS), "neighbours", "similarities")
    files = {name: root / generation / f"{name}.npy" for name in names}
    manifest = read_manifest(root, generation)
    try:
        versions = (manifest["format_version"], manifest["analysis_version"])
        if versions != (FORMAT_VERSION, ANALYSIS_VERSION):
            raise ValueError("it is of another version")
        if any(_checksum(file) != manifest["checksums"][file.name] for file in files.values()):
            raise ValueError("it is damaged")
        array = {name: np.load(file, allow_pickle=False) for name, file in files.items()}
    except (OSError, ValueError, KeyError) as error:
        raise IndexDamaged(f"Generation {generation} cannot be read: {error}") from error
    return _load_postings("documents", array), array["neighbours"], array["similarities"]


def load_current(root: Path) -> Index:
    """Load the generation that serves; a damaged one is passed over for the last good one.

    The last good one is the newest before it, or any that is left.

    Raises:
        IndexNotReady: nothing was published yet.
        IndexDamaged: no generation is intact.
    """
    current = current_generation(root)
    others = [name for name in list_generations(root) if name != current]
    others.sort(key=lambda name: (name < current, name), reverse=True)
    damage: IndexDamaged | None = None
    for generation in (current, *others):
        try:
            return load_generation(root, generation)
        except IndexDamaged as error:
            damage = damage or error
    if current != current_generation(root):
        # It was not damaged, but dropped, because newer ones came while it was read.
        return load_current(root)
    raise damage or IndexNotReady("No index is published: run `make index`.")


def load_generation(root: Path, generation: str) -> Index:
    """Verify and memory-map one generation.

    Raises:
        IndexDamaged: see `verify_generation`.
    """
    manifest = verify_generation(root, generation)
    try:
        return _read_generation(root / generation, manifest)
    except (OSError, ValueError, KeyError) as error:
        raise IndexDamaged(f"Generation {generation} cannot be read: {error}") from error


def _read_generation(directory: Path, manifest: Mapping[str, Any]) -> Index:
    array = {
        # A plain view: slicing numpy's memmap class costs ten times as much.
        path.stem: np.asarray(np.load(path, mmap_mode="r", allow_pickle=False))
        for path in directory.glob("*.npy")
    }
    read = {path.stem: json.loads(path.read_text()) for path in directory.glob("*.json")}
    parts: dict[str, Any] = {name: read[name] for name in _LISTS}
    parts |= {name: array[name] for name in _ARRAYS}
    parts |= {name: _load_postings(name, array) for name in _POSTINGS}
    parts |= {name: _load_grams(name, array, read) for name in _GRAMS}
    return Index(
        generation=directory.name,
        manifest=manifest,
        vocabulary={term: i for i, term in enumerate(read["vocabulary"])},
        field_lengths=read["field_lengths"],
        tag_texts={
            tag: (english, spanish) for tag, (english, spanish) in read["tag_texts"].items()
        },
        phrases={
            key: tuple(
                Meaning(tags=tuple(m["tags"]), words=tuple(m["words"]), weight=m["weight"])
                for m in meanings
            )
            for key, meanings in read["phrases"].items()
        },
        places=PlaceArrays(**{name: array[f"places.{name}"] for name in _place_names()}),
        cards=Cards(array["cards.offsets"], array["cards.blob"]),
        **parts,
    )


def _place_names() -> list[str]:
    return list(PlaceArrays.__dataclass_fields__)


def _arrays(index: Index) -> dict[str, np.ndarray[Any, Any]]:
    arrays: dict[str, np.ndarray[Any, Any]] = {name: getattr(index, name) for name in _ARRAYS}
    for name in _POSTINGS:
        arrays |= {f"{name}.{k}": getattr(getattr(index, name), k) for k in _POSTINGS_PARTS}
    for name in _GRAMS:
        grams: GramIndex = getattr(index, name)
        arrays |= {f"{name}.{k}": getattr(grams, k) for k in _GRAMS_PARTS}
    arrays |= {f"places.{name}": getattr(index.places, name) for name in _place_names()}
    return arrays | {"cards.offsets": index.cards.offsets, "cards.blob": index.cards.blob}


def _documents(index: Index) -> dict[str, Any]:
    documents: dict[str, Any] = {name: getattr(index, name) for name in _LISTS}
    documents |= {name: list(getattr(index, name).grams) for name in _GRAMS}
    documents |= {name: dict(getattr(index, name)) for name in ("field_lengths", "tag_texts")}
    documents["vocabulary"] = sorted(index.vocabulary, key=index.vocabulary.__getitem__)
    documents["phrases"] = {
        # `asdict` copies every value by itself, and was half of writing a generation.
        key: [vars(meaning) for meaning in meanings]
        for key, meanings in index.phrases.items()
    }
    return documents


def _load_postings(name: str, array: Mapping[str, Any]) -> Postings:
    return Postings(*(array[f"{name}.{part}"] for part in _POSTINGS_PARTS))


def _load_grams(name: str, array: Mapping[str, Any], read: Mapping[str, Any]) -> GramIndex:
    grams = {gram: i for i, gram in enumerate(read[name])}
    return GramIndex(grams, *(array[f"{name}.{part}"] for part in _GRAMS_PARTS))


def _checksum(file: Path) -> str:
    with file.open("rb") as stream:
        return hashlib.file_digest(stream, "sha256").hexdigest()


def _sync(directory: Path) -> None:
    # The disk writes what several ask for at once together: 53 files in 16 ms, not in 120.
    with ThreadPoolExecutor(SYNCED_AT_ONCE) as pool:
        list(pool.map(_sync_file, directory.iterdir()))
    _sync_file(directory)


def _sync_file(path: Path) -> None:
    descriptor = os.open(path, os.O_RDONLY)
    try:
        os.fsync(descriptor)
    finally:
        os.close(descriptor)


def _prune(root: Path, keep: str) -> None:
    spare = [name for name in list_generations(root) if name != keep][: -KEPT_GENERATIONS + 1]
    for name in spare:
        shutil.rmtree(root / name)
    for partial in root.glob(".*.partial"):
        if partial.stat().st_mtime < time.time() - ABANDONED_AFTER_S:
            shutil.rmtree(partial)
