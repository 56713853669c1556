"""Things that travel: trains, ships, planes, balloons, built of lofts and lathes. Metres; ahead is +y."""

from __future__ import annotations

import math
from dataclasses import replace

import numpy as np
from numpy.typing import NDArray

from seedbed.engines.previz.shapes import Palette, mesh, paint
from seedbed.engines.previz.shapes.mesh import Mesh, joined
from seedbed.engines.previz.shapes.paint import STREAKS, WINDOWS

Array = NDArray[np.float64]

CARRIAGE_M = 18.0
"""Length of one carriage of a train, with its gap."""


def section(width: float, height: float, power: float, count: int = 20) -> Array:
    """(count, 2): a rounded box as a closed outline, counterclockwise, its lowest point at 0; `power` 2 is an ellipse,
    more is squarer."""
    turn = 2 * np.pi * (np.arange(count) + 0.5) / count
    x = np.sign(np.cos(turn)) * np.abs(np.cos(turn)) ** (2 / power) * width / 2
    z = np.sign(np.sin(turn)) * np.abs(np.sin(turn)) ** (2 / power) * height / 2 + height / 2
    return np.stack([x, z], 1)


def hull(stations: list[tuple[float, float, float, float]], power: float = 4.0, count: int = 20) -> Mesh:
    """A skin along y over rounded boxes: (y, width, height, lowest z) for each, from the stern to the bow."""
    rings = []
    for y, width, height, low in stations:
        outline = section(width, height, power, count)
        rings.append(np.column_stack([outline[:, 0], np.full(count, y), outline[:, 1] + low]))
    # Columns must run to the right seen from outside; about +y that is the other way round.
    return mesh.loft([ring[::-1] for ring in rings])


def carriage(palette: Palette, *, glass: bool, lit: float, colour: str, nose: bool) -> Mesh:
    """One carriage on its wheels, its middle over the origin; `nose` gives it a driver's end ahead."""
    body = palette.add(
        paint("c8e4ee", gloss=0.95, mirror=0.75, opacity=0.34) if glass else paint(colour, gloss=0.6, mirror=0.12)
    )
    frame = palette.add(paint("e8eef2" if glass else "d8d4c8", gloss=0.8, mirror=0.4))
    panes = palette.add(paint("20262c", gloss=0.95, mirror=0.6, glow="ffd9a0", glow_by=lit))
    dark = palette.add(paint("1c1d20", gloss=0.3))
    seats = palette.add(paint("9a2f2a", gloss=0.1))
    light = palette.add(paint("fff2d8", glow="ffe2b0", glow_by=max(lit, 0.6)))
    half = CARRIAGE_M / 2 - 0.35
    ends = [(-half, 2.6, 2.9, 0.95), (-half + 0.25, 2.95, 3.2, 0.9)]
    if nose:
        ahead = [
            (half - 4.5, 2.95, 3.2, 0.9),
            (half - 2.0, 2.85, 2.75, 0.9),
            (half - 0.6, 2.4, 1.9, 0.9),
            (half, 1.5, 1.1, 0.95),
        ]
    else:
        ahead = [(half - 0.25, 2.95, 3.2, 0.9), (half, 2.6, 2.9, 0.95)]
    parts = [hull(ends + ahead, 5.0).painted(body)]
    long = 2 * half - (5.2 if nose else 1.2)
    middle = -half + 0.6 + long / 2
    if glass:
        parts += [mesh.box(0.9, 0.8, 1.0).moved(side, y, 1.25).painted(seats)
                  for side in (-0.85, 0.85) for y in np.arange(middle - long / 2 + 1, middle + long / 2,
                      1.7)]  # fmt: skip
        parts += [_arch(y).painted(frame) for y in np.arange(middle - long / 2, middle + long / 2 + 0.1, 2.4)]
        parts += [
            mesh.box(0.12, long, 0.12).moved(x, middle, z).painted(frame)
            for x, z in ((-1.42, 2.2), (1.42, 2.2), (0, 4.06))
        ]
        parts.append(mesh.box(0.3, long * 0.95, 0.06).moved(0, middle, 3.75).painted(light))
    else:
        parts += [mesh.box(0.06, long * 0.96, 0.95).moved(side, middle, 2.35).painted(panes) for side in (-1.47, 1.47)]
        parts += [mesh.box(0.05, long * 0.98, 0.16).moved(side, middle, 1.55).painted(frame) for side in (-1.48, 1.48)]
        if nose:
            parts.append(mesh.box(1.7, 0.1, 0.7).turned(pitch=-0.75).moved(0, half - 1.25, 2.6).painted(panes))
    parts.append(mesh.box(2.7, 2 * half - 0.8, 0.35).moved(0, 0, 0.75).painted(dark))
    for y in (-half + 2.6, half - 2.6 - (1.0 if nose else 0.0)):
        parts.append(mesh.box(2.3, 3.0, 0.5).moved(0, y, 0.35).painted(dark))
        parts += [mesh.cylinder(0.45, 0.14, 12).turned(roll=math.pi / 2).moved(x, y + off, 0.45).painted(dark)
                  for x in (-0.85, 0.72) for off in (-0.95, 0.95)]  # fmt: skip
    if nose:
        lamp = palette.add(paint("ffffff", glow="fff4dc", glow_by=4.0))
        parts += [mesh.sphere(0.17, 8, 6).moved(x, half - 0.35, 1.35).painted(lamp) for x in (-0.5, 0.5)]
    return joined(parts)


def _arch(y: float) -> Mesh:
    """A rib over a glass roof."""
    turn = np.linspace(0, np.pi, 9)
    rib = np.stack([-np.cos(turn) * 1.48, np.full(9, y), 2.15 + np.sin(turn) ** 0.6 * 1.95], 1)
    rib = np.concatenate([[[-1.46, y, 0.95]], rib, [[1.46, y, 0.95]]])
    return mesh.tube(rib, 0.06, 6)


def sailboat(palette: Palette, *, colour: str) -> Mesh:
    """A two-masted yacht of 16 m with its sails set, floating at 0."""
    white, deck = (
        palette.add(paint(colour, gloss=0.5)),
        palette.add(paint("b58a58", pattern=STREAKS, numbers=(6, 0.25, 3))),
    )
    sail = palette.add(paint("f6efe2", gloss=0.05, two_sided=True))
    spar = palette.add(paint("7a5532", gloss=0.3))
    parts = [hull([(-7.6, 2.0, 1.5, 0.1), (-6.0, 3.2, 2.3, -0.7), (0.0, 4.2, 2.7, -1.0), (4.0, 3.2, 2.7, -0.9),
                   (7.0, 1.2, 2.3, -0.3), (8.4, 0.15, 1.3, 0.9)], 2.6).painted(white)]  # fmt: skip
    parts.append(mesh.box(2.7, 10.5, 0.1).moved(0, -0.8, 1.62).painted(deck))
    parts.append(mesh.box(1.8, 3.6, 0.75).moved(0, -1.2, 1.65).painted(white))
    for y, tall in ((1.8, 15.0), (-4.6, 10.5)):
        parts.append(mesh.tube([[0, y, 1.5], [0, y, tall]], [0.14, 0.06], 8).painted(spar))
        parts.append(mesh.tube([[0.15, y - 0.2, 2.7], [1.0, y - 0.36 * tall, 2.7]], 0.08, 6).painted(spar))
        parts.append(
            _sail((0.05, y - 0.15, tall - 0.4), (0.1, y - 0.2, 2.9), (1.0, y - 0.36 * tall, 2.9), 0.7).painted(sail)
        )
    parts.append(_sail((0.02, 1.9, 13.4), (0.0, 8.2, 2.0), (0.7, 2.4, 2.6), 0.8).painted(sail))
    return joined(parts)


def _sail(head: tuple[float, ...], tack: tuple[float, ...], clew: tuple[float, ...], belly: float) -> Mesh:
    """A bellied triangle of cloth."""
    a, b, c = (np.array(p, np.float64) for p in (head, tack, clew))
    rows = 10
    net = []
    for i in range(rows + 1):
        t = i / rows
        left, right = b + (a - b) * t, c + (a - c) * t
        line = [left + (right - left) * s + np.array([belly, 0,
            0]) * math.sin(math.pi * s) * math.sin(math.pi * min(t + 0.15, 1))
                for s in np.linspace(0, 1, 9)]  # fmt: skip
        net.append(line)
    return mesh.surface(net)


def liner(palette: Palette, *, lit: float) -> Mesh:
    """A passenger ship of 120 m, floating at 0."""
    white = palette.add(paint("f2f2ee", gloss=0.4))
    rows = palette.add(
        paint("f0efe9", gloss=0.5, pattern=WINDOWS, numbers=(2.4, 2.6, 0.35 + 0.5 * (lit > 0.3), 0.5 * lit, 11))
    )
    navy = palette.add(paint("1d2c47", gloss=0.5))
    red = palette.add(paint("b03a2a", gloss=0.4))
    parts = [hull([(-58, 12, 9, -1.5), (-50, 17, 11, -2.5), (20, 18, 11, -2.5), (44, 12, 12, -2.0), (58, 3, 11, 0.5),
                   (63, 0.5, 4, 8.0)], 5.0).painted(navy)]  # fmt: skip
    for level, (length, wide) in enumerate(((88, 15.5), (82, 15), (70, 14), (52, 13))):
        parts.append(mesh.box(wide, length, 2.8).moved(0, -10 + level * 1.5, 8.4 + 2.9 * level).painted(rows))
    parts.append(mesh.box(14, 7, 3).moved(0, 22, 17.1).painted(white))
    for y in (-22.0, -4.0):
        parts.append(mesh.lathe([(2.6, 0), (2.5, 8), (0, 8)], 16).turned(pitch=0.12).moved(0, y, 19.5).painted(red))
    return joined(parts)


def airliner(palette: Palette) -> Mesh:
    """Of 38 m, its middle at the origin."""
    white, grey = (
        palette.add(paint("f4f5f7", gloss=0.7, mirror=0.1)),
        palette.add(paint("b9c0c8", gloss=0.6, mirror=0.1, two_sided=True)),
    )
    blue, dark = (
        palette.add(paint("24508f", gloss=0.6, two_sided=True)),
        palette.add(paint("26292d", gloss=0.8, mirror=0.4)),
    )
    parts = [hull([(-19, 0.5, 0.6, 1.2), (-13, 2.2, 2.4, 0.1), (-6, 3.7, 3.8, -1.9), (11, 3.7, 3.8, -1.9),
        (15.5, 2.9, 2.9, -1.7),
                   (18, 1.5, 1.5, -1.2), (18.9, 0.4, 0.4, -0.7)], 2.0, 24).painted(white)]  # fmt: skip
    for side in (-1, 1):
        parts.append(_wing(side, (5.0, -1.0, -0.9), (-4.5, 17.0, 0.7), 6.0, 1.6).painted(grey))
        parts.append(_wing(side, (-14.0, 0.5, 0.9), (-17.5, 6.6, 1.4), 2.8, 1.1).painted(grey))
        engine = mesh.lathe([(0.7, -1.6), (1.05, -0.8), (1.15, 1.2), (0.95, 1.6), (0.5, 1.5), (0, 1.3)], 16)
        parts.append(engine.turned(pitch=-math.pi / 2).moved(side * 5.8, 3.6, -2.1).painted(white))
        parts.append(mesh.box(0.05, 20.0, 0.36).moved(side * 1.80, 1.0, 0.4).painted(dark))
    fin = mesh.surface([[[0.12, -13.0, 1.6], [0.12, -17.5, 1.6]], [[0.04, -17.2, 7.2], [0.04, -19.6, 7.2]]])
    parts.append(fin.painted(blue))
    return joined(parts)


def _wing(
    side: int, root: tuple[float, float, float], tip: tuple[float, float, float], chord: float, end: float
) -> Mesh:
    """A thin swept wing: root and tip are (y of the leading edge, distance from the middle, z)."""
    thick = np.array([[0.0, 0.0], [0.25, 0.5], [0.6, 0.35], [1.0, 0.0], [0.6, -0.1], [0.25, -0.2]])
    rings = []
    for (y, out, z), length, deep in ((root, chord, 0.11 * chord), (tip, end, 0.08 * end)):
        rings.append([[side * out, y - length * back, z + deep * up] for back, up in thick])
    order = 1 if side < 0 else -1
    return mesh.loft([ring[::order] for ring in rings])


def balloon(palette: Palette, *, colours: tuple[str, ...]) -> Mesh:
    """A hot air balloon, 22 m from basket to crown; the origin is under the basket."""
    heights = np.linspace(0, 1, 15)
    radius = 8.0 * np.sin(np.pi * (1.0 - 0.93 * (1.0 - heights) ** 0.95) ** 1.75) ** 0.8
    outline = [(max(float(r), 0.05), 4.6 + 17.4 * float(h)) for r, h in zip(radius, heights, strict=True)]
    outline[0] = (2.0, outline[0][1])
    outline[-1] = (0.0, outline[-1][1])
    shell = mesh.lathe(outline, 32)
    paints = [palette.add(paint(colour, gloss=0.25, two_sided=True)) for colour in colours]
    middle = shell.points[shell.faces].mean(1)
    gore = (np.arctan2(middle[:, 1], middle[:, 0]) / (2 * np.pi) * 16).astype(int) % len(paints)
    band = ((middle[:, 2] > 12.4) & (middle[:, 2] < 14.6)).astype(int)
    chosen = np.array(paints, np.int32)[(gore + band) % len(paints)]
    parts = [replace(shell, paint=chosen)]
    wicker = palette.add(paint("8a5a2c", pattern=STREAKS, numbers=(14, 0.5, 5)))
    rope = palette.add(paint("3a2c20"))
    flame = palette.add(paint("ffb050", glow="ff9a3c", glow_by=3.0))
    parts.append(mesh.box(1.5, 1.5, 1.15).painted(wicker))
    parts += [
        mesh.tube([[x * 0.7, y * 0.7, 1.1], [x * 1.4, y * 1.4, 4.7]], 0.035, 5).painted(rope)
        for x in (-1, 1)
        for y in (-1, 1)
    ]
    parts.append(mesh.cone(0.22, 1.3, 8).moved(0, 0, 2.5).painted(flame))
    return joined(parts)
