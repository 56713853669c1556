"""Solid things: meshes, what they are painted with, and how they are drawn into a frame with its land and light.

`mesh` builds forms, `paint` colours them and `pattern` draws on them; a `Troupe` of actors poses and projects
(`project`), shadows (`shadow`), fills (`raster`), gathers (`resolve`), lights (`shade`) and mirrors (`mirror`) them.
`sprites` are soft things: halos, flames, smoke.
"""

from __future__ import annotations

from seedbed.engines.previz.shapes.mesh import Mesh
from seedbed.engines.previz.shapes.paint import Palette, paint
from seedbed.engines.previz.shapes.shade import Air, still_air
from seedbed.engines.previz.shapes.sprites import draw_sprites
from seedbed.engines.previz.shapes.troupe import NO_BULBS, Actor, Prop, Troupe

__all__ = ["NO_BULBS", "Actor", "Air", "Mesh", "Palette", "Prop", "Troupe", "draw_sprites", "paint", "still_air"]
