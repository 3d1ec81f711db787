import json
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest
import zipcodes
from sqlite_utils import Database

from recommender import publish as publishing
from recommender.config import Settings
from recommender.errors import InvalidRecord, PublishRefused
from recommender.index import current_generation, list_generations, load_current
from recommender.models import Nonprofit, Status, Tag
from recommender.publish import is_published, open_gazetteer, publish, read_inputs
from recommender.store.catalog import get_catalog_revision, load_nonprofits
from recommender.store.listings import set_status
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


def test_what_is_published_serves(
    loaded: Database, settings: Settings, catalogue: tuple[Nonprofit, ...]
) -> None:
    done = publish(loaded, settings)
    served = load_current(settings.index)
    assert served.generation == done.generation
    assert (len(served), done.n_golden) == (len(catalogue), 1) == (done.n_docs, 1)
    assert done.seconds > 0
    assert served.manifest["catalog_revision"] == get_catalog_revision(loaded)
    assert set(served.slugs) == {listing.slug for listing in catalogue}


def test_the_inputs_are_all_of_the_catalogue(
    loaded: Database, catalogue: tuple[Nonprofit, ...], taxonomy: tuple[Tag, ...]
) -> None:
    inputs = read_inputs(loaded)
    assert [listing.slug for listing in inputs.nonprofits] == sorted(n.slug for n in catalogue)
    assert {tag.slug for tag in inputs.tags} == {tag.slug for tag in taxonomy}
    assert inputs.catalog_revision == get_catalog_revision(loaded) > 0


def test_what_is_not_public_is_not_built_in(loaded: Database, settings: Settings) -> None:
    set_status(loaded, "test-houston-clinic", Status.WITHDRAWN)
    publish(loaded, settings)
    assert "test-houston-clinic" not in load_current(settings.index).slugs


def test_progress_is_told(loaded: Database, settings: Settings) -> None:
    stages: list[str] = []
    publish(loaded, settings, progress=lambda stage, *_: stages.append(stage))
    assert stages[0] == "words"
    assert stages[-1] == "neighbours"


def test_a_golden_query_that_fails_leaves_what_serves(loaded: Database, settings: Settings) -> None:
    publish(loaded, settings)
    before = files(settings.index)
    ask_for(settings, ANSWERED, FAILING)
    with pytest.raises(PublishRefused, match=r"1 golden .*\n  odd: expected no_close_match True"):
        publish(loaded, settings)
    assert files(settings.index) == before


@pytest.mark.parametrize(
    "queries", [[{"id": "a"}], [ANSWERED | {"expect": {"no_such": 1}}], ["text"]]
)
def test_golden_queries_that_cannot_be_read_leave_what_serves(
    loaded: Database, settings: Settings, queries: list[Any]
) -> None:
    publish(loaded, settings)
    before = files(settings.index)
    ask_for(settings, *queries)
    with pytest.raises(InvalidRecord):
        publish(loaded, settings)
    assert files(settings.index) == before


@pytest.mark.parametrize("step", ["build_index", "check_golden", "write_generation"])
def test_a_publish_that_breaks_leaves_what_serves(
    loaded: Database, settings: Settings, step: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    first = publish(loaded, settings)
    before = files(settings.index)

    def breaks(*_: object, **__: object) -> None:
        raise OSError("No space left on device")

    monkeypatch.setattr(publishing, step, breaks)
    with pytest.raises(OSError, match="No space"):
        publish(loaded, settings)
    assert files(settings.index) == before
    assert current_generation(settings.index) == first.generation
    monkeypatch.undo()
    monkeypatch.setattr(zipcodes, "list_all", zip_records)
    assert publish(loaded, settings).generation == current_generation(settings.index)


def test_a_pointer_that_cannot_be_moved_leaves_what_serves(
    loaded: Database, settings: Settings, monkeypatch: pytest.MonkeyPatch
) -> None:
    first = publish(loaded, settings)

    def breaks(*_: object) -> None:
        raise OSError("No space left on device")

    monkeypatch.setattr(publishing, "publish_generation", breaks)
    with pytest.raises(OSError, match="No space"):
        publish(loaded, settings)
    assert load_current(settings.index).generation == first.generation


def test_an_empty_catalogue_is_refused(db: Database, settings: Settings) -> None:
    with pytest.raises(PublishRefused, match="empty"):
        publish(db, settings)
    assert list_generations(settings.index) == []


def test_whether_the_catalogue_of_now_is_published(
    loaded: Database, settings: Settings, catalogue: tuple[Nonprofit, ...]
) -> None:
    assert not is_published(loaded, settings)
    done = publish(loaded, settings)
    assert is_published(loaded, settings)
    load_nonprofits(loaded, [replace(catalogue[0], name="Test Renamed"), *catalogue[1:]])
    assert not is_published(loaded, settings)
    publish(loaded, settings)
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
    open_gazetteer(settings)
    aliases = NO_ALIASES | {"cities": {"Portland, ME": ["the port"]}}
    (settings.data / "places.json").write_text(json.dumps(aliases))
    assert open_gazetteer(settings).resolve("the port").label == "Portland, ME"
    assert [path.name for path in settings.instance.iterdir()] == ["gazetteer"]
