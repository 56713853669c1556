"""The sky: `dome` bakes it and joins it for each frame, of `air`, `clouds`, `aurora` and `events`; `sight` says what of
it a shot sees and where sun or moon stands; `lights` are the stars, the sun and the moon, which a frame draws itself;
`tiles` is the noise that all is made of.
"""

from __future__ import annotations

from seedbed.engines.previz.sky.clouds import SLOPE_MAX
from seedbed.engines.previz.sky.dome import Dome, raise_dome, warm
from seedbed.engines.previz.sky.lights import Lights, sprinkle
from seedbed.engines.previz.sky.sight import Sight, disc_way, heading

__all__ = ["SLOPE_MAX", "Dome", "Lights", "Sight", "disc_way", "heading", "raise_dome", "sprinkle", "warm"]
