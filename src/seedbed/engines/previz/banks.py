"""Banks of fog: where fog lies, how it drifts, and how much of it a ray passes through on its way to the land.

A bank is a place where a slowly moving field swells over the ground: it has a top of its own height, thin edges and
lit crowns, so that land stands out of it and vanishes behind it. Only the land is veiled: the sky of a foggy shot is
fog already.
"""

from __future__ import annotations

import math

import numpy as np
from numpy.typing import NDArray

from seedbed.engines.previz.jit import kernel
from seedbed.engines.previz.noise import gradient
from seedbed.engines.previz.stage import DEPTH, HAZE, Ints, Ray, Scene, View, f32

Floats = NDArray[np.float32]

# Slots of `Scene.banks`: extinction a metre (0 where there are none), the usual height of their tops in metres, metres
# after which the field repeats, how fast they drift (m/s, right and ahead), and how many metres a top is soft.
THICK, TOP, SPAN, RIGHT, AHEAD, SOFT = range(6)
_CELL = 4
"""Steps of the march that share one look at the field, as a power of two: 16."""
_SAMPLES = 9
_TIMES, _PARTS = (1.0, 2.3, 5.6), (1.0, 0.55, 0.26)
"""How much finer the octaves of the field are, and how strong."""


@kernel
def lie(tops: Floats, tones: Floats, scene: Scene, view: View, ray: Ray) -> None:
    """The height of the fog's top over every 16th step of a column, below zero where there is none, and how bright it
    is there."""
    banks, depth = scene.banks, scene.ramp[DEPTH]
    east, north = banks[RIGHT] * view.seconds, banks[AHEAD] * view.seconds
    per = 1.0 / banks[SPAN]
    before, last = 0.0, depth.shape[0] - 1
    for cell in range(tops.shape[0]):
        step = min(cell << _CELL, last)
        z = depth[step]
        wide = depth[min(step + 16, last)] - depth[max(step - 16, 0)]
        x, y = (view.x + ray.dx * z - east) * per, (view.y + ray.dy * z - north) * per
        swell = 0.0
        for octave in range(3):
            # Swells that are narrower than the march is fine fade away.
            size = banks[SPAN] / _TIMES[octave]
            part = min(max(2.0 - 1.6 * wide / size, 0.0), 1.0)
            if part > 0.0:
                # Finer swells run a little faster than the bank that they are on.
                u, v = x * _TIMES[octave] - 0.5 * octave * east * per, y * _TIMES[octave] - 0.3 * octave * north * per
                swell += _PARTS[octave] * part * gradient(u + 3.1 * octave, v + 7.7 * octave, 311 + octave)
        tops[cell] = min(banks[TOP] * (0.50 + 1.25 * swell), 1.9 * banks[TOP])
        tones[cell] = min(max(1.0 + 0.10 * swell + 0.9 * (swell - before) * min(60.0 / wide, 1.0), 0.80), 1.22)
        before = swell


@kernel
def _depth_through(tops: Floats, depth: Floats, banks: Floats, eye: float, high: float, step: int) -> float:
    """Optical depth of the fog between the eye and what is `high` metres high at a step of the march."""
    z = float(depth[step])
    slope = (high - eye) / z
    most = 1.9 * banks[TOP]
    begin = 0
    if eye > most:
        if high >= most:
            return 0.0
        # From above, a ray meets fog only where it has sunk to the highest top.
        enter = (most - eye) / slope
        low, above = 0, step
        while low < above:
            middle = (low + above) >> 1
            if depth[middle] < enter:
                low = middle + 1
            else:
                above = middle
        begin = low
    stride = max((step - begin) / _SAMPLES, 1.0)
    total, soft = 0.0, 1.0 / banks[SOFT]
    at, behind = float(begin), float(depth[begin])
    while at < step:
        after = min(at + stride, float(step))
        ahead = float(depth[int(after)])
        between = 0.5 * (behind + ahead)
        place = 0.5 * (at + after) / 16.0
        cell = min(int(place), tops.shape[0] - 2)
        over = tops[cell] + (tops[cell + 1] - tops[cell]) * (place - cell) - (eye + slope * between)
        if over > 0.0:
            total += (ahead - behind) * min(over * soft, 1.0)
        at, behind = after, ahead
    return float(total * banks[THICK] * math.sqrt(1.0 + slope * slope))


@kernel
def veil(
    lit: Floats, seen: Ints, count: int, surface: Floats, tops: Floats, tones: Floats, scene: Scene, view: View,
    ray: Ray, haze: Floats, share: float,
) -> None:  # fmt: skip
    """Lays fog over the light that was gathered from the seen steps of one column."""
    lie(tops, tones, scene, view, ray)
    depth, banks = scene.ramp[DEPTH], scene.banks
    wisp, part = scene.tint[3], f32(share)
    hidden, last = 0.0, -9
    for k in range(count):
        step = seen[k]
        # Neighbours see much the same fog; what stands before something far does not.
        if k & 1 == 0 or step - last > 6:
            hidden = 1.0 - math.exp(-_depth_through(tops, depth, banks, view.z, float(surface[step]), step))
        last = step
        if hidden < 0.004:
            continue
        cell = step >> _CELL
        tone = f32(tones[cell] + (tones[min(cell + 1, tones.shape[0] - 1)] - tones[cell]) * ((step & 15) / 16.0))
        far = scene.ramp[HAZE, step]
        cover = f32(min(hidden, 0.985))
        for c in range(3):
            fog = (haze[c] * f32(0.45) + wisp[c] * f32(0.62)) * tone
            fog = (fog + (haze[c] - fog) * far) * part
            lit[c, k] += (fog - lit[c, k]) * cover
