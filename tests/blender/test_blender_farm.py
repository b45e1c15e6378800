"""Renders without a window whose baked frames are missing: exit codes tell the truth."""

from __future__ import annotations

import pytest
from in_blender import make_stage
from real_blender import INSIDE, VERSIONS


@pytest.mark.parametrize(
    ("version", "node_type", "noun"),
    [
        *((version, "rotoscope", "matte") for version in VERSIONS),
        (VERSIONS[0], "upscale", "picture"),
        (VERSIONS[-1], "bokeh", "picture"),
    ],
)
def test_a_render_that_lacks_frames_ends_with_3(blenders, home, tmp_path, version, node_type, noun):
    make_stage(tmp_path)
    log, script = tmp_path / "log", INSIDE / "lacking.py"
    done = blenders[version].run(home, script, tmp_path, node_type, timeout=60, log=log)
    output = log.read_text("utf-8", "replace")
    assert done.returncode == 3, output
    assert f"no {noun} on 4" in output
    assert (tmp_path / "out.0003.exr").is_file()  # what was baked was rendered
    assert not (tmp_path / "out.0004.exr").exists()
