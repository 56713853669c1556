"""People whose clothes hide them: astronauts, divers and knights, on a man's bones.

The body below is that of `person`, in cloth that stands off it; what is hard (helmets, tanks, plates) is held by one
bone each. Lengths are parts of the body's height.
"""

from __future__ import annotations

from collections.abc import Mapping
from functools import partial

import numpy as np

from seedbed.engines.previz.bodies import garments, people, person, strides, weightless
from seedbed.engines.previz.bodies.form import UP, Grain, Hold, blade, both, skin
from seedbed.engines.previz.bodies.model import LAND, WATER, Model
from seedbed.engines.previz.bodies.person import Dress
from seedbed.engines.previz.shapes import mesh as solids
from seedbed.engines.previz.shapes.mesh import Mesh, joined
from seedbed.engines.previz.shapes.paint import CLOTH, MOTTLED, Palette, paint

KINDS = ("astronaut", "diver", "knight")
_F = person.FIGURES["man"]
_TOP = 1.0 - _F.head - 0.052
"""Height of the shoulders."""
_RISE = _TOP - _F.hips
_HEAD = 1.0 - _F.head * 0.5
"""Height of the head's middle."""
_TRIMS = ("c8452c", "2a5f9e", "d08a2a", "3d7a55")
_SUITS = ("17191d", "1d2c3f", "22302a")
_FINS = ("d9b326", "2f6fb0", "c8452c", "23262b")
_CLOTHS = ("8a1f2a", "20406f", "2f5d3a", "c9a227")


def suited_model(
    kind: str, rng: np.random.Generator, palette: Palette, grain: Grain, *, colour: str = "", height: float = 0.0
) -> Model:
    """One of KINDS; `colour` is that of its trim, fins or surcoat. Astronauts float unasked and divers swim, about
    their middle; both can walk as well."""
    lots = rng.random(4)
    tall = height or 1.76 + 0.1 * float(lots[0])
    make = {"astronaut": _astronaut, "diver": _diver, "knight": _knight}[kind]
    body = joined(make(palette, grain, lots, colour)).scaled(tall)
    ashore = {motion: partial(strides.clip, "man", motion) for motion in strides.MOTIONS}
    if kind == "knight":
        return Model(kind, body, ashore, tall, tall)
    first = "float" if kind == "astronaut" else "swim"
    order = (first, *(m for m in weightless.MOTIONS if m != first))
    clips = {motion: partial(weightless.clip, motion) for motion in order} | ashore
    return Model(kind, body, clips, tall, tall, WATER if kind == "diver" else LAND)


def _bones() -> Mapping[str, int]:
    return person.bone_numbers("man")


def _clad(dress: Dress, grain: Grain) -> list[Mesh]:
    """A body without head in a dress."""
    bone = _bones().__getitem__
    torso = person.trunk(_F, dress, grain, bone)
    return [torso, *person.arms(_F, dress, grain, bone, torso), *person.legs(_F, dress, grain, bone, torso)]


def _held(form: Mesh, paint_row: int, name: str) -> Mesh:
    return form.painted(paint_row).boned(_bones()[name])


def _twins(part: Mesh) -> list[Mesh]:
    return both(part, person.twins(_bones().__getitem__))


def _box(wide: float, deep: float, tall: float, grain: Grain) -> Mesh:
    """A rounded box, its middle at the origin."""
    rows = [(0, 0, z * tall / 2, wide / 2 * s, deep / 2 * s, deep / 2 * s)
            for z, s in ((-1.0, 0.80), (-0.96, 0.93), (-0.85, 1.0), (0.85, 1.0), (0.96, 0.93), (1.0,
                    0.80))]  # fmt: skip
    return skin(rows, grain(12, 6), grain(16, 8), Hold((0,)), power=6.0)


def _ring(z: float, radius: float, thick: float, grain: Grain, y: float = 0.0) -> Mesh:
    turn = np.linspace(0, 2 * np.pi, grain(25, 11))
    line = np.stack([radius * np.cos(turn), y + radius * np.sin(turn), np.full(len(turn), z)], 1)
    return solids.tube(line, thick, grain(8, 4), caps=False)


def _astronaut(palette: Palette, grain: Grain, lots: np.ndarray, colour: str) -> list[Mesh]:
    white = palette.add(paint("e9eaec", gloss=0.10, pattern=MOTTLED, numbers=(18, 0.06, 3)))
    shade = palette.add(paint("b9bdc4", gloss=0.25))
    dark = palette.add(paint("3a3f47", gloss=0.3))
    trim = palette.add(paint(colour or _TRIMS[int(lots[1] * 4)], gloss=0.15))
    gold = palette.add(paint("a9761f", gloss=0.98, mirror=0.42))
    lamp = palette.add(paint("ffffff", glow="dff2ff", glow_by=2.2))
    dress = Dress(white, white, white, shade, shade, white, 0.31, 6.0, 1.0, 0.0)
    bone = _bones().__getitem__
    torso = person.trunk(_F, dress, grain, bone)
    parts = [torso, *person.arms(_F, dress, grain, bone, torso), *_padded_legs(white, shade, grain)]
    parts.append(_held(_box(0.19, 0.105, 0.30, grain).moved(0, -0.115, _TOP - 0.10), white, "chest"))
    parts.append(_held(_box(0.135, 0.03, 0.055, grain).moved(0, -0.168, _TOP - 0.02), shade, "chest"))
    parts.append(_held(_box(0.105, 0.05, 0.075, grain).moved(0, 0.098, _TOP - 0.115), shade, "chest"))
    for number, (x, tone) in enumerate(((-0.03, trim), (0.0, lamp), (0.03, dark))):
        parts.append(
            _held(solids.sphere(0.010, 8, 6).moved(x, 0.124, _TOP - 0.105 - 0.012 * (number % 2)), tone, "chest")
        )
    parts.append(_held(_ring(_TOP + 0.030, 0.066, 0.013, grain), shade, "chest"))
    parts += _helmet(white, shade, gold, lamp, grain)
    parts += _bands(trim, shade, grain)
    for side in (-1, 1):
        hose = [[side * 0.05, 0.12, _TOP - 0.14], [side * 0.115, 0.10, _TOP - 0.16], [side * 0.125, 0.0, _TOP - 0.15],
                [side * 0.08, -0.10, _TOP - 0.14]]  # fmt: skip
        parts.append(_held(solids.tube(hose, 0.0085, 6), dark, "chest"))
    return parts


def _padded_legs(white: int, shade: int, grain: Grain) -> list[Mesh]:
    """Trousers as thick as quilts, boots, and mittens over the gloves."""
    h, knee, x, bone = _F.hips, _F.hips * 0.545, _F.pelvis, _bones()
    rows = [(x, 0.0, h + 0.03, 0.050, 0.060, 0.066), (x + 0.004, 0.0, h - 0.03, 0.066, 0.074, 0.076),
            (x + 0.004, 0.003, h - 0.11, 0.066, 0.071, 0.069), (x, 0.006, knee + 0.05, 0.057, 0.062, 0.058),
            (x, 0.008, knee + 0.006, 0.050, 0.056, 0.050), (x, 0.004, knee - 0.045, 0.056, 0.058, 0.062),
            (x, 0.0, knee - 0.12, 0.054, 0.054, 0.058), (x, -0.004, 0.085, 0.046, 0.047, 0.048)]  # fmt: skip
    hold = Hold((bone["pelvis"], bone["thigh.r"], bone["shin.r"]), (0.8, 4.0), (0.9, 0.8))
    leg = skin(rows, grain(24, 9), grain(16, 7), hold, paint=white)
    sole = [(x, -0.052, 0.030, 0.020, 0.040, 0.028), (x, -0.040, 0.034, 0.036, 0.062, 0.032), (x, 0.0, 0.034, 0.040,
            0.066, 0.033),
            (x, 0.045, 0.030, 0.041, 0.044, 0.029), (x, 0.095, 0.027, 0.044, 0.034, 0.026),
            (x, 0.130, 0.024, 0.036, 0.026, 0.023), (x, 0.148, 0.022, 0.014, 0.012, 0.016)]  # fmt: skip
    boot = skin(sole, grain(12, 6), grain(14, 7), Hold((bone["foot.r"], bone["toes.r"]), (4.0,), (0.6,)), front=UP,
            paint=shade,
                power=2.6)  # fmt: skip
    cuff = [(x, -0.004, 0.040, 0.045, 0.050, 0.046), (x, -0.004, 0.075, 0.050, 0.052, 0.052),
            (x, -0.004, 0.115, 0.050, 0.052, 0.052)]  # fmt: skip
    shaft = skin(cuff, grain(6, 4), grain(14, 7), Hold((bone["foot.r"], bone["shin.r"]), (1.0,), (0.7,)), paint=shade)
    palm = solids.sphere(0.034, grain(14, 7), grain(10, 5)).scaled(0.62, 1.0, 1.15).moved(*person.arm_at(_F, 0.348))
    parts = [twin for part in (leg, boot, shaft) for twin in _twins(part)]
    return parts + _twins(_held(palm, shade, "hand.r"))


def _helmet(white: int, shade: int, gold: int, lamp: int, grain: Grain) -> list[Mesh]:
    """A shell with a golden visor that stands out of it, and lamps over the ears."""
    z = _HEAD - 0.002
    shell = solids.sphere(0.100, grain(26, 10), grain(18, 7)).moved(0, -0.008, z)
    visor = solids.sphere(0.092, grain(28, 12), grain(18, 8)).scaled(0.90, 0.86, 0.76).moved(0, 0.034, z + 0.002)
    brim = [[0.088 * np.cos(a), 0.045 + 0.012 * abs(np.sin(a)), z + 0.074 * np.sin(a)]
            for a in np.linspace(0, 2 * np.pi, grain(29, 11))]  # fmt: skip
    parts = [_held(shell, white, "head"), _held(visor, gold, "head")]
    parts.append(_held(solids.tube(brim, 0.009, grain(7, 4), caps=False), shade, "head"))
    for side in (-1, 1):
        pod = (
            solids.sphere(0.026, grain(12, 6), grain(8, 4)).scaled(0.62, 1.2, 1.0).moved(side * 0.100, 0.005, z + 0.02)
        )
        light = solids.sphere(0.012, 8, 6).scaled(1, 0.5, 1).moved(side * 0.100, 0.036, z + 0.024)
        parts += [_held(pod, shade, "head"), _held(light, lamp, "head")]
    return parts


def _bands(trim: int, shade: int, grain: Grain) -> list[Mesh]:
    """Coloured bands about arms and thighs, rings at the wrists."""
    parts = []
    for along, name, radius, tone, thick in (
        (0.085, "arm.r", 0.057, trim, 0.009), (0.300, "forearm.r", 0.043, shade, 0.011),
    ):  # fmt: skip
        x, y, z = person.arm_at(_F, along)
        ring = _ring(0.0, radius, thick, grain).turned(roll=-person.SPREAD).moved(x, y, z)
        parts += _twins(_held(ring, tone, name))
    parts += _twins(_held(_ring(_F.hips * 0.78, 0.078, 0.010, grain).moved(_F.pelvis, 0.004, 0), trim, "thigh.r"))
    parts += _twins(_held(_ring(0.085, 0.056, 0.011, grain).moved(_F.pelvis, -0.004, 0), shade, "shin.r"))
    return parts


def _diver(palette: Palette, grain: Grain, lots: np.ndarray, colour: str) -> list[Mesh]:
    suit = palette.add(paint(_SUITS[int(lots[1] * 3)], gloss=0.45))
    trim = palette.add(paint(colour or _FINS[int(lots[2] * 4)], gloss=0.4))
    dark = palette.add(paint("0d0f12", gloss=0.5))
    steel = palette.add(paint("c4ccd2", gloss=0.8, mirror=0.2))
    tank = palette.add(paint(("d8b021", "c9cfd4", "3f7fa8")[int(lots[3] * 3)], gloss=0.7, mirror=0.08))
    glass = palette.add(paint("2a5a6c", gloss=0.98, mirror=0.30))
    skin_tone = people.SKINS[int(lots[0] * len(people.SKINS))]
    flesh = palette.add(paint(skin_tone, gloss=0.3))
    dress = Dress(suit, suit, suit, dark, dark, suit, 0.31, 0.4, 1.0, 0.0)
    parts = _clad(dress, grain)
    hood = solids.sphere(0.078, grain(20, 8), grain(14, 6)).scaled(0.92, 1.08, 1.06).moved(0, -0.002, _HEAD)
    oval = solids.sphere(0.062, grain(16, 8), grain(12, 6)).scaled(0.86, 0.8, 1.0).moved(0, 0.036, _HEAD - 0.012)
    parts += [_held(hood, suit, "head"), _held(oval, flesh, "head")]
    parts.append(_held(_box(0.105, 0.034, 0.058, grain).moved(0, 0.078, _HEAD + 0.014), trim, "head"))
    parts.append(_held(_box(0.090, 0.020, 0.044, grain).moved(0, 0.090, _HEAD + 0.014), glass, "head"))
    parts.append(_held(_box(0.040, 0.036, 0.030, grain).moved(0, 0.092, _HEAD - 0.040), dark, "head"))
    neck = solids.tube([[0, -0.006, _TOP - 0.01], [0, 0.0, _HEAD - 0.03]], 0.040, grain(12, 5))
    parts.append(_held(neck, suit, "neck"))
    bottle = [
        (0.0, -0.165),
        (0.030, -0.160),
        (0.047, -0.140),
        (0.048, 0.105),
        (0.040, 0.135),
        (0.018, 0.155),
        (0, 0.16),
    ]
    parts.append(_held(solids.lathe(bottle, grain(16, 7)).moved(0, -0.108, _TOP - 0.105), tank, "chest"))
    parts.append(_held(_box(0.05, 0.035, 0.035, grain).moved(0, -0.108, _TOP + 0.062), steel, "chest"))
    parts.append(_held(_box(0.17, 0.105, 0.20, grain).moved(0, -0.004, _TOP - 0.12), dark, "chest"))
    hose = [[0.02, -0.10, _TOP + 0.06], [0.10, -0.04, _TOP + 0.075], [0.098, 0.06, _HEAD - 0.05], [0.022, 0.10,
            _HEAD - 0.042]]  # fmt: skip
    parts.append(_held(solids.tube(hose, 0.0075, 6), dark, "chest"))
    parts.append(
        _held(_ring(_F.hips + 0.055, 0.098, 0.011, grain).scaled(1.0, 0.72, 1.0).moved(0, 0, 0.0), trim, "pelvis")
    )
    parts += _twins(_fin(trim, grain))
    return parts


def _fin(tone: int, grain: Grain) -> Mesh:
    """The right foot's fin, ahead of it."""
    x = _F.pelvis
    rows = [(x - w, y, 0.018, x + w, y, 0.018) for y, w in ((0.02, 0.030), (0.11, 0.040), (0.20, 0.056), (0.30, 0.066),
            (0.35, 0.060))]  # fmt: skip
    outline = np.array(rows)
    return blade(outline, 0.012, Hold((_bones()["foot.r"],)), paint=tone, rows=grain(8, 4))


def _knight(palette: Palette, grain: Grain, lots: np.ndarray, colour: str) -> list[Mesh]:
    steel = palette.add(paint("9ba3ad", gloss=0.86, mirror=0.20))
    mail = palette.add(paint("5b6169", gloss=0.5, pattern=MOTTLED, numbers=(120, 0.5, 4)))
    dark = palette.add(paint("0c0d0f", gloss=0.2))
    tone = colour or _CLOTHS[int(lots[1] * 4)]
    cloth = palette.add(paint(tone, gloss=0.05, pattern=CLOTH, numbers=(60.0, 0.2, 8), two_sided=True))
    gold = palette.add(paint("c9a24a", gloss=0.85, mirror=0.25))
    leather = palette.add(paint("4a2f1d", gloss=0.3))
    dress = Dress(cloth, mail, mail, steel, steel, cloth, 0.31, 1.6, 0.62, 0.06)
    bone = _bones()
    parts = _clad(dress, grain)
    parts += garments.skirt(_F, dress, grain, bone.__getitem__)
    z = _HEAD
    bowl = [
        (0.0, 0.112),
        (0.030, 0.104),
        (0.058, 0.080),
        (0.074, 0.040),
        (0.078, 0.0),
        (0.076, -0.050),
        (0.064, -0.088),
    ]
    helm = solids.lathe(bowl[::-1], grain(22, 9)).scaled(0.94, 1.10, 1.0).moved(0, 0.004, z)
    parts += [_held(helm, steel, "head")]
    parts.append(_held(_box(0.108, 0.03, 0.012, grain).moved(0, 0.080, z + 0.020), dark, "head"))
    parts.append(_held(_box(0.014, 0.034, 0.115, grain).moved(0, 0.078, z - 0.018), gold, "head"))
    for row in range(3):
        for side in (-1, 1):
            hole = solids.sphere(0.0055, 6, 4).moved(side * (0.022 + 0.012 * (row % 2)), 0.083, z - 0.024 - 0.016 * row)
            parts.append(_held(hole, dark, "head"))
    plume = [(0, 0.02, z + 0.105, 0.008, 0.010, 0.010), (0, -0.01, z + 0.150, 0.014, 0.026, 0.026),
             (0, -0.07, z + 0.150, 0.016, 0.030, 0.030), (0, -0.13, z + 0.09, 0.013, 0.024, 0.024),
             (0, -0.16, z + 0.00, 0.004, 0.008, 0.008)]  # fmt: skip
    parts.append(skin(plume, grain(12, 5), grain(10, 5), Hold((bone["head"],)), front=UP, paint=cloth))
    parts.append(_held(_ring(_TOP + 0.022, 0.052, 0.014, grain), steel, "chest"))
    parts += _plates(steel, gold, leather, grain)
    return parts + _arms_of_war(steel, cloth, gold, leather, grain)


def _plates(steel: int, gold: int, leather: int, grain: Grain) -> list[Mesh]:
    """What covers shoulders, elbows, forearms, knees and shins, and the belt."""
    parts = []
    for along, name, size, flat in ((0.012, "arm.r", 0.050, 0.85), (0.168, "forearm.r", 0.034, 1.0)):
        x, y, z = person.arm_at(_F, along)
        form = solids.sphere(size, grain(14, 7), grain(10, 5)).scaled(0.95, 1.0, flat).moved(x, y, z)
        parts += _twins(_held(form, steel, name))
    rows = [(*person.arm_at(_F, d), r, r, r) for d, r in ((0.19, 0.020), (0.20, 0.033), (0.25, 0.031), (0.30, 0.029),
            (0.315, 0.037), (0.318, 0.024))]  # fmt: skip
    parts += _twins(skin(rows, grain(10, 5), grain(12, 5), Hold((_bones()["forearm.r"],)), paint=steel))
    knee, x = _F.hips * 0.545, _F.pelvis
    cap = solids.sphere(0.040, grain(12, 6), grain(8, 5)).scaled(0.95, 0.95, 1.05).moved(x, 0.012, knee)
    parts += _twins(_held(cap, steel, "shin.r"))
    shin = [(x, y, z, r, r * 1.1, r * 1.15) for z, y, r in ((knee - 0.025, 0.004, 0.028), (knee - 0.045, 0.002, 0.040),
            (knee - 0.11, -0.002, 0.041), (0.09, -0.003, 0.031), (0.062, -0.004, 0.034), (0.058, -0.004,
                    0.02))]  # fmt: skip
    parts += _twins(skin(shin[::-1], grain(10, 5), grain(12, 5), Hold((_bones()["shin.r"],)), paint=steel))
    parts.append(_held(_ring(_F.hips + 0.045, 0.110, 0.013, grain).scaled(1.0, 0.74, 1.0), leather, "pelvis"))
    parts.append(_held(_box(0.036, 0.02, 0.03, grain).moved(0, 0.086, _F.hips + 0.045), gold, "pelvis"))
    return parts


def _arms_of_war(steel: int, cloth: int, gold: int, leather: int, grain: Grain) -> list[Mesh]:
    """A sword at the left hip, a shield on the left arm."""
    sword = [
        solids.box(0.018, 0.008, 0.46).moved(0, 0, -0.46).painted(leather),
        solids.box(0.012, 0.10, 0.012).moved(0, 0, 0.0).painted(gold),
        solids.cylinder(0.007, 0.075, 8).painted(leather),
        solids.sphere(0.013, 8, 6).moved(0, 0, 0.082).painted(gold),
    ]
    hung = joined(sword).turned(pitch=0.62).moved(-0.118, 0.0, _F.hips + 0.03).boned(_bones()["pelvis"])
    outline = [(0.0, 0.17), (0.085, 0.16), (0.13, 0.13), (0.132, 0.02), (0.105, -0.09), (0.05, -0.17), (0.0, -0.21)]
    x, y, z = person.arm_at(_F, 0.245)
    parts = [hung]
    for size, off, tone in ((1.0, 0.0, steel), (0.90, 0.006, cloth)):
        net = []
        for side, up in outline:
            span = np.linspace(-1.0, 1.0, 9)
            bow = 0.045 * (1.0 - span**2) * (side > 0)
            net.append(np.stack([bow + off, span * side * size, np.full(9, up * size)], 1))
        face_ = solids.surface(np.array(net[::-1]))
        shield = face_.moved(x + 0.045, y + 0.02, z - 0.02).painted(tone).boned(_bones()["forearm.r"])
        parts.append(both(shield, person.twins(_bones().__getitem__))[1])
    return parts
