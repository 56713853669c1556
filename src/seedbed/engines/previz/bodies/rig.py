"""Skeletons: bones in a tree, how poses run down it, legs that reach a point, and motions baked into clips.

Axes as in `shapes.mesh`. Angles are radians: pitch lifts what points ahead and swings what hangs down forwards, roll
leans to the right, yaw turns to the right. A bone's frame at rest is the model's own.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import ArrayLike, NDArray

Doubles = NDArray[np.float64]
Floats = NDArray[np.float32]


@dataclass(frozen=True, slots=True)
class Rig:
    """Bones by name, their parents' numbers (-1 for a root; parents come first), the joint (x, y, z) of each."""

    names: tuple[str, ...]
    parents: tuple[int, ...]
    joints: Doubles

    def at(self, name: str) -> int:
        return self.names.index(name)


def rig(bones: Sequence[tuple[str, str, Sequence[float]]]) -> Rig:
    """From (name, parent's name or "", joint)."""
    names = tuple(name for name, _, _ in bones)
    parents = tuple(names.index(parent) if parent else -1 for _, parent, _ in bones)
    return Rig(names, parents, np.array([joint for _, _, joint in bones], np.float64))


def paired(bones: Sequence[tuple[str, str, Sequence[float]]]) -> list[tuple[str, str, Sequence[float]]]:
    """Bones of the right side, whose names end in `.r`, and their twins in `.l`."""
    made: list[tuple[str, str, Sequence[float]]] = []
    for side, sign in ((".r", 1.0), (".l", -1.0)):
        for name, parent, (x, y, z) in bones:
            made.append((name.replace(".r", side), parent.replace(".r", side), (x * sign, y, z)))
    return made


def turns(pitch: ArrayLike = 0.0, roll: ArrayLike = 0.0, yaw: ArrayLike = 0.0) -> Doubles:
    """Rotations (n, 3, 3) from angles (n): roll, then pitch, then yaw."""
    p, r, w = np.broadcast_arrays(*(np.atleast_1d(np.asarray(a, np.float64)) for a in (pitch, roll, yaw)))
    cp, sp, cr, sr, cy, sy = np.cos(p), np.sin(p), np.cos(r), np.sin(r), np.cos(w), np.sin(w)
    made = np.empty((len(p), 3, 3))
    made[:, 0, 0], made[:, 0, 1], made[:, 0, 2] = cy * cr + sy * sp * sr, sy * cp, cy * sr - sy * sp * cr
    made[:, 1, 0], made[:, 1, 1], made[:, 1, 2] = -sy * cr + cy * sp * sr, cy * cp, -sy * sr - cy * sp * cr
    made[:, 2, 0], made[:, 2, 1], made[:, 2, 2] = -cp * sr, sp, cp * cr
    return made


class Poser:
    """A skeleton at `frames` times at once. Bones are set parents first; what is not set hangs on as it rests."""

    def __init__(self, skeleton: Rig, frames: int) -> None:
        self.rig, self.frames = skeleton, frames
        count = len(skeleton.names)
        self.spins = np.zeros((frames, count, 3, 3))
        self.places = np.zeros((frames, count, 3))
        self._scale = np.ones((frames, count, 3))
        self._set = np.zeros(count, np.bool_)

    def root(self, spin: Doubles, shift: Sequence[ArrayLike] = (0.0, 0.0, 0.0), bone: int = 0) -> None:
        """A root bone turned, its joint moved by metres."""
        for axis in range(3):
            self.places[:, bone, axis] = self.rig.joints[bone, axis] + np.asarray(shift[axis])
        self.spins[:, bone], self._set[bone] = spin, True

    def turn(self, name: str, pitch: ArrayLike = 0.0, roll: ArrayLike = 0.0, yaw: ArrayLike = 0.0) -> None:
        """A bone turned against its parent."""
        bone = self.rig.at(name)
        self.hang(bone)
        self.spins[:, bone] = self.spins[:, bone] @ turns(pitch, roll, yaw)

    def face(self, name: str, spin: Doubles) -> None:
        """A bone turned against the world."""
        bone = self.rig.at(name)
        self.hang(bone)
        self.spins[:, bone] = spin

    def stretch(self, name: str, x: ArrayLike = 1.0, y: ArrayLike = 1.0, z: ArrayLike = 1.0) -> None:
        """A bone's own flesh made larger or smaller about its joint; what hangs on it is not."""
        for axis, size in enumerate((x, y, z)):
            self._scale[:, self.rig.at(name), axis] = size

    def hang(self, bone: int) -> None:
        """At its place on its parent, turned like it."""
        parent = self.rig.parents[bone]
        if parent < 0:
            if not self._set[bone]:
                self.root(turns(), bone=bone)
            return
        if not self._set[parent]:
            self.hang(parent)
        self.spins[:, bone] = self.spins[:, parent]
        self.places[:, bone] = self.where(parent, self.rig.joints[bone])
        self._set[bone] = True

    def where(self, bone: int, point: ArrayLike) -> Doubles:
        """Where a point of the rest pose that moves with a bone is, (frames, 3)."""
        if not self._set[bone]:
            self.hang(bone)
        arm = np.asarray(point, np.float64) - self.rig.joints[bone]
        return np.asarray(self.places[:, bone] + self.spins[:, bone] @ arm)

    def reach(self, upper: int, lower: int, end: ArrayLike, goal: Doubles, bend: float, across: Doubles) -> None:
        """Two bones, of which the second ends at `end` (rest pose), bent so that it ends at `goal` (frames, 3). The
        joint between goes ahead for `bend` 1 and back for -1, turning about `across` (frames, 3), the right."""
        joints = self.rig.joints
        tip = np.asarray(end, np.float64)
        first, second = joints[lower] - joints[upper], tip - joints[lower]
        a, b = np.linalg.norm(first), np.linalg.norm(second)
        if not self._set[upper]:
            self.hang(upper)
        hip = self.places[:, upper]
        line = goal - hip
        far = np.clip(np.linalg.norm(line, axis=1), abs(a - b) + 1e-4, (a + b) * 0.9995)
        line /= np.linalg.norm(line, axis=1, keepdims=True)
        hinge = across - line * (across * line).sum(1, keepdims=True)
        hinge /= np.linalg.norm(hinge, axis=1, keepdims=True)
        fore = np.cross(hinge, line) * bend
        near = (a * a - b * b + far * far) / (2 * far)
        out = np.sqrt(np.maximum(a * a - near * near, 0.0))
        knee = hip + line * near[:, None] + fore * out[:, None]
        self.spins[:, upper] = _aligned(first, knee - hip, hinge)
        self.places[:, lower], self._set[lower] = knee, True
        self.spins[:, lower] = _aligned(second, hip + line * far[:, None] - knee, hinge)

    def table(self) -> Floats:
        """(frames, bones, 3, 4): what `shapes` poses meshes with."""
        for bone in range(len(self.rig.names)):
            if not self._set[bone]:
                self.hang(bone)
        spins = self.spins * self._scale[:, :, None, :]
        shift = self.places - np.einsum("kbij,bj->kbi", spins, self.rig.joints)
        return np.concatenate([spins, shift[..., None]], 3).astype(np.float32)


def _aligned(rest: Doubles, posed: Doubles, hinge: Doubles) -> Doubles:
    """The rotations that lead `rest` (3) to `posed` (frames, 3) and the x axis, as far as it can, to `hinge`."""

    def frame(along: Doubles, side: Doubles) -> Doubles:
        along = along / np.linalg.norm(along, axis=1, keepdims=True)
        side = side - along * (side * along).sum(1, keepdims=True)
        side = side / np.linalg.norm(side, axis=1, keepdims=True)
        return np.stack([side, along, np.cross(side, along)], 2)

    at_rest = frame(rest[None], np.array([[1.0, 0.0, 0.0]]))
    return np.asarray(frame(posed, hinge) @ at_rest.transpose(0, 2, 1))


@dataclass(frozen=True, slots=True)
class Clip:
    """A motion that repeats after `period` seconds, at even times (frames, bones, 3, 4), and the speed in m/s at
    which it travels over the ground."""

    period: float
    speed: float
    table: Floats

    def at(self, seconds: float) -> Floats:
        """(bones, 3, 4)."""
        frames = len(self.table)
        place = seconds / self.period % 1.0 * frames
        i = int(place)
        t = np.float32(place - i)
        a, b = self.table[i % frames], self.table[(i + 1) % frames]
        return np.asarray(a + (b - a) * t, np.float32)
