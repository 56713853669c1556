"""Pictures that come alive, measured on the frames that a customer's player would show."""

from __future__ import annotations

from concurrent.futures import ThreadPoolExecutor
from dataclasses import replace
from itertools import pairwise
from pathlib import Path

import numpy as np
import pytest
from numpy.typing import NDArray
from PIL import Image, ImageDraw, ImageOps

from seedbed.engines import EngineError, InputMedia, RenderRequest
from seedbed.engines.previz import Previz, script, stills
from seedbed.engines.previz.stills import depth, direction, fit, flow, light, parallax
from tests.engines import films

Floats = NDArray[np.float32]
WIDE, TALL = 320, 180
REQUEST = RenderRequest(
    prompt="slow push in", width=WIDE, height=TALL, duration_s=4, seed=1, audio=False, mode="image_to_video"
)


def never() -> None:
    """A render that nobody stops."""


def rough(rows: int, columns: int, seed: int, fine_px: float) -> Floats:
    """Soft noise, about -1 … 1."""
    field = np.random.default_rng(seed).standard_normal((rows, columns)).astype(np.float32)
    for _ in range(2):
        field = depth.box(field, max(round(fine_px), 1))
    return field / np.abs(field).max()


def landscape(seed: int = 1, size: tuple[int, int] = (800, 450)) -> Image.Image:
    """A bright sky, a far ridge, a meadow with texture, a lake at the left and a dark tower near the middle."""
    columns, rows = size
    y = np.linspace(0, 1, rows)[:, None] * np.ones((1, columns))
    picture = np.stack([0.55 + 0.3 * y, 0.70 + 0.2 * y, 0.95 - 0.02 * y], 2)
    ridge = 0.42 + 0.05 * rough(1, columns, seed + 3, 40)
    picture[y > ridge] = (0.45, 0.52, 0.58)
    land = y > 0.52
    meadow = np.array([0.30, 0.42, 0.18]) * (1.0 + 1.6 * rough(rows, columns, seed, 2.0)[..., None])
    picture[land] = meadow[land]
    image = Image.fromarray((np.clip(picture, 0, 1) * 255).astype(np.uint8))
    draw = ImageDraw.Draw(image)
    draw.rectangle((columns * 0.46, rows * 0.25, columns * 0.56, rows * 0.85), fill=(120, 60, 40))
    for row in range(5):
        top = rows * (0.30 + 0.10 * row)
        draw.rectangle((columns * 0.49, top, columns * 0.53, top + rows * 0.05), fill=(240, 210, 130))
    return image


def evening(size: tuple[int, int] = (800, 450)) -> Image.Image:
    """Something else altogether: lit windows in dark blocks against a violet sky."""
    columns, rows = size
    rng = np.random.default_rng(5)
    y = np.linspace(0, 1, rows)[:, None, None]
    picture = np.array([0.10, 0.07, 0.25]) + np.array([0.35, 0.10, 0.10]) * y**2 + np.zeros((rows, columns, 3))
    image = Image.fromarray((picture * 255).astype(np.uint8))
    draw = ImageDraw.Draw(image)
    for left in range(0, columns, 50):
        top = int(rows * (0.35 + 0.3 * rng.random()))
        draw.rectangle((left, top, left + 46, rows), fill=(14, 14, 26))
        for x in range(left + 5, left + 42, 9):
            for at in range(top + 6, rows - 8, 12):
                if rng.random() < 0.5:
                    draw.rectangle((x, at, x + 4, at + 6), fill=(255, 205, 120))
    return image


def table(flames: int = 3) -> Image.Image:
    """A dark warm room with candles: each flame a bright warm spot above a pale stick."""
    columns, rows = 800, 450
    x, y = np.meshgrid(np.linspace(-1, 1, columns), np.linspace(-1, 1, rows))
    base = np.array([0.34, 0.20, 0.12]) * np.exp(-(x**2 + y**2))[..., None]
    base = base * (1 + 0.4 * rough(rows, columns, 9, 2.0)[..., None])
    image = Image.fromarray((np.clip(base, 0, 1) * 255).astype(np.uint8))
    draw = ImageDraw.Draw(image)
    for number in range(flames):
        middle = 260 + number * 140
        draw.rectangle((middle - 5, 250, middle + 5, 380), fill=(150, 110, 100))
        draw.ellipse((middle - 8, 214, middle + 8, 250), fill=(255, 226, 150))
    return image


def saved(image: Image.Image, path: Path, role: str = "first_frame") -> InputMedia:
    image.save(path)
    return InputMedia(path=path, kind="image", role=role)  # type: ignore[arg-type]


def fitted(image: Image.Image, width: int = WIDE, height: int = TALL) -> Floats:
    """What the frame must be: the middle of the picture at the frame's ratio, in grey, 0 … 255."""
    shown = ImageOps.fit(image.convert("RGB"), (width, height), Image.Resampling.LANCZOS)
    return np.asarray(shown, np.float32) @ np.array([0.2126, 0.7152, 0.0722], np.float32)


def ssim(a: Floats, b: Floats) -> float:
    """Mean structural similarity over 8 × 8 windows (Wang et al., 2004), both 0 … 255."""

    def mean(field: Floats) -> Floats:
        return depth.box(field.astype(np.float32), 4).astype(np.float64)  # type: ignore[return-value]

    ma, mb = mean(a), mean(b)
    va, vb, both = mean(a * a) - ma**2, mean(b * b) - mb**2, mean(a * b) - ma * mb
    c1, c2 = (0.01 * 255) ** 2, (0.03 * 255) ** 2
    return float((((2 * ma * mb + c1) * (2 * both + c2)) / ((ma**2 + mb**2 + c1) * (va + vb + c2))).mean())


def luma(path: Path) -> list[Floats]:
    """Every frame in grey, 0 … 255, from the colours that a player would show."""
    return [frame @ np.array([0.2126, 0.7152, 0.0722], np.float32) * 255 for frame in films.colours(path)]


async def shown(tmp_path: Path, request: RenderRequest) -> list[Floats]:
    tmp_path.mkdir(parents=True, exist_ok=True)
    return luma((await Previz().render(request, tmp_path, lambda share: None)).video)


def drawn(image: Image.Image, prompt: str, numbers: tuple[int, ...], **options: object) -> list[Floats]:
    """Frames of luma straight from the drawing, without an encoder between."""
    way = direction.read(prompt, script.read(prompt), fixed=bool(options.pop("fixed", False)))
    still = stills.Still(image, way, width=WIDE, height=TALL, frames=96, fps=24, seed=4)
    return [still.draw(number, never)[0].astype(np.float32) for number in numbers]


def test_the_measure_of_likeness_measures() -> None:
    one, other = fitted(landscape()), fitted(evening())
    assert ssim(one, one) == pytest.approx(1.0)
    assert ssim(one, other) < 0.5
    assert ssim(one, np.roll(one, 3, 1)) < 0.9


# The first frame


@pytest.mark.parametrize(
    "prompt",
    [
        "slow push in", "zoom out", "pan left", "tilt up", "orbit", "dolly out", "static camera", "handheld",
        "crane up", "truck right", "snow, rain, fog, smoke and sun on the lake, wind in the trees",
    ],
)  # fmt: skip
async def test_the_first_frame_is_the_picture(tmp_path: Path, prompt: str) -> None:
    image = landscape()
    media = (saved(image, tmp_path / "in.png"),)
    frames = await shown(tmp_path / "out", replace(REQUEST, prompt=prompt, media=media))
    assert ssim(frames[0], fitted(image)) >= 0.95
    if prompt != "static camera":
        assert np.abs(frames[-1] - frames[0]).mean() > 2, "and then it lives"


@pytest.mark.parametrize(("width", "height"), [(180, 320), (240, 240), (420, 180), (240, 180)])
async def test_the_first_frame_covers_every_ratio(tmp_path: Path, width: int, height: int) -> None:
    image = landscape(size=(1200, 900))
    media = (saved(image, tmp_path / "in.png"),)
    frames = await shown(tmp_path / "out", replace(REQUEST, width=width, height=height, media=media))
    assert ssim(frames[0], fitted(image, width, height)) >= 0.95


async def test_a_last_frame_alone_is_where_it_ends(tmp_path: Path) -> None:
    image = landscape()
    media = (saved(image, tmp_path / "in.png", "last_frame"),)
    frames = await shown(tmp_path / "out", replace(REQUEST, media=media))
    assert ssim(frames[-1], fitted(image)) >= 0.95
    assert ssim(frames[0], fitted(image)) < 0.9


async def test_a_broken_last_picture_is_refused(tmp_path: Path) -> None:
    broken = tmp_path / "broken.jpg"
    broken.write_bytes(b"\xff\xd8\xff\xe0 and nothing more")
    media = (saved(landscape(), tmp_path / "in.png"), InputMedia(path=broken, kind="image", role="last_frame"))
    with pytest.raises(EngineError) as refused:
        await Previz().render(replace(REQUEST, media=media), tmp_path, lambda share: None)
    assert str(tmp_path) not in refused.value.message


@pytest.mark.parametrize("mode", ["L", "RGBA", "CMYK", "P", "I;16", "1", "LA"])
def test_every_kind_of_pixel_is_read(tmp_path: Path, mode: str) -> None:
    path = tmp_path / ("in.tif" if mode in ("CMYK", "I;16") else "in.png")
    if mode == "I;16":
        Image.fromarray(np.full((60, 80), 40_000, np.uint16)).save(path)
    else:
        landscape(size=(80, 60)).convert(mode).save(path)
    image = fit.load(path)
    assert (image.mode, image.size) == ("RGB", (80, 60))
    assert 20 < np.asarray(image).mean() < 235


# Depth and camera


def test_the_place_is_understood() -> None:
    small = np.asarray(landscape(size=(256, 144)), np.float32) / 255
    place = depth.study(np.ascontiguousarray(small), water=False, person=False)
    near = place.maps[depth.NEAR]
    assert near.shape == (144, 256)
    sky, meadow, tower = near[:40, :100].mean(), near[120:, :100].mean(), near[60:90, 122:140].mean()
    assert sky < 0.12
    assert meadow > 0.5
    assert tower > near[60:70, :100].mean() + 0.2, "what stands in the middle is nearer than what is behind it"
    assert place.maps[depth.SKY][:30].mean() > 0.8
    assert place.maps[depth.SKY][90:].mean() < 0.05


def test_a_camera_that_moves_aside_shows_parallax() -> None:
    """Near ground passes faster than the far ridge, and the sky hardly at all."""
    before, after = drawn(landscape(), "truck right", (20, 60))
    moves = []
    for rows in (slice(66, 90), slice(132, 180)):
        parts = [films.shift(before[rows, x : x + 64], after[rows, x : x + 64])[1] for x in (8, 72, 230)]
        moves.append(float(np.median(np.abs(parts))))
    assert moves[1] > moves[0] * 1.3 + 0.5


@pytest.mark.parametrize(("prompt", "bigger"), [("push in", True), ("zoom in", True), ("zoom out", False)])
def test_near_and_away(prompt: str, bigger: bool) -> None:
    widths = []
    for frame in drawn(landscape(), prompt, (0, 95)):
        step = np.diff(frame[65:71].mean(0))
        widths.append(int(np.argmax(step[160:220])) + 160 - int(np.argmin(step[110:165])) - 110)
    assert (widths[1] > widths[0]) if bigger else (widths[1] < widths[0])


@pytest.mark.parametrize("prompt", ["pan left", "pan right", "orbit", "zoom out", "tilt down", "handheld, crane"])
def test_nothing_beyond_the_border_shows(prompt: str) -> None:
    """A picture with a marked rim: the rim may be squeezed but never repeats as a smear."""
    way = direction.read(prompt, script.read(prompt), fixed=False)
    near = np.full((32, 32), 0.5, np.float32)
    near[20:] = 1.0
    rows, columns = parallax.nodes(WIDE, TALL, 4)
    for share in (0.3, 1.0):
        mesh = np.empty((2, rows, columns), np.float32)
        parallax.aim(mesh, near, WIDE, TALL, 4, parallax.pose(way, share, 4 * share, 4.0))
        inside = mesh[:, : TALL // 4, : WIDE // 4]
        assert inside.min() > -1.0
        assert inside[0].max() < WIDE
        assert inside[1].max() < TALL
        assert np.diff(inside[0], axis=1).min() > 0.5, "no column twice"


def test_frames_are_pure() -> None:
    image = landscape()
    way = direction.read("snow, orbit", script.read("snow, orbit"), fixed=False)
    still = stills.Still(image, way, width=WIDE, height=TALL, frames=96, fps=24, seed=4)
    alone = [still.draw(number, never) for number in (3, 50)]
    with ThreadPoolExecutor(4) as pool:
        together = list(pool.map(lambda number: still.draw(number, never), (3, 50, 3, 50)))
    for number, planes in enumerate(together):
        for plane, expected in zip(planes, alone[number % 2], strict=True):
            assert np.array_equal(plane, expected)


# What comes alive


def test_a_fixed_lens_moves_the_living_alone() -> None:
    frames = drawn(landscape(), "the wind sways the leaves, orbit", (0, 40, 95), fixed=True)
    tower = np.s_[40:150, 150:176]
    for frame in frames[1:]:
        assert np.abs(frame[tower] - frames[0][tower]).mean() < 12
        assert abs(films.shift(frames[0][tower], frame[tower])[1]) < 0.1
    assert np.abs(frames[2][140:] - frames[1][140:]).mean() > 2, "the meadow sways"


def test_flames_are_found_and_flicker() -> None:
    small = np.asarray(table().resize((640, 360)), np.float32) / 255
    flames = light.find_flames(np.ascontiguousarray(small))
    assert len(flames) == 3
    assert np.allclose(np.sort(flames[:, light.X]), np.array([260, 400, 540]) / 800, atol=0.01)
    frames = drawn(table(), "candle light", tuple(range(12, 60, 3)), fixed=True)
    around = [float(frame[70:130, 90:130].mean()) for frame in frames]
    corner = [float(frame[:20, :20].mean()) for frame in frames]
    assert np.std(around) > 3 * np.std(corner)
    assert np.std(around) > 0.3


def test_candles_are_blown_out() -> None:
    frames = drawn(table(), "she blows out the candles", (0, 30, 94), fixed=True)
    hot = [int((frame > 190).sum()) for frame in frames]
    assert hot[0] > 50
    assert hot[1] > 50
    assert hot[2] < hot[0] * 0.1
    assert frames[2].mean() < frames[0].mean() * 0.97, "the room is darker"


@pytest.mark.parametrize("weather", ["snow", "rain", "fog", "smoke"])
def test_weather_comes_over_the_picture(weather: str) -> None:
    plain = drawn(evening(), "static camera", (0, 72), fixed=True)
    under = drawn(evening(), f"{weather}, static camera", (0, 72), fixed=True)
    assert np.abs(under[0] - plain[0]).mean() < 0.5, "not in the first frame"
    assert np.abs(under[1] - plain[1]).mean() > 1.0
    assert drawn(evening(), f"no {weather}, static camera", (72,), fixed=True)[0] == pytest.approx(plain[1])


# From one picture to another


async def test_it_begins_at_one_and_ends_at_the_other_and_does_not_dissolve(tmp_path: Path) -> None:
    one, other = landscape(), evening()
    media = (saved(one, tmp_path / "a.png"), saved(other, tmp_path / "b.png", "last_frame"))
    frames = await shown(tmp_path / "out", replace(REQUEST, prompt="day turns to night", media=media))
    a, b = fitted(one), fitted(other)
    assert ssim(frames[0], a) >= 0.95
    assert ssim(frames[-1], b) >= 0.95
    middle = frames[len(frames) // 2]
    dissolve = (frames[0] + frames[-1]) / 2
    assert np.abs(middle - dissolve).mean() > 15
    assert sharpness(middle) > 0.8 * min(sharpness(frames[0]), sharpness(frames[-1]))
    steps = [float(np.abs(later - earlier).mean()) for earlier, later in pairwise(frames)]
    assert max(steps) < 12, "no cut"


def sharpness(frame: Floats) -> float:
    """Mean steepness."""
    return float(np.hypot(*np.gradient(frame)).mean())


def test_the_same_place_is_carried_over_by_motion() -> None:
    """A tower that stands elsewhere in the second picture is half way in the middle, once and sharp."""
    size = (800, 450)
    one = landscape(size=size)
    other = one.transform(size, Image.Transform.AFFINE, (0.94, 0, 64, 0, 0.94, 12), Image.Resampling.BICUBIC)
    way = direction.read("", script.read(""), fixed=False)
    passage = stills.Passage(one, other, way, width=WIDE, height=TALL, frames=49, fps=24, seed=1, check=never)
    assert passage.alike > 0.8
    first, middle, last = (passage.draw(number, never)[0].astype(np.float32) for number in (0, 24, 48))
    assert sharpness(middle) > 0.8 * min(sharpness(first), sharpness(last))

    def left_edge(frame: Floats) -> int:
        return int(np.argmin(np.diff(frame[60:66].mean(0))[60:200])) + 60

    edges = [left_edge(frame) for frame in (first, middle, last)]
    assert edges[0] - edges[2] > 10
    assert abs(edges[1] - (edges[0] + edges[2]) / 2) <= 3


def test_flow_finds_what_moved() -> None:
    field = rough(120, 260, 2, 2.5)
    a = np.repeat((0.5 + 0.4 * field[:, 20:212])[..., None], 3, 2)
    b = np.repeat((0.5 + 0.4 * field[:, 8:200])[..., None], 3, 2)
    found = flow.between(np.ascontiguousarray(a), np.ascontiguousarray(b * 0.7 + 0.1), never)
    inner = found[:, 20:-20, 30:-30]
    assert np.median(inner[0]) * 192 == pytest.approx(12, abs=0.3)
    assert np.median(inner[1]) * 120 == pytest.approx(0, abs=0.3)


def test_unlike_pictures_are_not_forced_together() -> None:
    way = direction.read("", script.read(""), fixed=False)
    passage = stills.Passage(
        landscape(), evening(), way, width=WIDE, height=TALL, frames=49, fps=24, seed=1, check=never
    )
    assert passage.alike < 0.2


def test_a_stopped_draw_ends_at_once() -> None:
    class Enough(Exception):
        pass

    def check() -> None:
        raise Enough

    way = direction.read("", script.read(""), fixed=False)
    still = stills.Still(landscape(), way, width=WIDE, height=TALL, frames=9, fps=24, seed=1)
    with pytest.raises(Enough):
        still.draw(3, check)
    with pytest.raises(Enough):
        stills.Passage(landscape(), evening(), way, width=64, height=64, frames=9, fps=24, seed=1, check=check)


# What is asked of a picture


@pytest.mark.parametrize(
    ("prompt", "move", "living"),
    [
        ("", "push", set()),
        ("a slow push in", "push", set()),
        ("dolly out from the table", "pull", set()),
        ("camera pulls back", "pull", set()),
        ("pan left", "pan", set()),
        ("handheld", "handheld", set()),
        ("static camera, no snow", "static", set()),
        ("A young woman blows out birthday candles", None, {"person", "blown", "flames"}),
        ("снег идёт", None, {"snow"}),
        ("她吹灭蜡烛", None, {"flames", "blown"}),
    ],
)
def test_words_direct_the_picture(prompt: str, move: str | None, living: set[str]) -> None:
    way = direction.read(prompt, script.read(prompt), fixed=False)
    assert move is None or way.move == move
    assert way.living >= living
    assert not way.living & ({"snow", "rain", "fog"} - living)
    assert direction.read(prompt, script.read(prompt), fixed=True).move == "static"
