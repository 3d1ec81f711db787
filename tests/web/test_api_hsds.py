from __future__ import annotations

import csv
import json
import zipfile
from itertools import islice
from pathlib import Path
from typing import Any

import pytest
from flask import Flask
from jsonschema import Draft202012Validator

from recommender.config import ROOT
from recommender.importers.hsds import SCHEMA, read_incoming
from recommender.importers.rows import Incoming, Origin
from recommender.importers.streams import Limits
from tests.web.client import PageClient

HSDS = "/api/v1/hsds"
ILAP = "Immigrant Legal Advocacy Project"
PAGE_FIELDS = {
    *("total_items", "total_pages", "page_number", "size", "first_page", "last_page", "empty"),
    "contents",
}
Json = dict[str, Any]


@pytest.fixture(scope="module")
def client(directory_app: Flask) -> PageClient:
    client = directory_app.test_client()
    assert isinstance(client, PageClient)
    return client


def _read(client: PageClient, path: str) -> Json:
    response = client.get(HSDS + path)
    assert response.status_code == 200, response.text
    document: Json = response.get_json()
    return document


@pytest.fixture(scope="module")
def ilap(client: PageClient) -> Json:
    """An organization as the list has it."""
    found = _read(client, f"/organizations?search={ILAP}")["contents"]
    organization: Json = next(item for item in found if item["name"] == ILAP)
    return organization


def test_it_says_what_it_is_and_where_it_is_described(client: PageClient) -> None:
    about = _read(client, "")
    assert about["version"] == "3.0"
    for address in (about["profile"], about["openapi_url"]):
        assert client.get(address.removeprefix("http://localhost")).status_code == 200


def test_the_profile_is_the_schema_that_imports_are_checked_by(client: PageClient) -> None:
    served = _read(client, "/profile")
    assert served.pop("$id") == f"http://localhost{HSDS}/profile"
    assert served == json.loads(SCHEMA.read_text(encoding="utf-8"))


def test_the_pages_hold_every_organization_once_and_by_name(client: PageClient) -> None:
    first = _read(client, "/organizations?per_page=100")
    assert set(first) == PAGE_FIELDS
    pages = [
        _read(client, f"/organizations?per_page=100&page={at}")
        for at in range(1, first["total_pages"] + 1)
    ]
    ids = [item["id"] for page in pages for item in page["contents"]]
    assert len(ids) == len(set(ids)) == first["total_items"] > 1_000
    assert [page["first_page"] for page in pages] == [True] + [False] * (len(pages) - 1)
    assert [page["last_page"] for page in pages] == [False] * (len(pages) - 1) + [True]
    assert sum(page["size"] for page in pages) == first["total_items"]
    beyond = _read(client, f"/organizations?per_page=100&page={len(pages) + 1}")
    assert (beyond["empty"], beyond["size"], beyond["contents"]) == (True, 0, [])


@pytest.mark.parametrize("kind", ["organizations", "services"])
def test_a_list_holds_no_lists_unless_all_is_asked_for(client: PageClient, kind: str) -> None:
    plain = _read(client, f"/{kind}?per_page=50")["contents"]
    assert not [v for item in plain for v in item.values() if isinstance(v, list)]
    full = _read(client, f"/{kind}?per_page=50&full=true")["contents"]
    assert [item["id"] for item in full] == [item["id"] for item in plain]
    assert any(item.get("attributes") for item in full)


def test_organizations_are_of_our_profile(client: PageClient) -> None:
    validator = Draft202012Validator(json.loads(SCHEMA.read_text(encoding="utf-8")))
    path = "/organizations?per_page=100&full=true&full_service=true"
    organizations = _read(client, path)["contents"]
    assert [e.message for item in organizations for e in validator.iter_errors(item)] == []
    assert any(item["services"][0]["attributes"] for item in organizations)


def test_an_organization_has_all_that_belongs_to_it(client: PageClient, ilap: Json) -> None:
    whole = _read(client, f"/organizations/{ilap['id']}")
    assert {k: v for k, v in whole.items() if not isinstance(v, list)} == ilap
    assert whole["locations"][0]["addresses"][0]["city"] == "Portland"
    assert set(whole["services"][0]) == {"id", "name", "description", "status"}
    nested = _read(client, f"/organizations/{ilap['id']}?full_service=true")["services"][0]
    assert {a["taxonomy_term"]["code"] for a in nested["attributes"]} >= {"legal-services"}


def test_a_service_names_its_organization(client: PageClient, ilap: Json) -> None:
    listed = _read(client, f"/services?organization_id={ilap['id']}")
    assert listed["total_items"] == 1
    service = _read(client, f"/services/{listed['contents'][0]['id']}")
    assert service["organization_id"] == ilap["id"]
    assert service["organization"] == ilap
    assert service["service_areas"]


def test_every_service_can_be_read(client: PageClient) -> None:
    listed = _read(client, "/services?per_page=100")
    organizations = _read(client, "/organizations?per_page=1")
    assert 0 < listed["total_items"] <= organizations["total_items"]
    for service in listed["contents"][::10]:
        assert _read(client, f"/services/{service['id']}")["name"] == service["name"]


def test_a_term_finds_the_services_that_have_it(client: PageClient) -> None:
    terms = _read(client, "/taxonomy_terms?per_page=100")["contents"]
    legal = next(term for term in terms if term["code"] == "legal-services")
    found = _read(client, f"/services?taxonomy_term_id={legal['id']}&full=true&per_page=20")
    assert found["total_items"] > 100
    for service in found["contents"]:
        codes = {attribute["taxonomy_term"]["id"] for attribute in service["attributes"]}
        assert legal["id"] in codes
    of_services = f"taxonomy_id={legal['taxonomy_detail']['id']}"
    wider = _read(client, f"/services?{of_services}&per_page=1")["total_items"]
    assert wider > found["total_items"]
    both = _read(client, f"/services?{of_services}&taxonomy_term_id={legal['id']}&per_page=1")
    assert both["total_items"] == found["total_items"]


def test_conditions_that_nothing_meets_find_nothing(client: PageClient, ilap: Json) -> None:
    taxonomies = {t["name"]: t["id"] for t in _read(client, "/taxonomies")["contents"]}
    legal = next(
        t for t in _read(client, "/taxonomy_terms")["contents"] if t["code"] == "legal-services"
    )
    for query in (
        "taxonomy_id=unknown",
        "taxonomy_term_id=unknown",
        "organization_id=unknown",
        f"taxonomy_id={taxonomies['waymark-languages']}&taxonomy_term_id={legal['id']}",
        f"organization_id={ilap['id']}&search=zzyzx",
    ):
        page = _read(client, f"/services?{query}")
        assert (page["total_items"], page["empty"], page["last_page"]) == (0, True, True), query


def test_terms_belong_to_taxonomies_that_can_be_read(client: PageClient) -> None:
    taxonomies = _read(client, "/taxonomies")["contents"]
    assert len(taxonomies) == 4
    for taxonomy in taxonomies:
        assert _read(client, f"/taxonomies/{taxonomy['id']}") == taxonomy
        terms = _read(client, f"/taxonomy_terms?taxonomy_id={taxonomy['id']}")
        assert terms["total_items"] > 3
        term = terms["contents"][0]
        assert term["taxonomy"] == taxonomy["name"]
        assert _read(client, f"/taxonomy_terms/{term['id']}") == term


@pytest.mark.parametrize("kind", ["organizations", "services", "taxonomies", "taxonomy_terms"])
def test_an_unknown_id_is_not_found(client: PageClient, kind: str) -> None:
    for id_ in ("x", "00000000-0000-5000-8000-000000000000", "%00", "a" * 300):
        assert client.get(f"{HSDS}/{kind}/{id_}").status_code == 404


@pytest.mark.parametrize(
    ("path", "field"),
    [
        ("/organizations?full=yes", "full"),
        ("/organizations?page=0", "page"),
        ("/services?modified_after=2024-01-01", "modified_after"),
        ("/services?minimal=true", "minimal"),
        ("/organizations?search=%00", "search"),
    ],
)
def test_what_cannot_be_asked_is_named(client: PageClient, path: str, field: str) -> None:
    response = client.get(HSDS + path)
    assert response.status_code == 422
    assert response.get_json()["error"]["field"] == field


def test_the_package_can_be_imported_again(client: PageClient, tmp_path: Path) -> None:
    response = client.get(f"{HSDS}/package")
    assert response.mimetype == "application/zip"
    assert "waymark-hsds.zip" in response.headers["Content-Disposition"]
    tag = {"If-None-Match": response.headers["ETag"]}
    assert client.get(f"{HSDS}/package", headers=tag).status_code == 304
    file = tmp_path / "waymark-hsds.zip"
    file.write_bytes(response.data)
    rows = read_incoming(file, Origin(source="Waymark", as_of="2026-01"), Limits())
    assert all(isinstance(row, Incoming) for row in islice(rows, 20))
    table = zipfile.ZipFile(file).read("organizations.csv").decode()
    n_listed = _read(client, "/organizations?per_page=1")["total_items"]
    assert len(list(csv.DictReader(table.splitlines()))) == n_listed


def test_the_profile_is_documented() -> None:
    text = (ROOT / "docs/hsds-profile.md").read_text(encoding="utf-8")
    assert "/api/v1/hsds" in text
