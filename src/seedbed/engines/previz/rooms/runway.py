"""A fashion show: models on a lacquered runway with edges of light, beams that sweep, a hall of dark onlookers."""

from __future__ import annotations

import math
from dataclasses import replace

import numpy as np
from numpy.typing import NDArray

from seedbed.engines.previz import bodies
from seedbed.engines.previz.camera import Pose, ease, reframed, shaken
from seedbed.engines.previz.noise import fraction
from seedbed.engines.previz.rooms.beams import CONE
from seedbed.engines.previz.rooms.plan import Box, Plan, looked_at
from seedbed.engines.previz.shapes import mesh, paint
from seedbed.engines.previz.shapes.mesh import Mesh, joined
from seedbed.engines.previz.things.furniture import blocks, sheet

Floats = NDArray[np.float32]
HIGH, HALF = 0.5, 1.25
"""Of the runway, metres: its height and half its width."""
_END = 17.0
_ACCENTS = ("ff2f7d", "2f8cff", "ff6a1f", "8a3cff", "18d6c0", "ffb21a")
_LEAD_Y, _APART_M = 6.5, 4.6
_OUTFITS = ("gown", "long dress", "suit", "long coat", "dress", "coat", "skirt")


def runway(plan: Plan) -> None:
    """Models come towards the camera, one after another."""
    plan.box = Box(22.0, -9.0, 22.0, 8.0)
    accent = _ACCENTS[(plan.seed >> 2) % len(_ACCENTS)]
    plan.solids += _hall(plan, accent)
    plan.solids.append(_onlookers(plan))
    _models(plan)
    red, green, blue = (float(v) for v in _linear(accent))
    for y in (-2.0, 4.0, 10.0):
        plan.lamp(0.0, y, 2.9, (0.25, 0.243, 0.228), 2.2)
    for side in (-1.5, 1.5):
        plan.lamp(side, 3.0, 0.55, (0.30 * red, 0.30 * green, 0.30 * blue), 1.5)
    plan.lamp(0.0, _END + 1.0, 3.0, (0.55 * red, 0.55 * green, 0.55 * blue), 2.6)
    plan.gloss, plan.level = 1.0, HIGH
    plan.glows.append(lambda t: _flashes(t, plan.seed & 0xFFFF))
    plan.focus = looked_at("models", 0.0, _LEAD_Y, HIGH + 1.0, 2.2)


def _linear(colour: str) -> NDArray[np.float64]:
    return np.array([(int(colour[i : i + 2], 16) / 255) ** 2.2 for i in (0, 2, 4)])


def _hall(plan: Plan, accent: str) -> list[Mesh]:
    palette = plan.palette
    black = palette.add(paint("0b0b0e", gloss=0.25))
    lacquer = palette.add(paint("16161b", gloss=0.85))
    strip = palette.add(paint("ffffff", glow=accent, glow_by=3.0))
    white = palette.add(paint("ffffff", glow="fff4ea", glow_by=2.2))
    steel = palette.add(paint("1a1b20", gloss=0.3))
    near, long = -12.0, _END + 12.0
    parts = [sheet((0, 0, 0), (1, 0, 0), (0, 1, 0), np.linspace(-11, 11, 12), np.linspace(-12, 22, 18)).painted(black)]
    parts.append(
        sheet((0, 0, HIGH), (1, 0, 0), (0, 1, 0), np.linspace(-HALF, HALF, 4), np.linspace(near, _END, 30)).painted(
            lacquer
        )
    )
    middle = near + long / 2
    parts.append(blocks([(s * (HALF - 0.02), middle, 0, 0.04, long, HIGH - 0.012) for s in (-1, 1)], black))
    parts.append(blocks([(s * (HALF + 0.03), middle, HIGH - 0.05, 0.05, long, 0.055) for s in (-1, 1)], strip))
    back = sheet((0, 21.0, 0), (1, 0, 0), (0, 0, 1), np.linspace(-11, 11, 12), np.linspace(0, 8, 6))
    parts.append(back.painted(palette.add(paint("040405", gloss=0.02))))
    parts += _portal(plan, strip, white, black)
    # The rig over it all.
    rails = [mesh.tube([[x, -6, 6.2], [x, 20, 6.2]], 0.06, 6) for x in (-1.7, 1.7)]
    bars = [mesh.tube([[-3.4, y, 6.2], [3.4, y, 6.2]], 0.05, 6) for y in np.arange(-3.0, 18.0, 4.5)]
    parts.append(joined(rails + bars).painted(steel))
    lens = [(x, y, 6.0, 0.22, 0.22, 0.06) for y in np.arange(-3.0, 18.0, 4.5) for x in (-1.7, 0.0, 1.7)]
    parts.append(blocks(lens, white))
    return parts


def _portal(plan: Plan, strip: int, white: int, black: int) -> list[Mesh]:
    """Where the models come from: one of three gates of light, by the seed."""
    kind, parts = plan.seed % 3, []
    if kind == 0:
        for k, (wide, tall) in enumerate(((3.0, 4.0), (4.6, 5.0), (6.4, 6.0))):
            y = _END + 0.4 + 1.1 * k
            rows = [(s * wide / 2, y, 0, 0.09, 0.09, tall) for s in (-1, 1)] + [(0, y, tall, wide + 0.09, 0.09, 0.09)]
            parts.append(blocks(rows, strip if k % 2 == 0 else white))
    elif kind == 1:
        rows = [
            (x, _END + 2.6, 0.3, 0.10, 0.08, 3.2 + 2.2 * abs(math.sin(2.3 * k)))
            for k, x in enumerate(np.linspace(-7.5, 7.5, 26))
        ]
        parts.append(blocks(rows[::2], strip))
        parts.append(blocks(rows[1::2], white))
    else:
        turn = np.linspace(0, 2 * math.pi, 65)
        ring = np.stack([2.6 * np.sin(turn), np.full(65, _END + 1.4), 2.9 + 2.6 * np.cos(turn)], 1)
        parts.append(mesh.tube(ring, 0.09, 8, caps=False).painted(strip))
        outer = np.stack([3.6 * np.sin(turn), np.full(65, _END + 2.2), 2.9 + 3.6 * np.cos(turn)], 1)
        parts.append(mesh.tube(outer, 0.05, 8, caps=False).painted(white))
    parts.append(blocks([(0, _END + 0.9, 0, 6.5, 2.0, HIGH)], black))
    return parts


def _onlookers(plan: Plan) -> Mesh:
    """Rows of seated people, as little as a silhouette needs."""
    rng = np.random.default_rng([plan.seed, 91])
    cloths = [plan.palette.add(paint(c, gloss=0.05)) for c in ("23252f", "35222d", "1d2b38", "33302b", "43282d")]
    skins = [plan.palette.add(paint(c, gloss=0.1)) for c in ("2c1f18", "1d130e", "33271f")]
    hairs = [plan.palette.add(paint(c, gloss=0.02)) for c in ("060504", "0f0906", "1c1109")]
    body, head, crown = _sitter()
    parts = []
    for row in range(3):
        for k, y in enumerate(np.arange(-5.0, 17.0, 0.72)):
            for side in (-1, 1):
                a, b, c, lot = rng.uniform(0, 1, 4)
                if lot < 0.04:
                    continue
                x, z = side * (2.05 + 0.85 * row), 0.22 * row
                yaw = -side * math.pi / 2 + 0.5 * (a - 0.5)
                size = 0.94 + 0.12 * b
                own = [
                    body.painted(cloths[int(c * 5)]),
                    head.painted(skins[int(a * 3)]),
                    crown.painted(hairs[int(b * 3)]),
                ]
                whole = joined(own).scaled(size).turned(yaw=yaw)
                parts.append(whole.moved(x, float(y) + 0.2 * (k % 2) * row, z))
    steps = [(s * (2.05 + 0.85 * r + 0.45), 6.0, 0, 0.9, 24.0, 0.22 * r + 0.001) for r in (1, 2) for s in (-1, 1)]
    return joined([*parts, blocks(steps, plan.palette.add(paint("0b0b0e", gloss=0.25)))])


def _sitter() -> tuple[Mesh, Mesh, Mesh]:
    """A seated figure that looks to +y: clothed body, skin, hair."""
    turn = 2 * np.pi * np.arange(8) / 8
    ring = np.stack([np.cos(turn), np.sin(turn)], 1)
    levels = ((0.19, 0.13, 0.44, 0.0), (0.17, 0.12, 0.66, -0.02), (0.22, 0.12, 0.94, 0.0), (0.10, 0.08, 1.04, 0.02))
    trunk = [np.column_stack([ring * [w, d] + np.array([0.0, y]), np.full(8, z)]) for w, d, z, y in levels]
    legs = [
        mesh.tube([[s * 0.10, 0.0, 0.52], [s * 0.11, 0.46, 0.50], [s * 0.11, 0.48, 0.05]], [0.095, 0.075, 0.05], 6)
        for s in (-1, 1)
    ]
    arms = [
        mesh.tube([[s * 0.22, 0.0, 0.92], [s * 0.25, 0.06, 0.66], [s * 0.08, 0.28, 0.62]], [0.055, 0.05, 0.04], 5)
        for s in (-1, 1)
    ]
    head = mesh.sphere(0.105, 8, 6).scaled(0.85, 0.95, 1.2).moved(0, 0.04, 1.20)
    crown = mesh.sphere(0.118, 10, 6).scaled(0.9, 0.92, 1.22).moved(0, -0.012, 1.225)
    return joined([mesh.loft(trunk), *legs, *arms]), head, crown


def _models(plan: Plan) -> None:
    """Four in a line; by the seed, another of them is first."""
    first = plan.seed % len(_OUTFITS)
    for number in range(3):
        outfit = _OUTFITS[(first + 2 * number) % len(_OUTFITS)]
        kind = "man" if outfit in ("suit", "coat") else "model"
        hues = ("b01f2e", "e9e4da", "1f3f8a", "d9a92f", "151518", "1f7a5c", "c23c86", "7a8fa0")
        own = plan.seed * 7 + number
        body = bodies.model(
            kind, seed=own, palette=plan.palette, outfit=outfit, colour=hues[(plan.seed * 3 + 3 * number) % 8]
        )
        motion = "runway" if "runway" in body.motions else "walk"
        speed = body.speed(motion)
        start = _LEAD_Y + _APART_M * number

        def path(seconds: float, y: float = start, pace: float = speed) -> tuple[float, float, float, float]:
            return 0.0, y - pace * seconds, HIGH, math.pi

        plan.actors.append(bodies.Walker(body, motion, path, 0.31 * number))


def cones(seconds: float, seed: int) -> Floats:
    """Spotlights on the runway, and coloured beams that sweep over the hall."""
    accent = _linear(_ACCENTS[(seed >> 2) % len(_ACCENTS)])
    rows = []
    for k, y in enumerate((-3.0, 1.5, 6.0, 10.5, 15.0)):
        way = np.array([0.0, -0.22, -1.0])
        rows.append([0.0, y, 6.0, *(way / np.linalg.norm(way)), 0.17, 5.8, 0.32, 0.31, 0.30])
        for side in (-1, 1):
            swing = math.sin(1.9 * seconds + 1.3 * k + side * 0.8)
            way = np.array([side * (0.35 + 0.55 * swing), -0.35 + 0.3 * math.cos(1.3 * seconds + k), -1.0])
            tone = accent if (k + (side > 0)) % 2 else np.array([0.75, 0.78, 0.9])
            rows.append([side * 1.7, y, 6.0, *(way / np.linalg.norm(way)), 0.055, 9.0, *(tone * 0.85)])
    return np.array(rows, np.float32).reshape(-1, CONE)


def _flashes(seconds: float, seed: int) -> Floats:
    """Photographers in the rows: each flash is over in a tenth of a second."""
    rows = []
    for k in range(46):
        beat = seconds * 1.1 + 9.0 * fraction(k, 1, seed)
        tick = int(beat)
        if fraction(k, 3 + tick, seed) < 0.72 or beat - tick > 0.11:
            continue
        side = -1.0 if k % 2 else 1.0
        x, z = side * (1.95 + 0.85 * (k % 3)), 1.25 + 0.22 * (k % 3)
        y = -4.0 + 20.0 * fraction(k, 2, seed)
        power = 5.0 * (1.0 - (beat - tick) / 0.11)
        rows.append([x, y, z, 0.34, 0.09 * power, 0.09 * power, 0.10 * power, 0.0, 0.0, k])
        rows.append([x, y, z, 0.05, 6 * power, 6 * power, 6 * power, 0.0, 0.0, k])
    return np.array(rows, np.float32).reshape(-1, 10)


# How each move sees the show: metres before the lead, to the side, over the runway; heading to the side; focal length.
_VIEWS = {
    "flight": (4.6, -0.55, 1.15, 1.12), "dolly": (4.8, 0.0, 0.95, 1.20), "tracking": (3.0, 0.95, 1.30, 1.15),
    "first_person": (3.4, -1.9, 1.0, 1.05), "static": (4.3, 0.0, 0.55, 1.15), "handheld": (3.2, 1.5, 1.15, 1.30),
    "pan": (4.6, -2.6, 1.35, 1.15), "tilt": (2.7, 0.35, 0.8, 1.15), "zoom": (6.5, 0.3, 1.3, 1.75),
    "truck": (4.2, -0.3, 0.30, 1.10), "crane": (6.4, 0.5, 1.2, 1.05), "orbit": (3.4, 0.0, 1.15, 1.12),
}  # fmt: skip


def poses(plan: Plan, *, frames: int, fps: int, ratio: float, fixed: bool, tempo: float, speed: float) -> list[Pose]:
    """The camera, near the model who leads; every move and seed has a view of its own."""
    shot = plan.shot
    move = "static" if fixed else shot.move
    side = 1.0 if (plan.seed >> 4) & 1 else -1.0
    seen = [_pose(plan, move, frame / fps, frames / fps, ratio, side, tempo, speed, fixed) for frame in range(frames)]
    return reframed(seen, replace(shot, aside=0.0))


def _pose(
    plan: Plan, move: str, t: float, duration_s: float, ratio: float, side: float, tempo: float, speed: float,
    fixed: bool,
) -> Pose:  # fmt: skip
    shot = plan.shot
    reach = {"slow": 0.6, "normal": 1.0, "fast": 1.35}[shot.pace]
    share = ease(t / duration_s)
    back = share if shot.sense > 0 else 1.0 - share
    away, aside, over, focal = _VIEWS.get(move, _VIEWS["static"])
    away += 0.5 * fraction(plan.seed & 255, 5, plan.seed)
    aside *= side
    if move in ("tracking", "orbit", "first_person", "tilt"):
        along = t
    elif move in ("flight", "dolly", "truck"):
        along = 0.5 * (t + 0.5 * duration_s)
    else:
        # A camera that rests waits for the later part of the walk.
        along = 0.7 * duration_s
    y = _LEAD_Y - speed * along * tempo
    tall, roll, look = HIGH + 1.0, 0.0, 0.0
    if move == "dolly":
        away *= 1.3 - 0.6 * back * min(reach, 1.1)
    elif move == "flight":
        away *= 1.3 - 0.45 * back * min(reach, 1.2)
        aside *= 1.0 - 1.6 * share
        roll = 0.03 * math.sin(2.1 * t) * reach
    elif move == "zoom":
        focal *= 0.75 + 0.6 * back * reach
    elif move == "truck":
        aside += (share - 0.5) * 1.7 * reach * shot.sense
    elif move == "crane":
        over += 2.6 * back * reach
    elif move == "pan":
        look = (share - 0.5) * 0.34 * reach * shot.sense
    elif move == "tilt":
        tall = HIGH + 0.25 + 1.15 * (1.0 - back if shot.sense < 0 else share)
    turn = (share - 0.5) * 1.0 * reach * shot.sense if move == "orbit" else math.atan2(-aside, away)
    far = math.hypot(away, aside)
    x, cy = -math.sin(turn) * far, y - math.cos(turn) * far
    eye = HIGH + over
    size = 1.0 / math.sqrt(ratio)
    horizon = min(max(0.52 + (tall - eye) * focal / far / size, -0.2), 1.1)
    pose = Pose(x, max(cy, -8.5), eye, turn + look, horizon, focal, roll)
    return shaken(pose, t, plan.seed, 0.6 * reach) if not fixed and (shot.handheld or shot.pace == "fast") else pose
