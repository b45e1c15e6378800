"""Class activation maps: published formulas on networks' own code, and the report's layer."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np
import pytest
import zoo_folders
from balls import ball, photo
from numpy.typing import NDArray
from PIL import Image

from mattelier.catalogue import Store
from mattelier.commands.main import main
from mattelier.engines.activation import activate
from mattelier.engines.open import open_model
from mattelier.engines.preprocess import network_size, preprocess
from mattelier.types.colour import View
from mattelier.types.errors import UsageError
from mattelier.types.picture import Picture

torch = pytest.importorskip("torch")
pytest.importorskip("transformers")
pytestmark = pytest.mark.usefixtures("one_thread")


@pytest.fixture(scope="module")
def folders(tmp_path_factory: pytest.TempPathFactory) -> Any:
    made: dict[str, tuple[Any, Path]] = {}

    def make(kind: str) -> tuple[Any, Path]:
        if kind not in made:
            folder = tmp_path_factory.mktemp(kind) / kind
            made[kind] = (zoo_folders.write(kind, folder), folder)
        return made[kind]

    return make


def view() -> View:
    return View(Picture(photo()))


def shown(folder: Path) -> NDArray[np.float32]:
    seen = open_model(folder, Store(), "cpu").input
    return preprocess(seen, view(), *network_size(seen, view().height, view().width))


def assert_same(ours: NDArray[np.float32], theirs: Any) -> None:
    theirs = np.asarray(theirs, np.float32)
    assert ours.shape == theirs.shape
    assert np.std(theirs) > 0.05  # not the same everywhere
    assert np.abs(ours - theirs).max() <= 1e-4


def test_of_a_network_that_pools_it_is_zhou_s_map(folders: Any) -> None:
    """Zhou et al. 2016: the last features, weighted as the class weighs their means."""
    official, folder = folders("resnet")
    seen = activate(open_model(folder, Store(), "cpu"), view())
    with torch.inference_mode():
        answer = official(torch.from_numpy(shown(folder)), output_hidden_states=True)
        number = int(answer.logits.argmax())
        features = answer.hidden_states[-1][0]
        weights = official.classifier[-1].weight[number]
        expected = (weights[:, None, None] * features).sum(0).relu()
    assert_same(seen.map, expected / expected.max())
    assert seen.label == zoo_folders.NAMES[number]
    assert seen.score == pytest.approx(float(answer.logits.softmax(-1)[0, number]), abs=1e-5)
    assert seen.method == "Grad-CAM"


@pytest.mark.parametrize(
    ("kind", "block", "first", "side"),
    [("vit", "layers.2", 1, 8), ("swin", "layernorm", 0, None)],
)
def test_of_patches_it_is_grad_cam_by_hooks(
    folders: Any, kind: str, block: str, first: int, side: int | None
) -> None:
    """What goes into the block, and its gradients, caught by hooks on the network's own code."""
    official, folder = folders(kind)
    seen = activate(open_model(folder, Store(), "cpu"), view())
    [module] = [m for name, m in official.named_modules() if name.endswith(block)][-1:]
    caught: list[Any] = []

    def keep(_: Any, given: Any) -> Any:
        caught.append(given[0])
        given[0].retain_grad()

    handle = module.register_forward_pre_hook(keep)
    logits = official(torch.from_numpy(shown(folder))).logits
    number = int(logits.argmax())
    logits[0, number].backward()
    handle.remove()
    values, slopes = caught[0][0, first:].detach(), caught[0].grad[0, first:]
    rows = side or round(len(values) ** 0.5)
    expected = (slopes.mean(0) * values).sum(1).relu().reshape(rows, rows)
    assert_same(seen.map, expected / expected.max())


def test_of_a_network_of_classes_it_is_its_own_answer(folders: Any) -> None:
    official, folder = folders("segformer")
    seen = activate(open_model(folder, Store(), "cpu"), view(), ball(0))
    with torch.inference_mode():
        shares = official(torch.from_numpy(shown(folder))).logits[0].softmax(0).numpy()
    small = np.asarray(Image.fromarray(ball(0)).resize(shares.shape[:0:-1], Image.Resampling.BOX))
    means = (shares * small).sum((1, 2)) / small.sum()
    number = int(means.argmax())
    assert seen.label == zoo_folders.NAMES[number]
    assert seen.score == pytest.approx(means[number], abs=0.02)
    assert_same(seen.map, shares[number])


def test_one_that_tells_things_apart_is_refused(folders: Any) -> None:
    model = open_model(folders("mask2former")[1], Store(), "cpu")
    with pytest.raises(UsageError, match="tells single things apart"):
        activate(model, view())


def write(folder: Path) -> list[str]:
    for part, values in (("images", photo()), ("masks", (ball(0) * 255).astype(np.uint8))):
        (folder / part).mkdir(parents=True)
        Image.fromarray(values).save(folder / part / "a.png")
    return ["evaluate", str(folder), "--quality", "fast"]


@pytest.mark.parametrize(("kind", "method"), [("segformer", "its own map"), ("vit", "Grad-CAM")])
def test_the_report_says_what_the_subject_is_taken_for(
    folders: Any, tmp_path: Path, kind: str, method: str
) -> None:
    wanted = write(tmp_path / "set")
    page, plain = tmp_path / "page.html", tmp_path / "plain.html"
    assert main([*wanted, "--report", str(plain)]) == 0
    assert main([*wanted, "--report", str(page), "--cam", str(folders(kind)[1])]) == 0
    text = page.read_text("utf-8")
    assert f"sure ({method})" in text
    assert any(f"seen as {name}" in text for name in zoo_folders.NAMES.values())
    assert text.count("<img") == plain.read_text("utf-8").count("<img") + 1


def test_it_needs_a_report_and_a_network_of_classes(
    folders: Any, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    wanted = write(tmp_path / "set")
    assert main([*wanted, "--cam", str(folders("vit")[1])]) == 2
    assert "--report" in capsys.readouterr().err
    report = ["--report", str(tmp_path / "page.html")]
    for other in (str(folders("depth_anything")[1]), "u2netp"):
        assert main([*wanted, *report, "--cam", other]) == 2
        assert "tells no classes apart" in capsys.readouterr().err


def test_an_image_classifier_is_brought_in(
    folders: Any, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: Any
) -> None:
    monkeypatch.setenv("MATTELIER_MODELS", str(tmp_path / "models"))
    assert main(["models", "import", str(folders("resnet")[1]), "--name", "mine"]) == 0
    said = capsys.readouterr().err
    assert "3 kinds of pictures" in said
    assert "--cam mine" in said
    assert Store().card("mine").task == "classify"
    page = tmp_path / "page.html"
    assert main([*write(tmp_path / "set"), "--report", str(page), "--cam", "mine"]) == 0
    assert "Grad-CAM" in page.read_text("utf-8")
    assert main(["cutout", str(tmp_path / "set/images/a.png"), "--model", "mine"]) == 2
