"""From a shot to what draws it: the place that it plays in, developed in its style."""

from __future__ import annotations

from concurrent.futures import Executor
from dataclasses import dataclass, replace
from typing import Any, Protocol

from seedbed.engines.previz import cast
from seedbed.engines.previz.camera import Pose, Steer
from seedbed.engines.previz.city import City
from seedbed.engines.previz.finish import Finish
from seedbed.engines.previz.frame import Check, Frame
from seedbed.engines.previz.grade import Planes
from seedbed.engines.previz.hours import Station, at_station, stations
from seedbed.engines.previz.moments import TEMPO
from seedbed.engines.previz.passing import Passing
from seedbed.engines.previz.reef import reef
from seedbed.engines.previz.reef.swimmers import PLACED
from seedbed.engines.previz.reel import Detail, Reel
from seedbed.engines.previz.rooms import room
from seedbed.engines.previz.rooms.guests import GUESTS
from seedbed.engines.previz.rooms.objects import OTHERS as THINGS
from seedbed.engines.previz.rooms.objects import TOYS
from seedbed.engines.previz.script import Shot
from seedbed.engines.previz.show import Picture
from seedbed.engines.previz.space import Space
from seedbed.engines.previz.space.company import ADRIFT
from seedbed.engines.previz.stage import Floats
from seedbed.engines.previz.townsfolk import LEADS, Townsfolk


class Take(Protocol):
    """A place that was built for a shot. `light` is pure: any thread may draw any frame at any time."""

    def light(self, number: int, check: Check) -> Floats: ...


@dataclass(frozen=True, slots=True)
class Developed:
    """A take whose light is turned into a picture."""

    take: Take
    finish: Finish

    def draw(self, number: int, check: Check) -> Planes:
        """Frame `number` as the three planes of 4:2:0 BT.709."""
        light = self.take.light(number, check)
        check()
        return self.finish.develop(light, number, check)


class Framing(Protocol):
    """As `Take`, whose frames hold distances too."""

    def frame(self, number: int, check: Check) -> Frame: ...


@dataclass(frozen=True, slots=True)
class Framed:
    """A take of whole frames whose light is turned into a picture."""

    take: Framing
    finish: Finish

    def draw(self, number: int, check: Check) -> Planes:
        """Frame `number` as the three planes of 4:2:0 BT.709."""
        light = self.take.frame(number, check).light
        check()
        return self.finish.develop(light, number, check)


def picture_of(
    shot: Shot, *, seed: int, width: int, height: int, frames: int, fps: int, fixed: bool, detail: Detail,
    pool: Executor, check: Check, steer: Steer,
) -> Picture:  # fmt: skip
    """What draws `shot`. Building it may take seconds, in the threads of `pool`. `steer` has the last word on where
    the camera is."""
    size: dict[str, Any] = {"width": width, "height": height, "fps": fps}
    if shot.place == "space":
        space = Space(shot, seed=seed, frames=frames, fixed=fixed, detail=detail, pool=pool, check=check, steer=steer,
                      **size)  # fmt: skip
        finish = Finish(shot, seed=seed, exposure=space.exposure, warm=space.warm, saturation=space.saturation, **size)
        return Developed(space, finish)
    made: dict[str, Any] = {
        "seed": seed, "frames": frames, "fixed": fixed, "detail": detail, "pool": pool, "check": check, "steer": steer,
    }  # fmt: skip
    passed = stations(shot) if shot.place not in _BUILT else ()
    if passed:
        return _passing(shot, passed, made | size)
    if shot.place == "city":
        city = _city(shot, **made, **size)
        finish = Finish(shot, seed=seed, exposure=city.exposure, warm=city.warm, saturation=city.saturation, **size)
        return Framed(city, finish)
    if shot.place in _BUILT:
        build, exposure, warm = _BUILT[shot.place]
        take = build(shot, seed=seed, frames=frames, fixed=fixed, tempo=TEMPO[shot.tempo], steer=steer, **size)
        check()
        return Developed(take, Finish(shot, seed=seed, exposure=exposure, warm=warm, saturation=1.0, **size))
    return Reel(shot, **made, **size)


def _city(shot: Shot, *, fps: int, width: int, height: int, detail: Detail, steer: Steer, **made: Any) -> City:
    tempo, fixed = TEMPO[shot.tempo], made["fixed"]
    folk = Townsfolk(shot, made["seed"] ^ shot.site, seconds=made["frames"] / fps * tempo)

    def led(asked: list[Pose]) -> list[Pose]:
        return steer(folk.led(asked, fps=fps, ratio=width / height, fixed=fixed, tempo=tempo))

    return City(
        shot, width=width, height=height, fps=fps, detail=detail.grid, tempo=tempo, extras=folk.shown,
        clear_m=folk.clear_m, steer=led, **made,
    )  # fmt: skip


_COARSER = 0.62
"""Texels on a map's side where there is a map for every hour, as a share of the usual."""


def _passing(shot: Shot, passed: tuple[Station, ...], made: dict[str, Any]) -> Picture:
    """The place of `shot` at every hour that it passes."""
    takes: list[City] | list[Reel]
    if shot.place == "city":
        takes = [_city(at_station(shot, station), **made) for station in passed]
        looks = [(city.exposure, city.warm, city.saturation) for city in takes]
    else:
        made["detail"] = replace(made["detail"], grid=int(made["detail"].grid * _COARSER))
        takes = [
            Reel(at_station(shot, station), **made, passed=passed, station=number)
            for number, station in enumerate(passed)
        ]
        looks = [(reel.look.exposure, reel.look.warm, reel.look.saturation) for reel in takes]
    exposures, warms, saturations = zip(*looks, strict=True)
    place = Passing(takes, tuple(station.share for station in passed), exposures, made["frames"])
    size = {name: made[name] for name in ("seed", "width", "height", "fps")}
    finish = Finish(
        shot, exposure=exposures[0], warm=sum(warms) / len(warms), saturation=sum(saturations) / len(saturations),
        **size,
    )  # fmt: skip
    return Framed(place, finish)


_HELD = {
    "city": LEADS | {"car", "house", "bridge"},
    "interior": frozenset((*GUESTS, *THINGS, *TOYS, "fire")),
    "underwater": PLACED,
    "space": ADRIFT,
}
"""Subjects that a place without land has room for."""
_INSTEAD = {
    ("interior", kind): "a toy on a table" for kind in TOYS
} | {
    ("interior", "fish"): "in a tank", ("interior", "balloon"): "balloons on strings", ("interior",
            "birds"): "on a table",
    ("interior", "fire"): "in a hearth", ("underwater", "people"): "divers", ("underwater", "plane"): "a wreck",
    ("underwater", "train"): "a wreck", ("underwater", "house"): "sunk to the floor",
    ("city", "flower"): "a stall",
}  # fmt: skip
"""What some of them are there, where that is not what they are elsewhere."""


def unplayed(shot: Shot) -> list[str]:
    """What is shown in the place of `shot` as something else, and what cannot be, for people to read."""
    held = _HELD.get(shot.place)
    if held is None:
        return []
    told = [kind for kind in shot.subjects if kind in cast.PLAYED and kind not in shot.without]
    notes = [
        f"shown in this place as {_INSTEAD[shot.place, kind]}: {kind}"
        for kind in told
        if (shot.place, kind) in _INSTEAD
    ]
    lost = [kind for kind in told if kind not in held]
    return notes + ([f"understood, but not shown in this place: {', '.join(lost)}"] if lost else [])


_BUILT = {"interior": (room, 0.95, 0.9), "underwater": (reef, 0.95, 0.0)}
"""Places without land: what builds them, their exposure, and how warm they are printed."""
