"""A small data folder of made-up records, checked against the committed schemas."""

from __future__ import annotations

import copy
import json
import shutil
from collections.abc import Callable
from pathlib import Path
from typing import Any

COMMITTED = Path(__file__).parents[1] / "data"
COORDINATES = {
    "Testville": (44.0, -70.0),
    "Near Testville": (44.1, -70.1),
    "01234": (44.01, -70.02),
}


class FakeGazetteer:
    """Knows the places of `COORDINATES`, by ZIP code first."""

    def coordinates(self, **address: str) -> tuple[float, float] | None:
        return COORDINATES.get(address["zip"]) or COORDINATES.get(address["city"])


def _tag(slug: str, **more: Any) -> dict[str, Any]:
    return {
        "slug": slug,
        "label_en": slug,
        "label_es": slug,
        "description_en": "A tag for tests.",
        "description_es": "Una etiqueta de prueba.",
        "synonyms_en": [f"{slug} one", f"{slug} two", f"{slug} three"],
        "synonyms_es": [f"{slug} uno", f"{slug} dos", f"{slug} tres"],
        **more,
    }


def make_record(slug: str = "test-legal-help", **changes: Any) -> dict[str, Any]:
    """A listing as the files hold it."""
    record = {
        "slug": slug,
        "name": slug.replace("-", " ").title(),
        "other_names": ["TLH"],
        "parent": "",
        "ein": "",
        "website": "https://example.org",
        "ntee": "P84",
        "ruling_year": 2001,
        "revenue_usd": None,
        "reach": "local",
        "serves": "Testville",
        "service_areas": [{"state": "ME", "city": "Near Testville"}, {"state": "NH"}],
        "services": ["legal-services"],
        "populations": ["refugees"],
        "communities": [],
        "languages": ["spanish"],
        "summary_en": "Test Legal Help is made up.",
        "summary_es": "Test Legal Help es una invención.",
        "basis": "known",
        "locations": [make_location()],
        "sources": [{"facts": "mission", "source": "Test register", "as_of": "2024-01"}],
        "in_irs_extract": False,
        "notes": "",
    }
    return copy.deepcopy(record | changes)


def make_location(**changes: Any) -> dict[str, Any]:
    """A location as the files hold it."""
    place = {"city": "Testville", "state": "ME", "zip": "01234"}
    return place | {"visibility": "public", "primary": True} | changes


def _resource() -> dict[str, Any]:
    committed: dict[str, Any] = json.loads((COMMITTED / "resources.json").read_text())[0]
    return committed | {"slug": "test-piece", "topics": ["legal-services"]}


def _guide() -> dict[str, Any]:
    committed: dict[str, Any] = json.loads((COMMITTED / "guides.json").read_text())[0]
    return committed | {"slug": "test-guide", "topics": ["refugees"]}


def write_data(folder: Path) -> Path:
    """A whole, valid data folder."""
    shutil.copytree(COMMITTED / "schema", folder / "schema")
    taxonomy = {
        "service_groups": [{"slug": "legal", "label_en": "Law", "label_es": "Ley"}],
        "services": [_tag("legal-services", group="legal"), _tag("housing", group="legal")],
        "populations": [_tag("refugees")],
        "communities": [_tag("somali")],
        "reach": [_tag("local"), _tag("state")],
        "topics": [_tag("giving")],
        "languages": [
            {"slug": "spanish", "label_en": "Spanish", "label_es": "Español", "code": "es"}
        ],
    }
    term = {"phrase": "papers", "language": "en", "tags": ["legal-services"], "weight": 1}
    documents = {
        "taxonomy": taxonomy,
        "term_map": [term],
        "resources": [_resource()],
        "guides": [_guide()],
        "places": {},
        "nonprofits/me": [make_record(), make_record("test-other", ein="012345678")],
        "nonprofits/nh": [make_record("test-child", parent="test-other")],
    }
    (folder / "nonprofits").mkdir()
    for name, document in documents.items():
        (folder / f"{name}.json").write_text(json.dumps(document), encoding="utf-8")
    return folder


def edit(folder: Path, name: str, change: Callable[[Any], None]) -> None:
    """Change one document of a data folder in place."""
    path = folder / f"{name}.json"
    document = json.loads(path.read_text(encoding="utf-8"))
    change(document)
    path.write_text(json.dumps(document), encoding="utf-8")
