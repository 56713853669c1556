"""Each style by itself, measured: what makes noir noir, and paint paint."""

from __future__ import annotations

import numpy as np
import pytest
from numpy.typing import NDArray
from PIL import Image

from seedbed.engines.previz.finish import Planes
from tests.engines.films import shift
from tests.engines.styled import (
    HEIGHT,
    PAINTED,
    WIDTH,
    colourfulness,
    finish,
    flat,
    go_on,
    luma,
    middle,
    picture,
    planes_of,
    rgb_of,
    scene,
)


def bars_of(tones: list[float], width: int = WIDTH, height: int = HEIGHT) -> Planes:
    """Upright bars of grey."""
    row = np.repeat(tones, width // len(tones))
    return planes_of(np.broadcast_to(row[None, :, None], (height, width, 3)).copy())


# --- each style


def test_cinematic_is_wide_teal_and_orange() -> None:
    planes = finish("cinematic").restyle(picture("portrait"), 1, go_on)
    rows = 24  # (180 - 320 / 2.39) / 2, made even
    for cut in (slice(0, rows), slice(HEIGHT - rows, HEIGHT)):
        assert (planes[0][cut] == 16).all()
        half = slice(cut.start // 2, cut.stop // 2)
        assert (planes[1][half] == 128).all()
        assert (planes[2][half] == 128).all()
    assert planes[0][rows : HEIGHT - rows].mean(1).min() > 20
    ramp = rgb_of(finish("cinematic").restyle(bars_of([0.2, 0.2, 0.75, 0.75]), 1, go_on))[rows + 4 : -rows - 4]
    dark, bright = ramp[:, 20:140].mean((0, 1)), ramp[:, 180:300].mean((0, 1))
    assert dark[2] > dark[0] + 0.02
    assert bright[0] > bright[2] + 0.03


@pytest.mark.parametrize(("width", "height"), [(90, 160), (160, 160), (210, 90), (234, 100)])
def test_upright_square_and_wide_frames_have_no_bars(width: int, height: int) -> None:
    planes = finish("cinematic", width, height).restyle(flat(0.6, width, height), 1, go_on)
    assert planes[0][[0, -1]].min() > 60


def test_cinematic_lights_have_a_red_halo() -> None:
    light = np.full((3, HEIGHT, WIDTH), 0.05, np.float32)
    light[:, 80:100, 150:170] = 5.0
    red, _, blue = (rgb_of(finish("cinematic").develop(light, 1, go_on))[86:94, 174:182, c].mean() for c in range(3))
    plain = rgb_of(finish("natural").develop(light, 1, go_on))[86:94, 174:182].mean((0, 1))
    assert red - blue > plain[0] - plain[2] + 0.04


@pytest.mark.parametrize("moods", [(), ("warm", "romantic"), ("cold", "mysterious")])
def test_noir_has_no_colour_and_hard_contrast(moods: tuple[str, ...]) -> None:
    looks = finish("noir", moods=moods)
    for planes in (looks.develop(scene(), 2, go_on), looks.restyle(picture("skyline"), 2, go_on)):
        assert (planes[1] == 128).all()
        assert (planes[2] == 128).all()
    if not moods:
        steps = luma(looks.restyle(bars_of([0.3, 0.3, 0.6, 0.6]), 2, go_on))
        assert steps[40:140, 180:300].mean() - steps[40:140, 20:140].mean() > 1.3 * 0.3 * 219
        plain = luma(finish("documentary").restyle(flat(0.4), 2, go_on))
        grain = luma(looks.restyle(flat(0.4), 2, go_on))
        assert middle(grain, 0.4).std() > 1.8 * middle(plain, 0.4).std()


def test_noir_falls_off_towards_the_corners() -> None:
    planes = luma(finish("noir").restyle(flat(0.5), 2, go_on))
    assert planes[:20, :20].mean() < planes[80:100, 150:170].mean() - 25


def test_vintage_is_faded_and_brown() -> None:
    dark, bright = (rgb_of(finish("vintage").restyle(flat(tone), 1, go_on))[60:120, 100:220].mean((0, 1))
                    for tone in (0.0, 0.6))  # fmt: skip
    assert dark.min() > 0.035
    assert dark[0] > dark[2]
    assert bright[0] > bright[1] > bright[2]
    assert bright[0] - bright[2] > 0.08
    blue = planes_of(np.full((HEIGHT, WIDTH, 3), [0.1, 0.2, 0.8]))
    assert colourfulness(finish("vintage").restyle(blue, 1, go_on)) < 0.5 * colourfulness(blue)


def test_vintage_weaves_by_less_than_a_pixel_and_flickers() -> None:
    light = np.zeros((3, HEIGHT, WIDTH), np.float32)
    noise = np.random.default_rng(1).random((HEIGHT // 4, WIDTH // 4))
    light[:] = np.asarray(Image.fromarray(noise).resize((WIDTH, HEIGHT), Image.Resampling.BICUBIC)).clip(0.02, 1)
    looks = finish("vintage")
    frames = [luma(looks.develop(light, number, go_on)) for number in range(0, 30, 3)]
    still = luma(finish("natural").develop(light, 0, go_on))
    moved = np.array([shift(still.astype(np.float32), frame.astype(np.float32)) for frame in frames])
    assert np.abs(moved).max() <= 1.05
    assert moved.std(0).min() > 0.05
    levels = np.array([frame.mean() for frame in frames])
    assert 0.001 < levels.std() / levels.mean() < 0.03


def test_vintage_has_dust_that_does_not_stay() -> None:
    looks = finish("vintage")
    spots = [np.abs(luma(looks.restyle(flat(0.5), number, go_on)) - 120) > 45 for number in range(20, 44)]
    found = [int(middle(spot.astype(float), 0.15).sum()) for spot in spots]
    assert sum(count > 0 for count in found) >= 5
    assert max(found) < 0.01 * WIDTH * HEIGHT
    assert not np.logical_and.reduce(spots).any()


def test_vhs_smears_colour_to_the_right_and_draws_lines() -> None:
    rgb = np.full((HEIGHT, WIDTH, 3), 0.4)
    rgb[:, 140:180] = [0.8, 0.25, 0.2]
    given = planes_of(rgb)
    planes = finish("vhs").restyle(given, 3, go_on)

    def steepest(plane: NDArray[np.uint8]) -> float:
        rows = plane[10:70].astype(float).mean(0)
        return float(np.abs(np.diff(rows)).max())

    assert steepest(planes[2]) < 0.5 * steepest(given[2])
    weight = np.maximum(planes[2][10:70].astype(float).mean(0) - planes[2][10:70, :40].mean(), 0)
    assert (weight * np.arange(160)).sum() / weight.sum() > 80.5
    tall = luma(finish("vhs", 640, 480).restyle(flat(0.6, 640, 480), 3, go_on))[100:300].mean(1)
    assert np.abs(np.diff(tall)).mean() > 4


def test_vhs_lines_are_out_of_step() -> None:
    looks = finish("vhs", 640, 360)
    edge = looks.restyle(bars_of([0.1, 0.1, 0.8, 0.8], 640, 360), 3, go_on)[0].astype(float)
    at = ((edge[:, 280:360] - 200) / (45 - 200)).clip(0, 1).sum(1)
    assert at[:330].std() > 0.3
    assert np.ptp(at[345:]) > np.ptp(at[100:200]) + 3


def test_neon_splits_into_magenta_and_cyan() -> None:
    looks = finish("neon")
    warm = rgb_of(looks.restyle(planes_of(np.full((HEIGHT, WIDTH, 3), [0.85, 0.5, 0.2])), 1, go_on))
    green = rgb_of(looks.restyle(planes_of(np.full((HEIGHT, WIDTH, 3), [0.2, 0.6, 0.2])), 1, go_on))
    dark = rgb_of(looks.restyle(flat(0.22), 1, go_on))
    r, g, b = middle(warm, 0.3).mean((0, 1))
    assert min(r, b) > g + 0.15
    r, g, b = middle(green, 0.3).mean((0, 1))
    assert min(g, b) > r + 0.08
    r, g, b = middle(dark, 0.3).mean((0, 1))
    assert b > max(r, g) + 0.04
    assert middle(dark, 0.3).mean() < 0.2


def test_neon_fringes_edges_with_colour_towards_the_border() -> None:
    """Red is drawn larger than blue: an edge near the right border comes later in red."""
    light = np.full((3, 360, 640), 0.05, np.float32)
    light[:, :, 600:] = 0.55
    picture_ = rgb_of(finish("neon", 640, 360).develop(light, 1, go_on))[100:260].mean(0)
    plain = rgb_of(finish("natural", 640, 360).develop(light, 1, go_on))[100:260].mean(0)

    def edge(row: NDArray[np.floating], channel: int) -> float:
        part = row[560:636, channel]
        part = (part - part[:20].mean()) / (part[-20:].mean() - part[:20].mean())
        return float((1 - part).sum())

    assert edge(picture_, 0) - edge(picture_, 2) > 0.6
    assert abs(edge(plain, 0) - edge(plain, 2)) < 0.5


def test_pastel_is_light_soft_and_low_in_contrast() -> None:
    for name in ("portrait", "skyline"):
        given, planes = picture(name), finish("pastel").restyle(picture(name), 1, go_on)
        assert luma(planes).std() < 0.85 * luma(given).std()
        assert luma(planes).mean() > luma(given).mean() + 15
        assert np.percentile(planes[0], 1) > 40


def test_documentary_is_neutral_flat_and_has_no_vignette() -> None:
    light = np.full((3, HEIGHT, WIDTH), 0.3, np.float32)
    even, natural = (luma(finish(style).develop(light, 1, go_on)) for style in ("documentary", "natural"))

    def falls(values: NDArray[np.floating]) -> float:
        return float(values[80:100, 150:170].mean() - values[:20, :20].mean())

    assert abs(falls(even)) < 2 < falls(natural)
    ours, plain = (finish(style, warm=1.0).develop(scene(), 1, go_on) for style in ("documentary", "natural"))
    assert colourfulness(ours) < 0.9 * colourfulness(plain)
    assert luma(ours).std() < luma(plain).std()


def roughness(planes: Planes) -> float:
    """How much neighbours differ within a rough region away from borders, in code values."""
    part = luma(planes)[60:110, 60:130]
    return float(np.abs(np.diff(part, axis=1)).mean())


def rough_halves() -> Planes:
    noise = np.random.default_rng(2).normal(0, 0.06, (HEIGHT, WIDTH, 1))
    step = np.where(np.arange(WIDTH)[None, :, None] < WIDTH // 2, 0.3, 0.65)
    return planes_of((step + noise).clip(0, 1).repeat(3, 2))


@pytest.mark.parametrize("style", PAINTED[:3])
def test_painting_smooths_inside_and_keeps_edges(style: str) -> None:
    given = rough_halves()
    planes = finish(style).restyle(given, 1, go_on)
    assert roughness(planes) < 0.55 * roughness(given)
    across = luma(planes)[40:140].mean(0)
    step = across[200:260].mean() - across[60:120].mean()
    assert step > 40
    assert across[164:168].mean() - across[152:156].mean() > 0.75 * step


def test_watercolour_leaves_white_paper_around_and_dark_rims_of_pigment() -> None:
    looks = finish("watercolour", 640, 360)
    planes = looks.restyle(bars_of([0.3, 0.3, 0.65, 0.65], 640, 360), 1, go_on)
    rim = np.concatenate([planes[0][:3].ravel(), planes[0][-3:].ravel(), planes[0][:, :3].ravel()])
    assert rim.mean() > 205
    assert np.abs(planes[1][:2].astype(float) - 128).mean() < 4
    across = luma(planes)[80:280].mean(0)
    assert across[312:320].min() < across[200:280].mean() - 6


def test_watercolour_paper_is_grainy_and_stands_still() -> None:
    looks = finish("watercolour", 640, 360)
    one, other = (middle(luma(looks.restyle(flat(tone, 640, 360), n, go_on))) for n, tone in ((1, 0.5), (9, 0.6)))
    assert one.std() > 3
    fine = [values - np.asarray(Image.fromarray(values).resize((24, 13)).resize(values.shape[::-1]))
            for values in (one, other)]  # fmt: skip
    assert np.corrcoef(fine[0].ravel(), fine[1].ravel())[0, 1] > 0.8


def test_oil_strokes_follow_the_picture() -> None:
    def streaks(upright: bool) -> float:
        """How much more a painted pattern of stripes varies across rows than across columns, in relief alone."""
        stripes = 0.5 + 0.2 * np.sin(np.arange(360) * 2 * np.pi / 40)
        rgb = np.broadcast_to(stripes[None, :, None] if upright else stripes[:, None, None], (360, 360, 3)).copy()
        values = luma(finish("oil", 360, 360).restyle(planes_of(rgb), 1, go_on))[30:-30, 30:-30]
        values = values - values.mean(0 if upright else 1, keepdims=True)
        return float(np.abs(np.diff(values, axis=1)).mean() / np.abs(np.diff(values, axis=0)).mean())

    assert streaks(True) > 1.25
    assert streaks(False) < 0.8


def test_oil_paint_has_relief_even_where_the_picture_has_none() -> None:
    values = middle(luma(finish("oil", 640, 360).restyle(flat(0.5, 640, 360), 1, go_on)))
    assert 2 < values.std() < 14


def tones(planes: Planes) -> float:
    """The number of tones that a frame effectively has: the exponential of its histogram's entropy."""
    counts = np.bincount(planes[0].ravel(), minlength=256) / planes[0].size
    return float(np.exp(-(counts[counts > 0] * np.log(counts[counts > 0])).sum()))


def ramp(width: int = 640, height: int = 360) -> Planes:
    row = np.linspace(0.2, 0.95, width)
    return planes_of(np.broadcast_to(row[None, :, None], (height, width, 3)).copy())


@pytest.mark.parametrize(("style", "most"), [("anime", 0.7), ("comic", 0.7)])
def test_drawn_styles_have_few_tones(style: str, most: float) -> None:
    planes = finish(style, 640, 360).restyle(ramp(), 1, go_on)
    assert tones(planes) < most * tones(ramp())


@pytest.mark.parametrize("style", ["anime", "comic"])
def test_drawn_styles_have_dark_contours(style: str) -> None:
    planes = luma(finish(style, 640, 360).restyle(bars_of([0.45, 0.45, 0.85, 0.85], 640, 360), 1, go_on))
    columns = planes[60:300].mean(0)
    assert columns[306:322].min() < 0.6 * columns[200:280].mean()
    assert columns[306:322].min() < 0.5 * columns[340:440].mean()
    assert (columns[280:340] < 0.75 * columns[200:280].mean()).sum() < 14


def test_anime_is_more_colourful() -> None:
    assert colourfulness(finish("anime").restyle(picture("portrait"), 1, go_on)) > 1.1 * colourfulness(
        picture("portrait")
    )


def test_comic_prints_dots_that_grow_with_the_dark_and_stand_still() -> None:
    looks = finish("comic", 640, 360)
    dark, mid, bright = (middle(luma(looks.restyle(flat(tone, 640, 360), 1, go_on))) for tone in (0.3, 0.45, 0.9))
    assert bright.std() < 2
    assert mid.std() > 5

    def share(values: NDArray[np.floating]) -> float:
        return float((values < (values.min() + values.max()) / 2).mean())

    assert share(dark) > share(mid) + 0.05
    assert np.corrcoef(dark.ravel(), mid.ravel())[0, 1] > 0.5
    power = np.abs(np.fft.rfft2(mid - mid.mean()))
    v, u = np.unravel_index(int(power.argmax()), power.shape)
    v = min(int(v), mid.shape[0] - int(v))
    assert abs(v / mid.shape[0] - u / mid.shape[1]) < 0.02  # the screen stands at 45 degrees
    assert power.max() > 12 * np.median(power)
