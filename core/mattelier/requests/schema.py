"""All requests as one JSON file, for the dialogs of hosts, which cannot import this package.

`python -m mattelier.requests.schema` writes it anew after a field has changed.
"""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any, get_origin

from mattelier.requests.fields import REQUESTS, EffectRequest, Request, without_none
from mattelier.requests.flat import FlatField, all_flat_fields

SCHEMA_FILE = Path(__file__).with_name("schema.json")

_TYPES = {bool: "boolean", int: "integer", float: "number", str: "string"}


def schema() -> dict[str, dict[str, dict[str, Any]]]:
    """All fields of all requests: task → where the field lies in the request's JSON → its facts.

    The facts are `type` (of JSON Schema), `default` unless the field is required, `help`, and where
    they apply `minimum`, `maximum`, `unit`, `auto` and `enum`. Fields of requests inside have a
    dotted name: "matte.edge_shift". The options of "frames" are those of the task that it names.
    """
    return {task: request_schema(REQUESTS[task]) for task in sorted(REQUESTS)}


def request_schema(request_type: type[Request]) -> dict[str, dict[str, Any]]:
    """The fields of one request, as in `schema`."""
    return {
        leaf.path: field_facts(leaf)
        for leaf in all_flat_fields(request_type)
        if leaf.type is not EffectRequest
    }


def schema_text() -> str:
    """`schema` as the text of the file."""
    return json.dumps(schema(), indent=1, ensure_ascii=False) + "\n"


def field_facts(leaf: FlatField) -> dict[str, Any]:
    """What `schema` says of one field."""
    kind = without_none(leaf.type)
    container = "array" if get_origin(kind) is tuple else "object"
    if leaf.choices and container == "object":
        kind = type(leaf.choices[0])
    facts: dict[str, Any] = {"type": _TYPES.get(kind, container)}
    if not leaf.required:
        facts["default"] = leaf.default
    field = leaf.field
    optional = {
        "minimum": 0 if field.or_zero else field.minimum,
        "maximum": field.maximum,
        "unit": field.unit or None,
        "auto": field.auto,
        "enum": list(leaf.choices) or None,
    }
    return facts | {k: v for k, v in optional.items() if v is not None} | {"help": field.help}


if __name__ == "__main__":
    SCHEMA_FILE.write_text(schema_text(), "utf-8")
