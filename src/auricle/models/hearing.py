"""What a language model hears of a recording: a tower's frames before normalisation, and the course of loudness inside each."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

from auricle.audio.features import Float32
from auricle.audio.types import Audio
from auricle.errors import AudioError, ModelError
from auricle.models.streaming import mono
from auricle.models.two_towers import FrameTowers

STEPS, BANDS = 12, 4  # a patch's log-mel, averaged: what tells one knock from three


@dataclass(frozen=True, slots=True, eq=False)
class FrameSequence:
    """vectors: float32 ``[n, d]``, as the audio graph gives them. envelopes: ``[n, STEPS · BANDS]``. starts: seconds ``[n]``."""

    vectors: Float32
    envelopes: Float32
    starts: npt.NDArray[np.float64]


def hear(tower: FrameTowers, audio: Audio) -> FrameSequence:
    """One sound, heard once. Raises AudioError ``Empty`` or ``NonFinite``."""
    samples = mono(audio.mono().at(tower.rate))
    if not samples.shape[0]:
        raise AudioError("Empty", audio.source, f"{audio.source}: no sound to hear.")
    vectors, envelopes, starts = [], [], []
    for cuts, patches, raw in tower.patches(samples):
        if patches.ndim != 4 or patches.shape[2] % STEPS or patches.shape[3] % BANDS:
            raise ModelError("Unsupported", f"{tower.name} hears no log-mel patches that split into {STEPS} × {BANDS}.")
        vectors.append(raw)
        envelopes.append(envelope(patches))
        starts += [start / tower.rate for start, _ in cuts]
    return FrameSequence(np.concatenate(vectors), np.concatenate(envelopes), np.asarray(starts))


def envelope(patches: Float32) -> Float32:
    """``[n, 1, frames, mels]`` → ``[n, STEPS · BANDS]``."""
    n, _, frames, mels = patches.shape
    cells = patches.reshape(n, STEPS, frames // STEPS, BANDS, mels // BANDS).mean((2, 4))
    return np.ascontiguousarray(cells.reshape(n, -1), dtype=np.float32)
