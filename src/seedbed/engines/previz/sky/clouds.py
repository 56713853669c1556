"""Kernels that bake a layer of clouds into a panorama: marched in depth, lit through their own mass.

A cloud is a place in a map of covers that swells up from a flat base and is gnawed by billows in three dimensions.
Both come from periodic tiles, so a look-up costs a few loads. The result is colour times opacity, and opacity.
"""

from __future__ import annotations

import math
from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

from seedbed.engines.previz.jit import inlined, kernel
from seedbed.engines.previz.noise import fraction
from seedbed.engines.previz.sky.tiles import billow_at, map_at

Floats = NDArray[np.float32]

SLOPE_MAX = 1.2
"""Slope of the panorama's last row; rows run with the square root of the slope."""
_FAR_M = 60_000.0
_BILLOW_M = 2100.0
_STRIDE = 0.016
"""Length of a step for the distance from the eye."""
_MUCH = 0.985


class Layer(NamedTuple):
    """A layer of clouds. Metres: `base`, `deep`, `size` after which the map of covers repeats, and `haze_m` where
    air hides two thirds; `cover` is the share of the map under clouds and `patchy` how much that differs from
    region to region; `rough` how deep billows bite; `thick` the extinction a kilometre; `flat` how little tops
    differ (1 is a sheet); `cirrus` the opacity of ice clouds above; `ragged` how uneven bases are, `lamps` in how
    many steps light is followed, `stride` how long
    those of the march are; `morph` in radians its state of boiling.
    `need` is the field's value where clouds begin, `east` and `north` where in the map the sky lies."""

    base: float
    deep: float
    size: float
    haze_m: float
    cover: float
    patchy: float
    rough: float
    thick: float
    flat: float
    cirrus: float
    ragged: float
    lamps: int
    stride: float = 1.0
    morph: float = 0.0
    need: float = 0.0
    east: float = 0.0
    north: float = 0.0


class Sheet(NamedTuple):
    """Light gathered along one ray: of the sun, of the sky, of the sun on thin rims, of the ground; and opacity."""

    bright: float
    dim: float
    rim: float
    under: float
    opaque: float


@kernel
def _swell(cover: Floats, layer: Layer, mix: float, mixed: float, x: float, y: float) -> float:
    """How high the cloud over (x, y) stands, 0 … about 1.3 of the layer's depth; negative where there is none."""
    u, v = x / layer.size, y / layer.size
    field = mix * map_at(cover, 0, u, v) + mixed * map_at(cover, 1, u + 0.31, v + 0.17)
    over = field + layer.patchy * map_at(cover, 1, u * 0.17 + 0.4, v * 0.17) - layer.need
    if over <= 0.0:
        return over
    top = min(over * 0.62, 1.0)
    return layer.flat + (1.0 - layer.flat) * top * (1.9 - 0.75 * top)


@inlined
def _body(top: float, z: float) -> float:
    """Density before billows bite."""
    return min((top - z) * 2.0, 1.0) * min(z * 10.0 + 0.2, 1.0)


@kernel
def _mass(billow: Floats, layer: Layer, top: float, x: float, y: float, z: float) -> float:
    """Density at a point, 0 … 1; z is 0 at the layer's base and 1 at its usual top."""
    body = _body(top, z)
    lift = (z * layer.deep + layer.morph * 420.0) / _BILLOW_M
    u, v = x / _BILLOW_M, y / _BILLOW_M
    lump = 0.70 * billow_at(billow, u, v, lift) + 0.30 * billow_at(billow, u * 3.7, v * 3.7, lift * 3.7)
    bite = layer.rough * (1.0 - lump) * (0.5 + 0.5 * min(z * 4.0, 1.0))
    return min(max(body - bite, 0.0) * 3.0, 1.0)


@kernel
def _toward_light(cover: Floats, billow: Floats, layer: Layer, mix: float, mixed: float, sun: Floats, x: float,
                  y: float, z: float) -> float:  # fmt: skip
    """Optical depth from a point towards the light."""
    deep, reach = 0.0, 70.0
    for number in range(layer.lamps):
        px, py = x + sun[0] * reach, y + sun[1] * reach
        pz = z + sun[2] * reach / layer.deep
        if pz < -0.1:
            break
        pz = max(pz, 0.0)
        top = _swell(cover, layer, mix, mixed, px, py)
        if top > pz:
            mass = _mass(billow, layer, top, px, py, pz) if number < 2 else 0.75 * _body(top, pz)
            deep += mass * reach
        reach *= 2.1
    return deep * 0.001 * layer.thick


@kernel
def _along(cover: Floats, billow: Floats, layer: Layer, sun: Floats, dx: float, dy: float, slope: float,
           start: float) -> Sheet:  # fmt: skip
    """The clouds in one direction; `start` 0 … 1 is where within its first step the march begins."""
    mix, mixed = math.cos(layer.morph), math.sin(layer.morph)
    length, steep = 0.001 * layer.thick * math.sqrt(1.0 + slope * slope), max(slope * 0.9, 0.30)
    t = layer.base / slope
    last = min((layer.base + 1.15 * layer.deep) / slope, _FAR_M, 3.4 * layer.haze_m)
    stride = layer.stride * max(t * _STRIDE, 45.0) * min(steep / slope, 1.0)
    t += stride * start
    clear, bright, dim, rim, under, opaque = 1.0, 0.0, 0.0, 0.0, 0.0, 0.0
    while t < last:
        stride = layer.stride * max(t * _STRIDE, 45.0) * min(steep / slope, 1.0)
        x, y, z = layer.east + dx * t, layer.north + dy * t, (t * slope - layer.base) / layer.deep
        t += stride
        top = _swell(cover, layer, mix, mixed, x, y)
        if layer.ragged > 0.0 and top > z:
            z -= layer.ragged * (0.35 + 0.35 * map_at(cover, 1, x / layer.size * 2.9, y / layer.size * 2.9))
        if top <= z or z <= 0.0:
            # Far from any cloud the field cannot rise over its limit at once.
            t += stride * min(max(-1.6 * top - 0.3, 0.0), 3.0) if top < 0.0 else 0.0
            continue
        mass = _mass(billow, layer, top, x, y, z)
        if mass <= 0.004:
            continue
        deep = _toward_light(cover, billow, layer, mix, mixed, sun, x, y, z)
        seen = clear * (1.0 - math.exp(-mass * stride * length))
        # What air hides of a cloud is sky again.
        weight = seen * math.exp(-t / layer.haze_m)
        # Light that is scattered many times goes round corners: a second, softer extinction.
        bright += weight * (0.86 * math.exp(-deep * 0.50) + 0.14 * math.exp(-deep * 0.10))
        rim += weight * math.exp(-deep * 1.2) * (1.0 - 0.7 * mass)
        above = max(top - z, 0.0) * layer.deep * 0.001 * layer.thick
        dim += weight * (0.22 + 0.78 * math.exp(-above * 0.38))
        under += weight * max(1.0 - z * 2.6, 0.0) * (0.25 + 0.75 * math.exp(-deep * 0.25))
        opaque += weight
        clear -= seen
        if clear < 1.0 - _MUCH:
            break
    return Sheet(bright, dim, rim, under, opaque)


@kernel
def _cirrus(cover: Floats, strength: float, dx: float, dy: float, slope: float) -> float:
    """Opacity of combed ice clouds eight kilometres up."""
    far = 8000.0 / slope
    if far > 160_000.0:
        return 0.0
    x, y = dx * far, dy * far
    bend = map_at(cover, 0, x / 190_000.0, y / 190_000.0) * 2600.0
    along, across = (0.8 * x + 0.6 * y) / 150_000.0, (0.8 * y - 0.6 * x + bend) / 34_000.0
    fibre = 0.6 * map_at(cover, 1, along, across) + 0.4 * map_at(cover, 0, along * 2.1 + 0.3, across * 2.7)
    patch = map_at(cover, 0, x / 260_000.0 + 0.6, y / 260_000.0 + 0.1)
    value = min(max((fibre * 0.55 + patch * 0.6 - 0.15) * 0.8, 0.0), 1.0)
    return strength * value * math.exp(-far / 70_000.0)


@kernel
def _colour(out: Floats, cover: Floats, billow: Floats, layer: Layer, sun: Floats, tints: Floats, azimuth: float,
            slope: float, start: float) -> None:  # fmt: skip
    """The clouds in one direction, as colour times opacity, and opacity, into `out` (4)."""
    dx, dy = math.sin(azimuth), math.cos(azimuth)
    facing = max((dx * sun[0] + dy * sun[1] + slope * sun[2]) / math.sqrt(1.0 + slope * slope), 0.0)
    forward = 0.35 * facing**6 + 1.4 * facing**60
    sheet = _along(cover, billow, layer, sun, dx, dy, slope, start)
    thin = 0.0
    if layer.cirrus > 0.0:
        thin = _cirrus(cover, layer.cirrus, dx, dy, max(slope, 0.02)) * (1.0 - sheet.opaque)
    glare = sheet.bright * (1.0 + 0.5 * forward) + thin * (0.55 + 0.5 * forward)
    dim = sheet.dim + thin * 0.5
    for c in range(3):
        value = glare * tints[0, c] + dim * tints[1, c] + sheet.under * tints[3, c]
        out[c] = value + sheet.rim * forward * tints[2, c]
    out[3] = sheet.opaque + thin


@kernel
def paint_clouds(veil: Floats, turn_min: float, turn_max: float, yaw: float, sun: Floats, tints: Floats, cover: Floats,
                 billow: Floats, layer: Layer, fine: int, seed: int) -> None:  # fmt: skip
    """Fills `veil` (rows, columns, 4): red, green and blue times opacity, and opacity. `sun` is the way to the
    light, `tints` the colours of sunlight on cloud, of skylight, of rims before the light and of the base. From
    the row `fine` on, which only reflections meet, most columns are taken from their neighbours."""
    rows, columns = veil.shape[0], veil.shape[1]
    for j in range(rows):
        slope = max(SLOPE_MAX * (j / (rows - 1.0)) ** 2, 0.004)
        step = 1 if j < fine else 6
        for i in range(0, columns + step - 1, step):
            place = min(i, columns - 1)
            azimuth = yaw + math.atan(turn_min + (turn_max - turn_min) * place / (columns - 1.0))
            _colour(veil[j, place], cover, billow, layer, sun, tints, azimuth, slope, fraction(place, j, seed + 79))
            first = max(i - step, 0)
            for k in range(first + 1, place):
                part = np.float32((k - first) / (place - first))
                for c in range(4):
                    veil[j, k, c] = veil[j, first, c] + (veil[j, place, c] - veil[j, first, c]) * part
