"""What pictures that are only references hand on: colours, texture and where the horizon lies.

Colours are kept as statistics in luma and colour differences, which are nearly uncorrelated: how luma is spread, which
colour its shadows, middles and lights have on average, and how colours spread around that. A film is brought from
its own statistics to the pictures' by one curve and one small matrix for all its frames, so nothing flickers, and no
farther than a grade can go. Values are code values of BT.709 (luma 16 … 235, differences around 128).
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any, Protocol

import numpy as np
from numpy.typing import NDArray
from PIL import Image

from seedbed.engines.previz.camera import Pose
from seedbed.engines.previz.grade import GRAIN, Planes, grain_tile
from seedbed.engines.previz.jit import kernel
from seedbed.engines.previz.stills import fit

Floats = NDArray[np.float32]
Bytes = NDArray[np.uint8]
Check = Callable[[], None]
_Line = NDArray[np.float64]
f32 = np.float32

_LEVELS = np.linspace(0.0, 1.0, 33)
_KNOTS = np.linspace(16.0, 235.0, 12)
_TONE, _HUE = 0.80, 0.95
"""How far of the way to the pictures' luma and colours the film goes."""
_STRETCH = 2.2
"""How much a range of luma or of colours may be widened; and narrowed by as much."""
_COLOURS = 6
_STUDY_PX = 256


@dataclass(frozen=True, slots=True)
class Statistics:
    """`luma` (33,) are its quantiles; `means` (12, 2) the mean differences at `_KNOTS` of luma; `spread` (2, 2) the
    covariance around these; `fine` the strength of the finest detail and `grain` that of noise where nothing else is,
    in code values; `soft` how much stronger the next coarser detail is."""

    luma: _Line
    means: _Line
    spread: _Line
    fine: float
    grain: float
    soft: float


@dataclass(frozen=True, slots=True)
class LookHint:
    """The look of reference pictures, the first counting double.

    `colours` (6, 3) are the commonest in sRGB, 0 … 1, the first the most common, with their `shares`; `contrast` and
    `warmth` are -1 … 1; `horizon` a row as a share of the height, None where there is none; `mass` is how far to the
    right (1) or left (-1) what stands out lies, and `subject` the middle of it, as shares of width and height.
    """

    statistics: Statistics
    colours: Floats
    shares: Floats
    contrast: float
    warmth: float
    horizon: float | None
    mass: float
    subject: tuple[float, float]

    def plan(self) -> dict[str, Any]:
        """For people to read."""
        codes = ["#" + "".join(f"{round(float(c) * 255):02x}" for c in row) for row in self.colours]
        return {
            "palette": codes, "warmth": round(self.warmth, 2), "contrast": round(self.contrast, 2),
            "grain": round(self.statistics.grain, 2),
            "horizon": None if self.horizon is None else round(self.horizon, 2),
        }  # fmt: skip


class Picture(Protocol):
    """What draws frames."""

    def draw(self, number: int, check: Check) -> Planes: ...

    def plan(self) -> dict[str, Any]: ...


# What pictures say ------------------------------------------------------------------------------------------------


def hint_of(paths: Sequence[Path], *, width: int, height: int, check: Check = lambda: None) -> LookHint:
    """The look of at least one picture, as it would be seen in a frame of width × height pixels. Raises EngineError
    when one cannot be read."""
    hints = []
    for path in paths:
        check()
        hints.append(_hint(fit.cover(fit.load(path), width, height)))
    weights = np.array([2.0, *[1.0] * (len(hints) - 1)])
    return hints[0] if len(hints) == 1 else _mean(hints, weights / weights.sum())


def _hint(image: Image.Image) -> LookHint:
    planes = planes_of(image)
    small = image.copy()
    small.thumbnail((_STUDY_PX, _STUDY_PX), Image.Resampling.BOX)
    rgb = np.asarray(small, np.float32) / f32(255)
    colours, shares = dominant(rgb)
    luma = rgb @ np.array([0.2126, 0.7152, 0.0722], np.float32)
    mass, subject = _weight(rgb)
    return LookHint(
        statistics([planes]), colours, shares, contrast=float(np.clip(luma.std() * 4.0 - 0.9, -1, 1)),
        warmth=float(np.clip((rgb[..., 0] - rgb[..., 2]).mean() * 3.0, -1, 1)), horizon=horizon_of(rgb), mass=mass,
        subject=subject,
    )  # fmt: skip


def _mean(hints: list[LookHint], weights: _Line) -> LookHint:
    """Several looks as one. Places and palettes are the first's: a mean of those would be nobody's."""
    parts = [hint.statistics for hint in hints]

    def mean(values: list[Any]) -> Any:
        return sum(value * weight for value, weight in zip(values, weights, strict=True))

    joined = Statistics(
        mean([p.luma for p in parts]), mean([p.means for p in parts]), mean([p.spread for p in parts]),
        *(float(mean([getattr(p, name) for p in parts])) for name in ("fine", "grain", "soft")),
    )  # fmt: skip
    return replace(
        hints[0], statistics=joined, contrast=float(mean([h.contrast for h in hints])),
        warmth=float(mean([h.warmth for h in hints])),
        horizon=next((h.horizon for h in hints if h.horizon is not None), None),
    )  # fmt: skip


def planes_of(image: Image.Image) -> Planes:
    """An image with even sides as the planes of 4:2:0."""
    rgb = np.asarray(image.convert("RGB"))
    rows, columns = rgb.shape[0] // 2 * 2, rgb.shape[1] // 2 * 2
    luma = np.empty((rows + 2 * fit.PAD, columns + 2 * fit.PAD), np.float32)
    blue, red = (np.empty((rows // 2 + 2, columns // 2 + 2), np.float32) for _ in range(2))
    fit.split(np.ascontiguousarray(rgb[:rows, :columns]), luma, blue, red)
    inner = luma[fit.PAD : -fit.PAD, fit.PAD : -fit.PAD], blue[1:-1, 1:-1], red[1:-1, 1:-1]
    y, u, v = (np.ascontiguousarray(np.clip(part + 0.5, 0, 255).astype(np.uint8)) for part in inner)
    return y, u, v


def statistics(frames: Sequence[Planes]) -> Statistics:
    """The statistics of one or more frames of one size."""
    step = max(round(max(frames[0][1].shape) / 160), 1)
    luma = np.concatenate([_quarter(y)[::step, ::step].ravel() for y, _, _ in frames])
    tints = np.concatenate(
        [np.stack([u[::step, ::step].ravel(), v[::step, ::step].ravel()], 1) for _, u, v in frames]
    ).astype(np.float64)
    middle = tints.mean(0)
    means = np.empty((len(_KNOTS), 2))
    for number, knot in enumerate(_KNOTS):
        weight = np.exp(-0.5 * ((luma - knot) / 14.0) ** 2)
        # Where hardly anything has this luma the mean of all speaks for it, but what is nearly white has no colour.
        usual = middle + (128.0 - middle) * np.clip((knot - 190.0) / 40.0, 0.0, 1.0)
        means[number] = (weight @ tints + 0.004 * len(luma) * usual) / (weight.sum() + 0.004 * len(luma))
    rest = tints - _curve(means, luma)
    texture = np.array([_texture(y) for y, _, _ in frames]).mean(0)
    return Statistics(
        np.quantile(luma, _LEVELS), means, np.asarray(rest.T @ rest / len(rest) + 2.0 * np.eye(2)), *texture.tolist()
    )


def _quarter(luma: Bytes) -> _Line:
    """Means of 2 × 2 pixels: what the colour differences belong to."""
    wide = luma.astype(np.float64)
    return 0.25 * (wide[::2, ::2] + wide[1::2, ::2] + wide[::2, 1::2] + wide[1::2, 1::2])


def _curve(means: _Line, luma: _Line) -> _Line:
    return np.stack([np.interp(luma, _KNOTS, means[:, c]) for c in (0, 1)], 1)


def _texture(luma: Bytes) -> tuple[float, float, float]:
    """Strength of the finest detail, of noise in even places, and of the next coarser detail against the finest."""
    part = luma[: luma.shape[0] // 8 * 8, : luma.shape[1] // 8 * 8].astype(np.float32)
    soft = _binomial(part)
    fine = part - soft
    coarse = soft - _binomial(_binomial(soft))
    tiles = fine.reshape(fine.shape[0] // 8, 8, -1, 8).transpose(0, 2, 1, 3).reshape(-1, 64)
    grain = float(np.quantile(tiles.std(1), 0.15))
    return float(fine.std()), grain, float(coarse.std() / (fine.std() + 0.3))


def _binomial(field: Floats) -> Floats:
    for axis in (0, 1):
        wide = np.pad(field, [(1, 1) if a == axis else (0, 0) for a in (0, 1)], mode="edge")
        low, mid, high = (np.take(wide, range(k, k + field.shape[axis]), axis=axis) for k in range(3))
        field = f32(0.25) * (low + high) + f32(0.5) * mid
    return field


def dominant(rgb: Floats) -> tuple[Floats, Floats]:
    """The commonest colours of (rows, columns, 3), sRGB 0 … 1, and their shares, the most common first."""
    pixels = rgb.reshape(-1, 3)[:: max(rgb.shape[0] * rgb.shape[1] // 4000, 1)].astype(np.float64)
    space = np.array([[0.2126, 0.7152, 0.0722], [-0.11, -0.39, 0.5], [0.5, -0.45, -0.05]]) * [[1.0], [1.6], [1.6]]
    points = pixels @ space.T
    order = np.argsort(points[:, 0], kind="stable")
    centres = points[order[((np.arange(_COLOURS) + 0.5) / _COLOURS * len(order)).astype(int)]]
    nearest = np.zeros(len(points), int)
    for _ in range(12):
        nearest = ((points[:, None] - centres[None]) ** 2).sum(2).argmin(1)
        for k in range(_COLOURS):
            if (nearest == k).any():
                centres[k] = points[nearest == k].mean(0)
    shares = np.bincount(nearest, minlength=_COLOURS) / len(points)
    order = np.argsort(-shares, kind="stable")
    colours = np.clip(centres @ np.linalg.inv(space).T, 0.0, 1.0)
    return colours[order].astype(np.float32), shares[order].astype(np.float32)


def horizon_of(rgb: Floats) -> float | None:
    """The row, as a share of the height, where what is above and what is below differ most; None where nothing
    parts them."""
    rows = len(rgb)
    luma = rgb @ np.array([0.2126, 0.7152, 0.0722], np.float32)
    rough = np.abs(np.diff(luma, axis=1, append=luma[:, -1:])).mean(1)
    blue, red = ((rgb[..., c] - luma) for c in (2, 0))
    marks = np.stack([*(np.median(part, 1) for part in (luma, 1.5 * blue, 1.5 * red)), 2.5 * rough], 1).astype(float)
    near = max(round(0.035 * rows), 2)
    best, found = 0.0, None
    for row in range(max(round(0.10 * rows), near), rows - max(round(0.08 * rows), near)):
        step = np.abs(marks[row - near : row].mean(0) - marks[row : row + near].mean(0)).sum()
        sides = np.abs(marks[:row].mean(0) - marks[row:].mean(0)).sum()
        if step * (0.3 + sides) > best:
            best, found = float(step * (0.3 + sides)), row
    return found / rows if found is not None and best > 0.045 else None


def _weight(rgb: Floats) -> tuple[float, tuple[float, float]]:
    """How far aside what stands out lies, and where its middle is."""
    away = np.abs(rgb - np.median(rgb.reshape(-1, 3), 0)).sum(2)
    slope = np.hypot(*np.gradient(rgb.mean(2)))
    salient = (away / (away.max() + 1e-6)) ** 2 + (slope / (slope.max() + 1e-6))
    total = float(salient.sum()) + 1e-6
    x = float((salient.sum(0) * (np.arange(rgb.shape[1]) + 0.5)).sum()) / total / rgb.shape[1]
    y = float((salient.sum(1) * (np.arange(rgb.shape[0]) + 0.5)).sum()) / total / rgb.shape[0]
    return float(np.clip(4.0 * (x - 0.5), -1, 1)), (x, y)


# What is made of it ------------------------------------------------------------------------------------------------


def composed(poses: list[Pose], hint: LookHint, *, rise: float = 0.0) -> list[Pose]:
    """`poses` with the horizon where the pictures have it, as far as the lens can be shifted. `rise` is how far the
    land stands above the horizon, as a share of the height."""
    if hint.horizon is None:
        return poses
    wanted = min(max(hint.horizon + rise, 0.10), 0.85)
    shift = wanted - sum(pose.horizon for pose in poses) / len(poses)
    return [replace(pose, horizon=min(max(pose.horizon + shift, 0.04), 0.90)) for pose in poses]


def rise_of(planes: Planes, pose: Pose) -> float:
    """How far above its horizon the land of a drawn frame ends, as a share of the height: for `composed`. 0 where
    that cannot be seen."""
    step = max(round(max(planes[1].shape) / _STUDY_PX), 1)
    luma = _quarter(planes[0])[::step, ::step] / 255.0
    blue, red = ((plane[::step, ::step].astype(np.float64) - 128.0) / 224.0 for plane in planes[1:])
    r, b = luma + 1.5748 * red, luma + 1.8556 * blue
    rgb = np.stack([r, (luma - 0.2126 * r - 0.0722 * b) / 0.7152, b], 2)
    found = horizon_of(np.ascontiguousarray(rgb, np.float32))
    return 0.0 if found is None else float(np.clip(pose.horizon - found, -0.1, 0.25))


@dataclass(frozen=True, slots=True)
class Grade:
    """`curve` (256,) takes luma; `tint` (256, 2) is added to the differences, by the luma that a pixel had, after
    `matrix`; `crisp` multiplies the finest detail; `grain` is the deviation of what is strewn, in code values."""

    curve: Floats
    tint: Floats
    matrix: Floats
    crisp: float
    grain: float


def grade_between(own: Statistics, wanted: Statistics) -> Grade:
    """What brings frames with the statistics `own` near to `wanted`."""
    curve = _tone_curve(own.luma, wanted.luma)
    codes = np.arange(256.0)
    matrix = _transport(own.spread, wanted.spread)
    matrix = np.eye(2) + _HUE * (matrix - np.eye(2))
    before, after = _curve(own.means, codes), _curve(wanted.means, curve)
    aim = before + _HUE * (after - before)
    tint = aim - before @ matrix.T
    # What was widened by the curve and by the matrix counts into how crisp it is already.
    stretch = float(np.median(np.diff(curve)[20:230]))
    crisp = float(np.clip(wanted.fine / max(own.fine * max(stretch, 0.5), 0.3), 0.4, 1.9))
    left = own.grain * stretch * crisp
    grain = float(np.sqrt(np.clip(wanted.grain**2 - left**2, 0.0, 64.0)))
    return Grade(
        curve.astype(np.float32), np.ascontiguousarray(tint, np.float32), matrix.astype(np.float32), crisp,
        grain if grain > 0.6 else 0.0,
    )  # fmt: skip


def _tone_curve(own: _Line, wanted: _Line) -> _Line:
    """(256,) luma after luma: from quantiles to quantiles, with no step too steep or too flat."""
    codes = np.arange(256.0)
    places = own + np.arange(len(own)) * 1e-3
    matched = np.interp(codes, places, wanted)
    matched[codes < own[0]] = wanted[0] + (codes[codes < own[0]] - own[0])
    matched[codes > own[-1]] = wanted[-1] + (codes[codes > own[-1]] - own[-1])
    mixed = codes + _TONE * (matched - codes)
    wide = np.pad(mixed, 12, mode="reflect", reflect_type="odd")
    smooth = np.convolve(wide, np.hanning(27)[1:-1] / np.hanning(27)[1:-1].sum(), mode="valid")
    steps = np.clip(np.diff(smooth), 1.0 / _STRETCH / 1.5, _STRETCH)
    middle = int(np.clip(own[len(own) // 2], 20, 235))
    bounded = np.concatenate([[0.0], np.cumsum(steps)])
    bounded += smooth[middle] - bounded[middle]
    # The sun stays the sun: the few brightest places end where white is, whatever the rest does.
    high = int(np.clip(own[-2], 120, 228))
    white = bounded[high] + (232.0 - bounded[high]) * np.clip((codes - high) / (235.0 - high), 0.0, 1.0) ** 1.5
    bounded = np.where(codes > high, np.maximum(bounded, white), bounded)
    return np.asarray(np.clip(bounded, 16.0, 235.0))


def _transport(own: _Line, wanted: _Line) -> _Line:
    """(2, 2) the least linear change from one covariance to the other, no axis changed by more than `_STRETCH`."""
    values, axes = np.linalg.eigh(own)
    root = axes @ np.diag(np.sqrt(values)) @ axes.T
    inverse = axes @ np.diag(1.0 / np.sqrt(values)) @ axes.T
    values, axes = np.linalg.eigh(root @ wanted @ root)
    whole = inverse @ (axes @ np.diag(np.sqrt(np.maximum(values, 0.0))) @ axes.T) @ inverse
    values, axes = np.linalg.eigh(whole)
    return np.asarray(axes @ np.diag(np.clip(values, 1.0 / _STRETCH / 1.5, _STRETCH)) @ axes.T)


class Toned:
    """A film in the look of reference pictures: wraps what draws its frames. `draw` may be called from any thread."""

    def __init__(self, picture: Picture, hint: LookHint, *, frames: int, seed: int, check: Check) -> None:
        self._picture, self._hint = picture, hint
        # Some of the first seconds: what reads a clip in order need not go through all of it twice.
        numbers = sorted({min(part * frames // 4, part * 14) for part in range(3)})
        shown = [picture.draw(number, check) for number in numbers]
        self.grade = grade_between(statistics(shown), hint.statistics)
        self._grain = grain_tile(seed & 0x7FFFFFFF) * f32(self.grade.grain)

    def plan(self) -> dict[str, Any]:
        """What the picture says, and the look."""
        return self._picture.plan() | {"look": self._hint.plan()}

    def draw(self, number: int, check: Check) -> Planes:
        """Frame `number` as the three planes of 4:2:0 BT.709. `check` is called often and may raise to stop."""
        planes = self._picture.draw(number, check)
        check()
        out = np.empty_like(planes[0]), np.empty_like(planes[1]), np.empty_like(planes[2])
        apply(
            *out, *planes, self.grade.curve, self.grade.tint, self.grade.matrix, self.grade.crisp, self._grain, number
        )
        return out


@kernel
def apply(
    luma: Bytes, blue: Bytes, red: Bytes, own: Bytes, own_blue: Bytes, own_red: Bytes, curve: Floats, tint: Floats,
    matrix: Floats, crisp: float, grain: Floats, shift: int,
) -> None:  # fmt: skip
    """A frame graded: detail, then the curve, the colours by the luma they had, and grain."""
    height, width = own.shape
    column = np.empty(width + 2, np.float32)
    line = np.empty(width, np.float32)
    more, top, low = f32(crisp - 1.0), f32(235.0), f32(16.0)
    sixteenth, half = f32(1.0 / 16.0), f32(0.5)
    for y in range(height):
        above, here, below = own[max(y - 1, 0)], own[y], own[min(y + 1, height - 1)]
        for x in range(width):
            column[x + 1] = f32(np.int32(above[x]) + 2 * np.int32(here[x]) + np.int32(below[x]))
        column[0], column[width + 1] = column[1], column[width]
        for x in range(width):
            value = f32(here[x])
            soft = (column[x] + f32(2.0) * column[x + 1] + column[x + 2]) * sixteenth
            line[x] = min(max(value + (value - soft) * more, f32(0.0)), f32(254.0))
        specks, offset = grain[(y + shift * 57) & (GRAIN - 1)], (shift * 131) & (GRAIN - 1)
        for x in range(width):
            code = np.int32(line[x])
            part = line[x] - f32(code)
            value = curve[code] + (curve[code + 1] - curve[code]) * part + specks[(x + offset) & (GRAIN - 1)]
            luma[y, x] = np.uint8(min(max(value + half, low), top))
    a, b, c, d = matrix[0, 0], matrix[0, 1], matrix[1, 0], matrix[1, 1]
    for y in range(height // 2):
        for x in range(width // 2):
            code = (
                np.int32(own[2 * y, 2 * x]) + np.int32(own[2 * y, 2 * x + 1]) + np.int32(own[2 * y + 1, 2 * x])
                + np.int32(own[2 * y + 1, 2 * x + 1])
            ) >> 2  # fmt: skip
            u, v = f32(own_blue[y, x]), f32(own_red[y, x])
            blue[y, x] = np.uint8(min(max(a * u + b * v + tint[code, 0] + half, low), f32(240.0)))
            red[y, x] = np.uint8(min(max(c * u + d * v + tint[code, 1] + half, low), f32(240.0)))
