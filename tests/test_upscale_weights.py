"""Super-resolution weights from files: ncnn pairs, state dicts, networks that spandrel knows."""

from __future__ import annotations

import pickle
import struct
from pathlib import Path

import numpy as np
import pytest
from PIL import Image

from mattelier.catalogue import Store
from mattelier.commands.main import main
from mattelier.engines.open import open_model
from mattelier.engines.open_model import OpenModel
from mattelier.networks.compact.ncnn import read_compact
from mattelier.networks.compact.weights import Compact, from_state, to_state
from mattelier.types.errors import ModelError, UsageError

WEIGHTS = Path(__file__).parents[1].parent / "shared" / "weights"
OFFICIAL = WEIGHTS / "RealESRGAN_General_x4_v3.bin"

needs_official = pytest.mark.skipif(not OFFICIAL.exists(), reason="the published pair is not here")


def open_upscaler(path: Path, blend: float | None = None) -> OpenModel:
    return open_model(path, Store(), "cpu", task="upscale", blend=blend)


def enlarged(model: OpenModel, picture: np.ndarray) -> np.ndarray:
    return model.run({"picture": picture})["picture"]


def compact(seed: int = 1, scale: int = 2, width: int = 4) -> Compact:
    random = np.random.default_rng(seed)

    def layer(out: int, inp: int) -> np.ndarray:
        return random.normal(0, 0.1, (out, inp, 3, 3)).astype(np.float16).astype(np.float32)

    last = 3 * scale * scale
    return Compact(
        (layer(width, 3), layer(width, width), layer(last, width)),
        tuple(random.normal(0, 0.05, n).astype(np.float32) for n in (width, width, last)),
        tuple(random.random(width).astype(np.float32) for _ in range(2)),
    )


def write_ncnn(folder: Path, network: Compact, name: str = "tiny", *, half: bool = True) -> Path:
    """A pair as ncnn's converter writes it."""
    lines, content = ["Input in 0 1 data"], b""
    slopes = (*network.slopes, None)
    for weights, biases, slope in zip(network.weights, network.biases, slopes, strict=True):
        lines.append(f"Convolution c 1 1 a b 0={len(biases)} 1=3 4=1 5=1 6={weights.size}")
        content += struct.pack("<I", 0x01306B47 if half else 0)
        stored = weights.astype("<f2" if half else "<f4").tobytes()
        content += stored + b"\0" * (-len(stored) % 4) + biases.astype("<f4").tobytes()
        if slope is not None:
            lines.append(f"PReLU p 1 1 a b 0={len(slope)}")
            content += slope.astype("<f4").tobytes()
    lines += ["PixelShuffle s 1 1 a b 0=2", "Interp i 1 1 a b 0=1 1=2.0", "BinaryOp o 2 1 a b c"]
    text = "\n".join(["7767517", f"{len(lines)} 9", *lines, ""])
    (folder / f"{name}.param").write_text(text, "ascii")
    (folder / f"{name}.bin").write_bytes(content)
    return folder / f"{name}.bin"


def by_hand(network: Compact, picture: np.ndarray) -> np.ndarray:
    """The network in plain NumPy: (3, h, w) → (3, scale·h, scale·w)."""
    y = picture
    slopes = (*network.slopes, None)
    for weights, biases, slope in zip(network.weights, network.biases, slopes, strict=True):
        around = np.pad(y, ((0, 0), (1, 1), (1, 1)))
        windows = np.lib.stride_tricks.sliding_window_view(around, (3, 3), (1, 2))
        y = np.einsum("ihwyx,oiyx->ohw", windows, weights) + biases[:, None, None]
        if slope is not None:
            y = np.where(y > 0, y, y * slope[:, None, None])
    scale, (_, height, width) = network.scale, picture.shape
    shuffled = y.reshape(3, scale, scale, height, width).transpose(0, 3, 1, 4, 2)
    repeated = picture.repeat(scale, 1).repeat(scale, 2)
    return shuffled.reshape(3, height * scale, width * scale) + repeated


def noise(height: int = 12, width: int = 17) -> np.ndarray:
    return np.random.default_rng(4).random((1, 3, height, width), np.float32)


def same(first: Compact, second: Compact) -> bool:
    a, b = to_state(first), to_state(second)
    return a.keys() == b.keys() and all(np.array_equal(a[name], b[name]) for name in a)


@pytest.mark.parametrize("suffix", [".param", ".bin"])
def test_an_ncnn_pair_can_be_brought_in(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, suffix: str
) -> None:
    """Named by either file, it is kept as safetensors, and gives what the pair gives."""
    monkeypatch.setenv("MATTELIER_MODELS", str(tmp_path / "models"))
    path = write_ncnn(tmp_path, compact()).with_suffix(suffix)
    assert main(["models", "import", str(path), "--name", "mine"]) == 0
    card = Store().card("mine")
    assert (card.task, [file.path for file in card.files]) == ("upscale", ["mine.safetensors"])
    photo = tmp_path / "photo.png"
    Image.fromarray(np.random.default_rng(0).integers(0, 255, (24, 20, 3), np.uint8)).save(photo)
    made = []
    for model in (str(path), "mine"):
        out = tmp_path / "out.png"
        flags = ["--model", model, "--scale", "2", "--overwrite"]
        assert main(["upscale", str(photo), "-o", str(out), *flags]) == 0
        made.append(np.asarray(Image.open(out)).astype(int))
    assert made[0].shape == (48, 40, 3)
    assert np.abs(made[0] - made[1]).max() <= 1


@pytest.mark.parametrize("half", [True, False])
def test_ncnn_pair_gives_the_network(tmp_path: Path, half: bool) -> None:
    path = write_ncnn(tmp_path, compact(width=3), half=half)  # odd counts: the padding matters
    assert same(read_compact(path), compact(width=3))
    assert same(read_compact(path.with_suffix(".param")), compact(width=3))


@pytest.mark.parametrize("scale", [2, 3, 4])
def test_compact_networks_compute_what_they_say(tmp_path: Path, scale: int) -> None:
    network = compact(scale=scale)
    model = open_upscaler(write_ncnn(tmp_path, network))
    assert (model.output.scale, model.input.multiple) == (scale, 1)
    picture = noise()
    np.testing.assert_allclose(enlarged(model, picture)[0], by_hand(network, picture[0]), atol=1e-5)


@needs_official
def test_official_pair_mixes_by_denoise() -> None:
    official = read_compact(OFFICIAL)
    assert (len(official.weights), official.scale) == (34, 4)
    assert sum(values.size for values in to_state(official).values()) == 1_213_296
    picture = noise(20, 24)
    whole, softer = (enlarged(open_upscaler(OFFICIAL, denoise), picture) for denoise in (1, 0.25))
    np.testing.assert_array_equal(enlarged(open_upscaler(OFFICIAL), picture), whole)
    assert np.abs(softer - whole).max() > 0.01


@needs_official
def test_official_network_is_what_torch_computes() -> None:
    torch = pytest.importorskip("torch")
    from mattelier.networks.compact.network import CompactNet

    official = read_compact(OFFICIAL)
    module = CompactNet(64, 34, 4).eval()
    module.load_state_dict({k: torch.from_numpy(v) for k, v in to_state(official).items()})
    picture = noise(24, 20)
    with torch.no_grad():
        expected = module(torch.from_numpy(picture)).numpy()
    result = enlarged(open_upscaler(OFFICIAL), picture)
    np.testing.assert_allclose(result, expected, atol=1e-4)


def test_denoise_finds_the_partner_beside_it(tmp_path: Path) -> None:
    first, second = compact(1), compact(2)
    path = write_ncnn(tmp_path, first, "net_v3")
    with pytest.raises(UsageError, match="no partner"):
        open_upscaler(path, 0.5)
    write_ncnn(tmp_path, second, "net_WDN_v3")
    picture = noise()
    for share, network in ((1.0, first), (0.0, second), (0.3, first.mixed(second, 0.3))):
        result = enlarged(open_upscaler(path, share), picture)
        np.testing.assert_allclose(result[0], by_hand(network, picture[0]), atol=1e-5)


def truncated(path: Path) -> None:
    path.write_bytes(path.read_bytes()[:-8])


def lengthened(path: Path) -> None:
    path.write_bytes(path.read_bytes() + bytes(8))


def other_flag(path: Path) -> None:
    path.write_bytes(b"\x01" + path.read_bytes()[1:])


def alone(path: Path) -> None:
    path.with_suffix(".param").unlink()


def other_layer(path: Path) -> None:
    param = path.with_suffix(".param")
    param.write_text(param.read_text().replace("PReLU", "Softmax", 1))


def other_size(path: Path) -> None:
    param = path.with_suffix(".param")
    param.write_text(param.read_text().replace("6=108", "6=144", 1))


@pytest.mark.parametrize(
    ("damage", "complaint"),
    [
        (truncated, "shorter"),
        (lengthened, "more than"),
        (other_flag, "neither floats nor halves"),
        (alone, "cannot be read"),
        (other_layer, "Softmax"),
        (other_size, "neither floats nor halves"),
    ],
)
def test_damaged_pairs_are_refused(tmp_path: Path, damage: object, complaint: str) -> None:
    path = write_ncnn(tmp_path, compact())
    damage(path)  # type: ignore[operator]
    with pytest.raises(ModelError, match=complaint):
        open_upscaler(path)


def test_state_dicts_of_other_networks_are_not_compact() -> None:
    state = dict(to_state(compact()))
    assert from_state(state) is not None
    assert from_state(state | {"tail.weight": np.zeros(3)}) is None
    assert from_state({"body.0.weight": np.zeros((4, 3, 3, 3))}) is None
    assert from_state({}) is None


def test_safetensors_by_path(tmp_path: Path) -> None:
    from safetensors.numpy import save_file

    network, picture = compact(), noise()
    save_file(to_state(network), tmp_path / "mine.safetensors")
    result = enlarged(open_upscaler(tmp_path / "mine.safetensors"), picture)
    np.testing.assert_allclose(result[0], by_hand(network, picture[0]), atol=1e-5)


def test_torch_files_are_read_as_weights_alone(tmp_path: Path) -> None:
    torch = pytest.importorskip("torch")
    network, picture = compact(), noise()
    state = {name: torch.from_numpy(values) for name, values in to_state(network).items()}
    torch.save({"params": {}, "params_ema": state}, tmp_path / "mine.pth")
    result = enlarged(open_upscaler(tmp_path / "mine.pth"), picture)
    np.testing.assert_allclose(result[0], by_hand(network, picture[0]), atol=1e-5)


class Trap:
    """Makes a file when it is unpickled."""

    def __init__(self, path: Path) -> None:
        self.path = path

    def __reduce__(self) -> tuple[object, ...]:
        return Path.touch, (self.path,)


@pytest.mark.filterwarnings("ignore:Detected pickle protocol")
def test_a_pickle_with_code_is_refused_and_not_run(tmp_path: Path) -> None:
    torch = pytest.importorskip("torch")
    sprung = tmp_path / "sprung"
    torch.save({"params": Trap(sprung)}, tmp_path / "trap.pth")
    (tmp_path / "plain.pth").write_bytes(pickle.dumps(Trap(sprung)))
    for name in ("trap.pth", "plain.pth"):
        with pytest.raises(ModelError, match="refused"):
            open_upscaler(tmp_path / name)
    assert not sprung.exists()


@pytest.mark.parametrize("suffix", [".pth", ".safetensors"])
def test_rubbish_is_refused(tmp_path: Path, suffix: str) -> None:
    if suffix == ".pth":
        pytest.importorskip("torch")
    (tmp_path / f"bad{suffix}").write_bytes(b"no weights at all, only words")
    with pytest.raises(ModelError):
        open_upscaler(tmp_path / f"bad{suffix}")


def test_published_networks_have_cards() -> None:
    store = Store()
    cards = [store.card(name) for name in store.names()]
    enlarging = {card.name: card for card in cards if card.task == "upscale"}
    assert {"realesrgan-x4plus", "realesrgan-general-x4v3", "esrgan-x4"} <= enlarging.keys()
    for name in ("upscale-x2", "upscale-x4"):
        assert store.state(enlarging[name])[0] == "ready"
        assert (enlarging[name].bytes or 0) <= 8_000_000
    assert all(card.fetchable for name, card in enlarging.items() if "esr" in name)


def esrgan_state(features: int = 8, blocks: int = 1) -> dict[str, object]:
    """A random ESRGAN (RRDBNet) in the official layout, small."""
    torch = pytest.importorskip("torch")
    torch.manual_seed(0)
    state: dict[str, object] = {}

    def conv(name: str, inp: int, out: int) -> None:
        state[f"{name}.weight"] = torch.randn(out, inp, 3, 3) * 0.05
        state[f"{name}.bias"] = torch.zeros(out)

    conv("conv_first", 3, features)
    for block in range(blocks):
        for dense in (1, 2, 3):
            for number in range(1, 6):
                out = 32 if number < 5 else features
                name = f"body.{block}.rdb{dense}.conv{number}"
                conv(name, features + (number - 1) * 32, out)
    for name in ("conv_body", "conv_up1", "conv_up2", "conv_hr"):
        conv(name, features, features)
    conv("conv_last", features, 3)
    return state


@pytest.mark.spandrel
def test_spandrel_opens_esrgan(tmp_path: Path) -> None:
    import torch

    torch.save({"params_ema": esrgan_state()}, tmp_path / "esrgan.pth")
    model = open_upscaler(tmp_path / "esrgan.pth")
    assert (model.output.scale, model.engine) == (4, "torch")
    assert enlarged(model, noise(16, 20)).shape == (1, 3, 64, 80)
    with pytest.raises(UsageError, match="no --denoise"):
        open_upscaler(tmp_path / "esrgan.pth", 0.5)


@pytest.mark.spandrel
def test_spandrel_refuses_what_it_does_not_know(tmp_path: Path) -> None:
    import torch

    torch.save({"some.weight": torch.zeros(3)}, tmp_path / "odd.pth")
    with pytest.raises(ModelError, match="no network that spandrel knows"):
        open_upscaler(tmp_path / "odd.pth")
