"""How people move where nothing carries them: afloat in space, and swimming with fins.

Clips are for a body of height 1 whose middle is the origin.
"""

from __future__ import annotations

from functools import lru_cache

import numpy as np

from seedbed.engines.previz.bodies.gait import cycle, wave
from seedbed.engines.previz.bodies.person import SPREAD, skeleton
from seedbed.engines.previz.bodies.rig import Clip, Poser, turns

SIDES = ((".r", 1.0), (".l", -1.0))
MOTIONS = ("float", "swim")
_SWIMS_M_S = 0.55
"""Body heights a second."""


def _floating() -> Clip:
    """Limbs half bent as they come to rest without weight; the whole body rocks."""
    period, frames = 9.0, 180
    u = cycle(frames)
    p = Poser(skeleton("man"), frames)
    middle = p.rig.joints[0, 2]
    p.root(turns(-0.10 + 0.10 * wave(u), 0.14 * wave(u, 1, 0.3), 0.16 * wave(u, 1, 0.6)),
           (0.012 * wave(u, 1, 0.2), 0.0 * u, -middle + 0.02 * wave(u, 1, 0.1)))  # fmt: skip
    p.turn("spine", pitch=-0.10 + 0.03 * wave(u, 2))
    p.turn("chest", pitch=-0.06, yaw=0.06 * wave(u, 1, 0.1))
    p.turn("neck", pitch=0.06)
    p.turn("head", pitch=0.04, yaw=0.28 * np.tanh(1.8 * wave(u, 1, 0.15)))
    for side, sign in SIDES:
        lag = 0.0 if sign > 0 else 0.37
        own = wave(u, 1, lag)
        p.turn("thigh" + side, pitch=0.46 + 0.16 * own, roll=-sign * (0.12 + 0.03 * own))
        p.turn("shin" + side, pitch=-0.72 - 0.16 * wave(u, 1, lag + 0.1))
        p.turn("foot" + side, pitch=-0.45)
        p.turn("arm" + side, pitch=0.62 + 0.16 * wave(u, 1, lag + 0.3), roll=-sign * (0.18 + 0.10 * own),
               yaw=-sign * 0.1)  # fmt: skip
        p.turn("forearm" + side, pitch=0.72 + 0.14 * wave(u, 2, lag), roll=sign * 0.1)
        p.turn("hand" + side, pitch=0.1, roll=sign * 0.1)
        p.turn("fingers" + side, roll=sign * 0.3)
    return Clip(period, 0.0, p.table())


def _swimming() -> Clip:
    """Stretched out along the way ahead, face down, the legs beating long fins, the arms at rest beside the body."""
    period, frames = 1.9, 96
    u = cycle(frames)
    p = Poser(skeleton("man"), frames)
    middle = p.rig.joints[0, 2]
    p.root(turns(-1.36 + 0.03 * wave(u, 2, 0.2), 0.06 * wave(u), 0.03 * wave(u)),
           (0.0 * u, 0.0 * u, -middle + 0.006 * wave(u, 2)))  # fmt: skip
    p.turn("spine", pitch=0.08, roll=-0.03 * wave(u))
    p.turn("chest", pitch=0.12)
    p.turn("neck", pitch=0.30)
    p.turn("head", pitch=0.42, yaw=0.06 * wave(u))
    for side, sign in SIDES:
        beat = sign * wave(u)
        p.turn("thigh" + side, pitch=0.02 + 0.30 * beat, roll=-sign * 0.03)
        p.turn("shin" + side, pitch=-0.26 + 0.24 * sign * wave(u, 1, 0.14))
        p.turn("foot" + side, pitch=-1.12 + 0.22 * sign * wave(u, 1, 0.24))
        p.turn("arm" + side, pitch=0.30 + 0.05 * wave(u, 1, 0.3), roll=sign * (SPREAD - 0.16))
        p.turn("forearm" + side, pitch=0.62, roll=sign * 0.5)
        p.turn("hand" + side, roll=sign * 0.1)
        p.turn("fingers" + side, roll=sign * 0.2)
    return Clip(period, _SWIMS_M_S, p.table())


@lru_cache(maxsize=2)
def clip(motion: str) -> Clip:
    """One of MOTIONS."""
    return _floating() if motion == "float" else _swimming()
