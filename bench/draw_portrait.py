"""Draws the portrait that the documents' second prompt begins with: `python bench/draw_portrait.py OUT.jpg`.

A young woman and a birthday cake with candles, in warm indoor light, painted by code alone: outlines are splines,
forms are reliefs lit by the candles, hair is strands. The same code gives the same picture.
"""

from __future__ import annotations

import math
import sys
from collections.abc import Sequence
from itertools import pairwise
from pathlib import Path

import numpy as np
from numpy.typing import NDArray
from PIL import Image, ImageDraw

Floats = NDArray[np.float64]
Point = tuple[float, float]

WIDE, TALL = 1600, 900
FINER = 2
Y, X = np.mgrid[0:TALL, 0:WIDE].astype(np.float64) + 0.5
CANDLES = [(608.0, 622.0), (668.0, 606.0), (730.0, 598.0), (794.0, 598.0), (856.0, 606.0), (916.0, 622.0)]
"""Where the wicks are."""
FIRE: Point = (762.0, 590.0)


def blur(field: Floats, px: float) -> Floats:
    """A Gaussian blur of standard deviation `px`, as three boxes each way."""
    reach = max(round(px), 0)
    if reach == 0:
        return field
    for _ in range(3):
        for axis in (0, 1):
            pad = [(reach + 1, reach) if a == axis else (0, 0) for a in range(field.ndim)]
            total = np.cumsum(np.pad(field, pad, mode="edge"), axis=axis)
            size, side = field.shape[axis], 2 * reach + 1
            field = (np.take(total, range(side, side + size), axis) - np.take(total, range(size), axis)) / side
    return field


def spline(points: Sequence[Point], *, closed: bool = True, steps: int = 14) -> list[Point]:
    """A smooth line through `points`."""
    count = len(points)
    line: list[Point] = []
    for i in range(count if closed else count - 1):
        around = [points[(i + k) % count if closed else min(max(i + k, 0), count - 1)] for k in (-1, 0, 1, 2)]
        for step in range(steps):
            t = step / steps
            weights = (
                (-t + 2 * t * t - t**3) / 2,
                (2 - 5 * t * t + 3 * t**3) / 2,
                (t + 4 * t * t - 3 * t**3) / 2,
                (t**3 - t * t) / 2,
            )
            x, y = (math.fsum(w * p[axis] for w, p in zip(weights, around, strict=True)) for axis in (0, 1))
            line.append((x, y))
    return line if closed else [*line, points[-1]]


def shape(points: Sequence[Point], soft: float = 0.8, *, round_: bool = True) -> Floats:
    """The mask of an outline, with edges `soft` pixels wide."""
    line = spline(points) if round_ else list(points)
    image = Image.new("L", (WIDE * FINER, TALL * FINER))
    ImageDraw.Draw(image).polygon([(x * FINER, y * FINER) for x, y in line], fill=255)
    mask = np.asarray(image.resize((WIDE, TALL), Image.Resampling.BOX), np.float64) / 255
    return blur(mask, soft)


def strokes(lines: Sequence[Sequence[Point]], width: float, soft: float = 0.0) -> Floats:
    """The mask of open lines that taper at both ends."""
    image = Image.new("L", (WIDE * FINER, TALL * FINER))
    draw = ImageDraw.Draw(image)
    for line in lines:
        dots = spline(line, closed=False, steps=26)
        for number, ((x, y), (u, v)) in enumerate(pairwise(dots)):
            share = min(max((number + 0.5) / len(dots), 0.05), 0.95)
            thick = max(round(FINER * width * math.sin(math.pi * share) ** 0.6), 1)
            draw.line((x * FINER, y * FINER, u * FINER, v * FINER), fill=255, width=thick)
            if thick > 3:
                r = thick / 2
                draw.ellipse((x * FINER - r, y * FINER - r, x * FINER + r, y * FINER + r), fill=255)
    mask = np.asarray(image.resize((WIDE, TALL), Image.Resampling.BOX), np.float64) / 255
    return blur(mask, soft)


def spot(x: float, y: float, rx: float, ry: float, turn: float = 0.0) -> Floats:
    """A soft elliptical spot, 1 in its middle."""
    c, s = math.cos(turn), math.sin(turn)
    dx, dy = (X - x) * c + (Y - y) * s, -(X - x) * s + (Y - y) * c
    return np.asarray(np.exp(-((dx / rx) ** 2) - (dy / ry) ** 2))


def over(page: Floats, colour: Sequence[float] | Floats, mask: Floats) -> None:
    """Lays a colour over the page."""
    page += (np.asarray(colour, np.float64) - page) * mask[..., None]


def lit(height: Floats, depth: float, *, sharp: float = 1.0) -> tuple[Floats, Floats, Floats]:
    """Light on a relief whose height is in pixels: from the candles, from the dusk at the left, from behind."""
    down, across = np.gradient(height)
    size = np.sqrt(across**2 + down**2 + 1.0)
    nx, ny, nz = -across / size, -down / size, 1.0 / size
    lx, ly, lz = FIRE[0] - X, FIRE[1] - Y, depth - height
    far = np.sqrt(lx**2 + ly**2 + lz**2)
    fire = np.clip((nx * lx + ny * ly + nz * lz) / far, 0.0, 1.0) ** sharp / (1.0 + (far / 330.0) ** 2)
    dusk = np.clip(-0.75 * nx - 0.35 * ny + 0.45 * nz, 0.0, 1.0)
    behind = np.clip(0.85 * nx - 0.35 * ny - 0.10, 0.0, 1.0) ** 1.5
    return fire, dusk, behind


WARM, DUSK, BEHIND = np.array([1.0, 0.60, 0.27]), np.array([0.20, 0.27, 0.42]), np.array([1.0, 0.55, 0.26])


def shaded(albedo: Sequence[float] | Floats, light: tuple[Floats, Floats, Floats], fire: float = 2.6) -> Floats:
    """Colour of a surface in linear light."""
    one, two, three = (part[..., None] for part in light)
    ambient = np.array([0.075, 0.048, 0.034])
    return np.asarray(np.asarray(albedo) * (WARM * one * fire + DUSK * two * 0.30 + BEHIND * three * 0.55 + ambient))


def room(rng: np.random.Generator) -> Floats:
    """The room behind, out of focus: a wall, a window at dusk, a shelf, a string of lights."""
    page = np.zeros((TALL, WIDE, 3))
    page += np.array([0.050, 0.027, 0.016]) + np.array([0.16, 0.078, 0.034]) * spot(820, 420, 620, 420)[..., None]
    window = shape([(120, 60), (400, 60), (400, 520), (120, 520)], 9, round_=False)
    over(page, (0.052, 0.085, 0.15), window)
    over(page, (0.16, 0.12, 0.16), window * np.clip((Y - 300) / 260, 0, 1) * 0.7)
    for x, y, w, h in ((256, 60, 9, 460), (120, 285, 280, 8)):
        over(page, (0.03, 0.018, 0.012), shape([(x, y), (x + w, y), (x + w, y + h), (x, y + h)], 5, round_=False))
    for x, width in ((30, 105), (395, 100)):
        folds = 0.6 + 0.4 * np.sin((X - x) / 11.0 + 1.3 * np.sin(Y / 210.0))
        curtain = shape([(x, 10), (x + width, 10), (x + width + 16, 640), (x - 18, 640)], 12, round_=False)
        over(page, np.array([0.20, 0.085, 0.05]) * (0.35 + 0.65 * folds[..., None]), curtain * 0.92)
    shelf = shape([(1120, 370), (1600, 360), (1600, 382), (1120, 388)], 5, round_=False)
    over(page, (0.10, 0.050, 0.026), shelf)
    for k in range(15):
        left, tall = 1140 + k * 29 + rng.uniform(-4, 4), rng.uniform(75, 125)
        colour = np.array([(0.20, 0.05, 0.03), (0.05, 0.07, 0.08), (0.22, 0.15, 0.07), (0.09, 0.04, 0.06)][k % 4])
        corners = [(left, 368 - tall), (left + 22, 368 - tall), (left + 22, 368.0), (left, 368.0)]
        book = shape(corners, 5, round_=False)
        over(page, colour * rng.uniform(0.6, 1.2), book)
    page = np.stack([blur(page[..., c], 7) for c in range(3)], 2)
    return garland(page, rng)


def garland(page: Floats, rng: np.random.Generator) -> Floats:
    """Discs of light that a wide lens makes of small lamps."""
    for k in range(46):
        t = k / 45
        x = -20 + 1640 * t + rng.uniform(-18, 18)
        y = 62 + 95 * math.sin(math.pi * ((t * 2.0) % 1.0)) + rng.uniform(-18, 18) + (k % 3) * 30
        r = rng.uniform(13, 27)
        away = np.hypot(X - x, Y - y) / r
        disc = np.clip((1.0 - away) * r / 2.2, 0.0, 1.0) * (0.62 + 0.38 * np.clip(away, 0, 1) ** 4)
        tint = np.array([1.0, 0.50, 0.17]) * rng.uniform(0.10, 0.42)
        page += disc[..., None] * tint + spot(x, y, r * 3.2, r * 3.2)[..., None] * tint * 0.06
    return page


HEAD: Point = (762.0, 318.0)
FACE = [
    (652, 268), (662, 208), (704, 168), (762, 156), (820, 168), (862, 208), (872, 268), (868, 330), (856, 384),
    (832, 430), (800, 464), (762, 478), (724, 464), (692, 430), (668, 384), (656, 330),
]  # fmt: skip


def back_hair(page: Floats, rng: np.random.Generator) -> None:
    """What falls behind the face, down to the shoulders."""
    outline = [
        (762, 94), (836, 104), (892, 158), (918, 250), (928, 350), (962, 440), (990, 530), (980, 620), (930, 660),
        (860, 600), (800, 480), (724, 480), (664, 600), (594, 660), (544, 620), (534, 530), (562, 440), (596, 350),
        (606, 250), (632, 158), (688, 104),
    ]  # fmt: skip
    mask = shape(outline, 2.0)
    light = lit(46 * np.sqrt(blur(mask, 40)) + 3 * np.sin((X + 18 * np.sin(Y / 60.0)) / 7.0), 190)
    over(page, shaded((0.105, 0.050, 0.026), light, 2.2), mask)
    locks(page, rng, mask, 620, front=False)


def locks(page: Floats, rng: np.random.Generator, within: Floats, count: int, *, front: bool) -> None:
    """Strands, dark first and shining ones over them."""
    for bright in (False, True):
        lines = []
        for _ in range(count if not bright else count // 2):
            side = 1 if rng.random() < 0.5 else -1
            out = rng.uniform(0.0, 1.0)
            top = (762 + side * rng.uniform(0, 46), 112 + 34 * rng.random() + (8 if front else 0))
            wide = 112 + 74 * out
            wave = rng.uniform(-9, 9)
            end = 640 - 190 * rng.random()
            lines.append(
                [
                    top,
                    (762 + side * wide * 0.82, 196 + 24 * out),
                    (762 + side * (wide + wave), 330),
                    (762 + side * (wide + 22 - wave), 450),
                    (762 + side * (wide + 36 + wave * 1.4), 540),
                    (762 + side * (wide + 20 - wave), end),
                ]
            )
        mask = strokes(lines, 2.4 if not bright else 1.5, 0.0) * within
        glow = spot(590, 480, 120, 180) + spot(934, 480, 120, 180) + 0.7 * spot(900, 220, 90, 120)
        colour = np.array([0.030, 0.014, 0.008]) if not bright else np.array([0.46, 0.205, 0.075])
        strength = 0.55 if not bright else 0.16 + 0.62 * np.clip(glow, 0, 1)
        over(page, colour, mask * strength)


def body(page: Floats) -> None:
    """Neck, shoulders, and a knitted pullover."""
    neck = shape([(706, 420), (818, 420), (822, 520), (860, 560), (762, 640), (664, 560), (702, 520)], 1.5)
    light = lit(40 * np.sqrt(np.clip(1 - ((X - 762) / 66) ** 2, 0.02, 1)) - 0.10 * Y, 150)
    skin = shaded((0.62, 0.35, 0.245), light, 1.25)
    skin *= (1.0 - 0.62 * spot(762, 470, 96, 44))[..., None] * (1.0 - 0.35 * np.abs(X - 762) / 70)[..., None].clip(0.4)
    for side in (-1, 1):
        skin *= (1.0 - 0.22 * spot(762 + side * 24, 590, 26, 7, side * 0.35))[..., None]
    over(page, skin, neck)
    outline = [
        (668, 540), (600, 566), (500, 606), (440, 690), (410, 900), (1114, 900), (1084, 690), (1024, 606), (924, 566),
        (856, 540), (820, 590), (762, 612), (704, 590),
    ]  # fmt: skip
    mask = shape(outline, 1.6)
    knit = 0.42 * np.sin(X / 2.6 + 0.9 * np.sin(Y / 3.2)) * np.sin(Y / 3.2)
    form = 95 * np.sqrt(blur(mask, 46)) + knit + 7 * np.sin((Y - 0.55 * np.abs(X - 762)) / 52.0)
    over(page, shaded((0.36, 0.075, 0.085), lit(form, 170), 2.3), mask)
    collar = strokes([[(668, 542), (704, 592), (762, 614), (820, 592), (856, 542)]], 20, 1.0)
    ribs = 2.0 * np.sin(X / 2.6)
    over(page, shaded((0.33, 0.068, 0.078), lit(14 * blur(collar, 5) + ribs, 170), 2.5), collar)


def face_relief() -> Floats:
    """The head as an ellipsoid with what rises from it and sinks into it."""
    x, y = HEAD
    ball = np.sqrt(np.clip(1.0 - ((X - x) / 122) ** 2 - ((Y - y) / 176) ** 2, 0.0, 1.0)) * 92
    for dx, dy, rx, ry, high in (
        (0, 18, 13, 46, 15), (0, 52, 19, 15, 15), (-16, 58, 10, 8, 4), (16, 58, 10, 8, 4),
        (-54, 46, 34, 30, 9), (54, 46, 34, 30, 9), (0, 122, 28, 22, 9), (0, 92, 32, 10, 6),
        (-46, -14, 26, 15, -7), (46, -14, 26, 15, -7), (-46, -10, 21, 12, 8), (46, -10, 21, 12, 8),
        (-46, -42, 36, 10, 5), (46, -42, 36, 10, 5), (0, 76, 8, 9, -2.5), (0, 106, 22, 7, -3),
    ):  # fmt: skip
        ball += high * spot(x + dx, y + dy, rx, ry)
    return np.asarray(ball)


def face(page: Floats) -> None:
    """Skin in the candles' light, eyes lowered to them, lips drawn together to blow."""
    x, y = HEAD
    for side in (-1, 1):
        ear = shape(
            [(x + side * 104, y + 4), (x + side * 120, y - 8), (x + side * 122, y + 26), (x + side * 106, y + 48)]
        )
        over(page, (0.30, 0.13, 0.075), ear)
    mask = shape(FACE, 1.2)
    skin = np.array([0.70, 0.425, 0.315]) + np.zeros((TALL, WIDE, 3))
    for dx, dy, rx, ry, part in (
        (-60, 52, 36, 26, 0.55),
        (60, 52, 36, 26, 0.55),
        (0, 58, 17, 13, 0.3),
        (0, 124, 24, 14, 0.2),
    ):
        skin += (np.array([0.74, 0.30, 0.235]) - skin) * (part * spot(x + dx, y + dy, rx, ry))[..., None]
    fire, dusk, behind = lit(face_relief(), 165, sharp=0.9)
    # Skin lets light through: its shadows are softer than its form, and red.
    fire = 0.72 * fire + 0.28 * blur(fire, 9)
    colour = shaded(skin, (fire, dusk, behind), 2.45)
    # A lamp of the room from above, so that the brow is not lost.
    colour += skin * np.array([0.30, 0.185, 0.115]) * (0.55 + 0.45 * spot(730, 230, 120, 110))[..., None]
    colour += np.array([0.16, 0.045, 0.016]) * (blur(fire, 16) * 0.55)[..., None]
    over(page, colour, mask)
    features(page)


def features(page: Floats) -> None:
    """Brows, lids, lashes, nostrils, lips."""
    x, y = HEAD
    for side in (-1, 1):
        brow = [(x + side * 22, y - 45), (x + side * 44, y - 55), (x + side * 66, y - 53), (x + side * 84, y - 40)]
        over(page, (0.060, 0.027, 0.015), strokes([brow], 8.5, 1.2) * 0.82)
        hairs = [
            [
                (x + side * (22 + k * 3.1), y - 42 - 5 * math.sin(k / 6.4)),
                (x + side * (29 + k * 3.1), y - 52 - 6 * math.sin(k / 6.4)),
            ]
            for k in range(18)
        ]
        over(page, (0.035, 0.016, 0.010), strokes(hairs, 1.5, 0.3) * 0.55)
        fold = [(x + side * 22, y - 14), (x + side * 36, y - 26), (x + side * 56, y - 27), (x + side * 74, y - 12)]
        over(page, (0.16, 0.060, 0.034), strokes([fold], 3.0, 1.0) * 0.6)
        lid = shape(
            [
                (x + side * 23, y - 7),
                (x + side * 38, y - 22),
                (x + side * 58, y - 22),
                (x + side * 73, y - 5),
                (x + side * 58, y + 5),
                (x + side * 40, y + 6),
            ],
            2.5,
        )
        over(page, (0.60, 0.27, 0.155), lid * 0.45)
        over(page, (0.95, 0.60, 0.36), spot(x + side * 48, y - 6, 15, 6) * 0.30)
        rim = [(x + side * 22, y - 6), (x + side * 36, y + 5), (x + side * 54, y + 7), (x + side * 76, y - 5)]
        over(page, (0.018, 0.009, 0.007), strokes([rim], 4.4, 0.5) * 0.95)
        lashes = []
        for k in range(15):
            t = k / 14
            a, b = x + side * (26 + 49 * t), y - 3 + 9.5 * math.sin(math.pi * min(t * 0.95 + 0.02, 1))
            lashes.append([(a, b), (a + side * (1 + 7 * t), b + 7), (a + side * (4 + 13 * t), b + 11 - 3 * t)])
        over(page, (0.015, 0.008, 0.006), strokes(lashes, 1.8, 0.2) * 0.9)
        over(
            page,
            (0.22, 0.080, 0.042),
            strokes([[(x + side * 7, y + 63), (x + side * 13, y + 60), (x + side * 18, y + 63)]], 5, 1.5) * 0.75,
        )
        over(
            page,
            (0.42, 0.17, 0.085),
            strokes([[(x + side * 15, y + 44), (x + side * 23, y + 54), (x + side * 20, y + 65)]], 4, 2.5) * 0.5,
        )
    over(page, (1.0, 0.72, 0.46), spot(x - 1, y + 44, 5, 20) * 0.28 + spot(x, y + 52, 9, 7) * 0.22)
    lips(page)


def lips(page: Floats) -> None:
    """Rounded, a little open, as one blows."""
    x, y = HEAD[0], HEAD[1] + 95
    upper = shape(
        [
            (x - 26, y + 1),
            (x - 14, y - 9),
            (x - 4, y - 12),
            (x, y - 10),
            (x + 4, y - 12),
            (x + 14, y - 9),
            (x + 26, y + 1),
            (x + 10, y + 3),
            (x - 10, y + 3),
        ],
        1.2,
    )
    lower = shape(
        [
            (x - 24, y + 2),
            (x - 10, y + 2),
            (x + 10, y + 2),
            (x + 24, y + 2),
            (x + 15, y + 14),
            (x, y + 18),
            (x - 15, y + 14),
        ],
        1.2,
    )
    over(page, (0.40, 0.090, 0.075), upper * 0.85)
    over(page, (0.70, 0.20, 0.145), lower * 0.88)
    over(page, (0.05, 0.012, 0.010), spot(x, y + 2.5, 10, 4.2) ** 0.7 * 0.92)
    over(
        page,
        (0.10, 0.025, 0.020),
        strokes([[(x - 27, y + 1), (x - 12, y + 2), (x, y + 2), (x + 12, y + 2), (x + 27, y + 1)]], 2.4, 0.6) * 0.8,
    )
    over(page, (1.0, 0.62, 0.45), spot(x - 3, y + 11, 9, 3) * 0.45)
    over(page, (0.30, 0.11, 0.06), spot(x, y + 27, 22, 5) * 0.30)


def front_hair(page: Floats, rng: np.random.Generator) -> None:
    """A parting and the locks that frame the face."""
    for side in (-1, 1):
        x = HEAD[0]

        def to(dx: float, y: float, side: int = side, x: float = x) -> Point:
            return x + side * dx, y

        lock = [
            to(-8, 96), to(60, 98), to(126, 150), to(152, 250), to(158, 350), to(178, 450), to(196, 540), to(160, 600),
            to(130, 540), to(122, 440), to(116, 350), to(106, 268), to(82, 214), to(40, 176), to(4, 152),
        ]  # fmt: skip
        mask = shape(lock, 1.6)
        under = blur(mask, 12) * (1 - mask)
        inside = shape(FACE, 1.5)
        over(page, (0.10, 0.036, 0.018), under * inside * 0.75)
        form = 34 * np.sqrt(blur(mask, 20)) + 2.0 * np.sin((X - side * 0.35 * Y + 14 * np.sin(Y / 50.0)) / 4.5)
        over(page, shaded((0.115, 0.052, 0.025), lit(form, 190), 2.3), mask)
        strands(page, rng, mask, side)
    over(page, (0.022, 0.010, 0.006), strokes([[(762, 92), (760, 122), (762, 156)]], 3.0, 1.0) * 0.7)


def strands(page: Floats, rng: np.random.Generator, mask: Floats, side: int) -> None:
    """Single hairs along a lock: dark, brown, and gold where the light catches them."""
    groups: list[list[list[Point]]] = [[], [], []]
    for k in range(250):
        t, w = rng.random(), rng.uniform(-6, 6)
        x = HEAD[0]
        points = [
            (x + side * rng.uniform(-4, 30), 96 + 56 * t), (x + side * (92 - 40 * t + w), 128 + 74 * t),
            (x + side * (140 - 46 * t + w), 232 + 20 * t), (x + side * (156 - 40 * t - w), 350),
            (x + side * (176 - 50 * t + w), 450), (x + side * (196 - 58 * t - w), 545),
            (x + side * (172 - 26 * t), 612),
        ]  # fmt: skip
        groups[(0, 1, 0, 2, 0, 1)[k % 6]].append(points)
    shine = (
        0.9 * spot(640, 215, 70, 46) + 0.75 * spot(884, 215, 70, 46) + spot(604, 510, 90, 110) + spot(920, 510, 90, 110)
    )
    over(page, (0.030, 0.013, 0.007), strokes(groups[0], 1.4) * mask * 0.55)
    over(page, (0.20, 0.088, 0.036), strokes(groups[1], 1.2) * mask * 0.5)
    over(page, (0.52, 0.235, 0.085), strokes(groups[2], 1.0) * mask * np.clip(0.05 + 0.62 * shine, 0, 0.7))


def table(page: Floats, rng: np.random.Generator) -> None:
    """A wooden table, a plate, and the cake."""
    top = np.clip((Y - 776 - 2 * np.sin(X / 300)) / 2.0, 0, 1)
    grain = 0.88 + 0.12 * np.sin(Y / 1.7 + 2.1 * np.sin(X / 210.0) + 0.5 * np.sin(X / 47.0) + 1.5 * np.sin(Y / 13))
    reach = spot(762, 790, 620, 190)
    over(page, np.array([0.20, 0.082, 0.030]) * (grain * (0.16 + 1.15 * reach))[..., None], top)
    plate = np.clip((1 - ((X - 762) / 306) ** 2 - ((Y - 836) / 50) ** 2) * 60, 0, 1)
    over(page, np.array([0.86, 0.66, 0.48]) * (0.16 + 0.50 * spot(762, 800, 300, 90))[..., None], plate)
    over(page, (0.10, 0.045, 0.02), np.exp(-(((np.hypot((X - 762) / 286, (Y - 836) / 44) - 0.95) / 0.02) ** 2)) * 0.35)
    cake(page, rng)


def cake(page: Floats, rng: np.random.Generator) -> None:
    """Cream with piped shells, drips of chocolate, berries."""
    x, top, low, wide = 762.0, 700.0, 826.0, 226.0
    side = (np.abs(X - x) < wide) & (low + 34 * np.sqrt(np.clip(1 - ((X - x) / wide) ** 2, 0, 1)) > Y) & (top < Y)
    round_ = np.sqrt(np.clip(1 - ((X - x) / wide) ** 2, 0, 1))
    cream = np.array([0.92, 0.74, 0.60])
    glow = (0.10 + 0.44 * round_ * np.exp(-(Y - top) / 130)) * (1 + 0.02 * np.sin(Y / 2.2 + np.sin(X / 21.0)))
    over(page, cream * np.array([1.0, 0.80, 0.60]) * glow[..., None], blur(side.astype(np.float64), 0.8))
    layer = np.abs(Y - (766 + 34 * round_)) < 6
    over(
        page,
        np.array([0.34, 0.05, 0.045]) * (0.35 + 0.6 * round_)[..., None],
        blur((layer & side).astype(float), 1.2) * 0.85,
    )
    lid = np.clip((1 - ((X - x) / wide) ** 2 - ((Y - top) / 40) ** 2) * 46, 0, 1)
    over(page, cream * np.array([1.0, 0.88, 0.72]) * (0.42 + 0.50 * spot(x, top - 8, 190, 36))[..., None], lid)
    drips(page, x, top, wide, rng)
    ring = [(x + wide * 0.93 * math.cos(a), top + 37 * math.sin(a)) for a in np.linspace(math.pi, 3 * math.pi, 38)[:-1]]
    for cx, cy in sorted(ring, key=lambda place: place[1]):
        shell(page, cx, cy)
        if rng.random() < 0.42:
            berry(page, cx + rng.uniform(-5, 5), cy - 13, rng.uniform(9, 12.5))


def drips(page: Floats, x: float, top: float, wide: float, rng: np.random.Generator) -> None:
    """Chocolate that has run down the side."""
    angles = np.linspace(0.10, math.pi - 0.10, 26)
    edge = [(x - wide * 1.005 * math.cos(a), top + 41 * math.sin(a)) for a in angles]
    points: list[Point] = []
    for number, (a, b) in enumerate(edge):
        points.append((a, b + (rng.uniform(22, 56) if number % 2 else 8)))
    mask = shape([*points, *[(a, b - 12) for a, b in reversed(edge)]], 0.8)
    light = lit(9 * np.sqrt(blur(mask, 4)), 150)
    over(page, shaded((0.085, 0.030, 0.016), light, 3.0), mask)
    over(page, (0.75, 0.42, 0.22), np.clip(blur(mask, 2) - np.roll(blur(mask, 2), 4, 0), 0, 1) * mask * 0.35)


def shell(page: Floats, x: float, y: float) -> None:
    """One piped rosette."""
    away = np.hypot((X - x) / 17, (Y - y + 4) / 13)
    mask = np.clip((1 - away) * 12, 0, 1)
    swirl = 0.84 + 0.16 * np.sin(np.arctan2(Y - y + 4, X - x) * 5 + away * 7)
    toward = np.clip(0.72 - (Y - y) / 34 - np.sign(x - 762) * (X - x) / 60, 0.18, 1.25)
    over(page, np.array([1.0, 0.80, 0.66]) * np.array([1.0, 0.87, 0.70]) * (0.80 * swirl * toward)[..., None], mask)


def berry(page: Floats, x: float, y: float, r: float) -> None:
    """A raspberry."""
    away = np.hypot(X - x, Y - y) / r
    mask = np.clip((1 - away) * r / 1.2, 0, 1)
    beads = 0.75 + 0.25 * np.sin((X - x) * 1.1) * np.sin((Y - y) * 1.1)
    toward = np.clip(0.85 - (Y - y) / (2 * r), 0.25, 1.2)
    over(page, np.array([0.62, 0.055, 0.070]) * (beads * toward)[..., None], mask)
    over(page, (1.0, 0.66, 0.55), spot(x - 0.2 * r, y - 0.35 * r, 0.22 * r, 0.2 * r) * 0.6)


def candles(page: Floats) -> None:
    """Striped wax, wicks and flames, and the light around them."""
    colours = (
        (0.92, 0.42, 0.40),
        (0.42, 0.62, 0.78),
        (0.95, 0.74, 0.36),
        (0.80, 0.46, 0.66),
        (0.46, 0.70, 0.50),
        (0.92, 0.52, 0.34),
    )
    for (x, y), colour in zip(CANDLES, colours, strict=True):
        foot = 700 + 26 * math.sin(math.pi * (x - 560) / 404) - 6
        mask = shape([(x - 6.5, y + 8), (x + 6.5, y + 8), (x + 6.5, foot), (x - 6.5, foot)], 0.6, round_=False)
        stripe = np.where(((Y + (X - x) * 1.2) / 13) % 2 < 1, 1.0, 0.0)[..., None]
        wax = np.array(colour) * stripe + np.array([0.96, 0.88, 0.78]) * (1 - stripe)
        form = np.sqrt(np.clip(1 - ((X - x) / 7.5) ** 2, 0, 1))
        glow = 0.34 * form + 1.15 * np.exp(-(Y - y - 6) / 20)
        over(page, wax * np.clip(glow, 0.1, 1.6)[..., None] * np.array([1, 0.84, 0.66]), mask)
        over(page, (0.03, 0.02, 0.015), strokes([[(x, y + 9), (x + 0.6, y + 3), (x + 1, y - 2)]], 2.2))
    for x, y in CANDLES:
        page += spot(x, y - 16, 74, 78)[..., None] * np.array([0.13, 0.052, 0.012])
        page += spot(x, y - 14, 26, 34)[..., None] * np.array([0.24, 0.105, 0.028])
        flame = shape(
            [
                (x, y - 44),
                (x + 4, y - 30),
                (x + 8.6, y - 13),
                (x + 6.4, y - 1),
                (x, y + 4),
                (x - 6.4, y - 1),
                (x - 8.6, y - 13),
                (x - 4, y - 30),
            ],
            1.0,
        )
        over(page, (1.25, 0.72, 0.20), flame)
        core = shape(
            [(x, y - 34), (x + 4.4, y - 16), (x + 4.6, y - 4), (x, y + 1), (x - 4.6, y - 4), (x - 4.4, y - 16)], 1.4
        )
        over(page, (1.6, 1.30, 0.72), core)
        over(page, (0.25, 0.24, 0.42), spot(x, y + 1, 4.5, 4.0) * 0.5)


def develop(page: Floats, rng: np.random.Generator) -> Image.Image:
    """Bloom, a film's curve, a vignette, a little grain."""
    bright = np.clip(page - 0.55, 0, 1.2)
    for px, part in ((4, 0.16), (16, 0.11), (52, 0.10)):
        page = page + part * np.stack([blur(bright[..., c], px) for c in range(3)], 2)
    page = page * (1.0 - 0.34 * (((X - WIDE / 2) / WIDE) ** 2 + ((Y - TALL / 2) / TALL) ** 2))[..., None] * 1.16
    tone = np.clip(page * (2.51 * page + 0.03) / (page * (2.43 * page + 0.59) + 0.14), 0, 1)
    shown = np.where(tone <= 0.0031308, tone * 12.92, 1.055 * np.maximum(tone, 1e-6) ** (1 / 2.4) - 0.055)
    shown += rng.standard_normal((TALL, WIDE, 1)) * 0.010 * (1 - shown.mean(2, keepdims=True))
    return Image.fromarray((np.clip(shown, 0, 1) * 255 + 0.5).astype(np.uint8))


def portrait() -> Image.Image:
    """The whole picture."""
    rng = np.random.default_rng(20)
    page = room(rng)
    back_hair(page, rng)
    body(page)
    face(page)
    front_hair(page, rng)
    table(page, rng)
    candles(page)
    return develop(page, rng)


def draw(path: Path) -> None:
    """The portrait as a JPEG file."""
    portrait().save(path, quality=90, optimize=True, progressive=True, subsampling=0)


def main() -> None:
    if len(sys.argv) != 2:
        raise SystemExit(__doc__)
    draw(Path(sys.argv[1]))


if __name__ == "__main__":
    main()
