"""A camera inside a picture: where each pixel of a frame comes from, and the kernels that fetch it.

A pixel of nearness n moves as a point at that depth would; where something near uncovers what lies behind,
the background next to it is stretched over the gap. What would show beyond the picture's border is taken from
a band inside it, squeezed smoothly. Places are in units of half the frame's longer side, from its middle.
"""

from __future__ import annotations

import math

import numpy as np
from numpy.typing import NDArray

from seedbed.engines.previz.jit import kernel
from seedbed.engines.previz.stills.direction import Direction
from seedbed.engines.previz.stills.fit import PAD

Floats = NDArray[np.float32]
Bytes = NDArray[np.uint8]
f32 = np.float32

ZOOM, RIGHT, DOWN, NEARER, PIVOT, TURN_X, TURN_Y, ROLL = range(8)
"""A pose: how much longer the lens is, where the camera stands (a point at nearness 1 moves by as much), what
nearness stays where it is when the camera steps aside, how far the view is turned, and by how many radians the
picture turns clockwise."""
ALL = -9.0
"""What no mask holds: every cell is fetched."""
STILL = np.array([1.0, 0.0, 0.0, 0.0, 0.0, 0.0, 0.0, 0.0], np.float32)


def posed(*values: float) -> Floats:
    """A pose from its first values; the rest are 0."""
    pose = np.zeros(8, np.float32)
    pose[: len(values)] = values
    return pose


def ease(share: float) -> float:
    """0 … 1 with a soft start and a soft end, and an even run between."""
    share = min(max(share, 0.0), 1.0)
    return 0.35 * share + 0.65 * share * share * (3.0 - 2.0 * share)


def pose(way: Direction, share: float, seconds: float, duration_s: float) -> Floats:
    """Where the camera is when `share` of the shot is over; at 0 the picture is seen as it is."""
    far = way.pace * min(duration_s / 5.0, 1.5)
    s, a, u = ease(share) * min(far, 1.8), way.across, way.upward
    steady = math.sin(seconds * 0.9) * 0.0025 * min(share * 6.0, 1.0)
    poses: dict[str, tuple[float, ...]] = {
        "push": (1 + 0.055 * s, 0.012 * s * a, -0.006 * s + steady, 0.105 * s, 0.3, 0, 0),
        "pull": (1 - 0.035 * s, 0.0, steady, -0.085 * s, 0.0, 0, 0),
        "zoom": (1 + 0.24 * s, 0.0, 0.0, 0.0, 0.0, 0, 0),
        "pan": (1 + 0.15 * s, 0.012 * s * a, 0.0, 0.0, 0.0, 0.105 * s * a, 0.0),
        "truck": (1 + 0.10 * s, 0.075 * s * a, 0.0, 0.02 * s, 0.15, 0.03 * s * a, 0.0),
        "tilt": (1 + 0.15 * s, 0.0, -0.01 * s * u, 0.0, 0.0, 0.0, -0.06 * s * u),
        "crane": (1 + 0.09 * s, 0.0, -0.06 * s * u, 0.02 * s, 0.2, 0.0, -0.02 * s * u),
        "orbit": (1 + 0.09 * s, 0.085 * s * a, 0.0, 0.02 * s, 0.55, 0.0, 0.0),
        "static": (1.0, 0.0, 0.0, 0.0, 0.0, 0.0, 0.0),
    }
    if way.move != "handheld":
        return posed(*poses[way.move])
    hold = min(share * 5.0, 1.0)
    sway = [sum(math.sin(seconds * r + p) * g for r, p, g in _HAND[axis]) * hold for axis in (0, 1)]
    return posed(1 + 0.05 * s, sway[0] * 0.6, sway[1] * 0.6, 0.06 * s, 0.2, sway[0], sway[1])


_HAND = (
    ((1.7, 0.0, 0.005), (3.9, 1.1, 0.0022), (8.3, 0.4, 0.0007)),
    ((1.3, 2.0, 0.004), (4.4, 0.3, 0.0022), (9.1, 1.9, 0.0007)),
)


@kernel
def at(field: Floats, u: float, v: float) -> float:
    """`field` (rows, columns) at a place, 0 … 1 each way, between its texels; beyond the border, the border's."""
    rows, columns = field.shape
    x = min(max(u * columns - 0.5, 0.0), columns - 1.001)
    y = min(max(v * rows - 0.5, 0.0), rows - 1.001)
    i, j = int(x), int(y)
    a, b = x - i, y - j
    top = field[j, i] + (field[j, i + 1] - field[j, i]) * a
    low = field[j + 1, i] + (field[j + 1, i + 1] - field[j + 1, i]) * a
    return float(top + (low - top) * b)


@kernel
def aim(mesh: Floats, near: Floats, width: int, height: int, cell: int, pose: Floats) -> None:
    """Fills `mesh` (2, rows, columns) with the picture's place, in frame pixels, for every cell-th pixel."""
    unit = max(width, height) * 0.5
    cx, cy = (width - 1) * 0.5, (height - 1) * 0.5
    left, right, top, bottom = 0.0, 0.0, 0.0, 0.0
    cos, sin = math.cos(pose[ROLL]) / pose[ZOOM] / unit, math.sin(pose[ROLL]) / pose[ZOOM] / unit
    for j in range(mesh.shape[1]):
        for i in range(mesh.shape[2]):
            x = (i * cell - cx) * cos + (j * cell - cy) * sin + pose[TURN_X]
            y = (j * cell - cy) * cos - (i * cell - cx) * sin + pose[TURN_Y]
            sx, sy = x, y
            for turn in range(4):
                n = at(near, (sx * unit + cx + 0.5) / width, (sy * unit + cy + 0.5) / height)
                wx = x * (1.0 - n * pose[NEARER]) + (n - pose[PIVOT]) * pose[RIGHT]
                wy = y * (1.0 - n * pose[NEARER]) + (n - pose[PIVOT]) * pose[DOWN]
                part = 1.0 if turn < 2 else 0.6
                sx, sy = sx + (wx - sx) * part, sy + (wy - sy) * part
            mesh[0, j, i], mesh[1, j, i] = sx * unit + cx, sy * unit + cy
            if i * cell < width + cell and j * cell < height + cell:
                left, right = max(left, -mesh[0, j, i]), max(right, mesh[0, j, i] - width + 1 - cell)
                top, bottom = max(top, -mesh[1, j, i]), max(bottom, mesh[1, j, i] - height + 1 - cell)
    if max(left, right, top, bottom) > 0.01:
        for j in range(mesh.shape[1]):
            for i in range(mesh.shape[2]):
                mesh[0, j, i] = _inside(mesh[0, j, i], width - 1.0, left, right)
                mesh[1, j, i] = _inside(mesh[1, j, i], height - 1.0, top, bottom)


@kernel
def _inside(place: float, length: float, before: float, after: float) -> float:
    """A line that reaches `before` and `after` beyond 0 … length, squeezed into it by two bands at its ends."""
    for end in range(2):
        excess = before if end == 0 else after
        band = min(excess * 7.0, length * 0.45)
        inward = place if end == 0 else length - place
        if excess > 0.0 and inward < band:
            reach = band - inward
            inward = band - (reach - excess / ((band + excess) * (band + excess)) * reach * reach)
            place = inward if end == 0 else length - inward
    return place


@kernel
def hides(mask: Floats, j: int, i: int, hidden: float) -> bool:
    """Whether a cell has the value `hidden` at all four corners."""
    return bool(
        mask[j, i] == hidden and mask[j, i + 1] == hidden and mask[j + 1, i] == hidden and mask[j + 1, i + 1] == hidden
    )


@kernel
def fetch(
    out: Floats, luma: Floats, mesh: Floats, cell: int, scale: float, begin: int, mask: Floats, hidden: float
) -> None:
    """Rows `begin` … of a frame's luma from a picture's, by Catmull-Rom; `out` is (rows, width). Where `mask` is
    `hidden` at all four corners of a cell, nothing is fetched: it will not be seen."""
    rows, width = out.shape
    tall, wide = luma.shape
    across = np.empty((2, mesh.shape[2]), np.float32)
    ss = f32(scale)
    shift = f32(0.5 * scale - 0.5 + PAD)
    most_x, most_y, least = f32(wide - PAD - 1.001), f32(tall - PAD - 1.001), f32(PAD)
    half, one, two = f32(0.5), f32(1.0), f32(2.0)
    for row in range(rows):
        j = (begin + row) // cell
        part = f32((begin + row) - j * cell) / f32(cell)
        for c in range(2):
            for i in range(mesh.shape[2]):
                across[c, i] = (mesh[c, j, i] + (mesh[c, j + 1, i] - mesh[c, j, i]) * part) * ss + shift
        for i in range((width + cell - 1) // cell):
            if hides(mask, j, i, hidden):
                continue
            px, py = across[0, i], across[1, i]
            dx, dy = (across[0, i + 1] - px) / f32(cell), (across[1, i + 1] - py) / f32(cell)
            for x in range(i * cell, min((i + 1) * cell, width)):
                sx, sy = min(max(px, least), most_x), min(max(py, least), most_y)
                px += dx
                py += dy
                ix, iy = np.int32(sx), np.int32(sy)
                a, b = sx - f32(ix), sy - f32(iy)
                x0 = half * a * (a * (two - a) - one)
                x1 = half * (a * a * (f32(3.0) * a - f32(5.0)) + two)
                x2 = half * a * (a * (f32(4.0) - f32(3.0) * a) + one)
                x3 = half * a * a * (a - one)
                y0 = half * b * (b * (two - b) - one)
                y1 = half * (b * b * (f32(3.0) * b - f32(5.0)) + two)
                y2 = half * b * (b * (f32(4.0) - f32(3.0) * b) + one)
                y3 = half * b * b * (b - one)
                r0, r1, r2, r3 = luma[iy - 1], luma[iy], luma[iy + 1], luma[iy + 2]
                out[row, x] = (
                    y0 * (x0 * r0[ix - 1] + x1 * r0[ix] + x2 * r0[ix + 1] + x3 * r0[ix + 2])
                    + y1 * (x0 * r1[ix - 1] + x1 * r1[ix] + x2 * r1[ix + 1] + x3 * r1[ix + 2])
                    + y2 * (x0 * r2[ix - 1] + x1 * r2[ix] + x2 * r2[ix + 1] + x3 * r2[ix + 2])
                    + y3 * (x0 * r3[ix - 1] + x1 * r3[ix] + x2 * r3[ix + 1] + x3 * r3[ix + 2])
                )  # fmt: skip


@kernel
def fetch_tint(out: Floats, plane: Floats, mesh: Floats, cell: int, scale: float, begin: int) -> None:
    """As `fetch`, for a colour difference at half size and with two points a side; `begin` in rows of `out`."""
    rows, width = out.shape
    tall, wide = plane.shape
    across = np.empty((2, mesh.shape[2]), np.float32)
    # Between the two middle pixels of the frame that one of `out` stands for; the plane has one pixel of border.
    ss, shift = f32(scale * 0.5), f32(0.25 * scale - 0.5 + 1.0)
    most_x, most_y, one = f32(wide - 1.001), f32(tall - 1.001), f32(1.0)
    for row in range(rows):
        y = f32(2 * (begin + row)) + f32(0.5)
        j = int(y) // cell
        part = (y - f32(j * cell)) / f32(cell)
        for c in range(2):
            for i in range(mesh.shape[2]):
                across[c, i] = (mesh[c, j, i] + (mesh[c, j + 1, i] - mesh[c, j, i]) * part) * ss + shift
        for x in range(width):
            i = (2 * x) // cell
            part_x = (f32(2 * x - i * cell) + f32(0.5)) / f32(cell)
            sx = min(max(across[0, i] + (across[0, i + 1] - across[0, i]) * part_x, f32(0.0)), most_x)
            sy = min(max(across[1, i] + (across[1, i + 1] - across[1, i]) * part_x, f32(0.0)), most_y)
            ix, iy = np.int32(sx), np.int32(sy)
            a, b = sx - f32(ix), sy - f32(iy)
            top = plane[iy, ix] * (one - a) + plane[iy, ix + 1] * a
            low = plane[iy + 1, ix] * (one - a) + plane[iy + 1, ix + 1] * a
            out[row, x] = top * (one - b) + low * b


def nodes(width: int, height: int, cell: int) -> tuple[int, int]:
    """Rows and columns of a mesh that reaches beyond the last pixel on each side."""
    return (height - 1) // cell + 3, (width - 1) // cell + 3


def cell_px(width: int, height: int) -> int:
    """Pixels between two points of a mesh."""
    return 4 if width * height <= 1_400_000 else 8
