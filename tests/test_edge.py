"""Moving, softening and solving a matte's edge again."""

import numpy as np
import pytest
from PIL import Image

import mattelier
from mattelier.commands.main import main
from mattelier.matting.edge import choke_and_feather, mask_to_trimap
from mattelier.types.errors import UsageError


def disc(size: int = 200, radius: float = 50, centre: float = 100) -> np.ndarray:
    y, x = np.mgrid[:size, :size]
    return np.clip(radius + 0.5 - np.hypot(y - centre, x - centre), 0, 1).astype(np.float32)


def radius_of(alpha: np.ndarray) -> float:
    return float(np.sqrt(alpha.sum() / np.pi))


@pytest.mark.parametrize("shift", [4, -4, 1.5, -2.5])
def test_the_edge_moves_by_so_many_pixels(shift):
    assert radius_of(choke_and_feather(disc(), shift, 0)) == pytest.approx(50 + shift, abs=0.6)


def test_moving_keeps_a_soft_edge_soft():
    soft = choke_and_feather(disc(), 0, 20)
    moved = choke_and_feather(soft, 5, 0)
    steepness = [np.abs(np.diff(a[100])).max() for a in (soft, moved)]
    assert steepness[1] < 1.3 * steepness[0]


def test_a_feather_softens_over_about_that_many_pixels_and_moves_nothing():
    soft = choke_and_feather(disc(), 0, 20)
    row = soft[100, 100:]
    width = np.flatnonzero(row < 0.1)[0] - np.flatnonzero(row < 0.9)[0]
    assert 10 < width < 22
    assert radius_of(soft) == pytest.approx(50, abs=0.5)


def test_nothing_asked_is_nothing_done():
    alpha = disc()
    assert choke_and_feather(alpha, 0, 0) is alpha


def test_tiles_leave_no_seams():
    alpha = np.tile(disc(), (6, 6))  # 1200 × 1200: several tiles, edges across their borders
    for shift, feather in ((7, 0), (-7, 0), (0, 25)):
        whole = choke_and_feather(alpha, shift, feather)
        part = choke_and_feather(np.ascontiguousarray(alpha[400:800, 400:800]), shift, feather)
        np.testing.assert_allclose(whole[440:760, 440:760], part[40:-40, 40:-40], atol=1e-5)


def test_the_band_is_what_is_near_the_edge_or_soft():
    mask = disc()
    mask[10:20, 10:20] = 0.5
    trimap = mask_to_trimap(mask, 8)
    assert (trimap[15, 15], trimap[100, 100], trimap[100, 180]) == (128, 255, 0)
    unknown = np.flatnonzero(trimap[100, 100:] == 128) + 0
    assert (unknown.min(), unknown.max()) == (43, 58)


def hairy() -> tuple[np.ndarray, np.ndarray]:
    """A dark ball with strands on a light ground, and its true alpha."""
    rng = np.random.default_rng(3)
    canvas = disc(200, 40)
    for angle in rng.uniform(0, 2 * np.pi, 60):
        for r in np.arange(38, 58, 0.5):
            y, x = 100 + r * np.sin(angle), 100 + r * np.cos(angle)
            canvas[int(y), int(x)] = max(canvas[int(y), int(x)], 0.7)
    picture = canvas[..., None] * (0.15, 0.1, 0.1) + (1 - canvas[..., None]) * (0.7, 0.8, 0.9)
    return (picture * 255).astype(np.uint8), canvas


def test_refining_finds_hair_beyond_the_mask():
    picture, truth = hairy()
    rough = disc(200, 46)
    alpha = mattelier.refine(picture, rough, width=16).alpha
    assert np.abs(alpha - truth).mean() < 0.35 * np.abs(rough - truth).mean()


def test_refining_needs_a_mask_with_an_edge_of_the_pictures_size():
    picture, _ = hairy()
    with pytest.raises(UsageError, match="no edge"):
        mattelier.refine(picture, np.ones((200, 200), np.float32))
    with pytest.raises(UsageError, match="100×100"):
        mattelier.refine(picture, np.ones((100, 100), np.float32))


def test_the_command_writes_the_refined_alpha(tmp_path, capsys):
    picture, truth = hairy()
    Image.fromarray(picture).save(tmp_path / "ball.png")
    Image.fromarray((disc(200, 46) * 255).astype(np.uint8)).save(tmp_path / "mask.png")
    files = [str(tmp_path / "ball.png"), "-o", str(tmp_path / "alpha.png")]
    assert main(["refine", *files, "--mask", str(tmp_path / "mask.png"), "--width", "16"]) == 0
    alpha = np.asarray(Image.open(tmp_path / "alpha.png")) / 255
    assert np.abs(alpha - truth).mean() < 0.03
    assert main(["refine", *files, "--overwrite", "--mask", str(tmp_path / "none.png")]) == 2
    assert "--mask" in capsys.readouterr().err


def test_the_matte_command_takes_edge_options(tmp_path):
    picture, _ = hairy()
    Image.fromarray(picture).save(tmp_path / "ball.png")
    areas = []
    for shift in ("-6", "6"):
        out = tmp_path / f"{shift}.png"
        flags = ["--edge-shift", shift, "--feather", "3", "-o", str(out)]
        assert main(["matte", str(tmp_path / "ball.png"), *flags]) == 0
        areas.append(np.asarray(Image.open(out)).mean())
    assert areas[1] > 1.2 * areas[0]
