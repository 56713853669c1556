"""Six frames of a video on one sheet: `python bench/contact_sheet.py VIDEO OUT.png` (or OUT.jpg)."""

from __future__ import annotations

import sys
from pathlib import Path

import av
from PIL import Image, ImageDraw

ACROSS, DOWN = 3, 2
CELL_PX = 480
GAP_PX = 10
PAPER = (18, 18, 20)
RADIUS_PX = 8


def picked(video: Path) -> list[Image.Image]:
    """Frames at even times, the first and the last among them."""
    wanted = ACROSS * DOWN
    with av.open(str(video)) as box:
        count = sum(1 for _ in box.decode(video=0))
        numbers = [round(i * (count - 1) / (wanted - 1)) for i in range(wanted)]
        box.seek(0)
        found = {
            n: Image.fromarray(frame.to_ndarray(format="rgb24"))
            for n, frame in enumerate(box.decode(video=0))
            if n in numbers
        }
    return [found[number] for number in numbers]


def sheet(frames: list[Image.Image]) -> Image.Image:
    """The frames in rows, with rounded corners on dark paper."""
    width, height = CELL_PX, round(CELL_PX * frames[0].height / frames[0].width)
    page = Image.new("RGB", (ACROSS * width + (ACROSS + 1) * GAP_PX, DOWN * height + (DOWN + 1) * GAP_PX), PAPER)
    # The mask is drawn four times too large and shrunk: Pillow does not smooth the edges of what it draws.
    mask = Image.new("L", (width * 4, height * 4), 0)
    ImageDraw.Draw(mask).rounded_rectangle((0, 0, width * 4 - 1, height * 4 - 1), RADIUS_PX * 4, fill=255)
    mask = mask.resize((width, height), Image.Resampling.LANCZOS)
    for number, frame in enumerate(frames):
        row, column = divmod(number, ACROSS)
        corner = (GAP_PX + column * (width + GAP_PX), GAP_PX + row * (height + GAP_PX))
        page.paste(frame.resize((width, height), Image.Resampling.LANCZOS), corner, mask)
    return page


def main() -> None:
    if len(sys.argv) != 3:
        raise SystemExit(__doc__)
    video, out = Path(sys.argv[1]), Path(sys.argv[2])
    page = sheet(picked(video))
    if out.suffix.lower() in (".jpg", ".jpeg"):
        page.save(out, quality=86, optimize=True, progressive=True)
    else:
        page.save(out, optimize=True)
    print(f"{out}: {page.width}x{page.height}, {out.stat().st_size / 1000:.0f} kB")


if __name__ == "__main__":
    main()
