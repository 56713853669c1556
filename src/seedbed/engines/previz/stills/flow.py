"""Which point of one picture is which point of another: dense optical flow, from coarse to fine.

Each level linearises the difference of brightness and colour around the flow so far and relaxes it against
smoothness that yields at edges (after Horn and Schunck, 1981, with robust weights). Brightness is normalised
first, so that the same place in another light still matches. Fields are (2, rows, columns), right and down, in
shares of the picture's width and height. `alike` says how far the result may be trusted.
"""

from __future__ import annotations

import math
from collections.abc import Callable

import numpy as np
from numpy.typing import NDArray
from PIL import Image

from seedbed.engines.previz.jit import kernel
from seedbed.engines.previz.stills.depth import box, grey

Floats = NDArray[np.float32]
f32 = np.float32

_COARSEST_PX = 14
_TURNS = 5
_SWEEPS = 24
_STIFF = 0.05


def between(a: Floats, b: Floats, check: Callable[[], None]) -> Floats:
    """The flow from picture `a` to `b`, both (rows, columns, 3) in 0 … 1 and of one size. `check` may raise."""
    levels = [(_features(a), _features(b))]
    while min(levels[-1][0].shape[1:]) > _COARSEST_PX * 1.6:
        rows, columns = (max(round(side / 1.6), 4) for side in levels[-1][0].shape[1:])
        levels.append((resized(levels[-1][0], rows, columns), resized(levels[-1][1], rows, columns)))
    field = np.zeros((2, *levels[-1][0].shape[1:]), np.float32)
    for one, other in reversed(levels):
        check()
        _, rows, columns = one.shape
        stretch = np.array([columns / field.shape[2], rows / field.shape[1]], np.float32)
        field = _refine(resized(field, rows, columns) * stretch[:, None, None], one, other)
        if 60 < max(rows, columns) <= 110:
            wide = _refine(_searched(one, other), one, other)
            field = min(field, wide, key=lambda way: _missed(way, one, other))
    return np.ascontiguousarray(field / np.array([columns, rows], np.float32)[:, None, None], np.float32)


def alike(a: Floats, b: Floats, there: Floats, back: Floats) -> tuple[float, Floats, Floats]:
    """How much `a` and `b` show the same (0 … 1), and where in each its flow is confirmed by the other's."""
    sure_a, sure_b = _confirmed(there, back), _confirmed(back, there)
    one, other = _features(a)[0], warped(_features(b), there)[0]
    weight = sure_a + f32(1e-3)
    one, other = (part - float((part * weight).sum() / weight.sum()) for part in (one, other))
    spread = float(np.sqrt((weight * one**2).sum() * (weight * other**2).sum()))
    match = float((weight * one * other).sum()) / max(spread, 1e-9)
    moved = float(np.hypot(there[0], there[1]).mean())
    found = match * float(sure_a.mean()) ** 0.5 - moved * 0.8
    return float(np.clip((found - 0.50) / 0.25, 0.0, 1.0)), sure_a, sure_b


def resized(field: Floats, rows: int, columns: int) -> Floats:
    """Each layer of (layers, rows, columns) at another size, without aliasing."""
    if field.shape[1:] == (rows, columns):
        return field
    size, way = (columns, rows), Image.Resampling.BILINEAR
    return np.stack([np.asarray(Image.fromarray(part).resize(size, way), np.float32) for part in field])


def warped(picture: Floats, field: Floats) -> Floats:
    """`picture` (layers, rows, columns) seen through `field`."""
    out = np.empty_like(picture)
    layers, rows, columns = picture.shape
    x = np.clip(np.arange(columns) + field[0] * columns, 0, columns - 1.001)
    y = np.clip(np.arange(rows)[:, None] + field[1] * rows, 0, rows - 1.001)
    i, j = x.astype(int), y.astype(int)
    a, b = (x - i).astype(np.float32), (y - j).astype(np.float32)
    for layer in range(layers):
        p = picture[layer]
        top = p[j, i] * (1 - a) + p[j, i + 1] * a
        low = p[j + 1, i] * (1 - a) + p[j + 1, i + 1] * a
        out[layer] = top * (1 - b) + low * b
    return out


def _missed(field: Floats, a: Floats, b: Floats) -> float:
    """How much of `a` is not found where `field` (in texels) says."""
    share = np.array([a.shape[2], a.shape[1]], np.float32)[:, None, None]
    return float(np.minimum(np.abs(warped(b, field / share) - a).sum(0), 0.3).mean())


def _features(rgb: Floats) -> Floats:
    """Luma against what is around it, and two differences of colour."""
    luma = grey(rgb)
    reach = max(rgb.shape[1] // 10, 3)
    away = luma - box(luma, reach)
    contrast = np.sqrt(box(away * away, reach)) + f32(0.04)
    blue, red = (rgb[..., 2] - luma) * f32(0.6), (rgb[..., 0] - luma) * f32(0.6)
    return np.stack([away / contrast * f32(0.35), blue - blue.mean(), red - red.mean()]).astype(np.float32)


def _confirmed(there: Floats, back: Floats) -> Floats:
    """1 where going there and back ends where it began."""
    round_trip = there + warped(back, there)
    off = np.hypot(round_trip[0], round_trip[1])
    return np.asarray(np.exp(-((off / f32(0.012)) ** 2)), np.float32)


def _middle(part: Floats) -> Floats:
    """The median of each texel and its four neighbours."""
    wide = np.pad(part, 1, mode="edge")
    five = np.stack([wide[1:-1, 1:-1], wide[:-2, 1:-1], wide[2:, 1:-1], wide[1:-1, :-2], wide[1:-1, 2:]])
    return np.ascontiguousarray(np.sort(five, 0)[2])


def _linear(field: Floats, a: Floats, b: Floats) -> tuple[Floats, Floats]:
    """The difference of `a` and `b` seen through `field` (in texels), linearised: the five sums that a texel's
    equations need, and how firmly each texel holds on to the one before it, across and down."""
    _, rows, columns = a.shape
    share = np.array([columns, rows], np.float32)[:, None, None]
    seen = warped(b, field / share)
    late = seen - a
    down, across = (0.5 * (np.gradient(seen, axis=axis) + np.gradient(a, axis=axis)) for axis in (1, 2))
    weight = 1.0 / np.sqrt(late * late + f32(0.0025))
    pairs = ((across, across), (across, down), (down, down), (across, late), (down, late))
    data = np.stack([(weight * one * other).sum(0) for one, other in pairs])
    hold = np.zeros((2, rows + 1, columns + 1), np.float32)
    edges = np.abs(np.diff(a, axis=2)).sum(0), np.abs(np.diff(a, axis=1)).sum(0)
    hold[0, :rows, 1:columns] = _STIFF * (0.15 + 1.0 / (1.0 + 30.0 * edges[0] ** 2))
    hold[1, 1:rows, :columns] = _STIFF * (0.15 + 1.0 / (1.0 + 30.0 * edges[1] ** 2))
    return np.ascontiguousarray(data, np.float32), hold


@kernel
def relax(field: Floats, begun: Floats, data: Floats, hold: Floats, sweeps: int) -> None:
    """Relaxes `field` in place, from where the equations were set up: `begun`."""
    _, rows, columns = field.shape
    for _ in range(sweeps):
        for y in range(rows):
            above, below = max(y - 1, 0), min(y + 1, rows - 1)
            for x in range(columns):
                before, after = max(x - 1, 0), min(x + 1, columns - 1)
                w, e, n, s = hold[0, y, x], hold[0, y, x + 1], hold[1, y, x], hold[1, y + 1, x]
                pull = w + e + n + s + f32(1e-6)
                u = w * field[0, y, before] + e * field[0, y, after] + n * field[0, above, x] + s * field[0, below, x]
                v = w * field[1, y, before] + e * field[1, y, after] + n * field[1, above, x] + s * field[1, below, x]
                xx, xy, yy = data[0, y, x], data[1, y, x], data[2, y, x]
                u0, v0 = begun[0, y, x], begun[1, y, x]
                new_u = (xx * u0 + xy * (v0 - field[1, y, x]) - data[3, y, x] + u) / (xx + pull)
                field[0, y, x] += f32(1.6) * (new_u - field[0, y, x])
                new_v = (yy * v0 + xy * (u0 - field[0, y, x]) - data[4, y, x] + v) / (yy + pull)
                field[1, y, x] += f32(1.6) * (new_v - field[1, y, x])


def _refine(field: Floats, a: Floats, b: Floats) -> Floats:
    """`field` after several linearisations at one level; none moves a texel by more than it can be trusted to."""
    for _ in range(_TURNS):
        data, hold = _linear(field, a, b)
        begun = field.copy()
        relax(field, begun, data, hold, _SWEEPS)
        field = np.stack([_middle(part) for part in begun + np.clip(field - begun, -1.5, 1.5)])
    return field


def _searched(a: Floats, b: Floats) -> Floats:
    """A flow by looking for each block of `a` in all of a wide window of `b`: for steps too large for slopes."""
    _, rows, columns = a.shape
    half, step = 6, 4
    reach = (int(columns * 0.2), int(rows * 0.2))
    down, across = np.arange(step // 2, rows, step), np.arange(step // 2, columns, step)
    found = np.zeros((2, len(down), len(across)), np.float32)
    search(found, a, b, half, step, *reach)
    for _ in range(3):
        found = np.stack([_middle(part) for part in found])
    return resized(found, rows, columns)


@kernel
def search(found: Floats, a: Floats, b: Floats, half: int, step: int, reach_x: int, reach_y: int) -> None:
    """Fills `found` with the best step, in texels, of the block around every step-th texel."""
    _, rows, columns = a.shape
    for k in range(found.shape[1] * found.shape[2]):
        j, i = k // found.shape[2], k % found.shape[2]
        y, x = min(j * step + step // 2, rows - 1), min(i * step + step // 2, columns - 1)
        top, low = max(y - half, 0), min(y + half + 1, rows)
        left, right = max(x - half, 0), min(x + half + 1, columns)
        best = f32(1e9)
        for dy in range(-min(reach_y, top), min(reach_y, rows - low) + 1):
            for dx in range(-min(reach_x, left), min(reach_x, columns - right) + 1):
                cost = _unlike(a, b, top, low, left, right, dy, dx) / ((low - top) * (right - left))
                # A longer step must be clearly better: what has no pattern stays where it is.
                cost += f32(0.0006) * math.sqrt(dx * dx + dy * dy)
                if cost < best:
                    best = cost
                    found[0, j, i], found[1, j, i] = dx, dy


@kernel
def _unlike(a: Floats, b: Floats, top: int, low: int, left: int, right: int, dy: int, dx: int) -> f32:
    """Sum of differences between a block of `a` and the same one, stepped aside, of `b`."""
    total = f32(0.0)
    for c in range(a.shape[0]):
        for y in range(top, low):
            for x in range(left, right):
                total += abs(a[c, y, x] - b[c, y + dy, x + dx])
    return f32(total)
