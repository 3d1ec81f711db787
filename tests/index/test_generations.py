import json
import os
import shutil
import subprocess
import threading
import time
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from dataclasses import fields, is_dataclass, replace
from pathlib import Path

import numpy as np
import pytest

from recommender.errors import IndexDamaged, IndexNotReady
from recommender.index import (
    BuildInputs,
    Index,
    build_index,
    current_generation,
    find_previous,
    generations,
    is_publishing,
    is_rejected,
    list_generations,
    load_current,
    load_generation,
    publish_generation,
    publishing,
    read_cards,
    read_manifest,
    return_to,
    verify_generation,
    write_generation,
)
from recommender.models import DonorProfile, Nonprofit, SearchQuery
from recommender.pipeline import recommend, search, similar


@pytest.fixture(scope="module")
def written(index: Index, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A folder with one published generation, not to be changed."""
    root = tmp_path_factory.mktemp("written")
    publish_generation(root, write_generation(index, root))
    return root


@pytest.fixture
def root(written: Path, tmp_path: Path) -> Path:
    """A copy of it that may be."""
    return Path(shutil.copytree(written, tmp_path / "index"))


def publish_new(index: Index, root: Path) -> str:
    generation = write_generation(index, root)
    publish_generation(root, generation)
    return generation


def roll_back(root: Path) -> str:
    """Serve the generation before the one that serves."""
    earlier = find_previous(root)
    return_to(root, earlier)
    return earlier


def flip(file: Path, at: int = -1) -> None:
    content = bytearray(file.read_bytes())
    content[at] ^= 1
    file.write_bytes(bytes(content))


def parts(value: object) -> dict[str, object]:
    """The fields of a structure, or the value itself."""
    if not is_dataclass(value):
        return {"": value}
    return {field.name: getattr(value, field.name) for field in fields(value)}


def test_a_loaded_index_equals_the_one_written(index: Index, written: Path) -> None:
    loaded = load_current(written)
    for name in {field.name for field in fields(Index)} - {"generation", "manifest"}:
        before, after = parts(getattr(index, name)), parts(getattr(loaded, name))
        assert before.keys() == after.keys()
        for part, value in before.items():
            if isinstance(value, np.ndarray):
                assert value.dtype == after[part].dtype
                assert np.array_equal(value, after[part], equal_nan=True), (name, part)
            else:
                assert value == after[part], (name, part)


def test_a_loaded_index_gives_the_same_answers(index: Index, written: Path) -> None:
    loaded = load_current(written)
    for text in ("asylum lawyers", "clases de inglés para refugiados", "zzz", ""):
        profile = DonorProfile(text=text)
        answer = recommend(profile, loaded)
        assert answer.generation == current_generation(written)
        assert replace(answer, generation="") == recommend(profile, index)
        page = search(SearchQuery(text=text), loaded)
        assert replace(page, generation="") == search(SearchQuery(text=text), index)
    for slug in index.slugs:
        assert similar(slug, loaded) == similar(slug, index)


def test_mapped_arrays_cannot_be_written(written: Path) -> None:
    with pytest.raises(ValueError, match="read-only"):
        load_current(written).idf[0] = 1


def test_the_manifest_tells_what_was_built(index: Index, written: Path) -> None:
    manifest = verify_generation(written, current_generation(written))
    assert manifest["n_docs"] == len(index)
    assert manifest["catalog_revision"] == 0
    files = {file.name for file in (written / current_generation(written)).iterdir()}
    assert manifest["checksums"].keys() == files - {generations.MANIFEST}


def test_nothing_on_disk_is_pickled(written: Path) -> None:
    suffixes = {file.suffix for file in (written / current_generation(written)).iterdir()}
    assert suffixes == {".npy", ".json"}


def test_arrays_of_objects_are_not_written(index: Index, tmp_path: Path) -> None:
    poisoned = replace(index, idf=np.array([{}], dtype=object))
    with pytest.raises(ValueError, match="Object arrays"):
        write_generation(poisoned, tmp_path)
    assert list(tmp_path.iterdir()) == []


def test_arrays_of_objects_are_not_read(root: Path) -> None:
    generation = current_generation(root)
    np.save(root / generation / "idf.npy", np.array([{}], dtype=object), allow_pickle=True)
    manifest = json.loads((root / generation / generations.MANIFEST).read_text())
    manifest["checksums"]["idf.npy"] = generations._checksum(root / generation / "idf.npy")
    (root / generation / generations.MANIFEST).write_text(json.dumps(manifest))
    seal = generations._checksum(root / generation / generations.MANIFEST)[:12]
    resealed = f"{generation.partition('-')[0]}-{seal}"
    (root / generation).rename(root / resealed)
    verify_generation(root, resealed)
    with pytest.raises(IndexDamaged, match="Python objects"):
        load_generation(root, resealed)


def test_one_flipped_bit_in_any_file_is_noticed(root: Path) -> None:
    generation = current_generation(root)
    for file in (root / generation).iterdir():
        for at in (0, file.stat().st_size // 2, -1):
            flip(file, at)
            with pytest.raises(IndexDamaged):
                verify_generation(root, generation)
            flip(file, at)
    verify_generation(root, generation)


def test_one_missing_or_cut_file_is_noticed(root: Path) -> None:
    generation = current_generation(root)
    for file in (root / generation).iterdir():
        content = file.read_bytes()
        file.write_bytes(content[:-1])
        with pytest.raises(IndexDamaged):
            verify_generation(root, generation)
        file.unlink()
        with pytest.raises(IndexDamaged):
            verify_generation(root, generation)
        file.write_bytes(content)
    verify_generation(root, generation)


@pytest.mark.parametrize("name", ["idf.npy", "slugs.json", "cards.blob.npy", "manifest.json"])
def test_the_last_good_generation_serves_when_the_current_is_damaged(
    index: Index, root: Path, name: str
) -> None:
    first = current_generation(root)
    second, third = publish_new(index, root), publish_new(index, root)
    flip(root / third / name)
    assert load_current(root).generation == second
    (root / second / name).unlink()
    assert load_current(root).generation == first


def test_a_newer_generation_serves_when_no_older_one_can(index: Index, root: Path) -> None:
    first, second = current_generation(root), publish_new(index, root)
    roll_back(root)
    flip(root / first / "idf.npy")
    assert load_current(root).generation == second


def test_a_generation_whose_folder_is_gone_is_passed_over(index: Index, root: Path) -> None:
    first, second = current_generation(root), publish_new(index, root)
    shutil.rmtree(root / second)
    assert load_current(root).generation == first


@pytest.mark.parametrize("content", [b"", b"nonsense", b"\xff\xfe\x00", b"../elsewhere"])
def test_a_garbled_pointer_leads_to_the_newest_generation(root: Path, content: bytes) -> None:
    only = current_generation(root)
    (root / generations.POINTER).write_bytes(content)
    assert load_current(root).generation == only


def test_damage_is_told_when_nothing_is_intact(root: Path) -> None:
    flip(root / current_generation(root) / "idf.npy")
    with pytest.raises(IndexDamaged, match=r"idf\.npy"):
        load_current(root)


def test_there_is_no_index_before_the_first_is_published(index: Index, tmp_path: Path) -> None:
    for _ in range(2):
        with pytest.raises(IndexNotReady, match="make index"):
            load_current(tmp_path)
        write_generation(index, tmp_path)


@pytest.mark.parametrize("version", ["ANALYSIS_VERSION", "FORMAT_VERSION"])
def test_an_index_of_another_version_is_refused(
    root: Path, version: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(generations, version, "other")
    with pytest.raises(IndexDamaged, match="make index"):
        load_current(root)


def test_names_sort_by_age(index: Index, root: Path) -> None:
    names = [current_generation(root)] + [write_generation(index, root) for _ in range(4)]
    assert list_generations(root) == names
    assert len(set(names)) == 5


def test_a_write_that_fails_leaves_nothing_behind(
    index: Index, root: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    def full(*_: object, **__: object) -> None:
        raise OSError("No space left on device")

    before = sorted(root.iterdir())
    monkeypatch.setattr(np, "save", full)
    with pytest.raises(OSError, match="No space"):
        write_generation(index, root)
    assert sorted(root.iterdir()) == before


def test_a_pointer_that_cannot_be_written_stays_as_it_was(
    index: Index, root: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    first = current_generation(root)
    second = write_generation(index, root)

    def full(_: Path) -> None:
        raise OSError("No space left on device")

    monkeypatch.setattr(generations, "_sync_file", full)
    with pytest.raises(OSError, match="No space"):
        publish_generation(root, second)
    assert current_generation(root) == first
    assert {path.name for path in root.iterdir()} == {first, second, generations.POINTER}


def test_rolling_back_goes_one_step_at_a_time(index: Index, root: Path) -> None:
    first, second = current_generation(root), publish_new(index, root)
    publish_new(index, root)
    assert roll_back(root) == second
    assert load_current(root).generation == second
    assert roll_back(root) == first
    with pytest.raises(IndexNotReady, match="older"):
        roll_back(root)
    assert current_generation(root) == first


def test_a_generation_gone_back_from_is_never_gone_back_to(index: Index, root: Path) -> None:
    first, _ = current_generation(root), publish_new(index, root)
    assert roll_back(root) == first
    publish_new(index, root)
    assert roll_back(root) == first


def test_what_was_gone_back_from_can_serve_again(index: Index, root: Path) -> None:
    first, second = current_generation(root), publish_new(index, root)
    third = publish_new(index, root)
    return_to(root, first)
    assert [is_rejected(root, name) for name in (first, second, third)] == [False, True, True]
    return_to(root, third)
    assert current_generation(root) == third
    assert not is_rejected(root, third)
    assert find_previous(root) == first


def test_the_cards_of_a_generation_are_read_as_they_are(index: Index, written: Path) -> None:
    cards = read_cards(written, current_generation(written))
    assert list(cards) == index.slugs
    assert json.loads(cards[index.slugs[3]])["name"] == index.nonprofit(3).name
    assert b"".join(cards.values()) == index.cards.blob.tobytes()


@pytest.mark.parametrize("read", [read_cards, read_manifest])
def test_what_cannot_be_read_is_damaged(root: Path, read: Callable[[Path, str], object]) -> None:
    for file in (root / current_generation(root)).iterdir():
        file.write_bytes(b"\xff")
    for name in (current_generation(root), "nowhere"):
        with pytest.raises(IndexDamaged):
            read(root, name)


def test_whether_somebody_publishes(tmp_path: Path, root: Path) -> None:
    assert not is_publishing(tmp_path / "nowhere")
    with publishing(root):
        assert is_publishing(root)
    assert not is_publishing(root)
    assert not is_publishing(root)


def test_one_publishes_at_a_time(root: Path) -> None:
    with publishing(root):
        held = subprocess.run(["flock", "--nonblock", str(root / ".lock"), "true"], check=False)
    free = subprocess.run(["flock", "--nonblock", str(root / ".lock"), "true"], check=False)
    assert (held.returncode, free.returncode) == (1, 0)


def test_rolling_back_to_a_damaged_generation_changes_nothing(index: Index, root: Path) -> None:
    first, second = current_generation(root), publish_new(index, root)
    flip(root / first / "idf.npy")
    with pytest.raises(IndexDamaged):
        roll_back(root)
    assert current_generation(root) == second


def test_old_generations_are_dropped_but_never_the_current(index: Index, root: Path) -> None:
    names = [current_generation(root), *(write_generation(index, root) for _ in range(6))]
    publish_generation(root, names[0])
    assert list_generations(root) == [names[0], *names[-generations.KEPT_GENERATIONS + 1 :]]
    assert load_current(root).generation == names[0]


def test_what_a_killed_build_left_is_dropped_in_time(index: Index, root: Path) -> None:
    old, young = root / ".old.partial", root / ".young.partial"
    old.mkdir()
    young.mkdir()
    long_ago = time.time() - generations.ABANDONED_AFTER_S - 60
    os.utime(old, (long_ago, long_ago))
    publish_new(index, root)
    assert not old.exists()
    assert young.exists()


def test_a_reader_during_publishing_sees_whole_generations(
    index: Index, root: Path, make_nonprofit: Callable[..., Nonprofit]
) -> None:
    other = build_index(BuildInputs(nonprofits=[make_nonprofit("Only One")]))
    done = threading.Event()

    def read() -> set[int]:
        sizes = set()
        while not done.is_set():
            loaded = load_current(root)
            assert len(loaded) == len(loaded.cards) == len(loaded.families)
            assert loaded.nonprofit(0).slug == loaded.slugs[0]
            sizes.add(len(loaded))
        return sizes

    with ThreadPoolExecutor() as pool:
        reading = pool.submit(read)
        for turn in range(12):
            publish_new((other, index)[turn % 2], root)
        done.set()
        assert reading.result() <= {1, len(index)}


def test_an_index_that_serves_outlives_its_files(index: Index, root: Path) -> None:
    loaded = load_current(root)
    shutil.rmtree(root)
    profile = DonorProfile(text="asylum lawyers")
    assert recommend(profile, loaded).matches == recommend(profile, index).matches


def test_a_catalogue_without_places_can_be_written(
    tmp_path: Path, make_nonprofit: Callable[..., Nonprofit]
) -> None:
    bare = build_index(BuildInputs(nonprofits=[make_nonprofit("Alpha", services=())]))
    publish_new(bare, tmp_path)
    assert len(load_current(tmp_path)) == 1
