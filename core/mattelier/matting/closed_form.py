"""Closed-form matting (Levin, Lischinski and Weiss 2008) on the unknown pixels only.

Written without a just-in-time compiler: the Laplacian's 5 × 5 stencils are built from whole
planes of small blocks, which NumPy does at memory speed; known pixels are eliminated, and
conjugate gradients run on what is left.
"""

from __future__ import annotations

import os
from concurrent.futures import ThreadPoolExecutor

import numpy as np
from numpy.typing import NDArray

from mattelier.types.progress import tell
from mattelier.types.tiles import Tile, tiles

# Iterations; some tens of milliseconds even where a million pixels are unknown.
_STEPS_PER_REPORT = 10
_BLOCK_PX = 128  # 27 float32 planes of a block stay in a processor's second-level cache
_WINDOW = [(dy, dx) for dy in range(3) for dx in range(3)]


def closed_form(
    picture: NDArray[np.float32],
    alpha: NDArray[np.float32],
    unknown: NDArray[np.bool_],
    *,
    pull: NDArray[np.float32] | float = 0.0,
    toward: NDArray[np.float32] | None = None,
    epsilon: float = 1e-7,
    iterations: int = 1000,
    tolerance: float = 1e-6,
) -> NDArray[np.float32]:
    """Alpha that is, in every 3 × 3 window, nearly a linear function of the colour.

    Minimises αᵀLα + Σ pull·(α − toward)² over the unknown pixels, where L is the matting Laplacian
    (Levin et al., "A Closed-Form Solution to Natural Image Matting", PAMI 2008, eq. 12). The
    iterations start from the given alpha: few of them leave what is far from known pixels near
    it; more come nearer the minimum.

    Parameters
    ----------
    picture : (H, W, 3) float32, display-encoded RGB 0…1; H and W at least 3
    alpha : (H, W) float32 0…1
        The truth where known, and a first guess where not.
    unknown : (H, W) bool
    pull : (H, W) float32 or number, ≥ 0
        How strongly the solution holds to `toward`; matte smoothness has a weight of about 1.
    toward : (H, W) float32 0…1, optional
        By default the given alpha.
    epsilon : float
        Regularises the colour line of each window, in squared colour units.

    Returns
    -------
    (H, W) float32 0…1; outside `unknown` it equals `alpha`
    """
    from scipy.sparse import csr_array

    result = alpha.copy()
    stencil, where = _stencils(picture, unknown, epsilon)
    count = len(where)
    if count == 0:
        return result
    flat = result.reshape(-1)
    number = np.full(flat.size, -1, np.int32)
    number[where] = np.arange(count, dtype=np.int32)

    width = unknown.shape[1]
    reach = np.array([dy * width + dx for dy in range(-2, 3) for dx in range(-2, 3)])
    # Stencils are zero beyond the frame: a clipped neighbour is never really read.
    neighbour = np.clip(where[:, None] + reach, 0, flat.size - 1)
    column = number[neighbour]
    is_known = column < 0
    weight = np.broadcast_to(np.asarray(pull, np.float32), unknown.shape).reshape(-1)[where]
    target = flat if toward is None else toward.reshape(-1)
    rhs = weight * target[where] - np.where(is_known, stencil * flat[neighbour], 0).sum(1)
    stencil[:, 12] += weight

    inside = ~is_known & (stencil != 0)
    inside[:, 12] = True
    starts = np.zeros(count + 1, np.int32)
    np.cumsum(inside.sum(1), out=starts[1:])
    matrix = csr_array((stencil[inside], column[inside], starts), shape=(count, count))
    # A pixel in no window (a corner of a tiny picture) has an empty row and keeps its value.
    diagonal = np.maximum(stencil[:, 12], np.float32(1e-12))

    solution = flat[where]
    residual = rhs - matrix @ solution
    scaled = residual / diagonal
    direction = scaled
    power = residual @ scaled
    enough = tolerance * tolerance * float(rhs @ (rhs / diagonal))
    for iteration in range(iterations):
        if not power > enough:
            break
        if iteration % _STEPS_PER_REPORT == 0:
            tell(0)  # levels and their steps differ too much in length for a fraction
        product = matrix @ direction
        step = power / (direction @ product)
        solution = solution + step * direction
        residual = residual - step * product
        scaled = residual / diagonal
        power, last = residual @ scaled, power
        direction = scaled + (power / last) * direction
    flat[where] = np.clip(solution, 0, 1)
    return result


def _stencils(
    picture: NDArray[np.float32], unknown: NDArray[np.bool_], epsilon: float
) -> tuple[NDArray[np.float32], NDArray[np.int64]]:
    """Rows of the matting Laplacian for the unknown pixels.

    Returns
    -------
    stencil : (N, 25) float32
        Entry 5·(dy + 2) + dx + 2 of row n couples pixel n with its neighbour at (dy, dx).
        Rows sum to zero.
    where : (N,) int64
        Flat index of each unknown pixel, block by block, which keeps neighbours close.
    """
    height, width = unknown.shape
    blocks = [b for b in tiles(height, width, _BLOCK_PX) if unknown[b.slices].any()]

    def rows_of(block: Tile) -> tuple[NDArray[np.float32], NDArray[np.int64]]:
        y, x = np.nonzero(unknown[block.slices])
        planes = _block_stencils(picture, block, epsilon)
        return planes[:, y, x].T, (y + block.y0) * width + x + block.x0

    rows: list[NDArray[np.float32]] = [np.empty((0, 25), np.float32)]
    where: list[NDArray[np.int64]] = [np.empty(0, np.int64)]
    with ThreadPoolExecutor(min(8, os.cpu_count() or 1)) as pool:
        for row, place in pool.map(rows_of, blocks):
            rows.append(row)
            where.append(place)
    stencil = np.concatenate(rows)
    # The centre from the others: constants stay constant to the last bit of rounding.
    stencil[:, 12] = 0
    stencil[:, 12] = -stencil.sum(1)
    return stencil, np.concatenate(where)


def _block_stencils(
    picture: NDArray[np.float32], block: Tile, epsilon: float
) -> NDArray[np.float32]:
    """The 25 stencil planes, (25, h, w), of all pixels of one block; the centre is left at 0."""
    height, width = picture.shape[:2]
    h, w = block.y1 - block.y0, block.x1 - block.x0
    # Windows centred up to one pixel outside the block touch it; they see one pixel further.
    y = np.clip(np.arange(block.y0 - 2, block.y1 + 2), 0, height - 1)
    x = np.clip(np.arange(block.x0 - 2, block.x1 + 2), 0, width - 1)
    colour = picture[y[:, None], x].transpose(2, 0, 1)
    # (window pixel, channel, window y, window x)
    pixel = np.stack([colour[:, dy : dy + h + 2, dx : dx + w + 2] for dy, dx in _WINDOW])
    pixel -= pixel.mean(0)

    # Whitening by the Cholesky factor of the covariance turns (I−μ)ᵀ(Σ+ε/9)⁻¹(J−μ) into a
    # plain dot product, and holds in float32 where inverting Σ would not. Its pivots are found
    # from what is left of each channel, as sums of squares: differences of variances would be
    # mere rounding where a picture is nearly grey.
    red, green, blue = pixel[:, 0], pixel[:, 1], pixel[:, 2]
    ridge = np.float32(epsilon / 9)
    root = np.sqrt(_mean(red, red) + ridge)
    red /= root
    slope = _mean(green, red)
    green -= slope * red
    lean = slope / root
    green_root = np.sqrt(_mean(green, green) + ridge * (1 + lean * lean))
    green /= green_root
    slope, slope_green = _mean(blue, red), _mean(blue, green)
    blue -= slope * red + slope_green * green
    slope_green /= green_root
    lean = slope / root - slope_green * lean
    blue /= np.sqrt(_mean(blue, blue) + ridge * (1 + lean * lean + slope_green * slope_green))

    # Only windows wholly inside the picture count.
    centre_y = np.arange(block.y0 - 1, block.y1 + 1)
    centre_x = np.arange(block.x0 - 1, block.x1 + 1)
    whole_y = (centre_y > 0) & (centre_y < height - 1)
    whole_x = (centre_x > 0) & (centre_x < width - 1)
    whole = (whole_y[:, None] & whole_x).astype(np.float32)
    pixel *= whole / 3
    ninth = whole / 9

    planes = np.zeros((5, 5, h, w), np.float32)
    value, part = np.empty_like(ninth), np.empty_like(ninth)
    for i, (iy, ix) in enumerate(_WINDOW):
        for j, (jy, jx) in enumerate(_WINDOW[:i]):
            np.multiply(pixel[i, 0], pixel[j, 0], out=value)
            value += np.multiply(pixel[i, 1], pixel[j, 1], out=part)
            value += np.multiply(pixel[i, 2], pixel[j, 2], out=part)
            value += ninth
            # The window whose place i is block pixel 0 has index 2 − i in the window planes.
            planes[2 + jy - iy, 2 + jx - ix] -= value[2 - iy : 2 - iy + h, 2 - ix : 2 - ix + w]
            planes[2 + iy - jy, 2 + ix - jx] -= value[2 - jy : 2 - jy + h, 2 - jx : 2 - jx + w]
    return planes.reshape(25, h, w)


def _mean(one: NDArray[np.float32], other: NDArray[np.float32]) -> NDArray[np.float32]:
    """Mean product over the nine pixels of each window."""
    product: NDArray[np.float32] = np.einsum("kyx,kyx->yx", one, other) / np.float32(9)
    return product
