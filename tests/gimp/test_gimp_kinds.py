"""Mattes that the plug-in makes are those of the Python door on the same pixels."""

from __future__ import annotations

import json

import numpy as np
import pytest
from in_gimp import PHOTO, cases_in

import mattelier
from mattelier.types.picture import Picture

SHAPE = PHOTO[::-1]


@pytest.mark.parametrize("case", cases_in("kinds"))
def test_every_kind(batch, case):
    batch.check(case)


@pytest.mark.parametrize("case", ["kinds.case_masks"])
def test_the_matte_is_the_engines_own(batch, case):
    kinds = json.loads((batch.folder / f"{case}.json").read_text("utf-8"))["kinds"]
    wrong = {}
    for name, kind in kinds.items():
        samples = {"u8": np.uint8, "u16": np.uint16, "float": np.float32}[kind["depth"]]
        picture = np.fromfile(batch.folder / f"{case}-{name}-picture.raw", samples)
        matte = np.fromfile(batch.folder / f"{case}-{name}-matte.raw", np.uint16)
        picture = Picture(picture.reshape(*SHAPE, 3), transfer=kind["transfer"])
        truth = mattelier.matte(picture).alpha
        difference = np.abs(matte.reshape(SHAPE) / 65535 - truth).mean()
        if difference > 1 / 255:
            wrong[name] = round(float(difference), 4)
    assert not wrong
    assert len(kinds) > 20
