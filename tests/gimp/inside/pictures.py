"""Every procedure that gives a picture for a picture, on several types of image, written down."""

from stage import assert_same, done, in_own_space, layer_state, read, state

TRIALS = {
    "upscale": {"scale": "3"},
    "portrait-blur": {"radius": 6.0},
    "denoise": {},
    "enhance": {"white_balance": 0.7, "tone": 0.6, "contrast": 0.3, "sharpen": 0.4},
}
IMAGE_TYPES = {
    "rgb": ({}, "R'G'B' u8"),
    "rgba": ({"alpha": True}, "R'G'B'A u8"),
    "grey": ({"grey": True}, "Y' u8"),
    "grey-alpha": ({"grey": True, "alpha": True}, "Y'A u8"),
    "u16": ({"precision": "U16_NON_LINEAR"}, "R'G'B' u16"),
    "float-linear": ({"precision": "FLOAT_LINEAR"}, "RGB float"),
}


def case_each(here):
    """Dumps the layer before, and what was made of it."""
    sizes, wrong = {}, []
    for name, options in TRIALS.items():
        for image_type, (properties, babl) in IMAGE_TYPES.items():
            image = here.photo_as(**properties)
            (layer,) = image.get_layers()
            before, whole = layer_state(layer), state(image)
            try:
                new = done(name, image, **options)[-1]
            except AssertionError as error:
                wrong.append(f"{image_type}: {error}")
                continue
            assert {**layer_state(layer), "look": 0} == {**before, "look": 0}, "the layer changed"
            if name == "upscale":
                assert_same(state(image), whole)
                assert not image.is_dirty()
            else:
                assert image.get_layers() == [new, layer]
                assert layer.get_visible() == (not layer.has_alpha())
            here.dump(f"{name}-{image_type}-before", layer, in_own_space(layer, babl))
            here.dump(f"{name}-{image_type}-after", new, in_own_space(new, babl))
            sizes[f"{name}-{image_type}"] = (new.get_width(), new.get_height())
    here.note(sizes=sizes)
    assert not wrong, "\n".join(wrong)


def case_wide_gamut_and_other_depths(here):
    """What is not written down: the picture stays in its space and near what it was."""
    for precision, wide in (
        ("U8_LINEAR", False),
        ("U32_NON_LINEAR", False),
        ("HALF_LINEAR", True),
        ("DOUBLE_NON_LINEAR", True),
        ("U8_NON_LINEAR", True),
    ):
        image = here.photo_as(precision, wide=wide)
        (layer,) = image.get_layers()
        (new,) = done("enhance", image, white_balance=0.0, tone=0.0, contrast=0.0, sharpen=0.0)
        assert new.get_format() == layer.get_format()
        name = in_own_space(layer, "R'G'B' u8")
        assert read(new, name) == read(layer, name), f"{precision}, wide: {wide}"
