"""Fish, sharks, dolphins and whales: one skin along a spine of six bones, and their fins."""

from __future__ import annotations

from dataclasses import dataclass, replace
from functools import lru_cache, partial
from itertools import pairwise

import numpy as np
from numpy.typing import NDArray

from seedbed.engines.previz.bodies.form import UP, Grain, Hold, blade, both, skin, split
from seedbed.engines.previz.bodies.gait import cycle, wave
from seedbed.engines.previz.bodies.model import WATER, Model
from seedbed.engines.previz.bodies.rig import Clip, Poser, Rig, rig, turns
from seedbed.engines.previz.shapes.mesh import Mesh, joined, sphere
from seedbed.engines.previz.shapes.paint import MOTTLED, Palette, paint

Doubles = NDArray[np.float64]
Edge = tuple[float, float, float, float, float, float]

SPINE = 6


@dataclass(frozen=True, slots=True)
class Swimmer:
    """A kind, in body lengths: `body` stations are (y from the nose back, middle's height, half width, above, below);
    `middle` fins lie in the plane of symmetry, `sides` on the right and the left: outlines of (x, y, z) twice from
    the root, and the spine's bone that bears them. `level` tails beat up and down."""

    length: float
    body: tuple[tuple[float, float, float, float, float], ...]
    middle: tuple[tuple[int, tuple[Edge, ...]], ...]
    sides: tuple[tuple[int, tuple[Edge, ...]], ...]
    eye: tuple[float, float, float, float]
    colours: tuple[str, str, str]
    """Back, belly, fins."""
    beats: float
    speed: float
    sweep: float
    """How far the tail swings, radians."""
    level: bool = False
    palettes: tuple[tuple[str, str, str], ...] = ()


_FISH_BODY = (
    (0.0, 0.0, 0.008, 0.012, 0.012), (0.05, 0.0, 0.045, 0.060, 0.055), (0.14, 0.005, 0.070, 0.115, 0.105),
        (0.30, 0.005, 0.082, 0.165, 0.150),
    (0.45, 0.003, 0.074, 0.160, 0.145), (0.60, 0.0, 0.052, 0.115, 0.105), (0.72, 0.0, 0.030, 0.065, 0.062),
        (0.80, 0.0, 0.016, 0.045, 0.045), (0.84, 0.0, 0.006, 0.045, 0.045),
)  # fmt: skip
_FORKED = (
    (0, -0.80, 0.0, 0, -0.86, 0.0),
    (0, -0.82, 0.05, 0, -0.90, 0.03),
    (0, -0.90, 0.13, 0, -0.97, 0.11),
    (0, -1.0, 0.19, 0, -1.02, 0.185),
)


def _twin(rows: tuple[Edge, ...]) -> tuple[Edge, ...]:
    """An upper lobe turned down."""
    return tuple((a, b, -c, d, e, -f) for a, b, c, d, e, f in rows)


KINDS: dict[str, Swimmer] = {
    "fish": Swimmer(0.30, _FISH_BODY,
        ((5, _FORKED), (5, _twin(_FORKED)), (2, ((0, -0.22, 0.15, 0, -0.66, 0.09), (0, -0.30, 0.235, 0, -0.66, 0.13),
            (0, -0.42, 0.265, 0, -0.68, 0.19))),
         (3, ((0, -0.48, -0.125, 0, -0.68, -0.07), (0, -0.54, -0.20, 0, -0.68, -0.13),
             (0, -0.62, -0.235, 0, -0.69, -0.19)))),
        ((1, ((0.07, -0.24, -0.02, 0.07, -0.28, -0.07), (0.14, -0.32, -0.04, 0.12, -0.36, -0.10),
            (0.17, -0.40, -0.06, 0.15, -0.42, -0.10))),),
        (0.060, 0.105, 0.035, 0.020), ("e07b2a", "f2c46a", "d9602a"), 2.2, 0.55, 0.34,
        palettes=(("e07b2a", "f2e2b0", "d9602a"), ("2f6fb0", "9cc4dc", "e2c33a"), ("d8c23a", "f0e7b0", "d8a52a"),
            ("b8bcc4", "e8e8e6", "8a9098"), ("b5384a", "f0d0c8", "a02a40"), ("5b4a9a", "cfc4e6", "e0b83a"))),
    "koi": Swimmer(0.60, tuple((y, z, w * 1.15, t * 0.72, b * 0.75) for y, z, w, t, b in _FISH_BODY),
        ((5, tuple((a, b * 1.0, c * 0.85, d, e * 1.06, f * 0.9) for a, b, c, d, e, f in _FORKED)),
            (5, _twin(tuple((a, b, c * 0.85, d, e * 1.06, f * 0.9) for a, b, c, d, e, f in _FORKED))),
         (2, ((0, -0.28, 0.10, 0, -0.62, 0.06), (0, -0.34, 0.17, 0, -0.64, 0.10), (0, -0.42, 0.19, 0, -0.66, 0.14)))),
        ((1, ((0.08, -0.20, -0.04, 0.08, -0.25, -0.07), (0.17, -0.27, -0.06, 0.14, -0.33, -0.09),
            (0.21, -0.36, -0.07, 0.17, -0.38, -0.09))),),
        (0.062, 0.09, 0.03, 0.016), ("e2622a", "f4efe6", "f2d8c0"), 1.3, 0.4, 0.36,
        palettes=(("e2622a", "f4efe6", "f2d8c0"), ("f2eee6", "f4efe6", "e8cfc0"), ("d8932a", "f4e6c0", "e0b060"),
            ("2a2826", "e0622a", "3a3632"))),
    "shark": Swimmer(3.6, (
        (0.0, 0.01, 0.010, 0.010, 0.008), (0.03, 0.008, 0.036, 0.026, 0.026), (0.09, 0.004, 0.062, 0.050, 0.052),
            (0.20, 0.0, 0.080, 0.075, 0.078), (0.34, 0.0, 0.088, 0.090, 0.092),
        (0.50, 0.0, 0.072, 0.076, 0.075), (0.66, 0.0, 0.045, 0.050, 0.050), (0.78, 0.004, 0.024, 0.028, 0.028),
            (0.86, 0.010, 0.014, 0.020, 0.018), (0.90, 0.016, 0.006, 0.02, 0.015)),
        ((5, ((0, -0.84, 0.0, 0, -0.90, 0.0), (0, -0.88, 0.07, 0, -0.935, 0.05), (0, -0.97, 0.17, 0, -0.985, 0.15),
            (0, -1.03, 0.225, 0, -1.035, 0.22))),
         (5, ((0, -0.85, 0.01, 0, -0.90, 0.01), (0, -0.89, -0.05, 0, -0.92, -0.04),
             (0, -0.935, -0.10, 0, -0.945, -0.095))),
         (2, ((0, -0.34, 0.075, 0, -0.46, 0.072), (0, -0.40, 0.13, 0, -0.465, 0.11),
             (0, -0.455, 0.185, 0, -0.485, 0.175))),
         (4, ((0, -0.70, 0.04, 0, -0.75, 0.035), (0, -0.74, 0.065, 0, -0.765, 0.06)))),
        ((1, ((0.060, -0.27, -0.035, 0.060, -0.37, -0.04), (0.15, -0.34, -0.065, 0.13, -0.41, -0.065),
            (0.24, -0.43, -0.095, 0.22, -0.455, -0.095))),
         (4, ((0.03, -0.64, -0.03, 0.03, -0.69, -0.035), (0.065, -0.69, -0.055, 0.055, -0.715, -0.055)))),
        (0.054, 0.085, 0.014, 0.007), ("5f6d78", "dcdfdd", "566470"), 0.85, 2.0, 0.22),
    "dolphin": Swimmer(2.4, (
        (0.0, -0.015, 0.010, 0.010, 0.010), (0.03, -0.014, 0.020, 0.016, 0.016),
            (0.075, -0.010, 0.026, 0.022, 0.020), (0.10, 0.0, 0.050, 0.052, 0.040), (0.16, 0.004, 0.076, 0.075, 0.065),
        (0.28, 0.004, 0.094, 0.092, 0.092), (0.42, 0.0, 0.092, 0.094, 0.094), (0.58, 0.0, 0.066, 0.074, 0.070),
            (0.74, 0.0, 0.036, 0.048, 0.046), (0.86, 0.0, 0.018, 0.030, 0.028), (0.93, 0.0, 0.012, 0.014, 0.012)),
        ((3, ((0, -0.44, 0.082, 0, -0.58, 0.066), (0, -0.50, 0.135, 0, -0.585, 0.105),
            (0, -0.575, 0.17, 0, -0.605, 0.16))),),
        ((1, ((0.070, -0.25, -0.045, 0.070, -0.32, -0.05), (0.12, -0.32, -0.09, 0.10, -0.375, -0.09),
            (0.15, -0.41, -0.125, 0.14, -0.42, -0.12))),
         (5, ((0.0, -0.885, 0.0, 0.0, -0.965, 0.0), (0.07, -0.93, 0.0, 0.06, -0.975, 0.0),
             (0.145, -0.995, 0.0, 0.14, -1.01, 0.0)))),
        (0.070, 0.135, 0.0, 0.008), ("5d6c7a", "d5d9da", "51606d"), 1.6, 5.0, 0.22, True),
    "whale": Swimmer(13.0, (
        (0.0, 0.0, 0.020, 0.012, 0.020), (0.03, 0.0, 0.050, 0.028, 0.050), (0.12, -0.004, 0.085, 0.050, 0.090),
            (0.24, -0.004, 0.112, 0.080, 0.125), (0.38, 0.0, 0.115, 0.100, 0.125),
        (0.54, 0.0, 0.088, 0.092, 0.095), (0.70, 0.0, 0.052, 0.062, 0.060), (0.84, 0.0, 0.024, 0.034, 0.032),
            (0.93, 0.0, 0.014, 0.016, 0.014)),
        ((4, ((0, -0.62, 0.075, 0, -0.70, 0.058), (0, -0.665, 0.10, 0, -0.70, 0.085))),),
        ((1, ((0.090, -0.24, -0.07, 0.090, -0.32, -0.07), (0.20, -0.32, -0.11, 0.18, -0.385, -0.11),
            (0.33, -0.43, -0.15, 0.32, -0.455, -0.15))),
         (5, ((0.0, -0.88, 0.0, 0.0, -0.975, 0.0), (0.09, -0.935, 0.0, 0.08, -0.99, 0.0),
             (0.19, -1.01, 0.0, 0.185, -1.02, 0.0)))),
        (0.090, 0.16, -0.02, 0.005), ("35414d", "8c969c", "2f3a45"), 0.28, 2.6, 0.16, True),
}  # fmt: skip
_ORCA = replace(KINDS["dolphin"], length=6.5, colours=("14171b", "eeeeec", "121518"), beats=0.8, speed=4.0,
                middle=((3, ((0, -0.40, 0.085, 0, -0.54, 0.068), (0, -0.44, 0.17, 0, -0.525, 0.14),
                    (0, -0.50, 0.25, 0, -0.525, 0.245))),))  # fmt: skip
KINDS["orca"] = _ORCA
ALIASES = {"goldfish": "koi", "humpback": "whale"}


@lru_cache(maxsize=8)
def skeleton(kind: str) -> Rig:
    """Six bones from nose to tail; the first bears the rest from the body's middle."""
    s = KINDS[kind]
    places = [0.10, 0.24, 0.42, 0.58, 0.72, 0.85]

    def joint(k: int) -> tuple[float, float, float]:
        return 0.0, (0.42 - places[k]) * s.length, 0.0

    return rig([
        ("spine.2", "", joint(2)), ("spine.1", "spine.2", joint(2)), ("spine.0", "spine.1", joint(1)),
            ("spine.3", "spine.2", joint(3)),
        ("spine.4", "spine.3", joint(4)), ("spine.5", "spine.4", joint(5)),
            ("fin.r", "spine.1", (0.07 * s.length, 0.16 * s.length, -0.03 * s.length)),
        ("fin.l", "spine.1", (-0.07 * s.length, 0.16 * s.length, -0.03 * s.length)),
    ])  # fmt: skip


def build(kind: str, palette: Palette, grain: Grain, colours: tuple[str, str, str]) -> Mesh:
    s = KINDS[kind]
    bone = {name: i for i, name in enumerate(skeleton(kind).names)}.__getitem__
    wet = partial(paint, gloss=0.55)
    back = palette.add(wet(colours[0], pattern=MOTTLED, numbers=(9 / s.length, 0.16, 7)))
    belly, fin, dark = (
        palette.add(wet(colours[1])),
        palette.add(wet(colours[2])),
        palette.add(paint("0b0b0c", gloss=0.8)),
    )
    size = s.length
    stations = [(0, (0.42 - y) * size, z * size, w * size, t * size, b * size) for y, z, w, t, b in s.body][::-1]
    place = [row[0] for row in s.body][::-1]
    at = [float(np.interp(-y, [-q for q in place], range(len(place)))) for y in (0.85, 0.72, 0.58, 0.42, 0.24)]
    soft = [0.45 * min(b - a for a, b in pairwise(at))] * 5
    hold = Hold(tuple(bone(f"spine.{k}") for k in (5, 4, 3, 2, 1, 0)), tuple(at), tuple(soft))
    columns = grain(16, 6)
    trunk = skin(stations, grain(22, 8), columns, hold, front=UP, paint=back)
    rows = np.array(s.body) * size

    def below(middle: Doubles) -> NDArray[np.bool_]:
        line = np.interp(0.42 * size - middle[:, 1], rows[:, 0], rows[:, 1] - 0.30 * rows[:, 4])
        return np.asarray(middle[:, 2] < line)

    trunk = split(trunk, columns, belly, below)
    parts = [trunk]
    for number, outline in s.middle:
        parts.append(
            blade(_scaled(outline, size), 0.020 * size, Hold((bone(f"spine.{number}"),)), paint=fin, rows=grain(5, 3))
        )
    for number, outline in s.sides:
        name = "fin.r" if number == 1 else f"spine.{number}"
        part = blade(_scaled(outline, size), 0.022 * size, Hold((bone(name),)), paint=fin, rows=grain(5, 3))
        parts += both(part, {bone("fin.r"): bone("fin.l")})
    if grain.high:
        x, y, z, r = (v * size for v in s.eye)
        parts += both(sphere(r, 8, 6).moved(x, 0.42 * size - y, z).painted(dark).boned(bone("spine.0")))
    return joined(parts)


def _scaled(outline: tuple[Edge, ...], size: float) -> Doubles:
    rows = np.array(outline) * size
    rows[:, [1, 4]] += 0.42 * size
    return rows


@lru_cache(maxsize=32)
def clip(kind: str, motion: str) -> Clip:
    """`swim`: a wave runs down the body. `drift`: hardly any."""
    s = KINDS[kind]
    frames = 64
    strong = 1.0 if motion == "swim" else 0.35
    period = 1 / s.beats / (0.5 + 0.5 * strong)
    u = cycle(frames)
    p = Poser(skeleton(kind), frames)
    swing = s.sweep * strong
    axis = "pitch" if s.level else "yaw"

    def bend(name: str, much: float, lag: float) -> None:
        p.turn(name, **{axis: swing * much * wave(u, 1, lag)})

    sway = 0.014 * s.length * strong * wave(u, 1, 0.30)
    head = 0.16 * swing * wave(u, 1, 0.05)
    p.root(turns(head, 0.0, 0.0) if s.level else turns(0.0, 0.05 * swing * wave(u), head),
           (0.0 * u, 0.0 * u, sway) if s.level else (sway, 0.0 * u, 0.0 * u))  # fmt: skip
    bend("spine.1", -0.16, 0.0)
    bend("spine.0", -0.12, 0.95)
    bend("spine.3", 0.42, 0.22)
    bend("spine.4", 0.66, 0.36)
    bend("spine.5", 0.95, 0.50)
    for side, sign in ((".r", 1.0), (".l", -1.0)):
        p.turn(
            "fin" + side,
            roll=sign * (0.10 + 0.22 * wave(u, 1, 0.1)) * (1.0 if s.length < 1 else 0.4),
            yaw=sign * 0.10 * wave(u, 1, 0.3),
        )
    return Clip(period, s.speed * strong, p.table())


def swimmer_model(kind: str, rng: np.random.Generator, palette: Palette, grain: Grain, *, colour: str = "") -> Model:
    """A swimmer of KINDS or ALIASES about its middle."""
    name = ALIASES.get(kind, kind)
    s = KINDS[name]
    size, lot = float(rng.uniform(0.85, 1.15)), int(rng.integers(1 << 30))
    colours = s.palettes[lot % len(s.palettes)] if s.palettes else s.colours
    mesh = build(name, palette, grain, (colour, colours[1], colours[2]) if colour else colours).scaled(size)
    tall = size * s.length * max(row[3] + row[4] for row in s.body)
    return Model(kind, mesh, {m: partial(clip, name, m) for m in ("swim", "drift")}, tall, size, WATER)
