from collections.abc import Callable
from dataclasses import replace
from pathlib import Path

import pytest
from sqlite_utils import Database

from recommender.errors import NotFound, StorageError
from recommender.models import Location, Nonprofit, Status
from recommender.store import connect, listings
from recommender.store.catalog import (
    Contents,
    LoadReport,
    count_nonprofits,
    get_catalog_revision,
    get_data_digest,
    get_nonprofit,
    list_excluded,
    list_nonprofits,
    load_catalog,
    load_nonprofits,
    set_status,
)
from recommender.store.listings import TAKEN_DOWN, ListingReader, find_by_ein

Make = Callable[..., Nonprofit]
Catalogue = tuple[Nonprofit, ...]
LAWYERS = "test-border-lawyers"


def _as_loaded(listings: list[Nonprofit]) -> list[Nonprofit]:
    return [replace(listing, updated_on="") for listing in listings]


def _without(catalogue: Catalogue, slug: str) -> list[Nonprofit]:
    return [listing for listing in catalogue if listing.slug != slug]


def test_listings_come_back_as_they_were(loaded: Database, catalogue: Catalogue) -> None:
    expected = sorted(catalogue, key=lambda listing: listing.slug)
    assert _as_loaded(list_nonprofits(loaded)) == expected
    assert _as_loaded([get_nonprofit(loaded, listing.slug) for listing in expected]) == expected


TOUCHES = (
    "UPDATE nonprofits SET summary_es = 'Cebras.' WHERE slug = 'test-border-lawyers'",
    "UPDATE locations SET latitude = 1.5, longitude = -2 WHERE nonprofit_id = "
    "(SELECT id FROM nonprofits WHERE slug = 'test-border-lawyers')",
    "DELETE FROM nonprofit_names WHERE nonprofit_id = "
    "(SELECT id FROM nonprofits WHERE slug = 'test-border-lawyers')",
    "UPDATE nonprofits SET slug = 'aa-first' WHERE slug = 'test-border-lawyers'",
    "UPDATE nonprofits SET status = 'withdrawn' WHERE slug = 'test-border-lawyers'",
)


@pytest.mark.parametrize("touch", TOUCHES)
def test_a_reader_finds_what_is_there_and_keeps_what_is_unchanged(
    loaded: Database, touch: str
) -> None:
    reader = ListingReader()
    before = reader.read(loaded)
    assert before == list_nonprofits(loaded)
    loaded.execute(touch)
    after = reader.read(loaded)
    assert after == list_nonprofits(loaded) != before
    others = [item for item in after if item.slug not in (LAWYERS, "aa-first")]
    assert {id(item) for item in others} <= {id(item) for item in before}
    assert len(others) == len(before) - 1


def test_a_reader_keeps_nothing_of_many(loaded: Database, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(listings, "MAX_KEPT", 3)
    reader = ListingReader()
    once, again = reader.read(loaded), reader.read(loaded)
    assert once == again == list_nonprofits(loaded)
    assert not any(one is other for one, other in zip(once, again, strict=True))


def test_a_second_load_changes_nothing(loaded: Database, catalogue: Catalogue) -> None:
    revision = get_catalog_revision(loaded)
    report = load_nonprofits(loaded, catalogue)
    assert report == LoadReport(unchanged=tuple(sorted(n.slug for n in catalogue)))
    assert get_catalog_revision(loaded) == revision


def test_a_changed_record_replaces_what_was_there(loaded: Database, catalogue: Catalogue) -> None:
    lawyers = get_nonprofit(loaded, LAWYERS)
    changed = replace(lawyers, other_names=("TBL",), services=("housing",), updated_on="")
    report = load_nonprofits(loaded, [*_without(catalogue, LAWYERS), changed])
    assert report.updated == (LAWYERS,)
    assert _as_loaded([get_nonprofit(loaded, LAWYERS)]) == [changed]


def test_what_left_the_files_is_archived_and_comes_back(
    loaded: Database, catalogue: Catalogue
) -> None:
    report = load_nonprofits(loaded, _without(catalogue, LAWYERS))
    assert report.archived == (LAWYERS,)
    assert list_excluded(loaded) == {LAWYERS}
    with pytest.raises(NotFound):
        get_nonprofit(loaded, LAWYERS)
    assert get_nonprofit(loaded, LAWYERS, tuple(Status)).status is Status.ARCHIVED
    assert load_nonprofits(loaded, _without(catalogue, LAWYERS)).archived == ()
    assert load_nonprofits(loaded, catalogue).updated == (LAWYERS,)
    assert get_nonprofit(loaded, LAWYERS).status is Status.PUBLISHED


@pytest.mark.parametrize("status", [Status.WITHDRAWN, Status.DO_NOT_LIST, Status.ARCHIVED])
def test_a_load_never_brings_back_what_staff_took_down(
    loaded: Database, catalogue: Catalogue, status: Status
) -> None:
    lawyers = get_nonprofit(loaded, LAWYERS)
    set_status(loaded, LAWYERS, status)
    changed = replace(lawyers, summary_en="Other words.", updated_on="")
    report = load_nonprofits(loaded, [*_without(catalogue, LAWYERS), changed])
    assert report.kept == (LAWYERS,)
    renamed = replace(changed, slug="test-border-lawyers-again")
    report = load_nonprofits(loaded, [*_without(catalogue, LAWYERS), renamed])
    assert report.kept == ("test-border-lawyers-again",)
    load_nonprofits(loaded, _without(catalogue, LAWYERS))
    assert get_nonprofit(loaded, LAWYERS, tuple(Status)).status is status
    assert LAWYERS not in {listing.slug for listing in list_nonprofits(loaded)}


def test_a_listing_is_found_by_its_ein_while_it_has_a_page(loaded: Database) -> None:
    ein = get_nonprofit(loaded, LAWYERS).ein
    assert find_by_ein(loaded, ein) == LAWYERS
    assert find_by_ein(loaded, "000000000") is None
    set_status(loaded, LAWYERS, Status.STALE)
    assert find_by_ein(loaded, ein) == LAWYERS
    set_status(loaded, LAWYERS, Status.WITHDRAWN)
    assert find_by_ein(loaded, ein) is None


def test_what_staff_edited_stays_even_when_it_left_the_files(
    loaded: Database, catalogue: Catalogue
) -> None:
    set_status(loaded, LAWYERS, Status.DUE)
    assert load_nonprofits(loaded, _without(catalogue, LAWYERS)).kept == (LAWYERS,)
    assert get_nonprofit(loaded, LAWYERS).status is Status.DUE


def test_what_staff_made_is_no_concern_of_a_load(loaded: Database, catalogue: Catalogue) -> None:
    loaded.execute("UPDATE nonprofits SET digest = '' WHERE slug = ?", [LAWYERS])
    report = load_nonprofits(loaded, _without(catalogue, LAWYERS))
    assert (report.archived, report.kept) == ((), ())
    assert get_nonprofit(loaded, LAWYERS).status is Status.PUBLISHED


def test_a_new_slug_with_the_same_ein_is_a_new_name(loaded: Database, catalogue: Catalogue) -> None:
    renamed = replace(get_nonprofit(loaded, LAWYERS), slug="test-frontier-lawyers", updated_on="")
    report = load_nonprofits(loaded, [*_without(catalogue, LAWYERS), renamed])
    assert report.updated == ("test-frontier-lawyers",)
    assert report.archived == ()
    assert len(list_nonprofits(loaded)) == len(catalogue)


def test_an_ein_may_move_to_another_listing(loaded: Database, catalogue: Catalogue) -> None:
    eins = {LAWYERS: "", "test-ayuda-san-juan": "000000001"}
    moved = [replace(n, ein=eins.get(n.slug, n.ein)) for n in catalogue]
    assert set(load_nonprofits(loaded, moved).updated) == set(eins)
    assert get_nonprofit(loaded, "test-ayuda-san-juan").ein == "000000001"


def test_a_parent_may_stand_after_its_child(loaded: Database, make_nonprofit: Make) -> None:
    child = make_nonprofit("Test A Child", parent="test-z-parent")
    load_nonprofits(loaded, [child, make_nonprofit("Test Z Parent")])
    assert get_nonprofit(loaded, "test-a-child").parent == "test-z-parent"


@pytest.mark.parametrize(
    ("changes", "message"),
    [
        ({"services": ("juggling",)}, "test-bad: unknown tag 'juggling' in services"),
        ({"languages": ("housing",)}, "test-bad: unknown tag 'housing' in languages"),
        ({"parent": "nobody"}, "test-bad: unknown parent 'nobody'"),
        ({"ein": "12345678"}, "CHECK"),
        ({"ein": "000000001"}, "nonprofits.ein"),
        ({"website": "javascript:alert(1)"}, "CHECK"),
        ({"locations": (Location(city="X", state="maine"),)}, "CHECK"),
        ({"locations": (Location(city="X", state="ME", latitude=91.0, longitude=0.0),)}, "CHECK"),
        ({"summary_en": "\ud800"}, "surrogates"),
        ({"revenue_usd": 2**70}, "too large"),
    ],
)
def test_a_bad_record_stops_the_whole_load(
    loaded: Database,
    catalogue: Catalogue,
    make_nonprofit: Make,
    changes: dict[str, object],
    message: str,
) -> None:
    before, revision = list_nonprofits(loaded), get_catalog_revision(loaded)
    records = [make_nonprofit("Test Good"), *catalogue[:-1], make_nonprofit("Test Bad", **changes)]
    with pytest.raises(StorageError, match=message):
        load_nonprofits(loaded, records)
    assert list_nonprofits(loaded) == before
    assert get_catalog_revision(loaded) == revision


@pytest.mark.parametrize(
    "text",
    [
        "Robert'); DROP TABLE nonprofits;--",
        'quote " and \\ and % and _ and ?1 :name @a $b',
        "nul \x00 inside",
        "<script>alert(1)</script>",
        "İstanbul ﬁ ẞ ñ é 移民 🕊️ \u202egnirts",
        "=HYPERLINK(1)",
        "line\r\nbreak\ttab",
        "x" * 200_000,
    ],
)
def test_any_text_is_only_text(loaded: Database, make_nonprofit: Make, text: str) -> None:
    record = make_nonprofit("Test Odd", other_names=(text,), summary_es=text, serves=text)
    load_nonprofits(loaded, [replace(record, name=text)])
    stored = get_nonprofit(loaded, "test-odd")
    assert (stored.name, stored.other_names, stored.summary_es) == (text, (text,), text)


def test_leading_zeros_stay(loaded: Database, make_nonprofit: Make) -> None:
    record = make_nonprofit("Test Zeros", "Boston, MA", ein="012345678")
    load_nonprofits(loaded, [record])
    stored = get_nonprofit(loaded, "test-zeros")
    assert (stored.ein, stored.locations[0].zip) == ("012345678", "02108")


@pytest.mark.parametrize("slug", ["nobody", "", "' OR 1=1 --", "\x00", "x" * 10_000])
def test_an_unknown_slug_is_not_found(loaded: Database, slug: str) -> None:
    with pytest.raises(NotFound):
        get_nonprofit(loaded, slug)
    with pytest.raises(NotFound):
        set_status(loaded, slug, Status.WITHDRAWN)


def test_a_lone_surrogate_in_a_slug_is_a_storage_error(loaded: Database) -> None:
    with pytest.raises(StorageError):
        get_nonprofit(loaded, "\ud800")


@pytest.mark.parametrize("status", TAKEN_DOWN)
def test_a_withdrawal_is_seen_by_other_connections_at_once(
    loaded: Database, tmp_path: Path, status: Status
) -> None:
    other = connect(tmp_path / "waymark.db")
    revision = get_catalog_revision(other)
    set_status(loaded, LAWYERS, status)
    assert list_excluded(other) == {LAWYERS}
    assert get_catalog_revision(other) > revision
    other.close()


CHANGES = [
    "UPDATE nonprofits SET name = 'Test' WHERE slug = 'test-border-lawyers'",
    "DELETE FROM nonprofits WHERE slug = 'test-border-lawyers'",
    "UPDATE nonprofit_names SET name = 'Other'",
    "UPDATE locations SET zip = ''",
    "DELETE FROM service_areas",
    "DELETE FROM nonprofit_tags",
    "UPDATE sources SET as_of = '2025'",
    "UPDATE tags SET label_es = 'Otra'",
    "DELETE FROM tag_synonyms",
    "INSERT INTO term_map VALUES ('papers', 'en', 0, '[]', '[]', 1.0)",
]


@pytest.mark.parametrize("change", CHANGES)
def test_every_change_to_shown_content_raises_the_revision(loaded: Database, change: str) -> None:
    revision = get_catalog_revision(loaded)
    assert loaded.execute(change).rowcount > 0
    assert get_catalog_revision(loaded) > revision


def test_drafts_and_visitors_do_not_raise_the_revision(
    loaded: Database, catalogue: Catalogue, make_nonprofit: Make
) -> None:
    revision = get_catalog_revision(loaded)
    draft = make_nonprofit("Test Draft", "Boston, MA", status=Status.DRAFT)
    load_nonprofits(loaded, [*catalogue, draft])
    loaded.execute("INSERT INTO rate_windows VALUES ('key', 1, 1)")
    assert get_catalog_revision(loaded) == revision
    set_status(loaded, "test-draft", Status.PUBLISHED)
    assert get_catalog_revision(loaded) > revision


def test_counts_cover_all_listings(loaded: Database, catalogue: Catalogue) -> None:
    set_status(loaded, LAWYERS, Status.WITHDRAWN)
    counts = count_nonprofits(loaded)
    assert counts.status == {"published": len(catalogue) - 1, "withdrawn": 1}
    assert counts.basis == {"mission": len(catalogue) - 1, "name": 1}
    assert counts.state["ME"] == 2


def test_a_catalogue_that_fails_at_its_end_leaves_nothing(
    loaded: Database, catalogue: Catalogue, taxonomy: tuple
) -> None:
    contents = Contents(nonprofits=catalogue[:3], tags=taxonomy, digest="new")
    revision = get_catalog_revision(loaded)
    broken = replace(contents, term_map=[None])
    with pytest.raises(TypeError):
        load_catalog(loaded, broken)
    assert get_catalog_revision(loaded) == revision
    assert get_data_digest(loaded) == ""
    load_catalog(loaded, contents)
    assert get_data_digest(loaded) == "new"
    assert len(list_nonprofits(loaded)) == 3


def test_erasing_a_listing_overwrites_it(loaded: Database, tmp_path: Path) -> None:
    other = connect(tmp_path / "waymark.db")  # as a server that keeps its connection
    assert list_excluded(other) == set()
    loaded.execute("DELETE FROM nonprofits WHERE slug = ?", [LAWYERS])
    stored = b"".join(file.read_bytes() for file in tmp_path.glob("waymark.db*"))
    assert b"Abogados de Prueba" not in stored
    assert b"Test Border Lawyers" not in stored
    assert b"Test Somali Youth" in stored
    other.close()
