"""Sound as a picture: time to the right, pitch upwards on the mel scale, brightness in decibels. In bounded memory for any duration."""

from __future__ import annotations

import math
import struct
import zlib
from collections.abc import Iterable
from dataclasses import dataclass
from functools import lru_cache

import numpy as np
import numpy.typing as npt

from auricle.audio.features import hann, hertz_to_mel, mel_to_hertz, project
from auricle.audio.types import Audio, Samples

Image = npt.NDArray[np.uint8]

AUDIBLE_HZ = 24_000.0
RANGE_DB = 80.0
FAINTEST_TOP_DB = -70.0  # of a full-scale sine; a picture whose loudest is below is dark, not noise blown up
_BATCH_FRAMES = 64  # memory that stays in the cache: four times as fast as 256
_LOUDEST_SHARE = 0.001  # of the picture may be brighter than its brightest colour: one click does not darken all the rest
# Magma (Nathaniel Smith and Stéfan van der Walt, CC0) at nine places; straight lines between them.
_MAGMA = "000004 1d1147 51127c 822681 b63679 e65164 fb8861 fec287 fcfdbf"


@dataclass(frozen=True, slots=True)
class Plan:
    """How seconds ``start`` to ``end`` of a sound at ``rate`` become ``width`` columns.

    n_fft: samples of one transform. frames: transforms a column, evenly spread over its time.
    lead:  seconds of sound around the stretch that the outermost transforms hear, where there are any.
    """

    rate: int
    start: float
    end: float
    width: int
    n_fft: int
    frames: int

    @property
    def lead(self) -> float:
        return self.n_fft / self.rate

    @property
    def step(self) -> float:
        """Samples from one transform to the next."""
        return (self.end - self.start) * self.rate / (self.width * self.frames)


def plan(rate: int, start: float, end: float, width: int) -> Plan:
    """Transforms of about 1/24 s; shorter, to a quarter of it, where the columns are.

    They overlap by half in short columns and lie side by side in longer ones.
    """
    column = (end - start) * rate / width
    longest = _power_of_two(rate / 24)
    n_fft = min(longest, max(longest // 4, _power_of_two(4 * column)))
    step = n_fft / 2 if column < 8 * n_fft else n_fft
    return Plan(rate, start, end, width, n_fft, max(1, round(column / step)))


def top_hz(rate: int, max_hz: float | None = None) -> float:
    """The frequency at the upper edge: half the rate, at most 24 kHz unless more is asked for."""
    return min(rate / 2, max_hz or AUDIBLE_HZ)


def spectrogram(blocks: Iterable[Audio], layout: Plan, height: int, max_hz: float | None = None) -> Image:
    """Consecutive mono blocks, each where its ``offset`` says, as uint8 ``[height, width]``; the top row is the highest.

    The rows are even on the mel scale (2595·log10(1 + f/700)) from 0 to :func:`top_hz`; 255 is the loudest, 0 is 80 dB below or silence.
    A column holds the mean of its time, in dB halfway to its maximum, so that what is short is seen from afar.
    """
    made = _Columns(layout, _bank(layout.rate, layout.n_fft, height, top_hz(layout.rate, max_hz)))
    for block in blocks:
        made.add(block.samples[0], round((block.offset - layout.start) * layout.rate))
    return _shaded(made.finish())


class _Columns:
    """Frame j is centred on sample (j + ½)·step from the start and belongs to column j // frames. Where no sound comes there is silence."""

    def __init__(self, layout: Plan, bank: Samples) -> None:
        self._layout, self._bank = layout, bank
        self._window = (hann(layout.n_fft) * (2.0 / hann(layout.n_fft).sum())).astype(np.float32)  # a full-scale sine: power 1
        self._power = np.zeros((layout.width, bank.shape[1]), np.float32)
        self._sum = np.zeros(bank.shape[0], np.float32)  # of the column that is not complete
        self._max = np.zeros(bank.shape[0], np.float32)
        self._frame = 0
        self._total = layout.width * layout.frames
        self._at = -layout.n_fft  # sample of the stretch at which the buffer begins
        self._parts: list[Samples] = []
        self._samples = 0

    def add(self, samples: Samples, at: int) -> None:
        gap = at - (self._at + self._samples)
        if gap < 0:
            samples = samples[-gap:]
        for missing in _pieces(max(0, gap), self._layout.rate * 30):
            self._push(np.zeros(missing, np.float32))
        self._push(samples)

    def finish(self) -> Samples:
        """Power in bands, float32 ``[width, height]``, after the last block."""
        end = math.ceil(self._total * self._layout.step) + self._layout.n_fft
        for missing in _pieces(max(0, end - (self._at + self._samples)), self._layout.rate * 30):
            self._push(np.zeros(missing, np.float32))
        return self._power

    def _push(self, samples: Samples) -> None:
        self._parts.append(samples)
        self._samples += len(samples)
        n_fft, step = self._layout.n_fft, self._layout.step
        # frames of which every sample is there: begins(j) + n_fft ≤ samples held
        ready = min(self._total, math.floor((self._at + self._samples - n_fft // 2) / step - 0.5) + 1)
        if ready - self._frame < min(_BATCH_FRAMES, self._total - self._frame) or ready <= self._frame:
            return
        sound = self._parts[0] if len(self._parts) == 1 else np.concatenate(self._parts)
        views = np.lib.stride_tricks.sliding_window_view(sound, n_fft)
        while self._frame < ready:
            frames = np.arange(self._frame, min(ready, self._frame + _BATCH_FRAMES))
            begins = np.floor((frames + 0.5) * step).astype(np.int64) - n_fft // 2 - self._at
            self._take(frames, views[begins])
            self._frame = int(frames[-1]) + 1
        keep = max(0, min(len(sound), math.floor((self._frame + 0.5) * step) - n_fft // 2 - self._at))
        self._at += keep
        self._parts, self._samples = [sound[keep:].copy()], len(sound) - keep

    def _take(self, frames: npt.NDArray[np.int64], cut: Samples) -> None:
        spectrum = np.fft.rfft(cut * self._window, axis=1)[:, : self._bank.shape[0]]
        power = (spectrum.real**2 + spectrum.imag**2).astype(np.float32, copy=False)
        per = self._layout.frames
        if per == 1:
            project(power, self._bank, self._power[frames[0] : frames[-1] + 1])
            return
        column = frames // per
        firsts = np.flatnonzero(np.diff(column, prepend=-1))
        sums, tops = np.add.reduceat(power, firsts), np.maximum.reduceat(power, firsts)
        sums[0] += self._sum
        np.maximum(tops[0], self._max, out=tops[0])
        done = len(firsts) if (frames[-1] + 1) % per == 0 else len(firsts) - 1
        if done:
            first = int(column[0])
            project(np.sqrt(sums[:done] / np.float32(per) * tops[:done]), self._bank, self._power[first : first + done])
        open_ = done < len(firsts)
        self._sum, self._max = (sums[-1], tops[-1]) if open_ else (np.zeros_like(self._sum), np.zeros_like(self._max))


@lru_cache(maxsize=4)
def _bank(rate: int, n_fft: int, height: int, max_hz: float) -> Samples:
    """Triangles, float32 ``[bins used, height]``, lowest first; none narrower than a bin, so that no row stays empty."""
    edges = mel_to_hertz(np.linspace(0.0, float(hertz_to_mel(np.array(max_hz), "htk")), height + 2), "htk")
    width = rate / n_fft
    centre = edges[1:-1]
    left, right = np.maximum(centre - edges[:-2], width), np.maximum(edges[2:] - centre, width)
    away = np.arange(n_fft // 2 + 1)[:, None] * width - centre
    weights = np.maximum(0.0, 1.0 - np.where(away < 0, -away / left, away / right))
    used = int(np.flatnonzero(weights.any(axis=1)).max()) + 1
    return np.ascontiguousarray(weights[:used] / weights.sum(axis=0), np.float32)


def _shaded(power: Samples) -> Image:
    decibel = 10.0 * np.log10(np.maximum(power, 1e-20))
    top = max(FAINTEST_TOP_DB, float(np.quantile(decibel, 1.0 - _LOUDEST_SHARE)))
    shade = np.clip((decibel - top) / RANGE_DB + 1.0, 0.0, 1.0) * 255.0
    return np.ascontiguousarray(np.round(shade).astype(np.uint8).T[::-1])


@lru_cache(maxsize=1)
def colours() -> Image:
    """The colour of each value, uint8 ``[256, 3]``: from black over violet and red to a light yellow, evenly brighter."""
    anchors = np.array([list(bytes.fromhex(each)) for each in _MAGMA.split()], np.float64)
    at = np.linspace(0, len(anchors) - 1, 256)
    table = np.stack([np.interp(at, np.arange(len(anchors)), anchors[:, channel]) for channel in range(3)], axis=1)
    made: Image = np.round(table).astype(np.uint8)
    made.flags.writeable = False
    return made


def png(image: Image) -> bytes:
    """uint8 ``[height, width]`` as a PNG with the palette :func:`colours` (one byte a point)."""
    height, width = image.shape
    rows = np.zeros((height, width + 1), np.uint8)  # each row begins with its filter: none
    rows[:, 1:] = image
    parts = (
        (b"IHDR", struct.pack(">IIBBBBB", width, height, 8, 3, 0, 0, 0)),
        (b"PLTE", colours().tobytes()),
        (b"IDAT", zlib.compress(rows.tobytes(), 6)),
        (b"IEND", b""),
    )
    chunks = (struct.pack(">I", len(data)) + name + data + struct.pack(">I", zlib.crc32(name + data)) for name, data in parts)
    return b"\x89PNG\r\n\x1a\n" + b"".join(chunks)


def _power_of_two(value: float) -> int:
    """The nearest on the logarithmic scale, at least 16."""
    return int(1 << max(4, round(math.log2(max(1.0, value)))))


def _pieces(total: int, size: int) -> Iterable[int]:
    for at in range(0, total, size):
        yield min(size, total - at)
