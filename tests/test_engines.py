"""Engines give one answer, name the device they run on, and say nothing to anybody else."""

from __future__ import annotations

import importlib.util
import subprocess
import sys
from importlib.util import find_spec
from pathlib import Path

import numpy as np
import pytest
from tiny_model import expected, inputs, make_model, weights, write_weights

from mattelier.catalogue import Card, Input, Output, Store, read_card
from mattelier.engines import devices
from mattelier.engines import open as opening
from mattelier.engines.open import open_model
from mattelier.engines.signature import signature
from mattelier.networks import registry
from mattelier.networks.architecture import (
    Architecture,
    Descriptor,
    Entry,
    State,
    with_weights,
)
from mattelier.types.errors import EngineError, ModelError


@pytest.fixture
def store(tmp_path: Path) -> Store:
    make_model(tmp_path / "models")
    return Store(tmp_path / "models", tmp_path / "user", tmp_path / "cache")


def hide(monkeypatch: pytest.MonkeyPatch, *packages: str) -> None:
    """Make packages look as if they were not installed."""
    monkeypatch.setattr(
        importlib.util,
        "find_spec",
        lambda name: None if name in packages else find_spec(name),
    )


@pytest.fixture
def tiny_net(monkeypatch: pytest.MonkeyPatch) -> None:
    torch = pytest.importorskip("torch")

    class TinyNet(torch.nn.Module):  # type: ignore[name-defined, misc]
        def __init__(self) -> None:
            super().__init__()
            self.mix = torch.nn.Conv2d(5, 1, 1)

        def forward(self, picture: object, hint: object) -> object:
            return self.mix(torch.cat([picture, hint], 1))

    def describe(state: State, path: Path) -> Descriptor:
        spec = Input(64, "fit", tensor="picture", hint="hint"), Output(torch_activation="sigmoid")
        return Descriptor("matte", *spec, lambda: with_weights(TinyNet(), state))

    family = Architecture(
        id="tiny",
        title="Tiny",
        tasks=("matte",),
        classes=("TinyNet",),
        detect=lambda state: "mix.weight" in state,
        describe=describe,
        entries={"forward": Entry(("picture", "hint"), ("alpha",))},
    )
    monkeypatch.setattr(registry, "families", lambda: (family,))


@pytest.mark.parametrize("name", ["openvino", "onnxruntime", "torch"])
def test_every_engine_gives_the_same_alpha_at_any_shape(
    name: str, store: Store, tiny_net: None, monkeypatch: pytest.MonkeyPatch
) -> None:
    pytest.importorskip(name)
    hide(monkeypatch, *{"openvino", "onnxruntime", "torch"} - {name})
    engine = open_model(store.card("tiny"), store, "cpu")
    assert (engine.engine, engine.device) == (name, "cpu")
    for shape in [(64, 96), (96, 64), (32, 32)]:
        x = inputs(*shape)
        alpha = engine.run(x)["alpha"]
        assert alpha.dtype == np.float32
        np.testing.assert_allclose(alpha, expected(**x), atol=2e-6)


@pytest.mark.parametrize("name", ["tiny", "cutout"])
def test_what_a_network_saw_can_be_asked_again_and_again(name: str, store: Store) -> None:
    shipped = Store()
    engine = open_model(
        *((store.card(name), store) if name == "tiny" else (shipped.card(name), shipped)), "cpu"
    )
    assert engine.looks_apart
    for shape in [(64, 128), (128, 64)]:
        x = inputs(*shape)
        seen = engine.run({"picture": x["picture"]}, "look")
        for hint in (x["hint"], np.zeros_like(x["hint"]), x["hint"][:, ::-1].copy()):
            asked = engine.run({**seen, "hint": hint}, "ask")["alpha"]
            whole = engine.run({"picture": x["picture"], "hint": hint})["alpha"]
            np.testing.assert_array_equal(asked, whole)


def test_a_result_outlives_the_next_run(store: Store) -> None:
    engine = open_model(store.card("tiny"), store, "cpu")
    first = engine.run(inputs())["alpha"]
    kept = first.copy()
    engine.run({key: np.zeros_like(x) for key, x in inputs().items()})
    np.testing.assert_array_equal(first, kept)


def test_new_weights_beside_the_same_graph_are_used(tmp_path: Path, store: Store) -> None:
    """OpenVINO's cache knows the graph's file only; the weights beside it may have changed."""
    open_model(store.card("tiny"), store, "cpu").run(inputs())
    graph = (tmp_path / "models/tiny/tiny.onnx").read_bytes()
    make_model(tmp_path / "models", gain=0.5)
    assert (tmp_path / "models/tiny/tiny.onnx").read_bytes() == graph
    alpha = open_model(store.card("tiny"), store, "cpu").run(inputs())["alpha"]
    np.testing.assert_allclose(alpha, expected(**inputs(), gain=0.5), atol=2e-6)


def test_a_compiled_network_is_kept_and_a_damaged_one_is_made_again(store: Store) -> None:
    pytest.importorskip("openvino")
    card = store.card("tiny")
    open_model(card, store, "cpu")
    [blob] = store.cache.glob("openvino/*/*.blob")
    blob.chmod(0o644)
    blob.write_bytes(blob.read_bytes()[:2000])
    alpha = open_model(card, store, "cpu").run(inputs())["alpha"]
    np.testing.assert_allclose(alpha, expected(**inputs()), atol=2e-6)


def test_a_cache_that_cannot_be_written_does_not_matter(tmp_path: Path, store: Store) -> None:
    (tmp_path / "file").write_text("in the way")
    blocked = Store(store.shipped, store.user, tmp_path / "file" / "cache")
    alpha = open_model(blocked.card("tiny"), blocked, "cpu").run(inputs())["alpha"]
    np.testing.assert_allclose(alpha, expected(**inputs()), atol=2e-6)


def test_cuda_that_is_not_there_is_refused_with_the_reason(
    store: Store, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(devices, "_nvidia_driver", lambda: False)
    with pytest.raises(EngineError, match=r"cuda .* but .*; use --device cpu"):
        open_model(store.card("tiny"), store, "cuda")


def test_cuda_with_a_driver_but_no_usable_torch_is_refused_with_the_reason(
    store: Store, tiny_net: None, monkeypatch: pytest.MonkeyPatch
) -> None:
    import torch

    monkeypatch.setattr(devices, "no_gpu", lambda device: None)
    monkeypatch.setattr(torch.cuda, "is_available", lambda: False)
    with pytest.raises(EngineError, match=r"cuda was asked for, but .*PyTorch"):
        open_model(store.card("tiny"), store, "cuda")


def test_auto_says_why_it_runs_on_the_processor(
    store: Store, tiny_net: None, monkeypatch: pytest.MonkeyPatch
) -> None:
    card = store.card("tiny")
    monkeypatch.setattr(devices, "no_gpu", lambda device: "no NVIDIA driver was found")
    engine = open_model(card, store)
    assert (engine.device, engine.note) == ("cpu", "")  # an ordinary laptop is not nagged
    monkeypatch.setattr(devices, "no_gpu", lambda device: None)
    assert "small enough" in open_model(card, store).note
    monkeypatch.setattr(opening, "MIN_GPU_BYTES", 0)
    if not __import__("torch").cuda.is_available():
        engine = open_model(card, store)
        assert engine.device == "cpu"
        assert "PyTorch" in engine.note
    assert open_model(card, store, "cpu").note == ""


def test_no_engine_at_all_says_what_to_install(
    store: Store, monkeypatch: pytest.MonkeyPatch
) -> None:
    hide(monkeypatch, "openvino", "onnxruntime", "torch")
    with pytest.raises(EngineError, match="pip install openvino"):
        open_model(store.card("tiny"), store)


def edited(store: Store, old: str, new: str) -> Card:
    path = store.shipped / "tiny" / "card.toml"
    path.write_text(path.read_text("utf-8").replace(old, new), "utf-8")
    return read_card(path)


@pytest.mark.parametrize(
    ("old", "new"),
    [
        ('hint = "hint"', ""),
        ('tensor = "picture"', 'tensor = "image"'),
        ('tensor = "alpha"', 'tensor = "beta"'),
        ('tensor = "alpha"', "tensor = 7"),
    ],
)
@pytest.mark.parametrize("name", ["openvino", "onnxruntime"])
def test_a_card_that_does_not_fit_its_graph(
    old: str, new: str, name: str, store: Store, monkeypatch: pytest.MonkeyPatch
) -> None:
    pytest.importorskip(name)
    hide(monkeypatch, *{"openvino", "onnxruntime"} - {name})
    with pytest.raises(ModelError, match="does not fit its card"):
        open_model(edited(store, old, new), store, "cpu")


def test_torch_refuses_weights_of_another_network(
    tmp_path: Path, store: Store, tiny_net: None, monkeypatch: pytest.MonkeyPatch
) -> None:
    import safetensors.numpy
    import tiny_model

    hide(monkeypatch, "openvino", "onnxruntime")
    with monkeypatch.context() as patch:
        more = weights() | {"extra": np.zeros(1, np.float16)}
        patch.setattr(tiny_model, "weights", lambda gain=1.0: more)
        patch.setattr(tiny_model, "write_weights", lambda folder, gain: None)
        safetensors.numpy.save_file(more, store.shipped / "tiny/tiny.safetensors")
        make_model(store.shipped)
    with pytest.raises(ModelError, match="do not fit the network"):
        open_model(store.card("tiny"), store, "cpu")


def test_inputs_that_do_not_fit_are_one_sentence(store: Store) -> None:
    engine = open_model(store.card("tiny"), store, "cpu")
    with pytest.raises(EngineError, match="tiny"):
        engine.run({"picture": np.zeros((1, 7, 8, 8), np.float32), "hint": inputs()["hint"]})


def test_signature_reads_names_and_shapes(tmp_path: Path) -> None:
    write_weights(tmp_path)
    graph = signature(tmp_path / "tiny.onnx")
    assert [str(port) for port in graph.inputs] == [
        "picture (1, 3, any, any)",
        "hint (1, 2, any, any)",
    ]
    assert [port.name for port in graph.outputs] == ["alpha"]
    assert graph.kernel_values == 5


def test_nothing_is_told_to_anybody(store: Store) -> None:
    """`import openvino` reports itself to a server unless its converter is kept out."""
    script = """
import sys
def watch(event, arguments):
    if event.startswith("socket.") or event in ("subprocess.Popen", "os.fork", "os.posix_spawn"):
        sys.stderr.write(f"{event} {arguments}\\n"); sys.stderr.flush()
        import os; os._exit(7)
sys.addaudithook(watch)
from pathlib import Path
from mattelier.catalogue import Store
import importlib.util
from mattelier.engines.open import open_model
sys.path.insert(0, sys.argv[1])
import tiny_model
store = Store(*map(Path, sys.argv[2:]))
for hidden in ((), ("openvino",)):
    real = importlib.util.find_spec
    importlib.util.find_spec = lambda name: None if name in hidden else real(name)
    print(open_model(store.card("tiny"), store, "cpu").run(tiny_model.inputs())["alpha"].shape)
    importlib.util.find_spec = real
assert not [name for name in sys.modules if "openvino_telemetry" in name]
"""
    folders = [str(folder) for folder in (store.shipped, store.user, store.cache)]
    here = str(Path(__file__).parent)
    done = subprocess.run(
        [sys.executable, "-c", script, here, *folders], capture_output=True, text=True, timeout=60
    )
    assert done.returncode == 0, done.stderr


def test_a_signal_is_answered_after_another_thread_let_the_engine_go(store: Store) -> None:
    script = """
import gc, signal, sys, threading
from pathlib import Path
from mattelier.catalogue import Store
from mattelier.engines.open import open_model

store = Store(*map(Path, sys.argv[1:]))
engines = [open_model(store.card("tiny"), store, "cpu")]
assert engines[0].engine == "openvino"
letting_go = threading.Thread(target=engines.clear)
letting_go.start()
letting_go.join()
gc.collect()
signal.signal(signal.SIGINT, lambda number, frame: print("heard"))
signal.raise_signal(signal.SIGINT)
"""
    folders = [str(folder) for folder in (store.shipped, store.user, store.cache)]
    answer = subprocess.run(
        [sys.executable, "-c", script, *folders], capture_output=True, text=True, timeout=60
    )
    assert (answer.returncode, answer.stdout) == (0, "heard\n"), answer.stderr
