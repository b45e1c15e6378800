"""A field of a request stands once; flag, keyword, check and schema come from it."""

import inspect
import subprocess
import sys
from dataclasses import dataclass
from typing import Annotated

import click
import pytest
from click.testing import CliRunner

from mattelier.commands.options import request_from_flags, request_options
from mattelier.requests import BokehRequest, Box, MatteRequest, Point, RotoRequest, from_json
from mattelier.requests.fields import Field, Flag
from mattelier.requests.flat import (
    all_flat_fields,
    flat_fields,
    from_flat,
    keyword_help,
    keyword_parameters,
)
from mattelier.requests.schema import SCHEMA_FILE, request_schema, schema, schema_text
from mattelier.types.errors import UsageError


@dataclass(frozen=True)
class GrainyMatteRequest(MatteRequest):
    """A `MatteRequest` with one field more; nothing else in this file knows it."""

    edge_grain: Annotated[
        float,
        Field("Grain of the edge.", minimum=0, maximum=9, unit="px", flag=Flag(metavar="PIXELS")),
    ] = 2


def test_one_field_more_is_a_flag():
    built = []

    @click.command()
    @request_options(GrainyMatteRequest)
    def grainy(**flags):
        built.append(request_from_flags(GrainyMatteRequest, flags))

    run = CliRunner().invoke
    assert "--edge-grain PIXELS" in run(grainy, ["--help"]).output
    assert run(grainy, ["--edge-grain", "3.5"]).exit_code == 0
    assert run(grainy, []).exit_code == 0
    assert [request.edge_grain for request in built] == [3.5, 2]
    assert "is not in the range 0<=x<=9" in run(grainy, ["--edge-grain", "10"]).output


def test_one_field_more_is_a_keyword_with_its_help():
    (added,) = [p for p in keyword_parameters(GrainyMatteRequest) if p.name == "edge_grain"]
    assert (added.default, added.annotation, added.kind) == (
        2,
        float,
        inspect.Parameter.KEYWORD_ONLY,
    )
    assert "edge_grain : float\n    Grain of the edge. 0…9 px." in keyword_help(GrainyMatteRequest)
    assert from_flat(GrainyMatteRequest, {"edge_grain": 4}).edge_grain == 4


def test_one_field_more_is_checked_at_every_door():
    assert from_json(GrainyMatteRequest, {"edge_grain": 4}).edge_grain == 4
    for build in (
        lambda: GrainyMatteRequest(edge_grain=10),
        lambda: from_json(GrainyMatteRequest, {"edge_grain": 10}),
        lambda: from_flat(GrainyMatteRequest, {"edge_grain": 10}),
    ):
        with pytest.raises(UsageError, match="edge_grain lies between 0 and 9, not at 10"):
            build()
    with pytest.raises(UsageError, match="edge_grain cannot be True"):
        from_json(GrainyMatteRequest, {"edge_grain": True})


def test_fields_of_one_name_are_set_together_or_by_their_type():
    request = from_flat(BokehRequest, {"device": "cpu", "focus": (3, 4), "box": (1, 2, 3, 4)})
    assert request.depth.device == request.depth.matte.device == "cpu"
    assert (request.focus, request.distance) == (Point(3, 4), None)
    assert request.depth.matte.hint.box == Box(1, 2, 3, 4)
    assert from_flat(BokehRequest, {"focus": 2.5}).distance == 2.5
    assert [p.name for p in keyword_parameters(BokehRequest)].count("device") == 1


def test_a_shot_has_no_hint_of_its_own():
    names = {leaf.name for leaf in all_flat_fields(RotoRequest)}
    assert {"edge_shift", "tune", "keys"} < names
    assert not {"hint", "trimap", "box"} & names
    assert [leaf.path for leaf in flat_fields(RotoRequest, only=("matte.feather",))] == [
        "matte.feather"
    ]


def test_one_field_more_is_in_the_schema():
    more, less = request_schema(GrainyMatteRequest), request_schema(MatteRequest)
    assert more.pop("edge_grain") == {
        "type": "number", "default": 2, "minimum": 0, "maximum": 9, "unit": "px",
        "help": "Grain of the edge.",
    }  # fmt: skip
    assert more == less


def test_the_schema_file_is_current():
    """If not: python -m mattelier.requests.schema"""
    assert SCHEMA_FILE.read_text("utf-8") == schema_text()


def test_the_schema_says_all_that_a_dialog_needs():
    fields = schema()
    assert fields["bokeh"]["depth.matte.quality"]["enum"] == ["fast", "balanced", "best"]
    assert fields["upscale"]["tile"]["minimum"] == 0
    assert fields["roto"]["bits"]["enum"] == [0, 8, 16]
    for task, facts in fields.items():
        for path, fact in facts.items():
            assert fact["help"], (task, path)
            assert fact["type"] in ("boolean", "integer", "number", "string", "array", "object")
            assert "--" not in fact["help"], (task, path)


def test_requests_are_light_to_import():
    code = (
        "import sys, mattelier.requests\n"
        "heavy = {'numpy', 'cv2', 'PIL', 'msgspec', 'click', 'tomli_w'}\n"
        "sys.exit(', '.join(heavy & set(sys.modules)) or None)"
    )
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True)
    assert done.returncode == 0, done.stderr
