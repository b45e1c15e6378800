"""Networks in transformers' folders: as their own code runs them, through our doors."""

from __future__ import annotations

import json
import os
from collections.abc import Callable
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import numpy as np
import pytest
import zoo_folders
from numpy.typing import NDArray

from mattelier.catalogue import Input, Output, Store
from mattelier.commands.main import main
from mattelier.engines.objects import find_objects
from mattelier.engines.open import open_model
from mattelier.engines.open_model import OpenModel
from mattelier.engines.prompt import ask
from mattelier.matting.hint import make_hint
from mattelier.matting.matte import estimate
from mattelier.matting.meant import resolve
from mattelier.requests import HintRequest, MatteRequest, Point
from mattelier.types.colour import View
from mattelier.types.errors import ModelError, UsageError
from mattelier.types.picture import Picture
from mattelier.types.progress import heard_by

torch = pytest.importorskip("torch")
pytest.importorskip("transformers")

HEIGHT, WIDTH = 90, 120
TOLERANCE = 1e-4  # of the range of what the network gives
IMAGENET = np.array([0.485, 0.456, 0.406]), np.array([0.229, 0.224, 0.225])
HALF = np.array([0.5, 0.5, 0.5]), np.array([0.5, 0.5, 0.5])

Values = NDArray[np.float32]


@pytest.fixture(scope="module")
def saved(tmp_path_factory: pytest.TempPathFactory) -> Callable[[str], tuple[Any, Path]]:
    """A kind's own network, and the folder it was saved into."""
    done: dict[str, tuple[Any, Path]] = {}

    def get(kind: str) -> tuple[Any, Path]:
        if kind not in done:
            folder = tmp_path_factory.mktemp(kind)
            done[kind] = zoo_folders.write(kind, folder), folder
        return done[kind]

    return get


def picture() -> Picture:
    random = np.random.default_rng(3)
    coarse = random.uniform(0, 1, (9, 12, 3)).astype(np.float32)
    import cv2

    smooth = cv2.resize(coarse, (WIDTH, HEIGHT), interpolation=cv2.INTER_CUBIC)
    return Picture((np.clip(smooth, 0, 1) * 255).astype(np.uint8))


def shown(height: int, width: int, numbers: tuple[Any, Any] = IMAGENET) -> Any:
    """The picture as the networks' authors would give it."""
    samples = (View(picture()).resize(height, width) - numbers[0]) / numbers[1]
    return torch.from_numpy(samples.transpose(2, 0, 1)[None].astype(np.float32))


def assert_same(ours: Values, theirs: Any) -> None:
    expected = theirs.detach().numpy()
    assert ours.shape == expected.shape
    spread = float(np.ptp(expected))
    assert expected.std() > 0.01 * spread > 1e-5, "the answer is the same everywhere"
    assert np.abs(ours - expected).max() <= TOLERANCE * spread


def run(folder: Path, **inputs: Values) -> dict[str, Values]:
    model = open_model(folder, Store(), "cpu")
    from mattelier.engines.preprocess import network_size, preprocess

    size = network_size(model.input, HEIGHT, WIDTH)
    return model.run({"picture": preprocess(model.input, View(picture()), *size), **inputs})


@pytest.mark.parametrize(("kind", "size"), [("mask2former", (64, 64)), ("maskformer", (64, 96))])
def test_queries_as_their_own_code_gives_them(saved: Any, kind: str, size: Any) -> None:
    official, folder = saved(kind)
    with torch.inference_mode():
        answer = official(pixel_values=shown(*size))
    ours = run(folder)
    assert_same(ours["masks"], answer.masks_queries_logits[0].sigmoid())
    assert_same(ours["scores"], answer.class_queries_logits[0].softmax(-1)[:, :-1])


def test_classes_as_their_own_code_gives_them(saved: Any) -> None:
    official, folder = saved("segformer")
    with torch.inference_mode():
        answer = official(pixel_values=shown(64, 64))
    assert_same(run(folder)["classes"], answer.logits[0].softmax(0))


def test_depth_as_its_own_code_gives_it(saved: Any) -> None:
    official, folder = saved("depth_anything")
    with torch.inference_mode():
        answer = official(pixel_values=shown(70, 98))
    assert_same(run(folder)["depth"][:, 0], answer.predicted_depth)


@pytest.mark.parametrize("kind", ["sam", "sam2"])
@pytest.mark.parametrize("asked", ["click", "clicks", "box"])
def test_prompts_as_their_own_code_answers_them(saved: Any, kind: str, asked: str) -> None:
    official, folder = saved(kind)
    height, width = (96, 128) if kind == "sam" else (128, 128)
    square = torch.zeros(1, 3, 128, 128)
    square[:, :, :height, :width] = shown(height, width)
    points = np.array([[40, 50], [90, 30]], np.float32)[: 1 if asked == "click" else 2]
    signs = np.array([1, 0], np.float32)[: len(points)]
    box = np.array([20, 10, 100, 90], np.float32)
    if asked == "box":
        prompts = {"input_boxes": torch.from_numpy(box)[None, None]}
        points, signs = points[:0], signs[:0]
    else:
        prompts = {
            "input_points": torch.from_numpy(points)[None, None],
            "input_labels": torch.from_numpy(signs)[None, None].int(),
        }
        box = box[:0]
    with torch.inference_mode():
        answer = official(pixel_values=square, multimask_output=asked == "click", **prompts)
        best = answer.pred_masks[0, 0, int(answer.iou_scores[0, 0].argmax())].sigmoid()
        large = torch.nn.functional.interpolate(
            best[None, None], (128, 128), mode="bilinear", align_corners=False
        )[0, 0, :height, :width]
    model = open_model(folder, Store(), "cpu")
    none = np.zeros((0, 0), np.float32)
    ours = ask(model, View(picture()), points=points, signs=signs, box=box, known=none)
    inner = slice(0, height - 4), slice(0, width - 4)  # at the end ours does not see the padding
    assert_same(ours[inner], large[inner])


def test_a_prompt_looks_once_and_answers_each_click(saved: Any) -> None:
    _, folder = saved("sam2")
    model = open_model(folder, Store(), "cpu")
    looks = []
    inner = model.session.run

    class Counting:
        name, device = "torch", "cpu"

        def run(self, inputs: Any, entry: str = "forward") -> Any:
            looks.append(entry)
            return inner(inputs, entry)

    from dataclasses import replace

    model = replace(model, session=Counting())
    view = View(picture())
    answers = [
        estimate(view, make_hint(HEIGHT, WIDTH, points=(Point(x, 40),)), model, "balanced")
        for x in (20, 60, 100)
    ]
    assert looks == ["look", "ask", "ask", "ask"]
    assert np.abs(answers[0] - answers[2]).max() > 0.01
    with pytest.raises(UsageError, match="has to be told where"):
        estimate(view, None, model, "balanced")


def test_a_trimap_network_as_its_own_code_runs_it_and_the_known_stays(saved: Any) -> None:
    official, folder = saved("vitmatte")
    model = open_model(folder, Store(), "cpu")
    trimap = np.full((HEIGHT, WIDTH), 0.5, np.float32)
    trimap[:, :40], trimap[:, 80:] = 0, 1
    hint = make_hint(HEIGHT, WIDTH, trimap=trimap)
    assert hint is not None
    from mattelier.engines.preprocess import network_size

    height, width = network_size(model.input, HEIGHT, WIDTH)
    evidence = hint.evidence(height, width)
    ours = run(folder, hint=evidence[None])["alpha"][0, 0]
    known = (evidence > 0.99).astype(np.float32)
    labels = 0.5 + 0.5 * (known[0] - known[1])
    with torch.inference_mode():
        pixels = torch.cat([shown(height, width, HALF), torch.from_numpy(labels)[None, None]], 1)
        answer = official(pixel_values=pixels).alphas[0, 0]
    open_ = labels == 0.5
    assert_same(ours[open_], answer[torch.from_numpy(open_)])
    assert (ours[labels == 0] == 0).all()
    assert (ours[labels == 1] == 1).all()


@pytest.mark.parametrize("kind", ["grounding_dino", "owlv2"])
def test_words_as_their_own_code_finds_them(saved: Any, kind: str) -> None:
    from transformers import AutoTokenizer

    official, folder = saved(kind)
    tokenizer = AutoTokenizer.from_pretrained(folder)
    if kind == "owlv2":  # the picture upper left in a black square
        pixels = torch.from_numpy(-IMAGENET[0] / IMAGENET[1]).float()[None, :, None, None]
        pixels = pixels.repeat(1, 1, 64, 64)
        pixels[:, :, :48] = shown(48, 64)
        tokens = tokenizer(["the red car"], padding="max_length", max_length=16,
                           return_tensors="pt")  # fmt: skip
    else:
        pixels = shown(64, 96)
        tokens = tokenizer(["the red car."], return_tensors="pt")
        assert tokens["input_ids"].tolist() == [[101, 1040, 1041, 1042, 1012, 102]]
    with torch.inference_mode():
        answer = official(pixel_values=pixels, **tokens)
    ours = run(folder, text=np.frombuffer(b"the red car", np.uint8).copy())
    assert_same(ours["scores"][:, 0], answer.logits[0].sigmoid().amax(-1))
    middle = (ours["boxes"][:, :2] + ours["boxes"][:, 2:]) / 2
    if kind == "owlv2":
        middle = middle * [1, 48 / 64]
    assert_same(middle.astype(np.float32), answer.pred_boxes[0, :, :2])


def test_a_picture_that_a_network_cannot_take_is_one_sentence(
    saved: Any, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    """Of the square picture that it is shown, so small a one would see one place alone."""
    monkeypatch.setenv("MATTELIER_MODELS", str(tmp_path / "models"))
    _official, folder = saved("grounding_dino")
    capsys.readouterr()
    assert main(["models", "import", str(folder), "--name", "tiny"]) == 3
    said = capsys.readouterr().err
    assert "mattelier: PyTorch could not run tiny on cpu: Expected more than 1 value" in said
    assert "unexpected" not in said
    assert not list((tmp_path / "models").glob("*"))


def answering(labels: tuple[str, ...] = (), **answer: Values) -> OpenModel:
    """An open network that says the same of every picture."""

    class Fixed:
        name, device = "fixed", "cpu"

        def run(self, inputs: Any, entry: str = "forward") -> Any:
            return answer

    return OpenModel("fixed", "objects", Input(64, "stretch"), Output(), Fixed(), labels=labels)


def test_each_pixel_goes_to_the_object_that_is_surest_of_it() -> None:
    masks = np.zeros((4, 8, 8), np.float32)
    masks[0, :, :4] = 0.9  # the left half
    masks[1, :, 2:] = 0.9  # the rest, and a quarter that is another's: 6 of 8 columns claimed
    masks[2, :, 2:4] = 0.6  # all of it another's
    masks[3, 0, 0] = 0.7  # a corner, unsure
    scores = np.array([[0.1, 0.8], [0.7, 0.2], [0.9, 0.0], [0.2, 0.1]], np.float32)
    model = answering(("tree", "person"), scores=scores, masks=masks)
    found = find_objects(model, View(picture()), 0)
    assert [one.label for one in found] == ["person"]  # 4 of 6 columns of the second are its own
    masks[1, :, :4] = 0
    model = answering(("tree", "person"), scores=scores, masks=masks)
    found = find_objects(model, View(picture()), 0.5)
    assert sorted(one.label for one in found) == ["person", "tree"]
    assert (np.sum([one.mask > 0.5 for one in found], 0) == 1).all()
    assert len(find_objects(model, View(picture()), 0.75)) == 1


def test_classes_are_soft_where_they_meet() -> None:
    shares = np.zeros((3, 8, 8), np.float32)
    shares[0] = np.linspace(1, 0, 8)
    shares[2] = 1 - shares[0]
    found = find_objects(answering(("sky", "sea", "sand"), classes=shares), View(picture()), 0)
    assert {one.label for one in found} == {"sky", "sand"}
    assert np.allclose(np.sum([one.mask for one in found], 0), 1)
    assert np.allclose(next(one for one in found if one.label == "sky").mask, shares[0])


def test_answers_that_are_no_numbers_are_refused() -> None:
    shares = np.full((2, 8, 8), np.nan, np.float32)
    with pytest.raises(ModelError, match="not numbers"):
        find_objects(answering(classes=shares), View(picture()), 0)


def mattelier(*arguments: object) -> int:
    return main(list(map(str, arguments)))


def test_a_folder_comes_in_and_cuts_out_by_a_click(
    saved: Any, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    from PIL import Image

    monkeypatch.setenv("MATTELIER_MODELS", str(tmp_path / "models"))
    _, folder = saved("sam2")
    Image.fromarray(picture().colour).save(tmp_path / "photo.png")
    (folder / "README.md").write_text("---\nlicense: apache-2.0\n---\n# SAM\n")
    (folder / "evil.py").write_text("raise SystemExit\n")
    assert mattelier("models", "import", folder, "--name", "click") == 0
    assert "SAM 2" in capsys.readouterr().err
    kept = sorted(path.name for path in (tmp_path / "models" / "click").iterdir())
    assert kept == ["card.toml", "config.json", "model.safetensors", "preprocessor_config.json"]
    assert Store().card("click").licence.weights == "apache-2.0"
    assert mattelier("models", "list") == 0
    lines = capsys.readouterr().out.splitlines()
    [line] = [line for line in lines if line.startswith("click ")]
    assert "proven equal" in line
    arguments = ["matte", tmp_path / "photo.png", "--model", "click", "-o"]
    assert mattelier(*arguments, tmp_path / "a.png", "--point", "60,40") == 0
    with Image.open(tmp_path / "a.png") as image:
        assert image.size == (WIDTH, HEIGHT)
    assert mattelier(*arguments, tmp_path / "b.png") == 2
    assert "has to be told where the subject is" in capsys.readouterr().err
    assert not (tmp_path / "b.png").exists()


def test_words_find_a_box_a_prompt_network_draws_it_and_the_edge_is_ours(
    saved: Any, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    from PIL import Image

    monkeypatch.setenv("MATTELIER_MODELS", str(tmp_path / "models"))
    Image.fromarray(picture().colour).save(tmp_path / "photo.png")
    words = ["matte", tmp_path / "photo.png", "--text", "a red car", "-o"]
    assert mattelier(*words, tmp_path / "none.png") == 3
    assert "network" in capsys.readouterr().err
    for kind, name in (("owlv2", "words"), ("sam2", "click")):
        folder = saved(kind)[1]
        (folder / "README.md").write_text("---\nlicense: apache-2.0\n---\n")
        assert mattelier("models", "import", folder, "--name", name) == 0
    mattes = {}
    for name, flags in {"words": (), "sam": ("--model", "click")}.items():
        assert mattelier(*words, tmp_path / f"{name}.png", "--json", *flags) == 0
        told = json.loads(capsys.readouterr().out.splitlines()[-1])
        assert told["ok"]
        with Image.open(tmp_path / f"{name}.png") as image:
            mattes[name] = np.asarray(image)
        assert mattes[name].shape == (HEIGHT, WIDTH)
    assert mattelier("models", "remove", "words") == 0
    assert mattelier(*words, tmp_path / "gone.png") == 3
    assert not (tmp_path / "gone.png").exists()


def test_words_that_may_mean_several_places_say_so() -> None:
    """The surest one, the same again, another, one inside the first, and one that is unsure."""
    boxes = np.array(
        [(0.1, 0.1, 0.3, 0.5), (0.12, 0.1, 0.3, 0.5), (0.6, 0.1, 0.8, 0.5), (0.1, 0.1, 0.2, 0.2),
         (0.6, 0.6, 0.9, 0.9)],
        np.float32,
    )  # fmt: skip
    scores = np.array([[0.8], [0.7], [0.6], [0.75], [0.4]], np.float32)
    asked = MatteRequest(hint=HintRequest(text="a red car"))
    for sureness, told in ((1, ["may mean 2 places"]), (0.2, ["It is only 16%", "may mean 2"])):
        finder = answering(scores=scores * np.float32(sureness), boxes=boxes)
        models = SimpleNamespace(
            open=lambda *_, finder=finder: finder, store=SimpleNamespace(cards=list)
        )
        with heard_by(lambda fraction, stage: None) as said:
            hint = resolve(asked, None, picture(), models)
        assert [begin in one for begin, one in zip(told, said, strict=True)] == [True] * len(told)
        assert hint is not None
        assert hint.box is not None
        assert round(hint.box.x) == 12


def damaged(saved: Any, tmp_path: Path, change: Callable[[Path], object]) -> Path:
    import shutil

    folder = tmp_path / "folder"
    shutil.copytree(saved("segformer")[1], folder)
    change(folder)
    return folder


def _without_weights(folder: Path) -> None:
    from safetensors.numpy import load_file, save_file

    state = load_file(folder / "model.safetensors")
    del state["decode_head.classifier.weight"]
    save_file(state, folder / "model.safetensors", {"format": "pt"})


def _config(**values: Any) -> Callable[[Path], object]:
    def change(folder: Path) -> None:
        path = folder / "config.json"
        path.write_text(json.dumps(json.loads(path.read_text()) | values))

    return change


def _half(folder: Path) -> None:
    path = folder / "model.safetensors"
    path.write_bytes(path.read_bytes()[: path.stat().st_size // 2])


def _pickled_code(folder: Path) -> None:
    import pickle

    class Evil:
        def __reduce__(self) -> Any:
            return os.mkdir, (str(folder / "ran"),)

    (folder / "model.safetensors").unlink()
    (folder / "pytorch_model.bin").write_bytes(pickle.dumps({"a": Evil()}))


@pytest.mark.parametrize(
    ("change", "sentence"),
    [
        (_without_weights, "1 are missing, such as decode_head.classifier.weight"),
        (_half, "cannot be built"),
        (_config(model_type="own", auto_map={"AutoModel": "own.Net"}), "wants code of its own"),
        (_config(model_type="bert"), "of the kind 'bert'"),
        (_config(hidden_sizes=[8, 16, 16, 32]), "do not fit its configuration|cannot be built"),
        (lambda f: (f / "config.json").write_text("["), "cannot be read"),
        (lambda f: (f / "preprocessor_config.json").unlink(), "lacks preprocessor_config.json"),
        (
            lambda f: (f / "preprocessor_config.json").write_text('{"size": 64, "image_mean": 3}'),
            "what cannot be",
        ),
        (_pickled_code, "could run any code"),
    ],
)
def test_a_bad_folder_gets_one_sentence_and_leaves_nothing(
    saved: Any, tmp_path: Path, change: Callable[[Path], object], sentence: str,
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str],
) -> None:  # fmt: skip
    folder = damaged(saved, tmp_path, change)
    monkeypatch.setenv("MATTELIER_MODELS", str(tmp_path / "models"))
    assert mattelier("models", "import", folder, "--name", "bad") == 3
    import re

    text = " ".join(capsys.readouterr().err.split())
    assert re.search(sentence, text), text
    assert str(folder) in text  # and not the copy that it was tried in
    assert ".import-" not in text
    assert "Traceback" not in text
    assert not (tmp_path / "models" / "bad").exists()
    assert not (folder / "ran").exists()
    assert not any((tmp_path / "models").glob(".import-*"))


def test_terms_against_commercial_use_are_accepted_first(
    saved: Any, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    def restrict(folder: Path) -> None:
        (folder / "README.md").write_text("---\nlicense: cc-by-nc-4.0\n---\n")

    folder = damaged(saved, tmp_path, restrict)
    monkeypatch.setenv("MATTELIER_MODELS", str(tmp_path / "models"))
    assert mattelier("models", "import", folder, "--name", "terms") == 2
    assert "--accept-licence" in capsys.readouterr().err
    assert mattelier("models", "import", folder, "--name", "terms", "--accept-licence") == 0


def test_a_folder_may_be_named_without_being_brought_in(saved: Any) -> None:
    from mattelier.engines.model_cache import ModelCache

    cache = ModelCache()
    assert cache.open(str(saved("sam2")[1]), "matte", "cpu").input.needs == "prompt"
    with pytest.raises(ModelError, match="tells no objects apart"):
        cache.open(str(saved("sam2")[1]), "objects", "cpu")
