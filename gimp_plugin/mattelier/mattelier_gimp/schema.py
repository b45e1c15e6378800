"""What the engine's requests hold, from the `schema.json` that is installed with its client.

{request: {field: {"type", "default", "minimum", "maximum", "unit", "help", "enum"}}}; the types are
JSON Schema's, and what does not apply to a field is left out.
"""

from __future__ import annotations

import functools
import json
import os

_PLUGIN = os.path.dirname(os.path.dirname(os.path.abspath(__file__)))
_PATH = os.path.join(_PLUGIN, "mattelier_worker", "schema.json")


@functools.cache
def _requests() -> dict:
    with open(_PATH, encoding="utf-8") as file:
        return json.load(file)


def fields(request: str) -> dict:
    """The fields of a request by name, in the request's order."""
    return _requests()[request]


def field(of: str) -> dict:
    """One field, named after its request: "denoise.grain"."""
    request, _dot, name = of.partition(".")
    return fields(request)[name]
