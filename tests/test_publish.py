import errno
import json
import subprocess
import sys
from collections.abc import Callable, Sequence
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest
import zipcodes
from sqlite_utils import Database

from recommender import publish as publishing
from recommender.config import Settings
from recommender.errors import IndexDamaged, InvalidAction
from recommender.index import (
    current_generation,
    find_previous,
    list_generations,
    load_current,
    publish_generation,
    read_manifest,
    verify_generation,
)
from recommender.index.arrays import Floats, Ints
from recommender.index.counts import Counts, Recount, count_block
from recommender.index.neighbours import Units, find_all
from recommender.models import Nonprofit, Status, Tag, TermMapping, Visibility
from recommender.publish import (
    has_gazetteer,
    is_published,
    list_exposed,
    open_gazetteer,
    publish,
    publish_if_due,
    read_inputs,
    serve_again,
    warm_up,
)
from recommender.store.catalog import get_catalog_revision, load_nonprofits
from recommender.store.library import load_term_map
from recommender.store.listings import ListingReader, set_status
from recommender.store.publications import (
    ChangedListing,
    Changes,
    Publication,
    PublicationKind,
    PublicationState,
    find_hold,
    find_last_publication,
    get_publication,
)
from tests.small_world import NO_ALIASES, zip_records

ANSWERED = {
    "id": "lawyers",
    "kind": "match",
    "text": "asylum lawyers",
    "place": "Brownsville, TX",
    "language": "en",
    "expect": {"in_top": {"slugs": ["test-border-lawyers"], "n": 1, "at_least": 1}},
}
FAILING: dict[str, Any] = ANSWERED | {"id": "odd", "expect": {"no_close_match": True}}


@pytest.fixture
def settings(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Settings:
    """A data folder with one golden query, in a world of few places."""
    monkeypatch.setattr(zipcodes, "list_all", zip_records)
    data = tmp_path / "data"
    data.mkdir()
    (data / "places.json").write_text(json.dumps(NO_ALIASES))
    settings = Settings(instance=tmp_path / "instance", data=data, secret_key="test-key " * 8)
    ask_for(settings, ANSWERED)
    return settings


def ask_for(settings: Settings, *queries: dict[str, Any]) -> None:
    (settings.data / "golden_queries.json").write_text(json.dumps(queries))


def files(root: Path) -> set[str]:
    return {str(path.relative_to(root)) for path in root.rglob("*")}


def publish_rightly(db: Database, settings: Settings) -> Publication:
    """A publication that must succeed."""
    done = publish(db, settings)
    assert done.state is PublicationState.PUBLISHED, done
    return done


def test_what_is_published_serves(
    loaded: Database, settings: Settings, catalogue: tuple[Nonprofit, ...]
) -> None:
    done = publish_rightly(loaded, settings)
    served = load_current(settings.index)
    assert served.generation == done.generation
    assert (len(served), done.n_queries) == (len(catalogue), 1) == (done.n_listings, 1)
    assert done.seconds > 0
    assert served.manifest["catalog_revision"] == get_catalog_revision(loaded)
    assert set(served.slugs) == {listing.slug for listing in catalogue}
    assert get_publication(loaded, done.id) == done


def test_the_inputs_are_all_of_the_catalogue(
    loaded: Database, catalogue: tuple[Nonprofit, ...], taxonomy: tuple[Tag, ...]
) -> None:
    inputs = read_inputs(loaded)
    assert [listing.slug for listing in inputs.nonprofits] == sorted(n.slug for n in catalogue)
    assert {tag.slug for tag in inputs.tags} == {tag.slug for tag in taxonomy}
    assert inputs.catalog_revision == get_catalog_revision(loaded) > 0


def test_what_is_not_public_is_not_built_in(loaded: Database, settings: Settings) -> None:
    set_status(loaded, "test-houston-clinic", Status.WITHDRAWN)
    publish_rightly(loaded, settings)
    assert "test-houston-clinic" not in load_current(settings.index).slugs


def test_progress_is_told(loaded: Database, settings: Settings) -> None:
    stages: list[str] = []
    publish(loaded, settings, progress=lambda stage, *_: stages.append(stage))
    expected = ["words", "neighbours", "lists", "questions", "files"]
    assert list(dict.fromkeys(stages)) == expected


def test_a_golden_query_that_fails_leaves_what_serves(loaded: Database, settings: Settings) -> None:
    first = publish_rightly(loaded, settings)
    before = files(settings.index)
    ask_for(settings, ANSWERED, FAILING)
    done = publish(loaded, settings)
    assert (done.state, done.n_queries) == (PublicationState.REFUSED, 2)
    assert (done.previous, done.generation) == (first.generation, "")
    (failure,) = done.failures
    assert vars(failure) == {
        "query_id": "odd",
        "expected": "no close match",
        "found": "a close match",
    }
    assert done.reason == "1 golden expectations are not met."
    assert get_publication(loaded, done.id) == done
    assert files(settings.index) == before


@pytest.mark.parametrize(
    "queries", [[{"id": "a"}], [ANSWERED | {"expect": {"no_such": 1}}], ["text"]]
)
def test_golden_queries_that_cannot_be_read_leave_what_serves(
    loaded: Database, settings: Settings, queries: list[Any]
) -> None:
    publish_rightly(loaded, settings)
    before = files(settings.index)
    ask_for(settings, *queries)
    done = publish(loaded, settings)
    assert done.state is PublicationState.FAILED
    assert "golden_queries.json" in done.reason
    assert files(settings.index) == before


def full(*_: object, **__: object) -> None:
    raise OSError(errno.ENOSPC, "No space left on device")


def odd(*_: object, **__: object) -> None:
    raise KeyError("what a donor typed")


@pytest.mark.parametrize(
    "step", ["build_index", "check_golden", "write_generation", "publish_generation"]
)
@pytest.mark.parametrize(
    ("breaks", "reason"),
    [(full, "No space left on device"), (odd, "An unexpected error (KeyError); the server's log")],
)
def test_a_publish_that_breaks_leaves_what_serves(
    loaded: Database,
    settings: Settings,
    step: str,
    breaks: Callable[..., None],
    reason: str,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    first = publish_rightly(loaded, settings)
    before = files(settings.index)
    with monkeypatch.context() as patch:
        patch.setattr(publishing, step, breaks)
        done = publish(loaded, settings)
    assert done.state is PublicationState.FAILED
    assert done.reason.startswith(reason)
    assert get_publication(loaded, done.id) == done
    if step != "publish_generation":
        assert files(settings.index) == before
    assert load_current(settings.index).generation == first.generation
    assert publish_rightly(loaded, settings).generation == current_generation(settings.index)


def test_an_empty_catalogue_is_refused(db: Database, settings: Settings) -> None:
    done = publish(db, settings)
    assert done.state is PublicationState.REFUSED
    assert "empty" in done.reason
    assert list_generations(settings.index) == []


# --- What changed ------------------------------------------------------------------------


def test_a_first_publication_adds_all(loaded: Database, settings: Settings) -> None:
    done = publish_rightly(loaded, settings)
    assert (done.changes.n_added, done.changes.n_left, done.changes.n_changed) == (12, 0, 0)
    assert done.changes.added[0] == "test-ayuda-san-juan"


def test_what_changed_is_told_listing_by_listing(
    loaded: Database, settings: Settings, catalogue: tuple[Nonprofit, ...]
) -> None:
    publish_rightly(loaded, settings)
    changed = replace(catalogue[0], name="Test Renamed", serves="Everywhere", notes="Not shown.")
    noted = replace(catalogue[1], notes="Only for staff.")
    extra = replace(catalogue[2], slug="test-extra")
    load_nonprofits(loaded, [changed, noted, extra, *catalogue[3:]])
    changes = publish_rightly(loaded, settings).changes
    assert changes == Changes(
        n_added=1,
        n_left=1,
        n_changed=1,
        added=("test-extra",),
        left=("test-houston-clinic",),
        changed=(ChangedListing(slug="test-legal-help-los-angeles", fields=("name", "serves")),),
    )


def test_lists_of_changes_are_cut_and_counts_are_whole(
    loaded: Database, settings: Settings, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(publishing, "MAX_LISTED", 3)
    changes = publish_rightly(loaded, settings).changes
    assert (changes.n_added, len(changes.added)) == (12, 3)


def test_new_words_are_told(
    loaded: Database, settings: Settings, term_map: tuple[TermMapping, ...]
) -> None:
    publish_rightly(loaded, settings)
    load_term_map(loaded, term_map)
    changes = publish_rightly(loaded, settings).changes
    assert (changes.words, changes.n_changed) == (True, 0)


def test_a_damaged_generation_before_counts_as_empty(loaded: Database, settings: Settings) -> None:
    first = publish_rightly(loaded, settings)
    (settings.index / first.generation / "slugs.json").unlink()
    assert publish_rightly(loaded, settings).changes.n_added == 12


COLD = """
import sys
from pathlib import Path
from recommender.index import build_index, write_generation
from recommender.publish import read_inputs
from recommender.store import connect
built = build_index(read_inputs(connect(Path(sys.argv[1]))))
print(write_generation(built, Path(sys.argv[2])))
"""


CHANGES = ("name = 'Clínica Ñandú'", "website = 'https://new.example.org'", "revenue_usd = 5")
OF_CLINIC = "nonprofit_id = (SELECT id FROM nonprofits WHERE slug = 'test-houston-clinic')"
EDITS = (
    *(f"UPDATE nonprofits SET {change} WHERE slug = 'test-houston-clinic'" for change in CHANGES),
    "UPDATE nonprofits SET summary_en = 'Nine zebras.' WHERE slug = 'test-houston-clinic'",
    "UPDATE nonprofits SET slug = 'aa-first' WHERE slug = 'test-houston-clinic'",
    "UPDATE nonprofits SET status = 'withdrawn' WHERE slug = 'test-houston-clinic'",
    f"UPDATE locations SET visibility = 'hidden' WHERE {OF_CLINIC}",
    f"DELETE FROM nonprofit_tags WHERE {OF_CLINIC}",
    "UPDATE tags SET label_en = 'Zebra care' WHERE slug = 'housing'",
    "INSERT INTO tag_synonyms SELECT kind, slug, 'en', 90, 'zebra den' FROM tags"
    " WHERE slug = 'housing'",
)


@pytest.mark.parametrize("edit", EDITS)
def test_a_warm_build_is_bit_for_bit_a_cold_one(
    loaded: Database, settings: Settings, tmp_path: Path, edit: str
) -> None:
    publish_rightly(loaded, settings)
    before = read_manifest(settings.index, current_generation(settings.index))["checksums"]
    loaded.execute(edit)
    warm = publish_rightly(loaded, settings).generation
    assert read_manifest(settings.index, warm)["checksums"] != before
    command = [sys.executable, "-c", COLD, str(tmp_path / "waymark.db"), str(tmp_path / "cold")]
    run = subprocess.run(command, capture_output=True, text=True, check=True)
    cold = verify_generation(tmp_path / "cold", run.stdout.strip())
    assert verify_generation(settings.index, warm)["checksums"] == cold["checksums"]


def count_counted(monkeypatch: pytest.MonkeyPatch) -> list[int]:
    """How many listings are read word by word, each time that any are."""
    counted: list[int] = []

    def count(nonprofits: Sequence[Nonprofit], *rest: Any) -> Counts:
        counted.append(len(nonprofits))
        return count_block(nonprofits, *rest)

    monkeypatch.setattr("recommender.index.counts.count_block", count)
    return counted


@pytest.mark.parametrize(("most", "n_counted"), [(12, [12, 1]), (11, [12])])
def test_warming_up_changes_nothing_and_leaves_less_to_the_first_publication(
    loaded: Database,
    settings: Settings,
    monkeypatch: pytest.MonkeyPatch,
    most: int,
    n_counted: list[int],
) -> None:
    publish_rightly(loaded, settings)
    monkeypatch.setattr(publishing, "_READER", ListingReader())
    monkeypatch.setattr(publishing, "_COUNT", Recount())
    monkeypatch.setattr(publishing, "MAX_LISTINGS", most)
    counted, before = count_counted(monkeypatch), files(settings.index)
    warm_up(loaded, settings)
    assert files(settings.index) == before
    touch(loaded)
    publish_rightly(loaded, settings)
    assert counted == n_counted


def test_warming_up_before_the_first_publication_is_in_vain(
    db: Database, settings: Settings
) -> None:
    warm_up(db, settings)
    assert not settings.index.exists()


def count_searches(monkeypatch: pytest.MonkeyPatch) -> list[int]:
    """How many listings neighbours are looked for, for each time that they are."""
    searches: list[int] = []

    def find(units: Units, progress: Callable[[int, int], None]) -> tuple[Ints, Floats]:
        searches.append(len(units))
        return find_all(units, progress)

    monkeypatch.setattr("recommender.publish.find_all", find)
    return searches


@pytest.mark.parametrize(("change", "n_searches"), [*zip(CHANGES, (1, 0, 0), strict=True)])
def test_neighbours_are_kept_where_no_word_has_changed(
    loaded: Database,
    settings: Settings,
    monkeypatch: pytest.MonkeyPatch,
    change: str,
    n_searches: int,
) -> None:
    publish_rightly(loaded, settings)
    searches = count_searches(monkeypatch)
    loaded.execute(f"UPDATE nonprofits SET {change} WHERE slug = 'test-houston-clinic'")
    publish_rightly(loaded, settings)
    assert len(searches) == n_searches


def test_damaged_neighbours_are_found_anew(
    loaded: Database, settings: Settings, monkeypatch: pytest.MonkeyPatch
) -> None:
    publish_rightly(loaded, settings)
    first = load_current(settings.index)
    file = settings.index / first.generation / "similarities.npy"
    file.write_bytes(file.read_bytes()[:-1] + b"?")
    searches = count_searches(monkeypatch)
    publish_rightly(loaded, settings)
    assert len(searches) == 1
    second = load_current(settings.index)
    assert second.manifest["checksums"] == first.manifest["checksums"]


# --- By itself ---------------------------------------------------------------------------


def touch(db: Database, name: str = "Test Renamed") -> None:
    """Change what is shown."""
    db.execute("UPDATE nonprofits SET name = ? WHERE slug = 'test-houston-clinic'", [name])


def test_what_changed_is_published_once(loaded: Database, settings: Settings) -> None:
    publish_rightly(loaded, settings)
    assert publish_if_due(loaded, settings) is None
    touch(loaded)
    done = publish_if_due(loaded, settings)
    assert done is not None
    assert (done.state, done.staff_name) == (PublicationState.PUBLISHED, "schedule")
    assert publish_if_due(loaded, settings) is None


def test_what_was_refused_waits_for_a_change(loaded: Database, settings: Settings) -> None:
    publish_rightly(loaded, settings)
    ask_for(settings, FAILING)
    touch(loaded)
    refused = publish_if_due(loaded, settings)
    assert refused is not None
    assert refused.state is PublicationState.REFUSED
    assert find_hold(loaded) == refused
    assert publish_if_due(loaded, settings) is None
    ask_for(settings, ANSWERED)
    assert publish_if_due(loaded, settings) is None
    touch(loaded, "Test Renamed Again")
    assert find_hold(loaded) is None
    assert publish_if_due(loaded, settings) is not None


def test_staff_may_publish_what_waits(loaded: Database, settings: Settings) -> None:
    publish_rightly(loaded, settings)
    ask_for(settings, FAILING)
    touch(loaded)
    publish_if_due(loaded, settings)
    ask_for(settings, ANSWERED)
    publish_rightly(loaded, settings)
    assert find_hold(loaded) is None


def test_what_breaks_is_tried_three_times(
    loaded: Database, settings: Settings, monkeypatch: pytest.MonkeyPatch
) -> None:
    publish_rightly(loaded, settings)
    touch(loaded)
    with monkeypatch.context() as patch:
        patch.setattr(publishing, "build_index", full)
        tries = [publish_if_due(loaded, settings) for _ in range(5)]
    assert [found and found.state for found in tries] == [PublicationState.FAILED] * 3 + [None] * 2
    assert find_hold(loaded) == tries[2]


class Killed(BaseException):
    """What ends a process, and leaves it no time to write anything down."""


def kill(*_: object, **__: object) -> None:
    raise Killed


@pytest.mark.parametrize("step", ["build_index", "write_generation", "publish_generation"])
def test_a_try_that_was_killed_is_settled_by_the_next(
    loaded: Database, settings: Settings, step: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    publish_rightly(loaded, settings)
    touch(loaded)
    with monkeypatch.context() as patch:
        patch.setattr(publishing, step, kill)
        with pytest.raises(Killed):
            publish_if_due(loaded, settings)
    done = publish_if_due(loaded, settings)
    assert done is not None
    assert done.state is PublicationState.PUBLISHED
    assert get_publication(loaded, done.id - 1).state is PublicationState.INTERRUPTED


def test_a_publication_that_was_killed_after_it_served_is_known(
    loaded: Database, settings: Settings, monkeypatch: pytest.MonkeyPatch
) -> None:
    def serve_and_die(*words: Any) -> None:
        publish_generation(*words)
        raise Killed

    with monkeypatch.context() as patch:
        patch.setattr(publishing, "publish_generation", serve_and_die)
        with pytest.raises(Killed):
            publish(loaded, settings)
    assert publish_if_due(loaded, settings) is None
    last = find_last_publication(loaded)
    assert last is not None
    assert (last.state, last.generation) == (
        PublicationState.PUBLISHED,
        current_generation(settings.index),
    )
    assert last.changes.n_added == 12


# --- Back to what served before ----------------------------------------------------------


def test_going_back_stays_until_something_changes(loaded: Database, settings: Settings) -> None:
    first = publish_rightly(loaded, settings)
    touch(loaded)
    second = publish_rightly(loaded, settings)
    back = serve_again(loaded, settings, first.generation, reason="Wrong names.")
    assert load_current(settings.index).generation == first.generation
    assert (back.kind, back.reason) == (PublicationKind.RETURN, "Wrong names.")
    assert back.changes.changed == (ChangedListing(slug="test-houston-clinic", fields=("name",)),)
    assert find_hold(loaded) == back == find_last_publication(loaded)
    assert publish_if_due(loaded, settings) is None
    touch(loaded, "Test Mended")
    third = publish_if_due(loaded, settings)
    assert third is not None
    assert third.generation > second.generation
    assert load_current(settings.index).generation == third.generation


def test_going_back_can_be_taken_back(loaded: Database, settings: Settings) -> None:
    first = publish_rightly(loaded, settings)
    touch(loaded)
    second = publish_rightly(loaded, settings)
    serve_again(loaded, settings, first.generation)
    serve_again(loaded, settings, second.generation)
    assert load_current(settings.index).generation == second.generation
    assert find_previous(settings.index) == first.generation
    assert publish_if_due(loaded, settings) is None
    assert is_published(loaded, settings)


def test_only_what_is_kept_and_does_not_serve_can_serve_again(
    loaded: Database, settings: Settings
) -> None:
    done = publish_rightly(loaded, settings)
    for name in ("", "..", "20200101T000000-nowhere", done.generation):
        with pytest.raises(InvalidAction, match="no longer kept"):
            serve_again(loaded, settings, name)
    assert find_last_publication(loaded) == done


def test_a_damaged_generation_does_not_serve_again(loaded: Database, settings: Settings) -> None:
    first, second = publish_rightly(loaded, settings), publish_rightly(loaded, settings)
    (settings.index / first.generation / "idf.npy").unlink()
    with pytest.raises(IndexDamaged):
        serve_again(loaded, settings, first.generation)
    assert find_last_publication(loaded) == second
    assert load_current(settings.index).generation == second.generation


CLINIC = "test-houston-clinic"


@pytest.mark.parametrize("now", [Visibility.CITY, Visibility.HIDDEN])
def test_what_is_hidden_now_does_not_come_back(
    loaded: Database, settings: Settings, now: Visibility
) -> None:
    first = publish_rightly(loaded, settings)
    loaded.execute("UPDATE locations SET visibility = ? WHERE city = 'Houston'", [now.value])
    publish_rightly(loaded, settings)
    with pytest.raises(InvalidAction, match=CLINIC):
        serve_again(loaded, settings, first.generation)
    # Once it is in no answer at all, the older generation may serve.
    set_status(loaded, CLINIC, Status.WITHDRAWN)
    serve_again(loaded, settings, first.generation)


def test_a_place_that_moved_or_is_shown_now_stands_against_nothing(
    loaded: Database, settings: Settings
) -> None:
    loaded.execute("UPDATE locations SET visibility = 'city' WHERE city = 'Houston'")
    first = publish_rightly(loaded, settings)
    loaded.execute("UPDATE locations SET visibility = 'public' WHERE city = 'Houston'")
    loaded.execute("UPDATE locations SET city = 'Elsewhere' WHERE city = 'Miami'")
    publish_rightly(loaded, settings)
    assert list_exposed(loaded, settings, first.generation) == ()


# --- The place tables --------------------------------------------------------------------


def test_whether_the_catalogue_of_now_is_published(
    loaded: Database, settings: Settings, catalogue: tuple[Nonprofit, ...]
) -> None:
    assert not is_published(loaded, settings)
    done = publish_rightly(loaded, settings)
    assert is_published(loaded, settings)
    load_nonprofits(loaded, [replace(catalogue[0], name="Test Renamed"), *catalogue[1:]])
    assert not is_published(loaded, settings)
    publish_rightly(loaded, settings)
    assert is_published(loaded, settings)
    assert list_generations(settings.index)[0] == done.generation
    (settings.index / current_generation(settings.index) / "idf.npy").unlink()
    assert not is_published(loaded, settings)


def test_the_place_tables_are_built_once(
    settings: Settings, monkeypatch: pytest.MonkeyPatch
) -> None:
    assert open_gazetteer(settings).resolve("Portland, ME").state == "ME"
    monkeypatch.setattr(zipcodes, "list_all", list)
    assert open_gazetteer(settings).resolve("Boston, MA").state == "MA"


def test_the_place_tables_are_built_anew_when_the_aliases_change(settings: Settings) -> None:
    assert not has_gazetteer(settings)
    open_gazetteer(settings)
    assert has_gazetteer(settings)
    aliases = NO_ALIASES | {"cities": {"Portland, ME": ["the port"]}}
    (settings.data / "places.json").write_text(json.dumps(aliases))
    assert not has_gazetteer(settings)
    assert open_gazetteer(settings).resolve("the port").label == "Portland, ME"
    assert [path.name for path in settings.instance.iterdir()] == ["gazetteer"]


def test_what_must_never_be_listed_is_left_in_no_generation(
    loaded: Database, settings: Settings
) -> None:
    first = publish_rightly(loaded, settings).generation
    set_status(loaded, "test-harbor-shelter", Status.WITHDRAWN)
    second = publish_rightly(loaded, settings).generation
    assert list_generations(settings.index) == [first, second]
    set_status(loaded, "test-harbor-shelter", Status.DO_NOT_LIST)
    set_status(loaded, "test-houston-clinic", Status.WITHDRAWN)
    third = publish_rightly(loaded, settings).generation
    assert list_generations(settings.index) == [second, third]
