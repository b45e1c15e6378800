"""A request as a form: its fields by their flat names, as flags are, and pictures as files.

Which fields there are, what they may be and what they mean stands in the requests; here they become
a schema for OpenAPI, and texts become their values.
"""

from __future__ import annotations

import dataclasses
import math
import re
import shutil
from collections.abc import Collection, Mapping
from pathlib import Path
from typing import Any

from fastapi import Request
from starlette.concurrency import run_in_threadpool
from starlette.datastructures import FormData, UploadFile
from starlette.exceptions import HTTPException
from starlette.requests import ClientDisconnect

from mattelier.media.depth_maps import DEPTH_SUFFIXES
from mattelier.media.stills import MATTE_SUFFIXES, OUTPUT_SUFFIXES
from mattelier.requests.fields import without_none
from mattelier.requests.flat import FlatField, flat_fields
from mattelier.requests.schema import field_facts
from mattelier.service.refusal import Refusal
from mattelier.tasks.registry import TaskSpec
from mattelier.types.errors import UsageError

PICTURE = "picture"
FORMAT = "format"
_OPERATORS_FIELDS = {"device", "tile"}  # what computes and how is for who runs the server
_COLOUR_FIELDS = {"background"}  # a picture, or a text that says a colour or "blur"
_TRUTHS = {"true": True, "1": True, "on": True, "yes": True}
_LIES = {"false": False, "0": False, "off": False, "no": False}
_MAX_FILES, _MAX_FIELDS = 8, 256
_MAX_TEXT_BYTES = 65_536
_MAX_SHOWN_CHARS = 40  # of a client's text that a sentence repeats
_SUFFIXES = {
    "picture": OUTPUT_SUFFIXES,
    "cutout": OUTPUT_SUFFIXES,
    "matte": MATTE_SUFFIXES,
    "depth": DEPTH_SUFFIXES,
    "objects": (".exr",),  # all in one file: a Cryptomatte
}
MEDIA_TYPES = {
    "png": "image/png", "webp": "image/webp", "tif": "image/tiff", "tiff": "image/tiff",
    "exr": "image/x-exr", "jpg": "image/jpeg", "jpeg": "image/jpeg",
}  # fmt: skip


@dataclasses.dataclass(frozen=True)
class Form:
    """What was sent.

    Attributes
    ----------
    texts : by name, in their order
    files : by name, already in a folder of this server
    """

    texts: Mapping[str, list[str]]
    files: Mapping[str, Path]

    @property
    def names(self) -> dict[Path, str]:
        """Files → what the client calls them."""
        return {path: f"the {name} that was sent" for name, path in self.files.items()}


async def receive(request: Request, folder: Path) -> Form:
    """Read a form; its files go to `folder`.

    Raises
    ------
    Refusal
        It is no form, is broken, or has too many parts.
    """
    kind = request.headers.get("content-type", "").partition(";")[0].strip().lower()
    if kind not in ("multipart/form-data", "application/x-www-form-urlencoded"):
        raise Refusal(415, "Send a form (multipart/form-data) with the picture as a file.")
    try:
        form = await request.form(
            max_files=_MAX_FILES, max_fields=_MAX_FIELDS, max_part_size=_MAX_TEXT_BYTES
        )
    except ClientDisconnect:
        raise Refusal(400, "The client left.") from None
    except (Refusal, OSError):
        raise
    except HTTPException as error:
        raise Refusal(400, f"The form cannot be read: {error.detail}") from None
    except Exception:  # parsers raise whatever a broken form makes them trip over
        raise Refusal(400, "The form cannot be read: it is broken.") from None
    try:
        return await run_in_threadpool(_store, form, folder)
    finally:
        await form.close()


def _store(form: FormData, folder: Path) -> Form:
    texts: dict[str, list[str]] = {}
    files: dict[str, Path] = {}
    for name, value in form.multi_items():
        if isinstance(value, str):
            texts.setdefault(name, []).append(value)
        elif not value.filename and not value.size:
            continue  # a browser's file field without a file
        elif name in files:
            raise Refusal(400, f"There are two files of the same name ({_shown(name)}).")
        else:
            files[name] = _store_file(value, folder / f"sent-{len(files)}")
    return Form(texts, files)


def _store_file(upload: UploadFile, path: Path) -> Path:
    with path.open("wb") as file:
        shutil.copyfileobj(upload.file, file, 1 << 20)
    return path


def options(spec: TaskSpec, form: Form, models: Collection[str]) -> dict[str, Any]:
    """The keywords of a task's function that a form stands for, the picture left out.

    Parameters
    ----------
    models : names that a field "model" may have; no path of the server is one

    Raises
    ------
    Refusal
        A name is unknown, or a value makes no sense.
    """
    fields = {leaf.name: [] for leaf in _leaves(spec)}  # type: dict[str, list[FlatField]]
    for leaf in _leaves(spec):
        fields[leaf.name].append(leaf)
    files = _file_fields(spec)
    for name in (*form.texts, *form.files):
        if name not in fields and name not in (PICTURE, FORMAT):
            raise Refusal(400, f"{spec.name} has no field {_shown(name)}.")
    if PICTURE in form.texts or FORMAT in form.files:
        raise Refusal(400, "The picture is a file, and the format a word.")
    values: dict[str, Any] = {}
    for name, leaves in fields.items():
        if (path := form.files.get(name)) is not None:
            if name not in files:
                raise Refusal(400, f"{name} is a text, not a file.")
            values[name] = path
            continue
        texts = [text for text in form.texts.get(name, []) if text != ""]
        if not texts:
            continue
        if name in files:
            values[name] = _colour(name, texts)
            continue
        try:
            values[name] = _value(leaves[0], texts)
        except (UsageError, ValueError, OverflowError) as error:
            quotable = isinstance(error, UsageError) and len(texts[-1]) <= _MAX_SHOWN_CHARS
            said = str(error) if quotable else ""
            raise Refusal(400, said or f"{name} cannot be {_shown(texts[-1])}.") from None
        if name in _COLOUR_FIELDS and not _says_colours(values[name]):
            raise Refusal(
                400,
                f"{name} is a colour, two of a gradient or transparent, not {_shown(texts[-1])}.",
            )
        if name.endswith("model") and values[name] not in models:
            known = ", ".join(sorted(models))
            raise Refusal(400, f"There is no model {_shown(texts[-1])} here; there are {known}.")
    return values


def output_format(spec: TaskSpec, form: Form) -> str:
    """The suffix of the result, without its dot.

    Raises
    ------
    Refusal
        The task's results are not written so.
    """
    known = formats(spec)
    name = form.texts.get(FORMAT, [""])[-1].lower() or _default_format(spec)
    if name not in known:
        raise Refusal(400, f"The format is one of {', '.join(known)}, not {_shown(name)}.")
    return name


def formats(spec: TaskSpec) -> list[str]:
    """What a task's results may be written as."""
    return sorted(suffix.removeprefix(".") for suffix in _SUFFIXES[spec.result])


def _default_format(spec: TaskSpec) -> str:
    known = formats(spec)
    return "png" if "png" in known else known[0]


def schema(spec: TaskSpec) -> dict[str, Any]:
    """A task's form, as OpenAPI's `requestBody`."""
    file = {"type": "string", "format": "binary"}
    properties: dict[str, Any] = {PICTURE: {**file, "description": "The picture."}}
    required = [PICTURE, *(_flat_name(spec, one.field) for one in spec.inputs if one.required)]
    files = _file_fields(spec)
    for leaf in _leaves(spec):
        facts = field_facts(leaf)
        flag = leaf.field.flag
        described = {"description": facts["help"]}
        if leaf.name in _COLOUR_FIELDS & files:
            described["description"] += " A file, a colour, or blur."
            properties[leaf.name] = {"anyOf": [file, {"type": "string"}], **described}
        elif leaf.name in files:
            properties[leaf.name] = {**file, **described}
        elif flag is not None and flag.parse is not None:
            one = {"type": "string", "examples": [flag.metavar]}
            shape = {"type": "array", "items": one} if flag.multiple else one
            properties.setdefault(leaf.name, {**shape, **described})
        else:
            kept = ("type", "minimum", "maximum", "enum", "default")
            plain = {key: facts[key] for key in kept if facts.get(key) is not None}
            properties.setdefault(leaf.name, {**plain, **described})
    properties[FORMAT] = {
        "type": "string", "enum": formats(spec), "default": _default_format(spec),
        "description": "What the result is written as.",
    }  # fmt: skip
    body = {"type": "object", "properties": properties, "required": required}
    return {"required": True, "content": {"multipart/form-data": {"schema": body}}}


def _leaves(spec: TaskSpec) -> list[FlatField]:
    return [
        leaf
        for leaf in flat_fields(spec.request)
        if leaf.field.flag is not None and leaf.name not in _OPERATORS_FIELDS
    ]


def _flat_name(spec: TaskSpec, path: str) -> str:
    return next(leaf.name for leaf in flat_fields(spec.request) if leaf.path == path)


def _file_fields(spec: TaskSpec) -> set[str]:
    return {_flat_name(spec, one.field) for one in spec.inputs}


def _colour(name: str, texts: list[str]) -> Any:
    """What a text stands for where a picture is taken, never a path: a picture of one colour."""
    if name not in _COLOUR_FIELDS:
        raise Refusal(400, f"{name} is a file; this server reads none of its own.")
    if texts[-1] == "blur":
        return "blur"
    import numpy as np

    from mattelier.types.colour import from_float, parse_colour

    try:
        colour = parse_colour(texts[-1])
    except (UsageError, ValueError):
        raise Refusal(
            400, f"{name} is a file, a colour or blur, not {_shown(texts[-1])}."
        ) from None
    return from_float(np.full((1, 1, 3), colour, np.float32), np.uint8)


def _says_colours(text: str) -> bool:
    """Whether a task takes a text for colours, and not for a path of the server."""
    from mattelier.requests.product import parse_gradient

    try:
        return text == "transparent" or bool(parse_gradient(text))
    except UsageError:
        return False


def _value(leaf: FlatField, texts: list[str]) -> Any:
    flag = leaf.field.flag
    assert flag is not None
    if flag.multiple:
        return tuple((flag.parse or str)(text) for text in texts)
    text = texts[-1]
    if flag.parse is not None:
        return flag.parse(text)
    kind = without_none(leaf.type)
    if kind is bool:
        return {**_TRUTHS, **_LIES}[_known_truth(text)]
    if kind is int:
        return int(text)
    if kind is float:
        number = float(text)
        if not math.isfinite(number):
            raise ValueError
        return number
    return text


def _known_truth(text: str) -> str:
    if text.lower() not in _TRUTHS | _LIES:
        raise ValueError
    return text.lower()


def _shown(text: str) -> str:
    """A client's text as a sentence repeats it: short and in one line."""
    clean = re.sub(r"[^\w .,:;+#%()/*=-]", "?", text)
    shown = clean if len(clean) <= _MAX_SHOWN_CHARS else f"{clean[:_MAX_SHOWN_CHARS]}…"
    return repr(shown)
