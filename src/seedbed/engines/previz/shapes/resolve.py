"""Kernels from samples to light: what a pixel's samples show is gathered, lit together, and laid into the frame."""

from __future__ import annotations

import math
from typing import NamedTuple

import numpy as np

from seedbed.engines.previz.jit import kernel
from seedbed.engines.previz.shapes.fragment import (
    AHEAD,
    AT_U,
    AT_V,
    CLEAR,
    COLUMN,
    FACING,
    HAZE_B,
    HAZE_G,
    HAZE_R,
    LIGHT_B,
    LIGHT_G,
    LIGHT_R,
    NORMAL_X,
    NORMAL_Y,
    NORMAL_Z,
    NUMBERS,
    OPEN,
    ROOM,
    ROW,
    SHARE,
    SIZE,
    TRIANGLE,
    VEIL,
    WIDE_U,
    WIDE_V,
    X,
    Y,
    Z,
)
from seedbed.engines.previz.shapes.raster import OFFSET_X, OFFSET_Y, cover_one
from seedbed.engines.previz.shapes.shade import VEILS, Lit, light_up
from seedbed.engines.previz.stage import Floats, Ints, View, f32

# What is known of a seen triangle: planes over the screen (a column, a row, a constant) of one over the distance and
# of its attributes over the distance.
NEAR, ALONG_U, ALONG_V, TURNED, SKY = 0, 3, 6, 9, 18
PLANES = 21


class Skin(NamedTuple):
    """Of the triangles of one frame: `planes` (n, PLANES), the `paint` of each, and the palette."""

    planes: Floats
    paint: Ints
    paints: Floats


@kernel
def lay_planes(
    edges: Floats, source: Ints, count: int, faces: Ints, facings: Floats, uv: Floats, ao: Floats, paint: Ints,
    planes: Floats, own: Ints,
) -> None:  # fmt: skip
    """Fills `planes` and `own` paint of the first `count` triangles that are seen."""
    for t in range(count):
        f = source[t]
        own[t] = paint[f]
        for k in range(PLANES):
            planes[t, k] = f32(0.0)
        for corner in range(3):
            p = faces[f, corner]
            for k in range(3):
                e = edges[t, 3 * corner + k]
                planes[t, NEAR + k] += e
                planes[t, ALONG_U + k] += e * uv[p, 0]
                planes[t, ALONG_V + k] += e * uv[p, 1]
                planes[t, TURNED + k] += e * facings[p, 0]
                planes[t, TURNED + 3 + k] += e * facings[p, 1]
                planes[t, TURNED + 6 + k] += e * facings[p, 2]
                planes[t, SKY + k] += e * ao[p]


class Ground(NamedTuple):
    """What turns a place on the screen into one in the world: the camera, the direction straight ahead, the row of
    the horizon and its lean, one over the focal length, and the height of the mirror."""

    x: float
    y: float
    z: float
    ahead_x: float
    ahead_y: float
    horizon: float
    roll: float
    per: float
    mirror_at: float


@kernel
def _from(view: View, mirror_at: float) -> Ground:
    return Ground(view.x, view.y, view.z, math.sin(view.yaw), math.cos(view.yaw), view.horizon, view.roll,
                  1.0 / view.focal, mirror_at)  # fmt: skip


@kernel
def _gather(
    b: Floats, which: Ints, n: int, planes: Floats, paint: Ints, from_: Ground, veil: Floats, veil_per_m: float,
    haze: Floats,
) -> None:  # fmt: skip
    """The first `n` pieces, of which the triangle, the column from the middle (in X) and the row (in Y) are known."""
    ex, ey, ez = f32(from_.x), f32(from_.y), f32(from_.z)
    fx, fy, per = f32(from_.ahead_x), f32(from_.ahead_y), f32(from_.per)
    horizon, roll = f32(from_.horizon), f32(from_.roll)
    twice, turned = f32(2.0 * from_.mirror_at), from_.mirror_at > -1e8
    one, scale, last = f32(1.0), f32(veil_per_m), f32(VEILS - 1)
    for i in range(n):
        t = which[TRIANGLE + i]
        x, y = b[X + i], b[Y + i]
        near_x, near_y = planes[t, 0], planes[t, 1]
        ahead = one / max(near_x * x + near_y * y + planes[t, 2], f32(1e-7))
        along, up = (
            (planes[t, 3] * x + planes[t, 4] * y + planes[t, 5]) * ahead,
            (planes[t, 6] * x + planes[t, 7] * y + planes[t, 8]) * ahead,
        )
        b[AT_U + i], b[AT_V + i] = along, up
        b[WIDE_U + i] = (abs(planes[t, 3] - along * near_x) + abs(planes[t, 4] - along * near_y)) * ahead
        b[WIDE_V + i] = (abs(planes[t, 6] - up * near_x) + abs(planes[t, 7] - up * near_y)) * ahead
        b[NORMAL_X + i] = planes[t, 9] * x + planes[t, 10] * y + planes[t, 11]
        b[NORMAL_Y + i] = planes[t, 12] * x + planes[t, 13] * y + planes[t, 14]
        b[NORMAL_Z + i] = planes[t, 15] * x + planes[t, 16] * y + planes[t, 17]
        b[OPEN + i] = min((planes[t, 18] * x + planes[t, 19] * y + planes[t, 20]) * ahead, one)
        turn = x * per
        z = ez + (horizon + roll * x - y) * ahead * per
        b[X + i], b[Y + i] = ex + (fx + fy * turn) * ahead, ey + (fy - fx * turn) * ahead
        b[Z + i] = twice - z if turned else z
        b[VEIL + i] = veil[np.int32(min(ahead * scale, last))]
        column = which[COLUMN + i]
        b[HAZE_R + i], b[HAZE_G + i], b[HAZE_B + i] = haze[0, column], haze[1, column], haze[2, column]
        b[AHEAD + i] = ahead
        which[ROW + i] = paint[t]


@kernel
def _deepen(b: Floats, which: Ints, n: int, depth: Floats, y: int) -> None:
    """The distance of pixels of row y that are covered by half or more: that of the farthest piece in them."""
    i = 0
    while i < n:
        x, far, share = which[COLUMN + i], b[AHEAD + i], b[SHARE + i]
        i += 1
        while i < n and which[COLUMN + i] == x:
            far, share = max(far, b[AHEAD + i]), share + b[SHARE + i]
            i += 1
        if share > f32(0.4):
            depth[y, x] = min(far, depth[y, x])


@kernel
def _finish(
    b: Floats, which: Ints, n: int, skin: Skin, lit: Lit, from_: Ground, spot: Floats, light: Floats, depth: Floats,
    cover: Floats, y: int,
) -> None:  # fmt: skip
    """Lights the pieces and lays them into row y."""
    _gather(b, which, n, skin.planes, skin.paint, from_, lit.veil, lit.veil_per_m, lit.haze)
    _deepen(b, which, n, depth, y)
    light_up(b, which, n, skin.paints, lit, spot)
    _lay(b, which, n, light, cover, y, from_.mirror_at > -1e8)


@kernel
def _lay(b: Floats, which: Ints, n: int, light: Floats, cover: Floats, y: int, covers: bool) -> None:
    """Adds the pieces' light to row y of the frame, by their shares."""
    for i in range(n):
        x, share = which[COLUMN + i], b[SHARE + i]
        light[0, y, x] += b[LIGHT_R + i] * share
        light[1, y, x] += b[LIGHT_G + i] * share
        light[2, y, x] += b[LIGHT_B + i] * share
        if covers:
            cover[y, x] += share


@kernel
def _resolve_rows(  # noqa: C901
    light: Floats, depth: Floats, cover: Floats, near: Floats, who: Ints, skin: Skin, lit: Lit, view: View, y0: int,
    y1: int, width: int, left: int, right: int, mirror_at: float, b: Floats, which: Ints, spot: Floats,
) -> None:  # fmt: skip
    """As `resolve`, with room to work in."""
    from_ = _from(view, mirror_at)
    middle = f32(0.5) - f32(width * 0.5)
    one, zero = f32(1.0), f32(0.0)
    for y in range(y0, y1):
        n = 0
        w0, w1, w2, w3 = who[0, y - y0], who[1, y - y0], who[2, y - y0], who[3, y - y0]
        red, green, blue = light[0, y], light[1, y], light[2, y]
        for x in range(left, right):
            a, c, d, e = w0[x], w1[x], w2[x], w3[x]
            if (a & c & d & e) < 0 and a < 0 and c < 0 and d < 0 and e < 0:
                continue
            if n > ROOM - 4:
                _finish(b, which, n, skin, lit, from_, spot, light, depth, cover, y)
                n = 0
            if a == c and a == d and a == e:
                which[COLUMN + n], which[TRIANGLE + n] = x, a
                b[X + n], b[Y + n], b[SHARE + n] = f32(np.int32(x)) + middle, f32(np.int32(y)) + f32(0.5), one
                red[x], green[x], blue[x] = zero, zero, zero
                n += 1
                continue
            covered = 0
            for s in range(4):
                t = a if s == 0 else c if s == 1 else d if s == 2 else e
                if t < 0 or (s > 0 and t == a) or (s > 1 and t == c) or (s > 2 and t == d):
                    continue
                share, su, sv = 0, 0.0, 0.0
                for other in range(s, 4):
                    if (a if other == 0 else c if other == 1 else d if other == 2 else e) == t:
                        share, su, sv = share + 1, su + OFFSET_X[other], sv + OFFSET_Y[other]
                # Lit where its samples are: elsewhere it may not be at all.
                which[COLUMN + n], which[TRIANGLE + n] = x, t
                b[X + n], b[Y + n] = f32(x + su / share - width * 0.5), f32(y + sv / share)
                b[SHARE + n] = f32(0.25 * share)
                n += 1
                covered += share
            rest = one - f32(0.25) * f32(covered)
            red[x], green[x], blue[x] = red[x] * rest, green[x] * rest, blue[x] * rest
        if n:
            _finish(b, which, n, skin, lit, from_, spot, light, depth, cover, y)


@kernel
def resolve(
    light: Floats, depth: Floats, cover: Floats, near: Floats, who: Ints, skin: Skin, lit: Lit, view: View, y0: int,
    y1: int, width: int, left: int, right: int, mirror_at: float,
) -> None:  # fmt: skip
    """Lights what the samples of the rows y0 … y1 show, and lays it over what was there by the share it covers.

    With `mirror_at` above -1e8 the scene is the one mirrored at that height, and `cover` (rows, columns) takes the
    shares.
    """
    b, which, spot = np.zeros(SIZE, np.float32), np.zeros(NUMBERS, np.int32), np.zeros(3, np.float32)
    _resolve_rows(
        light, depth, cover, near, who, skin, lit, view, y0, y1, width, left, right, mirror_at, b, which, spot
    )


@kernel
def _blend(
    b: Floats, which: Ints, n: int, skin: Skin, lit: Lit, from_: Ground, spot: Floats, light: Floats, y: int
) -> None:
    """Lights transparent pieces and lays them over row y: what is seen at a grazing angle is less clear."""
    _gather(b, which, n, skin.planes, skin.paint, from_, lit.veil, lit.veil_per_m, lit.haze)
    light_up(b, which, n, skin.paints, lit, spot)
    for i in range(n):
        x = which[COLUMN + i]
        off = f32(1.0) - b[FACING + i]
        off = off * off
        hides = (b[CLEAR + i] + (f32(1.0) - b[CLEAR + i]) * off * off) * b[SHARE + i]
        light[0, y, x] += (b[LIGHT_R + i] - light[0, y, x]) * hides
        light[1, y, x] += (b[LIGHT_G + i] - light[1, y, x]) * hides
        light[2, y, x] += (b[LIGHT_B + i] - light[2, y, x]) * hides


@kernel
def _lay_each(
    light: Floats, near: Floats, who: Ints, order: Ints, edges: Floats, bounds: Ints, skin: Skin, lit: Lit, view: View,
    y0: int, y1: int, width: int, b: Floats, which: Ints, spot: Floats, flat: Floats, own: Ints,
) -> None:  # fmt: skip
    """As `lay_glass`, with room to work in."""
    from_, half = _from(view, -1e9), width * 0.5
    for number in range(order.shape[0]):
        t = order[number]
        if bounds[t, 2] >= y1 or bounds[t, 3] < y0:
            continue
        cover_one(flat, own, t, edges, bounds, y0, y1, width, False)
        for y in range(max(bounds[t, 2], y0), min(bounds[t, 3] + 1, y1)):
            n = 0
            for x in range(bounds[t, 0], bounds[t, 1] + 1):
                share, su, sv = 0, 0.0, 0.0
                for s in range(4):
                    if who[s, y - y0, x] == t:
                        share, su, sv = share + 1, su + OFFSET_X[s], sv + OFFSET_Y[s]
                        who[s, y - y0, x] = -1
                if share == 0:
                    continue
                which[COLUMN + n], which[TRIANGLE + n] = x, t
                b[X + n], b[Y + n] = f32(x + su / share - half), f32(y + sv / share)
                b[SHARE + n] = f32(0.25 * share)
                n += 1
                if n == ROOM:
                    _blend(b, which, n, skin, lit, from_, spot, light, y)
                    n = 0
            if n:
                _blend(b, which, n, skin, lit, from_, spot, light, y)


@kernel
def lay_glass(
    light: Floats, near: Floats, who: Ints, order: Ints, edges: Floats, bounds: Ints, skin: Skin, lit: Lit, view: View,
    y0: int, y1: int, width: int,
) -> None:  # fmt: skip
    """Lays transparent triangles over the rows y0 … y1, one after another in `order` (the farthest first)."""
    b, which, spot = np.zeros(SIZE, np.float32), np.zeros(NUMBERS, np.int32), np.zeros(3, np.float32)
    flat, own = near.reshape(-1), who.reshape(-1)
    _lay_each(light, near, who, order, edges, bounds, skin, lit, view, y0, y1, width, b, which, spot, flat, own)
