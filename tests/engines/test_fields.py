"""Every field of a request counts, measured on files as a customer gets them. `test_conformance` holds what all
engines promise; here is what the embedded one does besides. What is sent along has `test_fields_media`."""

from __future__ import annotations

import asyncio
import subprocess
import sys
from concurrent.futures import ThreadPoolExecutor
from dataclasses import replace
from pathlib import Path

import numpy as np
import psutil
import pytest
from numpy.typing import NDArray

from seedbed.engines import FPS, RenderRequest
from seedbed.engines.previz import Previz
from seedbed.engines.previz.film import Film
from seedbed.engines.previz.production import Production
from seedbed.engines.previz.references import motion
from tests.engines import films
from tests.engines.films import Made, Studio, soft
from tests.engines.test_conformance import seconds
from tests.engines.test_stills import ssim

Floats = NDArray[np.float32]
RIVER = RenderRequest(
    prompt="A river flowing through an autumn forest, aerial view", width=192, height=108, duration_s=4, seed=7,
    quality="mini",
)  # fmt: skip
LAKE = replace(RIVER, prompt="a lake below mountains, pan right", audio=False)
CANDLES = replace(RIVER, prompt="candles on a table in a dark room, push in", audio=False)


@pytest.fixture(scope="module")
def studio(tmp_path_factory: pytest.TempPathFactory) -> Studio:
    return Studio(Previz(), tmp_path_factory.mktemp("films"))


def detail(frames: Floats) -> float:
    """Mean energy of the Laplacian: how much fine detail there is."""
    laplacian = (
        4 * frames[:, 1:-1, 1:-1] - frames[:, :-2, 1:-1] - frames[:, 2:, 1:-1] - frames[:, 1:-1, :-2]
        - frames[:, 1:-1, 2:]
    )  # fmt: skip
    return float((laplacian**2).mean())


def drawn(request: RenderRequest, number: int) -> Floats:
    """The luma of a frame as it goes to the encoder, 0 … 255."""
    with ThreadPoolExecutor(2) as pool:
        film = Production(request, pool, lambda: None)
        luma = film.build(0, request.frame_count).draw(number, lambda: None)[0]
    return (luma.astype(np.float32) - 16) * np.float32(255 / 219)


def rms(a: Floats, b: Floats) -> float:
    """Root mean square difference."""
    return float(np.sqrt(((a - b) ** 2).mean()))


def steps(luma: Floats) -> Floats:
    """How much each frame but the first differs from the one before it."""
    return np.asarray(np.abs(np.diff(luma, axis=0)).mean((1, 2)))


def jumps(luma: Floats) -> list[int]:
    """The frames that begin another picture: they differ from the one before far more than their neighbours do."""
    step = np.pad(steps(luma), 1)
    around = np.maximum(step[:-2], step[2:])
    return [int(at) + 1 for at in np.flatnonzero(step[1:-1] > np.maximum(2.0 * around, 8.0))]


# Size and length


@pytest.mark.parametrize(("width", "height"), [(192, 82), (108, 192), (120, 120), (128, 96), (96, 128), (114, 86)])
def test_size_and_length_are_exact(studio: Studio, width: int, height: int) -> None:
    facts = films.facts(studio.film(replace(LAKE, width=width, height=height)).path)
    assert (facts.width, facts.height, facts.frames) == (width, height, 96)
    assert facts.video_s == pytest.approx(4.0, abs=1e-3)


def test_a_frame_in_4k_goes_through_the_pipeline(tmp_path: Path) -> None:
    request = replace(LAKE, width=3840, height=2160)
    with ThreadPoolExecutor(2) as pool:
        planes = Production(request, pool, lambda: None).build(0, request.frame_count).draw(40, lambda: None)
    with Film(tmp_path / "one.mp4", width=3840, height=2160, fps=FPS, quality="mini", sound=None) as film:
        film.add(*planes)
    (luma,) = films.greys(tmp_path / "one.mp4")
    assert luma.shape == (2160, 3840)
    assert luma.std() > 15
    assert detail(luma[None, 1200:1500, 1700:2200]) > 1.0, "drawn at this size, not blown up to it"


RENDER_AND_WEIGH = """
import asyncio, re, sys
from pathlib import Path
from seedbed.engines import RenderRequest, previz
request = RenderRequest(
    prompt="A river flowing through an autumn forest, aerial view", width=3840, height=2160, duration_s=1, seed=7
)
asyncio.run(previz.Previz().render(request, Path(sys.argv[1]), lambda share: None))
print(1024 * int(re.search(r"VmHWM:\\s+(\\d+) kB", Path("/proc/self/status").read_text())[1]))
"""
"""The peak is this program's own: `ru_maxrss` would begin with that of the process which started it."""


def test_a_film_in_4k_stays_within_its_memory(tmp_path: Path) -> None:
    """Frames are drawn and encoded one after another: the length changes nothing, `test_frames_are_not_kept`."""
    done = subprocess.run(
        [sys.executable, "-c", RENDER_AND_WEIGH, str(tmp_path)], capture_output=True, text=True, check=False
    )
    assert done.returncode == 0, done.stderr
    assert int(done.stdout) < 1.5 * 2**30


# Camera


@pytest.mark.parametrize("request_", [LAKE, CANDLES], ids=["lake", "candles"])
def test_a_fixed_lens_stands_while_the_world_moves(studio: Studio, request_: RenderRequest) -> None:
    fixed, free = studio.film(replace(request_, fixed_lens=True)), studio.film(request_)
    assert motion.path_of(fixed.path, 96).still
    assert not motion.path_of(free.path, 96).still, "the measure sees motion where there is some"
    restless = fixed.luma.std(0)
    assert (restless > 3).mean() > 0.02, "water, clouds or flames move"
    assert (restless < 2).mean() > 0.4, "and what is fast stands"
    assert fixed.plan["fixed_lens"] is True


# Seed


def test_another_seed_is_another_world(studio: Studio) -> None:
    one, other = studio.film(RIVER), studio.film(replace(RIVER, seed=8))
    assert np.corrcoef(soft(one.luma[0]).ravel(), soft(other.luma[0]).ravel())[0, 1] < 0.9
    assert np.abs(one.luma[0] - other.luma[0]).mean() > 6
    assert (one.plan["seed"], other.plan["seed"]) == (7, 8)


# Quality


def test_a_better_quality_is_nearer_to_the_truth_and_shows_the_same(studio: Studio) -> None:
    """The truth is the same frame drawn with sixteen times as many pixels."""
    request = replace(RIVER, width=320, height=180, duration_s=1, audio=False, fixed_lens=True)
    truth = soft(drawn(replace(request, width=1280, height=720, quality="pro"), 0), 4).astype(np.float32)
    near, lost, shows = [], [], []
    for quality in ("mini", "standard", "pro"):
        tier = replace(request, quality=quality)  # type: ignore[arg-type]
        luma = studio.film(tier).luma
        near.append(ssim(luma[0], truth))
        lost.append(rms(luma[0], drawn(tier, 0)))
        shows.append([soft(luma[number]).ravel() for number in (0, 12, 23)])
    assert near[0] < near[1] < near[2], "finer maps and more rays"
    assert lost[0] > lost[1] > lost[2], "and the encoder keeps more of what was drawn"
    for number in range(3):
        for other in (0, 1):
            assert np.corrcoef(shows[other][number], shows[2][number])[0, 1] >= 0.9


# Channels


def test_a_channel_never_overrides_the_prompt(studio: Studio) -> None:
    told = replace(RIVER, prompt="A dramatic watercolour of a river in the forest, slow camera")
    plain = studio.film(told)
    for channel in ("real", "wild"):
        made = studio.film(replace(told, channel=channel))  # type: ignore[arg-type]
        assert made.sha256 == plain.sha256
        assert (made.plan["channel"], made.plan["style"]) == (channel, "watercolour")


def test_the_real_channel_is_a_documentary(studio: Studio) -> None:
    plain, real = studio.film(RIVER), studio.film(replace(RIVER, channel="real"))
    assert (plain.plan["channel"], plain.plan["style"]) == ("standard", "natural")
    assert (real.plan["channel"], real.plan["style"]) == ("real", "documentary")
    assert np.ptp(real.colours[::12], axis=3).mean() < 0.9 * np.ptp(plain.colours[::12], axis=3).mean()
    assert np.corrcoef(soft(plain.luma[0]).ravel(), soft(real.luma[0]).ravel())[0, 1] > 0.9, "the same place"


def test_the_wild_channel_is_bold_fast_and_follows_the_seed(studio: Studio) -> None:
    plain = studio.film(RIVER)
    wild = [studio.film(replace(RIVER, channel="wild", seed=seed)) for seed in (7, 8)]
    for made in wild:
        assert made.plan["style"] not in ("natural", "documentary")
        assert made.plan["moods"]
        assert made.plan["pace"] == "fast"
    assert len({(made.plan["style"], *made.plan["moods"]) for made in wild}) == 2
    assert np.abs(wild[0].colours[0] - plain.colours[0]).mean() > 0.03
    turn = replace(RIVER, prompt="a mountain valley, pan right", audio=False)
    ways = [np.ptp(motion.path_of(studio.film(one).path, 96).pan_x) for one in (replace(turn, channel="wild"), turn)]
    assert ways[0] > 1.2 * ways[1], "farther in the same time"


def test_a_channel_leaves_what_is_denied(tmp_path: Path) -> None:
    with ThreadPoolExecutor(1) as pool:
        for seed in range(12):
            request = replace(RIVER, prompt="a river, no neon, not anime", channel="wild", seed=seed)
            assert Production(request, pool, lambda: None).plan["style"] not in ("neon", "anime")


# Sound


def test_sound_is_heard_all_along_or_not_at_all(studio: Studio) -> None:
    loud, mute = studio.film(RIVER), studio.film(replace(RIVER, audio=False))
    assert films.facts(loud.path).audio_codec == "aac"
    assert films.facts(mute.path).audio_codec is None
    heard = films.sound(loud.path)[: 4 * 48_000].reshape(4, 48_000, 2)
    levels = 10 * np.log10((heard.astype(np.float64) ** 2).mean((1, 2)) + 1e-12)
    assert levels.min() > -45, "dB of full scale"
    assert levels.max() < -6
    assert np.array_equal(loud.luma, mute.luma), "the picture is the same"


# The prompt


def test_shots_come_in_their_order_at_their_frames(studio: Studio) -> None:
    prompt = "Shot 1 (1 s): a snowy mountain. Shot 2 (2 s): a red desert at sunset. Shot 3: a city street at night."
    made = studio.film(replace(RIVER, prompt=prompt, audio=False))
    assert jumps(made.luma) == [24, 72]
    shots = made.plan["shots"]
    assert [shot["frames"] for shot in shots] == [24, 48, 24]
    assert [shot["place"] for shot in shots] == ["mountain", "desert", "city"]
    for shot in shots:
        assert {"notes", "known", "unknown", "move", "style", "subjects"} <= set(shot)
    snow, desert, night = (made.colours[number] for number in (12, 48, 84))
    assert desert[..., 0].mean() > desert[..., 2].mean() + 0.1, "red"
    assert snow.mean() > night.mean() + 0.15


def test_noir_has_no_colour(studio: Studio) -> None:
    noir = studio.film(replace(RIVER, prompt=RIVER.prompt + ", film noir", audio=False))
    assert noir.plan["style"] == "noir"
    assert np.ptp(noir.colours[::8], axis=3).max() <= 0.035
    assert np.ptp(studio.film(RIVER).colours[::8], axis=3).mean() > 0.1


def test_an_unknown_word_changes_the_picture_and_the_plan_says_so(studio: Studio) -> None:
    plain = studio.film(RIVER)
    strange = studio.film(replace(RIVER, prompt=RIVER.prompt + ", zorblax quinterly"))
    assert plain.plan["unknown"] == []
    assert strange.plan["unknown"] == ["zorblax", "quinterly"]
    assert any("zorblax" in note for note in strange.plan["notes"])
    assert np.abs(plain.luma[0] - strange.luma[0]).mean() > 6


# The run


def watched(request: RenderRequest, folder: Path) -> tuple[NDArray[np.float64], ...]:
    """The shares that a render told, and after how many seconds and at how many bytes of memory it did."""
    told: list[tuple[float, float, int]] = []
    process = psutil.Process()

    def progress(share: float) -> None:
        told.append((share, seconds(), process.memory_info().rss))

    asyncio.run(Previz().render(request, folder, progress))
    return tuple(np.array(row, np.float64) for row in zip(*told, strict=True))


def test_progress_is_even_over_several_shots(tmp_path: Path) -> None:
    prompt = "Shot 1: a desert. Shot 2: a snowy mountain lake. Shot 3: a meadow in the fog."
    shares, spent, _ = watched(replace(RIVER, prompt=prompt, width=320, height=180, duration_s=15), tmp_path)
    assert len(shares) >= 6
    time = (spent - spent[0]) / (spent[-1] - spent[0])
    assert np.abs(shares - time).max() < 0.2, "the share that is told is the share of the time that is over"


def test_frames_are_not_kept(tmp_path: Path) -> None:
    request = replace(RIVER, prompt="a desert", width=480, height=270, duration_s=15)
    shares, _, memory = watched(request, tmp_path)
    frames = 1.5 * request.width * request.height * request.frame_count
    late, early = memory[shares >= 0.75].max(), memory[(shares > 0.1) & (shares < 0.35)].max()
    assert late - early < 0.25 * frames, "about half of the frames were drawn in between"


def test_a_film_shows_what_is_asked_without_a_seam(studio: Studio) -> None:
    """Within a shot no frame jumps."""
    made: Made = studio.film(RIVER)
    assert jumps(made.luma) == []
