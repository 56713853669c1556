"""What the drawing kernels read: a scene of baked arrays, one ray's column, and how to sample what both need.

Plain tuples of arrays and numbers, which compiled code takes as they are. Nothing here is ever written to.
"""

from __future__ import annotations

import math
from typing import Any, NamedTuple

import numpy as np
from numpy.typing import NDArray

from seedbed.engines.previz.jit import inlined
from seedbed.engines.previz.sky import SLOPE_MAX, Lights
from seedbed.engines.previz.waves import still

Floats = NDArray[np.float32]
Ints = NDArray[np.int32]
Words = NDArray[np.int64]

f32: Any = np.float32
"""Numbers of kernels that must not become 64 bits wide; what else they may be, numba looks after."""
u64 = np.uint64
"""The type of an index that is never negative: signed ones are looked at for that, once for each load."""

FAR_M = 1e9
"""The distance of the sky."""

# Rows of `Scene.ramp`: what depends on the step alone.
DEPTH, HAZE, MIST, RIPPLE = range(4)
# Slots of `Scene.water`; SWELL and SURF say that there are waves, and that they break on a beach.
FLOW, CALM, GLINT, FOAM, RIVERLIKE, SWELL, SURF = range(7)
# Slots of `Scene.sides`, how the steep sides of what stands on the land are drawn: how much darker a metre further
# down is, and at most; how strong and how stretched their texture is; how far each hangs down from its top in one
# colour; whether what glows flickers; and how strongly steep rock shows its beds.
DARKER, DARKEST, ROUGH, STRETCH, DRAPE, EMBER, BEDDED = range(7)
BED_M = 1.25
"""Thickness of one row of `Scene.beds`."""
# Rows of `Scene.tint`: colours of the water's depths, its shallows, of sunlight on it, of mist.
DEEP, SHALLOW, SPARK, WISP = range(4)


class Scene(NamedTuple):
    """All that stands still during a shot. Lengths in metres, colours in linear light.

    `ramp` (4, steps) are the steps away from the camera, `spans` (levels, 3) the steps that each map serves and
    the map, `fades` the depth at which a map has faded in, `nearest` the map of each step. `maps` holds left, low
    and texels a metre, `offsets` where a map starts in `heights` and `packed`, and its size. `line` is the shore
    table from `line_start` in rows of `line_step`. `pano` (rows, columns, 4) is the sky of the frame, its columns
    from `turn_min` to `turn_max`, and `lights` what shines in it. `sun` is the way to the disc of sun or moon. `beds`
    (64, 3) are the tones of rock by its height, one row each `BED_M`, and then again. `banks` says how fog
    lies: see the module of that name.
    """

    ramp: Floats
    spans: Ints
    fades: Floats
    nearest: Ints
    maps: Floats
    offsets: Ints
    heights: Floats
    packed: Words
    top_m: float
    tile: Floats
    line: Floats
    line_start: float
    line_step: float
    pano: Floats
    turn_min: float
    turn_max: float
    hazes: Floats
    water: Floats
    tint: Floats
    sun: Floats
    lights: Lights
    sides: Floats
    beds: Floats
    banks: Floats


class View(NamedTuple):
    """The camera in one frame: metres, radians, pixels and seconds; `skyward` is its heading in the panorama.
    `waves` are the tiles of the sea at that time (see `waves.Sea.at`)."""

    x: float
    y: float
    z: float
    yaw: float
    horizon: float
    roll: float
    focal: float
    seconds: float
    skyward: float
    waves: Floats = still()


class Ray(NamedTuple):
    """One image column: its step in x and y for a metre of depth, that step's length, the tangent of its heading
    in the panorama, the row of its horizon."""

    dx: float
    dy: float
    length: float
    turn: float
    horizon: float


@inlined
def sky_at(scene: Scene, turn: float, slope: float, out: Floats) -> None:
    """The sky in one direction into out[0:3]."""
    pano = scene.pano
    v = math.sqrt(min(max(slope / SLOPE_MAX, 0.0), 1.0)) * (pano.shape[0] - 1.01)
    u = min(max((turn - scene.turn_min) / (scene.turn_max - scene.turn_min), 0.0), 1.0) * (pano.shape[1] - 1.01)
    i, j = int(u), int(v)
    fu, fv = f32(u - i), f32(v - j)
    i0, j0, i1, j1 = u64(i), u64(j), u64(i + 1), u64(j + 1)
    for c in range(3):
        a = pano[j0, i0, c] + (pano[j0, i1, c] - pano[j0, i0, c]) * fu
        b = pano[j1, i0, c] + (pano[j1, i1, c] - pano[j1, i0, c]) * fu
        out[c] = a + (b - a) * fv


@inlined
def tile_at(tile: Floats, u: float, v: float, which: int) -> float:
    """A periodic tile of unit size, sampled smoothly."""
    size = tile.shape[1]
    su, sv = u * size, v * size
    i, j = math.floor(su), math.floor(sv)
    fu, fv = f32(su - i), f32(sv - j)
    i0, j0 = u64(i & (size - 1)), u64(j & (size - 1))
    i1, j1 = u64((i + 1) & (size - 1)), u64((j + 1) & (size - 1))
    k = u64(which)
    a = tile[k, j0, i0] + (tile[k, j0, i1] - tile[k, j0, i0]) * fu
    b = tile[k, j1, i0] + (tile[k, j1, i1] - tile[k, j1, i0]) * fu
    return float(a + (b - a) * fv)


@inlined
def clouded(tile: Floats, x: float, y: float, seconds: float) -> float:
    """How much of the sun reaches the land under the drifting clouds: about 0.5 … 1.1."""
    return 0.80 + 0.33 * tile_at(tile, (x - 9.0 * seconds) / 1900.0, (y - 5.0 * seconds) / 1900.0, 2)
