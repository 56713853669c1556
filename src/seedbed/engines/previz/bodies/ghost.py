"""A ghost: a veil without anybody in it, afloat, with hollow eyes."""

from __future__ import annotations

from functools import lru_cache, partial

import numpy as np

from seedbed.engines.previz.bodies.form import Doubles, Grain, Hold, skin
from seedbed.engines.previz.bodies.gait import cycle, wave
from seedbed.engines.previz.bodies.model import Model
from seedbed.engines.previz.bodies.rig import Clip, Poser, Rig, paired, rig, turns
from seedbed.engines.previz.shapes.mesh import Mesh, joined, sphere
from seedbed.engines.previz.shapes.paint import Palette, paint

KINDS = ("ghost",)
_VEILS = ("dfe9f2", "e9e6f2", "d8efe6")
_FLOATS_M = 0.24
_DRIFTS_M_S = 0.8


@lru_cache(maxsize=1)
def _skeleton() -> Rig:
    arm = [("arm.r", "chest", (0.17, 0.0, 1.28)), ("hand.r", "arm.r", (0.36, 0.06, 1.08))]
    return rig([
        ("chest", "", (0, 0, 1.1)), ("head", "chest", (0, 0, 1.42)), ("hem.0", "chest", (0, 0, 0.95)),
        ("hem.1", "hem.0", (0, -0.04, 0.55)), ("hem.2", "hem.1", (0, -0.10, 0.25)), *paired(arm),
    ])  # fmt: skip


def _mesh(palette: Palette, grain: Grain, colour: str) -> Mesh:
    veil = palette.add(paint(colour, glow=colour, glow_by=0.20, gloss=0.1, opacity=0.80, two_sided=True))
    core = palette.add(paint(colour, glow=colour, glow_by=0.30, gloss=0.0))
    hollow = palette.add(paint("0a0c14", gloss=0.1))
    bone = {name: number for number, name in enumerate(_skeleton().names)}.__getitem__

    def folds(net: Doubles, place: Doubles, angle: Doubles) -> Doubles:
        middle = net.mean(1, keepdims=True)
        deep = 0.16 * np.clip((place - 3.0) / 4.0, 0, 1)[:, None]
        made = middle + (net - middle) * (1 + deep * np.cos(9 * angle + 0.5 * place[:, None]))[..., None]
        made[..., 2] += 0.05 * np.clip(place - 6.0, 0, 1)[:, None] * np.cos(5 * angle + 0.7)
        return np.asarray(made)

    rows = [(0, 0, 1.70, 0.02, 0.02, 0.02), (0, 0, 1.67, 0.09, 0.10, 0.09), (0, 0, 1.56, 0.135, 0.14, 0.14),
            (0, 0, 1.42, 0.13, 0.12, 0.13), (0, 0, 1.30, 0.19, 0.13, 0.14), (0, 0, 1.0, 0.21, 0.16, 0.18),
            (0, -0.02, 0.62, 0.25, 0.19, 0.22), (0, -0.08, 0.22, 0.30, 0.21, 0.26),
            (0, -0.12, 0.05, 0.31, 0.21, 0.27)]  # fmt: skip
    hold = Hold(tuple(bone(n) for n in ("head", "chest", "hem.0", "hem.1", "hem.2")), (3.4, 5.0, 6.2, 7.2),
                (0.5, 0.6, 0.5, 0.5))  # fmt: skip
    whole = [skin(rows[::-1], grain(34, 14), grain(44, 18), _turned(hold, len(rows) - 1), paint=veil,
                  shape=lambda net, place, angle: folds(net, len(rows) - 1 - place, angle))]  # fmt: skip
    inner = [(x, y, z, a * 0.72, b * 0.72, c * 0.72) for x, y, z, a, b, c in rows[:-2]]
    whole.append(skin(inner[::-1], grain(16, 8), grain(18, 8), Hold((bone("chest"),)), paint=core))
    for side in (-1, 1):
        eye = sphere(0.030, grain(12, 6), grain(9, 5)).scaled(0.8, 0.45, 1.25).moved(side * 0.052, 0.128, 1.55)
        whole.append(eye.painted(hollow).boned(bone("head")))
        name = "r" if side > 0 else "l"
        arm = [(side * 0.13, 0.0, 1.30, 0.075, 0.09, 0.09), (side * 0.24, 0.02, 1.20, 0.072, 0.085, 0.10),
               (side * 0.36, 0.06, 1.08, 0.075, 0.08, 0.15), (side * 0.45, 0.10, 1.00, 0.05, 0.05, 0.19),
               (side * 0.48, 0.11, 0.98, 0.012, 0.015, 0.10)]  # fmt: skip
        sleeve = Hold((bone("chest"), bone(f"arm.{name}"), bone(f"hand.{name}")), (0.6, 2.2), (0.6, 0.6))
        whole.append(skin(arm, grain(14, 6), grain(16, 7), sleeve, front=(0, 0, 1), paint=veil))
    mouth = sphere(0.020, grain(10, 5), grain(8, 4)).scaled(0.9, 0.45, 1.5).moved(0, 0.128, 1.465)
    whole.append(mouth.painted(hollow).boned(bone("head")))
    return joined(whole)


def _turned(hold: Hold, last: int) -> Hold:
    """The same bones along stations that run the other way."""
    return Hold(hold.bones[::-1], tuple(last - at for at in hold.at[::-1]), hold.soft[::-1])


@lru_cache(maxsize=2)
def _clip(motion: str) -> Clip:
    """`drift` goes along, `hover` stays; the hem trails behind."""
    period, frames = 5.0, 120
    u = cycle(frames)
    p = Poser(_skeleton(), frames)
    going = 1.0 if motion == "drift" else 0.25
    p.root(turns(-0.16 * going, 0.05 * wave(u), 0.07 * wave(u, 1, 0.2)),
           (0.02 * wave(u), 0.0 * u, _FLOATS_M + 0.06 * wave(u, 1, 0.3)))  # fmt: skip
    p.turn("head", pitch=0.10 * going, yaw=0.16 * wave(u, 1, 0.1), roll=0.06 * wave(u, 1, 0.4))
    for number in range(3):
        lag = 0.16 * number
        p.turn(f"hem.{number}", pitch=-0.10 * going - 0.09 * wave(u, 2, lag), roll=0.08 * wave(u, 1, lag + 0.2),
               yaw=0.06 * wave(u, 2, lag))  # fmt: skip
    for side, sign in ((".r", 1.0), (".l", -1.0)):
        p.turn("arm" + side, pitch=0.5 + 0.18 * wave(u, 1, 0.2 * sign), roll=-sign * (0.25 + 0.1 * wave(u, 1, 0.3)))
        p.turn("hand" + side, pitch=0.25 + 0.15 * wave(u, 2, 0.2 * sign))
    return Clip(period, _DRIFTS_M_S * (motion == "drift"), p.table())


def ghost_model(kind: str, rng: np.random.Generator, palette: Palette, grain: Grain, *, colour: str = "") -> Model:
    """A ghost of 1.9 m, over the ground."""
    size = float(rng.uniform(1.0, 1.12))
    mesh = _mesh(palette, grain, colour or _VEILS[int(rng.integers(len(_VEILS)))]).scaled(size)
    return Model(kind, mesh, {motion: partial(_clip, motion) for motion in ("drift", "hover")}, 1.9 * size, size)
