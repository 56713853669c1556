"""A camera path laid onto the cameras that we have: one in a world, one in a picture.

A world's lens is shifted and never pitched, so a tilt moves the horizon and a roll leans it; on screen the far
background then moves as the clip's did. In a picture there is nothing beyond the border, so long pans are made
shorter as a whole, and the lens closes in where the border would show.
"""

from __future__ import annotations

import math
from dataclasses import replace

import numpy as np
from numpy.typing import NDArray

from seedbed.engines import FPS
from seedbed.engines.previz.camera import Pose
from seedbed.engines.previz.references.motion import CameraPath
from seedbed.engines.previz.stills import parallax
from seedbed.engines.previz.stills.direction import Direction

Floats = NDArray[np.float32]

_HORIZON = (0.04, 0.90)
"""Where a world's horizon may be: beyond, there would be only land or only sky."""
_FOCAL = (0.45, 3.2)
"""How much shorter and longer than the shot's a lens may become."""
_PAN_MAX, _TILT_MAX, _ROLL_MAX, _IN_MAX, _OUT_MAX = 0.14, 0.12, 0.16, 0.45, 0.05
"""The farthest that a camera goes in a picture: shares of the frame, radians, and logarithms of growth."""
_SPARE = 0.012
"""What may lack at a border, as a share of the frame: the picture is squeezed by as much, which nobody sees."""
_PARALLAX = 0.18
_PUSH = 0.035
"""How much longer the lens is at a strong beat."""


def follow(poses: list[Pose], path: CameraPath, *, ratio: float) -> list[Pose]:
    """The first of `poses`, held and moved as `path` says, one for each of `poses`. `ratio` is the width of the frame
    by its height. A path that is shorter rests at its end."""
    base = poses[0]
    return [_seen(base, path, min(number, len(path) - 1), ratio) for number in range(len(poses))]


def _seen(base: Pose, path: CameraPath, number: int, ratio: float) -> Pose:
    grown = min(max(math.exp(float(path.zoom[number])), _FOCAL[0]), _FOCAL[1])
    # Focal lengths count in square roots of the frame's area.
    yaw = base.yaw + float(path.pan_x[number]) * math.sqrt(ratio) / base.focal
    horizon = 0.5 + (base.horizon - 0.5 - float(path.pan_y[number])) * grown
    return replace(
        base, yaw=yaw, horizon=_bounded(horizon, *_HORIZON), focal=base.focal * grown,
        roll=base.roll + math.tan(min(max(float(path.roll[number]), -0.7), 0.7)),
    )  # fmt: skip


def _bounded(value: float, low: float, high: float) -> float:
    """`value`, slowed down near its limits rather than stopped at them."""
    soft = 0.12 * (high - low)
    if value < low + soft:
        return low + soft * math.exp((value - low - soft) / soft)
    if value > high - soft:
        return high - soft * math.exp((high - soft - value) / soft)
    return value


def accented(poses: list[Pose], accents: Floats) -> list[Pose]:
    """`poses` with a small push of the lens at every accent (0 … 1 a frame)."""
    pushes = [1.0 + _PUSH * float(accents[min(number, len(accents) - 1)]) for number in range(len(poses))]
    return [
        replace(pose, focal=pose.focal * push, horizon=0.5 + (pose.horizon - 0.5) * push)
        for pose, push in zip(poses, pushes, strict=True)
    ]


def pushed(poses: Floats, accents: Floats) -> Floats:
    """As `accented`, for the poses of a camera in a picture, (frames, 8)."""
    out = poses.copy()
    out[:, parallax.ZOOM] *= 1.0 + _PUSH * accents[: len(poses)]
    return out


def asked_poses(way: Direction, frames: int, *, backwards: bool = False) -> Floats:
    """(frames, 8): the camera that the prompt asks for, in a picture."""
    poses = np.empty((frames, 8), np.float32)
    for number in range(frames):
        share = number / max(frames - 1, 1)
        share = 1.0 - share if backwards else share
        poses[number] = parallax.pose(way, share, share * frames / FPS, frames / FPS)
    return poses


def picture_poses(path: CameraPath, *, width: int, height: int, frames: int, backwards: bool = False) -> Floats:
    """(frames, 8): `path` as a camera inside a picture that fills a frame of width × height pixels. The first frame
    shows all of the picture, or the last one where it runs `backwards`."""
    pan_x, pan_y, zoom, roll = _from(path, frames, width / height, last=backwards)
    poses = np.zeros((frames, 8), np.float32)
    pan = min(1.0, _PAN_MAX / max(float(np.abs(pan_x).max()), 1e-6), _TILT_MAX / max(float(np.abs(pan_y).max()), 1e-6))
    roll = roll * min(1.0, _ROLL_MAX / max(float(np.abs(roll).max()), 1e-6))
    pan_x, pan_y, zoom = pan_x * pan, pan_y * pan, _within(zoom)
    grown = np.exp(zoom)
    x, y, closer = pan_x, pan_y, _cover(pan_x, pan_y, grown, roll, width / height)
    if backwards:
        closer = _cover(pan_x[::-1], pan_y[::-1], grown[::-1], roll[::-1], width / height)[::-1]
    unit = max(width, height) * 0.5
    poses[:, parallax.ZOOM] = np.maximum(grown, 1.0) ** 0.7 * np.minimum(grown, 1.0) * closer
    poses[:, parallax.NEARER] = np.minimum(1.0 - np.maximum(grown, 1.0) ** -0.6, 0.2)
    poses[:, parallax.PIVOT] = 0.3
    poses[:, parallax.TURN_X], poses[:, parallax.TURN_Y] = x * width / unit, y * height / unit
    poses[:, parallax.RIGHT] = _PARALLAX * poses[:, parallax.TURN_X]
    poses[:, parallax.DOWN] = _PARALLAX * poses[:, parallax.TURN_Y]
    poses[:, parallax.ROLL] = roll
    return poses


def _within(zoom: Floats) -> Floats:
    """How far a picture can be approached, and how little one can step back from it."""
    nearer = min(1.0, _IN_MAX / max(float(zoom.max()), 1e-6))
    away = min(1.0, _OUT_MAX / max(-float(zoom.min()), 1e-6))
    return np.asarray(np.where(zoom > 0, zoom * nearer, zoom * away), np.float32)


def _from(path: CameraPath, frames: int, ratio: float, *, last: bool) -> tuple[Floats, Floats, Floats, Floats]:
    """The rows of `path` for so many frames, measured from the first frame or from the last."""
    at = np.minimum(np.arange(frames), len(path) - 1)
    pan_x, pan_y, zoom, roll = (row[at].astype(np.float64) for row in (path.pan_x, path.pan_y, path.zoom, path.roll))
    if last:
        turn = np.exp(zoom[-1] + 1j * roll[-1])
        away = turn * ((pan_x - pan_x[-1]) * ratio + 1j * (pan_y - pan_y[-1]))
        pan_x, pan_y, zoom, roll = away.real / ratio, away.imag, zoom - zoom[-1], roll - roll[-1]
    rows = [np.asarray(row, np.float32) for row in (pan_x, pan_y, zoom, roll)]
    return rows[0], rows[1], rows[2], rows[3]


def _cover(pan_x: Floats, pan_y: Floats, grown: Floats, roll: Floats, ratio: float) -> Floats:
    """How much closer the lens must be in each frame so that the border does not show. It never opens again: a hand
    that sways must not make the picture breathe."""
    cos, sin = np.abs(np.cos(roll)), np.abs(np.sin(roll))
    across = (cos + sin / ratio) / np.maximum(1.0 + 2 * _SPARE - 2 * np.abs(pan_x), 0.3)
    down = (cos + sin * ratio) / np.maximum(1.0 + 2 * _SPARE - 2 * np.abs(pan_y), 0.3)
    needed = np.maximum(np.maximum(across, down) / grown, 1.0)
    most = np.maximum.accumulate(needed)
    reach = min(FPS // 2, max(len(most) // 4, 1))
    wide = np.pad(most, reach, mode="edge")
    soft = np.convolve(wide, np.hanning(2 * reach + 3)[1:-1] / (reach + 1.0), mode="valid")
    begun = np.minimum(np.arange(len(most)) / max(reach, 1), 1.0)
    begun = begun * begun * (3.0 - 2.0 * begun)
    return np.asarray(1.0 + (np.maximum(soft, 1.0) - 1.0) * begun, np.float32)
