"""Batch: one of the other procedures, as it was used last, on all open images or on a folder."""

from __future__ import annotations

import os
from typing import NamedTuple

from gi.repository import Gimp, Gio

from .failure import PluginError
from .i18n import N_, _
from .jobs import Call

PROCEDURES = (
    ("remove-background", N_("Remove Background")),
    ("replace-background", N_("Replace Background")),
    ("upscale", N_("Upscale")),
    ("portrait-blur", N_("Portrait Blur")),
    ("denoise", N_("Denoise")),
    ("enhance", N_("Enhance")),
)
WHERE = (("images", N_("All open images")), ("folder", N_("The pictures in a folder")))
FORMATS = (("png", "PNG"), ("tif", "TIFF"), ("jpg", "JPEG"), ("xcf", N_("XCF, with all layers")))
_SUFFIXES = (
    ".png", ".jpg", ".jpeg", ".tif", ".tiff", ".webp", ".bmp", ".xcf", ".psd", ".exr", ".heic",
    ".avif", ".jxl",
)  # fmt: skip
_MAX_NAMES = 1000
_MAX_NAMED = 5  # failures that are told by name


class _Failure(NamedTuple):
    name: str
    sentence: str


def run(call: Call) -> list:
    """Do it; gives what was done, as a sentence.

    Raises
    ------
    PluginError
        There is nothing to work on, a folder is missing, or nothing could be done.
    """
    if call["where"] == "images":
        done, failures = _on_open_images(call)
    else:
        done, failures = _on_folder(call)
    text = _("{done} done, {failed} failed.").format(done=done, failed=len(failures))
    for failure in failures[:_MAX_NAMED]:
        text += f" {failure.name}: {failure.sentence}"
    if not done:
        raise PluginError(text)
    if call.interactive:
        Gimp.message(text)
        Gimp.displays_flush()
    return [text]


def _on_open_images(call: Call) -> tuple[int, list[_Failure]]:
    images = Gimp.get_images()
    if not images:
        raise PluginError(_("No image is open."))
    done, failures = 0, []
    for number, image in enumerate(images):
        _tell(number, len(images), image.get_name())
        sentence, new = _work(call, image)
        if sentence:
            failures.append(_Failure(image.get_name(), sentence))
            continue
        done += 1
        if new is not None and call.interactive:
            Gimp.Display.new(new)
    return done, failures


def _on_folder(call: Call) -> tuple[int, list[_Failure]]:
    source, target = _folder(call["folder"]), _folder(call["output"])
    names = [
        name
        for name in sorted(os.listdir(source))
        if name.lower().endswith(_SUFFIXES) and os.path.isfile(os.path.join(source, name))
    ]
    if not names:
        raise PluginError(_("There is no picture in {path}.").format(path=source))
    done, failures = 0, []
    for number, name in enumerate(names):
        _tell(number, len(names), name)
        sentence = _on_file(call, os.path.join(source, name), target)
        if sentence:
            failures.append(_Failure(name, sentence))
        else:
            done += 1
    return done, failures


def _on_file(call: Call, path: str, target: str) -> str:
    """Load, work, save; gives why it failed, or ""."""
    image = Gimp.file_load(Gimp.RunMode.NONINTERACTIVE, Gio.File.new_for_path(path))
    if image is None:
        return _("GIMP cannot open it.")
    images = [image]
    try:
        image.undo_disable()
        sentence, new = _work(call, image)
        if sentence:
            return sentence
        if new is not None:
            images.append(new)
        result = images[-1]
        if call["format"] != "xcf":
            result.merge_visible_layers(Gimp.MergeType.CLIP_TO_IMAGE)
            if call["format"] == "jpg":
                result.flatten()
        file = _free_name(target, os.path.splitext(os.path.basename(path))[0], call["format"])
        if not Gimp.file_save(Gimp.RunMode.NONINTERACTIVE, result, file, None):
            return _("GIMP cannot save {path}.").format(path=file.get_path())
    finally:
        for one in images:
            one.delete()
    return ""


def _work(call: Call, image: Gimp.Image) -> tuple:
    """Have the procedure work on an image's chosen layers: why it failed, and a new image."""
    procedure = Gimp.get_pdb().lookup_procedure(f"plug-in-mattelier-{call['task']}")
    config = procedure.create_config()
    config.set_property("run-mode", Gimp.RunMode.WITH_LAST_VALS)
    config.set_property("image", image)
    layers = image.get_selected_layers() or image.get_layers()[:1]
    config.set_core_object_array("drawables", layers)
    values = procedure.run(config)
    if values.index(0) != Gimp.PDBStatusType.SUCCESS:
        return (values.index(1) if values.length() > 1 else _("It was not done.")), None
    returned = [values.index(number) for number in range(1, values.length())]
    return "", next((one for one in returned if isinstance(one, Gimp.Image)), None)


def _folder(file) -> str:
    path = file.get_path() if file else None
    if not path or not os.path.isdir(path):
        raise PluginError(_("Choose the folder of the pictures, and the one for the results."))
    return path


def _free_name(folder: str, stem: str, suffix: str) -> Gio.File:
    """A name that no file has yet, so none is in danger."""
    for number in range(1, _MAX_NAMES):
        name = f"{stem}.{suffix}" if number == 1 else f"{stem}-{number}.{suffix}"
        file = Gio.File.new_for_path(os.path.join(folder, name))
        if not file.query_exists(None):
            return file
    raise PluginError(_("There are too many files named {name}.").format(name=stem))


def _tell(number: int, count: int, name: str) -> None:
    Gimp.progress_init(f"{number + 1}/{count}: {name}")
    Gimp.progress_update(number / count)
