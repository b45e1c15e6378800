"""The Keyer node: its pixels, its request, and what acts at once."""

from edges import over_grey
from stage import baked_file, near, read, same, square_mask, state

SIZE = (160, 120)
GREY = 0.319


def case_shows_what_the_engine_wrote_pixel_by_pixel(stage):
    node = keyed(stage)
    stored = read(baked_file(node, 1001))
    assert baked_file(node, 1001).name == "screen_key.1001.exr"
    shown = rendered(stage, node, 1)
    same(shown["Image"], stored, 2 / 1024)
    same_matte(shown["Matte"], lambda x, y: stored[y, x, 3])
    soft = 0
    over = over_grey(stage, node)
    stage.show(over)
    composited = stage.render(1)
    for y in range(0, SIZE[1], 3):
        for x in range(SIZE[0]):
            alpha = stored[y, x, 3]
            soft += 0.1 < alpha < 0.9
            for channel in range(3):
                wanted = stored[y, x, channel] + (1 - alpha) * GREY
                near(composited[y, x, channel], wanted, 3 / 1024)
                if alpha > 0.05:
                    straight = stored[y, x, channel] / alpha
                    near(shown["Foreground"][y, x, channel], straight, 0.02)
    assert soft > 20


def case_the_subject_stands_alone(stage):
    node = keyed(stage)
    stored = read(baked_file(node, 1001))
    near(stored[10, 10, 3], 0)
    near(stored[57, 70, 3], 1)
    alpha = stored.values[3::4]
    assert 0.09 < sum(alpha) / len(alpha) < 0.2


def case_the_request_says_what_the_node_says(stage):
    node = keyed(stage)
    settings = node.node_tree.mattelier
    request = stage.task_options("frames")[0]
    assert request["task"] == "key"
    assert request["options"] == {"screen": "auto", "despill": 1}
    settings.screen, settings.screen_despill = "COLOUR", 0.5
    settings.screen_colour = (0.2, 0.6, 0.4)
    assert len(state(node).stale) == 2
    stage.bake(node)
    options = stage.task_options("frames")[1]["options"]
    assert options == {"screen": "#339966", "despill": 0.5}


def case_masks_and_clips_act_at_once(stage):
    node = keyed(stage)
    settings = node.node_tree.mattelier
    before = rendered(stage, node, 1)
    settings.garbage = square_mask("garbage", {1: 0.25, 2: 0.5})
    settings.holdout = square_mask("holdout", 0.0)
    assert not state(node).to_bake
    masks = {"garbage": (40, 80), "holdout": (0, 40)}
    shown = rendered(stage, node, 1)
    rows = range(45, 75)

    def wanted(x, y):
        if masks["garbage"][0] + 1 < x < masks["garbage"][1] - 1:
            return 0
        return 1 if 1 < x < masks["holdout"][1] - 1 else None

    count = 0
    for y in rows:
        for x in range(SIZE[0]):
            alpha = wanted(x, y)
            if alpha is None:
                continue
            count += 1
            near(shown["Matte"][y, x, 0], alpha, 1 / 1024)
            near(shown["Image"][y, x, 3], alpha, 1 / 1024)
    assert count > 1500
    plate = read(stage.plates / "screen.1001.exr")
    for channel in range(3):  # what is kept has the plate's own colour
        near(shown["Image"][60, 10, channel], plate[60, 10, channel], 2 / 1024)
    moved = rendered(stage, node, 2)["Matte"]
    near(moved[60, 100, 0], 0)  # the mask is keyed
    assert moved[60, 60, 0] > 0.9
    settings.garbage = settings.holdout = None
    settings.clip_black, settings.clip_white = 0.25, 0.75
    clipped = rendered(stage, node, 1)
    same_matte(
        clipped["Matte"],
        lambda x, y: min(max((before["Matte"][y, x, 0] - 0.25) / 0.5, 0), 1),
    )
    settings.clip_black, settings.clip_white = 0, 1
    settings.edge_shift = 2
    grown = rendered(stage, node, 1)
    assert sum(grown["Matte"].values[::4]) > 1.05 * sum(before["Matte"].values[::4])
    assert len(stage.task_options("frames")) == 1


def case_it_renders_without_the_scenes_size(stage):
    node = keyed(stage)
    node.node_tree.mattelier.garbage = square_mask("garbage", 0.25)
    stage.show(node.outputs["Image"])
    small = stage.render(1)
    stage.size((320, 240))
    large = stage.render(1)
    near(large[60 + 60, 60 + 80, 3], small[60, 60, 3])


def keyed(stage):
    stage.size(SIZE)
    node = stage.add("screen.1001.exr", start=1, node_type="key")
    stage.bake(node)
    assert not state(node).to_bake
    return node


def rendered(stage, node, frame):
    found = {}
    for socket in node.outputs:
        stage.show(socket)
        found[socket.name] = stage.render(frame)
    return found


def same_matte(shown, wanted):
    for y in range(SIZE[1]):
        for x in range(SIZE[0]):
            near(shown[y, x, 0], wanted(x, y), 1 / 1024)
