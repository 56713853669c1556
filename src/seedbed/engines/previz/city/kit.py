"""The paints of a city at its hour, in its weather and style."""

from __future__ import annotations

from dataclasses import dataclass

from seedbed.engines.previz.script import Shot
from seedbed.engines.previz.shapes import Palette, paint
from seedbed.engines.previz.shapes.paint import (
    ASPHALT,
    CURTAIN,
    GLYPHS,
    MOTTLED,
    ROAD,
    SHOPS,
    STREAKS,
    STRIPES,
    TILES,
    WINDOWS,
)

LIT = {"day": 0.05, "sunset": 0.30, "sunrise": 0.16, "night": 0.46}
"""The share of windows with light in them."""
HALF_M, KERB_M = 7.4, 0.14
"""Half the main street's carriageway, and the height of its kerbs."""
BAY_M, FLOOR_M, PANE_M, OFFICE_M = 3.0, 3.3, 1.5, 3.6
SHOP_M, SHOP_TALL_M = 6.0, 4.4
NEON = ((2.6, 0.25, 1.5), (0.2, 1.9, 2.4), (2.6, 0.5, 0.15), (0.35, 2.2, 0.7), (1.3, 0.35, 2.6), (2.3, 1.6, 0.3))
"""Colours of luminous tubes, in linear light."""
CARS = ("b8bcc0", "1b1d20", "8c1a1a", "22406e", "d8d6d0", "5a6066", "c7a22a", "2f4a3a")
_STONES = (
    ("c9b79c", 0.0), ("a8674c", 0.9), ("b9a98f", 0.0), ("8d4f3c", 1.0), ("9a938a", 0.0), ("d3c6b2", 0.0),
    ("7a5a48", 0.8), ("b0a79e", 0.0), ("a98468", 0.5),
)  # fmt: skip
_GLASS = ("5c7886", "4a6070", "6a7f7c", "39505f", "7c8c96")
_PLASTER = ("d9c08a", "cf9a78", "c7b299", "b8c0a8", "d6c7b4", "bd8a72", "a8b4bc", "e0d4bc")
_LEAVES = {
    "spring": ("7a9a3e", "93aa4c", "d8a8b4"), "summer": ("3f6426", "4d742c", "5c7c34"),
    "autumn": ("b57a2c", "a85726", "8c8034"), "winter": ("6e6258", "786c60", "645a52"),
}  # fmt: skip


@dataclass(frozen=True, slots=True, kw_only=True)
class Kit:
    """Rows of the palette by what they are for. `night` says that lamps burn, `lit` is the share of lit windows."""

    palette: Palette
    stone: tuple[int, ...]
    glass: tuple[int, ...]
    shops: tuple[int, ...]
    plaster: tuple[int, ...]
    plain: tuple[int, ...]
    tiles: tuple[int, ...]
    neon: tuple[int, ...]
    cars: tuple[int, ...]
    leaves: tuple[int, ...]
    road: int
    asphalt: int
    crossing: int
    pavement: int
    cobbles: int
    kerb: int
    roof: int
    trim: int
    metal: int
    dark: int
    pane: int
    bark: int
    lamp: int
    head: int
    tail: int
    red: int
    green: int
    shade: int
    water: int
    wood: int
    clock: int
    grass: int
    night: bool
    snowy: bool
    wet: bool
    lit: float


def kit_of(shot: Shot) -> Kit:
    """The kit of `shot`."""
    palette = Palette()
    add = palette.add
    night, wet = shot.time == "night", shot.weather in ("rain", "storm")
    dusk = night or shot.time == "sunset" or wet or shot.weather == "fog"
    snowy = shot.weather == "snow" or shot.season == "winter"
    lit = max(LIT[shot.time], 0.25 if wet else 0.0)
    room = 0.7 if night else 0.5
    damp = 0.62 if wet else 1.0
    tarmac = [value * damp for value in (0.062, 0.062, 0.066)]
    slab = "d6dade" if snowy else "8f8a84"
    grey = 0.5 if wet else 0.1

    def tarred(pattern: int, numbers: tuple[float, ...]) -> int:
        return add(paint(tarmac, pattern=pattern, numbers=numbers, gloss=0.62 if wet else 0.12,
                         mirror=0.20 if wet else 0.0))  # fmt: skip

    def wall(colour: str, bricks: float, seed: int) -> int:
        return add(
            paint(colour, gloss=0.05, pattern=WINDOWS, numbers=(BAY_M, FLOOR_M, lit, room, seed, bricks, 0.46, 0.56))
        )

    def panes(colour: str, seed: int) -> int:
        return add(
            paint(
                colour,
                gloss=0.3,
                pattern=CURTAIN,
                numbers=(PANE_M, OFFICE_M, lit * (0.7 if night else 0.4), room * 0.8, seed, 0.26),
            )
        )

    def lamp(colour: tuple[float, float, float], on: float) -> int:
        return add(paint((0.5, 0.48, 0.45), glow=[value * on for value in colour], gloss=0.4))

    burn = 1.0 if dusk else 0.06
    return Kit(
        palette=palette,
        stone=tuple(wall(colour, bricks, number) for number, (colour, bricks) in enumerate(_STONES)),
        glass=tuple(panes(colour, 20 + number) for number, colour in enumerate(_GLASS)),
        shops=tuple(
            add(paint(colour, gloss=0.15, pattern=SHOPS,
                                numbers=(SHOP_M, SHOP_TALL_M, 0.9 if dusk else 0.35, 0.6 if night else 0.4, seed)))
            for seed, colour in enumerate(("3a3532", "5a4a40", "2e3436", "6a6058"))
        ),
        plaster=tuple(
            add(paint(colour, gloss=0.03, pattern=WINDOWS, numbers=(2.4, 2.9, lit, room, 40 + seed, 0.0, 0.36, 0.5)))
            for seed, colour in enumerate(_PLASTER)
        ),
        plain=tuple(add(paint(colour, gloss=0.03, pattern=MOTTLED, numbers=(0.3, 0.12, 4))) for colour in _PLASTER),
        tiles=tuple(
            add(paint("e8ecf0" if snowy else colour, gloss=0.05, pattern=TILES,
                                numbers=(0.32, 0.36, 0.15 if snowy else 0.5, seed)))
            for seed, colour in enumerate(("a4523a", "8f4632", "6e4a3e", "b3664a"))
        ),
        neon=tuple(
            add(paint((0.02, 0.02, 0.025), glow=colour, glow_by=1.5 if night else 0.8, gloss=0.4, pattern=GLYPHS,
                      numbers=(0.9, seed, 0.95), two_sided=True))
            for seed, colour in enumerate(NEON)
        ),
        cars=tuple(add(paint(colour, gloss=0.9, mirror=0.32)) for colour in CARS),
        leaves=tuple(
            add(paint("dfe4e8" if snowy else colour, gloss=0.08, pattern=MOTTLED, numbers=(2.6, 0.75, seed)))
            for seed, colour in enumerate(_LEAVES[shot.season])
        ),
        road=tarred(ROAD, (3.3, 2, 0.35 if snowy else 0.8, 0.5, 3)),
        asphalt=tarred(ASPHALT, (0.5, 4)),
        crossing=tarred(STRIPES, (0.6, 0.6, 8.0 * damp, 5)),
        pavement=add(paint(slab, gloss=grey, pattern=TILES,
                            numbers=(0.9, 0.9, 0.10 if snowy else 0.28, 6), mirror=0.10 if wet else 0.0)),
        cobbles=add(paint("c8ccd0" if snowy else "6e6862", gloss=0.55 if wet else 0.12, pattern=TILES,
                          numbers=(0.22, 0.16, 0.15 if snowy else 0.45, 8), mirror=0.16 if wet else 0.0)),
        kerb=add(paint("9c9892", gloss=0.08)),
        roof=add(paint("e6eaee" if snowy else "55534f", gloss=0.05, pattern=MOTTLED, numbers=(0.4, 0.2, 3))),
        trim=add(paint("e2e6ea" if snowy else "b8b0a4", gloss=0.08)),
        metal=add(paint("3a3c3e", gloss=0.5, mirror=0.06)), dark=add(paint("141414", gloss=0.25)),
        pane=add(paint("10161a", gloss=0.95, mirror=0.55)),
        bark=add(paint("4a3b2e", pattern=STREAKS, numbers=(30, 0.4, 2))),
        lamp=lamp((3.2, 2.2, 1.1), burn), head=lamp((3.4, 3.2, 2.8), 1.2 if dusk else 0.25),
        tail=lamp((2.6, 0.10, 0.06), 1.0 if dusk else 0.25), red=lamp((2.8, 0.12, 0.05), 1.0),
        green=lamp((0.15, 2.4, 0.9), 1.0),
        shade=add(paint((0.0, 0.0, 0.0), opacity=0.4, gloss=0.0)),
        water=add(paint("0d1c24", gloss=0.55, mirror=0.75)),
        wood=add(paint("5c4330", gloss=0.1)), clock=add(paint("efe8d4", glow="f6e4b0", glow_by=0.8 if dusk else 0.05)),
        grass=add(paint("dfe3e8" if snowy else "4f6a30", pattern=MOTTLED, numbers=(0.7, 0.35, 5))),
        night=night, snowy=snowy, wet=wet, lit=lit,
    )  # fmt: skip
