"""How pictures are degraded, at random: a lens's blur, a sensor's noise, resampling, compression.

What cameras do happens in linear light before the picture is encoded; what software does, after.
All take and give (H, W, 3) display-encoded RGB float32, 0…1 but where noise leaves it.
"""

from __future__ import annotations

from dataclasses import dataclass

import cv2
import numpy as np
from numpy.random import Generator
from numpy.typing import NDArray

from mattelier.types.colour import linear_to_srgb, srgb_to_linear

Colour = NDArray[np.float32]


def add_white_noise(
    colour: Colour, deviation: float, random: Generator, shared: float = 0
) -> Colour:
    """Independent Gaussian noise of this standard deviation on every pixel.

    The share `shared` (0…1) of its variance is the same in all channels, as in grey film's grain.
    """
    noise = np.float32((1 - shared) ** 0.5) * random.standard_normal(colour.shape, np.float32)
    if shared:
        common = random.standard_normal((*colour.shape[:2], 1), np.float32)
        noise += np.float32(shared**0.5) * common
    return np.asarray(colour + np.float32(deviation) * noise, np.float32)


def add_sensor_noise(colour: Colour, shot: float, read: float, random: Generator) -> Colour:
    """Poisson-Gaussian noise in linear light (Foi et al. 2008): variance shot · light + read²."""
    light = srgb_to_linear(colour)
    spread = np.sqrt(np.float32(shot) * np.maximum(light, 0) + np.float32(read * read))
    noise = random.standard_normal(colour.shape, np.float32)
    return linear_to_srgb(light + spread * noise)


def add_grown_noise(colour: Colour, deviation: float, size: float, random: Generator) -> Colour:
    """Noise that processing has spread over about `size` pixels, as demosaicing does.

    Half of it is the same in all channels.
    """
    shape = colour.shape
    noise = random.standard_normal(shape, np.float32)
    noise += random.standard_normal((*shape[:2], 1), np.float32)
    noise = cv2.GaussianBlur(noise, (0, 0), size, borderType=cv2.BORDER_REFLECT)
    return np.asarray(colour + np.float32(deviation) / noise.std() * noise, np.float32)


def compress_jpeg(colour: Colour, quality: int, subsampled: bool) -> Colour:
    """The picture after JPEG at this quality (1…100), with or without its chroma halved."""
    sampling = (
        cv2.IMWRITE_JPEG_SAMPLING_FACTOR_420 if subsampled else cv2.IMWRITE_JPEG_SAMPLING_FACTOR_444
    )
    settings = [cv2.IMWRITE_JPEG_QUALITY, quality, cv2.IMWRITE_JPEG_SAMPLING_FACTOR, sampling]
    done, code = cv2.imencode(".jpg", to_8_bits(colour)[..., ::-1], settings)
    assert done
    decoded = np.asarray(cv2.imdecode(code, cv2.IMREAD_COLOR))[..., ::-1]
    return np.asarray(decoded, np.float32) / np.float32(255)


def blur(colour: Colour, along: float, across: float, angle: float) -> Colour:
    """A Gaussian of these standard deviations in pixels, turned by `angle` radians."""
    reach = int(np.ceil(3 * max(along, across)))
    y, x = np.mgrid[-reach : reach + 1, -reach : reach + 1].astype(np.float32)
    u = (np.cos(angle) * x + np.sin(angle) * y) / np.float32(max(along, 0.1))
    v = (np.cos(angle) * y - np.sin(angle) * x) / np.float32(max(across, 0.1))
    kernel = np.exp(-0.5 * (u * u + v * v))
    blurred = cv2.filter2D(colour, -1, kernel / kernel.sum(), borderType=cv2.BORDER_REFLECT)
    return np.asarray(blurred, np.float32)


def resize(colour: Colour, height: int, width: int, random: Generator) -> Colour:
    """The picture at another size, in one of the ways that software has."""
    modes = (cv2.INTER_AREA, cv2.INTER_LINEAR, cv2.INTER_CUBIC)
    mode = modes[int(random.integers(3))]
    return np.asarray(cv2.resize(colour, (width, height), interpolation=mode), np.float32)


def to_8_bits(colour: Colour) -> NDArray[np.uint8]:
    """As an 8-bit file holds it."""
    samples: NDArray[np.uint8] = np.rint(np.clip(colour, 0, 1) * 255).astype(np.uint8)
    return samples


def add_random_noise(colour: Colour, strongest: float, random: Generator) -> Colour:
    """A clean picture as people bring one to be denoised; what is left of it is not always 0…1.

    Half of the time the noise is white, of any standard deviation up to `strongest`; the rest of
    the time it is a sensor's, one that processing has grown, or JPEG's, the last two also together
    with another.
    """
    choice = random.random()
    strength = float(random.uniform(0, strongest))
    if choice < 0.5:
        shared = float(random.random()) if choice < 0.1 else 0
        result = add_white_noise(colour, strength, random, shared)
    elif choice < 0.7:
        # An ISO row: shot noise rules in the light, read noise in the dark.
        shot = float(np.exp(random.uniform(np.log(1e-4), np.log(2e-2))))
        read = float(random.uniform(0.1, 1)) * shot**0.5 / 4
        result = add_sensor_noise(colour, shot, read, random)
    elif choice < 0.8:
        result = add_grown_noise(colour, strength / 2, float(random.uniform(0.4, 1.2)), random)
    else:
        result = colour
        if random.random() < 0.5:
            result = add_white_noise(result, strength / 3, random)
        quality = int(random.integers(15, 96))
        result = compress_jpeg(result, quality, bool(random.integers(2)))
    storage = random.random()
    if storage < 0.7:
        return to_8_bits(result).astype(np.float32) / np.float32(255)
    return np.clip(result, 0, 1) if storage < 0.85 else result


@dataclass(frozen=True)
class Degradation:
    """How badly photographs may be degraded.

    Attributes
    ----------
    noise : standard deviation of the strongest noise
    quality : of the worst JPEG, 1…100
    """

    noise: float
    quality: int


def degrade(colour: Colour, scale: int, degradation: Degradation, random: Generator) -> Colour:
    """A picture as it comes back from the web, `scale` times smaller.

    Twice, at random: blurred, resized, noisy and coded as JPEG (the second-order degradation of
    Wang et al. 2021, "Real-ESRGAN"), but milder, and every step left out at times.
    """
    noise, quality = degradation.noise, degradation.quality
    height, width = (side // scale for side in colour.shape[:2])
    blurred = _maybe_blur(colour, 0.45 * scale, random)
    reach = float(np.exp(random.uniform(np.log(1.0), np.log(scale))))  # times the final size
    result = resize(blurred, round(height * reach), round(width * reach), random)
    result = _maybe_compress(_maybe_add_noise(result, noise, random), quality, random)
    if random.random() < 0.6:
        result = _maybe_add_noise(_maybe_blur(result, 0.8, random), noise / 2, random)
    result = resize(result, height, width, random)
    return _maybe_compress(result, quality, random) if random.random() < 0.7 else result


def _maybe_blur(colour: Colour, max_sigma: float, random: Generator) -> Colour:
    if random.random() < 0.2:
        return colour
    along, across = random.uniform(0.2, max_sigma, 2)
    return blur(colour, float(along), float(across), float(random.uniform(0, np.pi)))


def _maybe_add_noise(colour: Colour, strongest: float, random: Generator) -> Colour:
    choice, strength = random.random(), float(random.uniform(0, strongest))
    if choice < 0.4:
        return add_white_noise(colour, strength, random, float(random.integers(2)))
    if choice < 0.7:  # mid-grey of 0.2 in linear light then has about that strength
        shot = 1.5 * strength**2
        return add_sensor_noise(colour, shot, shot**0.5 / 8, random)
    return colour


def _maybe_compress(colour: Colour, worst_quality: int, random: Generator) -> Colour:
    if random.random() < 0.2:
        return colour
    return compress_jpeg(colour, int(random.integers(worst_quality, 96)), bool(random.integers(2)))
