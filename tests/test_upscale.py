"""Enlarging: faithful detail, the same result in tiles, and everything else of the picture kept."""

from __future__ import annotations

import json
from collections.abc import Callable
from dataclasses import replace
from functools import partial
from itertools import pairwise
from pathlib import Path

import cv2
import numpy as np
import pytest
from PIL import Image
from run_task import MODELS, run

from mattelier.commands.main import main
from mattelier.engines import tiling
from mattelier.filters.colour_fix import ColourFix
from mattelier.filters.upscale import result_size
from mattelier.media import stills
from mattelier.metrics.fidelity import psnr_y, ssim_y
from mattelier.requests import Size, UpscaleRequest, from_json, to_json
from mattelier.types.colour import linear_to_srgb
from mattelier.types.errors import OutOfMemory, UsageError
from mattelier.types.picture import Picture, Window
from mattelier.types.progress import heard_by
from mattelier.types.resample import bicubic
from mattelier.types.result import Result

SHARED = Path(__file__).parents[1].parent / "shared" / "data" / "sr"
PHOTO = "upscale-photo-x4"

Upscale = Callable[[Picture], Result]


def scene(height: int = 150, width: int = 190, seed: int = 2) -> np.ndarray:
    """Edges, gradients, fine lines and grain, uint8 RGB."""
    random = np.random.default_rng(seed)
    y, x = np.mgrid[:height, :width].astype(np.float32)
    colour = np.stack([90 + 0.5 * x, 60 + 0.6 * y, 150 - 0.3 * x], -1)
    for _ in range(12):
        centre = (int(random.integers(width)), int(random.integers(height)))
        shade = random.integers(20, 235, 3).tolist()
        cv2.circle(colour, centre, int(random.integers(5, 24)), shade, -1, cv2.LINE_AA)
    for at in range(0, width, 9):
        cv2.line(colour, (at, 0), (at + 40, height), (200, 190, 30), 1, cv2.LINE_AA)
    colour += random.normal(0, 2, colour.shape)
    return np.clip(np.rint(colour), 0, 255).astype(np.uint8)


def sharpest(scale: int, truth: np.ndarray) -> np.ndarray:
    height, width = (side // scale for side in truth.shape[:2])
    small = bicubic(truth.astype(np.float32) / 255, height, width)
    return np.rint(np.clip(small, 0, 1) * 255).astype(np.uint8)


@pytest.fixture(scope="module")
def twice() -> Upscale:
    return partial(run, UpscaleRequest(scale=2, device="cpu"))


@pytest.fixture(scope="module")
def photo() -> Upscale:
    return partial(run, UpscaleRequest(scale=4, model=PHOTO, device="cpu"))


def enlarged(upscale: Upscale, colour: np.ndarray) -> np.ndarray:
    return upscale(Picture(colour)).picture.colour


@pytest.mark.parametrize("size", [(40, 61), (93, 200), (50, 50)])
def test_bicubic_is_the_antialiased_one(size: tuple[int, int]) -> None:
    """Pillow's is the same but at the border, where it leaves out what MATLAB mirrors."""
    plane = scene()[..., 1].astype(np.float32)
    theirs = Image.fromarray(plane).resize(size[::-1], Image.Resampling.BICUBIC)
    interior = (slice(6, -6), slice(6, -6))
    np.testing.assert_allclose(
        bicubic(plane, *size)[interior], np.asarray(theirs)[interior], atol=0.02
    )


def test_bicubic_mirrors_at_the_border() -> None:
    row = np.array([[8.0, 4.0, 2.0, 1.0, 0.0, 0.0]], np.float32)
    mirrored = np.concatenate([row[:, ::-1], row, row[:, ::-1]], axis=1)
    np.testing.assert_allclose(bicubic(mirrored, 1, 9)[:, 3:6], bicubic(row, 1, 3), atol=1e-5)


def test_fidelity_is_counted_on_luma_without_the_border() -> None:
    truth = np.full((40, 40, 3), 100, np.uint8)
    result = truth.copy()
    result[:2], result[:, -2:] = 0, 255
    assert psnr_y(result, truth, 2) == float("inf")
    assert ssim_y(result, truth, 2) == pytest.approx(1)
    # 10 levels in all channels are 10 × 219/255 on Y.
    expected = 20 * np.log10(255 / (10 * 219 / 255))
    assert psnr_y(truth + 10, truth, 2) == pytest.approx(expected, abs=1e-3)


@pytest.mark.parametrize(("scale", "gain"), [(2, 2.0), (4, 1.0)])
def test_detail_is_closer_to_the_truth_than_bicubic(scale: int, gain: float) -> None:
    truth = cv2.GaussianBlur(scene(240, 320), (0, 0), 0.7)
    small = sharpest(scale, truth)
    result = enlarged(partial(run, UpscaleRequest(scale=scale, device="cpu")), small)
    plain = bicubic(small.astype(np.float32) / 255, *truth.shape[:2])
    plain = np.rint(np.clip(plain, 0, 1) * 255).astype(np.uint8)
    assert psnr_y(result, truth, scale) > psnr_y(plain, truth, scale) + gain


@pytest.mark.skipif(not SHARED.is_dir(), reason="the benchmark's pictures are not here")
@pytest.mark.parametrize(
    ("name", "scale", "least"),
    [("Set5", 2, 37.0), ("Set14", 2, 32.7), ("Set5", 4, 31.3), ("Set14", 4, 28.1)],
)
def test_benchmark(name: str, scale: int, least: float) -> None:
    upscale = partial(run, UpscaleRequest(scale=scale, device="cpu"))
    scores = []
    for truth in sorted((SHARED / name / f"x{scale}" / "HR").iterdir()):
        small = truth.parent.with_name("LR") / truth.name.replace("HR", "LR")
        result = enlarged(upscale, stills.read(small).colour)
        scores.append(psnr_y(result, stills.read(truth).colour, scale))
    assert np.mean(scores) >= least


@pytest.mark.parametrize("model", ["default", PHOTO])
@pytest.mark.parametrize("scale", [4, 2.6])
def test_tiles_change_nothing(model: str, scale: float) -> None:
    deep = scene(170, 230).astype(np.uint16) * 257
    results = [
        enlarged(partial(run, UpscaleRequest(scale, model=model, tile=tile, device="cpu")), deep)
        for tile in (1000, 100)
    ]
    apart = np.abs(results[0].astype(np.int32) - results[1])
    assert apart.max() <= 257  # 1/255 of 16 bits


@pytest.mark.parametrize(("length", "size", "multiple"), [(7, 64, 6), (640, 128, 6), (999, 100, 1)])
def test_tiles_cover_everything_and_see_their_margin(length: int, size: int, multiple: int) -> None:
    tiles = tiling.spans(length, size, 20, multiple)
    assert [tiles[0].low, tiles[-1].high] == [0, length]
    assert all(a.high == b.low for a, b in pairwise(tiles))
    assert len({tile.stop - tile.start for tile in tiles}) == 1  # one shape, compiled once
    for tile in tiles:
        assert (tile.start - tiles[0].start) % multiple == (tile.stop - tile.start) % multiple == 0
        assert tile.stop - tile.start <= size
        assert tile.low == 0 or tile.low - tile.start >= 20
        assert tile.high == length or tile.stop - tile.high >= 20


class Doubling:
    """A network that repeats pixels, and has memory for small tiles only."""

    model, name, device, note = "doubling", "none", "cpu", ""
    scale, multiple, margin = 2, 1, 4

    def __init__(self, most: int) -> None:
        self.most, self.largest = most, 0

    def run(self, picture: np.ndarray) -> np.ndarray:
        if max(picture.shape[2:]) > self.most:
            raise OutOfMemory("too large")
        self.largest = max(self.largest, *picture.shape[2:])
        return picture.repeat(2, axis=2).repeat(2, axis=3)


def test_memory_that_runs_out_halves_the_tiles() -> None:
    network = Doubling(most=70)
    colour = scene().astype(np.float32) / 255
    planes = np.ascontiguousarray(colour.transpose(2, 0, 1)[None])
    with heard_by(lambda share, stage: None) as remarks:
        result = tiling.HalvingTiles(network).run(planes)
    np.testing.assert_allclose(result, planes.repeat(2, 2).repeat(2, 3), atol=1e-6)
    assert 32 < network.largest <= 70
    assert ["smaller tiles" in remark for remark in remarks] == [True]
    with pytest.raises(OutOfMemory):
        tiling.HalvingTiles(Doubling(most=20)).run(planes)


def test_broad_colour_is_the_pictures() -> None:
    class Darkening(Doubling):
        def run(self, picture: np.ndarray) -> np.ndarray:
            return super().run(picture) * 0.9 - 0.02

    colour = scene().astype(np.float32) / 255
    planes = np.ascontiguousarray(colour.transpose(2, 0, 1)[None])
    result = ColourFix(Darkening(most=1000)).run(planes)
    assert np.abs(result.mean((2, 3)) - planes.mean((2, 3))).max() < 0.005


def test_photo_network_keeps_colour_and_clears_blocks(photo: Upscale) -> None:
    drawn = np.full((480, 560, 3), (70, 110, 150), np.uint8)
    for at, shade in (((150, 170), (190, 60, 50)), ((390, 240), (40, 150, 90))):
        cv2.circle(drawn, at, 90, shade, -1, cv2.LINE_AA)
    small = cv2.resize(drawn, (140, 120), interpolation=cv2.INTER_AREA)
    _, coded = cv2.imencode(".jpg", small[..., ::-1], [cv2.IMWRITE_JPEG_QUALITY, 25])
    compressed = np.ascontiguousarray(cv2.imdecode(coded, cv2.IMREAD_COLOR)[..., ::-1])
    result = enlarged(photo, compressed)
    assert np.abs(result.mean((0, 1)) - compressed.mean((0, 1))).max() < 1
    plain = cv2.resize(compressed, result.shape[1::-1], interpolation=cv2.INTER_CUBIC)
    distance = cv2.distanceTransform(
        (np.abs(drawn.astype(int) - drawn[0, 0]).max(2) == 0).astype(np.uint8), cv2.DIST_L2, 5
    )
    ringing = (distance > 8) & (distance < 40)  # where the ground is flat beside an edge
    left = [float(values[ringing].std(0).mean()) for values in (result, plain)]
    assert left[0] < 0.6 * left[1]


def test_denoise_mixes_the_two_networks() -> None:
    """Less of it leaves more grain, by the network that ships; nothing has to be fetched."""
    request = UpscaleRequest(4, device="cpu")
    random = np.random.default_rng(0)
    grainy = np.clip(random.normal(120, 14, (48, 48, 1)).repeat(3, 2), 0, 255).astype(np.uint8)
    results = [run(replace(request, denoise=share), Picture(grainy)) for share in (0.01, 0.5, 1)]
    assert {result.report.model for result in results} == {PHOTO}
    left = [float(result.picture.colour.std()) for result in results]
    assert left[0] > 1.2 * left[2]
    assert left[0] > left[1] > left[2]


def test_what_is_cleared_is_grained_anew_and_does_not_look_like_wax() -> None:
    """Grain as fine as the result, of lightness alone, as strong as the share of what went."""
    random = np.random.default_rng(0)
    noisy = np.clip(random.normal(120, 10, (96, 96, 3)), 0, 255).astype(np.uint8)
    request = UpscaleRequest(4, device="cpu", denoise=1)

    def surface(grain: float) -> np.ndarray:
        return run(replace(request, grain=grain), Picture(noisy)).picture.colour.astype(float)

    wax, some, more = surface(0), surface(0.5), surface(1)
    np.testing.assert_array_equal(surface(0.5), some)
    added = some - wax
    assert np.ptp(added, axis=2).max() <= 2  # rounding and clipping; no colour
    shrunk = cv2.resize(wax, (96, 96), interpolation=cv2.INTER_AREA)
    taken = float(((noisy - shrunk) @ [0.299, 0.587, 0.114]).std())
    assert float(added.mean(axis=2).std()) == pytest.approx(0.5 * taken, rel=0.2)
    assert float((more - wax).mean(axis=2).std()) == pytest.approx(taken, rel=0.2)
    plane = added.mean(axis=2)
    beside = [np.corrcoef(plane[:, :-n].ravel(), plane[:, n:].ravel())[0, 1] for n in (1, 4)]
    assert beside[0] > 0.3  # grain, no salt and pepper
    assert abs(beside[1]) < 0.1  # and none as coarse as an enlarged pixel
    smooth = np.full((96, 96, 3), 120, np.uint8)
    even = run(request, Picture(smooth)).picture.colour
    assert float(even.std()) < 1  # where nothing was taken, nothing is given
    kept = [
        run(UpscaleRequest(2, device="cpu", denoise=0, grain=g), Picture(noisy)) for g in (0, 1)
    ]
    np.testing.assert_array_equal(kept[0].picture.colour, kept[1].picture.colour)


def test_the_picture_decides_what_is_cleared() -> None:
    """JPEG's blocks and noise go to the network that clears them, all else to the faithful one."""
    clean = photograph(240, 320)
    random = np.random.default_rng(0)

    def jpeg(quality: int) -> np.ndarray:
        _, coded = cv2.imencode(".jpg", clean[..., ::-1], [cv2.IMWRITE_JPEG_QUALITY, quality])
        return np.ascontiguousarray(cv2.imdecode(coded, cv2.IMREAD_COLOR)[..., ::-1])

    def cleared(colour: np.ndarray, **options: object) -> tuple[str, float]:
        report = run(UpscaleRequest(2, device="cpu", **options), Picture(colour)).report
        return report.model, report.measures["denoise"]

    noisy = np.clip(clean + random.normal(0, 12, clean.shape), 0, 255).astype(np.uint8)
    assert cleared(clean) == ("upscale-x2", 0)
    assert cleared(jpeg(96)) == ("upscale-x2", 0)
    assert cleared(noisy)[0] == PHOTO
    model, little = cleared(jpeg(80))
    assert model == PHOTO
    assert little < cleared(jpeg(45)[3:, 5:])[1], "cropped off the grid"
    assert cleared(jpeg(45), denoise=0.0) == ("upscale-x2", 0)


def photograph(height: int, width: int) -> np.ndarray:
    """A drawn picture with edges, slopes and texture, as 8 bits."""
    y, x = np.mgrid[:height, :width].astype(np.float32)
    waves = np.sin(x / 9) * np.cos(y / 13) + np.sin((x + 2 * y) / 31)
    disc = np.hypot(y - height / 2, x - width / 3) < height / 4
    fine = cv2.GaussianBlur(
        np.random.default_rng(5).normal(0, 30, (height, width)).astype(np.float32), (0, 0), 1.2
    )
    grey = 110 + 45 * waves + 60 * disc + fine * (x > width / 2)
    colour = np.stack([grey, 0.8 * grey + 20, 0.6 * grey + 60], -1)
    return np.clip(colour, 0, 255).astype(np.uint8)


def test_depth_profile_and_grey_are_kept(twice: Upscale) -> None:
    deep = (np.linspace(20000, 20400, 64)[None, :, None] + np.zeros((48, 64, 3))).astype(np.uint16)
    source = Picture(deep, icc=b"a profile", exif=b"Exif\0\0", grey=True)
    result = twice(source).picture
    assert result.dtype == np.uint16
    assert (result.icc, result.exif, result.grey) == (source.icc, source.exif, True)
    assert len(np.unique(result.colour)) > 60  # 400 levels of 65536: fewer than 3 of 256
    assert np.array_equal(result.colour[..., 0], result.colour[..., 2])


def test_what_alpha_hides_is_not_seen(twice: Upscale) -> None:
    colour, alpha = np.full((40, 60, 3), (30, 200, 40), np.uint8), np.zeros((40, 60), np.uint8)
    alpha[:, :30] = 255
    colour[:, 30:] = (255, 0, 255)  # what an editor left where nothing is
    result = twice(Picture(colour, alpha=alpha)).picture
    assert result.alpha is not None
    assert result.alpha.shape == (80, 120)
    assert (result.alpha[:, :54] == 255).all()
    assert (result.alpha[:, 66:] == 0).all()
    visible = result.colour[result.alpha > 0]
    assert np.abs(visible.astype(int) - (30, 200, 40)).max() <= 3


def test_constant_alpha_stays(twice: Upscale) -> None:
    alpha = np.full((20, 30), 77, np.uint8)
    result = twice(Picture(scene(20, 30), alpha=alpha)).picture
    assert result.alpha is not None
    assert np.array_equal(result.alpha, np.full((40, 60), 77))


def lights() -> np.ndarray:
    """Scene-linear: a dim wall, a lamp of 40, a pin-point sun of 5000, a blue below 0."""
    colour = scene(80, 100).astype(np.float32) / 255 * 0.3
    cv2.circle(colour, (60, 40), 9, (40.0, 30.0, 12.0), -1)
    colour[20, 20] = 5000
    colour[60:70, 10:20, 2] = -0.05
    return colour


def test_light_is_kept(twice: Upscale) -> None:
    source = Picture(lights(), transfer="linear", window=Window(4, -2, 0, 0, 200, 100))
    result = twice(source).picture
    light = result.colour
    assert light.dtype == np.float32
    np.testing.assert_allclose(light.mean((0, 1)), source.colour.mean((0, 1)), rtol=0.005)
    assert light[70:90, 112:128].mean((0, 1)) == pytest.approx((40, 30, 12), rel=0.02)
    assert light[130:132, 30:32, 2] == pytest.approx(-0.05, abs=0.01)
    assert light[..., :2].min() > -1e-3  # no dark ring around the sun
    assert result.window == Window(8, -4, 0, 0, 400, 200)


def test_linear_pictures_get_the_same_detail(twice: Upscale) -> None:
    """Below the highlights a plate comes out as the photograph it looks like."""
    dim = scene(60, 80).astype(np.float32) / 255 * 0.6
    encoded = np.rint(linear_to_srgb(dim) * 65535).astype(np.uint16)
    linear = twice(Picture(dim, transfer="linear")).picture.colour
    display = twice(Picture(encoded)).picture.colour / 65535
    apart = np.abs(linear_to_srgb(linear) - display)
    assert np.percentile(apart, 99) < 0.002
    assert apart.max() < 0.1  # where detail overshoots


@pytest.mark.parametrize(
    ("request_", "expected"),
    [
        (UpscaleRequest(scale=3), (300, 600)),
        (UpscaleRequest(scale=1.25), (125, 250)),
        (UpscaleRequest(size=Size(400, 200)), (200, 400)),
        (UpscaleRequest(size=Size(width=501)), (250, 501)),
        (UpscaleRequest(size=Size(height=201)), (201, 402)),
    ],
)
def test_sizes(request_: UpscaleRequest, expected: tuple[int, int]) -> None:
    assert result_size(request_, 100, 200) == expected


@pytest.mark.parametrize("size", [Size(200, 100), Size(300, 90), Size(height=50), Size(5000, 100)])
def test_sizes_that_are_no_enlargement(size: Size) -> None:
    with pytest.raises(UsageError, match=r"larger than|too large"):
        result_size(UpscaleRequest(size=size), 100, 200)


@pytest.mark.parametrize("scale", [1.5, 3, 8])
def test_any_scale(twice: Upscale, scale: float) -> None:
    colour = cv2.GaussianBlur(scene(24, 30), (0, 0), 1.5)
    result = enlarged(partial(run, UpscaleRequest(scale, device="cpu")), colour)
    assert result.shape == (round(24 * scale), round(30 * scale), 3)
    plain = cv2.resize(colour, result.shape[1::-1], interpolation=cv2.INTER_CUBIC)
    assert psnr_y(result, plain, 8) > 30  # in place: half a pixel's shift would cost more


@pytest.mark.parametrize("shape", [(1, 1), (1, 40), (7, 3)])
def test_tiny_pictures(twice: Upscale, shape: tuple[int, int]) -> None:
    assert enlarged(twice, np.full((*shape, 3), 90, np.uint8)).shape[:2] == (
        2 * shape[0],
        2 * shape[1],
    )


def test_request_survives_json() -> None:
    request = UpscaleRequest(3, Size(height=9), "m", 0.5, 64, "cpu")
    assert from_json(UpscaleRequest, json.loads(json.dumps(to_json(request)))) == request
    for wrong in ({"scale": 0.5}, {"denoise": 2}, {"tile": 5}, {"size": {"width": 0}}):
        with pytest.raises(UsageError):
            from_json(UpscaleRequest, wrong)


@pytest.fixture
def pictures(tmp_path: Path) -> Path:
    Image.fromarray(scene(30, 40)).save(tmp_path / "a.jpg")
    (tmp_path / "b.png").write_bytes(
        cv2.imencode(".png", scene(20, 30).astype(np.uint16) * 257)[1].tobytes()
    )
    stills.write_cutout(tmp_path / "c.exr", Picture(lights(), transfer="linear"))
    return tmp_path


def test_command(pictures: Path, capsys: pytest.CaptureFixture[str]) -> None:
    out = pictures / "large"
    assert main(["upscale", str(pictures), "-o", f"{out}/", "--scale", "1.5", "--json"]) == 0
    lines = [json.loads(line) for line in capsys.readouterr().out.splitlines()]
    assert {line["model"] for line in lines} == {"upscale-x2"}
    assert {(line["result_width"], line["result_height"]) for line in lines} >= {(60, 45)}
    assert stills.read(out / "a.png").colour.shape == (45, 60, 3)
    assert stills.read(out / "b.png").dtype == np.uint16
    assert stills.read(out / "c.exr").colour.max() > 100


def test_command_beside_the_source_and_as_jpeg(pictures: Path) -> None:
    assert main(["upscale", str(pictures / "a.jpg")]) == 0
    assert stills.read(pictures / "a-upscale.png").colour.shape == (60, 80, 3)
    target = pictures / "large.jpg"
    assert main(["upscale", str(pictures / "a.jpg"), "-o", str(target), "--to", "x99"]) == 0
    assert stills.read(target).colour.shape == (99, 132, 3)


@pytest.mark.parametrize(
    ("flags", "complaint"),
    [
        (["--scale", "2", "--to", "400x"], "exclude each other"),
        (["--to", "20x20"], "not larger"),
        (["--to", "big"], "is not WxH"),
        (["--scale", "0.5"], "range"),
        (["--tile", "3"], "from 32 on"),
        (["--model", "u2net"], "does not enlarge"),
        (["--model", "nothing.pth"], "no such file"),
        (["--model", "upscale-x4", "--denoise", "0.5"], "has no --denoise"),
    ],
)
def test_command_refuses(
    pictures: Path, flags: list[str], complaint: str, capsys: pytest.CaptureFixture[str]
) -> None:
    target = pictures / "result.png"
    assert main(["upscale", str(pictures / "a.jpg"), "-o", str(target), *flags]) == 2
    assert complaint in capsys.readouterr().err
    assert not target.exists()


def test_networks_that_enlarge_make_no_mattes(
    pictures: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    assert main(["matte", str(pictures / "a.jpg"), "--model", "upscale-x2"]) == 2
    assert "makes no mattes" in capsys.readouterr().err


def test_networks_stay_open_for_other_requests(twice: Upscale) -> None:
    colour = scene(20, 24)
    assert enlarged(twice, colour).shape == (40, 48, 3)
    open_before = MODELS.open("upscale-x2", "upscale", "cpu")
    smaller = partial(run, UpscaleRequest(scale=1.5, device="cpu"))
    assert enlarged(smaller, colour).shape == (30, 36, 3)
    assert MODELS.open("upscale-x2", "upscale", "cpu") is open_before
    with pytest.raises(UsageError, match="no --denoise"):
        run(UpscaleRequest(model="upscale-x4", denoise=0.5), Picture(colour))
