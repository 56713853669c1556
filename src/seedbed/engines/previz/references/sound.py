"""Reference sounds as samples: decoded, at the film's rate, in two channels, as long as the film."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from typing import Any

import av
import numpy as np
from av.audio.resampler import AudioResampler
from av.error import FFmpegError
from numpy.typing import NDArray

from seedbed.engines import EngineError
from seedbed.engines.previz.sound import RATE

Floats = NDArray[np.float32]

_LOUDEST = 0.97
_FADE_S = 0.04


def load_sound(path: Path, *, seconds_max: float = 60.0) -> Floats:
    """(samples, 2) at 48 kHz within -1 … 1, at most `seconds_max` long. Raises EngineError when
    there is no sound or it cannot be read."""
    parts: list[Floats] = []
    left = round(seconds_max * RATE)
    try:
        with av.open(str(path)) as box:
            if not box.streams.audio:
                raise EngineError("The audio could not be read")
            alone = box.streams.audio[0].codec_context.layout.nb_channels == 1
            desk = AudioResampler(format="flt", layout="mono" if alone else "stereo", rate=RATE)
            for frame in box.decode(box.streams.audio[0]):
                frame.pts = None
                for part in desk.resample(frame):
                    parts.append(_ears(part.to_ndarray(), alone=alone))
                    left -= len(parts[-1])
                if left <= 0:
                    break
            for part in desk.resample(None):
                parts.append(_ears(part.to_ndarray(), alone=alone))
    except (FFmpegError, OSError) as error:
        raise EngineError("The audio could not be read") from error
    if not parts:
        raise EngineError("The audio could not be read")
    sound = np.concatenate(parts)[: round(seconds_max * RATE)]
    return np.ascontiguousarray(np.clip(sound, -1.0, 1.0), np.float32)


def _ears(values: NDArray[Any], *, alone: bool) -> Floats:
    """(samples, 2) of interleaved values; one channel sounds from both sides as loud as it was."""
    line = values.reshape(-1, 1 if alone else 2).astype(np.float32)
    return np.repeat(line, 2, axis=1) if alone else line


def has_sound(path: Path) -> bool:
    """Whether the file at `path` has a sound that can be told."""
    try:
        with av.open(str(path)) as box:
            return bool(box.streams.audio)
    except (FFmpegError, OSError):
        return False


def fitted(sounds: Sequence[Floats], samples: int) -> Floats:
    """All `sounds` at once, from the film's first moment, exactly `samples` long: cut with a short fade where they go
    on, silent where they end; made softer as a whole where they would clip."""
    mix = np.zeros((samples, 2), np.float32)
    for sound in sounds:
        part = sound[:samples].copy()
        if len(sound) > samples:
            fade = min(round(_FADE_S * RATE), len(part))
            part[len(part) - fade :] *= np.linspace(1.0, 0.0, fade, dtype=np.float32)[:, None]
        mix[: len(part)] += part
    peak = float(np.abs(mix).max(initial=0.0))
    return mix * np.float32(_LOUDEST / peak) if peak > 1.0 else mix
