import pytest
from hypothesis import given
from hypothesis import strategies as st

from recommender.errors import InvalidPartner
from recommender.store.origins import parse_origin


@pytest.mark.parametrize(
    ("text", "origin"),
    [
        ("https://news.example.org", "https://news.example.org"),
        (" HTTPS://News.Example.ORG/ ", "https://news.example.org"),
        ("https://news.example.org:443", "https://news.example.org"),
        ("https://news.example.org:8443", "https://news.example.org:8443"),
        ("https://bücher.example.org", "https://xn--bcher-kva.example.org"),
        ("https://diario.españa.es", "https://diario.xn--espaa-rta.es"),
        ("https://group.github.io", "https://group.github.io"),
        ("http://localhost", "http://localhost"),
        ("http://localhost:8000", "http://localhost:8000"),
        ("http://127.0.0.1:3000/", "http://127.0.0.1:3000"),
        ("https://localhost:8443", "https://localhost:8443"),
    ],
)
def test_an_origin_is_kept_as_a_browser_names_it(text: str, origin: str) -> None:
    assert parse_origin(text) == origin
    assert parse_origin(origin) == origin


@pytest.mark.parametrize(
    "text",
    [
        *("", "news.example.org", "//news.example.org", "https://", "https:///", "null", "*"),
        *("http://news.example.org", "ftp://news.example.org", "javascript:alert(1)", "data:,x"),
        *("https://*", "https://*.example.org", "https://news.*", "https://news.example.org:*"),
        *("https://com", "https://co.uk", "https://github.io", "https://intranet", "https://org."),
        *(
            "https://a@news.example.org",
            "https://a:b@news.example.org",
            "https://@news.example.org",
        ),
        *("https://news.example.org/a", "https://news.example.org//", "https://news.example.org?a"),
        *("https://news.example.org#", "https://news.example.org\\a", "https:\\\\news.example.org"),
        *("https://news.example.org:x", "https://news.example.org:99999", "https://example.org."),
        *("https://10.0.0.1", "https://[::1]", "https://[", "http://0.0.0.0", "http://127.0.0.2"),
        *("https://2130706433", "https://-a.org", "https://a_b.example.org", "https://a..org"),
        *("https://a.org https://b.org", "https://a.org; script-src *", "https://a.org,b.org"),
        *("https://a.org\nhttps://b.org", "https://a.org'self'", "http://localhost.example.org"),
    ],
)
def test_anything_wider_or_less_safe_than_one_site_is_refused(text: str) -> None:
    with pytest.raises(InvalidPartner):
        parse_origin(text)


@given(st.text(max_size=60) | st.text(alphabet="https:/.*@a-b;' ,", max_size=40))
def test_no_text_yields_more_than_one_source_of_a_header(text: str) -> None:
    for prefix in ("", "https://", "http://localhost"):
        try:
            origin = parse_origin(prefix + text)
        except InvalidPartner:
            continue
        assert origin.isascii()
        assert not set(origin) & set(" ;,'*@\"\\?#\t\r\n")
        assert origin.count("/") == 2
