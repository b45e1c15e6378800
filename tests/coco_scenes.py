"""Random objects with results near them, as COCO's files tell them; the same ones everywhere."""

from __future__ import annotations

from typing import Any

import numpy as np
from numpy.typing import NDArray

HEIGHT, WIDTH = 60, 80
LABELS = {1: "cat", 2: "dog", 5: "kite"}


def run_lengths(mask: NDArray[np.bool_]) -> dict[str, Any]:
    """COCO's plain run lengths of a mask."""
    flat = np.concatenate([[False], mask.T.ravel(), [not mask.T.ravel()[-1]]])
    ends = np.flatnonzero(flat[1:] != flat[:-1])
    lengths = np.diff(np.concatenate([[0], ends]))
    if mask.T.ravel()[0]:
        lengths = np.concatenate([[0], lengths[1:]])
    return {"size": [HEIGHT, WIDTH], "counts": [int(n) for n in lengths]}


def blob(x: float, y: float, wide: float, high: float) -> NDArray[np.bool_]:
    rows, columns = np.mgrid[:HEIGHT, :WIDTH]
    return np.asarray(((columns - x) / wide) ** 2 + ((rows - y) / high) ** 2 <= 1)


def scene(seed: int) -> tuple[dict[str, Any], list[dict[str, Any]]]:
    """Annotations of six pictures, and results: moved, doubled, missing, of another class."""
    random = np.random.RandomState(seed)  # its stream never changes
    images, annotations, results = [], [], []
    for image in range(1, 7):
        images.append(
            {"id": image, "file_name": f"{image:04}.png", "height": HEIGHT, "width": WIDTH}
        )
        for _ in range(random.randint(0, 6)):
            category = int(random.choice(list(LABELS)))
            x, y = random.uniform(10, WIDTH - 10), random.uniform(10, HEIGHT - 10)
            wide, high = random.uniform(4, 14, 2)
            mask = blob(x, y, wide, high)
            crowd = int(random.uniform() < 0.15)
            annotations.append({
                "id": len(annotations) + 1, "image_id": image, "category_id": category,
                "segmentation": run_lengths(mask), "area": float(mask.sum()), "iscrowd": crowd,
                "bbox": [0, 0, WIDTH, HEIGHT],
            })  # fmt: skip
            for _ in range(random.randint(0, 4)):
                off = random.normal(0, random.choice([0.3, 1.5, 4]), 4)
                near = blob(x + off[0], y + off[1], max(wide + off[2], 2), max(high + off[3], 2))
                if random.uniform() < 0.15:
                    category = int(random.choice(list(LABELS)))
                results.append({
                    "image_id": image, "category_id": category,
                    "segmentation": run_lengths(near), "score": round(random.uniform(), 2),
                })  # fmt: skip
    categories = [{"id": number, "name": name} for number, name in LABELS.items()]
    return {"images": images, "annotations": annotations, "categories": categories}, results


def polygon(seed: int) -> list[float]:
    """Corners x, y, x, y … of a star."""
    random = np.random.RandomState(seed)
    angles = np.sort(random.uniform(0, 2 * np.pi, 12))
    far = random.uniform(8, 25, 12)
    corners = np.stack([40 + far * np.cos(angles), 30 + far * np.sin(angles)], 1)
    return [round(float(value), 2) for value in corners.ravel()]
