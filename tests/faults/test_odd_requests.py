"""Requests that no form of ours sends: each is answered, and none is the server's failure."""

from __future__ import annotations

import json
from urllib.parse import urlencode

import pytest

from tests.serving import Answer, Site

DEEP = b"[" * 100_000
FORM = {"Content-Type": "application/x-www-form-urlencoded"}
JSON = {"Content-Type": "application/json"}
DIGITS = "9" * 30
TOKEN = "gAAAA" + "B" * 4_990

BODIES = {
    "100,000 deep": DEEP,
    "100,000 deep in a field": b'{"text": ' + DEEP,
    "deep objects": b'{"filters":' * 40_000,
    "half a character": b'{"text": "\\ud800"}',
    "half a character as a name": b'{"\\udfff": 1}',
    "2^70": b'{"text": "x", "n": 1180591620717411303424}',
    "a number of 5,000 digits": b'{"text": "x", "n": ' + b"9" * 5_000 + b"}",
    "a list for a scalar": b'{"text": ["x"], "place": {"city": 1}}',
    "a scalar for a list": b'{"text": "x", "services": "legal-services"}',
    "NaN": b'{"text": "x", "radius_km": NaN}',
    "infinity": b'{"text": "x", "weights": {"place": -Infinity}}',
    "1e999": b'{"text": "x", "radius_km": 1e999}',
    "NUL": b'{"text": "x\\u0000y", "place": "\\u0000"}',
    "raw NUL": b'{"text": "x\x00y"}',
    "no UTF-8": b'{"text": "\xff\xfe"}',
    "a mark of byte order": b'\xef\xbb\xbf{"text": "x"}',
    "nothing": b"",
    "null": b"null",
    "true": b"true",
    "a name twice": b'{"text": "x", "text": "y"}',
    "no JSON": b"text=x",
}
PATHS = (
    "/%ff%fe",
    "/%00",
    "/nonprofits/%00",
    "/nonprofits/%ed%a0%80",
    f"/nonprofits/{DIGITS}",
    "/nonprofits/" + "x" * 3_900,
    "/nonprofits/..%2f..%2fetc%2fpasswd",
    "/static/..%2f..%2fapp.py",
    "/static/%00.css",
    f"/learn/{DIGITS}",
    "/learn/%f0%9f",
    "/learn?page=abc",
    f"/learn?page={DIGITS}",
    "/learn?page=-1",
    "/learn?topic=%ff&kind=%00",
    "/directory?page=abc",
    f"/directory?page={DIGITS}",
    "/directory?page=NaN&sort=%ff",
    "/directory?state=%00&reach=%ed%a0%80&service=x&service=y",
    "/directory?" + "&".join(f"state={n}" for n in range(900)),
    "/compare?slugs=%00,%ff," + "," * 500,
    f"/matches/{TOKEN[:3_900]}",
    "/matches/%ff",
    "/matches/gAAAA?n=abc",
    f"/directory/{TOKEN[:3_900]}",
    "/topics/asylum-and-the-border/%00",
    "/es/%c3%28",
    "/thanks/%00",
    f"/api/v1/nonprofits?page={DIGITS}",
    "/api/v1/nonprofits?page=abc",
    "/api/v1/nonprofits?radius_km=NaN&place=04101",
    "/api/v1/nonprofits?q=%ff%00",
    "/api/v1/nonprofits?q=%ed%a0%80",
    "/api/v1/nonprofits/%00",
    f"/api/v1/nonprofits/{DIGITS}/similar?n=2e9",
    "/api/v1/places?q=%00",
    f"/api/v1/places?q={DIGITS}",
    "/api/v1/resources?page=1180591620717411303424",
    "/?q=" + "y" * 4_000,
    "//example.com/%2e%2e",
)
FORMS: dict[str, bytes] = {
    "nothing": b"",
    "no UTF-8": b"text=%ff%fe&place=%ff&q=%ff&message=%ff",
    "raw bytes": b"text=\xff\x00&place=\xfe",
    "NUL": b"text=a%00b&place=%00&q=%00&message=%00",
    "half a character": b"text=%ed%a0%80&place=%ed%a0%80&q=%ed%a0%80&message=%ed%a0%80",
    "no numbers": b"text=x&q=x&radius_km=abc&weight-place=NaN&scope=%00",
    "endless numbers": b"text=x&q=x&radius_km=1e999&weight-place=" + b"9" * 400,
    "lists": urlencode({"text": ["a", "b"], "place": ["c", "d"], "q": ["e", "f"]}, True).encode(),
    "unknown tags": b"text=x&services=nope&populations=%ff&languages=" + b"z" * 5_000,
    "1,000 fields": b"&".join(b"services=%d" % n for n in range(1_000)),
    "a token of nonsense": b"kept=" + b"g" * 6_000,
    "10,000 letters": b"place=" + b"x" * 10_000 + b"&q=" + b"y" * 10_000,
}
TAKERS = (
    "/match",
    "/es/match",
    "/directory",
    "/matches/gAAAA",
    "/learn/sanctuary-cities-hold-their-ground/near",
    "/topics/asylum-and-the-border/near",
    "/suggest",
    "/nonprofits/raices/suggest-fix",
)


def is_in_order(answer: Answer) -> bool:
    """Whether it is an answer to the request, with no trace of our code in it."""
    return 200 <= answer.status < 500 and b"Traceback" not in answer.body


@pytest.mark.parametrize("body", BODIES)
def test_any_body_is_answered_by_the_api(site: Site, body: str) -> None:
    answer = site.fetch("/api/v1/matches", "POST", BODIES[body], JSON)
    assert answer.status in {400, 422}
    assert set(json.loads(answer.body)) == {"error"}


@pytest.mark.parametrize("path", PATHS, ids=lambda path: path[:50])
def test_any_address_is_answered(site: Site, path: str) -> None:
    for prefix in ("", "/es"):
        if prefix and path.startswith(("/api", "/static", "//", "/es")):
            continue
        assert is_in_order(site.fetch(prefix + path)), path


@pytest.mark.usefixtures("patient")
@pytest.mark.parametrize("form", FORMS)
def test_any_form_is_answered(site: Site, form: str) -> None:
    for path in TAKERS:
        assert is_in_order(site.fetch(path, "POST", FORMS[form], FORM)), path
        parts = {"Content-Type": "multipart/form-data; boundary=x"}
        assert is_in_order(site.fetch(path, "POST", FORMS[form], parts)), path


@pytest.mark.parametrize("path", ["/match", "/directory", "/suggest", "/api/v1/matches"])
def test_600_kilobytes_are_too_much(site: Site, path: str) -> None:
    kind = JSON if path.startswith("/api/") else FORM
    answer = site.fetch(path, "POST", b"text=" + b"x" * 600_000, kind)
    assert answer.status == 413
    assert answer.headers["x-content-type-options"] == "nosniff"


def test_an_address_of_5000_letters_is_refused_before_it_is_read(site: Site) -> None:
    assert 400 <= site.fetch("/directory?q=" + "x" * 5_000).status < 500


def test_an_answer_that_is_our_failure_would_be_seen() -> None:
    assert not is_in_order(Answer(status=500, headers={}, body=b""))
    assert not is_in_order(Answer(status=200, headers={}, body=b"Traceback (most recent"))


def test_a_visitor_who_goes_away_harms_nobody(site: Site) -> None:
    half = b"POST /match HTTP/1.1\r\nHost: x\r\nContent-Length: 500\r\n\r\ntext=a"
    for _ in range(20):
        site.say(half)
    assert site.fetch("/").status == 200
