"""The sky and space, measured: what moves and what stands still, what shines where, and what words take away."""

from __future__ import annotations

import math
from concurrent.futures import ThreadPoolExecutor
from functools import cache

import numpy as np
import pytest
from numpy.typing import NDArray

from seedbed.engines.previz import falling, script
from seedbed.engines.previz.light import HOURS, hour_of, shown, weather_of
from seedbed.engines.previz.production import DETAIL
from seedbed.engines.previz.reel import Reel
from seedbed.engines.previz.sky import Dome, Sight, disc_way, raise_dome, sprinkle
from seedbed.engines.previz.space import Space

Floats = NDArray[np.float32]

POOL = ThreadPoolExecutor(2)
WIDTH, HEIGHT = 320, 180
SIZE = math.sqrt(WIDTH * HEIGHT)
FOCAL = 1.12 * SIZE
HORIZON = 100.0
LUMA = np.array([0.2126, 0.7152, 0.0722])


def never() -> None:
    """A render that nobody stops."""


def sight(duration_s: float = 5.0) -> Sight:
    half = WIDTH / 2 / FOCAL
    return Sight(
        yaw=0.3, low=-half - 0.2, high=half + 0.2, top=HORIZON / FOCAL, half=half, duration_s=duration_s, x=0.0, y=0.0
    )


@cache
def dome(prompt: str, seed: int = 3) -> Dome:
    return raise_dome(script.read(prompt), sight(), rows=120, columns=300, seed=seed, check=never)


@cache
def reel(prompt: str, seed: int = 3) -> Reel:
    return Reel(script.read(prompt), seed=seed, width=WIDTH, height=HEIGHT, frames=120, fps=24, fixed=True,
                detail=DETAIL["mini"], pool=POOL, check=never)  # fmt: skip


@cache
def space(prompt: str, fixed: bool = False, seed: int = 3, width: int = WIDTH) -> Space:
    return Space(script.read(prompt), seed=seed, width=width, height=HEIGHT, frames=97, fps=24, fixed=fixed,
                 detail=DETAIL["mini"], pool=POOL, check=never)  # fmt: skip


def pixels(place: Space, number: int) -> Floats:
    """(rows, columns, 3) of linear light."""
    return np.moveaxis(place.light(number, never)[:, :, : place.width], 0, 2)


def shift_of(before: NDArray[np.float64], after: NDArray[np.float64]) -> tuple[float, float]:
    """How far (down, right) one picture has moved, by phase correlation, in whole pixels."""
    window = np.hanning(before.shape[0])[:, None] * np.hanning(before.shape[1])[None]
    a, b = (np.fft.fft2((picture - picture.mean()) * window) for picture in (before, after))
    cross = b * np.conj(a)
    peak = np.real(np.fft.ifft2(cross / (np.abs(cross) + 1e-6 * np.abs(cross).max())))
    down, right = np.unravel_index(int(peak.argmax()), peak.shape)
    rows, columns = peak.shape
    return float((down + rows // 2) % rows - rows // 2), float((right + columns // 2) % columns - columns // 2)


def shining(prompt: str, seconds: float = 0.0) -> Floats:
    """(rows, columns, 3): stars and disc alone, before a black sky without clouds."""
    sky = dome(prompt)
    pano = np.zeros_like(sky.still)
    pano[..., 3] = 1.0
    out = np.zeros((HEIGHT, WIDTH, 3), np.float32)
    for x in range(WIDTH):
        column = np.zeros((HEIGHT, 3), np.float32)
        turn = (x + 0.5 - WIDTH / 2) / FOCAL
        sprinkle(column, 0, int(HORIZON), turn, turn, FOCAL, HORIZON, seconds, pano, sky.sight.low, sky.sight.high,
                 sky.lights)  # fmt: skip
        out[:, x] = column
    return out


# Clouds


def test_clouds_drift_and_the_air_behind_them_does_not() -> None:
    sky = dome("a meadow, fluffy clouds")
    before, after = sky.at(0.0, 0.0, 0.0), sky.at(4.0, 0.0, 0.0)
    rows = slice(40, sky.rows_seen)
    down, right = shift_of(before[rows, :, 3], after[rows, :, 3])
    assert abs(right) + abs(down) >= 1
    # The wind blows to the right of this heading and away: clouds cannot move to the left.
    assert right >= 0
    clear = dome("a meadow, clear sky")
    assert np.array_equal(clear.at(0.0, 0.0, 0.0), clear.at(4.0, 0.0, 0.0))


def test_a_camera_that_flies_meets_the_clouds() -> None:
    sky = dome("a meadow, fluffy clouds")
    ahead = (120.0 * math.sin(sky.sight.yaw), 120.0 * math.cos(sky.sight.yaw))
    assert not np.allclose(sky.at(1.0, 0.0, 0.0), sky.at(1.0, *ahead), atol=1e-3)


def test_time_lapse_clouds_race_and_boil() -> None:
    real, lapse = dome("a meadow, clouds"), dome("time-lapse of a meadow, clouds")
    assert len(lapse.keys) > 1
    rows = slice(30, real.rows_seen)

    def change(sky: Dome) -> float:
        return float(np.abs(sky.at(0.0, 0.0, 0.0)[rows] - sky.at(1.0, 0.0, 0.0)[rows]).mean())

    assert change(lapse) > 2.5 * change(real) > 0


def test_the_weather_decides_how_much_of_the_sky_is_covered_and_how_dark() -> None:
    def covered(prompt: str) -> float:
        sky = dome(prompt)
        return float(1 - sky.still[30 : sky.rows_seen, :, 3].mean())

    assert covered("a clear sky over the meadow") == 0.0
    assert 0.1 < covered("a meadow") < 0.75 < covered("an overcast cloudy meadow")
    assert covered("mountains without clouds") == 0.0
    light = {p: float((dome(p).still[30:70, :, :3] @ LUMA).mean()) for p in ("a meadow", "a meadow in a thunderstorm")}
    assert light["a meadow in a thunderstorm"] < 0.5 * light["a meadow"]


# Hours


def test_palettes_follow_the_sun() -> None:
    air = {h: dome(f"meadow, clear sky, {h}").hazes.mean(0) @ LUMA * HOURS[k].exposure
           for h, k in (("noon", "noon"), ("sunset", "sunset"), ("blue hour", "blue"), ("night", "night"))}  # fmt: skip
    assert air["noon"] > air["sunset"] > air["blue hour"] > air["night"] > 0

    def warmth(prompt: str) -> float:
        red, _, blue = dome(prompt).hazes.mean(0)
        return float(red / blue)

    warm = [warmth(f"meadow, clear sky, {hour}") for hour in ("sunset", "golden hour", "noon", "night")]
    assert warm == sorted(warm, reverse=True)
    assert warm[0] > 2.0 > 1.0 > warm[2]


def test_the_sky_is_warmer_and_brighter_towards_a_low_sun() -> None:
    sky = dome("a meadow at sunset, clear sky")
    way = disc_way(script.read("a meadow at sunset, clear sky"), sky.sight)
    turn = math.tan(math.atan2(way[0], way[1]) - sky.sight.yaw)
    columns = np.linspace(sky.sight.low, sky.sight.high, sky.hazes.shape[0])
    light = sky.hazes @ LUMA
    assert abs(columns[light.argmax()] - turn) < 0.15
    assert light.max() > 1.1 * light[np.abs(columns - turn).argmax()]


@pytest.mark.parametrize(
    ("prompt", "hour"),
    [("high noon in the desert", "noon"), ("森林，正午", "noon"), ("полдень в горах", "noon"),
     ("öğle vakti deniz", "noon"),
     ("blue hour over the lake", "blue"), ("сумерки над озером", "blue"), ("a field in golden hour light", "golden"),
     ("a forest at sunset", "")],
)  # fmt: skip
def test_finer_hours_are_read(prompt: str, hour: str) -> None:
    assert script.read(prompt).hour == hour


def test_a_shown_colour_comes_out_as_bright_as_it_was_written() -> None:
    for exposure in (0.8, 1.5):
        x = float(shown("808080", exposure=exposure)[0, 0]) * exposure
        mapped = (x * (2.51 * x + 0.03)) / (x * (2.43 * x + 0.59) + 0.14)
        assert abs(mapped - 0.2158) < 0.003


# Discs and stars


@pytest.mark.parametrize("prompt", ["a meadow at sunset, clear sky", "the full moon over a meadow at night"])
def test_the_disc_stands_where_the_light_comes_from(prompt: str) -> None:
    light = shining(prompt) @ LUMA
    way = disc_way(script.read(prompt), sight())
    turn = math.atan2(way[0], way[1]) - sight().yaw
    x = WIDTH / 2 + math.tan(turn) * FOCAL - 0.5
    y = HORIZON - way[2] / math.hypot(way[0], way[1]) / math.cos(turn) * FOCAL - 0.5
    rows, columns = np.mgrid[0:HEIGHT, 0:WIDTH]
    disc = np.hypot(rows - y, columns - x) < 0.05 * FOCAL
    assert light[disc].mean() > 20 * light[~disc].mean()
    assert np.hypot(np.average(rows[disc], weights=light[disc]) - y,
                    np.average(columns[disc], weights=light[disc]) - x) < 1.5  # fmt: skip
    assert 0 < x < WIDTH
    assert 0 < y < HORIZON


def test_moon_and_stars_go_when_they_are_denied() -> None:
    assert dome("a night meadow with stars, no moon").lights.disc[2] == 0.0
    assert len(dome("a night meadow, clear sky").lights.stars) > 100
    assert len(dome("a night meadow, clear sky, no stars").lights.stars) == 0
    assert len(dome("a sunny meadow").lights.stars) == 0


def test_the_moon_has_seas_and_a_phase() -> None:
    full, crescent = dome("a full moon at night").lights.face, dome("a crescent moon at night").lights.face
    side = np.hypot(*np.meshgrid(*[np.linspace(-1, 1, full.shape[0])] * 2)) < 0.9
    assert full[side].mean() > 3 * crescent[side].mean()
    assert full[side].std() > 0.1


def test_stars_stand_still_and_twinkle_on_a_fixed_lens() -> None:
    prompt = "a starry night sky over the desert, low angle"
    first, later = (np.moveaxis(reel(prompt).light(n, never)[:, :40, :WIDTH], 0, 2) @ LUMA for n in (0, 96))
    stars = (first > 0.12) & (first >= np.roll(first, 1, 1)) & (first >= np.roll(first, -1, 1))
    assert stars.sum() > 25
    assert shift_of(first, later) == (0.0, 0.0)
    assert np.corrcoef(first[stars], later[stars])[0, 1] > 0.9
    assert np.abs(first[stars] - later[stars]).mean() > 0.005


# What happens


def test_the_aurora_is_green_and_moves() -> None:
    sky = dome("aurora borealis over the mountains")
    plain = dome("a starry night over the mountains")
    rows = slice(10, sky.rows_seen)
    glow = [sky.at(t, 0.0, 0.0)[rows, :, :3] - sky.back[rows] for t in (0.0, 0.5, 3.0)]
    red, green, blue = glow[0].mean((0, 1))
    assert green > 1.3 * red
    assert green > 1.2 * blue > 0
    assert float((plain.at(0.0, 0.0, 0.0)[rows, :, :3] - plain.back[rows]).max()) == 0.0
    soon, late = (float(np.abs(glow[k] - glow[0]).mean()) for k in (1, 2))
    assert late > soon > 0.01 * float(glow[0].mean())
    # A curtain moves, it does not flicker.
    assert np.corrcoef(glow[0].ravel(), glow[1].ravel())[0, 1] > 0.8


@pytest.mark.parametrize(
    "prompt",
    [
        "northern lights",
        "北极光下的湖",
        "северное сияние над озером",
        "gölün üzerinde kuzey ışıkları",
        "zorza polarna nad jeziorem",
    ],
)
def test_the_aurora_is_understood_in_five_languages(prompt: str) -> None:
    shot = script.read(prompt)
    assert "aurora" in shot.subjects
    assert shot.time == "night"


def test_lightning_strikes_at_times_of_the_seed() -> None:
    sky = dome("a thunderstorm over the meadow at night")
    assert sky.strikes
    at = sky.strikes[0].at_s
    dark, lit = sky.at(at - 0.02, 0.0, 0.0)[..., :3] @ LUMA, sky.at(at + 0.01, 0.0, 0.0)[..., :3] @ LUMA
    assert lit.mean() > 1.5 * dark.mean()
    assert lit.max() > 5 * dark.max()
    assert sky.flash(at - 0.02) == 0.0 < 0.3 < sky.flash(at + 0.01)
    assert sky.flash(at + 0.8) < 0.05 or len(sky.strikes) > 1
    again = raise_dome(script.read("a thunderstorm over the meadow at night"), sight(), rows=40, columns=80, seed=3,
                       check=never)  # fmt: skip
    assert [s.at_s for s in again.strikes] == [s.at_s for s in sky.strikes]
    other = dome("a thunderstorm over the meadow at night", 4)
    assert [s.at_s for s in other.strikes] != [s.at_s for s in sky.strikes]


@pytest.mark.parametrize("prompt", ["a storm over the meadow, no lightning", "rain over the meadow", "ливень в лесу"])
def test_without_lightning_nothing_flashes(prompt: str) -> None:
    sky = dome(prompt)
    assert sky.strikes == ()
    assert all(sky.flash(t / 24) == 0.0 for t in range(120))


def test_lightning_words() -> None:
    assert weather_of(script.read("молния над морем")) == "storm"
    assert weather_of(script.read("闪电划过天空")) == "storm"
    assert weather_of(script.read("a storm, no lightning")) == "storm"
    assert weather_of(script.read("rain in the forest")) == "rain"


def test_a_flash_lights_the_land() -> None:
    film = reel("a thunderstorm over the meadow at night, low angle")
    number = math.ceil(film.world.sky.strikes[0].at_s * 24)
    before, lit = (film.light(n, never)[:, HEIGHT - 50 :, :WIDTH].mean() for n in (number - 2, number))
    assert lit > 1.2 * before


def test_a_rainbow_has_its_colours_in_order() -> None:
    bow = dome("a rainbow over the meadow").front
    assert bow.shape[0] > 0
    column = bow[:, bow.shape[1] // 2]
    red, green, blue = (int(column[:, c].argmax()) for c in range(3))
    assert red > green > blue


def test_meteors_fall_only_where_they_are_named() -> None:
    assert dome("a meteor shower at night").meteors
    assert not dome("a starry night").meteors
    streak = dome("a meteor shower at night").meteors[0]
    middle = streak.lines(streak.at_s + 0.5 * streak.lasts_s)
    assert middle is not None
    assert streak.lines(streak.at_s - 0.1) is None
    assert middle[-1, 3] < middle[0, 3]


# What falls


def fallen(prompt: str, seconds: float = 1.0, aside: float = 0.0) -> Floats:
    light = np.full((3, HEIGHT, WIDTH), 0.05, np.float32)
    for fall in falling.falls(script.read(prompt), 5):
        fall.draw(light, WIDTH, HEIGHT, seconds, aside, 0.0)
    return np.asarray(light.mean(0) - 0.05, dtype=np.float32)


def test_rain_falls_in_streaks_and_snow_in_flakes() -> None:
    def upright(light: Floats) -> float:
        """How much smoother a picture is from top to bottom than from left to right."""
        return float(np.abs(np.diff(light, axis=1)).mean() / np.abs(np.diff(light, axis=0)).mean())

    rain, snow = fallen("rain in the forest"), fallen("snow falls in the forest")
    assert upright(rain) > 2.0
    assert 0.7 < upright(snow) < 1.4
    assert (rain > 0.01).mean() > 0.01
    assert (snow > 0.01).mean() > 0.01


def test_what_falls_moves_with_the_time_and_the_camera() -> None:
    first, later = fallen("snow falls in the forest", 1.0), fallen("snow falls in the forest", 1.04)
    assert not np.array_equal(first, later)
    assert np.array_equal(first, fallen("snow falls in the forest", 1.0))
    down, right = shift_of(first.astype(float), fallen("snow falls in the forest", 1.0, 12.0).astype(float))
    assert (down, right) == (0.0, 12.0)


@pytest.mark.parametrize(
    ("prompt", "kinds"),
    [("rain in the forest", ["rain"]), ("a thunderstorm", ["storm"]), ("a forest, no rain", []),
     ("snow falls", ["snow"]),
     ("cherry petals in the wind in spring", ["petals"]), ("falling leaves in an autumn forest", ["leaves"]),
     ("fireflies on a summer night", ["fireflies"]), ("a forest", [])],
)  # fmt: skip
def test_what_falls_is_what_is_named(prompt: str, kinds: list[str]) -> None:
    assert [fall.kind for fall in falling.falls(script.read(prompt), 5)] == kinds


# Space


def test_a_planets_limb_is_a_circle() -> None:
    place = space("mars in space, no stars", fixed=True)
    light = pixels(place, 0) @ LUMA
    eye = place.eyes[0]
    x, y, z = (float(-eye.place @ axis) for axis in (eye.right, eye.up, eye.ahead))
    centre = (WIDTH / 2 + x / z * eye.focal * SIZE, HEIGHT / 2 - y / z * eye.focal * SIZE)
    rows, columns = np.nonzero(light > 0.05)
    away = np.hypot(rows + 0.5 - centre[1], columns + 0.5 - centre[0])
    radius = eye.focal * SIZE / math.sqrt(float(eye.place @ eye.place) - 1.0)
    # Lit ground reaches the limb and hardly beyond it; perspective makes the circle a little wider off the axis.
    assert 0.96 * radius < np.quantile(away, 0.999) < 1.08 * radius
    sun = np.array([place.setting.sun @ eye.right, -(place.setting.sun @ eye.up)])
    bearing = np.array([np.median(columns) - centre[0], np.median(rows) - centre[1]])
    assert bearing @ sun > 0


def test_orbit_moves_the_ground_and_a_fixed_lens_nothing_behind_it() -> None:
    moving, still = space("slow orbit around mars"), space("slow orbit around mars", fixed=True)
    a, b, c = (pixels(moving, n) @ LUMA for n in (44, 48, 52))
    body = b > 0.1
    assert np.abs(a - c)[body].mean() > 0.04 * b[body].mean()
    first, last = pixels(still, 0) @ LUMA, pixels(still, 96) @ LUMA
    eye = still.eyes[0]
    x, y, z = (float(-eye.place @ axis) for axis in (eye.right, eye.up, eye.ahead))
    rows, columns = np.mgrid[0:HEIGHT, 0:WIDTH]
    away = np.hypot(rows - HEIGHT / 2 + y / z * eye.focal * SIZE, columns - WIDTH / 2 - x / z * eye.focal * SIZE)
    sky = away > 1.2 * eye.focal * SIZE / math.sqrt(float(eye.place @ eye.place) - 1.0)
    assert sky.mean() > 0.3
    assert (first[sky] > 0.05).sum() > 5
    assert np.array_equal(first[sky], last[sky])
    # The planet itself goes on turning.
    assert not np.array_equal(first[~sky], last[~sky])


def test_senses_are_opposite() -> None:
    def width(prompt: str, number: int) -> float:
        return float(((pixels(space(prompt), number) @ LUMA) > 0.05).mean())

    for grows, shrinks in (("zoom in on mars", "zoom out from mars"), ("dolly in to mars", "pull back from mars")):
        assert width(grows, 96) > 1.1 * width(grows, 0)
        assert width(shrinks, 96) < 0.9 * width(shrinks, 0)


def test_a_pan_moves_the_stars_across() -> None:
    place = space("pan right across the stars in outer space")
    before, after = (np.minimum(pixels(place, n) @ LUMA, 0.5).astype(float) for n in (46, 50))
    down, right = shift_of(before, after)
    assert right < 0
    assert down == 0


def test_a_black_hole_is_dark_and_its_disc_shows_above_it() -> None:
    place = space("a black hole in space", fixed=True)
    light = pixels(place, 0) @ LUMA
    scale = place.eyes[0].focal * SIZE / float(np.linalg.norm(place.eyes[0].place))
    rows, columns = np.mgrid[0:HEIGHT, 0:WIDTH]
    away = np.hypot(rows - HEIGHT / 2 + 0.5, columns - WIDTH / 2 + 0.5)
    eye = place.eyes[0]
    # Along the image of the disc's axis, on the far side: only bent light can come from there.
    north = np.array([eye.up[2], eye.right[2]])
    north = north / np.hypot(*north)
    up = -(rows - HEIGHT / 2 + 0.5) * north[0] + (columns - WIDTH / 2 + 0.5) * north[1]
    core = (away < 2.1 * scale) & (up > 0.9 * scale)
    arch = (up > 3.0 * scale) & (up < 5.5 * scale) & (away < 5.6 * scale)
    assert light[core].mean() < 0.03
    assert light[arch].mean() > 10 * light[core].mean() + 0.1
    # Gas that comes towards the eye is the brighter side.
    disc = (np.abs(up) < 4 * scale) & (away > 3 * scale) & (away < 10 * scale)
    across = (rows - HEIGHT / 2) * north[1] + (columns - WIDTH / 2) * north[0]
    sides = sorted((light[disc & (across > 0)].mean(), light[disc & (across < 0)].mean()))
    assert sides[1] > 1.5 * sides[0]


def test_the_night_side_has_towns_and_the_sea_a_glint() -> None:
    night = pixels(space("sunrise over planet earth, orbiting the earth", fixed=True), 0)
    ground = night[HEIGHT * 2 // 3 :]
    lit = ground[ground @ LUMA > 0.02]
    assert len(lit) > 0
    assert lit[:, 0].mean() > 1.5 * lit[:, 2].mean()


@pytest.mark.parametrize(
    ("prompt", "body"),
    [("a spiral galaxy", "galaxy"), ("黑洞", "black_hole"), ("чёрная дыра", "black_hole"),
     ("satürn ve halkaları", "gas_giant"),
     ("mgławica w kosmosie", "nebula"), ("the surface of the moon, moon surface", "moon"),
     ("an asteroid belt", "asteroid"),
     ("International Space Station above the Earth", "earth")],
)  # fmt: skip
def test_bodies_are_read(prompt: str, body: str) -> None:
    shot = script.read(prompt)
    assert shot.place == "space"
    assert body in shot.bodies


@pytest.mark.parametrize("prompt", ["the earth from space", "a black hole", "saturn and asteroids", "a spiral galaxy"])
def test_any_thread_draws_the_same_frame(prompt: str) -> None:
    place = space(prompt, width=160)
    alone = [place.light(n, never)[:, :, :160] for n in (0, 40, 96)]
    together = list(POOL.map(lambda n: place.light(n, never)[:, :, :160], (0, 40, 96)))
    assert all(np.array_equal(a, b) for a, b in zip(alone, together, strict=True))
    again = Space(script.read(prompt), seed=3, width=160, height=HEIGHT, frames=97, fps=24, fixed=False,
                  detail=DETAIL["mini"], pool=POOL, check=never)  # fmt: skip
    assert np.array_equal(again.light(40, never)[:, :, :160], alone[1])
    assert np.isfinite(alone[0]).all()
    assert float(alone[0].min()) >= 0.0


def test_every_hour_and_weather_has_a_finite_sky() -> None:
    for time in ("day", "noon", "sunset", "golden hour", "sunrise", "blue hour", "night"):
        for weather in ("fog", "rain", "snow", "storm", "clouds"):
            shot = script.read(f"a meadow, {time}, {weather}")
            sky = raise_dome(shot, sight(), rows=24, columns=48, seed=1, check=never)
            assert hour_of(shot) in HOURS.values()
            assert np.isfinite(sky.at(0.5, 0.0, 0.0)).all()
            assert float(sky.at(0.5, 0.0, 0.0).min()) >= 0.0
