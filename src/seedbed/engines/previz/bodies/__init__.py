"""Subjects that move: people, animals and humanoid machines as lit, skinned shapes.

`model` makes one of KINDS; `Walker` leads it along a path as an actor of `shapes.Troupe`; `crowd`, `flock` and `school`
make many.
"""

from seedbed.engines.previz.bodies.actors import Walker, along, standing
from seedbed.engines.previz.bodies.catalogue import KINDS, crowd, flock, leap, model, school
from seedbed.engines.previz.bodies.model import AIR, LAND, WATER, Model

__all__ = [
    "AIR",
    "KINDS",
    "LAND",
    "WATER",
    "Model",
    "Walker",
    "along",
    "crowd",
    "flock",
    "leap",
    "model",
    "school",
    "standing",
]
