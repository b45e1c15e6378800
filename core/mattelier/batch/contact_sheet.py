"""All results of a run on one page, to be looked at together."""

from __future__ import annotations

import math
from collections.abc import Collection, Sequence
from pathlib import Path

import numpy as np

from mattelier.media import thumbnails
from mattelier.media.stills import read
from mattelier.types.atomic import replacing
from mattelier.types.colour import View, to_float

_CELL_PX = 240
_GAP_PX = 12
_LABEL_PX = 18
_PAPER, _INK, _FRAME = 110, (245, 245, 245), (255, 120, 40)
_MAX_LABEL = 34


def write_contact_sheet(
    path: Path, pictures: Sequence[Path], *, framed: Collection[Path] = ()
) -> None:
    """Write a JPEG with all pictures, their names below them, on a grey that white stands out of.

    Parameters
    ----------
    framed : those with an orange frame, that a person should look at
    """
    from PIL import Image, ImageDraw

    columns = max(1, min(8, math.ceil(math.sqrt(len(pictures) * 1.3))))
    rows = math.ceil(len(pictures) / columns)
    step = (_CELL_PX + _GAP_PX, _CELL_PX + _LABEL_PX + _GAP_PX)
    sheet = Image.new("RGB", (columns * step[0] + _GAP_PX, rows * step[1] + _GAP_PX), (_PAPER,) * 3)
    draw = ImageDraw.Draw(sheet)
    for index, file in enumerate(pictures):
        x = _GAP_PX + index % columns * step[0]
        y = _GAP_PX + index // columns * step[1]
        if file.suffix in (".ora", ".psd"):
            small = _merged(file)
        else:
            picture = read(file)
            view = View(picture).resize(*thumbnails.fit(picture.height, picture.width, _CELL_PX))
            small = thumbnails.colour(view, view.shape[:2])
            if picture.alpha is not None:
                whole = to_float(picture.colour)
                small = thumbnails.on_board(whole, to_float(picture.alpha), view.shape[:2])
        height, width = small.shape[:2]
        left, top = x + (_CELL_PX - width) // 2, y + (_CELL_PX - height) // 2
        sheet.paste(Image.fromarray(small), (left, top))
        if file in framed:
            draw.rectangle(
                (x - 3, y - 3, x + _CELL_PX + 2, y + _CELL_PX + 2), outline=_FRAME, width=3
            )
        draw.text((x, y + _CELL_PX + 3), file.name[-_MAX_LABEL:], fill=_INK)
    with replacing(path) as temporary:
        sheet.save(temporary, "JPEG", quality=88)


def _merged(file: Path) -> thumbnails.Thumbnail:
    import io
    import zipfile

    from PIL import Image

    if file.suffix == ".psd":
        from psd_tools import PSDImage

        image = PSDImage.open(file).topil().convert("RGB")
    else:
        with zipfile.ZipFile(file) as archive:
            image = Image.open(io.BytesIO(archive.read("Thumbnails/thumbnail.png"))).convert("RGB")
    image.thumbnail((_CELL_PX, _CELL_PX))
    return np.asarray(image)
