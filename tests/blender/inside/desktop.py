"""Blender's window as an artist uses it: mouse, keyboard, what is on the screen.

Each step is noted in STAGE/results.jsonl as a case is; screenshots lie beside it.
"""

import json
import os
import subprocess
import sys
import time
import traceback
from pathlib import Path

import bpy
from stage import module

STAGE = Path(sys.argv[sys.argv.index("--") + 1])
SHOT = (320, 180)  # pixels of the plate
ORDERS = Path(os.environ["MATTELIER_RUNTIME"], "orders.json")


def play(scenario, seconds):
    """Go through the steps of a scenario, which gives their names, and seconds to wait; then end.

    Parameters
    ----------
    seconds : float
        That it may take.
    """
    steps, end = scenario(), time.monotonic() + seconds

    def go():
        try:
            while True:
                step = next(steps)
                if time.monotonic() > end:
                    raise TimeoutError("the window took too long")
                if not isinstance(step, str):
                    return step
                note(step)
        except StopIteration:
            note("end")
        except BaseException:
            note("failed", traceback.format_exc())
            screenshot("failed")
        os._exit(0)

    bpy.app.timers.register(go, first_interval=1)


def compositing(window, first, last, at, size=SHOT):
    """Begin a saved file with the compositor before an artist; gives its tree.

    Parameters
    ----------
    first, last, at : int
        The scene's range, and the frame that is shown.
    """
    scene = window.scene
    scene.frame_start, scene.frame_end = first, last
    scene.render.resolution_x, scene.render.resolution_y = size
    scene.render.engine = "CYCLES"
    shown = module("blend.versions").new_compositor(scene)
    scene.frame_set(at)
    window.workspace = bpy.data.workspaces["Compositing"]
    bpy.ops.wm.save_as_mainfile(filepath=str(STAGE / "shot.blend"))
    while not editor(window):
        yield 0.2
    return shown


def stroke(window, *places):
    """Draw with the left button through two places of the plate."""
    # Before it goes down: finding a place moves the pointer.
    (x0, y0), (x1, y1) = (place_of(window, *place) for place in places)
    at = [(x0 + (x1 - x0) * step / 8, y0 + (y1 - y0) * step / 8) for step in range(9)]
    xdotool("mousemove", *(str(round(value)) for value in at[0]))
    yield 0.3
    xdotool("mousedown", "1")
    for place in at[1:]:
        yield 0.1
        xdotool("mousemove", *(str(round(value)) for value in place))
    yield 0.2
    xdotool("mouseup", "1")
    yield 0.5


def pointing(window, name, operator="point", index=0, where="PICTURE"):
    """Begin to point, as the panel's buttons do; the picture fills the editor."""
    area = editor(window)
    with bpy.context.temp_override(window=window, area=area, region=main(area)):
        begin = getattr(bpy.ops.mattelier, operator)
        options = {"group": name, "index": index, "editor": where}
        assert begin("INVOKE_DEFAULT", **options) == {"RUNNING_MODAL"}
    yield 2
    end = time.monotonic() + 20
    while area.type == "IMAGE_EDITOR" and area.spaces.active.zoom[0] == 1:
        assert time.monotonic() < end, "the frame does not fill the editor"
        yield 0.2  # a viewer at work delays it
    yield 0.5


def pointed(name):
    """What was pointed at, by the plate's numbers."""
    item = bpy.data.node_groups[name].mattelier.objects[0]
    return module("node_types.rotoscope.pointed").Pointed.parse(item.pointed).frames


def place_of(window, x, y):
    """Where a place of the plate is on the screen: in its editor, or behind the nodes."""
    shown = {area.type: area for area in window.screen.areas}
    area = shown.get("IMAGE_EDITOR") or shown.get("CLIP_EDITOR") or shown["NODE_EDITOR"]
    region, space = main(area), area.spaces.active
    if area.type == "NODE_EDITOR":  # as Blender draws what the viewer shows
        (width, height), zoom = SHOT, space.backdrop_zoom
        right = region.width / 2 + space.backdrop_offset[0] + (x - width / 2) * zoom
        up = region.height / 2 + space.backdrop_offset[1] + (height / 2 - y) * zoom
    else:
        width, height = (space.clip if area.type == "CLIP_EDITOR" else space.image).size
        right, up = region.view2d.view_to_region(x / width, 1 - y / height, clip=False)
    left, bottom = corner(window)
    return left + region.x + right, bottom - region.y - up


def corner(window):
    """Where the bottom left of a window is on the screen; its frame takes some of the height."""
    window.cursor_warp(400, 400)
    told = subprocess.run(
        ["xdotool", "getmouselocation", "--shell"], check=True, capture_output=True, text=True
    ).stdout
    at = dict(line.split("=") for line in told.split())
    return int(at["X"]) - 400, int(at["Y"]) + 400


def at_plate(window, x, y):
    xdotool("mousemove", *(str(round(value)) for value in place_of(window, x, y)))


def tinted(before, places, name):
    """Wait until the overlay lies over places of the plate, and over no others."""
    window, end = bpy.context.window_manager.windows[0], time.monotonic() + 30
    while True:
        after = screenshot(name)
        changed = [
            sum(abs(a - b) for a, b in zip(colour(after, at), colour(before, at), strict=True))
            for at in [place_of(window, *place) for place in (*places, (250, 100))]
        ]
        if min(changed[:-1]) > 0.1 and changed[-1] < 0.02:
            return
        assert time.monotonic() < end, f"another overlay: {changed}"
        yield 0.3


def shown_matte(name):
    """Wait for the baked matte, which begins in the middle of the picture; gives a screenshot."""
    window, end = bpy.context.window_manager.windows[0], time.monotonic() + 30
    while True:
        before = screenshot(name)
        left, right = (colour(before, place_of(window, x, 20)) for x in (150, 170))
        if sum(abs(a - b) for a, b in zip(left, right, strict=True)) > 0.1:
            return before
        assert time.monotonic() < end, "the baked matte does not show"
        yield 0.3


def colour(picture, place):
    """Of a place of a screenshot."""
    image = bpy.data.images.load(str(picture))
    try:
        x, y = (round(value) for value in place)
        start = ((image.size[1] - 1 - y) * image.size[0] + x) * image.channels
        return image.pixels[start : start + 3]
    finally:
        bpy.data.images.remove(image)


def added(area, name, y, picture=None):
    """Add a node from the menu, by the beginning of its name."""
    pointer(area, 0.25, 0.5)
    keys("shift+a")
    yield 1
    if picture:
        screenshot(picture)
    typed(name)
    yield 1
    keys("Return")
    yield 1
    pointer(area, 0.2, y)
    yield 0.5
    click()
    yield 1


def editor(window):
    return next((area for area in window.screen.areas if area.type == "NODE_EDITOR"), None)


def main(area):
    return next(region for region in area.regions if region.type == "WINDOW")


def show_node_panel(area):
    """Let the sidebar show the active node's settings."""
    for region in area.regions:
        if region.type == "UI":
            region.active_panel_category = "Node"


def bake(window, area, group):
    with bpy.context.temp_override(window=window, area=area, region=main(area)):
        bpy.ops.mattelier.bake("INVOKE_DEFAULT", group=group.name)


def state(group):
    module("data.recent").forget()
    settings = group.mattelier
    return module("baking.freshness").state(settings.objects[0], settings.find_plate())


def viewer_alpha():
    return max(viewer_pixels()[3::4], default=0)


def covered():
    """The mean alpha that the viewer shows."""
    alpha = viewer_pixels()[3::4]
    return sum(alpha) / max(len(alpha), 1)


def viewer_pixels():
    return bpy.data.images["Viewer Node"].pixels[:]


def orders(**orders):
    ORDERS.write_text(json.dumps(orders))


def pointer(area, x, y):
    """Move the pointer to a place of an area, 0…1 from its top left."""
    window = bpy.context.window_manager.windows[0]
    left = window.x + area.x + x * area.width
    top = window.y + window.height - area.y - area.height + y * area.height
    xdotool("mousemove", str(round(left)), str(round(top)))


def keys(combination):
    xdotool("key", combination)


def typed(text):
    xdotool("type", text)


def click():
    xdotool("click", "1")


def xdotool(*words):
    subprocess.run(["xdotool", *words], check=True, timeout=20)


def screenshot(name):
    picture = STAGE / f"{name}.png"
    subprocess.run(["import", "-window", "root", str(picture)], timeout=60)
    return picture


def note(step, failure=None):
    with (STAGE / "results.jsonl").open("a", encoding="utf-8") as results:
        print(json.dumps({"case": step, "failure": failure}), file=results, flush=True)
