"""The sound of a film, measured: what each layer adds and where, rhythms, joins, music, levels."""

from __future__ import annotations

from dataclasses import replace
from itertools import combinations

import numpy as np
import pytest
from numpy.typing import NDArray

from seedbed.engines.previz import script
from seedbed.engines.previz.moments import Moment, Moments
from seedbed.engines.previz.script import Cut, Shot
from seedbed.engines.previz.sound import RATE, compose, creatures, fires, from_audio, machines, scene, score, town
from seedbed.engines.previz.sound.take import Ears, Take

FPS = 24
Samples = NDArray[np.float32]


def board(prompt: str, seconds: int = 4) -> tuple[Cut, ...]:
    return script.storyboard(prompt, frames=seconds * FPS, fps=FPS)


def film(prompt: str, seconds: int = 4, seed: int = 1) -> Samples:
    return compose(board(prompt, seconds), seed, seconds)


def bed(shot: Shot, seconds: float = 4.0, seed: int = 1) -> Ears:
    return scene.bed(shot, seed, 0, int(seconds * RATE))


def names(prompt: str) -> set[str]:
    return {layer.name for layer in scene.layers(script.read(prompt))}


def power(ears: NDArray[np.floating], low_hz: float, high_hz: float) -> float:
    """Mean power of (2, samples) between two frequencies."""
    spectrum = np.abs(np.fft.rfft(ears, axis=1)) ** 2
    hz = np.fft.rfftfreq(ears.shape[1], 1 / RATE)
    return float(spectrum[:, (hz >= low_hz) & (hz < high_hz)].sum() * 2 / ears.shape[1] ** 2)


def decibels(ratio: float) -> float:
    return float(10 * np.log10(max(ratio, 1e-12)))


def envelope(ears: NDArray[np.floating], low_hz: float = 20.0, high_hz: float = 16_000.0) -> NDArray[np.float64]:
    """Strength of a band, 500 times a second."""
    hz = np.fft.rfftfreq(ears.shape[1], 1 / RATE)
    spectrum = np.fft.rfft(ears.mean(0)) * ((hz >= low_hz) & (hz < high_hz))
    line = np.fft.irfft(spectrum, ears.shape[1]) ** 2
    return np.sqrt(line[: len(line) // 96 * 96].reshape(-1, 96).mean(1))


def period_s(course: NDArray[np.float64], low_s: float, high_s: float) -> float:
    """The lag within bounds at which a 500 Hz course is most like itself."""
    centred = course - course.mean()
    likeness = np.correlate(centred, centred, "full")[len(course) - 1 :]
    likeness /= np.arange(len(course), 0, -1)
    first, last = int(low_s * 500), int(high_s * 500)
    return (first + int(np.argmax(likeness[first:last]))) / 500


# Form


@pytest.mark.parametrize("seconds", range(4, 16))
def test_length_is_exact(seconds: int) -> None:
    sound = film("a robot in a room, no music, dissolve to a room", seconds)
    assert sound.shape == (seconds * RATE, 2)
    assert sound.dtype == np.float32
    assert sound.flags.c_contiguous


@pytest.mark.parametrize(
    "prompt", ["a forest at sunrise", "a storm over the ocean, dramatic, fast", "a room, no music"]
)
@pytest.mark.parametrize("seconds", [4, 7])
def test_levels_keep_their_bounds(prompt: str, seconds: int) -> None:
    sound = film(prompt, seconds)
    assert -24.0 <= lufs(sound) <= -18.0
    assert true_peak_db(sound) <= -1.0
    assert np.abs(sound.mean(0)).max() < 1e-4, "no DC"
    assert np.abs(sound[:50]).max() < 1e-3, "begins from silence"
    assert np.abs(sound[-50:]).max() < 1e-3, "ends in silence"


def lufs(sound: Samples) -> float:
    """Integrated loudness after BS.1770, without its gates, by its filters' analogue responses."""
    hz = np.maximum(np.fft.rfftfreq(len(sound), 1 / RATE), 1e-3)
    s = 1j * hz / 1681.97
    shelf = (1.5849 * s**2 + 1.2588 / 0.7072 * s + 1) / (s**2 + s / 0.7072 + 1)
    low = 1j * hz / 38.135
    high_pass = low**2 / (low**2 + low / 0.5003 + 1)
    weighted = np.abs(np.fft.rfft(sound, axis=0)) ** 2 * np.abs(shelf * high_pass)[:, None] ** 2
    return float(-0.691 + 10 * np.log10(2 * weighted.sum() / len(sound) ** 2))


def true_peak_db(sound: Samples) -> float:
    """The peak of four times as many samples."""
    fine = np.zeros((len(sound) * 2 + 1, 2), complex)
    spectrum = np.fft.rfft(sound, axis=0)
    fine[: len(spectrum)] = spectrum
    return decibels(float((4 * np.abs(np.fft.irfft(fine, axis=0))).max()) ** 2)


@pytest.mark.parametrize(
    "prompt",
    [
        "fireworks and thunderstorm, dramatic, fast, train, crowd, applause, city, cars",
        "snow, slow, quiet, cold, documentary",
        "outer space, an astronaut",
        "a lone candle in a dark room, no music",
        "desert, no wind, no music",
        "cut to a dog cut to a cat cut to a horse cut to a train cut to the ocean cut to a city cut to space",
    ],
)
def test_no_prompt_is_too_loud_or_too_soft(prompt: str) -> None:
    sound = film(prompt)
    assert np.isfinite(sound).all()
    assert -24.5 <= lufs(sound) <= -17.5
    assert true_peak_db(sound) <= -1.0
    assert np.abs(sound[:, 0] - sound[:, 1]).mean() > 1e-3, "two ears"


def test_the_same_request_sounds_the_same_and_another_does_not() -> None:
    cuts = board("a river in the forest. Cut to: a city at night with cars and people")
    one = compose(cuts, 5, 4)
    assert np.array_equal(one, compose(cuts, 5, 4))
    for other in (compose(cuts, 6, 4), compose(cuts[::-1], 5, 4), film("a river in the forest", seed=5)):
        assert abs(np.corrcoef(one[:, 0], other[:, 0])[0, 1]) < 0.5


@pytest.mark.parametrize("frames", [20, 96, 400])
def test_the_last_shot_goes_on_to_the_end(frames: int) -> None:
    shot = script.read("a river in the forest")
    assert compose((Cut(shot, frames),), 1, 4).shape == (4 * RATE, 2)
    sound = compose((Cut(shot, frames), Cut(shot, frames, "dissolve")), 1, 4)
    assert sound[int(3.0 * RATE) : int(3.1 * RATE)].std() > 0.005


# Layers


@pytest.mark.parametrize(
    ("prompt", "denied", "low_hz", "high_hz"),
    [
        ("a windy forest", "wind", 2500, 9000),
        ("a windy mountain ridge", "wind", 250, 900),
        ("a gale over desert dunes", "wind", 4500, 9000),
        ("rain on a city street", "rain", 4000, 10_000),
        ("rain in the forest", "rain", 1500, 6000),
        ("a thunderstorm over a meadow", "thunder", 30, 120),
        ("a river in the forest", "river", 300, 2000),
        ("a waterfall in the forest", "river", 100, 3000),
        ("a lake in the mountains", "lake", 300, 1200),
        ("waves of the ocean at a beach", "ocean", 100, 4000),
        ("a campfire in the forest at night", "fire", 1500, 6000),
        ("a birthday candle in a room", "candle", 100, 500),
        ("lava of a volcano", "fire", 25, 90),
        ("fireworks over a meadow at night", "fireworks", 40, 200),
        ("a city street with cars", "car", 60, 2000),
        ("a crowd in the city", "crowd", 300, 2500),
        ("a train in the mountains", "train", 40, 200),
        ("a ship on the ocean", "ship", 40, 250),
        ("a plane above the meadow", "plane", 60, 1000),
        ("a helicopter above the meadow", "plane", 60, 400),
        ("a rocket above the desert", "plane", 30, 250),
        ("a hot air balloon above the meadow", "balloon", 100, 3000),
        ("a robot in a room", "robot", 400, 3500),
        ("a lighthouse in fog", "lighthouse", 80, 500),
        ("birds in the forest", "birds", 2000, 6000),
        ("seagulls at the beach", "birds", 1000, 5000),
        ("an owl in the forest at night", "birds", 320, 450),
        ("a summer meadow at night", "insects", 3700, 4900),
        ("a galloping horse in a meadow", "horse", 70, 200),
        ("a dog in a meadow", "dog", 350, 2500),
        ("wolves in a snowy forest", "dog", 300, 1300),
        ("a cat in a room", "cat", 80, 600),
        ("whales underwater", "fish", 140, 1200),
        ("a woman in a museum", "people", 80, 2000),
    ],
)
def test_a_layer_is_heard_in_its_band_and_denial_takes_it_away(
    prompt: str, denied: str, low_hz: float, high_hz: float
) -> None:
    shot = script.read(prompt)
    without = replace(shot, without=(*shot.without, denied))
    full, bare = bed(shot), bed(without)
    assert {layer.name for layer in scene.layers(without)} < {layer.name for layer in scene.layers(shot)}
    assert decibels(power(full, low_hz, high_hz) / power(bare, low_hz, high_hz)) > 3.0
    alone = full - bare
    assert power(alone, low_hz, high_hz) > 0.2 * power(alone, 20, 20_000), "its energy is where it belongs"


@pytest.mark.parametrize(
    ("prompt", "gone", "kept"),
    [
        ("a forest at sunrise, no birds", {"songbirds"}, {"wind"}),
        ("a forest without wind", {"wind"}, {"songbirds"}),
        ("a city street without people", {"murmur", "crowd", "steps"}, {"traffic"}),
        ("a city without cars or people", {"traffic", "cars", "horns", "murmur"}, {"wind"}),
        ("a meadow at night without animals", {"crickets", "owl", "frogs"}, {"wind"}),
        ("лес на рассвете без птиц", {"songbirds"}, {"wind"}),
    ],
)
def test_what_the_prompt_denies_is_not_heard(prompt: str, gone: set[str], kept: set[str]) -> None:
    heard = names(prompt)
    assert not heard & gone
    assert kept <= heard


@pytest.mark.parametrize(
    ("prompt", "expected"),
    [
        ("гроза над морем", {"thunder", "rain", "surf"}),
        ("an owl at night in the forest", {"owl"}),
        ("海边的海鸥", {"gull", "surf"}),
        ("ormanda kurtlar", {"dog", "wind"}),
        ("parowóz i pociąg w górach", {"train", "train horn"}),
        ("an astronaut in outer space", {"vacuum", "breathing"}),
        ("an eagle above the canyon", {"eagle"}),
        ("a kayak on the lake", {"oars", "lake"}),
        ("an audience applauding in a hall", {"applause", "crowd"}),
        ("snowfall in the forest", {"snow"}),
        ("a jungle", {"jungle"}),
    ],
)
def test_what_the_prompt_says_is_heard(prompt: str, expected: set[str]) -> None:
    assert expected <= names(prompt)


@pytest.mark.parametrize(
    ("prompt", "unheard"),
    [
        ("a cheerful city", "applause"),
        ("a beech forest in summer", "bees"),
        ("clockwise orbit around a couple in a room", "clock"),
        ("a drone shot of the mountains", "plane"),
        ("rain in outer space, an astronaut", "rain"),
        ("birds of the city at night, no birds", "owl"),
        ("a bicycle in the meadow", "cars"),
        ("fireflies in a meadow", "herd"),
        ("portrait of a woman in a city", "steps"),
    ],
)
def test_what_only_looks_like_a_sound_is_not_heard(prompt: str, unheard: str) -> None:
    assert unheard not in names(prompt)


def test_walls_dull_the_weather() -> None:
    def treble(place: str) -> float:
        shot = replace(script.read(f"rain, {place}"), subjects=(), without=("wind", "clock", "birds"))
        ears = bed(shot)
        return power(ears, 3000, 10_000) / power(ears, 100, 700)

    assert treble("a room") < 0.05 * treble("a meadow")


def test_to_deny_a_layer_changes_nothing_in_the_others() -> None:
    shot = script.read("a summer meadow at night")
    whole = bed(shot)
    one = whole - bed(replace(shot, without=("insects",)))
    again = bed(replace(shot, without=("birds",))) - bed(replace(shot, without=("birds", "insects")))
    assert np.allclose(one, again, atol=1e-5)
    assert one.std() > 1e-4


# Rhythm and motion


@pytest.mark.parametrize("pace", ["slow", "normal", "fast"])
def test_hoofs_fall_in_the_stride_of_the_pace(pace: str) -> None:
    ears = creatures.horse(Take(8 * RATE, np.random.default_rng(3)), pace, "soft")
    stride = creatures.STRIDE_S[pace]
    assert period_s(envelope(ears), 0.8 * stride, 1.3 * stride) == pytest.approx(stride, rel=0.04)


@pytest.mark.parametrize("pace", ["slow", "normal", "fast"])
def test_rails_clatter_at_the_pace(pace: str) -> None:
    ears = machines.train(Take(8 * RATE, np.random.default_rng(3)), pace, False)
    gap = machines.CLATTER_S[pace]
    assert period_s(envelope(ears, 900, 5000), 0.7 * gap, 1.4 * gap) == pytest.approx(gap, rel=0.04)


@pytest.mark.parametrize("pace", ["slow", "normal", "fast"])
def test_steps_follow_the_pace(pace: str) -> None:
    ears = town.steps(Take(8 * RATE, np.random.default_rng(3)), pace, "hard")
    gap = town.STEP_S[pace]
    assert period_s(envelope(ears), 0.7 * gap, 1.4 * gap) == pytest.approx(gap, rel=0.05)


def test_blades_chop_eleven_times_a_second() -> None:
    ears = machines.helicopter(Take(6 * RATE, np.random.default_rng(3)))
    assert period_s(envelope(ears, 40, 600), 0.05, 0.13) == pytest.approx(1 / 11.2, rel=0.06)


@pytest.mark.parametrize("speed", [20.0, 40.0])
def test_a_car_falls_in_pitch_and_crosses_over_as_it_passes(speed: float) -> None:
    ears = machines.car_pass(Take(4 * RATE, np.random.default_rng(2)), 2.0, speed, to_right=True)

    def tone(begin_s: float) -> float:
        part = ears[:, int(begin_s * RATE) : int((begin_s + 0.8) * RATE)].mean(0)
        spectrum = np.abs(np.fft.rfft(part * np.hanning(len(part)), 1 << 17))
        hz = np.fft.rfftfreq(1 << 17, 1 / RATE)
        inside = (hz > 110) & (hz < 320)
        return float(hz[inside][np.argmax(spectrum[inside])])

    expected = (343 + speed) / (343 - speed)
    assert tone(0.3) / tone(2.9) == pytest.approx(expected, rel=0.03)
    left, right = (ears[ear].reshape(4, -1).std(1) for ear in (0, 1))
    assert left[0] > 2 * right[0]
    assert right[3] > 2 * left[3]
    loud = ears.std(0) if ears.shape[0] > 2 else np.abs(ears).max(0)
    assert 1.8 < np.argmax(np.convolve(loud, np.ones(4800), "same")) / RATE < 2.2


def test_waves_break_and_run_out() -> None:
    shot = replace(script.read("ocean surf at the beach"), without=("birds", "wind"))
    course = envelope(bed(shot, 8.0), 1000, 8000)
    smooth = np.convolve(course, np.ones(100) / 100, "valid")
    assert smooth.max() > 3 * smooth.min()
    assert smooth[:1200].max() > 0.5 * smooth.max(), "the first breaks within two and a half seconds"


def test_thunder_rolls_after_it_cracks() -> None:
    shot = script.read("a thunderstorm over a meadow")
    alone = bed(shot) - bed(replace(shot, without=("thunder",)))
    high, low = envelope(alone, 800, 4000), envelope(alone, 30, 130)

    def middle(course: NDArray[np.float64]) -> float:
        return float((course * np.arange(len(course))).sum() / course.sum() / 500)

    assert high.max() > 10 * np.median(high), "a crack is short"
    assert middle(low) > middle(high) + 0.2


def test_a_shell_bursts_after_its_whistle() -> None:
    shell = Moment(at_s=1.4, power=1.0, after_s=0.06, side=0.5)
    alone = fires.fireworks(Take(int(2.6 * RATE), np.random.default_rng(1), Moments(shells=(shell,))))
    whistle, boom = envelope(alone, 1250, 3700), envelope(alone, 35, 160)
    first = np.argmax(whistle > 0.05 * whistle.max())
    burst = np.argmax(boom > 0.3 * boom.max())
    assert burst > first + 0.25 * 500
    assert burst / 500 == pytest.approx(shell.heard_s, abs=0.06)


def test_slow_motion_lowers_and_stretches_and_a_time_lapse_quickens() -> None:
    shot = script.read("a fast horse in a meadow")
    shot = replace(shot, without=("wind", "birds", "insects"))
    beds = {tempo: bed(replace(shot, tempo=tempo), 8.0) for tempo in ("real", "slow_motion", "time_lapse")}
    expected = {tempo: creatures.STRIDE_S["fast"] / speed for tempo, speed in (("slow_motion", 0.5), ("time_lapse", 2))}
    strides = {tempo: period_s(envelope(beds[tempo]), 0.6 * s, 1.6 * s) for tempo, s in expected.items()}

    def centre(ears: Ears) -> float:
        spectrum = np.abs(np.fft.rfft(ears.mean(0))) ** 2
        return float((spectrum * np.fft.rfftfreq(ears.shape[1], 1 / RATE)).sum() / spectrum.sum())

    assert strides == pytest.approx(expected, rel=0.06)
    assert centre(beds["slow_motion"]) < 0.65 * centre(beds["real"]) < 0.65 * 0.65 * centre(beds["time_lapse"])


# Joins

_SEA = replace(script.read("underwater"), without=("music",))
_VOID = replace(script.read("outer space"), without=("music",))


@pytest.mark.parametrize("join", ["cut", "dissolve", "fade"])
def test_joins_do_not_click(join: str) -> None:
    """The beds are dull, so that a splice would be their steepest step by far."""
    sound = compose((Cut(_SEA, 48), Cut(_VOID, 48, join)), 3, 4)
    steps = np.abs(np.diff(sound, axis=0)).max(1)
    near = steps[int(1.9 * RATE) : int(2.1 * RATE)].max()
    assert near <= 1.1 * steps.max()
    assert near < 0.03
    jumps = np.abs(np.diff(sound, 2, axis=0)).max(1)
    assert jumps[int(1.9 * RATE) : int(2.1 * RATE)].max() < 1.5 * jumps.max()
    spliced = np.concatenate([sound[: int(1.5 * RATE)], sound[int(2.63 * RATE) :]])
    assert np.abs(np.diff(spliced, axis=0)).max() > near, "what a splice would measure"


def test_each_shot_has_a_bed_of_its_own() -> None:
    cuts = board(
        "Shot 1: a city street with heavy rain, no music. Cut to: a desert under a clear sky, no music, no wind."
    )
    assert cuts[1].join == "cut"
    sound = compose(cuts, 1, 4).T
    before, after = (sound[:, int(a * RATE) : int(b * RATE)] for a, b in ((1.3, 1.95), (2.05, 2.7)))
    assert decibels(power(before, 4000, 10_000) / power(after, 4000, 10_000)) > 8


def test_a_dissolve_is_long_and_a_cut_is_short() -> None:
    rain, space = (replace(script.read(p), without=("music", "wind")) for p in ("heavy rain, city", "outer space"))

    def treble(join: str, at_s: float) -> float:
        sound = compose((Cut(rain, 72), Cut(space, 72, join)), 1, 6).T
        return power(sound[:, int((at_s - 0.05) * RATE) : int((at_s + 0.05) * RATE)], 3000, 12_000)

    for join, still in (("cut", False), ("dissolve", True)):
        fall = decibels(treble(join, 3.25) / treble(join, 2.0))
        assert (fall > -15) == still, join


def test_a_fade_goes_to_silence_and_comes_back() -> None:
    rain = replace(script.read("heavy rain, city"), without=("music",))
    sound = compose((Cut(rain, 72), Cut(rain, 72, "fade")), 1, 6)

    def level(at_s: float) -> float:
        return decibels(float((sound[int((at_s - 0.02) * RATE) : int((at_s + 0.02) * RATE)] ** 2).mean()))

    assert level(3.0) < level(1.5) - 35
    assert abs(level(4.5) - level(1.5)) < 5
    left = compose((Cut(rain, 72, "cut", True), Cut(rain, 72)), 1, 6)
    assert decibels(float((left[int(2.97 * RATE) : int(2.995 * RATE)] ** 2).mean())) < level(1.5) - 30


def test_the_power_holds_across_a_cut_within_one_place() -> None:
    rain = replace(script.read("heavy rain, city"), without=("music", "car", "people"))
    sound = compose((Cut(rain, 72), Cut(rain, 72)), 1, 6)

    def level(at_s: float) -> float:
        return float((sound[int((at_s - 0.02) * RATE) : int((at_s + 0.02) * RATE)] ** 2).mean())

    usual = np.mean([level(t) for t in np.arange(2.0, 4.0, 0.09)])
    assert abs(decibels(level(3.0) / usual)) < 2.5


# Music


def music(prompt: str, seconds: int = 8, seed: int = 1) -> tuple[Ears, score.Theme]:
    cuts = (Cut(script.read(prompt), seconds * FPS),)
    take = Take(seconds * RATE, np.random.default_rng(seed))
    theme = score.theme_of(cuts, seed, seconds)
    return score.play(take, cuts, [np.ones_like(take.clock())], theme), theme


def chroma(ears: Ears, key_hz: float) -> NDArray[np.float64]:
    """The share of each of the twelve semitones above the key, from 60 to 900 Hz."""
    line = ears.mean(0)
    spectrum = np.abs(np.fft.rfft(line * np.hanning(len(line)))) ** 2
    hz = np.fft.rfftfreq(len(line), 1 / RATE)
    inside = (hz > 60) & (hz < 900)
    pitch = np.round(12 * np.log2(hz[inside] / key_hz)).astype(int) % 12
    shares = np.bincount(pitch, spectrum[inside], 12)
    return shares / shares.sum()


@pytest.mark.parametrize("mood", ["warm", "bright", "cold", "dark", "muted", "mysterious", "romantic"])
def test_the_chords_of_a_mood_are_played_in_the_key(mood: str) -> None:
    ears, theme = music(f"a forest, {mood}")
    assert theme.kind == mood
    for bar in (0, 1):
        begin = int((bar + 0.3) * theme.bar_s * RATE)
        shares = chroma(ears[:, begin : begin + int(0.4 * theme.bar_s * RATE)], theme.key_hz)
        wanted = {note % 12 for note in theme.bars[bar]}
        assert shares[sorted(wanted)].sum() > 0.85


def test_other_moods_have_other_chords_in_the_same_key() -> None:
    found = {}
    for mood in ("warm", "dark", "romantic", "dramatic", "mysterious"):
        ears, theme = music(f"a forest, {mood}")
        found[mood] = chroma(ears, theme.key_hz)
    for one, two in combinations(found.values(), 2):
        assert float(one @ two / np.linalg.norm(one) / np.linalg.norm(two)) < 0.985


def test_a_shot_of_another_mood_changes_the_chords_and_the_film_comes_home() -> None:
    cuts = board("Shot 1: a forest, warm. Cut to: a desert, dark and eerie.", 15)
    theme = score.theme_of(cuts, 1, 15)
    assert theme.bars[0] in score.PROGRESSIONS["warm"]
    assert theme.bars[-2] in score.PROGRESSIONS["dark"]
    assert theme.bars[-1][0] == 0


def test_the_beat_is_the_tempo_of_the_pace() -> None:
    ears, theme = music("a city, fast, energetic", 10)
    assert theme.beat_s == pytest.approx(60 / 116)
    assert period_s(envelope(ears, 30, 90), 0.35, 0.75) == pytest.approx(theme.beat_s, rel=0.03)
    assert music("a city, slow, calm")[1].beat_s > 1.5 * theme.beat_s


def test_drama_has_drums() -> None:
    dramatic, theme = music("mountains, dramatic")
    calm, _ = music("mountains, romantic")
    course = envelope(dramatic, 30, 75)
    assert course.max() > 4 * np.median(course)
    assert power(dramatic, 30, 75) > 5 * power(calm, 30, 75)
    assert period_s(course, 1.5 * theme.beat_s, 2.5 * theme.beat_s) == pytest.approx(2 * theme.beat_s, rel=0.05)


def test_music_may_be_denied() -> None:
    assert music("a forest")[0].any()
    assert not music("a forest, no music")[0].any()


def test_an_instrument_that_is_named_leads() -> None:
    leads = ("music", "piano music", "pan flute music")
    plain, piano, flute = (music(f"a forest, cold, {lead}")[0] for lead in leads)
    for one, two in combinations((plain, piano, flute), 2):
        bands = [np.array([power(ears, low, 2 * low) for low in (320, 640, 1280)]) for ears in (one, two)]
        assert np.abs(10 * np.log10(bands[0] / bands[1])).max() > 2


def test_a_documentary_keeps_its_music_down() -> None:
    plain, told = (np.sqrt((music(p)[0] ** 2).mean()) for p in ("a forest", "a documentary of a forest"))
    assert told < 0.4 * plain


def test_music_runs_on_through_a_cut_in_one_key() -> None:
    cuts = board("Shot 1: a forest, warm. Cut to: a desert, warm.", 6)
    theme = score.theme_of(cuts, 1, 6)
    assert theme.key_hz == score.theme_of(cuts[:1], 1, 6).key_hz
    denied = tuple(
        replace(c, shot=replace(c.shot, without=("wind", "birds", "river", "water", "insects"))) for c in cuts
    )
    sound = compose(denied, 1, 6)
    levels = [sound[int(t * RATE) : int((t + 0.1) * RATE)].std() for t in (2.6, 2.8, 2.95, 3.1, 3.3)]
    assert min(levels) > 0.3 * max(levels)


def test_music_stops_only_in_the_shot_that_denies_it() -> None:
    cuts = board("Shot 1: a desert, warm. Cut to: a desert, no music.", 6)
    bare = tuple(replace(c, shot=replace(c.shot, without=(*c.shot.without, "wind", "insects"))) for c in cuts)
    sound = compose(bare, 1, 6)
    assert sound[int(4.5 * RATE) : int(5.0 * RATE)].std() < 0.05 * sound[int(1.0 * RATE) : int(2.5 * RATE)].std()


# Style


def test_an_old_film_has_a_narrow_band_and_dust() -> None:
    shot = replace(script.read("a river in the forest"), style="natural")
    old = replace(shot, style="vintage")
    plain, aged = (compose((Cut(s, 96),), 1, 4).T for s in (shot, old))
    for low, high in ((30, 80), (8000, 16_000)):
        change = power(aged, low, high) / power(aged, 300, 3000) / (power(plain, low, high) / power(plain, 300, 3000))
        assert decibels(change) < -4, (low, high)


def test_styles_bring_their_own_sound() -> None:
    sounds = {style: music(f"a city, {style}")[0] for style in ("noir", "neon", "anime", "natural")}
    for one, two in combinations(sounds.values(), 2):
        bands = [
            np.array([power(ears, low, 2 * low) for low in (40, 80, 160, 320, 640, 1280, 2560, 5120)])
            for ears in (one, two)
        ]
        assert np.abs(10 * np.log10(bands[0] / bands[1])).max() > 6


# Reference audio


def test_given_audio_is_kept_as_it_is_and_cut_at_the_end() -> None:
    rng = np.random.default_rng(1)
    given = (0.1 * rng.standard_normal((7 * RATE, 2))).astype(np.float32)
    sound = from_audio(given, 5)
    assert sound.shape == (5 * RATE, 2)
    assert sound.dtype == np.float32
    assert np.array_equal(sound[RATE : 4 * RATE], given[RATE : 4 * RATE])
    assert np.abs(sound[-20:]).max() < 1e-3, "fades out"


@pytest.mark.parametrize("length", [0, 1, 500, 2 * RATE])
def test_short_audio_is_followed_by_silence(length: int) -> None:
    given = np.full((length, 2), 0.5, np.float32)
    sound = from_audio(given, 4)
    assert sound.shape == (4 * RATE, 2)
    assert not sound[length:].any()
    assert np.abs(np.diff(sound[:, 0])).max() < 0.02, "and does not click"
    if length > RATE:
        assert sound[RATE, 0] == 0.5


def test_broken_audio_stays_within_bounds() -> None:
    given = np.array([[np.nan, np.inf], [-np.inf, 7.0], [0.1, -9.0]] * 4000, np.float32)
    sound = from_audio(given, 1)
    assert np.isfinite(sound).all()
    assert np.abs(sound).max() <= 1.0
