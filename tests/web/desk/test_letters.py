from __future__ import annotations

import re
from collections.abc import Iterator
from dataclasses import replace
from urllib.parse import parse_qs, urlsplit

import pytest
from flask import Flask

from recommender.models import Language, Submission, SubmissionKind
from recommender.store.inbox import (
    CONTACT_DAYS,
    Handling,
    InboxItem,
    Outcome,
    SubmissionStatus,
)
from recommender.web.desk.letters import (
    REASONS,
    Letter,
    _find_text,
    write_answer,
    write_question,
)

NAME, SLUG = "Test {Braces} & Café", "test-cafe"
OUTCOMES = {
    SubmissionKind.NOMINATION: (Outcome.LISTED, Outcome.KNOWN, Outcome.CLOSED),
    SubmissionKind.FIX: (Outcome.CHANGED, Outcome.CLOSED),
    SubmissionKind.CLAIM: (Outcome.CONFIRMED, Outcome.CLOSED),
    SubmissionKind.PARTNER: (Outcome.CLOSED,),
    SubmissionKind.REMOVAL: (Outcome.TAKEN_DOWN, Outcome.BARRED, Outcome.CLOSED),
}
CASES = [(kind, outcome, "") for kind, outcomes in OUTCOMES.items() for outcome in outcomes]
CASES += [(kind, Outcome.DECLINED, code) for kind, codes in REASONS.items() for code in codes]
GONE = {Outcome.TAKEN_DOWN, Outcome.BARRED}


@pytest.fixture(autouse=True)
def request_context(app: Flask) -> Iterator[None]:
    with app.test_request_context("/staff/inbox", base_url="https://waymark.example"):
        yield


def item(
    kind: SubmissionKind, language: Language = Language.EN, contact: str = "ana@example.org"
) -> InboxItem:
    is_listed = kind not in (SubmissionKind.NOMINATION, SubmissionKind.PARTNER)
    return InboxItem(
        id=7,
        created_at="2026-01-01T00:00:00Z",
        status=SubmissionStatus.NEW,
        listed_as=NAME if is_listed else "",
        submission=Submission(
            kind=kind,
            language=language,
            message="canary",
            name="" if is_listed else NAME,
            slug="" if kind is SubmissionKind.PARTNER else SLUG,
            contact=contact,
        ),
    )


def handled(found: InboxItem, outcome: Outcome, reason: str = "") -> InboxItem:
    action = Handling(
        outcome=outcome, reason=reason, note="inner", staff_name="Bo", created_at="2026-01-02"
    )
    return replace(found, actions=(action,))


def answer(kind: SubmissionKind, language: Language, outcome: Outcome, reason: str = "") -> Letter:
    letter = write_answer(handled(item(kind, language), outcome, reason))
    assert letter is not None
    return letter


@pytest.mark.parametrize("language", Language)
@pytest.mark.parametrize(("kind", "outcome", "reason"), CASES)
def test_there_is_a_letter_for_every_outcome(
    kind: SubmissionKind, outcome: Outcome, reason: str, language: Language
) -> None:
    letter = answer(kind, language, outcome, reason)
    assert letter.language is language
    assert letter.address == "ana@example.org"
    assert NAME in letter.subject
    # What staff wrote for each other, and who they are, is not told.
    for inner in ("inner", "Bo\n", "canary", "None"):
        assert inner not in letter.body + letter.subject
    prefix = "/es" if language is Language.ES else ""
    addresses = set(re.findall(r"https://\S+", letter.body))
    assert addresses <= {f"https://waymark.example{prefix}/nonprofits/{SLUG}"}
    assert addresses or outcome in GONE | {Outcome.CLOSED, Outcome.DECLINED}
    assert not (outcome in GONE and addresses)
    sentence, name = (
        ("La forma de comunicarnos con usted se borra", "El equipo editor de Waymark")
        if language is Language.ES
        else ("How to reach you is erased", "The editors of Waymark")
    )
    assert sentence in letter.body
    assert f"{CONTACT_DAYS} d" in letter.body
    assert letter.body.endswith(f"\n\n{name}")
    assert "—" not in letter.body


@pytest.mark.parametrize(("kind", "outcome", "reason"), CASES)
def test_both_languages_are_written(kind: SubmissionKind, outcome: Outcome, reason: str) -> None:
    english = answer(kind, Language.EN, outcome, reason).body
    spanish = answer(kind, Language.ES, outcome, reason).body
    assert english.startswith("Hello,\n\n")
    assert spanish.startswith("Hola:\n\n")
    assert 0.6 < len(spanish) / len(english) < 1.7
    assert not re.search(r"\b(the|and|you)\b", spanish)


def test_every_reason_but_the_others_has_words_of_its_own() -> None:
    for kind, codes in REASONS.items():
        texts = [_find_text(item(kind), code)[Language.EN] for code in codes]
        assert len(set(texts)) == len(texts)


def test_no_letter_tells_that_a_group_asked_not_to_be_listed() -> None:
    letter = answer(SubmissionKind.NOMINATION, Language.EN, Outcome.DECLINED, "not-possible")
    assert not re.search(r"asked|wish|list kept|do-not", letter.body)


@pytest.mark.parametrize("kind", SubmissionKind)
def test_where_nothing_was_done_there_is_no_letter(kind: SubmissionKind) -> None:
    assert write_answer(item(kind)) is None
    assert write_answer(handled(item(kind), Outcome.REOPENED)) is None


@pytest.mark.parametrize("language", Language)
@pytest.mark.parametrize("kind", SubmissionKind)
def test_claims_and_removals_are_asked_about_and_nobody_is_named(
    kind: SubmissionKind, language: Language
) -> None:
    letter = write_question(item(kind, contact="secret@example.org"), language)
    asked_about = {SubmissionKind.CLAIM, SubmissionKind.REMOVAL}
    assert (letter is not None) == (kind in asked_about)
    if letter is not None:
        assert NAME in letter.subject
        assert NAME in letter.body
        assert "secret" not in letter.body
        assert "canary" not in letter.body
        # It goes to somebody of whom nothing is kept.
        assert str(CONTACT_DAYS) not in letter.body
        assert (letter.address, letter.mailto) == ("", "")


def test_a_letter_opens_in_ones_own_mail() -> None:
    letter = answer(SubmissionKind.FIX, Language.ES, Outcome.CHANGED)
    parts = urlsplit(letter.mailto)
    assert (parts.scheme, parts.path) == ("mailto", "ana%40example.org")
    sent = parse_qs(parts.query, strict_parsing=True)
    assert sent == {"subject": [letter.subject], "body": [letter.body.replace("\n", "\r\n")]}


@pytest.mark.parametrize(
    "contact",
    [
        *("", "419 555 0100", "ana", "ana@", "@example.org", "ana@localhost", "ana@@example.org"),
        *("ana@example.org, bo@example.org", "a@b.c?bcc=x@y.z", "a b@example.org", "a@b.c\nBcc: x"),
        *("mailto:ana@example.org", "<ana@example.org>", "ána@example.org", "a@b..c", "a@b.c "),
    ],
)
def test_only_a_plain_address_is_written_to(contact: str) -> None:
    found = handled(item(SubmissionKind.CLAIM, contact=contact), Outcome.CONFIRMED)
    letter = write_answer(found)
    assert letter is not None
    assert (letter.address, letter.mailto) == ("", "")
