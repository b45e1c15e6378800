"""What is read of the pixels, brought into line with what is known of each subject as a whole."""

from __future__ import annotations

import torch
import torch.nn.functional as F  # noqa: N812 - as everybody calls it
from torch import Tensor, nn

from mattelier.networks.cutie.layers import ChannelBlock, aggregate

WIDTH = 256
QUERIES = 16  # half of them look at the subject, half at what is around it
_HEADS, _BLOCKS, _HIDDEN = 8, 3, 2048
_SCALE, _TEMPERATURE = 32.0, 128.0  # of positions
_EPSILON = 1e-6


class Positions(nn.Module):
    """(h, w) → (h, w, channels): sines of the place, the columns' first."""

    def __init__(self, channels: int) -> None:
        super().__init__()
        steps = torch.arange(0, channels // 2, 2) / (channels // 2)
        self.register_buffer("inv_freq", _TEMPERATURE**-steps)

    def forward(self, height: int, width: int) -> Tensor:
        rows, columns = self._along(height), self._along(width)
        rows = rows[:, None].expand(-1, width, -1)
        return torch.cat([columns.expand(height, -1, -1), rows], -1)

    def _along(self, count: int) -> Tensor:
        frequencies: Tensor = self.get_buffer("inv_freq")
        places = torch.arange(count, device=frequencies.device, dtype=frequencies.dtype)
        angles = (places / (count - 1 + _EPSILON) * _SCALE)[:, None] * frequencies
        return torch.stack([angles.sin(), angles.cos()], -1).flatten(1)


class Summary(nn.Module):
    """What subjects look like in a view: sums over places, and how much went into them.

    masks (N, H, W), features (N, C, h, w) → (N, QUERIES, C + 1); such sums of several views add up.
    """

    def __init__(self) -> None:
        super().__init__()
        self.pos_enc = Positions(WIDTH)
        self.input_proj = nn.Linear(WIDTH, WIDTH)
        self.feature_pred = _perceptron(WIDTH)
        self.weights_pred = _perceptron(QUERIES)

    def forward(self, masks: Tensor, features: Tensor) -> Tensor:
        height, width = features.shape[2:]
        inside = F.interpolate(masks[None], (height, width), mode="area")[0, ..., None]
        half = inside.expand(-1, -1, -1, QUERIES // 2)
        x = self.input_proj(features.permute(0, 2, 3, 1)) + self.pos_enc(height, width)
        weights = self.weights_pred(x).sigmoid() * torch.cat([half, 1 - half], -1)
        sums = torch.einsum("nhwq,nhwc->nqc", weights, self.feature_pred(x))
        return torch.cat([sums, weights.sum((1, 2))[..., None]], -1)


class Attention(nn.Module):
    """Queries look at other things; both know their places, which the answer does not hold."""

    def __init__(self, name: str, *, normed: bool) -> None:
        super().__init__()
        self.name = name
        self.add_module(name, nn.MultiheadAttention(WIDTH, _HEADS, batch_first=True))
        self.norm = nn.LayerNorm(WIDTH) if normed else nn.Identity()

    def forward(
        self,
        x: Tensor,
        x_places: Tensor,
        seen: Tensor | None = None,
        seen_places: Tensor | None = None,
        hidden: Tensor | None = None,
    ) -> Tensor:
        x = self.norm(x)
        if seen is None or seen_places is None:
            seen, seen_places = x, x_places
        attention = getattr(self, self.name)
        y: Tensor = attention(
            x + x_places, seen + seen_places, seen, attn_mask=hidden, need_weights=False
        )[0]
        return x + y


class FeedForward(nn.Module):
    """Each query by itself."""

    def __init__(self) -> None:
        super().__init__()
        self.linear1, self.linear2 = nn.Linear(WIDTH, _HIDDEN), nn.Linear(_HIDDEN, WIDTH)
        self.norm = nn.LayerNorm(WIDTH)

    def forward(self, x: Tensor) -> Tensor:
        y: Tensor = x + self.linear2(F.relu(self.linear1(self.norm(x))))
        return y


class Block(nn.Module):
    """Queries look at the places, at each other, and the places at the queries."""

    def __init__(self) -> None:
        super().__init__()
        self.read_from_pixel = Attention("cross_attn", normed=True)
        self.self_attn = Attention("self_attn", normed=True)
        self.ffn = FeedForward()
        self.read_from_query = Attention("cross_attn", normed=False)
        self.pixel_ffn = nn.ModuleDict({"conv": ChannelBlock(WIDTH)})

    def forward(
        self, queries: Tensor, known: Tensor, features: Tensor, places: Tensor, hidden: Tensor
    ) -> tuple[Tensor, Tensor]:
        pixels = features.flatten(2).transpose(1, 2)
        queries = self.read_from_pixel(queries, known, pixels, places, hidden)
        queries = self.ffn(self.self_attn(queries, known))
        pixels = self.read_from_query(pixels, places, queries, known)
        features = pixels.transpose(1, 2).unflatten(2, features.shape[2:])
        return queries, self.pixel_ffn["conv"](features)


class ObjectTransformer(nn.Module):
    """features (N, C, h, w) of subjects, their summary (N, QUERIES, C + 1) → such features."""

    def __init__(self) -> None:
        super().__init__()
        self.query_init = nn.Embedding(QUERIES, WIDTH)
        self.query_emb = nn.Embedding(QUERIES, WIDTH)
        self.summary_to_query_init = nn.Linear(WIDTH, WIDTH)
        self.summary_to_query_emb = nn.Linear(WIDTH, WIDTH)
        self.pixel_init_proj = nn.Conv2d(WIDTH, WIDTH, 1)
        self.pixel_emb_proj = nn.Conv2d(WIDTH, WIDTH, 1)
        self.spatial_pe = Positions(WIDTH)
        self.blocks = nn.ModuleList(Block() for _ in range(_BLOCKS))
        # The last one's answer only training looks at.
        self.mask_pred = nn.ModuleList(
            nn.Sequential(nn.ReLU(), nn.Conv2d(WIDTH, 1, 1)) for _ in range(_BLOCKS + 1)
        )

    def forward(self, features: Tensor, summary: Tensor) -> Tensor:
        values = summary[..., :-1] / (summary[..., -1:] + 1e-4)
        queries = self.query_init.weight + self.summary_to_query_init(values)
        known = self.query_emb.weight + self.summary_to_query_emb(values)
        places = self.pixel_emb_proj(features).flatten(2).transpose(1, 2)
        places = places + self.spatial_pe(*features.shape[2:]).flatten(0, 1)
        features = self.pixel_init_proj(features)
        for mask, block in zip(self.mask_pred, self.blocks, strict=False):
            hidden = _hidden(mask(features)[:, 0])
            queries, features = block(queries, known, features, places, hidden)
        return features


def _hidden(logits: Tensor) -> Tensor:
    """(N · heads, QUERIES, h · w) bool: which places each query does not see, told from masks."""
    shares = aggregate(logits.sigmoid())
    inside = (shares[1:] >= shares.amax(0)).flatten(1)[:, None]
    half = inside.expand(-1, QUERIES // 2, -1)
    hidden = torch.cat([~half, half], 1)
    hidden = hidden & ~hidden.all(-1, keepdim=True)  # who would see nothing sees all
    return hidden.repeat_interleave(_HEADS, 0)


def _perceptron(channels: int) -> nn.Sequential:
    return nn.Sequential(nn.Linear(WIDTH, WIDTH), nn.ReLU(), nn.Linear(WIDTH, channels))
