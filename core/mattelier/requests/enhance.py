"""picture → the same picture under better light."""

from __future__ import annotations

from dataclasses import dataclass

from mattelier.requests.fields import check_range


@dataclass(frozen=True)
class EnhanceRequest:
    """picture → the same picture under better light; 0 leaves each quality as it is.

    `white_balance` (0…1) is how much of the light's cast is taken away, `tone` (0…1) how far
    exposure, shadows and haze are mended, `contrast` (−1…1) that of what lies side by side,
    `saturation` (−1…1) down to grey, `sharpen` 0…1. `match` is the path of a picture whose look
    is taken on, as far as `match_strength` (0…1) says.
    """

    white_balance: float = 0
    tone: float = 0
    contrast: float = 0
    saturation: float = 0
    sharpen: float = 0
    match: str | None = None
    match_strength: float = 1

    def __post_init__(self) -> None:
        check_range("White balance", self.white_balance, 0, 1)
        check_range("Tone", self.tone, 0, 1)
        check_range("Contrast", self.contrast, -1, 1)
        check_range("Saturation", self.saturation, -1, 1)
        check_range("Sharpening", self.sharpen, 0, 1)
        check_range("The match's strength", self.match_strength, 0, 1)
