"""Resampling and cutting in one pass over chunks, such that a cut equals the same cut of the whole result."""

from __future__ import annotations

import math
from collections.abc import Iterator
from typing import Any

import numpy as np

from auricle.audio.types import Samples

# The response of soxr HQ is over (below 1e-7) after about 100 samples of the lower rate; twice that is decoded around a cut.
_CONTEXT_SAMPLES = 256


class Pipeline:
    """Feed chunks ``[n, channels]`` from frame ``first_in`` on to :meth:`push`, then call :meth:`finish` once.

    rate:   of the input, Hz; ``to_rate`` of the output (None: the same).
    start, end: seconds to keep; the output is that of the whole input, cut at ``round(start * to_rate)`` and ``round(end * to_rate)``.
    """

    def __init__(self, rate: int, channels: int, to_rate: int | None, start: float, end: float | None) -> None:
        self.rate = to_rate or rate
        self.channels = channels
        self.first_out = round(start * self.rate)
        self.first_in, self._skip = self.first_out, 0
        self._keep = None if end is None else max(0, round(end * self.rate) - self.first_out)
        self._feed = self._keep
        self._fed = self._given = 0
        self._last: Samples | None = None
        self._stream: Any = None
        if self.rate != rate:
            self._align(rate)
            import soxr

            self._stream = soxr.ResampleStream(rate, self.rate, self.channels, dtype="float32", quality="HQ")

    def _align(self, rate: int) -> None:
        """Begin at an input frame that falls on the output's grid, early enough for the filter; feed as much beyond the end."""
        grid = math.gcd(rate, self.rate)
        context = _CONTEXT_SAMPLES / min(rate, self.rate)
        begin = max(0, math.floor((self.first_out / self.rate - context) * grid))
        self.first_in = begin * (rate // grid)
        self._skip = self.first_out - begin * (self.rate // grid)
        if self._keep is not None:
            self._feed = math.ceil(((self.first_out + self._keep) / self.rate + context) * rate) - self.first_in

    @property
    def done(self) -> bool:
        """No further input can change the output."""
        return self._feed is not None and self._fed >= self._feed

    @property
    def given(self) -> int:
        """Output frames so far."""
        return self._given

    def wanted(self, chunk: Samples) -> Samples:
        """``chunk`` without what lies beyond the end; what nobody asked for is neither checked nor counted."""
        return chunk if self._feed is None else chunk[: max(0, self._feed - self._fed)]

    def push(self, chunk: Samples) -> Samples:
        """The output ``[m, channels]`` that is ready; m may be 0."""
        chunk = self.wanted(chunk)
        self._fed += chunk.shape[0]
        if self._stream is None:
            return self._cut(chunk)
        if len(chunk) == 0:
            return np.empty((0, self.channels), np.float32)
        self._last = chunk[-1:]
        return self._cut(self._stream.resample_chunk(np.ascontiguousarray(chunk, np.float32)))

    def finish(self) -> Samples:
        """The rest, after the last chunk. Sound too short to give one output sample gives one all the same."""
        if self._stream is None or self._last is None:
            return np.empty((0, self.channels), np.float32)
        rest = self._cut(self._stream.resample_chunk(np.empty((0, self.channels), np.float32), last=True))
        if self._given == 0 and self.first_in == 0 and self._fed and self._skip == 0 and self._keep != 0:
            self._given = 1
            return np.array(self._last, np.float32)
        return rest

    def _cut(self, out: Samples) -> Samples:
        if self._skip:
            dropped = min(self._skip, out.shape[0])
            self._skip -= dropped
            out = out[dropped:]
        if self._keep is not None:
            out = out[: self._keep - self._given]
        self._given += out.shape[0]
        return out


def mixdown(chunk: Samples) -> Samples:
    """The mean of the channels, ``[n, 1]``; the same sums in the same order as :meth:`Audio.mono`."""
    channels = chunk.shape[1]
    if channels == 1:
        return chunk
    total = chunk[:, 0] + chunk[:, 1]
    for c in range(2, channels):
        total += chunk[:, c]
    total /= np.float32(channels)
    return total[:, None]


def chunked(samples: Samples, first: int, frames: int = 1 << 18) -> Iterator[Samples]:
    """``samples`` ``[channels, n]`` from frame ``first`` on, as chunks ``[frames, channels]``."""
    for at in range(first, samples.shape[1], frames):
        yield samples[:, at : at + frames].T
