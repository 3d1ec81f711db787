"""Every page of the desk, wide, narrow and in the dark."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from dataclasses import replace
from pathlib import Path

import pytest
from playwright.sync_api import Browser, Page, expect

from app import create_app
from recommender.config import Settings
from recommender.models import (
    CountKind,
    Language,
    PartnerDraft,
    RevisionState,
    Status,
    Submission,
    SubmissionKind,
)
from recommender.store import Database, connect
from recommender.store.accounts import Role, create_account, create_link
from recommender.store.batches import BatchAction, BatchRequest, Chosen, apply_batch
from recommender.store.inbox import create_submission
from recommender.store.library import LibraryKind, get_guide, list_term_mappings
from recommender.store.library_history import version_of
from recommender.store.library_revisions import Proposal, propose
from recommender.store.listings import get_listing
from recommender.store.partners import add_counts, create_partner
from recommender.store.revisions import save_listing
from recommender.store.workflow import change_status
from tests.browser.desk import account_of, open_office, sit_down
from tests.browser.test_pages import NARROW, WIDE, faults, faults_at_every_size
from tests.serving import Site

EDITED, TAKEN_DOWN, CHECKED = "raices", "hias", "alaska-refugee-relief"
CSV = "name;city;state;description\nTest Lantern House;Boise;ID;Lends tools.\n;Boise;ID;No name\n"

# Each page by its endpoint; what an endpoint shows in several states, several times.
PAGES = {
    "staff_dashboard.home": "/staff",
    "staff_dashboard.coverage": "/staff/coverage",
    "staff_dashboard.ageing": "/staff/ageing",
    "staff.account": "/staff/account",
    "staff.one_time_codes": "/staff/account/codes",
    "staff_listings.index": "/staff/listings?q=asylum&status=published",
    "staff_listings.index empty": "/staff/listings?q=zzyzx",
    "staff_listings.views": "/staff/views",
    "staff_listing.show": f"/staff/listings/{EDITED}",
    "staff_listing.show withdrawn": f"/staff/listings/{TAKEN_DOWN}",
    "staff_listing.compare": f"/staff/listings/{EDITED}/compare?before=1&after=2",
    "staff_editor.new": "/staff/listings/new",
    "staff_editor.edit": f"/staff/listings/{EDITED}/edit",
    "staff_removal.choose": f"/staff/listings/{EDITED}/merge",
    "staff_removal.erase": f"/staff/listings/{TAKEN_DOWN}/erase",
    "staff_batches.index": "/staff/batches",
    "staff_batches.show": "/staff/batches/1",
    "staff_review.queue": "/staff/review",
    "staff_review.revision": f"/staff/review/{EDITED}/2",
    "staff_inbox.index": "/staff/inbox",
    "staff_inbox.show": "/staff/inbox/1",
    "staff_inbox.show fix": "/staff/inbox/2",
    "staff_inbox.show claim": "/staff/inbox/3",
    "staff_inbox.show removal": "/staff/inbox/4",
    "staff_imports.index": "/staff/imports",
    "staff_imports.new": "/staff/imports/new",
    "staff_imports.show": "/staff/imports/1",
    "staff_library.index": "/staff/library",
    "staff_library.show": "/staff/library/1",
    "staff_terms.index": "/staff/terms?q=asylum",
    "staff_terms.edit": "/staff/terms/entry?key=en:asylum",
    "staff_terms.new": "/staff/terms/new",
    "staff_resources.index": "/staff/resources",
    "staff_resources.edit": "/staff/resources/sanctuary-cities-hold-their-ground",
    "staff_resources.new": "/staff/resources/new",
    "staff_guides.index": "/staff/guides",
    "staff_guides.edit": "/staff/guides/asylum-and-the-border",
    "staff_guides.new": "/staff/guides/new",
    "staff_partners.index": "/staff/partners",
    "staff_partners.show": "/staff/partners/1",
    "staff_partners.new": "/staff/partners/new",
    "staff_partners.edit": "/staff/partners/1/edit",
    "staff_publishing.index": "/staff/publish",
    "staff_publishing.show": "/staff/publish/1",
    "staff no such page": "/staff/nowhere",
}
PUBLIC_PAGES = {"staff.login", "staff.welcome"}
NO_PAGES = {"staff_dashboard.exposure", "staff_imports.progress", "staff_imports.report"} | {
    f"staff_listings.export_{name}" for name in ("csv", "hsds")
}
DARK = ("staff_dashboard.home", "staff_editor.edit", "staff_imports.show", "staff_review.revision")
BUSY_MS = 20_000


@pytest.fixture(scope="module")
def office(
    directory: Settings, tmp_path_factory: pytest.TempPathFactory, browser: Browser
) -> Iterator[Site]:
    """A desk at which something of every kind has been done."""
    with open_office(directory, tmp_path_factory.mktemp("pages")) as site:
        db = connect(site.instance / "waymark.db")
        _furnish(db, *(account_of(site, role).id for role in (Role.EDITOR, Role.REVIEWER)))
        _add_partner(db)
        db.close()
        _import_and_publish(browser, site, tmp_path_factory.mktemp("upload") / "groups.csv")
        yield site


def _furnish(db: Database, editor: int, reviewer: int) -> None:
    listing = get_listing(db, EDITED)
    edit = replace(listing.nonprofit, summary_en=listing.nonprofit.summary_en + " And more.")
    saved = save_listing(db, edit, by=editor, expected_revision=listing.revision)
    assert (saved.number, saved.state) == (2, RevisionState.PENDING)
    down = get_listing(db, TAKEN_DOWN).revision
    to = Status.WITHDRAWN
    change_status(db, TAKEN_DOWN, to, by=editor, expected_revision=down, reason="They asked.")
    chosen = tuple(
        Chosen(slug=slug, revision=get_listing(db, slug).revision) for slug in (CHECKED, TAKEN_DOWN)
    )
    apply_batch(db, BatchRequest(action=BatchAction.CHECK, chosen=chosen), by=reviewer)
    guide = get_guide(db, "asylum-and-the-border")
    proposal = Proposal(
        kind=LibraryKind.GUIDE,
        key=guide.slug,
        after=replace(guide, intro_en=guide.intro_en + " And more."),
        expected=version_of(guide),
    )
    propose(db, proposal, by=editor)
    assert any(m.phrase == "asylum" and m.language == "en" for m in list_term_mappings(db))
    for kind in SubmissionKind:
        slug = "" if kind is SubmissionKind.NOMINATION else EDITED
        name = "A Small Group" if kind is SubmissionKind.NOMINATION else ""
        create_submission(
            db,
            Submission(
                kind=kind,
                language=Language.ES,
                slug=slug,
                name=name,
                message="Dan clases de costura los martes.",
                contact="maria@example.org",
                source_url="https://example.org/noticia",
            ),
        )


def _add_partner(db: Database) -> None:
    draft = PartnerDraft(name="Test Gazette", origins=("https://gazette.example",))
    partner = create_partner(db, draft, by=None)
    add_counts(db, {(partner.id, CountKind.VIEW): 1234, (partner.id, CountKind.OPEN): 56})


def _import_and_publish(browser: Browser, site: Site, file: Path) -> None:
    file.write_text(CSV, encoding="utf-8")
    page = browser.new_context(base_url=site.url).new_page()
    sit_down(page, site, Role.REVIEWER)
    page.goto("/staff/imports/new")
    page.locator("[name=file]").set_input_files(file)
    page.locator("[name=source]").fill("A list of groups in Idaho")
    page.locator("[name=as_of]").fill("2026-10")
    page.locator("main form button[type=submit]").click()
    expect(page.locator("h1")).to_have_text("What do the columns hold?", timeout=BUSY_MS)
    page.locator("main form button[type=submit]").first.click()
    expect(page.locator("form#chosen")).to_be_visible(timeout=BUSY_MS)
    page.goto("/staff/publish")
    page.get_by_role("button", name="Publish now").click()
    page.wait_for_load_state()
    page.context.close()


Window = Callable[..., Page]


@pytest.fixture
def window(office: Site, browser: Browser) -> Iterator[Window]:
    """A window of the administrator, who may open everything."""
    contexts = []

    def open_(**options: object) -> Page:
        context = browser.new_context(base_url=office.url, **options)  # type: ignore[arg-type]
        contexts.append(context)
        page = context.new_page()
        sit_down(page, office, Role.ADMIN)
        return page

    yield open_
    for context in contexts:
        context.close()


@pytest.fixture(scope="module")
def wide(office: Site, browser: Browser) -> Iterator[Page]:
    """One window of the administrator for all pages that only look."""
    context = browser.new_context(base_url=office.url, viewport=WIDE)
    page = context.new_page()
    sit_down(page, office, Role.ADMIN)
    yield page
    context.close()


def test_no_page_is_forgotten(tmp_path: Path) -> None:
    settings = Settings(instance=tmp_path, data=tmp_path, secret_key="test-key " * 8)
    rules = create_app(settings).url_map.iter_rules()
    pages = {
        rule.endpoint
        for rule in rules
        if rule.rule.startswith("/staff") and "GET" in (rule.methods or ())
    }
    told = {name.partition(" ")[0] for name in PAGES} | PUBLIC_PAGES | NO_PAGES
    assert pages - told == {"staff_publishing.confirm_return"}  # its address is not known before


@pytest.mark.parametrize("name", PAGES)
def test_a_page_of_the_desk_is_for_everyone(wide: Page, name: str) -> None:
    answer = wide.goto(PAGES[name])
    assert answer is not None
    assert answer.status == (404 if name == "staff no such page" else 200)
    assert faults_at_every_size(wide) == []


def test_going_back_is_for_everyone(window: Window) -> None:
    page = window(viewport=WIDE)
    page.goto("/staff/publish")
    page.get_by_role("link", name="Let this one serve").first.click()
    assert faults_at_every_size(page) == []


@pytest.mark.parametrize("name", DARK)
def test_a_page_of_the_desk_is_for_everyone_in_the_dark(window: Window, name: str) -> None:
    page = window(viewport=NARROW, color_scheme="dark")
    page.goto(PAGES[name])
    assert page.evaluate("getComputedStyle(document.body).backgroundColor") != "rgb(255, 255, 255)"
    assert faults(page) == []


def test_coming_in_is_for_everyone(office: Site, browser: Browser) -> None:
    db = connect(office.instance / "waymark.db")
    link = create_link(db, create_account(db, "new@example.org", Role.EDITOR))
    db.close()
    for path in ("/staff/login", f"/staff/welcome/{link}"):
        context = browser.new_context(base_url=office.url, viewport=WIDE)
        page = context.new_page()
        page.goto(path)
        assert faults_at_every_size(page) == []
        context.close()
