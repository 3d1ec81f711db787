from collections.abc import Callable
from dataclasses import replace

import pytest

from recommender.errors import InvalidAction, StorageError
from recommender.models import Nonprofit, RevisionKind, Status
from recommender.store import Database
from recommender.store.catalog import list_nonprofits, set_status
from recommender.store.drafts import Draft, create_drafts, find_use, remove_draft
from recommender.store.history import OPERATOR, list_revisions
from recommender.store.listings import get_listing


@pytest.fixture
def drafts(make_nonprofit: Callable[..., Nonprofit]) -> list[Draft]:
    records = [make_nonprofit(f"Test Draft {n}", "Portland, ME") for n in range(3)]
    return [
        Draft(record=replace(record, status=Status.IMPORTED), note=f"line {n}")
        for n, record in enumerate(records)
    ]


def test_many_are_made_as_one_by_one(loaded: Database, drafts: list[Draft]) -> None:
    assert create_drafts(loaded, drafts, OPERATOR) == [1, 1, 1]
    for draft in drafts:
        listing = get_listing(loaded, draft.record.slug)
        assert replace(listing.nonprofit, updated_on="") == replace(draft.record, updated_on="")
        assert listing.revision == 1
        (entry,) = list_revisions(loaded, draft.record.slug)
        assert (entry.kind, entry.note, entry.is_live) == (RevisionKind.IMPORT, draft.note, True)
    assert create_drafts(loaded, [], OPERATOR) == []


@pytest.mark.parametrize(
    ("change", "error"),
    [
        ({"slug": "test-border-lawyers"}, InvalidAction),
        ({"ein": "000000001"}, InvalidAction),
        ({"services": ("juggling",)}, StorageError),
        ({"parent": "nobody"}, StorageError),
        ({"website": "gopher://example.org"}, StorageError),
    ],
)
def test_all_or_none(
    loaded: Database, drafts: list[Draft], change: dict[str, object], error: type[Exception]
) -> None:
    before = list_nonprofits(loaded, Status)
    values: dict[str, object] = change
    wrong = replace(drafts[2], record=replace(drafts[2].record, **values))
    with pytest.raises(error):
        create_drafts(loaded, [*drafts[:2], wrong], OPERATOR)
    assert list_nonprofits(loaded, Status) == before


def test_who_asked_not_to_be_listed_is_not(loaded: Database, drafts: list[Draft]) -> None:
    create_drafts(loaded, drafts[:1], OPERATOR)
    set_status(loaded, drafts[0].record.slug, Status.DO_NOT_LIST)
    again = replace(drafts[0], record=replace(drafts[0].record, slug="test-another"))
    with pytest.raises(InvalidAction, match="asked not to be listed"):
        create_drafts(loaded, [again], OPERATOR)


def test_a_draft_goes_with_all_that_belongs_to_it(loaded: Database, drafts: list[Draft]) -> None:
    before = list_nonprofits(loaded, Status)
    create_drafts(loaded, drafts, OPERATOR)
    for draft in drafts:
        listing = get_listing(loaded, draft.record.slug)
        assert find_use(loaded, listing) == ""
        remove_draft(loaded, listing)
    assert list_nonprofits(loaded, Status) == before
    for table in ("revisions", "locations", "sources", "nonprofit_tags"):
        orphans = f"SELECT 1 FROM {table} WHERE nonprofit_id NOT IN (SELECT id FROM nonprofits)"
        assert loaded.execute(orphans).fetchone() is None
    assert loaded.execute("PRAGMA foreign_key_check").fetchone() is None
