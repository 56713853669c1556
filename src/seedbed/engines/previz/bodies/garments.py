"""What people wear over the body: collars, a jacket's opening, skirts, tails of coats. Lengths as in `person`."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace

import numpy as np
from numpy.typing import NDArray

from seedbed.engines.previz.bodies.form import Grain, Hold, skin
from seedbed.engines.previz.bodies.person import Dress, Figure
from seedbed.engines.previz.shapes.mesh import Mesh, loft

Doubles = NDArray[np.float64]


def collar(f: Figure, dress: Dress, grain: Grain, bone: Callable[[str], int]) -> list[Mesh]:
    """What stands around the neck."""
    if not dress.collared or not grain.high:
        return []
    top = 1.0 - f.head - 0.052
    slim = 0.0325 * (0.55 + 0.45 * f.limbs) * (1.0 if f.head < 0.15 else 1.06)
    high = 0.012 + 0.004 * dress.loose
    stations = [
        (0, -0.010, top + 0.002, slim * 1.1, slim * 0.9, slim),
            (0, -0.011, top + 0.010, slim * 1.42, slim * 1.12, slim * 1.26),
        (0, -0.010, top + 0.016 + high, slim * 1.24, slim * 1.12, slim * 1.20),
            (0, -0.010, top + 0.012 + high, slim * 1.05, slim * 0.95, slim * 1.02),
    ]  # fmt: skip

    def parted(net: Doubles, place: Doubles, angle: Doubles) -> Doubles:
        net[..., 2] -= 0.018 * np.clip(np.sin(angle), 0, 1)[None] ** 3
        return net

    return [skin(stations, 6, 14, Hold((bone("chest"),)), paint=dress.collared, shape=parted)]


def front(f: Figure, dress: Dress, grain: Grain, bone: Callable[[str], int], onto: Mesh) -> list[Mesh]:
    """The opening of a jacket: shirt and tie, lapels at its sides."""
    if not dress.shirt or not grain.high:
        return []
    top, hips = 1.0 - f.head - 0.052, f.hips
    low = hips + 0.50 * (top - hips)
    parts = []
    for points, lift, paint in (
        ([(-0.030, top + 0.012), (-0.019, top - 0.035), (0.0, low), (0.019, top - 0.035),
            (0.030, top + 0.012)], 0.0050, dress.shirt),
        ([(-0.007, top + 0.002), (-0.006, top - 0.014), (-0.010, low + 0.05), (0.0, low + 0.018),
            (0.010, low + 0.05), (0.006, top - 0.014), (0.007, top + 0.002)], 0.0095, dress.tie),
        ([(0.036, top + 0.010), (0.022, top - 0.030), (0.002, low - 0.010), (0.034, top - 0.055),
            (0.052, top - 0.048)], 0.0085, dress.lapel),
        ([(-0.052, top - 0.048), (-0.034, top - 0.055), (-0.002, low - 0.010), (-0.022, top - 0.030),
            (-0.036, top + 0.010)], 0.0085, dress.lapel),
    ):  # fmt: skip
        parts.append(_laid(np.array(points), lift, onto, bone("chest")).painted(paint))
    return parts


def _laid(outline: Doubles, lift: float, onto: Mesh, bone: int) -> Mesh:
    """A flat piece of cloth on the front of a body, within an outline (x, z)."""
    fine = np.concatenate(
        [
            a + (b - a) * np.linspace(0, 1, 3, endpoint=False)[:, None]
            for a, b in zip(outline, np.roll(outline, -1, 0), strict=True)
        ]
    )
    ahead = onto.points[(onto.normals[:, 1] > 0.2) & (onto.points[:, 1] > 0)]
    rings = []
    middle = fine.mean(0)
    for size, up in ((1.0, -0.006), (1.0, lift), (0.5, lift + 0.0006)):
        ring = middle + (fine - middle) * size
        apart = np.linalg.norm(ring[:, None] - ahead[None][..., [0, 2]], axis=2) + 0.004
        weight = apart**-3.0
        y = (weight * ahead[None, :, 1]).sum(1) / weight.sum(1)
        rings.append(np.column_stack([ring[:, 0], y + up, ring[:, 1]]))
    made = loft(np.array(rings))
    spread = made.points[made.faces]
    volume = np.einsum("ij,ij->i", spread[:, 0], np.cross(spread[:, 1], spread[:, 2])).sum()
    made = made if volume > 0 else loft(np.array(rings)[:, ::-1])
    return made.boned(bone)


def skirt(f: Figure, dress: Dress, grain: Grain, bone: Callable[[str], int]) -> list[Mesh]:
    """What hangs from the waist: a skirt, or the tails of a coat. Held by four bones around the legs."""
    if dress.hem >= 1.0:
        return []
    top, low = f.hips + 0.30 * (1.0 - f.head - 0.052 - f.hips), f.hips * dress.hem
    cloth = 0.007 + 0.0035 * dress.loose
    w = f.waist * 0.080 + cloth * 0.55
    wide = 0.100 * f.flank + cloth
    flare = dress.flare
    stations = [
        (0, 0.0, top + 0.010, w * 0.70, 0.030, 0.030),
            (0, 0.0, top, w, 0.054 * (0.45 + 0.55 * f.waist) + cloth * 0.4,
                0.052 * (0.45 + 0.55 * f.waist) + cloth * 0.4),
        (0, -0.002, f.hips + 0.05, wide * 0.97, 0.060 + cloth, 0.066 + cloth),
            (0, -0.003, f.hips, wide, 0.063 + cloth, 0.072 + cloth),
    ]  # fmt: skip
    for t in (0.33, 0.66, 1.0):
        z = f.hips + (low - f.hips) * t
        grown = flare * (f.hips - z)
        stations.append((0, -0.004, z, wide + grown * 0.85, 0.064 + cloth + grown, 0.074 + cloth + grown * 1.1))
    stations.append((0, -0.004, low + 0.012, wide * 0.5, 0.04, 0.04))
    paint = dress.extra if dress.waist else dress.top

    def folds(net: Doubles, place: Doubles, angle: Doubles) -> Doubles:
        depth = np.clip((place - 3) / 3, 0, 1)[:, None] * (place[:, None] < 6.5)
        wavy = 1 + depth * flare * 0.16 * np.cos(angle * 9 + 0.6)[None]
        net[..., :2] *= wavy[..., None]
        return net

    rows = stations[::-1]
    made = skin(
        [*rows],
        grain(11, 6),
        grain(24, 7),
        Hold((0,)),
        paint=paint,
        shape=_upside(folds, len(rows)) if grain.high else None,
        level=True,
    )
    return [_quartered(made, bone, f.hips)]


def _upside(shape: Callable[..., Doubles], count: int) -> Callable[..., Doubles]:
    return lambda net, place, angle: shape(net, count - 1 - place, angle)


def _quartered(cloth: Mesh, bone: Callable[[str], int], hips: float) -> Mesh:
    """Held around by the four bones of the skirt, and above by the pelvis alone."""
    x, y = cloth.points[:, 0], cloth.points[:, 1]
    right = np.clip(x / 0.09 * 0.5 + 0.5, 0, 1)
    right = right * right * (3 - 2 * right)
    ahead = y > -0.003
    first = np.where(ahead, bone("front.r"), bone("back.r"))
    second = np.where(ahead, bone("front.l"), bone("back.l"))
    # Near the sides the cloth is led from front to back within one leg's pair.
    angle = np.abs(np.arctan2(y + 0.003, np.abs(x)))
    sideways = angle < 0.6
    half = np.clip((y + 0.003) / (np.abs(x) * np.tan(0.6) + 1e-6) * 0.5 + 0.5, 0, 1)
    half = half * half * (3 - 2 * half)
    own_front = np.where(x > 0, bone("front.r"), bone("front.l"))
    own_back = np.where(x > 0, bone("back.r"), bone("back.l"))
    pair = np.stack([np.where(sideways, own_front, first), np.where(sideways, own_back, second)], 1)
    weights = np.where(sideways, half, right)
    still = cloth.points[:, 2] > hips + 0.075
    pair[still], weights[still] = bone("pelvis"), 1.0
    return replace(cloth, bones=pair.astype(np.int32), weights=weights.astype(np.float32))
