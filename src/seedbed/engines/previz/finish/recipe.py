"""What each style, light and mood does to a picture's tones, in numbers, and the film curve that they make.

All tables of taste live here. A style is a `Recipe`; what the prompt says of light and mood is a `Lean`, small
enough that any of them can lie over any style.
"""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass, replace

import numpy as np
from numpy.typing import NDArray

from seedbed.engines.previz import grade

Floats = NDArray[np.float32]
Colour = tuple[float, float, float]

WEIGHTS = np.array([0.2126, 0.7152, 0.0722])
_NONE: Colour = (0.0, 0.0, 0.0)
_ALL: Colour = (1.0, 1.0, 1.0)


@dataclass(frozen=True, slots=True, kw_only=True)
class Recipe:
    """One style's grade.

    On linear light: `gain`, the white balance `white`, `saturation`, the channel matrix `mix`, `bloom` of what is
    brighter than `knee` over `reach` blocks, `vignette` (the share lost at the middle of an edge). On display
    values 0 … 1: `contrast` (the slope at the pivot), `black` and `paper` (what 0 and 1 become), `shadows` and
    `lights` (added there). `warm` is the share kept of the scene's own warmth. `grain` and `stain` are in code
    values of luma and chroma, `grain_px` is the grain's size in pixels of a 720-line frame.
    """

    gain: float = 1.0
    white: Colour = _ALL
    saturation: float = 1.0
    mix: tuple[Colour, Colour, Colour] | None = None
    bloom: Colour = (0.55, 0.55, 0.55)
    knee: float = 0.62
    reach: int = 3
    vignette: float = 0.16
    contrast: float = 1.0
    pivot: float = 0.42
    black: Colour = _NONE
    paper: Colour = _ALL
    shadows: Colour = _NONE
    lights: Colour = _NONE
    warm: float = 1.0
    grain: float = 1.1
    stain: float = 0.5
    grain_px: float = 0.0
    fringe: float = 0.0
    """Difference in size of the red and the blue picture, as a share of the frame."""

    @property
    def toned(self) -> bool:
        """Whether the film curve is not the plain one."""
        plain = Recipe()
        names = ("contrast", "black", "paper", "shadows", "lights")
        return any(getattr(self, name) != getattr(plain, name) for name in names)


STYLES: dict[str, Recipe] = {
    "natural": Recipe(),
    "cinematic": Recipe(
        gain=0.97, saturation=1.06, contrast=1.16, bloom=(0.98, 0.66, 0.44), reach=4, vignette=0.27, grain=1.7,
        shadows=(-0.050, 0.010, 0.045), lights=(0.045, 0.004, -0.060), black=(0.006, 0.012, 0.018),
        mix=((1.10, -0.06, -0.04), (0.02, 0.96, 0.02), (-0.05, 0.10, 0.95)),
    ),
    "noir": Recipe(
        gain=1.12, mix=((0.46, 0.46, 0.08),) * 3, contrast=1.75, pivot=0.44, bloom=(0.75, 0.75, 0.75), vignette=0.42,
        grain=7.0, stain=0.0, grain_px=0.75, warm=0.0,
    ),
    "vintage": Recipe(
        gain=1.14, saturation=0.66, contrast=0.90, vignette=0.36, bloom=(0.85, 0.66, 0.42), reach=4, grain=4.2,
        stain=0.9, grain_px=0.65, black=(0.105, 0.070, 0.055), paper=(0.985, 0.915, 0.760),
        shadows=(0.030, 0.004, -0.010), lights=(0.030, 0.015, -0.045),
    ),
    "vhs": Recipe(
        gain=1.06, saturation=1.22, contrast=1.02, bloom=(0.80, 0.66, 0.72), vignette=0.10, grain=8.0, stain=5.0,
        grain_px=0.9, black=(0.060, 0.045, 0.082), paper=(0.955, 0.930, 0.960), shadows=(0.016, -0.014, 0.040),
        lights=(0.010, -0.008, 0.006), warm=0.6,
    ),
    "watercolour": Recipe(
        gain=1.22, saturation=1.16, contrast=0.86, bloom=(0.3, 0.3, 0.3), vignette=0.0, grain=0.0, stain=0.0,
        shadows=(0.010, 0.006, 0.030),
    ),
    "oil": Recipe(
        gain=1.02, saturation=1.20, contrast=1.08, bloom=(0.45, 0.42, 0.38), vignette=0.10, grain=0.0, stain=0.0,
        lights=(0.020, 0.010, -0.020),
    ),
    "anime": Recipe(
        gain=1.10, saturation=1.34, contrast=0.98, bloom=(0.42, 0.40, 0.42), vignette=0.0, grain=0.0, stain=0.0,
        shadows=(-0.006, 0.000, 0.050), lights=(0.010, 0.008, 0.0),
    ),
    "comic": Recipe(
        gain=1.16, saturation=1.45, contrast=1.12, bloom=(0.2, 0.2, 0.2), vignette=0.0, grain=0.0, stain=0.0,
    ),
    "neon": Recipe(
        gain=0.70, saturation=1.12, contrast=1.42, pivot=0.38, bloom=(0.80, 0.62, 1.00), knee=0.5, reach=4,
        vignette=0.30, grain=1.6, fringe=0.0022, warm=0.2, shadows=(-0.050, 0.020, 0.085),
        lights=(0.045, -0.030, 0.045), black=(0.004, 0.004, 0.016),
        mix=((0.98, -0.10, 0.10), (-0.12, 1.10, 0.06), (0.22, 0.34, 0.78)),
    ),
    "pastel": Recipe(
        gain=1.42, saturation=1.02, contrast=0.74, pivot=0.5, bloom=(0.95, 0.86, 0.92), knee=0.45, reach=5,
        vignette=0.0, grain=0.8, black=(0.165, 0.135, 0.185), paper=(1.0, 0.985, 0.990),
        shadows=(0.030, -0.006, 0.065), lights=(0.026, -0.004, 0.014), warm=0.7,
    ),
    "documentary": Recipe(
        gain=1.02, saturation=0.84, contrast=0.93, bloom=(0.30, 0.30, 0.30), vignette=0.0, grain=2.1, grain_px=0.55,
        black=(0.022, 0.022, 0.022), warm=0.45,
    ),
}  # fmt: skip


@dataclass(frozen=True, slots=True, kw_only=True)
class Lean:
    """What a word of light or mood changes: factors, and what is added to bloom, vignette, black and tints."""

    gain: float = 1.0
    white: Colour = _ALL
    saturation: float = 1.0
    contrast: float = 1.0
    bloom: Colour = _NONE
    vignette: float = 0.0
    black: float = 0.0
    shadows: Colour = _NONE
    lights: Colour = _NONE


LIGHTS: dict[str, Lean] = {
    "soft": Lean(contrast=0.90, bloom=(0.15, 0.15, 0.15), black=0.012),
    "hard": Lean(contrast=1.17, bloom=(-0.2, -0.2, -0.2), gain=1.02),
    "backlit": Lean(contrast=1.06, bloom=(0.60, 0.50, 0.36), black=0.018, gain=0.94, lights=(0.015, 0.005, -0.015)),
    "glow": Lean(bloom=(0.75, 0.58, 0.36), contrast=0.96, lights=(0.018, 0.006, -0.018)),
    "high_key": Lean(gain=1.34, contrast=0.88, black=0.030, vignette=-0.16, bloom=(0.2, 0.2, 0.2)),
}
MOODS: dict[str, Lean] = {
    "warm": Lean(white=(1.13, 1.01, 0.84), lights=(0.012, 0.003, -0.015)),
    "cold": Lean(white=(0.87, 1.0, 1.16), saturation=0.94, shadows=(-0.008, 0.0, 0.012)),
    "dark": Lean(gain=0.70, contrast=1.05, vignette=0.08, saturation=0.94),
    "bright": Lean(gain=1.17, saturation=1.15, vignette=-0.06),
    "muted": Lean(saturation=0.62, contrast=0.94, black=0.012),
    "dramatic": Lean(contrast=1.20, saturation=1.04, vignette=0.10, gain=0.98),
    "mysterious": Lean(
        gain=0.86, saturation=0.84, bloom=(0.16, 0.22, 0.30), shadows=(-0.016, 0.004, 0.030), vignette=0.07
    ),
    "romantic": Lean(
        contrast=0.94, bloom=(0.36, 0.24, 0.26), lights=(0.022, -0.006, 0.002), white=(1.04, 0.99, 0.99), black=0.010
    ),
}


def recipe_for(style: str, light: str, moods: Iterable[str]) -> Recipe:
    """The recipe of a style under a light, in some moods. Names that it does not know change nothing."""
    recipe = STYLES.get(style, STYLES["natural"])
    for lean in [LIGHTS.get(light), *(MOODS.get(mood) for mood in moods)]:
        if lean is not None:
            recipe = _leaning(recipe, lean)
    return recipe


def film(recipe: Recipe, exposure: float, warm: float) -> Floats:
    """The (3, CURVE) film curve of `recipe` for a scene exposed and warmed so."""
    gains = (recipe.gain * recipe.white[0], recipe.gain * recipe.white[1], recipe.gain * recipe.white[2])
    grey = recipe.mix is not None and len(set(recipe.mix)) == 1
    if grey:
        gains = (recipe.gain,) * 3
    table = grade.film_curve(exposure, warm * recipe.warm, gains)
    if not recipe.toned:
        return table
    d, pivot = table.astype(np.float64), recipe.pivot
    low = pivot * (np.minimum(d, pivot) / pivot) ** recipe.contrast
    high = 1.0 - (1.0 - pivot) * ((1.0 - np.maximum(d, pivot)) / (1.0 - pivot)) ** recipe.contrast
    d = np.where(d < pivot, low, high)
    black, paper, shadows, lights = (
        np.array(colour)[:, None] for colour in (recipe.black, recipe.paper, recipe.shadows, recipe.lights)
    )
    if not grey:
        dark, bright = (1.0 - d) ** 2 * np.minimum(1.0, 8.0 * d + 0.15), d**2 * (1.6 - d)
        d = d + shadows * dark + lights * bright
    else:
        black, paper = np.full((3, 1), black.mean()), np.full((3, 1), paper.mean())
    return np.ascontiguousarray(np.clip(black + (paper - black) * d, 0.0, 1.0), np.float32)


def matrix(recipe: Recipe, saturation: float) -> Floats:
    """The (3, 3) matrix on linear light of a recipe that mixes channels, after a scene's saturation; else (0, 0)."""
    if recipe.mix is None:
        return np.zeros((0, 0), np.float32)
    share = saturation * recipe.saturation
    return (np.array(recipe.mix) @ (np.eye(3) * share + (1.0 - share) * WEIGHTS[None, :])).astype(np.float32)


def _leaning(recipe: Recipe, lean: Lean) -> Recipe:
    def summed(a: Colour, b: Colour) -> Colour:
        return a[0] + b[0], a[1] + b[1], a[2] + b[2]

    white, with_white = recipe.white, lean.white
    bloom = summed(recipe.bloom, lean.bloom)
    return replace(
        recipe,
        gain=recipe.gain * lean.gain,
        white=(white[0] * with_white[0], white[1] * with_white[1], white[2] * with_white[2]),
        saturation=recipe.saturation * lean.saturation,
        contrast=recipe.contrast * lean.contrast,
        bloom=(max(bloom[0], 0.1), max(bloom[1], 0.1), max(bloom[2], 0.1)),
        vignette=min(max(recipe.vignette + lean.vignette, 0.0), 0.5),
        black=summed(recipe.black, (lean.black,) * 3),
        shadows=summed(recipe.shadows, lean.shadows),
        lights=summed(recipe.lights, lean.lights),
    )
