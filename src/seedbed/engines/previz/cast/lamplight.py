"""Kernel that lets lamps light land that is drawn already: fires on grass, headlights on sand."""

from __future__ import annotations

from seedbed.engines.previz.jit import kernel
from seedbed.engines.previz.stage import Floats, View, f32

_FAR = 36.0
"""Squares of its reach beyond which a lamp is not seen."""


@kernel
def lamplight(
    light: Floats, depth: Floats, view: View, bulbs: Floats, sky: Floats, sin: float, cos: float, width: int
) -> None:
    """Adds the light of `bulbs` (see `shapes.Air`) to all that lies near them. What colour the ground has is taken
    from how it shows under `sky`, the light that falls on it from above."""
    for b in range(bulbs.shape[0]):
        reach = bulbs[b, 6]
        far2 = f32(_FAR) * reach * reach
        for y in range(light.shape[1]):
            for x in range(width):
                d = depth[y, x]
                if d > 400.0:
                    continue
                u = (x + 0.5 - width * 0.5) / view.focal
                dx = view.x + (sin + cos * u) * d - bulbs[b, 0]
                dy = view.y + (cos - sin * u) * d - bulbs[b, 1]
                away = dx * dx + dy * dy
                if away > far2:
                    continue
                pz = view.z + (view.horizon + view.roll * u * view.focal - y - 0.5) * d / view.focal
                dz = bulbs[b, 2] - pz
                away += dz * dz
                if away > far2 or dz < -reach:
                    continue
                fade = reach * reach / (away + 0.08 * reach * reach) * (1.0 - away / far2)
                slant = 0.25 + 0.75 * max(dz, 0.0) / (away**0.5 + 1e-3)
                for c in range(3):
                    albedo = min(light[c, y, x] / max(sky[c], f32(1e-3)), f32(0.9))
                    light[c, y, x] += f32(albedo * bulbs[b, 3 + c] * fade * slant)
