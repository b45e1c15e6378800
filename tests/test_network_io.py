"""Cards' conventions applied, and the traps other people's code fell into."""

from __future__ import annotations

import numpy as np
import pytest
from numpy.typing import NDArray

from mattelier.catalogue import Input, Output
from mattelier.engines.preprocess import network_size, postprocess, preprocess
from mattelier.types.errors import ModelError


class Flat:
    """A view of one colour everywhere."""

    def __init__(self, *rgb: float) -> None:
        self.rgb = rgb

    def resize(self, height: int, width: int) -> NDArray[np.float32]:
        return np.full((height, width, 3), self.rgb, np.float32)


FIT = Input(size=512, resize="fit")
U2NET = Input(
    320, "stretch", mean=(0.485, 0.456, 0.406), std=(0.229, 0.224, 0.225), scale_by_max=True
)


@pytest.mark.parametrize(("height", "width"), [(3000, 4000), (4000, 3000), (1080, 1920), (7, 5)])
def test_fit_keeps_the_aspect(height: int, width: int) -> None:
    rows, columns = network_size(FIT, height, width)
    assert rows % 32 == columns % 32 == 0
    assert rows / columns == pytest.approx(height / width, rel=0.08)
    assert rows * columns == pytest.approx(512**2, rel=0.1)


@pytest.mark.parametrize("measure", ["area", "short", "long"])
@pytest.mark.parametrize(("height", "width"), [(1, 30000), (30000, 1), (1, 1)])
def test_extreme_pictures_stay_bounded(measure: str, height: int, width: int) -> None:
    spec = Input(size=512, resize="fit", measure=measure)  # type: ignore[arg-type]
    rows, columns = network_size(spec, height, width)
    assert 32 <= rows <= 2048
    assert 32 <= columns <= 2048


def test_measures() -> None:
    short = network_size(Input(512, "fit", measure="short"), 1000, 2000)
    long = network_size(Input(512, "fit", measure="long"), 1000, 2000)
    assert (short, long) == ((512, 1024), (256, 512))
    assert network_size(U2NET, 1000, 2000) == (320, 320)


def test_preprocess_normalises_channels_in_rgb_order() -> None:
    spec = Input(64, "stretch", mean=(0.1, 0.2, 0.3), std=(1, 2, 4))
    x = preprocess(spec, Flat(0.5, 0.6, 0.7), 64, 64)
    assert x.shape == (1, 3, 64, 64)
    assert x.dtype == np.float32
    assert x.flags.c_contiguous
    assert x[0, :, 0, 0] == pytest.approx([0.4, 0.2, 0.1])


def test_blue_comes_first_where_the_card_says_so() -> None:
    spec = Input(64, "stretch", mean=(0.1, 0.2, 0.3), std=(1, 2, 4), order="bgr")
    x = preprocess(spec, Flat(0.5, 0.6, 0.7), 64, 64)
    assert x.flags.c_contiguous
    assert x[0, :, 0, 0] == pytest.approx([0.1, 0.2, 0.4])


def test_scale_by_max_follows_the_convention_but_black_stays_black() -> None:
    def undo(x: NDArray[np.float32]) -> NDArray[np.float32]:
        return x[0, :, 0, 0] * np.float32(U2NET.std) + np.float32(U2NET.mean)  # type: ignore[arg-type]

    assert undo(preprocess(U2NET, Flat(0.2, 0.1, 0.0), 8, 8)) == pytest.approx(
        [1, 0.5, 0], abs=1e-6
    )
    assert undo(preprocess(U2NET, Flat(0, 0, 0), 8, 8)) == pytest.approx([0, 0, 0], abs=1e-6)
    assert undo(preprocess(U2NET, Flat(1e-4, 1e-4, 1e-4), 8, 8)).max() < 0.03


MIN_MAX = Output(min_max=True)


@pytest.mark.parametrize("level", [0.0, 0.002])
def test_min_max_of_an_empty_map_is_empty(level: float) -> None:
    noise = np.random.default_rng(0).random((1, 1, 16, 16), np.float32) * 0.004 + level
    assert postprocess(MIN_MAX, noise).max() < 0.02
    assert postprocess(MIN_MAX, np.full((1, 16, 16), level)).max() < 0.02


def test_min_max_of_a_full_map_is_full() -> None:
    noise = np.random.default_rng(0).random((1, 1, 16, 16), np.float32) * 0.01 + 0.985
    assert postprocess(MIN_MAX, noise).min() > 0.97


def test_min_max_stretches_a_real_map_and_keeps_it_soft() -> None:
    ramp = np.linspace(0.05, 0.9, 101, dtype=np.float32)[None, None, None]
    alpha = postprocess(MIN_MAX, ramp)[0]
    assert (alpha[0], alpha[-1]) == pytest.approx((0, 1), abs=1e-6)
    assert alpha[50] == pytest.approx(0.5, abs=1e-6)


def test_sigmoid_of_large_logits_does_not_overflow() -> None:
    with np.errstate(all="raise"):
        alpha = postprocess(Output(activation="sigmoid"), np.array([[-1e4, 0, 1e4]], np.float32))
    assert alpha[0] == pytest.approx([0, 0.5, 1])


def test_postprocess_refuses_what_is_no_matte() -> None:
    with pytest.raises(ModelError, match="not one matte"):
        postprocess(Output(), np.zeros((1, 2, 8, 8), np.float32))
    with pytest.raises(ModelError, match="not numbers"):
        postprocess(Output(), np.full((8, 8), np.nan, np.float32))
