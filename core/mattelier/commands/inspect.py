"""`mattelier inspect`: what files say of themselves."""

from __future__ import annotations

import json
from collections.abc import Iterator, Mapping
from dataclasses import asdict
from pathlib import Path
from typing import Any

import click

from mattelier.commands.options import complete_file, switch
from mattelier.types.errors import MattelierError, UsageError

_GPS_IFD, _MAKE, _MODEL, _ARTIST, _SERIAL = 0x8825, 0x010F, 0x0110, 0x013B, 0xA431
_EXIF_IFD = 0x8769


@click.command(
    epilog="""\b
Exit code: 0 all could be read, 3 one could not, or its credentials do not fit its bytes."""
)
@click.argument("files", nargs=-1, required=True, metavar="FILE...", shell_complete=complete_file)
@switch("json", "One JSON object per file on stdout.")
def inspect(files: tuple[str, ...], **flags: bool) -> int:
    """Say what pictures tell of themselves: credentials, source, camera, place."""
    code = 0
    for name in files:
        try:
            found = _look(Path(name))
        except MattelierError as error:
            click.echo(f"mattelier: {error}", err=True)
            code = 3
            continue
        credentials = found["credentials"]
        if credentials is not None and not credentials["valid"]:
            code = 3
        _print(found, as_json=flags["json"])
    return code


def _look(path: Path) -> dict[str, Any]:
    from mattelier.media import stills
    from mattelier.media.credentials import read_credentials
    from mattelier.media.xmp import read_source_type

    kind = stills.detect_format(path)
    picture = stills.read(path)
    credentials, unread = None, ""
    try:
        credentials = read_credentials(path)
    except UsageError as error:  # the library is an extra; the rest can be told without it
        unread = str(error)
    return {
        "file": str(path),
        "format": kind,
        "width": picture.width,
        "height": picture.height,
        "source_type": read_source_type(path),
        "exif": _exif(picture.exif),
        "credentials": None if credentials is None else asdict(credentials),
        "credentials_unread": unread,
    }


def _exif(block: bytes | None) -> dict[str, Any]:
    from PIL import Image

    if not block:
        return {}
    exif = Image.Exif()
    exif.load(block)
    inner = exif.get_ifd(_EXIF_IFD)
    found = {
        "camera": " ".join(str(exif[tag]).strip() for tag in (_MAKE, _MODEL) if tag in exif),
        "artist": str(exif.get(_ARTIST, "")),
        "serial_number": str(inner.get(_SERIAL, "")),
        "place": bool(exif.get_ifd(_GPS_IFD)),
    }
    return {key: value for key, value in found.items() if value}


def _print(found: Mapping[str, Any], *, as_json: bool) -> None:
    if as_json:
        click.echo(json.dumps(found))
        return
    click.echo(f"{found['file']}: {found['format']}, {found['width']}×{found['height']}")
    for line in _lines(found):
        click.echo(f"  {line}")


def _lines(found: Mapping[str, Any]) -> Iterator[str]:
    exif = found["exif"]
    if exif.get("place"):
        yield "place: the file tells where it was taken (--strip-metadata leaves it out)"
    for key in ("camera", "serial_number", "artist"):
        if key in exif:
            yield f"{key.replace('_', ' ')}: {exif[key]}"
    if found["source_type"]:
        yield f"digital source type: {found['source_type']}"
    credentials = found["credentials"]
    if credentials is None:
        yield f"content credentials: {found['credentials_unread'] or 'none'}"
        return
    if not credentials["valid"]:
        yield "content credentials: REFUSED, the file is not as it was signed"
    elif credentials["is_test"]:
        yield "content credentials: fit, signed with a TEST key, for which nobody vouches"
    else:
        yield f"content credentials: fit, signed by {credentials['signer']}"
    yield from (f"  {problem}" for problem in credentials["problems"])
    yield from (f"  made from {title}" for title in credentials["ingredients"])
    yield from (f"  {action}" for action in credentials["actions"])
    yield from (f"  {key}: {value}" for key, value in credentials["process"].items())
