"""Indoors: homes, libraries, cafes, galleries, churches, studios and runways, by the words of a shot.

`plan` says what a room is made of, `homes`, `halls` and `runway` furnish one, `guests` come into it, and `room` makes
the take: `shell` lets the day in, `lamps` light the night, `beams` are light that is seen in the air.
"""

from __future__ import annotations

import math
from collections.abc import Callable, Sequence
from dataclasses import replace

import numpy as np
from numpy.typing import NDArray

from seedbed.engines.previz.camera import Pose, Steer
from seedbed.engines.previz.cast import staging
from seedbed.engines.previz.cast.scenery import Scenery
from seedbed.engines.previz.frame import Check, Frame
from seedbed.engines.previz.light import linear
from seedbed.engines.previz.rooms import halls, homes, runway
from seedbed.engines.previz.rooms.beams import CONE, SHAFT, draw_beams
from seedbed.engines.previz.rooms.guests import Guests, invited
from seedbed.engines.previz.rooms.plan import Box, Plan, looked_at
from seedbed.engines.previz.rooms.shell import OUTSIDE, daylit, window_at
from seedbed.engines.previz.script import Shot
from seedbed.engines.previz.sets import Set
from seedbed.engines.previz.shapes import Actor, Air, Palette, Prop, draw_sprites, still_air
from seedbed.engines.previz.shapes.mesh import joined, placed, rotation

Floats = NDArray[np.float32]

_SUN = {"day": (3.4, 2.9, 2.2), "sunset": (3.2, 1.5, 0.55), "sunrise": (2.8, 1.75, 1.0)}
_SKY = {"day": (0.86, 0.93, 1.0), "sunset": (0.80, 0.56, 0.44), "sunrise": (0.80, 0.64, 0.56)}
_KEY = np.array([-0.50, -0.72, 0.46])
"""Where the key light of a dark room comes from: behind the camera, to its left."""
_FURNISHED: tuple[tuple[Callable[[Plan], None], tuple[str, ...]], ...] = (
    (runway.runway, ("runway", "catwalk", "fashion", "t台", "走秀", "时装", "時裝", "时尚秀", "подиум", "модный",
                     "показ мод", "podyum", "defile", "wybieg", "pokaz mody")),
    (homes.kitchen, ("kitchen", "frying pan", "saucepan", "cooking", "厨房", "廚房", "кухн", "mutfa", "kuchni")),
    (homes.bedroom, ("bedroom", "bed", "卧室", "臥室", "спальн", "yatak", "sypialni")),
    (halls.library, ("library", "bookshelves", "bookcase", "图书馆", "圖書館", "библиотек", "kütüphane", "bibliotek")),
    (homes.office, ("office", "desk", "laptop", "computer", "workshop", "办公室", "辦公室", "офис", "ofis", "biur")),
    (halls.cafe, ("cafe", "restaurant", "bistro", "diner", "coffee shop", "咖啡", "餐厅", "餐廳", "кафе", "ресторан",
                  "kafe", "restoran", "kawiarni", "restauracj")),
    (halls.gallery, ("museum", "gallery", "exhibition", "statue", "博物馆", "博物館", "美术馆", "музе", "müze",
                     "muze")),
    (halls.church, ("church", "cathedral", "nave", "chapel", "abbey", "教堂", "церк", "собор", "kilise",
                    "katedral", "kości")),
    (halls.studio, ("studio", "softbox", "product shot", "摄影棚", "студи", "stüdyo")),
    (homes.living, ("living room", "fireplace", "hearth", "sofa", "couch", "lounge", "客厅", "客廳", "壁炉",
                    "壁爐", "гостин", "камин", "oturma", "salon", "salonu")),
)  # fmt: skip
"""What furnishes a room, and the beginnings of words that ask for it; a dining room else."""


def room(
    shot: Shot, *, seed: int, width: int, height: int, frames: int, fps: int, fixed: bool, tempo: float, steer: Steer
) -> Set:
    """All frames of a shot indoors."""
    own = (seed ^ shot.salt) & 0x3FFFFFFF
    palette = Palette()
    plan = Plan(
        Box(7.0, -6.0, 3.6, 3.0), palette, shot, own, np.random.default_rng([own, 61]),
        looked_at("table", 0.0, 0.0, 0.9, 1.8),
    )  # fmt: skip
    furnish = _furnisher(plan)
    furnish(plan)
    show = furnish is runway.runway
    scenery = Scenery(shot, lambda x, y: 0.0, palette, own, 1.0 if plan.night else 0.0)
    guests = Guests([], None) if show else invited(plan, scenery)
    still = joined(plan.solids)
    air, shafts = _show_air(plan) if show else _air(plan, guests)
    if not show:
        still = daylit(still, plan, 0.34 if plan.night else 0.10, 0.0 if plan.night else 0.85)
    actors: list[Actor] = [Prop(still, placed(rotation(), 0, 0, 0)), *plan.actors, *guests.actors]
    told = {"frames": frames, "fps": fps, "ratio": width / height, "fixed": fixed, "tempo": tempo}
    if show:
        lead = next(actor for actor in plan.actors if hasattr(actor, "model"))
        poses = runway.poses(plan, speed=lead.model.speed("runway"), **told)  # type: ignore[arg-type]
    else:
        mark = guests.lead or plan.focus
        poses = staging.framed(shot, mark, lambda x, y: 0.0, seed=own, **told)  # type: ignore[arg-type]
        poses = [_inside(pose, plan.box, width / height) for pose in poses]

    def between(frame: Frame, check: Check) -> None:
        seconds = frame.view.seconds
        cones = runway.cones(seconds, own) if show else np.zeros((0, CONE), np.float32)
        if len(cones) or len(shafts):
            draw_beams(frame, cones, shafts, check)
        if plan.glows:
            draw_sprites(frame, np.concatenate([glow(seconds) for glow in plan.glows]), check)

    return Set(
        steer(poses), actors, palette.rows(), air, width=width, height=height, fps=fps, tempo=tempo, behind=_nothing,
        between=between, level=plan.level, gloss=plan.gloss,
    )  # fmt: skip


def _furnisher(plan: Plan) -> Callable[[Plan], None]:
    """By the words; what the place itself is called counts before what stands in it."""
    return next((furnish for furnish, words in _FURNISHED if plan.said(*words)), homes.dining)


def _nothing(frame: Frame, check: Check) -> None:
    """Walls all around."""


def _inside(pose: Pose, box: Box, ratio: float) -> Pose:
    """The camera kept within the walls; where the ceiling stops it, it looks down less."""
    half = box.wide / 2 - 0.35
    x, y = min(max(pose.x, -half), half), min(max(pose.y, box.near + 0.2), box.far - 1.0)
    z = min(max(pose.z, 0.4), box.tall - 0.35)
    lower = (pose.z - z) * pose.focal * math.sqrt(ratio) / 4.0
    return replace(pose, x=x, y=y, z=z, horizon=pose.horizon + lower)


def _air(plan: Plan, guests: Guests) -> tuple[Air, Floats]:
    """The light of a room: by day what comes in through its windows, by night a key from the camera's side."""
    lamps = list(plan.lamps)
    if plan.night or not plan.windows:
        strong = np.array([0.44, 0.33, 0.23]) * plan.key if plan.windows else np.array([0.16, 0.155, 0.15]) * plan.key
        fill = np.array([0.060, 0.052, 0.055]) if plan.windows else np.array([0.34, 0.34, 0.35])
        rows, sun, shafts = np.stack([strong, fill, fill * [1.1, 0.85, 0.7]]), _KEY, np.zeros((0, SHAFT), np.float32)
    else:
        time = plan.time
        gloomy = 0.25 if plan.shot.weather in ("rain", "snow", "fog", "cloudy") else 1.0
        sky = np.array(_SKY[time]) * plan.dim * 1.15
        rows = np.stack([np.array(_SUN[time]) * plan.dim * gloomy, sky, sky * [1.0, 0.84, 0.68]])
        sun = np.array([-0.80, -0.22, 0.52 if time == "day" else 0.30])
        for window in plan.windows[:2]:
            centre, _, inward = window_at(plan.box, window)
            at = centre + inward * 0.45
            area = window.wide * (window.head - window.sill)
            lamps.append((*at, *(sky * 0.40), 0.85 * math.sqrt(area)))
        shafts = _shafts(plan, sun, rows[0])
    for x, y, z in guests.faces[:2]:
        # A soft light from the camera's side: nobody's face is lost.
        power = 0.42 if plan.night else 0.12 * plan.dim
        lamps.append((x + 0.9, y - 1.5, z + 0.35, 1.0 * power, 0.84 * power, 0.70 * power, 1.5))
    haze = np.repeat((linear(OUTSIDE[plan.time][0])[0] * np.float32(0.2))[None], 4, 0)
    air = still_air(
        (sun / np.linalg.norm(sun)).astype(np.float32), rows.astype(np.float32), haze, 900.0,
        np.repeat(haze[:, None], 4, 1), (-2.0, 2.0),
    )  # fmt: skip
    return air._replace(bulbs=np.array(lamps, np.float32).reshape(-1, 7)), shafts


def _show_air(plan: Plan) -> tuple[Air, Floats]:
    """A dark hall, its key light high behind the camera."""
    rows = np.array([[1.7, 1.62, 1.52], [0.10, 0.10, 0.115], [0.08, 0.08, 0.09]], np.float32)
    sun = np.array([-0.35, -0.80, 0.36])
    haze = np.zeros((4, 3), np.float32) + np.float32(0.004)
    air = still_air(
        (sun / np.linalg.norm(sun)).astype(np.float32), rows, haze, 60.0, np.repeat(haze[:, None], 4, 1), (-2, 2)
    )
    return air._replace(bulbs=np.array(plan.lamps, np.float32).reshape(-1, 7)), np.zeros((0, SHAFT), np.float32)


def _shafts(plan: Plan, sun: NDArray[np.float64], colour: NDArray[np.float64]) -> Floats:
    """Where the sun comes through windows: prisms of bright dust."""
    rows = []
    way = -sun / np.linalg.norm(sun)
    dusty = plan.shot.light == "backlit" or plan.shot.weather == "fog"
    # Beams look as dense in a nave as in a parlour, though they are longer.
    thick = (0.045 if dusty else 0.020) * 3.0 / max(plan.box.tall, 3.0)
    for window in plan.windows:
        centre, along, inward = window_at(plan.box, window)
        if way @ inward <= 0.05:
            continue
        up = np.array([0, 0, (window.head - window.sill) / 2])
        reach = min(centre[2] / max(-way[2], 0.05), 0.95 * plan.box.wide / abs(way[0]))
        rows.append([*centre, *(along * 0.96), *(up * 0.96), *(way * reach), *(colour * thick)])
    return np.array(rows, np.float32).reshape(-1, SHAFT)


def warm() -> None:
    """Calls the kernels of this package with the types that they are drawn with."""
    from seedbed.engines.previz.frame import blank
    from seedbed.engines.previz.sets import view_of

    frame = blank(32, 18, view_of(Pose(0.0, 0.0, 1.0, 0.0, 0.5, 1.1, 0.0), 32, 18, 0.0))
    draw_beams(frame, runway.cones(0.0, 1), np.ones((1, SHAFT), np.float32), lambda: None)


def kinds() -> Sequence[str]:
    """The rooms that can be furnished."""
    return (*(furnish.__name__ for furnish, _ in _FURNISHED), "dining")
