"""A dragon: a long scaled body on two bat's wings, with horns, a ridge of plates and a tail that trails.

Metres, at full size 11 m from nose to tail and 15 m from tip to tip; its middle is the origin.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace
from functools import lru_cache, partial
from itertools import pairwise

import numpy as np

from seedbed.engines.previz.bodies.form import UP, Doubles, Grain, Hold, blade, both, skin, split
from seedbed.engines.previz.bodies.gait import cycle, wave
from seedbed.engines.previz.bodies.model import AIR, Model
from seedbed.engines.previz.bodies.rig import Clip, Poser, Rig, paired, rig, turns
from seedbed.engines.previz.shapes import mesh as solids
from seedbed.engines.previz.shapes.mesh import Mesh, joined, sphere
from seedbed.engines.previz.shapes.paint import MOTTLED, Palette, paint

KINDS = ("dragon",)
_SCALES = (
    ("7a2a1f", "c99a58", "b0452c"), ("33603f", "c2b574", "4c9260"), ("33486a", "9aa6b4", "5078a4"),
    ("44383f", "9a7a60", "8a3442"), ("7a5a20", "d9c48a", "b8842c"),
)  # fmt: skip
"""Body, belly and wings."""
_BEATS = 0.62
_SPEED_M_S = 13.0
_SHOULDER, _ELBOW, _WRIST = (0.50, 1.05, 0.42), (1.75, 0.55, 0.60), (3.10, 1.55, 0.62)
_TIPS = ((7.4, 0.55, 0.50), (6.2, -1.55, 0.42), (4.7, -2.60, 0.36), (3.0, -2.75, 0.32))
_FLANK = (0.42, -1.75, 0.10)
_BODY = (
    (-6.3, 0.05, 0.03), (-5.5, 0.02, 0.09), (-4.4, -0.02, 0.15), (-3.3, -0.05, 0.23), (-2.3, -0.06, 0.34),
    (-1.3, -0.06, 0.52), (-0.4, -0.05, 0.62), (0.4, 0.0, 0.70), (1.1, 0.06, 0.66), (1.7, 0.20, 0.47),
    (2.2, 0.40, 0.33), (2.8, 0.66, 0.27), (3.4, 0.88, 0.24), (3.9, 0.98, 0.23),
)  # fmt: skip
"""y, z and radius of the whole from the tail's end to the neck's."""
_CHAIN = ("tail.3", "tail.2", "tail.1", "tail.0", "trunk", "neck.0", "neck.1", "neck.2")
_JOINTS = (1.6, 2.9, 3.8, 4.9, 9.2, 10.4, 11.5)
"""At which station of `_BODY` each bone of `_CHAIN` hands over to the next."""


@lru_cache(maxsize=1)
def _skeleton() -> Rig:
    def joint(place: float) -> tuple[float, float, float]:
        y, z = (float(np.interp(place, range(len(_BODY)), [row[k] for row in _BODY])) for k in (0, 1))
        return 0.0, y, z

    side = [
        ("wing.r", "trunk", _SHOULDER), ("hand.r", "wing.r", _WRIST), ("tip.r", "hand.r", (5.2, 0.2, 0.55)),
        ("thigh.r", "trunk", (0.42, -1.1, -0.15)), ("shin.r", "thigh.r", (0.55, -1.55, -0.72)),
        ("arm.r", "trunk", (0.45, 0.95, -0.25)), ("forearm.r", "arm.r", (0.52, 0.62, -0.72)),
    ]  # fmt: skip
    return rig([
        ("trunk", "", (0, 0, 0)), ("neck.0", "trunk", joint(_JOINTS[4])), ("neck.1", "neck.0", joint(_JOINTS[5])),
        ("neck.2", "neck.1", joint(_JOINTS[6])), ("head", "neck.2", (0, 3.8, 0.98)), ("jaw", "head", (0, 4.05, 0.86)),
        ("tail.0", "trunk", joint(_JOINTS[3])), ("tail.1", "tail.0", joint(_JOINTS[2])),
        ("tail.2", "tail.1", joint(_JOINTS[1])), ("tail.3", "tail.2", joint(_JOINTS[0])), *paired(side),
    ])  # fmt: skip


def _mesh(palette: Palette, grain: Grain, tones: tuple[str, str, str]) -> Mesh:
    scale = palette.add(paint(tones[0], gloss=0.40, pattern=MOTTLED, numbers=(7.0, 0.55, 7)))
    belly = palette.add(paint(tones[1], gloss=0.30, pattern=MOTTLED, numbers=(5.0, 0.25, 9)))
    sail = palette.add(paint(tones[2], gloss=0.22, two_sided=True, pattern=MOTTLED, numbers=(1.6, 0.30, 5)))
    horn = palette.add(paint("d8c9a4", gloss=0.45))
    eye = palette.add(paint("ffb52a", glow="ff9a1a", glow_by=1.8, gloss=0.9))
    bone = {name: number for number, name in enumerate(_skeleton().names)}.__getitem__
    hold = Hold(tuple(bone(name) for name in _CHAIN), _JOINTS, (0.6, 0.6, 0.6, 0.7, 0.8, 0.6, 0.6))
    rows = [(0, y, z, r * 0.94, r, r * 1.06) for y, z, r in _BODY]
    columns = grain(22, 9)
    trunk = skin(rows, grain(60, 24), columns, hold, front=UP, paint=scale, power=2.2)
    ys, zs, rs = (np.array([row[k] for row in _BODY]) for k in range(3))
    trunk = split(
        trunk, columns, belly,
        lambda m: np.asarray(m[:, 2] < np.interp(m[:, 1], ys, zs) - 0.52 * np.interp(m[:, 1], ys, rs)),
    )  # fmt: skip
    parts = [trunk, *_head(scale, belly, horn, eye, grain, bone), *_ridge(sail, bone), *_fork(sail, bone)]
    return joined([*parts, *_limbs(scale, horn, grain, bone), *_wings(scale, sail, horn, grain, bone)])


def _head(scale: int, belly: int, horn: int, eye: int, grain: Grain, bone: Callable[[str], int]) -> list[Mesh]:
    held = Hold((bone("head"),))
    skull = [(0, 3.70, 0.96, 0.20, 0.20, 0.22), (0, 3.92, 1.02, 0.29, 0.26, 0.20), (0, 4.15, 1.04, 0.30, 0.25, 0.15),
             (0, 4.40, 0.99, 0.22, 0.19, 0.11), (0, 4.68, 0.94, 0.17, 0.14, 0.08), (0, 4.95, 0.92, 0.155, 0.14, 0.07),
             (0, 5.10, 0.90, 0.11, 0.10, 0.06), (0, 5.15, 0.89, 0.03, 0.03, 0.03)]  # fmt: skip
    jaw = [(0, 3.86, 0.84, 0.16, 0.08, 0.12), (0, 4.15, 0.82, 0.21, 0.05, 0.10), (0, 4.55, 0.81, 0.15, 0.035, 0.07),
           (0, 4.88, 0.815, 0.11, 0.03, 0.05), (0, 5.02, 0.82, 0.03, 0.02, 0.02)]  # fmt: skip
    parts = [
        skin(skull, grain(22, 9), grain(18, 8), held, front=UP, paint=scale, power=2.5),
        skin(jaw, grain(12, 6), grain(14, 7), Hold((bone("jaw"),)), front=UP, paint=belly, power=2.4),
    ]
    spikes = [
        ([(0.16, 3.95, 1.20, 0.075), (0.22, 3.62, 1.36, 0.060), (0.30, 3.20, 1.44, 0.040), (0.34, 2.85, 1.42, 0.006)]),
        ([(0.26, 3.92, 1.06, 0.050), (0.38, 3.66, 1.08, 0.035), (0.48, 3.40, 1.06, 0.005)]),
        ([(0.07, 4.94, 1.03, 0.03), (0.08, 4.90, 1.12, 0.004)]),
    ]
    for line in spikes:
        stations = [(x, y, z, r, r, r) for x, y, z, r in line]
        parts += both(skin(stations, grain(10, 5), grain(9, 5), held, front=(1, 0, 0), paint=horn))
    parts += both(sphere(0.062, grain(10, 5), grain(8, 4)).moved(0.255, 4.24, 1.10).painted(eye).boned(bone("head")))
    brow = [(0.20, 4.05, 1.22, 0.05, 0.04, 0.04), (0.28, 4.25, 1.20, 0.05, 0.04, 0.04), (0.24, 4.45, 1.10, 0.02, 0.02,
             0.02)]  # fmt: skip
    parts += both(skin(brow, grain(7, 4), grain(8, 5), held, front=UP, paint=scale))
    for k in range(7):
        tooth = (
            solids.cone(0.022, 0.085 - 0.005 * k, 5).turned(pitch=np.pi).moved(0.155 - 0.008 * k, 4.42 + 0.09 * k, 0.90)
        )
        parts += both(tooth.painted(horn).boned(bone("head")))
    return parts


def _ridge(tone: int, bone: Callable[[str], int]) -> list[Mesh]:
    """Plates along the back, the tallest over the shoulders."""
    last = len(_BODY) - 1
    parts = []
    for place in np.linspace(1.0, last - 0.2, 34):
        y, z, r = (float(np.interp(place, range(last + 1), [row[k] for row in _BODY])) for k in range(3))
        tall = 0.14 + 0.30 * np.exp(-(((place - 7.5) / 3.2) ** 2)) + 0.10 * np.exp(-(((place - 12.0) / 1.5) ** 2))
        foot = z + 0.90 * r
        outline = [(0, y + 0.15, foot, 0, y - 0.15, foot), (0, y - 0.02, foot + 0.6 * tall, 0, y - 0.20,
                foot + 0.5 * tall),
                   (0, y - 0.22, foot + tall, 0, y - 0.26, foot + tall)]  # fmt: skip
        which = _CHAIN[int(np.searchsorted(_JOINTS, place))]
        parts.append(blade(outline, 0.035, Hold((bone(which),)), paint=tone))
    return parts


def _fork(tone: int, bone: Callable[[str], int]) -> list[Mesh]:
    """The blade at the tail's end."""
    outline = [(-0.02, -6.0, 0.05, 0.02, -6.0, 0.05), (-0.42, -6.45, 0.05, 0.42, -6.45, 0.05),
               (-0.20, -6.75, 0.05, 0.20, -6.75, 0.05), (-0.01, -7.2, 0.05, 0.01, -7.2, 0.05)]  # fmt: skip
    return [blade(outline, 0.05, Hold((bone("tail.3"),)), paint=tone, rows=8)]


def _limbs(scale: int, horn: int, grain: Grain, bone: Callable[[str], int]) -> list[Mesh]:
    """Legs drawn up against the belly, with claws."""
    parts = []
    for names, line in (
        (("thigh", "shin"), ((0.36, -1.0, -0.05, 0.30), (0.50, -1.28, -0.40, 0.25), (0.55, -1.55, -0.72, 0.15),
                             (0.55, -1.95, -0.80, 0.11), (0.55, -2.32, -0.90, 0.09), (0.55, -2.55, -1.0, 0.10),
                             (0.55, -2.72, -1.06, 0.04))),
        (("arm", "forearm"), ((0.40, 1.0, -0.15, 0.20), (0.50, 0.80, -0.45, 0.16), (0.52, 0.62, -0.72, 0.10),
                              (0.50, 0.85, -0.95, 0.08), (0.50, 1.02, -1.08, 0.08), (0.50, 1.14, -1.14, 0.03))),
    ):  # fmt: skip
        last = len(line) - 1
        hold = Hold((bone("trunk"), bone(f"{names[0]}.r"), bone(f"{names[1]}.r")), (0.5, 2.0), (0.5, 0.4))
        limb = skin([(x, y, z, r, r, r) for x, y, z, r in line], grain(14, 7), grain(12, 6), hold, front=(1, 0, 0),
                    paint=scale)  # fmt: skip
        swap = {bone(f"{n}.r"): bone(f"{n}.l") for n in names}
        parts += both(limb, swap)
        x, y, z, _ = line[last]
        back = np.sign(line[last][1] - line[last - 1][1])
        for off in (-0.08, 0.0, 0.08):
            claw = [(x + off * 0.6, y - 0.06 * back, z, 0.04, 0.04, 0.04), (x + off, y + 0.10 * back, z - 0.06, 0.03,
                    0.03, 0.03),
                    (x + off * 1.2, y + 0.20 * back, z - 0.16, 0.005, 0.005, 0.005)]  # fmt: skip
            parts += both(skin(claw, 5, 6, Hold((bone(f"{names[1]}.r"),)), front=(1, 0, 0), paint=horn), swap)
    return parts


def _wings(scale: int, sail: int, horn: int, grain: Grain, bone: Callable[[str], int]) -> list[Mesh]:
    """An arm, four fingers, and skin between them that hangs in arcs."""
    s, e, w = (np.array(p) for p in (_SHOULDER, _ELBOW, _WRIST))
    fingers = [np.array(tip) for tip in _TIPS]
    parts = []
    arm = [(*s, 0.20, 0.20, 0.20), (*((s + e) / 2), 0.16, 0.17, 0.16), (*e, 0.11, 0.12, 0.11),
           (*((e + w) / 2), 0.095, 0.10, 0.09), (*w, 0.085, 0.09, 0.085)]  # fmt: skip
    parts.append(_winged(skin(arm, grain(14, 7), grain(10, 6), Hold((0,)), front=UP, paint=scale), bone))
    for number, tip in enumerate(fingers):
        line = [w + (tip - w) * t + np.array([0, 0.35 * np.sin(np.pi * t) * (number == 0), 0.10 * np.sin(np.pi * t)])
                for t in np.linspace(0, 1, 7)]  # fmt: skip
        radii = np.linspace(0.075, 0.015, 7)
        finger = skin([(*p, r, r, r) for p, r in zip(line, radii, strict=True)], grain(14, 7), grain(7, 5), Hold((0,)),
                      front=UP, paint=scale)  # fmt: skip
        parts.append(_winged(finger, bone))
    claw = [
        (*w, 0.06, 0.06, 0.06),
        (*(w + np.array([0.05, 0.28, 0.10])), 0.04, 0.04, 0.04),
        (*(w + np.array([0.12, 0.45, 0.02])), 0.006, 0.006, 0.006),
    ]
    parts.append(_winged(skin(claw, 6, 7, Hold((0,)), front=UP, paint=horn), bone))
    steps = grain(11, 6)
    for a, b in pairwise(fingers):
        parts.append(_winged(_web(_line(w, w), _line(a, b), steps, 0.20).painted(sail), bone))
    lead = [s + np.array([-0.12, -0.1, 0]), e, w]

    def front(t: float) -> Doubles:
        return np.array([np.interp(t, (0.0, 0.45, 1.0), [p[k] for p in lead]) for k in range(3)])

    def rear(t: float) -> Doubles:
        return np.asarray(np.array(_FLANK) + (fingers[-1] - np.array(_FLANK)) * t)

    parts.append(_winged(_web(front, rear, steps, 0.16).painted(sail), bone))
    swap = {bone(f"{n}.r"): bone(f"{n}.l") for n in ("wing", "hand", "tip")}
    return [twin for part in parts for twin in both(part, swap)]


def _line(a: Doubles, b: Doubles) -> Callable[[float], Doubles]:
    """From one point to another as a share goes from 0 to 1."""
    return lambda share: np.asarray(a + (b - a) * share)


def _web(front: Callable[[float], Doubles], rear: Callable[[float], Doubles], steps: int, hang: float) -> Mesh:
    """Skin from a front line to a rear one, whose edge is drawn in between its ends by the share `hang`."""
    net = []
    for s in np.linspace(0.0, 1.0, steps):
        line = []
        for t in np.linspace(0.0, 1.0, steps):
            edge = 1.0 - hang * np.sin(np.pi * t) * s
            point = front(t) + (rear(t) - front(t)) * s * edge
            line.append(point + np.array([0, 0, 0.16 * np.sin(np.pi * t) * np.sin(np.pi * s)]))
        net.append(line)
    return solids.surface(np.array(net)[::-1])


def _winged(part: Mesh, bone: Callable[[str], int]) -> Mesh:
    """Held by the wing's bones, by how far out a point is."""
    x = part.points[:, 0]
    names = ("trunk", "wing.r", "hand.r", "tip.r")
    at, soft = np.array([0.55, _WRIST[0], 5.2]), np.array([0.35, 0.9, 0.9])
    joint = np.abs(x[:, None] - at).argmin(1)
    away = np.clip((x - at[joint]) / soft[joint] * 0.5 + 0.5, 0, 1)
    numbers = np.array([bone(name) for name in names], np.int32)
    pair = np.stack([numbers[joint], numbers[joint + 1]], 1)
    return replace(part, bones=pair, weights=(1 - away * away * (3 - 2 * away)).astype(np.float32))


@lru_cache(maxsize=2)
def _clip(motion: str) -> Clip:
    """`fly` beats; `soar` does so a few times and then glides."""
    beats = 1 if motion == "fly" else 3
    period = beats / _BEATS + (0.0 if motion == "fly" else 3.6)
    frames = round(period * 30)
    u = cycle(frames)
    share = beats / _BEATS / period
    strength = np.ones(frames) if motion == "fly" else np.sin(np.pi * np.clip(u / share, 0, 1)) ** 0.6 * (u < share)
    phase = 2 * np.pi * beats * np.clip(u / share, 0, 1)
    p = Poser(_skeleton(), frames)
    p.root(turns(0.05 + 0.05 * strength * np.sin(phase), 0.03 * wave(u), 0.0 * u),
           (0.0 * u, 0.0 * u, -0.32 * strength * np.cos(phase - 0.5)))  # fmt: skip
    lift = 0.22 + strength * 0.58 * np.cos(phase)
    hand = -0.12 + strength * (0.46 * np.cos(phase - 1.0))
    tip = 0.05 + strength * 0.32 * np.cos(phase - 1.5)
    rising = strength * np.clip(-np.sin(phase), 0, 1)
    for side, sign in ((".r", 1.0), (".l", -1.0)):
        p.turn("wing" + side, roll=-sign * lift, yaw=sign * (0.06 + 0.22 * rising))
        p.turn("hand" + side, roll=-sign * hand, yaw=sign * 0.20 * rising)
        p.turn("tip" + side, roll=-sign * tip, yaw=sign * 0.10 * rising)
        p.turn("thigh" + side, pitch=0.06 * np.cos(phase - 0.6) * strength)
        p.turn("arm" + side, pitch=0.08 * np.cos(phase - 0.8) * strength)
    for number in range(3):
        p.turn(f"neck.{number}", pitch=0.05 * strength * np.cos(phase - 2.4 - 0.4 * number),
               yaw=0.09 * wave(u, 1, 0.1 * number))  # fmt: skip
    p.turn("head", pitch=-0.16 - 0.05 * strength * np.cos(phase - 2.8), yaw=0.14 * wave(u, 1, 0.25))
    p.turn("jaw", pitch=-0.16 - 0.10 * np.clip(wave(u, 1, 0.1), 0, 1))
    for number in range(4):
        p.turn(f"tail.{number}", pitch=0.07 * strength * np.cos(phase - 0.8 - 0.7 * number),
               yaw=0.13 * wave(u, beats, 0.18 * number))  # fmt: skip
    return Clip(period, _SPEED_M_S, p.table())


def dragon_model(kind: str, rng: np.random.Generator, palette: Palette, grain: Grain, *, colour: str = "") -> Model:
    """A dragon; `colour` is its scales'."""
    tones = _SCALES[int(rng.integers(1 << 30)) % len(_SCALES)]
    mesh = _mesh(palette, grain, (colour, tones[1], colour) if colour else tones)
    return Model(kind, mesh, {motion: partial(_clip, motion) for motion in ("fly", "soar")}, 2.4, 1.0, AIR)
