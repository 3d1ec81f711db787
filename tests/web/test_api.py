from __future__ import annotations

import json
import re
from collections.abc import Callable, Iterator
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest
from flask import Flask
from jsonschema import Draft202012Validator
from werkzeug.test import TestResponse

from app import MAX_REQUEST_BYTES, create_app
from recommender import store
from recommender.config import ROOT, Settings
from recommender.geo import Gazetteer
from recommender.index import build_index, load_current, publish_generation, write_generation
from recommender.models import (
    Basis,
    DonorProfile,
    Language,
    Location,
    Nearness,
    Nonprofit,
    PlaceKind,
    Reach,
    Scope,
    Status,
    Tag,
    Visibility,
)
from recommender.pipeline import recommend
from recommender.publish import read_inputs
from recommender.store.catalog import SHOWN, load_nonprofits, load_tags, set_status
from recommender.web.api.contract import DOCUMENT, HOST, list_operations
from recommender.web.api.docs import SPANISH
from recommender.web.headers import EVERYWHERE, HEADERS, RouteKind
from tests.web.client import PageClient

API = "/api/v1"
ILAP = "immigrant-legal-advocacy-project"
ASKED = {"text": "legal help for asylum seekers", "place": "Portland, ME", "n": 5}
READS = [
    "/nonprofits",
    f"/nonprofits/{ILAP}",
    f"/nonprofits/{ILAP}/similar",
    "/resources",
    "/resources/sanctuary-cities-hold-their-ground",
    "/topics",
    "/topics/asylum-and-the-border",
    "/topics/asylum-and-the-border/matches",
    "/taxonomy",
    "/openapi.json",
]
# What a reader typed stands in these: nobody may keep the answers.
PERSONAL = [
    "/places?q=portland",
    "/nonprofits?q=asylum",
    "/nonprofits?place=04101",
    "/hsds/organizations?search=asylum",
    "/hsds/services?search=asylum",
]


@pytest.fixture
def client(directory_app: Flask) -> PageClient:
    client = directory_app.test_client()
    assert isinstance(client, PageClient)
    return client


@pytest.fixture
def post(client: PageClient) -> Callable[..., TestResponse]:
    """Sends a body to be matched, as it is if it is text or bytes, else as JSON."""

    def _post(body: Any, content_type: str = "application/json") -> TestResponse:
        data = body if isinstance(body, str | bytes) else json.dumps(body)
        return client.post(f"{API}/matches", data=data, content_type=content_type)

    return _post


@pytest.fixture
def matched(post: Callable[..., TestResponse]) -> Callable[..., dict[str, Any]]:
    """The answer to a profile that must be answered."""

    def _matched(**asked: Any) -> dict[str, Any]:
        response = post(asked)
        assert response.status_code == 200, response.text
        answer: dict[str, Any] = response.get_json()
        return answer

    return _matched


def error_of(response: TestResponse) -> tuple[int, str | None]:
    """The status and the field of an error, which must have the one shape."""
    assert response.mimetype == "application/json"
    body = response.get_json()
    assert set(body) == {"error"}
    assert set(body["error"]) == {"code", "message", "field"}
    assert re.fullmatch(r"[a-z_]+", body["error"]["code"])
    assert body["error"]["message"]
    return response.status_code, body["error"]["field"]


# --- The document and the code ----------------------------------------------------------


def _as_template(rule: str) -> str:
    return re.sub(r"<(?:\w+:)?(\w+)>", r"{\1}", rule)


def test_the_document_describes_every_route_and_no_other(app: Flask) -> None:
    served = {
        (_as_template(rule.rule), method)
        for rule in app.url_map.iter_rules()
        if rule.endpoint.startswith("api.")
        for method in (rule.methods or set()) - {"HEAD", "OPTIONS"}
    }
    described = {(path, method) for path, method, _ in list_operations()}
    assert len(served) > 5
    assert served == described


def test_operations_are_named_as_the_code_names_them(app: Flask) -> None:
    names = [operation["operationId"] for _, _, operation in list_operations()]
    endpoints = {rule.endpoint for rule in app.url_map.iter_rules()}
    assert len(set(names)) == len(names)
    assert {n for n in names if not {f"api.{n}", f"api.hsds.{n}"} & endpoints} == set()


def test_every_schema_of_the_document_is_one() -> None:
    for name, schema in DOCUMENT["components"]["schemas"].items():
        Draft202012Validator.check_schema(schema)
        assert schema["description"], name


def test_the_values_that_the_document_names_are_those_of_the_code() -> None:
    schemas = {name: s["properties"] for name, s in DOCUMENT["components"]["schemas"].items()}
    named = {
        Language: schemas["MatchRequest"]["language"]["enum"],
        Scope: schemas["MatchRequest"]["scope"]["enum"],
        Reach: schemas["Filters"]["reach"]["items"]["enum"],
        Basis: schemas["Match"]["basis"]["enum"],
        Nearness: schemas["Match"]["nearness"]["enum"][:-1],
        PlaceKind: schemas["Place"]["kind"]["enum"],
    }
    for kind, values in named.items():
        assert values == [member.value for member in kind]
    assert schemas["Nonprofit"]["status"]["enum"] == [status.value for status in SHOWN]


def test_the_document_is_served_with_this_sites_address(directory_app: Flask) -> None:
    address = "https://waymark.example"
    response = directory_app.test_client().get(f"{API}/openapi.json", base_url=address)
    served = response.get_json()
    assert served["servers"] == [{"url": address}]
    assert HOST not in response.text
    assert json.loads(json.dumps(served).replace(address, HOST)) == DOCUMENT


# --- Matching ---------------------------------------------------------------------------


def test_a_match_says_who_where_and_why(matched: Callable[..., dict[str, Any]]) -> None:
    answer = matched(**ASKED)
    first = next(match for match in answer["matches"][:3] if match["slug"] == ILAP)
    assert first["name"] == "Immigrant Legal Advocacy Project"
    assert (first["city"], first["state"], first["nearness"]) == ("Portland", "ME", "office-near")
    assert first["ein"].isdigit()
    assert 0 <= first["distance_km"] < 10
    assert first["url"] == f"http://localhost/nonprofits/{ILAP}"
    assert first["website"].startswith("https://")
    assert {reason["tag"] for reason in first["reasons"]} >= {"asylum-seekers", "legal-services"}
    assert answer["place"]["label"] == "Portland, ME"
    assert not answer["no_close_match"]


def test_the_contributions_add_up_to_the_score(matched: Callable[..., dict[str, Any]]) -> None:
    asked = [
        ASKED,
        {"text": "clases de inglés", "place": "04240", "language": "es", "weights": {"small": 2}},
        {"services": ["english-classes"], "communities": ["somali"]},
        {"text": "RAICES"},
        {"place": "Texas", "filters": {"services": ["legal-services"]}},
    ]
    matches = [match for profile in asked for match in matched(**profile)["matches"]]
    assert len(matches) > 30
    for match in matches:
        total = sum(reason["contribution"] for reason in match["reasons"])
        assert total == pytest.approx(match["score"], abs=1e-4)


def test_the_order_is_that_of_the_matching_function(
    directory_app: Flask, matched: Callable[..., dict[str, Any]]
) -> None:
    settings = directory_app.config["WAYMARK"]
    profile = DonorProfile(
        text=ASKED["text"],
        place=Gazetteer.load(settings.gazetteer).resolve(ASKED["place"]),
        services=("legal-services",),
    )
    expected = recommend(profile, load_current(settings.index), n=20)
    answer = matched(**{**ASKED, "n": 20, "services": ["legal-services"]})
    assert [match["slug"] for match in answer["matches"]] == [
        match.nonprofit.slug for match in expected.matches
    ]
    assert answer["generation"] == expected.generation


def test_the_answer_speaks_the_language_asked_for(matched: Callable[..., dict[str, Any]]) -> None:
    english = matched(services=["legal-services"], n=1)["matches"][0]
    spanish = matched(services=["legal-services"], n=1, language="es")["matches"][0]
    assert english["slug"] == spanish["slug"]
    assert english["summary"] != spanish["summary"]
    assert spanish["url"] == f"http://localhost/es/nonprofits/{spanish['slug']}"
    assert "Legal help" in {reason["label"] for reason in english["reasons"]}
    assert "Ayuda legal" in {reason["label"] for reason in spanish["reasons"]}


def test_addresses_are_those_of_the_host_that_was_asked(directory_app: Flask) -> None:
    """Anybody may ask by any name; that crowds nothing out of what is kept of listings."""
    client, parts = directory_app.test_client(), directory_app.extensions["parts"]
    sizes: set[int] = set()
    for host in ("one.example", "two.example", "three.example"):
        asked = {"services": ["legal-services"], "n": 5}
        found = client.post(f"{API}/matches", json=asked, base_url=f"https://{host}").get_json()
        assert len(found["matches"]) == 5
        for match in found["matches"]:
            assert match["url"] == f"https://{host}/nonprofits/{match['slug']}"
        sizes.add(len(parts))
    assert len(sizes) == 1
    whole = client.get(f"{API}/nonprofits/{ILAP}", base_url="https://one.example").get_json()
    assert whole["url"] == f"https://one.example/nonprofits/{ILAP}"


def test_what_nobody_does_is_no_close_match(matched: Callable[..., dict[str, Any]]) -> None:
    answer = matched(text="robotics for dogs")
    assert answer["no_close_match"]
    assert "robotics" in answer["unknown_words"]


def test_a_typing_mistake_is_told(matched: Callable[..., dict[str, Any]]) -> None:
    answer = matched(text="asylim lawyers")
    assert {"typed": "asylim", "used": "asylum"} in answer["corrections"]


def test_what_is_not_there_is_told(matched: Callable[..., dict[str, Any]]) -> None:
    answer = matched(text="asylum lawyers", services=["food-basic-needs"], n=10)
    assert "food-basic-needs" in {m["tag"] for match in answer["matches"] for m in match["missing"]}


def test_filters_leave_only_what_holds(matched: Callable[..., dict[str, Any]]) -> None:
    answer = matched(text="legal help", filters={"states": ["TX"], "reach": ["local"]}, n=50)
    assert len(answer["matches"]) > 3
    assert {match["reach"] for match in answer["matches"]} == {"local"}


def test_weights_change_the_order(matched: Callable[..., dict[str, Any]]) -> None:
    asked = {"text": "legal help for asylum seekers", "place": "Portland, ME", "scope": "anywhere"}
    by_topic = matched(**asked, weights={"place": 0})["matches"]
    by_place = matched(**asked, weights={"place": 3})["matches"]
    assert [m["slug"] for m in by_topic] != [m["slug"] for m in by_place]
    near = [sum(m["nearness"] == "office-near" for m in found) for found in (by_topic, by_place)]
    assert near[0] < near[1]


def test_a_match_is_not_to_be_stored(post: Callable[..., TestResponse]) -> None:
    response = post(ASKED)
    assert response.headers["Cache-Control"] == "no-store"
    assert "ETag" not in response.headers
    assert "Set-Cookie" not in response.headers


@pytest.mark.parametrize(
    ("body", "field"),
    [
        ({}, "text"),
        ({"text": " "}, "text"),
        ({"text": ["a list"]}, "text"),
        ({"text": "a\x00b"}, "text"),
        ({"text": "a" * 60_001}, "text"),
        ({"text": None}, "text"),
        ({"text": "x", "n": 0}, "n"),
        ({"text": "x", "n": 51}, "n"),
        ({"text": "x", "n": 2**70}, "n"),
        ({"text": "x", "n": 1.5}, "n"),
        ({"text": "x", "n": True}, "n"),
        ({"text": "x", "radius_km": 0}, "radius_km"),
        ({"text": "x", "language": "fr"}, "language"),
        ({"text": "x", "scope": "moon"}, "scope"),
        ({"text": "x", "place": "Portland"}, "place"),
        ({"text": "x", "place": "zzzzqq"}, "place"),
        ({"text": "x", "place": {"zip": "04101"}}, "place"),
        ({"text": "x", "colour": "red"}, "colour"),
        ({"text": "x", "services": "legal-services"}, "services"),
        ({"text": "x", "services": ["no-such-service"]}, "services"),
        ({"text": "x", "services": [["nested"]]}, "services"),
        ({"text": "x", "filters": []}, "filters"),
        ({"text": "x", "filters": {"states": ["ZZ"]}}, "filters.states"),
        ({"text": "x", "filters": {"languages": ["klingon"]}}, "filters.languages"),
        ({"text": "x", "filters": {"size": 1}}, "filters.size"),
        ({"text": "x", "weights": {"place": 3.1}}, "weights.place"),
        ({"text": "x", "weights": {"place": "1"}}, "weights.place"),
        ([], ""),
        ("null", ""),
        ('{"text": "x", "radius_km": 1e999}', "radius_km"),
        ('{"text": "\\ud800"}', "text"),
        ('{"place": "\\udfff"}', "place"),
    ],
)
def test_a_wrong_value_is_named(
    post: Callable[..., TestResponse], body: object, field: str
) -> None:
    assert error_of(post(body)) == (422, field or None)


@pytest.mark.parametrize(
    "body",
    [
        "",
        "{",
        "text=hello",
        b"\xff\xfe",
        b'{"text": "\xff"}',
        '{"text": "a", "text": "b"}',
        '{"text": "a", "filters": {"states": [], "states": []}}',
        '{"text": "a", "radius_km": NaN}',
        '{"text": "a", "radius_km": Infinity}',
        '{"text": "a", "radius_km": -Infinity}',
        '{"text": "a", "\\ud800": 1}',
        '{"text": "a", "n": ' + "9" * 5_000 + "}",
        "[" * 100_000 + "]" * 100_000,
        '{"text": ' * 50_000,
        '{"text": "a", "services": ' + "[" * 900 + "]" * 900 + "}",
        "\ufeff{}".encode(),
        '{"text": "a"}'.encode("utf-16"),
    ],
    ids=range(17),
)
def test_what_is_not_json_is_refused(post: Callable[..., TestResponse], body: str | bytes) -> None:
    status, field = error_of(post(body))
    assert status in {400, 422}
    assert field in {None, "services"}


@pytest.mark.parametrize("content_type", ["text/plain", "application/x-www-form-urlencoded", ""])
def test_another_content_type_is_refused(
    post: Callable[..., TestResponse], content_type: str
) -> None:
    assert error_of(post(json.dumps(ASKED), content_type)) == (415, None)


def test_too_large_a_body_is_refused(post: Callable[..., TestResponse]) -> None:
    assert error_of(post(b" " * (MAX_REQUEST_BYTES + 1))) == (413, None)


def test_a_charset_beside_the_content_type_is_fine(post: Callable[..., TestResponse]) -> None:
    assert post(json.dumps(ASKED), "application/json; charset=utf-8").status_code == 200


def test_an_unclear_place_brings_suggestions(post: Callable[..., TestResponse]) -> None:
    message = post({"text": "x", "place": "Portland"}).get_json()["error"]["message"]
    assert "Portland, ME" in message


# --- Reading ----------------------------------------------------------------------------


def test_the_pages_of_the_directory_hold_every_listing_once(client: PageClient) -> None:
    def page(number: int) -> dict[str, Any]:
        found = client.get(f"{API}/nonprofits?states=CA&per_page=100&page={number}").get_json()
        assert isinstance(found, dict)
        return found

    total = page(1)["total"]
    assert total > 100
    slugs = [item["slug"] for at in range(1, total // 100 + 2) for item in page(at)["nonprofits"]]
    assert len(slugs) == len(set(slugs)) == total
    assert page(1000)["nonprofits"] == []


def test_the_directory_is_in_the_order_of_names_or_of_distance(client: PageClient) -> None:
    names = [
        n["name"] for n in client.get(f"{API}/nonprofits?per_page=50").get_json()["nonprofits"]
    ]
    assert [name[0] for name in names] == sorted(name[0] for name in names)
    near = client.get(f"{API}/nonprofits?place=Boston, MA&radius_km=30&sort=distance").get_json()
    far = [n["distance_km"] for n in near["nonprofits"] if n["distance_km"] is not None]
    assert len(far) > 5
    assert far == sorted(far)


def test_the_directory_is_searched_as_people_type(client: PageClient) -> None:
    found = client.get(f"{API}/nonprofits?q=imigrant+legal+advocacy+project").get_json()
    assert found["nonprofits"][0]["slug"] == ILAP


def test_repeated_parameters_widen_and_others_narrow(client: PageClient) -> None:
    def total(query: str) -> int:
        return int(client.get(f"{API}/nonprofits?{query}").get_json()["total"])

    maine, vermont = total("states=ME"), total("states=VT")
    assert max(maine, vermont) < total("states=ME&states=VT") <= maine + vermont
    assert 0 < total("states=ME&services=legal-services") < maine


def test_a_listing_has_its_sources(client: PageClient) -> None:
    listing = client.get(f"{API}/nonprofits/{ILAP}").get_json()
    assert listing["slug"] == ILAP
    assert listing["summary_en"] != listing["summary_es"]
    assert all(source["facts"] and source["source"] for source in listing["sources"])
    assert "notes" not in listing


def test_similar_groups_say_what_they_share(client: PageClient) -> None:
    found = client.get(f"{API}/nonprofits/{ILAP}/similar?n=4").get_json()["matches"]
    assert len(found) == 4
    assert ILAP not in {match["slug"] for match in found}
    for match in found:
        total = sum(reason["contribution"] for reason in match["reasons"])
        assert total == pytest.approx(match["score"], abs=1e-4)
        # A word that only one language has is no empty word of the other.
        assert all(all(reason["sources"]) for reason in match["reasons"])


def test_resources_are_found_by_topic(client: PageClient) -> None:
    every = client.get(f"{API}/resources").get_json()
    some = client.get(f"{API}/resources?topics=sanctuary-policy&per_page=100").get_json()
    assert 0 < some["total"] == len(some["resources"]) < every["total"]
    assert all("sanctuary-policy" in resource["topics"] for resource in some["resources"])


def test_a_place_is_resolved_or_suggested(client: PageClient) -> None:
    assert client.get(f"{API}/places?q=04101").get_json()["place"]["zip"] == "04101"
    unclear = client.get(f"{API}/places?q=Portland").get_json()
    assert unclear["place"] is None
    assert {"Portland, ME", "Portland, OR"} <= set(unclear["suggestions"])


def test_the_taxonomy_has_both_languages(client: PageClient) -> None:
    taxonomy = client.get(f"{API}/taxonomy").get_json()
    legal = next(tag for tag in taxonomy["services"] if tag["slug"] == "legal-services")
    assert (legal["label_en"], legal["label_es"]) == ("Legal help", "Ayuda legal")
    assert all(taxonomy.values())


@pytest.mark.parametrize(
    ("path", "field"),
    [
        ("/nonprofits?page=abc", "page"),
        ("/nonprofits?page=0", "page"),
        ("/nonprofits?page=" + "9" * 30, "page"),
        ("/nonprofits?page=1&page=2", "page"),
        ("/nonprofits?per_page=101", "per_page"),
        ("/nonprofits?radius_km=NaN", "radius_km"),
        ("/nonprofits?radius_km=1e3", "radius_km"),
        ("/nonprofits?place=Portland", "place"),
        ("/nonprofits?place=%00", "place"),
        ("/nonprofits?q=%00", "q"),
        ("/nonprofits?states=maine", "states"),
        ("/nonprofits?services=nothing", "services"),
        ("/nonprofits?sort=size", "sort"),
        ("/nonprofits?sort=distance", "sort"),
        ("/nonprofits?utm_source=x", "utm_source"),
        ("/places", "q"),
        ("/places?q=", "q"),
        ("/places?q=" + "a" * 121, "q"),
        ("/taxonomy?kind=services", "kind"),
        ("/resources?language=es", "language"),
    ],
)
def test_a_wrong_parameter_is_named(client: PageClient, path: str, field: str) -> None:
    assert error_of(client.get(API + path)) == (422, field)


@pytest.mark.parametrize(
    "path",
    [
        "/nope",
        "/nonprofits/",
        "/nonprofits/no-such-group",
        "/nonprofits/" + "9" * 30,
        "/nonprofits/%00",
        "/nonprofits/%ff",
        "/nonprofits/no-such-group/similar",
        "/resources/no-such-piece",
        "/nonprofits/../../etc/passwd",
    ],
)
def test_what_is_not_there_is_not_found(client: PageClient, path: str) -> None:
    assert error_of(client.get(API + path)) == (404, None)


@pytest.mark.parametrize("path", READS)
def test_a_wrong_method_is_refused(client: PageClient, path: str) -> None:
    response = client.delete(API + path)
    assert error_of(response) == (405, None)
    assert "GET" in response.headers["Allow"]


# --- Copies and other sites -------------------------------------------------------------


@pytest.mark.parametrize("path", READS)
def test_a_copy_that_is_still_right_is_not_sent_again(client: PageClient, path: str) -> None:
    first = client.get(API + path)
    tag = first.headers["ETag"]
    assert not tag.startswith("W/")
    again = client.get(API + path, headers={"If-None-Match": tag})
    assert (again.status_code, again.data) == (304, b"")
    assert again.headers["ETag"] == tag
    other = client.get(API + path, headers={"If-None-Match": '"another"'})
    assert (other.status_code, other.data) == (200, first.data)
    assert client.head(API + path).headers["ETag"] == tag


@pytest.mark.parametrize("path", PERSONAL)
def test_an_answer_to_what_a_reader_typed_is_not_to_be_stored(
    client: PageClient, path: str
) -> None:
    response = client.get(API + path)
    assert response.status_code == 200
    assert response.headers["Cache-Control"] == "no-store"
    assert "ETag" not in response.headers


@pytest.mark.parametrize("path", READS)
def test_a_shared_cache_has_one_copy_for_all_readers(client: PageClient, path: str) -> None:
    readers = [
        {},
        {"Accept-Language": "es", "User-Agent": "Another", "Origin": "https://partner.example"},
        {"Cookie": "staff=x", "Referer": "https://partner.example/", "Accept-Encoding": "gzip"},
    ]
    answers = [client.get(API + path, headers=headers) for headers in readers]
    assert "Vary" not in answers[0].headers
    assert answers[0].headers["Cache-Control"] == "no-cache"
    assert len({answer.data for answer in answers}) == 1
    told = [{k: v for k, v in answer.headers if k != "Date"} for answer in answers]
    assert told[1:] == told[:1] * 2


@pytest.mark.parametrize("path", [*READS, "/nope", "/nonprofits?page=abc"])
def test_any_site_may_read_and_no_answer_sets_a_cookie(client: PageClient, path: str) -> None:
    response = client.get(API + path, headers={"Origin": "https://partner.example"})
    expected = {**EVERYWHERE, **HEADERS[RouteKind.API]}
    if response.status_code >= 400:
        expected["Cache-Control"] = "no-store"
    assert {name: response.headers.get(name) for name in expected} == expected
    assert response.headers["Access-Control-Allow-Origin"] == "*"
    assert "Access-Control-Allow-Credentials" not in response.headers
    assert "Set-Cookie" not in response.headers


@pytest.mark.parametrize(
    ("path", "method"),
    [("/matches", "POST"), ("/nonprofits", "GET"), ("/hsds/organizations", "GET")],
)
def test_a_browser_may_ask_before_it_sends(client: PageClient, path: str, method: str) -> None:
    asked = {
        "Origin": "https://partner.example",
        "Access-Control-Request-Method": method,
        "Access-Control-Request-Headers": "content-type",
    }
    response = client.options(API + path, headers=asked)
    assert (response.status_code, response.data) == (204, b"")
    assert response.headers["Access-Control-Allow-Origin"] == "*"
    assert method in response.headers["Access-Control-Allow-Methods"]
    assert "Content-Type" in response.headers["Access-Control-Allow-Headers"]
    assert "Access-Control-Allow-Credentials" not in response.headers


# --- What must not be shown -------------------------------------------------------------


@pytest.fixture
def small(
    tmp_path_factory: pytest.TempPathFactory,
    directory_app: Flask,
    taxonomy: tuple[Tag, ...],
    catalogue: tuple[Nonprofit, ...],
    make_nonprofit: Callable[..., Nonprofit],
) -> Iterator[tuple[PageClient, store.Database]]:
    """A site of twelve made-up groups that a test may change, and its store."""
    instance = tmp_path_factory.mktemp("small")
    settings = Settings(instance=instance, data=ROOT / "data", secret_key="test-key " * 8)
    settings.gazetteer.symlink_to(directory_app.config["WAYMARK"].gazetteer)
    at = {"city": "Portland", "state": "ME", "latitude": 43.6606, "longitude": -70.2589}
    city_only = make_nonprofit(
        "Test Quiet House",
        locations=(Location(**at, zip="04101", visibility=Visibility.CITY),),
    )
    db = store.connect(settings.database)
    store.migrate(db)
    load_tags(db, taxonomy)
    network, center = "test-national-policy-network", "test-new-york-workers-center"
    family = [replace(n, parent=network) if n.slug == center else n for n in catalogue]
    load_nonprofits(db, [*family, city_only])
    publish_generation(
        settings.index, write_generation(build_index(read_inputs(db)), settings.index)
    )
    app = create_app(settings)
    app.test_client_class = PageClient
    client = app.test_client()
    assert isinstance(client, PageClient)
    yield client, db
    db.close()


def _answers(client: PageClient) -> list[TestResponse]:
    """Everything that could show the listings of the small site."""
    body = {"text": "legal help for people who ask for asylum", "n": 50, "scope": "anywhere"}
    paths = [f"/nonprofits{query}" for query in ("", "?q=asylum", "?states=ME")]
    paths += ["/nonprofits/test-border-lawyers/similar?n=20"]
    paths += [f"/hsds/{kind}?full=true&per_page=100" for kind in ("organizations", "services")]
    return [client.post(f"{API}/matches", json=body), *(client.get(API + path) for path in paths)]


def test_a_withdrawn_listing_is_gone_from_every_answer(
    small: tuple[PageClient, store.Database],
) -> None:
    client, db = small
    slug, name = "test-maine-asylum-project", "Test Maine Asylum Project"
    assert all(name in answer.text for answer in _answers(client))
    set_status(db, slug, Status.WITHDRAWN)
    assert [answer for answer in _answers(client) if slug in answer.text] == []
    assert [answer for answer in _answers(client) if name in answer.text] == []
    for path in (f"/nonprofits/{slug}", f"/nonprofits/{slug}/similar"):
        assert error_of(client.get(API + path)) == (404, None)


def test_a_copy_of_a_listing_that_was_withdrawn_is_not_confirmed(
    small: tuple[PageClient, store.Database],
) -> None:
    client, db = small
    path = f"{API}/nonprofits?states=ME"
    tag = client.get(path).headers["ETag"]
    set_status(db, "test-maine-asylum-project", Status.WITHDRAWN)
    assert client.get(path, headers={"If-None-Match": tag}).status_code == 200


def test_a_parent_that_was_withdrawn_is_not_named(
    small: tuple[PageClient, store.Database],
) -> None:
    client, db = small
    parent, child = "test-national-policy-network", "test-new-york-workers-center"
    assert client.get(f"{API}/nonprofits/{child}").get_json()["parent"] == parent
    set_status(db, parent, Status.WITHDRAWN)
    assert client.get(f"{API}/nonprofits/{child}").get_json()["parent"] is None
    for path in ("/hsds/organizations?full=true", "/hsds/services?full=true"):
        assert "Test New York Workers Center" in client.get(API + path).text
        assert parent not in client.get(API + path).text


def test_a_stale_listing_keeps_its_page_and_says_so(
    small: tuple[PageClient, store.Database],
) -> None:
    client, db = small
    set_status(db, "test-haitian-house", Status.STALE)
    assert client.get(f"{API}/nonprofits/test-haitian-house").get_json()["status"] == "stale"


def test_a_hidden_office_is_nowhere(small: tuple[PageClient, store.Database]) -> None:
    client, _ = small
    listing = client.get(f"{API}/nonprofits/test-harbor-shelter")
    assert listing.get_json()["locations"] == []
    assert (listing.get_json()["city"], listing.get_json()["state"]) == (None, None)
    assert "02108" not in listing.text


def test_of_a_quiet_office_only_the_city_is_shown(
    small: tuple[PageClient, store.Database],
) -> None:
    client, _ = small
    assert client.get(f"{API}/nonprofits/test-quiet-house").get_json()["locations"] == [
        {
            "city": "Portland",
            "state": "ME",
            "zip": None,
            "primary": True,
            "latitude": None,
            "longitude": None,
        }
    ]


def test_before_an_index_is_published_the_api_says_so(tmp_path: Path) -> None:
    settings = Settings(instance=tmp_path, data=ROOT / "data", secret_key="test-key " * 8)
    db = store.connect(settings.database)
    store.migrate(db)
    db.close()
    client = create_app(settings).test_client()
    assert error_of(client.post(f"{API}/matches", json={"text": "asylum"})) == (503, None)
    assert client.get(f"{API}/resources").get_json()["total"] == 0


# --- The page ---------------------------------------------------------------------------


@pytest.mark.parametrize("path", ["/api/v1/docs", "/es/api/v1/docs"])
def test_the_page_tells_of_every_operation_and_object(client: PageClient, path: str) -> None:
    page = client.page(path)
    operations = {operation["operationId"] for _, _, operation in list_operations()}
    assert operations | set(DOCUMENT["components"]["schemas"]) <= set(page.ids)


def _sentences(part: Any) -> Iterator[str]:
    """Everything of the document that the page says in words."""
    if isinstance(part, list):
        for item in part:
            yield from _sentences(item)
    elif isinstance(part, dict):
        for key, value in part.items():
            if key in {"summary", "description", "label"} and isinstance(value, str) and value:
                yield value
            elif key not in {"responses", "If-None-Match"}:
                yield from _sentences(value)


def test_the_page_says_all_of_it_in_spanish_too() -> None:
    said = {*_sentences(DOCUMENT["paths"]), *_sentences(DOCUMENT["components"])}
    assert len(said) > 100
    assert said == set(SPANISH)


def test_the_page_has_this_sites_address(directory_app: Flask) -> None:
    client = directory_app.test_client()
    html = client.get("/api/v1/docs", base_url="https://waymark.example").text
    assert "https://waymark.example/api/v1/matches" in html
    assert HOST not in html
