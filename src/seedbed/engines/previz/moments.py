"""When something flashes in a shot: strokes of lightning, shells of fireworks, blasts of a volcano.

The sky and the cast draw these moments and `sound` plays them, so a bang belongs to its flash. Each kind is drawn by
a generator of its own, one moment after another: a longer shot has the same moments and then more.
"""

from __future__ import annotations

import hashlib
from collections.abc import Callable
from dataclasses import dataclass
from functools import partial

import numpy as np

from seedbed.engines.previz.script import Shot

TEMPO = {"real": 1.0, "slow_motion": 0.35, "time_lapse": 14.0, "hyperlapse": 8.0}
"""Seconds of the world in a second of the film."""
SHOT_MAX_S = 30.0
"""Longer than any film: shells and blasts are listed for so long where nobody says how long a shot is."""
_EARLIER_S = 1.6
"""Shells have been fired for so long when a shot begins."""
_GAPS_S = {"slow_motion": 1.3, "time_lapse": 0.3, "hyperlapse": 0.4}


@dataclass(frozen=True, slots=True)
class Moment:
    """A flash `at_s` seconds of film after the shot's beginning, about 1 strong; its sound comes `after_s` later.
    `side` is where, 0 (left) … 1 (right)."""

    at_s: float
    power: float
    after_s: float
    side: float

    @property
    def heard_s(self) -> float:
        """When its sound reaches the camera."""
        return self.at_s + self.after_s


@dataclass(frozen=True, slots=True)
class Moments:
    """All that flash in one shot."""

    strokes: tuple[Moment, ...] = ()
    shells: tuple[Moment, ...] = ()
    blasts: tuple[Moment, ...] = ()


def place_seed(shot: Shot, seed: int) -> int:
    """30 bits that a place draws its lots by: the words that the engine does not know are part of where it lies."""
    where = "city" if shot.place == "city" else f"{shot.setting}:{shot.water}"
    digest = hashlib.sha256(f"{seed}:{shot.site}:{where}".encode()).digest()
    return int.from_bytes(digest[:4], "little") & 0x3FFFFFFF


def moments(shot: Shot, seed: int, duration_s: float) -> Moments:
    """All moments of a shot in the film of `seed`, its request's."""
    own = place_seed(shot, seed)
    return Moments(strokes(own, duration_s), shells(shot, own, duration_s), blasts(shot, own, duration_s))


def strokes(own: int, duration_s: float) -> tuple[Moment, ...]:
    """About one stroke of lightning in two seconds, the first within the first; thunder takes 0.3 to 3 seconds, and
    what is near is bright. `own` is the place's seed, here and below."""
    rng = np.random.default_rng([own, 12])
    return _listed(rng, float(rng.uniform(0.35, 0.9)), duration_s, partial(rng.uniform, 0.9, 2.6), _stroke)


def _stroke(rng: np.random.Generator, at_s: float) -> Moment:
    away = float(0.3 * 10.0 ** rng.uniform(0.0, 1.0))
    return Moment(at_s, 1.12 - 0.13 * away, away, float(rng.uniform(0.12, 0.88)))


def shells(shot: Shot, own: int, duration_s: float = SHOT_MAX_S) -> tuple[Moment, ...]:
    """When the shells of fireworks burst; some have when the shot begins. Bangs follow at once, as they do in films:
    at their true distance, the bang of one would fall on the flash of the next."""
    rng = np.random.default_rng([own, 13])
    gap = _GAPS_S.get(shot.tempo, 0.62)
    return _listed(rng, -_EARLIER_S, duration_s, lambda: gap * float(rng.uniform(0.45, 1.55)), _shell)


def _shell(rng: np.random.Generator, at_s: float) -> Moment:
    return Moment(at_s, float(rng.uniform(0.7, 1.1)), 0.06, float(rng.uniform(0.0, 1.0)))


def blasts(shot: Shot, own: int, duration_s: float = SHOT_MAX_S) -> tuple[Moment, ...]:
    """When a volcano throws out melt; its boom comes soon after."""
    rng = np.random.default_rng([own, 14])
    gap = 2.2 / max(TEMPO[shot.tempo], 0.6) ** 0.3
    return _listed(rng, -1.5 * gap, duration_s, lambda: gap * float(rng.uniform(0.6, 1.4)), _blast)


def _blast(rng: np.random.Generator, at_s: float) -> Moment:
    return Moment(at_s, float(rng.uniform(0.55, 1.15)), 0.25, float(rng.uniform(0.35, 0.65)))


def _listed(
    rng: np.random.Generator, first_s: float, duration_s: float, gap: Callable[[], float],
    one: Callable[[np.random.Generator, float], Moment],
) -> tuple[Moment, ...]:  # fmt: skip
    found, at = [], first_s
    while at < duration_s:
        found.append(one(rng, at))
        at += float(gap())
    return tuple(found)
