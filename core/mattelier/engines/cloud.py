"""A network that others run: the picture is sent to them over HTTP, and a matte comes back.

Nothing is sent unless whoever asks named the host in the same run. What leaves is the picture
alone, encoded anew: no name, no EXIF, no place. Redirects are not followed, and what comes back is
bounded.
"""

from __future__ import annotations

import base64
import io
import json
import time
import warnings
from collections.abc import Mapping
from concurrent.futures import Future, wait
from threading import Thread
from typing import Any
from urllib.parse import urlsplit

import numpy as np
from numpy.typing import NDArray

from mattelier.catalogue import Card
from mattelier.catalogue.cloud import PICTURE, Cloud
from mattelier.engines.failures import one_line
from mattelier.types.errors import EngineError, UsageError
from mattelier.types.progress import remark, tell
from mattelier.types.sentence import Sentence

_CONNECT_SECONDS = 15.0
_LOOK_SECONDS = 0.2
_BLOCK_BYTES = 1 << 16
_BYTES_PER_PIXEL = 6  # that an answer may have: RGBA of 8 bits, as base64, and room
_LEAST_BYTES = 1 << 20
_REASON_CHARS = 200
_ASPECT_TOLERANCE = 0.02
_JPEG_QUALITY = 95
_REFUSES = "it refuses"
_REFUSALS = {
    401: "it does not take the key",
    402: "the account has no credit left",
    403: "the key may not do this",
    404: "there is no such service; it may have been retired",
    413: "the picture is too large for it",
    429: "it takes no more pictures at the moment",
}


def agreed_address(card: Card, send_to: str | None) -> str:
    """Where a model's pictures go, if that is where they may.

    Parameters
    ----------
    send_to : the host that was agreed to in this run; None: none was

    Raises
    ------
    UsageError
        It is another, or none; or the environment lacks what the card needs.
    ModelError
        The card names no address that pictures may be sent to.
    """
    assert card.cloud is not None
    if send_to is None:
        raise UsageError(
            "The model {name} is run by others, and pictures leave this computer only where "
            "--send-to names their host on the command line.",
            name=card.name,
        )
    host = card.cloud.host(card.name)
    if send_to != host:
        raise UsageError(
            "The model {name} would send pictures to {host}, not to {send_to}.",
            name=card.name,
            host=host,
            send_to=send_to,
        )
    card.cloud.key(card.name)
    return card.cloud.address(card.name)


class CloudSession:
    """A service that is asked for a matte; see `open_model.Session`.

    Parameters
    ----------
    model : what people call it
    cloud : how it is asked
    url : where, as the user agreed to
    """

    name = "cloud"
    looks_apart = False

    def __init__(self, model: str, cloud: Cloud, url: str) -> None:
        self._model, self._cloud, self._url = model, cloud, url
        self.device = urlsplit(url).netloc

    def run(
        self, inputs: Mapping[str, NDArray[Any]], entry: str = "forward"
    ) -> dict[str, NDArray[np.float32]]:
        """One picture sent, one matte received; see `Session.run`.

        Raises
        ------
        EngineError
            The service cannot be reached, refuses, takes too long, or answers with something else.
        """
        picture = inputs["picture"][0].transpose(1, 2, 0)
        height, width = picture.shape[:2]
        file = _encode(picture, self._cloud.encoding)
        if len(file) > self._cloud.max_bytes:
            raise self._failure(
                "the picture has {size} MB, and it takes {most}; nothing was sent",
                size=f"{len(file) / 1e6:.1f}",
                most=f"{self._cloud.max_bytes / 1e6:.1f}",
            )
        body = self._ask(file, _LEAST_BYTES + _BYTES_PER_PIXEL * height * width)
        if self._cloud.answer_at:
            body = self._decode_json(body)
        return {"alpha": self._matte(body, height, width)[None, None]}

    def _ask(self, file: bytes, most: int) -> bytes:
        """What the service answers, of at most so many bytes."""
        import requests

        cloud = self._cloud
        headers = {cloud.key_header: cloud.key_prefix + cloud.key(self._model)}
        if cloud.send == "body":
            headers["Content-Type"] = "application/octet-stream"
        # In a thread of its own, as nothing else ends a server that gives a byte now and then.
        exchange: Future[tuple[int, bytes]] = Future()
        Thread(target=self._exchange, args=(exchange, headers, file, most), daemon=True).start()
        started = time.monotonic()
        while not wait([exchange], timeout=_LOOK_SECONDS).done:
            waited = time.monotonic() - started
            tell(waited / cloud.timeout_seconds)
            if waited > cloud.timeout_seconds:
                raise self._failure(
                    "no answer within {seconds} s; the picture may have arrived there",
                    seconds=f"{cloud.timeout_seconds:g}",
                )
        try:
            status, body = exchange.result()
        except requests.exceptions.SSLError as error:
            raise self._failure("its certificate is not trusted") from error
        except requests.exceptions.ConnectionError as error:
            raise self._failure("it cannot be reached, or hung up") from error
        except (requests.exceptions.RequestException, ValueError) as error:
            raise self._failure("it answers with what is no HTTP") from error
        remark(
            "The picture was sent to {host} ({size} kB).",
            host=self.device,
            size=f"{len(file) / 1e3:.0f}",
        )
        if status != 200:
            raise self._refusal(status, body)
        if len(body) > most:
            raise self._failure("it answers with more than a picture of this size has")
        return body

    def _exchange(
        self, exchange: Future[tuple[int, bytes]], headers: dict[str, str], file: bytes, most: int
    ) -> None:
        import requests

        cloud = self._cloud
        try:
            with requests.post(
                self._url,
                headers=headers | {"Accept-Encoding": "identity"},
                timeout=(_CONNECT_SECONDS, cloud.timeout_seconds),
                allow_redirects=False,
                stream=True,
                auth=lambda request: request,  # else ~/.netrc may put another key in its place
                **_request(cloud, file),
            ) as answer:
                body = bytearray()
                for block in answer.iter_content(_BLOCK_BYTES):
                    body += block
                    if len(body) > most:
                        break
                exchange.set_result((answer.status_code, bytes(body)))
        except BaseException as error:
            exchange.set_exception(error)

    def _refusal(self, status: int, body: bytes) -> EngineError:
        if 300 <= status < 400:
            return self._failure("it names another address, and pictures go nowhere else")
        return self._failure(
            "{reason}{said}, HTTP {status}",
            reason=_REFUSALS.get(status, _REFUSES),
            said=_said(body, self._cloud.error_at),
            status=status,
        )

    def _decode_json(self, body: bytes) -> bytes:
        try:
            found = _at(json.loads(body), self._cloud.answer_at)
            if not isinstance(found, str):
                raise ValueError
            return base64.b64decode(found, validate=True)
        except (ValueError, RecursionError):
            raise self._failure(
                "it answers without a picture{said}", said=_said(body, self._cloud.error_at)
            ) from None

    def _matte(self, file: bytes, height: int, width: int) -> NDArray[np.float32]:
        """(h, w) float32 0…1 of a PNG with the aspect of what was sent, and no more pixels."""
        from PIL import Image, UnidentifiedImageError

        try:
            with warnings.catch_warnings():
                warnings.simplefilter("ignore", Image.DecompressionBombWarning)
                image = Image.open(io.BytesIO(file), formats=("PNG",))
                if image.width > width + 1 or image.height > height + 1:
                    raise self._failure("it answers with a larger picture than it was sent")
                if not _same_aspect(image.width, image.height, width, height):
                    raise self._failure("it answers with a picture of another shape")
                image.load()
        except (
            UnidentifiedImageError, Image.DecompressionBombError, OSError, ValueError, SyntaxError,
            MemoryError,
        ) as error:  # fmt: skip
            raise self._failure(
                "what it answers is no picture ({reason})", reason=one_line(error)
            ) from None
        if self._cloud.answer == "mask":
            if image.mode.startswith("I"):
                return np.asarray(np.clip(np.asarray(image) / 65535, 0, 1), np.float32)
            return np.asarray(np.asarray(image.convert("L")) / 255, np.float32)
        if not image.has_transparency_data:
            raise self._failure("it answers with a picture without transparency")
        alpha = np.asarray(image.convert("RGBA").getchannel("A"))
        return np.asarray(alpha / 255, np.float32)

    def _failure(self, reason: str, /, **arguments: object) -> EngineError:
        return EngineError(
            "{model} at {host} gave no matte: {reason}.",
            model=self._model,
            host=self.device,
            reason=Sentence(reason, **arguments),
        )


def _encode(picture: NDArray[np.float32], encoding: str) -> bytes:
    """An 8-bit file of (h, w, 3) float32 0…1, with nothing in it but the pixels."""
    from PIL import Image

    samples = np.clip(picture * 255 + 0.5, 0, 255).astype(np.uint8)
    file = io.BytesIO()
    if encoding == "png":
        Image.fromarray(samples).save(file, "PNG")
    else:
        Image.fromarray(samples).save(file, "JPEG", quality=_JPEG_QUALITY, subsampling=0)
    return file.getvalue()


def _request(cloud: Cloud, file: bytes) -> dict[str, Any]:
    """How the picture is put into a request, as keywords of `requests.post`."""
    kind = f"image/{cloud.encoding}"
    if cloud.send == "form":
        suffix = "png" if cloud.encoding == "png" else "jpg"
        return {
            "files": {cloud.form_field: (f"picture.{suffix}", file, kind)},
            "data": cloud.form_fields,
        }
    if cloud.send == "json":
        return {"json": _filled(cloud.json, base64.b64encode(file).decode())}
    return {"data": file}


def _filled(value: Any, picture: str) -> Any:
    if isinstance(value, Mapping):
        return {key: _filled(item, picture) for key, item in value.items()}
    if isinstance(value, list | tuple):
        return [_filled(item, picture) for item in value]
    return picture if value == PICTURE else value


def _at(value: Any, path: str) -> Any:
    """What stands in JSON at "names.and.0.numbers"; None where nothing does."""
    for step in path.split("."):
        if isinstance(value, list):
            number = int(step) if step.isdecimal() else len(value)
            value = value[number] if number < len(value) else None
        else:
            value = value.get(step) if isinstance(value, dict) else None
    return value


def _said(body: bytes, path: str) -> str:
    """The reason that a service gives in its JSON: " (one short line)"; "" where it gives none."""
    try:
        said = _at(json.loads(body), path) if path else None
    except (ValueError, RecursionError):
        return ""
    if not isinstance(said, str):
        return ""
    line = "".join(char if char.isprintable() else " " for char in said)
    return f" ({' '.join(line.split())[:_REASON_CHARS].rstrip('.')})"


def _same_aspect(width: int, height: int, other_width: int, other_height: int) -> bool:
    """Whether two sizes have one aspect, but for what rounding to whole pixels may do."""
    ratio = width * other_height / max(height * other_width, 1)
    slack = _ASPECT_TOLERANCE + 1 / max(min(width, height), 1)
    return abs(ratio - 1) <= slack
