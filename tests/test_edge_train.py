"""Subjects whose alpha is known, scenes made of them, and the training of the edge refiner."""

from __future__ import annotations

import os
import subprocess
import sys
from collections.abc import Callable
from dataclasses import replace
from importlib.util import find_spec
from pathlib import Path

import cv2
import numpy as np
import pytest
from debian_root import cache_folder

if os.environ.get("CI") != "true":
    pytest.importorskip("torch")

import torch

from mattelier.cli import main
from mattelier.engines.openvino_engine import import_openvino
from mattelier.errors import UsageError
from mattelier.media.depth_maps import read_depth
from mattelier.networks.edge import FOLD, HINTS, EdgeNet
from mattelier.tasks.edge_network import corrected
from mattelier.train.edge_export import export
from mattelier.train.edge_recipe import EdgeRecipe, load_edge_recipe
from mattelier.train.edge_run import EdgeRun
from mattelier.train.edge_samples import HINT, PICTURE, TRUTH, EdgeSamples
from mattelier.train.render.canvas import Canvas
from mattelier.train.render.drawn import KINDS, draw, seen
from mattelier.train.render.source import Source, read_source, write_source

RECIPES = Path(__file__).parents[1] / "core" / "mattelier" / "train" / "recipes"

pytestmark = pytest.mark.usefixtures("one_thread")


@pytest.fixture(scope="module")
def data(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("data")
    (folder / "scenes").mkdir()
    random = np.random.default_rng(3)
    for number in range(24):
        picture = cv2.resize(random.integers(0, 255, (9, 9, 3)).astype(np.uint8), (140, 120))
        cv2.imencode(".png", picture)[1].tofile(folder / f"scenes/{number}.png")
    return folder


def recipe(**changes: object) -> EdgeRecipe:
    tiny = EdgeRecipe(
        seed=1, batches=6, scenes=("scenes",), samples=3, side=96, window=64, batch=2, warm_up=5
    )
    return replace(tiny, **changes)  # type: ignore[arg-type]


def render_command(*words: str, blender: Path | None = None) -> list[str]:
    line = "import sys, runpy; sys.path.extend(sys.argv.pop().split()); "
    line += "runpy.run_module('mattelier.train.render', run_name='__main__', alter_sys=True)"
    return [sys.executable, "-c", line, *words, str(blender or "")]


def blender_packages() -> Path | None:
    """Where `bpy` lies, if this Python does not find it by itself."""
    name = f"lib/python3.{sys.version_info.minor}/site-packages"
    found = sorted(cache_folder().glob(f"bpy-*/{name}"))
    return found[0] if found else None


@pytest.mark.parametrize("kind", KINDS)
def test_every_kind_has_an_edge_and_colours_to_show(kind: str) -> None:
    source = KINDS[kind][1](160, np.random.default_rng(5))
    assert source.alpha.shape == (160, 160)
    assert source.colour.shape == (160, 160, 3)
    for values in (source.alpha, source.colour):
        assert values.dtype == np.float32
        assert 0 <= values.min() <= values.max() <= 1
    soft = (source.alpha > 0.02) & (source.alpha < 0.98)
    assert soft.mean() > 0.003
    assert (source.alpha < 0.02).any()


def test_a_subject_is_a_pure_function_of_seed_and_number() -> None:
    first, again, other = draw(3, 7, 96), draw(3, 7, 96), draw(3, 8, 96)
    assert np.array_equal(first.alpha, again.alpha)
    assert np.array_equal(first.colour, again.colour)
    assert not np.array_equal(first.alpha, other.alpha)


def test_coverage_is_exact_and_colour_straight() -> None:
    canvas = Canvas(40)
    corners = np.float32([[10.25, 8.5], [30.75, 8.5], [30.75, 29.75], [10.25, 29.75]])
    canvas.polygon(corners, np.float32([0.2, 0.6, 0.4]))
    source = canvas.source()
    assert source.alpha.sum() == pytest.approx(20.5 * 21.25, rel=0.03)
    partly = (source.alpha > 0.1) & (source.alpha < 0.9)
    assert partly.any()
    np.testing.assert_allclose(
        source.colour[partly], np.tile([0.2, 0.6, 0.4], (partly.sum(), 1)), atol=0.03
    )


def test_a_lens_takes_and_adds_no_coverage() -> None:
    alpha = np.zeros((64, 64), np.float32)
    alpha[24:40, 24:40] = 1
    sharp = Source(np.full((64, 64, 3), 0.3, np.float32), alpha)
    looks = [seen(sharp, np.random.default_rng(number)) for number in range(40)]
    assert any(look is not sharp for look in looks)
    for look in looks:
        assert look.alpha.sum() == pytest.approx(256, rel=0.01)
        np.testing.assert_allclose(look.colour, 0.3, atol=1e-3)


def test_sources_come_back_from_their_files(tmp_path: Path) -> None:
    source = draw(1, 0, 64)
    write_source(source, tmp_path / "a.png")
    again = read_source(tmp_path / "a.png")
    np.testing.assert_allclose(again.alpha, source.alpha, atol=1e-5)
    there = source.alpha > 0.01
    np.testing.assert_allclose(again.colour[there], source.colour[there], atol=1e-4)
    cv2.imwrite(str(tmp_path / "b.png"), np.zeros((4, 4, 3), np.uint8))
    with pytest.raises(UsageError, match="no picture with transparency"):
        read_source(tmp_path / "b.png")


def test_the_command_draws_and_goes_on(tmp_path: Path) -> None:
    words = ["--out", f"{tmp_path}/new", "--seed", "4", "--side", "64", "--count"]
    for count in ("1", "2"):
        done = subprocess.run(
            render_command(*words, count), capture_output=True, text=True, timeout=120
        )
        assert done.returncode == 0, done.stderr
        assert len(done.stdout.splitlines()) == 1  # what is there is not drawn again
    assert [path.name for path in sorted((tmp_path / "new").iterdir())] == [
        "drawn-4-000000.png",
        "drawn-4-000001.png",
    ]


def test_blender_renders_alpha_colour_and_depth(tmp_path: Path) -> None:
    packages = blender_packages()
    if packages is None and not find_spec("bpy"):
        pytest.skip("Blender's module is not installed")
    words = ["--out", f"{tmp_path}", "--seed", "1", "--count", "1", "--blender"]
    done = subprocess.run(
        render_command(*words, "--side", "64", "--samples", "2", blender=packages),
        capture_output=True,
        text=True,
        timeout=300,
    )
    assert done.returncode == 0, done.stderr
    source = read_source(tmp_path / "rendered-1-000000.png")
    assert 0.02 < source.alpha.mean() < 0.98
    depth = read_depth(tmp_path / "rendered-1-000000.exr")
    near = 1 / depth.disparity[depth.disparity > 0]
    assert 3 < near.min() <= near.max() < 9  # the subject stands 6 units from the camera


def test_without_blender_one_sentence_says_what_to_do(tmp_path: Path) -> None:
    if find_spec("bpy"):
        pytest.skip("Blender's module is installed")
    words = ["--out", f"{tmp_path}", "--seed", "1", "--count", "1", "--blender"]
    done = subprocess.run(render_command(*words), capture_output=True, text=True, timeout=120)
    assert done.returncode != 0
    assert "pip install" in done.stderr
    assert "Traceback" not in done.stderr
    assert not list(tmp_path.iterdir())


def test_scenes_hold_to_their_truth(data: Path, tmp_path: Path) -> None:
    samples = EdgeSamples(recipe(), data, tmp_path)
    for number in range(6):
        scene = samples.scene(number)
        assert scene.picture.shape == (96, 96, 3)
        assert (scene.alpha[scene.trimap == 255] > 0.98).all()
        assert (scene.alpha[scene.trimap == 0] < 0.02).all()
        sides = [(scene.trimap == value).any() for value in (0, 128, 255)]
        assert all(sides)


def test_samples_are_made_once_and_pure(data: Path, tmp_path: Path) -> None:
    made = EdgeSamples(recipe(), data, tmp_path / "a").sample(1)
    assert made.shape == (4 + HINTS, 96, 96)
    again = EdgeSamples(recipe(), data, tmp_path / "b").sample(1)
    assert np.array_equal(made, again)
    held_back = EdgeSamples(recipe(), data, tmp_path / "a", dev=True).sample(1)
    assert not np.array_equal(made, held_back)
    known = made[HINT][:2].max(0) > 0
    assert np.array_equal(made[HINT][2][known], np.rint(made[TRUTH][0][known] / 255) * 255)
    kept = tmp_path / "a/samples/000001.npy"
    marked = np.load(kept)
    marked[PICTURE] = 7
    np.save(kept, marked)
    assert (EdgeSamples(recipe(), data, tmp_path / "a").sample(1)[PICTURE] == 7).all()


def test_rendered_subjects_are_used(data: Path, tmp_path: Path) -> None:
    (data / "sources").mkdir(exist_ok=True)
    for number in range(16):
        alpha = np.zeros((120, 120), np.float32)
        cv2.circle(alpha, (60, 60), 30, 1.0, -1, cv2.LINE_AA)
        green = np.zeros((120, 120, 3), np.float32)
        green[..., 1] = 1
        write_source(Source(green, alpha), data / f"sources/{number}.png")

    def greens(**changes: object) -> int:
        samples = EdgeSamples(recipe(**changes), data, tmp_path)
        scenes = [samples.scene(number) for number in range(12)]
        colours = [scene.foreground[scene.alpha > 0.9].mean(0) for scene in scenes]
        return sum(bool(g > 1.5 * max(r, b)) for r, g, b in colours)

    assert greens(sources=("sources",)) > greens()


def test_a_run_goes_on_where_it_stopped(data: Path, tmp_path: Path) -> None:
    whole = EdgeRun(recipe(), data, tmp_path / "whole", hours=None)
    whole.judge = lambda: 0.0  # type: ignore[method-assign]
    whole.start(lambda network: None)
    assert whole.train(lambda line: None)

    parts = EdgeRun(recipe(), data, tmp_path / "parts", hours=None)
    parts.judge = lambda: 0.0  # type: ignore[method-assign]
    parts.start(lambda network: None)
    loss = parts.loss

    def three() -> torch.Tensor:
        parts.stopping = parts.index == 2
        return loss()

    parts.loss = three  # type: ignore[method-assign]
    assert not parts.train(lambda line: None)
    resumed = EdgeRun(recipe(), data, tmp_path / "parts", hours=None)
    resumed.judge = lambda: 0.0  # type: ignore[method-assign]
    resumed.start(lambda network: pytest.fail("it started anew"))
    assert resumed.index == 3
    assert resumed.train(lambda line: None)
    ours, theirs = whole.result().state_dict(), resumed.result().state_dict()
    for name, values in ours.items():
        torch.testing.assert_close(theirs[name], values, atol=1e-5, rtol=1e-3)


def test_training_brings_alpha_nearer_the_truth(
    data: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("mattelier.train.edge_samples._DEV", 2)
    run = EdgeRun(recipe(batches=60, samples=2, rate=2e-3, ema=0.9), data, tmp_path, hours=None)
    run.dev = run.samples  # what it has seen: little is learned in seconds
    run.start(lambda network: None)
    before = run.judge()
    run.train(lambda line: None)
    assert run.judge() > before + 0.5


def solved() -> tuple[np.ndarray, np.ndarray, np.ndarray, np.ndarray]:
    """A picture, known subject and background, and a solved alpha; sides of no round number."""
    random = np.random.default_rng(1)
    picture = random.random((70, 501, 3)).astype(np.float32)
    subject, background = np.zeros((70, 501), bool), np.zeros((70, 501), bool)
    subject[:20], background[50:] = True, True
    alpha = np.where(subject, 1, random.random((70, 501)) * ~background)
    return picture, subject, background, alpha.astype(np.float32)


def as_network(module: torch.nn.Module) -> Callable[[np.ndarray, np.ndarray], np.ndarray]:
    @torch.no_grad()
    def run(picture: np.ndarray, hint: np.ndarray) -> np.ndarray:
        return np.asarray(module(torch.from_numpy(picture), torch.from_numpy(hint)))

    return run


def test_a_new_network_corrects_nothing() -> None:
    picture, subject, background, alpha = solved()
    result = corrected(picture, subject, background, alpha, as_network(EdgeNet().eval()))
    np.testing.assert_allclose(result, alpha, atol=1e-6)


def test_corrections_change_the_unknown_only() -> None:
    picture, subject, background, alpha = solved()
    network = EdgeNet().eval()
    torch.nn.init.constant_(network.tail.bias, 0.25)
    result = corrected(picture, subject, background, alpha, as_network(network))
    known = subject | background
    assert np.array_equal(result[known], alpha[known])
    np.testing.assert_allclose(result[~known], np.minimum(alpha[~known] + 0.25, 1), atol=1e-5)


def test_the_command_trains_and_exports(
    data: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setattr("mattelier.train.edge_samples._DEV", 1)
    lines = ['task = "edge"', "seed = 1", "batches = 2", 'scenes = ["scenes"]']
    lines += ["samples = 1", "side = 96", "window = 64", "batch = 1"]
    (tmp_path / "tiny.toml").write_text("\n".join(lines))
    command = ["train", "--recipe", f"{tmp_path}/tiny.toml", "--data", f"{data}"]
    command += ["--run", f"{tmp_path}/run"]
    assert main([*command, "--start", f"{tmp_path}/tiny.toml"]) == 2
    assert "drop --start" in capsys.readouterr().err
    assert not (tmp_path / "run").exists()

    def nudged(network: EdgeNet, *rest: object) -> None:
        for values in network.tail.parameters():  # zeros would be left out of the graph
            torch.nn.init.normal_(values, 0, 0.1)
        export(network, *rest)  # type: ignore[arg-type]

    monkeypatch.setattr("mattelier.train.edge_export.export", nudged)
    assert main([*command, "--minutes", "5"]) == 0
    told = capsys.readouterr()
    assert "dev" in told.err
    assert told.out.strip() == f"{tmp_path}/run/model"
    assert {path.name for path in (tmp_path / "run/model").iterdir()} == {
        "model.onnx",
        "model.safetensors",
    }


def test_the_network_is_small() -> None:
    assert sum(values.numel() for values in EdgeNet().parameters()) <= 1_000_000


def test_the_shipped_recipe_can_be_read() -> None:
    assert load_edge_recipe(RECIPES / "edge.toml").scenes


@pytest.mark.parametrize(
    ("text", "complaint"),
    [
        ("seed = 1", "incomplete"),
        ("colour = 1", "unknown keys: colour"),
        ('seed = 1\nbatches = 1\nscenes = ["a"]\nwindow = 30', "multiple of 16"),
        ("seed = [", "cannot be read"),
    ],
)
def test_bad_recipes_are_refused(tmp_path: Path, text: str, complaint: str) -> None:
    (tmp_path / "bad.toml").write_text(f'task = "edge"\n{text}\n')
    with pytest.raises(UsageError, match=complaint):
        load_edge_recipe(tmp_path / "bad.toml")


def test_export_runs_the_same_weights(tmp_path: Path) -> None:
    torch.manual_seed(1)
    network = EdgeNet((8, 8, 8, 8)).eval()
    for values in network.tail.parameters():  # zeros would be left out of the graph
        torch.nn.init.normal_(values, 0, 0.1)
    export(network, tmp_path, "mine")
    compiled = (
        import_openvino()
        .Core()
        .compile_model(str(tmp_path / "mine.onnx"), "CPU", {"INFERENCE_PRECISION_HINT": "f32"})
    )
    random = np.random.default_rng(0)
    for size in ((2 * FOLD, 3 * FOLD), (FOLD, 5 * FOLD)):
        picture = random.random((1, 3, *size), np.float32)
        hint = random.random((1, HINTS, *size), np.float32)
        with torch.no_grad():
            expected = network(torch.from_numpy(picture), torch.from_numpy(hint)).clamp(0, 1)
        np.testing.assert_allclose(compiled([picture, hint])[0], expected.numpy(), atol=1e-5)
