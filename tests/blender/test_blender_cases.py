"""The add-on in Blender's modules without windows; the cases themselves are in `inside`."""

from __future__ import annotations

import pytest
from in_blender import cases_in
from real_blender import VERSIONS

MODULES = (
    "node", "guidance", "baking", "edges", "looking", "splines", "farm", "upscale", "bokeh",
    "files", "networks", "pointing", "correcting", "cryptomatte", "together", "finding",
    "keyer", "depth", "match", "tuned", "clean_plate", "preview",
)  # fmt: skip


@pytest.mark.parametrize("version", VERSIONS)
@pytest.mark.parametrize("case", cases_in(*MODULES))
def test_in_blender(cases, version, case):
    assert cases(version).failure(case) is None
