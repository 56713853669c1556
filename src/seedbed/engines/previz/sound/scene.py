"""What is heard in a shot, and how loud: rules from a `Shot` to its layers, and their sum, the bed of the shot.

Every layer has random numbers of its own, so that to deny one changes nothing in the others.
"""

from __future__ import annotations

import zlib
from collections.abc import Callable, Iterator
from dataclasses import dataclass, replace
from functools import partial

import numpy as np

from seedbed.engines.previz.light import weather_of
from seedbed.engines.previz.moments import Moment, Moments, moments
from seedbed.engines.previz.script import Shot
from seedbed.engines.previz.sound import creatures, fires, machines, town, waters, weather
from seedbed.engines.previz.sound.take import RATE, Ears, Take, decibels, fast_size, reverberated
from seedbed.engines.previz.sound.words import named

Synth = Callable[[Take], Ears]


@dataclass(frozen=True, slots=True)
class Layer:
    """One thing that is heard. `level` is in dB; `wet` the share that the place gives back; whatever is named in
    `needs` must not be denied."""

    name: str
    level: float
    play: Synth
    needs: tuple[str, ...] = ()
    wet: float = 0.0


_GROUND = {
    "forest": "forest", "jungle": "forest", "mountain": "mountain", "canyon": "mountain", "volcano": "mountain",
    "desert": "desert", "meadow": "grass", "city": "streets",
}  # fmt: skip
_SPACES = {
    "forest": (1.2, 3500.0, 0.02), "jungle": (1.2, 3000.0, 0.02), "mountain": (2.8, 2600.0, 0.22),
    "canyon": (3.2, 2400.0, 0.16), "city": (1.4, 3800.0, 0.05), "interior": (0.6, 6000.0, 0.006),
    "underwater": (2.8, 1100.0, 0.02), "space": (3.5, 2500.0, 0.04),
}  # fmt: skip
"""How a place answers: seconds until it is silent, how bright in Hz, and how late in seconds."""
_SPEED = {"slow_motion": 0.5, "time_lapse": 2.0, "hyperlapse": 2.0}
_WALLS_HZ = 520.0
_EVERYWHERE = ("wind", "rain", "snow", "thunder", "traffic")
"""What is no softer from above."""
_SEALED = ("interior", "underwater", "space")
"""Places where the weather is not."""


def layers(shot: Shot) -> list[Layer]:
    """All that is heard in `shot`, without what it denies."""
    denied = set(shot.without)
    if "animals" in denied:
        denied |= {"birds", "insects", "dog", "cat", "horse"}
    if "people" in denied:
        denied.add("crowd")
    rules = (_air, _weather, _water, _place, _people, _vehicles, _animals, _fires)
    return [layer for rule in rules for layer in rule(shot) if not denied.intersection(layer.needs)]


def _strength(shot: Shot) -> float:
    """Of the wind, 0 … 1."""
    by_weather = {"fog": 0.1, "clear": 0.25, "fair": 0.3, "cloudy": 0.45, "rain": 0.5, "snow": 0.35}
    strength = by_weather.get(shot.weather, 0.3)
    strength += 0.3 * ("wind" in shot.subjects) + 0.35 * named(shot, "gale") + 0.1 * shot.aerial
    strength += 0.15 * (shot.place in ("mountain", "desert")) - 0.15 * (shot.pace == "slow")
    return float(np.clip(strength, 0.05, 1.0))


def _air(shot: Shot) -> Iterator[Layer]:
    if shot.place in _SEALED:
        return
    strength = _strength(shot)
    ground = _GROUND.get(shot.place, _GROUND.get(shot.setting, "open"))
    level = {"streets": -51.0}.get(ground, -48.0)
    yield Layer("wind", level + 16 * strength, partial(weather.wind, ground=ground, strength=strength), ("wind",))


def _weather(shot: Shot) -> Iterator[Layer]:
    if shot.place in ("underwater", "space"):
        return
    storm = named(shot, "storm")
    if shot.weather == "rain":
        city = shot.place == "city"
        woods = shot.setting == "forest" or shot.place == "jungle"
        surface = "asphalt" if city else "leaves" if woods else "water" if shot.water != "none" else "ground"
        heavy = storm or named(shot, "heavy")
        rain = partial(weather.rain, surface=surface, heavy=heavy)
        yield Layer("rain", -25.5 if heavy else -27.0, rain, ("rain",), 0.1)
    if (storm and shot.weather == "rain") or weather_of(shot) == "storm":
        yield Layer("thunder", -21.0, weather.thunder, ("thunder", "rain"), 0.25)
    if shot.weather == "snow":
        yield Layer("snow", -38.0, weather.snow, ("snow",))


def _water(shot: Shot) -> Iterator[Layer]:
    if shot.place == "underwater":
        yield Layer("depths", -23.0, waters.depths, (), 0.3)
        if "fish" in shot.subjects:
            yield Layer("whales", -20.0, waters.whales, ("fish",), 0.9)
        return
    if shot.place in ("space", "interior", "volcano") and not {"water"}.intersection(shot.subjects):
        return
    haste = {"slow": 0.6, "normal": 1.0, "fast": 1.4}[shot.pace]
    frozen = -9.0 if shot.weather == "snow" or shot.season == "winter" else 0.0
    told = "water" in shot.subjects
    if shot.water == "river" and named(shot, "fall"):
        yield Layer("waterfall", -25.0, waters.fall, ("water", "river"), 0.1)
    elif shot.water == "river":
        yield Layer(
            "river", (-29.0 if told else -35.0) + frozen, partial(waters.river, haste=haste), ("water", "river")
        )
    elif shot.water == "lake":
        yield Layer("lake", -20.0 + frozen, waters.lake, ("water", "lake"), 0.1)
    elif shot.water == "ocean":
        told_alone = not {"ship", "birds", "people", "horse", "plane", "lighthouse"}.intersection(shot.subjects)
        rough = min(_strength(shot) + 0.2 * (shot.pace == "fast"), 1.0)
        yield Layer(
            "surf", (-25.0 if told_alone else -28.5) + 3 * rough, partial(waters.surf, rough=rough), ("water", "ocean")
        )
        if "fish" in shot.subjects and named(shot, "whale"):
            yield Layer("whales", -24.0, waters.whales, ("fish",), 0.8)


def _place(shot: Shot) -> Iterator[Layer]:
    if shot.place == "space":
        yield Layer("vacuum", -28.0, weather.vacuum, (), 0.2)
    elif shot.place == "interior":
        yield Layer("room", -43.0, weather.room)
        if not {"people", "crowd"}.intersection(shot.subjects) or named(shot, "clock"):
            yield Layer("clock", -22.0, weather.clock_ticks, ("clock",), 0.4)
        if "food" in shot.subjects and "candle" not in shot.subjects:
            yield Layer("kitchen", -33.0, town.kitchen, ("food",), 0.3)
    elif shot.place == "volcano":
        yield Layer("lava", -25.0, fires.lava, ("fire",), 0.2)
    elif shot.place == "city":
        calm = -5.0 if shot.pace == "slow" or shot.time == "night" else 0.0
        yield Layer("traffic", -30.0 + calm, town.traffic, ("car",), 0.1)
        yield Layer("horns", -23.0 + calm, town.car_horns, ("car",), 1.0)
        if "crowd" not in shot.subjects:
            yield Layer("murmur", -40.0 + calm, partial(town.babble, voices=8), ("people", "crowd"), 0.6)


def _step_ground(shot: Shot) -> str:
    if shot.place in ("city", "interior") and shot.weather != "snow":
        return "hard"
    return "snow" if shot.weather == "snow" or shot.season == "winter" else "soft"


_CARRIED = frozenset({"horse", "train", "car", "ship", "plane", "balloon", "candle", "food"})
"""Subjects with which people do not walk."""


def _people(shot: Shot) -> Iterator[Layer]:
    if "crowd" in shot.subjects:
        yield Layer("crowd", -28.5, partial(town.babble, voices=20), ("people", "crowd"), 0.35)
    if named(shot, "applause"):
        yield Layer("applause", -30.0, town.applause, ("people", "crowd"), 0.3)
    if "people" not in shot.subjects:
        return
    if shot.place in ("space", "underwater"):
        yield Layer("breathing", -30.0, creatures.breathing, ("people",), 0.1)
    elif not named(shot, "calm") and not _CARRIED.intersection(shot.subjects):
        walk = partial(town.steps, pace=shot.pace, ground=_step_ground(shot))
        yield Layer("steps", -15.0, walk, ("people",), 0.25)


def _vehicles(shot: Shot) -> Iterator[Layer]:
    for subject in shot.subjects:
        rule = _VEHICLES.get(subject)
        if rule is not None:
            yield from rule(shot)


def _train(shot: Shot) -> Iterator[Layer]:
    steam = named(shot, "steam")
    yield Layer("train", -18.0, partial(machines.train, pace=shot.pace, steam=steam), ("train",), 0.15)
    yield Layer("train horn", -15.0, partial(machines.train_horn, steam=steam), ("train",), 1.2)


def _car(shot: Shot) -> Iterator[Layer]:
    if not named(shot, "bicycle"):
        yield Layer("cars", -16.0, partial(machines.cars, pace=shot.pace), ("car",), 0.15)


def _ship(shot: Shot) -> Iterator[Layer]:
    if named(shot, "oars"):
        yield Layer("oars", -20.0, machines.oars, ("ship",), 0.15)
        return
    yield Layer("hull", -29.0, waters.hull, ("ship", "water"), 0.05)
    if not named(shot, "sail"):
        yield Layer("ship", -16.5, machines.ship, ("ship",), 0.1)
        yield Layer("ship horn", -13.0, machines.ship_horn, ("ship",), 1.0)


def _plane(shot: Shot) -> Iterator[Layer]:
    kind: tuple[str, float, Synth] = ("plane", -22.0, machines.jet)
    if named(shot, "helicopter"):
        kind = ("helicopter", -22.0, machines.helicopter)
    elif named(shot, "rocket"):
        kind = ("rocket", -23.0, machines.rocket)
    elif named(shot, "propeller"):
        kind = ("propeller", -17.5, machines.propeller)
    elif named(shot, "spaceship") or shot.place == "space":
        kind = ("rocket", -31.0, machines.rocket)
    yield Layer(*kind, ("plane",), 0.1)


def _balloon(shot: Shot) -> Iterator[Layer]:
    if shot.place != "interior":
        yield Layer("burner", -24.0, machines.burner, ("balloon",), 0.1)


def _robot(shot: Shot) -> Iterator[Layer]:
    yield Layer("robot", -13.0, machines.robot, ("robot",), 0.25)


def _lighthouse(shot: Shot) -> Iterator[Layer]:
    if shot.weather == "fog":
        yield Layer("fog horn", -17.0, machines.fog_horn, ("lighthouse",), 1.0)


_VEHICLES: dict[str, Callable[[Shot], Iterator[Layer]]] = {
    "train": _train, "car": _car, "ship": _ship, "plane": _plane, "balloon": _balloon, "robot": _robot,
    "lighthouse": _lighthouse,
}  # fmt: skip


def _animals(shot: Shot) -> Iterator[Layer]:
    if shot.place in ("space", "underwater"):
        return
    yield from _birds(shot)
    yield from _insects(shot)
    if "horse" in shot.subjects:
        ground = {"hard": "hard", "snow": "snow"}.get(_step_ground(shot), "soft")
        yield Layer("horse", -10.0, partial(creatures.horse, pace=shot.pace, ground=ground), ("horse",), 0.15)
    if "dog" in shot.subjects:
        howls = named(shot, "wolf")
        yield Layer("dog", -17.5, creatures.wolves if howls else creatures.dog, ("dog",), 0.9 if howls else 0.3)
    if "cat" in shot.subjects:
        big = named(shot, "big_cat")
        yield Layer("cat", -24.0 if big else -29.5, partial(creatures.purr, big=big), ("cat",))
    if "animals" in shot.subjects and named(shot, "beast"):
        yield Layer("beast", -24.0, partial(creatures.purr, big=True), ("animals",), 0.2)
    elif "animals" in shot.subjects and not named(shot, "bee") and not named(shot, "silent"):
        yield Layer("herd", -16.0, creatures.herd, ("animals",), 0.2)


_BIRDS: tuple[tuple[str, float, Synth], ...] = (
    ("gull", -15.5, creatures.gulls), ("owl", -15.0, creatures.owl), ("crow", -15.0, creatures.crows),
    ("eagle", -18.0, creatures.eagle), ("waterfowl", -15.0, creatures.waterfowl),
)  # fmt: skip


def _birds(shot: Shot) -> Iterator[Layer]:
    told = "birds" in shot.subjects
    special = [kind for kind in _BIRDS if told and named(shot, kind[0])]
    for kind in special:
        yield Layer(*kind, ("birds",), 0.5)
    if special or shot.place == "interior":
        return
    if told and shot.place not in ("coast", "jungle"):
        yield Layer("wings", -23.0, creatures.wings, ("birds",))
    silent = shot.weather in ("rain", "snow") or shot.place in ("desert", "volcano")
    silent |= shot.time == "night" and shot.place in ("city", "coast")
    if told or not silent or shot.place == "jungle":
        yield _common_bird(shot, 6.0 if told else 0.0)


def _common_bird(shot: Shot, louder: float) -> Layer:
    """The birds of a place, a season and a time that are heard without being named."""
    if shot.place == "jungle":
        return Layer("jungle", -24.0 + louder, creatures.jungle, ("birds",), 0.5)
    if shot.time == "night":
        far = 0.0 if shot.setting == "forest" else -6.0
        return Layer("owl", -21.0 + far + louder, creatures.owl, ("birds",), 0.9)
    if shot.place == "coast":
        return Layer("gull", -25.0 + louder, creatures.gulls, ("birds",), 0.5)
    if shot.season == "winter":
        return Layer("crow", -22.0 + louder, creatures.crows, ("birds",), 0.6)
    many = {"sunrise": 4.0, "day": 1.6, "sunset": 2.0}.get(shot.time, 1.0)
    birds = partial(creatures.songbirds, many=max(many, 2.0) if louder else many)
    return Layer("songbirds", (-31.0 if shot.place == "city" else -28.0) + 1.5 * louder, birds, ("birds",), 0.45)


def _insects(shot: Shot) -> Iterator[Layer]:
    warm = shot.season in ("summer", "spring") or (shot.season == "autumn" and shot.time == "night")
    if shot.place in ("interior", "volcano") or shot.weather in ("rain", "snow") or shot.season == "winter":
        return
    bees = "animals" in shot.subjects and named(shot, "bee")
    if bees or ("flower" in shot.subjects and shot.time != "night" and warm):
        yield Layer("bees", -24.0 if bees else -31.0, creatures.bees, ("animals", "insects"))
    if shot.time == "night" and warm and shot.place not in ("coast", "city"):
        yield Layer("crickets", -29.0, creatures.crickets, ("animals", "insects"))
        if shot.water in ("lake", "river") and shot.season in ("spring", "summer"):
            yield Layer("frogs", -20.0, creatures.frogs, ("animals",), 0.4)
    elif shot.season == "summer" and shot.time in ("day", "sunset") and shot.place in ("meadow", "desert"):
        yield Layer("cicadas", -44.0, creatures.cicadas, ("animals", "insects"))


def _fires(shot: Shot) -> Iterator[Layer]:
    if shot.place in ("underwater", "space"):
        return
    if "fire" in shot.subjects and shot.place != "volcano":
        yield Layer("fire", -21.0, fires.fire, ("fire",), 0.1)
    elif "candle" in shot.subjects:
        yield Layer("candle", -34.0, fires.candle, ("candle", "fire"), 0.1)
    if "fireworks" in shot.subjects:
        yield Layer("fireworks", -14.0, fires.fireworks, ("fireworks",), 0.4)


def bed(shot: Shot, seed: int, number: int, count: int, lead_s: float = 0.0) -> Ears:
    """All layers of `shot`, the shot `number` of the film, as `count` samples, the first of them `lead_s` before its
    picture. Slow motion is made in half the time and drawn out, so that it is lower as well; a time lapse the other
    way."""
    speed = _SPEED.get(shot.tempo, 1.0)
    cues = _cues(moments(shot, seed, count / RATE), lead_s, speed)
    if speed != 1.0:
        return _drawn_out(_sum(shot, seed, number, fast_size(int(count * speed / 2) + 2) * 2, cues), speed)[:, :count]
    return _sum(shot, seed, number, count, cues)


def _cues(found: Moments, lead_s: float, speed: float) -> Moments:
    """The moments of the picture in the seconds of a take that begins `lead_s` earlier and is played at `speed`."""

    def timed(kind: tuple[Moment, ...]) -> tuple[Moment, ...]:
        return tuple(replace(one, at_s=(one.at_s + lead_s) * speed, after_s=one.after_s * speed) for one in kind)

    return Moments(timed(found.strokes), timed(found.shells), timed(found.blasts))


def _sum(shot: Shot, seed: int, number: int, count: int, cues: Moments) -> Ears:
    dry, wet, behind = (np.zeros((2, count), np.float32) for _ in range(3))
    heard = layers(shot)
    far = -3.0 if shot.aerial and shot.place not in _SEALED else 0.0
    for layer in heard:
        rng = np.random.default_rng([seed, shot.salt, zlib.crc32(layer.name.encode()), number])
        sound = layer.play(Take(count, rng, cues)) * np.float32(
            decibels(layer.level + (far if layer.name not in _EVERYWHERE else 0.0))
        )
        if _walled(shot, layer):
            behind += sound
        else:
            dry += sound
            if layer.wet:
                wet += sound * np.float32(layer.wet)
    if any(_walled(shot, layer) for layer in heard):
        dry += weather.dulled(behind, _WALLS_HZ) * np.float32(0.8)
    if any(layer.wet for layer in heard):
        seconds, bright, before = _SPACES.get(shot.place, (0.9, 3200.0, 0.04))
        rng = np.random.default_rng([seed, shot.salt, 23, number])
        dry += reverberated(wet, rng, seconds, bright, before) * np.float32(1.2)
    return dry


def _walled(shot: Shot, layer: Layer) -> bool:
    """Whether a layer is heard through a wall or through water."""
    if shot.place == "interior":
        return layer.name in ("rain", "thunder", "river", "lake", "surf", "snow", "fireworks", "train", "cars", "plane")
    return shot.place == "underwater" and layer.name not in ("depths", "whales", "breathing")


def _drawn_out(ears: Ears, speed: float) -> Ears:
    """`ears`, whose length is a multiple of 4, at half or twice the speed, pitch and all."""
    count = ears.shape[1]
    size = int(count / speed)
    spectrum = np.fft.rfft(ears)
    fitted = np.zeros((2, size // 2 + 1), np.complex64)
    kept = min(fitted.shape[1], spectrum.shape[1]) - 1
    fitted[:, :kept] = spectrum[:, :kept]
    return np.asarray(np.fft.irfft(fitted, size) * np.float32(1 / speed), np.float32)
