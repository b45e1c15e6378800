"""A shot's findings as one HTML file that needs nothing else."""

from __future__ import annotations

import base64
import html
from collections.abc import Mapping
from dataclasses import fields
from pathlib import Path

import cv2
import numpy as np
from numpy.typing import NDArray

from mattelier.shot.qc import Findings, examine
from mattelier.types.atomic import replacing
from mattelier.types.frame_range import FrameRange

_THUMBNAIL_WIDTH_PX = 240  # pixels of a picture on the contact sheet
_CONTRAST_COLOUR = (1.0, 0.0, 1.0)
_TITLES = {
    "area": "Area (share of the picture)",
    "motion": "Edge motion (share of the matte)",
    "flicker": "Flicker (after optical flow)",
    "agreement": "Agreement with key frames (IoU)",
    "confidence": "Confidence of tracking",
    "doubt": "Doubt (chance that less than 0.7 of the matte is right)",
}
_STYLE = """body{font:14px system-ui,sans-serif;margin:2em;background:#1c1c1c;color:#ddd}
figure{display:inline-block;margin:4px;text-align:center}img{display:block}
svg{background:#262626;display:block;margin-bottom:1em}.bad{color:#ff9d5c}
figure.bad img{outline:2px solid #ff9d5c}td{padding:2px 12px 2px 0}"""


def write_report(manifest: Path, path: Path | None = None) -> tuple[Findings, Path]:
    """Measure a shot and write its report, atomically; by default beside the results."""
    findings = examine(manifest)
    path = path or manifest.parents[2] / f"{findings.shot}_qc.html"
    with replacing(path) as temporary:
        temporary.write_text(report(findings), "utf-8")
    return findings, path


def report(findings: Findings) -> str:
    """The whole page."""
    flagged = findings.look_at
    parts = [
        "<!doctype html><meta charset=utf-8>",
        f"<title>{html.escape(findings.shot)}</title><style>{_STYLE}</style>",
        f"<h1>{html.escape(findings.shot)}</h1><p>Frames {findings.frames}.</p>",
        f"<p class=bad>Look at: <b>{flagged}</b></p>" if flagged else "<p>Nothing stands out.</p>",
        "<table>",
    ]
    if findings.failed:
        parts.append(f"<tr><td>all<td>not written or unreadable<td>{findings.failed}")
    for name, reasons in findings.flags.items():
        for reason, frames in reasons.items():
            parts.append(f"<tr><td>{html.escape(name)}<td>{reason}<td>{frames}")
    parts.append("</table>")
    for name, curves in findings.curves.items():
        parts.append(f"<h2>{html.escape(name)}</h2>")
        if worst := findings.worst_first(name):
            listed = ", ".join(map(str, worst))
            key = findings.next_key(name)
            parts.append(f"<p>Worst first: {listed}. A key helps most at <b>{key}</b>.</p>")
        for field in fields(curves):
            values = getattr(curves, field.name)
            if values:
                parts.append(f"<h3>{_TITLES[field.name]}</h3>{_curve(values, flagged)}")
        parts.append("<h3>On a checkerboard, and on a loud colour</h3>")
        for frame, view, alpha in findings.sheet[name]:
            wrong = " class=bad" if frame in flagged else ""
            pictures = "".join(_picture(view, alpha, on_contrast) for on_contrast in (False, True))
            parts.append(f"<figure{wrong}>{pictures}<figcaption>{frame}</figcaption></figure>")
    return "\n".join(parts) + "\n"


def _curve(values: Mapping[int, float], flagged: FrameRange) -> str:
    """Values by frame as an inline SVG; frames to look at are marked."""
    width, height, margin = 900, 120, 45
    first, last, top = min(values), max(values), max(*values.values(), 1e-9, 1e-9)

    def place(frame: int) -> tuple[float, float]:
        x = margin + (width - margin - 10) * (frame - first) / max(1, last - first)
        return x, height - 20 - (height - 30) * values[frame] / top

    line = " ".join(f"{x:.1f},{y:.1f}" for x, y in map(place, values))
    dots = "".join(
        f'<circle cx="{place(f)[0]:.1f}" cy="{place(f)[1]:.1f}" r="3" fill="#ff9d5c">'
        f"<title>{f}: {values[f]:.4f}</title></circle>"
        for f in values
        if f in flagged
    )
    label = '<text fill="#999" font-size="11" x="{}" y="{}">{}</text>'
    return (
        f'<svg width="{width}" height="{height}" role="img">'
        f'<polyline fill="none" stroke="#6db3f2" points="{line}"/>{dots}'
        + label.format(4, 16, f"{top:.3g}")
        + label.format(4, height - 22, "0")
        + label.format(margin, height - 5, first)
        + label.format(width - 60, height - 5, last)
        + "</svg>"
    )


def _picture(view: NDArray[np.float32], alpha: NDArray[np.float32], on_contrast: bool) -> str:
    height = max(1, round(_THUMBNAIL_WIDTH_PX * view.shape[0] / view.shape[1]))
    thumbnail = cv2.resize(view, (_THUMBNAIL_WIDTH_PX, height), interpolation=cv2.INTER_AREA)
    cover = cv2.resize(alpha, (_THUMBNAIL_WIDTH_PX, height), interpolation=cv2.INTER_AREA)[
        ..., None
    ]
    rows, columns = np.arange(height)[:, None] // 10, np.arange(_THUMBNAIL_WIDTH_PX) // 10
    board = np.where((rows + columns) % 2, 0.35, 0.55)[..., None] * np.ones(3)
    ground = np.broadcast_to(_CONTRAST_COLOUR, thumbnail.shape) if on_contrast else board
    mixed = np.clip(ground + cover * (thumbnail - ground), 0, 1)
    written, file = cv2.imencode(".jpg", np.uint8(mixed[..., ::-1] * 255 + 0.5))
    assert written
    return f'<img src="data:image/jpeg;base64,{base64.b64encode(file.tobytes()).decode()}">'
