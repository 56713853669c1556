"""High dynamic range to standard: one table of colours for each way that HDR video writes light down.

Sources: SMPTE ST 2084 (PQ), ITU-R BT.2100 (HLG with its system gamma for 1,000 cd/m²), BT.2087 (primaries),
BT.2408 (reference white at 203 cd/m²), BT.1886 (the standard display). The table maps encoded BT.2020 RGB to
encoded BT.709 RGB: below half of reference white light stays as it is, above it is pressed together.
"""

from __future__ import annotations

import math
from pathlib import Path
from typing import Literal

Light = Literal["pq", "hlg"]

POINTS = 33
WHITE_NITS, PEAK_NITS = 203.0, 1000.0
KNEE = 0.5
"""The share of reference white up to which nothing changes."""
DISPLAY_GAMMA = 2.4

_TO_709 = ((1.6605, -0.5876, -0.0728), (-0.1246, 1.1329, -0.0083), (-0.0182, -0.1006, 1.1187))
_LUMA_2020 = (0.2627, 0.6780, 0.0593)


def light_of(transfer: int) -> Light | None:
    """Which HDR the transfer code of a stream (ITU-T H.273) means; None for standard range."""
    names: dict[int, Light] = {16: "pq", 18: "hlg"}
    return names.get(transfer)


def write(light: Light, folder: Path) -> str:
    """Write the table into `folder`, which must be the current one; gives its file's name."""
    name = f"{light}.cube"
    steps = [index / (POINTS - 1) for index in range(POINTS)]
    linear = {"pq": _from_pq, "hlg": _from_hlg}[light]
    rows = [
        " ".join(f"{value:.6f}" for value in _standard(linear(red, green, blue)))
        for blue in steps
        for green in steps
        for red in steps
    ]
    (folder / name).write_text(f"LUT_3D_SIZE {POINTS}\n" + "\n".join(rows) + "\n")
    return name


Colour = tuple[float, float, float]


def _from_pq(red: float, green: float, blue: float) -> Colour:
    """Light in units of reference white."""
    return _pq(red), _pq(green), _pq(blue)


def _pq(value: float) -> float:
    m1, m2, c1, c2, c3 = 0.1593017578125, 78.84375, 0.8359375, 18.8515625, 18.6875
    root = value ** (1 / m2)
    return float((max(root - c1, 0) / (c2 - c3 * root)) ** (1 / m1)) * 10_000 / WHITE_NITS


def _from_hlg(red: float, green: float, blue: float) -> Colour:
    scene = _hlg(red), _hlg(green), _hlg(blue)
    luma = sum(share * value for share, value in zip(_LUMA_2020, scene, strict=True))
    gain = PEAK_NITS / WHITE_NITS * luma**0.2 if luma else 0.0
    return scene[0] * gain, scene[1] * gain, scene[2] * gain


def _hlg(value: float) -> float:
    if value <= 0.5:
        return value * value / 3
    return (math.exp((value - 0.55991073) / 0.17883277) + 0.28466892) / 12


def _standard(light: Colour) -> Colour:
    """Pressed together by its strongest channel, so that hues stay; then the smaller gamut, then the display."""
    strongest = max(light)
    gain = _pressed(strongest) / strongest if strongest else 0.0
    red, green, blue = (value * gain for value in light)
    mixed = (row[0] * red + row[1] * green + row[2] * blue for row in _TO_709)
    encoded = tuple(min(max(value, 0.0), 1.0) ** (1 / DISPLAY_GAMMA) for value in mixed)
    return encoded[0], encoded[1], encoded[2]


def _pressed(value: float) -> float:
    """The knee: straight up to KNEE, then a curve that reaches 1 at the peak."""
    if value <= KNEE:
        return value
    room, peak = 1 - KNEE, PEAK_NITS / WHITE_NITS
    full = 1 - math.exp(-(peak - KNEE) / room)
    return KNEE + room * min(1.0, (1 - math.exp(-(value - KNEE) / room)) / full)
