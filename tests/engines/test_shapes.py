"""Solid things, measured in the frames they are drawn into."""

from __future__ import annotations

import math
from concurrent.futures import ThreadPoolExecutor

import numpy as np
import pytest
from numpy.typing import NDArray

from seedbed.engines.previz import frame as frames
from seedbed.engines.previz.frame import Frame
from seedbed.engines.previz.shapes import Mesh, Palette, Prop, Troupe, draw_sprites, paint, still_air
from seedbed.engines.previz.shapes import mesh as m
from seedbed.engines.previz.shapes.paint import CHECKS, CURTAIN, GLYPHS, SHOPS, WINDOWS
from seedbed.engines.previz.shapes.shade import Air
from seedbed.engines.previz.shapes.sprites import halos, smoke
from seedbed.engines.previz.stage import View

Floats = NDArray[np.float32]
WIDTH, HEIGHT = 320, 180
FOCAL = 240.0


def nothing() -> None:
    """Nobody stops the drawing."""


def air(*, sun: tuple[float, float, float] = (-0.5, -0.4, 0.6), dark: bool = False) -> Air:
    """Clear air, with a plain sky; when `dark`, without any light."""
    toward = np.array(sun, np.float32) / np.float32(np.linalg.norm(sun))
    lamp = np.array([[3, 3, 3], [0.3, 0.3, 0.3], [0.1, 0.1, 0.1]], np.float32) * np.float32(0 if dark else 1)
    pano = np.full((16, 16, 3), 0 if dark else 0.7, np.float32)
    return still_air(toward, lamp, pano[0], 1e6, pano, (-2.0, 2.0))


def view(z: float = 2.0, *, roll: float = 0.0, horizon: float = HEIGHT / 2) -> View:
    return View(0.0, 0.0, z, 0.0, horizon, roll, FOCAL, 0.0, 0.0)


def at(x: float, y: float, z: float, yaw: float = 0.0) -> Floats:
    return m.placed(m.rotation(yaw=yaw), x, y, z)


def picture(
    *things: tuple[Mesh, Floats, Floats], light: Air | None = None, eye: View | None = None, shadows: bool = False,
    sky: float = 0.0, wet: float = 0.0,
) -> Frame:  # fmt: skip
    """A frame with each thing (mesh, paint, place) in it, over a sky of one tone."""
    palette = Palette()
    props = [Prop(mesh.painted(palette.add(row)), where) for mesh, row, where in things]
    troupe = Troupe(props, palette.rows(), light or air(), shadows=shadows)
    frame = frames.blank(WIDTH, HEIGHT, eye or view())
    frame.light[:] = sky
    troupe.draw(frame, 0.0, nothing, wet=wet)
    return frame


def glowing(colour: tuple[float, float, float] = (1, 1, 1), **more: float) -> Floats:
    return paint((0, 0, 0), glow=colour, gloss=0.0, **more)


def seen(frame: Frame) -> Floats:
    return frame.light[:, :, :WIDTH]


@pytest.mark.parametrize("roll", [0.0, 0.12])
def test_a_sphere_covers_the_area_of_its_silhouette(roll: float) -> None:
    radius, away = 3.0, 20.0
    ball = m.sphere(radius, 96, 64)
    frame = picture((ball, glowing(), at(0, away, 2.0)), light=air(dark=True), eye=view(roll=roll))
    # On the axis of the lens a sphere's outline is a circle, which the lean of the rows shears and keeps in area.
    outline = FOCAL * radius / math.sqrt(away**2 - radius**2)
    assert seen(frame)[0].sum() == pytest.approx(math.pi * outline**2, rel=0.01)


def test_edges_are_covered_by_quarters() -> None:
    square = m.mesh([[-1, 0, -1], [1, 0, -1], [1, 0, 1], [-1, 0, 1]], [[0, 1, 2], [0, 2, 3]])
    row = glowing(two_sided=True)
    for shift in (0.0, 0.25, 0.5, 0.75):
        # A metre is 24 pixels here; the left edge runs from row to row at one column, `shift` into a pixel.
        x = (shift + 0.01) / 24.0
        frame = picture((square, row, at(x, 10.0, 2.0)), light=air(dark=True))
        line = seen(frame)[0, HEIGHT // 2]
        edge = line[WIDTH // 2 - 24]
        assert edge == pytest.approx(1.0 - shift, abs=0.01)
        assert set(np.unique(np.round(line, 2))) <= {0.0, 0.25, 0.5, 0.75, 1.0}


def test_what_is_nearer_hides_what_is_farther_whatever_the_order() -> None:
    red, green = glowing((1, 0, 0)), glowing((0, 1, 0))
    near, far = (m.box(2, 2, 2), red, at(0, 10, 1)), (m.box(8, 2, 6), green, at(0, 20, 0))
    one, other = picture(near, far, light=air(dark=True)), picture(far, near, light=air(dark=True))
    assert np.array_equal(one.light, other.light)
    middle = seen(one)[:, HEIGHT // 2, WIDTH // 2]
    assert middle[0] == 1.0
    assert middle[1] == 0.0
    assert one.depth[HEIGHT // 2, WIDTH // 2] == pytest.approx(9.0, rel=1e-3)
    # Each cuts through the other: depth decides pixel by pixel.
    crossed = picture((m.box(8, 0.2, 1), red, at(0, 15, 2, 0.7)), (m.box(8, 0.2, 1), green, at(0, 15, 2, -0.7)),
                      light=air(dark=True))  # fmt: skip
    line = seen(crossed)[:, HEIGHT // 2 - 5]
    left, right = line[:, : WIDTH // 2].sum(1), line[:, WIDTH // 2 :].sum(1)
    assert (left > 5).sum() == (right > 5).sum() == 2 or (left[0] > 5) != (right[0] > 5)


def test_land_in_front_hides_things() -> None:
    palette = Palette()
    troupe = Troupe([Prop(m.box(4, 4, 4).painted(palette.add(glowing())), at(0, 20, 0))], palette.rows(),
                    air(dark=True), shadows=False)  # fmt: skip
    frame = frames.blank(WIDTH, HEIGHT, view())
    frame.depth[:, : WIDTH // 2] = 10.0
    frame.depth[:, WIDTH // 2 :] = 30.0
    troupe.draw(frame, 0.0, nothing)
    assert seen(frame)[0, :, : WIDTH // 2].max() == 0.0
    assert seen(frame)[0, :, WIDTH // 2 :].max() == 1.0


def test_a_checkerboard_recedes_in_true_perspective() -> None:
    ground = m.mesh([[-200, 0, 0], [200, 0, 0], [200, 400, 0], [-200, 400, 0]], [[0, 1, 2], [0, 2, 3]],
                    uv=[[-200, 0], [200, 0], [200, 400], [-200, 400]])  # fmt: skip
    checks = paint((0.5, 0.5, 0.5), gloss=0.0, pattern=CHECKS, numbers=(1.0, 1.0))
    frame = picture((ground, checks, at(0, 0, 0)), light=air())
    got = seen(frame)[0]
    rows, columns = np.mgrid[110:HEIGHT, 0:WIDTH]
    away = 2.0 * FOCAL / (rows + 0.5 - HEIGHT / 2)
    x, y = (columns + 0.5 - WIDTH / 2) * away / FOCAL, away
    pixel = away / FOCAL
    # Far enough from every joint that the pixel lies in one field.
    sure = (np.abs(x - np.round(x)) > pixel * (1 + np.abs(x) / 2)) & (np.abs(y - np.round(y)) > pixel * away / 2.0)
    odd = (np.floor(x) + np.floor(y)).astype(int) & 1
    bright, dark = got[110:][sure & (odd == 0)], got[110:][sure & (odd == 1)]
    assert len(bright) > 500
    assert len(dark) > 500
    assert bright.min() > 4 * dark.max()


def test_patterns_finer_than_a_pixel_give_their_mean_and_do_not_shimmer() -> None:
    wall = m.mesh([[-200, 0, -100], [200, 0, -100], [200, 0, 100], [-200, 0, 100]], [[0, 1, 2], [0, 2, 3]],
                  uv=[[-200, -100], [200, -100], [200, 100], [-200, 100]])  # fmt: skip
    for kind, numbers in ((CHECKS, (0.5, 0.9)), (WINDOWS, (3.0, 3.2, 0.5, 1.0, 3)), (CURTAIN, (1.5, 3.6, 0.4, 1.0, 3)),
                          (SHOPS, (5.0, 4.0, 0.7, 1.0, 2)), (GLYPHS, (1.0, 2, 0.9))):  # fmt: skip
        row = paint((0.5, 0.5, 0.5), gloss=0.0, glow=(0.5, 0.5, 0.5) if kind == GLYPHS else (0, 0, 0), pattern=kind,
                    numbers=numbers)  # fmt: skip
        here, there = (
            seen(picture((wall, row, at(shift, 2500.0, 2.0)), light=air(sun=(0, -1, 0.5))))[0, 84:96, 150:170]
            for shift in (0.0, 3.7)
        )
        assert here.mean() > 0.02
        assert np.abs(here - there).max() < 0.25 * here.mean(), kind


def test_glass_lets_through_what_is_behind() -> None:
    back = (m.box(40, 1, 40), glowing((1.0, 0.2, 0.2)), at(0, 30, -10))
    pane = m.mesh([[-1, 0, -1], [1, 0, -1], [1, 0, 1], [-1, 0, 1]], [[0, 1, 2], [0, 2, 3]])
    through = seen(picture(back, (pane, paint((0, 0, 0), opacity=0.25, gloss=0.0), at(0, 10, 2)), light=air(dark=True)))
    middle, beside = through[:, HEIGHT // 2, WIDTH // 2], through[:, HEIGHT // 2, WIDTH // 2 + 60]
    assert middle[0] == pytest.approx(0.75 * beside[0], rel=0.01)
    hidden = seen(picture((m.box(4, 1, 4), glowing((0, 1, 0)), at(0, 8, 0)), back,
                          (pane, paint((0, 0, 0), opacity=0.25), at(0, 10, 2)), light=air(dark=True)))  # fmt: skip
    assert hidden[1, HEIGHT // 2, WIDTH // 2] == 1.0


def test_a_shadow_falls_where_the_sun_says() -> None:
    ground = (m.box(200, 200, 0.1), paint((0.5, 0.5, 0.5), gloss=0.0), at(0, 60, -0.1))
    post = (m.box(1.0, 1.0, 6.0), paint((0.5, 0.5, 0.5), gloss=0.0), at(0, 30, 0))
    light = air(sun=(-1.0, 0.0, 1.0))
    eye = view(8.0, horizon=20.0)
    bare, shaded = (seen(picture(ground, post, light=light, eye=eye, shadows=shadows))[0] for shadows in (False, True))

    def ground_at(picture: Floats, x: float, y: float) -> float:
        return float(picture[int(20.0 + 8.0 * FOCAL / y), int(WIDTH / 2 + x * FOCAL / y)])

    # At 45 degrees the shadow is as long as the post is tall, to the right.
    for x in (1.5, 3.0, 5.0):
        assert ground_at(shaded, x, 30.0) < 0.25 * ground_at(bare, x, 30.0)
    for x, y in ((7.5, 30.0), (3.0, 27.0), (3.0, 33.0), (-3.0, 30.0)):
        assert ground_at(shaded, x, y) == pytest.approx(ground_at(bare, x, y), rel=0.01)
    # No grain of the map shows on what the sun meets: neither on the ground nor on a ball.
    ball = (m.sphere(3.0, 64, 40), paint((0.5, 0.5, 0.5), gloss=0.0), at(0, 20, 4))
    plain, mapped = (seen(picture(ball, light=light, shadows=shadows))[0] for shadows in (False, True))
    lit = plain > 0.45
    assert (np.abs(mapped - plain)[lit] < 0.02).mean() > 0.99


def test_a_wet_floor_mirrors_what_stands_on_it() -> None:
    floor = (m.mesh([[-90, 1, 0], [90, 1, 0], [90, 200, 0], [-90, 200, 0]], [[0, 1, 2], [0, 2, 3]]),
             paint((0.02, 0.02, 0.02), gloss=0.0), at(0, 0, 0))  # fmt: skip
    posts = [(m.box(1.5, 1.5, 5.0), glowing(colour), at(x, 40, 0))
             for x, colour in ((-12, (2, 0, 0)), (0, (0, 2, 0)), (12, (0, 0, 2)))]  # fmt: skip
    dry, wet = (seen(picture(floor, *posts, light=air(dark=True), wet=amount)) for amount in (0.0, 1.0))
    foot = round(HEIGHT / 2 + 2.0 * FOCAL / 39.25)
    top = round(HEIGHT / 2 - 3.0 * FOCAL / 39.25)
    tall = min(HEIGHT - foot - 1, foot - top)
    above, below = wet[:, foot - tall : foot][:, ::-1].mean(1), wet[:, foot + 1 : foot + 1 + tall].mean(1)
    for c in range(3):
        assert np.corrcoef(above[c], below[c])[0, 1] > 0.8
    assert dry[:, foot + 3 :].max() < 0.05 < 0.2 < wet[:, foot + 3 :].max()
    sky = HEIGHT // 2 - 2
    assert np.array_equal(dry[:, :sky], wet[:, :sky])


def test_dark_creases_and_feet() -> None:
    corner = m.joined([m.box(4, 4, 0.2), m.box(0.2, 4, 4)]).creased(1.0)
    inner = (np.abs(corner.points[:, 0]) < 0.2) & (corner.points[:, 2] < 0.3)
    assert corner.open[inner].min() < 0.9
    assert m.sphere(1.0).creased(0.5).open.min() > 0.95
    post = m.box(1, 1, 4).grounded(1.0, 0.5)
    assert post.open[post.points[:, 2] < 0.01].max() == pytest.approx(0.5)
    assert post.open[post.points[:, 2] > 1.0].min() == 1.0
    plain, darker = (seen(picture((mesh, paint((0.5, 0.5, 0.5)), at(0, 12, 0)), light=air(sun=(0, 1, 0.1))))[0]
                     for mesh in (m.box(2, 2, 4), m.box(2, 2, 4).grounded(4.0, 0.8)))  # fmt: skip
    assert darker[120:130, 150:170].mean() < 0.8 * plain[120:130, 150:170].mean()


def test_sprites_glow_and_are_hidden_by_what_is_nearer() -> None:
    frame = frames.blank(WIDTH, HEIGHT, view())
    draw_sprites(frame, halos(np.array([[0, 20, 2, 1, 0.8, 0.5, 10.0]], np.float32)), nothing)
    red = seen(frame)[0]
    assert red[HEIGHT // 2, WIDTH // 2] == pytest.approx(0.5, rel=0.05)
    assert red[:, :100].max() == 0.0
    hidden = frames.blank(WIDTH, HEIGHT, view())
    hidden.depth[:] = 10.0
    draw_sprites(hidden, halos(np.array([[0, 20, 2, 1, 0.8, 0.5, 10.0]], np.float32)), nothing)
    assert hidden.light.max() == 0.0
    plume = frames.blank(WIDTH, HEIGHT, view())
    plume.light[:] = 1.0
    draw_sprites(plume, smoke(0, 20, 0, 3.0, size=2.0), nothing)
    assert 0.2 < seen(plume).min() < 0.8


def test_the_same_scene_gives_the_same_bytes_from_any_thread() -> None:
    palette = Palette()
    row = palette.add(paint("c03020", gloss=0.6, mirror=0.3))
    glass = palette.add(paint("88bbcc", opacity=0.3))
    props = [Prop(m.sphere(1.5, 24, 16).painted(glass if k % 3 == 0 else row), at(k - 4.0, 14 + k, 2))
             for k in range(8)]  # fmt: skip
    troupe = Troupe(props, palette.rows(), air())

    def drawn(_: int) -> bytes:
        frame = frames.blank(WIDTH, HEIGHT, view())
        troupe.draw(frame, 0.0, nothing)
        return frame.light.tobytes()

    with ThreadPoolExecutor(2) as pool:
        assert len(set(pool.map(drawn, range(6)))) == 1
