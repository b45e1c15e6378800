"""Requests to JSON and back, as the worker receives them."""

import json

import pytest

from mattelier.requests import (
    Box,
    CutoutRequest,
    HintRequest,
    MatteRequest,
    Point,
    RefineRequest,
    digest,
    from_json,
    to_json,
)
from mattelier.types.errors import UsageError

FULL = CutoutRequest(
    MatteRequest(
        HintRequest("m.png", None, Box(1, 2, 3, 4), (Point(5, 6), Point(7, 8.5, False))),
        model="u2net",
        device="cpu",
        quality="best",
        refine=False,
        edge_shift=-2.5,
        feather=3,
    ),
    foreground=False,
    background="blur",
    crop=True,
    padding=4,
    match_light=0.5,
)


@pytest.mark.parametrize("request_", [FULL, CutoutRequest(), RefineRequest(width=30)])
def test_a_request_survives_the_wire(request_):
    wire = json.loads(json.dumps(to_json(request_)))
    again = from_json(type(request_), wire)
    assert again == request_
    assert digest(again) == digest(request_)


def test_what_is_left_out_has_its_default():
    assert from_json(MatteRequest, {"quality": "fast"}) == MatteRequest(quality="fast")


@pytest.mark.parametrize(
    ("values", "sentence"),
    [
        ([], "object"),
        ({"colour": 1}, "unknown key 'colour'"),
        ({"quality": 3}, "quality"),
        ({"quality": "great"}, "quality is one of"),
        ({"refine": 1}, "refine cannot be 1"),
        ({"feather": True}, "feather"),
        ({"feather": float("nan")}, "feather"),
        ({"feather": -1}, "feather lies between"),
        ({"edge_shift": 1e9}, "edge shift lies between"),
        ({"hint": "x"}, "hint is an object"),
        ({"hint": {"points": {"x": 1}}}, "points"),
        ({"hint": {"points": [{"x": float("inf"), "y": 1}]}}, r"hint.points\[0\].x cannot be inf"),
        ({"hint": {"points": [{"x": 1}]}}, "lacks 'y'"),
        ({"hint": {"box": {"x": 0, "y": 0, "width": 0, "height": 5}}}, "positive"),
        ({"model": None}, "model cannot be None"),
    ],
)
def test_what_does_not_fit_is_refused_in_a_sentence(values, sentence):
    with pytest.raises(UsageError, match=sentence):
        from_json(MatteRequest, values)
