"""The API against its own document, and against whatever else may be sent to it."""

from __future__ import annotations

import json
from typing import Any
from urllib.parse import quote

import pytest
import schemathesis
from flask import Flask
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from schemathesis import GenerationMode
from schemathesis.checks import not_a_server_error
from schemathesis.specs.openapi import checks
from werkzeug.test import TestResponse

from recommender.web.api.contract import list_operations
from tests.web.client import PageClient

API = "/api/v1"
FIELDS = (
    *("text", "place", "language", "n", "radius_km", "scope", "services", "filters", "weights"),
    *("cursor", "read_place"),
)
# What is left out: a body that the document allows may still name a place that nobody knows.
CHECKS = [
    not_a_server_error,
    checks.status_code_conformance,
    checks.content_type_conformance,
    checks.response_headers_conformance,
    checks.response_schema_conformance,
    checks.negative_data_rejection,
    checks.unsupported_method,
]
quick = settings(
    max_examples=25,
    deadline=None,
    derandomize=True,
    suppress_health_check=list(HealthCheck),
)


@pytest.fixture(scope="session")
def described(directory_app: Flask) -> schemathesis.schemas.BaseSchema:
    return schemathesis.openapi.from_wsgi(f"{API}/openapi.json", directory_app)


# (path, method, mode); a wrong request needs a parameter or a body to be wrong in.
CASES = [
    (path, method, mode)
    for path, method, operation in list_operations()
    for mode in GenerationMode
    if mode.is_positive
    or "requestBody" in operation
    or any(not str(p.get("$ref")).endswith("If-None-Match") for p in operation["parameters"])
]


@pytest.mark.parametrize(("path", "method", "mode"), CASES)
def test_the_api_does_what_its_document_says(
    described: schemathesis.schemas.BaseSchema, path: str, method: str, mode: GenerationMode
) -> None:
    operation = described[path][method]

    @quick
    @given(case=operation.as_strategy(generation_mode=mode))
    def check(case: schemathesis.Case) -> None:
        case.call_and_validate(checks=CHECKS)

    check()


@pytest.fixture(scope="session")
def client(directory_app: Flask) -> PageClient:
    client = directory_app.test_client()
    assert isinstance(client, PageClient)
    return client


def _is_in_order(response: TestResponse) -> bool:
    """Whether it is an answer, or an error of the one shape that blames the caller."""
    if response.status_code == 200:
        return isinstance(response.get_json(), dict)
    return 400 <= response.status_code < 500 and set(response.get_json()) == {"error"}


anything: st.SearchStrategy[Any] = st.recursive(
    st.none()
    | st.booleans()
    | st.integers(-(2**80), 2**80)
    | st.floats()
    | st.text(st.characters(codec=None), max_size=30),
    lambda inner: st.lists(inner, max_size=4) | st.dictionaries(st.text(max_size=8), inner),
    max_leaves=12,
)


@quick
@given(body=st.binary(max_size=200))
def test_any_bytes_are_answered(client: PageClient, body: bytes) -> None:
    response = client.post(f"{API}/matches", data=body, content_type="application/json")
    assert _is_in_order(response), response.text


@quick
@given(body=st.dictionaries(st.sampled_from(FIELDS), anything, max_size=4) | anything)
def test_any_json_is_answered(client: PageClient, body: Any) -> None:
    data = json.dumps(body)
    response = client.post(f"{API}/matches", data=data, content_type="application/json")
    assert _is_in_order(response), response.text


@quick
@given(text=st.text(max_size=300), place=st.text(max_size=60))
def test_any_words_and_any_place_are_answered(client: PageClient, text: str, place: str) -> None:
    response = client.post(f"{API}/matches", json={"text": text, "place": place})
    assert _is_in_order(response), response.text
    response = client.post(f"{API}/matches", json={"text": "asylum " + text})
    assert _is_in_order(response), response.text


@quick
@given(
    path=st.sampled_from(
        ["/nonprofits", "/resources", "/places", "/taxonomy", "/hsds/organizations"]
    ),
    query=st.dictionaries(
        st.sampled_from(["q", "place", "page", "per_page", "services", "radius_km", "sort"])
        | st.sampled_from(["search", "full", "taxonomy_id"])
        | st.text(max_size=5),
        st.text(max_size=40) | st.integers(-(2**70), 2**70).map(str),
        max_size=4,
    ),
)
def test_any_query_is_answered(client: PageClient, path: str, query: dict[str, str]) -> None:
    response = client.get(API + path, query_string=query)
    assert _is_in_order(response), response.text


@quick
@given(slug=st.text(min_size=1, max_size=60).filter(lambda text: "/" not in text))
def test_any_slug_is_answered(client: PageClient, slug: str) -> None:
    for path in (f"/nonprofits/{quote(slug, safe='')}", f"/resources/{quote(slug, safe='')}"):
        assert client.get(API + path).status_code in {404, 200}


def test_an_answer_that_blames_the_server_would_be_seen() -> None:
    broken = Flask(__name__)
    broken.test_client_class = PageClient

    @broken.get("/")
    def fail() -> tuple[dict[str, Any], int]:
        return {"error": {}}, 500

    assert not _is_in_order(broken.test_client().get("/"))
