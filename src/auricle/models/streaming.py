"""Blocks of one recording as one stream of mono samples at a model's rate."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from typing import Any

import numpy as np

from auricle.audio.features import Float32
from auricle.audio.types import Audio
from auricle.errors import AudioError

PIECE = 1 << 20  # samples worked on at a time: a block of hours costs no more memory than its own


class SampleStream:
    """Iterates float32 ``[n]`` chunks, mono at ``rate``. ``offset`` (seconds, of the first block) is known after the first chunk.

    Blocks at another rate go through one stateful resampler, so that block borders leave no trace.
    Raises AudioError ``NonFinite`` on NaN or infinite samples, ``Unsupported`` where the rate changes between blocks.
    """

    def __init__(self, blocks: Iterable[Audio], rate: int) -> None:
        self._blocks = blocks
        self.rate = rate
        self.offset = 0.0

    def __iter__(self) -> Iterator[Float32]:
        resampler: Any = None
        source_rate = 0
        for block in self._blocks:
            if not source_rate:
                source_rate, self.offset = block.rate, block.offset
                resampler = _resampler(source_rate, self.rate)
            elif block.rate != source_rate:
                message = f"{block.source}: the rate changes from {source_rate} to {block.rate} Hz."
                raise AudioError("Unsupported", block.source, message)
            for at in range(0, block.samples.shape[1], PIECE):
                samples = _mono(block.samples[:, at : at + PIECE], block.source)
                if resampler is not None:
                    samples = resampler.resample_chunk(np.ascontiguousarray(samples))
                if samples.shape[0]:
                    yield samples
        if resampler is not None:
            rest = resampler.resample_chunk(np.zeros(0, dtype=np.float32), last=True)
            if rest.shape[0]:
                yield rest


def mono(audio: Audio) -> Float32:
    """float32 ``[n]``, the mean of the channels. Raises AudioError ``NonFinite``."""
    return _mono(audio.samples, audio.source)


def _mono(samples: Float32, source: str) -> Float32:
    if not np.isfinite(samples).all():
        raise AudioError("NonFinite", source, f"{source}: the sound holds NaN or infinite samples.")
    mixed: Float32 = samples[0] if samples.shape[0] == 1 else samples.mean(axis=0, dtype=np.float32)
    return mixed


def _resampler(source_rate: int, rate: int) -> Any:
    if source_rate == rate:
        return None
    import soxr

    return soxr.ResampleStream(source_rate, rate, 1, dtype="float32", quality="HQ")
