"""The gate: limits checked on what a decoder really gives, and on what a header says before anything is allocated for it."""

from __future__ import annotations

import math

import numpy as np

from auricle.audio._problems import audio_error, clock
from auricle.audio.types import Limits, Samples


class Gate:
    """Counts one decoding. Every check raises :class:`auricle.errors.AudioError`."""

    def __init__(self, source: str, limits: Limits, file_bytes: int) -> None:
        self.source = source
        self.limits = limits
        self.file_bytes = max(1, file_bytes)
        self.frames = 0
        self._rate = 1
        self._channels = 1

    def check_bytes(self) -> None:
        if self.file_bytes > self.limits.bytes:
            text = f"is {self.file_bytes / 1e6:,.0f} MB, more than the {self.limits.bytes / 1e6:,.0f} MB let in."
            raise audio_error("TooLarge", self.source, text)

    def check_shape(self, rate: int, channels: int) -> None:
        """Rate in Hz and channel count as the decoder states them."""
        limits = self.limits
        if channels < 1 or rate <= 0:
            raise audio_error("Unsupported", self.source, f"claims {channels} channels at {rate} Hz.")
        if channels > limits.channels:
            raise audio_error("Unsupported", self.source, f"claims {channels} channels, more than the {limits.channels} let in.")
        if not limits.min_rate <= rate <= limits.max_rate:
            text = f"claims a rate of {rate} Hz, outside {limits.min_rate}–{limits.max_rate} Hz."
            raise audio_error("Unsupported", self.source, text)
        self._rate, self._channels = rate, channels

    def count(self, chunk: Samples) -> None:
        """Admit ``chunk`` ``[n, channels]`` to what was decoded so far."""
        limits = self.limits
        self.frames += chunk.shape[0]
        if self.frames > limits.seconds * self._rate:
            raise audio_error("TooLarge", self.source, f"is longer than the {clock(limits.seconds)} let in.")
        decoded = self.frames * self._channels * 4
        if decoded > limits.decoded_bytes:
            text = f"decodes to more than the {limits.decoded_bytes / 1e6:,.0f} MB let in."
            raise audio_error("TooLarge", self.source, text)
        if decoded > limits.expansion_floor and decoded > limits.expansion * self.file_bytes:
            text = f"expands more than {limits.expansion:,.0f} times when decoded, as no recording does."
            raise audio_error("TooLarge", self.source, text, "Cut the digital silence out of it and save it again.")


def check_finite(source: str, samples: Samples, first: int, rate: int) -> None:
    """Raise NonFinite where ``samples`` (any shape, time first) hold NaN or infinity. ``first``: index of their first frame."""
    with np.errstate(all="ignore"):
        total = float(samples.sum(dtype=np.float32))
    if math.isfinite(total):  # a NaN or an infinity anywhere would show in the sum; an overflow of it is looked at closely
        return
    bad = ~np.isfinite(samples)
    if bad.any():
        at = first + int(bad.reshape(bad.shape[0], -1).any(axis=1).argmax())
        raise audio_error("NonFinite", source, f"holds samples that are NaN or infinite, the first at {clock(at / rate)}.")
