"""The light of a new background on the subject."""

import numpy as np
import pytest
from PIL import Image

from mattelier.commands.main import main
from mattelier.matting.relight import match_light
from mattelier.types.picture import Picture


def scene(dtype: type = np.uint8) -> tuple[Picture, np.ndarray]:
    colour = np.full((60, 80, 3), 0.5)
    colour[20:40, 30:50] = (0.6, 0.4, 0.3)
    scale = {np.uint8: 255, np.uint16: 65535, np.float32: 1}[dtype]
    alpha = np.zeros((60, 80), np.float32)
    alpha[20:40, 30:50] = 1
    transfer = "linear" if dtype is np.float32 else "display"
    return Picture((colour * scale).astype(dtype), transfer=transfer), alpha


@pytest.mark.parametrize("dtype", [np.uint8, np.uint16, np.float32])
def test_a_warmer_darker_background_warms_and_darkens(dtype):
    picture, alpha = scene(dtype)
    relit = match_light(picture.colour, picture, alpha, (0.5, 0.35, 0.2), 1.0)
    before, after = (c[30, 40].astype(float) for c in (picture.colour, relit))
    assert after.sum() < before.sum()
    assert after[0] / after[2] > 1.3 * before[0] / before[2]


def test_the_same_surroundings_change_nothing():
    picture, alpha = scene()
    behind = np.full_like(picture.colour, 127)
    relit = match_light(picture.colour, picture, alpha, behind, 1.0)
    assert np.abs(relit.astype(int) - picture.colour).max() <= 2


def test_it_measures_the_surroundings_not_the_subject():
    picture, alpha = scene()
    black = picture.colour.copy()
    black[20:40, 30:50] = 5
    for colour in (picture.colour, black):
        subject = Picture(colour)
        relit = match_light(picture.colour, subject, alpha, (0.9, 0.9, 0.9), 1.0)
        np.testing.assert_array_equal(
            relit, match_light(picture.colour, picture, alpha, (0.9, 0.9, 0.9), 1.0)
        )


def test_the_amount_goes_from_nothing_to_all():
    picture, alpha = scene()
    reds = [
        match_light(picture.colour, picture, alpha, (0.9, 0.5, 0.2), amount)[30, 40, 0]
        for amount in (0.0, 0.5, 1.0)
    ]
    assert reds[0] == picture.colour[30, 40, 0]
    assert reds[0] < reds[1] < reds[2]


def test_extremes_are_bounded_and_stay_in_range():
    picture, alpha = scene()
    relit = match_light(picture.colour, picture, alpha, (0.0, 0.0, 0.0), 1.0)
    assert relit[30, 40].min() > 0.2 * picture.colour[30, 40].min()
    everything = np.ones_like(alpha)
    same = match_light(picture.colour, picture, everything, (1.0, 0.0, 0.0), 1.0)
    np.testing.assert_array_equal(same, picture.colour)


def test_the_command_wants_a_background(tmp_path, capsys):
    Image.new("RGB", (8, 8)).save(tmp_path / "a.png")
    assert main(["cutout", str(tmp_path / "a.png"), "--match-light", "0.5"]) == 2
    assert "--background" in capsys.readouterr().err


def test_a_coloured_thing_is_hardly_taken_for_coloured_light():
    """A red wall in white light; its mean alone would make the subject red."""
    picture, alpha = scene()
    random = np.random.default_rng(3)
    behind = np.repeat(random.uniform(40, 220, (60, 80, 1)), 3, axis=2)
    behind[:, :40] = random.uniform(0.6, 1, (60, 40, 1)) * (180, 30, 25)
    relit = match_light(picture.colour, picture, alpha, behind.astype(np.uint8), 1.0)
    wall, grey = behind.reshape(-1, 3).mean(0), relit[5, 5].astype(float)
    assert wall[0] / wall[2] > 1.4
    assert grey[0] / grey[2] < 1.2
