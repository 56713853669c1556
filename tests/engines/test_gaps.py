"""What happens in the air and on the mountain, measured in pictures and sound that belong together: flashes and their
bangs, plumes of ash, the course of the sun, banks of fog; edits of clips, clipped lights, and cuts on beats."""

from __future__ import annotations

import math
from concurrent.futures import ThreadPoolExecutor
from dataclasses import replace
from functools import cache
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from numpy.typing import NDArray

from seedbed.engines.previz import script
from seedbed.engines.previz.finish import Finish
from seedbed.engines.previz.finish.recipe import STYLES
from seedbed.engines.previz.hours import stations
from seedbed.engines.previz.passing import Passing
from seedbed.engines.previz.production import DETAIL
from seedbed.engines.previz.reel import Reel
from seedbed.engines.previz.references.beats import Beats, retime
from seedbed.engines.previz.script import Cut
from seedbed.engines.previz.sound import RATE, scene
from seedbed.engines.previz.takes import Framed, picture_of
from tests.engines.reference_films import filmed, moving
from tests.engines.test_references_edited import edited, gradients
from tests.engines.test_stills import landscape

Floats = NDArray[np.float32]
POOL = ThreadPoolExecutor(2)
LUMA = np.array([0.2126, 0.7152, 0.0722], np.float32)
FPS = 24


def never() -> None:
    """A render that nobody stops."""


@cache
def reel(
    prompt: str, *, width: int = 160, height: int = 90, frames: int = 96, seed: int = 3, fixed: bool = True
) -> Reel:
    return Reel(script.read(prompt), seed=seed, width=width, height=height, frames=frames, fps=FPS, fixed=fixed,
                detail=DETAIL["mini"], pool=POOL, check=never)  # fmt: skip


def bright(film: Reel, number: int) -> float:
    """The mean luminance of a frame in linear light."""
    light = film.light(number, never)[:, :, : film.width]
    return float(np.tensordot(LUMA, light, 1).mean())


RATE_HZ = 480


def heard(prompt: str, layer: str, seconds: float, seed: int = 3) -> NDArray[np.float64]:
    """The power of one layer of the sound of `prompt`, `RATE_HZ` times a second: the whole less the same without it."""
    shot = script.read(prompt)
    count = int(seconds * RATE)
    alone = scene.bed(shot, seed, 0, count) - scene.bed(replace(shot, without=(*shot.without, layer)), seed, 0, count)
    step = RATE // RATE_HZ
    return (alone.astype(np.float64) ** 2).sum(0)[: count // step * step].reshape(-1, step).mean(1)


# Flashes and bangs


def test_thunder_follows_its_lightning_by_its_distance() -> None:
    prompt = "a thunderstorm over the meadow at night, low angle"
    film = reel(prompt)
    light = np.array([bright(film, number) for number in range(96)])
    flashes = [
        k / FPS for k in range(1, 96) if light[k] > 1.15 * light[k - 1] and light[max(k - 6, 0) : k].max() < light[k]
    ]
    power = heard(prompt, "thunder", 8.0)
    loud = np.log10(power + 1e-3 * power.max())
    claps = [k / RATE_HZ for k in range(100, len(loud)) if loud[k] - loud[k - 15 : k - 5].max() > 0.5]
    assert len(flashes) >= 2
    for flash in flashes:
        after = [clap - flash for clap in claps if 0.25 < clap - flash < 3.1]
        assert after, f"no thunder after the flash at {flash:.2f} s"
    first = np.argmax(power > 0.02 * power.max()) / RATE_HZ
    assert first > flashes[0] + 0.25, "nothing thunders before the first flash"


def test_shells_bang_as_they_flash() -> None:
    prompt = "fireworks over a meadow at night, no music"
    film = reel(prompt)
    light = np.array([bright(film, number) for number in range(96)])
    flashes = np.maximum(np.diff(light, prepend=light[0]), 0.0)
    power = np.sqrt(heard(prompt, "fireworks", 4.0)).reshape(96, -1)
    swells = np.maximum(np.diff(power.max(1), prepend=power.max()), 0.0)

    def alike(lag: int) -> float:
        return float(np.corrcoef(flashes[24:72], np.roll(swells, -lag)[24:72])[0, 1])

    lags = {lag: alike(lag) for lag in range(-20, 21)}
    best = max(lags, key=lambda lag: lags[lag])
    assert 0 <= best <= 4, "a bang comes with its flash or a few frames after"
    assert lags[best] > 0.5


@pytest.mark.parametrize("tempo", ["slow motion", "time lapse"])
def test_bangs_keep_to_their_flashes_at_any_tempo(tempo: str) -> None:
    prompt = f"{tempo} of a thunderstorm over the meadow at night, low angle"
    film = reel(prompt)
    strikes = [strike.at_s for strike in film.world.sky.strikes]
    power = heard(prompt, "thunder", 4.0)
    first = np.argmax(power > 0.02 * power.max()) / RATE_HZ
    assert 0.25 < first - strikes[0] < 3.2


# The volcano


def plane(film: Reel, number: int) -> Floats:
    """Luminance (rows, columns) in linear light."""
    return np.asarray(np.tensordot(LUMA, film.light(number, never)[:, :, : film.width], 1), np.float32)


def _blurred(light: Floats, reach: int) -> Floats:
    box = np.ones(2 * reach + 1, np.float32) / (2 * reach + 1)
    rows = np.apply_along_axis(np.convolve, 0, light, box, "same")
    return np.asarray(np.apply_along_axis(np.convolve, 1, rows, box, "same"), np.float32)


def test_ash_rises_out_of_the_crater_and_drifts() -> None:
    film = reel("a volcano, clear sky, static shot", width=320, height=180, frames=49)
    none = reel("a volcano, clear sky, static shot, no smoke", width=320, height=180, frames=49)
    assert none._plume is None
    bare = plane(none, 0)
    first, later = plane(film, 0), plane(film, 14)
    ash = np.abs(first - bare) > 0.02
    rows, columns = np.nonzero(ash)
    assert ash.mean() > 0.01
    assert rows.max() < 140, "nothing of it lies on the land"
    # Of all small shifts, one upwards makes the lumps of the plume most like what they are half a second later.
    fine, after = (one - _blurred(one, 4) for one in (first, later))
    box = (slice(rows.min() + 10, rows.max() - 30), slice(columns.min() + 4, columns.max() - 4))

    def alike(up: int) -> float:
        b = after[box[0].start - up : box[0].stop - up, box[1]]
        both = ash[box] & ash[box[0].start - up : box[0].stop - up, box[1]]
        return float(np.corrcoef(fine[box][both], b[both])[0, 1])

    shifts = {up: alike(up) for up in range(-5, 8)}
    assert max(shifts, key=lambda up: shifts[up]) > 0


def test_at_night_lava_lights_the_ash_from_below() -> None:
    film = reel("a volcano at night, clear sky, static shot", width=320, height=180, frames=49)
    none = reel("a volcano at night, clear sky, static shot, no smoke", width=320, height=180, frames=49)
    light, bare = (one.light(30, never)[:, :, :320] for one in (film, none))
    ash = np.tensordot(LUMA, np.abs(light - bare), 1) > 0.01
    height = np.arange(180)[:, None] + np.zeros((1, 320))
    lowest = np.percentile(height[ash], 98)
    low = light[:, ash & (height > lowest - 26) & (height < lowest)].mean(1)
    high = light[:, ash & (height < np.percentile(height[ash], 25))].mean(1)
    assert low[0] > 2.0 * low[2], "red"
    assert low[0] > 2.0 * high[0], "and fading upwards"


# Hours


def passing(prompt: str, width: int = 128, height: int = 72, frames: int = 40) -> Passing:
    picture = picture_of(script.read(prompt), seed=3, width=width, height=height, frames=frames, fps=FPS, fixed=True,
                         detail=DETAIL["mini"], pool=POOL, check=never, steer=lambda poses: poses)  # fmt: skip
    assert isinstance(picture, Framed)
    assert isinstance(picture.take, Passing)
    return picture.take


@pytest.mark.parametrize(
    ("prompt", "course"),
    [
        ("a valley from dawn to dusk", "dawn_dusk"), ("day turns to night over the lake", "day_night"),
        ("night turns into day in the desert", "night_day"), ("山谷昼夜交替", "day_night"),
        ("долина от рассвета до заката", "dawn_dusk"), ("день сменяется ночью над озером", "day_night"),
        ("vadide gündüzden geceye", "day_night"), ("dzień zmienia się w noc nad jeziorem", "day_night"),
        ("夜幕降临, 森林", "day_night"), ("a night in the forest", ""), ("a sunny day in the valley", ""),
    ],
)  # fmt: skip
def test_words_for_hours_that_pass(prompt: str, course: str) -> None:
    shot = script.read(prompt)
    assert shot.course == course
    assert bool(stations(shot)) == bool(course)


def test_day_turns_to_night_without_a_jump() -> None:
    place = passing("day turns to night over the lake")
    frames = [place.frame(number, never).light[:, :, :128] for number in range(40)]
    light = np.array([np.tensordot(LUMA, frame, 1).mean() for frame in frames])
    assert light[-1] < 0.45 * light[0]
    assert np.abs(np.diff(light)).max() < 0.12 * light[0], "smoothly"
    blue = [float(frame[2].mean() / frame[0].mean()) for frame in frames]
    assert min(blue[10:30]) < 0.8 * blue[0], "an evening lies between"
    assert blue[-1] > 1.3 * min(blue)


def test_shadows_turn_in_a_time_lapse() -> None:
    place = passing("time lapse of a meadow with trees, clear sky, low angle", 192, 108)
    ways = [take.look.sun for take in place.takes if isinstance(take, Reel)]
    turns = [math.atan2(float(way[0]), float(way[1])) for way in ways]
    assert turns[0] + 1.0 < turns[-1]
    land = slice(70, 104)
    begin, soon, end = (place.frame(number, never).light[1, land, :192] for number in (0, 2, 39))

    def alike(a: Floats, b: Floats) -> float:
        return float(np.corrcoef(a.ravel(), b.ravel())[0, 1])

    assert alike(begin, end) < alike(begin, soon) - 0.1


def test_a_rising_sun_climbs_a_little_and_leaves_the_land_where_it_is() -> None:
    film = reel("sunrise over the ocean, clear sky, static shot", width=320, height=180, frames=97)
    first, last = plane(film, 0), plane(film, 96)

    def centre(light: Floats) -> float:
        sky = light[: int(film.poses[0].horizon * 180) - 2]
        disc = sky > 0.7 * sky.max()
        return float(np.nonzero(disc)[0].mean())

    assert centre(last) < centre(first) - 1.0


# Fog


def test_fog_lies_in_banks_that_drift() -> None:
    film = reel("fog rolls over the valley", width=192, height=108)
    scene_of = film._scene
    foggy = [plane(film, number) for number in (0, 95)]
    film._scene = scene_of._replace(banks=np.zeros(6, np.float32))
    clear = [plane(film, number) for number in (0, 95)]
    film._scene = scene_of
    veils = [np.abs(a - b)[40:104].reshape(8, 8, 24, 8).mean((1, 3)) for a, b in zip(foggy, clear, strict=True)]
    for veil in veils:
        assert veil.max() > 0.08, "there is fog"
        assert veil.std() > 0.5 * veil.mean(), "and places without"
    change = np.abs(veils[1] - veils[0]).mean() / veils[0].mean()
    assert 0.1 < change < 1.5, "it drifts, and is no flicker"
    assert np.abs(plane(film, 1) - foggy[0]).mean() < 0.2 * np.abs(foggy[1] - foggy[0]).mean()


# Edits


@pytest.fixture(scope="module")
def walk(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A clip of 16 frames in a landscape."""
    t = np.arange(16) / 24
    frames = moving((0.10 * t, 0 * t, 0.05 * t, 0 * t), picture=landscape(size=(640, 360)))
    return filmed(tmp_path_factory.mktemp("clips") / "walk.mp4", frames)


@pytest.mark.parametrize("change", ["snow", "rain"])
def test_a_clip_is_recognised_while_it_snows_or_rains(walk: Path, change: str) -> None:
    plain, film = edited(walk, "", 16), edited(walk, change, 16)
    calm = edited(walk, {"snow": "winter, cloudy", "rain": "cloudy"}[change], 16)
    for number in (0, 8):
        a, b = gradients(plain.draw(number, never)[0]), gradients(film.draw(number, never)[0])
        assert float((a * b).sum() / np.sqrt((a * a).sum() * (b * b).sum())) >= 0.85
    falls = np.abs(film.draw(8, never)[0].astype(np.float32) - calm.draw(8, never)[0])
    assert (falls[:60] > 12).mean() > 0.004, "it does fall"


# Lights


def candlelit() -> Floats:
    """A warm light over cloth with folds, brighter than white in its middle."""
    y, x = np.mgrid[0:135, 0:240].astype(np.float32)
    fall = 1.0 / (1.0 + ((x - 120) ** 2 + (y - 67) ** 2) / 900.0)
    folds = 1.0 + 0.12 * np.sin(x * 0.7) * np.sin(y * 0.31)
    light = np.zeros((3, 135, 240), np.float32)
    light[:] = np.array([2.0, 1.15, 0.46])[:, None, None] * fall * folds + 0.01
    return light


def rgb_of(planes: Any) -> Floats:
    y, u, v = (plane.astype(np.float32) for plane in planes)
    u, v = (part.repeat(2, 0).repeat(2, 1)[: y.shape[0], : y.shape[1]] / 224 - 128 / 224 for part in (u, v))
    y = (y[: u.shape[0]] - 16) / 219
    return np.stack([y + 1.5748 * v, y - 0.1873 * u - 0.4681 * v, y + 1.8556 * u])


def developed(style: str) -> Floats:
    shot = replace(script.read("a candle in a room"), style=style)
    light = np.ascontiguousarray(candlelit()[:, :134])
    return rgb_of(Finish(shot, width=240, height=134, fps=FPS, seed=3).develop(light, 1, never))


@pytest.mark.parametrize("style", [name for name in STYLES if name != "comic"])
def test_no_style_burns_candle_light_out(style: str) -> None:
    shown = developed(style)[:, 20:114, 40:200]
    assert ((shown > 0.999).any(0)).mean() < 0.12
    assert style == "noir" or ((shown > 0.999).sum(0) >= 2).mean() < 0.03, "no flat yellow"


def test_oil_keeps_the_hue_and_the_strokes_of_candle_light() -> None:
    plain, oil = developed("natural")[:, 47:87, 90:150], developed("oil")[:, 47:87, 90:150]

    def blues(shown: Floats) -> float:
        return float((shown[2] / np.maximum(shown[0], 0.05)).mean())

    assert blues(oil) > 0.55 * blues(plain), "cream, and not a pure yellow"
    assert np.abs(np.diff(np.tensordot(LUMA, oil, 1), axis=1)).mean() > 0.008


# Cuts on beats


def coarse(film: Reel, number: int) -> Floats:
    """A frame in blocks of 8 × 8 pixels."""
    return np.asarray(plane(film, number).reshape(9, 8, 16, 8).mean((1, 3)), np.float32)


def test_cuts_on_beats_change_what_the_eye_sees_first() -> None:
    told = (Cut(script.read("a horse in a meadow, clear sky, cut to the beat"), 120),)
    times = np.arange(0.0, 5.0, 0.5, np.float32)
    cuts = retime(told, Beats(times, np.ones(len(times), np.float32), 120.0), 120, FPS, synced=True)
    assert len(cuts) >= 4
    assert sum(cut.frames for cut in cuts) == 120
    films = [
        Reel(cut.shot, seed=3, width=128, height=72, frames=cut.frames, fps=FPS, fixed=False, detail=DETAIL["mini"],
             pool=POOL, check=never) for cut in cuts
    ]  # fmt: skip
    assert len({film.plot.seed for film in films}) == 1, "the same world"
    sizes, sides = [], []
    for film in films:
        pose, mark = film.poses[0], film.stage.marks[0]
        x, y, _ = mark.at(0.5 * len(film.poses) / FPS)
        dx, dy = x - pose.x, y - pose.y
        ahead = dx * math.sin(pose.yaw) + dy * math.cos(pose.yaw)
        aside = dx * math.cos(pose.yaw) - dy * math.sin(pose.yaw)
        sizes.append(pose.focal / ahead)
        sides.append(math.atan2(dx, dy))
        assert abs(aside / ahead * pose.focal * math.sqrt(128 * 72)) < 64, "the subject is in the frame"
    for number in range(1, len(films)):
        ratio = sizes[number] / sizes[number - 1]
        assert max(ratio, 1 / ratio) > 1.25 or abs(sides[number] - sides[number - 1]) > 0.3
        before, after = films[number - 1], films[number]
        end = len(before.poses) - 1
        last, earlier, first = coarse(before, end), coarse(before, end - 1), coarse(after, 0)
        assert np.abs(first - last).mean() > 2.5 * np.abs(last - earlier).mean()
