"""One cache of open networks: opened once, bounded, and a GPU that fails is left once for all."""

from __future__ import annotations

import threading
from collections.abc import Mapping
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from tiny_model import make_model

from mattelier.catalogue import Card, Input, Output, Store
from mattelier.engines import model_cache
from mattelier.engines.model_cache import MAX_OPEN_MODELS, ModelCache
from mattelier.engines.open_model import OpenModel
from mattelier.types.errors import EngineError, MattelierError, ModelError, OutOfMemory, UsageError

THREADS = 8
PICTURE = {"picture": np.zeros((1, 3, 8, 8), np.float32)}


class GPUThatFails:
    """A session that runs out of memory on any device but the processor."""

    name = "torch"

    def __init__(self, device: str) -> None:
        self.device = device

    def run(self, inputs: Mapping[str, Any], entry: str = "forward") -> dict[str, Any]:
        if self.device != "cpu":
            raise OutOfMemory(f"{self.device} has too little free memory for it; use --device cpu.")
        return {"alpha": inputs["picture"][:, :1]}


class Openings(list[tuple[str, str]]):
    """What was opened, by name and device; each takes long enough for threads to meet."""

    def __call__(
        self, source: Card | Path, store: Store, device: str = "auto", **options: Any
    ) -> OpenModel:
        name = source.name if isinstance(source, Card) else source.stem
        self.append((name, device))
        threading.Event().wait(0.05)
        session = GPUThatFails("cuda" if device == "auto" else device)
        return OpenModel(name, "matte", Input(8, "fit"), Output(), session)


@pytest.fixture
def openings(monkeypatch: pytest.MonkeyPatch) -> Openings:
    made = Openings()
    monkeypatch.setattr(model_cache, "open_model", made)
    return made


@pytest.fixture
def store(tmp_path: Path) -> Store:
    for number in range(MAX_OPEN_MODELS + 1):
        make_model(tmp_path / "models", f"net{number}", gain=1 + number)
    return Store(tmp_path / "models", tmp_path / "user", tmp_path / "cache")


def at_once(work: Any) -> list[Any]:
    """The answers of `THREADS` threads that begin together."""
    barrier = threading.Barrier(THREADS)

    def run(_: int) -> Any:
        barrier.wait()
        return work()

    with ThreadPoolExecutor(THREADS) as pool:
        return list(pool.map(run, range(THREADS)))


def test_threads_that_want_the_same_network_open_it_once(store: Store, openings: Openings) -> None:
    cache = ModelCache(store)
    models = at_once(lambda: cache.open("net1", "matte"))
    assert len(set(models)) == 1
    assert openings == [("net1", "auto")]
    assert cache.names() == ["matte net1 auto"]
    assert cache.open("net1", "matte", "cpu") is not models[0]


def test_threads_open_different_networks_side_by_side(store: Store, openings: Openings) -> None:
    cache, names = ModelCache(store), iter([f"net{n % 4}" for n in range(THREADS)])
    at_once(lambda: cache.open(next(names), "matte"))
    assert sorted(openings) == [(f"net{number}", "auto") for number in range(4)]


def test_the_network_used_longest_ago_leaves(store: Store, openings: Openings) -> None:
    cache = ModelCache(store)
    models = [cache.open(f"net{number}", "matte") for number in range(MAX_OPEN_MODELS)]
    assert cache.open("net0", "matte") is models[0]
    cache.open(f"net{MAX_OPEN_MODELS}", "matte")
    assert len(cache.names()) == MAX_OPEN_MODELS
    assert cache.open("net0", "matte") is models[0]
    assert cache.open("net1", "matte") is not models[1]  # it had left


def test_a_gpu_that_fails_is_left_once_for_all_requests(store: Store, openings: Openings) -> None:
    """Three requests on one model fail together, and the processor's is opened once."""
    cache = ModelCache(store)
    models = [cache.open("net1", "matte") for _ in range(3)]
    assert [model.device for model in models] == ["cuda"] * 3
    after = []
    for model in models:
        with pytest.raises(OutOfMemory) as caught:
            model.run(PICTURE)
        assert caught.value.model is model
        assert cache.leave_gpu(caught.value)
        after.append(cache.open("net1", "matte"))
    assert len(set(after)) == 1
    assert openings == [("net1", "auto"), ("net1", "cpu")]
    assert (after[0].device, after[0].run(PICTURE)["alpha"].shape) == ("cpu", (1, 1, 8, 8))
    assert after[0].note == "Running on the CPU: cuda has too little free memory for it."
    assert models[0].note == ""  # an open network is a value and stays as it is


def test_threads_that_fail_together_leave_the_gpu_once(store: Store, openings: Openings) -> None:
    cache = ModelCache(store)

    def run() -> OpenModel:
        model = cache.open("net1", "matte")
        try:
            model.run(PICTURE)
        except EngineError as error:
            cache.leave_gpu(error)
        return cache.open("net1", "matte")

    assert len(set(at_once(run))) == 1
    assert openings == [("net1", "auto"), ("net1", "cpu")]


def test_the_gpu_stays_left_when_the_network_had_to_leave(store: Store, openings: Openings) -> None:
    cache = ModelCache(store)
    model = cache.open("net0", "matte")
    for number in range(1, MAX_OPEN_MODELS + 1):
        cache.open(f"net{number}", "matte")
    with pytest.raises(OutOfMemory) as caught:
        model.run(PICTURE)
    assert cache.leave_gpu(caught.value)
    assert cache.open("net0", "matte").device == "cpu"
    assert cache.open("net1", "matte").device == "cuda"


def test_only_a_gpu_of_its_own_models_can_be_left(store: Store, openings: Openings) -> None:
    cache = ModelCache(store)
    error = EngineError("No engine is installed.")
    assert not cache.leave_gpu(error)
    error.model = cache.open("net1", "matte", "cpu")
    assert not cache.leave_gpu(error)
    error.model = ModelCache(store).open("net1", "matte")
    assert not cache.leave_gpu(error)


def test_what_could_not_be_opened_is_tried_again(
    store: Store, monkeypatch: pytest.MonkeyPatch
) -> None:
    cache = ModelCache(store)

    def refuse(*arguments: Any, **options: Any) -> OpenModel:
        raise EngineError("Not now.")

    with monkeypatch.context() as patch:
        patch.setattr(model_cache, "open_model", refuse)
        with pytest.raises(EngineError, match="Not now"):
            cache.open("net1", "matte", "cpu")
        assert cache.names() == []
    assert cache.open("net1", "matte", "cpu").name == "net1"


def test_other_weights_under_the_same_name_are_opened(store: Store, openings: Openings) -> None:
    cache = ModelCache(store)
    first = cache.open("net1", "matte")
    make_model(store.shipped, "net1", gain=0.25)
    assert cache.open("net1", "matte") is not first
    assert len(openings) == 2


def test_a_folder_of_a_model_is_named_by_its_path(store: Store, tmp_path: Path) -> None:
    folder = make_model(tmp_path / "tuned", "mine", gain=0.5)
    cache = ModelCache(store)
    model = cache.open(str(folder), "matte", "cpu")
    assert model.name == "mine"
    assert model.card is not None
    assert model.fingerprint == " ".join(file.sha256 for file in model.card.files)


# Finding


@pytest.fixture
def shipped(tmp_path: Path) -> ModelCache:
    return ModelCache(Store(user=tmp_path / "user", cache=tmp_path / "cache"))


@pytest.mark.parametrize(
    ("task", "model", "refusal"),
    [
        ("matte", "denoise", "The model denoise makes no mattes; choose another."),
        ("upscale", "cutout", "The model cutout does not enlarge pictures; choose another."),
        ("denoise", "cutout", "The model cutout does not denoise pictures; choose another."),
        ("depth", "cutout", "The model cutout makes no depth; `mattelier models list`"),
        ("style", "cutout", "The model cutout paints no styles; choose another."),
        ("matte", "nothing", "There is no model 'nothing'; choose one of"),
        ("matte", "mine.pth", "There is no model 'mine.pth'"),
        ("upscale", "none.bin", "--model none.bin: no such file."),
        ("denoise", "none.pth", "--model none.pth: no such file."),
        ("style", "none.pth", "--model none.pth: no such file."),
    ],
)
def test_models_of_another_task_and_none_at_all(
    shipped: ModelCache, task: str, model: str, refusal: str
) -> None:
    with pytest.raises(UsageError) as caught:
        shipped.find(model, task)
    assert str(caught.value).startswith(refusal)


def test_a_depth_file_that_is_not_there(shipped: ModelCache) -> None:
    with pytest.raises(ModelError, match=r"There is no weights file none\.pth"):
        shipped.find("none.pth", "depth")


@pytest.mark.parametrize(
    ("task", "name"), [("matte", "cutout"), ("upscale", "upscale-x2"), ("denoise", "denoise")]
)
def test_defaults_that_are_shipped(shipped: ModelCache, task: str, name: str) -> None:
    found = shipped.find("default", task)
    assert isinstance(found, Card)
    assert found.name == name


@pytest.mark.parametrize(("task", "words"), [("style", "No style network"), ("depth", "No depth")])
def test_tasks_without_a_default_here_say_how_to_get_one(
    shipped: ModelCache, task: str, words: str
) -> None:
    assert shipped.default(task) is None
    with pytest.raises(ModelError, match=words):
        shipped.find("default", task)


def test_a_missing_default_is_no_fault_of_the_user(tmp_path: Path) -> None:
    empty = ModelCache(Store(tmp_path / "models", tmp_path / "user", tmp_path / "cache"))
    with pytest.raises(MattelierError, match="install Mattelier again"):
        empty.find("default", "matte")


def test_the_best_depth_network_that_is_here_is_taken(tmp_path: Path) -> None:
    store = Store(tmp_path / "models", tmp_path / "user", tmp_path / "cache")
    cache = ModelCache(store)
    for name in ("midas-v2.1-small", "depth-anything-v2-small"):  # the worse first
        folder = make_model(store.shipped, name)
        card = folder / "card.toml"
        card.write_text(
            card.read_text("utf-8").replace('version = "1"', 'version = "1"\ntask = "depth"')
        )
        assert cache.find("auto", "depth") == store.card(name)
        assert cache.default("depth") == store.card(name)
    (folder / "tiny.onnx").unlink()
    assert cache.find("auto", "depth") == store.card("midas-v2.1-small")
