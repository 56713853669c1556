"""The reader of prompts: what it understands, in which languages, what it leaves out, and how it cuts shots."""

from __future__ import annotations

import json
import tomllib
from itertools import pairwise
from pathlib import Path

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from seedbed.engines.previz import script as words
from seedbed.engines.previz.script import Shot, lexicon, meaning, tongue

FPS = 24


def fields(prompt: str, *names: str) -> dict[str, object]:
    shot = words.read(prompt)
    return {name: getattr(shot, name) for name in names}


def shots(prompt: str, frames: int = 240) -> list[Shot]:
    return [cut.shot for cut in words.storyboard(prompt, frames=frames, fps=FPS)]


# English


@pytest.mark.parametrize(
    ("prompt", "expected"),
    [
        ("a jungle at noon", {"place": "jungle", "setting": "jungle", "time": "day"}),
        ("a skyline of skyscrapers", {"place": "city"}),
        ("volcanoes", {"place": "volcano", "setting": "volcano"}),
        ("drifting among galaxies in outer space", {"place": "space", "time": "night"}),
        ("coral reefs underwater", {"place": "underwater"}),
        ("a cosy kitchen", {"place": "interior", "moods": ("warm",)}),
        ("wolves howling in the snowy forests", {"place": "forest", "season": "winter", "subjects": ("dog", "trees")}),
        ("it snows over the valleys", {"weather": "snow", "season": "winter"}),
        ("raining all day", {"weather": "rain"}),
        ("the calmest lake", {"pace": "slow", "water": "lake"}),
        ("a road through the desert", {"place": "desert"}),
        ("a tree on the beach", {"place": "coast"}),
        ("in the fall, a park", {"season": "autumn"}),
        ("golden hour over vineyards", {"time": "sunset", "place": "meadow"}),
        ("sea of clouds", {"weather": "fair", "water": "river"}),
        ("people, horses and butterflies", {"subjects": ("people", "horse", "animals")}),
        ("the surfer's beach", {"place": "coast", "subjects": ("people",)}),
        ("Ｓｎｏｗｙ　ＦＯＲＥＳＴ", {"place": "forest", "season": "winter"}),
        ("a fórest at níght", {"place": "forest", "time": "night"}),
    ],
)
def test_english_is_read_in_its_forms(prompt: str, expected: dict[str, object]) -> None:
    assert fields(prompt, *expected) == expected


@pytest.mark.parametrize(
    ("prompt", "move", "sense", "aerial"),
    [
        ("aerial shot of a meadow", "flight", 1, True),
        ("drone footage", "flight", 1, True),
        ("the camera dollies in", "dolly", 1, False),
        ("a slow dolly out", "dolly", -1, False),
        ("the camera slowly pulls back", "dolly", -1, False),
        ("truck left", "truck", -1, True),
        ("tracking along the shore", "tracking", 1, False),
        ("track left", "truck", -1, True),
        ("the camera pans slowly to the left", "pan", -1, True),
        ("panning right", "pan", 1, True),
        ("pan from right to left", "pan", -1, True),
        ("tilting down", "tilt", -1, True),
        ("tilt up", "tilt", 1, True),
        ("crane shot, crane up", "crane", 1, True),
        ("the camera descends", "crane", -1, True),
        ("orbiting the tower counterclockwise", "orbit", -1, True),
        ("zooms in", "zoom", 1, True),
        ("zooming slowly out", "zoom", -1, True),
        ("handheld", "handheld", 1, False),
        ("static shot", "static", 1, False),
        ("locked-off camera", "static", 1, False),
        ("no camera movement", "static", 1, False),
        ("a tracking shot", "tracking", 1, False),
        ("first-person view", "first_person", 1, False),
        ("POV", "first_person", 1, False),
        ("low angle, zoom in", "zoom", 1, False),
        ("aerial tracking shot", "tracking", 1, True),
    ],
)
def test_the_language_of_the_camera(prompt: str, move: str, sense: int, aerial: bool) -> None:
    shot = words.read(prompt)
    assert (shot.move, shot.sense, shot.aerial) == (move, sense, aerial)


def test_tempo_and_a_hand_that_holds_the_camera() -> None:
    assert fields("slow-motion waves", "tempo", "pace") == {"tempo": "slow_motion", "pace": "normal"}
    assert fields("a time-lapse of clouds", "tempo", "move") == {"tempo": "time_lapse", "move": "static"}
    assert fields("hyperlapse through a city", "tempo", "move") == {"tempo": "hyperlapse", "move": "flight"}
    assert fields("handheld tracking shot", "move", "handheld") == {"move": "tracking", "handheld": True}


@pytest.mark.parametrize(
    ("style", "prompt"),
    [
        ("cinematic", "cinematic lighting"), ("anime", "in anime style"), ("noir", "black-and-white"),
        ("noir", "film noir"), ("vintage", "8mm vintage film"), ("vhs", "VHS tape"), ("watercolour", "a watercolor"),
        ("oil", "an oil painting"), ("comic", "comic book"), ("neon", "cyberpunk"), ("pastel", "pastel colours"),
        ("documentary", "nature documentary"), ("natural", "photorealistic"), ("natural", "cinematic motion"),
    ],
)  # fmt: skip
def test_styles_are_heard(style: str, prompt: str) -> None:
    assert words.read(prompt).style == style


@pytest.mark.parametrize(
    ("prompt", "expected"),
    [
        ("a pickup truck", {"move": "flight", "subjects": ("car",)}),
        ("two white cranes", {"move": "flight", "subjects": ("birds",)}),
        ("a frying pan", {"move": "flight", "subjects": ("food",)}),
        ("drones", {"aerial": False, "subjects": ("plane",), "move": "flight"}),
        ("snow leopard", {"weather": "fair", "subjects": ("cat",)}),
        ("leaves falling in July", {"season": "summer"}),
        ("you may march", {"season": "summer"}),
        ("a still life", {"move": "flight", "pace": "normal"}),
        ("towering cliffs in streaming light", {"place": "mountain", "water": "none"}),
        ("caterers and dogged carpets", {"subjects": ()}),
        ("seasoned oceanographers", {"water": "river"}),
        ("planets in orbit", {"place": "space", "move": "flight"}),
    ],
)
def test_words_that_look_like_others_do_not_count_as_them(prompt: str, expected: dict[str, object]) -> None:
    assert fields(prompt, *expected) == expected


# No


@pytest.mark.parametrize(
    ("prompt", "without", "expected"),
    [
        ("a beach with no people", ("people",), {"place": "coast", "subjects": ()}),
        ("mountains without clouds", ("clouds",), {"weather": "clear", "place": "mountain"}),
        ("not snowing, a forest", ("snow",), {"weather": "fair", "place": "forest"}),
        ("no people, cars, or buildings in the valley at night", ("car", "people"), {"time": "night", "subjects": ()}),
        ("no people in the forest", ("people",), {"place": "forest"}),
        ("a meadow without trees", ("trees",), {"place": "meadow"}),
        ("no rain but snow", ("rain",), {"weather": "snow"}),
        ("a cloud-free desert", ("clouds",), {"weather": "clear", "place": "desert"}),
        ("it isn't raining on the lake", ("rain",), {"weather": "fair", "water": "lake"}),
        ("without people and cars, a river in autumn", ("car", "people"), {"water": "river", "season": "autumn"}),
        ("no people and a horse", ("people",), {"subjects": ("horse",)}),
        ("a forest, no river, no water", ("river", "water"), {"water": "none"}),
        ("nobody on the beach", ("people",), {"place": "coast"}),
        ("never-ending dunes", (), {"place": "desert"}),
        ("不要下雨，海滩没有人", ("people", "rain"), {"weather": "fair", "place": "coast"}),
        ("无人的沙漠", ("people",), {"place": "desert"}),
        ("лес без людей и снега", ("people", "snow"), {"place": "forest"}),
        ("снег не идёт в лесу", ("snow",), {"weather": "fair", "place": "forest"}),
        ("the river does not end in the forest", (), {"water": "river", "place": "forest"}),
        ("bulutsuz dağlar, insan yok", ("clouds", "people"), {"weather": "clear", "place": "mountain"}),
        ("plaża bez ludzi i chmur", ("clouds", "people"), {"place": "coast", "weather": "clear"}),
    ],
)
def test_what_is_denied_is_left_out(prompt: str, without: tuple[str, ...], expected: dict[str, object]) -> None:
    shot = words.read(prompt)
    assert shot.without == without
    assert fields(prompt, *expected) == expected


def test_denying_a_move_or_a_style_takes_it_away() -> None:
    assert words.read("zoom").move == "zoom"
    assert words.read("no zoom").move == "flight"
    assert words.read("not anime").style == "natural"
    assert words.read("no night").time != "night"


# Other languages


@pytest.mark.parametrize(
    ("prompt", "expected"),
    [
        ("河流穿过秋天的森林，航拍，电影感",
         {"water": "river", "season": "autumn", "place": "forest", "aerial": True, "style": "cinematic"}),
        ("雪山上的日出，镜头推进",
         {"place": "mountain", "season": "winter", "time": "sunrise", "move": "dolly", "sense": 1}),
        ("夕陽下的海灘，鳥瞰", {"time": "sunset", "place": "coast", "aerial": True}),
        ("赛博朋克城市夜景，霓虹灯，慢动作",
         {"place": "city", "time": "night", "style": "neon", "tempo": "slow_motion"}),
        ("向左摇，草原上的马", {"move": "pan", "sense": -1, "place": "meadow", "subjects": ("horse",)}),
        ("Осенний лес, река, вид с воздуха",
         {"season": "autumn", "place": "forest", "water": "river", "aerial": True}),
        ("в горах идёт снег ночью", {"place": "mountain", "weather": "snow", "time": "night"}),
        ("туманное утро над озером", {"weather": "fog", "time": "sunrise", "water": "lake"}),
        ("панорама вправо, пустыня на закате",
         {"move": "pan", "sense": 1, "place": "desert", "time": "sunset"}),
        ("Sonbaharda ormandan akan nehir, kuş bakışı",
         {"season": "autumn", "place": "forest", "water": "river", "aerial": True}),
        ("KIŞIN KARLI DAĞLARDA GECE",
         {"season": "winter", "weather": "snow", "place": "mountain", "time": "night"}),
        ("İSTANBUL'da yağmurlu bir akşam, siyah beyaz",
         {"place": "city", "weather": "rain", "time": "sunset", "style": "noir"}),
        ("ağır çekim deniz dalgaları", {"tempo": "slow_motion", "water": "ocean"}),
        ("Rzeka płynąca przez jesienny las, widok z lotu ptaka",
         {"water": "river", "season": "autumn", "place": "forest", "aerial": True}),
        ("zimowe góry o wschodzie słońca", {"season": "winter", "place": "mountain", "time": "sunrise"}),
        ("mglisty poranek nad jeziorem", {"weather": "fog", "time": "sunrise", "water": "lake"}),
        ("czarno-biały film, ulice miasta nocą", {"style": "noir", "place": "city", "time": "night"}),
    ],
)  # fmt: skip
def test_other_languages_are_read(prompt: str, expected: dict[str, object]) -> None:
    assert fields(prompt, *expected) == expected


@pytest.mark.parametrize(
    ("prompt", "unwanted"),
    [
        ("无人机", {"without": ("people",)}),
        ("火车站", {"subjects": ("fire",)}),
        ("上海", {"water": "ocean"}),
        ("海报", {"water": "ocean"}),
        ("云南", {"weather": "cloudy"}),
        ("马上", {"subjects": ("horse",)}),
        ("山水画", {"place": "mountain"}),
        ("лестница", {"place": "forest", "known": ()}),
        ("гороскоп", {"place": "mountain"}),
        ("мороженое", {"water": "ocean"}),
        ("снегирь", {"weather": "snow"}),
        ("kararlı kartal", {"weather": "snow"}),
        ("gölge", {"water": "lake"}),
        ("dağıtım", {"place": "mountain"}),
        ("laska", {"subjects": ("trees",)}),
        ("gorący", {"place": "mountain"}),
        ("zimny", {"season": "winter"}),
        ("mostek", {"subjects": ("bridge",)}),
    ],
)
def test_look_alikes_of_other_languages(prompt: str, unwanted: dict[str, object]) -> None:
    # Several words, so that the language is plain, none of which says anything of the field in question.
    frame = {
        "cyrillic": "красиво, {}",
        "han": "美丽{}",
        "latin": "{} bir çok" if set(prompt) & set("ığö") else "bardzo {}",
    }
    shot = words.read(frame[tongue.tokens(prompt, 1)[0].script].format(prompt))
    for name, value in unwanted.items():
        if name == "place":
            assert meaning.understand(prompt).first("place") != value
        else:
            assert getattr(shot, name) != value


def test_one_language_does_not_speak_in_another() -> None:
    assert words.read("look at the lot near the pan ad").subjects == ()
    assert words.read("at, kar, dom, las, most of the park").weather == "fair"


# Words that are not known


def test_an_unknown_word_counts_by_its_hash_and_the_plan_says_so() -> None:
    plain, strange, other = (words.read(f"a river {more}") for more in ("", "zyxwv", "vwxyz"))
    assert plain.unknown == ()
    assert strange.unknown == ("zyxwv",)
    assert len({shot.salt for shot in (plain, strange, other)}) == 3
    assert len({shot.site for shot in (plain, strange, other)}) == 3
    assert any("zyxwv" in note and "not known" in note for note in strange.plan()["notes"])
    assert plain.plan()["notes"] == []


def test_what_is_understood_counts_and_what_is_not_drawn_is_told() -> None:
    plain, train, soup = (words.read(text) for text in ("a forest", "a train in a forest", "soup in a forest"))
    assert train.salt == plain.salt == soup.salt == 0
    assert len({plain.site, train.site, soup.site}) == 3
    assert train.plan()["notes"] == []
    assert any("food" in note for note in soup.plan()["notes"])


def test_the_plan_is_json_of_every_field() -> None:
    plan = words.read("a slow pan left over a foggy forest, no people").plan()
    assert json.loads(json.dumps(plan)) == plan
    assert plan["move"] == "pan"
    assert plan["without"] == ["people"]
    assert set(plan["known"]) == {"slow", "pan left", "foggy", "forest", "people"}


# Shots in order


@pytest.mark.parametrize(
    ("prompt", "expected"),
    [
        ("First a river, then a lake, finally the sea", ["river", "lake", "ocean"]),
        ("Shot 1: a river. Shot 2: a lake. Shot 3: the sea.", ["river", "lake", "ocean"]),
        ("Scene one - a river; scene two - a lake", ["river", "lake"]),
        ("[0-3s] a river [3-6s] a lake [6-10s] the sea", ["river", "lake", "ocean"]),
        ("0-4s: a river, 4-10s: a lake", ["river", "lake"]),
        ("0:00-0:05 a river 0:05-0:10 a lake", ["river", "lake"]),
        ("a river, cut to a lake", ["river", "lake"]),
        ("A river. Smash cut to: the sea", ["river", "ocean"]),
        ("a river dissolves to a lake", ["river", "lake"]),
        ("镜头一：河流。镜头二：湖泊。镜头三：大海", ["river", "lake", "ocean"]),
        ("首先是河流，然后是湖泊，最后是大海", ["river", "lake", "ocean"]),
        ("Кадр 1: река. Кадр 2: озеро", ["river", "lake"]),
        ("сначала река, затем озеро, потом море", ["river", "lake", "ocean"]),
        ("önce nehir, sonra göl", ["river", "lake"]),
        ("najpierw rzeka, potem jezioro", ["river", "lake"]),
        ("a river", ["river"]),
        ("back then a river", ["river"]),
        ("10-15 people at a river", ["river"]),
        ("a river, then it goes on", ["river"]),
        ("the first snow on a river", ["river"]),
    ],
)
def test_shots_are_found_in_order(prompt: str, expected: list[str]) -> None:
    assert [shot.water for shot in shots(prompt)] == expected


@pytest.mark.parametrize(
    ("prompt", "frames", "expected"),
    [
        ("a river, cut to a lake", 120, [60, 60]),
        ("[0-2s] a river [2-3s] a lake [3-5s] the sea", 120, [48, 24, 48]),
        ("[0-4s] a river [4-10s] a lake", 120, [48, 72]),
        ("[0-2s] a river [2-4s] a lake", 120, [48, 72]),
        ("Shot 1 (1s): a river. Shot 2 (4s): a lake", 120, [24, 96]),
        ("Shot 1 (1s): a river. Shot 2: a lake. Shot 3: the sea", 120, [24, 48, 48]),
        ("[0-0.1s] a river [0.1-5s] a lake", 120, [16, 104]),
    ],
)
def test_lengths_are_as_told_and_fill_the_film(prompt: str, frames: int, expected: list[int]) -> None:
    assert [cut.frames for cut in words.storyboard(prompt, frames=frames, fps=FPS)] == expected


def test_joins_are_as_told() -> None:
    told = "a river. Cut to a lake. Dissolve to the sea. Fade to black. Then a desert, fades to black"
    cuts = words.storyboard(told, frames=240, fps=FPS)
    assert [(cut.join, cut.leaves) for cut in cuts] == [
        ("cut", False), ("cut", False), ("dissolve", True), ("fade", True),
    ]  # fmt: skip


def test_a_transition_from_one_to_another_is_a_dissolve() -> None:
    told = "A cinematic transition from sunrise over the ocean to a glowing night skyline"
    cuts = words.storyboard(told, frames=120, fps=FPS)
    assert [(cut.join, cut.shot.time, cut.shot.place) for cut in cuts] == [
        ("cut", "sunrise", "ocean"), ("dissolve", "night", "city"),
    ]  # fmt: skip
    assert all(cut.shot.style == "cinematic" for cut in cuts)


def test_what_a_shot_does_not_say_is_as_before() -> None:
    first, second, third = shots(
        "Anime. Shot 1: an autumn forest in rain, pan left. Shot 2: zoom in. Shot 3: a desert at night"
    )
    assert (second.place, second.season, second.weather, second.site) == (first.place, "autumn", "rain", first.site)
    assert (first.move, second.move, third.move) == ("pan", "zoom", "flight")
    assert (third.place, third.time) == ("desert", "night")
    assert {shot.style for shot in (first, second, third)} == {"anime"}


def test_there_are_never_more_shots_than_there_is_room_for() -> None:
    told = " ".join(f"Shot {number}: a river." for number in range(1, 60))
    assert len(words.storyboard(told, frames=96, fps=FPS)) == 6
    assert len(words.storyboard(told, frames=360, fps=FPS)) == words.SHOTS_MAX
    assert len(words.storyboard(told, frames=2, fps=FPS)) == 1


MARKS = ["Shot 1:", "[0-3s]", "[3-1s]", "then", "cut to", "fade to black", "镜头一", "没有", "no", "a river",
         "0:99-0:12", "without", ",", "or"]  # fmt: skip


@settings(max_examples=150, deadline=None)
@given(st.lists(st.one_of(st.text(max_size=30), st.sampled_from(MARKS)), max_size=20), st.integers(2, 360))
def test_any_text_is_a_film_of_exactly_its_frames(parts: list[str], frames: int) -> None:
    prompt = " ".join(parts)
    cuts = words.storyboard(prompt, frames=frames, fps=FPS)
    assert sum(cut.frames for cut in cuts) == frames
    assert all(cut.frames > 0 for cut in cuts)
    assert cuts == words.storyboard(prompt, frames=frames, fps=FPS)
    assert words.read(prompt) == words.read(prompt)
    json.dumps([cut.plan(FPS) for cut in cuts])


@pytest.mark.parametrize(
    "prompt",
    [
        "shot 1: " * 5000, "[0-1s] " * 5000, "then " * 9000, "a" * 100_000, "没" * 50_000, "1:1-" * 9000,
        "transition from " * 3000, "pan slowly " * 5000, "(" * 20_000, "镜头一" * 9000,
    ],
)  # fmt: skip
def test_no_text_takes_long(prompt: str) -> None:
    """Work grows with the length of the prompt alone: the longest end well inside the test's time limit."""
    assert sum(cut.frames for cut in words.storyboard(prompt, frames=120, fps=FPS)) == 120


# The lexicon itself


def test_every_entry_is_found_as_it_is_written() -> None:
    table = tomllib.loads((Path(lexicon.__file__).parent / "lexicon.toml").read_text("utf-8"))
    book = lexicon.load()
    lost = []
    for language, groups in table.items():
        for name, values in groups.items():
            for value, listed in values.items():
                for entry in (part.strip(" =\n") for part in listed.split(",")):
                    if language == "zh":
                        found = (name, value) in book.han.get(tongue.fold(entry), ())
                    else:
                        said = tongue.tokens(entry.replace("*", ""), 20)
                        match = book.find(said, 0, (language,))
                        found = match is not None and match.length == len(said) and (name, value) in match.senses
                    if not found:
                        lost.append((language, name, value, entry))
    assert lost == []


def test_the_lexicon_is_a_few_hundred_words_a_language() -> None:
    table = tomllib.loads((Path(lexicon.__file__).parent / "lexicon.toml").read_text("utf-8"))
    sizes = {
        language: len(
            {word.strip() for values in groups.values() for listed in values.values() for word in listed.split(",")}
        )
        for language, groups in table.items()
    }
    assert sizes["en"] > 1200
    assert min(sizes.values()) > 300


def test_order_of_words_does_not_hide_the_longest_entry() -> None:
    for earlier, later in pairwise(("drone shot", "time lapse", "oil painting", "black and white", "bird's eye view")):
        assert set(words.read(f"{earlier}, {later}").known) == {earlier, later}
