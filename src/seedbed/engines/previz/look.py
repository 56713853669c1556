"""From a `Shot` to numbers: the land's shape and its palettes (`light` has the hours and weathers).

Colours are written as sRGB and handed on as linear light. The salt of unknown words leans the palette.
"""

from __future__ import annotations

import math
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from seedbed.engines.previz import relief as r
from seedbed.engines.previz.light import floats, light_of, linear
from seedbed.engines.previz.script import Shot

Floats = NDArray[np.float32]


@dataclass(frozen=True, slots=True, kw_only=True)
class Look:
    """What the kernels are given. Shapes: ground (`relief.SLOTS`), crowns (n, 3), soil (5, 3), bands (n, 3) of rock,
    flowers (n, 3), lamp (3, 3), air (2, 3: overhead, horizon), water (7), tint (4, 3), sides (7), beds (64, 3), banks
    (6) of fog, sun (3, towards it). `haze_m` is the distance at which air hides two thirds, `waves_m` the significant
    height of waves."""

    ground: Floats
    crowns: Floats
    soil: Floats
    bands: Floats
    flowers: Floats
    lamp: Floats
    air: Floats
    water: Floats
    tint: Floats
    sides: Floats
    beds: Floats
    banks: Floats
    sun: Floats
    haze_m: float
    mist: float
    waves_m: float
    exposure: float
    warm: float
    saturation: float
    wet: bool


# Evergreen first, palm fronds last, between them in the order that clumps run through.
_CROWNS = {
    "autumn": ("2b3d25", "66702f", "8c8034", "b98f35", "c6973a", "bd7a2c", "b4622a", "9c4626", "7d3222", "8a5a30",
               "7d8a3a"),
    "summer": ("24401f", "4d6f25", "5f8030", "6f8c33", "587a2c", "466a2a", "7d9138", "55752a", "3f6226", "6f8f2e"),
    "spring": ("2c4a24", "8cab45", "9dba4f", "b7c65c", "e7b9c4", "f0cdd3", "a4bd52", "86a83f", "c8d077", "86a83f"),
    "winter": ("33463a", "6e5d52", "7d6c60", "8d7d72", "9a8c82", "84756a", "75665b", "94867c", "685a50", "6f7a5a"),
    "jungle": ("1f4a1e", "2f6a1c", "3f7f22", "57942a", "2a5f20", "6fa52c", "357526", "4a8a1f", "2b6a2c", "5c9430"),
    "ash": ("28301f", "3c4426", "4a4a2a", "565030", "40391f", "4a4a2a"),
}  # fmt: skip
_SOIL = {
    "autumn": ("6a4a2a", "6f6a33", "574e42", "7a7068", "f2f5fa"),
    "summer": ("5a5a34", "76893c", "a1968a", "7a7068", "f2f5fa"),
    "spring": ("6a6a3c", "84a048", "a1968a", "7a7068", "f2f5fa"),
    "winter": ("c9c8c8", "d5d8dc", "a5a4a4", "7c7a7a", "f2f5fa"),
    "desert": ("cf955a", "cf955a", "c79058", "b27a4e", "f2f5fa"),
    "canyon": ("b98a5a", "a8924f", "c79c6c", "b06a40", "f2f5fa"),
    "volcano": ("3a3431", "454033", "2b2827", "35302f", "e8ebef"),
    "jungle": ("3c4a22", "4a6a26", "7a6a4c", "5c6450", "f2f5fa"),
}
_SAND = "e2cfa4"
_MEADOW = {"autumn": ("8a7a3a", "9a8440"), "summer": ("6a7f38", "788c40"), "spring": ("668a3c", "769846"),
           "winter": ("c9c8c8", "d5d8dc")}  # fmt: skip
_FLOWERS = {
    "spring": ("f4d63c", "ffffff", "ee9fc2", "a780d8", "f7e06a"),
    "summer": ("d8331f", "f2b92c", "ffffff", "6b5fd0", "e0482c"),
    "autumn": ("9a4a6a", "c98a2a", "b0603a", "a06a9a"),
    "winter": ("e8ecf2",),
}
_BANDS = {
    "rock": ("6f6a66", "857c74", "7a706a", "918980", "67625f", "7d766e"),
    "desert": ("b27a4e", "bf8858", "a66f46"),
    "canyon": ("b5522e", "d98450", "8f3a26", "e6b47c", "c4683c", "f0d0a0", "a3482c", "cf7a4a"),
    "volcano": ("2a2625", "3a3230", "453a36", "302b2a", "543f36"),
    "coast": ("b9a98c", "8f8574", "cdbd9c", "a2947c", "7d7568"),
}

_SHAPES: dict[str, dict[int, float]] = {
    "forest": {
        r.RELIEF: 58, r.RELIEF_M: 520, r.RIDGE: 110, r.RIDGE_M: 1500, r.VALLEY: 360, r.PLAIN: 0.006, r.TREES: 0.93,
        r.GRASS: 0.35, r.FLOWERS: 0.4, r.EVERGREEN: 0.10, r.TREE_LINE: 420, r.BACKDROP: 260,
    },
    "jungle": {
        r.RELIEF: 52, r.RELIEF_M: 430, r.RIDGE: 150, r.RIDGE_M: 1300, r.VALLEY: 330, r.PLAIN: 0.006, r.TREES: 1.25,
        r.TREE_LINE: 600, r.BACKDROP: 420, r.SIZE: 1.5, r.PALMS: 0.05,
    },
    "mountain": {
        r.RELIEF: 80, r.RELIEF_M: 640, r.RIDGE: 430, r.RIDGE_M: 1700, r.VALLEY: 460, r.PLAIN: 0.012, r.TREES: 0.66,
        r.EVERGREEN: 0.55, r.TREE_LINE: 200, r.SNOW_LINE: 290, r.BACKDROP: 640, r.GRASS: 0.3, r.FLOWERS: 0.35,
    },
    "desert": {
        r.KIND: r.DUNES, r.RELIEF: 20, r.RELIEF_M: 800, r.RIDGE: 20, r.RIDGE_M: 2400, r.VALLEY: 220, r.PLAIN: 0.004,
        r.DUNE: 32, r.TREES: -1, r.SNOW_LINE: 9000, r.BACKDROP: 120, r.GRAIN: 0.16,
    },
    "meadow": {
        r.RELIEF: 34, r.RELIEF_M: 460, r.RIDGE: 60, r.RIDGE_M: 1500, r.VALLEY: 240, r.PLAIN: 0.010, r.TREES: 0.06,
        r.EVERGREEN: 0.10, r.TREE_LINE: 300, r.BACKDROP: 420, r.GRASS: 0.4, r.FLOWERS: 0.75, r.GRAIN: 0.5,
    },
    "coast": {
        r.KIND: r.COAST, r.RELIEF: 62, r.RELIEF_M: 480, r.RIDGE: 120, r.RIDGE_M: 1500, r.VALLEY: 260, r.PLAIN: 0.055,
        r.TREES: 0.40, r.EVERGREEN: 0.18, r.TREE_LINE: 220, r.BACKDROP: 240, r.SHELF: 42, r.GRAIN: 0.3, r.GRASS: 0.3,
    },
    "ocean": {r.TREES: -1, r.RELIEF_M: 500, r.RIDGE_M: 1500, r.VALLEY: 300},
    "canyon": {
        r.KIND: r.CANYON, r.RELIEF: 26, r.RELIEF_M: 520, r.RIDGE: 175, r.RIDGE_M: 1100, r.VALLEY: 165, r.TREES: -1,
        r.TREE_LINE: 40, r.SNOW_LINE: 9000, r.GRAIN: 0.4, r.SIZE: 0.55,
    },
    "volcano": {
        r.KIND: r.VOLCANO, r.RELIEF: 34, r.RELIEF_M: 420, r.RIDGE: 50, r.RIDGE_M: 1300, r.VALLEY: 300, r.PLAIN: 0.006,
        r.TREES: -0.02, r.EVERGREEN: 1.0, r.TREE_LINE: 120, r.BACKDROP: 200, r.VENT_M: 520, r.GRAIN: 0.5,
    },
}  # fmt: skip
_HAZE_M = {"mountain": 4300.0, "desert": 3800.0, "ocean": 4800.0, "canyon": 3600.0, "volcano": 3600.0,
           "jungle": 1900.0}  # fmt: skip
_SIDES = {
    "canyon": (0.0, 0.0, 0.22, 1.0, 0.0),
    "desert": (0.0, 0.0, 0.05, 1.0, 0.0),
    "volcano": (0.03, 0.3, 0.22, 1.0, 0.3),
    "mountain": (0.07, 0.5, 0.30, 1.0, 0.5),
    "coast": (0.05, 0.4, 0.40, 1.5, 0.2),
}
_BEDDED = {"canyon": 1.0, "coast": 0.8}
_LEAFY = (0.10, 0.62, 0.50, 1.0, 0.8)


def look(shot: Shot) -> Look:
    """The numbers for `shot`. Any shot has a look."""
    sun, lamp, air, exposure, warm = light_of(shot)
    lush = "winter" if _snowy(shot) else "summer" if shot.season == "winter" else shot.season
    crowns = {"jungle": "jungle", "volcano": "ash"}.get(shot.setting, lush)
    bands = _lean(linear(*_BANDS[shot.setting if shot.setting in _BANDS else "rock"]), shot.salt)
    bedded = _BEDDED.get(shot.setting, 0.0)
    beds = _beds(bands, shot.salt)
    if bedded:
        bands = bands.mean(0, keepdims=True)
    haze_m, mist = _air(shot)
    tint = _tint(shot)
    tint[0:2] *= lamp[0] * 0.45 + lamp[1] * 0.8
    tint[2] = lamp[0]
    tint[3] = air[1] * 0.9
    sides = [*_SIDES.get(shot.setting, _LEAFY), float(shot.setting == "volcano"), bedded]
    return Look(
        ground=_ground(shot), crowns=_lean(linear(*_CROWNS[crowns]), shot.salt), soil=_soil(shot, lush), bands=bands,
        flowers=_lean(linear(*_FLOWERS[lush]), shot.salt), lamp=lamp, air=air, water=_water(shot), tint=tint,
        sides=floats(sides), beds=beds, banks=_banks(shot), sun=sun,
        haze_m=haze_m, mist=mist, waves_m=_waves_m(shot), exposure=exposure,
        warm=warm, saturation=_saturation(shot), wet=water_of(shot) != "none",
    )  # fmt: skip


def _beds(bands: Floats, salt: int) -> Floats:
    """Tones of rock by height, (64, 3), as multiples of their mean: thick beds of the colours in `bands`, each in
    thinner ones."""
    rng = np.random.default_rng([salt, 0xBED])
    thick = np.sort(rng.choice(np.arange(1, 64), 15, replace=False))
    shades = bands[rng.integers(0, len(bands), 64)]
    rows = np.searchsorted(thick, np.arange(64), side="right")
    tone = 0.78 * shades[rows] + 0.22 * bands[rng.integers(0, len(bands), 64)]
    return np.ascontiguousarray(tone / bands.mean(0), dtype=np.float32)


def water_of(shot: Shot) -> str:
    """The water of `shot` that is really there."""
    return "none" if "water" in shot.without else shot.water


def _snowy(shot: Shot) -> bool:
    return shot.season == "winter" and shot.setting not in ("desert", "jungle", "ocean") and "snow" not in shot.without


def _saturation(shot: Shot) -> float:
    if shot.time == "night":
        return 0.6
    vivid = 0.98 if shot.setting in ("jungle", "meadow") else 0.92
    return vivid - 0.1 if shot.weather in ("rain", "fog", "snow") else vivid


def _air(shot: Shot) -> tuple[float, float]:
    """Metres at which the haze hides two thirds, and how thick the mist lies in hollows."""
    clear_m = _HAZE_M.get(shot.setting, 2900.0)
    share, mist = {"fog": (0.42, 0.14), "rain": (0.52, 0.2), "snow": (0.45, 0.2)}.get(shot.weather, (1.0, 0.0))
    if shot.weather in ("fair", "cloudy") and shot.time != "day" and shot.setting != "ocean":
        mist = 0.12
    if shot.setting == "jungle":
        mist = max(mist, 0.30)
    return clear_m * share, mist


def _banks(shot: Shot) -> Floats:
    """How fog lies: see `banks`. It fills a valley when seen from above, and lies low before a camera on the ground."""
    if shot.weather != "fog":
        return floats([0.0] * 6)
    side = 1.0 if shot.salt & 1 else -1.0
    drift = 13.0 if "wind" in shot.subjects else 7.0
    if not shot.aerial:
        return floats([0.014, 22.0, 230.0, side * 0.5 * drift, -0.2 * drift, 12.0])
    top = {"mountain": 120.0, "canyon": 90.0, "ocean": 36.0, "desert": 46.0, "meadow": 46.0}.get(shot.setting, 72.0)
    return floats([0.0115, top, 400.0, side * drift, -0.35 * drift, 0.5 * top])


def _tint(shot: Shot) -> Floats:
    """The colours of deep and shallow water before they are lit, with room for those of spray and mist."""
    deep, shallow = {
        "ocean": ("072f44", "1f7f86"), "coast": ("0b3f58", "4fb0a8"), "mountain": ("0f4247", "4f9a8e"),
        "jungle": ("1c3320", "5a6a38"), "canyon": ("23443a", "6f8a5a"),
    }.get(shot.setting, ("12322f", "4d6a4e"))  # fmt: skip
    if shot.water == "ocean" and shot.setting not in ("ocean", "coast"):
        deep, shallow = "0b3a4e", "3b9a98"
    return _lean(linear(deep, shallow, "fff4e0", "ffffff"), shot.salt)


def _soil(shot: Shot, lush: str) -> Floats:
    palette = list(
        _SOIL.get(shot.setting, _SOIL[lush]) if not _snowy(shot) or shot.setting == "canyon" else _SOIL[lush]
    )
    bare = "trees" in shot.without and shot.setting in ("forest", "jungle", "coast")
    if (shot.setting == "meadow" or bare) and not _snowy(shot):
        palette[0:2] = _MEADOW[lush]
    if shot.setting == "coast":
        palette[2] = _SAND
    soil = linear(*palette)
    soil[:4] = _lean(soil[:4], shot.salt)
    return soil


def _waves_m(shot: Shot) -> float:
    """Significant height of the waves."""
    if water_of(shot) != "ocean":
        return 0.0
    height = {"rain": 4.2, "cloudy": 2.0, "snow": 2.4, "fog": 0.7}.get(shot.weather, 1.3)
    if "dramatic" in shot.moods:
        height *= 1.5
    if "peaceful" in shot.moods or shot.pace == "slow":
        height *= 0.6
    return min(height, 6.0) * (1.0 if shot.setting == "ocean" else 0.7)


def _water(shot: Shot) -> Floats:
    kind = water_of(shot)
    flows = kind == "river"
    waves_m = _waves_m(shot)
    ripple = {"river": 0.055, "lake": 0.018 if shot.weather != "rain" else 0.05}.get(kind, 0.05)
    foam = {"river": 0.9, "lake": 0.0}.get(kind, 0.0)
    # Crests break where they fold by more than this: seldom in a gentle swell, everywhere in a storm.
    breaks = max(0.46 - 0.055 * waves_m, 0.16) if waves_m else 0.0
    glint = {"lake": 0.5, "ocean": 0.55}.get(kind, 1.0)
    return floats([4.2 if flows else 1.4, ripple, glint, foam, float(flows), breaks,
                   float(kind == "ocean" and shot.setting == "coast")])  # fmt: skip


def _ground(shot: Shot) -> Floats:
    shape = np.zeros(r.SLOTS, np.float32)
    shape[r.SNOW_LINE], shape[r.SIZE], shape[r.GRAIN] = 900.0, 1.0, 0.76
    for slot, value in _SHAPES[shot.setting].items():
        shape[slot] = value
    kind = water_of(shot)
    shape[r.ONE_SIDED] = float(kind == "ocean" and shot.setting != "ocean")
    shape[r.DEPTH] = {"river": 2.6, "lake": 6.0, "ocean": 9.0}.get(kind, 2.0)
    if kind == "ocean" and shot.setting == "ocean":
        shape[r.DEPTH] = 30.0
    if _snowy(shot):
        shape[r.SNOW] = 0.5 if shot.setting in ("canyon", "volcano") else 0.94
        shape[r.FLOWERS] = 0.0
        if shape[r.TREES] > 0.5:
            shape[r.EVERGREEN] = 0.72
    if "snow" in shot.without:
        shape[r.SNOW_LINE] = 9000.0
    if "trees" in shot.without:
        shape[r.TREES] = -1.0
        shape[r.GRASS] = max(float(shape[r.GRASS]), 0.4 if shot.setting in ("forest", "jungle") else 0.0)
    if "flowers" in shot.without:
        shape[r.FLOWERS] = 0.0
    return shape


def _lean(colours: Floats, salt: int) -> Floats:
    """Turns the hues of a palette by up to 13 degrees, and moves their strength and brightness, by the words that
    were not understood."""
    if not salt:
        return colours
    turn, strength, bright = (((salt >> shift) & 255) / 127.5 - 1.0 for shift in (0, 8, 16))
    angle = 0.23 * turn
    grey = colours.mean(1, keepdims=True)
    off = colours - grey
    # Around the axis of greys: what is at right angles to it is its cross product with that axis.
    across = np.stack([off[:, 2] - off[:, 1], off[:, 0] - off[:, 2], off[:, 1] - off[:, 0]], 1) / math.sqrt(3.0)
    turned = off * math.cos(angle) + across * math.sin(angle)
    leant = (grey + turned * (1.0 + 0.18 * strength)) * (1.0 + 0.10 * bright)
    return np.ascontiguousarray(np.clip(leant, 0.0, None), dtype=np.float32)
