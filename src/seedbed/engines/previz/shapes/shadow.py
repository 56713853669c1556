"""Kernels for shadows: maps of what the sun sees first, and their shade on land that is drawn already.

A map is orthographic: two axes across the light, the third towards the sun, all in one matrix whose first two rows
give texels and whose third gives metres towards the sun. Blocks of texels know their lowest and highest height, so
that most points need not look at texels at all.
"""

from __future__ import annotations

import math
from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

from seedbed.engines.previz.jit import inlined, kernel
from seedbed.engines.previz.shapes.fragment import NORMAL_X, NORMAL_Y, NORMAL_Z, ROOM, SIZE, SPARE, SUNLIT, X, Y, Z
from seedbed.engines.previz.stage import Floats, Ints, View, f32

Bools = NDArray[np.bool_]
BLOCK = 8
"""Side of a block in texels."""
NOTHING = -1e9
"""The height of a texel that nothing covers."""


class Shade(NamedTuple):
    """`heights` (size, size) towards the sun, `frame` (4, 4), `low` and `high` (size / BLOCK, size / BLOCK) over each
    block and two texels around it, `texel` in metres. A size of 1 is no map."""

    heights: Floats
    frame: Floats
    low: Floats
    high: Floats
    texel: float


def no_shade() -> Shade:
    """A map that nothing is in."""
    one = np.full((1, 1), NOTHING, np.float32)
    return Shade(one, np.zeros((4, 4), np.float32), one, one, 1.0)


def empty_shade(low: Floats, high: Floats, sun: Floats, size: int) -> Shade:
    """A map of `size` texels a side over the box low … high, lit from `sun`; nothing is in it yet."""
    heights = np.full((size, size), NOTHING, np.float32)
    blocks = np.full((size // BLOCK, size // BLOCK), NOTHING, np.float32)
    frame = frame_for(low, high, sun, size)
    return Shade(heights, frame, blocks, blocks.copy(), 1.0 / float(np.linalg.norm(frame[:2, :3], axis=1).min()))


def frame_for(low: Floats, high: Floats, sun: Floats, size: int) -> Floats:
    """(4, 4) for a map of `size` texels a side over the box low … high, lit from `sun`."""
    toward = np.asarray(sun, np.float64) / np.linalg.norm(sun)
    side = np.cross(toward, [0.0, 0.0, 1.0] if abs(toward[2]) < 0.95 else [0.0, 1.0, 0.0])
    side /= np.linalg.norm(side)
    up = np.cross(side, toward)
    corners = np.array([[x, y, z] for x in (low[0], high[0]) for y in (low[1], high[1]) for z in (low[2], high[2])])
    frame = np.zeros((4, 4))
    for row, axis in enumerate((side, up)):
        along = corners @ axis
        scale = (size - 8) / max(float(np.ptp(along)), 1e-3)
        frame[row, :3] = axis * scale
        frame[row, 3] = 4.0 - along.min() * scale
    frame[2, :3] = toward
    return frame.astype(np.float32)


@kernel
def cast(places: Floats, faces: Ints, casts: Bools, first: int, last: int, frame: Floats, heights: Floats) -> None:
    """Raises `heights` to the height towards the sun of every triangle first … last that casts."""
    size = heights.shape[0]
    for f in range(first, last):
        if not casts[f]:
            continue
        i, j, k = faces[f, 0], faces[f, 1], faces[f, 2]
        x0, y0, h0 = _at(frame, places, i)
        x1, y1, h1 = _at(frame, places, j)
        x2, y2, h2 = _at(frame, places, k)
        area = (x1 - x0) * (y2 - y0) - (x2 - x0) * (y1 - y0)
        if abs(area) < 1e-6 or max(x0, x1, x2) < 0.0 or min(x0, x1, x2) > size:
            continue
        inverse = 1.0 / area
        # What is thinner than a texel still falls on the texels whose middles it passes within half of one.
        slack = min(0.35 * max(abs(x1 - x0), abs(x2 - x0), abs(y1 - y0), abs(y2 - y0), 1.0) * abs(inverse), 0.45)
        a1, b1 = (y2 - y0) * inverse, (x2 - x0) * inverse
        a2, b2 = (y1 - y0) * inverse, (x1 - x0) * inverse
        left, right = max(int(min(x0, x1, x2) - 0.5), 0), min(int(max(x0, x1, x2) + 1.5), size)
        for y in range(max(int(min(y0, y1, y2) - 0.5), 0), min(int(max(y0, y1, y2) + 1.5), size)):
            v = y + 0.5 - y0
            for x in range(left, right):
                u = x + 0.5 - x0
                w1 = u * a1 - v * b1
                w2 = v * b2 - u * a2
                if w1 >= -slack and w2 >= -slack and w1 + w2 <= 1.0 + slack:
                    w1, w2 = min(max(w1, 0.0), 1.0), min(max(w2, 0.0), 1.0)
                    height = f32(h0 + (h1 - h0) * w1 + (h2 - h0) * w2)
                    heights[y, x] = max(heights[y, x], height)


@kernel
def _survey_rows(heights: Floats, low: Floats, high: Floats, lows: Floats, highs: Floats) -> None:
    """As `survey`, with room to work in."""
    size = heights.shape[0]
    for j in range(low.shape[0]):
        # Down the columns first, which goes many texels at a time.
        lows[:], highs[:] = f32(1e9), f32(-1e9)
        for y in range(max(j * BLOCK - 2, 0), min(j * BLOCK + BLOCK + 2, size)):
            row = heights[y]
            for x in range(size):
                lows[x], highs[x] = min(lows[x], row[x]), max(highs[x], row[x])
        for i in range(low.shape[1]):
            least, most = f32(1e9), f32(-1e9)
            for x in range(max(i * BLOCK - 2, 0), min(i * BLOCK + BLOCK + 2, size)):
                least, most = min(least, lows[x]), max(most, highs[x])
            low[j, i], high[j, i] = least, most


@kernel
def survey(heights: Floats, low: Floats, high: Floats) -> None:
    """Fills `low` and `high` from `heights`."""
    lows, highs = np.empty(len(heights), np.float32), np.empty(len(heights), np.float32)
    _survey_rows(heights, low, high, lows, highs)


@kernel
def filled(shade: Shade) -> tuple[float, float, float, float]:
    """The texels left, right, top and bottom between which anything of a map lies; right before left if nothing."""
    left, right, top, bottom = 1e9, -1e9, 1e9, -1e9
    if shade.heights.shape[0] >= 2:
        for j in range(shade.high.shape[0]):
            for i in range(shade.high.shape[1]):
                if shade.high[j, i] > f32(NOTHING):
                    left, right = min(left, float(i * BLOCK)), max(right, float(i * BLOCK + BLOCK))
                    top, bottom = min(top, float(j * BLOCK)), max(bottom, float(j * BLOCK + BLOCK))
    return left, right, top, bottom


@inlined
def _within(frame: Floats, box: tuple[float, float, float, float], x: float, y: float, z: float) -> bool:
    """Whether a map holds anything at the height of which the sun might be hidden from a point."""
    u = frame[0, 0] * x + frame[0, 1] * y + frame[0, 2] * z + frame[0, 3]
    v = frame[1, 0] * x + frame[1, 1] * y + frame[1, 2] * z + frame[1, 3]
    return bool(box[0] <= u <= box[1] and box[2] <= v <= box[3])


@kernel
def _at(frame: Floats, places: Floats, i: int) -> tuple[float, float, float]:
    x, y, z = places[i, 0], places[i, 1], places[i, 2]
    return (
        float(frame[0, 0] * x + frame[0, 1] * y + frame[0, 2] * z + frame[0, 3]),
        float(frame[1, 0] * x + frame[1, 1] * y + frame[1, 2] * z + frame[1, 3]),
        float(frame[2, 0] * x + frame[2, 1] * y + frame[2, 2] * z + frame[2, 3]),
    )


@kernel
def sift(  # noqa: C901
    b: Floats,
    n: int,
    heights: Floats,
    frame: Floats,
    low: Floats,
    high: Floats,
    texel: float,
    sun: Floats,
    settles: bool,
) -> None:
    """Takes from SUNLIT of the first `n` pieces what one map's things stand before, softly over three texels.

    Pieces that lie in a map that `settles` are marked in SPARE; marked ones are not looked up in a map that settles.
    """
    size = heights.shape[0]
    if size < 2:
        return
    top = size - 3.0
    m00, m01, m02, m03 = frame[0, 0], frame[0, 1], frame[0, 2], frame[0, 3]
    m10, m11, m12, m13 = frame[1, 0], frame[1, 1], frame[1, 2], frame[1, 3]
    m20, m21, m22 = frame[2, 0], frame[2, 1], frame[2, 2]
    sx, sy, sz = sun[0], sun[1], sun[2]
    rise = frame[2, 3] + f32(0.25 * texel)
    for i in range(n):
        if b[SUNLIT + i] <= f32(0.0) or (settles and b[SPARE + i] > f32(0.0)):
            continue
        x, y, z = b[X + i], b[Y + i], b[Z + i]
        nx, ny, nz = b[NORMAL_X + i], b[NORMAL_Y + i], b[NORMAL_Z + i]
        sunny = nx * sx + ny * sy + nz * sz
        # Lifted off the surface by as much as the map's texels, seen from the sun, may err.
        d = f32(texel) * (f32(0.02) + f32(2.2) * f32(math.sqrt(max(f32(1.0) - sunny * sunny, f32(0.0)))))
        x, y, z = x + nx * d, y + ny * d, z + nz * d
        u = m00 * x + m01 * y + m02 * z + m03
        v = m10 * x + m11 * y + m12 * z + m13
        if not (u >= 3.0 and v >= 3.0 and u <= top and v <= top):
            continue
        if settles:
            b[SPARE + i] = f32(1.0)
        w = m20 * x + m21 * y + m22 * z + rise
        iu, iv = np.int32(u), np.int32(v)
        if high[iv >> 3, iu >> 3] <= w:
            continue
        if low[iv >> 3, iu >> 3] > w:
            b[SUNLIT + i] = f32(0.0)
            continue
        iu, iv = np.int32(u - f32(0.5)), np.int32(v - f32(0.5))
        fu, fv = u - f32(0.5) - f32(iu), v - f32(0.5) - f32(iv)
        # Where corners and middle agree, all sixteen do but for slivers.
        i0, i1, j0, j1 = iu - 1, iu + 2, iv - 1, iv + 2
        lit_by = (
            np.int32(heights[j0, i0] <= w) + np.int32(heights[j0, i1] <= w) + np.int32(heights[j1, i0] <= w)
            + np.int32(heights[j1, i1] <= w) + np.int32(heights[iv, iu] <= w) + np.int32(heights[iv + 1, iu + 1] <= w)
        )  # fmt: skip
        if lit_by == 6:
            continue
        if lit_by == 0:
            b[SUNLIT + i] = f32(0.0)
            continue
        total = f32(0.0)
        for dj in range(4):
            row = f32(0.0)
            j = iv + dj - 1
            for di in range(4):
                lit = f32(1.0) if heights[j, iu + di - 1] <= w else f32(0.0)
                row += lit * ((f32(1.0) - fu) if di == 0 else fu if di == 3 else f32(1.0))
            total += row * ((f32(1.0) - fv) if dj == 0 else fv if dj == 3 else f32(1.0))
        b[SUNLIT + i] *= total * f32(1.0 / 9.0)


@kernel
def sift_all(b: Floats, n: int, near: Shade, far: Shade, moving: Shade, sun: Floats) -> None:
    """By all maps: the near one settles what it holds."""
    for i in range(min(n, ROOM)):
        b[SPARE + i] = f32(0.0)
    sift(b, n, near.heights, near.frame, near.low, near.high, near.texel, sun, True)
    sift(b, n, far.heights, far.frame, far.low, far.high, far.texel, sun, True)
    sift(b, n, moving.heights, moving.frame, moving.low, moving.high, moving.texel, sun, False)


@kernel
def _fall_on_rows(  # noqa: C901
    light: Floats, depth: Floats, near: Shade, far: Shade, moving: Shade, sun: Floats, view: View, y0: int, y1: int,
    width: int, dark: float, b: Floats, column: Ints,
) -> None:  # fmt: skip
    """As `fall_on`, with room to work in."""
    for i in range(ROOM):
        b[NORMAL_Z + i] = f32(1.0)
    fx, fy, per = math.sin(view.yaw), math.cos(view.yaw), 1.0 / view.focal
    box_n, box_f, box_m = filled(near), filled(far), filled(moving)
    if max(box_n[1], box_f[1], box_m[1]) < 0.0:
        return
    for y in range(y0, y1):
        n = 0
        for x in range(width):
            d = depth[y, x]
            if d < 6000.0:
                u = x + 0.5 - width * 0.5
                turn = u * per
                px, py = view.x + (fx + fy * turn) * d, view.y + (fy - fx * turn) * d
                pz = view.z + (view.horizon + view.roll * u - y - 0.5) * d * per + 0.02
                if (
                    _within(moving.frame, box_m, px, py, pz)
                    or _within(near.frame, box_n, px, py, pz)
                    or _within(far.frame, box_f, px, py, pz)
                ):
                    b[X + n], b[Y + n], b[Z + n] = px, py, pz
                    b[SUNLIT + n] = f32(1.0)
                    column[n] = x
                    n += 1
            if n == ROOM or (n > 0 and x == width - 1):
                sift_all(b, n, near, far, moving, sun)
                for i in range(n):
                    if b[SUNLIT + i] < f32(1.0):
                        keep = f32(1.0 - dark * (1.0 - b[SUNLIT + i]))
                        for c in range(3):
                            light[c, y, column[i]] *= keep
                n = 0


@kernel
def fall_on(
    light: Floats, depth: Floats, near: Shade, far: Shade, moving: Shade, sun: Floats, view: View, y0: int, y1: int,
    width: int, dark: float,
) -> None:  # fmt: skip
    """Darkens what is drawn already by `dark` (the sun's part of its light) where a map says that it is in shade."""
    b, column = np.zeros(SIZE, np.float32), np.zeros(ROOM, np.int32)
    _fall_on_rows(light, depth, near, far, moving, sun, view, y0, y1, width, dark, b, column)
