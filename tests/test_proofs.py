"""Published networks, saved as their authors save them: their own code's answers, by our doors."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np
import pytest
import zoo_weights
from numpy.typing import NDArray
from safetensors.numpy import save_file

from mattelier.catalogue import Card, Store
from mattelier.commands.main import main
from mattelier.engines.backends import quicken
from mattelier.engines.open import open_model

TOLERANCE = 1e-4  # of the range of what the network gives

Values = NDArray[np.float32]


@pytest.fixture
def here(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    monkeypatch.setenv("MATTELIER_MODELS", str(tmp_path / "models"))
    monkeypatch.setattr(quicken, "runs", lambda *_: False)  # the code itself is compared
    return tmp_path


def save(state: dict[str, NDArray[Any]], path: Path, *wrappers: str, **beside: Any) -> Path:
    """A state dict as torch saves it, within `wrappers`, what is `beside` it in the outermost."""
    torch = pytest.importorskip("torch")
    names = ("num_batches_tracked", "relative_position_index")
    saved: Any = {
        name: torch.from_numpy(np.array(values)).to(
            torch.int64 if any(n in name for n in names) else torch.float32
        )
        for name, values in state.items()
    }
    for wrapper in reversed(wrappers):
        saved = {wrapper: saved}
    torch.save({**saved, **beside}, path)
    return path


def published(name: str) -> zoo_weights.Published:
    told = zoo_weights.published(name)
    for key in told.state:  # MODNet's backbone stands in it twice
        if ".lr_branch.backbone." in key:
            told.state[key.replace(".lr_branch.", ".")] = told.state[key]
    return told


def bring_in(path: Path, *flags: str) -> Card:
    """Imported by the command, and listed as proven."""
    assert main(["models", "import", str(path), "--name", "mine", *flags]) == 0
    card = Store().card("mine")
    assert card.proof == "equal"
    return card


def answer(card: Card, **inputs: Values) -> Values:
    [values] = open_model(card, Store(), "cpu", task=card.task).run(inputs).values()
    return values


def assert_same(ours: Values, theirs: Values) -> None:
    assert ours.shape == theirs.shape
    spread = float(np.ptp(theirs))
    for channel in theirs.reshape(-1, *theirs.shape[-2:]):
        if np.ptp(channel) > 0.1 * spread:
            break
    else:
        raise AssertionError("the answer is the same everywhere")
    error = float(np.abs(ours - theirs).max()) / spread
    print(f"largest error {error:.1e}")
    assert error <= TOLERANCE


@pytest.mark.parametrize(
    ("name", "size"), [("u2netp", (72, 88)), ("isnet", (72, 88)), ("modnet", (64, 96))]
)
def test_mattes(here: Path, name: str, size: tuple[int, int]) -> None:
    told = published(name)
    card = bring_in(save(told.state, here / f"{name}.pth"), "--size", "96")
    assert_same(answer(card, picture=zoo_weights.samples(*size)), told.answer)


def test_a_graph_of_one(here: Path, capsys: pytest.CaptureFixture[str]) -> None:
    """As they are mostly passed on: exported, told from its kernels, run without torch."""
    torch = pytest.importorskip("torch")
    from mattelier.engines.network_file import read_network

    told = published("u2netp")
    module = read_network(save(told.state, here / "u2netp.pth")).module()
    given, graph = zoo_weights.samples(72, 88), here / "u2netp.onnx"
    torch.onnx.export(
        module,
        (torch.from_numpy(given),),
        graph,
        input_names=["input"],
        dynamic_axes={"input": {2: "height", 3: "width"}},
        dynamo=False,
    )
    assert main(["models", "import", str(graph), "--name", "graph", "--size", "96"]) == 0
    assert f"built as {Store().card('u2netp').title} is" in capsys.readouterr().err
    assert_same(answer(Store().card("graph"), picture=given), told.answer)


def test_is_nets_graphs_are_told_by_their_kernels() -> None:
    state = zoo_weights.published("isnet").state
    kernels = [values.size for values in state.values() if values.ndim == 4]
    assert sum(kernels) == Store().card("isnet-general").kernel_values


def test_u_net(here: Path) -> None:
    told = zoo_weights.published("unet")
    card = bring_in(save(told.state, here / "cars.pth", mask_values=[0, 1]), "--size", "64")
    assert card.task == "matte"
    assert_same(answer(card, picture=zoo_weights.picture(56, 72)), told.answer)


def test_u_net_of_several_classes(here: Path) -> None:
    told = zoo_weights.published("unet-bilinear")
    card = bring_in(save(told.state, here / "classes.pth"), "--size", "64")
    assert (card.task, len(card.labels)) == ("objects", 4)
    assert_same(answer(card, picture=zoo_weights.picture(56, 72)), told.answer[0])


@pytest.mark.parametrize(
    ("name", "size", "every"), [("segmenter", (64, 112), 3), ("segmenter-linear", (48, 64), 2)]
)
def test_segmenter(here: Path, name: str, size: tuple[int, int], every: int) -> None:
    told = zoo_weights.published(name)
    card = bring_in(save(told.state, here / "checkpoint.pth", "model", n_cls=19, epoch=3))
    assert card.input.size == 64
    assert card.labels[0] == ("road" if name == "segmenter" else "0")
    assert card.input.mean[0] == (0.5 if name == "segmenter" else 0.485)
    ours = answer(card, picture=zoo_weights.samples(*size))
    assert_same(ours[:, ::every, ::every], told.answer[0])


@pytest.mark.spandrel
@pytest.mark.parametrize(
    ("name", "size", "wrapper", "task"),
    [
        ("esrgan-x4", (14, 16), "params_ema", "upscale"),
        ("esrgan-x2", (24, 28), "params_ema", "upscale"),
        ("swinir-real", (16, 24), "params_ema", "upscale"),
        ("swinir-denoise", (40, 48), "params", "denoise"),
        ("hat", (16, 24), "params_ema", "upscale"),
        ("nafnet", (45, 58), "params", "denoise"),
    ],
)
def test_pictures(here: Path, name: str, size: tuple[int, int], wrapper: str, task: str) -> None:
    told = zoo_weights.published(name)
    card = bring_in(save(told.state, here / f"{name}.pth", wrapper))
    assert card.task == task
    assert_same(answer(card, picture=zoo_weights.picture(*size)), told.answer.clip(0, 1))


@pytest.mark.spandrel
def test_gfpgan(here: Path) -> None:
    """A face of 512 pixels, seen −1…1; its authors give −1…1, and we a picture."""
    told = zoo_weights.published("gfpgan")
    card = bring_in(save(told.state, here / "GFPGANv1.4.pth", "params_ema"))
    assert (card.input.size, card.input.mean) == (512, (0.5, 0.5, 0.5))
    ours = answer(card, picture=zoo_weights.samples(512, 512) / 2)
    assert_same(ours[..., ::8, ::8], (told.answer / 2 + 0.5).clip(0, 1))


@pytest.mark.spandrel
def test_lama(here: Path) -> None:
    told = zoo_weights.published("lama")
    state = told.state | {"discriminator.model0.0.weight": np.zeros((4, 4), np.float32)}
    file = save(state, here / "best.ckpt", "state_dict", epoch=39, global_step=1)
    card = bring_in(file, "--size", "64")
    assert card.task == "fill"
    mask = np.zeros((1, 1, 64, 72), np.float32)
    mask[..., 16:56, 8:60] = 1
    assert_same(answer(card, picture=zoo_weights.picture(64, 72), mask=mask), told.answer)


def test_real_esrgans_compact_network(here: Path) -> None:
    told = zoo_weights.published("compact")
    card = bring_in(save(told.state, here / "realesr-general-x4v3.pth", "params"))
    assert_same(answer(card, picture=zoo_weights.picture(14, 16)), told.answer)


def test_depth_anything(here: Path) -> None:
    """As `models get` fetches it; sides and tokens are other than those it was trained on."""
    told = zoo_weights.published("depth-anything-v2")
    card = bring_in(save(told.state, here / "depth_anything_v2_vits.pth"))
    assert (card.task, card.input.multiple) == ("depth", 14)
    assert_same(answer(card, picture=zoo_weights.samples(84, 112)), told.answer)


def test_adain(here: Path) -> None:
    told = zoo_weights.published("adain")
    parts = {"vgg": "vgg_normalised.pth", "decoder": "decoder.pth"}
    for part, file in parts.items():
        state = {k.partition(".")[2]: v for k, v in told.state.items() if k.startswith(part)}
        save(state, here / file)
    card = bring_in(here / "decoder.pth", "--style-encoder", str(here / "vgg_normalised.pth"))
    model = open_model(card, Store(), "cpu", task="style")
    content, style = zoo_weights.picture(48, 64), zoo_weights.picture(40, 40)[..., ::-1]
    given: dict[str, Any] = {"picture": content, "strength": np.asarray(1.0)}
    for name, shown in (("content", content), ("style", style)):
        statistics = model.run({"picture": np.ascontiguousarray(shown)}, "statistics")
        given |= {f"{name}_{key}": values for key, values in statistics.items()}
    assert_same(model.run(given, "paint")["picture"], told.answer)


def test_gatys(here: Path) -> None:
    """The loss of their notebook, and its gradient, which says how the picture is changed."""
    told = zoo_weights.published("gatys")
    card = bring_in(save(told.state, here / "vgg_conv.pth"))
    assert card.task == "style"
    model = open_model(card, Store(), "cpu", task="style")
    content, style = zoo_weights.picture(48, 64), zoo_weights.picture(40, 56)[..., ::-1]
    kept = model.run({"picture": content}, "targets")
    wanted = model.run({"picture": np.ascontiguousarray(style)}, "targets")
    grams = {f"gram{n}": wanted[f"gram{n}"] for n in range(1, 6)}
    channels = np.array([64, 128, 256, 512, 512])
    given = {
        "picture": np.ascontiguousarray(content[:, ::-1]),
        "content": kept["content"],
        **grams,
        "weights": np.array([1, *(1e3 / channels**2), 0], np.float32),
    }
    answer = model.run(given, "loss")
    held = np.load(Path(__file__).with_name("zoo_vectors") / "gatys.npz")
    assert answer["loss"] == pytest.approx(float(held["loss"]), rel=TOLERANCE)
    # Theirs is of blue, green, red 0…255.
    assert_same(answer["gradient"], 255 * told.answer[:, ::-1])


@pytest.mark.parametrize(("name", "length"), [("cutie-small", 28), ("cutie-base", 12)])
def test_cutie(here: Path, name: str, length: int) -> None:
    """Two subjects through a run of views: long enough that some of what was kept leaves again."""
    told = zoo_weights.published(name)
    card = bring_in(save(told.state, here / f"{name}-mega.pth"), "--size", "96")
    assert (card.task, card.input.follows) == ("track", True)
    model = open_model(card, Store(), "cpu", task="track")
    rows, columns = np.mgrid[:96, :112]
    subjects = [np.hypot(rows - 40, columns - 34) < 22, np.hypot(rows - 56, columns - 80) < 20]
    first, nothing = np.stack(subjects).astype(np.float32), np.zeros((0, 0), np.float32)
    scene, masks = zoo_weights.samples(96, 112), []
    for place in range(length):
        given = {
            "stream": np.asarray(3),
            "place": np.asarray(place),
            "picture": np.roll(scene, (place, 2 * place), (2, 3)),
            "first": nothing if place else first,
        }
        masks.append(model.run(given, "follow")["masks"])
    held = np.load(Path(__file__).with_name("zoo_vectors") / f"{name}.npz")
    for view, theirs in zip(held["views"], told.answer, strict=True):
        assert_same(masks[view][:, ::4, ::4], theirs)


@pytest.mark.parametrize("layout", ["torchvision", "normalised"])
def test_vgg_19_as_others_publish_it(here: Path, layout: str) -> None:
    """Its features, against a plain `Sequential` of the published layers."""
    torch = pytest.importorskip("torch")
    nn = torch.nn
    layers, numbers = vgg_19(layout == "normalised")
    state = zoo_weights.weights((k, tuple(v.shape)) for k, v in layers.state_dict().items())
    layers.load_state_dict({k: torch.from_numpy(v) for k, v in state.items()})
    named = state
    if layout == "torchvision":
        head = {"classifier.0.weight": np.zeros((4, 4), np.float32)}
        named = {f"features.{k}": v for k, v in state.items()} | head
    card = bring_in(save(named, here / "vgg.pth"))
    shown = zoo_weights.picture(48, 64)
    ours = open_model(card, Store(), "cpu").run({"picture": shown}, "targets")
    given = torch.from_numpy(shown)
    if layout == "torchvision":
        mean, std = (torch.tensor(v)[:, None, None] for v in
                     ((0.485, 0.456, 0.406), (0.229, 0.224, 0.225)))  # fmt: skip
        given = (given - mean) / std
    features = {}
    with torch.inference_mode():
        for number, layer in enumerate(layers):
            given = layer(given)
            features[number] = given.clone() if isinstance(layer, nn.ReLU) else None
    content = features[numbers["relu4_2"]].numpy()
    assert_same(ours["content"], content)
    first = features[numbers["relu1_1"]][0].flatten(1)
    assert_same(ours["gram1"], (first @ first.T / first.shape[1]).numpy())
    mean = content.mean() if layout == "torchvision" else 1.0
    assert ours["activity"][0] == pytest.approx(mean, rel=1e-4)


@pytest.mark.parametrize("suffix", ["pth", "safetensors"])
def test_of_vgg_19_what_paints_is_kept_alone(
    here: Path, suffix: str, capsys: pytest.CaptureFixture[str]
) -> None:
    """Its classifier is nine tenths of what torchvision publishes; here it is made smaller."""
    pytest.importorskip("torch")
    layers, _ = vgg_19(normalised=False)
    shapes = [(f"features.{k}", tuple(v.shape)) for k, v in layers.state_dict().items()]
    features = zoo_weights.weights(shapes)
    others = {"features.30.weight": (512, 512, 3, 3), "classifier.0.weight": (64, 25088)}
    state = features | {k: np.ones(shape, np.float32) for k, shape in others.items()}
    file = here / f"vgg19.{suffix}"
    if suffix == "pth":
        save(state, file)
    else:
        save_file(state, file)
    card = bring_in(file)
    assert "2 of its 28 arrays, 15.9 MB, are of no use here" in capsys.readouterr().err
    [kept] = Store().locate(card).values()
    needed = sum(values.nbytes for values in features.values())
    assert needed <= kept.stat().st_size < needed + 10_000
    assert card.files[0].bytes == kept.stat().st_size
    model = open_model(card, Store(), "cpu", task="style")
    told = model.run({"picture": zoo_weights.picture(32, 40)}, "targets")
    assert np.ptp(told["content"]) > 0


def vgg_19(normalised: bool) -> tuple[Any, dict[str, int]]:
    """Up to relu5_1, as torchvision numbers its layers, or as AdaIN's encoder does."""
    from torch import nn

    layers: list[Any] = [nn.Conv2d(3, 3, 1)] if normalised else []
    numbers, before = {}, 3
    for block, (count, channels) in enumerate(((2, 64), (2, 128), (4, 256), (4, 512), (1, 512)), 1):
        layers += [nn.MaxPool2d(2)] if block > 1 else []
        for place in range(1, count + 1):
            layers += [nn.ReflectionPad2d(1)] if normalised else []
            layers += [nn.Conv2d(before, channels, 3, padding=int(not normalised)), nn.ReLU()]
            numbers[f"relu{block}_{place}"], before = len(layers) - 1, channels
    return nn.Sequential(*layers), numbers


def lacking(state: dict[str, Values], key: str) -> dict[str, Values]:
    return {name: values for name, values in state.items() if name != key}


@pytest.mark.parametrize(
    ("name", "key"),
    [
        ("u2netp", "side6.bias"),
        ("cutie-small", "key_proj.d_proj.bias"),
        ("segmenter", "decoder.mask_norm.bias"),
        ("unet", "up4.conv.double_conv.4.running_var"),
    ],
)
@pytest.mark.parametrize("suffix", ["pth", "safetensors"])
def test_weights_that_do_not_fit_are_named_as_they_were_given(
    here: Path, name: str, key: str, suffix: str, capsys: pytest.CaptureFixture[str]
) -> None:
    """Not as the copies that they are tried in, which are gone by then."""
    from safetensors.numpy import save_file

    state, file = published(name).state, here / f"brought.{suffix}"
    assert key in state
    save(lacking(state, key), file) if suffix == "pth" else save_file(lacking(state, key), file)
    capsys.readouterr()
    assert main(["models", "import", str(file), "--name", "mine"]) == 3
    refusal = capsys.readouterr().err.splitlines()[-1]
    assert f"The weights {file} do not fit the network" in refusal
    assert not list((here / "models").glob("*"))


def test_a_graph_that_cannot_be_opened_is_named_as_it_was_given(
    here: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    onnx = pytest.importorskip("onnx")
    ports = [
        onnx.helper.make_tensor_value_info(name, onnx.TensorProto.FLOAT, [1, 3, 8, 8])
        for name in ("photo", "matte")
    ]
    node = onnx.helper.make_node("NoSuchOperation", ["photo"], ["matte"], domain="ai.nowhere")
    domains = [onnx.helper.make_opsetid("", 17), onnx.helper.make_opsetid("ai.nowhere", 1)]
    graph = onnx.helper.make_graph([node], "graph", ports[:1], ports[1:])
    file = here / "brought.onnx"
    onnx.save(onnx.helper.make_model(graph, opset_imports=domains), file)
    for content in (file.read_bytes(), file.read_bytes()[:40]):
        file.write_bytes(content)
        assert main(["models", "import", str(file), "--name", "mine"]) == 3
        said = capsys.readouterr().err
        assert "brought.onnx" in said
        assert "mine.onnx" not in said
        assert ".import-" not in said


def test_what_no_memory_holds_is_refused_before_it_is_read(
    here: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    """A file of holes: its checksum alone would take minutes."""
    capsys.readouterr()
    for name in ("huge.safetensors", "huge.onnx", "huge.pth"):
        with (here / name).open("wb") as file:
            file.truncate(1 << 42)
        assert main(["models", "import", str(here / name)]) == 3
        said = capsys.readouterr().err
        assert f"{name} needs at least 4398.0 GB of memory, and this computer has" in said
        assert said.count("\n") == 1
        (here / name).unlink()
    assert not list(here.glob("models/*"))
