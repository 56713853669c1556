"""A humanoid machine on a man's bones: shells of metal over dark joints, a lit visor."""

from __future__ import annotations

from collections.abc import Mapping
from functools import partial

import numpy as np

from seedbed.engines.previz.bodies import person
from seedbed.engines.previz.bodies.form import Grain, Hold, both, skin
from seedbed.engines.previz.bodies.model import Model
from seedbed.engines.previz.bodies.person import ANKLE, Dress
from seedbed.engines.previz.bodies.strides import MOTIONS, clip
from seedbed.engines.previz.shapes.mesh import Mesh, joined, sphere
from seedbed.engines.previz.shapes.paint import Palette, paint

KINDS = ("robot", "android")
_SHELLS = ("d9dcdf", "c7ccd1", "3d444c", "c9a24a", "8fa3b5", "b5473a")
_LIGHTS = ("4ad0ff", "6affc0", "ff7a4a", "9ab8ff")


def robot_model(
    kind: str, rng: np.random.Generator, palette: Palette, grain: Grain, *, colour: str = "", height: float = 0.0
) -> Model:
    """One of KINDS; `colour` is its shell's."""
    lots = rng.random(3)
    shell = palette.add(paint(colour or _SHELLS[int(lots[0] * len(_SHELLS))], gloss=0.75, mirror=0.16))
    joint = palette.add(paint("22262b", gloss=0.5))
    light = _LIGHTS[int(lots[1] * len(_LIGHTS))]
    glow = palette.add(paint(light, glow=light, glow_by=1.6, gloss=0.4))
    tall = height or 1.72 + 0.22 * float(lots[2])
    mesh = _body(shell, joint, glow, grain).scaled(tall)
    return Model(kind, mesh, {m: partial(clip, "man", m) for m in MOTIONS}, tall, tall)


def _body(shell: int, joint: int, glow: int, grain: Grain) -> Mesh:
    f = person.FIGURES["man"]
    numbers = person.bone_numbers("man")
    hips, top = f.hips, 1.0 - f.head - 0.052
    rise = top - hips

    def part(name: str, stations: list[tuple[float, ...]], colour: int, power: float = 3.0, rows: int = 9) -> Mesh:
        return skin(stations, grain(rows, 4), grain(16, 5), Hold((numbers[name],)), power=power, paint=colour)

    whole = [
        part("pelvis", [(0, 0, hips - 0.045, 0.03, 0.03, 0.03), (0, 0, hips - 0.03, 0.055, 0.046, 0.05),
            (0, 0, hips + 0.03, 0.088, 0.056, 0.060), (0, 0, hips + 0.05, 0.080, 0.050, 0.054)], shell),
        part("spine", [(0, 0, hips + 0.03, 0.052, 0.042, 0.042), (0, 0, hips + 0.10, 0.046, 0.038, 0.038),
            (0, 0, hips + 0.15, 0.056, 0.044, 0.044)], joint, 2.2, 6),
        part("chest", [(0, 0, hips + 0.125, 0.060, 0.045, 0.045), (0, 0, hips + 0.15, 0.076, 0.054, 0.052),
            (0, 0, hips + 0.74 * rise, 0.104, 0.074, 0.066), (0, -0.004, hips + 0.92 * rise, 0.098, 0.062, 0.062),
                       (0, -0.008, top + 0.004, 0.062, 0.040, 0.046),
                           (0, -0.008, top + 0.010, 0.04, 0.03, 0.034)], shell, 3.4, 13),
        part("neck", [(0, -0.010, top - 0.005, 0.026, 0.026, 0.026), (0, -0.004, top + 0.035, 0.023, 0.023, 0.023),
            (0, 0.004, top + 0.075, 0.026, 0.026, 0.026)], joint, 2.0, 5),
        *_head(f.head, shell, joint, glow, grain, numbers["head"]),
        skin([(0, 0.058, hips + 0.74 * rise, 0.022, 0.022, 0.022),
            (0, 0.078, hips + 0.74 * rise, 0.020, 0.020, 0.020), (0, 0.0795, hips + 0.74 * rise, 0.004, 0.004, 0.004)],
             4, grain(16, 6), Hold((numbers["chest"],)), front=(0, 0, 1), paint=glow),
    ]  # fmt: skip
    side = [
        part
        for name, shape in (("arm", _arm), ("leg", _leg))
        for part in shape(f, shell, joint, grain, numbers)
        if name
    ]
    whole += [twin for one in side for twin in both(one, person.twins(numbers.__getitem__))]
    return joined(whole)


def _ball(at: tuple[float, float, float], radius: float, bone: int, paint_row: int, grain: Grain) -> Mesh:
    return sphere(radius, grain(12, 5), grain(8, 4)).moved(*at).painted(paint_row).boned(bone)


def _arm(f: person.Figure, shell: int, joint: int, grain: Grain, numbers: Mapping[str, int]) -> list[Mesh]:
    def span(name: str, rows: list[tuple[float, float]], colour: int) -> Mesh:
        stations = [(*person.arm_at(f, d), r, r, r) for d, r in rows]
        return skin(stations, grain(8, 4), grain(12, 5), Hold((numbers[name],)), power=2.5, paint=colour)

    dress = Dress(shell, shell, shell, shell, joint, shell, 0.31, 1.0, 1.0, 0.0)
    return [
        _ball(person.arm_at(f, 0.0), 0.043, numbers["arm.r"], shell, grain), _ball(person.arm_at(f, 0.168), 0.026,
            numbers["forearm.r"], joint, grain),
        span("arm.r", [(0.02, 0.022), (0.03, 0.030), (0.09, 0.031), (0.135, 0.026), (0.148, 0.018)], shell),
        span("forearm.r", [(0.176, 0.016), (0.19, 0.026), (0.22, 0.031), (0.28, 0.025), (0.300, 0.022),
            (0.304, 0.012)], shell),
        *person.hand(f, dress, grain, numbers.__getitem__),
    ]  # fmt: skip


def _leg(f: person.Figure, shell: int, joint: int, grain: Grain, numbers: Mapping[str, int]) -> list[Mesh]:
    x, hips, knee = f.pelvis, f.hips, f.hips * 0.545

    def span(name: str, rows: list[tuple[float, float, float]], colour: int) -> Mesh:
        stations = [(x, y, z, r, r * 1.12, r * 1.12) for z, y, r in rows]
        return skin(stations, grain(9, 4), grain(12, 5), Hold((numbers[name],)), power=2.6, paint=colour)

    dress = Dress(shell, shell, shell, shell, joint, shell, 0.31, 1.0, 1.0, 0.0)
    return [
        _ball((x, 0.0, hips), 0.050, numbers["thigh.r"], joint, grain), _ball((x, 0.006, knee), 0.034,
            numbers["shin.r"], joint, grain),
        span("thigh.r", [(hips - 0.005, 0.0, 0.030), (hips - 0.03, 0.0, 0.048), (hips - 0.12, 0.004, 0.046),
            (knee + 0.04, 0.006, 0.036), (knee + 0.022, 0.006, 0.022)], shell),
        span("shin.r", [(knee - 0.018, 0.004, 0.022), (knee - 0.04, 0.002, 0.036), (knee - 0.10, -0.003, 0.040),
            (ANKLE + 0.05, -0.004, 0.030), (ANKLE + 0.025, -0.004, 0.020)], shell),
        _ball((x, -0.004, ANKLE), 0.022, numbers["foot.r"], joint, grain), person.shoe(f, dress, grain,
            numbers.__getitem__),
    ]  # fmt: skip


def _head(size: float, shell: int, joint: int, glow: int, grain: Grain, bone: int) -> list[Mesh]:
    base = 1.0 - size
    hold = Hold((bone,))

    def rows(table: tuple[tuple[float, float, float, float], ...]) -> list[tuple[float, ...]]:
        return [(0, 0.006, base + z * size, w * size, fr * size, b * size) for z, w, fr, b in table]

    skull = rows(
        (
            (0.02, 0.14, 0.26, 0.10),
            (0.08, 0.22, 0.34, 0.20),
            (0.30, 0.30, 0.38, 0.34),
            (0.55, 0.335, 0.385, 0.42),
            (0.80, 0.30, 0.34, 0.40),
            (0.94, 0.18, 0.20, 0.24),
            (0.99, 0.05, 0.05, 0.07),
        )
    )
    visor = rows(
        (
            (0.40, 0.10, 0.30, 0.05),
            (0.43, 0.325, 0.415, -0.06),
            (0.50, 0.342, 0.425, -0.06),
            (0.60, 0.342, 0.422, -0.06),
            (0.66, 0.325, 0.405, -0.06),
            (0.69, 0.10, 0.30, 0.05),
        )
    )
    band = rows(
        ((0.515, 0.20, 0.36, -0.2), (0.525, 0.240, 0.438, -0.2), (0.565, 0.240, 0.438, -0.2), (0.575, 0.20, 0.36, -0.2))
    )
    parts = [
        skin(skull, grain(14, 5), grain(16, 6), hold, power=2.6, paint=shell),
        skin(visor, grain(7, 6), grain(16, 6), hold, power=2.4, paint=joint),
    ]
    if grain.high:
        parts.append(skin(band, 4, 16, hold, power=2.4, paint=glow))
        parts += both(_ball((0.33 * size, 0.0, base + 0.52 * size), 0.075 * size, bone, joint, grain))
    return parts
