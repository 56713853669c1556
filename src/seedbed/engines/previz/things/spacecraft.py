"""What flies beyond the air: satellites, stations, rockets, ships and saucers. Metres; the middle is the origin, ahead
is +y; rockets stand."""

from __future__ import annotations

import math
from collections.abc import Callable

import numpy as np

from seedbed.engines.previz.shapes import Palette, mesh, paint
from seedbed.engines.previz.shapes.mesh import Mesh, joined
from seedbed.engines.previz.shapes.paint import MOTTLED, TILES
from seedbed.engines.previz.things.craft import hull

SIZES_M = {"satellite": 9.5, "station": 64.0, "rocket": 44.0, "starship": 44.0, "saucer": 17.0}
"""How much of each must be seen."""


def _cells(palette: Palette) -> int:
    """Solar cells."""
    return palette.add(
        paint("1b2d6b", gloss=0.85, mirror=0.12, pattern=TILES, numbers=(0.62, 0.62, 0.75, 3), two_sided=True)
    )


def _lying(form: Mesh) -> Mesh:
    """What stood, along y."""
    return form.turned(pitch=-math.pi / 2)


def _array(palette: Palette, wide: float, long: float) -> Mesh:
    """A solar wing in the plane of x and y, `long` along x from the origin, in a frame."""
    cells, frame = _cells(palette), palette.add(paint("c9ccd0", gloss=0.6))
    half = wide / 2
    net = [[[0, -half, 0], [long, -half, 0]], [[0, half, 0], [long, half, 0]]]
    parts = [mesh.surface(net, uv=np.array([[[0, 0], [long, 0]], [[0, wide], [long, wide]]]), flat=True).painted(cells)]
    rails = [([0, y, 0], [long, y, 0]) for y in (-half, 0.0, half)] + [
        ([x, -half, 0], [x, half, 0]) for x in (0.0, long)
    ]
    parts += [mesh.tube([a, b], 0.012 * wide + 0.015, 5).painted(frame) for a, b in rails]
    return joined(parts)


def satellite(palette: Palette) -> Mesh:
    """A body in golden foil with two wings of cells and a dish; 9.5 m across."""
    foil = palette.add(paint("b8862c", gloss=0.8, mirror=0.25, pattern=MOTTLED, numbers=(5.0, 0.8, 6)))
    white = palette.add(paint("e6e7e9", gloss=0.4, two_sided=True))
    steel = palette.add(paint("8f969e", gloss=0.7, mirror=0.15))
    lamp = palette.add(paint("ff5a4a", glow="ff3a2a", glow_by=3.0))
    parts = [
        mesh.box(1.25, 1.7, 1.35).moved(0, 0, -0.68).painted(foil),
        mesh.box(1.34, 0.5, 1.42).moved(0, 0.35, -0.71).painted(steel),
    ]
    for side in (-1, 1):
        parts.append(mesh.tube([[side * 0.6, 0, 0], [side * 1.35, 0, 0]], 0.055, 8).painted(steel))
        parts.append(_array(palette, 1.55, 3.3).turned(yaw=0.0 if side > 0 else math.pi).moved(side * 1.35, 0, 0))
    bowl = [(0.85 * math.sin(a), 0.55 * (1 - math.cos(a))) for a in np.linspace(0.02, 1.15, 9)]
    parts.append(_lying(mesh.lathe(bowl[::-1], 26)).turned(yaw=math.pi, roll=0.0).moved(0, 1.0, 0.25).painted(white))
    parts += [mesh.tube([[0.55 * math.cos(a), 1.28, 0.25 + 0.55 * math.sin(a)], [0, 1.85, 0.25]], 0.018,
            5).painted(steel)
              for a in (0.5, 2.6, 4.7)]  # fmt: skip
    parts.append(mesh.sphere(0.07, 10, 7).moved(0, 1.86, 0.25).painted(steel))
    parts.append(mesh.tube([[0.3, -0.6, 0.67], [0.55, -0.9, 1.9]], 0.022, 5).painted(steel))
    parts.append(mesh.sphere(0.05, 8, 6).moved(0.55, -0.9, 1.92).painted(lamp))
    return joined(parts)


def station(palette: Palette) -> Mesh:
    """Modules in a row under a truss with eight wings of cells, and radiators; 73 m across."""
    white = palette.add(paint("dcdee0", gloss=0.35, pattern=MOTTLED, numbers=(1.2, 0.12, 4)))
    grey = palette.add(paint("9aa0a6", gloss=0.5))
    gold = palette.add(paint("b08a3c", gloss=0.7, mirror=0.15))
    pale = palette.add(paint("f2f3f4", gloss=0.2, two_sided=True))
    pane = palette.add(paint("2a2620", glow="ffd9a0", glow_by=1.4))
    parts: list[Mesh] = []

    def module(
        y: float, long: float, radius: float, tone: int, x: float = 0.0, z: float = 0.0, across: bool = False
    ) -> None:
        rows = [(radius * 0.55, -long / 2), (radius * 0.96, -long / 2 + 0.5), (radius, -long / 2 + 0.8), (radius,
                long / 2 - 0.8),
                (radius * 0.96, long / 2 - 0.5), (radius * 0.55, long / 2), (0.0, long / 2)]  # fmt: skip
        form = _lying(mesh.lathe([(0.0, -long / 2), *rows], 20))
        form = form.turned(yaw=math.pi / 2) if across else form
        parts.append(form.moved(x, y, z).painted(tone))
        for off in (-0.25, 0.25):
            ring = _lying(mesh.lathe([(radius * 1.03, -0.12), (radius * 1.03, 0.12)], 20))
            ring = ring.turned(yaw=math.pi / 2) if across else ring
            parts.append(ring.moved(x + off * long * across, y + off * long * (not across), z).painted(grey))

    for y, long, radius, tone in ((-19.0, 11.0, 2.0, white), (-9.0, 8.0, 1.9, gold), (0.0, 9.5, 2.2, white), (9.5,
            8.0, 2.2, white),
                                  (16.8, 5.5, 1.7, grey)):  # fmt: skip
        module(y, long, radius, tone)
    module(9.5, 9.0, 2.1, white, x=-6.6, across=True)
    module(9.5, 10.0, 2.1, white, x=7.1, across=True)
    module(-9.0, 6.0, 1.3, grey, x=-4.6, across=True)
    parts += [mesh.sphere(0.34, 8, 6).moved(s * 2.0, y, 0.7).painted(pane) for y in (-2.0, 1.6, 8.0) for s in (-1, 1)]
    parts += _truss(grey, pale)
    for side in (-1, 1):
        for at in (18.0, 30.5):
            for way in (-1, 1):
                wing = _array(palette, 4.6, 14.5).turned(yaw=-math.pi / 2 * way)
                parts.append(wing.turned(roll=0.12).moved(side * at, way * 1.2, 3.6))
    return joined(parts)


def _truss(grey: int, pale: int) -> list[Mesh]:
    """Four long beams with braces, and six radiators that hang from them."""
    parts = []
    corners = [(y, z) for y in (-0.8, 0.8) for z in (2.9, 4.3)]
    parts += [mesh.tube([[-36.0, y, z], [36.0, y, z]], 0.13, 6).painted(grey) for y, z in corners]
    for number, x in enumerate(np.arange(-36.0, 36.0, 2.4)):
        for k in range(4):
            (ya, za), (yb, zb) = corners[(0, 1, 3, 2)[k]], corners[(1, 3, 2, 0)[k]]
            end = x + 2.4 if (number + k) % 2 else x
            start = x if (number + k) % 2 else x + 2.4
            parts.append(mesh.tube([[start, ya, za], [end, yb, zb]], 0.06, 4).painted(grey))
    for side in (-1, 1):
        for k in range(3):
            x = side * (6.0 + 2.6 * k)
            net = [[[x - 1.1, -1.5, 2.6], [x + 1.1, -1.5, 2.6]], [[x - 1.1, -11.5, 1.2], [x + 1.1, -11.5, 1.2]]]
            parts.append(mesh.surface(net, flat=True).painted(pale))
    return parts


def rocket(palette: Palette, *, burning: bool) -> Mesh:
    """Standing on three fins, 40 m; its flame is 22 m when it is `burning`."""
    white = palette.add(paint("eceef0", gloss=0.5))
    red = palette.add(paint("b8322a", gloss=0.45, two_sided=True))
    dark = palette.add(paint("23262b", gloss=0.5, mirror=0.1))
    pane = palette.add(paint("1d3a52", gloss=0.95, mirror=0.3))
    outline = [(0.0, -19.4), (1.7, -19.4), (2.0, -18.0), (2.55, -12.0), (2.75, -4.0), (2.7, 4.0), (2.4, 10.5), (1.75,
            15.6), (0.95, 18.6),
               (0.28, 20.2), (0.0, 20.6)]  # fmt: skip
    parts = [mesh.lathe(outline, 30).painted(white)]
    for low, high, tone in (
        (13.6, 20.65, red),
        (-5.0, -3.4, red),
        (-13.5, -12.6, dark),
    ):
        rows = [
            (float(np.interp(z, [z_ for _, z_ in outline], [r for r, _ in outline])) + 0.02, z)
            for z in np.linspace(low, high, 9)
        ]
        parts.append(mesh.lathe(rows, 30).painted(tone))
    for k in range(4):
        fin = mesh.surface([[[2.2, 0, -17.5], [5.6, 0, -20.6]], [[2.5, 0, -8.5], [5.2, 0, -15.0]]], flat=True).painted(
            red
        )
        parts.append(fin.turned(yaw=k * math.pi / 2 + math.pi / 4))
    for k in range(3):
        parts.append(mesh.sphere(0.62, 12, 8).scaled(1, 0.35, 1).moved(0, -2.62, 8.6 - 3.0 * k).painted(pane))
    parts.append(mesh.lathe([(1.55, -21.0), (1.05, -19.3)], 20).painted(dark))
    if burning:
        parts += _flame(palette, 1.5, -20.8, 22.0)
    return joined(parts)


def _flame(palette: Palette, radius: float, top: float, long: float) -> list[Mesh]:
    """A jet that points down from the height `top`: a bright core in a softer hull."""
    parts = []
    for size, colour, by, clear in (
        (0.50, "fff3d0", 5.0, 0.95),
        (0.85, "ffb04a", 2.4, 0.55),
        (1.25, "ff6a1e", 1.1, 0.28),
    ):
        rows = [(0.0, -long * size), (radius * 0.55 * size, -long * 0.70 * size), (radius * 1.15 * size,
                -long * 0.30 * size),
                (radius * 1.10 * size, -long * 0.10 * size), (radius * 0.75 * size, 0.0)]  # fmt: skip
        tone = palette.add(paint(colour, glow=colour, glow_by=by, opacity=clear))
        parts.append(mesh.lathe(rows, 18).moved(0, 0, top).painted(tone))
    return parts


def starship(palette: Palette) -> Mesh:
    """A long hull with swept wings, a bridge with lit windows and four blue engines; 42 m."""
    pale = palette.add(paint("b9bfc6", gloss=0.55, pattern=TILES, numbers=(2.6, 1.4, 0.35, 5)))
    dark = palette.add(paint("3a4048", gloss=0.5, pattern=TILES, numbers=(1.6, 0.9, 0.4, 6)))
    trim = palette.add(paint("a83a2c", gloss=0.4))
    pane = palette.add(paint("20303c", glow="bfe4ff", glow_by=1.8, gloss=0.9))
    jet = palette.add(paint("bfe8ff", glow="5ab8ff", glow_by=4.5))
    trail = palette.add(paint("6ac4ff", glow="3a9aff", glow_by=1.3, opacity=0.30))
    parts = [hull([(-20, 5.2, 3.6, -1.8), (-17, 7.6, 4.8, -2.4), (-6, 8.0, 5.0, -2.5), (6, 6.0, 4.0, -2.0), (15, 3.4,
            2.2, -1.2),
                   (21.5, 0.7, 0.6, -0.5)], 3.2, 24).painted(pale)]  # fmt: skip
    parts.append(
        hull([(-15, 3.0, 1.8, 2.2), (-12, 3.8, 2.6, 2.0), (-4, 3.2, 2.0, 1.9), (3.0, 1.4, 0.6, 1.4)], 3.0, 18).painted(
            dark
        )
    )
    parts += [mesh.box(0.9, 0.7, 0.34).moved(x, -0.8 + 0.25 * abs(x), 3.05).painted(pane) for x in (-1.0, 0.0, 1.0)]
    for side in (-1, 1):
        thick = np.array([[0.0, 0.0], [0.3, 0.5], [0.7, 0.35], [1.0, 0.0], [0.7, -0.3], [0.3, -0.4]])
        rings = [[[side * x, y - long * back, z + deep * up] for back, up in thick]
                 for y, x, z, long, deep in ((3.0, 3.0, -0.4, 17.0, 1.8), (-9.0, 13.5, -1.6, 8.0, 0.8), (-12.5, 15.0,
                         -1.7, 4.5, 0.5))]  # fmt: skip
        order = 1 if side < 0 else -1
        parts.append(mesh.loft([ring[::order] for ring in rings]).painted(dark))
        parts.append(mesh.box(0.5, 9.0, 0.9).moved(side * 14.4, -13.5, -2.1).painted(trim))
        for x, z in ((2.1, 0.9), (2.4, -1.1)):
            pod = _lying(mesh.lathe([(0.0, -2.2), (1.0, -2.2), (1.25, -0.8), (1.25, 1.8), (0.8, 3.2), (0.0, 3.4)], 18))
            parts.append(pod.moved(side * x, -19.5, z).painted(dark))
            parts.append(
                _lying(mesh.lathe([(0.92, -2.32), (0.0, -2.32)][::-1], 18)).moved(side * x, -19.5, z).painted(jet)
            )
            parts.append(mesh.sphere(0.85, 14, 8).scaled(1, 0.4, 1).moved(side * x, -21.7, z).painted(jet))
            plume = [(0.0, -9.0), (0.35, -6.0), (0.75, -2.0), (0.8, 0.0)]
            parts.append(_lying(mesh.lathe(plume, 12)).moved(side * x, -21.8, z).painted(trail))
        for y in np.arange(-14.0, 8.0, 1.7):
            wide = float(np.interp(y, (-17, -6, 6, 15), (3.8, 4.0, 3.0, 1.7)))
            parts.append(mesh.box(0.12, 0.55, 0.22).moved(side * wide * 0.985, float(y), 0.35).painted(pane))
    return joined(parts)


def saucer(palette: Palette) -> Mesh:
    """A disc under a dome, with lamps round its rim; 16 m across."""
    steel = palette.add(paint("aab2ba", gloss=0.85, mirror=0.25))
    dark = palette.add(paint("3c434b", gloss=0.7, mirror=0.15))
    dome = palette.add(paint("9fe0d0", glow="5affd0", glow_by=0.35, gloss=0.95, opacity=0.55))
    beam = palette.add(paint("d8fff2", glow="9affe0", glow_by=3.5))
    disc = [
        (0.0, -1.5),
        (2.2, -1.5),
        (4.2, -1.0),
        (6.6, -0.45),
        (7.9, 0.0),
        (7.7, 0.18),
        (5.6, 0.75),
        (3.4, 1.25),
        (2.7, 1.4),
        (0.0, 1.4),
    ]
    parts = [mesh.lathe(disc, 48).painted(steel), mesh.lathe([(7.0, -0.38), (7.95, -0.02)], 48).painted(dark)]
    parts.append(mesh.lathe([(2.6, 1.35), (2.4, 2.3), (1.7, 3.1), (0.8, 3.5), (0.0, 3.6)], 28).painted(dome))
    parts.append(mesh.sphere(0.7, 12, 8).moved(0, 0, 1.9).painted(dark))
    for k in range(18):
        turn = 2 * math.pi * k / 18
        parts.append(mesh.sphere(0.26, 8, 6).moved(6.9 * math.cos(turn), 6.9 * math.sin(turn), -0.42).painted(beam))
    parts.append(mesh.lathe([(0.0, -1.62), (1.7, -1.62), (1.9, -1.45)], 24).painted(beam))
    return joined(parts)


BUILDERS: dict[str, Callable[[Palette], Mesh]] = {
    "satellite": satellite, "station": station, "rocket": lambda palette: rocket(palette, burning=True),
            "starship": starship,
    "saucer": saucer,
}  # fmt: skip
"""All of them by name; rockets burn."""
