"""Renders without a window whose mattes are missing: exit codes tell the truth."""

from __future__ import annotations

import pytest
from in_blender import make_stage
from real_blender import INSIDE, VERSIONS


@pytest.mark.parametrize("version", VERSIONS)
def test_a_render_that_lacks_mattes_ends_with_3(blenders, home, tmp_path, version):
    make_stage(tmp_path)
    log = tmp_path / "log"
    done = blenders[version].run(home, INSIDE / "lacking.py", tmp_path, timeout=60, log=log)
    said = log.read_text("utf-8", "replace")
    assert done.returncode == 3, said
    assert "no matte on 4" in said
    assert (tmp_path / "out.0003.exr").is_file()  # what had its matte was rendered
    assert not (tmp_path / "out.0004.exr").exists()
