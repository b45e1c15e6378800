"""Denoising: noise goes, the picture stays, and so does everything else of its file."""

from __future__ import annotations

import hashlib
import json
from dataclasses import replace
from pathlib import Path

import cv2
import numpy as np
import pytest
from PIL import Image
from run_task import run

from mattelier.commands.main import main
from mattelier.media import stills
from mattelier.requests import DenoiseRequest, RestoreRequest, from_json, to_json
from mattelier.types.errors import ModelError, UsageError
from mattelier.types.picture import Picture, Window

SET14 = Path(__file__).parents[1].parent / "shared" / "data" / "sr" / "Set14" / "x2" / "HR"


def scene(height: int = 200, width: int = 260, seed: int = 4) -> np.ndarray:
    """Shapes, gradients, a fine weave and lines, without noise: uint8 RGB."""
    random = np.random.default_rng(seed)
    y, x = np.mgrid[:height, :width].astype(np.float32)
    colour = np.stack([90 + 0.4 * x, 70 + 0.5 * y, 160 - 0.3 * x], -1)
    for _ in range(14):
        centre = (int(random.integers(width)), int(random.integers(height)))
        shade = random.integers(20, 235, 3).tolist()
        cv2.circle(colour, centre, int(random.integers(8, 30)), shade, -1, cv2.LINE_AA)
    weave = 18 * np.sin(x / 1.5) * np.sin(y / 2.0)
    colour[: height // 3, : width // 3] += weave[: height // 3, : width // 3, None]
    for at in range(width // 2, width, 16):
        cv2.line(colour, (at, height // 2), (at + 30, height), (200, 190, 60), 2, cv2.LINE_AA)
    return np.clip(np.rint(colour), 0, 255).astype(np.uint8)


def noisy(colour: np.ndarray, deviation: float, seed: int = 0) -> np.ndarray:
    noise = np.random.default_rng(seed).normal(0, deviation, colour.shape)
    return np.clip(np.rint(colour + noise), 0, 255).astype(np.uint8)


def psnr(result: np.ndarray, truth: np.ndarray) -> float:
    error = np.mean((result.astype(np.float64) - truth) ** 2)
    return float(10 * np.log10(255**2 / max(error, 1e-9)))


def non_local_means(noised: np.ndarray, truth: np.ndarray, deviation: float) -> float:
    """The best PSNR that OpenCV's has with any strength, the noise and the truth known."""
    return max(
        psnr(cv2.fastNlMeansDenoisingColored(noised, None, h, h, 7, 21), truth)
        for h in (share * deviation for share in (0.3, 0.5, 0.7, 0.9))
    )


def denoise(colour: np.ndarray, **options: object) -> np.ndarray:
    request = DenoiseRequest(device="cpu", **options)  # type: ignore[arg-type]
    return run(request, Picture(colour)).picture.colour


@pytest.mark.parametrize(("deviation", "gain"), [(8, 2), (25, 6), (50, 8)])
def test_noise_goes_without_being_told_of_it(deviation: float, gain: float) -> None:
    truth = scene()
    noised = noisy(truth, deviation)
    assert psnr(denoise(noised), truth) > psnr(noised, truth) + gain


@pytest.mark.parametrize("deviation", [10, 25])
def test_a_strength_means_that_noise(deviation: float) -> None:
    """Told the truth about the noise, it does about as well as by itself, and best."""
    truth = scene(seed=8)
    noised = noisy(truth, deviation)
    guided = psnr(denoise(noised, strength=deviation / 55), truth)
    assert guided > psnr(denoise(noised), truth) - 0.7
    for wrong in (0.4, 2):
        strength = min(1, deviation / 55 * wrong)
        assert guided > psnr(denoise(noised, strength=strength), truth)


def test_more_strength_removes_more() -> None:
    flat = noisy(np.full((96, 96, 3), 120, np.uint8), 20)
    left = [denoise(flat, strength=s)[16:-16, 16:-16].std() for s in (0.02, 0.15, 0.4)]
    assert left[0] > 15 > left[1] > left[2]
    assert left[2] < 3


def test_a_clean_picture_is_left_alone() -> None:
    truth = scene()
    assert psnr(denoise(truth), truth) > 38


@pytest.mark.skipif(not SET14.is_dir(), reason="the benchmark's pictures are not here")
def test_benchmark() -> None:
    """Unseen photographs at σ = 25, grey ones aside; each also against non-local means."""
    scores = []
    for number, path in enumerate(sorted(SET14.iterdir())):
        truth = stills.read(path).colour
        if np.array_equal(truth[..., 0], truth[..., 2]):
            continue
        truth = truth[:256, :256]  # non-local means would take a minute
        noised = noisy(truth, 25, number)
        scores.append(psnr(denoise(noised), truth))
        if number % 4 == 0:
            assert scores[-1] > non_local_means(noised, truth, 25), path.name
    assert np.mean(scores) > 28.2


def test_jpeg_blocks_go() -> None:
    truth = cv2.GaussianBlur(scene(), (0, 0), 0.8)
    _, coded = cv2.imencode(".jpg", truth, [cv2.IMWRITE_JPEG_QUALITY, 25])
    blocky = cv2.imdecode(coded, cv2.IMREAD_COLOR)
    assert psnr(denoise(blocky), truth) > psnr(blocky, truth) + 0.1


@pytest.mark.parametrize("settings", [{"strength": 0.0}, {"grain": 1.0}])
@pytest.mark.parametrize("dtype", [np.uint8, np.uint16, np.float32])
def test_nothing_asked_is_nothing_done(settings: dict[str, float], dtype: type) -> None:
    colour = noisy(scene(40, 50), 20).astype(dtype) * dtype(257 if dtype == np.uint16 else 1)
    assert np.array_equal(denoise(colour, **settings), colour)


def test_the_least_strength_is_nearly_nothing() -> None:
    colour = noisy(scene(40, 50), 20).astype(np.uint16) * 257
    apart = np.abs(denoise(colour, strength=0.001).astype(int) - colour)
    assert apart.max() < 3 * 257


def test_grain_leaves_its_share() -> None:
    colour = noisy(scene(80, 90), 20).astype(np.uint16) * 257
    none, some = (denoise(colour, grain=g).astype(float) for g in (0, 0.3))
    inside = (none > 0) & (none < 65535)
    np.testing.assert_allclose((some - none)[inside], 0.3 * (colour - none)[inside], atol=2)


def test_tiles_change_nothing() -> None:
    colour = noisy(scene(420, 500), 20).astype(np.uint16) * 257
    whole, tiled = (denoise(colour, tile=tile).astype(int) for tile in (1000, 192))
    assert np.abs(whole - tiled).max() <= 257


def test_everything_else_of_the_file_is_kept() -> None:
    grey = np.full((64, 80, 1), 30000.0) + np.random.default_rng(1).normal(0, 3000, (64, 80, 1))
    alpha = np.random.default_rng(2).integers(0, 65535, (64, 80)).astype(np.uint16)
    source = Picture(
        np.repeat(grey, 3, axis=2).astype(np.uint16),
        alpha=alpha,
        icc=b"a profile",
        exif=b"Exif\0\0",
        window=Window(1, 2, 0, 0, 90, 90),
        grey=True,
    )
    result = run(DenoiseRequest(device="cpu"), source).picture
    assert result.dtype == np.uint16
    assert result.alpha is not None
    assert np.array_equal(result.alpha, alpha)
    assert (result.icc, result.exif, result.window, result.grey) == (
        b"a profile", b"Exif\0\0", source.window, True,
    )  # fmt: skip
    assert np.array_equal(result.colour[..., 0], result.colour[..., 2])
    assert result.colour.std() < 1000
    assert len(np.unique(result.colour)) > 260  # more than 8 bits of levels


def test_light_beyond_the_view_passes() -> None:
    """Scene-linear: a sun keeps its light, and noise around black stays around black."""
    random = np.random.default_rng(3)
    light = np.full((128, 160, 3), 0.18, np.float32)
    light[:, 80:] = 0
    noised = (light + random.normal(0, 0.02, light.shape)).astype(np.float32)
    noised[20:24, 30:34] = 5000
    noised[100:104, 30:34] = (40, 20, 9)
    result = run(DenoiseRequest(device="cpu"), Picture(noised, transfer="linear")).picture.colour
    assert (result[20:24, 30:34] == 5000).all()
    assert np.array_equal(result[101:103, 31:33], noised[101:103, 31:33])
    black, wall = result[:, 96:], result[40:90, 8:72]
    assert (result < 0).any()
    assert abs(black.mean()) < 0.005
    assert wall.mean() == pytest.approx(0.18, rel=0.02)
    assert black.std() < 0.008
    assert wall.std() < 0.006


def test_raw_like_16_bit() -> None:
    """Sensor values that use a sixteenth of their range: noise far below one 8-bit level."""
    truth = scene().astype(np.float64) / 255 * 4000 + 100
    noised = np.rint(truth + np.random.default_rng(5).normal(0, 160, truth.shape))
    result = denoise(noised.astype(np.uint16))
    left = [float(np.sqrt(np.mean((values - truth) ** 2))) for values in (noised, result)]
    assert left[1] < 0.7 * left[0]


@pytest.mark.parametrize("shape", [(1, 1), (1, 40), (7, 3), (9, 500)])
def test_odd_sizes(shape: tuple[int, int]) -> None:
    result = denoise(np.full((*shape, 3), 90, np.uint8))
    assert result.shape == (*shape, 3)
    assert np.abs(result.astype(int) - 90).max() <= 2


def test_the_report_tells_what_was_removed() -> None:
    truth = np.full((160, 160, 3), 120, np.uint8)
    report = run(DenoiseRequest(device="cpu"), Picture(noisy(truth, 20))).report
    assert report.model == "denoise"
    assert report.measures["removed"] == pytest.approx(20 / 255, rel=0.1)


def test_request_survives_json() -> None:
    request = DenoiseRequest(0.5, "m", 0.25, 64, "cpu")
    assert from_json(DenoiseRequest, json.loads(json.dumps(to_json(request)))) == request
    assert from_json(DenoiseRequest, {"strength": None}) == DenoiseRequest()
    for wrong in ({"strength": 1.5}, {"grain": -1}, {"tile": 5}, {"device": "abacus"}):
        with pytest.raises(UsageError):
            from_json(DenoiseRequest, wrong)


@pytest.fixture
def pictures(tmp_path: Path) -> Path:
    Image.fromarray(noisy(scene(40, 60), 20)).save(tmp_path / "a.jpg", quality=95)
    deep = noisy(scene(30, 50), 20).astype(np.uint16) * 257
    (tmp_path / "b.png").write_bytes(cv2.imencode(".png", deep)[1].tobytes())
    light = (scene(30, 40) / np.float32(255)) ** 2 * 3
    stills.write_cutout(tmp_path / "c.exr", Picture(light.astype(np.float32), transfer="linear"))
    return tmp_path


def test_command(pictures: Path, capsys: pytest.CaptureFixture[str]) -> None:
    out = pictures / "clean"
    assert main(["denoise", str(pictures), "-o", f"{out}/", "--json", "--grain", "0.1"]) == 0
    lines = [json.loads(line) for line in capsys.readouterr().out.splitlines()]
    assert {(line["task"], line["model"], line["ok"]) for line in lines} == {
        ("denoise", "denoise", True)
    }
    assert max(line["removed"] for line in lines) > 0.03
    assert stills.read(out / "a.png").colour.shape == (40, 60, 3)
    assert stills.read(out / "b.png").dtype == np.uint16
    assert stills.read(out / "c.exr").colour.max() > 1.5


def test_command_passes_over_its_own_results(
    pictures: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    assert main(["denoise", str(pictures / "a.jpg"), "--strength", "0.3"]) == 0
    assert stills.read(pictures / "a-denoise.png").colour.shape == (40, 60, 3)
    assert main(["denoise", str(pictures), "-o", str(pictures / "out/")]) == 0
    assert "earlier result" in capsys.readouterr().err


@pytest.mark.parametrize(
    ("flags", "complaint"),
    [
        (["--strength", "2"], "neither auto nor a number from 0 to 1"),
        (["--strength", "much"], "neither auto"),
        (["--strength", "nan"], "neither auto"),
        (["--grain", "2"], "range"),
        (["--tile", "3"], "from 32 on"),
        (["--model", "upscale-x2"], "does not denoise"),
        (["--model", "nothing.pth"], "no such file"),
    ],
)
def test_command_refuses(
    pictures: Path, flags: list[str], complaint: str, capsys: pytest.CaptureFixture[str]
) -> None:
    target = pictures / "result.png"
    assert main(["denoise", str(pictures / "a.jpg"), "-o", str(target), *flags]) == 2
    assert complaint in capsys.readouterr().err
    assert not target.exists()


def test_networks_that_denoise_make_no_mattes(
    pictures: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    assert main(["matte", str(pictures / "a.jpg"), "--model", "denoise"]) == 2
    assert "makes no mattes" in capsys.readouterr().err


def test_restoring_by_a_network_is_what_it_gives(pictures: Path) -> None:
    picture = Picture(noisy(scene(70, 90), 20))
    by_denoise = run(DenoiseRequest(model="denoise"), picture).picture.colour
    by_restore = run(RestoreRequest(model="denoise"), picture).picture.colour
    assert (by_restore == by_denoise).all()
    none = run(RestoreRequest(model="denoise", strength=0), picture).picture.colour
    assert (none == picture.colour).all()


def published(tmp_path: Path, network_type: str) -> Path:
    """A network in its official layout; its weights, random but always the same, change little."""
    import torch

    torch.manual_seed(4)
    if network_type == "SCUNet":
        from spandrel.architectures.SCUNet import SCUNet

        module = SCUNet(in_nc=3, config=[1] * 7, dim=64)
    elif network_type == "DnCNN":  # that of grey pictures
        from spandrel.architectures.DnCNN import DnCNN

        module = DnCNN(in_nc=1, out_nc=1)
        layers = [layer for layer in module.modules() if isinstance(layer, torch.nn.Conv2d)]
        for layer in layers:  # what PyTorch draws lets a picture fade away through so many layers
            torch.nn.init.kaiming_normal_(layer.weight)
        layers[-1].weight.data *= 0.2
    else:
        from spandrel.architectures.NAFNet import NAFNet

        module = NAFNet(width=8, enc_blk_nums=[1, 1], middle_blk_num=1, dec_blk_nums=[1, 1])
    torch.save({"params": module.state_dict()}, tmp_path / f"{network_type}.pth")
    return tmp_path / f"{network_type}.pth"


@pytest.mark.spandrel
@pytest.mark.parametrize("network_type", ["SCUNet", "NAFNet"])
def test_published_networks(tmp_path: Path, network_type: str) -> None:
    """Strength mixes what they give; without one they are used in full."""
    request = DenoiseRequest(model=str(published(tmp_path, network_type)), device="cpu")
    assert request.model.endswith(".pth")
    colour = noisy(scene(70, 90), 20).astype(np.uint16) * 257
    full = run(request, Picture(colour)).picture.colour.astype(float)
    half = run(replace(request, strength=0.5), Picture(colour)).picture.colour.astype(float)
    inside = (full > 0) & (full < 65535)
    assert np.abs(full - colour)[inside].max() > 100
    np.testing.assert_allclose((half - colour)[inside], 0.5 * (full - colour)[inside], atol=40)


@pytest.mark.spandrel
def test_a_network_of_grey_pictures_leaves_colours_as_they_are(tmp_path: Path) -> None:
    request = DenoiseRequest(model=str(published(tmp_path, "DnCNN")), device="cpu")
    colour = (scene(70, 90) // 2 + 64).astype(np.uint16) * 257
    mended = run(request, Picture(colour)).picture.colour.astype(float)
    change = mended - colour
    assert change.std() > 100
    np.testing.assert_allclose(change, np.repeat(change[..., :1], 3, 2), atol=2)  # lightness


@pytest.mark.spandrel
def test_weights_of_other_networks_are_refused(tmp_path: Path) -> None:
    import torch

    torch.save({"some.weight": torch.zeros(3)}, tmp_path / "odd.pth")
    with pytest.raises(ModelError, match="no network that spandrel knows"):
        run(DenoiseRequest(model=str(tmp_path / "odd.pth"), device="cpu"), Picture(scene(40, 40)))


def face_network(models: Path) -> None:
    """A network that sees faces −1…1 at 32 × 32 pixels, and halves the light."""
    import onnx
    from onnx import TensorProto, helper

    ports = [
        helper.make_tensor_value_info(name, TensorProto.FLOAT, [1, 3, 32, 32])
        for name in ("face", "mended")
    ]
    quarter = helper.make_tensor("quarter", TensorProto.FLOAT, [1], [0.25])
    nodes = [
        helper.make_node("Mul", ["face", "quarter"], ["dim"]),
        helper.make_node("Add", ["dim", "quarter"], ["mended"]),
    ]
    graph = helper.make_graph(nodes, "face", ports[:1], ports[1:], [quarter])
    folder = models / "face"
    folder.mkdir(parents=True)
    opset = [helper.make_opsetid("", 17)]
    onnx.save(helper.make_model(graph, opset_imports=opset, ir_version=9), folder / "face.onnx")
    content = (folder / "face.onnx").read_bytes()
    (folder / "card.toml").write_text(
        f"""
name = "face"
title = "Faces"
task = "denoise"
version = "1"
source = "made"
training_data = []
licence = {{weights = "Apache-2.0", commercial = "yes"}}
files = [{{path = "face.onnx", sha256 = "{hashlib.sha256(content).hexdigest()}"}}]
input = {{size = 32, resize = "stretch", mean = [0.5, 0.5, 0.5], std = [0.5, 0.5, 0.5]}}
output = {{}}
"""
    )


def test_one_face_is_mended_at_the_size_that_its_network_knows(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setenv("MATTELIER_MODELS", str(tmp_path / "models"))
    face_network(tmp_path / "models")
    colour = np.full((40, 48, 3), (200, 120, 40), np.uint8)
    Image.fromarray(colour).save(tmp_path / "face.png")
    command = ["restore", str(tmp_path / "face.png"), "--model", "face", "-o"]
    assert main([*command, str(tmp_path / "out.png")]) == 0
    assert "sees faces at 32 pixels" in capsys.readouterr().err
    with Image.open(tmp_path / "out.png") as image:
        assert np.abs(np.asarray(image).astype(int) - colour // 2).max() <= 1
    Image.fromarray(colour[:20].repeat(2, 1)).save(tmp_path / "face.png")
    assert main([*command, str(tmp_path / "wide.png")]) == 2
    assert "give it the face, cut out" in capsys.readouterr().err
    assert not (tmp_path / "wide.png").exists()
