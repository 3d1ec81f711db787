from __future__ import annotations

import io
import subprocess
import sys
from pathlib import Path

import pytest
from babel.messages.catalog import Catalog
from babel.messages.mofile import read_mo
from babel.messages.pofile import read_po
from flask import Flask
from hypothesis import given
from hypothesis import strategies as st
from markupsafe import Markup

from recommender.config import ROOT
from recommender.models import Language
from recommender.web import i18n
from tests.web.client import PageClient

FOLDER = i18n.TRANSLATIONS / "es" / "LC_MESSAGES"


@pytest.fixture(scope="module")
def spanish() -> Catalog:
    return read_po(io.BytesIO((FOLDER / "messages.po").read_bytes()), locale="es")


@pytest.fixture(scope="module")
def extracted(tmp_path_factory: pytest.TempPathFactory) -> Catalog:
    """Every message of the code and the templates as they are now."""
    file: Path = tmp_path_factory.mktemp("messages") / "messages.pot"
    command = [sys.executable, "-m", "babel.messages.frontend", "-q", "extract", "-F", "babel.cfg"]
    subprocess.run(
        [*command, "-k", "lazy_gettext", "-k", "N_", "-o", str(file), "."],
        cwd=ROOT,
        check=True,
        timeout=60,
    )
    return read_po(io.BytesIO(file.read_bytes()))


def _pairs(catalogue: Catalog) -> set[tuple[object, ...]]:
    """Messages and their Spanish; a message that counts is a tuple of its forms."""
    both = [(m.id, m.string) for m in catalogue if m.id]
    return {tuple(x if isinstance(x, str) else tuple(x) for x in pair) for pair in both}


def _is_translated(catalogue: Catalog, message_id: object) -> bool:
    message = catalogue.get(message_id if isinstance(message_id, str) else message_id[0])
    if message is None or message.fuzzy:
        return False
    strings = (message.string,) if isinstance(message.string, str) else message.string
    return all(strings)


def test_every_message_has_its_spanish(extracted: Catalog, spanish: Catalog) -> None:
    missing = [m.id for m in extracted if m.id and not _is_translated(spanish, m.id)]
    assert len(extracted) > 100
    assert missing == []


def test_a_message_without_spanish_would_be_seen(spanish: Catalog) -> None:
    assert not _is_translated(spanish, "A sentence that nobody has written")


def test_no_translation_is_left_over(extracted: Catalog, spanish: Catalog) -> None:
    assert {m.id for m in spanish if m.id} - {m.id for m in extracted} == set()


def test_placeholders_are_the_same_in_both_languages(spanish: Catalog) -> None:
    problems = [(m.id, str(error)) for m in spanish for error in m.check()]
    assert problems == []


def test_the_compiled_catalogue_is_that_of_the_po_file(spanish: Catalog) -> None:
    compiled = read_mo(io.BytesIO((FOLDER / "messages.mo").read_bytes()))
    assert _pairs(compiled) == _pairs(spanish)


@pytest.fixture
def speak(app: Flask):
    """Sets the language inside an application context."""
    with app.app_context():
        yield lambda language: i18n.speak(Language(language))
        i18n.speak(Language.EN)


@pytest.mark.parametrize(
    ("language", "iso", "words"),
    [
        ("en", "2024-01-24", "January 24, 2024"),
        ("es", "2024-01-24", "24 de enero de 2024"),
        ("en", "2024-01", "January 2024"),
        ("es", "2024-01", "enero de 2024"),
        ("en", "2020", "2020"),
        ("es", "2020", "2020"),
    ],
)
def test_dates_of_any_precision(speak, language: str, iso: str, words: str) -> None:
    speak(language)
    assert i18n.date(iso) == words


@pytest.mark.parametrize(
    ("language", "km", "words"),
    [
        ("en", 0.0, "less than a mile"),
        ("en", 1.61, "1 mile (2 km)"),
        ("en", 4.0, "2 miles (4 km)"),
        ("es", 1.0, "menos de una milla"),
        ("es", 1.61, "1 milla (2 km)"),
        ("es", 4000.0, "2,485 millas (4,000 km)"),
    ],
)
def test_distances(speak, language: str, km: float, words: str) -> None:
    speak(language)
    assert i18n.distance(km) == words


@pytest.mark.parametrize(
    ("usd", "english", "spanish_words"),
    [
        (0, "under $50,000 a year", "menos de $50,000 al año"),
        (49_999, "under $50,000 a year", "menos de $50,000 al año"),
        (50_000, "$50,000 to $250,000 a year", "de $50,000 a $250,000 al año"),
        (50_000_000, "over $50 million a year", "más de $50 millones al año"),
    ],
)
def test_money_bands(speak, usd: int, english: str, spanish_words: str) -> None:
    speak("en")
    assert i18n.money_band(usd) == english
    speak("es")
    assert i18n.money_band(usd) == spanish_words


def test_numbers(speak) -> None:
    speak("es")
    assert i18n.number(1280) == "1,280"
    assert i18n.number(41.25, 1) in {"41.2", "41.3"}


@pytest.mark.parametrize(
    ("language", "items", "joined"),
    [
        ("en", [], ""),
        ("en", ["food"], "food"),
        ("en", ["food", "beds"], "food and beds"),
        ("en", ["food", "beds", "books"], "food, beds and books"),
        ("es", ["comida", "camas"], "comida y camas"),
        ("es", ["padres", "hijos"], "padres e hijos"),
        ("es", ["asilo", "inmigrantes"], "asilo e inmigrantes"),
        ("es", ["agua", "hielo"], "agua y hielo"),
        ("es", ["Ohio", "Iowa"], "Ohio y Iowa"),
    ],
)
def test_lists_in_running_text(speak, language: str, items: list[str], joined: str) -> None:
    speak(language)
    assert i18n.join_words(items) == joined


@given(st.lists(st.text(max_size=20), max_size=5))
def test_lists_never_let_markup_through(app: Flask, items: list[str]) -> None:
    with app.app_context():
        assert "<" not in i18n.join_words(items)


def test_emphasis_survives_in_a_list(speak) -> None:
    speak("es")
    words = [i18n.emphasis("asilo & <b>"), i18n.emphasis("inmigrantes")]
    expected = "<em>asilo &amp; &lt;b&gt;</em> e <em>inmigrantes</em>"
    assert i18n.join_words(words) == Markup(expected)


@pytest.mark.parametrize(
    ("language", "label", "inside"),
    [
        ("en", "Legal help", "legal help"),
        ("en", "English classes", "English classes"),
        ("en", "LGBTQ people", "LGBTQ people"),
        ("es", "Clases de inglés", "clases de inglés"),
        ("es", "LGBTQ", "LGBTQ"),
    ],
)
def test_labels_inside_a_sentence(speak, language: str, label: str, inside: str) -> None:
    speak(language)
    assert i18n.in_sentence(label) == inside


@pytest.mark.parametrize(
    ("path", "language"),
    [("/about", "en"), ("/es/about", "es"), ("/es", "es"), ("/essays", "en"), ("/es/nope", "es")],
)
def test_the_address_decides_the_language(app: Flask, path: str, language: str) -> None:
    with app.test_request_context(path):
        app.preprocess_request()
        assert i18n.current_language() == language


def test_addresses_stay_in_the_language(app: Flask) -> None:
    with app.test_request_context("/es/about"):
        app.preprocess_request()
        assert i18n.url("about.privacy") == "/es/about/privacy"
        assert i18n.url("assets.file", name="x.css") == "/static/x.css"
        assert i18n.page("/directory") == "/es/directory"
        assert i18n.alternate_url(Language.EN) == "/about"
        assert i18n.alternate_url(Language.ES) == "/es/about"


@pytest.mark.parametrize(
    "query",
    ["_scheme=x", "_external=1", "_anchor=a&_method=POST", "endpoint=x", "self=x", "a=1&a=2"],
)
def test_any_query_is_carried_to_the_twin(client: PageClient, query: str) -> None:
    page = client.page(f"/about?{query}")
    assert f"/es/about?{query}" in page.links


def test_a_page_without_a_twin_has_no_other_address(app: Flask) -> None:
    with app.test_request_context("/nope"):
        assert i18n.alternate_url(Language.ES) is None
    with app.test_request_context("/static/x.css"):
        assert i18n.alternate_url(Language.ES) is None


def test_words_made_at_import_wait_for_the_language(speak) -> None:
    words = i18n.lazy_gettext("Privacy")
    speak("en")
    assert str(words) == "Privacy"
    speak("es")
    assert str(words) == "Privacidad"
