"""The API's page for people, drawn from the same document that requests are checked against."""

from __future__ import annotations

import json
from collections.abc import Iterator
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

from flask import Blueprint, render_template
from markupsafe import Markup

from recommender.models import Language
from recommender.web import get_settings
from recommender.web.addresses import origin
from recommender.web.api.contract import DOCUMENT, HOST, list_operations, resolve
from recommender.web.i18n import current_language
from recommender.web.i18n import gettext as _

SPANISH: dict[str, str] = json.loads(
    (Path(__file__).parent / "openapi.es.json").read_text(encoding="utf-8")
)
"""What the document says in English, in Spanish."""

bp = Blueprint("api_docs", __name__, url_prefix="/api/v1/docs")

Json = dict[str, Any]


@dataclass(frozen=True, kw_only=True)
class Field:
    """A parameter or a property; `object_name` is the described object it holds, if any."""

    name: str
    type: str
    object_name: str
    limits: str
    description: Markup


@dataclass(frozen=True, kw_only=True)
class Sample:
    """A command that can be pasted into a terminal."""

    label: str
    source: str


@dataclass(frozen=True, kw_only=True)
class Operation:
    """One method of one path; `answer` is the name of the object it gives."""

    id: str
    method: str
    path: str
    summary: str
    description: Markup
    parameters: tuple[Field, ...]
    body: str
    answer: str
    samples: tuple[Sample, ...]


@dataclass(frozen=True, kw_only=True)
class Object:
    """A named object of the document."""

    name: str
    description: Markup
    fields: tuple[Field, ...]


@bp.get("")
def page() -> str:
    """Every operation and every object."""
    settings = get_settings()
    return render_template(
        "api/docs.html",
        operations=tuple(_operations()),
        objects=tuple(_objects()),
        host=origin(),
        matches_per_minute=settings.matches_per_minute,
        reads_per_minute=settings.reads_per_minute,
    )


def find_samples(operation_id: str) -> tuple[Sample, ...]:
    """The examples of one operation, in the current language.

    Raises:
        KeyError: there is no such operation.
    """
    operations = {operation["operationId"]: operation for _, _, operation in list_operations()}
    return tuple(_sample(sample) for sample in operations[operation_id]["x-codeSamples"])


def _operations() -> Iterator[Operation]:
    for path, method, operation in list_operations():
        parameters = [resolve(parameter) for parameter in operation.get("parameters", ())]
        yield Operation(
            id=operation["operationId"],
            method=method,
            path=path,
            summary=in_words(operation["summary"]),
            description=_described(operation),
            parameters=tuple(_parameter(p) for p in parameters if p["in"] != "header"),
            body=_object_name(_content(operation.get("requestBody", {}))),
            answer=_object_name(_content(operation["responses"]["200"])),
            samples=tuple(_sample(sample) for sample in operation["x-codeSamples"]),
        )


def _objects() -> Iterator[Object]:
    for name, schema in DOCUMENT["components"]["schemas"].items():
        yield Object(
            name=name,
            description=_described(schema),
            fields=tuple(_field(field, part) for field, part in schema["properties"].items()),
        )


def _parameter(parameter: Json) -> Field:
    schema = {**parameter["schema"], "description": parameter["description"]}
    field = _field(parameter["name"], schema)
    if not parameter.get("required"):
        return field
    return replace(field, limits="; ".join(filter(None, (_("must be given"), field.limits))))


def _field(name: str, schema: Json) -> Field:
    return Field(
        name=name,
        type=type_name(schema),
        object_name=_object_name(schema),
        limits=_limits(schema),
        description=_described(schema),
    )


def _sample(sample: Json) -> Sample:
    return Sample(label=in_words(sample["label"]), source=sample["source"].replace(HOST, origin()))


def _content(message: Json) -> Json:
    schema: Json = message.get("content", {}).get("application/json", {}).get("schema", {})
    return schema


def type_name(schema: Json) -> str:
    """A schema's type in short: "string", "Match[]", "Place | null"."""
    if "$ref" in schema:
        return str(schema["$ref"].rpartition("/")[2])
    if "anyOf" in schema:
        return " | ".join(type_name(choice) for choice in schema["anyOf"])
    if schema.get("type") == "array":
        return type_name(schema["items"]) + "[]"
    kinds = schema.get("type", "object")
    return kinds if isinstance(kinds, str) else " | ".join(kinds)


def _object_name(schema: Json) -> str:
    """The name of the described object that a schema is, lists or may be."""
    inner = schema.get("items", schema.get("additionalProperties"))
    choices = [schema, *schema.get("anyOf", ()), *([inner] if isinstance(inner, dict) else [])]
    named = [choice["$ref"].rpartition("/")[2] for choice in choices if "$ref" in choice]
    if not named and isinstance(inner, dict):
        return _object_name(inner)
    return named[0] if named else ""


def _limits(schema: Json) -> str:
    """What a value may be, in one line."""
    inner = schema.get("items", schema)
    parts = [
        _("one of: %(names)s", names=", ".join(str(name) for name in inner["enum"] if name))
        if "enum" in inner
        else "",
        _("more than %(n)s", n=schema["exclusiveMinimum"]) if "exclusiveMinimum" in schema else "",
        _("at least %(n)s", n=schema["minimum"]) if "minimum" in schema else "",
        _("at most %(n)s", n=schema["maximum"]) if "maximum" in schema else "",
        _("at most %(n)s characters", n=schema["maxLength"]) if "maxLength" in schema else "",
        _("at most %(n)s values", n=schema["maxItems"]) if "maxItems" in schema else "",
        _("if not given: %(value)s", value=_json(schema["default"])) if "default" in schema else "",
    ]
    return "; ".join(part for part in parts if part)


def _json(value: object) -> str:
    return str(value).lower() if isinstance(value, bool) else str(value)


def in_words(text: str) -> str:
    """A sentence of the document in the current language."""
    return SPANISH.get(text, text) if current_language() is Language.ES else text


def _described(part: Json) -> Markup:
    return code_spans(in_words(part.get("description", "")))


def code_spans(text: str) -> Markup:
    """Plain text in which `backticks` mark code."""
    pieces = text.split("`")
    marked = [
        Markup("<code>{}</code>").format(piece) if at % 2 else Markup.escape(piece)
        for at, piece in enumerate(pieces)
    ]
    return Markup("").join(marked)
