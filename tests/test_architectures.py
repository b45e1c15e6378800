"""Families of networks: each knows its own weights, and a further one is a folder and a card."""

from __future__ import annotations

import hashlib
import pickle
import subprocess
import sys
import textwrap
from collections.abc import Callable
from pathlib import Path
from types import ModuleType
from typing import Any

import numpy as np
import pytest
from safetensors.numpy import save_file
from test_upscale_weights import compact, write_ncnn
from zoo_weights import published

from mattelier import networks
from mattelier.catalogue import Store
from mattelier.commands.main import main
from mattelier.engines import backends
from mattelier.engines.model_cache import ModelCache
from mattelier.engines.open import open_model
from mattelier.networks import registry
from mattelier.networks.adain import ENCODER, MARGIN, MULTIPLE
from mattelier.networks.architecture import State
from mattelier.networks.compact.weights import to_state
from mattelier.types.errors import EngineError, ModelError

PICTURE = np.random.default_rng(7).random((1, 3, 64, 96), np.float32)


def plain(module: Any) -> State:
    return {name: value.numpy() for name, value in module.state_dict().items()}


def cutout() -> State:
    from mattelier.networks.cutout.network import CutoutNet

    return plain(CutoutNet())


def cutout_detail() -> State:
    from mattelier.networks.cutout.detail import DetailCutoutNet

    return plain(DetailCutoutNet())


def birefnet() -> State:
    from mattelier.networks.birefnet.network import BiRefNet

    return plain(BiRefNet(8, [1, 1, 1, 1], [1, 1, 2, 2], 4))


def torchvision() -> State:
    names = ["backbone.0.0.weight", "classifier.0.convs.0.0.weight", "classifier.4.weight"]
    return {name: np.zeros((21, 1), np.float32) for name in names}


def upscale() -> State:
    from mattelier.networks.upscale.network import LocalFeatureNet

    return plain(LocalFeatureNet(4))


def denoise() -> State:
    from mattelier.networks.denoise.network import DenoiseNet

    return plain(DenoiseNet())


def adain() -> State:
    from mattelier.networks.adain.network import AdaIN

    return plain(AdaIN())


def depth_anything() -> State:
    from mattelier.networks.depth_anything.network import DepthAnythingV2

    return plain(DepthAnythingV2())


def midas() -> State:
    from mattelier.networks.midas.network import MidasSmall

    return plain(MidasSmall())


def modnet() -> State:
    """Without what training in parallel puts before each name."""
    return {k.removeprefix("module."): v for k, v in published("modnet").state.items()}


def track() -> State:
    from mattelier.networks.track.network import EmbeddingNet

    return plain(EmbeddingNet())


def trimap() -> State:
    from mattelier.networks.trimap.network import CueNet

    return plain(CueNet(7, 12))


STATES: dict[str, Callable[[], State]] = {
    "adain": adain,
    "birefnet": birefnet,
    "compact": lambda: to_state(compact()),
    "cutie": lambda: published("cutie-small").state,
    "cutout": cutout,
    "denoise": denoise,
    "depth_anything": depth_anything,
    "midas": midas,
    "modnet": modnet,
    "segmenter": lambda: published("segmenter").state,
    "torchvision": torchvision,
    "track": track,
    "trimap": trimap,
    "u2net": lambda: published("u2netp").state,
    "unet": lambda: published("unet").state,
    "upscale": upscale,
    "vgg": lambda: published("gatys").state,
}


def test_all_folders_are_families_and_who_knows_others_networks_comes_last() -> None:
    assert [family.id for family in registry.families()] == [*STATES, "spandrel"]


@pytest.mark.parametrize("name", STATES)
def test_a_family_recognises_its_own_weights_and_no_others(name: str) -> None:
    pytest.importorskip("torch")
    state = STATES[name]()
    knowing = [family.id for family in registry.families() if family.detect(state)]
    assert knowing == [name, "spandrel"]
    family = registry.find(state)
    assert family is not None
    assert family.describe(state, Path("x")).task == family.tasks[0]
    assert registry.find({"some.weight": np.zeros(3)}, family.tasks[0]) is (
        None if family.tasks[0] not in ("upscale", "denoise") else registry.families()[-1]
    )


def test_halves_of_published_weights_are_their_family_s() -> None:
    pytest.importorskip("torch")
    decoder = {k.removeprefix("decoder."): v for k, v in adain().items() if k[0] == "d"}
    assert registry.find(decoder) is registry.named("adain.AdaIN")


@pytest.mark.parametrize("card", [c for c in map(Store().card, Store().names()) if c.architecture])
def test_the_families_that_cards_name_are_here(card: Any) -> None:
    family = registry.named(card.architecture)
    assert family is not None
    assert card.task in family.tasks


@pytest.mark.parametrize("name", ["cutout.OtherNet", "nothing.CutoutNet", "registry.find", ""])
def test_other_names_are_no_family_s(name: str) -> None:
    assert registry.named(name) is None


# Files that tell their network


@pytest.mark.parametrize(
    "name", ["cutout", "cutout_detail", "denoise", "depth_anything", "midas", "upscale"]
)
def test_a_file_tells_its_network_and_its_ports(
    name: str, tmp_path: Path, one_thread: None
) -> None:
    pytest.importorskip("torch")
    path = tmp_path / "mine.safetensors"
    state = {**STATES, "cutout_detail": cutout_detail}[name]()
    save_file({key: np.ascontiguousarray(value) for key, value in state.items()}, path)
    model = open_model(path, Store(cache=tmp_path / "cache"), "cpu")
    family = registry.find(state)
    assert family is not None
    assert (model.name, model.engine, model.task) == ("mine", "torch", family.tasks[0])
    assert model.fingerprint == hashlib.sha256(path.read_bytes()).hexdigest()
    assert model.card is None
    side = model.input.multiple * 6
    inputs = {"picture": PICTURE[:, :, :1, :1] + np.zeros((1, 3, side, side), np.float32)}
    if model.input.hint:
        inputs["hint"] = np.zeros((1, 2, side, side), np.float32)
    [(role, answer)] = model.run(inputs).items()
    scale = model.output.scale
    assert role in family.entries["forward"].outputs
    assert answer.shape[2:] == (side * scale, side * scale)
    assert answer.dtype == np.float32


@pytest.mark.parametrize(
    "name", ["cutout", "upscale-x2", "upscale-x4", "denoise", "track", "trimap"]
)
def test_a_shipped_card_s_weights_tell_what_the_card_says(name: str) -> None:
    """So that a file without a card runs as it does with one."""
    pytest.importorskip("torch")
    store = Store()
    card = store.card(name)
    path = next(p for p in store.locate(card).values() if p.suffix == ".safetensors")
    model = open_model(path, store, "cpu")
    assert (model.task, model.input) == (card.task, card.input)
    assert model.output.scale == card.output.scale
    assert model.output.torch_activation == card.output.torch_activation


def test_a_family_of_the_wanted_task_alone_is_looked_for(tmp_path: Path) -> None:
    save_file({"some.weight": np.zeros(3, np.float32)}, tmp_path / "odd.safetensors")
    for task, words in (("depth", "Depth Anything V2 or MiDaS"), ("style", "AdaIN")):
        with pytest.raises(ModelError, match=rf"layout that is known: {words}"):
            open_model(tmp_path / "odd.safetensors", Store(), "cpu", task=task)


def test_weights_that_lack_a_layer_are_one_sentence(tmp_path: Path) -> None:
    pytest.importorskip("torch")
    state = {key: value for key, value in midas().items() if "output_conv.4" not in key}
    save_file(state, tmp_path / "short.safetensors")
    with pytest.raises(
        ModelError, match=r"do not fit the network MiDaS v2\.1 small: .*output_conv"
    ):
        open_model(tmp_path / "short.safetensors", Store(), "cpu")


def test_depth_that_is_not_numbers_is_refused(tmp_path: Path, one_thread: None) -> None:
    pytest.importorskip("torch")
    state = dict(midas())
    state["scratch.output_conv.4.bias"] = np.full(1, np.nan, np.float32)
    save_file(state, tmp_path / "broken.safetensors")
    model = open_model(tmp_path / "broken.safetensors", Store(), "cpu")
    with pytest.raises(ModelError, match="The model broken gave values that are not numbers"):
        model.run({"picture": PICTURE})


def test_half_precision_is_widened(tmp_path: Path, one_thread: None) -> None:
    torch = pytest.importorskip("torch")
    from safetensors.torch import save_file as save_tensors

    for kind in (torch.float16, torch.bfloat16):
        state = {k: torch.from_numpy(np.array(v)).to(kind) for k, v in upscale().items()}
        save_tensors(state, tmp_path / "half.safetensors")
        model = open_model(tmp_path / "half.safetensors", Store(), "cpu")
        assert model.run({"picture": PICTURE[..., :60, :60]})["picture"].dtype == np.float32


class Trap:
    def __init__(self, path: Path) -> None:
        self.path = path

    def __reduce__(self) -> tuple[object, ...]:
        return Path.touch, (self.path,)


@pytest.mark.parametrize("task", ["upscale", "denoise", "depth", "style"])
def test_files_that_are_no_weights_are_refused_and_never_run(task: str, tmp_path: Path) -> None:
    torch = pytest.importorskip("torch")
    (tmp_path / "trap.pt").write_bytes(pickle.dumps(Trap(tmp_path / "ran")))
    torch.save({"weight": Trap(tmp_path / "ran")}, tmp_path / "zip.pth")
    torch.save([torch.zeros(3)], tmp_path / "list.pth")
    (tmp_path / "words.safetensors").write_bytes(b"no weights at all, only words")
    (tmp_path / "empty.pth").touch()
    for name in ("trap.pt", "zip.pth", "list.pth", "words.safetensors", "empty.pth", "none.pth"):
        with pytest.raises(ModelError, match=name):
            open_model(tmp_path / name, Store(), "cpu", task=task)
    assert not (tmp_path / "ran").exists()


@pytest.mark.filterwarnings("ignore::FutureWarning", "ignore::DeprecationWarning")
@pytest.mark.parametrize("kind", ["TorchScript", "torch.export"])
def test_a_program_is_refused_by_one_sentence_that_says_what_to_bring(
    kind: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    """As LaMa's big-lama.pt and many others are passed on."""
    torch = pytest.importorskip("torch")
    monkeypatch.setenv("MATTELIER_MODELS", str(tmp_path / "models"))
    program, path = torch.nn.Conv2d(3, 1, 1), tmp_path / "big-lama.pt"
    if kind == "TorchScript":
        torch.jit.save(torch.jit.trace(program, torch.zeros(1, 3, 4, 4)), path)
    else:
        with path.open("wb") as stream:
            torch.export.save(torch.export.export(program, (torch.zeros(1, 3, 4, 4),)), stream)
    capsys.readouterr()
    (tmp_path / "a.png").write_bytes(png())
    for command in (
        ["models", "import", str(path)],
        ["upscale", str(tmp_path / "a.png"), "--model", str(path)],
    ):
        assert main(command) == 3
        said = capsys.readouterr().err
        assert said.count("\n") == 1
        assert all(word in said for word in ("big-lama.pt", "TorchScript", "ONNX", "safetensors"))
    assert not list((tmp_path / "models").glob("*"))


def png() -> bytes:
    import io

    from PIL import Image

    stream = io.BytesIO()
    Image.new("RGB", (40, 30)).save(stream, "png")
    return stream.getvalue()


# AdaIN


def test_style_statistics_and_painting(tmp_path: Path, one_thread: None) -> None:
    torch = pytest.importorskip("torch")
    from mattelier.networks.adain.network import AdaIN

    torch.manual_seed(3)
    network = AdaIN().eval()
    for part, name in (("decoder", "decoder"), ("encoder", ENCODER)):
        torch.save(getattr(network, part).state_dict(), tmp_path / f"{name}.pth")
    model = open_model(tmp_path / "decoder.pth", Store(), "cpu", task="style")
    assert (model.task, model.input.multiple, model.input.margin) == ("style", MULTIPLE, MARGIN)
    other = PICTURE[..., ::2, ::2]
    content, style = (model.run({"picture": x}, "statistics") for x in (PICTURE, other))
    assert content["mean"].shape == content["deviation"].shape == (1, 512, 1, 1)
    painted = model.run(
        {
            "picture": PICTURE,
            "content_mean": content["mean"],
            "content_deviation": content["deviation"],
            "style_mean": style["mean"],
            "style_deviation": style["deviation"],
            "strength": np.asarray(0.3),
        },
        "paint",
    )["picture"]
    with torch.inference_mode():
        first, second = (torch.from_numpy(np.ascontiguousarray(x)) for x in (PICTURE, other))
        whole = network(first, network.statistics(first), network.statistics(second), 0.3)
    np.testing.assert_allclose(painted, whole.numpy(), atol=1e-5)


def test_half_of_a_style_network_says_what_is_missing(tmp_path: Path) -> None:
    torch = pytest.importorskip("torch")
    from mattelier.networks.adain.network import AdaIN

    torch.save(AdaIN().decoder.state_dict(), tmp_path / "decoder.pth")
    with pytest.raises(ModelError, match=f"half of a style network; put its {ENCODER}"):
        open_model(tmp_path / "decoder.pth", Store(), "cpu", task="style")


# What a further network, and a further engine, cost

BLUR = {
    "__init__.py": """
        from mattelier.catalogue import Input, Output
        from mattelier.networks.architecture import Architecture, Descriptor, Entry, with_weights

        def describe(state, path):
            def build():
                from mattelier.networks.blur.network import BlurNet
                return with_weights(BlurNet(), state)

            return Descriptor("matte", Input(64, "fit"), Output(torch_activation="sigmoid"), build)

        ARCHITECTURE = Architecture(
            id="blur", title="Blur", tasks=("matte",), classes=("BlurNet",),
            detect=lambda state: "blur.weight" in state, describe=describe,
            entries={"forward": Entry(("picture",), ("alpha",))},
        )
    """,
    "network.py": """
        from torch import nn

        class BlurNet(nn.Module):
            def __init__(self):
                super().__init__()
                self.blur = nn.Conv2d(3, 1, 3, 1, 1)

            def forward(self, picture):
                return self.blur(picture)
    """,
}
BLUR_CARD = """\
name = "blur"
title = "A published matting network"
version = "1"
source = "made by the tests"
architecture = "blur.BlurNet"
training_data = []

[licence]
weights = "CC0-1.0"
commercial = "yes"

[[files]]
path = "blur.safetensors"
sha256 = "{sha256}"

[input]
size = 64
resize = "fit"

[output]
torch_activation = "sigmoid"
"""


@pytest.fixture
def blur(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Store:
    """A folder of `networks` and a card, and nothing else."""
    pytest.importorskip("torch")
    folder = tmp_path / "networks" / "blur"
    folder.mkdir(parents=True)
    for name, text in BLUR.items():
        (folder / name).write_text(textwrap.dedent(text), "utf-8")
    monkeypatch.setattr(networks, "__path__", [*networks.__path__, str(folder.parent)])
    card = tmp_path / "models" / "blur"
    card.mkdir(parents=True)
    weights = {
        "blur.weight": np.full((1, 3, 3, 3), 0.1, np.float32),
        "blur.bias": np.zeros(1, np.float32),
    }
    save_file(weights, card / "blur.safetensors")
    digest = hashlib.sha256((card / "blur.safetensors").read_bytes()).hexdigest()
    (card / "card.toml").write_text(BLUR_CARD.format(sha256=digest), "utf-8")
    yield Store(tmp_path / "models", tmp_path / "user", tmp_path / "cache")
    for module in [name for name in sys.modules if name.startswith("mattelier.networks.blur")]:
        del sys.modules[module]


def test_a_further_network_is_one_folder_and_one_card(blur: Store) -> None:
    from mattelier.matting.matte_task import MatteTask
    from mattelier.requests import MatteRequest
    from mattelier.tasks.task import run_prepared
    from mattelier.types.picture import Picture

    models, request = ModelCache(blur), MatteRequest(model="blur", device="cpu")
    picture = Picture(np.full((48, 80, 3), 120, np.uint8))
    result = run_prepared(MatteTask(), request, picture, models, {})
    assert result.report.model == "blur"
    assert result.report.engine == "torch"
    assert models.names() == ["matte blur cpu"]


def test_a_further_engine_is_one_module(blur: Store, monkeypatch: pytest.MonkeyPatch) -> None:
    class Mean:
        name, device = "mean", "cpu"

        def run(self, inputs: dict[str, Any], entry: str = "forward") -> dict[str, Any]:
            return {"alpha": inputs["picture"].mean(1, keepdims=True)}

    engine: Any = ModuleType("mattelier.engines.backends.mean")
    engine.PACKAGE = "numpy"
    engine.runs = lambda source, device: source.network is not None
    engine.open_session = lambda source, device: Mean()
    engine.missing = lambda source, device: "Install numpy."
    monkeypatch.setitem(sys.modules, engine.__name__, engine)
    monkeypatch.setattr(backends, "ON_CPU", ("mean", *backends.ON_CPU))
    model = open_model(blur.card("blur"), blur, "cpu")
    assert (model.engine, model.device) == ("mean", "cpu")
    assert model.run({"picture": PICTURE})["alpha"].shape == (1, 1, 64, 96)
    engine.PACKAGE = "no_such_package_anywhere"
    assert open_model(blur.card("blur"), blur, "cpu").engine == "torch"
    monkeypatch.setattr(backends, "ON_CPU", ("mean",))
    with pytest.raises(EngineError, match="Install numpy"):
        open_model(blur.card("blur"), blur, "cpu")


# Light start-up


def test_no_torch_before_it_is_needed(tmp_path: Path) -> None:
    pair = write_ncnn(tmp_path, compact())
    script = """
import sys
from pathlib import Path
import numpy as np
from mattelier.networks import registry
assert "torch" not in sys.modules and "openvino" not in sys.modules
assert [family.id for family in registry.families()]
from mattelier.catalogue import Store
from mattelier.engines.model_cache import ModelCache
models = ModelCache(Store(cache=Path(sys.argv[1])))
x = {"picture": np.zeros((1, 3, 96, 96), np.float32)}
models.open("upscale-x2", "upscale", "cpu").run(x)
models.open(sys.argv[2], "upscale", "cpu").run(x)
models.open("upscale-photo-x4", "upscale", "cpu", blend=0.5).run(x)
models.open("default", "matte").run(x | {"hint": np.zeros((1, 2, 96, 96), np.float32)})
assert "openvino" in sys.modules
assert not [name for name in sys.modules if name.split(".")[0] in ("torch", "onnxruntime")]
"""
    done = subprocess.run(
        [sys.executable, "-c", script, str(tmp_path / "cache"), str(pair)],
        capture_output=True, text=True, timeout=120,
    )  # fmt: skip
    assert done.returncode == 0, done.stderr
