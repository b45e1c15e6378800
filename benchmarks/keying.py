"""The keyer beside Blender's Keying node, on drawn shots whose mattes are known exactly.

    python benchmarks/keying.py [--json] [--version 4.2.23] [--noise 0.006] [--sheets FOLDER]

Mean absolute error and SAD of the matte, its gradient error, and the error of the straight colour
(sRGB) where the subject is. Blender's node is given the screen's exact colour, and counts twice:
with its defaults, and with those of many clips that come nearest to the truth in each scene, which
no artist knows. Needs what the tests in `tests/blender` need.
"""

from __future__ import annotations

import argparse
import json
import sys
import tempfile
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

HERE = Path(__file__).resolve().parent
TESTS = HERE.parent / "tests"
sys.path[:0] = [str(TESTS / "blender"), str(TESTS)]

SECONDS = 900
CLIPS = [(0.0, 1.0), *((low, high) for low in (0.0, 0.1, 0.2, 0.3) for high in (0.9, 0.8, 0.7))]

# Runs in Blender: arguments are a folder with plates and `keys.json`.
IN_BLENDER = """
import json, os, sys
from pathlib import Path
import bpy

folder = Path(sys.argv[-1])
scene = bpy.context.scene
scene.render.engine = "CYCLES"
scene.render.dither_intensity = 0
scene.use_nodes = True
tree = scene.node_tree
tree.nodes.clear()
image, keying = (tree.nodes.new(f"CompositorNode{name}") for name in ("Image", "Keying"))
out = tree.nodes.new("CompositorNodeComposite")
tree.links.new(image.outputs[0], keying.inputs["Image"])
settings = scene.render.image_settings
settings.file_format, settings.color_mode, settings.color_depth = "OPEN_EXR", "RGBA", "32"
for name, job in json.loads((folder / "keys.json").read_text()).items():
    image.image = bpy.data.images.load(str(folder / f"{name}.exr"))
    keying.inputs["Key Color"].default_value = (*job["colour"], 1)
    scene.render.resolution_x, scene.render.resolution_y = image.image.size
    for number, (low, high) in enumerate(job["clips"]):
        keying.clip_black, keying.clip_white = low, high
        tree.links.new(keying.outputs["Image"], out.inputs[0])
        scene.render.filepath = str(folder / f"{name}.keyed.{number}.exr")
        bpy.ops.render.render(write_still=True)
sys.stdout.flush()
os._exit(0)
"""

Scores = dict[str, float]


def score(alpha: NDArray[Any], colour: NDArray[Any], truth: Any) -> Scores:
    """Errors of a matte and of straight linear light."""
    from mattelier.metrics.mattes import gradient_error, sad
    from mattelier.types.colour import linear_to_srgb

    everywhere = np.ones(alpha.shape, bool)
    apart = linear_to_srgb(np.clip(colour, 0, 1)) - linear_to_srgb(truth.foreground.clip(0, 1))
    weighed = np.abs(apart).mean(-1) * truth.alpha
    return {
        "MAE": float(np.abs(alpha - truth.alpha).mean()),
        "SAD": float(sad(alpha, truth.alpha, everywhere)),
        "gradient": float(gradient_error(alpha, truth.alpha, everywhere)),
        "colour": float(weighed.sum() / truth.alpha.sum()),
        "screen": float(alpha[truth.alpha == 0].mean()),
        "holes": float(1 - alpha[truth.alpha == 1].mean()),
    }


def read_straight(path: Path) -> tuple[NDArray[Any], NDArray[Any]]:
    """Alpha and straight colour of a premultiplied EXR."""
    import OpenImageIO

    pixels = OpenImageIO.ImageBuf(str(path)).get_pixels(OpenImageIO.FLOAT)
    alpha = pixels[..., 3]
    return alpha, pixels[..., :3] / np.maximum(alpha, 1e-4)[..., None]


def measure(version: str, noise: float, sheets: Path | None) -> dict[str, dict[str, Scores]]:
    """Errors of each keyer in each scene."""
    from real_blender import Home, modules
    from screens import SCENES, SCREENS, screened

    import mattelier
    from mattelier.media import stills
    from mattelier.types.picture import Picture

    found: dict[str, dict[str, Scores]] = {}
    with tempfile.TemporaryDirectory() as scratch:
        folder = Path(scratch)
        shots = {
            f"{screen} {scene}": screened(scene, screen, noise=noise)
            for screen in SCREENS
            for scene in SCENES
        }
        keys = {}
        for name, shot in shots.items():
            stills.write_cutout(folder / f"{name}.exr", Picture(shot.plate, transfer="linear"))
            keys[name] = {"colour": shot.screen.mean((0, 1)).tolist(), "clips": CLIPS}
        (folder / "keys.json").write_text(json.dumps(keys), "utf-8")
        script = folder / "keying.py"
        script.write_text(IN_BLENDER, "utf-8")
        home = Home(folder / "home", folder)
        blender = modules([version])[version]
        blender.run(home, script, folder, timeout=SECONDS, log=folder / "log")
        for name, shot in shots.items():
            result = mattelier.key(str(folder / f"{name}.exr"))
            colour = np.asarray(result.foreground, np.float32)
            keyed = [read_straight(folder / f"{name}.keyed.{n}.exr") for n in range(len(CLIPS))]
            scores = [score(*each, shot) for each in keyed]
            best = min(range(len(CLIPS)), key=lambda n: scores[n]["MAE"])
            found[name] = {
                "mattelier": score(result.alpha, colour, shot),
                "Keying": scores[0],
                "Keying, best clips": scores[best],
            }
            if sheets is not None:
                over = [(shot.alpha, shot.foreground), (result.alpha, colour), keyed[best]]
                write_sheet(sheets / f"{name}.png", over)
    return found


def write_sheet(path: Path, pictures: list[tuple[NDArray[Any], NDArray[Any]]]) -> None:
    """Truth, mattelier and Blender's best side by side on a loud colour."""
    from mattelier.media import stills
    from mattelier.types.picture import Picture

    loud = np.array((0.8, 0.1, 0.6))
    strip = [
        alpha[..., None] * colour + (1 - alpha[..., None]) * loud for alpha, colour in pictures
    ]
    row = np.hstack(strip).astype(np.float32)
    path.parent.mkdir(parents=True, exist_ok=True)
    stills.write_cutout(path, Picture(row, transfer="linear"))


def main() -> None:
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawTextHelpFormatter
    )
    parser.add_argument("--json", action="store_true")
    parser.add_argument("--version", default="4.2.23")
    parser.add_argument("--noise", type=float, default=0.006)
    parser.add_argument("--sheets", type=Path)
    options = parser.parse_args()
    found = measure(options.version, options.noise, options.sheets)
    if options.json:
        print(json.dumps(found, indent=1))
        return
    names = list(next(iter(next(iter(found.values())).values())))
    print(f"{'':16}{'':20}" + "".join(f"{name:>10}" for name in names))
    for scene, keyers in found.items():
        for keyer, scores in keyers.items():
            print(f"{scene:16}{keyer:20}" + "".join(f"{scores[n]:10.4f}" for n in names))
    for keyer in next(iter(found.values())):
        mean = [np.mean([scores[keyer][name] for scores in found.values()]) for name in names]
        print(f"{'mean':16}{keyer:20}" + "".join(f"{value:10.4f}" for value in mean))


if __name__ == "__main__":
    main()
