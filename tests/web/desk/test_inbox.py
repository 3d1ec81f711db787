"""The inbox through its pages: a message becomes a revision, an answer, or both."""

from __future__ import annotations

import html
import re
from collections.abc import Iterator
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import pytest
from flask import Flask

from recommender import store
from recommender.config import Settings
from recommender.models import (
    Language,
    Nonprofit,
    PartnerDraft,
    RevisionState,
    Status,
    Submission,
    SubmissionKind,
    Tag,
    Visibility,
)
from recommender.store.accounts import Role
from recommender.store.catalog import set_status
from recommender.store.handling import Act, close
from recommender.store.history import list_revisions
from recommender.store.inbox import (
    CONTACT_DAYS,
    InboxItem,
    Outcome,
    create_submission,
    get_submission,
)
from recommender.store.listings import find_status, get_listing
from recommender.store.partners import create_partner
from recommender.web.desk.inbox import link_of, waited
from recommender.web.desk.nominations import VISITOR, sought_in
from tests.web.client import PageClient
from tests.web.desk import DeskClient, sign_in
from tests.web.desk.test_listings import form_of
from tests.web.small_site import copy_site, make_site

LAWYERS, HOUSE = "test-border-lawyers", "test-haitian-house"


@pytest.fixture(scope="module")
def site(
    tmp_path_factory: pytest.TempPathFactory,
    catalogue: tuple[Nonprofit, ...],
    taxonomy: tuple[Tag, ...],
) -> Settings:
    return make_site(tmp_path_factory.mktemp("site"), catalogue, taxonomy)


@pytest.fixture
def app(tmp_path: Path, site: Settings) -> Flask:
    return copy_site(site, tmp_path)


@pytest.fixture
def db(app: Flask) -> Iterator[store.Database]:
    db = store.connect(app.config["WAYMARK"].database)
    yield db
    db.close()


@pytest.fixture
def editor(app: Flask) -> DeskClient:
    return sign_in(app, Role.EDITOR)


@pytest.fixture
def reviewer(app: Flask) -> DeskClient:
    return sign_in(app, Role.REVIEWER)


def send(db: store.Database, kind: SubmissionKind, **parts: Any) -> int:
    is_new = kind in (SubmissionKind.NOMINATION, SubmissionKind.PARTNER)
    given = {"message": "Please look.", "slug": "" if is_new else LAWYERS, **parts}
    return create_submission(db, Submission(**{"language": Language.EN, "kind": kind, **given}))


def nominate(db: store.Database, name: str, **parts: Any) -> int:
    return send(db, SubmissionKind.NOMINATION, name=name, **parts)


def act(client: DeskClient, number: int, what: str, **form: Any) -> tuple[int, str]:
    response = client.submit(f"/staff/inbox/{number}/{what}", **form)
    return response.status_code, response.headers.get("Location", "")


def done(number: int, outcome: str) -> tuple[int, str]:
    return 303, f"/staff/inbox/{number}?done={outcome}"


def of(db: store.Database, number: int) -> InboxItem:
    return get_submission(db, number)


# --- The list ----------------------------------------------------------------------------


def test_what_is_pressing_stands_first(db: store.Database, editor: DeskClient) -> None:
    assert "Nothing waits here" in editor.page("/staff/inbox").source
    for kind in SubmissionKind:
        send(db, kind)
    page = editor.page("/staff/inbox")
    assert re.findall(r"/staff/inbox/(\d)", page.source) == ["4", "3", "2", "5", "1"]
    assert '<span class="desk-count">5<' in editor.page("/staff").source
    assert re.findall(r"/staff/inbox/(\d)", editor.page("/staff/inbox?kind=fix").source) == ["2"]
    act(editor, 2, "decline", reason="right")
    assert len(re.findall(r"/staff/inbox/(\d)", editor.page("/staff/inbox").source)) == 4
    declined = editor.page("/staff/inbox?status=declined").source
    assert "editor: declined" in declined
    assert "Nothing here yet" in editor.page("/staff/inbox?status=done").source


def test_the_list_has_pages(db: store.Database, editor: DeskClient) -> None:
    for _ in range(51):
        send(db, SubmissionKind.FIX)
    page = editor.page("/staff/inbox?kind=fix&page=2")
    assert "here 51 to 51" in page.source
    assert "/staff/inbox?kind=fix&page=1" in page.links
    assert "beyond the last one" in editor.page("/staff/inbox?page=9").source


def test_odd_requests_are_answered(db: store.Database, editor: DeskClient) -> None:
    number = send(db, SubmissionKind.FIX)
    for odd in ("x", "-1", "0", "9" * 30, "%00", "٣", "'%20OR%201"):
        for name in ("kind", "status", "page"):
            assert editor.get(f"/staff/inbox?{name}={odd}").status_code == 200
        assert editor.get(f"/staff/inbox/{odd}").status_code == 404
        assert editor.submit(f"/staff/inbox/{odd}/decline").status_code == 404
        assert editor.get(f"/staff/inbox/{number}?done={odd}").status_code == 200
        assert editor.get(f"/staff/listings/{LAWYERS}/edit?about={odd}").status_code == 200
        for what in ("list", "known", "confirm", "take-down", "decline", "reopen"):
            form = {"reason": odd, "slug": odd, "how": odd, "note": odd}
            assert act(editor, number, what, **form)[0] in (404, 409), what
    assert of(db, number).actions == ()


def test_what_was_sent_is_shown_as_text_with_the_host_of_its_links(
    db: store.Database, editor: DeskClient
) -> None:
    number = nominate(
        db,
        "<b>Bold</b> & Co",
        message="One line.\nAnother <script>alert(1)</script>",
        website="news.example.org/a",
        source_url="http://plain.example.org",
        contact="lupita@example.org",
        language=Language.ES,
    )
    source = editor.page(f"/staff/inbox/{number}").source
    assert "&lt;script&gt;alert(1)" in source
    assert "<b>Bold" not in source
    link = '<a href="https://news.example.org/a" rel="noopener noreferrer nofollow">'
    assert link in source
    assert '<span class="hint host">news.example.org</span>' in source
    assert 'href="http://plain' not in source
    assert 'lang="es">One line.' in source


@pytest.mark.parametrize(
    ("typed", "link"),
    [
        ("example.org", ("https://example.org", "example.org")),
        ("https://www.example.org/x", ("https://www.example.org/x", "example.org")),
        ("http://example.org", ("", "")),
        ("javascript:alert(1)", ("", "")),
        ("javascript://example.org/%0aalert(1)", ("", "")),
        ("https://[::1", ("", "")),
        ("", ("", "")),
    ],
)
def test_only_safe_addresses_become_links(typed: str, link: tuple[str, str]) -> None:
    assert link_of(typed) == link


@pytest.mark.parametrize(
    ("since", "words"),
    [
        ("2026-03-10T11:59:30Z", "less than a minute"),
        ("2026-03-10T11:58:00Z", "2 minutes"),
        ("2026-03-10T11:00:00Z", "1 hour"),
        ("2026-03-09T11:59:00Z", "1 day"),
        ("2023-01-01T00:00:00Z", "1,164 days"),
    ],
)
def test_waiting_is_told_in_words(since: str, words: str) -> None:
    assert waited(since, datetime(2026, 3, 10, 12, tzinfo=UTC)) == words


def test_everybody_at_the_desk_sees_who_did_what(
    db: store.Database, editor: DeskClient, reviewer: DeskClient
) -> None:
    number = send(db, SubmissionKind.FIX, contact="ana@example.org")
    assert act(editor, number, "close", note="Told them by mail.") == done(number, "closed")
    source = reviewer.page(f"/staff/inbox/{number}").source
    assert re.search(r"UTC</time>, editor: Closed it. “Told them by mail.”", source)
    assert act(reviewer, number, "decline", reason="right")[0] == 409
    assert act(reviewer, number, "reopen") == done(number, "reopened")
    source = editor.page(f"/staff/inbox/{number}").source
    assert "reviewer: Put it back into the inbox" in source
    assert 'id="answer"' not in source


def test_a_letter_is_ready_in_the_senders_language(db: store.Database, editor: DeskClient) -> None:
    number = send(db, SubmissionKind.FIX, contact="lupita@example.org", language=Language.ES)
    act(editor, number, "decline", reason="unverified")
    page = editor.page(f"/staff/inbox/{number}")
    assert "Gracias por su corrección a la ficha de Test Border Lawyers." in page.source
    mail = next(link for link in page.links if link.startswith("mailto:"))
    assert mail.startswith("mailto:lupita%40example.org?subject=Su%20mensaje%20a%20Waymark")
    by_phone = send(db, SubmissionKind.FIX, contact="419 555 0100")
    act(editor, by_phone, "decline", reason="right")
    page = editor.page(f"/staff/inbox/{by_phone}")
    assert not [link for link in page.links if link.startswith("mailto:")]
    assert "<strong>419 555 0100</strong>" in page.source
    nobody = send(db, SubmissionKind.FIX)
    act(editor, nobody, "decline", reason="right")
    source = editor.page(f"/staff/inbox/{nobody}").source
    assert "nobody has to answer" in source
    assert 'id="letter-body"' not in source


def test_a_refusal_needs_its_reason(db: store.Database, editor: DeskClient) -> None:
    number = send(db, SubmissionKind.CLAIM)
    # A reason of another kind is none.
    for reason in ("", "nope", "scope", "unwanted"):
        assert act(editor, number, "decline", reason=reason)[0] == 409
    assert act(editor, number, "decline", reason="other")[0] == 409
    assert act(editor, number, "decline", reason="other", note="Twice.") == done(number, "declined")
    assert (of(db, number).actions[0].reason, of(db, number).actions[0].note) == ("other", "Twice.")


def test_opening_the_inbox_erases_contacts_in_time(db: store.Database, editor: DeskClient) -> None:
    number = send(db, SubmissionKind.FIX, contact="ana@example.org")
    close(db, number, Act(outcome=Outcome.CLOSED), by=editor.account.id)
    editor.get("/staff/inbox")
    assert of(db, number).submission.contact
    long_ago = f"strftime('%Y-%m-%dT%H:%M:%SZ', 'now', '-{CONTACT_DAYS} days', '-1 minute')"
    db.execute(f"UPDATE submissions SET handled_at = {long_ago}")
    editor.get("/staff/inbox")
    assert of(db, number).submission.contact == ""
    source = editor.page(f"/staff/inbox/{number}").source
    assert "erased on " in source
    assert "mailto:" not in source


# --- Suggestions -------------------------------------------------------------------------


def test_a_suggestion_becomes_a_listing_with_one_click(
    db: store.Database, editor: DeskClient
) -> None:
    number = nominate(
        db,
        "Casa  Nueva",
        message="English classes, EIN 12-3456789, for refugees.",
        website="casanueva.example.org/",
        place="portland me",
        source_url="https://news.example.org/a",
    )
    assert "No listing of any state has this name" in editor.page(f"/staff/inbox/{number}").source
    assert act(editor, number, "list") == (303, f"/staff/listings/casa-nueva/edit?about={number}")
    made = get_listing(db, "casa-nueva").nonprofit
    assert (made.status, made.name, made.website) == (
        Status.NOMINATED,
        "Casa Nueva",
        "https://casanueva.example.org",
    )
    # Of what a visitor wrote nothing becomes a fact by itself.
    assert (made.summary_en, made.summary_es, made.ein, made.services) == ("", "", "", ())
    (office,) = made.locations
    assert (office.city, office.state, office.visibility) == ("Portland", "ME", Visibility.CITY)
    (source,) = made.sources
    assert (source.facts, source.source) == ("identity", "https://news.example.org/a")
    assert source.as_of == of(db, number).created_at[:7]
    page = editor.page(f"/staff/listings/casa-nueva/edit?about={number}")
    assert 'value="https://casanueva.example.org"' in page.source
    assert "English classes, EIN 12-3456789, for refugees." in page.source
    item = of(db, number)
    assert (item.status, item.submission.slug) == ("done", "casa-nueva")
    assert item.actions[0].revision == 1


@pytest.mark.parametrize(
    ("place", "city", "state"),
    [
        ("Houston, TX", "Houston", ""),
        ("77002", "Houston", ""),
        ("Maine", "", "ME"),
        ("somewhere", "", ""),
        ("", "", ""),
        ("x" * 200, "", ""),
    ],
)
def test_a_place_that_cannot_be_read_is_left_out(
    db: store.Database, editor: DeskClient, place: str, city: str, state: str
) -> None:
    number = nominate(db, "Casa Nueva", place=place, website="http://exämple .org")
    act(editor, number, "list")
    made = get_listing(db, "casa-nueva").nonprofit
    assert [spot.city for spot in made.locations] == ([city] if city else [])
    assert [area.state for area in made.service_areas] == ([state] if state else [])
    assert made.website == ""
    assert made.sources[0].source == VISITOR


@pytest.mark.parametrize(
    ("name", "slug"),
    [
        ("Test Border Lawyers", f"{LAWYERS}-2"),
        ("New", "new-2"),
        ("!!!", "listing"),
        ("á" * 150, "a" * 60),
    ],
)
def test_an_address_is_found_for_every_name(
    db: store.Database, editor: DeskClient, name: str, slug: str
) -> None:
    number = nominate(db, name)
    assert editor.get(f"/staff/inbox/{number}").status_code == 200
    assert act(editor, number, "list") == (303, f"/staff/listings/{slug}/edit?about={number}")
    assert find_status(db, slug) is Status.NOMINATED


def test_lookalikes_are_told_with_ein_and_city_and_can_be_the_one(
    db: store.Database, editor: DeskClient
) -> None:
    number = nominate(db, "Border Lawyers", contact="ana@example.org")
    page = editor.page(f"/staff/inbox/{number}")
    assert f"/staff/listings/{LAWYERS}" in page.links
    assert "Brownsville, TX; EIN 00-0000001; nearly the same name" in html.unescape(page.source)
    assert act(editor, number, "known")[0] == 409
    assert act(editor, number, "known", slug="nobody")[0] == 404
    assert act(editor, number, "known", slug=LAWYERS) == done(number, "known")
    assert "It is listed already:" in editor.page(f"/staff/inbox/{number}").source


def test_numbers_in_a_message_may_be_an_ein(db: store.Database) -> None:
    text = "EIN 00-0000001, or 000000002; call 419-555-0100 or 1234567890"
    item = of(db, nominate(db, "Unheard of", message=text))
    assert sought_in(item).eins == ("000000001", "000000002")


def test_what_asked_not_to_be_listed_is_not(db: store.Database, editor: DeskClient) -> None:
    set_status(db, HOUSE, Status.DO_NOT_LIST)
    number = nominate(db, "TEST HAITIAN HOUSE, Inc.")
    source = editor.page(f"/staff/inbox/{number}").source
    assert "is on the do-not-list as" in source
    assert "Make a listing of it" not in source
    status, _ = act(editor, number, "list")
    assert status == 409
    assert of(db, number).actions == ()


# --- Corrections -------------------------------------------------------------------------


def edit(client: DeskClient, app: Flask, number: int, **changes: Any) -> tuple[int, str]:
    form = {**form_of(app, LAWYERS, **changes), "about": str(number)}
    response = client.submit(f"/staff/listings/{LAWYERS}/edit", **form)
    return response.status_code, response.headers.get("Location", "")


def test_a_correction_is_beside_the_form_and_closed_by_the_save(
    app: Flask, db: store.Database, editor: DeskClient
) -> None:
    number = send(db, SubmissionKind.FIX, message="They serve the whole valley.")
    address = f"/staff/listings/{LAWYERS}/edit?about={number}"
    assert address in editor.page(f"/staff/inbox/{number}").links
    assert "They serve the whole valley." in editor.page(address).source
    assert "They serve" not in editor.page(f"/staff/listings/{LAWYERS}/edit").source
    # What has to be mended, or was only looked at, closes nothing.
    status, _ = edit(editor, app, number, name="")
    assert (status, of(db, number).status) == (422, "new")
    assert edit(editor, app, number)[1].endswith("done=unchanged")
    assert of(db, number).status == "new"
    assert edit(editor, app, number, serves="The valley") == done(number, "changed")
    item, entry = of(db, number), list_revisions(db, LAWYERS)[0]
    assert (item.status, item.actions[0].outcome) == ("done", Outcome.CHANGED)
    assert (item.actions[0].revision, entry.state) == (entry.number, RevisionState.PENDING)
    page = editor.page(f"/staff/inbox/{number}?done=changed")
    assert f"/staff/review/{LAWYERS}/{entry.number}" in page.links


def test_only_the_message_of_the_listing_is_closed(
    app: Flask, db: store.Database, editor: DeskClient
) -> None:
    other = send(db, SubmissionKind.FIX, slug=HOUSE, message="About the house.")
    address = f"/staff/listings/{LAWYERS}/edit?about={other}"
    assert "About the house." not in editor.page(address).source
    assert edit(editor, app, other, serves="The valley")[1].endswith("done=pending")
    assert of(db, other).status == "new"
    claim = send(db, SubmissionKind.CLAIM, message="Ours.")
    assert edit(editor, app, claim, serves="The plain")[1].endswith("done=pending")
    assert of(db, claim).status == "new"


def test_a_listing_tells_of_its_messages(db: store.Database, editor: DeskClient) -> None:
    number = send(db, SubmissionKind.REMOVAL)
    page = editor.page(f"/staff/listings/{LAWYERS}")
    assert f"/staff/inbox/{number}" in page.links
    act(editor, number, "decline", reason="unverified")
    assert f"/staff/inbox/{number}" not in editor.page(f"/staff/listings/{LAWYERS}").links


# --- Claims ------------------------------------------------------------------------------


def test_a_claim_is_confirmed_elsewhere_and_noted(db: store.Database, editor: DeskClient) -> None:
    number = send(db, SubmissionKind.CLAIM, contact="boss@example.org")
    source = editor.page(f"/staff/inbox/{number}").source
    assert "does not come from this message" in source
    question = source[source.index('id="ask-en-body"') :]
    assert "Somebody who says that they work at Test Border Lawyers" in question
    assert "boss@example.org" not in question
    assert act(editor, number, "confirm", how="")[0] == 409
    assert act(editor, number, "confirm", how="Called the office.") == done(number, "confirmed")
    (entry,) = list_revisions(db, LAWYERS)
    assert entry.after is not None
    assert "Called the office." in entry.after.notes
    assert "boss@example.org" not in entry.after.notes + entry.note


# --- Removals ----------------------------------------------------------------------------


def test_a_listing_is_taken_down_with_one_click_and_barred_with_another(
    app: Flask, db: store.Database, editor: DeskClient, reviewer: DeskClient
) -> None:
    donor = app.test_client()
    assert isinstance(donor, PageClient)
    number = send(db, SubmissionKind.REMOVAL, contact="ana@example.org")
    source = editor.page(f"/staff/inbox/{number}").source
    assert "Take it down now" in source
    assert "A reviewer decides" in source
    assert donor.get(f"/nonprofits/{LAWYERS}").status_code == 200
    assert act(editor, number, "take-down") == done(number, "taken-down")
    for path in (f"/nonprofits/{LAWYERS}", f"/es/nonprofits/{LAWYERS}/suggest-fix"):
        assert donor.get(path).status_code == 410
    assert LAWYERS not in donor.get("/api/v1/nonprofits?per_page=100").text
    assert "to be decided for good" in editor.page("/staff/inbox").source
    source = editor.page(f"/staff/inbox/{number}?done=taken-down").source
    assert "We have taken down the listing" in source
    assert "Take it down now" not in source
    assert act(editor, number, "bar", confirm="yes")[0] == 403
    assert act(reviewer, number, "bar")[0] == 409
    assert of(db, number).status == "new"
    assert act(reviewer, number, "bar", confirm="yes") == done(number, "barred")
    assert find_status(db, LAWYERS) is Status.DO_NOT_LIST
    assert "kept on a list" in reviewer.page(f"/staff/inbox/{number}").source


def test_a_message_about_what_is_gone_can_be_closed(db: store.Database, editor: DeskClient) -> None:
    for status in (Status.WITHDRAWN, Status.DO_NOT_LIST, Status.ARCHIVED, Status.MERGED):
        set_status(db, LAWYERS, status)
        for kind in (SubmissionKind.FIX, SubmissionKind.CLAIM, SubmissionKind.REMOVAL):
            number = send(db, kind)
            source = editor.page(f"/staff/inbox/{number}").source
            assert "Edit the listing with" not in source
            assert "Take it down now" not in source
            assert act(editor, number, "close") == done(number, "closed")


SITE = {"name": "The Daily Cairn", "website": "https://news.example.org/about"}


def test_a_partner_s_message_has_its_own_label_filter_and_answer(
    app: Flask, db: store.Database, editor: DeskClient
) -> None:
    number = send(db, SubmissionKind.PARTNER, **SITE, contact="web@news.example.org")
    send(db, SubmissionKind.FIX)
    listed = editor.page("/staff/inbox?kind=partner").source
    assert re.findall(r"/staff/inbox/(\d)", listed) == [str(number)]
    assert f"Partner message {number}</a>" in listed
    assert "1 partner message waiting" in listed
    assert "/staff/inbox?kind=partner" in editor.page("/staff").links
    source = editor.page(f"/staff/inbox/{number}").source
    assert f"Partner message {number}: The Daily Cairn" in source
    assert "No partner has a site at news.example.org" in source
    assert "Add it as a partner" not in source
    assert "Never list it again" not in source
    assert act(editor, number, "close") == done(number, "closed")
    assert "about the widget and The Daily Cairn" in editor.page(f"/staff/inbox/{number}").source


def test_a_partner_is_added_from_its_message(app: Flask, db: store.Database) -> None:
    admin = sign_in(app, Role.ADMIN)
    number = send(db, SubmissionKind.PARTNER, **SITE)
    page = admin.page(f"/staff/inbox/{number}")
    (address,) = (link for link in page.links if link.startswith("/staff/partners/new"))
    form = admin.page(address).source
    assert 'value="The Daily Cairn"' in form
    assert "https://news.example.org</textarea>" in form
    create_partner(
        db,
        PartnerDraft(name="The Cairn", origins=("https://news.example.org",)),
        by=admin.account.id,
    )
    known = admin.page(f"/staff/inbox/{number}")
    assert "/staff/partners/1" in known.links
    assert address not in known.links


def test_no_word_of_a_query_steers_where_another_page_is(editor: DeskClient) -> None:
    answer = editor.get("/staff/inbox?endpoint=x&_scheme=javascript&_anchor=y&page=2")
    assert answer.status_code == 200
    assert "javascript:" not in answer.text
