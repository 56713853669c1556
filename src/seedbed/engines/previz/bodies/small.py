"""Jellyfish, turtles and butterflies."""

from __future__ import annotations

from functools import lru_cache, partial

import numpy as np

from seedbed.engines.previz.bodies.form import UP, Grain, Hold, blade, both, skin, split
from seedbed.engines.previz.bodies.gait import cycle, keyed, wave
from seedbed.engines.previz.bodies.model import AIR, WATER, Model
from seedbed.engines.previz.bodies.rig import Clip, Poser, Rig, paired, rig, turns
from seedbed.engines.previz.shapes.mesh import Mesh, joined, lathe, sphere
from seedbed.engines.previz.shapes.paint import MOTTLED, TILES, Palette, paint

_JELLIES = ("d98ac0", "8ab8e6", "e6b98a", "a68ae6", "7fd9d0")
_WINGS = ("e0822a", "3f7fd0", "e6c23a", "d9d4c8", "c23f5a", "4aa67a")


@lru_cache(maxsize=1)
def _jelly_rig() -> Rig:
    return rig(
        [
            ("bell", "", (0, 0, 0)),
            *[(f"arm.{k}", f"arm.{k - 1}" if k else "bell", (0, 0, -0.06 - 0.22 * k)) for k in range(4)],
        ]
    )


def _jelly(palette: Palette, grain: Grain, colour: str) -> Mesh:
    bell = palette.add(paint(colour, glow=colour, glow_by=0.16, gloss=0.7, opacity=0.55, two_sided=True))
    inner = palette.add(paint(colour, glow=colour, glow_by=0.30, gloss=0.3))
    dome = [
        (0.0, 0.165),
        (0.07, 0.155),
        (0.13, 0.120),
        (0.17, 0.062),
        (0.182, 0.0),
        (0.172, -0.038),
        (0.150, -0.030),
        (0.125, 0.03),
        (0.07, 0.075),
        (0.0, 0.09),
    ]
    cup = lathe(dome[::-1], grain(20, 8))
    cup = _outward(cup).painted(bell).boned(0)
    heart = sphere(0.055, grain(12, 5), grain(7, 4)).scaled(1, 1, 0.7).moved(0, 0, 0.055).painted(inner).boned(0)
    parts = [cup, heart]
    hold = Hold((0, 1, 2, 3, 4), (0.4, 2.0, 4.0, 6.0), (0.5, 0.9, 0.9, 0.9))
    for k in range(grain(4, 2)):
        turn = 2 * np.pi * k / grain(4, 2) + 0.4
        stations = [
            (
                0.035 * np.cos(turn) * (1 + 0.25 * i) + 0.012 * np.sin(1.9 * i + k),
                0.035 * np.sin(turn) * (1 + 0.25 * i) + 0.012 * np.cos(2.3 * i),
                0.03 - 0.10 * i,
                0.03 * (1 - i / 8),
                0.018 * (1 - i / 8),
                0.018 * (1 - i / 8),
            )
            for i in range(8)
        ]
        parts.append(skin(stations[::-1], grain(14, 5), grain(6, 4), _flipped(hold, 7), paint=inner))
    for k in range(grain(14, 5)):
        turn = 2 * np.pi * k / grain(14, 5)
        long = 0.085 + 0.035 * np.sin(k * 2.4)
        stations = [
            (
                0.158 * np.cos(turn) * (1 - 0.05 * i),
                0.158 * np.sin(turn) * (1 - 0.05 * i),
                -0.03 - long * i,
                0.0045,
                0.0045,
                0.0045,
            )
            for i in range(8)
        ]
        parts.append(skin(stations[::-1], grain(8, 4), 3, _flipped(hold, 7), paint=inner))
    return joined(parts)


def _flipped(hold: Hold, last: int) -> Hold:
    """For stations from the bottom up."""
    return Hold(hold.bones[::-1], tuple(last - a for a in hold.at[::-1]), hold.soft[::-1])


def _outward(mesh: Mesh) -> Mesh:
    corners = mesh.points[mesh.faces]
    if np.einsum("ij,ij->i", corners[:, 0], np.cross(corners[:, 1], corners[:, 2])).sum() > 0:
        return mesh
    return Mesh(mesh.points, -mesh.normals, mesh.uv, mesh.faces[:, ::-1].copy(), mesh.paint, mesh.bones, mesh.weights)


@lru_cache(maxsize=2)
def _jelly_clip(motion: str) -> Clip:
    """The bell closes fast and opens slowly; what trails sways after it."""
    frames, period = 96, 2.6 if motion == "swim" else 5.0
    u = cycle(frames)
    p = Poser(_jelly_rig(), frames)
    squeeze = keyed(u, {0.0: 0.0, 0.22: 1.0, 0.75: 0.0}) * (1.0 if motion == "swim" else 0.5)
    p.root(turns(0.05 * wave(u), 0.05 * wave(u, 1, 0.25)), (0.0, 0.0, 0.05 * wave(u, 1, 0.3)))
    p.stretch("bell", 1.06 - 0.26 * squeeze, 1.06 - 0.26 * squeeze, 0.96 + 0.20 * squeeze)
    for k in range(4):
        p.turn(f"arm.{k}", pitch=0.13 * wave(u, 1, 0.16 * k + 0.1), roll=0.11 * wave(u, 1, 0.16 * k + 0.4))
        p.stretch(f"arm.{k}", 1.0 - 0.12 * squeeze, 1.0 - 0.12 * squeeze, 1.0)
    return Clip(period, 0.22, p.table())


@lru_cache(maxsize=1)
def _turtle_rig() -> Rig:
    return rig([("shell", "", (0, 0, 0)), ("head", "shell", (0, 0.40, 0.0)), *paired([
        ("fore.r", "shell", (0.24, 0.26, -0.03)), ("fin.r", "fore.r", (0.42, 0.22, -0.03)),
            ("hind.r", "shell", (0.18, -0.34, -0.03))])])  # fmt: skip


def _turtle(palette: Palette, grain: Grain, colour: str) -> Mesh:
    shell = palette.add(paint(colour, gloss=0.45, pattern=TILES, numbers=(0.17, 0.15, 0.45, 5)))
    flesh = palette.add(paint("7d8a5c", gloss=0.35, pattern=MOTTLED, numbers=(16, 0.35, 4)))
    belly, dark = palette.add(paint("d9cf9c", gloss=0.3)), palette.add(paint("0c0c0a", gloss=0.8))
    stations = [(0, -0.50, -0.02, 0.03, 0.02, 0.02), (0, -0.46, -0.01, 0.12, 0.05, 0.04),
        (0, -0.34, 0.0, 0.25, 0.12, 0.07), (0, -0.10, 0.0, 0.355, 0.185, 0.09), (0, 0.14, 0.0, 0.365, 0.185, 0.09),
                (0, 0.32, 0.0, 0.27, 0.135, 0.075), (0, 0.42, 0.0, 0.15, 0.07, 0.05),
                    (0, 0.45, 0.0, 0.05, 0.02, 0.02)]  # fmt: skip
    columns = grain(18, 7)
    parts = [
        split(
            skin(stations, grain(14, 6), columns, Hold((0,)), front=UP, paint=shell),
            columns,
            belly,
            lambda m: np.asarray(m[:, 2] < -0.02),
        )
    ]
    head = [
        (0, 0.34, -0.01, 0.07, 0.06, 0.06),
        (0, 0.46, 0.0, 0.065, 0.055, 0.055),
        (0, 0.54, 0.015, 0.078, 0.066, 0.062),
        (0, 0.62, 0.015, 0.068, 0.058, 0.05),
        (0, 0.68, 0.0, 0.035, 0.035, 0.03),
        (0, 0.70, -0.01, 0.01, 0.01, 0.01),
    ]
    parts.append(skin(head, grain(10, 5), grain(12, 5), Hold((0, 1), (0.8,), (0.7,)), front=UP, paint=flesh))
    parts += both(sphere(0.014, 7, 5).moved(0.068, 0.60, 0.03).painted(dark).boned(1))
    bone = _turtle_rig().at
    fore = [
        (0.20, 0.36, -0.03, 0.20, 0.16, -0.03),
        (0.34, 0.37, -0.03, 0.32, 0.17, -0.03),
        (0.50, 0.29, -0.03, 0.44, 0.12, -0.03),
        (0.66, 0.12, -0.03, 0.58, 0.02, -0.03),
        (0.76, -0.06, -0.03, 0.72, -0.08, -0.03),
    ]
    swap = {bone(f"{n}.r"): bone(f"{n}.l") for n in ("fore", "fin", "hind")}
    parts += both(
        blade(fore, 0.035, Hold((bone("fore.r"), bone("fin.r")), (1.6,), (0.9,)), paint=flesh, rows=grain(9, 4)), swap
    )
    hind = [
        (0.12, -0.30, -0.03, 0.14, -0.42, -0.03),
        (0.22, -0.36, -0.03, 0.20, -0.50, -0.03),
        (0.28, -0.48, -0.03, 0.22, -0.60, -0.03),
    ]
    parts += both(blade(hind, 0.03, Hold((bone("hind.r"),)), paint=flesh, rows=grain(5, 3)), swap)
    return joined(parts)


@lru_cache(maxsize=2)
def _turtle_clip(motion: str) -> Clip:
    frames, period, strong = 72, 2.4 if motion == "swim" else 4.0, 1.0 if motion == "swim" else 0.4
    u = cycle(frames)
    p = Poser(_turtle_rig(), frames)
    p.root(turns(0.06 * wave(u, 1, 0.3) * strong), (0.0, 0.0, -0.03 * wave(u, 1, 0.1) * strong))
    p.turn("head", pitch=0.10 * wave(u, 1, 0.5), yaw=0.10 * wave(u, 1, 0.2))
    for side, sign in ((".r", 1.0), (".l", -1.0)):
        p.turn(
            "fore" + side,
            roll=-sign * 0.75 * strong * wave(u),
            yaw=sign * 0.30 * strong * wave(u, 1, 0.25),
            pitch=0.25 * strong * wave(u, 1, 0.25),
        )
        p.turn("fin" + side, roll=-sign * 0.45 * strong * wave(u, 1, 0.18))
        p.turn("hind" + side, roll=-sign * 0.30 * wave(u, 1, 0.5), yaw=sign * 0.2 * wave(u, 1, 0.25))
    return Clip(period, 0.8 * strong, p.table())


@lru_cache(maxsize=1)
def _fly_rig() -> Rig:
    return rig([("body", "", (0, 0, 0)), *paired([("wing.r", "body", (0.003, 0.004, 0.003))])])


def _butterfly(palette: Palette, grain: Grain, colour: str) -> Mesh:
    wing = palette.add(paint(colour, gloss=0.2, two_sided=True, glow=colour, glow_by=0.06))
    dark = palette.add(paint("17120f", gloss=0.2, two_sided=True))
    body = [
        (0, -0.022, 0, 0.0006, 0.0006, 0.0006),
        (0, -0.012, 0, 0.0026, 0.0026, 0.0026),
        (0, 0.0, 0, 0.0028, 0.0028, 0.0028),
        (0, 0.006, 0, 0.0040, 0.0040, 0.0040),
        (0, 0.013, 0, 0.0032, 0.0032, 0.0032),
        (0, 0.018, 0, 0.0026, 0.0026, 0.0026),
        (0, 0.0205, 0, 0.0008, 0.0008, 0.0008),
    ]
    parts = [skin(body, grain(12, 5), grain(10, 4), Hold((0,)), front=UP, paint=dark)]
    bone = _fly_rig().at
    fore = [
        (0.002, 0.010, 0.003, 0.002, 0.002, 0.003),
        (0.018, 0.026, 0.004, 0.020, -0.002, 0.003),
        (0.036, 0.040, 0.004, 0.038, 0.001, 0.003),
        (0.048, 0.044, 0.004, 0.046, 0.012, 0.003),
        (0.054, 0.040, 0.003, 0.052, 0.026, 0.003),
    ]
    hind = [
        (0.002, 0.003, 0.002, 0.002, -0.006, 0.002),
        (0.018, 0.002, 0.002, 0.012, -0.024, 0.002),
        (0.034, 0.000, 0.002, 0.022, -0.036, 0.002),
        (0.041, -0.010, 0.002, 0.032, -0.034, 0.002),
        (0.042, -0.018, 0.002, 0.039, -0.026, 0.002),
    ]
    swap = {bone("wing.r"): bone("wing.l")}
    for outline in (fore, hind):
        for size, paint_row, lift in ((1.0, dark, 0.0), (0.86, wing, 0.0007)):
            middle = np.array([0.012, outline[0][1] * 0.6, 0.0] * 2)
            rows = middle + (np.array(outline) - middle) * size
            rows[:, [2, 5]] = 0.003
            for sign in (1, -1) if lift else (0,):
                flat = rows.copy()
                flat[:, [2, 5]] += sign * lift
                made = blade(
                    flat.tolist(),
                    0.0005 if lift else 0.0009,
                    Hold((bone("wing.r"),)),
                    paint=paint_row,
                    rows=grain(8, 4),
                )
                parts += both(made, swap)
    return joined(parts)


@lru_cache(maxsize=2)
def _fly_clip(motion: str) -> Clip:
    frames, period = 48, 0.16 if motion == "fly" else 2.6
    u = cycle(frames)
    p = Poser(_fly_rig(), frames)
    lift = 0.35 + 0.95 * np.cos(2 * np.pi * u) if motion == "fly" else 0.75 + 0.55 * np.cos(2 * np.pi * u)
    p.root(
        turns(0.25 + 0.05 * wave(u)) if motion == "fly" else turns(),
        (0.0, 0.0, -0.006 * np.cos(2 * np.pi * u) * (motion == "fly")),
    )
    for side, sign in ((".r", 1.0), (".l", -1.0)):
        p.turn("wing" + side, roll=-sign * lift)
    return Clip(period, 1.4 if motion == "fly" else 0.0, p.table())


_PARTS = {
    "jellyfish": (_jelly, _jelly_clip, ("swim", "drift"), _JELLIES, WATER, 0.34, 1.0),
    "turtle": (_turtle, _turtle_clip, ("swim", "drift"), ("5c5a34", "6b4f2e", "4a5a3a"), WATER, 0.30, 1.0),
    "butterfly": (_butterfly, _fly_clip, ("fly", "rest"), _WINGS, AIR, 0.06, 1.0),
}
KINDS = tuple(_PARTS)


def small_model(
    kind: str, rng: np.random.Generator, palette: Palette, grain: Grain, *, colour: str = "", size: float = 1.0
) -> Model:
    """A creature of KINDS about its middle."""
    build, clip, motions, colours, medium, height, scale = _PARTS[kind]
    lot = int(rng.integers(1 << 30))
    own = scale * size * float(rng.uniform(0.8, 1.2))
    mesh = build(palette, grain, colour or colours[lot % len(colours)]).scaled(own)
    return Model(kind, mesh, {m: partial(clip, m) for m in motions}, height * own, own, medium)
