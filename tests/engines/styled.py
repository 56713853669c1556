"""Pictures to lay a style over, and what is measured on them."""

from __future__ import annotations

from dataclasses import replace
from functools import cache
from pathlib import Path

import numpy as np
from numpy.typing import NDArray
from PIL import Image

from seedbed.engines.previz import script
from seedbed.engines.previz.finish import Finish, Planes

Floats = NDArray[np.float32]
PAINTED = ("watercolour", "oil", "anime", "comic")
GRAINED = ("cinematic", "noir", "vintage", "vhs", "neon", "pastel", "documentary")
IMAGES = Path(__file__).parents[2] / "docs" / "images"


WIDTH, HEIGHT = 320, 180


def go_on() -> None:
    pass


def finish(style: str, width: int = WIDTH, height: int = HEIGHT, *, light: str = "", moods: tuple[str, ...] = (),
           seed: int = 3, warm: float = 0.0) -> Finish:  # fmt: skip
    shot = replace(script.read("a river"), style=style, light=light, moods=moods)
    return Finish(shot, width=width, height=height, fps=24, seed=seed, exposure=0.8, warm=warm, saturation=0.92)


def planes_of(rgb: NDArray[np.floating]) -> Planes:
    """RGB 0 … 1 (height, width, 3) as BT.709 in limited range."""
    y = rgb @ np.array([0.2126, 0.7152, 0.0722])
    height, width = y.shape

    def half(plane: NDArray[np.floating]) -> NDArray[np.floating]:
        return plane.reshape(height // 2, 2, width // 2, 2).mean((1, 3))

    u, v = half(rgb[..., 2] - y) / 1.8556, half(rgb[..., 0] - y) / 1.5748
    made = [np.rint(16 + 219 * y), np.rint(128 + 224 * u), np.rint(128 + 224 * v)]
    luma, blue, red = (np.ascontiguousarray(plane.clip(0, 255), np.uint8) for plane in made)
    return luma, blue, red


def rgb_of(planes: Planes) -> NDArray[np.floating]:
    luma, blue, red = (plane.astype(float) for plane in planes)
    y = (luma - 16) / 219
    u, v = (np.kron((plane - 128) / 224, np.ones((2, 2))) for plane in (blue, red))
    return np.stack([y + 1.5748 * v, y - 0.187324 * u - 0.468124 * v, y + 1.8556 * u], -1)


@cache
def picture(name: str, width: int = WIDTH, height: int = HEIGHT) -> Planes:
    with Image.open(IMAGES / f"{name}.jpg") as image:
        small = image.convert("RGB").resize((width, height), Image.Resampling.LANCZOS)
    return planes_of(np.asarray(small) / 255.0)


@cache
def scene(width: int = WIDTH, height: int = HEIGHT) -> Floats:
    """A landscape in linear light, with a stride: a bright sky with a sun, a rough green land, an orange field."""
    y, x = np.mgrid[0:height, 0:width]
    v, u = (y + 0.5) / height, (x + 0.5) / width
    rough = np.random.default_rng(4).uniform(0.6, 1.4, (height, width))
    sky = np.stack([0.35 + 0.5 * v, 0.5 + 0.4 * v, 0.95 - 0.1 * v])
    sky += 3.0 * np.exp(-(((u - 0.7) * width / height) ** 2 + (v - 0.2) ** 2) / 0.003)
    land = np.stack([0.05 + 0.0 * v, 0.14 * rough, 0.03 + 0.0 * v])
    field = np.stack([0.55 * rough, 0.22 * rough, 0.04 * rough])
    light = np.where(v < 0.45, sky, np.where(u < 0.5, land, field))
    out = np.zeros((3, height, width + 16), np.float32)
    out[:, :, :width] = light
    return out


def flat(value: float, width: int = WIDTH, height: int = HEIGHT) -> Planes:
    return planes_of(np.full((height, width, 3), value))


def luma(planes: Planes) -> NDArray[np.floating]:
    return planes[0].astype(float)


def middle(values: NDArray[np.floating], share: float = 0.2) -> NDArray[np.floating]:
    """`values` without a border of `share` of each side."""
    rows, columns = int(values.shape[0] * share), int(values.shape[1] * share)
    return values[rows:-rows, columns:-columns]


def colourfulness(planes: Planes) -> float:
    return float(np.hypot(planes[1].astype(float) - 128, planes[2].astype(float) - 128).mean())
