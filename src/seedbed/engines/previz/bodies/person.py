"""People, from their bones to their clothes: men, women and children in twelve outfits, and humanoid machines.

Lengths are parts of the body's height.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from functools import lru_cache

import numpy as np
from numpy.typing import NDArray

from seedbed.engines.previz.bodies.form import Grain, Hold, both, melded, skin, split
from seedbed.engines.previz.bodies.rig import Rig, paired, rig
from seedbed.engines.previz.shapes.mesh import Mesh

Doubles = NDArray[np.float64]


@dataclass(frozen=True, slots=True)
class Figure:
    """Proportions: where joints are, and how wide the body is there."""

    head: float
    """Chin to crown."""
    hips: float
    """Height of the hip joints; knees are at 0.545 of it."""
    shoulders: float
    """Half the distance of the shoulder joints."""
    pelvis: float
    """Half the distance of the hip joints."""
    broad: float
    """How wide the ribs are, 1 for a man."""
    waist: float
    flank: float
    """How wide the hips are."""
    bust: float
    limbs: float
    """How thick limbs are."""
    arm: float = 1.0


FIGURES: dict[str, Figure] = {
    "man": Figure(0.131, 0.520, 0.109, 0.050, 1.00, 1.00, 0.98, 0.0, 1.0),
    "woman": Figure(0.129, 0.528, 0.094, 0.050, 0.86, 0.80, 1.02, 1.0, 0.86, 0.96),
    "child": Figure(0.170, 0.480, 0.095, 0.046, 0.92, 1.02, 0.92, 0.0, 1.02, 0.93),
}

ANKLE = 0.048
BALL = (0.078, 0.012)
"""Ahead of the ankle's axis and above the ground."""
HEEL = -0.030


def bones_of(figure: Figure) -> Rig:
    """The skeleton of a figure of height 1, arms held out by `SPREAD`."""
    f = figure
    knee = f.hips * 0.545
    chin = 1.0 - f.head
    shoulder = chin - 0.052
    elbow, wrist, grip = (arm_at(f, d) for d in (0.168, 0.312, 0.36))
    side = [
        ("arm.r", "chest", arm_at(f, 0.0)), ("forearm.r", "arm.r", elbow), ("hand.r", "forearm.r", wrist),
        ("fingers.r", "hand.r", grip),
        ("thigh.r", "pelvis", (f.pelvis, 0.0, f.hips)), ("shin.r", "thigh.r", (f.pelvis, 0.006, knee)),
        ("foot.r", "shin.r", (f.pelvis, -0.004, ANKLE)), ("toes.r", "foot.r", (f.pelvis, BALL[0], BALL[1])),
        ("front.r", "pelvis", (f.pelvis, 0.0, f.hips + 0.06)), ("back.r", "pelvis", (f.pelvis, 0.0, f.hips + 0.06)),
    ]  # fmt: skip
    return rig([
        ("pelvis", "", (0.0, 0.0, f.hips + 0.02)), ("spine", "pelvis", (0.0, -0.005, f.hips + 0.085)),
        ("chest", "spine", (0.0, -0.008, f.hips + 0.18)), ("neck", "chest", (0.0, -0.012, shoulder + 0.025)),
        ("head", "neck", (0.0, 0.0, chin + 0.02)), ("tail", "head", (0.0, -0.05, chin + 0.09)), *paired(side),
    ])  # fmt: skip


SPREAD = 0.42
"""Radians by which arms are held out at rest."""


def arm_at(f: Figure, along: float) -> tuple[float, float, float]:
    """The arm's axis, `along` from the shoulder."""
    down = along * f.arm
    bent = 0.02 * min(max(along - 0.168, 0.0) / 0.144, 1.6)
    z = 1.0 - f.head - 0.080
    return f.shoulders + np.sin(SPREAD) * down, -0.010 + bent, z - np.cos(SPREAD) * down


@dataclass(frozen=True, slots=True)
class Dress:
    """An outfit: which rows of the palette cover what, and its loose pieces."""

    top: int
    sleeve: int
    legs: int
    shoes: int
    skin: int
    extra: int
    sleeves: float
    """Where sleeves end along the arm: 0 the shoulder, 0.31 the wrist."""
    loose: float
    """How far cloth stands off the body, 1 for a shirt."""
    hem: float
    """Height at which a skirt or coat ends as a part of the hips' height; 1 for none."""
    flare: float
    waist: bool = False
    """Whether the skirt starts at the waist with its own colour `extra` rather than the top's."""
    shins: bool = True
    """Whether trousers cover the shins."""
    collared: int = 0
    """The collar's paint; 0 for none."""
    shirt: int = 0
    """The paint of a shirt in a jacket's opening; 0 for none."""
    tie: int = 0
    lapel: int = 0


def trunk(f: Figure, dress: Dress, grain: Grain, bone: Callable[[str], int]) -> Mesh:
    """Hips to neck."""
    top, hips = 1.0 - f.head - 0.052, f.hips
    rise = top - hips
    b, cloth = f.broad, 0.0035 * dress.loose
    w = f.waist
    stations = [
        (0, -0.002, hips - 0.048, 0.030 * f.flank, 0.030, 0.030),
        (0, -0.003, hips - 0.030, 0.078 * f.flank, 0.050, 0.056),
        (0, -0.004, hips + 0.002, 0.096 * f.flank, 0.057, 0.070 + 0.004 * f.bust),
        (0, -0.003, hips + 0.045, 0.091 * f.flank, 0.056, 0.062),
        (0, 0.000, hips + 0.30 * rise, 0.080 * w, 0.053 * (0.4 + 0.6 * w), 0.050 * (0.4 + 0.6 * w)),
        (0, 0.000, hips + 0.42 * rise, 0.081 * (0.5 * w + 0.5 * b), 0.055 * (0.5 + 0.5 * b), 0.052),
        (0, -0.002, hips + 0.60 * rise, 0.091 * b, 0.063 * (0.7 + 0.3 * b) + 0.012 * f.bust, 0.056),
        (0, -0.004, hips + 0.74 * rise, 0.098 * b, 0.066 * (0.7 + 0.3 * b) + 0.013 * f.bust, 0.062),
        (0, -0.008, hips + 0.87 * rise, f.shoulders * 0.97, 0.054, 0.060),
        (0, -0.010, hips + 0.955 * rise, f.shoulders * 0.94, 0.038, 0.052),
        (0, -0.011, top + 0.006, f.shoulders * 0.72, 0.029, 0.044),
        (0, -0.012, top + 0.021, f.shoulders * 0.44, 0.025, 0.036),
        (0, -0.009, top + 0.027, 0.020, 0.014, 0.018),
    ]  # fmt: skip
    stations = [(x, y, z, s + cloth, fr + cloth, bk + cloth) for x, y, z, s, fr, bk in stations]
    hold = Hold((bone("pelvis"), bone("spine"), bone("chest")), (3.6, 6.2), (1.4, 1.2))

    def chest(net: Doubles, place: Doubles, angle: Doubles) -> Doubles:
        """Two breasts, a groove down the back, shoulders that fall off to the sides."""
        x = net[..., 0] / f.shoulders
        front = np.clip(np.sin(angle), 0, 1)[None]
        level = np.exp(-(((place - 6.7) / 0.95) ** 2))[:, None]
        net[..., 1] += level * front * f.bust * 0.018 * (np.exp(-(((np.abs(x) - 0.45) / 0.32) ** 2)) - 0.45)
        low = np.exp(-(((place - 2.2) / 0.9) ** 2))[:, None] * np.clip(-np.sin(angle), 0, 1)[None]
        net[..., 1] -= low * 0.007 * (np.exp(-(((np.abs(x) - 0.42) / 0.3) ** 2)) - 0.5)
        net[..., 2] -= 0.014 * np.clip(place[:, None] - 8.2, 0, 1.5) / 1.5 * np.abs(x) ** 1.6
        return net

    made = skin(stations, grain(19, 6), grain(16, 6), hold, power=2.35, paint=dress.top, shape=chest)
    belt = hips + (0.055 if dress.hem >= 1 else -1.0)
    return split(
        made, grain(16, 6), dress.legs if dress.shins else dress.top, lambda middle: np.asarray(middle[:, 2] < belt)
    )


def neck(f: Figure, dress: Dress, grain: Grain, bone: Callable[[str], int]) -> Mesh:
    top = 1.0 - f.head - 0.052
    slim = 0.0325 * (0.55 + 0.45 * f.limbs) * (1.0 if f.head < 0.15 else 1.06)
    stations = [
        (0, -0.010, top - 0.012, slim * 1.5, slim * 0.95, slim * 1.05),
            (0, -0.011, top + 0.016, slim * 1.12, slim * 0.95, slim * 1.0),
        (0, -0.006, top + 0.040, slim * 0.98, slim, slim),
            (0, 0.004, top + 0.066, slim * 0.98, slim * 1.05, slim * 1.1),
        (0, 0.008, top + 0.088, slim * 0.9, slim * 1.0, slim * 1.1),
    ]  # fmt: skip
    hold = Hold((bone("chest"), bone("neck"), bone("head")), (1.0, 3.0), (0.8, 0.8))
    return skin(stations, grain(5, 2), grain(12, 4), hold, paint=dress.skin)


def arms(f: Figure, dress: Dress, grain: Grain, bone: Callable[[str], int], onto: Mesh) -> list[Mesh]:
    """Right arm and its twin: sleeve, the bare part, hand."""
    k = 0.62 + 0.38 * f.limbs
    girth = [
        (-0.040, 0.012, 0.020, 0.024), (-0.018, 0.021, 0.031, 0.033), (0.012, 0.029, 0.0345, 0.0345),
            (0.060, 0.030, 0.032, 0.031),
        (0.110, 0.027, 0.029, 0.027), (0.150, 0.0245, 0.025, 0.0245), (0.180, 0.0245, 0.0240, 0.0255),
            (0.215, 0.0245, 0.0235, 0.0250),
        (0.265, 0.0195, 0.019, 0.020), (0.305, 0.0155, 0.0145, 0.0145), (0.325, 0.0150, 0.0120, 0.0125),
    ]  # fmt: skip
    cloth = 0.0035 * dress.loose
    parts: list[Mesh] = []

    def tube(start: float, end: float, off: float, paint: int, rows: int) -> Mesh:
        table = np.array(girth)
        knots = table[:, 0]
        at = np.array([start, *knots[(knots > start + 0.012) & (knots < end - 0.012)], end])
        stations = []
        for d in at:
            s, a, b = (
                float(np.interp(d, table[:, 0], table[:, c])) * k + off * (1 + 2.2 * dress.loose * 0.06 * d)
                for c in (1, 2, 3)
            )
            x, y, z = arm_at(f, float(d))
            if d < 0:
                x, z = f.shoulders + float(d) * 0.9, arm_at(f, 0.0)[2] + float(d) * 0.30
            stations.append((x, y, z, s, a, b))
        joints = [
            (0.008, "chest", 1.1, "arm.r"),
            (0.168, "arm.r", 0.9, "forearm.r"),
            (0.312, "forearm.r", 0.5, "hand.r"),
        ]
        used = [j for j in joints if start - 0.02 < j[0] < end + 0.02]
        bones = (
            [bone(used[0][1])] + [bone(j[3]) for j in used] if used else [bone("arm.r" if end < 0.17 else "forearm.r")]
        )
        hold = Hold(
            tuple(bones), tuple(float(np.interp(j[0], at, range(len(at)))) for j in used), tuple(j[2] for j in used)
        )
        return skin(stations, rows, grain(10, 4), hold, paint=paint, power=2.1)

    end = dress.sleeves
    if end > 0.05:
        parts.append(tube(-0.040, end, cloth + 0.002, dress.sleeve, grain(int(6 + 18 * end), 4)))
    if end < 0.30:
        start = -0.040 if end <= 0.05 else end - 0.02
        parts.append(tube(start, 0.322, 0.0, dress.skin, grain(int(4 + 18 * (0.32 - start)), 4)))
    parts[0] = melded(parts[0], onto, 0.022)
    parts += hand(f, dress, grain, bone)
    swap = twins(bone)
    return [twin for part in parts for twin in both(part, swap)]


def hand(f: Figure, dress: Dress, grain: Grain, bone: Callable[[str], int]) -> list[Mesh]:
    """Palm, fingers in two pairs and a thumb; the palm faces the thigh."""
    along = np.array([np.sin(SPREAD), 0.12, -np.cos(SPREAD)])
    along /= np.linalg.norm(along)
    wrist = np.array(arm_at(f, 0.312))
    size = 0.92 if f.bust else 1.0
    front = (0.0, 1.0, 0.12)

    def at(d: float, ahead: float, inward: float = 0.0) -> tuple[float, float, float]:
        p = wrist + along * d * size + np.array([-inward * 0.9, ahead, -inward * 0.4]) * size
        return float(p[0]), float(p[1]), float(p[2])

    hold = Hold((bone("forearm.r"), bone("hand.r"), bone("fingers.r")), (0.6, 3.4), (0.6, 0.5))
    s = size
    if not grain.high:
        line = [
            (*at(-0.01, 0), 0.011, 0.014, 0.014),
            (*at(0.04, 0), 0.012, 0.022, 0.022),
            (*at(0.10, 0, 0.01), 0.006, 0.008, 0.008),
        ]
        return [skin(line, 2, 4, Hold((bone("hand.r"),)), front=front, paint=dress.skin)]
    palm = [
        (*at(-0.012, 0), 0.0125 * s, 0.014 * s, 0.014 * s), (*at(0.008, 0.0), 0.0125 * s, 0.0165 * s, 0.0165 * s),
        (*at(0.030, 0.001), 0.012 * s, 0.0215 * s, 0.021 * s), (*at(0.050, 0.001), 0.0105 * s, 0.0225 * s, 0.0225 * s),
        (*at(0.058, 0.001, 0.001), 0.008 * s, 0.020 * s, 0.020 * s),
    ]  # fmt: skip
    parts = [skin(palm, 5, 8, hold, front=front, paint=dress.skin, power=2.5)]
    for ahead, length in ((0.0165, 0.040), (0.0058, 0.046), (-0.0052, 0.043), (-0.0160, 0.034)):
        r = 0.0058 * s
        finger = [(*at(0.046, ahead * 0.95), r * 1.1, r, r),
            (*at(0.052 + length * 0.45, ahead * 0.98, 0.004), r * 0.98, r * 0.95, r * 0.95),
                  (*at(0.052 + length * 0.94, ahead * 0.9, 0.014), r * 0.7, r * 0.7, r * 0.7),
                      (*at(0.052 + length, ahead * 0.9, 0.016), r * 0.25, r * 0.25, r * 0.25)]  # fmt: skip
        parts.append(
            skin(finger, 4, 4, Hold((bone("hand.r"), bone("fingers.r")), (0.5,), (0.7,)), front=front, paint=dress.skin)
        )
    thumb = [(*at(0.008, 0.010, 0.004), 0.008 * s, 0.008 * s, 0.008 * s),
        (*at(0.026, 0.025, 0.010), 0.0075 * s, 0.0075 * s, 0.0075 * s),
             (*at(0.046, 0.031, 0.015), 0.006 * s, 0.0062 * s, 0.0062 * s),
                 (*at(0.060, 0.032, 0.018), 0.0025 * s, 0.0025 * s, 0.0025 * s)]  # fmt: skip
    parts.append(skin(thumb, 4, 5, Hold((bone("hand.r"),)), front=front, paint=dress.skin))
    return parts


def twins(bone: Callable[[str], int]) -> dict[int, int]:
    names = ("arm", "forearm", "hand", "fingers", "thigh", "shin", "foot", "toes", "front", "back")
    return {bone(f"{name}.r"): bone(f"{name}.l") for name in names}


def legs(f: Figure, dress: Dress, grain: Grain, bone: Callable[[str], int], onto: Mesh) -> list[Mesh]:
    """Right leg, its shoe, and their twins."""
    k = (0.70 + 0.30 * f.limbs) * (1.0 if f.head < 0.15 else 1.04)
    cloth = 0.0035 * dress.loose
    h, knee, x = f.hips, f.hips * 0.545, f.pelvis
    loose = cloth + (0.004 * dress.loose if dress.shins else 0.0)

    def station(z: float, y: float, s: float, a: float, b: float, off: float, dx: float = 0.0) -> tuple[float, ...]:
        return (x + dx, y, z, s * k + off, a * k + off, b * k + off)

    thigh_bone, shin_bone = bone("thigh.r"), bone("shin.r")
    upper = [
        station(h + 0.035, 0.000, 0.030, 0.042, 0.050, cloth, -0.004), station(h + 0.005, 0.000, 0.0475, 0.055, 0.062,
            cloth, -0.003),
        station(h - 0.035, 0.001, 0.0485, 0.055, 0.060, cloth), station(h - 0.080, 0.003, 0.0465, 0.052, 0.052, cloth),
        station((h + knee) / 2 - 0.01, 0.005, 0.041, 0.046, 0.043, loose), station(knee + 0.040, 0.006, 0.0335, 0.037,
            0.034, loose),
        station(knee, 0.006, 0.0305, 0.0345, 0.0325, loose), station(knee - 0.030, 0.002, 0.0305, 0.031, 0.0350, loose),
    ]  # fmt: skip
    lower = [
        station(knee - 0.070, -0.002, 0.0320, 0.0285, 0.0395, loose), station(knee - 0.110, -0.002, 0.0290, 0.0265,
            0.0350, loose),
        station(ANKLE + 0.070, -0.003, 0.0215, 0.0225, 0.0235, loose * 1.3), station(ANKLE + 0.020, -0.004, 0.0185,
            0.0200, 0.0205, loose * 2.0),
        station(ANKLE - 0.012, -0.004, 0.0185, 0.0205, 0.0205, loose * 2.4),
    ]  # fmt: skip
    hold = Hold((bone("pelvis"), thigh_bone, shin_bone), (1.2, 6.0), (1.6, 1.0))
    parts: list[Mesh] = []
    if dress.shins:
        parts.append(skin([*upper, *lower], grain(15, 6), grain(10, 4), hold, paint=dress.legs, power=2.1))
    else:
        bare = [*upper, *lower[:-1], station(ANKLE - 0.02, -0.004, 0.0185, 0.0205, 0.0205, 0.0)]
        parts.append(skin(bare, grain(15, 6), grain(10, 4), hold, paint=dress.skin, power=2.1))
    parts[0] = melded(parts[0], onto, 0.02)
    parts.append(shoe(f, dress, grain, bone))
    return [twin for part in parts for twin in both(part, twins(bone))]


def shoe(f: Figure, dress: Dress, grain: Grain, bone: Callable[[str], int]) -> Mesh:
    """The right shoe."""
    x = f.pelvis
    last = [
        (x, HEEL - 0.008, 0.026, 0.010, 0.022, 0.020), (x, HEEL, 0.026, 0.0195, 0.034, 0.0255),
            (x, -0.008, 0.028, 0.0225, 0.036, 0.028),
        (x, 0.022, 0.026, 0.0225, 0.027, 0.026), (x + 0.002, 0.055, 0.020, 0.0265, 0.021, 0.020),
            (x + 0.003, 0.080, 0.017, 0.0285, 0.017, 0.017),
        (x + 0.001, 0.103, 0.014, 0.024, 0.013, 0.014), (x - 0.002, 0.117, 0.012, 0.010, 0.006, 0.011),
    ]  # fmt: skip
    foot = Hold((bone("foot.r"), bone("toes.r")), (4.9,), (0.6,))
    return skin(last, grain(9, 3), grain(8, 4), foot, front=(0, 0, 1), paint=dress.shoes, power=2.6)


@lru_cache(maxsize=8)
def skeleton(figure: str) -> Rig:
    return bones_of(FIGURES[figure])


def bone_numbers(figure: str) -> Mapping[str, int]:
    return {name: number for number, name in enumerate(skeleton(figure).names)}
