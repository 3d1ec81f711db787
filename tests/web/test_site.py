from __future__ import annotations

import shutil
from dataclasses import replace
from pathlib import Path
from typing import NamedTuple
from urllib.robotparser import RobotFileParser
from xml.etree import ElementTree

import pytest
from flask import Flask
from flask.testing import FlaskClient

from app import create_app
from recommender import store
from recommender.config import ROOT, Settings
from recommender.models import Status
from recommender.store.catalog import set_status
from recommender.web import site
from tests.web.client import PageClient

SITEMAP = "{http://www.sitemaps.org/schemas/sitemap/0.9}"
XHTML = "{http://www.w3.org/1999/xhtml}"
ORIGIN = "http://localhost"


@pytest.fixture
def client(directory_app: Flask) -> PageClient:
    client = directory_app.test_client()
    assert isinstance(client, PageClient)
    return client


@pytest.fixture
def copied(directory_app: Flask, tmp_path: Path) -> Flask:
    """The same site over a copy of everything, to be broken."""
    settings = directory_app.config["WAYMARK"]
    shutil.copytree(settings.instance, tmp_path / "copy")
    return create_app(replace(settings, instance=tmp_path / "copy"))


class Url(NamedTuple):
    """An entry of the site map."""

    changed: str
    twins: dict[str, str]


def _sitemap(app: Flask) -> dict[str, Url]:
    root = ElementTree.fromstring(app.test_client().get("/sitemap.xml").data)
    assert root.tag == f"{SITEMAP}urlset"
    found = {}
    for url in root:
        links = url.findall(f"{XHTML}link")
        assert all(link.get("rel") == "alternate" for link in links)
        twins = {link.get("hreflang", ""): link.get("href", "") for link in links}
        found[url.findtext(f"{SITEMAP}loc", "")] = Url(url.findtext(f"{SITEMAP}lastmod", ""), twins)
    assert len(found) == len(root)
    return found


def test_the_site_map_names_every_page_in_both_languages(directory_app: Flask) -> None:
    urls = _sitemap(directory_app)
    for path in ("/learn", "/topics", "/suggest", "/about/privacy", "/directory"):
        assert urls[ORIGIN + path].twins == {"en": ORIGIN + path, "es": f"{ORIGIN}/es{path}"}
    assert len([url for url in urls if "/nonprofits/" in url]) > 2_000
    assert f"{ORIGIN}/es/learn/sanctuary-cities-hold-their-ground" in urls
    assert f"{ORIGIN}/topics/asylum-and-the-border" in urls
    # Twins name each other, so that neither is taken for a copy.
    assert all(
        urls[twin].twins == url.twins for url in urls.values() for twin in url.twins.values()
    )
    unfit = ("/learn/feed.xml", "/thanks/", "/matches", "/compare", "/staff", "/static/")
    assert not [url for url in urls if any(part in url for part in unfit)]


def test_each_page_of_the_site_map_is_there(directory_app: Flask) -> None:
    client = FlaskClient(directory_app, directory_app.response_class)
    urls = [url.removeprefix(ORIGIN) for url in _sitemap(directory_app)]
    fixed = [path for path in urls if "/nonprofits/" not in path and "/learn/" not in path]
    some = [path for path in urls if path not in fixed][::97]
    for path in (*fixed, *some):
        assert client.get(path).status_code == 200, path


def test_dates_are_those_of_the_data(directory_app: Flask) -> None:
    urls = _sitemap(directory_app)
    assert urls[f"{ORIGIN}/learn/sheriffs-and-the-287g-program"].changed == "2025-02-17"
    assert urls[f"{ORIGIN}/learn/sanctuary-cities-hold-their-ground"].changed == ""


def test_a_withdrawn_listing_leaves_the_site_map(copied: Flask) -> None:
    gone = f"{ORIGIN}/nonprofits/raices"
    assert gone in _sitemap(copied)
    db = store.connect(copied.config["WAYMARK"].database)
    set_status(db, "raices", Status.WITHDRAWN)
    db.close()
    assert gone not in _sitemap(copied)


def test_addresses_are_those_of_the_settings(copied: Flask) -> None:
    settings = replace(copied.config["WAYMARK"], site_url="https://waymark.example")
    app = create_app(settings)
    assert all(url.startswith("https://waymark.example/") for url in _sitemap(app))
    assert "https://waymark.example/sitemap.xml" in app.test_client().get("/robots.txt").text


def test_robots_may_read_pages_and_api_but_no_answers(client: PageClient) -> None:
    response = client.get("/robots.txt")
    assert response.mimetype == "text/plain"
    robots = RobotFileParser()
    robots.parse(response.text.splitlines())
    for path in (
        "/",
        "/es/",
        "/directory",
        "/learn",
        "/learn/x",
        "/nonprofits/x",
        "/api/v1/nonprofits",
    ):
        assert robots.can_fetch("*", ORIGIN + path), path
    for path in (
        "/matches/x",
        "/es/matches/x",
        "/directory/x",
        "/match",
        "/compare",
        "/es/thanks/fix",
    ):
        assert not robots.can_fetch("*", ORIGIN + path), path
    # The parser knows no wildcards, which search engines do.
    assert "Disallow: /learn/*/" in response.text
    assert robots.site_maps() == [f"{ORIGIN}/sitemap.xml"]


# --- Health ------------------------------------------------------------------------------


def test_health_touches_nothing(tmp_path: Path) -> None:
    app = create_app(Settings(instance=tmp_path / "none", data=tmp_path, secret_key="k" * 40))
    response = app.test_client().get("/healthz")
    assert (response.status_code, response.text) == (200, "ok\n")
    assert not (tmp_path / "none").exists()


def test_ready_says_what_was_checked(directory_app: Flask, client: PageClient) -> None:
    response = client.get("/readyz")
    answer = response.get_json()
    assert response.status_code == 200
    assert response.headers["Cache-Control"] == "no-store"
    assert answer["ready"] is True
    assert set(answer["checks"]) == {"database", "index", "disk"}
    assert all(check["ok"] for check in answer["checks"].values())
    assert answer["checks"]["index"]["listings"] > 1_000
    assert answer["checks"]["index"]["behind"] == 0


def test_an_index_behind_the_catalogue_is_told_and_still_serves(copied: Flask) -> None:
    db = store.connect(copied.config["WAYMARK"].database)
    set_status(db, "raices", Status.DUE)
    db.close()
    response = copied.test_client().get("/readyz")
    assert response.status_code == 200
    assert response.get_json()["checks"]["index"]["behind"] > 0


def _break_index(settings: Settings) -> None:
    shutil.rmtree(settings.index)


def _break_database(settings: Settings) -> None:
    settings.database.write_bytes(b"no database " * 1000)


@pytest.mark.parametrize(
    ("check", "breaks"), [("index", _break_index), ("database", _break_database)]
)
def test_what_is_broken_is_named(copied: Flask, check: str, breaks: object) -> None:
    assert callable(breaks)
    breaks(copied.config["WAYMARK"])
    response = copied.test_client().get("/readyz")
    assert response.status_code == 503
    answer = response.get_json()
    assert answer["ready"] is False
    assert answer["checks"][check]["ok"] is False
    assert answer["checks"]["disk"]["ok"] is True
    # No path, no message: only what kind of error it was.
    assert str(ROOT) not in response.text
    assert set(answer["checks"][check]) == {"ok", "error"}


def test_a_nearly_full_disk_is_not_ready(
    client: PageClient, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(site, "MIN_FREE_BYTES", 10**18)
    response = client.get("/readyz")
    assert response.status_code == 503
    assert response.get_json()["checks"]["disk"]["ok"] is False
