"""Renders the three films of the console's front page: `python -m bench.front_page`, into the static files.

Each is an exhibit of the gallery at 640 × 360, encoded anew for the wire (H.264, no sound), with its first frame as
the poster that stands until somebody points at it.
"""

from __future__ import annotations

import tempfile
from dataclasses import replace
from pathlib import Path

import av
from PIL import Image

from bench.gallery import EXHIBITS, film

FOLDER = Path(__file__).parent.parent / "src" / "seedbed" / "web" / "static" / "films"
SHOWN = ("balloons", "city", "canyon")
WIDTH, HEIGHT = 640, 360


def main() -> None:
    FOLDER.mkdir(exist_ok=True)
    for exhibit in EXHIBITS:
        if exhibit.name not in SHOWN:
            continue
        with tempfile.TemporaryDirectory() as scratch:
            video = film(replace(exhibit, width=WIDTH * 2, height=HEIGHT * 2), Path(scratch))
            encode(video, FOLDER / f"{exhibit.name}.mp4")
        print(f"{exhibit.name:12} {(FOLDER / f'{exhibit.name}.mp4').stat().st_size / 1000:6.0f} kB", flush=True)


def encode(video: Path, target: Path) -> None:
    """Writes `video` small, and its first frame beside it as a WebP of the same name."""
    with av.open(str(video)) as source, av.open(str(target), "w", options={"movflags": "+faststart"}) as sink:
        stream = sink.add_stream("libx264", rate=source.streams.video[0].average_rate)
        stream.width, stream.height, stream.pix_fmt = WIDTH, HEIGHT, "yuv420p"
        stream.options = {"crf": "30", "preset": "veryslow", "tune": "film"}
        for index, frame in enumerate(source.decode(video=0)):
            small = frame.reformat(WIDTH, HEIGHT, "yuv420p", interpolation="LANCZOS")
            if index == 0:
                poster = Image.fromarray(small.to_ndarray(format="rgb24"))
                poster.save(target.with_suffix(".webp"), quality=72, method=6)
            sink.mux(stream.encode(small))
        sink.mux(stream.encode())


if __name__ == "__main__":
    main()
