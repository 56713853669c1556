"""A place while hours pass: it is built once for each station of its light and drawn between two of them."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Protocol

import numpy as np

from seedbed.engines.previz.frame import Check, Frame


class Hourly(Protocol):
    """A place in the light of one hour."""

    def frame(self, number: int, check: Check) -> Frame: ...


@dataclass(frozen=True, slots=True)
class Passing:
    """The same place at several hours: `takes` in order, each reached after its part of `shares`; `exposures` are
    those that their light is meant for. All light is given for the first one's."""

    takes: Sequence[Hourly]
    shares: tuple[float, ...]
    exposures: tuple[float, ...]
    frames: int

    def frame(self, number: int, check: Check) -> Frame:
        """Frame `number` in linear light."""
        share = number / max(self.frames - 1, 1)
        last = len(self.shares) - 2
        before = min(max(int(np.searchsorted(self.shares, share, side="right")) - 1, 0), last)
        part = (share - self.shares[before]) / (self.shares[before + 1] - self.shares[before])
        part = min(max(part, 0.0), 1.0)
        if part <= 0.0 or part >= 1.0:
            return self._shown(before + int(part >= 1.0), 1.0, number, check)
        frame = self._shown(before, 1.0 - part, number, check)
        # Beyond its width a frame holds nothing.
        frame.light[..., : frame.width] += self._shown(before + 1, part, number, check).light[..., : frame.width]
        return frame

    def _shown(self, station: int, part: float, number: int, check: Check) -> Frame:
        frame = self.takes[station].frame(number, check)
        gain = part * self.exposures[station] / self.exposures[0]
        if gain != 1.0:
            frame.light[..., : frame.width] *= np.float32(gain)
        return frame
