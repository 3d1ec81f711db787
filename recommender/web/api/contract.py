"""The OpenAPI document, and requests checked against it: what it says is what is enforced."""

from __future__ import annotations

import json
import re
from collections.abc import Callable, Iterable, Mapping
from functools import cache
from pathlib import Path
from typing import Any, NoReturn

from flask import abort, request
from jsonschema import Draft202012Validator
from jsonschema.exceptions import ValidationError
from werkzeug.datastructures import MultiDict

from recommender.errors import InvalidProfile
from recommender.web.problems import error_json

Json = dict[str, Any]

_FOLDER = Path(__file__).parent


def _load() -> Json:
    """The document with its longer examples, which are files so that they can be checked."""
    document: Json = json.loads((_FOLDER / "openapi.json").read_text(encoding="utf-8"))
    for methods in document["paths"].values():
        for operation in methods.values():
            for sample in operation["x-codeSamples"]:
                if sample["source"].startswith("examples/"):
                    file = _FOLDER / sample["source"]
                    sample["source"] = file.read_text(encoding="utf-8").rstrip()
    return document


DOCUMENT = _load()
TEXT = json.dumps(DOCUMENT, ensure_ascii=False)
HOST: str = DOCUMENT["servers"][0]["url"]
"""The address that the document is written for, replaced where it is served."""

_SCHEMAS = "#/components/schemas/"
_INTEGER = re.compile(r"-?[0-9]{1,18}")
_NUMBER = re.compile(r"-?[0-9]{1,18}(\.[0-9]{1,18})?")
_BOOLEANS = {"true": True, "false": False}
_MAX_NAME_LENGTH = 60

# What is wrong, by the keyword of the schema that is broken; the argument is its value.
_COMPLAINTS: dict[str, Callable[[Any], str]] = {
    "type": lambda kind: f"This must be of type {kind}.",
    "enum": lambda names: f"This must be one of: {', '.join(names)}.",
    "minimum": lambda least: f"This must be {least} or more.",
    "maximum": lambda most: f"This must be {most} or less.",
    "exclusiveMinimum": lambda limit: f"This must be more than {limit}.",
    "minLength": lambda least: f"This needs {least} character or more.",
    "maxLength": lambda most: f"This is too long: at most {most} characters.",
    "maxItems": lambda most: f"This is too much: at most {most}.",
    "required": lambda _: "This is missing.",
    "additionalProperties": lambda _: "There is no field of this name here.",
}


def read_query() -> Json:
    """This request's query parameters, by the types and limits of its operation.

    Raises:
        InvalidProfile: a parameter is unknown, repeated or out of its limits.
    """
    parameters = query_parameters(_operation_id())
    values = {name: _from_query(request.args, name, parameters) for name in request.args}
    return _check(_query_validator(_operation_id()), values)


def read_body(schema: str) -> Json:
    """This request's JSON body, by a named schema of the document.

    Raises:
        InvalidProfile: a field is unknown, missing, of a wrong type or out of its limits.
    """
    if request.mimetype != "application/json":
        _refuse(415, "Please send the body as application/json.")
    try:
        body = json.loads(
            request.get_data().decode("utf-8"),
            object_pairs_hook=_unique,
            parse_constant=_no_constant,
        )
        return _check(_body_validator(schema), body)
    except (ValueError, RecursionError):
        _refuse(400, "The body is not JSON that can be read.")


def list_operations() -> Iterable[tuple[str, str, Json]]:
    """(path, method, operation) of everything the document describes, in its order."""
    for path, methods in DOCUMENT["paths"].items():
        for method, operation in methods.items():
            yield path, method.upper(), operation


def query_parameters(operation_id: str) -> dict[str, Json]:
    """The query parameters of an operation by name, with references followed."""
    operation = next(o for _, _, o in list_operations() if o["operationId"] == operation_id)
    parameters = [resolve(parameter) for parameter in operation.get("parameters", ())]
    return {p["name"]: p for p in parameters if p["in"] == "query"}


def resolve(part: Json) -> Json:
    """A part of the document, with a reference at its top followed."""
    while "$ref" in part:
        found: Any = DOCUMENT
        for step in part["$ref"].removeprefix("#/").split("/"):
            found = found[step]
        part = found
    return part


def _operation_id() -> str:
    return (request.endpoint or "").rpartition(".")[2]


def _from_query(args: MultiDict[str, str], name: str, parameters: Mapping[str, Json]) -> Any:
    """A parameter as its schema's type where it reads as one, else as text."""
    schema = parameters[name]["schema"] if name in parameters else {}
    given = args.getlist(name)
    if schema.get("type") == "array":
        return given
    if len(given) > 1:
        raise InvalidProfile("This may be given only once.", field=name[:_MAX_NAME_LENGTH])
    if schema.get("type") == "integer" and _INTEGER.fullmatch(given[0]):
        return int(given[0])
    if schema.get("type") == "number" and _NUMBER.fullmatch(given[0]):
        return float(given[0])
    if schema.get("type") == "boolean":
        return _BOOLEANS.get(given[0], given[0])
    return given[0]


@cache
def _query_validator(operation_id: str) -> Draft202012Validator:
    parameters = query_parameters(operation_id)
    return _validator(
        {
            "type": "object",
            "properties": {name: p["schema"] for name, p in parameters.items()},
            "required": [name for name, p in parameters.items() if p.get("required")],
            "additionalProperties": False,
        }
    )


@cache
def _body_validator(schema: str) -> Draft202012Validator:
    return _validator({"$ref": _SCHEMAS + schema})


def _validator(schema: Json) -> Draft202012Validator:
    return Draft202012Validator({**schema, "components": DOCUMENT["components"]})


def _check(validator: Draft202012Validator, values: Any) -> Json:
    error = next(validator.iter_errors(values), None)
    if error is not None:
        complaint = _COMPLAINTS.get(error.validator, lambda _: "This cannot be used.")
        raise InvalidProfile(complaint(error.validator_value), field=_field(error))
    checked: Json = values
    return checked


def _field(error: ValidationError) -> str:
    """The name of the field at fault, e.g. "filters.states", without list positions."""
    names = [step for step in error.absolute_path if isinstance(step, str)]
    if error.validator == "required":
        names += [name for name in error.validator_value if name not in error.instance][:1]
    if error.validator == "additionalProperties":
        names += sorted(set(error.instance) - set(error.schema["properties"]))[:1]
    return ".".join(names)[:_MAX_NAME_LENGTH]


def _unique(pairs: list[tuple[str, Any]]) -> Json:
    found = dict(pairs)
    if len(found) < len(pairs):
        raise ValueError("a name stands twice in one object")
    for name in found:
        name.encode()  # half of a surrogate pair is no character, and could not be sent back
    return found


def _no_constant(name: str) -> NoReturn:
    raise ValueError(f"{name} is not JSON")


def _refuse(status: int, message: str) -> NoReturn:
    abort(error_json(status, message))
