"""Segmenter (Strudel et al., ICCV 2021): a vision transformer whose patches are given classes.

Classes are tokens among the patches, and a patch is of those that it resembles; or each patch is
classified by itself. Modules are named as in the published files, so that their weights load.
"""

from __future__ import annotations

import torch
import torch.nn.functional as F  # noqa: N812 - as everybody calls it
from torch import Tensor, nn

_HEAD_CHANNELS = 64  # of each head of attention
_STRIDE = 2 / 3  # of a window, from one to the next where they overlap


class Attention(nn.Module):
    """Each token looks at all."""

    def __init__(self, width: int) -> None:
        super().__init__()
        self.heads = max(1, width // _HEAD_CHANNELS)
        self.qkv = nn.Linear(width, 3 * width)
        self.proj = nn.Linear(width, width)

    def forward(self, x: Tensor) -> Tensor:
        count, tokens, width = x.shape
        parts = self.qkv(x).view(count, tokens, 3, self.heads, -1).permute(2, 0, 3, 1, 4)
        y = F.scaled_dot_product_attention(*parts).transpose(1, 2)
        z: Tensor = self.proj(y.reshape(count, tokens, width))
        return z


class FeedForward(nn.Module):
    """Each token by itself."""

    def __init__(self, width: int) -> None:
        super().__init__()
        self.fc1 = nn.Linear(width, 4 * width)
        self.fc2 = nn.Linear(4 * width, width)

    def forward(self, x: Tensor) -> Tensor:
        y: Tensor = self.fc2(F.gelu(self.fc1(x)))
        return y


class Block(nn.Module):
    """Attention and what follows it, each added to what it was given."""

    def __init__(self, width: int) -> None:
        super().__init__()
        self.norm1, self.norm2 = nn.LayerNorm(width), nn.LayerNorm(width)
        self.attn, self.mlp = Attention(width), FeedForward(width)

    def forward(self, x: Tensor) -> Tensor:
        x = x + self.attn(self.norm1(x))
        y: Tensor = x + self.mlp(self.norm2(x))
        return y


class Encoder(nn.Module):
    """picture (N, 3, h, w) → (N, patches, width).

    Parameters
    ----------
    width, patch, grid, depth : channels, side of a patch in pixels, patches a side of the pictures
        that it learned from, blocks
    distilled : it has DeiT's second token
    """

    def __init__(self, width: int, patch: int, grid: int, depth: int, *, distilled: bool) -> None:
        super().__init__()
        self.grid, self.extra = grid, 1 + distilled
        self.patch_embed = nn.ModuleDict({"proj": nn.Conv2d(3, width, patch, stride=patch)})
        self.cls_token = nn.Parameter(torch.zeros(1, 1, width))
        if distilled:
            self.dist_token = nn.Parameter(torch.zeros(1, 1, width))
        self.pos_embed = nn.Parameter(torch.zeros(1, grid * grid + self.extra, width))
        self.blocks = nn.ModuleList(Block(width) for _ in range(depth))
        self.norm = nn.LayerNorm(width)

    def forward(self, picture: Tensor) -> Tensor:
        patches = self.patch_embed["proj"](picture)
        own = [self.cls_token, self.dist_token] if self.extra > 1 else [self.cls_token]
        tokens = [token.expand(len(picture), -1, -1) for token in own]
        x = torch.cat((*tokens, patches.flatten(2).transpose(1, 2)), 1)
        x = x + self._positions(*patches.shape[2:])
        for block in self.blocks:
            x = block(x)
        y: Tensor = self.norm(x)[:, self.extra :]
        return y

    def _positions(self, rows: int, columns: int) -> Tensor:
        if (rows, columns) == (self.grid, self.grid):
            return self.pos_embed
        own, grid = self.pos_embed[:, : self.extra], self.pos_embed[:, self.extra :]
        grid = grid.reshape(1, self.grid, self.grid, -1).permute(0, 3, 1, 2)
        grid = F.interpolate(grid, (rows, columns), mode="bilinear", align_corners=False)
        return torch.cat((own, grid.flatten(2).transpose(1, 2)), 1)


class LinearDecoder(nn.Module):
    """(N, patches, width) → (N, patches, classes), each patch by itself."""

    def __init__(self, width: int, classes: int) -> None:
        super().__init__()
        self.head = nn.Linear(width, classes)

    def forward(self, x: Tensor) -> Tensor:
        y: Tensor = self.head(x)
        return y


class MaskDecoder(nn.Module):
    """(N, patches, width) → (N, patches, classes), how much patches resemble classes."""

    def __init__(self, width: int, classes: int, depth: int) -> None:
        super().__init__()
        self.classes = classes
        self.cls_emb = nn.Parameter(torch.zeros(1, classes, width))
        self.proj_dec = nn.Linear(width, width)
        self.blocks = nn.ModuleList(Block(width) for _ in range(depth))
        self.proj_patch = nn.Parameter(torch.zeros(width, width))
        self.proj_classes = nn.Parameter(torch.zeros(width, width))
        self.decoder_norm = nn.LayerNorm(width)
        self.mask_norm = nn.LayerNorm(classes)

    def forward(self, x: Tensor) -> Tensor:
        x = torch.cat((self.proj_dec(x), self.cls_emb.expand(len(x), -1, -1)), 1)
        for block in self.blocks:
            x = block(x)
        x = self.decoder_norm(x)
        patches = F.normalize(x[:, : -self.classes] @ self.proj_patch, dim=-1)
        classes = F.normalize(x[:, -self.classes :] @ self.proj_classes, dim=-1)
        y: Tensor = self.mask_norm(patches @ classes.transpose(1, 2))
        return y


class Segmenter(nn.Module):
    """picture (1, 3, h, w), sides multiples of the patch → shares of its classes (C, h, w) 0…1.

    It looks at windows of the size that it learned at, and averages what it says of them.

    Parameters
    ----------
    width, patch, grid, depth, distilled : see `Encoder`
    classes : that it tells apart
    mask_depth : blocks of its decoder; None: the decoder is linear
    overlap : its windows do
    """

    def __init__(
        self,
        width: int,
        patch: int,
        grid: int,
        depth: int,
        classes: int,
        *,
        mask_depth: int | None,
        distilled: bool,
        overlap: bool,
    ) -> None:
        super().__init__()
        self.patch, self.window = patch, patch * grid
        self.stride = round(self.window * _STRIDE) if overlap else self.window
        self.encoder = Encoder(width, patch, grid, depth, distilled=distilled)
        self.decoder: nn.Module
        if mask_depth is None:
            self.decoder = LinearDecoder(width, classes)
        else:
            self.decoder = MaskDecoder(width, classes, mask_depth)

    def forward(self, picture: Tensor) -> Tensor:
        height, width = picture.shape[2:]
        logits = picture.new_zeros(())
        counts = picture.new_zeros((height, width))
        for rows in self._windows(height):
            for columns in self._windows(width):
                part = self._look(picture[..., rows, columns])
                around = (columns.start, width - columns.stop, rows.start, height - rows.stop)
                logits = logits + F.pad(part, around)
                counts[rows, columns] += 1
        return (logits / counts).softmax(0)

    def _look(self, picture: Tensor) -> Tensor:
        """Logits (C, h, w) of a window."""
        rows, columns = (side // self.patch for side in picture.shape[2:])
        masks = self.decoder(self.encoder(picture)).transpose(1, 2).unflatten(2, (rows, columns))
        return F.interpolate(masks, picture.shape[2:], mode="bilinear", align_corners=False)[0]

    def _windows(self, side: int) -> list[slice]:
        last = max(0, side - self.window)
        starts = [*range(0, last, self.stride), last]
        return [slice(start, min(start + self.window, side)) for start in starts]
