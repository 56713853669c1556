"""Who is in a room: people who stand, sit and dine, and their animals, cast by the words of the shot."""

from __future__ import annotations

import math
from dataclasses import dataclass, replace

from seedbed.engines.previz import bodies, cast
from seedbed.engines.previz.bodies.actors import Walker
from seedbed.engines.previz.bodies.model import Model
from seedbed.engines.previz.cast.scenery import Scenery
from seedbed.engines.previz.cast.staging import ROLES, Mark, Role
from seedbed.engines.previz.rooms.objects import board, laid, sill_of
from seedbed.engines.previz.rooms.plan import Place, Plan, Window
from seedbed.engines.previz.shapes import Actor, Prop
from seedbed.engines.previz.shapes.mesh import placed, rotation

GUESTS = ("people", "robot", "dog", "cat", "crowd")
_SITS = ("sit", "seated", "dine", "dinner", "lunch", "breakfast", "supper", "eat", "feast", "drink", "read",
         "writ", "type", "typing", "study")  # fmt: skip
_SEVERAL = ("couple", "friends", "family", "people", "guests", "women", "men", "children", "students", "colleagues",
            "party", "meeting", "diners", "kids")  # fmt: skip
_STANDS = ("stand", "walk", "danc", "runs", "running", "wav")
_CLOSE = ("close", "portrait", "face", "headshot")
_CHANGES = ("talk", "look", "stand")


@dataclass(frozen=True, slots=True)
class Guests:
    """`lead` is the one whom the camera frames, if there is anybody; `key` (x, y, z) is where their faces are."""

    actors: list[Actor]
    lead: Mark | None
    faces: tuple[tuple[float, float, float], ...] = ()


def invited(plan: Plan, scenery: Scenery) -> Guests:
    """Those of the shot's subjects that come into rooms."""
    shot = plan.shot
    kinds = [kind for kind in shot.subjects if kind in GUESTS and kind not in shot.without]
    people = next((kind for kind in kinds if kind in ("people", "robot", "crowd")), None)
    actors: list[Actor] = []
    lead: Mark | None = None
    faces: list[tuple[float, float, float]] = []
    if people:
        wanted = 4 if people == "crowd" else 3 if plan.said("family", "guests", "party") else 1
        wanted = max(wanted, 2 if plan.said(*_SEVERAL) else 1)
        sits = bool(plan.seats) and (plan.said(*_SITS) or plan.laid) and not plan.said(*_STANDS)
        places = (plan.seats if sits else plan.stands)[: max(wanted, 1)]
        for number, place in enumerate(places):
            actors.append(_somebody(plan, scenery, place, number, sits, "people" if people == "crowd" else people))
            faces.append((place.x, place.y, place.z + (1.18 if sits else 1.55)))
        lead = _framed(plan, places, sits)
    things = laid(plan, scenery, guests=bool(people) or "dog" in kinds or "cat" in kinds)
    actors += things.actors
    lead = lead or things.lead
    sill = sill_of(plan) if plan.said("sill", "window") else None
    for number, kind in enumerate(k for k in kinds if k in ("dog", "cat")):
        if kind == "cat" and sill is not None:
            actors += _on_the_sill(plan, scenery, sill, faces)
            lead = lead or Mark(
                kind, Role(1.15, sill.sill + 0.24, "land"), sill.at, plan.box.far - 0.3, sill.sill, 0.0, 0.0
            )
            continue
        place = plan.stands[-1] if people else replace(plan.stands[0], x=-0.3 + 0.9 * number)
        role = replace(ROLES[kind], speed=0.0, near=0.85)
        mark = Mark(kind, role, place.x, place.y, place.z, place.yaw, 0.0)
        actors += cast.players([mark], scenery)[0]
        faces.append((place.x, place.y, place.z + role.tall_m))
        lead = lead or mark
    for actor in actors:
        if isinstance(actor, Walker) and plan.windows and not plan.night:
            actor.model = _under_a_roof(actor.model)
    return Guests(actors, lead, tuple(faces))


def _on_the_sill(plan: Plan, scenery: Scenery, sill: Window, faces: list[tuple[float, float, float]]) -> list[Actor]:
    """A cat that sits on a window sill, its side to the room."""
    body = bodies.model("cat", seed=scenery.seed, palette=scenery.palette)
    x, y = sill.at + 0.12, plan.box.far - 0.20
    faces.append((x, y, sill.sill + 0.2))
    return [
        Prop(board(plan, sill), placed(rotation(), 0.0, 0.0, 0.0)),
        bodies.standing(body, "sit" if "sit" in body.motions else body.motions[0], x, y, sill.sill + 0.005, -2.2),
    ]


def _under_a_roof(body: Model) -> Model:
    """Half of the sky's light at most finds its way to whoever is indoors."""
    form = body.mesh
    return replace(body, mesh=replace(form, ao=(form.open * 0.45).astype(form.points.dtype)))


def _somebody(plan: Plan, scenery: Scenery, place: Place, number: int, sits: bool, kind: str) -> Actor:
    role = replace(ROLES[kind], speed=0.0)
    # The first is as the words say; those with them are others.
    own = replace(scenery, seed=scenery.seed + 13 * number)
    cast_as = cast.players([Mark(kind, role, place.x, place.y, place.z, place.yaw, 0.0)], own)[0]
    walker = next(actor for actor in cast_as if isinstance(actor, Walker))
    body = walker.model
    if number and kind == "people":
        other = ("man", "woman", "man", "woman")[(number + plan.seed) % 4]
        body = bodies.model(other, seed=own.seed, palette=scenery.palette)
    motion = "sit" if sits and "sit" in body.motions else walker.motion
    if number and not sits:
        motion = _CHANGES[number % 3]
    phase = (0.37 * number) % 1.0
    return bodies.standing(body, motion, place.x, place.y, place.z, place.yaw, phase)


def _framed(plan: Plan, places: tuple[Place, ...], sits: bool) -> Mark:
    """About the first of several, or between them; whole when they stand, from the waist up when they sit."""
    close = plan.said(*_CLOSE) and len(places) == 1
    x = sum(p.x for p in places) / len(places)
    y = min(p.y for p in places)
    spread = max(p.x for p in places) - min(p.x for p in places)
    size, tall = (0.80, 1.10) if sits else (1.78, 0.93)
    if close:
        size, tall = (0.62, 1.2) if sits else (0.72, 1.52)
    if sits and plan.laid:
        # The table before them belongs to the picture.
        size, tall = 1.25, 0.98
    size = max(size, 0.75 * (spread + 1.1))
    return Mark("people", Role(size, tall, "land"), x, y, places[0].z, math.pi, 0.0)
