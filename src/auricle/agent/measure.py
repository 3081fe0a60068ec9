"""What a file's samples say without a model: peak, loudness, silence, clipping."""

from __future__ import annotations

from collections.abc import Callable
from contextlib import closing
from typing import Any, cast

import numpy as np

from auricle import audio
from auricle.agent.results import Levels

FLOOR_DB = -120.0
SILENT_DB = -60.0
_FRAME = 0.05  # seconds


def levels(path: str, start: float, end: float, checkpoint: Callable[[], None]) -> Levels:
    """Levels of seconds ``start`` to ``end`` of a file. ``checkpoint`` is called between blocks, and may raise. Raises AudioError."""
    peak, power, samples, clipped, frames, silent = 0.0, 0.0, 0, 0, 0, 0
    first: float | None = None
    last: float | None = None
    at = start
    with closing(cast(Any, audio.blocks(path, start=start, end=end, seconds=10.0))) as blocks:
        for block in blocks:
            checkpoint()
            sound = block.samples
            size = np.abs(sound)
            peak = max(peak, float(size.max()))
            clipped += int((size >= 0.9999).sum())
            squares = np.square(sound, dtype=np.float64)
            power += float(squares.sum())
            samples += sound.size
            length = max(1, round(_FRAME * block.rate))
            begins = np.arange(0, sound.shape[1], length)
            mean = np.add.reduceat(squares.mean(axis=0), begins) / np.minimum(length, sound.shape[1] - begins)
            loud = np.flatnonzero(mean > 10 ** (SILENT_DB / 10))
            frames, silent = frames + len(begins), silent + len(begins) - len(loud)
            if len(loud):
                first = at + begins[loud[0]] / block.rate if first is None else first
                last = at + min(begins[loud[-1]] + length, sound.shape[1]) / block.rate
            at += block.duration
    return Levels(
        start=round(start, 3), end=round(at, 3), peak_db=_decibel(peak), loudness_db=_decibel((power / max(samples, 1)) ** 0.5),
        silent_fraction=round(silent / max(frames, 1), 4), clipped_samples=clipped,
        sound_starts=None if first is None else round(float(first), 3), sound_ends=None if last is None else round(float(last), 3),
    )  # fmt: skip


def _decibel(amplitude: float) -> float:
    return round(max(FLOOR_DB, 20 * float(np.log10(max(amplitude, 1e-12)))), 2)
