"""The Match node: an element takes on what the plate that it goes into has."""

import bpy
from stage import baked_file, near, read, refused, replaced, same, state


def case_shows_what_the_engine_wrote_with_the_elements_alpha(stage):
    node = matching(stage, "veil.0101.exr")
    stage.bake(node)
    assert state(node).fresh == tuple(range(101, 111))
    stage.show(node.outputs["Image"])
    file = baked_file(node, 104)
    assert file.name == "veil_enhance.0104.exr"
    shown = stage.render(4)
    same(shown, read(file))
    near(shown[8, 24, 3], 0.75)  # the element's own


def case_the_wishes_reach_the_engine(stage):
    node = matching(stage)
    settings = node.node_tree.mattelier
    settings.match_look, settings.match_grain, settings.match_softness = 0.25, 0.5, 0.75
    stage.bake(node)
    request = stage.task_options("frames")[0]
    assert (request["task"], request["plate"]) == ("enhance", str(stage.plates / "plate.####.exr"))
    assert request["options"] == {
        "match": str(stage.plates / "eight.1006.png"),  # the frame in the middle
        "match_strength": 0.25,
        "match_grain": 0.5,
        "match_softness": 0.75,
    }


def case_the_look_is_taken_on(stage):
    node = matching(stage)  # whose blue is above 1, and eight's is .58
    settings = node.node_tree.mattelier
    settings.match_grain = settings.match_softness = 0
    colours = []
    for strength in (0, 1):
        settings.match_look = strength
        stage.bake(node)
        stage.show(node.outputs["Image"])
        colours.append(stage.render(4)[8, 24])
    near(colours[0][2], 2)
    assert colours[1][2] < 1


def case_another_plate_or_wish_makes_stale(stage):
    node = matching(stage)
    stage.bake(node)
    assert not state(node).to_bake
    with replaced(stage.plates / "eight.1006.png", stage.plates / "eight.1001.png"):
        assert state(node).reason == "what they are made from has changed"
    with replaced(stage.plates / "eight.1002.png", stage.plates / "eight.1001.png"):
        assert not state(node).to_bake  # that frame is not measured
    node.node_tree.mattelier.match_grain = 0.5
    assert state(node).reason == "the settings have changed"


def case_what_cannot_be_matched_is_told(stage):
    node = stage.add(start=1, node_type="enhance")
    settings = node.node_tree.mattelier
    assert node.label == "" or node.label.endswith("Choose the Plate to Match")
    assert refused(stage, node) == "Choose the plate that the element is to match."
    settings.matched = bpy.data.images.load(str(stage.plates / "eight.1001.png"))
    settings.matched.colorspace_settings.name = "Linear Rec.709"
    assert "The plate to match is in Linear Rec.709;" in refused(stage, node)


def case_a_movies_look_is_taken_on(stage):
    """Its middle is the sequence's, so that the element becomes the same by either."""
    movie = stage.movie()
    stage.shown.nodes.clear()
    made = []
    for file in (str(movie), str(stage.plates / "eight.1001.png")):
        node = matching(stage)
        settings = node.node_tree.mattelier
        settings.matched = bpy.data.images.load(file)
        if file == str(movie):
            assert settings.matched.source == "MOVIE"
        else:
            settings.matched.source = "SEQUENCE"
        settings.match_look, settings.match_grain, settings.match_softness = 1, 0, 0
        stage.bake(node)
        assert state(node).fresh == tuple(range(101, 111))
        made.append(read(baked_file(node, 104))[8, 24])
        if file == str(movie):
            assert stage.task_options("frames")[-1]["options"]["match"] == file
            with replaced(movie, stage.plates / "eight.1001.png"):
                assert state(node).reason == "what they are made from has changed"
    for one, other in zip(*made, strict=True):
        near(one, other, 0.03)
    assert made[0][2] < 1  # it was 2


def matching(stage, element="plate.0101.exr"):
    node = stage.add(element, start=1, node_type="enhance")
    image = bpy.data.images.load(str(stage.plates / "eight.1001.png"))
    image.source = "SEQUENCE"
    node.node_tree.mattelier.matched_name = image.name
    return node
