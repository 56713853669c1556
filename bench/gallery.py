"""Renders the gallery: `python -m bench.gallery [NAME …]`, into docs/gallery, with a page that shows it.

Twenty films of five seconds at 960 pixels' width, the first five from the prompts of the documents; each becomes a
sheet of six frames. The pictures, clips and sounds that some begin with are made here by code alone.
"""

from __future__ import annotations

import argparse
import asyncio
import tempfile
import time
from collections.abc import Callable
from dataclasses import dataclass, field, replace
from pathlib import Path

from bench import draw_portrait, draw_scenes, gallery_media
from bench.contact_sheet import picked, sheet
from seedbed.engines import InputMedia, Kind, Mode, RenderRequest, Role, previz

FOLDER = Path(__file__).parent.parent / "docs" / "gallery"
Maker = Callable[[Path], None]


@dataclass(frozen=True, slots=True)
class Exhibit:
    """One film. `media` are what makes each input, its kind and its role; `note` is said under the sheet."""

    name: str
    prompt: str
    note: str
    seed: int = 1
    width: int = 960
    height: int = 540
    duration_s: int = 5
    media: tuple[tuple[str, Maker, Kind, Role], ...] = field(default=())


EXHIBITS = (
    Exhibit(
        "river", "A river flowing through an autumn forest, aerial view, cinematic motion", "From the documents.", 7
    ),
    Exhibit(
        "candles", "A young woman blows out birthday candles, warm indoor lighting, shallow depth of field",
        "From the documents; begins with a picture that the project draws.",
        media=(("portrait.jpg", draw_portrait.draw, "image", "first_frame"),),
    ),
    Exhibit(
        "skyline", "A cinematic transition from sunrise over the ocean to a glowing night skyline",
        "From the documents: a first and a last picture, both drawn by the project.",
        media=(
            ("sunrise.jpg", draw_scenes.draw_sunrise, "image", "first_frame"),
            ("skyline.jpg", draw_scenes.draw_skyline, "image", "last_frame"),
        ),
    ),
    Exhibit(
        "fashion", "A fashion film with energetic camera motion synced to the beat",
        "From the documents: a reference picture and a rhythm of 120 beats a minute.", 3,
        media=(
            ("look.jpg", gallery_media.draw_look, "image", "reference"),
            ("beat.wav", gallery_media.play_beat, "audio", "reference"),
        ),
    ),
    Exhibit("train", "A cinematic shot of a glass train crossing a snowy mountain bridge", "From the documents.", 2),
    Exhibit("balloons", "Hot air balloons drift over a meadow at sunrise, slow crane up", "", 4),
    Exhibit("yacht", "A sailboat on the open ocean at sunset, tracking shot", "", 5),
    Exhibit("lighthouse", "A lighthouse on the coast in a thunderstorm, film noir", "", 3),
    Exhibit("aurora", "Northern lights over a frozen lake in the mountains at night, static camera, time lapse", "", 2),
    Exhibit("canyon", "A drone flies through a canyon at golden hour", "", 6),
    Exhibit("volcano", "A volcano erupts at night, glowing lava, slow zoom in", "", 3),
    Exhibit("city", "A city street at night in the rain, neon signs, cyberpunk, dolly forward", "", 8),
    Exhibit("reef", "A coral reef under water, fish swim by, slow dolly in", "", 4),
    Exhibit("orbit", "Planet Earth seen from space, orbit, cinematic", "", 5),
    Exhibit("supper", "A candlelit table in an old dining room at night, slow push in, vintage film", "", 9),
    Exhibit("horses", "A herd of horses gallops across the steppe, golden hour, tracking shot, slow motion", "", 3),
    Exhibit("village", "A wooden house in a winter forest, snow falls, watercolour", "", 5),
    Exhibit(
        "seasons",
        "Shot 1: a meadow in spring with wild flowers. Shot 2: dissolve to the meadow in summer. "
        "Shot 3: dissolve to autumn. Shot 4: dissolve to winter, snow",
        "Four shots that dissolve into one another.", 11, duration_s=8,
    ),
    Exhibit("anime", "A girl walks along the beach in summer, anime, tracking shot", "", 6),
    Exhibit(
        "edited", "Strictly edit the supplied source video: make it a snowy winter at sunset",
        "A source clip (made by the engine in summer), given back with the same timing in another season and light.", 1,
        media=(("clip.mp4", gallery_media.film_clip, "video", "reference"),),
    ),
)  # fmt: skip


def film(exhibit: Exhibit, scratch: Path) -> Path:
    """Renders one exhibit and returns its video."""
    media = []
    for name, make, kind, role in exhibit.media:
        path = scratch / name
        make(path)
        media.append(InputMedia(path=path, kind=kind, role=role))
    mode: Mode = "image_to_video" if media else "text_to_video"
    request = RenderRequest(
        prompt=exhibit.prompt, width=exhibit.width, height=exhibit.height, duration_s=exhibit.duration_s,
        seed=exhibit.seed, quality="standard", media=tuple(media), mode=mode,
    )  # fmt: skip
    folder = scratch / "film"
    folder.mkdir()
    return asyncio.run(previz.Previz().render(request, folder, lambda share: None)).video


def page(exhibits: tuple[Exhibit, ...]) -> str:
    """The gallery as a page of Markdown."""
    lines = [
        "# Gallery", "",
        "Films of the embedded engine, as `make gallery` renders them: on a laptop's processor, without weights and "
        "without a network. Six frames of each.", "",
    ]  # fmt: skip
    for exhibit in exhibits:
        lines += [f"## {exhibit.prompt}", "", f"![Six frames: {exhibit.prompt}](../gallery/{exhibit.name}.jpg)", ""]
        lines += [exhibit.note, ""] if exhibit.note else []
    return "\n".join(lines)


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("names", nargs="*", help="which exhibits to render again; all without any")
    parser.add_argument("--into", type=Path, default=FOLDER, help="the folder of the sheets")
    parser.add_argument("--half", action="store_true", help="at half the size, for a quick look")
    given = parser.parse_args()
    names, folder = given.names, given.into
    folder.mkdir(exist_ok=True)
    for exhibit in EXHIBITS:
        if names and exhibit.name not in names:
            continue
        with tempfile.TemporaryDirectory() as scratch:
            begun = time.perf_counter()
            shown = replace(exhibit, width=480, height=270) if given.half else exhibit
            video = film(shown, Path(scratch))
            sheet(picked(video)).save(folder / f"{exhibit.name}.jpg", quality=86, optimize=True)
            print(f"{exhibit.name:12} {time.perf_counter() - begun:6.1f} s  {exhibit.prompt[:80]}", flush=True)
    if folder == FOLDER:
        (FOLDER.parent / "en" / "gallery.md").write_text(page(EXHIBITS), "utf-8")


if __name__ == "__main__":
    main()
