from __future__ import annotations

import pytest

from tests.web.client import PageClient

PAGES = ["/about", "/about/vetting", "/about/privacy", "/about/accessibility"]


@pytest.mark.parametrize("path", PAGES)
def test_each_page_is_in_order_in_both_languages(client: PageClient, path: str) -> None:
    english, spanish = client.page(path), client.page("/es" + path)
    assert english.headings != spanish.headings
    assert path in spanish.links
    assert "/es" + path in english.links


def test_titles_are_unique(client: PageClient) -> None:
    paths = [*PAGES, *("/es" + path for path in PAGES)]
    titles = [client.page(path).title for path in paths]
    # "Error" apart, no page of one language is named as one of the other.
    assert len(set(titles)) == len(titles)


def test_the_privacy_page_says_what_the_forms_keep(client: PageClient) -> None:
    text = client.get("/about/privacy").text
    assert "that counts for one hour" in text
    assert "No cookies" in text
