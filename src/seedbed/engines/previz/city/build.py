"""Many flat pieces as one mesh, quickly: quads, walls, boxes, roofs, and ready meshes set among them."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
from numpy.typing import NDArray

from seedbed.engines.previz.shapes.mesh import Mesh, joined, placed, rotation

Floats = NDArray[np.float32]
Point = tuple[float, float, float]


class Builder:
    """Collects pieces in the world's own metres; `mesh` joins them. Corners run counterclockwise seen from outside."""

    def __init__(self) -> None:
        self._points: list[tuple[Point, Point, Point, Point]] = []
        self._uv: list[tuple[float, float, float, float]] = []
        self._open: list[tuple[float, float]] = []
        self._paint: list[int] = []
        self._ready: list[Mesh] = []

    def quad(
        self, a: Point, b: Point, c: Point, d: Point, paint: int, *,
        uv: tuple[float, float, float, float] | None = None, ao: tuple[float, float] = (1.0, 1.0),
    ) -> None:  # fmt: skip
        """Four corners; `uv` is left, low, right and high; `ao` the sky's share at the edges ab and cd."""
        if uv is None:
            wide = float(np.hypot(b[0] - a[0], b[1] - a[1]) + abs(b[2] - a[2]))
            tall = float(np.sqrt((d[0] - a[0]) ** 2 + (d[1] - a[1]) ** 2 + (d[2] - a[2]) ** 2))
            uv = (0.0, 0.0, wide, tall)
        self._points.append((a, b, c, d))
        self._uv.append(uv)
        self._open.append(ao)
        self._paint.append(paint)

    def floor(
        self, x0: float, x1: float, y0: float, y1: float, z: float, paint: int, *, ao: float = 1.0, across: bool = False
    ) -> None:
        """Level, seen from above; its pattern lies in the world's own axes, or turned when `across`."""
        if across:
            self.quad((x1, y0, z), (x1, y1, z), (x0, y1, z), (x0, y0, z), paint, uv=(y0, -x1, y1, -x0), ao=(ao, ao))
        else:
            self.quad((x0, y0, z), (x1, y0, z), (x1, y1, z), (x0, y1, z), paint, uv=(x0, y0, x1, y1), ao=(ao, ao))

    def walls(
        self, x0: float, x1: float, y0: float, y1: float, z0: float, z1: float, paint: int, *, bay: float = 0.0,
        shift: float = 0.0, ao: tuple[float, float] = (1.0, 1.0), sides: str = "swne",
    ) -> None:  # fmt: skip
        """Upright on a rectangle. With a `bay`, the pattern is stretched to whole bays a side."""
        for side in sides:
            (ax, ay), (bx, by) = {
                "s": ((x0, y0), (x1, y0)), "e": ((x1, y0), (x1, y1)),
                "n": ((x1, y1), (x0, y1)), "w": ((x0, y1), (x0, y0)),
            }[side]  # fmt: skip
            long = abs(bx - ax) + abs(by - ay)
            run = max(round(long / bay), 1) * bay if bay else long
            self.quad((ax, ay, z0), (bx, by, z0), (bx, by, z1), (ax, ay, z1), paint,
                      uv=(shift, 0.0, shift + run, z1 - z0), ao=ao)  # fmt: skip

    def box(
        self, x0: float, x1: float, y0: float, y1: float, z0: float, z1: float, paint: int, top: int | None = None, *,
        ao: tuple[float, float] = (1.0, 1.0),
    ) -> None:  # fmt: skip
        self.walls(x0, x1, y0, y1, z0, z1, paint, ao=ao)
        self.floor(x0, x1, y0, y1, z1, paint if top is None else top)

    def gable(
        self, x0: float, x1: float, y0: float, y1: float, z: float, rise: float, roof: int, wall: int, *, along: bool
    ) -> None:
        """A pitched roof with eaves; its ridge runs along y, or along x."""
        e = 0.45
        if along:
            m = (x0 + x1) / 2
            drop = e * rise / ((x1 - x0) / 2)
            low = z - drop
            self.quad((x1 + e, y0 - e, low), (x1 + e, y1 + e, low), (m, y1 + e, z + rise), (m, y0 - e, z + rise), roof)
            self.quad((x0 - e, y1 + e, low), (x0 - e, y0 - e, low), (m, y0 - e, z + rise), (m, y1 + e, z + rise), roof)
            self.quad((x0, y0, z), (x1, y0, z), (m, y0, z + rise), (m, y0, z + rise), wall)
            self.quad((x1, y1, z), (x0, y1, z), (m, y1, z + rise), (m, y1, z + rise), wall)
        else:
            m = (y0 + y1) / 2
            drop = e * rise / ((y1 - y0) / 2)
            low = z - drop
            self.quad((x0 - e, y0 - e, low), (x1 + e, y0 - e, low), (x1 + e, m, z + rise), (x0 - e, m, z + rise), roof)
            self.quad((x1 + e, y1 + e, low), (x0 - e, y1 + e, low), (x0 - e, m, z + rise), (x1 + e, m, z + rise), roof)
            self.quad((x0, y1, z), (x0, y0, z), (x0, m, z + rise), (x0, m, z + rise), wall)
            self.quad((x1, y0, z), (x1, y1, z), (x1, m, z + rise), (x1, m, z + rise), wall)

    def place(self, form: Mesh, x: float, y: float, z: float = 0.0, yaw: float = 0.0) -> None:
        """A ready mesh, turned and set down."""
        self._ready.append(form.turned(yaw=yaw).moved(x, y, z) if yaw else form.moved(x, y, z))

    def mesh(self) -> Mesh | None:
        """All of it; None of nothing."""
        parts = ([self._flat()] if self._points else []) + self._ready
        return joined(parts) if parts else None

    def _flat(self) -> Mesh:
        points = np.array(self._points, np.float64)
        count = len(points)
        normals = np.cross(points[:, 1] - points[:, 0], points[:, 3] - points[:, 0])
        normals /= np.linalg.norm(normals, axis=1, keepdims=True) + 1e-12
        uv, shade = np.array(self._uv), np.array(self._open)
        laid = np.stack([uv[:, [0, 1]], uv[:, [2, 1]], uv[:, [2, 3]], uv[:, [0, 3]]], 1)
        faces = (4 * np.arange(count)[:, None] + np.array([0, 1, 2, 0, 2, 3])).reshape(-1, 3)
        return Mesh(
            points.reshape(-1, 3).astype(np.float32), np.repeat(normals, 4, 0).astype(np.float32),
            laid.reshape(-1, 2).astype(np.float32), faces.astype(np.int32), np.repeat(self._paint, 2).astype(np.int32),
            np.zeros((4 * count, 2), np.int32), np.ones(4 * count, np.float32),
            shade[:, [0, 0, 1, 1]].reshape(-1).astype(np.float32),
        )  # fmt: skip


def pose(x: float = 0.0, y: float = 0.0, z: float = 0.0, yaw: float = 0.0) -> Floats:
    """Where a thing stands."""
    return placed(rotation(yaw=yaw), x, y, z)


def pick(rng: np.random.Generator, among: Sequence[int]) -> int:
    """One of a kit's paints."""
    return among[int(rng.integers(len(among)))]
