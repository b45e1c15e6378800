"""The default network: folding, sizes, and one set of weights for every engine."""

from __future__ import annotations

import copy
import importlib.util
import json
import os
from pathlib import Path

import numpy as np
import pytest

if os.environ.get("CI") != "true":
    pytest.importorskip("torch")

import torch

from mattelier.catalogue import Card, Store
from mattelier.engines import backends
from mattelier.engines.open import open_model
from mattelier.engines.open_model import OpenModel
from mattelier.learning.losses import batch_loss
from mattelier.learning.param_groups import param_groups
from mattelier.networks.cutout.detail import DetailCutoutNet
from mattelier.networks.cutout.network import CutoutNet, fold_norms, spread_norms

SHIPPED = Path(__file__).parents[1] / "models" / "cutout"


pytestmark = pytest.mark.usefixtures("one_thread")


def inputs(height: int, width: int, count: int = 1, seed: int = 0) -> tuple[torch.Tensor, ...]:
    random = np.random.default_rng(seed)
    return tuple(
        torch.from_numpy(random.random((count, channels, height, width), np.float32))
        for channels in (3, 2)
    )


@pytest.fixture(scope="module")
def trained() -> CutoutNet:
    """A network whose norms have seen something, and whose hint path is not zero any more."""
    torch.manual_seed(1)
    network = CutoutNet(norm=True).eval()
    with torch.no_grad():
        for module in network.modules():
            if isinstance(module, torch.nn.BatchNorm2d):
                module.running_mean.normal_(0, 0.2)
                module.running_var.uniform_(0.3, 3)
                module.weight.uniform_(0.5, 1.5)
                module.bias.normal_(0, 0.2)
        network.hint_add.weight.normal_(0, 0.2)
        for parameter in network.context.parameters():
            parameter.normal_(0, 0.1)
    return network


@torch.no_grad()
def test_folding_the_norms_changes_nothing(trained: CutoutNet) -> None:
    folded = fold_norms(trained)
    assert not any(isinstance(m, torch.nn.BatchNorm2d) for m in folded.modules())
    assert not folded.training
    picture, hint = inputs(64, 96, count=2)
    expected = trained(picture, hint)
    assert float(expected.std()) > 1e-3
    torch.testing.assert_close(folded(picture, hint), expected, atol=1e-4, rtol=1e-4)


@torch.no_grad()
def test_fine_tuning_goes_on_from_folded_weights(trained: CutoutNet) -> None:
    folded = fold_norms(trained)
    torch.manual_seed(2)
    network = CutoutNet(norm=True).eval()
    for module in network.modules():
        if isinstance(module, torch.nn.BatchNorm2d):
            module.running_mean.normal_()
    network.load_state_dict(spread_norms(network, folded.state_dict()))
    picture, hint = inputs(64, 64)
    torch.testing.assert_close(network(picture, hint), folded(picture, hint), atol=1e-4, rtol=1e-4)
    again = fold_norms(network).state_dict()
    for name, value in folded.state_dict().items():
        torch.testing.assert_close(again[name], value, atol=1e-5, rtol=1e-5)


@torch.no_grad()
def test_a_new_network_sees_the_picture_before_any_hint_in_its_encoder() -> None:
    """The hint's path into the encoder starts at zero, so published weights work at once."""
    network = CutoutNet(norm=True)
    assert not any(p.any() for p in network.hint_add.parameters())


@torch.no_grad()
def test_weights_from_before_the_context_compute_what_they_did(trained: CutoutNet) -> None:
    """Neither a fresh context nor one that was trained before is seen in the result."""
    earlier = {k: v for k, v in trained.state_dict().items() if not k.startswith("context.")}
    features, hint = torch.rand(1, 256, 4, 6), torch.rand(1, 2, 4, 6)
    assert (trained.context(features, hint) != features).any()
    for network in (CutoutNet(norm=True).eval(), copy.deepcopy(trained)):
        network.load_state_dict(earlier)
        torch.testing.assert_close(network.context(features, hint), features)


@torch.no_grad()
def test_the_context_sees_the_whole_picture_and_the_hint(trained: CutoutNet) -> None:
    features, hint = torch.rand(1, 256, 6, 8), torch.zeros(1, 2, 6, 8)
    context = trained.context(features, hint)
    features[..., 0, 0] += 1
    assert (trained.context(features, hint)[..., 5, 7] != context[..., 5, 7]).any()
    features[..., 0, 0] -= 1
    hint[..., 0, 0] = 1
    assert (trained.context(features, hint)[..., 5, 7] != context[..., 5, 7]).any()


@torch.no_grad()
def test_training_computes_what_is_used_later(trained: CutoutNet) -> None:
    """Dilated convolutions take another way while training."""
    folded = fold_norms(trained)
    picture, hint = inputs(96, 160, count=2)
    expected = folded(picture, hint)
    torch.testing.assert_close(folded.train()(picture, hint), expected, atol=1e-4, rtol=1e-4)


@pytest.mark.parametrize(("height", "width"), [(32, 32), (32, 160), (96, 64), (224, 32)])
@torch.no_grad()
def test_alpha_has_the_picture_s_size(trained: CutoutNet, height: int, width: int) -> None:
    picture, _ = inputs(height, width)
    nothing = torch.zeros(1, 2, height, width)
    logits = trained(picture, nothing)
    assert logits.shape == (1, 1, height, width)
    assert torch.isfinite(logits).all()


@torch.no_grad()
def test_training_sees_four_levels(trained: CutoutNet) -> None:
    picture, hint = inputs(64, 128)
    levels = trained.levels(*trained.early(picture), hint)
    assert [tuple(level.shape) for level in levels] == [
        (1, 1, 64 // step, 128 // step) for step in (2, 4, 8, 16)
    ]


# The network with two looks.


@pytest.fixture(scope="module")
def detailed(trained: CutoutNet) -> DetailCutoutNet:
    """One whose second look draws something, on the first look of `trained`."""
    torch.manual_seed(3)
    network = DetailCutoutNet(norm=True).eval()
    network.load_state_dict(spread_norms(network, fold_norms(trained).state_dict()))
    with torch.no_grad():
        network.detail.out.weight.normal_(0, 0.1)
    return network


@torch.no_grad()
def test_the_second_look_starts_as_nothing(trained: CutoutNet) -> None:
    network = DetailCutoutNet().eval()
    network.load_state_dict(spread_norms(network, fold_norms(trained).state_dict()))
    picture, hint = inputs(128, 192)
    small = [torch.nn.functional.avg_pool2d(x, 2) for x in (picture, hint)]
    first = trained.levels(*trained.early(small[0]), small[1])[0]
    expected = torch.nn.functional.interpolate(first, (128, 192), mode="bilinear")
    torch.testing.assert_close(network(picture, hint), expected, atol=1e-4, rtol=1e-4)


@torch.no_grad()
def test_the_second_look_sees_single_pixels(detailed: DetailCutoutNet) -> None:
    """What the first look cannot see, because its four pixels have the same mean, changes alpha."""
    picture, hint = inputs(64, 128)
    logits = detailed(picture, hint)
    shift = torch.zeros_like(picture)
    shift[..., 32, 64], shift[..., 32, 65] = 0.2, -0.2
    changed = detailed(picture + shift, hint) - logits
    assert changed[0, 0, 32, 64].abs() > 1e-5
    assert changed[0, 0, 0, 0] == 0


@torch.no_grad()
def test_folding_and_training_change_nothing_of_two_looks(detailed: DetailCutoutNet) -> None:
    folded = fold_norms(detailed)
    assert isinstance(folded, DetailCutoutNet)
    assert not any(isinstance(m, torch.nn.BatchNorm2d) for m in folded.modules())
    picture, hint = inputs(128, 192, count=2)
    expected = detailed(picture, hint)
    torch.testing.assert_close(folded(picture, hint), expected, atol=1e-4, rtol=1e-4)
    torch.testing.assert_close(folded.train()(picture, hint), expected, atol=1e-4, rtol=1e-4)


@torch.no_grad()
def test_training_sees_both_looks(detailed: DetailCutoutNet) -> None:
    picture, hint = inputs(64, 128)
    levels = detailed.levels(*detailed.early(picture), hint)
    assert [tuple(level.shape[2:]) for level in levels] == [
        (64 // step, 128 // step) for step in (1, 4, 8, 16, 32)
    ]
    torch.testing.assert_close(levels[0], detailed(picture, hint))


def test_only_edges_and_textures_are_not_trained(detailed: DetailCutoutNet) -> None:
    network = fold_norms(detailed).train()
    slow, fast = param_groups(network, 3, new=True)
    picture, hint = inputs(64, 64)
    alpha = torch.zeros(1, 1, 64, 64)
    alpha[..., 20:40, 20:40] = 1
    batch_loss(network, picture, alpha, torch.ones_like(alpha), hint, bfloat16=False).backward()
    assert all(p.grad is not None for p in [*slow, *fast])
    assert {id(p) for p in network.detail.parameters()} <= {id(p) for p in fast}
    frozen = [p for p in network.parameters() if not p.requires_grad]
    assert sum(p.numel() for p in frozen) < 0.01 * sum(p.numel() for p in network.parameters())


def test_it_is_small() -> None:
    assert 1e6 < sum(p.numel() for p in CutoutNet().parameters()) < 5e6


# The shipped files.


def tensors_of(path: Path) -> dict[tuple[int, int], tuple[str, list[int]]]:
    """Name and shape of each tensor of a safetensors file, by its offset and length."""
    raw = path.read_bytes()
    start = 8 + int.from_bytes(raw[:8], "little")
    header = json.loads(raw[8:start])
    header.pop("__metadata__", None)
    found = {}
    for name, entry in header.items():
        assert entry["dtype"] == "F16", name
        begin, end = entry["data_offsets"]
        found[start + begin, end - begin] = (name, entry["shape"])
    return found


def test_the_shipped_graph_holds_no_weights_but_the_shared_ones() -> None:
    onnx = pytest.importorskip("onnx")
    graph = onnx.load(SHIPPED / "cutout.onnx", load_external_data=False).graph
    tensors = tensors_of(SHIPPED / "cutout.safetensors")
    used = set()
    for tensor in graph.initializer:
        if tensor.data_location != onnx.TensorProto.EXTERNAL:
            size = int(np.prod(tensor.dims))
            assert size <= 16, f"{tensor.name} is no shared weight but has {size} values"
            continue
        assert tensor.data_type == onnx.TensorProto.FLOAT16
        place = {entry.key: entry.value for entry in tensor.external_data}
        assert place["location"] == "cutout.safetensors"
        name, shape = tensors[int(place["offset"]), int(place["length"])]
        assert tensor.name.removeprefix("network.").removesuffix(".half") == name
        assert list(tensor.dims) == shape
        used.add(name)
    side_outputs = {
        name for name, _ in tensors.values() if name.startswith(("out.1", "out.2", "out.3"))
    }
    assert used == {name for name, _ in tensors.values()} - side_outputs
    assert [port.name for port in graph.input] == ["picture", "hint"]
    assert [port.name for port in graph.output] == ["alpha"]


def test_the_shipped_graph_tells_nothing_of_who_made_it() -> None:
    raw = (SHIPPED / "cutout.onnx").read_bytes()
    assert not any(trace in raw for trace in (b"/home/", b"/root/", b"/work/", b"site-packages"))


def test_the_shipped_weights_are_small_and_fit_the_network() -> None:
    files = [SHIPPED / name for name in ("cutout.onnx", "cutout.safetensors")]
    assert sum(file.stat().st_size for file in files) <= 12e6
    ours = {name: list(value.shape) for name, value in DetailCutoutNet().state_dict().items()}
    assert dict(tensors_of(files[1]).values()) == ours


def opened_on(engine: str, card: Card, store: Store) -> OpenModel:
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(backends, "ON_CPU", (engine,))
        return open_model(card, store, "cpu")


@pytest.mark.parametrize("name", ["openvino", "onnxruntime"])
def test_all_engines_give_the_shipped_network_s_alpha(name: str, tmp_path: Path) -> None:
    if importlib.util.find_spec(name) is None:
        pytest.skip(f"{name} is not installed")
    store = Store(SHIPPED.parent, tmp_path / "user", tmp_path / "cache")
    card = store.card("default")
    model, reference = (opened_on(engine, card, store) for engine in (name, "torch"))
    assert (model.engine, reference.engine) == (name, "torch")
    for height, width in ((128, 192), (64, 128)):
        picture, hint = (x.numpy() for x in inputs(height, width, seed=height))
        for evidence in (hint, np.zeros_like(hint)):
            values = {"picture": picture, "hint": evidence}
            ours, theirs = model.run(values)["alpha"], reference.run(values)["alpha"]
            assert ours.shape == theirs.shape == (1, 1, height, width)
            assert ours.min() >= 0
            assert ours.max() <= 1
            np.testing.assert_allclose(ours, theirs, atol=1e-4)
