"""Style: AdaIN's published files, the same result in tiles, and everything else kept."""

from __future__ import annotations

import json
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
from PIL import Image
from run_task import run

from mattelier.catalogue import Store
from mattelier.commands.main import main
from mattelier.filters.style import adain
from mattelier.media import stills
from mattelier.requests import StyleRequest
from mattelier.types.errors import ModelError, OutOfMemory, UsageError
from mattelier.types.picture import Picture

torch = pytest.importorskip("torch")
pytestmark = pytest.mark.usefixtures("one_thread")

# Layers of the published files: number → channels in, channels out, side of the kernel.
ENCODER = {
    0: (3, 3, 1), 2: (3, 64, 3), 5: (64, 64, 3), 9: (64, 128, 3), 12: (128, 128, 3),
    16: (128, 256, 3), 19: (256, 256, 3), 22: (256, 256, 3), 25: (256, 256, 3),
    29: (256, 512, 3), 32: (512, 512, 3), 35: (512, 512, 3), 38: (512, 512, 3),
    42: (512, 512, 3), 45: (512, 512, 3), 48: (512, 512, 3), 51: (512, 512, 3),
}  # fmt: skip
DECODER = {
    1: (512, 256, 3), 5: (256, 256, 3), 8: (256, 256, 3), 11: (256, 256, 3), 14: (256, 128, 3),
    18: (128, 128, 3), 21: (128, 64, 3), 25: (64, 64, 3), 28: (64, 3, 3),
}  # fmt: skip


def state(layers: dict[int, tuple[int, int, int]], seed: int) -> dict[str, object]:
    """Random weights that keep signals alive through all layers."""
    random = torch.Generator().manual_seed(seed)
    weights = {}
    for number, (before, after, side) in layers.items():
        spread = (2 / (before * side * side)) ** 0.5
        shape = (after, before, side, side)
        weights[f"{number}.weight"] = torch.randn(shape, generator=random) * spread
        weights[f"{number}.bias"] = torch.randn(after, generator=random) * 0.05
    return weights


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The published pair: state dicts of a `Sequential`, the encoder's up to relu5_4."""
    folder = tmp_path_factory.mktemp("weights")
    torch.save(state(ENCODER, 1), folder / "vgg_normalised.pth")
    torch.save(state(DECODER, 2), folder / "decoder.pth")
    return folder


@pytest.fixture(scope="module")
def request_(folder: Path) -> StyleRequest:
    return StyleRequest(model=str(folder / "decoder.pth"), device="cpu")


@pytest.fixture
def models(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    monkeypatch.setenv("MATTELIER_MODELS", str(tmp_path / "models"))
    return tmp_path / "models"


def scene(height: int = 90, width: int = 120, seed: int = 3) -> Picture:
    random = np.random.default_rng(seed)
    small = random.integers(0, 256, (5, 7, 3)).astype(np.uint8)
    return Picture(np.asarray(Image.fromarray(small).resize((width, height))))


def test_the_network_is_the_published_one(folder: Path, request_: StyleRequest) -> None:
    """Against the paper's formula on a plain `Sequential` of the published layers."""
    nn = torch.nn

    def sequential(layers: dict[int, tuple[int, int, int]], last: int) -> object:
        built: list[object] = []
        for number in range(last + 1):
            if number in layers:
                before, after, side = layers[number]
                built.append(nn.Conv2d(before, after, side))
            elif number + 1 in layers and layers[number + 1][2] == 3:
                built.append(nn.ReflectionPad2d(1))
            elif number - 1 in layers:
                built.append(nn.ReLU())
            else:
                grows = layers is DECODER
                built.append(nn.UpsamplingNearest2d(scale_factor=2) if grows else nn.MaxPool2d(2))
        return nn.Sequential(*built)

    encoder, decoder = sequential(ENCODER, 30), sequential(DECODER, 28)
    encoder.load_state_dict(torch.load(folder / "vgg_normalised.pth"), strict=False)
    decoder.load_state_dict(torch.load(folder / "decoder.pth"))
    content, painting = scene(176, 184), scene(48, 64, seed=9)

    def features(picture: Picture) -> object:
        return encoder(torch.from_numpy(picture.colour.copy()).permute(2, 0, 1)[None] / 255)

    with torch.inference_mode():
        c, s = features(content), features(painting)

        def mean(f: object) -> object:
            return f.mean((2, 3), keepdim=True)

        def deviation(f: object) -> object:
            return (f.var((2, 3), keepdim=True) + 1e-5).sqrt()

        painted = decoder((c - mean(c)) / deviation(c) * deviation(s) + mean(s))
    expected = painted[0].permute(1, 2, 0).clamp(0, 1).numpy()
    result = run(request_, content, reference=painting).picture.colour / 255
    # The picture is mirrored once more at its border; what does not see that is the very same.
    apart = np.abs(result - expected)[80:-80, 80:-80]
    assert apart.size
    assert apart.max() <= 0.51 / 255


@pytest.mark.parametrize("size", [(1, 1), (7, 33), (64, 64), (101, 83)])
def test_the_result_has_the_pictures_size(request_: StyleRequest, size: tuple[int, int]) -> None:
    assert run(request_, scene(*size), reference=scene(40, 40, 5)).picture.colour.shape == (
        *size,
        3,
    )


def test_tiles_change_nothing(request_: StyleRequest, monkeypatch: pytest.MonkeyPatch) -> None:
    picture = scene(60, 390)
    deep = replace(picture, colour=picture.colour.astype(np.uint16) * 257)
    results = []
    for size in (1024, 256):
        monkeypatch.setattr(adain, "_TILE_PX", size)
        results.append(run(request_, deep, reference=scene(60, 60, 5)).picture.colour.astype(int))
    assert np.abs(results[0] - results[1]).max() <= 257  # 1/255 of 16 bits


def test_strength_goes_from_the_picture_to_the_style(request_: StyleRequest) -> None:
    picture, painting = scene(), scene(60, 60, 5)

    def at(strength: float) -> np.ndarray:
        stronger = replace(request_, strength=strength)
        return run(stronger, picture, reference=painting).picture.colour.astype(float)

    np.testing.assert_array_equal(at(0), picture.colour)
    far = [np.abs(at(strength) - picture.colour).mean() for strength in (0.02, 0.5, 1)]
    assert far[0] < far[1] < far[2]
    assert far[0] < 0.1 * far[2]  # continuous: what the decoder loses is not lost at once


def test_depth_profile_alpha_and_exif_are_kept(request_: StyleRequest) -> None:
    source = scene(60, 80)
    alpha = np.full((60, 80), 65535, np.uint16)
    alpha[:, :30] = 0
    picture = Picture(
        source.colour.astype(np.uint16) * 257, alpha=alpha, icc=b"profile", exif=b"exif"
    )
    result = run(request_, picture, reference=scene(60, 60, 5)).picture
    assert result.dtype == np.uint16
    assert (result.icc, result.exif) == (b"profile", b"exif")
    np.testing.assert_array_equal(result.alpha, alpha)


def test_what_alpha_hides_has_no_influence(request_: StyleRequest) -> None:
    results = []
    for hidden in (0, 255):
        picture = scene(60, 80)
        alpha = np.full((60, 80), 255, np.uint8)
        alpha[:, :30] = 0
        colour = picture.colour.copy()
        colour[:, :30] = hidden
        painted = run(
            request_, replace(picture, colour=colour, alpha=alpha), reference=scene(60, 60, 5)
        )
        results.append(painted.picture.colour[:, 30:])
    np.testing.assert_array_equal(*results)


def test_scene_linear_light_comes_back_as_light(request_: StyleRequest) -> None:
    linear = Picture(scene().colour.astype(np.float32) / 64, transfer="linear")
    result = run(request_, linear, reference=scene(60, 60, 5)).picture
    assert result.dtype == np.float32
    assert result.transfer == "linear"
    assert np.isfinite(result.colour).all()
    assert result.colour.min() >= 0


def test_short_memory_means_smaller_tiles(
    request_: StyleRequest, monkeypatch: pytest.MonkeyPatch
) -> None:
    picture, painting = scene(24, 300), scene(60, 60, 5)
    whole = run(request_, picture, reference=painting).picture.colour.astype(int)
    whole_tile = adain._Painter.run

    def short(self: object, tile: np.ndarray) -> np.ndarray:
        if max(tile.shape) > 250:
            raise OutOfMemory("too little")
        return whole_tile(self, tile)

    monkeypatch.setattr(adain._Painter, "run", short)
    halved = run(request_, picture, reference=painting).picture.colour.astype(int)
    # At the border of a tile that was halved the picture is mirrored once more.
    assert np.abs(halved - whole)[:, 80:-80].mean() < 0.1 * whole.std()


def test_without_weights_the_command_says_what_to_do(
    models: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    Image.fromarray(scene().colour).save(tmp_path / "a.png")
    arguments = ["style", str(tmp_path / "a.png"), "--reference", str(tmp_path / "a.png")]
    assert main(arguments) == 3
    message = capsys.readouterr().err
    assert "decoder.pth" in message
    assert "https://" in message
    assert message.count("\n") == 1
    assert not (tmp_path / "a-style.png").exists()


def test_imported_weights_become_the_default(
    models: Path, folder: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    stills.write_cutout(tmp_path / "a.png", scene())
    stills.write_cutout(tmp_path / "b.png", scene(60, 60, 5))
    files = [str(folder / "decoder.pth"), "--style-encoder", str(folder / "vgg_normalised.pth")]
    assert main(["models", "import", *files, "--name", "adain"]) == 0
    card = Store().card("adain")
    assert card.task == "style"
    assert [file.path for file in card.files] == ["adain.safetensors"]
    arguments = ["style", str(tmp_path / "a.png"), "--reference", str(tmp_path / "b.png"), "--json"]
    capsys.readouterr()
    assert main([*arguments, "-o", str(tmp_path / "default.png")]) == 0
    assert json.loads(capsys.readouterr().out)["model"] == "adain"
    decoder = str(folder / "decoder.pth")
    assert main([*arguments, "-o", str(tmp_path / "file.png"), "--model", decoder]) == 0
    results = [stills.read(tmp_path / f"{name}.png").colour for name in ("default", "file")]
    np.testing.assert_array_equal(*results)
    assert np.abs(results[0].astype(int) - scene().colour).mean() > 5


def test_wrong_weights_are_told(folder: Path, tmp_path: Path, models: Path) -> None:
    alone = tmp_path / "decoder.pth"
    alone.write_bytes((folder / "decoder.pth").read_bytes())
    with pytest.raises(ModelError, match="vgg_normalised"):
        run(StyleRequest(model=str(alone)), scene(), reference=scene())
    torch.save({"1.weight": torch.zeros(256, 512, 3, 3)}, tmp_path / "broken.pth")
    torch.save({"0.weight": torch.zeros(3, 3, 1, 1)}, tmp_path / "vgg_normalised.pth")
    with pytest.raises(ModelError, match="AdaIN"):
        run(StyleRequest(model=str(tmp_path / "broken.pth")), scene(), reference=scene())
    torch.save(torch.nn.Conv2d(1, 1, 1), tmp_path / "hostile.pth")
    with pytest.raises(ModelError, match="refused"):
        run(StyleRequest(model=str(tmp_path / "hostile.pth")), scene(), reference=scene())
    with pytest.raises(UsageError, match="no such file"):
        run(StyleRequest(model=str(tmp_path / "none.pth")), scene(), reference=scene())
    with pytest.raises(UsageError, match="no styles"):
        run(StyleRequest(model="cutout"), scene(), reference=scene())
    files = ["models", "import", str(folder / "vgg_normalised.pth"), "--name", "swapped"]
    assert main([*files, "--style-encoder", str(folder / "decoder.pth")]) == 3
    assert not models.exists() or not any(models.iterdir())


def test_a_style_needs_a_reference(request_: StyleRequest) -> None:
    with pytest.raises(UsageError, match="reference"):
        run(request_, scene())
