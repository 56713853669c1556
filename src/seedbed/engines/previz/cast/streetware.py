"""What a street has for a shot's sake: a tram on its track, a flower stall, a football. Metres; streets run along y."""

from __future__ import annotations

import math

import numpy as np

from seedbed.engines.previz.cast.fires import PETALS, flower
from seedbed.engines.previz.cast.scenery import Traveller
from seedbed.engines.previz.cast.staging import Mark
from seedbed.engines.previz.shapes import Actor, Palette, Prop, mesh, paint
from seedbed.engines.previz.shapes.mesh import Mesh, joined, placed, rotation
from seedbed.engines.previz.shapes.paint import STREAKS, STRIPES
from seedbed.engines.previz.things.craft import hull

_SECTION_M = 9.6
_LIVERIES = (("b3302a", "efe6d2"), ("1f5a8c", "f0efe9"), ("2f6b45", "efe8d6"), ("d9a21f", "3a3632"))


def tram(palette: Palette, seed: int, y: float, speed: float, lit: float) -> list[Actor]:
    """Three sections on rails in the middle of the street, coming nearer from `y` at `speed` in m/s."""
    low, high = _LIVERIES[seed % len(_LIVERIES)]
    body, roof = palette.add(paint(low, gloss=0.6, mirror=0.06)), palette.add(paint(high, gloss=0.5))
    pane = palette.add(paint("1c242b", gloss=0.95, mirror=0.35, glow="ffd9a0", glow_by=0.5 * lit))
    dark, lamp = palette.add(paint("18191c", gloss=0.3)), palette.add(paint("ffffff", glow="fff2d8", glow_by=3.0))
    sign = palette.add(paint("201a10", glow="ffb03a", glow_by=1.6))
    parts = [_section(body, roof, pane, dark, front=number == 0).moved(0, -number * _SECTION_M) for number in range(3)]
    front = _SECTION_M / 2
    parts += [
        mesh.sphere(0.13, 10, 7).scaled(1, 0.5, 1).moved(x, front - 0.02, 0.92).painted(lamp) for x in (-0.8, 0.8)
    ]
    parts.append(mesh.box(1.5, 0.06, 0.26).moved(0, front - 0.30, 2.92).painted(sign))
    parts.append(mesh.tube([[0, -3.2, 3.35], [0, -2.4, 4.6], [0, -3.0, 5.3]], 0.04, 6).painted(dark))
    parts.append(mesh.box(1.5, 0.10, 0.06).moved(0, -3.0, 5.3).painted(dark))
    steel = palette.add(paint("7d848c", gloss=0.8, mirror=0.25))
    bed = palette.add(paint("54524f", pattern=STRIPES, numbers=(0.22, 0.5, 0.8, 4)))
    track = [mesh.box(0.10, 760.0, 0.03).moved(x, 300.0, 0.01).painted(steel) for x in (-0.72, 0.72)]
    lay = [[[-1.25, -80.0, 0.008], [1.25, -80.0, 0.008]], [[-1.25, 680.0, 0.008], [1.25, 680.0, 0.008]]]
    track.append(
        mesh.surface(np.array(lay), uv=np.array([[[0, 0], [2.5, 0]], [[0, 760.0], [2.5, 760.0]]]), flat=True).painted(
            bed
        )
    )
    wire = palette.add(paint("202225"))
    track.append(mesh.tube([[0, -80.0, 5.36], [0, 680.0, 5.36]], 0.018, 4).painted(wire))

    def where(seconds: float) -> tuple[float, float, float, float, float, float]:
        return 0.0, y - speed * seconds, 0.0, math.pi, 0.0, 0.0

    return [Prop(joined(track), placed(rotation(), 0.0, 0.0, 0.0)), Traveller(joined(parts), where)]


def _section(body: int, roof: int, pane: int, dark: int, *, front: bool) -> Mesh:
    half = _SECTION_M / 2 - 0.18
    nose = [(half - 1.3, 2.45, 3.0, 0.38), (half - 0.4, 2.3, 2.8, 0.40), (half + 0.14, 1.85, 2.2, 0.48)]
    ahead = nose if front else [(half, 2.45, 3.0, 0.38)]
    parts = [hull([(-half, 2.45, 3.0, 0.38), *ahead], 6.0, 24).painted(body)]
    long = 2 * half - (1.4 if front else 0.3)
    middle = -half + 0.15 + long / 2
    parts += [mesh.box(0.05, long, 1.15).moved(x, middle, 1.62).painted(pane) for x in (-1.215, 1.215)]
    parts += [mesh.box(0.055, 0.16, 1.2).moved(x, y, 1.6).painted(body)
              for x in (-1.22, 1.22) for y in np.arange(middle - long / 2 + 1.6, middle + long / 2 - 0.6,
                      1.75)]  # fmt: skip
    parts.append(mesh.box(2.1, long * 0.94, 0.30).moved(0, middle, 3.28).painted(roof))
    parts.append(mesh.box(2.3, 2 * half - 0.5, 0.32).moved(0, 0, 0.16).painted(dark))
    if front:
        parts.append(mesh.box(2.05, 0.10, 1.35).turned(pitch=0.16).moved(0, half - 0.02, 1.50).painted(pane))
    else:
        parts.append(mesh.box(2.0, 0.55, 2.6).moved(0, half + 0.15, 0.5).painted(dark))
    return joined(parts)


def stall(palette: Palette, seed: int, x: float, y: float, z: float) -> list[Actor]:
    """A barrow of flowers in buckets under a striped awning, its front to the camera."""
    rng = np.random.default_rng([seed, 52])
    wood = palette.add(paint("7d5632", pattern=STREAKS, numbers=(9, 0.4, 3)))
    zinc, stem = palette.add(paint("8f979c", gloss=0.5)), palette.add(paint("3f6f2c", two_sided=True))
    cloth = palette.add(paint("b8402f", pattern=STRIPES, numbers=(0.22, 0.22, 2.6, 3), two_sided=True))
    tones = [palette.add(paint(colour, two_sided=True, gloss=0.05)) for colour in PETALS]
    heart = palette.add(paint("d9a520"))
    parts: list[Mesh] = []
    for back, up in ((0.0, 0.18), (0.42, 0.46), (0.84, 0.74)):
        parts.append(mesh.box(2.5, 0.42, 0.05).moved(0, back, up).painted(wood))
        parts += [mesh.box(0.06, 0.38, up).moved(s * 1.18, back, 0.0).painted(wood) for s in (-1, 1)]
        for number in range(6):
            bx = -1.02 + 0.41 * number
            parts.append(
                mesh.lathe([(0.0, 0.0), (0.11, 0.0), (0.145, 0.24), (0.125, 0.24)], 14)
                .moved(bx, back, up + 0.05)
                .painted(zinc)
            )
            tone = tones[int(rng.integers(len(tones)))]
            for _ in range(9):
                turn, off, tall = (
                    float(rng.uniform(0, 6.28)),
                    float(rng.uniform(0.02, 0.15)),
                    float(rng.uniform(0.36, 0.52)),
                )
                tip = (bx + off * math.cos(turn) * 1.15, back + off * math.sin(turn), up + tall)
                parts.append(mesh.tube([[bx, back, up + 0.2], list(tip)], 0.006, 4, caps=False).painted(stem))
                parts.append(flower(0.062).turned(pitch=0.7, yaw=float(rng.normal(0, 0.5))).moved(*tip).painted(tone))
                parts.append(mesh.sphere(0.017, 6, 4).moved(tip[0], tip[1] - 0.012, tip[2] + 0.012).painted(heart))
    parts += [mesh.tube([[s * 1.28, 0.95, 0.0], [s * 1.28, 0.95, 2.35]], 0.025, 6).painted(wood) for s in (-1, 1)]
    net = np.array([[[-1.45, -0.45, 1.98], [1.45, -0.45, 1.98]], [[-1.45, 1.05, 2.42], [1.45, 1.05, 2.42]]])
    parts.append(mesh.surface(net, uv=np.array([[[0, 0], [0, 2.9]], [[1.5, 0], [1.5, 2.9]]])).painted(cloth))
    fall = np.array([[[-1.45, -0.46, 1.80], [1.45, -0.46, 1.80]], [[-1.45, -0.45, 1.98], [1.45, -0.45, 1.98]]])
    parts.append(mesh.surface(fall, uv=np.array([[[0, 0], [0, 2.9]], [[0.2, 0], [0.2, 2.9]]])).painted(cloth))
    return [Prop(joined(parts), placed(rotation(), x, y, z))]


def ball(palette: Palette, mark: Mark) -> Actor:
    """A football that bounces along before whoever plays at `mark`."""
    white, dark = palette.add(paint("f1f1ee", gloss=0.35)), palette.add(paint("1c1d20", gloss=0.3))
    parts = [mesh.sphere(0.16, 20, 14).painted(white)]
    golden = (1 + math.sqrt(5)) / 2
    for a in (-1, 1):
        for b in (-golden, golden):
            for spot in ((0, a, b), (a, b, 0), (b, 0, a)):
                way = np.array(spot) / math.sqrt(1 + golden**2)
                parts.append(mesh.sphere(0.052, 9, 6).moved(*(way * 0.118)).painted(dark))
    form = joined(parts)
    dx, dy = math.sin(mark.heading), math.cos(mark.heading)

    def where(seconds: float) -> tuple[float, float, float, float, float, float]:
        run = mark.speed * seconds + 1.15 + 0.45 * math.sin(1.3 * seconds)
        side = 0.7 * math.sin(0.9 * seconds + 0.6)
        hop = abs(math.sin(2.6 * seconds)) * 0.34
        return (mark.x + dx * run + dy * side, mark.y + dy * run - dx * side, mark.z + 0.16 + hop, mark.heading,
                -run / 0.16, 0.0)  # fmt: skip

    return Traveller(form, where)
