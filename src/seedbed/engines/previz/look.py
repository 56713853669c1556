"""From a `Shot` to numbers: the land's shape and its palettes (`light` has the hours and weathers).

Colours are written as sRGB and handed on as linear light. The salt of unknown words leans the palette.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from seedbed.engines.previz.light import floats, light_of, linear
from seedbed.engines.previz.script import Shot

Floats = NDArray[np.float32]


@dataclass(frozen=True, slots=True, kw_only=True)
class Look:
    """What the kernels are given. Shapes: ground (16), crowns (n, 3), soil (5, 3), lamp (3, 3), air (2, 3: overhead,
    horizon), water (6), tint (4, 3), sun (3, towards it). `haze_m` is the distance at which air hides two thirds."""

    ground: Floats
    crowns: Floats
    soil: Floats
    lamp: Floats
    air: Floats
    water: Floats
    tint: Floats
    sun: Floats
    haze_m: float
    mist: float
    exposure: float
    warm: float
    saturation: float
    wet: bool


# Evergreen first, then in the order that clumps run through.
_CROWNS = {
    "autumn": ("2b3d25", "66702f", "8c8034", "b98f35", "c6973a", "bd7a2c", "b4622a", "9c4626", "7d3222", "8a5a30"),
    "summer": ("24401f", "4d6f25", "5f8030", "6f8c33", "587a2c", "466a2a", "7d9138", "55752a", "3f6226"),
    "spring": ("2c4a24", "8cab45", "9dba4f", "b7c65c", "e7b9c4", "f0cdd3", "a4bd52", "86a83f", "c8d077"),
    "winter": ("2e4236", "8d8078", "a89c94", "c9c4c2", "dfe1e4", "b9b3b0", "948880", "e4e8ec", "7d726b"),
}
_SOIL = {
    "autumn": ("6a4a2a", "625f34", "574e42", "7a7068", "f2f5fa"),
    "summer": ("5a5a34", "76893c", "a1968a", "7a7068", "f2f5fa"),
    "spring": ("6a6a3c", "84a048", "a1968a", "7a7068", "f2f5fa"),
    "winter": ("c9c8c8", "d5d8dc", "a5a4a4", "7c7a7a", "f2f5fa"),
}
_DESERT = ("d2a06a", "d8a870", "caa072", "b27a4e", "f2f5fa")

# relief, its scale, ridges, their scale, valley, plain, dunes, trees, evergreens, tree line, snow line, backdrop
_SHAPES = {
    "forest": (58.0, 520.0, 110.0, 1500.0, 360.0, 0.006, 0.0, 0.93, 0.10, 420.0, 900.0, 260.0),
    "mountain": (95.0, 640.0, 620.0, 1900.0, 300.0, 0.016, 0.0, 0.62, 0.45, 250.0, 400.0, 900.0),
    "desert": (26.0, 700.0, 30.0, 2400.0, 220.0, 0.012, 30.0, -1.0, 0.0, 0.0, 9000.0, 160.0),
    "meadow": (34.0, 460.0, 60.0, 1500.0, 240.0, 0.010, 0.0, 0.10, 0.10, 300.0, 900.0, 420.0),
    "coast": (62.0, 480.0, 150.0, 1500.0, 160.0, 0.055, 0.0, 0.55, 0.18, 220.0, 900.0, 300.0),
}


def look(shot: Shot) -> Look:
    """The numbers for `shot`. Any shot has a look."""
    sun, lamp, air, exposure, warm = light_of(shot)
    crowns = _lean(linear(*_CROWNS[shot.season]), shot.salt)
    soil = linear(*(_DESERT if shot.setting == "desert" else _SOIL[shot.season]))
    tint = linear("12322f", "4d6a4e", "fff4e0", "ffffff")
    if shot.water == "ocean":
        tint[:2] = linear("0b3a4e", "3b9a98")
    elif shot.setting == "mountain":
        tint[:2] = linear("0f4247", "4f9a8e")
    tint[0:2] *= lamp[0] * 0.45 + lamp[1] * 0.8
    tint[2] = lamp[0]
    tint[3] = air[1] * 0.9
    flows = shot.water == "river"
    swell = 0.10 if shot.water == "ocean" else 0.0
    ripple = 0.055 if flows else 0.05
    water = [4.2 if flows else 1.4, ripple, 1.0, 0.9 if flows or swell else 0.25, float(flows), swell]
    haze_m, mist = {"fog": (760.0, 0.5), "rain": (1500.0, 0.2), "snow": (1300.0, 0.2)}.get(shot.weather, (2900.0, 0.0))
    if shot.weather in ("fair", "cloudy") and shot.time != "day":
        haze_m, mist = 3000.0, 0.12
    return Look(
        ground=_ground(shot), crowns=crowns, soil=soil, lamp=lamp, air=air, water=floats(water), tint=tint,
        sun=sun, haze_m=haze_m, mist=mist, exposure=exposure, warm=warm,
        saturation=_saturation(shot), wet=shot.water != "none",
    )  # fmt: skip


def _saturation(shot: Shot) -> float:
    if shot.time == "night":
        return 0.6
    return 0.82 if shot.weather in ("rain", "fog", "snow") else 0.92


def _ground(shot: Shot) -> Floats:
    shape = _SHAPES[shot.setting]
    relief, relief_m, ridge, ridge_m, valley, plain, dune, trees, evergreen, tree_line, snow_line, backdrop = shape
    snow = 0.92 if shot.season == "winter" and shot.setting != "desert" else 0.0
    if snow and trees > 0.5:
        evergreen = 0.5
    depth = {"river": 2.6, "lake": 6.0, "ocean": 7.0}.get(shot.water, 2.0)
    return floats(
        [relief, relief_m, ridge, ridge_m, valley, plain, dune, float(shot.water == "ocean"), trees, evergreen,
         tree_line, snow_line, snow, backdrop, 0.0, depth]
    )  # fmt: skip


def _lean(crowns: Floats, salt: int) -> Floats:
    """Moves the palette a little, by the words that were not understood."""
    if not salt:
        return crowns
    lean = [1.0 + 0.16 * (((salt >> shift) & 255) / 255 - 0.5) for shift in (0, 8, 16)]
    return (crowns * np.array(lean, dtype=np.float32)).astype(np.float32)
