"""Optical flow between views, warping along it, and its trust."""

from __future__ import annotations

import cv2
import numpy as np
from synthetic_clips import HEIGHT, WIDTH, disc_clip, texture

from mattelier.shot.tracking.flow import FlowCache, chain_flows, consistency, optical_flow, warp


def shifted(view: np.ndarray, x: float, y: float) -> np.ndarray:
    move = np.float32([[1, 0, x], [0, 1, y]])
    return cv2.warpAffine(view, move, (WIDTH, HEIGHT), borderMode=cv2.BORDER_REFLECT_101)


def test_flow_finds_a_shift_and_warping_undoes_it() -> None:
    view = texture(5, (0.5, 0.5, 0.5))[:HEIGHT, :WIDTH]
    later = shifted(view, 5, -3)
    flow = optical_flow(view, later)
    interior = np.s_[12:-12, 12:-12]
    assert np.abs(flow[interior] - (5, -3)).mean() < 0.2
    assert np.abs(warp(later, flow)[interior] - view[interior]).mean() < 0.01


def test_a_part_of_a_view_is_warped_as_in_the_whole() -> None:
    views, alphas = disc_clip([(60, 56), (64, 58)])
    flow, back = optical_flow(*views), optical_flow(*views[::-1])
    part = np.s_[20:90, 30:110]
    np.testing.assert_array_equal(
        warp(alphas[1], flow[part], 0.0, (20, 30)), warp(alphas[1], flow, 0.0)[part]
    )
    np.testing.assert_array_equal(
        consistency(flow[part], back, (20, 30)), consistency(flow, back)[part]
    )


def test_trust_is_low_where_something_is_hidden() -> None:
    views, alphas = disc_clip([(60, 56), (76, 56)])
    trust = consistency(optical_flow(*views), optical_flow(*views[::-1]))
    covered = (alphas[1] > 0.5) & (alphas[0] < 0.5)
    untouched = (alphas[0] < 0.5) & (alphas[1] < 0.5)
    assert trust[covered].mean() < 0.5 < 0.9 < trust[untouched].mean()


def test_a_chain_of_flows_follows_both() -> None:
    one = np.full((40, 60, 2), 2, np.float32)
    two = np.zeros_like(one)
    two[..., 0] = np.arange(60)  # depends on where the first flow ends
    assert chain_flows(one, two)[10, 20].tolist() == [2 + 22, 2]


def test_kept_flows_change_nothing() -> None:
    views, _ = disc_clip([(60 + 4 * i, 56) for i in range(3)])
    motion = FlowCache(views.__getitem__)
    first = motion.between(0, 1)
    motion.between(1, 2)
    again, fresh = motion.between(1, 0)[::-1], FlowCache(views.__getitem__).between(0, 1)
    for one, other, third in zip(first, again, fresh, strict=True):
        np.testing.assert_array_equal(one, other)
        np.testing.assert_array_equal(one, third)
