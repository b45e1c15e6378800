"""/api/remove as rembg's server has it, so that its clients need no change.

The parameters are rembg's. Its alpha matting is done as it says: what its thresholds leave open is
solved anew between what they make sure. `url` is refused: a server that fetches what strangers name
reaches what they cannot, and tells others what its users look at.
"""

from __future__ import annotations

import json
from collections.abc import Mapping
from dataclasses import dataclass
from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING, Any

from fastapi import APIRouter, Request
from starlette.responses import Response

from mattelier.service import form as forms
from mattelier.service.engine import model_names, report, run_task
from mattelier.service.queue import Job, JobQueue, kept_on_success
from mattelier.service.refusal import Refusal
from mattelier.service.tasks import Order, Work, Written, begin, do_now
from mattelier.tasks.registry import TASKS

if TYPE_CHECKING:
    import numpy as np
    from numpy.typing import NDArray

    from mattelier.api_result import Result

NAME = "remove"  # of its orders
# Its names of networks that we know by others; those that are not named are called the same.
_MODELS = {"u2net_human_seg": "u2net-human", "isnet-general-use": "isnet-general",
           "birefnet-general-lite": "birefnet-lite", "bria-rmbg": "rmbg-1.4"}  # fmt: skip
_WORDS = {"a": "Solve the edge anew (alpha matting).", "om": "Give the mask alone.",
          "ppm": "Give the mask a smooth, hard outline."}  # fmt: skip
_NUMBERS = {"af": 240, "ab": 10, "ae": 10}
_TEXTS = {
    "model": "A network's name; one that is not here is done with the shipped one.",
    "bgc": "Put the subject over this colour: red,green,blue,alpha, each 0…255.",
    "extras": "JSON; of it `sam_prompt` is used: points and rectangles.",
}
_SOFTEN_PX = 2.0  # standard deviation of the outline that is smoothed


@dataclass(frozen=True)
class Wish:
    """What a client of rembg asks for."""

    model: str = ""
    a: bool = False
    af: int = 240
    ab: int = 10
    ae: int = 10
    om: bool = False
    ppm: bool = False
    bgc: tuple[int, ...] | None = None
    extras: str = ""

    @classmethod
    def of(cls, values: Mapping[str, str]) -> Wish:
        """The wish that texts stand for; names of nothing are passed over, as rembg does.

        Raises
        ------
        Refusal
            422, as rembg's.
        """
        try:
            numbers = {name: int(values.get(name, number)) for name, number in _NUMBERS.items()}
            truths = {name: _truth(values.get(name, "false")) for name in _WORDS}
            found: dict[str, Any] = {**numbers, **truths, "bgc": _colour(values.get("bgc", ""))}
            return cls(
                model=values.get("model", ""), extras=values.get("extras", ""), **found
            )._checked()
        except ValueError:
            raise Refusal(
                422,
                "a, om and ppm are true or false; af and ab are 0…255, ae is from 0 on; bgc is "
                "red,green,blue,alpha, each 0…255.",
            ) from None

    def _checked(self) -> Wish:
        if not (0 <= self.af <= 255 and 0 <= self.ab <= 255 and 0 <= self.ae <= 500):
            raise ValueError
        return self


def router(queue: JobQueue, device: str) -> APIRouter:
    """The routes."""
    routes = APIRouter(tags=["rembg"])

    @routes.get("/api/remove", summary="Refused: this server fetches no addresses.")
    async def remove_from_address(request: Request) -> Response:
        raise Refusal(
            400,
            "This server fetches nothing from addresses, for safety and privacy; send the picture "
            "itself: curl -F file=@picture.jpg …/api/remove",
        )

    @routes.post(
        "/api/remove", summary="Remove the background, asked for as of rembg.",
        response_class=Response, openapi_extra={"requestBody": _schema()},
        responses={200: {"content": {"image/png": {}}}},
    )  # fmt: skip
    async def remove(request: Request) -> Response:
        job, form = await begin(request, queue, NAME, partial(forms.receive, request))
        with kept_on_success(job.folder):
            if "file" not in form.files:
                raise Refusal(422, "There is no picture: send it as the form's file `file`.")
            asked = {name: [value] for name, value in request.query_params.items()}
            form = forms.Form({**asked, **form.texts}, form.files)
            order = Order(NAME, form, remove_work(form, device))
            return await do_now(request, queue, job, order, queue.limits.pixels)

    return routes


def remove_work(form: forms.Form, device: str) -> Work:
    """What removes the background of a form's file as its texts say.

    Raises
    ------
    Refusal
        422, as rembg's.
    """
    wish = Wish.of({name: values[-1] for name, values in form.texts.items()})
    picture = form.files["file"]
    model, note = _model(wish.model)
    options = {"model": model, **_prompt(wish.extras)}

    def work(job: Job) -> Written:
        if wish.a:
            rough = run_task(TASKS["matte"], picture, {**options, "refine": False}, device)
            kept = {"trimap": _trimap(rough, wish), "model": model}
            result = run_task(TASKS["cutout"], picture, kept, device)
        else:
            result = run_task(TASKS["cutout"], picture, options, device)
        path = job.folder / "result.png"
        _write(path, result, wish)
        told = report(job, result)
        if note:
            told["note"] = " ".join(filter(None, (note, told.get("note", ""))))
        return Written(path, "image/png", told)

    return work


def _model(name: str) -> tuple[str, str]:
    """The network to use, and what to tell where it is another than was asked for."""
    if not name:
        return "default", ""
    from mattelier.api_arguments import models

    ours = _MODELS.get(name, name)
    store = models().store
    if ours in model_names() and store.state(store.card(ours))[0] == "ready":
        return ours, ""
    return "default", "The network that was asked for is not here; this is the shipped one's."


def _prompt(extras: str) -> dict[str, Any]:
    """Clicks and a box of `sam_prompt`; what makes no sense is passed over, as rembg does."""
    from mattelier.requests import Box, Point

    try:
        marks = [dict(mark) for mark in json.loads(extras)["sam_prompt"]]
        points = [
            Point(float(mark["data"][0]), float(mark["data"][1]), mark.get("label", 1) == 1)
            for mark in marks
            if mark["type"] == "point"
        ]
        boxes = [
            Box(x0, y0, x1 - x0, y1 - y0)
            for x0, y0, x1, y1 in (mark["data"] for mark in marks if mark["type"] == "rectangle")
        ]
    except Exception:
        return {}
    found = {"points": tuple(points)} if points else {}
    return {**found, "box": boxes[0]} if boxes else found


def _trimap(rough: Result, wish: Wish) -> Any:
    """(H, W) uint8: what the thresholds make sure, `ae` pixels away from the rest."""
    import cv2
    import numpy as np

    assert rough.alpha is not None
    levels = np.rint(rough.alpha * 255)
    kernel = np.ones((max(1, wish.ae), max(1, wish.ae)), np.uint8)
    subject = cv2.erode((levels > wish.af).astype(np.uint8), kernel, borderValue=1)
    ground = cv2.erode((levels < wish.ab).astype(np.uint8), kernel, borderValue=1)
    trimap = np.full(levels.shape, 128, np.uint8)
    trimap[ground > 0] = 0
    trimap[subject > 0] = 255
    return trimap


def _write(path: Path, result: Result, wish: Wish) -> None:
    """Write what is wished for as a PNG of 8 bit."""
    from mattelier.media import png
    from mattelier.media.stills import encoded

    picture = result.picture
    assert picture is not None
    samples = encoded(picture, "uint8", "display")  # (H, W, 4): cut out
    if wish.ppm:
        samples[..., 3] = _smooth_outline(samples[..., 3])
    if wish.om:
        samples = samples[..., 3:]
    elif wish.bgc is not None:
        samples = _over(samples, wish.bgc)
    with path.open("wb") as file:
        png.write(
            file,
            (samples.shape[0], samples.shape[1], samples.shape[2]),
            8,
            lambda y0, y1: samples[y0:y1],
            icc=picture.icc if picture.transfer == "display" and not wish.om else None,
            exif=picture.exif,
        )


def _over(samples: NDArray[np.uint8], colour: tuple[int, ...]) -> NDArray[np.uint8]:
    import numpy as np
    from PIL import Image

    ground = Image.new("RGBA", samples.shape[1::-1], colour)
    ground.alpha_composite(Image.fromarray(samples))
    return np.asarray(ground)


def _smooth_outline(mask: NDArray[np.uint8]) -> NDArray[np.uint8]:
    """A mask without crumbs, its outline rounded: 0 or 255."""
    import cv2
    import numpy as np

    disc = cv2.getStructuringElement(cv2.MORPH_ELLIPSE, (3, 3))
    opened = cv2.morphologyEx(mask, cv2.MORPH_OPEN, disc)
    soft = cv2.GaussianBlur(opened, (0, 0), _SOFTEN_PX)
    return np.where(soft < 128, 0, 255).astype(np.uint8)


def _truth(text: str) -> bool:
    if text.lower() in ("true", "1", "on", "yes", "t", "y"):
        return True
    if text.lower() in ("false", "0", "off", "no", "f", "n"):
        return False
    raise ValueError


def _colour(text: str) -> tuple[int, ...] | None:
    if not text:
        return None
    values = tuple(map(int, text.split(",")))
    if len(values) not in (3, 4) or not all(0 <= value <= 255 for value in values):
        raise ValueError
    return values if len(values) == 4 else (*values, 255)


def _schema() -> dict[str, Any]:
    properties: dict[str, Any] = {"file": {"type": "string", "format": "binary"}}
    for name, text in _WORDS.items():
        properties[name] = {"type": "boolean", "default": False, "description": text}
    for name, number in _NUMBERS.items():
        properties[name] = {"type": "integer", "minimum": 0, "default": number}
    for name, text in _TEXTS.items():
        properties[name] = {"type": "string", "description": text}
    schema = {"type": "object", "properties": properties, "required": ["file"]}
    return {"required": True, "content": {"multipart/form-data": {"schema": schema}}}
