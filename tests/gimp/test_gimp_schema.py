"""The limits and defaults that the plug-in's dialogs take from `schema.json` are the engine's."""

from __future__ import annotations

import json

import pytest
from mattelier.errors import UsageError
from mattelier.request import (
    EFFECTS,
    CutoutRequest,
    MatteRequest,
    RefineRequest,
    from_json,
)

from mattelier.hosts.gimp import plugin_folder

REQUESTS = {"matte": MatteRequest, "cutout": CutoutRequest, "refine": RefineRequest, **EFFECTS}
SCHEMA = json.loads(
    (plugin_folder() / "mattelier" / "mattelier_gimp" / "schema.json").read_text("utf-8")
)


@pytest.mark.parametrize(
    ("request_name", "field"),
    [(name, field) for name, fields in SCHEMA.items() for field in fields],
)
def test_a_field_is_as_its_request_has_it(request_name, field):
    request, entry = REQUESTS[request_name], SCHEMA[request_name][field]
    assert getattr(request(), field) == entry["default"]
    allowed = [entry[end] for end in ("minimum", "maximum") if end in entry]
    refused = [entry["minimum"] - 1, entry["maximum"] + 1] if allowed else []
    if "enum" in entry:
        allowed, refused = entry["enum"], ["nonsense"]
    for value in allowed:
        assert getattr(from_json(request, {field: value}), field) == value
    for value in refused:
        with pytest.raises(UsageError):
            from_json(request, {field: value})
