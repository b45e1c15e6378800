"""Depth from files, from stereo pairs, from networks, and from a matte alone."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest
from PIL import Image
from run_task import MODELS, run

from mattelier.catalogue import Store
from mattelier.commands.main import main
from mattelier.engines.open import open_model
from mattelier.filters.depth.depth import (
    SUBJECT_DISPARITY,
    background_disparity,
    from_matte,
    from_network,
)
from mattelier.filters.depth.stereo import stereo
from mattelier.media import stills
from mattelier.media.depth_maps import read_depth, write_depth
from mattelier.requests import DepthRequest
from mattelier.types.colour import View
from mattelier.types.depth_map import DepthMap
from mattelier.types.errors import ModelError, PictureError, UsageError
from mattelier.types.picture import Picture

SCENES = Path(__file__).parent / "bokeh_scenes"
PAIRS = Path(__file__).parents[1].parent / "shared" / "data" / "depth"


def ramp() -> DepthMap:
    rows = np.linspace(0, 1, 40, dtype=np.float32)[:, None]
    return DepthMap(np.repeat(rows, 60, 1), False, "made")


@pytest.mark.parametrize("name", ["d.png", "d.tif", "d.exr"])
def test_a_map_that_was_written_is_read_back(tmp_path, name):
    write_depth(tmp_path / name, ramp())
    back = read_depth(tmp_path / name)
    assert not back.metric
    np.testing.assert_allclose(back.disparity, ramp().disparity, atol=1e-4)


def test_a_preview_is_in_colours(tmp_path):
    write_depth(tmp_path / "p.png", ramp(), preview=True)
    colours = np.asarray(Image.open(tmp_path / "p.png")).astype(int)
    near, far = colours[-1, 0], colours[0, 0]
    assert near[0] > near[2]
    assert far[2] > far[0]


def test_blenders_z_is_found_among_the_parts_of_its_file():
    depth = read_depth(SCENES / "table-pinhole.exr")
    assert depth.metric
    # The wall stands 9 m off, the ball in the middle at about 2.4.
    assert 1 / depth.disparity[10, 10] == pytest.approx(9, rel=0.02)
    assert 1 / float(depth.disparity.max()) < 2.2


def test_the_nothing_behind_a_scene_is_infinitely_far(tmp_path):
    import OpenImageIO

    values = np.full((8, 8), 1e10, np.float32)
    values[4:] = 2
    values[0, 0] = np.inf
    spec = OpenImageIO.ImageSpec(8, 8, 1, "float")
    spec.channelnames = ("Z",)
    file = OpenImageIO.ImageOutput.create(str(tmp_path / "z.exr"))
    file.open(str(tmp_path / "z.exr"), spec)
    file.write_image(values[..., None])
    file.close()
    disparity = read_depth(tmp_path / "z.exr").disparity
    assert disparity[:4].max() == 0
    assert (disparity[4:] == 0.5).all()


def test_bad_maps_are_one_sentence(tmp_path):
    (tmp_path / "bad.exr").write_bytes(b"\x76\x2f\x31\x01nonsense")
    Image.new("L", (8, 8), 7).save(tmp_path / "flat.png")
    for name in ("bad.exr", "flat.png", "none.png"):
        with pytest.raises(PictureError, match=name):
            read_depth(tmp_path / name)


def test_a_map_of_another_shape_is_refused(tmp_path):
    write_depth(tmp_path / "d.png", ramp())
    request = DepthRequest(file=str(tmp_path / "d.png"))
    with pytest.raises(UsageError, match="60×40"):
        run(request, Picture(np.zeros((60, 40, 3), np.uint8)))


def standing(top: int, feet: int) -> np.ndarray:
    alpha = np.zeros((200, 300), np.float32)
    alpha[top:feet, 130:170] = 1
    return alpha


def test_the_ground_falls_off_from_the_feet_to_a_horizon():
    disparity = from_matte(standing(60, 180)).disparity
    assert (disparity[70:170, 150] == SUBJECT_DISPARITY).all()
    beside_it = disparity[:, 20]
    assert beside_it[179] == pytest.approx(SUBJECT_DISPARITY, rel=0.02)
    assert (np.diff(beside_it) >= 0).all()
    assert beside_it[60] == 0
    assert 0 < beside_it[140] < 0.8 * SUBJECT_DISPARITY
    assert beside_it[199] > SUBJECT_DISPARITY


@pytest.mark.parametrize(("top", "feet"), [(60, 200), (10, 60)])
def test_no_ground_is_seen_below_a_portrait_or_a_bird(top, feet):
    disparity = from_matte(standing(top, feet)).disparity
    assert set(np.unique(disparity)) == {0, np.float32(SUBJECT_DISPARITY)}


def test_nothing_found_is_all_far():
    assert from_matte(np.zeros((20, 20), np.float32)).disparity.max() == 0


def test_what_is_beside_goes_on_behind_the_subject():
    wall = np.repeat(np.linspace(0.1, 0.3, 120, dtype=np.float32)[None], 100, 0)
    alpha = np.zeros((100, 120), np.float32)
    alpha[20:, 50:70] = 1
    depth = DepthMap(np.where(alpha > 0, np.float32(0.9), wall), False, "x")
    assert np.abs(background_disparity(depth, alpha) - wall).max() < 0.05


def shifted_pair() -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    rng = np.random.default_rng(4)
    texture = rng.integers(0, 255, (160, 320, 3), np.uint8)
    left, right = texture[:, 40:280].copy(), texture[:, 46:286].copy()
    square = rng.integers(0, 255, (60, 70, 3), np.uint8)
    left[50:110, 90:160], right[50:110, 72:142] = square, square
    truth = np.full((160, 240), 6.0)
    truth[50:110, 90:160] = 18
    return left, right, truth


def test_a_stereo_pair_gives_depth():
    left, right, truth = shifted_pair()
    depth = stereo(View(Picture(left)), View(Picture(right)))
    found = depth.disparity / depth.disparity.max() * 18
    assert (np.abs(found - truth) < 1).mean() > 0.93
    assert not depth.metric


def test_a_pair_that_is_none_is_refused():
    left, _, _ = shifted_pair()
    view = View(Picture(left))
    with pytest.raises(UsageError, match="size"):
        stereo(view, View(Picture(left[:, :200].copy())))
    noise = np.random.default_rng(9).integers(0, 255, left.shape, np.uint8)
    with pytest.raises(UsageError, match="hardly match"):
        stereo(view, View(Picture(noise)))


@pytest.mark.skipif(not PAIRS.is_dir(), reason="the Middlebury pairs are not here")
@pytest.mark.parametrize("name", ["cones", "teddy"])
def test_middlebury(name):
    files = {path.stem: path for path in (PAIRS / name).iterdir()}
    depth = stereo(*(View(stills.read(files[key])) for key in ("im2", "im6")))
    truth = np.asarray(Image.open(files["disp2"]).convert("L")).astype(float) / 4
    measured = truth > 0
    found, true = depth.disparity[measured], truth[measured]
    found = found * (found * true).sum() / (found**2).sum()
    assert (np.abs(found - true) > 2).mean() < 0.15
    assert np.corrcoef(found, true)[0, 1] > 0.93


def weights(tmp_path: Path, architecture: str) -> Path:
    """A file as its authors publish it, of random weights."""
    import torch

    torch.manual_seed(1)
    if architecture == "depth-anything":
        from mattelier.networks.depth_anything.network import DepthAnythingV2

        network: torch.nn.Module = DepthAnythingV2()
    else:
        from mattelier.networks.midas.network import MidasSmall

        network = MidasSmall()
    path = tmp_path / f"{architecture}.pt"
    torch.save(network.state_dict(), path)
    return path


# The published counts; MiDaS's file is 81.8 MiB of these and names.
PARAMETERS = {"depth-anything": 24_785_089, "midas": 21_320_545}


@pytest.mark.parametrize("architecture", ["depth-anything", "midas"])
def test_published_layouts_load_and_see(tmp_path, architecture, one_thread):
    import torch

    path = weights(tmp_path, architecture)
    state = torch.load(path, weights_only=True)
    learned = {k: v for k, v in state.items() if "running_" not in k and "num_batches" not in k}
    assert sum(value.numel() for value in learned.values()) == PARAMETERS[architecture]
    network = open_model(path, Store(), "cpu")
    small = {"depth-anything": 70, "midas": 64}[architecture]
    answer = network.run({"picture": np.zeros((1, 3, small, 2 * small), np.float32)})["depth"][0, 0]
    assert answer.shape == (small, 2 * small)
    assert answer.min() >= 0
    if architecture == "midas":
        picture = np.random.default_rng(0).integers(0, 255, (90, 160, 3), np.uint8)
        depth = from_network(View(Picture(picture)), network)
        assert (depth.method, depth.disparity.shape) == ("midas", (128, 256))
        assert 0 <= depth.disparity.min() <= depth.disparity.max() <= 1


def test_weights_that_are_none_are_refused(tmp_path):
    import pickle

    import torch

    class Evil:
        def __reduce__(self):
            return (Path.touch, (tmp_path / "ran",))

    (tmp_path / "evil.pt").write_bytes(pickle.dumps(Evil()))
    torch.save({"layer.weight": torch.zeros(3)}, tmp_path / "other.pth")
    for name, word in (("evil.pt", "refused"), ("other.pth", "layout"), ("none.pth", "no weights")):
        with pytest.raises(ModelError, match=word):
            MODELS.open(str(tmp_path / name), "depth", "cpu")
    assert not (tmp_path / "ran").exists()


def test_a_network_for_mattes_makes_no_depth():
    with pytest.raises(UsageError, match="no depth"):
        run(DepthRequest(model="cutout"), Picture(np.zeros((60, 40, 3), np.uint8)))


@pytest.mark.parametrize("name", ["depth-anything-v2-small", "midas-v2.1-small"])
def test_the_cards_say_where_networks_are_from(name):
    card = Store().card(name)
    assert card.task == "depth"
    assert card.fetchable
    assert not card.licence.needs_acceptance


def test_the_command_writes_sixteen_bits(tmp_path):
    picture = np.full((80, 120, 3), (40, 90, 160), np.uint8)
    picture[20:70, 40:80] = (220, 120, 40)
    Image.fromarray(picture).save(tmp_path / "a.png")
    flags = ["--depth-model", "matte", "--box", "40,20,40,50", "-o", str(tmp_path / "d.png")]
    assert main(["depth", str(tmp_path / "a.png"), *flags]) == 0
    depth = np.asarray(Image.open(tmp_path / "d.png"))
    assert depth.dtype == np.uint16 or depth.dtype == np.int32
    assert depth.shape == (80, 120)
    assert depth[45, 60] > depth[5, 5]


def test_the_command_takes_a_stereo_pair(tmp_path):
    left, right, _ = shifted_pair()
    Image.fromarray(left).save(tmp_path / "l.png")
    Image.fromarray(right).save(tmp_path / "r.png")
    flags = ["--right", str(tmp_path / "r.png"), "-o", str(tmp_path / "d.exr")]
    assert main(["depth", str(tmp_path / "l.png"), *flags]) == 0
    disparity = read_depth(tmp_path / "d.exr").disparity
    assert disparity[80, 120] > 2 * disparity[20, 30]
    preview = ["--preview", "--right", str(tmp_path / "r.png"), "-o", str(tmp_path / "p.exr")]
    assert main(["depth", str(tmp_path / "l.png"), *preview]) == 2


def test_a_flat_silhouette_is_no_depth(tmp_path, monkeypatch, capsys):
    """Without a depth network the command says which to fetch; the matte is asked for by name."""
    monkeypatch.setenv("MATTELIER_MODELS", str(tmp_path / "none"))
    picture = tmp_path / "a.png"
    Image.fromarray(np.full((40, 60, 3), 90, np.uint8)).save(picture)
    assert main(["depth", str(picture), "-o", str(tmp_path / "depth.png")]) == 3
    assert "mattelier models get depth-anything-v2-small" in capsys.readouterr().err
    assert not (tmp_path / "depth.png").exists()
    flags = ["--depth-model", "matte", "-o", str(tmp_path / "depth.png")]
    assert main(["depth", str(picture), *flags]) == 0


def test_a_depth_network_that_was_brought_in_is_the_one_that_is_here(tmp_path, monkeypatch, capsys):
    """Nobody has to name it again, whatever it was called."""
    pytest.importorskip("transformers")
    import zoo_folders

    monkeypatch.setenv("MATTELIER_MODELS", str(tmp_path / "models"))
    zoo_folders.write("depth_anything", tmp_path / "network")
    assert main(["models", "import", str(tmp_path / "network"), "--name", "mine"]) == 0
    picture = tmp_path / "a.png"
    samples = np.random.default_rng(4).integers(0, 256, (6, 8, 3), np.uint8)
    Image.fromarray(samples).resize((120, 90)).save(picture)
    capsys.readouterr()
    for name, flags in (("auto", []), ("named", ["--depth-model", "mine"])):
        assert main(["depth", str(picture), "-o", str(tmp_path / f"{name}.exr"), *flags]) == 0
    auto, named = (read_depth(tmp_path / f"{n}.exr").disparity for n in ("auto", "named"))
    np.testing.assert_array_equal(auto, named)
