"""Networks that a user brought in, in a real GIMP: offered in its dialogs, and at work there."""

from __future__ import annotations

import json
import shutil
import tempfile
from collections.abc import Iterator
from pathlib import Path

import numpy as np
import pytest
import zoo_folders
import zoo_weights
from balls import HEIGHT, WIDTH, photo
from debian_root import UnavailableError, skip_or_fail
from in_gimp import Batch, cases_in, make_pictures
from PIL import Image
from real_gimp import INSIDE, RealGimp, end_worker, real_gimp
from test_erase import graph as filling_graph

import mattelier
from mattelier.commands.main import main

CASES, WINDOW_CASES = cases_in("imported"), cases_in("imported_windows")
SECONDS = 400
MATTE, OBJECTS = "my-isnet", "my-segformer"
PROMPT, TRIMAP, FILL, RESTORE = "my-sam", "my-vitmatte", "my-filler", "my-compact"
FIND, WORDS = "my-finder", "a red car"
_SURE = 8  # what a class's weights are multiplied by, so that a random network is sure of itself


@pytest.fixture(scope="module")
def networks(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A user's folder of models of random scaled weights, one of each contract with a door here."""
    torch = pytest.importorskip("torch")
    pytest.importorskip("transformers")
    folder = tmp_path_factory.mktemp("brought")
    file, published = folder / "isnet.pth", zoo_weights.published("isnet").state
    torch.save({k: torch.from_numpy(np.asarray(v, np.float32)) for k, v in published.items()}, file)
    model = zoo_folders.write("segformer", folder / "segformer")
    with torch.no_grad():
        model.decode_head.classifier.weight.mul_(_SURE)
    model.save_pretrained(folder / "segformer")
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv("MATTELIER_MODELS", str(folder / "models"))
        assert main(["models", "import", str(file), "--name", MATTE, "--size", "96"]) == 0
        assert main(["models", "import", str(folder / "segformer"), "--name", OBJECTS]) == 0
        for kind, name in (("sam", PROMPT), ("vitmatte", TRIMAP)):
            zoo_folders.write(kind, folder / kind)
            assert main(["models", "import", str(folder / kind), "--name", name]) == 0
        zoo_folders.write_finder(folder / "finder")
        assert main(["models", "import", str(folder / "finder"), "--name", FIND]) == 0
        filling_graph(folder / "filler.onnx", 1.0)
        assert main(["models", "import", str(folder / "filler.onnx"), "--name", FILL]) == 0
        compact = zoo_weights.published("compact").state
        file = folder / "compact.pth"
        torch.save({"params": {k: torch.from_numpy(v) for k, v in compact.items()}}, file)
        assert main(["models", "import", str(file), "--name", RESTORE]) == 0
    return folder / "models"


def at_home(user: RealGimp, networks: Path) -> Path:
    """The user's stage, with these networks in their home."""
    shutil.copytree(networks, user.home / ".local" / "share" / "mattelier" / "models")
    stage = user.home / "stage"
    stage.mkdir()
    make_pictures(stage)
    return stage


@pytest.fixture(scope="module")
def batch_of_imported(gimp, networks) -> Iterator[Batch]:
    with tempfile.TemporaryDirectory(prefix="mtgimp") as folder:
        user = gimp.another_user(Path(folder))
        stage = at_home(user, networks)
        user.run(stage, *CASES, timeout=SECONDS, log=stage / "gimp.log")
        try:
            yield Batch(stage, stage / "gimp.log")
        finally:
            end_worker(user)


@pytest.mark.parametrize("case", CASES)
def test_in_gimp(batch_of_imported, case):
    batch_of_imported.check(case)


def dumped(batch: Batch, case: str, name: str, scale: int = 1, channels: int = 1) -> np.ndarray:
    raw = np.fromfile(batch.folder / f"imported.{case}-{name}.raw", np.uint8)
    shape = (scale * HEIGHT, scale * WIDTH) + ((channels,) if channels > 1 else ())
    return raw.reshape(shape).astype(int)


def test_the_mask_is_the_command_lines_own(batch_of_imported, networks, tmp_path, monkeypatch):
    monkeypatch.setenv("MATTELIER_MODELS", str(networks))
    Image.fromarray(photo()).save(tmp_path / "balls.png")
    file, made = tmp_path / "matte.png", dumped(batch_of_imported, "case_one_cuts_out", "matte")
    assert main(["matte", str(tmp_path / "balls.png"), "-o", str(file), "--model", MATTE]) == 0
    with Image.open(file) as matte:
        truth = np.asarray(matte.convert("L")).astype(int)
    assert np.abs(made - truth).max() <= 1
    assert made.std() > 3  # it is no flat field


@pytest.mark.parametrize(
    ("case", "model"),
    [
        ("case_one_that_is_asked_by_prompts_cuts_out_what_is_selected", PROMPT),
        ("case_one_that_wants_a_trimap_cuts_out_what_is_selected", TRIMAP),
    ],
)
def test_the_hinted_mask_is_pythons_own(batch_of_imported, networks, monkeypatch, case, model):
    monkeypatch.setenv("MATTELIER_MODELS", str(networks))
    made, chosen = (dumped(batch_of_imported, case, name) for name in ("matte", "selection"))
    assert 0 < chosen.mean() < 100  # a part of the picture
    hint = chosen.astype(np.uint8)
    own = mattelier.matte(Image.fromarray(photo()), hint, hint_as="selection", model=model)
    assert own.report.model == model
    assert np.abs(made - 255 * alpha(own)).max() <= 1.5
    assert made.std() > 3


def test_what_words_mean_is_pythons_own(batch_of_imported, networks, monkeypatch):
    monkeypatch.setenv("MATTELIER_MODELS", str(networks))
    made = dumped(batch_of_imported, "case_what_words_mean_becomes_a_mask_or_a_selection", "matte")
    own = mattelier.matte(Image.fromarray(photo()), text=WORDS, quality="fast")
    assert np.abs(made - 255 * alpha(own)).max() <= 1.5
    assert made.std() > 3


def alpha(result: mattelier.Result) -> np.ndarray:
    values = np.asarray(result.alpha)
    return values / np.iinfo(values.dtype).max if values.dtype.kind == "u" else values


@pytest.mark.parametrize(
    ("case", "scale"),
    [
        ("case_one_that_fills_does_so_where_something_was", 1),
        ("case_one_that_restores_enlarges", 4),
    ],
)
def test_the_picture_is_pythons_own(batch_of_imported, networks, monkeypatch, case, scale):
    monkeypatch.setenv("MATTELIER_MODELS", str(networks))
    made = dumped(batch_of_imported, case, "picture", scale, 3)
    picture = Image.fromarray(photo())
    if "fills" in case:
        mask = dumped(batch_of_imported, case, "selection").astype(np.uint8)
        own = mattelier.erase(picture, mask, model=FILL)
        assert np.abs(made - photo()).max() > 60  # orange, where a ball was
    else:
        own = mattelier.upscale(picture, 4, model=RESTORE)
    assert np.abs(made - own.picture.colour).max() <= 1.5


def test_the_channels_are_the_classes(batch_of_imported, networks, monkeypatch):
    monkeypatch.setenv("MATTELIER_MODELS", str(networks))
    case = "case_classes_become_channels_and_selections"
    names = json.loads((batch_of_imported.folder / f"imported.{case}.json").read_text())["names"]
    truth = mattelier.objects(Image.fromarray(photo()), objects_model=OBJECTS).objects
    assert [name.lower() for name in names] == [one.label for one in truth]
    assert set(names) <= {name.capitalize() for name in zoo_folders.NAMES.values()}
    for name, one in zip(names, truth, strict=True):
        made = dumped(batch_of_imported, case, name)
        assert np.abs(made - 255 * one.mask).max() <= 1.5
        assert np.ptp(made) > 20


@pytest.fixture(scope="module")
def window(networks, artefacts) -> Iterator[Batch]:
    try:
        with real_gimp(windows=True) as user:
            stage = at_home(user, networks)
            desktop = ["python3", INSIDE / "desktop.py"]
            log = stage / "gimp.log"
            user.run(stage, *WINDOW_CASES, timeout=SECONDS, log=log, before=desktop)
            for picture in stage.glob("*.shot.png"):
                shutil.copy(picture, artefacts / picture.name.replace(".shot", ""))
            yield Batch(stage, log)
    except UnavailableError as error:
        skip_or_fail(error)


@pytest.mark.parametrize("case", WINDOW_CASES)
def test_in_gimps_window(window, case):
    window.check(case)
