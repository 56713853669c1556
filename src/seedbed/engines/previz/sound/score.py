"""The music: one key, one tempo and one progression for the whole film, drawn from its moods, season and time; each
shot decides how much of it is played. A style brings its own instruments.
"""

from __future__ import annotations

from bisect import bisect
from collections import Counter
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from itertools import accumulate

import numpy as np

from seedbed.engines import FPS
from seedbed.engines.previz.script import Cut, Shot
from seedbed.engines.previz.sound.take import (
    RATE,
    Ears,
    Line,
    Take,
    band,
    bell,
    burst,
    decay,
    ease,
    frequencies,
    glided,
    hump,
    plant,
    sine,
)
from seedbed.engines.previz.sound.words import named

Chord = tuple[int, ...]
"""Semitones above the key note, the bass first."""

PROGRESSIONS: dict[str, tuple[Chord, ...]] = {
    "warm": ((0, 7, 14, 16), (-3, 7, 12, 16), (5, 9, 12, 16), (-5, 7, 12, 14)),
    "bright": ((0, 12, 16, 19), (-5, 11, 14, 19), (-3, 12, 16, 21), (5, 12, 17, 21)),
    "cold": ((0, 7, 14, 19), (-4, 8, 15, 19), (0, 7, 14, 22), (-2, 10, 14, 17)),
    "dark": ((0, 7, 12, 15), (1, 8, 13, 17), (0, 7, 12, 15), (-6, 6, 12, 15)),
    "muted": ((0, 10, 15, 19), (5, 8, 12, 15), (-4, 7, 12, 15), (-5, 10, 14, 17)),
    "dramatic": ((0, 7, 12, 15), (-4, 8, 12, 15), (3, 10, 15, 19), (-2, 10, 14, 17)),
    "mysterious": ((0, 11, 16, 18), (2, 9, 14, 18), (-4, 11, 15, 20), (0, 11, 16, 18)),
    "romantic": ((0, 11, 14, 16), (4, 11, 14, 19), (5, 9, 12, 16), (5, 8, 14, 15)),
    "noir": ((2, 12, 17, 21), (-5, 11, 17, 20), (0, 11, 14, 15), (-4, 12, 15, 19)),
    "neon": ((0, 7, 12, 15), (-4, 8, 12, 15), (-2, 10, 14, 17), (-5, 10, 14, 19)),
    "anime": ((5, 12, 16, 21), (-5, 11, 14, 19), (4, 11, 14, 19), (-3, 12, 16, 19)),
    "spring": ((0, 11, 16, 19), (5, 12, 16, 21), (-3, 12, 16, 19), (-5, 12, 14, 19)),
    "summer": ((0, 9, 14, 16), (5, 9, 16, 19), (0, 9, 14, 16), (-5, 9, 14, 17)),
    "autumn": ((0, 10, 14, 15), (-4, 7, 12, 15), (3, 10, 14, 19), (-2, 10, 14, 17)),
    "winter": ((0, 7, 14, 15), (-4, 7, 14, 15), (5, 12, 15, 20), (0, 7, 14, 19)),
    "night": ((0, 10, 14, 15), (5, 9, 14, 15), (-4, 7, 10, 14), (-2, 9, 14, 17)),
    "space": ((0, 7, 14, 18), (0, 8, 15, 19), (0, 7, 14, 18), (0, 9, 14, 16)),
}
"""Four chords each, in one key; the film ends on the key note."""
_LEADS = ("piano", "guitar", "flute")
_OWN = ("noir", "neon", "anime")
"""Styles whose harmony is their own, unless a mood is named."""
BEATS_A_MINUTE = {"slow": 60.0, "normal": 76.0, "fast": 116.0}


@dataclass(frozen=True, slots=True)
class Theme:
    """What the whole film has in common."""

    kind: str
    key_hz: float
    beat_s: float
    style: str
    lead: str
    bars: tuple[Chord, ...]
    bar_s: float

    def chord_at(self, at_s: float) -> Chord:
        return self.bars[min(int(at_s / self.bar_s + 1e-6), len(self.bars) - 1)]


@dataclass(frozen=True, slots=True)
class _Note:
    at_s: float
    hz: float
    gain: float
    pan: float


def theme_of(cuts: Sequence[Cut], seed: int, seconds: float) -> Theme:
    """The music of a film. What is said in more of its frames weighs more."""
    kind = _most(cuts, _kinds)
    pace = _most(cuts, lambda shot: (shot.pace,))
    style = _most(cuts, lambda shot: (shot.style,))
    rng = np.random.default_rng([seed, cuts[0].shot.salt, 11])
    key_hz = 110.0 * 2.0 ** (int(rng.integers(-3, 6)) / 12)
    beat_s = 60.0 / BEATS_A_MINUTE[pace]
    beats = 4 if seconds >= 8 * beat_s else 2
    bar_s = beats * beat_s
    lead = next((name for name in _LEADS for cut in cuts if _asks(cut.shot, name)), "")
    return Theme(kind, key_hz, beat_s, style, lead, _bars(cuts, kind, bar_s, seconds), bar_s)


def _asks(shot: Shot, instrument: str) -> bool:
    return "music" in shot.subjects and named(shot, instrument)


def _bars(cuts: Sequence[Cut], kind: str, bar_s: float, seconds: float) -> tuple[Chord, ...]:
    """The chords of the film: those of each shot's own mood where it has one. The last comes home."""
    ends = list(accumulate(cut.frames / FPS for cut in cuts))
    bars: list[Chord] = []
    for number in range(max(round(seconds / bar_s), 1)):
        cut = cuts[min(bisect(ends, (number + 0.5) * bar_s), len(cuts) - 1)]
        own = [mood for mood in cut.shot.moods if mood in PROGRESSIONS]
        bars.append(PROGRESSIONS[own[0] if own else kind][number % 4])
    if len(bars) > 1:
        bars[-1] = next((chord for chord in PROGRESSIONS[kind] if chord[0] == 0), PROGRESSIONS[kind][0])
    return tuple(bars)


def _kinds(shot: Shot) -> tuple[str, ...]:
    """The progressions that a shot asks for, its wish first."""
    if shot.moods:
        return tuple(mood for mood in shot.moods if mood in PROGRESSIONS)
    if shot.style in _OWN:
        return (shot.style,)
    if shot.place in ("space", "underwater"):
        return ("space",)
    return ("night",) if shot.time == "night" else (shot.season,)


def _most(cuts: Sequence[Cut], said: Callable[[Shot], tuple[str, ...]]) -> str:
    votes: Counter[str] = Counter()
    for cut in cuts:
        for turn, name in enumerate(said(cut.shot)):
            votes[name] += cut.frames * (4 - min(turn, 3))
    return votes.most_common(1)[0][0] if votes else "warm"


def play(take: Take, cuts: Sequence[Cut], windows: Sequence[Line], theme: Theme) -> Ears:
    """The whole music, dry. `windows` holds each shot's share, told at `clock()`; a shot that wants none has none."""
    level = sum((w * _presence(c.shot) for c, w in zip(cuts, windows, strict=True)), np.zeros(1, np.float32))
    if float(np.max(level)) <= 0:
        return take.empty()
    total = _pad(take, theme) * take.drawn(level)
    drive = sum((w * _drive(c.shot) for c, w in zip(cuts, windows, strict=True)), np.zeros(1, np.float32))
    for share, part in ((level, _melody(take, theme)), (drive * (level > 0), _pulse(take, theme, cuts))):
        if part is not None:
            total += part * take.drawn(np.asarray(share, np.float32))
    return total


def _presence(shot: Shot) -> np.float32:
    """How loud the music is in a shot: 0 where the prompt denies it."""
    if "music" in shot.without:
        return np.float32(0)
    share = 0.30 if shot.style == "documentary" else 1.0
    return np.float32(share * (1.6 if "music" in shot.subjects else 1.0))


def _drive(shot: Shot) -> np.float32:
    """How much of the rhythm a shot takes."""
    if "music" in shot.without or shot.style == "documentary":
        return np.float32(0)
    return np.float32(1.0 if shot.pace == "fast" or "dramatic" in shot.moods else 0.55)


# The pad


def _timbre(theme: Theme) -> tuple[float, float]:
    """How fast the partials of the pad fall off, and how wide each is, in cents."""
    styles = {"neon": (1.0, 12.0), "anime": (1.5, 12.0), "noir": (2.4, 6.0), "vintage": (1.9, 18.0)}
    moods = {"bright": (1.4, 11.0), "dark": (2.2, 16.0), "cold": (1.5, 17.0), "dramatic": (1.2, 11.0)}
    return styles.get(theme.style) or moods.get(theme.kind) or (1.8, 12.0)


def _pad(take: Take, theme: Theme) -> Ears:
    """Chords that flow into each other. Each is one inverse FFT: partials smeared to bands of random phase sound
    like many players."""
    bars = len(theme.bars)
    made: dict[Chord, Ears] = {}
    clock = take.clock()
    over = min(0.35 * theme.bar_s, 0.9)
    total = take.empty()
    for bar, chord in enumerate(theme.bars):
        loop = made.setdefault(chord, _choir(take, theme, chord)) if chord not in made else made[chord]
        begin, end = bar * theme.bar_s, (bar + 1) * theme.bar_s
        into = ease((clock - begin) / over + 0.5) if bar else np.ones_like(clock)
        out = ease((end - clock) / over + 0.5) if bar < bars - 1 else np.ones_like(clock)
        first = max(int((begin - over) * RATE), 0) if bar else 0
        last = min(int((end + over) * RATE), take.count) if bar < bars - 1 else take.count
        course = take.drawn(np.sqrt(into * out))[first:last]
        times = -(-last // loop.shape[1])
        total[:, first:last] += np.tile(loop, times)[:, first:last] * course
    return total * take.drawn(1 + 0.12 * take.wander(0.3)) * np.float32(0.42)


def _choir(take: Take, theme: Theme, chord: Chord) -> Ears:
    """2.7 seconds of a chord, without a seam."""
    size = 1 << 17
    hz = frequencies(size)
    fall, cents = _timbre(theme)
    gain = np.zeros_like(hz)
    for place, semitones in enumerate(chord):
        note = theme.key_hz * 2.0 ** (semitones / 12)
        loud = 1.1 if place == 0 else 0.8
        for partial in range(1, 13):
            centre = note * partial
            if centre > 7000:
                break
            width = max(centre * (2 ** (cents / 1200) - 1), 0.7)
            low, high = (int(edge * size / RATE) for edge in (centre - 4 * width, centre + 4 * width))
            part = hz[low : high + 2]
            strength = (
                loud / partial**fall / np.sqrt(width) * (0.7 if partial % 2 == 0 and theme.style == "noir" else 1)
            )
            gain[low : high + 2] += np.float32(strength) * np.exp(-(((part - centre) / width) ** 2) / 2)
    phases = take.rng.uniform(0, 2 * np.pi, (2, len(hz))).astype(np.float32)
    ears = np.fft.irfft(gain * np.exp(1j * phases).astype(np.complex64), size)
    return np.asarray(ears / ears.std(), np.float32)


# The line above it


def _melody(take: Take, theme: Theme) -> Ears | None:
    """A plucked or struck line: bells, an arpeggio, a few far notes; by the style and the mood."""
    plan = _lines(theme)
    if plan is None:
        return None
    instrument, step_beats, octave, gain = plan
    notes = _arpeggio(take, theme, step_beats, octave)
    made: dict[float, Line] = {}
    total = take.empty()
    for note in notes:
        grain = made[note.hz] if note.hz in made else made.setdefault(note.hz, instrument(note.hz))
        plant(total, note.at_s, grain, 1.25 * gain * note.gain, note.pan)
    return total


def _lines(theme: Theme) -> tuple[Callable[[float], Line], float, int, float] | None:
    """Instrument, beats from note to note, octaves above the pad, gain."""
    if theme.style == "documentary":
        return None
    quick = 0.25 if theme.beat_s < 0.6 else 0.5
    leads: dict[str, tuple[Callable[[float], Line], float, int, float]] = {
        "piano": (_keys, 0.5, 1, 1.7), "guitar": (_pluck, 0.5, 1, 1.8), "flute": (_flute, 1.0, 1, 0.9),
    }  # fmt: skip
    styles: dict[str, tuple[Callable[[float], Line], float, int, float]] = {
        "neon": (_saw, 0.25, 1, 0.85), "anime": (_bell, 0.5, 2, 0.9), "noir": (_keys, 1.0, 0, 1.3),
        "comic": (_pluck, 0.5, 1, 1.1), "pastel": (_bell, 1.0, 2, 0.6), "vintage": (_keys, 1.0, 1, 1.0),
    }  # fmt: skip
    moods: dict[str, tuple[Callable[[float], Line], float, int, float]] = {
        "bright": (_pluck, 0.5, 1, 1.1), "mysterious": (_bell, 1.5, 2, 0.6), "romantic": (_keys, 0.5, 1, 0.9),
        "warm": (_pluck, 1.0, 1, 0.9), "cold": (_bell, 2.0, 2, 0.45), "spring": (_pluck, 0.5, 1, 0.8),
    }  # fmt: skip
    plain = (_pluck, max(quick, 0.5), 1, 0.55)
    return leads.get(theme.lead) or styles.get(theme.style) or moods.get(theme.kind) or plain


def _arpeggio(take: Take, theme: Theme, step_beats: float, octave: int) -> list[_Note]:
    """Notes of each bar's chord in a pattern that holds for the film, with a rest here and there."""
    pattern = [int(x) for x in take.rng.permutation([0, 1, 2, 3, 2, 1, 3, 2])]
    rests = take.rng.uniform(0, 1, 16) < (0.0 if step_beats <= 0.25 else 0.22)
    step = theme.beat_s * step_beats
    notes = []
    for number in range(int((take.seconds - 0.6) / step)):
        at = number * step
        if rests[number % 16] and number:
            continue
        chord = theme.chord_at(at)
        voice = chord[1 + pattern[number % 8] % (len(chord) - 1)]
        accent = 1.0 if number % 4 == 0 else 0.7 + 0.1 * (number % 2)
        hz = theme.key_hz * 2.0 ** (voice / 12 + octave)
        notes.append(_Note(at, hz, accent, 0.3 + 0.4 * (pattern[number % 8] / 3)))
    return notes


def _partials(hz: float, seconds: float, parts: Sequence[tuple[float, float, float]], attack_s: float) -> Line:
    time = np.arange(int(seconds * RATE), dtype=np.float64) * hz / RATE
    total = np.zeros(len(time), np.float32)
    for ratio, gain, half_s in parts:
        if hz * ratio < 15_000:
            turns = time * ratio
            total += (
                np.float32(gain) * sine((turns - np.floor(turns)).astype(np.float32)) * decay(seconds, half_s, attack_s)
            )
    return total


def _pluck(hz: float) -> Line:
    """A string: high partials die first."""
    return _partials(hz, 1.2, [(n, 0.8 / n**1.1, 0.32 / (1 + 0.5 * n)) for n in range(1, 7)], 0.003)


def _bell(hz: float) -> Line:
    return _partials(hz, 1.8, ((1.0, 0.6, 0.36), (2.0, 0.22, 0.25), (2.76, 0.2, 0.16), (5.40, 0.09, 0.07)), 0.002)


def _keys(hz: float) -> Line:
    """An electric piano, muted."""
    parts = ((1.0, 0.9, 0.34), (2.0, 0.22, 0.2), (3.0, 0.1, 0.12), (4.0, 0.05, 0.08), (11.0, 0.03, 0.02))
    return _partials(hz, 1.5, parts, 0.006)


def _flute(hz: float) -> Line:
    """A breathy tone that swells and trembles."""
    time = np.linspace(0, 0.9, 40)
    course = hz * (1 + 0.006 * np.sin(2 * np.pi * 5.2 * time) * np.minimum(time / 0.4, 1))
    return glided(0.9, course, (1.0, 0.22, 0.06)) * hump(0.9, 0.2)


def _saw(hz: float) -> Line:
    """An analogue synthesiser: two saws out of tune, closing."""
    gains = tuple(1 / n for n in range(1, 13))
    soft = (1.0, 0.35, 0.12)
    time = np.linspace(0, 1, int(0.42 * RATE), dtype=np.float32)
    two = [glided(0.42, np.full(2, hz * off), gains) for off in (0.997, 1.003)]
    dull = [glided(0.42, np.full(2, hz * off), soft) for off in (0.997, 1.003)]
    open_share = np.exp(-6 * time)
    mixed = (two[0] + two[1]) * open_share + (dull[0] + dull[1]) * (1 - open_share)
    return np.asarray(mixed * decay(0.42, 0.09, 0.004) * np.float32(0.4), np.float32)


# The rhythm


def _pulse(take: Take, theme: Theme, cuts: Sequence[Cut]) -> Ears | None:
    """Drums of the film: deep hits for drama, a beat for speed, brushes and a walking bass for noir."""
    dramatic = any("dramatic" in cut.shot.moods or _asks(cut.shot, "drums") for cut in cuts)
    total = take.empty()
    if theme.style == "noir":
        _brushes(take, theme, total)
    elif dramatic:
        _great_drums(take, theme, total)
    elif theme.beat_s < 0.6 or theme.style == "neon":
        _beat(take, theme, total)
    else:
        return None
    return total


def _drum(rng: np.random.Generator, hz: float, seconds: float, half_s: float, skin: float) -> Line:
    course = hz * np.array([2.6, 1.35, 1.1, 1.0, 1.0, 0.98, 0.96, 0.95, 0.94, 0.94, 0.93, 0.93])
    body = glided(seconds, course, (1.0, 0.18)) * decay(seconds, half_s, 0.002)
    return body + np.float32(skin) * burst(rng, seconds, bell((700, 1.2, 1.0)), 0.012, 0.001)


def _great_drums(take: Take, theme: Theme, total: Ears) -> None:
    deep, high = _drum(take.rng, 52, 1.3, 0.20, 0.5), _drum(take.rng, 88, 0.6, 0.09, 0.35)
    hits = (
        (0.0, deep, 2.6, 0.5),
        (1.5, high, 0.9, 0.35),
        (2.0, deep, 1.5, 0.55),
        (3.0, high, 0.9, 0.62),
        (3.5, high, 1.1, 0.7),
    )
    for bar in range(int(take.seconds / (4 * theme.beat_s)) + 1):
        for beat, drum, gain, pan in hits:
            at = (4 * bar + beat) * theme.beat_s
            if at < take.seconds - 0.5:
                plant(total, at, drum, gain, pan)


def _beat(take: Take, theme: Theme, total: Ears) -> None:
    kick = _drum(take.rng, 50, 0.35, 0.05, 0.2)
    hat = burst(take.rng, 0.07, band(6500, 14000), 0.014)
    bass_step = theme.beat_s / 2
    for number in range(int((take.seconds - 0.5) / bass_step)):
        at = number * bass_step
        if number % 2 == 0:
            plant(total, at, kick, 1.9)
        plant(total, at, hat, 0.16 if number % 2 == 0 else 0.28, 0.6)
        chord = theme.chord_at(at)
        hz = theme.key_hz / 2 * 2.0 ** (chord[0] / 12)
        plant(total, at, glided(bass_step, np.full(2, hz), (1.0, 0.5, 0.3, 0.15)) * hump(bass_step, 0.06), 0.6)


def _brushes(take: Take, theme: Theme, total: Ears) -> None:
    swish = burst(take.rng, 0.3, bell((5200, 0.7, 1.0)), 0.07, 0.05)
    tick = burst(take.rng, 0.12, band(6000, 13000), 0.03)
    for number in range(int((take.seconds - 0.5) / theme.beat_s)):
        at = number * theme.beat_s
        plant(total, at, swish, 0.30, 0.4)
        if number % 2:
            plant(total, at, tick, 0.30, 0.62)
            plant(total, at + theme.beat_s * 0.67, tick, 0.20, 0.62)
        chord = theme.chord_at(at)
        walk = (chord[0], chord[0] + 7, chord[0] + 12, chord[0] + 10)[number % 4]
        hz = theme.key_hz / 2 * 2.0 ** (walk / 12)
        plant(total, at, _partials(hz, 0.9, ((1.0, 1.0, 0.16), (2.0, 0.5, 0.1), (3.0, 0.2, 0.05)), 0.008), 1.0)
