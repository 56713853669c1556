"""Space: planets, galaxies, clouds of gas, black holes and asteroids, drawn ray by ray without any land.

`scene` decides what there is from the words and the seed, `eye` moves the camera through it, and the other modules
each bake and draw one kind of thing. `Space.light` is pure, as `Reel.light` is: any thread may draw any frame.
"""

from __future__ import annotations

from seedbed.engines.previz.space.scene import Space, warm

__all__ = ["Space", "warm"]
