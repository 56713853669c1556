"""A human head: skull and face as one skin, and eyes, brows, lips, ears and hair laid onto it.

Lengths are in heads: 1 from chin to crown, the origin at the chin's level below the ears, the face along +y.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from seedbed.engines.previz.bodies.form import Grain, Hold, both, skin
from seedbed.engines.previz.shapes.mesh import Mesh, loft, sphere

Doubles = NDArray[np.float64]

# Height, half the width, the face's and the back of the head's distance from the axis through the ears.
_SKULL = np.array([
    (0.00, 0.10, 0.375, -0.16), (0.035, 0.165, 0.405, -0.06), (0.10, 0.225, 0.405, 0.04), (0.20, 0.272, 0.400, 0.20),
    (0.30, 0.300, 0.402, 0.31), (0.40, 0.318, 0.405, 0.38), (0.50, 0.328, 0.402, 0.425), (0.60, 0.336, 0.418, 0.455),
    (0.70, 0.340, 0.420, 0.460), (0.78, 0.328, 0.398, 0.445), (0.86, 0.288, 0.340, 0.395), (0.93, 0.215, 0.240, 0.30),
    (0.975, 0.125, 0.130, 0.175), (0.995, 0.05, 0.05, 0.07),
])  # fmt: skip
_POWER = 2.25

# Middle x and z, spread in x and z, height: what the face has on top of the skull. Each is on both sides of x = 0.
_FEATURES = np.array([
    (0.0, 0.55, 0.038, 0.085, 0.030),    # bridge of the nose
    (0.0, 0.435, 0.042, 0.075, 0.062),   # ridge
    (0.0, 0.362, 0.050, 0.045, 0.104),   # tip
    (0.058, 0.350, 0.036, 0.034, 0.046), # wings
    (0.150, 0.505, 0.080, 0.052, -0.046),# sockets
    (0.130, 0.600, 0.120, 0.032, 0.016), # brow
    (0.205, 0.415, 0.070, 0.070, 0.020), # cheekbones
    (0.16, 0.26, 0.07, 0.08, -0.016),    # below the cheeks
    (0.0, 0.245, 0.085, 0.022, 0.026),   # upper lip
    (0.0, 0.190, 0.075, 0.024, 0.026),   # lower lip
    (0.0, 0.135, 0.090, 0.026, -0.016),  # under the lip
    (0.0, 0.050, 0.090, 0.055, 0.030),   # chin
])  # fmt: skip


@dataclass(frozen=True, slots=True)
class Build:
    """What makes a head this person's: width of jaw and face, how strong nose, brow and lips are (1 is usual)."""

    jaw: float = 1.0
    wide: float = 1.0
    nose: float = 1.0
    lips: float = 1.0
    eyes: float = 1.0


@dataclass(frozen=True, slots=True)
class Tints:
    """Rows of the palette."""

    skin: int
    lips: int
    white: int
    iris: int
    dark: int
    hair: int
    brow: int


def head(build: Build, grain: Grain, hold: Hold, tints: Tints, *, haired: bool = True) -> list[Mesh]:
    """Skull, face and ears; eyes, brows and lips where the grain is high."""
    heights = _heights(grain)
    angles = _angles(grain(22, 6), 0.62 if grain.high else 0.0)
    rows = np.stack([_ring(build, z, angles) for z in heights])
    if haired:
        rows = _tucked(rows, 0.06 if grain.high else 0.20)
    parts = [hold.over(loft(rows), np.zeros((len(rows) + 2) * (rows.shape[1] + 1))).painted(tints.skin)]
    if grain.high:
        parts += [part.boned(hold.bones[0]) for part in [*_eyes(build, tints), *_mouth(build, tints), *_ears(tints)]]
    return parts


def _heights(grain: Grain) -> Doubles:
    if not grain.high:
        return np.array([0.0, 0.3, 0.7, 0.95])
    return np.array([0.0, 0.04, 0.09, 0.135, 0.175, 0.205, 0.235, 0.265, 0.31, 0.345, 0.38, 0.43, 0.475, 0.515, 0.56,
                     0.60, 0.65, 0.72, 0.80, 0.88, 0.95, 0.985])  # fmt: skip


def _angles(columns: int, dense: float) -> Doubles:
    """Angles around the head, counterclockwise from the front; `dense` 0 … 1 draws them to the front."""
    turn = 2 * np.pi * np.arange(columns) / columns
    return np.asarray(np.pi / 2 + turn - dense * np.sin(turn))


def _section(build: Build, z: float) -> tuple[float, float, float]:
    side, front, back = (float(np.interp(z, _SKULL[:, 0], _SKULL[:, k])) for k in (1, 2, 3))
    low = np.clip(1 - z / 0.45, 0, 1)
    return side * build.wide * (1 + (build.jaw - 1) * low), front, back


def _ring(build: Build, z: float, angle: Doubles) -> Doubles:
    side, front, back = _section(build, z)
    x = side * np.sign(np.cos(angle)) * np.abs(np.cos(angle)) ** (2 / _POWER)
    deep = np.sign(np.sin(angle)) * np.abs(np.sin(angle)) ** (2 / _POWER)
    y = np.where(deep >= 0, front, back) * deep
    y += _relief(build, x, np.full_like(x, z)) * (deep > 0) * np.clip(deep * 3, 0, 1)
    return np.stack([x, y, np.full_like(x, z)], 1)


def _tucked(rows: Doubles, much: float) -> Doubles:
    """The skull drawn in a little where hair covers it, so that it never shows through."""
    y, z = rows[..., 1], rows[..., 2]
    behind = np.clip((0.02 - y) / 0.1, 0, 1) * np.clip((z - 0.22) / 0.1, 0, 1)
    beside = np.clip((0.24 - y) / 0.08, 0, 1) * np.clip((z - 0.60) / 0.06, 0, 1)
    above = np.clip((z - 0.84) / 0.06, 0, 1)
    k = 1 - much * np.maximum(np.maximum(behind, beside), above)
    return np.stack([rows[..., 0] * k, y * k, z - 0.4 * much * above], -1)


def _relief(build: Build, x: Doubles, z: Doubles) -> Doubles:
    gains = np.ones(len(_FEATURES))
    gains[:4], gains[8:10] = build.nose, build.lips
    total = np.zeros_like(x)
    for (mx, mz, sx, sz, high), gain in zip(_FEATURES, gains, strict=True):
        total += gain * high * np.exp(-(((np.abs(x) - mx) / sx) ** 2) - ((z - mz) / sz) ** 2)
    return total


def _on_face(build: Build, x: Doubles, z: Doubles) -> Doubles:
    """y of the face's skin at (x, z)."""
    made = []
    for xi, zi in zip(x, z, strict=True):
        side, front, _ = _section(build, float(zi))
        made.append(front * max(1 - (abs(xi) / side) ** _POWER, 0.0) ** (1 / _POWER))
    return np.array(made) + _relief(build, x, z)


def _patch(
    build: Build, outline: Sequence[tuple[float, float]], lift: float, sunk: float = 0.012, steps: int = 2
) -> Mesh:
    """A flat dome that follows the face within an outline (x, z), counterclockwise seen from before the face: its
    edge `sunk` below the skin (above it if negative), its middle `lift` over its edge."""
    edge = np.array(outline)
    middle = edge.mean(0)
    rings = []
    turns = np.linspace(0.3, 1.35, steps) if steps > 1 else np.array([0.9])
    for size, up in [(1.0, -sunk), *[(np.cos(a), lift * np.sin(a) - sunk) for a in turns]]:
        ring = middle + (edge - middle) * size
        rings.append(np.column_stack([ring[:, 0], _on_face(build, ring[:, 0], ring[:, 1]) + up, ring[:, 1]]))
    return loft(np.array(rings))


def _coin(build: Build, outline: Sequence[tuple[float, float]], lift: float) -> Mesh:
    """A flat disc `lift` over the face's skin at its middle."""
    edge = np.array(outline)
    middle = edge.mean(0)
    y = float(_on_face(build, middle[:1], middle[1:])[0]) + lift
    deep = np.full(len(edge), y)
    return loft(
        np.array(
            [np.column_stack([edge[:, 0], deep - 0.02, edge[:, 1]]), np.column_stack([edge[:, 0], deep, edge[:, 1]])]
        )
    )


def _almond(x: float, z: float, wide: float, up: float, down: float, count: int = 10) -> list[tuple[float, float]]:
    """Counterclockwise seen from before the face, where +x is on the left."""
    angle = 2 * np.pi * np.arange(count) / count
    tall = np.where(np.sin(angle) > 0, up, down)
    return [(x - wide * float(np.cos(a)), z + float(t * np.sin(a))) for a, t in zip(angle, tall, strict=True)]


def _eyes(build: Build, tints: Tints) -> list[Mesh]:
    x, z, size = 0.148, 0.50, build.eyes
    white = _patch(build, _almond(x, z, 0.066 * size, 0.030 * size, 0.022 * size, 12), 0.036).painted(tints.white)
    iris = _coin(build, _almond(x - 0.002, z + 0.003, 0.027 * size, 0.027 * size, 0.024 * size), 0.027)
    pupil = _coin(build, _almond(x - 0.002, z + 0.003, 0.013 * size, 0.013 * size, 0.013 * size, 7), 0.034)
    lid = [(x - 0.078 * size, z - 0.004), (x - 0.05 * size, z + 0.019 * size), (x, z + 0.030 * size),
           (x + 0.05 * size, z + 0.019 * size), (x + 0.078 * size, z - 0.010)]  # fmt: skip
    lash = _stroke(build, lid, 0.010 * size, 0.030).painted(tints.dark)
    brow = [(0.060, 0.585), (0.10, 0.604), (0.16, 0.612), (0.215, 0.596), (0.245, 0.575)]
    brows = _stroke(build, brow, 0.014, 0.012).painted(tints.brow)
    parts = [white, iris.painted(tints.iris), pupil.painted(tints.dark), lash, brows]
    return [twin for part in parts for twin in both(part)]


def _stroke(build: Build, line: Sequence[tuple[float, float]], width: float, lift: float) -> Mesh:
    """A thin bar on the face along points (x, z), thinner towards its ends."""
    points = np.array(line)
    thin = width * np.array([0.35, *[1.0] * (len(points) - 2), 0.35])
    y = _on_face(build, points[:, 0], points[:, 1]) + lift
    stations = [(px, py, pz, w, w * 0.6, w * 0.8) for (px, pz), py, w in zip(points, y, thin, strict=True)]
    return skin(stations, len(line), 4, Hold((0,)), turn=np.pi / 4)


def _mouth(build: Build, tints: Tints) -> list[Mesh]:
    wide = 0.118 * (0.85 + 0.15 * build.lips)
    upper = [
        (-wide, 0.214), (-0.060, 0.214), (0.0, 0.216), (0.060, 0.214), (wide, 0.214), (0.062, 0.242), (0.020, 0.260),
        (0.0, 0.252), (-0.020, 0.260), (-0.062, 0.242),
    ]  # fmt: skip
    lower = [
        (-0.060, 0.180), (0.0, 0.164), (0.060, 0.180), (wide * 0.96, 0.211), (0.05, 0.208), (0.0, 0.207),
        (-0.05, 0.208), (-wide * 0.96, 0.211),
    ]  # fmt: skip
    return [_patch(build, [(-x, z) for x, z in outline], lift * build.lips, 0.004).painted(tints.lips)
            for outline, lift in ((upper, 0.020), (lower, 0.024))]  # fmt: skip


def _ears(tints: Tints) -> list[Mesh]:
    ear = sphere(1.0, 7, 5).scaled(0.035, 0.075, 0.11).turned(pitch=0.15, yaw=-0.25).moved(0.325, -0.03, 0.45)
    return both(ear.painted(tints.skin))


# Where the hair ends, by the angle from the front (0) over the side (1) to the back (2): heights in heads.
_STYLES: dict[str, tuple[tuple[float, float, float], float, float]] = {
    # hairline at front, side, back; thickness; how far it stands off at its lower edge
    "short": ((0.80, 0.50, 0.16), 0.045, 0.0),
    "crop": ((0.80, 0.56, 0.22), 0.036, 0.0),
    "bob": ((0.82, 0.08, 0.00), 0.070, 0.05),
    "long": ((0.83, -0.55, -0.95), 0.065, 0.04),
    "bun": ((0.82, 0.52, 0.20), 0.035, 0.0),
    "tail": ((0.82, 0.52, 0.20), 0.035, 0.0),
    "afro": ((0.84, 0.44, 0.12), 0.20, 0.0),
}
STYLES = (*_STYLES, "bald")


def hair(style: str, build: Build, grain: Grain, bone: int, tail: int, tints: Tints) -> list[Mesh]:
    """The hair in a style of STYLES, held by the head; what hangs far is held by the bone `tail` too."""
    if style == "bald":
        return []
    edge, thick, off = _STYLES[style]
    parts = [_shell(build, grain, edge, thick, off, bone, tail)]
    if style == "bun":
        parts.append(sphere(0.17, grain(12, 5), grain(8, 3)).scaled(1, 0.9, 1).moved(0, -0.50, 0.80).boned(bone))
    if style == "tail":
        line = [(0, -0.46, 0.78, 0.05, 0.05, 0.05), (0, -0.58, 0.76, 0.09, 0.08, 0.08),
            (0, -0.66, 0.5, 0.11, 0.09, 0.09),
                (0, -0.64, 0.1, 0.09, 0.07, 0.07), (0, -0.58, -0.25, 0.02, 0.02, 0.02)]  # fmt: skip
        parts.append(skin(line, grain(9, 4), grain(8, 4), Hold((bone, tail), (1.5,), (1.2,))))
    return [part.painted(tints.hair) for part in parts]


def _shell(
    build: Build, grain: Grain, edge: tuple[float, float, float], thick: float, off: float, bone: int, tail: int
) -> Mesh:
    columns, rows = grain(18, 6), grain(8, 4)
    angle = _angles(columns, 0.3 if grain.high else 0.0)
    turned = np.abs(np.angle(np.exp(1j * (angle - np.pi / 2)))) / (np.pi / 2)
    # The hairline falls steeply at the temples.
    low = np.interp(turned, [0, 0.42, 0.62, 0.80, 1.05, 1.4, 2.0], [
        edge[0], edge[0] - 0.02, 0.5 * edge[0] + 0.5 * max(edge[1], 0.5) , edge[1], edge[1],
            0.4 * edge[1] + 0.6 * edge[2],
        edge[2],
    ])  # fmt: skip
    net = np.empty((rows + 1, columns, 3))
    for row in range(rows):
        t = row / (rows - 1)
        z = low + (0.997 - low) * (0.45 * t + 0.55 * np.sin(0.5 * np.pi * t))
        for column in range(columns):
            net[row + 1, column] = _hair_at(build, float(z[column]), float(angle[column]), thick, off, t)
    for column in range(columns):
        net[0, column] = _hair_at(build, float(low[column]) + 0.02, float(angle[column]), -0.06, off, 0.0)
    made = loft(net)
    height = made.points[:, 2]
    weight = np.clip((height + 0.75) / 0.7, 0, 1) if min(edge) < 0 else np.ones(len(height))
    return made.boned(bone, tail, weight)


def _hair_at(build: Build, z: float, angle: float, thick: float, off: float, t: float) -> tuple[float, float, float]:
    """A point of the hair at a height and an angle; `t` runs from its edge to the crown."""
    side, front, back = _section(build, min(max(z, 0.52), 0.995))
    top = min(max((z - 0.60) / 0.395, 0.0), 1.0)
    grow = thick * (0.35 + 0.65 * min(t * 4, 1.0)) if thick > 0 else thick
    grow = grow * float(np.sqrt(1 - top * top)) + off * max(0.0, (0.5 - z)) * 0.8
    c, s = np.cos(angle), np.sin(angle)
    x = (side + grow) * np.sign(c) * abs(c) ** (2 / _POWER)
    y = ((front if s > 0 else back) + grow) * np.sign(s) * abs(s) ** (2 / _POWER)
    return float(x), float(y), z + max(thick, 0.0) * top
