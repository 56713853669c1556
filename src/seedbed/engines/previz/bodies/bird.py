"""Birds: spread wings of two bones with feathers, folded ones for the water and the ground, a neck that bends.

Lengths are in wingspans for the wings and in metres for the rest; see `KINDS`.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from functools import lru_cache, partial

import numpy as np
from numpy.typing import NDArray

from seedbed.engines.previz.bodies.form import UP, Grain, Hold, blade, both, skin, split
from seedbed.engines.previz.bodies.gait import cycle, wave
from seedbed.engines.previz.bodies.model import AIR, Model
from seedbed.engines.previz.bodies.rig import Clip, Poser, Rig, paired, rig, turns
from seedbed.engines.previz.shapes.mesh import Mesh, joined, sphere
from seedbed.engines.previz.shapes.paint import STREAKS, Palette, paint

Doubles = NDArray[np.float64]


@dataclass(frozen=True, slots=True)
class Bird:
    """A kind. `body` is its trunk's length without neck and tail, `deep` its height against it, `neck` and `leg`
    their lengths, `span` and `chord` the wings'; `point` 0 (broad, fingered) … 1 (pointed) is their tip."""

    span: float
    chord: float
    body: float
    deep: float
    neck: float
    thick: float
    """The neck's radius."""
    head: float
    """The head's length."""
    beak: tuple[float, float, float]
    """Length, height, how far its tip hooks down, in heads."""
    tail: tuple[float, float]
    """Length and width at its end."""
    leg: float
    point: float
    colours: tuple[str, str, str, str, str]
    """Body, wings, wing tips, head, beak and legs."""
    beats: float
    """Wing beats a second."""
    speed: float
    swims: bool = False
    crown: str = ""
    """A spot on the crown."""


KINDS: dict[str, Bird] = {
    "gull": Bird(1.30, 0.17, 0.30, 0.42, 0.07, 0.050, 0.125, (0.55, 0.20, 0.10), (0.13, 0.13), 0.10, 0.95,
                 ("f0efec", "b4bcc4", "25282c", "f4f3f0", "d99a2b"), 2.6, 9.0, True),
    "swan": Bird(2.30, 0.32, 0.75, 0.46, 0.72, 0.050, 0.16, (0.62, 0.24, 0.05), (0.18, 0.16), 0.16, 0.45,
                 ("f4f3ee", "f4f3ee", "eceae4", "f4f3ee", "d9792b"), 2.5, 14.0, True, "191614"),
    "goose": Bird(1.60, 0.26, 0.52, 0.48, 0.36, 0.040, 0.12, (0.50, 0.30, 0.05), (0.14, 0.16), 0.12, 0.5,
                  ("a89a86", "6f6455", "3a332b", "2a2624", "2b2725"), 3.2, 15.0, True),
    "duck": Bird(0.90, 0.15, 0.36, 0.48, 0.12, 0.036, 0.105, (0.55, 0.22, -0.05), (0.10, 0.10), 0.07, 0.7,
                 ("a79a88", "7d6f60", "3f372f", "1f5a3a", "d8b436"), 4.6, 16.0, True),
    "crane": Bird(2.30, 0.34, 0.62, 0.42, 0.62, 0.034, 0.15, (1.05, 0.22, 0.0), (0.16, 0.14), 0.72, 0.10,
                  ("f3f2ee", "f3f2ee", "1d1d20", "e9e7e2", "8f8a78"), 2.1, 12.0, False, "b8201f"),
    "heron": Bird(1.80, 0.30, 0.48, 0.42, 0.50, 0.030, 0.15, (1.0, 0.2, 0.0), (0.13, 0.12), 0.55, 0.15,
                  ("b3bac2", "8d97a3", "2f343b", "e6e7e6", "c9a13a"), 2.2, 10.0),
    "eagle": Bird(2.10, 0.42, 0.50, 0.46, 0.06, 0.085, 0.16, (0.42, 0.34, 0.30), (0.27, 0.30), 0.13, 0.0,
                  ("3d2a1c", "463122", "2a1d14", "efe9dc", "d9a427"), 2.0, 12.0),
    "hawk": Bird(1.20, 0.26, 0.34, 0.46, 0.04, 0.055, 0.10, (0.36, 0.32, 0.28), (0.20, 0.20), 0.10, 0.1,
                 ("8c6a48", "6d4d33", "3b2a1e", "7a5a3d", "d9a427"), 2.8, 11.0),
    "crow": Bird(0.95, 0.20, 0.28, 0.46, 0.04, 0.045, 0.10, (0.62, 0.30, 0.08), (0.17, 0.14), 0.09, 0.2,
                 ("17181c", "1a1b20", "121317", "17181c", "1c1c1e"), 3.2, 10.0),
    "dove": Bird(0.66, 0.15, 0.22, 0.50, 0.03, 0.036, 0.062, (0.38, 0.2, 0.08), (0.12, 0.13), 0.06, 0.75,
                 ("f1efec", "eeecea", "e2e0de", "f3f2f0", "c98a7a"), 5.5, 12.0),
    "sparrow": Bird(0.34, 0.085, 0.11, 0.54, 0.012, 0.022, 0.040, (0.36, 0.3, 0.05), (0.065, 0.045), 0.04, 0.6,
                    ("b7a58c", "7a5a3c", "4a3626", "8a6a48", "4a3a2c"), 9.0, 8.0),
    "parrot": Bird(1.0, 0.19, 0.30, 0.48, 0.04, 0.05, 0.10, (0.42, 0.5, 0.42), (0.42, 0.07), 0.08, 0.6,
                   ("c22820", "d9a51e", "1c57b0", "c8281f", "1e1a18"), 3.6, 10.0),
    "flamingo": Bird(1.45, 0.24, 0.42, 0.50, 0.66, 0.026, 0.12, (0.62, 0.36, 0.5), (0.10, 0.12), 0.66, 0.4,
                     ("f0a59a", "ee7f78", "1f1a1c", "f2aea4", "2a2224"), 3.2, 13.0),
}  # fmt: skip
ALIASES = {"bird": "gull", "seagull": "gull", "pigeon": "dove", "raven": "crow", "stork": "crane", "falcon": "hawk"}


@lru_cache(maxsize=16)
def skeleton(kind: str) -> Rig:
    b = KINDS[kind]
    half, root = b.span / 2, _root(b)
    chest = b.body * 0.5
    neck = [chest * 0.92 + (b.neck + b.thick) * t for t in (0.0, 0.33, 0.66, 1.0)]
    side = [
        ("wing.r", "trunk", (root, chest * 0.35, b.body * b.deep * 0.22)),
        ("hand.r", "wing.r", (root + (half - root) * 0.46, chest * 0.45, b.body * b.deep * 0.22)),
        ("tip.r", "hand.r", (root + (half - root) * 0.74, chest * 0.35, b.body * b.deep * 0.22)),
        ("fold.r", "trunk", (root, chest * 0.45, b.body * b.deep * 0.15)),
        ("leg.r", "trunk", (root * 0.62, -b.body * 0.10, -b.body * b.deep * 0.30)),
        ("foot.r", "leg.r", (root * 0.62, -b.body * 0.10, -b.body * b.deep * 0.42 - b.leg)),
    ]
    return rig([
        ("trunk", "", (0, 0, 0)), ("neck.0", "trunk", (0, neck[0], 0.03 * b.body)),
            ("neck.1", "neck.0", (0, neck[1], 0.05 * b.body)),
        ("neck.2", "neck.1", (0, neck[2], 0.05 * b.body)), ("head", "neck.2", (0, neck[3], 0.05 * b.body)),
        ("tail", "trunk", (0, -chest * 0.9, 0.06 * b.body)), *paired(side),
    ])  # fmt: skip


def _root(b: Bird) -> float:
    """How far beside the middle wings begin."""
    return b.body * b.deep * 0.34


def build(kind: str, palette: Palette, grain: Grain, colour: str = "") -> Mesh:
    b = KINDS[kind]
    s = skeleton(kind)
    bone = {name: i for i, name in enumerate(s.names)}.__getitem__
    tones = (colour, colour, b.colours[2], colour, b.colours[4]) if colour else b.colours
    body, wing, tip, head, beak = (
        palette.add(paint(c, gloss=0.15, pattern=STREAKS if k in (1, 2) else 0, numbers=(24 / b.span, 0.22, 5)))
        for k, c in enumerate(tones)
    )
    dark = palette.add(paint("0d0b0a", gloss=0.6))
    spot = palette.add(paint(b.crown, gloss=0.2)) if b.crown else beak
    parts = [
        _body(b, grain, bone, body),
        _neck(b, grain, bone, body if kind != "goose" else head),
        *_head(b, grain, bone, head, beak, dark, spot),
    ]
    parts += _tail(b, grain, bone, body if b.point > 0.3 else tip, palette) + _wings(b, grain, bone, wing, tip)
    parts += _folded(b, grain, bone, wing, tip) + _shanks(
        b, grain, bone, beak if kind not in ("swan", "goose") else dark
    )
    return joined(parts)


def _body(b: Bird, grain: Grain, bone: Callable[[str], int], tone: int) -> Mesh:
    n, h = b.body / 2, b.body * b.deep / 2
    stations = [
        (0, -1.10 * n, 0.16 * h, 0.10 * h, 0.08 * h, 0.10 * h),
            (0, -0.92 * n, 0.14 * h, 0.38 * h, 0.26 * h, 0.34 * h),
                (0, -0.55 * n, 0.06 * h, 0.72 * h, 0.62 * h, 0.72 * h),
        (0, -0.05 * n, 0.0, 0.90 * h, 0.86 * h, 0.98 * h), (0, 0.40 * n, 0.02 * h, 0.90 * h, 0.86 * h, 0.94 * h),
            (0, 0.74 * n, 0.08 * h, 0.70 * h, 0.66 * h, 0.72 * h),
        (0, 0.98 * n, 0.12 * h, 0.42 * h, 0.40 * h, 0.46 * h), (0, 1.10 * n, 0.14 * h, 0.16 * h, 0.14 * h, 0.18 * h),
    ]  # fmt: skip
    return skin(stations, grain(14, 6), grain(14, 6), Hold((bone("trunk"),)), front=UP, paint=tone)


def _neck(b: Bird, grain: Grain, bone: Callable[[str], int], tone: int) -> Mesh:
    start, long, z = b.body * 0.5 * 0.72, b.neck + b.thick, 0.05 * b.body
    base = b.body * b.deep * 0.5
    stations = [
        (0, start, z * 0.6, base * 0.62, base * 0.58, base * 0.66),
            (0, b.body * 0.46 + 0.12 * long, z, max(b.thick * 1.35, base * 0.30), max(b.thick * 1.35, base * 0.30),
                max(b.thick * 1.4, base * 0.34)),
        *[(0, b.body * 0.46 + t * long, z, b.thick, b.thick, b.thick * 1.05) for t in (0.33, 0.5, 0.66, 0.83)],
        (0, b.body * 0.46 + 1.06 * long, z, b.thick * 0.95, b.thick * 0.9, b.thick),
    ]  # fmt: skip
    hold = Hold(
        tuple(bone(n) for n in ("trunk", "neck.0", "neck.1", "neck.2", "head")),
        (0.7, 2.0, 4.0, 5.6),
        (0.7, 0.6, 1.0, 0.4),
    )
    return skin(stations, grain(16 if b.neck > 0.2 else 8, 5), grain(10, 5), hold, front=UP, paint=tone)


def _head(b: Bird, grain: Grain, bone: Callable[[str], int], tone: int, beak: int, dark: int, spot: int) -> list[Mesh]:
    y0, z, d = b.body * 0.46 + b.neck + b.thick, 0.05 * b.body, b.head
    r = max(0.30 * d, b.thick * 1.02)
    skull = [
        (0, y0 - 0.30 * d, z, r * 0.5, r * 0.5, r * 0.55), (0, y0, z + 0.05 * d, r, r * 0.95, r),
            (0, y0 + 0.30 * d, z + 0.06 * d, r, r * 0.98, r * 0.92),
        (0, y0 + 0.55 * d, z + 0.02 * d, r * 0.72, r * 0.72, r * 0.62),
            (0, y0 + 0.70 * d, z - 0.02 * d, r * 0.35, r * 0.38, r * 0.34),
    ]  # fmt: skip
    hold = Hold((bone("head"),))
    long, tall, hook = (v * d for v in b.beak)
    by = y0 + 0.58 * d
    bill = [
        (0, by, z - 0.02 * d, tall * 0.55, tall * 0.62, tall * 0.55),
            (0, by + 0.5 * long, z - 0.03 * d, tall * 0.40, tall * 0.45, tall * 0.38),
        (0, by + 0.85 * long, z - 0.04 * d - hook * 0.35, tall * 0.26, tall * 0.26, tall * 0.26),
            (0, by + long, z - 0.05 * d - hook, tall * 0.06, tall * 0.05, tall * 0.06),
    ]  # fmt: skip
    parts = [
        skin(skull, grain(10, 4), grain(12, 5), hold, front=UP, paint=tone),
        skin(bill, grain(7, 3), grain(8, 4), hold, front=UP, paint=beak),
    ]
    if grain.high:
        eye = sphere(0.075 * d, 7, 5).moved(r * 0.88, y0 + 0.36 * d, z + 0.16 * d).painted(dark).boned(bone("head"))
        parts += both(eye)
        if b.crown:
            mark = (
                sphere(r * 0.62, 9, 6)
                .scaled(1, 1.1, 0.45)
                .moved(0, y0 + (0.30 if b.neck < 0.7 else 0.58) * d, z + 0.05 * d + r * 0.72)
            )
            parts.append(mark.painted(spot).boned(bone("head")))
    return parts


def _tail(b: Bird, grain: Grain, bone: Callable[[str], int], tone: int, palette: Palette) -> list[Mesh]:
    y, z, (long, wide) = -b.body * 0.42, 0.06 * b.body, b.tail
    outline = [(-0.10 * b.body * t - wide * 0.5 * t, y - long * t**0.9, z, 0.10 * b.body * t + wide * 0.5 * t,
        y - long * t**0.9, z)
               for t in (0.12, 0.5, 0.9, 1.0)]  # fmt: skip
    return [blade(outline, 0.05 * b.body, Hold((bone("tail"),)), paint=tone, rows=grain(5, 3))]


def _chord(b: Bird, t: float) -> tuple[float, float]:
    """Leading and trailing edge along y, in chords from the shoulder's line, at a share `t` of the wing."""
    sweep = b.point
    lead = (
        0.36
        + 0.20 * np.sin(np.pi * min(t / 0.62, 1.0))
        - (0.55 + 0.35 * sweep) * max(t - 0.48, 0.0) * (0.4 + 1.0 * sweep)
    )
    wide = 1.0 - 0.10 * t - (0.30 + 0.95 * sweep) * max(t - 0.40, 0.0) ** 1.25
    wide *= 1.0 if sweep > 0.3 else 1.0 + 0.12 * np.sin(np.pi * t)
    if t > 0.86:
        wide *= 1 - ((t - 0.86) / 0.14) ** 2 * (0.92 if sweep > 0.3 else 0.75)
    return float(lead), float(lead - wide)


def _wings(b: Bird, grain: Grain, bone: Callable[[str], int], tone: int, dark: int) -> list[Mesh]:
    root, half, z, c = _root(b) * 0.5, b.span / 2, b.body * b.deep * 0.22, b.chord
    y0 = b.body * 0.5 * 0.35
    fingered = b.point < 0.3
    reach = half * (0.84 if fingered else 1.0)
    count = grain(12, 6)
    outline = []
    for t in np.linspace(0, 1, count):
        lead, trail = _chord(b, float(t))
        x = root + (reach - root) * t
        arch = 0.06 * c * np.sin(np.pi * t)
        outline.append((x, y0 + lead * c, z + arch, x, y0 + trail * c, z + arch - 0.03 * c))
    joints = _root(b) + (half - _root(b)) * np.array([0.0, 0.46, 0.74])
    at = (joints - root) / (reach - root) * (count - 1)
    names = tuple(bone(n) for n in ("trunk", "wing.r", "hand.r", "tip.r"))
    soft = 0.09 * (count - 1)
    wing = blade(outline, 0.10 * c, Hold(names, tuple(float(a) for a in at), (soft, soft * 1.3, soft)), paint=tone)
    wing = split(
        wing, 4, dark, lambda middle: np.asarray(middle[:, 0] > root + (reach - root) * (0.72 if fingered else 0.80))
    )
    parts = [wing]
    if fingered:
        for k in range(grain(6, 3)):
            spread = k / (grain(6, 3) - 1)
            lead, trail = _chord(b, 0.97)
            base = np.array(
                [reach * (0.985 - 0.05 * spread), y0 + c * (lead + (trail - lead) * (0.08 + 0.84 * spread)), z]
            )
            turn = 0.12 - 1.05 * spread
            long = (half - reach) * (1.75 - 0.45 * spread)
            tip = base + long * np.array([np.cos(turn), np.sin(turn), 0.16 - 0.1 * spread])
            w = c * 0.075 * np.array([-np.sin(turn), np.cos(turn), 0.0])
            start, mid = base - 0.4 * (tip - base), base + 0.55 * (tip - base)
            rows = [(*(start + w), *(start - w)), (*(mid + w), *(mid - w)), (*(tip + w * 0.3), *(tip - w * 0.3))]
            parts.append(blade(rows, 0.02 * c, Hold((bone("tip.r"),)), paint=dark))
    swap = {bone(f"{n}.r"): bone(f"{n}.l") for n in ("wing", "hand", "tip")}
    return [twin for part in parts for twin in both(part, swap)]


def _folded(b: Bird, grain: Grain, bone: Callable[[str], int], tone: int, dark: int) -> list[Mesh]:
    n, h = b.body / 2, b.body * b.deep / 2
    stations = [
        (0.30 * h, -1.35 * n, 0.34 * h, 0.03 * h, 0.10 * h, 0.06 * h),
            (0.48 * h, -0.95 * n, 0.30 * h, 0.16 * h, 0.34 * h, 0.28 * h),
                (0.72 * h, -0.45 * n, 0.22 * h, 0.22 * h, 0.62 * h, 0.55 * h),
        (0.84 * h, 0.05 * n, 0.16 * h, 0.20 * h, 0.66 * h, 0.66 * h),
            (0.78 * h, 0.45 * n, 0.14 * h, 0.18 * h, 0.48 * h, 0.50 * h),
                (0.58 * h, 0.72 * n, 0.14 * h, 0.06 * h, 0.16 * h, 0.16 * h),
    ]  # fmt: skip
    wing = skin(stations, grain(9, 4), grain(8, 4), Hold((bone("fold.r"),)), front=UP, paint=tone)
    wing = split(wing, grain(8, 4), dark, lambda middle: np.asarray(middle[:, 1] < -0.80 * n))
    return both(wing, {bone("fold.r"): bone("fold.l")})


def _shanks(b: Bird, grain: Grain, bone: Callable[[str], int], tone: int) -> list[Mesh]:
    x, y, top = _root(b) * 0.62, -b.body * 0.10, -b.body * b.deep * 0.30
    foot = -b.body * b.deep * 0.42 - b.leg
    r = max(0.010 * (b.leg + 0.1) * 4, 0.05 * b.body * b.deep)
    stations = [
        (x, y, top, r * 1.7, r * 2.0, r * 2.0),
        (x, y, top * 0.72 + foot * 0.28, r * 0.75, r * 0.8, r * 0.8),
        (x, y, foot, r * 0.6, r * 0.6, r * 0.6),
    ]
    shank = skin(stations[::-1], grain(5, 3), grain(6, 3), Hold((bone("leg.r"),)), paint=tone)
    long = 0.16 * b.body + 0.05 * b.leg
    toes = [
        (x - long * 0.4, y + long, foot, x + long * 0.4, y + long, foot),
        (x - long * 0.12, y, foot + 0.004, x + long * 0.12, y, foot + 0.004),
    ]
    web = blade(toes, long * 0.10, Hold((bone("foot.r"),)), paint=tone)
    swap = {bone(f"{n}.r"): bone(f"{n}.l") for n in ("leg", "foot")}
    return [twin for part in (shank, web) for twin in both(part, swap)]


def _wing(p: Poser, inner: Doubles, outer: Doubles, tip: Doubles, sweep: Doubles) -> None:
    """Both wings lifted by `inner`, their outer parts by more, and drawn back by `sweep`."""
    for side, sign in ((".r", 1.0), (".l", -1.0)):
        p.turn("wing" + side, roll=-sign * inner, yaw=-sign * 0.35 * sweep, pitch=0.10 * sweep)
        p.turn("hand" + side, roll=-sign * outer, yaw=sign * sweep)
        p.turn("tip" + side, roll=-sign * tip, yaw=sign * 0.5 * sweep)


def _hide(p: Poser, names: tuple[str, ...]) -> None:
    """Folded away into the middle of the trunk."""
    for name in names:
        for side in (".r", ".l"):
            bone = p.rig.at(name + side)
            p.hang(bone)
            p.stretch(name + side, 0.0, 0.0, 0.0)
            p.places[:, bone] = p.places[:, 0]


def _flying(kind: str, act: str) -> Clip:
    b = KINDS[kind]
    beats = {"fly": 1, "glide": 0, "soar": 4}[act]
    period = {"fly": 1 / b.beats, "glide": 5.0, "soar": 4 / b.beats + 3.0}[act]
    frames = {"fly": 48, "glide": 60, "soar": round(24 * (4 + 3.0 * b.beats))}[act]
    u = cycle(frames)
    p = Poser(skeleton(kind), frames)
    if act == "soar":
        # Four beats, then wings held: the strength swells and fades.
        share = 4 / b.beats / period
        beat = np.where(u < share, u / share * 4, 0.0)
        strength = np.where(u < share, np.sin(np.pi * np.clip(u / share, 0, 1)) ** 0.7, 0.0)
    else:
        beat, strength = u * beats, np.full(frames, float(beats > 0))
    phase = 2 * np.pi * beat
    sway = 0.02 * wave(u, 1)
    lift = 0.16 + sway + strength * (0.62 * np.cos(phase) - 0.02)
    # The hand trails the arm: it bends down on the way up and stretches on the way down.
    hand = -0.10 + strength * (0.42 * np.cos(phase - 1.05) + 0.02)
    tip = 0.06 + strength * 0.30 * np.cos(phase - 1.5)
    rising = strength * np.clip(-np.sin(phase), 0, 1)
    sweep = 0.05 + 0.42 * rising + 0.10 * (1 - strength) * (b.point > 0.3)
    bob = -0.10 * b.chord * strength * np.cos(phase - 0.4) + 0.01 * b.span * sway
    p.root(turns(0.03 * strength * np.sin(phase), 0.03 * wave(u, 1, 0.3) * (beats != 1)), (0.0, 0.0, bob))
    _wing(p, lift, hand, tip, sweep)
    for k in range(3):
        p.turn(f"neck.{k}", pitch=-0.03 * strength * np.sin(phase - 0.3) + (0.10, -0.02, -0.06)[k] * (b.neck < 0.2))
    p.turn("head", pitch=-0.02)
    p.turn("tail", pitch=0.04 + 0.05 * strength * np.cos(phase), yaw=0.06 * sway)
    for side in (".r", ".l"):
        p.turn("leg" + side, pitch=-1.48)
        p.turn("foot" + side, pitch=-1.2)
    _hide(p, ("fold",) if b.leg > 0.3 else ("fold", "foot"))
    return Clip(period, b.speed * (1.0 if act == "fly" else 0.9), p.table())


def _afloat(kind: str, act: str) -> Clip:
    """On the water, or standing: wings folded, the neck up."""
    b = KINDS[kind]
    period, frames = 6.0, 120
    u = cycle(frames)
    p = Poser(skeleton(kind), frames)
    swims = act == "swim"
    height = b.body * b.deep * 0.42 + b.leg if not swims else b.body * b.deep * 0.20
    p.root(turns(0.05 + 0.012 * wave(u, 3) * swims, 0.015 * wave(u, 2) * swims),
           (0.0, 0.0, height + 0.01 * b.body * wave(u, 3, 0.2) * swims))  # fmt: skip
    look = np.tanh(2.5 * wave(u, 1, 0.1))
    bends = (1.75, 0.05, -0.75, -1.05) if b.neck > 0.25 else (0.75, 0.25, -0.4, -0.6)
    nod = 0.02 * wave(u, 3)
    for k in range(3):
        p.turn(f"neck.{k}", pitch=bends[k] + nod, yaw=0.05 * look)
    p.turn("head", pitch=bends[3] - 0.05, yaw=0.30 * look)
    p.turn("tail", pitch=-0.10, yaw=0.12 * wave(u, 3) * swims)
    if swims:
        for side, sign in ((".r", 1.0), (".l", -1.0)):
            p.turn("leg" + side, pitch=-0.5 + 0.5 * sign * wave(u, 6))
    _hide(p, ("wing", "hand", "tip"))
    return Clip(period, 0.45 * np.sqrt(b.body) if swims else 0.0, p.table())


@lru_cache(maxsize=64)
def clip(kind: str, motion: str) -> Clip:
    return _flying(kind, motion) if motion in ("fly", "glide", "soar") else _afloat(kind, motion)


def bird_model(kind: str, rng: np.random.Generator, palette: Palette, grain: Grain, *, colour: str = "") -> Model:
    """A bird of KINDS or ALIASES; flying ones hang about the origin, which is their middle."""
    name = ALIASES.get(kind, kind)
    b = KINDS[name]
    size = float(rng.uniform(0.92, 1.08))
    mesh = build(name, palette, grain, colour).scaled(size)
    motions = ("fly", "glide", "soar", "stand", *(("swim",) if b.swims else ()))
    return Model(
        kind,
        mesh,
        {m: partial(clip, name, m) for m in motions},
        size * (b.leg + b.body * b.deep + 0.5 * b.neck),
        size,
        AIR,
    )
