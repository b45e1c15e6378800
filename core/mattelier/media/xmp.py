"""The IPTC's Digital Source Type in a file's XMP: whether, and how far, a machine made a picture.

https://cv.iptc.org/newscodes/digitalsourcetype; XMP packets lie in PNG as the specification's part
3 says (an iTXt chunk), in JPEG in an APP1 segment. WebP and TIFF are told by their manifest alone.
"""

from __future__ import annotations

import re
import struct
import zlib
from pathlib import Path

SOURCE_TYPES = "http://cv.iptc.org/newscodes/digitalsourcetype/"

_PACKET = (
    '<?xpacket begin="\ufeff" id="W5M0MpCehiHzreSzNTczkc9d"?>'
    '<x:xmpmeta xmlns:x="adobe:ns:meta/"><rdf:RDF '
    'xmlns:rdf="http://www.w3.org/1999/02/22-rdf-syntax-ns#"><rdf:Description rdf:about="" '
    'xmlns:Iptc4xmpExt="http://iptc.org/std/Iptc4xmpExt/2008-02-29/" '
    'Iptc4xmpExt:DigitalSourceType="{uri}"/></rdf:RDF></x:xmpmeta><?xpacket end="w"?>'
)
_PNG, _JPEG = b"\x89PNG\r\n\x1a\n", b"\xff\xd8"
_JPEG_HEADER = b"http://ns.adobe.com/xap/1.0/\0"
_ENTRY = re.compile(
    rb"DigitalSourceType\s*(?:=\s*[\"']|>\s*)https?://cv\.iptc\.org/newscodes/digitalsourcetype/(\w+)"
)
_HEAD_BYTES = 1 << 20  # of a file, in which its XMP stands


def with_source_type(data: bytes, source_type: str) -> bytes:
    """The bytes of a PNG or JPEG that says of what source it is; others are given back as they are.

    Files as `media.stills` writes them, which hold no XMP yet.
    """
    packet = _PACKET.format(uri=SOURCE_TYPES + source_type).encode()
    if data.startswith(_PNG):
        body = b"iTXt" + b"XML:com.adobe.xmp\0\0\0\0\0" + packet
        chunk = struct.pack(">I", len(body) - 4) + body + struct.pack(">I", zlib.crc32(body))
        end = len(_PNG) + 25  # of IHDR, which is first
        return data[:end] + chunk + data[end:]
    if data.startswith(_JPEG):
        segment = _JPEG_HEADER + packet
        at = 2
        while data[at : at + 2] in (b"\xff\xe0", b"\xff\xe1"):  # after JFIF and EXIF
            at += 2 + struct.unpack(">H", data[at + 2 : at + 4])[0]
        return data[:at] + b"\xff\xe1" + struct.pack(">H", len(segment) + 2) + segment + data[at:]
    return data


def read_source_type(path: Path) -> str | None:
    """The Digital Source Type that a file's XMP names; None where it names none."""
    with path.open("rb") as file:
        found = _ENTRY.search(file.read(_HEAD_BYTES))
    return None if found is None else found[1].decode()
