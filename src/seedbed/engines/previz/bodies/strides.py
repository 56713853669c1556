"""How people move: each motion of a figure as a clip for a body of height 1.

Feet follow the ground and legs reach for them, so that nothing slides; everything above answers the pelvis.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from functools import lru_cache, partial

import numpy as np
from numpy.typing import NDArray

from seedbed.engines.previz.bodies.gait import covering, cycle, keyed, step, wave
from seedbed.engines.previz.bodies.person import ANKLE, BALL, FIGURES, HEEL, SPREAD, Figure, skeleton
from seedbed.engines.previz.bodies.rig import Clip, Poser, turns

Doubles = NDArray[np.float64]

SIDES = ((".r", 1.0), (".l", -1.0))
_HANG = SPREAD - 0.10
"""How far arms come in from rest to hang beside the body."""


@dataclass(frozen=True, slots=True)
class Gait:
    """A way to walk: seconds and heights a stride, the part of it that a foot stands, how high it swings, how a foot
    tips (by phase, in radians), how far feet are apart (1: below the hips), and what the body adds."""

    period: float
    stride: float
    duty: float
    lift: float
    tips: dict[float, float]
    apart: float
    bob: float
    sway: float
    twist: float
    drop: float
    lean: float
    arms: float
    elbow: float
    low: float


_WALK = Gait(1.06, 0.74, 0.61, 0.036, {0.0: 0.30, 0.09: 0.0, 0.38: 0.0, 0.50: -0.34, 0.61: -0.95, 0.70: -0.80,
    0.84: -0.05, 0.94: 0.32},
             0.80, 0.009, 0.011, 0.10, 0.050, 0.03, 0.42, 0.25, 0.001)  # fmt: skip
_RUNWAY = Gait(1.02, 0.76, 0.60, 0.042, {0.0: 0.16, 0.08: 0.0, 0.36: 0.0, 0.48: -0.36, 0.60: -1.0, 0.70: -0.85,
    0.84: -0.10, 0.94: 0.20},
               0.22, 0.010, 0.015, 0.17, 0.105, -0.02, 0.30, 0.14, 0.001)  # fmt: skip
_RUN = Gait(0.70, 1.30, 0.34, 0.115, {0.0: 0.12, 0.06: 0.0, 0.16: 0.0, 0.26: -0.5, 0.34: -0.95, 0.46: -1.25,
    0.66: -0.6, 0.82: 0.0, 0.94: 0.16},
            0.45, 0.016, 0.005, 0.20, 0.05, 0.15, 0.66, 1.35, 0.006)  # fmt: skip

_GAITS = {"walk": _WALK, "runway": _RUNWAY, "run": _RUN}


def _foot(u: Doubles, gait: Gait) -> tuple[Doubles, Doubles, Doubles, Doubles]:
    """A foot's ankle ahead of the hips and over the ground, its tip and its toes' tip, by phase."""
    at = step(u, gait.duty, gait.stride * gait.duty, gait.lift, early=0.34)
    tip = keyed(u, gait.tips)
    pivot_y = np.where(tip > 0, HEEL, BALL[0]) + 0.004
    pivot_z = np.where(tip > 0, 0.0, BALL[1]) - ANKLE
    ahead = at.ahead + pivot_y - (np.cos(tip) * pivot_y - np.sin(tip) * pivot_z)
    up = at.up + pivot_z + ANKLE - (np.sin(tip) * pivot_y + np.cos(tip) * pivot_z)
    free = np.clip(at.swing * 3, 0, 1)
    # Toes bend flat while the foot rolls over them and hang a little once it is off the ground.
    toes = np.where(tip > 0, tip, 0.3 * tip * free * free * (3 - 2 * free))
    return ahead - 0.004, up, tip, toes


def _legs(
    p: Poser, ankles: dict[str, Doubles], tips: dict[str, Doubles], toes: dict[str, Doubles], yaws: dict[str, Doubles]
) -> None:
    """Both legs to their ankles (frames, 3), then the cloth around them."""
    pelvis = p.rig.at("pelvis")
    for side, _ in SIDES:
        thigh, shin, foot = (p.rig.at(name + side) for name in ("thigh", "shin", "foot"))
        own = p.spins[:, pelvis, :, 0] * np.array([1, 1, 0.0])
        foot_right = turns(yaw=yaws[side])[:, :, 0]
        across = own + foot_right
        across = across / np.linalg.norm(across, axis=1, keepdims=True)
        p.reach(thigh, shin, p.rig.joints[foot], ankles[side], 1.0, across)
        p.face("foot" + side, turns(tips[side], yaw=yaws[side]))
        p.face("toes" + side, turns(toes[side], yaw=yaws[side]))


def _cloth(p: Poser, swing: Doubles | float = 0.0) -> None:
    """The skirt's bones: pushed by thighs and shins, led back by the pelvis, never through a leg."""
    pelvis = p.spins[:, p.rig.at("pelvis")]
    for side, _ in SIDES:
        hip, knee, ankle = (p.places[:, p.rig.at(name + side)] for name in ("thigh", "shin", "foot"))
        # Into the pelvis's own frame.
        to_knee, to_ankle = (np.einsum("kji,kj->ki", pelvis, q - hip) for q in (knee, ankle))
        a = np.arctan2(to_knee[:, 1], -to_knee[:, 2])
        b = np.arctan2(to_ankle[:, 1], -to_ankle[:, 2])
        front = np.log(np.exp(12 * a) + np.exp(12 * b) + np.exp(0.0)) / 12 - 0.05
        back = -np.log(np.exp(-12 * a) + np.exp(-12 * b) + np.exp(0.0)) / 12 + 0.05
        p.turn("front" + side, pitch=front * 0.93, roll=swing)
        p.turn("back" + side, pitch=back * 0.97, roll=swing)


def _lower(
    p: Poser, ankles: dict[str, Doubles], spin: Doubles, shift: list[Doubles], slack: float,
    stands: dict[str, Doubles] | None = None,
) -> None:  # fmt: skip
    """The pelvis put where both legs reach their ankles, at least `slack` below its place at rest."""
    joints = p.rig.joints
    need = np.full(p.frames, slack)
    for side, _ in SIDES:
        thigh, shin, foot = (p.rig.at(name + side) for name in ("thigh", "shin", "foot"))
        length = np.linalg.norm(joints[shin] - joints[thigh]) + np.linalg.norm(joints[foot] - joints[shin])
        hip = joints[0] + np.stack(shift, 1) + spin @ (joints[thigh] - joints[0])
        away = hip - ankles[side]
        room = np.sqrt(np.maximum((0.9985 * length) ** 2 - away[:, 0] ** 2 - away[:, 1] ** 2, 1e-6))
        lack = away[:, 2] - room
        need = np.maximum(need, lack if stands is None else np.where(stands[side] > 0, lack, slack))
    p.root(spin, (shift[0], shift[1], shift[2] - covering(need, 16)))


def _arm(
    p: Poser, side: str, sign: float, pitch: Doubles | float, elbow: Doubles | float, out: Doubles | float = 0.0,
    twist: Doubles | float = 0.0, wag: Doubles | float = 0.06, wrist: Doubles | float = 0.05,
) -> None:  # fmt: skip
    """An arm that hangs, swung forwards by `pitch`, bent at the elbow, lifted sideways by `out`, turned by `twist`;
    the forearm leans inwards by `wag`, the hand by `wrist`."""
    p.turn("arm" + side, pitch=pitch, roll=sign * (_HANG - np.asarray(out)), yaw=sign * np.asarray(twist))
    p.turn("forearm" + side, pitch=elbow, roll=sign * np.asarray(wag))
    p.turn("hand" + side, pitch=0.06, roll=sign * np.asarray(wrist))
    p.turn("fingers" + side, roll=sign * 0.22)


def _upper(
    p: Poser, pitch: Doubles | float, roll: Doubles | float, yaw: Doubles | float, gaze: Doubles | float = 0.0
) -> None:
    """Spine and chest lean and twist; the head stays level and looks along `gaze`."""
    half = np.asarray(pitch) / 2, np.asarray(roll) / 2, np.asarray(yaw) / 2
    p.turn("spine", *half)
    p.turn("chest", *half)
    p.turn("neck", pitch=-np.asarray(pitch) * 0.35)
    chest = p.spins[:, p.rig.at("neck")]
    facing = np.arctan2(chest[:, 0, 1], chest[:, 1, 1])
    level = turns(0.02, 0.0, facing * 0.35 + np.asarray(gaze))
    p.face("head", level)


def _going(name: str, figure: str) -> Clip:
    gait, rig = _GAITS[name], skeleton(figure)
    frames = 72
    u = cycle(frames)
    f: Figure = FIGURES[figure]
    p = Poser(rig, frames)
    size = f.hips / 0.52
    gait_stride = gait.stride * size
    scaled = Gait(gait.period, gait_stride, gait.duty, gait.lift, gait.tips, gait.apart, gait.bob, gait.sway,
        gait.twist,
                  gait.drop, gait.lean, gait.arms, gait.elbow, gait.low)  # fmt: skip
    ankles, tips, toes, yaws, stands = {}, {}, {}, {}, {}
    for (side, sign), lag in zip(SIDES, (0.0, 0.5), strict=True):
        ahead, up, tip, toe = _foot(u - lag, scaled)
        # Feet carry a little behind the hips: before them a leg is straight, behind them the foot rolls.
        ankles[side] = np.stack([np.full(frames, sign * f.pelvis * gait.apart), ahead - 0.024, up], 1)
        stands[side] = np.asarray((u - lag) % 1.0 <= gait.duty, np.float64)
        tips[side], toes[side], yaws[side] = tip, toe, np.full(frames, sign * 0.07)
    # The right foot carries from phase 0 to duty.
    middle = gait.duty / 2
    carry = np.cos(2 * np.pi * (u - middle))
    twist = gait.twist * np.cos(2 * np.pi * u)
    spin = turns(-gait.lean * 0.3, -gait.drop * carry * -1.0, -twist)
    bob = gait.bob * np.cos(4 * np.pi * (u - middle)) * (-1.0 if name == "run" else 1.0)
    _lower(p, ankles, spin, [gait.sway * carry, np.zeros(frames), bob - 0.8 * gait.bob], gait.low, stands)
    _legs(p, ankles, tips, toes, yaws)
    _upper(p, -gait.lean, -gait.drop * 0.9 * carry, twist * 2.1)
    for (side, sign), lag in zip(SIDES, (0.0, 0.5), strict=True):
        swing = -np.cos(2 * np.pi * (u - lag - 0.02))
        _arm(p, side, sign, gait.arms * (swing + 0.12), gait.elbow + gait.arms * 0.35 * (1 + swing), 0.02, 0.1)
    _cloth(p, 0.03 * carry)
    p.turn("tail", pitch=0.06 * np.cos(4 * np.pi * (u - 0.1)), roll=0.08 * carry)
    return Clip(gait.period, gait_stride / gait.period, p.table())


def _planted(p: Poser, apart: float = 1.15, out: float = 0.16) -> tuple[dict[str, Doubles], dict[str, Doubles]]:
    """Ankles and headings of feet that stay where they are."""
    x = abs(p.rig.joints[p.rig.at("thigh.r"), 0]) * apart
    ankles = {s: np.tile([sign * x, -0.004 + 0.012 * sign, ANKLE], (p.frames, 1)) for s, sign in SIDES}
    return ankles, {s: np.full(p.frames, sign * out) for s, sign in SIDES}


def _still(p: Poser) -> dict[str, Doubles]:
    return {side: np.zeros(p.frames) for side, _ in SIDES}


def _standing(figure: str, act: str) -> Clip:
    """On the spot: breathing, weight from one leg to the other; `act` says what head and arms do."""
    period, frames = {"stand": (7.0, 140), "look": (6.0, 144), "wave": (4.2, 168), "talk": (6.4, 192)}[act]
    u = cycle(frames)
    p = Poser(skeleton(figure), frames)
    ankles, yaws = _planted(p)
    shift = np.tanh(1.6 * wave(u)) / np.tanh(1.6)
    breath = wave(u, round(period / 3.4))
    spin = turns(0.0, 0.035 * shift, 0.03 * shift)
    _lower(p, ankles, spin, [0.013 * shift, 0.003 * breath, 0.0 * u], 0.004)
    _legs(p, ankles, _still(p), _still(p), yaws)
    gaze = {"stand": 0.10 * wave(u, 1, 0.2), "look": 0.62 * np.tanh(2 * wave(u, 1, 0.05)), "wave": 0.08 * shift,
            "talk": 0.16 * wave(u, 2)}[act]  # fmt: skip
    _upper(p, 0.012 * breath, -0.045 * shift, 0.3 * gaze - 0.03 * shift, gaze * 0.8)
    for side, sign in SIDES:
        if act == "wave" and side == ".r":
            beat = wave(u, 6)
            _arm(
                p,
                side,
                sign,
                0.30,
                0.15,
                1.75 + 0.05 * beat,
                0.0,
                -0.95 + 0.40 * wave(u, 6, 0.05),
                -0.1 + 0.25 * wave(u, 6, 0.14),
            )
        elif act == "talk":
            beat = wave(u, 3, 0.0 if sign > 0 else 0.3)
            _arm(p, side, sign, 0.18 + 0.10 * beat, 0.95 + 0.30 * beat, 0.10 + 0.05 * beat, 0.25)
        else:
            _arm(
                p,
                side,
                sign,
                0.04 + 0.02 * breath + 0.03 * sign * shift,
                0.20 + 0.02 * breath,
                0.02 + 0.02 * sign * shift,
                0.1,
            )
    _cloth(p, 0.015 * shift)
    p.turn("tail", roll=0.02 * shift)
    return Clip(period, 0.0, p.table())


def _dancing(figure: str) -> Clip:
    """Four bars: from foot to foot on the beat, hips against shoulders, arms that rise and fall."""
    period, frames, beats = 4.36, 240, 8
    u = cycle(frames)
    p = Poser(skeleton(figure), frames)
    ankles, yaws = _planted(p, 1.7, 0.22)
    side_step = wave(u, beats / 4)
    bounce = np.abs(np.sin(np.pi * beats * u))
    for side, sign in SIDES:
        free = np.clip(-sign * side_step, 0, 1) ** 2
        ankles[side][:, 2] += 0.035 * free
        ankles[side][:, 0] -= sign * 0.022 * free
        ankles[side][:, 1] += 0.02 * free
    tips = {side: -0.45 * np.clip(-sign * side_step, 0, 1) ** 2 for side, sign in SIDES}
    spin = turns(0.0, 0.11 * side_step, 0.22 * wave(u, beats / 4, 0.1))
    _lower(p, ankles, spin, [0.036 * side_step, 0.01 * bounce, -0.022 * bounce], 0.012)
    _legs(p, ankles, tips, {s: t * 0.2 for s, t in tips.items()}, yaws)
    _upper(p, 0.05 * bounce - 0.03, -0.16 * side_step, -0.30 * wave(u, beats / 4, 0.1), 0.20 * wave(u, beats / 8))
    high = 0.5 - 0.5 * np.cos(2 * np.pi * u)
    for side, sign in SIDES:
        sweep = wave(u, beats / 4, 0.25 if sign > 0 else 0.5)
        _arm(
            p,
            side,
            sign,
            0.5 + 0.35 * sweep,
            0.9 + 0.5 * wave(u, beats / 4, 0.1),
            0.35 + 1.35 * high + 0.25 * sweep,
            0.2,
        )
    _cloth(p, 0.12 * wave(u, beats / 4, 0.12))
    p.turn("tail", roll=0.2 * wave(u, beats / 4, 0.15), pitch=0.1 * bounce)
    return Clip(period, 0.0, p.table())


def _turning(figure: str) -> Clip:
    """Once around on the spot in ten steps, a hand at the hip: how a model turns at the end of a runway."""
    period, frames, steps = 5.0, 240, 10
    u = cycle(frames)
    p = Poser(skeleton(figure), frames)
    x = abs(p.rig.joints[p.rig.at("thigh.r"), 0])
    ankles, yaws, tips = {}, {}, {}
    for (side, sign), lag in zip(SIDES, (0.0, 0.5), strict=True):
        s = u * steps / 2 - lag
        within = np.clip((s - np.floor(s)) / 0.45, 0, 1)
        eased = within * within * (3 - 2 * within)
        yaw = 2 * np.pi * (np.floor(s) + eased + lag - 0.25) / (steps / 2)
        out = yaw + sign * 0.10
        ankles[side] = np.stack(
            [sign * x * np.cos(yaw), -sign * x * np.sin(yaw), ANKLE + 0.03 * np.sin(np.pi * within) ** 2], 1
        )
        yaws[side], tips[side] = out, -0.3 * np.sin(np.pi * within)
    around = 2 * np.pi * u
    carry = wave(u, steps / 2, 0.12)
    spin = turns(0.0, -0.05 * carry, around)
    _lower(p, ankles, spin, [0.012 * carry * np.cos(around), -0.012 * carry * np.sin(around), 0.0 * u], 0.006)
    _legs(p, ankles, tips, {s: t * 0.3 for s, t in tips.items()}, yaws)
    p.turn("spine", roll=0.03 * carry, yaw=0.05)
    p.turn("chest", pitch=0.04, roll=0.02 * carry)
    p.turn("neck")
    p.turn("head", yaw=0.15)
    _arm(p, ".l", -1.0, 0.05 + 0.05 * carry, 0.2, 0.06)
    _arm(p, ".r", 1.0, -0.35, 1.45, 0.62, 0.75)
    _cloth(p, 0.05 * wave(u, steps / 2))
    p.turn("tail", roll=-0.12)
    return Clip(period, 0.0, p.table())


def _sitting(figure: str, astride: bool = False) -> Clip:
    """On a seat at knee height; or astride of a saddle."""
    period, frames = 6.0, 120
    u = cycle(frames)
    f = FIGURES[figure]
    p = Poser(skeleton(figure), frames)
    breath = wave(u, 2)
    seat = f.hips * 0.545 + 0.045
    drop = p.rig.joints[0, 2] - seat
    p.root(turns(0.10), (0.0, 0.0, -drop))
    ankles, yaws = _planted(p, 1.3, 0.10)
    for side, sign in SIDES:
        thigh = f.hips * 0.455
        ankles[side][:, 1] += thigh * (0.98 if not astride else 0.45)
        if astride:
            ankles[side][:, 0] = sign * 0.185
            ankles[side][:, 2] = 0.10
            yaws[side] = np.full(frames, sign * 0.25)
    _legs(
        p,
        ankles,
        {s: np.full(frames, 0.10 * astride) for s, _ in SIDES},
        {s: np.full(frames, 0.1 * astride) for s, _ in SIDES},
        yaws,
    )
    _upper(p, -0.06 + 0.012 * breath, 0.0, 0.02 * wave(u), 0.18 * wave(u, 1, 0.15))
    for side, sign in SIDES:
        _arm(p, side, sign, 0.30 + 0.01 * breath, 0.72, 0.08, -0.15)
    _cloth(p)
    for side, _ in SIDES:
        p.stretch("front" + side, z=0.62)
        p.stretch("back" + side, z=0.62)
    return Clip(period, 0.0, p.table())


_MAKERS: dict[str, Callable[[str], Clip]] = {
    "stand": partial(_standing, act="stand"), "walk": partial(_going, "walk"), "run": partial(_going, "run"),
    "runway": partial(_going, "runway"), "turn": _turning, "wave": partial(_standing, act="wave"),
    "look": partial(_standing, act="look"), "talk": partial(_standing, act="talk"), "dance": _dancing,
    "sit": _sitting, "ride": partial(_sitting, astride=True),
}  # fmt: skip

MOTIONS = tuple(_MAKERS)


@lru_cache(maxsize=64)
def clip(figure: str, motion: str) -> Clip:
    """A motion for a figure of height 1."""
    return _MAKERS[motion](figure)
