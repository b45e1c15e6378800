"""Runs the plug-in as GIMP 2.10 would, on an image described in a JSON file; tells what came of it.

Usage: python drive.py SCENARIO.json ANSWER.json, under Python 2.7 or 3, with this folder first in
the path of modules, as GIMP sets it for its own.
"""

import base64
import io
import json
import os
import runpy
import sys

import gimp
import gimpfu


def decoded(text):
    return base64.b64decode(text.encode("ascii"))


def encoded(values):
    return base64.b64encode(values).decode("ascii")


def state(image):
    return {
        "layers": [
            {"pixels": encoded(y.values), "mask": y.mask and encoded(y.mask.values)}
            for y in image.layers
        ],
        "selection": encoded(image.selection.values),
        "channels": len(image.channels),
        "active": image.layers.index(image.active_layer) if image.active_layer else None,
    }


def build(description):
    image = gimp.Image(
        description["width"], description["height"], description["base_type"], scratch=False
    )
    image.profile = b"a profile"
    properties = description["layer"]
    size = properties["width"], properties["height"]
    layer = gimp.Layer(image, size[0], size[1], properties["bpp"], decoded(properties["pixels"]))
    layer.offsets = tuple(properties.get("offsets", (0, 0)))
    layer.is_group = properties.get("group", False)
    layer.edits_mask = properties.get("edits_mask", False)
    if "mask" in properties:
        layer.mask = gimp.Channel(image, size[0], size[1], 1, decoded(properties["mask"]))
    image.layers.append(layer)
    image.active_layer = layer
    if "selection" in description:
        image.selection.values = decoded(description["selection"])
    return image, layer


def main():
    with io.open(sys.argv[1], encoding="utf-8") as source:
        scenario = json.load(source)
    gimpfu.at_main.append(lambda: run(scenario))
    runpy.run_path(str(scenario["plugin"]), run_name="__main__")


def run(scenario):
    image, layer = build(scenario["image"])
    drawable = layer.mask if scenario.get("on_mask") else layer
    before = state(image)
    try:
        gimpfu.call(
            str(scenario["procedure"]),
            image,
            drawable,
            scenario.get("arguments", []),
            scenario["interactive"],
        )
        error = None
    except gimpfu.error as failure:
        error = str(failure)
    after = state(image)
    answer = {
        "python": sys.version_info[0],
        "error": error,
        "messages": gimp.messages,
        "progress": gimp.progress,
        "image": after,
        "unchanged": before == after,
        "steps": len(image.steps),
        "open_images": len(gimp.alive) - 1,
        "shown": all(m.shown and m.written is None for m in [layer.mask] if m),
        "registered": {
            name: {"label": entry[0], "menu": entry[1], "types": entry[2]}
            for name, entry in gimpfu.registered.items()
        },
        "left": os.listdir(scenario["temporary"]),
    }
    if image.steps:
        image.undo()
    answer["undone"] = state(image) == before
    with io.open(sys.argv[2], "wb") as out:
        out.write(json.dumps(answer).encode("utf-8"))


main()
