"""Who people are: figure, face, hair, skin and what they wear, by kind, by wish and by seed."""

from __future__ import annotations

from dataclasses import dataclass
from functools import partial

import numpy as np

from seedbed.engines.previz.bodies import face, garments, person
from seedbed.engines.previz.bodies.form import Grain, Hold
from seedbed.engines.previz.bodies.model import Model
from seedbed.engines.previz.bodies.strides import MOTIONS, clip
from seedbed.engines.previz.shapes.mesh import Mesh, joined
from seedbed.engines.previz.shapes.paint import MOTTLED, STREAKS, Palette, paint

SKINS = ("f2cdb4", "e8b894", "d9a27c", "c58a62", "a56b46", "7d4c30", "5a3624")
HAIRS = ("17120f", "2b1d15", "4a2f1d", "6d452a", "a67c48", "d2b074", "8c3f22", "9a9894")
IRISES = ("3d2718", "51351f", "4a6a7c", "5c7350", "2a1d15")
CLOTHS = ("2f4058", "6b2f36", "3e5641", "b98b4e", "8a8d93", "d9d2c3", "7a5a73", "31343b", "a34b3a", "4f7c8c", "c7a7a0",
          "5d6b3c")  # fmt: skip
DARKS = ("23262e", "2d3a4d", "3b3330", "4a4d52", "1c1d22", "54483d")
SHOES = ("1d1a19", "3b2a20", "5b3b26", "e4e0d8", "2b2f3a")


@dataclass(frozen=True, slots=True)
class Outfit:
    """See `person.Dress`: lengths, and what shares a colour with what."""

    sleeves: float = 0.31
    loose: float = 1.0
    hem: float = 1.0
    flare: float = 0.0
    shins: bool = True
    suit: bool = False
    """Top and legs in one colour."""
    separate: bool = False
    """The skirt has its own colour."""
    jacket: bool = False
    """Open over a shirt and a tie."""
    collared: bool = True
    bare: bool = False
    """Legs (or the shoulders' sleeves) are skin."""


OUTFITS: dict[str, Outfit] = {
    "casual": Outfit(), "tee": Outfit(0.11, collared=False), "suit": Outfit(loose=1.4, suit=True, jacket=True),
        "coat": Outfit(loose=2.2, hem=0.62, flare=0.10),
    "long coat": Outfit(loose=2.3, hem=0.34, flare=0.13), "dress": Outfit(0.06, 0.8, 0.56, 0.20, bare=True),
    "long dress": Outfit(0.05, 0.8, 0.12, 0.17, bare=True), "gown": Outfit(0.0, 0.7, 0.07, 0.26, bare=True),
    "skirt": Outfit(0.12, 0.8, 0.60, 0.14, separate=True, bare=True), "robe": Outfit(0.30, 2.6, 0.10, 0.15, suit=True),
    "kimono": Outfit(0.29, 2.6, 0.12, 0.05, suit=True), "sport": Outfit(0.10, 0.6, suit=True, collared=False),
}  # fmt: skip
_WORN = {
    "man": ("casual", "tee", "suit", "coat", "casual", "long coat"),
    "woman": ("casual", "dress", "coat", "skirt", "long dress", "tee", "long coat"),
    "child": ("tee", "casual", "skirt", "casual"),
}
_HAIR = {
    "man": ("short", "crop", "short", "bald", "afro"), "woman": ("long", "bob", "bun", "tail", "long", "afro"),
    "child": ("short", "bob", "tail", "crop"),
}  # fmt: skip
_TALL = {"man": (1.70, 1.86), "woman": (1.60, 1.74), "child": (1.08, 1.36)}
KINDS = {
    "person": "", "people": "", "man": "man", "woman": "woman", "child": "child", "girl": "child", "boy": "child",
    "model": "woman", "dancer": "woman", "monk": "man", "traveller": "man",
}  # fmt: skip
_WEAR = {"model": "gown", "dancer": "dress", "monk": "robe", "girl": "dress", "boy": "tee"}
_CROP = {"monk": "bald", "girl": "tail", "boy": "short", "dancer": "bun", "model": "long"}


def person_model(
    kind: str, rng: np.random.Generator, palette: Palette, grain: Grain, *, outfit: str = "", hair: str = "",
    skin: str = "", hair_colour: str = "", colour: str = "", colour2: str = "", height: float = 0.0,
) -> Model:  # fmt: skip
    """Looks not wished for are drawn by lot. Colours are sRGB like `8a2f36`."""
    # Every lot is drawn, wished for or not, so that one wish does not change the rest.
    figure = KINDS[kind] or ("man", "woman", "man", "woman", "child")[int(rng.integers(5))]
    lots = rng.random(16)
    low, high = _TALL[figure]
    tall = height or low + (high - low) * float(lots[0])
    wear = OUTFITS[outfit or _WEAR.get(kind) or _pick(_WORN[figure], lots[1])]
    style = hair or _CROP.get(kind) or _pick(_HAIR[figure], lots[2])
    tone = skin or _pick(SKINS, lots[3])
    hues = hair_colour or _pick(HAIRS[:3] if SKINS.index(tone) > 3 else HAIRS, lots[4]) if tone in SKINS else HAIRS[1]
    first = colour or _pick(DARKS if wear.jacket else CLOTHS, lots[5])
    second = colour2 or (first if wear.suit else _pick(DARKS, lots[6]))
    tints = _tints(palette, tone, hair_colour or hues, _pick(IRISES, lots[7]), figure)
    dress = _dress(palette, wear, first, second, _pick(SHOES, lots[8]), tints)
    build = _build(figure, lots[9:14])
    mesh = body(figure, dress, build, style, tints, grain).scaled(tall)
    clips = {motion: partial(clip, figure, motion) for motion in MOTIONS}
    return Model(kind, mesh, clips, tall, tall)


def body(figure: str, dress: person.Dress, build: face.Build, style: str, tints: face.Tints, grain: Grain) -> Mesh:
    """A person of height 1."""
    f = person.FIGURES[figure]
    bone = person.bone_numbers(figure).__getitem__
    torso = person.trunk(f, dress, grain, bone)
    parts = [torso, person.neck(f, dress, grain, bone)]
    parts += person.arms(f, dress, grain, bone, torso)
    parts += person.legs(f, dress, grain, bone, torso)
    parts += garments.collar(f, dress, grain, bone) + garments.front(f, dress, grain, bone, torso)
    parts += garments.skirt(f, dress, grain, bone)
    crown = [
        *face.head(build, grain, Hold((bone("head"),)), tints, haired=style != "bald"),
        *face.hair(style, build, grain, bone("head"), bone("tail"), tints),
    ]
    parts += [part.scaled(f.head).moved(0, 0.006, 1.0 - f.head) for part in crown]
    return joined(parts)


def _pick(choices: tuple[str, ...], lot: float) -> str:
    return choices[int(lot * len(choices)) % len(choices)]


def _tints(palette: Palette, skin: str, hair: str, iris: str, figure: str) -> face.Tints:
    lip = _mixed(skin, "a8434a", 0.50 if figure == "woman" else 0.34)
    return face.Tints(
        skin=palette.add(paint(skin, gloss=0.16)), lips=palette.add(paint(lip, gloss=0.3)),
        white=palette.add(paint("d9d3c8", gloss=0.12)),
            iris=palette.add(paint(iris if skin in SKINS[:3] else "2a1a12", gloss=0.3)),
        dark=palette.add(paint("130f0d", gloss=0.1)),
        hair=palette.add(paint(hair, gloss=0.32, pattern=STREAKS, numbers=(70, 0.35, 5))),
        brow=palette.add(paint(_mixed(hair, "1d1410", 0.4), gloss=0.05)),
    )  # fmt: skip


def _mixed(a: str, b: str, much: float) -> str:
    one, two = (np.array([int(c[i : i + 2], 16) for i in (0, 2, 4)]) for c in (a, b))
    return "".join(f"{round(v):02x}" for v in one * (1 - much) + two * much)


def _dress(palette: Palette, wear: Outfit, first: str, second: str, shoes: str, tints: face.Tints) -> person.Dress:
    cloth = partial(paint, gloss=0.06, pattern=MOTTLED)
    top = palette.add(cloth(first, numbers=(14, 0.10, 3)))
    other = palette.add(cloth(second, numbers=(14, 0.10, 4)))
    shoe = palette.add(paint(shoes, gloss=0.45))
    white = palette.add(cloth("e9e6de", numbers=(14, 0.04, 3)))
    collared = (white if wear.jacket else top) if wear.collared and not wear.bare else 0
    return person.Dress(
        top=top, sleeve=top, legs=other, shoes=shoe, skin=tints.skin, extra=other, sleeves=wear.sleeves,
            loose=wear.loose,
        hem=wear.hem, flare=wear.flare, waist=wear.separate,
        collared=collared, shirt=white if wear.jacket else 0, tie=palette.add(paint(_mixed(second, "5a1620", 0.75),
            gloss=0.25)),
        lapel=palette.add(cloth(_mixed(first, "101014", 0.28), numbers=(14, 0.1, 3))), shins=not wear.bare,
    )  # fmt: skip


def _build(figure: str, lots: np.ndarray) -> face.Build:
    vary = lots * 2 - 1
    base = {
        "man": (1.08, 1.0, 1.08, 0.8, 0.94),
        "woman": (0.90, 0.97, 0.86, 1.2, 1.10),
        "child": (0.86, 1.06, 0.70, 0.9, 1.22),
    }
    jaw, wide, nose, lips, eyes = base[figure]
    return face.Build(
        jaw * (1 + 0.06 * vary[0]), wide * (1 + 0.03 * vary[1]), nose * (1 + 0.18 * vary[2]),
            lips * (1 + 0.15 * vary[3]),
        eyes * (1 + 0.06 * vary[4]),
    )  # fmt: skip
