from __future__ import annotations

import html
import re
from contextlib import closing
from dataclasses import asdict, replace
from pathlib import Path

import pytest
from flask import Flask

from app import create_app
from recommender import report, store
from recommender.config import Settings
from recommender.exposure import Crowd, ExposureReport, read_report
from recommender.index import current_generation
from recommender.models import Nonprofit, Tag
from recommender.report import make_report
from recommender.store.exposures import find_last_exposure, put_exposure
from recommender.web.about import say_relation
from tests.web.client import PageClient
from tests.web.small_site import make_site

PAGES = [
    "/about",
    "/about/exposure",
    "/about/vetting",
    "/about/privacy",
    "/about/accessibility",
]


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


@pytest.fixture(scope="module")
def measured(
    tmp_path_factory: pytest.TempPathFactory,
    crowd: tuple[Nonprofit, ...],
    taxonomy: tuple[Tag, ...],
) -> Flask:
    """A site on whose exposure there is a report."""
    settings = make_site(tmp_path_factory.mktemp("measured"), crowd, taxonomy)
    app = create_app(settings)
    app.test_client_class = PageClient
    with closing(store.connect(settings.database)) as db, pytest.MonkeyPatch.context() as patch:
        patch.setattr(report, "CROWD", Crowd(size=30))
        assert make_report(db, settings, current_generation(settings.index))
    return app


def read_kept(app: Flask) -> ExposureReport:
    settings: Settings = app.config["WAYMARK"]
    with closing(store.connect(settings.database)) as db:
        found = find_last_exposure(db)
    assert found is not None
    assert found.report is not None
    return read_report(found.report)


def read_text(client: PageClient, path: str) -> str:
    source = client.page(path).source
    return " ".join(html.unescape(re.sub("<[^>]+>", " ", source)).split())


def test_the_report_shows_the_figures_that_are_kept(measured: Flask) -> None:
    client, kept = measured.test_client(), read_kept(measured)
    assert isinstance(client, PageClient)
    text = read_text(client, "/about/exposure")
    assert f"{kept.n_seen} of 200 listings" in text
    assert "There is no report yet" not in text
    for name, groups in (
        ("Under $100,000", [g for g in kept.sizes if g.key == "0"]),
        ("Longest quarter", [g for g in kept.lengths if g.key == "3"]),
        ("Public records only", [g for g in kept.bases if g.key == "name"]),
        ("Texas", [g for g in kept.states if g.key == "TX"]),
    ):
        (group,) = groups
        listed, shown = group.n_listings / 2, 100 * group.n_shown / kept.n_shown
        assert f"{name} {listed:.1f}% {shown:.1f}%" in text, name
    spanish = read_text(client, "/es/about/exposure")
    assert f"{kept.n_seen} de 200 fichas" in spanish
    assert "Solo registros públicos" in spanish


def test_an_older_report_is_shown_with_its_date(measured: Flask) -> None:
    settings: Settings = measured.config["WAYMARK"]
    with closing(store.connect(settings.database)) as db:
        found = find_last_exposure(db)
        assert found is not None
        old = replace(found, generation="20250304T050607-a")
        db.execute("DELETE FROM exposures")
        put_exposure(db, old)
        client = measured.test_client()
        assert isinstance(client, PageClient)
        text = read_text(client, "/about/exposure")
        db.execute("DELETE FROM exposures")
        put_exposure(db, found)
    assert "Measured on the index of March 4, 2025" in text
    assert "The directory has changed a little since then." in text
    assert "has changed a little" not in read_text(client, "/about/exposure")


def test_a_report_from_before_bases_were_counted_is_shown_without(measured: Flask) -> None:
    settings: Settings = measured.config["WAYMARK"]
    with closing(store.connect(settings.database)) as db:
        found = find_last_exposure(db)
        assert found is not None
        assert found.report is not None
        before = {key: value for key, value in found.report.items() if key != "bases"}
        put_exposure(db, replace(found, report=before))
        client = measured.test_client()
        assert isinstance(client, PageClient)
        text = read_text(client, "/about/exposure")
        put_exposure(db, found)
    assert "By the state of the office" in text
    assert "By what the description rests on" not in text


def test_no_request_makes_a_report(
    tmp_path: Path, catalogue: tuple[Nonprofit, ...], taxonomy: tuple[Tag, ...]
) -> None:
    settings = make_site(tmp_path, catalogue, taxonomy)
    app = create_app(settings)
    app.test_client_class = PageClient
    client = app.test_client()
    assert isinstance(client, PageClient)
    for path, words in (
        ("/about/exposure", "There is no report yet"),
        ("/es/about/exposure", "Todavía no hay informe"),
    ):
        assert words in read_text(client, path)
    assert app.extensions["background"].wait(5)
    with closing(store.connect(settings.database)) as db:
        assert find_last_exposure(db) is None


def test_relations_in_words() -> None:
    words = {say_relation(figure) for figure in (0.0, 0.09, -0.09)}
    assert words == {"hardly related"}
    assert {say_relation(figure) for figure in (0.1, -0.29)} == {"weakly related"}
    assert {say_relation(figure) for figure in (0.3, -1.0)} == {"clearly related"}


def test_how_matching_works_leads_to_the_report(measured: Flask) -> None:
    client = measured.test_client()
    assert isinstance(client, PageClient)
    assert "/about/exposure" in client.page("/about/how-matching-works").links
    assert "/es/about/exposure" in client.page("/es/about/how-matching-works").links
    assert asdict(read_kept(measured))["n_profiles"] == 30
