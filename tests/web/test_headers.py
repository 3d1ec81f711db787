from __future__ import annotations

from dataclasses import replace

import pytest
from flask import Flask

from app import create_app
from recommender.web.headers import EVERYWHERE, HEADERS, RouteKind, kind_of
from tests.web.client import PageClient


def test_every_route_has_a_declared_kind(app: Flask) -> None:
    undeclared = {rule.rule for rule in app.url_map.iter_rules() if kind_of(rule.endpoint) is None}
    assert undeclared == set()


def test_an_undeclared_route_would_be_seen() -> None:
    assert kind_of("unheard_of.page") is None


@pytest.mark.parametrize(
    ("path", "kind"),
    [
        ("/about", RouteKind.LEARN),
        ("/es/about/privacy", RouteKind.LEARN),
        ("/nowhere", RouteKind.DONOR),
        ("/api/v1/nowhere", RouteKind.API),
    ],
)
def test_each_kind_has_its_headers(client: PageClient, path: str, kind: RouteKind) -> None:
    response = client.get(path)
    expected = {**EVERYWHERE, **HEADERS[kind]}
    if response.status_code >= 400:
        expected["Cache-Control"] = "no-store"
    assert {name: response.headers.get(name) for name in expected} == expected
    assert "Set-Cookie" not in response.headers


def test_static_files_are_kept_for_ever_under_their_hashed_name(client: PageClient) -> None:
    response = client.get(client.application.extensions["assets"].url("css/site.css"))
    expected = HEADERS[RouteKind.STATIC]
    assert {name: response.headers.get(name) for name in expected} == expected


def test_https_is_required_of_later_visits_only_where_there_is_https(client: PageClient) -> None:
    name = "Strict-Transport-Security"
    assert name not in client.get("/about").headers
    assert name in client.get("/about", base_url="https://localhost").headers


def test_a_public_https_address_counts_as_https(app: Flask) -> None:
    settings = replace(app.config["WAYMARK"], site_url="https://waymark.example")
    response = create_app(settings).test_client().get("/about")
    assert "Strict-Transport-Security" in response.headers
    assert 'href="https://waymark.example/es/about"' in response.text
