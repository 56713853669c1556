"""The catalogue: the contract's prices to the credit, pixels, and mistakes told with their line."""

from __future__ import annotations

import math
from decimal import Decimal
from fractions import Fraction
from pathlib import Path
from typing import get_args

import pytest
from hypothesis import given
from hypothesis import strategies as st

from seedbed import catalogue
from seedbed.catalogue import price
from seedbed.dialects import DIALECTS
from seedbed.errors import ConfigError
from tests.test_tasks import priced

BUILT_IN = catalogue.load()

# Prices ----------------------------------------------------------------------------------------------------------

PRICES = """
    seedance-2.0       text_to_video    4    8     16
    seedance-2.0       image_to_video   6.4  12.8  25.6
    seedance-2.0-fast  text_to_video    2.5  5     10
    seedance-2.0-fast  image_to_video   4    8     16
    seedance-1.5-pro   text_to_video    2    4     8
    seedance-1.5-pro   image_to_video   3.2  6.4   12.8
"""
"""Credits a second at 480p, 720p and 1080p, as the contract has them."""

TABLE = {tuple(line.split()[:2]): tuple(line.split()[2:]) for line in PRICES.strip().splitlines()}


STUDIO = {
    "mini": {"720p": "2.2", "1080p": "4.8"},
    "standard": {"720p": "6", "1080p": "14.5"},
    "pro": {"720p": "11", "1080p": "24", "1080p-plus": "36", "4k": "60"},
}


def test_every_price_of_the_studio_api_and_no_other() -> None:
    assert {model.quality: model.resolutions("text_to_video") for model in BUILT_IN.sold_by("studio")} == {
        tier: tuple(rates) for tier, rates in STUDIO.items()
    }
    for model in BUILT_IN.sold_by("studio"):
        assert model.durations_s == tuple(range(4, 16))
        assert model.aspect_ratios == ("1:1", "21:9", "4:3", "3:4", "16:9", "9:16", "adaptive")
        for mode in ("text_to_video", "image_to_video"):
            for resolution, rate in STUDIO[model.quality].items():
                for duration_s in model.durations_s:
                    exact = Fraction(rate) * duration_s
                    assert price(model, mode, resolution, duration_s) == math.ceil(exact)  # type: ignore[arg-type]


def test_every_price_of_the_contract_and_no_other() -> None:
    found = {(model.id, mode): model.resolutions(mode) for model in BUILT_IN.sold_by("open") for mode in model.modes}
    assert found == dict.fromkeys(TABLE, ("480p", "720p", "1080p"))
    for (model_id, mode), rates in TABLE.items():
        model = BUILT_IN.by_id[model_id]
        assert model.durations_s == ((5, 10) if model_id == "seedance-1.5-pro" else tuple(range(4, 16)))
        for resolution, rate in zip(("480p", "720p", "1080p"), rates, strict=True):
            for duration_s in model.durations_s:
                exact = Fraction(rate) * duration_s
                assert price(model, mode, resolution, duration_s) == math.ceil(exact)  # type: ignore[arg-type]


@pytest.mark.parametrize(
    ("model_id", "mode", "duration_s", "credits"),
    [
        ("seedance-2.0", "text_to_video", 5, 40),
        ("seedance-2.0", "image_to_video", 5, 64),
        ("seedance-2.0-fast", "image_to_video", 8, 64),
    ],
)
def test_the_prices_that_the_documents_print(model_id: str, mode: str, duration_s: int, credits: int) -> None:
    assert price(BUILT_IN.by_id[model_id], mode, "720p", duration_s) == credits  # type: ignore[arg-type]


def test_dollars_a_second() -> None:
    model = BUILT_IN.by_id["seedance-2.0"]
    told = [BUILT_IN.usd_per_second(model, "image_to_video", size) for size in ("480p", "720p", "1080p")]
    assert told == [Decimal("0.05"), Decimal("0.10"), Decimal("0.20")]


@given(milli=st.integers(0, 10**7), duration_s=st.integers(1, 60))
def test_a_price_is_rounded_up_once(milli: int, duration_s: int) -> None:
    rate = Decimal(milli) / 1000
    found = price(priced(str(rate)), "text_to_video", "720p", duration_s)
    assert found == math.ceil(Fraction(milli, 1000) * duration_s)
    assert type(found) is int


def test_a_mode_or_resolution_that_is_not_sold_has_no_price() -> None:
    model = BUILT_IN.by_id["seedance-2.0"]
    for mode, resolution in (("text_to_video", "4k"), ("video_to_video", "720p")):
        with pytest.raises(KeyError):
            price(model, mode, resolution, 5)  # type: ignore[arg-type]


def test_a_model_is_found_by_every_name_that_a_dialect_gives_it() -> None:
    for name in ("doubao-seedance-2-0-260128", "dreamina-seedance-2-0-260128", "ark-seedance-2.0"):
        assert BUILT_IN.find("ark", name) is BUILT_IN.by_id["ark-seedance-2.0"]
    assert BUILT_IN.find("openai", "sora-2") is BUILT_IN.by_id["videos-standard"]
    assert BUILT_IN.find("openai", "sora-2-pro") is BUILT_IN.by_id["videos-pro"]
    assert BUILT_IN.find("open", "seedance-2.0") is BUILT_IN.by_id["seedance-2.0"]
    for dialect, name in (("open", "sora-2"), ("openai", "seedance-2.0"), ("ark", "sora-2"), ("ark", "")):
        assert BUILT_IN.find(dialect, name) is None
    assert BUILT_IN.by_id["seedance-2.0"].names_in("open") == ("seedance-2.0",)


def test_ark_costs_what_the_open_api_costs() -> None:
    for model in BUILT_IN.sold_by("open"):
        same = BUILT_IN.by_id[f"ark-{model.id}"]
        for mode in model.modes:
            for resolution in model.resolutions(mode):
                assert price(same, mode, resolution, 5) == price(model, mode, resolution, 5)


# Pixels ----------------------------------------------------------------------------------------------------------

RATIOS = ["1:1", "21:9", "4:3", "3:4", "16:9", "9:16", "9:21", "7:4", "4:7"]


@pytest.mark.parametrize(
    ("resolution", "ratio", "size"),
    [
        ("480p", "16:9", (854, 480)),
        ("480p", "9:16", (480, 854)),
        ("480p", "1:1", (480, 480)),
        ("720p", "16:9", (1280, 720)),
        ("720p", "4:3", (960, 720)),
        ("720p", "21:9", (1680, 720)),
        ("1080p", "16:9", (1920, 1080)),
        ("1080p", "9:21", (1080, 2520)),
        ("1080p-plus", "16:9", (2560, 1440)),
        ("4k", "16:9", (3840, 2160)),
        ("4k", "3:4", (2160, 2880)),
        ("1024p", "7:4", (1792, 1024)),
        ("1024p", "4:7", (1024, 1792)),
    ],
)
def test_sizes_that_the_contract_lists(resolution: str, ratio: str, size: tuple[int, int]) -> None:
    assert catalogue.pixels(resolution, ratio) == size


@given(resolution=st.sampled_from(list(catalogue.SHORT_SIDE)), across=st.integers(1, 99), down=st.integers(1, 99))
def test_every_size_is_even_and_as_near_as_can_be(resolution: str, across: int, down: int) -> None:
    width, height = catalogue.pixels(resolution, f"{across}:{down}")
    assert width % 2 == height % 2 == 0
    assert min(width, height) == catalogue.SHORT_SIDE[resolution]
    assert (width >= height) == (across >= down)
    exact = Fraction(max(across, down), min(across, down)) * catalogue.SHORT_SIDE[resolution]
    assert abs(max(width, height) - exact) <= 1


@given(
    resolution=st.sampled_from(list(catalogue.SHORT_SIDE)),
    width=st.integers(1, 10_000),
    height=st.integers(1, 10_000),
)
def test_adaptive_follows_a_medium_within_bounds(resolution: str, width: int, height: int) -> None:
    found = catalogue.pixels(resolution, catalogue.ADAPTIVE, like=(width, height))
    ratio = min(max(Fraction(width, height), Fraction(9, 21)), Fraction(21, 9))
    assert all(side % 2 == 0 for side in found)
    assert min(found) == catalogue.SHORT_SIDE[resolution]
    assert abs(max(found) - max(ratio, 1 / ratio) * min(found)) <= 1
    assert found[0] == found[1] or (found[0] > found[1]) == (ratio > 1), "a hair's breadth from a square is a square"


def test_adaptive_without_a_medium_is_wide() -> None:
    assert catalogue.pixels("720p", catalogue.ADAPTIVE) == (1280, 720)
    assert catalogue.pixels("720p", "1:1", like=(9, 16)) == (720, 720), "a ratio that is named stands"


def test_a_model_can_be_sold_through_every_dialect_and_no_other() -> None:
    assert set(DIALECTS) <= set(get_args(catalogue.Dialect))


def test_all_that_is_sold_has_a_size() -> None:
    for model in BUILT_IN.model:
        for ratio in model.aspect_ratios:
            for resolution in {size for mode in model.modes for size in model.resolutions(mode)}:
                assert ratio in [*RATIOS, catalogue.ADAPTIVE]
                assert all(side % 2 == 0 for side in catalogue.pixels(resolution, ratio))


# Mistakes --------------------------------------------------------------------------------------------------------

GOOD = """\
# A file with two models, so that a line must be found in the right one.
credits_per_usd = 100

# [[model]] in a comment is none.
[[model]]
id = "one"
title = "First"
dialects = ["open"]
durations_s = [5]
aspect_ratios = ["16:9"]
engines = ["previz"]

[model.credits_per_second.text_to_video]
480p = "4"
720p = "8"

[[model]]
id = "two"
title = "Second"
dialects = ["open"]
durations_s = [
  5,
  10,
]
aspect_ratios = ["16:9", "1:1"]
engines = ["previz"]
quality = "mini"
references = false

[model.credits_per_second.text_to_video]
480p = "2.5"
720p = "5"

[model.credits_per_second.image_to_video]
1080p-plus = "0.001"
"""

MISTAKES = {
    # what is replaced (in its last place) → by what; the line that must be named; words that must be there
    "no dollars": ("credits_per_usd = 100", "", 1, "credits_per_usd"),
    "worthless credits": ("credits_per_usd = 100", "credits_per_usd = 0", 2, "greater than 0"),
    "dollars in words": ("credits_per_usd = 100", 'credits_per_usd = "many"', 2, "integer"),
    "an unknown setting": ("credits_per_usd = 100", 'credits_per_usd = 100\ncurrency = "EUR"', 3, "currency"),
    "an id in capitals": ('id = "two"', 'id = "Two"', 18, "model.2.id"),
    "an id twice": ('id = "two"', 'id = "one"', 18, "'one' is used twice"),
    "no id": ('id = "two"\n', "", 17, "model.2.id"),
    "no title": ('title = "First"\n', "", 5, "model.1.title"),
    "a title that is a number": ('title = "Second"', "title = 2", 19, "model.2.title"),
    "a misspelt dialect": (
        'dialects = ["open"]',
        'dialects = ["opne"]',
        20,
        "model.2.dialects.1: Input should be 'open'",
    ),
    "sold nowhere": ('dialects = ["open"]', "dialects = []", 20, "model.2.dialects"),
    "no durations": ("durations_s = [5]", "durations_s = []", 9, "model.1.durations_s"),
    "a duration of nothing": ("durations_s = [5]", "durations_s = [0]", 9, "greater than or equal to 1"),
    "a duration of hours": ("durations_s = [5]", "durations_s = [5, 3600]", 9, "model.1.durations_s.2"),
    "half a second": ("  10,", "  10.5,", 21, "model.2.durations_s.2"),
    "a ratio with an x": ('["16:9", "1:1"]', '["16:9", "1x1"]', 25, "model.2.aspect_ratios.2"),
    "a ratio of nothing": ('["16:9", "1:1"]', '["0:9"]', 25, "model.2.aspect_ratios.1"),
    "no engines": ('engines = ["previz"]', "engines = []", 26, "model.2.engines"),
    "an unknown engine": ('engines = ["previz"]', 'engines = ["previs"]', 26, "known are previz"),
    "an unknown quality": ('quality = "mini"', 'quality = "best"', 27, "'mini', 'standard' or 'pro'"),
    "references, perhaps": ("references = false", 'references = "perhaps"', 28, "model.2.references"),
    "an unknown field": ('quality = "mini"', 'colour = "red"', 27, "model.2.colour"),
    "a rate without quotes": ('480p = "2.5"', "480p = 2.5", 31, "write the rate as text"),
    "a rate in words": ('720p = "5"', '720p = "five"', 32, "'five' is not a number"),
    "a rate below zero": ('720p = "8"', '720p = "-8"', 15, "zero or more"),
    "a rate too fine": ('1080p-plus = "0.001"', '1080p-plus = "0.0001"', 35, "thousandth"),
    "an endless rate": ('480p = "4"', '480p = "Infinity"', 14, "zero or more"),
    "a rate that is no number": ('480p = "4"', '480p = "NaN"', 14, "zero or more"),
    "an unknown resolution": ('1080p-plus = "0.001"', '8k = "0.001"', 35, "8k"),
    "an unknown mode": ("second.image_to_video", "second.audio_to_video", 34, "audio_to_video"),
    "no prices": (
        '[model.credits_per_second.image_to_video]\n1080p-plus = "0.001"',
        '[[model]]\nid = "three"\ntitle = ""\ndialects = ["open"]\ndurations_s = [5]\naspect_ratios = ["1:1"]\n'
        'engines = ["previz"]\ncredits_per_second = {}',
        41,
        "model.3.credits_per_second",
    ),
    "a price in one line": (
        '[model.credits_per_second.image_to_video]\n1080p-plus = "0.001"',
        '[[ model ]]\nid = "three"\ntitle = ""\ndialects = ["open"]\ndurations_s = [5]\naspect_ratios = ["1:1"]\n'
        'engines = ["previz"]\ncredits_per_second.text_to_video.720p = "x"',
        41,
        "model.3.credits_per_second.text_to_video.720p",
    ),
    "a name of a dialect that has none": (
        'quality = "mini"',
        'quality = "mini"\nnames.studio = ["x"]',
        28,
        "model.2.names.studio",
    ),
    "a name where it is not sold": ('quality = "mini"', 'names.ark = ["x"]', 27, "is not sold there"),
    "a name of blanks": ('quality = "mini"', 'names.ark = [" "]', 27, "model.2.names.ark.1"),
    "a name twice": (
        'dialects = ["open"]\ndurations_s = [\n',
        'dialects = ["ark"]\nnames.ark = ["x", "two"]\ndurations_s = [\n',
        21,
        "the name 'two' is used twice for 'ark'",
    ),
    "no TOML": ('quality = "mini"', "quality: mini", 27, "Expected"),
    "a key twice": ('quality = "mini"', 'title = "Second"', 27, "overwrite"),
    "an open string": ('quality = "mini"', 'quality = "mini', 27, ""),
}


@pytest.mark.parametrize("mistake", MISTAKES)
def test_a_mistake_is_told_with_its_line(tmp_path: Path, mistake: str) -> None:
    old, new, line, words = MISTAKES[mistake]
    head, found, tail = GOOD.rpartition(old)
    assert found
    path = tmp_path / "mine.toml"
    path.write_text(head + new + tail)
    with pytest.raises(ConfigError) as refused:
        catalogue.load(path)
    told = str(refused.value)
    assert told.startswith(f"{path}:{line}: ") or (told.startswith(f"{path}: ") and f"(at line {line}," in told), told
    assert words in told


def test_every_mistake_is_told_at_once(tmp_path: Path) -> None:
    path = tmp_path / "mine.toml"
    path.write_text(GOOD.replace('id = "one"', 'id = "One"').replace('720p = "5"', '720p = "five"'))
    with pytest.raises(ConfigError) as refused:
        catalogue.load(path)
    assert [line.split(":")[1] for line in str(refused.value).splitlines()] == ["6", "32"]


def test_a_good_file_is_taken_as_it_stands(tmp_path: Path) -> None:
    path = tmp_path / "mine.toml"
    path.write_text(GOOD)
    found = catalogue.load(path)
    assert [model.id for model in found.model] == ["one", "two"]
    assert found.by_id["two"].modes == ("text_to_video", "image_to_video")
    assert price(found.by_id["two"], "image_to_video", "1080p-plus", 5) == 1
    assert (found.by_id["two"].references, found.by_id["one"].references) == (False, True)
    assert found.sold_by("studio") == ()


def test_a_file_that_cannot_be_read_is_named(tmp_path: Path) -> None:
    binary = tmp_path / "binary.toml"
    binary.write_bytes(b"\xff\xfe")
    for path in (tmp_path / "nothing.toml", tmp_path, binary):
        with pytest.raises(ConfigError, match="cannot be read") as refused:
            catalogue.load(path)
        assert str(refused.value).startswith(f"{path}: ")
