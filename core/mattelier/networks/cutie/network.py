"""Cutie (Cheng et al., CVPR 2024, arXiv:2310.12982): subjects followed from view to view.

Each place of a view reads what was at places that looked like it (`memory`); what was read is
brought into line with what each subject looks like as a whole (`transformer`); a decoder makes
masks of it, whose shares of a pixel add up to one with the background's. Modules are named as in
the published files, so that their weights load.
"""

from __future__ import annotations

import torch
import torch.nn.functional as F  # noqa: N812 - as everybody calls it
from torch import Tensor, nn

from mattelier.networks.cutie.layers import (
    Fuser,
    Gates,
    Stem,
    aggregate,
    others_of,
    stage_widths,
    stages,
)
from mattelier.networks.cutie.memory import Memory, Places
from mattelier.networks.cutie.transformer import WIDTH, ObjectTransformer, Summary
from mattelier.networks.streams import Streams

_KEPT_EVERY = 5  # views
_KEY_WIDTH = 64
_DECODED = (WIDTH, 128, 128)  # channels at 1/16, 1/8 and 1/4


class PixelEncoder(Stem):
    """picture (1, 3, H, W) → features at 1/16, 1/8 and 1/4."""

    def __init__(self, *, deep: bool) -> None:
        super().__init__(3)
        self.res2, self.layer2, self.layer3 = stages(deep=deep)

    def forward(self, picture: Tensor) -> tuple[Tensor, Tensor, Tensor]:
        quarter = self.res2(self.stem(picture))
        eighth = self.layer2(quarter)
        return self.layer3(eighth), eighth, quarter


class Keys(nn.Module):
    """Features (1, C, h, w) → keys, their sharpness, and how much each channel counts."""

    def __init__(self, channels: int) -> None:
        super().__init__()
        self.pix_feat_proj = nn.Conv2d(channels, WIDTH, 1)
        self.key_proj = nn.Conv2d(WIDTH, _KEY_WIDTH, 3, padding=1)
        self.d_proj = nn.Conv2d(WIDTH, 1, 3, padding=1)
        self.e_proj = nn.Conv2d(WIDTH, _KEY_WIDTH, 3, padding=1)

    def forward(self, features: Tensor) -> tuple[Tensor, Tensor, Tensor]:
        x = self.pix_feat_proj(features)
        keys, sharpness, selection = self.key_proj(x), self.d_proj(x), self.e_proj(x)
        return (
            keys[0].flatten(1),
            sharpness[0].flatten(1) ** 2 + 1,
            selection[0].flatten(1).sigmoid(),
        )


class MaskEncoder(Stem):
    """A picture with its subjects' masks (N, H, W) → what they look like (N, C, h, w)."""

    def __init__(self) -> None:
        super().__init__(3 + 2)
        self.layer1, self.layer2, self.layer3 = stages(deep=False)
        self.fuser = Fuser(WIDTH)
        self.sensory_update = Gates(WIDTH)

    def forward(self, picture: Tensor, view: Tensor, masks: Tensor) -> Tensor:
        pictures = picture.expand(len(masks), -1, -1, -1)
        x = self.stem(torch.cat([pictures, masks[:, None], others_of(masks)[:, None]], 1))
        values: Tensor = self.fuser(view, self.layer3(self.layer2(self.layer1(x))))
        return values


class Enlarge(nn.Module):
    """To twice the size, with a view's features of that size."""

    def __init__(self, given: int, channels: int) -> None:
        super().__init__()
        self.out_conv = nn.ModuleDict(
            {
                "conv1": nn.Conv2d(given, channels, 3, padding=1),
                "conv2": nn.Conv2d(channels, channels, 3, padding=1),
            }
        )
        if given != channels:
            self.out_conv["downsample"] = nn.Conv2d(given, channels, 1)

    def forward(self, x: Tensor, view: Tensor) -> Tensor:
        x = view + F.interpolate(x, scale_factor=2, mode="bilinear", align_corners=False)
        y: Tensor = self.out_conv["conv2"](F.relu(self.out_conv["conv1"](F.relu(x))))
        return y + (self.out_conv["downsample"](x) if "downsample" in self.out_conv else x)


class SensoryUpdate(Gates):
    """What was seen last, renewed by what the decoder saw at three sizes."""

    def __init__(self) -> None:
        super().__init__(WIDTH)
        self.g16_conv = nn.Conv2d(_DECODED[0], WIDTH, 1)
        self.g8_conv = nn.Conv2d(_DECODED[1], WIDTH, 1)
        self.g4_conv = nn.Conv2d(_DECODED[2] + 1, WIDTH, 1)

    def renew(self, sixteenth: Tensor, eighth: Tensor, quarter: Tensor, state: Tensor) -> Tensor:
        seen = (
            self.g16_conv(sixteenth)
            + self.g8_conv(F.avg_pool2d(eighth, 2))
            + self.g4_conv(F.avg_pool2d(quarter, 4))
        )
        renewed: Tensor = self(seen, state)
        return renewed


class MaskDecoder(nn.Module):
    """What was read of subjects (N, C, h, w) → logits (N, 4h, 4w), and what was seen last."""

    def __init__(self, widths: list[int]) -> None:
        super().__init__()
        self.sensory_update = SensoryUpdate()
        quarter, eighth, _ = widths
        self.decoder_feat_proc = nn.ModuleDict(
            {
                "transforms": nn.ModuleList(
                    [nn.Conv2d(eighth, _DECODED[0], 1), nn.Conv2d(quarter, _DECODED[1], 1)]
                )
            }
        )
        self.up_16_8 = Enlarge(_DECODED[0], _DECODED[1])
        self.up_8_4 = Enlarge(_DECODED[1], _DECODED[2])
        self.pred = nn.Conv2d(_DECODED[2], 1, 3, padding=1)

    def forward(
        self, read: Tensor, eighth: Tensor, quarter: Tensor, sensory: Tensor
    ) -> tuple[Tensor, Tensor]:
        to_eighth, to_quarter = self.decoder_feat_proc["transforms"].children()
        at_eighth = self.up_16_8(read, to_eighth(eighth))
        at_quarter = self.up_8_4(at_eighth, to_quarter(quarter))
        logits = self.pred(F.relu(at_quarter))
        fine = torch.cat([at_quarter, logits], 1)
        return logits[:, 0], self.sensory_update.renew(read, at_eighth, fine, sensory)


class PixelFuser(nn.Module):
    """What was read of subjects' places, with what was seen of them last."""

    def __init__(self) -> None:
        super().__init__()
        self.fuser = Fuser(WIDTH)
        self.sensory_compress = nn.Conv2d(WIDTH + 2, WIDTH, 1)

    def forward(self, view: Tensor, read: Tensor, sensory: Tensor, masks: Tensor) -> Tensor:
        masks = F.interpolate(masks[None], sensory.shape[2:], mode="area")[0]
        last = torch.cat([sensory, masks[:, None], others_of(masks)[:, None]], 1)
        fused: Tensor = self.fuser(view, read + self.sensory_compress(last))
        return fused


class Cutie(nn.Module):
    """Subjects followed from view to view.

    Parameters
    ----------
    deep : views are seen by a ResNet-50's stages ("base"), not by a ResNet-18's ("small")
    """

    def __init__(self, *, deep: bool) -> None:
        super().__init__()
        widths = stage_widths(deep=deep)
        self.pixel_encoder = PixelEncoder(deep=deep)
        self.pix_feat_proj = nn.Conv2d(widths[-1], WIDTH, 1)
        self.key_proj = Keys(widths[-1])
        self.mask_encoder = MaskEncoder()
        self.mask_decoder = MaskDecoder(widths)
        self.pixel_fuser = PixelFuser()
        self.object_transformer = ObjectTransformer()
        self.object_summarizer = Summary()
        self._streams: Streams[Memory] = Streams()

    def follow(self, stream: int, place: int, picture: Tensor, first: Tensor) -> Tensor:
        """Where subjects are in the next view of a run.

        Parameters
        ----------
        stream : the run's number
        place : the view's in it; 0 begins the run
        picture : (1, 3, H, W), sides multiples of 16
        first : (N, H, W) 0…1 subjects in the first view, which exclude each other; of other views
            it is not looked at

        Returns
        -------
        (N, H, W) 0…1
        """
        features = self.pixel_encoder(picture)
        view = self.pix_feat_proj(features[0])
        keys, sharpness, selection = self.key_proj(features[0])
        if place == 0:
            masks = aggregate((first >= 0.5).to(first.dtype)).softmax(0)[1:]
            values = self.mask_encoder(picture, view, masks)
            memory = Memory(Places(keys, sharpness, values.flatten(2)))
            memory.sensory = self.mask_encoder.sensory_update(values, torch.zeros_like(values))
            memory.summary = self.object_summarizer(masks, values)
            memory.masks, memory.kept = masks, 0
            self._streams.begin(stream, memory)
            return masks
        memory = self._streams[stream]
        read = memory.read(keys, selection).view(-1, WIDTH, *view.shape[2:])
        read = self.pixel_fuser(view, read, memory.sensory, memory.masks)
        read = self.object_transformer(read, memory.summary)
        logits, memory.sensory = self.mask_decoder(read, features[1], features[2], memory.sensory)
        shares = aggregate(logits.sigmoid())[None]
        shares = F.interpolate(shares, scale_factor=4, mode="bilinear", align_corners=False)[0]
        memory.masks = shares.softmax(0)[1:]
        if place - memory.kept >= _KEPT_EVERY:
            values = self.mask_encoder(picture, view, memory.masks)
            memory.add(Places(keys, sharpness, values.flatten(2)))
            memory.sensory = self.mask_encoder.sensory_update(values, memory.sensory)
            memory.summary = memory.summary + self.object_summarizer(memory.masks, values)
            memory.kept = place
        return memory.masks
