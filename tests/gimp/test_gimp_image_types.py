"""Mattes that the plug-in makes are those of the Python door on the same pixels."""

from __future__ import annotations

import json

import numpy as np
import pytest
from in_gimp import PHOTO, cases_in

import mattelier
from mattelier.types.picture import Picture

SHAPE = PHOTO[::-1]


@pytest.mark.parametrize("case", cases_in("image_types"))
def test_every_type(batch, case):
    batch.check(case)


@pytest.mark.parametrize("case", ["image_types.case_masks"])
def test_the_matte_is_the_engines_own(batch, case):
    encodings = json.loads((batch.folder / f"{case}.json").read_text("utf-8"))["encodings"]
    wrong = {}
    for name, encoding in encodings.items():
        samples = {"u8": np.uint8, "u16": np.uint16, "float": np.float32}[encoding["depth"]]
        picture = np.fromfile(batch.folder / f"{case}-{name}-picture.raw", samples)
        matte = np.fromfile(batch.folder / f"{case}-{name}-matte.raw", np.uint16)
        picture = Picture(picture.reshape(*SHAPE, 3), transfer=encoding["transfer"])
        truth = mattelier.matte(picture).alpha
        difference = np.abs(matte.reshape(SHAPE) / 65535 - truth).mean()
        if difference > 1 / 255:
            wrong[name] = round(float(difference), 4)
    assert not wrong
    assert len(encodings) > 20
