"""Tasks of the worker that give a picture for a picture: what comes back, and what is refused."""

from __future__ import annotations

import sys
from collections.abc import Iterator

import numpy as np
import pytest
from random_adain import bring_in_style
from run_task import run
from worker_session import connect, photo, start_worker, to_array, to_pixels

from mattelier.engines.model_cache import ModelCache
from mattelier.requests import (
    BokehRequest,
    DenoiseRequest,
    EnhanceRequest,
    StyleRequest,
    UpscaleRequest,
)
from mattelier.tasks import registry
from mattelier.types.picture import Picture
from mattelier.worker.client import WorkerError

pytestmark = pytest.mark.skipif(sys.platform == "win32", reason="these speak to a Unix socket")

NEAR_LEFT = np.broadcast_to(np.linspace(255, 0, 128, dtype=np.uint8), (96, 128)).copy()


@pytest.fixture(scope="module", autouse=True)
def worker_there() -> Iterator[None]:
    with start_worker():
        yield


def upscaled(picture: Picture) -> Picture:
    return run(UpscaleRequest(2), picture).picture


def denoised(picture: Picture) -> Picture:
    return run(DenoiseRequest(), picture).picture


def enhanced(picture: Picture) -> Picture:
    return run(EnhanceRequest(0.8, 0.5, 0.3, 0.2, 0.3), picture).picture


def blurred(picture: Picture) -> Picture:
    return run(BokehRequest(radius=5), picture).picture


TASKS = {
    "upscale": ({"scale": 2}, upscaled),
    "bokeh": ({"radius": 5}, blurred),
    "denoise": ({}, denoised),
    "enhance": (
        {
            "white_balance": 0.8,
            "tone": 0.5,
            "contrast": 0.3,
            "saturation": 0.2,
            "sharpen": 0.3,
        },
        enhanced,
    ),
}
FADE = np.linspace(0, 1, 96)[:, None] * np.ones(128)
KINDS = {
    "8 bit": Picture(photo()),
    "8 bit with alpha": Picture(photo(), (FADE * 255).astype(np.uint8)),
    "16 bit": Picture(photo().astype(np.uint16) * 257),
    "linear float above 1": Picture(photo().astype(np.float32) / 100, transfer="linear"),
    "grey": Picture(photo()[..., 1:2].repeat(3, 2), grey=True),
}


def samples(picture: Picture) -> np.ndarray:
    if picture.alpha is None:
        return picture.colour
    return np.dstack([picture.colour, picture.alpha])


@pytest.mark.parametrize("picture_type", KINDS)
@pytest.mark.parametrize("task", TASKS)
def test_the_picture_is_the_one_that_the_engine_makes(task, picture_type):
    options, truth = TASKS[task]
    picture = KINDS[picture_type]
    pixels = to_pixels(samples(picture), picture.transfer)._replace(grey=picture.grey)
    depth = {"uint8": "u8", "uint16": "u16", "float32": "f32"}[picture.dtype.name]
    with connect() as worker:
        answer = worker.run(task, options, {"picture": pixels}, depth=depth).pictures["picture"]
    np.testing.assert_allclose(to_array(answer), samples(truth(picture)), atol=1e-5)
    assert not np.array_equal(to_array(answer), samples(picture))


def test_networks_stay_open_and_few():
    with connect() as worker:
        opened = []  # what other tests had opened stays open, too
        for task, options in (("upscale", {}), ("denoise", {"strength": 0.1})) * 2:
            worker.run(task, options, {"picture": to_pixels(photo(16, 16))})
            opened.append(sorted(worker.run("status", {}).report["open"]))
    assert opened[1] == opened[2] == opened[3]
    assert len([network for network in opened[3] if network.startswith("denoise")]) == 1


def test_a_depth_that_travels_says_what_is_blurred():
    stripes = np.zeros((96, 128, 3), np.uint8)
    stripes[:, ::4] = 255
    options = {"focus": {"x": 2, "y": 48}, "radius": 6}
    with connect() as worker:
        pictures = {"picture": to_pixels(stripes), "depth": to_pixels(NEAR_LEFT)}
        answer = to_array(worker.run("bokeh", options, pictures).pictures["picture"])
    left, right = answer[:, :16].std(), answer[:, 96:120].std()
    assert left > 5 * right


def test_a_mask_shows_the_subject():
    flat = np.random.default_rng(3).integers(0, 256, (96, 128, 3)).astype(np.uint8)
    mask = np.zeros((96, 128), np.uint8)
    mask[24:72, 16:56] = 255
    with connect() as worker:
        pictures = {"picture": to_pixels(flat), "mask": to_pixels(mask)}
        answer = to_array(worker.run("bokeh", {"radius": 5}, pictures).pictures["picture"])
    kept = (answer == flat).all(2)
    assert kept[32:64, 24:48].mean() > 0.9
    assert kept[:40, 72:].mean() < 0.1  # below, the ground comes near


def test_a_reference_that_travels_gives_its_colours():
    red = np.zeros((40, 60, 3), np.uint8) + np.array([200, 60, 40], np.uint8)
    red = np.clip(red + np.random.default_rng(2).normal(0, 12, red.shape), 0, 255).astype(np.uint8)
    with connect() as worker:
        pictures = {"picture": to_pixels(photo()), "reference": to_pixels(red)}
        answer = to_array(
            worker.run("enhance", {"match_strength": 1}, pictures).pictures["picture"]
        )
    before = photo().reshape(-1, 3).mean(0)
    after = answer.reshape(-1, 3).mean(0)
    assert (
        abs(after - red.reshape(-1, 3).mean(0)).sum()
        < 0.5 * abs(before - red.reshape(-1, 3).mean(0)).sum()
    )


FLAT = np.full((96, 128), 90, np.uint8)


@pytest.mark.parametrize(
    ("task", "options", "pictures", "sentence"),
    [
        ("upscale", {"model": "/etc/passwd"}, {}, "There is no model"),
        ("upscale", {"model": "../../x.safetensors"}, {}, "There is no model"),
        ("upscale", {"model": "cutout"}, {}, "does not enlarge"),
        ("upscale", {"scale": 99}, {}, "between 1 and 16"),
        ("upscale", {"scale": float("inf")}, {}, "between 1 and 16"),
        ("upscale", {"size": {"width": 64}}, {}, "not larger"),
        ("upscale", {"size": {}}, {}, "needs a width or a height"),
        ("upscale", {"size": {"width": 2**40}}, {}, "."),
        ("upscale", {"tile": 1}, {}, "at least 32"),
        ("upscale", {"output": "/tmp/x.png"}, {}, "unknown key 'output'"),
        ("upscale", {}, {"mask": FLAT}, "takes the pictures"),
        ("upscale", [], {}, "is an object"),
        ("bokeh", {"depth": {"file": "/etc/passwd"}}, {}, "reads no files"),
        ("bokeh", {"depth": {"right": "/etc/passwd"}}, {}, "reads no files"),
        ("bokeh", {"depth": {"matte": {"hint": {"mask": "/etc/passwd"}}}}, {}, "reads no files"),
        ("bokeh", {"depth": {"model": "/etc/x.pth"}}, {}, "There is no model"),
        ("bokeh", {"depth": {"kind": "distance"}}, {"depth": NEAR_LEFT}, "nearness"),
        ("bokeh", {}, {"depth": FLAT}, "the same everywhere"),
        ("bokeh", {}, {"depth": NEAR_LEFT[:40]}, "another shape"),
        ("bokeh", {"radius": -1}, {}, "between 0 and"),
        ("bokeh", {"blades": 2}, {}, "3 to 16 blades"),
        ("bokeh", {"focus": {"x": 500, "y": 2}}, {"depth": NEAR_LEFT}, "outside"),
        ("denoise", {"model": "/etc/x.pth"}, {}, "There is no model"),
        ("denoise", {"model": "upscale-x2"}, {}, "does not denoise"),
        ("denoise", {"strength": 2}, {}, "between 0 and 1"),
        ("enhance", {"match": "/etc/passwd"}, {}, "reads no files"),
        ("enhance", {"tone": 3}, {}, "between 0 and 1"),
        ("enhance", {"tone": True}, {}, "tone cannot be True"),
    ],
)
def test_what_cannot_be_done_is_one_sentence(task, options, pictures, sentence):
    with connect() as worker:
        announced = {name: to_pixels(np.ascontiguousarray(p)) for name, p in pictures.items()}
        with pytest.raises(WorkerError, match=sentence) as caught:
            worker.run(task, options, {"picture": to_pixels(photo()), **announced})
        assert "\n" not in str(caught.value)
        assert not caught.value.log, "it was not foreseen"
    with connect() as worker:
        assert worker.run("status", {}).report["jobs"] == []


@pytest.mark.parametrize("task", TASKS)
def test_not_finite_pixels_do_no_harm(task):
    picture = photo().astype(np.float32) / 255
    picture[10:20, 10:20] = np.nan
    picture[30, 30] = np.inf
    with connect() as worker:
        pictures = {"picture": to_pixels(picture, "linear")}
        answer = worker.run(task, TASKS[task][0], pictures, depth="f32").pictures["picture"]
    assert np.isfinite(to_array(answer)).all()


@pytest.mark.parametrize("task", TASKS)
@pytest.mark.parametrize("size", [(1, 1), (1, 40), (3, 2)])
def test_tiny_pictures(task, size):
    with connect() as worker:
        pictures = {"picture": to_pixels(photo(*size))}
        answer = worker.run(task, TASKS[task][0], pictures).pictures["picture"]
    scale = 2 if task == "upscale" else 1
    assert (answer.height, answer.width) == (scale * size[0], scale * size[1])


def test_a_style_needs_a_network_and_takes_its_reference_as_pixels():
    pictures = {"picture": to_pixels(photo()), "reference": to_pixels(photo(40, 50)[::-1].copy())}
    with connect() as worker, pytest.raises(WorkerError, match="No style network"):
        worker.run("style", {}, pictures)


def test_a_style_that_was_brought_in(tmp_path, monkeypatch):
    bring_in_style(tmp_path)
    monkeypatch.setenv("MATTELIER_MODELS", str(tmp_path))
    reference = photo(40, 50)[::-1].copy()
    with start_worker(), connect() as worker:
        pictures = {"picture": to_pixels(photo()), "reference": to_pixels(reference)}
        answer = to_array(worker.run("style", {"strength": 0.7}, pictures).pictures["picture"])
        for options, sentence in (
            ({"reference": "/etc/passwd"}, "reads no files"),
            ({"model": "/etc/decoder.pth"}, "There is no model"),
            ({"model": "upscale-x2"}, "paints no styles"),
            ({"strength": 2}, "between 0 and 1"),
        ):
            pictures = {"picture": to_pixels(photo()), "reference": to_pixels(reference)}
            with pytest.raises(WorkerError, match=sentence):
                worker.run("style", options, pictures)
        with pytest.raises(WorkerError, match="needs the picture 'reference'"):
            worker.run("style", {}, {"picture": to_pixels(photo())})
    truth = registry.run(
        StyleRequest(strength=0.7), Picture(photo()), ModelCache(), reference=Picture(reference)
    )
    assert np.abs(answer.astype(int) - truth.picture.colour).max() <= 1
