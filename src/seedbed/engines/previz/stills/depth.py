"""What a small copy of a picture tells about the place it shows: how near each part is, and what it is made of.

No weights: nearness comes from height in the frame, from how hard a part is to reach from the picture's upper
border without crossing an edge (what stands in the middle is reached last), and from skin and focus; a guided
filter lays the result onto the picture's own edges. Works on about 256 pixels a side and takes milliseconds.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from seedbed.engines.previz.jit import kernel

Floats = NDArray[np.float32]
f32 = np.float32

NEAR, WATER, LEAVES, SKY, BODY = range(5)
"""The layers of `Place.maps`."""


@dataclass(frozen=True, slots=True)
class Place:
    """`maps` is (5, rows, columns), 0 … 1 each: nearness (0 at infinity), water, foliage, sky, the subject.
    `horizon` is its row as a share of the height from the top."""

    maps: Floats
    horizon: float


def study(rgb: Floats, *, water: bool, person: bool) -> Place:
    """Reads `rgb` (rows, columns, 3), 0 … 1. `water` says that the prompt speaks of water, which makes less
    evidence enough; `person` that it speaks of somebody."""
    rows, columns = rgb.shape[:2]
    luma = grey(rgb)
    slope, across, down = slopes(rgb)
    texture = box(slope, max(columns // 60, 1))
    reached = _reached(rgb, slope)
    sky = _sky(reached, texture, rows)
    horizon = _horizon(sky, rows)
    body = _body(reached, rgb, person)
    lake = _water(rgb, across, down, texture, horizon, said=water)
    leaves = _leaves(rgb, texture)
    high = np.linspace(0.0, 1.0, rows, dtype=np.float32)[:, None] * np.ones((1, columns), np.float32)
    ground = np.clip((high - horizon) / max(1.0 - horizon, 0.1), 0.0, 1.0) ** f32(0.85)
    near = np.maximum(0.06 + 0.84 * ground, 0.22 * ground + 0.70 * body)
    near = near * (1.0 - 0.9 * sky) + 0.05 * np.clip(texture / (texture.max() + 1e-6), 0, 1) * (1 - sky)
    near = guided(near.astype(np.float32), luma, max(columns // 18, 3), 2e-3)
    near = box(_widened(np.clip(near, 0.0, 1.0), max(columns // 128, 1)), max(columns // 128, 1))
    radius = max(columns // 50, 1)
    masks = [guided(mask.astype(np.float32), luma, radius, 1e-3) for mask in (lake, leaves, sky, body)]
    maps = np.stack([near, *masks])
    return Place(np.ascontiguousarray(np.clip(maps, 0.0, 1.0), np.float32), horizon)


def grey(rgb: Floats) -> Floats:
    """Luma of (rows, columns, 3)."""
    return np.ascontiguousarray(rgb @ np.array([0.2126, 0.7152, 0.0722], np.float32))


def slopes(rgb: Floats) -> tuple[Floats, Floats, Floats]:
    """How steeply colours change: in all, across and down."""
    down, across = (np.gradient(rgb, axis=axis) for axis in (0, 1))
    dy, dx = (np.sqrt((part**2).sum(2)).astype(np.float32) for part in (down, across))
    return np.hypot(dy, dx).astype(np.float32), dx, dy


def box(field: Floats, reach: int) -> Floats:
    """Means over squares of (2 * reach + 1), the border repeated."""
    side = 2 * reach + 1
    for axis in (0, 1):
        wide = np.pad(field, [(reach + 1, reach) if a == axis else (0, 0) for a in (0, 1)], mode="edge")
        total = np.cumsum(wide, axis=axis, dtype=np.float64)
        low, high = (np.take(total, range(a, a + field.shape[axis]), axis=axis) for a in (0, side))
        field = ((high - low) / side).astype(np.float32)
    return field


def guided(field: Floats, guide: Floats, reach: int, least: float) -> Floats:
    """`field` made smooth except where `guide` has an edge (the guided filter of He, Sun and Tang, 2010)."""
    mean, middle = box(field, reach), box(guide, reach)
    slope = (box(field * guide, reach) - mean * middle) / (box(guide * guide, reach) - middle**2 + f32(least))
    return box(slope, reach) * guide + box(mean - slope * middle, reach)


def _widened(near: Floats, reach: int) -> Floats:
    """What is near grown outwards: the edge of a thing must move with the thing, and the stretch behind it."""
    for axis in (0, 1):
        parts = [np.roll(near, step, axis) for step in range(-reach, reach + 1)]
        near = np.maximum.reduce(parts)
    return near


def _reached(rgb: Floats, slope: Floats) -> Floats:
    """Least colour change crossed on the way from the top and the upper sides, 0 … 1."""
    rows, columns = slope.shape
    soft = box(slope, 1)
    noise = np.median(soft)
    cost = (np.maximum(soft - noise, 0.0) + 0.0015 * 256 / columns).astype(np.float32)
    far = np.full((rows, columns), 1e6, np.float32)
    far[0] = 0.0
    far[: rows * 3 // 5, 0] = far[: rows * 3 // 5, -1] = 0.0
    spread(far, cost)
    top = float(np.percentile(far, 95))
    return np.asarray(np.clip(far / max(top, 1e-6), 0.0, 1.0), np.float32)


@kernel
def spread(far: Floats, cost: Floats) -> None:
    """Lets distances run over a field of costs, by sweeps to and fro."""
    rows = far.shape[0]
    for _ in range(3):
        for y in range(rows):
            _pass_on(far, cost, y, max(y - 1, 0))
        for y in range(rows - 2, -1, -1):
            _pass_on(far, cost, y, y + 1)


@kernel
def _pass_on(far: Floats, cost: Floats, y: int, other: int) -> None:
    """Distances of one row from the row `other` and along itself."""
    columns = far.shape[1]
    far[y, 0] = min(far[y, 0], far[other, 0] + cost[y, 0])
    for x in range(1, columns):
        far[y, x] = min(far[y, x], far[other, x] + cost[y, x], far[y, x - 1] + cost[y, x])
    for x in range(columns - 2, -1, -1):
        far[y, x] = min(far[y, x], far[y, x + 1] + cost[y, x])


def _sky(reached: Floats, texture: Floats, rows: int) -> Floats:
    """What is open to the top: easily reached, and reached in every row above."""
    open_ = ((reached < 0.12) & (texture < np.percentile(texture, 70))).astype(np.float32)
    open_[rows * 4 // 5 :] = 0.0
    above = np.cumsum(open_, 0) / np.arange(1, rows + 1, dtype=np.float32)[:, None]
    return np.asarray(open_ * np.clip((above - 0.6) / 0.3, 0.0, 1.0), np.float32)


def _horizon(sky: Floats, rows: int) -> float:
    return float(np.clip(np.median(sky.sum(0)) / rows, 0.22, 0.68))


def _body(reached: Floats, rgb: Floats, person: bool) -> Floats:
    """The subject: hard to reach, in the middle, or of the colour of skin when somebody is spoken of."""
    columns = reached.shape[1]
    x = np.linspace(-1.0, 1.0, columns, dtype=np.float32)[None, :]
    middle = np.exp(-((x / (0.62 if person else 0.8)) ** 4))
    hard = np.clip((reached - 0.30) / 0.45, 0.0, 1.0)
    if person:
        r, g, b = (rgb[..., c] for c in range(3))
        skin = (r > 0.3) & (r > g * 1.08) & (g > b * 1.0) & (r - b > 0.08) & (r - b < 0.55)
        hard = np.maximum(hard, box(skin.astype(np.float32), max(columns // 40, 1)) * np.clip(reached / 0.3, 0.0, 1.0))
    body = (hard * middle).astype(np.float32)
    # Somebody stands on what is below: a column never grows farther on the way down.
    return box(np.maximum.accumulate(box(body, 2), 0), 2) if person else body


def _water(rgb: Floats, across: Floats, down: Floats, texture: Floats, horizon: float, *, said: bool) -> Floats:
    """Lies below the horizon, is blue or mirrors the sky, and its lines run across."""
    rows, columns = texture.shape
    reach = max(columns // 32, 1)
    r, g, b = (rgb[..., c] for c in range(3))
    flat = box(down, reach) / (box(across, reach) + box(down, reach) + 1e-4)
    sky = rgb[: max(int(rows * horizon * 0.9), 2)].reshape(-1, 3).mean(0)
    tone = rgb / (rgb.sum(2, keepdims=True) + 0.05)
    like_sky = np.exp(-(((tone - sky / (sky.sum() + 0.05)) ** 2).sum(2)) / 0.006)
    blue = np.clip((b - np.maximum(r, g * 0.92)) * 6.0 + 0.3, 0.0, 1.0)
    evidence = 0.55 * np.maximum(blue, like_sky) + 0.45 * np.clip((flat - 0.45) / 0.2, 0.0, 1.0)
    below = np.clip((np.linspace(0.0, 1.0, rows)[:, None] - horizon) / 0.04, 0.0, 1.0)
    least = 0.42 if said else 0.78
    found = np.clip((box(evidence.astype(np.float32), reach) - least) / 0.15, 0.0, 1.0)
    return np.asarray(found * below, np.float32)


def _leaves(rgb: Floats, texture: Floats) -> Floats:
    """Green or autumn colours with much fine detail."""
    r, g, b = (rgb[..., c] for c in range(3))
    green = (g > r * 0.95) & (g > b * 1.08)
    autumn = (r > g * 1.05) & (g > b * 1.25)
    busy = np.clip((texture - 0.03) / 0.05, 0.0, 1.0)
    return np.asarray(box((green | autumn).astype(np.float32), 2) * busy, np.float32)
