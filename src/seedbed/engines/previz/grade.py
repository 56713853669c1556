"""Kernels from linear light to the encoder's planes: bloom, film curve, grain, BT.709 in limited range.

Works on rows of one finished frame. Grain doubles as dither: eight bits of a soft sky would show as bands.
Every number that a style may change is in a `Bath`; `finish` mixes it.
"""

from __future__ import annotations

import math
from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

from seedbed.engines.previz.jit import kernel

Floats = NDArray[np.float32]
Bytes = NDArray[np.uint8]
Planes = tuple[Bytes, Bytes, Bytes]
"""Luma, blue and red difference of one 4:2:0 frame."""

f32 = np.float32

CURVE = 4096
"""Entries of the film curve, over the square root of linear light 0 … 4."""
GRAIN = 256
"""Side of the grain tile in pixels."""
MARGIN = 16
"""Pixels that a lens or a gate may move a picture, at most."""


class Bath(NamedTuple):
    """What a frame is developed in.

    `curve` (3, CURVE) is the film curve, `grain` a tile of it, `strength` its luma's and `stain` its chroma's
    amplitude in code values. `mix` (3, 3) mixes the channels of linear light; where it is empty, `saturation` alone
    does. `bloom` (3) is how much of its glow each channel gets. `vignette` is the share of light that the middle of
    an edge loses. `scale` (3) is how many times larger than the frame the lens draws each channel.
    """

    curve: Floats
    grain: Floats
    strength: float
    stain: float
    mix: Floats
    saturation: float
    bloom: Floats
    vignette: float
    scale: Floats


class Gate(NamedTuple):
    """What changes with the frame: the grain's number, the lamp's brightness, where the film stands, in pixels."""

    shift: int
    lamp: float
    right: float
    down: float


def film_curve(exposure: float, warm: float, gains: tuple[float, float, float] = (1.0, 1.0, 1.0)) -> Floats:
    """(3, CURVE) tables from the square root of light to a display value 0 … 1, with a toe and a long shoulder.

    `warm` leans the lights towards amber and the shadows towards teal; 0 is neutral. `gains` balance the white.
    """
    x = (np.linspace(0.0, 2.0, CURVE) ** 2) * exposure * np.array(gains)[:, None]
    mapped = np.clip((x * (2.51 * x + 0.03)) / (x * (2.43 * x + 0.59) + 0.14), 0.0, 1.0)
    display = np.where(mapped <= 0.0031308, mapped * 12.92, 1.055 * mapped ** (1 / 2.4) - 0.055)
    lean = (display - 0.45) * warm
    table = display + lean * np.array([[0.050], [0.012], [-0.060]])
    return np.ascontiguousarray(np.clip(table * 0.985 + 0.012, 0.0, 1.0), dtype=np.float32)


def grain_tile(seed: int, size: float = 0.0) -> Floats:
    """Zero-mean noise without low frequencies, one unit of standard deviation; `size` in pixels makes it coarser."""
    noise = np.random.default_rng(seed).standard_normal((GRAIN, GRAIN))
    if size > 0.0:
        wave = np.fft.fftfreq(GRAIN)
        soft = np.exp(-2.0 * (np.pi * size) ** 2 * (wave[:, None] ** 2 + wave[None, :] ** 2))
        noise = np.real(np.fft.ifft2(np.fft.fft2(noise) * soft * (1.0 - soft**4)))
        return np.ascontiguousarray(noise / noise.std(), dtype=np.float32)
    near = (np.roll(noise, 1, 0) + np.roll(noise, -1, 0) + np.roll(noise, 1, 1) + np.roll(noise, -1, 1)) / 4
    fine = noise - 0.6 * near
    return np.ascontiguousarray(fine / fine.std(), dtype=np.float32)


@kernel
def shrink(light: Floats, width: int, height: int, block: int, knee: float, out: Floats) -> None:
    """Means of block × block pixels of what is brighter than `knee`, into `out` (3, rows, columns)."""
    rows, columns = out.shape[1], out.shape[2]
    share, most, under, zero = f32(1.0 / (block * block)), f32(6.0), f32(knee), f32(0.0)
    # Rows are summed first, which goes many pixels at a time.
    sums = np.zeros(columns * block, np.float32)
    wide = min(width, columns * block)
    for c in range(3):
        for j in range(rows):
            sums[:] = zero
            for y in range(j * block, min((j + 1) * block, height)):
                row = light[c, y]
                for x in range(wide):
                    sums[x] += max(min(row[x], most) - under, zero)
            for i in range(columns):
                total = zero
                for x in range(i * block, (i + 1) * block):
                    total += sums[x]
                out[c, j, i] = total * share


@kernel
def _blur_rows(source: Floats, out: Floats, reach: int) -> None:
    """Blurs the rows of `source` (rows, columns) with a box of (2 * reach + 1) into `out`, turned: (columns, rows)."""
    rows, columns = source.shape
    share = np.float32(1.0 / (2 * reach + 1))
    for j in range(rows):
        total = source[j, 0] * np.float32(reach)
        for i in range(reach):
            total += source[j, min(i, columns - 1)]
        for i in range(columns):
            total += source[j, min(i + reach, columns - 1)]
            out[i, j] = max(total, np.float32(0.0)) * share
            total -= source[j, max(i - reach, 0)]


@kernel
def spread(small: Floats, spare: Floats, reach: int) -> None:
    """Blurs `small` (3, rows, columns) in place, twice with a box of (2 * reach + 1). `spare` is as large."""
    for c in range(3):
        turned = spare[c].reshape((small.shape[2], small.shape[1]))
        for _ in range(2):
            _blur_rows(small[c], turned, reach)
            _blur_rows(turned, small[c], reach)


@kernel
def _bloom_row(out: Floats, soft: Floats, block: int) -> None:
    """One row of glow (width), from its values `soft` (columns) in the middles of blocks."""
    width, columns = out.shape[0], soft.shape[0]
    share, half = f32(1.0 / block), f32(0.5)
    for x in range(min(block >> 1, width)):
        out[x] = soft[0]
    for i in range(columns - 1):
        begin = i * block + (block >> 1)
        here = out[begin : min(begin + block, width)]
        first, slope = soft[i], (soft[i + 1] - soft[i]) * share
        for k in range(here.shape[0]):
            here[k] = first + slope * (f32(k) + half)
    for x in range((columns - 1) * block + (block >> 1), width):
        out[x] = soft[columns - 1]


@kernel
def _expose(out: Floats, light: Floats, y: int, bloom: Floats, sides: Floats, shade: float, saturation: float) -> None:
    """Row `y` of light, with its bloom (3, width), as square roots on the scale of the film curve. `sides` (width) is
    what the lens leaves of it."""
    zero, more, lamp = f32(0.0), f32(saturation), f32(shade)
    red, green, blue, over = light[0, y], light[1, y], light[2, y], bloom[0]
    for x in range(out.shape[1]):
        part = lamp * sides[x]
        r, g, b = (red[x] + over[x]) * part, (green[x] + bloom[1, x]) * part, (blue[x] + bloom[2, x]) * part
        grey = r * f32(0.2126) + g * f32(0.7152) + b * f32(0.0722)
        out[0, x] = math.sqrt(max(grey + (r - grey) * more, zero))
        out[1, x] = math.sqrt(max(grey + (g - grey) * more, zero))
        out[2, x] = math.sqrt(max(grey + (b - grey) * more, zero))


@kernel
def _mix(out: Floats, light: Floats, y: int, bloom: Floats, sides: Floats, shade: float, mix: Floats) -> None:
    """As `_expose`, with the channels mixed by a matrix."""
    zero, lamp = f32(0.0), f32(shade)
    red, green, blue = light[0, y], light[1, y], light[2, y]
    rr, rg, rb = mix[0]
    gr, gg, gb = mix[1]
    br, bg, bb = mix[2]
    for x in range(out.shape[1]):
        part = lamp * sides[x]
        r, g, b = (red[x] + bloom[0, x]) * part, (green[x] + bloom[1, x]) * part, (blue[x] + bloom[2, x]) * part
        out[0, x] = math.sqrt(max(rr * r + rg * g + rb * b, zero))
        out[1, x] = math.sqrt(max(gr * r + gg * g + gb * b, zero))
        out[2, x] = math.sqrt(max(br * r + bg * g + bb * b, zero))


@kernel
def _project(
    out: Floats, light: Floats, line: Floats, height: int, y: int, scale: Floats, right: float, down: float
) -> None:
    """Row `y` of `light` into `out` (3, width), as a lens throws it that is shifted and draws each channel larger.

    `line` has room for a row and MARGIN pixels on each side; nothing moves farther than that.
    """
    width = out.shape[1]
    for c in range(3):
        step = 1.0 / scale[c]
        if step == 1.0 and right == 0.0 and down == 0.0:
            for x in range(width):
                out[c, x] = light[c, y, x]
            continue
        v = min(max((y + 0.5 - 0.5 * height) * step + 0.5 * height - 0.5 - down, 0.0), height - 1.0)
        j = int(v)
        part = f32(v - j)
        top, low = light[c, j], light[c, min(j + 1, height - 1)]
        middle = line[MARGIN : MARGIN + width]
        for x in range(width):
            middle[x] = top[x] + (low[x] - top[x]) * part
        for x in range(MARGIN):
            line[x], line[width + MARGIN + x] = line[MARGIN], line[width + MARGIN - 1]
        start, slant = (0.5 - 0.5 * width) * step + 0.5 * width - 0.5 - right, step - 1.0
        x = 0
        while x < width:
            # As long as the whole part of the way does not change, neighbours are neighbours.
            off = math.floor(start + x * slant)
            end = width
            if slant > 0.0:
                end = min(max(math.ceil((off + 1 - start) / slant), x + 1), width)
            elif slant < 0.0:
                end = min(max(math.floor((off - start) / slant) + 1, x + 1), width)
            first, gain = f32(start - off), f32(slant)
            at = off + MARGIN
            left, beside = line[at + x : at + end], line[at + x + 1 : at + end + 1]
            here = out[c, x:end]
            first += f32(x) * gain
            for k in range(here.shape[0]):
                here[k] = left[k] + (beside[k] - left[k]) * (first + f32(k) * gain)
            x = end


@kernel
def _print(row: Floats, curve: Floats) -> None:
    """Square roots of light into display values, by the film curve."""
    top, half, scale = f32(CURVE - 1.0), f32(0.5), f32((CURVE - 1) / 2.0)
    for c in range(3):
        values, table = row[c], curve[c]
        for x in range(values.shape[0]):
            # The table is finer than eight bits by far: its nearest entry will do.
            values[x] = table[np.uint32(min(values[x] * scale, top) + half)]


@kernel
def _luma(out: Bytes, row: Floats, grain: Floats, offset: int, strength: float) -> None:
    half, amount, one = f32(0.5), f32(strength), f32(1.0)
    x = 0
    while x < out.shape[0]:
        begin = (x + offset) & (GRAIN - 1)
        end = min(x + GRAIN - begin, out.shape[0])
        red, green, blue, specks = row[0, x:end], row[1, x:end], row[2, x:end], grain[begin:]
        here = out[x:end]
        for k in range(here.shape[0]):
            y = f32(0.2126) * red[k] + f32(0.7152) * green[k] + f32(0.0722) * blue[k]
            speck = specks[k] * amount * (one - half * y)
            here[k] = np.uint8(min(max(f32(16.5) + f32(219.0) * y + speck, f32(16.0)), f32(235.0)))
        x = end


@kernel
def _chroma(blue: Bytes, red: Bytes, upper: Floats, lower: Floats, grain: Floats, offset: int,
            stain: float) -> None:  # fmt: skip
    """Two rows of display values into one row of each colour difference."""
    half, low, high, middle, scale = f32(0.5), f32(16.0), f32(240.0), f32(128.5), f32(56.0)
    begin, columns = 0, blue.shape[0]
    while begin < columns:
        start = (begin + offset) & (GRAIN - 1)
        end = min(begin + GRAIN - start, columns)
        top_r, top_g, top_b = upper[0, 2 * begin :], upper[1, 2 * begin :], upper[2, 2 * begin :]
        low_r, low_g, low_b = lower[0, 2 * begin :], lower[1, 2 * begin :], lower[2, 2 * begin :]
        specks, blues, reds = grain[start:], blue[begin:end], red[begin:end]
        for k in range(blues.shape[0]):
            r = top_r[2 * k] + top_r[2 * k + 1] + low_r[2 * k] + low_r[2 * k + 1]
            g = top_g[2 * k] + top_g[2 * k + 1] + low_g[2 * k] + low_g[2 * k + 1]
            b = top_b[2 * k] + top_b[2 * k + 1] + low_b[2 * k] + low_b[2 * k + 1]
            u = f32(-0.114572) * r - f32(0.385428) * g + half * b
            v = half * r - f32(0.454153) * g - f32(0.045847) * b
            speck = specks[k] * f32(stain)
            blues[k] = np.uint8(min(max(middle + scale * u + speck, low), high))
            reds[k] = np.uint8(min(max(middle + scale * v - speck, low), high))
        begin = end


@kernel
def develop(
    light: Floats, small: Floats, block: int, bath: Bath, gate: Gate, luma: Bytes, blue: Bytes, red: Bytes
) -> None:
    """Fills the three planes of one 4:2:0 frame. `small` is the blurred glow."""
    height, width = luma.shape
    rows, columns = small.shape[1], small.shape[2]
    pair, spare = np.empty((2, 3, width), np.float32), np.empty((3, 1, width), np.float32)
    line = np.empty(width + 2 * MARGIN, np.float32)
    bloom, soft = np.zeros((3, width), np.float32), np.zeros(columns, np.float32)
    sides = np.empty(width, np.float32)
    for x in range(width):
        across = (x + 0.5) * 2.0 / width - 1.0
        sides[x] = 1.0 - bath.vignette * across * across
    offset = (gate.shift * 131) & (GRAIN - 1)
    mixed = bath.mix.shape[0] > 0
    moved = gate.right != 0.0 or gate.down != 0.0 or bath.scale[0] != bath.scale[2]
    for y in range(height):
        v = min(max((y + 0.5) / block - 0.5, 0.0), rows - 1.001)
        j = int(v)
        j1, part = min(j + 1, rows - 1), f32(v - j)
        for c in range(3):
            above, below, gain = small[c, j], small[c, j1], bath.bloom[c]
            for i in range(columns):
                soft[i] = (above[i] + (below[i] - above[i]) * part) * gain
            _bloom_row(bloom[c], soft, block)
        row, source, at = pair[y & 1], light, y
        if moved:
            source, at = spare, 0
            _project(spare[:, 0], light, line, height, y, bath.scale, gate.right, gate.down)
        down = (y + 0.5) * 2.0 / height - 1.0
        shade = (1.0 - bath.vignette * down * down) * gate.lamp
        if mixed:
            _mix(row, source, at, bloom, sides, shade, bath.mix)
        else:
            _expose(row, source, at, bloom, sides, shade, bath.saturation)
        _print(row, bath.curve)
        specks = bath.grain[(y + gate.shift * 57) & (GRAIN - 1)]
        _luma(luma[y], row, specks, offset, bath.strength)
        if y & 1:
            _chroma(blue[y >> 1], red[y >> 1], pair[0], pair[1], specks, offset + 91, bath.stain)


@kernel
def undevelop(luma: Bytes, blue: Bytes, red: Bytes, table: Floats, light: Floats) -> None:
    """Planes back into linear light (3, rows, columns), by a table over display values 0 … 1."""
    top, zero, half = f32(table.shape[0] - 1), f32(0.0), f32(0.5)
    for y in range(luma.shape[0]):
        for x in range(luma.shape[1]):
            value = (f32(luma[y, x]) - f32(16.0)) * f32(1.0 / 219.0)
            u = (f32(blue[y >> 1, x >> 1]) - f32(128.0)) * f32(1.0 / 224.0)
            v = (f32(red[y >> 1, x >> 1]) - f32(128.0)) * f32(1.0 / 224.0)
            r, b = value + f32(1.5748) * v, value + f32(1.8556) * u
            g = value - f32(0.187324) * u - f32(0.468124) * v
            light[0, y, x] = table[np.uint32(min(max(r, zero), f32(1.0)) * top + half)]
            light[1, y, x] = table[np.uint32(min(max(g, zero), f32(1.0)) * top + half)]
            light[2, y, x] = table[np.uint32(min(max(b, zero), f32(1.0)) * top + half)]
