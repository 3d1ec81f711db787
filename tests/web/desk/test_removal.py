"""Merging and erasing listings through their pages."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest
from flask import Flask

from recommender import store
from recommender.config import Settings
from recommender.models import Nonprofit, RevisionState, Status, Tag
from recommender.store.accounts import Role
from recommender.store.catalog import set_status
from recommender.store.history import list_revisions
from recommender.store.listings import get_listing
from recommender.store.revisions import save_listing
from tests.web.desk import DeskClient, sign_in
from tests.web.small_site import copy_site, make_site

LAWYERS, HOUSE = "test-border-lawyers", "test-haitian-house"
TWIN = "test-boarder-lawyers"


@pytest.fixture(scope="module")
def site(
    tmp_path_factory: pytest.TempPathFactory,
    catalogue: tuple[Nonprofit, ...],
    taxonomy: tuple[Tag, ...],
    make_nonprofit: Any,
) -> Settings:
    twin = make_nonprofit("Test Boarder Lawyers", "Houston, TX", ein="000000002")
    return make_site(tmp_path_factory.mktemp("site"), (*catalogue, twin), taxonomy)


@pytest.fixture
def app(tmp_path: Path, site: Settings) -> Flask:
    return copy_site(site, tmp_path)


@pytest.fixture
def db(app: Flask) -> Iterator[store.Database]:
    db = store.connect(app.config["WAYMARK"].database)
    yield db
    db.close()


@pytest.fixture
def reviewer(app: Flask) -> DeskClient:
    return sign_in(app, Role.REVIEWER)


@pytest.fixture
def admin(app: Flask) -> DeskClient:
    return sign_in(app, Role.ADMIN)


def merge(client: DeskClient, slug: str, into: str, **form: Any) -> tuple[int, str]:
    sent = {"into": into, "reason": "The same site.", "expected_revision": "1", **form}
    response = client.submit(f"/staff/listings/{slug}/merge", **sent)
    return response.status_code, response.headers.get("Location", "")


def status(db: store.Database, slug: str) -> Status:
    return get_listing(db, slug).nonprofit.status


# --- Merging -----------------------------------------------------------------------------


def test_the_listing_to_merge_into_is_suggested_or_searched(reviewer: DeskClient) -> None:
    address = f"/staff/listings/{TWIN}/merge"
    assert address in reviewer.page(f"/staff/listings/{TWIN}").links
    page = reviewer.page(address)
    assert f"{address}?into={LAWYERS}" in page.links
    assert "Brownsville, TX; EIN 00-0000001" in page.source
    assert f"{address}?into={TWIN}" not in page.links
    found = reviewer.page(f"{address}?q=haitian")
    assert f"{address}?into={HOUSE}" in found.links
    assert "has these words" in reviewer.page(f"{address}?q=quillwork").source


def test_both_are_shown_side_by_side_before_anything_happens(
    reviewer: DeskClient, db: store.Database
) -> None:
    source = reviewer.page(f"/staff/listings/{TWIN}/merge?into={LAWYERS}").source
    for word in ("00-0000001", "00-0000002", "Brownsville, TX", "Houston, TX", "TBL"):
        assert word in source
    assert "they wait for somebody else" in source
    assert "Merge it into Test Border Lawyers" in source
    assert status(db, TWIN) is Status.PUBLISHED


def test_a_merged_listing_leads_on_and_its_name_is_proposed(
    app: Flask, reviewer: DeskClient, db: store.Database
) -> None:
    assert merge(reviewer, TWIN, LAWYERS) == (303, f"/staff/listings/{TWIN}?done=merged")
    assert f"/staff/listings/{LAWYERS}" in reviewer.page(f"/staff/listings/{TWIN}").links
    donor = app.test_client()
    sent = donor.get(f"/es/nonprofits/{TWIN}")
    assert (sent.status_code, sent.headers["Location"]) == (301, f"/es/nonprofits/{LAWYERS}")
    (entry,) = [one for one in list_revisions(db, LAWYERS) if one.state is RevisionState.PENDING]
    assert entry.after is not None
    assert "Test Boarder Lawyers" in entry.after.other_names
    assert entry.note == "The same site."
    # Once merged there is nothing to merge.
    assert reviewer.get(f"/staff/listings/{TWIN}/merge").status_code == 409


def test_what_does_not_fit_is_refused(reviewer: DeskClient, db: store.Database) -> None:
    for into, form, code in (
        (TWIN, {}, 409),
        ("nobody", {}, 404),
        ("", {}, 404),
        (LAWYERS, {"reason": " "}, 409),
        (LAWYERS, {"expected_revision": "7"}, 409),
    ):
        assert merge(reviewer, TWIN, into, **form)[0] == code, (into, form)
    for gone in (Status.WITHDRAWN, Status.DO_NOT_LIST, Status.ARCHIVED, Status.MERGED):
        set_status(db, LAWYERS, gone)
        assert merge(reviewer, TWIN, LAWYERS)[0] == 409
        source = reviewer.page(f"/staff/listings/{TWIN}/merge?into={LAWYERS}").source
        assert "Not these two" in source
        assert "Merge it into" not in source
    assert status(db, TWIN) is Status.PUBLISHED
    assert get_listing(db, TWIN).revision == 1


def test_a_merge_does_not_push_ones_own_edit_aside(
    reviewer: DeskClient, db: store.Database
) -> None:
    record = get_listing(db, LAWYERS).nonprofit
    edited = replace(record, serves="The valley")
    save_listing(db, edited, by=reviewer.account.id, expected_revision=1)
    assert merge(reviewer, TWIN, LAWYERS)[0] == 409
    page = reviewer.page(f"/staff/listings/{TWIN}/merge?into={LAWYERS}").source
    assert "is not decided yet" in page
    pending = [one for one in list_revisions(db, LAWYERS) if one.state is RevisionState.PENDING]
    assert [one.after.serves for one in pending if one.after] == ["The valley"]


def test_odd_addresses_are_answered(reviewer: DeskClient) -> None:
    for odd in ("%00", "٣", "'%20OR%201", "a" * 300, '"'):
        assert reviewer.get(f"/staff/listings/{TWIN}/merge?q={odd}").status_code == 200
        assert reviewer.get(f"/staff/listings/{TWIN}/merge?into={odd}").status_code == 404
        assert reviewer.get(f"/staff/listings/{odd}/merge").status_code == 404


# --- Erasing -----------------------------------------------------------------------------


def erase(client: DeskClient, slug: str, **form: Any) -> tuple[int, str]:
    sent = {"typed": slug, "reason": "They asked.", "expected_revision": "1", **form}
    response = client.submit(f"/staff/listings/{slug}/erase", **sent)
    return response.status_code, response.headers.get("Location", "")


def test_erasing_says_what_is_kept_and_asks_for_the_address(
    admin: DeskClient, reviewer: DeskClient, db: store.Database
) -> None:
    address = f"/staff/listings/{LAWYERS}/erase"
    assert address in admin.page(f"/staff/listings/{LAWYERS}").links
    assert address not in reviewer.page(f"/staff/listings/{LAWYERS}").links
    source = admin.page(address).source
    for kept in ("Test Border Lawyers", LAWYERS, "00-0000001", "<dd>TX</dd>"):
        assert kept in source
    for wrong in ({"typed": ""}, {"typed": HOUSE}, {"reason": ""}, {"expected_revision": "9"}):
        assert erase(admin, LAWYERS, **wrong)[0] == 409
    assert erase(reviewer, LAWYERS)[0] == 403
    assert status(db, LAWYERS) is Status.PUBLISHED


def test_what_is_erased_is_gone_but_for_what_is_kept(
    app: Flask, admin: DeskClient, db: store.Database
) -> None:
    assert erase(admin, LAWYERS) == (303, f"/staff/listings/{LAWYERS}?done=erased")
    record = get_listing(db, LAWYERS).nonprofit
    assert (record.status, record.name, record.ein) == (
        Status.DO_NOT_LIST,
        "Test Border Lawyers",
        "000000001",
    )
    assert (record.summary_en, record.other_names) == ("", ())
    source = admin.page(f"/staff/listings/{LAWYERS}?done=erased").source
    assert "It is erased." in source
    assert "Abogados de Prueba" not in source
    assert f"/staff/listings/{LAWYERS}/erase" not in source
    assert app.test_client().get(f"/nonprofits/{LAWYERS}").status_code == 410


def test_what_is_written_anew_can_be_erased_again(admin: DeskClient) -> None:
    erase(admin, LAWYERS)
    form = {"to": "draft", "reason": "They changed their minds.", "expected_revision": "2"}
    admin.submit(f"/staff/listings/{LAWYERS}/status", **form)
    page = admin.page(f"/staff/listings/{LAWYERS}")
    assert f"/staff/listings/{LAWYERS}/erase" in page.links
