"""The tabular form of HSDS: nested records as CSV tables in a zip, and back."""

from __future__ import annotations

import io
import json
import zipfile
from collections import defaultdict
from collections.abc import Iterable, Mapping
from contextlib import ExitStack
from dataclasses import dataclass, field
from math import isfinite
from pathlib import Path, PurePosixPath
from shutil import copyfileobj
from tempfile import TemporaryFile
from typing import IO, Any

from recommender.errors import ImportRefused
from recommender.importers.csv_file import decode, parse_table, restored, write_line
from recommender.importers.rows import RowError
from recommender.importers.streams import Limits, zip_members

Record = dict[str, Any]


@dataclass(frozen=True, kw_only=True)
class Entity:
    """A table: its columns, the column that names the owner, and what its records own."""

    columns: tuple[str, ...]
    owner: str = ""
    children: Mapping[str, str] = field(default_factory=dict)


# Table by name, as in HSDS 3.0. `children`: field of the nested record, and the table it fills.
ENTITIES = {
    "organizations": Entity(
        columns=(
            *("id", "name", "alternate_name", "description", "website"),
            "parent_organization_id",
        ),
        children={
            "organization_identifiers": "organization_identifiers",
            "locations": "locations",
            "services": "services",
            "attributes": "attributes",
        },
    ),
    "organization_identifiers": Entity(
        columns=(
            *("id", "organization_id", "identifier_scheme", "identifier_type"),
            "identifier",
        ),
        owner="organization_id",
    ),
    "locations": Entity(
        columns=("id", "organization_id", "location_type", "latitude", "longitude"),
        owner="organization_id",
        children={"addresses": "addresses", "attributes": "attributes"},
    ),
    "addresses": Entity(
        columns=(
            *("id", "location_id", "address_1", "city", "state_province", "postal_code"),
            *("country", "address_type"),
        ),
        owner="location_id",
    ),
    "services": Entity(
        columns=("id", "organization_id", "name", "description", "status"),
        owner="organization_id",
        children={
            "service_areas": "service_areas",
            "languages": "languages",
            "attributes": "attributes",
        },
    ),
    "service_areas": Entity(columns=("id", "service_id", "name"), owner="service_id"),
    "languages": Entity(columns=("id", "service_id", "name"), owner="service_id"),
    "attributes": Entity(
        columns=(*("id", "link_id", "taxonomy_term_id", "link_type", "link_entity", "value"),),
        owner="link_id",
    ),
    "taxonomy_terms": Entity(columns=("id", "code", "name", "description", "taxonomy")),
}
_NUMBERS = ("latitude", "longitude")


def write_package(organizations: Iterable[Record]) -> bytes:
    """A zip of datapackage.json and the tables; of the organizations one at a time is held."""
    with ExitStack() as stack:
        files = {name: stack.enter_context(TemporaryFile()) for name in ENTITIES}
        for name, file in files.items():
            file.write(write_line(ENTITIES[name].columns).encode())
        terms: set[str] = set()
        for organization in organizations:
            _write_rows(files, organization, terms)
        return _pack(files)


def _write_rows(files: Mapping[str, IO[bytes]], organization: Record, terms: set[str]) -> None:
    """Write the rows of an organization, of the terms those that no other has brought."""
    tables: dict[str, dict[str, Record]] = {name: {} for name in ENTITIES}
    _flatten(tables, "organizations", organization, "")
    for known in terms & tables["taxonomy_terms"].keys():
        del tables["taxonomy_terms"][known]
    terms.update(tables["taxonomy_terms"])
    for name, rows in tables.items():
        columns = ENTITIES[name].columns
        for row in rows.values():
            files[name].write(write_line(_cell(row, column) for column in columns).encode())


def _pack(files: Mapping[str, IO[bytes]]) -> bytes:
    content = io.BytesIO()
    with zipfile.ZipFile(content, "w") as archive:
        description = json.dumps(_description(), indent=1).encode()
        _write(archive, "datapackage.json", io.BytesIO(description))
        for name, file in files.items():
            file.seek(0)
            _write(archive, f"{name}.csv", file)
    return content.getvalue()


def _write(archive: zipfile.ZipFile, name: str, file: IO[bytes]) -> None:
    # A fixed time: the same listings give the same bytes.
    info = zipfile.ZipInfo(name, (1980, 1, 1, 0, 0, 0))
    info.compress_type = zipfile.ZIP_DEFLATED
    with archive.open(info, "w") as member:
        copyfileobj(file, member)


def _cell(row: Record, column: str) -> str:
    value = row.get(column)
    return "" if value is None else str(value)


def _flatten(tables: dict[str, dict[str, Record]], table: str, record: Record, owner: str) -> None:
    entity = ENTITIES[table]
    row = dict(record)
    if entity.owner:
        row[entity.owner] = owner
    if term := record.get("taxonomy_term"):
        row["taxonomy_term_id"] = term["id"]
        tables["taxonomy_terms"][term["id"]] = term
    tables[table][record["id"]] = row
    for name, child_table in entity.children.items():
        for child in record.get(name, []):
            _flatten(tables, child_table, child, record["id"])


def _description() -> Record:
    """What the package holds. Source: Frictionless Data Package."""
    return {
        "name": "waymark-hsds-3",
        "profile": "tabular-data-package",
        "resources": [
            {
                "name": name,
                "path": f"{name}.csv",
                "profile": "tabular-data-resource",
                "encoding": "utf-8",
                "schema": {
                    "fields": [
                        {"name": column, "type": "number" if column in _NUMBERS else "string"}
                        for column in entity.columns
                    ],
                    "primaryKey": "id",
                },
            }
            for name, entity in ENTITIES.items()
        ],
    }


def read_package(path: Path, limits: Limits) -> list[Record]:
    """The organizations of a package, nested; tables and columns that we do not use are left.

    Raises:
        ImportRefused: the archive or one of the tables cannot be taken.
    """
    tables = _tables(path, limits)
    if "organizations" not in tables:
        raise ImportRefused(f"{path.name} holds no organizations.csv.")
    terms = {row.get("id", ""): row for row in tables.get("taxonomy_terms", [])}
    owned: dict[tuple[str, str], list[Record]] = defaultdict(list)
    for name, entity in ENTITIES.items():
        for row in tables.get(name, []) if entity.owner else []:
            owned[name, row.get(entity.owner, "")].append(row)
    return [_nest("organizations", row, owned, terms) for row in tables["organizations"]]


def _tables(path: Path, limits: Limits) -> dict[str, list[Record]]:
    tables = {}
    for member in zip_members(path, limits):
        if isinstance(member, RowError):
            raise ImportRefused(f"{path.name}: {member.where} {member.reason}.")
        where, content = member
        name = PurePosixPath(where).stem
        if name in ENTITIES and where.endswith(".csv"):
            tables[name] = _rows(f"{path.name}, {where}", content, limits)
    return tables


def _rows(name: str, content: bytes, limits: Limits) -> list[Record]:
    table = parse_table(decode(content, name), name, limits)
    for error in table.errors:
        # A row that is lost here would silently take its owner's place or tags away.
        raise ImportRefused(f"{name}, {error.where}: {error.reason}.")
    return [
        {
            column: _value(column, cell)
            for column, cell in zip(table.header, cells, strict=True)
            if cell or column == "description"
        }
        for _, cells in table.records
    ]


def _value(column: str, cell: str) -> str | float:
    if column not in _NUMBERS:
        return restored(cell)
    try:
        number = float(cell)
    except ValueError:
        return cell
    return number if isfinite(number) else cell


def _nest(
    table: str,
    row: Record,
    owned: Mapping[tuple[str, str], list[Record]],
    terms: Mapping[str, Record],
) -> Record:
    entity = ENTITIES[table]
    record = {name: value for name, value in row.items() if name in entity.columns}
    record.pop(entity.owner, "")
    term = terms.get(record.pop("taxonomy_term_id", ""))
    if table == "attributes":
        record |= {"link_id": row.get("link_id", "")} | ({"taxonomy_term": term} if term else {})
    for name, child in entity.children.items():
        nested = [_nest(child, r, owned, terms) for r in owned.get((child, row.get("id", "")), [])]
        record |= {name: nested} if nested else {}
    return record
