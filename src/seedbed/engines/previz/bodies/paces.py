"""How four-legged animals move: footfalls in order, legs that reach the ground they carry on, a back that answers."""

from __future__ import annotations

from dataclasses import dataclass, replace
from typing import Any

import numpy as np
from numpy.typing import NDArray

from seedbed.engines.previz.bodies.beast import Leg, Shape
from seedbed.engines.previz.bodies.gait import covering, cycle, keyed, step, wave
from seedbed.engines.previz.bodies.rig import Clip, Poser, Rig, turns

Doubles = NDArray[np.float64]

GLIDE = 0.20
"""How far the shoulder blade follows its foot."""

FEET = ("hind.l", "fore.l", "hind.r", "fore.r")


@dataclass(frozen=True, slots=True)
class Pace:
    """A gait: when in the stride (0 … 1) each of FEET comes down, seconds a stride, the part of it that a foot
    stands, and against the shoulders' height how far a foot carries and how high it is lifted; how far the trunk
    bounces (heights) and rocks (radians), the back arches and the head nods."""

    falls: tuple[float, float, float, float]
    period: float
    duty: float
    reach: float
    lift: float
    bounce: float
    rock: float
    arch: float
    nod: float
    fold: float = 1.0
    lower: float = 0.01
    neck: float = 0.0
    """How far the neck is stretched forwards, radians."""


WALK = Pace((0.0, 0.25, 0.5, 0.75), 1.04, 0.64, 0.72, 0.085, 0.010, 0.012, 0.010, 0.06, 0.75)
TROT = Pace((0.0, 0.5, 0.5, 0.0), 0.68, 0.44, 0.78, 0.15, 0.035, 0.006, 0.010, 0.02, 1.0, 0.02)
CANTER = Pace((0.0, 0.30, 0.30, 0.56), 0.60, 0.34, 0.80, 0.19, 0.035, 0.09, 0.05, 0.05, 1.1, 0.02, -0.10)
GALLOP = Pace((0.0, 0.36, 0.13, 0.50), 0.45, 0.225, 0.86, 0.24, 0.035, 0.07, 0.10, 0.06, 1.2, 0.045, -0.28)
BOUND = Pace((0.0, 0.46, 0.09, 0.55), 0.40, 0.21, 0.98, 0.20, 0.04, 0.08, 0.26, 0.08, 1.1, 0.06, -0.22)
"""The run of dogs, cats and deer: the back opens and closes."""


def moving(skeleton: Rig, s: Shape, pace: Pace, size: float = 1.0) -> Clip:
    """A pace as a clip. Small animals step faster: `size` scales the stride's time."""
    frames = 72
    u = cycle(frames)
    p = Poser(skeleton, frames)
    high = s.fore.joints[0][1]
    load = {name: _smooth(_bump((u - t) % 1.0, pace.duty)) for name, t in zip(FEET, pace.falls, strict=True)}
    fore, hind = load["fore.l"] + load["fore.r"], load["hind.l"] + load["hind.r"]
    rock, bounce = _even(hind - fore), _even(-(hind + fore))
    pitch = pace.rock * rock
    sideways = _even(load["fore.r"] + load["hind.r"] - load["fore.l"] - load["hind.l"])
    arch = pace.arch * _even(_smooth(np.roll(hind - fore, frames // 16)))
    goals, tips, cannons = {}, {}, {}
    for name, fall in zip(FEET, pace.falls, strict=True):
        goals[name], tips[name], cannons[name] = _foot(s, name, (u - fall) % 1.0, pace, high)
    shift = [0.006 * high * sideways, 0.0 * u, pace.bounce * high * bounce - pace.lower * high]
    spin = turns(pitch, 0.02 * sideways, 0.0)
    _stand_on(p, s, spin, shift, goals, cannons, pace, high, u)
    p.turn("rump", pitch=arch, yaw=-0.02 * sideways)
    p.turn("chest", pitch=-arch * 0.6)
    _legs(p, s, goals, tips, cannons, glide=GLIDE)
    nod = pace.nod * (wave(u, 2, 0.1) if pace.duty > 0.5 else 0.6 * rock)
    p.turn("neck", pitch=pace.neck - pitch * 0.8 + arch * 0.3 + nod)
    p.turn("crest", pitch=pace.neck * 0.3 + nod * 0.5)
    p.turn("head", pitch=-pace.neck * 1.15 - nod * 1.2 - pitch * 0.2)
    _ends(p, u, 1.0 if pace.duty > 0.4 else 1.6, -0.25 if pace.duty < 0.4 else 0.0)
    period = pace.period * size
    return Clip(period, pace.reach * high / pace.duty / period, p.table())


def _bump(u: Doubles, duty: float) -> Doubles:
    return np.asarray(np.where(u < duty, np.sin(np.pi * np.minimum(u / duty, 1.0)), 0.0))


def _smooth(curve: Doubles, waves: int = 3) -> Doubles:
    """Only its slowest waves."""
    parts = np.fft.rfft(curve)
    parts[waves:] = 0
    return np.asarray(np.fft.irfft(parts, len(curve)))


def _even(curve: Doubles) -> Doubles:
    """About 0, within -1 … 1."""
    level = curve - curve.mean()
    return np.asarray(level / max(float(np.abs(level).max()), 1e-6) * min(1.0, float(np.abs(level).max()) * 8))


def _leg(s: Shape, name: str) -> tuple[Leg, float]:
    return (s.fore if name.startswith("fore") else s.hind), (1.0 if name.endswith(".r") else -1.0)


def _foot(s: Shape, name: str, u: Doubles, pace: Pace, high: float) -> tuple[Doubles, Doubles, Doubles]:
    """The fetlock's place (frames, 3), the foot's and the cannon's pitch, by phase."""
    leg, sign = _leg(s, name)
    fore = name.startswith("fore")
    at = step(u, pace.duty, pace.reach * high, pace.lift * high * (1.0 if fore else 0.8), early=0.45)
    d = pace.duty
    mid = d + (1 - d) * 0.35
    tip = keyed(
        u,
        {0.0: 0.0, 0.62 * d: 0.0, d: -0.75, mid: -1.25 * pace.fold, d + (1 - d) * 0.75: -0.45, d + (1 - d) * 0.93: 0.0},
    )
    lean = np.arctan2(at.ahead, high)
    fold = keyed(u, {0.0: 0.0, 0.8 * d: 0.0, d: -0.25 if fore else -0.10, mid: (-1.25 if fore else -0.80) * pace.fold,
                     d + (1 - d) * 0.72: -0.30 if fore else -0.10, d + (1 - d) * 0.94: 0.0})  # fmt: skip
    cannon = lean * (0.85 if fore else 0.7) + fold
    (fy, fz), (ty, tz) = leg.joints[3], leg.joints[4]
    wide, long, _ = leg.foot
    # A foot leaves the ground over its foremost edge.
    ty += 0.05 * long + 1.2 * wide if s.hoofed else 0.0
    arm = turns(tip)[:, 1:, 1:] @ np.array([ty - fy, tz - fz])
    place = np.stack(
        [np.full(len(u), sign * leg.apart * leg.narrow), ty + at.ahead - arm[:, 0], tz + at.up - arm[:, 1]], 1
    )
    # Feet carry about the hips, not about where they rest.
    place[:, 1] += (leg.joints[0][0] - leg.joints[4][0]) * (0.45 if fore else 0.35)
    return place, tip, cannon


def _hock(s: Shape, name: str, fetlock: Doubles, cannon: Doubles) -> Doubles:
    leg, _ = _leg(s, name)
    (hy, hz), (fy, fz) = leg.joints[2], leg.joints[3]
    arm = turns(cannon)[:, 1:, 1:] @ np.array([fy - hy, fz - hz])
    hock = fetlock.copy()
    hock[:, 1:] -= arm
    return hock


def _stand_on(
    p: Poser, s: Shape, spin: Doubles, shift: list[Doubles], goals: dict[str, Doubles], cannons: dict[str, Doubles],
    pace: Pace, high: float, u: Doubles,
) -> None:  # fmt: skip
    """The trunk at a height from which every standing leg reaches."""
    need = np.zeros(p.frames)
    rest = p.rig.joints
    for name, fall in zip(FEET, pace.falls, strict=True):
        leg, _ = _leg(s, name)
        limb = name[:-2]
        upper = p.rig.at(f"{limb}.upper{name[-2:]}")
        hip = rest[0] + np.stack(shift, 1) + spin @ (rest[upper] - rest[0])
        hip[:, 1] += GLIDE * (goals[name][:, 1] - leg.joints[3][0]) * (limb == "fore")
        reach = _length(leg)
        away = hip - _hock(s, name, goals[name], cannons[name])
        room = np.sqrt(np.maximum((0.992 * reach) ** 2 - away[:, 0] ** 2 - away[:, 1] ** 2, 1e-6))
        stands = (u - fall) % 1.0 <= pace.duty
        need = np.maximum(need, np.where(stands, away[:, 2] - room, 0.0))
    p.root(spin, (shift[0], shift[1], shift[2] - covering(need, 10)))


def _length(leg: Leg) -> float:
    j = np.array(leg.joints)
    return float(np.linalg.norm(j[1] - j[0]) + np.linalg.norm(j[2] - j[1]))


def _legs(
    p: Poser, s: Shape, goals: dict[str, Doubles], tips: dict[str, Doubles], cannons: dict[str, Doubles], glide: float
) -> None:
    for name in FEET:
        leg, _ = _leg(s, name)
        limb, side = name[:-2], name[-2:]
        upper, lower, cannon, foot = (p.rig.at(f"{limb}.{part}{side}") for part in ("upper", "lower", "cannon", "foot"))
        p.hang(upper)
        if limb == "fore":
            # The shoulder blade glides along the ribs.
            p.places[:, upper, 1] += glide * (goals[name][:, 1] - leg.joints[3][0])
        hock = _hock(s, name, goals[name], cannons[name])
        across = np.tile([1.0, 0.0, 0.0], (p.frames, 1))
        p.reach(upper, lower, p.rig.joints[cannon], hock, -1.0 if limb == "fore" else 1.0, across)
        p.face(p.rig.names[cannon], turns(cannons[name]))
        p.face(p.rig.names[foot], turns(tips[name]))


def _ends(p: Poser, u: Doubles, lively: float, lift: float) -> None:
    """Tail and ears."""
    for k in range(3):
        p.turn(f"tail.{k}", pitch=lift * (0.9 if k == 0 else 0.5) + 0.05 * lively * wave(u, 2, 0.15 * k),
            yaw=0.10 * lively * wave(u, 1, 0.12 * k),
               roll=0.05 * lively * wave(u, 1, 0.12 * k))  # fmt: skip
    for side, sign in ((".r", 1.0), (".l", -1.0)):
        p.turn("ear" + side, pitch=0.06 * wave(u, 2), yaw=0.05 * sign * lively)


def _rooted(s: Shape) -> tuple[dict[str, Doubles], dict[str, Doubles], dict[str, Doubles]]:
    """Feet where they rest: one value each."""
    goals, flat = {}, {}
    for name in FEET:
        leg, sign = _leg(s, name)
        goals[name] = np.array([[sign * leg.apart * leg.narrow, *leg.joints[3]]])
        flat[name] = np.zeros(1)
    return goals, flat, dict(flat)


def standing(skeleton: Rig, s: Shape, act: str = "stand", low: float = 1.15) -> Clip:
    """Breathing and looking about; with `graze` the muzzle goes down to the ground by `low` radians at the neck."""
    period, frames = (8.0, 160)
    u = cycle(frames)
    p = Poser(skeleton, frames)
    breath = wave(u, 3)
    goals, tips, _ = _rooted(s)
    goals = {k: np.tile(v, (frames, 1)) for k, v in goals.items()}
    flat = {k: np.zeros(frames) for k in tips}
    high = s.fore.joints[0][1]
    p.root(turns(0.0 * u, 0.008 * wave(u)), (0.008 * high * wave(u), 0.0 * u, 0.003 * high * breath - 0.006 * high))
    p.turn("rump")
    p.turn("chest", pitch=0.008 * breath)
    _legs(p, s, goals, flat, flat, glide=0.0)
    look = np.tanh(2.2 * wave(u, 1, 0.1))
    if act == "graze":
        bite = wave(u, 5) * 0.03
        p.turn("neck", pitch=-low * 0.62 + bite, yaw=0.10 * look)
        p.turn("crest", pitch=-low * 0.48, yaw=0.06 * look)
        p.turn("head", pitch=low * 0.42 + bite)
    else:
        p.turn("neck", pitch=0.03 * wave(u, 1, 0.3), yaw=0.16 * look)
        p.turn("crest", yaw=0.14 * look)
        p.turn("head", pitch=0.02 * breath, yaw=0.18 * look)
    for k in range(3):
        p.turn(f"tail.{k}", yaw=0.14 * wave(u, 4, 0.1 * k), roll=0.14 * wave(u, 4, 0.1 * k))
    flick = np.maximum(wave(u, 4, 0.3), 0) ** 6
    p.turn("ear.r", yaw=0.4 * flick)
    p.turn("ear.l", yaw=-0.4 * np.roll(flick, 30))
    return Clip(period, 0.0, p.table())


def sitting(skeleton: Rig, s: Shape, rise: float = 0.72) -> Clip:
    """On the haunches, forelegs straight, the trunk raised by `rise` radians; the tail sweeps."""
    period, frames = 6.0, 120
    u = cycle(frames)
    p = Poser(skeleton, frames)
    joints = p.rig.joints
    shoulder, hip = p.rig.at("fore.upper.r"), p.rig.at("hind.upper.r")
    breath = wave(u, 3)
    pitch = rise + 0.006 * breath
    arm = joints[shoulder] - joints[0]
    turned = turns(pitch)
    moved = arm - turned @ arm
    seat = joints[hip] - joints[0]
    height = joints[0, 2] + moved[:, 2] + (turned @ seat)[:, 2]
    want = 0.36 * joints[hip, 2]
    p.root(turned, (0.0 * u, moved[:, 1], moved[:, 2] + (want - height) * 0.75))
    p.turn("rump", pitch=0.12)
    p.turn("chest", pitch=-0.10)
    goals, tips, _ = _rooted(s)
    goals = {k: np.tile(v, (frames, 1)) for k, v in goals.items()}
    flat = {k: np.zeros(frames) for k in tips}
    at = p.where(hip, joints[hip])[:, 1]
    for name in ("hind.r", "hind.l"):
        goals[name][:, 1] = at + 0.34 * joints[hip, 2]
        goals[name][:, 0] *= 1.35
        flat[name] = np.full(frames, 0.0)
    for name in ("fore.r", "fore.l"):
        goals[name][:, 1] += -0.10 * joints[shoulder, 2]
    cannon = {k: np.full(frames, 1.0 if k.startswith("hind") else 0.0) for k in tips}
    _legs(p, s, goals, flat, cannon, glide=0.0)
    look = np.tanh(2.0 * wave(u, 1, 0.1))
    p.turn("neck", pitch=-0.35 * rise + 0.02 * breath, yaw=0.15 * look)
    p.turn("crest", pitch=-0.2 * rise, yaw=0.12 * look)
    p.face("head", turns(0.04 * breath, 0.0, 0.55 * look))
    for k in range(3):
        p.turn(f"tail.{k}", pitch=0.18 * rise, yaw=0.32 * wave(u, 3, 0.1 * k))
    p.turn("ear.r")
    p.turn("ear.l")
    return Clip(period, 0.0, p.table())


def quicker(pace: Pace, **change: Any) -> Pace:
    """The same footfalls with other measures."""
    return replace(pace, **change)
