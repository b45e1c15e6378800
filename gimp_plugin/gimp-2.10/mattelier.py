#!/usr/bin/env python2
"""Filters > AI for GIMP 2.10: Remove Background and Refine Edge, by Mattelier's command line.

The image is changed only after the engine's answer has arrived, in one undo step. GIMP 3 has the
whole set of tools, faster; this is for people who are still here. Valid as Python 2.7 and 3.
"""

import contextlib
import io
import json
import os
import shutil
import struct
import subprocess
import sys
import tempfile
import time
import traceback
import zlib

import gimp
import gimpfu
from gimpfu import pdb

MENU = "<Image>/Filters/AI"
QUALITIES = ("fast", "balanced", "best")
SOURCES = ("auto", "mask", "selection")
FOLDER = os.path.dirname(os.path.abspath(__file__))

# What GIMP sets for its own Python and libraries, and what would break the engine's.
_HOST_VARIABLES = (
    "PYTHON", "GI_", "LD_LIBRARY_PATH", "LD_PRELOAD", "DYLD_", "GDK_PIXBUF_", "GTK_PATH",
    "GEGL_PATH", "BABL_PATH", "__PYVENV_LAUNCHER__", "VIRTUAL_ENV",
)  # fmt: skip
_ERROR_PREFIX = "mattelier: "  # of the command line's last line when it failed
_CREATE_NO_WINDOW = 0x08000000
_POLL_SECONDS = 0.1

_dialogs_shown = []  # not empty when gimpfu has shown its dialog: all it tells of the run mode


class Failure(Exception):
    """Something a user can act on; `str(failure)` is one sentence."""


def remove_background(image, drawable, quality, use_selection, edge_shift, feather):
    """Put the subject's matte into the layer's mask."""
    layer = _layer(drawable)
    hint = None
    if use_selection and not pdb.gimp_selection_is_empty(image):
        hint = _selected(image, layer)
    with _private_folder() as folder:
        options = _edge_options(quality, edge_shift, feather)
        if hint is not None:
            options += ["--hint", _write_grey(folder, "hint.png", layer, hint)]
        alpha = _run(folder, image, layer, "matte", ["--bits=8"] + options, "Removing background")
    with _one_undo_step(image):
        _set_mask(layer, alpha)


def refine_edge(image, drawable, source, width, quality, edge_shift, feather):
    """Solve the edge of the layer's mask, or of the selection, again as hair and fur."""
    layer = _layer(drawable)
    source = _source(image, layer, SOURCES[int(source)])
    rough = _pixels(layer.mask) if source == "mask" else _selected(image, layer)
    with _private_folder() as folder:
        options = ["--mask", _write_grey(folder, "mask.png", layer, rough), "--width=%g" % width]
        options += _edge_options(quality, edge_shift, feather)
        alpha = _run(folder, image, layer, "refine", options, "Refining edge")
    with _one_undo_step(image):
        if source == "mask":
            _set_mask(layer, alpha)
        else:
            _select(image, layer, alpha)


def _edge_options(quality, edge_shift, feather):
    return [
        "--quality=" + QUALITIES[int(quality)],
        "--edge-shift=%g" % edge_shift,
        "--feather=%g" % feather,
    ]


def _layer(drawable):
    if pdb.gimp_item_is_layer_mask(drawable):  # the mask is the edit target; its layer is meant
        drawable = pdb.gimp_layer_from_mask(drawable)
    if not pdb.gimp_item_is_layer(drawable) or pdb.gimp_item_is_group(drawable):
        raise Failure("Choose a layer first; channels and layer groups cannot be cut out.")
    return drawable


def _source(image, layer, wanted):
    has_mask = layer.mask is not None
    selected = not pdb.gimp_selection_is_empty(image)
    if wanted == "auto":
        masked = has_mask and (pdb.gimp_layer_get_edit_mask(layer) or not selected)
        wanted = "mask" if masked else "selection"
    if wanted == "mask" and not has_mask:
        raise Failure("The layer has no mask; add one, or refine the selection.")
    if wanted == "selection" and not selected:
        raise Failure("Make a selection or a layer mask first; Refine Edge works on its edge.")
    return wanted


# Pixels. GIMP gives masks and selections to plug-ins as 8 bit, linear: the values of an alpha.


def _pixels(drawable):
    """All values of a mask or a grey layer, row by row, one byte each."""
    width, height = drawable.width, drawable.height
    return drawable.get_pixel_rgn(0, 0, width, height, False, False)[0:width, 0:height]


def _put_pixels(drawable, values):
    width, height = drawable.width, drawable.height
    drawable.get_pixel_rgn(0, 0, width, height, True, False)[0:width, 0:height] = values
    drawable.flush()
    drawable.update(0, 0, width, height)


def _overlap(image, layer):
    """Columns and rows, in image pixels, that the layer and the canvas share."""
    x, y = layer.offsets
    left, right = max(0, x), min(image.width, x + layer.width)
    top, bottom = max(0, y), min(image.height, y + layer.height)
    if left >= right or top >= bottom:
        raise Failure("The layer lies outside the canvas, where nothing can be selected.")
    return left, right, top, bottom


def _selected(image, layer):
    """The selection on the layer's area, one byte a pixel; nothing is selected off the canvas."""
    left, right, top, bottom = _overlap(image, layer)
    x, y = layer.offsets
    selection = _pixels(image.selection)
    values = bytearray(layer.width * layer.height)
    for row in range(top, bottom):
        start = (row - y) * layer.width - x
        line = row * image.width
        values[start + left : start + right] = selection[line + left : line + right]
    return bytes(values)


def _select(image, layer, alpha):
    """Make the alpha the selection on the layer's area; outside, the selection stays."""
    left, right, top, bottom = _overlap(image, layer)
    x, y = layer.offsets
    values = bytearray(_pixels(image.selection))
    for row in range(top, bottom):
        start = (row - y) * layer.width - x
        line = row * image.width
        values[line + left : line + right] = alpha[start + left : start + right]
    channel = pdb.gimp_selection_save(image)
    _put_pixels(channel, bytes(values))
    pdb.gimp_image_select_item(image, gimpfu.CHANNEL_OP_REPLACE, channel)
    image.remove_channel(channel)
    pdb.gimp_image_set_active_layer(image, layer)  # a new channel takes that from it


def _set_mask(layer, alpha):
    if layer.mask is not None:
        layer.remove_mask(gimpfu.MASK_DISCARD)
    mask = layer.create_mask(gimpfu.ADD_MASK_WHITE)
    layer.add_mask(mask)
    _put_pixels(mask, alpha)


@contextlib.contextmanager
def _one_undo_step(image):
    image.undo_group_start()
    try:
        yield
    finally:
        image.undo_group_end()


# Files.


@contextlib.contextmanager
def _private_folder():
    folder = tempfile.mkdtemp(prefix="mattelier-")
    try:
        yield folder
    finally:
        shutil.rmtree(folder, ignore_errors=True)


def _write_picture(folder, image, layer):
    """The layer's colours as a PNG, as deep as the image; opaque: a mask works beside alpha."""
    base_type, precision = image.base_type, pdb.gimp_image_get_precision(image)
    other = pdb.gimp_image_new_with_precision(layer.width, layer.height, base_type, precision)
    try:
        length, profile = pdb.gimp_image_get_color_profile(image)
        if length:
            pdb.gimp_image_set_color_profile(other, length, profile)
        copy = pdb.gimp_layer_new_from_drawable(layer, other)
        pdb.gimp_image_insert_layer(other, copy, None, 0)
        copy.set_offsets(0, 0)
        if copy.mask is not None:
            copy.remove_mask(gimpfu.MASK_DISCARD)
        if copy.has_alpha:
            pdb.gimp_layer_flatten(copy)
        path = os.path.join(folder, "picture.png")
        # Not interlaced, fast compression, none of the chunks that are asked about.
        pdb.file_png_save(other, copy, path, path, 0, 1, 0, 0, 0, 0, 0)
    finally:
        pdb.gimp_image_delete(other)
    return path


def _write_grey(folder, name, layer, values):
    """An 8-bit grey PNG; GIMP would put a transfer curve on a mask that it saves."""
    width, height = layer.width, layer.height
    rows = b"".join(b"\0" + values[row * width : (row + 1) * width] for row in range(height))

    def chunk(name, data):
        checksum = zlib.crc32(name + data) & 0xFFFFFFFF
        return struct.pack(">I", len(data)) + name + data + struct.pack(">I", checksum)

    path = os.path.join(folder, name)
    with open(path, "wb") as out:
        out.write(b"\x89PNG\r\n\x1a\n")
        out.write(chunk(b"IHDR", struct.pack(">IIBBBBB", width, height, 8, 0, 0, 0, 0)))
        out.write(chunk(b"IDAT", zlib.compress(rows, 1)))
        out.write(chunk(b"IEND", b""))
    return path


def _read_grey(path, layer):
    image = pdb.gimp_file_load(path, path)
    try:
        answer = image.layers[0]
        if (answer.width, answer.height) != (layer.width, layer.height):
            raise Failure("The engine's answer is of another size than the layer.")
        return _pixels(answer)
    finally:
        pdb.gimp_image_delete(image)


# The engine.


def _run(folder, image, layer, task, options, doing):
    """The alpha, one byte a pixel, of what the command line makes of the layer."""
    gimp.progress_init(doing)
    path = os.path.join(folder, "alpha.png")
    picture = _write_picture(folder, image, layer)
    words = _engine() + [task, picture, "-o", path] + options
    output = os.path.join(folder, "output.txt")
    with open(output, "wb") as sink, open(os.devnull, "rb") as nothing:
        try:
            process = subprocess.Popen(
                words,
                stdin=nothing,
                stdout=sink,
                stderr=sink,
                cwd=os.path.expanduser("~"),
                env=dict(
                    pair for pair in os.environ.items() if not pair[0].startswith(_HOST_VARIABLES)
                ),
                creationflags=_CREATE_NO_WINDOW if sys.platform == "win32" else 0,
            )
        except OSError as error:
            raise Failure(
                "The Mattelier engine cannot be started (%s: %s); install it again, then run "
                "`mattelier install gimp`." % (words[0], error.strerror)
            )
        while process.poll() is None:
            pdb.gimp_progress_pulse()
            time.sleep(_POLL_SECONDS)
    with io.open(output, encoding="utf-8", errors="replace") as file:
        lines = [line.strip() for line in file if line.strip()]
    if process.returncode or not os.path.isfile(path):
        message = lines[-1] if lines else ""
        if not message.startswith(_ERROR_PREFIX):
            message = _ERROR_PREFIX + (
                "The engine failed (%d); `mattelier doctor` finds the cause." % process.returncode
            )
        raise Failure(_text(message[len(_ERROR_PREFIX) :]))
    for line in lines:
        if line.startswith("Note: "):
            gimp.message(_text(line[len("Note: ") :]))
    return _read_grey(path, layer)


def _engine():
    """The command line, as `mattelier install gimp` wrote it down."""
    try:
        with io.open(os.path.join(FOLDER, "engine.json"), encoding="utf-8") as file:
            words = json.load(file)["command"]
    except (IOError, ValueError, KeyError):
        words = []
    if not words:
        raise Failure(
            "The plug-in does not know where its engine is; run `mattelier install gimp`."
        )
    return [_text(word) for word in words]


def _text(text):
    """Text of the kind that this Python calls str: Python 2 takes bytes for paths and messages."""
    return text if isinstance(text, str) else text.encode("utf-8")


# The menu.


def _safely(work):
    """The procedure: what goes wrong is one sentence, and scripts are told that it failed."""

    def procedure(*arguments):
        try:
            work(*arguments)
            return
        except Failure as failure:
            sentence = str(failure)
        except Exception as error:
            traceback.print_exc()
            sentence = "Mattelier stumbled (%s: %s)." % (type(error).__name__, error)
        gimp.message(sentence)
        if not _dialogs_shown:
            raise gimpfu.error(sentence)

    return procedure


def _register(name, label, summary, work, arguments):
    gimpfu.register(
        "plug-in-mattelier-" + name,
        summary,
        summary + " The work is done on this machine by Mattelier; the layer stays as it is.",
        "Mattelier",
        "Apache-2.0",
        "2026",
        label,
        "RGB*, GRAY*",
        [
            (gimpfu.PF_IMAGE, "image", "Input image", None),
            (gimpfu.PF_DRAWABLE, "drawable", "Input drawable", None),
        ]
        + arguments,
        [],
        _safely(work),
        menu=MENU,
        on_run=lambda: _dialogs_shown.append(True),
    )


_QUALITY = (gimpfu.PF_OPTION, "quality", "Quality:", 1, ["Fast", "Balanced", "Best"])
_EDGE = [
    (gimpfu.PF_SPINNER, "edge-shift", "Edge shift in pixels, + grows:", 0, (-20, 20, 1)),
    (gimpfu.PF_SPINNER, "feather", "Feather in pixels:", 0, (0, 50, 1)),
]

_register(
    "remove-background",
    "Remove Background...",
    "Put the subject's matte into the layer's mask.",
    remove_background,
    [_QUALITY, (gimpfu.PF_TOGGLE, "use-selection", "Selection is a hint:", True)] + _EDGE,
)
_register(
    "refine-edge",
    "Refine Edge...",
    "Solve the edge of the layer mask or selection again, as hair and fur.",
    refine_edge,
    [
        (gimpfu.PF_OPTION, "source", "Refine:", 0, ["What is there", "Layer mask", "Selection"]),
        (gimpfu.PF_SPINNER, "width", "Reach to each side in pixels:", 12, (1, 200, 1)),
        _QUALITY,
    ]
    + _EDGE,
)

if __name__ == "__main__":  # GIMP runs this file
    gimpfu.main()
