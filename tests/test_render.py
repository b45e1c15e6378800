"""Subjects made by the computer, whose alpha is known: drawn, and rendered with Blender."""

from __future__ import annotations

import subprocess
import sys
from importlib.util import find_spec
from pathlib import Path

import cv2
import numpy as np
import pytest
from debian_root import cache_folder

from mattelier.media.depth_maps import read_depth
from mattelier.train.render.canvas import Canvas
from mattelier.train.render.drawn import SUBJECT_TYPES, add_lens_blur, draw
from mattelier.train.render.source import Source, read_source, write_source
from mattelier.types.errors import UsageError


def render_command(*words: str, blender: Path | None = None) -> list[str]:
    line = "import sys, runpy; sys.path.extend(sys.argv.pop().split()); "
    line += "runpy.run_module('mattelier.train.render', run_name='__main__', alter_sys=True)"
    return [sys.executable, "-c", line, *words, str(blender or "")]


def blender_packages() -> Path | None:
    """Where `bpy` lies, if this Python does not find it by itself."""
    name = f"lib/python3.{sys.version_info.minor}/site-packages"
    found = sorted(cache_folder().glob(f"bpy-*/{name}"))
    return found[0] if found else None


@pytest.mark.parametrize("subject_type", SUBJECT_TYPES)
def test_every_kind_has_an_edge_and_colours_to_show(subject_type: str) -> None:
    source = SUBJECT_TYPES[subject_type][1](160, np.random.default_rng(5))
    assert source.alpha.shape == (160, 160)
    assert source.colour.shape == (160, 160, 3)
    for values in (source.alpha, source.colour):
        assert values.dtype == np.float32
        assert 0 <= values.min() <= values.max() <= 1
    soft = (source.alpha > 0.02) & (source.alpha < 0.98)
    assert soft.mean() > 0.003
    assert (source.alpha < 0.02).any()


def test_a_subject_is_a_pure_function_of_seed_and_number() -> None:
    first, again, other = draw(3, 7, 96), draw(3, 7, 96), draw(3, 8, 96)
    assert np.array_equal(first.alpha, again.alpha)
    assert np.array_equal(first.colour, again.colour)
    assert not np.array_equal(first.alpha, other.alpha)


def test_coverage_is_exact_and_colour_straight() -> None:
    canvas = Canvas(40)
    corners = np.float32([[10.25, 8.5], [30.75, 8.5], [30.75, 29.75], [10.25, 29.75]])
    canvas.polygon(corners, np.float32([0.2, 0.6, 0.4]))
    source = canvas.source()
    assert source.alpha.sum() == pytest.approx(20.5 * 21.25, rel=0.03)
    partly = (source.alpha > 0.1) & (source.alpha < 0.9)
    assert partly.any()
    np.testing.assert_allclose(
        source.colour[partly], np.tile([0.2, 0.6, 0.4], (partly.sum(), 1)), atol=0.03
    )


def test_a_lens_takes_and_adds_no_coverage() -> None:
    alpha = np.zeros((64, 64), np.float32)
    alpha[24:40, 24:40] = 1
    sharp = Source(np.full((64, 64, 3), 0.3, np.float32), alpha)
    looks = [add_lens_blur(sharp, np.random.default_rng(number)) for number in range(40)]
    assert any(look is not sharp for look in looks)
    for look in looks:
        assert look.alpha.sum() == pytest.approx(256, rel=0.01)
        np.testing.assert_allclose(look.colour, 0.3, atol=1e-3)


def test_sources_come_back_from_their_files(tmp_path: Path) -> None:
    source = draw(1, 0, 64)
    write_source(source, tmp_path / "a.png")
    again = read_source(tmp_path / "a.png")
    np.testing.assert_allclose(again.alpha, source.alpha, atol=1e-5)
    there = source.alpha > 0.01
    np.testing.assert_allclose(again.colour[there], source.colour[there], atol=1e-4)
    cv2.imwrite(str(tmp_path / "b.png"), np.zeros((4, 4, 3), np.uint8))
    with pytest.raises(UsageError, match="no picture with transparency"):
        read_source(tmp_path / "b.png")


def test_the_command_draws_and_goes_on(tmp_path: Path) -> None:
    words = ["--out", f"{tmp_path}/new", "--seed", "4", "--side", "64", "--count"]
    for count in ("1", "2"):
        done = subprocess.run(
            render_command(*words, count), capture_output=True, text=True, timeout=120
        )
        assert done.returncode == 0, done.stderr
        assert len(done.stdout.splitlines()) == 1  # what is there is not drawn again
    assert [path.name for path in sorted((tmp_path / "new").iterdir())] == [
        "drawn-4-000000.png",
        "drawn-4-000001.png",
    ]


def test_blender_renders_alpha_colour_and_depth(tmp_path: Path) -> None:
    packages = blender_packages()
    if packages is None and not find_spec("bpy"):
        pytest.skip("Blender's module is not installed")
    words = ["--out", f"{tmp_path}", "--seed", "1", "--count", "1", "--blender"]
    done = subprocess.run(
        render_command(*words, "--side", "64", "--samples", "2", blender=packages),
        capture_output=True,
        text=True,
        timeout=300,
    )
    assert done.returncode == 0, done.stderr
    source = read_source(tmp_path / "rendered-1-000000.png")
    assert 0.02 < source.alpha.mean() < 0.98
    depth = read_depth(tmp_path / "rendered-1-000000.exr")
    near = 1 / depth.disparity[depth.disparity > 0]
    assert 3 < near.min() <= near.max() < 9  # the subject stands 6 units from the camera


def test_without_blender_one_sentence_says_what_to_do(tmp_path: Path) -> None:
    if find_spec("bpy"):
        pytest.skip("Blender's module is installed")
    words = ["--out", f"{tmp_path}", "--seed", "1", "--count", "1", "--blender"]
    done = subprocess.run(render_command(*words), capture_output=True, text=True, timeout=120)
    assert done.returncode != 0
    assert "pip install" in done.stderr
    assert "Traceback" not in done.stderr
    assert not list(tmp_path.iterdir())
